/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done in the short way, and when: express.h. */
#include "pipe/express.h"
#include "nat/nat.h"
#include "packet/checksum.h"
#include "packet/hop.h"
#include "pipe/shard.h"
#include "proto/registry.h"

/* --- the plan --- */

/* Tables and hooks in the order in which a packet meets them. */
struct stop {
    enum weir_table table;
    enum hook hook;
};

static const struct stop forward[] = {
    {WEIR_TABLE_RAW, HOOK_PREROUTING},   {WEIR_TABLE_MANGLE, HOOK_PREROUTING},
    {WEIR_TABLE_MANGLE, HOOK_FORWARD},   {WEIR_TABLE_FILTER, HOOK_FORWARD},
    {WEIR_TABLE_SECURITY, HOOK_FORWARD}, {WEIR_TABLE_MANGLE, HOOK_POSTROUTING},
};

static const struct stop input[] = {
    {WEIR_TABLE_RAW, HOOK_PREROUTING}, {WEIR_TABLE_MANGLE, HOOK_PREROUTING},
    {WEIR_TABLE_MANGLE, HOOK_INPUT},   {WEIR_TABLE_FILTER, HOOK_INPUT},
    {WEIR_TABLE_SECURITY, HOOK_INPUT},
};

static void plan_path(const struct weir_rules *rules, const struct stop *stops, size_t n,
                      struct express_path *path)
{
    *path = (struct express_path){.open = true};
    for (size_t i = 0; i < n && path->open; i++) {
        uint8_t before = path->counted.count;

        path->open = rules_settled(rules, stops[i].table, stops[i].hook, &path->counted);
        if (stops[i].table == WEIR_TABLE_FILTER && path->counted.count > before)
            path->rule = path->counted.decided + 1;
    }
}

void express_plan(struct weir_shard *s, unsigned family_index)
{
    struct express *express = &s->express[family_index];
    const struct rules_run *run = s->rules[family_index];
    const struct weir_rules *rules = run ? run->rules : NULL;

    memset(express, 0, sizeof(*express));
    if (s->untracked_family[family_index])
        return;
    plan_path(rules, forward, WEIR_ARRAY_LEN(forward), &express->forward);
    plan_path(rules, input, WEIR_ARRAY_LEN(input), &express->input);
    express->forward.nat = rules_has(run, WEIR_TABLE_NAT, HOOK_PREROUTING) &&
                           rules_has(run, WEIR_TABLE_NAT, HOOK_POSTROUTING);
}

/* --- may it be taken? --- */

/*
 * All of this is compiled twice, for IPv4 and for IPv6: `six` is known wherever it stands, and what
 * is asked of a packet is asked with few branches, since they cost more here than what they decide.
 */
#define EXPRESS __attribute__((always_inline)) static inline

EXPRESS bool same_addrs(const struct conn *c, enum weir_dir dir, const uint8_t *ip, bool six)
{
    if (!six)
        return load_raw64(c->addr4[dir]) == load_raw64(ip + IP4_SRC);

    const union weir_addr *addr = ((const struct conn6 *)c)->addr[dir];
    const uint8_t *at = ip + IP6_SRC;

    return ((addr[0].half[0] ^ load_raw64(at)) | (addr[0].half[1] ^ load_raw64(at + 8)) |
            (addr[1].half[0] ^ load_raw64(at + 16)) | (addr[1].half[1] ^ load_raw64(at + 24))) == 0;
}

/* The packet's tuple is the entry's, and neither is in a zone. */
EXPRESS bool is_its(const struct conn *c, enum weir_dir dir, const uint8_t *ip, uint8_t proto,
                    bool six)
{
    uint32_t keys = load_raw32(ip + (six ? IP6_SIZE : IP4_MIN));

    return ((load_raw32(c->key[dir]) ^ keys) | (uint32_t)(c->proto ^ proto) |
            (uint32_t)(c->family ^ (six ? 6 : 4)) | c->zone) == 0 &&
           same_addrs(c, dir, ip, six);
}

/* Nothing is due to it, nothing about it is special, and it has not expired. */
EXPRESS bool is_settled(const struct track *t, const struct conn *c)
{
    const uint32_t must = WEIR_S_CONFIRMED | WEIR_S_SEEN_REPLY | WEIR_S_ASSURED;
    const uint32_t never = WEIR_S_DYING | WEIR_S_FIXED_TIMEOUT | WEIR_S_TEMPLATE |
                           WEIR_S_NAT_CLASH | WEIR_S_HELPER | WEIR_S_SEQ_ADJUST;

    return (((c->status & (must | never)) ^ must) | c->events | (c->parts & WEIR_IS_ONE_WAY)) ==
               0 &&
           !conn_expired(t, c);
}

static bool sum_good(const uint8_t *ip, struct glance g)
{
    const uint8_t *l4 = ip + g.l4_off;
    uint32_t len = (uint32_t)g.len - g.l4_off;

    if (g.proto == PROTO_UDP && load_raw16(l4 + UDP_CHECKSUM) == 0)
        return true;
    return checksum_fold(checksum_add(checksum_pseudo(glance_family(g), ip, g.proto, len), l4,
                                      len)) == UINT16_MAX;
}

/* Where it goes: NAT leaves it with the source of the other direction for its destination, which is
 * its own without NAT. The host is asked before it is rewritten, and again should it go the long
 * way. */
EXPRESS struct weir_route find_route(const struct track *t, const struct weir_packet *raw,
                                     const struct conn *c, enum weir_dir dir, bool six)
{
    if (!t->host.route)
        return (struct weir_route){.out_iface = 1};

    union weir_addr dst = {.v4 = c->addr4[!dir][0]};

    if (six)
        dst = ((const struct conn6 *)c)->addr[!dir][0];
    return t->host.route(t->host.ctx, raw, six ? 6 : 4, dst);
}

/* Forwarded, and as it is: it has a hop to spend, fits, and leaves by where it always left. */
EXPRESS bool leads_on(const struct conn *c, const struct weir_packet *raw, struct glance g,
                      enum weir_dir dir, const struct weir_route *route, bool six)
{
    return hop_left(raw->data, six ? 6 : 4) > 1 && route->out_iface &&
           (!route->mtu || g.len <= route->mtu) &&
           (!c->nat_iface || c->nat_iface == route->out_iface || dir != WEIR_ORIG);
}

/* --- what is done --- */

static void count(struct rules_run *run, const struct settled *by, uint32_t bytes)
{
    for (uint8_t i = 0; i < by->count; i++) {
        run->counts[by->number[i]].packets++;
        run->counts[by->number[i]].bytes += bytes;
    }
}

EXPRESS bool take(struct weir_shard *s, struct weir_packet *raw, const struct look *l, bool six)
{
    struct track *t = &s->track;
    struct conn *c = l->conn;
    enum weir_dir dir = ref_dir(l->ref);
    struct glance g = l->glance;
    uint8_t *l4 = raw->data + (six ? IP6_SIZE : IP4_MIN);
    bool nat = c->status & (WEIR_S_SRC_NAT | WEIR_S_DST_NAT);

    if (!is_settled(t, c) || !is_its(c, dir, raw->data, g.proto, six))
        return false;

    const struct weir_route route = find_route(t, raw, c, dir, six);
    const struct express_path *path =
        route.local ? &s->express[six].input : &s->express[six].forward;

    if (!path->open || (nat && !path->nat) ||
        (!route.local && !leads_on(c, raw, g, dir, &route, six)) ||
        (t->set.checksum && !(raw->flags & WEIR_PKT_CSUM_OK) && !sum_good(raw->data, g)) ||
        !(g.proto == PROTO_UDP ? udp_express : tcp_express)(t, c, l->ref, l4,
                                                            (uint32_t)(g.len - g.l4_off)))
        return false;

    /* From here on nothing can stop it. */
    conn_count_in(t, c, dir, g.len);
    if (nat)
        nat_express(c, dir, raw->data, g);
    if (!route.local)
        hop_spend(raw->data, six ? 6 : 4);
    if (path->counted.count)
        count(s->rules[six], &path->counted, g.len);
    t->stats.packets++;
    t->stats.accepted++;
    t->stats.reasons[WEIR_R_NONE]++;
    raw->verdict = WEIR_ACCEPT;
    raw->out_iface = route.local ? 0 : route.out_iface;
    raw->packets_out = 1;
    raw->rule = path->rule;
    raw->ctinfo = (uint8_t)(dir == WEIR_ORIG ? WEIR_CT_ESTABLISHED : WEIR_CT_ESTABLISHED_REPLY);
    raw->reason = WEIR_R_NONE;
    raw->dir = (uint8_t)dir;
    raw->conn = ref_handle(l->ref);
    return true;
}

bool express_run(struct weir_shard *s, struct weir_packet *raw, const struct look *l)
{
    if (l->ref >> HANDLE_IPV6 != (l->glance.l4_off != IP4_MIN))
        return false;
    return l->glance.l4_off == IP4_MIN ? take(s, raw, l, false) : take(s, raw, l, true);
}
