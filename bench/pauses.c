/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the engine ever stop? Every batch of 32 packets is timed while something large goes on
 * beside it: the table grows from 1k to 4M entries; a million entries are due at once; all entries
 * are flushed, and those with traffic come again; the ruleset is exchanged. Calls that do such a
 * thing (weir_shard_flush_some(), weir_shard_set_rules()) hold the packets up like a batch, and are
 * timed like one.
 *
 * The machine stops, too: interrupts, the hypervisor, its memory. No clock can tell such a pause
 * from one of the engine's. But the engine is deterministic. Each repetition begins with a new
 * shard, the same keys and the same packets, so its n-th piece of work is the same work every time,
 * and what the engine does in it comes again in every repetition. So there are two distributions:
 * of all pieces, as they were timed; and of the least time of each piece over the repetitions,
 * which holds what recurs. The target is for the slowest piece of the second; the first, and the
 * pauses of an idle CPU, are printed beside it.
 *
 * Verified: every packet is in the state that it must be in, counts are right before and after, and
 * every repetition had as many pieces as the first.
 */
#include "common.h"
#include "rulesets.h"
#include "traffic.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 32,
    GROWTH = 4,        /* from 1k to so many times --flows */
    LIVE_SHARE = 4,    /* of --flows, one in so many has traffic */
    FLUSH_SHARE = 128, /* entries */
    SWAPS = 20,        /* of the ruleset */
    CALM = 500,        /* batches before, between and after */
    SWAP_FLOWS = 10000,
    LIMIT_US = 100,
};

static const int64_t udp_timeout_ns = 30000000000;

/* --- pieces --- */

struct pieces {
    struct samples all; /* of all repetitions */
    int64_t *least;     /* of each piece, over the repetitions */
    uint32_t at, max;   /* the next one; how many there are room for */
    uint32_t n;         /* pieces of a repetition, known after the first */
};

static void pieces_init(struct pieces *p, const struct bench_options *o, uint32_t max)
{
    *p = (struct pieces){.least = bench_alloc(max * sizeof(*p->least)), .max = max};
    samples_init(&p->all, (size_t)max * o->reps);
    for (uint32_t i = 0; i < max; i++)
        p->least[i] = INT64_MAX;
}

static void pieces_fini(struct pieces *p)
{
    samples_fini(&p->all);
    bench_free(p->least, p->max * sizeof(*p->least));
}

/* Interrupted pieces count for `least`: they only were longer. */
static void pieces_add(struct pieces *p, int64_t ns, bool whole)
{
    bench_check(p->at < p->max, "more than %" PRIu32 " pieces of work", p->max);
    if (ns < p->least[p->at])
        p->least[p->at] = ns;
    p->at++;
    samples_add(&p->all, ns, whole);
}

static void pieces_end_repetition(struct pieces *p)
{
    bench_check(!p->n || p->n == p->at,
                "%" PRIu32 " pieces of work, not %" PRIu32 " as before: not the same work", p->at,
                p->n);
    p->n = p->at;
    p->at = 0;
}

/* --- printing --- */

static void print_header(void)
{
    printf("\n%-26s %8s  %39s  %31s\n", "", "", "as timed, us", "what recurs, us");
    printf("%-26s %8s  %7s %7s %7s %7s %7s  %7s %7s %7s %7s\n", "", "pieces", "p50", "p99",
           "p99.99", "max", ">100 us", "p50", "p99", "p99.99", "max");
}

static double us(const struct samples *s, double share)
{
    return (double)samples_percentile(s, share) / 1000;
}

/* How many pieces there were up to each quarter of a doubling. */
static void report_histogram(const struct bench_options *o, const char *row, const char *kind,
                             const struct samples *s)
{
    char series[80];
    size_t i = 0;

    (void)snprintf(series, sizeof(series), "%s, %s", row, kind);
    for (int quarter = 0; i < s->n; quarter++) {
        double upto = exp2(quarter / 4.0) * 1000;
        size_t from = i;

        while (i < s->n && (double)s->ns[i] <= upto)
            i++;
        if (i > from)
            report_share(o, series, upto / 1000, (double)(i - from) / (double)s->n);
    }
}

static size_t above_limit(const struct samples *s)
{
    size_t n = 0;

    while (n < s->n && s->ns[s->n - 1 - n] > LIMIT_US * 1000)
        n++;
    return n;
}

static void print(const struct bench_options *o, const char *row, struct pieces *p)
{
    struct samples recurs = {.ns = p->least, .n = p->n, .max = p->max};

    samples_sort(&p->all);
    samples_sort(&recurs);
    printf("%-26s %8" PRIu32 "  %7.1f %7.1f %7.1f %7.1f %7zu  %7.1f %7.1f %7.1f %7.1f\n", row, p->n,
           us(&p->all, 0.5), us(&p->all, 0.99), us(&p->all, 0.9999), us(&p->all, 1),
           above_limit(&p->all), us(&recurs, 0.5), us(&recurs, 0.99), us(&recurs, 0.9999),
           us(&recurs, 1));
    report(o, &(struct figure){row, "slowest batch", "us", us(&recurs, 1), us(&p->all, 1)});
    report(o, &(struct figure){row, "p99.99", "us", us(&recurs, 0.9999), us(&p->all, 0.9999)});
    report(o, &(struct figure){row, "p99", "us", us(&recurs, 0.99), us(&p->all, 0.99)});
    report(o, &(struct figure){row, "p50", "us", us(&recurs, 0.5), us(&p->all, 0.5)});
    report_histogram(o, row, "as timed", &p->all);
    report_histogram(o, row, "what recurs", &recurs);
    pieces_fini(p);
}

/* --- running --- */

static struct weir_shard *new_shard(struct bench_memory *memory, uint32_t max)
{
    struct weir_config config = {
        .host = {.ctx = memory, .reserve = bench_reserve, .release = bench_release},
        .seed = {1, 2},
        .max = max,
        .buckets = 1,
        .no_ipv6 = true,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard != NULL, "no memory for a shard of %" PRIu32 " connections", max);
    return shard;
}

static void check_count(const struct weir_shard *shard, uint32_t want)
{
    int64_t count = weir_tunable_get(shard, WEIR_T_COUNT);

    bench_check(count == want, "%" PRId64 " connections instead of %" PRIu32, count, want);
}

/* What packets of a batch must be, from visit `from` on. */
typedef void check_batch(const struct traffic *t, uint32_t from, const struct weir_packet *packets);

static void check_new(const struct traffic *t, uint32_t from, const struct weir_packet *packets)
{
    for (uint32_t i = 0; i < BATCH; i++)
        packet_check(&packets[i], WEIR_CT_NEW, traffic_flow(t, from + i));
}

static void check_established(const struct traffic *t, uint32_t from,
                              const struct weir_packet *packets)
{
    for (uint32_t i = 0; i < BATCH; i++)
        packet_check(&packets[i],
                     traffic_dir(t, from + i) ? WEIR_CT_ESTABLISHED_REPLY : WEIR_CT_ESTABLISHED,
                     traffic_flow(t, from + i));
}

/* After a flush, a flow begins again with whatever packet comes first. */
static void check_tracked(const struct traffic *t, uint32_t from, const struct weir_packet *packets)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        enum weir_ctinfo info = (enum weir_ctinfo)packets[i].ctinfo;

        bench_check(info == WEIR_CT_NEW || info == WEIR_CT_ESTABLISHED ||
                        info == WEIR_CT_ESTABLISHED_REPLY,
                    "packet %" PRIu32 " is %s after the flush", from + i, weir_ctinfo_name(info));
        packet_check(&packets[i], info, traffic_flow(t, from + i));
    }
}

/* One batch, timed if `p` is there. */
static void batch(struct traffic *t, struct weir_shard *shard, uint32_t from, check_batch *check,
                  struct pieces *p)
{
    struct weir_packet packets[BATCH];
    struct stopwatch watch;
    bool whole;

    traffic_describe(t, from, BATCH, packets);
    stopwatch_start(&watch);
    traffic_run(t, shard, packets, BATCH, BATCH);
    int64_t took = stopwatch_stop(&watch, &whole);

    if (p)
        pieces_add(p, took, whole);
    check(t, from, packets);
}

/* All of the pool's packets; whole batches only. */
static void pass(struct traffic *t, struct weir_shard *shard, check_batch *check, struct pieces *p)
{
    for (uint32_t from = 0; from + BATCH <= t->slots; from += BATCH)
        batch(t, shard, from, check, p);
}

/* Packets of flows never seen before, one each; a multiple of the batch. */
static void init_fresh(struct traffic *t, uint32_t count)
{
    static const struct flows udp4 = {4, TRAFFIC_UDP, RANDOM, 0};

    traffic_init(t, &udp4, count / BATCH * BATCH, 1, 0);
    t->first = 1ULL << 32; /* far from the flows of live traffic */
}

static void go_on(struct traffic *t)
{
    t->first += t->count;
    traffic_rebuild(t);
}

/* Traffic that goes on: established flows, and a pool that is run through in batches again and
 * again. */
struct live {
    struct traffic traffic;
    uint32_t at;
};

static void live_init(struct live *l, const struct bench_options *o, uint32_t count)
{
    static const struct flows udp4 = {4, TRAFFIC_UDP, RANDOM, 0};

    l->at = 0;
    traffic_init(&l->traffic, &udp4, count, 2, o->quick ? 0 : traffic_cold_slots(&udp4));
}

static void live_open(struct live *l, struct weir_shard *shard)
{
    traffic_open(&l->traffic, shard);
    traffic_rebuild(&l->traffic);
    pass(&l->traffic, shard, check_established,
         NULL); /* now they are streams, with their long timeout */
    l->at = l->traffic.slots;
}

static void live_batch(struct live *l, struct weir_shard *shard, check_batch *check,
                       struct pieces *p)
{
    if (l->at + BATCH > l->traffic.slots) {
        traffic_rebuild(&l->traffic);
        l->at = 0;
    }
    batch(&l->traffic, shard, l->at, check, p);
    l->at += BATCH;
}

static void live_batches(struct live *l, struct weir_shard *shard, uint32_t n, struct pieces *p)
{
    for (uint32_t i = 0; i < n; i++)
        live_batch(l, shard, check_established, p);
}

/* --- growth --- */

static void growth(const struct bench_options *o, const char *row, bool commit)
{
    struct bench_memory memory = {.huge = o->huge, .commit = commit};
    struct traffic small, t;
    struct pieces p;

    pieces_init(&p, o, GROWTH * (o->flows / BATCH));
    init_fresh(&small, o->quick ? 320 : 1024);
    init_fresh(&t, o->flows);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = new_shard(&memory, small.count + GROWTH * o->flows);

        small.first = 0;
        traffic_restart(&small);
        traffic_restart(&t);
        go_on(&small);
        pass(&small, shard, check_new, NULL);
        t.first = 1ULL << 32;
        for (uint32_t part = 0; part < GROWTH; part++) {
            go_on(&t);
            pass(&t, shard, check_new, &p);
        }
        check_count(shard, small.count + GROWTH * t.count);
        pieces_end_repetition(&p);
        weir_shard_free(shard);
    }
    traffic_fini(&t);
    traffic_fini(&small);
    print(o, row, &p);
}

/* --- many at once --- */

/* A shard with live traffic, and idle entries beside it. */
struct crowd {
    struct bench_memory memory;
    struct live live;
    struct traffic idle;
};

static void crowd_init(struct crowd *c, const struct bench_options *o)
{
    c->memory = (struct bench_memory){.huge = o->huge};
    live_init(&c->live, o, o->flows / LIVE_SHARE);
    init_fresh(&c->idle, o->flows);
}

static void crowd_fini(struct crowd *c)
{
    traffic_fini(&c->live.traffic);
    traffic_fini(&c->idle);
}

static struct weir_shard *crowd_shard(struct crowd *c)
{
    struct weir_shard *shard = new_shard(&c->memory, c->idle.count + 2 * c->live.traffic.count);

    c->idle.first = 1ULL << 32;
    traffic_restart(&c->idle);
    traffic_rebuild(&c->idle);
    pass(&c->idle, shard, check_new, NULL);
    c->live.traffic.now = c->idle.now;
    live_open(&c->live, shard);
    check_count(shard, c->idle.count + c->live.traffic.count);
    return shard;
}

static void mass_expiry(const struct bench_options *o, const char *row)
{
    struct crowd c;
    struct pieces p;

    /* At the rate of the engine's own share: an entry is looked at a few times before it ends. */
    pieces_init(&p, o, o->flows / 4 + CALM);
    crowd_init(&c, o);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = crowd_shard(&c);

        c.live.traffic.now.ns += udp_timeout_ns;
        while (weir_tunable_get(shard, WEIR_T_COUNT) > c.live.traffic.count)
            live_batch(&c.live, shard, check_established, &p);
        live_batches(&c.live, shard, CALM, &p);
        check_count(shard, c.live.traffic.count);
        pieces_end_repetition(&p);
        weir_shard_free(shard);
    }
    crowd_fini(&c);
    print(o, row, &p);
}

/* A share of the flush. True: there is more. */
static bool timed_flush(struct weir_shard *shard, uint64_t *cursor, struct pieces *p)
{
    struct stopwatch watch;
    bool whole, more;

    stopwatch_start(&watch);
    more = weir_shard_flush_some(shard, cursor, FLUSH_SHARE);
    int64_t took = stopwatch_stop(&watch, &whole);

    pieces_add(p, took, whole);
    return more;
}

/* Shares of the flush and batches in turns, then a pass over the whole pool, in which every live
 * flow has begun again. */
static void flush(const struct bench_options *o, const char *row)
{
    struct crowd c;
    struct pieces p;

    crowd_init(&c, o);
    uint32_t again = c.live.traffic.slots / BATCH;
    uint32_t shares = (c.idle.count + 2 * c.live.traffic.count) / FLUSH_SHARE + 2;

    pieces_init(&p, o, CALM + 2 * shares + again);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = crowd_shard(&c);
        uint64_t cursor = 0;

        live_batches(&c.live, shard, CALM, &p);
        while (timed_flush(shard, &cursor, &p))
            live_batch(&c.live, shard, check_tracked, &p);
        c.live.at = c.live.traffic.slots;
        for (uint32_t i = 0; i < again; i++)
            live_batch(&c.live, shard, check_tracked, &p);
        check_count(shard, c.live.traffic.count);
        pieces_end_repetition(&p);
        weir_shard_free(shard);
    }
    crowd_fini(&c);
    print(o, row, &p);
}

/* --- rules --- */

static void timed_swap(struct weir_shard *shard, const struct weir_rules *rules, struct pieces *p)
{
    struct stopwatch watch;
    bool whole;
    int failed;

    stopwatch_start(&watch);
    failed = weir_shard_set_rules(shard, 4, rules, NULL);
    int64_t took = stopwatch_stop(&watch, &whole);

    pieces_add(p, took, whole);
    bench_check(!failed, "the rules were refused");
}

/* Two rulesets, parsed before; traffic behind the first rule, which lets through what is
 * established. */
static void swap(const struct bench_options *o, const char *row, uint32_t size)
{
    struct bench_memory memory = {.huge = o->huge};
    struct ruleset texts[2] = {ruleset_of(USER_CHAINS, size), ruleset_of(USER_CHAINS, size)};
    struct weir_rules *rules[2] = {ruleset_parse(&texts[0]), ruleset_parse(&texts[1])};
    struct live live;
    struct pieces p;

    pieces_init(&p, o, SWAPS * (CALM + 1));
    live_init(&live, o, SWAP_FLOWS);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = new_shard(&memory, SWAP_FLOWS);

        traffic_restart(&live.traffic);
        live_open(&live, shard);
        for (uint32_t i = 0; i < SWAPS; i++) {
            timed_swap(shard, rules[i % 2], &p);
            live_batches(&live, shard, CALM, &p);
        }
        check_count(shard, SWAP_FLOWS);
        pieces_end_repetition(&p);
        weir_shard_free(shard);
    }
    traffic_fini(&live.traffic);
    for (int i = 0; i < 2; i++) {
        weir_rules_free(rules[i]);
        free(texts[i].text);
    }
    print(o, row, &p);
}

int main(int argc, char **argv)
{
    struct bench_options o;
    char row[64];

    bench_start(&o, argc, argv, "How long packets are held up: every batch of 32.");
    bench_print_pauses(&o);
    print_header();
    (void)snprintf(row, sizeof(row), "growth, 1k to %s", bench_count(GROWTH * o.flows).text);
    if (bench_wanted(&o, row))
        growth(&o, row, false);
    if (bench_wanted(&o, "growth, memory committed"))
        growth(&o, "growth, memory committed", true);
    (void)snprintf(row, sizeof(row), "mass expiry of %s", bench_count(o.flows).text);
    if (bench_wanted(&o, row))
        mass_expiry(&o, row);
    (void)snprintf(row, sizeof(row), "flush of %s", bench_count(o.flows).text);
    if (bench_wanted(&o, row))
        flush(&o, row);
    if (bench_wanted(&o, "swap of 1,000 rules"))
        swap(&o, "swap of 1,000 rules", 1000);
    if (bench_wanted(&o, "swap of 10,000 rules"))
        swap(&o, "swap of 10,000 rules", 10000);
    return 0;
}
