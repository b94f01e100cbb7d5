/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables and timeout policies: every default and range as the conntrack reference, 6.1 and 8.1,
 * has them, that a refused value changes nothing, and that values act.
 */
#include "shard_fixture.h"

enum { CAPACITY = 1000 }; /* of the fixture's shard */

/* 2^31 - 1 ticks of 4 ms, in seconds. */
static const int64_t timeout_max = 2147483647 / 250;

static const struct {
    enum weir_tunable tunable;
    int64_t def;
} timeouts[] = {
    {WEIR_T_GENERIC_TIMEOUT, 600},    {WEIR_T_ICMP_TIMEOUT, 30},
    {WEIR_T_ICMPV6_TIMEOUT, 30},      {WEIR_T_UDP_TIMEOUT, 30},
    {WEIR_T_UDP_TIMEOUT_STREAM, 120}, {WEIR_T_GRE_TIMEOUT, 30},
    {WEIR_T_GRE_TIMEOUT_STREAM, 180}, {WEIR_T_SCTP_CLOSED, 10},
    {WEIR_T_SCTP_COOKIE_WAIT, 3},     {WEIR_T_SCTP_COOKIE_ECHOED, 3},
    {WEIR_T_SCTP_ESTABLISHED, 210},   {WEIR_T_SCTP_SHUTDOWN_SENT, 3},
    {WEIR_T_SCTP_SHUTDOWN_RECD, 3},   {WEIR_T_SCTP_SHUTDOWN_ACK_SENT, 3},
    {WEIR_T_SCTP_HEARTBEAT_SENT, 30}, {WEIR_T_TCP_SYN_SENT, 120},
    {WEIR_T_TCP_SYN_RECV, 60},        {WEIR_T_TCP_ESTABLISHED, 432000},
    {WEIR_T_TCP_FIN_WAIT, 120},       {WEIR_T_TCP_CLOSE_WAIT, 60},
    {WEIR_T_TCP_LAST_ACK, 30},        {WEIR_T_TCP_TIME_WAIT, 120},
    {WEIR_T_TCP_CLOSE, 10},           {WEIR_T_TCP_RETRANS, 300},
    {WEIR_T_TCP_UNACK, 300},          {WEIR_T_FRAG6_TIMEOUT, 60},
    {WEIR_T_ONEWAY_TCP_CLOSE, 10},    {WEIR_T_ONEWAY_TCP_ESTABLISHED, 300},
    {WEIR_T_ONEWAY_TCP_FIN_WAIT, 30}, {WEIR_T_ONEWAY_TCP_SYN_SENT, 30},
    {WEIR_T_ONEWAY_UDP, 30},
};

static const struct {
    enum weir_tunable tunable;
    int64_t def, min, max;
} numbers[] = {
    {WEIR_T_ACCT, 0, 0, 1},
    {WEIR_T_CHECKSUM, 1, 0, 1},
    {WEIR_T_EVENTS, 2, 0, 2},
    {WEIR_T_ICMP_RATELIMIT, 1, 0, 1},
    {WEIR_T_LOG_INVALID, 0, 0, 255},
    {WEIR_T_ONEWAY_ZONES, 0, 0, 65535},
    {WEIR_T_NAT_LINUX_SEARCH, 0, 0, 1},
    {WEIR_T_TIMESTAMP, 0, 0, 1},
    {WEIR_T_TCP_LOOSE, 1, 0, 1},
    {WEIR_T_TCP_BE_LIBERAL, 0, 0, 1},
    {WEIR_T_TCP_IGNORE_INVALID_RST, 0, 0, 1},
    {WEIR_T_TCP_MAX_RETRANS, 3, 0, 255},
    {WEIR_T_MAX, CAPACITY, 0, CAPACITY},
    {WEIR_T_FRAG6_HIGH_THRESH, 4194304, 3145728, INT64_MAX},
    {WEIR_T_FRAG6_LOW_THRESH, 3145728, 0, 4194304},
};

static int64_t get(const struct fixture *f, enum weir_tunable tunable)
{
    return weir_tunable_get(f->shard, tunable);
}

static void check(struct fixture *f, enum weir_tunable tunable, int64_t def, int64_t min,
                  int64_t max)
{
    int64_t is_min, is_max;

    assert_int_equal(get(f, tunable), def);
    weir_tunable_range(f->shard, tunable, &is_min, &is_max);
    assert_true(is_min == min && is_max == max);
    assert_int_equal(weir_tunable_set(f->shard, tunable, min), 0);
    assert_int_equal(get(f, tunable), min);
    assert_int_equal(weir_tunable_set(f->shard, tunable, max), 0);
    assert_true(get(f, tunable) == max);
    if (min > INT64_MIN) {
        assert_int_equal(weir_tunable_set(f->shard, tunable, min - 1), -ERANGE);
        assert_int_equal(weir_tunable_set(f->shard, tunable, INT64_MIN), -ERANGE);
    }
    if (max < INT64_MAX) {
        assert_int_equal(weir_tunable_set(f->shard, tunable, max + 1), -ERANGE);
        assert_int_equal(weir_tunable_set(f->shard, tunable, INT64_MAX), -ERANGE);
        /* What would be in range if only 32 or 8 bits of it were looked at. */
        assert_int_equal(weir_tunable_set(f->shard, tunable, (1LL << 32) + def), -ERANGE);
    }
    assert_true(get(f, tunable) == max);
    assert_int_equal(weir_tunable_set(f->shard, tunable, def), 0);
    assert_int_equal(get(f, tunable), def);
}

static void test_timeouts(void **state)
{
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
        check(*state, timeouts[i].tunable, timeouts[i].def, -timeout_max, timeout_max);
}

static void test_numbers(void **state)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        check(*state, numbers[i].tunable, numbers[i].def, numbers[i].min, numbers[i].max);
}

/* Every tunable is in one of the lists above, or below by name. */
static void test_none_forgotten(void **state)
{
    bool known[WEIR_T_MAX_NUMBER] = {
        [WEIR_T_BUCKETS] = true, [WEIR_T_COUNT] = true, [WEIR_T_EXPECT_MAX] = true};

    (void)state;
    for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
        known[timeouts[i].tunable] = true;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        known[numbers[i].tunable] = true;
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        assert_true(known[i]);
}

/* None of them changes another. */
static void test_independent(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++) {
        int64_t others[WEIR_T_MAX_NUMBER], min, max;

        if (i == WEIR_T_COUNT)
            continue;
        for (int k = 0; k < WEIR_T_MAX_NUMBER; k++)
            others[k] = get(f, (enum weir_tunable)k);
        weir_tunable_range(f->shard, (enum weir_tunable)i, &min, &max);
        assert_int_equal(
            weir_tunable_set(f->shard, (enum weir_tunable)i, others[i] == min ? min + 1 : min), 0);
        for (int k = 0; k < WEIR_T_MAX_NUMBER; k++)
            assert_true((k == i) == (get(f, (enum weir_tunable)k) != others[k]));
        set(f, (enum weir_tunable)i, others[i]);
    }
}

static void test_count(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(get(f, WEIR_T_COUNT), 0);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_COUNT, 0), -EACCES);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_COUNT, 5), -EACCES);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(get(f, WEIR_T_COUNT), 1);
}

static void test_unknown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_MAX_NUMBER, 1), -EINVAL);
    assert_int_equal(weir_tunable_set(f->shard, (enum weir_tunable)4000000, 1), -EINVAL);
}

/* Bucket counts go up to the next multiple of 512; connections stay. */
static void test_buckets(void **state)
{
    static const int64_t rows[][2] = {{1, 512}, {512, 512}, {513, 1024}, {100000, 100352}};
    struct fixture *f = *state;
    int64_t min, max;

    assert_int_equal(get(f, WEIR_T_BUCKETS), 1024);
    for (uint16_t port = 1; port <= 500; port++)
        (void)send_udp(f, 'A', 'B', port, 53);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set(f, WEIR_T_BUCKETS, rows[i][0]);
        assert_int_equal(get(f, WEIR_T_BUCKETS), rows[i][1]);
        assert_int_equal(get(f, WEIR_T_MAX), CAPACITY);
        for (uint16_t port = 1; port <= 500; port++)
            assert_int_equal(send_udp(f, 'B', 'A', 53, port), WEIR_CT_ESTABLISHED_REPLY);
    }
    weir_tunable_range(f->shard, WEIR_T_BUCKETS, &min, &max);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_BUCKETS, min - 1), -ERANGE);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_BUCKETS, max + 1), -ERANGE);
    assert_int_equal(get(f, WEIR_T_BUCKETS), 100352);
    set(f, WEIR_T_BUCKETS, max);
    assert_int_equal(conns(f), 500);
}

/* Four for each expectation bucket; one of those for 256 buckets, at least one. */
static void test_expect_max(void **state)
{
    static const struct {
        uint32_t max, buckets;
        int64_t expect_max;
    } rows[] = {{0, 0, 4096}, {100, 0, 8}, {100, 65536, 1024}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct weir_config config = {.max = rows[i].max, .buckets = rows[i].buckets};
        struct weir_shard *s = weir_shard_new(&config);

        assert_non_null(s);
        assert_int_equal(weir_tunable_get(s, WEIR_T_EXPECT_MAX), rows[i].expect_max);
        assert_int_equal(weir_tunable_set(s, WEIR_T_EXPECT_MAX, 0), -ERANGE);
        assert_int_equal(weir_tunable_set(s, WEIR_T_EXPECT_MAX, 1LL << 31), -ERANGE);
        assert_int_equal(weir_tunable_get(s, WEIR_T_EXPECT_MAX), rows[i].expect_max);
        assert_int_equal(weir_tunable_set(s, WEIR_T_EXPECT_MAX, 1), 0);
        assert_int_equal(weir_tunable_get(s, WEIR_T_EXPECT_MAX), 1);
        weir_shard_free(s);
    }
}

/* Low never above high, whichever is moved. */
static void test_thresholds(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_FRAG6_LOW_THRESH, 4194305), -ERANGE);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_FRAG6_HIGH_THRESH, 3145727), -ERANGE);
    set(f, WEIR_T_FRAG6_HIGH_THRESH, 1LL << 40);
    set(f, WEIR_T_FRAG6_LOW_THRESH, 1LL << 40);
    assert_int_equal(weir_tunable_set(f->shard, WEIR_T_FRAG6_HIGH_THRESH, (1LL << 40) - 1),
                     -ERANGE);
    set(f, WEIR_T_FRAG6_LOW_THRESH, 0);
    set(f, WEIR_T_FRAG6_HIGH_THRESH, 0);
}

/* max goes as high as the memory that was reserved. */
static void test_max_and_capacity(void **state)
{
    static const struct {
        uint32_t max, capacity;
        int64_t def, highest;
    } rows[] = {{0, 0, 262144, 262144},
                {100, 0, 100, 100},
                {100, 50, 100, 100},
                {100, 5000, 100, 5000},
                {0, 300000, 262144, 300000}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct weir_config config = {.max = rows[i].max, .capacity = rows[i].capacity};
        struct weir_shard *s = weir_shard_new(&config);

        assert_non_null(s);
        assert_int_equal(weir_tunable_get(s, WEIR_T_MAX), rows[i].def);
        assert_int_equal(weir_tunable_set(s, WEIR_T_MAX, rows[i].highest), 0);
        assert_int_equal(weir_tunable_set(s, WEIR_T_MAX, rows[i].highest + 1), -ERANGE);
        assert_int_equal(weir_tunable_get(s, WEIR_T_MAX), rows[i].highest);
        weir_shard_free(s);
    }
}

/* --- they act --- */

/* A timeout acts on each entry at its next refresh. */
static void test_timeout_acts_on_refresh(void **state)
{
    struct fixture *f = *state;

    (void)send_udp(f, 'A', 'B', 1, 2);
    set(f, WEIR_T_UDP_TIMEOUT, 7);
    assert_int_equal(only_conn(f).timeout_ms, 30000);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 7000);
    wait_ms(f, 6996);
    assert_int_equal(conns(f), 1);
    wait_ms(f, 4);
    assert_int_equal(conns(f), 0);
}

/* Zero and negative: the packet passes, and its entry is gone when the next one comes. */
static void test_timeout_of_nothing(void **state)
{
    static const int64_t values[] = {0, -1, -1000, -8589934};
    struct fixture *f = *state;

    for (size_t i = 0; i < 4; i++) {
        set(f, WEIR_T_UDP_TIMEOUT, values[i]);
        f->events = 0;
        assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_NEW);
        assert_int_equal(conns(f), 0);
        assert_int_equal(send_udp(f, 'B', 'A', 2, 1), WEIR_CT_NEW);
        assert_int_equal(send_udp(f, 'A', 'B', 1, 2), WEIR_CT_NEW);
        (void)weir_shard_tick(f->shard, f->now, 0);
        assert_int_equal(count(f), 0);
        assert_int_equal(f->events, 6); /* three came, three went */
    }
}

/* The longest timeout does not wrap into the past. */
static void test_longest_timeout(void **state)
{
    struct fixture *f = *state;

    set(f, WEIR_T_UDP_TIMEOUT, timeout_max);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, timeout_max * 1000);
    for (int month = 0; month < 3; month++) {
        wait_ms(f, timeout_max / 4 * 1000);
        assert_int_equal(conns(f), 1);
    }
    f->now.ns += (timeout_max - timeout_max / 4 * 3) * SEC - 4 * MSEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    assert_int_equal(conns(f), 1);
    wait_ms(f, 4);
    assert_int_equal(count(f), 0);
}

static void test_checksum(void **state)
{
    struct fixture *f = *state;
    struct build b;

    packet_init(&b, 4, BUILD_UDP, 'A', 'B');
    b.data.len = 3;
    b.l4.udp.sum.mode = BUILD_SUM_BAD;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_L4_CHECKSUM);
    f->flags = WEIR_PKT_CSUM_OK;
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    f->flags = 0;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID); /* every packet is verified */
    f->path = WEIR_PATH_OUTPUT;
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW); /* this host's own are trusted */
    f->path = WEIR_PATH_ROUTED;
    set(f, WEIR_T_CHECKSUM, 0);
    assert_int_equal(send_packet(f, &b), WEIR_CT_NEW);
    assert_int_equal(stats(f).invalid, 2);
}

static void test_log_invalid(void **state)
{
    static const struct {
        int64_t value;
        size_t udp, gre; /* messages */
    } rows[] = {{0, 0, 0}, {17, 1, 0}, {47, 0, 1}, {6, 0, 0}, {255, 1, 1}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct build b;

        set(f, WEIR_T_LOG_INVALID, rows[i].value);
        f->messages = 0;
        packet_init(&b, 4, BUILD_UDP, 'A', 'B');
        b.l4.udp.len = 7;
        assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
        assert_int_equal(f->messages, rows[i].udp);
        packet_init(&b, 4, BUILD_GRE, 'A', 'B');
        b.l4.gre.version = 1;
        b.l4.gre.proto = 0x0800;
        b.l4.gre.has_key = true;
        assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
        assert_int_equal(f->messages, rows[i].udp + rows[i].gre);
    }
}

/* --- policies (8.1) --- */

static void policy(struct fixture *f, enum weir_tunable tunable, int64_t value)
{
    assert_int_equal(weir_policy_set(f->shard, 1, tunable, value), 0);
}

static const struct weir_template with_policy = {.policy = 1, .zone_dirs = 3};

static void test_pol_1_and_3(void **state)
{
    struct fixture *f = *state;

    policy(f, WEIR_T_UDP_TIMEOUT, 7);
    policy(f, WEIR_T_UDP_TIMEOUT_STREAM, 11);
    f->templ = &with_policy;
    (void)send_udp(f, 'A', 'B', 1, 2);
    f->templ = NULL; /* only a packet that makes an entry takes more than the zone from it */
    assert_int_equal(only_conn(f).timeout_ms, 7000);
    wait_ms(f, 100);
    (void)send_udp(f, 'B', 'A', 2, 1);
    assert_int_equal(only_conn(f).timeout_ms, 7000);
    wait_ms(f, 2100);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 11000);
    weir_policy_del(f->shard, 1); /* pol-3 */
    assert_int_equal(only_conn(f).timeout_ms, 11000);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 120000);
    set(f, WEIR_T_UDP_TIMEOUT_STREAM, 77);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 77000);
}

/* As pol-2: a state's value from the policy, one that was not set from the shard as it was then. */
static void test_pol_2(void **state)
{
    struct fixture *f = *state;

    policy(f, WEIR_T_TCP_SYN_SENT, 9);
    policy(f, WEIR_T_TCP_ESTABLISHED, 77);
    policy(f, WEIR_T_TCP_CLOSE_WAIT, 4);
    set(f, WEIR_T_TCP_SYN_RECV, 59);
    f->templ = &with_policy;
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    assert_int_equal(only_conn(f).timeout_ms, 9000);
    (void)send_tcp(f, 'B', 'A', 2, 1, FL_SYNACK, 5000, 1001);
    assert_int_equal(only_conn(f).timeout_ms, 60000);
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
    assert_int_equal(only_conn(f).timeout_ms, 77000);
    (void)send_tcp(f, 'A', 'B', 1, 2, BUILD_TCP_FIN | BUILD_TCP_ACK, 1001, 5001);
    assert_int_equal(only_conn(f).timeout_ms, 120000);
    (void)send_tcp(f, 'B', 'A', 2, 1, FL_ACK, 5001, 1002);
    assert_int_equal(only_conn(f).timeout_ms, 4000);
}

static void test_pol_4(void **state)
{
    struct fixture *f = *state;
    struct build b;

    policy(f, WEIR_T_TCP_RETRANS, 3);
    policy(f, WEIR_T_TCP_UNACK, 6);
    policy(f, WEIR_T_TCP_SYN_SENT, 11);
    policy(f, WEIR_T_TCP_ESTABLISHED, 13);
    f->templ = &with_policy;
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_SYN, 1000, 0);
    assert_int_equal(only_conn(f).timeout_ms, 3000);
    (void)send_tcp(f, 'B', 'A', 2, 1, FL_SYNACK, 5000, 1001);
    assert_int_equal(only_conn(f).timeout_ms, 3000);
    (void)send_tcp(f, 'A', 'B', 1, 2, FL_ACK, 1001, 5001);
    assert_int_equal(only_conn(f).timeout_ms, 13000);
    packet_init(&b, 4, BUILD_TCP, 'A', 'B');
    b.l4.tcp.sport = 1;
    b.l4.tcp.dport = 2;
    b.l4.tcp.flags = FL_ACK;
    b.l4.tcp.seq = 1001;
    b.l4.tcp.ack = 5001;
    b.l4.tcp.win = 1000;
    b.data.len = 10;
    (void)send_packet(f, &b);
    assert_int_equal(only_conn(f).timeout_ms, 6000);
}

static void test_pol_5(void **state)
{
    struct fixture *f = *state;

    policy(f, WEIR_T_GENERIC_TIMEOUT, 8);
    f->templ = &with_policy;
    (void)send_generic(f, 'A', 'B', 50);
    assert_int_equal(only_conn(f).timeout_ms, 8000);
}

/* Changed while in use: acts on existing entries at their next packet. */
static void test_policy_replaced(void **state)
{
    struct fixture *f = *state;

    policy(f, WEIR_T_UDP_TIMEOUT, 7);
    f->templ = &with_policy;
    (void)send_udp(f, 'A', 'B', 1, 2);
    policy(f, WEIR_T_UDP_TIMEOUT, 9);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 9000);
}

static void test_policy_refused(void **state)
{
    struct fixture *f = *state;
    struct weir_shard *s = f->shard;

    assert_int_equal(weir_policy_set(s, 0, WEIR_T_UDP_TIMEOUT, 7), -EINVAL);
    assert_int_equal(weir_policy_set(s, 256, WEIR_T_UDP_TIMEOUT, 7), -EINVAL);
    assert_int_equal(weir_policy_set(s, 1, WEIR_T_ACCT, 1), -EINVAL);
    assert_int_equal(weir_policy_set(s, 2, WEIR_POLICY_TCP_SYN_SENT2, 1), 0);
    assert_int_equal(weir_policy_set(s, 2, WEIR_POLICY_TCP_SYN_SENT2 + 1, 1), -EINVAL);
    assert_int_equal(weir_policy_set(s, 1, WEIR_T_UDP_TIMEOUT, timeout_max + 1), -ERANGE);
    assert_int_equal(weir_policy_set(s, 255, WEIR_T_UDP_TIMEOUT, timeout_max), 0);
    weir_policy_del(s, 0);
    weir_policy_del(s, 256);
    /* A template that names a policy which does not exist changes nothing. */
    f->templ = &with_policy;
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 30000);
    /* A policy that is made later is another one: this entry has none. */
    policy(f, WEIR_T_UDP_TIMEOUT, 7);
    (void)send_udp(f, 'A', 'B', 1, 2);
    assert_int_equal(only_conn(f).timeout_ms, 30000);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(test_timeouts),
        SHARD_TEST(test_numbers),
        cmocka_unit_test(test_none_forgotten),
        SHARD_TEST(test_independent),
        SHARD_TEST(test_count),
        SHARD_TEST(test_unknown),
        SHARD_TEST(test_buckets),
        cmocka_unit_test(test_expect_max),
        SHARD_TEST(test_thresholds),
        cmocka_unit_test(test_max_and_capacity),
        SHARD_TEST(test_timeout_acts_on_refresh),
        SHARD_TEST(test_timeout_of_nothing),
        SHARD_TEST(test_longest_timeout),
        SHARD_TEST(test_checksum),
        SHARD_TEST(test_log_invalid),
        SHARD_TEST(test_pol_1_and_3),
        SHARD_TEST(test_pol_2),
        SHARD_TEST(test_pol_4),
        SHARD_TEST(test_pol_5),
        SHARD_TEST(test_policy_replaced),
        SHARD_TEST(test_policy_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
