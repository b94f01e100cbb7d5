/* SPDX-License-Identifier: BSD-2-Clause */
/* -m length: bytes of the packet by its IP header, which it includes (iptables reference, 3.5). */
#include "rules/eval.h"

enum { L_LENGTH = 0 };

struct length {
    uint16_t min, max;
};

static const struct opt opts[] = {
    {"length", L_LENGTH, OPT_U16_RANGE, OPT_NOT | OPT_MUST},
    {0},
};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct length *l = ext_conf(x);

    (void)how;
    text_addf(out, " length %s%u", ext_negated(x, L_LENGTH) ? "!" : "", l->min);
    if (l->max != l->min)
        text_addf(out, ":%u", l->max);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct length *l = ext_conf(x);
    uint32_t len = e->p->ip.l3_len;

    return (len >= l->min && len <= l->max) != ext_negated(x, L_LENGTH);
}

const struct ext_type match_length = {
    .name = "length",
    .families = EXT_BOTH,
    .size = sizeof(struct length),
    .opts = opts,
    .list = list,
    .match = match,
    .want = want_nothing,
};
