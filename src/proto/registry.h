/* SPDX-License-Identifier: BSD-2-Clause */
/* Which tracker serves which IP protocol. */
#ifndef WEIR_PROTO_REGISTRY_H
#define WEIR_PROTO_REGISTRY_H

#include "track/proto.h"

extern const struct proto proto_tcp, proto_udp, proto_udplite, proto_icmp, proto_icmpv6, proto_sctp;
extern const struct proto proto_gre, proto_generic;
/* For connections of which only one direction is seen (oneway.c). */
extern const struct proto proto_oneway_tcp, proto_oneway_udp;

/* The tracker of a protocol number. Never NULL: what has none of its own is generic. */
const struct proto *proto_find(uint8_t number);

/*
 * The usual packet of a settled connection (pipe/express.h), given its upper layer, of which the
 * smallest header is there: `ref` is the entry's reference with the packet's direction, the status
 * is CONFIRMED, SEEN_REPLY and ASSURED. Does all that `packet` would do but for counting. False: it
 * is not a usual one, and nothing was changed.
 */
bool udp_express(struct track *t, struct conn *c, uint32_t ref, const uint8_t *udp, uint32_t len);
bool tcp_express(struct track *t, struct conn *c, uint32_t ref, const uint8_t *tcp, uint32_t len);

#endif
