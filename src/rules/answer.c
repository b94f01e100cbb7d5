/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/answer.h"
#include "packet/headers.h"
#include "packet/icmp_error.h"
#include "packet/icmp_limit.h"
#include "packet/tcp_reset.h"
#include "rules/named.h"

/* --- the limit --- */

static const struct ext_type limit_kind = {.name = "ICMP limit"};

bool answer_bind(struct world *w, const struct ext *x, void *state)
{
    struct answer *a = state;
    bool fresh;

    (void)x;
    a->limit = named_get(w, &limit_kind, 0, "", sizeof(struct icmp_limit), &fresh);
    if (a->limit && fresh)
        icmp_limit_init((void *)a->limit->object, &w->t->random, w->t->tick64);
    return a->limit;
}

void answer_unbind(struct world *w, const struct ext *x, void *state)
{
    struct answer *a = state;

    (void)x;
    named_put(w, a->limit);
}

static bool within_limit(const struct eval *e, const struct answer *a, const union weir_addr *peer)
{
    struct track *t = e->t;

    return !t->set.icmp_ratelimit ||
           icmp_limit_allow((void *)a->limit->object, &t->random, t->tick64, e->family, peer);
}

/* --- who may be answered --- */

static enum weir_addr_type type_of(const struct eval *e, const union weir_addr *addr)
{
    const struct weir_host *host = &e->t->host;

    return host->addr_type ? host->addr_type(host->ctx, e->family, addr, 0) : WEIR_ADDR_UNSPEC;
}

static bool for_many(enum weir_addr_type type)
{
    return type == WEIR_ADDR_BROADCAST || type == WEIR_ADDR_MULTICAST;
}

/* A route to the packet's source. */
static bool route_back(const struct eval *e, const union weir_addr *peer, struct weir_route *route)
{
    const struct weir_host *host = &e->t->host;

    *route = (struct weir_route){.out_iface = 1};
    if (host->route)
        *route = host->route(host->ctx, e->p->raw, e->family, *peer);
    return route->local || route->out_iface;
}

/* Who complains: who the packet was for, if that is this host. */
static bool find_source(const struct eval *e, const union weir_addr *peer,
                        const union weir_addr *dst, enum weir_addr_type dst_type,
                        union weir_addr *source)
{
    const struct weir_host *host = &e->t->host;

    if (dst_type == WEIR_ADDR_LOCAL || (!host->addr_type && e->hook == HOOK_INPUT)) {
        *source = *dst;
        return true;
    }
    return host->source && host->source(host->ctx, WEIR_SOURCE_ANSWER, 0, e->family, peer, source);
}

static void emit(struct eval *e, uint8_t *data, uint32_t len)
{
    const struct made made = {.kind = MADE_ANSWER, .data = data, .len = len};

    e->world->emit(e->world, e, &made);
}

/* --- ICMP --- */

/* Fresh, and never 0: only what must not be cut has that (RFC 6864, 4.1). */
static uint16_t new_id(const struct eval *e)
{
    return (uint16_t)(random_u32(&e->t->random) % UINT16_MAX + 1);
}

void answer_icmp(struct eval *e, const struct answer *a, uint8_t type, uint8_t code, uint32_t word)
{
    const struct parsed *ip = &e->p->ip;
    union weir_addr peer = eval_src(e), dst = eval_dst(e), source = {{0}};
    enum weir_addr_type dst_type = type_of(e, &dst);
    uint8_t data[ICMP_ERROR_MAX];
    struct weir_route route;

    if (!icmp_error_due(ip, type, code) || e->p->raw->pkt_type != WEIR_PKT_HOST ||
        for_many(dst_type) || !route_back(e, &peer, &route) ||
        !find_source(e, &peer, &dst, dst_type, &source) ||
        (!route.local && !within_limit(e, a, &peer)))
        return;

    const struct icmp_error error = {.src = &source,
                                     .word = word,
                                     .mtu = route.local ? 0 : route.mtu,
                                     .id = new_id(e),
                                     .type = type,
                                     .code = code};

    emit(e, data, icmp_error_build(data, &error, ip->ip, ip->have));
}

/* --- RST --- */

/* The connection is over, whether the RST arrives or not. */
static void close_connection(struct eval *e)
{
    struct conn *c = eval_conn(e);

    if (!c || c->proto != PROTO_TCP || conn_proto(c)->tcp.state == WEIR_TCP_CLOSE)
        return;
    conn_proto(c)->tcp.state = WEIR_TCP_CLOSE;
    c->events |= 1u << WEIR_EV_PROTOINFO;
    conn_refresh(e->t, e->p, track_timeout(e->t, c, WEIR_T_TCP_CLOSE));
}

void answer_reset(struct eval *e)
{
    union weir_addr peer = eval_src(e), dst = eval_dst(e);
    uint8_t data[TCP_RESET_MAX];
    struct weir_route route;

    if (!tcp_reset_due(&e->p->ip) || for_many(type_of(e, &dst)) || !route_back(e, &peer, &route))
        return;
    close_connection(e);
    emit(e, data, tcp_reset_build(data, &e->p->ip));
}
