/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build_describe: one line for people about any bytes.
 *
 * What the packet is comes first, in the order a reader asks for it; what is wrong with it follows
 * in words after commas. Ordinary values (TTL 64, right checksums …) are not mentioned.
 */
#include "build.h"

#include <string.h>

#include "hosts.h"
#include "text.h"
#include "wire.h"

enum {
    NEST_MAX = 2,   /* a quoted packet that quotes a packet is still shown */
    HEX_SHOWN = 64, /* bytes, where there are no words */
};

static void packet(struct text *t, const uint8_t *bytes, size_t len, unsigned depth);

/* ---- the IP layer ---------------------------------------------------------------------------- */

static void fragment(struct text *t, const char **comma, uint32_t id, uint32_t off, bool more)
{
    text_add(t, "%sfrag id %u at %u%s", *comma, id, off, more ? " more" : off ? " last" : "");
    *comma = ", ";
}

/* "(id 5, ttl 3, …) ", or nothing if nothing is remarkable. */
static void ip_notes(struct text *t, const struct build *b)
{
    const struct build_ip4 *h = &b->ip4;
    size_t start = t->len;
    const char *comma = " (";

    if (b->tos) {
        text_add(t, "%stos 0x%x", comma, b->tos);
        comma = ", ";
    }
    if (b->ttl != 64) {
        text_add(t, "%sttl %u", comma, b->ttl);
        comma = ", ";
    }
    if (b->family == 4 && (h->mf || h->off)) {
        fragment(t, &comma, h->id, h->off * 8u, h->mf);
    } else if (h->id) {
        text_add(t, "%sid %u", comma, h->id);
        comma = ", ";
    }
    if (h->df || h->evil) {
        text_add(t, "%s%s", comma, h->df ? h->evil ? "df evil" : "df" : "evil");
        comma = ", ";
    }
    if (h->opt_len) {
        text_add(t, "%soptions ", comma);
        text_hex(t, h->opt, h->opt_len);
        comma = ", ";
    }
    for (unsigned i = 0; i < b->ip6.ext_count; i++) {
        const struct build_ext *e = &b->ip6.ext[i];
        if (e->kind == BUILD_PROTO_FRAGMENT) {
            uint16_t off = wire_get16(e->body);
            fragment(t, &comma, wire_get32(e->body + 2), off & 0xfff8u, off & 1);
        } else {
            text_add(t, "%s%s", comma, build_ext_name(e->kind));
            comma = ", ";
        }
    }
    if (t->len > start)
        text_add(t, ")");
}

static void ip_faults(struct text *t, const struct build *b, const uint8_t *ip, size_t len)
{
    unsigned stated = b->family == 4 ? wire_get16(ip + 2) : 40u + wire_get16(ip + 4);

    if (b->ip4.ihl != BUILD_AUTO)
        text_add(t, ", ip header length %d words", b->ip4.ihl);
    if (b->ip4.tlen != BUILD_AUTO)
        text_add(t, ", ip total length %d of %zu", b->ip4.tlen, len);
    if (b->ip6.plen != BUILD_AUTO)
        text_add(t, ", ip payload length %d of %zu", b->ip6.plen, len - 40);
    if (b->ip4.sum.mode != BUILD_SUM_RIGHT)
        text_add(t, ", bad ip header checksum");
    if (b->keep != BUILD_AUTO)
        text_add(t, ", ends %d bytes behind the ip header", b->keep);
    if (b->cut != BUILD_AUTO)
        text_add(t, ", cut at %d of %u", b->cut, stated);
}

/* ---- upper layers ---------------------------------------------------------------------------- */

static void sum_fault(struct text *t, const struct build_sum *s)
{
    if (s->mode != BUILD_SUM_RIGHT)
        text_add(t, ", bad checksum");
}

static bool padding(const uint8_t *o, size_t n)
{
    static const uint8_t zero[4];
    return n < sizeof(zero) && memcmp(o, zero, n) == 0;
}

static void tcp_options(struct text *t, const struct build_tcp *h)
{
    const uint8_t *o = h->opt;
    const char *comma = " <";
    size_t i = 0;

    while (i < h->opt_len && !padding(o + i, h->opt_len - i)) {
        size_t n = o[i] < 2 ? 1 : i + 1 < h->opt_len ? o[i + 1] : 0;
        text_add(t, "%s", comma);
        comma = ",";
        if (n == 0 || (o[i] >= 2 && n < 2) || n > h->opt_len - i) {
            text_add(t, "malformed ");
            text_hex(t, o + i, h->opt_len - i);
            break;
        }
        if (o[i] == 0)
            text_add(t, "eol");
        else if (o[i] == 1)
            text_add(t, "nop");
        else if (o[i] == 2 && n == 4)
            text_add(t, "mss %u", wire_get16(o + i + 2));
        else if (o[i] == 3 && n == 3)
            text_add(t, "ws %u", o[i + 2]);
        else if (o[i] == 4 && n == 2)
            text_add(t, "sackOK");
        else if (o[i] == 8 && n == 10)
            text_add(t, "ts %u/%u", wire_get32(o + i + 2), wire_get32(o + i + 6));
        else if (o[i] == 5 && n % 8 == 2)
            for (size_t k = 2; k < n; k += 8)
                text_add(t, "%s%u-%u", k == 2 ? "sack " : " ", wire_get32(o + i + k),
                         wire_get32(o + i + k + 4));
        else
            text_add(t, "option %u length %zu", o[i], n);
        if (o[i] == 0)
            break;
        i += n;
    }
    if (comma[0] == ',')
        text_add(t, ">");
}

static void tcp(struct text *t, const struct build *b)
{
    const struct build_tcp *h = &b->l4.tcp;
    static const char letter[] = "FSRP.UEW";
    char flags[16], *f = flags;

    for (int i = 0; i < 8; i++)
        if (h->flags >> i & 1)
            *f++ = letter[i];
    *f = 0;
    text_add(t, " %u>%u [%s] seq %u", h->sport, h->dport, flags[0] ? flags : "none", h->seq);
    if (h->flags & BUILD_TCP_ACK || h->ack)
        text_add(t, " ack %u", h->ack);
    text_add(t, " win %u len %zu", h->win, b->data.len);
    if (h->urg)
        text_add(t, " urg %u", h->urg);
    tcp_options(t, h);
    if (h->flags >> 8)
        text_add(t, ", reserved bits 0x%x", h->flags >> 8);
    if (h->doff != BUILD_AUTO)
        text_add(t, ", header length %d words", h->doff);
    sum_fault(t, &h->sum);
}

static void udp(struct text *t, const struct build *b)
{
    const struct build_udp *u = &b->l4.udp;
    bool none = u->sum.mode == BUILD_SUM_VALUE && u->sum.value == 0;

    text_add(t, " %u>%u len %zu", u->sport, u->dport, b->data.len);
    if (u->len != BUILD_AUTO)
        text_add(t, ", %s %d of %zu", b->kind == BUILD_UDPLITE ? "coverage" : "length field",
                 u->len, b->data.len + 8);
    if (u->sum_by_len)
        text_add(t, ", checksum over the length field's bytes");
    if (b->pseudo != BUILD_AUTO)
        text_add(t, ", checksum made with protocol %d", b->pseudo);
    if (none)
        text_add(t, ", no checksum");
    else
        sum_fault(t, &u->sum);
}

static void icmp(struct text *t, const struct build *b, unsigned depth)
{
    const struct build_icmp *i = &b->l4.icmp;
    bool v6 = b->proto == BUILD_PROTO_ICMPV6;
    const char *name = build_icmp_name(b->proto, i->type);

    if (v6 != (b->family == 6))
        text_add(t, v6 ? "6" : "4");
    if (name)
        text_add(t, " %s", name);
    else
        text_add(t, " type %u", i->type);
    if (i->code)
        text_add(t, " code %u", i->code);
    if (build_icmp_quotes(b->proto, i->type)) {
        if (i->rest)
            text_add(t, " rest 0x%x", i->rest);
    } else {
        text_add(t, " id %u seq %u", i->rest >> 16, i->rest & 0xffff);
    }
    if (build_icmp_quotes(b->proto, i->type) && b->data.bytes && depth < NEST_MAX) {
        text_add(t, " <");
        packet(t, b->data.bytes, b->data.len, depth + 1);
        text_add(t, ">");
    } else {
        text_add(t, " len %zu", b->data.len);
    }
    sum_fault(t, &i->sum);
}

static void sctp(struct text *t, const struct build *b)
{
    const struct build_sctp *s = &b->l4.sctp;

    text_add(t, " %u>%u tag %u", s->sport, s->dport, s->vtag);
    for (unsigned i = 0; i < s->chunk_count; i++) {
        const struct build_chunk *c = &s->chunk[i];
        if (build_chunk_name(c->type))
            text_add(t, " %s", build_chunk_name(c->type));
        else
            text_add(t, " chunk %u", c->type);
        if (c->flags)
            text_add(t, " flags 0x%x", c->flags);
        if (c->head_len == BUILD_CHUNK_HEAD_MAX)
            text_add(t, " itag %u", wire_get32(c->head));
        if (c->body.len)
            text_add(t, " len %zu", c->body.len);
        if (c->len != BUILD_AUTO)
            text_add(t, " (length field %d)", c->len);
    }
    if (s->chunk_count == 0)
        text_add(t, ", no chunk");
    if (b->data.len)
        text_add(t, ", then %zu bytes", b->data.len);
    sum_fault(t, &s->sum);
}

static void gre(struct text *t, const struct build *b)
{
    const struct build_gre *g = &b->l4.gre;

    text_add(t, " v%u proto 0x%x", g->version, g->proto);
    if (g->has_key && g->version == 1)
        text_add(t, " call 0x%x", g->callid);
    else if (g->has_key)
        text_add(t, " key 0x%x", g->key);
    if (g->has_seq)
        text_add(t, " seq %u", g->seq);
    if (g->has_ack)
        text_add(t, " ack %u", g->ack);
    text_add(t, " len %zu", b->data.len);
    if (g->flags)
        text_add(t, ", flags 0x%x", g->flags);
    if (g->has_key && g->version == 1 && g->plen != BUILD_AUTO)
        text_add(t, ", payload length field %d", g->plen);
    if (g->has_sum)
        sum_fault(t, &g->sum);
}

static void upper(struct text *t, const struct build *b, unsigned depth)
{
    if (build_kind_name(b->kind))
        text_add(t, " %s", build_kind_name(b->kind));
    switch (b->kind) {
    case BUILD_TCP: tcp(t, b); break;
    case BUILD_UDP:
    case BUILD_UDPLITE: udp(t, b); break;
    case BUILD_ICMP: icmp(t, b, depth); break;
    case BUILD_SCTP: sctp(t, b); break;
    case BUILD_GRE: gre(t, b); break;
    case BUILD_RAW:
    case BUILD_KIND_MAX: text_add(t, " proto %u len %zu", b->proto, b->data.len); break;
    }
}

static bool is_fragment(const struct build *b)
{
    for (unsigned i = 0; i < b->ip6.ext_count; i++)
        if (b->ip6.ext[i].kind == BUILD_PROTO_FRAGMENT && wire_get16(b->ip6.ext[i].body))
            return true;
    return b->ip4.mf || b->ip4.off;
}

static void packet(struct text *t, const uint8_t *bytes, size_t len, unsigned depth)
{
    uint8_t scratch[BUILD_SCRATCH];
    struct build b;
    char src[HOSTS_NAME_MAX], dst[HOSTS_NAME_MAX];

    if (!build_dissect(&b, bytes, len, scratch)) {
        text_add(t, "hex ");
        text_hex(t, bytes, len < HEX_SHOWN ? len : HEX_SHOWN);
        text_add(t, "%s, %zu bytes, not a plain ip packet", len > HEX_SHOWN ? "…" : "", len);
        return;
    }
    if (is_fragment(&b) && build_sum_of(&b))
        build_sum_of(&b)->mode = BUILD_SUM_RIGHT; /* it is over more than this */
    text_add(t, "%s%s>%s", b.family == 6 ? "6 " : "", hosts_print(b.family, &b.src, src),
             hosts_print(b.family, &b.dst, dst));
    ip_notes(t, &b);
    upper(t, &b, depth);
    ip_faults(t, &b, bytes, len);
}

char *build_describe(char *buf, size_t cap, const uint8_t *bytes, size_t len)
{
    struct text t = text_in(buf, cap);
    packet(&t, bytes, len, 0);
    return buf;
}
