/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tuple a connection gets: nat reference, sections 3 to 6 (T-10 to T-15, T-20 to T-36).
 */
#include "nat_fixture.h"

/* --- keeping what there is, and what the source has --- */

/* T-10 to T-12: another destination keeps the port; the same one does not; a source's mapping is
 * used again. */
static void test_t10_to_t12(void **state)
{
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = udp(C, 5000, S, 53);
    leaves(r, &b, N ":5000>" S ":53");
    b = udp(C2, 5000, S2, 53);
    leaves(r, &b, N ":5000>" S2 ":53");

    b = udp(C2, 5001, S, 53); /* takes 5001, so that the next source must look for another */
    leaves(r, &b, N ":5001>" S ":53");
    b = udp(C3, 5001, S, 53);
    uint16_t port = port_out(r, &b);

    assert_int_not_equal(port, 5001);
    assert_true(port >= 1024);
    b = udp(C3, 5001, "192.0.2.90", 53);
    assert_int_equal(port_out(r, &b), port);
    b = udp("10.1.0.13", 5001, "192.0.2.90", 53);
    leaves(r, &b, N ":5001>192.0.2.90:53");
}

/* The mapping of a source is only used where it is free: then the port is the packet's own again.
 */
static void test_mapping_taken(void **state)
{
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = udp(C, 5000, S, 53);
    leaves(r, &b, N ":5000>" S ":53");
    b = udp(C2, 5000, S, 53);
    uint16_t port = port_out(r, &b);

    b = udp(C3, port, S2, 53);
    assert_int_equal(port_out(r, &b), port);
    b = udp(C2, 5000, S2, 53); /* C2's mapping is C3's towards S2 */
    leaves(r, &b, N ":5000>" S2 ":53");
}

/* T-13: with --random neither the port nor the mapping counts. */
static void test_t13(void **state)
{
    struct router *r = *state;
    bool same[65536] = {false};

    ask(r, NAT_SRC, N, NULL, 0, 0, NAT_RANDOM);
    for (unsigned i = 0; i < 20; i++) {
        char server[16];

        (void)snprintf(server, sizeof(server), "192.0.2.%u", 10 + i);
        struct build b = udp(C, 5000, server, 53);
        uint16_t port = port_out(r, &b);

        assert_true(port >= 1024);
        assert_int_not_equal(port, 5000);
        assert_false(same[port]);
        same[port] = true;
    }
}

/* T-14: a range of one port that the packet has already is not checked, and the packet lost. */
static void test_t14(void **state)
{
    struct router *r = *state;
    struct build b;

    ask(r, NAT_SRC, N, NULL, 4000, 4000, 0);
    b = tcp(C, 1111, S, 80, FL_SYN, 1000, 0);
    leaves(r, &b, N ":4000>" S ":80");
    b = tcp(C2, 4000, S, 80, FL_SYN, 1000, 0);
    is_dropped(r, &b, WEIR_R_CLASH);
    assert_int_equal(stats(r->f).insert_failed, 1);
    assert_int_equal(stats(r->f).drop, 1);
    assert_int_equal(count(r->f), 1);
}

/* T-15: identifiers of one source stay the same for all kinds of questions. */
static void test_t15(void **state)
{
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = icmp(C, S, 13, 0, 9);
    b.data.len = 12;
    leaves(r, &b, N ">" S " id 9");
    b = icmp(C2, S, 13, 0, 9);
    b.data.len = 12;
    uint16_t id = port_out(r, &b);

    assert_int_not_equal(id, 9);
    b = icmp(C2, S, 17, 0, 9);
    assert_int_equal(port_out(r, &b), id);
    b = icmp(C2, S, 15, 0, 9);
    assert_int_equal(port_out(r, &b), id);
}

/* The newest mapping that fits the request wins; it goes with its connection. */
static void test_newest_that_fits(void **state)
{
    struct router *r = *state;
    struct build b;
    uint32_t handle[3];

    for (uint16_t i = 0; i < 3; i++) {
        char server[16];

        (void)snprintf(server, sizeof(server), "192.0.2.%u", 10u + i);
        ask(r, NAT_SRC, N, NULL, (uint16_t)(7000 + i), (uint16_t)(7000 + i), 0);
        b = udp(C, 5000, server, 53);
        assert_int_equal(port_out(r, &b), 7000 + i);
        handle[i] = r->last.pkt.handle;
    }
    ask(r, NAT_SRC, N, NULL, 7000, 7001, 0);
    b = udp(C, 5000, S, 53);
    leaves(r, &b, N ":7001>" S ":53");
    conn_kill(r->t, r->last.pkt.handle);
    conn_kill(r->t, handle[1]);
    leaves(r, &b, N ":7000>" S ":53");
    ask(r, NAT_SRC, "192.0.2.101", NULL, 0, 0, 0);
    b = udp(C, 5000, S2, 53); /* none on that address */
    leaves(r, &b, "192.0.2.101:5000>" S2 ":53");
}

/* --- zones --- */

/* What counts is the original direction's zone, and whether it holds for both. */
static void test_source_zones(void **state)
{
    static const struct weir_template both = {.zone = 5, .zone_dirs = 3};
    static const struct weir_template orig = {.zone = 5, .zone_dirs = 1};
    static const struct weir_template reply = {.zone = 5, .zone_dirs = 2};
    static const struct {
        const struct weir_template *templ;
        bool same;
    } rows[] = {{NULL, true}, {&reply, true}, {&orig, false}, {&both, false}};
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = udp(C2, 5000, S, 53);
    (void)port_out(r, &b);
    b = udp(C, 5000, S, 53);
    uint16_t port = port_out(r, &b);

    assert_int_not_equal(port, 5000);
    for (size_t i = 0; i < 4; i++) {
        char server[16];

        (void)snprintf(server, sizeof(server), "192.0.2.%zu", 90 + i);
        r->f->templ = rows[i].templ;
        b = udp(C, 5000, server, 53);
        assert_int_equal(port_out(r, &b), rows[i].same ? port : 5000);
    }
}

/* A tuple is taken in its own zone only. */
static void test_taken_by_zone(void **state)
{
    static const struct weir_template zone5 = {.zone = 5, .zone_dirs = 3};
    static const struct weir_template reply5 = {.zone = 5, .zone_dirs = 2};
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = udp(C, 5000, S, 53);
    leaves(r, &b, N ":5000>" S ":53");
    r->f->templ = &zone5;
    b = udp(C2, 5000, S, 53);
    leaves(r, &b, N ":5000>" S ":53");
    r->f->templ = &reply5; /* its answers are in zone 5, where C2 has the port */
    b = udp(C3, 5000, S, 53);
    assert_int_not_equal(port_out(r, &b), 5000);
}

/* --- addresses --- */

/* T-20, T-30 to T-32, and the hash's values. The pool of eight is 100 to 107. */
static void test_address_choice(void **state)
{
    static const struct {
        const char *src, *dst;
        enum nat_type type;
        const char *min, *max;
        uint32_t flags;
        const char *as;
    } rows[] = {
        {"10.1.0.20", S, NAT_SRC, N, "192.0.2.107", 0, "192.0.2.105:1000>" S ":53"},
        {"10.1.0.21", S, NAT_SRC, N, "192.0.2.107", 0, "192.0.2.104:1000>" S ":53"},
        {"10.1.0.22", S, NAT_SRC, N, "192.0.2.107", 0, "192.0.2.100:1000>" S ":53"},
        {"10.1.0.20", S, NAT_SRC, N, "192.0.2.107", NAT_PERSISTENT, "192.0.2.105:1000>" S ":53"},
        {"10.1.0.21", S2, NAT_SRC, N, "192.0.2.107", NAT_PERSISTENT, "192.0.2.103:1000>" S2 ":53"},
        {"10.1.0.22", S, NAT_SRC, N, "192.0.2.107", NAT_PERSISTENT, "192.0.2.107:1000>" S ":53"},
        {"10.1.0.20", S, NAT_DST, "192.0.2.130", "192.0.2.133", 0, "10.1.0.20:1000>192.0.2.132:53"},
        {"10.1.0.21", "192.0.2.61", NAT_DST, "192.0.2.130", "192.0.2.133", 0,
         "10.1.0.21:1000>192.0.2.131:53"},
        {"10.1.0.22", "192.0.2.62", NAT_DST, "192.0.2.130", "192.0.2.133", 0,
         "10.1.0.22:1000>192.0.2.133:53"},
        {"10.1.0.20", "192.0.2.63", NAT_DST, "192.0.2.130", "192.0.2.133", NAT_PERSISTENT,
         "10.1.0.20:1000>192.0.2.132:53"},
        {"10.1.0.21", "192.0.2.64", NAT_DST, "192.0.2.130", "192.0.2.133", NAT_PERSISTENT,
         "10.1.0.21:1000>192.0.2.131:53"},
        {"2001:db8:1::14", "2001:db8:2::80", NAT_SRC, "2001:db8:2::a0", "2001:db8:2::a7", 0,
         "2001:db8:2::a7:1000>2001:db8:2::80:53"},
        {"2001:db8:1::15", "2001:db8:2::80", NAT_SRC, "2001:db8:2::a0", "2001:db8:2::a7", 0,
         "2001:db8:2::a6:1000>2001:db8:2::80:53"},
        {"2001:db8:1::14", "2001:db8:2::80", NAT_SRC, "2001:db8:2::a0", "2001:db8:2::a7",
         NAT_PERSISTENT, "2001:db8:2::a6:1000>2001:db8:2::80:53"},
        {"2001:db8:1::15", "2001:db8:2::80", NAT_SRC, "2001:db8:2::a0", "2001:db8:2::a7",
         NAT_PERSISTENT, "2001:db8:2::a4:1000>2001:db8:2::80:53"},
    };
    struct router *r = *state;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = udp(rows[i].src, 1000, rows[i].dst, 53);

        flush(r);
        forget(r, NAT_SRC);
        forget(r, NAT_DST);
        ask(r, rows[i].type, rows[i].min, rows[i].max, 0, 0, rows[i].flags);
        leaves(r, &b, rows[i].as);
    }
}

/* The hash itself, by the values observed: scaled to 2^32 addresses less one it is nearly itself.
 */
static void test_hash_values(void **state)
{
    static const struct {
        const char *src, *dst;
        uint32_t flags, hash;
    } rows[] = {
        {"10.1.0.20", S, 0, 0xae96bc90},
        {"10.1.0.20", S, NAT_PERSISTENT, 0xaa9ba9d5},
        {"10.1.0.21", S, 0, 0x8cd3c051},
        {"10.1.0.21", S, NAT_PERSISTENT, 0x7d742b8e},
    };
    struct router *r = *state;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = udp(rows[i].src, 1000, rows[i].dst, 53);

        flush(r);
        ask(r, NAT_SRC, "0.0.0.0", "255.255.255.254", 0, 0, rows[i].flags);
        /* The present address is in the range, so only another type of request chooses anew. */
        r->rule[NAT_SRC].range.flags |= NAT_RANDOM;
        assert_true(through(r, &b));
        uint64_t scaled = (uint64_t)rows[i].hash * 0xffffffffu >> 32;

        assert_int_equal(load_be32(r->last.raw.data + 12), scaled);
    }
}

/* T-20: a second flow from the same port keeps the address that the source has, whatever the hash
 * says; one from another port does not. T-31: the destination that counts is the new one. */
static void test_t20_t31(void **state)
{
    static const char *const as[] = {"192.0.2.100", "192.0.2.105", "192.0.2.104", "192.0.2.103"};
    struct router *r = *state;
    struct build b = udp("10.1.0.20", 1000, S, 53);

    ask(r, NAT_SRC, N, "192.0.2.107", 0, 0, 0);
    leaves(r, &b, "192.0.2.105:1000>" S ":53");
    for (unsigned i = 0; i < 20; i++) {
        char server[16], expected[64];

        (void)snprintf(server, sizeof(server), "203.0.113.%u", i);
        (void)snprintf(expected, sizeof(expected), "192.0.2.105:1000>%s:53", server);
        b = udp("10.1.0.20", 1000, server, 53);
        leaves(r, &b, expected);
    }
    flush(r);
    dnat(r, "192.0.2.130");
    for (unsigned i = 0; i < 4; i++) {
        char client[16], expected[64];

        (void)snprintf(client, sizeof(client), "10.1.0.%u", 20 + i);
        (void)snprintf(expected, sizeof(expected), "%s:1000>192.0.2.130:53", as[i]);
        b = udp(client, 1000, S, 53);
        leaves(r, &b, expected);
    }
}

/* All flows of two hosts have one address, and words below the first that differs are full range.
 */
static void test_wide_ranges(void **state)
{
    struct router *r = *state;
    struct build b;
    uint32_t low_words = 0;

    ask(r, NAT_SRC, "2001:db8:0:0:ffff::", "2001:db8:ff:0:1::", 0, 0, 0);
    for (uint16_t i = 0; i < 40; i++) {
        char client[32];

        (void)snprintf(client, sizeof(client), "2001:db9::%x", i);
        b = udp(client, 1, "2001:db8:5::5", 53);
        assert_true(through(r, &b));
        const uint8_t *src = r->last.raw.data + 8;

        assert_int_equal(load_be32(src), 0x20010db8);
        assert_true(load_be32(src + 4) <= 0xff0000);
        low_words |= load_be32(src + 12);
        uint8_t first[16];

        memcpy(first, src, 16);
        b = udp(client, 2, "2001:db8:5::5", 99);
        assert_true(through(r, &b));
        assert_memory_equal(r->last.raw.data + 8, first, 16);
    }
    assert_true(low_words > 0xffffff);
}

/* T-36: NETMAP keeps what the network does not say, and the port. */
static void test_t36(void **state)
{
    static const struct {
        const char *src, *dst;
        enum nat_type type;
        const char *min, *max, *as;
    } rows[] = {
        {"10.1.0.37", S, NAT_SRC, "192.0.2.128", "192.0.2.143", "192.0.2.133:999>" S ":53"},
        {"10.1.0.200", S, NAT_SRC, "192.0.2.128", "192.0.2.143", "192.0.2.136:999>" S ":53"},
        {C, "203.0.113.77", NAT_DST, "192.0.2.0", "192.0.2.255", C ":999>192.0.2.77:53"},
        {"2001:db8:1:0:1:2:3:4", "2001:db8:9::1", NAT_SRC, "2001:db8:2:0:aaaa::",
         "2001:db8:2:0:aaaa:ffff:ffff:ffff", "2001:db8:2:0:aaaa:2:3:4:999>2001:db8:9::1:53"},
    };
    struct router *r = *state;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = udp(rows[i].src, 999, rows[i].dst, 53);

        forget(r, NAT_SRC);
        forget(r, NAT_DST);
        ask(r, rows[i].type, rows[i].min, rows[i].max, 0, 0, NAT_NETMAP);
        leaves(r, &b, rows[i].as);
    }
}

/* Ports without an address: the address stays. */
static void test_ports_only(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    ask(r, NAT_SRC, NULL, NULL, 2000, 2001, 0);
    ask(r, NAT_DST, NULL, NULL, 5353, 5353, 0);
    assert_true(through(r, &b));
    assert_int_equal(load_be32(r->last.raw.data + 12), 0x0a01000a);
    uint16_t port = load_be16(r->last.raw.data + 20);

    assert_true(port == 2000 || port == 2001);
    assert_int_equal(load_be16(r->last.raw.data + 22), 5353);
}

/* --- destinations --- */

/* T-21 to T-23: from the lowest port, or the packet's own; then the source has to give way. */
static void test_t21_to_t23(void **state)
{
    struct router *r = *state;
    struct build b;
    uint16_t last = 0;

    ask(r, NAT_DST, S2, NULL, 2000, 2010, 0);
    b = udp(C, 5000, S, 53);
    leaves(r, &b, C ":5000>" S2 ":2000");
    b = udp(C, 5001, S, 2005);
    leaves(r, &b, C ":5001>" S2 ":2005");
    flush(r);
    for (uint16_t i = 0; i < 13; i++) {
        b = udp(C, 6000, V, (uint16_t)(100 + i));
        assert_true(through(r, &b));
        const uint8_t *l4 = r->last.raw.data + 20;

        assert_int_equal(load_be16(l4 + 2), i < 11 ? 2000 + i : 2010);
        if (i < 11) {
            assert_int_equal(load_be16(l4), 6000);
            assert_int_equal(status_of(r), 0x1a8);
        } else {
            assert_int_not_equal(load_be16(l4), 6000);
            assert_int_not_equal(load_be16(l4), last);
            assert_int_equal(status_of(r), 0x1b8);
            last = load_be16(l4);
        }
    }
}

/* T-24: the same with a single port, and both bits set. */
static void test_t24(void **state)
{
    struct router *r = *state;
    struct build b;

    ask(r, NAT_DST, S2, NULL, 53, 53, 0);
    b = udp(C, 7000, S, 3000);
    leaves(r, &b, C ":7000>" S2 ":53");
    b = udp(C, 7000, S, 3001);
    uint16_t port = port_out(r, &b);

    assert_int_not_equal(port, 7000);
    assert_int_equal(status_of(r), 0x1b8);
    b = udp(S2, 53, C, port);
    leaves(r, &b, S ":3001>" C ":7000");
    b = udp(S2, 53, C, 7000);
    leaves(r, &b, S ":3000>" C ":7000");
}

/* T-25: a random port of the range. */
static void test_t25(void **state)
{
    struct router *r = *state;
    unsigned seen = 0;

    ask(r, NAT_DST, S2, NULL, 2000, 2010, NAT_RANDOM);
    for (uint16_t i = 0; i < 200; i++) {
        struct build b = udp(C, (uint16_t)(1000 + i), S, 2005);

        assert_true(through(r, &b));
        uint16_t port = load_be16(r->last.raw.data + 22);

        assert_true(port >= 2000 && port <= 2010);
        seen |= 1u << (port - 2000);
    }
    assert_int_equal(seen, 0x7ff);
}

/* T-26, T-27: a base moves a range of ports to another. */
static void test_t26_t27(void **state)
{
    static const uint16_t rows[][2] = {{3000, 2000}, {3010, 2010}, {3011, 2000},
                                       {3022, 2000}, {2999, 2008}, {2005, 2004},
                                       {2000, 2010}, {1, 2002},    {65535, 2000}};
    struct router *r = *state;
    struct build b;

    ask(r, NAT_DST, S2, NULL, 2000, 2010, NAT_PORT_OFFSET);
    r->rule[NAT_DST].range.base_port = 3000;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        b = udp(C, (uint16_t)(5000 + i), V, rows[i][0]);
        assert_true(through(r, &b));
        assert_int_equal(load_be16(r->last.raw.data + 22), rows[i][1]);
    }
    static const uint16_t again[][2] = {{3000, 2000}, {3011, 2001}, {3022, 2002}};

    for (size_t i = 0; i < WEIR_ARRAY_LEN(again); i++) {
        b = udp(C, 7000, V, again[i][0]);
        assert_true(through(r, &b));
        assert_int_equal(load_be16(r->last.raw.data + 22), again[i][1]);
    }
}

/* T-28: an identifier counts for both types; a destination's search begins at 0. */
static void test_t28(void **state)
{
    static const struct {
        const char *to;
        uint16_t id;
    } rows[] = {{"198.18.0.1", 7}, {"198.18.0.2", 0}, {"198.18.0.3", 1}, {"198.18.0.4", 2}};
    struct router *r = *state;

    dnat(r, S);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = ping(C, rows[i].to, 7), answer;

        assert_int_equal(port_out(r, &b), rows[i].id);
        answer = icmp(S, C, 0, 0, rows[i].id);
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "%s>" C " id 7", rows[i].to);
        leaves(r, &answer, expected);
    }
}

/* T-29: what has no port cannot be told apart; SCTP can. */
static void test_t29(void **state)
{
    static const uint8_t protos[] = {47, 50, 99, 33};
    struct router *r = *state;
    struct build b;

    snat(r, N);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(protos); i++) {
        b = other(C, S, protos[i]);
        leaves(r, &b, N ">" S);
        b = other(C2, S, protos[i]);
        is_dropped(r, &b, WEIR_R_CLASH);
        assert_int_equal(stats(r->f).drop, i + 1);
        b = other(S, N, protos[i]);
        leaves(r, &b, S ">" C);
    }
    b = sctp_init(C, 5000, S, 80);
    leaves(r, &b, N ":5000>" S ":80");
    b = sctp_init(C2, 5000, S, 80);
    assert_int_not_equal(port_out(r, &b), 5000);
}

/* --- status bits (section 3, T-07) --- */

static void test_status(void **state)
{
    struct router *r = *state;
    struct build b;

    b = udp(C, 5000, S, 53);
    leaves(r, &b, C ":5000>" S ":53");
    assert_int_equal(status_of(r), 0x188);
    b = udp(S, 53, C, 5000);
    leaves(r, &b, S ":53>" C ":5000");
    assert_int_equal(status_of(r), 0x18a);

    snat(r, N);
    b = udp(C, 5001, S, 53);
    leaves(r, &b, N ":5001>" S ":53");
    assert_int_equal(status_of(r), 0x198);
    b = udp(S, 53, N, 5001);
    leaves(r, &b, S ":53>" C ":5001");
    assert_int_equal(status_of(r), 0x19a);

    dnat(r, S2);
    b = udp(C, 5002, V, 53);
    leaves(r, &b, N ":5002>" S2 ":53");
    assert_int_equal(status_of(r), 0x1b8);
    b = udp(S2, 53, N, 5002);
    leaves(r, &b, V ":53>" C ":5002");
    assert_int_equal(status_of(r), 0x1ba);

    forget(r, NAT_SRC);
    b = udp(C, 5003, V, 53);
    leaves(r, &b, C ":5003>" S2 ":53");
    assert_int_equal(status_of(r), 0x1a8);

    forget(r, NAT_DST);
    snat(r, C); /* T-07: the identity is no NAT */
    b = udp(C, 5004, S, 53);
    leaves(r, &b, C ":5004>" S ":53");
    assert_int_equal(status_of(r), 0x188);
}

/* Section 6: the tuples, as section 15 lists them. */
static void test_tuples(void **state)
{
    struct router *r = *state;
    struct weir_conn c;
    struct build b;

    snat(r, N);
    ask(r, NAT_DST, S2, NULL, 80, 80, 0);
    b = udp(C, 5000, V, 8080);
    assert_true(through(r, &b));
    c = only_conn(r->f);
    union weir_addr n = addr_of(N), s2 = addr_of(S2), v = addr_of(V), client = addr_of(C);

    assert_int_equal(c.tuple[0].src.v4, client.v4);
    assert_int_equal(c.tuple[0].dst.v4, v.v4);
    assert_int_equal(BE16(c.tuple[0].src_key), 5000);
    assert_int_equal(BE16(c.tuple[0].dst_key), 8080);
    assert_int_equal(c.tuple[1].src.v4, s2.v4);
    assert_int_equal(c.tuple[1].dst.v4, n.v4);
    assert_int_equal(BE16(c.tuple[1].src_key), 80);
    assert_int_equal(BE16(c.tuple[1].dst_key), 5000);
}

/* T-65: IPv6 does the same. */
static void test_t65(void **state)
{
    static const char c6[] = "2001:db8:1::10", s6[] = "2001:db8:2::80", n6[] = "2001:db8:2::100";
    struct router *r = *state;
    struct build b;

    snat(r, n6);
    b = udp(c6, 5000, s6, 53);
    leaves(r, &b, "2001:db8:2::100:5000>2001:db8:2::80:53");
    b = udp("2001:db8:1::11", 5000, s6, 53);
    uint16_t port = port_out(r, &b);

    assert_int_not_equal(port, 5000);
    b = udp("2001:db8:1::11", 5000, "2001:db8:2::81", 53);
    assert_int_equal(port_out(r, &b), port);
    b = udp(s6, 53, n6, port);
    leaves(r, &b, "2001:db8:2::80:53>2001:db8:1::11:5000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_t10_to_t12),
        ROUTER_TEST(test_mapping_taken),
        ROUTER_TEST(test_t13),
        ROUTER_TEST(test_t14),
        ROUTER_TEST(test_t15),
        ROUTER_TEST(test_newest_that_fits),
        ROUTER_TEST(test_source_zones),
        ROUTER_TEST(test_taken_by_zone),
        ROUTER_TEST(test_address_choice),
        ROUTER_TEST(test_hash_values),
        ROUTER_TEST(test_t20_t31),
        ROUTER_TEST(test_wide_ranges),
        ROUTER_TEST(test_t36),
        ROUTER_TEST(test_ports_only),
        ROUTER_TEST(test_t21_to_t23),
        ROUTER_TEST(test_t24),
        ROUTER_TEST(test_t25),
        ROUTER_TEST(test_t26_t27),
        ROUTER_TEST(test_t28),
        ROUTER_TEST(test_t29),
        ROUTER_TEST(test_status),
        ROUTER_TEST(test_tuples),
        ROUTER_TEST(test_t65),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
