/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The home of a packet: which of several shards decides about it.
 *
 * Both directions of a connection must have one home, so the hash is symmetric: the two endpoints
 * (address and half-key) go in by size, not by direction. ICMP's half-key is the identifier, which
 * both directions carry. What has no ports goes by its addresses, and so does GRE: the two call IDs
 * of a connection have nothing in common.
 *
 * - An ICMP error has the home of the packet that it quotes, so it meets the connection that it is
 *   about.
 * - A fragment goes to where its datagram is put together. IPv6: by addresses and identification.
 *   IPv4: by its source alone, since Linux counts by source how far apart the fragments of a
 *   datagram may arrive (packet/frag.h), and who counts must see them all. The datagram then has
 *   the home of its tuple.
 * - What can have no connection (cut off, malformed) has no home: any shard will do.
 *
 * The zone is left out. It keeps apart what has the same tuple, and one shard's table does that as
 * well; in return no rule of the raw table can move a packet to another home, and a zone that holds
 * for one direction only does not tear the two directions apart.
 *
 * The key is the group's own, so that a home says nothing about a bucket.
 */
#ifndef WEIR_PIPE_HOME_H
#define WEIR_PIPE_HOME_H

#include "base/hash.h"
#include "packet/headers.h"
#include "packet/parse.h"

struct homes {
    struct hash_key key;
    uint32_t shards;
};

enum home_kind {
    HOME_NONE = 0, /* any shard will do */
    HOME_TUPLE,    /* by its tuple: home_key() has it */
    HOME_GATHER,   /* it is a fragment: this shard puts its datagram together */
};

struct home {
    uint16_t shard;
    uint8_t kind; /* enum home_kind */
};

void homes_init(struct homes *h, unsigned shards, const uint64_t seed[2]);

/* Scale a hash to the number of shards. */
static inline uint16_t home_pick(const struct homes *h, uint64_t hash)
{
    return (uint16_t)((hash >> 32) * h->shards >> 32);
}

static inline uint16_t home_pair(const struct homes *h, uint64_t a, uint64_t b, uint8_t proto)
{
    uint64_t low = a < b ? a : b, high = a < b ? b : a;

    return home_pick(h, hash_end(&h->key, hash_mix(&h->key, (uint64_t)proto << 48, low, high)));
}

/* An endpoint of IPv4 fits into a word; of IPv6 it is folded into one. */
static inline uint64_t home_end4(const void *addr, uint16_t key)
{
    return load_raw32(addr) | (uint64_t)key << 32;
}

static inline uint64_t home_end6(const struct homes *h, const void *addr, uint16_t key)
{
    return hash_mix(&h->key, key, load_raw64(addr), load_raw64((const uint8_t *)addr + 8));
}

static inline uint16_t home_of4(const struct homes *h, const uint8_t *addrs, const uint16_t key[2],
                                uint8_t proto)
{
    return home_pair(h, home_end4(addrs, key[0]), home_end4(addrs + 4, key[1]), proto);
}

static inline uint16_t home_of6(const struct homes *h, const uint8_t *addrs, const uint16_t key[2],
                                uint8_t proto)
{
    return home_pair(h, home_end6(h, addrs, key[0]), home_end6(h, addrs + 16, key[1]), proto);
}

uint16_t home_of_tuple(const struct homes *h, const struct weir_tuple *tuple);

/* The usual packet: its ports are where they nearly always are. One that turns out to be malformed
 * is dropped wherever it goes. */
static inline bool home_has_ports(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_UDP;
}

static inline bool home_is_plain4(const uint8_t *ip, uint32_t len)
{
    return len >= IP4_MIN + 4 && ip[IP4_VERSION_IHL] == 0x45 &&
           !(load_raw16(ip + IP4_FRAGMENT) & BE16(IP4_OFFSET | IP4_MF)) &&
           home_has_ports(ip[IP4_PROTO]);
}

static inline bool home_is_plain6(const uint8_t *ip, uint32_t len)
{
    return len >= IP6_SIZE + 4 && ip[0] >> 4 == 6 && home_has_ports(ip[IP6_NEXT]);
}

struct home home_of_unusual(const struct homes *h, const struct weir_packet *raw);

/* Of a packet as it came. */
static inline struct home home_of_packet(const struct homes *h, const struct weir_packet *raw)
{
    const uint8_t *ip = raw->data;
    uint16_t key[2];

    if (home_is_plain4(ip, raw->len)) {
        memcpy(key, ip + IP4_MIN, sizeof(key));
        return (struct home){home_of4(h, ip + IP4_SRC, key, ip[IP4_PROTO]), HOME_TUPLE};
    }
    if (home_is_plain6(ip, raw->len)) {
        memcpy(key, ip + IP6_SIZE, sizeof(key));
        return (struct home){home_of6(h, ip + IP6_SRC, key, ip[IP6_NEXT]), HOME_TUPLE};
    }
    return home_of_unusual(h, raw);
}

/* Of a packet that is no fragment, or of a datagram that was put together. */
struct home home_of_parsed(const struct homes *h, const struct parsed *ip);

/*
 * The tuple by which such a packet is looked up: its own, or that of an answer to what it quotes.
 * False: it has none.
 */
bool home_key(const struct parsed *ip, struct weir_tuple *key);

/* The same of a packet as it came, which is no fragment. */
bool home_key_of_packet(const struct weir_packet *raw, struct weir_tuple *key);

#endif
