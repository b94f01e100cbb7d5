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
 * What makes a source. The zone counts as Linux counts it: it finds the list by the id of a zone
 * that holds in both directions (or none), and in the list only those whose original direction is
 * in the same zone. A zone for one direction alone is thus not the same source as the zone for
 * both.
 */
struct source {
    uint64_t addr[2];
    uint64_t rest;
};

static uint64_t rest_of(uint8_t family, uint8_t proto, uint16_t key, struct zone z)
{
    bool both = z.dirs == (1u << WEIR_ORIG | 1u << WEIR_REPLY);

    return key | (uint64_t)proto << 16 | (uint64_t)family << 24 |
           (uint64_t)zone_for(z.id, z.dirs, WEIR_ORIG) << 32 | (uint64_t)(both ? z.id : 0) << 48;
}

static struct source source_of(const struct conn *c)
{
    const uint64_t rest =
        rest_of(c->family, c->proto, c->key[WEIR_ORIG][0], (struct zone){c->zone, c->zone_dirs});

    if (c->family == 4)
        return (struct source){{c->addr4[WEIR_ORIG][0], 0}, rest};
    const union weir_addr *a = &((const struct conn6 *)c)->addr[WEIR_ORIG][0];

    return (struct source){{a->half[0], a->half[1]}, rest};
}

static uint64_t mix(const struct track *t, const struct source *s)
{
    uint64_t h = hash_mix(&t->key, 0, s->addr[0], s->rest);

    return hash_end(&t->key, s->addr[1] ? hash_mix(&t->key, h, s->addr[1], s->rest) : h);
}

static uint64_t hash_of(const struct track *t, const struct conn *c)
{
    const struct source source = source_of(c);

    return mix(t, &source);
}

static uint64_t hash_of_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    return hash_of(t, conn_at(t, ref));
}

static void prefetch_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    __builtin_prefetch(conn_at(t, ref));
}

static bool has_source(const struct conn *c, const struct source *a)
{
    const struct source b = source_of(c);

    return a->addr[0] == b.addr[0] && a->addr[1] == b.addr[1] && a->rest == b.rest;
}

struct source_place nat_sources_find(const struct sources *s, const struct track *t,
                                     const struct conn *c)
{
    const struct source source = source_of(c);
    struct source_place place = {.hash = mix(t, &source), .changes = s->changes};
    struct table_probe probe;

    place.newest = table_first(&s->table, place.hash, &probe);
    while (place.newest && !has_source(conn_at(t, place.newest), &source))
        place.newest = table_next(&s->table, &probe);
    return place;
}

void nat_sources_add(struct sources *s, struct track *t, uint32_t handle,
                     const struct source_place *place)
{
    struct conn *c = conn_at(t, handle);
    const struct source_place at =
        place && place->changes == s->changes ? *place : nat_sources_find(s, t, c);

    s->changes++;
    *conn_links(c) = (struct conn_links){.older = at.newest};
    if (at.newest) {
        conn_links(conn_at(t, at.newest))->newer = handle;
        table_del(&s->table, at.hash, at.newest);
    }
    (void)table_add(&s->table, at.hash, handle);
}

void nat_sources_del(struct sources *s, struct track *t, uint32_t handle)
{
    struct conn *c = conn_at(t, handle);
    const struct conn_links links = *conn_links(c);

    s->changes++;
    if (links.older)
        conn_links(conn_at(t, links.older))->newer = links.newer;
    if (links.newer) {
        conn_links(conn_at(t, links.newer))->older = links.older;
        return;
    }
    uint64_t hash = hash_of(t, c);

    table_del(&s->table, hash, handle);
    if (links.older)
        (void)table_add(&s->table, hash, links.older);
}

void nat_sources_prefetch(const struct sources *s, const struct track *t, const struct pkt *p)
{
    const struct weir_tuple *tuple = &p->tuple;
    const struct source source = {{tuple->src.half[0], tuple->src.half[1]},
                                  rest_of(tuple->family, tuple->proto, tuple->src_key, zone_of(p))};

    table_prefetch(&s->table, mix(t, &source));
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

uint64_t nat_sources_size(uint32_t sources)
{
    /* One reference in twenty-five stands in an overflow bucket (table.h). */
    uint64_t buckets = table_buckets_for(sources);

    return (buckets + buckets / 20) * sizeof(struct table_bucket);
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
