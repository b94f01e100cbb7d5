/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer wheel, case by case; random operations are in model/wheel_model_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/wheel.h"

enum { REFS = 2000 };

struct fixture {
    struct wheel wheel;
    void *memory;
};

static void start(struct fixture *f, uint32_t tick)
{
    size_t size = slab_bytes(sizeof(struct wheel_chunk), wheel_chunks(REFS));

    f->memory = aligned_alloc(sizeof(struct wheel_chunk), size);
    assert_non_null(f->memory);
    memset(f->memory, 0, size);
    wheel_init(&f->wheel, f->memory, wheel_chunks(REFS), tick);
}

static void stop(struct fixture *f)
{
    free(f->memory);
}

static uint32_t pop_one(struct fixture *f, uint32_t now)
{
    uint32_t ref = 0;

    return wheel_pop(&f->wheel, now, &ref, 1) ? ref : 0;
}

/* When a reference that is always armed again comes at last, and how often it was looked at. */
static uint32_t looks_until(struct fixture *f, uint32_t from, uint32_t distance)
{
    uint32_t looks = 0, tick, deadline = from + distance;

    (void)wheel_arm(&f->wheel, 1, deadline);
    for (;;) {
        assert_true(wheel_next(&f->wheel, &tick));
        assert_true((int32_t)(deadline - tick) >= 0);
        assert_int_equal(pop_one(f, tick), 1);
        looks++;
        if (tick == deadline)
            return looks;
        (void)wheel_arm(&f->wheel, 1, deadline);
    }
}

/* Every distance comes exactly, after at most one look for each level. */
static void test_distances(void **state)
{
    static const uint32_t distances[] = {0,
                                         1,
                                         2,
                                         254,
                                         255,
                                         256,
                                         257,
                                         511,
                                         512,
                                         65535,
                                         65536,
                                         65537,
                                         (1u << 24) - 1,
                                         1u << 24,
                                         1u << 25,
                                         (1u << 30),
                                         0x70000000u,
                                         0x7ffffffeu,
                                         0x7fffffffu};
    static const uint32_t starts[] = {0,        1,          255,        256,
                                      0xffff,   0x10000,    0x00ffffff, 0x7fffffff,
                                      1u << 31, 0xfffffeff, 0xffffff00, 0xffffffff};

    (void)state;
    for (size_t s = 0; s < WEIR_ARRAY_LEN(starts); s++) {
        for (size_t d = 0; d < WEIR_ARRAY_LEN(distances); d++) {
            struct fixture f;

            start(&f, starts[s]);
            assert_in_range(looks_until(&f, starts[s], distances[d]), 1, WHEEL_LEVELS);
            stop(&f);
        }
    }
}

static void test_empty(void **state)
{
    struct fixture f;
    uint32_t tick, ref;

    (void)state;
    start(&f, 5);
    assert_false(wheel_next(&f.wheel, &tick));
    assert_int_equal(wheel_pop(&f.wheel, 5, &ref, 1), 0);
    assert_int_equal(wheel_pop(&f.wheel, 1000000, &ref, 1), 0);
    assert_int_equal(f.wheel.tick, 1000000);
    (void)wheel_arm(&f.wheel, 1, 1000001);
    assert_int_equal(wheel_pop(&f.wheel, 1000001, &ref, 0), 0); /* no room: nothing is lost */
    assert_int_equal(wheel_pop(&f.wheel, 1000001, &ref, 1), 1);
    stop(&f);
}

/* What is armed for the past is due at once. */
static void test_past(void **state)
{
    static const uint32_t behind[] = {0, 1, 255, 256, 100000, 0x7fffffff};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(behind); i++) {
        struct fixture f;
        uint32_t tick;

        start(&f, 77);
        (void)wheel_arm(&f.wheel, 9, 77 - behind[i]);
        assert_true(wheel_next(&f.wheel, &tick));
        assert_int_equal(tick, 77);
        assert_int_equal(pop_one(&f, 77), 9);
        stop(&f);
    }
}

/* wheel.h: `now` must not be more than 2^31 ticks ahead; so 2^31 may be. */
static void farthest_step(uint32_t step, uint32_t armed)
{
    static const uint32_t distances[] = {0, 1, 0x7fffffff};
    struct fixture f;
    uint32_t now = 123 + step, refs[4];

    start(&f, 123);
    for (uint32_t i = 0; i < armed; i++)
        (void)wheel_arm(&f.wheel, i + 1, 123 + distances[i]);
    assert_int_equal(wheel_pop(&f.wheel, now, refs, 4), armed);
    assert_int_equal(f.wheel.tick, now);
    (void)wheel_arm(&f.wheel, 4, now + 10);
    assert_int_equal(pop_one(&f, now + 9), 0);
    assert_int_equal(pop_one(&f, now + 10), 4);
    stop(&f);
}

static void test_farthest_step(void **state)
{
    (void)state;
    for (uint32_t armed = 0; armed <= 3; armed++) {
        farthest_step(0x7fffffff, armed);
        farthest_step(0x80000000, armed);
    }
}

/* A pop that was cut short goes on where it stopped, whatever is armed in between. */
static void test_budget(void **state)
{
    struct fixture f;
    uint32_t refs[REFS], seen = 0;

    (void)state;
    start(&f, 1000);
    for (uint32_t ref = 1; ref <= 100; ref++)
        (void)wheel_arm(&f.wheel, ref, 1500 + ref % 7);
    for (uint32_t n; (n = wheel_pop(&f.wheel, 2000, refs, 3)) == 3; seen += n)
        if (seen == 30)
            for (uint32_t ref = 101; ref <= 105; ref++)
                (void)wheel_arm(&f.wheel, ref, 1000); /* past: now */
    assert_in_range(seen, 103, 105);
    assert_int_equal(f.wheel.chunks.count, 0);
    stop(&f);
}

/* Taking any one of a slot's references out leaves all others, at positions that are known. */
static void test_disarm_each(void **state)
{
    (void)state;
    for (uint32_t refs = 1; refs <= 3 * WHEEL_CHUNK_REFS + 1; refs++) {
        for (uint32_t out = 1; out <= refs; out++) {
            struct fixture f;
            uint32_t pos[64] = {0}, got[64], seen = 0;

            start(&f, 0);
            for (uint32_t ref = 1; ref <= refs; ref++)
                pos[ref] = wheel_arm(&f.wheel, ref, 200);
            uint32_t moved = wheel_disarm(&f.wheel, pos[out]);

            if (moved) {
                assert_in_range(moved, 1, refs);
                assert_int_not_equal(moved, out);
                pos[moved] = pos[out];
            }
            /* All positions still name their reference: each can be taken out by its own. */
            for (uint32_t ref = 1; ref <= refs; ref += 2) {
                if (ref == out)
                    continue;
                moved = wheel_disarm(&f.wheel, pos[ref]);
                if (moved)
                    pos[moved] = pos[ref];
                seen++;
            }
            uint32_t n = wheel_pop(&f.wheel, 200, got, 64);

            for (uint32_t i = 0; i < n; i++) {
                assert_int_equal(got[i] % 2, 0);
                assert_int_not_equal(got[i], out);
            }
            assert_int_equal(seen + n, refs - 1);
            assert_int_equal(f.wheel.chunks.count, 0);
            stop(&f);
        }
    }
}

/* The most slots that can be busy, one reference in each, and then as many references as there may
 * be on top. */
static void test_memory_bound(void **state)
{
    struct fixture f;
    uint32_t ref = 0, now = 0x12345678, got[64];

    (void)state;
    start(&f, now);
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++)
        for (uint32_t slot = 1; slot < WHEEL_SLOTS; slot++)
            if ((int32_t)(slot << (8 * level)) > 0)
                (void)wheel_arm(&f.wheel, ++ref, now + (slot << (8 * level)));
    for (; ref < REFS; ref++)
        (void)wheel_arm(&f.wheel, ref + 1, now + ref % 50);
    assert_true(f.wheel.chunks.used <= wheel_chunks(REFS));
    for (uint32_t n; (n = wheel_pop(&f.wheel, now + 0x7fffffff, got, 64)); ref -= n)
        continue;
    assert_int_equal(ref, 0);
    assert_int_equal(f.wheel.chunks.count, 0);
    stop(&f);
}

/* Nothing is armed for years: a pop does not walk the time between. 2^31 ticks took minutes if it
 * did. */
static void test_jumps_are_cheap(void **state)
{
    struct fixture f;
    uint32_t now = 0;

    (void)state;
    start(&f, now);
    for (uint32_t i = 0; i < 100000; i++) {
        (void)wheel_arm(&f.wheel, 1, now + 0x40000000);
        now += 0x40000000;
        assert_int_equal(pop_one(&f, now), 1);
    }
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distances),    cmocka_unit_test(test_empty),
        cmocka_unit_test(test_past),         cmocka_unit_test(test_farthest_step),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_disarm_each),
        cmocka_unit_test(test_memory_bound), cmocka_unit_test(test_jumps_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
