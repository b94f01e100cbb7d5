/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of rule files, between its parts: parse.c (lines, tables, chains), command.c (one
 * rule), opt.c (an extension's options).
 *
 * While a table is open its chains hold lists of drafts of rules, in memory of their own; COMMIT
 * makes the ruleset's arrays of them and gives the drafts back. The first error ends the reading:
 * it is in `error`, and the whole ruleset is given back.
 */
#ifndef WEIR_RULES_PARSE_H
#define WEIR_RULES_PARSE_H

#include "rules/rules.h"

enum {
    LINE_MAX_BYTES = 10239, /* iptables reference, 2.1 */
    PARAMETER_MAX = 1023,
    PARAMETERS_MAX = 251,
    EXTS_MAX = 64, /* extensions in one rule */
    HOSTS_MAX = 64 /* addresses in one -s or -d */
};

/* A parameter of a rule line. */
struct token {
    const char *text; /* terminated */
    uint32_t column;
};

/* A rule in a table that is being read. */
struct draft {
    struct rule rule;
    struct draft *next;
};

/* A chain in a table that is being read. */
struct draft_chain {
    struct chain *chain;
    struct draft *first, *last;
    uint32_t count;
    struct draft_chain *next;      /* in order of declaration */
    struct draft_chain *next_same; /* in the hash index */
};

struct parse {
    struct weir_rules *rules;
    const struct weir_rules_options *options;
    struct weir_rules_error *error;
    bool failed;

    uint32_t line;
    const char *at, *end;  /* of the text not yet read */
    const char *line_text; /* the line being read */
    size_t line_len;

    /* The open table. */
    struct arena drafts;
    struct rule_table *table;
    enum weir_table which;
    struct draft_chain *chains, *last_chain;
    struct draft_chain **index; /* by name; a power of two */
    uint32_t index_size, chain_count;

    /* The rule line being read. */
    struct token tokens[PARAMETERS_MAX + 1];
    uint32_t token_count, token; /* the next one */
    char buffer[LINE_MAX_BYTES + 2 * PARAMETERS_MAX];
    uint32_t column; /* of what an error would be about; 0: the line */
    const char *about;
    struct rule_parse r;
    struct ext *exts[EXTS_MAX]; /* matches, in order, and the target among them */
    struct ext *target;
    uint32_t ext_count;
    bool inverted; /* "!" stands before the option being read */
};

/* Ends the reading. Always false. `status` is the iptables command's exit status. */
bool parse_error(struct parse *p, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void parse_hint(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What the error will be about. */
void parse_about(struct parse *p, const struct token *token);
bool parse_no_memory(struct parse *p);
void parse_note(struct parse *p, const char *text);

/* parse.c: chains of the open table. */
struct draft_chain *chain_find(struct parse *p, const char *name);
struct draft_chain *chain_new(struct parse *p, const char *name);
bool chain_name_good(struct parse *p, const char *name);
/* Enter a chain that was taken out of the index under its name. */
void chain_reindex(struct parse *p, struct draft_chain *c);

/* print.c: "-s 10.0.0.0/8 -p tcp -j ACCEPT", each with a blank before it. */
void print_rule(struct text *out, uint8_t family, const struct rule *rule);

/* command.c: the tokens of a rule line; `count` and `counted` are its "[p:b]". */
bool command_run(struct parse *p, struct weir_rules_count count);

/* check.c: a table is complete. No loops, each extension only where it may be, depths known. */
bool check_table(struct parse *p);

/* opt.c */
/* The option an extension has under this name: exactly, else NULL. */
const struct opt *opt_exact(const struct ext_type *type, const char *name, size_t len);
/* Does `name` begin options of this extension? Adds the first, and how many different ones. */
const struct opt *opt_prefix(const struct ext_type *type, const char *name, size_t len,
                             uint32_t *ids);
/* Read one. `text` NULL: no argument was there. */
bool opt_take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text,
              bool inverted);
/* All options of the extension were read. */
bool opt_finish(struct rule_parse *r, struct ext *x);
static inline bool opt_has_argument(const struct opt *o)
{
    return o->kind != OPT_FLAG;
}

#endif
