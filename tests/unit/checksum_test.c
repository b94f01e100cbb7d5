/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum against RFC 1071's worked example and a word-by-word twin; the incremental
 * update of RFC 1624 against computing anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "build.h"
#include "packet/checksum.h"
#include "rng.h"

/* RFC 1071, 3: 00 01 f2 03 f4 f5 f6 f7 sums to 2ddf0, folded ddf2. */
static const uint8_t rfc1071[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

/* The folded sum as a number: the bytes in memory are its network order. */
static uint16_t folded(uint64_t sum)
{
    return BE16(checksum_fold(sum));
}

static void test_rfc1071(void **state)
{
    (void)state;
    assert_int_equal(folded(checksum_add(0, rfc1071, 8)), 0xddf2);
    assert_int_equal(folded(checksum_add(0, rfc1071, 0)), 0);
    /* An odd byte is the high half of a word whose other half is zero. */
    assert_int_equal(folded(checksum_add(0, rfc1071, 7)), 0xdcfb);
    assert_int_equal(folded(checksum_add(0, rfc1071 + 7, 1)), 0xf700);
}

/* Sixteen bits at a time, as the RFC describes it. */
static uint16_t twin(const uint8_t *bytes, size_t len)
{
    return (uint16_t)~build_fold(build_sum_add(0, bytes, len));
}

/* Every length and every alignment, in a buffer that ends where the data does. */
static void test_lengths(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (size_t len = 0; len <= 200; len++) {
        for (size_t skip = 0; skip < 16; skip++) {
            uint8_t *bytes = malloc(skip + len + 1);

            assert_non_null(bytes);
            uint8_t *exact = realloc(bytes, skip + len ? skip + len : 1);

            assert_non_null(exact);
            for (size_t i = 0; i < len; i++)
                exact[skip + i] = (uint8_t)rng_u32(&rng);
            assert_int_equal(folded(checksum_add(0, exact + skip, len)), twin(exact + skip, len));
            free(exact);
        }
    }
}

/* The largest packet of the largest words: nothing overflows, whatever has been summed before. */
static void test_extremes(void **state)
{
    static uint8_t bytes[65535];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(folded(checksum_add(0, bytes, 65534)), 0xffff);
    assert_int_equal(folded(checksum_add(0, bytes, 65535)), 0xff00);
    assert_int_equal(checksum_fold(0), 0);
    assert_int_equal(checksum_fold(0xffff), 0xffff);
    assert_int_equal(checksum_fold(0x10000), 1);
    assert_int_equal(checksum_fold(0xffffffff), 0xffff);
    assert_int_equal(checksum_fold(0x100000000), 1);
    assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
    assert_int_equal(checksum_fold(UINT64_MAX - 1), 0xfffe);
    assert_int_equal(checksum_fold(0xffffffff00000001), 1);
}

/* Even pieces can be summed in any order (RFC 1071, 2(A)). */
static void test_pieces(void **state)
{
    uint8_t bytes[101];
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)rng_u32(&rng);
    for (size_t cut = 0; cut <= 100; cut += 2) {
        uint64_t sum = checksum_add(0, bytes, cut);

        assert_int_equal(folded(checksum_add(sum, bytes + cut, 101 - cut)), twin(bytes, 101));
    }
}

/*
 * A header with its checksum in it sums to 0xffff, and still does after a word was changed and the
 * field updated; the twin never sees the difference, so 0xffff and 0 are told apart as well
 * (RFC 1624, 3).
 */
static void test_update(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (int round = 0; round < 200000; round++) {
        uint8_t header[20];
        uint16_t after = (uint16_t)rng_u32(&rng);
        size_t at = 2 * rng_below(&rng, 10);

        for (size_t i = 0; i < sizeof(header); i++)
            header[i] =
                rng_percent(&rng, 30) ? (uint8_t)(0 - (rng_u32(&rng) & 1)) : (uint8_t)rng_u32(&rng);
        header[0] = 0x45; /* never all zero, as no IP header is */
        if (at == 10 || at == 0)
            continue;
        if (rng_percent(&rng, 30))
            after = rng_percent(&rng, 50) ? 0 : 0xffff;
        store_raw16(header + 10, 0);
        store_raw16(header + 10, (uint16_t)~checksum_fold(checksum_add(0, header, 20)));
        assert_int_equal(checksum_fold(checksum_add(0, header, 20)), 0xffff);

        uint16_t field = load_raw16(header + 10), before = load_raw16(header + at);

        store_raw16(header + at, after);
        store_raw16(header + 10, 0);
        uint16_t anew = (uint16_t)~checksum_fold(checksum_add(0, header, 20));

        store_raw16(header + 10, checksum_update(field, before, after));
        assert_int_equal(checksum_fold(checksum_add(0, header, 20)), 0xffff);
        assert_int_equal(load_raw16(header + 10), anew);
    }
}

/* RFC 1624, 4: where RFC 1141's equation gives ffff, this one gives 0. */
static void test_rfc1624(void **state)
{
    (void)state;
    assert_int_equal(checksum_update(BE16(0xdd2f), BE16(0x5555), BE16(0x3285)), BE16(0x0000));
}

/* Pseudo-headers by hand: addresses, protocol, length, each in its place. */
static void test_pseudo(void **state)
{
    uint8_t ip4[20] = {0x45, [9] = 1, [12] = 10, 0, 1, 2, 10, 0, 2, 2};
    uint8_t ip6[40] = {0x60, [8] = 0xfd, [23] = 1, [24] = 0xfe, [39] = 2};
    uint8_t flat4[12] = {10, 0, 1, 2, 10, 0, 2, 2, 0, 17, 0x12, 0x34};
    uint8_t flat6[40] = {0xfd, [15] = 1, [16] = 0xfe, [31] = 2, [33] = 1, 0xe2, 0x40, [39] = 58};

    (void)state;
    assert_int_equal(folded(checksum_pseudo(4, ip4, 17, 0x1234)), twin(flat4, sizeof(flat4)));
    assert_int_equal(folded(checksum_pseudo(6, ip6, 58, 123456)), twin(flat6, sizeof(flat6)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc1071),  cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_update),   cmocka_unit_test(test_rfc1624),
        cmocka_unit_test(test_pseudo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
