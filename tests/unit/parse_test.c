/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing IP headers: every path of IPv4 and IPv6, header chains, packets that end too early.
 *
 * Each packet is parsed in a buffer of exactly its size, and once more cut off at every byte, so
 * that the address sanitizer sees a read beyond what is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "build.h"
#include "packet/parse.h"
#include "rng.h"
#include "track/tuple.h"
#include "wire.h"

static uint8_t bytes[BUILD_PACKET_MAX];

/* What can be said of any packet that was parsed, whatever it is. */
static void check_sane(const struct parsed *p, uint32_t len, uint32_t wire_len)
{
    assert_true(p->family == 4 || p->family == 6);
    assert_true(p->have <= len);
    assert_true(p->have <= p->l3_len);
    assert_true(p->l3_len <= (wire_len > len ? wire_len : len));
    assert_int_equal(p->cut, p->have < p->l3_len);
    assert_true(p->first || p->fragment || p->frag_cut);
    if (!p->proto_missing) {
        assert_true(p->l4_off >= (p->family == 4 ? 20 : 40));
        assert_true(p->cut || parsed_l4_len(p) == parsed_l4_have(p));
        assert_true(p->cut || parsed_l4(p, parsed_l4_len(p)));
        assert_null(parsed_l4(p, parsed_l4_have(p) + 1));
    }
}

/* Parse the first `len` bytes, alone in memory. */
static enum weir_reason parse_exact(struct parsed *p, const uint8_t *from, uint32_t len,
                                    uint32_t wire_len)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct weir_tuple t;

    assert_non_null(exact);
    if (len)
        memcpy(exact, from, len);
    enum weir_reason reason = parse_ip(p, exact, len, wire_len);

    if (reason == WEIR_R_NONE) {
        check_sane(p, len, wire_len);
        (void)tuple_from_packet(&t, p);
    }
    free(exact);
    p->ip = NULL;
    return reason;
}

static uint32_t make(const struct build *b)
{
    size_t len = build_make(b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return (uint32_t)len;
}

/* The packet whole; and cut off everywhere: on the wire, and only in the capture. */
static struct parsed parse(const struct build *b)
{
    struct parsed whole, p;
    uint32_t len = make(b);

    assert_int_equal(parse_exact(&whole, bytes, len, len), WEIR_R_NONE);
    uint32_t ip_header = whole.family == 4 ? (bytes[0] & 15u) * 4u : 40;

    for (uint32_t n = 0; n < len && n < 400; n++) {
        enum weir_reason reason = parse_exact(&p, bytes, n, n);

        if (n < ip_header)
            assert_int_equal(reason, WEIR_R_IP_SHORT);
        else if (n < whole.l3_len)
            assert_int_equal(reason, WEIR_R_IP_LENGTH);
        reason = parse_exact(&p, bytes, n, len);
        assert_int_equal(reason, n < ip_header ? WEIR_R_IP_SHORT : WEIR_R_NONE);
        if (reason == WEIR_R_NONE && !whole.proto_missing && n >= whole.l4_off) {
            assert_int_equal(p.l4_off, whole.l4_off);
            assert_int_equal(p.proto, whole.proto);
            assert_int_equal(p.l3_len, whole.l3_len);
            assert_int_equal(parsed_l4_have(&p), min_u32(n, whole.l3_len) - whole.l4_off);
        }
    }
    return whole;
}

static struct build udp(uint8_t family)
{
    struct build b;

    build_init(&b, family, BUILD_UDP);
    b.src.b[0] = 10;
    b.dst.b[0] = 11;
    b.l4.udp.sport = 1;
    b.l4.udp.dport = 2;
    b.data.len = 5;
    return b;
}

/* --- IPv4 --- */

static void test_ip4_plain(void **state)
{
    struct build b = udp(4);
    struct parsed p = parse(&b);

    (void)state;
    assert_int_equal(p.family, 4);
    assert_int_equal(p.l3_len, 33);
    assert_int_equal(p.l4_off, 20);
    assert_int_equal(p.proto, 17);
    assert_int_equal(p.frag_off, 0);
    assert_true(p.first && !p.fragment && !p.cut && !p.proto_missing);
}

static void test_ip4_options(void **state)
{
    (void)state;
    for (uint8_t options = 0; options <= 40; options += 4) {
        struct build b = udp(4);

        b.ip4.opt_len = options;
        memset(b.ip4.opt, 1, options);
        struct parsed p = parse(&b);

        assert_int_equal(p.l4_off, 20 + options);
        assert_int_equal(parsed_l4_len(&p), 13);
    }
}

/* Link padding behind the packet is none of it. */
static void test_padding(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct build b = udp(family);
        struct parsed p;
        uint32_t len = make(&b);

        memset(bytes + len, 0xee, 30);
        assert_int_equal(parse_exact(&p, bytes, len + 30, 0), WEIR_R_NONE);
        assert_int_equal(p.l3_len, len);
        assert_int_equal(p.have, len);
        assert_false(p.cut);
        /* A wire length below what is there means nothing. */
        assert_int_equal(parse_exact(&p, bytes, len, 1), WEIR_R_NONE);
    }
}

static void refused(const struct build *b, enum weir_reason expect)
{
    struct parsed p;
    uint32_t len = make(b);

    assert_int_equal(parse_exact(&p, bytes, len, len), expect);
}

static void test_ip4_refused(void **state)
{
    struct build b;

    (void)state;
    for (int ihl = 0; ihl < 5; ihl++) {
        b = udp(4);
        b.ip4.ihl = ihl;
        refused(&b, WEIR_R_IP_SHORT);
    }
    b = udp(4);
    b.ip4.ihl = 9; /* 36 of 33 bytes */
    refused(&b, WEIR_R_IP_SHORT);
    b = udp(4);
    b.ip4.sum.mode = BUILD_SUM_BAD;
    refused(&b, WEIR_R_IP_CHECKSUM);
    for (int tlen = 0; tlen < 20; tlen++) {
        b = udp(4);
        b.ip4.tlen = tlen;
        refused(&b, WEIR_R_IP_LENGTH);
    }
    b = udp(4);
    b.ip4.opt_len = 8; /* a total length between 20 and the header's own 28 */
    b.ip4.tlen = 27;
    refused(&b, WEIR_R_IP_LENGTH);
    b = udp(4);
    b.ip4.tlen = 34;
    refused(&b, WEIR_R_IP_LENGTH);
    b = udp(4);
    b.ip4.tlen = 65535;
    refused(&b, WEIR_R_IP_LENGTH);
}

/* Each bit of a sound header, flipped, is noticed: by the checksum if by nothing before it. */
static void test_ip4_flipped_bits(void **state)
{
    struct build b = udp(4);
    struct parsed p;
    uint32_t len = make(&b);

    (void)state;
    for (uint32_t bit = 0; bit < 160; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(parse_exact(&p, bytes, len, len), WEIR_R_NONE);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void test_version(void **state)
{
    (void)state;
    for (uint32_t version = 0; version < 16; version++) {
        struct parsed p;
        struct build b = udp(4);
        uint32_t len = make(&b);

        bytes[0] = (uint8_t)(version << 4 | 5);
        enum weir_reason reason = parse_exact(&p, bytes, len, len);

        if (version == 6)
            assert_int_equal(reason, WEIR_R_IP_SHORT); /* 33 bytes */
        else
            assert_int_equal(reason, version == 4 ? WEIR_R_NONE : WEIR_R_IP_VERSION);
    }
}

static void test_ip4_fragments(void **state)
{
    static const struct {
        bool df, mf, evil;
        uint16_t off;
        bool fragment, first;
    } rows[] = {
        {.first = true},
        {.df = true, .first = true},
        {.evil = true, .first = true}, /* the reserved bit means nothing */
        {.mf = true, .fragment = true, .first = true},
        {.df = true, .mf = true, .fragment = true, .first = true},
        {.off = 1, .fragment = true},
        {.mf = true, .off = 1, .fragment = true},
        {.off = 0x1fff, .fragment = true},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = udp(4);

        b.ip4.df = rows[i].df;
        b.ip4.mf = rows[i].mf;
        b.ip4.evil = rows[i].evil;
        b.ip4.off = rows[i].off;
        struct parsed p = parse(&b);

        assert_int_equal(p.fragment, rows[i].fragment);
        assert_int_equal(p.first, rows[i].first);
        assert_int_equal(p.frag_field & 0x1fff, rows[i].off);
    }
}

/* --- IPv6 --- */

static void test_ip6_plain(void **state)
{
    struct build b = udp(6);
    struct parsed p = parse(&b);

    (void)state;
    assert_int_equal(p.family, 6);
    assert_int_equal(p.l3_len, 53);
    assert_int_equal(p.l4_off, 40);
    assert_int_equal(p.proto, 17);
    assert_true(p.first && !p.fragment && !p.cut && !p.proto_missing);
}

static void test_ip6_length(void **state)
{
    struct build b = udp(6);
    struct parsed p;

    (void)state;
    b.ip6.plen = 14;
    refused(&b, WEIR_R_IP_LENGTH);
    b.ip6.plen = 65535;
    refused(&b, WEIR_R_IP_LENGTH);
    b.ip6.plen = 0; /* a jumbogram, or nothing: no byte belongs to the packet */
    uint32_t len = make(&b);

    assert_int_equal(parse_exact(&p, bytes, len, len), WEIR_R_NONE);
    assert_int_equal(p.l3_len, 40);
    assert_int_equal(parsed_l4_have(&p), 0);
    assert_false(p.proto_missing);
}

/* Which headers are stepped over, and which count as the protocol itself. */
static void test_ip6_each_header(void **state)
{
    (void)state;
    for (unsigned next = 0; next < 256; next++) {
        struct build b = udp(6);
        uint8_t body[14] = {0};
        bool stepped = next == 0 || next == 43 || next == 44 || next == 51 || next == 60;

        assert_true(build_ext_add(&b, (uint8_t)next, body, next == 44 ? 6 : 14));
        struct parsed p = parse(&b);

        if (next == 59) {
            assert_true(p.proto_missing);
            continue;
        }
        assert_false(p.proto_missing);
        assert_int_equal(p.proto, stepped ? 17 : next);
        assert_int_equal(p.l4_off, stepped ? (next == 44 ? 48 : 56) : 40);
        assert_int_equal(p.frag_off, next == 44 ? 40 : 0);
        assert_false(p.fragment); /* offset 0 and no more: not a fragment */
    }
}

/* Lengths count 8 bytes beyond the first 8; in AH words of 4, less two (RFC 4302). */
static void test_ip6_header_lengths(void **state)
{
    static const uint8_t body[BUILD_EXT_BODY_MAX];

    (void)state;
    for (uint8_t n = 6; n <= 62; n += 8) {
        struct build b = udp(6);

        assert_true(build_ext_add(&b, 60, body, n));
        assert_int_equal(parse(&b).l4_off, 40 + 2 + n);
    }
    for (uint8_t n = 6; n <= 62; n += 4) {
        struct build b = udp(6);

        assert_true(build_ext_add(&b, 51, body, n));
        struct parsed p = parse(&b);

        assert_int_equal(p.l4_off, 40 + 2 + n);
        assert_int_equal(p.proto, 17);
    }
}

static void test_ip6_long_chain(void **state)
{
    static const uint8_t kinds[] = {0, 60, 43, 51, 60, 60};
    static const uint8_t body[22];
    struct build b = udp(6);

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
        assert_true(build_ext_add(&b, kinds[i], body, 22));
    struct parsed p = parse(&b);

    assert_int_equal(p.proto, 17);
    assert_int_equal(p.l4_off, 40 + 6 * 24);
}

static void test_ip6_fragments(void **state)
{
    static const struct {
        uint16_t off;
        bool more, fragment, first;
    } rows[] = {
        {0, false, false, true}, {0, true, true, true},       {1, false, true, false},
        {1, true, true, false},  {0x1fff, true, true, false},
    };
    static const uint8_t body[6];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = udp(6);

        assert_true(build_ext_add(&b, 60, body, 6));
        assert_true(build_ext_frag(&b, rows[i].off, rows[i].more, 77));
        assert_true(build_ext_add(&b, 60, body, 6));
        struct parsed p = parse(&b);

        assert_int_equal(p.frag_off, 48);
        assert_int_equal(p.frag_field, (unsigned)rows[i].off << 3 | rows[i].more);
        assert_int_equal(p.fragment, rows[i].fragment);
        assert_int_equal(p.first, rows[i].first);
        if (rows[i].first) {
            assert_int_equal(p.proto, 17);
            assert_int_equal(p.l4_off, 64);
        } else {
            assert_int_equal(p.l4_off, 56); /* the rest of the datagram, whatever it is */
        }
    }
}

/* A header that claims to reach beyond the packet is stepped over: its upper layer is known and has
 * no bytes. */
static void test_ip6_beyond(void **state)
{
    static const uint8_t body[14];

    (void)state;
    for (int hlen = 0; hlen < 256; hlen++) {
        struct build b = udp(6);

        assert_true(build_ext_add(&b, 60, body, 14));
        b.ip6.ext[0].hlen = hlen;
        struct parsed p = parse(&b);
        uint32_t end = 40 + ((uint32_t)hlen + 1) * 8;

        assert_false(p.proto_missing);
        assert_int_equal(p.proto, 17);
        assert_int_equal(parsed_l4_have(&p), end < p.l3_len ? p.l3_len - end : 0);
    }
}

/* Chains that end in a header of which not even type and length are there. */
static void test_ip6_missing(void **state)
{
    static const uint8_t kinds[] = {0, 43, 51, 60};
    static const uint8_t body[14];

    (void)state;
    for (size_t i = 0; i < sizeof(kinds); i++) {
        for (int payload = 0; payload <= 29; payload++) {
            struct build b = udp(6);
            struct parsed p;

            assert_true(build_ext_add(&b, kinds[i], body, 14));
            b.ip6.plen = payload;
            uint32_t len = make(&b);

            assert_int_equal(parse_exact(&p, bytes, len, len), WEIR_R_NONE);
            assert_int_equal(p.proto_missing, payload < 2);
            if (!p.proto_missing)
                assert_int_equal(parsed_l4_have(&p), payload > 16 ? payload - 16 : 0);
        }
    }
}

/* A fragment header that is not complete cannot be gathered, but what can be read of it counts. */
static void test_ip6_fragment_header_cut(void **state)
{
    (void)state;
    for (uint16_t off = 0; off < 2; off++) {
        for (int payload = 0; payload <= 8; payload++) {
            struct build b = udp(6);
            struct parsed p;

            assert_true(build_ext_frag(&b, off, true, 1));
            b.ip6.plen = payload;
            uint32_t len = make(&b);

            assert_int_equal(parse_exact(&p, bytes, len, len), WEIR_R_NONE);
            assert_int_equal(p.frag_cut, payload > 0 && payload < 8);
            assert_int_equal(p.fragment, payload == 8);
            assert_int_equal(p.proto_missing, payload < 4);
            assert_int_equal(p.first, payload < 4 || off == 0);
        }
    }
}

/* An upper layer of no bytes is there, at the end (reference, ext-4). */
static void test_ip6_empty_upper_layer(void **state)
{
    static const uint8_t body[6];
    struct build b;

    (void)state;
    build_init(&b, 6, BUILD_RAW);
    b.proto = 50;
    assert_true(build_ext_add(&b, 60, body, 6));
    struct parsed p = parse(&b);

    assert_false(p.proto_missing);
    assert_int_equal(p.proto, 50);
    assert_int_equal(p.l4_off, 48);
    assert_int_equal(parsed_l4_len(&p), 0);
}

/*
 * The largest IPv6 packet has 65535 bytes behind its header, so an upper layer may begin beyond
 * 65535: headers of 2048 bytes can go that far. The offset must not wrap, or the upper layer would
 * be read from inside the addresses.
 */
static void test_ip6_far_upper_layer(void **state)
{
    enum { HEADER = 2048, HEADERS = 32, LAST = 2040, TOTAL = 40 + 65535 };
    static uint8_t packet[TOTAL];
    struct parsed p;
    uint32_t off = 40;

    (void)state;
    memset(packet, 0, sizeof(packet));
    packet[0] = 0x60;
    wire_put16(packet + 4, 65535);
    packet[6] = 60;
    for (int i = 0; i < HEADERS - 1; i++, off += HEADER) {
        packet[off] = 60;
        packet[off + 1] = 255;
    }
    packet[off] = 17;
    packet[off + 1] = LAST / 8 - 1;
    off += LAST;
    assert_int_equal(off, 65568);
    wire_put16(packet + off, 1234);
    assert_int_equal(parse_ip(&p, packet, TOTAL, TOTAL), WEIR_R_NONE);
    assert_false(p.proto_missing);
    assert_int_equal(p.proto, 17);
    assert_int_equal(p.l4_off, off);
    assert_int_equal(parsed_l4_len(&p), TOTAL - off);
    assert_non_null(parsed_l4(&p, 2));
    assert_ptr_equal(parsed_l4(&p, 2), packet + off);
}

/* --- what an ICMP error quotes --- */

static bool quote_exact(struct parsed *p, const uint8_t *from, uint32_t len, uint8_t family)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct weir_tuple t;

    assert_non_null(exact);
    if (len)
        memcpy(exact, from, len);
    bool good = parse_quote(p, exact, len, family);

    if (good) {
        assert_true(p->have <= len);
        (void)tuple_from_packet(&t, p);
    }
    free(exact);
    return good;
}

/* Whatever the header says is believed, as far as the bytes go. */
static void test_quote(void **state)
{
    struct build b = udp(4);
    struct parsed p;
    uint32_t len = make(&b);

    (void)state;
    for (uint32_t n = 0; n <= len; n++)
        assert_int_equal(quote_exact(&p, bytes, n, 4), n >= 20);
    bytes[0] = 0x05;             /* no version; */
    wire_put16(bytes + 2, 9999); /* a length that is not true; */
    wire_put16(bytes + 10, 1);   /* nor is the checksum */
    assert_true(quote_exact(&p, bytes, len, 4));
    assert_int_equal(p.proto, 17);
    assert_int_equal(parsed_l4_have(&p), 13);
    wire_put16(bytes + 6, 0x2000); /* the first of several */
    assert_true(quote_exact(&p, bytes, len, 4));
    wire_put16(bytes + 6, 0x0001); /* not the first */
    assert_false(quote_exact(&p, bytes, len, 4));
    wire_put16(bytes + 6, 0);
    bytes[0] = 0x4f; /* header beyond what is quoted */
    assert_false(quote_exact(&p, bytes, len, 4));
}

static void test_quote6(void **state)
{
    static const uint8_t body[6];
    struct build b = udp(6);
    struct parsed p;

    (void)state;
    assert_true(build_ext_add(&b, 60, body, 6));
    uint32_t len = make(&b);

    for (uint32_t n = 0; n <= len; n++)
        assert_int_equal(quote_exact(&p, bytes, n, 6), n >= 42); /* an extension header's type */
    assert_true(build_ext_frag(&b, 0, true, 1));
    len = make(&b);
    assert_true(quote_exact(&p, bytes, len, 6));
    b.ip6.ext_count = 1;
    assert_true(build_ext_frag(&b, 1, true, 1));
    len = make(&b);
    assert_false(quote_exact(&p, bytes, len, 6));
}

/* --- anything --- */

/* Random bytes, and sound packets with random bytes in them. */
static void test_random(void **state)
{
    struct rng rng;
    struct parsed p;

    (void)state;
    rng_init(&rng, 1);
    for (int round = 0; round < 200000; round++) {
        uint8_t random[160];
        uint32_t len = rng_below(&rng, sizeof(random) + 1), wire = rng_below(&rng, 300);

        for (size_t i = 0; i < sizeof(random); i++)
            random[i] = (uint8_t)rng_u32(&rng);
        if (rng_percent(&rng, 90)) { /* headers worth walking along */
            random[0] = 0x60;
            wire_put16(random + 4, rng_below(&rng, 130));
            for (size_t at = 6; at + 3 < sizeof(random); at += 8) {
                static const uint8_t next[] = {0, 43, 44, 51, 60, 60, 59, 17, 135};

                random[at < 40 ? 6 : at + 2] = RNG_PICK(&rng, next);
                random[at < 40 ? 7 : at + 3] = (uint8_t)rng_below(&rng, 3);
            }
        }
        (void)parse_exact(&p, random, len, wire);
        (void)quote_exact(&p, random, len, 4);
        (void)quote_exact(&p, random, len, 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip4_plain),
        cmocka_unit_test(test_ip4_options),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_ip4_refused),
        cmocka_unit_test(test_ip4_flipped_bits),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_ip4_fragments),
        cmocka_unit_test(test_ip6_plain),
        cmocka_unit_test(test_ip6_length),
        cmocka_unit_test(test_ip6_each_header),
        cmocka_unit_test(test_ip6_header_lengths),
        cmocka_unit_test(test_ip6_long_chain),
        cmocka_unit_test(test_ip6_fragments),
        cmocka_unit_test(test_ip6_beyond),
        cmocka_unit_test(test_ip6_missing),
        cmocka_unit_test(test_ip6_fragment_header_cut),
        cmocka_unit_test(test_ip6_empty_upper_layer),
        cmocka_unit_test(test_ip6_far_upper_layer),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_quote6),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
