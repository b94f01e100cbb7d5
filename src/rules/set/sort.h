/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of `ipset -sorted`, which is one of texts: elements are compared as they are printed.
 */
#ifndef WEIR_RULES_SET_SORT_H
#define WEIR_RULES_SET_SORT_H

#include "base/bytes.h"

/* Less than, equal to or greater than 0. */
int set_compare_lines(const char *a, const char *b);

/* Sort `n` lines; `spare` has room for as many. Equal ones stay in their order. */
void set_sort_lines(const char **lines, const char **spare, size_t n);

#endif
