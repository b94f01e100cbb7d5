/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCPMSS and TCPOPTSTRIP: options of TCP headers (RFC 9293, 3.2; iptables reference, 4.7).
 *
 * TCPMSS lowers the maximum segment size that a SYN announces, and never raises it. A SYN that
 * announces none means the default of RFC 9293, 3.7.1, so it gets an option that says no more than
 * that, provided there is room in the header and no data behind it. To clamp it to the path MTU,
 * both ways are looked at: the route that the packet takes, and the one back to its source.
 *
 * Checksums are updated, so that one which was wrong stays wrong. Linux gets it wrong for an option
 * at an odd offset; here it is right.
 */
#include "packet/checksum.h"
#include "rules/match/tcp.h"
#include "rules/parse.h"
#include "rules/target/tcp_header.h"

enum { TCPOPT_MSS = 2, MSS_SIZE = 4, TCP_MAX = 60 };

/* --- headers --- */

/* How far it is from the option at `o` to the next. As Linux walks them, the end of the list does
 * not end it. */
static uint32_t step(const uint8_t *o)
{
    return o[0] <= TCPOPT_NOP || o[1] == 0 ? 1 : o[1];
}

static void put_sum(const struct tcp_header *h, uint16_t sum)
{
    store_raw16(h->at + TCP_CHECKSUM, sum);
}

static uint16_t get_sum(const struct tcp_header *h)
{
    return load_raw16(h->at + TCP_CHECKSUM);
}

static void put_byte(const struct tcp_header *h, uint32_t at, uint8_t byte)
{
    put_sum(h, checksum_update_byte(get_sum(h), at & 1, h->at[at], byte));
    h->at[at] = byte;
}

/* --- TCPMSS --- */

enum { SET = 0, CLAMP };

enum {
    HEADERS4 = IP4_MIN + TCP_MIN,
    HEADERS6 = IP6_SIZE + TCP_MIN,
    DEFAULT4 = 536, /* RFC 9293, 3.7.1 */
    DEFAULT6 = 1220
};

struct tcpmss {
    uint16_t mss;
};

static const struct opt mss_options4[] = {
    {"set-mss", SET, OPT_U16, .max = UINT16_MAX - IP4_MIN},
    {"clamp-mss-to-pmtu", CLAMP, OPT_FLAG},
    {NULL},
};

static const struct opt mss_options6[] = {
    {"set-mss", SET, OPT_U16, .max = UINT16_MAX - IP6_SIZE},
    {"clamp-mss-to-pmtu", CLAMP, OPT_FLAG},
    {NULL},
};

/* Only SYNs have the option: Linux wants to see that the rule knows it. */
static bool wants_syn(const struct rule_parse *r)
{
    const struct parse *p = r->parse;

    for (uint32_t i = 0; i < p->ext_count; i++)
        if (p->exts[i]->type == &match_tcp && tcp_has_syn(p->exts[i]))
            return true;
    return false;
}

static bool check_mss(struct rule_parse *r, struct ext *x)
{
    if (!x->seen)
        return rule_fail(r, "TCPMSS target: At least one parameter is required");
    /* The outgoing route must be known. */
    if (ext_seen(x, CLAMP))
        x->hooks &= ON_FORWARD | ON_OUTPUT | ON_POSTROUTING;
    if (wants_syn(r))
        return true;
    parse_error(r->parse, 1, "TCPMSS needs -m tcp with SYN among its flags in the same rule");
    rule_hint(r, "add \"-p tcp --syn\", or \"-p tcp --tcp-flags SYN,RST SYN\"");
    return false;
}

static void print_mss(struct text *out, const struct ext *x)
{
    const struct tcpmss *t = ext_conf(x);

    if (ext_seen(x, CLAMP))
        text_add(out, " --clamp-mss-to-pmtu");
    else
        text_addf(out, " --set-mss %u", t->mss);
}

static void list_mss(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tcpmss *t = ext_conf(x);

    (void)how;
    if (ext_seen(x, CLAMP))
        text_add(out, " TCPMSS clamp to PMTU");
    else
        text_addf(out, " TCPMSS set %u", t->mss);
}

/* The MTU on the way to an address; where none is known, none is in the way. */
static uint32_t mtu_to(const struct eval *e, union weir_addr addr)
{
    const struct weir_host *host = &e->t->host;
    struct weir_route route = {0};

    if (host->route)
        route = host->route(host->ctx, e->p->raw, e->family, addr);
    return route.mtu ? route.mtu : UINT32_MAX;
}

/* The size that the rule wants, at most; 0: no segment fits through the path. */
static uint32_t wanted(const struct eval *e, const struct ext *x)
{
    const struct tcpmss *t = ext_conf(x);
    uint32_t headers = e->family == 4 ? HEADERS4 : HEADERS6;

    if (!ext_seen(x, CLAMP))
        return t->mss;
    uint32_t mtu = min_u32(mtu_to(e, eval_dst(e)), mtu_to(e, eval_src(e)));

    return mtu > headers ? min_u32(mtu - headers, UINT16_MAX) : 0;
}

/* Where the option is in the header; 0: there is none. */
static uint32_t find_mss(const struct tcp_header *h)
{
    for (uint32_t at = TCP_MIN; at + MSS_SIZE <= h->size; at += step(h->at + at))
        if (h->at[at] == TCPOPT_MSS && h->at[at + 1] == MSS_SIZE)
            return at;
    return 0;
}

static void lower(const struct tcp_header *h, uint32_t at, uint32_t mss)
{
    if (load_be16(h->at + at + 2) <= mss)
        return;
    put_byte(h, at + 2, (uint8_t)(mss >> 8));
    put_byte(h, at + 3, (uint8_t)mss);
}

static void insert(struct eval *e, uint32_t mss)
{
    const uint8_t option[MSS_SIZE] = {TCPOPT_MSS, MSS_SIZE, (uint8_t)(mss >> 8), (uint8_t)mss};
    struct parsed *ip = &e->p->ip;
    uint16_t len = (uint16_t)parsed_l4_len(ip);

    if (!eval_grow(e, ip->l4_off + TCP_MIN, MSS_SIZE))
        return;
    struct tcp_header h = {.at = ip->ip + ip->l4_off};
    uint16_t sum = get_sum(&h);

    memcpy(h.at + TCP_MIN, option, MSS_SIZE);
    sum = checksum_update(sum, 0, load_raw16(option));
    sum = checksum_update(sum, 0, load_raw16(option + 2));
    put_sum(&h, checksum_update(sum, BE16(len), BE16(len + MSS_SIZE)));
    put_byte(&h, TCP_OFFSET, (uint8_t)(h.at[TCP_OFFSET] + (MSS_SIZE / 4 << 4)));
}

static enum rules_verdict run_mss(struct eval *e, const struct ext *x)
{
    uint32_t mss = wanted(e, x), at;
    struct tcp_header h;

    switch (tcp_header_find(e, &h)) {
    case TCP_HEADER_ABSENT: return RULES_CONTINUE;
    case TCP_HEADER_MALFORMED: return tcp_header_malformed(e);
    case TCP_HEADER_FOUND: break;
    }
    eval_touch(e, e->p->ip.l3_len); /* Linux makes all of it writable, whatever comes then */
    if (ext_seen(x, CLAMP) && !mss)
        return RULES_DROP;
    at = find_mss(&h);
    if (at)
        lower(&h, at, mss);
    else if (h.size < TCP_MAX && parsed_l4_len(&e->p->ip) == h.size)
        insert(e, min_u32(mss, e->family == 4 ? DEFAULT4 : DEFAULT6));
    return RULES_CONTINUE;
}

#define TCPMSS(their_families, their_options)                                       \
    {                                                                               \
        .name = "TCPMSS", .families = (their_families), .proto = PROTO_TCP,         \
        .size = sizeof(struct tcpmss), .opts = (their_options), .check = check_mss, \
        .print = print_mss, .list = list_mss, .target = run_mss,                    \
    }

const struct ext_type target_tcpmss = TCPMSS(EXT_IPV4, mss_options4);
const struct ext_type target_tcpmss6 = TCPMSS(EXT_IPV6, mss_options6);

/* --- TCPOPTSTRIP --- */

enum { STRIP_OPTIONS = 0 };

struct strip {
    uint32_t kinds[8]; /* bits */
};

static const struct opt strip_options[] = {
    {"strip-options", STRIP_OPTIONS, OPT_OTHER},
    {NULL},
};

static const struct {
    const char *name;
    uint8_t kind;
} kind_names[] = {
    {"wscale", 3}, {"mss", TCPOPT_MSS}, {"sack-permitted", 4},
    {"sack", 5},   {"timestamp", 8},    {"md5", 19},
};

static bool wants(const struct strip *s, uint8_t kind)
{
    return s->kinds[kind / 32] >> kind % 32 & 1;
}

static bool read_kind(const char *text, uint64_t *kind)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kind_names); i++)
        if (strcmp(kind_names[i].name, text) == 0) {
            *kind = kind_names[i].kind;
            return true;
        }
    return read_u64(text, 0, UINT8_MAX, kind);
}

static bool take_strip(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct strip *s = ext_data(x);
    char part[32];
    uint64_t kind;

    (void)o;
    while (text) {
        if (!read_part(&text, ',', part, sizeof(part)) || !read_kind(part, &kind))
            return rule_fail(r, "Bad TCP option value \"%s\"", part);
        if (kind <= TCPOPT_NOP)
            return rule_fail(r, "Option value may not be 0 or 1");
        s->kinds[kind / 32] |= 1u << kind % 32;
    }
    return true;
}

static void add_kind(struct text *out, uint8_t kind, bool named)
{
    for (size_t i = 0; named && i < WEIR_ARRAY_LEN(kind_names); i++)
        if (kind_names[i].kind == kind) {
            text_add(out, kind_names[i].name);
            return;
        }
    text_number(out, kind);
}

/* " 2,3", in ascending order. */
static void add_kinds(struct text *out, const struct strip *s, bool named)
{
    char before = ' ';

    for (unsigned kind = 0; kind <= UINT8_MAX; kind++)
        if (wants(s, (uint8_t)kind)) {
            text_char(out, before);
            add_kind(out, (uint8_t)kind, named);
            before = ',';
        }
}

static void show_strip(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    add_kinds(out, ext_conf(x), false);
}

static void list_strip(struct text *out, const struct ext *x, const struct listing *how)
{
    if (!x->seen)
        return;
    text_add(out, " TCPOPTSTRIP options");
    add_kinds(out, ext_conf(x), !(how->flags & WEIR_RULES_NUMERIC));
}

static enum rules_verdict run_strip(struct eval *e, const struct ext *x)
{
    const struct strip *s = ext_conf(x);
    struct tcp_header h;

    switch (tcp_header_find(e, &h)) {
    case TCP_HEADER_ABSENT: return RULES_CONTINUE;
    case TCP_HEADER_MALFORMED: return tcp_header_malformed(e);
    case TCP_HEADER_FOUND: break;
    }
    eval_touch(e, e->p->ip.l4_off + h.size);
    for (uint32_t at = TCP_MIN, size; at + 1 < h.size; at += size) {
        size = step(h.at + at);
        if (at + size > h.size)
            break;
        if (wants(s, h.at[at]))
            for (uint32_t i = at; i < at + size; i++)
                put_byte(&h, i, TCPOPT_NOP);
    }
    return RULES_CONTINUE;
}

const struct ext_type target_tcpoptstrip = {
    .name = "TCPOPTSTRIP",
    .families = EXT_BOTH,
    .tables = IN_MANGLE,
    .proto = PROTO_TCP,
    .size = sizeof(struct strip),
    .opts = strip_options,
    .take = take_strip,
    .show = show_strip,
    .list = list_strip,
    .target = run_strip,
};
