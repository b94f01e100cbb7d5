/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC32c: known answers, and random data against a twin that goes bit by bit. Built twice, with
 * and without the processor's instruction, so that both ways give these results.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "packet/checksum.h"
#include "rng.h"

/* No field is left out when it lies behind the data. */
static uint32_t plain(const uint8_t *data, size_t len)
{
    return crc32c_sctp(data, len, len);
}

/* Polynomial division as RFC 3720 defines it, for bits that arrive lowest first. */
static uint32_t twin(const uint8_t *data, size_t len, size_t field)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= i >= field && i < field + 4 ? 0 : data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

/* RFC 3720, B.4; its values are the four bytes on the wire, lowest first. */
static void test_rfc3720(void **state)
{
    static const uint8_t read10[] = {0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00,
                                     0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
                                     0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                     0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    uint8_t b[32];

    (void)state;
    memset(b, 0, sizeof(b));
    assert_int_equal(plain(b, sizeof(b)), 0x8a9136aa);
    memset(b, 0xff, sizeof(b));
    assert_int_equal(plain(b, sizeof(b)), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof(b); i++)
        b[i] = i;
    assert_int_equal(plain(b, sizeof(b)), 0x46dd794e);
    for (uint8_t i = 0; i < sizeof(b); i++)
        b[i] = (uint8_t)(31 - i);
    assert_int_equal(plain(b, sizeof(b)), 0x113fdb5c);
    assert_int_equal(plain(read10, sizeof(read10)), 0xd9963a56);
}

/* The check value that catalogues of CRCs give, and the two shortest messages. */
static void test_short(void **state)
{
    (void)state;
    assert_int_equal(plain((const uint8_t *)"123456789", 9), 0xe3069283);
    assert_int_equal(plain((const uint8_t *)"a", 1), 0xc1d04330);
    assert_int_equal(plain((const uint8_t *)"", 0), 0);
}

/* Every length and alignment around the eight bytes of a step, with and without a field. */
static void test_twin(void **state)
{
    uint8_t data[96];
    struct rng r;

    (void)state;
    rng_init(&r, 1);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)rng_u32(&r);
    for (size_t from = 0; from < 8; from++) {
        for (size_t len = 0; len <= sizeof(data) - 8; len++) {
            assert_int_equal(plain(data + from, len), twin(data + from, len, len));
            for (size_t field = 0; field + 4 <= len; field++)
                assert_int_equal(crc32c_sctp(data + from, len, field),
                                 twin(data + from, len, field));
        }
    }
}

static void test_random(void **state)
{
    static uint8_t data[65536];
    struct rng r;

    (void)state;
    rng_init(&r, 2);
    for (int round = 0; round < 200; round++) {
        size_t len = rng_below(&r, rng_one_in(&r, 20) ? sizeof(data) : 1500);
        size_t field = rng_below(&r, 2000);

        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)rng_u32(&r);
        if (field + 4 <= len)
            assert_int_equal(crc32c_sctp(data, len, field), twin(data, len, field));
        assert_int_equal(plain(data, len), twin(data, len, len));
    }
}

/* Each single bit of a block counts, at each place: every table entry with one bit in its index. */
static void test_bits(void **state)
{
    uint8_t data[24];

    (void)state;
    for (size_t bit = 0; bit < sizeof(data) * 8; bit++) {
        memset(data, 0, sizeof(data));
        data[bit / 8] = (uint8_t)(1u << bit % 8);
        assert_int_equal(plain(data, sizeof(data)), twin(data, sizeof(data), sizeof(data)));
    }
}

/* Four bytes that change, anywhere: the same as all of it again. */
static void test_change(void **state)
{
    static uint8_t data[70000];
    struct rng r;

    (void)state;
    rng_init(&r, 3);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)rng_u32(&r);
    for (int round = 0; round < 300; round++) {
        size_t len = 4 + rng_below(&r, rng_one_in(&r, 10) ? sizeof(data) - 4 : 1500);
        size_t at = rng_below(&r, (uint32_t)len - 3);
        uint32_t before = plain(data, len);
        uint8_t change[4];

        for (int i = 0; i < 4; i++) {
            change[i] = (uint8_t)rng_u32(&r);
            data[at + (size_t)i] ^= change[i];
        }
        assert_int_equal(crc32c_change(before, change, len - at - 4), plain(data, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3720), cmocka_unit_test(test_short), cmocka_unit_test(test_twin),
        cmocka_unit_test(test_random),  cmocka_unit_test(test_bits),  cmocka_unit_test(test_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
