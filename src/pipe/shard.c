/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a shard, and running batches through it in stages.
 *
 * A random line of memory costs 140 to 200 ns when it is waited for and 12 to 20 ns when many are
 * fetched at once. So a batch is not run packet by packet: first all packets are parsed and hashed
 * and their buckets fetched, then all buckets are read and the entries they name fetched, and only
 * then is each packet tracked, in order. The first two stages change nothing and their findings are
 * checked again in the third, so the result is that of one packet after the other.
 */
#include "pipe/shard.h"
#include "nat/source.h"
#include "pipe/classify.h"
#include "pipe/walk.h"

#include <errno.h>

enum { BATCH = 32 };

/* --- making --- */

struct weir_shard *weir_shard_new(const struct weir_config *config)
{
    struct weir_config c = *config;
    struct weir_shard *s;

    if (!c.host.reserve || !c.host.release) {
        c.host.reserve = weir_reserve_pages;
        c.host.release = weir_release_pages;
    }
    s = c.host.reserve(c.host.ctx, sizeof(*s));
    if (!s)
        return NULL;
    if (track_init(&s->track, &c, (struct weir_time){0}) ||
        fragments_init(&s->fragments, &c, s->track.tick64)) {
        s->track.host = c.host;
        weir_shard_free(s);
        return NULL;
    }
    s->untracked_family[0] = c.no_ipv4;
    s->untracked_family[1] = c.no_ipv6;
    rules_init(s, c.wall_ns);
    return s;
}

void weir_shard_free(struct weir_shard *shard)
{
    if (!shard)
        return;

    struct weir_host host = shard->track.host;

    rules_fini(shard);
    track_fini(&shard->track);
    fragments_fini(&shard->fragments, &host);
    host.release(host.ctx, shard, sizeof(*shard));
}

void weir_size_predict(uint32_t connections, uint32_t buckets, bool ipv6, struct weir_size *size)
{
    const struct weir_config config = {.max = connections, .buckets = buckets, .no_ipv6 = !ipv6};

    memset(size, 0, sizeof(*size));
    track_size(&config, size);
    size->nat = nat_sources_size(connections);
    size->fixed = sizeof(struct weir_shard) + (POLICIES_MAX + 1) * sizeof(struct policy);
    size->total = size->entries + size->table + size->timers + size->extensions + size->fragments +
                  size->fixed;
}

/* --- running --- */

/*
 * A share of what is due, every so many packets of the shard's life: counted by packets and not by
 * batches, so that batches of any size give the same. A packet makes at most one entry, and the
 * wheel hands an entry back two or three times before it ends (once for each level it comes down),
 * so looking at four for each packet keeps up.
 */
static void expire_share(struct weir_shard *s)
{
    enum { EVERY = 32, LOOKS = 4 * EVERY };

    if (s->track.stats.packets % EVERY == 0 && expire_due(&s->track))
        (void)expire_tick(&s->track, LOOKS);
}

/* Everything known of a batch's packets before the first of them runs. */
struct batch {
    struct look look[BATCH];
    struct pkt pkt[BATCH]; /* of those that go, or probably will go, the long way */
};

static bool is_ordinary(const struct batch *b, size_t i)
{
    return b->look[i].glance.proto != 0;
}

static uint64_t hash_of(const struct track *t, const uint8_t *ip, struct glance g)
{
    const uint8_t *keys = ip + g.l4_off;

    return g.l4_off == IP4_MIN ? tuple_hash4(&t->key, ip + IP4_SRC, keys, g.proto, 0)
                               : tuple_hash6(&t->key, ip + IP6_SRC, keys, g.proto, 0);
}

/* First stage: which bucket? */
static void look_at(struct weir_shard *s, struct batch *b, size_t i, struct weir_packet *raw)
{
    const struct track *t = &s->track;
    struct look *l = &b->look[i];

    l->glance = (struct glance){0};
    if (raw->path == WEIR_PATH_ROUTED && !raw->templ && !(raw->flags & WEIR_PKT_GATHERED))
        l->glance = glance_at(raw->data, raw->len);
    if (is_ordinary(b, i)) {
        l->hash = hash_of(t, raw->data, l->glance);
        l->probe = table_probe_of(&t->table, l->hash);
        __builtin_prefetch(l->probe.bucket);
        return;
    }
    walk_begin(s, &b->pkt[i], raw);
    if (!b->pkt[i].tuple_reason)
        table_prefetch(&t->table, b->pkt[i].hash);
}

/* Second stage: which entry? */
static void look_ahead(struct weir_shard *s, struct batch *b, size_t i, struct weir_packet *raw)
{
    const struct track *t = &s->track;
    struct look *l = &b->look[i];

    if (!is_ordinary(b, i)) {
        classify_prefetch(t, &b->pkt[i]);
        return;
    }
    l->ref = table_begin(&t->table, &l->probe);
    if (l->ref) {
        l->conn = conn_at(t, l->ref);
        conn_prefetch(t, l->ref, l->glance.proto == PROTO_TCP);
        return;
    }
    walk_begin_ordinary(s, &b->pkt[i], raw, l);
    classify_prefetch_new(t, &b->pkt[i]);
}

/* Only with accounting: the counters' address stands in the entry. */
WEIR_PREFETCHES void look_further(const struct track *t, const struct batch *b, size_t i)
{
    const struct look *l = &b->look[i];

    if (is_ordinary(b, i) && l->ref && l->conn->parts & WEIR_HAS_COUNTERS)
        __builtin_prefetch(slab_at(&t->exts, l->conn->ext), 1);
}

/* Third stage. */
static void run_one(struct weir_shard *s, struct batch *b, size_t i, struct weir_packet *raw)
{
    const struct look *l = &b->look[i];

    expire_share(s);
    if (is_ordinary(b, i) && l->ref) {
        if (express_run(s, raw, l))
            return;
        walk_begin_ordinary(s, &b->pkt[i], raw, l);
    }
    walk_run(s, &b->pkt[i]);
}

static void run_batch(struct weir_shard *s, struct weir_packet *packets, size_t n)
{
    struct batch b;

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(packets[i].data);
    for (size_t i = 0; i < n; i++)
        look_at(s, &b, i, &packets[i]);
    for (size_t i = 0; i < n; i++)
        look_ahead(s, &b, i, &packets[i]);
    for (size_t i = 0; i < n && s->track.set.acct; i++)
        look_further(&s->track, &b, i);
    for (size_t i = 0; i < n; i++)
        run_one(s, &b, i, &packets[i]);
}

void weir_shard_run(struct weir_shard *shard, struct weir_time now, struct weir_packet *packets,
                    size_t n)
{
    expire_clock(&shard->track, now);
    fragments_expire(shard);
    for (size_t done = 0; done < n; done += BATCH) {
        size_t some = n - done < BATCH ? n - done : BATCH;

        run_batch(shard, packets + done, some);
    }
}

size_t weir_shard_tick(struct weir_shard *shard, struct weir_time now, size_t budget)
{
    expire_clock(&shard->track, now);
    fragments_expire(shard);
    return expire_tick(&shard->track, budget);
}

struct weir_time weir_shard_deadline(const struct weir_shard *shard)
{
    int64_t entry, fragment;
    bool any = expire_next(&shard->track, &entry);

    if (fragments_next(shard, &fragment) && (!any || fragment < entry)) {
        entry = fragment;
        any = true;
    }
    return (struct weir_time){any ? entry * WEIR_TICK_NS : INT64_MAX};
}

/* --- connections --- */

bool weir_conn_walk(const struct weir_shard *shard, uint64_t *cursor, struct weir_conn *conn)
{
    return info_walk(&shard->track, cursor, conn);
}

static struct conn *conn_of_handle(const struct weir_shard *shard, uint32_t handle)
{
    const struct slab *slab = &shard->track.conns[handle >> HANDLE_IPV6];

    if (handle & 1 || handle_index(handle) == 0 || handle_index(handle) > slab->used)
        return NULL;
    struct conn *c = conn_at(&shard->track, handle);

    return c->status & WEIR_S_CONFIRMED ? c : NULL;
}

bool weir_conn_get(const struct weir_shard *shard, uint32_t handle, struct weir_conn *conn)
{
    const struct conn *c = conn_of_handle(shard, handle);

    if (c)
        info_fill(&shard->track, c, handle, conn);
    return c != NULL;
}

bool weir_conn_kill(struct weir_shard *shard, uint32_t handle)
{
    if (!conn_of_handle(shard, handle))
        return false;
    conn_kill(&shard->track, handle);
    return true;
}

bool weir_shard_flush_some(struct weir_shard *shard, uint64_t *cursor, size_t budget)
{
    return flush_some(&shard->track, cursor, budget);
}

void weir_shard_flush(struct weir_shard *shard)
{
    uint64_t cursor = 0;

    (void)flush_some(&shard->track, &cursor, 0);
}

int weir_conn_set_mark(struct weir_shard *shard, uint32_t handle, uint32_t mark)
{
    struct conn *c = conn_of_handle(shard, handle);

    if (!c)
        return -ENOENT;
    if (c->mark != mark) {
        c->mark = mark;
        c->events |= 1u << WEIR_EV_MARK;
        event_deliver(&shard->track, c, handle);
    }
    return 0;
}

int weir_conn_set_label(struct weir_shard *shard, uint32_t handle, unsigned bit)
{
    struct conn *c = conn_of_handle(shard, handle);

    if (!c)
        return -ENOENT;
    if (bit >= CONN_LABELS)
        return -EINVAL;
    if (!conn_set_label(&shard->track, c, bit))
        return -ENOMEM;
    if (c->events >> WEIR_EV_LABEL & 1)
        event_deliver(&shard->track, c, handle);
    return 0;
}

void weir_shard_stats(const struct weir_shard *shard, struct weir_stats *stats)
{
    *stats = shard->track.stats;
}

/* --- settings --- */

int weir_tunable_set(struct weir_shard *shard, enum weir_tunable tunable, int64_t value)
{
    return settings_set(&shard->track, tunable, value);
}

int64_t weir_tunable_get(const struct weir_shard *shard, enum weir_tunable tunable)
{
    return (unsigned)tunable < WEIR_T_MAX_NUMBER ? settings_get(&shard->track, tunable) : 0;
}

void weir_tunable_range(const struct weir_shard *shard, enum weir_tunable tunable, int64_t *min,
                        int64_t *max)
{
    *min = *max = 0;
    if ((unsigned)tunable < WEIR_T_MAX_NUMBER)
        settings_range(&shard->track, tunable, min, max);
}

int weir_policy_set(struct weir_shard *shard, unsigned number, int timeout, int64_t value)
{
    struct track *t = &shard->track;
    int64_t min, max;

    /* The one timeout that is no tunable has the range of the others. */
    enum weir_tunable like =
        timeout == WEIR_POLICY_TCP_SYN_SENT2 ? WEIR_T_TCP_SYN_SENT : (enum weir_tunable)timeout;

    if (number < 1 || number > POLICIES_MAX || (unsigned)like >= WEIR_T_MAX_NUMBER ||
        !settings_is_timeout(like))
        return -EINVAL;
    settings_range(t, like, &min, &max);
    if (value < min || value > max)
        return -ERANGE;

    struct policy *p = &t->policies[number];

    if (!p->used) {
        p->used = true;
        memcpy(p->ticks, t->ticks, sizeof(p->ticks));
    }
    p->ticks[timeout] = (int32_t)value * WEIR_TICKS_PER_SEC;
    return 0;
}

/* Whoever uses it goes back to the shard's timeouts at its next packet. */
void weir_policy_del(struct weir_shard *shard, unsigned number)
{
    struct track *t = &shard->track;

    if (number < 1 || number > POLICIES_MAX)
        return;
    t->policies[number].used = false;
    for (uint32_t family = 0; family < 2; family++) {
        for (uint32_t index = 1; index <= t->conns[family].used; index++) {
            struct conn *c = slab_at(&t->conns[family], index);

            if (c->policy == number)
                c->policy = 0;
        }
    }
}
