/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for the rig's own tests, written down from the RFCs: 791, 8200, 768, 9293, 792, 4443,
 * 9260 (with the CRC32c of 3309). Addresses are text, as tests are read more often than run.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig_pkt.h"

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static uint32_t add16(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

static uint16_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

bool rig_pkt_is_v4(const struct rig_pkt *p)
{
    return p->data[0] >> 4 == 4;
}

static size_t ip_size(const struct rig_pkt *p)
{
    return rig_pkt_is_v4(p) ? 20 : 40;
}

void rig_pkt_ip_checksum(struct rig_pkt *p)
{
    if (!rig_pkt_is_v4(p))
        return;
    put16(p->data + 10, 0);
    put16(p->data + 10, fold(add16(0, p->data, 20)));
}

static void address(int family, const char *text, uint8_t *to)
{
    if (inet_pton(family, text, to) != 1) {
        fprintf(stderr, "rig_pkt: \"%s\" is no address of family %d\n", text, family);
        abort();
    }
}

/* The IP header of a packet whose payload of `len` bytes stands behind it. */
static void ip_header(struct rig_pkt *p, const char *src, const char *dst, uint8_t proto,
                      size_t len)
{
    const bool v4 = !strchr(src, ':');
    memset(p->data, 0, 40);
    p->data[0] = v4 ? 0x45 : 0x60;
    p->len = ip_size(p) + len;
    if (v4) {
        put16(p->data + 2, (unsigned)p->len);
        put16(p->data + 4, 0x1234);
        p->data[8] = 64;
        p->data[9] = proto;
        address(AF_INET, src, p->data + 12);
        address(AF_INET, dst, p->data + 16);
    } else {
        put16(p->data + 4, (unsigned)len);
        p->data[6] = proto;
        p->data[7] = 64;
        address(AF_INET6, src, p->data + 8);
        address(AF_INET6, dst, p->data + 24);
    }
    rig_pkt_ip_checksum(p);
}

static struct rig_pkt packet(const char *src, const char *dst, uint8_t proto, const uint8_t *l4,
                             size_t len, size_t checksum_at)
{
    struct rig_pkt p;
    ip_header(&p, src, dst, proto, len);
    uint8_t *to = p.data + ip_size(&p);
    memcpy(to, l4, len);
    uint32_t sum = add16(0, l4, len);
    if (proto != IPPROTO_ICMP) {
        const size_t at = rig_pkt_is_v4(&p) ? 12 : 8;
        sum = add16(sum + proto + (uint32_t)len, p.data + at, ip_size(&p) - at);
    }
    put16(to + checksum_at, fold(sum));
    return p;
}

struct rig_pkt rig_pkt_udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                           size_t payload)
{
    uint8_t l4[2500] = {0};
    put16(l4, sport);
    put16(l4 + 2, dport);
    put16(l4 + 4, (unsigned)(8 + payload));
    for (size_t i = 0; i < payload; i++)
        l4[8 + i] = (uint8_t)i;
    return packet(src, dst, IPPROTO_UDP, l4, 8 + payload, 6);
}

struct rig_pkt rig_pkt_tcp(const char *src, const char *dst, struct rig_pkt_segment s)
{
    static const uint8_t options[] = {3, 3, 7, 1, 4, 2, 1, 1};
    uint8_t l4[512] = {0};
    size_t head = s.flags & RIG_PKT_SYN ? 20 + sizeof(options) : 20;
    size_t len = s.data ? strlen(s.data) : 0;
    put16(l4, s.sport);
    put16(l4 + 2, s.dport);
    put32(l4 + 4, s.seq);
    put32(l4 + 8, s.ack);
    l4[12] = (uint8_t)(head / 4 << 4);
    l4[13] = s.flags;
    put16(l4 + 14, 60000);
    if (s.flags & RIG_PKT_SYN)
        memcpy(l4 + 20, options, sizeof(options));
    if (s.data)
        memcpy(l4 + head, s.data, len);
    return packet(src, dst, IPPROTO_TCP, l4, head + len, 16);
}

struct rig_pkt rig_pkt_echo(const char *src, const char *dst, bool reply, uint16_t id)
{
    const bool v4 = !strchr(src, ':');
    uint8_t l4[16] = {(uint8_t)(v4 ? (reply ? 0 : 8) : (reply ? 129 : 128))};
    put16(l4 + 4, id);
    put16(l4 + 6, 1);
    return packet(src, dst, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, l4, sizeof(l4), 2);
}

struct rig_pkt rig_pkt_sctp_init(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                                 uint32_t vtag)
{
    uint8_t l4[12 + 20] = {0};
    uint32_t crc = ~0U;
    struct rig_pkt p;
    put16(l4, sport);
    put16(l4 + 2, dport);
    l4[12] = 1;
    put16(l4 + 14, 20);
    put32(l4 + 16, vtag);
    put32(l4 + 20, 65536);
    put16(l4 + 24, 1);
    put16(l4 + 26, 1);
    put32(l4 + 28, 1);
    for (size_t i = 0; i < sizeof(l4); i++) {
        crc ^= l4[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
    }
    crc = ~crc;
    for (size_t i = 0; i < 4; i++)
        l4[8 + i] = (uint8_t)(crc >> 8 * i);
    ip_header(&p, src, dst, IPPROTO_SCTP, sizeof(l4));
    memcpy(p.data + 20, l4, sizeof(l4));
    return p;
}

void rig_pkt_split(const struct rig_pkt *whole, size_t first, struct rig_pkt *a, struct rig_pkt *b)
{
    const size_t rest = whole->len - 20 - first;
    *a = *b = *whole;
    a->len = 20 + first;
    put16(a->data + 2, (unsigned)a->len);
    put16(a->data + 6, 0x2000);
    rig_pkt_ip_checksum(a);
    memmove(b->data + 20, whole->data + 20 + first, rest);
    b->len = 20 + rest;
    put16(b->data + 2, (unsigned)b->len);
    put16(b->data + 6, (unsigned)(first / 8));
    rig_pkt_ip_checksum(b);
}
