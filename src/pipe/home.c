/* SPDX-License-Identifier: BSD-2-Clause */
#include "pipe/home.h"
#include "packet/frag.h"
#include "proto/related.h"
#include "track/tuple.h"

void homes_init(struct homes *h, unsigned shards, const uint64_t seed[2])
{
    const uint64_t other[2] = {seed[0] ^ 0x3c6ef372fe94f82bu, seed[1] ^ 0xa54ff53a5f1d36f1u};

    hash_key_init(&h->key, other);
    h->shards = shards;
}

/* --- by tuple --- */

uint16_t home_of_tuple(const struct homes *h, const struct weir_tuple *tuple)
{
    uint16_t key[2] = {tuple->src_key, tuple->dst_key};

    switch (tuple->proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP: break;
    case PROTO_ICMP:
    case PROTO_ICMPV6: key[1] = key[0]; break;
    default: key[0] = key[1] = 0; break;
    }
    if (tuple->family == 4) {
        const uint32_t addrs[2] = {tuple->src.v4, tuple->dst.v4};

        return home_of4(h, (const uint8_t *)addrs, key, tuple->proto);
    }
    const union weir_addr addrs[2] = {tuple->src, tuple->dst};

    return home_of6(h, addrs[0].bytes, key, tuple->proto);
}

/* --- by packet --- */

/*
 * Where an ICMP error's quote begins, from its header; 0: the message is no error. What is taken
 * for one and is none has no answer either, so that it ends as INVALID wherever it goes.
 */
static uint32_t quote_at(const struct parsed *ip)
{
    enum { REDIRECT6 = 137, REDIRECT6_QUOTE = 48 };
    const uint8_t *icmp = parsed_l4(ip, ICMP_SIZE);

    if (!icmp)
        return 0;
    if (ip->proto == PROTO_ICMP)
        switch (icmp[ICMP_TYPE]) {
        case 3:  /* destination unreachable */
        case 4:  /* source quench */
        case 5:  /* redirect */
        case 11: /* time exceeded */
        case 12: /* parameter problem */ return ICMP_SIZE;
        default: return 0;
        }
    if (icmp[ICMP_TYPE] == REDIRECT6)
        return REDIRECT6_QUOTE;
    return icmp[ICMP_TYPE] < 128 ? ICMP_SIZE : 0;
}

bool home_key(const struct parsed *ip, struct weir_tuple *key)
{
    bool icmp = ip->proto == PROTO_ICMP || ip->proto == PROTO_ICMPV6;
    uint32_t quote = icmp ? quote_at(ip) : 0;

    return quote ? related_tuple(ip, quote, key) : tuple_from_packet(key, ip) == WEIR_R_NONE;
}

struct home home_of_parsed(const struct homes *h, const struct parsed *ip)
{
    struct weir_tuple key;

    if (!home_key(ip, &key))
        return (struct home){0, HOME_NONE};
    return (struct home){home_of_tuple(h, &key), HOME_TUPLE};
}

static struct home of_fragment(const struct homes *h, const struct parsed *ip)
{
    uint16_t shard;

    if (ip->family == 4) {
        uint64_t source = home_end4(ip->ip + IP4_SRC, 0);

        shard = home_pair(h, source, source, 0);
    } else {
        uint64_t id = load_raw32(ip->ip + ip->frag_off + IP6F_ID);
        uint64_t source = home_end6(h, ip->ip + IP6_SRC, 0);

        shard = home_pair(h, source ^ id, home_end6(h, ip->ip + IP6_DST, 0), PROTO_FRAGMENT);
    }
    return (struct home){shard, HOME_GATHER};
}

struct home home_of_unusual(const struct homes *h, const struct weir_packet *raw)
{
    struct parsed parsed;

    if (parse_ip(&parsed, raw->data, raw->len, raw->wire_len))
        return (struct home){0, HOME_NONE};
    return frag_wants(&parsed) ? of_fragment(h, &parsed) : home_of_parsed(h, &parsed);
}

/* Of a plain packet, whose ports are at `off`. */
static bool plain_key(const uint8_t *ip, uint32_t off, uint8_t proto, struct weir_tuple *key)
{
    *key = (struct weir_tuple){.family = off == IP4_MIN ? 4 : 6, .proto = proto};
    if (off == IP4_MIN) {
        key->src.v4 = load_raw32(ip + IP4_SRC);
        key->dst.v4 = load_raw32(ip + IP4_DST);
    } else {
        memcpy(&key->src, ip + IP6_SRC, sizeof(key->src));
        memcpy(&key->dst, ip + IP6_DST, sizeof(key->dst));
    }
    key->src_key = load_raw16(ip + off);
    key->dst_key = load_raw16(ip + off + 2);
    return true;
}

bool home_key_of_packet(const struct weir_packet *raw, struct weir_tuple *key)
{
    const uint8_t *ip = raw->data;
    struct parsed parsed;

    if (home_is_plain4(ip, raw->len))
        return plain_key(ip, IP4_MIN, ip[IP4_PROTO], key);
    if (home_is_plain6(ip, raw->len))
        return plain_key(ip, IP6_SIZE, ip[IP6_NEXT], key);
    return !parse_ip(&parsed, raw->data, raw->len, raw->wire_len) && home_key(&parsed, key);
}
