/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group of shards where it comes to an end of something: rings, notes, ports, parcels; what is
 * refused, and that nothing is lost. (That several shards answer as one is the model test's.)
 */
#include "shard_fixture.h"

#include "pipe/group.h"
#include <weir/rules.h>

enum { SHARDS = 4, RING = 16, BYTES = 4096 };

static struct {
    struct weir_group *group;
    struct weir_rules *rules;
    struct weir_time now;
    unsigned destroyed, emitted;
    size_t emitted_len[64];
    uint8_t bytes[512][BYTES];
} lab;

/* --- a group, and packets --- */

static void on_event(void *ctx, const struct weir_event *e)
{
    (void)ctx;
    lab.destroyed += e->type == WEIR_EVENT_DESTROY;
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)ctx;
    (void)cause;
    assert_true(lab.emitted < WEIR_ARRAY_LEN(lab.emitted_len));
    lab.emitted_len[lab.emitted++] = made->len;
}

static void open_group(unsigned shards, const char *rules)
{
    const struct weir_group_config config = {
        .shard = {.host = {.event = on_event, .packet = on_packet}, .seed = {3, 4}, .max = 40000},
        .shards = shards,
        .ring = RING,
    };
    struct weir_rules_error error;

    lab.group = weir_group_new(&config);
    assert_non_null(lab.group);
    lab.now.ns = 1000 * SEC;
    if (!rules)
        return;
    if (weir_rules_parse(&lab.rules, 4, rules, strlen(rules), NULL, &error))
        fail_msg("line %u: %s", error.line, error.message);
    for (unsigned w = 0; w < shards; w++)
        assert_int_equal(weir_shard_set_rules(weir_group_shard(lab.group, w), 4, lab.rules, NULL),
                         0);
}

static int close_group(void **state)
{
    (void)state;
    weir_group_free(lab.group);
    weir_rules_free(lab.rules);
    memset(&lab, 0, sizeof(lab));
    return 0;
}

#define GROUP_TEST(test) cmocka_unit_test_teardown(test, close_group)

static struct build udp_from(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
    struct build b;

    build_init(&b, 4, BUILD_UDP);
    for (int i = 0; i < 4; i++) {
        b.src.b[i] = (uint8_t)(src >> (24 - 8 * i));
        b.dst.b[i] = (uint8_t)(dst >> (24 - 8 * i));
    }
    b.l4.udp.sport = sport;
    b.l4.udp.dport = dport;
    b.data.len = 4;
    return b;
}

/* The packet in slot `i` of the lab's bytes. */
static struct weir_packet packet(unsigned i, const struct build *b)
{
    size_t len = build_make(b, lab.bytes[i], BYTES);

    assert_true(len > 0);
    return (struct weir_packet){.data = lab.bytes[i], .len = (uint32_t)len};
}

static unsigned home(const struct build *b)
{
    struct weir_packet p = packet(511, b);

    return weir_group_home(lab.group, &p);
}

/* Run a packet at its home, as if it had come in there. */
static struct weir_packet run_at_home(const struct build *b)
{
    unsigned w = home(b);
    struct weir_packet p = packet(0, b);
    struct weir_steered s = weir_group_steer(lab.group, w, &p, 1);

    assert_int_equal(s.own, 1);
    weir_shard_run(weir_group_shard(lab.group, w), lab.now, &p, 1);
    return p;
}

static void exchange_all(void)
{
    struct weir_packet none;

    for (int i = 0; i < 3; i++)
        for (unsigned w = 0; w < lab.group->shards; w++)
            (void)weir_group_steer(lab.group, w, &none, 0);
}

static struct weir_group_stats group_stats(unsigned w)
{
    struct weir_group_stats s;

    weir_group_stats(lab.group, w, &s);
    return s;
}

static uint64_t all_stubs_sent(void)
{
    uint64_t n = 0;

    for (unsigned w = 0; w < lab.group->shards; w++)
        n += group_stats(w).stubs_sent;
    return n;
}

static const uint32_t CLIENT = 0x0a020001, SERVER = 0xc6336401, VIP = 0xcb007101, VIP2 = 0xcb007102;

/* A client's port for which the packet to `dst` has home `at`, and the one to `other` not `at`. */
static uint16_t port_with_home(uint32_t dst, unsigned at, uint16_t from)
{
    for (uint16_t port = from; port; port++) {
        struct build b = udp_from(CLIENT, port, dst, 53);

        if (home(&b) == at)
            return port;
    }
    fail();
    return 0;
}

/* --- making --- */

static void refuses_what_is_no_group(void **state)
{
    struct weir_group_config config = {.shard = {.seed = {1, 2}, .max = 100}, .shards = 2};

    (void)state;
    config.shards = 0;
    assert_null(weir_group_new(&config));
    config.shards = WEIR_GROUP_SHARDS_MAX + 1;
    assert_null(weir_group_new(&config));
    config.shards = 2;
    config.ring = 100;
    assert_null(weir_group_new(&config));
    config.ring = 1;
    assert_null(weir_group_new(&config));
    weir_group_free(NULL);
}

static int reservations, outstanding;

static void *reserve_few(void *ctx, size_t size)
{
    (void)ctx;
    outstanding += reservations > 0;
    return reservations-- > 0 ? weir_reserve_pages(NULL, size) : NULL;
}

static void release_few(void *ctx, void *memory, size_t size)
{
    outstanding--;
    weir_release_pages(ctx, memory, size);
}

static void gives_all_back_when_memory_ends(void **state)
{
    struct weir_group_config config = {
        .shard = {.host = {.reserve = reserve_few, .release = release_few},
                  .seed = {1, 2},
                  .max = 100},
        .shards = 2,
    };
    struct weir_group *g = NULL;

    (void)state;
    for (int n = 0; !g; n++) {
        reservations = n;
        g = weir_group_new(&config);
        assert_true(n < 100);
        assert_true(g || outstanding == 0);
    }
    weir_group_free(g);
    assert_int_equal(outstanding, 0);
}

static void one_shard_alone_keeps_everything(void **state)
{
    struct build b = udp_from(CLIENT, 1, SERVER, 2);
    struct weir_packet p = packet(0, &b);

    (void)state;
    open_group(1, NULL);
    assert_int_equal(weir_group_steer(lab.group, 0, &p, 1).own, 1);
    assert_int_equal(weir_group_take(lab.group, 0, &p, 1).own, 0);
    assert_false(weir_group_waiting(lab.group, 0));
    assert_null(weir_group_shard(lab.group, 0)->track.peers);
    assert_int_equal(weir_tunable_get(weir_group_shard(lab.group, 0), WEIR_T_MAX), 40000);
}

static void each_shard_has_its_part(void **state)
{
    (void)state;
    open_group(3, NULL);
    for (unsigned w = 0; w < 3; w++)
        assert_int_equal(weir_tunable_get(weir_group_shard(lab.group, w), WEIR_T_MAX), 13334);
}

/* Only weir_group_take() says that a packet's bytes are weir's. */
static void a_callers_flag_does_not_count(void **state)
{
    struct build b = udp_from(CLIENT, 1, SERVER, 2);

    (void)state;
    for (unsigned shards = 1; shards < 3; shards++) {
        struct weir_packet p = packet(0, &b);

        open_group(shards, NULL);
        p.flags = WEIR_PKT_GATHERED;
        unsigned w = weir_group_home(lab.group, &p);

        assert_int_equal(weir_group_steer(lab.group, w, &p, 1).own, 1);
        weir_shard_run(weir_group_shard(lab.group, w), lab.now, &p, 1);
        assert_int_equal(p.verdict, WEIR_ACCEPT);
        (void)close_group(NULL);
    }
}

/* --- homes --- */

static void both_directions_have_one_home(void **state)
{
    unsigned at[SHARDS] = {0};

    (void)state;
    open_group(SHARDS, NULL);
    for (uint32_t i = 0; i < 4000; i++) {
        struct build b = udp_from(CLIENT + i / 7, (uint16_t)(i * 3), SERVER, 53);
        struct build back = udp_from(SERVER, 53, CLIENT + i / 7, (uint16_t)(i * 3));

        assert_int_equal(home(&b), home(&back));
        at[home(&b)]++;
    }
    for (unsigned w = 0; w < SHARDS; w++)
        assert_in_range(at[w], 900, 1100);
}

static void an_error_has_the_home_of_what_it_quotes(void **state)
{
    (void)state;
    open_group(SHARDS, NULL);
    for (uint16_t port = 1; port < 200; port++) {
        struct build b = udp_from(CLIENT, port, SERVER, 53), e;
        struct weir_packet p = packet(1, &b);

        build_init(&e, 4, BUILD_ICMP);
        e.src = b.dst;
        e.dst = b.src;
        e.l4.icmp.type = 3;
        e.data.bytes = p.data;
        e.data.len = p.len;
        assert_int_equal(home(&e), home(&b));
    }
}

/* --- rings --- */

static void what_finds_a_full_ring_is_refused(void **state)
{
    enum { MINE = 6, OTHERS = RING + 5 };
    struct weir_packet packets[MINE + OTHERS], taken[OTHERS];
    uint16_t mine = 1, others = 1;
    struct weir_steered s;

    (void)state;
    open_group(2, NULL);
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(packets); i++) {
        bool own = i % 4 == 0 && i / 4 < MINE;
        uint16_t *port = own ? &mine : &others;

        *port = (uint16_t)(port_with_home(SERVER, !own, *port) + 1);
        struct build b = udp_from(CLIENT, (uint16_t)(*port - 1), SERVER, 53);

        packets[i] = packet(i, &b);
        packets[i].user = (void *)(uintptr_t)(i + 1);
    }
    s = weir_group_steer(lab.group, 0, packets, WEIR_ARRAY_LEN(packets));
    assert_int_equal(s.own, MINE);
    assert_int_equal(s.refused, OTHERS - RING);
    for (unsigned i = 0; i < MINE; i++)
        assert_int_equal((uintptr_t)packets[i].user, 4 * i + 1);
    for (size_t i = s.own; i < s.own + s.refused; i++) {
        assert_int_equal(packets[i].verdict, WEIR_DROP);
        assert_int_equal(packets[i].reason, WEIR_R_HANDOFF_FULL);
    }
    assert_int_equal(group_stats(0).refused, OTHERS - RING);
    assert_int_equal(weir_group_shard(lab.group, 0)->track.stats.reasons[WEIR_R_HANDOFF_FULL],
                     OTHERS - RING);
    assert_true(weir_group_waiting(lab.group, 1));
    assert_false(weir_group_waiting(lab.group, 0));
    s = weir_group_take(lab.group, 1, taken, 3);
    assert_int_equal(s.own, 3);
    s = weir_group_take(lab.group, 1, taken + 3, OTHERS);
    assert_int_equal(s.own, RING - 3);
    assert_false(weir_group_waiting(lab.group, 1));
    for (unsigned i = 1; i < RING; i++)
        assert_true((uintptr_t)taken[i].user > (uintptr_t)taken[i - 1].user);
    weir_shard_run(weir_group_shard(lab.group, 1), lab.now, taken, RING);
    for (unsigned i = 0; i < RING; i++)
        assert_int_equal(taken[i].verdict, WEIR_ACCEPT);
}

/* --- stubs --- */

#define DNAT_RULES                                                         \
    "*nat\n"                                                               \
    "-A PREROUTING -d 203.0.113.1 -j DNAT --to-destination 198.51.100.1\n" \
    "-A PREROUTING -d 203.0.113.2 -j DNAT --to-destination 198.51.100.1\n" \
    "COMMIT\n"

/* A port whose connection to `vip` is owned by `owner` and whose answers have home `answers`. */
static uint16_t port_between(uint32_t vip, unsigned owner, unsigned answers, uint16_t from)
{
    for (;; from++) {
        from = port_with_home(vip, owner, from);
        struct build b = udp_from(CLIENT, from, SERVER, 53);

        if (home(&b) == answers)
            return from;
    }
}

static void an_answer_finds_its_owner(void **state)
{
    (void)state;
    open_group(SHARDS, DNAT_RULES);
    uint16_t port = port_between(VIP, 1, 2, 1);
    struct build b = udp_from(CLIENT, port, VIP, 53), back = udp_from(SERVER, 53, CLIENT, port);
    struct weir_packet p = run_at_home(&b), q[4];

    assert_int_equal(p.verdict, WEIR_ACCEPT);
    assert_int_equal(group_stats(1).stubs_sent, 1);
    /* It comes in at a third; two hops. */
    q[0] = packet(0, &back);
    assert_int_equal(weir_group_steer(lab.group, 3, q, 1).own, 0);
    assert_int_equal(weir_group_take(lab.group, 2, q, 4).own, 0);
    assert_int_equal(group_stats(2).stubs, 1);
    assert_int_equal(weir_group_take(lab.group, 1, q, 4).own, 1);
    weir_shard_run(weir_group_shard(lab.group, 1), lab.now, q, 1);
    assert_int_equal(q[0].ctinfo, WEIR_CT_ESTABLISHED_REPLY);
    assert_memory_equal(q[0].data + 12, ((uint8_t[4]){203, 0, 113, 1}), 4);
    /* At its home; one hop. */
    q[0] = packet(0, &back);
    assert_int_equal(weir_group_steer(lab.group, 2, q, 1).own, 0);
    assert_int_equal(weir_group_take(lab.group, 1, q, 4).own, 1);
    /* Gone with the connection. */
    weir_shard_flush(weir_group_shard(lab.group, 1));
    exchange_all();
    assert_int_equal(group_stats(2).stubs, 0);
    q[0] = packet(0, &back);
    assert_int_equal(weir_group_steer(lab.group, 2, q, 1).own, 1);
}

static void the_second_of_two_with_one_answer_is_ended(void **state)
{
    (void)state;
    open_group(SHARDS, DNAT_RULES);
    for (unsigned second = 0; second < SHARDS; second += 2) { /* another's stub; its own entry */
        uint16_t port = port_between(VIP, 1, 2, 1);

        for (;; port = port_between(VIP, 1, 2, (uint16_t)(port + 1))) {
            struct build other = udp_from(CLIENT, port, VIP2, 53);

            if (home(&other) == second)
                break;
        }
        struct build a = udp_from(CLIENT, port, VIP, 53), b = udp_from(CLIENT, port, VIP2, 53);

        lab.destroyed = 0;
        assert_int_equal(run_at_home(second == 2 ? &b : &a).verdict, WEIR_ACCEPT);
        exchange_all();
        assert_int_equal(run_at_home(second == 2 ? &a : &b).verdict, WEIR_ACCEPT);
        exchange_all();
        assert_int_equal(lab.destroyed, 1);
        assert_int_equal(group_stats(second == 2 ? 1 : 0).stubs_lost, 1);
        for (unsigned w = 0; w < SHARDS; w++)
            weir_shard_flush(weir_group_shard(lab.group, w));
        exchange_all();
        for (unsigned w = 0; w < SHARDS; w++)
            assert_int_equal(group_stats(w).stubs, 0);
    }
}

/* Nobody reads them: connections are refused, and withdrawals wait. */
static void notes_that_find_no_room_are_not_lost(void **state)
{
    uint16_t port = 1;
    unsigned made = 0;

    (void)state;
    open_group(SHARDS, DNAT_RULES);
    for (unsigned i = 0; i < RING + 4; i++, port++) {
        port = port_between(VIP, 1, 2, port);
        struct build b = udp_from(CLIENT, port, VIP, 53);
        struct weir_packet p = run_at_home(&b);

        assert_int_equal(p.verdict, i < RING ? WEIR_ACCEPT : WEIR_DROP);
        assert_int_equal(p.reason, i < RING ? WEIR_R_NONE : WEIR_R_HANDOFF_FULL);
        made += p.verdict == WEIR_ACCEPT;
    }
    assert_int_equal(made, RING);
    assert_int_equal(weir_tunable_get(weir_group_shard(lab.group, 1), WEIR_T_COUNT), RING);
    weir_shard_flush(weir_group_shard(lab.group, 1));
    assert_int_equal(lab.group->worker[1].late.count, RING);
    /* While they wait, nothing overtakes them there; other shards are told. */
    port = port_between(VIP, 1, 2, port);
    struct build b = udp_from(CLIENT, port, VIP, 53);
    assert_int_equal(run_at_home(&b).verdict, WEIR_DROP);
    port = port_between(VIP, 1, 3, port);
    b = udp_from(CLIENT, port, VIP, 53);
    assert_int_equal(run_at_home(&b).verdict, WEIR_ACCEPT);
    exchange_all();
    exchange_all();
    assert_int_equal(lab.group->worker[1].late.count, 0);
    assert_int_equal(group_stats(2).stubs, 0);
    assert_int_equal(group_stats(3).stubs, 1);
}

/* A packet that the home passed on before it learnt that the connection is gone. */
static void a_packet_too_late_makes_a_connection_that_is_known(void **state)
{
    (void)state;
    open_group(SHARDS, DNAT_RULES);
    uint16_t port = port_between(VIP, 1, 2, 1);
    struct build b = udp_from(CLIENT, port, VIP, 53), back = udp_from(SERVER, 53, CLIENT, port);
    struct weir_packet q[2];

    (void)run_at_home(&b);
    exchange_all();
    q[0] = packet(0, &back);
    (void)weir_group_steer(lab.group, 2, q, 1);
    weir_shard_flush(weir_group_shard(lab.group, 1));
    assert_int_equal(weir_group_take(lab.group, 1, q, 2).own, 1);
    weir_shard_run(weir_group_shard(lab.group, 1), lab.now, q, 1);
    assert_int_equal(q[0].ctinfo, WEIR_CT_NEW);
    exchange_all();
    assert_int_equal(group_stats(2).stubs, 2); /* both directions: neither has its home at 1 */
    assert_int_equal(group_stats(1).stubs_lost, 0);
}

/* --- ports --- */

/* Connections of one shard's clients to one server, until there is no port left. */
static unsigned fill(unsigned w, uint32_t first, struct weir_tuple *replies, unsigned max)
{
    unsigned n = 0;

    for (uint32_t client = first; client < first + 8 * max + 64; client++) {
        struct build b = udp_from(client, 7777, SERVER, 53);
        struct weir_conn c;

        if (home(&b) != w)
            continue;
        struct weir_packet p = run_at_home(&b);

        if (p.verdict == WEIR_DROP) {
            assert_int_equal(p.reason, WEIR_R_NAT_EXHAUSTED);
            return n;
        }
        assert_true(n < max);
        assert_true(weir_conn_get(weir_group_shard(lab.group, w), p.conn, &c));
        replies[n++] = c.tuple[WEIR_REPLY];
    }
    fail_msg("%u connections and no end", n);
    return n;
}

static int order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct weir_tuple));
}

static void are_distinct(struct weir_tuple *t, unsigned n)
{
    qsort(t, n, sizeof(*t), order);
    for (unsigned i = 1; i < n; i++)
        assert_memory_not_equal(&t[i - 1], &t[i], sizeof(*t));
}

static void a_large_range_is_shared_by_home(void **state)
{
    enum { PORTS = 2000 };
    struct weir_tuple replies[PORTS];
    unsigned n = 0;

    (void)state;
    open_group(SHARDS, "*nat\n-A POSTROUTING -p udp -s 10.1.0.0/16 -j SNAT --to "
                       "192.0.2.1:20000-21999\nCOMMIT\n");
    for (unsigned w = 0; w < SHARDS; w++)
        n += fill(w, 0x0a010001, replies + n, PORTS - n);
    assert_int_equal(n, PORTS);
    are_distinct(replies, n);
    assert_int_equal(all_stubs_sent(), 0);
    /* One goes, and its port can be had again. */
    unsigned w = home_of_tuple(&lab.group->homes, &replies[0]);
    struct weir_conn c;
    uint64_t cursor = 0;

    assert_true(weir_conn_walk(weir_group_shard(lab.group, w), &cursor, &c));
    assert_true(weir_conn_kill(weir_group_shard(lab.group, w), c.handle));
    assert_int_equal(fill(w, 0x0a01f000, replies, 1), 1);
    assert_memory_equal(&replies[0], &c.tuple[WEIR_REPLY], sizeof(replies[0]));
}

static void a_small_range_is_used_wherever_its_homes_are(void **state)
{
    enum { PORTS = 5 };
    struct weir_tuple replies[PORTS];
    unsigned abroad = 0;

    (void)state;
    open_group(SHARDS, "*nat\n-A POSTROUTING -p udp -s 10.1.0.0/16 -j SNAT --to "
                       "192.0.2.1:20000-20004\nCOMMIT\n");
    assert_int_equal(fill(1, 0x0a010001, replies, PORTS), PORTS);
    are_distinct(replies, PORTS);
    for (unsigned i = 0; i < PORTS; i++)
        abroad += home_of_tuple(&lab.group->homes, &replies[i]) != 1;
    assert_int_equal(all_stubs_sent(), abroad);
    assert_in_range(abroad, 1, PORTS);
}

static void an_address_alone_is_searched_for_a_port_at_home(void **state)
{
    unsigned kept = 0;

    (void)state;
    open_group(SHARDS, "*nat\n-A POSTROUTING -s 10.1.0.0/16 -j SNAT --to 192.0.2.1\nCOMMIT\n");
    for (uint32_t i = 0; i < 400; i++) {
        struct build b = udp_from(0x0a010001 + i, 7777, SERVER, 53);
        unsigned w = home(&b);
        struct weir_packet p = run_at_home(&b);
        struct weir_conn c;

        assert_true(weir_conn_get(weir_group_shard(lab.group, w), p.conn, &c));
        assert_int_equal(home_of_tuple(&lab.group->homes, &c.tuple[WEIR_REPLY]), w);
        kept += c.tuple[WEIR_REPLY].dst_key == BE16(7777);
    }
    assert_int_equal(all_stubs_sent(), 0);
    assert_int_equal(kept, 1); /* of 400: the first whose shard is the home of that port */
}

/* --- datagrams --- */

static unsigned cut(const struct build *b, struct weir_packet *pieces, unsigned slot)
{
    static uint8_t whole[BYTES];
    size_t len = build_make(b, whole, sizeof(whole)), total = build_fragmentable(whole, len);

    for (unsigned i = 0; i < 2; i++) {
        struct build_piece p = {.on = true,
                                .off = i * 600,
                                .len = (uint32_t)(i ? total - 600 : 600),
                                .more = BUILD_AUTO};
        uint8_t *to = lab.bytes[slot + i];

        pieces[i] = (struct weir_packet){
            .data = to, .len = (uint32_t)build_fragment(whole, len, &p, to, BYTES)};
    }
    return 2;
}

/* A big datagram whose fragments and whole have different homes. */
static struct build crossing(uint16_t from, unsigned *gatherer, unsigned *at)
{
    for (uint16_t port = from;; port++) {
        struct build b = udp_from(CLIENT, port, SERVER, 53);
        struct weir_packet pieces[2];

        b.data.len = 1000;
        b.ip4.id = port;
        (void)cut(&b, pieces, 500);
        *gatherer = weir_group_home(lab.group, &pieces[0]);
        *at = home(&b);
        assert_int_equal(weir_group_home(lab.group, &pieces[1]), *gatherer);
        if (*gatherer != *at)
            return b;
    }
}

static void a_datagram_crosses_and_is_cut_as_it_came(void **state)
{
    struct weir_packet pieces[2], taken[2];
    unsigned gatherer, at;

    (void)state;
    open_group(SHARDS, NULL);
    struct build b = crossing(1, &gatherer, &at);

    (void)cut(&b, pieces, 0);
    assert_int_equal(weir_group_steer(lab.group, gatherer, pieces, 2).own, 2);
    weir_shard_run(weir_group_shard(lab.group, gatherer), lab.now, pieces, 2);
    assert_int_equal(pieces[0].reason, WEIR_R_FRAG_WAIT);
    assert_int_equal(pieces[1].verdict, WEIR_HELD);
    assert_int_equal(pieces[1].reason, WEIR_R_HANDED_OVER);
    memset(lab.bytes, 0xee, sizeof(lab.bytes)); /* they are the caller's again */
    assert_int_equal(weir_group_take(lab.group, at, taken, 2).own, 1);
    assert_true(taken[0].flags & WEIR_PKT_GATHERED);
    weir_shard_run(weir_group_shard(lab.group, at), lab.now, taken, 1);
    assert_int_equal(taken[0].verdict, WEIR_REPLACED);
    assert_int_equal(taken[0].ctinfo, WEIR_CT_NEW);
    assert_int_equal(lab.emitted, 2);
    assert_int_equal(lab.emitted_len[0], 620);
    assert_int_equal(lab.emitted_len[1], 20 + 1008 - 600);
    assert_int_equal(group_stats(gatherer).datagrams, 1);
}

static void parcels_come_to_an_end_and_back(void **state)
{
    unsigned sent = 0, refused = 0, gatherer, at, first = SHARDS;
    struct weir_packet pieces[2], taken[RING];

    (void)state;
    open_group(SHARDS, NULL);
    for (int round = 0; round < 3; round++) {
        sent = refused = 0;
        for (uint16_t port = 1; sent + refused < RING + 3; port++) {
            struct build b = crossing(port, &gatherer, &at);

            port = b.l4.udp.sport;
            if (first == SHARDS)
                first = at;
            if (at != first)
                continue;
            b.ip4.id = (uint16_t)(port + 1000 * round);
            (void)cut(&b, pieces, 0);
            (void)weir_group_steer(lab.group, gatherer, pieces, 2);
            weir_shard_run(weir_group_shard(lab.group, gatherer), lab.now, pieces, 2);
            sent += pieces[1].reason == WEIR_R_HANDED_OVER;
            refused += pieces[1].reason == WEIR_R_HANDOFF_FULL;
        }
        assert_int_equal(sent, RING);
        lab.emitted = 0;
        assert_int_equal(weir_group_take(lab.group, first, taken, RING).own, RING);
        weir_shard_run(weir_group_shard(lab.group, first), lab.now, taken, RING);
        assert_int_equal(lab.emitted, 2 * RING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_group),
        cmocka_unit_test(gives_all_back_when_memory_ends),
        GROUP_TEST(one_shard_alone_keeps_everything),
        GROUP_TEST(each_shard_has_its_part),
        GROUP_TEST(a_callers_flag_does_not_count),
        GROUP_TEST(both_directions_have_one_home),
        GROUP_TEST(an_error_has_the_home_of_what_it_quotes),
        GROUP_TEST(what_finds_a_full_ring_is_refused),
        GROUP_TEST(an_answer_finds_its_owner),
        GROUP_TEST(the_second_of_two_with_one_answer_is_ended),
        GROUP_TEST(notes_that_find_no_room_are_not_lost),
        GROUP_TEST(a_packet_too_late_makes_a_connection_that_is_known),
        GROUP_TEST(a_large_range_is_shared_by_home),
        GROUP_TEST(a_small_range_is_used_wherever_its_homes_are),
        GROUP_TEST(an_address_alone_is_searched_for_a_port_at_home),
        GROUP_TEST(a_datagram_crosses_and_is_cut_as_it_came),
        GROUP_TEST(parcels_come_to_an_end_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
