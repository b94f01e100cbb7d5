/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ruleset in memory, and a ruleset in a shard.
 *
 * struct weir_rules is what a text says: tables, chains, rules, all in one arena and never changed
 * once it is made. A chain's rules stand one behind the other, in the order in which packets meet
 * them. Each rule and each built-in chain's policy has a number, which is its counter's place.
 *
 * struct rules_run is what changes while packets run: counters, the extensions' states, and the
 * stack of chains that a packet is in. A shard has one for each family.
 *
 * Files: parse.c lines and chains; command.c one rule; opt.c options; check.c loops and hooks;
 * print.c, list.c text; run.c setting up; eval.c running; want.h, index.h: leaving out what cannot
 * match.
 */
#ifndef WEIR_RULES_RULES_H
#define WEIR_RULES_RULES_H

#include "base/arena.h"
#include "rules/eval.h"
#include "rules/index.h"

enum { CHAIN_NAME_MAX = 28 };

/* What a rule does with a packet that it matches. */
enum rule_kind {
    RULE_COUNT = 0, /* nothing: the next rule */
    RULE_ACCEPT,
    RULE_DROP,
    RULE_RETURN,
    RULE_QUEUE,
    RULE_JUMP,  /* to `chain`, and back here after it */
    RULE_GOTO,  /* to `chain`, and back to who called this one */
    RULE_TARGET /* what `target` does */
};

/* In the order in which packets look at it, since of many rules most are not in any cache. */
struct rule {
    const struct ext *const *asked; /* the matches that may say no */
    const struct ext *target;       /* RULE_TARGET */
    struct chain *chain;            /* RULE_JUMP, RULE_GOTO */
    uint32_t number;                /* its counter */
    uint16_t asked_count;
    uint8_t kind; /* enum rule_kind */
    bool any;     /* the head says nothing */
    struct rule_head head;
    const struct ext *const *matches; /* all, as the text has them */
    uint32_t match_count;
    uint32_t line;                 /* of the text */
    struct weir_rules_count count; /* as the text has it */
};

struct chain {
    const char *name;
    enum hook hook; /* of a built-in chain; HOOK_MAX: a user's */
    bool drop;      /* its policy */
    struct rule *rules;
    uint32_t rule_count;
    uint32_t references;
    uint32_t number;               /* built-in: its policy's counter */
    uint32_t line;                 /* that declared it, 0: none did */
    struct weir_rules_count count; /* of the policy, as the text has it */
    uint32_t depth;                /* chains that a packet can be in at once, from here on */
    /* What could match a packet of each kind (index.h); NULL: run all rules, one by one. */
    const struct index *index[INDEX_KINDS];
};

struct rule_table {
    bool present;
    struct chain *builtin[HOOK_MAX]; /* NULL where the table has none */
    struct chain **chains;           /* all: built-in ones by hook, then users' by name */
    uint32_t chain_count;
};

/* weir_rules_options.flags: run all rules one by one. Slow and obvious: what tests compare with. */
enum { RULES_PLAIN = 1 << 30 };

struct weir_rules {
    struct arena arena;
    uint8_t family;
    struct rule_table table[WEIR_TABLE_MAX];
    uint32_t numbers;                /* counters */
    uint32_t *lines;                 /* of each */
    struct weir_rules_count *counts; /* what each starts with; NULL: all with nothing */
    uint32_t depth;                  /* deepest of all chains */
    uint32_t state_size;             /* of all extensions, in bytes */
    struct ext **exts;               /* all that have something to bind */
    uint32_t ext_count;
    size_t size; /* of all tables that are here, for weir's own messages */
};

/* --- a ruleset in a shard --- */

/* Where a packet stands in a chain. */
struct rules_frame {
    const struct chain *chain;
    const struct rule *next;   /* to be looked at; behind the last: the chain's end */
    const struct rule *stop;   /* up to here, rule by rule; then as the index says */
    const struct index *index; /* NULL: none */
    uint32_t version;          /* of the packet's key, when the index was chosen */
    bool asked;                /* it was, and these are left of what it said: */
    struct index_cursors found;
};

enum { RULES_NESTED_MAX = 4 }; /* packets that one packet's rules made, each inside the other */

struct rules_run {
    const struct weir_rules *rules;
    struct weir_rules_count *counts;
    uint8_t *states;
    struct rules_frame *stack; /* where jumps return to */
    uint32_t stack_size, stack_top;
    size_t size; /* of this struct's memory */
};

/*
 * Make one; counts start as the text has them. NULL: no memory. rules_run_free() accepts NULL.
 */
struct rules_run *rules_run_new(struct world *w, const struct weir_rules *rules);
void rules_run_free(struct world *w, struct rules_run *run);

/*
 * Run the packet in e->p through the built-in chain of e->table at e->hook: RULES_ACCEPT,
 * RULES_DROP (e->reason) or RULES_STOLEN. e->number is the counter of what decided.
 */
enum rules_verdict rules_eval(struct eval *e);

/* Does the table have a chain at the hook? */
static inline bool rules_has(const struct rules_run *run, enum weir_table table, enum hook hook)
{
    return run && run->rules->table[table].builtin[hook];
}

#endif
