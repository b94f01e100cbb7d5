/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches that look into TCP, UDP, SCTP and DCCP: tcp, tcpmss, ecn, udp, sctp, dccp, multiport.
 * What is expected is what Linux 6.18 answers to the same packets.
 */
#include "match_fixture.h"

enum { SYN = BUILD_TCP_SYN, ACK = BUILD_TCP_ACK, RST = BUILD_TCP_RST, FIN = BUILD_TCP_FIN };

static struct build b;

static void begin_tcp(uint8_t family, uint16_t flags)
{
    begin_packet(&b, family, BUILD_TCP);
    b.l4.tcp.sport = 1000;
    b.l4.tcp.dport = 80;
    b.l4.tcp.flags = flags;
}

static void give_tcp(uint8_t family, uint16_t flags)
{
    begin_tcp(family, flags);
    packet(&b);
}

/* The packet is this part of what was begun, from `off` on: not the first if `off` is not 0. */
static void give_piece(uint32_t off, uint32_t len)
{
    b.piece = (struct build_piece){.on = true, .off = off, .len = len, .more = 1, .id = 5};
    packet(&b);
}

static void test_tcp_ports(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        give_tcp(family, SYN);
        ASK({"-p tcp -m tcp", YES}, {"-p tcp --dport 80", YES}, {"-p tcp ! --dport 80", NO},
            {"-p tcp --sport 80", NO}, {"-p tcp ! --sport 80", YES}, {"-p tcp --dport 79:81", YES},
            {"-p tcp --dport 80:80", YES}, {"-p tcp --dport 81:", NO}, {"-p tcp --dport :79", NO},
            {"-p tcp ! --dport 81:90", YES}, {"-p tcp --dport 80:90 --sport 1000:", YES},
            {"-p tcp --dport 80 --sport 1001", NO}, {"-p tcp ! --sport 0:65535", NO},
            {"-p tcp --dport 0", NO});
    }
}

static void test_tcp_flags(void **state)
{
    (void)state;
    give_tcp(4, SYN);
    ASK({"-p tcp --syn", YES}, {"-p tcp ! --syn", NO}, {"-p tcp --tcp-flags SYN,ACK SYN", YES},
        {"-p tcp --tcp-flags ALL SYN", YES}, {"-p tcp --tcp-flags ALL NONE", NO},
        {"-p tcp --tcp-flags FIN NONE", YES}, {"-p tcp ! --tcp-flags SYN SYN", NO},
        /* Flags that are not looked at cannot be set. */
        {"-p tcp --tcp-flags ACK SYN", NO}, {"-p tcp ! --tcp-flags ACK SYN", YES},
        {"-p tcp --tcp-flags NONE SYN", NO}, {"-p tcp --tcp-flags NONE NONE", YES},
        {"-p tcp ! --tcp-flags NONE NONE", NO});
    give_tcp(6, SYN | ACK);
    ASK({"-p tcp --syn", NO}, {"-p tcp ! --syn", YES}, {"-p tcp --tcp-flags SYN,ACK SYN,ACK", YES},
        {"-p tcp --tcp-flags FIN,RST,URG,PSH NONE", YES});
    /* The two bits above URG are not among ALL. */
    give_tcp(4, BUILD_TCP_ECE | BUILD_TCP_CWR);
    ASK({"-p tcp --tcp-flags ALL NONE", YES});
}

static void test_tcp_option(void **state)
{
    static const uint8_t options[] = {1, 0, 2, 4, 5, 180, 200, 0, 9, 3, 7, 1};

    (void)state;
    begin_tcp(4, SYN);
    assert_true(build_tcp_raw(&b.l4.tcp, options, sizeof(options)));
    packet(&b);
    /* The end of the list is none, a length of 0 is 1, and data of an option is not an option. */
    ASK({"-p tcp --tcp-option 1", YES}, {"-p tcp --tcp-option 2", YES},
        {"-p tcp ! --tcp-option 2", NO}, {"-p tcp --tcp-option 5", NO},
        {"-p tcp --tcp-option 200", YES}, {"-p tcp --tcp-option 9", YES},
        {"-p tcp --tcp-option 7", NO}, {"-p tcp ! --tcp-option 7", YES},
        {"-p tcp --dport 81 --tcp-option 2", NO});
    give_tcp(4, SYN);
    ASK({"-p tcp --tcp-option 2", NO}, {"-p tcp ! --tcp-option 2", YES});
    for (int words = 0; words < 5; words++) {
        begin_tcp(6, SYN);
        b.l4.tcp.doff = words;
        packet(&b);
        ASK({"-p tcp --tcp-option 2", DROPPED}, {"-p tcp ! --tcp-option 2", DROPPED},
            {"-p tcp --dport 80", YES},
            /* What comes first decides. */
            {"-p tcp --dport 81 --tcp-option 2", NO}, {"-p tcp ! --syn --tcp-option 2", NO});
    }
    begin_tcp(4, SYN);
    b.l4.tcp.doff = 6;
    packet(&b);
    ASK({"-p tcp --tcp-option 2", DROPPED}, {"-p tcp --dport 80", YES});
    b.data.len = 4;
    packet(&b);
    ASK({"-p tcp --tcp-option 97", YES}, {"-p tcp --tcp-option 2", NO});
}

static void test_tcp_short(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2)
        for (int keep = 0; keep < 20; keep++) {
            begin_tcp(family, SYN);
            b.keep = keep;
            packet(&b);
            ASK({"-p tcp -m tcp", DROPPED}, {"-p tcp ! --dport 80", DROPPED},
                {"-p tcp ! --syn", DROPPED});
        }
}

/* RFC 1858, 3: a fragment that could overwrite the flags. */
static void test_tcp_fragments(void **state)
{
    (void)state;
    begin_tcp(4, SYN);
    b.data.len = 100;
    give_piece(0, 24);
    ASK({"-p tcp --dport 80", YES}, {"-p tcp --syn", YES});
    give_piece(0, 16);
    ASK({"-p tcp --dport 80", DROPPED});
    give_piece(8, 40);
    ASK({"-p tcp -m tcp", DROPPED}, {"-p tcp ! --dport 80", DROPPED});
    give_piece(16, 40);
    ASK({"-p tcp -m tcp", NO}, {"-p tcp ! --dport 80", NO}, {"-p tcp ! --syn", NO});
    begin_tcp(6, SYN);
    b.data.len = 100;
    give_piece(0, 24);
    ASK({"-p tcp --dport 80", YES});
    give_piece(8, 40);
    ASK({"-p tcp -m tcp", NO}, {"-p tcp ! --dport 80", NO});
}

/* What a capture cut off decides nothing. */
static void test_cut(void **state)
{
    (void)state;
    for (int cut = 20; cut < 40; cut++) {
        begin_tcp(4, SYN);
        b.cut = cut;
        packet(&b);
        ASK({"-p tcp --dport 80", NO}, {"-p tcp ! --dport 80", NO}, {"-p tcp ! --syn", NO},
            {"-p tcp -m tcpmss --mss 5", NO}, {"-p tcp -m ecn --ecn-tcp-ece", NO});
    }
    ASK({"-p tcp -m multiport --dports 80", YES});
    begin_tcp(4, SYN);
    assert_true(build_tcp_mss(&b.l4.tcp, 1460));
    b.cut = 40;
    packet(&b);
    ASK({"-p tcp --dport 80", YES}, {"-p tcp --tcp-option 2", NO}, {"-p tcp ! --tcp-option 2", NO},
        {"-p tcp -m tcpmss --mss 1460", NO}, {"-p tcp -m tcpmss ! --mss 1460", NO});
}

static void test_tcpmss(void **state)
{
    static const uint8_t wrong[] = {2, 3, 5, 2, 2, 2, 4, 1}; /* lengths 3 and 2, then cut off */

    (void)state;
    begin_tcp(4, ACK);
    assert_true(build_tcp_nop(&b.l4.tcp));
    assert_true(build_tcp_mss(&b.l4.tcp, 1400));
    packet(&b);
    ASK({"-p tcp -m tcpmss --mss 1400", YES}, {"-p tcp -m tcpmss ! --mss 1400", NO},
        {"-p tcp -m tcpmss --mss 1401:", NO}, {"-p tcp -m tcpmss ! --mss 1401:", YES},
        {"-p tcp -m tcpmss --mss :1400", YES});
    give_tcp(4, SYN);
    ASK({"-p tcp -m tcpmss --mss 0:65535", NO}, {"-p tcp -m tcpmss ! --mss 0:65535", YES});
    begin_tcp(6, SYN);
    assert_true(build_tcp_raw(&b.l4.tcp, wrong, sizeof(wrong)));
    packet(&b);
    ASK({"-p tcp -m tcpmss --mss 0:65535", NO}, {"-p tcp -m tcpmss ! --mss 0:65535", YES});
    begin_tcp(4, SYN);
    b.l4.tcp.doff = 4;
    packet(&b);
    ASK({"-p tcp -m tcpmss ! --mss 5", DROPPED});
    b.l4.tcp.doff = 6;
    packet(&b);
    ASK({"-p tcp -m tcpmss ! --mss 5", DROPPED});
    b.keep = 19;
    packet(&b);
    ASK({"-p tcp -m tcpmss ! --mss 5", DROPPED});
}

/* tcpmss and ecn read later fragments too, wherever that leads. */
static void test_reads_fragments(void **state)
{
    static const uint8_t inside[] = {0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0x60, 0x40, 0, 0,
                                     0, 0, 0, 0, 0x02, 0x04, 5, 6, 9, 9, 9, 9, 9,    9,    9, 9};

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_tcp(family, SYN);
        b.l4.tcp.opt_len = 4;
        b.data.bytes = inside;
        b.data.len = sizeof(inside);
        give_piece(24, 32);
        ASK({"-p tcp -m tcp", NO});
        if (family == 4)
            ASK({"-p tcp -m tcpmss --mss 1286", YES}, {"-p tcp -m ecn --ecn-tcp-ece", YES},
                {"-p tcp -m ecn ! --ecn-tcp-ece", NO});
        else /* of the source address: fd99:: */
            ASK({"-p tcp -m tcpmss --mss 1286", DROPPED}, {"-p tcp -m ecn --ecn-tcp-ece", NO},
                {"-p tcp -m ecn ! --ecn-tcp-ece", YES});
    }
}

static void test_ecn(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_tcp(family, SYN | BUILD_TCP_ECE);
        b.tos = 0xb9;
        packet(&b);
        ASK({"-p tcp -m ecn --ecn-tcp-ece", YES}, {"-p tcp -m ecn ! --ecn-tcp-ece", NO},
            {"-p tcp -m ecn --ecn-tcp-cwr", NO}, {"-p tcp -m ecn ! --ecn-tcp-cwr", YES},
            {"-p tcp -m ecn --ecn-tcp-ece --ecn-tcp-cwr", NO},
            {"-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr --ecn-ip-ect 1", YES},
            {"-m ecn --ecn-ip-ect 1", YES}, {"-m ecn ! --ecn-ip-ect 1", NO},
            {"-m ecn --ecn-ip-ect 0", NO}, {"-p tcp -m ecn ! --ecn-ip-ect 1 --ecn-tcp-ece", NO});
        b.keep = 19;
        packet(&b);
        ASK({"-p tcp -m ecn --ecn-tcp-ece", NO}, {"-p tcp -m ecn ! --ecn-tcp-cwr", NO},
            {"-p tcp -m ecn --ecn-ip-ect 1", YES});
    }
}

static void test_udp(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_packet(&b, family, BUILD_UDP);
        b.l4.udp.sport = 53;
        b.l4.udp.dport = 1000;
        packet(&b);
        ASK({"-p udp -m udp", YES}, {"-p udp --sport 53", YES}, {"-p udp ! --sport 53", NO},
            {"-p udp --dport 53", NO}, {"-p udp --sport 50:60 ! --dport 50:60", YES},
            /* Reversed: nothing is in it. */
            {"-p udp --dport 2000:500", NO}, {"-p udp ! --dport 2000:500", YES});
        for (int keep = 0; keep < 8; keep++) {
            b.keep = keep;
            packet(&b);
            ASK({"-p udp -m udp", DROPPED}, {"-p udp ! --sport 53", DROPPED});
        }
        b.keep = BUILD_AUTO;
        b.data.len = 50;
        give_piece(0, 8);
        ASK({"-p udp --sport 53", YES});
        give_piece(8, 8);
        ASK({"-p udp -m udp", NO}, {"-p udp ! --sport 53", NO});
    }
}

static void test_multiport(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        give_tcp(family, SYN);
        ASK({"-p tcp -m multiport --dports 22,80", YES},
            {"-p tcp -m multiport ! --dports 22,80", NO},
            {"-p tcp -m multiport --dports 70:79,81:90", NO},
            {"-p tcp -m multiport --sports 22,80", NO},
            {"-p tcp -m multiport --sports 999:1000", YES},
            {"-p tcp -m multiport --ports 5,80", YES}, {"-p tcp -m multiport --ports 1000", YES},
            {"-p tcp -m multiport ! --ports 5,80", NO}, {"-p tcp -m multiport ! --ports 5", YES},
            {"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,70:90", YES});
        /* Four bytes are enough. */
        b.keep = 4;
        packet(&b);
        ASK({"-p tcp -m multiport --dports 80", YES}, {"-p tcp -m tcp", DROPPED});
        b.keep = 3;
        packet(&b);
        ASK({"-p tcp -m multiport --dports 80", DROPPED},
            {"-p tcp -m multiport ! --dports 80", DROPPED});
        begin_tcp(family, SYN);
        b.data.len = 50;
        give_piece(8, 16);
        ASK({"-p tcp -m multiport --dports 80", NO}, {"-p tcp -m multiport ! --dports 80", NO});
    }
}

/* --- SCTP --- */

static void begin_sctp(uint8_t family)
{
    begin_packet(&b, family, BUILD_SCTP);
    b.l4.sctp.sport = 1000;
    b.l4.sctp.dport = 80;
}

static struct build_chunk *chunk(uint8_t type, uint8_t flags)
{
    struct build_chunk *c = build_chunk_add(&b.l4.sctp, type);

    assert_non_null(c);
    c->flags = flags;
    return c;
}

#define CHUNKS(what)    "-p sctp -m sctp --chunk-types " what
#define NO_CHUNKS(what) "-p sctp -m sctp ! --chunk-types " what

static void test_sctp_chunks(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_sctp(family);
        chunk(BUILD_CHUNK_SACK, 0);
        chunk(BUILD_CHUNK_DATA, 3)->body.len = 3;
        packet(&b);
        ASK({"-p sctp -m sctp", YES}, {"-p sctp --dport 80", YES}, {"-p sctp ! --dport 80", NO},
            {CHUNKS("any DATA,INIT"), YES}, {NO_CHUNKS("any DATA,INIT"), NO},
            {CHUNKS("any INIT"), NO}, {NO_CHUNKS("any INIT"), YES}, {CHUNKS("all DATA"), YES},
            {CHUNKS("all DATA,SACK"), YES}, {CHUNKS("all DATA,INIT"), NO},
            {CHUNKS("only DATA"), NO}, {CHUNKS("only DATA,SACK"), YES},
            {CHUNKS("only DATA,SACK,INIT"), YES}, {NO_CHUNKS("only DATA"), YES},
            {CHUNKS("any ALL"), YES}, {CHUNKS("only ALL"), YES}, {CHUNKS("all ALL"), NO},
            {CHUNKS("any NONE"), NO}, {CHUNKS("all NONE"), YES}, {CHUNKS("only NONE"), NO},
            {"-p sctp --sport 80 -m sctp --chunk-types any DATA", NO});
    }
}

/* B and E are set, I and U are not. */
static void test_sctp_flags(void **state)
{
    (void)state;
    begin_sctp(4);
    chunk(BUILD_CHUNK_DATA, 3);
    chunk(BUILD_CHUNK_SACK, 0xff);
    packet(&b);
    ASK({CHUNKS("any DATA:B"), YES}, {CHUNKS("any DATA:b"), NO}, {CHUNKS("any DATA:BE"), YES},
        {CHUNKS("any DATA:iuBE"), YES}, {CHUNKS("any DATA:I"), NO}, {CHUNKS("all DATA:b"), NO},
        {CHUNKS("only DATA:b,SACK"), NO}, {CHUNKS("only DATA:u,SACK"), YES},
        {NO_CHUNKS("any DATA:b"), YES},
        /* Of a letter in both cases the upper one counts. */
        {CHUNKS("any DATA:Bb"), YES}, {CHUNKS("any DATA:Ii"), NO});
    begin_sctp(4);
    chunk(BUILD_CHUNK_ABORT, 1);
    packet(&b);
    ASK({CHUNKS("any ABORT:T"), YES}, {CHUNKS("any ABORT:t"), NO});
    /* Two of a type: one that fits is enough for any and all, not for only. */
    begin_sctp(4);
    chunk(BUILD_CHUNK_DATA, 0);
    chunk(BUILD_CHUNK_DATA, 2);
    packet(&b);
    ASK({CHUNKS("any DATA:B"), YES}, {CHUNKS("all DATA:B"), YES}, {CHUNKS("only DATA:B"), NO});
}

/* iptables takes flags of I_DATA, and forgets them. */
static void test_sctp_i_data(void **state)
{
    (void)state;
    begin_sctp(4);
    chunk(64, 0);
    packet(&b);
    ASK({CHUNKS("any I_DATA"), YES}, {CHUNKS("any I_DATA:I"), YES});
    assert_non_null(strstr(w.note, "I_DATA"));
    ASK({CHUNKS("any I_DATA"), YES});
    assert_string_equal(w.note, "");
}

static void test_sctp_broken(void **state)
{
    (void)state;
    for (int keep = 0; keep < 16; keep++) {
        begin_sctp(4);
        chunk(BUILD_CHUNK_DATA, 0);
        b.keep = keep;
        packet(&b);
        if (keep < 12)
            ASK({"-p sctp -m sctp", DROPPED}, {"-p sctp ! --dport 80", DROPPED});
        else
            ASK({"-p sctp --dport 80", YES}, {CHUNKS("any DATA"), DROPPED},
                {NO_CHUNKS("any DATA"), DROPPED}, {CHUNKS("all NONE"), DROPPED},
                {"-p sctp --dport 81 -m sctp --chunk-types any DATA", NO});
    }
    begin_sctp(6);
    chunk(BUILD_CHUNK_SACK, 0);
    chunk(BUILD_CHUNK_DATA, 0)->len = 0;
    packet(&b);
    /* Not if the answer was found before. */
    ASK({CHUNKS("any SACK"), YES}, {CHUNKS("any DATA"), DROPPED}, {CHUNKS("only INIT"), NO},
        {CHUNKS("only SACK"), DROPPED}, {CHUNKS("all SACK"), DROPPED});
    begin_sctp(6);
    chunk(BUILD_CHUNK_DATA, 0)->len = 60000;
    packet(&b);
    ASK({CHUNKS("any DATA"), YES}, {CHUNKS("only DATA"), YES}, {CHUNKS("any INIT"), NO});
    begin_sctp(4);
    b.data.len = 100;
    give_piece(8, 32);
    ASK({"-p sctp -m sctp", NO}, {"-p sctp ! --dport 80", NO}, {NO_CHUNKS("any DATA"), NO});
}

/* --- DCCP --- */

/* A header with room for options. */
static uint8_t dccp[64];

static void begin_dccp(uint8_t type, bool is_long, uint8_t words)
{
    memset(dccp, 0, sizeof(dccp));
    store_be16(dccp, 1000);
    store_be16(dccp + 2, 80);
    dccp[4] = words;
    dccp[8] = (uint8_t)(type << 1 | is_long);
    begin_packet(&b, 4, BUILD_RAW);
    b.proto = PROTO_DCCP;
    b.data.bytes = dccp;
    b.data.len = words * 4u;
}

static void test_dccp(void **state)
{
    enum { REQUEST = 0, DATA = 2, INVALID_TYPE = 12 };

    (void)state;
    begin_dccp(REQUEST, true, 5);
    packet(&b);
    ASK({"-p dccp -m dccp", YES}, {"-p dccp --dport 80", YES}, {"-p dccp ! --dport 80", NO},
        {"-p dccp --dport 90:70", NO}, {"-p dccp ! --dport 90:70", YES},
        {"-p dccp --dccp-types REQUEST", YES}, {"-p dccp --dccp-types RESPONSE,DATA", NO},
        {"-p dccp ! --dccp-types RESPONSE,DATA", YES}, {"-p dccp --dccp-types INVALID", NO},
        {"-p dccp --dccp-option 5", NO}, {"-p dccp ! --dccp-option 5", YES});
    begin_dccp(INVALID_TYPE, false, 6);
    packet(&b);
    ASK({"-p dccp --dccp-types INVALID", YES}, {"-p dccp --dccp-types REQUEST,SYNCACK", NO});
    for (int keep = 0; keep < 12; keep++) {
        begin_dccp(DATA, false, 3);
        b.keep = keep;
        packet(&b);
        ASK({"-p dccp -m dccp", DROPPED}, {"-p dccp ! --dport 80", DROPPED});
    }
    begin_dccp(DATA, false, 10);
    give_piece(8, 16);
    ASK({"-p dccp -m dccp", NO}, {"-p dccp ! --dport 80", NO});
}

/* Options begin behind what the type has of its own. */
static void test_dccp_option(void **state)
{
    static const uint8_t more[] = {4, 12, 0, 8, 8, 8, 8, 12, 8, 8, 12, 12};

    (void)state;
    for (unsigned type = 0; type < WEIR_ARRAY_LEN(more); type++)
        for (unsigned is_long = 0; is_long <= 1; is_long++) {
            uint8_t head = (uint8_t)((is_long ? 16 : 12) + more[type]);

            begin_dccp((uint8_t)type, is_long, (uint8_t)(head / 4 + 1));
            dccp[head - 1] = 5;
            dccp[head] = 32;
            dccp[head + 1] = 3;
            dccp[head + 2] = 7;
            dccp[head + 3] = 1;
            packet(&b);
            ASK({"-p dccp --dccp-option 32", YES}, {"-p dccp ! --dccp-option 32", NO},
                {"-p dccp --dccp-option 7", NO}, {"-p dccp --dccp-option 5", NO},
                {"-p dccp --dccp-option 1", YES});
            b.keep = head + 3;
            packet(&b);
            ASK({"-p dccp --dccp-option 32", DROPPED}, {"-p dccp ! --dccp-option 32", DROPPED},
                {"-p dccp --dccp-types REQUEST,RESPONSE,DATA,ACK,DATAACK,CLOSEREQ,CLOSE,RESET,SYNC,"
                 "SYNCACK,INVALID",
                 YES});
            begin_dccp((uint8_t)type, is_long, (uint8_t)(head / 4 - 1));
            b.data.len = head;
            packet(&b);
            ASK({"-p dccp --dccp-option 32", DROPPED}, {"-p dccp ! --dccp-option 32", DROPPED},
                {"-p dccp --dport 81 --dccp-option 32", NO});
            /* Without options nothing more is read. */
            begin_dccp((uint8_t)type, is_long, (uint8_t)(head / 4));
            b.keep = 12;
            packet(&b);
            ASK({"-p dccp --dccp-option 32", NO}, {"-p dccp ! --dccp-option 32", YES});
        }
}

/* What the options look at must be there, and other protocols have other headers. */
static void test_refused(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_FILTER, HOOK_FORWARD);
    refused("-p udp -m tcp --dport 5", 1, "tcp needs \"-p tcp\" in the same rule, not negated");
    refused("! -p tcp -m tcp --dport 5", 1, "tcp needs \"-p tcp\" in the same rule, not negated");
    refused("-p tcp --sport 2 --source-port 3", 2, "Only one `--source-port' allowed");
    refused("-p tcp --syn --tcp-flags SYN SYN", 2, "Only one of `--syn' or `--tcp-flags'  allowed");
    refused("-p tcp --tcp-flags SYN -j DROP", 2, "--tcp-flags requires two args.");
    refused("-p tcp --tcp-flags SYN,ECE SYN", 2, "Unknown TCP flag `ECE'");
    refused("-p tcp --dport \"\"", 2, "invalid port/service `' specified");
    refused("-p sctp --sport 9:3", 2, "invalid portrange (min > max)");
    refused("-p sctp --chunk-types any", 2, "--chunk-types requires two args");
    refused("-p sctp --chunk-types any INIT:T", 2, "Invalid flags for chunk type 1");
    refused("-p sctp --chunk-types any DATA,ALL", 2, "Unknown sctp chunk `ALL'");
    refused("-p dccp --dccp-types \"\"", 2, "Unknown DCCP type `'");
    refused("-p tcp -m multiport --dports 80,", 2, "invalid port/service `' specified");
    refused("-p tcp -m tcpmss --mss 9:3", 2, "tcpmss: invalid range given");
    refused("! -p tcp -m ecn --ecn-tcp-ece", 2,
            "ecn needs \"-p tcp\" in the same rule, not negated, for --ecn-tcp-ece and "
            "--ecn-tcp-cwr");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MATCH_TEST(test_tcp_ports),  MATCH_TEST(test_tcp_flags),       MATCH_TEST(test_tcp_option),
        MATCH_TEST(test_tcp_short),  MATCH_TEST(test_tcp_fragments),   MATCH_TEST(test_cut),
        MATCH_TEST(test_tcpmss),     MATCH_TEST(test_reads_fragments), MATCH_TEST(test_ecn),
        MATCH_TEST(test_udp),        MATCH_TEST(test_multiport),       MATCH_TEST(test_sctp_chunks),
        MATCH_TEST(test_sctp_flags), MATCH_TEST(test_sctp_i_data),     MATCH_TEST(test_sctp_broken),
        MATCH_TEST(test_dccp),       MATCH_TEST(test_dccp_option),     MATCH_TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
