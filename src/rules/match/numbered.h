/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that files of the host's give names: groups of interfaces, connection labels. Names are
 * looked up while a rule is read and kept with it: who prints the rule later may not know them.
 */
#ifndef WEIR_RULES_MATCH_NUMBERED_H
#define WEIR_RULES_MATCH_NUMBERED_H

#include "rules/ext.h"

/* V[/M], or the name of V. */
struct numbered {
    struct mark_mask mark;
    const char *name; /* of V without a mask; NULL: it has none */
};

/* The value of an option; `file` as in struct weir_rules_names. */
bool numbered_take(struct rule_parse *r, const struct ext *x, const struct opt *o, const char *text,
                   const char *file, struct numbered *n);
void numbered_print(struct text *out, const struct numbered *n, bool numeric);

/* A copy of a number's name; *name is NULL if it has none. False: no memory. */
bool numbered_name(struct rule_parse *r, const char *file, uint32_t number, const char **name);

#endif
