/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of matches with a memory share: rulesets that are bound as a shard binds them and
 * exchanged for one another, a clock in ticks, and packets that a rule is asked about one by one.
 *
 * Memory for rulesets comes from here, and at the end of a test all of it must be back.
 */
#ifndef TESTS_UNIT_MATCH_STATE_FIXTURE_H
#define TESTS_UNIT_MATCH_STATE_FIXTURE_H

#include "target_fixture.h"

#include "rules/named.h"

enum outcome { NO = 0, YES, DROPPED };

static struct {
    struct weir_rules *rules[2]; /* IPv4, IPv6 */
    struct rules_run *run[2];
    size_t reserved;   /* bytes */
    int left;          /* pieces of memory that may be reserved, -1: any number */
    struct build next; /* the packet that comes next */
    uint8_t path;      /* of it: enum weir_path */
} lab;

#define SECOND WEIR_TICKS_PER_SEC

static inline void *lab_reserve(void *ctx, size_t size)
{
    void *memory = NULL;

    (void)ctx;
    if (lab.left == 0 || posix_memalign(&memory, WEIR_CACHE_LINE, size) != 0)
        return NULL;
    lab.left -= lab.left > 0;
    lab.reserved += size;
    return memset(memory, 0, size);
}

static inline void lab_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    lab.reserved -= size;
    free(memory);
}

static inline void set_tick(int64_t tick)
{
    w.track.tick64 = tick;
    w.track.time_ns = tick * WEIR_TICK_NS;
}

static inline void pass(int64_t ticks)
{
    set_tick(w.track.tick64 + ticks);
}

/* A shard's state with nothing in it, long after its start. */
static inline void lab_begin(uint8_t family)
{
    static const uint64_t seed[2] = {1, 2};

    begin(family, WEIR_TABLE_FILTER, HOOK_INPUT);
    w.track.host.reserve = lab_reserve;
    w.track.host.release = lab_release;
    hash_key_init(&w.track.key, seed);
    random_init(&w.track.random, seed);
    set_tick(1000000);
    memset(&lab, 0, sizeof(lab));
    lab.left = -1;
    packet_init(&lab.next, family, BUILD_UDP, 'A', 'B');
    lab.next.l4.udp.sport = 1000;
    lab.next.l4.udp.dport = 53;
}

/* The family from now on, of rules and packets. */
static inline void use_family(uint8_t family)
{
    w.eval.family = family;
    packet_init(&lab.next, family, BUILD_UDP, 'A', 'B');
}

static inline bool run_rules(struct weir_rules *rules)
{
    unsigned six = w.eval.family == 6;
    struct rules_run *run = rules ? rules_run_new(&w.world, rules) : NULL;

    if (rules && !run)
        return false;
    rules_run_free(&w.world, lab.run[six]);
    weir_rules_free(lab.rules[six]);
    lab.rules[six] = rules;
    lab.run[six] = run;
    return true;
}

/* `count` rules instead of those before. */
static inline struct weir_rules *read_rules(const char *const *rules, size_t count)
{
    static char text[65536];
    struct weir_rules_options options = {.names = &w.names};
    struct weir_rules *made;
    size_t len = (size_t)snprintf(text, sizeof(text), "*filter\n");

    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "-A INPUT %s\n", rules[i]);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "COMMIT\n");
    assert_true(len < sizeof(text));
    if (weir_rules_parse(&made, w.eval.family, text, len, &options, &w.error) != 0)
        fail_msg("%s: %s", rules[w.error.line - 2], w.error.message);
    return made;
}

#define RULES(...)                                                          \
    do {                                                                    \
        static const char *const rules_[] = {__VA_ARGS__};                  \
        assert_true(run_rules(read_rules(rules_, WEIR_ARRAY_LEN(rules_)))); \
    } while (0)

static inline const struct ext *ext_of(unsigned rule)
{
    const struct weir_rules *rules = lab.rules[w.eval.family == 6];

    return rules->table[WEIR_TABLE_FILTER].builtin[HOOK_INPUT]->rules[rule].matches[0];
}

/* What the first match of a rule says of the packet in lab.next. */
static inline enum outcome ask(unsigned rule)
{
    const struct ext *x = ext_of(rule);

    packet(&lab.next);
    w.raw.path = lab.path;
    w.eval.run = lab.run[w.eval.family == 6];
    w.eval.drop = false;
    bool fits = x->type->match(&w.eval, x);

    return w.eval.drop ? DROPPED : fits ? YES : NO;
}

/* How many of `n` packets in a row match. */
static inline unsigned ask_times(unsigned rule, unsigned n)
{
    unsigned yes = 0;

    for (unsigned i = 0; i < n; i++)
        yes += ask(rule) == YES;
    return yes;
}

/* A packet of `len` bytes in all (IPv4). */
static inline void next_length(size_t len)
{
    lab.next.data.len = len - 28;
}

static inline void next_from(char name)
{
    lab.next.src = host(w.eval.family, name);
}

/* The rule as it is saved, without "-A INPUT ". */
static inline const char *saved(unsigned rule)
{
    static char buffer[4096];
    struct text out;

    text_into(&out, buffer, sizeof(buffer));
    const struct ext *x = ext_of(rule);

    text_addf(&out, "-m %s", x->type->name);
    if (x->type->print)
        x->type->print(&out, x);
    else
        ext_print_options(&out, x);
    return buffer;
}

static inline int lab_end(void **state)
{
    (void)state;
    lab.left = -1;
    for (uint8_t family = 4; family <= 6; family += 2) {
        w.eval.family = family;
        assert_true(run_rules(NULL));
    }
    assert_null(w.world.named);
    assert_int_equal(lab.reserved, 0);
    free(w.bytes);
    w.bytes = NULL;
    return 0;
}

#define LAB_TEST(test) cmocka_unit_test_teardown(test, lab_end)

#endif
