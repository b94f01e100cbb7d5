/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of single targets share: a rule is read from its text, and its target is run on a
 * packet, with nothing around it: no chain, no tracking before it.
 */
#ifndef TESTS_UNIT_TARGET_FIXTURE_H
#define TESTS_UNIT_TARGET_FIXTURE_H

#include "shard_fixture.h"

#include <stdio.h>

#include "rules/rules.h"

union any_conn {
    struct conn head;
    struct conn4 v4;
    struct conn6 v6;
};

/* All there is; each test starts with begin(). */
static struct {
    struct track track;
    struct world world;
    struct weir_packet raw;
    struct pkt pkt;
    struct eval eval;
    union any_conn conn;
    struct weir_rules_names names;
    struct weir_rules_error error; /* of the last rule */
    char note[256];                /* said about the last rule */
    uint8_t *bytes;                /* the packet, in memory of exactly its size */
    size_t len;
} w;

#define CONN (&w.conn.head)

static inline void begin(uint8_t family, enum weir_table table, enum hook hook)
{
    free(w.bytes);
    memset(&w, 0, sizeof(w));
    w.world.t = &w.track;
    w.eval = (struct eval){.world = &w.world,
                           .t = &w.track,
                           .p = &w.pkt,
                           .in = "",
                           .out = "",
                           .family = family,
                           .table = table,
                           .hook = hook};
    CONN->family = family;
}

/* The packet that comes next, tracked or not. */
static inline void packet(const struct build *b)
{
    static uint8_t bytes[BUILD_PACKET_MAX];

    w.len = build_make(b, bytes, sizeof(bytes));
    assert_true(w.len > 0);
    free(w.bytes);
    w.bytes = malloc(w.len);
    assert_non_null(w.bytes);
    memcpy(w.bytes, bytes, w.len);
    w.raw = (struct weir_packet){.data = w.bytes, .len = (uint32_t)w.len, .mark = w.raw.mark};
    w.pkt = (struct pkt){.raw = &w.raw};
    uint32_t wire_len = (uint32_t)(b->cut > 0 ? b->cut + 1000 : 0);

    if (wire_len < w.len)
        wire_len = (uint32_t)w.len;
    assert_int_equal(parse_ip(&w.pkt.ip, w.bytes, (uint32_t)w.len, wire_len), WEIR_R_NONE);
}

static inline void udp_packet(void)
{
    struct build b;

    packet_init(&b, w.eval.family, BUILD_UDP, 'A', 'B');
    b.l4.udp.sport = 1000;
    b.l4.udp.dport = 53;
    b.data.len = 4;
    packet(&b);
}

/* The packet is the first of a connection from now on. */
static inline void tracked(void)
{
    assert_int_equal(tuple_from_packet(&w.pkt.tuple, &w.pkt.ip), WEIR_R_NONE);
    struct weir_tuple inverse;

    assert_true(tuple_invert(&w.pkt.tuple, &inverse));
    CONN->proto = w.pkt.tuple.proto;
    conn_set_tuple(CONN, WEIR_ORIG, &w.pkt.tuple);
    conn_set_tuple(CONN, WEIR_REPLY, &inverse);
    w.pkt.conn = CONN;
    w.pkt.ctinfo = WEIR_CT_NEW;
}

/* --- rules --- */

static inline void keep_note(void *ctx, uint32_t line, const char *text)
{
    (void)ctx;
    assert_int_equal(line, 2);
    (void)snprintf(w.note, sizeof(w.note), "%s", text);
}

/* NULL: it was refused, w.error says why. */
static inline struct weir_rules *read_rule(const char *rule)
{
    struct weir_rules_options options = {.names = &w.names, .note = keep_note};
    struct weir_rules *rules;
    char text[512];

    (void)snprintf(text, sizeof(text), "*%s\n-A %s %s\nCOMMIT\n", weir_table_name(w.eval.table),
                   hook_name(w.eval.hook), rule);
    w.note[0] = '\0';
    int failed = weir_rules_parse(&rules, w.eval.family, text, strlen(text), &options, &w.error);

    assert_int_equal(failed, rules ? 0 : -EINVAL);
    return rules;
}

/* What the target of this rule does with the packet. */
static inline enum rules_verdict run(const char *rule)
{
    struct weir_rules *rules = read_rule(rule);

    if (!rules)
        fail_msg("%s: %s", rule, w.error.message);
    const struct ext *x = rules->table[w.eval.table].builtin[w.eval.hook]->rules[0].target;

    assert_non_null(x);
    w.eval.reason = WEIR_R_NONE;
    enum rules_verdict verdict = x->type->target(&w.eval, x);

    weir_rules_free(rules);
    return verdict;
}

static inline void refused(const char *rule, int status, const char *message)
{
    struct weir_rules *rules = read_rule(rule);

    if (rules)
        fail_msg("%s: was not refused", rule);
    assert_string_equal(w.error.message, message);
    assert_int_equal(w.error.status, status);
}

/* Give a shard these lines of one table. */
static inline struct weir_rules *set_rules(struct fixture *f, uint8_t family, const char *text)
{
    struct weir_rules_error error;
    struct weir_rules *rules;

    if (weir_rules_parse(&rules, family, text, strlen(text), NULL, &error) != 0)
        fail_msg("%s: %s", text, error.message);
    assert_int_equal(weir_shard_set_rules(f->shard, family, rules, NULL), 0);
    return rules;
}

/* And take them away. */
static inline void unset_rules(struct fixture *f, uint8_t family, struct weir_rules *rules)
{
    assert_int_equal(weir_shard_set_rules(f->shard, family, NULL, NULL), 0);
    weir_rules_free(rules);
}

static inline int target_teardown(void **state)
{
    (void)state;
    free(w.bytes);
    w.bytes = NULL;
    return 0;
}

#define TARGET_TEST(test) cmocka_unit_test_teardown(test, target_teardown)

#endif
