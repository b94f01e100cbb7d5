/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of rules and what iptables 1.8.9 makes of them (*.rules).
 *
 *     4 filter INPUT           family, table and chain of all that follows
 *     > -p tcp --dport http    a rule, as it stands behind "-A INPUT "
 *     < -p tcp -m tcp --dport 80   how it is saved; several such lines: several rules
 *     =                        or: exactly as it was given
 *     -                        or: it makes no rule
 *     ! MESSAGE                or: it is refused. Without a message: in whatever words; these are
 *                              refusals of Linux itself, which gives no better one than "Invalid
 * argument" ? TEXT                   it is taken with this note ~                        what is
 * saved cannot be read back, or means something else l [ tcp dpt:80]          iptables -L -n,
 * behind the destination n [ tcp dpt:http]        iptables -L; the same as l unless given v [...]
 * p [...]         whole lines: iptables -L -v -n --line-numbers, iptables -L
 *
 * The sets of case_sets, an accounting object acct1, a timeout policy tpol and a chain UCH exist.
 */
#ifndef TESTS_RULES_CASES_H
#define TESTS_RULES_CASES_H

#include <stdbool.h>
#include <stdint.h>

enum { CASE_RULES_MAX = 8 };

/* What is listed. */
enum case_list { CASE_NUMERIC, CASE_NAMES, CASE_VERBOSE, CASE_PLAIN, CASE_LISTS };

/* Strings live as long as struct cases. */
struct rule_case {
    unsigned line;
    uint8_t family;
    const char *table, *chain, *input;
    const char *saved[CASE_RULES_MAX];
    unsigned saved_count;
    const char *refused; /* NULL: taken; "": in any words */
    const char *note;
    bool one_way;
    const char *lists[CASE_LISTS];
};

struct cases {
    char *text;
    struct rule_case *list;
    unsigned count;
};

/* As ipset restores it. */
extern const char case_sets[];

/* Reads a file, or ends the program with a complaint. */
void cases_read(struct cases *cases, const char *path);
void cases_free(struct cases *cases);

/* The rule file with this rule; *line is the rule's. To be freed. */
char *case_file(const struct rule_case *c, uint32_t *line);

#endif
