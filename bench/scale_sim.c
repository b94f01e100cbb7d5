/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread that plays any number of shards, with the code that threads would run, and counts what
 * goes between them. Batches are full and queues are served in turn, as under load; so the count of
 * lines is that of a busy gateway.
 *
 * Each flow sends a query, gets an answer to what came out, and then some packets go both ways.
 * Which flows are translated is said by the packet's mark, so that one ruleset serves all mixes.
 */
#include "scale.h"
#include "traffic.h"

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include <weir/rules.h>

#include <string.h>

enum { BATCH = 32, TAKE = 64, SLOT = 64, ROUNDS = 5, TTL = 64, DRAINS = 100 };

enum { MARK_SNAT = 1, MARK_DNAT = 2 };

static const char rules_text[] =
    "*nat\n"
    "-A PREROUTING -m mark --mark 2 -j DNAT --to-destination 198.51.100.1-198.51.100.16\n"
    "-A POSTROUTING -m mark --mark 1 -j SNAT --to-source 192.0.2.1-192.0.2.16\n"
    "COMMIT\n";

static const int64_t start_ns = 1000000000000, stream_ns = 3000000000;

struct sim {
    struct weir_group *group;
    struct weir_rules *rules;
    unsigned shards;
    enum mix mix;
    bool at_home;
    uint32_t flows;
    struct weir_time now;
    uint8_t *there, *back; /* SLOT bytes for each flow: as its sides send them */
    uint8_t *scratch;      /* what is under way */
    uint32_t len;
    uint32_t *queue; /* visits by the worker at which they come in */
    uint32_t *order; /* which packets, in which order */
    uint32_t first[WEIR_GROUP_SHARDS_MAX], end[WEIR_GROUP_SHARDS_MAX]; /* of each one's queue */
    uint64_t seed;
    bool open;        /* all are */
    struct tally run; /* of weir_shard_run */
    uint32_t out;
};

static uint32_t mark_of(const struct sim *s, uint32_t flow)
{
    switch (s->mix) {
    case MIX_SNAT: return MARK_SNAT;
    case MIX_DNAT: return MARK_DNAT;
    case MIX_MIXED: return flow % 4 == 0 ? MARK_SNAT : flow % 4 == 1 ? MARK_DNAT : 0;
    case MIX_PLAIN:
    case MIX_MAX: break;
    }
    return 0;
}

/* --- packets --- */

/* A visit is a flow and a direction: 2 * flow + direction. */
static uint8_t *original(const struct sim *s, uint32_t visit)
{
    return (visit & 1 ? s->back : s->there) + (size_t)(visit / 2) * SLOT;
}

static struct weir_packet describe(const struct sim *s, uint32_t visit)
{
    uint8_t *at = s->scratch + (size_t)visit * SLOT;

    memcpy(at, original(s, visit), SLOT);
    return (struct weir_packet){.data = at,
                                .len = s->len,
                                .flags = WEIR_PKT_CSUM_OK,
                                .mark = visit & 1 ? 0 : mark_of(s, visit / 2),
                                .user = (void *)(uintptr_t)visit};
}

/* What the server sends back to what it got. */
static void answer(uint8_t *to, const uint8_t *got)
{
    memcpy(to, got, SLOT);
    memcpy(to + IP4_SRC, got + IP4_DST, 4);
    memcpy(to + IP4_DST, got + IP4_SRC, 4);
    memcpy(to + IP4_MIN, got + IP4_MIN + 2, 2);
    memcpy(to + IP4_MIN + 2, got + IP4_MIN, 2);
    to[IP4_TTL] = TTL;
    store_raw16(to + IP4_CHECKSUM, 0);
    store_raw16(to + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, to, IP4_MIN)));
}

static void came_out(struct sim *s, const struct weir_packet *p)
{
    uint32_t visit = (uint32_t)(uintptr_t)p->user;
    enum weir_ctinfo want = visit & 1 ? WEIR_CT_ESTABLISHED_REPLY
                            : s->open ? WEIR_CT_ESTABLISHED
                                      : WEIR_CT_NEW;

    packet_check(p, want, visit / 2);
    if (!s->open && !(visit & 1))
        answer(s->back + (size_t)(visit / 2) * SLOT, p->data);
    s->out++;
}

/* --- workers --- */

static void run(struct sim *s, unsigned w, struct weir_packet *packets, struct weir_steered got)
{
    bench_check(got.refused == 0, "a ring is full");
    struct stopwatch watch;
    bool whole;

    stopwatch_start(&watch);
    weir_shard_run(weir_group_shard(s->group, w), s->now, packets, got.own);
    int64_t took = stopwatch_stop(&watch, &whole);

    tally_add(&s->run, took, whole, got.own);
    for (size_t i = 0; i < got.own; i++)
        came_out(s, &packets[i]);
}

static void turn(struct sim *s, unsigned w)
{
    struct weir_packet packets[TAKE];
    uint32_t n = 0;

    for (; n < BATCH && s->first[w] < s->end[w]; n++)
        packets[n] = describe(s, s->queue[s->first[w]++]);
    run(s, w, packets, weir_group_steer(s->group, w, packets, n));
    run(s, w, packets, weir_group_take(s->group, w, packets, TAKE));
}

static unsigned arrives_at(const struct sim *s, uint32_t visit)
{
    const struct weir_packet p = {.data = original(s, visit), .len = s->len};

    if (s->at_home)
        return weir_group_home(s->group, &p);
    return (unsigned)(bench_mix(s->seed ^ visit) % s->shards);
}

/* Queues are stretches of one array. Nanoseconds for each packet. */
static double play(struct sim *s, uint32_t n)
{
    s->run = (struct tally){0};
    memset(s->end, 0, sizeof(s->end));
    for (uint32_t i = 0; i < n; i++)
        s->end[arrives_at(s, s->order[i])]++;
    for (uint32_t w = 0, at = 0; w < s->shards; w++) {
        at += s->end[w];
        s->first[w] = s->end[w] = at - s->end[w];
    }
    for (uint32_t i = 0; i < n; i++)
        s->queue[s->end[arrives_at(s, s->order[i])]++] = s->order[i];
    s->out = 0;
    while (s->out < n)
        for (unsigned w = 0; w < s->shards; w++)
            turn(s, w);
    return tally_each(&s->run);
}

/* --- counting --- */

static struct weir_group_stats total(const struct sim *s)
{
    struct weir_group_stats t = {0}, one;

    for (unsigned w = 0; w < s->shards; w++) {
        weir_group_stats(s->group, w, &one);
        t.handed += one.handed;
        t.second_hops += one.second_hops;
        t.notes += one.notes;
        t.stubs_sent += one.stubs_sent;
        t.stubs_lost += one.stubs_lost;
        t.lines += one.lines;
    }
    return t;
}

/* All flows, in one direction or both, in a random order. */
static uint32_t list_visits(struct sim *s, bool both, enum weir_dir dir)
{
    uint32_t n = both ? 2 * s->flows : s->flows;
    uint32_t *random = bench_permutation(n, ++s->seed);

    for (uint32_t i = 0; i < n; i++)
        s->order[i] = both ? random[i] : 2 * random[i] + (uint32_t)dir;
    bench_free(random, n * sizeof(*random));
    return n;
}

/* All connections go, and all notes are read. */
static void forget_flows(struct sim *s)
{
    struct weir_packet none;

    for (unsigned w = 0; w < s->shards; w++)
        weir_shard_flush(weir_group_shard(s->group, w));
    for (unsigned round = 0; round < DRAINS; round++)
        for (unsigned w = 0; w < s->shards; w++)
            (void)weir_group_steer(s->group, w, &none, 0);
}

/* Once for memory to be there, and then for the figures. */
static void open_flows(struct sim *s, struct sim_result *r)
{
    struct weir_group_stats before, after;
    double n = s->flows;

    (void)play(s, list_visits(s, false, WEIR_ORIG));
    forget_flows(s);
    before = total(s);
    r->opening_ns = play(s, list_visits(s, false, WEIR_ORIG));
    (void)play(s, list_visits(s, false, WEIR_REPLY));
    after = total(s);
    r->stubs = (double)(after.stubs_sent - before.stubs_sent) / n;
    r->notes = (double)(after.notes - before.notes) / n;
    r->opening_handoffs = (double)(after.handed - before.handed) / (2 * n);
    r->opening_lines = (double)(after.lines - before.lines) / (2 * n);
    s->now.ns += stream_ns;
    s->open = true;
}

static void use_flows(struct sim *s, struct sim_result *r)
{
    struct weir_group_stats before, after;
    double n = 2.0 * ROUNDS * s->flows;
    struct spread each = {.n = 0};

    (void)play(s, list_visits(s, true, WEIR_ORIG)); /* ASSURED after this */
    before = total(s);
    for (int round = 0; round < ROUNDS; round++)
        spread_add(&each, play(s, list_visits(s, true, WEIR_ORIG)));
    after = total(s);
    r->handoffs = (double)(after.handed - before.handed) / n;
    r->second_hops = (double)(after.second_hops - before.second_hops) / n;
    r->lines = (double)(after.lines - before.lines) / n;
    r->established_ns = spread_min(&each);
    r->stubs_lost = after.stubs_lost;
}

/* --- a world --- */

static void open_sim(struct sim *s)
{
    const struct flows flows = {.family = 4, .proto = TRAFFIC_UDP};
    const struct weir_group_config config = {
        .shard = {.seed = {1, 2}, .max = 4 * s->flows + 4096 * s->shards},
        .shards = s->shards,
    };
    struct weir_rules_error error;

    s->group = weir_group_new(&config);
    bench_check(s->group != NULL, "no memory for %u shards", s->shards);
    bench_check(weir_rules_parse(&s->rules, 4, rules_text, strlen(rules_text), NULL, &error) == 0,
                "rules: %s", error.message);
    for (unsigned w = 0; s->mix != MIX_PLAIN && w < s->shards; w++)
        bench_check(weir_shard_set_rules(weir_group_shard(s->group, w), 4, s->rules, NULL) == 0,
                    "no memory for rules");
    s->now.ns = start_ns;
    s->there = bench_alloc((size_t)s->flows * SLOT);
    s->back = bench_alloc((size_t)s->flows * SLOT);
    s->scratch = bench_alloc((size_t)s->flows * 2 * SLOT);
    s->queue = bench_alloc((size_t)s->flows * 2 * sizeof(*s->queue));
    s->order = bench_alloc((size_t)s->flows * 2 * sizeof(*s->order));
    for (uint32_t i = 0; i < s->flows; i++)
        s->len = packet_build(s->there + (size_t)i * SLOT, &flows, i, WEIR_ORIG, NULL);
}

static void close_sim(struct sim *s)
{
    weir_group_free(s->group);
    weir_rules_free(s->rules);
    bench_free(s->there, (size_t)s->flows * SLOT);
    bench_free(s->back, (size_t)s->flows * SLOT);
    bench_free(s->scratch, (size_t)s->flows * 2 * SLOT);
    bench_free(s->queue, (size_t)s->flows * 2 * sizeof(*s->queue));
    bench_free(s->order, (size_t)s->flows * 2 * sizeof(*s->order));
}

struct sim_result sim_run(enum mix mix, bool at_home, unsigned shards, uint32_t flows)
{
    struct sim s = {
        .mix = mix, .at_home = at_home, .shards = shards, .flows = flows, .seed = 0x5ca1e};
    struct sim_result r = {0};

    open_sim(&s);
    open_flows(&s, &r);
    use_flows(&s, &r);
    close_sim(&s);
    return r;
}
