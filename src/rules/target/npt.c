/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNPT and DNPT: IPv6 prefix translation without state (RFC 6296; iptables reference, 4.7). SNPT
 * gives the source another prefix, DNPT the destination.
 *
 * Upper layers sum the address into their checksums. So the difference that the new prefix makes to
 * the sum is taken out of the address again: of its fourth word if the prefix leaves that alone,
 * else of the first word behind it that is not all ones. No checksum changes, and none need be
 * found. All ones cannot be told from zero in such a sum, so the word is never left that way.
 *
 * As Linux does it, an address is translated whether it has the old prefix or not; but in the
 * packet that an ICMPv6 error quotes, it must have it.
 */
#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/icmp_error.h"
#include "rules/answer.h"
#include "rules/match/hostmask.h"
#include "rules/parse.h"

enum { SRC_PFX = 0, DST_PFX };

enum { PREFIX_MAX = 64, SITE_MAX = 48, WORDS = 8, ALL_ONES = 0xffff };

struct npt {
    struct net_mask from, to;
    uint8_t len;     /* of the longer prefix: bits that are replaced */
    uint16_t adjust; /* what the new prefix adds too little to a sum; raw order */
};

static const struct opt options[] = {
    {"src-pfx", SRC_PFX, OPT_OTHER, OPT_MUST},
    {"dst-pfx", DST_PFX, OPT_OTHER, OPT_MUST},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct npt *n = ext_data(x);

    return hostmask_take(r, x, o, text, o->id == SRC_PFX ? &n->from : &n->to);
}

/* Length of a prefix of at most 64 bits with nothing behind it; -1: it is none. */
static int prefix_len(const struct net_mask *net)
{
    int len = hostmask_prefix(6, &net->mask);
    const union weir_addr *addr = &net->addr, *mask = &net->mask;

    return len <= PREFIX_MAX && !(addr->half[0] & ~mask->half[0] || addr->half[1] & ~mask->half[1])
               ? len
               : -1;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct npt *n = ext_data(x);
    int from = prefix_len(&n->from), to = prefix_len(&n->to);

    if (from < 0 || to < 0) {
        parse_error(r->parse, 1, "%s: a prefix has at most %d bits, and no bits behind them",
                    x->type->name, PREFIX_MAX);
        rule_hint(r, "for example 2001:db8:1::/48");
        return false;
    }
    n->len = (uint8_t)(from > to ? from : to);
    n->adjust = checksum_fold((uint64_t)checksum_fold(checksum_add(0, &n->from.addr, 16)) +
                              (uint16_t)~checksum_fold(checksum_add(0, &n->to.addr, 16)));
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct npt *n = ext_conf(x);

    hostmask_print(out, 6, o->id == SRC_PFX ? &n->from : &n->to);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct npt *n = ext_conf(x);

    (void)how;
    text_addf(out, " %s src-pfx", x->type->name);
    hostmask_print(out, 6, &n->from);
    text_add(out, " dst-pfx");
    hostmask_print(out, 6, &n->to);
}

/* The word that can take the difference; -1: none can. */
static int find_word(const struct npt *n, const uint8_t *addr)
{
    if (n->len <= SITE_MAX)
        return SITE_MAX / 16;
    for (int i = PREFIX_MAX / 16; i < WORDS; i++)
        if (load_raw16(addr + 2 * i) != ALL_ONES)
            return i;
    return -1;
}

/* False: the address has the new prefix, but its sum could not be kept. */
static bool translate(const struct npt *n, uint8_t *addr)
{
    for (int bit = 0; bit < n->len; bit += 8) {
        uint8_t mask = (uint8_t)(n->len - bit >= 8 ? 0xff : 0xff << (8 - (n->len - bit)));
        uint8_t *byte = addr + bit / 8;

        *byte = (uint8_t)((*byte & ~mask) | (n->to.addr.bytes[bit / 8] & mask));
    }
    int word = find_word(n, addr);

    if (word < 0)
        return false;
    uint16_t sum = checksum_fold((uint64_t)load_raw16(addr + 2 * word) + n->adjust);

    store_raw16(addr + 2 * word, sum == ALL_ONES ? 0 : sum);
    return true;
}

/* The error is about a packet that went the other way, so its other address was translated. */
static void translate_quote(struct eval *e, const struct npt *n, uint32_t inner_at)
{
    const struct parsed *ip = &e->p->ip;
    uint32_t quote = IP6_SIZE + ICMP_SIZE;
    union weir_addr addr;

    if (ip->ip[IP6_NEXT] != PROTO_ICMPV6 || ip->have < quote + IP6_SIZE)
        return;
    uint8_t type = ip->ip[IP6_SIZE + ICMP_TYPE];

    if (type < ICMPV6_UNREACHABLE || type > ICMPV6_PARAMETER)
        return;
    memcpy(&addr, ip->ip + quote + inner_at, sizeof(addr));
    if (!net_has(6, &n->from, &addr))
        return;
    eval_touch(e, quote + IP6_SIZE);
    (void)translate(n, ip->ip + quote + inner_at);
}

static enum rules_verdict run_at(struct eval *e, const struct ext *x, uint32_t at,
                                 uint32_t inner_at)
{
    const struct npt *n = ext_conf(x);

    eval_touch(e, IP6_SIZE);
    if (!translate(n, e->p->ip.ip + at)) {
        answer_icmp(e, eval_state(e, x), ICMPV6_PARAMETER, 0, at);
        return RULES_DROP;
    }
    translate_quote(e, n, inner_at);
    return RULES_CONTINUE;
}

static enum rules_verdict run_snpt(struct eval *e, const struct ext *x)
{
    return run_at(e, x, IP6_SRC, IP6_DST);
}

static enum rules_verdict run_dnpt(struct eval *e, const struct ext *x)
{
    return run_at(e, x, IP6_DST, IP6_SRC);
}

#define NPT(its_name, its_hooks, its_target)                                                 \
    {                                                                                        \
        .name = (its_name), .families = EXT_IPV6, .tables = IN_MANGLE, .hooks = (its_hooks), \
        .size = sizeof(struct npt), .state_size = sizeof(struct answer), .opts = options,    \
        .take = take, .check = check, .show = show, .list = list, .bind = answer_bind,       \
        .unbind = answer_unbind, .target = (its_target),                                     \
    }

const struct ext_type target_snpt = NPT("SNPT", ON_INPUT | ON_POSTROUTING, run_snpt);
const struct ext_type target_dnpt = NPT("DNPT", ON_PREROUTING | ON_OUTPUT, run_dnpt);
