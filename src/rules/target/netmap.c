/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETMAP: map one network onto another, host by host: new = (old & ~mask) | (net & mask), of the
 * destination before routing and of the source after it (iptables reference, 4.5).
 */
#include "rules/match/hostmask.h"
#include "rules/target/nat_spec.h"

enum { TO = 0 };

static const struct opt options[] = {
    {"to", TO, OPT_OTHER, OPT_MUST},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct net_mask *net = ext_data(x);

    if (!hostmask_take(r, x, o, text, net))
        return false;
    if (hostmask_prefix(r->family, &net->mask) < 0) {
        rule_note(r,
                  "NETMAP: the mask of `%s' is no prefix; as with iptables, it counts as one of "
                  "all bits",
                  text);
        memset(&net->mask, 0xff, r->family == 6 ? 16 : 4);
    }
    for (int i = 0; i < 2; i++)
        net->addr.half[i] &= net->mask.half[i];
    return true;
}

/* With "/32" and "/128" too. */
static void print_net(struct text *out, const struct ext *x)
{
    const struct net_mask *net = ext_conf(x);

    text_addr(out, x->family, &net->addr);
    print_mask(out, x->family, &net->mask, false);
}

static void print(struct text *out, const struct ext *x)
{
    text_add(out, " --to ");
    print_net(out, x);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " to:");
    print_net(out, x);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct net_mask *net = ext_conf(x);
    union weir_addr addr = nat_spec_type(e) == NAT_DST ? eval_dst(e) : eval_src(e);
    struct nat_range range = {0};

    for (int i = 0; i < 2; i++)
        addr.half[i] = (addr.half[i] & ~net->mask.half[i]) | net->addr.half[i];
    nat_spec_set_address(&range, &addr);
    return nat_spec_run(e, &range);
}

const struct ext_type target_netmap = {
    .name = "NETMAP",
    .families = EXT_BOTH,
    .tables = IN_NAT,
    .hooks = ON_PREROUTING | ON_INPUT | ON_OUTPUT | ON_POSTROUTING,
    .size = sizeof(struct net_mask),
    .opts = options,
    .take = take,
    .print = print,
    .list = list,
    .target = run,
};
