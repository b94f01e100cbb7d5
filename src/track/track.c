/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting up a tracker in reserved memory, and finding tuples in it.
 *
 * All memory is reserved once, for `capacity` connections, and touched as it is used. An IPv4-only
 * or IPv6-only tracker reserves nothing for the other family.
 */
#include "track/track.h"

#include <errno.h>

static uint32_t capacity_of(const struct weir_config *config)
{
    uint32_t max = config->max ? config->max : TRACK_DEFAULT_MAX;

    return min_u32(max_u32(config->capacity, max), HANDLE_INDEX_MAX - 1);
}

static void *reserve(struct track *t, uint64_t size)
{
    return size > SIZE_MAX ? NULL : t->host.reserve(t->host.ctx, (size_t)size);
}

static void release(struct track *t, void *memory, uint64_t size)
{
    if (memory)
        t->host.release(t->host.ctx, memory, (size_t)size);
}

static uint64_t buckets_bytes(uint32_t capacity)
{
    return (uint64_t)table_buckets_for(2 * capacity) * sizeof(struct table_bucket);
}

static uint64_t overflow_bytes(uint32_t capacity)
{
    return slab_bytes(sizeof(struct table_bucket), table_overflow_for(2 * capacity));
}

static uint64_t wheel_bytes(uint32_t capacity)
{
    return slab_bytes(sizeof(struct wheel_chunk), wheel_chunks(capacity));
}

/* The table asks for a reference's full hash when it splits a bucket. */
static uint64_t hash_of_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    return conn_hash(t, conn_at(t, ref), ref_dir(ref));
}

static void prefetch_ref(void *ctx, uint32_t ref)
{
    const struct track *t = ctx;

    __builtin_prefetch(conn_at(t, ref));
}

int track_init(struct track *t, const struct weir_config *config, struct weir_time now)
{
    uint32_t capacity = capacity_of(config);
    uint32_t refs = 2 * capacity;
    uint32_t start;

    memset(t, 0, sizeof(*t));
    t->host = config->host;
    hash_key_init(&t->key, config->seed);
    random_init(&t->random, config->seed);
    t->time_ns = now.ns;
    t->tick64 = now.ns / WEIR_TICK_NS;
    settings_init(t, config);
    t->set.capacity = capacity;
    start = config->buckets ? min_u32(2 * min_u32(config->buckets, capacity), refs) : 0;

    slab_init(&t->conns[0], NULL, CONN4_SIZE, config->no_ipv4 ? 0 : capacity);
    slab_init(&t->conns[1], NULL, CONN6_SIZE, config->no_ipv6 ? 0 : capacity);
    slab_init(&t->exts, NULL, sizeof(struct conn_ext), capacity);
    for (int i = 0; i < 2; i++)
        if (t->conns[i].capacity &&
            !(t->conns[i].base = reserve(t, slab_bytes(t->conns[i].size, capacity))))
            return -ENOMEM;
    void *exts = t->exts.base = reserve(t, slab_bytes(sizeof(struct conn_ext), capacity));
    t->policies = reserve(t, (POLICIES_MAX + 1) * sizeof(struct policy));
    void *buckets = reserve(t, buckets_bytes(capacity));
    t->table.buckets = buckets;
    void *overflow = t->table.overflow.base = reserve(t, overflow_bytes(capacity));
    void *chunks = t->wheel.chunks.base = reserve(t, wheel_bytes(capacity));
    if (!exts || !t->policies || !buckets || !overflow || !chunks)
        return -ENOMEM;
    table_init(&t->table, buckets, overflow, refs, start);
    t->table.hash_of = hash_of_ref;
    t->table.prefetch = prefetch_ref;
    t->table.ctx = t;
    wheel_init(&t->wheel, chunks, wheel_chunks(capacity), track_now(t));
    return 0;
}

void track_fini(struct track *t)
{
    uint32_t capacity = t->set.capacity;

    for (int i = 0; i < 2; i++)
        release(t, t->conns[i].base, slab_bytes(t->conns[i].size, capacity));
    release(t, t->exts.base, slab_bytes(sizeof(struct conn_ext), capacity));
    release(t, t->policies, (POLICIES_MAX + 1) * sizeof(struct policy));
    release(t, t->table.buckets, buckets_bytes(capacity));
    release(t, t->table.overflow.base, overflow_bytes(capacity));
    release(t, t->wheel.chunks.base, wheel_bytes(capacity));
}

void track_size(const struct weir_config *config, struct weir_size *size)
{
    uint64_t n = config->max;
    uint64_t buckets = table_buckets_for((uint32_t)min_u32(config->max, HANDLE_INDEX_MAX) * 2);

    if (config->buckets)
        buckets = buckets > table_buckets_for(2 * config->buckets)
                      ? buckets
                      : table_buckets_for(2 * config->buckets);
    size->entries = n * (config->no_ipv6 ? CONN4_SIZE : CONN6_SIZE);
    /* About one reference in twenty-five stands in an overflow bucket at the fullest (table.h). */
    size->table = (buckets + buckets / 20) * sizeof(struct table_bucket);
    size->timers =
        (n / WHEEL_CHUNK_REFS + WHEEL_LEVELS * WHEEL_SLOTS / 2) * sizeof(struct wheel_chunk);
    size->extensions = 0;
}

static bool zone_matches(const struct conn *c, enum weir_dir dir, uint16_t zone, uint8_t zone_dirs)
{
    return conn_zone(c, dir) == zone_for(zone, zone_dirs, dir);
}

static uint32_t find_hashed(struct track *t, const struct weir_tuple *tuple, uint64_t hash,
                            uint16_t zone, uint8_t zone_dirs)
{
    struct table_probe probe;

    for (uint32_t ref = table_first(&t->table, hash, &probe); ref;
         ref = table_next(&t->table, &probe)) {
        struct conn *c = conn_at(t, ref);

        if (!conn_has_tuple(c, ref_dir(ref), tuple) ||
            !zone_matches(c, ref_dir(ref), zone, zone_dirs))
            continue;
        if (conn_expired(t, c)) {
            conn_kill(t, ref_handle(ref));
            return 0; /* a tuple is in the table once */
        }
        return ref;
    }
    return 0;
}

uint32_t track_find(struct track *t, const struct weir_tuple *tuple, uint64_t hash, uint16_t zone,
                    uint8_t zone_dirs)
{
    uint32_t ref = find_hashed(t, tuple, hash, zone, zone_dirs);
    uint16_t orig = zone_for(zone, zone_dirs, WEIR_ORIG),
             reply = zone_for(zone, zone_dirs, WEIR_REPLY);

    if (!ref && orig != reply)
        ref = find_hashed(t, tuple, track_hash(t, tuple, reply), zone, zone_dirs);
    return track_reply_first(t, ref, tuple);
}
