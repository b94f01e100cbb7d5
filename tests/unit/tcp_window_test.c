/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP window check through the public API: win-1 to win-20 of the conntrack reference, 3.6.
 *
 * A packet is "counted" (accepted), "uncounted" (passes with its class, but neither refreshes nor
 * counts) or INVALID. Every row starts with a fresh connection: A's first number is 1000, B's 5000,
 * both windows 1000. Sequence numbers are circular, so each row runs at other places of the circle
 * as well, where it wraps inside the window; rows give the numbers as the reference prints them.
 */
#include "shard_fixture.h"

enum judgement { INV = 1, UNCOUNTED, COUNTED };

enum { NO_SCALE = -1 };

/* What a side says in its SYN. */
struct syn {
    int scale;
    bool sack;
    uint16_t win;
};

struct test {
    struct fixture *f;
    uint32_t base[2]; /* added to each side's sequence numbers */
};

static const struct syn plain = {NO_SCALE, false, 1000};

/* A segment of side `dir`. */
struct seg {
    enum weir_dir dir;
    uint16_t flags;
    uint32_t seq, ack;
    uint16_t win;
    uint32_t len;
    int scale;
    bool sackok;
    struct build_block sack; /* when right is not 0; numbers of the other side */
};

static enum weir_ctinfo send_seg(const struct test *t, const struct seg *s)
{
    uint32_t own = t->base[s->dir], other = t->base[!s->dir];
    struct build b;

    packet_init(&b, 4, BUILD_TCP, s->dir ? 'B' : 'A', s->dir ? 'A' : 'B');
    b.l4.tcp.sport = s->dir ? 80 : 4000;
    b.l4.tcp.dport = s->dir ? 4000 : 80;
    b.l4.tcp.flags = s->flags;
    b.l4.tcp.seq = s->seq + own;
    b.l4.tcp.ack = s->flags & BUILD_TCP_ACK ? s->ack + other : 0;
    b.l4.tcp.win = s->win;
    b.data.len = s->len;
    if (s->flags & BUILD_TCP_SYN && s->scale != NO_SCALE)
        assert_true(build_tcp_wscale(&b.l4.tcp, (uint8_t)s->scale));
    if (s->sackok)
        assert_true(build_tcp_sackok(&b.l4.tcp));
    if (s->sack.right) {
        struct build_block block = {s->sack.left + other, s->sack.right + other};

        assert_true(build_tcp_sack(&b.l4.tcp, &block, 1));
    }
    return send_packet(t->f, &b);
}

static void start(struct test *t, uint32_t base_a, uint32_t base_b)
{
    t->f = fixture_new(100);
    t->base[0] = base_a;
    t->base[1] = base_b;
    set(t->f, WEIR_T_ACCT, 1);
}

static void stop(struct test *t)
{
    fixture_free(t->f);
}

static enum weir_ctinfo send_syn(const struct test *t, uint32_t seq, struct syn a)
{
    return send_seg(
        t, &(struct seg){WEIR_ORIG, FL_SYN, seq, .win = a.win, .scale = a.scale, .sackok = a.sack});
}

static enum weir_ctinfo send_synack(const struct test *t, uint32_t ack, struct syn b)
{
    return send_seg(t, &(struct seg){WEIR_REPLY, FL_SYNACK, 5000, ack, b.win, .scale = b.scale,
                                     .sackok = b.sack});
}

static void handshake(const struct test *t, struct syn a, struct syn b)
{
    assert_int_equal(send_syn(t, 1000, a), WEIR_CT_NEW);
    assert_int_equal(send_synack(t, 1001, b), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(send_seg(t, &(struct seg){WEIR_ORIG, FL_ACK, 1001, 5001, 1000}),
                     WEIR_CT_ESTABLISHED);
    struct weir_conn c = only_conn(t->f);

    assert_int_equal(c.state, WEIR_TCP_ESTABLISHED);
    assert_int_equal(c.timeout_ms, 432000000);
    assert_true(c.status & WEIR_S_ASSURED);
}

static const char *const judgement_names[] = {"?", "INVALID", "uncounted", "counted"};

/* Send it a second later, and see what became of it. */
static enum judgement judge(const struct test *t, const struct seg *s)
{
    wait_ms(t->f, 1000);
    struct weir_conn before = only_conn(t->f);
    enum weir_ctinfo class = send_seg(t, s);
    struct weir_conn after = only_conn(t->f);
    bool counted = after.packets[s->dir] != before.packets[s->dir];
    bool refreshed = after.timeout_ms != before.timeout_ms;

    assert_int_equal(t->f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(counted, refreshed);
    assert_int_equal(after.packets[!s->dir], before.packets[!s->dir]);
    if (class == WEIR_CT_INVALID) {
        assert_false(counted);
        return INV;
    }
    assert_int_equal(class, s->dir ? WEIR_CT_ESTABLISHED_REPLY : WEIR_CT_ESTABLISHED);
    assert_int_equal(t->f->sent.reason, counted ? WEIR_R_NONE : WEIR_R_TCP_IGNORED);
    return counted ? COUNTED : UNCOUNTED;
}

static void expect(const char *id, const struct test *t, const struct seg *s,
                   enum judgement judgement)
{
    enum judgement is = judge(t, s);

    if (is != judgement)
        fail_msg("%s (A at +%u, B at +%u): %s instead of %s", id, t->base[0], t->base[1],
                 judgement_names[is], judgement_names[judgement]);
}

/* Where A's and B's numbers begin. */
static const uint32_t bases[][2] = {{0, 0},
                                    {0x80000000u - 2000, 0x80000000u - 5001},
                                    {0u - 1500, 0u - 5001},
                                    {0u - 2001, 0u - 5000},
                                    {0u - 3000, 123456789}};

#define EACH_BASE(i) (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)

/* One segment from A after the handshake without options. */
static void test_win_1_to_8(void **state)
{
    static const struct {
        const char *id;
        uint32_t seq, len, ack;
        enum judgement judgement;
    } rows[] = {
        {"win-1", 2001, 0, 5001, COUNTED},
        {"win-2", 2002, 0, 5001, UNCOUNTED},
        {"win-2", 3000, 0, 5001, UNCOUNTED},
        {"win-3", 3001, 0, 5001, INV},
        {"win-4", 2002, 998, 5001, UNCOUNTED},
        {"win-4", 2002, 999, 5001, INV},
        {"win-5", 1001, 1400, 5001, COUNTED},
        {"win-6", 1, 0, 5001, COUNTED},
        {"win-6", 0, 0, 5001, UNCOUNTED},
        {"win-7", 1001, 0, 5001, COUNTED},
        {"win-7", 1001, 0, 5002, INV},
        {"win-8", 1001, 0, 5001 - 66000u, COUNTED},
        {"win-8", 1001, 0, 5001 - 66001u, UNCOUNTED},
    };

    (void)state;
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for
            EACH_BASE(i)
            {
                struct test t;

                start(&t, bases[i][0], bases[i][1]);
                handshake(&t, plain, plain);
                expect(rows[row].id, &t,
                       &(struct seg){WEIR_ORIG, FL_ACK, rows[row].seq, rows[row].ack, 1000,
                                     rows[row].len},
                       rows[row].judgement);
                stop(&t);
            }
    }
}

/* B's window grew by the 400 bytes that A could send: that much more may overshoot. */
static void test_win_5_growth(void **state)
{
    (void)state;
    for
        EACH_BASE(i)
        {
            struct test t;

            start(&t, bases[i][0], bases[i][1]);
            handshake(&t, plain, plain);
            expect("win-5", &t, &(struct seg){WEIR_ORIG, FL_ACK, 1001, 5001, 1000, 1400}, COUNTED);
            expect("win-5", &t, &(struct seg){WEIR_ORIG, FL_ACK, 3401, 5001, 1000}, INV);
            expect("win-5", &t, &(struct seg){WEIR_ORIG, FL_ACK, 3400, 5001, 1000}, UNCOUNTED);
            stop(&t);
        }
}

static void test_win_9(void **state)
{
    const struct syn scaled = {7, false, 1000};

    (void)state;
    for
        EACH_BASE(i)
        {
            for (uint32_t less = 0; less < 2; less++) {
                struct test t;

                start(&t, bases[i][0], bases[i][1]);
                handshake(&t, scaled, scaled);
                expect("win-9", &t, &(struct seg){WEIR_ORIG, FL_ACK, 1001, 5001, 65535}, COUNTED);
                expect("win-9", &t,
                       &(struct seg){WEIR_ORIG, FL_ACK, 1001, 5001 - 65535u * 128 - less, 1000},
                       less ? UNCOUNTED : COUNTED);
                stop(&t);
            }
        }
}

static void test_win_10(void **state)
{
    static const struct {
        uint32_t seq;
        enum judgement judgement;
    } rows[] = {{9001, COUNTED}, {9002, UNCOUNTED}, {17001, INV}};

    (void)state;
    for
        EACH_BASE(i)
        {
            for (size_t row = 0; row < 3; row++) {
                struct test t;

                start(&t, bases[i][0], bases[i][1]);
                handshake(&t, (struct syn){2, false, 1000}, (struct syn){3, false, 1000});
                expect("win-10", &t, &(struct seg){WEIR_REPLY, FL_ACK, 5001, 1001, 1000}, COUNTED);
                expect("win-10", &t, &(struct seg){WEIR_ORIG, FL_ACK, rows[row].seq, 5001, 1000},
                       rows[row].judgement);
                stop(&t);
            }
        }
}

static void test_win_11(void **state)
{
    struct test t;

    (void)state;
    start(&t, 0, 0);
    handshake(&t, (struct syn){7, false, 1000}, plain);
    struct weir_conn c = only_conn(t.f);

    assert_int_equal(c.tcp.scale[0], 0);
    assert_int_equal(c.tcp.scale[1], 0);
    assert_true(c.tcp.flags[0] & WEIR_TCPF_WINDOW_SCALE);
    assert_false(c.tcp.flags[1] & WEIR_TCPF_WINDOW_SCALE);
    expect("win-11", &t, &(struct seg){WEIR_ORIG, FL_ACK, 2001, 5001, 1000}, COUNTED);
    expect("win-11", &t, &(struct seg){WEIR_ORIG, FL_ACK, 3001 + 1000, 5001, 1000}, INV);
    expect("win-11", &t, &(struct seg){WEIR_ORIG, FL_ACK, 2002, 5001, 1000}, UNCOUNTED);
    stop(&t);
}

static void test_win_12(void **state)
{
    struct test t;

    (void)state;
    start(&t, 0, 0);
    handshake(&t, (struct syn){20, false, 1000}, (struct syn){15, false, 1000});
    struct weir_conn c = only_conn(t.f);

    assert_int_equal(c.tcp.scale[0], 14);
    assert_int_equal(c.tcp.scale[1], 14);
    stop(&t);
}

/* B acknowledges 1001 and, selectively, 1101 to 1201. */
static void sack(const char *id, bool a_offers, bool a_sent, enum judgement judgement)
{
    for
        EACH_BASE(i)
        {
            struct test t;

            start(&t, bases[i][0], bases[i][1]);
            handshake(&t, (struct syn){NO_SCALE, a_offers, 1000},
                      (struct syn){NO_SCALE, true, 1000});
            if (a_sent)
                expect(id, &t, &(struct seg){WEIR_ORIG, FL_ACK, 1101, 5001, 1000, 100}, COUNTED);
            expect(id, &t,
                   &(struct seg){WEIR_REPLY, FL_ACK, 5001, 1001, 1000, .sack = {1101, 1201}},
                   judgement);
            stop(&t);
        }
}

static void test_win_13_to_15(void **state)
{
    (void)state;
    sack("win-13", true, true, COUNTED);
    sack("win-14", true, false, INV);
    sack("win-15", false, false, COUNTED);
}

static void test_win_16(void **state)
{
    struct test t;

    (void)state;
    start(&t, 0, 0);
    assert_int_equal(send_syn(&t, 1000, plain), WEIR_CT_NEW);
    assert_int_equal(send_synack(&t, 1002, plain), WEIR_CT_INVALID);
    assert_int_equal(t.f->sent.reason, WEIR_R_TCP_ACK_UNSEEN);
    struct weir_conn c = only_conn(t.f);

    assert_int_equal(c.state, WEIR_TCP_SYN_SENT);
    assert_false(c.status & WEIR_S_SEEN_REPLY);
    stop(&t);
}

static void test_win_17(void **state)
{
    struct test t;

    (void)state;
    start(&t, 0, 0);
    assert_int_equal(send_syn(&t, 100000, plain), WEIR_CT_NEW);
    assert_int_equal(send_synack(&t, 100001 - 66001, plain), WEIR_CT_ESTABLISHED_REPLY);
    struct weir_conn c = only_conn(t.f);

    assert_int_equal(c.state, WEIR_TCP_SYN_SENT);
    assert_true(c.status & WEIR_S_SEEN_REPLY);
    assert_int_equal(c.packets[1], 0);
    stop(&t);
}

static void test_win_18(void **state)
{
    struct test t;

    (void)state;
    start(&t, 0, 0);
    assert_int_equal(send_syn(&t, 1000, (struct syn){7, false, 1000}), WEIR_CT_NEW);
    assert_int_equal(send_syn(&t, 2000, plain), WEIR_CT_NEW);
    assert_int_equal(send_synack(&t, 2001, (struct syn){8, false, 1000}),
                     WEIR_CT_ESTABLISHED_REPLY);
    struct weir_conn c = only_conn(t.f);

    assert_int_equal(c.state, WEIR_TCP_SYN_RECV);
    assert_int_equal(c.tcp.scale[0], 7);
    assert_int_equal(c.tcp.scale[1], 8);
    stop(&t);
}

static void test_win_19(void **state)
{
    (void)state;
    for
        EACH_BASE(i)
        {
            for (uint32_t acked = 1001; acked <= 2001; acked += 1000) {
                struct test t;

                start(&t, bases[i][0], bases[i][1]);
                assert_int_equal(send_syn(&t, 1000, plain), WEIR_CT_NEW);
                assert_int_equal(send_syn(&t, 2000, plain), WEIR_CT_NEW);
                assert_int_equal(send_synack(&t, acked, plain), WEIR_CT_ESTABLISHED_REPLY);
                assert_int_equal(only_conn(t.f).state, WEIR_TCP_SYN_RECV);
                stop(&t);
            }
        }
}

static void test_win_20(void **state)
{
    (void)state;
    for
        EACH_BASE(i)
        {
            struct test t;

            start(&t, bases[i][0], bases[i][1]);
            handshake(&t, plain, plain);
            expect("win-20", &t, &(struct seg){WEIR_ORIG, FL_ACK, 1000, 5001, 1000}, COUNTED);
            assert_int_equal(only_conn(t.f).timeout_ms, 432000000);
            expect("win-20", &t, &(struct seg){WEIR_REPLY, FL_ACK, 5001, 1001, 1000}, COUNTED);
            assert_int_equal(only_conn(t.f).timeout_ms, 432000000);
            stop(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_win_1_to_8),   cmocka_unit_test(test_win_5_growth),
        cmocka_unit_test(test_win_9),        cmocka_unit_test(test_win_10),
        cmocka_unit_test(test_win_11),       cmocka_unit_test(test_win_12),
        cmocka_unit_test(test_win_13_to_15), cmocka_unit_test(test_win_16),
        cmocka_unit_test(test_win_17),       cmocka_unit_test(test_win_18),
        cmocka_unit_test(test_win_19),       cmocka_unit_test(test_win_20),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
