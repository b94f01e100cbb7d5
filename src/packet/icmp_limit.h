/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many ICMP errors a host sends (RFC 1812, 4.3.2.8; RFC 4443, 2.4(f)), as Linux 6.18 was seen
 * to limit them.
 *
 * Two limits. Each destination has a token bucket for six errors, refilled by one a second (IPv6:
 * by one in 100 ms): net.ipv4.icmp_ratelimit, net.ipv6.icmp.ratelimit. All destinations of both
 * families share a bucket of 50, refilled at 1000 a second in steps of at least 20 ms; an error
 * takes 0, 1 or 2 from it, at random, so that nobody can use it to count what this host sends to
 * others. Neither is for errors that this host sends to itself.
 *
 * A destination is forgotten as soon as its bucket would be full again: nothing is lost by that. It
 * is forgotten earlier when eight others of the same hash value are still filling up; the one
 * nearest to full goes. The limit on all destinations keeps their number below that.
 */
#ifndef WEIR_PACKET_ICMP_LIMIT_H
#define WEIR_PACKET_ICMP_LIMIT_H

#include "base/random.h"
#include <weir/types.h>

enum { ICMP_LIMIT_SETS = 1024, ICMP_LIMIT_WAYS = 8 };

struct icmp_limit_peer {
    union weir_addr addr;
    int64_t full; /* when its bucket will be full: tick */
    uint8_t family;
    uint8_t pad[7];
};

struct icmp_limit {
    struct hash_key key;
    int64_t refilled; /* when the common bucket was, tick */
    uint32_t credit;  /* what is in it */
    struct icmp_limit_peer peer[ICMP_LIMIT_SETS][ICMP_LIMIT_WAYS];
};

/* `limit` is zeroed memory. */
void icmp_limit_init(struct icmp_limit *limit, struct random *random, int64_t tick64);

/* May an error be sent to `addr` now? If so it is counted. */
bool icmp_limit_allow(struct icmp_limit *limit, struct random *random, int64_t tick64,
                      uint8_t family, const union weir_addr *addr);

#endif
