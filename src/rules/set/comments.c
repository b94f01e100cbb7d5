/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: comments.h. A reference is the slot's index with the size's number above it. */
#include "rules/set/set.h"

enum { INDEX_BITS = 30 };

void comments_lay(struct comments *c, struct set_placer *p, uint32_t capacity)
{
    uint32_t size = COMMENT_SIZE_MIN;

    for (unsigned i = 0; i < COMMENT_SIZES; i++, size *= 2)
        slab_init(&c->slab[i], set_place(p, slab_bytes(size, capacity)), size, capacity);
}

uint32_t comments_add(struct comments *c, const char *text, size_t len)
{
    uint32_t i = 0;

    if (len == 0)
        return 0;
    while (len >= c->slab[i].size)
        i++;
    uint32_t index = slab_new(&c->slab[i]);

    if (!index)
        return 0;
    char *slot = slab_at(&c->slab[i], index);

    memcpy(slot, text, len);
    slot[len] = '\0';
    return i << INDEX_BITS | index;
}

void comments_del(struct comments *c, uint32_t ref)
{
    if (ref)
        slab_free(&c->slab[ref >> INDEX_BITS], ref & ((1u << INDEX_BITS) - 1));
}

const char *comments_get(const struct comments *c, uint32_t ref)
{
    return ref ? slab_at(&c->slab[ref >> INDEX_BITS], ref & ((1u << INDEX_BITS) - 1)) : "";
}
