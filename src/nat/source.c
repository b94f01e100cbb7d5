/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list is changed in constant time, and nothing but the new entry itself, its neighbours and
 * one bucket is touched. When the table has no room (a chain that is too long, memory at its end)
 * the source is not found any more, which is all that happens: its next connection may get another
 * mapping.
 */
#include "nat/source.h"

#include <errno.h>

/*
 * What makes a source, as a tuple. The zone counts as Linux counts it: it finds the list by the id
 * of a zone that holds in both directions (or none), and in the list only those whose original
 * direction is in the same zone. A zone for one direction alone is thus not the same source as the
 * zone for both.
 */
static struct weir_tuple source_of(const struct conn *c)
{
    struct weir_tuple source = conn_tuple(c, WEIR_ORIG);
    const uint8_t both = 1u << WEIR_ORIG | 1u << WEIR_REPLY;

    memset(&source.dst, 0, sizeof(source.dst));
    source.dst_key = c->zone_dirs == both ? c->zone : 0;
    return source;
}

uint64_t nat_source_hash(const struct track *t, const struct conn *c)
{
    const struct weir_tuple source = source_of(c);

    return track_hash(t, &source, conn_zone(c, WEIR_ORIG));
}

static uint64_t hash_of_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    return nat_source_hash(t, conn_at(t, ref));
}

static void prefetch_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    __builtin_prefetch(conn_at(t, ref));
}

static bool same_source(const struct conn *a, const struct conn *b)
{
    if (a->proto != b->proto || a->key[WEIR_ORIG][0] != b->key[WEIR_ORIG][0] ||
        a->family != b->family)
        return false;
    const struct weir_tuple x = source_of(a), y = source_of(b);

    return x.src.half[0] == y.src.half[0] && x.src.half[1] == y.src.half[1] &&
           x.dst_key == y.dst_key && conn_zone(a, WEIR_ORIG) == conn_zone(b, WEIR_ORIG);
}

uint32_t nat_sources_newest(const struct sources *s, const struct track *t, const struct conn *c,
                            uint64_t hash)
{
    struct table_probe probe;

    for (uint32_t ref = table_first(&s->table, hash, &probe); ref;
         ref = table_next(&s->table, &probe))
        if (same_source(conn_at(t, ref), c))
            return ref;
    return 0;
}

void nat_sources_add(struct sources *s, struct track *t, uint32_t handle, uint64_t hash)
{
    struct conn *c = conn_at(t, handle);
    uint32_t older = nat_sources_newest(s, t, c, hash);

    *conn_links(c) = (struct conn_links){.older = older};
    if (older) {
        conn_links(conn_at(t, older))->newer = handle;
        table_del(&s->table, hash, older);
    }
    (void)table_add(&s->table, hash, handle);
}

void nat_sources_del(struct sources *s, struct track *t, uint32_t handle)
{
    struct conn *c = conn_at(t, handle);
    const struct conn_links links = *conn_links(c);

    if (links.older)
        conn_links(conn_at(t, links.older))->newer = links.newer;
    if (links.newer) {
        conn_links(conn_at(t, links.newer))->older = links.older;
        return;
    }
    uint64_t hash = nat_source_hash(t, c);

    table_del(&s->table, hash, handle);
    if (links.older)
        (void)table_add(&s->table, hash, links.older);
}

void nat_sources_prefetch(const struct sources *s, const struct track *t, const struct pkt *p)
{
    const struct zone z = zone_of(p);
    struct weir_tuple source = p->tuple;

    memset(&source.dst, 0, sizeof(source.dst));
    source.dst_key = z.dirs == (1u << WEIR_ORIG | 1u << WEIR_REPLY) ? z.id : 0;
    table_prefetch(&s->table, track_hash(t, &source, zone_for(z.id, z.dirs, WEIR_ORIG)));
}

/* --- memory --- */

static size_t buckets_bytes(uint32_t capacity)
{
    return (size_t)table_buckets_for(capacity) * sizeof(struct table_bucket);
}

static size_t overflow_bytes(uint32_t capacity)
{
    return slab_bytes(sizeof(struct table_bucket), table_overflow_for(capacity));
}

int nat_sources_init(struct sources *s, struct track *t)
{
    const struct weir_host *host = &t->host;
    uint32_t capacity = t->set.capacity;
    void *buckets = host->reserve(host->ctx, buckets_bytes(capacity));
    void *overflow = host->reserve(host->ctx, overflow_bytes(capacity));

    s->capacity = capacity;
    s->table.buckets = buckets;
    s->table.overflow.base = overflow;
    if (!buckets || !overflow)
        return -ENOMEM;
    table_init(&s->table, buckets, overflow, capacity, 0);
    s->table.hash_of = hash_of_ref;
    s->table.prefetch = prefetch_ref;
    s->table.ctx = t;
    return 0;
}

void nat_sources_fini(struct sources *s, const struct weir_host *host)
{
    if (s->table.buckets)
        host->release(host->ctx, s->table.buckets, buckets_bytes(s->capacity));
    if (s->table.overflow.base)
        host->release(host->ctx, s->table.overflow.base, overflow_bytes(s->capacity));
}
