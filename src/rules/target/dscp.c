/* SPDX-License-Identifier: BSD-2-Clause */
/* DSCP: the upper six bits of the TOS or traffic class; ECN's two stay (iptables reference, 4.7).
 */
#include "rules/eval.h"
#include "rules/match/tos.h"

enum { SET_DSCP = 0, SET_CLASS };
enum { DSCP_SHIFT = 2, ECN_BITS = 0x3 };

struct dscp {
    uint8_t dscp;
};

static const struct opt options[] = {
    {"set-dscp", SET_DSCP, OPT_U8, .max = DSCP_MAX, .against = OPT_BIT(SET_CLASS)},
    {"set-dscp-class", SET_CLASS, OPT_OTHER, .against = OPT_BIT(SET_DSCP)},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct dscp *d = ext_data(x);

    if (o->id != SET_CLASS || dscp_find(text, &d->dscp))
        return true;
    (void)rule_fail(r, "Invalid DSCP value `%s'", text);
    rule_hint(r, "the classes are BE, EF, CS0 to CS7 and AF11 to AF43");
    return false;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "DSCP target: Parameter --set-dscp is required");
}

static void print(struct text *out, const struct ext *x)
{
    const struct dscp *d = ext_conf(x);

    text_addf(out, " --set-dscp 0x%02x", d->dscp);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct dscp *d = ext_conf(x);

    (void)how;
    text_addf(out, " DSCP set 0x%02x", d->dscp);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct dscp *d = ext_conf(x);

    eval_set_tos(e, (uint8_t)(d->dscp << DSCP_SHIFT | (eval_tos(e) & ECN_BITS)));
    return RULES_CONTINUE;
}

const struct ext_type target_dscp = {
    .name = "DSCP",
    .families = EXT_BOTH,
    .tables = IN_MANGLE,
    .size = sizeof(struct dscp),
    .opts = options,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
