/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m connlimit: how many connections a source or destination has (iptables reference, 3.2). The
 * counting is conncount.c's.
 *
 * It is the packet's own address that counts, not its connection's: an answer counts for who
 * answers.
 */
#include "rules/eval.h"
#include "rules/match/conncount.h"
#include "rules/match/hostmask.h"

enum { L_UPTO, L_ABOVE, L_MASK, L_SRC, L_DST };

struct connlimit {
    union weir_addr mask;
    uint32_t limit;
    bool above;
};

static const struct opt opts[] = {
    {"connlimit-upto", L_UPTO, OPT_U32, OPT_NOT, offsetof(struct connlimit, limit),
     .against = OPT_BIT(L_ABOVE)},
    {"connlimit-above", L_ABOVE, OPT_U32, OPT_NOT, offsetof(struct connlimit, limit),
     .against = OPT_BIT(L_UPTO)},
    {"connlimit-mask", L_MASK, OPT_OTHER},
    {"connlimit-saddr", L_SRC, OPT_FLAG, .against = OPT_BIT(L_DST)},
    {"connlimit-daddr", L_DST, OPT_FLAG, .against = OPT_BIT(L_SRC)},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    struct connlimit *l = ext_data(x);

    memset(&l->mask, 0xff, r->family == 6 ? 16 : 4);
}

/* A mask with gaps is saved as a full one, and so is one here. */
static bool take_mask(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct connlimit *l = ext_data(x);

    if (!hostmask_take_mask(r, x, o, text, &l->mask))
        return false;
    if (hostmask_prefix(r->family, &l->mask) < 0) {
        init(r, x);
        rule_note(r, "the mask %s has gaps: each address counts for itself", text);
    }
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct connlimit *l = ext_data(x);

    switch (o->id) {
    case L_UPTO:
    case L_ABOVE: l->above = (o->id == L_ABOVE) != ext_negated(x, o->id); return true;
    case L_MASK: return take_mask(r, x, o, text);
    default: return true;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return ext_seen(x, L_UPTO) || ext_seen(x, L_ABOVE) ||
           rule_fail(r, "You must specify \"--connlimit-above\" or \"--connlimit-upto\".");
}

static void print(struct text *out, const struct ext *x)
{
    const struct connlimit *l = ext_conf(x);

    text_addf(out, " --connlimit-%s %u --connlimit-mask %d --connlimit-%s",
              l->above ? "above" : "upto", l->limit, hostmask_prefix(x->family, &l->mask),
              ext_seen(x, L_DST) ? "daddr" : "saddr");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct connlimit *l = ext_conf(x);

    (void)how;
    text_addf(out, " #conn %s/%d %s %u", ext_seen(x, L_DST) ? "dst" : "src",
              hostmask_prefix(x->family, &l->mask), l->above ? ">" : "<=", l->limit);
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    struct conncount **cc = state;

    (void)x;
    *cc = conncount_new(w->t);
    return *cc != NULL;
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    struct conncount **cc = state;

    (void)x;
    conncount_free(w->t, *cc);
    *cc = NULL;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct connlimit *l = ext_conf(x);
    struct conncount *const *cc = eval_state(e, x);
    union weir_addr network = ext_seen(x, L_DST) ? eval_dst(e) : eval_src(e);
    uint32_t count;

    /* Without a tuple it would pass uncounted. What a capture cut off is nobody's fault. */
    if (!e->p->conn && e->p->tuple_reason) {
        e->drop = !e->p->ip.cut;
        return false;
    }
    for (int i = 0; i < 2; i++)
        network.half[i] &= l->mask.half[i];
    /* Of a closing connection that was the last, Linux takes the 0 for a lack of memory too. */
    if (!conncount_add(*cc, e->t, e->p, &network, &count) || count == 0) {
        e->drop = true;
        return false;
    }
    return (count > l->limit) == l->above;
}

const struct ext_type match_connlimit = {
    .name = "connlimit",
    .families = EXT_BOTH,
    .size = sizeof(struct connlimit),
    .state_size = sizeof(struct conncount *),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .match = match,
};
