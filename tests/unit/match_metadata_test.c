/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches of what is around a packet: addrtype, rpfilter, devgroup, cluster, and those that can say
 * only one thing here. Where the host tells more than addresses' classes, it is one like that on
 * which a Linux kernel (6.18) was asked the same.
 */
#include "rules_fixture.h"

static struct build to_from(uint8_t family, const char *src, const char *dst)
{
    struct build b = lab_udp(family, 'A', 'B', 1, 2);
    union weir_addr addr;

    assert_true(read_addr(family, src, &addr));
    memcpy(b.src.b, &addr, sizeof(b.src.b));
    assert_true(read_addr(family, dst, &addr));
    memcpy(b.dst.b, &addr, sizeof(b.dst.b));
    return b;
}

/* Which rules a packet from r0 meets: '#' or '.' for each. */
static void expect(const struct build *b, const char *meets, const char *what)
{
    char got[LAB_RULES + 1] = {0};

    lab.in_iface = lab.in_iface ? lab.in_iface : R0;
    (void)lab_send(b);
    for (size_t i = 0; i < lab.count; i++)
        got[i] = lab_hit(i) ? '#' : '.';
    if (strcmp(got, meets) != 0)
        fail_msg("%s: %s, expected %s", what, got, meets);
}

/* --- addrtype --- */

#define DST(type) "-m addrtype --dst-type " type

static const char *const types4[] = {
    DST("UNSPEC"),
    DST("UNICAST"),
    DST("LOCAL"),
    DST("BROADCAST"),
    DST("MULTICAST"),
    DST("LOCAL,MULTICAST"),
    DST("LOCAL --limit-iface-in"),
    DST("UNICAST --limit-iface-in"),
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --src-type UNICAST --dst-type LOCAL",
    "-m addrtype --src-type LOCAL --dst-type LOCAL",
    "-m addrtype ! --src-type LOCAL ! --dst-type LOCAL",
};

static void test_types_by_class(void **state)
{
    static const struct {
        const char *dst, *meets;
    } rows[] = {
        {"10.0.0.2", ".#.....##..#"},        {"240.0.0.1", ".#.....##..#"},
        {"0.0.0.5", ".#.....##..#"},         {"127.0.0.1", "..#..#.#.#.."},
        {"127.255.9.9", "..#..#.#.#.."},     {"224.0.0.1", "....##..#..#"},
        {"239.255.255.255", "....##..#..#"}, {"255.255.255.255", "...#....#..#"},
        {"0.0.0.0", "...#....#..#"},
    };

    (void)state;
    lab_begin(100);
    lab_load(4, "raw", "PREROUTING", types4, WEIR_ARRAY_LEN(types4));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = to_from(4, "10.0.0.1", rows[i].dst);

        expect(&b, rows[i].meets, rows[i].dst);
    }
}

/* A host: 10.0.1.1/24 and fd01::1/64 on r0, 10.0.2.1/24 and fd02::1/64 on r1. */
static enum weir_addr_type lab_type(void *ctx, uint8_t family, const union weir_addr *addr,
                                    uint16_t iface)
{
    const uint8_t *b = addr->bytes;
    uint8_t net = family == 4 ? b[2] : b[1], last = b[family == 4 ? 3 : 15];
    bool mine = family == 4 ? b[0] == 10 && b[1] == 0 : b[0] == 0xfd;

    (void)ctx;
    if (!mine)
        return family == 6 && b[0] == 0x20 ? WEIR_ADDR_PROHIBIT : WEIR_ADDR_UNICAST;
    if ((net != 1 && net != 2) || (iface && iface != net))
        return WEIR_ADDR_UNICAST;
    switch (last) {
    case 0: return family == 4 ? WEIR_ADDR_UNICAST : WEIR_ADDR_ANYCAST;
    case 1: return WEIR_ADDR_LOCAL;
    case 255: return WEIR_ADDR_BROADCAST;
    default: return WEIR_ADDR_UNICAST;
    }
}

static void test_types_by_host(void **state)
{
    static const struct {
        const char *dst, *meets;
    } rows[] = {
        {"10.0.1.1", "..#..##..#.."},   {"10.0.2.1", "..#..#.#.#.."},
        {"10.0.1.255", "...#....#..#"}, {"10.0.2.255", "...#...##..#"},
        {"10.0.2.2", ".#.....##..#"},
    };
    struct build b;

    (void)state;
    lab.host.addr_type = lab_type;
    lab_begin(100);
    lab_load(4, "raw", "PREROUTING", types4, WEIR_ARRAY_LEN(types4));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        b = to_from(4, "10.0.1.2", rows[i].dst);
        expect(&b, rows[i].meets, rows[i].dst);
    }
    b = to_from(4, "10.0.1.1", "10.0.2.1");
    expect(&b, "..#..#.#..#.", "from an own address");
}

/* 127/8 is on the loopback interface, and on no other. */
static void test_types_loopback(void **state)
{
    static const char *const rules[] = {
        "-m addrtype --src-type LOCAL",
        "-m addrtype --src-type LOCAL --limit-iface-in",
        "-m addrtype --src-type LOCAL --limit-iface-out",
    };
    struct build b = to_from(4, "127.0.0.1", "10.0.0.2");

    (void)state;
    lab_begin(100);
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    expect(&b, "#..", "by r0");
    lab.in_iface = LO;
    expect(&b, "##.", "by lo");
}

static void test_types_out(void **state)
{
    static const char *const rules[] = {
        "-m addrtype --src-type LOCAL --limit-iface-out",
        "-m addrtype --src-type LOCAL --limit-iface-in",
        "-m addrtype --src-type LOCAL",
    };
    struct build b;

    (void)state;
    lab.host.addr_type = lab_type;
    lab_begin(100);
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    b = to_from(4, "10.0.1.1", "10.0.2.2");
    expect(&b, ".##", "on the interface it came by");
    b = to_from(4, "10.0.2.1", "10.0.2.2");
    expect(&b, "#.#", "on the interface it leaves by");
}

static const char *const types6[] = {
    DST("UNSPEC"),
    DST("UNICAST"),
    DST("LOCAL"),
    DST("ANYCAST"),
    DST("MULTICAST"),
    DST("UNREACHABLE"),
    /* Classes must all be right, and one of the others. */
    DST("LOCAL,MULTICAST"),
    DST("LOCAL,UNICAST"),
    DST("UNICAST,MULTICAST"),
    DST("LOCAL,ANYCAST"),
    DST("ANYCAST,UNICAST"),
    DST("LOCAL,UNREACHABLE"),
    DST("LOCAL --limit-iface-in"),
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype ! --dst-type UNICAST",
    "-m addrtype ! --dst-type LOCAL,UNICAST",
};

static void test_types6(void **state)
{
    static const struct {
        const char *dst, *meets;
    } rows[] = {
        {"fd01::1", ".##....#.#.##..."},     {"fd02::1", ".##....#.#.#...."},
        {"fd02::2", ".#...........#.#"},     {"fd02::", ".#.#.....##..#.#"},
        {"ff02::1", "....#........###"},     {"fe80::1", ".#...........#.#"},
        {"2001:db8::1", ".#...#.....#.#.#"}, {"::ffff:1.2.3.4", ".............###"},
    };

    (void)state;
    lab.host.addr_type = lab_type;
    lab_begin(100);
    lab_load(6, "raw", "PREROUTING", types6, WEIR_ARRAY_LEN(types6));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = to_from(6, "fd01::2", rows[i].dst);

        expect(&b, rows[i].meets, rows[i].dst);
    }
}

static void test_types6_by_class(void **state)
{
    static const struct {
        const char *dst, *meets;
    } rows[] = {
        {"::1", ".##....#.#.#...."},
        {"::", "#............###"},
        {"::2", ".#...........#.#"},
        {"ff0e::1", "....#........###"},
    };

    (void)state;
    lab_begin(100);
    lab_load(6, "raw", "PREROUTING", types6, WEIR_ARRAY_LEN(types6));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = to_from(6, "fd01::2", rows[i].dst);

        expect(&b, rows[i].meets, rows[i].dst);
    }
}

/* --- rpfilter --- */

/* 10.0.2/24, 10.9/16 and the same of fd are behind r1, 10.0.1/24 and fd01 behind r0; for packets
 * with mark 5, 10.0.1/24 is behind r1 and 10.66/16 behind r0. Nothing else is anywhere. */
static struct weir_route reverse_route(void *ctx, const struct weir_packet *packet, uint8_t family,
                                       union weir_addr dst)
{
    const uint8_t *b = dst.bytes;
    uint16_t net = family == 4 ? (uint16_t)(b[1] << 8 | b[2]) : b[1];
    bool marked = packet->mark == 5;

    (void)ctx;
    if (b[0] != (family == 4 ? 10 : 0xfd))
        return (struct weir_route){0};
    if (net == 1 && b[family == 4 ? 3 : 15] == 1)
        return (struct weir_route){.local = true};
    if (net == 1)
        return (struct weir_route){.out_iface = marked ? R1 : R0};
    if (net == 2 || net >> 8 == 9 || net == 9)
        return (struct weir_route){.out_iface = R1};
    return (struct weir_route){.out_iface = marked && net >> 8 == 66 ? R0 : 0};
}

static const char *const reverse_rules[] = {
    "-m rpfilter",
    "-m rpfilter --loose",
    "-m rpfilter --accept-local",
    "-m rpfilter --loose --accept-local",
    "-m rpfilter --invert",
    "-m rpfilter --loose --invert",
    "-m rpfilter --validmark",
    "-m rpfilter --loose --validmark --accept-local",
};

struct reverse_row {
    const char *src, *dst, *meets;
};

static void check_reverse(uint8_t family, const struct reverse_row *rows, size_t count)
{
    lab.host.addr_type = lab_type;
    lab.host.route = reverse_route;
    lab_begin(100);
    lab_load(family, "raw", "PREROUTING", reverse_rules, WEIR_ARRAY_LEN(reverse_rules));
    for (size_t i = 0; i < count; i++) {
        struct build b = to_from(family, rows[i].src, rows[i].dst);

        expect(&b, rows[i].meets, rows[i].src);
    }
}

static void test_reverse(void **state)
{
    static const struct reverse_row rows[] = {
        {"10.0.1.2", "10.0.2.2", "####..##"},       {"10.0.2.7", "10.0.2.2", ".#.##..#"},
        {"10.9.1.1", "10.0.2.2", ".#.##..#"},       {"10.0.1.1", "10.0.2.2", "..####.#"},
        {"10.0.2.1", "10.0.2.2", "...###.#"},       {"8.8.8.8", "10.0.2.2", "....##.."},
        {"240.0.0.1", "10.0.2.2", "....##.."},      {"10.0.1.255", "10.0.2.2", "....##.."},
        {"0.0.0.0", "255.255.255.255", "####..##"}, {"0.0.0.0", "224.0.0.5", "####..##"},
        {"0.0.0.0", "239.1.1.1", "....##.."},       {"0.0.0.0", "10.0.2.2", "....##.."},
        {"0.0.0.5", "255.255.255.255", "....##.."}, {"10.0.1.2", "255.255.255.255", "####..##"},
    };

    (void)state;
    check_reverse(4, rows, WEIR_ARRAY_LEN(rows));
}

static void test_reverse6(void **state)
{
    static const struct reverse_row rows[] = {
        {"fd01::2", "fd02::2", "####..##"}, {"fd02::7", "fd02::2", ".#.##..#"},
        {"fd09::1", "fd02::2", ".#.##..#"}, {"fd01::1", "fd02::2", "..####.#"},
        {"fd02::1", "fd02::2", "..####.#"}, {"2001:db8::1", "fd02::2", "....##.."},
        {"fd01::", "fd02::2", "....##.."},  {"::", "ff02::1", "####..##"},
        {"::", "fd02::2", "####..##"},      {"fe80::5", "fd02::2", "####..##"},
    };

    (void)state;
    check_reverse(6, rows, WEIR_ARRAY_LEN(rows));
}

static void test_reverse_mark(void **state)
{
    static const struct reverse_row rows[] = {
        {"10.0.1.2", "10.0.2.2", "####...#"},
        {"10.66.1.1", "10.0.2.2", "....####"},
    };

    (void)state;
    lab.mark = 5;
    check_reverse(4, rows, WEIR_ARRAY_LEN(rows));
    assert_int_equal(lab.f->sent.mark, 5);
}

/* What comes from lo comes from here. */
static void test_reverse_loopback(void **state)
{
    struct build b = to_from(4, "8.8.8.8", "10.0.2.2");

    (void)state;
    lab.host.route = reverse_route;
    lab_begin(100);
    lab_load(4, "raw", "PREROUTING", reverse_rules, WEIR_ARRAY_LEN(reverse_rules));
    lab.in_iface = LO;
    expect(&b, "####..##", "by lo");
}

/* A host that says nothing of its addresses: classes, and what its routes say. */
static void test_reverse_by_class(void **state)
{
    static const struct reverse_row rows[] = {
        {"10.0.1.2", "10.0.2.2", "####..##"},
        {"10.0.1.1", "10.0.2.2", "..####.#"},
        {"224.0.0.1", "10.0.2.2", "....##.."},
        {"255.255.255.255", "10.0.2.2", "....##.."},
    };

    (void)state;
    lab.host.route = reverse_route;
    lab_begin(100);
    lab_load(4, "mangle", "PREROUTING", reverse_rules, WEIR_ARRAY_LEN(reverse_rules));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct build b = to_from(4, rows[i].src, rows[i].dst);

        expect(&b, rows[i].meets, rows[i].src);
    }
}

/* --- devgroup --- */

static uint32_t lab_group(void *ctx, uint16_t iface)
{
    (void)ctx;
    return iface == R0 ? 15 : 240;
}

static void test_groups(void **state)
{
    static const char *const rules[] = {
        "-m devgroup --src-group 15",
        "-m devgroup ! --src-group 15",
        "-m devgroup --src-group 0xff/0xf", /* bits outside the mask do not count */
        "-m devgroup --src-group 0xf/0xff",
        "-m devgroup ! --src-group 0xff/0xf",
        "-m devgroup --src-group 1/0",
        "-m devgroup --src-group default",
        "-m devgroup --dst-group 0xf0",
        "-m devgroup --src-group 15 --dst-group 0xf0",
        "-m devgroup --src-group 15 ! --dst-group 0xf0",
        "-m devgroup ! --src-group 1 ! --dst-group 0xf0",
        "-m devgroup ! --src-group 1 ! --dst-group 1",
    };
    struct build b = lab_udp(4, 'A', 'B', 1, 2);

    (void)state;
    lab.host.iface_group = lab_group;
    lab_begin(100);
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    expect(&b, "#.##.#.##..#", "15 to 240");
    (void)lab_end(NULL);
    lab_begin(100); /* and without groups, everything is in group 0 */
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    expect(&b, ".#..###...##", "0 to 0");
}

/* --- cluster --- */

struct cluster_row {
    const char *src;
    unsigned node[3];
};

static const struct {
    unsigned nodes;
    uint32_t seed;
} clusters[] = {{8, 5}, {32, 0xdeadbeef}, {3, 0x12345678}};

/* Node by node, then all but that node. */
static void load_cluster(uint8_t family, size_t which)
{
    static char rules[2][32][128];
    const char *list[64];
    size_t count = 0;

    for (unsigned negated = 0; negated < 2; negated++)
        for (unsigned n = 0; n < clusters[which].nodes; n++) {
            (void)snprintf(rules[negated][n], sizeof(rules[negated][n]),
                           "-m cluster --cluster-total-nodes %u %s--cluster-local-node %u "
                           "--cluster-hash-seed %u",
                           clusters[which].nodes, negated ? "! " : "", n + 1, clusters[which].seed);
            list[count++] = rules[negated][n];
        }
    lab_load(family, "mangle", "PREROUTING", list, count);
}

static void check_cluster(uint8_t family, const struct cluster_row *rows, size_t count)
{
    lab_begin(100);
    for (size_t which = 0; which < WEIR_ARRAY_LEN(clusters); which++) {
        unsigned nodes = clusters[which].nodes;

        load_cluster(family, which);
        for (size_t i = 0; i < count; i++) {
            struct build b = to_from(family, rows[i].src, family == 4 ? "10.0.0.2" : "fd99::2");

            (void)lab_send(&b);
            for (unsigned n = 0; n < nodes; n++) {
                bool here = n + 1 == rows[i].node[which];

                if (lab_hit(n) != here || lab_hit(nodes + n) == here)
                    fail_msg("%s: node %u of %u", rows[i].src, n + 1, nodes);
            }
        }
    }
}

static void test_cluster(void **state)
{
    static const struct cluster_row rows[] = {
        {"10.0.0.1", {6, 11, 1}},     {"10.0.0.3", {6, 3, 1}},         {"192.168.7.9", {5, 19, 3}},
        {"198.51.100.77", {4, 7, 3}}, {"255.255.255.254", {6, 10, 3}}, {"1.2.3.4", {5, 12, 3}},
    };
    struct build answer = to_from(4, "10.0.0.2", "10.0.0.1"), invalid;

    (void)state;
    check_cluster(4, rows, WEIR_ARRAY_LEN(rows));
    load_cluster(4, 0);
    answer.l4.udp.sport = 2;
    answer.l4.udp.dport = 1;
    (void)lab_send(&answer); /* counts for who began */
    assert_true(lab_hit(6 - 1));
    invalid = lab_tcp('A', 'B', 1, 2, BUILD_TCP_SYN | BUILD_TCP_RST, 1, 0);
    (void)lab_send(&invalid); /* has no entry */
    for (size_t i = 0; i < lab.count; i++)
        assert_false(lab_hit(i));
}

/* Only the first two groups of an IPv6 address count. */
static void test_cluster6(void **state)
{
    static const struct cluster_row rows[] = {
        {"fd99::1", {7, 13, 2}},
        {"fd99::3", {7, 13, 2}},
        {"fd99:1:2::3", {4, 17, 1}},
        {"2001:db8::1", {8, 19, 3}},
        {"2001:db9:5:6:7:8:9:a", {6, 24, 1}},
    };

    (void)state;
    check_cluster(6, rows, WEIR_ARRAY_LEN(rows));
}

static void test_cluster_mask(void **state)
{
    static const char *const rules[] = {
        "-m cluster --cluster-total-nodes 8 --cluster-local-nodemask 0x20 --cluster-hash-seed 5",
        "-m cluster --cluster-total-nodes 8 --cluster-local-nodemask 0xff --cluster-hash-seed 5",
        "-m cluster --cluster-total-nodes 8 --cluster-local-nodemask 0xdf --cluster-hash-seed 5",
        "-m cluster --cluster-total-nodes 8 ! --cluster-local-nodemask 0xdf --cluster-hash-seed 5",
    };
    struct build b = to_from(4, "10.0.0.1", "10.0.0.2"); /* node 6 */

    (void)state;
    lab_begin(100);
    lab_load(4, "filter", "FORWARD", rules, WEIR_ARRAY_LEN(rules));
    expect(&b, "##.#", "masks");
}

/* A frame that the switch sent to all nodes is this host's for the rules behind. */
static void test_cluster_frame(void **state)
{
    struct build b = to_from(4, "10.0.0.1", "10.0.0.2");

    (void)state;
    lab_begin(100);
    load_cluster(4, 0);
    lab.pkt_type = WEIR_PKT_MULTICAST;
    (void)lab_send(&b);
    assert_int_equal(lab.sent_type, WEIR_PKT_HOST);
    b = to_from(4, "10.0.0.1", "239.0.0.2");
    (void)lab_send(&b);
    assert_int_equal(lab.sent_type, WEIR_PKT_MULTICAST);
    lab.pkt_type = WEIR_PKT_BROADCAST;
    b = to_from(4, "10.0.0.1", "10.0.0.2");
    (void)lab_send(&b);
    assert_int_equal(lab.sent_type, WEIR_PKT_BROADCAST);
}

/* --- those that know nothing --- */

static char notes[4096];

static void keep_note(void *ctx, uint32_t line, const char *text)
{
    size_t len = strlen(notes);

    (void)ctx;
    (void)snprintf(notes + len, sizeof(notes) - len, "%u: %s\n", line, text);
}

static void test_constant(void **state)
{
    static const char *const rules[] = {
        "-m policy --dir in --pol none",
        "-m policy --dir in --pol ipsec",
        "-m policy --dir in --strict ! --reqid 1",
        "-m socket",
        "-m socket --nowildcard --transparent",
        "-m nfacct --nfacct-name count",
        "-m rateest --rateest R --rateest-lt --rateest-bps 1mbit",
        "-m rateest --rateest R ! --rateest-lt --rateest-pps 1",
    };
    struct weir_rules_options options = {.note = keep_note};
    struct build b = lab_udp(4, 'A', 'B', 1, 2);
    struct weir_rules_error error;
    struct weir_rules *made;
    char text[1024] = "*mangle\n";

    (void)state;
    lab_begin(100);
    lab_load(4, "mangle", "PREROUTING", rules, WEIR_ARRAY_LEN(rules));
    expect(&b, "#....#..", "constants");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        size_t len = strlen(text);

        (void)snprintf(text + len, sizeof(text) - len, "-A PREROUTING %s\n", rules[i]);
    }
    (void)strncat(text, "COMMIT\n", sizeof(text) - strlen(text) - 1);
    notes[0] = '\0';
    assert_int_equal(weir_rules_parse(&made, 4, text, strlen(text), &options, &error), 0);
    weir_rules_free(made);
    for (uint32_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        char start[16];

        (void)snprintf(start, sizeof(start), "%u: weir ", i + 2);
        assert_non_null(strstr(notes, start));
    }
}

/* --- where they may not be --- */

static void test_refused(void **state)
{
    static const struct {
        uint8_t family;
        const char *table, *chain, *rule;
    } rows[] = {
        {4, "filter", "INPUT", "-m rpfilter"},
        {4, "mangle", "INPUT", "-m rpfilter"},
        {4, "nat", "PREROUTING", "-m rpfilter"},
        {4, "raw", "OUTPUT", "-m rpfilter"},
        {4, "filter", "FORWARD", "-m socket"},
        {4, "filter", "OUTPUT", "-m socket"},
        {4, "filter", "INPUT", "-m devgroup --dst-group 1"},
        {4, "filter", "OUTPUT", "-m devgroup --src-group 1"},
        {4, "filter", "INPUT", "-m devgroup --src-group 1 --dst-group 1"},
        {4, "filter", "INPUT", "-m devgroup --src-group nosuch"},
        {4, "filter", "INPUT", "-m devgroup --src-group 1/x"},
        {4, "filter", "INPUT", DST("LOCAL --limit-iface-out")},
        {4, "filter", "OUTPUT", DST("LOCAL --limit-iface-in")},
        {4, "filter", "INPUT", DST("LOCAL,")},
        {4, "filter", "INPUT", DST(",LOCAL")},
        {4, "filter", "INPUT", DST("LOCALE")},
        {6, "filter", "INPUT", DST("BROADCAST")},
        {6, "filter", "INPUT", DST("LOCAL,THROW")},
        {4, "filter", "OUTPUT", "-m policy --dir in"},
        {4, "filter", "INPUT", "-m policy --dir out"},
        {4, "filter", "INPUT", "-m policy --dir in --strict --reqid 1 --next --next --reqid 2"},
        {4, "filter", "INPUT", "-m policy --dir in --reqid 1 --reqid 2"},
        {4, "filter", "INPUT",
         "-m policy --dir in --strict --reqid 1 --next --reqid 2 --next "
         "--reqid 3 --next --reqid 4 --next --reqid 5"},
        {4, "filter", "INPUT", "-m policy --dir in ! --mode tunnel --tunnel-src 1.1.1.1"},
        {4, "filter", "INPUT", "-m policy --dir in --tunnel-src ::1 --mode tunnel"},
        {4, "filter", "INPUT", "-m cluster --cluster-total-nodes 2 --cluster-hash-seed 5"},
        {4, "filter", "INPUT",
         "-m cluster --cluster-total-nodes 2 --cluster-local-nodemask 4 "
         "--cluster-hash-seed 5"},
        {4, "filter", "INPUT", "-m nfacct --nfacct-name \"\""},
        {4, "filter", "INPUT", "-m rateest --rateest R --rateest-bps 5"},
        {4, "filter", "INPUT", "-m rateest --rateest R --rateest-gt"},
        {4, "filter", "INPUT", "-m rateest --rateest R --rateest-gt --rateest-bps 5x"},
        {4, "filter", "INPUT", "-m rateest --rateest R --rateest-gt --rateest-pps 5000000000"},
        {4, "filter", "INPUT", "-m osf --genre Linux"},
        {4, "filter", "INPUT", "-m ipvs --ipvs"},
        {4, "filter", "INPUT", "-m l2tp"},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_rules_error error;
        struct weir_rules *rules;

        (void)snprintf(text, sizeof(text), "*%s\n-A %s %s\nCOMMIT\n", rows[i].table, rows[i].chain,
                       rows[i].rule);
        if (weir_rules_parse(&rules, rows[i].family, text, strlen(text), NULL, &error) != -EINVAL)
            fail_msg("not refused: %s", text);
        assert_int_equal(error.line, 2);
        assert_int_not_equal(error.message[0], '\0');
    }
}

/* --- rates as they are written again --- */

static char written[1024];

static void write_text(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    assert_true(strlen(written) + len < sizeof(written));
    (void)strncat(written, bytes, len);
}

static void test_rates(void **state)
{
    static const struct {
        const char *given, *saved, *listed, *named;
    } rows[] = {
        {"--rateest R --rateest-gt --rateest-bps 1000",
         "--rateest R --rateest-gt --rateest-bps "
         "1000bit",
         "R bps 125 gt", "R bps 1000bit gt"},
        {"--rateest R ! --rateest-lt --rateest-bps 1.5mbit",
         "--rateest R ! --rateest-lt --rateest-bps 1500Kbit", "R bps 187500 ! lt",
         "R bps 1500Kbit ! lt"},
        {"--rateest R --rateest-gt --rateest-bps 1Mibit",
         "--rateest R --rateest-gt --rateest-bps 1049Kbit", "R bps 131072 gt", "R bps 1049Kbit gt"},
        {"--rateest R --rateest-gt --rateest-bps 1GiBps",
         "--rateest R --rateest-gt --rateest-bps 8590Mbit", "R bps 1073741824 gt",
         "R bps 8590Mbit gt"},
        {"--rateest R --rateest-gt --rateest-bps 1tbit",
         "--rateest R --rateest-gt --rateest-bps 3568Mbit", "R bps 445948416 gt",
         "R bps 3568Mbit gt"},
        {"--rateest R --rateest-gt --rateest-bps 1500500",
         "--rateest R --rateest-gt --rateest-bps 1500Kbit", "R bps 187562 gt", "R bps 1500Kbit gt"},
        {"--rateest R --rateest-gt --rateest-bps", "--rateest R --rateest-gt --rateest-bps 0bit",
         "R bps 0 gt", "R bps 0bit gt"},
        {"--rateest R --rateest-eq --rateest-pps 0x10", "--rateest R --rateest-eq --rateest-pps 16",
         "R pps eq 16", "R pps eq 16"},
        {"--rateest-delta --rateest R --rateest-bps1 2kbit --rateest-gt --rateest-bps2 1mbit",
         "--rateest-delta --rateest R --rateest-bps1 2000bit --rateest-gt --rateest-bps2 "
         "1000Kbit",
         "R delta bps 250 125000 gt", "R delta bps 2000bit 1000Kbit gt"},
        {"--rateest-delta --rateest R --rateest-pps1 5 --rateest-gt --rateest-pps2 6",
         "--rateest-delta --rateest R --rateest-pps1 5 --rateest-gt --rateest-pps2 6",
         "R delta pps 5 gt 6", "R delta pps 5 gt 6"},
        {"--rateest1 R --rateest-bps --rateest-lt --rateest2 S",
         "--rateest1 R --rateest-lt --rateest-bps --rateest2 S", "R bps lt S bps",
         "R bps lt S bps"},
        {"--rateest1 R ! --rateest-gt --rateest2 S --rateest-pps --rateest-bps",
         "--rateest1 R ! --rateest-gt --rateest-bps ! --rateest-gt --rateest-pps --rateest2 S",
         "R bps pps ! gt S bps pps", "R bps pps ! gt S bps pps"},
        {"--rateest-delta --rateest1 R --rateest-bps1 8 --rateest-lt --rateest2 S --rateest-bps2 "
         "16",
         "--rateest-delta --rateest1 R --rateest-bps1 8bit --rateest-lt --rateest-bps2 16bit "
         "--rateest2 S",
         "R delta bps 1 lt S bps 2", "R delta bps 8bit lt S bps 16bit"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_rules_error error;
        struct weir_rules *rules;
        char text[512];

        (void)snprintf(text, sizeof(text), "*filter\n-A INPUT -m rateest %s\nCOMMIT\n",
                       rows[i].given);
        if (weir_rules_parse(&rules, 4, text, strlen(text), NULL, &error) != 0)
            fail_msg("%s: %s", rows[i].given, error.message);
        written[0] = '\0';
        weir_rules_print(rules, 0, NULL, write_text, NULL);
        (void)snprintf(text, sizeof(text), "-A INPUT -m rateest %s\n", rows[i].saved);
        if (!strstr(written, text))
            fail_msg("%s in: %s", text, written);
        for (uint32_t flags = 0; flags <= WEIR_RULES_NUMERIC; flags += WEIR_RULES_NUMERIC) {
            written[0] = '\0';
            (void)weir_rules_list(rules, "filter", "INPUT", flags, NULL, NULL, write_text, NULL);
            (void)snprintf(text, sizeof(text), " rateest match %s\n",
                           flags ? rows[i].listed : rows[i].named);
            if (!strstr(written, text))
                fail_msg("%s in: %s", text, written);
        }
        weir_rules_free(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_types_by_class),
        LAB_TEST(test_types_by_host),
        LAB_TEST(test_types_out),
        LAB_TEST(test_types6),
        LAB_TEST(test_types6_by_class),
        LAB_TEST(test_reverse),
        LAB_TEST(test_reverse6),
        LAB_TEST(test_reverse_mark),
        LAB_TEST(test_reverse_by_class),
        LAB_TEST(test_types_loopback),
        LAB_TEST(test_reverse_loopback),
        LAB_TEST(test_groups),
        LAB_TEST(test_cluster),
        LAB_TEST(test_cluster6),
        LAB_TEST(test_cluster_mask),
        LAB_TEST(test_cluster_frame),
        LAB_TEST(test_constant),
        LAB_TEST(test_refused),
        LAB_TEST(test_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
