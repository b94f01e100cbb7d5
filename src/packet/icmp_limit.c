/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A destination's bucket is one number, the time at which it will be full: it holds what is missing
 * until then less than six errors' worth, and an error moves it on by one error's worth.
 */
#include "packet/icmp_limit.h"

enum {
    BURST = 6,
    COST4 = WEIR_TICKS_PER_SEC,      /* ticks in which a destination earns an error */
    COST6 = WEIR_TICKS_PER_SEC / 10, /* the same, IPv6 */
    COMMON_BURST = 50,
    COMMON_PER_TICK = 1000 / WEIR_TICKS_PER_SEC,
    COMMON_STEP = WEIR_TICKS_PER_SEC / 50 /* ticks */
};

void icmp_limit_init(struct icmp_limit *limit, struct random *random, int64_t tick64)
{
    const uint64_t seed[2] = {random_u64(random), random_u64(random)};

    hash_key_init(&limit->key, seed);
    limit->credit = COMMON_BURST;
    limit->refilled = tick64;
}

static void refill(struct icmp_limit *limit, int64_t tick64)
{
    int64_t passed = tick64 - limit->refilled;

    if (passed < COMMON_STEP)
        return;
    limit->refilled = tick64;
    if (passed > COMMON_BURST / COMMON_PER_TICK)
        limit->credit = COMMON_BURST;
    else
        limit->credit += (uint32_t)passed * COMMON_PER_TICK;
    if (limit->credit > COMMON_BURST)
        limit->credit = COMMON_BURST;
}

static bool is_peer(const struct icmp_limit_peer *p, uint8_t family, const union weir_addr *addr)
{
    return p->family == family && p->addr.half[0] == addr->half[0] &&
           p->addr.half[1] == addr->half[1];
}

/* Its place: where it is, or the one that is, or comes nearest to being, of no more use. */
static struct icmp_limit_peer *find(struct icmp_limit *limit, uint8_t family,
                                    const union weir_addr *addr)
{
    uint64_t h = hash_mix(&limit->key, family, addr->half[0], addr->half[1]);
    struct icmp_limit_peer *set = limit->peer[hash_end(&limit->key, h) % ICMP_LIMIT_SETS];
    struct icmp_limit_peer *place = set;

    for (unsigned i = 0; i < ICMP_LIMIT_WAYS; i++) {
        if (is_peer(&set[i], family, addr))
            return &set[i];
        if (set[i].full < place->full)
            place = &set[i];
    }
    *place = (struct icmp_limit_peer){.addr = *addr, .full = INT64_MIN, .family = family};
    return place;
}

bool icmp_limit_allow(struct icmp_limit *limit, struct random *random, int64_t tick64,
                      uint8_t family, const union weir_addr *addr)
{
    int64_t cost = family == 6 ? COST6 : COST4;

    refill(limit, tick64);
    if (!limit->credit)
        return false;
    struct icmp_limit_peer *p = find(limit, family, addr);

    if (p->full < tick64)
        p->full = tick64;
    if (p->full - tick64 > (BURST - 1) * cost)
        return false;
    p->full += cost;
    uint32_t taken = random_u32(random) % 3;

    limit->credit -= taken < limit->credit ? taken : limit->credit;
    return true;
}
