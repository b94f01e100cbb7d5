/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer wheel against a slow obvious twin: an array of objects, each with its deadline on a
 * clock of 64 bits that never wraps.
 *
 * The twin plays the wheel's caller as wheel.h prescribes: it keeps each object's position,
 * corrects it when a disarm moves a reference, and looks at what is handed back: expired, or armed
 * again. After every operation that promises something, all objects are looked at:
 *
 *   - a reference is handed back once, and only while it is armed;
 *   - a pop that returns less than it might leaves nothing behind that is due ("never late");
 *   - a reference that was armed within the current 256 ticks comes exactly at its tick ("never
 *     early");
 *   - wheel_next() is never later than the earliest armed reference, a pop before it returns
 *     nothing, a pop at it returns something;
 *   - no more chunks are in use than the references need, nor than wheel_chunks() says.
 *
 * The clock starts shortly before 2^32 ticks in most runs, so that every run wraps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/wheel.h"
#include "rng.h"

enum { OBJECTS_MAX = 4096, BUDGET_MAX = 64 };

static const uint32_t farthest = (1u << 31) - 1;
static const uint32_t lag_max = 1u << 30;

struct object {
    bool armed;
    bool exact;        /* armed within the current turn of level 0 */
    uint64_t deadline; /* on the twin's clock */
    uint32_t pos;
};

struct twin {
    struct rng rng;
    struct wheel wheel;
    void *memory;
    uint64_t now;
    uint32_t objects, armed;
    bool drained; /* the last pop reached `now`: the wheel's time is the twin's */
    struct object object[OBJECTS_MAX + 1];
    uint64_t expired, rearmed, moved; /* what the run saw, so that it cannot be vacuous */
};

static void setup(struct twin *t, uint64_t seed, uint32_t objects, uint64_t start)
{
    size_t size = slab_bytes(sizeof(struct wheel_chunk), wheel_chunks(objects));

    memset(t, 0, sizeof(*t));
    rng_init(&t->rng, seed);
    t->objects = objects;
    t->now = start;
    t->drained = true;
    t->memory = aligned_alloc(sizeof(struct wheel_chunk), size);
    assert_non_null(t->memory);
    memset(t->memory, 0, size);
    wheel_init(&t->wheel, t->memory, wheel_chunks(objects), (uint32_t)start);
}

static void teardown(struct twin *t)
{
    free(t->memory);
}

/* Each reference needs its share of a chunk, and each busy slot may have one part-filled chunk. */
static void check_memory(const struct twin *t)
{
    uint32_t busy = 0;

    for (uint32_t level = 0; level < WHEEL_LEVELS; level++)
        for (uint32_t word = 0; word < WHEEL_SLOTS / 64; word++)
            busy += (uint32_t)__builtin_popcountll(t->wheel.busy[level][word]);
    assert_true(busy <= t->armed);
    assert_true(t->wheel.chunks.count <= t->armed / WHEEL_CHUNK_REFS + busy);
    assert_true(t->wheel.chunks.count * WHEEL_CHUNK_REFS >= t->armed);
    assert_true(t->wheel.chunks.used <= wheel_chunks(t->objects));
}

static void check_next(const struct twin *t)
{
    uint64_t earliest = UINT64_MAX, floor = t->now - (uint32_t)((uint32_t)t->now - t->wheel.tick);
    uint32_t tick;

    for (uint32_t ref = 1; ref <= t->objects; ref++)
        if (t->object[ref].armed && t->object[ref].deadline < earliest)
            earliest = t->object[ref].deadline;
    if (!wheel_next(&t->wheel, &tick)) {
        assert_int_equal(t->armed, 0);
        return;
    }
    assert_int_not_equal(t->armed, 0);
    if (earliest < floor)
        earliest = floor;
    uint64_t next = floor + (uint32_t)(tick - t->wheel.tick);

    assert_true(next <= earliest);
}

static void arm(struct twin *t, uint32_t ref, uint64_t deadline)
{
    struct object *o = &t->object[ref];
    uint32_t tick = (uint32_t)deadline, current = t->wheel.tick;

    assert_false(o->armed);
    o->armed = true;
    o->deadline = deadline;
    o->exact = deadline >= t->now && (tick ^ current) < WHEEL_SLOTS;
    o->pos = wheel_arm(&t->wheel, ref, tick);
    t->armed++;
    assert_int_not_equal(o->pos, 0);
}

static void disarm(struct twin *t, uint32_t ref)
{
    struct object *o = &t->object[ref];
    uint32_t moved = wheel_disarm(&t->wheel, o->pos);

    assert_true(o->armed);
    o->armed = false;
    t->armed--;
    if (moved) {
        assert_in_range(moved, 1, t->objects);
        assert_int_not_equal(moved, ref);
        assert_true(t->object[moved].armed);
        t->object[moved].pos = o->pos;
        t->moved++;
    }
}

/* Distances that end on every level, its edges more often than not. */
static uint32_t some_distance(struct rng *r)
{
    uint32_t bits = rng_below(r, 32);
    uint32_t far = rng_u32(r) & (bits ? UINT32_MAX >> (32 - bits) : 0);
    uint32_t edge = (1u << bits) - 1 + rng_below(r, 3);

    far = rng_percent(r, 20) ? edge : far;
    return far > farthest ? farthest : far;
}

static uint32_t some_ref(struct twin *t)
{
    return 1 + rng_below(&t->rng, t->objects);
}

static void arm_some(struct twin *t)
{
    uint32_t ref = some_ref(t);
    uint32_t distance = some_distance(&t->rng);

    if (t->object[ref].armed)
        return;
    if (rng_percent(&t->rng, 5)) /* in the past */
        arm(t, ref, t->now - rng_below(&t->rng, 1000));
    else
        arm(t, ref, t->now + distance);
}

static void disarm_some(struct twin *t)
{
    uint32_t ref = some_ref(t);

    if (t->object[ref].armed)
        disarm(t, ref);
}

/* Take what is due, in calls of `budget`; with `calls` used up, leave the rest for later. */
static void pop(struct twin *t, uint32_t budget, uint32_t calls)
{
    uint32_t refs[BUDGET_MAX + 1], n = budget;

    for (t->drained = false; n == budget && calls; calls--) {
        refs[budget] = 0xdeadbeef;
        n = wheel_pop(&t->wheel, (uint32_t)t->now, refs, budget);
        assert_true(n <= budget);
        assert_int_equal(refs[budget], 0xdeadbeef);
        assert_true((uint32_t)t->now - t->wheel.tick <= farthest);
        for (uint32_t i = 0; i < n; i++) {
            assert_in_range(refs[i], 1, t->objects);
            struct object *o = &t->object[refs[i]];

            assert_true(o->armed);
            assert_true(!o->exact || o->deadline <= t->now);
            o->armed = false;
            t->armed--;
        }
        for (uint32_t i = 0; i < n; i++) {
            uint64_t deadline = t->object[refs[i]].deadline;

            if (deadline <= t->now) {
                t->expired++;
            } else {
                arm(t, refs[i], deadline);
                t->rearmed++;
            }
        }
    }
    if (n == budget)
        return;
    t->drained = true;
    assert_int_equal(t->wheel.tick, (uint32_t)t->now);
    for (uint32_t ref = 1; ref <= t->objects; ref++)
        assert_false(t->object[ref].armed && t->object[ref].deadline <= t->now);
}

static uint32_t some_step(struct rng *r)
{
    static const uint32_t edges[] = {0, 1, 255, 256, 257, 65535, 65536, 1u << 24, (1u << 24) + 1};
    uint32_t bits = rng_below(r, 31);

    if (rng_percent(r, 30))
        return RNG_PICK(r, edges);
    return rng_u32(r) >> (31 - bits);
}

static uint32_t behind(const struct twin *t)
{
    return (uint32_t)t->now - t->wheel.tick;
}

/* wheel_pop() takes a clock up to 2^31 ticks ahead. */
static void step(struct twin *t)
{
    uint32_t by = some_step(&t->rng), most = farthest - behind(t);

    t->now += by < most ? by : most;
}

/* A pop one tick before wheel_next() returns nothing, one at it something. */
static void check_next_is_first(struct twin *t)
{
    uint32_t tick, ref;

    if (!t->drained || !wheel_next(&t->wheel, &tick) || tick == t->wheel.tick)
        return;
    t->now += tick - t->wheel.tick - 1;
    assert_int_equal(wheel_pop(&t->wheel, (uint32_t)t->now, &ref, 1), 0);
    t->now++;
    assert_int_equal(wheel_pop(&t->wheel, (uint32_t)t->now, &ref, 1), 1);
    assert_true(t->object[ref].armed);
    assert_true(!t->object[ref].exact || t->object[ref].deadline == t->now);
    t->object[ref].armed = false;
    t->armed--;
    if (t->object[ref].deadline > t->now)
        arm(t, ref, t->object[ref].deadline);
    t->drained = false;
}

/* `arming` and `disarming`: percent of operations. */
static void random_run(uint64_t seed, uint32_t objects, uint32_t operations, uint32_t arming,
                       uint32_t disarming)
{
    static struct twin t;

    setup(&t, seed, objects, (1ULL << 32) - 1 - rng_splitmix(&seed) % 100000);
    for (uint32_t i = 0; i < operations; i++) {
        uint32_t what = rng_below(&t.rng, 100);

        if (what < arming)
            arm_some(&t);
        else if (what < arming + disarming)
            disarm_some(&t);
        else if (what < 97) {
            uint32_t budget = 1 + rng_below(&t.rng, BUDGET_MAX);
            uint32_t calls = rng_percent(&t.rng, 50) ? UINT32_MAX : 1 + rng_below(&t.rng, 3);

            if (rng_percent(&t.rng, 70))
                step(&t);
            /* What is armed now may be as far ahead of the clock as it may be ahead of the wheel:
             * both together must stay below 2^32. */
            pop(&t, budget, behind(&t) > lag_max ? UINT32_MAX : calls);
        } else {
            check_next_is_first(&t);
        }
        if (i % 16 == 0) {
            check_next(&t);
            check_memory(&t);
        }
    }
    assert_true(t.expired > 0 && t.rearmed > 0 && t.moved > 0);
    assert_true(t.now > 1ULL << 32);
    teardown(&t);
}

static void test_sparse(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        random_run(seed, 8, 250000, 40, 20);
}

static void test_usual(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 14; seed++)
        random_run(seed, 300, 400000, 60, 20);
}

static void test_crowded(void **state)
{
    (void)state;
    for (uint64_t seed = 21; seed <= 22; seed++)
        random_run(seed, OBJECTS_MAX, 100000, 80, 12);
}

/*
 * Driven from wheel_next() to wheel_next(), as a caller with a timer of its own would, every object
 * expires exactly at its deadline, and so in order.
 */
static void test_exact_when_driven(void **state)
{
    static struct twin t;
    uint32_t tick, refs[BUDGET_MAX], n;
    uint64_t last = 0;

    (void)state;
    setup(&t, 31, OBJECTS_MAX, (1ULL << 32) - 5000000);
    for (uint32_t ref = 1; ref <= t.objects; ref++) {
        uint32_t distance = some_distance(&t.rng);

        arm(&t, ref, t.now + distance);
    }
    while (wheel_next(&t.wheel, &tick)) {
        t.now += (uint32_t)(tick - (uint32_t)t.now);
        do {
            n = wheel_pop(&t.wheel, (uint32_t)t.now, refs, BUDGET_MAX);
            for (uint32_t i = 0; i < n; i++) {
                struct object *o = &t.object[refs[i]];

                assert_true(o->armed);
                o->armed = false;
                t.armed--;
                if (o->deadline == t.now) {
                    assert_true(last <= t.now);
                    last = t.now;
                    t.expired++;
                } else {
                    assert_true(o->deadline > t.now);
                    arm(&t, refs[i], o->deadline);
                }
            }
        } while (n == BUDGET_MAX);
    }
    assert_int_equal(t.expired, OBJECTS_MAX);
    assert_int_equal(t.armed, 0);
    assert_int_equal(t.wheel.chunks.count, 0);
    teardown(&t);
}

/* Laziness: an object's deadline moves on without the wheel being told; it is still not missed. */
static void test_lazy_refresh(void **state)
{
    static struct twin t;
    uint32_t refs[BUDGET_MAX], n;

    (void)state;
    setup(&t, 41, 500, (1ULL << 32) - 70000);
    for (uint32_t ref = 1; ref <= t.objects; ref++)
        arm(&t, ref, t.now + 1 + rng_below(&t.rng, 30000));
    for (uint32_t i = 0; i < 300000; i++) {
        uint32_t ref = some_ref(&t);
        uint64_t later = t.now + 1 + rng_below(&t.rng, 30000);

        if (t.object[ref].armed && i < 250000 && later > t.object[ref].deadline)
            t.object[ref].deadline = later;
        t.now += rng_below(&t.rng, 3);
        do {
            n = wheel_pop(&t.wheel, (uint32_t)t.now, refs, BUDGET_MAX);
            for (uint32_t k = 0; k < n; k++) {
                struct object *o = &t.object[refs[k]];

                assert_true(o->armed);
                o->armed = false;
                t.armed--;
                if (o->deadline > t.now) {
                    arm(&t, refs[k], o->deadline);
                } else {
                    assert_true(t.now - o->deadline <= 2); /* a step, not more */
                    t.expired++;
                }
            }
        } while (n == BUDGET_MAX);
    }
    assert_int_equal(t.expired, t.objects);
    teardown(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sparse),       cmocka_unit_test(test_usual),
        cmocka_unit_test(test_crowded),      cmocka_unit_test(test_exact_when_driven),
        cmocka_unit_test(test_lazy_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
