/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of values of the TOS byte, for the matches that look at it and the targets that set it. */
#ifndef WEIR_RULES_MATCH_TOS_H
#define WEIR_RULES_MATCH_TOS_H

#include "base/bytes.h"

/* The names of RFC 1349 are about the bits above ECN. */
enum { TOS_NAME_MASK = 0x3f };

bool tos_find(const char *name, uint8_t *tos);
/* NULL: it has none. */
const char *tos_name(uint8_t tos);

/* "EF", "AF11", ... (RFC 2474, 2597, 3246). */
enum { DSCP_MAX = 63 };

bool dscp_find(const char *class, uint8_t *dscp);

#endif
