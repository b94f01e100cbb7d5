/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/tcp_reset.h"
#include "packet/checksum.h"
#include "packet/headers.h"

enum { RESET_TTL = 64, OFFSET_MIN = TCP_MIN / 4 << 4 };

static bool one_host4(const uint8_t *addr)
{
    return load_raw32(addr) != 0 && addr[0] < 224;
}

static bool one_host6(const uint8_t *addr)
{
    static const uint8_t unspecified[16];

    return addr[0] != 0xff && memcmp(addr, unspecified, 16) != 0;
}

bool tcp_reset_due(const struct parsed *p)
{
    const uint8_t *tcp = p->first && p->proto == PROTO_TCP ? parsed_l4(p, TCP_MIN) : NULL;

    if (!tcp || tcp[TCP_FLAGS] & TCP_RST)
        return false;
    if (p->family == 4)
        return one_host4(p->ip + IP4_SRC) && one_host4(p->ip + IP4_DST);
    return one_host6(p->ip + IP6_SRC) && one_host6(p->ip + IP6_DST);
}

/* RFC 9293, 3.5.2: an ACK's RST has its acknowledgment number as sequence number; what has no ACK
 * is acknowledged up to its end. A data offset that makes no sense is taken as it is. */
static void fill(uint8_t *rst, const uint8_t *tcp, uint32_t len)
{
    uint8_t flags = tcp[TCP_FLAGS];

    memset(rst, 0, TCP_MIN);
    memcpy(rst + TCP_SRC, tcp + TCP_DST, 2);
    memcpy(rst + TCP_DST, tcp + TCP_SRC, 2);
    rst[TCP_OFFSET] = OFFSET_MIN;
    rst[TCP_FLAGS] = TCP_RST;
    if (flags & TCP_ACKF) {
        memcpy(rst + TCP_SEQ, tcp + TCP_ACK, 4);
        return;
    }
    uint32_t end = load_be32(tcp + TCP_SEQ) + len - (tcp[TCP_OFFSET] >> 4) * 4u;

    end += !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
    rst[TCP_FLAGS] |= TCP_ACKF;
    store_be32(rst + TCP_ACK, end);
}

static uint32_t head4(uint8_t *out, const uint8_t *ip)
{
    memset(out, 0, IP4_MIN);
    out[IP4_VERSION_IHL] = 0x45;
    store_be16(out + IP4_LENGTH, IP4_MIN + TCP_MIN);
    store_be16(out + IP4_FRAGMENT, IP4_DF);
    out[IP4_TTL] = RESET_TTL;
    out[IP4_PROTO] = PROTO_TCP;
    memcpy(out + IP4_SRC, ip + IP4_DST, 4);
    memcpy(out + IP4_DST, ip + IP4_SRC, 4);
    store_raw16(out + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, out, IP4_MIN)));
    return IP4_MIN;
}

static uint32_t head6(uint8_t *out, const uint8_t *ip)
{
    memset(out, 0, IP6_SIZE);
    out[0] = 6 << 4;
    store_be16(out + IP6_PAYLOAD, TCP_MIN);
    out[IP6_NEXT] = PROTO_TCP;
    out[IP6_HOPS] = RESET_TTL;
    memcpy(out + IP6_SRC, ip + IP6_DST, 16);
    memcpy(out + IP6_DST, ip + IP6_SRC, 16);
    return IP6_SIZE;
}

uint32_t tcp_reset_build(uint8_t *out, const struct parsed *p)
{
    uint32_t head = p->family == 4 ? head4(out, p->ip) : head6(out, p->ip);
    uint8_t *rst = out + head;

    fill(rst, p->ip + p->l4_off, parsed_l4_len(p));
    uint64_t sum = checksum_pseudo(p->family, out, PROTO_TCP, TCP_MIN);

    store_raw16(rst + TCP_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(sum, rst, TCP_MIN)));
    return head + TCP_MIN;
}
