/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_print: packets to lines that scn_packet.c reads back.
 *
 * Nothing here needs to be complete: what was printed is read again, and if the bytes differ in any
 * way the line becomes hex. So words are only spent on what makes a failing sequence readable.
 */
#include "scn_packet.h"

#include <stdlib.h>
#include <string.h>

#include "scn_fields.h"
#include "text.h"
#include "wire.h"

enum {
    NEST_MAX = 3,
    INNER_MAX = 16384, /* a quoted packet, printed */
};

static bool print_words(struct text *t, enum side side, uint8_t family, unsigned depth,
                        const uint8_t *bytes, size_t len);

/* ---- plain fields ---------------------------------------------------------------------------- */

static void field(struct text *t, const struct build *b, const struct build *usual,
                  const struct scn_field *f)
{
    const uint8_t *at = (const uint8_t *)b + f->at;
    uint32_t v = *at;

    if (f->quiet || memcmp(at, (const uint8_t *)usual + f->at, f->size) == 0)
        return;
    if (f->type == SCN_FIELD_SET) {
        text_add(t, " %s", f->word);
        return;
    }
    if (f->size == 2) {
        uint16_t half;
        memcpy(&half, at, 2);
        v = half;
    } else if (f->size == 4) {
        memcpy(&v, at, 4);
    }
    text_add(t, f->hex ? " %s=0x%x" : " %s=%u", f->word, v);
}

static void fields(struct text *t, const struct build *b, const struct build *usual,
                   const struct scn_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        field(t, b, usual, &f[i]);
}

static void sum(struct text *t, const struct build_sum *s, const char *word)
{
    if (s->mode == BUILD_SUM_BAD)
        text_add(t, " %s=bad", word);
    else if (s->mode == BUILD_SUM_VALUE)
        text_add(t, " %s=0x%x", word, s->value);
}

static bool printable(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != '\r' && p[i] != '\n' &&
            (p[i] < ' ' || p[i] >= 127 || p[i] == '"' || p[i] == '\\'))
            return false;
    return true;
}

/* Text if a person could have written it, or hex. */
static void bytes_of(struct text *t, const uint8_t *p, size_t n)
{
    if (!printable(p, n)) {
        text_hex(t, p, n);
        return;
    }
    text_add(t, "\"");
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\r' || p[i] == '\n')
            text_add(t, p[i] == '\r' ? "\\r" : "\\n");
        else
            text_add(t, "%c", p[i]);
    }
    text_add(t, "\"");
}

/* How many of the last bytes are the letters of the payload pattern. */
static size_t letters_at_end(const uint8_t *p, size_t n)
{
    size_t i = n;
    while (i > 0 && p[i - 1] >= 'a' && p[i - 1] <= 'z' &&
           (i == n || (p[i - 1] - 'a' + 1) % 26 == p[i] - 'a'))
        i--;
    return n - i;
}

/* Payload: bytes, and then letters if they are worth a word of their own. */
static void data(struct text *t, const struct build_data *d, const char *lead)
{
    size_t letters = d->bytes ? letters_at_end(d->bytes, d->len) : d->len;
    size_t first = d->bytes && letters < 16 ? d->len : d->len - letters;
    uint32_t start = d->bytes && first < d->len ? d->bytes[first] - (uint32_t)'a' : d->start;

    if (first) {
        text_add(t, "%sdata=", lead);
        bytes_of(t, d->bytes, first);
    }
    if (d->len > first)
        text_add(t, start ? "%slen=%zu@%u" : "%slen=%zu", lead, d->len - first, start);
}

/* The arguments of an extension header, each with a comma in front. */
static void extension_args(struct text *t, const struct build_ext *e)
{
    const uint8_t *body;

    if (e->kind == BUILD_PROTO_FRAGMENT) {
        uint16_t off = wire_get16(e->body);
        text_add(t, ",off=%u%s,id=%u", off & 0xfffeu, off & 1 ? ",more" : "",
                 wire_get32(e->body + 2));
    } else if (scn_ext_usual(e->kind, &body) != e->body_len ||
               memcmp(body, e->body, e->body_len) != 0) {
        text_add(t, ",data=");
        text_hex(t, e->body, e->body_len);
    }
    if (e->hlen != BUILD_AUTO)
        text_add(t, ",hlen=%d", e->hlen);
}

static void extensions(struct text *t, const struct build_ip6 *h)
{
    for (unsigned i = 0; i < h->ext_count; i++) {
        char args[2 * BUILD_EXT_BODY_MAX + 64];
        struct text a = text_in(args, sizeof(args));
        extension_args(&a, &h->ext[i]);
        text_add(t, i ? ",%s" : " ext=%s", build_ext_name(h->ext[i].kind));
        if (a.len)
            text_add(t, "(%s)", args + 1);
    }
}

static void ip(struct text *t, const struct build *b, const struct build *usual)
{
    size_t n;
    const struct scn_field *f = scn_fields_ip(&n);

    fields(t, b, usual, f, n);
    if (b->ip4.off)
        text_add(t, " off=%u", b->ip4.off * 8u);
    if (b->ip4.opt_len) {
        text_add(t, " ipopt=");
        text_hex(t, b->ip4.opt, b->ip4.opt_len);
    }
    sum(t, &b->ip4.sum, "ipsum");
    extensions(t, &b->ip6);
}

/* ---- upper layers ---------------------------------------------------------------------------- */

/* One option at o, of which n bytes are left, as a word; its length, or 0 if there is no word. */
static size_t option(struct text *t, const uint8_t *o, size_t n)
{
    if (o[0] == 0 || o[0] == 1) {
        text_add(t, o[0] ? " nop" : " eol");
        return 1;
    }
    if (n < 2 || o[1] < 2 || o[1] > n)
        return 0;
    if (o[0] == 2 && o[1] == 4)
        text_add(t, " mss=%u", wire_get16(o + 2));
    else if (o[0] == 3 && o[1] == 3)
        text_add(t, " ws=%u", o[2]);
    else if (o[0] == 4 && o[1] == 2)
        text_add(t, " sackok");
    else if (o[0] == 8 && o[1] == 10)
        text_add(t, " ts=%u/%u", wire_get32(o + 2), wire_get32(o + 6));
    else if (o[0] == 5 && o[1] >= 10 && o[1] % 8 == 2)
        for (size_t i = 2; i < o[1]; i += 8)
            text_add(t, "%s%u-%u", i == 2 ? " sack=" : ",", wire_get32(o + i),
                     wire_get32(o + i + 4));
    else
        return 0;
    return o[1];
}

static void options(struct text *t, const struct build_tcp *h)
{
    for (size_t i = 0, n; i < h->opt_len; i += n) {
        static const uint8_t padding[4];
        size_t left = (size_t)(h->opt_len - i);
        if (left < 4 && memcmp(h->opt + i, padding, left) == 0)
            return;
        n = option(t, h->opt + i, left);
        if (n == 0) {
            text_add(t, " opt=");
            text_hex(t, h->opt + i, left);
            return;
        }
    }
}

static void tcp(struct text *t, const struct build *b)
{
    const struct build_tcp *h = &b->l4.tcp;
    static const char letter[] = "FSRPAUEW";
    static const uint8_t order[] = {1, 0, 2, 3, 5, 6, 7, 4}; /* the A last, as in SA, FA, PA */
    char flags[9], *f = flags;

    for (size_t i = 0; i < sizeof(order); i++)
        if (h->flags >> order[i] & 1)
            *f++ = letter[order[i]];
    *f = 0;
    text_add(t, " %u>%u %s", h->sport, h->dport, flags[0] ? flags : "none");
    if (h->flags >> 8)
        text_add(t, " res=%u", h->flags >> 8);
}

static void icmp(struct text *t, const struct build *b)
{
    const struct build_icmp *i = &b->l4.icmp;
    const char *name = build_icmp_name(b->proto, i->type);

    if ((b->proto == BUILD_PROTO_ICMPV6) != (b->family == 6))
        text_add(t, b->family == 6 ? "4" : "6");
    if (name)
        text_add(t, " %s", name);
    else
        text_add(t, " type=%u", i->type);
    if (i->code)
        text_add(t, name ? " %u" : " code=%u", i->code);
    if (build_icmp_quotes(b->proto, i->type)) {
        if (i->rest)
            text_add(t, " rest=0x%x", i->rest);
        return;
    }
    if (i->rest >> 16)
        text_add(t, " id=%u", i->rest >> 16);
    if (i->rest & 0xffff)
        text_add(t, " seq=%u", i->rest & 0xffff);
}

static void icmp_body(struct text *t, const struct build *b, unsigned depth)
{
    const struct build_data *d = &b->data;

    if (d->bytes && depth < NEST_MAX && build_icmp_quotes(b->proto, b->l4.icmp.type)) {
        char inner[INNER_MAX];
        struct text q = text_in(inner, sizeof(inner));
        if (print_words(&q, SIDE_NONE, b->family, depth + 1, d->bytes, d->len)) {
            text_add(t, " quote=[%s]", inner);
            return;
        }
    }
    data(t, d, " ");
}

static void chunk(struct text *t, const struct build_chunk *c)
{
    char args[INNER_MAX];
    struct text a = text_in(args, sizeof(args));
    const char *name = build_chunk_name(c->type);
    size_t n;
    const struct scn_chunk_field *f = scn_chunk_fields(&n);

    if (!name || c->head_len != build_chunk_head_len(c->type)) {
        name = "CHUNK";
        text_add(&a, ",type=%u", c->type);
    }
    for (size_t i = 0; i < n && c->head_len; i++) {
        const uint8_t *at = c->head + f[i].at;
        uint32_t v = f[i].size == 4 ? wire_get32(at) : wire_get16(at);
        if (f[i].type == c->type && v != f[i].usual)
            text_add(&a, ",%s=%u", f[i].word, v);
    }
    if (c->flags == BUILD_CHUNK_T_FLAG)
        text_add(&a, ",T");
    else if (c->flags)
        text_add(&a, ",flags=%u", c->flags);
    if (c->len != BUILD_AUTO)
        text_add(&a, ",length=%d", c->len);
    data(&a, &c->body, ",");
    if (a.len)
        text_add(t, " %s(%s)", name, args + 1);
    else
        text_add(t, " %s", name);
}

static void gre(struct text *t, const struct build *b)
{
    const struct build_gre *g = &b->l4.gre;

    if (g->has_key && g->version == 1)
        text_add(t, " callid=%u", g->callid);
    else if (g->has_key)
        text_add(t, " key=%u", g->key);
    if (g->has_seq)
        text_add(t, " seq=%u", g->seq);
    if (g->has_ack)
        text_add(t, " ack=%u", g->ack);
}

static void upper(struct text *t, struct build *b, const struct build *usual, unsigned depth)
{
    size_t n;
    const struct scn_field *f = scn_fields_of(b->kind, &n);

    text_add(t, " %s", b->kind == BUILD_RAW ? "proto" : build_kind_name(b->kind));
    if (b->kind == BUILD_TCP)
        tcp(t, b);
    else if (b->kind == BUILD_ICMP)
        icmp(t, b);
    else if (b->kind == BUILD_RAW)
        text_add(t, " %u", b->proto);
    else if (b->kind == BUILD_SCTP)
        text_add(t, " %u>%u", b->l4.sctp.sport, b->l4.sctp.dport);
    else if (b->kind != BUILD_GRE)
        text_add(t, " %u>%u", b->l4.udp.sport, b->l4.udp.dport);
    fields(t, b, usual, f, n);
    if (b->kind == BUILD_TCP)
        options(t, &b->l4.tcp);
    else if (b->kind == BUILD_GRE)
        gre(t, b);
    for (unsigned i = 0; b->kind == BUILD_SCTP && i < b->l4.sctp.chunk_count; i++)
        chunk(t, &b->l4.sctp.chunk[i]);
    if (b->kind == BUILD_ICMP)
        icmp_body(t, b, depth);
    else
        data(t, &b->data, " ");
    struct build_sum *s = build_sum_of(b);
    if (s && s->mode == BUILD_SUM_BAD)
        text_add(t, " badsum");
    else if (s && s->mode == BUILD_SUM_VALUE && s->value == 0)
        text_add(t, " nosum");
    else if (s)
        sum(t, s, "sum");
}

/* ---- the line -------------------------------------------------------------------------------- */

static void line(struct text *t, struct build *b, enum side side, uint8_t family, unsigned depth)
{
    char src[HOSTS_NAME_MAX], dst[HOSTS_NAME_MAX];
    struct build usual;

    build_init(&usual, b->family, b->kind);
    text_add(t, "%s%s>%s",
             b->family == family ? ""
             : b->family == 4    ? "4 "
                                 : "6 ",
             hosts_print(b->family, &b->src, src), hosts_print(b->family, &b->dst, dst));
    upper(t, b, &usual, depth);
    ip(t, b, &usual);
    if (depth == 0 && side != hosts_side(b->family, &b->src))
        text_add(t, " from=%c", side == SIDE_A ? 'A' : 'B');
}

/* Does this text give these bytes? A nested text is read as the top one would be, with its own
 * family in front. */
static bool same(const char *text, size_t text_len, enum side side, uint8_t family, unsigned depth,
                 const uint8_t *bytes, size_t len)
{
    struct scn_packet *back = malloc(sizeof(*back));
    char *full = malloc(text_len + 16);
    bool ok = false;
    if (back && full) {
        struct scn_error error;
        int n = snprintf(full, text_len + 16, "%s%s%s", family == 6 ? "6 " : "",
                         depth ? "from=A " : "", text);
        ok = n > 0 && scn_parse_packet(full, (size_t)n, back, &error) && back->len == len &&
             memcmp(back->bytes, bytes, len) == 0 && (depth || back->side == side);
    }
    free(full);
    free(back);
    return ok;
}

/* In words, checked; false, with nothing of use in t, if there are none. */
static bool print_words(struct text *t, enum side side, uint8_t family, unsigned depth,
                        const uint8_t *bytes, size_t len)
{
    struct build b;
    uint8_t *scratch = malloc(BUILD_SCRATCH);
    size_t start = t->len;
    bool ok = scratch && build_dissect(&b, bytes, len, scratch);

    if (ok)
        line(t, &b, side, family, depth);
    free(scratch);
    return ok && !t->cut && same(t->buf + start, t->len - start, side, family, depth, bytes, len);
}

char *scn_print_line(char *buf, size_t cap, int64_t wait_ns, enum side side, const uint8_t *bytes,
                     size_t len)
{
    static const struct {
        int64_t ns;
        const char *name;
    } unit[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    struct text t = text_in(buf, cap);

    for (size_t i = 0; wait_ns > 0; i++) {
        if (wait_ns % unit[i].ns)
            continue;
        text_add(&t, "wait %lld%s ", (long long)(wait_ns / unit[i].ns), unit[i].name);
        break;
    }
    scn_print_packet(buf + t.len, cap - t.len, side, bytes, len);
    return buf;
}

char *scn_print_packet(char *buf, size_t cap, enum side side, const uint8_t *bytes, size_t len)
{
    struct text t = text_in(buf, cap);
    if (print_words(&t, side, 4, 0, bytes, len))
        return buf;
    t = text_in(buf, cap);
    text_add(&t, "from=%c hex ", side == SIDE_A ? 'A' : 'B');
    text_hex(&t, bytes, len);
    return buf;
}
