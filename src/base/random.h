/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers for one shard: a 64-bit counter through a keyed hash. Unpredictable to who does
 * not know the seed, and the same for the same seed, so that a replay repeats exactly.
 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include "base/hash.h"

struct random {
    struct hash_key key;
    uint64_t n;
};

static inline void random_init(struct random *r, const uint64_t seed[2])
{
    const uint64_t other[2] = {seed[0] ^ 0x6a09e667f3bcc908u, seed[1] ^ 0xbb67ae8584caa73bu};

    hash_key_init(&r->key, other);
    r->n = 0;
}

static inline uint64_t random_u64(struct random *r)
{
    r->n++;
    return hash_end(&r->key, hash_mix(&r->key, 0, r->n, ~r->n));
}

static inline uint32_t random_u32(struct random *r)
{
    return (uint32_t)random_u64(r);
}

#endif
