/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TTL and HL: how far an IPv4 or IPv6 packet may still go (iptables reference, 4.7). A sum stays
 * within the byte. What becomes of a packet that is left with too little is the router's business.
 */
#include "packet/checksum.h"
#include "packet/headers.h"
#include "rules/eval.h"

enum { SET = 0, DEC, INC };

struct ttl {
    uint8_t value;
};

#define ACTIONS     (OPT_BIT(SET) | OPT_BIT(DEC) | OPT_BIT(INC))
#define AGAINST(id) .against = ACTIONS & ~OPT_BIT(id)

static const struct opt ttl_options[] = {
    {"ttl-set", SET, OPT_U8, AGAINST(SET)},
    {"ttl-dec", DEC, OPT_U8, .min = 1, .max = UINT8_MAX, AGAINST(DEC)},
    {"ttl-inc", INC, OPT_U8, .min = 1, .max = UINT8_MAX, AGAINST(INC)},
    {NULL},
};

static const struct opt hl_options[] = {
    {"hl-set", SET, OPT_U8, AGAINST(SET)},
    {"hl-dec", DEC, OPT_U8, .min = 1, .max = UINT8_MAX, AGAINST(DEC)},
    {"hl-inc", INC, OPT_U8, .min = 1, .max = UINT8_MAX, AGAINST(INC)},
    {NULL},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "%s: You must specify an action", x->type->name);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ttl *t = ext_conf(x);

    (void)how;
    text_addf(out, " %s %s %u", x->type->name,
              ext_seen(x, SET)   ? "set to"
              : ext_seen(x, DEC) ? "decrement by"
                                 : "increment by",
              t->value);
}

static uint8_t changed(const struct ext *x, uint8_t hops)
{
    const struct ttl *t = ext_conf(x);

    if (ext_seen(x, SET))
        return t->value;
    if (ext_seen(x, DEC))
        return hops > t->value ? (uint8_t)(hops - t->value) : 0;
    return hops < UINT8_MAX - t->value ? (uint8_t)(hops + t->value) : UINT8_MAX;
}

static enum rules_verdict run_ttl(struct eval *e, const struct ext *x)
{
    eval_touch(e, IP4_MIN);

    uint8_t *ip = e->p->ip.ip;
    uint16_t before = load_raw16(ip + IP4_TTL);

    ip[IP4_TTL] = changed(x, ip[IP4_TTL]);
    store_raw16(ip + IP4_CHECKSUM,
                checksum_update(load_raw16(ip + IP4_CHECKSUM), before, load_raw16(ip + IP4_TTL)));
    return RULES_CONTINUE;
}

static enum rules_verdict run_hl(struct eval *e, const struct ext *x)
{
    eval_touch(e, IP6_SIZE);
    e->p->ip.ip[IP6_HOPS] = changed(x, e->p->ip.ip[IP6_HOPS]);
    return RULES_CONTINUE;
}

const struct ext_type target_ttl = {
    .name = "TTL",
    .families = EXT_IPV4,
    .tables = IN_MANGLE,
    .size = sizeof(struct ttl),
    .opts = ttl_options,
    .check = check,
    .list = list,
    .target = run_ttl,
};

const struct ext_type target_hl = {
    .name = "HL",
    .families = EXT_IPV6,
    .tables = IN_MANGLE,
    .size = sizeof(struct ttl),
    .opts = hl_options,
    .check = check,
    .list = list,
    .target = run_hl,
};
