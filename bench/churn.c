/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What connections cost that come and go.
 *
 * Growth: a million connections from their first packet to the confirmed entry, into a table that
 * starts small and grows; with pages that the system hands out on first use, with pages committed
 * in advance, and with the table sized in advance too. What the three differ by is the price of
 * page faults and of growing.
 *
 * Steady: as many connections made as expire, around a full population. Lifetimes are mixed
 * (16 timeout policies), so entries expire in another order than they were made or stand in memory,
 * and time moves so that the population stays.
 *
 * Mass expiry: all connections due at once; removed by ticks of a budget, and removed while new
 * ones come in.
 *
 * Each batch (or tick) is timed by itself: throughput is the sum, latency the distribution (whose
 * end may be the machine's and not the engine's: see the line "idle"). Every flow is new, so its
 * packet, both buckets and its place in memory are cold.
 *
 * Verified: every packet is NEW and accepted, nothing is dropped, counts are what went in and out.
 */
#include "common.h"
#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BATCH = 32,
    TICK_BUDGET = 64,
    LIFETIMES = 16,
    LIFETIME_MIN_S = 5, /* 5 to 20 seconds: 12.5 on average */
    QUICK_SLOTS = 8192,
};

static const int64_t second_ns = 1000000000;
static const int64_t lifetime_mean_ns = 12500000000;
static const int64_t udp_timeout_ns = 30000000000;

/* What one row measures. */
struct figures {
    struct spread each; /* ns for each connection */
    struct samples piece;
};

static struct figures figures_new(const struct bench_options *o, uint32_t pieces)
{
    struct figures f = {.each = {.n = 0}};

    samples_init(&f.piece, (size_t)pieces * o->reps);
    return f;
}

static void print_header(void)
{
    printf("\n%-38s %8s  %23s  %31s %5s\n", "", "", "ns a connection", "us a batch (of 32) or tick",
           "left");
    printf("%-38s %8s  %7s %7s %7s  %7s %7s %7s %7s %5s\n", "", "M/s", "min", "median", "max",
           "p50", "p99", "p99.99", "max", "out");
}

static double us(const struct figures *f, double share)
{
    return (double)samples_percentile(&f->piece, share) / 1000;
}

static void print_row(const char *name, struct figures *f)
{
    samples_sort(&f->piece);
    printf("%-38s %8.2f  %7.1f %7.1f %7.1f  %7.1f %7.1f %7.1f %7.1f %5zu\n", name,
           1000 / spread_min(&f->each), spread_min(&f->each), spread_median(&f->each),
           spread_max(&f->each), us(f, 0.5), us(f, 0.99), us(f, 0.9999), us(f, 1),
           f->piece.left_out);
    (void)fflush(stdout);
    samples_fini(&f->piece);
}

/* --- running --- */

/* What goes with a pass; all may be NULL. */
struct pass {
    struct samples *pieces;
    const struct weir_template *templates; /* one for each lifetime */
    void (*watch)(void *ctx, const struct weir_shard *shard);
    void *ctx;
};

/* Run a pass of opening packets, each batch timed. Nanoseconds for each. */
static double pass(struct traffic *t, struct weir_shard *shard, const struct pass *with)
{
    struct weir_packet packets[BATCH];
    struct tally tally = {0};

    for (uint32_t from = 0; from < t->slots; from += BATCH) {
        uint32_t n = t->slots - from < BATCH ? t->slots - from : BATCH;
        struct stopwatch watch;
        bool whole;

        traffic_describe(t, from, n, packets);
        for (uint32_t i = 0; with->templates && i < n; i++)
            packets[i].templ = &with->templates[bench_mix(t->first + from + i) % LIFETIMES];
        stopwatch_start(&watch);
        traffic_run(t, shard, packets, n, BATCH);
        int64_t took = stopwatch_stop(&watch, &whole);

        for (uint32_t i = 0; i < n; i++)
            packet_check(&packets[i], WEIR_CT_NEW, traffic_flow(t, from + i));
        tally_add(&tally, took, whole, n);
        if (with->pieces)
            samples_add(with->pieces, took, whole);
        if (with->watch)
            with->watch(with->ctx, shard);
    }
    return tally_each(&tally);
}

/* The next flows, never seen before. */
static void go_on(struct traffic *t)
{
    t->first += t->count;
    traffic_rebuild(t);
}

struct pages {
    struct bench_memory memory;
    bool presized;
};

static struct weir_shard *new_shard(struct pages *pages, const struct flows *f, uint32_t max)
{
    struct weir_config config = {
        .host = {.ctx = &pages->memory, .reserve = bench_reserve, .release = bench_release},
        .seed = {1, 2},
        .max = max,
        .buckets = pages->presized ? max : 1,
        .no_ipv4 = f->family == 6,
        .no_ipv6 = f->family == 4,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard != NULL, "no memory for a shard of %" PRIu32 " connections", max);
    return shard;
}

static void check_counts(const struct weir_shard *shard, uint64_t created, uint64_t removed)
{
    struct weir_stats s;
    int64_t count = weir_tunable_get(shard, WEIR_T_COUNT);

    weir_shard_stats(shard, &s);
    bench_check(s.created == created, "%" PRIu64 " connections made instead of %" PRIu64, s.created,
                created);
    bench_check(s.removed == removed, "%" PRIu64 " connections removed instead of %" PRIu64,
                s.removed, removed);
    bench_check(s.drop == 0 && s.early_drop == 0 && s.dropped == 0, "something was dropped");
    bench_check(count == (int64_t)(created - removed), "%" PRId64 " connections are left", count);
}

/* --- growth --- */

static void growth(const struct bench_options *o, const char *name, const struct flows *flows,
                   struct pages pages)
{
    struct figures f = figures_new(o, o->flows / BATCH + 1);
    struct traffic t;

    pages.memory.huge = o->huge;
    traffic_init(&t, flows, o->flows, 1, 0);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        traffic_rebuild(&t);

        struct weir_shard *shard = new_shard(&pages, flows, o->flows);

        spread_add(&f.each, pass(&t, shard, &(struct pass){&f.piece}));
        check_counts(shard, o->flows, 0);
        weir_shard_free(shard);
    }
    traffic_fini(&t);
    print_row(name, &f);
}

/* --- steady --- */

static void set_lifetimes(struct weir_shard *shard, struct weir_template *templates)
{
    for (unsigned i = 0; i < LIFETIMES; i++) {
        templates[i] = (struct weir_template){.policy = (uint8_t)(i + 1)};
        bench_check(weir_policy_set(shard, i + 1, WEIR_T_UDP_TIMEOUT, LIFETIME_MIN_S + i) == 0,
                    "policy %u was refused", i + 1);
    }
}

/* How far the population strays from what rates and lifetimes say, as shares of it. */
struct population {
    double want, min, max;
};

static void watch_population(void *ctx, const struct weir_shard *shard)
{
    struct population *p = ctx;
    double now = (double)weir_tunable_get(shard, WEIR_T_COUNT) / p->want;

    p->min = now < p->min ? now : p->min;
    p->max = now > p->max ? now : p->max;
}

static void steady(const struct bench_options *o, const char *name, const struct flows *flows)
{
    struct pages pages = {.memory = {.huge = o->huge}};
    struct population population = {.want = o->flows, .min = 1, .max = 1};
    struct weir_template templates[LIFETIMES];
    uint32_t slots = o->quick ? QUICK_SLOTS : traffic_cold_slots(flows);
    struct weir_stats stats;
    struct traffic t;

    /* At least two lifetimes' worth in a pass, so that one untimed pass brings the population to
     * its level and stirs it. */
    slots = slots > 2 * o->flows ? slots : 2 * o->flows;
    traffic_init(&t, flows, slots, 1, 0);
    t.packet_ns = lifetime_mean_ns / o->flows;
    struct figures f = figures_new(o, slots / BATCH + 1);
    struct weir_shard *shard = new_shard(&pages, flows, 2 * o->flows);

    set_lifetimes(shard, templates);
    traffic_rebuild(&t);
    (void)pass(&t, shard, &(struct pass){.templates = templates});
    for (uint32_t rep = 1; rep <= o->reps; rep++) {
        go_on(&t);
        spread_add(
            &f.each,
            pass(&t, shard, &(struct pass){&f.piece, templates, watch_population, &population}));
        weir_shard_stats(shard, &stats);
        check_counts(shard, (1ULL + rep) * slots, stats.removed);
    }
    bench_check(population.min > 0.8 && population.max < 1.5,
                "%.2f to %.2f of the due population: expiry does not keep pace", population.min,
                population.max);
    weir_shard_free(shard);
    traffic_fini(&t);
    print_row(name, &f);
    printf("%38s population: %.3f to %.3f of what is due\n", "", population.min, population.max);
}

/* --- mass expiry --- */

static double expire_all(struct traffic *t, struct weir_shard *shard, struct samples *pieces)
{
    struct tally tally = {0};
    size_t looked;

    do {
        struct stopwatch watch;
        bool whole;

        stopwatch_start(&watch);
        looked = weir_shard_tick(shard, t->now, TICK_BUDGET);
        int64_t took = stopwatch_stop(&watch, &whole);

        bench_check(looked <= TICK_BUDGET, "a tick looked at %zu entries", looked);
        samples_add(pieces, took, whole);
        tally_add(&tally, took, whole, 1);
    } while (looked == TICK_BUDGET);
    return tally_each(&tally) * (double)(tally.items + tally.left_out) / t->count;
}

/* Let all that was opened be due, within the clock's smallest step. */
static void let_all_expire(struct traffic *t)
{
    t->now.ns += udp_timeout_ns + second_ns;
}

static void mass_expiry(const struct bench_options *o, const struct flows *flows)
{
    static const char *const names[] = {"mass expiry, ticks of 64", "new during mass expiry"};
    struct pages pages = {.memory = {.huge = o->huge, .commit = true}};
    /* An entry is looked at once on each level of the wheel; more than two of them is rare. */
    struct figures ticks = figures_new(o, 3 * (o->flows / TICK_BUDGET) + 2);
    struct figures fresh = figures_new(o, o->flows / BATCH + 1);
    struct traffic t;

    traffic_init(&t, flows, o->flows, 1, 0);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = new_shard(&pages, flows, 2 * o->flows);

        go_on(&t);
        (void)pass(&t, shard, &(struct pass){0});
        let_all_expire(&t);
        spread_add(&ticks.each, expire_all(&t, shard, &ticks.piece));
        check_counts(shard, o->flows, o->flows);

        go_on(&t);
        (void)pass(&t, shard, &(struct pass){0});
        let_all_expire(&t);
        go_on(&t);
        spread_add(&fresh.each, pass(&t, shard, &(struct pass){&fresh.piece}));
        (void)weir_shard_tick(shard, t.now, 0);
        check_counts(shard, 3ULL * o->flows, 2ULL * o->flows);
        weir_shard_free(shard);
    }
    traffic_fini(&t);
    print_row(names[0], &ticks);
    print_row(names[1], &fresh);
}

int main(int argc, char **argv)
{
    static const struct flows udp4 = {4, TRAFFIC_UDP, false}, tcp4 = {4, TRAFFIC_TCP, false},
                              udp6 = {6, TRAFFIC_UDP, false};
    static const struct pages fresh = {{false, false}, false}, committed = {{false, true}, false},
                              presized = {{false, true}, true};
    static const struct {
        const char *name;
        const struct flows *flows;
        const struct pages *pages;
    } rows[] = {
        {"udp4 growth, pages on first use", &udp4, &fresh},
        {"udp4 growth, pages committed", &udp4, &committed},
        {"udp4 table presized, pages committed", &udp4, &presized},
        {"tcp4 growth, pages committed", &tcp4, &committed},
        {"udp6 growth, pages committed", &udp6, &committed},
    };
    struct bench_options o;

    bench_start(&o, argc, argv, "Connections that come and go: nanoseconds for each.");
    bench_print_pauses(&o);
    printf("flows:   %s\n", bench_count(o.flows).text);
    print_header();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (bench_wanted(&o, rows[i].name))
            growth(&o, rows[i].name, rows[i].flows, *rows[i].pages);
    if (bench_wanted(&o, "udp4 steady, create + expire"))
        steady(&o, "udp4 steady, create + expire", &udp4);
    if (bench_wanted(&o, "mass expiry"))
        mass_expiry(&o, &udp4);
    return 0;
}
