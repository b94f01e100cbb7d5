/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stubs: tuples whose home is this shard and whose connection is another's.
 *
 * A stub is a tuple, its zone and its owner. Only NAT makes connections whose two tuples have two
 * homes, so most tuples have none, and most shards few: a lookup begins with whether there are any.
 * Packets are looked up by tuple alone, since a zone comes from a rule that they have not met yet;
 * so one tuple has one owner at a time, in whatever zones.
 *
 * One line for each stub, in a slab, found by the connection table's buckets.
 */
#ifndef WEIR_PIPE_STUB_H
#define WEIR_PIPE_STUB_H

#include "track/table.h"
#include "track/tuple.h"
#include <weir/shard.h>

enum { STUB_NONE = UINT16_MAX };

struct stub {
    _Alignas(WEIR_CACHE_LINE) struct weir_tuple tuple;
    uint16_t owner; /* a shard's number */
    uint16_t zone;
};

struct stubs {
    struct slab slab;
    struct table table;
    struct hash_key key;
};

/* -ENOMEM: afterwards stubs_fini() gives back what there is. */
int stubs_init(struct stubs *s, uint32_t capacity, const struct hash_key *key,
               const struct weir_host *host);
void stubs_fini(struct stubs *s, const struct weir_host *host);

static inline uint64_t stub_hash(const struct stubs *s, const struct weir_tuple *tuple)
{
    return tuple_hash(&s->key, tuple, 0);
}

/* Who owns a tuple; STUB_NONE: it has no stub. */
uint16_t stub_owner(const struct stubs *s, const struct weir_tuple *tuple, uint64_t hash);

/* False: another shard owns the tuple already, or there is no room. */
bool stub_add(struct stubs *s, const struct stub *stub);

/* Forget a stub; one that is not there (it was refused) is none to forget. True: it was there. */
bool stub_del(struct stubs *s, const struct stub *stub);

#endif
