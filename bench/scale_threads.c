/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is timed: the hand-off of a packet, in one thread and between two, and two shards on two
 * CPUs beside one.
 *
 * Packets of the hand-off stand in a second-level cache, and time is taken for each batch of 32; a
 * batch during which the scheduler took the CPU away is left out.
 *
 * For two shards beside one, the same flows and the same packets are run by a group of one and by a
 * group of two, whose packets are sorted by home beforehand. As other work on the machine takes the
 * CPUs away now and then, there is a second figure beside that by the wall clock: by pieces of some
 * batches, those left out during which that happened.
 */
#include "scale.h"
#include "traffic.h"

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { BATCH = 32, POOL = 4096, SLOT = 64, TTL = 64, PIECE = 16 * BATCH };

static const int64_t start_ns = 1000000000000, stream_ns = 3000000000, batch_ns = 3200;

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    bench_check(sched_setaffinity(0, sizeof(set), &set) == 0, "cannot run on CPU %d", cpu);
}

static struct weir_group *new_group(unsigned shards, uint32_t max)
{
    const struct weir_group_config config = {.shard = {.seed = {1, 2}, .max = max, .buckets = max},
                                             .shards = shards};
    struct weir_group *g = weir_group_new(&config);

    bench_check(g != NULL, "no memory for %u shards", shards);
    return g;
}

/* --- packets whose home is a shard --- */

struct pool {
    uint8_t *bytes; /* SLOT for each packet */
    uint32_t count, len;
};

/* `count` packets, of as many flows from *flow on, or of half as many and both directions. */
static struct pool pool_new(const struct weir_group *g, unsigned w, uint64_t *flow, uint32_t count,
                            bool both)
{
    const struct flows flows = {.family = 4, .proto = TRAFFIC_UDP};
    struct pool p = {.bytes = bench_alloc((size_t)count * SLOT), .count = count};
    uint32_t *order = bench_permutation(count, *flow + w);
    uint8_t bytes[PACKET_MAX];

    for (uint32_t i = 0; i < count; (*flow)++) {
        struct weir_packet probe = {.data = bytes};

        p.len = probe.len = packet_build(bytes, &flows, *flow, WEIR_ORIG, NULL);
        if (weir_group_home(g, &probe) != w)
            continue;
        memcpy(p.bytes + (size_t)order[i++] * SLOT, bytes, SLOT);
        if (!both || i == count)
            continue;
        (void)packet_build(bytes, &flows, *flow, WEIR_REPLY, NULL);
        memcpy(p.bytes + (size_t)order[i++] * SLOT, bytes, SLOT);
    }
    bench_free(order, count * sizeof(*order));
    return p;
}

static void pool_free(struct pool *p)
{
    bench_free(p->bytes, (size_t)p->count * SLOT);
}

static void describe(const struct pool *p, uint32_t at, uint32_t n, struct weir_packet *packets)
{
    for (uint32_t i = 0; i < n; i++)
        packets[i] = (struct weir_packet){.data = p->bytes + (size_t)((at + i) % p->count) * SLOT,
                                          .len = p->len,
                                          .flags = WEIR_PKT_CSUM_OK};
}

/* --- the hand-off --- */

/* Steer a batch to shard 1, or keep it at 0. Packets that found no room. */
static size_t steer(struct weir_group *g, const struct pool *p, uint32_t at, bool keep,
                    struct tally *t)
{
    struct weir_packet packets[BATCH];
    struct weir_steered got;
    struct stopwatch watch;
    bool whole;

    describe(p, at, BATCH, packets);
    stopwatch_start(&watch);
    got = weir_group_steer(g, 0, packets, BATCH);
    int64_t took = stopwatch_stop(&watch, &whole);

    bench_check(got.own == (keep ? BATCH : 0), "%zu packets stayed", got.own);
    if (!got.refused)
        tally_add(t, took, whole, BATCH);
    return got.refused;
}

static size_t take(struct weir_group *g, unsigned w, struct tally *t)
{
    struct weir_packet packets[BATCH];
    struct stopwatch watch;
    bool whole;

    stopwatch_start(&watch);
    size_t n = weir_group_take(g, w, packets, BATCH).own;
    int64_t took = stopwatch_stop(&watch, &whole);

    if (n)
        tally_add(t, took, whole, n);
    return n;
}

static double poll_cost(uint32_t rounds)
{
    struct weir_group *g = new_group(WEIR_GROUP_SHARDS_MAX, 6400);
    struct tally t = {0};
    struct weir_packet none;

    for (uint32_t i = 0; i < rounds; i++) {
        struct stopwatch watch;
        bool whole;

        stopwatch_start(&watch);
        for (int k = 0; k < BATCH; k++)
            (void)weir_group_take(g, 0, &none, 1);
        int64_t took = stopwatch_stop(&watch, &whole);

        tally_add(&t, took, whole, BATCH);
    }
    weir_group_free(g);
    return tally_each(&t);
}

struct handoff_cost handoff_alone(uint32_t rounds)
{
    struct weir_group *g = new_group(2, 1000);
    uint64_t flow = 0;
    struct pool own = pool_new(g, 0, &flow, POOL, false);
    struct pool others = pool_new(g, 1, &flow, POOL, false);
    struct tally keep = {0}, push = {0}, pop = {0};

    for (uint32_t i = 0; i < rounds; i++) {
        (void)steer(g, &own, i * BATCH, true, &keep);
        (void)steer(g, &others, i * BATCH, false, &push);
        bench_check(take(g, 1, &pop) == BATCH, "packets were lost");
    }
    pool_free(&own);
    pool_free(&others);
    weir_group_free(g);
    return (struct handoff_cost){.keep = tally_each(&keep),
                                 .push = tally_each(&push),
                                 .pop = tally_each(&pop),
                                 .poll = poll_cost(rounds / 8 + 1)};
}

struct crossing {
    struct weir_group *group;
    struct pool pool;
    struct tally push, pop;
    uint32_t batches;
    int cpu;
};

static void *receive(void *arg)
{
    struct crossing *c = arg;
    int64_t left = (int64_t)c->batches * BATCH; /* at least: the last batch may go beyond */

    pin(c->cpu);
    while (left > 0) {
        size_t n = take(c->group, 1, &c->pop);

        left -= (int64_t)n;
        if (!n)
            (void)sched_yield();
    }
    return NULL;
}

struct handoff_cost handoff_across(const int cpus[2], uint32_t rounds)
{
    uint64_t flow = 0;
    struct crossing c = {.group = new_group(2, 1000), .batches = rounds, .cpu = cpus[1]};
    pthread_t receiver;
    uint64_t sent = 0;

    c.pool = pool_new(c.group, 1, &flow, POOL, false);
    pin(cpus[0]);
    bench_check(pthread_create(&receiver, NULL, receive, &c) == 0, "no thread");
    while (sent < (uint64_t)rounds * BATCH) {
        size_t refused = steer(c.group, &c.pool, (uint32_t)sent, false, &c.push);

        sent += BATCH - refused;
        if (refused)
            (void)sched_yield();
    }
    bench_check(pthread_join(receiver, NULL) == 0, "no thread");
    struct handoff_cost cost = {.push = tally_each(&c.push), .pop = tally_each(&c.pop)};

    pool_free(&c.pool);
    weir_group_free(c.group);
    return cost;
}

/* --- two shards beside one --- */

/* One side of the comparison: one shard; a group of two; two that have nothing to do with each
 * other, which says what the machine makes of two. */
enum kind { ONE, TWO, APART, KINDS };

struct side {
    enum kind kind;
    struct weir_group *group[2];
    unsigned number[2];  /* each thread's shard in its group */
    struct pool pool[2]; /* of established flows */
    uint64_t next;       /* flow never seen */
    int64_t now[2];
};

static unsigned threads_of(const struct side *side)
{
    return side->kind == ONE ? 1 : 2;
}

struct pair {
    struct side side[KINDS];
    uint32_t flows; /* of each side */
    int cpus[2];
};

struct job {
    struct side *side;
    int cpu;
    const struct pool *pool;
    pthread_barrier_t *start;
    unsigned w;
    uint8_t want; /* class */
    double packets;
    int64_t began, ended, cpu_ns;
    struct tally pieces;
};

static int64_t cpu_time(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void check_class(const struct weir_packet *p, size_t n, uint8_t want)
{
    for (size_t i = 0; i < n; i++)
        bench_check(p[i].verdict == WEIR_ACCEPT &&
                        (want == WEIR_CT_NONE || p[i].ctinfo == want ||
                         (want == WEIR_CT_ESTABLISHED && p[i].ctinfo == WEIR_CT_ESTABLISHED_REPLY)),
                    "a packet is %s, not %s", weir_ctinfo_name(p[i].ctinfo),
                    weir_ctinfo_name(want));
}

static void run_piece(struct job *j, uint32_t from, uint32_t to)
{
    struct weir_group *g = j->side->group[j->w];
    unsigned number = j->side->number[j->w];
    struct weir_shard *shard = weir_group_shard(g, number);
    struct weir_packet packets[BATCH];

    for (uint32_t at = from; at + BATCH <= to; at += BATCH) {
        const struct weir_time now = {j->side->now[j->w] += batch_ns};

        describe(j->pool, at, BATCH, packets);
        weir_shard_run(shard, now, packets, weir_group_steer(g, number, packets, BATCH).own);
        check_class(packets, BATCH, j->want);
        weir_shard_run(shard, now, packets, weir_group_take(g, number, packets, BATCH).own);
    }
}

static void run_pool(struct job *j)
{
    for (uint32_t at = 0; at + PIECE <= j->pool->count; at += PIECE) {
        struct stopwatch watch;
        bool whole;

        stopwatch_start(&watch);
        run_piece(j, at, at + PIECE);
        int64_t took = stopwatch_stop(&watch, &whole);

        tally_add(&j->pieces, took, whole, PIECE);
    }
}

static void *run_job(void *arg)
{
    struct job *j = arg;

    pin(j->cpu);
    (void)pthread_barrier_wait(j->start);
    int64_t cpu = cpu_time();

    j->began = stopwatch_now();
    run_pool(j);
    j->ended = stopwatch_now();
    j->cpu_ns = cpu_time() - cpu;
    return NULL;
}

/* Run a pool for each shard, each in its thread. */
static void run_jobs(const struct pair *p, struct side *side, const struct pool *pool, uint8_t want,
                     struct job jobs[2])
{
    pthread_barrier_t start;
    pthread_t threads[2];

    bench_check(pthread_barrier_init(&start, NULL, threads_of(side)) == 0, "no barrier");
    for (unsigned w = 0; w < threads_of(side); w++) {
        jobs[w] = (struct job){.side = side,
                               .cpu = p->cpus[w],
                               .pool = &pool[w],
                               .start = &start,
                               .w = w,
                               .want = want,
                               .packets = pool[w].count};
        bench_check(pthread_create(&threads[w], NULL, run_job, &jobs[w]) == 0, "no thread");
    }
    for (unsigned w = 0; w < threads_of(side); w++)
        bench_check(pthread_join(threads[w], NULL) == 0, "no thread");
    (void)pthread_barrier_destroy(&start);
}

static double per_us(double packets, double ns)
{
    return packets * 1000 / ns;
}

static struct rate rate_of(const struct job *j, unsigned n)
{
    struct rate r = {0};
    double packets = 0, wall = 0, cpu = 0;
    int64_t began = j[0].began, ended = j[0].ended;

    for (unsigned w = 0; w < n; w++) {
        packets += j[w].packets;
        wall += (double)(j[w].ended - j[w].began);
        cpu += (double)j[w].cpu_ns;
        began = j[w].began < began ? j[w].began : began;
        ended = j[w].ended > ended ? j[w].ended : ended;
        r.whole += 1000 / tally_each(&j[w].pieces);
    }
    r.wall = per_us(packets, (double)(ended - began));
    r.idle = 1 - cpu / wall;
    return r;
}

/*
 * A reply may come before its query, and then is one: either way a flow is open after two passes,
 * and ASSURED after a third.
 */
static void open_side(struct pair *p, enum kind kind)
{
    struct side *side = &p->side[kind];
    struct job jobs[2];

    side->kind = kind;
    for (unsigned w = 0, n = threads_of(side); w < n; w++) {
        bool joins = kind == TWO && w == 1;

        side->number[w] = joins;
        side->group[w] = joins ? side->group[0] : new_group(kind == TWO ? 2 : 1, 4 * p->flows);
        side->now[w] = start_ns;
        side->pool[w] = pool_new(side->group[w], side->number[w], &side->next,
                                 2 * p->flows / n / PIECE * PIECE, true);
    }
    for (int i = 0; i < 3; i++) {
        run_jobs(p, side, side->pool, WEIR_CT_NONE, jobs);
        for (unsigned w = 0; w < threads_of(side); w++)
            side->now[w] += i ? stream_ns : 0;
    }
}

struct pair *pair_new(const int cpus[2], uint32_t flows)
{
    struct pair *p = bench_alloc(sizeof(*p));

    *p = (struct pair){.flows = flows, .cpus = {cpus[0], cpus[1]}};
    for (int kind = 0; kind < KINDS; kind++)
        open_side(p, (enum kind)kind);
    return p;
}

void pair_free(struct pair *p)
{
    for (int i = 0; i < KINDS; i++)
        for (unsigned w = 0; w < threads_of(&p->side[i]); w++) {
            pool_free(&p->side[i].pool[w]);
            if (p->side[i].number[w] == 0)
                weir_group_free(p->side[i].group[w]);
        }
    bench_free(p, sizeof(*p));
}

/* Give a packet the hops back that it spent. */
static void renew(uint8_t *ip)
{
    store_be16(ip + IP4_TTL, TTL << 8 | ip[IP4_PROTO]);
    store_raw16(ip + IP4_CHECKSUM, 0);
    store_raw16(ip + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, ip, IP4_MIN)));
}

static struct rate run_established(struct pair *p, struct side *side)
{
    struct job jobs[2];

    for (unsigned w = 0; w < threads_of(side); w++)
        for (uint32_t i = 0; i < side->pool[w].count; i++)
            renew(side->pool[w].bytes + (size_t)i * SLOT);
    run_jobs(p, side, side->pool, WEIR_CT_ESTABLISHED, jobs);
    return rate_of(jobs, threads_of(side));
}

/* New flows in tables that have as many others. They go again afterwards. */
static struct rate run_opening(struct pair *p, struct side *side)
{
    unsigned n = threads_of(side);
    struct pool pool[2];
    struct job jobs[2];

    for (unsigned w = 0; w < n; w++)
        pool[w] = pool_new(side->group[w], side->number[w], &side->next,
                           p->flows / 2 / n / PIECE * PIECE, false);
    run_jobs(p, side, pool, WEIR_CT_NEW, jobs);
    for (unsigned w = 0; w < n; w++) {
        /* Unanswered ones have expired then, streams have not. */
        const struct weir_time later = {side->now[w] += 31000000000};

        (void)weir_shard_tick(weir_group_shard(side->group[w], side->number[w]), later, 0);
        pool_free(&pool[w]);
    }
    return rate_of(jobs, n);
}

struct pair_rate pair_established(struct pair *p)
{
    return (struct pair_rate){run_established(p, &p->side[ONE]), run_established(p, &p->side[TWO]),
                              run_established(p, &p->side[APART])};
}

struct pair_rate pair_opening(struct pair *p)
{
    return (struct pair_rate){run_opening(p, &p->side[ONE]), run_opening(p, &p->side[TWO]),
                              run_opening(p, &p->side[APART])};
}
