/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_tuple: a slow and obvious reader of headers, see scenario_tuple.h.
 */
#include "scenario_tuple.h"

#include <netinet/in.h>
#include <string.h>

#include "../lib/wire.h"

enum {
    IP4_HEADER = 20,
    IP6_HEADER = 40,
    ICMP_HEADER = 8,
    GRE_HEADER = 8,
    GRE_PPP = 0x880b,
    ICMP6_ERRORS = 128, /* types below are errors (RFC 4443, 2.1) */
};

/* What is left of a packet. */
struct rest {
    const uint8_t *p;
    size_t len;
};

static bool skip(struct rest *r, size_t n)
{
    if (r->len < n)
        return false;
    r->p += n;
    r->len -= n;
    return true;
}

static bool read_ip4(struct rest *r, struct rig_tuple *t)
{
    if (r->len < IP4_HEADER)
        return false;
    t->family = AF_INET;
    t->proto = r->p[9];
    memcpy(t->src, r->p + 12, 4);
    memcpy(t->dst, r->p + 16, 4);
    bool first = (wire_get16(r->p + 6) & 0x1fff) == 0;
    return skip(r, (r->p[0] & 15) * 4u) && first;
}

/* The headers that may stand between the IPv6 header and the upper layer. */
static bool read_ip6(struct rest *r, struct rig_tuple *t)
{
    if (r->len < IP6_HEADER)
        return false;
    t->family = AF_INET6;
    t->proto = r->p[6];
    memcpy(t->src, r->p + 8, 16);
    memcpy(t->dst, r->p + 24, 16);
    skip(r, IP6_HEADER);
    for (;;) {
        size_t size;

        if (t->proto == IPPROTO_NONE)
            return false;
        if (t->proto != IPPROTO_HOPOPTS && t->proto != IPPROTO_ROUTING &&
            t->proto != IPPROTO_FRAGMENT && t->proto != IPPROTO_AH && t->proto != IPPROTO_DSTOPTS)
            return true;
        if (r->len < 8)
            return false;
        if (t->proto == IPPROTO_FRAGMENT)
            size = 8;
        else if (t->proto == IPPROTO_AH)
            size = (r->p[1] + 2u) * 4;
        else
            size = (r->p[1] + 1u) * 8;
        if (t->proto == IPPROTO_FRAGMENT && wire_get16(r->p + 2) & 0xfff8)
            return false;
        t->proto = r->p[0];
        if (!skip(r, size))
            return false;
    }
}

static bool read_ip(struct rest *r, struct rig_tuple *t)
{
    memset(t, 0, sizeof(*t));
    if (!r->len)
        return false;
    return r->p[0] >> 4 == 6 ? read_ip6(r, t) : read_ip4(r, t);
}

static bool is_error(const struct rest *r, const struct rig_tuple *t)
{
    uint8_t type = r->p[0];

    if (t->proto == IPPROTO_ICMPV6)
        return type < ICMP6_ERRORS;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* Behind the IP header; errors and what they quote are the caller's business. */
static bool read_keys(const struct rest *r, struct rig_tuple *t)
{
    switch (t->proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
        if (r->len < 4)
            return false;
        t->sport = wire_get16(r->p);
        t->dport = wire_get16(r->p + 2);
        return true;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        if (r->len < ICMP_HEADER)
            return false;
        t->icmp_type = r->p[0];
        t->icmp_code = r->p[1];
        t->icmp_id = wire_get16(r->p + 4);
        return true;
    case IPPROTO_GRE:
        if (r->len >= GRE_HEADER && (r->p[1] & 7) == 1) {
            t->dport = wire_get16(r->p + 6);
            return wire_get16(r->p + 2) == GRE_PPP;
        }
        return true;
    default: return true;
    }
}

bool scenario_tuple(const uint8_t *packet, size_t len, struct rig_tuple *tuple)
{
    struct rest r = {packet, len};

    if (!read_ip(&r, tuple))
        return false;
    if ((tuple->proto == IPPROTO_ICMP || tuple->proto == IPPROTO_ICMPV6) && r.len >= ICMP_HEADER &&
        is_error(&r, tuple)) {
        skip(&r, ICMP_HEADER);
        if (!read_ip(&r, tuple))
            return false;
    }
    return read_keys(&r, tuple);
}
