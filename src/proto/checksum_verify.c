/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is a packet's Internet checksum right? One function for all protocols that use it.
 *
 * What is summed: the pseudo-header, with the protocol number that the caller names (0: none, as in
 * ICMP for IPv4) and the upper layer's length by the IP header, and the first `coverage` bytes of
 * the upper layer. So UDP passes the whole length whatever its own length field says, as Linux does
 * (a field that is too short leaves the rest of the packet under the checksum), and UDP-Lite passes
 * its coverage (RFC 3828, 3.1: the pseudo-header still has the full length).
 *
 * A sum with its checksum in it is all ones, ones' complement minus zero, when right (RFC 1071, 1).
 * Plain zero is the same number, but only a message of nothing but zeros sums to it: an ICMP echo
 * reply with identifier, sequence number and checksum 0. Linux calls that right; so the sum starts
 * as minus zero, which changes no other sum.
 */
#include "packet/checksum.h"
#include "track/proto.h"

enum { MINUS_ZERO = 0xffff };

bool proto_checksum_good_as(const struct pkt *p, uint8_t pseudo_proto, uint32_t pseudo_len,
                            uint32_t coverage)
{
    const struct parsed *ip = &p->ip;
    const uint8_t *l4 = parsed_l4(ip, coverage);
    uint64_t sum = MINUS_ZERO;

    if (!l4)
        return true; /* a capture cut it; the missing bytes may well make it right */
    if (pseudo_proto)
        sum += checksum_pseudo(ip->family, ip->ip, pseudo_proto, pseudo_len);
    return checksum_fold(checksum_add(sum, l4, coverage)) == MINUS_ZERO;
}

bool proto_checksum_good(const struct pkt *p, uint8_t pseudo_proto, uint32_t coverage)
{
    return proto_checksum_good_as(p, pseudo_proto, parsed_l4_len(&p->ip), coverage);
}
