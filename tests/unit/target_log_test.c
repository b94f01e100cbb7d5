/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LOG, TRACE and NFLOG: the lines of Linux 6.18, for packets of all kinds, whole and broken.
 */
#include "made_fixture.h"
#include "rules/log.h"

#include "log_lines.h"

static const uint8_t link[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};

static void came_in(uint8_t family)
{
    begin(family, WEIR_TABLE_FILTER, HOOK_INPUT);
    with_host();
    w.eval.in = "r0";
    w.eval.in_iface = 1;
    w.raw.link = link;
    w.raw.link_len = sizeof(link);
    w.raw.link_type = 1;
}

static void assert_line(const char *expected)
{
    assert_string_equal(h.line, expected);
}

/* --- what Linux was seen to write --- */

static void check_line(const struct log_line *l, const char *expected, uint8_t flags)
{
    static const char head[] = "IN=r0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 ";
    char line[LOG_LINE_MAX + 1];
    struct text out;

    came_in(l->packet[0] == '4' ? 4 : 6);
    hex_packet(l->packet);
    text_into(&out, line, sizeof(line));
    log_text(&out, &w.eval, flags);
    if (strncmp(line, head, strlen(head)) != 0 || strcmp(line + strlen(head), expected) != 0)
        fail_msg("%s:\n%s\nand not\n%s%s", l->what, line, head, expected);
}

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(log_lines); i++) {
        const struct log_line *l = &log_lines[i];

        check_line(l, l->plain, 0);
        check_line(l, l->all ? l->all : l->plain,
                   LOG_TCP_SEQUENCE | LOG_TCP_OPTIONS | LOG_IP_OPTIONS | LOG_UID);
    }
}

/* Some ends of a packet keep the mark from being told. */
static void test_mark(void **state)
{
    static const struct {
        const char *packet, *tail;
        bool marked;
    } rows[] = {
        {"45000014000100004063000000000000ffffffff", "PROTO=99 ", true},
        {"450000170001000040110000000000000000000061626300", "PROTO=UDP INCOMPLETE [3 bytes] ",
         false},
        {"4500001700010000400600000000000000000000616263", "PROTO=TCP INCOMPLETE [3 bytes] ",
         false},
        {"4500001700010000400100000000000000000000616263", "PROTO=ICMP INCOMPLETE [3 bytes] ",
         true},
        {"4500001700010000403200000000000000000000616263", "PROTO=ESP INCOMPLETE [3 bytes] ", true},
        {"4500001700010000403300000000000000000000616263", "PROTO=AH INCOMPLETE [3 bytes] ", true},
        {"4500001700010003401100000000000000000000616263", "PROTO=UDP ", true},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        size_t len = from_hex(rows[i].packet, bytes, sizeof(bytes));
        const char *tail;

        store_raw16(bytes + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, bytes, 20)));
        came_in(4);
        w.raw.mark = 0x1f;
        bytes_packet(bytes, len);
        assert_int_equal(run("-j LOG"), RULES_CONTINUE);
        tail = strstr(h.line, "PROTO=");
        assert_non_null(tail);
        assert_true(strncmp(tail, rows[i].tail, strlen(rows[i].tail)) == 0);
        assert_string_equal(tail + strlen(rows[i].tail), rows[i].marked ? "MARK=0x1f " : "");
    }
}

/* Extension headers without end: the line is cut where Linux cuts it. */
static void test_long(void **state)
{
    static uint8_t bytes[40 + 150 * 8 + 12];
    static const char tail[] = "OPT ( ) OPT ( )";
    size_t len = sizeof(bytes), end;

    (void)state;
    memset(bytes, 0, len);
    memcpy(bytes,
           (uint8_t[]){0x60, 0, 0, 0, (uint8_t)((len - 40) >> 8), (uint8_t)(len - 40), 60, 64}, 8);
    for (size_t i = 0; i < 150; i++)
        bytes[40 + i * 8] = i < 149 ? PROTO_DSTOPTS : PROTO_UDP;
    came_in(6);
    bytes_packet(bytes, len);
    assert_int_equal(run("-j LOG --log-ip-options --log-prefix \"a \" --log-macdecode"),
                     RULES_CONTINUE);
    end = strlen(h.line);
    assert_int_equal(end, LOG_LINE_MAX);
    assert_string_equal(h.line + end - strlen(tail), tail);
}

/* --- the link --- */

static void log_udp(const char *rule_text)
{
    w.pkt.raw = &w.raw;
    hex_packet("45000020000100003f1164b70a0901020a09020200050063000c239261626364");
    assert_int_equal(run(rule_text), RULES_CONTINUE);
    assert_int_equal(h.said_kind, WEIR_MSG_LOG);
}

#define UDP_LINE                                                                              \
    "SRC=10.9.1.2 DST=10.9.2.2 LEN=32 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=UDP SPT=5 DPT=99 " \
    "LEN=12 "

static void test_link(void **state)
{
    static const uint8_t tagged[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0x2f, 0xff, 8, 0};

    (void)state;
    came_in(4);
    log_udp("-j LOG --log-macdecode");
    assert_line(
        "IN=r0 OUT= MACSRC=02:00:00:00:00:02 MACDST=02:00:00:00:00:01 MACPROTO=0800 " UDP_LINE);
    w.raw.link = tagged;
    w.raw.link_len = sizeof(tagged);
    log_udp("-j LOG --log-macdecode");
    assert_line("IN=r0 OUT= MACSRC=02:00:00:00:00:02 MACDST=02:00:00:00:00:01 VPROTO=8100 "
                "VID=4095 MACPROTO=0800 " UDP_LINE);
    /* What is no Ethernet header cannot be decoded. */
    w.raw.link = link;
    w.raw.link_len = 13;
    log_udp("-j LOG --log-macdecode");
    assert_line("IN=r0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08 " UDP_LINE);
    w.raw.link_len = sizeof(link);
    w.raw.link_type = 512;
    log_udp("-j LOG --log-macdecode");
    assert_line("IN=r0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 " UDP_LINE);
    w.raw.link = NULL;
    log_udp("-j LOG");
    assert_line("IN=r0 OUT= MAC= " UDP_LINE);
    w.eval.out = "r1";
    log_udp("-j LOG --log-prefix FWD:");
    assert_line("FWD:IN=r0 OUT=r1 MAC= " UDP_LINE);
    /* The loopback device has an interface of no number. */
    w.eval.in = "lo";
    w.eval.in_iface = 0;
    w.eval.out = "";
    log_udp("-j LOG");
    assert_line("IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:08:00 " UDP_LINE);
}

/* --- sending --- */

/* A packet from here has no link part, though the caller's struct may name one. */
static void test_out(void **state)
{
    (void)state;
    came_in(4);
    w.eval.in = "";
    w.eval.out = "r0";
    log_udp("-j LOG --log-prefix \"OUT \" --log-uid");
    assert_line("OUT IN= OUT=r0 " UDP_LINE);
}

static void test_prefix(void **state)
{
    (void)state;
    came_in(4);
    log_udp("-j LOG --log-prefix 123456789012345678901234567890");
    assert_int_equal(strncmp(h.line, "12345678901234567890123456789IN=", 32), 0);
    refused("-j LOG --log-prefix \"\"", 2, "Argument must have a minimum length of 1 characters");
    refused("-j LOG --log-level err", 2, "log level \"err\" unknown");
    refused("-j LOG --log-level 8", 2, "log level \"8\" unknown");
}

static void test_nobody_listens(void **state)
{
    (void)state;
    came_in(4);
    w.track.host.message = NULL;
    udp_packet();
    assert_int_equal(run("-j LOG"), RULES_CONTINUE);
    assert_int_equal(run("-j NFLOG"), RULES_CONTINUE);
    log_trace(&w.eval, "filter", "INPUT", "rule", 1);
    assert_int_equal(h.said, 0);
}

static void test_nflog(void **state)
{
    (void)state;
    came_in(4);
    udp_packet();
    assert_int_equal(run("-j NFLOG --nflog-prefix \"sampled drop\" --nflog-group 5"),
                     RULES_CONTINUE);
    assert_int_equal(h.said_kind, WEIR_MSG_NFLOG);
    assert_line("group 5: sampled drop");
    assert_int_equal(run("-j NFLOG"), RULES_CONTINUE);
    assert_line("group 0: ");
    assert_int_equal(
        run("-j NFLOG --nflog-group 65535 --nflog-prefix "
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        RULES_CONTINUE);
    assert_line("group 65535: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    assert_int_equal(run("-j NFLOG --nflog-range 5"), RULES_CONTINUE);
    assert_non_null(strstr(w.note, "--nflog-size"));
}

static void test_trace(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_RAW, HOOK_PREROUTING);
    with_host();
    w.eval.in = "r0";
    w.eval.in_iface = 1;
    hex_packet(
        "4500003000010000400663b20a0901020a0902029c400050ee6b280000000005700220009a0100000204"
        "05b401030307");
    assert_false(w.pkt.traced);
    assert_int_equal(run("-j TRACE"), RULES_CONTINUE);
    assert_true(w.pkt.traced);
    assert_int_equal(h.said, 0);
    log_trace(&w.eval, "raw", "PREROUTING", "policy", 2);
    assert_int_equal(h.said_kind, WEIR_MSG_TRACE);
    assert_line("TRACE: raw:PREROUTING:policy:2 IN=r0 OUT= MAC= SRC=10.9.1.2 DST=10.9.2.2 LEN=48 "
                "TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP SPT=40000 DPT=80 SEQ=4000000000 ACK=5 "
                "WINDOW=8192 RES=0x00 SYN URGP=0 OPT (020405B401030307) ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_lines), TARGET_TEST(test_mark),
        TARGET_TEST(test_long),  TARGET_TEST(test_link),
        TARGET_TEST(test_out),   TARGET_TEST(test_prefix),
        TARGET_TEST(test_nflog), TARGET_TEST(test_nobody_listens),
        TARGET_TEST(test_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
