/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters as text. The form, blanks included, is that of Linux 6.18 and conntrack 1.4.7.
 */
#include "../../control/stats_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* Every counter another value, so that none can stand in another's place. */
static const struct weir_stats counters[2] = {
    {.clash_resolve = 1,
     .found = 2,
     .invalid = 3,
     .chaintoolong = 4,
     .insert = 5,
     .insert_failed = 6,
     .drop = 7,
     .early_drop = 8,
     .icmp_error = 9,
     .expect_new = 10,
     .expect_create = 11,
     .expect_delete = 12,
     .search_restart = 13},
    {.invalid = UINT64_C(0x123456789)},
};

static void test_list(void **state)
{
    (void)state;
    struct textbuf text = {0};
    stats_text_list(&text, counters, 2);
    assert_string_equal(
        textbuf_string(&text),
        "cpu=0   \tfound=2 invalid=3 insert=5 insert_failed=6 drop=7 early_drop=8 error=9 "
        "search_restart=13 clash_resolve=1 chaintoolong=4 \n"
        "cpu=1   \tfound=0 invalid=4886718345 insert=0 insert_failed=0 drop=0 early_drop=0 error=0 "
        "search_restart=0 clash_resolve=0 chaintoolong=0 \n");
    textbuf_fini(&text);
}

static void test_proc(void **state)
{
    (void)state;
    struct textbuf text = {0};
    stats_text_proc(&text, counters, 2, 14);
    assert_string_equal(
        textbuf_string(&text),
        "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop "
        "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
        "0000000e  00000001 00000002 00000000 00000003 00000000 00000000 00000004 00000005 "
        "00000006 "
        "00000007 00000008 00000009  0000000a 0000000b 0000000c 0000000d\n"
        "0000000e  00000000 00000000 00000000 123456789 00000000 00000000 00000000 00000000 "
        "00000000 00000000 00000000 00000000  00000000 00000000 00000000 00000000\n");
    textbuf_fini(&text);
}

/* The buffer under all texts: what is added piece by piece is there in the end. */
static void test_growth(void **state)
{
    (void)state;
    struct textbuf text = {0};
    assert_string_equal(textbuf_string(&text), "");
    for (unsigned i = 0; i < 5000; i++)
        textbuf_addf(&text, "%05u", i);
    assert_int_equal(text.len, 25000);
    for (unsigned i = 0; i < 5000; i++) {
        char want[6];
        snprintf(want, sizeof(want), "%05u", i);
        assert_memory_equal(text.data + (size_t)5 * i, want, 5);
    }
    textbuf_clear(&text);
    textbuf_addf(&text, "%2000s", "x"); /* longer than what a first attempt has room for */
    assert_int_equal(text.len, 2000);
    textbuf_clear(&text);
    textbuf_add_number(&text, 0);
    textbuf_add_number(&text, UINT64_MAX);
    assert_string_equal(textbuf_string(&text), "018446744073709551615");
    textbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_proc),
        cmocka_unit_test(test_growth),
    };
    return cmocka_run_group_tests_name("stats_text", tests, NULL, NULL);
}
