/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m connmark: the mark of a packet's connection (iptables reference, 3.2). A packet without an
 * entry has none: it never matches, negated or not.
 */
#include "rules/eval.h"

enum { M_MARK };

static const struct opt opts[] = {
    {"mark", M_MARK, OPT_MARK, OPT_NOT | OPT_MUST},
    {0},
};

/* The gap of two blanks is what iptables writes. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, ext_negated(x, M_MARK) ? " connmark match ! " : " connmark match  ");
    print_mark(out, ext_conf(x));
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct mark_mask *m = ext_conf(x);
    const struct conn *c = eval_entry(e);

    return c && ((c->mark & m->mask) == m->value) != ext_negated(x, M_MARK);
}

const struct ext_type match_connmark = {
    .name = "connmark",
    .families = EXT_BOTH,
    .size = sizeof(struct mark_mask),
    .opts = opts,
    .list = list,
    .match = match,
    .want = want_nothing,
};
