/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m limit: a bucket of tokens for each rule (iptables reference, 3.4).
 *
 * The arithmetic is Linux's, to the packet. Credit is counted in 1/32000 s and grows by 128 with
 * each tick; a packet costs what the rate's period is worth, rounded down, and a period above 13 s
 * is first cut to whole seconds. The bucket's size, period times burst, is computed in 32 bits and
 * wraps around: some slow rates with a large burst are refused for it, and others get less than
 * they ask for.
 */
#include "rules/eval.h"
#include "rules/match/rate.h"

enum { L_LIMIT = 0, L_BURST };

enum {
    SCALE = 10000, /* periods are in 0.1 ms */
    BURST_DEFAULT = 5,
    BURST_MAX = 10000,
    CREDIT_PER_TICK = 128,
    CREDIT_PER_SEC = CREDIT_PER_TICK * WEIR_TICKS_PER_SEC
};

struct limit {
    uint32_t period, burst;
    uint32_t cost, full; /* credit: of one packet, of a full bucket */
};

struct bucket {
    int64_t tick; /* of the last packet */
    uint32_t credit;
};

static const struct opt opts[] = {
    {"limit", L_LIMIT, OPT_OTHER},
    {"limit-burst", L_BURST, OPT_U32, .at = offsetof(struct limit, burst), .max = BURST_MAX},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    struct limit *l = ext_data(x);

    (void)r;
    l->period = SCALE * 3600 / 3;
    l->burst = BURST_DEFAULT;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct limit *l = ext_data(x);
    uint64_t period;
    uint32_t unit;

    if (o->id != L_LIMIT)
        return true;
    switch (rate_read(text, SCALE, &period, &unit)) {
    case RATE_BAD:
        rule_fail(r, "bad rate \"%s\"'", text);
        rule_hint(r, "a rate is a number and a unit: 10/sec, 10/min, 10/hour or 10/day");
        return false;
    case RATE_TOO_FAST:
        rule_fail(r, "Rate too fast \"%s\"", text);
        rule_hint(r, "10000/sec is the fastest that can be told apart");
        return false;
    case RATE_GOOD: break;
    }
    l->period = (uint32_t)period; /* a day at most */
    return true;
}

static uint32_t credit_of(uint32_t period)
{
    return period > UINT32_MAX / CREDIT_PER_SEC ? period / SCALE * CREDIT_PER_SEC
                                                : period * CREDIT_PER_SEC / SCALE;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct limit *l = ext_data(x);

    l->cost = credit_of(l->period);
    l->full = credit_of(l->period * l->burst);
    if (l->full >= l->cost) /* not without a burst */
        return true;
    rule_fail(r, "Numerical result out of range");
    rule_hint(r, "Linux cannot count a burst of %u at this rate: %s --limit-burst", l->burst,
              l->burst ? "lower" : "raise");
    return false;
}

static void print(struct text *out, const struct ext *x)
{
    const struct limit *l = ext_conf(x);

    text_add(out, " --limit ");
    rate_print(out, l->period, SCALE);
    if (l->burst != BURST_DEFAULT)
        text_addf(out, " --limit-burst %u", l->burst);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct limit *l = ext_conf(x);

    (void)how;
    text_add(out, " limit: avg ");
    rate_print(out, l->period, SCALE);
    text_addf(out, " burst %u", l->burst);
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    const struct limit *l = ext_conf(x);
    struct bucket *b = state;

    *b = (struct bucket){w->t->tick64, l->full};
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct limit *l = ext_conf(x);
    struct bucket *b = eval_state(e, x);
    uint64_t credit = b->credit + (uint64_t)(e->t->tick64 - b->tick) * CREDIT_PER_TICK;

    b->tick = e->t->tick64;
    b->credit = credit < l->full ? (uint32_t)credit : l->full;
    if (b->credit < l->cost)
        return false;
    b->credit -= l->cost;
    return true;
}

const struct ext_type match_limit = {
    .name = "limit",
    .families = EXT_BOTH,
    .size = sizeof(struct limit),
    .state_size = sizeof(struct bucket),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .match = match,
};
