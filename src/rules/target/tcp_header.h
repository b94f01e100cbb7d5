/* SPDX-License-Identifier: BSD-2-Clause */
/* The TCP header of a packet, for targets that change it or answer it. */
#ifndef WEIR_RULES_TARGET_TCP_HEADER_H
#define WEIR_RULES_TARGET_TCP_HEADER_H

#include "packet/headers.h"
#include "rules/eval.h"

struct tcp_header {
    uint8_t *at;
    uint32_t size;
};

enum tcp_finding {
    TCP_HEADER_FOUND = 1, /* all of it, options and all */
    TCP_HEADER_ABSENT,    /* a fragment that is not the first, or a capture cut it off */
    TCP_HEADER_MALFORMED  /* shorter than a header, or shorter or longer than it says */
};

static inline enum tcp_finding tcp_header_find(const struct eval *e, struct tcp_header *h)
{
    const struct parsed *ip = &e->p->ip;

    if (!ip->first)
        return TCP_HEADER_ABSENT;
    if (parsed_l4_len(ip) < TCP_MIN)
        return TCP_HEADER_MALFORMED;
    h->at = parsed_l4(ip, TCP_MIN);
    if (!h->at)
        return TCP_HEADER_ABSENT;
    h->size = (h->at[TCP_OFFSET] >> 4) * 4u;
    if (h->size < TCP_MIN || h->size > parsed_l4_len(ip))
        return TCP_HEADER_MALFORMED;
    return parsed_l4(ip, h->size) ? TCP_HEADER_FOUND : TCP_HEADER_ABSENT;
}

/* What becomes of a malformed one. */
static inline enum rules_verdict tcp_header_malformed(struct eval *e)
{
    e->reason = WEIR_R_RULE_MALFORMED;
    return RULES_DROP;
}

#endif
