/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of things is Linux's (conntrack reference, 2.1; iptables reference, 1.1):
 *
 *     from a wire    PREROUTING, routing, INPUT
 *                                         or TTL, FORWARD, POSTROUTING
 *     from this host routing, OUTPUT, perhaps routing again, POSTROUTING
 *     to itself      OUTPUT, POSTROUTING, PREROUTING, INPUT
 *
 * What is dropped on its way leaves no new entry. A packet that a rule makes (an answer of REJECT,
 * a copy of TEE) walks the second way, inside the walk of the packet that caused it.
 */
#include "pipe/walk.h"
#include "packet/hop.h"
#include "pipe/classify.h"
#include "pipe/fragments.h"
#include "pipe/hooks.h"
#include "pipe/parcel.h"

static void clear(struct pkt *p, struct weir_packet *raw)
{
    p->raw = raw;
    p->templ = raw->templ;
    p->conn = NULL;
    p->handle = 0;
    p->found = 0;
    p->made_at = p->reply_hash = p->reply_vacant_at = 0;
    p->dir = WEIR_ORIG;
    p->ctinfo = WEIR_CT_NONE;
    p->tracked = p->traced = p->copied = false;
    p->made_templ = (struct weir_template){0};
    p->moved = p->gathered = false;
}

static bool must_verify(const struct track *t, const struct pkt *p)
{
    return t->set.checksum && p->raw->path != WEIR_PATH_OUTPUT &&
           !(p->raw->flags & WEIR_PKT_CSUM_OK) && !p->ip.cut;
}

/* Another shard put it together: it is parsed, and the walk goes on where that one stopped. */
static void begin_gathered(const struct weir_shard *s, struct pkt *p)
{
    p->reason = WEIR_R_NONE;
    parcel_open(p);
    p->verify_checksum = must_verify(&s->track, p);
    classify_key(&s->track, p);
}

void walk_begin(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw)
{
    clear(p, raw);
    if (raw->flags & WEIR_PKT_GATHERED && s->worker) {
        begin_gathered(s, p);
        return;
    }
    p->reason = parse_ip(&p->ip, raw->data, raw->len, raw->wire_len);
    if (!p->reason && !parse_hop_options(&p->ip))
        p->reason = WEIR_R_IP_OPTION;
    p->tuple_reason = p->reason;
    if (p->reason)
        return;
    p->verify_checksum = must_verify(&s->track, p);
    classify_key(&s->track, p);
}

void walk_begin_ordinary(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw,
                         const struct look *l)
{
    clear(p, raw);
    p->ip = glance_parsed(l->glance, raw->data);
    p->reason = WEIR_R_NONE;
    p->verify_checksum = must_verify(&s->track, p);
    p->tuple_reason = WEIR_R_NONE;
    p->tuple = tuple_of_ports(glance_addrs(l->glance, raw->data), raw->data + l->glance.l4_off,
                              p->ip.family, p->ip.proto);
    p->hash = l->hash;
    p->found = l->ref;
}

static union weir_addr destination(const struct pkt *p)
{
    union weir_addr dst = {{0}};

    if (p->ip.family == 4)
        dst.v4 = load_raw32(p->ip.ip + IP4_DST);
    else
        memcpy(&dst, p->ip.ip + IP6_DST, sizeof(dst));
    return dst;
}

/* Where it goes, and how. */
struct way {
    const struct made *copy; /* routed to its gateway; NULL: to the packet's destination */
    struct weir_route route;
    enum refrag_result fit;
    struct refrag refrag;
    struct hook_sides sides;
};

/* Is it the interface that -j TEE --oif names, if it names one? */
static bool leaves_by(const struct weir_shard *s, uint16_t iface, const char *wanted)
{
    const struct weir_host *host = &s->track.host;
    const char *name = host->iface_name ? host->iface_name(host->ctx, iface) : NULL;

    return !*wanted || (name && strcmp(name, wanted) == 0);
}

static bool find_route(struct weir_shard *s, struct pkt *p, struct way *way)
{
    const struct weir_host *host = &s->track.host;

    way->route = (struct weir_route){.out_iface = 1};
    way->fit = REFRAG_WHOLE;
    if (host->route)
        way->route = host->route(host->ctx, p->raw, p->ip.family,
                                 way->copy ? way->copy->gateway : destination(p));
    if (way->copy && !leaves_by(s, way->route.out_iface, way->copy->out))
        return hooks_drop(p, WEIR_R_NO_ROUTE);
    return way->route.local || way->route.out_iface || hooks_drop(p, WEIR_R_NO_ROUTE);
}

/* Before FORWARD, as in Linux: a hop less, and may it be cut if it must? */
static bool forward_checks(struct pkt *p, struct way *way)
{
    if (hop_left(p->ip.ip, p->ip.family) <= 1)
        return hooks_drop(p, WEIR_R_TTL_EXCEEDED);
    hop_spend(p->ip.ip, p->ip.family);
    way->fit = fragments_fit(p, way->route.mtu, &way->refrag);
    return way->fit != REFRAG_TOO_BIG || hooks_drop(p, WEIR_R_TOO_BIG);
}

/* Put it back into the form in which it leaves. */
static bool leave(struct weir_shard *s, struct pkt *p, struct way *way)
{
    /* What was found out before FORWARD is about bytes that may have moved or grown since. */
    if (p->moved && !way->route.local)
        way->fit = fragments_fit(p, way->route.mtu, &way->refrag);
    if (way->fit == REFRAG_TOO_BIG)
        return hooks_drop(p, WEIR_R_TOO_BIG);
    if (way->fit == REFRAG_BROKEN)
        return hooks_drop(p, WEIR_R_FRAG_HEADERS);
    if (!p->moved && way->fit == REFRAG_WHOLE) {
        p->raw->verdict = WEIR_ACCEPT;
        p->raw->packets_out = 1;
        return true;
    }
    p->raw->verdict = WEIR_REPLACED;
    p->raw->packets_out = fragments_send(s, p, way->fit, &way->refrag);
    return true;
}

static bool walk_routed(struct weir_shard *s, struct pkt *p, struct way *way)
{
    struct weir_packet *raw = p->raw;

    way->sides = (struct hook_sides){.in = raw->in_iface};
    if (!hooks_run(s, p, HOOK_PREROUTING, &way->sides) || !find_route(s, p, way))
        return false;
    if (way->route.local)
        return hooks_run(s, p, HOOK_INPUT, &way->sides) && leave(s, p, way);
    raw->out_iface = way->sides.out = way->route.out_iface;
    return forward_checks(p, way) && hooks_run(s, p, HOOK_FORWARD, &way->sides) &&
           hooks_run(s, p, HOOK_POSTROUTING, &way->sides) && leave(s, p, way);
}

/* What the mangle and nat tables of OUTPUT may change, so that another route is due (iptables
 * reference, 1.7). */
struct route_key {
    union weir_addr dst;
    uint8_t src[16];
    uint32_t mark;
    uint32_t first; /* IPv4: TOS; IPv6: class and flow label */
    uint8_t hops;
};

static struct route_key route_key(const struct pkt *p)
{
    const uint8_t *ip = p->ip.ip;
    bool six = p->ip.family == 6;
    struct route_key key = {.dst = destination(p), .mark = p->raw->mark};

    memcpy(key.src, ip + (six ? IP6_SRC : IP4_SRC), six ? 16 : 4);
    key.first = six ? load_raw32(ip) : ip[IP4_TOS];
    key.hops = six ? ip[IP6_HOPS] : 0;
    return key;
}

static bool same_key(const struct route_key *a, const struct route_key *b)
{
    return memcmp(&a->dst, &b->dst, sizeof(a->dst)) == 0 &&
           memcmp(a->src, b->src, sizeof(a->src)) == 0 && a->mark == b->mark &&
           a->first == b->first && a->hops == b->hops;
}

static bool walk_output(struct weir_shard *s, struct pkt *p, struct way *way)
{
    struct weir_packet *raw = p->raw;

    if (!find_route(s, p, way))
        return false;
    way->sides = (struct hook_sides){.out = way->route.out_iface, .out_loopback = way->route.local};
    struct route_key before = route_key(p);

    if (!hooks_run(s, p, HOOK_OUTPUT, &way->sides))
        return false;
    struct route_key after = route_key(p);

    if (!same_key(&before, &after)) {
        if (!find_route(s, p, way))
            return false;
        way->sides.out = way->route.out_iface;
        way->sides.out_loopback = way->route.local;
    }
    if (!hooks_run(s, p, HOOK_POSTROUTING, &way->sides))
        return false;
    if (way->route.local) {
        way->sides = (struct hook_sides){.in_loopback = true};
        p->tracked = true;
        return hooks_run(s, p, HOOK_PREROUTING, &way->sides) &&
               hooks_run(s, p, HOOK_INPUT, &way->sides) && leave(s, p, way);
    }
    raw->out_iface = way->route.out_iface;
    way->fit = fragments_fit(p, way->route.mtu, &way->refrag);
    return leave(s, p, way);
}

/* False: the packet stops here; its verdict and reason are set. */
static bool pass(struct weir_shard *s, struct pkt *p, const struct made *copy)
{
    struct way way;

    way.copy = copy;
    if (p->reason)
        return hooks_drop(p, p->reason);
    return p->raw->path == WEIR_PATH_OUTPUT ? walk_output(s, p, &way) : walk_routed(s, p, &way);
}

/* A new entry whose packet goes nowhere never existed; one that the packet ended is over now. */
static void drop_entry(struct weir_shard *s, struct pkt *p)
{
    if (p->conn && (p->conn->status & (WEIR_S_CONFIRMED | WEIR_S_DYING)) != WEIR_S_CONFIRMED) {
        conn_free(&s->track, p->handle);
        p->conn = NULL;
    }
}

void walk_run(struct weir_shard *s, struct pkt *p)
{
    struct weir_packet *raw = p->raw;
    struct weir_stats *stats = &s->track.stats;

    s->track.cause = raw;
    s->made = 0;
    stats->packets++;
    raw->out_iface = 0;
    raw->packets_out = 0;
    raw->rule = 0;
    if (pass(s, p, NULL))
        stats->accepted++;
    else if (raw->verdict == WEIR_HELD)
        stats->held++;
    else
        stats->dropped++;
    raw->packets_out = (uint16_t)(raw->packets_out + s->made);
    drop_entry(s, p);
    stats->reasons[p->reason]++;
    raw->ctinfo = (uint8_t)p->ctinfo;
    raw->reason = (uint8_t)p->reason;
    raw->dir = (uint8_t)p->dir;
    raw->conn = p->conn ? p->handle : 0;
    s->track.cause = NULL;
}

/* --- packets that rules make --- */

/*
 * An answer belongs to the connection of the packet that it answers, from the other side; one to a
 * packet of no connection is tracked as any other; a copy never is (iptables reference, 4.2, 4.7).
 */
static void adopt(struct pkt *made, const struct pkt *cause, enum made_kind kind)
{
    if (kind == MADE_COPY) {
        made->tracked = made->copied = true;
        made->ctinfo = WEIR_CT_UNTRACKED;
        return;
    }
    /* Something is attached to an answer to what is not tracked, so -j CT leaves it alone. */
    if (!cause->conn && cause->ctinfo == WEIR_CT_UNTRACKED)
        made->templ = &made->made_templ;
    if (!cause->conn)
        return;
    made->tracked = true;
    made->conn = cause->conn;
    made->handle = cause->handle;
    made->dir = cause->dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG;
    made->ctinfo = made->dir == WEIR_REPLY ? WEIR_CT_RELATED_REPLY : WEIR_CT_RELATED;
}

void walk_made(struct world *w, struct eval *e, const struct made *made)
{
    struct weir_shard *s = w->owner;
    const struct weir_host *host = &s->track.host;
    bool copy = made->kind == MADE_COPY;
    struct weir_packet raw = {.data = made->data,
                              .len = made->len,
                              .wire_len = made->wire_len,
                              .path = WEIR_PATH_OUTPUT,
                              .mark = copy ? e->p->raw->mark : 0};
    struct pkt p;

    if (s->nested + 1 >= RULES_NESTED_MAX)
        return;
    walk_begin(s, &p, &raw);
    if (p.reason)
        return;
    adopt(&p, e->p, made->kind);
    s->nested++;
    if (pass(s, &p, copy ? made : NULL)) {
        s->made = (uint16_t)(s->made + raw.packets_out);
        raw.ctinfo = (uint8_t)p.ctinfo;
        if (raw.verdict == WEIR_ACCEPT && host->packet)
            host->packet(host->ctx, &raw, s->track.cause);
    }
    if (p.conn != e->p->conn)
        drop_entry(s, &p);
    s->nested--;
}
