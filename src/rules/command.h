/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command line of a rule file, read (command.c) and then applied to the open table (edit.c).
 */
#ifndef WEIR_RULES_COMMAND_H
#define WEIR_RULES_COMMAND_H

#include "rules/parse.h"

/* The options that are the command's own. */
enum option {
    O_APPEND = 1,
    O_CHECK,
    O_DELETE,
    O_INSERT,
    O_REPLACE,
    O_FLUSH,
    O_ZERO,
    O_NEW,
    O_DELETE_CHAIN,
    O_POLICY,
    O_RENAME,
    O_LIST,
    O_LIST_RULES,
    O_COMMANDS, /* those before it */
    O_SOURCE,
    O_DESTINATION,
    O_IN,
    O_OUT,
    O_PROTOCOL,
    O_FRAGMENT,
    O_MATCH,
    O_JUMP,
    O_GOTO,
    O_COUNTERS,
    O_VERBOSE,
    O_NUMERIC,
    O_EXACT,
    O_LINE_NUMBERS,
    O_IPV4,
    O_IPV6,
    O_TABLE,
    O_WAIT,
    O_MODPROBE,
    O_MAX
};

/* What a line says. */
struct command {
    enum option what; /* 0: not said yet */
    const char *chain;
    struct token chain_token;
    const char *name;                   /* -E: the new name; -P: the policy */
    uint32_t position;                  /* -I, -R, -D: rule number; 0: none was given */
    struct token sources, destinations; /* as written; text NULL: none */
    const char *jump;
    struct token jump_token;
    bool is_goto;
    bool has_count;
    bool other_family; /* the line is for the other family */
    bool proto_loaded; /* the protocol's match was loaded by itself */
    uint32_t used;     /* options of the rule that were seen */
    struct weir_rules_count count;
};

/* edit.c: do what the line says. False: parse_error() was called. */
bool command_apply(struct parse *p, struct command *c);

/* The verdict that a word after -j names, RULE_COUNT: it names none. */
static inline enum rule_kind command_verdict(const char *word)
{
    static const char *const words[] = {[RULE_ACCEPT] = "ACCEPT",
                                        [RULE_DROP] = "DROP",
                                        [RULE_RETURN] = "RETURN",
                                        [RULE_QUEUE] = "QUEUE"};

    for (unsigned kind = RULE_ACCEPT; kind <= RULE_QUEUE; kind++)
        if (strcmp(words[kind], word) == 0)
            return (enum rule_kind)kind;
    return RULE_COUNT;
}

#endif
