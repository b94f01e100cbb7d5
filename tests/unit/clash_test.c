/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two packets that are both on their way, each with an entry of its own that is not confirmed yet
 * (conntrack reference, 2.5, Ex conf-1 and clash-1 to clash-5). A packet goes through a shard in
 * one piece, so here its way is walked by hand: classified now, confirmed later.
 */
#include "shard_fixture.h"

#include "packet/headers.h"
#include "pipe/classify.h"
#include "pipe/shard.h"

struct flight {
    struct pkt pkt;
    struct weir_packet raw;
    uint8_t bytes[256];
};

static struct track *track_of(struct fixture *f)
{
    return &f->shard->track;
}

/* From A (10.0.1.2) to B (10.0.2.2), or back; as far as FORWARD. */
static void depart(struct fixture *f, struct flight *x, enum build_kind kind, bool from_a,
                   uint16_t sport, uint16_t dport)
{
    static const uint8_t a[4] = {10, 0, 1, 2}, b[4] = {10, 0, 2, 2};
    struct build packet;

    memset(x, 0, sizeof(*x));
    build_init(&packet, 4, kind);
    memcpy(packet.src.b, from_a ? a : b, 4);
    memcpy(packet.dst.b, from_a ? b : a, 4);
    if (kind == BUILD_UDP) {
        packet.l4.udp.sport = sport;
        packet.l4.udp.dport = dport;
    } else if (kind == BUILD_TCP) {
        packet.l4.tcp.sport = sport;
        packet.l4.tcp.dport = dport;
        packet.l4.tcp.flags = TCP_SYN;
    } else {
        packet.l4.icmp.type = 8;
        packet.l4.icmp.rest = (uint32_t)sport << 16;
    }
    x->raw.data = x->bytes;
    x->raw.len = (uint32_t)build_make(&packet, x->bytes, sizeof(x->bytes));
    x->pkt.raw = &x->raw;
    assert_int_equal(parse_ip(&x->pkt.ip, x->bytes, x->raw.len, 0), WEIR_R_NONE);
    classify_key(track_of(f), &x->pkt);
    assert_true(classify(track_of(f), &x->pkt));
    assert_int_equal(x->pkt.ctinfo, WEIR_CT_NEW);
}

/* The rest of its way. */
static bool arrive(struct fixture *f, struct flight *x)
{
    return conn_confirm(track_of(f), &x->pkt);
}

static size_t visible(struct fixture *f, struct weir_conn *last)
{
    uint64_t cursor = 0;
    size_t n = 0;

    while (weir_conn_walk(f->shard, &cursor, last))
        n++;
    return n;
}

static struct weir_stats stats_of(struct fixture *f)
{
    struct weir_stats stats;

    weir_shard_stats(f->shard, &stats);
    return stats;
}

/* conf-1: counted from the start, seen only when confirmed. */
static void test_unconfirmed_is_counted(void **state)
{
    struct fixture *f = *state;
    struct weir_conn conn;
    struct flight x, y;

    depart(f, &x, BUILD_UDP, true, 1000, 53);
    depart(f, &y, BUILD_UDP, true, 1001, 53);
    assert_int_equal(weir_tunable_get(f->shard, WEIR_T_COUNT), 2);
    assert_int_equal(visible(f, &conn), 0);
    assert_int_equal(f->events, 0);
    weir_shard_flush(f->shard); /* does not touch them */
    assert_true(arrive(f, &x));
    assert_true(arrive(f, &y));
    assert_int_equal(visible(f, &conn), 2);
}

/* The timeout starts at confirmation. */
static void test_time_starts_at_confirm(void **state)
{
    struct fixture *f = *state;
    struct weir_conn conn;
    struct flight x;

    depart(f, &x, BUILD_UDP, true, 1000, 53);
    f->now.ns += 20 * SEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_true(arrive(f, &x));
    assert_int_equal(visible(f, &conn), 1);
    assert_int_equal(conn.timeout_ms, 30000);
}

/* clash-1: the same flow twice: both pass, one entry with both packets. */
static void test_same_flow(void **state)
{
    struct fixture *f = *state;
    struct weir_conn conn;
    struct flight x, y;

    depart(f, &x, BUILD_UDP, true, 1000, 53);
    depart(f, &y, BUILD_UDP, true, 1000, 53);
    assert_true(arrive(f, &x));
    assert_true(arrive(f, &y));
    assert_int_equal(visible(f, &conn), 1);
    assert_int_equal(conn.packets[WEIR_ORIG], 2);
    assert_int_equal(weir_tunable_get(f->shard, WEIR_T_COUNT), 1);
    assert_int_equal(stats_of(f).clash_resolve, 1);
    assert_int_equal(stats_of(f).drop, 0);
    assert_int_equal(f->events, 1);
}

/* clash-2: packets that crossed: still one entry, still without a reply. */
static void test_crossing(void **state)
{
    struct fixture *f = *state;
    struct weir_conn conn;
    struct flight x, y;

    depart(f, &x, BUILD_UDP, true, 1000, 53);
    depart(f, &y, BUILD_UDP, false, 53, 1000);
    assert_true(arrive(f, &x));
    assert_true(arrive(f, &y));
    assert_int_equal(y.pkt.ctinfo, WEIR_CT_NEW);
    assert_int_equal(visible(f, &conn), 1);
    assert_int_equal(conn.packets[WEIR_ORIG], 2);
    assert_int_equal(conn.packets[WEIR_REPLY], 0);
    assert_false(conn.status & WEIR_S_SEEN_REPLY);
    assert_int_equal(stats_of(f).clash_resolve, 1);
}

/* clash-3, clash-4: not for TCP and ICMP. */
static void refused(struct fixture *f, enum build_kind kind)
{
    struct weir_conn conn;
    struct flight x, y;

    depart(f, &x, kind, true, 1000, 80);
    depart(f, &y, kind, true, 1000, 80);
    assert_true(arrive(f, &x));
    assert_false(arrive(f, &y));
    assert_null(y.pkt.conn);
    assert_int_equal(y.pkt.reason, WEIR_R_CLASH);
    assert_int_equal(visible(f, &conn), 1);
    assert_int_equal(weir_tunable_get(f->shard, WEIR_T_COUNT), 1);
    assert_int_equal(stats_of(f).insert_failed, 1);
    assert_int_equal(stats_of(f).drop, 1);
    assert_int_equal(stats_of(f).clash_resolve, 0);
}

static void test_tcp_refused(void **state)
{
    refused(*state, BUILD_TCP);
}

static void test_icmp_refused(void **state)
{
    refused(*state, BUILD_ICMP);
}

/* As if NAT had sent the flow elsewhere: the answers come from another host. */
static void redirect(struct fixture *f, struct flight *x, uint8_t last)
{
    struct weir_tuple reply = conn_tuple(x->pkt.conn, WEIR_REPLY);

    (void)f;
    reply.src.bytes[3] = last;
    conn_set_tuple(x->pkt.conn, WEIR_REPLY, &reply);
}

/* clash-5: the same original tuple with another reply tuple: entered for its answers only, for a
 * second. */
static void test_reply_only(void **state)
{
    struct fixture *f = *state;
    struct weir_conn conn;
    struct flight x, y, answer;
    const uint32_t marks = WEIR_S_NAT_CLASH | WEIR_S_FIXED_TIMEOUT | WEIR_S_CONFIRMED;

    depart(f, &x, BUILD_UDP, true, 1000, 53);
    depart(f, &y, BUILD_UDP, true, 1000, 53);
    redirect(f, &x, 11);
    redirect(f, &y, 12);
    assert_true(arrive(f, &x));
    assert_true(arrive(f, &y));
    assert_int_equal(visible(f, &conn), 1);
    assert_int_equal(weir_tunable_get(f->shard, WEIR_T_COUNT), 2);
    assert_int_equal(stats_of(f).clash_resolve, 1);
    assert_int_equal(y.pkt.conn->status & marks, marks);

    struct weir_tuple back = conn_tuple(y.pkt.conn, WEIR_REPLY);
    uint64_t hash = track_hash(track_of(f), &back, 0);

    assert_int_equal(track_find(track_of(f), &back, hash, 0, 3), y.pkt.handle | WEIR_REPLY);
    depart(f, &answer, BUILD_UDP, true, 2000,
           53); /* a packet of the original direction finds the older entry: */
    conn_free(track_of(f), answer.pkt.handle);
    back = conn_tuple(x.pkt.conn, WEIR_ORIG);
    hash = track_hash(track_of(f), &back, 0);
    assert_int_equal(track_find(track_of(f), &back, hash, 0, 3), x.pkt.handle);

    f->now.ns += 1200 * MSEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_int_equal(weir_tunable_get(f->shard, WEIR_T_COUNT), 1);
}

/* And when the reply tuple is somebody else's too, nothing can be done. */
static void test_reply_taken(void **state)
{
    struct fixture *f = *state;
    struct flight other, x, y;

    depart(f, &other, BUILD_UDP, true, 1000, 99);
    redirect(f, &other, 12);
    struct weir_tuple reply = conn_tuple(other.pkt.conn, WEIR_REPLY);

    reply.src_key = BE16(53);
    conn_set_tuple(other.pkt.conn, WEIR_REPLY, &reply);
    depart(f, &x, BUILD_UDP, true, 1000, 53);
    depart(f, &y, BUILD_UDP, true, 1000, 53);
    redirect(f, &x, 11);
    redirect(f, &y, 12);
    assert_true(arrive(f, &other));
    assert_true(arrive(f, &x));
    assert_false(arrive(f, &y));
    assert_int_equal(stats_of(f).insert_failed, 1);
    assert_int_equal(stats_of(f).drop, 1);
}

static int setup(void **state)
{
    struct fixture *f = fixture_new(100);

    *state = f;
    return weir_tunable_set(f->shard, WEIR_T_ACCT, 1);
}

#define CLASH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLASH_TEST(test_unconfirmed_is_counted),
        CLASH_TEST(test_time_starts_at_confirm),
        CLASH_TEST(test_same_flow),
        CLASH_TEST(test_crossing),
        CLASH_TEST(test_tcp_refused),
        CLASH_TEST(test_icmp_refused),
        CLASH_TEST(test_reply_only),
        CLASH_TEST(test_reply_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
