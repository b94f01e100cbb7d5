/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases that are known to fail: lines "NAME FAMILY TABLE CHAIN > RULE", NAME being the case file's
 * without ".rules", and under them, on lines that begin with a blank, why.
 */
#ifndef TESTS_RULES_KNOWN_H
#define TESTS_RULES_KNOWN_H

#include "cases.h"

struct known_entry {
    char *text;
    bool failed;
};

struct known {
    struct known_entry *list;
    unsigned count;
};

/* Reads a file, or ends the program with a complaint. */
void known_read(struct known *known, const char *path);
void known_free(struct known *known);

/* A case of the file NAME failed: true if that was known. */
bool known_failed(struct known *known, const char *name, const struct rule_case *c);

/* Prints, as a test, whether all of them did fail. */
void known_report(const struct known *known);

#endif
