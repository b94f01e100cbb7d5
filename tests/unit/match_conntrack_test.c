/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m conntrack, state, connmark, connlabel, connbytes, helper: what they see of a connection. What
 * rules meet which packets was observed on a Linux kernel (6.18) with the same rules and packets,
 * 12 ms apart.
 */
#include "rules_fixture.h"

enum { SPORT = 1000, DPORT = 2000 };

/* A rule, and for each packet of a story whether it meets it. */
struct row {
    const char *rule, *meets;
};

static void check_row(const struct row *row, size_t rule, size_t packet)
{
    if (lab_hit(rule) != (row->meets[packet] == '#'))
        fail_msg("%s: packet %zu", row->rule, packet);
}

static void load_rows(const char *table, const char *chain, const struct row *rows, size_t count)
{
    const char *rules[LAB_RULES];

    for (size_t i = 0; i < count; i++)
        rules[i] = rows[i].rule;
    lab_load(4, table, chain, rules, count);
}

static void tell(const struct row *rows, size_t count, const struct build *packets, size_t packet)
{
    assert_int_equal(lab_send(&packets[packet]), WEIR_ACCEPT);
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i], i, packet);
    wait_ms(lab.f, 12);
}

enum { STORY = 9 };

static void write_story(struct build story[STORY])
{
    struct build about = lab_udp(4, 'A', 'B', SPORT, DPORT);

    story[0] = story[1] = about;
    story[2] = lab_error('B', &about);
    story[3] = lab_udp(4, 'B', 'A', DPORT, SPORT);
    story[4] = lab_echo('A', 'B', 8, SPORT);
    story[5] = lab_echo('B', 'A', 0, SPORT);
    story[6] = lab_tcp('A', 'B', SPORT, 80, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0);
    story[7] = lab_tcp('A', 'B', SPORT, 80, BUILD_TCP_SYN, 1, 0);
    packet_init(&story[8], 4, BUILD_RAW, 'A', 'B');
    story[8].proto = 100;
    story[8].data.len = 8;
}

/* UDP twice, an error about it, its answer; echo request and reply; an INVALID TCP segment, which
 * has no entry; a SYN; a protocol without a tracker. */
static const struct row story_rows[] = {
    {"-m conntrack --ctstate NEW", "##..#..##"},
    {"-m conntrack --ctstate RELATED", "..#......"},
    {"-m conntrack --ctstate ESTABLISHED", "...#.#..."},
    {"-m conntrack --ctstate INVALID", "......#.."},
    {"-m conntrack ! --ctstate NEW", "..##.##.."},
    {"-m conntrack --ctstate UNTRACKED,SNAT,DNAT", "........."},
    {"-m state --state NEW,INVALID", "##..#.###"},
    {"-m state ! --state NEW,INVALID", "..##.#..."},
    /* Without an entry, the state alone decides. */
    {"-m conntrack --ctstate INVALID --ctproto 17", "......#.."},
    {"-m conntrack --ctstate INVALID,NEW --ctproto 17 --ctdir REPLY", "......#.."},
    {"-m conntrack ! --ctstate NEW --ctproto 6", "......#.."},
    {"-m conntrack --ctproto 17", "####....."},
    {"-m conntrack ! --ctproto 17", "....##.##"},
    {"-m conntrack ! --ctproto 6", "######..#"},
    {"-m conntrack --ctproto 0", "........."},
    {"-m conntrack --ctproto 100", "........#"},
    {"-m conntrack --ctstatus CONFIRMED", ".###.#..."},
    {"-m conntrack ! --ctstatus CONFIRMED", "#...#..##"},
    {"-m conntrack --ctstatus SEEN_REPLY", "...#.#..."},
    {"-m conntrack --ctstatus SEEN_REPLY,CONFIRMED", ".###.#..."},
    {"-m conntrack --ctstatus ASSURED,EXPECTED", "........."},
    {"-m conntrack --ctstatus NONE", "........."},
    {"-m conntrack ! --ctstatus NONE", "######.##"},
    /* A new entry's time has not begun. The packet at hand has refreshed it, an error does not. */
    {"-m conntrack --ctexpire 0", "#...#..##"},
    {"-m conntrack --ctexpire 0:29", "#.#.#..##"},
    {"-m conntrack --ctexpire 29", "..#......"},
    {"-m conntrack --ctexpire 30", ".#.#.#..."},
    {"-m conntrack --ctexpire 30:", ".#.#.#..."},
    {"-m conntrack ! --ctexpire 30", "#.#.#..##"},
    {"-m conntrack --ctexpire 31:", "........."},
    {"-m conntrack --ctexpire 9:1", "........."},
    {"-m conntrack ! --ctexpire 9:1", "######.##"},
    {"-m conntrack --ctdir ORIGINAL", "##..#..##"},
    {"-m conntrack --ctdir REPLY", "..##.#..."},
    {"-m conntrack --ctorigsrcport 1000", "######.#."},
    {"-m conntrack ! --ctorigsrcport 1000", "........#"},
    {"-m conntrack --ctorigdstport 2000", "####....."},
    {"-m conntrack --ctorigdstport 80:2000", "####...#."},
    {"-m conntrack --ctreplsrcport 2000", "####....."},
    {"-m conntrack --ctrepldstport 1000", "####...#."},
    /* ICMP: the identifier, and type and code (echo: 8 << 8). */
    {"-m conntrack --ctorigdstport 2048", "....##..."},
    {"-m conntrack --ctreplsrcport 1000", "....##..."},
    {"-m conntrack --ctrepldstport 0", "....##..#"},
    {"-m conntrack --ctorigdstport 0", "........#"},
    {"-m conntrack --ctorigdstport 9:1", "........."},
    {"-m conntrack ! --ctorigdstport 9:1", "######.##"},
    {"-m conntrack --ctorigsrc 10.0.0.1 --ctorigdst 10.0.0.2", "######.##"},
    {"-m conntrack --ctreplsrc 10.0.0.2 --ctrepldst 10.0.0.1", "######.##"},
    {"-m conntrack --ctreplsrc 10.0.0.1", "........."},
    {"-m conntrack ! --ctrepldst 10.0.0.2", "######.##"},
    {"-m conntrack --ctorigsrc 10.0.0.99/24", "######.##"},
    {"-m conntrack ! --ctorigsrc 10.0.0.99/24", "........."},
    {"-m conntrack --ctorigsrc 10.7.0.1/255.0.255.255", "######.##"},
    {"-m conntrack --ctorigsrc 10.7.0.1/16", "........."},
    {"-m conntrack --ctorigsrc 0.0.0.0/0", "######.##"},
    /* All must hold. */
    {"-m conntrack --ctproto 17 --ctdir REPLY --ctstatus SEEN_REPLY", "...#....."},
};

static void test_story(void **state)
{
    struct build story[STORY];
    size_t count = WEIR_ARRAY_LEN(story_rows);

    (void)state;
    lab_begin(100);
    write_story(story);
    load_rows("filter", "FORWARD", story_rows, count);
    for (size_t i = 0; i < STORY; i++)
        tell(story_rows, count, story, i);
}

/* Nor does a new entry's span look like a moment to come while the clock is young. */
static void test_young_clock(void **state)
{
    struct build b = lab_udp(4, 'A', 'B', SPORT, DPORT);

    (void)state;
    lab.start_ns = 4 * MSEC;
    lab_begin(100);
    lab_rule(4, "filter", "FORWARD", "-m conntrack --ctexpire 0");
    (void)lab_send(&b);
    assert_true(lab_hit(0));
}

/* Before tracking there is no entry, and every packet is INVALID. */
static void test_raw(void **state)
{
    static const struct row rows[] = {
        {"-m conntrack --ctstate INVALID", "#########"},
        {"-m conntrack --ctstate NEW", "........."},
        {"-m conntrack ! --ctstate NEW", "#########"},
        {"-m conntrack --ctstate UNTRACKED", "........."},
        {"-m state --state INVALID", "#########"},
        {"-m state ! --state NEW", "#########"},
        {"-m conntrack --ctproto 17", "........."},
        {"-m conntrack ! --ctproto 99", "........."},
        {"-m connmark --mark 0", "........."},
        {"-m connmark ! --mark 1", "........."},
        {"-m connlabel --label 3", "........."},
        {"-m connlabel ! --label 3", "#########"},
        {"-m helper --helper ftp", "........."},
        {"-m helper ! --helper ftp", "#########"},
        {"-m connbytes --connbytes 0 --connbytes-mode packets --connbytes-dir both", "........."},
    };
    struct build story[STORY];

    (void)state;
    lab_begin(100);
    write_story(story);
    load_rows("raw", "PREROUTING", rows, WEIR_ARRAY_LEN(rows));
    for (size_t i = 0; i < STORY; i++)
        tell(rows, WEIR_ARRAY_LEN(rows), story, i);
}

static void test_untracked(void **state)
{
    static const struct row rows[] = {
        {"-m conntrack --ctstate UNTRACKED", "#"},
        {"-m conntrack --ctstate UNTRACKED --ctproto 6", "#"},
        {"-m conntrack ! --ctstate UNTRACKED", "."},
        {"-m conntrack --ctstate INVALID,NEW,RELATED,ESTABLISHED,SNAT,DNAT", "."},
        {"-m state --state UNTRACKED", "#"},
        {"-m conntrack ! --ctproto 6", "."},
        {"-m connmark ! --mark 5", "."},
        {"-m connlabel ! --label 5 --set", "#"},
        {"-m connlabel --label 5 --set", "."},
        {"-m helper ! --helper \"\"", "#"},
    };
    static const struct weir_template notrack = {.notrack = true};
    struct build b = lab_udp(4, 'A', 'B', SPORT, DPORT);

    (void)state;
    lab_begin(100);
    load_rows("filter", "FORWARD", rows, WEIR_ARRAY_LEN(rows));
    lab.f->templ = &notrack;
    tell(rows, WEIR_ARRAY_LEN(rows), &b, 0);
}

/* As if NAT had chosen another source and destination. */
static void test_translated(void **state)
{
    static const struct row rows[] = {
        {"-m conntrack --ctstate SNAT", ".#.#"},
        {"-m conntrack --ctstate DNAT", "..##"},
        {"-m conntrack --ctstate SNAT,DNAT", ".###"},
        {"-m conntrack ! --ctstate SNAT,DNAT", "#..."},
        {"-m conntrack --ctstate NEW", "####"},
        {"-m conntrack --ctstate ESTABLISHED,DNAT", "..##"},
        {"-m state --state NEW", "####"},
        {"-m conntrack --ctreplsrc 10.0.0.7 --ctreplsrcport 99", "..##"},
        {"-m conntrack --ctreplsrc 10.0.0.2 --ctreplsrcport 2000", "##.."},
        {"-m conntrack --ctrepldst 10.0.0.1 --ctrepldstport 1000", "#.#."},
        {"-m conntrack --ctrepldst 10.0.0.9 --ctrepldstport 77", ".#.#"},
        {"-m conntrack --ctorigsrc 10.0.0.1 --ctorigdst 10.0.0.2", "####"},
        {"-m conntrack --ctorigsrcport 1000 --ctorigdstport 2000", "####"},
    };
    static const struct {
        uint32_t status;
        uint8_t src, dst;
        uint16_t sport, dport;
    } steps[] = {
        {0, 2, 1, DPORT, SPORT},
        {WEIR_S_SRC_NAT, 2, 9, DPORT, 77},
        {WEIR_S_DST_NAT, 7, 1, 99, SPORT},
        {WEIR_S_SRC_NAT | WEIR_S_DST_NAT, 7, 9, 99, 77},
    };
    struct build packets[WEIR_ARRAY_LEN(steps)];

    (void)state;
    lab_begin(100);
    load_rows("mangle", "PREROUTING", rows, WEIR_ARRAY_LEN(rows));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(steps); i++)
        packets[i] = lab_udp(4, 'A', 'B', SPORT, DPORT);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(steps); i++) {
        if (i > 0) {
            struct conn *c = lab_conn();
            struct weir_tuple reply = conn_tuple(c, WEIR_REPLY);

            c->status =
                (c->status & ~(uint32_t)(WEIR_S_SRC_NAT | WEIR_S_DST_NAT)) | steps[i].status;
            reply.src.bytes[3] = steps[i].src;
            reply.dst.bytes[3] = steps[i].dst;
            reply.src_key = BE16(steps[i].sport);
            reply.dst_key = BE16(steps[i].dport);
            conn_set_tuple(c, WEIR_REPLY, &reply);
        }
        tell(rows, WEIR_ARRAY_LEN(rows), packets, i);
    }
}

static void test_six(void **state)
{
    static const char *const rules[] = {
        "-m conntrack --ctorigsrc fd99::1 --ctorigdst fd99::2",
        "-m conntrack --ctreplsrc fd99::2 --ctrepldst fd99::1",
        "-m conntrack --ctorigsrc fd99::5555:1/ffff:ffff:ffff:ffff:ffff:ffff:0:ffff",
        "-m conntrack --ctorigsrc fd99::/64",
        "-m conntrack --ctorigsrc ::/0 --ctstate NEW --ctproto udp",
        "-m conntrack --ctorigsrc fd99::2", /* from here on: not met */
        "-m conntrack ! --ctorigsrc fd99::/64",
        "-m conntrack --ctorigsrc fd99::1:0:0:0:1/64",
    };
    struct build b = lab_udp(6, 'A', 'B', SPORT, DPORT);

    (void)state;
    lab_begin(100);
    lab_load(6, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    assert_int_equal(lab_send(&b), WEIR_ACCEPT);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++)
        if (lab_hit(i) != (i < 5))
            fail_msg("%s", rules[i]);
}

static void test_connmark(void **state)
{
    static const struct row rows[] = {
        {"-m connmark --mark 0", "#.."},
        {"-m connmark --mark 0x12", ".#."},
        {"-m connmark ! --mark 0x12", "#.#"},
        {"-m connmark --mark 0x2/0xf", ".#."},
        {"-m connmark --mark 0x80000000/0x80000000", "..#"},
        {"-m connmark --mark 0xff/0xf0", "..."}, /* the value is not masked */
        {"-m connmark ! --mark 0xff/0xf0", "###"},
        {"-m connmark --mark 0/0", "###"},
    };
    static const uint32_t marks[] = {0, 0x12, 0x800000f0};
    struct build packets[3];

    (void)state;
    lab_begin(100);
    load_rows("filter", "FORWARD", rows, WEIR_ARRAY_LEN(rows));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(marks); i++)
        packets[i] = lab_udp(4, 'A', 'B', SPORT, DPORT);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(marks); i++) {
        if (i > 0)
            assert_int_equal(weir_conn_set_mark(lab.f->shard, lab.f->sent.conn, marks[i]), 0);
        tell(rows, WEIR_ARRAY_LEN(rows), packets, i);
    }
}

/* Rules run in order: one sees the label that the one before it has set. */
static void test_connlabel(void **state)
{
    static const struct row rows[] = {
        {"-m connlabel --label 4", "..#"},         {"-m connlabel ! --label 4", "##."},
        {"-m connlabel ! --label 5 --set", "..."}, {"-m connlabel --label 5", "###"},
        {"-m connlabel --label 127", ".##"},       {"-m connlabel --label 127 --set", "###"},
        {"-m connlabel --label 127", "###"},       {"-m connlabel --label 0", "..."},
    };
    struct build packets[3];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(packets); i++)
        packets[i] = lab_udp(4, 'A', 'B', SPORT, DPORT);
    lab_begin(100);
    load_rows("filter", "FORWARD", rows, WEIR_ARRAY_LEN(rows));
    tell(rows, WEIR_ARRAY_LEN(rows), packets, 0);

    /* With the entry comes one event, which has the labels. */
    const struct logged *event = only_event(lab.f, WEIR_EVENT_NEW);

    assert_true(event->kinds >> WEIR_EV_LABEL & 1);
    assert_true(event->conn.parts & WEIR_HAS_LABELS);
    assert_int_equal(event->conn.labels[0], 1u << 5);
    assert_int_equal(event->conn.labels[15], 1u << 7);
    tell(rows, WEIR_ARRAY_LEN(rows), packets, 1);
    no_event(lab.f); /* nothing changed */
    assert_int_equal(weir_conn_set_label(lab.f->shard, lab.f->sent.conn, 4), 0);
    (void)only_event(lab.f, WEIR_EVENT_UPDATE);
    tell(rows, WEIR_ARRAY_LEN(rows), packets, 2);
}

/* 32 bytes there, 35 back, and there again. */
static const struct row bytes_rows[] = {
    {"packets original 1:1", "##."},  {"packets original 2", "..#"},
    {"packets original 0:0", "..."},  {"packets reply 0:0", "#.."},
    {"packets reply 1:1", ".##"},     {"packets both 1:1", "#.."},
    {"packets both 2:3", ".##"},      {"!packets both 2:3", "#.."},
    {"bytes original 32:32", "##."},  {"bytes original 64", "..#"},
    {"bytes reply 0:34", "#.."},      {"bytes reply 35:", ".##"},
    {"bytes both 67:67", ".#."},      {"bytes both :66", "#.."},
    {"!bytes both :66", ".##"},       {"avgpkt original 32:32", "###"},
    {"avgpkt reply 0:0", "#.."},      {"avgpkt reply 35:35", ".##"},
    {"avgpkt both 33:33", ".##"},     {"avgpkt both 32:32", "#.."},
    {"!avgpkt both 33", "#.."},       {"!packets both 0", "..."},
    {"!packets original 1:1", "##."}, /* one number cannot be negated, as in Linux */
};

static void connbytes_rule(char *rule, size_t size, const char *row)
{
    char mode[8], dir[9], range[16];

    assert_int_equal(sscanf(row + (*row == '!'), "%7s %8s %15s", mode, dir, range), 3);
    (void)snprintf(rule, size,
                   "-m connbytes %s--connbytes %s --connbytes-mode %s --connbytes-dir %s",
                   *row == '!' ? "! " : "", range, mode, dir);
}

static void test_connbytes(void **state)
{
    static char rules[WEIR_ARRAY_LEN(bytes_rows)][128];
    const char *list[WEIR_ARRAY_LEN(bytes_rows)];
    struct build packets[3], old = lab_udp(4, 'C', 'D', 1, 2), invalid;

    (void)state;
    packets[0] = packets[2] = lab_udp(4, 'A', 'B', SPORT, DPORT);
    packets[1] = lab_udp(4, 'B', 'A', DPORT, SPORT);
    packets[1].data.len = 7;
    invalid = lab_tcp('A', 'B', 1, 2, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bytes_rows); i++) {
        connbytes_rule(rules[i], sizeof(rules[i]), bytes_rows[i].rule);
        list[i] = rules[i];
    }
    lab_begin(100);
    set(lab.f, WEIR_T_ACCT, 0);
    assert_int_equal(lab_send(&old), WEIR_ACCEPT);
    lab_load(4, "filter", "FORWARD", list, WEIR_ARRAY_LEN(list));
    assert_int_equal(weir_tunable_get(lab.f->shard, WEIR_T_ACCT), 1);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(packets); i++)
        tell(bytes_rows, WEIR_ARRAY_LEN(bytes_rows), packets, i);
    /* No counters, no entry: no match. */
    for (const struct build *b = &old; b; b = b == &old ? &invalid : NULL) {
        assert_int_equal(lab_send(b), WEIR_ACCEPT);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(list); i++)
            assert_false(lab_hit(i));
    }
}

/* No connection is expected by any helper yet. */
static void test_helper(void **state)
{
    static const struct row rows[] = {
        {"-m helper --helper ftp", "..."},
        {"-m helper ! --helper ftp", "###"},
        {"-m helper --helper \"\"", "..."},
    };
    struct build packets[3];

    (void)state;
    packets[0] = lab_tcp('A', 'B', SPORT, 21, BUILD_TCP_SYN, 1, 0);
    packets[1] = lab_tcp('B', 'A', 21, SPORT, BUILD_TCP_SYN | BUILD_TCP_ACK, 1, 2);
    packets[2] = lab_tcp('A', 'B', 1, 2, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0);
    lab_begin(100);
    load_rows("filter", "FORWARD", rows, WEIR_ARRAY_LEN(rows));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(packets); i++)
        tell(rows, WEIR_ARRAY_LEN(rows), packets, i);
}

/* --- names, which the files of examples do not have --- */

static bool name_to_number(void *ctx, const char *file, const char *name, uint32_t *number)
{
    (void)ctx;
    *number = 40;
    return strcmp(file, "connlabel") == 0 && strcmp(name, "eth0-in") == 0;
}

static const char *number_to_name(void *ctx, const char *file, uint32_t number)
{
    (void)ctx;
    return strcmp(file, "connlabel") == 0 && number == 40 ? "eth0-in" : NULL;
}

static char written[1024];

static void write_text(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    assert_true(strlen(written) + len < sizeof(written));
    (void)strncat(written, bytes, len);
}

static void test_label_names(void **state)
{
    static const char text[] = "*filter\n-A INPUT -m connlabel --label eth0-in\n"
                               "-A INPUT -m connlabel ! --label 40 --set\n"
                               "-A INPUT -m connlabel --label 41\nCOMMIT\n";
    static const struct weir_rules_names names = {.number = name_to_number,
                                                  .number_name = number_to_name};
    static const struct weir_rules_options options = {.names = &names};
    struct weir_rules_error error;
    struct weir_rules *rules;

    (void)state;
    assert_int_equal(weir_rules_parse(&rules, 4, text, strlen(text), &options, &error), 0);
    written[0] = '\0';
    weir_rules_print(rules, 0, NULL, write_text, NULL);
    assert_non_null(strstr(written, "-A INPUT -m connlabel --label \"eth0-in\"\n"
                                    "-A INPUT -m connlabel ! --label \"eth0-in\" --set\n"
                                    "-A INPUT -m connlabel --label \"41\"\n"));
    written[0] = '\0';
    assert_int_equal(weir_rules_list(rules, "filter", "INPUT", 0, NULL, &names, write_text, NULL),
                     0);
    assert_non_null(strstr(written, " connlabel 'eth0-in'\n"));
    assert_non_null(strstr(written, " connlabel ! 'eth0-in' set\n"));
    assert_non_null(strstr(written, " connlabel 41\n"));
    weir_rules_free(rules);
}

static void test_refused(void **state)
{
    static const struct row rows[] = {
        {"-m conntrack ! --ctdir REPLY", "conntrack: option \"--ctdir\" cannot be inverted."},
        {"-m conntrack --ctstate ,NEW", "Bad ctstate \",NEW\""},
        {"-m conntrack --ctstate FOO,NEW", "Bad ctstate \"FOO,NEW\""},
        {"-m conntrack --ctstate NEWS", "Bad ctstate \"NEWS\""},
        {"-m conntrack --ctstatus ASSURED,", "Bad ctstatus \"\""},
        {"-m conntrack --ctdir orig", "conntrack: Bad value for \"--ctdir\" option: \"orig\""},
        {"-m conntrack --ctorigsrcport 5:6:7",
         "conntrack: Too many components for option \"--ctorigsrcport\" (max: 2)"},
        {"-m conntrack --ctorigsrcport 5:0x10", "Port \"0x10\" does not resolve to anything."},
        {"-m conntrack --ctorigsrcport 99999999999999999999",
         "Port \"99999999999999999999\" does not resolve to anything."},
        {"-m conntrack --ctorigsrc 10.0.0.1/foo",
         "conntrack: bad value for option \"--ctorigsrc\", neither a valid network mask nor valid "
         "CIDR (0-32)."},
        {"-m conntrack --ctorigsrc 10.0.0.1/24/5",
         "conntrack: bad value for option \"--ctorigsrc\", neither a valid network mask nor valid "
         "CIDR (0-32)."},
        {"-m conntrack --ctorigsrc \"\"", "getaddrinfo: Name or service not known"},
        {"-m state --state ,NEW", "Bad state \",NEW\""},
        {"-m state --state NEW,",
         "\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED"},
        {"-m connlabel --label \"\"", "Argument must have a minimum length of 1 characters"},
        {"-m connlabel --label 128", "label '128' is out of range (0-127)"},
        {"-m connlabel --label -1", "label '-1' not found or invalid value"},
        {"-m connbytes --connbytes 5:0 --connbytes-mode bytes --connbytes-dir both",
         "5 should be less than 0"},
        {"-m connbytes --connbytes 5 --connbytes-mode byte --connbytes-dir both",
         "Unknown --connbytes-mode `byte'"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_rules_error error;
        struct weir_rules *rules;

        (void)snprintf(text, sizeof(text), "*filter\n-A INPUT %s\nCOMMIT\n", rows[i].rule);
        assert_int_equal(weir_rules_parse(&rules, 4, text, strlen(text), NULL, &error), -EINVAL);
        assert_null(rules);
        assert_string_equal(error.message, rows[i].meets);
        assert_int_equal(error.line, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_story),     LAB_TEST(test_young_clock), LAB_TEST(test_raw),
        LAB_TEST(test_untracked), LAB_TEST(test_translated),  LAB_TEST(test_six),
        LAB_TEST(test_connmark),  LAB_TEST(test_connlabel),   LAB_TEST(test_connbytes),
        LAB_TEST(test_helper),    LAB_TEST(test_label_names), LAB_TEST(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
