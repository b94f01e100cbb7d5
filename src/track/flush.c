/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ending all entries, a share at a time (`conntrack -F`). Groups are looked at ahead as in
 * expire.c: an entry's two buckets and its place on the wheel are lines that nobody has used
 * lately.
 */
#include "track/track.h"

enum { GROUP = 32 };

static bool is_there(const struct track *t, uint32_t handle)
{
    return conn_at(t, handle)->status & WEIR_S_CONFIRMED;
}

/* End those of `n` places from index `from` on. */
static void flush_group(struct track *t, uint8_t family, uint32_t from, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t handle = handle_make(family, from + i);

        if (is_there(t, handle))
            conn_prefetch_end(t, handle);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t handle = handle_make(family, from + i);

        if (is_there(t, handle))
            conn_kill(t, handle);
    }
}

/* Where a cursor is: an index of the family's entries, IPv4's first. */
enum { CURSOR_FAMILY = 32 };

bool flush_some(struct track *t, uint64_t *cursor, size_t budget)
{
    for (size_t left = budget ? budget : SIZE_MAX; left;) {
        unsigned six = (unsigned)(*cursor >> CURSOR_FAMILY);
        uint32_t done = (uint32_t)*cursor, used = t->conns[six].used;
        uint32_t n = used > done ? used - done : 0;

        if (!n && six)
            return false;
        if (!n) {
            *cursor = (uint64_t)1 << CURSOR_FAMILY;
            continue;
        }
        n = min_u32(n, GROUP);
        if (n > left)
            n = (uint32_t)left;
        flush_group(t, six ? 6 : 4, done + 1, n);
        *cursor += n;
        left -= n;
    }
    return true;
}
