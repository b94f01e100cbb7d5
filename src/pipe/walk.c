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

void walk_begin(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw)
{
    const struct track *t = &s->track;

    p->raw = raw;
    p->conn = NULL;
    p->handle = 0;
    p->found = 0;
    p->dir = WEIR_ORIG;
    p->ctinfo = WEIR_CT_NONE;
    p->reason = parse_ip(&p->ip, raw->data, raw->len, raw->wire_len);
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

/* Decide where it goes and send it a hop further. False: it goes nowhere. */
static bool route(struct weir_shard *s, struct pkt *p)
{
    const struct weir_host *host = &s->track.host;
    struct weir_route r = {.out_iface = 1};

    if (host->route)
        r = host->route(host->ctx, p->raw, p->ip.family, destination(p));
    if (r.local)
        return true;
    if (!r.out_iface)
        return drop(p, WEIR_R_NO_ROUTE);
    p->raw->out_iface = r.out_iface;
    if (p->raw->path == WEIR_PATH_ROUTED && !spend_hop(p))
        return drop(p, WEIR_R_TTL_EXCEEDED);
    return true;
}

static bool pass(struct weir_shard *s, struct pkt *p)
{
    struct track *t = &s->track;

    if (p->reason)
        return drop(p, p->reason);
    if (s->untracked_family[p->ip.family == 6])
        p->ctinfo = WEIR_CT_UNTRACKED;
    else if (!classify(t, p))
        return drop(p, p->reason);
    if (!route(s, p))
        return false;
    if (p->conn && !conn_confirm(t, p))
        return drop(p, p->reason);
    return true;
}

void walk_run(struct weir_shard *s, struct pkt *p)
{
    struct weir_packet *raw = p->raw;
    struct weir_stats *stats = &s->track.stats;

    stats->packets++;
    raw->out_iface = 0;
    if (pass(s, p)) {
        raw->verdict = WEIR_ACCEPT;
        raw->packets_out = 1;
        stats->accepted++;
    } else {
        raw->packets_out = 0;
        stats->dropped++;
        /* A new entry whose packet goes nowhere never existed. */
        if (p->conn && !(p->conn->status & WEIR_S_CONFIRMED))
            conn_free(&s->track, p->handle);
    }
    stats->reasons[p->reason]++;
    raw->ctinfo = (uint8_t)p->ctinfo;
    raw->reason = (uint8_t)p->reason;
    raw->dir = (uint8_t)p->dir;
    raw->conn = p->conn && p->conn->status & WEIR_S_CONFIRMED ? p->handle : 0;
}
