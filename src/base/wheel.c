/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: wheel.h. */
#include "base/wheel.h"

enum { SLOT_BITS = 8, SLOT_MASK = WHEEL_SLOTS - 1 };

uint32_t wheel_chunks(uint32_t refs)
{
    /* Full chunks for all references, and one part-filled chunk in each slot. */
    return refs / WHEEL_CHUNK_REFS + 1 + WHEEL_LEVELS * WHEEL_SLOTS;
}

void wheel_init(struct wheel *w, void *memory, uint32_t chunks, uint32_t tick)
{
    memset(w, 0, sizeof(*w));
    w->tick = w->now = tick;
    slab_init(&w->chunks, memory, sizeof(struct wheel_chunk), chunks);
}

static struct wheel_chunk *chunk_at(const struct wheel *w, uint32_t index)
{
    return slab_at(&w->chunks, index);
}

static void mark_busy(struct wheel *w, uint32_t slot)
{
    w->busy[slot >> SLOT_BITS][(slot & SLOT_MASK) / 64] |= 1ULL << (slot % 64);
}

static void mark_idle(struct wheel *w, uint32_t slot)
{
    w->busy[slot >> SLOT_BITS][(slot & SLOT_MASK) / 64] &= ~(1ULL << (slot % 64));
}

/* The slot whose beginning is the last one at or before `tick`, as seen from the wheel's time. */
static uint32_t slot_for(const struct wheel *w, uint32_t tick)
{
    if ((int32_t)(tick - w->now) <= 0)
        tick = w->tick;
    /*
     * Choose the lowest level on which tick and now differ only in that level's digit, so that a
     * slot never holds two different turns of its level. The highest differing digit says which.
     */
    uint32_t differ = tick ^ w->tick;
    uint32_t level = differ ? (31 - (uint32_t)__builtin_clz(differ)) / SLOT_BITS : 0;

    return level * WHEEL_SLOTS + ((tick >> (level * SLOT_BITS)) & SLOT_MASK);
}

uint32_t wheel_arm(struct wheel *w, uint32_t ref, uint32_t tick)
{
    uint32_t slot = slot_for(w, tick);
    uint32_t index = w->head[slot];
    struct wheel_chunk *c = chunk_at(w, index);

    if (index == 0 || c->n == WHEEL_CHUNK_REFS) {
        uint32_t fresh = slab_new(&w->chunks);

        c = chunk_at(w, fresh);
        c->next = index;
        c->slot = (uint16_t)slot;
        c->n = 0;
        w->head[slot] = index = fresh;
        mark_busy(w, slot);
    }
    c->ref[c->n] = ref;
    return index << WHEEL_POS_BITS | c->n++;
}

/* Take the newest reference out of a slot's first chunk. */
static uint32_t take_newest(struct wheel *w, uint32_t slot)
{
    uint32_t index = w->head[slot];
    struct wheel_chunk *c = chunk_at(w, index);
    uint32_t ref = c->ref[--c->n];

    if (c->n == 0) {
        w->head[slot] = c->next;
        if (c->next == 0)
            mark_idle(w, slot);
        slab_free(&w->chunks, index);
    }
    return ref;
}

uint32_t wheel_disarm(struct wheel *w, uint32_t pos)
{
    struct wheel_chunk *c = chunk_at(w, pos >> WHEEL_POS_BITS);
    uint32_t i = pos & ((1u << WHEEL_POS_BITS) - 1);
    uint32_t slot = c->slot;
    uint32_t head = w->head[slot];
    bool is_newest = head == pos >> WHEEL_POS_BITS && i + 1u == c->n;
    uint32_t newest = take_newest(w, slot);

    if (is_newest)
        return 0;
    c->ref[i] = newest;
    return newest;
}

/* The first busy slot of a level at or after `from`, or -1. */
static int first_busy(const uint64_t busy[WHEEL_SLOTS / 64], uint32_t from)
{
    for (uint32_t word = from / 64; word < WHEEL_SLOTS / 64; word++) {
        uint64_t bits = busy[word];

        if (word == from / 64)
            bits &= ~0ULL << (from % 64);
        if (bits)
            return (int)(word * 64 + (uint32_t)__builtin_ctzll(bits));
    }
    return -1;
}

/*
 * The earliest busy slot, and the tick at which it begins. A slot of a higher level that has the
 * current digit was popped in part: the rest of it comes first. All other busy slots of a level lie
 * ahead of the current digit in this turn, except on the top level, which wraps with the tick
 * itself; and a lower level's slots all come before a higher level's next one.
 */
static bool earliest(const struct wheel *w, uint32_t *slot, uint32_t *tick)
{
    for (uint32_t level = WHEEL_LEVELS - 1; level > 0; level--) {
        uint32_t digit = (w->tick >> (level * SLOT_BITS)) & SLOT_MASK;

        if (w->busy[level][digit / 64] >> (digit % 64) & 1) {
            *slot = level * WHEEL_SLOTS + digit;
            *tick = w->tick;
            return true;
        }
    }
    for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
        uint32_t shift = level * SLOT_BITS;
        uint64_t turn = w->tick & ~((1ULL << (shift + SLOT_BITS)) - 1);
        int s = first_busy(w->busy[level], (w->tick >> shift) & SLOT_MASK);

        if (s < 0 && level == WHEEL_LEVELS - 1)
            s = first_busy(w->busy[level], 0); /* in the next turn of the tick itself */
        if (s >= 0) {
            *slot = level * WHEEL_SLOTS + (uint32_t)s;
            *tick = (uint32_t)(turn | (uint64_t)s << shift);
            return true;
        }
    }
    return false;
}

bool wheel_next(const struct wheel *w, uint32_t *tick)
{
    uint32_t slot;

    return earliest(w, &slot, tick);
}

uint32_t wheel_pop(struct wheel *w, uint32_t now, uint32_t *refs, uint32_t max)
{
    uint32_t n = 0, slot, begins;

    w->now = now;
    while (n < max) {
        if (!earliest(w, &slot, &begins) || begins - w->tick > now - w->tick) {
            w->tick = now;
            break;
        }
        w->tick = begins;
        while (n < max && w->head[slot])
            refs[n++] = take_newest(w, slot);
    }
    return n;
}
