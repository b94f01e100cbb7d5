/* SPDX-License-Identifier: BSD-2-Clause */
#include "track/tuple.h"
#include "packet/headers.h"

/* ICMP types that come in pairs (conntrack reference, 1.2). */
static const struct {
    uint8_t proto, request, answer;
} pairs[] = {
    {PROTO_ICMP, 8, 0},       /* echo, RFC 792 */
    {PROTO_ICMP, 13, 14},     /* timestamp */
    {PROTO_ICMP, 15, 16},     /* information */
    {PROTO_ICMP, 17, 18},     /* address mask, RFC 950 */
    {PROTO_ICMPV6, 128, 129}, /* echo, RFC 4443 */
    {PROTO_ICMPV6, 139, 140}, /* node information, RFC 4620 */
};

/* The type that answers `type`, or that it answers; -1: it has none. */
static int answer_to(uint8_t proto, uint8_t type)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++) {
        if (pairs[i].proto == proto && pairs[i].request == type)
            return pairs[i].answer;
        if (pairs[i].proto == proto && pairs[i].answer == type)
            return pairs[i].request;
    }
    return -1;
}

bool tuple_invert_icmp(const struct weir_tuple *t, struct weir_tuple *inverse)
{
    *inverse = *t;
    inverse->src = t->dst;
    inverse->dst = t->src;

    uint16_t type_code = BE16(t->dst_key);
    int type = answer_to(t->proto, (uint8_t)(type_code >> 8));

    inverse->dst_key = BE16((uint32_t)type << 8 | (type_code & 0xff));
    return type >= 0;
}

/* GRE: only version 1 has keys worth tracking (RFC 2637: the call ID). */
static enum weir_reason gre_keys(struct weir_tuple *t, const struct parsed *p)
{
    const uint8_t *h = parsed_l4(p, 4);

    if (!h || (load_be16(h + GRE_FLAGS) & GRE_VERSION) != 1)
        return WEIR_R_NONE;
    h = parsed_l4(p, GRE_V1_MIN);
    if (!h)
        return WEIR_R_NONE;
    if (load_be16(h + GRE_PROTOCOL) != GRE_PPP)
        return WEIR_R_GRE_PROTOCOL;
    t->dst_key = load_raw16(h + GRE_CALL_ID);
    return WEIR_R_NONE;
}

enum weir_reason tuple_from_packet(struct weir_tuple *t, const struct parsed *p)
{
    const uint8_t *l4;

    memset(t, 0, sizeof(*t));
    t->family = p->family;
    if (!p->first)
        return WEIR_R_L4_FRAGMENT;
    if (p->proto_missing)
        return WEIR_R_L4_NONE;
    t->proto = p->proto;
    if (p->family == 4) {
        t->src.v4 = load_raw32(p->ip + IP4_SRC);
        t->dst.v4 = load_raw32(p->ip + IP4_DST);
    } else {
        memcpy(&t->src, p->ip + IP6_SRC, 16);
        memcpy(&t->dst, p->ip + IP6_DST, 16);
    }
    switch (p->proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP:
        l4 = parsed_l4(p, 4);
        if (!l4)
            return WEIR_R_L4_SHORT;
        t->src_key = load_raw16(l4);
        t->dst_key = load_raw16(l4 + 2);
        return WEIR_R_NONE;
    case PROTO_ICMP:
    case PROTO_ICMPV6:
        l4 = parsed_l4(p, ICMP_SIZE);
        if (!l4)
            return WEIR_R_L4_SHORT;
        t->src_key = load_raw16(l4 + ICMP_ID);
        t->dst_key = load_raw16(l4 + ICMP_TYPE);
        return WEIR_R_NONE;
    case PROTO_GRE: return gre_keys(t, p);
    default: return WEIR_R_NONE;
    }
}
