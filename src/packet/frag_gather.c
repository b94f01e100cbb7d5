/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of a datagram in the making: what overlaps what, and the copying in and out. The idea
 * is in frag.h.
 *
 * Only the last unit of a datagram can be filled in part, and nothing is ever accepted behind it,
 * so a bit for each unit is exact. `run` bits follow Linux: a fragment that begins where all data
 * so far ends continues the run that ended there; every other fragment begins a run of its own,
 * also one that exactly fills a hole.
 */
#include "packet/frag_store.h"

/* The part of a byte range that lies in one page. */
struct span {
    uint32_t lo, hi; /* bytes in it */
    uint64_t units;  /* the same as bits */
};

static struct span span_in(uint32_t number, uint32_t from, uint32_t to)
{
    uint32_t base = number * PAGE_BYTES;
    struct span s = {.lo = max_u32(from, base) - base, .hi = min_u32(to, base + PAGE_BYTES) - base};
    uint32_t first = s.lo / UNIT, n = (s.hi + UNIT - 1) / UNIT - first;

    s.units = (~0ULL >> (64 - n)) << first;
    return s;
}

static uint64_t page_hash(const struct frag *f, uint32_t queue, uint32_t number)
{
    return hash_end(&f->key, hash_mix(&f->key, 0, queue, number));
}

static struct frag_page *find(const struct frag *f, uint32_t queue, uint32_t number)
{
    uint32_t index = pool_first(&f->pages, page_hash(f, queue, number));

    for (; index; index = pool_next(&f->pages, index)) {
        struct frag_page *page = page_at(f, index);

        if (page->queue == queue && page->number == number)
            return page;
    }
    return NULL;
}

/* The page, made if it is missing. There is room: gather_put() counted before. */
static struct frag_page *get(struct frag *f, uint32_t queue, uint32_t number)
{
    struct frag_page *page = find(f, queue, number);

    if (!page) {
        struct frag_queue *q = queue_at(f, queue);
        uint32_t index = pool_new(&f->pages, page_hash(f, queue, number));

        page = page_at(f, index);
        page->queue = queue;
        page->number = number;
        page->next = q->pages;
        q->pages = index;
    }
    return page;
}

/*
 * What the store holds of [from, to): nothing (WEIR_R_NONE), all of it in one run
 * (WEIR_R_FRAG_DUPLICATE), or anything else (WEIR_R_FRAG_OVERLAP). Adds the pages that are missing
 * to `*missing`.
 */
static enum weir_reason compare(const struct frag *f, uint32_t queue, uint32_t from, uint32_t to,
                                uint32_t *missing)
{
    bool any = false, all = true, one_run = true;

    for (uint32_t n = from / PAGE_BYTES; n * PAGE_BYTES < to; n++) {
        struct span s = span_in(n, from, to);
        const struct frag_page *page = find(f, queue, n);
        uint64_t have = page ? page->have & s.units : 0;
        uint64_t runs = page ? page->run & s.units : 0;

        if (n == from / PAGE_BYTES)
            runs &= ~(1ULL << (s.lo / UNIT)); /* it may begin where the run does */
        any = any || have;
        all = all && have == s.units;
        one_run = one_run && !runs;
        *missing += !page;
    }
    if (!any)
        return WEIR_R_NONE;
    return all && one_run ? WEIR_R_FRAG_DUPLICATE : WEIR_R_FRAG_OVERLAP;
}

static void put_head(struct frag *f, uint32_t queue, const struct piece *g)
{
    struct frag_queue *q = queue_at(f, queue);

    q->head_len = g->head;
    q->first_len = g->to;
    memcpy(q->head, g->ip, min_u32(g->head, HEAD_INLINE));
    for (uint32_t at = HEAD_INLINE; at < g->head; at += PAGE_BYTES) {
        struct frag_page *page = get(f, queue, HEAD_PAGE + at / PAGE_BYTES);

        memcpy(page->data, g->ip + at, min_u32(g->head - at, PAGE_BYTES));
    }
}

static uint32_t head_pages(const struct piece *g)
{
    return g->from == 0 && g->head > HEAD_INLINE
               ? (g->head - HEAD_INLINE + PAGE_BYTES - 1) / PAGE_BYTES
               : 0;
}

enum weir_reason gather_put(struct frag *f, uint32_t queue, const struct piece *g)
{
    struct frag_queue *q = queue_at(f, queue);
    uint32_t missing = head_pages(g);
    enum weir_reason reason = compare(f, queue, g->from, g->to, &missing);
    uint32_t here = min_u32(g->to - g->from, g->have - g->head); /* bytes of the data */

    if (reason != WEIR_R_NONE)
        return reason;
    if (missing > f->pages.slab.capacity - f->pages.slab.count)
        return WEIR_R_FRAG_MEMORY;
    if (g->from == 0)
        put_head(f, queue, g);
    for (uint32_t n = g->from / PAGE_BYTES; n * PAGE_BYTES < g->to; n++) {
        struct span s = span_in(n, g->from, g->to);
        struct frag_page *page = get(f, queue, n);
        uint32_t skip = n * PAGE_BYTES + s.lo - g->from;
        uint32_t copy = skip < here ? min_u32(s.hi - s.lo, here - skip) : 0;

        memcpy(page->data + s.lo, g->ip + g->head + skip, copy);
        memset(page->data + s.lo + copy, 0, s.hi - s.lo - copy);
        page->have |= s.units;
        if (skip == 0) {
            page->cut |= 1ULL << (s.lo / UNIT);
            if (q->got == 0 || g->from != q->tail)
                page->run |= 1ULL << (s.lo / UNIT);
        }
    }
    if (here < g->to - g->from)
        q->have = min_u32(q->have, g->from + here);
    q->got += g->to - g->from;
    q->tail = max_u32(q->tail, g->to);
    return WEIR_R_NONE;
}

uint8_t *gather_head(struct frag *f, const struct frag_queue *q)
{
    uint8_t *ip = f->out + FRAG_HEADROOM;

    memcpy(ip, q->head, min_u32(q->head_len, HEAD_INLINE));
    for (uint32_t index = q->pages; index; index = page_at(f, index)->next) {
        const struct frag_page *page = page_at(f, index);

        if (page->number >= HEAD_PAGE) {
            uint32_t at = HEAD_INLINE + (page->number - HEAD_PAGE) * PAGE_BYTES;

            memcpy(ip + at, page->data, min_u32(q->head_len - at, PAGE_BYTES));
        }
    }
    return ip;
}

void gather_data(struct frag *f, const struct frag_queue *q, uint8_t *to, uint32_t len)
{
    memset(f->cuts, 0, FRAG_CUT_WORDS * sizeof(*f->cuts));
    for (uint32_t index = q->pages; index; index = page_at(f, index)->next) {
        const struct frag_page *page = page_at(f, index);
        uint32_t at = page->number * PAGE_BYTES;

        if (at < len) {
            f->cuts[page->number] = page->cut;
            memcpy(to + at, page->data, min_u32(len - at, PAGE_BYTES));
        }
    }
}

void gather_clear(struct frag *f, struct frag_queue *q)
{
    for (uint32_t index = q->pages, next; index; index = next) {
        const struct frag_page *page = page_at(f, index);

        next = page->next;
        pool_free(&f->pages, page_hash(f, page->queue, page->number), index);
    }
    q->pages = 0;
    q->end = q->tail = q->got = 0;
    q->have = q->room = UINT32_MAX;
    q->head_len = q->first_len = 0;
    q->last = false;
    q->ecn = 0;
}
