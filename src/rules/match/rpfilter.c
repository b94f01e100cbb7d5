/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m rpfilter: would an answer to the packet leave by the interface that it came by (RFC 3704, 2.2;
 * iptables reference, 3.5)?
 *
 * The host's route is asked for the packet's source, as for a packet that this host sends. Linux
 * knows of each of its addresses which interface it is on; that is asked for as the address's type.
 */
#include "packet/headers.h"
#include "rules/match/addrtype.h"

enum { F_LOOSE, F_MARK, F_LOCAL, F_INVERT };

static const struct opt opts[] = {
    {"loose", F_LOOSE, OPT_FLAG},
    {"validmark", F_MARK, OPT_FLAG},
    {"accept-local", F_LOCAL, OPT_FLAG},
    {"invert", F_INVERT, OPT_FLAG},
    {0},
};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " rpfilter");
    for (const struct opt *o = opts; o->name; o++)
        if (ext_seen(x, o->id))
            text_addf(out, " %s", o->name);
}

/*
 * Sources to which no route is needed: of a host that has no address yet and asks its network for
 * one, and IPv6 addresses that are good on the arrival interface alone (RFC 4291, 2.5.6).
 */
static bool needs_no_route(const struct eval *e, const union weir_addr *src)
{
    if (e->family == 6)
        return !(src->half[0] | src->half[1]) ||
               (src->bytes[0] == 0xfe && (src->bytes[1] & 0xc0) == 0x80);
    uint32_t dst = load_be32(e->p->ip.ip + IP4_DST);

    return !src->v4 && (dst == UINT32_MAX || dst >> 8 == 0xe00000);
}

/*
 * An own address is not one that a packet comes from, unless the rule says that it may be. IPv6's
 * may come by any interface, as may all when the host cannot tell on which one they are.
 */
static bool accepts_local(const struct eval *e, const struct ext *x, const union weir_addr *src)
{
    if (!ext_seen(x, F_LOCAL))
        return false;
    return e->family == 6 || ext_seen(x, F_LOOSE) || !e->t->host.addr_type ||
           addrtype_of(e, src, e->in_iface) == WEIR_ADDR_LOCAL;
}

/* The route to the packet's source, for an answer. */
static bool route_fits(const struct eval *e, const struct ext *x, const union weir_addr *src)
{
    const struct weir_host *host = &e->t->host;
    struct weir_route route = {.out_iface = 1}; /* of a host that asks nobody */
    struct weir_packet answer = *e->p->raw;

    answer.in_iface = 0;
    answer.path = WEIR_PATH_OUTPUT;
    if (!ext_seen(x, F_MARK))
        answer.mark = 0;
    if (host->route)
        route = host->route(host->ctx, &answer, e->family, *src);
    if (route.local)
        return accepts_local(e, x, src);
    return route.out_iface && (ext_seen(x, F_LOOSE) || route.out_iface == e->in_iface);
}

static bool source_fits(const struct eval *e, const struct ext *x, const union weir_addr *src)
{
    switch ((int)addrtype_of(e, src, 0)) {
    case WEIR_ADDR_LOCAL: return accepts_local(e, x, src);
    case WEIR_ADDR_UNICAST: return route_fits(e, x, src);
    default: return false;
    }
}

static bool match(struct eval *e, const struct ext *x)
{
    const union weir_addr src = eval_src(e);
    bool fits = strcmp(e->in, "lo") == 0 || needs_no_route(e, &src) || source_fits(e, x, &src);

    return fits != ext_seen(x, F_INVERT);
}

const struct ext_type match_rpfilter = {
    .name = "rpfilter",
    .families = EXT_BOTH,
    .tables = IN_RAW | IN_MANGLE,
    .hooks = ON_PREROUTING,
    .opts = opts,
    .list = list,
    .match = match,
};
