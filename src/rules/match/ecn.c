/* SPDX-License-Identifier: BSD-2-Clause */
/* -m ecn: the marks of explicit congestion notification in the IP and TCP headers (RFC 3168, 5 and
 * 6; iptables reference, 3.5). */
#include "rules/match/header.h"

enum { E_ECE = 0, E_CWR, E_ECT };

enum { ECT_MASK = 0x3, TCP_ECE = 0x40, TCP_CWR = 0x80 };

struct ecn {
    uint8_t ect;
};

static const struct opt opts[] = {
    {"ecn-tcp-ece", E_ECE, OPT_FLAG, OPT_NOT},
    {"ecn-tcp-cwr", E_CWR, OPT_FLAG, OPT_NOT},
    {"ecn-ip-ect", E_ECT, OPT_U8, OPT_NOT, offsetof(struct ecn, ect), 0, ECT_MASK},
    {0},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    bool tcp = r->head.proto == PROTO_TCP && !(r->head.negated & NOT_PROTO);

    if (!x->seen)
        return rule_fail(r, "ECN match: some option required");
    if (!tcp && (ext_seen(x, E_ECE) || ext_seen(x, E_CWR)))
        return rule_fail(r, "ecn needs \"-p tcp\" in the same rule, not negated, for --ecn-tcp-ece "
                            "and --ecn-tcp-cwr");
    return true;
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ecn *c = ext_conf(x);

    (void)how;
    text_add(out, " ECN match");
    if (ext_seen(x, E_ECE))
        text_add(out, ext_negated(x, E_ECE) ? " !ECE" : " ECE");
    if (ext_seen(x, E_CWR))
        text_add(out, ext_negated(x, E_CWR) ? " !CWR" : " CWR");
    if (ext_seen(x, E_ECT))
        text_addf(out, " %sECT=%u", ext_negated(x, E_ECT) ? "!" : "", c->ect);
}

static bool flag_fits(const struct ext *x, unsigned id, bool flag)
{
    return !ext_seen(x, id) || flag != ext_negated(x, id);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct ecn *c = ext_conf(x);

    if (!flag_fits(x, E_ECT, (eval_tos(e) & ECT_MASK) == c->ect))
        return false;
    if (!ext_seen(x, E_ECE) && !ext_seen(x, E_CWR))
        return true;
    /* Unlike other matches it does not drop a packet that has too little of a header. */
    uint32_t at = header_l4_at(e);
    const uint8_t *l4 = e->p->ip.ip + at;

    return at + TCP_MIN <= e->p->ip.have && flag_fits(x, E_ECE, l4[TCP_FLAGS] & TCP_ECE) &&
           flag_fits(x, E_CWR, l4[TCP_FLAGS] & TCP_CWR);
}

const struct ext_type match_ecn = {
    .name = "ecn",
    .families = EXT_BOTH,
    .size = sizeof(struct ecn),
    .opts = opts,
    .check = check,
    .list = list,
    .match = match,
};
