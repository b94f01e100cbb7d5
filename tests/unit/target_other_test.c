/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFQUEUE, TEE, HMARK, SNPT and DNPT, and the targets that can only be kept here: what they do with
 * a packet, and what is said when a ruleset with them is loaded.
 */
#include "made_fixture.h"

#include "hmark_marks.h"

static void at(uint8_t family, enum weir_table table, enum hook hook)
{
    begin(family, table, hook);
    with_host();
    h.source = (union weir_addr){.bytes = {0xfd, 9, 0, 1, [15] = 1}};
}

/* --- verdicts, and notes --- */

static void tcp_segment(uint16_t flags)
{
    struct build b;

    packet_init(&b, w.eval.family, BUILD_TCP, 'A', 'B');
    b.l4.tcp.flags = flags;
    packet(&b);
}

static void test_verdicts(void **state)
{
    static const struct {
        enum weir_table table;
        enum hook hook;
        const char *rule;
        enum rules_verdict verdict;
        enum weir_reason reason;
        bool noted;
    } rows[] = {
        {WEIR_TABLE_FILTER, HOOK_INPUT, "-j NFQUEUE", RULES_DROP, WEIR_R_QUEUE, true},
        {WEIR_TABLE_FILTER, HOOK_INPUT, "-j NFQUEUE --queue-num 5 --queue-bypass", RULES_ACCEPT,
         WEIR_R_NONE, true},
        {WEIR_TABLE_MANGLE, HOOK_PREROUTING, "-p tcp -j TPROXY --on-port 80", RULES_DROP,
         WEIR_R_NONE, true},
        {WEIR_TABLE_MANGLE, HOOK_POSTROUTING, "-j CHECKSUM --checksum-fill", RULES_CONTINUE,
         WEIR_R_NONE, false},
        {WEIR_TABLE_FILTER, HOOK_INPUT, "-j AUDIT --type drop", RULES_CONTINUE, WEIR_R_NONE, true},
        {WEIR_TABLE_FILTER, HOOK_INPUT, "-j IDLETIMER --timeout 1 --label a", RULES_CONTINUE,
         WEIR_R_NONE, true},
        {WEIR_TABLE_FILTER, HOOK_INPUT, "-j LED --led-trigger-id a", RULES_CONTINUE, WEIR_R_NONE,
         true},
        {WEIR_TABLE_SECURITY, HOOK_INPUT, "-j SECMARK --selctx a", RULES_CONTINUE, WEIR_R_NONE,
         true},
        {WEIR_TABLE_MANGLE, HOOK_INPUT, "-j CONNSECMARK --save", RULES_CONTINUE, WEIR_R_NONE, true},
        {WEIR_TABLE_MANGLE, HOOK_INPUT,
         "-j RATEEST --rateest-name a --rateest-interval 1s --rateest-ewmalog 2s", RULES_CONTINUE,
         WEIR_R_NONE, true},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        at(i % 2 ? 6 : 4, rows[i].table, rows[i].hook);
        tcp_segment(BUILD_TCP_SYN);
        uint8_t before[60];

        memcpy(before, w.bytes, w.len);
        assert_int_equal(run(rows[i].rule), rows[i].verdict);
        assert_int_equal(w.eval.reason, rows[i].reason);
        assert_int_equal(w.note[0] != '\0', rows[i].noted);
        assert_memory_equal(w.bytes, before, w.len);
    }
}

/* What Linux takes out of the way, and what it lets pass. */
static void test_synproxy(void **state)
{
    static const struct {
        uint16_t flags;
        enum rules_verdict verdict;
    } rows[] = {
        {BUILD_TCP_SYN, RULES_DROP},
        {BUILD_TCP_SYN | BUILD_TCP_ECE | BUILD_TCP_CWR, RULES_DROP},
        {BUILD_TCP_ACK, RULES_DROP},
        {BUILD_TCP_ACK | BUILD_TCP_PSH, RULES_DROP},
        {BUILD_TCP_ACK | BUILD_TCP_URG, RULES_DROP},
        {BUILD_TCP_SYN | BUILD_TCP_ACK, RULES_CONTINUE},
        {BUILD_TCP_FIN | BUILD_TCP_ACK, RULES_CONTINUE},
        {BUILD_TCP_RST, RULES_CONTINUE},
        {BUILD_TCP_RST | BUILD_TCP_ACK, RULES_CONTINUE},
        {0, RULES_CONTINUE},
        {BUILD_TCP_FIN, RULES_CONTINUE},
        {BUILD_TCP_SYN | BUILD_TCP_FIN, RULES_CONTINUE},
        {BUILD_TCP_SYN | BUILD_TCP_RST, RULES_CONTINUE},
    };
    static const char rule_text[] = "-p tcp -j SYNPROXY --mss 1460";

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        at(4, WEIR_TABLE_FILTER, HOOK_FORWARD);
        tcp_segment(rows[i].flags);
        assert_int_equal(run(rule_text), rows[i].verdict);
        assert_int_equal(w.eval.reason, WEIR_R_NONE);
        assert_non_null(strstr(w.note, "nobody can connect"));
        /* Nothing with a wrong checksum passes. */
        w.bytes[w.len - 1] ^= 1;
        assert_int_equal(run(rule_text), RULES_DROP);
        assert_int_equal(w.eval.reason, WEIR_R_RULE_MALFORMED);
        w.raw.flags = WEIR_PKT_CSUM_OK;
        assert_int_equal(run(rule_text), rows[i].verdict);
    }
    assert_int_equal(h.made, 0);
    at(4, WEIR_TABLE_FILTER, HOOK_FORWARD);
    refused("-p udp -j SYNPROXY", 1, "SYNPROXY needs \"-p tcp\" in the same rule, not negated");
}

/* --- HMARK --- */

static void test_hmark(void **state)
{
    char text[256];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(hmark_marks); i++) {
        const struct hmark_mark *m = &hmark_marks[i];

        at(m->packet[0] == '4' ? 4 : 6, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
        hex_packet(m->packet);
        (void)snprintf(text, sizeof(text), "-j HMARK %s", m->options);
        assert_int_equal(run(text), RULES_CONTINUE);
        if (w.raw.mark != m->mark)
            fail_msg("%s: mark 0x%x and not 0x%x", m->what, w.raw.mark, m->mark);
    }
}

/* An error that quotes too little of a packet is about none; no connection, no mark. */
static void test_hmark_none(void **state)
{
    static const char rule_text[] = "-j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-rnd 1";
    struct build b;

    (void)state;
    for (int i = 0; i < 2; i++)
        for (size_t len = 0; len < (size_t)(i ? 40 : 20); len++) {
            at(i ? 6 : 4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
            packet_init(&b, w.eval.family, BUILD_ICMP, 'A', 'B');
            b.l4.icmp.type = i ? 1 : 3;
            b.data.len = len;
            packet(&b);
            w.raw.mark = 77;
            assert_int_equal(run(rule_text), RULES_CONTINUE);
            assert_int_equal(w.raw.mark, 77);
        }
    at(4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    udp_packet();
    w.raw.mark = 77;
    assert_int_equal(run("-j HMARK --hmark-tuple src,ct --hmark-mod 10 --hmark-rnd 1"),
                     RULES_CONTINUE);
    assert_int_equal(w.raw.mark, 77);
}

/* Of a connection, the two ends as each other sees them: what Linux gave for the packet of "udp",
 * translated from 10.9.1.2:1000 > 10.9.2.77:8080. */
static void test_hmark_conn(void **state)
{
    struct weir_tuple tuple = {.src = {.bytes = {10, 9, 1, 2}},
                               .dst = {.bytes = {10, 9, 2, 77}},
                               .src_key = BE16(1000),
                               .dst_key = BE16(8080),
                               .family = 4,
                               .proto = 17};
    static const char rule_text[] = "-j HMARK --hmark-tuple ct,src,dst,sport,dport "
                                    "--hmark-mod 0xffffffff --hmark-rnd 0xcafe";

    (void)state;
    at(4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    udp_packet();
    tracked();
    CONN->proto = 17;
    conn_set_tuple(CONN, WEIR_ORIG, &tuple);
    struct weir_tuple reply;

    assert_true(tuple_invert(&tuple, &reply));
    conn_set_tuple(CONN, WEIR_REPLY, &reply);
    assert_int_equal(run(rule_text), RULES_CONTINUE);
    assert_int_equal(w.raw.mark, 0x7c3f7954);
    reply.src = (union weir_addr){.bytes = {10, 9, 2, 2}};
    reply.src_key = BE16(80);
    conn_set_tuple(CONN, WEIR_REPLY, &reply);
    assert_int_equal(run(rule_text), RULES_CONTINUE);
    assert_int_equal(w.raw.mark, 0x6602fa0d);
}

static void test_hmark_refused(void **state)
{
    (void)state;
    at(4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    refused("-j HMARK --hmark-mod 2", 2, "--hmark-rnd is mandatory");
    refused("-j HMARK --hmark-tuple src", 2, "--hmark-mod is mandatory");
    refused("-j HMARK --hmark-mod 2 --hmark-rnd 1", 2,
            "you have to specify --hmark-tuple at least");
    refused("-j HMARK --hmark-tuple src,foo --hmark-mod 2 --hmark-rnd 1", 2, "Bad type \"foo\"");
    refused("-j HMARK --hmark-tuple src, --hmark-mod 2 --hmark-rnd 1", 2,
            "\"--hmark-tuple\" requires a list of types with no spaces, e.g. "
            "src,dst,sport,dport,proto");
    refused("-j HMARK --hmark-tuple spi,sport --hmark-mod 2 --hmark-rnd 1", 2,
            "you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time");
    refused("-j HMARK --hmark-tuple src --hmark-src-prefix 24 --hmark-mod 2 --hmark-rnd 1", 2,
            "HMARK: option \"--hmark-src-prefix\" can only be used once.");
}

/* --- SNPT and DNPT --- */

static union weir_addr addr6(const char *text)
{
    union weir_addr addr;

    assert_true(read_addr(6, text, &addr));
    return addr;
}

static void udp6(const char *src, const char *dst)
{
    union weir_addr from = addr6(src), to = addr6(dst);
    struct build b;

    packet_init(&b, 6, BUILD_UDP, 'A', 'B');
    memcpy(b.src.b, &from, 16);
    memcpy(b.dst.b, &to, 16);
    b.data.len = 4;
    packet(&b);
}

static const struct {
    const char *from, *to, *before, *after;
    bool neutral;
} npt_rows[] = {
    /* RFC 6296, appendix A */
    {"fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:1::1234", "2001:db8:1:d550::1234", true},
    {"2001:db8:1::/48", "fd01:203:405::/48", "2001:db8:1:d550::1234", "fd01:203:405:1::1234", true},
    {"fd01:203:405:607::/64", "2001:db8:1234:5678::/64", "fd01:203:405:607:a:b:c:d",
     "2001:db8:1234:5678:72b5:b:c:d", true},
    {"fd01:203:405::/48", "2001:db8::/32", "fd01:203:405:607:a:b:c:d", "2001:db8:0:db57:a:b:c:d",
     true},
    {"fd01:203::/32", "2001:db8:1::/48", "fd01:203:405:607:a:b:c:d", "2001:db8:1:d751:a:b:c:d",
     false},
    {"fd01:203:405::/48", "2001:db8:1::/48", "fd01:203:405:ffff::1234", "2001:db8:1:d54f::1234",
     true},
    {"fd01:203:405:1::/64", "2001:db8:1:2::/64", "fd01:203:405:1:ffff::1234",
     "2001:db8:1:2:ffff:d54e:0:1234", true},
    {"fd01:203:405:1::/64", "2001:db8:1:2::/64", "fd01:203:405:1:ffff:ffff:ffff:1234",
     "2001:db8:1:2:ffff:ffff:ffff:e782", true},
    {"fd01:203:405:1::/64", "2001:db8:1:2::/64", "fd01:203:405:1::", "2001:db8:1:2:d54e::", true},
    {"fd01:203:405:600::/56", "2001:db8:1:200::/56", "fd01:203:405:6ff::1",
     "2001:db8:1:2ff:d94f::1", true},
    {"fd01:203:405::/48", "fd01:203:405::/48", "fd01:203:405:1::1", "fd01:203:405:1::1", true},
    /* The address need not have the prefix. */
    {"fd77::/48", "2001:db8:1::/48", "fd01:203:405:1::1", "2001:db8:1:cfbe::1", false},
    {"8000::/1", "::/1", "fd01:203:405:607:a:b:c:d", "7d01:203:405:8607:a:b:c:d", true},
    {"fd00::/15", "2000::/15", "fd01:203:405:607:a:b:c:d", "2001:203:405:e307:a:b:c:d", true},
    {"fd01::/31", "2001::/31", "fd01:203:405:607:a:b:c:d", "2001:1:405:e307:a:b:c:d", false},
};

static void test_npt(void **state)
{
    char text[128];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(npt_rows); i++)
        for (int source = 0; source < 2; source++) {
            union weir_addr now, expected = addr6(npt_rows[i].after);

            at(6, WEIR_TABLE_MANGLE, source ? HOOK_POSTROUTING : HOOK_PREROUTING);
            if (source)
                udp6(npt_rows[i].before, "fd09:2::2");
            else
                udp6("fd09:2::2", npt_rows[i].before);
            (void)snprintf(text, sizeof(text), "-j %s --src-pfx %s --dst-pfx %s",
                           source ? "SNPT" : "DNPT", npt_rows[i].from, npt_rows[i].to);
            assert_int_equal(hit_rule(text), RULES_CONTINUE);
            now = source ? eval_src(&w.eval) : eval_dst(&w.eval);
            if (memcmp(&now, &expected, 16) != 0)
                fail_msg("row %zu", i);
            assert_int_equal(upper_sum(&w.pkt.ip) == 0xffff, npt_rows[i].neutral);
        }
}

/* Where no word can take the difference, the source is told. */
static void test_npt_no_word(void **state)
{
    static const char rule_text[] =
        "-j DNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx fd01:203:405:1::/64";
    union weir_addr quoted = addr6("fd01:203:405:1:ffff:ffff:ffff:ffff");

    (void)state;
    at(6, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    udp6("fd09:1::2", "2001:db8:1:2:ffff:ffff:ffff:ffff");
    assert_int_equal(hit_rule(rule_text), RULES_DROP);
    assert_int_equal(h.made, 1);
    assert_int_equal(h.kind, MADE_ANSWER);
    assert_int_equal(h.bytes[40], 4);
    assert_int_equal(h.bytes[41], 0);
    assert_int_equal(load_be32(h.bytes + 44), IP6_DST);
    assert_memory_equal(h.bytes + 48 + IP6_DST, &quoted, 16);
}

static void error6(uint8_t type, const char *inner_src, const char *inner_dst, size_t cut)
{
    static uint8_t inner[40 + 12];
    union weir_addr src = addr6("fd09:1::2"), dst = addr6("2001:db8:1:d550::1234");
    struct build b;

    udp6(inner_src, inner_dst);
    memcpy(inner, w.bytes, w.len);
    packet_init(&b, 6, BUILD_ICMP, 'A', 'B');
    memcpy(b.src.b, &src, 16);
    memcpy(b.dst.b, &dst, 16);
    b.l4.icmp.type = type;
    b.data = (struct build_data){.bytes = inner, .len = sizeof(inner) - cut};
    packet(&b);
}

static void test_npt_errors(void **state)
{
    static const char rule_text[] = "-j DNPT --src-pfx 2001:db8:1::/48 --dst-pfx fd01:203:405::/48";
    static const char inside[] = "2001:db8:1:d550::1234", outside[] = "2001:db9:1:d550::1234";
    static const struct {
        uint8_t type;
        const char *src;
        size_t cut;
        bool translated;
    } rows[] = {
        {1, inside, 0, true},    {2, inside, 0, true},    {3, inside, 0, true},
        {4, inside, 0, true},    {0, inside, 0, false},   {5, inside, 0, false},
        {128, inside, 0, false}, {137, inside, 0, false}, {1, outside, 0, false},
        {1, inside, 12, true},   {1, inside, 13, false},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        union weir_addr before = addr6(rows[i].src), after = addr6("fd01:203:405:1::1234");

        at(6, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
        error6(rows[i].type, rows[i].src, inside, rows[i].cut);
        assert_int_equal(hit_rule(rule_text), RULES_CONTINUE);
        assert_memory_equal(w.bytes + IP6_DST, &after, 16);
        assert_memory_equal(w.bytes + 48 + IP6_SRC, rows[i].translated ? &after : &before, 16);
        assert_int_equal(upper_sum(&w.pkt.ip), 0xffff);
        if (!rows[i].cut) {
            /* What was its destination is not this translation's. */
            before = addr6(inside);
            assert_memory_equal(w.bytes + 48 + IP6_DST, &before, 16);
        }
    }
}

static void test_npt_refused(void **state)
{
    static const char prefix[] = "DNPT: a prefix has at most 64 bits, and no bits behind them";

    (void)state;
    at(6, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    refused("-j DNPT --src-pfx fd00::/65 --dst-pfx fd01::/64", 1, prefix);
    refused("-j DNPT --src-pfx fd00:: --dst-pfx fd01::/64", 1, prefix);
    refused("-j DNPT --src-pfx fd00::1/64 --dst-pfx fd01::/64", 1, prefix);
    refused("-j DNPT --src-pfx fd00::/64 --dst-pfx fd01::/0", 1, prefix);
    refused("-j DNPT --src-pfx fd00::/64", 2, "DNPT: option \"--dst-pfx\" must be specified");
    refused("-j SNPT --src-pfx fd00::/64 --dst-pfx fd01::/64", 1,
            "SNPT cannot be used in PREROUTING, from which this rule is reached");
}

/* --- TEE --- */

/* Where the copy is a hop further. */
static void test_tee(void **state)
{
    static const struct {
        enum hook hook;
        uint8_t hops;
    } rows[] = {
        {HOOK_PREROUTING, 63}, {HOOK_INPUT, 63},       {HOOK_FORWARD, 64},
        {HOOK_OUTPUT, 64},     {HOOK_POSTROUTING, 64},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (int v = 4; v <= 6; v += 2) {
            union weir_addr gateway = {.bytes = {10, 0, 0, 99}};
            uint8_t expected[60];

            at((uint8_t)v, WEIR_TABLE_MANGLE, rows[i].hook);
            udp_packet();
            w.bytes[v == 4 ? IP4_TTL : IP6_HOPS] = 64;
            if (v == 4) {
                store_raw16(w.bytes + IP4_CHECKSUM, 0);
                store_raw16(w.bytes + IP4_CHECKSUM,
                            (uint16_t)~checksum_fold(checksum_add(0, w.bytes, 20)));
            } else {
                gateway = addr6("fd99::63");
            }
            memcpy(expected, w.bytes, w.len);
            expected[v == 4 ? IP4_TTL : IP6_HOPS] = rows[i].hops;
            assert_int_equal(hit_rule(v == 4 ? "-j TEE --gateway 10.0.0.99 --oif eth1"
                                             : "-j TEE --gateway fd99::63 --oif eth1"),
                             RULES_CONTINUE);
            assert_int_equal(h.made, 1);
            assert_int_equal(h.kind, MADE_COPY);
            assert_memory_equal(&h.gateway, &gateway, 16);
            assert_string_equal(h.out, "eth1");
            assert_int_equal(h.made_len, w.len);
            if (v == 4) {
                assert_ip4_sum(h.bytes);
                assert_int_equal(load_be16(h.bytes + IP4_FRAGMENT), IP4_DF);
                memcpy(expected + IP4_FRAGMENT, h.bytes + IP4_FRAGMENT, 2);
                memcpy(expected + IP4_CHECKSUM, h.bytes + IP4_CHECKSUM, 2);
            }
            assert_memory_equal(h.bytes, expected, w.len);
            /* The packet itself stays as it is. */
            assert_int_equal(w.bytes[v == 4 ? IP4_TTL : IP6_HOPS], 64);
        }
}

static void hit_again(void)
{
    assert_int_equal(hit(), RULES_CONTINUE);
}

/* Copies are not copied, nor is anything that is made while one is on its way. */
static void test_tee_once(void **state)
{
    (void)state;
    at(4, WEIR_TABLE_MANGLE, HOOK_FORWARD);
    udp_packet();
    w.pkt.copied = true;
    assert_int_equal(hit_rule("-j TEE --gateway 10.0.0.99"), RULES_CONTINUE);
    assert_int_equal(h.made, 0);
    udp_packet();
    h.on_made = hit_again;
    set_rule("-j TEE --gateway 10.0.0.99");
    assert_int_equal(hit(), RULES_CONTINUE);
    assert_int_equal(h.made, 1);
    assert_int_equal(hit(), RULES_CONTINUE);
    assert_int_equal(h.made, 2);
    unset_rule();
    assert_string_equal(h.out, "");
}

static void test_tee_longest(void **state)
{
    static uint8_t bytes[UINT16_MAX + IP6_SIZE];

    (void)state;
    at(6, WEIR_TABLE_MANGLE, HOOK_FORWARD);
    memcpy(bytes, (uint8_t[]){0x60, 0, 0, 0, 0xff, 0xff, PROTO_UDP, 64}, 8);
    bytes[sizeof(bytes) - 1] = 7;
    bytes_packet(bytes, sizeof(bytes));
    assert_int_equal(hit_rule("-j TEE --gateway fd99::63"), RULES_CONTINUE);
    assert_int_equal(h.made_len, sizeof(bytes));
    assert_memory_equal(h.bytes, bytes, sizeof(bytes));
}

/* --- reading --- */

static void keep_text(void *ctx, const char *bytes, size_t len)
{
    size_t have = strlen(ctx);

    assert_true(have + len < 1024);
    memcpy((char *)ctx + have, bytes, len);
    ((char *)ctx)[have + len] = '\0';
}

/* The rule as it is saved. */
static void assert_saved(const char *text, const char *expected)
{
    char saved[1024] = "";
    struct weir_rules *rules = read_rule(text);

    if (!rules)
        fail_msg("%s: %s", text, w.error.message);
    weir_rules_print(rules, 0, NULL, keep_text, saved);
    weir_rules_free(rules);
    const char *line = strstr(saved, "-A ");

    assert_non_null(line);
    line = strstr(line, "-j ");
    assert_non_null(line);
    if (strncmp(line, expected, strlen(expected)) != 0 || line[strlen(expected)] != '\n')
        fail_msg("%s is saved as %s", text, line);
}

static void test_saved(void **state)
{
    (void)state;
    at(4, WEIR_TABLE_FILTER, HOOK_INPUT);
    assert_saved("-j LED --led-trigger-id foo --led-delay INF --led-always-blink",
                 "-j LED --led-trigger-id \"foo\" --led-delay inf --led-always-blink");
    assert_saved("-j AUDIT --type ACCEPT", "-j AUDIT --type accept");
    assert_saved("-j NFQUEUE --queue-balance :3", "-j NFQUEUE --queue-balance 0:3");
    at(4, WEIR_TABLE_SECURITY, HOOK_INPUT);
    assert_saved("-j SECMARK --selctx system_u:object_r:x:s0",
                 "-j SECMARK --selctx system_u:object_r:x:s0");
}

/* Times as typed, and the powers of two that are kept of them. */
static void test_rateest(void **state)
{
    static const struct {
        const char *interval, *average, *saved_interval, *saved_average;
    } rows[] = {
        {"250ms", "500ms", "250.0ms", "500.0ms"},
        {"1s", "2s", "1.0s", "2.0s"},
        {"10ms", "500ms", "250.0ms", "8.0s"},
        {"500ms", "1s", "500.0ms", "1.0s"},
        {"500ms", "4s", "500.0ms", "4.0s"},
        {"300ms", "600ms", "500.0ms", "1.0s"},
        {"250ms", "60s", "250.0ms", "32.0s"},
        {"250ms", "361ms", "250.0ms", "500.0ms"},
        {"250", "500", "250.0ms", "500.0ms"},
        {"0.25s", "0.5SECS", "250.0ms", "500.0ms"},
        {"250000us", "500000usecs", "250.0ms", "500.0ms"},
    };
    char text[160], saved[160];

    (void)state;
    at(4, WEIR_TABLE_MANGLE, HOOK_INPUT);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        (void)snprintf(text, sizeof(text),
                       "-j RATEEST --rateest-name R1 --rateest-interval %s --rateest-ewmalog %s",
                       rows[i].interval, rows[i].average);
        (void)snprintf(saved, sizeof(saved),
                       "-j RATEEST --rateest-name R1 --rateest-interval %s --rateest-ewmalog %s",
                       rows[i].saved_interval, rows[i].saved_average);
        assert_saved(text, saved);
    }
#define RATEEST "-j RATEEST --rateest-name R1 --rateest-interval "
    refused(RATEEST "250ms --rateest-ewmalog 360ms", 2, "RATEEST: ewmalog value is out of range");
    refused(RATEEST "0 --rateest-ewmalog 500ms", 2, "RATEEST: ewmalog value is out of range");
    refused(RATEEST "1s", 2, "RATEEST: ewmalog value is out of range");
    refused(RATEEST "9s --rateest-ewmalog 500ms", 2, "RATEEST: interval value is too large");
    refused(RATEEST "1min --rateest-ewmalog 2s", 2, "RATEEST: bad interval value \"1min\"");
    refused(RATEEST "1s --rateest-ewmalog 5000s", 2, "RATEEST: bad ewmalog value \"5000s\"");
    refused(RATEEST "99999999999999999999s --rateest-ewmalog 2s", 2,
            "RATEEST: bad interval value \"99999999999999999999s\"");
}

static void test_refused(void **state)
{
    (void)state;
    at(4, WEIR_TABLE_FILTER, HOOK_INPUT);
    refused("-j NFQUEUE --queue-balance 3", 2, "Bad range \"3\"");
    refused("-j NFQUEUE --queue-balance 3:3", 2, "3 should be less than 3");
    refused("-j NFQUEUE --queue-balance 0:65535", 1,
            "NFQUEUE: at most 65535 queues can be balanced");
    refused("-j TEE --gateway 0.0.0.0", 1, "TEE: the gateway must be an address, not 0.0.0.0");
    refused("-j TEE --gateway 10.0.0.0/8", 2, "getaddrinfo: Name or service not known");
    refused("-j IDLETIMER --timeout 0 --label a", 1,
            "IDLETIMER: the timeout must be from 1 to 2147483 seconds");
    refused("-j IDLETIMER --timeout 1 --label a/b", 1,
            "IDLETIMER: the label must not be empty, nor contain '/'");
    refused("-j AUDIT --type acc", 2, "Bad action type value \"acc\"");
    refused("-j LED --led-trigger-id 12345678901234567", 2,
            "Argument must have a maximum length of 16 characters");
    refused("-j LED --led-trigger-id a --led-delay x", 2,
            "Delay value must be within range 0..4294967295");
    at(4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    refused("-j CONNSECMARK", 2, "CONNSECMARK target: parameter required");
    refused("-j TPROXY --on-port 1", 1,
            "TPROXY needs \"-p tcp\" or \"-p udp\" in the same rule, not negated");
    refused("-p tcp -j TPROXY --on-port 65536", 2, "invalid port/service `65536' specified");
    refused("-p tcp -j TPROXY --on-port 1 --tproxy-mark x", 2,
            "TPROXY: bad integer value for option \"--tproxy-mark\", or out of range.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_verdicts),    TARGET_TEST(test_synproxy),
        TARGET_TEST(test_hmark),       TARGET_TEST(test_hmark_none),
        TARGET_TEST(test_hmark_conn),  TARGET_TEST(test_hmark_refused),
        TARGET_TEST(test_npt),         TARGET_TEST(test_npt_no_word),
        TARGET_TEST(test_npt_errors),  TARGET_TEST(test_npt_refused),
        TARGET_TEST(test_tee),         TARGET_TEST(test_tee_once),
        TARGET_TEST(test_tee_longest), TARGET_TEST(test_saved),
        TARGET_TEST(test_rateest),     TARGET_TEST(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
