/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tuples: what of a packet is in them, and what answers them. Names tup-*, inv-*, ext-* are those
 * of the conntrack reference, section 1.
 */
#include "shard_fixture.h"

#include "rng.h"
#include "track/tuple.h"

static uint8_t bytes[BUILD_PACKET_MAX];

/* The tuple of a packet in a buffer of its own size. */
static enum weir_reason tuple_of(const struct build *b, struct weir_tuple *t)
{
    size_t len = build_make(b, bytes, sizeof(bytes));
    uint8_t *exact = malloc(len);
    struct parsed p;

    assert_true(len > 0 && exact);
    memcpy(exact, bytes, len);
    assert_int_equal(parse_ip(&p, exact, (uint32_t)len, (uint32_t)len), WEIR_R_NONE);
    enum weir_reason reason = tuple_from_packet(t, &p);

    free(exact);
    return reason;
}

static struct build ports(uint8_t family, enum build_kind kind)
{
    struct build b;

    packet_init(&b, family, kind, 'A', 'B');
    b.l4.udp.sport = 0x1122; /* the ports of all kinds are in the same place of the union */
    b.l4.udp.dport = 0x3344;
    return b;
}

static void check_keys(const struct weir_tuple *t, uint16_t src, uint16_t dst)
{
    assert_int_equal(BE16(t->src_key), src);
    assert_int_equal(BE16(t->dst_key), dst);
}

static void test_ports(void **state)
{
    static const enum build_kind kinds[] = {BUILD_TCP, BUILD_UDP, BUILD_UDPLITE, BUILD_SCTP};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        for (uint8_t family = 4; family <= 6; family += 2) {
            struct build b = ports(family, kinds[i]);
            struct build_addr a = host(family, 'A'), z = host(family, 'B');
            struct weir_tuple t;

            assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
            check_keys(&t, 0x1122, 0x3344);
            assert_int_equal(t.proto, b.proto);
            assert_int_equal(t.family, family);
            assert_memory_equal(t.src.bytes, a.b, 16);
            assert_memory_equal(t.dst.bytes, z.b, 16);
            assert_int_equal(t.pad[0] | t.pad[1], 0);
        }
    }
}

/* Four bytes are enough for ports, eight for ICMP; one less is too few. */
static void test_short(void **state)
{
    static const struct {
        uint8_t proto, needs;
    } rows[] = {{6, 4}, {17, 4}, {136, 4}, {132, 4}, {1, 8}, {58, 8}, {50, 0}, {33, 0}, {255, 0}};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        for (uint8_t family = 4; family <= 6; family += 2) {
            for (size_t len = 0; len <= 9; len++) {
                struct weir_tuple t;
                struct build b;

                packet_init(&b, family, BUILD_RAW, 'A', 'B');
                b.proto = rows[i].proto;
                b.data.len = len;
                assert_int_equal(tuple_of(&b, &t),
                                 len < rows[i].needs ? WEIR_R_L4_SHORT : WEIR_R_NONE);
            }
        }
    }
}

static void test_icmp(void **state)
{
    struct weir_tuple t;
    struct build b;

    (void)state;
    packet_init(&b, 4, BUILD_ICMP, 'A', 'B');
    b.l4.icmp.type = 8;
    b.l4.icmp.code = 3;
    b.l4.icmp.rest = 0xabcd0001;
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    check_keys(&t, 0xabcd, 0x0803);
    packet_init(&b, 6, BUILD_ICMP, 'A', 'B');
    b.l4.icmp.type = 1; /* an error: bytes 4 and 5 are taken all the same */
    b.l4.icmp.rest = 0x12340000;
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    check_keys(&t, 0x1234, 0x0100);
}

static struct build gre(uint8_t version, uint16_t proto, uint16_t callid)
{
    struct build b;

    packet_init(&b, 4, BUILD_GRE, 'A', 'B');
    b.l4.gre.version = version;
    b.l4.gre.proto = proto;
    b.l4.gre.has_key = version == 1;
    b.l4.gre.callid = callid;
    return b;
}

static void test_gre(void **state)
{
    struct weir_tuple t;
    struct build b = gre(0, 0x0800, 0);

    (void)state;
    b.l4.gre.has_key = true; /* tup-2: the key of version 0 is not used */
    b.l4.gre.key = 0x1234;
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    check_keys(&t, 0, 0);
    b = gre(2, 0x880b, 0); /* tup-3 */
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    check_keys(&t, 0, 0);
    b = gre(1, 0x0800, 0x55); /* tup-4 */
    assert_int_equal(tuple_of(&b, &t), WEIR_R_GRE_PROTOCOL);
    b = gre(1, 0x880b, 0x55); /* tup-5 */
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    check_keys(&t, 0, 0x55);
    /* Fewer than eight bytes: both keys 0, whatever the protocol field says. */
    for (size_t len = 0; len < 8; len++) {
        static const uint8_t version1[8] = {0x20, 0x01, 0x08, 0x00, 0, 4, 0, 0x55};

        packet_init(&b, 4, BUILD_RAW, 'A', 'B');
        b.proto = 47;
        b.data.bytes = version1;
        b.data.len = len;
        assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
        check_keys(&t, 0, 0);
    }
}

static void test_generic(void **state)
{
    (void)state;
    for (unsigned proto = 0; proto < 256; proto++) {
        struct weir_tuple t;
        struct build b;

        if (proto == 1 || proto == 6 || proto == 17 || proto == 47 || proto == 58 || proto == 132 ||
            proto == 136)
            continue;
        packet_init(&b, 4, BUILD_RAW, 'A', 'B');
        b.proto = (uint8_t)proto;
        b.data.len = 20;
        assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
        check_keys(&t, 0, 0);
        assert_int_equal(t.proto, proto);
    }
}

static void test_none(void **state)
{
    struct weir_tuple t;
    struct build b = ports(4, BUILD_UDP);
    static const uint8_t body[6];

    (void)state;
    b.ip4.off = 1;
    assert_int_equal(tuple_of(&b, &t), WEIR_R_L4_FRAGMENT);
    b = ports(6, BUILD_UDP);
    assert_true(build_ext_frag(&b, 1, false, 1));
    assert_int_equal(tuple_of(&b, &t), WEIR_R_L4_FRAGMENT);
    b = ports(6, BUILD_UDP);
    assert_true(build_ext_add(&b, 59, body, 6));
    assert_int_equal(tuple_of(&b, &t), WEIR_R_L4_NONE);
}

/* --- inversion --- */

static void test_invert_ports(void **state)
{
    struct weir_tuple t, inverse, again;
    struct build b = ports(6, BUILD_UDP);

    (void)state;
    assert_int_equal(tuple_of(&b, &t), WEIR_R_NONE);
    assert_true(tuple_invert(&t, &inverse));
    check_keys(&inverse, 0x3344, 0x1122);
    assert_memory_equal(&inverse.src, &t.dst, 16);
    assert_memory_equal(&inverse.dst, &t.src, 16);
    assert_int_equal(inverse.proto, t.proto);
    assert_int_equal(inverse.family, t.family);
    assert_true(tuple_invert(&inverse, &again));
    assert_memory_equal(&t, &again, sizeof(t));
}

/* All 256 types of both families: those that come in pairs, and no others, have an inverse. */
static void test_invert_icmp(void **state)
{
    static const struct {
        uint8_t proto, type, answer;
    } pairs[] = {
        {1, 8, 0},   {1, 0, 8},   {1, 13, 14},    {1, 14, 13},    {1, 15, 16},    {1, 16, 15},
        {1, 17, 18}, {1, 18, 17}, {58, 128, 129}, {58, 129, 128}, {58, 139, 140}, {58, 140, 139},
    };

    (void)state;
    for (uint8_t proto = 1; proto <= 58; proto += 57) {
        for (unsigned type = 0; type < 256; type++) {
            struct weir_tuple inverse;
            struct weir_tuple t = {.src = {{1}},
                                   .dst = {{2}},
                                   .src_key = BE16(0x1234),
                                   .dst_key = BE16(type << 8 | 7),
                                   .family = proto == 1 ? 4 : 6,
                                   .proto = proto};
            int answer = -1;

            for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++)
                if (pairs[i].proto == proto && pairs[i].type == type)
                    answer = pairs[i].answer;
            assert_int_equal(tuple_invert(&t, &inverse), answer >= 0);
            if (answer < 0)
                continue;
            check_keys(&inverse, 0x1234, (uint16_t)(answer << 8 | 7)); /* the code is kept */
            assert_int_equal(inverse.src.bytes[0], 2);
            assert_int_equal(inverse.dst.bytes[0], 1);
        }
    }
}

/* --- hashing --- */

/* Every bit of a tuple, and the zone, changes the hash; the family's unused bits do not matter. */
static void test_hash(void **state)
{
    const uint64_t seed[2] = {1, 2};
    struct hash_key key;
    struct weir_tuple t = {.src = {{10, 1}}, .dst = {{10, 2}}, .proto = 17};
    uint8_t *raw = (uint8_t *)&t;

    (void)state;
    hash_key_init(&key, seed);
    for (uint8_t family = 4; family <= 6; family += 2) {
        t.family = family;
        uint64_t hash = tuple_hash(&key, &t, 0);

        for (size_t bit = 0; bit < 8 * offsetof(struct weir_tuple, family); bit++) {
            size_t byte = bit / 8;
            bool unused = family == 4 && byte < 32 && byte % 16 >= 4;

            raw[byte] ^= (uint8_t)(1u << (bit % 8));
            if (!unused)
                assert_int_not_equal(tuple_hash(&key, &t, 0), hash);
            raw[byte] ^= (uint8_t)(1u << (bit % 8));
        }
        t.proto ^= 1;
        assert_int_not_equal(tuple_hash(&key, &t, 0), hash);
        t.proto ^= 1;
        assert_int_not_equal(tuple_hash(&key, &t, 1), hash);
    }
}

/* Tuples as networks have them (successive hosts and ports) spread over buckets as random ones do:
 * 64 each on average, and none above twice that (chance: below 10^-10). */
static void test_hash_spreads(void **state)
{
    enum { BUCKETS = 1024, TUPLES = 64 * BUCKETS };
    static uint32_t low[BUCKETS], high[BUCKETS];

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            const uint64_t seeds[2] = {seed, 0};
            struct hash_key key;

            hash_key_init(&key, seeds);
            memset(low, 0, sizeof(low));
            memset(high, 0, sizeof(high));
            for (uint32_t i = 0; i < TUPLES; i++) {
                struct weir_tuple t = {.src = {{10, 0, 0, (uint8_t)(i >> 8)}},
                                       .dst = {{10, 0, 1, 1}},
                                       .src_key = BE16(1024 + i % 256),
                                       .dst_key = BE16(53),
                                       .family = family,
                                       .proto = 17};
                uint64_t hash = tuple_hash(&key, &t, 0);

                low[hash % BUCKETS]++;
                high[hash >> 54]++;
            }
            for (uint32_t i = 0; i < BUCKETS; i++) {
                assert_in_range(low[i], 16, 128);
                assert_in_range(high[i], 16, 128);
            }
        }
    }
}

/* --- through a shard --- */

static void test_tup_1(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send_udp(f, 'A', 'B', 0, 0), WEIR_CT_NEW);
    check_keys(&only_conn(f).tuple[WEIR_ORIG], 0, 0);
    assert_int_equal(send_udp(f, 'B', 'A', 0, 0), WEIR_CT_ESTABLISHED_REPLY);
}

static void test_tup_2(void **state)
{
    struct fixture *f = *state;
    struct build b = gre(0, 0x0800, 0);

    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    b.l4.gre.has_key = true;
    b.l4.gre.key = 0x1234;
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    check_keys(&only_conn(f).tuple[WEIR_ORIG], 0, 0);
}

static void test_tup_3_and_4(void **state)
{
    struct fixture *f = *state;
    struct build b = gre(2, 0x0800, 0);

    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    b = gre(1, 0x0800, 1);
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(f->sent.reason, WEIR_R_GRE_PROTOCOL);
    assert_int_equal(stats(f).invalid, 1);
}

static void test_tup_5(void **state)
{
    struct fixture *f = *state;
    struct build b = gre(1, 0x880b, 0x55);

    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    struct weir_conn c = its_conn(f);

    check_keys(&c.tuple[WEIR_ORIG], 0, 0x55);
    check_keys(&c.tuple[WEIR_REPLY], 0x55, 0);
    b = gre(1, 0x880b, 0x66);
    b.src = host(4, 'B');
    b.dst = host(4, 'A');
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    assert_int_equal(conns(f), 2);
}

static void test_tup_6(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send_icmp(f, 'A', 'B', 8, 0, 7), WEIR_CT_NEW);
    assert_int_equal(send_icmp(f, 'A', 'B', 8, 3, 7), WEIR_CT_NEW);
    assert_int_equal(conns(f), 2);
    assert_int_equal(send_icmp(f, 'B', 'A', 0, 3, 7), WEIR_CT_ESTABLISHED_REPLY);
    check_keys(&its_conn(f).tuple[WEIR_ORIG], 7, 0x0803);
}

static void test_inv(void **state)
{
    struct fixture *f = *state;
    struct build b;

    assert_int_equal(send_icmp(f, 'A', 'B', 9, 0, 7), WEIR_CT_INVALID); /* inv-1 */
    assert_int_equal(f->sent.reason, WEIR_R_NO_INVERSE);
    packet_init(&b, 6, BUILD_ICMP, 'A', 'B'); /* inv-2 */
    b.l4.icmp.type = 138;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_NO_INVERSE);
    assert_int_equal(stats(f).invalid, 2);
    assert_int_equal(stats(f).icmp_error, 0);
    assert_int_equal(count(f), 0);
}

static void test_ext(void **state)
{
    static const uint8_t body[6];
    struct fixture *f = *state;
    struct build b = ports(6, BUILD_UDP);

    assert_true(build_ext_add(&b, 60, body, 6)); /* ext-1 */
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).tuple[0].proto, 17);
    b = ports(6, BUILD_UDP);
    assert_true(build_ext_add(&b, 135, body, 6)); /* ext-2 */
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).tuple[0].proto, 135);
    b = ports(6, BUILD_UDP);
    assert_true(build_ext_add(&b, 59, body, 6)); /* ext-3 */
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_L4_NONE);
    packet_init(&b, 4, BUILD_RAW, 'A', 'B'); /* ext-4 */
    b.proto = 50;
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    packet_init(&b, 6, BUILD_RAW, 'A', 'B');
    b.proto = 17;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_L4_SHORT);
    assert_int_equal(stats(f).invalid, 2);
}

static void test_wrong_family(void **state)
{
    struct fixture *f = *state;

    for (uint8_t family = 4; family <= 6; family += 2) {
        struct build b;

        packet_init(&b, family, BUILD_ICMP, 'A', 'B');
        b.proto = family == 4 ? 58 : 1;
        b.l4.icmp.type = family == 4 ? 128 : 8;
        assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
        assert_int_equal(f->sent.reason, WEIR_R_L4_FAMILY);
    }
    assert_int_equal(stats(f).invalid, 2);
    assert_int_equal(count(f), 0);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_gre),
        cmocka_unit_test(test_generic),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_invert_ports),
        cmocka_unit_test(test_invert_icmp),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_spreads),
        SHARD_TEST(test_tup_1),
        SHARD_TEST(test_tup_2),
        SHARD_TEST(test_tup_3_and_4),
        SHARD_TEST(test_tup_5),
        SHARD_TEST(test_tup_6),
        SHARD_TEST(test_inv),
        SHARD_TEST(test_ext),
        SHARD_TEST(test_wrong_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
