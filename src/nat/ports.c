/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: ports.h. */
#include "nat/ports.h"
#include "nat/inside.h"

#include <errno.h>

enum {
    /* A full pool has a leaf for 1024 connections; the rest is for pools that are not full and for
     * small tables. */
    CONNS_PER_LEAF = 64,
    LEAVES_MIN = 2 * POOL_LEAVES,
    WORD_BITS = 64
};

static const uint16_t all_known = UINT16_MAX;
_Static_assert(LEAF_WORDS == 16, "a leaf's words have a bit each in uint16_t");
_Static_assert(POOL_LEAVES == 64, "a pool's leaves have a bit each in uint64_t");

/* --- pools --- */

static struct pool *pool_at(const struct ports *ports, uint32_t index)
{
    return slab_at(&ports->pools, index);
}

static uint32_t *bucket_of(struct track *t, const struct weir_tuple *family, uint16_t zone)
{
    struct ports *ports = &t->nat->ports;

    return &ports->bucket[track_hash(t, family, zone) & ports->mask];
}

/* Take the half-key that varies out of a tuple. */
static uint16_t split(struct weir_tuple *reply)
{
    uint16_t *key = nat_key(reply, NAT_SRC), port = BE16(*key);

    *key = 0;
    return port;
}

static bool is_of(const struct pool *pool, const struct weir_tuple *family, uint16_t zone)
{
    return memcmp(&pool->reply, family, sizeof(*family)) == 0 && pool->zone == zone;
}

static uint32_t find(struct track *t, const struct weir_tuple *family, uint16_t zone)
{
    const struct ports *ports = &t->nat->ports;
    uint32_t at = *bucket_of(t, family, zone);

    while (at && !is_of(pool_at(ports, at), family, zone))
        at = pool_at(ports, at)->next;
    return at;
}

static void entered(struct track *t, uint32_t handle)
{
    nat_ports_note(t, conn_at(t, handle), true);
}

struct pool *nat_pool_find(struct track *t, const struct weir_tuple *reply, uint16_t zone)
{
    struct weir_tuple family = *reply;

    (void)split(&family);
    uint32_t at = t->nat->ports.pools.count ? find(t, &family, zone) : 0;

    return at ? pool_at(&t->nat->ports, at) : NULL;
}

struct pool *nat_pool(struct track *t, const struct weir_tuple *reply, uint16_t zone)
{
    struct ports *ports = &t->nat->ports;
    struct pool *pool = nat_pool_find(t, reply, zone);
    struct weir_tuple family = *reply;
    uint32_t at;

    if (pool || !(at = slab_new(&ports->pools)))
        return pool;
    (void)split(&family);
    pool = pool_at(ports, at);
    uint32_t *bucket = bucket_of(t, &family, zone);

    memset(pool, 0, sizeof(*pool));
    pool->next = *bucket;
    pool->reply = family;
    pool->zone = zone;
    *bucket = at;
    t->on_confirm = entered;
    return pool;
}

static void drop_pool(struct track *t, uint32_t index)
{
    struct ports *ports = &t->nat->ports;
    struct pool *pool = pool_at(ports, index);
    uint32_t *link = bucket_of(t, &pool->reply, pool->zone);

    while (*link != index)
        link = &pool_at(ports, *link)->next;
    *link = pool->next;
    for (unsigned i = 0; i < POOL_LEAVES; i++)
        if (pool->leaf[i])
            slab_free(&ports->leaves, pool->leaf[i]);
    slab_free(&ports->pools, index);
    if (!ports->pools.count)
        t->on_confirm = NULL;
}

void nat_pool_done(struct track *t, const struct weir_tuple *reply, uint16_t zone)
{
    struct weir_tuple family = *reply;

    (void)split(&family);
    uint32_t at = find(t, &family, zone);

    if (at && pool_at(&t->nat->ports, at)->taken < POOL_MIN)
        drop_pool(t, at);
}

/* --- words --- */

/* The leaf's words; NULL: it has none. */
static uint64_t *leaf_words(const struct ports *ports, const struct pool *pool, unsigned leaf)
{
    return pool->leaf[leaf] ? slab_at(&ports->leaves, pool->leaf[leaf]) : NULL;
}

static bool is_known(const struct pool *pool, unsigned word)
{
    return pool->known[word / LEAF_WORDS] >> word % LEAF_WORDS & 1;
}

static void update_full(struct pool *pool, const uint64_t *words, unsigned leaf)
{
    uint64_t all = UINT64_MAX;

    for (unsigned i = 0; i < LEAF_WORDS; i++)
        all &= words[i];
    if (all == UINT64_MAX && pool->known[leaf] == all_known)
        pool->full |= 1ULL << leaf;
}

static bool in_table(const struct track *t, const struct weir_tuple *reply, uint16_t zone,
                     uint64_t hash)
{
    struct table_probe probe;

    for (uint32_t ref = table_first(&t->table, hash, &probe); ref;
         ref = table_next(&t->table, &probe)) {
        const struct conn *c = conn_at(t, ref);

        if (conn_has_tuple(c, ref_dir(ref), reply) && conn_zone(c, ref_dir(ref)) == zone)
            return true;
    }
    return false;
}

/* The ports of a word that are not this shard's to give away (nat_at_home). */
static uint64_t word_foreign(const struct track *t, const struct pool *pool, unsigned word)
{
    struct weir_tuple reply = pool->reply;
    uint16_t *key = nat_key(&reply, NAT_SRC);
    uint64_t foreign = 0;

    for (unsigned i = 0; t->peers && i < WORD_BITS; i++) {
        *key = BE16(word * WORD_BITS + i);
        foreign |= (uint64_t)!nat_at_home(t, &reply) << i;
    }
    return foreign;
}

/* Ask the table for 64 ports: first for the lines of all buckets, then for those of all entries
 * that they name, and only then look. */
static uint64_t look_up(struct track *t, const struct pool *pool, unsigned word)
{
    struct weir_tuple reply = pool->reply;
    uint16_t *key = nat_key(&reply, NAT_SRC);
    uint64_t hash[WORD_BITS], taken = 0;
    struct table_probe probe;

    t->nat->lookups += WORD_BITS;
    for (unsigned i = 0; i < WORD_BITS; i++) {
        *key = BE16(word * WORD_BITS + i);
        hash[i] = track_hash(t, &reply, pool->zone);
        table_prefetch(&t->table, hash[i]);
    }
    for (unsigned i = 0; i < WORD_BITS; i++) {
        uint32_t ref = table_first(&t->table, hash[i], &probe);

        if (ref)
            __builtin_prefetch(conn_at(t, ref));
    }
    for (unsigned i = 0; i < WORD_BITS; i++) {
        *key = BE16(word * WORD_BITS + i);
        taken |= (uint64_t)in_table(t, &reply, pool->zone, hash[i]) << i;
    }
    return taken;
}

/* The ports of a word that are taken, learnt if they are not known. */
static uint64_t word_taken(struct track *t, struct pool *pool, unsigned word)
{
    struct ports *ports = &t->nat->ports;
    unsigned leaf = word / LEAF_WORDS;
    uint64_t *words = leaf_words(ports, pool, leaf);

    if (is_known(pool, word))
        return words[word % LEAF_WORDS];
    uint64_t foreign = word_foreign(t, pool, word);
    uint64_t taken = look_up(t, pool, word);

    if (!words) {
        pool->leaf[leaf] = slab_new(&ports->leaves);
        words = leaf_words(ports, pool, leaf);
        if (!words)
            return taken | foreign;
        memset(words, 0, ports->leaves.size);
    }
    words[word % LEAF_WORDS] = taken | foreign;
    pool->known[leaf] |= (uint16_t)(1u << word % LEAF_WORDS);
    pool->taken += (uint32_t)__builtin_popcountll(taken & ~foreign);
    update_full(pool, words, leaf);
    return taken | foreign;
}

bool nat_ports_taken(struct track *t, struct pool *pool, uint16_t port)
{
    return word_taken(t, pool, port / WORD_BITS) >> port % WORD_BITS & 1;
}

/* The first free port from `from` to `to`, -1: none. */
static int32_t first_free(struct track *t, struct pool *pool, unsigned from, unsigned to)
{
    for (unsigned word = from / WORD_BITS; word <= to / WORD_BITS; word++) {
        if (pool->full >> word / LEAF_WORDS & 1) {
            word |= LEAF_WORDS - 1;
            continue;
        }
        uint64_t free = ~word_taken(t, pool, word);

        if (word == from / WORD_BITS)
            free &= UINT64_MAX << from % WORD_BITS;
        if (!free)
            continue;
        unsigned port = word * WORD_BITS + (unsigned)__builtin_ctzll(free);

        return port <= to ? (int32_t)port : -1;
    }
    return -1;
}

uint32_t nat_ports_skip(struct track *t, struct pool *pool, uint32_t from, uint32_t count)
{
    int32_t port = first_free(t, pool, from, from + count - 1);

    return port < 0 ? count : (uint32_t)port - from;
}

int32_t nat_ports_next(struct track *t, struct pool *pool, uint16_t min, uint16_t max,
                       uint16_t from)
{
    int32_t port = first_free(t, pool, from, max);

    return port >= 0 || from == min ? port : first_free(t, pool, min, from - 1u);
}

/* --- the table changes --- */

/* A port that is not is never free. */
static bool at_home(const struct track *t, const struct conn *c, enum weir_dir dir)
{
    const struct weir_tuple tuple = conn_tuple(c, dir);

    return nat_at_home(t, &tuple);
}

static void note(struct track *t, const struct conn *c, enum weir_dir dir, bool taken)
{
    struct ports *ports = &t->nat->ports;
    struct weir_tuple family = conn_tuple(c, dir);
    uint16_t port = split(&family);
    unsigned word = port / WORD_BITS, leaf = word / LEAF_WORDS;
    uint64_t bit = 1ULL << port % WORD_BITS;
    uint32_t at = find(t, &family, conn_zone(c, dir));

    if (!at || !is_known(pool_at(ports, at), word))
        return;
    struct pool *pool = pool_at(ports, at);
    uint64_t *words = leaf_words(ports, pool, leaf), *w = &words[word % LEAF_WORDS];

    if (taken && !(*w & bit)) {
        *w |= bit;
        pool->taken++;
        if (*w == UINT64_MAX)
            update_full(pool, words, leaf);
    } else if (!taken && *w & bit && at_home(t, c, dir)) {
        *w &= ~bit;
        pool->full &= ~(1ULL << leaf);
        if (--pool->taken < POOL_MIN)
            drop_pool(t, at);
    }
}

void nat_ports_note(struct track *t, const struct conn *c, bool taken)
{
    if (!nat_has_key(c))
        return;
    /* The original tuple of a hidden entry is another's in the table. */
    if (!(c->status & WEIR_S_NAT_CLASH))
        note(t, c, WEIR_ORIG, taken);
    note(t, c, WEIR_REPLY, taken);
}

/* --- memory --- */

/* A connection has two tuples, a pool POOL_MIN of them, but for one that a search is using. */
static uint32_t pools_for(uint32_t capacity)
{
    return capacity / (POOL_MIN / 2) + 1;
}

static uint32_t leaves_for(uint32_t capacity)
{
    return capacity / CONNS_PER_LEAF + LEAVES_MIN;
}

static size_t bucket_bytes(const struct ports *ports)
{
    return ((size_t)ports->mask + 1) * sizeof(*ports->bucket);
}

int nat_ports_init(struct ports *ports, struct track *t)
{
    const struct weir_host *host = &t->host;
    uint32_t pools = pools_for(t->set.capacity), leaves = leaves_for(t->set.capacity);

    slab_init(&ports->pools, NULL, sizeof(struct pool), pools);
    slab_init(&ports->leaves, NULL, LEAF_WORDS * sizeof(uint64_t), leaves);
    while (ports->mask < pools / 2)
        ports->mask = ports->mask << 1 | 1;
    ports->pools.base = host->reserve(host->ctx, slab_bytes(ports->pools.size, pools));
    ports->leaves.base = host->reserve(host->ctx, slab_bytes(ports->leaves.size, leaves));
    ports->bucket = host->reserve(host->ctx, bucket_bytes(ports));
    return ports->pools.base && ports->leaves.base && ports->bucket ? 0 : -ENOMEM;
}

void nat_ports_fini(struct ports *ports, const struct weir_host *host)
{
    const struct slab *slabs[] = {&ports->pools, &ports->leaves};

    for (int i = 0; i < 2; i++)
        if (slabs[i]->base)
            host->release(host->ctx, slabs[i]->base,
                          slab_bytes(slabs[i]->size, slabs[i]->capacity));
    if (ports->bucket)
        host->release(host->ctx, ports->bucket, bucket_bytes(ports));
}
