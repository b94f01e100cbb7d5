/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What connections cost that come and go.
 *
 * Growth: a million connections from their first packet to the confirmed entry, into a table that
 * starts small and grows; with pages that the system hands out on first use, with pages committed
 * in advance, and with the table sized in advance too. What the three differ by is the price of
 * page faults and of growing.
 *
 * Source NAT to one address, with all ports free: kept, drawn at random, MASQUERADE. Then with one
 * range of ports for connections to few servers, until of each server's ports 95 % are taken; and
 * at that level, where nearly every port is a matter of searching.
 *
 * Steady: as many connections made as expire, around a full population. Lifetimes are mixed
 * (16 timeout policies), so entries expire in another order than they were made or stand in memory,
 * and time moves so that the population stays.
 *
 * Mass expiry: all connections due at once; removed by ticks of a budget, and removed while new
 * ones come in. Flush: all connections made, then flushed, again and again; what a flush leaves to
 * be done later is paid for by the packets after it, so both are in the figure.
 *
 * Each batch (or tick) is timed by itself: throughput is the sum, latency the distribution (whose
 * end may be the machine's and not the engine's: see the line "idle"). Every flow is new, so its
 * packet, both buckets and its place in memory are cold.
 *
 * Verified: every packet is NEW and accepted, and translated where it must be, nothing is dropped,
 * counts are what went in and out.
 */
#include "common.h"
#include "rulesets.h"
#include "traffic.h"

#include "base/bytes.h"
#include "packet/headers.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    BATCH = 32,
    TICK_BUDGET = 64,
    LIFETIMES = 16,
    LIFETIME_MIN_S = 5, /* 5 to 20 seconds: 12.5 on average */
    QUICK_SLOTS = 8192,
    NAT_PORTS = 64512, /* for each server: 1024 to 65535 */
    NAT_PORTS_QUICK = 2048,
    TAKEN_PERCENT = 95,
    REPLACED_PERCENT = 1, /* of the connections, in each repetition at that level */
};

static const uint32_t nat_address = 0xc6336401; /* 198.51.100.1, as rulesets.c has it */

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

static void print_row(const struct bench_options *o, const char *name, struct figures *f)
{
    samples_sort(&f->piece);
    printf("%-38s %8.2f  %7.1f %7.1f %7.1f  %7.1f %7.1f %7.1f %7.1f %5zu\n", name,
           1000 / spread_min(&f->each), spread_min(&f->each), spread_median(&f->each),
           spread_max(&f->each), us(f, 0.5), us(f, 0.99), us(f, 0.9999), us(f, 1),
           f->piece.left_out);
    report_spread(o, name, "time", "ns", &f->each);
    (void)fflush(stdout);
    samples_fini(&f->piece);
}

/* --- running --- */

/* A name of rows: what, how many, how. */
struct name {
    char text[64];
};

static struct name name_of(const char *what, uint32_t count, const char *how)
{
    struct name n;

    (void)snprintf(n.text, sizeof(n.text), "%s %s%s", what, bench_count(count).text, how);
    return n;
}

/* What goes with a pass; all may be NULL, or false. */
struct pass {
    struct samples *pieces;
    const struct weir_template *templates; /* one for each lifetime */
    void (*watch)(void *ctx, const struct weir_shard *shard);
    void *ctx;
    bool nat;
};

static void check_nat(const struct weir_packet *p, uint64_t flow)
{
    bench_check(load_be32(p->data + IP4_SRC) == nat_address && packet_sums_right(p->data, p->len),
                "flow %" PRIu64 ": its packet was not translated well", flow);
}

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

        for (uint32_t i = 0; i < n; i++) {
            packet_check(&packets[i], WEIR_CT_NEW, traffic_flow(t, from + i));
            if (with->nat)
                check_nat(&packets[i], traffic_flow(t, from + i));
        }
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

/* What MASQUERADE asks for. */
static bool source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                   const union weir_addr *peer, union weir_addr *addr)
{
    (void)ctx, (void)use, (void)iface, (void)peer;
    addr->v4 = BE32(nat_address);
    return family == 4;
}

static struct weir_shard *new_shard(struct pages *pages, const struct flows *f, uint32_t max)
{
    struct weir_config config = {
        .host = {.ctx = &pages->memory,
                 .reserve = bench_reserve,
                 .release = bench_release,
                 .source = source},
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

struct growth {
    const char *what, *how;
    struct flows flows;
    struct pages pages;
    struct ruleset (*nat)(void); /* to nat_address; NULL: none */
};

static struct ruleset snat_range(void)
{
    return ruleset_snat_ports(NAT_PORTS);
}

/* clang-format off */
static const struct growth growths[] = {
    {"udp4", ", growing, first touch", {4, TRAFFIC_UDP, RANDOM, 0}, {{false, false}, false}, NULL},
    {"udp4", ", growing",              {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false},  NULL},
    {"udp4", ", presized",             {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, true},   NULL},
    {"udp4", ", presized, small pages", {4, TRAFFIC_UDP, RANDOM, 0}, {{false, true}, true},  NULL},
    {"tcp4", ", growing",              {4, TRAFFIC_TCP, RANDOM, 0}, {{true, true}, false},  NULL},
    {"udp6", ", growing",              {6, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false},  NULL},
    {"tcp6", ", growing",              {6, TRAFFIC_TCP, RANDOM, 0}, {{true, true}, false},  NULL},
    {"udp4", ", SNAT",                 {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false},  ruleset_snat},
    {"udp4", ", SNAT, range, 0 % taken", {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false}, snat_range},
    {"udp4", ", SNAT, random port",    {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false},  ruleset_snat_random},
    {"udp4", ", MASQUERADE",           {4, TRAFFIC_UDP, RANDOM, 0}, {{true, true}, false},  ruleset_masquerade},
};
/* clang-format on */

static void growth(const struct bench_options *o, const struct growth *g)
{
    struct name name = name_of(g->what, o->flows, g->how);
    struct pages pages = g->pages;
    struct traffic t;

    if (!bench_wanted(o, name.text))
        return;
    struct figures f = figures_new(o, o->flows / BATCH + 1);

    pages.memory.huge &= !o->small;
    traffic_init(&t, &g->flows, o->flows, 1, 0);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = new_shard(&pages, &g->flows, o->flows);
        struct weir_rules *rules = g->nat ? ruleset_use(shard, g->nat()) : NULL;

        traffic_rebuild(&t);
        spread_add(&f.each, pass(&t, shard, &(struct pass){&f.piece, .nat = g->nat != NULL}));
        check_counts(shard, o->flows, 0);
        weir_shard_free(shard);
        weir_rules_free(rules);
    }
    traffic_fini(&t);
    print_row(o, name.text, &f);
}

/* --- a crowded address --- */

/* One server each for so many connections that they take TAKEN_PERCENT of its ports. */
struct crowd {
    struct pages pages;
    struct flows flows;
    uint32_t count, ports;
};

static struct crowd crowd_of(const struct bench_options *o)
{
    struct crowd c = {.pages = {.memory = {.huge = !o->small, .commit = true}},
                      .flows = {4, TRAFFIC_UDP, CROWDED, 1},
                      .ports = o->quick ? NAT_PORTS_QUICK : NAT_PORTS};
    uint32_t each = c.ports * TAKEN_PERCENT / 100;

    if (o->flows > each)
        c.flows.servers = o->flows / each;
    c.count = c.flows.servers * each;
    return c;
}

/* End some connections, picked at random. How many. */
static uint32_t make_room(struct weir_shard *shard, uint32_t round)
{
    uint64_t cursor = 0;
    uint32_t killed = 0;
    struct weir_conn c;

    while (weir_conn_walk(shard, &cursor, &c)) {
        if (bench_mix((uint64_t)round << 32 | c.handle) % 100 >= REPLACED_PERCENT)
            continue;
        bench_check(weir_conn_kill(shard, c.handle), "an entry could not be killed");
        killed++;
    }
    return killed;
}

static void crowded(const struct bench_options *o)
{
    struct name filling = name_of("udp4", o->flows, ", SNAT, range, 0 to 95 % taken");
    struct name full = name_of("udp4", o->flows, ", SNAT, range, 95 % taken");
    struct crowd c = crowd_of(o);
    struct traffic all;

    if (!bench_wanted(o, filling.text) && !bench_wanted(o, full.text))
        return;
    struct figures grown = figures_new(o, c.count / BATCH + 1);
    struct figures replaced = figures_new(o, c.count / BATCH + 1);

    traffic_init(&all, &c.flows, c.count, 1, 0);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        struct weir_shard *shard = new_shard(&c.pages, &c.flows, c.count);
        struct weir_rules *rules = ruleset_use(shard, ruleset_snat_ports(c.ports));
        struct traffic more;

        traffic_rebuild(&all);
        spread_add(&grown.each, pass(&all, shard, &(struct pass){&grown.piece, .nat = true}));
        check_counts(shard, c.count, 0);

        uint32_t room = make_room(shard, rep);

        traffic_init(&more, &c.flows, room, 1, 0);
        more.first = all.first + all.count;
        more.now = all.now;
        traffic_rebuild(&more);
        spread_add(&replaced.each,
                   pass(&more, shard, &(struct pass){&replaced.piece, .nat = true}));
        check_counts(shard, (uint64_t)c.count + room, room);
        traffic_fini(&more);
        weir_shard_free(shard);
        weir_rules_free(rules);
    }
    traffic_fini(&all);
    print_row(o, filling.text, &grown);
    print_row(o, full.text, &replaced);
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

static void steady(const struct bench_options *o, const struct flows *flows)
{
    struct name name = name_of("udp4", o->flows, ", create + expire");
    struct pages pages = {.memory = {.huge = !o->small}};
    struct population population = {.want = o->flows, .min = 1, .max = 1};
    struct weir_template templates[LIFETIMES];
    uint32_t slots = o->quick ? QUICK_SLOTS : traffic_cold_slots(flows);
    struct weir_stats stats;
    struct traffic t;

    if (!bench_wanted(o, name.text))
        return;
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
    print_row(o, name.text, &f);
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
    struct name names[] = {name_of("udp4", o->flows, ", mass expiry, ticks of 64"),
                           name_of("udp4", o->flows, ", new during mass expiry")};
    struct pages pages = {.memory = {.huge = !o->small, .commit = true}};
    struct traffic t;

    if (!bench_wanted(o, names[0].text) && !bench_wanted(o, names[1].text))
        return;
    /* An entry is looked at once on each level of the wheel; more than two of them is rare. */
    struct figures ticks = figures_new(o, 3 * (o->flows / TICK_BUDGET) + 2);
    struct figures fresh = figures_new(o, o->flows / BATCH + 1);

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
    print_row(o, names[0].text, &ticks);
    print_row(o, names[1].text, &fresh);
}

/* --- flush --- */

static int64_t flush_all(struct weir_shard *shard)
{
    struct stopwatch watch;
    bool whole;

    stopwatch_start(&watch);
    weir_shard_flush(shard);
    return stopwatch_stop(&watch, &whole); /* once in a pass: nothing is left out */
}

static void flush(const struct bench_options *o, const struct flows *flows)
{
    struct name name = name_of("udp4", o->flows, ", create + flush");
    struct pages pages = {.memory = {.huge = !o->small, .commit = true}};
    struct traffic t;

    if (!bench_wanted(o, name.text))
        return;
    struct figures f = figures_new(o, o->flows / BATCH + 1);
    /* What was flushed may stand until packets have swept it out. */
    struct weir_shard *shard = new_shard(&pages, flows, 2 * o->flows);

    traffic_init(&t, flows, o->flows, 1, 0);
    for (uint32_t rep = 0; rep <= o->reps; rep++) {
        go_on(&t);
        double each = pass(&t, shard, &(struct pass){.pieces = rep ? &f.piece : NULL});

        each += (double)flush_all(shard) / t.count;
        if (rep) /* the first pass had nothing to sweep */
            spread_add(&f.each, each);
    }
    (void)weir_shard_tick(shard, t.now, 0);
    check_counts(shard, (o->reps + 1ULL) * o->flows, (o->reps + 1ULL) * o->flows);
    weir_shard_free(shard);
    traffic_fini(&t);
    print_row(o, name.text, &f);
}

int main(int argc, char **argv)
{
    static const struct flows udp4 = {4, TRAFFIC_UDP, RANDOM, 0};
    struct bench_options o;

    bench_start(&o, argc, argv, "Connections that come and go: nanoseconds for each.");
    bench_print_pauses(&o);
    print_header();
    for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++)
        growth(&o, &growths[i]);
    crowded(&o);
    steady(&o, &udp4);
    mass_expiry(&o, &udp4);
    flush(&o, &udp4);
    return 0;
}
