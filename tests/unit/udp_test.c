/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP, UDP-Lite, GRE and the generic tracker: what is refused, and how long flows live. The udp-N,
 * udl-N and gre-N in comments are the examples of the conntrack reference, 4.1 to 4.7.
 */
#include "proto_fixture.h"

static const enum weir_dir A = WEIR_ORIG, B = WEIR_REPLY;

static struct build b;

/* A datagram with `len` bytes of data, to be changed before it is given. */
static void datagram(uint8_t family, enum build_kind kind, enum weir_dir dir, size_t len)
{
    packet_init(&b, family, kind, dir);
    b.l4.udp.sport = dir == A ? 1000 : 53;
    b.l4.udp.dport = dir == A ? 53 : 1000;
    b.data.len = len;
    if (kind == BUILD_UDPLITE)
        b.pseudo = 17; /* what Linux takes for right */
}

static enum proto_result udp(enum weir_dir dir)
{
    datagram(4, BUILD_UDP, dir, 4);
    return give(&proto_udp, dir, &b);
}

static enum proto_result udplite(enum weir_dir dir)
{
    datagram(4, BUILD_UDPLITE, dir, 4);
    return give(&proto_udplite, dir, &b);
}

static bool assured(void)
{
    return CONN->status & WEIR_S_ASSURED;
}

/* udp-1 and udp-2. */
static void test_stream(void **state)
{
    (void)state;
    begin(4);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    assert_alive(udp(B), WEIR_T_UDP_TIMEOUT);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    advance_ms(1800);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    advance_ms(200); /* two seconds are not more than two seconds */
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    assert_false(assured());
    advance_ms(4);
    CONN->events = 0;
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT_STREAM);
    assert_true(assured());
    assert_int_equal(CONN->events, 1u << WEIR_EV_ASSURED);

    begin(4);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    advance_ms(2200);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    assert_alive(udp(B), WEIR_T_UDP_TIMEOUT);
    assert_false(assured());
    assert_alive(udp(B), WEIR_T_UDP_TIMEOUT_STREAM);
    assert_true(assured());
}

/* Time as entries store it goes round every 198 days; a flow that is kept alive stays a stream, and
 * one that is kept alive from one side only becomes one at once when it is answered. */
static void test_long_lived(void **state)
{
    const int64_t hour_ms = 3600 * 1000;

    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        begin(4);
        /* The tick at which it becomes a stream is 0. */
        w.track.tick64 = UINT32_MAX - 2 * WEIR_TICKS_PER_SEC;
        assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
        if (answered)
            assert_alive(udp(B), WEIR_T_UDP_TIMEOUT);
        for (int hour = 0; hour < 400 * 24; hour++) {
            advance_ms(hour_ms);
            assert_alive(udp(A), answered ? WEIR_T_UDP_TIMEOUT_STREAM : WEIR_T_UDP_TIMEOUT);
        }
        if (!answered)
            assert_alive(udp(B), WEIR_T_UDP_TIMEOUT);
        assert_alive(udp(B), WEIR_T_UDP_TIMEOUT_STREAM);
    }
}

/* An entry from a solved clash is never assured (2.5). */
static void test_clash(void **state)
{
    (void)state;
    begin(4);
    assert_alive(udp(A), WEIR_T_UDP_TIMEOUT);
    CONN->status |= WEIR_S_NAT_CLASH;
    assert_alive(udp(B), WEIR_T_UDP_TIMEOUT);
    advance_ms(3000);
    assert_alive(udp(B), WEIR_T_UDP_TIMEOUT_STREAM);
    assert_false(assured());
    assert_alive(udplite(A), WEIR_T_UDP_TIMEOUT_STREAM);
    assert_false(assured());
}

/* udp-3: what the length field may be, with 14 bytes there. */
static void test_udp_length(void **state)
{
    static const struct {
        int length;
        bool fine;
    } lengths[] = {{0, false}, {7, false}, {8, true}, {10, true}, {14, true}, {15, false}};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lengths); i++) {
        for (uint8_t family = 4; family <= 6; family += 2) {
            begin(family);
            datagram(family, BUILD_UDP, A, 6);
            b.l4.udp.len = lengths[i].length;
            if (lengths[i].fine)
                assert_alive(give(&proto_udp, A, &b), WEIR_T_UDP_TIMEOUT);
            else
                assert_refused(give(&proto_udp, A, &b), WEIR_R_UDP_LENGTH);
        }
    }
    for (int keep = 4; keep < 8; keep++) {
        begin(4);
        datagram(4, BUILD_UDP, A, 6);
        b.keep = keep;
        assert_refused(give(&proto_udp, A, &b), WEIR_R_L4_SHORT);
        datagram(4, BUILD_UDPLITE, A, 6);
        b.keep = keep;
        assert_refused(give(&proto_udplite, A, &b), WEIR_R_L4_SHORT);
    }
    datagram(4, BUILD_UDP, A, 0);
    assert_alive(give(&proto_udp, A, &b), WEIR_T_UDP_TIMEOUT);
    datagram(4, BUILD_UDPLITE, A, 0);
    assert_alive(give(&proto_udplite, A, &b), WEIR_T_UDP_TIMEOUT);
}

/* The sum goes over all that is there, whatever the length field says; 0 is no sum. */
static void test_udp_checksum(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin(family);
        datagram(family, BUILD_UDP, A, 6);
        b.l4.udp.len = 10;
        b.l4.udp.sum_by_len = true;
        assert_refused(give(&proto_udp, A, &b), WEIR_R_L4_CHECKSUM);
        datagram(family, BUILD_UDP, A, 7);
        b.l4.udp.sum.mode = BUILD_SUM_BAD;
        assert_refused(give(&proto_udp, A, &b), WEIR_R_L4_CHECKSUM);
        b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
        assert_alive(give(&proto_udp, A, &b), WEIR_T_UDP_TIMEOUT);
    }
}

/* udl-1 and udl-2: right for RFC 3828 is wrong for Linux, and the other way round. */
static void test_udplite(void **state)
{
    (void)state;
    begin(4);
    datagram(4, BUILD_UDPLITE, A, 4);
    b.pseudo = BUILD_AUTO;
    assert_refused(give(&proto_udplite, A, &b), WEIR_R_L4_CHECKSUM);
    w.trusting = true;
    assert_alive(give(&proto_udplite, A, &b), WEIR_T_UDP_TIMEOUT);

    begin(4);
    assert_alive(udplite(A), WEIR_T_UDP_TIMEOUT);
    assert_alive(udplite(B), WEIR_T_UDP_TIMEOUT);
    assert_false(assured());
    assert_alive(udplite(A), WEIR_T_UDP_TIMEOUT_STREAM);
    assert_true(assured());
}

/* Over IPv4, Linux puts only the low eight bits of the length into the pseudo-header. */
static void test_udplite_long(void **state)
{
    static uint8_t bytes[512];
    enum { CHECKSUM = 20 + 6 };

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin(family);
        datagram(family, BUILD_UDPLITE, A, 300);
        if (family == 4)
            assert_refused(give(&proto_udplite, A, &b), WEIR_R_L4_CHECKSUM);
        else
            assert_alive(give(&proto_udplite, A, &b), WEIR_T_UDP_TIMEOUT);
    }
    /* What is missing from the sum, 256, the checksum has more of. */
    begin(4);
    datagram(4, BUILD_UDPLITE, A, 300);
    size_t len = build_make(&b, bytes, sizeof(bytes));

    assert_true(load_be16(bytes + CHECKSUM) < 0xff00);
    store_be16(bytes + CHECKSUM, (uint16_t)(load_be16(bytes + CHECKSUM) + 256));
    assert_alive(give_bytes(&proto_udplite, A, bytes, len, len), WEIR_T_UDP_TIMEOUT);
}

static void test_udplite_coverage(void **state)
{
    (void)state;
    for (int coverage = 0; coverage <= 16; coverage++) {
        begin(6);
        datagram(6, BUILD_UDPLITE, A, 6);
        b.l4.udp.len = coverage;
        if (coverage == 0 || (coverage >= 8 && coverage <= 14))
            assert_alive(give(&proto_udplite, A, &b), WEIR_T_UDP_TIMEOUT);
        else
            assert_refused(give(&proto_udplite, A, &b), WEIR_R_UDPLITE_COVERAGE);
    }
    datagram(6, BUILD_UDPLITE, A, 6);
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    assert_refused(give(&proto_udplite, A, &b), WEIR_R_UDPLITE_ZERO);
}

/* What a capture cut off is not held against the packet. */
static void test_cut(void **state)
{
    static uint8_t bytes[128];

    (void)state;
    for (size_t have = 20 + 4; have < 20 + 14; have++) {
        begin(4);
        datagram(4, BUILD_UDP, A, 6);
        b.l4.udp.sum.mode = BUILD_SUM_BAD;
        size_t len = build_make(&b, bytes, sizeof(bytes));

        assert_alive(give_bytes(&proto_udp, A, bytes, have, len), WEIR_T_UDP_TIMEOUT);
        begin(4);
        assert_alive(give_bytes(&proto_udplite, A, bytes, have, len), WEIR_T_UDP_TIMEOUT);
    }
    /* But what is there is looked at. */
    begin(4);
    datagram(4, BUILD_UDP, A, 6);
    b.l4.udp.len = 15;
    size_t len = build_make(&b, bytes, sizeof(bytes));

    assert_refused(give_bytes(&proto_udp, A, bytes, 20 + 8, len), WEIR_R_UDP_LENGTH);
}

/* A sum over bytes that are not all there counts as right. */
static void test_cut_checksum(void **state)
{
    static uint8_t bytes[128];

    (void)state;
    begin(4);
    datagram(4, BUILD_UDP, A, 6);
    b.l4.udp.sum.mode = BUILD_SUM_BAD;
    size_t len = build_make(&b, bytes, sizeof(bytes));

    for (size_t have = 20; have <= len; have++) {
        uint8_t *exact = parse_packet(A, bytes, have, len);

        assert_int_equal(proto_checksum_good(&w.pkt, 17, 14), have < len);
        free(exact);
    }
}

static enum proto_result gre(enum weir_dir dir)
{
    packet_init(&b, 4, BUILD_GRE, dir);
    b.l4.gre.proto = 0x0800;
    return give(&proto_gre, dir, &b);
}

/* An entry keeps the times that it began with. */
static void test_gre(void **state)
{
    (void)state;
    for (int clash = 0; clash < 2; clash++) {
        begin(4);
        assert_alive(gre(A), WEIR_T_GRE_TIMEOUT);
        w.track.ticks[WEIR_T_GRE_TIMEOUT] = 5;
        w.track.ticks[WEIR_T_GRE_TIMEOUT_STREAM] = 6;
        CONN->status |= clash ? WEIR_S_NAT_CLASH : 0;
        assert_alive(gre(A), WEIR_T_GRE_TIMEOUT);
        assert_alive(gre(B), WEIR_T_GRE_TIMEOUT);
        assert_false(assured());
        assert_alive(gre(A), WEIR_T_GRE_TIMEOUT_STREAM);
        assert_int_equal(assured(), !clash);
        assert_int_equal(conn_proto(CONN)->gre.timeout, TICKS_BASE + WEIR_T_GRE_TIMEOUT);
    }
}

/* A policy's times come before the shard's, also in GRE's copies. */
static void test_policy(void **state)
{
    static struct policy policies[2];

    (void)state;
    for (int i = 0; i < TIMEOUTS; i++)
        policies[1].ticks[i] = TICKS_BASE + 500 + i;
    begin(4);
    w.track.policies = policies;
    CONN->policy = 1;
    assert_alive(gre(A), 500 + WEIR_T_GRE_TIMEOUT);
    assert_alive(udp(A), 500 + WEIR_T_UDP_TIMEOUT);
}

/* Always the same time, never assured, whatever it is. */
static void test_generic(void **state)
{
    (void)state;
    begin(6);
    for (int i = 0; i < 4; i++) {
        enum weir_dir dir = i % 2 ? B : A;

        packet_init(&b, 6, BUILD_RAW, dir);
        b.proto = 50;
        assert_alive(give(&proto_generic, dir, &b), WEIR_T_GENERIC_TIMEOUT);
        advance_ms(5000);
    }
    assert_false(assured());
    assert_int_equal(CONN->events, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),       cmocka_unit_test(test_long_lived),
        cmocka_unit_test(test_clash),        cmocka_unit_test(test_udp_length),
        cmocka_unit_test(test_udp_checksum), cmocka_unit_test(test_udplite),
        cmocka_unit_test(test_udplite_long), cmocka_unit_test(test_udplite_coverage),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_cut_checksum),
        cmocka_unit_test(test_gre),          cmocka_unit_test(test_policy),
        cmocka_unit_test(test_generic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
