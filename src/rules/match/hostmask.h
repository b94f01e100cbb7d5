/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses with masks as iptables reads them in the options of newer extensions, which differs
 * from -s and -d: the host's bits stay, "10" is the address 0.0.0.10 with a mask too, an IPv4
 * prefix longer than 32 counts as 32, and a mask whose ones are not all in front is not shown.
 */
#ifndef WEIR_RULES_MATCH_HOSTMASK_H
#define WEIR_RULES_MATCH_HOSTMASK_H

#include "rules/ext.h"

/* The value of an option: ADDRESS, NAME (its first address), ADDRESS/LENGTH, ADDRESS/MASK. */
bool hostmask_take(struct rule_parse *r, const struct ext *x, const struct opt *o, const char *text,
                   struct net_mask *net);
/* The value of an option that is an address alone, or a name. */
bool hostmask_take_host(struct rule_parse *r, const char *host, union weir_addr *addr);
/* The value of an option that is a mask alone. */
bool hostmask_take_mask(struct rule_parse *r, const struct ext *x, const struct opt *o,
                        const char *text, union weir_addr *mask);

/* How many ones a mask begins with; -1: there are more behind the first zero. */
int hostmask_prefix(uint8_t family, const union weir_addr *mask);

/* " 10.0.0.1/24" */
void hostmask_print(struct text *out, uint8_t family, const struct net_mask *net);
/* The same with names. */
void hostmask_list(struct text *out, const struct listing *how, uint8_t family,
                   const struct net_mask *net);

#endif
