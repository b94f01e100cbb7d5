/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RST that answers a TCP segment (RFC 9293, 3.10.7.1): may one be sent, and its bytes.
 *
 * As Linux makes them for its REJECT: a bare header with window 0, TTL 64, no type of service; IPv4
 * with DF and identification 0, IPv6 with flow label 0.
 */
#ifndef WEIR_PACKET_TCP_RESET_H
#define WEIR_PACKET_TCP_RESET_H

#include "packet/parse.h"

enum { TCP_RESET_MAX = 60 }; /* bytes that tcp_reset_build() can need */

/*
 * May the packet be answered? It must have a TCP header, at least its fixed part, that is no RST,
 * and be from one host to one host. Its checksum is the caller's concern.
 */
bool tcp_reset_due(const struct parsed *p);

/* Write the RST to `out`. Returns its length. */
uint32_t tcp_reset_build(uint8_t *out, const struct parsed *p);

#endif
