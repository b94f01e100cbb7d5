/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A router with NAT and without rules: what tests of src/nat share. A packet is walked by hand, as
 * the pipe walks it, in two halves, so that two packets can be on their way at once:
 *
 *     depart    classified; PREROUTING: the destination's request or none; rewritten
 *     arrive    POSTROUTING: the source's request or none; rewritten; confirmed
 *
 * Addresses are those of the nat reference: clients C and C2, the outside address N, servers S and
 * S2, a virtual address V. Each packet is in a buffer of exactly its own size, so that the address
 * sanitizer sees an access beyond it.
 */
#ifndef TESTS_UNIT_NAT_FIXTURE_H
#define TESTS_UNIT_NAT_FIXTURE_H

#include "shard_fixture.h"

#include "nat/inside.h"
#include "packet/checksum.h"
#include "pipe/classify.h"
#include "pipe/shard.h"

#include <arpa/inet.h>
#include <stdio.h>

#define C  "10.1.0.10"
#define C2 "10.1.0.11"
#define C3 "10.1.0.12"
#define N  "192.0.2.100"
#define S  "192.0.2.80"
#define S2 "192.0.2.81"
#define V  "198.18.0.1"

/* What a rule at a hook would ask for. */
struct request {
    bool on;
    struct nat_range range;
    uint16_t iface; /* MASQUERADE */
};

struct flight {
    struct pkt pkt;
    struct weir_packet raw;
    bool dropped;
};

struct router {
    struct fixture *f;
    struct track *t;
    struct request rule[2]; /* by enum nat_type */
    unsigned consulted[2];  /* times that rules were run */
    uint16_t out_iface;
    bool gathered;      /* packets count as put together from fragments */
    struct flight last; /* of through() */
};

static inline union weir_addr addr_of(const char *text)
{
    union weir_addr addr = {{0}};

    assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &addr), 1);
    return addr;
}

static inline uint8_t family_of(const char *text)
{
    return strchr(text, ':') ? 6 : 4;
}

static inline struct router *router_new(uint32_t max)
{
    struct router *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->f = fixture_new(max);
    r->t = &r->f->shard->track;
    r->out_iface = 1;
    assert_int_equal(nat_init(r->t), 0);
    assert_int_equal(nat_init(r->t), 0);
    return r;
}

static inline void flight_end(struct flight *x)
{
    free(x->raw.data);
    x->raw.data = NULL;
}

static inline void router_free(struct router *r)
{
    flight_end(&r->last);
    fixture_free(r->f);
    free(r);
}

static inline int router_setup(void **state)
{
    *state = router_new(1000);
    return 0;
}

static inline int router_teardown(void **state)
{
    router_free(*state);
    return 0;
}

#define ROUTER_TEST(test) cmocka_unit_test_setup_teardown(test, router_setup, router_teardown)

/* --- requests --- */

/* SNAT or DNAT: "" and NULL leave addresses out, ports 0 leave ports out. */
static inline void ask(struct router *r, enum nat_type type, const char *min, const char *max,
                       uint16_t min_port, uint16_t max_port, uint32_t flags)
{
    struct request *q = &r->rule[type];

    *q = (struct request){.on = true, .range = {.flags = flags}};
    if (min) {
        q->range.flags |= NAT_MAP_IPS;
        q->range.min = addr_of(min);
        q->range.max = addr_of(max ? max : min);
    }
    if (max_port) {
        q->range.flags |= NAT_PORT_RANGE;
        q->range.min_port = min_port;
        q->range.max_port = max_port;
    }
}

static inline void snat(struct router *r, const char *to)
{
    ask(r, NAT_SRC, to, NULL, 0, 0, 0);
}

static inline void dnat(struct router *r, const char *to)
{
    ask(r, NAT_DST, to, NULL, 0, 0, 0);
}

static inline void forget(struct router *r, enum nat_type type)
{
    r->rule[type] = (struct request){0};
}

/* --- packets on their way --- */

static inline bool at_hook(struct router *r, struct flight *x, enum nat_type type)
{
    struct pkt *p = &x->pkt;
    const struct request *q = &r->rule[type];

    switch (nat_need(p, type)) {
    case NAT_NOTHING: return true;
    case NAT_RULES:
        r->consulted[type]++;
        if (q->on && q->iface)
            nat_set_iface(p->conn, q->iface);
        if (q->on && !nat_setup(r->t, p, &q->range, type))
            return false;
        if (!nat_done(p->conn, type) && !nat_null(r->t, p, type))
            return false;
        break;
    case NAT_REWRITE:
        if (type == NAT_SRC && nat_moved(r->t, p, r->out_iface))
            return false;
        break;
    }
    return nat_rewrite(r->t, p, type);
}

static inline void drop(struct router *r, struct flight *x)
{
    x->dropped = true;
    if (x->pkt.conn && !(x->pkt.conn->status & WEIR_S_CONFIRMED))
        conn_free(r->t, x->pkt.handle);
    x->pkt.conn = NULL;
}

static inline bool depart_bytes(struct router *r, struct flight *x, const uint8_t *bytes,
                                size_t len, size_t wire_len)
{
    memset(x, 0, sizeof(*x));
    x->raw.data = malloc(len);
    assert_non_null(x->raw.data);
    memcpy(x->raw.data, bytes, len);
    x->raw.len = (uint32_t)len;
    x->raw.templ = x->pkt.templ = r->f->templ;
    x->pkt.raw = &x->raw;
    assert_int_equal(parse_ip(&x->pkt.ip, x->raw.data, x->raw.len, (uint32_t)wire_len),
                     WEIR_R_NONE);
    x->pkt.verify_checksum = r->t->set.checksum && !x->pkt.ip.cut;
    x->pkt.gathered = r->gathered;
    classify_key(r->t, &x->pkt);
    nat_prefetch(r->t, &x->pkt);
    if (!classify(r->t, &x->pkt) || !at_hook(r, x, NAT_DST))
        drop(r, x);
    return !x->dropped;
}

static inline bool depart(struct router *r, struct flight *x, const struct build *b)
{
    static uint8_t bytes[BUILD_PACKET_MAX];
    size_t len = build_make(b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return depart_bytes(r, x, bytes, len, len);
}

static inline bool arrive(struct router *r, struct flight *x)
{
    if (!x->dropped && (!at_hook(r, x, NAT_SRC) || (x->pkt.conn && !conn_confirm(r->t, &x->pkt))))
        drop(r, x);
    return !x->dropped;
}

/* All of its way; it is in r->last then. */
static inline bool through(struct router *r, const struct build *b)
{
    flight_end(&r->last);
    return depart(r, &r->last, b) && arrive(r, &r->last);
}

static inline bool through_bytes(struct router *r, const uint8_t *bytes, size_t len,
                                 size_t wire_len)
{
    flight_end(&r->last);
    return depart_bytes(r, &r->last, bytes, len, wire_len) && arrive(r, &r->last);
}

/* --- making packets --- */

static inline struct build packet(enum build_kind kind, const char *src, const char *dst)
{
    struct build b;
    union weir_addr a = addr_of(src), z = addr_of(dst);

    build_init(&b, family_of(src), kind);
    memcpy(b.src.b, a.bytes, 16);
    memcpy(b.dst.b, z.bytes, 16);
    b.data.len = 5;
    return b;
}

static inline struct build udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct build b = packet(BUILD_UDP, src, dst);

    b.l4.udp.sport = sport;
    b.l4.udp.dport = dport;
    return b;
}

static inline struct build tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                               uint16_t flags, uint32_t seq, uint32_t ack)
{
    struct build b = packet(BUILD_TCP, src, dst);

    b.l4.tcp.sport = sport;
    b.l4.tcp.dport = dport;
    b.l4.tcp.flags = flags;
    b.l4.tcp.seq = seq;
    b.l4.tcp.ack = ack;
    b.l4.tcp.win = 1000;
    b.data.len = 0;
    return b;
}

static inline struct build icmp(const char *src, const char *dst, uint8_t type, uint8_t code,
                                uint16_t id)
{
    struct build b = packet(BUILD_ICMP, src, dst);

    b.l4.icmp.type = type;
    b.l4.icmp.code = code;
    b.l4.icmp.rest = (uint32_t)id << 16 | 1;
    return b;
}

static inline struct build ping(const char *src, const char *dst, uint16_t id)
{
    return icmp(src, dst, family_of(src) == 4 ? 8 : 128, 0, id);
}

static inline struct build sctp_init(const char *src, uint16_t sport, const char *dst,
                                     uint16_t dport)
{
    struct build b = packet(BUILD_SCTP, src, dst);

    b.l4.sctp.sport = sport;
    b.l4.sctp.dport = dport;
    b.data.len = 0;
    build_chunk_init(build_chunk_add(&b.l4.sctp, BUILD_CHUNK_INIT), 7, 65536, 1, 1, 1);
    return b;
}

/* A protocol without ports; as GRE it is version 0. */
static inline struct build other(const char *src, const char *dst, uint8_t proto)
{
    static const uint8_t zeros[16];
    struct build b = packet(BUILD_RAW, src, dst);

    b.proto = proto;
    b.data.bytes = zeros;
    b.data.len = sizeof(zeros);
    return b;
}

/* --- looking --- */

static inline bool sum_is_right(const uint8_t *bytes, size_t len, uint32_t sum)
{
    return build_fold(build_sum_add(sum, bytes, len)) == 0;
}

/* Every checksum of a packet that stands whole in memory, worked out by other code. */
static inline bool sums_are_right(const uint8_t *ip, size_t len)
{
    bool v4 = ip[0] >> 4 == 4;
    size_t off = v4 ? (ip[0] & 15u) * 4 : 40;
    const uint8_t *l4 = ip + off;
    uint8_t proto = ip[v4 ? 9 : 6],
            pseudo[4] = {0, proto, (uint8_t)((len - off) >> 8), (uint8_t)(len - off)};
    uint32_t sum = build_sum_add(build_sum_add(0, pseudo, 4), v4 ? ip + 12 : ip + 8, v4 ? 8 : 32);

    if (v4 && !sum_is_right(ip, off, 0))
        return false;
    if (proto == PROTO_UDP && l4[6] == 0 && l4[7] == 0)
        return true;
    if (proto == PROTO_SCTP)
        return crc32c_sctp(l4, len - off, 8) == load_le32(l4 + 8);
    if (proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_ICMPV6)
        return sum_is_right(l4, len - off, sum);
    return proto != PROTO_ICMP || sum_is_right(l4, len - off, 0);
}

/* "10.1.0.10:5000>192.0.2.80:53", "10.1.0.10>192.0.2.80 id 7" or "10.1.0.10>192.0.2.80". */
static inline const char *shown(const uint8_t *ip)
{
    static char text[160];
    bool v4 = ip[0] >> 4 == 4;
    const uint8_t *l4 = ip + (v4 ? (ip[0] & 15) * 4 : 40);
    uint8_t proto = ip[v4 ? 9 : 6];
    char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

    assert_non_null(inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip + 8, src, sizeof(src)));
    assert_non_null(inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 16 : ip + 24, dst, sizeof(dst)));
    if (proto == PROTO_ICMP || proto == PROTO_ICMPV6)
        (void)snprintf(text, sizeof(text), "%s>%s id %u", src, dst, load_be16(l4 + 4));
    else if (proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP ||
             proto == PROTO_UDPLITE)
        (void)snprintf(text, sizeof(text), "%s:%u>%s:%u", src, load_be16(l4), dst,
                       load_be16(l4 + 2));
    else
        (void)snprintf(text, sizeof(text), "%s>%s", src, dst);
    return text;
}

/* The packet passes and leaves like this, with right checksums. */
static inline void leaves(struct router *r, const struct build *b, const char *as)
{
    assert_true(through(r, b));
    assert_string_equal(shown(r->last.raw.data), as);
    assert_true(sums_are_right(r->last.raw.data, r->last.raw.len));
}

static inline void is_dropped(struct router *r, const struct build *b, enum weir_reason reason)
{
    assert_false(through(r, b));
    assert_int_equal(r->last.pkt.reason, reason);
}

/* The source port, or the identifier, with which it leaves. */
static inline uint16_t port_out(struct router *r, const struct build *b)
{
    assert_true(through(r, b));
    const uint8_t *ip = r->last.raw.data, *l4 = ip + (ip[0] >> 4 == 4 ? 20 : 40);
    uint8_t proto = ip[0] >> 4 == 4 ? ip[9] : ip[6];

    assert_true(sums_are_right(ip, r->last.raw.len));
    return load_be16(l4 + (nat_is_icmp(proto) ? 4 : 0));
}

static inline uint32_t status_of(const struct router *r)
{
    assert_non_null(r->last.pkt.conn);
    return r->last.pkt.conn->status;
}

static inline void flush(struct router *r)
{
    weir_shard_flush(r->f->shard);
    assert_int_equal(count(r->f), 0);
    assert_int_equal(r->t->nat->sources.table.count, 0);
    assert_int_equal(r->t->nat->ports.pools.count, 0);
    assert_int_equal(r->t->nat->ports.leaves.count, 0);
    assert_null(r->t->on_confirm);
}

#endif
