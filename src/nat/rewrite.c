/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing an address and a port into a packet (NAT reference, sections 8 and 13).
 *
 * Internet checksums are updated by what changed (RFC 1624), which leaves one that was wrong as
 * wrong as it was; the sum of all changes goes in at once, since ones' complement addition does not
 * care how it is grouped. SCTP's CRC is computed anew, as Linux does.
 *
 * How much of a header must be there is Linux's too: without it the packet is dropped. Where a
 * capture cut the packet off, that is held against nobody, and what is there is rewritten.
 */
#include "nat/inside.h"
#include "packet/checksum.h"
#include "track/proto.h"

enum {
    KNOWN_MIN = 8, /* Linux takes eight bytes of every header in hand, whatever it changes */
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129
};

uint16_t nat_patch(uint16_t field, uint64_t delta)
{
    return (uint16_t)~checksum_fold((uint16_t)~field + delta);
}

/* Store four bytes at `at`. */
static uint64_t change32(uint8_t *at, uint32_t after)
{
    uint32_t before = load_raw32(at);

    store_raw32(at, after);
    return (uint64_t)(uint32_t)~before + after;
}

static inline uint64_t edit_addr(const struct parsed *ip, const struct edit *e)
{
    uint64_t delta = 0;

    if (ip->family == 4) {
        delta = change32(ip->ip + (e->type == NAT_SRC ? IP4_SRC : IP4_DST), e->addr.v4);
        store_raw16(ip->ip + IP4_CHECKSUM, nat_patch(load_raw16(ip->ip + IP4_CHECKSUM), delta));
        return delta;
    }
    for (int i = 0; i < 4; i++)
        delta +=
            change32(ip->ip + (e->type == NAT_SRC ? IP6_SRC : IP6_DST) + 4 * i, e->addr.words[i]);
    return delta;
}

/* The upper layer: how long it is by the IP header, and how much of it is there. */
struct upper {
    uint8_t *at;
    uint32_t len, have;
};

/* Are the two bytes at `off` there to be written? */
static bool present(struct upper u, uint32_t off)
{
    return u.have >= off + 2;
}

/* Store a half-key at `off`; what that adds to a checksum. It is there, since the packet has a
 * tuple. */
static uint64_t change_key(struct upper u, uint32_t off, uint16_t after)
{
    if (!present(u, off))
        return 0;
    uint16_t before = load_raw16(u.at + off);

    store_raw16(u.at + off, after);
    return (uint64_t)(uint16_t)~before + after;
}

/* What words under a checksum change by, the checksum changes back. */
static void patch_unseen(struct edit *e, uint64_t delta)
{
    e->unseen = (uint16_t)~checksum_fold(delta);
}

static void patch_at(struct upper u, struct edit *e, uint32_t off, uint64_t delta)
{
    if (present(u, off))
        store_raw16(u.at + off, nat_patch(load_raw16(u.at + off), delta));
    else
        patch_unseen(e, delta);
}

static uint32_t port_at(const struct edit *e)
{
    return e->type == NAT_SRC ? 0 : 2;
}

static inline void edit_tcp(struct upper u, struct edit *e, uint64_t delta)
{
    delta += change_key(u, port_at(e), e->key);
    if (u.len >= TCP_MIN)
        patch_at(u, e, TCP_CHECKSUM, delta);
}

/* UDP's zero means that there is none (RFC 768), so a sum of zero is written as its other form. */
static inline void edit_udp(struct upper u, struct edit *e, uint64_t delta, bool may_have_none)
{
    uint8_t *field = u.at + UDP_CHECKSUM;

    delta += change_key(u, port_at(e), e->key);
    if (!present(u, UDP_CHECKSUM)) {
        patch_unseen(e, delta);
        return;
    }
    if (may_have_none && load_raw16(field) == 0)
        return;
    uint16_t sum = nat_patch(load_raw16(field), delta);

    store_raw16(field, sum ? sum : UINT16_MAX);
}

/*
 * Of a packet that was cut off the CRC cannot be computed, but it can be changed by what the new
 * port makes of it.
 */
static void edit_sctp(struct upper u, const struct edit *e, bool cut)
{
    uint8_t *field = u.at + SCTP_CHECKSUM, change[4];
    uint32_t before = u.have >= SCTP_SIZE ? load_raw32(u.at) : 0;

    (void)change_key(u, port_at(e), e->key);
    if (u.have < SCTP_SIZE)
        return;
    store_raw32(change, before ^ load_raw32(u.at));
    store_le32(field, cut ? crc32c_change(load_le32(field), change, u.len - 4)
                          : crc32c_sctp(u.at, u.len, SCTP_CHECKSUM));
}

/* The messages with an identifier: echo, timestamp, information and address mask. */
static bool icmp_has_id(uint8_t type)
{
    return type == 0 || type == 8 || (type >= 13 && type <= 18);
}

static void edit_icmp(struct upper u, struct edit *e)
{
    if (u.have && icmp_has_id(u.at[ICMP_TYPE]))
        patch_at(u, e, ICMP_CHECKSUM, change_key(u, ICMP_ID, e->key));
}

/* RFC 4443, 2.3: the pseudo-header counts. */
static void edit_icmpv6(struct upper u, struct edit *e, uint64_t delta)
{
    uint8_t type = u.have ? u.at[ICMP_TYPE] : 0;

    if (type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY)
        delta += change_key(u, ICMP_ID, e->key);
    patch_at(u, e, ICMP_CHECKSUM, delta);
}

/* Packets have a key for their receiver only, and only in version 1 (RFC 2637, 4.1). */
static bool edit_gre(struct upper u, const struct edit *e)
{
    if (e->type == NAT_SRC || u.have < 2)
        return true;
    switch (load_be16(u.at) & GRE_VERSION) {
    case 0: return true;
    case 1: (void)change_key(u, GRE_CALL_ID, e->key); return true;
    default: return false;
    }
}

/* Protocols of which Linux wants eight bytes. */
static bool is_known(uint8_t proto)
{
    switch (proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP:
    case PROTO_ICMP:
    case PROTO_ICMPV6:
    case PROTO_GRE: return true;
    default: return false;
    }
}

static inline bool edit(const struct parsed *ip, struct edit *e)
{
    const struct upper u = {ip->ip + ip->l4_off, parsed_l4_len(ip), parsed_l4_have(ip)};
    uint64_t delta = edit_addr(ip, e);

    if (u.len < KNOWN_MIN)
        return !is_known(ip->proto);
    switch (ip->proto) {
    case PROTO_TCP: edit_tcp(u, e, delta); return true;
    case PROTO_UDP: edit_udp(u, e, delta, true); return true;
    case PROTO_UDPLITE: edit_udp(u, e, delta, false); return true;
    case PROTO_SCTP: edit_sctp(u, e, ip->cut); return true;
    case PROTO_ICMP: edit_icmp(u, e); return true;
    case PROTO_ICMPV6: edit_icmpv6(u, e, delta); return true;
    case PROTO_GRE: return edit_gre(u, e);
    default: return true;
    }
}

bool nat_edit(const struct parsed *ip, struct edit *e)
{
    return edit(ip, e);
}

uint64_t nat_edit_addr(const struct parsed *ip, const struct edit *e)
{
    return edit_addr(ip, e);
}

uint32_t nat_reach(const struct parsed *ip)
{
    uint32_t len = parsed_l4_len(ip), header = KNOWN_MIN;

    if (!is_known(ip->proto))
        return ip->family == 4 ? (uint32_t)IP4_MIN : (uint32_t)IP6_SIZE;
    if (ip->proto == PROTO_TCP && len >= TCP_MIN)
        header = TCP_MIN;
    else if (ip->proto == PROTO_SCTP && len >= SCTP_SIZE)
        header = SCTP_SIZE;
    return ip->l4_off + header;
}

/* --- at a hook --- */

/*
 * What the packet is to carry: NAT_DST what the other direction comes from, NAT_SRC what it goes
 * to. Every packet of a translated connection comes by here, so no tuple is made for it.
 */
static struct edit edit_of(const struct pkt *p, enum nat_type type)
{
    const struct conn *c = p->conn;
    enum weir_dir other = p->dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG;
    int end = type == NAT_SRC;
    struct edit e = {.type = type, .key = c->key[other][nat_is_icmp(c->proto) ? 0 : end]};

    if (c->family == 4)
        e.addr.v4 = c->addr4[other][end];
    else
        e.addr = ((const struct conn6 *)c)->addr[other][end];
    return e;
}

/* RFC 792, redirect; RFC 4861, 4.5. */
static bool is_redirect(const struct pkt *p)
{
    enum { REDIRECT = 5, REDIRECT6 = 137 };
    const uint8_t *icmp = parsed_l4(&p->ip, 1);

    return icmp && icmp[ICMP_TYPE] == (p->ip.family == 4 ? REDIRECT : REDIRECT6);
}

/* A route to an address that is not what it seems helps nobody. */
static bool may_be_translated(const struct conn *c)
{
    const uint32_t done = WEIR_S_SRC_NAT_DONE | WEIR_S_DST_NAT_DONE;
    const uint32_t nat = WEIR_S_SRC_NAT | WEIR_S_DST_NAT;

    return (c->status & (done | nat)) != done;
}

static bool refuse(struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    return false;
}

/*
 * Linux looks at the quoted IP header of every error at a hook of NAT, translated or not, and drops
 * what is wrong by its checksum, whatever nf_conntrack_checksum says.
 */
static enum weir_reason check_error(struct pkt *p)
{
    uint32_t inside = ICMP_SIZE + (p->ip.family == 4 ? (uint32_t)IP4_MIN : (uint32_t)IP6_SIZE);
    bool known = p->raw->flags & WEIR_PKT_CSUM_OK || p->raw->path == WEIR_PATH_OUTPUT;

    if (parsed_l4_len(&p->ip) < inside)
        return WEIR_R_NAT_REWRITE;
    if (p->gathered)
        frag_touch(&p->layout, p->ip.l4_off + inside);
    if (!known &&
        !proto_checksum_good(p, p->ip.family == 4 ? 0 : PROTO_ICMPV6, parsed_l4_len(&p->ip)))
        return WEIR_R_L4_CHECKSUM;
    return is_redirect(p) && may_be_translated(p->conn) ? WEIR_R_NAT_REDIRECT : WEIR_R_NONE;
}

static bool translate(struct pkt *p, enum nat_type type)
{
    struct edit e = edit_of(p, type);

    if (nat_is_error(p))
        return nat_edit_error(p, &e) || refuse(p, WEIR_R_NAT_REWRITE);
    if (p->gathered)
        frag_touch(&p->layout, nat_reach(&p->ip));
    return edit(&p->ip, &e) || refuse(p, WEIR_R_NAT_REWRITE);
}

/* Write the address of `end` (0: source) of a tuple of the entry. */
static inline uint64_t put_addr(const struct conn *c, enum weir_dir of, int end, uint8_t *at)
{
    uint64_t delta = 0;

    if (c->family == 4)
        return change32(at, c->addr4[of][end]);
    for (int i = 0; i < 4; i++)
        delta += change32(at + 4 * i, ((const struct conn6 *)c)->addr[of][end].words[i]);
    return delta;
}

static inline uint64_t put_port(uint8_t *at, uint16_t after)
{
    uint16_t before = load_raw16(at);

    store_raw16(at, after);
    return (uint64_t)(uint16_t)~before + after;
}

/* The packet leaves with the mirror image of the other direction's tuple. */
void nat_express(const struct conn *c, enum weir_dir dir, uint8_t *ip, struct glance g)
{
    enum weir_dir other = dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG;
    uint32_t of_src = dir == WEIR_ORIG ? WEIR_S_SRC_NAT : WEIR_S_DST_NAT;
    uint32_t of_dst = dir == WEIR_ORIG ? WEIR_S_DST_NAT : WEIR_S_SRC_NAT;
    uint8_t *l4 = ip + g.l4_off, *src = ip + (c->family == 4 ? IP4_SRC : IP6_SRC);
    uint8_t *sum = l4 + (g.proto == PROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    uint64_t addrs = 0, ports = 0;

    if (c->status & of_dst) {
        addrs += put_addr(c, other, 0, src + (c->family == 4 ? 4 : 16));
        ports += put_port(l4 + 2, c->key[other][0]);
    }
    if (c->status & of_src) {
        addrs += put_addr(c, other, 1, src);
        ports += put_port(l4, c->key[other][1]);
    }
    if (c->family == 4)
        store_raw16(ip + IP4_CHECKSUM, nat_patch(load_raw16(ip + IP4_CHECKSUM), addrs));
    if (g.proto == PROTO_UDP && load_raw16(sum) == 0)
        return;
    uint16_t after = nat_patch(load_raw16(sum), addrs + ports);

    store_raw16(sum, g.proto == PROTO_UDP && !after ? UINT16_MAX : after);
}

bool nat_rewrite(struct track *t, struct pkt *p, enum nat_type type)
{
    (void)t;
    if (!p->conn)
        return true;
    if (nat_is_error(p)) {
        enum weir_reason wrong = check_error(p);

        if (wrong)
            return refuse(p, wrong);
    }
    return !nat_changes(p, type) || translate(p, type);
}
