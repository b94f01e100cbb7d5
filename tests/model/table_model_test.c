/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection table against a slow obvious twin: for every reference, whether it is in and under
 * which hash.
 *
 * Growth is where a linear-hashing table can lose things: references move while others are added,
 * tags are replaced at every eighth level, and overflow buckets change hands. So after a number of
 * operations everything is looked at: each reference is found under its hash exactly once, stands
 * in the bucket that its hash names, and nothing else is there; every chain is as short as its
 * references allow, so that an emptied table has given all overflow buckets back.
 *
 * Memory is allocated with exactly the sizes that table.h names, so the address sanitizer sees any
 * step beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "track/table.h"

struct twin {
    struct rng rng;
    struct table table;
    void *buckets, *overflow;
    uint32_t refs; /* the table is sized for; references are 1 to refs */
    uint32_t count;
    uint64_t *hash; /* by reference */
    bool *in;
    uint32_t *seen; /* by reference, for check_all() */
    uint64_t asked; /* hash_of() calls */
};

static uint64_t hash_of(void *ctx, uint32_t ref)
{
    struct twin *t = ctx;

    assert_in_range(ref, 1, t->refs);
    assert_true(t->in[ref]);
    t->asked++;
    return t->hash[ref];
}

static void *zeroed(size_t size)
{
    void *p = aligned_alloc(WEIR_CACHE_LINE, size);

    assert_non_null(p);
    memset(p, 0, size);
    return p;
}

static void setup(struct twin *t, uint64_t seed, uint32_t refs, uint32_t start)
{
    memset(t, 0, sizeof(*t));
    rng_init(&t->rng, seed);
    t->refs = refs;
    t->hash = calloc(refs + 1, sizeof(*t->hash));
    t->in = calloc(refs + 1, sizeof(*t->in));
    t->seen = calloc(refs + 1, sizeof(*t->seen));
    assert_true(t->hash && t->in && t->seen);
    t->buckets = zeroed((size_t)table_buckets_for(refs) * sizeof(struct table_bucket));
    t->overflow = zeroed(slab_bytes(sizeof(struct table_bucket), table_overflow_for(refs)));
    table_init(&t->table, t->buckets, t->overflow, refs, start);
    t->table.hash_of = hash_of;
    t->table.ctx = t;
}

static void teardown(struct twin *t)
{
    free(t->hash);
    free(t->in);
    free(t->seen);
    free(t->buckets);
    free(t->overflow);
}

/* How often a lookup of `hash` offers `ref`. Whatever else it offers must be in the table and share
 * the bucket: only a tag may lie. */
static uint32_t offers(struct twin *t, uint64_t hash, uint32_t ref)
{
    struct table_probe probe;
    uint32_t n = 0, level, index = table_index(&t->table, hash, &level);

    for (uint32_t r = table_first(&t->table, hash, &probe); r; r = table_next(&t->table, &probe)) {
        assert_in_range(r, 1, t->refs);
        assert_true(t->in[r]);
        assert_int_equal(table_index(&t->table, t->hash[r], &level), index);
        n += r == ref;
    }
    return n;
}

static bool add(struct twin *t, uint32_t ref, uint64_t hash)
{
    uint32_t before = t->table.count;

    assert_false(t->in[ref]);
    t->hash[ref] = hash;
    if (!table_add(&t->table, hash, ref)) {
        assert_int_equal(t->table.count, before);
        assert_int_equal(offers(t, hash, ref), 0);
        return false;
    }
    t->in[ref] = true;
    t->count++;
    assert_int_equal(t->table.count, t->count);
    assert_int_equal(offers(t, hash, ref), 1);
    return true;
}

static void del(struct twin *t, uint32_t ref)
{
    assert_true(t->in[ref]);
    table_del(&t->table, t->hash[ref], ref);
    t->in[ref] = false;
    t->count--;
    assert_int_equal(t->table.count, t->count);
    assert_int_equal(offers(t, t->hash[ref], ref), 0);
}

/* Everything, from both sides. */
static void check_all(struct twin *t)
{
    uint32_t *found = malloc((t->refs + 1) * sizeof(*found));
    uint32_t total = 0, overflow = 0, size = table_size(&t->table), level;

    assert_non_null(found);
    assert_true(size <= table_buckets_for(t->refs));
    memset(t->seen, 0, (t->refs + 1) * sizeof(*t->seen));
    for (uint32_t index = 0; index < size; index++) {
        uint32_t n = table_bucket_refs(&t->table, index, found, t->refs + 1);

        for (uint32_t i = 0; i < n; i++) {
            assert_in_range(found[i], 1, t->refs);
            assert_true(t->in[found[i]]);
            assert_int_equal(table_index(&t->table, t->hash[found[i]], &level), index);
            t->seen[found[i]]++;
        }
        total += n;
        if (n > TABLE_SLOTS)
            overflow += (n - 1) / TABLE_SLOTS;
        if (n > 1) { /* a smaller array is filled and no more */
            found[n / 2] = 0;
            assert_int_equal(table_bucket_refs(&t->table, index, found, n / 2), n / 2);
            assert_int_equal(found[n / 2], 0);
        }
    }
    free(found);
    assert_int_equal(total, t->count);
    assert_int_equal(t->table.overflow.count, overflow);
    for (uint32_t ref = 1; ref <= t->refs; ref++) {
        assert_int_equal(t->seen[ref], t->in[ref]);
        if (t->in[ref])
            assert_int_equal(offers(t, t->hash[ref], ref), 1);
    }
}

static uint32_t some_ref(struct twin *t)
{
    return 1 + rng_below(&t->rng, t->refs);
}

/* --- growth --- */

/* To 300,000 references and back to none, three times: the second and third time nothing splits. */
static void test_growth(void **state)
{
    enum { REFS = 300000 };
    struct twin t;

    (void)state;
    setup(&t, 1, REFS, 0);
    for (int round = 0; round < 3; round++) {
        for (uint32_t ref = 1; ref <= REFS; ref++) {
            assert_true(add(&t, ref, rng_u64(&t.rng)));
            if ((ref & (ref - 1)) == 0 || ref % 100000 == 0)
                check_all(&t);
        }
        /* The reserved overflow suffices with much to spare (table.h: four percent). */
        assert_true(t.table.overflow.used * 2 <= table_overflow_for(REFS));
        for (uint32_t n = REFS; n > 0; n--) {
            uint32_t ref = some_ref(&t);

            while (!t.in[ref])
                ref = ref % REFS + 1;
            del(&t, ref);
            if ((n & (n - 1)) == 0 || n % 100000 == 0)
                check_all(&t);
        }
        assert_int_equal(t.table.overflow.count, 0);
    }
    teardown(&t);
}

/*
 * Levels 7 to 8 and 15 to 16, where tags are taken anew: the owner is asked for each reference's
 * hash, once, and for no other.
 */
static void tags_renewed(uint32_t level, uint32_t refs)
{
    struct twin t;

    setup(&t, level, refs, 0);
    for (uint32_t ref = 1; ref <= refs && t.table.level < level; ref++)
        assert_true(add(&t, ref, rng_u64(&t.rng)));
    assert_int_equal(t.table.level, level);
    assert_int_equal(t.table.split, 0);
    check_all(&t);
    t.asked = 0;
    uint32_t before = t.count, ref = t.count;

    while (t.table.level == level) {
        assert_true(add(&t, ++ref, rng_u64(&t.rng)));
        if (ref % (refs / 16) == 0)
            check_all(&t);
    }
    /* Each bucket was split once; what was added behind the split was not asked for. */
    assert_in_range(t.asked, before, t.count);
    check_all(&t);
    t.asked = 0;
    while (t.table.level == level + 1 && ref < refs)
        assert_true(add(&t, ++ref, rng_u64(&t.rng)));
    assert_int_equal(t.asked, 0);
    check_all(&t);
    teardown(&t);
}

static void test_tags_at_level_8(void **state)
{
    (void)state;
    tags_renewed(7, 4000);
}

static void test_tags_at_level_16(void **state)
{
    (void)state;
    tags_renewed(15, 420000);
}

/* --- mixes --- */

/* Hashes of which some agree in everything that small tables look at. */
static uint64_t some_hash(struct rng *r, uint32_t alike)
{
    uint64_t h = rng_u64(r);

    if (!rng_percent(r, alike))
        return h;
    return (h & 7) | (h & 0xf00000000000u);
}

static void mix(uint64_t seed, uint32_t refs, uint32_t operations, uint32_t alike)
{
    struct twin t;
    uint32_t full = 0;

    setup(&t, seed, refs, 0);
    for (uint32_t i = 0; i < operations; i++) {
        /* A tide: mostly adding, then mostly deleting. */
        bool rising = i / (2 * refs) % 2 == 0;
        uint32_t ref = some_ref(&t);

        if (!t.in[ref] && rng_percent(&t.rng, rising ? 90 : 15))
            full += !add(&t, ref, some_hash(&t.rng, alike));
        else if (t.in[ref] && rng_percent(&t.rng, rising ? 15 : 90))
            del(&t, ref);
        else
            assert_int_equal(offers(&t, t.hash[ref], ref), t.in[ref]);
        if (i % refs == 0)
            check_all(&t);
    }
    if (!alike)
        assert_int_equal(full, 0);
    for (uint32_t ref = 1; ref <= refs; ref++)
        if (t.in[ref])
            del(&t, ref);
    check_all(&t);
    assert_int_equal(t.table.overflow.count, 0);
    teardown(&t);
}

static void test_random_mix(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 120; seed++)
        mix(seed, 2000, 40000, 0);
}

static void test_colliding_mix(void **state)
{
    (void)state;
    for (uint64_t seed = 200; seed < 220; seed++)
        mix(seed, 500, 20000, 50);
}

static void test_tiny_mix(void **state)
{
    (void)state;
    for (uint32_t refs = 2; refs < 40; refs++) {
        mix(300 + refs, refs, 4000, 0);
        mix(400 + refs, refs, 4000, 90);
    }
}

/* --- chains --- */

/*
 * Every length of a chain, and every place in it that can be deleted from: the others must all
 * stay. All hashes are equal, so only the references tell them apart.
 */
static void test_each_hole(void **state)
{
    enum { CHAIN = 35 };
    const uint64_t hash = 0x123456789abcdef5u;

    (void)state;
    for (uint32_t length = 1; length <= CHAIN; length++) {
        for (uint32_t hole = 1; hole <= length; hole++) {
            struct twin t;

            setup(&t, 1, 400, 0);
            for (uint32_t ref = 1; ref <= length; ref++)
                assert_true(add(&t, ref, hash));
            del(&t, hole);
            check_all(&t);
            assert_true(add(&t, hole, hash));
            check_all(&t);
            teardown(&t);
        }
    }
}

/* TABLE_CHAIN_MAX references fit in one chain, and no more; the others are not disturbed. */
static void test_chain_limit(void **state)
{
    const uint64_t hash = 0x0f0f0f0f00000005u;
    struct twin t;

    (void)state;
    setup(&t, 5, 3000, 3000);
    for (uint32_t ref = 1001; ref <= 2000; ref++)
        assert_true(add(&t, ref, rng_u64(&t.rng) | 8));
    for (uint32_t ref = 1; ref <= TABLE_CHAIN_MAX; ref++)
        assert_true(add(&t, ref, hash));
    assert_false(add(&t, 900, hash));
    check_all(&t);
    del(&t, 7);
    assert_true(add(&t, 900, hash));
    assert_false(add(&t, 901, hash));
    check_all(&t);
    for (uint32_t ref = 1; ref <= 3000; ref++)
        if (t.in[ref])
            del(&t, ref);
    check_all(&t);
    assert_int_equal(t.table.overflow.count, 0);
    teardown(&t);
}

/* A chain at its limit is split with the rest: what it holds is dealt out and nothing is lost. */
static void test_full_chains_split(void **state)
{
    struct twin t;
    uint32_t ref = 0;

    (void)state;
    setup(&t, 6, 6000, 0);
    /* Bucket 3 of 16 to its limit, with hashes that part at the next splits. */
    for (uint32_t i = 0; i < TABLE_CHAIN_MAX; i++)
        assert_true(add(&t, ++ref, (rng_u64(&t.rng) & ~0xfULL) | 3));
    check_all(&t);
    while (ref < t.refs && t.table.level < 9) {
        (void)add(&t, ref + 1, rng_u64(&t.rng));
        ref++;
        if (ref % 64 == 0)
            check_all(&t);
    }
    check_all(&t);
    teardown(&t);
}

/* --- bounds --- */

/* A table for two references holds two, wherever their hashes point. */
static void test_smallest(void **state)
{
    (void)state;
    for (uint64_t a = 0; a < 64; a++) {
        for (uint64_t b = 0; b < 64; b++) {
            struct twin t;

            setup(&t, 1, 2, 2);
            assert_true(add(&t, 1, a << 3 | a >> 5));
            assert_true(add(&t, 2, b << 3 | b >> 5));
            check_all(&t);
            del(&t, 1 + (a & 1));
            del(&t, 2 - (a & 1));
            check_all(&t);
            teardown(&t);
        }
    }
}

/* --- sizing ahead --- */

static void test_presize_empty(void **state)
{
    (void)state;
    for (uint32_t start = 0; start <= 3000; start += 7) {
        struct twin t;

        setup(&t, start, 3000, start);
        assert_true(table_size(&t.table) >= (start ? table_buckets_for(start) : 1));
        assert_true(table_size(&t.table) <= table_buckets_for(3000));
        assert_true(t.table.split < 1u << t.table.level);
        uint32_t size = table_size(&t.table);

        for (uint32_t ref = 1; ref <= start; ref++)
            assert_true(add(&t, ref, rng_u64(&t.rng)));
        assert_int_equal(table_size(&t.table), size > 16 ? size : table_size(&t.table));
        check_all(&t);
        teardown(&t);
    }
}

/* The same table grown at once and step by step is the same table. */
static void test_presize_filled(void **state)
{
    static const uint32_t filled[] = {1, 10, 95, 96, 97, 700, 5000, 60000};

    (void)state;
    for (uint32_t i = 0; i < WEIR_ARRAY_LEN(filled); i++) {
        enum { REFS = 120000 };
        struct twin t;

        setup(&t, i, REFS, 0);
        for (uint32_t ref = 1; ref <= filled[i]; ref++)
            assert_true(add(&t, ref, rng_u64(&t.rng)));
        table_presize(&t.table, filled[i] / 2); /* smaller: nothing to do */
        check_all(&t);
        table_presize(&t.table, filled[i] + 20000);
        assert_int_equal(table_size(&t.table), table_buckets_for(filled[i] + 20000));
        check_all(&t);
        table_presize(&t.table, UINT32_MAX); /* more than reserved: as far as it goes */
        assert_int_equal(table_size(&t.table), table_buckets_for(REFS));
        check_all(&t);
        for (uint32_t ref = 1; ref <= filled[i]; ref++)
            del(&t, ref);
        assert_int_equal(t.table.overflow.count, 0);
        table_presize(&t.table, REFS);
        check_all(&t);
        for (uint32_t ref = 1; ref <= 500; ref++)
            assert_true(add(&t, ref, rng_u64(&t.rng)));
        check_all(&t);
        teardown(&t);
    }
}

/* A table that was emptied while growing must not skip what it still has to split. */
static void test_presize_emptied(void **state)
{
    struct twin t;

    (void)state;
    setup(&t, 9, 20000, 0);
    for (uint32_t ref = 1; ref <= 1000; ref++)
        assert_true(add(&t, ref, rng_u64(&t.rng)));
    for (uint32_t ref = 1; ref <= 1000; ref++)
        del(&t, ref);
    table_presize(&t.table, 7000);
    for (uint32_t ref = 1; ref <= 20000; ref++)
        assert_true(add(&t, ref, rng_u64(&t.rng)));
    check_all(&t);
    teardown(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_tags_at_level_8),
        cmocka_unit_test(test_tags_at_level_16),
        cmocka_unit_test(test_random_mix),
        cmocka_unit_test(test_colliding_mix),
        cmocka_unit_test(test_tiny_mix),
        cmocka_unit_test(test_each_hole),
        cmocka_unit_test(test_chain_limit),
        cmocka_unit_test(test_full_chains_split),
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_presize_empty),
        cmocka_unit_test(test_presize_filled),
        cmocka_unit_test(test_presize_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
