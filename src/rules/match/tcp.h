/* SPDX-License-Identifier: BSD-2-Clause */
/* What TCPMSS asks of the -m tcp in its rule. */
#ifndef WEIR_RULES_MATCH_TCP_H
#define WEIR_RULES_MATCH_TCP_H

#include "rules/ext.h"

extern const struct ext_type match_tcp;

/* Does this -m tcp match only segments with SYN? */
bool tcp_has_syn(const struct ext *x);

#endif
