/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers that matches look into, with every length checked before a byte is read.
 *
 * A rule that asks about a header of which the packet has too little drops the packet at once
 * (Linux's hotdrop): whoever sends such packets may be hiding from the rule. What a capture cut off
 * is not held against the packet; it only does not match.
 */
#ifndef WEIR_RULES_MATCH_HEADER_H
#define WEIR_RULES_MATCH_HEADER_H

#include "packet/headers.h"
#include "rules/eval.h"

/* Are the first `end` bytes of the packet not all at hand? Drops it if it never had them. */
static inline bool header_lacks(struct eval *e, uint32_t end)
{
    const struct parsed *ip = &e->p->ip;

    if (end <= ip->have)
        return false;
    if (end > ip->l3_len)
        e->drop = true;
    return true;
}

/* `n` bytes of the upper layer; NULL: the packet is a later fragment, or lacks them. */
static inline const uint8_t *header_l4(struct eval *e, uint32_t n)
{
    const struct parsed *ip = &e->p->ip;

    if (!ip->first || header_lacks(e, ip->l4_off + n))
        return NULL;
    return ip->ip + ip->l4_off;
}

/*
 * Where matches begin to read that do not care about fragments. In a fragment that is not the first
 * they take other bytes for the header that they are about: those behind the IPv4 header; those of
 * the IPv6 header itself, as Linux has no place then.
 */
static inline uint32_t header_l4_at(const struct eval *e)
{
    const struct parsed *ip = &e->p->ip;

    return ip->first || ip->family == 4 ? ip->l4_off : 0;
}

/*
 * The first IPv6 extension header of type `want`, with its `size`; no less than `n` bytes. NULL:
 * there is none, or it is not complete. A fragment that is not the first has nothing behind its
 * fragment header.
 */
const uint8_t *header_ext6(struct eval *e, uint8_t want, uint32_t n, uint32_t *size);

/*
 * The first option of `kind` among `len` bytes of TCP or DCCP options: where it begins, or `len`.
 * As Linux walks them: kinds 0 and 1 are single bytes, 0 ends nothing, and a length of 0 counts as
 * 1.
 */
static inline uint32_t header_option(const uint8_t *options, uint32_t len, uint8_t kind)
{
    uint32_t i = 0;

    while (i < len && options[i] != kind)
        i += options[i] < 2 || i + 1 == len || !options[i + 1] ? 1 : options[i + 1];
    return i < len ? i : len;
}

#endif
