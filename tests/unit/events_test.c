/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: conntrack reference, 2.8 (ev-1 to ev-3), conf-4, and what each message carries.
 */
#include "shard_fixture.h"

#define KIND(name) (1u << WEIR_EV_##name)

static void check_event(const struct logged *e, uint32_t kinds, uint8_t tcp_state, int64_t seconds)
{
    assert_int_equal(e->kinds, kinds);
    assert_int_equal(e->conn.state, tcp_state);
    assert_int_equal(e->conn.timeout_ms, seconds * 1000);
    assert_true(e->has_cause);
}

static void test_ev_3(void **state)
{
    struct fixture *f = *state;
    const struct logged *e;

    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    e = only_event(f, WEIR_EVENT_NEW);
    check_event(e, KIND(NEW) | KIND(PROTOINFO), WEIR_TCP_SYN_SENT, 120);
    assert_int_equal(e->conn.status, WEIR_S_CONFIRMED);
    assert_int_equal(e->time.ns, f->now.ns);
    wait_ms(f, 10);
    (void)send_tcp(f, 'B', 'A', 2, 1, FL_SYNACK, 5000, 1001);
    e = only_event(f, WEIR_EVENT_UPDATE);
    check_event(e, KIND(REPLY) | KIND(PROTOINFO), WEIR_TCP_SYN_RECV, 60);
    assert_int_equal(e->conn.status, WEIR_S_CONFIRMED | WEIR_S_SEEN_REPLY);
    assert_int_equal(e->time.ns, f->now.ns);
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
    e = only_event(f, WEIR_EVENT_UPDATE);
    check_event(e, KIND(ASSURED) | KIND(PROTOINFO), WEIR_TCP_ESTABLISHED, 432000);
    /* Data and acks: none. */
    for (int i = 0; i < 5; i++) {
        (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
        (void)send_tcp(f, 'B', 'A', 2, 1, FL_ACK, 5001, 1001);
    }
    no_event(f);
}

static void test_udp(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    check_event(only_event(f, WEIR_EVENT_NEW), KIND(NEW), 0, 30);
    (void)send_udp(f, 'A', 'B', 1, 2);
    no_event(f);
    (void)send_udp(f, 'B', 'A', 2, 1);
    check_event(only_event(f, WEIR_EVENT_UPDATE), KIND(REPLY), 0, 30);
    (void)send_udp(f, 'B', 'A', 2, 1);
    no_event(f);
    wait_ms(f, 2100);
    (void)send_udp(f, 'A', 'B', 1, 2);
    check_event(only_event(f, WEIR_EVENT_UPDATE), KIND(ASSURED), 0, 120);
    (void)send_udp(f, 'A', 'B', 1, 2);
    no_event(f);
    wait_ms(f, 120000);
    const struct logged *e = only_event(f, WEIR_EVENT_DESTROY);

    assert_int_equal(e->kinds, KIND(DESTROY));
    assert_int_equal(e->conn.status,
                     WEIR_S_CONFIRMED | WEIR_S_SEEN_REPLY | WEIR_S_ASSURED | WEIR_S_DYING);
    assert_true(e->conn.timeout_ms <= 0);
    assert_int_equal(e->time.ns, f->now.ns);
    assert_false(e->has_cause);
}

/* What a dropped packet changed is told with the next one that passes. */
static void test_conf_4(void **state)
{
    struct fixture *f = *state;
    struct build b;

    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    (void)only_event(f, WEIR_EVENT_NEW);
    packet_init(&b, 4, BUILD_TCP, 'B', 'A');
    b.ttl = 1;
    b.l4.tcp.sport = 2;
    b.l4.tcp.dport = 1;
    b.l4.tcp.flags = FL_SYNACK;
    b.l4.tcp.seq = 5000;
    b.l4.tcp.ack = 1001;
    b.l4.tcp.win = 1000;
    assert_int_equal(send_packet(f, &b), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(f->sent.reason, WEIR_R_TTL_EXCEEDED);
    no_event(f);
    assert_int_equal(only_conn(f).state, WEIR_TCP_SYN_RECV);
    assert_int_equal(only_conn(f).timeout_ms, 60000);
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
    check_event(only_event(f, WEIR_EVENT_UPDATE), KIND(REPLY) | KIND(ASSURED) | KIND(PROTOINFO),
                WEIR_TCP_ESTABLISHED, 432000);
}

static void test_ev_1(void **state)
{
    static const struct weir_template only_new = {.event_mask = KIND(NEW), .zone_dirs = 3};
    struct fixture *f = *state;

    f->templ = &only_new;
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_event(f, WEIR_EVENT_NEW)->kinds, KIND(NEW));
    f->templ = NULL;
    (void)send_udp(f, 'B', 'A', 2, 1);
    no_event(f);
    wait_ms(f, 40000);
    assert_int_equal(count(f), 0);
    no_event(f);
}

static void test_ev_2(void **state)
{
    static const struct weir_template some = {.event_mask = KIND(NEW) | KIND(DESTROY),
                                              .zone_dirs = 3};
    struct fixture *f = *state;

    set(f, WEIR_T_EVENTS, 0);
    f->templ = &some;
    (void)send_udp(f, 'A', 'B', 1, 2);
    (void)only_event(f, WEIR_EVENT_NEW);
    f->templ = NULL;
    (void)send_udp(f, 'B', 'A', 2, 1);
    no_event(f);
    wait_ms(f, 40000);
    (void)only_event(f, WEIR_EVENT_DESTROY);
}

/* 0: none, for the whole life of entries made meanwhile, and only for those. */
static void test_sysctl_0(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    (void)only_event(f, WEIR_EVENT_NEW);
    set(f, WEIR_T_EVENTS, 0);
    (void)send_udp(f, 'C', 'B', 1, 2);
    no_event(f);
    set(f, WEIR_T_EVENTS, 1);
    (void)send_udp(f, 'B', 'C', 2, 1);
    no_event(f);
    (void)send_udp(f, 'B', 'A', 2, 1);
    (void)only_event(f, WEIR_EVENT_UPDATE);
    wait_ms(f, 40000);
    assert_int_equal(count(f), 0);
    (void)only_event(f, WEIR_EVENT_DESTROY);
}

static void test_refused_reply(void **state)
{
    struct fixture *f = *state;

    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    (void)only_event(f, WEIR_EVENT_NEW);
    (void)send_tcp(f, 'B', 'A', 2, 1, BUILD_TCP_RST | BUILD_TCP_ACK, 0, 1001);
    const struct logged *e = only_event(f, WEIR_EVENT_DESTROY);

    assert_int_equal(e->conn.state, WEIR_TCP_CLOSE);
    assert_true(e->conn.timeout_ms > 0); /* it was not over yet */
    assert_int_equal(e->time.ns, f->now.ns);
}

/* Reopened: the old connection ends, then the new one begins. */
static void test_reopen(void **state)
{
    struct fixture *f = *state;

    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    (void)send_tcp(f, 'B', 'A', 2, 1, FL_SYNACK, 5000, 1001);
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
    (void)send_tcp(f, 'A', 'B', 1, 2, BUILD_TCP_RST, 1001, 0);
    f->events = 0;
    assert_int_equal(send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 70000, 0), WEIR_CT_NEW);
    assert_int_equal(f->events, 2);
    assert_int_equal(f->log[0].type, WEIR_EVENT_DESTROY);
    assert_int_equal(f->log[0].conn.state, WEIR_TCP_CLOSE);
    assert_int_equal(f->log[1].type, WEIR_EVENT_NEW);
    assert_int_equal(f->log[1].conn.state, WEIR_TCP_SYN_SENT);
    assert_int_equal(conns(f), 1);
}

static void test_mark(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    uint32_t handle = f->sent.conn;

    f->events = 0;
    assert_int_equal(weir_conn_set_mark(f->shard, handle, 7), 0);
    const struct logged *e = only_event(f, WEIR_EVENT_UPDATE);

    assert_int_equal(e->kinds, KIND(MARK));
    assert_int_equal(e->conn.mark, 7);
    assert_false(e->has_cause);
    assert_int_equal(weir_conn_set_mark(f->shard, handle, 7), 0); /* no change, no event */
    no_event(f);
    assert_int_equal(weir_conn_set_mark(f->shard, handle + 2, 7), -ENOENT);
    assert_int_equal(weir_conn_set_mark(f->shard, 0, 7), -ENOENT);
}

/* Bit 5 is 20 00 ... 00 (2.7). */
static void test_labels(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    uint32_t handle = f->sent.conn;

    assert_int_equal(only_conn(f).parts & WEIR_HAS_LABELS, 0);
    f->events = 0;
    assert_int_equal(weir_conn_set_label(f->shard, handle, 5), 0);
    const struct logged *e = only_event(f, WEIR_EVENT_UPDATE);

    assert_int_equal(e->kinds, KIND(LABEL));
    assert_int_equal(e->conn.labels[0], 0x20);
    assert_true(e->conn.parts & WEIR_HAS_LABELS);
    assert_int_equal(weir_conn_set_label(f->shard, handle, 5), 0);
    no_event(f);
    assert_int_equal(weir_conn_set_label(f->shard, handle, 127), 0);
    assert_int_equal(only_event(f, WEIR_EVENT_UPDATE)->conn.labels[15], 0x80);
    assert_int_equal(weir_conn_set_label(f->shard, handle, 128), -EINVAL);
    assert_int_equal(weir_conn_set_label(f->shard, handle + 2, 1), -ENOENT);
    no_event(f);
}

/* A connection that goes in whatever way says so once. */
static void test_destroy_once(void **state)
{
    struct fixture *f = *state;

    for (uint16_t port = 1; port <= 4; port++)
        (void)send_udp(f, 'A', 'B', port, 2);
    uint32_t handle = f->sent.conn;

    f->events = 0;
    assert_true(weir_conn_kill(f->shard, handle));
    assert_int_equal(only_event(f, WEIR_EVENT_DESTROY)->conn.handle, handle);
    assert_false(weir_conn_kill(f->shard, handle));
    no_event(f);
    weir_shard_flush(f->shard);
    assert_int_equal(f->events, 3);
    f->events = 0;
    weir_shard_flush(f->shard);
    wait_ms(f, 100000);
    no_event(f);
}

/*
 * An expired entry ended at its deadline, whoever notices and whenever: a tick, a tick hours later,
 * a packet that meets it. The clock stands between two ticks when they do.
 */
static void test_time_of_expiry(void **state)
{
    struct fixture *f = *state;
    const int64_t late[] = {0, 1, 3999999, 4000000, 3600 * SEC + 12345};

    f->now.ns += 1234567; /* not on a tick either */
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        for (int by_packet = 0; by_packet < 2; by_packet++) {
            int64_t tick = f->now.ns / WEIR_TICK_NS;
            int64_t deadline = (tick + 30 * WEIR_TICKS_PER_SEC) * WEIR_TICK_NS;

            (void)send_udp(f, 'A', 'B', 1, 2);
            f->events = 0;
            f->now.ns = deadline + late[i];
            if (by_packet)
                (void)send_udp(f, 'A', 'B', 1, 2);
            else
                (void)weir_shard_tick(f->shard, f->now, 0);
            assert_int_equal(f->log[0].type, WEIR_EVENT_DESTROY);
            assert_int_equal(f->log[0].time.ns, deadline);
            weir_shard_flush(f->shard);
        }
    }
}

/* Nobody listens: everything works all the same. */
static void test_no_listener(void **state)
{
    const struct weir_config config = {.max = 10};
    struct fixture *f = calloc(1, sizeof(*f));

    (void)state;
    assert_non_null(f);
    f->shard = weir_shard_new(&config);
    assert_non_null(f->shard);
    set(f, WEIR_T_EVENTS, 1);
    for (uint16_t port = 1; port <= 30; port++)
        (void)send_udp(f, 'A', 'B', port, 2);
    wait_ms(f, 100000);
    assert_int_equal(count(f), 0);
    fixture_free(f);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(test_ev_1),
        SHARD_TEST(test_ev_2),
        SHARD_TEST(test_ev_3),
        SHARD_TEST(test_udp),
        SHARD_TEST(test_conf_4),
        SHARD_TEST(test_sysctl_0),
        SHARD_TEST(test_refused_reply),
        SHARD_TEST(test_reopen),
        SHARD_TEST(test_mark),
        SHARD_TEST(test_labels),
        SHARD_TEST(test_destroy_once),
        SHARD_TEST(test_time_of_expiry),
        cmocka_unit_test(test_no_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
