/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bob Jenkins' lookup3 hash of 32-bit words (public domain, 2006): for where the number that comes
 * out must be the one that Linux computes. Nowhere else: hash.h is faster, and harder to aim at.
 */
#ifndef WEIR_BASE_LOOKUP3_H
#define WEIR_BASE_LOOKUP3_H

#include <stddef.h>
#include <stdint.h>

struct lookup3 {
    uint32_t a, b, c;
};

static inline uint32_t lookup3_rotate(uint32_t n, unsigned by)
{
    return n << by | n >> (32 - by);
}

static inline void lookup3_mix(struct lookup3 *s)
{
    s->a = (s->a - s->c) ^ lookup3_rotate(s->c, 4);
    s->c += s->b;
    s->b = (s->b - s->a) ^ lookup3_rotate(s->a, 6);
    s->a += s->c;
    s->c = (s->c - s->b) ^ lookup3_rotate(s->b, 8);
    s->b += s->a;
    s->a = (s->a - s->c) ^ lookup3_rotate(s->c, 16);
    s->c += s->b;
    s->b = (s->b - s->a) ^ lookup3_rotate(s->a, 19);
    s->a += s->c;
    s->c = (s->c - s->b) ^ lookup3_rotate(s->b, 4);
    s->b += s->a;
}

static inline uint32_t lookup3_end(struct lookup3 *s)
{
    s->c = (s->c ^ s->b) - lookup3_rotate(s->b, 14);
    s->a = (s->a ^ s->c) - lookup3_rotate(s->c, 11);
    s->b = (s->b ^ s->a) - lookup3_rotate(s->a, 25);
    s->c = (s->c ^ s->b) - lookup3_rotate(s->b, 16);
    s->a = (s->a ^ s->c) - lookup3_rotate(s->c, 4);
    s->b = (s->b ^ s->a) - lookup3_rotate(s->a, 14);
    return (s->c ^ s->b) - lookup3_rotate(s->b, 24);
}

/* `count` words, at least one. */
static inline uint32_t lookup3_words(const uint32_t *words, size_t count, uint32_t seed)
{
    const uint32_t start = 0xdeadbeef + (uint32_t)count * 4 + seed;
    struct lookup3 s = {start, start, start};

    for (; count > 3; count -= 3, words += 3) {
        s.a += words[0];
        s.b += words[1];
        s.c += words[2];
        lookup3_mix(&s);
    }
    s.a += words[0];
    s.b += count > 1 ? words[1] : 0;
    s.c += count > 2 ? words[2] : 0;
    return lookup3_end(&s);
}

#endif
