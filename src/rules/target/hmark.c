/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMARK: a mark from a hash of the packet's addresses, ports and protocol, the same for both
 * directions of a flow and for the ICMP errors about it (iptables reference, 4.6).
 *
 * Gateways that share traffic must agree, so it is Linux's hash: lookup3 of three words, which are
 * the lower address, the higher one (of IPv6 the exclusive or of its four words), and the two ports
 * with the higher one in the upper half, as a little-endian machine has them in memory. All are
 * masked first. The protocol, masked, goes over the result, which is then scaled to --hmark-mod.
 */
#include "base/lookup3.h"
#include "packet/ext6.h"
#include "rules/match/hostmask.h"
#include "rules/parse.h"

enum {
    SRC_PREFIX = 0,
    DST_PREFIX,
    SPORT_MASK,
    DPORT_MASK,
    SPORT,
    DPORT,
    SPI_MASK,
    SPI,
    PROTO_MASK,
    RND,
    MOD,
    OFFSET,
    TUPLE
};

enum {
    PORT_MASKS = OPT_BIT(SPORT_MASK) | OPT_BIT(DPORT_MASK),
    PORT_VALUES = OPT_BIT(SPORT) | OPT_BIT(DPORT),
    SELECTS = OPT_BIT(RND) - 1 /* all that say what to hash */
};

struct hmark {
    union weir_addr src, dst; /* masks */
    uint32_t spi_mask, spi;   /* over both ports */
    uint32_t rnd, mod, offset;
    uint16_t mask[2], set[2]; /* ports: (port & mask) | set */
    uint16_t proto_mask;
    bool conn; /* hash the connection, not the packet */
};

static const struct opt options[] = {
    {"hmark-src-prefix", SRC_PREFIX, OPT_OTHER},
    {"hmark-dst-prefix", DST_PREFIX, OPT_OTHER},
    {"hmark-sport-mask", SPORT_MASK, OPT_U16, .at = offsetof(struct hmark, mask[0])},
    {"hmark-dport-mask", DPORT_MASK, OPT_U16, .at = offsetof(struct hmark, mask[1])},
    {"hmark-sport", SPORT, OPT_U16, .at = offsetof(struct hmark, set[0])},
    {"hmark-dport", DPORT, OPT_U16, .at = offsetof(struct hmark, set[1])},
    {"hmark-spi-mask", SPI_MASK, OPT_U32, .at = offsetof(struct hmark, spi_mask)},
    {"hmark-spi", SPI, OPT_U32, .at = offsetof(struct hmark, spi)},
    {"hmark-proto-mask", PROTO_MASK, OPT_U16, .at = offsetof(struct hmark, proto_mask)},
    {"hmark-rnd", RND, OPT_U32, .at = offsetof(struct hmark, rnd)},
    {"hmark-mod", MOD, OPT_U32, .at = offsetof(struct hmark, mod), .min = 1, .max = UINT32_MAX},
    {"hmark-offset", OFFSET, OPT_U32, .at = offsetof(struct hmark, offset)},
    {"hmark-tuple", TUPLE, OPT_OTHER},
    {NULL},
};

/* --- reading --- */

/* What --hmark-tuple names is as if its option had been given with all bits. */
static void select_part(struct ext *x, unsigned option)
{
    struct hmark *h = ext_data(x);

    switch (option) {
    case SRC_PREFIX: memset(&h->src, 0xff, x->family == 6 ? 16 : 4); break;
    case DST_PREFIX: memset(&h->dst, 0xff, x->family == 6 ? 16 : 4); break;
    case SPORT_MASK: h->mask[0] = UINT16_MAX; break;
    case DPORT_MASK: h->mask[1] = UINT16_MAX; break;
    case SPI_MASK: h->spi_mask = UINT32_MAX; break;
    case PROTO_MASK: h->proto_mask = UINT16_MAX; break;
    default: h->conn = true; return;
    }
    x->seen |= OPT_BIT(option);
}

static bool take_tuple(struct rule_parse *r, struct ext *x, const char *text)
{
    static const struct {
        const char *name;
        unsigned option;
    } parts[] = {{"src", SRC_PREFIX},   {"dst", DST_PREFIX}, {"sport", SPORT_MASK},
                 {"dport", DPORT_MASK}, {"spi", SPI_MASK},   {"proto", PROTO_MASK},
                 {"ct", TUPLE}};
    char part[16];

    while (text) {
        const char *from = text;
        size_t i = 0;
        bool fits = read_part(&text, ',', part, sizeof(part));

        if (!*part) {
            rule_fail(r, "\"--hmark-tuple\" requires a list of types with no spaces, e.g. "
                         "src,dst,sport,dport,proto");
            return false;
        }
        while (fits && i < WEIR_ARRAY_LEN(parts) &&
               strncasecmp(parts[i].name, part, strlen(part)) != 0)
            i++;
        if (!fits || i == WEIR_ARRAY_LEN(parts))
            return rule_fail(r, "Bad type \"%s\"", from);
        select_part(x, parts[i].option);
    }
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct hmark *h = ext_data(x);

    switch (o->id) {
    case SRC_PREFIX: return hostmask_take_mask(r, x, o, text, &h->src);
    case DST_PREFIX: return hostmask_take_mask(r, x, o, text, &h->dst);
    case TUPLE: return take_tuple(r, x, text);
    default: return true;
    }
}

/* The index of AH and ESP stands where ports would be, and its masks where theirs would be. */
static void spread_spi(struct ext *x)
{
    struct hmark *h = ext_data(x);

    if (ext_seen(x, SPI_MASK)) {
        h->mask[0] = (uint16_t)(h->spi_mask >> 16);
        h->mask[1] = (uint16_t)h->spi_mask;
    }
    if (ext_seen(x, SPI)) {
        h->set[0] = (uint16_t)(h->spi >> 16);
        h->set[1] = (uint16_t)h->spi;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct hmark *h = ext_conf(x);

    if (!ext_seen(x, MOD))
        return rule_fail(r, "--hmark-mod is mandatory");
    if (!ext_seen(x, RND))
        return rule_fail(r, "--hmark-rnd is mandatory");
    if (ext_seen(x, SPI_MASK) && x->seen & PORT_MASKS)
        return rule_fail(r, "you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same "
                            "time");
    if (ext_seen(x, SPI) && x->seen & PORT_VALUES)
        return parse_error(r->parse, 1,
                           "HMARK: --hmark-spi and --hmark-?port cannot be used together");
    if (!(x->seen & SELECTS) && !h->conn)
        return rule_fail(r, "you have to specify --hmark-tuple at least");
    spread_spi(x);
    return true;
}

/* --- writing --- */

/* Numbers that are written in hexadecimal, in order. */
static const struct field {
    uint8_t option, digits;
    uint16_t at;
} fields[] = {
    {SPORT_MASK, 4, offsetof(struct hmark, mask[0])},
    {DPORT_MASK, 4, offsetof(struct hmark, mask[1])},
    {SPORT, 4, offsetof(struct hmark, set[0])},
    {DPORT, 4, offsetof(struct hmark, set[1])},
    {SPI_MASK, 8, offsetof(struct hmark, spi_mask)},
    {SPI, 8, offsetof(struct hmark, spi)},
    {PROTO_MASK, 2, offsetof(struct hmark, proto_mask)},
    {RND, 8, offsetof(struct hmark, rnd)},
};

static uint32_t number(const struct ext *x, const struct field *f)
{
    uint16_t half;
    uint32_t word;

    if (f->digits == 8) {
        memcpy(&word, x->data + f->at, sizeof(word));
        return word;
    }
    memcpy(&half, x->data + f->at, sizeof(half));
    return half;
}

static void add_mask(struct text *out, uint8_t family, const union weir_addr *mask)
{
    int len = hostmask_prefix(family, mask);

    if (len < 0)
        text_addr(out, family, mask);
    else
        text_addf(out, "%d", len);
}

static void print_prefix(struct text *out, const struct ext *x, unsigned option,
                         const union weir_addr *mask)
{
    if (!ext_seen(x, option))
        return;
    ext_print_option(out, x, option);
    text_char(out, ' ');
    add_mask(out, x->family, mask);
}

static void print(struct text *out, const struct ext *x)
{
    const struct hmark *h = ext_conf(x);

    print_prefix(out, x, SRC_PREFIX, &h->src);
    print_prefix(out, x, DST_PREFIX, &h->dst);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++)
        if (ext_seen(x, fields[i].option)) {
            ext_print_option(out, x, fields[i].option);
            text_addf(out, " 0x%0*x", fields[i].digits, number(x, &fields[i]));
        }
    text_addf(out, " --hmark-mod %u", h->mod);
    if (ext_seen(x, OFFSET))
        text_addf(out, " --hmark-offset %u", h->offset);
    if (h->conn)
        text_add(out, " --hmark-tuple ct");
}

/* A full IPv6 prefix is listed as nothing, as iptables does. */
static void list_prefix(struct text *out, const struct ext *x, unsigned option, const char *name,
                        const union weir_addr *mask)
{
    if (!ext_seen(x, option))
        return;
    text_addf(out, "%s-prefix ", name);
    if (hostmask_prefix(x->family, mask) != 128)
        add_mask(out, x->family, mask);
    text_char(out, ' ');
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    static const char *const names[] = {[SPORT_MASK] = "sport-mask", [DPORT_MASK] = "dport-mask",
                                        [SPORT] = "sport",           [DPORT] = "dport",
                                        [SPI_MASK] = "spi-mask",     [SPI] = "spi",
                                        [PROTO_MASK] = "proto-mask", [RND] = "rnd"};
    const struct hmark *h = ext_conf(x);

    (void)how;
    text_addf(out, " HMARK mod %u ", h->mod);
    if (ext_seen(x, OFFSET))
        text_addf(out, "+ 0x%x ", h->offset);
    if (h->conn)
        text_add(out, "ct, ");
    list_prefix(out, x, SRC_PREFIX, "src", &h->src);
    list_prefix(out, x, DST_PREFIX, "dst", &h->dst);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fields); i++)
        if (ext_seen(x, fields[i].option))
            text_addf(out, "%s 0x%x ", names[fields[i].option], number(x, &fields[i]));
}

/* --- what is hashed --- */

struct flow {
    uint32_t src, dst; /* masked */
    uint16_t port[2];  /* masked */
    uint8_t proto;
};

/* Where things are in a packet, or in one that an ICMP error quotes. */
struct view {
    const uint8_t *ip;
    uint32_t len;
    uint32_t l4; /* where the upper layer begins: perhaps beyond the end */
    uint8_t proto;
    bool fragment; /* has no ports, not even the first */
    bool broken;   /* IPv6: no upper layer can be found */
};

static struct view view4(const uint8_t *ip, uint32_t len)
{
    return (struct view){.ip = ip,
                         .len = len,
                         .l4 = (ip[IP4_VERSION_IHL] & 0xf) * 4u,
                         .proto = ip[IP4_PROTO],
                         .fragment = load_be16(ip + IP4_FRAGMENT) & (IP4_OFFSET | IP4_MF)};
}

/* AH counts as the upper layer, since it has an index. */
static struct view view6(const uint8_t *ip, uint32_t len)
{
    struct view v = {.ip = ip, .len = len, .l4 = IP6_SIZE, .proto = ip[IP6_NEXT]};
    bool later = false;

    while (ext6_is(v.proto)) {
        v.broken = later || v.l4 + (v.proto == PROTO_FRAGMENT ? IP6F_READ : EXT6_MIN) > len;
        if (v.broken || v.proto == PROTO_AH)
            break;
        const uint8_t *h = ip + v.l4;

        if (v.proto == PROTO_FRAGMENT) {
            v.fragment = true;
            later = (load_be16(h + IP6F_OFFSET) & ~7u) != 0;
        }
        v.l4 += ext6_size(v.proto, h);
        v.proto = h[0];
    }
    return v;
}

static struct view view(uint8_t family, const uint8_t *ip, uint32_t len)
{
    return family == 4 ? view4(ip, len) : view6(ip, len);
}

/* Linux asks IPv4 fragments too, of any kind. */
static bool is_error(const struct view *v, uint8_t family)
{
    const uint32_t errors4 = 1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12;

    if (v->l4 + ICMP_SIZE > v->len || v->proto != (family == 4 ? PROTO_ICMP : PROTO_ICMPV6))
        return false;
    uint8_t type = v->ip[v->l4];

    if (family == 4)
        return type < 32 && errors4 >> type & 1;
    return type > 0 && type < 128 && !v->fragment;
}

/* Where a protocol has its ports or index, -1: nowhere. */
static int ports_at(uint8_t proto)
{
    switch (proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP:
    case PROTO_DCCP:
    case PROTO_ESP: return 0;
    case PROTO_AH: return 4;
    default: return -1;
    }
}

static void set_ports(const struct hmark *h, struct flow *f, uint16_t first, uint16_t second)
{
    f->port[0] = (first & h->mask[0]) | h->set[0];
    f->port[1] = (second & h->mask[1]) | h->set[1];
}

static uint32_t masked(uint8_t family, const union weir_addr *addr, const union weir_addr *mask)
{
    uint32_t word = addr->words[0] & mask->words[0];

    for (unsigned i = 1; i < 4 && family == 6; i++)
        word ^= addr->words[i] & mask->words[i];
    return BE32(word);
}

static void set_addrs(const struct ext *x, struct flow *f, const union weir_addr *src,
                      const union weir_addr *dst)
{
    const struct hmark *h = ext_conf(x);

    f->src = masked(x->family, src, &h->src);
    f->dst = masked(x->family, dst, &h->dst);
}

/* False: an error that quotes too little to tell what it is about. */
static bool of_packet(const struct eval *e, const struct ext *x, struct flow *f)
{
    const struct parsed *ip = &e->p->ip;
    struct view v = view(e->family, ip->ip, ip->have);
    union weir_addr src = {{0}}, dst = {{0}};
    uint32_t size = e->family == 4 ? 4 : 16;

    if (is_error(&v, e->family)) {
        uint32_t at = v.l4 + ICMP_SIZE;

        if (v.len - at < (uint32_t)(e->family == 4 ? IP4_MIN : IP6_SIZE))
            return false;
        v = view(e->family, v.ip + at, v.len - at);
        if (v.broken)
            return false;
    }
    if (v.broken)
        return true; /* and nothing is hashed */
    memcpy(&src, v.ip + (e->family == 4 ? IP4_SRC : IP6_SRC), size);
    memcpy(&dst, v.ip + (e->family == 4 ? IP4_DST : IP6_DST), size);
    set_addrs(x, f, &src, &dst);
    f->proto = v.proto;
    int at = v.fragment ? -1 : ports_at(v.proto);

    if (at >= 0 && v.l4 + (uint32_t)at + 4 <= v.len) {
        const uint8_t *ports = v.ip + v.l4 + at;

        set_ports(ext_conf(x), f, load_be16(ports), load_be16(ports + 2));
    }
    return true;
}

/* The two ends of a connection, each as the other sees it. False: the packet has none. */
static bool of_conn(const struct eval *e, const struct ext *x, struct flow *f)
{
    const struct conn *c = eval_conn(e);

    if (!c)
        return false;
    const struct weir_tuple from = conn_tuple(c, WEIR_ORIG), to = conn_tuple(c, WEIR_REPLY);

    set_addrs(x, f, &from.src, &to.src);
    f->proto = c->proto;
    if (ports_at(c->proto) == 0 && c->proto != PROTO_ESP)
        set_ports(ext_conf(x), f, BE16(from.src_key), BE16(to.src_key));
    return true;
}

static uint32_t hash(const struct hmark *h, const struct flow *f)
{
    const uint32_t words[3] = {min_u32(f->src, f->dst), max_u32(f->src, f->dst),
                               max_u32(f->port[0], f->port[1]) << 16 |
                                   min_u32(f->port[0], f->port[1])};

    return lookup3_words(words, 3, h->rnd) ^ (f->proto & h->proto_mask);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct hmark *h = ext_conf(x);
    struct flow f = {0};

    if (h->conn ? of_conn(e, x, &f) : of_packet(e, x, &f))
        e->p->raw->mark = (uint32_t)((uint64_t)hash(h, &f) * h->mod >> 32) + h->offset;
    return RULES_CONTINUE;
}

const struct ext_type target_hmark = {
    .name = "HMARK",
    .families = EXT_BOTH,
    .size = sizeof(struct hmark),
    .opts = options,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
