/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slab: indexes from 1 to the capacity, each once, most recently freed first, nothing beyond
 * the memory that slab_bytes() asks for and nothing touched before it is used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>

#include "base/slab.h"

enum { SIZE = 64, CAPACITY = 5, UNTOUCHED = 0xaa };

static void test_capacity(void **state)
{
    struct slab s;
    void *memory = malloc(slab_bytes(SIZE, CAPACITY));

    (void)state;
    assert_non_null(memory);
    memset(memory, UNTOUCHED, slab_bytes(SIZE, CAPACITY));
    slab_init(&s, memory, SIZE, CAPACITY);
    for (uint32_t i = 1; i <= CAPACITY; i++) {
        assert_int_equal(slab_new(&s), i);
        assert_int_equal(s.count, i);
        memset(slab_at(&s, i), 0, SIZE); /* all of it is ours */
    }
    assert_int_equal(slab_new(&s), 0);
    assert_int_equal(slab_new(&s), 0);
    assert_int_equal(s.count, CAPACITY);
    free(memory);
}

static void test_reuse(void **state)
{
    struct slab s;
    uint8_t memory[(CAPACITY + 1) * SIZE];

    (void)state;
    memset(memory, UNTOUCHED, sizeof(memory));
    slab_init(&s, memory, SIZE, CAPACITY);
    assert_int_equal(slab_bytes(SIZE, CAPACITY), sizeof(memory));
    for (uint32_t i = 1; i <= 4; i++)
        (void)slab_new(&s);
    memset(slab_at(&s, 2), 7, SIZE);
    slab_free(&s, 2);
    slab_free(&s, 4);
    slab_free(&s, 1);
    assert_int_equal(s.count, 1);
    assert_int_equal(slab_new(&s), 1);
    assert_int_equal(slab_new(&s), 4);
    assert_int_equal(slab_new(&s), 2);
    /* Only the first four bytes of a free object are the slab's. */
    for (uint32_t i = 4; i < SIZE; i++)
        assert_int_equal(((uint8_t *)slab_at(&s, 2))[i], 7);
    assert_int_equal(slab_new(&s), 5);
    assert_int_equal(slab_new(&s), 0);
}

/* Memory above the highest object used, and the unused object 0, stay as they were: with pages
 * committed on touch they cost nothing. */
static void test_untouched(void **state)
{
    struct slab s;
    uint8_t memory[(CAPACITY + 1) * SIZE];

    (void)state;
    memset(memory, UNTOUCHED, sizeof(memory));
    slab_init(&s, memory, SIZE, CAPACITY);
    for (int round = 0; round < 100; round++) {
        uint32_t a = slab_new(&s), b = slab_new(&s);

        slab_free(&s, round & 1 ? a : b);
        slab_free(&s, round & 1 ? b : a);
    }
    assert_int_equal(s.used, 2);
    assert_int_equal(s.count, 0);
    for (uint32_t i = 0; i < sizeof(memory); i++)
        if (i / SIZE == 0 || i / SIZE > 2)
            assert_int_equal(memory[i], UNTOUCHED);
}

static void test_none(void **state)
{
    struct slab s;

    (void)state;
    slab_init(&s, NULL, SIZE, 0);
    assert_int_equal(slab_new(&s), 0);
    assert_int_equal(s.count, 0);
}

/* More than four gigabytes: a place in the address space is enough, nothing is touched. */
static void test_large(void **state)
{
    const uint32_t size = 192, capacity = 1u << 30;
    size_t bytes = slab_bytes(size, capacity);
    uint8_t *memory =
        mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct slab s;

    (void)state;
    assert_int_equal(bytes, ((1ULL << 30) + 1) * 192);
    if (memory == MAP_FAILED)
        skip();
    slab_init(&s, memory, size, capacity);
    assert_ptr_equal(slab_at(&s, capacity), memory + (bytes - size));
    assert_int_equal(munmap(memory, bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity),  cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_untouched), cmocka_unit_test(test_none),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
