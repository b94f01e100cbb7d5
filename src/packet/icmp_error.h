/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP and ICMPv6 errors about a packet (RFC 792, RFC 1122, 3.2.2, RFC 1812, 4.3.2; RFC 4443): may
 * one be sent, and its bytes.
 *
 * As Linux makes them: IPv4 quotes so much of the packet that the error is 576 bytes long (RFC
 * 1812, 4.3.2.3), has the packet's type of service with the precedence of internetwork control, and
 * no DF; IPv6 quotes up to 1280 bytes in all. Both have a TTL of 64. Not made here: the echo of
 * record route, timestamp and source route options, and the flow label that Linux draws by hash.
 * How many may leave in a second is icmp_limit.h's concern.
 */
#ifndef WEIR_PACKET_ICMP_ERROR_H
#define WEIR_PACKET_ICMP_ERROR_H

#include "packet/parse.h"
#include <weir/types.h>

enum {
    ICMP_ERROR_MAX = 1280, /* bytes that icmp_error_build() can need */

    ICMP_UNREACHABLE = 3,
    ICMP_FRAG_NEEDED = 4, /* code; the low half of the word is the MTU */
    ICMP_TIME_EXCEEDED = 11,
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_TOO_BIG = 2, /* the word is the MTU */
    ICMPV6_TIME_EXCEEDED = 3,
    ICMPV6_PARAMETER = 4, /* the word is the offset of what is wrong */
    ICMP_TIME_TTL = 0,    /* codes of time exceeded, both families */
    ICMP_TIME_FRAGMENT = 1
};

struct icmp_error {
    const union weir_addr *src; /* of the host that complains */
    uint32_t word;              /* second word of the ICMP header: unused, MTU or pointer */
    uint32_t mtu; /* IPv4: of the interface that the error leaves by, 0: large enough */
    uint16_t id;  /* IPv4: identification */
    uint8_t type, code;
};

/*
 * May an error of this type and code be sent about the packet? Not about errors, IPv4's later
 * fragments, or packets to or from an address that is no single host's (of broadcasts only
 * 255.255.255.255 can be known here).
 */
bool icmp_error_due(const struct parsed *p, uint8_t type, uint8_t code);

/*
 * Write to `out` the error about the packet at `ip`, of which `len` bytes are to be quoted at most:
 * at least its IP header. Returns the length.
 */
uint32_t icmp_error_build(uint8_t *out, const struct icmp_error *e, const uint8_t *ip,
                          uint32_t len);

#endif
