/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing an address and a port into a packet (NAT reference, sections 8 and 13).
 *
 * Internet checksums are updated by what changed (RFC 1624), which leaves one that was wrong as
 * wrong as it was; the sum of all changes goes in at once, since ones' complement addition does not
 * care how it is grouped. SCTP's CRC is computed anew, as Linux does.
 *
 * How much of a header must be there is Linux's too: without it the packet is dropped. Where a
 * capture cut the packet off, that is held against nobody, and what is there is rewritten.
 */
#include "nat/inside.h"
#include "packet/checksum.h"

enum {
    PORTS_SIZE = 8, /* Linux takes eight bytes of the header in hand for the first four */
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129
};

uint16_t nat_patch(uint16_t field, uint64_t delta)
{
    return (uint16_t)~checksum_fold((uint16_t)~field + delta);
}

/* Store four bytes at `at`. */
static uint64_t change32(uint8_t *at, uint32_t after)
{
    uint32_t before = load_raw32(at);

    store_raw32(at, after);
    return (uint64_t)(uint32_t)~before + after;
}

uint64_t nat_edit_addr(const struct parsed *ip, const struct edit *e)
{
    uint64_t delta = 0;

    if (ip->family == 4) {
        delta = change32(ip->ip + (e->type == NAT_SRC ? IP4_SRC : IP4_DST), e->addr.v4);
        store_raw16(ip->ip + IP4_CHECKSUM, nat_patch(load_raw16(ip->ip + IP4_CHECKSUM), delta));
        return delta;
    }
    for (int i = 0; i < 4; i++)
        delta +=
            change32(ip->ip + (e->type == NAT_SRC ? IP6_SRC : IP6_DST) + 4 * i, e->addr.words[i]);
    return delta;
}

/* Is the upper layer `n` bytes long, all there or not? */
static bool has(const struct parsed *ip, uint32_t n)
{
    return parsed_l4_len(ip) >= n;
}

/* Are the two bytes at `off` of the upper layer there to be written? */
static bool present(const struct parsed *ip, uint32_t off)
{
    return parsed_l4_have(ip) >= off + 2;
}

/* Store a half-key at `off`; what that adds to a checksum. It is there, since the packet has a
 * tuple. */
static uint64_t change_key(const struct parsed *ip, uint32_t off, uint16_t after)
{
    uint8_t *at = ip->ip + ip->l4_off + off;

    if (!present(ip, off))
        return 0;
    uint16_t before = load_raw16(at);

    store_raw16(at, after);
    return (uint64_t)(uint16_t)~before + after;
}

/* What words under a checksum change by, the checksum changes back. */
static void patch_unseen(struct edit *e, uint64_t delta)
{
    e->unseen = (uint16_t)~checksum_fold(delta);
}

static void patch_at(const struct parsed *ip, struct edit *e, uint32_t off, uint64_t delta)
{
    uint8_t *at = ip->ip + ip->l4_off + off;

    if (present(ip, off))
        store_raw16(at, nat_patch(load_raw16(at), delta));
    else
        patch_unseen(e, delta);
}

/* UDP's zero means that there is none (RFC 768), so a sum of zero is written as its other form. */
static void patch_udp(const struct parsed *ip, struct edit *e, uint64_t delta)
{
    uint8_t *at = ip->ip + ip->l4_off + UDP_CHECKSUM;

    if (!present(ip, UDP_CHECKSUM)) {
        patch_unseen(e, delta);
        return;
    }
    if (ip->proto == PROTO_UDP && load_raw16(at) == 0)
        return;
    uint16_t sum = nat_patch(load_raw16(at), delta);

    store_raw16(at, sum ? sum : UINT16_MAX);
}

static uint32_t port_at(const struct edit *e)
{
    return e->type == NAT_SRC ? 0 : 2;
}

static bool edit_tcp(const struct parsed *ip, struct edit *e, uint64_t delta)
{
    if (!has(ip, PORTS_SIZE))
        return false;
    delta += change_key(ip, port_at(e), e->key);
    if (has(ip, TCP_MIN))
        patch_at(ip, e, TCP_CHECKSUM, delta);
    return true;
}

static bool edit_udp(const struct parsed *ip, struct edit *e, uint64_t delta)
{
    if (!has(ip, UDP_SIZE))
        return false;
    patch_udp(ip, e, delta + change_key(ip, port_at(e), e->key));
    return true;
}

/*
 * Of a packet that was cut off the CRC cannot be computed, but it can be changed by what the new
 * port makes of it.
 */
static void sum_sctp(const struct parsed *ip, const uint8_t change[4])
{
    uint8_t *sctp = ip->ip + ip->l4_off, *field = sctp + SCTP_CHECKSUM;
    uint32_t len = parsed_l4_len(ip);

    store_le32(field, ip->cut ? crc32c_change(load_le32(field), change, len - 4)
                              : crc32c_sctp(sctp, len, SCTP_CHECKSUM));
}

static bool edit_sctp(const struct parsed *ip, const struct edit *e)
{
    uint8_t *sctp = ip->ip + ip->l4_off, change[4];

    if (!has(ip, PORTS_SIZE))
        return false;
    if (parsed_l4_have(ip) < SCTP_SIZE) {
        (void)change_key(ip, port_at(e), e->key);
        return true;
    }
    uint32_t before = load_raw32(sctp);

    (void)change_key(ip, port_at(e), e->key);
    store_raw32(change, before ^ load_raw32(sctp));
    sum_sctp(ip, change);
    return true;
}

/* The messages with an identifier: echo, timestamp, information and address mask. */
static bool icmp_has_id(uint8_t type)
{
    return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static bool edit_icmp(const struct parsed *ip, struct edit *e)
{
    if (!has(ip, ICMP_SIZE))
        return false;
    if (parsed_l4_have(ip) && icmp_has_id(ip->ip[ip->l4_off]))
        patch_at(ip, e, ICMP_CHECKSUM, change_key(ip, ICMP_ID, e->key));
    return true;
}

/* RFC 4443, 2.3: the pseudo-header counts. */
static bool edit_icmpv6(const struct parsed *ip, struct edit *e, uint64_t delta)
{
    if (!has(ip, ICMP_SIZE))
        return false;
    uint8_t type = parsed_l4_have(ip) ? ip->ip[ip->l4_off] : 0;

    if (type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY)
        delta += change_key(ip, ICMP_ID, e->key);
    patch_at(ip, e, ICMP_CHECKSUM, delta);
    return true;
}

/* Packets have a key for their receiver only, and only in version 1 (RFC 2637, 4.1). */
static bool edit_gre(const struct parsed *ip, const struct edit *e)
{
    if (!has(ip, GRE_V1_MIN))
        return false;
    if (e->type == NAT_SRC || parsed_l4_have(ip) < 2)
        return true;
    switch (load_be16(ip->ip + ip->l4_off) & GRE_VERSION) {
    case 0: return true;
    case 1: (void)change_key(ip, GRE_CALL_ID, e->key); return true;
    default: return false;
    }
}

bool nat_edit(const struct parsed *ip, struct edit *e)
{
    uint64_t delta = nat_edit_addr(ip, e);

    switch (ip->proto) {
    case PROTO_TCP: return edit_tcp(ip, e, delta);
    case PROTO_UDP:
    case PROTO_UDPLITE: return edit_udp(ip, e, delta);
    case PROTO_SCTP: return edit_sctp(ip, e);
    case PROTO_ICMP: return edit_icmp(ip, e);
    case PROTO_ICMPV6: return edit_icmpv6(ip, e, delta);
    case PROTO_GRE: return edit_gre(ip, e);
    default: return true;
    }
}

uint32_t nat_reach(const struct parsed *ip)
{
    uint32_t len = parsed_l4_len(ip);

    switch (ip->proto) {
    case PROTO_TCP: return ip->l4_off + (len >= TCP_MIN ? (uint32_t)TCP_MIN : PORTS_SIZE);
    case PROTO_SCTP: return ip->l4_off + (len >= SCTP_SIZE ? (uint32_t)SCTP_SIZE : PORTS_SIZE);
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_ICMP:
    case PROTO_ICMPV6:
    case PROTO_GRE: return ip->l4_off + PORTS_SIZE;
    default: return ip->family == 4 ? (uint32_t)IP4_MIN : (uint32_t)IP6_SIZE;
    }
}
