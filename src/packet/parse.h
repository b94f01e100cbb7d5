/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parse once: what the rest of weir needs to know about an IP packet, from one walk over its
 * headers.
 *
 * Two lengths matter. `l3_len` is what the IP header says the packet is; all rules of protocols use
 * it. `have` is how many of those bytes are at hand; it is smaller only for packets that a capture
 * cut short, and nothing reads beyond it.
 */
#ifndef WEIR_PACKET_PARSE_H
#define WEIR_PACKET_PARSE_H

#include "base/bytes.h"
#include <weir/packet.h>

struct parsed {
    uint8_t *ip;
    uint32_t l3_len; /* by the IP header, link padding excluded */
    uint32_t have;   /* bytes of it present */
    uint32_t
        l4_off; /* where the upper-layer header begins, from ip; meaningless when proto_missing */
    uint32_t frag_off;   /* IPv6: offset of the fragment header, 0: none. IPv4: 0 */
    uint16_t frag_field; /* fragment offset and flags as they stand in the header, host order */
    uint8_t family;      /* 4 or 6 */
    uint8_t proto;       /* upper-layer protocol */
    bool fragment;       /* part of a larger datagram */
    bool first;          /* begins at the datagram's start: the upper-layer header is here */
    bool proto_missing;  /* IPv6: the header chain ends without an upper layer (RFC 8200: none, or
                            cut off) */
    bool frag_cut;       /* IPv6: there is a fragment header, of which not all is there */
    bool cut;            /* have < l3_len */
};

/* Length of the upper layer by the IP header, and how many of its bytes are present. */
static inline uint32_t parsed_l4_len(const struct parsed *p)
{
    return p->l3_len > p->l4_off ? p->l3_len - p->l4_off : 0;
}

static inline uint32_t parsed_l4_have(const struct parsed *p)
{
    return p->have > p->l4_off ? p->have - p->l4_off : 0;
}

/* `n` bytes of the upper layer from its start, or NULL when they are not all there. */
static inline uint8_t *parsed_l4(const struct parsed *p, uint32_t n)
{
    return parsed_l4_have(p) >= n && parsed_l4_len(p) >= n ? p->ip + p->l4_off : NULL;
}

/*
 * Parse the packet at `data`: `len` bytes present of `wire_len` (>= len) on the wire. WEIR_R_NONE,
 * or why the IP layer refuses it (RFC 1122, 3.2.1; RFC 8200). `data` is kept in `p`, not copied.
 */
enum weir_reason parse_ip(struct parsed *p, uint8_t *data, uint32_t len, uint32_t wire_len);

/*
 * May the packet pass by its IPv6 hop-by-hop options, if it has any? They are for every host on the
 * way, so the IP layer looks at them first (RFC 8200, 4.2): an option that it does not know says in
 * its two highest bits whether it may be skipped. Linux also refuses padding that is no padding:
 * more than seven bytes in a row, or bytes that are not zero.
 */
bool parse_hop_options(const struct parsed *p);

/*
 * Parse a packet quoted in an ICMP error: of `len` bytes, probably cut. Neither checksum, version
 * nor length fields are verified (conntrack reference, 4.3). False when no upper layer can be found
 * in it.
 */
bool parse_quote(struct parsed *p, uint8_t *data, uint32_t len, uint8_t family);

/*
 * Walk an IPv6 header chain (conntrack reference, 1.4) from `next` at offset `off`, in `have`
 * bytes. Fills proto, l4_off and the fragment fields of `p`.
 */
void parse_ip6_chain(struct parsed *p, uint8_t next, uint32_t off);

#endif
