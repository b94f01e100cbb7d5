/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of ICMP and ICMPv6 messages, as ipset has them. */
#ifndef WEIR_RULES_SET_ICMP_NAMES_H
#define WEIR_RULES_SET_ICMP_NAMES_H

#include "base/bytes.h"

/* Type << 8 | code of a name, or of the first one that begins so; case does not matter. */
bool set_icmp_find(uint8_t family, const char *name, uint16_t *type_code);
/* NULL: it has no name. */
const char *set_icmp_name(uint8_t family, uint16_t type_code);

#endif
