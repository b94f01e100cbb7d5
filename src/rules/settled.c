/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/settled.h"
#include "rules/match/ctstate.h"

enum answer { NO = 0, YES, DEPENDS };

/* Matches are asked in their order, and what stands before a match that looks at the class may look
 * at more, or remember what it saw. */
static enum answer fits(const struct rule *rule)
{
    for (uint16_t i = 0; i < rule->asked_count; i++) {
        const struct ext *x = rule->asked[i];
        uint32_t states = x->type->states ? x->type->states(x) : 0;

        if (!states)
            return DEPENDS;
        if (!(states >> CTSTATE_ESTABLISHED & 1))
            return NO;
    }
    return rule->any ? YES : DEPENDS;
}

static bool add(struct settled *s, uint32_t number)
{
    if (s->count == SETTLED_MAX)
        return false;
    s->number[s->count++] = number;
    s->decided = number;
    return true;
}

/* What a chain leads to. */
enum outcome {
    UNKNOWN = 0,
    ACCEPTED,
    RETURNED, /* its end, or -j RETURN */
};

/* Chains do not loop (check.c), so this ends. */
static enum outcome follow(const struct chain *chain, struct settled *s)
{
    for (uint32_t i = 0; i < chain->rule_count; i++) {
        const struct rule *rule = &chain->rules[i];
        enum answer answer = fits(rule);
        enum outcome outcome;

        if (answer == NO)
            continue;
        if (answer == DEPENDS || !add(s, rule->number))
            return UNKNOWN;
        switch ((enum rule_kind)rule->kind) {
        case RULE_COUNT: continue;
        case RULE_ACCEPT: return ACCEPTED;
        case RULE_RETURN: return RETURNED;
        case RULE_GOTO: return follow(rule->chain, s);
        case RULE_JUMP:
            outcome = follow(rule->chain, s);
            if (outcome != RETURNED)
                return outcome;
            continue;
        case RULE_DROP:
        case RULE_QUEUE:
        case RULE_TARGET: return UNKNOWN;
        }
    }
    return RETURNED;
}

bool rules_settled(const struct weir_rules *rules, enum weir_table table, enum hook hook,
                   struct settled *s)
{
    const struct chain *builtin = rules ? rules->table[table].builtin[hook] : NULL;

    if (!builtin)
        return true;
    switch (follow(builtin, s)) {
    case ACCEPTED: return true;
    case RETURNED: return !builtin->drop && add(s, builtin->number);
    case UNKNOWN: break;
    }
    return false;
}
