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
 * floor (floor.h). Rows of one protocol are measured in turns, a pass of each in every repetition,
 * so that rows that are compared saw the same moods of the machine. Ratios and differences are
 * those of the minima.
 *
 * Verified: in the first, untimed pass that every packet found its own flow's entry, in the right
 * state, and left as it must (with NAT: translated; checksums right), and in every pass that it was
 * accepted and ESTABLISHED in its direction.
 */
#include "common.h"
#include "floor.h"
#include "rulesets.h"
#include "traffic.h"

#include "packet/headers.h"

#include "base/bytes.h"

#include <string.h>

enum {
    CHUNK = 256, /* packets timed at once: descriptors that fit a first-level cache */
    QUICK_SLOTS = 8192,
};

/* Each of UDP and TCP is measured in all of these rows. */
enum row_number {
    ONE,
    THOUSAND,
    TEN_THOUSAND,
    HUNDRED_THOUSAND,
    PLAIN, /* what the others are compared with */
    EIGHTFOLD,
    BATCH_1,
    BATCH_256,
    REGULAR_TUPLES,
    RULE,
    SNAT,
    IPV6,
    ROWS
};

enum comparison { ALONE = 0, RATIO, DIFFERENCE };

struct row {
    const char *how; /* its name: protocol, family, count, this */
    uint8_t family, kind;
    uint32_t count; /* of flows; 0: --flows, `times` as many */
    uint32_t times;
    uint32_t batch;
    bool floor; /* measure it, too */
    bool share; /* packets and shard with the plain row */
    bool nat;
    struct ruleset (*rules)(void); /* NULL: none */
    uint8_t comparison;            /* with the plain row: enum comparison */
    const char *metric;            /* its name */
};

static const struct row rows[ROWS] = {
    [ONE] = {"", 4, RANDOM, 1, .batch = 32, .floor = true},
    [THOUSAND] = {"", 4, RANDOM, 1000, .batch = 32, .floor = true},
    [TEN_THOUSAND] = {"", 4, RANDOM, 10000, .batch = 32, .floor = true},
    [HUNDRED_THOUSAND] = {"", 4, RANDOM, 100000, .batch = 32, .floor = true},
    [PLAIN] = {"", 4, RANDOM, .times = 1, .batch = 32, .floor = true},
    [EIGHTFOLD] = {"", 4, RANDOM, .times = 8, .batch = 32, .floor = true, .comparison = RATIO,
                   .metric = "to 1M flows"},
    [BATCH_1] = {", batch 1", 4, RANDOM, .times = 1, .batch = 1, .floor = true, .share = true,
                 .comparison = RATIO, .metric = "to batch 32"},
    [BATCH_256] = {", batch 256", 4, RANDOM, .times = 1, .batch = 256, .floor = true, .share = true,
                   .comparison = RATIO, .metric = "to batch 32"},
    [REGULAR_TUPLES] = {", regular", 4, REGULAR, .times = 1, .batch = 32, .floor = true,
                        .comparison = RATIO, .metric = "to random"},
    [RULE] = {", rule", 4, RANDOM, .times = 1, .batch = 32, .rules = ruleset_usual,
              .comparison = DIFFERENCE, .metric = "over no rule"},
    [SNAT] = {", SNAT", 4, RANDOM, .times = 1, .batch = 32, .nat = true, .rules = ruleset_snat,
              .comparison = DIFFERENCE, .metric = "over no NAT"},
    [IPV6] = {"", 6, RANDOM, .times = 1, .batch = 32, .floor = true, .comparison = RATIO,
              .metric = "to IPv4"},
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

/* A row that was asked for. */
struct measured {
    char name[64];
    bool wanted;
    struct flows flows;
    uint32_t count;
    struct bench_memory memory;
    struct traffic traffic; /* its own, unless it shares the plain row's */
    struct weir_rules *rules;
    struct subject weir, floor;
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
    bench_check(!t->mapped || conn.status & WEIR_S_SRC_NAT, "packet %u: its entry has no NAT",
                visit);
}

/* A packet on its way out says where it comes from and goes to: of one direction what the other
 * says, turned, as it arrives. */
static void check_bytes(const struct traffic *t, uint32_t visit, const struct weir_packet *p)
{
    enum weir_dir dir = traffic_dir(t, visit);
    struct weir_tuple other =
        traffic_tuple(t, traffic_flow(t, visit), dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG);
    bool v4 = other.family == 4;
    const uint8_t *src = p->data + (v4 ? (uint32_t)IP4_SRC : (uint32_t)IP6_SRC);
    const uint8_t *ports = p->data + (v4 ? (uint32_t)IP4_MIN : (uint32_t)IP6_SIZE);
    uint32_t size = v4 ? 4 : 16;

    bench_check(memcmp(src, &other.dst, size) == 0 && memcmp(src + size, &other.src, size) == 0 &&
                    load_raw16(ports) == other.dst_key && load_raw16(ports + 2) == other.src_key,
                "packet %u left with wrong addresses or ports", visit);
    bench_check(packet_sums_right(p->data, p->len), "packet %u left with a wrong checksum", visit);
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

/* --- a pass --- */

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
        for (uint32_t i = 0; effort == VERIFY && i < n; i++) {
            check_entry(t, s->shard, from + i, &packets[i]);
            check_bytes(t, from + i, &packets[i]);
        }
    }
    if (effort == VERIFY)
        return;
    spread_add(&s->passes, tally_each(&tally));
    s->all.items += tally.items;
    s->all.left_out += tally.left_out;
}

static void passes(struct measured *m, enum effort effort)
{
    traffic_rebuild(m->weir.traffic);
    pass(&m->weir, effort);
    if (m->floor.floor)
        pass(&m->floor, effort);
}

/* --- setting up --- */

static struct weir_shard *new_shard(struct measured *m)
{
    struct weir_config config = {
        .host = {.ctx = &m->memory, .reserve = bench_reserve, .release = bench_release},
        .seed = {1, 2},
        .max = m->count,
        .no_ipv4 = m->flows.family == 6,
        .no_ipv6 = m->flows.family == 4,
    };
    struct weir_shard *shard = weir_shard_new(&config);

    bench_check(shard != NULL, "no memory for a shard of %u connections", m->count);
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

static void make(struct measured *m, const struct row *row, const struct bench_options *o)
{
    uint32_t slots = o->quick ? QUICK_SLOTS : traffic_cold_slots(&m->flows);

    if (row->times > 1)
        traffic_init_sample(&m->traffic, &m->flows, m->count, slots);
    else
        traffic_init(&m->traffic, &m->flows, m->count, 2, slots);
    if (row->nat)
        traffic_expect_nat(&m->traffic);
    m->memory.huge = o->huge;
    m->weir.traffic = m->floor.traffic = &m->traffic;
    m->weir.shard = new_shard(m);
    if (row->rules)
        m->rules = ruleset_use(m->weir.shard, row->rules());
    if (row->floor)
        m->floor.floor = new_floor(o, &m->traffic);
    traffic_open(&m->traffic, m->weir.shard);
    passes(m, VERIFY);
}

static void share(struct measured *m, const struct measured *with)
{
    m->weir.traffic = m->floor.traffic = with->weir.traffic;
    m->weir.shard = with->weir.shard;
    m->floor.floor = with->floor.floor;
}

static void release(struct measured *m)
{
    bench_check(weir_tunable_get(m->weir.shard, WEIR_T_COUNT) == m->count,
                "%s: connections were lost", m->name);
    if (m->floor.floor)
        floor_free(m->floor.floor);
    weir_shard_free(m->weir.shard);
    weir_rules_free(m->rules);
    traffic_fini(&m->traffic);
}

/* --- figures --- */

static void print_header(void)
{
    printf("\n%-24s %23s   %23s   %5s  %7s\n", "", "weir, ns a packet", "floor, ns a packet", "",
           "left");
    printf("%-24s %7s %7s %7s   %7s %7s %7s   %5s  %7s\n", "flows", "min", "median", "max", "min",
           "median", "max", "ratio", "out");
}

static void print_row(const struct measured *m)
{
    const struct spread *w = &m->weir.passes, *f = &m->floor.passes;

    printf("%-24s %7.1f %7.1f %7.1f   ", m->name, spread_min(w), spread_median(w), spread_max(w));
    if (f->n)
        printf("%7.1f %7.1f %7.1f   %5.2f", spread_min(f), spread_median(f), spread_max(f),
               spread_min(w) / spread_min(f));
    else
        printf("%31s", "");
    printf("  %5.1f %%\n", 100 * tally_left_out(&m->weir.all));
}

static void report_floor(const struct bench_options *o, const struct measured *m)
{
    const struct spread *w = &m->weir.passes, *f = &m->floor.passes;

    report_spread(o, m->name, "floor", "ns", f);
    report(o, &(struct figure){m->name, "to the floor", "x", spread_min(w) / spread_min(f),
                               spread_median(w) / spread_median(f)});
}

static void report_comparison(const struct bench_options *o, const struct row *row,
                              const struct measured *m, const struct measured *plain)
{
    const struct spread *a = &m->weir.passes, *b = &plain->weir.passes;
    struct figure f = {m->name, row->metric, "x", spread_min(a) / spread_min(b),
                       spread_median(a) / spread_median(b)};

    if (row->comparison == DIFFERENCE) {
        f.unit = "ns";
        f.value = spread_min(a) - spread_min(b);
        f.typical = spread_median(a) - spread_median(b);
    }
    report(o, &f);
}

static void report_curve(const struct bench_options *o, const struct measured *m)
{
    const char *flow = m->flows.proto == TRAFFIC_TCP ? "TCP" : "UDP";
    char series[64];

    report_point(o, flow, m->count, spread_min(&m->weir.passes));
    (void)snprintf(series, sizeof(series), "%s, floor", flow);
    report_point(o, series, m->count, spread_min(&m->floor.passes));
}

static void tell(const struct bench_options *o, const struct row *row, const struct measured *m,
                 const struct measured *plain)
{
    print_row(m);
    report_spread(o, m->name, "time", "ns", &m->weir.passes);
    if (m->floor.passes.n)
        report_floor(o, m);
    if (row->comparison && plain->wanted)
        report_comparison(o, row, m, plain);
    if (m->flows.family == 4 && !*row->how)
        report_curve(o, m);
}

/* --- rows --- */

static void choose(const struct bench_options *o, struct measured *all, uint8_t proto)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        struct measured *m = &all[i];

        m->flows = (struct flows){row->family, proto, row->kind, 0};
        m->count = row->count ? row->count : row->times * o->flows;
        m->weir.batch = m->floor.batch = row->batch;
        (void)snprintf(m->name, sizeof(m->name), "%s%u %s%s", proto == TRAFFIC_TCP ? "tcp" : "udp",
                       row->family, bench_count(m->count).text, row->how);
        m->wanted = bench_wanted(o, m->name);
        if (m->wanted && row->share)
            all[PLAIN].wanted = true;
    }
}

static void measure(const struct bench_options *o, struct measured *all)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!all[i].wanted)
            continue;
        if (rows[i].share)
            share(&all[i], &all[PLAIN]);
        else
            make(&all[i], &rows[i], o);
    }
    for (uint32_t rep = 0; rep < o->reps; rep++)
        for (uint32_t i = 0; i < ROWS; i++)
            if (all[i].wanted)
                passes(&all[i], MEASURE);
    for (uint32_t i = 0; i < ROWS; i++)
        if (all[i].wanted)
            tell(o, &rows[i], &all[i], &all[PLAIN]);
    for (uint32_t i = 0; i < ROWS; i++)
        if (all[i].wanted && !rows[i].share)
            release(&all[i]);
}

int main(int argc, char **argv)
{
    static const uint8_t protos[] = {TRAFFIC_UDP, TRAFFIC_TCP};
    struct bench_options o;

    bench_start(&o, argc, argv, "Packets of established connections: nanoseconds for each.");
    print_header();
    for (size_t i = 0; i < sizeof(protos); i++) {
        struct measured *all = bench_alloc(ROWS * sizeof(*all));

        choose(&o, all, protos[i]);
        measure(&o, all);
        bench_free(all, ROWS * sizeof(*all));
    }
    return 0;
}
