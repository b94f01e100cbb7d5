/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ECN: congestion notification (RFC 3168), taken away or forced, IPv4 only (iptables reference,
 * 4.7). --ecn-tcp-remove is both TCP flags set to 0, and is printed for exactly that.
 *
 * Linux drops a packet with too little of a TCP header, and on a later fragment takes the payload
 * for a header and writes into it; weir leaves fragments alone.
 */
#include "packet/checksum.h"
#include "packet/headers.h"
#include "rules/parse.h"

enum { REMOVE = 0, ECE, CWR, ECT };
enum { TCP_ECE = 0x40, TCP_CWR = 0x80, ECT_MAX = 3 };

struct ecn {
    uint8_t ece, cwr, ect; /* as typed */
    uint8_t flags, mask;   /* of byte TCP_FLAGS */
};

static const struct opt options[] = {
    {"ecn-tcp-remove", REMOVE, OPT_FLAG, .against = OPT_BIT(ECE) | OPT_BIT(CWR)},
    {"ecn-tcp-ece", ECE, OPT_U8, .at = offsetof(struct ecn, ece), .max = 1,
     .against = OPT_BIT(REMOVE)},
    {"ecn-tcp-cwr", CWR, OPT_U8, .at = offsetof(struct ecn, cwr), .max = 1,
     .against = OPT_BIT(REMOVE)},
    {"ecn-ip-ect", ECT, OPT_U8, .at = offsetof(struct ecn, ect), .max = ECT_MAX},
    {NULL},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    struct ecn *c = ext_data(x);

    if (!x->seen)
        return rule_fail(r, "ECN target: An operation is required");
    if (ext_seen(x, REMOVE) || ext_seen(x, ECE))
        c->mask |= TCP_ECE;
    if (ext_seen(x, REMOVE) || ext_seen(x, CWR))
        c->mask |= TCP_CWR;
    c->flags = (uint8_t)((c->ece ? TCP_ECE : 0) | (c->cwr ? TCP_CWR : 0));
    if (c->mask && (r->head.proto != PROTO_TCP || r->head.negated & NOT_PROTO))
        return parse_error(r->parse, 1, "ECN needs \"-p tcp\" in the same rule, not negated");
    return true;
}

static bool removes(const struct ext *x)
{
    const struct ecn *c = ext_conf(x);

    return c->mask == (TCP_ECE | TCP_CWR) && !c->flags && !ext_seen(x, ECT);
}

static void print(struct text *out, const struct ext *x)
{
    const struct ecn *c = ext_conf(x);

    if (removes(x)) {
        text_add(out, " --ecn-tcp-remove");
        return;
    }
    if (c->mask & TCP_ECE)
        text_addf(out, " --ecn-tcp-ece %u", c->ece);
    if (c->mask & TCP_CWR)
        text_addf(out, " --ecn-tcp-cwr %u", c->cwr);
    if (ext_seen(x, ECT))
        text_addf(out, " --ecn-ip-ect %u", c->ect);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ecn *c = ext_conf(x);

    (void)how;
    text_add(out, " ECN");
    if (removes(x)) {
        text_add(out, " TCP remove");
        return;
    }
    if (c->mask & TCP_ECE)
        text_addf(out, " ECE=%u", c->ece);
    if (c->mask & TCP_CWR)
        text_addf(out, " CWR=%u", c->cwr);
    if (ext_seen(x, ECT))
        text_addf(out, " ECT codepoint=%u", c->ect);
}

static void set_flags(struct eval *e, uint8_t *tcp, uint8_t flags)
{
    uint16_t before = load_raw16(tcp + TCP_OFFSET); /* the word that the flags are in */

    if (flags == tcp[TCP_FLAGS])
        return;
    eval_touch(e, e->p->ip.l4_off + TCP_MIN);
    tcp[TCP_FLAGS] = flags;
    store_raw16(tcp + TCP_CHECKSUM, checksum_update(load_raw16(tcp + TCP_CHECKSUM), before,
                                                    load_raw16(tcp + TCP_OFFSET)));
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct ecn *c = ext_conf(x);
    uint8_t *tcp;

    if (ext_seen(x, ECT))
        eval_set_tos(e, (uint8_t)((eval_tos(e) & ~ECT_MAX) | c->ect));
    if (!c->mask || !e->p->ip.first)
        return RULES_CONTINUE;
    tcp = eval_l4(e, TCP_MIN);
    if (tcp) {
        set_flags(e, tcp, (uint8_t)((tcp[TCP_FLAGS] & ~c->mask) | c->flags));
    } else if (!e->p->ip.cut) {
        e->reason = WEIR_R_RULE_MALFORMED;
        return RULES_DROP;
    }
    return RULES_CONTINUE;
}

const struct ext_type target_ecn = {
    .name = "ECN",
    .families = EXT_IPV4,
    .tables = IN_MANGLE,
    .size = sizeof(struct ecn),
    .opts = options,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
