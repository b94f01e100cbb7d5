/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 extension headers: which next-header values they are, and how long each is.
 *
 * Mobility (135), HIP (139) and Shim6 (140) are not among them: to Linux they are upper-layer
 * protocols.
 */
#ifndef WEIR_PACKET_EXT6_H
#define WEIR_PACKET_EXT6_H

#include "base/bytes.h"
#include "packet/headers.h"

enum { EXT6_MIN = 2 }; /* bytes of an extension header that ext6_size() reads */

static inline bool ext6_is(uint8_t next)
{
    return next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_FRAGMENT ||
           next == PROTO_AH || next == PROTO_DSTOPTS;
}

/* Bytes in the extension header at `h`, of which two must be present. Never below 8. */
static inline uint32_t ext6_size(uint8_t next, const uint8_t *h)
{
    if (next == PROTO_FRAGMENT)
        return IP6F_SIZE;
    if (next == PROTO_AH)
        return (h[1] + 2u) * 4; /* RFC 4302: counted in words, less two */
    return (h[1] + 1u) * 8;
}

#endif
