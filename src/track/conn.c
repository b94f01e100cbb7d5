/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an entry: made, confirmed, refreshed, counted, ended (conntrack reference,
 * sections 2.3 to 2.7).
 */
#include "track/track.h"

struct conn_ext *conn_ext_get(struct track *t, struct conn *c)
{
    if (!c->ext) {
        c->ext = slab_new(&t->exts);
        if (!c->ext)
            return NULL;
        memset(slab_at(&t->exts, c->ext), 0, sizeof(struct conn_ext));
    }
    return slab_at(&t->exts, c->ext);
}

bool conn_set_label(struct track *t, struct conn *c, unsigned bit)
{
    struct conn_ext *ext = conn_ext_get(t, c);
    uint8_t mask = (uint8_t)(1u << bit % 8);

    if (!ext)
        return false;
    c->parts |= WEIR_HAS_LABELS;
    if (!(ext->labels[bit / 8] & mask)) {
        ext->labels[bit / 8] |= mask;
        c->events |= 1u << WEIR_EV_LABEL;
    }
    return true;
}

/* Of an entry that has one, as all with `parts` do. */
static struct conn_ext *ext_of(const struct track *t, const struct conn *c)
{
    return slab_at(&t->exts, c->ext);
}

bool conn_new(struct track *t, struct pkt *p)
{
    const struct weir_template *templ = p->templ;
    struct weir_tuple inverse;

    if (!tuple_invert(&p->tuple, &inverse)) {
        p->reason = WEIR_R_NO_INVERSE;
        return false;
    }
    uint32_t family = p->tuple.family == 6;
    uint32_t index = limits_admit(t, p->hash) ? slab_new(&t->conns[family]) : 0;

    if (!index) {
        p->reason = WEIR_R_TABLE_FULL;
        return false;
    }
    p->handle = handle_make(p->tuple.family, index);
    p->dir = WEIR_ORIG;
    p->made_at = 1 + t->stats.created;

    struct conn *c = p->conn = conn_at(t, p->handle);

    /* Line 1 of a protocol without state is not even touched. */
    memset(c, 0, conn_has_state(p->tuple.proto) ? t->conns[family].size : sizeof(*c));
    t->count++;
    c->family = p->tuple.family;
    c->proto = p->tuple.proto;
    conn_set_tuple(c, WEIR_ORIG, &p->tuple);
    conn_set_tuple(c, WEIR_REPLY, &inverse);
    c->zone = zone_of(p).id;
    c->zone_dirs = zone_of(p).dirs;
    c->event_mask = event_mask(t, templ);
    if (templ && t->policies[templ->policy].used)
        c->policy = templ->policy;
    if (t->set.acct)
        c->parts |= WEIR_HAS_COUNTERS;
    if (t->set.timestamp)
        c->parts |= WEIR_HAS_TIMESTAMP;
    if (c->parts && !conn_ext_get(t, c))
        c->parts = 0;
    if (t->set.oneway_zones && c->zone >= t->set.oneway_zones && (c->proto == 6 || c->proto == 17))
        c->parts |= WEIR_IS_ONE_WAY;
    return true;
}

void conn_free(struct track *t, uint32_t handle)
{
    struct conn *c = conn_at(t, handle);

    if (t->on_end)
        t->on_end(t, handle);
    if (c->ext)
        slab_free(&t->exts, c->ext);
    c->status = 0;
    t->count--;
    slab_free(&t->conns[handle >> HANDLE_IPV6], handle_index(handle));
}

static void end(struct track *t, uint32_t handle, int64_t time_ns)
{
    struct conn *c = conn_at(t, handle);

    if (c->parts & WEIR_HAS_TIMESTAMP)
        ext_of(t, c)->stop = time_ns;
    c->status |= WEIR_S_DYING;
    event_destroy(t, c, handle, time_ns);
    if (t->peers)
        t->peers->leave(t, handle);
    for (int dir = 0; dir < 2; dir++)
        table_del(&t->table, conn_hash(t, c, (enum weir_dir)dir), handle | (uint32_t)dir);
    expire_disarm(t, c);
    t->stats.removed++;
}

void conn_kill(struct track *t, uint32_t handle)
{
    const struct conn *c = conn_at(t, handle);
    int64_t time_ns = t->time_ns;

    /* What expired before anyone looked ended then, not now. */
    if (conn_expired(t, c))
        time_ns = (t->tick64 - (int64_t)(track_now(t) - c->deadline)) * WEIR_TICK_NS;
    end(t, handle, time_ns);
    conn_free(t, handle);
}

void conn_end(struct track *t, struct pkt *p)
{
    end(t, p->handle, t->time_ns);
}

void conn_set_timeout(struct track *t, struct conn *c, uint32_t handle, int32_t ticks)
{
    if (c->status & WEIR_S_DYING)
        return;
    if (!(c->status & WEIR_S_CONFIRMED)) {
        c->deadline = (uint32_t)ticks;
        return;
    }
    conn_prolong(t, c, handle, ticks);
}

void conn_refresh(struct track *t, struct pkt *p, int32_t ticks)
{
    if (!(p->conn->status & WEIR_S_FIXED_TIMEOUT))
        conn_set_timeout(t, p->conn, p->handle, ticks);
}

/* --- confirming --- */

/* The hashes of the entry's tuples, as far as they are known from making it. */
static void hashes(const struct track *t, const struct pkt *p, uint64_t hash[2])
{
    const struct conn *c = p->conn;
    bool reply = p->made_at && p->reply_hash;

    hash[WEIR_ORIG] = p->made_at ? p->hash : conn_hash(t, c, WEIR_ORIG);
    hash[WEIR_REPLY] = reply ? p->reply_hash : conn_hash(t, c, WEIR_REPLY);
}

/* Nobody had the tuple when somebody looked, and nobody has come since. */
static bool still_vacant(const struct track *t, uint64_t looked_at)
{
    return looked_at == 1 + t->stats.created;
}

/* Who has the tuple by now? */
static uint32_t find_dir(struct track *t, const struct conn *c, enum weir_dir dir, uint64_t hash)
{
    struct weir_tuple tuple = conn_tuple(c, dir);
    uint16_t zone = conn_zone(c, dir);
    struct table_probe probe;

    for (uint32_t ref = table_first(&t->table, hash, &probe); ref;
         ref = table_next(&t->table, &probe)) {
        const struct conn *other = conn_at(t, ref);

        if (conn_has_tuple(other, ref_dir(ref), &tuple) && conn_zone(other, ref_dir(ref)) == zone)
            return ref;
    }
    return 0;
}

static bool same_tuple(const struct conn *a, enum weir_dir a_dir, const struct conn *b,
                       enum weir_dir b_dir)
{
    struct weir_tuple tuple = conn_tuple(b, b_dir);

    return conn_has_tuple(a, a_dir, &tuple) && conn_zone(a, a_dir) == conn_zone(b, b_dir);
}

/* The same flow, seen from the same end or from the other (packets that crossed). */
static bool same_flow(const struct conn *a, const struct conn *b)
{
    return (same_tuple(a, WEIR_ORIG, b, WEIR_ORIG) && same_tuple(a, WEIR_REPLY, b, WEIR_REPLY)) ||
           (same_tuple(a, WEIR_ORIG, b, WEIR_REPLY) && same_tuple(a, WEIR_REPLY, b, WEIR_ORIG));
}

static bool refuse(struct track *t, struct pkt *p, enum weir_reason reason)
{
    t->stats.insert_failed++;
    t->stats.drop += reason == WEIR_R_CLASH;
    p->reason = reason;
    conn_free(t, p->handle);
    p->conn = NULL;
    return false;
}

/* The packet goes on with the entry that was first; its own vanishes. Class and direction stay as
 * they were decided. */
static bool join(struct track *t, struct pkt *p, uint32_t handle)
{
    t->stats.clash_resolve++;
    conn_free(t, p->handle);
    p->handle = handle;
    p->conn = conn_at(t, handle);
    conn_count_in(t, p->conn, WEIR_ORIG, p->ip.l3_len);
    return true;
}

/* Tell the homes of its tuples, if they are elsewhere. */
static bool enter(struct track *t, struct pkt *p)
{
    return !t->peers || t->peers->enter(t, p->handle) || refuse(t, p, WEIR_R_HANDOFF_FULL);
}

/* It entered, and then the table had no place for it. */
static bool too_long(struct track *t, struct pkt *p)
{
    if (t->peers)
        t->peers->leave(t, p->handle);
    return refuse(t, p, WEIR_R_CHAIN_TOO_LONG);
}

/* Enter only the reply direction, for a moment: the answers must find their way back through this
 * entry's NAT. */
static bool insert_reply_only(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;

    c->status |= WEIR_S_NAT_CLASH;
    if (!enter(t, p))
        return false;
    if (!table_add(&t->table, conn_hash(t, c, WEIR_REPLY), p->handle | WEIR_REPLY))
        return too_long(t, p);
    t->stats.clash_resolve++;
    t->stats.created++;
    c->status |= WEIR_S_CONFIRMED | WEIR_S_FIXED_TIMEOUT;
    c->deadline = track_now(t) + WEIR_TICKS_PER_SEC;
    expire_arm(t, c, p->handle);
    if (t->on_confirm)
        t->on_confirm(t, p->handle);
    return true;
}

static bool resolve_clash(struct track *t, struct pkt *p, uint32_t by_orig, uint32_t by_reply)
{
    uint32_t other = ref_handle(by_orig ? by_orig : by_reply);

    if (!conn_may_clash(p->conn->proto))
        return refuse(t, p, WEIR_R_CLASH);
    if (same_flow(p->conn, conn_at(t, other)))
        return join(t, p, other);
    if (by_reply)
        return refuse(t, p, WEIR_R_CLASH);
    return insert_reply_only(t, p);
}

static bool insert(struct track *t, struct pkt *p, const uint64_t hash[2])
{
    struct conn *c = p->conn;

    if (!enter(t, p))
        return false;
    if (!table_add(&t->table, hash[WEIR_ORIG], p->handle | WEIR_ORIG))
        goto full;
    if (!table_add(&t->table, hash[WEIR_REPLY], p->handle | WEIR_REPLY)) {
        table_del(&t->table, hash[WEIR_ORIG], p->handle | WEIR_ORIG);
        goto full;
    }
    c->status |= WEIR_S_CONFIRMED;
    c->deadline += track_now(t);
    expire_arm(t, c, p->handle);
    if (c->parts & WEIR_HAS_TIMESTAMP)
        ext_of(t, c)->start = t->time_ns;
    c->events |= (uint16_t)(1u << (c->status & WEIR_S_EXPECTED ? WEIR_EV_RELATED : WEIR_EV_NEW));
    t->stats.created++;
    if (t->on_confirm)
        t->on_confirm(t, p->handle);
    return true;

full:
    t->stats.chaintoolong++;
    return too_long(t, p);
}

bool conn_confirm(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;

    /* An ICMP error that relates to an entry confirms nothing; only a packet of the original
     * direction does. */
    if (!(c->status & WEIR_S_CONFIRMED) && p->dir == WEIR_ORIG) {
        uint32_t by_orig = 0, by_reply = 0;
        uint64_t hash[2];

        hashes(t, p, hash);
        /* Where a zone holds for one direction alone, making it asked another question. */
        if (c->zone || !still_vacant(t, p->made_at))
            by_orig = find_dir(t, c, WEIR_ORIG, hash[WEIR_ORIG]);
        if (!still_vacant(t, p->reply_vacant_at))
            by_reply = find_dir(t, c, WEIR_REPLY, hash[WEIR_REPLY]);

        if (by_orig || by_reply)
            return resolve_clash(t, p, by_orig, by_reply);
        if (!insert(t, p, hash))
            return false;
    }
    if (c->events && (c->status & (WEIR_S_CONFIRMED | WEIR_S_DYING)) == WEIR_S_CONFIRMED)
        event_deliver(t, c, p->handle);
    return true;
}
