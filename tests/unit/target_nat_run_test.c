/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NAT targets in a shard: the first packet of a connection meets the rule, is rewritten, and
 * the answer comes back as if nothing had been. T-nn are examples of the nat reference.
 */
#include "target_fixture.h"

enum { PORT = 5000, SERVICE = 53 };

static struct build before, after;

/* --- a shard with addresses --- */

static bool addressless;

static bool give_source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                        const union weir_addr *peer, union weir_addr *addr)
{
    (void)ctx;
    (void)iface;
    assert_true(use == WEIR_SOURCE_MASQUERADE || use == WEIR_SOURCE_REDIRECT);
    assert_int_not_equal(peer->half[0], 0);
    memcpy(addr, host(family, 'N').b, sizeof(*addr));
    return !addressless;
}

static int nat_setup_test(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    const struct weir_config config = {
        .host = {.ctx = f, .event = fixture_event, .source = give_source},
        .seed = {1, 2},
        .max = 100,
    };
    f->shard = weir_shard_new(&config);
    assert_non_null(f->shard);
    f->now.ns = 1000 * SEC;
    addressless = false;
    *state = f;
    return 0;
}

/* --- packets --- */

static void datagram(struct build *b, uint8_t family, char from, char to, uint16_t sport,
                     uint16_t dport)
{
    packet_init(b, family, BUILD_UDP, from, to);
    b->l4.udp.sport = sport;
    b->l4.udp.dport = dport;
    b->data.len = 7;
}

/* `before` goes in, and leaves as `after`, one hop further unless it is from this host. */
static void passes(struct fixture *f)
{
    static uint8_t bytes[BUILD_PACKET_MAX], expected[BUILD_PACKET_MAX];
    size_t len = build_make(&before, bytes, sizeof(bytes));
    uint8_t *exact = malloc(len);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    f->sent = (struct weir_packet){.data = exact, .len = (uint32_t)len, .path = f->path};
    weir_shard_run(f->shard, f->now, &f->sent, 1);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    if (f->path == WEIR_PATH_ROUTED)
        after.ttl--;
    assert_int_equal(build_make(&after, expected, sizeof(expected)), len);
    assert_memory_equal(exact, expected, len);
    free(exact);
}

/* From A to B it becomes `to`; and the answer to that comes back as from B to A. */
static void there_and_back(struct fixture *f, uint8_t family, struct build to)
{
    datagram(&before, family, 'A', 'B', PORT, SERVICE);
    after = to;
    passes(f);
    datagram(&before, family, 'A', 'B', to.l4.udp.dport, to.l4.udp.sport);
    before.src = to.dst;
    before.dst = to.src;
    datagram(&after, family, 'B', 'A', SERVICE, PORT);
    passes(f);
    assert_int_equal(f->sent.ctinfo, WEIR_CT_ESTABLISHED_REPLY);
}

static void check(struct fixture *f, uint8_t family, const char *rule, char from, char to,
                  uint16_t sport, uint16_t dport)
{
    struct weir_rules *rules;
    struct build expected;
    char text[200];

    (void)snprintf(text, sizeof(text), "*nat\n-A %s\nCOMMIT\n", rule);
    rules = set_rules(f, family, text);
    datagram(&expected, family, from, to, sport, dport);
    there_and_back(f, family, expected);
    unset_rules(f, family, rules);
    weir_shard_flush(f->shard);
}

/* N is 10.0.0.14, or fd99::e; C is 10.0.0.3, or fd99::3. */
static void test_snat(void **state)
{
    struct fixture *f = *state;

    check(f, 4, "POSTROUTING -j SNAT --to-source 10.0.0.14", 'N', 'B', PORT, SERVICE);
    check(f, 4, "POSTROUTING -p udp -j SNAT --to-source :77", 'A', 'B', 77, SERVICE);
    check(f, 4, "POSTROUTING -p udp -j SNAT --to-source 10.0.0.14:77", 'N', 'B', 77, SERVICE);
    /* Reckoned from 0, as the kernel does. */
    check(f, 4, "POSTROUTING -p udp -j SNAT --to-source 10.0.0.14:100-102/15", 'N', 'B', 102,
          SERVICE);
    check(f, 6, "POSTROUTING -p udp -j SNAT --to-source [fd99::e]:77", 'N', 'B', 77, SERVICE);
}

static void test_dnat(void **state)
{
    struct fixture *f = *state;

    check(f, 4, "PREROUTING -j DNAT --to-destination 10.0.0.3", 'A', 'C', PORT, SERVICE);
    check(f, 4, "PREROUTING -p udp -j DNAT --to-destination 10.0.0.3:2000-2010", 'A', 'C', PORT,
          2000); /* T-21 */
    check(f, 4, "PREROUTING -p udp -j DNAT --to-destination 10.0.0.3:2000-2010/3000", 'A', 'C',
          PORT, 2000 + (65536 + SERVICE - 3000) % 65536 % 11); /* T-26 */
    check(f, 4, "PREROUTING -p udp -j DNAT --to-destination :80", 'A', 'B', PORT, 80);
    check(f, 6, "PREROUTING -p udp -j DNAT --to-destination [fd99::3]:80", 'A', 'C', PORT, 80);
}

static void test_own_addresses(void **state)
{
    struct fixture *f = *state;

    for (uint8_t family = 4; family <= 6; family += 2) {
        check(f, family, "POSTROUTING -j MASQUERADE", 'N', 'B', PORT, SERVICE);
        check(f, family, "POSTROUTING -p udp -j MASQUERADE --to-ports 77", 'N', 'B', 77, SERVICE);
        check(f, family, "PREROUTING -j REDIRECT", 'A', 'N', PORT, SERVICE);
        check(f, family, "PREROUTING -p udp -j REDIRECT --to-ports 5353", 'A', 'N', PORT, 5353);
    }
}

static void test_netmap(void **state)
{
    struct fixture *f = *state;

    check(f, 4, "POSTROUTING -j NETMAP --to 10.0.0.12/30", 'M', 'B', PORT, SERVICE);
    check(f, 4, "PREROUTING -j NETMAP --to 10.0.0.12/30", 'A', 'N', PORT, SERVICE);
    check(f, 6, "PREROUTING -j NETMAP --to fd99::c/126", 'A', 'N', PORT, SERVICE);
}

/* Without an address there is no mapping, and without one the packet goes nowhere. */
static void test_no_address(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules =
        set_rules(f, 4, "*nat\n-A POSTROUTING -s 10.0.0.1 -j MASQUERADE\nCOMMIT\n");

    addressless = true;
    (void)send_udp(f, 'A', 'B', PORT, SERVICE);
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(f->sent.reason, WEIR_R_NAT_NO_ADDRESS);
    assert_int_equal(weir_rules_line(rules, f->sent.rule - 1), 2);
    assert_int_equal(conns(f), 0);
    unset_rules(f, 4, rules);
}

/* From 0.0.0.0 nothing is mapped, and the entry says that this was decided. */
static void test_masquerade_any(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules = set_rules(f, 4, "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n");

    datagram(&before, 4, 'A', 'B', PORT, SERVICE);
    memset(&before.src, 0, sizeof(before.src));
    after = before;
    f->path = WEIR_PATH_OUTPUT;
    passes(f);
    assert_int_equal(only_conn(f).status &
                         (WEIR_S_SRC_NAT | WEIR_S_SRC_NAT_DONE | WEIR_S_DST_NAT_DONE),
                     WEIR_S_SRC_NAT_DONE | WEIR_S_DST_NAT_DONE);
    unset_rules(f, 4, rules);
}

/* In OUTPUT it is to this host itself. */
static void test_redirect_output(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules =
        set_rules(f, 4, "*nat\n-A OUTPUT -p udp -j REDIRECT --to-ports 5353\nCOMMIT\n");

    datagram(&before, 4, 'A', 'B', PORT, SERVICE);
    after = before;
    after.dst = (struct build_addr){{127, 0, 0, 1}};
    after.l4.udp.dport = 5353;
    f->path = WEIR_PATH_OUTPUT;
    passes(f);
    unset_rules(f, 4, rules);
}

#define NAT_TEST(test) cmocka_unit_test_setup_teardown(test, nat_setup_test, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NAT_TEST(test_snat),       NAT_TEST(test_dnat),           NAT_TEST(test_own_addresses),
        NAT_TEST(test_netmap),     NAT_TEST(test_masquerade_any), NAT_TEST(test_redirect_output),
        NAT_TEST(test_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
