/* SPDX-License-Identifier: BSD-2-Clause */
/* What is looked for and why: parse.h. */
#include "packet/parse.h"
#include "packet/checksum.h"
#include "packet/headers.h"

/*
 * Extension headers that are stepped over. Mobility (135), HIP (139) and Shim6 (140) are not: for
 * connection tracking they are protocols of their own.
 */
static bool steps_over(uint8_t next)
{
    return next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_FRAGMENT ||
           next == PROTO_AH || next == PROTO_DSTOPTS;
}

static void parse_ip4(struct parsed *p)
{
    uint16_t field = load_be16(p->ip + IP4_FRAGMENT);

    p->family = 4;
    p->l4_off = (uint16_t)((p->ip[IP4_VERSION_IHL] & 0xf) * 4);
    p->proto = p->ip[IP4_PROTO];
    p->frag_field = field;
    p->first = (field & IP4_OFFSET) == 0;
    p->fragment = (field & (IP4_OFFSET | IP4_MF)) != 0;
}

void parse_ip6_chain(struct parsed *p, uint8_t next, uint32_t off)
{
    p->proto_missing = false;
    while (steps_over(next)) {
        const uint8_t *h = p->ip + off;
        uint32_t size;

        if (off + 8 > p->have)
            goto missing;
        if (next == PROTO_FRAGMENT) {
            if (!p->frag_off) {
                p->frag_off = (uint16_t)off;
                p->frag_field = load_be16(h + IP6F_OFFSET);
                p->first = (p->frag_field & ~7u) == 0;
                p->fragment = !p->first || (p->frag_field & IP6F_MF);
            }
            if (!p->first) {
                p->proto = h[IP6F_NEXT];
                p->l4_off = (uint16_t)(off + IP6F_SIZE);
                return;
            }
            size = IP6F_SIZE;
        } else if (next == PROTO_AH) {
            size = (h[1] + 2u) * 4; /* RFC 4302: counted in words, less two */
        } else {
            size = (h[1] + 1u) * 8;
        }
        next = h[0];
        off += size;
    }
    if (next == PROTO_NONE || off > p->have)
        goto missing;
    p->proto = next;
    p->l4_off = (uint16_t)off;
    return;

missing:
    p->proto = next;
    p->proto_missing = true;
    p->l4_off = (uint16_t)min_u32(off, p->have);
}

static void parse_ip6(struct parsed *p)
{
    p->family = 6;
    p->first = true;
    parse_ip6_chain(p, p->ip[IP6_NEXT], IP6_SIZE);
}

enum weir_reason parse_ip(struct parsed *p, uint8_t *data, uint32_t len, uint32_t wire_len)
{
    memset(p, 0, sizeof(*p));
    p->ip = data;
    if (wire_len < len)
        wire_len = len;
    if (len < IP4_MIN)
        return WEIR_R_IP_SHORT;
    switch (data[0] >> 4) {
    case 4: {
        uint32_t header = (data[IP4_VERSION_IHL] & 0xfu) * 4;

        if (header < IP4_MIN || header > len)
            return WEIR_R_IP_SHORT;
        if ((uint16_t)checksum_fold(checksum_add(0, data, header)) != 0xffff)
            return WEIR_R_IP_CHECKSUM;
        p->l3_len = load_be16(data + IP4_LENGTH);
        if (p->l3_len < header || p->l3_len > wire_len)
            return WEIR_R_IP_LENGTH;
        p->have = min_u32(len, p->l3_len);
        parse_ip4(p);
        break;
    }
    case 6:
        if (len < IP6_SIZE)
            return WEIR_R_IP_SHORT;
        p->l3_len = IP6_SIZE + load_be16(data + IP6_PAYLOAD);
        if (p->l3_len > wire_len)
            return WEIR_R_IP_LENGTH;
        p->have = min_u32(len, p->l3_len);
        parse_ip6(p);
        break;
    default: return WEIR_R_IP_VERSION;
    }
    p->cut = p->have < p->l3_len;
    return WEIR_R_NONE;
}

bool parse_quote(struct parsed *p, uint8_t *data, uint32_t len, uint8_t family)
{
    memset(p, 0, sizeof(*p));
    p->ip = data;
    p->have = p->l3_len = len;
    if (family == 4) {
        if (len < IP4_MIN)
            return false;
        parse_ip4(p);
        return p->first && p->l4_off <= len;
    }
    if (len < IP6_SIZE)
        return false;
    parse_ip6(p);
    return p->first && !p->proto_missing;
}
