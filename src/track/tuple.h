/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tuples: built from packets, inverted, hashed (conntrack reference, section 1).
 */
#ifndef WEIR_TRACK_TUPLE_H
#define WEIR_TRACK_TUPLE_H

#include "base/hash.h"
#include "packet/headers.h"
#include "packet/parse.h"
#include <weir/types.h>

/* Build a packet's tuple. WEIR_R_NONE, or why there is none. */
enum weir_reason tuple_from_packet(struct weir_tuple *t, const struct parsed *p);

/* That of protocols that begin with two ports, all of which must be there. */
static inline struct weir_tuple tuple_of_ports(const uint8_t *addrs, const uint8_t *ports,
                                               uint8_t family, uint8_t proto)
{
    struct weir_tuple t = {.src_key = load_raw16(ports),
                           .dst_key = load_raw16(ports + 2),
                           .family = family,
                           .proto = proto};

    if (family == 4) {
        t.src.v4 = load_raw32(addrs);
        t.dst.v4 = load_raw32(addrs + 4);
    } else {
        memcpy(&t.src, addrs, 16);
        memcpy(&t.dst, addrs + 16, 16);
    }
    return t;
}

/* The tuple of the answers. False: this ICMP type has no answer. */
bool tuple_invert_icmp(const struct weir_tuple *t, struct weir_tuple *inverse);

static inline bool tuple_invert(const struct weir_tuple *t, struct weir_tuple *inverse)
{
    if (t->proto == PROTO_ICMP || t->proto == PROTO_ICMPV6)
        return tuple_invert_icmp(t, inverse);
    *inverse = (struct weir_tuple){.src = t->dst,
                                   .dst = t->src,
                                   .src_key = t->dst_key,
                                   .dst_key = t->src_key,
                                   .family = t->family,
                                   .proto = t->proto};
    return true;
}

/*
 * Hash of a tuple in a zone. IPv4 takes two folds, IPv6 four. `addrs` is source and destination,
 * `keys` both half-keys, as they stand one behind the other in a packet or an entry.
 */
static inline uint64_t tuple_hash_rest(const void *keys, uint8_t proto, uint8_t family,
                                       uint16_t zone)
{
    return (uint64_t)load_raw32(keys) | (uint64_t)proto << 32 | (uint64_t)zone << 40 |
           (uint64_t)family << 56;
}

static inline uint64_t tuple_hash4(const struct hash_key *key, const void *addrs, const void *keys,
                                   uint8_t proto, uint16_t zone)
{
    return hash_end(key,
                    hash_mix(key, 0, load_raw64(addrs), tuple_hash_rest(keys, proto, 4, zone)));
}

static inline uint64_t tuple_hash6(const struct hash_key *key, const void *addrs, const void *keys,
                                   uint8_t proto, uint16_t zone)
{
    const uint8_t *a = addrs;
    uint64_t rest = tuple_hash_rest(keys, proto, 6, zone);
    uint64_t h = hash_mix(key, 0, load_raw64(a), load_raw64(a + 8));

    h = hash_mix(key, h, load_raw64(a + 16), load_raw64(a + 24));
    return hash_end(key, hash_mix(key, h, rest, rest));
}

static inline uint64_t tuple_hash(const struct hash_key *key, const struct weir_tuple *t,
                                  uint16_t zone)
{
    const uint16_t keys[2] = {t->src_key, t->dst_key};
    const uint32_t addr4[2] = {t->src.v4, t->dst.v4};
    const union weir_addr addr6[2] = {t->src, t->dst};

    return t->family == 4 ? tuple_hash4(key, addr4, keys, t->proto, zone)
                          : tuple_hash6(key, addr6, keys, t->proto, zone);
}

#endif
