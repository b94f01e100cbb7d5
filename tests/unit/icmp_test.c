/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP and ICMPv6: what passes the pre-checks, what starts a connection, whose an error is. The
 * err-N in comments are the examples of the conntrack reference, 4.3.
 */
#include "proto_fixture.h"

static const enum weir_dir A = WEIR_ORIG, B = WEIR_REPLY;
enum { ROUTER = 7, STRANGER = 9 };

static struct build b;
static uint8_t quote[256];

static const struct proto *tracker(uint8_t family)
{
    return family == 4 ? &proto_icmp : &proto_icmpv6;
}

/* What came of a pre-check. */
enum fate { GOES_ON = 0, FINISHED };

static enum fate look_at(const uint8_t *bytes, size_t len)
{
    uint64_t errors = w.track.stats.icmp_error;
    uint8_t *exact = parse_packet(A, bytes, len, len);
    enum fate fate = tracker(w.pkt.ip.family)->before(&w.track, &w.pkt) ? FINISHED : GOES_ON;

    free(exact);
    assert_int_equal(w.timeout, NO_REFRESH);
    assert_int_equal(counted(), 0);
    assert_int_equal(CONN->events, 0);
    assert_int_equal(w.track.stats.icmp_error - errors, w.pkt.ctinfo == WEIR_CT_INVALID);
    if (fate == GOES_ON)
        assert_int_equal(w.pkt.ctinfo, WEIR_CT_NONE);
    return fate;
}

static enum fate before(void)
{
    static uint8_t bytes[512];
    size_t len = build_make(&b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return look_at(bytes, len);
}

static void refused(enum weir_reason reason)
{
    assert_int_equal(before(), FINISHED);
    assert_int_equal(w.pkt.ctinfo, WEIR_CT_INVALID);
    assert_int_equal(w.pkt.reason, reason);
    assert_null(w.pkt.conn);
}

static void goes_on(void)
{
    assert_int_equal(before(), GOES_ON);
}

static void message(uint8_t family, uint8_t type, uint8_t code)
{
    packet_init(&b, family, BUILD_ICMP, B);
    b.l4.icmp.type = type;
    b.l4.icmp.code = code;
}

/* ---- pre-checks and the types ---- */

static void test_types4(void **state)
{
    (void)state;
    begin(4);
    for (int type = 0; type < 256; type++) {
        message(4, (uint8_t)type, 0);
        if (type > 18)
            refused(WEIR_R_ICMP_TYPE);
        else if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
            refused(WEIR_R_ICMP_QUOTE);
        else
            goes_on();
    }
}

static void test_types6(void **state)
{
    (void)state;
    begin(6);
    for (int type = 0; type < 256; type++) {
        message(6, (uint8_t)type, 0);
        if (type < 128) {
            refused(WEIR_R_ICMP_QUOTE);
        } else if ((type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152) {
            assert_int_equal(before(), FINISHED);
            assert_int_equal(w.pkt.ctinfo, WEIR_CT_UNTRACKED);
        } else if (type == 137) {
            refused(WEIR_R_L4_SHORT);
        } else {
            goes_on();
        }
    }
}

static void test_short_and_wrong(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin(family);
        for (int keep = 0; keep < 8; keep++) {
            message(family, family == 4 ? 8 : 135, 0);
            b.keep = keep;
            refused(WEIR_R_L4_SHORT);
        }
        message(family, family == 4 ? 8 : 135, 0);
        b.l4.icmp.sum.mode = BUILD_SUM_BAD;
        refused(WEIR_R_L4_CHECKSUM);
    }
    /* A message of zeros, checksum and all, sums to zero: right. */
    begin(4);
    message(4, 0, 0);
    b.l4.icmp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    goes_on();
}

/* Only questions start a connection; once there is one, all that comes keeps it. */
static void test_packet(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        int timeout = family == 4 ? WEIR_T_ICMP_TIMEOUT : WEIR_T_ICMPV6_TIMEOUT;

        for (int type = 0; type < 256; type++) {
            bool question = family == 4 ? type == 8 || type == 13 || type == 15 || type == 17
                                        : type == 128 || type == 139;

            begin(family);
            message(family, (uint8_t)type, 3);
            if (question)
                assert_alive(give(tracker(family), A, &b), timeout);
            else
                assert_refused(give(tracker(family), A, &b), WEIR_R_ICMP_ANSWER);
        }
        begin(family);
        message(family, family == 4 ? 8 : 128, 0);
        assert_alive(give(tracker(family), A, &b), timeout);
        for (int i = 0; i < 3; i++) {
            message(family, family == 4 ? 0 : 129, 0);
            assert_alive(give(tracker(family), B, &b), timeout);
            assert_int_equal(CONN->status & WEIR_S_ASSURED, 0);
        }
    }
}

/* ---- errors ---- */

/* Makes `quote` a UDP datagram from A to B, or B to A. */
static size_t make_quote(uint8_t family, enum weir_dir dir)
{
    struct build q;

    packet_init(&q, family, BUILD_UDP, dir);
    q.l4.udp.sport = dir == A ? 1000 : 53;
    q.l4.udp.dport = dir == A ? 53 : 1000;
    q.data.len = 4;
    return build_make(&q, quote, sizeof(quote));
}

/* An error from `from` to `to` that quotes the first `len` bytes of `quote`. */
static void error(uint8_t family, uint8_t from, uint8_t to, size_t len)
{
    build_init(&b, family, BUILD_ICMP);
    b.src = host(family, from);
    b.dst = host(family, to);
    b.l4.icmp.type = family == 4 ? 3 : 1;
    b.data = (struct build_data){.bytes = quote, .len = len};
}

static void is_related(enum weir_dir dir)
{
    assert_int_equal(before(), FINISHED);
    assert_int_equal(w.pkt.ctinfo, dir == A ? WEIR_CT_RELATED : WEIR_CT_RELATED_REPLY);
    assert_int_equal(w.pkt.reason, WEIR_R_NONE);
    assert_ptr_equal(w.pkt.conn, CONN);
    assert_int_equal(w.pkt.dir, dir);
    assert_int_equal(w.pkt.handle & 1, 0);
}

/* Looking finds the connection by its tuple of this direction. */
static void finds(uint8_t family, enum weir_dir dir)
{
    w.found = handle_make(family, 1) | (uint32_t)dir;
}

/* err-1 to err-3, err-5. */
static void test_error(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        size_t ip = family == 4 ? 20 : 40;

        begin(family);
        size_t len = make_quote(family, A);

        finds(family, B);
        for (size_t n = 0; n <= len; n++) {
            error(family, 2, 1, n);
            if (n < ip + 4)
                refused(WEIR_R_ICMP_QUOTE);
            else
                is_related(B);
        }
        /* It was looked for as an answer from B to A. */
        assert_int_equal(w.looked_for.family, family);
        assert_int_equal(w.looked_for.proto, 17);
        assert_int_equal(w.looked_for.src_key, BE16(53));
        assert_int_equal(w.looked_for.dst_key, BE16(1000));
        assert_memory_equal(&w.looked_for.src, host(family, 2).b, 16);
        assert_memory_equal(&w.looked_for.dst, host(family, 1).b, 16);
        error(family, ROUTER, 1, len);
        is_related(B);
        error(family, 2, STRANGER, len);
        refused(WEIR_R_ICMP_ADDRESS);
        w.found = 0;
        error(family, 2, 1, len);
        refused(WEIR_R_ICMP_UNKNOWN);
        len = make_quote(family, B);
        finds(family, A);
        error(family, 1, 2, len);
        is_related(A);
    }
}

/* What routers may have changed, and what nobody verifies. */
static void test_quote_unverified(void **state)
{
    (void)state;
    begin(4);
    finds(4, B);
    size_t len = make_quote(4, A);

    quote[10] ^= 0xff; /* header checksum */
    quote[2] = 0xff;   /* total length */
    quote[8] = 0;      /* TTL */
    quote[0] = 0xf5;   /* version */
    error(4, 2, 1, len);
    is_related(B);
    quote[6] = 0x20; /* a first fragment: err-7 */
    is_related(B);
    quote[7] = 1; /* not the first: err-6 */
    refused(WEIR_R_ICMP_QUOTE);

    /* A header length that lies: Linux reads the ports there, even inside the header. */
    for (uint8_t words = 0; words < 5; words++) {
        len = make_quote(4, A);
        quote[0] = 0x40 | words;
        error(4, 2, 1, 20);
        is_related(B);
        assert_int_equal(w.looked_for.dst_key, load_raw16(quote + words * 4));
    }
    len = make_quote(4, A);
    quote[0] = 0x4f;
    error(4, 2, 1, len);
    refused(WEIR_R_ICMP_QUOTE);
}

/* err-6 and err-8. */
static void test_quoted_icmp(void **state)
{
    struct build q;

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin(family);
        finds(family, B);
        packet_init(&q, family, BUILD_ICMP, A);
        q.l4.icmp.type = family == 4 ? 8 : 128;
        q.l4.icmp.rest = 0x1234 << 16;
        size_t len = build_make(&q, quote, sizeof(quote));

        error(family, ROUTER, 1, len);
        is_related(B);
        assert_int_equal(w.looked_for.src_key, BE16(0x1234));
        assert_int_equal(w.looked_for.dst_key, BE16(family == 4 ? 0 : 129 << 8));
        error(family, ROUTER, 1, len - 1);
        refused(WEIR_R_ICMP_QUOTE);
        q.l4.icmp.type = family == 4 ? 3 : 1;
        len = build_make(&q, quote, sizeof(quote));
        error(family, ROUTER, 1, len);
        refused(WEIR_R_ICMP_QUOTE);
    }
}

/* Extension headers of the quoted packet are stepped over. */
static void test_quoted_extensions(void **state)
{
    struct build q;

    (void)state;
    begin(6);
    finds(6, B);
    packet_init(&q, 6, BUILD_UDP, A);
    q.l4.udp.sport = 1000;
    assert_true(build_ext_add(&q, BUILD_PROTO_DSTOPT, (const uint8_t *)"\0\0\0\0\0\0", 6));
    assert_true(build_ext_frag(&q, 0, true, 5));
    error(6, ROUTER, 1, build_make(&q, quote, sizeof(quote)));
    is_related(B);
    assert_int_equal(w.looked_for.dst_key, BE16(1000));
    packet_init(&q, 6, BUILD_UDP, A);
    assert_true(build_ext_frag(&q, 1, false, 5));
    error(6, ROUTER, 1, build_make(&q, quote, sizeof(quote)));
    refused(WEIR_R_ICMP_QUOTE);
}

/* The zone that the packet's template asks for. */
static void test_zone(void **state)
{
    static const struct weir_template templ = {.zone = 5, .zone_dirs = 1u << WEIR_ORIG};

    (void)state;
    begin(4);
    finds(4, B);
    error(4, 2, 1, make_quote(4, A));
    is_related(B);
    assert_int_equal(zone_for(w.zone, w.zone_dirs, WEIR_ORIG), 0);
    w.raw.templ = &templ;
    is_related(B);
    assert_int_equal(zone_for(w.zone, w.zone_dirs, WEIR_ORIG), 5);
    assert_int_equal(zone_for(w.zone, w.zone_dirs, WEIR_REPLY), 0);
}

/* A capture that cut the quote: what is left decides. */
static void test_cut(void **state)
{
    static uint8_t bytes[512];

    (void)state;
    begin(4);
    finds(4, B);
    error(4, 2, 1, make_quote(4, A));
    size_t len = build_make(&b, bytes, sizeof(bytes));

    for (size_t have = 20 + 8; have <= len; have++) {
        uint8_t *exact = parse_packet(A, bytes, have, len);

        assert_true(proto_icmp.before(&w.track, &w.pkt));
        assert_int_equal(w.pkt.ctinfo,
                         have < 20 + 8 + 24 ? WEIR_CT_INVALID : WEIR_CT_RELATED_REPLY);
        free(exact);
    }
}

/* ---- ICMPv6 redirects ---- */

enum { REDIRECT_OPTIONS = 40 - 8 };

/* A redirect to A from a router on the link, whose first option is given; then follows the quote.
 */
static void redirect(uint8_t option, uint8_t length)
{
    static uint8_t body[REDIRECT_OPTIONS + 8 + sizeof(quote)];
    size_t len = make_quote(6, A);

    memset(body, 0, sizeof(body));
    body[REDIRECT_OPTIONS] = option;
    body[REDIRECT_OPTIONS + 1] = length;
    memcpy(body + REDIRECT_OPTIONS + 8, quote, len);
    build_init(&b, 6, BUILD_ICMP);
    b.src = (struct build_addr){{0xfe, 0x80, [15] = 1}};
    b.dst = host(6, 1);
    b.ttl = 255;
    b.l4.icmp.type = 137;
    b.data = (struct build_data){.bytes = body, .len = REDIRECT_OPTIONS + 8 + len};
}

static void test_redirect(void **state)
{
    (void)state;
    begin(6);
    finds(6, B);
    redirect(4, 7);
    is_related(B);
    redirect(4, 200); /* how long the option says it is does not matter, */
    is_related(B);
    redirect(4, 0); /* but nothing is not allowed */
    refused(WEIR_R_ICMP_QUOTE);
    redirect(2, 0);
    refused(WEIR_R_ICMP_QUOTE);
    redirect(2, 1); /* another option: an ordinary message */
    goes_on();
    redirect(4, 7);
    b.l4.icmp.code = 1;
    goes_on();
    redirect(4, 7);
    b.ttl = 254;
    refused(WEIR_R_ICMP_REDIRECT);
    redirect(4, 7);
    b.src = host(6, ROUTER);
    refused(WEIR_R_ICMP_REDIRECT);
    redirect(4, 7);
    b.dst = host(6, STRANGER);
    refused(WEIR_R_ICMP_ADDRESS);
}

/* fe80::/10 has ten bits. */
static void test_link_local(void **state)
{
    static const struct {
        uint8_t first, second;
        bool local;
    } prefixes[] = {{0xfe, 0x80, true},
                    {0xfe, 0xbf, true},
                    {0xfe, 0xc0, false},
                    {0xfe, 0x7f, false},
                    {0xff, 0x80, false}};

    (void)state;
    begin(6);
    finds(6, B);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(prefixes); i++) {
        redirect(4, 7);
        b.src.b[0] = prefixes[i].first;
        b.src.b[1] = prefixes[i].second;
        if (prefixes[i].local)
            is_related(B);
        else
            refused(WEIR_R_ICMP_REDIRECT);
    }
}

static void test_short_redirect(void **state)
{
    (void)state;
    begin(6);
    finds(6, B);
    for (size_t len = 8; len <= 8 + REDIRECT_OPTIONS + 8 + 44; len++) {
        redirect(4, 7);
        b.data.len = len - 8;
        if (len < 40)
            refused(WEIR_R_L4_SHORT);
        else if (len < 40 + 8 + 44)
            refused(WEIR_R_ICMP_QUOTE);
        else
            is_related(B);
        redirect(2, 1);
        b.data.len = len - 8;
        if (len < 40)
            refused(WEIR_R_L4_SHORT);
        else if (len < 42)
            refused(WEIR_R_ICMP_QUOTE);
        else
            goes_on();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types4),
        cmocka_unit_test(test_types6),
        cmocka_unit_test(test_short_and_wrong),
        cmocka_unit_test(test_packet),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_quote_unverified),
        cmocka_unit_test(test_quoted_icmp),
        cmocka_unit_test(test_quoted_extensions),
        cmocka_unit_test(test_zone),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_link_local),
        cmocka_unit_test(test_short_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
