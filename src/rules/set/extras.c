/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every method keeps for an element in the same way, as its set's header asks: when it
 * expires, how many packets it met, what it has for packets, and its comment.
 *
 * Deadlines are 32-bit ticks compared by sign. set_clock() sees to it that nothing stays in a set
 * so long after its end that it would seem to live again.
 */
#include "rules/sets.h"

#include <weir/types.h>

enum {
    DEADLINE_SIZE = 8, /* the tick, and the place on the wheel */
    COUNTERS_SIZE = 16,
    INFO_SIZE = 16,
    COMMENT_SIZE = 4
};

static uint8_t lay(bool there, uint8_t *at, uint8_t size)
{
    uint8_t here = *at;

    if (there)
        *at = (uint8_t)(*at + size);
    return here;
}

void set_lay_extras(struct set *s)
{
    uint8_t at = 0;

    s->at.deadline = lay(s->head.timeouts, &at, DEADLINE_SIZE);
    s->at.counters = lay(s->head.counters, &at, COUNTERS_SIZE);
    s->at.info = lay(s->head.infos, &at, INFO_SIZE);
    s->at.comment = lay(s->head.comments, &at, COMMENT_SIZE);
    s->at.size = at;
}

static uint8_t *extras_of(const struct set *s, uint32_t ref)
{
    return s->head.type->ops->extras(s, ref);
}

/* --- time --- */

uint32_t set_deadline(const struct set *s, const uint8_t *extras)
{
    return load_raw32(extras + s->at.deadline);
}

/* Where an element stands on the wheel; of one that waits, how many seconds it will have. */
static uint8_t *wheel_place(const struct set *s, uint32_t ref)
{
    return extras_of(s, ref) + s->at.deadline + 4;
}

static void disarm(struct set *s, uint32_t ref)
{
    uint32_t place = load_raw32(wheel_place(s, ref));

    if (!place)
        return;
    uint32_t moved = wheel_disarm(s->wheel, place);

    if (moved)
        store_raw32(wheel_place(s, moved), place);
    store_raw32(wheel_place(s, ref), 0);
}

void set_expire_after(struct set *s, uint32_t ref, uint32_t seconds)
{
    uint32_t deadline = 0;

    seconds = min_u32(seconds, SET_TIMEOUT_MAX);
    if (s->head.type->ops->waits && s->head.type->ops->waits(s, ref)) {
        store_raw32(extras_of(s, ref) + s->at.deadline, 0);
        store_raw32(wheel_place(s, ref), seconds);
        return;
    }
    if (seconds) {
        deadline = (uint32_t)s->now + seconds * WEIR_TICKS_PER_SEC;
        deadline += deadline == 0;
    }
    store_raw32(extras_of(s, ref) + s->at.deadline, deadline);
    if (!s->wheel) {
        store_raw32(wheel_place(s, ref), 0);
        return;
    }
    disarm(s, ref);
    if (deadline)
        store_raw32(wheel_place(s, ref), wheel_arm(s->wheel, ref, deadline));
}

void set_extras_popped(struct set *s, uint32_t ref)
{
    store_raw32(wheel_place(s, ref), 0);
}

void set_extras_rearm(struct set *s, uint32_t ref)
{
    uint32_t deadline = set_deadline(s, extras_of(s, ref));

    store_raw32(wheel_place(s, ref), wheel_arm(s->wheel, ref, deadline));
}

uint32_t set_remaining(const struct set *s, const uint8_t *extras, int64_t now)
{
    uint32_t deadline = set_deadline(s, extras);

    if (!deadline)
        return s->wheel ? 0 : load_raw32(extras + s->at.deadline + 4);
    int32_t ticks = (int32_t)(deadline - (uint32_t)now);

    /* What ends within the second is not what never ends, which is 0. */
    return ticks < WEIR_TICKS_PER_SEC ? 1 : (uint32_t)ticks / WEIR_TICKS_PER_SEC;
}

/* --- counters and what is for packets --- */

struct weir_rules_count set_counts(const struct set *s, const uint8_t *extras)
{
    const uint8_t *at = extras + s->at.counters;

    return (struct weir_rules_count){load_raw64(at), load_raw64(at + 8)};
}

void set_set_counts(const struct set *s, uint8_t *extras, struct weir_rules_count counts)
{
    memcpy(extras + s->at.counters, &counts, COUNTERS_SIZE);
}

struct set_info set_get_info(const struct set *s, const uint8_t *extras)
{
    struct set_info info;

    memcpy(&info, extras + s->at.info, sizeof(info));
    return info;
}
_Static_assert(sizeof(struct set_info) == INFO_SIZE, "what is copied is what there is room for");
_Static_assert(sizeof(struct weir_rules_count) == COUNTERS_SIZE, "likewise");

const char *set_get_comment(const struct set *s, const uint8_t *extras)
{
    return comments_get(&s->comments, load_raw32(extras + s->at.comment));
}

/* --- life --- */

static void say(struct set *s, uint32_t ref, const struct set_given *given)
{
    uint8_t *x = extras_of(s, ref);

    if (s->head.timeouts)
        set_expire_after(s, ref, given->flags & GIVEN_TIMEOUT ? given->timeout : s->head.timeout);
    if (s->head.counters) {
        struct weir_rules_count counts = set_counts(s, x);

        if (given->flags & GIVEN_PACKETS)
            counts.packets = given->packets;
        if (given->flags & GIVEN_BYTES)
            counts.bytes = given->bytes;
        set_set_counts(s, x, counts);
    }
    if (s->head.infos)
        memcpy(x + s->at.info, &given->info, INFO_SIZE);
    if (s->head.comments && !(given->flags & GIVEN_KEEP_COMMENT)) {
        uint8_t *at = x + s->at.comment;

        comments_del(&s->comments, load_raw32(at));
        store_raw32(at, given->flags & GIVEN_COMMENT
                            ? comments_add(&s->comments, given->comment, given->comment_len)
                            : 0);
    }
}

void set_extras_init(struct set *s, uint32_t ref, const struct set_given *given)
{
    memset(extras_of(s, ref), 0, s->at.size);
    say(s, ref, given);
}

void set_extras_renew(struct set *s, uint32_t ref, const struct set_given *given)
{
    say(s, ref, given);
}

void set_extras_fini(struct set *s, uint32_t ref)
{
    if (s->wheel)
        disarm(s, ref);
    if (s->head.comments)
        comments_del(&s->comments, load_raw32(extras_of(s, ref) + s->at.comment));
}

void set_extras_copy(struct set *s, uint32_t ref, const struct set *from, uint32_t from_ref)
{
    uint8_t *x = extras_of(s, ref);
    const uint8_t *y = extras_of(from, from_ref);

    memcpy(x, y, s->at.size);
    if (s->wheel) {
        uint32_t deadline = set_deadline(s, x);

        store_raw32(wheel_place(s, ref), deadline ? wheel_arm(s->wheel, ref, deadline) : 0);
    }
    if (s->head.comments) {
        const char *comment = set_get_comment(from, y);

        store_raw32(x + s->at.comment, comments_add(&s->comments, comment, strlen(comment)));
    }
}

/* --- packets --- */

static bool holds(const struct set_compare *c, uint64_t value)
{
    switch (c->op) {
    case SET_CMP_NONE: return true;
    case SET_CMP_EQ: return value == c->value;
    case SET_CMP_NE: return value != c->value;
    case SET_CMP_LT: return value < c->value;
    case SET_CMP_GT: return value > c->value;
    }
    return false;
}

bool set_visit(const struct set *s, uint32_t ref, struct set_ask *ask)
{
    uint8_t *x = extras_of(s, ref);

    if (s->head.counters) {
        struct weir_rules_count counts = set_counts(s, x);

        if (!ask->no_count) {
            counts.packets++;
            counts.bytes += ask->len;
            set_set_counts(s, x, counts);
        }
        if (!holds(&ask->packets, counts.packets) || !holds(&ask->bytes, counts.bytes))
            return false;
    }
    if (s->head.infos && ask->find_info) {
        ask->has_info = true;
        ask->info = set_get_info(s, x);
    }
    return true;
}
