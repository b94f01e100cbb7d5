/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m set and -j SET, in a shard with packets. What is expected was seen on a Linux kernel with the
 * same sets, rules and packets, where it has the type of set; and is what ipset(8) says otherwise.
 */
#include "rules_fixture.h"
#include "sets_fixture.h"

static struct {
    struct weir_sets *sets;
    struct weir_rules *rules;
    struct build b;
    uint8_t link[14];
    bool no_link;
} s;

static int end(void **state)
{
    if (s.rules)
        assert_int_equal(weir_shard_set_rules(lab.f->shard, lab.family, NULL, NULL), 0);
    weir_rules_free(s.rules);
    weir_sets_free(s.sets);
    memset(&s, 0, sizeof(s));
    return lab_end(state);
}

#define SET_TEST(test) cmocka_unit_test_teardown(test, end)

/* Sets, and no rules yet. A second time: other sets. */
static void begin_sets(const char *text)
{
    if (s.rules)
        assert_int_equal(weir_shard_set_rules(lab.f->shard, lab.family, NULL, NULL), 0);
    weir_rules_free(s.rules);
    s.rules = NULL;
    weir_sets_free(s.sets);
    if (!lab.f)
        lab_begin(16);
    s.sets = sets_of(text);
}

static int parse(uint8_t family, const char *table, const char *chain, const char *rule,
                 struct weir_rules **rules, struct weir_rules_error *error)
{
    const struct weir_rules_options options = {.sets = s.sets};
    char text[512];

    (void)snprintf(text, sizeof(text), "*%s\n-A %s %s\nCOMMIT\n", table, chain, rule);
    return weir_rules_parse(rules, family, text, strlen(text), &options, error);
}

/* The one rule there is from now on. */
static void rule_in(uint8_t family, const char *table, const char *chain, const char *rule)
{
    struct weir_rules_error error;
    struct weir_rules *rules;

    if (parse(family, table, chain, rule, &rules, &error) != 0)
        fail_msg("%s: %s", rule, error.message);
    assert_int_equal(weir_shard_set_rules(lab.f->shard, family, rules, s.sets), 0);
    weir_rules_free(s.rules);
    s.rules = rules;
    lab.family = family;
}

static uint64_t counted(void)
{
    for (uint32_t n = 0; n < weir_rules_counters(s.rules); n++)
        if (weir_rules_line(s.rules, n) == 2)
            return weir_shard_rule_counts(lab.f->shard, lab.family)[n].packets;
    return 0;
}

/* Send s.b; did the rule count it? */
static bool hit(void)
{
    static uint8_t bytes[BUILD_PACKET_MAX];
    size_t len = build_make(&s.b, bytes, sizeof(bytes));
    uint8_t *exact = malloc(len);
    uint64_t before = counted();

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    lab.f->sent = (struct weir_packet){.data = exact,
                                       .len = (uint32_t)len,
                                       .mark = lab.mark,
                                       .in_iface = R0,
                                       .link = s.no_link ? NULL : s.link,
                                       .link_len = sizeof(s.link),
                                       .link_type = 1};
    weir_shard_run(lab.f->shard, lab.f->now, &lab.f->sent, 1);
    free(exact);
    return counted() > before;
}

/* A datagram 10.0.0.1:1000 -> 10.0.0.2:80 of 32 bytes, or the like in IPv6. */
static void datagram(uint8_t family)
{
    s.b = lab_udp(family, 'A', 'B', 1000, 80);
    memcpy(s.link, (const uint8_t[14]){2, 0, 0, 0, 0, 0xfe, 2, 0, 0, 0, 0, 1, 8, 0}, 14);
}

/* Rule "-m set REST" in raw PREROUTING. */
static bool asks(const char *rest)
{
    char rule[256];

    (void)snprintf(rule, sizeof(rule), "-m set %s", rest);
    rule_in(4, "raw", "PREROUTING", rule);
    return hit();
}

static bool in_set(const char *dirs)
{
    char rest[64];

    (void)snprintf(rest, sizeof(rest), "--match-set a %s", dirs);
    return asks(rest);
}

/* The elements of the sets now, one a line. */
static void expect_elements(const char *expected)
{
    char *text = sets_print(s.sets, lab.f->now.ns / SEC), *elements = strdup("");
    size_t len = 0;

    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strncmp(line, "add ", 4) == 0) {
            elements = realloc(elements, len + strlen(line) + 2);
            len += (size_t)sprintf(elements + len, "%s\n", line + 4);
        }
    assert_string_equal(elements, expected);
    free(elements);
    free(text);
}

/* --- what a packet has --- */

static void test_dirs(void **state)
{
    (void)state;
    begin_sets("create a hash:ip\nadd a 10.0.0.1\n");
    datagram(4);
    assert_true(in_set("src"));
    assert_false(in_set("dst"));
    assert_true(in_set("src,dst,dst"));
    assert_false(in_set("dst,src"));
    assert_true(in_set("src,src,src,src,src,src"));
    assert_false(asks("! --match-set a src"));
    assert_true(asks("! --match-set a dst"));

    begin_sets("create a hash:ip,port\nadd a 10.0.0.1,udp:80\n");
    assert_false(in_set("src"));
    assert_true(in_set("src,dst"));
    assert_true(in_set("src,dst,dst"));
    assert_false(in_set("src,src"));

    begin_sets("create a hash:ip,port,ip\nadd a 10.0.0.1,udp:80,10.0.0.2\n");
    assert_true(in_set("src,dst,dst"));
    assert_false(in_set("src,dst,src"));
}

static bool port_hit(const char *elem)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "create a hash:ip,port\nadd a 10.0.0.1,%s\n", elem);
    begin_sets(text);
    return in_set("src,dst");
}

static void test_ports(void **state)
{
    (void)state;
    datagram(4);
    assert_true(port_hit("udp:80"));
    assert_false(port_hit("udp:1000"));
    assert_false(port_hit("tcp:80"));
    /* A header that is not there whole has no ports. */
    s.b.keep = 7;
    assert_false(port_hit("udp:80"));

    s.b = lab_tcp('A', 'B', 1000, 80, BUILD_TCP_SYN, 1, 0);
    assert_true(port_hit("tcp:80"));
    s.b.keep = 19;
    assert_false(port_hit("tcp:80"));

    s.b = lab_echo('A', 'B', 8, 1);
    assert_true(port_hit("icmp:echo-request"));
    assert_false(port_hit("icmp:echo-reply"));
    s.b.keep = 7;
    assert_false(port_hit("icmp:echo-request"));

    packet_init(&s.b, 4, BUILD_SCTP, 'A', 'B');
    s.b.l4.sctp.sport = 1000;
    s.b.l4.sctp.dport = 80;
    assert_true(port_hit("sctp:80"));
    packet_init(&s.b, 4, BUILD_UDPLITE, 'A', 'B');
    s.b.l4.udp.dport = 80;
    assert_true(port_hit("udplite:80"));

    /* Other protocols have port 0, and so have later fragments. */
    packet_init(&s.b, 4, BUILD_RAW, 'A', 'B');
    s.b.proto = 47;
    s.b.data.len = 64;
    assert_true(port_hit("gre:0"));
    assert_false(port_hit("tcp:0"));
    s.b.proto = 50;
    assert_true(port_hit("esp:0"));
}

static void test_bitmap_port(void **state)
{
    (void)state;
    begin_sets("create a bitmap:port range 0-100\nadd a 80\nadd a 0\n");
    datagram(4);
    assert_true(in_set("dst"));
    assert_false(in_set("src"));
    s.b = lab_tcp('A', 'B', 1000, 80, BUILD_TCP_SYN, 1, 0);
    assert_true(in_set("dst"));
    s.b = lab_echo('A', 'B', 0, 1);
    assert_false(in_set("dst"));
    packet_init(&s.b, 4, BUILD_SCTP, 'A', 'B');
    s.b.l4.sctp.dport = 80;
    assert_false(in_set("dst"));
}

static void test_ipv6(void **state)
{
    (void)state;
    begin_sets("create a hash:net,port family inet6\nadd a fd99::/64,udp:80\n"
               "add a fd99::/64,ipv6-icmp:128/0\n"
               "create p bitmap:port range 0-100\nadd p 80\n");
    datagram(6);
    rule_in(6, "raw", "PREROUTING", "-m set --match-set a src,dst");
    assert_true(hit());
    rule_in(6, "raw", "PREROUTING", "-m set --match-set a src,src");
    assert_false(hit());
    /* A set without addresses is for both families. */
    rule_in(6, "raw", "PREROUTING", "-m set --match-set p dst");
    assert_true(hit());
    packet_init(&s.b, 6, BUILD_ICMP, 'A', 'B');
    s.b.l4.icmp.type = 128;
    rule_in(6, "raw", "PREROUTING", "-m set --match-set a src,dst");
    assert_true(hit());
}

static void test_macs(void **state)
{
    (void)state;
    datagram(4);
    begin_sets("create a hash:mac\nadd a 2:0:0:0:0:1\n");
    assert_true(in_set("src"));
    assert_false(in_set("dst"));
    s.no_link = true;
    assert_false(in_set("src"));
    s.no_link = false;
    begin_sets("create a hash:ip,mac\nadd a 10.0.0.1,2:0:0:0:0:fe\n");
    assert_true(in_set("src,dst"));
    assert_false(in_set("src,src"));
    rule_in(4, "mangle", "POSTROUTING", "-m set --match-set a src,dst");
    assert_false(hit());
}

static void test_marks(void **state)
{
    (void)state;
    datagram(4);
    begin_sets("create a hash:ip,mark markmask 0xff0\nadd a 10.0.0.1,0x1230\n");
    lab.mark = 0x9231;
    assert_true(in_set("src,dst"));
    lab.mark = 0x9331;
    assert_false(in_set("src,dst"));
}

static void test_ifaces(void **state)
{
    (void)state;
    datagram(4);
    begin_sets("create a hash:net,iface\nadd a 10.0.0.0/24,r0\nadd a 10.0.0.0/24,r1\n"
               "add a 10.0.0.0/24,physdev:r0\n");
    assert_true(in_set("src,src"));
    assert_false(in_set("src,dst")); /* it is not routed yet */
    rule_in(4, "mangle", "FORWARD", "-m set --match-set a src,dst");
    assert_true(hit());
    rule_in(4, "mangle", "FORWARD", "-m set --match-set a dst,src");
    assert_true(hit());
    begin_sets("create a hash:net,iface\nadd a 0.0.0.0/0,r wildcard\n");
    assert_true(in_set("src,src"));
    assert_false(in_set("src,dst"));
    begin_sets("create a hash:net,iface\nadd a 10.0.0.0/24,physdev:r0\n");
    assert_false(in_set("src,src"));
}

/* --- exceptions --- */

static void test_nomatch(void **state)
{
    (void)state;
    begin_sets("create a hash:net\nadd a 10.0.0.0/24\nadd a 10.0.0.0/30 nomatch\n");
    datagram(4);
    assert_false(in_set("src"));
    assert_true(asks("! --match-set a src"));
    assert_true(asks("--match-set a src --return-nomatch"));
    assert_false(asks("! --match-set a src --return-nomatch"));
    s.b.src.b[3] = 9;
    assert_true(in_set("src"));
    assert_false(asks("--match-set a src --return-nomatch"));

    begin_sets("create a hash:net\nadd a 10.0.0.0/24 nomatch\nadd a 10.0.0.0/30\n");
    datagram(4);
    assert_true(in_set("src"));

    /* A set that has no exceptions is asked as ever. */
    begin_sets("create a hash:ip\nadd a 10.0.0.1\n");
    assert_true(asks("--match-set a src --return-nomatch"));
}

/* --- counters --- */

static void test_counters(void **state)
{
    (void)state;
    begin_sets("create a hash:ip counters\nadd a 10.0.0.1\n");
    datagram(4);
    assert_true(in_set("src"));
    expect_elements("a 10.0.0.1 packets 1 bytes 32\n");
    assert_true(asks("--match-set a src ! --update-counters"));
    expect_elements("a 10.0.0.1 packets 1 bytes 32\n");
    /* They are compared after this packet was counted, and it is also when they say no. */
    assert_true(asks("--match-set a src --packets-eq 2"));
    assert_false(asks("--match-set a src --packets-eq 2"));
    assert_true(asks("--match-set a src ! --packets-eq 3"));
    assert_true(asks("--match-set a src --packets-gt 4"));
    assert_false(asks("--match-set a src --packets-lt 6"));
    assert_true(asks("--match-set a src --packets-lt 8 --bytes-gt 100"));
    assert_false(asks("--match-set a src --packets-lt 9 --bytes-lt 100"));
    assert_true(asks("! --match-set a src --packets-eq 100"));
    expect_elements("a 10.0.0.1 packets 9 bytes 288\n");
    assert_false(asks("--match-set a dst --packets-lt 100"));
    assert_true(asks("! --match-set a dst --packets-lt 100"));

    begin_sets("create a hash:ip\nadd a 10.0.0.1\n");
    assert_true(asks("--match-set a src --packets-gt 1000"));

    /* What does not compare is as if it were not there. */
    begin_sets("create a hash:net counters\nadd a 10.0.0.0/24 nomatch\n"
               "add a 10.0.0.0/8 packets 50\n");
    assert_true(asks("--match-set a src --packets-eq 51"));
    expect_elements("a 10.0.0.0/24 nomatch packets 1 bytes 32\na 10.0.0.0/8 packets 51 bytes 32\n");
    assert_false(in_set("src"));
    expect_elements("a 10.0.0.0/24 nomatch packets 2 bytes 64\na 10.0.0.0/8 packets 51 bytes 32\n");
}

/* --- lists --- */

#define MEMBERS                                                                              \
    "create h hash:ip counters\nadd h 10.0.0.1\ncreate p hash:ip,port counters\n"            \
    "add p 10.0.0.1,udp:80\ncreate q hash:ip,port,ip\nadd q 10.0.0.1,udp:80,10.0.0.2\n"      \
    "create n hash:net counters\nadd n 10.0.0.0/24 nomatch\ncreate x hash:ip family inet6\n" \
    "add x ::1\n"

static void test_lists(void **state)
{
    (void)state;
    datagram(4);
    begin_sets(MEMBERS "create a list:set\nadd a q\nadd a p\nadd a x\n");
    assert_false(in_set("src")); /* members that want more are passed over */
    assert_true(in_set("src,dst"));
    assert_true(in_set("src,dst,dst"));
    assert_false(in_set("dst,dst,dst"));
    begin_sets(MEMBERS "create a list:set counters\nadd a n\nadd a h\nadd a p\n");
    assert_true(in_set("src,dst"));
    expect_elements("h 10.0.0.1 packets 1 bytes 32\np 10.0.0.1,udp:80 packets 0 bytes 0\n"
                    "q 10.0.0.1,udp:80,10.0.0.2\nn 10.0.0.0/24 nomatch packets 1 bytes 32\nx ::1\n"
                    "a n packets 0 bytes 0\na h packets 1 bytes 32\na p packets 0 bytes 0\n");
    begin_sets(MEMBERS "create a list:set\n");
    assert_false(in_set("src"));
}

static void test_list_counters(void **state)
{
    (void)state;
    datagram(4);
#define LIST "create h hash:ip counters\nadd h 10.0.0.1\ncreate a list:set counters\nadd a h\n"
    begin_sets(LIST);
    assert_true(asks("--match-set a src ! --update-counters"));
    expect_elements("h 10.0.0.1 packets 0 bytes 0\na h packets 0 bytes 0\n");
    assert_true(asks("--match-set a src ! --update-subcounters"));
    expect_elements("h 10.0.0.1 packets 0 bytes 0\na h packets 1 bytes 32\n");
    assert_true(asks("--match-set a src"));
    expect_elements("h 10.0.0.1 packets 1 bytes 32\na h packets 2 bytes 64\n");
    /* The list's counters are what is compared. */
    assert_true(asks("--match-set a src --packets-eq 3"));
    assert_false(asks("--match-set a src --packets-eq 3"));

    begin_sets("create h hash:ip counters\nadd h 10.0.0.1\ncreate g hash:ip counters\n"
               "add g 10.0.0.1\ncreate a list:set counters\nadd a h\nadd a g packets 7\n");
    assert_true(asks("--match-set a src --packets-eq 8"));
    expect_elements("h 10.0.0.1 packets 1 bytes 32\ng 10.0.0.1 packets 1 bytes 32\n"
                    "a h packets 1 bytes 32\na g packets 8 bytes 32\n");

    begin_sets("create n hash:net\nadd n 10.0.0.0/24 nomatch\ncreate a list:set\nadd a n\n");
    assert_false(in_set("src"));
    assert_true(asks("--match-set a src --return-nomatch"));
}

/* --- SET --- */

static void does(const char *rest)
{
    char rule[256];

    (void)snprintf(rule, sizeof(rule), "-j SET %s", rest);
    rule_in(4, "mangle", "PREROUTING", rule);
    assert_true(hit());
    assert_int_equal(lab.f->sent.verdict, WEIR_ACCEPT);
}

static void test_add(void **state)
{
    (void)state;
    begin_sets("create a hash:ip timeout 30 counters comment skbinfo\n"
               "add a 10.0.0.9 timeout 20 comment \"x\" packets 5 skbmark 0x1\n");
    datagram(4);
    does("--add-set a src");
    expect_elements("a 10.0.0.1 timeout 30 packets 1 bytes 32\n"
                    "a 10.0.0.9 timeout 20 packets 5 bytes 0 comment \"x\" skbmark 0x1\n");
    lab.f->now.ns += 5 * SEC;
    does("--add-set a src"); /* is there: nothing changes */
    s.b.src.b[3] = 9;
    does("--add-set a src --exist");
    expect_elements("a 10.0.0.1 timeout 25 packets 1 bytes 32\n"
                    "a 10.0.0.9 timeout 30 packets 1 bytes 32 comment \"x\"\n");
    does("--add-set a src --exist --timeout 100");
    s.b.src.b[3] = 7;
    does("--add-set a src --timeout 0");
    s.b.src.b[3] = 8;
    does("--add-set a src --timeout 4294967294");
    expect_elements("a 10.0.0.1 timeout 25 packets 1 bytes 32\n"
                    "a 10.0.0.7 timeout 0 packets 1 bytes 32\n"
                    "a 10.0.0.8 timeout 2147483 packets 1 bytes 32\n"
                    "a 10.0.0.9 timeout 100 packets 1 bytes 32 comment \"x\"\n");
    lab.f->now.ns += 25 * SEC;
    s.b.src.b[3] = 1;
    assert_false(in_set("src"));
    does("--add-set a src");
    assert_true(in_set("src"));
    does("--del-set a src");
    does("--del-set a src");
    assert_false(in_set("src"));
    does("--add-set a src --del-set a src");
    assert_false(in_set("src"));

    /* A set without timeouts has none from here either. */
    begin_sets("create a hash:ip\n");
    does("--add-set a src --timeout 5");
    does("--add-set a dst --del-set a src");
    expect_elements("a 10.0.0.2\n");
}

static void test_add_full(void **state)
{
    (void)state;
    begin_sets("create a hash:ip maxelem 2 timeout 10\nadd a 10.0.0.7\nadd a 10.0.0.8 timeout 0\n");
    datagram(4);
    does("--add-set a src");
    expect_elements("a 10.0.0.7 timeout 10\na 10.0.0.8 timeout 0\n");
    lab.f->now.ns += 10 * SEC;
    does("--add-set a src");
    does("--add-set a dst");
    expect_elements("a 10.0.0.1 timeout 10\na 10.0.0.8 timeout 0\n");
}

/* Networks are added with the longest length in use. */
static void test_add_nets(void **state)
{
    static const struct {
        const char *sets, *rule, *after;
    } rows[] = {
        {"create a hash:net\n", "--add-set a src", "a 10.0.0.1\n"},
        {"create a hash:net\nadd a 172.16.0.0/16\n", "--add-set a src",
         "a 10.0.0.0/16\na 172.16.0.0/16\n"},
        {"create a hash:net\nadd a 172.16.0.0/16\nadd a 10.0.0.0/24\n", "--del-set a src",
         "a 172.16.0.0/16\n"},
        {"create a hash:net\nadd a 172.16.1.0/24\nadd a 10.0.0.0/16\n", "--del-set a src",
         "a 10.0.0.0/16\na 172.16.1.0/24\n"},
        {"create a hash:net\nadd a 10.0.0.0/24 nomatch\n", "--add-set a src --exist",
         "a 10.0.0.0/24\n"},
        {"create a hash:net,port\nadd a 172.16.0.0/16,80\n", "--add-set a src,dst",
         "a 10.0.0.0/16,udp:80\na 172.16.0.0/16,tcp:80\n"},
        {"create a hash:ip,port,net\nadd a 1.1.1.1,80,2.2.0.0/20\n", "--add-set a src,dst,dst",
         "a 1.1.1.1,tcp:80,2.2.0.0/20\na 10.0.0.1,udp:80,10.0.0.0/20\n"},
        {"create a hash:net,net\nadd a 1.1.0.0/16,2.2.2.0/24\n", "--add-set a src,dst",
         "a 1.1.0.0/16,2.2.2.0/24\na 10.0.0.0/16,10.0.0.0/24\n"},
        {"create a hash:net,iface\nadd a 0.0.0.0/0,lo\n", "--add-set a src,src",
         "a 0.0.0.0/0,lo\na 0.0.0.0/0,r0\n"},
        {"create a hash:net,iface\n", "--add-set a src,dst", ""},
        {"create a hash:ip netmask 24\n", "--add-set a src", "a 10.0.0.0\n"},
        {"create a hash:ip bitmask 255.0.0.255\n", "--add-set a src", "a 10.0.0.1\n"},
        {"create a bitmap:ip range 10.0.0.0/24\n", "--add-set a src", "a 10.0.0.1\n"},
        {"create a bitmap:ip range 10.0.1.0/24\n", "--add-set a src", ""},
        {"create a bitmap:port range 0-100\n", "--add-set a dst", "a 80\n"},
        {"create a hash:ip,port\n", "--add-set a src,dst", "a 10.0.0.1,udp:80\n"},
        {"create a hash:ip,port\n", "--add-set a src", ""},
        {"create a hash:mac\n", "--add-set a src", "a 02:00:00:00:00:01\n"},
    };

    (void)state;
    datagram(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        begin_sets(rows[i].sets);
        does(rows[i].rule);
        expect_elements(rows[i].after);
    }
}

static void test_add_to_list(void **state)
{
    (void)state;
    datagram(4);
#define ADD_LIST                                                                               \
    "create h hash:ip maxelem 1\ncreate p hash:ip,port\ncreate g hash:ip\ncreate a list:set\n" \
    "add a p\nadd a h\nadd a g\n"
    begin_sets(ADD_LIST);
    does("--add-set a src,dst");
    does("--add-set a src");
    does("--add-set a src"); /* h has it: the next one takes it */
    expect_elements("h 10.0.0.1\np 10.0.0.1,udp:80\ng 10.0.0.1\na p\na h\na g\n");
    does("--del-set a src");
    does("--add-set a dst");
    does("--add-set a src --exist"); /* h is full, and g has it */
    expect_elements("h 10.0.0.2\np 10.0.0.1,udp:80\ng 10.0.0.1\na p\na h\na g\n");
}

/* The first packet tells the MAC address; until then no time passes. */
static void test_unknown_mac(void **state)
{
    (void)state;
    datagram(4);
    begin_sets("create a bitmap:ip,mac range 10.0.0.0/24 timeout 100\nadd a 10.0.0.1 timeout 50\n"
               "add a 10.0.0.2\n");
    assert_false(in_set("src"));
    lab.f->now.ns += 70 * SEC;
    expect_elements("a 10.0.0.1 timeout 50\na 10.0.0.2 timeout 100\n");
    assert_true(in_set("src,src"));
    lab.f->now.ns += 10 * SEC;
    expect_elements("a 10.0.0.1,02:00:00:00:00:01 timeout 40\na 10.0.0.2 timeout 100\n");
    assert_true(in_set("src,src"));
    assert_false(in_set("src,dst"));
    assert_true(in_set("dst,dst"));
    expect_elements("a 10.0.0.1,02:00:00:00:00:01 timeout 40\n"
                    "a 10.0.0.2,02:00:00:00:00:FE timeout 100\n");
    lab.f->now.ns += 40 * SEC;
    assert_false(in_set("src,src"));
    does("--add-set a src,src");
    does("--add-set a src,dst --exist");
    does("--del-set a dst,src");
    expect_elements("a 10.0.0.1,02:00:00:00:00:FE timeout 100\n");
}

static void maps(const char *elem, const char *rest, uint32_t mark, uint32_t priority)
{
    char text[128], rule[128];

    (void)snprintf(text, sizeof(text), "create a hash:ip skbinfo counters\nadd a 10.0.0.1 %s\n",
                   elem);
    begin_sets(text);
    (void)snprintf(rule, sizeof(rule), "-j SET --map-set a src %s", rest);
    lab.mark = 0x12345;
    rule_in(4, "mangle", "FORWARD", rule);
    assert_true(hit());
    assert_int_equal(lab.f->sent.mark, mark);
    assert_int_equal(lab.f->sent.priority, priority);
}

static void test_map(void **state)
{
    (void)state;
    datagram(4);
    maps("skbmark 0x5", "--map-mark", 5, 0);
    maps("skbmark 0x5/0xff", "--map-mark", 0x12305, 0);
    maps("skbmark 0x0/0xff", "--map-mark", 0x12300, 0);
    maps("skbmark 0xff/0xf", "--map-mark", 0x123bf, 0);
    maps("skbmark 0x0", "--map-mark", 0, 0);
    maps("skbprio 1:a skbmark 0x1", "--map-prio", 0x12345, 0x1000a);
    maps("skbprio 1:a skbmark 0x1", "--map-prio --map-mark --map-queue", 1, 0x1000a);
    maps("", "--map-mark --map-prio", 0x12345, 0);
    expect_elements("a 10.0.0.1 packets 1 bytes 32\n");
    begin_sets("create a hash:ip\nadd a 10.0.0.1\n");
    rule_in(4, "mangle", "FORWARD", "-j SET --map-set a src --map-mark");
    assert_true(hit());
    assert_int_equal(lab.f->sent.mark, 0x12345);
}

/* --- rules that are refused --- */

static void refuse(uint8_t family, const char *table, const char *chain, const char *rule,
                   const char *message)
{
    struct weir_rules_error error;
    struct weir_rules *rules = NULL;

    assert_int_equal(parse(family, table, chain, rule, &rules, &error), -EINVAL);
    assert_null(rules);
    if (message)
        assert_string_equal(error.message, message);
}

static void test_refused(void **state)
{
    (void)state;
    begin_sets("create a hash:ip\ncreate x hash:ip family inet6\n");
    refuse(4, "filter", "INPUT", "-m set --match-set a src --match-set a dst",
           "--match-set can be specified only once");
    refuse(4, "filter", "INPUT", "-m set --match-set a ! src", "--match-set requires two args.");
    refuse(4, "filter", "INPUT", "-m set --match-set a -j DROP", "--match-set requires two args.");
    refuse(4, "filter", "INPUT", "-m set --match-set a src,",
           "You must spefify (the comma separated list of) 'src' or 'dst'.");
    refuse(4, "filter", "INPUT", "-m set --match-set abcdefghijklmnopqrstuvwxyz0123456789 src",
           "setname `abcdefghijklmnopqrstuvwxyz0123456789' too long, max 31 characters.");
    refuse(4, "filter", "INPUT", "-m set --match-set x src",
           "The protocol family of set x is IPv6, which is not applicable.");
    refuse(4, "filter", "INPUT", "-m set --match-set a src ! --return-nomatch",
           "--return-nomatch flag cannot be inverted");
    refuse(4, "filter", "INPUT", "-m set --match-set a src --packets-eq 1 --packets-lt 5",
           "only one of the --packets-[eq|lt|gt] is allowed");
    refuse(4, "filter", "INPUT", "-m set --match-set a src ! --bytes-lt 5",
           "--bytes-lt option cannot be inverted");
    refuse(4, "filter", "INPUT", "-m set --match-set a src --packets-eq x",
           "Cannot parse x as a counter value");
    refuse(4, "mangle", "FORWARD", "-j SET --add-set a src --timeout 4294967295",
           "Invalid value for option --timeout or out of range 0-4294967294");
    refuse(4, "mangle", "FORWARD", "-j SET --del-set a src --exist",
           "Flag `--exist' can be used with `--add-set' only");
    refuse(4, "mangle", "FORWARD", "-j SET --del-set a src --timeout 4",
           "Option `--timeout' can be used with `--add-set' only");
    refuse(4, "mangle", "FORWARD", "-j SET --add-set a src --map-mark",
           "Flag `--map-mark' can be used with `--map-set' only");
    refuse(4, "mangle", "FORWARD", "-j SET --add-set a src --add-set a dst",
           "--add-set can be specified only once");
    refuse(4, "filter", "FORWARD", "-j SET --map-set a src --map-mark", NULL);
    refuse(4, "mangle", "INPUT", "-j SET --map-set a src --map-prio", NULL);
    weir_sets_free(s.sets);
    s.sets = NULL;
    refuse(4, "filter", "INPUT", "-m set --match-set a src", "Set a doesn't exist.");
}

/* Rules hold the sets they name, and see what a text changes. */
static void test_change_under_rules(void **state)
{
    struct weir_rules_error error;

    (void)state;
    begin_sets("create a hash:ip\ncreate b hash:ip\nadd b 10.0.0.1\n");
    datagram(4);
    assert_false(in_set("src"));
    assert_int_equal(weir_sets_parse(&s.sets, "destroy a", 9, NULL, &error), -EINVAL);
    assert_int_equal(weir_sets_parse(&s.sets, "rename a c", 10, NULL, &error), -EINVAL);
    sets_add_text(&s.sets, "add a 10.0.0.1");
    assert_true(hit());
    sets_add_text(&s.sets, "flush a");
    assert_false(hit());
    sets_add_text(&s.sets, "swap a b");
    assert_true(hit());
    assert_int_equal(weir_shard_set_rules(lab.f->shard, 4, NULL, NULL), 0);
    sets_add_text(&s.sets, "destroy a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SET_TEST(test_dirs),
        SET_TEST(test_ports),
        SET_TEST(test_bitmap_port),
        SET_TEST(test_ipv6),
        SET_TEST(test_macs),
        SET_TEST(test_marks),
        SET_TEST(test_ifaces),
        SET_TEST(test_nomatch),
        SET_TEST(test_counters),
        SET_TEST(test_lists),
        SET_TEST(test_list_counters),
        SET_TEST(test_add),
        SET_TEST(test_add_full),
        SET_TEST(test_add_nets),
        SET_TEST(test_add_to_list),
        SET_TEST(test_unknown_mac),
        SET_TEST(test_map),
        SET_TEST(test_refused),
        SET_TEST(test_change_under_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
