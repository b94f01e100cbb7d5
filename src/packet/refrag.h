/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cutting a datagram into fragments on its way out, as Linux's forwarding does (conntrack
 * reference, 5.4; RFC 791, 3.2; RFC 8200, 4.5).
 *
 * A gathered datagram never leaves in larger pieces than it came in: its largest original fragment
 * is the limit, or the interface's MTU if that is smaller. It is cut where it was cut before,
 * provided every piece still fits there; otherwise anew into the largest pieces that do. An IPv4
 * datagram is cut even if it would fit as a whole.
 *
 * No memory is needed and no data is copied: each piece's header is written over the end of the
 * piece before. So a piece is valid, and must not be changed, until the next is asked for.
 */
#ifndef WEIR_PACKET_REFRAG_H
#define WEIR_PACKET_REFRAG_H

#include "packet/frag.h"

enum refrag_result {
    REFRAG_WHOLE = 1, /* send it as it is */
    REFRAG_PIECES,    /* send what refrag_next() returns */
    REFRAG_TOO_BIG,   /* drop it; ICMP 3/4 or ICMPv6 2/0 with `mtu` to its source */
    REFRAG_BROKEN     /* IPv6: drop it; fragment 0 ended inside headers that every piece repeats */
};

struct refrag {
    uint32_t mtu; /* what to say to the source of one too big */

    /* Inside. */
    const struct frag_layout *layout; /* NULL: not cut along it */
    uint8_t *ip;                      /* the datagram */
    uint32_t len;
    uint32_t begin; /* where its data begins... */
    uint32_t at;    /* ...and how far it was given out */
    uint32_t space; /* bytes of data that a piece can hold */
    uint8_t *head;  /* header of the latest piece */
    uint32_t head_len;
    uint32_t named; /* IPv6: where in it the fragment header is named */
    uint32_t id;    /* IPv6 */
    uint16_t field; /* IPv4: offset and flags of the whole, to which each piece's are added */
    uint8_t family;
    bool started;
};

/*
 * Look at a datagram before it is sent, and change nothing: until refrag_next() is called, the
 * header's fields (but not its length) may still be rewritten. `layout` is how it came, or NULL for
 * a packet that came whole. `mtu` is the outgoing interface's, 0: none. `id` is a fresh random
 * number, used for IPv6; Linux never uses 0. It may still be set (refrag.id) before refrag_next().
 * IPv6 needs FRAG_HEADROOM writable bytes before `ip`. An IPv6 packet without a layout is never
 * cut, as only its sender may; for what this host sends, give a layout without cuts whose `largest`
 * is the MTU.
 */
enum refrag_result refrag_begin(struct refrag *r, uint8_t *ip, uint32_t len,
                                const struct frag_layout *layout, uint32_t mtu, uint32_t id);

/* The next piece, or NULL after the last. */
uint8_t *refrag_next(struct refrag *r, uint32_t *len);

#endif
