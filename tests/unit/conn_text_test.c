/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of connections. What is expected was printed by Linux 6.18 (/proc/net/nf_conntrack) and by
 * conntrack 1.4.7 about the same entries; only addresses and ages were shortened.
 */
#include "../../control/conn_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static const struct weir_time at_12_1 = {12100000000};

/* An entry from A:src to B:dst and its plain inverse; status as given. */
static struct weir_conn make(uint8_t proto, const char *a, const char *b, uint16_t src,
                             uint16_t dst, uint32_t status)
{
    struct weir_conn conn = {
        .status = status, .timeout_ms = 29999, .use = 1, .zone_dirs = 3, .id = 3259739253};
    struct weir_tuple *orig = &conn.tuple[WEIR_ORIG], *reply = &conn.tuple[WEIR_REPLY];
    int family = strchr(a, ':') ? AF_INET6 : AF_INET;
    orig->family = family == AF_INET6 ? 6 : 4;
    orig->proto = proto;
    assert_int_equal(inet_pton(family, a, &orig->src), 1);
    assert_int_equal(inet_pton(family, b, &orig->dst), 1);
    orig->src_key = htons(src);
    orig->dst_key = htons(dst);
    *reply = *orig;
    reply->src = orig->dst;
    reply->dst = orig->src;
    reply->src_key = orig->dst_key;
    reply->dst_key = orig->src_key;
    return conn;
}

static void check_proc(const struct weir_conn *conn, const char *want)
{
    struct textbuf text = {0};
    conn_text_proc(&text, conn, at_12_1);
    assert_string_equal(textbuf_string(&text), want);
    textbuf_fini(&text);
}

static void check_list(const struct weir_conn *conn, unsigned more,
                       const struct conn_text_labels *labels, const char *want)
{
    struct textbuf text = {0};
    conn_text_list(&text, conn, CONN_TEXT_LIST | more, at_12_1, labels);
    assert_string_equal(textbuf_string(&text), want);
    textbuf_fini(&text);
}

static void test_tcp(void **state)
{
    (void)state;
    struct weir_conn conn =
        make(IPPROTO_TCP, "10.0.1.2", "10.0.2.2", 20001, 80, WEIR_S_SEEN_REPLY | WEIR_S_ASSURED);
    conn.state = WEIR_TCP_ESTABLISHED;
    conn.timeout_ms = 431999004;
    check_proc(&conn,
               "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=20001 "
               "dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=20001 [ASSURED] mark=0 zone=0 "
               "use=2");
    check_list(&conn, 0, NULL,
               "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=20001 dport=80 "
               "src=10.0.2.2 dst=10.0.1.2 sport=80 dport=20001 [ASSURED] mark=0 use=1");
    conn.state = WEIR_TCP_SYN_SENT2;
    conn.status = 0;
    conn.mark = 4294967295;
    check_list(&conn, CONN_TEXT_FAMILY | CONN_TEXT_ID, NULL,
               "ipv4     2 tcp      6 431999 SYN_SENT2 src=10.0.1.2 dst=10.0.2.2 sport=20001 "
               "dport=80 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=80 dport=20001 "
               "mark=4294967295 use=1 id=3259739253");
}

static void test_states(void **state)
{
    (void)state;
    static const char *const tcp[] = {"NONE",     "SYN_SENT",   "SYN_RECV", "ESTABLISHED",
                                      "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
                                      "CLOSE",    "SYN_SENT2",  "NONE"};
    static const char *const sctp[] = {
        "NONE",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED",  "ESTABLISHED",
        "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT", "NONE"};
    for (uint8_t i = 0; i < sizeof(tcp) / sizeof(tcp[0]); i++) {
        struct weir_conn conn = make(IPPROTO_TCP, "10.0.0.1", "10.0.0.2", 1, 2, 0);
        char start[64];
        conn.state = i;
        struct textbuf text = {0};
        snprintf(start, sizeof(start), "tcp      6 29 %s src=", tcp[i]);
        conn_text_list(&text, &conn, CONN_TEXT_LIST, at_12_1, NULL);
        assert_memory_equal(textbuf_string(&text), start, strlen(start));
        textbuf_fini(&text);
    }
    for (uint8_t i = 0; i < sizeof(sctp) / sizeof(sctp[0]); i++) {
        struct weir_conn conn = make(IPPROTO_SCTP, "10.0.0.1", "10.0.0.2", 1, 2, 0);
        char start[64];
        conn.state = i;
        struct textbuf text = {0};
        snprintf(start, sizeof(start), "sctp     132 29 %s src=", sctp[i]);
        conn_text_list(&text, &conn, CONN_TEXT_LIST, at_12_1, NULL);
        assert_memory_equal(textbuf_string(&text), start, strlen(start));
        textbuf_fini(&text);
    }
}

/* Every protocol's own fields, in both forms. */
static void test_protocols(void **state)
{
    (void)state;
    struct weir_conn conn = make(IPPROTO_UDPLITE, "10.0.1.2", "10.0.2.2", 7, 53, 0);
    check_proc(&conn, "ipv4     2 udplite  136 29 src=10.0.1.2 dst=10.0.2.2 sport=7 dport=53 "
                      "[UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=7 mark=0 zone=0 use=2");

    conn = make(IPPROTO_ICMP, "10.0.1.2", "10.0.2.2", 11979, 8 << 8, WEIR_S_SEEN_REPLY);
    conn.tuple[WEIR_REPLY].src_key = htons(11979);
    conn.tuple[WEIR_REPLY].dst_key = htons(0);
    check_proc(&conn, "ipv4     2 icmp     1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=11979 "
                      "src=10.0.2.2 dst=10.0.1.2 type=0 code=0 id=11979 mark=0 zone=0 use=2");

    conn = make(IPPROTO_ICMPV6, "2001:db8::1", "2001:db8::2", 1234, 128 << 8 | 3, 0);
    conn.tuple[WEIR_REPLY].src_key = htons(1234);
    conn.tuple[WEIR_REPLY].dst_key = htons(129 << 8 | 3);
    check_list(&conn, 0, NULL,
               "icmpv6   58 29 src=2001:db8::1 dst=2001:db8::2 type=128 code=3 id=1234 "
               "[UNREPLIED] src=2001:db8::2 dst=2001:db8::1 type=129 code=3 id=1234 mark=0 use=1");

    conn = make(IPPROTO_GRE, "10.0.1.2", "10.0.2.2", 0x11, 0xa2, 0);
    conn.gre.timeout_s = 30;
    conn.gre.stream_timeout_s = 180;
    check_proc(&conn, "ipv4     2 gre      47 29 timeout=30, stream_timeout=180 src=10.0.1.2 "
                      "dst=10.0.2.2 srckey=0x11 dstkey=0xa2 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 "
                      "srckey=0xa2 dstkey=0x11 mark=0 zone=0 use=2");
    check_list(&conn, 0, NULL,
               "gre      47 29 src=10.0.1.2 dst=10.0.2.2 srckey=0x11 dstkey=0xa2 [UNREPLIED] "
               "src=10.0.2.2 dst=10.0.1.2 srckey=0xa2 dstkey=0x11 mark=0 use=1");

    conn = make(50, "10.0.1.2", "10.0.2.2", 0, 0, 0);
    check_proc(&conn, "ipv4     2 unknown  50 29 src=10.0.1.2 dst=10.0.2.2 [UNREPLIED] "
                      "src=10.0.2.2 dst=10.0.1.2 mark=0 zone=0 use=2");
}

static void test_ipv6(void **state)
{
    (void)state;
    struct weir_conn conn = make(IPPROTO_TCP, "2001:db8::1", "::ffff:1.2.3.4", 5, 6, 0);
    check_proc(&conn,
               "ipv6     10 tcp      6 29 NONE src=2001:0db8:0000:0000:0000:0000:0000:0001 "
               "dst=0000:0000:0000:0000:0000:ffff:0102:0304 sport=5 dport=6 [UNREPLIED] "
               "src=0000:0000:0000:0000:0000:ffff:0102:0304 "
               "dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=6 dport=5 mark=0 zone=0 use=2");
    check_list(&conn, CONN_TEXT_FAMILY, NULL,
               "ipv6     10 tcp      6 29 NONE src=2001:db8::1 dst=::ffff:1.2.3.4 sport=5 dport=6 "
               "[UNREPLIED] src=::ffff:1.2.3.4 dst=2001:db8::1 sport=6 dport=5 mark=0 use=1");
}

static void test_zones(void **state)
{
    (void)state;
    struct weir_conn conn = make(IPPROTO_UDP, "10.0.0.1", "10.0.0.2", 5, 6, 0);
    conn.zone = 9;
    check_proc(&conn, "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 "
                      "[UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 zone=9 use=2");
    check_list(&conn, 0, NULL,
               "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 [UNREPLIED] "
               "src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 zone=9 use=1");
    conn.zone_dirs = 1 << WEIR_ORIG;
    check_proc(&conn, "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 "
                      "zone-orig=9 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 "
                      "use=2");
    conn.zone_dirs = 1 << WEIR_REPLY;
    conn.parts = WEIR_HAS_COUNTERS;
    conn.packets[WEIR_ORIG] = 1;
    conn.bytes[WEIR_ORIG] = 29;
    check_list(&conn, 0, NULL,
               "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 packets=1 bytes=29 "
               "[UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 zone-reply=9 packets=0 "
               "bytes=0 mark=0 use=1");
}

/* 10.8 s to 12.1 s is one whole second for the kernel, two steps of the clock for conntrack. */
static void test_age(void **state)
{
    (void)state;
    struct weir_conn conn = make(IPPROTO_UDP, "10.0.0.1", "10.0.0.2", 5, 6, 0);
    conn.parts = WEIR_HAS_TIMESTAMP;
    conn.start.ns = 10800000000;
    check_proc(&conn, "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 "
                      "[UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 zone=0 "
                      "delta-time=1 use=2");
    check_list(&conn, CONN_TEXT_KTIMESTAMP, NULL,
               "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 [UNREPLIED] "
               "src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 delta-time=2 "
               "[start=Thu Jan  1 00:00:10 1970] use=1");
    conn.start.ns = 13000000000; /* a clock that ran backwards makes no negative age */
    check_proc(&conn, "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=6 "
                      "[UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=6 dport=5 mark=0 zone=0 "
                      "delta-time=0 use=2");
}

static void test_labels(void **state)
{
    (void)state;
    struct conn_text_labels names = {.names = {[3] = "lab3", [127] = "last"}};
    struct weir_conn conn = make(50, "10.0.0.1", "10.0.0.2", 0, 0, WEIR_S_SEEN_REPLY);
#define LINE "unknown  50 29 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 mark=0 use=1"
    conn.labels[0] = 1 << 3 | 1 << 4;
    conn.labels[15] = 1 << 7;
    check_list(&conn, CONN_TEXT_LABELS, &names, LINE); /* no labels on this entry */
    conn.parts = WEIR_HAS_LABELS;
    check_list(&conn, CONN_TEXT_LABELS, &names, LINE " labels=lab3,last");
    check_list(&conn, CONN_TEXT_LABELS, NULL, LINE);
    check_list(&conn, 0, &names, LINE);
    conn.labels[0] = 1 << 4;
    conn.labels[15] = 0;
    check_list(&conn, CONN_TEXT_LABELS, &names, LINE " labels");
    conn.labels[0] = 0;
    check_list(&conn, CONN_TEXT_LABELS, &names, LINE);
#undef LINE
}

/* Seconds are rounded down, and an entry that is overdue has 0 of them. */
static void test_timeouts(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *shown;
    } rows[] = {{-5, "0"},   {0, "0"},      {999, "0"},
                {1000, "1"}, {29999, "29"}, {8589934592000, "8589934592"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_conn conn = make(50, "10.0.0.1", "10.0.0.2", 0, 0, WEIR_S_SEEN_REPLY);
        char want[160];
        conn.timeout_ms = rows[i].ms;
        snprintf(want, sizeof(want),
                 "unknown  50 %s src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1 mark=0 use=1",
                 rows[i].shown);
        check_list(&conn, 0, NULL, want);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp),       cmocka_unit_test(test_states),
        cmocka_unit_test(test_protocols), cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_zones),     cmocka_unit_test(test_age),
        cmocka_unit_test(test_labels),    cmocka_unit_test(test_timeouts),
    };
    return cmocka_run_group_tests_name("conn_text", tests, NULL, NULL);
}
