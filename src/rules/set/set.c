/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life and change of a set, whatever its method.
 *
 * Expired elements are as good as gone for everybody who looks, and their place is given back when
 * it is needed: each addition takes out a few that are due, and one that finds the set full as many
 * as it takes to find a place, within a bound. So no packet ever waits for a sweep.
 */
#include "rules/set/set.h"

enum {
    SETTLE_ADD = 8,     /* elements looked at by each addition; more than it can add */
    SETTLE_FULL = 4096, /* by an addition that finds the set full */
    SETTLE_BATCH = 32,
};

/* Deadlines are compared by sign, and the wheel may be half of that behind its time (base/wheel.h).
 */
static const int64_t lag_max = 1LL << 29;

/* --- life --- */

static void lay(struct set *s, struct set_placer *p)
{
    (void)set_place(p, sizeof(*s));
    set_lay_extras(s);
    s->head.type->ops->lay(s, p);
}

struct set *set_new(const struct set_head *head, const struct set_memory *memory, int64_t now,
                    const uint64_t seed[2])
{
    static const uint64_t no_secret[2] = {0x243f6a8885a308d3u, 0x13198a2e03707344u};
    struct set plan = {.head = *head, .memory = *memory, .now = now, .settled = now};
    struct set_placer size = {0};
    struct set *s;

    plan.keyed = seed != NULL;
    lay(&plan, &size);
    plan.bytes = size.at;
    s = memory->reserve(memory->ctx, size.at);
    if (!s)
        return NULL;

    struct set_placer place = {.base = (uint8_t *)s};

    *s = plan;
    lay(s, &place);
    if (head->type->ops->init)
        head->type->ops->init(s, seed ? seed : no_secret);
    return s;
}

struct set *set_copy(const struct set *s, const uint64_t seed[2])
{
    const struct set_ops *ops = s->head.type->ops;
    struct set *copy = set_new(&s->head, &s->memory, s->now, seed);
    struct set_elem e;
    uint64_t cursor = 0;

    if (!copy)
        return NULL;
    for (uint32_t from; (from = set_next(s, &cursor, &e)) != 0;) {
        uint32_t ref = ops->insert(copy, &e);

        if (!ref)
            continue;
        set_extras_copy(copy, ref, s, from);
        copy->count++;
    }
    return copy;
}

void set_free(struct set *s)
{
    struct set_memory memory;

    if (!s)
        return;
    memory = s->memory;
    memory.release(memory.ctx, s, s->bytes);
}

/* --- going --- */

static void take_out(struct set *s, uint32_t ref)
{
    set_extras_fini(s, ref);
    s->head.type->ops->remove(s, ref);
    s->count--;
}

/* What the wheel hands out: ends it, or arms it again, closer. */
static uint32_t settle_wheel(struct set *s, uint32_t budget)
{
    uint32_t refs[SETTLE_BATCH], looked = 0;

    while (looked < budget) {
        uint32_t max = min_u32(budget - looked, SETTLE_BATCH);
        uint32_t n = wheel_pop(s->wheel, (uint32_t)s->now, refs, max);

        for (uint32_t i = 0; i < n; i++)
            set_extras_popped(s, refs[i]);
        for (uint32_t i = 0; i < n; i++) {
            if (set_expired(s, s->head.type->ops->extras(s, refs[i])))
                take_out(s, refs[i]);
            else
                set_extras_rearm(s, refs[i]);
        }
        looked += n;
        if (n < max) {
            s->settled = s->now;
            break;
        }
    }
    return looked;
}

/* Without a wheel there are few elements: all are looked at. */
static void settle_all(struct set *s)
{
    const struct set_ops *ops = s->head.type->ops;
    uint64_t cursor = 0;

    for (uint32_t ref; (ref = ops->next(s, &cursor)) != 0;)
        if (set_expired(s, ops->extras(s, ref)))
            take_out(s, ref);
    s->settled = s->now;
}

void set_clock(struct set *s, int64_t now)
{
    if (now > s->now)
        s->now = now;
    if (s->head.timeouts && s->now - s->settled > lag_max) {
        if (s->wheel)
            (void)settle_wheel(s, UINT32_MAX);
        else
            settle_all(s);
    }
}

/* --- elements --- */

void set_cut(uint8_t family, union weir_addr *addr, unsigned len)
{
    unsigned words = family == 6 ? 4 : 1;

    for (unsigned i = 0; i < words; i++) {
        unsigned bits = len > 32 * i ? len - 32 * i : 0;

        if (bits < 32)
            addr->words[i] &= BE32(bits ? UINT32_MAX << (32 - bits) : 0);
    }
}

void set_mask_elem(const struct set *s, struct set_elem *e)
{
    for (unsigned i = 0; i < SET_ADDRS_MAX; i++) {
        /* A mask is for the first address, unless both are networks. */
        if (i == 0 || s->head.type->part[1] == SET_NET) {
            e->addr[i].half[0] &= s->head.mask.half[0];
            e->addr[i].half[1] &= s->head.mask.half[1];
        }
        if (s->head.family)
            set_cut(s->head.family, &e->addr[i], e->prefix[i]);
    }
    e->mark &= s->head.markmask;
}

static bool is_zero(const struct set *s, const struct set_elem *e)
{
    static const uint8_t no_mac[SET_MAC_SIZE];
    const struct set_type *type = s->head.type;

    if (!(type->traits & SET_NO_ZERO))
        return false;
    if (type->part[type->parts - 1] == SET_MAC)
        return memcmp(e->mac, no_mac, SET_MAC_SIZE) == 0;
    return set_addr_zero(&e->addr[0]);
}

/* Is there room for one more, after looking for it within bounds? */
static bool make_room(struct set *s, const struct set_elem *e)
{
    const struct set_ops *ops = s->head.type->ops;

    if (s->wheel)
        (void)settle_wheel(s, s->count >= s->head.maxelem ? SETTLE_FULL : SETTLE_ADD);
    if (s->head.type->traits & SET_HASHED && s->count >= s->head.maxelem) {
        uint32_t victim = s->head.forceadd && ops->victim ? ops->victim(s, e) : 0;

        if (!victim)
            return false;
        take_out(s, victim);
    }
    return true;
}

/* Say what is said about an element that is there. */
static void renew(struct set *s, uint32_t ref, const struct set_elem *e,
                  const struct set_given *given)
{
    const struct set_ops *ops = s->head.type->ops;
    bool waited = ops->waits && ops->waits(s, ref);
    struct set_given all = *given;

    if (ops->update)
        ops->update(s, ref, e);
    /* The time it was given begins, if it says no other. */
    if (waited && !ops->waits(s, ref) && s->head.timeouts && !(all.flags & GIVEN_TIMEOUT)) {
        all.flags |= GIVEN_TIMEOUT;
        all.timeout = set_remaining(s, ops->extras(s, ref), s->now);
    }
    set_extras_renew(s, ref, &all);
}

/* An element that waits for its MAC address may be added again with it; and without it too, when it
 * has a timeout, which Linux takes for one that is over. */
static bool may_complete(const struct set *s, uint32_t ref, const struct set_elem *e)
{
    const struct set_ops *ops = s->head.type->ops;

    return ops->waits && ops->waits(s, ref) &&
           (e->flags & ELEM_HAS_MAC ||
            (s->head.timeouts && set_remaining(s, ops->extras(s, ref), s->now)));
}

enum set_result set_add(struct set *s, struct set_elem *e, const struct set_given *given,
                        bool exist)
{
    const struct set_ops *ops = s->head.type->ops;

    set_mask_elem(s, e);
    if (is_zero(s, e))
        return SET_ZERO;
    uint32_t ref = ops->find(s, e);

    if (ref && !set_expired(s, ops->extras(s, ref))) {
        if (!exist && !may_complete(s, ref, e))
            return SET_EXISTS;
        renew(s, ref, e, given);
        return SET_DONE;
    }
    if (ref)
        take_out(s, ref);
    if (!make_room(s, e))
        return SET_FULL;
    ref = ops->insert(s, e);
    if (!ref)
        return ops->refusal ? ops->refusal(s, e) : SET_FULL;
    s->count++;
    set_extras_init(s, ref, given);
    return SET_DONE;
}

enum set_result set_del(struct set *s, struct set_elem *e)
{
    const struct set_ops *ops = s->head.type->ops;

    set_mask_elem(s, e);
    uint32_t ref = ops->find(s, e);

    if (!ref || set_expired(s, ops->extras(s, ref))) {
        enum set_result why = !ref && ops->refusal ? ops->refusal(s, e) : SET_MISSING;

        return why == SET_FULL ? SET_MISSING : why;
    }
    take_out(s, ref);
    return SET_DONE;
}

uint32_t set_next(const struct set *s, uint64_t *cursor, struct set_elem *e)
{
    const struct set_ops *ops = s->head.type->ops;
    uint32_t ref = ops->next(s, cursor);

    while (ref && set_expired(s, ops->extras(s, ref)))
        ref = ops->next(s, cursor);
    if (ref)
        ops->read(s, ref, e);
    return ref;
}
