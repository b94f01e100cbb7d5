/* SPDX-License-Identifier: BSD-2-Clause */
/* What is looked for and why: parse.h. */
#include "packet/parse.h"
#include "packet/checksum.h"
#include "packet/ext6.h"
#include "packet/headers.h"

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

/*
 * As Linux does, only what is read must be there: a header whose length reaches beyond the packet
 * is stepped over too, and its next header is the upper layer, of which no byte is present. Of a
 * fragment header four bytes are read here; one that is not complete cannot be gathered, so the
 * packet is then not taken for a fragment.
 */
void parse_ip6_chain(struct parsed *p, uint8_t next, uint32_t off)
{
    while (ext6_is(next)) {
        const uint8_t *h = p->ip + off;

        if (next == PROTO_FRAGMENT && !p->frag_off && off <= p->have && off + IP6F_SIZE > p->have)
            p->frag_cut = p->l3_len > IP6_SIZE;
        if (off + (next == PROTO_FRAGMENT ? IP6F_READ : EXT6_MIN) > p->have)
            break;
        if (next == PROTO_FRAGMENT) {
            uint16_t field = load_be16(h + IP6F_OFFSET);

            p->first = (field & ~7u) == 0;
            if (!p->frag_off && off + IP6F_SIZE <= p->have) {
                p->frag_off = off;
                p->frag_field = field;
                p->fragment = !p->first || (field & IP6F_MF);
            }
        }
        off += ext6_size(next, h);
        next = h[0];
        if (!p->first)
            break;
    }
    p->proto = next;
    p->proto_missing = p->first && (ext6_is(next) || next == PROTO_NONE);
    p->l4_off = off;
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

bool parse_hop_options(const struct parsed *p)
{
    enum { PAD1 = 0, PADN = 1, ROUTER_ALERT = 5, PADDING_MAX = 7, MUST_KNOW = 0xc0 };
    const uint8_t *h = p->ip + IP6_SIZE;

    if (p->family != 6 || p->ip[IP6_NEXT] != PROTO_HOPOPTS || p->cut)
        return true;
    if (IP6_SIZE + 8 > p->have || IP6_SIZE + ext6_size(PROTO_HOPOPTS, h) > p->have)
        return false;
    uint32_t size = ext6_size(PROTO_HOPOPTS, h), padding = 0;

    for (uint32_t at = 2; at < size;) {
        if (h[at] == PAD1) {
            at++;
            if (++padding > PADDING_MAX)
                return false;
            continue;
        }
        if (at + 2 > size || at + 2 + h[at + 1] > size)
            return false;
        uint32_t len = 2 + h[at + 1];

        if (h[at] == PADN) {
            padding += len;
            if (padding > PADDING_MAX)
                return false;
            for (uint32_t i = 2; i < len; i++)
                if (h[at + i])
                    return false;
        } else {
            padding = 0;
            if (h[at] != ROUTER_ALERT && h[at] & MUST_KNOW)
                return false;
            if (h[at] == ROUTER_ALERT && len != 4)
                return false;
        }
        at += len;
    }
    return true;
}
