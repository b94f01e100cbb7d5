/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as they leave: nat reference, sections 8, 9 and 13 (T-41 to T-55), and packets that a
 * capture cut off.
 */
#include "nat_fixture.h"

#define C6   "2001:db8:1::10"
#define N6   "2001:db8:2::100"
#define S6   "2001:db8:2::80"
#define V6   "2001:db8:9::1"
#define MID  "192.0.2.254"
#define MID6 "2001:db8:2::fe"

enum { BYTES = 2048 };

/* A packet, as bytes. */
struct bytes {
    uint8_t b[BYTES];
    size_t len;
};

static struct bytes made(const struct build *b)
{
    struct bytes p;

    p.len = build_make(b, p.b, sizeof(p.b));
    assert_true(p.len > 0);
    return p;
}

/* As it left. */
static struct bytes left(const struct router *r)
{
    struct bytes p = {.len = r->last.raw.len};

    assert_true(p.len <= sizeof(p.b));
    memcpy(p.b, r->last.raw.data, p.len);
    return p;
}

/* --- what changes, and what does not --- */

/* T-41: addresses, ports and checksums; nothing else. */
static void test_t41(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    b.tos = 0x48;
    b.ttl = 17;
    b.ip4.id = 0x1234;
    b.ip4.df = true;
    b.ip4.opt_len = 8;
    memcpy(b.ip4.opt, "\x94\x04\0\0\1\1\1\0", 8);
    struct bytes before = made(&b);

    snat(r, N);
    assert_true(through(r, &b));
    struct bytes after = left(r);

    assert_true(sums_are_right(after.b, after.len));
    memcpy(before.b + 10, after.b + 10, 6);         /* checksum, source */
    memcpy(before.b + 28 + 6, after.b + 28 + 6, 2); /* checksum */
    assert_memory_equal(before.b, after.b, before.len);
}

/* Ports and addresses of both sides, there and back, of all protocols that have them. */
static void test_both_ways(void **state)
{
    static const enum build_kind kinds[] = {BUILD_UDP, BUILD_TCP, BUILD_SCTP, BUILD_UDPLITE};
    static const char *const hosts[][4] = {{C, V, N, S}, {C6, V6, N6, S6}};
    struct router *r = *state;
    char expected[160];

    for (size_t family = 0; family < 2; family++) {
        const char *const *h = hosts[family];

        ask(r, NAT_SRC, h[2], NULL, 2000, 2000, 0);
        ask(r, NAT_DST, h[3], NULL, 8080, 8080, 0);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
            struct build there = packet(kinds[i], h[0], h[1]), back = packet(kinds[i], h[3], h[2]);

            if (kinds[i] == BUILD_SCTP) {
                there = sctp_init(h[0], 5000, h[1], 80);
                back.data.len = 0;
                build_chunk_init(build_chunk_add(&back.l4.sctp, BUILD_CHUNK_INIT_ACK), 9, 65536, 1,
                                 1, 1);
                back.l4.sctp.vtag = 7;
                back.l4.sctp.sport = 8080;
                back.l4.sctp.dport = 2000;
            } else if (kinds[i] == BUILD_TCP) {
                there = tcp(h[0], 5000, h[1], 80, FL_SYN, 1000, 0);
                back = tcp(h[3], 8080, h[2], 2000, FL_SYNACK, 7000, 1001);
            } else {
                there.l4.udp.sport = 5000;
                there.l4.udp.dport = 80;
                back.l4.udp.sport = 8080;
                back.l4.udp.dport = 2000;
                /* The tracker takes UDP-Lite for UDP in the pseudo-header (T-44). */
                there.pseudo = back.pseudo = PROTO_UDP;
            }
            assert_true(through(r, &there));
            (void)snprintf(expected, sizeof(expected), "%s:2000>%s:8080", h[2], h[3]);
            assert_string_equal(shown(r->last.raw.data), expected);
            assert_true(sums_are_right(r->last.raw.data, r->last.raw.len));
            assert_true(through(r, &back));
            assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_ESTABLISHED_REPLY);
            (void)snprintf(expected, sizeof(expected), "%s:80>%s:5000", h[1], h[0]);
            assert_string_equal(shown(r->last.raw.data), expected);
            assert_true(sums_are_right(r->last.raw.data, r->last.raw.len));
        }
    }
}

/* UDP-Lite's checksum by its own protocol number, which sums_are_right() leaves alone. */
static void test_udplite_sum(void **state)
{
    struct router *r = *state;
    struct build b = packet(BUILD_UDPLITE, C, S), expected;

    snat(r, N);
    b.pseudo = PROTO_UDP;
    b.l4.udp.sport = 5000;
    b.l4.udp.dport = 53;
    assert_true(through(r, &b));
    expected = b;
    memcpy(expected.src.b, addr_of(N).bytes, 16);
    struct bytes want = made(&expected);

    assert_int_equal(r->last.raw.len, want.len);
    assert_memory_equal(r->last.raw.data, want.b, want.len);
    b.pseudo = PROTO_UDPLITE; /* T-44: INVALID, and so left as it is */
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_INVALID);
    assert_memory_equal(r->last.raw.data, made(&b).b, made(&b).len);
}

/* T-42: a sum of zero is written as 0xffff; no checksum stays none, in both families. */
static void test_t42(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    snat(r, N);
    b.data.bytes = (const uint8_t *)"gh";
    b.data.len = 2;
    assert_true(through(r, &b));
    assert_int_equal(load_be16(r->last.raw.data + 26), 0xffff);
    b = udp(C, 5001, S, 53);
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    assert_true(through(r, &b));
    assert_int_equal(load_be16(r->last.raw.data + 26), 0);
    snat(r, N6);
    b = udp(C6, 5001, S6, 53);
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    assert_true(through(r, &b));
    assert_int_equal(load_be16(r->last.raw.data + 46), 0);
}

/* T-43: behind extension headers. */
static void test_t43(void **state)
{
    struct router *r = *state;
    struct build b = udp(C6, 5000, S6, 53);

    ask(r, NAT_SRC, N6, NULL, 2000, 2000, 0);
    assert_true(build_ext_add(&b, BUILD_PROTO_DSTOPT, (const uint8_t *)"\1\4\0\0\0\0", 6));
    assert_true(through(r, &b));
    struct build expected = b;

    memcpy(expected.src.b, addr_of(N6).bytes, 16);
    expected.l4.udp.sport = 2000;
    assert_memory_equal(r->last.raw.data, made(&expected).b, made(&expected).len);
}

/* A checksum that was wrong, where nobody looks, stays as wrong as it was; SCTP's becomes right. */
static void test_wrong_sums(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    set(r->f, WEIR_T_CHECKSUM, 0);
    snat(r, N);
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0x1234};
    assert_true(through(r, &b));
    const uint8_t *ip = r->last.raw.data;

    assert_false(sums_are_right(ip, r->last.raw.len));
    /* What a host would have had to send for it to be right differs by as much. */
    uint32_t c = 0x0a01000a, n = 0xc0000264;
    uint32_t sum = (uint16_t)~0x1234 + (~c >> 16) + (uint16_t)~c + (n >> 16) + (uint16_t)n;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal(load_be16(ip + 26), (uint16_t)~sum);
}

/* --- ICMP and GRE --- */

/* Identifiers of questions and answers; ICMPv6 has a pseudo-header, and only echo an identifier. */
static void test_identifiers(void **state)
{
    static const uint8_t types[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
    struct router *r = *state;
    struct build b;

    ask(r, NAT_SRC, N, NULL, 100, 103, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++) {
        b = icmp(C, S, types[i][0], 0, (uint16_t)(7 + i));
        uint16_t id = port_out(r, &b);

        assert_true(id >= 100 && id <= 103);
        b = icmp(S, N, types[i][1], 0, id);
        char expected[64];

        (void)snprintf(expected, sizeof(expected), S ">" C " id %zu", 7 + i);
        leaves(r, &b, expected);
    }
    ask(r, NAT_SRC, N6, NULL, 100, 100, 0);
    b = ping(C6, S6, 7);
    assert_int_equal(port_out(r, &b), 100);
    b = icmp(S6, N6, 129, 0, 100);
    leaves(r, &b, S6 ">" C6 " id 7");
    b = icmp(C6, S6, 139, 0, 7); /* node information */
    assert_int_equal(port_out(r, &b), 7);
}

static struct build gre(const char *src, const char *dst, uint8_t version, uint16_t call)
{
    struct build b = packet(BUILD_GRE, src, dst);

    b.l4.gre.version = version;
    b.l4.gre.proto = 0x880b;
    b.l4.gre.has_key = true;
    b.l4.gre.callid = call;
    return b;
}

/* GRE: a source's rewriting wants eight bytes and no more; a destination's wants a version. */
static void test_gre(void **state)
{
    struct router *r = *state;
    struct build b;

    snat(r, N);
    for (uint8_t version = 0; version < 8; version++) {
        char server[16];

        (void)snprintf(server, sizeof(server), "192.0.2.%u", 50u + version);
        b = gre(C, server, version, 9);
        assert_true(through(r, &b));
        assert_int_equal(load_be32(r->last.raw.data + 12), 0xc0000264);
        assert_memory_equal(r->last.raw.data + 20, made(&b).b + 20, made(&b).len - 20);
    }
    forget(r, NAT_SRC);
    for (uint8_t version = 0; version < 8; version++) {
        char server[16];

        (void)snprintf(server, sizeof(server), "192.0.2.%u", 60u + version);
        dnat(r, server);
        b = gre(C, V, version, 9);
        b.src.b[3] = version;
        if (version < 2) {
            assert_true(through(r, &b));
            assert_int_equal(r->last.raw.data[19], 60 + version);
        } else {
            is_dropped(r, &b, WEIR_R_NAT_REWRITE);
        }
    }
    /* Version 1, and another call: an answer's is written as the question had it. */
    flush(r);
    dnat(r, S);
    struct flight x;

    b = gre(C, V, 1, 0);
    assert_true(depart(r, &x, &b));
    assert_true(arrive(r, &x));
    flight_end(&x);
    b = gre(S, C, 1, 0);
    leaves(r, &b, V ">" C);
    /* Four bytes are no GRE header that Linux would touch. */
    snat(r, N);
    b = other(C, S2, 47);
    b.data.len = 4;
    forget(r, NAT_DST);
    is_dropped(r, &b, WEIR_R_NAT_REWRITE);
}

/* --- errors --- */

/* An error about a packet, of which `quoted` bytes come back (0: all). */
static struct build error(const char *from, const char *to, uint8_t type, uint8_t code,
                          const struct bytes *about, size_t quoted)
{
    struct build b = packet(BUILD_ICMP, from, to);

    b.l4.icmp.type = type;
    b.l4.icmp.code = code;
    b.l4.icmp.rest = 1234;
    b.data.bytes = about->b;
    b.data.len = quoted ? quoted : about->len;
    return b;
}

/* The packet that an error which just left quotes. */
static const uint8_t *quote(const struct router *r)
{
    const uint8_t *ip = r->last.raw.data;

    return ip + (ip[0] >> 4 == 4 ? 20 : 40) + 8;
}

static void error_leaves(struct router *r, const struct build *b, const char *outer,
                         const char *inner)
{
    char with_id[80];

    /* shown() takes the rest of the header for an identifier: 1234 is in its low half. */
    (void)snprintf(with_id, sizeof(with_id), "%s id 0", outer);
    leaves(r, b, with_id);
    assert_string_equal(shown(quote(r)), inner);
    assert_int_equal(load_be32(quote(r) - 4), 1234);
}

/* T-45, T-46: from the server, and from a router on the way with little of the packet. */
static void test_t45_t46(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    ask(r, NAT_SRC, N, NULL, 2000, 2000, 0);
    assert_true(through(r, &b));
    struct bytes sent = left(r);
    uint32_t status = status_of(r);

    r->f->events = 0;
    b = error(S, N, 3, 3, &sent, 0);
    error_leaves(r, &b, S ">" C, C ":5000>" S ":53");
    assert_true(sums_are_right(quote(r), sent.len));
    b = error(MID, N, 11, 0, &sent, 28);
    error_leaves(r, &b, MID ">" C, C ":5000>" S ":53");
    /* It leaves the connection as it is, and asks no rule. */
    assert_int_equal(r->f->events, 0);
    assert_int_equal(status_of(r), status);
    assert_int_equal(r->consulted[NAT_SRC], 1);
    /* With less than eight bytes of the upper layer Linux cannot. */
    for (size_t n = 24; n < 28; n++) {
        b = error(MID, N, 11, 0, &sent, n);
        is_dropped(r, &b, WEIR_R_NAT_REWRITE);
    }
}

/* T-47: TCP's checksum only where the whole header is. */
static void test_t47(void **state)
{
    static const struct {
        size_t quoted;
        bool summed;
    } rows[] = {{28, false}, {32, false}, {39, false}, {40, true}};
    struct router *r = *state;
    struct build b = tcp(C, 5000, S, 80, FL_SYN, 1000, 0);

    ask(r, NAT_SRC, N, NULL, 7777, 7777, 0);
    struct bytes before = made(&b);

    assert_true(through(r, &b));
    struct bytes sent = left(r);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        b = error(MID, N, 3, 4, &sent, rows[i].quoted);
        error_leaves(r, &b, MID ">" C, C ":5000>" S ":80");
        if (rows[i].quoted >= 38)
            assert_int_equal(load_be16(quote(r) + 36),
                             load_be16((rows[i].summed ? &before : &sent)->b + 36));
    }
    for (size_t n = 24; n < 28; n++) {
        b = error(MID, N, 3, 4, &sent, n);
        is_dropped(r, &b, WEIR_R_NAT_REWRITE);
    }
}

/* SCTP: the CRC of what is quoted, from twelve bytes on; as observed on Linux 6.18. */
static void test_sctp_quote(void **state)
{
    struct router *r = *state;
    struct build b = sctp_init(C, 5000, S, 80);

    ask(r, NAT_SRC, N, NULL, 7777, 7777, 0);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    for (size_t n = 24; n <= sent.len; n++) {
        b = error(MID, N, 3, 1, &sent, n);
        if (n < 28) {
            is_dropped(r, &b, WEIR_R_NAT_REWRITE);
            continue;
        }
        error_leaves(r, &b, MID ">" C, C ":5000>" S ":80");
        if (n >= 32)
            assert_int_equal(load_le32(quote(r) + 28), crc32c_sctp(quote(r) + 20, n - 20, 8));
        else
            assert_memory_equal(quote(r) + 28, sent.b + 28, n - 28);
    }
}

/* T-48: destinations: the error comes from whom the client believes to talk to. */
static void test_t48(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, V, 53);

    ask(r, NAT_DST, S2, NULL, 5353, 5353, 0);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    b = error(MID, C, 11, 0, &sent, 0);
    error_leaves(r, &b, V ">" C, C ":5000>" V ":53");
    assert_true(sums_are_right(quote(r), sent.len));
}

/* T-49: both, and the client's errors about answers. */
static void test_t49(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, V, 53);

    snat(r, N);
    ask(r, NAT_DST, S2, NULL, 5353, 5353, 0);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    b = error(S2, N, 3, 3, &sent, 0);
    error_leaves(r, &b, V ">" C, C ":5000>" V ":53");
    b = udp(S2, 5353, N, 5000);
    leaves(r, &b, V ":53>" C ":5000");
    sent = left(r);
    b = error(C, V, 3, 3, &sent, 0);
    error_leaves(r, &b, N ">" S2, S2 ":5353>" N ":5000");
    assert_true(sums_are_right(quote(r), sent.len));
    b = error("10.1.0.254", V, 11, 0, &sent, 28);
    error_leaves(r, &b, N ">" S2, S2 ":5353>" N ":5000");
}

/* T-50: pings. */
static void test_t50(void **state)
{
    struct router *r = *state;
    struct build b = ping(C, S, 7);

    ask(r, NAT_SRC, N, NULL, 6110, 6110, 0);
    assert_int_equal(port_out(r, &b), 6110);
    struct bytes sent = left(r);

    b = error(MID, N, 11, 0, &sent, 0);
    error_leaves(r, &b, MID ">" C, C ">" S " id 7");
    assert_true(sums_are_right(quote(r), sent.len));
}

/* T-51: no checksum stays none. */
static void test_t51(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    snat(r, N);
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    b = error(S, N, 3, 3, &sent, 0);
    error_leaves(r, &b, S ">" C, C ":5000>" S ":53");
    assert_int_equal(load_be16(quote(r) + 26), 0);
}

/* T-52: IPv6. */
static void test_t52(void **state)
{
    static const uint8_t types[] = {1, 2, 3, 4};
    struct router *r = *state;
    struct build b = udp(C6, 5000, S6, 53);

    ask(r, NAT_SRC, N6, NULL, 2000, 2000, 0);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++) {
        b = error(MID6, N6, types[i], 0, &sent, 0);
        error_leaves(r, &b, MID6 ">" C6, C6 ":5000>" S6 ":53");
        assert_true(sums_are_right(quote(r), sent.len));
    }
}

/* T-53: redirects. */
static void test_t53(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    snat(r, N);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    b = error(MID, N, 5, 1, &sent, 0);
    is_dropped(r, &b, WEIR_R_NAT_REDIRECT);
    assert_int_equal(count(r->f), 1); /* the connection lives on */
    forget(r, NAT_SRC);
    b = udp(C, 5001, S, 53);
    assert_true(through(r, &b));
    sent = left(r);
    b = error(MID, C, 5, 1, &sent, 0);
    assert_true(through(r, &b));
    assert_memory_equal(r->last.raw.data, made(&b).b, made(&b).len);
    /* Not of one that NAT has never seen. */
    conn_at(r->t, handle_make(4, 2))->status &= (uint32_t)~WEIR_S_SRC_NAT_DONE;
    is_dropped(r, &b, WEIR_R_NAT_REDIRECT);
}

/* T-54, T-55: what is INVALID is left as it is. */
static void test_t54_t55(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    snat(r, N);
    assert_true(through(r, &b));
    struct bytes sent = left(r);

    b = error(S, N, 3, 3, &sent, 0);
    b.l4.icmp.sum.mode = BUILD_SUM_BAD;
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_INVALID);
    assert_memory_equal(r->last.raw.data, made(&b).b, made(&b).len);
    sent.b[21]++; /* of another flow */
    b = error(S, N, 3, 3, &sent, 0);
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_INVALID);
    assert_memory_equal(r->last.raw.data, made(&b).b, made(&b).len);
}

/* --- cut off --- */

/*
 * Of a packet that was cut off, what is there is what it is in the whole packet: checksums are
 * changed by what changed. Of a checksum at `sum_at` of which half is there nothing can be said.
 */
static void check_cuts(struct router *r, const struct build *b, size_t from, size_t sum_at)
{
    struct bytes whole = made(b);

    assert_true(through(r, b));
    assert_true(sums_are_right(r->last.raw.data, r->last.raw.len));
    struct bytes expected = left(r);

    for (size_t n = from; n < whole.len; n++) {
        assert_true(through_bytes(r, whole.b, n, whole.len));
        assert_non_null(r->last.pkt.conn);
        assert_memory_equal(r->last.raw.data, expected.b, n == sum_at + 1 ? sum_at : n);
    }
}

static void test_cut(void **state)
{
    struct router *r = *state;
    struct build b;

    ask(r, NAT_SRC, N, NULL, 2000, 2000, 0);
    ask(r, NAT_DST, S2, NULL, 80, 80, 0);
    b = udp(C, 5000, V, 53);
    b.data.len = 60;
    check_cuts(r, &b, 24, 26);
    /* The tracker wants SCTP's chunks, so these do not come through it. */
    b = sctp_init(C, 5000, V, 80);
    struct bytes init = made(&b);

    for (size_t n = 32; n < init.len; n++) {
        struct bytes cut = init;
        struct parsed ip;
        struct edit e = {.type = NAT_SRC, .key = BE16(2000), .addr = addr_of(N)};

        assert_int_equal(parse_ip(&ip, cut.b, (uint32_t)n, (uint32_t)init.len), WEIR_R_NONE);
        assert_true(nat_edit(&ip, &e));
        struct bytes all = init;

        assert_int_equal(parse_ip(&ip, all.b, (uint32_t)init.len, 0), WEIR_R_NONE);
        assert_true(nat_edit(&ip, &e));
        assert_memory_equal(cut.b, all.b, n);
    }
    b = ping(C, V, 7);
    ask(r, NAT_SRC, N, NULL, 100, 100, 0);
    check_cuts(r, &b, 28, 22);
    b = tcp(C, 5000, V, 80, FL_SYN, 1000, 0);
    ask(r, NAT_SRC, N, NULL, 2000, 2000, 0);
    check_cuts(r, &b, 40, 36);

    ask(r, NAT_SRC, N6, NULL, 2000, 2000, 0);
    ask(r, NAT_DST, S6, NULL, 80, 80, 0);
    b = udp(C6, 5000, V6, 53);
    b.data.len = 60;
    check_cuts(r, &b, 44, 46);
    b = ping(C6, V6, 7);
    check_cuts(r, &b, 48, 42);
}

/* Errors: the whole message's checksum, of which little is there; what is quoted has one too. */
static void check_cut_errors(struct router *r, const struct build *b, const char *mid,
                             const char *n, size_t first, size_t sum_at)
{
    const size_t ip = family_of(mid) == 4 ? 20 : 40, l4 = ip + 8 + ip;

    assert_true(through(r, b));
    struct bytes sent = left(r);
    struct build e = error(mid, n, ip == 20 ? 3 : 1, 1, &sent, 0);

    check_cuts(r, &e, l4 + first, l4 + sum_at);
}

static void test_cut_errors(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, V, 53);

    ask(r, NAT_SRC, N, NULL, 2000, 2000, 0);
    ask(r, NAT_DST, S2, NULL, 80, 80, 0);
    b.data.len = 61;
    check_cut_errors(r, &b, MID, N, 4, 6);
    b = tcp(C, 5000, V, 80, FL_SYN, 1000, 0);
    b.data.len = 61;
    check_cut_errors(r, &b, MID, N, 4, 16);
    ask(r, NAT_SRC, N, NULL, 100, 100, 0);
    b = ping(C, V, 7);
    check_cut_errors(r, &b, MID, N, 8, 2);
    ask(r, NAT_SRC, N6, NULL, 2000, 2000, 0);
    ask(r, NAT_DST, S6, NULL, 80, 80, 0);
    b = udp(C6, 5000, V6, 53);
    b.data.len = 61;
    check_cut_errors(r, &b, MID6, N6, 4, 6);
}

/* --- fragments --- */

/* How much of a gathered datagram was touched: headers, as far as Linux needs them in one piece. */
static void test_touch(void **state)
{
    static const struct {
        uint8_t proto;
        uint32_t len, touched;
    } rows[] = {
        {PROTO_TCP, 20, 20},   {PROTO_TCP, 19, 8},  {PROTO_UDP, 8, 8},   {PROTO_UDPLITE, 9, 8},
        {PROTO_SCTP, 12, 12},  {PROTO_SCTP, 11, 8}, {PROTO_ICMP, 99, 8}, {PROTO_GRE, 99, 8},
        {PROTO_ICMPV6, 99, 8}, {99, 99, 0}}; /* of its upper layer */
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct parsed ip = {.family = 4,
                            .l4_off = 20,
                            .l3_len = 20 + rows[i].len,
                            .have = 20 + rows[i].len,
                            .proto = rows[i].proto};

        assert_int_equal(nat_reach(&ip), 20 + rows[i].touched);
    }
    snat(r, N);
    r->gathered = true;
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.layout.contiguous, 20 + 8);
    struct bytes sent = left(r);

    b = error(MID, N, 3, 1, &sent, 0);
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.layout.contiguous, 20 + 8 + 20 + 8);
    forget(r, NAT_SRC);
    b = udp(C, 5000, S2, 53);
    assert_true(through(r, &b));
    assert_int_equal(r->last.pkt.layout.contiguous, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_t41),         ROUTER_TEST(test_both_ways),  ROUTER_TEST(test_udplite_sum),
        ROUTER_TEST(test_t42),         ROUTER_TEST(test_t43),        ROUTER_TEST(test_wrong_sums),
        ROUTER_TEST(test_identifiers), ROUTER_TEST(test_gre),        ROUTER_TEST(test_t45_t46),
        ROUTER_TEST(test_t47),         ROUTER_TEST(test_sctp_quote), ROUTER_TEST(test_t48),
        ROUTER_TEST(test_t49),         ROUTER_TEST(test_t50),        ROUTER_TEST(test_t51),
        ROUTER_TEST(test_t52),         ROUTER_TEST(test_t53),        ROUTER_TEST(test_t54_t55),
        ROUTER_TEST(test_cut),         ROUTER_TEST(test_cut_errors), ROUTER_TEST(test_touch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
