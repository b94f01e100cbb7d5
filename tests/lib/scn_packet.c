/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_packet: reading packet lines, see scn_packet.h for the grammar.
 *
 * Words with a plain meaning are in the tables of scn_fields.c; the words of this file have a
 * grammar of their own and a function each. A protocol is a row of `protocols`: its name, the
 * function for what must follow the name, and its own words.
 */
#include "scn_packet.h"

#include <stdlib.h>
#include <string.h>

#include "scn_fields.h"
#include "text.h"
#include "wire.h"

enum { NEST_MAX = 4 }; /* packets quoted in packets */

struct parser {
    struct scn_scan *s;
    unsigned depth;
    uint8_t family; /* if nothing else says; then what was said */
    enum side side;
    const uint16_t *ports; /* known before (a flow's): they are not read */
    struct build b;
    struct scn_word quote; /* the last quote= */
    size_t quote_len;      /* its length; 0 if something else follows it in the payload */
    size_t pool_len;
    uint8_t pool[BUILD_PACKET_MAX]; /* payload and chunk bodies */
};

typedef bool read_fn(struct parser *p, struct scn_word key, struct scn_word value);

struct special {
    const char *word;
    read_fn *read;
};

/* ---- payload --------------------------------------------------------------------------------- */

/* Make `d` end at the end of the pool, as bytes, so that it can grow. */
static bool open_data(struct parser *p, struct scn_word key, struct build_data *d)
{
    if (d->len && d->bytes && d->bytes + d->len == p->pool + p->pool_len)
        return true;
    if (d->len > sizeof(p->pool) - p->pool_len)
        return scn_fail(p->s, key, "the packet is too long");
    uint8_t *to = p->pool + p->pool_len;
    if (d->bytes)
        memmove(to, d->bytes, d->len);
    else
        build_letters(to, d->len, d->start);
    d->bytes = to;
    p->pool_len += d->len;
    return true;
}

static void grow(struct parser *p, struct build_data *d, size_t n)
{
    p->pool_len += n;
    d->len += n;
}

static size_t pool_left(const struct parser *p)
{
    return sizeof(p->pool) - p->pool_len;
}

static bool read_len(struct parser *p, struct scn_word key, struct scn_word value,
                     struct build_data *d)
{
    const char *at = value.p ? memchr(value.p, '@', value.len) : NULL;
    struct scn_word count = value, start = {0};
    uint64_t n, from = 0;

    if (at) {
        count.len = (size_t)(at - value.p);
        start = (struct scn_word){at + 1, (size_t)(value.p + value.len - at - 1)};
    }
    if (!scn_number(p->s, key, count, BUILD_PACKET_MAX, &n) ||
        (at && !scn_number(p->s, key, start, UINT32_MAX, &from)))
        return false;
    if (d->len == 0) {
        *d = (struct build_data){.start = (uint32_t)from, .len = n};
        return true;
    }
    if (!open_data(p, key, d))
        return false;
    if (n > pool_left(p))
        return scn_fail(p->s, key, "the packet is too long");
    build_letters(p->pool + p->pool_len, n, (uint32_t)from);
    grow(p, d, n);
    return true;
}

static bool read_bytes(struct parser *p, struct scn_word key, struct scn_word value,
                       struct build_data *d)
{
    size_t n;
    if (!open_data(p, key, d))
        return false;
    uint8_t *to = p->pool + p->pool_len;
    if (!value.p)
        return scn_fail(p->s, key, "'data' wants hex digits or \"text\": data=0d0a");
    if (value.len && value.p[0] == '"' ? !scn_string(p->s, value, to, pool_left(p), &n)
                                       : !scn_hex(p->s, value, to, pool_left(p), &n))
        return false;
    grow(p, d, n);
    return true;
}

static bool word_len(struct parser *p, struct scn_word key, struct scn_word value)
{
    p->quote_len = 0;
    return read_len(p, key, value, &p->b.data);
}

static bool word_data(struct parser *p, struct scn_word key, struct scn_word value)
{
    p->quote_len = 0;
    return read_bytes(p, key, value, &p->b.data);
}

static bool read_host(struct parser *p, struct scn_word key, struct scn_word value,
                      struct build_addr *addr)
{
    if (value.p && hosts_parse(value.p, value.len, p->b.family, addr))
        return true;
    return scn_fail(p->s, value.p ? value : key,
                    "'%.*s' wants a host or an IPv%d address, not '%.*s'", (int)key.len, key.p,
                    p->b.family, (int)value.len, value.p ? value.p : "");
}

static bool word_addr(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_addr addr;
    size_t n = p->b.family == 4 ? 4 : 16;
    if (!read_host(p, key, value, &addr) || !open_data(p, key, &p->b.data))
        return false;
    if (n > pool_left(p))
        return scn_fail(p->s, key, "the packet is too long");
    memcpy(p->pool + p->pool_len, addr.b, n);
    grow(p, &p->b.data, n);
    p->quote_len = 0;
    return true;
}

static bool read_words(struct scn_scan *s, unsigned depth, uint8_t family, struct scn_packet *out);

static bool word_quote(struct parser *p, struct scn_word key, struct scn_word value)
{
    if (!value.len || value.p[0] != '[')
        return scn_fail(p->s, value.p ? value : key,
                        "'quote' wants a packet in brackets: quote=[A>B udp 1000>53]");
    struct scn_packet *inner = malloc(sizeof(*inner));
    if (!inner)
        return scn_fail(p->s, key, "out of memory");
    struct scn_scan s = scn_scan_word(p->s, value);
    bool ok = read_words(&s, p->depth + 1, p->b.family, inner) && open_data(p, key, &p->b.data);
    if (ok && inner->len > pool_left(p))
        ok = scn_fail(p->s, key, "the packet is too long");
    if (ok) {
        memcpy(p->pool + p->pool_len, inner->bytes, inner->len);
        grow(p, &p->b.data, inner->len);
        p->quote = key;
        p->quote_len = inner->len;
    }
    free(inner);
    return ok;
}

/* ---- checksums ------------------------------------------------------------------------------- */

static bool read_sum(struct parser *p, struct scn_word key, struct scn_word value,
                     struct build_sum *sum, uint32_t max)
{
    uint64_t n;
    if (value.p && scn_is(value, "bad")) {
        *sum = (struct build_sum){.mode = BUILD_SUM_BAD};
        return true;
    }
    if (!scn_number(p->s, key, value, max, &n))
        return false;
    *sum = (struct build_sum){BUILD_SUM_VALUE, (uint32_t)n};
    return true;
}

static struct build_sum *upper_sum(struct parser *p, struct scn_word key)
{
    struct build_sum *sum = build_sum_of(&p->b);
    if (!sum)
        scn_fail(p->s, key, "'%.*s': this protocol has no checksum", (int)key.len, key.p);
    if (p->b.kind == BUILD_GRE)
        p->b.l4.gre.has_sum = true;
    return sum;
}

static bool word_sum(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_sum *sum = upper_sum(p, key);
    return sum && read_sum(p, key, value, sum, p->b.kind == BUILD_SCTP ? UINT32_MAX : UINT16_MAX);
}

static bool word_badsum(struct parser *p, struct scn_word key, struct scn_word value)
{
    (void)value;
    struct build_sum *sum = upper_sum(p, key);
    if (sum)
        *sum = (struct build_sum){.mode = BUILD_SUM_BAD};
    return sum;
}

static bool word_nosum(struct parser *p, struct scn_word key, struct scn_word value)
{
    (void)value;
    struct build_sum *sum = upper_sum(p, key);
    if (sum)
        *sum = (struct build_sum){.mode = BUILD_SUM_VALUE};
    return sum;
}

static bool word_ipsum(struct parser *p, struct scn_word key, struct scn_word value)
{
    return read_sum(p, key, value, &p->b.ip4.sum, UINT16_MAX);
}

/* ---- the IP layer ---------------------------------------------------------------------------- */

static bool word_off(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, 65528, &n))
        return false;
    if (n % 8)
        return scn_fail(p->s, value, "'%.*s': fragments begin at multiples of 8 bytes",
                        (int)value.len, value.p);
    p->b.ip4.off = (uint16_t)(n / 8);
    return true;
}

static bool word_ipopt(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_ip4 *h = &p->b.ip4;
    size_t n;
    (void)key;
    if (!scn_hex(p->s, value, h->opt + h->opt_len, (size_t)(BUILD_IP4_OPT_MAX - h->opt_len), &n))
        return false;
    h->opt_len = (uint8_t)(h->opt_len + n);
    return true;
}

/* frag=OFF+LEN */
static bool word_frag(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct scn_scan s = scn_scan_word(p->s, value);
    struct scn_word off = scn_next_part(&s, '+'), len = scn_next_part(&s, '+');
    uint64_t from, n;

    if (!off.len || !len.len || s.p < s.end)
        return scn_fail(p->s, value.p ? value : key,
                        "'frag' wants an offset and a length in bytes: frag=1480+520");
    if (!scn_number(p->s, key, off, 65528, &from) || !scn_number(p->s, key, len, 65535, &n))
        return false;
    if (from % 8)
        return scn_fail(p->s, off, "'%.*s': fragments begin at multiples of 8 bytes", (int)off.len,
                        off.p);
    p->b.piece.on = true;
    p->b.piece.off = (uint32_t)from;
    p->b.piece.len = (uint32_t)n;
    return true;
}

/* "NAME(a,b=c)": the name; args is a scan over what is in the parentheses, empty without. */
static struct scn_word call_split(const struct scn_scan *s, struct scn_word word,
                                  struct scn_scan *args)
{
    const char *open = memchr(word.p, '(', word.len);
    size_t len = open ? (size_t)(open - word.p) : word.len;
    struct scn_word inside = {word.p + len, word.len - len};

    *args = scn_scan_word(s, inside);
    return (struct scn_word){word.p, len};
}

static bool ext_args(struct parser *p, struct scn_scan *args, struct build_ext *e)
{
    uint64_t off = 0, more = 0, id = 0, hlen;
    struct scn_word part, key, value;
    size_t n;

    while ((part = scn_next_part(args, ',')).len) {
        key = scn_split(part, &value);
        if (scn_is(key, "data")) {
            if (!scn_hex(p->s, value, e->body, sizeof(e->body), &n))
                return false;
            e->body_len = (uint8_t)n;
        } else if (scn_is(key, "hlen")) {
            if (!scn_number(p->s, key, value, 255, &hlen))
                return false;
            e->hlen = (int)hlen;
        } else if (e->kind == BUILD_PROTO_FRAGMENT && scn_is(key, "more")) {
            more = 1;
        } else if (e->kind == BUILD_PROTO_FRAGMENT && scn_is(key, "off")) {
            if (!scn_number(p->s, key, value, 65535, &off))
                return false;
        } else if (e->kind == BUILD_PROTO_FRAGMENT && scn_is(key, "id")) {
            if (!scn_number(p->s, key, value, UINT32_MAX, &id))
                return false;
        } else {
            return scn_fail(p->s, part, "'%.*s': an extension header takes data=HEX and hlen=N%s",
                            (int)part.len, part.p,
                            e->kind == BUILD_PROTO_FRAGMENT ? ", and off=BYTES more id=N" : "");
        }
    }
    if (e->kind == BUILD_PROTO_FRAGMENT && e->body_len == 0) {
        wire_put16(e->body, (uint32_t)(off | more));
        wire_put32(e->body + 2, (uint32_t)id);
        e->body_len = 6;
    }
    return !scn_failed(args);
}

static bool word_ext(struct parser *p, struct scn_word key, struct scn_word value)
{
    static const uint8_t kinds[] = {BUILD_PROTO_HBH, BUILD_PROTO_ROUTING, BUILD_PROTO_FRAGMENT,
                                    BUILD_PROTO_AH, BUILD_PROTO_DSTOPT};
    struct scn_scan list = scn_scan_word(p->s, value), args;
    struct scn_word part;

    if (!value.len || p->b.family != 6)
        return scn_fail(p->s, key, "'ext' wants names, in an IPv6 packet: ext=hbh,dst");
    while ((part = scn_next_part(&list, ',')).len) {
        struct scn_word name = call_split(p->s, part, &args);
        struct build_ext e = {.hlen = BUILD_AUTO};
        bool known = false;
        for (size_t i = 0; i < sizeof(kinds) && !known; i++) {
            known = scn_is(name, build_ext_name(kinds[i]));
            e.kind = kinds[i];
        }
        if (!known)
            return scn_fail(p->s, name, "'%.*s' is no extension header: hbh rt frag ah dst",
                            (int)name.len, name.p);
        if (e.kind != BUILD_PROTO_FRAGMENT) {
            const uint8_t *body;
            size_t n = scn_ext_usual(e.kind, &body);
            memcpy(e.body, body, n);
            e.body_len = (uint8_t)n;
        }
        if (!ext_args(p, &args, &e))
            return false;
        if (p->b.ip6.ext_count == BUILD_EXT_MAX)
            return scn_fail(p->s, part, "more than %d extension headers", BUILD_EXT_MAX);
        p->b.ip6.ext[p->b.ip6.ext_count++] = e;
    }
    return !scn_failed(&list);
}

/* from=A, from=B */
static bool word_from(struct parser *p, struct scn_word key, struct scn_word value)
{
    if (value.p && scn_is(value, "A"))
        p->side = SIDE_A;
    else if (value.p && scn_is(value, "B"))
        p->side = SIDE_B;
    else
        return scn_fail(p->s, key, "'from' wants a side: from=A or from=B");
    return true;
}

static const struct special ip_words[] = {
    {"from", word_from},   {"off", word_off},
    {"ipsum", word_ipsum}, {"ipopt", word_ipopt},
    {"ext", word_ext},     {"frag", word_frag},
    {"len", word_len},     {"data", word_data},
    {"addr", word_addr},   {"quote", word_quote},
    {"sum", word_sum},     {"badsum", word_badsum},
    {"nosum", word_nosum}, {0},
};

/* ---- tcp ------------------------------------------------------------------------------------- */

/* "1000>80" */
static bool read_ports(struct parser *p, uint16_t *sport, uint16_t *dport)
{
    if (p->ports) {
        *sport = p->ports[0];
        *dport = p->ports[1];
        return true;
    }
    struct scn_word w = scn_next(p->s);
    struct scn_scan s = scn_scan_word(p->s, w);
    struct scn_word from = scn_next_part(&s, '>'), to = scn_next_part(&s, '>');
    uint64_t a, b;

    if (!from.len || !to.len || s.p < s.end)
        return scn_fail(p->s, w, "'%.*s': ports are wanted here, such as 1000>80", (int)w.len, w.p);
    if (!scn_number(p->s, w, from, 65535, &a) || !scn_number(p->s, w, to, 65535, &b))
        return false;
    *sport = (uint16_t)a;
    *dport = (uint16_t)b;
    return true;
}

static bool start_tcp(struct parser *p)
{
    static const char letter[] = "FSRPAUEW";
    struct build_tcp *t = &p->b.l4.tcp;
    if (!read_ports(p, &t->sport, &t->dport))
        return false;
    struct scn_word w = scn_next(p->s);
    if (scn_is(w, "none"))
        return true;
    for (size_t i = 0; i < w.len; i++) {
        const char *found = strchr(letter, w.p[i] == '.' ? 'A' : w.p[i]);
        if (!found || !*found)
            return scn_fail(p->s, w, "'%.*s' are no TCP flags: letters of S A F R P U E W, or none",
                            (int)w.len, w.p);
        t->flags = (uint16_t)(t->flags | 1u << (found - letter));
    }
    if (w.len == 0)
        return scn_fail(p->s, w, "TCP flags are missing: letters of S A F R P U E W, or none");
    return true;
}

static bool room(struct parser *p, struct scn_word key, bool ok)
{
    return ok || scn_fail(p->s, key, "'%.*s': TCP options are more than %d bytes", (int)key.len,
                          key.p, BUILD_TCP_OPT_MAX);
}

static bool word_mss(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    return scn_number(p->s, key, value, 65535, &n) &&
           room(p, key, build_tcp_mss(&p->b.l4.tcp, (uint16_t)n));
}

static bool word_ws(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    return scn_number(p->s, key, value, 255, &n) &&
           room(p, key, build_tcp_wscale(&p->b.l4.tcp, (uint8_t)n));
}

static bool word_sackok(struct parser *p, struct scn_word key, struct scn_word value)
{
    (void)value;
    return room(p, key, build_tcp_sackok(&p->b.l4.tcp));
}

static bool word_nop(struct parser *p, struct scn_word key, struct scn_word value)
{
    (void)value;
    return room(p, key, build_tcp_nop(&p->b.l4.tcp));
}

static bool word_eol(struct parser *p, struct scn_word key, struct scn_word value)
{
    (void)value;
    return room(p, key, build_tcp_raw(&p->b.l4.tcp, (const uint8_t[]){0}, 1));
}

/* Two numbers with a sign between them. */
static bool read_pair(struct parser *p, struct scn_word key, struct scn_word both, char sep,
                      uint32_t *a, uint32_t *b)
{
    struct scn_scan s = scn_scan_word(p->s, both);
    struct scn_word one = scn_next_part(&s, sep), two = scn_next_part(&s, sep);
    uint64_t x, y;

    if (!one.len || !two.len || s.p < s.end)
        return scn_fail(p->s, both.p ? both : key, "'%.*s' wants two numbers, such as 5%c9",
                        (int)key.len, key.p, sep);
    if (!scn_number(p->s, key, one, UINT32_MAX, &x) || !scn_number(p->s, key, two, UINT32_MAX, &y))
        return false;
    *a = (uint32_t)x;
    *b = (uint32_t)y;
    return true;
}

static bool word_ts(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint32_t a = 0, b = 0;
    return read_pair(p, key, value, '/', &a, &b) && room(p, key, build_tcp_ts(&p->b.l4.tcp, a, b));
}

static bool word_sack(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_block block[4];
    struct scn_scan s = scn_scan_word(p->s, value);
    struct scn_word part;
    size_t n = 0;

    while ((part = scn_next_part(&s, ',')).len) {
        if (n == 4)
            return room(p, key, false);
        if (!read_pair(p, key, part, '-', &block[n].left, &block[n].right))
            return false;
        n++;
    }
    return room(p, key, build_tcp_sack(&p->b.l4.tcp, block, n));
}

static bool word_opt(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint8_t bytes[BUILD_TCP_OPT_MAX];
    size_t n;
    return scn_hex(p->s, value, bytes, sizeof(bytes), &n) &&
           room(p, key, build_tcp_raw(&p->b.l4.tcp, bytes, n));
}

static bool word_res(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, 15, &n))
        return false;
    p->b.l4.tcp.flags = (uint16_t)(p->b.l4.tcp.flags | n << 8);
    return true;
}

static const struct special tcp_words[] = {
    {"mss", word_mss},       {"ws", word_ws},
    {"sackok", word_sackok}, {"sack", word_sack},
    {"ts", word_ts},         {"nop", word_nop},
    {"eol", word_eol},       {"opt", word_opt},
    {"res", word_res},       {0},
};

/* ---- udp, icmp, gre, the rest ---------------------------------------------------------------- */

static bool start_udp(struct parser *p)
{
    return read_ports(p, &p->b.l4.udp.sport, &p->b.l4.udp.dport);
}

static bool is_number(struct scn_word w)
{
    return w.len && w.p[0] >= '0' && w.p[0] <= '9' && !memchr(w.p, '=', w.len);
}

static bool start_icmp(struct parser *p)
{
    struct build_icmp *i = &p->b.l4.icmp;
    struct scn_word w = scn_peek(p->s);
    uint64_t n;

    if (!memchr(w.p, '=', w.len)) {
        unsigned type = 0;
        while (type < 256) {
            const char *name = build_icmp_name(p->b.proto, (uint8_t)type);
            if (name && scn_is(w, name))
                break;
            type++;
        }
        if (type == 256)
            return scn_fail(p->s, w,
                            "'%.*s' is no ICMP%s type: echo reply unreach exceeded redirect … "
                            "(scn_packet.h has the list) or type=N",
                            (int)w.len, w.p, p->b.proto == BUILD_PROTO_ICMPV6 ? "v6" : "");
        i->type = (uint8_t)type;
        scn_next(p->s);
    }
    w = scn_peek(p->s);
    if (is_number(w)) {
        if (!scn_number(p->s, w, w, 255, &n))
            return false;
        i->code = (uint8_t)n;
        scn_next(p->s);
    }
    return true;
}

static bool word_icmp_id(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, 65535, &n))
        return false;
    p->b.l4.icmp.rest = (uint32_t)n << 16 | (p->b.l4.icmp.rest & 0xffff);
    return true;
}

static bool word_icmp_low(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, 65535, &n))
        return false;
    p->b.l4.icmp.rest = (p->b.l4.icmp.rest & 0xffff0000) | (uint32_t)n;
    return true;
}

static bool word_icmp_gw(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_addr addr = {0};
    if (!read_host(p, key, value, &addr))
        return false;
    p->b.l4.icmp.rest = wire_get32(addr.b);
    return true;
}

static const struct special icmp_words[] = {
    {"id", word_icmp_id}, {"seq", word_icmp_low}, {"mtu", word_icmp_low}, {"gw", word_icmp_gw}, {0},
};

/* The key, the sequence and the ack number are there if they are given. */
static bool read_gre(struct parser *p, struct scn_word key, struct scn_word value, bool *has,
                     uint32_t *field)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, UINT32_MAX, &n))
        return false;
    *has = true;
    *field = (uint32_t)n;
    return true;
}

static bool word_gre_key(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_gre *g = &p->b.l4.gre;
    return read_gre(p, key, value, &g->has_key, &g->key);
}

static bool word_gre_seq(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_gre *g = &p->b.l4.gre;
    return read_gre(p, key, value, &g->has_seq, &g->seq);
}

static bool word_gre_ack(struct parser *p, struct scn_word key, struct scn_word value)
{
    struct build_gre *g = &p->b.l4.gre;
    return read_gre(p, key, value, &g->has_ack, &g->ack);
}

static bool word_gre_callid(struct parser *p, struct scn_word key, struct scn_word value)
{
    uint64_t n;
    if (!scn_number(p->s, key, value, 65535, &n))
        return false;
    p->b.l4.gre.has_key = true;
    p->b.l4.gre.callid = (uint16_t)n;
    return true;
}

static const struct special gre_words[] = {
    {"key", word_gre_key},
    {"seq", word_gre_seq},
    {"ack", word_gre_ack},
    {"callid", word_gre_callid},
    {0},
};

static bool start_proto(struct parser *p)
{
    if (p->ports) {
        p->b.proto = (uint8_t)p->ports[0];
        return true;
    }
    struct scn_word w = scn_next(p->s);
    uint64_t n;
    if (!scn_number(p->s, (struct scn_word){"proto", 5}, w, 255, &n))
        return false;
    p->b.proto = (uint8_t)n;
    return true;
}

/* ---- sctp ------------------------------------------------------------------------------------ */

static bool start_sctp(struct parser *p)
{
    return read_ports(p, &p->b.l4.sctp.sport, &p->b.l4.sctp.dport);
}

static bool chunk_type(struct scn_word name, uint8_t *type)
{
    for (unsigned i = 0; i < 256; i++) {
        const char *known = build_chunk_name((uint8_t)i);
        *type = (uint8_t)i;
        if (known && scn_is(name, known))
            return true;
    }
    *type = scn_is(name, "HEARTBEAT_ACK") ? BUILD_CHUNK_HEARTBEAT_ACK : BUILD_CHUNK_HEARTBEAT;
    return scn_is(name, "HEARTBEAT_ACK") || scn_is(name, "HEARTBEAT");
}

static bool chunk_field(struct parser *p, struct build_chunk *c, struct scn_word key,
                        struct scn_word value, bool *found)
{
    size_t n;
    const struct scn_chunk_field *f = scn_chunk_fields(&n);
    uint64_t v;

    *found = false;
    for (size_t i = 0; i < n && !*found; i++) {
        if (c->head_len == 0 || f[i].type != c->type || !scn_is(key, f[i].word))
            continue;
        *found = true;
        if (!scn_number(p->s, key, value, f[i].size == 4 ? UINT32_MAX : UINT16_MAX, &v))
            return false;
        if (f[i].size == 4)
            wire_put32(c->head + f[i].at, (uint32_t)v);
        else
            wire_put16(c->head + f[i].at, (uint32_t)v);
    }
    return true;
}

static bool chunk_arg(struct parser *p, struct build_chunk *c, struct scn_word part)
{
    struct scn_word value, key = scn_split(part, &value);
    uint64_t n;
    bool found;

    if (!chunk_field(p, c, key, value, &found))
        return false;
    if (found)
        return true;
    if (scn_is(key, "len"))
        return read_len(p, key, value, &c->body);
    if (scn_is(key, "data"))
        return read_bytes(p, key, value, &c->body);
    if (scn_is(part, "T")) {
        c->flags |= BUILD_CHUNK_T_FLAG;
        return true;
    }
    if (!scn_is(key, "flags") && !scn_is(key, "length") && !scn_is(key, "type"))
        return scn_fail(p->s, part,
                        "'%.*s' is no argument of a chunk: T flags= length= len= data= and the "
                        "fields of this type (scn_packet.h has the list)",
                        (int)part.len, part.p);
    if (!scn_number(p->s, key, value, scn_is(key, "length") ? 65535 : 255, &n))
        return false;
    if (scn_is(key, "flags"))
        c->flags = (uint8_t)n;
    else if (scn_is(key, "length"))
        c->len = (int)n;
    else
        c->type = (uint8_t)n;
    return true;
}

/* A chunk: its word begins with a capital. `CHUNK` has no typed part and says its type. */
static bool read_chunk(struct parser *p, struct scn_word word)
{
    struct scn_scan args;
    struct scn_word name = call_split(p->s, word, &args), part;
    bool bare = scn_is(name, "CHUNK");
    uint8_t type = 0;
    size_t n;

    if (!bare && !chunk_type(name, &type))
        return scn_fail(p->s, name,
                        "'%.*s' is no chunk: DATA INIT INIT_ACK SACK HB HB_ACK ABORT SHUTDOWN "
                        "SHUTDOWN_ACK ERROR COOKIE_ECHO COOKIE_ACK SHUTDOWN_COMPLETE CHUNK(type=N)",
                        (int)name.len, name.p);
    struct build_chunk *c = build_chunk_add(&p->b.l4.sctp, type);
    if (!c)
        return scn_fail(p->s, name, "more than %d chunks", BUILD_CHUNKS_MAX);
    c->head_len = bare ? 0 : (uint8_t)build_chunk_head_len(type);
    const struct scn_chunk_field *f = scn_chunk_fields(&n);
    for (size_t i = 0; i < n && c->head_len; i++) {
        if (f[i].type == type && f[i].size == 4)
            wire_put32(c->head + f[i].at, f[i].usual);
        else if (f[i].type == type)
            wire_put16(c->head + f[i].at, f[i].usual);
    }
    while ((part = scn_next_part(&args, ',')).len)
        if (!chunk_arg(p, c, part))
            return false;
    return !scn_failed(&args);
}

/* ---- the line -------------------------------------------------------------------------------- */

struct scn_protocol {
    const char *word;
    enum build_kind kind;
    uint8_t proto; /* 0: the kind's own */
    bool (*start)(struct parser *p);
    const struct special *words;
};

static const struct scn_protocol protocols[] = {
    {"tcp", BUILD_TCP, 0, start_tcp, tcp_words},
    {"udp", BUILD_UDP, 0, start_udp, NULL},
    {"udplite", BUILD_UDPLITE, 0, start_udp, NULL},
    {"icmp", BUILD_ICMP, 0, start_icmp, icmp_words},
    {"icmp4", BUILD_ICMP, BUILD_PROTO_ICMP, start_icmp, icmp_words},
    {"icmp6", BUILD_ICMP, BUILD_PROTO_ICMPV6, start_icmp, icmp_words},
    {"sctp", BUILD_SCTP, 0, start_sctp, NULL},
    {"gre", BUILD_GRE, 0, NULL, gre_words},
    {"proto", BUILD_RAW, 0, start_proto, NULL},
};

static bool has_ports(const struct scn_protocol *proto)
{
    return proto->start && proto->kind != BUILD_ICMP && proto->kind != BUILD_RAW;
}

static read_fn *find_special(const struct special *list, struct scn_word key)
{
    for (; list && list->word; list++)
        if (scn_is(key, list->word))
            return list->read;
    return NULL;
}

static const struct scn_field *find_field(enum build_kind kind, struct scn_word key)
{
    size_t n;
    const struct scn_field *f = scn_fields_of(kind, &n);
    for (size_t i = 0; i < n; i++)
        if (scn_is(key, f[i].word))
            return &f[i];
    f = scn_fields_ip(&n);
    for (size_t i = 0; i < n; i++)
        if (scn_is(key, f[i].word))
            return &f[i];
    return NULL;
}

static bool set_field(struct parser *p, const struct scn_field *f, struct scn_word key,
                      struct scn_word value)
{
    uint8_t *at = (uint8_t *)&p->b + f->at;
    uint64_t n = 1;

    if (f->type == SCN_FIELD_SET) {
        if (value.p)
            return scn_fail(p->s, value, "'%s' takes no value", f->word);
        memcpy(at, &(bool){true}, sizeof(bool));
        return true;
    }
    if (!scn_number(p->s, key, value, f->max, &n))
        return false;
    if (f->type == SCN_FIELD_AUTO)
        memcpy(at, &(int){(int)n}, sizeof(int));
    else if (f->size == 1)
        *at = (uint8_t)n;
    else if (f->size == 2)
        memcpy(at, &(uint16_t){(uint16_t)n}, 2);
    else
        memcpy(at, &(uint32_t){(uint32_t)n}, 4);
    return true;
}

static void add_words(struct text *t, const struct special *list, const struct scn_field *f,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        text_add(t, " %s", f[i].word);
    for (; list && list->word; list++)
        text_add(t, " %s", list->word);
}

static bool unknown_word(struct parser *p, const struct scn_protocol *proto, struct scn_word word)
{
    char list[400];
    struct text t = text_in(list, sizeof(list));
    size_t n;
    const struct scn_field *f = scn_fields_of(proto->kind, &n);

    add_words(&t, proto->words, f, n);
    if (proto->kind == BUILD_SCTP)
        text_add(&t, " INIT DATA …");
    text_add(&t, "; and");
    f = scn_fields_ip(&n);
    add_words(&t, ip_words, f, n);
    return scn_fail(p->s, word, "'%.*s' is no word of a %s packet; known are:%s", (int)word.len,
                    word.p, proto->word, list);
}

static bool read_word(struct parser *p, const struct scn_protocol *proto, struct scn_word word)
{
    if (proto->kind == BUILD_SCTP && word.p[0] >= 'A' && word.p[0] <= 'Z')
        return read_chunk(p, word);
    struct scn_word value, key = scn_split(word, &value);
    const struct scn_field *f = find_field(proto->kind, key);
    read_fn *read = find_special(proto->words, key);
    if (!read && !f)
        read = find_special(ip_words, key);
    if (read)
        return read(p, key, value);
    return f ? set_field(p, f, key, value) : unknown_word(p, proto, word);
}

bool scn_read_hosts(const struct scn_scan *scan, struct scn_word word, uint8_t said, uint8_t usual,
                    uint8_t *family, struct build_addr *src, struct build_addr *dst)
{
    struct scn_scan s = scn_scan_word(scan, word);
    struct scn_word pair[2];

    pair[0] = scn_next_part(&s, '>');
    pair[1] = scn_next_part(&s, '>');
    if (!pair[0].len || !pair[1].len || s.p < s.end)
        return scn_fail(scan, word, "'%.*s': hosts are wanted here, such as A>B (or 6 A>B)",
                        (int)word.len, word.p);
    for (int i = 0; i < 2; i++) {
        uint8_t wants = hosts_family(pair[i].p, pair[i].len);
        if (wants && said && wants != said)
            return scn_fail(scan, pair[i], "'%.*s' is IPv%d, but the packet is IPv%d",
                            (int)pair[i].len, pair[i].p, wants, said);
        said = wants ? wants : said;
    }
    *family = said ? said : usual;
    for (int i = 0; i < 2; i++)
        if (!hosts_parse(pair[i].p, pair[i].len, *family, i ? dst : src))
            return scn_fail(scan, pair[i],
                            "'%.*s' is no host: A A2-A9 B B2-B9 R R2 or an IPv%d address",
                            (int)pair[i].len, pair[i].p, *family);
    return true;
}

/* "A>B", which also settles the family and the side. */
static bool read_hosts(struct parser *p, struct scn_word word, uint8_t said, struct build_addr *src,
                       struct build_addr *dst)
{
    if (!scn_read_hosts(p->s, word, said, p->family, &p->family, src, dst))
        return false;
    if (p->side == SIDE_NONE)
        p->side = hosts_side(p->family, src);
    return true;
}

static const struct scn_protocol *find_protocol(struct parser *p, struct scn_word word)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (scn_is(word, protocols[i].word))
            return &protocols[i];
    scn_fail(p->s, word,
             "'%.*s' is no protocol: tcp udp udplite icmp icmp4 icmp6 sctp gre hex or proto N",
             (int)word.len, word.p);
    return NULL;
}

static bool finish(struct parser *p, struct scn_word first, struct scn_packet *out)
{
    struct build *b = &p->b;
    if (b->cut != BUILD_AUTO && p->quote.p) {
        if (!p->quote_len)
            return scn_fail(p->s, p->quote, "with cut=, quote= must be the last of the payload");
        if ((size_t)b->cut < p->quote_len)
            b->data.len -= p->quote_len - (size_t)b->cut;
        b->cut = BUILD_AUTO;
    }
    out->len = build_make(b, out->bytes, sizeof(out->bytes));
    return out->len || scn_fail(p->s, first, "the packet is longer than IP allows");
}

static bool read_hex(struct parser *p, struct scn_packet *out)
{
    struct scn_word w = scn_next(p->s);
    if (!scn_hex(p->s, w, out->bytes, sizeof(out->bytes), &out->len))
        return false;
    if (out->len == 0)
        return scn_fail(p->s, w, "the bytes are missing: hex 4500…");
    w = scn_peek(p->s);
    if (w.len && !scn_is(w, "->"))
        return scn_fail(p->s, w, "'%.*s': nothing may follow hex BYTES", (int)w.len, w.p);
    return true;
}

/* What follows the hosts and the protocol's name. `first` is where the packet began. */
static bool read_rest(struct parser *p, const struct scn_protocol *proto, struct scn_word first,
                      const struct build_addr *src, const struct build_addr *dst,
                      struct scn_packet *out)
{
    struct scn_word word;

    build_init(&p->b, p->family, proto->kind);
    p->b.src = *src;
    p->b.dst = *dst;
    if (proto->proto)
        p->b.proto = proto->proto;
    if (proto->start && !proto->start(p))
        return false;
    while ((word = scn_peek(p->s)).len && !scn_is(word, "->"))
        if (!read_word(p, proto, scn_next(p->s)))
            return false;
    return !scn_failed(p->s) && finish(p, first, out);
}

/* Everything from the first word on; the words before were the family and the side. */
static bool read_body(struct parser *p, struct scn_word word, uint8_t family,
                      struct scn_packet *out)
{
    struct build_addr src, dst;
    struct scn_word first = word;

    if (scn_is(word, "hex"))
        return read_hex(p, out);
    if (!read_hosts(p, word, family, &src, &dst))
        return false;
    word = scn_next(p->s);
    if (scn_is(word, "hex"))
        return read_hex(p, out);
    const struct scn_protocol *proto = find_protocol(p, word);
    if (!proto)
        return false;
    return read_rest(p, proto, first, &src, &dst, out);
}

static struct parser *parser_new(struct scn_scan *s, unsigned depth)
{
    struct parser *p = calloc(1, sizeof(*p));
    if (!p) {
        scn_fail(s, scn_peek(s), "out of memory");
        return NULL;
    }
    p->s = s;
    p->depth = depth;
    return p;
}

static bool read_words(struct scn_scan *s, unsigned depth, uint8_t family, struct scn_packet *out)
{
    if (depth > NEST_MAX)
        return scn_fail(s, scn_peek(s), "packets are nested too deeply");
    struct parser *p = parser_new(s, depth);
    if (!p)
        return false;
    p->family = family;

    uint8_t said = 0;
    struct scn_word word = scn_next(s), value;
    bool ok = true;
    for (; ok; word = scn_next(s)) {
        if (scn_is(word, "4") || scn_is(word, "6"))
            said = (uint8_t)(word.p[0] - '0');
        else if (scn_is(scn_split(word, &value), "from"))
            ok = word_from(p, word, value);
        else
            break;
    }
    ok = ok && read_body(p, word, said, out);
    if (ok && p->side == SIDE_NONE && depth == 0)
        ok = scn_fail(s, word, "'%.*s' does not tell the side: add from=A or from=B", (int)word.len,
                      word.p);
    out->side = p->side;
    free(p);
    return ok;
}

bool scn_read_flow(struct scn_scan *scan, struct scn_flow *out)
{
    struct parser *p = parser_new(scan, 0);
    if (!p)
        return false;
    p->family = 4;
    uint8_t said = 0;
    struct scn_word word = scn_next(scan);
    if (scn_is(word, "4") || scn_is(word, "6")) {
        said = (uint8_t)(word.p[0] - '0');
        word = scn_next(scan);
    }
    out->protocol = find_protocol(p, word);
    bool ok = out->protocol != NULL;
    if (ok && out->protocol->kind == BUILD_RAW) {
        ok = start_proto(p);
        out->port[0] = out->port[1] = p->b.proto;
    }
    ok = ok && read_hosts(p, scn_next(scan), said, &out->host[0], &out->host[1]);
    out->family = p->family;
    if (ok && has_ports(out->protocol))
        ok = read_ports(p, &out->port[0], &out->port[1]);
    if (ok && hosts_side(out->family, &out->host[0]) == SIDE_B) {
        const struct scn_flow given = *out;
        for (int i = 0; i < 2; i++) {
            out->host[i] = given.host[1 - i];
            out->port[i] = given.port[1 - i];
        }
    }
    word = scn_next(scan);
    if (ok && word.len)
        ok = scn_fail(scan, word, "'%.*s': nothing may follow a flow", (int)word.len, word.p);
    free(p);
    return ok && !scn_failed(scan);
}

bool scn_read_flow_packet(struct scn_scan *scan, const struct scn_flow *flow, enum side from,
                          struct scn_packet *out)
{
    struct parser *p = parser_new(scan, 0);
    if (!p)
        return false;
    unsigned me = from == SIDE_B, you = !me;
    const uint16_t ports[2] = {flow->port[me], flow->port[you]};
    struct scn_word first = scn_peek(scan);

    p->family = flow->family;
    p->side = from;
    p->ports = ports;
    bool ok = read_rest(p, flow->protocol, first, &flow->host[me], &flow->host[you], out);
    out->side = p->side;
    free(p);
    return ok;
}

bool scn_read_inner_packet(struct scn_scan *scan, struct scn_packet *out)
{
    return read_words(scan, 1, 4, out);
}

bool scn_read_packet(struct scn_scan *scan, struct scn_packet *out)
{
    return read_words(scan, 0, 4, out);
}

bool scn_parse_packet(const char *line, size_t len, struct scn_packet *out, struct scn_error *error)
{
    *error = (struct scn_error){0};
    struct scn_scan s = scn_scan_line(line, len, 1, error);
    if (!scn_read_packet(&s, out))
        return false;
    struct scn_word w = scn_next(&s);
    return !w.len || scn_fail(&s, w, "'%.*s': nothing may follow a packet here", (int)w.len, w.p);
}
