/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When rules are asked, what a mapping's life is, and who shares one: nat reference, sections 1, 2,
 * 11, 12, 14 and 17 (T-01 to T-09, T-59 to T-64, T-66 to T-70, T-82 to T-87).
 */
#include "nat_fixture.h"

enum { FL_FINACK = BUILD_TCP_FIN | BUILD_TCP_ACK };

/* --- when rules are asked --- */

/* T-01: what is dropped on its way leaves nothing, and no port is in use. */
static void test_t01(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x;

    ask(r, NAT_SRC, N, NULL, 3000, 3000, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(depart(r, &x, &b));
        assert_true(at_hook(r, &x, NAT_SRC));
        assert_string_equal(shown(x.raw.data), N ":3000>" S ":53");
        assert_int_equal(r->t->nat->sources.table.count, 1);
        drop(r, &x);
        flight_end(&x);
        assert_int_equal(count(r->f), 0);
        assert_int_equal(r->t->nat->sources.table.count, 0);
    }
    leaves(r, &b, N ":3000>" S ":53");
}

/* T-02: once for each type of a connection. */
static void test_t02(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    snat(r, N);
    for (int i = 0; i < 4; i++)
        leaves(r, &b, N ":5000>" S ":53");
    b = udp(S, 53, N, 5000);
    leaves(r, &b, S ":53>" C ":5000");
    assert_int_equal(r->consulted[NAT_DST], 1);
    assert_int_equal(r->consulted[NAT_SRC], 1);
}

/* T-03: a flow that no rule is about loses its port to one that has it. */
static void test_t03(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 40000, S, 53);

    snat(r, "192.0.2.1");
    leaves(r, &b, "192.0.2.1:40000>" S ":53");
    forget(r, NAT_SRC);
    b = udp("192.0.2.1", 40000, S, 53);
    uint16_t port = port_out(r, &b);

    assert_int_not_equal(port, 40000);
    assert_true(port >= 1024);
    assert_int_equal(status_of(r), 0x198);
    b = udp(S, 53, "192.0.2.1", port);
    leaves(r, &b, S ":53>192.0.2.1:40000");
    b = udp(S, 53, "192.0.2.1", 40000);
    leaves(r, &b, S ":53>" C ":40000");
}

/* T-04, T-05: what a connection has (or has not) it keeps. */
static void test_t04_t05(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    leaves(r, &b, C ":5000>" S ":53"); /* no rule, or one that accepts */
    snat(r, N);
    leaves(r, &b, C ":5000>" S ":53");
    assert_int_equal(r->consulted[NAT_SRC], 1);
    flush(r);
    leaves(r, &b, N ":5000>" S ":53");
}

/* T-06: entries from before there was NAT walk the rules until they are answered, in vain. */
static void test_t06(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x;

    assert_true(depart(r, &x, &b));
    x.pkt.conn->status &= ~(uint32_t)WEIR_S_DST_NAT_DONE;
    assert_true(conn_confirm(r->t, &x.pkt));
    flight_end(&x);
    r->consulted[NAT_DST] = 0;
    snat(r, N);
    r->rule[NAT_SRC].iface = 7;
    for (unsigned i = 1; i <= 3; i++) {
        leaves(r, &b, C ":5000>" S ":53");
        assert_int_equal(r->consulted[NAT_SRC], i);
        assert_int_equal(r->consulted[NAT_DST], i);
        assert_int_equal(status_of(r), 0x008);
        assert_int_equal(r->last.pkt.conn->nat_iface, 0);
    }
    b = udp(S, 53, C, 5000);
    leaves(r, &b, S ":53>" C ":5000");
    b = udp(C, 5000, S, 53);
    leaves(r, &b, C ":5000>" S ":53");
    assert_int_equal(r->consulted[NAT_SRC], 3);
    conn_kill(r->t, r->last.pkt.handle);
    assert_int_equal(r->t->nat->sources.table.count, 0);
}

/* T-09, 18.1: a connection that is over is begun anew, and asks again. */
static void test_t09(void **state)
{
    struct router *r = *state;
    struct build b;

    snat(r, N);
    b = tcp(C, 40000, S, 80, FL_SYN, 1000, 0);
    leaves(r, &b, N ":40000>" S ":80");
    b = tcp(S, 80, N, 40000, FL_SYNACK, 7000, 1001);
    leaves(r, &b, S ":80>" C ":40000");
    b = tcp(C, 40000, S, 80, FL_ACK, 1001, 7001);
    leaves(r, &b, N ":40000>" S ":80");
    assert_int_equal(only_conn(r->f).state, WEIR_TCP_ESTABLISHED);
    b = tcp(C, 40000, S, 80, FL_FINACK, 1001, 7001);
    leaves(r, &b, N ":40000>" S ":80");
    b = tcp(S, 80, N, 40000, FL_FINACK, 7001, 1002);
    leaves(r, &b, S ":80>" C ":40000");
    b = tcp(C, 40000, S, 80, FL_ACK, 1002, 7002);
    leaves(r, &b, N ":40000>" S ":80");
    assert_int_equal(only_conn(r->f).state, WEIR_TCP_TIME_WAIT);

    r->f->events = 0;
    ask(r, NAT_SRC, N, NULL, 2000, 2000, 0);
    b = tcp(C, 40000, S, 80, FL_SYN, 9000, 0);
    leaves(r, &b, N ":2000>" S ":80");
    assert_int_equal(r->f->events, 2);
    assert_int_equal(r->f->log[0].type, WEIR_EVENT_DESTROY);
    assert_int_equal(r->f->log[1].type, WEIR_EVENT_NEW);
    assert_int_equal(only_conn(r->f).state, WEIR_TCP_SYN_SENT);
    assert_int_equal(r->t->nat->sources.table.count, 1);

    /* Unasked for, to the mapping of another peer: not the client's. */
    forget(r, NAT_SRC);
    b = udp("203.0.113.5", 1, N, 2000);
    leaves(r, &b, "203.0.113.5:1>" N ":2000");
    assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_NEW);
}

/* --- MASQUERADE --- */

static void masquerade(struct router *r, uint16_t iface, const char *addr)
{
    snat(r, addr);
    r->rule[NAT_SRC].iface = iface;
    r->out_iface = iface;
}

/* T-59 to T-61: an interface goes, or an address of it. */
static void test_t59_to_t61(void **state)
{
    struct router *r = *state;
    struct build b;
    union weir_addr gone = addr_of("203.0.113.1"), other_addr = addr_of("203.0.113.2");

    for (uint16_t round = 0; round < 2; round++) {
        masquerade(r, 3, "192.0.2.1");
        b = udp(C, 1, S, 53);
        leaves(r, &b, "192.0.2.1:1>" S ":53");
        masquerade(r, 3, "203.0.113.1");
        b = udp(C, 2, S, 53);
        leaves(r, &b, "203.0.113.1:2>" S ":53");
        masquerade(r, 4, "203.0.113.1"); /* the same address on another interface */
        b = udp(C, 3, S, 53);
        leaves(r, &b, "203.0.113.1:3>" S ":53");
        masquerade(r, 3, "2001:db8:2::1");
        b = udp("2001:db8:1::10", 4, "2001:db8:2::80", 53);
        assert_true(through(r, &b));
        snat(r, "203.0.113.1"); /* plain SNAT belongs to no interface */
        b = udp(C, 5, S, 53);
        leaves(r, &b, "203.0.113.1:5>" S ":53");
        forget(r, NAT_SRC);
        b = udp(C, 6, S, 53);
        leaves(r, &b, C ":6>" S ":53");
        r->f->events = 0;
        if (round == 0) {
            assert_int_equal(nat_iface_gone(r->t, 3, 4, &other_addr), 0);
            assert_int_equal(nat_iface_gone(r->t, 3, 4, &gone), 1);
            assert_int_equal(r->f->log[0].conn.tuple[0].src_key, BE16(2));
            union weir_addr gone6 = addr_of("2001:db8:2::1");

            assert_int_equal(nat_iface_gone(r->t, 3, 6, &gone6), 1);
            assert_int_equal(r->f->log[1].conn.tuple[0].src_key, BE16(4));
        } else {
            assert_int_equal(nat_iface_gone(r->t, 0, 4, NULL), 0);
            assert_int_equal(nat_iface_gone(r->t, 3, 4, NULL), 3);
            assert_int_equal(conns(r->f), 3);
        }
        assert_int_equal(r->f->log[0].type, WEIR_EVENT_DESTROY);
        flush(r);
    }
}

/* T-62: the way out is another now: the packet is lost with its entry, the next one begins anew. */
static void test_t62(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53), answer = udp(S, 53, "192.0.2.1", 5000), e;
    uint8_t quoted[64];

    set(r->f, WEIR_T_ACCT, 1);
    masquerade(r, 3, "192.0.2.1");
    leaves(r, &b, "192.0.2.1:5000>" S ":53");
    leaves(r, &answer, S ":53>" C ":5000");
    size_t len = r->last.raw.len;

    memcpy(quoted, r->last.raw.data, len);
    masquerade(r, 4, "198.51.100.1");
    leaves(r, &answer, S ":53>" C ":5000"); /* answers and errors are not asked */
    e = packet(BUILD_ICMP, C, S);
    e.l4.icmp.type = 3;
    e.data.bytes = quoted;
    e.data.len = len;
    assert_true(through(r, &e));
    assert_int_equal(r->last.pkt.ctinfo, WEIR_CT_RELATED);
    r->f->events = 0;
    is_dropped(r, &b, WEIR_R_NAT_MOVED);
    const struct logged *end = only_event(r->f, WEIR_EVENT_DESTROY);

    assert_int_equal(end->conn.packets[WEIR_ORIG], 3); /* two, and one when it ends: as Linux */
    assert_int_equal(count(r->f), 0);
    leaves(r, &b, "198.51.100.1:5000>" S ":53");
    /* The address of a plain SNAT stays. */
    flush(r);
    snat(r, N);
    leaves(r, &b, N ":5000>" S ":53");
    r->out_iface = 9;
    leaves(r, &b, N ":5000>" S ":53");
}

/* An entry that nobody confirmed is not ended twice. */
static void test_moved_unconfirmed(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x;

    masquerade(r, 3, "192.0.2.1");
    assert_true(depart(r, &x, &b));
    assert_true(at_hook(r, &x, NAT_SRC));
    assert_true(nat_moved(r->t, &x.pkt, 4));
    drop(r, &x);
    flight_end(&x);
    assert_int_equal(count(r->f), 0);
}

/* Nor by a packet that a rule made: it has the entry of another, who is not done with it. */
static void test_moved_made(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);

    masquerade(r, 3, "192.0.2.1");
    leaves(r, &b, "192.0.2.1:5000>" S ":53");
    r->last.pkt.tracked = true;
    assert_true(nat_moved(r->t, &r->last.pkt, 4));
    assert_int_equal(count(r->f), 1);
    assert_non_null(r->last.pkt.conn);
}

/* --- what is not NAT's business --- */

/* T-66, T-68: INVALID and UNTRACKED leave as they came. */
static void test_t66_t68(void **state)
{
    static const struct weir_template notrack = {.notrack = true};
    struct router *r = *state;
    struct build rows[] = {
        tcp(C, 1, S, 80, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0),
        tcp(C, 2, S, 80, FL_SYNACK, 1, 1),
        tcp(C, 3, S, 80, BUILD_TCP_RST, 1, 0),
        udp(C, 4, S, 53),
        udp(C, 5, S, 53),
    };

    rows[3].l4.udp.sum.mode = BUILD_SUM_BAD;
    snat(r, N);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        r->f->templ = i == 4 ? &notrack : NULL;
        assert_true(through(r, &rows[i]));
        assert_int_equal(r->last.pkt.ctinfo, i == 4 ? WEIR_CT_UNTRACKED : WEIR_CT_INVALID);
        assert_int_equal(load_be32(r->last.raw.data + 12), 0x0a01000a);
        assert_int_equal(nat_need(&r->last.pkt, NAT_SRC), NAT_NOTHING);
    }
    assert_int_equal(r->consulted[NAT_SRC], 0);
    assert_int_equal(count(r->f), 0);
}

/* T-67, T-70: picked up in mid-stream; and again, with another port. T-69: what nobody asked for.
 */
static void test_t67_t69_t70(void **state)
{
    struct router *r = *state;
    struct build b = tcp(C, 5000, S, 80, FL_ACK, 1000, 1);

    ask(r, NAT_SRC, N, NULL, 0, 0, NAT_RANDOM);
    uint16_t port = port_out(r, &b);

    assert_int_equal(only_conn(r->f).state, WEIR_TCP_ESTABLISHED);
    assert_int_equal(only_conn(r->f).timeout_ms, 300000);
    assert_true(weir_conn_kill(r->f->shard, r->last.pkt.handle));
    assert_int_not_equal(port_out(r, &b), port);
    b = tcp(S, 80, N, port, FL_ACK, 1, 1000);
    char expected[64];

    forget(r, NAT_SRC);
    (void)snprintf(expected, sizeof(expected), S ":80>" N ":%u", port);
    leaves(r, &b, expected);
}

/* T-63, T-64: hairpin: both types at once, towards the side the packet came from. */
static void test_t64(void **state)
{
    struct router *r = *state;
    struct build b = tcp(C, 5000, V, 80, FL_SYN, 1000, 0);

    ask(r, NAT_DST, "10.1.0.50", NULL, 8080, 8080, 0);
    masquerade(r, 1, "10.1.0.1");
    leaves(r, &b, "10.1.0.1:5000>10.1.0.50:8080");
    b = tcp("10.1.0.50", 8080, "10.1.0.1", 5000, FL_SYNACK, 7000, 1001);
    leaves(r, &b, V ":80>" C ":5000");
}

/* --- two packets at once (section 17) --- */

static void both(struct router *r, const struct build *a, const struct build *b, struct flight *x,
                 struct flight *y)
{
    assert_true(depart(r, x, a));
    assert_true(depart(r, y, b));
}

static void end_both(struct router *r, struct flight *x, struct flight *y)
{
    flight_end(x);
    flight_end(y);
    flush(r);
}

/* T-82: the same mapping for both, one entry. */
static void test_t82(void **state)
{
    static const char *const as[] = {C ":5000>" S ":53", N ":5000>" S ":53"};
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x, y;

    for (int i = 0; i < 2; i++) {
        both(r, &b, &b, &x, &y);
        assert_true(arrive(r, &x));
        assert_true(arrive(r, &y));
        assert_string_equal(shown(x.raw.data), as[i]);
        assert_string_equal(shown(y.raw.data), as[i]);
        assert_int_equal(conns(r->f), 1);
        assert_int_equal(count(r->f), 1);
        assert_int_equal(r->t->nat->sources.table.count, i);
        assert_int_equal(stats(r->f).clash_resolve, i + 1);
        end_both(r, &x, &y);
        snat(r, N);
    }
    /* A mapping that was searched for is found again by way of the source. */
    b = udp(C2, 5000, S, 53);
    assert_int_equal(port_out(r, &b), 5000);
    b = udp(C, 5000, S, 53);
    both(r, &b, &b, &x, &y);
    assert_true(arrive(r, &x));
    assert_true(arrive(r, &y));
    assert_int_equal(load_be16(x.raw.data + 20), load_be16(y.raw.data + 20));
    assert_int_not_equal(load_be16(x.raw.data + 20), 5000);
    assert_int_equal(count(r->f), 2);
    end_both(r, &x, &y);
}

/* T-83: two mappings: both answers come back, one is listed; the hidden one goes with its answer's
 * second. */
static void test_t83(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x, y;

    ask(r, NAT_SRC, N, NULL, 0, 0, NAT_RANDOM);
    both(r, &b, &b, &x, &y);
    assert_true(arrive(r, &x));
    assert_true(arrive(r, &y));
    uint16_t one = load_be16(x.raw.data + 20), two = load_be16(y.raw.data + 20);

    assert_int_not_equal(one, two);
    assert_int_equal(conns(r->f), 1);
    assert_int_equal(BE16(only_conn(r->f).tuple[WEIR_REPLY].dst_key), one);
    assert_int_equal(count(r->f), 2);
    assert_true(y.pkt.conn->status & WEIR_S_NAT_CLASH);
    b = udp(S, 53, N, two);
    leaves(r, &b, S ":53>" C ":5000");
    b = udp(S, 53, N, one);
    leaves(r, &b, S ":53>" C ":5000");
    /* Both are of the source, the hidden one newer; it goes in time. */
    assert_int_equal(nat_sources_find(&r->t->nat->sources, r->t, x.pkt.conn).newest, y.pkt.handle);
    wait_ms(r->f, 1100);
    assert_int_equal(count(r->f), 1);
    assert_int_equal(nat_sources_find(&r->t->nat->sources, r->t, x.pkt.conn).newest, x.pkt.handle);
    end_both(r, &x, &y);
}

/* T-84: two servers. */
static void test_t84(void **state)
{
    struct router *r = *state;
    struct build b = udp(C, 5000, S, 53);
    struct flight x, y;

    dnat(r, S2);
    assert_true(depart(r, &x, &b));
    dnat(r, "192.0.2.82");
    assert_true(depart(r, &y, &b));
    assert_true(arrive(r, &x));
    assert_true(arrive(r, &y));
    assert_string_equal(shown(x.raw.data), C ":5000>" S2 ":53");
    assert_string_equal(shown(y.raw.data), C ":5000>192.0.2.82:53");
    b = udp(S2, 53, C, 5000);
    leaves(r, &b, S ":53>" C ":5000");
    b = udp("192.0.2.82", 53, C, 5000);
    leaves(r, &b, S ":53>" C ":5000");
    end_both(r, &x, &y);
}

/* T-85: not for these. */
static void test_t85(void **state)
{
    struct router *r = *state;
    const struct build rows[] = {tcp(C, 5000, S, 80, FL_SYN, 1, 0), ping(C, S, 7),
                                 sctp_init(C, 5000, S, 80)};
    struct flight x, y;

    snat(r, N);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        both(r, &rows[i], &rows[i], &x, &y);
        assert_true(arrive(r, &x));
        assert_false(arrive(r, &y));
        assert_int_equal(y.pkt.reason, WEIR_R_CLASH);
        assert_int_equal(stats(r->f).drop, i + 1);
        end_both(r, &x, &y);
    }
}

/* T-86: both ends at once: one connection, nobody's port changes. */
static void test_t86(void **state)
{
    struct router *r = *state;
    struct build a = udp(C, 5000, S, 53), b = udp(S, 53, C, 5000);
    struct flight x, y;

    both(r, &a, &b, &x, &y);
    assert_true(arrive(r, &x));
    assert_true(arrive(r, &y));
    assert_string_equal(shown(x.raw.data), C ":5000>" S ":53");
    assert_string_equal(shown(y.raw.data), S ":53>" C ":5000");
    assert_int_equal(conns(r->f), 1);
    assert_false(only_conn(r->f).status & WEIR_S_SEEN_REPLY);
    assert_int_equal(stats(r->f).clash_resolve, 1);
    end_both(r, &x, &y);
    /* Another source port cannot help TCP: it is what answers to the first that is in the way. */
    a = tcp(C, 5000, S, 80, FL_SYN, 1, 0);
    b = tcp(S, 80, C, 5000, FL_SYN, 1, 0);
    both(r, &a, &b, &x, &y);
    assert_true(arrive(r, &x));
    assert_false(arrive(r, &y));
    assert_int_equal(y.pkt.reason, WEIR_R_CLASH);
    end_both(r, &x, &y);
}

/* T-87: two clients are two connections. */
static void test_t87(void **state)
{
    struct router *r = *state;
    struct build a = udp(C, 5000, S, 53), b = udp(C2, 5000, S, 53);
    struct flight x, y;

    snat(r, N);
    both(r, &a, &b, &x, &y);
    assert_true(arrive(r, &x));
    assert_true(arrive(r, &y));
    assert_string_equal(shown(x.raw.data), N ":5000>" S ":53");
    assert_int_not_equal(load_be16(y.raw.data + 20), 5000);
    assert_int_equal(conns(r->f), 2);
    end_both(r, &x, &y);
}

/* --- a shard without NAT, and without memory --- */

struct meter {
    unsigned left; /* reservations that still succeed */
    int balance;
};

static void *take(void *ctx, size_t size)
{
    struct meter *m = ctx;

    if (!m->left)
        return NULL;
    m->left--;
    m->balance++;
    return weir_reserve_pages(NULL, size);
}

static void give(void *ctx, void *memory, size_t size)
{
    struct meter *m = ctx;

    m->balance--;
    weir_release_pages(NULL, memory, size);
}

static void test_no_memory(void **state)
{
    struct fixture *f = fixture_new(100);
    struct track *t = &f->shard->track;
    struct weir_host host = t->host;
    struct meter m = {0};
    unsigned n = 0;
    int err;

    (void)state;
    nat_fini(t);
    do {
        m.left = n++;
        t->host.ctx = &m;
        t->host.reserve = take;
        t->host.release = give;
        err = nat_init(t);
        assert_true(err == 0 || err == -ENOMEM);
        assert_true((err == 0) == (t->nat != NULL));
        assert_true((err == 0) == (t->on_end != NULL));
        assert_int_equal(m.balance, err ? 0 : n - 1);
    } while (err);
    assert_true(n > 5);
    nat_fini(t);
    assert_int_equal(m.balance, 0);
    assert_null(t->on_end);
    t->host = host;
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_t01),
        ROUTER_TEST(test_t02),
        ROUTER_TEST(test_t03),
        ROUTER_TEST(test_t04_t05),
        ROUTER_TEST(test_t06),
        ROUTER_TEST(test_t09),
        ROUTER_TEST(test_t59_to_t61),
        ROUTER_TEST(test_t62),
        ROUTER_TEST(test_moved_unconfirmed),
        ROUTER_TEST(test_moved_made),
        ROUTER_TEST(test_t66_t68),
        ROUTER_TEST(test_t67_t69_t70),
        ROUTER_TEST(test_t64),
        ROUTER_TEST(test_t82),
        ROUTER_TEST(test_t83),
        ROUTER_TEST(test_t84),
        ROUTER_TEST(test_t85),
        ROUTER_TEST(test_t86),
        ROUTER_TEST(test_t87),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
