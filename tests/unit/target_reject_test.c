/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * REJECT: which packets Linux 6.18 was seen to answer, with which bytes, how often, and what
 * becomes of the connection.
 */
#include "made_fixture.h"
#include "packet/icmp_limit.h"

#include "reject_answers.h"

static const union weir_addr router4 = {.bytes = {10, 9, 1, 1}};
static const union weir_addr router6 = {.bytes = {0xfd, 9, 0, 1, [15] = 1}};

static const char reset[] = "-p tcp -j REJECT --reject-with tcp-reset";

static void arrive(uint8_t family, enum hook hook)
{
    begin(family, WEIR_TABLE_FILTER, hook);
    with_host();
    h.source = family == 4 ? router4 : router6;
}

/* 10.9.1.2:5 or fd09:1::2:5 to port 99 behind the router. */
static void from_a(uint8_t family)
{
    hex_packet(family == 4 ? "45000020000100003f1164b70a0901020a09020200050063000c239261626364"
                           : "60000000000c113ffd090001000000000000000000000002fd09000200000000"
                             "000000000000000200050063000c408d61626364");
}

static void tcp_from_a(uint8_t flags)
{
    struct build b;

    packet_init(&b, w.eval.family, BUILD_TCP, 'A', 'B');
    b.l4.tcp.sport = 1000;
    b.l4.tcp.dport = 80;
    b.l4.tcp.flags = flags;
    b.l4.tcp.seq = 100;
    b.l4.tcp.ack = 0x11223344;
    b.l4.tcp.win = 1000;
    packet(&b);
}

static bool answered(const char *text)
{
    size_t before = h.made;

    assert_int_equal(hit_rule(text), RULES_DROP);
    assert_int_equal(w.eval.reason, WEIR_R_REJECT);
    return h.made > before;
}

/* --- what Linux was seen to answer --- */

/* What is drawn at random is zeroed, after a look at the sums. */
static void blank(uint8_t *ip, size_t len)
{
    struct parsed p;

    assert_int_equal(parse_ip(&p, ip, (uint32_t)len, (uint32_t)len), WEIR_R_NONE);
    if (p.family == 6) {
        assert_int_equal(upper_sum(&p), 0xffff);
        return;
    }
    if (p.proto == PROTO_TCP) {
        assert_int_equal(upper_sum(&p), 0xffff);
        return;
    }
    assert_int_equal(checksum_fold(checksum_add(0, ip + 20, len - 20)), 0xffff);
    assert_int_not_equal(load_be16(ip + IP4_ID), 0);
    store_raw16(ip + IP4_ID, 0);
    store_raw16(ip + IP4_CHECKSUM, 0);
}

static void test_answers(void **state)
{
    static uint8_t expected[2000];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(reject_answers); i++) {
        const struct reject_answer *a = &reject_answers[i];

        arrive(a->packet[0] == '4' ? 4 : 6, HOOK_FORWARD);
        hex_packet(a->packet);
        if (answered(a->reset ? reset : "-j REJECT") != !!a->answer)
            fail_msg("%s: %s", a->what, a->answer ? "not answered" : "answered");
        if (!a->answer)
            continue;
        size_t len = from_hex(a->answer, expected, sizeof(expected));

        assert_int_equal(h.kind, MADE_ANSWER);
        blank(h.bytes, h.made_len);
        if (h.made_len != len || memcmp(h.bytes, expected, len) != 0)
            fail_msg("%s: another answer", a->what);
    }
}

static void test_types(void **state)
{
    static const struct {
        uint8_t family;
        const char *name;
        uint8_t type, code;
    } rows[] = {
        {4, "icmp-net-unreachable", 3, 0},
        {4, "icmp-host-unreachable", 3, 1},
        {4, "icmp-proto-unreachable", 3, 2},
        {4, "icmp-port-unreachable", 3, 3},
        {4, "icmp-net-prohibited", 3, 9},
        {4, "icmp-host-prohibited", 3, 10},
        {4, "icmp-admin-prohibited", 3, 13},
        {4, "icmp-", 3, 0},
        {4, "PORT-UN", 3, 3},
        {6, "icmp6-no-route", 1, 0},
        {6, "icmp6-adm-prohibited", 1, 1},
        {6, "icmp6-addr-unreachable", 1, 3},
        {6, "icmp6-port-unreachable", 1, 4},
        {6, "icmp6-policy-fail", 1, 5},
        {6, "icmp6-reject-route", 1, 6},
        {6, "adm-prohibited", 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        char text[80];
        uint32_t head = rows[i].family == 4 ? 20 : 40;

        (void)snprintf(text, sizeof(text), "-j REJECT --reject-with %s", rows[i].name);
        arrive(rows[i].family, HOOK_FORWARD);
        from_a(rows[i].family);
        assert_true(answered(text));
        assert_int_equal(h.bytes[head], rows[i].type);
        assert_int_equal(h.bytes[head + 1], rows[i].code);
    }
}

static void test_refused(void **state)
{
    static const char needs_tcp[] =
        "REJECT: tcp-reset needs \"-p tcp\" in the same rule, not negated";

    (void)state;
    arrive(4, HOOK_INPUT);
    refused("-j REJECT --reject-with tcp-reset", 1, needs_tcp);
    refused("-p udp -j REJECT --reject-with tcp-reset", 1, needs_tcp);
    refused("! -p tcp -j REJECT --reject-with tcp-reset", 1, needs_tcp);
    refused("-j REJECT --reject-with foo", 2, "unknown reject type \"foo\"");
    refused("-j REJECT --reject-with echo", 2, "unknown reject type \"echo\"");
    assert_non_null(strstr(w.error.hint, "no longer supported"));
    arrive(6, HOOK_INPUT);
    refused("-j REJECT --reject-with icmp-port-unreachable", 2,
            "unknown reject type \"icmp-port-unreachable\"");
}

/* --- from where, to whom --- */

static void test_source(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t family = i ? 6 : 4;
        uint32_t src = i ? IP6_SRC : IP4_SRC, size = i ? 16 : 4;

        arrive(family, HOOK_FORWARD);
        from_a(family);
        assert_true(answered("-j REJECT"));
        assert_memory_equal(h.bytes + src, i ? router6.bytes : router4.bytes, size);
        /* It was for this host. */
        arrive(family, HOOK_INPUT);
        from_a(family);
        h.local = eval_dst(&w.eval);
        assert_true(answered("-j REJECT"));
        assert_memory_equal(h.bytes + src, h.local.bytes, size);
        /* The same, of a host that does not know its addresses. */
        arrive(family, HOOK_INPUT);
        w.track.host.addr_type = NULL;
        from_a(family);
        union weir_addr dst = eval_dst(&w.eval);

        assert_true(answered("-j REJECT"));
        assert_memory_equal(h.bytes + src, dst.bytes, size);
        arrive(family, HOOK_FORWARD);
        from_a(family);
        h.no_source = true;
        assert_false(answered("-j REJECT"));
        w.track.host.source = NULL;
        assert_false(answered("-j REJECT"));
    }
}

static void test_not_answered(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t family = i ? 6 : 4;

        arrive(family, HOOK_FORWARD);
        from_a(family);
        h.no_route = true;
        assert_false(answered("-j REJECT"));
        h.no_route = false;
        h.broadcast = eval_dst(&w.eval);
        assert_false(answered("-j REJECT"));
        memset(&h.broadcast, 0, sizeof(h.broadcast));
        for (w.raw.pkt_type = WEIR_PKT_BROADCAST; w.raw.pkt_type <= WEIR_PKT_OTHERHOST;
             w.raw.pkt_type++)
            assert_false(answered("-j REJECT"));
        w.raw.pkt_type = WEIR_PKT_HOST;
        assert_true(answered("-j REJECT"));
        /* A RST goes to whoever sent a frame to many, but not an address of many. */
        tcp_from_a(BUILD_TCP_SYN);
        w.raw.pkt_type = WEIR_PKT_BROADCAST;
        assert_true(answered(reset));
        w.raw.pkt_type = WEIR_PKT_HOST;
        h.broadcast = eval_dst(&w.eval);
        assert_false(answered(reset));
        memset(&h.broadcast, 0, sizeof(h.broadcast));
        h.no_route = true;
        assert_false(answered(reset));
    }
}

/* Whoever vouches for the checksum is believed. */
static void test_vouched(void **state)
{
    (void)state;
    arrive(4, HOOK_FORWARD);
    from_a(4);
    w.bytes[w.len - 1] ^= 1;
    assert_false(answered("-j REJECT"));
    w.raw.flags = WEIR_PKT_CSUM_OK;
    assert_true(answered("-j REJECT"));
}

/* What a capture cut off may have been right, and is not there to be quoted. */
static void test_cut(void **state)
{
    static uint8_t bytes[1000];

    (void)state;
    arrive(4, HOOK_FORWARD);
    w.len = from_hex("450003e8000100003f1160ef0a0901020a0902020005006303d47777", bytes, 28);
    free(w.bytes);
    w.bytes = malloc(28);
    assert_non_null(w.bytes);
    memcpy(w.bytes, bytes, 28);
    store_raw16(w.bytes + 10, 0);
    store_raw16(w.bytes + 10, (uint16_t)~checksum_fold(checksum_add(0, w.bytes, 20)));
    w.raw = (struct weir_packet){.data = w.bytes, .len = 28, .wire_len = 1000};
    w.pkt = (struct pkt){.raw = &w.raw};
    assert_int_equal(parse_ip(&w.pkt.ip, w.bytes, 28, 1000), WEIR_R_NONE);
    assert_true(answered("-j REJECT"));
    assert_int_equal(h.made_len, 20 + 8 + 28);
}

static void test_mtu(void **state)
{
    (void)state;
    arrive(4, HOOK_FORWARD);
    hex_packet("450002d8000100003f1161ff0a0901020a0902020005006302c4e2e800*700.");
    h.mtu_back = 300;
    assert_true(answered("-j REJECT"));
    assert_int_equal(h.made_len, 300);
}

/* --- how often --- */

static size_t burst(size_t n)
{
    size_t before = h.made;

    while (n--) {
        assert_int_equal(hit(), RULES_DROP);
        assert_int_equal(w.eval.reason, WEIR_R_REJECT);
    }
    return h.made - before;
}

/* Six at once, then one a second; IPv6: ten a second. */
static void test_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        arrive(i ? 6 : 4, HOOK_FORWARD);
        from_a(i ? 6 : 4);
        set_rule("-j REJECT");
        int64_t second = WEIR_TICKS_PER_SEC, one = i ? second / 10 : second;

        assert_int_equal(burst(20), 6);
        w.track.tick64 += one - 1;
        assert_int_equal(burst(20), 0);
        w.track.tick64 += 1;
        assert_int_equal(burst(20), 1);
        w.track.tick64 += 2 * one + one / 2;
        assert_int_equal(burst(20), 2);
        w.track.tick64 += 60 * one;
        assert_int_equal(burst(20), 6);
        unset_rule();
    }
}

/* Other destinations have buckets of their own; what goes to this host itself has no limit, and it
 * can be turned off. */
static void test_limit_peers(void **state)
{
    (void)state;
    arrive(4, HOOK_FORWARD);
    from_a(4);
    set_rule("-j REJECT");
    assert_int_equal(burst(20), 6);
    w.pkt.ip.ip[IP4_SRC + 3] = 3;
    w.raw.flags = WEIR_PKT_CSUM_OK;
    assert_int_equal(burst(20), 6);
    h.back_is_local = true;
    assert_int_equal(burst(100), 100);
    h.back_is_local = false;
    w.track.set.icmp_ratelimit = 0;
    assert_int_equal(burst(100), 100);
    unset_rule();
}

/* RSTs are not limited. */
static void test_limit_resets(void **state)
{
    (void)state;
    arrive(4, HOOK_FORWARD);
    tcp_from_a(BUILD_TCP_SYN);
    set_rule(reset);
    assert_int_equal(burst(100), 100);
    unset_rule();
}

/* Rules share one limit, also across the exchange of one ruleset for another. */
static void test_limit_shared(void **state)
{
    uint8_t other[64] = {0};

    (void)state;
    arrive(4, HOOK_FORWARD);
    from_a(4);
    set_rule("-j REJECT");
    const struct ext *x = rule.target;

    assert_true(sizeof(other) >= x->type->state_size);
    assert_true(x->type->bind(&w.world, x, other));
    assert_int_equal(h.memory, 1);
    assert_int_equal(burst(20), 6);
    x->type->unbind(&w.world, x, other);
    assert_int_equal(h.memory, 1);
    assert_int_equal(burst(20), 0);
    unset_rule();
}

/* All destinations together: fifty at once, each taking one in the mean, and twenty every 20 ms. */
static void test_limit_all(void **state)
{
    static struct icmp_limit limit;
    struct random random;
    union weir_addr addr = {.v4 = 1};
    const int64_t start = 1000;
    size_t sent = 0;

    (void)state;
    memset(&limit, 0, sizeof(limit));
    random_init(&random, (uint64_t[]){3, 4});
    icmp_limit_init(&limit, &random, start);
    for (int i = 0; i < 1000; i++, addr.v4++)
        sent += icmp_limit_allow(&limit, &random, start, 4, &addr);
    assert_in_range(sent, 25, 80);
    for (int64_t tick = 1; tick < 5; tick++, addr.v4++)
        assert_false(icmp_limit_allow(&limit, &random, start + tick, 4, &addr));
    sent = 0;
    for (int i = 0; i < 1000; i++, addr.v4++)
        sent += icmp_limit_allow(&limit, &random, start + 5, 6, &addr);
    assert_in_range(sent, 10, 40);
    /* In the long run 1000 a second. */
    sent = 0;
    for (int64_t tick = 6; tick < 6 + 10 * WEIR_TICKS_PER_SEC; tick++)
        for (int i = 0; i < 20; i++, addr.v4++)
            sent += icmp_limit_allow(&limit, &random, start + tick, 4, &addr);
    assert_in_range(sent, 9700, 10300);
    /* Idle time fills it up, and no more. */
    sent = 0;
    for (int i = 0; i < 1000; i++, addr.v4++)
        sent += icmp_limit_allow(&limit, &random, start + 1000000, 4, &addr);
    assert_in_range(sent, 25, 80);
}

/* One that is refused for its own sake takes nothing from the others; and with nothing left for
 * all, its own bucket is not touched. */
static void test_limit_apart(void **state)
{
    static struct icmp_limit limit;
    struct random random;
    union weir_addr a = {.v4 = 1}, b = {.v4 = 1000000};
    size_t sent = 0;

    (void)state;
    memset(&limit, 0, sizeof(limit));
    random_init(&random, (uint64_t[]){3, 4});
    icmp_limit_init(&limit, &random, 0);
    for (int i = 0; i < 1000; i++)
        sent += icmp_limit_allow(&limit, &random, 0, 4, &a);
    assert_int_equal(sent, 6);
    assert_true(limit.credit >= 50 - 2 * 6);
    while (icmp_limit_allow(&limit, &random, 0, 4, &b))
        b.v4++;
    assert_int_equal(limit.credit, 0);
    for (int i = 0; i < 10; i++)
        assert_false(icmp_limit_allow(&limit, &random, 0, 4, &b));
    sent = 0;
    for (int i = 0; i < 10; i++)
        sent += icmp_limit_allow(&limit, &random, WEIR_TICKS_PER_SEC, 4, &b);
    assert_int_equal(sent, 6);
}

/* Every destination that can have a bucket which is not full is remembered, but for collisions. */
static void test_limit_memory(void **state)
{
    static struct icmp_limit limit;
    struct random random;
    union weir_addr addr = {.v4 = 1};
    size_t sent = 0, again = 0;

    (void)state;
    memset(&limit, 0, sizeof(limit));
    random_init(&random, (uint64_t[]){3, 4});
    icmp_limit_init(&limit, &random, 0);
    for (uint32_t i = 0; i < 4000; i++) {
        limit.credit = 50;
        addr.v4 = 1 + i;
        for (int k = 0; k < 7; k++)
            sent += icmp_limit_allow(&limit, &random, 0, 4, &addr);
    }
    assert_int_equal(sent, 4000 * 6);
    for (uint32_t i = 0; i < 4000; i++) {
        limit.credit = 50;
        addr.v4 = 1 + i;
        again += icmp_limit_allow(&limit, &random, 0, 4, &addr);
    }
    assert_in_range(again, 0, 200);
}

/* --- the connection --- */

static void new_tcp(uint8_t flags, enum weir_tcp_state tcp)
{
    arrive(4, HOOK_FORWARD);
    w.track.ticks[WEIR_T_TCP_CLOSE] = 1234;
    tcp_from_a(flags);
    tracked();
    conn_proto(CONN)->tcp.state = (uint8_t)tcp;
    CONN->deadline = 99;
}

static void test_closes(void **state)
{
    (void)state;
    new_tcp(BUILD_TCP_ACK, WEIR_TCP_ESTABLISHED);
    assert_true(answered(reset));
    assert_int_equal(conn_proto(CONN)->tcp.state, WEIR_TCP_CLOSE);
    assert_int_equal(CONN->events, 1u << WEIR_EV_PROTOINFO);
    assert_int_equal(CONN->deadline, 1234);
    /* It is told once. */
    CONN->events = 0;
    assert_true(answered(reset));
    assert_int_equal(CONN->events, 0);

    /* No RST, no end. */
    new_tcp(BUILD_TCP_ACK | BUILD_TCP_RST, WEIR_TCP_ESTABLISHED);
    assert_false(answered(reset));
    assert_int_equal(conn_proto(CONN)->tcp.state, WEIR_TCP_ESTABLISHED);
    new_tcp(BUILD_TCP_ACK, WEIR_TCP_ESTABLISHED);
    w.bytes[w.len - 1] ^= 1;
    assert_false(answered(reset));
    assert_int_equal(conn_proto(CONN)->tcp.state, WEIR_TCP_ESTABLISHED);
    /* An ICMP error ends nothing. */
    new_tcp(BUILD_TCP_ACK, WEIR_TCP_ESTABLISHED);
    assert_true(answered("-j REJECT"));
    assert_int_equal(conn_proto(CONN)->tcp.state, WEIR_TCP_ESTABLISHED);
    assert_int_equal(CONN->deadline, 99);
}

/* A packet of no connection is answered too. */
static void test_untracked(void **state)
{
    (void)state;
    arrive(4, HOOK_FORWARD);
    tcp_from_a(BUILD_TCP_SYN);
    w.pkt.ctinfo = WEIR_CT_UNTRACKED;
    assert_true(answered(reset));
}

/* --- in a shard --- */

static struct {
    size_t out, updates;
    uint8_t bytes[200];
    size_t len;
    struct weir_conn conn;
} seen;

static void keep_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)ctx;
    assert_non_null(cause);
    assert_true(made->len <= sizeof(seen.bytes));
    memcpy(seen.bytes, made->data, made->len);
    seen.len = made->len;
    seen.out++;
}

static void keep_event(void *ctx, const struct weir_event *event)
{
    (void)ctx;
    seen.updates += event->type == WEIR_EVENT_UPDATE;
    seen.conn = event->conn;
}

/* Of an established connection, the rejected segment is answered in its server's name, the entry is
 * closed, and both belong to the connection. */
static void test_in_shard(void **state)
{
    static const char text[] = "*filter\n"
                               "-A FORWARD -p tcp -m tcp --tcp-flags PSH PSH -j REJECT "
                               "--reject-with tcp-reset\n"
                               "COMMIT\n";
    const struct weir_config config = {
        .host = {.packet = keep_packet, .event = keep_event}, .seed = {1, 2}, .max = 10};
    struct fixture f = {.shard = weir_shard_new(&config), .now = {SEC}};
    static const uint8_t back[8] = {10, 0, 0, 2, 10, 0, 0, 1};

    (void)state;
    assert_non_null(f.shard);
    struct weir_rules *rules = set_rules(&f, 4, text);

    (void)send_tcp(&f, 'A', 'B', 1000, 80, FL_SYN, 100, 0);
    (void)send_tcp(&f, 'B', 'A', 80, 1000, FL_SYNACK, 500, 101);
    assert_int_equal(send_tcp(&f, 'A', 'B', 1000, 80, FL_ACK, 101, 501), WEIR_CT_ESTABLISHED);
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(send_tcp(&f, 'A', 'B', 1000, 80, FL_ACK | BUILD_TCP_PSH, 101, 501),
                     WEIR_CT_ESTABLISHED);
    assert_int_equal(f.sent.verdict, WEIR_DROP);
    assert_int_equal(f.sent.reason, WEIR_R_REJECT);
    assert_int_equal(f.sent.packets_out, 1);
    assert_int_equal(seen.out, 1);
    assert_int_equal(seen.len, 40);
    assert_memory_equal(seen.bytes + IP4_SRC, back, sizeof(back));
    assert_int_equal(load_be32(seen.bytes + 20 + TCP_SEQ), 501);
    assert_int_equal(seen.updates, 1);
    assert_int_equal(seen.conn.state, WEIR_TCP_CLOSE);
    assert_int_equal(its_conn(&f).timeout_ms, 10000);
    unset_rules(&f, 4, rules);
    weir_shard_free(f.shard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_answers),      TARGET_TEST(test_types),
        TARGET_TEST(test_refused),      TARGET_TEST(test_source),
        TARGET_TEST(test_not_answered), TARGET_TEST(test_vouched),
        TARGET_TEST(test_cut),          TARGET_TEST(test_mtu),
        TARGET_TEST(test_limit),        TARGET_TEST(test_limit_peers),
        TARGET_TEST(test_limit_resets), TARGET_TEST(test_limit_shared),
        TARGET_TEST(test_limit_all),    TARGET_TEST(test_limit_apart),
        TARGET_TEST(test_limit_memory), TARGET_TEST(test_closes),
        TARGET_TEST(test_untracked),    cmocka_unit_test(test_in_shard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
