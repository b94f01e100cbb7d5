/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathering. The tables hold what a Linux 6.18 kernel was seen to do with the same fragments; what
 * it charges for them likewise. A slow twin, which keeps fragments in a list and looks at every
 * byte, checks the pages on random input.
 */
#include "frag_fixture.h"
#include "rng.h"

#define SECOND WEIR_TICKS_PER_SEC

/* --- what fits and what does not --- */

/* What becomes of a fragment: a letter of `fate`, for each family. */
struct step {
    uint32_t from, to;
    bool more;
    char v4, v6;
};

static const struct {
    char letter;
    enum frag_result result;
    enum weir_reason reason;
} fates[] = {
    {'h', FRAG_HELD, WEIR_R_FRAG_WAIT},       {'d', FRAG_DROPPED, WEIR_R_FRAG_DUPLICATE},
    {'o', FRAG_DROPPED, WEIR_R_FRAG_OVERLAP}, {'e', FRAG_DROPPED, WEIR_R_FRAG_END},
    {'z', FRAG_DROPPED, WEIR_R_FRAG_EMPTY},   {'l', FRAG_DROPPED, WEIR_R_FRAG_TOO_LONG},
    {'c', FRAG_COMPLETE, WEIR_R_NONE},        {'p', FRAG_PASS, WEIR_R_NONE},
};

static const struct {
    const char *name;
    struct step steps[6];
} sequences[] = {
    {"in order", {{0, 32, 1, 'h', 'h'}, {32, 64, 0, 'c', 'c'}}},
    {"backwards", {{32, 64, 0, 'h', 'h'}, {0, 32, 1, 'c', 'c'}}},
    {"last one is short", {{32, 61, 0, 'h', 'h'}, {0, 32, 1, 'c', 'c'}}},
    {"duplicate", {{0, 32, 1, 'h', 'h'}, {0, 32, 1, 'd', 'd'}, {32, 64, 0, 'c', 'c'}}},
    {"inside a run",
     {{0, 16, 1, 'h', 'h'}, {16, 32, 1, 'h', 'h'}, {8, 24, 1, 'd', 'd'}, {32, 64, 0, 'c', 'c'}}},
    {"inside two runs that meet",
     {{16, 32, 1, 'h', 'h'}, {0, 16, 1, 'h', 'h'}, {8, 24, 1, 'o', 'o'}, {32, 64, 0, 'h', 'h'}}},
    {"all of what came, in three runs",
     {{0, 8, 1, 'h', 'h'}, {16, 24, 1, 'h', 'h'}, {8, 16, 1, 'h', 'h'}, {0, 24, 1, 'o', 'o'}}},
    {"one of three runs again",
     {{0, 8, 1, 'h', 'h'},
      {16, 24, 1, 'h', 'h'},
      {8, 16, 1, 'h', 'h'},
      {8, 16, 1, 'd', 'd'},
      {24, 64, 0, 'c', 'c'}}},
    {"a duplicate says where the end is, but completes nothing",
     {{0, 32, 1, 'h', 'h'}, {32, 64, 1, 'h', 'h'}, {32, 64, 0, 'd', 'd'}, {64, 72, 1, 'e', 'e'}}},
    {"a duplicate said where the end is",
     {{8, 32, 1, 'h', 'h'}, {24, 32, 0, 'd', 'd'}, {0, 8, 1, 'c', 'c'}}},
    {"partial overlap starts over",
     {{0, 32, 1, 'h', 'h'}, {24, 48, 1, 'o', 'o'}, {0, 32, 1, 'h', 'h'}}},
    {"covers all and more", {{8, 16, 1, 'h', 'h'}, {0, 24, 1, 'o', 'o'}}},
    {"second end, shorter", {{32, 64, 0, 'h', 'h'}, {32, 56, 0, 'e', 'e'}, {0, 32, 1, 'h', 'c'}}},
    {"second end, longer", {{32, 56, 0, 'h', 'h'}, {32, 64, 0, 'e', 'e'}, {0, 32, 1, 'h', 'c'}}},
    {"the same end", {{32, 64, 0, 'h', 'h'}, {32, 64, 0, 'd', 'd'}, {0, 32, 1, 'c', 'c'}}},
    {"data beyond the end", {{32, 56, 0, 'h', 'h'}, {48, 64, 1, 'e', 'e'}, {0, 32, 1, 'h', 'c'}}},
    {"data up to the end", {{32, 56, 0, 'h', 'h'}, {24, 56, 1, 'o', 'o'}}},
    {"end before data", {{0, 32, 1, 'h', 'h'}, {16, 24, 0, 'e', 'e'}, {32, 64, 0, 'h', 'c'}}},
    {"odd length", {{0, 36, 1, 'h', 'p'}, {32, 64, 0, 'c', 'h'}}},
    {"odd length later", {{0, 32, 1, 'h', 'h'}, {32, 44, 1, 'h', 'p'}, {40, 64, 0, 'c', 'h'}}},
    {"odd length below 8", {{0, 32, 1, 'h', 'h'}, {32, 36, 1, 'z', 'p'}, {32, 64, 0, 'h', 'h'}}},
    {"empty", {{0, 32, 1, 'h', 'h'}, {32, 32, 1, 'z', 'z'}, {32, 64, 0, 'h', 'c'}}},
    {"empty and last", {{0, 32, 1, 'h', 'h'}, {32, 32, 0, 'z', 'z'}, {32, 64, 0, 'h', 'e'}}},
    {"empty said where the end is",
     {{0, 8, 1, 'h', 'h'}, {32, 32, 0, 'z', 'z'}, {8, 32, 1, 'h', 'c'}}},
    {"empty beyond the end", {{0, 32, 1, 'h', 'h'}, {64, 64, 1, 'z', 'z'}, {32, 56, 0, 'h', 'e'}}},
    {"too long", {{0, 32, 1, 'h', 'h'}, {65528, 65536, 1, 'h', 'l'}, {32, 64, 0, 'e', 'c'}}},
};

static void check_sequence(uint8_t family, size_t n)
{
    struct lab l;
    char expected[8] = "", seen[8] = "";

    lab_open(&l, family, 0);
    for (size_t i = 0; i < 6 && sequences[n].steps[i].v4; i++) {
        const struct step *s = &sequences[n].steps[i];
        enum frag_result result = ADD(&l, .from = s->from, .to = s->to, .more = s->more);

        expected[i] = family == 4 ? s->v4 : s->v6;
        seen[i] = '?';
        for (size_t k = 0; k < WEIR_ARRAY_LEN(fates); k++)
            if (fates[k].result == result && fates[k].reason == l.out.reason)
                seen[i] = fates[k].letter;
        if (result == FRAG_COMPLETE)
            assert_datagram(&l, family == 4 ? 20 : 40, l.out.ip.l3_len - (family == 4 ? 20 : 40));
    }
    if (strcmp(expected, seen))
        fail_msg("IPv%d, %s: expected %s, got %s", family, sequences[n].name, expected, seen);
    lab_close(&l);
}

static void test_sequences(void **state)
{
    (void)state;
    for (size_t n = 0; n < WEIR_ARRAY_LEN(sequences); n++) {
        check_sequence(4, n);
        check_sequence(6, n);
    }
}

/* IPv6, RFC 6946: a lone fragment is complete at once, unless it meets others of its id. */
static void test_lone(void **state)
{
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    assert_int_equal(ADD(&l, 0, 64), FRAG_COMPLETE);
    assert_datagram(&l, 40, 64);
    assert_int_equal(l.out.ip.ip[6], PROTO_EXPERIMENT);
    assert_int_equal(l.out.layout.largest, 48 + 64);
    assert_int_equal(l.frag.used, 0);
    assert_int_equal(ADD(&l, 0, 32, true), FRAG_HELD);
    assert_int_equal(ADD(&l, 0, 64), FRAG_DROPPED);
    assert_int_equal(l.out.reason, WEIR_R_FRAG_OVERLAP);
    lab_close(&l);
}

/* --- the datagram --- */

static void test_header4(void **state)
{
    static const uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0}, none[4] = {1, 1, 1, 0};
    struct lab l;

    (void)state;
    lab_open(&l, 4, 0);
    ADD(&l, 32, 64, .ttl = 20, .tos = 0x40, .pre = none, .pre_len = 4);
    assert_int_equal(ADD(&l, 0, 32, true, .ttl = 40, .tos = 0x10, .pre = options, .pre_len = 8),
                     FRAG_COMPLETE);
    assert_datagram(&l, 28, 64);
    assert_int_equal(l.out.ip.ip[8], 40);
    assert_int_equal(l.out.ip.ip[1], 0x10);
    assert_int_equal(wire_get16(l.out.ip.ip + 4), BASE_ID);
    assert_memory_equal(l.out.ip.ip + 20, options, 8);
    assert_int_equal(l.out.layout.largest, 28 + 32);
    assert_int_equal(l.out.layout.data_at, 28);
    assert_int_equal(l.out.layout.cuts[0], 1u << 0 | 1u << 4);
    lab_close(&l);
}

/* DF is kept if a fragment as large as the largest had it. */
static void test_df(void **state)
{
    static const struct {
        bool first, second, gathered;
        uint32_t cut;
    } rows[] = {{false, false, false, 400},      {true, true, true, 400},
                {true, false, true, 600},        {true, false, false, 400},
                {false, true, true, 400},        {false, true, false, 600},
                {true, false, true, 500 / 8 * 8}};
    struct lab l;

    (void)state;
    lab_open(&l, 4, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        uint32_t end = i == 6 ? 2 * rows[i].cut : 1000;

        ADD(&l, 0, rows[i].cut, true, .df = rows[i].first);
        assert_int_equal(ADD(&l, rows[i].cut, end, .df = rows[i].second), FRAG_COMPLETE);
        assert_int_equal(wire_get16(l.out.ip.ip + 6), rows[i].gathered ? 0x4000 : 0);
        assert_int_equal(l.out.layout.largest,
                         20 + (rows[i].cut > end / 2 ? rows[i].cut : end - rows[i].cut));
    }
    lab_close(&l);
}

/* The largest datagrams, and one byte more. The IPv4 limit counts fragment 0's options. */
static void test_longest(void **state)
{
    static const uint8_t options[4] = {1, 1, 1, 1};
    struct lab l;

    (void)state;
    lab_open(&l, 4, FRAG_BUDGET);
    ADD(&l, 0, 32768, true);
    assert_int_equal(ADD(&l, 32768, 65515), FRAG_COMPLETE);
    assert_datagram(&l, 20, 65515);
    ADD(&l, 0, 32768, true);
    assert_int_equal(ADD(&l, 32768, 65516), FRAG_DROPPED);
    assert_int_equal(l.out.reason, WEIR_R_FRAG_TOO_LONG);
    assert_int_equal(l.frag.used, 0);
    ADD(&l, 0, 32768, true, .pre = options, .pre_len = 4);
    assert_int_equal(ADD(&l, 32768, 65512), FRAG_DROPPED);
    ADD(&l, 0, 32768, true);
    assert_int_equal(ADD(&l, 32768, 65512, .pre = options, .pre_len = 4), FRAG_COMPLETE);
    lab_close(&l);
    lab_open(&l, 6, FRAG_BUDGET);
    ADD(&l, 0, 32768, true);
    assert_int_equal(ADD(&l, 32768, 65535), FRAG_COMPLETE);
    assert_datagram(&l, 40, 65535);
    lab_close(&l);
}

/* RFC 3168, 5.3, all mixtures of the four code points, as bits 1 << ECN. */
static void test_ecn(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct lab l;

        lab_open(&l, family, 0);
        for (unsigned mix = 1; mix < 16; mix++) {
            unsigned first = (unsigned)__builtin_ctz(mix);
            enum frag_result result = FRAG_HELD;

            for (unsigned i = 0; i < 4; i++) {
                uint8_t ecn = (uint8_t)(mix >> i & 1 ? i : first);

                result = ADD(&l, .from = i * 8, .to = i * 8 + 8, .more = i < 3, .tos = 0x40 | ecn);
            }
            if ((mix & 1) && mix != 1) {
                assert_int_equal(result, FRAG_DROPPED);
                assert_int_equal(l.out.reason, WEIR_R_FRAG_ECN);
                continue;
            }
            uint8_t fragment_0 = (uint8_t)(mix & 1 ? 0 : first);
            uint8_t expected = 0x40 | (mix & 8 ? 3 : fragment_0);
            const uint8_t *ip = l.out.ip.ip;

            assert_int_equal(result, FRAG_COMPLETE);
            assert_int_equal(family == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4), expected);
        }
        assert_int_equal(l.frag.used, 0);
        lab_close(&l);
    }
}

/* IPv6: extension headers before the fragment header are fragment 0's, the fragment header goes. */
static void test_chain6(void **state)
{
    uint8_t pre[8 + 24 + 256 * 8] = {PROTO_DSTOPTS, 0, 1, 4};
    const uint32_t lengths[] = {8, 8 + 24, 8 + 24 + 256 * 8};
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    pre[8] = PROTO_ROUTING;
    pre[9] = 2;
    pre[32] = PROTO_FRAGMENT;
    pre[33] = 255;
    for (uint32_t i = 34; i < sizeof(pre); i++)
        pre[i] = (uint8_t)(i * 3);
    for (size_t i = 0; i < 3; i++) {
        uint32_t n = lengths[i], named = n == 8 ? 0 : n == 32 ? 8 : 32;
        uint8_t chain[sizeof(pre)];

        memcpy(chain, pre, n);
        chain[named] = PROTO_FRAGMENT;
        ADD(&l, 600, 1000);
        assert_int_equal(
            ADD(&l, 0, 600, true, .pre = chain, .pre_len = n, .pre_proto = PROTO_HOPOPTS),
            FRAG_COMPLETE);
        chain[named] = PROTO_EXPERIMENT;
        assert_datagram(&l, 40 + n, 1000);
        assert_memory_equal(l.out.ip.ip + 40, chain, n);
        assert_int_equal(l.out.ip.proto, PROTO_EXPERIMENT);
        assert_int_equal(l.out.ip.l4_off, 40 + n);
        assert_int_equal(l.out.layout.largest, 48 + n + 600);
        assert_int_equal(l.frag.pages.slab.count, 0);
    }
    lab_close(&l);
}

/* RFC 8200, 4.5: IPv6's fragment 0 must have all headers, or it is not gathered. */
static void test_headers6(void **state)
{
    static const struct {
        uint8_t proto, bytes[16];
        uint8_t len;
        bool more, gathered;
    } rows[] = {
        {PROTO_TCP, {0}, 8, true, false},
        {PROTO_TCP, {0}, 16, true, false},
        {PROTO_UDP, {0}, 8, true, true},
        {PROTO_UDP, {0}, 4, false, false},
        {PROTO_ICMPV6, {128}, 8, true, true},
        {PROTO_EXPERIMENT, {0}, 8, true, true},
        {PROTO_EXPERIMENT, {0}, 0, true, false},
        {PROTO_SCTP, {0}, 8, true, true},
        {PROTO_NONE, {0}, 8, true, true},
        {PROTO_DSTOPTS, {PROTO_UDP, 0}, 8, true, false},
        {PROTO_DSTOPTS, {PROTO_UDP, 0}, 16, true, true},
        {PROTO_DSTOPTS, {PROTO_UDP, 2}, 8, true, false},
        {PROTO_DSTOPTS, {PROTO_DSTOPTS, 2}, 8, true, true}, /* cannot be followed */
        {PROTO_DSTOPTS, {PROTO_DSTOPTS, 0}, 8, true, true},
        {PROTO_DSTOPTS, {PROTO_NONE, 0}, 8, true, true},
        {PROTO_DSTOPTS, {PROTO_EXPERIMENT, 0}, 8, true, false},
        {PROTO_FRAGMENT, {PROTO_UDP, 0, 0, 0}, 8, true, false},
        {PROTO_FRAGMENT, {PROTO_UDP, 0, 0, 8}, 8, true, true}, /* a later fragment in it */
        {PROTO_AH, {PROTO_UDP, 1}, 16, true, false},
    };
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        enum frag_result result =
            ADD(&l, .to = rows[i].len, .more = rows[i].more, .proto = rows[i].proto,
                .data = rows[i].bytes, .id = (uint16_t)i);

        if ((result != FRAG_PASS) != rows[i].gathered)
            fail_msg("row %zu: result %d", i, result);
    }
    lab_close(&l);
}

/* How far Linux needs the datagram in one buffer: IPv4's TCP header where it looks for a socket. */
static void test_contiguous(void **state)
{
    struct lab l;

    (void)state;
    lab_open(&l, 4, 0);
    ADD(&l, 0, 8, true, .proto = PROTO_TCP);
    ADD(&l, 8, 64, .proto = PROTO_TCP);
    assert_int_equal(l.out.layout.contiguous, 40);
    ADD(&l, 0, 8, true, .proto = PROTO_TCP);
    ADD(&l, 8, 16, .proto = PROTO_TCP);
    assert_int_equal(l.out.layout.contiguous, 0);
    ADD(&l, 0, 8, true, .proto = PROTO_TCP, .scope.stage = FRAG_LOCAL_OUT);
    ADD(&l, 8, 64, .proto = PROTO_TCP, .scope.stage = FRAG_LOCAL_OUT);
    assert_int_equal(l.out.layout.contiguous, 0);
    lab_close(&l);
}

/* What a capture left off reads as zero, and the datagram ends there for those who look. */
static void test_cut(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        uint32_t head = family == 4 ? 20 : 40;
        struct lab l;

        lab_open(&l, family, 0);
        ADD(&l, 0, 1000, true, .cut = 300);
        assert_int_equal(ADD(&l, 1000, 1500), FRAG_COMPLETE);
        assert_true(l.out.ip.cut);
        assert_int_equal(l.out.ip.have, head + 700);
        assert_int_equal(l.out.ip.l3_len, head + 1500);
        for (uint32_t at = 0; at < 1500; at++)
            assert_int_equal(l.out.ip.ip[head + at], at >= 700 && at < 1000 ? 0 : pattern(at));
        ADD(&l, 0, 1000, true);
        ADD(&l, 1000, 1500);
        assert_false(l.out.ip.cut);
        lab_close(&l);
    }
}

/* --- keys --- */

static void test_keys(void **state)
{
    static const struct {
        struct fragment_spec other;
        bool apart4, apart6;
    } rows[] = {
        {{.id = 1}, true, true},
        {{.src = 1}, true, true},
        {{.dst = 1}, true, true},
        {{.proto = 200}, true, false},
        {{.ttl = 3, .tos = 0x40}, false, false},
        {{.scope.zone = 1}, true, true},
        {{.scope.stage = FRAG_LOCAL_OUT}, true, true},
        {{.scope.iface = 7}, false, false},
    };

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct lab l;

        lab_open(&l, family, 0);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
            struct fragment_spec last = rows[i].other;
            bool apart = family == 4 ? rows[i].apart4 : rows[i].apart6;

            last.from = 32;
            last.to = 64;
            assert_int_equal(ADD(&l, 0, 32, true), FRAG_HELD);
            if (lab_add(&l, last) != (apart ? FRAG_HELD : FRAG_COMPLETE))
                fail_msg("IPv%d, row %zu", family, i);
            if (apart)
                assert_int_equal(ADD(&l, 32, 64), FRAG_COMPLETE);
        }
        lab_close(&l);
    }
}

/* IPv6: the interface counts where the same destination is another one on another link. */
static void test_key_link(void **state)
{
    static const uint8_t prefixes[][2] = {
        {0xfe, 0x80}, {0xfe, 0xbf}, {0xff, 0x02}, {0xfe, 0xc0}, {0x20, 0x01}};
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(prefixes); i++) {
        enum frag_result result = FRAG_HELD;

        for (uint16_t k = 0; k < 2; k++) {
            struct fragment_spec s = {.from = k * 32u, .to = k * 32u + 32, .more = k == 0};
            struct frag_scope scope = {.iface = k};
            struct parsed parsed;
            uint8_t *p = spec_packet(6, &s, &parsed);

            memcpy(p + 24, prefixes[i], 2);
            result = frag_add(&l.frag, l.now, &parsed, &scope, &l.out);
            free(p);
        }
        assert_int_equal(result, i < 3 ? FRAG_HELD : FRAG_COMPLETE);
    }
    lab_close(&l);
}

/* --- the distance rule --- */

static void others(struct lab *l, unsigned n, uint8_t src)
{
    for (uint16_t i = 0; i < n; i++)
        ADD(l, 8000, 8008, true, .id = (uint16_t)(1000 + i), .src = src);
}

static void test_distance(void **state)
{
    struct lab l;

    (void)state;
    lab_open(&l, 4, FRAG_BUDGET);
    ADD(&l, 0, 32, true);
    others(&l, 63, 0);
    assert_int_equal(ADD(&l, 32, 64), FRAG_COMPLETE);
    ADD(&l, 0, 32, true);
    others(&l, 64, 0);
    assert_int_equal(ADD(&l, 32, 64), FRAG_HELD); /* alone: fragment 0 was thrown away */
    assert_int_equal(ADD(&l, 0, 32, true), FRAG_COMPLETE);
    ADD(&l, 0, 32, true);
    others(&l, 200, 1); /* another source's */
    assert_int_equal(ADD(&l, 32, 64), FRAG_COMPLETE);
    ADD(&l, 0, 32, true);
    others(&l, 60, 0);
    ADD(&l, 0, 32, true); /* a duplicate counts as a sign of life */
    others(&l, 60, 0);
    assert_int_equal(ADD(&l, 32, 64), FRAG_COMPLETE);
    lab_close(&l);
    lab_open(&l, 6, FRAG_BUDGET);
    ADD(&l, 0, 32, true);
    others(&l, 1000, 0);
    assert_int_equal(ADD(&l, 32, 64), FRAG_COMPLETE);
    lab_close(&l);
}

/* A queue that starts over has all its time again, but remembers how large its fragments were. */
static void test_distance_restart(void **state)
{
    struct frag_expired gone;
    struct lab l;

    (void)state;
    lab_open(&l, 4, FRAG_BUDGET);
    ADD(&l, 0, 800, true, .df = true);
    l.now += 20 * SECOND;
    others(&l, 64, 0);
    ADD(&l, 0, 400, true);
    l.now += 20 * SECOND;
    assert_false(frag_expire(&l.frag, l.now, &gone));
    assert_int_equal(ADD(&l, 400, 1000), FRAG_COMPLETE);
    assert_datagram(&l, 20, 1000);
    assert_int_equal(l.out.layout.largest, 820);
    assert_int_equal(wire_get16(l.out.ip.ip + 6), 0x4000);
    lab_close(&l);
}

/* --- time --- */

static void test_timeout(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct frag_expired gone;
        struct lab l;
        int64_t next;
        struct fragment_spec first = {.to = 104, .more = true, .tos = 0x20, .ttl = 9};
        uint8_t packet[256];
        uint32_t len = spec_write(family, &first, packet);

        lab_open(&l, family, 0);
        l.frag.timeout = 60 * SECOND;
        assert_false(frag_next(&l.frag, &next));
        ADD(&l, 200, 304, true, .scope = {.zone = 3, .iface = 1});
        l.now += 59 * SECOND;
        first.scope = (struct frag_scope){.zone = 3, .iface = 2};
        lab_add(&l, first);
        ADD(&l, 0, 304, true, .id = 1);
        assert_true(frag_next(&l.frag, &next));
        assert_true(next <= 1000 + 60 * SECOND);
        assert_false(frag_expire(&l.frag, 1000 + 60 * SECOND - 1, &gone));
        assert_true(frag_expire(&l.frag, 1000 + 60 * SECOND, &gone));
        assert_int_equal(gone.len, len);
        assert_memory_equal(gone.ip, packet, len);
        assert_int_equal(gone.scope.zone, 3);
        assert_int_equal(gone.scope.iface, 2);
        assert_false(frag_expire(&l.frag, 1000 + 60 * SECOND, &gone));
        assert_int_equal(l.frag.stats.timeouts, 1);
        assert_int_equal(l.frag.stats.fails, 1);
        /* IPv4's tail that was cut off is not in fragment 0 any more. */
        ADD(&l, 0, family == 4 ? 103 : 104, true, .id = 2);
        ADD(&l, 8, 104, true, .id = 3);
        l.now = INT64_C(1) << 40; /* far away; three in no certain order */
        unsigned with = 0, without = 0;
        while (frag_expire(&l.frag, l.now, &gone)) {
            with += gone.ip != NULL;
            without += gone.ip == NULL;
        }
        assert_int_equal(with, 2);
        assert_int_equal(without, 1);
        assert_int_equal(l.frag.used, 0);
        assert_int_equal(l.frag.pages.slab.count, 0);
        assert_int_equal(l.frag.queues.slab.count, 0);
        assert_int_equal(l.frag.sources.slab.count, 0);
        assert_false(frag_next(&l.frag, &next));
        lab_close(&l);
    }
}

/* Many at once, completed in no order: the others expire, each once, and no other does. */
static void test_timeout_many(void **state)
{
    enum { MANY = 100 };
    struct frag_expired gone;
    struct lab l;
    bool waits[MANY] = {false};

    (void)state;
    lab_open(&l, 4, 0);
    for (uint16_t i = 0; i < MANY; i++) {
        waits[i] = ADD(&l, 0, 8, true, .id = i, .src = (uint8_t)i) == FRAG_HELD;
        l.now += i % 3;
    }
    for (uint16_t i = 0; i < MANY; i++) {
        uint16_t id = (uint16_t)(i * 37 % MANY);

        if (i % 3) {
            assert_int_equal(ADD(&l, 8, 16, .id = id, .src = (uint8_t)id), FRAG_COMPLETE);
            waits[id] = false;
        }
    }
    while (frag_expire(&l.frag, l.now + FRAG_TIMEOUT, &gone)) {
        uint16_t id = (uint16_t)(wire_get16(gone.ip + 4) - BASE_ID);

        assert_true(id < MANY && waits[id]);
        waits[id] = false;
    }
    for (int i = 0; i < MANY; i++)
        assert_false(waits[i]);
    lab_close(&l);
}

/* The longest timeout there is, a clock that jumps further, and one that runs backwards. */
static void test_timeout_extremes(void **state)
{
    const int32_t longest = 8589934 * SECOND;
    struct frag_expired gone;
    struct lab l;
    int64_t next;

    (void)state;
    lab_open(&l, 6, 0);
    l.frag.timeout = longest;
    ADD(&l, 0, 8, true);
    assert_false(frag_expire(&l.frag, l.now + longest - 1, &gone));
    assert_false(frag_expire(&l.frag, l.now, &gone));
    assert_true(frag_expire(&l.frag, l.now + longest, &gone));
    l.now += INT64_C(1) << 45;
    assert_false(frag_expire(&l.frag, l.now, &gone));
    l.frag.timeout = longest;
    ADD(&l, 0, 8, true);
    l.frag.timeout = 5 * SECOND;
    ADD(&l, 0, 8, true, .id = 1);
    assert_true(frag_next(&l.frag, &next));
    assert_true(next <= l.now + 5 * SECOND && next >= l.now);
    assert_true(frag_expire(&l.frag, l.now + 5 * SECOND, &gone));
    assert_false(frag_expire(&l.frag, l.now + longest - 1, &gone));
    assert_true(frag_expire(&l.frag, l.now + longest, &gone));
    l.now += 2 * (int64_t)longest;
    l.frag.timeout = -1;
    ADD(&l, 0, 8, true);
    assert_true(frag_expire(&l.frag, l.now, &gone));
    lab_close(&l);
}

/* IPv6 counts a timeout only if a fragment had been taken. */
static void test_timeout_empty(void **state)
{
    struct frag_expired gone;
    struct lab l;

    (void)state;
    lab_open(&l, 6, 0);
    ADD(&l, 8, 8, true);
    assert_true(frag_expire(&l.frag, l.now + FRAG_TIMEOUT, &gone));
    assert_null(gone.ip);
    assert_int_equal(l.frag.stats.timeouts, 0);
    assert_int_equal(l.frag.used, 0);
    lab_close(&l);
}

/* --- memory --- */

/* Lengths of packets and what Linux charged for them, measured on either side of each step. */
static void test_charge(void **state)
{
    static const uint32_t rows[][2] = {
        {28, 832},      {192, 832},     {193, 1280},    {640, 1280},    {641, 2304},
        {1664, 2304},   {1665, 4352},   {3712, 4352},   {3713, 8448},   {7808, 8448},
        {7809, 12544},  {11904, 12544}, {11905, 16640}, {16000, 16640}, {16004, 20736},
        {32000, 33024}, {65000, 65792},
    };
    struct lab l;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        lab_open(&l, 4, 0);
        ADD(&l, 8, rows[i][0] - 12);
        assert_int_equal(l.frag.used, 200 + rows[i][1]);
        lab_close(&l);
    }
    lab_open(&l, 6, 0);
    ADD(&l, 8, 144 + 8, true);
    assert_int_equal(l.frag.used, 184 + 832);
    ADD(&l, 144 + 8, 144 + 16, true);
    assert_int_equal(l.frag.used, 184 + 2 * 832);
    ADD(&l, 8, 16, true);
    assert_int_equal(l.frag.used, 184 + 2 * 832);
    lab_close(&l);
}

/* Above the limit everything is refused, also what would complete a datagram; nothing is evicted.
 */
static void test_limit(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct frag_expired gone;
        struct lab l;
        uint16_t n = 0;

        lab_open(&l, family, FRAG_BUDGET);
        while (ADD(&l, 0, 352, true, .id = n, .src = (uint8_t)n) == FRAG_HELD)
            n++;
        assert_int_equal(l.out.reason, WEIR_R_FRAG_MEMORY);
        assert_true(l.frag.used > FRAG_HIGH_THRESH);
        assert_int_equal(n, FRAG_HIGH_THRESH / (family == 4 ? 1480 : 1464) + 1);
        assert_int_equal(ADD(&l, 352, 360), FRAG_DROPPED);
        assert_int_equal(l.out.reason, WEIR_R_FRAG_MEMORY);
        l.frag.high = l.frag.used; /* the limit itself may be reached */
        assert_int_equal(ADD(&l, 352, 360), FRAG_COMPLETE);
        l.frag.high = 0;
        assert_int_equal(ADD(&l, 0, 8, true, .id = 9), FRAG_DROPPED);
        while (frag_expire(&l.frag, l.now + FRAG_TIMEOUT, &gone))
            n--;
        assert_int_equal(n, 1); /* the completed one */
        assert_int_equal(l.frag.used, 0);
        lab_close(&l);
    }
}

/*
 * The budget is enough for whatever Linux's limit lets in: fragments that straddle pages, the
 * shortest of each class of charge and the longest, each in a datagram of its own or together.
 */
static void test_budget(void **state)
{
    static const uint32_t lengths[] = {8, 16, 144, 592, 1616, 3664};

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2)
        for (size_t i = 0; i < 2 * WEIR_ARRAY_LEN(lengths); i++) {
            uint32_t len = lengths[i / 2], at = 512 - 8, id = 0;
            struct lab l;

            lab_open(&l, family, FRAG_BUDGET);
            while (ADD(&l, at, at + len, true, .id = (uint16_t)id) == FRAG_HELD) {
                at += (len + 511) / 512 * 512 + 512;
                if (i % 2 || at + len > 65000) {
                    at = 512 - 8;
                    id++;
                }
            }
            if (l.out.reason != WEIR_R_FRAG_MEMORY || l.frag.used <= FRAG_HIGH_THRESH)
                fail_msg("IPv%d: %u bytes: only %lld charged", family, len, (long long)l.frag.used);
            lab_close(&l);
        }
}

/* With less memory than the limit, the store refuses and recovers. */
static void test_small_budget(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct frag_expired gone;
        struct lab l;

        lab_open(&l, family, 0);
        for (int round = 0; round < 3; round++) {
            uint16_t held = 0;

            for (uint16_t i = 0; i < 500; i++)
                held += ADD(&l, 504, 1200, true, .id = i) == FRAG_HELD;
            assert_in_range(held, 50, 200);
            assert_int_equal(l.out.reason, WEIR_R_FRAG_MEMORY);
            l.now += FRAG_TIMEOUT;
            while (frag_expire(&l.frag, l.now, &gone))
                held--;
            assert_int_equal(held, 0);
            assert_int_equal(l.frag.pages.slab.count, 0);
            assert_int_equal(l.frag.queues.slab.count, 0);
            assert_int_equal(l.frag.sources.slab.count, 0);
            assert_int_equal(l.frag.used, 0);
            ADD(&l, 0, 40000, true);
            assert_int_equal(ADD(&l, 40000, 65000), FRAG_COMPLETE);
        }
        lab_close(&l);
    }
}

static void test_counters(void **state)
{
    struct lab l;

    (void)state;
    lab_open(&l, 4, 0);
    ADD(&l, 0, 32, true);
    ADD(&l, 0, 32, true);
    ADD(&l, 32, 64);
    ADD(&l, 0, 32, true);
    ADD(&l, 24, 48, true);
    ADD(&l, 32, 32, true);
    assert_int_equal(l.frag.stats.reqds, 6);
    assert_int_equal(l.frag.stats.oks, 1);
    assert_int_equal(l.frag.stats.fails, 2);
    assert_int_equal(l.frag.stats.overlaps, 1);
    lab_close(&l);
}

/* --- the twin --- */

enum { TWIN_FRAGMENTS = 64, TWIN_RUNS = 64 };

/* One datagram as Linux keeps it: runs of fragments, and what was said about its end. */
struct twin {
    struct {
        uint32_t from, to;
    } runs[TWIN_RUNS];
    uint32_t n, last_run, tail, end, got;
    bool last, first;
};

static enum weir_reason twin_end(struct twin *t, uint32_t from, uint32_t to, bool more)
{
    if (!more && (to < t->end || (t->last && to != t->end)))
        return WEIR_R_FRAG_END;
    if (more && to > t->end && t->last)
        return WEIR_R_FRAG_END;
    if (!more)
        t->last = true;
    t->end = to > t->end ? to : t->end;
    return from == to ? WEIR_R_FRAG_EMPTY : WEIR_R_NONE;
}

static enum weir_reason twin_place(struct twin *t, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (from >= t->runs[i].from && to <= t->runs[i].to)
            return WEIR_R_FRAG_DUPLICATE;
        if (from < t->runs[i].to && to > t->runs[i].from)
            return WEIR_R_FRAG_OVERLAP;
    }
    if (t->n && from == t->tail) {
        t->runs[t->last_run].to = to;
    } else {
        t->runs[t->n].from = from;
        t->runs[t->n++].to = to;
    }
    if (to > t->tail) {
        t->tail = to;
        for (uint32_t i = 0; i < t->n; i++)
            if (t->runs[i].to == to)
                t->last_run = i;
    }
    t->got += to - from;
    t->first = t->first || from == 0;
    return WEIR_R_NONE;
}

/* What should become of a fragment. */
static enum weir_reason twin_add(struct twin *t, uint8_t family, uint32_t from, uint32_t to,
                                 bool more)
{
    enum weir_reason reason = twin_end(t, from, to, more);

    if (reason == WEIR_R_NONE)
        reason = twin_place(t, from, to);
    else if (family == 6)
        return reason;
    if (reason == WEIR_R_NONE)
        reason = t->first && t->last && t->got == t->end ? WEIR_R_NONE : WEIR_R_FRAG_WAIT;
    if (reason != WEIR_R_FRAG_WAIT && reason != WEIR_R_FRAG_DUPLICATE)
        memset(t, 0, sizeof(*t));
    return reason;
}

static void check_twin(uint8_t family, uint64_t seed)
{
    struct rng rng;
    struct lab l;
    struct twin twin = {0};
    uint32_t completed = 0, overlaps = 0, duplicates = 0, added = 0, unit = 8;

    rng_init(&rng, seed);
    lab_open(&l, family, 0);
    for (uint32_t n = 0; n < 20000; n++) {
        if (added == TWIN_FRAGMENTS) { /* enough of this one: the twin is small */
            struct frag_expired gone;

            l.now += FRAG_TIMEOUT;
            frag_expire(&l.frag, l.now, &gone);
            memset(&twin, 0, sizeof(twin));
        }
        if (twin.n == 0) { /* a new one: within a page, or over several */
            unit = 8u << rng_below(&rng, 9);
            added = 0;
        }
        added++;

        uint32_t from = rng_below(&rng, 6) * unit;
        uint32_t to = from + (rng_one_in(&rng, 30) ? 0 : rng_range(&rng, 1, 3)) * unit;
        bool more = rng_percent(&rng, 75);
        enum weir_reason expected;

        if (!more && rng_percent(&rng, 20))
            to += rng_below(&rng, 8);
        if (from == 0 && (family == 4 ? !more : to == 0))
            continue; /* no fragment; not gathered */
        expected = twin_add(&twin, family, from, to, more);
        ADD(&l, from, to, more);
        if (l.out.reason != expected)
            fail_msg("seed %llu, fragment %u: %u-%u%s: expected %s, got %s",
                     (unsigned long long)seed, n, from, to, more ? "+" : "",
                     weir_reason_word(expected), weir_reason_word(l.out.reason));
        if (expected == WEIR_R_NONE)
            assert_datagram(&l, family == 4 ? 20 : 40, l.out.ip.l3_len - (family == 4 ? 20 : 40));
        completed += expected == WEIR_R_NONE;
        overlaps += expected == WEIR_R_FRAG_OVERLAP;
        duplicates += expected == WEIR_R_FRAG_DUPLICATE;
    }
    assert_true(completed > 100 && overlaps > 100 && duplicates > 100);
    lab_close(&l);
}

static void test_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        check_twin(4, seed);
        check_twin(6, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_lone),
        cmocka_unit_test(test_header4),
        cmocka_unit_test(test_df),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_ecn),
        cmocka_unit_test(test_chain6),
        cmocka_unit_test(test_headers6),
        cmocka_unit_test(test_contiguous),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_key_link),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_distance_restart),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_timeout_many),
        cmocka_unit_test(test_timeout_extremes),
        cmocka_unit_test(test_timeout_empty),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_small_budget),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_twin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
