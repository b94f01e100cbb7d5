/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that mean the same on every machine: those that the cases use.
 */
#ifndef TESTS_RULES_FIXED_NAMES_H
#define TESTS_RULES_FIXED_NAMES_H

#include <weir/rules.h>

#include <stdio.h>

extern const struct weir_rules_names fixed_names;

/* The same as a file of the system, for a program that asks it: of these. */
extern const char *const fixed_files[]; /* "/etc/services" and so on; ends with NULL */
void fixed_names_write(FILE *to, const char *file);

#endif
