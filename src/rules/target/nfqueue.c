/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFQUEUE: hand the packet to a program (iptables reference, 4.4). Nobody reads a queue of weir's,
 * so what Linux does then happens: the packet is dropped, or with --queue-bypass accepted for the
 * rest of the table.
 */
#include "rules/parse.h"

enum { QUEUE_NUM = 0, QUEUE_BALANCE, QUEUE_BYPASS, QUEUE_FANOUT };

struct nfqueue {
    uint16_t queue[2]; /* first and last */
};

static const struct opt options[] = {
    {"queue-num", QUEUE_NUM, OPT_U16, .at = offsetof(struct nfqueue, queue),
     .against = OPT_BIT(QUEUE_BALANCE)},
    {"queue-balance", QUEUE_BALANCE, OPT_U16_RANGE, .at = offsetof(struct nfqueue, queue),
     .against = OPT_BIT(QUEUE_NUM)},
    {"queue-bypass", QUEUE_BYPASS, OPT_FLAG},
    {"queue-cpu-fanout", QUEUE_FANOUT, OPT_FLAG, .with = OPT_BIT(QUEUE_BALANCE)},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    const struct nfqueue *q = ext_conf(x);

    if (o->id != QUEUE_BALANCE)
        return true;
    if (!strchr(text, ':'))
        return rule_fail(r, "Bad range \"%s\"", text);
    return q->queue[0] < q->queue[1] ||
           rule_fail(r, "%u should be less than %u", q->queue[0], q->queue[1]);
}

/* Linux counts the queues in 16 bits. */
static bool check(struct rule_parse *r, struct ext *x)
{
    const struct nfqueue *q = ext_conf(x);

    return q->queue[1] - q->queue[0] < UINT16_MAX ||
           parse_error(r->parse, 1, "NFQUEUE: at most %u queues can be balanced", UINT16_MAX);
}

static void print(struct text *out, const struct ext *x)
{
    const struct nfqueue *q = ext_conf(x);

    if (ext_seen(x, QUEUE_BALANCE))
        text_addf(out, " --queue-balance %u:%u", q->queue[0], q->queue[1]);
    else
        text_addf(out, " --queue-num %u", q->queue[0]);
    if (ext_seen(x, QUEUE_BYPASS))
        text_add(out, " --queue-bypass");
    if (ext_seen(x, QUEUE_FANOUT))
        text_add(out, " --queue-cpu-fanout");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct nfqueue *q = ext_conf(x);

    (void)how;
    if (ext_seen(x, QUEUE_BALANCE))
        text_addf(out, " NFQUEUE balance %u:%u", q->queue[0], q->queue[1]);
    else
        text_addf(out, " NFQUEUE num %u", q->queue[0]);
    if (ext_seen(x, QUEUE_BYPASS))
        text_add(out, " bypass");
    if (ext_seen(x, QUEUE_FANOUT))
        text_add(out, " cpu-fanout");
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    if (ext_seen(x, QUEUE_BYPASS))
        return RULES_ACCEPT;
    e->reason = WEIR_R_QUEUE;
    return RULES_DROP;
}

const struct ext_type target_nfqueue = {
    .name = "NFQUEUE",
    .families = EXT_BOTH,
    .size = sizeof(struct nfqueue),
    .opts = options,
    .note = "nobody reads weir's queues: -j NFQUEUE drops, or with --queue-bypass accepts",
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
