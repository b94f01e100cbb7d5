/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an entry through the public API: conntrack reference, 2.2 to 2.7 (cls-2, conf-2,
 * conf-3, conf-6, bit-1, bit-2), accounting, time stamps, walking, handles; and what a shard is
 * told about its surroundings.
 */
#include "shard_fixture.h"

#include "pipe/shard.h"

/* --- classes, confirmation (2.2, 2.3) --- */

static void test_cls_2(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_NEW);
    assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_NEW);
    assert_int_equal(send_udp(f, 'B', 'A', 2, 1), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_ESTABLISHED);
    assert_int_equal(f->sent.dir, WEIR_ORIG);
    assert_int_equal(f->sent.out_iface, 1);
    assert_int_equal(f->sent.packets_out, 1);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
}

/* What a host sends to itself, from one port to the same one, is its own answer from the second
 * packet on, as in Linux; other ports of the same host are other ends. */
static void test_to_itself(void **state)
{
    struct fixture *f = *state;

    for (uint8_t family = 4; family <= 6; family += 2) {
        assert_int_equal(send_udp6or4(f, family, 'A', 'A', 7, 7), WEIR_CT_NEW);
        assert_int_equal(send_udp6or4(f, family, 'A', 'A', 7, 7), WEIR_CT_ESTABLISHED_REPLY);
        assert_int_equal(f->sent.dir, WEIR_REPLY);
        assert_int_equal(send_udp6or4(f, family, 'A', 'A', 7, 8), WEIR_CT_NEW);
        assert_int_equal(send_udp6or4(f, family, 'A', 'A', 8, 7), WEIR_CT_ESTABLISHED_REPLY);
        assert_int_equal(send_udp6or4(f, family, 'A', 'A', 7, 8), WEIR_CT_ESTABLISHED);
    }
    assert_int_equal(send_generic(f, 'A', 'A', 50), WEIR_CT_NEW);
    assert_int_equal(send_generic(f, 'A', 'A', 50), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(send_icmp(f, 'A', 'A', 8, 0, 0x0800), WEIR_CT_NEW);
    assert_int_equal(send_icmp(f, 'A', 'A', 8, 0, 0x0800), WEIR_CT_NEW);
    assert_int_equal(conns(f), 6);
    weir_shard_flush(f->shard);
    assert_int_equal(count(f), 0);
}

/* All that were there when it began go, a few at a time, while others come and may stay. */
static void test_flush_in_shares(void **state)
{
    enum { EACH = 100, SHARE = 7 };
    struct fixture *f = *state;
    uint64_t cursor = 0;
    uint16_t late = 1;

    for (uint16_t port = 0; port < EACH; port++)
        for (uint8_t family = 4; family <= 6; family += 2)
            (void)send_udp6or4(f, family, 'A', 'B', (uint16_t)(1000 + port), 53);
    f->events = 0;
    while (weir_shard_flush_some(f->shard, &cursor, SHARE)) {
        assert_in_range(f->events, 0, (size_t)late * (SHARE + 2));
        for (uint8_t family = 4; family <= 6; family += 2)
            (void)send_udp6or4(f, family, 'C', 'D', late, 53);
        late++;
    }
    assert_in_range(late, 2 * EACH / SHARE, 4 * EACH / SHARE);
    for (uint16_t port = 0; port < EACH; port++)
        for (uint8_t family = 4; family <= 6; family += 2)
            assert_int_equal(send_udp6or4(f, family, 'A', 'B', (uint16_t)(1000 + port), 53),
                             WEIR_CT_NEW);
    cursor = 0;
    assert_false(weir_shard_flush_some(f->shard, &cursor, 0));
    assert_int_equal(count(f), 0);
}

/* bit-1: without NAT an entry's only bit is CONFIRMED. */
static void test_bit_1(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).status, WEIR_S_CONFIRMED);
}

static void send_ttl_1(struct fixture *f, uint8_t family)
{
    struct build b;

    packet_init(&b, family, BUILD_UDP, 'A', 'B');
    b.ttl = 1;
    (void)send_packet(f, &b);
}

/* conf-2: a new connection whose packet is dropped on the way never was. */
static void test_conf_2(void **state)
{
    struct fixture *f = *state;

    for (uint8_t family = 4; family <= 6; family += 2) {
        send_ttl_1(f, family);
        assert_int_equal(f->sent.verdict, WEIR_DROP);
        assert_int_equal(f->sent.reason, WEIR_R_TTL_EXCEEDED);
        assert_int_equal(f->sent.conn, 0);
        assert_int_equal(f->sent.packets_out, 0);
        assert_int_equal(count(f), 0);
        assert_int_equal(conns(f), 0);
        no_event(f);
    }
    assert_int_equal(stats(f).created, 0);
    assert_int_equal(stats(f).drop, 0); /* that column counts other things */
    /* A packet of this host has its first hop before it. */
    f->path = WEIR_PATH_OUTPUT;
    send_ttl_1(f, 4);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
}

static struct weir_route no_route(void *ctx, const struct weir_packet *packet, uint8_t family,
                                  union weir_addr dst)
{
    (void)ctx;
    (void)packet;
    assert_int_equal(family, 4);
    assert_int_equal(dst.bytes[3], 2);
    return (struct weir_route){.out_iface = 0};
}

static struct weir_route to_this_host(void *ctx, const struct weir_packet *packet, uint8_t family,
                                      union weir_addr dst)
{
    (void)ctx;
    (void)packet;
    (void)family;
    (void)dst;
    return (struct weir_route){.local = true};
}

static struct weir_shard *routed(struct weir_route (*route)(void *, const struct weir_packet *,
                                                            uint8_t, union weir_addr))
{
    const struct weir_config config = {.host = {.route = route}, .max = 10};
    struct weir_shard *s = weir_shard_new(&config);

    assert_non_null(s);
    return s;
}

static void test_conf_3(void **state)
{
    struct fixture *f = *state;
    struct weir_shard *kept = f->shard;

    f->shard = routed(no_route);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(f->sent.reason, WEIR_R_NO_ROUTE);
    assert_int_equal(count(f), 0);
    weir_shard_free(f->shard);
    f->shard = routed(to_this_host);
    send_ttl_1(f, 4); /* it is here: no hop is spent */
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(f->sent.out_iface, 0);
    assert_int_equal(count(f), 1);
    weir_shard_free(f->shard);
    f->shard = kept;
}

/* A hop is spent and the header checksum follows; nothing else of the packet changes. */
static void test_hop_is_spent(void **state)
{
    struct fixture *f = *state;

    for (uint8_t family = 4; family <= 6; family += 2) {
        for (unsigned ttl = 2; ttl < 256; ttl++) {
            uint8_t before[100], after[100], expect[100];
            struct build b;

            packet_init(&b, family, BUILD_UDP, 'A', 'B');
            b.ttl = (uint8_t)ttl;
            size_t len = build_make(&b, before, sizeof(before));

            b.ttl--;
            assert_int_equal(build_make(&b, expect, sizeof(expect)), len);
            memcpy(after, before, len);
            struct weir_packet p = {.data = after, .len = (uint32_t)len};

            weir_shard_run(f->shard, f->now, &p, 1);
            assert_int_equal(p.verdict, WEIR_ACCEPT);
            assert_memory_equal(after, expect, len);
        }
    }
}

/* conf-6: what expired ends when a packet meets it, and then begins anew. */
static void test_conf_6(void **state)
{
    struct fixture *f = *state;

    set(f, WEIR_T_UDP_TIMEOUT, 1);
    (void)send_udp(f, 'A', 'B', 1, 2);
    f->now.ns += 2500 * MSEC;
    f->events = 0;
    assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_NEW);
    assert_int_equal(f->events, 2);
    assert_int_equal(f->log[0].type, WEIR_EVENT_DESTROY);
    assert_int_equal(f->log[0].time.ns, f->now.ns - 1500 * MSEC);
    assert_int_equal(f->log[1].type, WEIR_EVENT_NEW);
    assert_int_equal(count(f), 1);
}

/* Expired is now >= deadline: to the tick, by whatever looks. */
static void test_expiry_to_the_tick(void **state)
{
    struct fixture *f = *state;

    for (int by_packet = 0; by_packet < 2; by_packet++) {
        (void)send_udp(f, 'A', 'B', 1, 2);
        f->now.ns += 30 * SEC - WEIR_TICK_NS;
        if (!by_packet)
            (void)weir_shard_tick(f->shard, f->now, 0);
        assert_int_equal(conns(f), 1);
        f->now.ns += WEIR_TICK_NS;
        if (by_packet)
            assert_int_equal(send_udp(f, 'B', 'A', 2, 1), WEIR_CT_NEW);
        else
            (void)weir_shard_tick(f->shard, f->now, 0);
        assert_int_equal(conns(f), by_packet);
        weir_shard_flush(f->shard);
    }
}

/* An answered flow is a stream when it is more than two seconds old: not at two, one tick later. */
static void test_stream_to_the_tick(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    (void)send_udp(f, 'B', 'A', 2, 1);
    f->now.ns += 2 * SEC;
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 30000);
    assert_false(only_conn(f).status & WEIR_S_ASSURED);
    f->now.ns += WEIR_TICK_NS;
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 120000);
    assert_true(only_conn(f).status & WEIR_S_ASSURED);
}

/* --- FIXED_TIMEOUT (2.4) --- */

static struct conn *inside(const struct fixture *f)
{
    return conn_at(&f->shard->track, f->sent.conn);
}

/* bit-2: packets leave a fixed time alone, and are counted all the same. */
static void test_bit_2(void **state)
{
    struct fixture *f = *state;

    set(f, WEIR_T_ACCT, 1);
    (void)send_udp(f, 'A', 'B', 1, 2);
    conn_set_timeout(&f->shard->track, inside(f), f->sent.conn, 50 * WEIR_TICKS_PER_SEC);
    inside(f)->status |= WEIR_S_FIXED_TIMEOUT;
    wait_ms(f, 1500);
    (void)send_udp(f, 'B', 'A', 2, 1);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 48500);
    assert_int_equal(only_conn(f).packets[0], 2);
    assert_int_equal(only_conn(f).packets[1], 1);
    wait_ms(f, 48500 - 4);
    assert_int_equal(conns(f), 1);
    wait_ms(f, 4);
    assert_int_equal(count(f), 0);
}

/* A time that is made shorter is kept, although the wheel was to look later. */
static void test_shortened(void **state)
{
    struct fixture *f = *state;

    set(f, WEIR_T_UDP_TIMEOUT, 100000);
    for (uint16_t port = 1; port <= 50; port++)
        (void)send_udp(f, 'A', 'B', port, 2);
    set(f, WEIR_T_UDP_TIMEOUT, 3);
    for (uint16_t port = 1; port <= 50; port += 2)
        (void)send_udp(f, 'A', 'B', port, 2);
    wait_ms(f, 2996);
    assert_int_equal(conns(f), 50);
    wait_ms(f, 4);
    assert_int_equal(count(f), 25);
}

/* --- accounting and time stamps (2.7) --- */

static void test_accounting(void **state)
{
    struct fixture *f = *state;
    struct build b;

    (void)send_udp(f, 'C', 'B', 1, 2); /* before: no counters, for good */
    set(f, WEIR_T_ACCT, 1);
    (void)send_udp(f, 'C', 'B', 1, 2);
    assert_int_equal(its_conn(f).parts & WEIR_HAS_COUNTERS, 0);
    assert_int_equal(its_conn(f).packets[0], 0);

    /* Layer 3 bytes as tracked: IPv6 with its header, link padding without. */
    for (uint8_t family = 4; family <= 6; family += 2) {
        uint32_t size = (family == 4 ? 20u : 40u) + 8 + 4;

        (void)send_udp6or4(f, family, 'A', 'B', 1, 2);
        (void)send_udp6or4(f, family, 'A', 'B', 1, 2);
        (void)send_udp6or4(f, family, 'B', 'A', 2, 1);
        assert_true(its_conn(f).parts & WEIR_HAS_COUNTERS);
        assert_int_equal(its_conn(f).packets[0], 2);
        assert_int_equal(its_conn(f).bytes[0], 2 * size);
        assert_int_equal(its_conn(f).packets[1], 1);
        assert_int_equal(its_conn(f).bytes[1], size);
    }
    /* Not counted: INVALID. */
    packet_init(&b, 4, BUILD_UDP, 'A', 'B');
    b.l4.udp.sport = 1;
    b.l4.udp.dport = 2;
    b.l4.udp.sum.mode = BUILD_SUM_BAD;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    set(f, WEIR_T_ACCT, 0); /* and turning it off leaves existing entries as they are */
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(its_conn(f).packets[0], 3);
    assert_int_equal(its_conn(f).bytes[0], 96);
}

/* A packet that is dropped later has been counted; one that pads the link frame not more so. */
static void test_accounting_odd(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[200];
    struct build b;

    set(f, WEIR_T_ACCT, 1);
    packet_init(&b, 4, BUILD_UDP, 'A', 'B');
    size_t len = build_make(&b, bytes, sizeof(bytes));

    memset(bytes + len, 0, 18);
    (void)send_bytes(f, bytes, len + 18);
    assert_int_equal(only_conn(f).bytes[0], 28);
    b.ttl = 1;
    (void)send_packet(f, &b);
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(only_conn(f).packets[0], 2);
    /* Cut short by a capture: what it was on the wire. */
    b.ttl = 64;
    b.data.len = 100;
    len = build_make(&b, bytes, sizeof(bytes));
    struct weir_packet p = {.data = bytes, .len = 30, .wire_len = (uint32_t)len};

    weir_shard_run(f->shard, f->now, &p, 1);
    assert_int_equal(p.ctinfo, WEIR_CT_NEW);
    assert_int_equal(only_conn(f).bytes[0], 28 + 28 + 128);
}

static void test_timestamps(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'C', 'B', 1, 2);
    set(f, WEIR_T_TIMESTAMP, 1);
    f->now.ns += 12345678;
    struct weir_time start = f->now;

    (void)send_udp(f, 'A', 'B', 1, 2);
    uint32_t handle = f->sent.conn;

    assert_true(its_conn(f).parts & WEIR_HAS_TIMESTAMP);
    assert_int_equal(its_conn(f).start.ns, start.ns);
    assert_int_equal(its_conn(f).stop.ns, 0);
    wait_ms(f, 5000);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(its_conn(f).start.ns, start.ns);
    f->events = 0;
    f->now.ns += 777;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_true(weir_conn_kill(f->shard, handle));
    assert_int_equal(f->log[0].conn.start.ns, start.ns);
    assert_int_equal(f->log[0].conn.stop.ns, f->now.ns);
    (void)send_udp(f, 'B', 'C', 2, 1); /* made before: none */
    assert_int_equal(its_conn(f).parts & WEIR_HAS_TIMESTAMP, 0);
    assert_int_equal(its_conn(f).start.ns, 0);
}

/* The end of what expired is when it expired, not when that was noticed. */
static void test_stop_is_expiry(void **state)
{
    struct fixture *f = *state;

    set(f, WEIR_T_TIMESTAMP, 1);
    (void)send_udp(f, 'A', 'B', 1, 2);
    int64_t deadline = f->now.ns + 30 * SEC;

    f->events = 0;
    f->now.ns += 3600 * SEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_int_equal(f->log[0].conn.stop.ns, deadline);
}

/* --- what is shown --- */

static void test_handles(void **state)
{
    struct fixture *f = *state;
    struct weir_conn c;

    (void)send_udp(f, 'A', 'B', 1, 2);
    uint32_t handle = f->sent.conn;

    assert_true(weir_conn_get(f->shard, handle, &c));
    assert_int_equal(c.handle, handle);
    assert_int_equal(c.use, 1);
    /* None of these: nothing, the other direction, the next one, the other family, far away. */
    const uint32_t wrong[] = {0,        handle | 1, handle + 2,     handle | 1u << 31,
                              1u << 31, UINT32_MAX, UINT32_MAX - 1, 0x7ffffffe};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(weir_conn_get(f->shard, wrong[i], &c));
        assert_false(weir_conn_kill(f->shard, wrong[i]));
        assert_int_equal(weir_conn_set_mark(f->shard, wrong[i], 1), -ENOENT);
    }
    assert_true(weir_conn_kill(f->shard, handle));
    assert_false(weir_conn_get(f->shard, handle, &c));
}

/* An id is the entry's own: kept for life, and not the next one's in the same place. */
static void test_ids(void **state)
{
    struct fixture *f = *state;
    uint32_t ids[200];

    for (uint16_t port = 1; port <= 200; port++) {
        (void)send_udp(f, 'A', 'B', port, 2);
        ids[port - 1] = its_conn(f).id;
        for (uint16_t other = 0; other + 1 < port; other++)
            assert_int_not_equal(ids[other], ids[port - 1]);
        (void)send_udp(f, 'B', 'A', 2, port);
        assert_int_equal(its_conn(f).id, ids[port - 1]);
        if (port % 2)
            assert_true(weir_conn_kill(f->shard, f->sent.conn));
    }
}

static void test_walk(void **state)
{
    struct fixture *f = *state;
    bool seen[2][101] = {0};
    struct weir_conn c;
    uint64_t cursor = 0;
    size_t n = 0;

    assert_false(weir_conn_walk(f->shard, &cursor, &c));
    for (uint16_t port = 1; port <= 100; port++)
        for (uint8_t family = 4; family <= 6; family += 2)
            (void)send_udp6or4(f, family, 'A', 'B', port, 2);
    for (cursor = 0; weir_conn_walk(f->shard, &cursor, &c); n++) {
        uint16_t port = (uint16_t)(c.tuple[0].src_key << 8 | c.tuple[0].src_key >> 8);
        bool *mine = &seen[c.tuple[0].family == 6][port];

        assert_in_range(port, 1, 100);
        assert_false(*mine);
        *mine = true;
        if (n % 3 == 0) /* going on while entries go */
            assert_true(weir_conn_kill(f->shard, c.handle));
    }
    assert_int_equal(n, 200);
    assert_false(weir_conn_walk(f->shard, &cursor, &c));
    assert_int_equal(conns(f), 200 - 67);
    weir_shard_flush(f->shard);
    assert_int_equal(conns(f), 0);
    assert_int_equal(count(f), 0);
}

/* Every packet is in one of the sums; every entry that came either went or is there. */
static void test_counters(void **state)
{
    struct fixture *f = *state;
    struct build b;

    for (uint16_t i = 0; i < 500; i++) {
        (void)send_udp(f, "ABC"[i % 3], "BCA"[i % 3], i % 50, 53);
        (void)send_icmp(f, 'A', 'B', (uint8_t)(i % 20), 0, i);
        send_ttl_1(f, i % 2 ? 4 : 6);
        packet_init(&b, 4, BUILD_RAW, 'A', 'B');
        b.ip4.sum.mode = BUILD_SUM_BAD;
        (void)send_packet(f, &b);
        wait_ms(f, 137);
    }
    struct weir_stats s = stats(f);
    uint64_t reasons = 0;

    for (int i = 0; i < WEIR_R_MAX; i++)
        reasons += s.reasons[i];
    assert_int_equal(s.packets, 2000);
    assert_int_equal(s.packets, s.accepted + s.dropped + s.held);
    assert_int_equal(s.packets, reasons);
    assert_int_equal(s.reasons[WEIR_R_IP_CHECKSUM], 500);
    assert_int_equal(s.reasons[WEIR_R_TTL_EXCEEDED], 500);
    assert_int_equal(s.created - s.removed, (uint64_t)count(f));
    assert_int_equal(conns(f), count(f));
    weir_shard_flush(f->shard);
    assert_int_equal(stats(f).created, stats(f).removed);
    assert_int_equal(stats(f).packets, 2000); /* a flush resets nothing */
}

static void test_notrack(void **state)
{
    static const struct weir_template notrack = {.notrack = true, .zone_dirs = 3};
    struct fixture *f = *state;

    f->templ = &notrack;
    assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_UNTRACKED);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(count(f), 0);
    f->templ = NULL;
    (void)send_udp(f, 'A', 'B', 1, 2);
    f->templ = &notrack; /* also when there is an entry */
    assert_int_equal(send_udp(f, 'B', 'A', 2, 1), WEIR_CT_UNTRACKED);
    assert_int_equal(f->sent.conn, 0);
    f->templ = NULL;
    assert_int_equal(only_conn(f).status, WEIR_S_CONFIRMED);
}

/* --- the shard and its surroundings --- */

static void test_one_family(void **state)
{
    struct fixture *f = *state;
    struct weir_shard *kept = f->shard;

    for (int six = 0; six < 2; six++) {
        const struct weir_config config = {.max = 10, .no_ipv4 = six, .no_ipv6 = !six};

        f->shard = weir_shard_new(&config);
        assert_non_null(f->shard);
        assert_int_equal(send_udp6or4(f, six ? 4 : 6, 'A', 'B', 1, 2), WEIR_CT_UNTRACKED);
        assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
        assert_int_equal(count(f), 0);
        assert_int_equal(send_udp6or4(f, six ? 6 : 4, 'A', 'B', 1, 2), WEIR_CT_NEW);
        assert_int_equal(send_udp6or4(f, six ? 4 : 6, 'B', 'A', 2, 1), WEIR_CT_UNTRACKED);
        assert_int_equal(conns(f), 1);
        weir_shard_free(f->shard);
    }
    f->shard = kept;
}

/* Memory from the host, which runs out at the nth piece. */
struct pieces {
    size_t left, live;
    struct {
        void *memory;
        size_t size;
    } piece[64];
};

static void *reserve(void *ctx, size_t size)
{
    struct pieces *p = ctx;

    if (p->left == 0)
        return NULL;
    p->left--;
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(memory);
    memset(memory, 0, size);
    p->piece[p->live].memory = memory;
    p->piece[p->live++].size = size;
    return memory;
}

static void release(void *ctx, void *memory, size_t size)
{
    struct pieces *p = ctx;

    for (size_t i = 0; i < p->live; i++) {
        if (p->piece[i].memory == memory) {
            assert_int_equal(p->piece[i].size, size);
            free(memory);
            p->piece[i] = p->piece[--p->live];
            return;
        }
    }
    fail_msg("%p was not reserved", memory);
}

static void test_no_memory(void **state)
{
    struct pieces pieces = {0};
    struct weir_shard *s = NULL;
    size_t n = 0;

    (void)state;
    weir_shard_free(NULL);
    for (; !s; n++) {
        const struct weir_config config = {
            .host = {.ctx = &pieces, .reserve = reserve, .release = release}, .max = 100};

        assert_true(n < 60);
        pieces.left = n;
        s = weir_shard_new(&config);
        if (!s)
            assert_int_equal(pieces.live, 0); /* what had been reserved was given back */
    }
    assert_true(n > 2);
    assert_int_equal(pieces.live, n - 1);
    weir_shard_free(s);
    assert_int_equal(pieces.live, 0);
}

/* The packet path reserves nothing. */
static void test_memory_is_fixed(void **state)
{
    struct pieces pieces = {.left = 60};
    const struct weir_config config = {
        .host = {.ctx = &pieces, .reserve = reserve, .release = release}, .max = 100};
    struct fixture *f = *state;
    struct weir_shard *kept = f->shard;

    f->shard = weir_shard_new(&config);
    assert_non_null(f->shard);
    pieces.left = 0;
    set(f, WEIR_T_ACCT, 1);
    set(f, WEIR_T_TIMESTAMP, 1);
    for (uint16_t port = 1; port <= 1000; port++) {
        (void)send_udp6or4(f, port % 2 ? 4 : 6, 'A', 'B', port, 2);
        assert_true(count(f) <= 100);
    }
    weir_shard_free(f->shard);
    assert_int_equal(pieces.live, 0);
    f->shard = kept;
}

/* A now before the latest one counts as the latest. */
static void test_time_backwards(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    wait_ms(f, 10000);
    f->now.ns -= 5000 * MSEC;
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 30000);
    f->now.ns += 5000 * MSEC + 29996 * MSEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_int_equal(conns(f), 1);
    wait_ms(f, 4);
    assert_int_equal(conns(f), 0);
}

/* Driven by its own deadlines only, a shard ends each entry at its tick. */
static void test_driven_by_deadline(void **state)
{
    struct fixture *f = *state;
    uint32_t ticks = 0;

    assert_int_equal(weir_shard_deadline(f->shard).ns, INT64_MAX);
    int64_t start = f->now.ns;

    for (uint16_t port = 1; port <= 50; port++) {
        set(f, WEIR_T_UDP_TIMEOUT, port * port * port);
        (void)send_udp(f, 'A', 'B', port, 2);
    }
    f->events = 0;
    for (struct weir_time t; (t = weir_shard_deadline(f->shard)).ns != INT64_MAX; ticks++) {
        assert_true(ticks < 1000);
        assert_true(t.ns >= f->now.ns);
        f->now = t;
        (void)weir_shard_tick(f->shard, t, 0);
    }
    assert_int_equal(f->events, 50);
    for (int64_t i = 1; i <= 50; i++)
        assert_int_equal(f->log[i - 1].time.ns, start + i * i * i * SEC);
}

/* Bounded ticks do the same work in the end. */
static void test_tick_budget(void **state)
{
    struct fixture *f = *state;

    for (size_t budget = 1; budget < 100; budget += 7) {
        size_t looked, sum = 0;

        for (uint16_t port = 1; port <= 100; port++)
            (void)send_udp(f, 'A', 'B', port, 2);
        f->now.ns += 31 * SEC;
        do {
            looked = weir_shard_tick(f->shard, f->now, budget);
            assert_true(looked <= budget);
            sum += looked;
            f->events = 0;
        } while (looked == budget);
        assert_true(sum >= 100);
        assert_int_equal(count(f), 0);
    }
}

/*
 * A clock that jumps by months from one packet to the next: many entries are due, each packet looks
 * at few of them, and the wheel is years behind. Nothing that expired may come back to life, and in
 * the end all of it goes.
 */
static void test_jumping_clock(void **state)
{
    struct fixture *f = *state;
    static const int64_t months[] = {1, 2, 3, 4, 6, 12, 24};

    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
        for (uint16_t port = 1; port <= 500; port++)
            (void)send_udp(f, 'A', 'B', port, 2);
        for (int packet = 0; packet < 40; packet++) {
            f->now.ns += months[i] * 30 * 86400 * SEC;
            (void)send_udp(f, 'C', 'D', 7, 7);
            assert_int_equal(conns(f), 1);
        }
        assert_int_equal(send_udp(f, 'B', 'A', 2, 444), WEIR_CT_NEW);
        f->now.ns += 31 * SEC;
        (void)weir_shard_tick(f->shard, f->now, 0);
        assert_int_equal(count(f), 0);
        f->events = 0;
    }
}

/*
 * The longest timeout there is, while the wheel is behind: the deadline is more than 2^31 ticks
 * from where the wheel stands. It must not be taken for one in the past, where the wheel would find
 * the same entries again and again.
 */
static void test_long_timeout_while_behind(void **state)
{
    struct fixture *f = *state;

    for (uint16_t port = 1; port <= 500; port++)
        (void)send_udp(f, 'A', 'B', port, 2);
    set(f, WEIR_T_UDP_TIMEOUT, 8589934);
    f->now.ns += 3600 * SEC;
    for (uint16_t port = 1; port <= 40; port++)
        (void)send_udp(f, 'C', 'D', port, 2);
    /* Not without a bound: that may never return. */
    size_t looked = weir_shard_tick(f->shard, f->now, 2000);

    assert_true(looked < 2000);
    assert_int_equal(count(f), 40);
    f->now.ns += 8589933 * SEC;
    (void)weir_shard_tick(f->shard, f->now, 2000);
    assert_int_equal(count(f), 40);
    f->now.ns += SEC;
    (void)weir_shard_tick(f->shard, f->now, 2000);
    assert_int_equal(count(f), 0);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(test_cls_2),
        SHARD_TEST(test_to_itself),
        SHARD_TEST(test_bit_1),
        SHARD_TEST(test_conf_2),
        SHARD_TEST(test_conf_3),
        SHARD_TEST(test_hop_is_spent),
        SHARD_TEST(test_conf_6),
        SHARD_TEST(test_expiry_to_the_tick),
        SHARD_TEST(test_stream_to_the_tick),
        SHARD_TEST(test_bit_2),
        SHARD_TEST(test_shortened),
        SHARD_TEST(test_accounting),
        SHARD_TEST(test_accounting_odd),
        SHARD_TEST(test_timestamps),
        SHARD_TEST(test_stop_is_expiry),
        SHARD_TEST(test_handles),
        SHARD_TEST(test_ids),
        SHARD_TEST(test_walk),
        SHARD_TEST(test_counters),
        SHARD_TEST(test_notrack),
        SHARD_TEST(test_one_family),
        SHARD_TEST(test_flush_in_shares),
        cmocka_unit_test(test_no_memory),
        SHARD_TEST(test_memory_is_fixed),
        SHARD_TEST(test_time_backwards),
        SHARD_TEST(test_driven_by_deadline),
        SHARD_TEST(test_tick_budget),
        SHARD_TEST(test_jumping_clock),
        SHARD_TEST(test_long_timeout_while_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
