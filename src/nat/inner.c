/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors about translated connections (NAT reference, section 9).
 *
 * An error quotes a packet as it looked where the error was made; its receiver must see the packet
 * as he sent it. The quote travelled the other way, so at a hook that changes the error's source
 * the quote's destination is changed, and the other way round, to the same address. With an error
 * from a router on the way that makes the router's address the host's that the client believes to
 * be talking to: Linux does so too.
 *
 * The message's checksum is computed anew; over a message that a capture cut off, it is changed by
 * what the changes in the quote make of it.
 */
#include "nat/inside.h"
#include "packet/checksum.h"

/* What the quote is to look like. */
static struct edit quoted(const struct pkt *p, const struct edit *e)
{
    struct conn *c = p->conn;
    struct weir_tuple sent = conn_tuple(c, p->dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG);
    bool src = e->type == NAT_DST;

    return (struct edit){.type = src ? NAT_SRC : NAT_DST,
                         .key = src || nat_is_icmp(c->proto) ? sent.src_key : sent.dst_key,
                         .addr = src ? sent.src : sent.dst};
}

static uint16_t message_sum(const struct parsed *ip)
{
    return checksum_fold(checksum_add(0, ip->ip + ip->l4_off, parsed_l4_have(ip)));
}

/* The message's checksum, when all of it is there and its field is 0. */
static uint16_t checksum(const struct parsed *ip)
{
    uint64_t sum = message_sum(ip);

    if (ip->family == 6)
        sum += checksum_pseudo(6, ip->ip, PROTO_ICMPV6, parsed_l4_len(ip));
    return (uint16_t)~checksum_fold(sum);
}

bool nat_edit_error(struct pkt *p, const struct edit *e)
{
    const struct parsed *ip = &p->ip;
    uint8_t *icmp = parsed_l4(ip, ICMP_SIZE);
    struct edit in_quote = quoted(p, e);
    struct parsed quote;

    if (!icmp || !parse_quote(&quote, icmp + ICMP_SIZE, parsed_l4_have(ip) - ICMP_SIZE, ip->family))
        return false;
    quote.cut = ip->cut;
    quote.l3_len = ip->l3_len - ip->l4_off - ICMP_SIZE;
    if (p->gathered)
        frag_touch(&p->layout, min_u32(ip->l4_off + ICMP_SIZE + nat_reach(&quote), ip->l3_len));

    uint8_t *field = icmp + ICMP_CHECKSUM;
    uint16_t minus = ip->cut ? (uint16_t)~message_sum(ip) : 0;

    if (!nat_edit(&quote, &in_quote))
        return false;
    uint64_t delta = nat_edit_addr(ip, e);

    if (ip->cut) {
        delta = (ip->family == 6 ? delta : 0) + minus + message_sum(ip) + in_quote.unseen;
        store_raw16(field, nat_patch(load_raw16(field), delta));
    } else {
        store_raw16(field, 0);
        store_raw16(field, checksum(ip));
    }
    return true;
}
