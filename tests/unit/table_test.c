/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection table, case by case; random operations are in model/table_model_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "track/table.h"

struct fixture {
    struct table table;
    void *buckets, *overflow;
};

/* All hashes in this file are what this says: the reference in the high half, a bucket in the low.
 */
static uint64_t hash_of_ref(void *ctx, uint32_t ref)
{
    (void)ctx;
    return (uint64_t)ref << 32 | 1;
}

static void start(struct fixture *f, uint32_t refs, uint32_t room)
{
    size_t buckets = table_buckets_for(refs) * sizeof(struct table_bucket);
    size_t overflow = slab_bytes(sizeof(struct table_bucket), table_overflow_for(refs));

    f->buckets = aligned_alloc(WEIR_CACHE_LINE, buckets);
    f->overflow = aligned_alloc(WEIR_CACHE_LINE, overflow);
    assert_true(f->buckets && f->overflow);
    memset(f->buckets, 0, buckets);
    memset(f->overflow, 0, overflow);
    table_init(&f->table, f->buckets, f->overflow, refs, room);
    f->table.hash_of = hash_of_ref;
}

static void stop(struct fixture *f)
{
    free(f->buckets);
    free(f->overflow);
}

static bool finds(const struct table *t, uint64_t hash, uint32_t ref)
{
    struct table_probe probe;

    for (uint32_t r = table_first(t, hash, &probe); r; r = table_next(t, &probe))
        if (r == ref)
            return true;
    return false;
}

static void test_empty(void **state)
{
    struct fixture f;
    struct table_probe probe;
    uint32_t refs[4];

    (void)state;
    start(&f, 100, 0);
    for (uint64_t hash = 0; hash < 1000; hash++)
        assert_int_equal(table_first(&f.table, hash, &probe), 0);
    table_del(&f.table, 5, 1); /* what is not there is not there afterwards */
    assert_int_equal(f.table.count, 0);
    assert_int_equal(table_bucket_refs(&f.table, 0, refs, 4), 0);
    stop(&f);
}

/* A free slot must not be taken for a reference whose tag happens to be 0. */
static void test_zero_tag(void **state)
{
    struct fixture f;
    struct table_probe probe;

    (void)state;
    start(&f, 100, 0);
    assert_int_equal(table_first(&f.table, 0, &probe), 0);
    assert_true(table_add(&f.table, 0, 7));
    assert_int_equal(table_first(&f.table, 0, &probe), 7);
    assert_int_equal(table_next(&f.table, &probe), 0);
    table_del(&f.table, 0, 7);
    assert_int_equal(table_first(&f.table, 0, &probe), 0);
    stop(&f);
}

/* Two connections, or both directions of one, under one hash are two references. */
static void test_same_hash(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 100, 0);
    assert_true(table_add(&f.table, 0xabcdef, 6));
    assert_true(table_add(&f.table, 0xabcdef, 7));
    assert_true(finds(&f.table, 0xabcdef, 6) && finds(&f.table, 0xabcdef, 7));
    table_del(&f.table, 0xabcdef, 6);
    assert_true(!finds(&f.table, 0xabcdef, 6) && finds(&f.table, 0xabcdef, 7));
    table_del(&f.table, 0xabcdef, 6); /* again: nothing happens */
    assert_int_equal(f.table.count, 1);
    stop(&f);
}

/* The tag tells references of one bucket apart: nine bits above a bucket's index are in it. */
static void test_tag_filters(void **state)
{
    struct fixture f;
    struct table_probe probe;

    (void)state;
    start(&f, 100, 0);
    assert_true(table_add(&f.table, 0x0001, 1));
    for (uint64_t bit = 4; bit < 16; bit++)
        assert_int_equal(table_first(&f.table, 0x0001 ^ 1u << bit, &probe), 0);
    stop(&f);
}

/*
 * In a chain of twelve the last bucket holds two references. Each of the twelve can go without
 * another one going with it.
 */
static void test_last_bucket(void **state)
{
    enum { CHAIN = 12 };

    (void)state;
    for (uint32_t gone = 1; gone <= CHAIN; gone++) {
        struct fixture f;

        start(&f, 100, 100);
        for (uint32_t ref = 1; ref <= CHAIN; ref++)
            assert_true(table_add(&f.table, hash_of_ref(NULL, ref), ref));
        assert_int_equal(f.table.overflow.count, 1);
        table_del(&f.table, hash_of_ref(NULL, gone), gone);
        for (uint32_t ref = 1; ref <= CHAIN; ref++)
            assert_int_equal(finds(&f.table, hash_of_ref(NULL, ref), ref), ref != gone);
        assert_int_equal(f.table.overflow.count, 1);
        stop(&f);
    }
}

static void test_chain_limit(void **state)
{
    struct fixture f;
    uint32_t refs[2 * TABLE_CHAIN_MAX], ref = 0;

    (void)state;
    start(&f, 1000, 1000);
    while (ref < 2 * TABLE_CHAIN_MAX && table_add(&f.table, hash_of_ref(NULL, ref + 1), ref + 1))
        ref++;
    assert_int_equal(ref, TABLE_CHAIN_MAX);
    assert_int_equal(table_bucket_refs(&f.table, 1, refs, 2 * TABLE_CHAIN_MAX), TABLE_CHAIN_MAX);
    assert_true(table_add(&f.table, 2, 999)); /* another bucket has room */
    stop(&f);
}

/* The sizes for n references hold n references at TABLE_FILL each, and never less than a level. */
static void test_sizes(void **state)
{
    (void)state;
    assert_true(table_buckets_for(0) >= 16);
    for (uint32_t refs = 1; refs < 100000; refs += 97) {
        assert_true((uint64_t)table_buckets_for(refs) * TABLE_FILL >= refs);
        assert_true(table_buckets_for(refs) <= refs / TABLE_FILL + 16);
    }
    assert_true((uint64_t)table_buckets_for(UINT32_MAX) * TABLE_FILL >= UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),       cmocka_unit_test(test_zero_tag),
        cmocka_unit_test(test_same_hash),   cmocka_unit_test(test_tag_filters),
        cmocka_unit_test(test_last_bucket), cmocka_unit_test(test_chain_limit),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
