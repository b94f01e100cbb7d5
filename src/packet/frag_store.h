/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What frag.c and frag_gather.c share: the objects of a store, and the hash pools that hold them.
 */
#ifndef WEIR_PACKET_FRAG_STORE_H
#define WEIR_PACKET_FRAG_STORE_H

#include "packet/frag.h"

enum {
    UNIT = 8,               /* the granularity of fragment offsets */
    PAGE_BYTES = 64 * UNIT, /* so that a page's units are one word of bits */
    HEAD_INLINE = 64,       /* any IPv4 header; an IPv6 and a fragment header */
    HEAD_PAGE = 256         /* pages from this number on hold the rest of longer headers */
};
_Static_assert(2 * 65536 <= HEAD_PAGE * PAGE_BYTES, "past what is too long, too: IPv4 holds it");

struct frag_key {
    union weir_addr src, dst;
    uint32_t id; /* raw */
    uint16_t zone;
    uint16_t iface; /* 0 where it does not matter */
    uint8_t proto;  /* IPv4 only: in IPv6 it is not part of the key */
    uint8_t stage;
    uint8_t pad[6]; /* zero */
};
_Static_assert(sizeof(struct frag_key) == 48, "compared with memcmp: no padding");

struct frag_queue {
    uint32_t link;
    struct frag_key key;
    int64_t deadline;
    uint32_t timer;      /* position in the wheel */
    uint32_t pages;      /* the newest of its pages, 0: none */
    uint32_t source;     /* IPv4 */
    uint32_t distance;   /* the source's count when this queue's latest fragment came */
    uint32_t charge;     /* its part of frag.used */
    uint32_t end;        /* where the data ends, as far as is known; final when `last` */
    uint32_t tail;       /* end of the data that is here */
    uint32_t got;        /* bytes that are here */
    uint32_t have;       /* the first byte that a capture cut off, UINT32_MAX: none */
    uint32_t room;       /* see struct frag_layout */
    uint32_t largest;    /* length of the largest fragment with its headers... */
    uint32_t largest_df; /* ...and of the largest with DF */
    uint32_t first_len;  /* bytes of data in fragment 0 */
    uint32_t head_len;   /* bytes before that, fragment header included; 0: fragment 0 is missing */
    uint16_t iface;      /* of the latest fragment */
    bool last;           /* a fragment without MF came */
    uint8_t ecn;         /* 1 << ECN field, of all fragments */
    uint8_t head[HEAD_INLINE];
};

struct frag_page {
    uint32_t link;
    uint32_t next; /* of the same queue */
    uint32_t queue;
    uint32_t number; /* offset in the fragmentable part / PAGE_BYTES, or HEAD_PAGE and up */
    uint64_t have, cut, run;
    uint8_t data[PAGE_BYTES];
};

struct frag_source {
    uint32_t link;
    uint32_t addr;
    uint32_t count;  /* fragments seen */
    uint32_t queues; /* that refer to it */
};

static inline struct frag_queue *queue_at(const struct frag *f, uint32_t index)
{
    return slab_at(&f->queues.slab, index);
}

static inline struct frag_page *page_at(const struct frag *f, uint32_t index)
{
    return slab_at(&f->pages.slab, index);
}

static inline struct frag_source *source_at(const struct frag *f, uint32_t index)
{
    return slab_at(&f->sources.slab, index);
}

/* An object begins with its link in a bucket's chain, or while it is free, with the slab's. */
static inline uint32_t pool_first(const struct frag_pool *p, uint64_t hash)
{
    return p->bucket[hash & p->mask];
}

static inline uint32_t pool_next(const struct frag_pool *p, uint32_t index)
{
    return load_raw32(slab_at(&p->slab, index));
}

/* A new object, zeroed and findable by its hash; 0: there is no room. */
static inline uint32_t pool_new(struct frag_pool *p, uint64_t hash)
{
    uint32_t index = slab_new(&p->slab);

    if (index) {
        uint8_t *object = slab_at(&p->slab, index);

        memset(object, 0, p->slab.size);
        store_raw32(object, p->bucket[hash & p->mask]);
        p->bucket[hash & p->mask] = index;
    }
    return index;
}

static inline void pool_free(struct frag_pool *p, uint64_t hash, uint32_t index)
{
    void *at = &p->bucket[hash & p->mask];

    while (load_raw32(at) != index)
        at = slab_at(&p->slab, load_raw32(at));
    store_raw32(at, pool_next(p, index));
    slab_free(&p->slab, index);
}

/* --- frag_gather.c --- */

/* A fragment: `ip` begins with `head` bytes of headers, its data goes to [from, to). `have` bytes
 * from `ip` are at hand. */
struct piece {
    const uint8_t *ip;
    uint32_t have;
    uint32_t head;
    uint32_t from, to;
};

/* Place a fragment with from < to. WEIR_R_NONE, WEIR_R_FRAG_DUPLICATE, _OVERLAP or _MEMORY; only
 * the first changes anything. */
enum weir_reason gather_put(struct frag *f, uint32_t queue, const struct piece *g);

/* Write fragment 0's headers to f->out, after the headroom: head_len bytes. */
uint8_t *gather_head(struct frag *f, const struct frag_queue *q);

/* Write the first `len` bytes of the data to `to`, and where fragments began to f->cuts. */
void gather_data(struct frag *f, const struct frag_queue *q, uint8_t *to, uint32_t len);

/* Forget all data and headers. */
void gather_clear(struct frag *f, struct frag_queue *q);

#endif
