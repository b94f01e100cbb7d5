/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection costs in memory, everything in: entry, both directions in the table, timers,
 * with NAT what that keeps.
 *
 * Measured from outside: what the process's resident set (/proc/self/statm) grows by while a shard
 * is made and filled, divided by the connections. Nothing else allocates meanwhile. Then from
 * inside: which pages of each region that the shard reserved are resident (mincore). The two must
 * agree. To tell the regions apart this program, alone in bench/, looks inside the engine. Beside
 * them stands what weir_size_predict() says, which is what `weir size` prints.
 *
 * Some rows are after churn: half of the connections killed at random and replaced, several times
 * over, so that free lists, timer chunks and overflow buckets stand at their high-water marks.
 */
#include "common.h"
#include "rulesets.h"
#include "traffic.h"

#include "pipe/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHURN_ROUNDS = 2, REGIONS_MAX = 64 };

static const int64_t churn_round_ns = 100000000000;
static const int64_t packet_ns = 100;

/* The kernel counts resident pages per CPU and adds them up in steps. */
static const uint64_t statm_slack = 1 << 20;

static uint64_t resident(void)
{
    char line[128] = "", *pages;
    FILE *f = fopen("/proc/self/statm", "re");

    bench_check(f && fgets(line, sizeof(line), f), "cannot read /proc/self/statm");
    (void)fclose(f);
    (void)strtoull(line, &pages, 10); /* all pages, then the resident ones */
    return strtoull(pages, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- regions --- */

struct region {
    void *memory;
    size_t size;
};

/* What a shard has reserved. */
struct regions {
    struct bench_memory memory;
    struct region region[REGIONS_MAX];
    uint32_t n;
};

static void *reserve(void *ctx, size_t size)
{
    struct regions *r = ctx;
    void *memory = bench_reserve(&r->memory, size);

    bench_check(r->n < REGIONS_MAX, "a shard reserves more than %d regions", REGIONS_MAX);
    r->region[r->n++] = (struct region){memory, size};
    return memory;
}

static void release(void *ctx, void *memory, size_t size)
{
    struct regions *r = ctx;

    for (uint32_t i = 0; i < r->n; i++)
        if (r->region[i].memory == memory)
            r->region[i] = r->region[--r->n];
    bench_release(&r->memory, memory, size);
}

/* Bytes of it that are resident. Every region is a mapping of its own, so begins a page. */
static uint64_t resident_in(const struct region *r)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), resident_pages = 0;
    unsigned char there[256];

    for (size_t from = 0; from < r->size; from += sizeof(there) * page) {
        size_t some = r->size - from < sizeof(there) * page ? r->size - from : sizeof(there) * page;

        bench_check(mincore((char *)r->memory + from, some, there) == 0, "mincore failed");
        for (size_t i = 0; i < (some + page - 1) / page; i++)
            resident_pages += there[i] & 1;
    }
    return resident_pages * page;
}

enum part { ENTRIES, TABLE, OVERFLOW, TIMERS, EXTENSIONS, RULES, OTHER, PARTS };

static enum part part_of(const struct track *t, const struct region *r, bool before_rules)
{
    const void *m = r->memory;

    if (m == t->conns[0].base || m == t->conns[1].base)
        return ENTRIES;
    if (m == t->table.buckets)
        return TABLE;
    if (m == t->table.overflow.base)
        return OVERFLOW;
    if (m == t->wheel.chunks.base)
        return TIMERS;
    if (m == t->exts.base)
        return EXTENSIONS;
    return before_rules ? OTHER : RULES;
}

static uint64_t measure_parts(const struct weir_shard *shard, const struct regions *regions,
                              uint32_t before_rules, uint64_t parts[PARTS])
{
    uint64_t sum = 0;

    memset(parts, 0, PARTS * sizeof(*parts));
    for (uint32_t i = 0; i < regions->n; i++) {
        const struct region *r = &regions->region[i];
        uint64_t bytes = resident_in(r);

        parts[part_of(&shard->track, r, i < before_rules)] += bytes;
        sum += bytes;
    }
    return sum;
}

/* --- filling --- */

/* Kill about half of the connections, here and there, and open as many new ones. */
static void stir(struct traffic *t, struct weir_shard *shard, uint32_t round)
{
    uint32_t killed = 0;
    uint64_t cursor = 0;
    struct weir_conn c;

    t->now.ns += churn_round_ns;
    while (weir_conn_walk(shard, &cursor, &c)) {
        if (bench_mix((uint64_t)round << 32 | c.handle) & 1) {
            bench_check(weir_conn_kill(shard, c.handle), "an entry could not be killed");
            killed++;
        }
    }
    t->first += t->count;
    t->count = killed;
    traffic_open(t, shard);
}

/* --- rows --- */

struct row {
    const char *what, *how;
    struct flows flows;
    uint32_t eighths; /* of --flows */
    bool churn, acct, nat;
};

/* clang-format off */
static const struct row rows[] = {
    {"udp4", "",              {4, TRAFFIC_UDP, RANDOM, 0}, 5},
    {"udp4", "",              {4, TRAFFIC_UDP, RANDOM, 0}, 8},
    {"udp4", "",              {4, TRAFFIC_UDP, RANDOM, 0}, 10},
    {"tcp4", "",              {4, TRAFFIC_TCP, RANDOM, 0}, 8},
    {"tcp4", ", after churn", {4, TRAFFIC_TCP, RANDOM, 0}, 8, .churn = true},
    {"udp4", ", SNAT",        {4, TRAFFIC_UDP, RANDOM, 0}, 8, .nat = true},
    {"udp4", ", accounting",  {4, TRAFFIC_UDP, RANDOM, 0}, 8, .acct = true},
    {"udp6", "",              {6, TRAFFIC_UDP, RANDOM, 0}, 8},
    {"tcp6", ", after churn", {6, TRAFFIC_TCP, RANDOM, 0}, 8, .churn = true},
};
/* clang-format on */

static void print_header(void)
{
    printf("\n%-24s %7s  %62s  %9s %6s\n", "", "all,", "resident, by part", "weir", "all /");
    printf("%-24s %7s  %8s %8s %8s %8s %8s %8s %8s  %9s %6s\n", "connections", "by RSS", "entries",
           "table", "overflow", "timers", "extens.", "NAT", "other", "size says", "said");
}

static void tell(const struct bench_options *o, const char *name, uint32_t count, uint64_t rss,
                 const uint64_t parts[PARTS], uint64_t predicted)
{
    double n = count, each = (double)rss / n, off = 100 * ((double)rss / (double)predicted - 1);

    printf("%-24s %7.1f ", name, each);
    for (int i = 0; i < PARTS; i++)
        printf(" %8.1f", (double)parts[i] / n);
    printf("  %9.1f %6.3f\n", (double)predicted / n, (double)rss / (double)predicted);
    off = off < 0 ? -off : off;
    report(o, &(struct figure){name, "each", "B", each, each});
    report(o, &(struct figure){name, "weir size off by", "%", off, off});
    (void)fflush(stdout);
}

static struct weir_shard *new_shard(struct regions *regions, const struct row *row, uint32_t max)
{
    struct weir_config config = {
        .host = {.ctx = regions, .reserve = reserve, .release = release},
        .seed = {1, 2},
        .max = max,
        .buckets = 1,
        .no_ipv4 = row->flows.family == 6,
        .no_ipv6 = row->flows.family == 4,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard != NULL, "no memory for a shard of %" PRIu32 " connections", max);
    if (row->acct)
        bench_check(weir_tunable_set(shard, WEIR_T_ACCT, 1) == 0, "nf_conntrack_acct was refused");
    return shard;
}

static struct traffic new_traffic(const struct row *row, uint32_t count)
{
    struct traffic t = {
        .flows = row->flows, .count = count, .now = {churn_round_ns}, .packet_ns = packet_ns};

    if (row->nat)
        traffic_expect_nat(&t);
    return t;
}

static void measure(const struct bench_options *o, const char *name, const struct row *row,
                    uint32_t count)
{
    struct regions regions = {.memory = {.huge = o->huge}};
    struct traffic t = new_traffic(row, count);
    uint64_t parts[PARTS], before = resident();
    struct weir_shard *shard = new_shard(&regions, row, count);
    uint32_t before_rules = regions.n;
    struct weir_rules *rules = row->nat ? ruleset_use(shard, ruleset_snat()) : NULL;
    struct weir_size predicted;

    traffic_open(&t, shard);
    for (uint32_t round = 0; row->churn && round < CHURN_ROUNDS; round++)
        stir(&t, shard, round);

    uint64_t grown = resident() - before;
    uint64_t sum = measure_parts(shard, &regions, before_rules, parts);
    uint64_t apart = grown > sum ? grown - sum : sum - grown;

    bench_check(weir_tunable_get(shard, WEIR_T_COUNT) == count, "connections were lost");
    bench_check(apart <= statm_slack + sum / 100,
                "the process grew by %" PRIu64 " bytes, the shard's parts have %" PRIu64, grown,
                sum);
    weir_size_predict(count, 0, row->flows.family == 6, &predicted);
    tell(o, name, count, grown, parts, predicted.total + (row->nat ? predicted.nat : 0));
    weir_shard_free(shard);
    weir_rules_free(rules);
    bench_free(t.mapped, t.mapped ? count * sizeof(*t.mapped) : 0);
}

int main(int argc, char **argv)
{
    struct bench_options o;

    bench_start(&o, argc, argv, "Memory of connections: bytes for each.");
    print_header();
    (void)resident(); /* what the first call allocates stays */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = (uint32_t)((uint64_t)o.flows * rows[i].eighths / 8);
        char name[64];

        (void)snprintf(name, sizeof(name), "%s %s%s", rows[i].what, bench_count(count).text,
                       rows[i].how);
        if (bench_wanted(&o, name))
            measure(&o, name, &rows[i], count);
    }
    return 0;
}
