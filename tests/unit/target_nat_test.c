/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP: what they ask src/nat for. Linked so that
 * nat_setup() and nat_set_iface() are the ones below (the linker's --wrap), which keep what they
 * are asked.
 */
#include "target_fixture.h"

#include "nat/nat.h"

#include <arpa/inet.h>

bool __wrap_nat_setup(struct track *t, struct pkt *p, const struct nat_range *range,
                      enum nat_type type);
void __wrap_nat_set_iface(struct conn *c, uint16_t iface);

/* What was asked. */
static struct {
    unsigned calls;
    struct nat_range range;
    enum nat_type type;
    uint16_t iface;
    bool refuses;
} nat;

bool __wrap_nat_setup(struct track *t, struct pkt *p, const struct nat_range *range,
                      enum nat_type type)
{
    assert_ptr_equal(t, &w.track);
    assert_ptr_equal(p, &w.pkt);
    nat.calls++;
    nat.range = *range;
    nat.type = type;
    if (nat.refuses)
        p->reason = WEIR_R_NAT_EXHAUSTED;
    return !nat.refuses;
}

void __wrap_nat_set_iface(struct conn *c, uint16_t iface)
{
    assert_ptr_equal(c, CONN);
    assert_int_equal(nat.calls, 0);
    nat.iface = iface;
}

/* --- the host's addresses --- */

static struct {
    const char *address; /* NULL: there is none */
    enum weir_source_use use;
    uint16_t iface;
    union weir_addr peer;
} source;

static union weir_addr addr_of(uint8_t family, const char *text)
{
    union weir_addr addr = {{0}};

    assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, text, &addr), 1);
    return addr;
}

static bool give_source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                        const union weir_addr *peer, union weir_addr *addr)
{
    assert_ptr_equal(ctx, &source);
    source.use = use;
    source.iface = iface;
    source.peer = *peer;
    if (source.address)
        *addr = addr_of(family, source.address);
    return source.address != NULL;
}

/* --- packets --- */

enum { IN_IFACE = 3, OUT_IFACE = 4 };

/* The first packet of a connection, at this hook: from 10.0.0.1 or fd99::1 to host B, of two. */
static void begin_nat(uint8_t family, enum hook hook)
{
    begin(family, WEIR_TABLE_NAT, hook);
    memset(&nat, 0, sizeof(nat));
    memset(&source, 0, sizeof(source));
    w.eval.in_iface = hook == HOOK_OUTPUT ? 0 : IN_IFACE;
    w.eval.out_iface = hook == HOOK_PREROUTING || hook == HOOK_INPUT ? 0 : OUT_IFACE;
    w.track.host.ctx = &source;
    w.track.host.source = give_source;
    udp_packet();
    tracked();
}

static void assert_addr(const union weir_addr *addr, uint8_t family, const char *text)
{
    union weir_addr expected = addr_of(family, text);

    assert_memory_equal(addr, &expected, sizeof(expected));
}

/* --- SNAT and DNAT --- */

struct asked {
    const char *rule;
    uint8_t family;
    uint32_t flags;
    const char *min, *max;
    uint16_t min_port, max_port, base_port;
};

static void check_asked(const struct asked *a, enum hook hook, enum nat_type type)
{
    begin_nat(a->family, hook);
    assert_int_equal(run(a->rule), RULES_ACCEPT);
    assert_int_equal(nat.calls, 1);
    assert_int_equal(nat.type, type);
    assert_int_equal(nat.range.flags, a->flags);
    if (a->min) {
        assert_addr(&nat.range.min, a->family, a->min);
        assert_addr(&nat.range.max, a->family, a->max);
    }
    assert_int_equal(nat.range.min_port, a->min_port);
    assert_int_equal(nat.range.max_port, a->max_port);
    assert_int_equal(nat.range.base_port, a->base_port);
}

enum { IPS = NAT_MAP_IPS, PORTS = NAT_PORT_RANGE, OFFSET = NAT_PORT_OFFSET };

static void test_snat(void **state)
{
    static const struct asked rows[] = {
        {"-j SNAT --to-source 192.0.2.1", 4, IPS, "192.0.2.1", "192.0.2.1", 0, 0, 0},
        {"-j SNAT --to-source 192.0.2.1-192.0.2.9", 4, IPS, "192.0.2.1", "192.0.2.9", 0, 0, 0},
        {"-j SNAT --to-source 192.0.2.9-192.0.2.1", 4, IPS, "192.0.2.9", "192.0.2.1", 0, 0, 0},
        {"-p udp -j SNAT --to-source 192.0.2.1:5", 4, IPS | PORTS, "192.0.2.1", "192.0.2.1", 5, 5,
         0},
        {"-p icmp -j SNAT --to-source 192.0.2.1:0-65535", 4, IPS | PORTS, "192.0.2.1", "192.0.2.1",
         0, 65535, 0},
        {"-p udp -j SNAT --to-source :1000-2000", 4, PORTS, NULL, NULL, 1000, 2000, 0},
        /* The kernel never sees the base, and reckons from 0. */
        {"-p udp -j SNAT --to-source :100-103/15", 4, PORTS | OFFSET, NULL, NULL, 100, 103, 0},
        {"-p udp -j SNAT --to-source :100-103/0", 4, PORTS | OFFSET, NULL, NULL, 100, 103, 0},
        {"-j SNAT --to-source 192.0.2.1 --random", 4, IPS | NAT_RANDOM, "192.0.2.1", "192.0.2.1", 0,
         0, 0},
        {"-j SNAT --to-source 192.0.2.1 --random-fully --persistent", 4,
         IPS | NAT_RANDOM | NAT_PERSISTENT, "192.0.2.1", "192.0.2.1", 0, 0, 0},
        {"-j SNAT --to-source fd98::1", 6, IPS, "fd98::1", "fd98::1", 0, 0, 0},
        {"-j SNAT --to-source fd98::1-fd98::9", 6, IPS, "fd98::1", "fd98::9", 0, 0, 0},
        {"-p udp -j SNAT --to-source [fd98::1-fd98::9]:5-6", 6, IPS | PORTS, "fd98::1", "fd98::9",
         5, 6, 0},
        {"-p udp -j SNAT --to-source []:5", 6, PORTS, NULL, NULL, 5, 5, 0},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        check_asked(&rows[i], HOOK_POSTROUTING, NAT_SRC);
        check_asked(&rows[i], HOOK_INPUT, NAT_SRC);
        assert_int_equal(nat.iface, 0);
    }
}

static void test_dnat(void **state)
{
    static const struct asked rows[] = {
        {"-j DNAT --to-destination 192.0.2.1", 4, IPS, "192.0.2.1", "192.0.2.1", 0, 0, 0},
        {"-p udp -j DNAT --to-destination 192.0.2.1-192.0.2.2:3000-3010/8000", 4,
         IPS | PORTS | OFFSET, "192.0.2.1", "192.0.2.2", 3000, 3010, 8000},
        {"-p udp -j DNAT --to-destination :80-80/100 --random --persistent", 4,
         PORTS | OFFSET | NAT_RANDOM | NAT_PERSISTENT, NULL, NULL, 80, 80, 100},
        {"-p udp -j DNAT --to-destination [fd98::1]:80", 6, IPS | PORTS, "fd98::1", "fd98::1", 80,
         80, 0},
        /* Without brackets there is no port. */
        {"-p udp -j DNAT --to-destination fd98::1:80", 6, IPS, "fd98::1:80", "fd98::1:80", 0, 0, 0},
        {"-j DNAT --to-destination [fd98::1]", 6, IPS, "fd98::1", "fd98::1", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        check_asked(&rows[i], HOOK_PREROUTING, NAT_DST);
        check_asked(&rows[i], HOOK_OUTPUT, NAT_DST);
    }
}

/* --- MASQUERADE --- */

static void test_masquerade(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct build_addr to = host(family, 'B');

        begin_nat(family, HOOK_POSTROUTING);
        source.address = family == 4 ? "192.0.2.1" : "fd98::1";
        assert_int_equal(run("-p udp -j MASQUERADE --to-ports 10-20 --random"), RULES_ACCEPT);
        assert_int_equal(source.use, WEIR_SOURCE_MASQUERADE);
        assert_int_equal(source.iface, OUT_IFACE);
        assert_memory_equal(&source.peer, to.b, sizeof(to.b));
        assert_int_equal(nat.iface, OUT_IFACE);
        assert_int_equal(nat.type, NAT_SRC);
        assert_int_equal(nat.range.flags, IPS | PORTS | NAT_RANDOM);
        assert_addr(&nat.range.min, family, source.address);
        assert_addr(&nat.range.max, family, source.address);
        assert_int_equal(nat.range.min_port, 10);
        assert_int_equal(nat.range.max_port, 20);

        begin_nat(family, HOOK_POSTROUTING);
        source.address = family == 4 ? "192.0.2.1" : "fd98::1";
        assert_int_equal(run("-j MASQUERADE"), RULES_ACCEPT);
        assert_int_equal(nat.range.flags, IPS);
    }
    begin_nat(4, HOOK_POSTROUTING);
    source.address = "192.0.2.1";
    (void)run("-p udp -j MASQUERADE --to-ports 100-103/15 --random-fully");
    assert_int_equal(nat.range.flags, IPS | PORTS | OFFSET | NAT_RANDOM);
    assert_int_equal(nat.range.base_port, 0);
}

static void assert_no_address(const char *rule)
{
    assert_int_equal(run(rule), RULES_DROP);
    assert_int_equal(w.eval.reason, WEIR_R_NAT_NO_ADDRESS);
    assert_int_equal(nat.calls, 0);
    assert_int_equal(nat.iface, 0);
}

static void test_no_address(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        begin_nat(family, HOOK_POSTROUTING);
        assert_no_address("-j MASQUERADE");
        w.track.host.source = NULL;
        assert_no_address("-j MASQUERADE");
        begin_nat(family, HOOK_PREROUTING);
        assert_no_address("-j REDIRECT");
        w.track.host.source = NULL;
        assert_no_address("-j REDIRECT");
    }
}

/* A host without an address yet keeps having none. */
static void test_masquerade_any(void **state)
{
    struct build b;

    (void)state;
    begin_nat(4, HOOK_POSTROUTING);
    source.address = "192.0.2.1";
    packet_init(&b, 4, BUILD_UDP, 'A', 'B');
    memset(&b.src, 0, sizeof(b.src));
    packet(&b);
    tracked();
    assert_int_equal(run("-j MASQUERADE"), RULES_ACCEPT);
    assert_int_equal(nat.calls, 0);
    assert_int_equal(nat.iface, 0);
}

/* --- REDIRECT --- */

static void test_redirect(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        struct build_addr to = host(family, 'B');

        begin_nat(family, HOOK_PREROUTING);
        source.address = family == 4 ? "192.0.2.1" : "fe80::1";
        assert_int_equal(run("-p udp -j REDIRECT --to-ports 3128"), RULES_ACCEPT);
        assert_int_equal(source.use, WEIR_SOURCE_REDIRECT);
        assert_int_equal(source.iface, IN_IFACE);
        assert_memory_equal(&source.peer, to.b, sizeof(to.b));
        assert_int_equal(nat.type, NAT_DST);
        assert_int_equal(nat.range.flags, IPS | PORTS);
        assert_addr(&nat.range.min, family, source.address);
        assert_addr(&nat.range.max, family, source.address);
        assert_int_equal(nat.range.min_port, 3128);
        assert_int_equal(nat.range.max_port, 3128);
        assert_int_equal(nat.iface, 0);

        begin_nat(family, HOOK_OUTPUT);
        assert_int_equal(run("-j REDIRECT --random"), RULES_ACCEPT);
        assert_int_equal(source.use, 0); /* nobody was asked */
        assert_int_equal(nat.type, NAT_DST);
        assert_int_equal(nat.range.flags, IPS | NAT_RANDOM);
        assert_addr(&nat.range.min, family, family == 4 ? "127.0.0.1" : "::1");
        assert_addr(&nat.range.max, family, family == 4 ? "127.0.0.1" : "::1");
    }
}

/* --- NETMAP --- */

/* From 10.0.0.1 to 10.0.0.2, or from fd99::1 to fd99::2. */
static void test_netmap(void **state)
{
    static const struct {
        uint8_t family;
        const char *rule, *source, *destination;
    } rows[] = {
        {4, "-j NETMAP --to 192.0.2.0/24", "192.0.2.1", "192.0.2.2"},
        {4, "-j NETMAP --to 192.0.2.128/28", "192.0.2.129", "192.0.2.130"},
        {4, "-j NETMAP --to 192.0.2.77/24", "192.0.2.1", "192.0.2.2"},
        {4, "-j NETMAP --to 172.16.16.0/20", "172.16.16.1", "172.16.16.2"},
        {4, "-j NETMAP --to 192.0.2.77", "192.0.2.77", "192.0.2.77"},
        {4, "-j NETMAP --to 192.0.2.76/31", "192.0.2.77", "192.0.2.76"},
        {4, "-j NETMAP --to 192.0.2.0/0", "10.0.0.1", "10.0.0.2"},
        {4, "-j NETMAP --to 192.168.1.5/255.0.255.0", "192.168.1.5", "192.168.1.5"},
        {6, "-j NETMAP --to 2001:db8::/64", "2001:db8::1", "2001:db8::2"},
        {6, "-j NETMAP --to 2001:db8::aaaa:0:0:0/80", "2001:db8:0:0:aaaa::1",
         "2001:db8:0:0:aaaa::2"},
        {6, "-j NETMAP --to 2001:db8::7", "2001:db8::7", "2001:db8::7"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        for (unsigned hook = HOOK_PREROUTING; hook < HOOK_MAX; hook++) {
            bool dst = hook == HOOK_PREROUTING || hook == HOOK_OUTPUT;

            if (hook == HOOK_FORWARD)
                continue;
            begin_nat(rows[i].family, (enum hook)hook);
            assert_int_equal(run(rows[i].rule), RULES_ACCEPT);
            assert_int_equal(nat.type, dst ? NAT_DST : NAT_SRC);
            assert_int_equal(nat.range.flags, IPS);
            assert_addr(&nat.range.min, rows[i].family, dst ? rows[i].destination : rows[i].source);
            assert_addr(&nat.range.max, rows[i].family, dst ? rows[i].destination : rows[i].source);
        }
}

/* --- all --- */

/* The reason of a mapping that cannot be had is that of the drop. */
static void test_refusal(void **state)
{
    static const struct {
        const char *rule;
        enum hook hook;
    } rows[] = {
        {"-j SNAT --to-source 192.0.2.1", HOOK_INPUT},
        {"-j DNAT --to-destination 192.0.2.1", HOOK_OUTPUT},
        {"-j MASQUERADE", HOOK_POSTROUTING},
        {"-j REDIRECT", HOOK_PREROUTING},
        {"-j NETMAP --to 192.0.2.1", HOOK_PREROUTING},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        begin_nat(4, rows[i].hook);
        source.address = "192.0.2.1";
        nat.refuses = true;
        assert_int_equal(run(rows[i].rule), RULES_DROP);
        assert_int_equal(nat.calls, 1);
        assert_int_equal(w.eval.reason, WEIR_R_NAT_EXHAUSTED);
    }
}

/* Spoilt texts, with iptables' words. */
static void test_bad(void **state)
{
    static const struct {
        uint8_t family;
        const char *spec, *message;
    } rows[] = {
        {4, "\"\"", "Bad IP address \"\""},
        {4, "-", "Bad IP address \"\""},
        {4, ":", "Port `' not valid"},
        {4, "1.1.1.1:", "Port `' not valid"},
        {4, "1.1.1.1-", "Bad IP address \"\""},
        {4, "1.1.1.1-2.2.2.2-3.3.3.3", "Bad IP address \"2.2.2.2-3.3.3.3\""},
        {4, "1.1.1", "Bad IP address \"1.1.1\""},
        {4, "010.1.1.1", "Bad IP address \"010.1.1.1\""},
        {4, "0x01010101", "Bad IP address \"0x01010101\""},
        {4, "1.1.1.1/24", "Bad IP address \"1.1.1.1/24\""},
        {4, "1.1.1.1,2.2.2.2", "Bad IP address \"1.1.1.1,2.2.2.2\""},
        {4, "1.1.1.1:80:90", "Bad IP address \"1.1.1.1:80:90\""},
        {4, "[1.1.1.1]:80", "Invalid address format"},
        {4, "1.1.1.1:80-", "Port `' not valid"},
        {4, "1.1.1.1:-80", "Port `-80' not valid"},
        {4, "1.1.1.1:65536", "Port `65536' not valid"},
        {4, "1.1.1.1:70000-80", "Port `70000-80' not valid"},
        {4, "1.1.1.1:80-70000", "Port `70000' not valid"},
        {4, "1.1.1.1:99999999999999999999", "Port `99999999999999999999' not valid"},
        {4, "1.1.1.1:nosuch", "Port `nosuch' not valid"},
        {4, "1.1.1.1:80-nosuch", "Port `nosuch' not valid"},
        {4, "1.1.1.1:90-80", "Port range `80' funky"},
        {4, "1.1.1.1:80x", "Garbage after port value: `x'"},
        {4, "1.1.1.1:80/90", "Garbage after port value: `/90'"},
        {4, "1.1.1.1:80-90x", "Garbage after port range: `x'"},
        {4, "1.1.1.1:80-90/", "Port `' not valid"},
        {4, "1.1.1.1:80-90/0", "Port `0' not valid"},
        {4, "1.1.1.1:80-90/65536", "Port `65536' not valid"},
        {4, "1.1.1.1:80-90/5x", "Port `5x' not valid"},
        {6, "[::1", "Invalid address format"},
        {6, "[", "Invalid address format"},
        {6, "[::1]x", "Invalid address format"},
        {6, "[::1]x:80", "Invalid address format"},
        {6, "[::1]-[::2]", "Invalid address format"},
        {6, "[]", "Bad IP address \"\""},
        {6, "[::1-]:80", "Bad IP address \"\""},
        {6, "[::1]:", "Port `' not valid"},
        {6, "[::1]:80:90", "Invalid port:port syntax - use dash"},
        {6, "::1%lo", "Bad IP address \"::1%lo\""},
        {6, "1.1.1.1", "Bad IP address \"1.1.1.1\""},
    };
    char rule[120];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        begin_nat(rows[i].family, HOOK_PREROUTING);
        (void)snprintf(rule, sizeof(rule), "-p udp -j DNAT --to-destination %s", rows[i].spec);
        refused(rule, 2, rows[i].message);
    }
}

/* An address longer than any is shown cut, not in full. */
static void test_bad_long(void **state)
{
    char rule[400] = "-j DNAT --to-destination ";
    size_t len = strlen(rule);

    (void)state;
    begin_nat(6, HOOK_PREROUTING);
    memset(rule + len, '1', 300);
    assert_null(read_rule(rule));
    assert_int_equal(strncmp(w.error.message, "Bad IP address \"1111", 20), 0);
    assert_true(strlen(w.error.message) < 200);
}

static void test_bad_ports(void **state)
{
    (void)state;
    begin_nat(4, HOOK_PREROUTING);
    refused("-p udp -j REDIRECT --to-ports 80:90", 2, "Invalid port:port syntax - use dash");
    refused("-p udp -j REDIRECT --to-ports 80-90:100", 2, "Garbage after port range: `:100'");
    refused("-p udp -j REDIRECT --to-ports 80-90/85", 2,
            "Shifted portmap ranges not supported with this kernel");
    refused("-p gre -j REDIRECT --to-ports 80", 2,
            "Need TCP, UDP, SCTP or DCCP with port specification");
    refused("-j REDIRECT --to-ports 80 -p tcp", 2,
            "Need TCP, UDP, SCTP or DCCP with port specification");
    refused("-j REDIRECT --to-ports nosuch", 2,
            "Need TCP, UDP, SCTP or DCCP with port specification");
    begin_nat(6, HOOK_POSTROUTING);
    refused("-p icmpv6 -j MASQUERADE --to-ports 5", 2,
            "Need TCP, UDP, SCTP or DCCP with port specification");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_snat),       TARGET_TEST(test_dnat),      TARGET_TEST(test_masquerade),
        TARGET_TEST(test_no_address), TARGET_TEST(test_redirect),  TARGET_TEST(test_masquerade_any),
        TARGET_TEST(test_netmap),     TARGET_TEST(test_refusal),   TARGET_TEST(test_bad),
        TARGET_TEST(test_bad_long),   TARGET_TEST(test_bad_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
