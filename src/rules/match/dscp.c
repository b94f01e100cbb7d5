/* SPDX-License-Identifier: BSD-2-Clause */
/* -m dscp: the upper six bits of the type of service or traffic class (RFC 2474, 3; iptables
 * reference, 3.5). A class is another way to write its number. */
#include "rules/match/tos.h"
#include "rules/eval.h"

enum { D_DSCP = 0, D_CLASS };

struct dscp {
    uint8_t dscp;
};

static const struct opt opts[] = {
    {"dscp", D_DSCP, OPT_U8, OPT_NOT, 0, 0, DSCP_MAX, OPT_BIT(D_CLASS)},
    {"dscp-class", D_CLASS, OPT_OTHER, OPT_NOT, .against = OPT_BIT(D_DSCP)},
    {0},
};

static const struct {
    const char *name;
    uint8_t dscp;
} classes[] = {
    {"CS0", 0x00},  {"CS1", 0x08},  {"CS2", 0x10},  {"CS3", 0x18},  {"CS4", 0x20},  {"CS5", 0x28},
    {"CS6", 0x30},  {"CS7", 0x38},  {"BE", 0x00},   {"AF11", 0x0a}, {"AF12", 0x0c}, {"AF13", 0x0e},
    {"AF21", 0x12}, {"AF22", 0x14}, {"AF23", 0x16}, {"AF31", 0x1a}, {"AF32", 0x1c}, {"AF33", 0x1e},
    {"AF41", 0x22}, {"AF42", 0x24}, {"AF43", 0x26}, {"EF", 0x2e},
};

bool dscp_find(const char *class, uint8_t *dscp)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(classes); i++)
        if (strcasecmp(classes[i].name, class) == 0) {
            *dscp = classes[i].dscp;
            return true;
        }
    return false;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct dscp *d = ext_data(x);

    return o->id == D_DSCP || dscp_find(text, &d->dscp) ||
           rule_fail(r, "Invalid DSCP value `%s'", text);
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "DSCP match: Parameter --dscp is required");
}

static void print(struct text *out, const struct ext *x)
{
    const struct dscp *d = ext_conf(x);

    text_addf(out, "%s --dscp 0x%02x", x->negated ? " !" : "", d->dscp);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct dscp *d = ext_conf(x);

    (void)how;
    text_addf(out, " DSCP match %s0x%02x", x->negated ? "!" : "", d->dscp);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct dscp *d = ext_conf(x);

    return (eval_tos(e) >> 2 == d->dscp) != (x->negated != 0);
}

const struct ext_type match_dscp = {
    .name = "dscp",
    .families = EXT_BOTH,
    .size = sizeof(struct dscp),
    .opts = opts,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
    .want = want_nothing,
};
