/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build_dissect: bytes to parameters.
 *
 * Most of the work is in the packets that are not whole. A router quotes the first 28 bytes of a
 * packet in an error; a hostile host sends 7 bytes of TCP. Both are nicer to read as "that packet,
 * cut at 28" than as hex, so the missing part is made up first (zeros in headers, letters in
 * payload), the completed packet is taken apart as usual, and the cut is noted. Whatever was made
 * up is cut away again when the packet is built, so any guess is right.
 *
 * Checksums are not computed here: the packet is built again with each kind of checksum until the
 * bytes agree, otherwise the number itself is kept. A last comparison of all bytes makes the
 * promise of build.h true; a packet that no parameters describe is refused.
 */
#include "build.h"

#include <string.h>

#include "wire.h"

struct dissection {
    struct build *b;
    uint8_t *pkt;  /* scratch: the packet, completed */
    uint8_t *made; /* scratch: the packet built again */
    size_t len;    /* of what was given */
    size_t total;  /* of what is in pkt */
    size_t head;   /* the IP header (v6: its first 40 bytes) */
    size_t l4;     /* where the upper layer begins */
};

static bool known(const struct dissection *d, size_t at, size_t n)
{
    return at + n <= d->len;
}

static struct build_data data_at(const struct dissection *d, size_t at, size_t n)
{
    const uint8_t *bytes = d->pkt + at;
    uint32_t start = n ? (uint32_t)bytes[0] - 'a' : 0;

    for (size_t i = 0; i < n; i++)
        if (start >= 26 || bytes[i] != 'a' + (start + i) % 26)
            return (struct build_data){.bytes = bytes, .len = n};
    return (struct build_data){.start = start, .len = n};
}

static struct build_data data_from(const struct dissection *d, size_t at)
{
    return data_at(d, at, d->total - at);
}

/* ---- the IP layer ---------------------------------------------------------------------------- */

/* The packet's own idea of its length is taken if there are too few bytes (it was cut), and noted
 * as a lie if there are too many. */
static void total_from(struct dissection *d, size_t stated, int *lie, size_t field)
{
    d->total = d->len;
    if (stated == d->len)
        return;
    if (stated > d->len && stated <= BUILD_PACKET_MAX) {
        d->total = stated;
        d->b->cut = (int)d->len;
    } else {
        *lie = (int)field;
    }
}

static bool ip4(struct dissection *d)
{
    struct build *b = d->b;
    struct build_ip4 *h = &b->ip4;
    const uint8_t *ip = d->pkt;
    if (d->len < 20)
        return false;

    d->head = (ip[0] & 15u) * 4u;
    if (d->head < 20 || d->head > d->len) {
        h->ihl = ip[0] & 15;
        d->head = 20;
    }
    h->opt_len = (uint8_t)(d->head - 20);
    memcpy(h->opt, ip + 20, h->opt_len);
    b->tos = ip[1];
    h->id = wire_get16(ip + 4);
    uint16_t off = wire_get16(ip + 6);
    h->evil = off >> 15;
    h->df = off >> 14 & 1;
    h->mf = off >> 13 & 1;
    h->off = off & 0x1fff;
    b->ttl = ip[8];
    b->proto = ip[9];
    memcpy(b->src.b, ip + 12, 4);
    memcpy(b->dst.b, ip + 16, 4);
    d->l4 = d->head;
    total_from(d, wire_get16(ip + 2), &h->tlen, wire_get16(ip + 2));
    return true;
}

static bool is_ext(uint8_t kind)
{
    return kind == BUILD_PROTO_HBH || kind == BUILD_PROTO_ROUTING || kind == BUILD_PROTO_FRAGMENT ||
           kind == BUILD_PROTO_AH || kind == BUILD_PROTO_DSTOPT;
}

/* Headers that are there in full become parameters; from the first other one on it is payload. */
static void chain(struct dissection *d)
{
    struct build *b = d->b;
    b->proto = d->pkt[6];
    d->l4 = 40;
    while (is_ext(b->proto)) {
        const uint8_t *e = d->pkt + d->l4;
        if (!known(d, d->l4, 8))
            return;
        size_t n = 8;
        if (b->proto == BUILD_PROTO_AH)
            n = (e[1] + 2u) * 4u;
        else if (b->proto != BUILD_PROTO_FRAGMENT)
            n = (e[1] + 1u) * 8u;
        if (n < 8 || !known(d, d->l4, n) || !build_ext_add(b, b->proto, e + 2, n - 2))
            return;
        if (b->proto == BUILD_PROTO_FRAGMENT && e[1])
            b->ip6.ext[b->ip6.ext_count - 1].hlen = e[1];
        b->proto = e[0];
        d->l4 += n;
        if (b->ip6.ext[b->ip6.ext_count - 1].kind == BUILD_PROTO_FRAGMENT && wire_get16(e + 2) >> 3)
            return; /* what follows is the middle of something */
    }
}

static bool ip6(struct dissection *d)
{
    struct build *b = d->b;
    const uint8_t *ip = d->pkt;
    if (d->len < 40)
        return false;

    uint32_t first = wire_get32(ip);
    b->tos = (uint8_t)(first >> 20);
    b->ip6.flow = first & 0xfffff;
    b->ttl = ip[7];
    memcpy(b->src.b, ip + 8, 16);
    memcpy(b->dst.b, ip + 24, 16);
    d->head = 40;
    total_from(d, 40u + wire_get16(ip + 4), &b->ip6.plen, wire_get16(ip + 4));
    chain(d);
    return true;
}

/* ---- upper layers ---------------------------------------------------------------------------- */

static void tcp(struct dissection *d)
{
    struct build_tcp *t = &d->b->l4.tcp;
    const uint8_t *p = d->pkt + d->l4;
    size_t words = p[12] >> 4;

    t->sport = wire_get16(p);
    t->dport = wire_get16(p + 2);
    t->seq = wire_get32(p + 4);
    t->ack = wire_get32(p + 8);
    t->flags = wire_get16(p + 12) & BUILD_TCP_FLAGS_ALL;
    t->win = wire_get16(p + 14);
    t->urg = wire_get16(p + 18);
    if (words < 5 || words * 4 > d->total - d->l4) {
        t->doff = (int)words;
        words = 5;
    }
    build_tcp_raw(t, p + 20, words * 4 - 20);
    d->b->data = data_from(d, d->l4 + words * 4);
}

static void udp(struct dissection *d)
{
    struct build_udp *u = &d->b->l4.udp;
    const uint8_t *p = d->pkt + d->l4;

    u->sport = wire_get16(p);
    u->dport = wire_get16(p + 2);
    if (wire_get16(p + 4) != d->total - d->l4)
        u->len = wire_get16(p + 4);
    d->b->data = data_from(d, d->l4 + 8);
}

static void icmp(struct dissection *d)
{
    struct build_icmp *i = &d->b->l4.icmp;
    const uint8_t *p = d->pkt + d->l4;

    i->type = p[0];
    i->code = p[1];
    i->rest = wire_get32(p + 4);
    d->b->data = data_from(d, d->l4 + 8);
}

/* Are the first n bytes zero, as far as they are there? */
static bool zeros(const uint8_t *p, const uint8_t *end, size_t n)
{
    while (n-- > 0 && p < end)
        if (*p++)
            return false;
    return true;
}

static void sctp(struct dissection *d)
{
    struct build_sctp *s = &d->b->l4.sctp;
    const uint8_t *p = d->pkt + d->l4;
    size_t n = d->total - d->l4, at = 12;

    s->sport = wire_get16(p);
    s->dport = wire_get16(p + 2);
    s->vtag = wire_get32(p + 4);
    while (n - at >= 4 && known(d, d->l4 + at, 4)) {
        struct build_chunk *c = build_chunk_add(s, p[at]);
        if (!c)
            break;
        size_t stated = wire_get16(p + at + 2), len = stated;
        /* A length that cannot be: then everything that follows is the chunk's. */
        if (stated < 4 || stated > n - at || !zeros(p + at + len, p + n, (len + 3) / 4 * 4 - len)) {
            c->len = (int)stated;
            len = n - at;
        }
        size_t head = build_chunk_head_len(p[at]);
        c->head_len = len >= 4 + head ? (uint8_t)head : 0;
        c->flags = p[at + 1];
        memcpy(c->head, p + at + 4, c->head_len);
        c->body = data_at(d, d->l4 + at + 4 + c->head_len, len - 4 - c->head_len);
        at += (len + 3) / 4 * 4;
        if (at > n) { /* the last chunk is not padded: build it padded, and cut that off */
            if (d->b->keep == BUILD_AUTO)
                d->b->keep = (int)(d->total - d->head);
            at = n;
        }
    }
    d->b->data = data_from(d, d->l4 + at);
}

static void gre(struct dissection *d)
{
    struct build_gre *g = &d->b->l4.gre;
    const uint8_t *p = d->pkt + d->l4;
    uint16_t first = wire_get16(p);
    size_t n = d->total - d->l4, at = 4;

    g->version = first & 7;
    g->proto = wire_get16(p + 2);
    g->flags = first & 0x4f78;
    size_t need = 4u + 4u * ((first >> 15 & 1u) + (first >> 13 & 1u) + (first >> 12 & 1u) +
                             (first >> 7 & 1u));
    if (need <= n) {
        if ((g->has_sum = first >> 15 & 1))
            at += 4;
        if ((g->has_key = first >> 13 & 1)) {
            g->key = wire_get32(p + at);
            g->callid = (uint16_t)g->key;
            if (g->version == 1 && g->key >> 16 != n - need)
                g->plen = (int)(g->key >> 16);
            at += 4;
        }
        if ((g->has_seq = first >> 12 & 1)) {
            g->seq = wire_get32(p + at);
            at += 4;
        }
        if ((g->has_ack = first >> 7 & 1)) {
            g->ack = wire_get32(p + at);
            at += 4;
        }
    } else {
        g->flags = first & 0xfff8;
    }
    d->b->data = data_from(d, d->l4 + at);
}

static void raw(struct dissection *d)
{
    d->b->data = data_from(d, d->l4);
}

static const struct {
    uint8_t proto;
    uint8_t head; /* bytes without which it is not taken apart */
    uint8_t sum;  /* where the checksum is */
    uint8_t sum_len;
    void (*dissect)(struct dissection *);
} layer[BUILD_KIND_MAX] = {
    [BUILD_RAW] = {0, 0, 0, 0, raw},
    [BUILD_TCP] = {BUILD_PROTO_TCP, 20, 16, 2, tcp},
    [BUILD_UDP] = {BUILD_PROTO_UDP, 8, 6, 2, udp},
    [BUILD_UDPLITE] = {BUILD_PROTO_UDPLITE, 8, 6, 2, udp},
    [BUILD_ICMP] = {BUILD_PROTO_ICMP, 8, 2, 2, icmp},
    [BUILD_SCTP] = {BUILD_PROTO_SCTP, 12, 8, 4, sctp},
    [BUILD_GRE] = {BUILD_PROTO_GRE, 4, 4, 2, gre},
};

static enum build_kind kind_of(const struct dissection *d)
{
    const struct build *b = d->b;
    const struct build_ip6 *h = &b->ip6;
    bool middle = b->ip4.off != 0;

    for (unsigned i = 0; i < h->ext_count; i++)
        if (h->ext[i].kind == BUILD_PROTO_FRAGMENT && wire_get16(h->ext[i].body) >> 3)
            middle = true;
    if (middle || d->l4 >= d->total || d->l4 >= d->len)
        return BUILD_RAW;
    if (b->proto == BUILD_PROTO_ICMPV6)
        return BUILD_ICMP;
    for (enum build_kind k = BUILD_RAW + 1; k < BUILD_KIND_MAX; k++)
        if (layer[k].proto == b->proto)
            return k;
    return BUILD_RAW;
}

/* Make up what is missing: `d->len` bytes are real, `total` are wanted. */
static void complete(struct dissection *d, enum build_kind kind)
{
    size_t need = d->l4 + layer[kind].head;
    if (d->total < need) {
        d->b->keep = (int)(d->total - d->head);
        d->total = need;
    }
    if (d->total <= d->len)
        return;
    uint8_t *p = d->pkt + d->l4;
    memset(d->pkt + d->len, 0, d->total - d->len);
    size_t body = need;
    if (kind == BUILD_TCP) {
        if (d->len <= d->l4 + 12)
            p[12] = 0x50;
        if (d->l4 + (p[12] >> 4) * 4u > need)
            body = d->l4 + (p[12] >> 4) * 4u;
    }
    if ((kind == BUILD_UDP || kind == BUILD_UDPLITE) && d->len < d->l4 + 6)
        wire_put16(p + 4, (uint32_t)(d->total - d->l4));
    size_t from = d->len > body ? d->len : body;
    uint32_t start = from > body && d->pkt[body] >= 'a' ? (uint32_t)d->pkt[body] - 'a' : 0;
    if (from < d->total)
        build_letters(d->pkt + from, d->total - from, (uint32_t)(start + from - body));
}

/* ---- checksums ------------------------------------------------------------------------------- */

static bool agrees(struct dissection *d, size_t at, size_t n)
{
    size_t len = build_make(d->b, d->made, BUILD_PACKET_MAX);
    return at + n <= len && memcmp(d->made + at, d->pkt + at, n) == 0;
}

/* The two ways in which a checksum can be right for somebody. */
static void set_variant(struct build *b, bool other)
{
    if (b->kind == BUILD_UDP && b->l4.udp.len != BUILD_AUTO)
        b->l4.udp.sum_by_len = other;
    if (b->kind == BUILD_UDPLITE)
        b->pseudo = other ? BUILD_PROTO_UDP : BUILD_AUTO;
}

static void find_sum(struct dissection *d, struct build_sum *s, size_t at, size_t n)
{
    if (at >= d->len)
        return;
    for (enum build_sum_mode m = BUILD_SUM_RIGHT; known(d, at, n) && m <= BUILD_SUM_BAD; m++) {
        for (int other = 0; other < 2; other++) {
            s->mode = m;
            set_variant(d->b, other);
            if (agrees(d, at, n))
                return;
        }
    }
    set_variant(d->b, false);
    *s = (struct build_sum){BUILD_SUM_VALUE,
                            n == 4 ? wire_get32(d->pkt + at) : wire_get16(d->pkt + at)};
}

static void find_ip_sum(struct dissection *d)
{
    struct build_sum *s = &d->b->ip4.sum;

    for (enum build_sum_mode m = BUILD_SUM_RIGHT; m <= BUILD_SUM_BAD; m++) {
        s->mode = m;
        if (agrees(d, 10, 2))
            return;
    }
    *s = (struct build_sum){BUILD_SUM_VALUE, wire_get16(d->pkt + 10)};
}

bool build_dissect(struct build *b, const uint8_t *bytes, size_t len, uint8_t *scratch)
{
    struct dissection d = {.b = b, .pkt = scratch, .made = scratch + BUILD_PACKET_MAX, .len = len};
    uint8_t family = len ? bytes[0] >> 4 : 0;

    if ((family != 4 && family != 6) || len > BUILD_PACKET_MAX)
        return false;
    memcpy(d.pkt, bytes, len);
    build_init(b, family, BUILD_RAW);
    if (!(family == 4 ? ip4(&d) : ip6(&d)))
        return false;

    enum build_kind kind = kind_of(&d);
    if (d.l4 > d.total || d.l4 + layer[kind].head > BUILD_PACKET_MAX)
        return false;
    complete(&d, kind);
    /* The kind's own defaults, without losing what is known about the IP layer. */
    struct build fresh;
    build_init(&fresh, family, kind);
    b->kind = kind;
    b->l4 = fresh.l4;
    layer[kind].dissect(&d);

    struct build_sum *s = build_sum_of(b);
    if (s && (kind != BUILD_GRE || b->l4.gre.has_sum))
        find_sum(&d, s, d.l4 + layer[kind].sum, layer[kind].sum_len);
    if (family == 4)
        find_ip_sum(&d);
    return build_make(b, d.made, BUILD_PACKET_MAX) == len && memcmp(d.made, bytes, len) == 0;
}
