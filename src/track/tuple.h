/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tuples: built from packets, inverted, hashed (conntrack reference, section 1).
 */
#ifndef WEIR_TRACK_TUPLE_H
#define WEIR_TRACK_TUPLE_H

#include "base/hash.h"
#include "packet/parse.h"
#include <weir/types.h>

/* Build a packet's tuple. WEIR_R_NONE, or why there is none. */
enum weir_reason tuple_from_packet(struct weir_tuple *t, const struct parsed *p);

/* The tuple of the answers. False: this ICMP type has no answer. */
bool tuple_invert(const struct weir_tuple *t, struct weir_tuple *inverse);

/* Hash of a tuple in a zone. IPv4 takes two folds, IPv6 four. */
static inline uint64_t tuple_hash(const struct hash_key *key, const struct weir_tuple *t,
                                  uint16_t zone)
{
    uint64_t rest = (uint64_t)t->src_key | (uint64_t)t->dst_key << 16 | (uint64_t)t->proto << 32 |
                    (uint64_t)zone << 40 | (uint64_t)t->family << 56;
    uint64_t h = 0;

    if (t->family == 4)
        return hash_end(key,
                        hash_mix(key, 0, (uint64_t)t->src.v4 | (uint64_t)t->dst.v4 << 32, rest));
    h = hash_mix(key, h, t->src.half[0], t->src.half[1]);
    h = hash_mix(key, h, t->dst.half[0], t->dst.half[1]);
    return hash_end(key, hash_mix(key, h, rest, rest));
}

#endif
