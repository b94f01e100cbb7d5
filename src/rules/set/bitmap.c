/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets over a range: a bit for each possible element, and what it carries beside it.
 *
 * In sets of addresses and MAC addresses an element may come without its MAC address: the first
 * packet that it fits fills it in, and only then does its time begin.
 */
#include "rules/sets.h"

enum { MAC_STATE = SET_MAC_SIZE, MAC_BYTES = 8 /* the address, and whether it is known */ };

static bool with_mac(const struct set *s)
{
    return s->head.type->parts == 2;
}

static bool of_ports(const struct set *s)
{
    return s->head.type->part[0] == SET_PORT;
}

static void lay(struct set *s, struct set_placer *p)
{
    struct set_bitmap *b = &s->bitmap;

    b->step_bits = s->head.netmask ? 32 - s->head.netmask : 0;
    b->count = ((s->head.last - s->head.first) >> b->step_bits) + 1;
    b->size = (with_mac(s) ? MAC_BYTES : 0) + s->at.size;
    b->present = set_place(p, (b->count + 63) / 64 * sizeof(uint64_t));
    b->elements = set_place(p, (size_t)b->count * b->size);
    if (s->head.comments)
        comments_lay(&s->comments, p, b->count);
}

static bool outside(const struct set *s, const struct set_elem *e, uint32_t *index)
{
    uint32_t value = of_ports(s) ? e->port : BE32(e->addr[0].v4);

    *index = (value - s->head.first) >> s->bitmap.step_bits;
    return value < s->head.first || value > s->head.last;
}

static uint32_t find(const struct set *s, const struct set_elem *e)
{
    uint32_t i;

    if (outside(s, e, &i))
        return 0;
    return s->bitmap.present[i / 64] >> (i % 64) & 1 ? i + 1 : 0;
}

/* --- elements --- */

static uint8_t *element(const struct set *s, uint32_t ref)
{
    return s->bitmap.elements + (size_t)(ref - 1) * s->bitmap.size;
}

static uint8_t *extras(const struct set *s, uint32_t ref)
{
    return element(s, ref) + (with_mac(s) ? MAC_BYTES : 0);
}

static bool waits(const struct set *s, uint32_t ref)
{
    return with_mac(s) && !element(s, ref)[MAC_STATE];
}

static void read_element(const struct set *s, uint32_t ref, struct set_elem *e)
{
    uint32_t value = s->head.first + ((ref - 1) << s->bitmap.step_bits);

    memset(e, 0, sizeof(*e));
    e->prefix[0] = e->prefix[1] = 32;
    if (of_ports(s))
        e->port = (uint16_t)value;
    else
        e->addr[0].v4 = BE32(value);
    if (with_mac(s) && !waits(s, ref)) {
        memcpy(e->mac, element(s, ref), SET_MAC_SIZE);
        e->flags = ELEM_HAS_MAC;
    }
}

static void update(struct set *s, uint32_t ref, const struct set_elem *e)
{
    if (!with_mac(s))
        return;
    memcpy(element(s, ref), e->mac, SET_MAC_SIZE);
    element(s, ref)[MAC_STATE] = (e->flags & ELEM_HAS_MAC) != 0;
}

static uint32_t insert(struct set *s, const struct set_elem *e)
{
    uint32_t i;

    if (outside(s, e, &i))
        return 0;
    s->bitmap.present[i / 64] |= 1ULL << (i % 64);
    update(s, i + 1, e);
    return i + 1;
}

static enum set_result refusal(const struct set *s, const struct set_elem *e)
{
    uint32_t i;

    return outside(s, e, &i) ? SET_OUTSIDE : SET_MISSING;
}

static void drop(struct set *s, uint32_t ref)
{
    uint32_t i = ref - 1;

    s->bitmap.present[i / 64] &= ~(1ULL << (i % 64));
}

static uint32_t next(const struct set *s, uint64_t *cursor)
{
    const struct set_bitmap *b = &s->bitmap;

    for (uint32_t i = (uint32_t)*cursor; i < b->count; i = (i / 64 + 1) * 64) {
        uint64_t bits = b->present[i / 64] >> (i % 64);

        if (bits) {
            i += (uint32_t)__builtin_ctzll(bits);
            *cursor = i + 1;
            return i + 1;
        }
    }
    *cursor = b->count;
    return 0;
}

/* --- packets --- */

static enum set_found test(struct set *s, const struct set_elem *e, struct set_ask *ask)
{
    uint32_t ref = find(s, e);

    if (!ref || set_expired(s, extras(s, ref)))
        return SET_ABSENT;
    if (waits(s, ref)) {
        uint32_t seconds = s->head.timeouts ? set_remaining(s, extras(s, ref), s->now) : 0;

        update(s, ref, e);
        if (s->head.timeouts)
            set_expire_after(s, ref, seconds);
    } else if (with_mac(s) && memcmp(element(s, ref), e->mac, SET_MAC_SIZE) != 0) {
        return SET_ABSENT;
    }
    return set_visit(s, ref, ask) ? SET_FOUND : SET_ABSENT;
}

const struct set_ops set_bitmap_ops = {
    .lay = lay,
    .find = find,
    .insert = insert,
    .refusal = refusal,
    .update = update,
    .remove = drop,
    .extras = extras,
    .read = read_element,
    .waits = waits,
    .next = next,
    .test = test,
};
