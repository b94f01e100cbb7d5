/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNAT and DNAT: map a new connection's source or destination to an address, a port, or a range of
 * them (iptables reference, 4.5).
 */
#include "rules/target/nat_spec.h"

enum { TO = 0, RANDOM, RANDOM_FULLY, PERSISTENT };

static const struct opt snat_options[] = {
    {"to-source", TO, OPT_OTHER, OPT_MUST},
    {"random", RANDOM, OPT_FLAG},
    {"random-fully", RANDOM_FULLY, OPT_FLAG},
    {"persistent", PERSISTENT, OPT_FLAG},
    {NULL},
};

static const struct opt dnat_options[] = {
    {"to-destination", TO, OPT_OTHER, OPT_MUST},
    {"random", RANDOM, OPT_FLAG},
    {"persistent", PERSISTENT, OPT_FLAG},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text,
                 enum nat_base base)
{
    struct nat_range *range = ext_data(x);

    switch (o->id) {
    case TO: return nat_spec_read(r, text, base, range);
    case PERSISTENT: range->flags |= NAT_PERSISTENT; return true;
    default: range->flags |= NAT_RANDOM; return true;
    }
}

static bool take_snat(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    return take(r, x, o, text, NAT_BASE_ZERO);
}

static bool take_dnat(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    return take(r, x, o, text, NAT_BASE_KEPT);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    text_char(out, ' ');
    nat_spec_print(out, x->family, ext_conf(x));
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " to:");
    nat_spec_print(out, x->family, ext_conf(x));
    nat_spec_list_flags(out, x);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    return nat_spec_run(e, ext_conf(x));
}

const struct ext_type target_snat = {
    .name = "SNAT",
    .families = EXT_BOTH,
    .tables = IN_NAT,
    .hooks = ON_INPUT | ON_POSTROUTING,
    .size = sizeof(struct nat_range),
    .opts = snat_options,
    .take = take_snat,
    .show = show,
    .list = list,
    .target = run,
};

const struct ext_type target_dnat = {
    .name = "DNAT",
    .families = EXT_BOTH,
    .tables = IN_NAT,
    .hooks = ON_PREROUTING | ON_OUTPUT,
    .size = sizeof(struct nat_range),
    .opts = dnat_options,
    .take = take_dnat,
    .show = show,
    .list = list,
    .target = run,
};
