/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a table says to every packet of class ESTABLISHED, found out before there is one.
 *
 * Rulesets begin with `-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT` or get to it after a
 * few rules about other classes, because nearly all packets are such packets. Where the rules up to
 * the verdict look at nothing but the class, the verdict and the rules that count are the same for
 * all of them, and running the chain can be left out.
 */
#ifndef WEIR_RULES_SETTLED_H
#define WEIR_RULES_SETTLED_H

#include "rules/rules.h"

enum { SETTLED_MAX = 12 };

struct settled {
    uint8_t count;
    uint32_t number[SETTLED_MAX]; /* counters of the rules that match and of the policy met */
    uint32_t decided;             /* the last of them */
};

/*
 * Add to `s` what the table's chain at the hook says. False: it looks at more than the class, does
 * more than count and accept, or `s` is full; `s` then means nothing. A table that is not there
 * says nothing.
 */
bool rules_settled(const struct weir_rules *rules, enum weir_table table, enum hook hook,
                   struct settled *s);

#endif
