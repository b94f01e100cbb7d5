/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring between two threads: order, being full and empty, the numbers running over, and two real
 * threads, for the thread sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/ring.h"

enum { SLOTS = 8 };

static struct ring_slot slots[SLOTS];
static struct ring ring;

static int setup(void **state)
{
    (void)state;
    memset(slots, 0, sizeof(slots));
    ring_init(&ring, slots, SLOTS);
    return 0;
}

static bool put(uint64_t value)
{
    void *slot = ring_put(&ring);

    if (slot)
        memcpy(slot, &value, sizeof(value));
    return slot != NULL;
}

/* What comes next; -1: nothing. */
static int64_t get(void)
{
    const void *slot = ring_get(&ring);
    int64_t value = -1;

    if (slot)
        memcpy(&value, slot, sizeof(value));
    return value;
}

static void is_not_seen_before_it_is_published(void **state)
{
    (void)state;
    assert_true(put(1));
    assert_true(put(2));
    assert_int_equal(get(), -1);
    assert_true(ring_publish(&ring));
    assert_false(ring_publish(&ring));
    assert_int_equal(ring_waiting(&ring), 2);
    assert_int_equal(get(), 1);
    assert_int_equal(get(), 2);
    assert_int_equal(get(), -1);
    assert_true(ring_release(&ring));
    assert_false(ring_release(&ring));
}

static void is_full_until_slots_are_released(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < SLOTS; i++) {
        assert_int_equal(ring_room(&ring, SLOTS), SLOTS - i);
        assert_true(put(i));
    }
    assert_int_equal(ring_room(&ring, 1), 0);
    assert_false(put(99));
    (void)ring_publish(&ring);
    assert_int_equal(get(), 0);
    assert_false(put(99)); /* the consumer still reads it */
    (void)ring_release(&ring);
    assert_int_equal(ring_room(&ring, 1), 1);
    assert_true(put(8));
    assert_false(put(99));
    (void)ring_publish(&ring);
    for (int64_t i = 1; i <= SLOTS; i++)
        assert_int_equal(get(), i);
    assert_int_equal(get(), -1);
}

/* In pieces of all sizes, past the point where 32 bits run over. */
static void keeps_order_when_its_numbers_run_over(void **state)
{
    int64_t in = 0, out = 0;
    uint32_t start = UINT32_MAX - 100;

    (void)state;
    ring.producer.at = ring.producer.said = ring.producer.other = start;
    ring.consumer = ring.producer;
    atomic_store(&ring.tail, start);
    atomic_store(&ring.head, start);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < round % (SLOTS + 2) && put((uint64_t)in); i++)
            in++;
        (void)ring_publish(&ring);
        for (int i = 0; i < round % 5 && ring_waiting(&ring); i++)
            assert_int_equal(get(), out++);
        (void)ring_release(&ring);
    }
    while (ring_waiting(&ring))
        assert_int_equal(get(), out++);
    assert_int_equal(in, out);
    assert_true(in > 300);
}

/* --- two threads --- */

enum { MESSAGES = 200000 };

static void *produce(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; i < MESSAGES;) {
        uint64_t batch = 1 + i % 7;

        while (batch-- && i < MESSAGES && put(i * 3))
            i++;
        if (!ring_publish(&ring))
            (void)sched_yield();
    }
    return NULL;
}

static void passes_everything_between_threads(void **state)
{
    pthread_t producer;

    (void)state;
    assert_int_equal(pthread_create(&producer, NULL, produce, NULL), 0);
    for (int64_t i = 0; i < MESSAGES;) {
        int64_t value = get();

        if (value < 0) {
            if (!ring_release(&ring))
                (void)sched_yield();
            continue;
        }
        if (value != i * 3)
            fail_msg("message %lld is %lld", (long long)i, (long long)value);
        i++;
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(get(), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_not_seen_before_it_is_published, setup),
        cmocka_unit_test_setup(is_full_until_slots_are_released, setup),
        cmocka_unit_test_setup(keeps_order_when_its_numbers_run_over, setup),
        cmocka_unit_test_setup(passes_everything_between_threads, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
