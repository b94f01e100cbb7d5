/* SPDX-License-Identifier: BSD-2-Clause */
/* What is made and what is not: icmp_error.h. */
#include "packet/icmp_error.h"
#include "packet/checksum.h"
#include "packet/headers.h"

enum {
    ERROR4_LENGTH = 576,
    MTU4_MIN = 68,
    ERROR_TTL = 64,
    TOS_KEPT = 0x1e,    /* RFC 1349's type of service... */
    TOS_CONTROL = 0xc0, /* ...below the precedence of internetwork control */
    ICMPV6_INFORMATIONAL = 0x80,
    ICMPV6_PARAMETER_OPTION = 2
};

/* ICMP types that Linux answers with errors: echo, timestamp, information, address mask. By bit. */
static const uint32_t icmp_queries = 1u << 0 | 1u << 8 | 0x3fu << 13;

static bool due4(const struct parsed *p)
{
    const uint8_t *src = p->ip + IP4_SRC, *dst = p->ip + IP4_DST;
    const uint8_t *type = parsed_l4(p, 1);

    if (!p->first)
        return false;
    if (load_raw32(src) == 0 || src[0] >= 224 || (dst[0] & 0xf0) == 224 ||
        load_raw32(dst) == 0xffffffff)
        return false;
    return p->proto != PROTO_ICMP || (type && *type < 32 && icmp_queries >> *type & 1);
}

/* RFC 4443, 2.4(e). Fragments whose ICMPv6 type is not in them get their error. */
static bool due6(const struct parsed *p, uint8_t type, uint8_t code)
{
    static const uint8_t unspecified[16];
    const uint8_t *src = p->ip + IP6_SRC, *dst = p->ip + IP6_DST;
    const uint8_t *about = parsed_l4(p, 1);
    bool to_many =
        type == ICMPV6_TOO_BIG || (type == ICMPV6_PARAMETER && code == ICMPV6_PARAMETER_OPTION);

    if (src[0] == 0xff || memcmp(src, unspecified, 16) == 0 || (dst[0] == 0xff && !to_many))
        return false;
    if (p->proto != PROTO_ICMPV6 || !p->first)
        return true;
    return about ? *about & ICMPV6_INFORMATIONAL : p->frag_field != 0;
}

bool icmp_error_due(const struct parsed *p, uint8_t type, uint8_t code)
{
    return p->family == 4 ? due4(p) : due6(p, type, code);
}

/* The ICMP header and the quote at `h`; the checksum is left to the caller. */
static void body(uint8_t *h, const struct icmp_error *e, const uint8_t *ip, uint32_t len)
{
    memset(h, 0, ICMP_SIZE);
    h[ICMP_TYPE] = e->type;
    h[ICMP_CODE] = e->code;
    store_be32(h + ICMP_ID, e->word);
    memcpy(h + ICMP_SIZE, ip, len);
}

static uint32_t build4(uint8_t *out, const struct icmp_error *e, const uint8_t *ip, uint32_t len)
{
    uint32_t limit = e->mtu ? min_u32(max_u32(e->mtu, MTU4_MIN), ERROR4_LENGTH) : ERROR4_LENGTH;
    uint32_t size = min_u32(limit, IP4_MIN + ICMP_SIZE + len);
    uint8_t *h = out + IP4_MIN;

    memset(out, 0, IP4_MIN);
    out[IP4_VERSION_IHL] = 0x45;
    out[IP4_TOS] = (ip[IP4_TOS] & TOS_KEPT) | TOS_CONTROL;
    store_be16(out + IP4_LENGTH, (uint16_t)size);
    store_be16(out + IP4_ID, e->id);
    out[IP4_TTL] = ERROR_TTL;
    out[IP4_PROTO] = PROTO_ICMP;
    memcpy(out + IP4_SRC, e->src->bytes, 4);
    memcpy(out + IP4_DST, ip + IP4_SRC, 4);
    store_raw16(out + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, out, IP4_MIN)));
    body(h, e, ip, size - IP4_MIN - ICMP_SIZE);
    store_raw16(h + ICMP_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, h, size - IP4_MIN)));
    return size;
}

static uint32_t build6(uint8_t *out, const struct icmp_error *e, const uint8_t *ip, uint32_t len)
{
    uint32_t size = min_u32(ICMP_ERROR_MAX, IP6_SIZE + ICMP_SIZE + len);
    uint32_t payload = size - IP6_SIZE;
    uint8_t *h = out + IP6_SIZE;
    uint64_t sum;

    memset(out, 0, IP6_SIZE);
    out[0] = 6 << 4;
    store_be16(out + IP6_PAYLOAD, (uint16_t)payload);
    out[IP6_NEXT] = PROTO_ICMPV6;
    out[IP6_HOPS] = ERROR_TTL;
    memcpy(out + IP6_SRC, e->src->bytes, 16);
    memcpy(out + IP6_DST, ip + IP6_SRC, 16);
    body(h, e, ip, payload - ICMP_SIZE);
    sum = checksum_pseudo(6, out, PROTO_ICMPV6, payload);
    store_raw16(h + ICMP_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(sum, h, payload)));
    return size;
}

uint32_t icmp_error_build(uint8_t *out, const struct icmp_error *e, const uint8_t *ip, uint32_t len)
{
    return ip[0] >> 4 == 4 ? build4(out, e, ip, len) : build6(out, e, ip, len);
}
