/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a group, and moving packets between its shards. How it all fits together: group.h.
 *
 * A packet makes at most two hops: from who received it to its home, and from there to its owner,
 * if NAT has given its connection's other tuple another home. A fragment goes to where its datagram
 * is gathered, and the datagram then makes those two at most.
 *
 * A shard that is alone has no worker and no peers, and is the same as one that was made alone.
 */
#include "pipe/group.h"

#include <errno.h>

enum {
    CHUNK = 32,     /* packets looked at together, so that cache misses overlap */
    TAKE_MAX = 256, /* packets taken at once */
    RING_DEFAULT = 512,
    RING_MAX = 1 << 20,
};

/* --- making --- */

static uint32_t part(uint32_t whole, uint32_t shards)
{
    return whole / shards + (whole % shards != 0);
}

/* The configuration of one shard. Hash keys and random numbers are its own. */
static struct weir_config config_of(const struct weir_group_config *config, uint32_t number)
{
    struct weir_config c = config->shard;

    c.max = part(c.max ? c.max : TRACK_DEFAULT_MAX, config->shards);
    c.buckets = part(c.buckets, config->shards);
    c.capacity = part(c.capacity, config->shards);
    c.seed[1] += number;
    if (config->ctx)
        c.host.ctx = config->ctx[number];
    return c;
}

static size_t group_bytes(const struct weir_group *g)
{
    return sizeof(*g) + g->shards * sizeof(g->worker[0]);
}

static size_t channels_bytes(const struct weir_group *g)
{
    return (size_t)g->shards * g->shards * sizeof(struct channel);
}

static size_t slots_bytes(const struct weir_group *g)
{
    return (size_t)g->shards * g->shards * 2 * g->ring * sizeof(struct ring_slot);
}

static size_t late_bytes(const struct weir_group *g)
{
    return slab_bytes(sizeof(struct late), notes_late_max(g->capacity));
}

static void *reserve(const struct weir_group *g, size_t size)
{
    return g->host.reserve(g->host.ctx, size);
}

static void release(const struct weir_group *g, void *memory, size_t size)
{
    if (memory)
        g->host.release(g->host.ctx, memory, size);
}

static int make_channels(struct weir_group *g)
{
    struct ring_slot *slots;

    g->channels = reserve(g, channels_bytes(g));
    slots = g->slots = reserve(g, slots_bytes(g));
    if (!g->channels || !slots)
        return -ENOMEM;
    for (uint32_t i = 0; i < g->shards * g->shards; i++, slots += 2 * (size_t)g->ring) {
        ring_init(&g->channels[i].packets, slots, g->ring);
        ring_init(&g->channels[i].notes, slots + g->ring, g->ring);
    }
    return 0;
}

static int make_worker(struct weir_group *g, struct worker *w)
{
    void *late;

    if (stubs_init(&w->stubs, g->capacity, &g->homes.key, &g->host))
        return -ENOMEM;
    late = reserve(g, late_bytes(g));
    slab_init(&w->late, late, sizeof(struct late), notes_late_max(g->capacity));
    w->parcels.all = reserve(g, PARCELS * sizeof(struct parcel));
    if (!late || !w->parcels.all)
        return -ENOMEM;
    w->shard->worker = w;
    notes_init(w);
    return 0;
}

static int make(struct weir_group *g, const struct weir_group_config *config)
{
    for (uint32_t i = 0; i < g->shards; i++) {
        const struct weir_config c = config_of(config, i);

        g->worker[i].group = g;
        g->worker[i].number = (uint16_t)i;
        g->worker[i].shard = weir_shard_new(&c);
        if (!g->worker[i].shard)
            return -ENOMEM;
    }
    if (g->shards == 1)
        return 0;
    /* Twice a shard's share of tuples, should homes be less even than they are. */
    g->capacity = 2 * g->worker[0].shard->track.set.capacity;
    if (make_channels(g))
        return -ENOMEM;
    for (uint32_t i = 0; i < g->shards; i++)
        if (make_worker(g, &g->worker[i]))
            return -ENOMEM;
    return 0;
}

struct weir_group *weir_group_new(const struct weir_group_config *config)
{
    struct weir_host host = config->shard.host;
    struct weir_group head = {.shards = config->shards,
                              .ring = config->ring ? config->ring : RING_DEFAULT};
    struct weir_group *g;

    if (head.shards < 1 || head.shards > WEIR_GROUP_SHARDS_MAX || head.ring < 2 ||
        head.ring > RING_MAX || head.ring & (head.ring - 1))
        return NULL;
    if (!host.reserve || !host.release) {
        host.reserve = weir_reserve_pages;
        host.release = weir_release_pages;
    }
    head.host = host;
    homes_init(&head.homes, head.shards, config->shard.seed);
    g = reserve(&head, group_bytes(&head));
    if (!g)
        return NULL;
    memcpy(g, &head, sizeof(head));
    if (make(g, config)) {
        weir_group_free(g);
        return NULL;
    }
    return g;
}

void weir_group_free(struct weir_group *group)
{
    if (!group)
        return;
    for (uint32_t i = 0; i < group->shards; i++) {
        struct worker *w = &group->worker[i];

        weir_shard_free(w->shard);
        stubs_fini(&w->stubs, &group->host);
        release(group, w->late.base, late_bytes(group));
        release(group, w->parcels.all, PARCELS * sizeof(struct parcel));
    }
    release(group, group->channels, channels_bytes(group));
    release(group, group->slots, slots_bytes(group));
    group->host.release(group->host.ctx, group, group_bytes(group));
}

struct weir_shard *weir_group_shard(const struct weir_group *group, unsigned number)
{
    return group->worker[number].shard;
}

unsigned weir_group_home(const struct weir_group *group, const struct weir_packet *packet)
{
    return home_of_packet(&group->homes, packet).shard;
}

void weir_group_stats(const struct weir_group *group, unsigned number,
                      struct weir_group_stats *stats)
{
    *stats = group->worker[number].stats;
    stats->stubs = group->worker[number].stubs.slab.count;
}

/* --- packets in rings --- */

/* Field by field: a whole that is built aside from small stores and then copied in large pieces
 * stalls the processor at each. */
static void describe(struct handoff *h, const struct weir_packet *p, bool final)
{
    h->data = p->data;
    h->templ = p->templ;
    h->user = p->user;
    h->link = p->link;
    h->len = p->len;
    h->wire_len = p->wire_len;
    h->mark = p->mark;
    h->priority = p->priority;
    h->in_iface = p->in_iface;
    h->link_len = p->link_len;
    h->link_type = p->link_type;
    h->path = p->path;
    h->flags = p->flags;
    h->pkt_type = p->pkt_type;
    h->final = final;
}

static void restore(struct weir_packet *p, const struct handoff *h)
{
    memset(p, 0, sizeof(*p));
    p->data = h->data;
    p->templ = h->templ;
    p->user = h->user;
    p->link = h->link;
    p->len = h->len;
    p->wire_len = h->wire_len;
    p->mark = h->mark;
    p->priority = h->priority;
    p->in_iface = h->in_iface;
    p->link_len = h->link_len;
    p->link_type = h->link_type;
    p->path = h->path;
    p->flags = h->flags;
    p->pkt_type = h->pkt_type;
}

/* Into the ring, but not published. False: it is full. */
static bool put(struct worker *w, uint16_t to, const struct weir_packet *p, bool final)
{
    struct handoff *slot = ring_put(&group_channel(w->group, w->number, to)->packets);

    if (!slot)
        return false;
    describe(slot, p, final);
    w->unsaid |= 1ULL << to;
    w->stats.handed++;
    w->stats.lines++;
    return true;
}

static void publish(struct worker *w)
{
    for (; w->unsaid; w->unsaid &= w->unsaid - 1) {
        unsigned to = (unsigned)__builtin_ctzll(w->unsaid);

        w->stats.lines += ring_publish(&group_channel(w->group, w->number, to)->packets);
    }
}

/* --- where packets go --- */

/* A packet of a chunk. */
struct flight {
    uint16_t to;
    bool final;    /* run it there, without another look at stubs */
    bool keyed;    /* its home is here, and it may have a stub */
    uint64_t hash; /* of its key */
};

/* Packets that are looked at together. */
struct chunk {
    struct flight flight[CHUNK];
    struct weir_tuple key[CHUNK]; /* of those that are keyed */
};

/* The packet's home is here: if any tuple has a stub, what is its own? */
static void look_up_later(const struct worker *w, const struct weir_packet *p, struct chunk *c,
                          size_t i)
{
    struct flight *f = &c->flight[i];

    if (!w->stubs.slab.count)
        return;
    f->keyed = p->flags & WEIR_PKT_GATHERED ? home_key(&parcel_of(p)->ip, &c->key[i])
                                            : home_key_of_packet(p, &c->key[i]);
    if (f->keyed) {
        f->hash = stub_hash(&w->stubs, &c->key[i]);
        table_prefetch(&w->stubs.table, f->hash);
    }
}

/* Where does a received packet go, by its home alone? */
static void find_home(const struct worker *w, const struct weir_packet *p, struct chunk *c,
                      size_t i)
{
    const struct home home = home_of_packet(&w->group->homes, p);
    struct flight *f = &c->flight[i];

    f->to = home.kind == HOME_NONE ? w->number : home.shard;
    f->final = home.kind != HOME_TUPLE;
    f->keyed = false;
    if (!f->final && f->to == w->number)
        look_up_later(w, p, c, i);
}

/* Once the lines for it are there. */
static void find_owner(const struct worker *w, struct chunk *c, size_t i)
{
    struct flight *f = &c->flight[i];
    uint16_t owner;

    if (!f->keyed || (owner = stub_owner(&w->stubs, &c->key[i], f->hash)) == STUB_NONE)
        return;
    f->to = owner;
    f->final = true;
}

/* --- what the caller gets back: [own][refused][holes] --- */

static void give(struct weir_packet *packets, struct weir_steered *s, const struct weir_packet *p)
{
    size_t end = s->own + s->refused;

    if (&packets[s->own] == p) {
        s->own++;
        return;
    }
    const struct weir_packet own = *p;

    if (s->refused)
        packets[end] = packets[s->own];
    packets[s->own++] = own;
}

/* Dropped here, and counted where all drops are. */
static void refuse(struct worker *w, struct weir_packet *packets, struct weir_steered *s,
                   const struct weir_packet *p)
{
    struct weir_stats *stats = &w->shard->track.stats;
    struct weir_packet dropped = *p;

    w->stats.refused++;
    stats->packets++;
    stats->dropped++;
    stats->reasons[WEIR_R_HANDOFF_FULL]++;
    if (p->flags & WEIR_PKT_GATHERED) {
        parcel_done(parcel_of(p));
        return;
    }
    dropped.verdict = WEIR_DROP;
    dropped.reason = WEIR_R_HANDOFF_FULL;
    dropped.ctinfo = WEIR_CT_NONE;
    dropped.out_iface = dropped.packets_out = 0;
    dropped.conn = dropped.rule = 0;
    packets[s->own + s->refused++] = dropped;
}

static void sort(struct worker *w, struct weir_packet *packets, struct weir_steered *s,
                 struct weir_packet *p, const struct flight *f)
{
    if (f->to == w->number) {
        if (p->flags & WEIR_PKT_GATHERED) {
            parcel_of(p)->next = w->taken;
            w->taken = parcel_of(p);
        }
        give(packets, s, p);
    } else if (!put(w, f->to, p, f->final)) {
        refuse(w, packets, s, p);
    }
}

/* Parcels that the caller had are done with. */
static void settle(struct worker *w)
{
    while (w->taken) {
        struct parcel *parcel = w->taken;

        w->taken = parcel->next;
        parcel_done(parcel);
    }
}

static size_t chunk_of(size_t left)
{
    return left < CHUNK ? left : CHUNK;
}

/* `n` packets at `p`, of all those at `packets`. */
static void steer_chunk(struct worker *w, struct weir_packet *packets, struct weir_steered *s,
                        struct weir_packet *p, size_t n)
{
    struct chunk c;

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(p[i].data);
    for (size_t i = 0; i < n; i++) {
        p[i].flags &= (uint8_t)~WEIR_PKT_GATHERED; /* not the caller's to set */
        find_home(w, &p[i], &c, i);
    }
    for (size_t i = 0; w->stubs.slab.count && i < n; i++)
        find_owner(w, &c, i);
    for (size_t i = 0; i < n; i++)
        sort(w, packets, s, &p[i], &c.flight[i]);
}

struct weir_steered weir_group_steer(struct weir_group *group, unsigned number,
                                     struct weir_packet *packets, size_t n)
{
    struct worker *w = &group->worker[number];
    struct weir_steered s = {0, 0};

    if (group->shards == 1)
        return (struct weir_steered){n, 0};
    settle(w);
    notes_exchange(w);
    w->stats.steered += n;
    for (size_t done = 0; done < n; done += CHUNK)
        steer_chunk(w, packets, &s, packets + done, chunk_of(n - done));
    publish(w);
    return s;
}

/* --- what others handed over --- */

/* Take what one other shard handed over: how many. */
static size_t take_from(struct worker *w, uint16_t from, struct weir_packet *packets, bool *final,
                        size_t max)
{
    struct ring *ring = &group_channel(w->group, from, w->number)->packets;
    size_t n = 0;

    for (; n < max && ring_waiting(ring); n++) {
        const struct handoff *h = ring_get(ring);

        restore(&packets[n], h);
        final[n] = h->final;
    }
    w->stats.lines += n + 2 * (uint64_t)ring_release(ring);
    return n;
}

static size_t take(struct worker *w, struct weir_packet *packets, bool *final, size_t max)
{
    const struct weir_group *g = w->group;
    size_t n = 0;

    w->turn = (uint16_t)((w->turn + 1) % g->shards);
    for (uint32_t i = 0; i < g->shards && n < max; i++) {
        uint16_t from = (uint16_t)((w->turn + i) % g->shards);

        if (from != w->number)
            n += take_from(w, from, packets + n, final + n, max - n);
    }
    w->stats.taken += n;
    return n;
}

static void take_chunk(struct worker *w, struct weir_packet *packets, struct weir_steered *s,
                       struct weir_packet *p, const bool *final, size_t n)
{
    struct chunk c;

    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(p[i].data);
    for (size_t i = 0; i < n; i++) {
        c.flight[i] = (struct flight){.to = w->number, .final = final[i]};
        if (!final[i])
            look_up_later(w, &p[i], &c, i);
    }
    for (size_t i = 0; w->stubs.slab.count && i < n; i++)
        find_owner(w, &c, i);
    for (size_t i = 0; i < n; i++) {
        w->stats.second_hops += c.flight[i].to != w->number;
        sort(w, packets, s, &p[i], &c.flight[i]);
    }
}

struct weir_steered weir_group_take(struct weir_group *group, unsigned number,
                                    struct weir_packet *packets, size_t max)
{
    struct worker *w = &group->worker[number];
    struct weir_steered s = {0, 0};
    bool final[TAKE_MAX];
    size_t n;

    if (group->shards == 1)
        return s;
    settle(w);
    n = take(w, packets, final, max < TAKE_MAX ? max : TAKE_MAX);
    notes_exchange(w);
    for (size_t done = 0; done < n; done += CHUNK)
        take_chunk(w, packets, &s, packets + done, final + done, chunk_of(n - done));
    publish(w);
    return s;
}

bool weir_group_waiting(struct weir_group *group, unsigned number)
{
    for (unsigned from = 0; group->shards > 1 && from < group->shards; from++) {
        struct channel *c = group_channel(group, from, number);

        if (from != number && (ring_waiting(&c->packets) || ring_waiting(&c->notes)))
            return true;
    }
    return false;
}

/* --- fragments --- */

enum gathering group_gathered(struct weir_shard *s, struct pkt *p)
{
    struct worker *w = s->worker;
    const struct home home = home_of_parsed(&w->group->homes, &p->ip);
    struct weir_packet sent;
    struct parcel *parcel;
    struct chunk c;
    struct flight *f = &c.flight[0];

    if (home.kind == HOME_NONE)
        return GATHER_GO_ON;
    *f = (struct flight){.to = home.shard};
    if (f->to == w->number && w->stubs.slab.count && home_key(&p->ip, &c.key[0])) {
        f->keyed = true;
        f->hash = stub_hash(&w->stubs, &c.key[0]);
        find_owner(w, &c, 0);
    }
    if (f->to == w->number)
        return GATHER_GO_ON;
    parcel = parcel_pack(&w->parcels, p, &sent);
    if (!parcel || !put(w, f->to, &sent, f->final)) {
        if (parcel)
            parcel_done(parcel);
        w->stats.refused++;
        p->reason = WEIR_R_HANDOFF_FULL;
        return GATHER_DROP;
    }
    publish(w);
    w->stats.datagrams++;
    p->reason = WEIR_R_HANDED_OVER;
    return GATHER_HELD;
}
