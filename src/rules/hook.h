/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The five places where tables look at packets, in Linux's order and numbers, and which table is at
 * which (iptables reference, 1.2).
 */
#ifndef WEIR_RULES_HOOK_H
#define WEIR_RULES_HOOK_H

#include <weir/rules.h>

enum hook {
    HOOK_PREROUTING = 0,
    HOOK_INPUT,
    HOOK_FORWARD,
    HOOK_OUTPUT,
    HOOK_POSTROUTING,
    HOOK_MAX
};

/* Sets of hooks. */
enum {
    ON_PREROUTING = 1 << HOOK_PREROUTING,
    ON_INPUT = 1 << HOOK_INPUT,
    ON_FORWARD = 1 << HOOK_FORWARD,
    ON_OUTPUT = 1 << HOOK_OUTPUT,
    ON_POSTROUTING = 1 << HOOK_POSTROUTING,
    ON_ALL = (1 << HOOK_MAX) - 1
};

/* Sets of tables. */
enum {
    IN_RAW = 1 << WEIR_TABLE_RAW,
    IN_MANGLE = 1 << WEIR_TABLE_MANGLE,
    IN_NAT = 1 << WEIR_TABLE_NAT,
    IN_FILTER = 1 << WEIR_TABLE_FILTER,
    IN_SECURITY = 1 << WEIR_TABLE_SECURITY,
    IN_ALL = (1 << WEIR_TABLE_MAX) - 1
};

/* Hooks at which a table has a built-in chain. */
uint8_t hook_of_table(enum weir_table table);
const char *hook_name(enum hook hook);

#endif
