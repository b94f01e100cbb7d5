/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A glance at a packet: is it an ordinary one? Ordinary is a whole TCP or UDP packet in IPv4
 * without options or IPv6 without extension headers, sound and not cut off, with all of the
 * smallest header of its protocol. Nearly all packets are, and of these everything is known at
 * once, where parse_ip() must look at every case. What is not ordinary need not be wrong.
 */
#ifndef WEIR_PACKET_GLANCE_H
#define WEIR_PACKET_GLANCE_H

#include "packet/headers.h"
#include "packet/parse.h"

struct glance {
    uint16_t len;   /* by the IP header, all there */
    uint8_t l4_off; /* IP4_MIN or IP6_SIZE, which tells the family too */
    uint8_t proto;  /* PROTO_TCP or PROTO_UDP; 0: the packet is not ordinary */
};

static inline uint32_t glance_least(uint8_t proto)
{
    return proto == PROTO_TCP ? (uint32_t)TCP_MIN : (uint32_t)UDP_SIZE;
}

/* The header checksum, of a header of five words. */
static inline bool glance_sum_good(const uint8_t *ip)
{
    uint64_t a = load_raw64(ip), b = load_raw64(ip + 8), sum = a + b;
    uint32_t half;

    sum += sum < b; /* the carry comes in again at the other end */
    sum = (sum >> 32) + (uint32_t)sum + load_raw32(ip + 16);
    half =
        (uint32_t)(sum >> 32) + (uint32_t)(sum >> 16 & UINT16_MAX) + (uint32_t)(sum & UINT16_MAX);
    half = (half & UINT16_MAX) + (half >> 16);
    return half == UINT16_MAX;
}

static inline struct glance glance_ip4(const uint8_t *ip, uint32_t have)
{
    const struct glance no = {0};
    uint8_t proto = ip[IP4_PROTO];
    uint32_t len = load_be16(ip + IP4_LENGTH);

    if (ip[0] != 0x45 || load_be16(ip + IP4_FRAGMENT) & (IP4_OFFSET | IP4_MF) || len > have ||
        (proto != PROTO_TCP && proto != PROTO_UDP) || len < IP4_MIN + glance_least(proto) ||
        !glance_sum_good(ip))
        return no;
    return (struct glance){(uint16_t)len, IP4_MIN, proto};
}

static inline struct glance glance_ip6(const uint8_t *ip, uint32_t have)
{
    const struct glance no = {0};
    uint8_t proto = ip[IP6_NEXT];
    uint32_t len = IP6_SIZE + load_be16(ip + IP6_PAYLOAD);

    if (len > have || len > UINT16_MAX || (proto != PROTO_TCP && proto != PROTO_UDP) ||
        len < IP6_SIZE + glance_least(proto))
        return no;
    return (struct glance){(uint16_t)len, IP6_SIZE, proto};
}

/* `have` bytes are at `ip`. */
static inline struct glance glance_at(const uint8_t *ip, uint32_t have)
{
    if (have < IP4_MIN + UDP_SIZE)
        return (struct glance){0};
    if (ip[0] >> 4 == 4)
        return glance_ip4(ip, have);
    if (ip[0] >> 4 == 6 && have >= IP6_SIZE + UDP_SIZE)
        return glance_ip6(ip, have);
    return (struct glance){0};
}

static inline uint8_t glance_family(struct glance g)
{
    return g.l4_off == IP4_MIN ? 4 : 6;
}

/* Source and destination address. */
static inline uint8_t *glance_addrs(struct glance g, uint8_t *ip)
{
    return ip + (g.l4_off == IP4_MIN ? IP4_SRC : IP6_SRC);
}

/* What parse_ip() would have said of an ordinary packet. */
static inline struct parsed glance_parsed(struct glance g, uint8_t *ip)
{
    return (struct parsed){.ip = ip,
                           .l3_len = g.len,
                           .have = g.len,
                           .l4_off = g.l4_off,
                           .frag_field =
                               g.l4_off == IP4_MIN ? load_be16(ip + IP4_FRAGMENT) : (uint16_t)0,
                           .family = glance_family(g),
                           .proto = g.proto,
                           .first = true};
}

#endif
