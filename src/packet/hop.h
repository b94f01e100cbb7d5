/* SPDX-License-Identifier: BSD-2-Clause */
/* Forwarding a packet costs it a hop (RFC 1812, 5.3.1; RFC 8200, 3). */
#ifndef WEIR_PACKET_HOP_H
#define WEIR_PACKET_HOP_H

#include "packet/checksum.h"
#include "packet/headers.h"

static inline uint8_t hop_left(const uint8_t *ip, uint8_t family)
{
    return ip[family == 4 ? IP4_TTL : IP6_HOPS];
}

/* There must be one left. The IPv4 header checksum follows the word of which it is the first byte.
 */
static inline void hop_spend(uint8_t *ip, uint8_t family)
{
    if (family == 6) {
        ip[IP6_HOPS]--;
        return;
    }
    uint16_t before = load_raw16(ip + IP4_TTL);

    ip[IP4_TTL]--;
    store_raw16(ip + IP4_CHECKSUM,
                checksum_update(load_raw16(ip + IP4_CHECKSUM), before, load_raw16(ip + IP4_TTL)));
}

#endif
