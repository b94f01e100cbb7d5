/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as lines of text, as -j LOG and -j TRACE write them (iptables reference, 4.3).
 */
#ifndef WEIR_RULES_LOG_H
#define WEIR_RULES_LOG_H

#include "rules/eval.h"

/* Say that a traced packet met a rule, a chain's end or a policy: "TRACE: table:chain:type:num ". */
void log_trace(struct eval *e, const char *table, const char *chain, const char *type,
               uint32_t num);

#endif
