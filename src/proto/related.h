/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP and ICMPv6 messages about other connections: what their `before` hooks share. */
#ifndef WEIR_PROTO_RELATED_H
#define WEIR_PROTO_RELATED_H

#include "track/proto.h"

/* The message is INVALID before any connection is looked for. Returns true, as `before` then does.
 */
bool related_refuse(struct track *t, struct pkt *p, enum weir_reason reason);

/* The tuple that a reply to the packet would have that an error quotes, `off` bytes into the upper
 * layer. False: it quotes too little. */
bool related_tuple(const struct parsed *error, uint32_t off, struct weir_tuple *reply);

/*
 * An error that quotes a packet, `off` bytes into the upper layer: RELATED or RELATED_REPLY to the
 * quoted packet's connection, or refused. Returns true.
 */
bool related_find(struct track *t, struct pkt *p, uint32_t off);

#endif
