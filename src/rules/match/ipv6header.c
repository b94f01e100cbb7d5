/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m ipv6header: which extension headers there are, as a set (RFC 8200, 4.1; iptables reference,
 * 3.5). An upper-layer protocol counts as one more; what is behind ESP cannot be seen.
 */
#include "packet/ext6.h"
#include "rules/match/header.h"

enum { H_HEADER = 0, H_SOFT };

/* Linux's bits, which lists show. */
enum {
    HAS_PROTO = 0x01,
    HAS_NONE = 0x02,
    HAS_ESP = 0x04,
    HAS_AH = 0x08,
    HAS_FRAGMENT = 0x10,
    HAS_ROUTING = 0x20,
    HAS_DSTOPTS = 0x40,
    HAS_HOPOPTS = 0x80
};

enum { NUMBER_PROTO = 255 };

struct ipv6header {
    uint8_t headers;
};

static const struct opt opts[] = {
    {"header", H_HEADER, OPT_OTHER, OPT_NOT | OPT_MUST},
    {"soft", H_SOFT, OPT_FLAG},
    {0},
};

/* In the order in which they are printed. Protocols' own names are understood too. */
static const struct header {
    uint8_t bit, number;
    const char *name;
    const char *others[2];
} headers[] = {
    {HAS_HOPOPTS, PROTO_HOPOPTS, "hop-by-hop", {"hop", "hopopt"}},
    {HAS_DSTOPTS, PROTO_DSTOPTS, "ipv6-opts", {"dst", "dst"}},
    {HAS_ROUTING, PROTO_ROUTING, "ipv6-route", {"route", "route"}},
    {HAS_FRAGMENT, PROTO_FRAGMENT, "ipv6-frag", {"frag", "frag"}},
    {HAS_AH, PROTO_AH, "ah", {"auth", "auth"}},
    {HAS_ESP, PROTO_ESP, "esp", {"esp", "esp"}},
    {HAS_NONE, PROTO_NONE, "ipv6-nonxt", {"none", "none"}},
    {HAS_PROTO, NUMBER_PROTO, "protocol", {"prot", "prot"}},
};

static bool has_name(const struct header *h, const char *name)
{
    return strcmp(name, h->name) == 0 || strcmp(name, h->others[0]) == 0 ||
           strcmp(name, h->others[1]) == 0;
}

static bool take_one(struct rule_parse *r, struct ipv6header *c, const char *name)
{
    uint8_t number;
    bool known = read_proto(name, &number);

    for (size_t i = 0; i < WEIR_ARRAY_LEN(headers); i++)
        if (has_name(&headers[i], name) || (known && number == headers[i].number)) {
            c->headers |= headers[i].bit;
            return true;
        }
    if (known)
        rule_fail(r, "unknown header `%u' specified", number);
    else
        rule_fail(r, "unknown header `%s' specified", name);
    rule_hint(r, "headers are hop, dst, route, frag, auth, esp, none and prot (any protocol)");
    return false;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct ipv6header *c = ext_data(x);
    char part[64];

    while (o->id == H_HEADER && text) {
        const char *from = text;

        if (!read_part(&text, ',', part, sizeof(part)))
            return rule_fail(r, "unknown header `%s' specified", from);
        if (*part && !take_one(r, c, part))
            return false;
    }
    return o->id == H_SOFT || c->headers ||
           rule_fail(r, "ip6t_ipv6header: cannot parse header names");
}

static void add_headers(struct text *out, const struct ipv6header *c)
{
    const char *comma = "";

    for (size_t i = 0; i < WEIR_ARRAY_LEN(headers); i++)
        if (c->headers & headers[i].bit) {
            text_add(out, comma);
            text_add(out, headers[i].name);
            comma = ",";
        }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    text_char(out, ' ');
    add_headers(out, ext_conf(x));
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ipv6header *c = ext_conf(x);

    text_add(out, ext_negated(x, H_HEADER) ? " ipv6header flags:!" : " ipv6header flags:");
    if (how->flags & WEIR_RULES_NUMERIC)
        text_addf(out, "0x%02X", c->headers);
    else
        add_headers(out, c);
    text_add(out, ext_seen(x, H_SOFT) ? " soft" : "");
}

static uint8_t bit_of(uint8_t next)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(headers); i++)
        if (headers[i].number == next)
            return headers[i].bit;
    return HAS_PROTO;
}

/*
 * False: a header begins of which nothing is there. Behind one that reaches beyond the packet, ESP
 * and "none" do not count, and all else does as an upper layer.
 */
static bool headers_of(const struct parsed *ip, uint8_t *found)
{
    uint8_t next = ip->ip[IP6_NEXT];
    uint32_t off = IP6_SIZE;

    *found = 0;
    while (ext6_is(next) || next == PROTO_ESP) {
        const uint8_t *h = ip->ip + off;

        if (off > ip->l3_len) {
            *found |= next == PROTO_ESP ? 0 : HAS_PROTO;
            return true;
        }
        if (off + EXT6_MIN > ip->have)
            return false;
        *found |= bit_of(next);
        if (next == PROTO_ESP)
            return true;
        off += ext6_size(next, h);
        next = h[0];
    }
    *found |= next == PROTO_NONE && off > ip->l3_len ? 0 : bit_of(next);
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct ipv6header *c = ext_conf(x);
    uint8_t found;

    if (!headers_of(&e->p->ip, &found))
        return false;
    if (!ext_seen(x, H_SOFT))
        return (found == c->headers) != ext_negated(x, H_HEADER);
    return (found & c->headers) == (ext_negated(x, H_HEADER) ? 0 : c->headers);
}

const struct ext_type match_ipv6header = {
    .name = "ipv6header",
    .families = EXT_IPV6,
    .size = sizeof(struct ipv6header),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
