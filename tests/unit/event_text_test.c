/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of events. Those expected here were printed by `conntrack -E` 1.4.7 on Linux 6.18.
 */
#include "../../control/event_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define BIT(kind) (1U << (kind))

static struct weir_event make(enum weir_event_type type, uint32_t kinds, uint8_t proto,
                              uint32_t status)
{
    struct weir_event event = {.type = type, .kinds = kinds};
    struct weir_conn *conn = &event.conn;
    struct weir_tuple *orig = &conn->tuple[WEIR_ORIG], *reply = &conn->tuple[WEIR_REPLY];
    *orig = (struct weir_tuple){
        .family = 4, .proto = proto, .src_key = htons(53482), .dst_key = htons(8080)};
    orig->src.v4 = htonl(0x7f000001);
    orig->dst.v4 = htonl(0x7f000002);
    *reply = *orig;
    reply->src = orig->dst;
    reply->dst = orig->src;
    reply->src_key = orig->dst_key;
    reply->dst_key = orig->src_key;
    conn->status = status;
    conn->zone_dirs = 3;
    conn->use = 1;
    conn->id = 3311269093;
    conn->timeout_ms = 120000;
    conn->state = proto == IPPROTO_TCP || proto == IPPROTO_SCTP ? 1 : 0;
    return event;
}

static void check(const struct weir_event *event, unsigned options, const char *want)
{
    struct textbuf text = {0};
    event_text_print(&text, event, options, NULL);
    assert_string_equal(textbuf_string(&text), want);
    textbuf_fini(&text);
}

#define A "src=127.0.0.1 dst=127.0.0.2 sport=53482 dport=8080"
#define B "src=127.0.0.2 dst=127.0.0.1 sport=8080 dport=53482"

static void test_new(void **state)
{
    (void)state;
    struct weir_event event = make(WEIR_EVENT_NEW, BIT(WEIR_EV_NEW) | BIT(WEIR_EV_PROTOINFO),
                                   IPPROTO_TCP, WEIR_S_CONFIRMED);
    check(&event, 0, "    [NEW] tcp      6 120 SYN_SENT " A " [UNREPLIED] " B);
    check(&event, CONN_TEXT_FAMILY | CONN_TEXT_ID,
          "    [NEW] ipv4     2 tcp      6 120 SYN_SENT " A " [UNREPLIED] " B " id=3311269093");
    event = make(WEIR_EVENT_NEW, BIT(WEIR_EV_NEW), IPPROTO_UDP, WEIR_S_CONFIRMED);
    check(&event, 0, "    [NEW] udp      17 120 " A " [UNREPLIED] " B);
    event = make(WEIR_EVENT_NEW, BIT(WEIR_EV_NEW), 50, WEIR_S_CONFIRMED);
    check(&event, 0,
          "    [NEW] unknown  50 120 src=127.0.0.1 dst=127.0.0.2 [UNREPLIED] "
          "src=127.0.0.2 dst=127.0.0.1");
    event = make(WEIR_EVENT_NEW, BIT(WEIR_EV_RELATED), IPPROTO_GRE, WEIR_S_CONFIRMED);
    event.conn.gre.timeout_s = 30; /* shown by /proc only */
    check(&event, 0,
          "    [NEW] gre      47 120 src=127.0.0.1 dst=127.0.0.2 srckey=0xd0ea dstkey=0x1f90 "
          "[UNREPLIED] src=127.0.0.2 dst=127.0.0.1 srckey=0x1f90 dstkey=0xd0ea");
}

static void test_update(void **state)
{
    (void)state;
    struct weir_event event = make(WEIR_EVENT_UPDATE, BIT(WEIR_EV_REPLY) | BIT(WEIR_EV_PROTOINFO),
                                   IPPROTO_TCP, WEIR_S_CONFIRMED | WEIR_S_SEEN_REPLY);
    event.conn.state = WEIR_TCP_SYN_RECV;
    event.conn.timeout_ms = 60000;
    check(&event, 0, " [UPDATE] tcp      6 60 SYN_RECV " A " " B);

    /* An update that is not about the state does not tell it: here, a first reply. */
    event.kinds = BIT(WEIR_EV_REPLY);
    check(&event, 0, " [UPDATE] tcp      6 60 " A " " B);

    /* Counters, times and references are no part of it. */
    event.conn.parts = WEIR_HAS_COUNTERS | WEIR_HAS_TIMESTAMP;
    event.conn.packets[0] = 7;
    event.time.ns = 5000000000;
    check(&event, CONN_TEXT_KTIMESTAMP, " [UPDATE] tcp      6 60 " A " " B);

    event.conn.status |= WEIR_S_ASSURED;
    event.conn.timeout_ms = 0;
    event.kinds = BIT(WEIR_EV_ASSURED);
    check(&event, 0, " [UPDATE] tcp      6 0 " A " " B " [ASSURED]");
}

static void test_mark(void **state)
{
    (void)state;
    struct weir_event event =
        make(WEIR_EVENT_UPDATE, BIT(WEIR_EV_ASSURED), IPPROTO_UDP, WEIR_S_SEEN_REPLY);
    check(&event, 0, " [UPDATE] udp      17 120 " A " " B);
    event.kinds = BIT(WEIR_EV_MARK);
    check(&event, 0, " [UPDATE] udp      17 120 " A " " B " mark=0");
    event.kinds = BIT(WEIR_EV_ASSURED);
    event.conn.mark = 78;
    check(&event, 0, " [UPDATE] udp      17 120 " A " " B " mark=78");
    event.type = WEIR_EVENT_DESTROY;
    event.kinds = BIT(WEIR_EV_DESTROY);
    check(&event, 0, "[DESTROY] udp      17 120 " A " " B " mark=78");
}

static void test_labels(void **state)
{
    (void)state;
    static const struct conn_text_labels names = {.names = {[9] = "nine"}};
    struct textbuf text = {0};
    struct weir_event event =
        make(WEIR_EVENT_UPDATE, BIT(WEIR_EV_LABEL), IPPROTO_UDP, WEIR_S_SEEN_REPLY);
    event.conn.parts = WEIR_HAS_LABELS;
    event.conn.labels[1] = 2;
    event_text_print(&text, &event, CONN_TEXT_LABELS | CONN_TEXT_ID, &names);
    assert_string_equal(textbuf_string(&text),
                        " [UPDATE] udp      17 120 " A " " B " id=3311269093 labels=nine");
    textbuf_clear(&text);
    event.kinds = BIT(WEIR_EV_ASSURED);
    event_text_print(&text, &event, CONN_TEXT_LABELS, &names);
    assert_string_equal(textbuf_string(&text), " [UPDATE] udp      17 120 " A " " B);
    textbuf_fini(&text);
}

static void test_destroy(void **state)
{
    (void)state;
    struct weir_event event = make(WEIR_EVENT_DESTROY, BIT(WEIR_EV_DESTROY), IPPROTO_TCP,
                                   WEIR_S_SEEN_REPLY | WEIR_S_ASSURED | WEIR_S_DYING);
    event.conn.state = WEIR_TCP_TIME_WAIT;
    event.conn.timeout_ms = 119996;
    check(&event, 0, "[DESTROY] tcp      6 119 TIME_WAIT " A " " B " [ASSURED]");
    /* Expired, or with less than a second left: no timeout at all. */
    event.conn.timeout_ms = 0;
    check(&event, 0, "[DESTROY] tcp      6 TIME_WAIT " A " " B " [ASSURED]");
    event.conn.timeout_ms = 999;
    check(&event, 0, "[DESTROY] tcp      6 TIME_WAIT " A " " B " [ASSURED]");
    event.conn.timeout_ms = -4;
    check(&event, 0, "[DESTROY] tcp      6 TIME_WAIT " A " " B " [ASSURED]");

    event.conn.timeout_ms = 0;
    event.conn.parts = WEIR_HAS_COUNTERS | WEIR_HAS_TIMESTAMP;
    event.conn.packets[0] = 5;
    event.conn.bytes[0] = 270;
    event.conn.packets[1] = 4;
    event.conn.bytes[1] = 216;
    event.conn.start.ns = 1795301548676000000;
    event.conn.stop.ns = 1795301550015000000; /* 1.3 s later, but two steps of the clock */
    check(&event, 0,
          "[DESTROY] tcp      6 TIME_WAIT " A " packets=5 bytes=270 " B
          " packets=4 bytes=216 [ASSURED] delta-time=2");
    check(&event, CONN_TEXT_KTIMESTAMP,
          "[DESTROY] tcp      6 TIME_WAIT " A " packets=5 bytes=270 " B
          " packets=4 bytes=216 [ASSURED] delta-time=2 [start=Sat Nov 21 22:52:28 2026] "
          "[stop=Sat Nov 21 22:52:30 2026]");

    event = make(WEIR_EVENT_DESTROY, BIT(WEIR_EV_DESTROY), IPPROTO_SCTP, WEIR_S_DYING);
    event.conn.state = WEIR_SCTP_COOKIE_WAIT;
    event.conn.timeout_ms = 44000;
    event.conn.zone = 9;
    check(&event, 0, "[DESTROY] sctp     132 44 COOKIE_WAIT " A " [UNREPLIED] " B " zone=9");
}

static void test_timestamp(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *shown;
    } rows[] = {
        {1795301470036253999, "[1795301470.036253]\t"},
        {1795301470000000000, "[1795301470.000000]\t"},
        {0, "[0.000000]\t"},
        {999, "[0.000000]\t"},
        {-1, "[-1.999999]\t"},
        {-1000000000, "[-1.000000]\t"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct textbuf text = {0};
        event_text_timestamp(&text, (struct weir_time){rows[i].ns});
        assert_string_equal(textbuf_string(&text), rows[i].shown);
        textbuf_fini(&text);
    }
}

int main(void)
{
    setenv("TZ", "UTC", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new),     cmocka_unit_test(test_update),
        cmocka_unit_test(test_mark),    cmocka_unit_test(test_labels),
        cmocka_unit_test(test_destroy), cmocka_unit_test(test_timestamp),
    };
    return cmocka_run_group_tests_name("event_text", tests, NULL, NULL);
}
