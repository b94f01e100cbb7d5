/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searching for a port: nat reference, 5.4 (T-16 to T-19c, T-37), and beyond it: no port of a range
 * is left over.
 */
#include "nat_fixture.h"

/* The n-th client's connection to S. */
static struct build client(unsigned n, uint16_t sport, uint8_t proto)
{
    struct build b =
        proto == PROTO_TCP ? tcp(C, sport, S, 80, FL_SYN, 1000, 0) : udp(C, sport, S, 53);

    b.src.b[1] = (uint8_t)(1 + n / 65536);
    b.src.b[2] = (uint8_t)(n / 256);
    b.src.b[3] = (uint8_t)n;
    return b;
}

/* --- intervals --- */

/* T-16: a port stays in its class. */
static void test_t16(void **state)
{
    static const struct {
        uint16_t sport, min, max;
    } rows[] = {
        {0, 1, 511},         {100, 1, 511},        {511, 1, 511},     {512, 600, 1023},
        {599, 600, 1023},    {700, 600, 1023},     {1023, 600, 1023}, {1024, 1024, 65535},
        {5000, 1024, 65535}, {65535, 1024, 65535},
    };
    struct router *r = *state;

    snat(r, N);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        uint16_t lowest = UINT16_MAX, highest = 0;

        flush(r);
        for (unsigned n = 0; n < 60; n++) {
            struct build b = client(n, rows[i].sport, PROTO_UDP);
            uint16_t port = port_out(r, &b);

            if (n == 0) {
                assert_int_equal(port, rows[i].sport);
                continue;
            }
            assert_true(port >= rows[i].min && port <= rows[i].max);
            lowest = port < lowest ? port : lowest;
            highest = port > highest ? port : highest;
        }
        /* All over it: 59 draws miss an end's tenth once in 500. */
        unsigned tenth = (rows[i].max - rows[i].min) / 10u;

        assert_true(lowest <= rows[i].min + tenth && highest >= rows[i].max - tenth);
    }
}

/* T-17, T-37: a small range is used up, every port of it, and what comes then is dropped. */
static void test_t17(void **state)
{
    struct router *r = *state;
    struct build b;
    unsigned seen = 0;

    ask(r, NAT_SRC, N, NULL, 2000, 2003, 0);
    b = client(0, 2002, PROTO_UDP);
    assert_int_equal(port_out(r, &b), 2002);
    for (unsigned n = 1; n < 4; n++) {
        b = client(n, 7000, PROTO_UDP);
        seen |= 1u << (port_out(r, &b) - 2000);
    }
    assert_int_equal(seen, 0xb);
    for (unsigned n = 4; n < 7; n++) {
        b = client(n, 7000, PROTO_UDP);
        is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);
    }
    assert_int_equal(stats(r->f).insert_failed, 3);
    assert_int_equal(stats(r->f).drop, 3);
    assert_int_equal(count(r->f), 4);
    /* As Linux: it finds out at the end of the packet's way. */
    set(r->f, WEIR_T_NAT_LINUX_SEARCH, 1);
    is_dropped(r, &b, WEIR_R_CLASH);
    assert_int_equal(stats(r->f).insert_failed, 4);
    assert_int_equal(stats(r->f).drop, 4);
}

/* T-18: identifiers likewise. */
static void test_t18(void **state)
{
    struct router *r = *state;
    unsigned seen = 0;

    ask(r, NAT_SRC, N, NULL, 103, 100, 0); /* the wrong way round is the same */
    for (unsigned n = 0; n < 4; n++) {
        char src[16];

        (void)snprintf(src, sizeof(src), "10.1.0.%u", n);
        struct build b = ping(src, S, (uint16_t)(n == 1 ? 101 : 7));
        uint16_t id = port_out(r, &b);

        assert_true(id >= 100 && id <= 103);
        seen |= 1u << (id - 100);
    }
    assert_int_equal(seen, 0xf);
    struct build b = ping(C3, S, 101);

    is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);
}

/* --- what may be evicted --- */

static struct tcp_state *first_flow(struct router *r)
{
    struct build b = tcp(C, 1111, S, 80, FL_SYN, 1000, 0);

    assert_int_equal(port_out(r, &b), 4000);
    return &conn_proto(r->last.pkt.conn)->tcp;
}

/* T-19: a flow that is over makes room for a SYN that is newer. */
static void test_t19(void **state)
{
    static const struct {
        uint8_t state;
        uint32_t seq;
        bool evicts;
    } rows[] = {
        {WEIR_TCP_TIME_WAIT, 5000, true},    {WEIR_TCP_TIME_WAIT, 500, false},
        {WEIR_TCP_TIME_WAIT, 1000, false},   {WEIR_TCP_TIME_WAIT, 1001, true},
        {WEIR_TCP_CLOSE, 5000, true},        {WEIR_TCP_CLOSE, 0x80000500, false},
        {WEIR_TCP_SYN_SENT2, 5000, true},    {WEIR_TCP_CLOSE_WAIT, 5000, false},
        {WEIR_TCP_FIN_WAIT, 5000, false},    {WEIR_TCP_LAST_ACK, 5000, false},
        {WEIR_TCP_ESTABLISHED, 5000, false}, {WEIR_TCP_SYN_SENT, 5000, false},
    };
    struct router *r = *state;

    ask(r, NAT_SRC, N, NULL, 4000, 4000, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        flush(r);
        first_flow(r)->state = rows[i].state;
        r->f->events = 0;
        struct build b = tcp(C2, 1112, S, 80, FL_SYN, rows[i].seq, 0);

        if (rows[i].evicts) {
            assert_int_equal(port_out(r, &b), 4000);
            assert_int_equal(r->f->events, 2);
            assert_int_equal(r->f->log[0].type, WEIR_EVENT_DESTROY);
            assert_int_equal(r->f->log[1].type, WEIR_EVENT_NEW);
        } else {
            is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);
            assert_int_equal(r->f->events, 0);
        }
        assert_int_equal(count(r->f), 1);
    }
}

/* Not for what is no SYN, has a fixed time, or holds the tuple as its original one. */
static void test_not_evicted(void **state)
{
    struct router *r = *state;
    struct build b;

    ask(r, NAT_SRC, N, NULL, 4000, 4000, 0);
    first_flow(r)->state = WEIR_TCP_TIME_WAIT;
    b = tcp(C2, 1112, S, 80, FL_ACK, 5000, 1);
    is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);
    r->f->events = 0;
    b = tcp(C, 1111, S, 80, FL_SYN, 1000, 0);
    struct conn *c = conn_at(r->t, handle_make(4, 1));

    assert_true(c->status & WEIR_S_CONFIRMED);
    c->status |= WEIR_S_FIXED_TIMEOUT;
    b = tcp(C2, 1112, S, 80, FL_SYN, 5000, 0);
    is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);

    flush(r);
    forget(r, NAT_SRC);
    b = tcp(S, 80, N, 4000, FL_SYN, 1000, 0); /* S opens to N: its original tuple is in the way */
    assert_true(through(r, &b));
    conn_proto(r->last.pkt.conn)->tcp.state = WEIR_TCP_TIME_WAIT;
    r->last.pkt.conn->status |= WEIR_S_SRC_NAT;
    ask(r, NAT_SRC, N, NULL, 4000, 4000, 0);
    b = tcp(C2, 1112, S, 80, FL_SYN, 5000, 0);
    is_dropped(r, &b, WEIR_R_NAT_EXHAUSTED);
}

/* T-19b: only the last 32 tries of a round evict: of 40 ports, with one free, eight come first. */
static void test_t19b(void **state)
{
    struct router *r = *state;
    unsigned evicted = 0;

    r->t->host.event = NULL;

    ask(r, NAT_SRC, N, NULL, 4000, 4039, 0);
    for (unsigned round = 0; round < 400; round++) {
        flush(r);
        for (uint16_t n = 0; n < 39; n++) {
            struct build b = client(n, (uint16_t)(4000 + n), PROTO_TCP);

            assert_int_equal(port_out(r, &b), 4000 + n);
            conn_proto(r->last.pkt.conn)->tcp.state = WEIR_TCP_TIME_WAIT;
        }
        struct build b = tcp(C, 9, S, 80, FL_SYN, 5000, 0);

        evicted += port_out(r, &b) != 4039;
        assert_int_equal(count(r->f), evicted ? count(r->f) : 40);
    }
    /* 31 of 40, give or take four standard deviations. */
    assert_in_range(evicted, 310 - 34, 310 + 34);
}

/* T-19c: keeping the port never evicts. */
static void test_t19c(void **state)
{
    struct router *r = *state;
    struct build b = tcp(C, 1111, S, 80, FL_SYN, 1000, 0);

    snat(r, N);
    assert_int_equal(port_out(r, &b), 1111);
    conn_proto(r->last.pkt.conn)->tcp.state = WEIR_TCP_TIME_WAIT;
    b = tcp(C2, 1111, S, 80, FL_SYN, 5000, 0);
    assert_int_not_equal(port_out(r, &b), 1111);
    assert_int_equal(count(r->f), 2);
}

/* --- what has expired --- */

/* An entry that is over by time is no obstacle, whether somebody has ended it or not. */
static void test_expired(void **state)
{
    struct router *r = *state;
    struct build b;

    ask(r, NAT_SRC, N, NULL, 2000, 2003, 0);
    for (unsigned n = 0; n < 4; n++) {
        b = client(n, 7000, PROTO_UDP);
        (void)port_out(r, &b);
    }
    expire_clock(r->t, (struct weir_time){r->f->now.ns + 31 * SEC});
    for (unsigned n = 4; n < 8; n++) {
        b = client(n, 7000, PROTO_UDP);
        (void)port_out(r, &b);
    }
    assert_int_equal(count(r->f), 4);
}

/* --- to the last port --- */

/* For more connections than the log has room for. */
static struct router *quiet_router(uint32_t max)
{
    struct router *r = router_new(max);

    r->t->host.event = NULL;
    return r;
}

struct tally {
    unsigned got, refused;
    uint64_t lookups;
};

/* Connections from so many clients, one each, from client `first` on. */
static struct tally many(struct router *r, unsigned first, unsigned n, uint16_t sport,
                         uint8_t proto)
{
    struct tally t = {.lookups = r->t->nat->lookups};

    for (unsigned i = first; i < first + n; i++) {
        struct build b = client(i, sport, proto);

        if (through(r, &b)) {
            t.got++;
            continue;
        }
        t.refused++;
        assert_int_equal(r->last.pkt.reason,
                         r->t->set.nat_linux_search ? WEIR_R_CLASH : WEIR_R_NAT_EXHAUSTED);
    }
    t.lookups = r->t->nat->lookups - t.lookups;
    return t;
}

enum { ALL = 65536 - 1024 };

/* 64512 connections get 64512 ports; one more is refused, until one has ended. */
static void test_all_ports(void **state)
{
    struct router *r = quiet_router(70000);
    struct tally t;
    uint64_t before_last_20th = 0;

    (void)state;
    snat(r, N);
    for (unsigned i = 0; i < 20; i++) {
        t = many(r, ALL / 20 * i, i == 19 ? ALL - ALL / 20 * 19 : ALL / 20, 5000, PROTO_UDP);
        assert_int_equal(t.refused, 0);
        print_message("# %3u %% full: %5.2f lookups for each new connection\n", 5 * (i + 1),
                      (double)t.lookups / t.got);
        if (i == 18)
            before_last_20th = t.lookups;
    }
    assert_int_equal(count(r->f), ALL);
    /* Between 90 % and 95 % full: one to keep the port, one to verify, and a share of learning. */
    assert_true(before_last_20th < (uint64_t)ALL / 20 * 16);
    t = many(r, ALL, 100, 5000, PROTO_UDP);
    assert_int_equal(t.refused, 100);
    print_message("# refused: %5.2f lookups\n", (double)t.lookups / t.refused);
    assert_true(t.lookups <= 3u * t.refused);
    assert_int_equal(stats(r->f).insert_failed, 100);

    /* Ten that end make room for ten. */
    for (uint32_t i = 1; i <= 10; i++)
        conn_kill(r->t, handle_make(4, i * 6000));
    t = many(r, ALL + 100, 20, 5000, PROTO_UDP);
    assert_int_equal(t.got, 10);

    /* Another destination, another protocol, another class: as if nothing were. */
    struct build b = udp("10.200.0.1", 5000, S2, 53);

    assert_int_equal(port_out(r, &b), 5000);
    b = tcp("10.200.0.2", 5000, S, 53, FL_SYN, 1, 0);
    assert_int_equal(port_out(r, &b), 5000);
    b = udp("10.200.0.3", 100, S, 53);
    assert_int_equal(port_out(r, &b), 100);
    flush(r);
    router_free(r);
}

/* What Linux makes of the same clients. */
static void test_all_ports_linux(void **state)
{
    struct router *r = quiet_router(70000);

    (void)state;
    set(r->f, WEIR_T_NAT_LINUX_SEARCH, 1);
    snat(r, N);
    struct tally t = many(r, 0, ALL, 5000, PROTO_UDP);

    print_message("# as Linux: %u of %u connections get a port, %u are dropped, %.1f lookups\n",
                  t.got, (unsigned)ALL, t.refused, (double)t.lookups / ALL);
    assert_true(t.refused > 0 && t.got > ALL * 9 / 10);
    assert_int_equal(r->t->nat->ports.pools.count, 0);
    router_free(r);
}

/* The same for TCP, with SYNs, and for the small classes and identifiers. */
static void test_other_intervals(void **state)
{
    static const struct {
        uint16_t sport, ports;
        uint8_t proto;
    } rows[] = {{100, 511, PROTO_UDP}, {700, 424 + 1, PROTO_TCP}, {0, 511 + 1, PROTO_TCP}};
    struct router *r = *state;

    /* Outside of its class a port may be kept: 700 is inside, 0 is not. */
    snat(r, N);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        unsigned ports = rows[i].ports - (rows[i].sport == 700);
        struct tally t;

        flush(r);
        t = many(r, 0, ports, rows[i].sport, rows[i].proto);
        assert_int_equal(t.refused, 0);
        t = many(r, ports, 5, rows[i].sport, rows[i].proto);
        assert_int_equal(t.refused, 5);
    }
}

/* Kept ports fill a range without any search: the first that must search still finds the last. */
static void test_first_search_is_last(void **state)
{
    struct router *r = quiet_router(5000);

    (void)state;
    ask(r, NAT_SRC, N, NULL, 10000, 12999, 0);
    for (uint16_t i = 0; i < 3000; i++) {
        struct build b = client(i, (uint16_t)(10000 + i), PROTO_UDP);

        if (i != 1234)
            assert_int_equal(port_out(r, &b), 10000 + i);
    }
    assert_int_equal(r->t->nat->ports.pools.count, 0);
    struct tally t = many(r, 4000, 1, 9, PROTO_UDP);

    assert_int_equal(t.got, 1);
    assert_int_equal(BE16(r->last.pkt.conn->key[WEIR_REPLY][1]), 11234);
    t = many(r, 4001, 1, 9, PROTO_UDP); /* learns the rest */
    assert_int_equal(t.refused, 1);
    assert_true(t.lookups <= 3000 + 64);
    t = many(r, 4002, 1, 9, PROTO_UDP);
    assert_int_equal(t.refused, 1);
    assert_true(t.lookups <= 2);
    flush(r);
    router_free(r);
}

/* What has expired and was not looked at yet does not make a pool full. */
static void test_expired_pool(void **state)
{
    struct router *r = quiet_router(5000);

    (void)state;
    ask(r, NAT_SRC, N, NULL, 10000, 10999, 0);
    struct tally t = many(r, 0, 1000, 9, PROTO_UDP);

    assert_int_equal(t.got, 1000);
    t = many(r, 1000, 1, 9, PROTO_UDP);
    assert_int_equal(t.refused, 1);
    expire_clock(r->t, (struct weir_time){r->f->now.ns + 31 * SEC});
    t = many(r, 2000, 1000, 9, PROTO_UDP);
    assert_int_equal(t.got, 1000);
    t = many(r, 3000, 1, 9, PROTO_UDP);
    assert_int_equal(t.refused, 1);
    assert_int_equal(count(r->f), 1000);
    router_free(r);
}

/* Connections of all kinds count: those that others' rules made, and those from the outside. */
static void test_foreign_entries(void **state)
{
    struct router *r = quiet_router(5000);
    unsigned seen = 0;

    (void)state;
    for (uint16_t i = 0; i < 250; i++) {
        struct build b = udp(S, 53, N, (uint16_t)(10000 + i)); /* to N itself */

        assert_true(through(r, &b));
        b = udp(N, (uint16_t)(10250 + i), S, 53); /* from N itself */
        assert_true(through(r, &b));
    }
    ask(r, NAT_SRC, N, NULL, 10000, 10599, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct tally t = many(r, 100 * i, 100 - 50 * i, 9, PROTO_UDP);

        assert_int_equal(t.got, 100 - 100 * i);
        for (uint32_t k = 1; k <= 500; k += 10, seen++)
            if (i == 0)
                conn_kill(r->t, handle_make(4, k));
        t = many(r, 1000 + 100 * i, 50, 9, PROTO_UDP);
        assert_int_equal(t.got, i == 0 ? 50 : 0);
    }
    flush(r);
    router_free(r);
}

/* --- memory --- */

/* Pools go when they are nearly empty; nothing is left of them. */
static void test_pools_go(void **state)
{
    struct router *r = quiet_router(5000);

    (void)state;
    ask(r, NAT_SRC, N, NULL, 10000, 10999, 0);
    for (unsigned round = 0; round < 5; round++) {
        struct tally t = many(r, 0, 1000, 9, PROTO_UDP);

        assert_int_equal(t.got, 1000);
        assert_int_equal(r->t->nat->ports.pools.count, 1);
        assert_non_null(r->t->on_confirm);
        for (uint32_t i = 1; i <= 990; i++)
            (void)weir_conn_kill(r->f->shard, handle_make(4, i));
        assert_int_equal(r->t->nat->ports.pools.count, 0);
        assert_int_equal(r->t->nat->ports.leaves.count, 0);
        assert_null(r->t->on_confirm);
        flush(r);
    }
    router_free(r);
}

/* Where no leaf is to be had, the table is asked again, and the answer is the same. */
static void test_no_leaves(void **state)
{
    struct router *r = quiet_router(5000);

    (void)state;
    r->t->nat->ports.leaves.capacity = 0;
    ask(r, NAT_SRC, N, NULL, 10000, 10999, 0);
    struct tally t = many(r, 0, 1001, 9, PROTO_UDP);

    assert_int_equal(t.got, 1000);
    assert_int_equal(t.refused, 1);
    r->t->nat->ports.leaves.capacity = 1; /* two are wanted */
    conn_kill(r->t, handle_make(4, 500));
    t = many(r, 2000, 2, 9, PROTO_UDP);
    assert_int_equal(t.got, 1);
    router_free(r);
}

/* Without even a pool it is what Linux does, and the drop says so. */
static void test_no_pools(void **state)
{
    struct router *r = quiet_router(5000);

    (void)state;
    r->t->nat->ports.pools.capacity = 0;
    ask(r, NAT_SRC, N, NULL, 10000, 10999, 0);
    struct tally t = many(r, 0, 1001, 9, PROTO_UDP);

    assert_true(t.got <= 1000 && t.got > 900);
    flush(r);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_t16),
        ROUTER_TEST(test_t17),
        ROUTER_TEST(test_t18),
        ROUTER_TEST(test_t19),
        ROUTER_TEST(test_not_evicted),
        ROUTER_TEST(test_t19b),
        ROUTER_TEST(test_t19c),
        ROUTER_TEST(test_expired),
        cmocka_unit_test(test_all_ports),
        cmocka_unit_test(test_all_ports_linux),
        ROUTER_TEST(test_other_intervals),
        cmocka_unit_test(test_first_search_is_last),
        cmocka_unit_test(test_expired_pool),
        cmocka_unit_test(test_foreign_entries),
        cmocka_unit_test(test_pools_go),
        cmocka_unit_test(test_no_leaves),
        cmocka_unit_test(test_no_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
