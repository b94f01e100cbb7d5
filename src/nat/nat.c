/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests for mappings, what becomes of them with their interfaces, and a shard's NAT as a whole.
 */
#include "nat/inside.h"

#include <errno.h>

/* --- requests --- */

/* Nothing is changed after the entry is in the table, or for the second time. */
static bool is_settled(const struct conn *c, enum nat_type type)
{
    return c->status & WEIR_S_CONFIRMED || nat_done(c, type);
}

/* Linux finds out when it confirms the entry, and counts it then. */
static bool exhausted(struct track *t, struct pkt *p)
{
    t->stats.insert_failed++;
    t->stats.drop++;
    p->reason = WEIR_R_NAT_EXHAUSTED;
    return false;
}

/* The choice is made. */
static void settle(struct choice *ch, uint32_t handle)
{
    struct conn *c = ch->c;

    if (!conn_has_tuple(c, WEIR_REPLY, &ch->reply)) {
        conn_set_tuple(c, WEIR_REPLY, &ch->reply);
        c->status |= ch->type == NAT_SRC ? WEIR_S_SRC_NAT : WEIR_S_DST_NAT;
    }
    c->status |= ch->type == NAT_SRC ? WEIR_S_SRC_NAT_DONE : WEIR_S_DST_NAT_DONE;
    if (ch->type == NAT_SRC && nat_sources_has(c))
        nat_sources_add(&ch->t->nat->sources, ch->t, handle, ch->looked ? &ch->place : NULL);
}

static void begin(struct choice *ch, struct track *t, struct pkt *p, const struct nat_range *range,
                  enum nat_type type)
{
    ch->t = t;
    ch->c = p->conn;
    ch->reply = conn_tuple(p->conn, WEIR_REPLY);
    ch->range = range;
    ch->type = type;
    ch->looked = false;
    ch->hash = 0;
}

/* Confirming will want to know what was found out about the reply tuple. */
static void hand_on(const struct choice *ch, struct pkt *p)
{
    if (ch->hash && memcmp(&ch->asked, &ch->reply, sizeof(ch->asked)) == 0) {
        p->reply_hash = ch->hash;
        p->reply_vacant_at = ch->vacant ? 1 + ch->t->stats.created : 0;
    } else {
        p->reply_hash = p->reply_vacant_at = 0;
    }
}

static bool choose(struct choice *ch, struct pkt *p)
{
    if (!nat_choose(ch))
        return exhausted(ch->t, p);
    settle(ch, p->handle);
    hand_on(ch, p);
    return true;
}

/* A request that is not simply a range from here to there, made one. */
static void make_plain(struct nat_range *range, struct choice *ch)
{
    *range = *ch->range;
    if (range->min_port > range->max_port) {
        range->min_port = ch->range->max_port;
        range->max_port = ch->range->min_port;
    }
    if (range->flags & NAT_NETMAP)
        nat_netmap(range, nat_addr(&ch->reply, ch->type));
}

bool nat_setup(struct track *t, struct pkt *p, const struct nat_range *range, enum nat_type type)
{
    struct nat_range plain;
    struct choice ch;

    if (is_settled(p->conn, type))
        return true;
    begin(&ch, t, p, range, type);
    if (range->flags & NAT_NETMAP || range->min_port > range->max_port) {
        make_plain(&plain, &ch);
        ch.range = &plain;
    }
    if (!choose(&ch, p))
        return false;
    if (type == NAT_SRC)
        t->nat->latest[p->conn->family == 6] = ch.reply.dst;
    return true;
}

bool nat_null(struct track *t, struct pkt *p, enum nat_type type)
{
    static const struct nat_range any = {.flags = 0};

    if (is_settled(p->conn, type))
        return true;
    struct choice ch;

    begin(&ch, t, p, &any, type);
    return choose(&ch, p);
}

/* --- MASQUERADE --- */

void nat_set_iface(struct conn *c, uint16_t iface)
{
    if (!is_settled(c, NAT_SRC))
        c->nat_iface = iface;
}

bool nat_moved(struct track *t, struct pkt *p, uint16_t out_iface)
{
    const struct conn *c = p->conn;

    if (!c || !c->nat_iface || c->nat_iface == out_iface || p->dir != WEIR_ORIG || nat_is_error(p))
        return false;
    p->reason = WEIR_R_NAT_MOVED;
    /* A packet that a rule made has the entry of the packet it answers, which still needs it: the
     * next one of the connection's own will end it. */
    if (c->status & WEIR_S_CONFIRMED && !p->tracked) {
        conn_count(t, p); /* once more: Linux ends the entry with an accounting of its own */
        conn_kill(t, p->handle);
        p->conn = NULL;
    }
    return true;
}

static bool is_gone(const struct conn *c, uint16_t iface, const union weir_addr *addr)
{
    if (!(c->status & WEIR_S_CONFIRMED) || c->nat_iface != iface)
        return false;
    union weir_addr mapped = conn_tuple(c, WEIR_REPLY).dst;

    return !addr || memcmp(&mapped, addr, c->family == 4 ? 4 : 16) == 0;
}

uint32_t nat_iface_gone(struct track *t, uint16_t iface, uint8_t family,
                        const union weir_addr *addr)
{
    uint32_t count = 0;

    for (uint32_t six = 0; iface && six < 2; six++) {
        uint8_t its_family = six ? 6 : 4;

        for (uint32_t i = 1; i <= t->conns[six].used; i++)
            if ((!addr || family == its_family) &&
                is_gone(slab_at(&t->conns[six], i), iface, addr)) {
                conn_kill(t, handle_make(its_family, i));
                count++;
            }
    }
    return count;
}

/* --- a shard's NAT --- */

/* An entry is about to be freed. */
static void ended(struct track *t, uint32_t handle)
{
    const struct conn *c = conn_at(t, handle);

    if (nat_sources_has(c))
        nat_sources_del(&t->nat->sources, t, handle);
    if (t->nat->ports.pools.count && c->status & WEIR_S_CONFIRMED)
        nat_ports_note(t, c, false);
}

void nat_prefetch(const struct track *t, const struct pkt *p)
{
    const struct weir_tuple *tuple = &p->tuple;
    const struct zone z = zone_of(p);

    nat_sources_prefetch(&t->nat->sources, t, p);
    if (nat_is_icmp(tuple->proto))
        return;
    /* It will probably be translated to what the one before it was, and keep its port. */
    const struct weir_tuple reply = {.src = tuple->dst,
                                     .dst = t->nat->latest[tuple->family == 6],
                                     .src_key = tuple->dst_key,
                                     .dst_key = tuple->src_key,
                                     .family = tuple->family,
                                     .proto = tuple->proto};

    table_prefetch(&t->table, track_hash(t, &reply, zone_for(z.id, z.dirs, WEIR_REPLY)));
}

int nat_init(struct track *t)
{
    if (t->nat)
        return 0;
    t->nat = t->host.reserve(t->host.ctx, sizeof(*t->nat));
    if (!t->nat)
        return -ENOMEM;
    if (nat_sources_init(&t->nat->sources, t) || nat_ports_init(&t->nat->ports, t)) {
        nat_fini(t);
        return -ENOMEM;
    }
    t->on_end = ended;
    return 0;
}

void nat_fini(struct track *t)
{
    if (!t->nat)
        return;
    nat_ports_fini(&t->nat->ports, &t->host);
    nat_sources_fini(&t->nat->sources, &t->host);
    t->host.release(t->host.ctx, t->nat, sizeof(*t->nat));
    t->nat = NULL;
    t->on_end = NULL;
    t->on_confirm = NULL;
}
