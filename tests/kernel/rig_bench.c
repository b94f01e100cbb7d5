/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast the rig is, as the number of random cases that a differential test can try depends on
 * it.
 *
 *   rig_bench [BUCKETS]    BUCKETS sets nf_conntrack_buckets of the whole machine while it runs
 *
 * Everything that walks the table (dump, flush, /proc) costs by its buckets, not its entries;
 * everything else by neither.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rig.h"
#include "rig_pkt.h"

#define A4       "10.0.1.2"
#define B4       "10.0.2.2"

#define ok(call) check((call), rig, __LINE__)

static void check(int err, const struct rig *rig, int line)
{
    if (!err)
        return;
    fprintf(stderr, "rig_bench: line %d: %s\n", line, rig_error(rig));
    exit(1);
}

static struct rig *rig_or_exit(void)
{
    char err[1024];
    struct rig *rig;
    int ret = rig_new(NULL, &rig, err, sizeof(err));
    if (!ret)
        return rig;
    fprintf(stderr, "rig_bench: %s: %s\n", ret == RIG_SKIP ? "SKIPPED" : "FAILED", err);
    exit(ret == RIG_SKIP ? 77 : 1);
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void report(const char *what, double start, int n)
{
    const double took = seconds() - start;
    printf("%-40s %8.2f us  %8.0f/s\n", what, took / n * 1e6, n / took);
}

int main(int argc, char **argv)
{
    enum {
        ROUNDS = 100000,
        FLOWS = 50000,
        LIVES = 100,
    };
    struct rig *rig = rig_or_exit();
    struct rig_result r = {0};
    struct rig_table table = {0};
    struct rig_entry e = {.has = 0};
    struct rig_pkt p = rig_pkt_udp(A4, 1, B4, 2, 4);

    if (argc > 1)
        ok(rig_global_sysctl_set(rig, "net.netfilter.nf_conntrack_buckets", argv[1]));
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++)
        ok(rig_step(rig, RIG_A, p.data, p.len, &r));
    report("inject + collect, packet of a known flow", start, ROUNDS);

    start = seconds();
    for (int i = 0; i < ROUNDS; i++)
        ok(rig_collect(rig, &r));
    report("collect, nothing there", start, ROUNDS);

    ok(rig_dump(rig, &table));
    start = seconds();
    for (int i = 0; i < ROUNDS; i++)
        ok(rig_get(rig, &table.entry[0].orig, 0, &e));
    report("get", start, ROUNDS);

    start = seconds();
    for (int i = 0; i < ROUNDS / 1000; i++)
        ok(rig_dump(rig, &table));
    report("dump of one entry", start, ROUNDS / 1000);

    start = seconds();
    for (int i = 0; i < ROUNDS / 1000; i++) {
        ok(rig_step(rig, RIG_A, p.data, p.len, &r));
        ok(rig_reset(rig));
    }
    report("reset with one entry", start, ROUNDS / 1000);

    double building = seconds();
    for (int i = 0; i < FLOWS; i++)
        p = rig_pkt_udp(A4, (uint16_t)(1024 + i), B4, 3, 4);
    building = seconds() - building;
    start = seconds();
    for (int i = 0; i < FLOWS; i++) {
        p = rig_pkt_udp(A4, (uint16_t)(1024 + i), B4, 3, 4);
        ok(rig_step(rig, RIG_A, p.data, p.len, &r));
    }
    report("inject + collect, new flow and its event", start + building, FLOWS);

    start = seconds();
    ok(rig_dump(rig, &table));
    report("dump, per entry", start, (int)table.entries);
    rig_free(rig);

    start = seconds();
    for (int i = 0; i < LIVES; i++)
        rig_free(rig_or_exit());
    report("new + free", start, LIVES);
    rig_result_free(&r);
    rig_table_free(&table);
    return 0;
}
