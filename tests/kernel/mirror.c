/* SPDX-License-Identifier: BSD-2-Clause */
#include "mirror.h"

#include "packet/checksum.h"
#include "packet/headers.h"
#include "packet/parse.h"
#include "track/tuple.h"

static bool same(const struct weir_tuple *a, const struct weir_tuple *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* The connection of which one tuple is `tuple`. */
static bool find(const struct weir_shard *shard, const struct weir_tuple *tuple, enum weir_dir dir,
                 struct weir_conn *conn)
{
    uint64_t cursor = 0;

    while (weir_conn_walk(shard, &cursor, conn))
        if (same(&conn->tuple[dir], tuple))
            return true;
    return false;
}

/* Where the upper layer's checksum is, 0: it has none to be kept. */
static uint32_t checksum_at(const struct parsed *p)
{
    switch (p->proto) {
    case PROTO_TCP: return TCP_CHECKSUM;
    case PROTO_UDP: return UDP_CHECKSUM;
    case PROTO_ICMP:
    case PROTO_ICMPV6: return ICMP_CHECKSUM;
    default: return 0;
    }
}

static uint16_t sum(const struct parsed *p)
{
    uint32_t len = parsed_l4_len(p);
    uint64_t pseudo = p->proto == PROTO_ICMP ? 0 : checksum_pseudo(p->family, p->ip, p->proto, len);

    return checksum_fold(checksum_add(pseudo, p->ip + p->l4_off, len));
}

static bool is_right(const struct parsed *p)
{
    uint32_t at = checksum_at(p);

    return at && parsed_l4(p, at + 2) &&
           (p->proto != PROTO_UDP || load_raw16(p->ip + p->l4_off + at)) && sum(p) == 0xffff;
}

static void make_right(const struct parsed *p)
{
    uint8_t *field = p->ip + p->l4_off + checksum_at(p);

    store_raw16(field, 0);
    store_raw16(field, (uint16_t)~sum(p));
    if (p->proto == PROTO_UDP && !load_raw16(field))
        store_raw16(field, 0xffff);
}

static void set_addresses(const struct parsed *p, const struct weir_tuple *t)
{
    if (p->family == 6) {
        memcpy(p->ip + IP6_SRC, &t->src, 16);
        memcpy(p->ip + IP6_DST, &t->dst, 16);
        return;
    }
    store_raw32(p->ip + IP4_SRC, t->src.v4);
    store_raw32(p->ip + IP4_DST, t->dst.v4);
}

static void fix_header(const struct parsed *p)
{
    uint32_t len = (p->ip[0] & 15u) * 4;

    if (p->family != 4 || len > p->have)
        return;
    store_raw16(p->ip + IP4_CHECKSUM, 0);
    store_raw16(p->ip + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, p->ip, len)));
}

static void set_keys(const struct parsed *p, const struct weir_tuple *t)
{
    uint8_t *l4 = p->ip + p->l4_off;

    if (p->proto == PROTO_TCP || p->proto == PROTO_UDP || p->proto == PROTO_SCTP ||
        p->proto == PROTO_UDPLITE) {
        if (parsed_l4_have(p) >= 4) {
            store_raw16(l4, t->src_key);
            store_raw16(l4 + 2, t->dst_key);
        }
    } else if ((p->proto == PROTO_ICMP || p->proto == PROTO_ICMPV6) && parsed_l4_have(p) >= 8) {
        store_raw16(l4 + ICMP_ID, t->src_key);
    }
}

static uint32_t sctp_sum(const struct parsed *p)
{
    return crc32c_sctp(p->ip + p->l4_off, parsed_l4_len(p), SCTP_CHECKSUM);
}

static void rewrite(const struct parsed *p, const struct weir_tuple *t)
{
    uint8_t *l4 = p->ip + p->l4_off;
    bool sctp = p->proto == PROTO_SCTP && parsed_l4(p, SCTP_SIZE);
    bool right = sctp ? sctp_sum(p) == load_le32(l4 + SCTP_CHECKSUM) : is_right(p);

    set_addresses(p, t);
    set_keys(p, t);
    fix_header(p);
    if (right && sctp)
        store_be32(l4 + SCTP_CHECKSUM, __builtin_bswap32(sctp_sum(p)));
    else if (right)
        make_right(p);
}

static bool is_error(const struct parsed *p)
{
    if (p->proto == PROTO_ICMP && parsed_l4(p, 8)) {
        uint8_t type = p->ip[p->l4_off];

        return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    }
    return p->proto == PROTO_ICMPV6 && parsed_l4(p, 8) && p->ip[p->l4_off] < 128;
}

/* An error quotes the packet as it came out, and goes to who seemed to have sent it. */
static void mirror_error(const struct weir_shard *shard, const struct parsed *p)
{
    struct parsed inner;
    struct weir_tuple quoted, seen;
    struct weir_conn conn;
    uint8_t *at = p->ip + p->l4_off + 8;

    if (!parse_quote(&inner, at, parsed_l4_have(p) - 8, p->family) ||
        tuple_from_packet(&quoted, &inner) || !find(shard, &quoted, WEIR_ORIG, &conn) ||
        !tuple_invert(&conn.tuple[WEIR_REPLY], &seen))
        return;
    bool right = is_right(p);
    struct weir_tuple outer = {0};

    memcpy(&outer.src, p->ip + (p->family == 4 ? IP4_SRC : IP6_SRC), p->family == 4 ? 4 : 16);
    outer.dst = seen.src;
    set_addresses(&inner, &seen);
    set_keys(&inner, &seen);
    set_addresses(p, &outer);
    fix_header(p);
    if (right)
        make_right(p);
}

/* What went to the router itself (REDIRECT) is answered by nobody else. */
static bool is_router(const struct weir_tuple *t)
{
    return t->src.bytes[t->family == 4 ? 3 : 15] == 1;
}

void mirror(const struct weir_shard *shard, uint8_t *packet, size_t len)
{
    struct parsed p;
    struct weir_tuple tuple, inverse;
    struct weir_conn conn;

    if (parse_ip(&p, packet, (uint32_t)len, (uint32_t)len) || p.fragment || p.proto_missing)
        return;
    if (is_error(&p)) {
        mirror_error(shard, &p);
        return;
    }
    if (tuple_from_packet(&tuple, &p) || !tuple_invert(&tuple, &inverse) ||
        !find(shard, &inverse, WEIR_ORIG, &conn) || same(&conn.tuple[WEIR_REPLY], &tuple) ||
        is_router(&conn.tuple[WEIR_REPLY]))
        return;
    rewrite(&p, &conn.tuple[WEIR_REPLY]);
}
