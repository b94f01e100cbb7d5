/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that rules share by name: who gets which, and when they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "rules/named.h"

static const struct ext_type kind_a = {.name = "a"}, kind_b = {.name = "b"};

static struct {
    struct track track;
    struct world world;
    size_t reserved;
    unsigned objects; /* memory that is held */
    unsigned ended;   /* calls of fini */
    bool refuse;
} w;

static void *reserve(void *ctx, size_t size)
{
    assert_ptr_equal(ctx, &w);
    if (w.refuse)
        return NULL;
    w.reserved += size;
    w.objects++;
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(memory);
    return memset(memory, 0, size);
}

static void release(void *ctx, void *memory, size_t size)
{
    assert_ptr_equal(ctx, &w);
    w.reserved -= size;
    w.objects--;
    free(memory);
}

static void fini(struct world *world, void *object)
{
    assert_ptr_equal(world, &w.world);
    assert_int_equal(*(uint32_t *)object, 77);
    w.ended++;
}

static int begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.track.host = (struct weir_host){.ctx = &w, .reserve = reserve, .release = release};
    w.world.t = &w.track;
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_null(w.world.named);
    assert_int_equal(w.objects, 0);
    assert_int_equal(w.reserved, 0);
    return 0;
}

static struct named *get(const struct ext_type *kind, uint8_t family, const char *name, bool fresh)
{
    bool was_made = !fresh;
    struct named *n = named_get(&w.world, kind, family, name, 100, &was_made);

    assert_non_null(n);
    assert_int_equal(was_made, fresh);
    assert_int_equal((uintptr_t)n->object % 64, 0);
    return n;
}

static void test_shared(void **state)
{
    struct named *n = get(&kind_a, 4, "x", true);

    (void)state;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(n->object[i], 0);
    n->object[99] = 5;
    assert_ptr_equal(get(&kind_a, 4, "x", false), n);
    assert_int_equal(n->users, 2);
    assert_int_equal(w.objects, 1);
    named_put(&w.world, n);
    assert_ptr_equal(get(&kind_a, 4, "x", false), n); /* one user kept it */
    assert_int_equal(n->object[99], 5);
    named_put(&w.world, n);
    named_put(&w.world, n);
    n = get(&kind_a, 4, "x", true);
    assert_int_equal(n->object[99], 0);
    named_put(&w.world, n);
}

static void test_told_apart(void **state)
{
    struct named *n[] = {
        get(&kind_a, 4, "x", true), get(&kind_b, 4, "x", true), get(&kind_a, 6, "x", true),
        get(&kind_a, 4, "y", true), get(&kind_a, 4, "", true),  get(&kind_a, 4, "X", true),
    };

    (void)state;
    assert_int_equal(w.objects, WEIR_ARRAY_LEN(n));
    assert_ptr_equal(get(&kind_a, 6, "x", false), n[2]);
    assert_ptr_equal(get(&kind_a, 4, "", false), n[4]);
    named_put(&w.world, n[4]);
    named_put(&w.world, n[2]);
    /* From the middle, the end and the beginning of the list. */
    static const size_t order[] = {2, 0, 5, 3, 1, 4};

    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        named_put(&w.world, n[order[i]]);
        assert_int_equal(w.objects, WEIR_ARRAY_LEN(n) - i - 1);
    }
}

static void test_fini(void **state)
{
    struct named *n = get(&kind_a, 4, "x", true);

    (void)state;
    n->fini = fini;
    *(uint32_t *)(void *)n->object = 77;
    (void)get(&kind_a, 4, "x", false);
    named_put(&w.world, n);
    assert_int_equal(w.ended, 0);
    named_put(&w.world, n);
    assert_int_equal(w.ended, 1);
    named_put(&w.world, NULL); /* what `unbind` has after a failed `bind` */
}

static void test_no_memory(void **state)
{
    struct named *n = get(&kind_a, 4, "x", true);
    bool fresh;

    (void)state;
    w.refuse = true;
    assert_null(named_get(&w.world, &kind_a, 4, "y", 10, &fresh));
    assert_ptr_equal(get(&kind_a, 4, "x", false), n);
    named_put(&w.world, n);
    named_put(&w.world, n);
}

static void test_long_names(void **state)
{
    char a[NAMED_NAME_MAX], b[NAMED_NAME_MAX];

    (void)state;
    memset(a, 'a', sizeof(a) - 1);
    a[sizeof(a) - 1] = '\0';
    memcpy(b, a, sizeof(b));
    b[sizeof(b) - 2] = 'b';
    struct named *n[] = {get(&kind_a, 4, a, true), get(&kind_a, 4, b, true)};

    assert_string_equal(n[0]->name, a);
    assert_string_equal(n[1]->name, b);
    for (size_t i = 0; i < 2; i++)
        named_put(&w.world, n[i]);
}

#define NAMED_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAMED_TEST(test_shared),    NAMED_TEST(test_told_apart), NAMED_TEST(test_fini),
        NAMED_TEST(test_no_memory), NAMED_TEST(test_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
