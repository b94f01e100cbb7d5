/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: table.h. */
#include "track/table.h"

enum { LEVEL_MIN = 4 };

uint32_t table_buckets_for(uint32_t refs)
{
    uint32_t want = refs / TABLE_FILL + 1;

    return want < 1u << LEVEL_MIN ? 1u << LEVEL_MIN : want;
}

uint32_t table_overflow_for(uint32_t refs)
{
    /*
     * In the worst round about one bucket in eight has an overflow bucket. A quarter leaves room
     * for chance; the constant is for small tables, where chance is large.
     */
    return table_buckets_for(refs) / 4 + 64;
}

void table_init(struct table *t, void *buckets, void *overflow, uint32_t refs, uint32_t start)
{
    *t = (struct table){.buckets = buckets, .level = LEVEL_MIN, .limit = table_buckets_for(refs)};
    slab_init(&t->overflow, overflow, sizeof(struct table_bucket), table_overflow_for(refs));
    table_presize(t, start < refs ? start : refs);
}

static struct table_bucket *overflow_at(const struct table *t, uint32_t index)
{
    return slab_at(&t->overflow, index);
}

/* Which slots are free, as bits. */
static uint32_t free_slots(const struct table_bucket *b)
{
#ifdef __SSE2__
    __m128i zero = _mm_setzero_si128();
    __m128i low = _mm_cmpeq_epi32(_mm_loadu_si128((const void *)&b->ref[0]), zero);
    __m128i high = _mm_cmpeq_epi32(_mm_loadu_si128((const void *)&b->ref[4]), zero);
    __m128i bytes = _mm_packs_epi16(_mm_packs_epi32(low, high), zero);

    return (uint32_t)_mm_movemask_epi8(bytes) | (uint32_t)!b->ref[8] << 8 |
           (uint32_t)!b->ref[9] << 9;
#else
    uint32_t bits = 0;

    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        bits |= (uint32_t)!b->ref[i] << i;
    return bits;
#endif
}

/* Add to a chain's first free slot. False when no overflow bucket is left. */
static bool chain_put(struct table *t, struct table_bucket *b, uint16_t tag, uint32_t ref)
{
    for (;;) {
        uint32_t free = free_slots(b);

        if (free) {
            uint32_t i = (uint32_t)__builtin_ctz(free);

            b->ref[i] = ref;
            b->tag[i] = tag;
            return true;
        }
        if (!b->next) {
            uint32_t fresh = slab_new(&t->overflow);

            if (!fresh)
                return false;
            memset(overflow_at(t, fresh), 0, sizeof(struct table_bucket));
            b->next = fresh;
        }
        b = overflow_at(t, b->next);
    }
}

/* Has the chain all the references that one bucket index may have? Only its last bucket can have
 * room. */
static bool chain_full(const struct table *t, const struct table_bucket *b)
{
    uint32_t length = TABLE_SLOTS;

    for (; b->next; b = overflow_at(t, b->next))
        length += TABLE_SLOTS;
    return length >= TABLE_CHAIN_MAX && !free_slots(b);
}

static void ask_for_hashes(const struct table *t, const struct table_bucket *b)
{
    for (; t->prefetch; b = overflow_at(t, b->next)) {
        for (uint32_t i = 0; i < TABLE_SLOTS; i++)
            if (b->ref[i])
                t->prefetch(t->ctx, b->ref[i]);
        if (!b->next)
            break;
    }
}

/*
 * Split the next bucket in order. Its chain is taken off and dealt out again to the two halves,
 * bucket by bucket. The overflow buckets this frees are enough: with k of them there were at most
 * 10 k + 10 references, and two halves of a and b references need ceil((a - 10) / 10) + ceil((b -
 * 10) / 10) <= k.
 */
static void split_one(struct table *t)
{
    uint32_t from = t->split, level = t->level, to = from + (1u << level);
    uint32_t bit = level & 7;
    bool new_tags = ((level + 1) & 7) == 0;
    struct table_bucket old = t->buckets[from];

    if (new_tags)
        ask_for_hashes(t, &old);
    memset(&t->buckets[from], 0, sizeof(struct table_bucket));
    memset(&t->buckets[to], 0, sizeof(struct table_bucket));
    if (++t->split == 1u << level) {
        t->split = 0;
        t->level++;
    }
    for (;;) {
        for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
            uint16_t tag = old.tag[i];
            uint32_t upper = tag >> bit & 1;

            if (!old.ref[i])
                continue;
            if (new_tags)
                tag = table_tag(t->hash_of(t->ctx, old.ref[i]), level + 1);
            (void)chain_put(t, &t->buckets[upper ? to : from], tag, old.ref[i]);
        }
        if (!old.next)
            break;
        uint32_t next = old.next;

        old = *overflow_at(t, next);
        slab_free(&t->overflow, next);
    }
}

void table_presize(struct table *t, uint32_t refs)
{
    uint32_t want = table_buckets_for(refs);

    if (want > t->limit)
        want = t->limit;
    while (t->count == 0 && table_size(t) < want) {
        /* Empty: nothing to deal out, so rounds can be skipped whole. */
        if (t->split == 0 && want >= 2u << t->level)
            t->level++;
        else if (++t->split == 1u << t->level) {
            t->split = 0;
            t->level++;
        }
    }
    for (uint32_t size = table_size(t); size < want; size++)
        split_one(t);
}

bool table_add(struct table *t, uint64_t hash, uint32_t ref)
{
    uint32_t level;

    if (t->count / TABLE_FILL >= table_size(t) && table_size(t) < t->limit)
        split_one(t);

    struct table_bucket *b = &t->buckets[table_index(t, hash, &level)];

    if (chain_full(t, b) || !chain_put(t, b, table_tag(hash, level), ref))
        return false;
    t->count++;
    return true;
}

void table_del(struct table *t, uint64_t hash, uint32_t ref)
{
    uint32_t level;
    struct table_bucket *b = &t->buckets[table_index(t, hash, &level)];
    struct table_bucket *last, *before_last = NULL;
    struct table_bucket *holed = NULL;
    uint32_t hole = 0;

    for (struct table_bucket *c = b;; c = overflow_at(t, c->next)) {
        for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
            if (c->ref[i] == ref) {
                holed = c;
                hole = i;
            }
        }
        last = c;
        if (!c->next)
            break;
        before_last = c;
    }
    if (!holed)
        return;
    holed->ref[hole] = 0;
    t->count--;
    if (!before_last)
        return;

    /* Keep every bucket but the last one full: one of the last fills the hole; the last goes when
     * it is empty. */
    uint32_t left = 0;
    for (uint32_t i = 0; i < TABLE_SLOTS; i++) {
        if (last->ref[i] && holed != last && !holed->ref[hole]) {
            holed->ref[hole] = last->ref[i];
            holed->tag[hole] = last->tag[i];
            last->ref[i] = 0;
        }
        left += last->ref[i] != 0;
    }
    if (!left) {
        slab_free(&t->overflow, before_last->next);
        before_last->next = 0;
    }
}

uint32_t table_bucket_refs(const struct table *t, uint32_t index, uint32_t *refs, uint32_t max)
{
    uint32_t n = 0;

    for (const struct table_bucket *b = &t->buckets[index];; b = overflow_at(t, b->next)) {
        for (uint32_t i = 0; i < TABLE_SLOTS && n < max; i++)
            if (b->ref[i])
                refs[n++] = b->ref[i];
        if (!b->next)
            return n;
    }
}
