/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario text: packet lines and how they are printed back, whole files, and the errors: what they
 * say and where they point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scenario.h"
#include "scn_packet.h"
#include "wire.h"

static struct scn_packet packet, again;
static char printed[SCN_PRINT_MAX];

static void parse(const char *line, struct scn_packet *out)
{
    struct scn_error e;
    if (!scn_parse_packet(line, strlen(line), out, &e))
        fail_msg("%s\n  column %u: %s", line, e.col, e.text);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* A line, and how it is printed (NULL: the same). */
static const struct {
    const char *line, *print;
} lines[] = {
    {"A>B tcp 1000>80 S seq=1000 win=1000 ws=7 sackok", NULL},
    {"A>B tcp 1000>80 S. seq=5", "A>B tcp 1000>80 SA seq=5"},
    {"A>B tcp 1>2 none", NULL},
    {"A>B tcp 1>2 A ack=5001-66000", "A>B tcp 1>2 A ack=4294906297"},
    {"A>B tcp 1>2 A ack=5001-65535*128", "A>B tcp 1>2 A ack=4286583817"},
    {"B>A tcp 1>2 PA win=0x10 len=3", "B>A tcp 1>2 PA win=16 len=3"},
    {"A>B tcp 1>2 S mss=1460 ts=5/6 nop nop sack=1-2,3-4", NULL},
    {"A>B tcp 1>2 S eol eol eol eol ws=3", NULL},
    {"A>B tcp 1>2 S opt=0300", "A>B tcp 1>2 S opt=03000000"},
    {"A>B tcp 1>2 FPUA urg=7 res=5 doff=3 badsum", "A>B tcp 1>2 FPUA res=5 urg=7 doff=3 badsum"},
    {"A>B tcp 1000>80 none short=13", NULL},
    {"B>A udp 53>1000 len=20 badsum", NULL},
    {"B>A udp 53>1000 len=20 sum=0", "B>A udp 53>1000 len=20 nosum"},
    {"B>A udp 53>1000 len=20@30", "B>A udp 53>1000 len=20@4"},
    {"A>B udp 5>6 ulen=9 fieldsum len=4", NULL},
    {"A>B udp 5>6 data=\"PORT 1,2\\r\\n\"", NULL},
    {"A>B udp 5>6 data=00 len=3 data=\"x\"", "A>B udp 5>6 data=0061626378"},
    {"A>B udplite 1>2 cover=8 len=5 pseudo=17", NULL},
    {"A>B icmp echo id=7 seq=1", NULL},
    {"A>B icmp echo 3 id=7 len=8", NULL},
    {"A>B icmp type=42 code=3 id=1", NULL},
    {"A>B icmp unreach 4 mtu=1280", "A>B icmp unreach 4 rest=0x500"},
    {"B>A icmp redirect 1 gw=10.0.1.254", "B>A icmp redirect 1 rest=0xa0001fe"},
    {"B>A icmp unreach 3 quote=[A>B udp 1000>53 len=4] cut=28",
     "B>A icmp unreach 3 quote=[A>B udp 1000>53 len=4 cut=28]"},
    {"B>A icmp unreach 3 quote=[A>B icmp unreach quote=[B>A proto 50]]", NULL},
    {"6 A>B icmp echo id=7", NULL},
    {"A6>B6 icmp echo id=7", "6 A>B icmp echo id=7"},
    {"A>B6 icmp echo id=7", "6 A>B icmp echo id=7"},
    {"6 A>B icmp4 echo id=7", NULL},
    {"A>B icmp6 echo id=7", NULL},
    {"6 A>B icmp ns addr=fe80::1 hlim=255",
     "6 A>B icmp ns data=fe800000000000000000000000000001 ttl=255"},
    {"6 B>A icmp toobig rest=0x500 quote=[A>B udp 5>6]", NULL},
    {"6 B>A icmp exceeded quote=[4 A>B udp 5>6]", NULL},
    {"A>B sctp 5>6 vtag=0 INIT(tag=11,win=4096)", "A>B sctp 5>6 INIT(tag=11,win=4096)"},
    {"A>B sctp 5>6 vtag=7 DATA(tsn=6,len=4) SACK ABORT(T) HB(len=3)", NULL},
    {"A>B sctp 5>6 vtag=7 COOKIE_ECHO(data=\"a,b)\") CHUNK(type=77,length=2)", NULL},
    {"A>B sctp 5>6 vtag=7 HEARTBEAT_ACK(flags=3)", "A>B sctp 5>6 vtag=7 HB_ACK(flags=3)"},
    {"A>B sctp 5>6 INIT(tag=1) short=19",
     "A>B sctp 5>6 CHUNK(type=1,length=20,data=000000) sum=0x39a49a18 short=19"},
    {"A>B sctp 5>6 vtag=3 HB(len=3) badsum short=19", NULL},
    {"A>B gre v=1 proto=0x880b callid=85 seq=1 ack=2 len=10", NULL},
    {"A>B gre proto=0x800 csum key=5 badsum", NULL},
    {"A>B gre v=2", NULL},
    {"A>B proto 50 len=8", NULL},
    {"6 A>B proto 59", NULL},
    {"A>B udp 1>2 len=3000 ipid=5 frag=1480+1480", "A>B proto 17 len=1480@16 ipid=5 mf off=1480"},
    {"A>B udp 1>2 len=3000 ipid=5 frag=2960+48", "A>B proto 17 len=48@14 ipid=5 off=2960"},
    {"6 A>B udp 1>2 len=3000 fragid=9 frag=1480+1480",
     "6 A>B proto 17 len=1480@16 ext=frag(off=1480,more,id=9)"},
    {"6 A>B udp 1>2 len=8 ext=hbh,dst,ah,rt", NULL},
    {"6 A>B udp 1>2 ext=dst(data=01040000000a)", NULL},
    {"6 A>B udp 1>2 ext=dst(hlen=9)", "6 A>B proto 60 data=110901040000000000010002000804a1"},
    {"6 A>B udp 1>2 ext=frag(off=0,more,id=3)", NULL},
    {"A>B udp 1>2 tos=0x3 ttl=9 ipid=7 df evil ipopt=01010100 ipsum=bad", NULL},
    {"A>B udp 1>2 ihl=3 tlen=20", NULL},
    {"A2>B9 udp 1>2", NULL},
    {"10.9.9.9>B udp 1>2 from=B", NULL},
    {"from=B A>B udp 1>2", "A>B udp 1>2 from=B"},
    {"R>A udp 1>2 from=B", NULL},
    {"from=A hex 450000", NULL},
    {"A>B hex 4500", "from=A hex 4500"},
    {"A>B udp 1>2 # a comment", "A>B udp 1>2"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *want = lines[i].print ? lines[i].print : lines[i].line;
        parse(lines[i].line, &packet);
        scn_print_packet(printed, sizeof(printed), packet.side, packet.bytes, packet.len);
        assert_string_equal(printed, want);
        parse(printed, &again);
        assert_int_equal(again.side, packet.side);
        assert_int_equal(again.len, packet.len);
        assert_memory_equal(again.bytes, packet.bytes, packet.len);
    }
}

/* The words mean what they say: bytes of a few lines. */
static void test_line_bytes(void **state)
{
    (void)state;
    parse("A>B tcp 1000>80 SA seq=0x01020304 ack=2-3 win=9 urg=1", &packet);
    assert_int_equal(packet.side, SIDE_A);
    assert_int_equal(packet.len, 40);
    assert_memory_equal(packet.bytes + 12, "\x0a\x00\x01\x02\x0a\x00\x02\x02", 8);
    assert_memory_equal(packet.bytes + 20, "\x03\xe8\x00\x50\x01\x02\x03\x04\xff\xff\xff\xff", 12);
    assert_memory_equal(packet.bytes + 32, "\x50\x12\x00\x09", 4);
    assert_int_equal(wire_get16(packet.bytes + 38), 1);

    parse("B2>A icmp unreach 3 quote=[A>B2 udp 7>8 len=4] cut=24", &packet);
    assert_int_equal(packet.side, SIDE_B);
    assert_int_equal(packet.len, 20 + 8 + 24);
    assert_int_equal(wire_get16(packet.bytes + 28 + 2), 32); /* the quoted length stays true */
    assert_memory_equal(packet.bytes + 28 + 20, "\x00\x07\x00\x08", 4);

    parse("6 A>B udp 5>6 ext=dst", &packet);
    assert_int_equal(packet.bytes[6], 60);
    assert_int_equal(packet.bytes[40], 17);
    assert_int_equal(wire_get16(packet.bytes + 4), 16);
}

static const struct {
    const char *line;
    unsigned col;
    const char *text; /* part of the message */
} bad[] = {
    {"A>B tcp 1000>80 Q", 17, "no TCP flags"},
    {"A>B tcp 1000>80", 16, "TCP flags are missing"},
    {"A>B tcp 1000>80 S sq=1", 19, "seq ack win"},
    {"A>B tcp 1000:80 S", 9, "ports are wanted"},
    {"A>B tcp 1000>70000 S", 14, "the largest is 65535"},
    {"A>C tcp 1000>80 S", 3, "'C' is no host"},
    {"A6>10.0.0.1 tcp 1>2 S", 4, "IPv4, but the packet is IPv6"},
    {"A>B tcp 1>2 S win=70000", 19, "out of range"},
    {"A>B tcp 1>2 S win=", 19, "wants a number"},
    {"A>B tcp 1>2 S win", 15, "wants a number"},
    {"A>B tcp 1>2 S df=1", 18, "takes no value"},
    {"A>B tcp 1>2 S data=\"abc", 15, "no closing \""},
    {"A>B tcp 1>2 S data=0x12", 20, "no byte"},
    {"A>B tcp 1>2 S data=123", 20, "odd number"},
    {"A>B tcp 1>2 S data=\"\\q\"", 21, "\\xHH"},
    {"A>B tcp 1>2 S sack=1-2,3-4,1-2,3-4,5-6", 15, "more than 40 bytes"},
    {"A>B udp 1>2 frag=4+8", 18, "multiples of 8"},
    {"A>B udp 1>2 ext=hbh", 13, "IPv6"},
    {"6 A>B udp 1>2 ext=foo", 19, "hbh rt frag ah dst"},
    {"A>B sctp 1>2 FOO", 14, "is no chunk"},
    {"A>B sctp 1>2 INIT(tog=1)", 19, "no argument of a chunk"},
    {"A>B icmp eco", 10, "no ICMP type"},
    {"A>B proto 50 badsum", 14, "no checksum"},
    {"A>B foo", 5, "is no protocol"},
    {"R>A udp 1>2", 1, "from=A or from=B"},
    {"A>B udp 1>2 from=C", 13, "from=A or from=B"},
    {"A>B udp 1>2 len=65536", 1, "longer than IP allows"},
    {"B>A icmp unreach quote=[A>B udp 1>x]", 35, "wants a number"},
    {"B>A icmp unreach quote=[A>B udp 1>2] len=1 cut=3", 18, "must be the last"},
    {"from=A hex 45zz", 14, "no byte"},
    {"", 1, "hosts are wanted"},
};

static void test_bad_lines(void **state)
{
    struct scn_error e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (scn_parse_packet(bad[i].line, strlen(bad[i].line), &packet, &e))
            fail_msg("accepted: %s", bad[i].line);
        if (e.line != 1 || e.col != bad[i].col || !strstr(e.text, bad[i].text))
            fail_msg("%s\n  line %u column %u: %s", bad[i].line, e.line, e.col, e.text);
    }
}

/* Cut short anywhere, a line may be wrong but never dangerous. */
static void test_truncated_lines(void **state)
{
    struct scn_error e;

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        size_t len = strlen(lines[i].line);
        for (size_t n = 0; n < len; n++) {
            char *copy = malloc(n + 1); /* so that reading on is noticed */
            assert_non_null(copy);
            memcpy(copy, lines[i].line, n);
            scn_parse_packet(copy, n, &packet, &e);
            free(copy);
        }
    }
}

/* A line too long for the buffer is cut, not broken. */
static void test_small_buffer(void **state)
{
    char small[20];

    (void)state;
    parse("A>B udp 1000>53 len=4", &packet);
    scn_print_packet(small, sizeof(small), packet.side, packet.bytes, packet.len);
    assert_true(strlen(small) < sizeof(small));
}

static void test_print_line(void **state)
{
    (void)state;
    parse("A>B udp 1>2", &packet);
    scn_print_line(printed, sizeof(printed), 1500000000, packet.side, packet.bytes, packet.len);
    assert_string_equal(printed, "wait 1500ms A>B udp 1>2");
    scn_print_line(printed, sizeof(printed), 0, packet.side, packet.bytes, packet.len);
    assert_string_equal(printed, "A>B udp 1>2");
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char example[] =
    "# RSTs around the exact sequence number.\n"
    "flow tcp A>B 1000>80\n"
    "\n"
    "block handshake\n"
    "    A: S seq=1000 win=1000               -> NEW state=SYN_SENT timeout=120 unreplied\n"
    "    B: SA seq=5000 ack=1001 win=1000     -> EST_R state=SYN_RECV timeout=60\n"
    "    A: A seq=1001 ack=5001 win=1000      -> EST state=ESTABLISHED timeout=432000 assured\n"
    "end\n"
    "\n"
    "name rst-1: an exact RST closes\n"
    "ref rst-1, rst-2 tcp-9\n"
    "do handshake\n"
    "A: R seq=1001                            -> EST state=CLOSE timeout=10\n"
    "wait 10.2s\n"
    "expect table 0\n"
    "\n"
    "name udp-1: a stream is a stream after two seconds\n"
    "only weir because the kernel's clock cannot be set\n"
    "A>B udp 5>53 len=4                       -> NEW timeout=30 packets=1/0\n"
    "at +1.8s A>B udp 5>53 len=4              -> EST timeout=29..30\r\n"
    "at +2.2s x3 A>B udp 5>53 len=4           -> EST timeout=120 assured\n"
    "wait 1m wait 500ms x2 flush\n";

static void load(struct scenario_file *f, const char *text)
{
    struct scn_error e;
    if (!scenario_parse(f, text, strlen(text), &e))
        fail_msg("line %u column %u: %s", e.line, e.col, e.text);
}

static void test_example(void **state)
{
    struct scenario_file f;
    const struct scenario *s;

    (void)state;
    load(&f, example);
    assert_int_equal(f.count, 2);
    s = &f.scenario[0];
    assert_string_equal(s->name, "rst-1: an exact RST closes");
    assert_int_equal(s->line, 10);
    assert_int_equal(s->ref_count, 3);
    assert_string_equal(s->ref[1], "rst-2");
    assert_string_equal(s->ref[2], "tcp-9");
    assert_int_equal(s->only, SCN_ENGINE_ALL);
    assert_int_equal(s->step_count, 6);

    const struct scn_step *t = &s->step[1];
    assert_int_equal(t->kind, SCN_STEP_PACKET);
    assert_int_equal(t->line, 6);
    assert_int_equal(t->u.packet.side, SIDE_B);
    parse("B>A tcp 80>1000 SA seq=5000 ack=1001 win=1000", &packet);
    assert_int_equal(t->u.packet.len, packet.len);
    assert_memory_equal(t->u.packet.bytes, packet.bytes, packet.len);
    assert_int_equal(t->u.packet.expect->class, SCN_CLASS_EST_R);
    assert_string_equal(t->u.packet.expect->state, "SYN_RECV");
    assert_true(t->u.packet.expect->timeout.set);
    assert_int_equal(t->u.packet.expect->timeout.low, 60);
    assert_int_equal(t->u.packet.expect->timeout.high, 60);
    assert_int_equal(t->u.packet.expect->assured, SCN_ANY);
    assert_int_equal(s->step[0].u.packet.expect->replied, SCN_NO);
    assert_int_equal(s->step[2].u.packet.expect->assured, SCN_YES);
    assert_int_equal(s->step[4].kind, SCN_STEP_WAIT);
    assert_int_equal(s->step[4].wait_ns, 10200000000);
    assert_int_equal(s->step[5].kind, SCN_STEP_EXPECT_TABLE);
    assert_int_equal(s->step[5].u.count, 0);

    s = &f.scenario[1];
    assert_int_equal(s->only, SCN_ENGINE_WEIR);
    assert_string_equal(s->only_why, "because the kernel's clock cannot be set");
    assert_int_equal(s->step_count, 7);
    assert_int_equal(s->step[0].wait_ns, 0);
    assert_int_equal(s->step[1].wait_ns, 1800000000);
    assert_int_equal(s->step[1].u.packet.expect->timeout.low, 29);
    assert_int_equal(s->step[1].u.packet.expect->timeout.high, 30);
    assert_int_equal(s->step[2].wait_ns, 400000000);
    assert_int_equal(s->step[3].wait_ns, 0); /* `at` is about the first of the three */
    assert_int_equal(s->step[5].kind, SCN_STEP_FLUSH);
    assert_int_equal(s->step[5].wait_ns, 60500000000);
    assert_int_equal(s->step[6].wait_ns, 60500000000);
    scenario_free(&f);
    assert_null(f.scenario);
}

/* In what is done again, i counts. */
static void test_repeated(void **state)
{
    struct scenario_file f;

    (void)state;
    load(&f, "name again and again\n"
             "x3 wait 1s A>B udp 1000+2*i>53 len=i\n"
             "mtu 1000\n");
    const struct scenario *s = &f.scenario[0];
    assert_int_equal(s->step_count, 4);
    for (unsigned i = 0; i < 3; i++) {
        const struct scn_step *t = &s->step[i];
        assert_int_equal(t->wait_ns, 1000000000);
        assert_int_equal(t->line, 2);
        assert_int_equal(t->u.packet.len, 28 + i);
        assert_int_equal(t->u.packet.bytes[20] << 8 | t->u.packet.bytes[21], 1000 + 2 * i);
    }
    assert_int_equal(s->step[3].kind, SCN_STEP_MTU);
    assert_int_equal(s->step[3].u.count, 1000);
    scenario_free(&f);
}

static void test_settings(void **state)
{
    struct scenario_file f;

    (void)state;
    load(&f, "name all the other lines\n"
             "sysctl tcp_loose=0\n"
             "sysctl nf_conntrack_acct=1\n"
             "sysctl net.ipv4.ipfrag_time=3\n"
             "rule -A FORWARD -p udp -j DROP -> FAIL\n"
             "rule6 -t raw -A PREROUTING -j NOTRACK\n"
             "conntrack -D -p udp\n"
             "route B 10.9.0.0/16\n"
             "tmpl A zone=5 dir=orig\n"
             "policy slow tcp syn_sent=9 established=77\n"
             "policy slow off\n"
             "hooks off\nhold on\nrelease 2\n"
             "expect count 3\n"
             "expect stat invalid=1 icmp_error=0\n"
             "expect entry 6 tcp A>B2 1000>80 state=CLOSE gone\n"
             "expect entry proto 50 A>B timeout=600\n"
             "expect entry icmp A>B 7>8/0 mark=3 zone=2 orig=[A>B 7>8/0] reply=[B>A 7>0/0]\n"
             "expect events NEW,DESTROY\n"
             "expect events none\n"
             "expect rule6 [1:2] -A FORWARD  -j DROP\n"
             "out B R2>B udp 9>53 len=4\n"
             "out A none\n"
             "6 A>B gre -> INV gone events=none out=3 sizes=420,420,228 reason=short scale=7/8\n"
             "flow 6 sctp B2>A 5>6\n"
             "A: vtag=7 INIT_ACK(tag=1) -> ANY vtag=1/2 flags=0x3/0x23 fresh uncounted status=0xe\n"
             "flow proto 50 A>B\n"
             "B: len=8 -> HELD\n");
    const struct scn_step *t = f.scenario[0].step;

    assert_string_equal(t->u.settings.setting[0].key, "net.netfilter.nf_conntrack_tcp_loose");
    assert_string_equal((t++)->u.settings.setting[0].value, "0");
    assert_string_equal((t++)->u.settings.setting[0].key, "net.netfilter.nf_conntrack_acct");
    assert_string_equal((t++)->u.settings.setting[0].key, "net.ipv4.ipfrag_time");
    assert_int_equal(t->kind, SCN_STEP_RULE);
    assert_int_equal(t->u.command.family, 4);
    assert_true(t->u.command.fails);
    assert_string_equal((t++)->u.command.args, "-A FORWARD -p udp -j DROP");
    assert_int_equal(t->u.command.family, 6);
    assert_false(t->u.command.fails);
    assert_string_equal((t++)->u.command.args, "-t raw -A PREROUTING -j NOTRACK");
    assert_int_equal(t->kind, SCN_STEP_CONNTRACK);
    assert_string_equal((t++)->u.command.args, "-D -p udp");
    assert_int_equal(t->kind, SCN_STEP_ROUTE);
    assert_string_equal(t->u.settings.setting[0].key, "B");
    assert_string_equal((t++)->u.settings.setting[1].key, "10.9.0.0/16");
    assert_int_equal(t->kind, SCN_STEP_TMPL);
    assert_int_equal(t->u.settings.count, 3);
    assert_string_equal(t->u.settings.setting[0].key, "A");
    assert_null(t->u.settings.setting[0].value);
    assert_string_equal((t++)->u.settings.setting[2].value, "orig");
    assert_int_equal(t->kind, SCN_STEP_POLICY);
    assert_int_equal((t++)->u.settings.count, 4);
    assert_string_equal((t++)->u.settings.setting[1].key, "off");
    assert_int_equal(t->kind, SCN_STEP_HOOKS);
    assert_false((t++)->u.on);
    assert_int_equal(t->kind, SCN_STEP_HOLD);
    assert_true((t++)->u.on);
    assert_int_equal(t->kind, SCN_STEP_RELEASE);
    assert_int_equal((t++)->u.count, 2);
    assert_int_equal(t->kind, SCN_STEP_EXPECT_COUNT);
    assert_int_equal((t++)->u.count, 3);
    assert_int_equal(t->kind, SCN_STEP_EXPECT_STAT);
    assert_string_equal((t++)->u.settings.setting[1].key, "icmp_error");

    assert_int_equal(t->kind, SCN_STEP_EXPECT_ENTRY);
    assert_int_equal(t->u.entry.proto, 6);
    assert_int_equal(t->u.entry.orig.family, 6);
    assert_int_equal(t->u.entry.orig.dst.b[15], 3);
    assert_int_equal(t->u.entry.orig.skey, 1000);
    assert_int_equal((t++)->u.entry.expect->gone, SCN_YES);
    assert_int_equal(t->u.entry.proto, 50);
    assert_int_equal((t++)->u.entry.expect->timeout.low, 600);
    assert_int_equal(t->u.entry.orig.dkey, 0x0800);
    assert_int_equal(t->u.entry.expect->reply.skey, 7);
    assert_int_equal(t->u.entry.expect->reply.src.b[2], 2);
    assert_int_equal((t++)->u.entry.expect->zone.low, 2);
    assert_int_equal(t->u.entry.expect->events.count, 2);
    assert_int_equal((t++)->u.entry.expect->events.event[1], SCN_EVENT_DESTROY);
    assert_true(t->u.entry.expect->events.set);
    assert_int_equal((t++)->u.entry.expect->events.count, 0);
    assert_int_equal(t->kind, SCN_STEP_EXPECT_RULE);
    assert_int_equal(t->u.command.family, 6);
    assert_string_equal((t++)->u.command.args, "[1:2] -A FORWARD  -j DROP");

    assert_int_equal(t->kind, SCN_STEP_OUT);
    assert_int_equal(t->u.packet.side, SIDE_B);
    assert_int_equal((t++)->u.packet.len, 32);
    assert_int_equal((t++)->u.packet.len, 0);
    assert_int_equal(t->u.packet.expect->class, SCN_CLASS_INV);
    assert_int_equal(t->u.packet.expect->sizes.size[2], 228);
    assert_int_equal(t->u.packet.expect->out.low, 3);
    assert_int_equal((t++)->u.packet.expect->scale.v[1], 8);
    /* The flow was written from B to A; A: is still the packet that A sends. */
    assert_int_equal(t->u.packet.side, SIDE_A);
    assert_int_equal(wire_get16(t->u.packet.bytes + 40), 6);
    assert_int_equal(t->u.packet.expect->flags.v[1], 0x23);
    assert_int_equal(t->u.packet.expect->fresh, SCN_YES);
    assert_int_equal((t++)->u.packet.expect->counted, SCN_NO);
    assert_int_equal(t->u.packet.bytes[9], 50);
    assert_int_equal(t->u.packet.bytes[15], 2);
    assert_int_equal((t++)->u.packet.expect->class, SCN_CLASS_HELD);
    assert_int_equal(t - f.scenario[0].step, f.scenario[0].step_count);
    scenario_free(&f);
}

static const struct {
    const char *text;
    unsigned line, col;
    const char *message;
} bad_files[] = {
    {"A>B udp 1>2\n", 1, 1, "name TEXT"},
    {"ref x\n", 1, 1, "name TEXT"},
    {"name\n", 1, 5, "wants a text"},
    {"name x\n\nA: S\n", 3, 1, "needs a flow"},
    {"name x\nA>B udp 1>2 -> NWE\n", 2, 16, "NEW EST EST_R"},
    {"name x\nA>B udp 1>2 -> NEW stat=1\n", 2, 20, "timeout="},
    {"name x\nA>B udp 1>2 -> NEW timeout=5..3\n", 2, 28, "ends before"},
    {"name x\nA>B udp 1>2 -> NEW packets=1\n", 2, 28, "each direction"},
    {"name x\nA>B udp 1>2 -> NEW assured=1\n", 2, 28, "takes no value"},
    {"name x\nwait 5\n", 2, 6, "no time"},
    {"name x\nwait 5s\nat +1s flush\n", 3, 4, "in the past"},
    {"name x\nflush now\n", 2, 7, "too much"},
    {"name x\nfoo\n", 2, 1, "begins no line"},
    {"name x\nroute B\n", 2, 8, "wants a side and a network"},
    {"name x\nroute C 10.9.0.0/16\n", 2, 7, "side"},
    {"name x\nexpect rule\n", 2, 12, "missing"},
    {"name x\nexpect rules x\n", 2, 8, "cannot be expected"},
    {"name x\nsysctl loose\n", 2, 8, "KEY=VALUE"},
    {"name x\nexpect miracle\n", 2, 8, "table count stat entry rule rule6 events"},
    {"name x\nexpect stat invalid\n", 2, 13, "wants a number"},
    {"name x\nexpect entry foo A>B\n", 2, 14, "no protocol"},
    {"name x\nhold maybe\n", 2, 6, "on or off"},
    {"name x\ndo it\n", 2, 4, "no block 'it'"},
    {"block a\nA>B udp 1>2\n", 1, 7, "no 'end'"},
    {"block a\ndo a\nend\nname x\ndo a\n", 2, 4, "8 deep"},
    {"name x\nonly linux because\n", 2, 6, "weir or kernel"},
    {"name x\nflow tcp A>B\n", 2, 13, "ports are wanted"},
    {"block a\nA>B udp 1>y\nend\nname x\ndo a\n", 2, 11, "wants a number"},
};

static void test_bad_files(void **state)
{
    struct scenario_file f;
    struct scn_error e;

    (void)state;
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
        const char *text = bad_files[i].text;
        if (scenario_parse(&f, text, strlen(text), &e))
            fail_msg("accepted: %s", text);
        if (e.line != bad_files[i].line || e.col != bad_files[i].col ||
            !strstr(e.text, bad_files[i].message))
            fail_msg("%s  line %u column %u: %s", text, e.line, e.col, e.text);
        assert_int_equal(f.count, 0);
    }
    assert_false(scenario_load(&f, "/nonexistent/x.scn", &e));
    assert_int_equal(e.line, 0);
    assert_non_null(strstr(e.text, "/nonexistent/x.scn: No such file"));
}

/* The example cut off anywhere, without a byte to spare. */
static void test_truncated_file(void **state)
{
    struct scenario_file f;
    struct scn_error e;

    (void)state;
    for (size_t n = 0; n < sizeof(example); n++) {
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, example, n);
        if (scenario_parse(&f, copy, n, &e))
            scenario_free(&f);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_line_bytes),
        cmocka_unit_test(test_bad_lines),      cmocka_unit_test(test_truncated_lines),
        cmocka_unit_test(test_small_buffer),   cmocka_unit_test(test_print_line),
        cmocka_unit_test(test_example),        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_settings),       cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_truncated_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
