/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protocols without a tracker: ESP, OSPF, IPIP, DCCP, everything unknown.
 *
 * All that two hosts exchange under one protocol number is one connection (the tuple has no keys).
 * Nothing is known about its beginning or end, so every packet gives it the same time, and no
 * traffic makes it worth more when the table is full: it is never ASSURED (conntrack
 * reference, 4.7).
 */
#include "proto/registry.h"
#include "proto/result.h"

/* The number by which timeout policies name "no tracker". */
enum { GENERIC_NUMBER = 255 };

static enum proto_result packet(struct track *t, struct pkt *p)
{
    return proto_alive(t, p, WEIR_T_GENERIC_TIMEOUT);
}

const struct proto proto_generic = {
    .name = "unknown",
    .number = GENERIC_NUMBER,
    .packet = packet,
};
