/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which ports of a translated address are taken, exactly.
 *
 * A translated source address has 65536 ports for each protocol and each destination address and
 * port: as many reply tuples, that differ in one half-key. Such a family of tuples is a pool. Where
 * ports are plenty, looking at the table until one is free takes a few lookups, and no pool is
 * made. Where a search becomes long, the pool's bitmap takes over: it says in one step what a
 * lookup says, and it finds the last free port among 64512 in a few hundred nanoseconds, where
 * probing at random, as Linux does, gives up.
 *
 * - A pool is made by the search that became long. It then knows nothing.
 * - What it knows, it knows in words of 64 ports. A word is learnt when it is first needed, from
 *   64 lookups whose memory is fetched all at once, and is kept right from then on: every entry
 *   that comes into the table or leaves it sets or clears its ports. So no port is looked at twice,
 *   and a pool that is nearly full is known long before it is full.
 * - A leaf is 16 words. Which leaves are full is one word of the pool, so that the search for a
 *   free port looks at no more than 64 bits, 16 words and 64 bits.
 * - A pool goes when few of the ports that it knows are taken. Each thus stands for at least
 *   POOL_MIN tuples of the table, which bounds their number. Leaves come from a smaller store; a
 *   pool that gets none still answers right, by looking at the table again.
 *
 * A shard that has peers counts the ports whose reply tuple has its home elsewhere as taken, for
 * good: what is free there, only that home knows.
 *
 * An entry that has expired counts as taken until it is ended; the search ends what has expired
 * before it believes that a pool is full.
 */
#ifndef WEIR_NAT_PORTS_H
#define WEIR_NAT_PORTS_H

#include "track/track.h"

enum {
    POOL_MIN = 16, /* taken ports below which a pool goes */
    POOL_WORDS = 65536 / 64,
    LEAF_WORDS = 16,
    POOL_LEAVES = POOL_WORDS / LEAF_WORDS
};

struct pool {
    uint32_t next;           /* with the same hash */
    uint32_t taken;          /* ports, of those it knows */
    struct weir_tuple reply; /* the half-key that varies is 0 */
    uint16_t zone;
    uint64_t full;               /* bit by leaf: all its ports are known and taken */
    uint32_t leaf[POOL_LEAVES];  /* 0: none */
    uint16_t known[POOL_LEAVES]; /* bit by word */
};

struct ports {
    struct slab pools, leaves;
    uint32_t *bucket; /* pools by hash of their tuple */
    uint32_t mask;
};

/* -ENOMEM. nat_ports_fini() gives back what there is. */
int nat_ports_init(struct ports *ports, struct track *t);
void nat_ports_fini(struct ports *ports, const struct weir_host *host);

/* The pool of a reply tuple; NULL: there is none. Or made if there is none; NULL: no memory. */
struct pool *nat_pool_find(struct track *t, const struct weir_tuple *reply, uint16_t zone);
struct pool *nat_pool(struct track *t, const struct weir_tuple *reply, uint16_t zone);

/* A search is over: a pool of which too little is taken goes again. */
void nat_pool_done(struct track *t, const struct weir_tuple *reply, uint16_t zone);

/* Has somebody this port (host byte order)? */
bool nat_ports_taken(struct track *t, struct pool *pool, uint16_t port);

/* How many of `count` ports from `from` on are taken before the first that is free. */
uint32_t nat_ports_skip(struct track *t, struct pool *pool, uint32_t from, uint32_t count);

/* The first free port from `from` on, in [min, max] as a ring. -1: none is free. */
int32_t nat_ports_next(struct track *t, struct pool *pool, uint16_t min, uint16_t max,
                       uint16_t from);

/* An entry came into the table, or left it. */
void nat_ports_note(struct track *t, const struct conn *c, bool taken);

#endif
