/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking up what could match a packet: index.h. */
#include "rules/index.h"

/* The first entry of [at, end) from position `from` on: behind a rule that jumped and came back,
 * most of a long bucket is past. */
static const struct index_entry *skip(const struct index_entry *at, const struct index_entry *end,
                                      uint32_t from)
{
    while (at < end) {
        const struct index_entry *middle = at + (end - at) / 2;

        if (middle->position < from)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

/* Memory is asked for before it is read, of all shapes: waiting for one costs as much as waiting
 * for all. */
void index_find(const struct index *index, uint8_t family, const struct key *key, uint32_t from,
                struct index_cursors *cursors)
{
    uint64_t hash[SHAPES_MAX];

    for (uint32_t i = 0; i < index->shape_count; i++) {
        const struct index_shape *shape = &index->shapes[i];

        hash[i] = index_hash(&shape->mask, key, family);
        __builtin_prefetch(&shape->heads[index_bucket(shape, hash[i])]);
    }
    cursors->count = 0;
    for (uint32_t i = 0; i < index->shape_count; i++) {
        const struct index_shape *shape = &index->shapes[i];
        const uint32_t *head = &shape->heads[index_bucket(shape, hash[i])];
        const struct index_entry *end = shape->entries + head[1];
        const struct index_entry *at = skip(shape->entries + head[0], end, from);

        while (at < end && at->tag != index_tag(hash[i]))
            at++;
        if (at < end)
            cursors->cursor[cursors->count++] = (struct index_cursor){at, end};
    }
}

/* To the next entry with the same tag. A rule may have several keys in a bucket. */
static bool advance(struct index_cursor *c)
{
    const struct index_entry *was = c->at;

    do
        c->at++;
    while (c->at < c->end && (c->at->tag != was->tag || c->at->position == was->position));
    return c->at < c->end;
}

uint32_t index_next(struct index_cursors *cursors)
{
    uint32_t next = INDEX_END;

    for (uint32_t i = 0; i < cursors->count; i++)
        if (cursors->cursor[i].at->position < next)
            next = cursors->cursor[i].at->position;
    for (uint32_t i = cursors->count; i-- > 0;) {
        struct index_cursor *c = &cursors->cursor[i];

        if (c->at->position == next && !advance(c))
            *c = cursors->cursor[--cursors->count];
    }
    return next;
}
