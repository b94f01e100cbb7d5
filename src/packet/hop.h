/* SPDX-License-Identifier: BSD-2-Clause */
/* Forwarding a packet costs it a hop (RFC 1812, 5.3.1; RFC 8200, 3). */
#ifndef WEIR_PACKET_HOP_H
#define WEIR_PACKET_HOP_H

#include "packet/headers.h"

static inline uint8_t hop_left(const uint8_t *ip, uint8_t family)
{
    return ip[family == 4 ? IP4_TTL : IP6_HOPS];
}

/*
 * There must be one left. The header checksum of IPv4 is the complement of a sum in which the hops
 * are the first byte of a word (RFC 1071): a hop less makes it one more, in the order in which both
 * bytes lie in memory on a little-endian machine. 0xffff is left out, as Linux does (it is zero).
 */
static inline void hop_spend(uint8_t *ip, uint8_t family)
{
    if (family == 6) {
        ip[IP6_HOPS]--;
        return;
    }
    uint32_t sum = load_le16(ip + IP4_CHECKSUM) + 1u;

    ip[IP4_TTL]--;
    store_le16(ip + IP4_CHECKSUM, (uint16_t)(sum + (sum >= UINT16_MAX)));
}

#endif
