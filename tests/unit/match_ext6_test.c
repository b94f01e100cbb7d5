/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches that walk IPv6 extension headers: frag, rt, hbh, dst, ah, ipv6header, mh, srh. What is
 * expected is what Linux 6.18 answers to the same packets.
 */
#include "match_fixture.h"

enum {
    HBH = BUILD_PROTO_HBH,
    DST = BUILD_PROTO_DSTOPT,
    ROUTING = BUILD_PROTO_ROUTING,
    FRAGMENT = BUILD_PROTO_FRAGMENT,
    AUTH = BUILD_PROTO_AH
};

static struct build b;

static void begin6(void)
{
    begin_packet(&b, 6, BUILD_UDP);
    b.l4.udp.sport = 1000;
    b.l4.udp.dport = 80;
}

/* An extension header: what is behind its length byte. */
#define EXT(kind, ...)                                                \
    do {                                                              \
        static const uint8_t body_[] = {__VA_ARGS__};                 \
        assert_true(build_ext_add(&b, (kind), body_, sizeof(body_))); \
    } while (0)

/* Each rule's answer to the packet without its last byte, and so on down to `keep` bytes behind the
 * IPv6 header. */
static void shorten(int from, int to, const char *rule, enum outcome answer)
{
    for (b.keep = from; b.keep >= to; b.keep--) {
        packet(&b);
        enum outcome outcome = ask(rule);

        if (outcome != answer)
            fail_msg("%s, %d bytes: %d", rule, b.keep, (int)outcome);
    }
    b.keep = BUILD_AUTO;
}

static void test_frag(void **state)
{
    (void)state;
    begin6();
    packet(&b);
    ASK({"-m frag", NO}, {"-m frag ! --fragid 5", NO});
    /* The whole of a datagram in one piece. */
    begin6();
    EXT(HBH, 5, 2, 0, 0, 1, 0);
    assert_true(build_ext_frag(&b, 0, false, 42));
    packet(&b);
    ASK({"-m frag", YES}, {"-m frag --fragid 42", YES}, {"-m frag ! --fragid 42", NO},
        {"-m frag --fragid 1:41", NO}, {"-m frag ! --fragid 1:41", YES},
        {"-m frag ! --fragid 0:4294967295", NO}, {"-m frag --fragfirst", YES},
        {"-m frag --fragmore", NO}, {"-m frag --fraglast", YES},
        {"-m frag --fragfirst --fraglast", YES}, {"-m frag --fragres", YES},
        /* Lengths are not compared. */
        {"-m frag --fraglen 5", YES}, {"-m frag ! --fraglen 8", YES});
    shorten(15, 8, "-m frag", DROPPED);
    shorten(15, 8, "-m frag ! --fragid 42", DROPPED);
    b.cut = 40 + 12;
    packet(&b);
    ASK({"-m frag", NO});
}

static void test_frag_pieces(void **state)
{
    (void)state;
    begin6();
    b.data.len = 100;
    b.piece = (struct build_piece){.on = true, .off = 8, .len = 24, .more = 1, .id = 7};
    packet(&b);
    ASK({"-m frag --fragid 7", YES}, {"-m frag --fragfirst", NO}, {"-m frag --fragmore", YES},
        {"-m frag --fraglast", NO});
    b.piece.off = 0;
    packet(&b);
    ASK({"-m frag --fragfirst --fragmore", YES});
    /* Reserved: the second byte, and two bits next to the offset. */
    for (unsigned bit = 1; bit <= 2; bit++) {
        const uint8_t body[] = {0, (uint8_t)(1 << bit), 0, 0, 0, 7};

        begin6();
        assert_true(build_ext_add(&b, FRAGMENT, body, sizeof(body)));
        packet(&b);
        ASK({"-m frag --fragres", NO}, {"-m frag", YES});
    }
    begin6();
    assert_true(build_ext_frag(&b, 0, true, 7));
    b.ip6.ext[0].hlen = 1;
    packet(&b);
    ASK({"-m frag --fragres", NO}, {"-m frag --fragmore", YES});
}

/* Behind the fragment header of a later fragment there are no headers. */
static void test_behind_fragment(void **state)
{
    (void)state;
    begin6();
    assert_true(build_ext_frag(&b, 1, true, 7));
    EXT(DST, 1, 4, 0, 0, 0, 0);
    packet(&b);
    ASK({"-m frag", YES}, {"-m dst", NO}, {"-m rt", NO}, {"-m ah", NO}, {"-m srh", NO});
    begin6();
    assert_true(build_ext_frag(&b, 0, true, 7));
    EXT(DST, 1, 4, 0, 0, 0, 0);
    packet(&b);
    ASK({"-m frag", YES}, {"-m dst", YES});
}

static void test_rt(void **state)
{
    (void)state;
    begin6();
    EXT(DST, 1, 4, 0, 0, 0, 0);
    EXT(ROUTING, 0, 2, 0, 0, 0, 0, [21] = 1, [37] = 2); /* ::1, ::2 */
    packet(&b);
    ASK({"-m rt", YES}, {"-m rt --rt-type 0", YES}, {"-m rt ! --rt-type 0", NO},
        {"-m rt --rt-type 2", NO}, {"-m rt --rt-type 256", NO}, {"-m rt --rt-segsleft 2", YES},
        {"-m rt ! --rt-segsleft 1:2", NO}, {"-m rt --rt-segsleft 3:", NO},
        {"-m rt --rt-len 40", YES}, {"-m rt ! --rt-len 40", NO}, {"-m rt --rt-len 0", NO},
        {"-m rt ! --rt-len 0", YES}, {"-m rt --rt-type 0 --rt-0-res", YES},
        {"-m rt --rt-type 0 --rt-0-addrs ::1,::2", YES}, {"-m rt --rt-type 0 --rt-0-addrs ::1", NO},
        {"-m rt --rt-type 0 --rt-0-addrs ::2,::1", NO},
        {"-m rt --rt-type 0 --rt-0-addrs ::1,::2,::3", NO},
        {"-m rt --rt-type 0 --rt-0-addrs ::1 --rt-0-not-strict", YES},
        {"-m rt --rt-type 0 --rt-0-addrs ::2 --rt-0-not-strict", YES},
        {"-m rt --rt-type 0 --rt-0-addrs ::2,::1 --rt-0-not-strict", NO},
        {"-m rt --rt-type 0 --rt-0-addrs ::3 --rt-0-not-strict", NO});
    shorten(8 + 39, 8, "-m rt", DROPPED);
    shorten(7, 2, "-m rt", DROPPED);
    shorten(8 + 39, 8 + 4, "-m rt ! --rt-type 0", DROPPED);
    begin6();
    EXT(ROUTING, 0, 0, 0, 0, 0, 1);
    packet(&b);
    ASK({"-m rt --rt-type 0 --rt-0-res", NO}, {"-m rt --rt-type 0", YES},
        {"-m rt --rt-type 0 --rt-0-addrs ::1 --rt-0-not-strict", NO});
    /* Of a routing header four bytes are needed to pass it. */
    for (b.keep = 2; b.keep < 8; b.keep++) {
        packet(&b);
        if (b.keep < 4)
            ASK({"-m dst", DROPPED}, {"-m frag", DROPPED});
        else
            ASK({"-m dst", NO}, {"-m frag", NO});
    }
    begin6();
    packet(&b);
    ASK({"-m rt", NO}, {"-m rt ! --rt-type 0", NO});
}

static void test_options(void **state)
{
    (void)state;
    begin6();
    /* Router alert, a byte of padding, an unknown option, padding. */
    EXT(HBH, 5, 2, 0, 0, 0, 62, 4, 9, 9, 9, 9, 1, 1, 0);
    packet(&b);
    ASK({"-m hbh", YES}, {"-m hbh --hbh-len 16", YES}, {"-m hbh ! --hbh-len 16", NO},
        {"-m hbh --hbh-len 8", NO}, {"-m hbh --hbh-opts 5", YES}, {"-m hbh --hbh-opts 5:2", YES},
        {"-m hbh --hbh-opts 5:3", NO}, {"-m hbh --hbh-opts 62", NO},
        {"-m hbh --hbh-opts 5,0,62", YES}, {"-m hbh --hbh-opts 5,62", NO},
        {"-m hbh --hbh-opts 5:2,0,62:4,1:1", YES}, {"-m hbh --hbh-opts 5,0,62:4,1:1,0", NO},
        {"-m hbh --hbh-len 16 --hbh-opts 5", YES}, {"-m hbh ! --hbh-len 16 --hbh-opts 5", NO},
        {"-m dst", NO});
    shorten(15, 0, "-m hbh", DROPPED);
    begin6();
    EXT(HBH, 1, 4, 0, 0, 0, 0);
    EXT(DST, 62, 9, 0, 0, 0, 0); /* says more than there is */
    packet(&b);
    ASK({"-m dst --dst-opts 62", YES}, {"-m dst --dst-opts 62:9", YES},
        {"-m dst --dst-opts 62:4", NO}, {"-m dst --dst-opts 62,0", NO}, {"-m dst --dst-len 8", YES},
        {"-m hbh --hbh-opts 1:4", YES});
    shorten(15, 8, "-m dst", DROPPED);
    shorten(1, 0, "-m dst", DROPPED);
    /* An option without its length is none. */
    begin6();
    EXT(DST, 1, 3, 0, 0, 0, 62);
    packet(&b);
    ASK({"-m dst --dst-opts 1", YES}, {"-m dst --dst-opts 1,62", NO});
    begin6();
    EXT(HBH, 1, 4, 0, 0, 0, 0);
    EXT(DST, 1, 4, 0, 0, 0, 0);
    /* The first header lies about its length: it cannot be passed. */
    b.ip6.ext[0].hlen = 5;
    packet(&b);
    ASK({"-m hbh", DROPPED}, {"-m dst", DROPPED});
    begin6();
    packet(&b);
    ASK({"-m hbh", NO}, {"-m dst", NO}, {"-m hbh ! --hbh-len 8", NO});
}

static void test_ah6(void **state)
{
    (void)state;
    begin6();
    EXT(AUTH, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    b.ip6.ext[0].hlen = 4;
    packet(&b);
    ASK({"-m ah", YES}, {"-m ah --ahspi 4096", YES}, {"-m ah ! --ahspi 4096", NO},
        {"-m ah --ahspi 5:9", NO}, {"-m ah --ahlen 24", YES}, {"-m ah ! --ahlen 24", NO},
        {"-m ah --ahlen 25", NO}, {"-m ah --ahlen 0", YES}, {"-m ah ! --ahlen 0", YES},
        {"-m ah --ahres", YES}, {"-m ah --ahspi 4096 --ahlen 24 --ahres", YES});
    shorten(23, 0, "-m ah", DROPPED);
    begin6();
    EXT(AUTH, 0, 1, 0, 0, 0, 5, 0, 0, 0, 1);
    b.ip6.ext[0].hlen = 1;
    packet(&b);
    ASK({"-m ah --ahres", NO}, {"-m ah --ahspi 5", YES}, {"-m ah --ahlen 12", YES});
    begin6();
    packet(&b);
    ASK({"-m ah", NO}, {"-m ah ! --ahspi 5", NO});
}

static void test_ipv6header(void **state)
{
    (void)state;
    begin6();
    packet(&b);
    ASK({"-m ipv6header --header prot", YES}, {"-m ipv6header ! --header prot", NO},
        {"-m ipv6header --header hop", NO}, {"-m ipv6header ! --header hop", YES});
    begin6();
    EXT(HBH, 1, 4, 0, 0, 0, 0);
    assert_true(build_ext_frag(&b, 0, true, 7));
    packet(&b);
    ASK({"-m ipv6header --header hop,frag,prot", YES},
        {"-m ipv6header ! --header hop,frag,prot", NO}, {"-m ipv6header --header frag", NO},
        {"-m ipv6header ! --header frag", YES}, {"-m ipv6header --header frag --soft", YES},
        {"-m ipv6header --header frag,hop --soft", YES},
        {"-m ipv6header --header frag,dst --soft", NO},
        /* Negated softly: none of them. */
        {"-m ipv6header ! --header frag,dst --soft", NO},
        {"-m ipv6header ! --header route,dst --soft", YES});
    begin6();
    EXT(DST, 1, 4, 0, 0, 0, 0);
    b.proto = BUILD_PROTO_NONE;
    packet(&b);
    ASK({"-m ipv6header --header dst,none", YES}, {"-m ipv6header --header dst,none,prot", NO});
    b.proto = 50;
    packet(&b);
    ASK({"-m ipv6header --header dst,esp", YES});
    /* What is behind the first headers of a later fragment is looked at all the same. */
    begin6();
    assert_true(build_ext_frag(&b, 1, true, 7));
    EXT(DST, 1, 4, 0, 0, 0, 0);
    packet(&b);
    ASK({"-m ipv6header --header frag,dst,prot", YES});
}

static void test_ipv6header_short(void **state)
{
    (void)state;
    begin6();
    EXT(DST, 1, 4, 0, 0, 0, 0);
    EXT(ROUTING, 0, 0, 0, 0, 0, 0);
    /* A header of which two bytes are there counts. */
    for (b.keep = 8; b.keep < 16; b.keep++) {
        packet(&b);
        if (b.keep < 10)
            ASK({"-m ipv6header --header dst", NO}, {"-m ipv6header ! --header dst", NO},
                {"-m ipv6header --header dst --soft", NO});
        else
            ASK({"-m ipv6header --header dst,route,prot", YES});
    }
    /* Behind one that is cut off, ESP and none do not. */
    b.proto = BUILD_PROTO_NONE;
    b.keep = 10;
    packet(&b);
    ASK({"-m ipv6header --header dst,route", YES});
    b.proto = 50;
    packet(&b);
    ASK({"-m ipv6header --header dst,route", YES});
    b.proto = DST;
    packet(&b);
    ASK({"-m ipv6header --header dst,route,prot", YES});
    /* ESP with nothing of it there. */
    begin6();
    b.proto = 50;
    b.keep = 1;
    packet(&b);
    ASK({"-m ipv6header --header esp", NO}, {"-m ipv6header ! --header esp", NO});
    b.keep = 2;
    packet(&b);
    ASK({"-m ipv6header --header esp", YES});
}

static void test_mh(void **state)
{
    static uint8_t mh[64] = {59, 0, 3, 0};

    (void)state;
    begin_packet(&b, 6, BUILD_RAW);
    b.proto = BUILD_PROTO_MOBILITY;
    b.data.bytes = mh;
    b.data.len = 8;
    packet(&b);
    ASK({"-p mh -m mh", YES}, {"-p mh --mh-type home-test", YES}, {"-p mh ! --mh-type 3", NO},
        {"-p mh --mh-type 1:3", YES}, {"-p mh --mh-type 4:", NO}, {"-p mh ! --mh-type :2", YES},
        {"-p mh ! --mh-type 0:255", NO});
    for (b.keep = 0; b.keep < 6; b.keep++) {
        packet(&b);
        ASK({"-p mh -m mh", DROPPED}, {"-p mh ! --mh-type 5", DROPPED});
    }
    b.keep = 6;
    packet(&b);
    ASK({"-p mh -m mh", YES});
    /* It says that a header follows. */
    mh[0] = 17;
    packet(&b);
    ASK({"-p mh -m mh", DROPPED}, {"-p mh ! --mh-type 5", DROPPED});
    b.keep = BUILD_AUTO;
    b.data.len = 64;
    b.piece = (struct build_piece){.on = true, .off = 8, .len = 24, .more = 1, .id = 7};
    packet(&b);
    ASK({"-p mh -m mh", NO}, {"-p mh ! --mh-type 5", NO});
}

/* Three segments, ::1 the last of the way, ::2, ::3 the first; ::1 is the one that follows. */
static void begin_srh(void)
{
    begin6();
    EXT(ROUTING, 4, 1, 2, 0, 0x12, 0x34, [21] = 1, [37] = 2, [53] = 3);
}

static void test_srh(void **state)
{
    (void)state;
    begin_srh();
    packet(&b);
    ASK({"-m srh", YES}, {"-m srh --srh-next-hdr 17", YES}, {"-m srh ! --srh-next-hdr 17", NO},
        {"-m srh --srh-hdr-len-eq 6", YES}, {"-m srh ! --srh-hdr-len-eq 6", NO},
        {"-m srh --srh-hdr-len-gt 6", NO}, {"-m srh ! --srh-hdr-len-gt 6", YES},
        {"-m srh --srh-hdr-len-lt 7", YES}, {"-m srh --srh-segs-left-eq 1", YES},
        {"-m srh --srh-segs-left-gt 0", YES}, {"-m srh ! --srh-segs-left-lt 2", NO},
        {"-m srh --srh-last-entry-eq 2", YES}, {"-m srh --srh-last-entry-gt 2", NO},
        {"-m srh --srh-last-entry-lt 3", YES},
        /* One number is kept for the three of a field. */
        {"-m srh --srh-hdr-len-eq 6 --srh-hdr-len-gt 5", NO},
        {"-m srh --srh-hdr-len-gt 5 --srh-hdr-len-lt 6", NO},
        /* Linux compares the tag's bytes the other way round. */
        {"-m srh --srh-tag 0x3412", YES}, {"-m srh --srh-tag 0x1234", NO},
        {"-m srh ! --srh-tag 0x1234", YES});
}

static void test_srh_segments(void **state)
{
    (void)state;
    begin_srh();
    packet(&b);
    ASK({"-m srh --srh-lsid ::1", YES}, {"-m srh ! --srh-lsid ::1", NO},
        {"-m srh --srh-lsid ::2", NO}, {"-m srh --srh-nsid ::1", YES},
        {"-m srh --srh-nsid ::/64", YES}, {"-m srh --srh-psid ::3", YES},
        {"-m srh ! --srh-psid ::4", YES}, {"-m srh --srh-psid ::2/127 --srh-lsid ::1", YES},
        /* Host bits are not compared. */
        {"-m srh --srh-lsid ::ff/112", YES}, {"-m srh --srh-lsid ::ff", NO});
    /* Where there is none before or after, nothing is true of it. */
    b.ip6.ext[0].body[1] = 0;
    packet(&b);
    ASK({"-m srh --srh-nsid ::/0", NO}, {"-m srh ! --srh-nsid ::/0", NO},
        {"-m srh --srh-psid ::2", YES});
    b.ip6.ext[0].body[1] = 2;
    packet(&b);
    ASK({"-m srh --srh-psid ::/0", NO}, {"-m srh ! --srh-psid ::/0", NO},
        {"-m srh --srh-nsid ::2", YES});
}

static void test_srh_broken(void **state)
{
    (void)state;
    begin_srh();
    for (b.keep = 0; b.keep < 56; b.keep++) {
        packet(&b);
        ASK({"-m srh", NO}, {"-m srh ! --srh-tag 5", NO});
    }
    begin_srh();
    b.ip6.ext[0].body[0] = 0; /* another type */
    packet(&b);
    ASK({"-m srh", NO});
    begin_srh();
    b.ip6.ext[0].body[1] = 3; /* more left than there are */
    packet(&b);
    ASK({"-m srh", NO});
    /* More segments than the header has room for: they are looked for in what follows. */
    begin6();
    EXT(ROUTING, 4, 0, 0, 0, 0, 0);
    b.data.len = 7;
    packet(&b);
    ASK({"-m srh", YES}, {"-m srh --srh-lsid ::/0", NO}, {"-m srh ! --srh-lsid ::/0", NO});
    b.data.len = 8;
    packet(&b);
    ASK({"-m srh --srh-lsid ::/0", YES});
    begin6();
    packet(&b);
    ASK({"-m srh", NO});
}

static void test_refused(void **state)
{
    (void)state;
    begin(6, WEIR_TABLE_FILTER, HOOK_FORWARD);
    refused("-m rt --rt-0-res --rt-type 0", 2, "`--rt-type 0' required before `--rt-0-res'");
    refused("-m rt ! --rt-type 0 --rt-0-addrs ::1", 2,
            "`--rt-type 0' required before `--rt-0-addrs'");
    refused("-m rt --rt-type 0 --rt-0-not-strict", 2,
            "`--rt-0-addr ...' required before `--rt-0-not-strict'");
    refused("-m rt --rt-type 0 --rt-0-addrs ::1,", 2, "bad address: ");
    refused("-m rt --rt-type 0 --rt-0-addrs ::,::,::,::,::,::,::,::,::,::,::,::,::,::,::,::,::", 2,
            "too many addresses specified");
    refused("-m hbh --hbh-opts 0:0", 2, "PAD0 has not got length");
    refused("-m dst --dst-opts 5:", 2, "dst: no valid digits in length `'");
    refused("-m dst --dst-opts 256", 2, "dst: opt `256' is more than 255");
    refused("-m hbh --hbh-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", 2,
            "too many addresses specified");
    refused("-m ipv6header --header tcp", 2, "unknown header `6' specified");
    refused("-m ipv6header --header FRAG", 2, "unknown header `FRAG' specified");
    refused("-m ipv6header --header ,", 2, "ip6t_ipv6header: cannot parse header names");
    refused("-m ipv6header --soft", 2, "ipv6header: option \"--header\" must be specified");
    refused("-p mh --mh-type 1:2:3", 2, "Invalid MH type `2:3'");
    refused("-m srh --srh-psid ::1/129", 2, "host/network `::1/129' not found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MATCH_TEST(test_frag),
        MATCH_TEST(test_frag_pieces),
        MATCH_TEST(test_behind_fragment),
        MATCH_TEST(test_rt),
        MATCH_TEST(test_options),
        MATCH_TEST(test_ah6),
        MATCH_TEST(test_ipv6header),
        MATCH_TEST(test_ipv6header_short),
        MATCH_TEST(test_mh),
        MATCH_TEST(test_srh),
        MATCH_TEST(test_srh_segments),
        MATCH_TEST(test_srh_broken),
        MATCH_TEST(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
