/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rng: a small seeded random source, the same on every machine and with every compiler.
 *
 * xoshiro256** (Blackman and Vigna, public domain), its state filled by splitmix64 so that the
 * seeds 1, 2, 3… give unrelated sequences. Not for secrets.
 *
 * C leaves the order of function arguments and of operands open, so an expression must hold at most
 * one call into this file: `f(rng_u32(r), rng_u32(r))` gives two different sequences with two
 * compilers, and a seed would no longer name a packet sequence.
 */
#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

static inline uint64_t rng_splitmix(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = rng_splitmix(&seed);
}

static inline uint64_t rng_rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rng_rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return out;
}

static inline uint32_t rng_u32(struct rng *r)
{
    return (uint32_t)(rng_u64(r) >> 32);
}

/* 0 … n-1, n > 0. The bias of the plain multiplication is below n/2^32: no test can see it. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((uint64_t)rng_u32(r) * n >> 32);
}

/* lo … hi, both included. */
static inline uint32_t rng_range(struct rng *r, uint32_t lo, uint32_t hi)
{
    return lo + rng_below(r, hi - lo + 1);
}

static inline bool rng_percent(struct rng *r, uint32_t percent)
{
    return rng_below(r, 100) < percent;
}

static inline bool rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

/* An index into weight[n], chosen in proportion to the weights; their sum must not be 0. */
static inline size_t rng_weighted(struct rng *r, const uint16_t *weight, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weight[i];
    uint32_t x = rng_below(r, sum);
    size_t i = 0;
    while (i + 1 < n && x >= weight[i])
        x -= weight[i++];
    return i;
}

/* One element of an array; the array is evaluated once, the random source once. */
#define RNG_PICK(r, array) ((array)[rng_below((r), (uint32_t)(sizeof(array) / sizeof((array)[0])))])

#endif
