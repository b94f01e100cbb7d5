/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-way tracking (weir.oneway_zones), as src/proto/oneway.c describes it: only clients' packets
 * are sent, except where a test says so.
 */
#include "shard_fixture.h"

static const struct weir_template zone100 = {.zone = 100, .zone_dirs = 3};
static const struct weir_template zone99 = {.zone = 99, .zone_dirs = 3};

enum { FL_FINACK = BUILD_TCP_FIN | BUILD_TCP_ACK, FL_RST = BUILD_TCP_RST };

static int setup(void **state)
{
    struct fixture *f = fixture_new(1000);

    set(f, WEIR_T_ONEWAY_ZONES, 100);
    f->templ = &zone100;
    *state = f;
    return 0;
}

static enum weir_ctinfo client(struct fixture *f, uint16_t flags, uint32_t seq, uint32_t ack)
{
    return send_tcp(f, 'A', 'B', 40000, 80, flags, seq, ack);
}

static void is_in(struct fixture *f, uint8_t state, int64_t seconds)
{
    struct weir_conn c = its_conn(f);

    assert_int_equal(c.state, state);
    assert_int_equal(c.timeout_ms, seconds * 1000);
    assert_true(c.parts & WEIR_IS_ONE_WAY);
    assert_false(c.status & WEIR_S_SEEN_REPLY);
}

static void test_life(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(client(f, FL_SYN, 1000, 0), WEIR_CT_NEW);
    is_in(f, WEIR_TCP_SYN_SENT, 30);
    assert_int_equal(client(f, FL_SYN, 1000, 0), WEIR_CT_NEW);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_ESTABLISHED);
    is_in(f, WEIR_TCP_ESTABLISHED, 300);
    assert_true(its_conn(f).status & WEIR_S_ASSURED);
    wait_ms(f, 299000);
    assert_int_equal(client(f, FL_ACK, 1001, 900000), WEIR_CT_ESTABLISHED);
    is_in(f, WEIR_TCP_ESTABLISHED, 300);
    assert_int_equal(client(f, FL_FINACK, 1001, 900000), WEIR_CT_ESTABLISHED);
    is_in(f, WEIR_TCP_FIN_WAIT, 30);
    assert_int_equal(client(f, FL_ACK, 1002, 900001), WEIR_CT_ESTABLISHED);
    is_in(f, WEIR_TCP_FIN_WAIT, 30);
    wait_ms(f, 30000);
    assert_int_equal(conns(f), 0);
}

/* Used again before it is gone. */
static void test_reopen(void **state)
{
    struct fixture *f = *state;

    (void)client(f, FL_SYN, 1000, 0);
    (void)client(f, FL_ACK, 1001, 5001);
    (void)client(f, FL_FINACK, 1001, 5001);
    assert_int_equal(stats(f).removed, 0);
    assert_int_equal(client(f, FL_SYN, 7000, 0), WEIR_CT_NEW);
    is_in(f, WEIR_TCP_SYN_SENT, 30);
    assert_int_equal(stats(f).removed, 1);
    assert_int_equal(conns(f), 1);
}

static void test_reset(void **state)
{
    struct fixture *f = *state;

    (void)client(f, FL_SYN, 1000, 0);
    (void)client(f, FL_ACK, 1001, 5001);
    assert_int_equal(client(f, FL_RST, 1001 + 70000, 0), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_TCP_RST_SEQ);
    assert_int_equal(only_conn(f).state, WEIR_TCP_ESTABLISHED);
    assert_int_equal(client(f, FL_RST, 1001, 0), WEIR_CT_ESTABLISHED);
    is_in(f, WEIR_TCP_CLOSE, 10);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_INVALID);
}

/* A client that lost its memory: its SYN passes, and its RST then ends the old connection. */
static void test_syn_again(void **state)
{
    struct fixture *f = *state;

    (void)client(f, FL_SYN, 1000, 0);
    (void)client(f, FL_ACK, 1001, 5001);
    wait_ms(f, 1000);
    assert_int_equal(client(f, FL_SYN, 99000, 0), WEIR_CT_NEW);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    is_in(f, WEIR_TCP_ESTABLISHED, 299);
    assert_int_equal(client(f, FL_RST, 1001, 0), WEIR_CT_ESTABLISHED);
    assert_int_equal(client(f, FL_SYN, 99000, 0), WEIR_CT_NEW);
    is_in(f, WEIR_TCP_SYN_SENT, 30);
}

static void test_in_the_middle(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_NEW);
    is_in(f, WEIR_TCP_ESTABLISHED, 300);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_ESTABLISHED);
    weir_shard_flush(f->shard);
    set(f, WEIR_T_TCP_LOOSE, 0);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_TCP_NO_SYN);
    assert_int_equal(client(f, FL_SYNACK, 1001, 5001), WEIR_CT_INVALID);
    assert_int_equal(client(f, FL_RST, 1001, 0), WEIR_CT_INVALID);
    assert_int_equal(client(f, FL_FINACK, 1001, 5), WEIR_CT_INVALID);
    assert_int_equal(conns(f), 0);
}

static void test_udp(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send_udp(f, 'A', 'B', 1000, 53), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).timeout_ms, 30000);
    assert_int_equal(send_udp(f, 'A', 'B', 1000, 53), WEIR_CT_ESTABLISHED);
    assert_true(its_conn(f).status & WEIR_S_ASSURED);
    assert_int_equal(its_conn(f).timeout_ms, 30000);
    wait_ms(f, 30000);
    assert_int_equal(conns(f), 0);
}

/* An answer that passes after all is one. */
static void test_answer(void **state)
{
    struct fixture *f = *state;

    (void)client(f, FL_SYN, 1000, 0);
    assert_int_equal(send_tcp(f, 'B', 'A', 80, 40000, FL_SYNACK, 5000, 1001),
                     WEIR_CT_ESTABLISHED_REPLY);
    assert_true(its_conn(f).status & WEIR_S_SEEN_REPLY);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_ESTABLISHED);
}

/* Other zones, other protocols, and all of them while it is off, are as in Linux. */
static void test_elsewhere(void **state)
{
    struct fixture *f = *state;

    f->templ = &zone99;
    (void)client(f, FL_SYN, 1000, 0);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_INVALID);
    f->templ = &zone100;
    assert_int_equal(send_generic(f, 'A', 'B', 99), WEIR_CT_NEW);
    assert_int_equal(send_generic(f, 'A', 'B', 99), WEIR_CT_NEW);
    set(f, WEIR_T_ONEWAY_ZONES, 0);
    (void)client(f, FL_SYN, 1000, 0);
    assert_int_equal(client(f, FL_ACK, 1001, 5001), WEIR_CT_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_life),          TEST(test_reopen), TEST(test_reset),  TEST(test_syn_again),
        TEST(test_in_the_middle), TEST(test_udp),    TEST(test_answer), TEST(test_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
