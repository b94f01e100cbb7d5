/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keyed hash: multiply two 64-bit words, each mixed with secret key material, and fold the
 * 128-bit product.
 *
 * One fold takes 16 bytes in about five cycles. Whoever does not know the key cannot aim at a
 * bucket: choosing the words chooses neither factor. Regular tuples (successive addresses, one
 * port) spread as well as random ones because both halves of the product are used. This is no MAC:
 * the result never leaves the process.
 */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stdint.h>

struct hash_key {
    uint64_t k[4];
};

__extension__ typedef unsigned __int128 hash_u128;

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    hash_u128 product = (hash_u128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Bring 16 bytes into `h` (start with any constant). */
static inline uint64_t hash_mix(const struct hash_key *key, uint64_t h, uint64_t a, uint64_t b)
{
    return hash_fold(a ^ key->k[0] ^ h, b ^ key->k[1]);
}

/* Spread what hash_mix left over all 64 bits. */
static inline uint64_t hash_end(const struct hash_key *key, uint64_t h)
{
    return hash_fold(h ^ key->k[2], key->k[3]);
}

/* Derive a key from a seed. The last word is odd, so that hash_end loses nothing. */
static inline void hash_key_init(struct hash_key *key, const uint64_t seed[2])
{
    uint64_t a = seed[0], b = seed[1];

    for (int i = 0; i < 4; i++) {
        a = hash_fold(a + 0x9e3779b97f4a7c15u, b ^ 0xd1342543de82ef95u) + (uint64_t)i;
        b = hash_fold(b + 0xbf58476d1ce4e5b9u, a ^ 0x94d049bb133111ebu);
        key->k[i] = a ^ (b << 1);
    }
    key->k[3] |= 1;
}

#endif
