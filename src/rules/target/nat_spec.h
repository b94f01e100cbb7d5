/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the NAT targets share: addresses and ports as they are written in rules, and asking src/nat
 * for the mapping (iptables reference, 4.5).
 *
 *     SPEC     [ADDRESS[-ADDRESS]][:PORTS]; IPv6 with ports: [ADDRESS[-ADDRESS]]:PORTS
 *     PORTS    PORT[-PORT[/BASE]], numbers; a single port or the base may be a service's name
 *
 * An extension keeps a struct nat_range, as its rule asks for it, in its data.
 */
#ifndef WEIR_RULES_TARGET_NAT_SPEC_H
#define WEIR_RULES_TARGET_NAT_SPEC_H

#include "nat/nat.h"
#include "rules/eval.h"

/*
 * What becomes of the base. iptables 1.8.9 reads one for every target but REDIRECT, and hands it to
 * the kernel for DNAT only; the kernel then reckons from 0, so that is what rules with it mean.
 */
enum nat_base { NAT_BASE_KEPT, NAT_BASE_ZERO, NAT_BASE_REFUSED };

/* Each reports what is wrong. */
bool nat_spec_read(struct rule_parse *r, const char *text, enum nat_base base,
                   struct nat_range *range);
bool nat_spec_read_ports(struct rule_parse *r, const char *text, enum nat_base base,
                         struct nat_range *range);

void nat_spec_print(struct text *out, uint8_t family, const struct nat_range *range);
void nat_spec_print_ports(struct text *out, const struct nat_range *range);
/* For lists: the options without an argument that were given, " random" and the like. */
void nat_spec_list_flags(struct text *out, const struct ext *x);

/* The address of a range that has only one. */
static inline void nat_spec_set_address(struct nat_range *range, const union weir_addr *addr)
{
    range->flags |= NAT_MAP_IPS;
    range->min = range->max = *addr;
}

/* The type of mapping that is made at the hook. */
static inline enum nat_type nat_spec_type(const struct eval *e)
{
    return nat_type_at(e->hook == HOOK_PREROUTING || e->hook == HOOK_OUTPUT);
}

/* Ask for the mapping. It ends the chain: RULES_ACCEPT, or RULES_DROP where none can be had. */
static inline enum rules_verdict nat_spec_run(struct eval *e, const struct nat_range *range)
{
    if (nat_setup(e->t, e->p, range, nat_spec_type(e)))
        return RULES_ACCEPT;
    e->reason = e->p->reason;
    return RULES_DROP;
}

/* There is no address to map to. */
static inline enum rules_verdict nat_spec_no_address(struct eval *e)
{
    e->reason = WEIR_R_NAT_NO_ADDRESS;
    return RULES_DROP;
}

#endif
