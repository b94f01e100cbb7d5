/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP for IPv4 (RFC 792): questions and answers make connections, errors belong to others
 * (related.c).
 *
 * A question and its answer share the identifier; the tuple's other half-key is type and code,
 * which inversion maps to the type that answers. Only a question starts a connection. It lives for
 * nf_conntrack_icmp_timeout after each packet in either direction, so doubled answers are fine, and
 * is never ASSURED (conntrack reference, 4.3).
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/related.h"
#include "proto/result.h"

enum kind { OTHER = 0, QUESTION, ERROR };

/* The highest type of RFC 792, 950 and 1256; above it, nothing passes the pre-checks. */
enum { TYPE_MAX = 18 };

static const uint8_t kinds[UINT8_MAX + 1] = {
    [3] = ERROR,     /* destination unreachable */
    [4] = ERROR,     /* source quench */
    [5] = ERROR,     /* redirect */
    [8] = QUESTION,  /* echo */
    [11] = ERROR,    /* time exceeded */
    [12] = ERROR,    /* parameter problem */
    [13] = QUESTION, /* timestamp */
    [15] = QUESTION, /* information request */
    [17] = QUESTION, /* address mask request */
};

static bool before(struct track *t, struct pkt *p)
{
    const uint8_t *icmp = parsed_l4(&p->ip, ICMP_SIZE);

    if (!icmp)
        return related_refuse(t, p, WEIR_R_L4_SHORT);
    if (p->verify_checksum && !proto_checksum_good(p, 0, parsed_l4_len(&p->ip)))
        return related_refuse(t, p, WEIR_R_L4_CHECKSUM);
    if (icmp[ICMP_TYPE] > TYPE_MAX)
        return related_refuse(t, p, WEIR_R_ICMP_TYPE);
    return kinds[icmp[ICMP_TYPE]] == ERROR && related_find(t, p, ICMP_SIZE);
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    uint8_t type = (uint8_t)(BE16(p->tuple.dst_key) >> 8);

    if (!(p->conn->status & WEIR_S_CONFIRMED) && kinds[type] != QUESTION)
        return proto_invalid(p, WEIR_R_ICMP_ANSWER);
    return proto_alive(t, p, WEIR_T_ICMP_TIMEOUT);
}

const struct proto proto_icmp = {
    .name = "icmp",
    .number = PROTO_ICMP,
    .packet = packet,
    .before = before,
};
