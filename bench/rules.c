/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rules cost that a new connection's packet passes, from its arrival to the confirmed entry,
 * by how many there are and what shape they have (rulesets.h); what it would cost to run them one
 * by one; how long a large ruleset takes to load, and what memory it and its indexes take.
 *
 * Every flow is new. The rules before the one that decides are passed by all packets, except in
 * user chains and kube-proxy's, where a packet enters the chains of its own network or service:
 * flows are spread over all of them, so what a packet reads there is cold.
 *
 * Verified: every packet is NEW and leaves, all by the same rule, whose counter has all of them;
 * and a shard that runs all rules one by one ends up with the same counters of all rules.
 */
#include "common.h"
#include "rulesets.h"
#include "traffic.h"

#include "rules/rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 32,
    FLOWS_SHARE = 5, /* of --flows, one in so many */
    PLAIN_FLOWS = 2048,
    LOAD_RULES = 100000,
    LOAD_RULES_QUICK = 2000,
    KUBE_SERVICE = 11, /* rules */
};

static const uint32_t sizes[] = {10, 100, 1000, 10000};

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* "10,000", as the names of rows have it. */
static struct bench_count grouped(uint32_t n)
{
    struct bench_count c;

    if (n < 1000)
        (void)snprintf(c.text, sizeof(c.text), "%" PRIu32, n);
    else
        (void)snprintf(c.text, sizeof(c.text), "%" PRIu32 ",%03" PRIu32, n / 1000, n % 1000);
    return c;
}

/* --- rulesets --- */

/* Memory that a ruleset takes. */
static void *reserve(void *ctx, size_t size)
{
    *(size_t *)ctx += size;
    return weir_reserve_pages(NULL, size);
}

static void release(void *ctx, void *memory, size_t size)
{
    *(size_t *)ctx -= size;
    weir_release_pages(NULL, memory, size);
}

enum how { INDEXED, ONE_BY_ONE };

static struct weir_rules *parse(const struct ruleset *text, enum how how, size_t *memory)
{
    const struct weir_rules_options options = {.flags = how == ONE_BY_ONE ? RULES_PLAIN : 0,
                                               .reserve = reserve,
                                               .release = release,
                                               .memory_ctx = memory};
    struct weir_rules_error error = {0};
    struct weir_rules *rules;
    int failed = weir_rules_parse(&rules, 4, text->text, text->len, &options, &error);

    bench_check(!failed, "rules, line %" PRIu32 ": %s %s", error.line, error.message, error.text);
    return rules;
}

/* --- a way: packets of one shape of rules, of one size --- */

struct way {
    char name[64];
    struct flows flows;
    struct traffic traffic;
    struct ruleset text;
    struct weir_rules *rules;
    size_t memory;
    struct spread each;
    double plain; /* ns, one by one */
};

static struct weir_shard *new_shard(struct bench_memory *memory, const struct weir_rules *rules,
                                    uint32_t flows)
{
    struct weir_config config = {
        .host = {.ctx = memory, .reserve = bench_reserve, .release = bench_release},
        .seed = {1, 2},
        .max = flows,
        .buckets = flows,
        .no_ipv6 = true,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard && weir_shard_set_rules(shard, 4, rules, NULL) == 0, "no memory for a shard");
    return shard;
}

/* All of them decided by one rule, whose number it returns; `decided`: of those before, 0: none. */
static uint32_t check_packets(const struct traffic *t, uint32_t from,
                              const struct weir_packet *packets, uint32_t n, uint32_t decided)
{
    for (uint32_t i = 0; i < n; i++) {
        packet_check(&packets[i], WEIR_CT_NEW, traffic_flow(t, from + i));
        bench_check(packets[i].rule && (!decided || packets[i].rule == decided),
                    "flow %" PRIu32 " was decided by rule %u", from + i, packets[i].rule);
        decided = packets[i].rule;
    }
    return decided;
}

/* Open the first `n` flows. Nanoseconds for each. */
static double open_flows(struct traffic *t, struct weir_shard *shard, uint32_t n)
{
    struct tally tally = {0};
    uint32_t decided = 0;

    for (uint32_t from = 0; from < n; from += BATCH) {
        struct weir_packet packets[BATCH];
        uint32_t some = n - from < BATCH ? n - from : BATCH;
        struct stopwatch watch;
        bool whole;

        traffic_describe(t, from, some, packets);
        stopwatch_start(&watch);
        traffic_run(t, shard, packets, some, BATCH);
        int64_t took = stopwatch_stop(&watch, &whole);

        tally_add(&tally, took, whole, some);
        decided = check_packets(t, from, packets, some, decided);
    }
    bench_check(weir_shard_rule_counts(shard, 4)[decided - 1].packets == n,
                "the rule that decided did not count all");
    return tally_each(&tally);
}

static void pass(struct way *w)
{
    struct bench_memory memory = {.commit = true};
    struct weir_shard *shard = new_shard(&memory, w->rules, w->traffic.count);

    traffic_restart(&w->traffic);
    traffic_rebuild(&w->traffic);
    spread_add(&w->each, open_flows(&w->traffic, shard, w->traffic.count));
    weir_shard_free(shard);
}

/* Some of the flows with an index and without one. */
static void compare(struct way *w)
{
    struct bench_memory memory = {.commit = true};
    uint32_t n = w->traffic.count < PLAIN_FLOWS ? w->traffic.count : PLAIN_FLOWS;
    size_t size = 0, counters = weir_rules_counters(w->rules) * sizeof(struct weir_rules_count);
    struct weir_rules *rules[] = {w->rules, parse(&w->text, ONE_BY_ONE, &size)};
    struct weir_shard *shards[2];

    for (int i = 0; i < 2; i++) {
        shards[i] = new_shard(&memory, rules[i], n);
        traffic_restart(&w->traffic);
        traffic_rebuild(&w->traffic);
        w->plain = open_flows(&w->traffic, shards[i], n);
    }
    bench_check(memcmp(weir_shard_rule_counts(shards[0], 4), weir_shard_rule_counts(shards[1], 4),
                       counters) == 0,
                "%s: counters are not as when rules are run one by one", w->name);
    for (int i = 0; i < 2; i++)
        weir_shard_free(shards[i]);
    weir_rules_free(rules[1]);
}

/* Of kube-proxy's, services are counted and not rules. */
static void way_init(struct way *w, const struct bench_options *o, enum shape shape, uint32_t size)
{
    static const uint8_t kinds[SHAPES] = {[BY_ADDRESS] = RANDOM,
                                          [BY_PORT] = HIGH_PORTS,
                                          [USER_CHAINS] = HIGH_PORTS,
                                          [KUBE_PROXY] = SERVICES};
    uint32_t rules = shape == KUBE_PROXY ? size * KUBE_SERVICE : size;

    *w = (struct way){.flows = {4, TRAFFIC_UDP, kinds[shape], ruleset_services(rules)},
                      .text = ruleset_of(shape, rules)};
    (void)snprintf(w->name, sizeof(w->name), "%s, %s", shape_name(shape), grouped(size).text);
    traffic_init(&w->traffic, &w->flows, o->flows / FLOWS_SHARE, 1, 0);
    w->rules = parse(&w->text, INDEXED, &w->memory);
    compare(w);
}

static void way_fini(struct way *w)
{
    traffic_fini(&w->traffic);
    weir_rules_free(w->rules);
    free(w->text.text);
}

static void tell(const struct bench_options *o, const struct way *w, const struct way *least)
{
    double ratio = spread_min(&w->each) / spread_min(&least->each);

    printf("%-24s %7.1f %7.1f %7.1f  %9.2f  %10.1f\n", w->name, spread_min(&w->each),
           spread_median(&w->each), spread_max(&w->each), ratio, w->plain);
    report_spread(o, w->name, "time", "ns", &w->each);
    report(o, &(struct figure){w->name, "to 10 rules", "x", ratio,
                               spread_median(&w->each) / spread_median(&least->each)});
    report(o, &(struct figure){w->name, "one by one", "ns", w->plain, w->plain});
}

static void measure(const struct bench_options *o, enum shape shape)
{
    struct way *ways = bench_alloc(SIZES * sizeof(*ways));

    for (unsigned i = 0; i < SIZES; i++)
        way_init(&ways[i], o, shape, sizes[i]);
    for (uint32_t rep = 0; rep < o->reps; rep++)
        for (unsigned i = 0; i < SIZES; i++)
            pass(&ways[i]);
    for (unsigned i = 0; i < SIZES; i++) {
        tell(o, &ways[i], &ways[0]);
        report_point(o, shape_name(shape), sizes[i], spread_min(&ways[i].each));
    }
    for (unsigned i = 0; i < SIZES; i++)
        way_fini(&ways[i]);
    bench_free(ways, SIZES * sizeof(*ways));
}

/* --- loading --- */

static double seconds_to_parse(const struct ruleset *text, enum how how, size_t *memory)
{
    int64_t began = stopwatch_now();
    struct weir_rules *rules = parse(text, how, memory);
    double took = (double)(stopwatch_now() - began) / 1e9;
    size_t all = *memory;

    weir_rules_free(rules);
    *memory = all;
    return took;
}

static void load(const struct bench_options *o, enum shape shape)
{
    uint32_t count = o->quick ? LOAD_RULES_QUICK : LOAD_RULES;
    struct ruleset text = ruleset_of(shape, count);
    struct spread took = {.n = 0};
    size_t with = 0, without = 0;
    char name[64];

    (void)snprintf(name, sizeof(name), "%s, %s", shape_name(shape), grouped(count).text);
    (void)seconds_to_parse(&text, ONE_BY_ONE, &without);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        with = 0;
        spread_add(&took, seconds_to_parse(&text, INDEXED, &with));
    }
    free(text.text);

    double each = (double)with / count, index = (double)(with - without) / count;

    printf("%-24s %7.3f %7.3f %7.3f  %9.1f  %9.1f\n", name, spread_min(&took), spread_median(&took),
           spread_max(&took), each, index);
    report_spread(o, name, "load", "s", &took);
    report(o, &(struct figure){name, "memory of a rule", "B", each, each});
    report(o, &(struct figure){name, "index of a rule", "B", index, index});
}

int main(int argc, char **argv)
{
    struct bench_options o;

    bench_start(&o, argc, argv, "Rules that a new connection's packet passes: nanoseconds.");
    printf("\n%-24s %23s  %9s  %10s\n", "", "ns a connection", "to 10", "one by one");
    printf("%-24s %7s %7s %7s  %9s  %10s\n", "rules", "min", "median", "max", "rules", "ns");
    for (enum shape shape = 0; shape < SHAPES; shape++)
        if (bench_wanted(&o, shape_name(shape)))
            measure(&o, shape);
    printf("\n%-24s %23s  %9s  %9s\n", "", "seconds to load", "bytes", "of it");
    printf("%-24s %7s %7s %7s  %9s  %9s\n", "rules", "min", "median", "max", "a rule", "index");
    for (enum shape shape = 0; shape < SHAPES; shape++)
        if (bench_wanted(&o, shape_name(shape)))
            load(&o, shape);
    return 0;
}
