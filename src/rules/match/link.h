/* SPDX-License-Identifier: BSD-2-Clause */
/* The Ethernet header that a packet came with, for the matches that look at its source. */
#ifndef WEIR_RULES_MATCH_LINK_H
#define WEIR_RULES_MATCH_LINK_H

#include "rules/eval.h"

enum { ETHER_SRC = 6, ETHER_TYPE = 12, ETHER_SIZE = 14, ETHER_ADDR = 6, LINK_ETHERNET = 1 };

/* NULL: it came with none. */
static inline const uint8_t *link_ethernet(const struct eval *e)
{
    const struct weir_packet *raw = e->p->raw;

    return raw->link && raw->link_type == LINK_ETHERNET && raw->link_len >= ETHER_SIZE ? raw->link
                                                                                       : NULL;
}

#endif
