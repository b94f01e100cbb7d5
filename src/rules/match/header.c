/* SPDX-License-Identifier: BSD-2-Clause */
/* The way along IPv6 extension headers to the one that a match is about (RFC 8200, 4). */
#include "rules/match/header.h"
#include "packet/ext6.h"

/* What Linux reads of a header to get past it. */
static uint32_t must_read(uint8_t next)
{
    return next == PROTO_FRAGMENT || next == PROTO_ROUTING ? 4 : EXT6_MIN;
}

const uint8_t *header_ext6(struct eval *e, uint8_t want, uint32_t n, uint32_t *size)
{
    const uint8_t *ip = e->p->ip.ip;
    uint8_t next = ip[IP6_NEXT];
    uint32_t off = IP6_SIZE;

    while (next != want) {
        const uint8_t *h = ip + off;

        if (!ext6_is(next) || header_lacks(e, off + must_read(next)))
            return NULL;
        if (next == PROTO_FRAGMENT && load_be16(h + IP6F_OFFSET) & ~7u)
            return NULL;
        off += ext6_size(next, h);
        next = h[0];
    }
    if (header_lacks(e, off + n))
        return NULL;
    *size = ext6_size(want, ip + off);
    return header_lacks(e, off + *size) ? NULL : ip + off;
}
