/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMPv6 (RFC 4443): questions and answers as in icmp.c, errors as in related.c, and what keeps a
 * link running.
 *
 * Neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, 3810, 4286) are
 * link-local, unanswered or answered from elsewhere, and IPv6 does not work without them. They are
 * UNTRACKED: neither tracked nor INVALID, so that a ruleset which drops INVALID does not cut the
 * link (conntrack reference, 4.4).
 *
 * Every type below 128 is an error, assigned or not (RFC 4443, 2.1). A redirect (137) is one as
 * well, but says so in an option and may only come from a router on the link, which hop limit 255
 * and a link-local source prove (RFC 4861, 8.1). A redirect that is no error (other code, other
 * first option) is an ordinary message, which has no inverse.
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/related.h"
#include "proto/result.h"

enum { FIRST_QUERY = 128, REDIRECT = 137 };

enum kind { OTHER = 0, QUESTION, LINK };

static const uint8_t kinds[UINT8_MAX + 1] = {
    [128] = QUESTION, /* echo request */
    [130] = LINK,     /* multicast listener query */
    [131] = LINK,     /* multicast listener report */
    [132] = LINK,     /* multicast listener done */
    [133] = LINK,     /* router solicitation */
    [134] = LINK,     /* router advertisement */
    [135] = LINK,     /* neighbour solicitation */
    [136] = LINK,     /* neighbour advertisement */
    [139] = QUESTION, /* node information query */
    [143] = LINK,     /* multicast listener report, version 2 */
    [151] = LINK,     /* multicast router advertisement */
    [152] = LINK,     /* multicast router solicitation */
};

/* RFC 4861, 4.5 and 4.6.3: header with two addresses, then options; the redirected packet stands in
 * one of them. */
enum {
    REDIRECT_SIZE = 40,
    OPTION_TYPE = 0,
    OPTION_LENGTH = 1,
    OPTION_HEADER = 2,
    OPTION_REDIRECTED = 4,
    REDIRECTED_PACKET = 8,
    ON_LINK_HOPS = 255
};

/* fe80::/10 */
static bool link_local(const uint8_t *addr)
{
    return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static bool redirect(struct track *t, struct pkt *p)
{
    const uint8_t *ip = p->ip.ip;
    const uint8_t *icmp = parsed_l4(&p->ip, REDIRECT_SIZE);

    if (!icmp)
        return related_refuse(t, p, WEIR_R_L4_SHORT);
    if (icmp[ICMP_CODE] != 0)
        return false;
    if (ip[IP6_HOPS] != ON_LINK_HOPS || !link_local(ip + IP6_SRC))
        return related_refuse(t, p, WEIR_R_ICMP_REDIRECT);
    const uint8_t *option = parsed_l4(&p->ip, REDIRECT_SIZE + OPTION_HEADER);

    if (!option || option[REDIRECT_SIZE + OPTION_LENGTH] == 0)
        return related_refuse(t, p, WEIR_R_ICMP_QUOTE);
    if (option[REDIRECT_SIZE + OPTION_TYPE] != OPTION_REDIRECTED)
        return false;
    /* The option's length is not used: the quote ends with the packet at the latest, and needs only
     * its headers. */
    return related_find(t, p, REDIRECT_SIZE + REDIRECTED_PACKET);
}

static bool before(struct track *t, struct pkt *p)
{
    const uint8_t *icmp = parsed_l4(&p->ip, ICMP_SIZE);

    if (!icmp)
        return related_refuse(t, p, WEIR_R_L4_SHORT);
    if (p->verify_checksum && !proto_checksum_good(p, PROTO_ICMPV6, parsed_l4_len(&p->ip)))
        return related_refuse(t, p, WEIR_R_L4_CHECKSUM);
    uint8_t type = icmp[ICMP_TYPE];

    if (kinds[type] == LINK) {
        p->ctinfo = WEIR_CT_UNTRACKED;
        return true;
    }
    if (type == REDIRECT)
        return redirect(t, p);
    return type < FIRST_QUERY && related_find(t, p, ICMP_SIZE);
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    uint8_t type = (uint8_t)(BE16(p->tuple.dst_key) >> 8);

    if (!(p->conn->status & WEIR_S_CONFIRMED) && kinds[type] != QUESTION)
        return proto_invalid(p, WEIR_R_ICMP_ANSWER);
    return proto_alive(t, p, WEIR_T_ICMPV6_TIMEOUT);
}

const struct proto proto_icmpv6 = {
    .name = "icmpv6",
    .number = PROTO_ICMPV6,
    .packet = packet,
    .before = before,
};
