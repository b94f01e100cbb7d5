/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of single matches share: a rule is read from its text, and its matches are asked
 * about a packet, with nothing around them; "-p" and the like decide nothing.
 */
#ifndef TESTS_UNIT_MATCH_FIXTURE_H
#define TESTS_UNIT_MATCH_FIXTURE_H

#include "target_fixture.h"

enum outcome { NO = 0, YES, DROPPED };

/* A rule, and what its matches say. */
struct question {
    const char *rule;
    enum outcome answer;
};

/* A packet of this kind, to be changed and then given with packet(). */
static inline void begin_packet(struct build *b, uint8_t family, enum build_kind kind)
{
    begin(family, WEIR_TABLE_FILTER, HOOK_FORWARD);
    packet_init(b, family, kind, 'A', 'B');
}

static inline enum outcome ask(const char *rule)
{
    struct weir_rules *rules = read_rule(rule);

    if (!rules)
        fail_msg("%s: %s", rule, w.error.message);
    const struct rule *r = &rules->table[w.eval.table].builtin[w.eval.hook]->rules[0];
    enum outcome outcome = YES;

    w.eval.drop = false;
    assert_true(r->match_count > 0);
    for (unsigned i = 0; i < r->asked_count && outcome == YES; i++) {
        bool fits = r->asked[i]->type->match(&w.eval, r->asked[i]);

        outcome = w.eval.drop ? DROPPED : fits ? YES : NO;
    }
    weir_rules_free(rules);
    return outcome;
}

static inline void ask_about(const struct question *questions, size_t count)
{
    static const char *const words[] = {"does not match", "matches", "drops"};

    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = ask(questions[i].rule);

        if (outcome != questions[i].answer)
            fail_msg("%s: %s", questions[i].rule, words[outcome]);
    }
}

/* Of the packet given last. */
#define ASK(...)                                                   \
    do {                                                           \
        static const struct question questions_[] = {__VA_ARGS__}; \
        ask_about(questions_, WEIR_ARRAY_LEN(questions_));         \
    } while (0)

#define MATCH_TEST(test) cmocka_unit_test_teardown(test, target_teardown)

#endif
