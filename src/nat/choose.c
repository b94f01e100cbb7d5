/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tuple a new connection gets (NAT reference, 5.1 and 5.2). In this order: keep what it has;
 * what its source already has elsewhere; the address of the request with the port that it has; a
 * port that is searched for.
 */
#include "nat/inside.h"

/*
 * Connections of one source that are looked at for a mapping that fits the request. Linux looks at
 * all, and who sends from one port to many hosts, past rules that do not ask for this range, can
 * make that many. The newest nearly always fits.
 */
enum { SOURCE_LOOKS = 256 };

static bool same_original(const struct conn *a, const struct conn *b)
{
    struct weir_tuple tuple = conn_tuple(b, WEIR_ORIG);

    return conn_has_tuple(a, WEIR_ORIG, &tuple) &&
           conn_zone(a, WEIR_ORIG) == conn_zone(b, WEIR_ORIG);
}

uint32_t nat_obstacle(struct choice *ch)
{
    struct track *t = ch->t;
    uint16_t zone = conn_zone(ch->c, WEIR_REPLY);
    struct table_probe probe;

    t->nat->lookups++;
    ch->asked = ch->reply;
    ch->hash = track_hash(t, &ch->reply, zone);
    ch->vacant = false;
    for (uint32_t ref = table_first(&t->table, ch->hash, &probe); ref;
         ref = table_next(&t->table, &probe)) {
        const struct conn *other = conn_at(t, ref);

        if (!conn_has_tuple(other, ref_dir(ref), &ch->reply) ||
            conn_zone(other, ref_dir(ref)) != zone)
            continue;
        if (conn_expired(t, other)) {
            conn_kill(t, ref_handle(ref));
            break; /* a tuple is in the table once */
        }
        if (same_original(other, ch->c))
            return 0;
        t->stats.found++;
        return ref;
    }
    ch->vacant = true; /* in this shard's table */
    if (!t->peers || !t->peers->taken(t->peers, &ch->reply))
        return 0;
    t->stats.found++;
    return NAT_ELSEWHERE;
}

/*
 * May the connection stay with this reply tuple, if it is free? Where the request leaves a choice,
 * one is wanted that has its home here.
 */
static bool may_stay(const struct choice *ch, const struct weir_tuple *reply)
{
    const struct nat_range *r = ch->range;
    uint32_t asks = ch->type == NAT_SRC ? NAT_MAP_IPS | NAT_PORT_RANGE : NAT_PORT_RANGE;

    if (!ch->t->peers || !(r->flags & asks) || r->flags & (NAT_NETMAP | NAT_PORT_OFFSET) ||
        (r->flags & NAT_PORT_RANGE && r->min_port == r->max_port) || !nat_has_key(ch->c))
        return true;
    return nat_at_home(ch->t, reply);
}

/* --- 1: what it has --- */

/* Is the half-key, if there is one that counts, in the range? */
static bool key_in(const struct choice *ch, struct weir_tuple *reply)
{
    uint16_t key = BE16(*nat_key(reply, ch->type));

    return !nat_has_key(ch->c) || (key >= ch->range->min_port && key <= ch->range->max_port);
}

static bool addr_in(const struct nat_range *r, uint8_t family, const union weir_addr *addr)
{
    if (family == 4)
        return BE32(addr->v4) >= BE32(r->min.v4) && BE32(addr->v4) <= BE32(r->max.v4);
    return memcmp(addr, &r->min, sizeof(*addr)) >= 0 && memcmp(addr, &r->max, sizeof(*addr)) <= 0;
}

static bool fits(const struct choice *ch, struct weir_tuple *reply)
{
    uint32_t flags = ch->range->flags;

    return (!(flags & NAT_MAP_IPS) ||
            addr_in(ch->range, reply->family, nat_addr(reply, ch->type))) &&
           (!(flags & NAT_PORT_RANGE) || key_in(ch, reply));
}

/*
 * Both ends sent at once: what has the tuple is the packet from the other side, as it came.
 * Confirming makes one connection of the two, so there is nothing to get out of the way of.
 */
static bool is_mirror_image(const struct choice *ch, uint32_t ref)
{
    const uint32_t changed = WEIR_S_SRC_NAT | WEIR_S_DST_NAT | WEIR_S_SEQ_ADJUST;
    const struct conn *other = conn_at(ch->t, ref);
    struct weir_tuple tuple = conn_tuple(ch->c, WEIR_ORIG);

    return ref != NAT_ELSEWHERE && ref_dir(ref) == WEIR_ORIG && conn_may_clash(ch->c->proto) &&
           !((other->status | ch->c->status) & changed) &&
           conn_has_tuple(other, WEIR_REPLY, &tuple) &&
           conn_zone(other, WEIR_REPLY) == conn_zone(ch->c, WEIR_ORIG);
}

/* --- 2: what its source has --- */

/* The reply tuple with the source that another connection was given. */
static struct weir_tuple mapped_as(const struct choice *ch, const struct conn *other)
{
    struct weir_tuple theirs = conn_tuple(other, WEIR_REPLY), reply = ch->reply;

    reply.dst = theirs.dst;
    *nat_key(&reply, NAT_SRC) = *nat_key(&theirs, NAT_SRC);
    return reply;
}

static bool reuse(struct choice *ch)
{
    struct track *t = ch->t;
    uint32_t looks = t->set.nat_linux_search ? UINT32_MAX : SOURCE_LOOKS;

    ch->place = nat_sources_find(&t->nat->sources, t, ch->c);
    ch->looked = true;
    for (uint32_t at = ch->place.newest; at && looks; looks--) {
        struct conn *other = conn_at(t, at);
        struct weir_tuple reply = mapped_as(ch, other);

        if (fits(ch, &reply)) {
            struct choice trial = {.t = t, .c = ch->c, .reply = reply};

            if (!may_stay(ch, &reply) || nat_obstacle(&trial))
                return false;
            ch->reply = ch->asked = reply;
            ch->hash = trial.hash;
            ch->vacant = trial.vacant;
            return true;
        }
        at = conn_links(other)->older;
    }
    return false;
}

/* --- all together --- */

/* May it go as it now is? A range of one port is not checked: Linux leaves that to the end of the
 * packet's way, where it is dropped. */
static bool settles(struct choice *ch)
{
    const struct nat_range *r = ch->range;

    if (!may_stay(ch, &ch->reply))
        return false;
    if (!(r->flags & NAT_PORT_RANGE))
        return !nat_obstacle(ch);
    return !(r->flags & NAT_PORT_OFFSET) && key_in(ch, &ch->reply) &&
           (r->min_port == r->max_port || !nat_obstacle(ch));
}

bool nat_choose(struct choice *ch)
{
    bool random = ch->range->flags & NAT_RANDOM;

    if (ch->type == NAT_SRC && !random) {
        if (fits(ch, &ch->reply)) {
            uint32_t ref = may_stay(ch, &ch->reply) ? nat_obstacle(ch) : NAT_ELSEWHERE;

            if (!ref || is_mirror_image(ch, ref))
                return true;
        } else if (reuse(ch)) {
            return true;
        }
    }
    if (ch->range->flags & NAT_MAP_IPS)
        nat_choose_addr(ch);
    return (!random && settles(ch)) || nat_search(ch);
}
