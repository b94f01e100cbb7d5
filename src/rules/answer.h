/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a rule sends back to a packet's source: an ICMP error, or a TCP RST (iptables reference,
 * 4.2).
 *
 * A target that answers uses answer_bind and answer_unbind, and has a struct answer as its state.
 * All rules of a shard share one limit on ICMP errors, both families.
 */
#ifndef WEIR_RULES_ANSWER_H
#define WEIR_RULES_ANSWER_H

#include "rules/eval.h"

struct named;

struct answer {
    struct named *limit; /* holds a struct icmp_limit */
};

bool answer_bind(struct world *w, const struct ext *x, void *state);
void answer_unbind(struct world *w, const struct ext *x, void *state);

/*
 * Answer the packet, if it may be answered: not where that could flood somebody (RFC 1122, 3.2.2;
 * RFC 4443, 2.4(e)), nor without a route back, nor beyond the limit on ICMP errors. `word` is the
 * second word of the ICMP header.
 */
void answer_icmp(struct eval *e, const struct answer *a, uint8_t type, uint8_t code, uint32_t word);
void answer_reset(struct eval *e);

#endif
