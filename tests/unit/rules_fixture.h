/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of matches share: a shard between two interfaces, rules in one of its chains that
 * only count, and for each packet which of them it met.
 *
 * Hosts A, C, E... are behind r0 (interface 1), B, D, F... behind r1 (interface 2); nobody knows
 * the way to X.
 */
#ifndef TESTS_UNIT_RULES_FIXTURE_H
#define TESTS_UNIT_RULES_FIXTURE_H

#include "shard_fixture.h"

#include <stdio.h>

#include "pipe/shard.h"
#include <weir/rules.h>

enum { LAB_RULES = 96, R0 = 1, R1 = 2, LO = 3 };

/* All there is; each test starts with lab_begin(). */
static struct {
    struct fixture *f;
    struct weir_host host; /* functions that a test wants, before lab_begin() */
    int64_t start_ns;      /* the clock then; 0: 1000 seconds */
    struct weir_rules *rules[2];
    size_t count; /* rules of the chain that was loaded last */
    uint8_t family;
    uint64_t before[LAB_RULES];
    uint16_t in_iface; /* of the packets sent from now on; 0: where their source is */
    uint8_t pkt_type;  /* of the packets */
    uint8_t sent_type; /* what became of it */
    uint32_t mark;     /* of the packets */
    size_t cut;        /* if not 0: bytes of a packet that are there */
} lab;

static inline uint16_t iface_of(uint8_t family, const uint8_t *addr)
{
    uint8_t last = addr[family == 4 ? 3 : 15];

    if (last == 'X' - 'A' + 1)
        return 0;
    return last % 2 ? R0 : R1;
}

static inline struct weir_route lab_route(void *ctx, const struct weir_packet *packet,
                                          uint8_t family, union weir_addr dst)
{
    (void)ctx;
    (void)packet;
    return (struct weir_route){.out_iface = iface_of(family, dst.bytes)};
}

static inline const char *lab_name(void *ctx, uint16_t iface)
{
    (void)ctx;
    return iface == R0 ? "r0" : iface == R1 ? "r1" : iface == LO ? "lo" : NULL;
}

static inline void lab_begin(uint32_t max)
{
    struct weir_config config = {.seed = {1, 2}, .max = max};

    lab.f = calloc(1, sizeof(*lab.f));
    assert_non_null(lab.f);
    config.host = lab.host;
    config.host.ctx = lab.f;
    config.host.event = fixture_event;
    config.host.iface_name = lab_name;
    if (!config.host.route)
        config.host.route = lab_route;
    lab.f->shard = weir_shard_new(&config);
    assert_non_null(lab.f->shard);
    lab.f->now.ns = lab.start_ns ? lab.start_ns : 1000 * SEC;
    (void)weir_shard_tick(lab.f->shard, lab.f->now, 0);
}

static inline int lab_end(void **state)
{
    (void)state;
    if (lab.f) {
        for (int i = 0; i < 2; i++)
            assert_int_equal(weir_shard_set_rules(lab.f->shard, i ? 6 : 4, NULL, NULL), 0);
        fixture_free(lab.f);
    }
    for (int i = 0; i < 2; i++)
        weir_rules_free(lab.rules[i]);
    memset(&lab, 0, sizeof(lab));
    return 0;
}

#define LAB_TEST(test) cmocka_unit_test_teardown(test, lab_end)

/* --- rules --- */

/* The family's rules become `count` rules in one chain. */
static inline void lab_load(uint8_t family, const char *table, const char *chain,
                            const char *const *rules, size_t count)
{
    struct weir_rules *old = lab.rules[family == 6], *made;
    struct weir_rules_error error;
    char text[16384];
    size_t len = (size_t)snprintf(text, sizeof(text), "*%s\n", table);

    assert_true(count <= LAB_RULES);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "-A %s %s\n", chain, rules[i]);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "COMMIT\n");
    assert_true(len < sizeof(text));
    if (weir_rules_parse(&made, family, text, len, NULL, &error) != 0)
        fail_msg("line %u: %s (%s)", error.line, error.message, rules[error.line - 2]);
    assert_int_equal(weir_shard_set_rules(lab.f->shard, family, made, NULL), 0);
    weir_rules_free(old);
    lab.rules[family == 6] = made;
    lab.family = family;
    lab.count = count;
    memset(lab.before, 0, sizeof(lab.before));
}

static inline void lab_rule(uint8_t family, const char *table, const char *chain, const char *rule)
{
    lab_load(family, table, chain, &rule, 1);
}

/* How many packets rule `i` counted. */
static inline uint64_t lab_counted(size_t i)
{
    const struct weir_rules *rules = lab.rules[lab.family == 6];
    const struct weir_rules_count *counts = weir_shard_rule_counts(lab.f->shard, lab.family);

    for (uint32_t n = 0; n < weir_rules_counters(rules); n++)
        if (weir_rules_line(rules, n) == i + 2)
            return counts[n].packets;
    fail_msg("no rule %zu", i);
    return 0;
}

/* Did rule `i` count the last packet? */
static inline bool lab_hit(size_t i)
{
    return lab_counted(i) > lab.before[i];
}

/* --- packets --- */

static inline enum weir_verdict lab_send_bytes(uint8_t *bytes, size_t len)
{
    const uint8_t *src = bytes + (bytes[0] >> 4 == 4 ? 12 : 8);
    size_t have = lab.cut ? lab.cut : len;
    uint8_t *exact = malloc(have);

    assert_non_null(exact);
    memcpy(exact, bytes, have);
    for (size_t i = 0; i < lab.count; i++)
        lab.before[i] = lab_counted(i);
    lab.f->sent = (struct weir_packet){.data = exact,
                                       .len = (uint32_t)have,
                                       .wire_len = (uint32_t)len,
                                       .mark = lab.mark,
                                       .pkt_type = lab.pkt_type,
                                       .templ = lab.f->templ,
                                       .in_iface = lab.in_iface ? lab.in_iface
                                                                : iface_of(bytes[0] >> 4, src)};
    weir_shard_run(lab.f->shard, lab.f->now, &lab.f->sent, 1);
    lab.sent_type = lab.f->sent.pkt_type;
    free(exact);
    return (enum weir_verdict)lab.f->sent.verdict;
}

static inline enum weir_verdict lab_send(const struct build *b)
{
    static uint8_t bytes[BUILD_PACKET_MAX];
    size_t len = build_make(b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return lab_send_bytes(bytes, len);
}

static inline struct build lab_udp(uint8_t family, char from, char to, uint16_t sport,
                                   uint16_t dport)
{
    struct build b;

    packet_init(&b, family, BUILD_UDP, from, to);
    b.l4.udp.sport = sport;
    b.l4.udp.dport = dport;
    b.data.len = 4;
    return b;
}

static inline struct build lab_tcp(char from, char to, uint16_t sport, uint16_t dport,
                                   uint16_t flags, uint32_t seq, uint32_t ack)
{
    struct build b;

    packet_init(&b, 4, BUILD_TCP, from, to);
    b.l4.tcp = (struct build_tcp){.sport = sport,
                                  .dport = dport,
                                  .flags = flags,
                                  .seq = seq,
                                  .ack = ack,
                                  .win = 5000,
                                  .doff = BUILD_AUTO};
    return b;
}

static inline struct build lab_echo(char from, char to, uint8_t type, uint16_t id)
{
    struct build b;

    packet_init(&b, 4, BUILD_ICMP, from, to);
    b.l4.icmp.type = type;
    b.l4.icmp.rest = (uint32_t)id << 16 | 1;
    return b;
}

/* Port unreachable, from `from` to who sent `about`. */
static inline struct build lab_error(char from, const struct build *about)
{
    static uint8_t quote[256];
    struct build b;

    build_init(&b, 4, BUILD_ICMP);
    b.src = host(4, from);
    b.dst = about->src;
    b.l4.icmp.type = 3;
    b.l4.icmp.code = 3;
    b.data = (struct build_data){.bytes = quote, .len = build_make(about, quote, sizeof(quote))};
    return b;
}

/* The entry of the packet sent last. */
static inline struct conn *lab_conn(void)
{
    assert_int_not_equal(lab.f->sent.conn, 0);
    return conn_at(&lab.f->shard->track, lab.f->sent.conn);
}

#endif
