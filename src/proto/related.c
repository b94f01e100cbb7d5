/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors: the message belongs to the connection of the packet that it quotes.
 *
 * An error answers the quoted packet, so it travels as a reply to that packet would. Its connection
 * and direction are therefore those of the quoted tuple's inverse: RELATED when that is the
 * original tuple (the error travels in original direction), RELATED_REPLY when it is the reply
 * tuple.
 *
 * Any router on the way may send an error, so its source proves nothing. Its destination does: the
 * error must be addressed to the one whom the matched tuple names as destination, which is who sent
 * the quoted packet. An error that quotes somebody else's packet is a forgery or gone astray
 * (conntrack reference, 4.3).
 *
 * Of the quoted packet only what makes the tuple is looked at. It may be cut short, and routers on
 * the way have changed its TTL, perhaps its length and checksum; Linux verifies none of them, not
 * even the version or that an IPv4 header is at least 20 bytes long, and so does parse_quote(). An
 * error about an error has no inverse tuple and so no connection.
 *
 * An error leaves the connection as it is: no refresh, no count, no SEEN_REPLY. Otherwise who can
 * guess a tuple could keep it alive.
 */
#include "proto/related.h"
#include "packet/headers.h"

bool related_refuse(struct track *t, struct pkt *p, enum weir_reason reason)
{
    t->stats.icmp_error++;
    p->ctinfo = WEIR_CT_INVALID;
    p->reason = reason;
    return true;
}

bool related_tuple(const struct parsed *error, uint32_t off, struct weir_tuple *reply)
{
    uint32_t have = parsed_l4_have(error);
    struct weir_tuple quoted;
    struct parsed ip;

    return off <= have &&
           parse_quote(&ip, error->ip + error->l4_off + off, have - off, error->family) &&
           tuple_from_packet(&quoted, &ip) == WEIR_R_NONE && tuple_invert(&quoted, reply);
}

static uint32_t find(struct track *t, const struct pkt *p, const struct weir_tuple *tuple)
{
    struct zone zone = zone_of(p);
    uint64_t hash = track_hash(t, tuple, zone_for(zone.id, zone.dirs, WEIR_ORIG));

    return track_find(t, tuple, hash, zone.id, zone.dirs);
}

static bool addressed_to(const struct parsed *ip, const union weir_addr *dst)
{
    if (ip->family == 4)
        return load_raw32(ip->ip + IP4_DST) == dst->v4;
    return memcmp(ip->ip + IP6_DST, dst->bytes, sizeof(dst->bytes)) == 0;
}

bool related_find(struct track *t, struct pkt *p, uint32_t off)
{
    struct weir_tuple tuple;

    if (!related_tuple(&p->ip, off, &tuple))
        return related_refuse(t, p, WEIR_R_ICMP_QUOTE);
    uint32_t ref = find(t, p, &tuple);

    if (!ref)
        return related_refuse(t, p, WEIR_R_ICMP_UNKNOWN);
    if (!addressed_to(&p->ip, &tuple.dst))
        return related_refuse(t, p, WEIR_R_ICMP_ADDRESS);
    p->conn = conn_at(t, ref);
    p->handle = ref_handle(ref);
    p->dir = ref_dir(ref);
    p->ctinfo = p->dir == WEIR_ORIG ? WEIR_CT_RELATED : WEIR_CT_RELATED_REPLY;
    return true;
}
