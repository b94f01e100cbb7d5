/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet builder: known packets byte for byte, checksums against a slow twin, each switch that
 * spoils something, fragments against reassembly, and the way back from bytes to parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "build.h"
#include "hosts.h"
#include "rng.h"
#include "wire.h"

static uint8_t scratch[BUILD_SCRATCH];

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; n++) {
        out[n] = (uint8_t)byte;
        hex += 2;
        while (*hex == ' ')
            hex++;
    }
    return n;
}

static void assert_bytes(const uint8_t *got, size_t len, const char *hex)
{
    uint8_t want[256];
    size_t n = from_hex(hex, want);
    assert_int_equal(len, n);
    assert_memory_equal(got, want, n);
}

static struct build between(uint8_t family, enum build_kind kind)
{
    struct build b;
    build_init(&b, family, kind);
    b.src = hosts_addr(family, SIDE_A, 1);
    b.dst = hosts_addr(family, SIDE_B, 1);
    return b;
}

/* The sum of 16-bit words with the carries added in, over pseudo-header and packet: 0xffff if the
 * checksum is right. Written for slowness, not taken from the builder. */
static unsigned twin_sum(const uint8_t *ip, size_t len, size_t l4, unsigned proto)
{
    uint8_t all[4096] = {0};
    size_t n = 0, addrs = ip[0] >> 4 == 4 ? 8 : 32, at = ip[0] >> 4 == 4 ? 12 : 8;
    unsigned long sum = 0;

    memcpy(all, ip + at, addrs);
    n = addrs;
    all[n + 2] = (uint8_t)((len - l4) >> 8);
    all[n + 3] = (uint8_t)(len - l4);
    all[n + 7] = (uint8_t)proto;
    n += 8;
    memcpy(all + n, ip + l4, len - l4);
    n += len - l4;
    for (size_t i = 0; i < n; i += 2)
        sum += (unsigned long)all[i] * 256 + all[i + 1];
    while (sum > 0xffff)
        sum = sum / 0x10000 + sum % 0x10000;
    return (unsigned)sum;
}

/* ---- known answers --------------------------------------------------------------------------- */

static void test_crc32c(void **state)
{
    uint8_t b[32];

    (void)state;
    memset(b, 0, sizeof(b));
    assert_int_equal(build_crc32c(b, sizeof(b)), 0x8a9136aa);
    memset(b, 0xff, sizeof(b));
    assert_int_equal(build_crc32c(b, sizeof(b)), 0x62a8ab43);
    for (uint8_t i = 0; i < sizeof(b); i++)
        b[i] = i;
    assert_int_equal(build_crc32c(b, sizeof(b)), 0x46dd794e);
    assert_int_equal(build_crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
}

/* A header whose checksum everybody knows: 192.168.0.1 to 192.168.0.199, UDP, checksum b861. */
static void test_ip4_header(void **state)
{
    uint8_t out[256];
    struct build b;

    (void)state;
    build_init(&b, 4, BUILD_RAW);
    b.src = (struct build_addr){{192, 168, 0, 1}};
    b.dst = (struct build_addr){{192, 168, 0, 199}};
    b.proto = BUILD_PROTO_UDP;
    b.ip4.df = true;
    b.data.len = 0x73 - 20;
    assert_int_equal(build_make(&b, out, sizeof(out)), 0x73);
    assert_bytes(out, 20, "4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7");
}

static void test_tcp_bytes(void **state)
{
    uint8_t out[256];
    struct build b = between(4, BUILD_TCP);
    struct build_tcp *t = &b.l4.tcp;

    (void)state;
    t->sport = 1000;
    t->dport = 80;
    t->seq = 0x01020304;
    t->flags = BUILD_TCP_SYN | BUILD_TCP_ECE;
    t->win = 1000;
    assert_true(build_tcp_mss(t, 1460));
    assert_true(build_tcp_wscale(t, 7));
    size_t n = build_make(&b, out, sizeof(out));
    assert_int_equal(n, 48);
    assert_int_equal(twin_sum(out, n, 20, 6), 0xffff);
    wire_put16(out + 36, 0);
    assert_bytes(out + 20, n - 20,
                 "03e8 0050 01020304 00000000 7042 03e8 0000 0000 020405b4 03030700");
}

static void test_ip6_chain(void **state)
{
    uint8_t out[256];
    struct build b = between(6, BUILD_UDP);

    (void)state;
    b.l4.udp.sport = 5;
    b.l4.udp.dport = 53;
    b.data.len = 4;
    build_ext_add(&b, BUILD_PROTO_HBH, (const uint8_t[]){1, 4, 0, 0, 0, 0}, 6);
    build_ext_add(&b, BUILD_PROTO_AH, (const uint8_t[]){0, 0, 0, 0, 0, 7, 0, 0, 0, 1}, 10);
    build_ext_frag(&b, 0, true, 0x01020304);
    size_t n = build_make(&b, out, sizeof(out));
    assert_bytes(out, 8, "60000000 0028 00 40");
    assert_bytes(out + 40, 28,
                 "3300010400000000"          /* padding */
                 "2c01000000000007 00000001" /* 12 bytes of AH: 3 words, less 2 */
                 "1100000101020304");
    assert_int_equal(n, 40 + 8 + 12 + 8 + 12);
    assert_int_equal(twin_sum(out, n, 68, 17), 0xffff);
}

static void test_sctp_bytes(void **state)
{
    uint8_t out[256];
    struct build b = between(4, BUILD_SCTP);
    struct build_sctp *s = &b.l4.sctp;

    (void)state;
    s->sport = 5;
    s->dport = 6;
    s->vtag = 0x0a0b0c0d;
    struct build_chunk *c = build_chunk_add(s, BUILD_CHUNK_INIT);
    assert_non_null(c);
    build_chunk_init(c, 11, 4096, 2, 3, 9);
    c = build_chunk_add(s, BUILD_CHUNK_COOKIE_ECHO);
    assert_non_null(c);
    c->body.len = 5;
    size_t n = build_make(&b, out, sizeof(out));
    uint32_t crc = wire_get32(out + 28);
    wire_put32(out + 28, 0);
    assert_int_equal(crc, __builtin_bswap32(build_crc32c(out + 20, n - 20)));
    assert_bytes(out + 20, n - 20,
                 "0005 0006 0a0b0c0d 00000000 01000014 0000000b 00001000 0002 0003 00000009"
                 "0a000009 6162636465 000000");
}

static void test_gre_bytes(void **state)
{
    uint8_t out[256];
    struct build b = between(4, BUILD_GRE);

    (void)state;
    b.l4.gre = (struct build_gre){.version = 1,
                                  .proto = 0x880b,
                                  .has_key = true,
                                  .callid = 0x55,
                                  .plen = BUILD_AUTO,
                                  .has_seq = true,
                                  .seq = 2,
                                  .has_ack = true,
                                  .ack = 1};
    b.data.len = 3;
    size_t n = build_make(&b, out, sizeof(out));
    assert_bytes(out + 20, n - 20, "3081 880b 0003 0055 00000002 00000001 616263");
    b.l4.gre = (struct build_gre){.proto = 0x0800, .has_sum = true, .plen = BUILD_AUTO};
    n = build_make(&b, out, sizeof(out));
    assert_bytes(out + 20, 4, "8000 0800");
    assert_int_equal(build_fold(build_sum_add(0, out + 20, n - 20)), 0);
}

/* ---- checksums ------------------------------------------------------------------------------- */

static const struct {
    uint8_t family;
    enum build_kind kind;
    uint8_t proto;
    size_t sum_at;
} summed[] = {
    {4, BUILD_TCP, 6, 16},  {6, BUILD_TCP, 6, 16},      {4, BUILD_UDP, 17, 6},
    {6, BUILD_UDP, 17, 6},  {4, BUILD_UDPLITE, 136, 6}, {6, BUILD_UDPLITE, 136, 6},
    {6, BUILD_ICMP, 58, 2},
};

/* Right for every length, bad when it shall be, and never 0 by accident. */
static void test_sums(void **state)
{
    static uint8_t out[4096];
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (size_t i = 0; i < sizeof(summed) / sizeof(summed[0]); i++) {
        for (size_t len = 0; len < 600; len++) {
            struct build b = between(summed[i].family, summed[i].kind);
            size_t l4 = b.family == 4 ? 20 : 40;
            if (b.kind == BUILD_TCP)
                b.l4.tcp.seq = rng_u32(&rng);
            else if (b.kind == BUILD_ICMP)
                b.l4.icmp.rest = rng_u32(&rng);
            else
                b.l4.udp.sport = (uint16_t)rng_u32(&rng);
            b.data = (struct build_data){.start = (uint32_t)len, .len = len};
            size_t n = build_make(&b, out, sizeof(out));
            assert_true(n > l4);
            assert_int_equal(twin_sum(out, n, l4, summed[i].proto), 0xffff);
            build_sum_of(&b)->mode = BUILD_SUM_BAD;
            assert_int_equal(build_make(&b, out, sizeof(out)), n);
            assert_int_not_equal(twin_sum(out, n, l4, summed[i].proto), 0xffff);
            assert_int_not_equal(wire_get16(out + l4 + summed[i].sum_at), 0);
        }
    }
}

/* UDP writes a sum of 0 as 0xffff. The port that makes the sum come out so is found by trying. */
static void test_udp_zero(void **state)
{
    uint8_t out[64];
    unsigned seen = 0;

    (void)state;
    for (unsigned port = 0; port < 65536; port++) {
        struct build b = between(4, BUILD_UDP);
        b.l4.udp.sport = (uint16_t)port;
        build_make(&b, out, sizeof(out));
        uint16_t right = wire_get16(out + 26);
        assert_int_not_equal(right, 0);
        seen += right == 0xffff;
        b.l4.udp.sum.mode = BUILD_SUM_BAD; /* every sum there is, spoilt: wrong, and still a sum */
        build_make(&b, out, sizeof(out));
        assert_int_not_equal(wire_get16(out + 26), 0);
        assert_int_not_equal(wire_get16(out + 26) % 0xffff, right % 0xffff);
    }
    assert_int_equal(seen, 1);
}

static void test_udp_lengths(void **state)
{
    uint8_t out[64];
    struct build b = between(4, BUILD_UDP);

    (void)state;
    b.data.len = 6;
    b.l4.udp.len = 10;
    b.l4.udp.sum_by_len = true;
    build_make(&b, out, sizeof(out));
    assert_int_equal(wire_get16(out + 24), 10);
    assert_int_equal(twin_sum(out, 30, 20, 17), 0xffff); /* over the ten bytes it speaks of */
    b.l4.udp.sum_by_len = false;
    build_make(&b, out, sizeof(out));
    assert_int_equal(twin_sum(out, 34, 20, 17), 0xffff); /* over all that is there */
    b.l4.udp.sum = (struct build_sum){BUILD_SUM_VALUE, 0};
    build_make(&b, out, sizeof(out));
    assert_int_equal(wire_get16(out + 26), 0);
}

static void test_udplite_coverage(void **state)
{
    uint8_t out[64], again[64];
    struct build b = between(4, BUILD_UDPLITE);

    (void)state;
    b.data.len = 12;
    b.l4.udp.len = 8;
    build_make(&b, out, sizeof(out));
    b.data.start = 5; /* payload beyond the coverage does not matter */
    build_make(&b, again, sizeof(again));
    assert_memory_equal(out, again, 28);
    assert_int_not_equal(out[28], again[28]);
    b.l4.udp.len = 0; /* everything is covered */
    size_t n = build_make(&b, out, sizeof(out));
    assert_int_equal(twin_sum(out, n, 20, 136), 0xffff);
    b.pseudo = BUILD_PROTO_UDP;
    build_make(&b, out, sizeof(out));
    assert_int_equal(twin_sum(out, n, 20, 17), 0xffff);
}

/* ---- lies ------------------------------------------------------------------------------------ */

static void test_ip4_lies(void **state)
{
    uint8_t out[128];
    struct build b = between(4, BUILD_TCP);

    (void)state;
    b.ip4.tlen = 1000;
    build_make(&b, out, sizeof(out));
    assert_int_equal(wire_get16(out + 2), 1000);
    assert_int_equal(build_fold(build_sum_add(0, out, 20)), 0);
    b.ip4.ihl = 7;
    build_make(&b, out, sizeof(out));
    assert_int_equal(out[0], 0x47);
    assert_int_equal(build_fold(build_sum_add(0, out, 28)), 0);
    b.ip4.sum.mode = BUILD_SUM_BAD;
    build_make(&b, out, sizeof(out));
    assert_int_not_equal(build_fold(build_sum_add(0, out, 28)), 0);
}

/* keep: fewer bytes, and the IP length knows; cut: fewer bytes, and it does not. */
static void test_keep_and_cut(void **state)
{
    uint8_t out[128];
    struct build b = between(4, BUILD_TCP);

    (void)state;
    b.keep = 7;
    assert_int_equal(build_make(&b, out, sizeof(out)), 27);
    assert_int_equal(wire_get16(out + 2), 27);
    b.keep = BUILD_AUTO;
    b.cut = 28;
    assert_int_equal(build_make(&b, out, sizeof(out)), 28);
    assert_int_equal(wire_get16(out + 2), 40);
    b.keep = 15;
    assert_int_equal(build_make(&b, out, sizeof(out)), 28);
    assert_int_equal(wire_get16(out + 2), 35);
}

static void test_no_room(void **state)
{
    static uint8_t out[BUILD_PACKET_MAX + 10];
    struct build b = between(4, BUILD_UDP);

    (void)state;
    b.data.len = 100;
    assert_int_equal(build_make(&b, out, 127), 0);
    assert_int_equal(build_make(&b, out, 128), 128);
    b.data.len = 65535 - 28;
    assert_int_equal(build_make(&b, out, sizeof(out)), 65535);
    b.data.len++;
    assert_int_equal(build_make(&b, out, sizeof(out)), 0);
    struct build_tcp t = {0};
    for (int i = 0; i < 4; i++)
        assert_true(build_tcp_ts(&t, 1, 2));
    assert_false(build_tcp_nop(&t));
    assert_int_equal(t.opt_len, 40);
}

/* ---- fragments ------------------------------------------------------------------------------- */

/* Cut into steps, put together again: the same bytes, and only the last without the more flag. */
static void reassemble(uint8_t family, size_t step)
{
    static uint8_t pkt[8192], piece[8192], back[8192];
    struct build b = between(family, BUILD_UDP);
    size_t head = family == 4 ? 20 : 48; /* with the fragment header */
    size_t done = 0;

    b.data.len = 3000 - 8;
    b.ip4.id = 77;
    size_t n = build_make(&b, pkt, sizeof(pkt)), total = build_fragmentable(pkt, n);
    assert_int_equal(total, 3000);
    for (size_t off = 0; off < total; off += step) {
        struct build_piece p = {true, (uint32_t)off, 0, BUILD_AUTO, 0x01020304};
        p.len = (uint32_t)(total - off < step ? total - off : step);
        size_t len = build_fragment(pkt, n, &p, piece, sizeof(piece));
        assert_int_equal(len, head + p.len);
        bool more = off + step < total;
        if (family == 4) {
            assert_int_equal(wire_get16(piece + 2), len);
            assert_int_equal(wire_get16(piece + 4), 77);
            assert_int_equal(wire_get16(piece + 6), (unsigned)more << 13 | off / 8);
            assert_int_equal(build_fold(build_sum_add(0, piece, 20)), 0);
        } else {
            assert_int_equal(wire_get16(piece + 4), len - 40);
            assert_int_equal(piece[6], BUILD_PROTO_FRAGMENT);
            assert_int_equal(piece[40], BUILD_PROTO_UDP);
            assert_int_equal(wire_get16(piece + 42), off | more);
            assert_int_equal(wire_get32(piece + 44), 0x01020304);
        }
        memcpy(back + off, piece + head, p.len);
        done += p.len;
    }
    assert_int_equal(done, total);
    assert_memory_equal(back, pkt + n - total, total);
}

static void test_fragments(void **state)
{
    (void)state;
    for (size_t step = 8; step < 3100; step += 8) {
        reassemble(4, step);
        reassemble(6, step);
    }
}

/* What every fragment carries ends behind the routing header, not before the destination options
 * that follow it. */
static void test_unfragmentable(void **state)
{
    uint8_t pkt[256], out[256];
    static const uint8_t pad[6] = {1, 4};
    struct build b = between(6, BUILD_UDP);
    struct build_piece p = {true, 8, 8, BUILD_AUTO, 1};

    (void)state;
    build_ext_add(&b, BUILD_PROTO_HBH, pad, 6);
    build_ext_add(&b, BUILD_PROTO_DSTOPT, pad, 6);
    build_ext_add(&b, BUILD_PROTO_ROUTING, (const uint8_t[6]){0}, 6);
    build_ext_add(&b, BUILD_PROTO_DSTOPT, pad, 6);
    b.l4.udp.dport = 53;
    b.data.len = 16;
    size_t n = build_make(&b, pkt, sizeof(pkt));
    assert_int_equal(build_fragmentable(pkt, n), 8 + 8 + 16);
    size_t len = build_fragment(pkt, n, &p, out, sizeof(out));
    assert_int_equal(len, 40 + 24 + 8 + 8);
    assert_bytes(out + 56, 22,
                 "2c00000000000000" /* routing, now before a fragment header */
                 "3c00000900000001" /* at 8, more; then destination options */
                 "000000350018" /* the UDP header */);
}

/* Beyond the end there are letters, and a piece may contradict what the packet says. */
static void test_odd_pieces(void **state)
{
    uint8_t pkt[256], out[256];
    struct build b = between(4, BUILD_UDP);
    struct build_piece p = {true, 16, 24, 0, 0};

    (void)state;
    b.data.len = 16;
    size_t n = build_make(&b, pkt, sizeof(pkt));
    assert_int_equal(build_fragment(pkt, n, &p, out, sizeof(out)), 44);
    assert_int_equal(wire_get16(out + 6), 2);
    assert_memory_equal(out + 20, "ijklmnopyzabcdef", 16);
    p.off = 4;
    assert_int_equal(build_fragment(pkt, n, &p, out, sizeof(out)), 0);
    p.off = 8 * 0x2000;
    assert_int_equal(build_fragment(pkt, n, &p, out, sizeof(out)), 0);
    p.off = 0;
    assert_int_equal(build_fragment(pkt, 10, &p, out, sizeof(out)), 0);
}

/* ---- the way back ---------------------------------------------------------------------------- */

/* Whatever it accepts, it describes exactly; any bytes, any length. */
static void test_dissect_noise(void **state)
{
    static uint8_t made[BUILD_PACKET_MAX];
    uint8_t bytes[200];
    struct build b;
    struct rng rng;
    unsigned accepted = 0;

    (void)state;
    rng_init(&rng, 2);
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = rng_below(&rng, sizeof(bytes) + 1);
        for (size_t k = 0; k < len; k++)
            bytes[k] = (uint8_t)rng_u32(&rng);
        bool six = rng_one_in(&rng, 2);
        if (len > 9 && rng_one_in(&rng, 2)) {
            static const uint8_t protos[] = {1, 6, 17, 47, 58, 132, 136, 60, 44, 51};
            bytes[0] = six ? 0x60 : 0x45;
            bytes[six ? 6 : 9] = RNG_PICK(&rng, protos);
            wire_put16(bytes + (six ? 4 : 2), (uint32_t)(six && len > 40 ? len - 40 : len));
            if (!six)
                wire_put16(bytes + 6, 0);
        }
        if (!build_dissect(&b, bytes, len, scratch))
            continue;
        accepted++;
        assert_int_equal(build_make(&b, made, sizeof(made)), len);
        assert_memory_equal(made, bytes, len);
    }
    assert_true(accepted > 2000);
}

static void test_dissect_cut(void **state)
{
    uint8_t pkt[128];
    struct build b = between(4, BUILD_UDP), back;

    (void)state;
    b.l4.udp.sport = 1000;
    b.l4.udp.dport = 53;
    b.data.len = 40;
    b.cut = 28;
    size_t n = build_make(&b, pkt, sizeof(pkt));
    assert_int_equal(n, 28);
    assert_true(build_dissect(&back, pkt, n, scratch));
    assert_int_equal(back.kind, BUILD_UDP);
    assert_int_equal(back.cut, 28);
    assert_int_equal(back.l4.udp.sport, 1000);
    assert_int_equal(back.data.len, 40);
    assert_int_equal(back.l4.udp.sum.mode, BUILD_SUM_RIGHT); /* the payload was guessed right */
    assert_false(build_dissect(&back, pkt, 19, scratch));
    assert_false(build_dissect(&back, pkt, 0, scratch));
}

static void test_describe(void **state)
{
    char text[512];
    uint8_t pkt[256];
    struct build b = between(4, BUILD_TCP);
    struct build_tcp *t = &b.l4.tcp;

    (void)state;
    t->sport = 1000;
    t->dport = 80;
    t->flags = BUILD_TCP_SYN | BUILD_TCP_ACK;
    t->seq = 5;
    t->ack = 7;
    t->win = 100;
    b.data.len = 3;
    build_tcp_wscale(t, 7);
    build_tcp_sackok(t);
    size_t n = build_make(&b, pkt, sizeof(pkt));
    assert_string_equal(build_describe(text, sizeof(text), pkt, n),
                        "A>B tcp 1000>80 [S.] seq 5 ack 7 win 100 len 3 <ws 7,sackOK>");
    t->sum.mode = BUILD_SUM_BAD;
    t->doff = 9;
    n = build_make(&b, pkt, sizeof(pkt));
    build_describe(text, sizeof(text), pkt, n);
    assert_non_null(strstr(text, ", header length 9 words"));
    assert_non_null(strstr(text, ", bad checksum"));
    assert_string_equal(build_describe(text, sizeof(text), pkt, 3),
                        "hex 450000, 3 bytes, not a plain ip packet");
    assert_string_equal(build_describe(text, 6, pkt, n), "A>B t"); /* always terminated */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),         cmocka_unit_test(test_ip4_header),
        cmocka_unit_test(test_tcp_bytes),      cmocka_unit_test(test_ip6_chain),
        cmocka_unit_test(test_sctp_bytes),     cmocka_unit_test(test_gre_bytes),
        cmocka_unit_test(test_sums),           cmocka_unit_test(test_udp_zero),
        cmocka_unit_test(test_udp_lengths),    cmocka_unit_test(test_udplite_coverage),
        cmocka_unit_test(test_ip4_lies),       cmocka_unit_test(test_keep_and_cut),
        cmocka_unit_test(test_no_room),        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_unfragmentable), cmocka_unit_test(test_odd_pieces),
        cmocka_unit_test(test_dissect_noise),  cmocka_unit_test(test_dissect_cut),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
