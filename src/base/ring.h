/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring from one thread to one other: slots of a cache line, no lock, and no atomic operation that
 * both reads and writes.
 *
 * Two numbers run round: `tail`, how many slots were ever filled, which only the producer writes,
 * and `head`, how many were ever emptied, which only the consumer writes. Each stands in a line of
 * its own, and next to neither stands anything that its writer needs while it works. What a line
 * costs when it changes hands is paid as seldom as possible:
 *
 * - The producer fills any number of slots and says so once (ring_publish), the consumer empties
 *   any number and says so once (ring_release).
 * - Each side remembers where it saw the other last, and looks again only when the ring seems full,
 *   or empty.
 *
 * So a batch of packets costs their own lines, and one line each way.
 *
 * What the producer wrote before ring_publish() the consumer sees when it is given the slot; what
 * the consumer read before ring_release() is not overwritten before.
 */
#ifndef WEIR_BASE_RING_H
#define WEIR_BASE_RING_H

#include "base/bytes.h"

#include <stdatomic.h>

struct ring_slot {
    _Alignas(WEIR_CACHE_LINE) uint8_t bytes[WEIR_CACHE_LINE];
};

/* What one side needs while it works. */
struct ring_side {
    _Alignas(WEIR_CACHE_LINE) struct ring_slot *slots;
    uint32_t mask;
    uint32_t at;    /* slots it filled, or emptied */
    uint32_t said;  /* as the other side knows it */
    uint32_t other; /* where it saw the other side last */
};

struct ring {
    struct ring_side producer;
    _Alignas(WEIR_CACHE_LINE) _Atomic uint32_t tail;
    struct ring_side consumer;
    _Alignas(WEIR_CACHE_LINE) _Atomic uint32_t head;
};

/* `n` slots, a power of two. */
static inline void ring_init(struct ring *r, struct ring_slot *slots, uint32_t n)
{
    r->producer = (struct ring_side){.slots = slots, .mask = n - 1};
    r->consumer = r->producer;
    atomic_init(&r->tail, 0);
    atomic_init(&r->head, 0);
}

/* --- the producer --- */

/* How many slots are free, up to `wanted`: no more is looked for. */
static inline uint32_t ring_room(struct ring *r, uint32_t wanted)
{
    struct ring_side *p = &r->producer;

    if (p->mask + 1 - (p->at - p->other) < wanted)
        p->other = atomic_load_explicit(&r->head, memory_order_acquire);
    return p->mask + 1 - (p->at - p->other);
}

/* The next slot, to be filled; NULL: the ring is full. */
static inline void *ring_put(struct ring *r)
{
    struct ring_side *p = &r->producer;

    return ring_room(r, 1) ? &p->slots[p->at++ & p->mask] : NULL;
}

/* Let the consumer have all slots filled until now. True: there were any. */
static inline bool ring_publish(struct ring *r)
{
    struct ring_side *p = &r->producer;

    if (p->said == p->at)
        return false;
    p->said = p->at;
    atomic_store_explicit(&r->tail, p->at, memory_order_release);
    return true;
}

/* --- the consumer --- */

/* How many slots are filled, as far as was seen; looks again if that is none. */
static inline uint32_t ring_waiting(struct ring *r)
{
    struct ring_side *c = &r->consumer;

    if (c->other == c->at)
        c->other = atomic_load_explicit(&r->tail, memory_order_acquire);
    return c->other - c->at;
}

/* The next filled slot, NULL: there is none. It stays as it is until ring_release(). */
static inline const void *ring_get(struct ring *r)
{
    struct ring_side *c = &r->consumer;

    return ring_waiting(r) ? &c->slots[c->at++ & c->mask] : NULL;
}

/* Let the producer have all slots emptied until now. True: there were any. */
static inline bool ring_release(struct ring *r)
{
    struct ring_side *c = &r->consumer;

    if (c->said == c->at)
        return false;
    c->said = c->at;
    atomic_store_explicit(&r->head, c->at, memory_order_release);
    return true;
}

#endif
