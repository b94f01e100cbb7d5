/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parcels: datagrams that one shard put together from fragments, on their way to another that has
 * their connection.
 *
 * What is sent is all that the other needs to go on with the walk where the gathering shard
 * stopped, and to cut the datagram again when it leaves: the datagram, as it was parsed, how it
 * came, and copies of what belongs to the caller and will be gone by then.
 *
 * A parcel is one of a few that belong to the gathering shard. Its consumer gives it back by
 * writing one word; the owner looks for one whose word says so.
 */
#ifndef WEIR_PIPE_PARCEL_H
#define WEIR_PIPE_PARCEL_H

#include "packet/frag.h"
#include "track/track.h"

#include <stdatomic.h>

enum { PARCELS = 32, PARCEL_LINK_MAX = 64 };

struct parcel {
    _Alignas(WEIR_CACHE_LINE) _Atomic uint32_t busy; /* written by the owner to 1, else to 0 */
    struct parcel *next;                             /* where its consumer has it */
    struct parsed ip;
    struct frag_layout layout;
    struct weir_template templ;
    uint8_t link[PARCEL_LINK_MAX];
    uint64_t cuts[FRAG_CUT_WORDS];
    uint8_t bytes[FRAG_HEADROOM + FRAG_DATAGRAM_MAX];
};

/* A shard's. */
struct parcels {
    struct parcel *all; /* PARCELS */
    uint32_t next;      /* to be tried first */
};

/* Pack the datagram of a packet that gathered it, and describe it in `sent`. NULL: all are out. */
struct parcel *parcel_pack(struct parcels *parcels, const struct pkt *p, struct weir_packet *sent);

/* Go on with a packet that has WEIR_PKT_GATHERED: fills ip and layout. */
void parcel_open(struct pkt *p);

static inline struct parcel *parcel_of(const struct weir_packet *raw)
{
    return (struct parcel *)(void *)(raw->data - FRAG_HEADROOM - offsetof(struct parcel, bytes));
}

/* Give it back. */
static inline void parcel_done(struct parcel *parcel)
{
    atomic_store_explicit(&parcel->busy, 0, memory_order_release);
}

#endif
