/* SPDX-License-Identifier: BSD-2-Clause */
/* -m ttl and -m hl: the time to live of IPv4 and the hop limit of IPv6, compared with one number
 * (iptables reference, 3.5). */
#include "packet/headers.h"
#include "rules/eval.h"

enum { T_LESS = 0, T_GREATER, T_EQUAL };

enum {
    NOT_LESS = OPT_BIT(T_GREATER) | OPT_BIT(T_EQUAL),
    NOT_GREATER = OPT_BIT(T_LESS) | OPT_BIT(T_EQUAL),
    NOT_EQUAL = OPT_BIT(T_LESS) | OPT_BIT(T_GREATER)
};

struct ttl {
    uint8_t n;
};

static const struct opt ttl_opts[] = {
    {"ttl-lt", T_LESS, OPT_U8, .against = NOT_LESS},
    {"ttl-gt", T_GREATER, OPT_U8, .against = NOT_GREATER},
    {"ttl-eq", T_EQUAL, OPT_U8, OPT_NOT, .against = NOT_EQUAL},
    {"ttl", T_EQUAL, OPT_U8, OPT_NOT, .against = NOT_EQUAL},
    {0},
};

static const struct opt hl_opts[] = {
    {"hl-lt", T_LESS, OPT_U8, .against = NOT_LESS},
    {"hl-gt", T_GREATER, OPT_U8, .against = NOT_GREATER},
    {"hl-eq", T_EQUAL, OPT_U8, OPT_NOT, .against = NOT_EQUAL},
    {"hl", T_EQUAL, OPT_U8, OPT_NOT, .against = NOT_EQUAL},
    {0},
};

static bool ttl_check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', "
                                   "`--ttl-gt");
}

static bool hl_check(struct rule_parse *r, struct ext *x)
{
    return x->seen ||
           rule_fail(r, "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'");
}

static const char *sign(const struct ext *x)
{
    if (ext_seen(x, T_EQUAL))
        return ext_negated(x, T_EQUAL) ? "!=" : "==";
    return ext_seen(x, T_LESS) ? "<" : ">";
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ttl *t = ext_conf(x);
    const char *what = x->family == 4 ? "TTL" : "HL";

    (void)how;
    text_addf(out, " %s match %s %s %u", what, what, sign(x), t->n);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct ttl *t = ext_conf(x);
    uint8_t n = e->p->ip.ip[e->family == 4 ? IP4_TTL : IP6_HOPS];

    if (ext_seen(x, T_EQUAL))
        return (n == t->n) != ext_negated(x, T_EQUAL);
    return ext_seen(x, T_LESS) ? n < t->n : n > t->n;
}

const struct ext_type match_ttl = {
    .name = "ttl",
    .families = EXT_IPV4,
    .size = sizeof(struct ttl),
    .opts = ttl_opts,
    .check = ttl_check,
    .list = list,
    .match = match,
    .want = want_nothing,
};

const struct ext_type match_hl = {
    .name = "hl",
    .families = EXT_IPV6,
    .size = sizeof(struct ttl),
    .opts = hl_opts,
    .check = hl_check,
    .list = list,
    .match = match,
    .want = want_nothing,
};
