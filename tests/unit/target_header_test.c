/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TTL, HL, DSCP, TOS and ECN: each packet must become, byte for byte, the one that was meant, with
 * its checksums right. What is expected of ECN, and of sums at their ends, is what a Linux 6.18
 * makes of the same packets.
 */
#include "target_fixture.h"

enum { SYN = BUILD_TCP_SYN, ECE = BUILD_TCP_ECE, CWR = BUILD_TCP_CWR };

static struct build before, after;

static void begin_mangle(uint8_t family, enum build_kind kind)
{
    begin(family, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    packet_init(&before, family, kind, 'A', 'B');
    before.data.len = 5;
}

/* The rule makes `after` of `before`. */
static void becomes(const char *rule)
{
    static uint8_t expected[BUILD_PACKET_MAX];

    packet(&before);
    assert_int_equal(run(rule), RULES_CONTINUE);
    assert_int_equal(build_make(&after, expected, sizeof(expected)), w.len);
    assert_memory_equal(w.bytes, expected, w.len);
}

static void test_ttl(void **state)
{
    static const struct {
        uint8_t before;
        const char *what;
        uint8_t after;
    } rows[] = {
        {64, "set 0", 0},     {64, "set 255", 255}, {0, "set 64", 64},    {64, "dec 1", 63},
        {64, "dec 63", 1},    {64, "dec 64", 0},    {64, "dec 65", 0},    {64, "dec 255", 0},
        {0, "dec 1", 0},      {64, "inc 1", 65},    {64, "inc 190", 254}, {64, "inc 191", 255},
        {64, "inc 192", 255}, {64, "inc 255", 255}, {255, "inc 1", 255},  {0, "inc 255", 255},
    };
    char rule[40];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (uint8_t family = 4; family <= 6; family += 2) {
            begin_mangle(family, BUILD_UDP);
            before.ttl = rows[i].before;
            after = before;
            after.ttl = rows[i].after;
            (void)snprintf(rule, sizeof(rule), family == 4 ? "-j TTL --ttl-%s" : "-j HL --hl-%s",
                           rows[i].what);
            becomes(rule);
        }
}

static void test_tos(void **state)
{
    static const struct {
        const char *rule;
        uint8_t before, after;
    } rows[] = {
        {"-j TOS --set-tos 0x10", 0x5a, 0x10},
        {"-j TOS --set-tos 0x10/0xf0", 0x5a, 0x1a},
        {"-j TOS --set-tos 0xff/0x0f", 0x5a, 0xaf}, /* beyond its mask a value inverts */
        {"-j TOS --set-tos Minimize-Delay", 0xda, 0xd0},
        {"-j TOS --and-tos 0x0f", 0x5a, 0x0a},
        {"-j TOS --or-tos 0x0f", 0x5a, 0x5f},
        {"-j TOS --xor-tos 0xff", 0x5a, 0xa5},
        {"-j DSCP --set-dscp 46", 0x5a, 0xba},
        {"-j DSCP --set-dscp 0", 0x5b, 0x03},
        {"-j DSCP --set-dscp-class EF", 0x01, 0xb9},
        {"-j DSCP --set-dscp-class cs7", 0xff, 0xe3},
        {"-j DSCP --set-dscp-class AF43", 0x00, 0x98},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (uint8_t family = 4; family <= 6; family += 2) {
            begin_mangle(family, BUILD_TCP);
            before.ip6.flow = 0xabcde;
            before.tos = rows[i].before;
            after = before;
            after.tos = rows[i].after;
            becomes(rows[i].rule);
        }
}

static void test_ecn_tcp(void **state)
{
    static const struct {
        const char *options;
        uint16_t mask, flags;
    } rows[] = {
        {"--ecn-tcp-remove", ECE | CWR, 0},
        {"--ecn-tcp-ece 1", ECE, ECE},
        {"--ecn-tcp-ece 0", ECE, 0},
        {"--ecn-tcp-cwr 1", CWR, CWR},
        {"--ecn-tcp-cwr 0", CWR, 0},
        {"--ecn-tcp-ece 1 --ecn-tcp-cwr 0", ECE | CWR, ECE},
        {"--ecn-tcp-ece 1 --ecn-tcp-cwr 1", ECE | CWR, ECE | CWR},
        {"--ecn-ip-ect 3", 0, 0},
    };
    char rule[80];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (uint16_t flags = 0; flags <= BUILD_TCP_FLAGS_ALL; flags += 0x41) {
            begin_mangle(4, BUILD_TCP);
            before.ip4.opt_len = 4;
            before.l4.tcp.flags = flags;
            after = before;
            after.l4.tcp.flags = (uint16_t)((flags & ~rows[i].mask) | rows[i].flags);
            after.tos = rows[i].mask ? 0 : 3;
            (void)snprintf(rule, sizeof(rule), "-p tcp -j ECN %s", rows[i].options);
            becomes(rule);
        }
}

static void test_ecn_ip(void **state)
{
    char rule[60];

    (void)state;
    for (uint8_t ect = 0; ect <= 3; ect++)
        for (unsigned tos = 0; tos <= 0xff; tos += 5) {
            begin_mangle(4, BUILD_UDP);
            before.tos = (uint8_t)tos;
            after = before;
            after.tos = (uint8_t)((tos & 0xfc) | ect);
            (void)snprintf(rule, sizeof(rule), "-j ECN --ecn-ip-ect %u", ect);
            becomes(rule);
        }
    begin_mangle(4, BUILD_TCP);
    before.l4.tcp.flags = SYN | ECE | CWR;
    before.tos = 0xff;
    after = before;
    after.l4.tcp.flags = SYN;
    after.tos = 0xfe;
    becomes("-p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 2");
}

/* A packet that never had a TCP header is dropped; one that a capture cut is let pass. */
static void test_ecn_short(void **state)
{
    (void)state;
    begin_mangle(4, BUILD_TCP);
    before.keep = 19;
    packet(&before);
    assert_int_equal(run("-p tcp -j ECN --ecn-tcp-remove"), RULES_DROP);
    assert_int_equal(w.eval.reason, WEIR_R_RULE_MALFORMED);
    packet(&before);
    assert_int_equal(run("-p tcp -j ECN --ecn-ip-ect 1"), RULES_CONTINUE);
    assert_int_equal(w.bytes[1], 1);

    begin_mangle(4, BUILD_TCP);
    before.l4.tcp.flags = SYN | ECE | CWR;
    before.cut = 20 + 19;
    after = before;
    packet(&before);
    assert_true(w.pkt.ip.cut);
    becomes("-p tcp -j ECN --ecn-tcp-remove");
}

/* What looks like flags in a later fragment is somebody's data. */
static void test_ecn_fragment(void **state)
{
    (void)state;
    begin_mangle(4, BUILD_RAW);
    before.proto = BUILD_PROTO_TCP;
    before.ip4.off = 100;
    before.data.bytes =
        (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                         "\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    before.data.len = 24;
    after = before;
    becomes("-p tcp -j ECN --ecn-tcp-remove");
}

/* Of a datagram that came in pieces, it is known how far it was rewritten. */
static void test_gathered(void **state)
{
    (void)state;
    begin_mangle(4, BUILD_TCP);
    before.l4.tcp.flags = SYN | ECE;
    packet(&before);
    w.pkt.gathered = true;
    (void)run("-p tcp -j ECN --ecn-tcp-ece 1");
    assert_int_equal(w.pkt.layout.contiguous, 0);
    (void)run("-j TTL --ttl-set 5");
    assert_int_equal(w.pkt.layout.contiguous, 20);
    (void)run("-p tcp -j ECN --ecn-tcp-remove");
    assert_int_equal(w.pkt.layout.contiguous, 40);
}

static void test_bad(void **state)
{
    (void)state;
    begin_mangle(4, BUILD_TCP);
    refused("-j ECN --ecn-tcp-remove", 1, "ECN needs \"-p tcp\" in the same rule, not negated");
    refused("! -p tcp -j ECN --ecn-tcp-cwr 0", 1,
            "ECN needs \"-p tcp\" in the same rule, not negated");
    refused("-p tcp -j ECN", 2, "ECN target: An operation is required");
    refused("-j TOS --set-tos 0x10x", 2, "Illegal value: \"0x10x\"");
    refused("-j TOS --set-tos 0x10/", 2, "Illegal value: \"0x10/\"");
    refused("-j TOS --set-tos 0x10/0x100", 2, "Illegal value: \"0x10/0x100\"");
    refused("-j TOS --set-tos 0x100", 2, "Symbolic name \"0x100\" is unknown");
    refused("-j DSCP --set-dscp-class AF44", 2, "Invalid DSCP value `AF44'");
    refused("-j DSCP --set-dscp-class CS", 2, "Invalid DSCP value `CS'");
    refused("-j TTL", 2, "TTL: You must specify an action");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_ttl),      TARGET_TEST(test_tos),       TARGET_TEST(test_ecn_tcp),
        TARGET_TEST(test_ecn_ip),   TARGET_TEST(test_ecn_short), TARGET_TEST(test_ecn_fragment),
        TARGET_TEST(test_gathered), TARGET_TEST(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
