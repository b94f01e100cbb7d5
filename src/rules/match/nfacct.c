/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m nfacct: count the packet on a named object besides the rule's own counter (iptables reference,
 * 3.4). weir has no such objects; the match always holds, as one without a quota does.
 */
#include "rules/eval.h"

enum { N_NAME };

struct nfacct {
    char name[32];
};

static const struct opt opts[] = {
    {"nfacct-name", N_NAME, OPT_OTHER, OPT_MUST},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct nfacct *n = ext_data(x);
    struct text name;

    (void)o;
    text_into(&name, n->name, sizeof(n->name)); /* cut, as iptables does */
    text_add(&name, text);
    return *text || rule_fail(r, "Argument must have a minimum length of 1 characters");
}

/* With two blanks, as iptables writes it. */
static void add(struct text *out, const char *option, const struct ext *x)
{
    const struct nfacct *n = ext_conf(x);

    text_addf(out, " %s  %s", option, n->name);
}

static void print(struct text *out, const struct ext *x)
{
    add(out, "--nfacct-name", x);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    add(out, "nfacct-name", x);
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return true;
}

const struct ext_type match_nfacct = {
    .name = "nfacct",
    .families = EXT_BOTH,
    .size = sizeof(struct nfacct),
    .opts = opts,
    .note = "weir has no accounting objects: -m nfacct always matches and counts nothing; the "
            "rule's own counter counts the same packets",
    .take = take,
    .print = print,
    .list = list,
    .match = match,
};
