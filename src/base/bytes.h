/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing integers in bytes of any alignment, in network byte order.
 *
 * The compiler turns each of these into one load or store (and a byte swap); memcpy is what keeps
 * them defined for unaligned addresses and strict aliasing.
 */
#ifndef WEIR_BASE_BYTES_H
#define WEIR_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEIR_CACHE_LINE   64
#define WEIR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/*
 * For functions that only prefetch. GCC 12 takes a void function without side effects for one whose
 * calls can be left out, and prefetching is none to it, unless the function is inlined before that.
 */
#define WEIR_PREFETCHES __attribute__((always_inline)) static inline

/* The value as it stands in memory: for fields that stay in network byte order. */
static inline uint16_t load_raw16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_raw32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_raw64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void store_raw16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline void store_raw32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) ((uint16_t)__builtin_bswap16((uint16_t)(x)))
#define BE32(x) ((uint32_t)__builtin_bswap32((uint32_t)(x)))
#else
#define BE16(x) ((uint16_t)(x))
#define BE32(x) ((uint32_t)(x))
#endif

static inline uint16_t load_be16(const void *p)
{
    return BE16(load_raw16(p));
}

static inline uint32_t load_be32(const void *p)
{
    return BE32(load_raw32(p));
}

static inline void store_be16(void *p, uint16_t v)
{
    store_raw16(p, BE16(v));
}

static inline void store_be32(void *p, uint32_t v)
{
    store_raw32(p, BE32(v));
}

static inline uint16_t load_le16(const void *p)
{
    return (uint16_t)__builtin_bswap16(load_be16(p));
}

static inline void store_le16(void *p, uint16_t v)
{
    store_be16(p, (uint16_t)__builtin_bswap16(v));
}

static inline uint32_t load_le32(const void *p)
{
    return __builtin_bswap32(load_be32(p));
}

static inline void store_le32(void *p, uint32_t v)
{
    store_be32(p, __builtin_bswap32(v));
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

#endif
