/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slab: up to `capacity` objects of one size in one reserved range, named by index.
 *
 * Index 0 is "none" and never given out. Objects are taken from a list of freed ones, most recent
 * first (its line is likely still cached), else from the end of what was ever used; so memory
 * beyond the high-water mark is never touched and, with memory committed on touch, costs nothing.
 * Indexes instead of pointers halve the links, let an out-of-range reference be caught, and keep
 * the whole range position-independent.
 *
 * A freed object's first four bytes are the slab's (the free list); the rest stays as it was.
 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

#include "base/bytes.h"

struct slab {
    uint8_t *base;     /* object i is at base + i * size */
    uint32_t size;     /* bytes each, a multiple of 4 */
    uint32_t capacity; /* objects; indexes run from 1 to capacity */
    uint32_t used;     /* highest index ever given out */
    uint32_t free;     /* head of the free list, 0: empty */
    uint32_t count;    /* objects in use */
};

/* Bytes to reserve for `capacity` objects (and the unused object 0). */
static inline size_t slab_bytes(uint32_t size, uint32_t capacity)
{
    return ((size_t)capacity + 1) * size;
}

static inline void slab_init(struct slab *s, void *memory, uint32_t size, uint32_t capacity)
{
    *s = (struct slab){.base = memory, .size = size, .capacity = capacity};
}

static inline void *slab_at(const struct slab *s, uint32_t index)
{
    return s->base + (size_t)index * s->size;
}

/* A new object's index, or 0 when all are in use. Its content is zero or what it was when freed. */
static inline uint32_t slab_new(struct slab *s)
{
    uint32_t index = s->free;

    if (index)
        s->free = load_raw32(slab_at(s, index));
    else if (s->used < s->capacity)
        index = ++s->used;
    else
        return 0;
    s->count++;
    return index;
}

static inline void slab_free(struct slab *s, uint32_t index)
{
    store_raw32(slab_at(s, index), s->free);
    s->free = index;
    s->count--;
}

#endif
