/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_frag: fragments.
 *
 * A packet is cut at a plan: a list of pieces. A good plan covers it in equal steps; a hostile one
 * loses a piece, doubles, shifts or stretches one, lies about the last, or cuts where the rules
 * forbid it. The pieces then wait in a pool, together with those of other packets, and leave in an
 * order that is mostly theirs, sometimes reversed, sometimes any.
 */
#include "gen.h"

#include <string.h>

#include "wire.h"

enum {
    PLAN_MAX = 12,
    PIECE_LEN_MAX = 1400, /* with any headers, still below GEN_PACKET_MAX */
};

struct plan {
    unsigned count;
    struct build_piece piece[PLAN_MAX];
};

/* Equal pieces of a size that is a multiple of 8, few enough. */
static void good_plan(struct gen *g, struct plan *plan, size_t total, uint32_t id)
{
    static const uint16_t size[] = {8, 16, 24, 64, 400, 976, 1280, 1400};
    size_t step = RNG_PICK(&g->rng, size);
    size_t least = (total / (PLAN_MAX - 2) + 8) / 8 * 8;

    if (step < least)
        step = least;
    if (step >= total && total > 8)
        step = (total / 2 + 7) / 8 * 8;
    if (step > PIECE_LEN_MAX)
        step = PIECE_LEN_MAX;
    for (size_t off = 0; off < total && plan->count < PLAN_MAX; off += step) {
        size_t len = total - off < step ? total - off : step;
        plan->piece[plan->count++] = (struct build_piece){
            .on = true, .off = (uint32_t)off, .len = (uint32_t)len, .more = BUILD_AUTO, .id = id};
    }
}

static void add(struct plan *plan, struct build_piece p)
{
    if (plan->count < PLAN_MAX)
        plan->piece[plan->count++] = p;
}

static void spoil(struct gen *g, struct plan *plan)
{
    unsigned at = rng_below(&g->rng, plan->count);
    struct build_piece *p = &plan->piece[at], extra = *p;

    switch (rng_below(&g->rng, 11)) {
    case 0: *p = plan->piece[--plan->count]; break; /* one is lost */
    case 1: add(plan, extra); break;                /* one comes twice */
    case 2:                                         /* one covers part of the one before */
        if (p->off >= 8)
            p->off -= 8;
        break;
    case 3: /* or of the one behind */
        if (p->len + 8 <= PIECE_LEN_MAX)
            p->len += 8;
        break;
    case 4: /* a part of a piece comes on its own as well */
        extra.off += extra.len > 16 ? 8 : 0;
        extra.len = extra.len > 16 ? extra.len / 16 * 8 : extra.len;
        extra.more = 1;
        add(plan, extra);
        break;
    case 5: p->more = (int)rng_below(&g->rng, 2); break; /* the last one is not, or another is */
    case 6:                                              /* data behind the end */
        extra = plan->piece[plan->count - 1];
        extra.off += (extra.len + 7) / 8 * 8;
        extra.len = 16;
        extra.more = (int)rng_below(&g->rng, 2);
        add(plan, extra);
        break;
    case 7: p->len = 0; break;
    case 8: /* the end of a piece in the middle is not at a multiple of 8 */
        if (p->len > 8) {
            p->len -= rng_range(&g->rng, 1, 7);
            p->more = 1;
        }
        break;
    case 9: /* far beyond what a packet can be */
        extra.off = 65528 - 8 * rng_below(&g->rng, 4);
        extra.len = 24;
        add(plan, extra);
        break;
    default: p->id++; break; /* one belongs to another packet (IPv6) */
    }
    if (plan->count == 0)
        add(plan, extra);
}

/* The upper header does not fit in the first piece. */
static void tiny_first(struct plan *plan)
{
    struct build_piece *p = &plan->piece[0], rest = *p;
    if (p->len <= 8)
        return;
    p->len = 8;
    rest.off += 8;
    rest.len -= 8;
    add(plan, rest);
}

static void shuffle(struct gen *g, struct plan *plan)
{
    switch (rng_below(&g->rng, 4)) {
    case 0:
        for (unsigned i = 0; i < plan->count / 2; i++) {
            struct build_piece p = plan->piece[i];
            plan->piece[i] = plan->piece[plan->count - 1 - i];
            plan->piece[plan->count - 1 - i] = p;
        }
        break;
    case 1:
        for (unsigned i = plan->count; i > 1; i--) {
            unsigned j = rng_below(&g->rng, i);
            struct build_piece p = plan->piece[i - 1];
            plan->piece[i - 1] = plan->piece[j];
            plan->piece[j] = p;
        }
        break;
    default: break;
    }
}

/* Another congestion mark than the rest of the packet: what the whole then has, or whether there is
 * a whole, depends on which marks came together (RFC 3168 5.3). */
static void remark(struct gen *g, uint8_t *p)
{
    uint32_t bits = rng_range(&g->rng, 1, 3);

    if (p[0] >> 4 == 6) {
        p[1] = (uint8_t)(p[1] ^ bits << 4);
        return;
    }
    p[1] = (uint8_t)(p[1] ^ bits);
    wire_put16(p + 10, 0);
    wire_put16(p + 10, build_fold(build_sum_add(0, p, (p[0] & 15u) * 4u)));
}

static void put(struct gen *g, unsigned from, size_t len, const struct build_piece *p)
{
    for (size_t i = 0; i < GEN_PIECES; i++) {
        struct gen_piece *free = &g->piece[i];
        if (free->len)
            continue;
        free->len = build_fragment(g->work, len, p, g->big, sizeof(g->big));
        if (free->len > GEN_PACKET_MAX)
            free->len = 0;
        memcpy(free->bytes, g->big, free->len);
        if (free->len && gen_hostile(g) && rng_one_in(&g->rng, 12))
            remark(g, free->bytes);
        free->from = from;
        free->order = g->piece_count++;
        return;
    }
}

uint32_t gen_frag_id(struct gen *g)
{
    return gen_hostile(g) ? rng_range(&g->rng, 1, 4) : g->frag_id++;
}

bool gen_frag_take(struct gen *g, unsigned from, size_t len)
{
    struct plan plan = {0};
    size_t total = build_fragmentable(g->work, len);
    uint32_t id = gen_frag_id(g);

    if (total < 9)
        return false;
    good_plan(g, &plan, total, id);
    if (rng_one_in(&g->rng, 8))
        tiny_first(&plan);
    while (gen_hostile(g) && rng_percent(&g->rng, 60))
        spoil(g, &plan);
    shuffle(g, &plan);
    for (unsigned i = 0; i < plan.count; i++)
        put(g, from, len, &plan.piece[i]);
    return true;
}

unsigned gen_frag_waiting(const struct gen *g)
{
    unsigned n = 0;
    for (size_t i = 0; i < GEN_PIECES; i++)
        n += g->piece[i].len != 0;
    return n;
}

void gen_frag_emit(struct gen *g, struct gen_packet *out)
{
    struct gen_piece *next = NULL;
    bool any = rng_one_in(&g->rng, 10);
    unsigned skip = any ? rng_below(&g->rng, gen_frag_waiting(g)) : 0;

    for (size_t i = 0; i < GEN_PIECES; i++) {
        struct gen_piece *p = &g->piece[i];
        if (p->len && any && skip-- == 0) {
            next = p;
            break;
        }
        if (p->len && !any && (!next || p->order < next->order))
            next = p;
    }
    out->side = next->from ? SIDE_B : SIDE_A;
    out->len = next->len;
    memcpy(out->bytes, next->bytes, next->len);
    if (!rng_one_in(&g->rng, 30)) /* sometimes it comes again */
        next->len = 0;
}
