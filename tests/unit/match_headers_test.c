/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches that look into the IP header, into small headers behind it, or at what is known about a
 * packet beside its bytes. What is expected is what Linux 6.18 answers to the same packets.
 */
#include "match_fixture.h"

static struct build b;

/* What of a fragment that is not the first is there must not be taken for a header. */
static void give_later_fragment(void)
{
    b.data.len = 64;
    b.piece = (struct build_piece){.on = true, .off = 16, .len = 24, .more = 1, .id = 5};
    packet(&b);
}

static void give_icmp(uint8_t family, uint8_t type, uint8_t code)
{
    begin_packet(&b, family, BUILD_ICMP);
    b.l4.icmp.type = type;
    b.l4.icmp.code = code;
    packet(&b);
}

static void test_icmp(void **state)
{
    (void)state;
    give_icmp(4, 3, 4);
    ASK({"-p icmp --icmp-type 3", YES}, {"-p icmp --icmp-type 3/4", YES},
        {"-p icmp --icmp-type 3/5", NO}, {"-p icmp ! --icmp-type 3/5", YES},
        {"-p icmp ! --icmp-type 3", NO}, {"-p icmp --icmp-type fragmentation-needed", YES},
        {"-p icmp --icmp-type any", YES}, {"-p icmp ! --icmp-type any", NO},
        {"-p icmp --icmp-type 255/9", YES}, {"-p icmp --icmp-type 8", NO});
    for (int keep = 0; keep < 8; keep++) {
        b.keep = keep;
        packet(&b);
        ASK({"-p icmp --icmp-type any", DROPPED}, {"-p icmp ! --icmp-type 8", DROPPED});
    }
    begin_packet(&b, 4, BUILD_ICMP);
    give_later_fragment();
    ASK({"-p icmp --icmp-type any", NO}, {"-p icmp ! --icmp-type 8", NO});
    begin_packet(&b, 4, BUILD_ICMP);
    b.cut = 27;
    packet(&b);
    ASK({"-p icmp --icmp-type any", NO}, {"-p icmp ! --icmp-type 8", NO});
}

static void test_icmp6(void **state)
{
    (void)state;
    give_icmp(6, 1, 4);
    ASK({"-p icmpv6 --icmpv6-type 1", YES}, {"-p icmpv6 --icmpv6-type port-unreachable", YES},
        {"-p icmpv6 -m icmpv6 ! --icmpv6-type 1/4", NO}, {"-p icmpv6 --icmpv6-type 1/3", NO},
        /* 255 is a type like any other. */
        {"-p icmpv6 --icmpv6-type 255", NO}, {"-p icmpv6 ! --icmpv6-type 255", YES});
    give_icmp(6, 255, 0);
    ASK({"-p icmpv6 --icmpv6-type 255", YES}, {"-p icmpv6 --icmpv6-type 255/1", NO});
    b.keep = 7;
    packet(&b);
    ASK({"-p icmpv6 ! --icmpv6-type 255", DROPPED});
    begin_packet(&b, 6, BUILD_ICMP);
    give_later_fragment();
    ASK({"-p icmpv6 ! --icmpv6-type 255", NO});
}

static void test_icmp_refused(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_FILTER, HOOK_FORWARD);
    refused("-p icmp --icmp-type \"\"", 2, "Ambiguous ICMP type `': `any' or `echo-reply'?");
    refused("-p icmp --icmp-type any/3", 2, "Unknown ICMP type `any/3'");
    refused("-p icmp --icmp-type 3/x", 2, "Unknown ICMP code `3/x'");
    refused("-p icmp --icmp-type 8x", 2, "unknown character x");
    begin(6, WEIR_TABLE_FILTER, HOOK_FORWARD);
    refused("-p icmpv6 --icmpv6-type neigh", 2,
            "Ambiguous ICMPv6 type `neigh': `neighbour-solicitation' or "
            "`neighbor-solicitation'?");
}

/* A packet of a protocol that the builder does not know. */
static void begin_raw(uint8_t family, uint8_t proto, const uint8_t *bytes, size_t len)
{
    begin_packet(&b, family, BUILD_RAW);
    b.proto = proto;
    b.data.bytes = bytes;
    b.data.len = len;
}

static void test_esp(void **state)
{
    static const uint8_t esp[64] = {0, 0, 0x10, 0x00, 0, 0, 0, 1};

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_raw(family, 50, esp, 12);
        packet(&b);
        ASK({"-p esp -m esp", YES}, {"-p esp --espspi 4096", YES}, {"-p esp ! --espspi 4096", NO},
            {"-p esp --espspi 4000:5000", YES}, {"-p esp --espspi 5000:4000", NO},
            {"-p esp ! --espspi 5000:4000", YES}, {"-p esp ! --espspi 0:4294967295", NO});
        for (int keep = 0; keep < 8; keep++) {
            b.keep = keep;
            packet(&b);
            ASK({"-p esp -m esp", DROPPED}, {"-p esp ! --espspi 5", DROPPED});
        }
        begin_raw(family, 50, esp, 64);
        give_later_fragment();
        ASK({"-p esp -m esp", NO}, {"-p esp ! --espspi 5", NO});
    }
}

static void test_ah4(void **state)
{
    static const uint8_t ah[64] = {6, 4, 0, 0, 0, 0, 0x10, 0x00, 0, 0, 0, 1};

    (void)state;
    begin_raw(4, 51, ah, 12);
    packet(&b);
    ASK({"-p ah -m ah", YES}, {"-p ah --ahspi 4096", YES}, {"-p ah ! --ahspi 1:5000", NO},
        {"-p ah --ahspi 5", NO});
    b.keep = 11;
    packet(&b);
    ASK({"-p ah -m ah", DROPPED}, {"-p ah ! --ahspi 5", DROPPED});
    begin_raw(4, 51, ah, 64);
    give_later_fragment();
    ASK({"-p ah -m ah", NO}, {"-p ah ! --ahspi 5", NO});
}

static void test_ipcomp(void **state)
{
    static const uint8_t comp[64] = {6, 1, 0, 5};

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_raw(family, 108, comp, 8);
        packet(&b);
        /* Without the option it is index 0, and the reserved byte is not looked at. */
        ASK({"-p ipcomp -m ipcomp", NO}, {"-p ipcomp -m ipcomp --ipcompspi 5", YES},
            {"-p ipcomp -m ipcomp ! --ipcompspi 5", NO},
            {"-p ipcomp -m ipcomp --ipcompspi 0:4294967295 --compres", YES},
            {"-p ipcomp -m ipcomp --ipcompspi 65536:70000", NO});
        b.keep = 3;
        packet(&b);
        ASK({"-p ipcomp -m ipcomp --ipcompspi 5", DROPPED});
        begin_raw(family, 108, comp, 64);
        give_later_fragment();
        ASK({"-p ipcomp -m ipcomp ! --ipcompspi 5", NO});
    }
}

static void test_length(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    b.data.len = 72;
    packet(&b);
    ASK({"-m length --length 100", YES}, {"-m length ! --length 100", NO},
        {"-m length --length 101:", NO}, {"-m length --length :100", YES},
        {"-m length --length 200:50", NO}, {"-m length ! --length 200:50", YES});
    begin_packet(&b, 6, BUILD_UDP);
    b.data.len = 72;
    packet(&b);
    ASK({"-m length --length 120", YES}, {"-m length --length 80", NO});
    b.cut = 60; /* of the packet, not of the capture */
    packet(&b);
    ASK({"-m length --length 120", YES});
    /* Beyond what the option can say. */
    begin_packet(&b, 6, BUILD_UDP);
    b.data.len = 65527;
    packet(&b);
    ASK({"-m length --length 0:65535", NO}, {"-m length ! --length 0:65535", YES});
}

static void test_ttl(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    b.ttl = 64;
    packet(&b);
    ASK({"-m ttl --ttl-eq 64", YES}, {"-m ttl ! --ttl 64", NO}, {"-m ttl ! --ttl 63", YES},
        {"-m ttl --ttl-lt 64", NO}, {"-m ttl --ttl-lt 65", YES}, {"-m ttl --ttl-gt 64", NO},
        {"-m ttl --ttl-gt 63", YES});
    begin_packet(&b, 6, BUILD_UDP);
    b.ttl = 255;
    packet(&b);
    ASK({"-m hl --hl-eq 255", YES}, {"-m hl ! --hl 255", NO}, {"-m hl --hl-lt 255", NO},
        {"-m hl --hl-gt 254", YES});
}

static void test_tos(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_packet(&b, family, BUILD_UDP);
        b.tos = 0xb8;
        packet(&b);
        ASK({"-m tos --tos 0xb8", YES}, {"-m tos ! --tos 0xb8", NO},
            {"-m tos --tos 0x38/0x3f", YES}, {"-m tos --tos 0x10", NO},
            {"-m tos --tos 0x10/0x10", YES},
            /* The value is not masked. */
            {"-m tos --tos 0xb8/0x0f", NO}, {"-m tos ! --tos 0xb8/0x0f", YES},
            {"-m dscp --dscp 46", YES}, {"-m dscp --dscp-class EF", YES},
            {"-m dscp ! --dscp-class EF", NO}, {"-m dscp ! --dscp 45", YES},
            {"-m ecn --ecn-ip-ect 0", YES}, {"-m ecn ! --ecn-ip-ect 0", NO});
        b.tos = 0x13;
        packet(&b);
        ASK({"-m tos --tos Minimize-Delay", NO}, {"-m dscp --dscp 4", YES},
            {"-m ecn --ecn-ip-ect 3", YES}, {"-m ecn --ecn-ip-ect 1", NO});
    }
}

static void test_iprange(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_UDP); /* 10.0.0.1 to 10.0.0.2 */
    b.src = (struct build_addr){{10, 0, 1, 255}};
    b.dst = (struct build_addr){{10, 0, 2, 0}};
    packet(&b);
    ASK({"-m iprange --src-range 10.0.1.255-10.0.2.0", YES},
        {"-m iprange --src-range 10.0.0.0-10.0.1.254", NO},
        {"-m iprange --src-range 10.0.2.0-10.0.3.0", NO},
        {"-m iprange ! --src-range 10.0.2.0-10.0.3.0", YES},
        {"-m iprange --src-range 10.0.1.255", YES}, {"-m iprange --dst-range 10.0.1.255", NO},
        {"-m iprange --src-range 10.0.1.255 --dst-range 10.0.1.255-10.0.2.0", YES},
        {"-m iprange --src-range 10.0.1.255 ! --dst-range 10.0.1.255-10.0.2.0", NO},
        /* Fewer numbers are a network's. */
        {"-m iprange --src-range 10-10.0.2", YES});
    assert_string_equal(w.note, "");
    ASK({"-m iprange --src-range 10.0.3.0-10.0.1.0", NO},
        {"-m iprange ! --src-range 10.0.3.0-10.0.1.0", YES});
    assert_string_equal(w.note,
                        "xt_iprange: range 10.0.3.0-10.0.1.0 is reversed and will never match");
    begin_packet(&b, 6, BUILD_UDP);
    b.src = (struct build_addr){{0xfd, 0x99, [14] = 1, 0xff}};
    packet(&b);
    ASK({"-m iprange --src-range fd99::1ff-fd99::200", YES},
        {"-m iprange --src-range fd99::-fd99::1fe", NO},
        {"-m iprange ! --src-range fd99::200-fd9a::", YES},
        {"-m iprange --src-range fd99::1ff", YES});
    refused("-m iprange --src-range fd99::1-10.0.0.1", 2,
            "iprange: Bad value for \"--src-range\" option: \"10.0.0.1\"");
}

static void test_mark(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    w.raw.mark = 0x1f5;
    packet(&b);
    ASK({"-m mark --mark 0x1f5", YES}, {"-m mark ! --mark 0x1f5", NO},
        {"-m mark --mark 0xf0/0xf0", YES}, {"-m mark --mark 0/0xe000", YES},
        /* The value is not masked. */
        {"-m mark --mark 0xff/0xf0", NO}, {"-m mark ! --mark 0xff/0xf0", YES});
}

static void test_pkttype(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    packet(&b);
    ASK({"-m pkttype --pkt-type unicast", YES}, {"-m pkttype ! --pkt-type host", NO},
        {"-m pkttype --pkt-type multicast", NO});
    w.raw.pkt_type = WEIR_PKT_MULTICAST;
    ASK({"-m pkttype --pkt-type unicast", NO}, {"-m pkttype --pkt-type mcast", YES});
    w.raw.pkt_type = WEIR_PKT_BROADCAST;
    ASK({"-m pkttype --pkt-type BCAST", YES}, {"-m pkttype ! --pkt-type multicast", YES});
    w.raw.pkt_type = WEIR_PKT_OTHERHOST;
    ASK({"-m pkttype --pkt-type otherhost", YES});
}

/* From 02:11:22:33:44:55. */
static const uint8_t frame4[14] = {2, 0, 0, 0, 0, 1, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x08, 0x00};
static const uint8_t frame6[14] = {2, 0, 0, 0, 0, 1, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x86, 0xdd};

static void give_link(const uint8_t *link, uint16_t len, uint16_t type)
{
    w.raw.link = link;
    w.raw.link_len = len;
    w.raw.link_type = type;
}

static void test_mac(void **state)
{
    enum { ETHERNET = 1, PPP = 512 };

    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    packet(&b);
    /* Without an Ethernet header nothing is true of it. */
    ASK({"-m mac --mac-source 02:11:22:33:44:55", NO},
        {"-m mac ! --mac-source 02:11:22:33:44:55", NO});
    give_link(frame4, 13, ETHERNET);
    ASK({"-m mac --mac-source 02:11:22:33:44:55", NO},
        {"-m mac ! --mac-source 02:11:22:33:44:56", NO});
    give_link(frame4, 14, PPP);
    ASK({"-m mac --mac-source 02:11:22:33:44:55", NO},
        {"-m mac ! --mac-source 02:11:22:33:44:56", NO});
    give_link(frame4, 14, ETHERNET);
    ASK({"-m mac --mac-source 2:11:22:33:44:55", YES},
        {"-m mac ! --mac-source 02:11:22:33:44:55", NO},
        {"-m mac --mac-source 02:11:22:33:44:56", NO},
        {"-m mac ! --mac-source 02:11:22:33:44:56", YES});
    refused("-m mac --mac-source :::::", 2, "Invalid MAC address specified.");
    refused("-m mac --mac-source 00:11:22:33:44:555", 2, "Invalid MAC address specified.");
    refused("-m mac --mac-source 00:11:22:33:44:55:", 2, "Invalid MAC address specified.");
}

static void test_eui64(void **state)
{
    (void)state;
    begin_packet(&b, 6, BUILD_UDP);
    b.src = (struct build_addr){{0xfe, 0x80, [8] = 0x00, 0x11, 0x22, 0xff, 0xfe, 0x33, 0x44, 0x55}};
    packet(&b);
    ASK({"-m eui64", NO});
    give_link(frame6, 14, 1);
    ASK({"-m eui64", YES});
    give_link(frame4, 14, 1);
    ASK({"-m eui64", NO});
    for (unsigned i = 8; i < 16; i++) {
        b.src.b[i] ^= 1;
        packet(&b);
        give_link(frame6, 14, 1);
        ASK({"-m eui64", NO});
        b.src.b[i] ^= 1;
    }
}

/* What weir cannot know is said when the rule is read. */
static void test_unknown(void **state)
{
    static const char *const rules[] = {"-m cpu --cpu 0", "-m realm --realm 0",
                                        "-m physdev --physdev-in x"};

    (void)state;
    begin_packet(&b, 4, BUILD_UDP);
    packet(&b);
    ASK({"-m cpu --cpu 0", YES}, {"-m cpu ! --cpu 0", NO}, {"-m cpu --cpu 1", NO},
        {"-m realm --realm 0", YES}, {"-m realm ! --realm 0", NO}, {"-m realm --realm 5", NO},
        {"-m realm --realm 0/0xff", YES}, {"-m realm --realm 1/0", NO},
        {"-m realm ! --realm 5", YES}, {"-m physdev --physdev-is-in", NO},
        {"-m physdev ! --physdev-is-in", YES}, {"-m physdev ! --physdev-is-in --physdev-in x", NO},
        {"-m physdev ! --physdev-in x ! --physdev-out y ! --physdev-is-bridged", YES},
        {"-m comment --comment x", YES});
    assert_string_equal(w.note, "");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        (void)ask(rules[i]);
        assert_string_not_equal(w.note, "");
    }
    w.eval.table = WEIR_TABLE_MANGLE;
    w.eval.hook = HOOK_POSTROUTING;
    ASK({"-m owner --uid-owner 0", NO}, {"-m owner ! --uid-owner 0", YES},
        {"-m owner ! --socket-exists", YES}, {"-m owner ! --uid-owner 0 --gid-owner 0", NO},
        {"-m owner ! --uid-owner 0 ! --gid-owner 0", YES},
        {"-m owner ! --gid-owner 0 --suppl-groups", NO});
    assert_string_not_equal(w.note, "");
    ASK({"-m cgroup --cgroup 1", NO}, {"-m cgroup ! --cgroup 1", NO}, {"-m cgroup --path /", NO},
        {"-m cgroup ! --path /", NO});
    assert_string_not_equal(w.note, "");
}

/* Where a match may not be, by hook. */
static void test_hooks(void **state)
{
    static const struct {
        const char *rule;
        unsigned hooks;
    } rows[] = {
        {"-m mac --mac-source 0:0:0:0:0:1", ON_PREROUTING | ON_INPUT | ON_FORWARD},
        {"-m owner --uid-owner 0", ON_OUTPUT | ON_POSTROUTING},
        {"-m cgroup --cgroup 0", ON_INPUT | ON_OUTPUT | ON_POSTROUTING},
        {"-m realm --realm 1", ON_INPUT | ON_FORWARD | ON_OUTPUT | ON_POSTROUTING},
        {"-m physdev --physdev-out x", ON_ALL & ~ON_OUTPUT},
        {"-m physdev ! --physdev-is-out", ON_ALL & ~ON_OUTPUT},
        {"-m physdev --physdev-out x ! --physdev-is-bridged", ON_ALL & ~ON_OUTPUT},
        {"-m physdev --physdev-out x --physdev-is-bridged", ON_ALL},
        {"-m physdev --physdev-in x", ON_ALL},
        {"-m pkttype --pkt-type host", ON_ALL},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (unsigned hook = 0; hook < HOOK_MAX; hook++) {
            begin(4, WEIR_TABLE_MANGLE, (enum hook)hook);
            struct weir_rules *rules = read_rule(rows[i].rule);

            if ((rules != NULL) != (rows[i].hooks >> hook & 1))
                fail_msg("%s in %s", rows[i].rule, hook_name((enum hook)hook));
            weir_rules_free(rules);
        }
    begin(6, WEIR_TABLE_MANGLE, HOOK_OUTPUT);
    assert_null(read_rule("-m eui64"));
}

static void test_refused(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_MANGLE, HOOK_OUTPUT);
    refused("-m owner --uid-owner 9-3", 2, "owner: the range 9-3 of \"--uid-owner\" is reversed");
    assert_string_equal(w.error.hint, "write 3-9");
    refused("-m cgroup", 2, "cgroup: exactly one of --path and --cgroup is required");
    refused("-m cgroup --cgroup 1 --path /x", 2,
            "cgroup: exactly one of --path and --cgroup is required");
    refused("-m physdev --physdev-in \"\"", 2, "Empty interface is likely to be undesired");
    refused("-m physdev --physdev-in eth0123456789012", 2,
            "interface name `eth0123456789012' must be shorter than IFNAMSIZ (15)");
    refused("-m realm --realm 1/x", 2,
            "realm: bad integer value for option \"--realm\", or out of range.");
    refused("-m tos --tos 1/2/3", 2, "Illegal value: \"1/2/3\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MATCH_TEST(test_icmp),    MATCH_TEST(test_icmp6),   MATCH_TEST(test_icmp_refused),
        MATCH_TEST(test_esp),     MATCH_TEST(test_ah4),     MATCH_TEST(test_ipcomp),
        MATCH_TEST(test_length),  MATCH_TEST(test_ttl),     MATCH_TEST(test_tos),
        MATCH_TEST(test_iprange), MATCH_TEST(test_mark),    MATCH_TEST(test_pkttype),
        MATCH_TEST(test_mac),     MATCH_TEST(test_eui64),   MATCH_TEST(test_unknown),
        MATCH_TEST(test_hooks),   MATCH_TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
