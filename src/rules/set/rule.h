/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rule says about a set: "NAME src,dst", of -m set and of -j SET. */
#ifndef WEIR_RULES_SET_RULE_H
#define WEIR_RULES_SET_RULE_H

#include "rules/eval.h"
#include "rules/sets.h"

struct set_rule {
    char name[SET_NAME_SIZE]; /* empty: no set */
    struct set_dirs dirs;
};

/* Read it, `name` being the option's argument. */
bool set_rule_take(struct rule_parse *r, const struct opt *o, const char *name,
                   struct set_rule *set);
/* "NAME src,dst" */
void set_rule_print(struct text *out, const struct set_rule *set);

/* What a rule holds while it runs: of the sets it was bound with, whatever others may come. */
struct set_hold {
    struct weir_sets *sets; /* NULL: there is no such set */
    uint16_t slot;
};

/* When a ruleset begins and ends to run. Packets may add elements: `open`. False: no memory. */
bool set_rule_hold(struct world *w, const struct set_rule *set, bool open, struct set_hold *hold);
void set_rule_let_go(struct set_hold *hold);

#endif
