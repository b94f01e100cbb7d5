/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors: which packets Linux 6.18 was seen to answer, and the bytes of its answers.
 */
#include "frag_fixture.h"
#include "packet/icmp_error.h"

static const union weir_addr router4 = {.bytes = {10, 0, 0, 254}};
static const union weir_addr router6 = {.bytes = {0xfd, 0, 0, 0xa, [15] = 1}};

/* A whole packet of `len` bytes of `proto`, which begin with `first`. */
static uint8_t *whole(uint8_t family, uint8_t proto, uint8_t first, uint32_t len, struct parsed *p)
{
    uint32_t head = family == 4 ? 20 : 40;
    uint8_t *packet = calloc(1, head + len);

    assert_non_null(packet);
    packet[0] = (uint8_t)(family == 4 ? 0x45 : 0x60);
    if (family == 4) {
        wire_put16(packet + 2, head + len);
        packet[9] = proto;
        memcpy(packet + 12, (uint8_t[8]){10, 0, 0, 1, 10, 1, 0, 2}, 8);
    } else {
        wire_put16(packet + 4, len);
        packet[6] = proto;
        packet[8] = packet[24] = 0xfd;
        packet[23] = 1;
        packet[39] = 2;
    }
    for (uint32_t i = 0; i < len; i++)
        packet[head + i] = i ? pattern(i) : first;
    if (family == 4)
        store_raw16(packet + 10, (uint16_t)~checksum_fold(checksum_add(0, packet, head)));
    assert_int_equal(parse_ip(p, packet, head + len, head + len), WEIR_R_NONE);
    return packet;
}

/* --- is one due --- */

static bool due(uint8_t family, uint8_t proto, uint8_t first, uint32_t len)
{
    struct parsed p;
    uint8_t *packet = whole(family, proto, first, len, &p);
    bool yes = icmp_error_due(&p, family == 4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED, 0);

    free(packet);
    return yes;
}

static void test_due_types(void **state)
{
    static const uint8_t answered4[] = {0, 8, 13, 14, 15, 16, 17, 18};

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        assert_int_equal(due(4, PROTO_ICMP, (uint8_t)type, 8),
                         memchr(answered4, (int)type, 8) != NULL);
        assert_int_equal(due(6, PROTO_ICMPV6, (uint8_t)type, 8), type >= 128);
        assert_true(due(4, PROTO_UDP, (uint8_t)type, 8));
        assert_true(due(6, PROTO_UDP, (uint8_t)type, 8));
    }
    assert_false(due(4, PROTO_ICMP, 0, 0));
    assert_false(due(6, PROTO_ICMPV6, 0, 0));
    assert_true(due(6, PROTO_NONE, 0, 0));
}

static void test_due_addresses(void **state)
{
    static const struct {
        uint8_t family, at, bytes[4];
        bool due;
    } rows[] = {
        {4, 12, {0, 0, 0, 0}, false},         {4, 12, {224, 0, 0, 1}, false},
        {4, 12, {255, 255, 255, 255}, false}, {4, 16, {224, 0, 0, 1}, false},
        {4, 16, {239, 1, 1, 1}, false},       {4, 16, {255, 255, 255, 255}, false},
        {4, 16, {223, 255, 255, 255}, true},  {6, 8, {0xff, 2, 0, 0}, false},
        {6, 24, {0xff, 2, 0, 0}, false},      {6, 24, {0xfe, 0x80, 0, 0}, true},
    };
    struct parsed p;
    uint8_t *packet;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        packet = whole(rows[i].family, PROTO_UDP, 0, 8, &p);
        memcpy(packet + rows[i].at, rows[i].bytes, 4);
        assert_int_equal(icmp_error_due(&p, 1, 0), rows[i].due);
        free(packet);
    }
    /* RFC 4443, 2.4(e.3): what is too big for a link is answered even if it went to many. */
    packet = whole(6, PROTO_UDP, 0, 8, &p);
    packet[24] = 0xff;
    assert_true(icmp_error_due(&p, ICMPV6_TOO_BIG, 0));
    assert_true(icmp_error_due(&p, 4, 2));
    assert_false(icmp_error_due(&p, 4, 1));
    memset(packet + 8, 0, 16);
    assert_false(icmp_error_due(&p, ICMPV6_TOO_BIG, 0));
    free(packet);
}

/* IPv4 answers fragment 0 only; IPv6 any that does not show itself to be an error. */
static void test_due_fragments(void **state)
{
    static const uint8_t error[16] = {1}, query[16] = {128};
    static const uint8_t options[16] = {PROTO_ICMPV6, 5};
    static const struct {
        uint8_t family;
        struct fragment_spec spec;
        bool due;
    } rows[] = {
        {4, {.to = 8, .more = true}, true},
        {4, {.from = 8, .to = 16}, false},
        {4, {.to = 8, .more = true, .proto = PROTO_ICMP, .data = error}, false},
        {6, {.to = 8, .more = true}, true},
        {6, {.from = 8, .to = 16}, true},
        {6, {.to = 8, .more = true, .proto = PROTO_ICMPV6, .data = error}, false},
        {6, {.to = 8, .more = true, .proto = PROTO_ICMPV6, .data = query}, true},
        {6, {.from = 8, .to = 16, .proto = PROTO_ICMPV6, .data = error}, true},
        {6, {.to = 8, .more = true, .proto = PROTO_DSTOPTS, .data = options}, true},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct parsed p;
        uint8_t *packet = spec_packet(rows[i].family, &rows[i].spec, &p);

        if (icmp_error_due(&p, rows[i].family == 4 ? 11 : 3, 1) != rows[i].due)
            fail_msg("row %zu", i);
        free(packet);
    }
}

/* --- its bytes --- */

static void check_error4(uint32_t len, uint8_t tos, uint32_t mtu, uint32_t expected)
{
    const struct icmp_error e = {.src = &router4,
                                 .word = 1000,
                                 .mtu = mtu,
                                 .id = 77,
                                 .type = ICMP_UNREACHABLE,
                                 .code = ICMP_FRAG_NEEDED};
    static const uint8_t addresses[8] = {10, 0, 0, 254, 10, 0, 0, 1};
    uint8_t *out = malloc(expected);
    struct parsed p;
    uint8_t *packet = whole(4, PROTO_UDP, 9, len - 20, &p);

    assert_non_null(out);
    packet[1] = tos;
    assert_int_equal(icmp_error_build(out, &e, packet, len), expected);
    assert_int_equal(out[0], 0x45);
    assert_int_equal(out[1], (tos & 0x1e) | 0xc0);
    assert_int_equal(wire_get16(out + 2), expected);
    assert_int_equal(wire_get16(out + 4), 77);
    assert_int_equal(wire_get16(out + 6), 0);
    assert_int_equal(out[8], 64);
    assert_int_equal(out[9], PROTO_ICMP);
    assert_memory_equal(out + 12, addresses, 8);
    assert_int_equal(checksum_fold(checksum_add(0, out, 20)), 0xffff);
    assert_int_equal(checksum_fold(checksum_add(0, out + 20, expected - 20)), 0xffff);
    assert_int_equal(out[20], 3);
    assert_int_equal(out[21], 4);
    assert_int_equal(wire_get32(out + 24), 1000);
    assert_memory_equal(out + 28, packet, expected - 28);
    free(packet);
    free(out);
}

static void test_build4(void **state)
{
    (void)state;
    check_error4(1000, 0, 0, 576);
    check_error4(548, 0x2a, 0, 576);
    check_error4(547, 0xff, 0, 575);
    check_error4(28, 0, 0, 56);
    check_error4(20, 0, 0, 48);
    check_error4(1000, 0, 1500, 576);
    check_error4(1000, 0, 500, 500);
    check_error4(1000, 0, 10, 68);
}

static void check_error6(uint32_t len, uint32_t expected)
{
    const struct icmp_error e = {.src = &router6, .word = 1400, .type = ICMPV6_TOO_BIG};
    uint8_t *out = malloc(expected);
    struct parsed p;
    uint8_t *packet = whole(6, PROTO_UDP, 9, len - 40, &p);
    uint64_t sum;

    assert_non_null(out);
    packet[1] = 0x20;
    packet[3] = 7;
    assert_int_equal(icmp_error_build(out, &e, packet, len), expected);
    assert_int_equal(wire_get32(out), 6u << 28);
    assert_int_equal(wire_get16(out + 4), expected - 40);
    assert_int_equal(out[6], PROTO_ICMPV6);
    assert_int_equal(out[7], 64);
    assert_memory_equal(out + 8, router6.bytes, 16);
    assert_memory_equal(out + 24, packet + 8, 16);
    assert_int_equal(out[40], 2);
    assert_int_equal(out[41], 0);
    assert_int_equal(wire_get32(out + 44), 1400);
    assert_memory_equal(out + 48, packet, expected - 48);
    sum = checksum_pseudo(6, out, PROTO_ICMPV6, expected - 40);
    assert_int_equal(checksum_fold(checksum_add(sum, out + 40, expected - 40)), 0xffff);
    free(packet);
    free(out);
}

static void test_build6(void **state)
{
    (void)state;
    check_error6(2000, 1280);
    check_error6(1232, 1280);
    check_error6(1231, 1279);
    check_error6(40, 88);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_types),     cmocka_unit_test(test_due_addresses),
        cmocka_unit_test(test_due_fragments), cmocka_unit_test(test_build4),
        cmocka_unit_test(test_build6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
