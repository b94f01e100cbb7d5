/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m connlimit. Counts are read off thirteen rules "--connlimit-above 0" to "12", each with lists
 * of its own: as many meet a packet as there are connections. What they say was observed on a Linux
 * kernel (6.18) with the same packets, 12 ms apart.
 */
#include "rules_fixture.h"

#include "packet/headers.h"
#include "rules/match/conncount.h"

enum { STEPS = 13, DPORT = 2000, REFUSED_PORT = 2001 };

static void load_counting(uint8_t family, const char *table, const char *chain, const char *more)
{
    static char rules[STEPS + 1][96];
    const char *list[STEPS + 1];

    for (size_t i = 0; i <= STEPS; i++) {
        (void)snprintf(rules[i], sizeof(rules[i]), "-m connlimit --connlimit-above %zu %s", i,
                       more);
        list[i] = rules[i];
    }
    (void)snprintf(rules[STEPS], sizeof(rules[STEPS]), "-p udp --dport %d -j DROP", REFUSED_PORT);
    lab_load(family, table, chain, list, STEPS + 1);
}

static void load_forward(void)
{
    load_counting(4, "filter", "FORWARD", "");
}

/* What the rules have counted for this packet. */
static unsigned number_of(const struct build *b)
{
    unsigned n = 0;

    (void)lab_send(b);
    while (n < STEPS && lab_hit(n))
        n++;
    for (unsigned i = n; i < STEPS; i++)
        assert_false(lab_hit(i));
    wait_ms(lab.f, 12);
    return n;
}

/* UDP flow `i` from A to B, and back. */
static unsigned there(unsigned i)
{
    struct build b = lab_udp(4, 'A', 'B', (uint16_t)(1000 + i), DPORT);

    return number_of(&b);
}

static unsigned back(unsigned i)
{
    struct build b = lab_udp(4, 'B', 'A', DPORT, (uint16_t)(1000 + i));

    return number_of(&b);
}

/* A flow that is refused behind the rules. */
static unsigned refused(unsigned i)
{
    struct build b = lab_udp(4, 'A', 'B', (uint16_t)(1000 + i), REFUSED_PORT);
    unsigned n = number_of(&b);

    assert_int_equal(lab.f->sent.verdict, WEIR_DROP);
    return n;
}

/* As `conntrack -D` does. */
static void kill_port(uint32_t port)
{
    struct weir_conn c;
    uint64_t cursor = 0;

    while (weir_conn_walk(lab.f->shard, &cursor, &c))
        if (BE16(c.tuple[WEIR_ORIG].src_key) == port)
            assert_true(weir_conn_kill(lab.f->shard, c.handle));
}

static void kill_flow(unsigned i)
{
    kill_port(1000 + i);
}

static void test_flows(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(i), i + 1);
    assert_int_equal(there(0), 4); /* not twice */
    assert_int_equal(there(3), 4);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(back(i), i + 1); /* the answer's source is B */
    assert_int_equal(there(7), 5);
}

/* Connections that were there before the rule count when it sees them. */
static void test_older_flows(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 3; i++)
        (void)there(i);
    load_forward(); /* new lists */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(there(i), i + 1);
    assert_int_equal(there(0), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(back(i), i + 1);
}

static void test_destination(void **state)
{
    struct build other = lab_udp(4, 'C', 'B', 1, DPORT);

    (void)state;
    lab_begin(100);
    load_counting(4, "filter", "FORWARD", "--connlimit-daddr");
    assert_int_equal(there(0), 1);
    assert_int_equal(there(1), 2);
    assert_int_equal(number_of(&other), 3); /* of another source */
    assert_int_equal(back(0), 1);
    assert_int_equal(there(0), 3);
}

static void test_networks(void **state)
{
    struct build b;

    (void)state;
    lab_begin(100);
    load_counting(4, "filter", "FORWARD", "--connlimit-mask 24");
    for (unsigned i = 0; i < 3; i++) {
        b = lab_udp(4, "ACE"[i], 'B', 1, DPORT);
        assert_int_equal(number_of(&b), i + 1);
    }
    b.src.b[2] = 1; /* 10.0.1.5 */
    assert_int_equal(number_of(&b), 1);
    load_counting(4, "filter", "FORWARD", "--connlimit-mask 0");
    assert_int_equal(number_of(&b), 1);
    assert_int_equal(there(0), 2);
    load_counting(4, "filter", "FORWARD", "--connlimit-mask 31"); /* 10.0.0.2 and 10.0.0.3 */
    b = lab_udp(4, 'C', 'B', 1, DPORT);
    assert_int_equal(number_of(&b), 1);
    b = lab_udp(4, 'B', 'A', 1, DPORT);
    assert_int_equal(number_of(&b), 2);
    assert_int_equal(there(0), 1);
}

static void test_six(void **state)
{
    struct build b = lab_udp(6, 'A', 'B', 1, DPORT);

    (void)state;
    lab_begin(100);
    load_counting(6, "filter", "FORWARD", "--connlimit-mask 64");
    assert_int_equal(number_of(&b), 1);
    b.src.b[14] = 9;
    assert_int_equal(number_of(&b), 2); /* the same /64 */
    b.src.b[7] = 9;
    assert_int_equal(number_of(&b), 1);
    load_counting(6, "filter", "FORWARD", "");
    assert_int_equal(number_of(&b), 1);
    b.src.b[14] = 8;
    assert_int_equal(number_of(&b), 1);
}

static void test_zones(void **state)
{
    static const struct weir_template zone = {.zone = 7, .zone_dirs = 3};

    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    assert_int_equal(there(1), 2);
    lab.f->templ = &zone;
    assert_int_equal(there(0), 1);
    assert_int_equal(there(5), 2);
    lab.f->templ = NULL;
    assert_int_equal(there(2), 3);
}

/* A refused flow is never confirmed, so it is gone when the next packet comes. */
static void test_refused(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(refused(i), 1);
    assert_int_equal(there(0), 1);
    assert_int_equal(refused(0), 2);
    assert_int_equal(refused(0), 2);
    assert_int_equal(there(1), 2);
}

static void test_limit(void **state)
{
    static const struct {
        unsigned flow;
        bool answer, dropped;
    } rows[] = {
        {0, false, false},
        {1, false, false},
        {2, false, true},
        /* The walk ends at the own connection, and the refused one is behind it: Linux now drops
         * what the source has, until it tries another. */
        {0, false, true},
        {1, false, true},
        {0, true, false},
        {1, true, false},
        {3, false, true},
        {0, false, true},
    };

    (void)state;
    lab_begin(100);
    lab_rule(4, "filter", "FORWARD", "-m connlimit --connlimit-above 2 -j DROP");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        uint16_t port = (uint16_t)(1000 + rows[i].flow);
        struct build b =
            rows[i].answer ? lab_udp(4, 'B', 'A', DPORT, port) : lab_udp(4, 'A', 'B', port, DPORT);

        if (lab_send(&b) != (rows[i].dropped ? WEIR_DROP : WEIR_ACCEPT))
            fail_msg("packet %zu", i);
        wait_ms(lab.f, 12);
    }
}

static void test_upto(void **state)
{
    static const char *const rules[] = {
        "-m connlimit --connlimit-upto 2",  "-m connlimit ! --connlimit-above 2",
        "-m connlimit --connlimit-above 2", "-m connlimit ! --connlimit-upto 2",
        "-m connlimit --connlimit-upto 0",  "-m connlimit --connlimit-above 0",
    };

    (void)state;
    lab_begin(100);
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    for (unsigned i = 0; i < 4; i++) {
        struct build b = lab_udp(4, 'A', 'B', (uint16_t)(1000 + i), DPORT);

        (void)lab_send(&b);
        assert_int_equal(lab_hit(0), i < 2);
        assert_int_equal(lab_hit(1), i < 2);
        assert_int_equal(lab_hit(2), i >= 2);
        assert_int_equal(lab_hit(3), i >= 2);
        assert_false(lab_hit(4));
        assert_true(lab_hit(5));
    }
}

/* What ended leaves when a packet's walk comes by it: up to the packet's own connection. */
static void test_walk(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(there(i), i + 1);
    for (unsigned i = 1; i < 4; i++)
        kill_flow(i);
    assert_int_equal(there(0), 5);
    assert_int_equal(there(0), 5);
    assert_int_equal(there(4), 2);
    assert_int_equal(there(0), 2);
    assert_int_equal(there(9), 3);
    kill_flow(0);
    kill_flow(4);
    kill_flow(9);
    assert_int_equal(there(9), 1); /* came again */
}

static void test_expired(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    assert_int_equal(there(1), 2);
    lab.f->now.ns += 40 * SEC; /* not ticked: nobody has ended them yet */
    assert_int_equal(there(2), 1);
}

/* A TCP connection from its first segment to TIME_WAIT, step by step. */
enum { TCP_STEPS = 6 };

static struct build tcp_step(unsigned i, unsigned step)
{
    const uint16_t port = (uint16_t)(1000 + i);

    switch (step) {
    case 0: return lab_tcp('A', 'B', port, 80, BUILD_TCP_SYN, 100, 0);
    case 1: return lab_tcp('B', 'A', 80, port, BUILD_TCP_SYN | BUILD_TCP_ACK, 500, 101);
    case 2: return lab_tcp('A', 'B', port, 80, BUILD_TCP_ACK, 101, 501);
    case 3: return lab_tcp('A', 'B', port, 80, BUILD_TCP_FIN | BUILD_TCP_ACK, 101, 501);
    case 4: return lab_tcp('B', 'A', 80, port, BUILD_TCP_FIN | BUILD_TCP_ACK, 501, 102);
    default: return lab_tcp('A', 'B', port, 80, BUILD_TCP_ACK, 102, 502);
    }
}

static void tcp_steps(unsigned i, unsigned steps, const unsigned *expected)
{
    for (unsigned step = 0; step < steps; step++) {
        struct build b = tcp_step(i, step);

        assert_int_equal(number_of(&b), expected[step]);
    }
}

/* A connection that closes counts no more, not for itself either, as it is ASSURED. */
static void test_tcp(void **state)
{
    static const unsigned alone[TCP_STEPS] = {1, 1, 1, 1, 1, 0};
    struct build late = tcp_step(0, TCP_STEPS - 1);
    struct build again = lab_tcp('A', 'B', 1000, 80, BUILD_TCP_SYN, 99999, 0);

    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 3; i++) {
        tcp_steps(i, TCP_STEPS, alone);
        assert_int_equal(its_conn(lab.f).state, WEIR_TCP_TIME_WAIT);
        assert_int_equal(lab.f->sent.verdict, WEIR_DROP); /* none is no number */
        assert_int_equal(lab.f->sent.reason, WEIR_R_RULE_MALFORMED);
    }
    assert_int_equal(number_of(&late), 0);
    assert_int_equal(lab.f->sent.verdict, WEIR_DROP);
    assert_int_equal(there(10), 1);
    assert_int_equal(lab.f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(number_of(&late), 1);
    load_forward(); /* it makes a list, without a look at what it is, and leaves it then */
    assert_int_equal(number_of(&late), 1);
    assert_int_equal(number_of(&late), 0);
    assert_int_equal(number_of(&late), 0);
    assert_int_equal(there(10), 1);
    assert_int_equal(number_of(&again), 2);
    assert_int_equal(its_conn(lab.f).state, WEIR_TCP_SYN_SENT);
    assert_int_equal(there(10), 2);
}

/* One that closes and never was ASSURED counts for its own packets only, and ends their walks. */
static void test_reset(void **state)
{
    static const unsigned opened[2] = {1, 1};
    struct build reset = lab_tcp('A', 'B', 1000, 80, BUILD_TCP_RST, 101, 0);

    (void)state;
    lab_begin(100);
    load_forward();
    tcp_steps(0, 2, opened);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(&reset), 1);
    assert_int_equal(its_conn(lab.f).state, WEIR_TCP_CLOSE);
    assert_int_equal(there(1), 1);
    assert_int_equal(number_of(&reset), 2);
    assert_int_equal(there(1), 2); /* in front of it */
    assert_int_equal(there(2), 2);
    weir_shard_flush(lab.f->shard);
    load_forward();
    tcp_steps(0, 2, opened);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(20 + i), i + 2);
    assert_int_equal(number_of(&reset), 5);
    for (unsigned i = 0; i < 4; i++)
        kill_flow(20 + i);
    assert_int_equal(number_of(&reset), 5);
    assert_int_equal(there(30), 1);
    assert_int_equal(number_of(&reset), 2);
}

/* Packets of ASSURED connections take out whatever is gone, wherever it stands. */
static void test_assured(void **state)
{
    static const unsigned opened[3] = {1, 1, 1}, second[3] = {2, 2, 2};
    struct build segment = tcp_step(0, 2), other = tcp_step(1, 2), last = tcp_step(0, 5);

    (void)state;
    lab_begin(100);
    load_forward();
    tcp_steps(0, 3, opened);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(20 + i), i + 2);
    kill_flow(21);
    kill_flow(22);
    assert_int_equal(number_of(&segment), 3);
    assert_int_equal(there(20), 3);
    kill_flow(20);
    kill_flow(23);
    assert_int_equal(number_of(&segment), 1);
    tcp_steps(1, 3, second);
    segment = tcp_step(0, 3); /* the first one closes */
    (void)lab_send(&segment);
    segment = tcp_step(0, 4);
    (void)lab_send(&segment);
    assert_int_equal(there(30), 3);
    kill_flow(30);
    assert_int_equal(number_of(&last), 1);
    assert_int_equal(number_of(&other), 1);
}

/* Also within a tick, if something ended. */
static void test_assured_tick(void **state)
{
    static const unsigned opened[3] = {1, 1, 1};
    struct build segment = tcp_step(0, 2), other = lab_udp(4, 'A', 'B', 1020, DPORT);

    (void)state;
    lab_begin(100);
    load_forward();
    tcp_steps(0, 3, opened);
    (void)lab_send(&other);
    assert_true(lab_hit(1));
    (void)lab_send(&segment);
    assert_true(lab_hit(1));
    kill_flow(20);
    (void)lab_send(&segment);
    assert_true(lab_hit(0));
    assert_false(lab_hit(1));
}

/* They are not added, but where there is no list yet: they were counted when they began. */
static void test_assured_older(void **state)
{
    static const unsigned opened[3] = {1, 1, 1};
    struct build segments[3], answer;

    (void)state;
    lab_begin(100);
    load_forward();
    for (unsigned i = 0; i < 3; i++) {
        tcp_steps(i, 3, opened);
        segments[i] = tcp_step(i, 2);
        load_forward();
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(number_of(&segments[i]), 1);
    for (unsigned i = 0; i < 3; i++) {
        answer = tcp_step(i, 1);
        answer.l4.tcp.flags = BUILD_TCP_ACK;
        answer.l4.tcp.seq = 501;
        assert_int_equal(number_of(&answer), 1);
    }
    assert_int_equal(there(30), 2);
    assert_int_equal(number_of(&segments[0]), 2);
    load_forward();
    assert_int_equal(there(31), 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(number_of(&segments[i]), 1);
}

/* A reset ends an unanswered connection at once, whose entry is still there for the rules. */
static void test_dying(void **state)
{
    static const unsigned opened[1] = {1};
    struct build reset = lab_tcp('A', 'B', 1002, 80, BUILD_TCP_RST, 101, 0);

    (void)state;
    lab_begin(100);
    load_forward();
    tcp_steps(2, 1, opened);
    assert_int_equal(there(0), 2);
    assert_int_equal(there(1), 3);
    assert_int_equal(refused(20), 4);
    assert_int_equal(number_of(&reset), 3);
    assert_int_equal(there(0), 3);
    assert_int_equal(there(5), 3);
}

/* What another protocol has where TCP has its state is no state of TCP. */
static void test_like_closing(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    conn_proto(lab_conn())->tcp.state = WEIR_TCP_CLOSE;
    assert_int_equal(there(1), 2);
}

/* UDP is ASSURED when it has been answered for two seconds. */
static void test_stream(void **state)
{
    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    assert_int_equal(back(0), 1);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(20 + i), i + 2);
    for (unsigned i = 0; i < 4; i++)
        kill_flow(20 + i);
    assert_int_equal(there(0), 5);
    wait_ms(lab.f, 2100);
    assert_int_equal(there(0), 1);
    assert_true(its_conn(lab.f).status & WEIR_S_ASSURED);
}

/* A walk does not end at a connection that closes, even if it is the packet's own. */
static void test_closing_walk(void **state)
{
    static const unsigned expected[TCP_STEPS - 1] = {3, 1, 3, 3, 1};
    struct build last = tcp_step(3, TCP_STEPS - 1);

    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    assert_int_equal(there(1), 2);
    tcp_steps(3, TCP_STEPS - 1, expected);
    assert_int_equal(there(12), 4);
    assert_int_equal(there(13), 5);
    kill_flow(0);
    kill_flow(1);
    kill_flow(12);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(&last), 1);
    assert_int_equal(there(13), 1);
    assert_int_equal(there(14), 2);
}

/* An ICMP error is a packet of the connection that it is about, from whoever sent it. */
static void test_errors(void **state)
{
    struct build about[2] = {lab_udp(4, 'A', 'B', 1000, DPORT), lab_udp(4, 'A', 'B', 1001, DPORT)};

    (void)state;
    lab_begin(100);
    load_forward();
    assert_int_equal(there(0), 1);
    assert_int_equal(there(1), 2);
    for (const char *from = "BD"; *from; from++)
        for (unsigned i = 0; i < 2; i++) {
            struct build b = lab_error(*from, &about[i]);

            assert_int_equal(number_of(&b), i + 1);
        }
    assert_int_equal(there(0), 2);
}

static void test_without_entry(void **state)
{
    static const struct weir_template notrack = {.notrack = true};
    struct build b;

    (void)state;
    lab_begin(100);
    load_forward();
    lab.f->templ = &notrack;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(i), 1);
    assert_int_equal(there(0), 1);
    lab.f->templ = NULL;
    for (unsigned i = 0; i < 4; i++) {
        b = lab_tcp('A', 'B', (uint16_t)(1000 + i), 80, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0);
        assert_int_equal(number_of(&b), 1);
    }
    assert_int_equal(there(1), 1);
    /* Of a connection, but outside its window: that is found by the tuple, in both directions. */
    static const unsigned opened[3] = {2, 1, 2};

    tcp_steps(3, 3, opened);
    b = lab_tcp('A', 'B', 1003, 80, BUILD_TCP_ACK, 900000000, 1);
    assert_int_equal(number_of(&b), 2);
    assert_int_equal(lab.f->sent.ctinfo, WEIR_CT_INVALID);
    b = lab_tcp('B', 'A', 80, 1003, BUILD_TCP_ACK, 900000000, 77);
    assert_int_equal(number_of(&b), 1);
    assert_int_equal(lab.f->sent.ctinfo, WEIR_CT_INVALID);
}

/* Before tracking, packets count by their tuples, which are found in the table. */
static void test_raw(void **state)
{
    (void)state;
    lab_begin(100);
    load_counting(4, "raw", "PREROUTING", "");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(there(i), i + 1);
    assert_int_equal(there(0), 4);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(back(i), i + 1);
    kill_flow(1);
    assert_int_equal(there(8), 4);
}

/* What has no tuple is dropped; unless it is a capture that has too little of it. */
static void test_no_tuple(void **state)
{
    struct build b;

    (void)state;
    lab_begin(100);
    lab_rule(4, "filter", "FORWARD", "-m connlimit --connlimit-upto 5");
    packet_init(&b, 4, BUILD_RAW, 'A', 'B');
    b.proto = BUILD_PROTO_UDP;
    b.data.len = 2;
    assert_int_equal(lab_send(&b), WEIR_DROP);
    assert_int_equal(lab.f->sent.reason, WEIR_R_RULE_MALFORMED);
    b.data.len = 12;
    lab.cut = 22;
    assert_int_equal(lab_send(&b), WEIR_ACCEPT);
    assert_false(lab_hit(0));
}

/* --- memory --- */

static size_t reserved, releases;

static void *count_reserve(void *ctx, size_t size)
{
    (void)ctx;
    reserved += size;
    return weir_reserve_pages(NULL, size);
}

static void count_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    reserved -= size;
    releases++;
    weir_release_pages(NULL, memory, size);
}

static void test_given_back(void **state)
{
    (void)state;
    lab.host.reserve = count_reserve;
    lab.host.release = count_release;
    reserved = releases = 0;
    lab_begin(100);
    lab_rule(4, "filter", "FORWARD", "-p tcp"); /* what rules need anyhow */
    size_t before = reserved, released = releases;

    load_forward();
    assert_true(reserved > before);
    assert_int_equal(there(0), 1);
    lab_rule(4, "filter", "FORWARD", "-p tcp");
    assert_int_equal(reserved, before);
    assert_int_equal(releases, released + STEPS + 2); /* and the rulesets themselves */
    (void)lab_end(NULL);
    assert_int_equal(reserved, 0);
}

static size_t reserve_max;

static void *reserve_some(void *ctx, size_t size)
{
    return reserved + size > reserve_max ? NULL : count_reserve(ctx, size);
}

/* Lists that cannot be had leave the old rules in force, and nothing behind. */
static void test_no_memory(void **state)
{
    static const char text[] = "*filter\n-A FORWARD -m connlimit --connlimit-above 1\n"
                               "-A FORWARD -m connlimit --connlimit-above 2\nCOMMIT\n";
    struct build b = lab_udp(4, 'A', 'B', 1000, DPORT);
    struct weir_rules_error error;
    struct weir_rules *rules;
    unsigned failures = 0;

    (void)state;
    lab.host.reserve = reserve_some;
    lab.host.release = count_release;
    reserved = 0;
    reserve_max = SIZE_MAX;
    lab_begin(100);
    lab_rule(4, "filter", "FORWARD", "-p udp -j DROP");
    assert_int_equal(weir_rules_parse(&rules, 4, text, strlen(text), NULL, &error), 0);
    size_t before = reserved;

    for (reserve_max = before;; reserve_max += 1000) {
        int failed = weir_shard_set_rules(lab.f->shard, 4, rules, NULL);

        if (!failed)
            break;
        assert_int_equal(failed, -ENOMEM);
        assert_int_equal(reserved, before);
        assert_int_equal(lab_send(&b), WEIR_DROP);
        failures++;
    }
    assert_true(failures > 10);
    lab.count = 0; /* other rules are there now */
    assert_int_equal(lab_send(&b), WEIR_ACCEPT);
    assert_int_equal(weir_shard_set_rules(lab.f->shard, 4, NULL, NULL), 0);
    weir_rules_free(rules);
}

/* A shard for 40 connections counts 80: here one connection, for 80 addresses. */
static void test_full(void **state)
{
    struct build about = lab_udp(4, 'A', 'B', 1000, DPORT), b;

    (void)state;
    lab_begin(40);
    lab_rule(4, "filter", "FORWARD", "-m connlimit --connlimit-above 0");
    assert_int_equal(lab_send(&about), WEIR_ACCEPT);
    b = lab_error('B', &about);
    for (uint8_t i = 1; i < 80; i++) {
        b.src.b[2] = i;
        assert_int_equal(lab_send(&b), WEIR_ACCEPT);
    }
    b.src.b[2] = 80;
    assert_int_equal(lab_send(&b), WEIR_DROP);
    assert_int_equal(lab.f->sent.reason, WEIR_R_RULE_MALFORMED);
    b.src.b[2] = 1;
    assert_int_equal(lab_send(&b), WEIR_ACCEPT); /* is counted already */
    kill_flow(0);
    b = lab_udp(4, 'C', 'B', 1000, DPORT);
    assert_int_equal(lab_send(&b), WEIR_ACCEPT);
}

/* --- the lists themselves, where they are long --- */

static struct conncount *cc;

static struct track *track_of_lab(void)
{
    return &lab.f->shard->track;
}

/* Flow `i`, by its source port, comes to its network's list. */
static bool count_flow(uint32_t i, uint32_t network, bool confirmed, uint32_t *count)
{
    uint8_t bytes[64];
    struct build b = lab_udp(4, 'A', 'B', (uint16_t)i, DPORT);
    struct weir_packet raw = {.data = bytes};
    struct pkt p = {.raw = &raw};
    union weir_addr addr = {.v4 = network};

    raw.len = (uint32_t)build_make(&b, bytes, sizeof(bytes));
    assert_int_equal(parse_ip(&p.ip, bytes, raw.len, 0), WEIR_R_NONE);
    assert_int_equal(tuple_from_packet(&p.tuple, &p.ip), WEIR_R_NONE);
    p.hash = track_hash(track_of_lab(), &p.tuple, 0);
    uint32_t ref = track_find(track_of_lab(), &p.tuple, p.hash, 0, 3);

    if (ref) {
        p.handle = ref_handle(ref);
        p.conn = conn_at(track_of_lab(), ref);
    } else if (confirmed) {
        assert_true(conn_new(track_of_lab(), &p));
        p.conn->deadline = 10000 * WEIR_TICKS_PER_SEC;
    }
    bool good = conncount_add(cc, track_of_lab(), &p, &addr, count);

    if (p.conn && !ref)
        assert_true(conn_confirm(track_of_lab(), &p));
    return good;
}

static uint32_t counted(uint32_t i)
{
    uint32_t count = 0;

    assert_true(count_flow(i, 0, true, &count));
    wait_ms(lab.f, 4);
    return count;
}

static void begin_lists(uint32_t max)
{
    lab_begin(max);
    set(lab.f, WEIR_T_EVENTS, 0);
    cc = conncount_new(track_of_lab());
    assert_non_null(cc);
}

static void end_lists(void)
{
    conncount_free(track_of_lab(), cc);
}

/* Linux takes out 65 at a time. */
static void test_many_gone(void **state)
{
    static const uint32_t expected[] = {136, 72, 8, 4, 5, 6, 7, 8};

    (void)state;
    begin_lists(1000);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(counted(i), i + 1);
    weir_shard_flush(lab.f->shard);
    for (uint32_t i = 0; i < WEIR_ARRAY_LEN(expected); i++)
        assert_int_equal(counted(300 + i), expected[i]);
    end_lists();
}

/* And all, for a packet of an ASSURED connection. */
static void test_many_gone_assured(void **state)
{
    uint32_t count;

    (void)state;
    begin_lists(1000);
    for (uint32_t i = 0; i <= 200; i++)
        assert_true(count_flow(i, 0, true, &count));
    assert_int_equal(count, 201);
    for (uint32_t i = 1; i <= 200; i++)
        kill_port(i);
    wait_ms(lab.f, 4);

    struct weir_conn only = only_conn(lab.f);

    conn_at(track_of_lab(), only.handle)->status |= WEIR_S_ASSURED;
    assert_int_equal(counted(0), 1);
    end_lists();
}

/* A list that is too long for one tick: the next tick goes on where the last one stopped. */
static void test_long_list(void **state)
{
    enum { N = 5000, GONE = 10 };
    uint32_t count;

    (void)state;
    begin_lists(N + 100);
    for (uint32_t i = 0; i < N; i++)
        assert_true(count_flow(i, 0, true, &count));
    assert_int_equal(count, N);
    wait_ms(lab.f, 4);
    for (uint32_t i = 0; i < GONE; i++)
        kill_port(N - 1 - i);
    assert_int_equal(counted(N), N + 1);
    assert_true(count_flow(N + 1, 0, true, &count));
    assert_int_equal(count, N + 2 - GONE);
    kill_port(0);
    assert_true(count_flow(N + 2, 0, true, &count));
    assert_int_equal(count, N + 3 - GONE); /* not twice in a tick */
    wait_ms(lab.f, 4);
    assert_int_equal(counted(N + 2), N + 2 - GONE);
    end_lists();
}

/* What nobody comes by any more does not stay for ever. */
static void test_hand(void **state)
{
    uint32_t count;

    (void)state;
    begin_lists(1000);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_true(count_flow(i, i + 1, false, &count));
        assert_int_equal(count, 1);
    }
    end_lists();
}

/* --- against a slow twin, with all that happens to connections, but few of them --- */

enum { FLOWS = 40, NETWORKS = 3 };

static struct {
    bool made[NETWORKS];
    uint8_t flow[NETWORKS][FLOWS + 1]; /* oldest first */
    size_t len[NETWORKS];
    bool alive[FLOWS], assured[FLOWS];
} twin;

/* What is in the list up to and without place `end`, less what is gone. */
static void twin_take_out(uint32_t network, size_t end)
{
    uint8_t *list = twin.flow[network];
    size_t kept = 0;

    for (size_t i = 0; i < twin.len[network]; i++)
        if (i >= end || twin.alive[list[i]])
            list[kept++] = list[i];
    twin.len[network] = kept;
}

static size_t twin_place(uint32_t network, uint32_t flow)
{
    size_t at = 0;

    while (at < twin.len[network] && twin.flow[network][at] != flow)
        at++;
    return at;
}

static size_t twin_count(uint32_t network, uint32_t flow)
{
    bool add = !twin.assured[flow] || !twin.made[network];

    twin.made[network] = true;
    twin_take_out(network,
                  twin.alive[flow] && !twin.assured[flow] ? twin_place(network, flow) : SIZE_MAX);
    if (add && twin_place(network, flow) == twin.len[network])
        twin.flow[network][twin.len[network]++] = (uint8_t)flow;
    return twin.len[network];
}

static void assure(uint32_t port)
{
    struct weir_conn c;
    uint64_t cursor = 0;

    while (weir_conn_walk(lab.f->shard, &cursor, &c))
        if (BE16(c.tuple[WEIR_ORIG].src_key) == port)
            conn_at(track_of_lab(), c.handle)->status |= WEIR_S_ASSURED;
}

static void test_random(void **state)
{
    enum { ROUNDS = 30000 };
    uint64_t x = 12345;

    (void)state;
    begin_lists(100);
    memset(&twin, 0, sizeof(twin));
    for (int round = 0; round < ROUNDS; round++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        uint32_t flow = (uint32_t)(x >> 33) % FLOWS, network = (uint32_t)(x >> 50) % NETWORKS;
        uint32_t what = (uint32_t)(x >> 60), count;

        wait_ms(lab.f, 4);
        if (what < 3) {
            kill_port(flow);
            twin.alive[flow] = twin.assured[flow] = false;
        } else if (what == 3) {
            assure(flow);
            twin.assured[flow] = twin.alive[flow];
        } else {
            bool confirmed = twin.alive[flow] || what & 1;
            size_t expected = twin_count(network, flow);

            assert_true(count_flow(flow, network + 1, confirmed, &count));
            assert_int_equal(count, expected);
            twin.alive[flow] = confirmed;
        }
    }
    end_lists();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_flows),         LAB_TEST(test_older_flows),
        LAB_TEST(test_destination),   LAB_TEST(test_networks),
        LAB_TEST(test_six),           LAB_TEST(test_zones),
        LAB_TEST(test_refused),       LAB_TEST(test_limit),
        LAB_TEST(test_upto),          LAB_TEST(test_walk),
        LAB_TEST(test_expired),       LAB_TEST(test_tcp),
        LAB_TEST(test_reset),         LAB_TEST(test_assured),
        LAB_TEST(test_assured_tick),  LAB_TEST(test_assured_older),
        LAB_TEST(test_like_closing),  LAB_TEST(test_many_gone_assured),
        LAB_TEST(test_stream),        LAB_TEST(test_dying),
        LAB_TEST(test_closing_walk),  LAB_TEST(test_errors),
        LAB_TEST(test_without_entry), LAB_TEST(test_raw),
        LAB_TEST(test_no_tuple),      LAB_TEST(test_given_back),
        LAB_TEST(test_no_memory),     LAB_TEST(test_full),
        LAB_TEST(test_many_gone),     LAB_TEST(test_long_list),
        LAB_TEST(test_hand),          LAB_TEST(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
