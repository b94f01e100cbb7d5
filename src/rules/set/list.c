/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of sets: members are asked one after the other, in the order in which they were put. A
 * member is a slot, so it is whatever set has that name now.
 */
#include "rules/sets.h"

enum {
    MEMBERS_MAX = UINT16_MAX, /* a set is in a list once, and there are no more slots */
    /* Offsets in a member. The slab keeps its own list in the first four bytes of free ones. */
    MEMBER_SLOT = 0,
    MEMBER_NEXT = 4, /* references, 0: none */
    MEMBER_PREV = 8,
    MEMBER_EXTRAS = 12,
};

static void lay(struct set *s, struct set_placer *p)
{
    uint32_t size = MEMBER_EXTRAS + s->at.size;

    s->list = (struct set_list){0};
    slab_init(&s->list.members, set_place(p, slab_bytes(size, MEMBERS_MAX)), size, MEMBERS_MAX);
    if (s->head.comments)
        comments_lay(&s->comments, p, MEMBERS_MAX);
}

static uint8_t *member(const struct set *s, uint32_t ref)
{
    return slab_at(&s->list.members, ref);
}

static uint16_t slot_of(const struct set *s, uint32_t ref)
{
    return (uint16_t)load_raw32(member(s, ref) + MEMBER_SLOT);
}

static uint32_t link_of(const struct set *s, uint32_t ref, unsigned which)
{
    return load_raw32(member(s, ref) + which);
}

static uint32_t find_slot(const struct set *s, uint16_t slot)
{
    uint32_t ref = s->list.first;

    while (ref && slot_of(s, ref) != slot)
        ref = link_of(s, ref, MEMBER_NEXT);
    return ref;
}

static uint32_t find(const struct set *s, const struct set_elem *e)
{
    return find_slot(s, e->member);
}

/* Let `b` (0: the end) follow `a` (0: the beginning). */
static void join(struct set *s, uint32_t a, uint32_t b)
{
    if (a)
        store_raw32(member(s, a) + MEMBER_NEXT, b);
    else
        s->list.first = b;
    if (b)
        store_raw32(member(s, b) + MEMBER_PREV, a);
    else
        s->list.last = a;
}

static uint32_t insert(struct set *s, const struct set_elem *e)
{
    bool placed = e->flags & (ELEM_BEFORE | ELEM_AFTER);
    uint32_t near = placed ? find_slot(s, e->near) : 0;

    if (placed && !near)
        return 0;
    uint32_t ref = slab_new(&s->list.members);

    if (!ref)
        return 0;
    uint32_t prev = !placed                 ? s->list.last
                    : e->flags & ELEM_AFTER ? near
                                            : link_of(s, near, MEMBER_PREV);
    uint32_t next_one = prev ? link_of(s, prev, MEMBER_NEXT) : s->list.first;

    store_raw32(member(s, ref) + MEMBER_SLOT, e->member);
    join(s, prev, ref);
    join(s, ref, next_one);
    return ref;
}

static enum set_result refusal(const struct set *s, const struct set_elem *e)
{
    (void)s;
    return (e->flags & (ELEM_BEFORE | ELEM_AFTER)) ? SET_ALONE : SET_FULL;
}

bool set_list_beside(const struct set *s, const struct set_elem *e)
{
    uint32_t ref = find(s, e);
    uint32_t beside = ref ? link_of(s, ref, e->flags & ELEM_BEFORE ? MEMBER_NEXT : MEMBER_PREV) : 0;

    return beside && slot_of(s, beside) == e->near;
}

static void drop(struct set *s, uint32_t ref)
{
    join(s, link_of(s, ref, MEMBER_PREV), link_of(s, ref, MEMBER_NEXT));
    slab_free(&s->list.members, ref);
}

static uint8_t *extras(const struct set *s, uint32_t ref)
{
    return member(s, ref) + MEMBER_EXTRAS;
}

static void read_member(const struct set *s, uint32_t ref, struct set_elem *e)
{
    memset(e, 0, sizeof(*e));
    e->member = slot_of(s, ref);
}

/* The cursor is the member after the one that was returned; above 32 bits: there is none. */
static uint32_t next(const struct set *s, uint64_t *cursor)
{
    uint32_t ref = *cursor ? (uint32_t)*cursor : s->list.first;

    if (!ref || *cursor > UINT32_MAX)
        return 0;
    uint32_t after = link_of(s, ref, MEMBER_NEXT);

    *cursor = after ? after : 1ULL << 32;
    return ref;
}

/* --- packets --- */

uint32_t set_list_member(const struct set *s, uint64_t *cursor, uint16_t *slot)
{
    uint32_t ref = next(s, cursor);

    while (ref && set_expired(s, extras(s, ref)))
        ref = next(s, cursor);
    if (ref)
        *slot = slot_of(s, ref);
    return ref;
}

const struct set_ops set_list_ops = {
    .lay = lay,
    .find = find,
    .insert = insert,
    .refusal = refusal,
    .remove = drop,
    .extras = extras,
    .read = read_member,
    .next = next,
};
