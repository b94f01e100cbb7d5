/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory from the operating system: zeroed, all of it usable, and a shard runs on either kind. */
#include "shard_fixture.h"

static void reserve_is_zero(void **state)
{
    const size_t sizes[] = {1, 4096, (2 << 20) - 1, 5 << 20};
    void *(*const kinds[])(void *, size_t) = {weir_reserve_pages, weir_reserve_huge_pages};

    (void)state;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint8_t *memory = kinds[k](NULL, sizes[i]);

            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(memory[at], 0);
            memset(memory, 1, sizes[i]);
            weir_release_pages(NULL, memory, sizes[i]);
        }
}

/* More than there are addresses. */
static void reserve_says_no(void **state)
{
    (void)state;
    assert_null(weir_reserve_pages(NULL, (size_t)1 << 60));
    assert_null(weir_reserve_huge_pages(NULL, (size_t)1 << 60));
}

static void shard_on_huge_pages(void **state)
{
    const struct weir_config config = {
        .host = {.reserve = weir_reserve_huge_pages, .release = weir_release_pages}, .max = 10000};
    struct fixture f = {.shard = weir_shard_new(&config)};

    (void)state;
    assert_non_null(f.shard);
    f.now.ns = SEC;
    assert_int_equal(send_udp(&f, 'A', 'B', 1, 2), WEIR_CT_NEW);
    assert_int_equal(send_udp(&f, 'B', 'A', 2, 1), WEIR_CT_ESTABLISHED_REPLY);
    weir_shard_free(f.shard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserve_is_zero),
        cmocka_unit_test(reserve_says_no),
        cmocka_unit_test(shard_on_huge_pages),
    };

    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
