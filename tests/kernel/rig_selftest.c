/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rig tested against what is known of the kernel: if one of these fails, no comparison made
 * with the rig can be believed.
 *
 * Each test has a rig of its own, so it starts with an empty table and no rules of anybody else.
 * The exit status is 77, with the reason on standard error, if this machine cannot run them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "rig_pkt.h"

#define A4      "10.0.1.2"
#define B4      "10.0.2.2"
#define A6      "fd99:1::2"
#define B6      "fd99:2::2"
#define ROUTER4 "10.0.1.1"

/* ---- checks ---- */

struct test {
    struct rig *rig;
    struct rig_result r;
    struct rig_table table;
    struct rig_expect_table expects;
};

#define ok(call) assert_ok((call), t->rig, __LINE__)

static void assert_ok(int err, const struct rig *rig, int line)
{
    if (err)
        fail_msg("line %d: %d: %s", line, err, rig_error(rig));
}

static void step(struct test *t, enum rig_side side, struct rig_pkt p)
{
    assert_ok(rig_step(t->rig, side, p.data, p.len, &t->r), t->rig, __LINE__);
}

/* Number `i` that came out is `p`, one hop further, byte by byte. */
static void assert_forwarded(const struct test *t, size_t i, enum rig_side side, struct rig_pkt p)
{
    p.data[rig_pkt_is_v4(&p) ? 8 : 7]--;
    rig_pkt_ip_checksum(&p);
    assert_in_range(t->r.packets, i + 1, SIZE_MAX);
    assert_int_equal(t->r.packet[i].side, side);
    assert_int_equal(t->r.packet[i].len, p.len);
    assert_memory_equal(t->r.packet[i].data, p.data, p.len);
}

static void assert_seen(const struct test *t, size_t i, enum rig_class class, enum rig_hook hook,
                        enum rig_side in, const struct rig_pkt *p)
{
    assert_in_range(t->r.seens, i + 1, SIZE_MAX);
    const struct rig_seen *seen = &t->r.seen[i];
    assert_string_equal(rig_class_name(seen->class), rig_class_name(class));
    assert_int_equal(seen->hook, hook);
    assert_int_equal(seen->in, in);
    if (p) {
        assert_int_equal(seen->length, p->len);
        assert_int_equal(seen->head_len, p->len < sizeof(seen->head) ? p->len : sizeof(seen->head));
        assert_memory_equal(seen->head, p->data, seen->head_len);
    }
}

static const struct rig_entry *event_entry(const struct test *t, size_t i, enum rig_event_kind kind)
{
    assert_in_range(t->r.events, i + 1, SIZE_MAX);
    assert_string_equal(rig_event_name(t->r.event[i].kind), rig_event_name(kind));
    return &t->r.event[i].entry;
}

static void assert_addr(const uint8_t addr[16], const char *text)
{
    uint8_t want[16] = {0};
    assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, want), 1);
    assert_memory_equal(addr, want, sizeof(want));
}

static void assert_tuple(const struct rig_tuple *t, const char *src, unsigned sport,
                         const char *dst, unsigned dport)
{
    assert_addr(t->src, src);
    assert_addr(t->dst, dst);
    assert_int_equal(t->sport, sport);
    assert_int_equal(t->dport, dport);
}

/* The only entry of the table. */
static const struct rig_entry *only(struct test *t)
{
    ok(rig_dump(t->rig, &t->table));
    assert_int_equal(t->table.entries, 1);
    return &t->table.entry[0];
}

static uint32_t count(struct test *t)
{
    uint32_t n = 0;
    ok(rig_count(t->rig, &n));
    return n;
}

/* ---- tests ---- */

static void test_udp(void **state)
{
    struct test *t = *state;
    const struct rig_pkt there = rig_pkt_udp(A4, 1000, B4, 2000, 5);
    const struct rig_pkt back = rig_pkt_udp(B4, 2000, A4, 1000, 9);
    char *text = NULL;

    ok(rig_sysctl_set(t->rig, "net.netfilter.nf_conntrack_acct", "1"));
    ok(rig_sysctl_set(t->rig, "net.netfilter.nf_conntrack_timestamp", "1"));
    step(t, RIG_A, there);
    assert_int_equal(t->r.packets, 1);
    assert_forwarded(t, 0, RIG_B, there);
    assert_int_equal(t->r.seens, 1);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &there);
    assert_int_equal(t->r.events, 1);
    const struct rig_entry *e = event_entry(t, 0, RIG_EVENT_NEW);
    assert_int_equal(e->orig.family, AF_INET);
    assert_int_equal(e->orig.proto, IPPROTO_UDP);
    assert_tuple(&e->orig, A4, 1000, B4, 2000);
    assert_tuple(&e->reply, B4, 2000, A4, 1000);
    assert_int_equal(e->status, IPS_CONFIRMED);
    assert_int_equal(e->timeout, 30);
    const uint32_t id = e->id;

    step(t, RIG_B, back);
    assert_forwarded(t, 0, RIG_A, back);
    assert_seen(t, 0, RIG_ESTABLISHED_REPLY, RIG_PREROUTING, RIG_B, &back);
    e = event_entry(t, 0, RIG_EVENT_UPDATE);
    assert_int_equal(e->status, IPS_CONFIRMED | IPS_SEEN_REPLY);
    assert_int_equal(e->id, id);

    step(t, RIG_A, there);
    assert_seen(t, 0, RIG_ESTABLISHED, RIG_PREROUTING, RIG_A, &there);
    assert_int_equal(t->r.events, 0);

    e = only(t);
    assert_int_equal(e->id, id);
    assert_int_equal(e->has & (RIG_HAS_COUNT | RIG_HAS_START | RIG_HAS_MARK | RIG_HAS_USE),
                     RIG_HAS_COUNT | RIG_HAS_START | RIG_HAS_MARK | RIG_HAS_USE);
    assert_int_equal(e->count[RIG_ORIG].packets, 2);
    assert_int_equal(e->count[RIG_ORIG].bytes, 2 * 33);
    assert_int_equal(e->count[RIG_REPLY].packets, 1);
    assert_int_equal(e->count[RIG_REPLY].bytes, 37);
    assert_int_equal(count(t), 1);
    ok(rig_proc_table(t->rig, &text));
    assert_non_null(
        strstr(text, "src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=2000 packets=2 bytes=66"));
    free(text);

    /* One entry by either tuple; the asking itself is one more use. */
    struct rig_entry one;
    ok(rig_get(t->rig, &e->reply, 0, &one));
    assert_int_equal(one.id, id);
    assert_int_equal(one.use, e->use + 1);

    ok(rig_flush(t->rig));
    ok(rig_collect(t->rig, &t->r));
    e = event_entry(t, 0, RIG_EVENT_DESTROY);
    assert_int_equal(e->id, id);
    assert_int_equal(e->count[RIG_ORIG].packets, 2);
    assert_true(e->has & RIG_HAS_STOP && e->stop_ns >= e->start_ns);
    assert_int_not_equal(t->r.event[0].portid, 0);
    assert_int_equal(count(t), 0);
    assert_int_equal(rig_get(t->rig, &one.orig, 0, &one), -ENOENT);
}

static void handshake(struct test *t, uint16_t dport)
{
    step(t, RIG_A,
         rig_pkt_tcp(A4, B4, (struct rig_pkt_segment){40000, dport, RIG_PKT_SYN, 100, 0, NULL}));
    step(t, RIG_B,
         rig_pkt_tcp(
             B4, A4,
             (struct rig_pkt_segment){dport, 40000, RIG_PKT_SYN | RIG_PKT_ACK, 500, 101, NULL}));
    step(t, RIG_A,
         rig_pkt_tcp(A4, B4, (struct rig_pkt_segment){40000, dport, RIG_PKT_ACK, 101, 501, NULL}));
}

static void test_tcp(void **state)
{
    static const struct {
        enum rig_side side;
        uint8_t flags;
        uint32_t seq, ack;
        enum rig_class class;
        uint8_t state;
        uint32_t timeout;
    } row[] = {
        {RIG_A, RIG_PKT_SYN, 100, 0, RIG_NEW, TCP_CONNTRACK_SYN_SENT, 120},
        {RIG_B, RIG_PKT_SYN | RIG_PKT_ACK, 500, 101, RIG_ESTABLISHED_REPLY, TCP_CONNTRACK_SYN_RECV,
         60},
        {RIG_A, RIG_PKT_ACK, 101, 501, RIG_ESTABLISHED, TCP_CONNTRACK_ESTABLISHED, 432000},
        {RIG_B, RIG_PKT_FIN | RIG_PKT_ACK, 501, 101, RIG_ESTABLISHED_REPLY, TCP_CONNTRACK_FIN_WAIT,
         120},
        {RIG_A, RIG_PKT_ACK, 101, 502, RIG_ESTABLISHED, TCP_CONNTRACK_CLOSE_WAIT, 60},
        {RIG_A, RIG_PKT_FIN | RIG_PKT_ACK, 101, 502, RIG_ESTABLISHED, TCP_CONNTRACK_LAST_ACK, 30},
        {RIG_B, RIG_PKT_ACK, 502, 102, RIG_ESTABLISHED_REPLY, TCP_CONNTRACK_TIME_WAIT, 120},
    };
    struct test *t = *state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        const bool a = row[i].side == RIG_A;
        const struct rig_pkt_segment s = {a ? 40000 : 80, a ? 80 : 40000, row[i].flags,
                                          row[i].seq,     row[i].ack,     NULL};
        const struct rig_pkt p = rig_pkt_tcp(a ? A4 : B4, a ? B4 : A4, s);
        step(t, row[i].side, p);
        assert_forwarded(t, 0, a ? RIG_B : RIG_A, p);
        assert_seen(t, 0, row[i].class, RIG_PREROUTING, row[i].side, &p);
        const struct rig_entry *e = event_entry(t, 0, i ? RIG_EVENT_UPDATE : RIG_EVENT_NEW);
        assert_true(e->has & RIG_HAS_TCP);
        assert_int_equal(e->tcp_state, row[i].state);
        e = only(t);
        assert_int_equal(e->tcp_state, row[i].state);
        assert_in_range(e->timeout, row[i].timeout - 1, row[i].timeout);
        assert_int_equal(!!(e->status & IPS_ASSURED), row[i].state >= TCP_CONNTRACK_ESTABLISHED);
        if (row[i].state == TCP_CONNTRACK_ESTABLISHED) {
            assert_true(e->has & RIG_HAS_TCP_WSCALE && e->has & RIG_HAS_TCP_FLAGS);
            assert_int_equal(e->tcp_wscale[RIG_ORIG], 7);
            assert_int_equal(e->tcp_wscale[RIG_REPLY], 7);
            assert_true(e->tcp_flags[RIG_ORIG] & IP_CT_TCP_FLAG_SACK_PERM);
            assert_true(e->tcp_flags[RIG_REPLY] & IP_CT_TCP_FLAG_WINDOW_SCALE);
        }
    }
}

static void test_echo(void **state)
{
    struct test *t = *state;
    step(t, RIG_A, rig_pkt_echo(A4, B4, false, 77));
    assert_forwarded(t, 0, RIG_B, rig_pkt_echo(A4, B4, false, 77));
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, NULL);
    const struct rig_entry *e = event_entry(t, 0, RIG_EVENT_NEW);
    assert_int_equal(e->orig.icmp_type, 8);
    assert_int_equal(e->orig.icmp_id, 77);
    assert_int_equal(e->reply.icmp_type, 0);
    step(t, RIG_B, rig_pkt_echo(B4, A4, true, 77));
    assert_seen(t, 0, RIG_ESTABLISHED_REPLY, RIG_PREROUTING, RIG_B, NULL);
}

static void test_echo6(void **state)
{
    struct test *t = *state;
    step(t, RIG_A, rig_pkt_echo(A6, B6, false, 78));
    assert_int_equal(t->r.packets, 1);
    assert_forwarded(t, 0, RIG_B, rig_pkt_echo(A6, B6, false, 78));
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, NULL);
    const struct rig_entry *e = event_entry(t, 0, RIG_EVENT_NEW);
    assert_int_equal(e->orig.family, AF_INET6);
    assert_addr(e->orig.src, A6);
    assert_int_equal(e->orig.icmp_type, 128);
    assert_int_equal(e->reply.icmp_type, 129);
    assert_int_equal(e->orig.icmp_id, 78);
    step(t, RIG_B, rig_pkt_echo(B6, A6, true, 78));
    assert_seen(t, 0, RIG_ESTABLISHED_REPLY, RIG_PREROUTING, RIG_B, NULL);
    assert_int_equal(only(t)->orig.family, AF_INET6);
}

static void test_local(void **state)
{
    struct test *t = *state;
    step(t, RIG_A, rig_pkt_echo(A4, ROUTER4, false, 5));
    assert_int_equal(t->r.packets, 1);
    assert_int_equal(t->r.packet[0].side, RIG_A);
    assert_int_equal(t->r.seens, 2);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, NULL);
    assert_seen(t, 1, RIG_ESTABLISHED_REPLY, RIG_OUTPUT, RIG_SIDE_NONE, NULL);
    assert_int_equal(t->r.seen[1].out, RIG_A);
    assert_int_equal(t->r.events, 2);
    event_entry(t, 0, RIG_EVENT_NEW);
    event_entry(t, 1, RIG_EVENT_UPDATE);
}

static void test_ttl_exceeded(void **state)
{
    struct test *t = *state;
    struct rig_pkt p = rig_pkt_udp(A4, 1, B4, 2, 4);
    p.data[8] = 1;
    rig_pkt_ip_checksum(&p);
    for (int i = 0; i < 20; i++) { /* no limit of rate eats one */
        step(t, RIG_A, p);
        assert_int_equal(t->r.packets, 1);
        assert_int_equal(t->r.packet[0].side, RIG_A);
        assert_int_equal(t->r.packet[0].data[9], IPPROTO_ICMP);
        assert_int_equal(t->r.packet[0].data[20], 11);
        assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &p);
        assert_seen(t, 1, RIG_RELATED_REPLY, RIG_OUTPUT, RIG_SIDE_NONE, NULL);
        assert_int_equal(t->r.events, 0);
    }
    assert_int_equal(count(t), 0);
}

static void test_bad_checksum(void **state)
{
    struct test *t = *state;
    struct rig_stats before, after;
    struct rig_pkt p = rig_pkt_udp(A4, 1, B4, 2, 4);
    p.data[30]++;
    ok(rig_stats(t->rig, &before));
    step(t, RIG_A, p);
    assert_forwarded(t, 0, RIG_B, p);
    assert_seen(t, 0, RIG_INVALID, RIG_PREROUTING, RIG_A, &p);
    assert_int_equal(t->r.events, 0);
    assert_int_equal(count(t), 0);
    ok(rig_stats(t->rig, &after));
    assert_int_equal(after.invalid, before.invalid + 1);

    ok(rig_sysctl_set(t->rig, "net.netfilter.nf_conntrack_checksum", "0"));
    step(t, RIG_A, p);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &p);
}

static void test_fragments(void **state)
{
    struct test *t = *state;
    const struct rig_pkt whole = rig_pkt_udp(A4, 1, B4, 2, 100);
    struct rig_pkt first, second;
    rig_pkt_split(&whole, 64, &first, &second);
    step(t, RIG_A, first);
    assert_int_equal(t->r.packets + t->r.seens + t->r.events, 0);
    step(t, RIG_A, second);
    assert_int_equal(t->r.seens, 1);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, NULL);
    assert_int_equal(t->r.seen[0].length, whole.len);
    event_entry(t, 0, RIG_EVENT_NEW);
    /* Put together for tracking, they leave in the sizes they came in. */
    assert_int_equal(t->r.packets, 2);
    assert_forwarded(t, 0, RIG_B, first);
    assert_forwarded(t, 1, RIG_B, second);
}

static void test_untracked(void **state)
{
    struct test *t = *state;
    const struct rig_pkt p = rig_pkt_udp(A4, 53, B4, 53, 4);
    const struct rig_pkt other = rig_pkt_udp(A4, 54, B4, 53, 4);
    char *text = NULL;
    ok(rig_rules(t->rig, AF_INET,
                 "*raw\n-A PREROUTING -p udp --sport 53 -j CT --notrack\nCOMMIT\n"));
    step(t, RIG_A, p);
    assert_forwarded(t, 0, RIG_B, p);
    assert_seen(t, 0, RIG_UNTRACKED, RIG_PREROUTING, RIG_A, &p);
    assert_int_equal(t->r.events, 0);
    assert_int_equal(count(t), 0);
    step(t, RIG_A, other);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &other);
    ok(rig_rules_save(t->rig, AF_INET, &text));
    assert_non_null(strstr(text, "[1:32] -A PREROUTING -p udp -m udp --sport 53 -j CT --notrack"));
    free(text);
}

static void test_rules_refused(void **state)
{
    struct test *t = *state;
    assert_int_equal(rig_rules(t->rig, AF_INET, "*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n"),
                     -EINVAL);
    assert_non_null(strstr(rig_error(t->rig), "line"));
    /* Replacing the mangle table leaves the rig's own rules alone. */
    ok(rig_rules(t->rig, AF_INET, "*mangle\n-A PREROUTING -j MARK --set-mark 7\nCOMMIT\n"));
    step(t, RIG_A, rig_pkt_udp(A4, 1, B4, 2, 4));
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, NULL);
}

static void test_see(void **state)
{
    static const enum rig_hook forwarded[] = {RIG_PREROUTING, RIG_FORWARD, RIG_POSTROUTING};
    struct test *t = *state;
    ok(rig_rules(t->rig, AF_INET, "*mangle\n-A PREROUTING -j MARK --set-mark 7\nCOMMIT\n"));
    step(t, RIG_A, rig_pkt_udp(A4, 1, B4, 2, 4));
    assert_int_equal(t->r.seens, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(t->r.seen[i].hook, forwarded[i]);
        assert_int_equal(t->r.seen[i].mark, i ? 7 : 0);
        assert_int_equal(t->r.seen[i].out, i ? RIG_B : RIG_SIDE_NONE);
    }
    step(t, RIG_A, rig_pkt_echo(A4, ROUTER4, false, 5));
    assert_int_equal(t->r.seens, 4);
    assert_seen(t, 1, RIG_NEW, RIG_INPUT, RIG_A, NULL);
    assert_seen(t, 3, RIG_ESTABLISHED_REPLY, RIG_POSTROUTING, RIG_SIDE_NONE, NULL);
}

static void test_nat(void **state)
{
    struct test *t = *state;
    ok(rig_route(t->rig, RIG_B, "10.9.0.0/16"));
    ok(rig_address(t->rig, RIG_B, "10.0.3.1/24"));
    ok(rig_rules(
        t->rig, AF_INET,
        "*nat\n-A POSTROUTING -p udp -d 10.9.0.0/16 -j SNAT --to-source 10.0.3.1:7000\nCOMMIT\n"));
    step(t, RIG_A, rig_pkt_udp(A4, 1000, "10.9.8.7", 2000, 4));
    assert_forwarded(t, 0, RIG_B, rig_pkt_udp("10.0.3.1", 7000, "10.9.8.7", 2000, 4));
    const struct rig_entry *e = event_entry(t, 0, RIG_EVENT_NEW);
    assert_tuple(&e->reply, "10.9.8.7", 2000, "10.0.3.1", 7000);
    assert_int_equal(e->status, IPS_CONFIRMED | IPS_SRC_NAT | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE);
    step(t, RIG_B, rig_pkt_udp("10.9.8.7", 2000, "10.0.3.1", 7000, 4));
    assert_forwarded(t, 0, RIG_A, rig_pkt_udp("10.9.8.7", 2000, A4, 1000, 4));
    assert_int_equal(rig_route(t->rig, RIG_B, "10.9.0.0"), -EINVAL);
}

static void test_ftp(void **state)
{
    struct test *t = *state;
    ok(rig_rules(t->rig, AF_INET,
                 "*raw\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"));
    handshake(t, 21);
    assert_string_equal(only(t)->helper, "ftp");
    assert_true(only(t)->status & IPS_HELPER);
    /* The helper reads a line only if it saw the end of the one before. */
    step(t, RIG_A,
         rig_pkt_tcp(
             A4, B4,
             (struct rig_pkt_segment){40000, 21, RIG_PKT_PSH | RIG_PKT_ACK, 101, 501, "NOOP\r\n"}));
    step(t, RIG_A,
         rig_pkt_tcp(A4, B4,
                     (struct rig_pkt_segment){40000, 21, RIG_PKT_PSH | RIG_PKT_ACK, 107, 501,
                                              "PORT 10,0,1,2,200,11\r\n"}));
    assert_int_equal(t->r.events, 1);
    assert_string_equal(rig_event_name(t->r.event[0].kind), "EXPECT_NEW");
    const struct rig_expect *x = &t->r.event[0].expect;
    assert_tuple(&x->master, A4, 40000, B4, 21);
    assert_tuple(&x->tuple, B4, 0, A4, 51211);
    assert_tuple(&x->mask, "255.255.255.255", 0, "255.255.255.255", 65535);
    ok(rig_dump_expect(t->rig, &t->expects));
    assert_int_equal(t->expects.expects, 1);
    assert_tuple(&t->expects.expect[0].tuple, B4, 0, A4, 51211);
    assert_string_equal(t->expects.expect[0].helper, "ftp");
    assert_in_range(t->expects.expect[0].timeout, 299, 300);

    char *text = NULL;
    ok(rig_proc_expect(t->rig, &text));
    assert_non_null(strstr(text, "dport=51211"));
    free(text);

    step(t, RIG_B,
         rig_pkt_tcp(B4, A4, (struct rig_pkt_segment){20, 51211, RIG_PKT_SYN, 9000, 0, NULL}));
    assert_seen(t, 0, RIG_RELATED, RIG_PREROUTING, RIG_B, NULL);
    assert_int_equal(t->r.events, 2);
    assert_string_equal(rig_event_name(t->r.event[0].kind), "EXPECT_DESTROY");
    const struct rig_entry *e = event_entry(t, 1, RIG_EVENT_NEW);
    assert_true(e->has & RIG_HAS_MASTER);
    assert_tuple(&e->master, A4, 40000, B4, 21);
    assert_true(e->status & IPS_EXPECTED);
}

static void test_zones(void **state)
{
    struct test *t = *state;
    ok(rig_rules(t->rig, AF_INET,
                 "*raw\n"
                 "-A PREROUTING -p udp --dport 1 -j CT --zone 3\n"
                 "-A PREROUTING -p udp --dport 2 -j CT --zone-orig 4\n"
                 "-A PREROUTING -p udp --dport 3 -j CT --zone-reply 5\nCOMMIT\n"));
    for (uint16_t port = 1; port <= 3; port++)
        step(t, RIG_A, rig_pkt_udp(A4, 1000, B4, port, 4));
    ok(rig_dump(t->rig, &t->table));
    assert_int_equal(t->table.entries, 3);
    const struct rig_entry *e = t->table.entry; /* in the order of their ports */
    assert_int_equal(e[0].zone, 3);
    assert_int_equal(e[0].orig.zone + e[0].reply.zone, 0);
    assert_int_equal(e[1].orig.zone, 4);
    assert_int_equal(e[1].zone + e[1].reply.zone, 0);
    assert_int_equal(e[2].reply.zone, 5);
    assert_int_equal(e[2].zone + e[2].orig.zone, 0);
    struct rig_entry one;
    assert_int_equal(rig_get(t->rig, &e[0].orig, 0, &one), -ENOENT);
    ok(rig_get(t->rig, &e[0].orig, 3, &one));
    assert_int_equal(one.id, e[0].id);
    ok(rig_get(t->rig, &e[1].orig, 0, &one));
    assert_int_equal(one.id, e[1].id);
}

static void test_sctp(void **state)
{
    struct test *t = *state;
    const struct rig_pkt p = rig_pkt_sctp_init(A4, 1000, B4, 2000, 0xabcd1234);
    step(t, RIG_A, p);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &p);
    const struct rig_entry *e = only(t);
    assert_true(e->has & RIG_HAS_SCTP && e->has & RIG_HAS_VTAG);
    assert_int_equal(e->sctp_state, 1); /* CLOSED */
    assert_int_equal(e->sctp_vtag[RIG_REPLY], 0xabcd1234);
    assert_int_equal(e->sctp_vtag[RIG_ORIG], 0);
}

static void test_ctnetlink_changes(void **state)
{
    struct test *t = *state;
    struct rig_entry e = {
        .has = RIG_HAS_ORIG | RIG_HAS_REPLY | RIG_HAS_TIMEOUT | RIG_HAS_STATUS | RIG_HAS_MARK |
               RIG_HAS_TCP | RIG_HAS_TCP_WSCALE | RIG_HAS_TCP_FLAGS | RIG_HAS_LABELS | RIG_HAS_ZONE,
        .orig = {.family = AF_INET, .proto = IPPROTO_TCP, .sport = 1000, .dport = 80},
        .reply = {.family = AF_INET, .proto = IPPROTO_TCP, .sport = 80, .dport = 1000},
        .timeout = 1000,
        .status = IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED,
        .mark = 0x1234,
        .zone = 9,
        .tcp_state = TCP_CONNTRACK_ESTABLISHED,
        .tcp_wscale = {3, 4},
        .tcp_flags = {IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_BE_LIBERAL,
                      IP_CT_TCP_FLAG_WINDOW_SCALE},
        .labels = {8},
        .labels_len = 16,
    };
    /* The kernel keeps labels only where something may use them. */
    ok(rig_rules(t->rig, AF_INET, "*raw\n-A PREROUTING -m connlabel --label 5\nCOMMIT\n"));
    inet_pton(AF_INET, A4, e.orig.src);
    inet_pton(AF_INET, B4, e.orig.dst);
    memcpy(e.reply.src, e.orig.dst, sizeof(e.reply.src));
    memcpy(e.reply.dst, e.orig.src, sizeof(e.reply.dst));
    ok(rig_create(t->rig, &e));
    assert_int_equal(rig_create(t->rig, &e), -EEXIST);
    const struct rig_entry *got = only(t);
    assert_int_equal(rig_tuple_cmp(&got->orig, &e.orig), 0);
    assert_int_equal(rig_tuple_cmp(&got->reply, &e.reply), 0);
    assert_int_equal(got->mark, e.mark);
    assert_int_equal(got->zone, e.zone);
    assert_int_equal(got->tcp_state, e.tcp_state);
    assert_memory_equal(got->tcp_wscale, e.tcp_wscale, sizeof(e.tcp_wscale));
    assert_memory_equal(got->tcp_flags, e.tcp_flags, sizeof(e.tcp_flags));
    assert_int_equal(got->labels_len, 16);
    assert_memory_equal(got->labels, e.labels, sizeof(e.labels));

    e.has = RIG_HAS_ORIG | RIG_HAS_ZONE | RIG_HAS_MARK | RIG_HAS_TIMEOUT;
    e.mark = 99;
    e.timeout = 50;
    ok(rig_update(t->rig, &e));
    got = only(t);
    assert_int_equal(got->mark, 99);
    assert_in_range(got->timeout, 49, 50);
    ok(rig_delete(t->rig, &e));
    assert_int_equal(rig_delete(t->rig, &e), -ENOENT);
    e.has = 0;
    assert_int_equal(rig_delete(t->rig, &e), -EINVAL);
    ok(rig_collect(t->rig, &t->r));
    assert_int_equal(t->r.events, 3);
    event_entry(t, 0, RIG_EVENT_NEW);
    event_entry(t, 1, RIG_EVENT_UPDATE);
    event_entry(t, 2, RIG_EVENT_DESTROY);
}

static void test_timeout_policy(void **state)
{
    struct test *t = *state;
    const uint32_t seconds[] = {11}; /* unreplied; the next would be replied */
    ok(rig_timeout_policy(t->rig, "quick", AF_INET, IPPROTO_UDP, seconds, 1));
    ok(rig_rules(t->rig, AF_INET, "*raw\n-A PREROUTING -p udp -j CT --timeout quick\nCOMMIT\n"));
    step(t, RIG_A, rig_pkt_udp(A4, 1, B4, 2, 4));
    assert_in_range(only(t)->timeout, 10, 11);
}

static void test_expiry(void **state)
{
    struct test *t = *state;
    char value[16];
    ok(rig_sysctl_set(t->rig, "net.netfilter.nf_conntrack_udp_timeout", "1"));
    ok(rig_sysctl_get(t->rig, "net.netfilter.nf_conntrack_udp_timeout", value, sizeof(value)));
    assert_string_equal(value, "1");
    assert_int_equal(rig_sysctl_set(t->rig, "kernel.hostname", "x"), -EINVAL);
    step(t, RIG_A, rig_pkt_udp(A4, 1, B4, 2, 4));
    usleep(1100 * 1000);
    ok(rig_dump(t->rig, &t->table)); /* removes what is over */
    assert_int_equal(t->table.entries, 0);
    ok(rig_wait(t->rig, 0, &t->r));
    assert_int_equal(t->r.event[0].portid, 0);
    event_entry(t, 0, RIG_EVENT_DESTROY);
}

static void test_wait(void **state)
{
    struct test *t = *state;
    const struct rig_pkt whole = rig_pkt_udp(A4, 1, ROUTER4, 2, 100);
    struct rig_pkt first, second;
    rig_pkt_split(&whole, 64, &first, &second);
    ok(rig_sysctl_set(t->rig, "net.ipv4.ipfrag_time", "1"));
    step(t, RIG_A, first);
    assert_int_equal(t->r.packets, 0);
    ok(rig_wait(t->rig, 5000, &t->r));
    assert_int_equal(t->r.packets, 1);
    assert_int_equal(t->r.packet[0].data[20], 11); /* time exceeded */
    assert_int_equal(t->r.packet[0].data[21], 1);  /* in reassembly */
}

static void test_hold(void **state)
{
    struct test *t = *state;
    const struct rig_pkt one = rig_pkt_udp(A4, 1, B4, 2, 4);
    const struct rig_pkt two = rig_pkt_udp(A4, 3, B4, 4, 5);
    const struct rig_pkt six = rig_pkt_echo(A6, B6, false, 6);
    ok(rig_hold_enable(t->rig, true));
    step(t, RIG_A, one);
    assert_seen(t, 0, RIG_NEW, RIG_PREROUTING, RIG_A, &one);
    step(t, RIG_A, two);
    step(t, RIG_A, six);
    assert_int_equal(t->r.packets + t->r.events, 0);
    assert_int_equal(rig_held_count(t->rig), 3);
    assert_int_equal(count(t), 3); /* counted, but not in the table */
    ok(rig_dump(t->rig, &t->table));
    assert_int_equal(t->table.entries, 0);
    assert_int_equal(rig_held(t->rig, 1)->len, two.len);
    assert_int_equal(rig_held(t->rig, 1)->side, RIG_B);
    assert_int_equal(rig_held(t->rig, 1)->data[8], 63);
    assert_null(rig_held(t->rig, 3));

    ok(rig_release(t->rig, 1, RIG_ACCEPT));
    ok(rig_collect(t->rig, &t->r));
    assert_int_equal(t->r.packets, 1);
    assert_forwarded(t, 0, RIG_B, two);
    event_entry(t, 0, RIG_EVENT_NEW);
    ok(rig_release(t->rig, 1, RIG_ACCEPT));
    ok(rig_collect(t->rig, &t->r));
    assert_forwarded(t, 0, RIG_B, six);
    ok(rig_release(t->rig, 0, RIG_DROP));
    ok(rig_collect(t->rig, &t->r));
    assert_int_equal(t->r.packets + t->r.events, 0);
    assert_int_equal(count(t), 2);
    assert_int_equal(rig_release(t->rig, 0, RIG_DROP), -ENOENT);

    step(t, RIG_A, one);
    ok(rig_reset(t->rig));
    assert_int_equal(rig_held_count(t->rig), 0);
    assert_int_equal(count(t), 0);
    ok(rig_hold_enable(t->rig, false));
    step(t, RIG_A, one);
    assert_forwarded(t, 0, RIG_B, one);
}

/* Two of one connection under way at the same time: the second to be released has no place in the
 * table. */
static void test_clash(void **state)
{
    struct test *t = *state;
    struct rig_stats before, after;
    const struct rig_pkt syn =
        rig_pkt_tcp(A4, B4, (struct rig_pkt_segment){1, 2, RIG_PKT_SYN, 3, 0, NULL});
    ok(rig_stats(t->rig, &before));
    ok(rig_hold_enable(t->rig, true));
    step(t, RIG_A, syn);
    step(t, RIG_A, syn);
    assert_int_equal(rig_held_count(t->rig), 2);
    ok(rig_release(t->rig, 0, RIG_ACCEPT));
    ok(rig_release(t->rig, 0, RIG_ACCEPT));
    ok(rig_collect(t->rig, &t->r));
    assert_int_equal(t->r.packets, 1);
    assert_forwarded(t, 0, RIG_B, syn);
    assert_int_equal(count(t), 1);
    ok(rig_stats(t->rig, &after));
    assert_int_equal(after.insert_failed, before.insert_failed + 1);
    assert_int_equal(after.drop, before.drop + 1);
}

static void test_mtu(void **state)
{
    struct test *t = *state;
    const struct rig_pkt p = rig_pkt_udp(A4, 1, B4, 2, 1200);
    ok(rig_set_mtu(t->rig, RIG_B, 600));
    step(t, RIG_A, p);
    assert_int_equal(t->r.packets, 3);
    ok(rig_set_mtu(t->rig, RIG_B, 1500));
    step(t, RIG_A, p);
    assert_forwarded(t, 0, RIG_B, p);
    step(t, RIG_A, rig_pkt_echo(A6, B6, false, 1));
    assert_forwarded(t, 0, RIG_B, rig_pkt_echo(A6, B6, false, 1));
}

/* IPv6 announces its groups up to some seconds after a device comes up; nothing of it may be seen.
 */
static void test_silence(void **state)
{
    struct test *t = *state;
    struct timespec end, now;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += 3;
    do {
        ok(rig_wait(t->rig, 500, &t->r));
        assert_int_equal(t->r.packets + t->r.seens + t->r.events, 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec);
}

/* Every packet is through when the call returns: no answer comes late, whatever the load. */
static void test_synchronous(void **state)
{
    struct test *t = *state;
    const struct rig_pkt through = rig_pkt_udp(A4, 1, B4, 2, 4);
    const struct rig_pkt local = rig_pkt_echo(A4, ROUTER4, false, 5);
    for (int i = 0; i < 20000; i++) {
        ok(rig_step(t->rig, RIG_A, through.data, through.len, &t->r));
        assert_true(t->r.packets == 1 && t->r.seens == 1);
        ok(rig_step(t->rig, RIG_A, local.data, local.len, &t->r));
        assert_true(t->r.packets == 1 && t->r.seens == 2);
    }
}

static void test_inject_refused(void **state)
{
    struct test *t = *state;
    const uint8_t junk[40] = {0};
    assert_int_equal(rig_inject(t->rig, RIG_A, junk, sizeof(junk)), -EINVAL);
    assert_int_equal(rig_inject(t->rig, RIG_A, junk, 0), -EINVAL);
    /* A cut IP header is taken, and dropped before anything sees it. */
    step(t, RIG_A, (struct rig_pkt){.len = 19, .data = {0x45}});
    assert_int_equal(t->r.packets + t->r.seens, 0);
    assert_int_equal(rig_inject(t->rig, RIG_SIDE_NONE, junk, sizeof(junk)), -EINVAL);
}

/* Records that are lost are told, and only once. */
static void test_lost_records(void **state)
{
    struct test *t = *state;
    for (uint16_t i = 0; i < 500; i++) {
        const struct rig_pkt p = rig_pkt_udp(A4, (uint16_t)(1000 + i), B4, 2, 4);
        ok(rig_inject(t->rig, RIG_A, p.data, p.len));
    }
    assert_int_equal(rig_collect(t->rig, &t->r), -ENOBUFS);
    assert_int_equal(t->r.packets, 500);
    step(t, RIG_A, rig_pkt_udp(A4, 1, B4, 2, 4));
    assert_int_equal(t->r.seens, 1);
}

static void test_lost_packets(void **state)
{
    struct test *t = *state;
    const struct rig_pkt p = rig_pkt_udp(A4, 1, B4, 2, 4);
    for (int i = 0; i < 8; i++)
        ok(rig_inject(t->rig, RIG_A, p.data, p.len));
    assert_int_equal(rig_collect(t->rig, &t->r), -ENOBUFS);
    assert_int_equal(t->r.packets, 4);
    assert_int_equal(t->r.seens, 8);
    step(t, RIG_A, p);
    assert_forwarded(t, 0, RIG_B, p);
}

/* ---- what outlives a test ---- */

static const char limit[] = "net.netfilter.nf_conntrack_expect_max";

static long limit_now(void)
{
    long v = -1;
    FILE *f = fopen("/proc/sys/net/netfilter/nf_conntrack_expect_max", "r");
    if (f) {
        if (fscanf(f, "%ld", &v) != 1)
            v = -1;
        fclose(f);
    }
    return v;
}

static void raise_limit(struct rig *rig, long value)
{
    char text[32], got[32];
    snprintf(text, sizeof(text), "%ld", value);
    int err = rig_global_sysctl_set(rig, limit, text);
    if (err == -ENOENT || err == -EACCES || err == -EPERM) {
        rig_free(rig);
        print_message("%s is not writable here: not the initial namespace\n", limit);
        skip();
    }
    assert_ok(err, rig, __LINE__);
    assert_ok(rig_global_sysctl_get(rig, limit, got, sizeof(got)), rig, __LINE__);
    assert_string_equal(got, text);
}

static struct rig *rig_or_fail(const struct rig_opts *opts)
{
    char err[1024];
    struct rig *rig;
    if (rig_new(opts, &rig, err, sizeof(err)))
        fail_msg("%s", err);
    return rig;
}

static ino_t namespace_now(void)
{
    char link[64] = {0};
    assert_in_range(readlink("/proc/thread-self/ns/net", link, sizeof(link) - 1), 1,
                    sizeof(link) - 1);
    return (ino_t)strtoul(strchr(link, '[') + 1, NULL, 10);
}

static void test_free_restores(void **state)
{
    (void)state;
    cpu_set_t before, after;
    const ino_t home = namespace_now();
    const long old = limit_now();
    sched_getaffinity(0, sizeof(before), &before);
    struct rig *rig = rig_or_fail(NULL);
    assert_int_not_equal(namespace_now(), home);
    raise_limit(rig, old + 1);
    rig_free(rig);
    assert_int_equal(limit_now(), old);
    assert_int_equal(namespace_now(), home);
    sched_getaffinity(0, sizeof(after), &after);
    assert_true(CPU_EQUAL(&before, &after));
}

/* A process that is killed leaves no changed limit behind, even if it changed it twice. */
static void test_kill_restores(void **state)
{
    (void)state;
    const long old = limit_now();
    int status;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        char err[1024], more[2][32];
        struct rig *rig;
        snprintf(more[0], sizeof(more[0]), "%ld", old + 1);
        snprintf(more[1], sizeof(more[1]), "%ld", old + 2);
        if (rig_new(NULL, &rig, err, sizeof(err)) || rig_global_sysctl_set(rig, limit, more[0]) ||
            rig_global_sysctl_set(rig, limit, more[1]))
            _exit(1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        skip();                      /* see test_free_restores, which says why */
    while (waitpid(-1, NULL, 0) > 0) /* the keeper, now ours */
        ;
    assert_int_equal(limit_now(), old);
}

/* ---- running ---- */

static int setup_with(void **state, const struct rig_opts *opts)
{
    struct test *t = calloc(1, sizeof(*t));
    if (!t)
        return -1;
    t->rig = rig_or_fail(opts);
    *state = t;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int setup_see(void **state)
{
    return setup_with(state, &(struct rig_opts){.see = 1u << RIG_INPUT | 1u << RIG_FORWARD |
                                                       1u << RIG_POSTROUTING});
}

static int setup_small_buffer(void **state)
{
    return setup_with(state, &(struct rig_opts){.buffer = 8192});
}

static int setup_small_queue(void **state)
{
    return setup_with(state, &(struct rig_opts){.queue = 4});
}

static int teardown(void **state)
{
    struct test *t = *state;
    rig_free(t->rig);
    rig_result_free(&t->r);
    rig_table_free(&t->table);
    rig_expect_table_free(&t->expects);
    free(t);
    return 0;
}

#define TEST(name, up) cmocka_unit_test_setup_teardown(name, up, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_restores),
        cmocka_unit_test(test_kill_restores),
        TEST(test_udp, setup),
        TEST(test_tcp, setup),
        TEST(test_echo, setup),
        TEST(test_echo6, setup),
        TEST(test_local, setup),
        TEST(test_ttl_exceeded, setup),
        TEST(test_bad_checksum, setup),
        TEST(test_fragments, setup),
        TEST(test_untracked, setup),
        TEST(test_rules_refused, setup),
        TEST(test_see, setup_see),
        TEST(test_nat, setup),
        TEST(test_ftp, setup),
        TEST(test_zones, setup),
        TEST(test_sctp, setup),
        TEST(test_ctnetlink_changes, setup),
        TEST(test_timeout_policy, setup),
        TEST(test_expiry, setup),
        TEST(test_wait, setup),
        TEST(test_hold, setup),
        TEST(test_clash, setup),
        TEST(test_mtu, setup),
        TEST(test_silence, setup),
        TEST(test_synchronous, setup),
        TEST(test_inject_refused, setup),
        TEST(test_lost_records, setup_small_buffer),
        TEST(test_lost_packets, setup_small_queue),
    };
    char err[1024];
    struct rig *rig;
    int ret = rig_new(NULL, &rig, err, sizeof(err));
    if (ret) {
        fprintf(stderr, "%s: the kernel rig: %s\n", ret == RIG_SKIP ? "SKIPPED" : "FAILED", err);
        return ret == RIG_SKIP ? 77 : 1;
    }
    rig_free(rig);
    return cmocka_run_group_tests_name("kernel rig", tests, NULL, NULL);
}
