/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which address of a range (NAT reference, 5.5): the same one for the same two hosts, as long as
 * the range is the same. Linux hashes the source and scales the hash to the range; without
 * --persistent the destination goes in too. Its hash is Bob Jenkins's lookup3, "hashword" (public
 * domain, 2006), over words as they stand in the memory of the machine; here they are read as a
 * little-endian machine reads them, so that every machine picks what most Linux routers do.
 */
#include "nat/inside.h"

/* --- lookup3 --- */

static uint32_t rotate(uint32_t x, int k)
{
    return x << k | x >> (32 - k);
}

static void mix(uint32_t v[3])
{
    static const uint8_t by[6] = {4, 6, 8, 16, 19, 4};

    for (int i = 0; i < 6; i++) {
        uint32_t *a = &v[i % 3], *b = &v[(i + 1) % 3], *c = &v[(i + 2) % 3];

        *a -= *c;
        *a ^= rotate(*c, by[i]);
        *c += *b;
    }
}

static void final(uint32_t v[3])
{
    static const uint8_t by[7] = {14, 11, 25, 16, 4, 14, 24};

    for (int i = 0; i < 7; i++) {
        uint32_t *changed = &v[(i + 2) % 3], other = v[(i + 1) % 3];

        *changed ^= other;
        *changed -= rotate(other, by[i]);
    }
}

/* Of the four words of an address. */
static uint32_t hash_words(const uint32_t k[4], uint32_t seed)
{
    const uint32_t start = 0xdeadbeef + (4u << 2) + seed;
    uint32_t v[3] = {start + k[0], start + k[1], start + k[2]};

    mix(v);
    v[0] += k[3];
    final(v);
    return v[2];
}

/* --- the range --- */

static uint32_t word_hashed(const union weir_addr *addr, int i)
{
    return load_le32(addr->bytes + 4 * i);
}

static uint32_t word_number(const union weir_addr *addr, int i)
{
    return BE32(addr->words[i]);
}

/* Scale a hash to a range, word by word. Below the first word in which the address differs from the
 * end of the range, everything lies in it. */
static void choose(struct choice *ch, union weir_addr *chosen)
{
    const struct nat_range *r = ch->range;
    const union weir_addr *src = &ch->reply.dst, *dst = &ch->reply.src;
    int last = ch->reply.family == 4 ? 0 : 3;
    uint32_t words[4], hash;
    bool persistent = r->flags & NAT_PERSISTENT, inside = false;

    for (int i = 0; i < 4; i++)
        words[i] = word_hashed(src, i);
    hash = hash_words(words, persistent ? 0 : word_hashed(dst, last) ^ ch->c->zone);
    for (int i = 0; i <= last; i++) {
        uint32_t low = inside ? 0 : word_number(&r->min, i);
        uint32_t n = inside ? UINT32_MAX : word_number(&r->max, i) - low + 1;

        chosen->words[i] = BE32(low + (uint32_t)((uint64_t)hash * n >> 32));
        if (chosen->words[i] != r->max.words[i])
            inside = true;
        /* NAT_DST: this is the word just chosen. */
        if (!persistent)
            hash ^= word_hashed(dst, i);
    }
}

void nat_choose_addr(struct choice *ch)
{
    union weir_addr *addr = nat_addr(&ch->reply, ch->type);

    if (memcmp(&ch->range->min, &ch->range->max, sizeof(*addr)) == 0)
        *addr = ch->range->min;
    else
        choose(ch, addr);
}

void nat_netmap(struct nat_range *r, const union weir_addr *old)
{
    for (int i = 0; i < 2; i++) {
        uint64_t host = r->min.half[i] ^ r->max.half[i];

        r->min.half[i] = r->max.half[i] = (old->half[i] & host) | (r->min.half[i] & ~host);
    }
    r->flags |= NAT_MAP_IPS;
}
