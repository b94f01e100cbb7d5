/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting again. Rows are what a Linux 6.18 router sent for the same fragments; every piece's
 * header and data are checked. At last, pieces of random datagrams are gathered once more.
 */
#include "frag_fixture.h"
#include "packet/refrag.h"
#include "rng.h"

enum { NEW_ID = 0x76543210, CUTS = 6, PIECES = 8 };

static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* Gather a datagram of `len` bytes, cut at `cuts`. Bit n of `df`, `with_pre`: fragment n has it. */
struct whole_spec {
    uint32_t len, cuts[CUTS];
    unsigned df, with_pre;
    const uint8_t *pre;
    uint32_t pre_len;
    uint8_t pre_proto, proto;
    const uint8_t *data;
};

static void gather(struct lab *l, const struct whole_spec *w)
{
    enum frag_result result = FRAG_HELD;
    uint32_t from = 0;

    for (unsigned n = 0; from < w->len; n++) {
        uint32_t to = n < CUTS && w->cuts[n] ? w->cuts[n] : w->len;
        bool pre = w->with_pre >> n & 1;

        result = ADD(l, .from = from, .to = to, .more = to < w->len, .df = w->df >> n & 1,
                     .proto = w->proto, .pre = w->pre, .pre_len = pre ? w->pre_len : 0,
                     .pre_proto = w->pre_proto, .data = w->data);
        from = to;
    }
    assert_int_equal(result, FRAG_COMPLETE);
}

static enum refrag_result begin(struct lab *l, struct refrag *r, uint32_t mtu)
{
    return refrag_begin(r, l->out.ip.ip, l->out.ip.l3_len, &l->out.layout, mtu, NEW_ID);
}

/* --- IPv4 --- */

static const struct {
    const char *name;
    struct whole_spec whole;
    uint32_t mtu;
    enum refrag_result result;
    uint32_t pieces[PIECES]; /* bytes of data */
    bool df;                 /* on every piece */
} rows4[] = {
    {"same cuts", {3008, {1480, 2960}}, 1500, REFRAG_PIECES, {1480, 1480, 48}, false},
    {"smaller MTU", {3008, {1480, 2960}}, 1000, REFRAG_PIECES, {976, 976, 976, 80}, false},
    {"DF", {3008, {1480, 2960}, .df = 7}, 1000, REFRAG_TOO_BIG, {0}, false},
    {"DF, same cuts", {3008, {1480, 2960}, .df = 7}, 1500, REFRAG_PIECES, {1480, 1480, 48}, false},
    {"DF not on the largest",
     {3008, {1480, 2960}, .df = 4},
     1000,
     REFRAG_PIECES,
     {976, 976, 976, 80},
     false},
    {"DF on one of the largest", {3008, {1480, 2960}, .df = 2}, 1000, REFRAG_TOO_BIG, {0}, false},
    {"would fit whole", {600, {400}}, 1500, REFRAG_PIECES, {400, 200}, false},
    {"no MTU", {600, {400}}, 0, REFRAG_PIECES, {400, 200}, false},
    {"uneven cuts that fit", {1208, {400, 848}}, 500, REFRAG_PIECES, {400, 448, 360}, false},
    {"odd MTU", {1208, {600, 1000}}, 501, REFRAG_PIECES, {480, 480, 248}, false},
    {"last piece of odd length fits", {961, {600, 904}}, 501, REFRAG_PIECES, {480, 481}, false},
    {"largest above the MTU", {1208, {400, 848}}, 452, REFRAG_PIECES, {432, 432, 344}, false},
    {"largest below the MTU, DF",
     {1208, {400, 808}, .df = 7},
     452,
     REFRAG_PIECES,
     {400, 408, 400},
     false},
    {"long options first",
     {3008, {1400, 2880}, .pre = nops, .pre_len = 40, .with_pre = 1},
     1500,
     REFRAG_PIECES,
     {1440, 1440, 128},
     false},
    {"long options first, DF, cut anew",
     {3008, {1400, 2880}, .df = 2, .pre = nops, .pre_len = 40, .with_pre = 1},
     1500,
     REFRAG_PIECES,
     {1440, 1440, 128},
     true},
    {"long options first, DF on that alone",
     {3008, {1400, 2880}, .df = 1, .pre = nops, .pre_len = 40, .with_pre = 1},
     1500,
     REFRAG_PIECES,
     {1440, 1440, 128},
     false},
    {"long options later",
     {3008, {1480, 2920}, .pre = nops, .pre_len = 40, .with_pre = 2},
     1500,
     REFRAG_PIECES,
     {1480, 1440, 88},
     false},
    {"largest above the datagram",
     {1408, {8}, .df = 2, .pre = nops, .pre_len = 40, .with_pre = 2},
     1500,
     REFRAG_PIECES,
     {8, 1400},
     false},
    {"largest above the datagram, DF, MTU between",
     {1408, {8}, .df = 2, .pre = nops, .pre_len = 40, .with_pre = 2},
     1450,
     REFRAG_TOO_BIG,
     {0},
     false},
    {"TCP cut in its header", {600, {8}, .proto = PROTO_TCP}, 700, REFRAG_PIECES, {592, 8}, false},
    {"TCP cut in its header twice",
     {600, {8, 400}, .proto = PROTO_TCP},
     700,
     REFRAG_PIECES,
     {392, 208},
     false},
    {"TCP cut in its header, DF",
     {600, {8, 400}, .df = 7, .proto = PROTO_TCP},
     700,
     REFRAG_PIECES,
     {392, 208},
     true},
    {"TCP cut behind its header",
     {600, {24}, .proto = PROTO_TCP},
     700,
     REFRAG_PIECES,
     {24, 576},
     false},
    {"TCP cut to one piece",
     {1408, {8}, .df = 2, .proto = PROTO_TCP, .pre = nops, .pre_len = 40, .with_pre = 2},
     1500,
     REFRAG_PIECES,
     {1408},
     true},
    {"an MTU no link has", {64, {48}}, 1, REFRAG_PIECES, {48, 16}, false},
};

static void check_pieces4(struct refrag *r, const uint32_t *pieces, uint32_t hlen, bool df)
{
    uint32_t at = 0, len;

    for (int n = 0; n < PIECES && pieces[n]; n++) {
        const uint8_t *p = refrag_next(r, &len);
        bool last = n + 1 == PIECES || !pieces[n + 1];

        assert_non_null(p);
        assert_int_equal(len, hlen + pieces[n]);
        assert_int_equal(p[0], 0x40 | hlen / 4);
        assert_int_equal(wire_get16(p + 2), len);
        assert_int_equal(wire_get16(p + 4), BASE_ID);
        assert_int_equal(wire_get16(p + 6), at / 8 | (last ? 0 : 0x2000u) | (df ? 0x4000u : 0));
        assert_int_equal(p[8], BASE_TTL);
        assert_int_equal(checksum_fold(checksum_add(0, p, hlen)), 0xffff);
        for (uint32_t i = 0; i < pieces[n]; i++)
            assert_int_equal(p[hlen + i], pattern(at + i));
        at += pieces[n];
    }
    assert_null(refrag_next(r, &len));
    assert_null(refrag_next(r, &len));
}

static void test_rows4(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows4); i++) {
        struct refrag r;
        struct lab l;

        lab_open(&l, 4, 0);
        gather(&l, &rows4[i].whole);
        if (begin(&l, &r, rows4[i].mtu) != rows4[i].result)
            fail_msg("%s: wrong result", rows4[i].name);
        if (rows4[i].result == REFRAG_PIECES)
            check_pieces4(&r, rows4[i].pieces, l.out.ip.l4_off, rows4[i].df);
        else
            assert_int_equal(r.mtu, rows4[i].mtu);
        lab_close(&l);
    }
}

/* Options without the copied flag stay in the first piece only. */
static void test_options(void **state)
{
    static const struct {
        uint8_t len, first[12], later[12];
    } rows[] = {
        {4, {0x94, 4, 0, 0}, {0x94, 4, 0, 0}},
        {8, {0x44, 8, 5, 0}, {1, 1, 1, 1, 1, 1, 1, 1}},
        {8, {7, 7, 8, 10, 0, 1, 1, 0}, {1, 1, 1, 1, 1, 1, 1, 0}},
        {12, {1, 0x1e, 4, 1, 2, 1, 0x9e, 4, 1, 2}, {1, 1, 1, 1, 1, 1, 0x9e, 4, 1, 2}},
        {4, {0x1e, 2, 0x1e, 2}, {1, 1, 1, 1}},
        {8, {0x1e, 4, 0, 0, 0x1e, 9, 1, 1}, {1, 1, 1, 1, 0x1e, 9, 1, 1}}, /* too long: left alone */
        {4, {0x1e, 0, 1, 1}, {0x1e, 0, 1, 1}},
        {4, {1, 1, 1, 0x1e}, {1, 1, 1, 0x1e}},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (uint32_t mtu = 300; mtu <= 1500; mtu += 1200) {
            uint32_t hlen = 20 + rows[i].len, len;
            struct whole_spec w = {
                1200, {400, 808}, .pre = rows[i].first, .pre_len = rows[i].len, .with_pre = 7};
            struct refrag r;
            struct lab l;
            const uint8_t *p;

            lab_open(&l, 4, 0);
            gather(&l, &w);
            assert_int_equal(begin(&l, &r, mtu), REFRAG_PIECES);
            for (unsigned n = 0; (p = refrag_next(&r, &len)); n++) {
                assert_memory_equal(p + 20, n ? rows[i].later : rows[i].first, rows[i].len);
                assert_int_equal(checksum_fold(checksum_add(0, p, hlen)), 0xffff);
            }
            lab_close(&l);
        }
}

/* A packet that was never gathered. */
static void test_whole4(void **state)
{
    static const uint8_t options[8] = {0x1e, 4, 1, 2, 0x9e, 4, 3, 4};
    static const uint8_t blanked[8] = {1, 1, 1, 1, 0x9e, 4, 3, 4};
    struct fragment_spec spec = {.to = 1208, .pre = options, .pre_len = 8};
    struct parsed p;
    struct refrag r;
    uint32_t len;
    uint8_t *packet = spec_packet(4, &spec, &p), *piece;

    (void)state;
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 1236, 0), REFRAG_WHOLE);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 0, 0), REFRAG_WHOLE);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 1235, 0), REFRAG_PIECES);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 700, 0), REFRAG_PIECES);
    piece = refrag_next(&r, &len);
    assert_int_equal(len, 700);
    assert_memory_equal(piece + 20, options, 8);
    piece = refrag_next(&r, &len);
    assert_int_equal(len, 28 + 536);
    assert_memory_equal(piece + 20, blanked, 8);
    assert_null(refrag_next(&r, &len));
    free(packet);

    /* A fragment that nobody gathered: offsets go on from its own, options are as they are. */
    spec.from = 800;
    spec.to = 2008;
    spec.more = true;
    packet = spec_packet(4, &spec, &p);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 700, 0), REFRAG_PIECES);
    piece = refrag_next(&r, &len);
    assert_int_equal(wire_get16(piece + 6), 0x2000 | 800 / 8);
    piece = refrag_next(&r, &len);
    assert_int_equal(wire_get16(piece + 6), 0x2000 | (800 + 672) / 8);
    assert_memory_equal(piece + 20, options, 8);
    free(packet);

    spec.df = true;
    packet = spec_packet(4, &spec, &p);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 1236, 0), REFRAG_WHOLE);
    assert_int_equal(refrag_begin(&r, packet, p.l3_len, NULL, 1235, 0), REFRAG_TOO_BIG);
    assert_int_equal(r.mtu, 1235);
    free(packet);
}

/* What was rewritten had to be in one piece: cuts below are gone, and a crooked one spoils all. */
static void test_touched(void **state)
{
    static const struct {
        uint32_t touched, pieces[PIECES];
    } rows[] = {
        {0, {8, 16, 400, 176}}, {28, {8, 16, 400, 176}}, {36, {16, 8, 400, 176}},
        {44, {24, 400, 176}},   {60, {40, 384, 176}},    {40, {400, 200}},
        {1000, {400, 200}},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct whole_spec w = {600, {8, 24, 424}};
        struct refrag r;
        struct lab l;

        lab_open(&l, 4, 0);
        gather(&l, &w);
        frag_touch(&l.out.layout, rows[i].touched);
        assert_int_equal(begin(&l, &r, 1500), REFRAG_PIECES);
        check_pieces4(&r, rows[i].pieces, 20, false);
        lab_close(&l);
    }
}

/* Rewritten to its end, nothing is left of the cuts: one piece cut anew, so it has its DF. */
static void test_touched_all(void **state)
{
    struct whole_spec w = {20, {8}, .df = 2, .pre = nops, .pre_len = 40, .with_pre = 2};
    const uint32_t pieces[PIECES] = {20};
    struct refrag r;
    struct lab l;

    (void)state;
    lab_open(&l, 4, 0);
    gather(&l, &w);
    frag_touch(&l.out.layout, 40);
    assert_int_equal(begin(&l, &r, 1500), REFRAG_PIECES);
    check_pieces4(&r, pieces, 20, true);
    lab_close(&l);
}

/* --- IPv6 --- */

static uint8_t ext8[8] = {PROTO_FRAGMENT, 0, 0x1e, 4};
static uint8_t ext80[80] = {PROTO_FRAGMENT, 9, 0x1e, 76};
static uint8_t chain24[24] = {PROTO_DSTOPTS,  0, 0x1e, 4, 0, 0, 0, 0,
                              PROTO_ROUTING,  0, 0x1e, 4, 0, 0, 0, 0,
                              PROTO_FRAGMENT, 0, 253};
static uint8_t route_dst16[16] = {PROTO_DSTOPTS, 0, 253, 0, 0, 0, 0, 0, PROTO_FRAGMENT, 0, 0x1e, 4};

static const struct {
    const char *name;
    struct whole_spec whole;
    uint32_t mtu;
    enum refrag_result result;
    uint32_t told; /* too big: this MTU */
    uint32_t head; /* of every piece */
    uint32_t pieces[PIECES];
} rows6[] = {
    {"same cuts", {2608, {1448}}, 1500, REFRAG_PIECES, 0, 48, {1448, 1160}},
    {"no MTU", {2608, {1448}}, 0, REFRAG_PIECES, 0, 48, {1448, 1160}},
    {"fits in what the largest was", {1456, {1448}}, 1500, REFRAG_WHOLE, 0, 0, {0}},
    {"a byte too much", {1457, {1448}}, 1500, REFRAG_PIECES, 0, 48, {1448, 9}},
    {"small ones", {1008, {400, 800}}, 1500, REFRAG_PIECES, 0, 48, {400, 400, 208}},
    {"largest above the MTU", {2608, {1448}}, 1280, REFRAG_TOO_BIG, 1280, 0, {0}},
    {"largest is the MTU", {2608, {1232, 2464}}, 1280, REFRAG_PIECES, 0, 48, {1232, 1232, 144}},
    {"an MTU below IPv6's", {2608, {1232, 2464}}, 600, REFRAG_PIECES, 0, 48, {1232, 1232, 144}},
    {"fits, but not with a fragment header", {1456, {1448}}, 1280, REFRAG_TOO_BIG, 1280, 0, {0}},
    {"lone", {1240, {0}}, 1280, REFRAG_WHOLE, 0, 0, {0}},
    {"hop-by-hop options",
     {1400, {400, 800}, .pre = ext8, .pre_len = 8, .with_pre = 7, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     56,
     {400, 400, 600}},
    {"only in fragment 0",
     {1400, {400, 800}, .pre = ext8, .pre_len = 8, .with_pre = 1, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     56,
     {400, 400, 600}},
    {"only in a later one",
     {1400, {400, 800}, .pre = ext8, .pre_len = 8, .with_pre = 2, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     48,
     {400, 400, 600}},
    {"no room for fragment 0's",
     {2608, {1000, 2400}, .pre = ext80, .pre_len = 80, .with_pre = 1, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     128,
     {1320, 1288}},
    {"no room for fragment 0's, small",
     {2608, {1000, 2000}, .pre = ext80, .pre_len = 80, .with_pre = 1, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     128,
     {1152, 1152, 304}},
    {"options, options, routing",
     {1400, {400, 800}, .pre = chain24, .pre_len = 24, .with_pre = 7, .pre_proto = PROTO_HOPOPTS},
     1500,
     REFRAG_PIECES,
     0,
     72,
     {400, 400, 600}},
    {"options behind routing are data",
     {1400,
      {400, 800},
      .pre = route_dst16,
      .pre_len = 16,
      .with_pre = 7,
      .pre_proto = PROTO_ROUTING},
     1500,
     REFRAG_PIECES,
     0,
     56,
     {408, 400, 600}},
};

static void check_pieces6(struct refrag *r, const uint8_t *whole, uint32_t head,
                          const uint32_t *pieces)
{
    uint32_t at = 0, len, named = 6, begin = head - 8;
    uint8_t next;

    for (uint32_t off = 40; off < begin; off += (whole[off + 1] + 1u) * 8)
        named = off;
    next = whole[named];
    for (int n = 0; n < PIECES && pieces[n]; n++) {
        const uint8_t *p = refrag_next(r, &len);
        bool last = n + 1 == PIECES || !pieces[n + 1];

        assert_non_null(p);
        assert_int_equal(len, head + pieces[n]);
        assert_int_equal(wire_get16(p + 4), len - 40);
        for (uint32_t i = 0; i < begin; i++)
            if (i != 4 && i != 5)
                assert_int_equal(p[i], i == named ? PROTO_FRAGMENT : whole[i]);
        assert_int_equal(p[begin], next);
        assert_int_equal(p[begin + 1], 0);
        assert_int_equal(wire_get16(p + begin + 2), at | !last);
        assert_int_equal(wire_get32(p + begin + 4), NEW_ID);
        assert_memory_equal(p + head, whole + begin + at, pieces[n]);
        at += pieces[n];
    }
    assert_null(refrag_next(r, &len));
}

static void test_rows6(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows6); i++) {
        uint8_t whole[4096];
        struct refrag r;
        struct lab l;

        lab_open(&l, 6, 0);
        gather(&l, &rows6[i].whole);
        memcpy(whole, l.out.ip.ip, l.out.ip.l3_len);
        if (begin(&l, &r, rows6[i].mtu) != rows6[i].result)
            fail_msg("%s: wrong result", rows6[i].name);
        assert_memory_equal(whole, l.out.ip.ip, l.out.ip.l3_len);
        if (rows6[i].result == REFRAG_PIECES)
            check_pieces6(&r, whole, rows6[i].head, rows6[i].pieces);
        if (rows6[i].result == REFRAG_TOO_BIG)
            assert_int_equal(r.mtu, rows6[i].told);
        lab_close(&l);
    }
}

/* Extension headers behind the fragment header become part of what every piece repeats. */
static void test_moved6(void **state)
{
    static uint8_t data[1400] = {PROTO_EXPERIMENT, 3, 0x1e, 28};
    struct whole_spec w = {1400, {600, 1000}, .proto = PROTO_DSTOPTS, .data = data};
    const uint32_t pieces[PIECES] = {568, 400, 400};
    uint8_t whole[1440];
    struct refrag r;
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    gather(&l, &w);
    memcpy(whole, l.out.ip.ip, sizeof(whole));
    assert_int_equal(begin(&l, &r, 1500), REFRAG_PIECES);
    check_pieces6(&r, whole, 40 + 32 + 8, pieces);
    /* Its first fragment ended inside them: Linux cannot send it. */
    data[0] = PROTO_DSTOPTS;
    data[1] = 50;
    w.cuts[0] = 16;
    gather(&l, &w);
    assert_int_equal(begin(&l, &r, 1500), REFRAG_BROKEN);
    /* Nothing but them, and no upper layer: too little room behind them for any data. */
    data[0] = PROTO_NONE;
    data[1] = 160;
    w.cuts[0] = 161 * 8;
    w.cuts[1] = 0;
    gather(&l, &w);
    assert_int_equal(begin(&l, &r, 1500), REFRAG_TOO_BIG);
    assert_int_equal(r.mtu, 48 + 161 * 8);
    /* With more room, the first piece is all header. */
    const uint32_t lengths[] = {64, 64 + 400, 64 + 984};
    uint32_t len;

    data[1] = 1;
    w.cuts[0] = 16;
    w.cuts[1] = 416;
    gather(&l, &w);
    assert_int_equal(begin(&l, &r, 1500), REFRAG_PIECES);
    for (int n = 0; n < 3; n++) {
        const uint8_t *piece = refrag_next(&r, &len);

        assert_non_null(piece);
        assert_int_equal(len, lengths[n]);
        assert_int_equal(wire_get16(piece + 58), (n < 2 ? 0 : 400) | (n < 2));
    }
    assert_null(refrag_next(&r, &len));
    lab_close(&l);
}

/* Packets that came whole are cut only for this host's own sake. */
static void test_whole6(void **state)
{
    struct frag_layout own = {.largest = 1400};
    const uint32_t pieces[PIECES] = {1352, 648};
    struct fragment_spec spec = {.to = 2000};
    struct parsed p;
    struct refrag r;
    uint8_t whole[2040], *packet = spec_packet(6, &spec, &p);

    (void)state;
    /* The fixture's fragment header makes room in front of the packet without it. */
    memmove(packet + 8, packet, 40);
    packet += 8;
    packet[6] = PROTO_EXPERIMENT;
    wire_put16(packet + 4, 2000);
    memcpy(whole, packet, sizeof(whole));
    assert_int_equal(refrag_begin(&r, packet, 2040, NULL, 2040, NEW_ID), REFRAG_WHOLE);
    assert_int_equal(refrag_begin(&r, packet, 2040, NULL, 1400, NEW_ID), REFRAG_TOO_BIG);
    assert_int_equal(r.mtu, 1400);
    assert_int_equal(refrag_begin(&r, packet, 2040, &own, 1400, NEW_ID), REFRAG_PIECES);
    check_pieces6(&r, whole, 48, pieces);
    free(packet - 8);
}

/* --- there and back --- */

/* Gather, cut for a random MTU, gather the pieces in another store: the same datagram. */
static void round_trip(uint8_t family, struct rng *rng, struct lab *here, struct lab *there)
{
    struct whole_spec w = {.len = rng_range(rng, 40, rng_one_in(rng, 20) ? 65000 : 6000)};
    struct parsed p;
    struct refrag r;
    uint8_t before[FRAG_DATAGRAM_MAX], *piece;
    uint32_t len, head = family == 4 ? 20 : 40;
    struct frag_scope scope = {0};

    for (unsigned n = 0, at = 0; n < CUTS; n++) {
        at += rng_range(rng, 1, 200) * 8;
        if (at >= w.len)
            break;
        w.cuts[n] = at;
    }
    if (family == 4 && !w.cuts[0])
        return;
    gather(here, &w);
    memcpy(before, here->out.ip.ip, here->out.ip.l3_len);
    if (begin(here, &r, rng_range(rng, 68, 3000)) != REFRAG_PIECES)
        return;
    there->out.ip.l3_len = 0;
    while ((piece = refrag_next(&r, &len))) {
        assert_int_equal(parse_ip(&p, piece, len, len), WEIR_R_NONE);
        assert_true(frag_wants(&p));
        frag_add(&there->frag, there->now, &p, &scope, &there->out);
    }
    assert_int_equal(there->out.reason, WEIR_R_NONE);
    assert_int_equal(there->out.ip.l3_len, head + w.len);
    assert_memory_equal(there->out.ip.ip + head, before + head, w.len);
}

static void test_round_trips(void **state)
{
    struct lab here, there;
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (uint8_t family = 4; family <= 6; family += 2) {
        lab_open(&here, family, 0);
        lab_open(&there, family, 0);
        for (int i = 0; i < 1000; i++)
            round_trip(family, &rng, &here, &there);
        lab_close(&here);
        lab_close(&there);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows4),       cmocka_unit_test(test_options),
        cmocka_unit_test(test_whole4),      cmocka_unit_test(test_touched),
        cmocka_unit_test(test_touched_all), cmocka_unit_test(test_rows6),
        cmocka_unit_test(test_moved6),      cmocka_unit_test(test_whole6),
        cmocka_unit_test(test_round_trips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
