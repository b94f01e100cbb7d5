/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection table: from a 64-bit hash to 32-bit references, in cache-line buckets.
 *
 * A bucket holds ten references and for each a 16-bit tag of its hash, so one cache line answers
 * "not here" and "probably this one"; the caller compares the object itself. Both directions of a
 * connection are references of their own.
 *
 * Growth is linear hashing: buckets are split one at a time, in order, as references are added; so
 * the table grows with no pause, needs no second table meanwhile, and its memory follows its
 * content. With 2^level + split buckets, the first `split` ones (and their new halves behind
 * 2^level) use level + 1 bits of the hash and the rest use level bits.
 *
 * Splitting a bucket must know one more hash bit of each reference. The tag has it: a tag is 16
 * hash bits from the bucket's level rounded down to a multiple of eight, so seven of eight
 * doublings only look at tags; the eighth asks the owner for the full hash and stores new tags. At
 * least nine bits of a tag lie above the bucket's own index, so a false match of the ten costs an
 * extra look in one lookup of fifty.
 *
 * What does not fit goes to a chain of overflow buckets. At TABLE_FILL references for each bucket,
 * and splits running in order, buckets hold between 4 and 12 on average; about 4 % of the
 * references sit in overflow buckets. A chain has a limit (TABLE_CHAIN_MAX references), as in
 * Linux, against who might guess the key.
 */
#ifndef WEIR_TRACK_TABLE_H
#define WEIR_TRACK_TABLE_H

#include "base/slab.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    TABLE_SLOTS = 10,    /* references in a bucket */
    TABLE_FILL = 6,      /* references for each bucket at which a split is due */
    TABLE_CHAIN_MAX = 80 /* references with one bucket index (conntrack reference, 2.5: 50 to 80) */
};

struct table_bucket {
    uint32_t ref[TABLE_SLOTS]; /* 0: free. An overflow bucket exists only while this one is full */
    uint16_t tag[TABLE_SLOTS];
    uint32_t next; /* index of an overflow bucket, 0: none */
};
_Static_assert(sizeof(struct table_bucket) == WEIR_CACHE_LINE, "a bucket is one cache line");

struct table {
    struct table_bucket *buckets;
    uint32_t level; /* 2^level buckets in this round, and */
    uint32_t split; /* this many of them have been split */
    uint32_t limit; /* buckets reserved */
    uint32_t count; /* references held */
    struct slab overflow;
    /* The full hash of a reference, for splits; `prefetch` announces that it will be asked for. */
    uint64_t (*hash_of)(void *ctx, uint32_t ref);
    void (*prefetch)(void *ctx, uint32_t ref);
    void *ctx;
};

/* Where a lookup stands. */
struct table_probe {
    const struct table_bucket *bucket;
    uint32_t candidates; /* bit set: this slot's tag matches and has not been returned yet */
    uint16_t tag;
};

/* Buckets and overflow buckets to reserve for `refs` references. */
uint32_t table_buckets_for(uint32_t refs);
uint32_t table_overflow_for(uint32_t refs);

/*
 * `buckets` is table_buckets_for(refs) and `overflow` 1 + table_overflow_for(refs) zeroed,
 * line-aligned buckets. Starts with room for `start` references without growing.
 */
void table_init(struct table *t, void *buckets, void *overflow, uint32_t refs, uint32_t start);

/* Make at least `refs` references fit without growth; work proportional to it, cold path. */
void table_presize(struct table *t, uint32_t refs);

/* False: the chain limit or the reserved memory is reached; nothing was added. */
bool table_add(struct table *t, uint64_t hash, uint32_t ref);

/* Take out a reference that is in the table under this hash. */
void table_del(struct table *t, uint64_t hash, uint32_t ref);

static inline uint32_t table_size(const struct table *t)
{
    return (1u << t->level) + t->split;
}

static inline uint32_t table_index(const struct table *t, uint64_t hash, uint32_t *level)
{
    uint32_t index = (uint32_t)hash & ((1u << t->level) - 1);
    uint32_t deeper = index < t->split;

    *level = t->level + deeper;
    return (uint32_t)hash & ((1u << *level) - 1);
}

static inline uint16_t table_tag(uint64_t hash, uint32_t level)
{
    return (uint16_t)(hash >> (level & ~7u));
}

/* Where looking for a hash begins. Good until the table changes. */
static inline struct table_probe table_probe_of(const struct table *t, uint64_t hash)
{
    uint32_t level, index = table_index(t, hash, &level);

    return (struct table_probe){.bucket = &t->buckets[index], .tag = table_tag(hash, level)};
}

WEIR_PREFETCHES void table_prefetch(const struct table *t, uint64_t hash)
{
    __builtin_prefetch(table_probe_of(t, hash).bucket);
}

/* Which slots have this tag, as bits; a free slot may, too. */
static inline uint32_t table_match(const struct table_bucket *b, uint16_t tag)
{
#ifdef __SSE2__
    /* Eight at once, and the last eight once more for the two that are left; SSE2 is part of every
     * x86-64. */
    const __m128i all = _mm_set1_epi16((short)tag), zero = _mm_setzero_si128();
    __m128i first = _mm_cmpeq_epi16(_mm_loadu_si128((const void *)&b->tag[0]), all);
    __m128i last = _mm_cmpeq_epi16(_mm_loadu_si128((const void *)&b->tag[TABLE_SLOTS - 8]), all);

    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, zero)) |
           (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(last, zero)) << (TABLE_SLOTS - 8);
#else
    uint32_t bits = 0;

    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        bits |= (uint32_t)(b->tag[i] == tag) << i;
    return bits;
#endif
}

/* The next reference that may be the one looked for, 0: no more. */
static inline uint32_t table_next(const struct table *t, struct table_probe *p)
{
    for (;;) {
        while (p->candidates) {
            uint32_t ref = p->bucket->ref[__builtin_ctz(p->candidates)];

            p->candidates &= p->candidates - 1;
            if (ref)
                return ref;
        }
        if (!p->bucket->next)
            return 0;
        p->bucket = slab_at(&t->overflow, p->bucket->next);
        p->candidates = table_match(p->bucket, p->tag);
    }
}

/* The first reference that may be the one looked for, 0: none is. */
static inline uint32_t table_begin(const struct table *t, struct table_probe *p)
{
    p->candidates = table_match(p->bucket, p->tag);
    return table_next(t, p);
}

static inline uint32_t table_first(const struct table *t, uint64_t hash, struct table_probe *p)
{
    *p = table_probe_of(t, hash);
    return table_begin(t, p);
}

/* All references of a bucket's chain, by bucket index below table_size(); returns how many were
 * stored. */
uint32_t table_bucket_refs(const struct table *t, uint32_t index, uint32_t *refs, uint32_t max);

#endif
