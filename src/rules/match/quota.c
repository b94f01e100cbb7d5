/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m quota: true until so many bytes have passed (iptables reference, 3.4). The first packet that
 * does not fit into what is left ends it, even if smaller ones would still fit.
 */
#include "rules/eval.h"

enum { Q_QUOTA = 0 };

struct quota {
    uint64_t bytes;
};

struct left {
    uint64_t bytes;
};

static const struct opt opts[] = {
    {"quota", Q_QUOTA, OPT_U64, OPT_NOT | OPT_MUST, offsetof(struct quota, bytes)},
    {0},
};

/* iptables does not tell here whether it is negated. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct quota *q = ext_conf(x);

    (void)how;
    text_add(out, " quota: ");
    text_number(out, q->bytes);
    text_add(out, " bytes");
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    const struct quota *q = ext_conf(x);
    struct left *left = state;

    (void)w;
    left->bytes = q->bytes;
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    struct left *left = eval_state(e, x);
    uint32_t len = e->p->ip.l3_len;
    bool fits = left->bytes >= len;

    left->bytes = fits ? left->bytes - len : 0;
    return fits != ext_negated(x, Q_QUOTA);
}

const struct ext_type match_quota = {
    .name = "quota",
    .families = EXT_BOTH,
    .size = sizeof(struct quota),
    .state_size = sizeof(struct left),
    .opts = opts,
    .list = list,
    .bind = bind,
    .match = match,
};
