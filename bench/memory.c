/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a connection costs in memory, everything in: entry, both directions in the table, timers.
 *
 * Measured from outside: what the process's resident set (/proc/self/statm) grows by while a shard
 * is made and filled, divided by the connections. Nothing else allocates meanwhile. Then part by
 * part: which pages of each of the shard's regions are resident (mincore), for which this program,
 * alone in bench/, looks inside the engine. The two must agree. Beside them stands what
 * weir_size_predict() says.
 *
 * One row is after churn: connections killed at random and replaced, several times over, so that
 * free lists, timer chunks and overflow buckets stand at their high-water marks.
 */
#include "common.h"
#include "traffic.h"

#include "pipe/shard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHURN_ROUNDS = 4 };

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

/* --- parts --- */

enum part { ENTRIES, TABLE, OVERFLOW, TIMERS, EXTENSIONS, OTHER, PARTS };

/* Bytes of a region that are resident. Every region is a mapping of its own, so begins a page. */
static uint64_t resident_in(void *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), resident_pages = 0;
    unsigned char there[256];

    for (size_t from = 0; memory && from < size; from += sizeof(there) * page) {
        size_t some = size - from < sizeof(there) * page ? size - from : sizeof(there) * page;

        bench_check(mincore((char *)memory + from, some, there) == 0, "mincore failed");
        for (size_t i = 0; i < (some + page - 1) / page; i++)
            resident_pages += there[i] & 1;
    }
    return resident_pages * page;
}

static uint64_t resident_slab(const struct slab *s)
{
    return resident_in(s->base, slab_bytes(s->size, s->capacity));
}

static uint64_t measure_parts(struct weir_shard *shard, uint64_t parts[PARTS])
{
    const struct track *t = &shard->track;
    uint64_t sum = 0;

    parts[ENTRIES] = resident_slab(&t->conns[0]) + resident_slab(&t->conns[1]);
    parts[TABLE] = resident_in(t->table.buckets, t->table.limit * sizeof(struct table_bucket));
    parts[OVERFLOW] = resident_slab(&t->table.overflow);
    parts[TIMERS] = resident_slab(&t->wheel.chunks);
    parts[EXTENSIONS] = resident_slab(&t->exts);
    parts[OTHER] = resident_in(shard, sizeof(*shard)) +
                   resident_in(t->policies, (POLICIES_MAX + 1) * sizeof(struct policy));
    for (int i = 0; i < PARTS; i++)
        sum += parts[i];
    return sum;
}

/* --- filling --- */

static void fill(struct traffic *t, struct weir_shard *shard, uint32_t n)
{
    t->first += t->count;
    t->count = n;
    traffic_open(t, shard);
}

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
    fill(t, shard, killed);
}

/* --- rows --- */

struct row {
    const char *name;
    struct flows flows;
    uint32_t eighths; /* of --flows */
    bool churn, acct;
};

static const struct row rows[] = {
    {"udp4", {4, TRAFFIC_UDP, false}, 5, false, false},
    {"udp4", {4, TRAFFIC_UDP, false}, 8, false, false},
    {"udp4", {4, TRAFFIC_UDP, false}, 10, false, false},
    {"tcp4", {4, TRAFFIC_TCP, false}, 8, false, false},
    {"tcp4 after churn", {4, TRAFFIC_TCP, false}, 8, true, false},
    {"udp4, accounting on", {4, TRAFFIC_UDP, false}, 8, false, true},
    {"udp6", {6, TRAFFIC_UDP, false}, 8, false, false},
    {"tcp6 after churn", {6, TRAFFIC_TCP, false}, 8, true, false},
};

static void print_row(const struct row *row, uint32_t count, uint64_t rss,
                      const uint64_t parts[PARTS], uint64_t predicted)
{
    double n = count;

    printf("%-20s %7s  %7.1f ", row->name, bench_count(count).text, (double)rss / n);
    for (int i = 0; i < PARTS; i++)
        printf(" %8.1f", (double)parts[i] / n);
    printf("  %9.1f %6.3f\n", (double)predicted / n, (double)rss / (double)predicted);
    (void)fflush(stdout);
}

static struct weir_shard *new_shard(struct bench_memory *memory, const struct row *row,
                                    uint32_t max)
{
    struct weir_config config = {
        .host = {.ctx = memory, .reserve = bench_reserve, .release = bench_release},
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

static void measure(const struct bench_options *o, const struct row *row, uint32_t count)
{
    struct bench_memory memory = {.huge = o->huge};
    struct traffic t = {.flows = row->flows, .now = {churn_round_ns}, .packet_ns = packet_ns};
    uint64_t parts[PARTS], before = resident();
    struct weir_shard *shard = new_shard(&memory, row, count);
    struct weir_size predicted;

    fill(&t, shard, count);
    for (uint32_t round = 0; row->churn && round < CHURN_ROUNDS; round++)
        stir(&t, shard, round);

    uint64_t grown = resident() - before, sum = measure_parts(shard, parts);
    uint64_t apart = grown > sum ? grown - sum : sum - grown;

    bench_check(weir_tunable_get(shard, WEIR_T_COUNT) == count, "connections were lost");
    bench_check(apart <= statm_slack + sum / 100,
                "the process grew by %" PRIu64 " bytes, the shard's parts have %" PRIu64, grown,
                sum);
    weir_size_predict(count, 0, row->flows.family == 6, &predicted);
    print_row(row, count, grown, parts, predicted.total);
    weir_shard_free(shard);
}

int main(int argc, char **argv)
{
    struct bench_options o;

    bench_start(&o, argc, argv, "Memory of connections: bytes for each.");
    printf("\n%-20s %7s  %7s  %53s  %9s %6s\n", "", "", "all,", "resident, by part", "weir",
           "all /");
    printf("%-20s %7s  %7s  %8s %8s %8s %8s %8s %8s  %9s %6s\n", "connections", "number", "by RSS",
           "entries", "table", "overflow", "timers", "extens.", "other", "size says", "said");
    (void)resident(); /* what the first call allocates stays */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (bench_wanted(&o, rows[i].name))
            measure(&o, &rows[i], (uint32_t)((uint64_t)o.flows * rows[i].eighths / 8));
    return 0;
}
