/* SPDX-License-Identifier: BSD-2-Clause */
/* What they are: stub.h. */
#include "pipe/stub.h"

#include <errno.h>

static struct stub *stub_at(const struct stubs *s, uint32_t index)
{
    return slab_at(&s->slab, index);
}

static uint64_t hash_of_ref(void *ctx, uint32_t ref)
{
    const struct stubs *s = ctx;

    return stub_hash(s, &stub_at(s, ref)->tuple);
}

static void prefetch_ref(void *ctx, uint32_t ref)
{
    const struct stubs *s = ctx;

    __builtin_prefetch(stub_at(s, ref));
}

static bool same_tuple(const struct weir_tuple *a, const struct weir_tuple *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

uint16_t stub_owner(const struct stubs *s, const struct weir_tuple *tuple, uint64_t hash)
{
    struct table_probe probe;

    for (uint32_t ref = table_first(&s->table, hash, &probe); ref;
         ref = table_next(&s->table, &probe))
        if (same_tuple(&stub_at(s, ref)->tuple, tuple))
            return stub_at(s, ref)->owner;
    return STUB_NONE;
}

bool stub_add(struct stubs *s, const struct stub *stub)
{
    uint64_t hash = stub_hash(s, &stub->tuple);
    uint16_t owner = stub_owner(s, &stub->tuple, hash);
    uint32_t index;

    if ((owner != STUB_NONE && owner != stub->owner) || !(index = slab_new(&s->slab)))
        return false;
    *stub_at(s, index) = *stub;
    if (table_add(&s->table, hash, index))
        return true;
    slab_free(&s->slab, index);
    return false;
}

bool stub_del(struct stubs *s, const struct stub *stub)
{
    uint64_t hash = stub_hash(s, &stub->tuple);
    struct table_probe probe;
    uint32_t ref = table_first(&s->table, hash, &probe);

    while (ref) {
        const struct stub *it = stub_at(s, ref);

        if (same_tuple(&it->tuple, &stub->tuple) && it->owner == stub->owner &&
            it->zone == stub->zone)
            break;
        ref = table_next(&s->table, &probe);
    }
    if (!ref)
        return false;
    table_del(&s->table, hash, ref);
    slab_free(&s->slab, ref);
    return true;
}

/* --- memory --- */

static size_t stubs_bytes(const struct stubs *s)
{
    return slab_bytes(sizeof(struct stub), s->slab.capacity);
}

static size_t buckets_bytes(const struct stubs *s)
{
    return (size_t)table_buckets_for(s->slab.capacity) * sizeof(struct table_bucket);
}

static size_t overflow_bytes(const struct stubs *s)
{
    return slab_bytes(sizeof(struct table_bucket), table_overflow_for(s->slab.capacity));
}

int stubs_init(struct stubs *s, uint32_t capacity, const struct hash_key *key,
               const struct weir_host *host)
{
    void *buckets, *overflow;

    slab_init(&s->slab, NULL, sizeof(struct stub), capacity);
    s->key = *key;
    s->slab.base = host->reserve(host->ctx, stubs_bytes(s));
    s->table.buckets = buckets = host->reserve(host->ctx, buckets_bytes(s));
    s->table.overflow.base = overflow = host->reserve(host->ctx, overflow_bytes(s));
    if (!s->slab.base || !buckets || !overflow)
        return -ENOMEM;
    table_init(&s->table, buckets, overflow, capacity, 0);
    s->table.hash_of = hash_of_ref;
    s->table.prefetch = prefetch_ref;
    s->table.ctx = s;
    return 0;
}

void stubs_fini(struct stubs *s, const struct weir_host *host)
{
    if (s->slab.base)
        host->release(host->ctx, s->slab.base, stubs_bytes(s));
    if (s->table.buckets)
        host->release(host->ctx, s->table.buckets, buckets_bytes(s));
    if (s->table.overflow.base)
        host->release(host->ctx, s->table.overflow.base, overflow_bytes(s));
}
