/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * REJECT: drop the packet and tell its sender, by an ICMP error or a TCP RST (iptables reference,
 * 4.2).
 */
#include "packet/headers.h"
#include "packet/icmp_error.h"
#include "rules/answer.h"
#include "rules/parse.h"
#include "track/proto.h"

enum { REJECT_WITH = 0 };

/* Ways to reject, in the order in which the beginning of a name is looked for. */
struct way {
    const char *name, *alias;
    uint8_t type, code; /* ICMP; type 0: a RST */
};

static const struct way ways4[] = {
    {"icmp-net-unreachable", "net-unreach", ICMP_UNREACHABLE, 0},
    {"icmp-host-unreachable", "host-unreach", ICMP_UNREACHABLE, 1},
    {"icmp-proto-unreachable", "proto-unreach", ICMP_UNREACHABLE, 2},
    {"icmp-port-unreachable", "port-unreach", ICMP_UNREACHABLE, 3},
    {"icmp-net-prohibited", "net-prohib", ICMP_UNREACHABLE, 9},
    {"icmp-host-prohibited", "host-prohib", ICMP_UNREACHABLE, 10},
    {"tcp-reset", "tcp-rst", 0, 0},
    {"icmp-admin-prohibited", "admin-prohib", ICMP_UNREACHABLE, 13},
    {NULL, NULL, 0, 0},
};

static const struct way ways6[] = {
    {"icmp6-no-route", "no-route", ICMPV6_UNREACHABLE, 0},
    {"icmp6-adm-prohibited", "adm-prohibited", ICMPV6_UNREACHABLE, 1},
    {"icmp6-addr-unreachable", "addr-unreach", ICMPV6_UNREACHABLE, 3},
    {"icmp6-port-unreachable", "port-unreach", ICMPV6_UNREACHABLE, 4},
    {"tcp-reset", "tcp-reset", 0, 0},
    {"icmp6-policy-fail", "policy-fail", ICMPV6_UNREACHABLE, 5},
    {"icmp6-reject-route", "reject-route", ICMPV6_UNREACHABLE, 6},
    {NULL, NULL, 0, 0},
};

struct reject {
    const struct way *way;
};

static const struct opt options[] = {
    {"reject-with", REJECT_WITH, OPT_OTHER},
    {NULL},
};

static const struct way *find(const struct way *ways, const char *name, size_t len)
{
    for (; ways->name; ways++)
        if (strncasecmp(ways->name, name, len) == 0 || strncasecmp(ways->alias, name, len) == 0)
            return ways;
    return NULL;
}

static const struct way *ways_of(uint8_t family)
{
    return family == 4 ? ways4 : ways6;
}

static void init(const struct rule_parse *r, struct ext *x)
{
    static const char port[] = "port-unreach";
    struct reject *reject = ext_data(x);

    reject->way = find(ways_of(r->family), port, sizeof(port) - 1);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct reject *reject = ext_data(x);
    size_t len = strlen(text);

    (void)o;
    reject->way = find(ways_of(r->family), text, len);
    if (reject->way)
        return true;
    rule_fail(r, "unknown reject type \"%s\"", text);
    if (strncasecmp("echo-reply", text, len) == 0)
        rule_hint(r, "--reject-with echo-reply no longer supported");
    return false;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct reject *reject = ext_conf(x);

    return reject->way->type || (r->head.proto == PROTO_TCP && !(r->head.negated & NOT_PROTO)) ||
           parse_error(r->parse, 1,
                       "REJECT: tcp-reset needs \"-p tcp\" in the same rule, not negated");
}

static void print(struct text *out, const struct ext *x)
{
    const struct reject *reject = ext_conf(x);

    text_addf(out, " --reject-with %s", reject->way->name);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct reject *reject = ext_conf(x);

    (void)how;
    text_addf(out, " reject-with %s", reject->way->name);
}

/*
 * Is the upper layer's checksum right? As Linux looks at it: protocols it knows nothing of must sum
 * to zero all the same, in IPv4 without and in IPv6 with a pseudo-header; but for those that have
 * their own sums, or none.
 */
static bool checksum_good(const struct eval *e)
{
    const struct pkt *p = e->p;
    const uint8_t *udp = parsed_l4(&p->ip, UDP_SIZE);

    if (p->raw->flags & WEIR_PKT_CSUM_OK)
        return true;
    switch (p->ip.proto) {
    case PROTO_GRE:
    case PROTO_ESP:
    case PROTO_AH:
    case PROTO_SCTP:
    case PROTO_UDPLITE: return true;
    case PROTO_UDP:
        if (udp && load_raw16(udp + UDP_CHECKSUM) == 0)
            return true;
        break;
    default: break;
    }
    bool pseudo = e->family == 6 || p->ip.proto == PROTO_TCP || p->ip.proto == PROTO_UDP;

    return proto_checksum_good(p, pseudo ? p->ip.proto : 0, parsed_l4_len(&p->ip));
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct reject *reject = ext_conf(x);
    const struct parsed *ip = &e->p->ip;

    e->reason = WEIR_R_REJECT;
    if (!ip->first || ip->proto_missing || (ip->family == 6 && !parsed_l4_len(ip)) ||
        !checksum_good(e))
        return RULES_DROP;
    if (reject->way->type)
        answer_icmp(e, eval_state(e, x), reject->way->type, reject->way->code, 0);
    else
        answer_reset(e);
    return RULES_DROP;
}

const struct ext_type target_reject = {
    .name = "REJECT",
    .families = EXT_BOTH,
    .tables = IN_FILTER,
    .hooks = ON_INPUT | ON_FORWARD | ON_OUTPUT,
    .size = sizeof(struct reject),
    .state_size = sizeof(struct answer),
    .opts = options,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = answer_bind,
    .unbind = answer_unbind,
    .target = run,
};
