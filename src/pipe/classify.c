/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps are those of the conntrack reference, 2.2. */
#include "pipe/classify.h"
#include "nat/nat.h"
#include "packet/headers.h"
#include "proto/registry.h"
#include "track/proto.h"

void classify_key(const struct track *t, struct pkt *p)
{
    struct zone z = zone_of(p);

    p->reply_hash = 0;
    p->tuple_reason = tuple_from_packet(&p->tuple, &p->ip);
    if (!p->tuple_reason)
        p->hash = track_hash(t, &p->tuple, zone_for(z.id, z.dirs, WEIR_ORIG));
}

void classify_prefetch_new(const struct track *t, struct pkt *p)
{
    struct zone z = zone_of(p);
    struct weir_tuple inverse;

    if (!tuple_invert(&p->tuple, &inverse))
        return;
    p->reply_hash = track_hash(t, &inverse, zone_for(z.id, z.dirs, WEIR_REPLY));
    table_prefetch(&t->table, p->reply_hash);
    if (t->nat)
        nat_prefetch(t, p);
}

void classify_prefetch(const struct track *t, struct pkt *p)
{
    struct table_probe probe;

    if (p->tuple_reason)
        return;
    p->found = table_first(&t->table, p->hash, &probe);
    if (p->found)
        conn_prefetch(t, p->found, conn_has_state(p->ip.proto));
    else
        classify_prefetch_new(t, p);
}

static bool is_found(const struct track *t, const struct pkt *p, struct zone z)
{
    if (!p->found)
        return false;
    const struct conn *c = conn_at(t, p->found);
    enum weir_dir dir = ref_dir(p->found);

    return c->status & WEIR_S_CONFIRMED && conn_has_tuple(c, dir, &p->tuple) &&
           conn_zone(c, dir) == zone_for(z.id, z.dirs, dir) && !conn_expired(t, c) &&
           (dir == WEIR_REPLY || !(c->status & WEIR_S_NAT_CLASH));
}

/* Attach the packet's entry, an old one or a new one. */
static bool attach(struct track *t, struct pkt *p)
{
    struct zone z = zone_of(p);
    uint32_t ref = is_found(t, p, z) ? track_reply_first(t, p->found, &p->tuple)
                                     : track_find(t, &p->tuple, p->hash, z.id, z.dirs);

    p->found = 0;
    if (!ref)
        return conn_new(t, p);
    p->handle = ref_handle(ref);
    p->conn = conn_at(t, ref);
    p->dir = ref_dir(ref);
    return true;
}

static enum weir_ctinfo class_of(const struct conn *c, enum weir_dir dir)
{
    if (dir == WEIR_REPLY)
        return WEIR_CT_ESTABLISHED_REPLY;
    if (c->status & WEIR_S_SEEN_REPLY)
        return WEIR_CT_ESTABLISHED;
    return c->status & WEIR_S_EXPECTED ? WEIR_CT_RELATED : WEIR_CT_NEW;
}

static void say_invalid(struct track *t, const struct pkt *p)
{
    uint8_t which = t->set.log_invalid;

    if (which && t->host.message && (which == 255 || which == p->ip.proto))
        t->host.message(t->host.ctx, WEIR_MSG_INVALID, weir_reason_text(p->reason), p->raw);
}

static bool invalid(struct track *t, struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    p->ctinfo = WEIR_CT_INVALID;
    t->stats.invalid++;
    say_invalid(t, p);
    return true;
}

static bool family_fits(const struct pkt *p)
{
    return p->ip.proto != (p->ip.family == 4 ? PROTO_ICMPV6 : PROTO_ICMP);
}

static const struct proto *tracker_of(const struct pkt *p, const struct proto *usual)
{
    if (!(p->conn->parts & WEIR_IS_ONE_WAY))
        return usual;
    return usual->number == PROTO_TCP ? &proto_oneway_tcp : &proto_oneway_udp;
}

bool classify(struct track *t, struct pkt *p)
{
    const struct proto *proto = proto_find(p->ip.proto);

    /* A rule may have put it into another zone since it was looked up ahead. */
    if (p->templ == &p->made_templ && p->templ->zone) {
        classify_key(t, p);
        p->found = 0;
    }
    if (p->templ && p->templ->notrack) {
        p->ctinfo = WEIR_CT_UNTRACKED;
        return true;
    }
    if (p->ip.proto_missing || !p->ip.first)
        return invalid(t, p, p->tuple_reason);
    if (!family_fits(p))
        return invalid(t, p, WEIR_R_L4_FAMILY);
    if (proto->before && proto->before(t, p)) {
        if (p->ctinfo == WEIR_CT_INVALID)
            say_invalid(t, p);
        return true;
    }
    if (p->tuple_reason)
        return invalid(t, p, p->tuple_reason);
    for (;;) {
        if (!attach(t, p)) {
            p->conn = NULL;
            return p->reason == WEIR_R_NO_INVERSE ? invalid(t, p, p->reason) : false;
        }
        p->ctinfo = class_of(p->conn, p->dir);
        switch (tracker_of(p, proto)->packet(t, p)) {
        case PROTO_ACCEPT:
            if (p->ctinfo == WEIR_CT_ESTABLISHED_REPLY)
                conn_set_status(p->conn, WEIR_S_SEEN_REPLY, WEIR_EV_REPLY);
            if (p->reason)
                say_invalid(t, p);
            return true;
        case PROTO_REOPEN: conn_kill(t, p->handle); continue;
        case PROTO_INVALID:
            if (!(p->conn->status & WEIR_S_CONFIRMED))
                conn_free(t, p->handle);
            p->conn = NULL;
            return invalid(t, p, p->reason);
        }
    }
}
