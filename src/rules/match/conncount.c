/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/conncount.h"
#include "packet/headers.h"

enum {
    SHORT = 64,        /* connections of a list that may be walked for each packet */
    EVICT_MAX = 65,    /* that the walk of a packet whose connection is not ASSURED takes out */
    TICK_LOOKS = 4096, /* at connections of long lists: some 100 us of a tick's 4 ms */
    SPARE = 1024,      /* so many places are taken before anybody cleans up */
    HAND_LOOKS = 4,
    FULL_LOOKS = 64 /* when all places are taken */
};

/* A connection in a list. */
struct member {
    uint64_t hash;         /* of its tuple; first, as the slab links what is free through it */
    uint32_t ref;          /* where the shard's table had it last; 0: not seen there yet */
    uint32_t older, newer; /* in its list, 0 at the ends */
    uint32_t next;         /* in its bucket */
    uint32_t list;         /* 0: this place is free */
};
_Static_assert(sizeof(struct member) == 32, "two members are one cache line");

struct list {
    uint32_t next; /* in its bucket */
    uint32_t oldest, newest;
    uint32_t count;   /* 0: those that were in it are gone */
    uint32_t cursor;  /* where a walk had to stop; 0: it came to its end */
    uint32_t walked;  /* tick of the last walk */
    uint32_t removed; /* connections that the shard had ended then (the lowest bits) */
    uint16_t zone;
    bool used; /* this place is */
    union weir_addr network;
};

struct conncount {
    size_t size; /* of all of it */
    struct slab members, lists;
    uint32_t *member_buckets, *list_buckets;
    uint32_t bucket_mask;
    uint32_t member_hand, list_hand; /* where they were last */
    uint32_t looks_left, looks_tick;
};

/* The packet's own connection, and whose it is. */
struct own {
    uint64_t hash;
    const union weir_addr *network;
    uint32_t ref;
    uint16_t zone;
    bool assured;
};

/* --- memory --- */

static size_t aligned(size_t size)
{
    return (size + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE * WEIR_CACHE_LINE;
}

struct conncount *conncount_new(const struct track *t)
{
    uint32_t places = 2 * t->set.capacity, buckets = 1;

    while (buckets < places)
        buckets *= 2;
    size_t members = aligned(sizeof(struct conncount));
    size_t lists = members + aligned(slab_bytes(sizeof(struct member), places));
    size_t member_buckets = lists + aligned(slab_bytes(sizeof(struct list), places));
    size_t list_buckets = member_buckets + buckets * sizeof(uint32_t);
    size_t size = list_buckets + buckets * sizeof(uint32_t);
    uint8_t *memory = t->host.reserve(t->host.ctx, size);

    if (!memory)
        return NULL;

    struct conncount *cc = (struct conncount *)(void *)memory;

    *cc = (struct conncount){.size = size,
                             .member_buckets = (uint32_t *)(void *)(memory + member_buckets),
                             .list_buckets = (uint32_t *)(void *)(memory + list_buckets),
                             .bucket_mask = buckets - 1};
    slab_init(&cc->members, memory + members, sizeof(struct member), places);
    slab_init(&cc->lists, memory + lists, sizeof(struct list), places);
    return cc;
}

void conncount_free(const struct track *t, struct conncount *cc)
{
    if (cc)
        t->host.release(t->host.ctx, cc, cc->size);
}

static struct member *member_at(const struct conncount *cc, uint32_t index)
{
    return slab_at(&cc->members, index);
}

static struct list *list_at(const struct conncount *cc, uint32_t index)
{
    return slab_at(&cc->lists, index);
}

/* --- finding --- */

static uint32_t *list_bucket(const struct conncount *cc, const struct track *t,
                             const union weir_addr *network, uint16_t zone)
{
    uint64_t h = hash_mix(&t->key, zone, network->half[0], network->half[1]);

    return &cc->list_buckets[hash_end(&t->key, h) & cc->bucket_mask];
}

static uint32_t list_find(const struct conncount *cc, const struct track *t,
                          const union weir_addr *network, uint16_t zone)
{
    uint32_t index = *list_bucket(cc, t, network, zone);

    while (index) {
        const struct list *l = list_at(cc, index);

        if (l->zone == zone && l->network.half[0] == network->half[0] &&
            l->network.half[1] == network->half[1])
            break;
        index = l->next;
    }
    return index;
}

/* The same connection may be in the lists of several networks. */
static uint32_t *member_bucket(const struct conncount *cc, uint64_t hash, uint32_t list)
{
    return &cc->member_buckets[(hash ^ list * 0x9e3779b97f4a7c15u) & cc->bucket_mask];
}

static uint32_t member_find(const struct conncount *cc, uint64_t hash, uint32_t list)
{
    uint32_t index = *member_bucket(cc, hash, list);

    while (index && (member_at(cc, index)->hash != hash || member_at(cc, index)->list != list))
        index = member_at(cc, index)->next;
    return index;
}

/* --- alive or not --- */

static bool is_closing(struct conn *c)
{
    uint8_t state = conn_proto(c)->tcp.state;

    return c->proto == PROTO_TCP && (state == WEIR_TCP_TIME_WAIT || state == WEIR_TCP_CLOSE);
}

static bool is_at(const struct track *t, uint32_t ref, uint64_t hash)
{
    const struct conn *c = conn_at(t, ref);
    bool found = (c->status & (WEIR_S_CONFIRMED | WEIR_S_DYING)) == WEIR_S_CONFIRMED;

    return found && conn_hash(t, c, ref_dir(ref)) == hash && !conn_expired(t, c);
}

/* Is there such a connection? */
static bool exists(const struct track *t, struct member *m)
{
    struct table_probe probe;

    if (!m->ref || !is_at(t, m->ref, m->hash)) {
        m->ref = table_first(&t->table, m->hash, &probe);
        while (m->ref && !is_at(t, m->ref, m->hash))
            m->ref = table_next(&t->table, &probe);
    }
    return m->ref;
}

static bool is_gone(const struct track *t, struct member *m)
{
    return !exists(t, m) || is_closing(conn_at(t, m->ref));
}

/* --- adding and taking out --- */

static void evict(struct conncount *cc, uint32_t index)
{
    struct member *m = member_at(cc, index);
    uint32_t *link = member_bucket(cc, m->hash, m->list);
    struct list *l = list_at(cc, m->list);

    while (*link != index)
        link = &member_at(cc, *link)->next;
    *link = m->next;
    *(m->older ? &member_at(cc, m->older)->newer : &l->oldest) = m->newer;
    *(m->newer ? &member_at(cc, m->newer)->older : &l->newest) = m->older;
    if (l->cursor == index)
        l->cursor = m->newer;
    l->count--;
    m->list = 0;
    slab_free(&cc->members, index);
}

static void list_end(struct conncount *cc, const struct track *t, uint32_t index)
{
    struct list *l = list_at(cc, index);
    uint32_t *link = list_bucket(cc, t, &l->network, l->zone);

    while (*link != index)
        link = &list_at(cc, *link)->next;
    *link = l->next;
    l->used = false;
    slab_free(&cc->lists, index);
}

/* Look at some more connections, in whatever lists they are. */
static void look_at_members(struct conncount *cc, const struct track *t, unsigned looks)
{
    for (uint32_t *at = &cc->member_hand; looks--;) {
        *at = *at < cc->members.used ? *at + 1 : 1;
        if (member_at(cc, *at)->list && is_gone(t, member_at(cc, *at)))
            evict(cc, *at);
    }
}

/* Look at some more lists, for empty ones. */
static void look_at_lists(struct conncount *cc, const struct track *t, unsigned looks)
{
    for (uint32_t *at = &cc->list_hand; looks--;) {
        *at = *at < cc->lists.used ? *at + 1 : 1;
        if (list_at(cc, *at)->used && !list_at(cc, *at)->count)
            list_end(cc, t, *at);
    }
}

static uint32_t member_new(struct conncount *cc, const struct track *t)
{
    if (cc->members.count > SPARE)
        look_at_members(cc, t, HAND_LOOKS);
    if (cc->members.count == cc->members.capacity)
        look_at_members(cc, t, FULL_LOOKS);
    return slab_new(&cc->members);
}

static uint32_t list_new(struct conncount *cc, const struct track *t, const struct own *own)
{
    if (cc->lists.count > SPARE)
        look_at_lists(cc, t, HAND_LOOKS);
    if (cc->lists.count == cc->lists.capacity) {
        look_at_members(cc, t, FULL_LOOKS);
        look_at_lists(cc, t, FULL_LOOKS);
    }
    uint32_t index = slab_new(&cc->lists);
    uint32_t *bucket = list_bucket(cc, t, own->network, own->zone);

    if (!index)
        return 0;
    *list_at(cc, index) =
        (struct list){.network = *own->network, .zone = own->zone, .next = *bucket, .used = true};
    return *bucket = index;
}

static bool append(struct conncount *cc, const struct track *t, uint32_t list,
                   const struct own *own)
{
    struct list *l = list_at(cc, list);
    uint32_t *bucket = member_bucket(cc, own->hash, list), index = member_new(cc, t);

    if (!index)
        return false;
    *member_at(cc, index) = (struct member){
        .hash = own->hash, .ref = own->ref, .older = l->newest, .next = *bucket, .list = list};
    *bucket = index;
    *(l->newest ? &member_at(cc, l->newest)->newer : &l->oldest) = index;
    l->newest = index;
    l->count++;
    return true;
}

/* --- walking --- */

/* Is there anything to be found, and may it be looked for? */
static bool walk_due(struct conncount *cc, const struct track *t, const struct list *l,
                     const struct own *own)
{
    bool again = l->walked == track_now(t);

    if (cc->looks_tick != track_now(t)) {
        cc->looks_tick = track_now(t);
        cc->looks_left = TICK_LOOKS;
    }
    if (l->count > SHORT)
        return !again && cc->looks_left;
    return !own->assured || !again || l->removed != (uint32_t)t->stats.removed;
}

/* Take out what is gone. */
static void walk(struct conncount *cc, const struct track *t, struct list *l, const struct own *own)
{
    bool is_long = l->count > SHORT;
    uint32_t at = is_long && l->cursor ? l->cursor : l->oldest, newer, evicted = 0;

    l->walked = track_now(t);
    l->removed = (uint32_t)t->stats.removed;
    l->cursor = 0;
    for (; at && (own->assured || evicted < EVICT_MAX); at = newer) {
        struct member *m = member_at(cc, at);

        if (is_long && !cc->looks_left) {
            l->cursor = at;
            return;
        }
        cc->looks_left -= is_long;
        newer = m->newer;
        if (m->hash == own->hash && !own->assured && exists(t, m))
            return;
        if (is_gone(t, m)) {
            evict(cc, at);
            evicted++;
        }
    }
}

/* A packet without an entry (INVALID, or not tracked yet) is of the one that its tuple leads to. */
static struct own own_of(struct track *t, const struct pkt *p, const union weir_addr *network)
{
    const struct conn *c = p->conn;
    struct own own = {.network = network, .ref = p->handle};

    if (!c) {
        struct zone z = p->ctinfo == WEIR_CT_NONE ? zone_of(p) : (struct zone){0};

        own.zone = z.id;
        own.hash = track_hash(t, &p->tuple, zone_for(z.id, z.dirs, WEIR_ORIG));
        own.ref = ref_handle(track_find(t, &p->tuple, own.hash, z.id, z.dirs));
        c = own.ref ? conn_at(t, own.ref) : NULL;
    }
    if (c) {
        own.hash = conn_hash(t, c, WEIR_ORIG);
        own.zone = c->zone;
        own.assured = c->status & WEIR_S_ASSURED;
    }
    return own;
}

bool conncount_add(struct conncount *cc, struct track *t, const struct pkt *p,
                   const union weir_addr *network, uint32_t *count)
{
    const struct own own = own_of(t, p, network);
    uint32_t list = list_find(cc, t, network, own.zone);
    bool known = list && own.assured;

    if (list && walk_due(cc, t, list_at(cc, list), &own))
        walk(cc, t, list_at(cc, list), &own);
    if (!list)
        list = list_new(cc, t, &own);
    if (!list || (!known && !member_find(cc, own.hash, list) && !append(cc, t, list, &own)))
        return false;
    *count = list_at(cc, list)->count;
    return true;
}
