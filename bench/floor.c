/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How it works (what it is for: floor.h): buckets of one cache line hold eight references with 32
 * bits of hash each; a full bucket overflows into the next one. With buckets for twice the
 * references that is rare.
 */
#include "floor.h"
#include "common.h"

#include "base/bytes.h"
#include "packet/headers.h"

enum { SLOTS = 8, FILL = 4, BATCH = 32 };

/* Addresses and ports; IPv4 uses words 0 and 4 only. */
struct key {
    uint64_t word[5];
};

struct entry {
    struct key key;
    uint32_t seen;
    uint32_t packets[2];
    uint32_t pad;
    uint64_t bytes;
};
_Static_assert(sizeof(struct entry) == WEIR_CACHE_LINE, "one line for an entry");

struct bucket {
    uint32_t ref[SLOTS]; /* number << 1 | direction; 0: free */
    uint32_t tag[SLOTS];
};
_Static_assert(sizeof(struct bucket) == WEIR_CACHE_LINE, "one line for a bucket");

struct floor_table {
    struct entry *entries;
    struct bucket *buckets;
    uint32_t mask, used;
    size_t entries_size, buckets_size;
};

/* A packet on its way. */
struct look {
    struct key key;
    uint64_t hash;
    uint32_t ref, len;
    bool v6;
};

__extension__ typedef unsigned __int128 u128;

static uint64_t fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct key *k, bool v6)
{
    uint64_t h = fold(k->word[0] ^ 0x9e3779b97f4a7c15u, k->word[4] ^ 0xd1342543de82ef95u);

    if (v6) {
        h ^= fold(k->word[1] ^ 0xbf58476d1ce4e5b9u, k->word[2] ^ 0x94d049bb133111ebu);
        h = fold(h ^ 0x8cb92ba72f3d8dd7u, k->word[3] ^ 0x2545f4914f6cdd1du);
    }
    return fold(h, 0x9e3779b97f4a7c15u);
}

static uint64_t ports(uint16_t src, uint16_t dst, uint8_t proto)
{
    return (uint64_t)src | (uint64_t)dst << 16 | (uint64_t)proto << 32;
}

static bool same(const struct key *a, const struct key *b, bool v6)
{
    uint64_t differ = (a->word[0] ^ b->word[0]) | (a->word[4] ^ b->word[4]);

    if (v6)
        differ |= (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) | (a->word[3] ^ b->word[3]);
    return differ == 0;
}

/* The same key, seen from the other end. */
static struct key turned(const struct key *k, bool v6)
{
    uint64_t p = k->word[4];
    struct key t = {{0}};

    t.word[4] = (p & ~0xffffffffULL) | (p >> 16 & 0xffff) | (p & 0xffff) << 16;
    if (v6) {
        for (int i = 0; i < 4; i++)
            t.word[i] = k->word[i ^ 2];
    } else {
        t.word[0] = k->word[0] << 32 | k->word[0] >> 32;
    }
    return t;
}

struct floor_table *floor_new(uint32_t connections, struct bench_memory *memory)
{
    struct floor_table *f = bench_alloc(sizeof(*f));
    uint32_t buckets = 16;

    while (buckets < connections * 2 / FILL)
        buckets *= 2;
    f->mask = buckets - 1;
    f->buckets_size = buckets * sizeof(struct bucket);
    f->entries_size = ((size_t)connections + 1) * sizeof(struct entry);
    f->buckets = bench_reserve(memory, f->buckets_size);
    f->entries = bench_reserve(memory, f->entries_size);
    bench_check(f->buckets && f->entries, "no memory for a table of %u connections", connections);
    return f;
}

void floor_free(struct floor_table *f)
{
    bench_free(f->buckets, f->buckets_size);
    bench_free(f->entries, f->entries_size);
    bench_free(f, sizeof(*f));
}

static void put(struct floor_table *f, uint64_t h, uint32_t ref)
{
    for (uint32_t at = (uint32_t)h & f->mask;; at = (at + 1) & f->mask) {
        struct bucket *b = &f->buckets[at];

        for (int i = 0; i < SLOTS; i++) {
            if (!b->ref[i]) {
                b->ref[i] = ref;
                b->tag[i] = (uint32_t)(h >> 32);
                return;
            }
        }
    }
}

void floor_add(struct floor_table *f, const struct weir_tuple *t)
{
    bool v6 = t->family == 6;
    uint32_t number = ++f->used;
    struct key *k = &f->entries[number].key, reply;

    k->word[4] = ports(t->src_key, t->dst_key, t->proto);
    if (v6) {
        memcpy(&k->word[0], &t->src, 16);
        memcpy(&k->word[2], &t->dst, 16);
    } else {
        k->word[0] = (uint64_t)t->src.v4 | (uint64_t)t->dst.v4 << 32;
    }
    reply = turned(k, v6);
    put(f, hash(k, v6), number << 1);
    put(f, hash(&reply, v6), number << 1 | 1);
}

static void parse(struct look *l, const struct weir_packet *p)
{
    const uint8_t *ip = p->data, *l4;

    l->v6 = ip[0] >> 4 == 6;
    l->len = p->len;
    if (l->v6) {
        memcpy(l->key.word, ip + IP6_SRC, 32);
        l4 = ip + IP6_SIZE;
        l->key.word[4] = ports(load_raw16(l4), load_raw16(l4 + 2), ip[IP6_NEXT]);
    } else {
        l->key.word[0] = load_raw64(ip + IP4_SRC);
        l4 = ip + (ip[0] & 0xf) * 4;
        l->key.word[4] = ports(load_raw16(l4), load_raw16(l4 + 2), ip[IP4_PROTO]);
    }
    l->hash = hash(&l->key, l->v6);
}

static uint32_t match(const struct bucket *b, uint32_t tag)
{
    uint32_t bits = 0;

    for (uint32_t i = 0; i < SLOTS; i++)
        bits |= (uint32_t)(b->tag[i] == tag && b->ref[i] != 0) << i;
    return bits;
}

/* The first reference with this tag: with 32 bits of hash almost surely the one. */
static uint32_t find(const struct floor_table *f, uint64_t h)
{
    for (uint32_t at = (uint32_t)h & f->mask;; at = (at + 1) & f->mask) {
        const struct bucket *b = &f->buckets[at];
        uint32_t bits = match(b, (uint32_t)(h >> 32));

        if (bits)
            return b->ref[__builtin_ctz(bits)];
        if (!b->ref[SLOTS - 1])
            return 0;
    }
}

static bool is_of(const struct floor_table *f, uint32_t ref, const struct look *l)
{
    struct key k = ref & 1 ? turned(&l->key, l->v6) : l->key;

    return same(&f->entries[ref >> 1].key, &k, l->v6);
}

/* For the one packet in a billion whose tag another reference shares. */
static uint32_t find_exact(const struct floor_table *f, const struct look *l)
{
    for (uint32_t at = (uint32_t)l->hash & f->mask;; at = (at + 1) & f->mask) {
        const struct bucket *b = &f->buckets[at];

        for (uint32_t i = 0; i < SLOTS; i++)
            if (!b->ref[i] || is_of(f, b->ref[i], l))
                return b->ref[i];
    }
}

static uint32_t touch(struct floor_table *f, const struct look *l, uint32_t now)
{
    uint32_t ref = is_of(f, l->ref, l) ? l->ref : find_exact(f, l);
    struct entry *e = &f->entries[ref >> 1];

    e->seen = now;
    e->packets[ref & 1]++;
    e->bytes += l->len;
    return ref >> 1;
}

static void run_batch(struct floor_table *f, uint32_t now, struct weir_packet *packets, size_t n)
{
    struct look looks[BATCH];

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(packets[i].data);
    for (size_t i = 0; i < n; i++) {
        parse(&looks[i], &packets[i]);
        __builtin_prefetch(&f->buckets[looks[i].hash & f->mask]);
    }
    for (size_t i = 0; i < n; i++) {
        looks[i].ref = find(f, looks[i].hash);
        __builtin_prefetch(&f->entries[looks[i].ref >> 1], 1);
    }
    for (size_t i = 0; i < n; i++)
        packets[i].conn = touch(f, &looks[i], now);
}

void floor_run(struct floor_table *f, uint32_t now, struct weir_packet *packets, size_t n)
{
    for (size_t done = 0; done < n; done += BATCH)
        run_batch(f, now, packets + done, n - done < BATCH ? n - done : BATCH);
}
