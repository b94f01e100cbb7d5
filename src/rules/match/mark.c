/* SPDX-License-Identifier: BSD-2-Clause */
/* -m mark: the packet's mark (iptables reference, 3.3). The value is not masked first, so one with
 * bits outside of the mask never matches. */
#include "rules/eval.h"
#include "rules/want.h"

enum { M_MARK = 0 };

static const struct opt opts[] = {{"mark", M_MARK, OPT_MARK, OPT_NOT | OPT_MUST}, {0}};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, ext_negated(x, M_MARK) ? " mark match ! " : " mark match ");
    print_mark(out, ext_conf(x));
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct mark_mask *m = ext_conf(x);

    return ((e->p->raw->mark & m->mask) == m->value) != ext_negated(x, M_MARK);
}

static bool want(const struct ext *x, struct want *w)
{
    if (!ext_negated(x, M_MARK))
        want_mark(w, ext_conf(x));
    return true;
}

const struct ext_type match_mark = {
    .name = "mark",
    .families = EXT_BOTH,
    .size = sizeof(struct mark_mask),
    .opts = opts,
    .list = list,
    .match = match,
    .want = want,
};
