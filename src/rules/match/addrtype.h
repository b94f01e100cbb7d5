/* SPDX-License-Identifier: BSD-2-Clause */
/* What an address is to this host. */
#ifndef WEIR_RULES_MATCH_ADDRTYPE_H
#define WEIR_RULES_MATCH_ADDRTYPE_H

#include "rules/eval.h"

/*
 * The type of the route to an address; `iface` 0: to the host, else on that interface. A host that
 * cannot tell knows what its class says: this is the least that every host knows.
 */
enum weir_addr_type addrtype_of(const struct eval *e, const union weir_addr *addr, uint16_t iface);

#endif
