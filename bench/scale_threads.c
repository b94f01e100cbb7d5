/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is timed: the hand-off of a packet, in one thread and between two, and two shards on two
 * CPUs beside one.
 *
 * Packets of the hand-off stand in a second-level cache, and time is taken for each batch of 32; a
 * batch during which the scheduler took the CPU away is left out. For two shards beside one each
 * has its own flows and its own packets, as many in both cases, and the difference between one
 * alone and both together is what they cost each other. As other work on the machine costs them
 * too, the CPU time of each thread is taken beside the time on the wall.
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

enum { BATCH = 32, POOL = 4096, SLOT = 64, TTL = 64 };

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

struct pair {
    struct weir_group *group;
    struct pool pool[2]; /* of established flows */
    uint32_t flows;      /* of each shard */
    uint64_t next;       /* flow never seen */
    int64_t now[2];
    int cpus[2];
};

struct job {
    struct pair *pair;
    const struct pool *pool;
    pthread_barrier_t *start;
    unsigned w;
    uint8_t want; /* class */
    double packets;
    int64_t began, ended, cpu_ns;
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

static void run_pool(struct job *j)
{
    struct weir_group *g = j->pair->group;
    struct weir_shard *shard = weir_group_shard(g, j->w);
    struct weir_packet packets[BATCH];

    for (uint32_t at = 0; at + BATCH <= j->pool->count; at += BATCH) {
        const struct weir_time now = {j->pair->now[j->w] += batch_ns};

        describe(j->pool, at, BATCH, packets);
        weir_shard_run(shard, now, packets, weir_group_steer(g, j->w, packets, BATCH).own);
        check_class(packets, BATCH, j->want);
        weir_shard_run(shard, now, packets, weir_group_take(g, j->w, packets, BATCH).own);
    }
}

static void *run_job(void *arg)
{
    struct job *j = arg;

    pin(j->pair->cpus[j->w]);
    (void)pthread_barrier_wait(j->start);
    int64_t cpu = cpu_time();

    j->began = stopwatch_now();
    run_pool(j);
    j->ended = stopwatch_now();
    j->cpu_ns = cpu_time() - cpu;
    return NULL;
}

/* Run the first `n` of two pools, each in its thread. */
static void run_jobs(struct pair *p, struct pool pool[2], unsigned n, uint8_t want,
                     struct job jobs[2])
{
    pthread_barrier_t start;
    pthread_t threads[2];

    bench_check(pthread_barrier_init(&start, NULL, n) == 0, "no barrier");
    for (unsigned w = 0; w < n; w++) {
        jobs[w] = (struct job){.pair = p,
                               .pool = &pool[w],
                               .start = &start,
                               .w = w,
                               .want = want,
                               .packets = pool[w].count};
        bench_check(pthread_create(&threads[w], NULL, run_job, &jobs[w]) == 0, "no thread");
    }
    for (unsigned w = 0; w < n; w++)
        bench_check(pthread_join(threads[w], NULL) == 0, "no thread");
    (void)pthread_barrier_destroy(&start);
}

static double per_us(double packets, double ns)
{
    return packets * 1000 / ns;
}

static void rate_one(struct pair_rate *r, const struct job *j)
{
    r->one = per_us(j->packets, (double)(j->ended - j->began));
    r->cpu_one = per_us(j->packets, (double)j->cpu_ns);
}

static void rate_both(struct pair_rate *r, const struct job j[2])
{
    double packets = j[0].packets + j[1].packets, wall = 0, cpu = 0;
    int64_t began = j[0].began < j[1].began ? j[0].began : j[1].began;
    int64_t ended = j[0].ended > j[1].ended ? j[0].ended : j[1].ended;

    for (int w = 0; w < 2; w++) {
        wall += (double)(j[w].ended - j[w].began);
        cpu += (double)j[w].cpu_ns;
        r->cpu_both += per_us(j[w].packets, (double)j[w].cpu_ns);
    }
    r->both = per_us(packets, (double)(ended - began));
    r->steal = 1 - cpu / wall;
}

struct pair *pair_new(const int cpus[2], uint32_t flows)
{
    struct pair *p = bench_alloc(sizeof(*p));
    struct job jobs[2];

    *p = (struct pair){.flows = flows, .cpus = {cpus[0], cpus[1]}, .now = {start_ns, start_ns}};
    p->group = new_group(2, 4 * flows);
    for (unsigned w = 0; w < 2; w++)
        p->pool[w] = pool_new(p->group, w, &p->next, 2 * flows / BATCH * BATCH, true);
    /* A reply may come before its query, and then is one: either way the flow is open after two
     * passes, and ASSURED after a third. */
    for (int i = 0; i < 3; i++) {
        run_jobs(p, p->pool, 2, WEIR_CT_NONE, jobs);
        for (unsigned w = 0; w < 2; w++)
            p->now[w] += i ? stream_ns : 0;
    }
    return p;
}

void pair_free(struct pair *p)
{
    for (unsigned w = 0; w < 2; w++)
        pool_free(&p->pool[w]);
    weir_group_free(p->group);
    bench_free(p, sizeof(*p));
}

/* Give the packets of a pool the hops back that they spent. */
static void renew(struct pool *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        uint8_t *ip = p->bytes + (size_t)i * SLOT;

        ip[IP4_TTL] = TTL;
        store_raw16(ip + IP4_CHECKSUM, 0);
        store_raw16(ip + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, ip, IP4_MIN)));
    }
}

struct pair_rate pair_established(struct pair *p)
{
    struct pair_rate r = {0};
    struct job jobs[2];

    for (unsigned w = 0; w < 2; w++)
        renew(&p->pool[w]);

    run_jobs(p, p->pool, 1, WEIR_CT_ESTABLISHED, jobs);
    rate_one(&r, &jobs[0]);
    run_jobs(p, p->pool, 2, WEIR_CT_ESTABLISHED, jobs);
    rate_both(&r, jobs);
    return r;
}

/* New flows in tables that have as many others. They go again afterwards. */
static void open_new(struct pair *p, unsigned n, struct job jobs[2])
{
    struct pool pool[2];
    struct weir_time later;

    for (unsigned w = 0; w < n; w++)
        pool[w] = pool_new(p->group, w, &p->next, p->flows / 2 / BATCH * BATCH, false);
    run_jobs(p, pool, n, WEIR_CT_NEW, jobs);
    for (unsigned w = 0; w < n; w++) {
        later.ns = p->now[w] += 31000000000; /* unanswered ones have expired, streams have not */
        (void)weir_shard_tick(weir_group_shard(p->group, w), later, 0);
    }
    for (unsigned w = 0; w < n; w++)
        pool_free(&pool[w]);
}

struct pair_rate pair_opening(struct pair *p)
{
    struct pair_rate r = {0};
    struct job jobs[2];

    open_new(p, 1, jobs);
    rate_one(&r, &jobs[0]);
    open_new(p, 2, jobs);
    rate_both(&r, jobs);
    return r;
}
