/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet as an element of a set: for each part of the set's type what the packet has there, of
 * its source or its destination as the rule says.
 *
 * Ports belong to TCP, UDP, UDP-Lite and SCTP, whose headers must be there whole. ICMP and ICMPv6
 * have type and code in their place, and all other protocols 0.
 */
#include "packet/headers.h"
#include "rules/match/link.h"
#include "rules/sets.h"

/* Bytes of the header that must be there, 0: the protocol has none of our concern. */
static uint32_t header_size(uint8_t family, uint8_t proto)
{
    switch (proto) {
    case PROTO_TCP: return TCP_MIN;
    case PROTO_UDP:
    case PROTO_UDPLITE: return UDP_SIZE;
    case PROTO_SCTP: return SCTP_SIZE;
    case PROTO_ICMP: return family == 4 ? ICMP_SIZE : 0;
    case PROTO_ICMPV6: return family == 6 ? ICMP_SIZE : 0;
    default: return 0;
    }
}

static bool take_port(struct eval *e, bool source, struct set_elem *elem)
{
    const struct parsed *ip = &e->p->ip;
    uint32_t size = header_size(e->family, ip->proto);

    elem->proto = ip->proto;
    if (size == 0)
        return !ip->proto_missing && (ip->first || e->family == 4);

    const uint8_t *header = eval_l4(e, size);

    if (!header)
        return false;
    if (ip->proto == PROTO_ICMP || ip->proto == PROTO_ICMPV6)
        elem->port = load_be16(header + ICMP_TYPE);
    else
        elem->port = load_be16(header + (source ? TCP_SRC : TCP_DST));
    return true;
}

static bool take_mac(const struct eval *e, bool source, struct set_elem *elem)
{
    const uint8_t *link = link_ethernet(e);

    /* On its way out the packet will have another destination. */
    if (!link || (!source && (e->hook == HOOK_OUTPUT || e->hook == HOOK_POSTROUTING)))
        return false;
    memcpy(elem->mac, link + (source ? ETHER_SRC : 0), SET_MAC_SIZE);
    elem->flags |= ELEM_HAS_MAC;
    return true;
}

static bool take_iface(const struct eval *e, bool source, struct set_elem *elem)
{
    const char *name = source ? e->in : e->out;
    size_t len = strlen(name);

    if (len == 0 || len >= SET_IFACE_SIZE)
        return false;
    memcpy(elem->iface, name, len);
    return true;
}

static bool take_part(const struct set *s, struct eval *e, enum set_part part, bool source,
                      unsigned addr, struct set_elem *elem)
{
    switch (part) {
    case SET_IP:
    case SET_NET: elem->addr[addr] = source ? eval_src(e) : eval_dst(e); return true;
    case SET_PORT:
        return take_port(e, source, elem) &&
               (s->head.type->parts > 1 || elem->proto == PROTO_TCP || elem->proto == PROTO_UDP);
    case SET_MAC: return take_mac(e, source, elem);
    case SET_MARK: elem->mark = e->p->raw->mark; return true;
    case SET_IFACE: return take_iface(e, source, elem);
    case SET_MEMBER:
    case SET_NO_PART: break;
    }
    return false;
}

bool set_elem_of_packet(const struct set *s, struct eval *e, struct set_dirs dirs,
                        struct set_elem *elem)
{
    const struct set_type *type = s->head.type;
    unsigned addrs = 0;

    if (type->parts > dirs.count || (s->head.family && s->head.family != e->family))
        return false;
    memset(elem, 0, sizeof(*elem));
    elem->prefix[0] = elem->prefix[1] = set_full_prefix(s->head.family);
    for (unsigned i = 0; i < type->parts; i++) {
        enum set_part part = (enum set_part)type->part[i];

        if (!take_part(s, e, part, dirs.source >> i & 1, addrs, elem))
            return false;
        addrs += part == SET_IP || part == SET_NET;
    }
    set_mask_elem(s, elem);
    return true;
}
