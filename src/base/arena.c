/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/arena.h"

enum { CHUNK = 256 * 1024, ALIGN = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* all of it, this header included */
};
_Static_assert(sizeof(struct arena_chunk) % ALIGN == 0, "pieces are aligned");

void arena_init(struct arena *a, void *(*reserve)(void *ctx, size_t size),
                void (*release)(void *ctx, void *memory, size_t size), void *ctx)
{
    *a = (struct arena){.reserve = reserve, .release = release, .ctx = ctx};
}

void arena_fini(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks; c;) {
        struct arena_chunk *next = c->next;

        a->release(a->ctx, c, c->size);
        c = next;
    }
    a->chunks = NULL;
    a->left = 0;
}

static bool add_chunk(struct arena *a, size_t need)
{
    size_t size =
        need + sizeof(struct arena_chunk) > CHUNK ? need + sizeof(struct arena_chunk) : CHUNK;
    struct arena_chunk *c = a->reserve(a->ctx, size);

    if (!c)
        return false;
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->left = size - sizeof(*c);
    return true;
}

void *arena_take(struct arena *a, size_t size)
{
    size_t need = (size + ALIGN - 1) / ALIGN * ALIGN;

    if (size > SIZE_MAX / 2 || (a->left < need && !add_chunk(a, need))) {
        a->failed = true;
        return NULL;
    }
    uint8_t *piece = (uint8_t *)a->chunks + a->chunks->size - a->left;

    a->left -= need;
    return piece;
}

char *arena_text(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_take(a, len + 1);

    if (copy)
        memcpy(copy, text, len);
    return copy;
}
