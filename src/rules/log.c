/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line has three parts: interfaces and link, the IP packet, and the mark. The packet's part
 * stops where the packet does, and says so; some of these ends leave out the mark as well, with no
 * system to it: each is as Linux 6.18 was seen to do it, since programs read these lines. The same
 * functions write the packet that an ICMP error quotes, one level deep. Where Linux says how many
 * bytes are left behind a header that is longer than the packet, the number wraps; so it does here.
 */
#include "rules/log.h"
#include "packet/ext6.h"
#include "rules/match/link.h"

enum {
    TOS_SERVICE = 0x1e, /* RFC 1349 */
    TOS_PRECEDENCE = 0xe0,
    TCP_RESERVED = 0x0e,
    AH_SPI = 4,
    AH_FIXED = 12,
    ESP_FIXED = 8,
    LINK_VLAN_SIZE = ETHER_SIZE + 4
};

/* What is being written. */
struct line {
    struct text *out;
    uint8_t flags; /* enum log_flag */
    bool inner;    /* the packet that an error quotes */
    /* Of an error: what it quotes, NULL: nothing; and the MTU to tell behind that. */
    const uint8_t *quote;
    uint32_t quote_len;
    bool has_mtu;
    uint32_t mtu;
};

/* What stands behind an IP header, or behind extension headers. */
struct upper {
    const uint8_t *ip;
    uint32_t at, end; /* where it begins, where the packet ends: not always in this order */
    uint8_t proto;
    bool later; /* a fragment that is not the first: nothing of the upper layer is here */
};

/* Does the line go on behind this (with the mark)? */
enum { STOPS = false, GOES_ON = true };

static bool asked(const struct line *l, enum log_flag flag)
{
    return l->flags & flag;
}

static void add_hex(struct text *out, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        text_addf(out, "%02X", bytes[i]);
}

/* `n` bytes of it, or NULL. */
static const uint8_t *need(const struct upper *u, uint32_t n)
{
    return u->at <= u->end && u->end - u->at >= n ? u->ip + u->at : NULL;
}

static bool incomplete(struct line *l, const struct upper *u)
{
    text_addf(l->out, "INCOMPLETE [%u bytes] ", u->end - u->at);
    return STOPS;
}

/* --- transports of both families --- */

static void tcp_flags(struct line *l, const uint8_t *tcp)
{
    static const char *const names[] = {"CWR ", "ECE ", "URG ", "ACK ",
                                        "PSH ", "RST ", "SYN ", "FIN "};

    if (tcp[TCP_OFFSET] & 1)
        text_add(l->out, "AE ");
    for (unsigned i = 0; i < 8; i++)
        if (tcp[TCP_FLAGS] & 0x80 >> i)
            text_add(l->out, names[i]);
}

static bool tcp_options(struct line *l, const struct upper *u, uint32_t size)
{
    const uint8_t *h = need(u, size);

    if (!asked(l, LOG_TCP_OPTIONS) || size <= TCP_MIN)
        return GOES_ON;
    if (!h) {
        text_add(l->out, "OPT (TRUNCATED)");
        return STOPS;
    }
    text_add(l->out, "OPT (");
    add_hex(l->out, h + TCP_MIN, size - TCP_MIN);
    text_add(l->out, ") ");
    return GOES_ON;
}

static bool tcp(struct line *l, const struct upper *u)
{
    const uint8_t *h = need(u, TCP_MIN);

    text_add(l->out, "PROTO=TCP ");
    if (u->later)
        return GOES_ON;
    if (!h)
        return incomplete(l, u);
    text_addf(l->out, "SPT=%u DPT=%u ", load_be16(h + TCP_SRC), load_be16(h + TCP_DST));
    if (asked(l, LOG_TCP_SEQUENCE))
        text_addf(l->out, "SEQ=%u ACK=%u ", load_be32(h + TCP_SEQ), load_be32(h + TCP_ACK));
    text_addf(l->out, "WINDOW=%u RES=0x%02x ", load_be16(h + TCP_WINDOW),
              (h[TCP_OFFSET] & TCP_RESERVED) << 2);
    tcp_flags(l, h);
    text_addf(l->out, "URGP=%u ", load_be16(h + TCP_URGENT));
    return tcp_options(l, u, (h[TCP_OFFSET] >> 4) * 4u);
}

static bool udp(struct line *l, const struct upper *u)
{
    const uint8_t *h = need(u, UDP_SIZE);

    text_add(l->out, u->proto == PROTO_UDP ? "PROTO=UDP " : "PROTO=UDPLITE ");
    if (u->later)
        return GOES_ON;
    if (!h)
        return incomplete(l, u);
    text_addf(l->out, "SPT=%u DPT=%u LEN=%u ", load_be16(h), load_be16(h + 2),
              load_be16(h + UDP_LENGTH));
    return GOES_ON;
}

/* The index of AH or ESP. */
static bool spi(struct line *l, const struct upper *u)
{
    bool ah = u->proto == PROTO_AH;
    const uint8_t *h = need(u, ah ? AH_FIXED : ESP_FIXED);

    if (!h)
        return incomplete(l, u);
    text_addf(l->out, "SPI=0x%x ", load_be32(ah ? h + AH_SPI : h));
    return GOES_ON;
}

static void add_echo(struct line *l, const uint8_t *icmp)
{
    text_addf(l->out, "ID=%u SEQ=%u ", load_be16(icmp + ICMP_ID), load_be16(icmp + ICMP_ID + 2));
}

/* What an error quotes; of one that is quoted itself, nothing. */
static void take_quote(struct line *l, const struct upper *u)
{
    if (l->inner)
        return;
    l->quote = u->ip + u->at + ICMP_SIZE;
    l->quote_len = u->end - u->at - ICMP_SIZE;
}

static void take_mtu(struct line *l, uint32_t mtu)
{
    l->has_mtu = true;
    l->mtu = mtu;
}

static void add_mtu(const struct line *l)
{
    if (l->has_mtu)
        text_addf(l->out, "MTU=%u ", l->mtu);
}

/* --- IPv4 --- */

/* Bytes that a type must have before more than its name is told; RFC 792 and 950. */
static uint32_t icmp_needs(uint8_t type)
{
    switch (type) {
    case 3:
    case 4:
    case 5:
    case 11:
    case 12: return ICMP_SIZE + IP4_MIN; /* the packet that it is about */
    case 13:
    case 14: return 20; /* three times */
    case 17:
    case 18: return 12; /* a mask */
    default: return ICMP_SIZE;
    }
}

static void icmp(struct line *l, const struct upper *u)
{
    const uint8_t *h = need(u, ICMP_SIZE);

    text_add(l->out, "PROTO=ICMP ");
    if (u->later)
        return;
    if (h)
        text_addf(l->out, "TYPE=%u CODE=%u ", h[ICMP_TYPE], h[ICMP_CODE]);
    if (!h || !need(u, icmp_needs(h[ICMP_TYPE]))) {
        incomplete(l, u);
        return;
    }
    switch (h[ICMP_TYPE]) {
    case 0:
    case 8: add_echo(l, h); break;
    case 12: text_addf(l->out, "PARAMETER=%u ", h[ICMP_ID]); break;
    case 5:
        text_addf(l->out, "GATEWAY=%u.%u.%u.%u ", h[4], h[5], h[6], h[7]);
        take_quote(l, u);
        break;
    case 3:
    case 4:
    case 11:
        take_quote(l, u);
        if (h[ICMP_TYPE] == 3 && h[ICMP_CODE] == 4)
            take_mtu(l, load_be16(h + 6));
        break;
    default: break;
    }
}

/* AH and ESP. Of fragments AH does not even tell its name. */
static void ipsec4(struct line *l, const struct upper *u)
{
    bool ah = u->proto == PROTO_AH;

    if (ah && u->later)
        return;
    text_add(l->out, ah ? "PROTO=AH " : "PROTO=ESP ");
    if (!u->later)
        (void)spi(l, u);
}

static bool upper4(struct line *l, const struct upper *u)
{
    switch (u->proto) {
    case PROTO_TCP: return tcp(l, u);
    case PROTO_UDP:
    case PROTO_UDPLITE: return udp(l, u);
    case PROTO_ICMP: icmp(l, u); break;
    case PROTO_AH:
    case PROTO_ESP: ipsec4(l, u); break;
    default: text_addf(l->out, "PROTO=%u ", u->proto);
    }
    return GOES_ON;
}

static void head4(struct line *l, const uint8_t *ip)
{
    uint16_t field = load_be16(ip + IP4_FRAGMENT);
    union weir_addr src = {.v4 = load_raw32(ip + IP4_SRC)}, dst = {.v4 = load_raw32(ip + IP4_DST)};

    text_add(l->out, "SRC=");
    text_addr(l->out, 4, &src);
    text_add(l->out, " DST=");
    text_addr(l->out, 4, &dst);
    text_addf(l->out, " LEN=%u TOS=0x%02X PREC=0x%02X TTL=%u ID=%u ", load_be16(ip + IP4_LENGTH),
              ip[IP4_TOS] & TOS_SERVICE, ip[IP4_TOS] & TOS_PRECEDENCE, ip[IP4_TTL],
              load_be16(ip + IP4_ID));
    if (field & 0x8000)
        text_add(l->out, "CE ");
    if (field & IP4_DF)
        text_add(l->out, "DF ");
    if (field & IP4_MF)
        text_add(l->out, "MF ");
    if (field & IP4_OFFSET)
        text_addf(l->out, "FRAG:%u ", field & IP4_OFFSET);
}

/* At least the fixed part of the header is there. */
static bool ip4(struct line *l, const uint8_t *ip, uint32_t len)
{
    uint32_t size = (ip[IP4_VERSION_IHL] & 0xf) * 4u;
    struct upper u = {.ip = ip,
                      .at = size,
                      .end = len,
                      .proto = ip[IP4_PROTO],
                      .later = load_be16(ip + IP4_FRAGMENT) & IP4_OFFSET};

    head4(l, ip);
    if (asked(l, LOG_IP_OPTIONS) && size > IP4_MIN) {
        if (len < size) {
            text_add(l->out, "TRUNCATED");
            return STOPS;
        }
        text_add(l->out, "OPT (");
        add_hex(l->out, ip + IP4_MIN, size - IP4_MIN);
        text_add(l->out, ") ");
    }
    return upper4(l, &u);
}

/* --- IPv6 --- */

static bool icmp6(struct line *l, const struct upper *u)
{
    const uint8_t *h = need(u, ICMP_SIZE);

    text_add(l->out, "PROTO=ICMPv6 ");
    if (u->later)
        return GOES_ON;
    if (!h)
        return incomplete(l, u);
    text_addf(l->out, "TYPE=%u CODE=%u ", h[ICMP_TYPE], h[ICMP_CODE]);
    switch (h[ICMP_TYPE]) {
    case 128:
    case 129: add_echo(l, h); break;
    case 2: take_mtu(l, load_be32(h + ICMP_ID)); __attribute__((fallthrough));
    case 1:
    case 3: take_quote(l, u); break;
    case 4:
        text_addf(l->out, "POINTER=%08x ", load_be32(h + ICMP_ID));
        take_quote(l, u);
        break;
    default: break;
    }
    return GOES_ON;
}

static bool upper6(struct line *l, const struct upper *u)
{
    switch (u->proto) {
    case PROTO_TCP: return tcp(l, u);
    case PROTO_UDP:
    case PROTO_UDPLITE: return udp(l, u);
    case PROTO_ICMPV6: return icmp6(l, u);
    default: text_addf(l->out, "PROTO=%u ", u->proto);
    }
    return GOES_ON;
}

/* --- IPv6 extension headers: false, the line stops here --- */

static bool fragment6(struct line *l, struct upper *u)
{
    const uint8_t *h = need(u, IP6F_SIZE);

    text_add(l->out, "FRAG:");
    if (!h) {
        text_add(l->out, "TRUNCATED ");
        return STOPS;
    }
    uint16_t field = load_be16(h + IP6F_OFFSET);

    text_addf(l->out, "%u ", field & ~7u);
    if (field & IP6F_MF)
        text_add(l->out, "INCOMPLETE ");
    text_addf(l->out, "ID:%08x ", load_be32(h + IP6F_ID));
    u->later |= (field & ~7u) != 0;
    return GOES_ON;
}

/* AH and ESP count as options: who did not ask for those is told nothing, and behind ESP nothing
 * can be told. */
static bool ipsec6(struct line *l, const struct upper *u)
{
    bool ah = u->proto == PROTO_AH;

    if (!asked(l, LOG_IP_OPTIONS))
        return ah;
    text_add(l->out, ah ? "AH " : "ESP ");
    if (!u->later && spi(l, u) && ah)
        return GOES_ON;
    text_char(l->out, ')');
    return STOPS;
}

/* Their contents are not told. */
static bool options6(struct line *l, const struct upper *u)
{
    if (u->later && asked(l, LOG_IP_OPTIONS))
        text_char(l->out, ')');
    return !u->later;
}

static bool extension(struct line *l, struct upper *u)
{
    const uint8_t *h = need(u, EXT6_MIN);
    bool more;

    if (!h) {
        text_add(l->out, "TRUNCATED");
        return STOPS;
    }
    if (asked(l, LOG_IP_OPTIONS))
        text_add(l->out, "OPT ( ");
    switch (u->proto) {
    case PROTO_FRAGMENT: more = fragment6(l, u); break;
    case PROTO_AH:
    case PROTO_ESP: more = ipsec6(l, u); break;
    default: more = options6(l, u); break;
    }
    if (!more)
        return STOPS;
    if (asked(l, LOG_IP_OPTIONS))
        text_add(l->out, ") ");
    u->at += ext6_size(u->proto, h);
    u->proto = h[0];
    return GOES_ON;
}

/* All groups in full. */
static void add_addr6(struct text *out, const uint8_t *addr)
{
    for (unsigned i = 0; i < 16; i += 2)
        text_addf(out, i ? ":%04x" : "%04x", load_be16(addr + i));
}

static bool ip6(struct line *l, const uint8_t *ip, uint32_t len)
{
    if (len < IP6_SIZE) {
        text_add(l->out, "TRUNCATED");
        return STOPS;
    }
    struct upper u = {.ip = ip, .at = IP6_SIZE, .end = len, .proto = ip[IP6_NEXT]};
    uint32_t first = load_be32(ip);

    text_add(l->out, "SRC=");
    add_addr6(l->out, ip + IP6_SRC);
    text_add(l->out, " DST=");
    add_addr6(l->out, ip + IP6_DST);
    text_addf(l->out, " LEN=%u TC=%u HOPLIMIT=%u FLOWLBL=%u ",
              load_be16(ip + IP6_PAYLOAD) + IP6_SIZE, first >> 20 & 0xff, ip[IP6_HOPS],
              first & 0xfffff);
    while (ext6_is(u.proto) || u.proto == PROTO_ESP)
        if (!extension(l, &u))
            return STOPS;
    return upper6(l, &u);
}

/* --- link and line --- */

static bool packet(struct line *l, uint8_t family, const uint8_t *ip, uint32_t len)
{
    return family == 4 ? ip4(l, ip, len) : ip6(l, ip, len);
}

/* The packet that an error quotes. */
static void add_quote(const struct line *l, uint8_t family)
{
    struct line inner = {.out = l->out, .flags = l->flags, .inner = true};

    text_char(l->out, '[');
    (void)packet(&inner, family, l->quote, l->quote_len);
    add_mtu(&inner);
    text_add(l->out, "] ");
}

static void add_bytes(struct text *out, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        text_addf(out, i ? ":%02x" : "%02x", bytes[i]);
}

static void decode_link(struct text *out, const uint8_t *link, uint32_t len)
{
    uint16_t type = load_be16(link + ETHER_TYPE);

    text_add(out, "MACSRC=");
    add_bytes(out, link + ETHER_SRC, ETHER_ADDR);
    text_add(out, " MACDST=");
    add_bytes(out, link, ETHER_ADDR);
    if ((type == 0x8100 || type == 0x88a8) && len >= LINK_VLAN_SIZE) { /* IEEE 802.1Q */
        text_addf(out, " VPROTO=%04x VID=%u", type, load_be16(link + ETHER_SIZE) & 0xfff);
        type = load_be16(link + ETHER_SIZE + 2);
    }
    text_addf(out, " MACPROTO=%04x ", type);
}

/* The loopback device puts an empty Ethernet header before its packets. */
static void add_link(struct text *out, const struct eval *e, uint8_t flags)
{
    const uint8_t loopback[ETHER_SIZE] = {[ETHER_TYPE] = e->family == 4 ? 0x08 : 0x86,
                                          [ETHER_TYPE + 1] = e->family == 4 ? 0x00 : 0xdd};
    const struct weir_packet *raw = e->p->raw;
    const uint8_t *ethernet = link_ethernet(e);

    if (flags & LOG_MACDECODE && ethernet) {
        decode_link(out, ethernet, raw->link_len);
        return;
    }
    text_add(out, "MAC=");
    if (raw->link)
        add_bytes(out, raw->link, raw->link_len);
    else if (!e->in_iface)
        add_bytes(out, loopback, sizeof(loopback));
    text_char(out, ' ');
}

void log_text(struct text *out, const struct eval *e, uint8_t flags)
{
    const struct parsed *ip = &e->p->ip;
    struct line l = {.out = out, .flags = flags};

    text_add(out, "IN=");
    text_add(out, e->in);
    text_add(out, " OUT=");
    text_add(out, e->out);
    text_char(out, ' ');
    if (e->in[0])
        add_link(out, e, flags);
    bool more = packet(&l, ip->family, ip->ip, ip->have);

    if (l.quote)
        add_quote(&l, ip->family);
    add_mtu(&l);
    if (more && e->p->raw->mark)
        text_addf(out, "MARK=0x%x ", e->p->raw->mark);
}

static void say(struct eval *e, enum weir_message_kind kind, const struct text *line)
{
    const struct weir_host *host = &e->t->host;

    host->message(host->ctx, kind, line->buffer, e->p->raw);
}

void log_packet(struct eval *e, enum weir_message_kind kind, const char *prefix, uint8_t flags)
{
    char buffer[LOG_LINE_MAX + 1];
    struct text line;

    if (!e->t->host.message)
        return;
    text_into(&line, buffer, sizeof(buffer));
    text_add(&line, prefix);
    log_text(&line, e, flags);
    say(e, kind, &line);
}

void log_trace(struct eval *e, const char *table, const char *chain, const char *type, uint32_t num)
{
    char prefix[128]; /* a chain's name has 28 bytes at most */
    struct text out;

    text_into(&out, prefix, sizeof(prefix));
    text_addf(&out, "TRACE: %s:%s:%s:%u ", table, chain, type, num);
    log_packet(e, WEIR_MSG_TRACE, prefix,
               LOG_TCP_SEQUENCE | LOG_TCP_OPTIONS | LOG_IP_OPTIONS | LOG_UID);
}
