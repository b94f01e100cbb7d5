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
 * Verified: in every pass that every packet was accepted and ESTABLISHED in its direction, and, by
 * the floor, found its own flow; in a first, untimed pass, of one packet in eight, that its entry
 * is its own flow's, in the right state, and that it left as it must (with NAT: translated;
 * checksums right).
 */
#include "common.h"
#include "floor.h"
#include "rulesets.h"
#include "traffic.h"

#include "packet/headers.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 256, /* packets timed at once: descriptors that fit a first-level cache */
    BATCH = 32,
    QUICK_SLOTS = 8192,
    MORE_RULES_COUNT = 1000,
    VERIFIED = 8,     /* one packet in so many is verified in full */
    FLOW_BYTES = 512, /* at most, of a flow in a shard, in the floor's table and in between */
};

/* Each of UDP and TCP is measured in all of these rows. */
enum row_number {
    NO_ROW,
    ONE,
    THOUSAND,
    TEN_THOUSAND,
    HUNDRED_THOUSAND,
    PLAIN, /* what most others are compared with */
    EIGHTFOLD,
    THOUSAND_6,
    TEN_THOUSAND_6,
    HUNDRED_THOUSAND_6,
    PLAIN_6,
    EIGHTFOLD_6,
    REGULAR_TUPLES,
    REGULAR_TUPLES_6,
    BATCH_1,
    BATCH_8,
    BATCH_256,
    RULE,
    MORE_RULES,
    SOURCE_NAT,
    ACCOUNTING,
    SMALL_PAGES,
    ROWS
};

enum comparison { RATIO = 0, DIFFERENCE };

/* A shard's set-up beside the plain one's. */
enum set_up { NAT = 0x1, ACCT = 0x2, SMALL = 0x4 };

struct row {
    const char *how; /* its name: protocol, family, count, this */
    uint8_t family, kind;
    uint32_t count; /* of flows; 0: --flows, `times` as many */
    uint32_t times;
    uint32_t batch;                /* 0: 32 */
    uint8_t set_up;                /* enum set_up */
    uint8_t share;                 /* packets and shard with this row */
    uint8_t against;               /* compare with this row, */
    uint8_t comparison;            /* how: enum comparison, */
    const char *metric;            /* the name of what comes of it */
    struct ruleset (*rules)(void); /* NULL: none */
};

static struct ruleset more_rules(void)
{
    return ruleset_of(BY_ADDRESS, MORE_RULES_COUNT);
}

/* clang-format off */
static const struct row rows[ROWS] = {
    [ONE]                = {"", 4, RANDOM, .count = 1},
    [THOUSAND]           = {"", 4, RANDOM, .count = 1000},
    [TEN_THOUSAND]       = {"", 4, RANDOM, .count = 10000},
    [HUNDRED_THOUSAND]   = {"", 4, RANDOM, .count = 100000},
    [PLAIN]              = {"", 4, RANDOM, .times = 1},
    [EIGHTFOLD]          = {"", 4, RANDOM, .times = 8, .against = PLAIN, .metric = "to 1M flows"},
    [THOUSAND_6]         = {"", 6, RANDOM, .count = 1000},
    [TEN_THOUSAND_6]     = {"", 6, RANDOM, .count = 10000},
    [HUNDRED_THOUSAND_6] = {"", 6, RANDOM, .count = 100000},
    [PLAIN_6]            = {"", 6, RANDOM, .times = 1, .against = PLAIN, .metric = "to IPv4"},
    [EIGHTFOLD_6]        = {"", 6, RANDOM, .times = 8, .against = PLAIN_6, .metric = "to 1M flows"},
    [REGULAR_TUPLES]     = {", regular", 4, REGULAR, .times = 1, .against = PLAIN, .metric = "to random"},
    [REGULAR_TUPLES_6]   = {", regular", 6, REGULAR, .times = 1, .against = PLAIN_6, .metric = "to random"},
    [BATCH_1]            = {", batch 1", 4, RANDOM, .times = 1, .batch = 1, .share = PLAIN, .against = PLAIN,
                            .metric = "to batch 32"},
    [BATCH_8]            = {", batch 8", 4, RANDOM, .times = 1, .batch = 8, .share = PLAIN, .against = PLAIN,
                            .metric = "to batch 32"},
    [BATCH_256]          = {", batch 256", 4, RANDOM, .times = 1, .batch = 256, .share = PLAIN, .against = PLAIN,
                            .metric = "to batch 32"},
    [RULE]               = {", rule", 4, RANDOM, .times = 1, .rules = ruleset_usual, .share = PLAIN, .against = PLAIN,
                            .comparison = DIFFERENCE, .metric = "over no rule"},
    [MORE_RULES]         = {", rule, 1,000 behind", 4, RANDOM, .times = 1, .rules = more_rules, .share = PLAIN, .against = PLAIN,
                            .comparison = DIFFERENCE, .metric = "over no rule"},
    [SOURCE_NAT]         = {", SNAT", 4, RANDOM, .times = 1, .set_up = NAT, .rules = ruleset_snat, .against = PLAIN,
                            .comparison = DIFFERENCE, .metric = "over no NAT"},
    [ACCOUNTING]         = {", accounting", 4, RANDOM, .times = 1, .set_up = ACCT, .against = PLAIN,
                            .comparison = DIFFERENCE, .metric = "over none"},
    [SMALL_PAGES]        = {", small pages", 4, RANDOM, .times = 1, .set_up = SMALL, .against = PLAIN,
                            .metric = "to huge pages"},
};
/* clang-format on */

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
    bool wanted, borrows; /* the plain row's packets and shard */
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
        for (uint32_t i = 0; effort == VERIFY && i < n; i += VERIFIED) {
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

/* Rules that only one of the rows has that share a shard. */
static void set_rules(const struct measured *m, const struct weir_rules *rules)
{
    bench_check(weir_shard_set_rules(m->weir.shard, m->flows.family, rules, NULL) == 0,
                "no memory for rules");
}

/* Every packet of the pass was counted by one rule, that which let it through. */
static void check_rules(const struct measured *m)
{
    const struct weir_rules_count *counts = weir_shard_rule_counts(m->weir.shard, m->flows.family);
    uint64_t packets = 0;

    for (uint32_t i = 0; i < weir_rules_counters(m->rules); i++)
        packets += counts[i].packets;
    bench_check(packets == m->weir.traffic->slots,
                "%s: rules counted %" PRIu64 " packets of %" PRIu32, m->name, packets,
                m->weir.traffic->slots);
}

static void passes(struct measured *m, enum effort effort)
{
    bool own_rules = m->borrows && m->rules;

    traffic_rebuild(m->weir.traffic);
    if (own_rules)
        set_rules(m, m->rules);
    pass(&m->weir, effort);
    if (own_rules) {
        check_rules(m);
        set_rules(m, NULL);
    }
    if (m->floor.floor)
        pass(&m->floor, effort);
}

/* --- setting up --- */

static struct weir_shard *new_shard(struct measured *m, const struct row *row)
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
    if (row->set_up & ACCT)
        bench_check(weir_tunable_set(shard, WEIR_T_ACCT, 1) == 0, "accounting was refused");
    return shard;
}

static struct floor_table *new_floor(struct bench_memory *memory, const struct traffic *t)
{
    struct floor_table *f = floor_new(t->count, memory);

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
    if (row->set_up & NAT)
        traffic_expect_nat(&m->traffic);
    m->memory.huge = m->memory.commit = !o->small && !(row->set_up & SMALL);
    m->weir.traffic = m->floor.traffic = &m->traffic;
    m->weir.shard = new_shard(m, row);
    if (row->rules)
        m->rules = ruleset_use(m->weir.shard, row->rules());
    /* The floor does not translate. */
    if (!(row->set_up & NAT))
        m->floor.floor = new_floor(&m->memory, &m->traffic);
    traffic_open(&m->traffic, m->weir.shard);
    passes(m, VERIFY);
}

static void share(struct measured *m, const struct row *row, const struct measured *with)
{
    m->borrows = true;
    m->weir.traffic = m->floor.traffic = with->weir.traffic;
    m->weir.shard = with->weir.shard;
    m->floor.floor = with->floor.floor;
    if (row->rules) {
        struct ruleset text = row->rules();

        m->rules = ruleset_parse(&text);
        free(text.text);
        passes(m, VERIFY);
    }
}

static void release(struct measured *m)
{
    if (m->borrows) {
        weir_rules_free(m->rules);
        return;
    }
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
    printf("\n%-30s %23s   %23s   %5s  %7s\n", "", "weir, ns a packet", "floor, ns a packet", "",
           "left");
    printf("%-30s %7s %7s %7s   %7s %7s %7s   %5s  %7s\n", "flows", "min", "median", "max", "min",
           "median", "max", "ratio", "out");
}

static void print_row(const struct measured *m)
{
    const struct spread *w = &m->weir.passes, *f = &m->floor.passes;

    printf("%-30s %7.1f %7.1f %7.1f   ", m->name, spread_min(w), spread_median(w), spread_max(w));
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
                              const struct measured *m, const struct measured *other)
{
    const struct spread *a = &m->weir.passes, *b = &other->weir.passes;
    struct figure f = {m->name, row->metric, "x", spread_min(a) / spread_min(b),
                       spread_median(a) / spread_median(b)};

    if (row->comparison == DIFFERENCE) {
        f.unit = "ns";
        f.value = spread_min(a) - spread_min(b);
        f.typical = spread_median(a) - spread_median(b);
    }
    report(o, &f);
}

/* Cost by flows: the rows that differ in nothing else. */
static void report_curve(const struct bench_options *o, const struct measured *m)
{
    const char *proto = m->flows.proto == TRAFFIC_TCP ? "TCP" : "UDP";
    const char *version = m->flows.family == 6 ? "IPv6" : "IPv4";
    char series[64];

    (void)snprintf(series, sizeof(series), "%s, %s", proto, version);
    report_point(o, series, m->count, spread_min(&m->weir.passes));
    (void)snprintf(series, sizeof(series), "%s, %s, floor", proto, version);
    report_point(o, series, m->count, spread_min(&m->floor.passes));
}

static void tell(const struct bench_options *o, const struct row *row, const struct measured *all,
                 const struct measured *m)
{
    print_row(m);
    report_spread(o, m->name, "time", "ns", &m->weir.passes);
    if (m->floor.passes.n)
        report_floor(o, m);
    if (row->against)
        report_comparison(o, row, m, &all[row->against]);
    if (!*row->how)
        report_curve(o, m);
}

/* --- rows --- */

static void name(struct measured *m, const struct row *row, const struct bench_options *o,
                 uint8_t proto)
{
    m->flows = (struct flows){row->family, proto, row->kind, 0};
    m->count = row->count ? row->count : row->times * o->flows;
    m->weir.batch = m->floor.batch = row->batch ? row->batch : BATCH;
    (void)snprintf(m->name, sizeof(m->name), "%s%u %s%s", proto == TRAFFIC_TCP ? "tcp" : "udp",
                   row->family, bench_count(m->count).text, row->how);
}

/* Large sets only where they fit with all else. */
static bool fits(const struct measured *m)
{
    uint64_t need = (uint64_t)m->count * FLOW_BYTES, there = bench_memory_available();

    if (need < there / 2)
        return true;
    printf("%-30s left out: may need %" PRIu64 " MiB of %" PRIu64 "\n", m->name, need >> 20,
           there >> 20);
    return false;
}

/* What a row is compared with, or shares, is measured with it. */
static void choose(const struct bench_options *o, struct measured *all, uint8_t proto)
{
    for (uint32_t i = NO_ROW + 1; i < ROWS; i++)
        name(&all[i], &rows[i], o, proto);
    for (uint32_t i = NO_ROW + 1; i < ROWS; i++) {
        if (!bench_wanted(o, all[i].name) || (rows[i].times > 1 && !fits(&all[i])))
            continue;
        all[i].wanted = all[rows[i].against].wanted = true;
    }
    all[NO_ROW].wanted = false;
}

static void measure(const struct bench_options *o, struct measured *all)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        if (!all[i].wanted)
            continue;
        if (rows[i].share)
            share(&all[i], &rows[i], &all[rows[i].share]);
        else
            make(&all[i], &rows[i], o);
    }
    for (uint32_t rep = 0; rep < o->reps; rep++)
        for (uint32_t i = 0; i < ROWS; i++)
            if (all[i].wanted)
                passes(&all[i], MEASURE);
    for (uint32_t i = 0; i < ROWS; i++)
        if (all[i].wanted)
            tell(o, &rows[i], all, &all[i]);
    for (uint32_t i = 0; i < ROWS; i++)
        if (all[i].wanted)
            release(&all[i]);
}

int main(int argc, char **argv)
{
    static const uint8_t protos[] = {TRAFFIC_UDP, TRAFFIC_TCP};
    struct bench_options o;

    bench_start(&o, argc, argv, "Packets of established connections: nanoseconds for each.");
    printf(
        "packets: of 32 (UDP, IPv4) to 76 bytes (TCP, IPv6), cold, both directions mixed; marked "
        "as verified, as by\n         a network card, so no checksum is computed over them\n");
    print_header();
    for (size_t i = 0; i < sizeof(protos); i++) {
        struct measured *all = bench_alloc(ROWS * sizeof(*all));

        choose(&o, all, protos[i]);
        measure(&o, all);
        bench_free(all, ROWS * sizeof(*all));
    }
    return 0;
}
