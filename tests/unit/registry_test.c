/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tracker a protocol number gets, and how it is called in /proc/net/nf_conntrack (conntrack
 * reference, 1.1 and 7.1). TCP's tracker is a stand-in.
 */
#include "proto_fixture.h"

#include <string.h>

const struct proto proto_tcp = {.name = "tcp", .number = 6};

static void test_numbers(void **state)
{
    static const struct {
        uint8_t number;
        const char *name;
        bool before;
    } own[] = {
        {1, "icmp", true},    {6, "tcp", false},    {17, "udp", false},      {47, "gre", false},
        {58, "icmpv6", true}, {132, "sctp", false}, {136, "udplite", false},
    };

    (void)state;
    begin(4);
    for (int number = 0; number < 256; number++) {
        const struct proto *found = proto_find((uint8_t)number);
        bool has_own = false;

        assert_non_null(found);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(own); i++) {
            if (own[i].number != number)
                continue;
            has_own = true;
            assert_int_equal(found->number, number);
            assert_string_equal(found->name, own[i].name);
            assert_int_equal(found->before != NULL, own[i].before);
        }
        if (!has_own) {
            assert_ptr_equal(found, &proto_generic);
            assert_string_equal(found->name, "unknown");
            assert_null(found->before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
