/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m icmp and -m icmp6: type and code (iptables reference, 3.1).
 *
 * Types have names, which may be cut short, and are saved as numbers. Type 255 of IPv4 stands for
 * all of them; of IPv6 it is a type like the others.
 */
#include "rules/match/header.h"

enum { I_TYPE = 0 };

enum { ICMP_ANY = 255, CODE_MAX = 255 };

/* A type with the codes from `min` to `max`. */
struct icmp {
    uint8_t type, min, max;
};

struct icmp_name {
    const char *name;
    struct icmp is;
};

/* In the order in which ambiguous names are told; of two for the same, the first is shown. */
static const struct icmp_name names4[] = {
    {"any", {ICMP_ANY, 0, CODE_MAX}},
    {"echo-reply", {0, 0, CODE_MAX}},
    {"pong", {0, 0, CODE_MAX}},
    {"destination-unreachable", {3, 0, CODE_MAX}},
    {"network-unreachable", {3, 0, 0}},
    {"host-unreachable", {3, 1, 1}},
    {"protocol-unreachable", {3, 2, 2}},
    {"port-unreachable", {3, 3, 3}},
    {"fragmentation-needed", {3, 4, 4}},
    {"source-route-failed", {3, 5, 5}},
    {"network-unknown", {3, 6, 6}},
    {"host-unknown", {3, 7, 7}},
    {"network-prohibited", {3, 9, 9}},
    {"host-prohibited", {3, 10, 10}},
    {"TOS-network-unreachable", {3, 11, 11}},
    {"TOS-host-unreachable", {3, 12, 12}},
    {"communication-prohibited", {3, 13, 13}},
    {"host-precedence-violation", {3, 14, 14}},
    {"precedence-cutoff", {3, 15, 15}},
    {"source-quench", {4, 0, CODE_MAX}},
    {"redirect", {5, 0, CODE_MAX}},
    {"network-redirect", {5, 0, 0}},
    {"host-redirect", {5, 1, 1}},
    {"TOS-network-redirect", {5, 2, 2}},
    {"TOS-host-redirect", {5, 3, 3}},
    {"echo-request", {8, 0, CODE_MAX}},
    {"ping", {8, 0, CODE_MAX}},
    {"router-advertisement", {9, 0, CODE_MAX}},
    {"router-solicitation", {10, 0, CODE_MAX}},
    {"time-exceeded", {11, 0, CODE_MAX}},
    {"ttl-exceeded", {11, 0, CODE_MAX}},
    {"ttl-zero-during-transit", {11, 0, 0}},
    {"ttl-zero-during-reassembly", {11, 1, 1}},
    {"parameter-problem", {12, 0, CODE_MAX}},
    {"ip-header-bad", {12, 0, 0}},
    {"required-option-missing", {12, 1, 1}},
    {"timestamp-request", {13, 0, CODE_MAX}},
    {"timestamp-reply", {14, 0, CODE_MAX}},
    {"address-mask-request", {17, 0, CODE_MAX}},
    {"address-mask-reply", {18, 0, CODE_MAX}},
    {0},
};

static const struct icmp_name names6[] = {
    {"destination-unreachable", {1, 0, CODE_MAX}},
    {"no-route", {1, 0, 0}},
    {"communication-prohibited", {1, 1, 1}},
    {"beyond-scope", {1, 2, 2}},
    {"address-unreachable", {1, 3, 3}},
    {"port-unreachable", {1, 4, 4}},
    {"failed-policy", {1, 5, 5}},
    {"reject-route", {1, 6, 6}},
    {"packet-too-big", {2, 0, CODE_MAX}},
    {"time-exceeded", {3, 0, CODE_MAX}},
    {"ttl-exceeded", {3, 0, CODE_MAX}},
    {"ttl-zero-during-transit", {3, 0, 0}},
    {"ttl-zero-during-reassembly", {3, 1, 1}},
    {"parameter-problem", {4, 0, CODE_MAX}},
    {"bad-header", {4, 0, 0}},
    {"unknown-header-type", {4, 1, 1}},
    {"unknown-option", {4, 2, 2}},
    {"echo-request", {128, 0, CODE_MAX}},
    {"ping", {128, 0, CODE_MAX}},
    {"echo-reply", {129, 0, CODE_MAX}},
    {"pong", {129, 0, CODE_MAX}},
    {"router-solicitation", {133, 0, CODE_MAX}},
    {"router-advertisement", {134, 0, CODE_MAX}},
    {"neighbour-solicitation", {135, 0, CODE_MAX}},
    {"neighbor-solicitation", {135, 0, CODE_MAX}},
    {"neighbour-advertisement", {136, 0, CODE_MAX}},
    {"neighbor-advertisement", {136, 0, CODE_MAX}},
    {"redirect", {137, 0, CODE_MAX}},
    {0},
};

/* What the two families call themselves. */
static const struct {
    const struct icmp_name *names;
    const char *error, *listed;
} kinds[] = {{names4, "ICMP", "icmp"}, {names6, "ICMPv6", "ipv6-icmp"}};

static const struct opt opts4[] = {{"icmp-type", I_TYPE, OPT_OTHER, OPT_NOT | OPT_MUST}, {0}};
static const struct opt opts6[] = {{"icmpv6-type", I_TYPE, OPT_OTHER, OPT_NOT | OPT_MUST}, {0}};

static bool is_any(const struct ext *x)
{
    return x->family == 4 && ((const struct icmp *)ext_conf(x))->type == ICMP_ANY;
}

static bool take_number(struct rule_parse *r, struct icmp *i, const char *kind, const char *text)
{
    const char *end;
    uint64_t type, code;

    if (!text_read_number(text, &end, &type) || type > UINT8_MAX)
        return rule_fail(r, "Unknown %s type `%s'", kind, text);
    *i = (struct icmp){(uint8_t)type, 0, CODE_MAX};
    if (*end == '/') {
        if (!text_read_number(end + 1, &end, &code) || code > UINT8_MAX)
            return rule_fail(r, "Unknown %s code `%s'", kind, text);
        i->min = i->max = (uint8_t)code;
    }
    return !*end || rule_fail(r, "unknown character %c", *end);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    const char *kind = kinds[x->family == 6].error;
    const struct icmp_name *found = NULL;

    (void)o;
    for (const struct icmp_name *n = kinds[x->family == 6].names; n->name; n++) {
        if (strncasecmp(n->name, text, strlen(text)) != 0)
            continue;
        if (found)
            return rule_fail(r, "Ambiguous %s type `%s': `%s' or `%s'?", kind, text, found->name,
                             n->name);
        found = n;
    }
    if (!found)
        return take_number(r, ext_data(x), kind, text);
    memcpy(ext_data(x), &found->is, sizeof(found->is));
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct icmp *i = ext_conf(x);

    (void)o;
    if (is_any(x)) {
        text_add(out, " any");
        return;
    }
    text_addf(out, " %u", i->type);
    if (i->min == i->max)
        text_addf(out, "/%u", i->min);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct icmp *i = ext_conf(x);
    const char *kind = kinds[x->family == 6].listed;

    for (const struct icmp_name *n = kinds[x->family == 6].names; n->name; n++)
        if (!(how->flags & WEIR_RULES_NUMERIC) && memcmp(&n->is, i, sizeof(*i)) == 0) {
            text_addf(out, " %s %s%s", kind, ext_negated(x, I_TYPE) ? "!" : "", n->name);
            return;
        }
    text_addf(out, ext_negated(x, I_TYPE) ? " %s !type %u" : " %stype %u", kind, i->type);
    if (i->min == i->max)
        text_addf(out, " code %u", i->min);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct icmp *i = ext_conf(x);
    const uint8_t *l4 = header_l4(e, ICMP_SIZE);

    if (!l4)
        return false;
    bool is = l4[ICMP_TYPE] == i->type && l4[ICMP_CODE] >= i->min && l4[ICMP_CODE] <= i->max;

    return (is || is_any(x)) != ext_negated(x, I_TYPE);
}

const struct ext_type match_icmp = {
    .name = "icmp",
    .families = EXT_IPV4,
    .proto = PROTO_ICMP,
    .size = sizeof(struct icmp),
    .opts = opts4,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};

const struct ext_type match_icmp6 = {
    .name = "icmp6",
    .alias = "icmpv6",
    .families = EXT_IPV6,
    .proto = PROTO_ICMPV6,
    .size = sizeof(struct icmp),
    .opts = opts6,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
