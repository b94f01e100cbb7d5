/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arithmetic is Linux's, to the packet.
 *
 * Packets: credit grows by 2^39 with each tick; a packet costs its period, one microsecond being
 * what a tick gives in it, rounded down. Bytes: credit grows by 2^24 and stands at one second's
 * worth; a packet costs for each 16 bytes of it and once more, but never more than a second's
 * worth, so that a packet larger than the rate still passes once a second. Refills
 * (--hashlimit-burst) are spent one by one when the credit is too small, and come back only when
 * the bucket expires.
 *
 * Windows: what came in an interval is compared with the rate when the next packet after its end
 * comes, in proportion to the time that really passed; while that was above the rate, or once the
 * burst is used up, packets are over.
 */
#include "rules/match/hashlimit_table.h"

enum { ALIGN = 64, CHUNK_SHIFT = 4 };

static const uint64_t packet_credit_per_tick = 1ull << 39;
static const uint64_t byte_credit_per_tick = 1ull << 24;
static const uint64_t byte_credit_second = (1ull << 24) * WEIR_TICKS_PER_SEC;

uint64_t hashlimit_credit(uint64_t period)
{
    return period * (packet_credit_per_tick * WEIR_TICKS_PER_SEC / 1000000);
}

uint32_t hashlimit_byte_credit(uint32_t share)
{
    return (uint32_t)(share * byte_credit_second >> 32);
}

/* --- the table --- */

static uint32_t chains_for(uint32_t capacity)
{
    uint32_t chains = 1;

    while (chains < capacity)
        chains *= 2;
    return chains;
}

static size_t aligned(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t chains_size(const struct hashlimit_table_config *config)
{
    return aligned(chains_for(config->capacity) * sizeof(uint32_t));
}

size_t hashlimit_table_size(const struct hashlimit_table_config *config)
{
    return aligned(sizeof(struct hashlimit_table)) + chains_size(config) +
           slab_bytes(sizeof(struct hashlimit_bucket), config->capacity);
}

void hashlimit_table_init(struct hashlimit_table *table,
                          const struct hashlimit_table_config *config, int64_t now)
{
    uint8_t *memory = (uint8_t *)table + aligned(sizeof(*table));

    table->config = *config;
    table->chains = (uint32_t *)(void *)memory;
    table->chain_mask = chains_for(config->capacity) - 1;
    slab_init(&table->buckets, memory + chains_size(config), sizeof(struct hashlimit_bucket),
              config->capacity);
    table->swept = now;
}

static struct hashlimit_bucket *bucket_at(const struct hashlimit_table *table, uint32_t number)
{
    return slab_at(&table->buckets, number);
}

static uint32_t *chain_of(const struct track *t, const struct hashlimit_table *table,
                          const struct hashlimit_key *key)
{
    uint64_t hash = hash_mix(&t->key, 0, key->src.half[0], key->src.half[1]);

    hash = hash_mix(&t->key, hash, key->dst.half[0], key->dst.half[1]);
    hash = hash_end(&t->key, hash_mix(&t->key, hash, key->ports[0], key->ports[1]));
    return &table->chains[hash & table->chain_mask];
}

/* --- the order of last packets --- */

static void order_remove(struct hashlimit_table *table, const struct hashlimit_bucket *b)
{
    *(b->older ? &bucket_at(table, b->older)->newer : &table->oldest) = b->newer;
    *(b->newer ? &bucket_at(table, b->newer)->older : &table->newest) = b->older;
}

static void order_append(struct hashlimit_table *table, uint32_t number)
{
    struct hashlimit_bucket *b = bucket_at(table, number);

    b->older = table->newest;
    b->newer = 0;
    *(table->newest ? &bucket_at(table, table->newest)->newer : &table->oldest) = number;
    table->newest = number;
}

/* --- buckets --- */

static void sweep(struct hashlimit_table *table, int64_t now)
{
    int64_t since = now - table->swept;

    if (since >= table->config.sweep)
        table->swept += since - since % table->config.sweep;
}

static bool swept(const struct hashlimit_table *table, const struct hashlimit_bucket *b)
{
    return b->expires <= table->swept;
}

static void fill(const struct hashlimit_table *table, struct hashlimit_bucket *b, int64_t now)
{
    b->tick = now;
    b->over = false;
    b->full = table->config.full;
    switch ((enum hashlimit_kind)table->config.kind) {
    case HASHLIMIT_PACKETS: b->credit = b->full; break;
    case HASHLIMIT_BYTES: b->credit = byte_credit_second; break;
    case HASHLIMIT_WINDOW: b->credit = 0; break;
    }
}

static uint32_t find(const struct hashlimit_table *table, uint32_t number,
                     const struct hashlimit_key *key)
{
    while (number && memcmp(&bucket_at(table, number)->key, key, sizeof(*key)) != 0)
        number = bucket_at(table, number)->next;
    return number;
}

/* Take the oldest bucket out of its chain, if it was swept: its number. */
static uint32_t reuse(const struct track *t, struct hashlimit_table *table)
{
    uint32_t number = table->oldest;

    if (!number || !swept(table, bucket_at(table, number)))
        return 0;

    struct hashlimit_bucket *b = bucket_at(table, number);
    uint32_t *link = chain_of(t, table, &b->key);

    while (*link != number)
        link = &bucket_at(table, *link)->next;
    *link = b->next;
    order_remove(table, b);
    return number;
}

/* A new bucket, in no order yet; 0: the table is full. */
static uint32_t add(const struct track *t, struct hashlimit_table *table,
                    const struct hashlimit_key *key, uint32_t *chain)
{
    uint32_t number = reuse(t, table);

    if (!number)
        number = slab_new(&table->buckets);
    if (!number)
        return 0;

    struct hashlimit_bucket *b = bucket_at(table, number);

    b->key = *key;
    b->next = *chain;
    *chain = number;
    fill(table, b, t->tick64);
    return number;
}

/* The bucket of a key, filled anew if it had expired; NULL: the table is full. */
static struct hashlimit_bucket *get(const struct track *t, struct hashlimit_table *table,
                                    const struct hashlimit_key *key)
{
    uint32_t *chain = chain_of(t, table, key);
    uint32_t number = find(table, *chain, key);

    if (number) {
        if (swept(table, bucket_at(table, number)))
            fill(table, bucket_at(table, number), t->tick64);
        order_remove(table, bucket_at(table, number));
    } else if (!(number = add(t, table, key, chain))) {
        return NULL;
    }
    order_append(table, number);
    bucket_at(table, number)->expires = t->tick64 + table->config.expire;
    return bucket_at(table, number);
}

/* --- the limit --- */

static void next_window(const struct hashlimit_table_config *c, struct hashlimit_bucket *b,
                        int64_t now)
{
    int64_t passed = now - b->tick;

    if (passed < c->interval)
        return;
    b->over = b->credit * (uint64_t)c->interval > (uint64_t)passed * c->rate;
    b->tick = now;
    b->credit = 0;
}

static enum hashlimit_answer ask_window(const struct hashlimit_table_config *c,
                                        struct hashlimit_bucket *b, uint32_t len, int64_t now)
{
    next_window(c, b, now);
    b->credit += c->bytes ? len : 1;
    return b->over || b->credit > c->burst ? HASHLIMIT_OVER : HASHLIMIT_UNDER;
}

static void refill(const struct hashlimit_table_config *c, struct hashlimit_bucket *b, int64_t now)
{
    bool bytes = c->kind == HASHLIMIT_BYTES;
    uint64_t most = bytes ? byte_credit_second : b->full;
    uint64_t each = bytes ? byte_credit_per_tick : packet_credit_per_tick, grown;

    if (__builtin_mul_overflow((uint64_t)(now - b->tick), each, &grown) ||
        __builtin_add_overflow(b->credit, grown, &grown) || grown > most)
        grown = most;
    b->credit = grown;
    b->tick = now;
}

/* What the packet costs in a rule that counts bytes. Spends a refill if that is too much. */
static uint64_t byte_cost(const struct hashlimit_table_config *c, struct hashlimit_bucket *b,
                          uint32_t len)
{
    uint64_t cost = ((len >> CHUNK_SHIFT) + 1) * c->cost;

    if (cost > byte_credit_second)
        cost = byte_credit_second;
    if (b->credit < cost && b->full) {
        b->full--;
        b->credit = byte_credit_second;
    }
    return cost;
}

enum hashlimit_answer hashlimit_table_ask(const struct track *t, struct hashlimit_table *table,
                                          const struct hashlimit_key *key, uint32_t len,
                                          bool by_bytes)
{
    const struct hashlimit_table_config *c = &table->config;

    sweep(table, t->tick64);

    struct hashlimit_bucket *b = get(t, table, key);

    if (!b)
        return HASHLIMIT_FULL;
    if (c->kind == HASHLIMIT_WINDOW)
        return ask_window(c, b, len, t->tick64);
    refill(c, b, t->tick64);

    uint64_t cost = by_bytes ? byte_cost(c, b, len) : c->cost;

    if (b->credit < cost)
        return HASHLIMIT_OVER;
    b->credit -= cost;
    return HASHLIMIT_UNDER;
}
