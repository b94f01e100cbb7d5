/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table is full: conntrack reference, 2.6 (full-1 to full-3).
 */
#include "shard_fixture.h"

static uint64_t destroyed(const struct fixture *f)
{
    uint64_t n = 0;

    for (size_t i = 0; i < f->events; i++)
        n += f->log[i].type == WEIR_EVENT_DESTROY;
    return n;
}

/* What a packet meets when there is no room: it is dropped, not INVALID, and leaves no trace. */
static void check_refused(struct fixture *f, uint64_t drops)
{
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(f->sent.reason, WEIR_R_TABLE_FULL);
    assert_int_equal(f->sent.ctinfo, WEIR_CT_NONE);
    assert_int_equal(f->sent.conn, 0);
    assert_int_equal(stats(f).drop, drops);
    assert_int_equal(stats(f).invalid, 0);
    assert_int_equal(stats(f).insert_failed, 0);
}

/* `n` answered UDP flows, older than two seconds: none of them can be dropped early. */
static void fill_assured(struct fixture *f, uint16_t n)
{
    for (uint16_t port = 1; port <= n; port++) {
        assert_int_equal(send_udp(f, 'A', 'B', port, 53), WEIR_CT_NEW);
        assert_int_equal(send_udp(f, 'B', 'A', 53, port), WEIR_CT_ESTABLISHED_REPLY);
    }
    wait_ms(f, 2100);
    for (uint16_t port = 1; port <= n; port++)
        assert_int_equal(send_udp(f, 'A', 'B', port, 53), WEIR_CT_ESTABLISHED);
    f->events = 0;
}

static void test_full_1(void **state)
{
    struct fixture *f = fixture_new(100);

    (void)state;
    fill_assured(f, 100);
    assert_int_equal(count(f), 100); /* exactly max fit */
    (void)send_udp(f, 'C', 'B', 1, 53);
    check_refused(f, 1);
    assert_int_equal(count(f), 100);
    assert_int_equal(f->messages, 1);
    /* Neither does a pass of the collector find anything. */
    wait_ms(f, 1000);
    assert_int_equal(count(f), 100);
    assert_int_equal(stats(f).early_drop, 0);
    no_event(f);
    /* Packets of connections that exist pass as ever. */
    assert_int_equal(send_udp(f, 'B', 'A', 53, 7), WEIR_CT_ESTABLISHED_REPLY);
    (void)send_udp(f, 'C', 'B', 1, 53);
    check_refused(f, 2);
    fixture_free(f);
}

/* "table full" is said at most once in five seconds. */
static void test_full_message(void **state)
{
    struct fixture *f = fixture_new(3);

    (void)state;
    fill_assured(f, 3);
    for (int i = 0; i < 100; i++) { /* ten seconds */
        (void)send_udp(f, 'C', 'B', 1, 53);
        assert_int_equal(f->sent.verdict, WEIR_DROP);
        wait_ms(f, 100);
    }
    assert_int_equal(f->messages, 2);
    fixture_free(f);
}

/* None is ASSURED: one more packet makes room for itself. */
static void test_full_2(void **state)
{
    enum { MAX = 2000 };
    struct fixture *f = fixture_new(MAX);

    (void)state;
    for (uint16_t port = 1; port <= MAX; port++)
        assert_int_equal(send_udp(f, 'A', 'B', port, 53), WEIR_CT_NEW);
    assert_int_equal(count(f), MAX);
    assert_int_equal(stats(f).early_drop, 0);
    f->events = 0;
    assert_int_equal(send_udp(f, 'C', 'B', 1, 53), WEIR_CT_NEW);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    assert_true(stats(f).early_drop >= 1);
    assert_int_equal(stats(f).early_drop, destroyed(f));
    assert_int_equal(count(f), MAX + 1 - stats(f).early_drop);
    assert_int_equal(conns(f), count(f));
    assert_int_equal(stats(f).drop, 0);
    fixture_free(f);
}

/* Early drop spares what is ASSURED, whatever else there is, however often it happens. */
static void test_early_drop_spares(void **state)
{
    enum { MAX = 300, ASSURED = 200 };
    struct fixture *f = fixture_new(MAX);

    (void)state;
    fill_assured(f, ASSURED);
    for (uint16_t port = 1; port <= 3000; port++) {
        f->events = 0;
        (void)send_udp(f, 'C', 'B', port, 53);
        assert_true(count(f) <= MAX);
    }
    assert_true(stats(f).early_drop > 0);
    for (uint16_t port = 1; port <= ASSURED; port++)
        assert_int_equal(send_udp(f, 'B', 'A', 53, port), WEIR_CT_ESTABLISHED_REPLY);
    fixture_free(f);
}

/* A table for one. */
static void test_one(void **state)
{
    struct fixture *f = fixture_new(1);
    uint32_t passed = 0;

    (void)state;
    assert_int_equal(send_udp(f, 'A', 'B', 1, 53), WEIR_CT_NEW);
    for (uint16_t port = 2; port < 200; port++) {
        (void)send_udp(f, 'A', 'B', port, 53);
        assert_int_equal(count(f), 1);
        assert_int_equal(conns(f), 1);
        passed += f->sent.verdict == WEIR_ACCEPT;
    }
    assert_true(passed > 0);
    f->now.ns += 10 * MSEC; /* the collector comes */
    (void)weir_shard_tick(f->shard, f->now, 0);
    make_assured_udp(f, 'C', 'D', 1, 1);
    (void)send_udp(f, 'A', 'B', 1, 53);
    assert_int_equal(f->sent.reason, WEIR_R_TABLE_FULL);
    assert_int_equal(send_udp(f, 'D', 'C', 1, 1), WEIR_CT_ESTABLISHED_REPLY);
    fixture_free(f);
}

/* ASSURED TCP connections, closing. */
static void fill_closing(struct fixture *f, uint16_t n)
{
    for (uint16_t port = 1; port <= n; port++) {
        (void)send_tcp(f, 'A', 'B', port, 80, FL_SYN, 1000, 0);
        (void)send_tcp(f, 'B', 'A', 80, port, FL_SYNACK, 5000, 1001);
        (void)send_tcp(f, 'A', 'B', port, 80, FL_ACK, 1001, 5001);
        (void)send_tcp(f, 'A', 'B', port, 80, BUILD_TCP_FIN | BUILD_TCP_ACK, 1001, 5001);
        f->events = 0;
    }
    assert_int_equal(count(f), n);
    assert_true(its_conn(f).status & WEIR_S_ASSURED);
    assert_int_equal(its_conn(f).state, WEIR_TCP_FIN_WAIT);
}

/* A failed allocation has the collector end 257 of them, once; none of it is early drop. */
static void test_full_3(void **state)
{
    enum { MAX = 6000 };
    struct fixture *f = fixture_new(MAX);

    (void)state;
    fill_closing(f, MAX);
    wait_ms(f, 1000);
    assert_int_equal(count(f), MAX);
    (void)send_udp(f, 'C', 'B', 1, 53);
    check_refused(f, 1);
    wait_ms(f, 60000);
    assert_int_equal(count(f), MAX - 257);
    assert_int_equal(destroyed(f), 257);
    wait_ms(f, 50000);
    assert_int_equal(count(f), MAX - 257);
    assert_int_equal(stats(f).early_drop, 0);
    fixture_free(f);
}

/* The work that a refusal leaves behind is something that a caller can wait for. */
static void test_eviction_has_a_deadline(void **state)
{
    enum { MAX = 6000 };
    struct fixture *f = fixture_new(MAX);

    (void)state;
    set(f, WEIR_T_TCP_FIN_WAIT, 200000); /* nothing else is due soon */
    fill_closing(f, MAX);
    wait_ms(f, 130000);
    assert_true(weir_shard_deadline(f->shard).ns > f->now.ns + 60 * SEC);
    (void)send_udp(f, 'C', 'B', 1, 53);
    check_refused(f, 1);
    struct weir_time deadline = weir_shard_deadline(f->shard);

    assert_true(deadline.ns <= f->now.ns + 60 * SEC);
    wait_ms(f, (deadline.ns - f->now.ns) / MSEC + 1);
    assert_int_equal(count(f), MAX - 257);
    fixture_free(f);
}

/* Lowering max ends nothing; it only lets nothing new in. Raising it does. */
static void test_max_changes(void **state)
{
    struct fixture *f = fixture_new(100);

    (void)state;
    fill_assured(f, 100);
    set(f, WEIR_T_MAX, 10);
    assert_int_equal(count(f), 100);
    (void)send_udp(f, 'C', 'B', 1, 53);
    check_refused(f, 1);
    set(f, WEIR_T_MAX, 100);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_MAX, 101), -ERANGE);
    uint64_t cursor = 0;
    struct weir_conn c;

    assert_true(weir_conn_walk(f->shard, &cursor, &c));
    assert_true(weir_conn_kill(f->shard, c.handle));
    assert_int_equal(send_udp(f, 'C', 'B', 1, 53), WEIR_CT_NEW);
    fixture_free(f);
}

/* The limit counts both families together. */
static void test_families_share(void **state)
{
    struct fixture *f = fixture_new(10);

    (void)state;
    for (uint16_t port = 1; port <= 5; port++) {
        for (uint8_t family = 4; family <= 6; family += 2) {
            assert_int_equal(send_udp6or4(f, family, 'A', 'B', port, 53), WEIR_CT_NEW);
            assert_int_equal(send_udp6or4(f, family, 'B', 'A', 53, port),
                             WEIR_CT_ESTABLISHED_REPLY);
        }
    }
    wait_ms(f, 2100);
    for (uint16_t port = 1; port <= 5; port++)
        for (uint8_t family = 4; family <= 6; family += 2)
            (void)send_udp6or4(f, family, 'A', 'B', port, 53);
    for (uint8_t family = 4; family <= 6; family += 2) {
        (void)send_udp6or4(f, family, 'C', 'B', 1, 53);
        assert_int_equal(f->sent.reason, WEIR_R_TABLE_FULL);
    }
    assert_int_equal(count(f), 10);
    fixture_free(f);
}

/* Expired entries count until somebody notices; a packet that needs their room may. */
static void test_expired_make_room(void **state)
{
    struct fixture *f = fixture_new(50);

    (void)state;
    fill_assured(f, 50);
    f->now.ns += 121 * SEC;
    /* A packet's own share of the work is bounded, so not each of these need find room. */
    uint32_t passed = 0;

    for (uint16_t port = 1; port <= 60; port++)
        passed += send_udp(f, 'C', 'B', port, 53) == WEIR_CT_NEW;
    assert_true(passed >= 50);
    assert_true(count(f) <= 50);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_1),
        cmocka_unit_test(test_full_message),
        cmocka_unit_test(test_full_2),
        cmocka_unit_test(test_early_drop_spares),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_full_3),
        cmocka_unit_test(test_eviction_has_a_deadline),
        cmocka_unit_test(test_max_changes),
        cmocka_unit_test(test_families_share),
        cmocka_unit_test(test_expired_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
