/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lazy hierarchical timer wheel of 32-bit references.
 *
 * Four levels of 256 slots. Level 0 has a slot for each of the next 256 ticks, level k one for each
 * 256^k ticks; together they cover all 2^32 ticks. Armed is up to 2^31 ticks ahead of the latest
 * time; the wheel may be behind that time by up to 2^30. wheel_pop() hands back what is due:
 * references of a level 0 slot exactly at their tick, references of higher levels when their slot
 * begins. The caller then looks at the object's own deadline and either ends it or arms it again,
 * now closer. That one rule does both jobs of a timer wheel: cascading, and laziness (a refresh
 * only stores a later deadline in the object; nobody touches the wheel).
 *
 * A slot is a chain of cache-line chunks of references, not a list through the objects: popping
 * reads a line for 14 references and the caller can prefetch all objects before it looks at the
 * first, where a linked list would wait for one miss after the other. wheel_arm() returns a
 * position, which the object keeps; wheel_disarm() takes the reference out in constant time by
 * moving the slot's newest reference into the hole. So the memory is one reference for each armed
 * object, no stale ones, and at most one part-filled chunk for each slot.
 *
 * Bounded work: wheel_pop() returns after `max` references and continues where it stopped; empty
 * slots are skipped by bitmap, so a clock that jumps years costs no more than what is armed.
 */
#ifndef WEIR_BASE_WHEEL_H
#define WEIR_BASE_WHEEL_H

#include "base/slab.h"

enum { WHEEL_LEVELS = 4, WHEEL_SLOTS = 256, WHEEL_CHUNK_REFS = 14, WHEEL_POS_BITS = 4 };

struct wheel_chunk {
    uint32_t ref[WHEEL_CHUNK_REFS];
    uint32_t next; /* chunk index; 0: last. (Not at offset 0, where the slab keeps its list.) */
    uint16_t slot; /* level * WHEEL_SLOTS + slot */
    uint16_t n;    /* references in use; only a slot's first chunk may have fewer than all */
};
_Static_assert(sizeof(struct wheel_chunk) == WEIR_CACHE_LINE, "a chunk is one cache line");

struct wheel {
    uint32_t tick; /* every slot before this tick has been emptied; behind `now` while there is more
                      to pop */
    uint32_t now;  /* the latest time it was told */
    struct slab chunks;
    uint64_t busy[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* bit set: the slot has references */
    uint32_t head[WHEEL_LEVELS * WHEEL_SLOTS];     /* newest chunk of each slot, 0: empty */
};

/* Chunks that can ever be needed for `refs` armed references. */
uint32_t wheel_chunks(uint32_t refs);

/* `memory` is slab_bytes(sizeof(struct wheel_chunk), chunks) bytes, zeroed. Time starts at `tick`.
 */
void wheel_init(struct wheel *w, void *memory, uint32_t chunks, uint32_t tick);

/*
 * Have `ref` (not 0) handed back at `tick`; a tick at or before the latest time means at once.
 * Returns its position, never 0. The caller guarantees that no more references are armed than
 * wheel_init() was sized for.
 */
uint32_t wheel_arm(struct wheel *w, uint32_t ref, uint32_t tick);

/*
 * Take out the reference at `pos`. Returns 0, or another reference that now stands at `pos`: its
 * owner's position must be set to `pos`.
 */
uint32_t wheel_disarm(struct wheel *w, uint32_t pos);

/* Have fetched what wheel_disarm() will touch. */
WEIR_PREFETCHES void wheel_prefetch(const struct wheel *w, uint32_t pos)
{
    __builtin_prefetch(slab_at(&w->chunks, pos >> WHEEL_POS_BITS), 1);
}

/*
 * Take out up to `max` references that are due at or before `now`, and move the wheel's time there
 * when there are no more. Returns how many; fewer than `max` means nothing else is due. `now` must
 * not be more than 2^31 ticks ahead.
 */
uint32_t wheel_pop(struct wheel *w, uint32_t now, uint32_t *refs, uint32_t max);

/* The first tick at which wheel_pop() would return something. False: nothing is armed. */
bool wheel_next(const struct wheel *w, uint32_t *tick);

#endif
