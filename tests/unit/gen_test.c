/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet generator: that a seed is a sequence, that options are obeyed, that packets respect
 * what gen.h promises about the IP layer, that every one of them can be written as text and read
 * back, and that the state tables of TCP and SCTP are covered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gen.h"
#include "scn_packet.h"
#include "wire.h"

static struct gen *gen;
static struct gen_packet p;

static int setup(void **state)
{
    (void)state;
    gen = malloc(sizeof(*gen));
    return gen ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(gen);
    return 0;
}

static uint64_t hash_of(uint64_t seed, const struct gen_opts *opts)
{
    uint64_t h = 0xcbf29ce484222325u;
    gen_init(gen, seed, opts);
    while (gen_next(gen, &p)) {
        h = (h ^ (uint64_t)p.wait_ns ^ p.side) * 0x100000001b3u;
        for (size_t i = 0; i < p.len; i++)
            h = (h ^ p.bytes[i]) * 0x100000001b3u;
    }
    return h;
}

/* A failing seed found with one compiler must be the same sequence with another. The number is
 * what both give; it changes whenever the generator does. */
static void test_deterministic(void **state)
{
    struct gen_opts opts;

    (void)state;
    gen_opts_init(&opts);
    opts.packets = 20000;
    uint64_t first = hash_of(1, &opts);
    assert_int_equal(hash_of(1, &opts), first);
    assert_int_not_equal(hash_of(2, &opts), first);
    assert_int_equal(first, 0xc77f6e950bcdb71au);
}

static void test_count(void **state)
{
    struct gen_opts opts;
    unsigned n = 0;

    (void)state;
    gen_opts_init(&opts);
    opts.packets = 77;
    gen_init(gen, 1, &opts);
    while (gen_next(gen, &p))
        n++;
    assert_int_equal(n, 77);
    assert_false(gen_next(gen, &p));
}

/* The upper protocol, behind all extension headers that are there in full. */
static uint8_t protocol_of(const struct gen_packet *pkt)
{
    static uint8_t scratch[BUILD_SCRATCH];
    struct build b;
    assert_true(build_dissect(&b, pkt->bytes, pkt->len, scratch));
    return b.proto;
}

static void test_options(void **state)
{
    static const struct {
        uint32_t bit;
        uint8_t proto[2];
    } only[] = {
        {GEN_TCP, {6, 6}},   {GEN_UDP, {17, 17}},    {GEN_UDPLITE, {136, 136}},
        {GEN_ICMP, {1, 58}}, {GEN_SCTP, {132, 132}}, {GEN_GRE, {47, 47}},
    };
    struct gen_opts opts;

    (void)state;
    for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++) {
        for (unsigned six = 0; six < 2; six++) {
            unsigned other = 0;
            gen_opts_init(&opts);
            opts.protocols = only[i].bit;
            opts.families = six ? GEN_V6 : GEN_V4;
            opts.packets = 2000;
            gen_init(gen, 3, &opts);
            while (gen_next(gen, &p)) {
                assert_int_equal(p.bytes[0] >> 4, six ? 6 : 4);
                other += protocol_of(&p) != only[i].proto[six];
            }
            /* A chain that was cut ends with the header it was cut in; ICMP tries the other
             * family's number. */
            assert_true(other < 100);
        }
    }
}

/* Every promise about the IP layer, for every packet. */
static void test_ip_layer(void **state)
{
    struct gen_opts opts;

    (void)state;
    gen_opts_init(&opts);
    opts.packets = 100000;
    opts.hostility = 60;
    opts.hosts = GEN_HOSTS_MAX;
    gen_init(gen, 4, &opts);
    while (gen_next(gen, &p)) {
        bool six = p.bytes[0] >> 4 == 6;
        struct build_addr src = {0}, dst = {0};
        assert_in_range(p.len, six ? 40 : 20, GEN_PACKET_MAX);
        if (six) {
            assert_int_equal(wire_get16(p.bytes + 4) + 40, p.len);
            assert_true(p.bytes[7] >= 2);
            memcpy(src.b, p.bytes + 8, 16);
            memcpy(dst.b, p.bytes + 24, 16);
        } else {
            size_t head = (p.bytes[0] & 15u) * 4u;
            assert_int_equal(p.bytes[0] >> 4, 4);
            assert_in_range(head, 20, p.len);
            assert_int_equal(wire_get16(p.bytes + 2), p.len);
            assert_int_equal(build_fold(build_sum_add(0, p.bytes, head)), 0);
            assert_true(p.bytes[8] >= 2);
            memcpy(src.b, p.bytes + 12, 4);
            memcpy(dst.b, p.bytes + 16, 4);
        }
        assert_int_equal(hosts_side(six ? 6 : 4, &src), p.side);
        assert_int_equal(hosts_side(six ? 6 : 4, &dst), p.side == SIDE_A ? SIDE_B : SIDE_A);
        assert_true(p.wait_ns >= 0 && p.wait_ns <= opts.wait_max_ns);
    }
}

/* All of it can be written into a scenario file, and nearly all of it in words. */
static void test_text(void **state)
{
    static char line[SCN_PRINT_MAX];
    static struct scn_packet back;
    struct gen_opts opts;
    struct scn_error e;
    unsigned hex = 0;

    (void)state;
    gen_opts_init(&opts);
    opts.packets = 10000;
    opts.hostility = 70;
    opts.ip_layer = true;
    gen_init(gen, 5, &opts);
    while (gen_next(gen, &p)) {
        scn_print_packet(line, sizeof(line), p.side, p.bytes, p.len);
        if (!scn_parse_packet(line, strlen(line), &back, &e))
            fail_msg("%s\n  column %u: %s", line, e.col, e.text);
        assert_int_equal(back.side, p.side);
        assert_int_equal(back.len, p.len);
        assert_memory_equal(back.bytes, p.bytes, p.len);
        hex += strstr(line, " hex ") != NULL;
        build_describe(line, 200, p.bytes, p.len);
    }
    assert_true(hex < 50);
}

static void test_tcp_coverage(void **state)
{
    struct gen_opts opts;

    (void)state;
    gen_opts_init(&opts);
    opts.protocols = GEN_TCP;
    opts.packets = 60000;
    gen_init(gen, 6, &opts);
    while (gen_next(gen, &p))
        ;
    for (enum gen_tcp_state s = 0; s < MODEL_STATE_MAX; s++)
        for (unsigned dir = 0; dir < 2; dir++)
            for (enum gen_tcp_class c = 0; c < MODEL_CLASS_NONE; c++)
                if (gen->tcp_coverage.cell[s][dir][c] < 5 && !(s == MODEL_NONE && dir))
                    fail_msg("%s, direction %u, %s: %u packets", gen_tcp_model_state_name(s), dir,
                             gen_tcp_model_class_name(c), gen->tcp_coverage.cell[s][dir][c]);
}

static void test_sctp_coverage(void **state)
{
    struct gen_opts opts;

    (void)state;
    gen_opts_init(&opts);
    opts.protocols = GEN_SCTP;
    opts.packets = 100000;
    gen_init(gen, 7, &opts);
    while (gen_next(gen, &p))
        ;
    for (unsigned s = 1; s < 9; s++)
        for (unsigned dir = 0; dir < 2; dir++)
            for (unsigned type = 0; type < 15; type++)
                if (build_chunk_name((uint8_t)type) && gen->sctp_coverage[s][dir][type] < 1)
                    fail_msg("state %u, direction %u, chunk %u: none", s, dir, type);
}

/* ---- the model, against the sheet ------------------------------------------------------------ */

/* What the tracker should believe after each packet of a few well-known sequences. */
static const struct {
    const char *name;
    struct {
        unsigned from;
        uint16_t flags;
        uint32_t seq, ack;
        uint16_t win;
        unsigned len;
        enum gen_tcp_state state;
    } step[8];
} sequence[] = {
#define S  BUILD_TCP_SYN
#define SA BUILD_TCP_SYN | BUILD_TCP_ACK
#define A  BUILD_TCP_ACK
#define FA BUILD_TCP_FIN | BUILD_TCP_ACK
#define R  BUILD_TCP_RST
    {"handshake and close",
     {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT},
      {1, SA, 5000, 1001, 1000, 0, MODEL_SYN_RECV},
      {0, A, 1001, 5001, 1000, 0, MODEL_ESTABLISHED},
      {0, FA, 1001, 5001, 1000, 0, MODEL_FIN_WAIT},
      {1, A, 5001, 1002, 1000, 0, MODEL_CLOSE_WAIT},
      {1, FA, 5001, 1002, 1000, 0, MODEL_LAST_ACK},
      {0, A, 1002, 5002, 1000, 0, MODEL_TIME_WAIT},
      {1, S, 9, 0, 1000, 0, MODEL_SYN_SENT}}},
    {"simultaneous open",
     {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT},
      {1, S, 5000, 0, 1000, 0, MODEL_SYN_SENT2},
      {0, SA, 1000, 5001, 1000, 0, MODEL_SYN_RECV},
      {1, A, 5001, 1001, 1000, 0, MODEL_ESTABLISHED}}},
    {"an inexact reset",
     {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT},
      {1, SA, 5000, 1001, 1000, 0, MODEL_SYN_RECV},
      {0, A, 1001, 5001, 1000, 0, MODEL_ESTABLISHED},
      {0, R, 1000, 0, 0, 0, MODEL_ESTABLISHED},
      {0, R, 1002, 0, 0, 0, MODEL_ESTABLISHED},
      {0, R, 1001, 0, 0, 0, MODEL_CLOSE}}},
    {"a client that begins anew",
     {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT},
      {1, SA, 5000, 1001, 1000, 0, MODEL_SYN_RECV},
      {0, A, 1001, 5001, 1000, 0, MODEL_ESTABLISHED},
      {0, S, 70000, 0, 1000, 0, MODEL_ESTABLISHED},
      {1, SA, 9000, 70001, 1000, 0, MODEL_SYN_RECV},
      {0, A, 70001, 9001, 1000, 0, MODEL_ESTABLISHED}}},
    {"refused", {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT}, {1, R, 0, 0, 0, 0, MODEL_NONE}}},
    {"in the middle, beyond the window",
     {{0, A, 1001, 5001, 1000, 0, MODEL_ESTABLISHED},
      {1, A, 5001, 1001, 1000, 0, MODEL_ESTABLISHED},
      {1, FA, 900000000, 1001, 1000, 0, MODEL_FIN_WAIT}}}, /* it is liberal */
    {"acknowledges what was not sent",
     {{0, S, 1000, 0, 1000, 0, MODEL_SYN_SENT}, {1, SA, 5000, 1002, 1000, 0, MODEL_SYN_SENT}}},
#undef S
#undef SA
#undef A
#undef FA
#undef R
};

static void test_model(void **state)
{
    static struct gen_tcp_coverage coverage;

    (void)state;
    for (size_t i = 0; i < sizeof(sequence) / sizeof(sequence[0]); i++) {
        struct gen_tcp_model m;
        gen_tcp_model_init(&m);
        for (size_t k = 0; k < 8 && sequence[i].step[k].flags; k++) {
            struct build_tcp t = {.flags = sequence[i].step[k].flags,
                                  .seq = sequence[i].step[k].seq,
                                  .ack = sequence[i].step[k].ack,
                                  .win = sequence[i].step[k].win};
            gen_tcp_model_sent(&m, sequence[i].step[k].from, &t, sequence[i].step[k].len,
                               &coverage);
            if (m.state != sequence[i].step[k].state)
                fail_msg("%s, packet %zu: %s", sequence[i].name, k + 1,
                         gen_tcp_model_state_name(m.state));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_count),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_ip_layer),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_tcp_coverage),
        cmocka_unit_test(test_sctp_coverage), cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
