/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is taken piece by piece and given back all at once: what a ruleset is built in.
 *
 * A failure is also remembered in `failed`, for those who look once at the end.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/bytes.h"

struct arena_chunk;

struct arena {
    void *(*reserve)(void *ctx, size_t size); /* zeroed memory, or NULL; as weir_host.reserve */
    void (*release)(void *ctx, void *memory, size_t size);
    void *ctx;
    struct arena_chunk *chunks;
    size_t left; /* in the newest chunk */
    bool failed;
};

void arena_init(struct arena *a, void *(*reserve)(void *ctx, size_t size),
                void (*release)(void *ctx, void *memory, size_t size), void *ctx);
void arena_fini(struct arena *a);

/* `size` zeroed bytes, aligned to 16; NULL when there are none. */
void *arena_take(struct arena *a, size_t size);

/* A terminated copy of `len` bytes. */
char *arena_text(struct arena *a, const char *text, size_t len);

#endif
