/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of things is Linux's (conntrack reference, 2.1): fragments are gathered first, then the
 * packet is classified, routed, and at the very end of its way confirmed; what is dropped in
 * between leaves no entry.
 */
#include "pipe/walk.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "pipe/classify.h"
#include "pipe/fragments.h"

void walk_begin(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw)
{
    const struct track *t = &s->track;

    p->raw = raw;
    p->templ = raw->templ;
    p->conn = NULL;
    p->handle = 0;
    p->found = 0;
    p->dir = WEIR_ORIG;
    p->ctinfo = WEIR_CT_NONE;
    p->traced = p->copied = false;
    p->moved = p->gathered = false;
    p->reason = parse_ip(&p->ip, raw->data, raw->len, raw->wire_len);
    if (!p->reason && !parse_hop_options(&p->ip))
        p->reason = WEIR_R_IP_OPTION;
    p->tuple_reason = p->reason;
    if (p->reason)
        return;
    p->verify_checksum = t->set.checksum && raw->path != WEIR_PATH_OUTPUT &&
                         !(raw->flags & WEIR_PKT_CSUM_OK) && !p->ip.cut;
    classify_key(t, p);
}

static bool drop(struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    p->raw->verdict = WEIR_DROP;
    return false;
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

/* RFC 1812, 5.3.1; RFC 8200, 3: one hop less. The IPv4 header checksum follows its first byte. */
static bool spend_hop(struct pkt *p)
{
    uint8_t *ip = p->ip.ip;

    if (p->ip.family == 6) {
        if (ip[IP6_HOPS] <= 1)
            return false;
        ip[IP6_HOPS]--;
        return true;
    }
    if (ip[IP4_TTL] <= 1)
        return false;
    uint16_t before = load_raw16(ip + IP4_TTL);

    ip[IP4_TTL]--;
    store_raw16(ip + IP4_CHECKSUM,
                checksum_update(load_raw16(ip + IP4_CHECKSUM), before, load_raw16(ip + IP4_TTL)));
    return true;
}

/* Where it goes, and how. */
struct way {
    struct weir_route route;
    enum refrag_result fit;
    struct refrag refrag;
};

/* Decide where it goes and send it a hop further. False: it goes nowhere. */
static bool route(struct weir_shard *s, struct pkt *p, struct way *way)
{
    const struct weir_host *host = &s->track.host;

    way->route = (struct weir_route){.out_iface = 1};
    way->fit = REFRAG_WHOLE;
    if (host->route)
        way->route = host->route(host->ctx, p->raw, p->ip.family, destination(p));
    if (way->route.local)
        return true;
    if (!way->route.out_iface)
        return drop(p, WEIR_R_NO_ROUTE);
    p->raw->out_iface = way->route.out_iface;
    if (p->raw->path == WEIR_PATH_ROUTED && !spend_hop(p))
        return drop(p, WEIR_R_TTL_EXCEEDED);
    way->fit = fragments_fit(s, p, way->route.mtu, &way->refrag);
    return way->fit != REFRAG_TOO_BIG || drop(p, WEIR_R_TOO_BIG);
}

/* Put it back into the form in which it leaves. */
static bool leave(struct weir_shard *s, struct pkt *p, struct way *way)
{
    if (way->fit == REFRAG_BROKEN)
        return drop(p, WEIR_R_FRAG_HEADERS);
    if (!p->gathered && way->fit == REFRAG_WHOLE) {
        p->raw->verdict = WEIR_ACCEPT;
        p->raw->packets_out = 1;
        return true;
    }
    p->raw->verdict = WEIR_REPLACED;
    p->raw->packets_out = fragments_send(s, p, way->fit, &way->refrag);
    return true;
}

/*
 * What Linux makes of a fragment header that is not all there: it drops the packet, unless the
 * bytes that are there say that it is the first fragment and that an upper layer follows.
 */
static bool fragment_header_cut(const struct parsed *ip)
{
    return ip->frag_cut && (!ip->first || ip->proto_missing);
}

/* False: the packet stops here; its verdict and reason are set. */
static bool pass(struct weir_shard *s, struct pkt *p)
{
    struct track *t = &s->track;
    bool tracked = !p->reason && !s->untracked_family[p->ip.family == 6];
    struct way way;

    if (p->reason)
        return drop(p, p->reason);
    if (tracked && frag_wants(&p->ip)) {
        switch (fragments_gather(s, p)) {
        case GATHER_GO_ON: break;
        case GATHER_HELD: p->raw->verdict = WEIR_HELD; return false;
        case GATHER_DROP: return drop(p, p->reason);
        }
    } else if (tracked && fragment_header_cut(&p->ip)) {
        return drop(p, WEIR_R_FRAG_SHORT);
    }
    if (!tracked)
        p->ctinfo = WEIR_CT_UNTRACKED;
    else if (!classify(t, p))
        return drop(p, p->reason);
    if (!route(s, p, &way))
        return false;
    if (p->conn && !conn_confirm(t, p))
        return drop(p, p->reason);
    return leave(s, p, &way);
}

/*
 * A share of what is due, every so many packets of the shard's life: counted by packets and not by
 * batches, so that batches of any size give the same. A packet makes at most one entry, and the
 * wheel hands an entry back two or three times before it ends (once for each level it comes down),
 * so looking at four for each packet keeps up.
 */
static void expire_share(struct weir_shard *s)
{
    enum { EVERY = 32, LOOKS = 4 * EVERY };

    if (s->track.stats.packets % EVERY == 0)
        (void)expire_tick(&s->track, LOOKS);
}

void walk_run(struct weir_shard *s, struct pkt *p)
{
    struct weir_packet *raw = p->raw;
    struct weir_stats *stats = &s->track.stats;

    expire_share(s);
    s->track.cause = raw;
    stats->packets++;
    raw->out_iface = 0;
    raw->packets_out = 0;
    if (pass(s, p))
        stats->accepted++;
    else if (raw->verdict == WEIR_HELD)
        stats->held++;
    else
        stats->dropped++;
    /* A new entry whose packet goes nowhere never existed. */
    if (p->conn && !(p->conn->status & WEIR_S_CONFIRMED)) {
        conn_free(&s->track, p->handle);
        p->conn = NULL;
    }
    stats->reasons[p->reason]++;
    raw->ctinfo = (uint8_t)p->ctinfo;
    raw->reason = (uint8_t)p->reason;
    raw->dir = (uint8_t)p->dir;
    raw->conn = p->conn ? p->handle : 0;
    s->track.cause = NULL;
}
