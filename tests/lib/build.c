/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build: parameters to bytes.
 *
 * A packet is made in stages, each on the finished result of the one before, because that is how
 * the faults of real packets come about: first the whole datagram with everything right (and with
 * the checksums of the upper layer, spoilt or not); then `keep` cuts its tail; then `piece` makes
 * one fragment of it; then the IP header's lies are told; then `cut` drops bytes that all lengths
 * still count.
 */
#include "build.h"

#include <string.h>

#include "wire.h"

/* Output with a sticky error: after the first overflow nothing is written, and nobody needs to
 * look until the end. */
struct out {
    uint8_t *buf;
    size_t cap, len;
    bool full;
};

static uint8_t *take(struct out *o, size_t n)
{
    if (o->full || n > o->cap - o->len) {
        o->full = true;
        return NULL;
    }
    uint8_t *p = o->buf + o->len;
    o->len += n;
    return p;
}

static void put8(struct out *o, uint32_t v)
{
    uint8_t *p = take(o, 1);
    if (p)
        *p = (uint8_t)v;
}

static void put16(struct out *o, uint32_t v)
{
    uint8_t *p = take(o, 2);
    if (p)
        wire_put16(p, v);
}

static void put32(struct out *o, uint32_t v)
{
    uint8_t *p = take(o, 4);
    if (p)
        wire_put32(p, v);
}

static void put(struct out *o, const uint8_t *bytes, size_t n)
{
    uint8_t *p = take(o, n);
    if (p && n)
        memcpy(p, bytes, n);
}

/* n bytes, then zeros up to a multiple of `unit` (a power of two) counted from `base`. */
static void pad(struct out *o, size_t base, size_t unit)
{
    while (!o->full && ((o->len - base) & (unit - 1)))
        put8(o, 0);
}

static void put_data(struct out *o, const struct build_data *d)
{
    uint8_t *p = take(o, d->len);
    if (!p || !d->len)
        return;
    if (d->bytes)
        memcpy(p, d->bytes, d->len);
    else
        build_letters(p, d->len, d->start);
}

void build_letters(uint8_t *bytes, size_t n, uint32_t start)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)('a' + (start + i) % 26);
}

/* ---- checksums ------------------------------------------------------------------------------- */

uint32_t build_sum_add(uint32_t sum, const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    for (; i + 1 < n; i += 2)
        sum += wire_get16(bytes + i);
    if (i < n)
        sum += (uint32_t)bytes[i] << 8;
    return sum;
}

uint16_t build_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Castagnoli's polynomial, bit-reversed, four bits at a time (RFC 9260, appendix A). */
uint32_t build_crc32c(const uint8_t *bytes, size_t n)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

static uint32_t pseudo_sum(const struct build *b, uint8_t proto, size_t len)
{
    size_t width = b->family == 4 ? 4 : 16;
    uint32_t sum = build_sum_add(0, b->src.b, width);
    sum = build_sum_add(sum, b->dst.b, width);
    return sum + proto + (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);
}

/* Flipping one byte changes a one's complement sum for certain; 0 is avoided, because for UDP it
 * means that there is no checksum. */
static uint16_t choose16(struct build_sum s, uint16_t right)
{
    if (s.mode == BUILD_SUM_VALUE)
        return (uint16_t)s.value;
    if (s.mode == BUILD_SUM_BAD)
        return right ^ 0x00ff ? right ^ 0x00ff : right ^ 0xff00;
    return right;
}

/* ---- IP headers ------------------------------------------------------------------------------ */

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static void ip4_header(struct out *o, const struct build *b)
{
    const struct build_ip4 *h = &b->ip4;
    size_t words = 5 + round_up(h->opt_len, 4) / 4;
    uint32_t off = (uint32_t)(h->evil << 15 | h->df << 14 | h->mf << 13) | (h->off & 0x1fff);

    put8(o, (uint32_t)(0x40 | words));
    put8(o, b->tos);
    put16(o, 0); /* total length and checksum: once the length is known */
    put16(o, h->id);
    put16(o, off);
    put8(o, b->ttl);
    put8(o, b->proto);
    put16(o, 0);
    put(o, b->src.b, 4);
    put(o, b->dst.b, 4);
    put(o, h->opt, h->opt_len);
    pad(o, 0, 4);
}

static void ip6_header(struct out *o, const struct build *b)
{
    const struct build_ip6 *h = &b->ip6;

    put32(o, 6u << 28 | (uint32_t)b->tos << 20 | (h->flow & 0xfffff));
    put16(o, 0); /* payload length: once it is known */
    put8(o, h->ext_count ? h->ext[0].kind : b->proto);
    put8(o, b->ttl);
    put(o, b->src.b, 16);
    put(o, b->dst.b, 16);
    for (unsigned i = 0; i < h->ext_count; i++) {
        const struct build_ext *e = &h->ext[i];
        /* AH counts words and leaves out two of them; the others count 8 bytes, less the first. */
        size_t unit = e->kind == BUILD_PROTO_AH ? 4 : 8;
        size_t len = round_up(2u + e->body_len, unit);
        size_t hlen = e->kind == BUILD_PROTO_AH ? len / 4 - 2 : len / 8 - 1;
        size_t base = o->len;

        put8(o, i + 1 < h->ext_count ? h->ext[i + 1].kind : b->proto);
        put8(o, e->hlen != BUILD_AUTO ? (uint32_t)e->hlen : (uint32_t)hlen);
        put(o, e->body, e->body_len);
        pad(o, base, unit);
    }
}

/* Over as much as the header claims to be, as a receiver would, but never beyond the packet. */
static void ip4_sum(uint8_t *ip, size_t len, struct build_sum s)
{
    size_t head = (ip[0] & 15u) * 4u;
    wire_put16(ip + 10, 0);
    uint16_t right = build_fold(build_sum_add(0, ip, head < len ? head : len));
    wire_put16(ip + 10, choose16(s, right));
}

/* True lengths, and the true IPv4 header checksum; false if there is no number for the length. */
static bool ip_lengths(uint8_t *ip, size_t len)
{
    if (ip[0] >> 4 == 4) {
        wire_put16(ip + 2, (uint32_t)len);
        ip4_sum(ip, len, (struct build_sum){0});
        return len <= 65535;
    }
    wire_put16(ip + 4, (uint32_t)(len - 40));
    return len - 40 <= 65535;
}

/* What the IP header is told to say against the facts. */
static void ip_lies(const struct build *b, uint8_t *ip, size_t len)
{
    if (b->family == 6) {
        if (b->ip6.plen != BUILD_AUTO)
            wire_put16(ip + 4, (uint32_t)b->ip6.plen);
        return;
    }
    if (b->ip4.tlen != BUILD_AUTO)
        wire_put16(ip + 2, (uint32_t)b->ip4.tlen);
    if (b->ip4.ihl != BUILD_AUTO)
        ip[0] = (uint8_t)(0x40 | (b->ip4.ihl & 15));
    ip4_sum(ip, len, b->ip4.sum);
}

/* ---- upper layers ---------------------------------------------------------------------------- */

/* Pseudo-header checksum of everything from `base` on, of which the first `span` bytes count. */
static uint16_t upper_sum(const struct out *o, const struct build *b, size_t base, size_t span,
                          size_t len, uint8_t proto)
{
    size_t there = o->len - base;
    uint8_t pseudo = b->pseudo != BUILD_AUTO ? (uint8_t)b->pseudo : proto;
    uint32_t sum = pseudo_sum(b, pseudo, len);
    return build_fold(build_sum_add(sum, o->buf + base, span < there ? span : there));
}

static void tcp(struct out *o, const struct build *b)
{
    const struct build_tcp *t = &b->l4.tcp;
    size_t base = o->len;
    size_t words = 5 + round_up(t->opt_len, 4) / 4;
    uint32_t doff = t->doff != BUILD_AUTO ? (uint32_t)t->doff : (uint32_t)words;

    put16(o, t->sport);
    put16(o, t->dport);
    put32(o, t->seq);
    put32(o, t->ack);
    put16(o, doff << 12 | (t->flags & BUILD_TCP_FLAGS_ALL));
    put16(o, t->win);
    put16(o, 0);
    put16(o, t->urg);
    put(o, t->opt, t->opt_len);
    pad(o, base, 4);
    put_data(o, &b->data);
    if (o->full)
        return;
    size_t len = o->len - base;
    uint16_t right = upper_sum(o, b, base, len, len, BUILD_PROTO_TCP);
    wire_put16(o->buf + base + 16, choose16(t->sum, right));
}

static void udp(struct out *o, const struct build *b)
{
    const struct build_udp *u = &b->l4.udp;
    bool lite = b->kind == BUILD_UDPLITE;
    size_t base = o->len;
    size_t len = 8 + b->data.len;
    size_t field = u->len != BUILD_AUTO ? (size_t)u->len : len;

    put16(o, u->sport);
    put16(o, u->dport);
    put16(o, (uint32_t)field);
    put16(o, 0);
    put_data(o, &b->data);
    if (o->full)
        return;
    /* UDP-Lite: the field says how much is covered, 0 is everything (RFC 3828 3.1), and the
     * pseudo-header has the length of the IP payload. */
    size_t span = lite ? field ? field : len : u->sum_by_len ? field : len;
    uint16_t right = upper_sum(o, b, base, span, lite ? len : span,
                               lite ? BUILD_PROTO_UDPLITE : BUILD_PROTO_UDP);
    wire_put16(o->buf + base + 6, choose16(u->sum, right ? right : 0xffff));
}

static void icmp(struct out *o, const struct build *b)
{
    const struct build_icmp *i = &b->l4.icmp;
    size_t base = o->len;

    put8(o, i->type);
    put8(o, i->code);
    put16(o, 0);
    put32(o, i->rest);
    put_data(o, &b->data);
    if (o->full)
        return;
    size_t len = o->len - base;
    uint16_t right = b->proto == BUILD_PROTO_ICMPV6 || b->pseudo != BUILD_AUTO
                         ? upper_sum(o, b, base, len, len, BUILD_PROTO_ICMPV6)
                         : build_fold(build_sum_add(0, o->buf + base, len));
    wire_put16(o->buf + base + 2, choose16(i->sum, right));
}

static void sctp(struct out *o, const struct build *b)
{
    const struct build_sctp *s = &b->l4.sctp;
    size_t base = o->len;

    put16(o, s->sport);
    put16(o, s->dport);
    put32(o, s->vtag);
    put32(o, 0);
    for (unsigned i = 0; i < s->chunk_count; i++) {
        const struct build_chunk *c = &s->chunk[i];
        size_t len = 4 + c->head_len + c->body.len;
        put8(o, c->type);
        put8(o, c->flags);
        put16(o, c->len != BUILD_AUTO ? (uint32_t)c->len : (uint32_t)len);
        put(o, c->head, c->head_len);
        put_data(o, &c->body);
        pad(o, base, 4);
    }
    put_data(o, &b->data);
    if (o->full)
        return;
    /* The CRC goes out least significant byte first, unlike everything else here. */
    uint32_t crc = __builtin_bswap32(build_crc32c(o->buf + base, o->len - base));
    if (s->sum.mode == BUILD_SUM_VALUE)
        crc = s->sum.value;
    else if (s->sum.mode == BUILD_SUM_BAD)
        crc ^= 0xff;
    wire_put32(o->buf + base + 8, crc);
}

static void gre(struct out *o, const struct build *b)
{
    const struct build_gre *g = &b->l4.gre;
    size_t base = o->len;
    bool one =
        g->version == 1; /* the PPTP form: the key is length and call id, and there is an ack */
    uint32_t first = (uint32_t)(g->flags | g->has_sum << 15 | g->has_key << 13 | g->has_seq << 12 |
                                g->has_ack << 7 | g->version);

    put16(o, first);
    put16(o, g->proto);
    if (g->has_sum)
        put32(o, 0);
    if (g->has_key && one) {
        put16(o, g->plen != BUILD_AUTO ? (uint32_t)g->plen : (uint32_t)b->data.len);
        put16(o, g->callid);
    } else if (g->has_key) {
        put32(o, g->key);
    }
    if (g->has_seq)
        put32(o, g->seq);
    if (g->has_ack)
        put32(o, g->ack);
    put_data(o, &b->data);
    if (o->full || !g->has_sum)
        return;
    uint16_t right = build_fold(build_sum_add(0, o->buf + base, o->len - base));
    wire_put16(o->buf + base + 4, choose16(g->sum, right));
}

struct build_sum *build_sum_of(struct build *b)
{
    switch (b->kind) {
    case BUILD_TCP: return &b->l4.tcp.sum;
    case BUILD_UDP:
    case BUILD_UDPLITE: return &b->l4.udp.sum;
    case BUILD_ICMP: return &b->l4.icmp.sum;
    case BUILD_SCTP: return &b->l4.sctp.sum;
    case BUILD_GRE: return &b->l4.gre.sum;
    case BUILD_RAW:
    case BUILD_KIND_MAX: break;
    }
    return NULL;
}

static void upper(struct out *o, const struct build *b)
{
    switch (b->kind) {
    case BUILD_TCP: tcp(o, b); break;
    case BUILD_UDP:
    case BUILD_UDPLITE: udp(o, b); break;
    case BUILD_ICMP: icmp(o, b); break;
    case BUILD_SCTP: sctp(o, b); break;
    case BUILD_GRE: gre(o, b); break;
    case BUILD_RAW:
    case BUILD_KIND_MAX: put_data(o, &b->data); break;
    }
}

/* ---- fragments ------------------------------------------------------------------------------- */

/* Where the part begins that is cut into fragments, and which byte names its protocol. */
struct split {
    size_t start, next;
};

static bool split_find(const uint8_t *pkt, size_t len, struct split *s)
{
    if (len >= 20 && pkt[0] >> 4 == 4) {
        s->start = (pkt[0] & 15u) * 4u;
        s->next = 9;
        return s->start >= 20 && s->start <= len;
    }
    if (len < 40 || pkt[0] >> 4 != 6)
        return false;
    /* RFC 8200 4.5: everything up to the hop-by-hop or the routing header goes into each fragment,
     * destination options only if they stand before a routing header. */
    s->start = 40;
    s->next = 6;
    size_t next = 6, at = 40;
    for (;;) {
        uint8_t kind = pkt[next];
        if (kind != BUILD_PROTO_HBH && kind != BUILD_PROTO_ROUTING && kind != BUILD_PROTO_DSTOPT)
            return true;
        if (len - at < 8 || len - at < 8u + pkt[at + 1] * 8u)
            return true;
        next = at;
        at += 8u + pkt[at + 1] * 8u;
        if (kind != BUILD_PROTO_DSTOPT)
            *s = (struct split){at, next};
    }
}

size_t build_fragmentable(const uint8_t *pkt, size_t len)
{
    struct split s;
    return split_find(pkt, len, &s) ? len - s.start : 0;
}

/* In place: `pkt` holds a whole packet and becomes one fragment of it. */
static size_t slice(uint8_t *pkt, size_t len, size_t cap, const struct build_piece *p)
{
    struct split s;
    if (!split_find(pkt, len, &s) || p->off % 8 || p->off / 8 > 0x1fff)
        return 0;
    size_t total = len - s.start;
    size_t head = s.start + (pkt[0] >> 4 == 6 ? 8 : 0);
    if (head > cap || p->len > cap - head)
        return 0;
    size_t real = p->off >= total ? 0 : total - p->off < p->len ? total - p->off : p->len;
    bool more = p->more != BUILD_AUTO ? p->more != 0 : p->off + (uint64_t)p->len < total;

    memmove(pkt + head, pkt + s.start + (real ? p->off : 0), real);
    build_letters(pkt + head + real, p->len - real, (uint32_t)(p->off + real));
    if (pkt[0] >> 4 == 4) {
        uint16_t old = wire_get16(pkt + 6);
        uint32_t off = (old & 0x1fffu) + p->off / 8;
        if (off > 0x1fff)
            return 0;
        wire_put16(pkt + 6, (old & 0xe000u) | (uint32_t)more << 13 | off);
    } else {
        uint8_t *frag = pkt + s.start;
        frag[0] = pkt[s.next];
        frag[1] = 0;
        wire_put16(frag + 2, p->off | (uint32_t)more);
        wire_put32(frag + 4, p->id);
        pkt[s.next] = BUILD_PROTO_FRAGMENT;
    }
    return ip_lengths(pkt, head + p->len) ? head + p->len : 0;
}

size_t build_fragment(const uint8_t *pkt, size_t len, const struct build_piece *piece, uint8_t *out,
                      size_t cap)
{
    if (len > cap)
        return 0;
    memmove(out, pkt, len);
    return slice(out, len, cap, piece);
}

/* ---- the whole ------------------------------------------------------------------------------- */

size_t build_make(const struct build *b, uint8_t *buf, size_t cap)
{
    struct out o = {.buf = buf, .cap = cap};

    if (b->family == 4)
        ip4_header(&o, b);
    else
        ip6_header(&o, b);
    upper(&o, b);
    if (o.full)
        return 0;

    size_t len = o.len;
    size_t head = b->family == 4 ? (buf[0] & 15u) * 4u : 40;
    if (b->keep != BUILD_AUTO && head + (size_t)b->keep < len)
        len = head + (size_t)b->keep;
    if (!ip_lengths(buf, len))
        return 0;
    if (b->piece.on && (len = slice(buf, len, cap, &b->piece)) == 0)
        return 0;
    ip_lies(b, buf, len);
    return b->cut != BUILD_AUTO && (size_t)b->cut < len ? (size_t)b->cut : len;
}

void build_init(struct build *b, uint8_t family, enum build_kind kind)
{
    static const uint8_t proto[BUILD_KIND_MAX] = {
        [BUILD_TCP] = BUILD_PROTO_TCP,         [BUILD_UDP] = BUILD_PROTO_UDP,
        [BUILD_UDPLITE] = BUILD_PROTO_UDPLITE, [BUILD_ICMP] = BUILD_PROTO_ICMP,
        [BUILD_SCTP] = BUILD_PROTO_SCTP,       [BUILD_GRE] = BUILD_PROTO_GRE,
    };
    memset(b, 0, sizeof(*b));
    b->family = family;
    b->kind = kind;
    b->proto = kind == BUILD_ICMP && family == 6 ? BUILD_PROTO_ICMPV6 : proto[kind];
    b->ttl = 64;
    b->pseudo = b->keep = b->cut = b->piece.more = BUILD_AUTO;
    b->ip4.ihl = b->ip4.tlen = b->ip6.plen = BUILD_AUTO;
    switch (kind) {
    case BUILD_TCP: b->l4.tcp.doff = BUILD_AUTO; break;
    case BUILD_UDP:
    case BUILD_UDPLITE: b->l4.udp.len = BUILD_AUTO; break;
    case BUILD_GRE: b->l4.gre.plen = BUILD_AUTO; break;
    case BUILD_RAW:
    case BUILD_ICMP:
    case BUILD_SCTP:
    case BUILD_KIND_MAX: break;
    }
}

/* ---- options, extension headers, chunks ------------------------------------------------------ */

bool build_tcp_raw(struct build_tcp *t, const uint8_t *bytes, size_t n)
{
    if (n > (size_t)(BUILD_TCP_OPT_MAX - t->opt_len))
        return false;
    memcpy(t->opt + t->opt_len, bytes, n);
    t->opt_len = (uint8_t)(t->opt_len + n);
    return true;
}

bool build_tcp_nop(struct build_tcp *t)
{
    return build_tcp_raw(t, (const uint8_t[]){1}, 1);
}

bool build_tcp_mss(struct build_tcp *t, uint16_t mss)
{
    return build_tcp_raw(t, (const uint8_t[]){2, 4, (uint8_t)(mss >> 8), (uint8_t)mss}, 4);
}

bool build_tcp_wscale(struct build_tcp *t, uint8_t shift)
{
    return build_tcp_raw(t, (const uint8_t[]){3, 3, shift}, 3);
}

bool build_tcp_sackok(struct build_tcp *t)
{
    return build_tcp_raw(t, (const uint8_t[]){4, 2}, 2);
}

bool build_tcp_sack(struct build_tcp *t, const struct build_block *block, size_t n)
{
    uint8_t opt[BUILD_TCP_OPT_MAX] = {5, (uint8_t)(2 + 8 * n)};
    if (n > (BUILD_TCP_OPT_MAX - 2) / 8)
        return false;
    for (size_t i = 0; i < n; i++) {
        wire_put32(opt + 2 + 8 * i, block[i].left);
        wire_put32(opt + 6 + 8 * i, block[i].right);
    }
    return build_tcp_raw(t, opt, 2 + 8 * n);
}

bool build_tcp_ts(struct build_tcp *t, uint32_t value, uint32_t echo)
{
    uint8_t opt[10] = {8, 10};
    wire_put32(opt + 2, value);
    wire_put32(opt + 6, echo);
    return build_tcp_raw(t, opt, sizeof(opt));
}

bool build_ext_add(struct build *b, uint8_t kind, const uint8_t *body, size_t n)
{
    struct build_ip6 *h = &b->ip6;
    if (h->ext_count == BUILD_EXT_MAX || n > BUILD_EXT_BODY_MAX)
        return false;
    struct build_ext *e = &h->ext[h->ext_count++];
    *e = (struct build_ext){.kind = kind, .hlen = BUILD_AUTO, .body_len = (uint8_t)n};
    if (n)
        memcpy(e->body, body, n);
    return true;
}

bool build_ext_frag(struct build *b, uint16_t off, bool more, uint32_t id)
{
    uint8_t body[6];
    wire_put16(body, (uint32_t)off << 3 | more);
    wire_put32(body + 2, id);
    return build_ext_add(b, BUILD_PROTO_FRAGMENT, body, sizeof(body));
}

struct build_chunk *build_chunk_add(struct build_sctp *s, uint8_t type)
{
    if (s->chunk_count == BUILD_CHUNKS_MAX)
        return NULL;
    struct build_chunk *c = &s->chunk[s->chunk_count++];
    *c = (struct build_chunk){.type = type, .len = BUILD_AUTO};
    return c;
}

void build_chunk_init(struct build_chunk *c, uint32_t tag, uint32_t rwnd, uint16_t os, uint16_t mis,
                      uint32_t tsn)
{
    wire_put32(c->head, tag);
    wire_put32(c->head + 4, rwnd);
    wire_put16(c->head + 8, os);
    wire_put16(c->head + 10, mis);
    wire_put32(c->head + 12, tsn);
    c->head_len = 16;
}
