/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet of an established connection costs, next to the least it could cost.
 *
 * Each row opens a set of flows and runs passes over a pool with packets of both directions
 * (traffic.h: larger than the caches, in random order, so packets, table and entries are all cold
 * unless the set is small). Packets are forwarded: hop spent, header checksum updated; they are
 * rebuilt between passes, so no TTL runs out and TCP moves on, each segment with new data, an
 * acknowledgement of all that the other side sent before it, and timestamps.
 *
 * A pass through weir is followed by a pass of the same packets in the same order through the
 * floor (floor.h). The ratio is that of the two minima.
 *
 * Verified: in the first, untimed pass that every packet found its own flow's entry, in the right
 * state, and in every pass that it was accepted and ESTABLISHED in its direction.
 */
#include "common.h"
#include "floor.h"
#include "traffic.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNK = 256, /* packets timed at once: descriptors that fit a first-level cache */
    QUICK_SLOTS = 8192,
};

struct row {
    const char *name;
    struct flows flows;
    uint32_t count; /* 0: as --flows says */
    uint32_t batch;
};

static const struct row rows[] = {
    {"udp4 random", {4, TRAFFIC_UDP, false}, 0, 32},
    {"udp4 random", {4, TRAFFIC_UDP, false}, 0, 256},
    {"udp4 random", {4, TRAFFIC_UDP, false}, 0, 1},
    {"udp4 regular", {4, TRAFFIC_UDP, true}, 0, 32},
    {"udp6 random", {6, TRAFFIC_UDP, false}, 0, 32},
    {"tcp4 random", {4, TRAFFIC_TCP, false}, 0, 32},
    {"tcp6 random", {6, TRAFFIC_TCP, false}, 0, 32},
    {"udp4 random", {4, TRAFFIC_UDP, false}, 1, 32},
    {"udp4 random", {4, TRAFFIC_UDP, false}, 1000, 32},
    {"udp4 random", {4, TRAFFIC_UDP, false}, 10000, 32},
    {"tcp4 random", {4, TRAFFIC_TCP, false}, 1000, 32},
    {"tcp4 random", {4, TRAFFIC_TCP, false}, 10000, 32},
};

/* What runs a chunk of packets. */
struct subject {
    struct traffic *traffic;
    struct weir_shard *shard; /* either this or */
    struct floor_table *floor;
    uint32_t batch;
    struct tally all;     /* over all timed passes */
    struct spread passes; /* ns a packet in each */
};

static void run(const struct subject *s, struct weir_packet *packets, uint32_t n)
{
    if (s->shard) {
        traffic_run(s->traffic, s->shard, packets, n, s->batch);
        return;
    }
    for (uint32_t i = 0; i < n; i += s->batch) {
        s->traffic->now.ns += s->batch * s->traffic->packet_ns;
        floor_run(s->floor, (uint32_t)(s->traffic->now.ns / WEIR_TICK_NS), packets + i,
                  n - i < s->batch ? n - i : s->batch);
    }
}

/* --- verifying --- */

static void check_entry(const struct traffic *t, const struct weir_shard *shard, uint32_t visit,
                        const struct weir_packet *p)
{
    struct weir_tuple tuple = flow_tuple(&t->flows, traffic_flow(t, visit), WEIR_ORIG);
    struct weir_conn conn;

    bench_check(weir_conn_get(shard, p->conn, &conn), "packet %u has no entry", visit);
    bench_check(memcmp(&conn.tuple[WEIR_ORIG], &tuple, sizeof(tuple)) == 0,
                "packet %u found another flow's entry", visit);
    bench_check(conn.status & WEIR_S_ASSURED, "packet %u: its entry is not assured", visit);
    bench_check(t->flows.proto != TRAFFIC_TCP || conn.state == WEIR_TCP_ESTABLISHED,
                "packet %u: its entry is in TCP state %d", visit, conn.state);
}

static void check_shard(const struct traffic *t, uint32_t from, const struct weir_packet *packets,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct weir_packet *p = &packets[i];
        enum weir_dir dir = traffic_dir(t, from + i);

        packet_check(p, dir ? WEIR_CT_ESTABLISHED_REPLY : WEIR_CT_ESTABLISHED,
                     traffic_flow(t, from + i));
        bench_check(p->dir == dir, "packet %u has direction %u", from + i, p->dir);
    }
}

static void check_floor(const struct traffic *t, uint32_t from, const struct weir_packet *packets,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        bench_check(packets[i].conn == traffic_flow(t, from + i) - t->first + 1,
                    "the floor found connection %u for packet %u", packets[i].conn, from + i);
}

/* --- measuring --- */

enum effort { VERIFY, MEASURE };

static void pass(struct subject *s, enum effort effort)
{
    const struct traffic *t = s->traffic;
    struct weir_packet packets[CHUNK];
    struct tally tally = {0};

    for (uint32_t from = 0; from < t->slots; from += CHUNK) {
        uint32_t n = t->slots - from < CHUNK ? t->slots - from : CHUNK;
        struct stopwatch watch;
        bool whole;

        traffic_describe(t, from, n, packets);
        stopwatch_start(&watch);
        run(s, packets, n);
        int64_t took = stopwatch_stop(&watch, &whole);

        tally_add(&tally, took, whole, n);
        if (s->floor) {
            check_floor(t, from, packets, n);
            continue;
        }
        check_shard(t, from, packets, n);
        for (uint32_t i = 0; effort == VERIFY && i < n; i++)
            check_entry(t, s->shard, from + i, &packets[i]);
    }
    if (effort == VERIFY)
        return;
    spread_add(&s->passes, tally_each(&tally));
    s->all.items += tally.items;
    s->all.left_out += tally.left_out;
}

static struct weir_shard *new_shard(struct bench_memory *memory, const struct row *row,
                                    uint32_t count)
{
    struct weir_config config = {
        .host = {.ctx = memory, .reserve = bench_reserve, .release = bench_release},
        .seed = {1, 2},
        .max = count,
        .no_ipv4 = row->flows.family == 6,
        .no_ipv6 = row->flows.family == 4,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard != NULL, "no memory for a shard of %u connections", count);
    return shard;
}

static struct floor_table *new_floor(const struct bench_options *o, const struct traffic *t)
{
    struct floor_table *f = floor_new(t->count, o->huge);

    for (uint32_t i = 0; i < t->count; i++) {
        struct weir_tuple tuple = flow_tuple(&t->flows, t->first + i, WEIR_ORIG);

        floor_add(f, &tuple);
    }
    return f;
}

static void print_row(const char *name, const struct subject *weir, const struct subject *floor)
{
    const struct spread *w = &weir->passes, *f = &floor->passes;

    printf("%-24s %7.1f %7.1f %7.1f   %7.1f %7.1f %7.1f   %5.2f  %5.1f %%\n", name, spread_min(w),
           spread_median(w), spread_max(w), spread_min(f), spread_median(f), spread_max(f),
           spread_min(w) / spread_min(f), 100 * tally_left_out(&weir->all));
    (void)fflush(stdout);
}

static void measure(const struct bench_options *o, const struct row *row, const char *name,
                    uint32_t count)
{
    struct bench_memory memory = {.huge = o->huge};
    struct traffic t;

    traffic_init(&t, &row->flows, count, 2,
                 o->quick ? QUICK_SLOTS : traffic_cold_slots(&row->flows));
    struct subject weir = {
        .traffic = &t, .shard = new_shard(&memory, row, count), .batch = row->batch};
    struct subject floor = {.traffic = &t, .floor = new_floor(o, &t), .batch = row->batch};

    traffic_open(&t, weir.shard);
    traffic_rebuild(&t);
    pass(&weir, VERIFY);
    pass(&floor, VERIFY);
    for (uint32_t rep = 0; rep < o->reps; rep++) {
        traffic_rebuild(&t);
        pass(&weir, MEASURE);
        pass(&floor, MEASURE);
    }
    bench_check(weir_tunable_get(weir.shard, WEIR_T_COUNT) == count, "connections were lost");
    print_row(name, &weir, &floor);
    floor_free(floor.floor);
    weir_shard_free(weir.shard);
    traffic_fini(&t);
}

int main(int argc, char **argv)
{
    struct bench_options o;

    bench_start(&o, argc, argv, "Packets of established connections: nanoseconds for each.");
    printf("\n%-24s %23s   %23s   %5s  %7s\n", "", "weir, ns a packet", "floor, ns a packet", "",
           "left");
    printf("%-24s %7s %7s %7s   %7s %7s %7s   %5s  %7s\n", "flows, batch", "min", "median", "max",
           "min", "median", "max", "ratio", "out");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t count = rows[i].count ? rows[i].count : o.flows;
        char name[64];

        (void)snprintf(name, sizeof(name), "%s %s, %u", rows[i].name, bench_count(count).text,
                       rows[i].batch);
        if (bench_wanted(&o, name))
            measure(&o, &rows[i], name, count);
    }
    return 0;
}
