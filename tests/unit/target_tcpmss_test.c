/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCPMSS and TCPOPTSTRIP: what Linux 6.18 was seen to make of a SYN's options, with checksums that
 * are right afterwards.
 */
#include "made_fixture.h"

static uint8_t room[WORLD_ROOM];

static void forward(uint8_t family)
{
    begin(family, WEIR_TABLE_MANGLE, HOOK_FORWARD);
    with_host();
    w.world.room = room;
}

static struct build b;

/* A segment with these options, to be changed before it is given. */
static void segment(const char *options, size_t data)
{
    uint8_t bytes[40];

    packet_init(&b, w.eval.family, BUILD_TCP, 'A', 'B');
    b.l4.tcp.sport = 1000;
    b.l4.tcp.dport = 80;
    b.l4.tcp.flags = BUILD_TCP_SYN;
    b.l4.tcp.seq = 77;
    b.l4.tcp.win = 1000;
    b.data.len = data;
    assert_true(build_tcp_raw(&b.l4.tcp, bytes, from_hex(options, bytes, sizeof(bytes))));
}

#define SYN_RULE(target) "-p tcp -m tcp --syn -j " target

/* The options that the packet has now; also, that its lengths and sums are right. */
static void assert_options(const char *what, const char *expected)
{
    const struct parsed *ip = &w.pkt.ip;
    const uint8_t *tcp = ip->ip + ip->l4_off;
    uint32_t size = (tcp[TCP_OFFSET] >> 4) * 4u;
    char hex[100] = "";
    struct parsed again;

    assert_int_equal(parse_ip(&again, ip->ip, ip->have, ip->have), WEIR_R_NONE);
    assert_int_equal(again.l3_len, ip->l3_len);
    assert_int_equal(upper_sum(&again), 0xffff);
    for (uint32_t i = TCP_MIN; i < size; i++)
        (void)snprintf(hex + 2 * (i - TCP_MIN), 3, "%02x", tcp[i]);
    if (strcmp(hex, expected) != 0)
        fail_msg("%s: options are %s and not %s", what, hex, expected);
}

/* --- TCPMSS --- */

static const struct {
    const char *what, *before;
    size_t data;
    const char *after;
} mss_rows[] = {
    {"higher", "020405b4", 0, "02040514"},
    {"lower", "020403e8", 0, "020403e8"},
    {"equal", "02040514", 0, "02040514"},
    {"zero", "02040000", 0, "02040000"},
    {"with data", "020405b4", 2, "02040514"},
    {"none", "", 0, "02040218"},
    {"none, but others", "01030307", 0, "0204021801030307"},
    {"none, with data", "", 2, ""},
    {"full header", "01*40.", 0,
     "01010101010101010101010101010101010101010101010101010101010101010101010101010101"},
    {"nearly full header", "01*36.", 0,
     "02040218010101010101010101010101010101010101010101010101010101010101010101010101"},
    {"behind the end of the list", "00010101020405b4", 0, "0001010102040514"},
    {"of length 3", "02030501", 0, "0204021802030501"},
    {"of length 5", "020505b400010101", 0, "02040218020505b400010101"},
    {"behind an option of length 0", "07000101020405b4", 0, "0700010102040514"},
    {"behind an option of length 1", "07010101020405b4", 0, "0701010102040514"},
    {"cut off by the header's end", "01010204", 0, "0204021801010204"},
    {"twice", "020405b4020405b4", 0, "02040514020405b4"},
    {"inside another option", "fd06020405b40101", 0, "02040218fd06020405b40101"},
    /* Linux leaves a wrong checksum here. */
    {"at an odd offset", "01020405b4010101", 0, "0102040514010101"},
};

static void test_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(mss_rows); i++) {
        forward(4);
        segment(mss_rows[i].before, mss_rows[i].data);
        packet(&b);
        assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
        assert_options(mss_rows[i].what, mss_rows[i].after);
        assert_int_equal(w.pkt.ip.l3_len, w.pkt.ip.have);
    }
}

/* A new option says no more than what its absence says. */
static void test_default(void **state)
{
    static const struct {
        uint8_t family;
        const char *rule, *after;
    } rows[] = {
        {4, SYN_RULE("TCPMSS --set-mss 400"), "02040190"},
        {4, SYN_RULE("TCPMSS --set-mss 65515"), "02040218"},
        {6, SYN_RULE("TCPMSS --set-mss 400"), "02040190"},
        {6, SYN_RULE("TCPMSS --set-mss 65495"), "020404c4"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        forward(rows[i].family);
        segment("", 0);
        packet(&b);
        assert_int_equal(run(rows[i].rule), RULES_CONTINUE);
        assert_options(rows[i].rule, rows[i].after);
    }
}

/* Behind extension headers, and in an IPv4 header with options, all lengths follow. */
static void test_grown(void **state)
{
    static const uint8_t padding[6] = {1, 4};

    (void)state;
    forward(6);
    segment("", 0);
    assert_true(build_ext_add(&b, BUILD_PROTO_DSTOPT, padding, sizeof(padding)));
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
    assert_options("destination options", "020404c4");
    assert_int_equal(w.pkt.ip.l3_len, 40 + 8 + 24);
    assert_true(w.pkt.moved);

    forward(4);
    segment("", 0);
    b.ip4.opt_len = 4;
    memcpy(b.ip4.opt, "\x94\x04\0\0", 4);
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
    assert_options("IP options", "02040218");
    assert_int_equal(w.pkt.ip.l3_len, 24 + 24);
    assert_ip4_sum(w.pkt.ip.ip);
}

/* What is wrong before is wrong afterwards, by as much. */
static void test_wrong_sum(void **state)
{
    static const char *const options[] = {"020405b4", "", "01020405b4010101"};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(options); i++) {
        forward(4);
        segment(options[i], 0);
        b.l4.tcp.sum.mode = BUILD_SUM_BAD;
        packet(&b);
        uint16_t wrong = upper_sum(&w.pkt.ip);

        assert_int_not_equal(wrong, 0xffff);
        assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
        assert_int_equal(upper_sum(&w.pkt.ip), wrong);
    }
}

static void test_malformed(void **state)
{
    static const char *const rules[] = {SYN_RULE("TCPMSS --set-mss 1300"),
                                        "-p tcp -j TCPOPTSTRIP --strip-options 8"};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        static const int offsets[] = {0, 4, 6, 15};

        for (size_t k = 0; k < WEIR_ARRAY_LEN(offsets); k++) {
            forward(4);
            segment("", 0);
            b.l4.tcp.doff = offsets[k];
            packet(&b);
            assert_int_equal(run(rules[i]), RULES_DROP);
            assert_int_equal(w.eval.reason, WEIR_R_RULE_MALFORMED);
        }
        forward(4);
        segment("", 0);
        b.keep = 19;
        packet(&b);
        assert_int_equal(run(rules[i]), RULES_DROP);
        /* A capture that cut it off leaves no doubt of the packet. */
        for (int keep = 20; keep < 44; keep++) {
            forward(4);
            segment("020405b4", 0);
            b.cut = keep;
            packet(&b);
            assert_int_equal(run(rules[i]), RULES_CONTINUE);
        }
        forward(4);
        segment("020405b4", 100);
        b.piece = (struct build_piece){.on = true, .off = 24, .len = 40, .more = BUILD_AUTO};
        packet(&b);
        assert_int_equal(run(rules[i]), RULES_CONTINUE);
    }
}

/* A first fragment's option is lowered; there is no header to grow in a later one. */
static void test_fragments(void **state)
{
    (void)state;
    forward(4);
    segment("020405b4", 100);
    b.piece = (struct build_piece){.on = true, .off = 0, .len = 24, .more = BUILD_AUTO};
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
    assert_int_equal(load_be16(w.pkt.ip.ip + 20 + 22), 1300);
    b.piece.off = 24;
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --set-mss 1300")), RULES_CONTINUE);
    assert_memory_equal(w.pkt.ip.ip + 20, "abcdefgh", 8);
    assert_int_equal(w.pkt.ip.l3_len, 44);
}

static void test_clamp(void **state)
{
    static const struct {
        uint8_t family;
        uint32_t out, back;
        const char *after;
    } rows[] = {
        {4, 1500, 1500, "020405b4"},   {4, 1500, 1400, "02040550"}, {4, 1400, 1500, "02040550"},
        {4, 68, 1500, "0204001c"},     {4, 0, 1400, "02040550"},    {4, 0, 0, "02042328"},
        {4, 70000, 70000, "02042328"}, {6, 1500, 1500, "020405a0"}, {6, 1300, 1500, "020404d8"},
        {6, 1500, 1280, "020404c4"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        forward(rows[i].family);
        segment("02042328", 0);
        packet(&b);
        h.mtu_out = rows[i].out;
        h.mtu_back = rows[i].back;
        assert_int_equal(run(SYN_RULE("TCPMSS --clamp-mss-to-pmtu")), RULES_CONTINUE);
        assert_options("clamped", rows[i].after);
    }
    /* A host that knows no MTU clamps nothing; one of no use drops. */
    forward(4);
    w.track.host.route = NULL;
    segment("02042328", 0);
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --clamp-mss-to-pmtu")), RULES_CONTINUE);
    assert_options("no route", "02042328");
    forward(4);
    h.mtu_out = 40;
    segment("02042328", 0);
    packet(&b);
    assert_int_equal(run(SYN_RULE("TCPMSS --clamp-mss-to-pmtu")), RULES_DROP);
}

static void test_refused(void **state)
{
    static const char needs[] = "TCPMSS needs -m tcp with SYN among its flags in the same rule";

    (void)state;
    forward(4);
    refused("-p tcp -j TCPMSS --set-mss 1400", 1, needs);
    refused("-p tcp -m tcp ! --syn -j TCPMSS --set-mss 1400", 1, needs);
    refused("-p tcp -m tcp --tcp-flags ACK ACK -j TCPMSS --set-mss 1400", 1, needs);
    assert_non_null(strstr(w.error.hint, "--syn"));
    refused(SYN_RULE("TCPMSS"), 2, "TCPMSS target: At least one parameter is required");
    refused(SYN_RULE("TCPMSS --set-mss 65516"), 2,
            "TCPMSS: bad value for option \"--set-mss\", or out of range (0-65515).");
    w.eval.hook = HOOK_PREROUTING;
    refused(SYN_RULE("TCPMSS --clamp-mss-to-pmtu"), 1,
            "TCPMSS cannot be used in PREROUTING, from which this rule is reached");
    forward(6);
    refused(SYN_RULE("TCPMSS --set-mss 65496"), 2,
            "TCPMSS: bad value for option \"--set-mss\", or out of range (0-65495).");
    refused("-p tcp -j TCPOPTSTRIP --strip-options 1", 2, "Option value may not be 0 or 1");
    refused("-p tcp -j TCPOPTSTRIP --strip-options 2,,3", 2, "Bad TCP option value \"\"");
    refused("-p tcp -j TCPOPTSTRIP --strip-options 256", 2, "Bad TCP option value \"256\"");
}

/* --- TCPOPTSTRIP --- */

static void test_strip(void **state)
{
    static const struct {
        const char *what, *before, *after;
    } rows[] = {
        {"mss", "020405b4", "01010101"},
        {"typical", "020405b40402080a000000010000000201030307",
         "0101010101010101010101010101010101010101"},
        {"at an odd offset", "01020405b4010101", "0101010101010101"},
        {"unknown", "fd040102", "01010101"},
        {"another", "fc040102", "fc040102"},
        {"behind the end of the list", "00010101020405b4", "0001010101010101"},
        {"length 0", "02000101020405b4", "0100010101010101"},
        {"length 1", "02010101020405b4", "0101010101010101"},
        {"behind a length of 0", "fc000101020405b4", "fc00010101010101"},
        {"cut off by the header's end", "01010204", "01010204"},
        {"only its first byte", "01010102", "01010102"},
        {"longer than the header", "020a0101", "020a0101"},
        {"of length 3", "02030501", "01010101"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (size_t data = 0; data < 6; data += 5) {
            forward(i % 2 ? 4 : 6);
            segment(rows[i].before, data);
            packet(&b);
            assert_int_equal(
                run("-p tcp -j TCPOPTSTRIP --strip-options mss,wscale,timestamp,4,5,md5,253"),
                RULES_CONTINUE);
            assert_options(rows[i].what, rows[i].after);
        }
    forward(4);
    segment("020405b4", 0);
    packet(&b);
    assert_int_equal(run("-p tcp -j TCPOPTSTRIP"), RULES_CONTINUE);
    assert_options("nothing to strip", "020405b4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_set),       TARGET_TEST(test_default),   TARGET_TEST(test_grown),
        TARGET_TEST(test_wrong_sum), TARGET_TEST(test_malformed), TARGET_TEST(test_fragments),
        TARGET_TEST(test_clamp),     TARGET_TEST(test_refused),   TARGET_TEST(test_strip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
