/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m eui64: was the source address made from the Ethernet address the packet came from? (RFC 4291,
 * appendix A; iptables reference, 3.5) A packet without an Ethernet header does not match.
 */
#include "packet/headers.h"
#include "rules/match/link.h"

enum { ETHER_IPV6 = 0x86dd, ID_SIZE = 8, UNIVERSAL = 0x02 };

/* iptables has the blank behind it, not before. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)x;
    (void)how;
    text_add(out, "eui64 ");
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct parsed *ip = &e->p->ip;
    const uint8_t *link = link_ethernet(e);

    (void)x;
    if (!link)
        return false;
    const uint8_t *mac = link + ETHER_SRC;
    const uint8_t id[ID_SIZE] = {
        mac[0] ^ UNIVERSAL, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

    return load_be16(link + ETHER_TYPE) == ETHER_IPV6 &&
           memcmp(ip->ip + IP6_SRC + ID_SIZE, id, ID_SIZE) == 0;
}

const struct ext_type match_eui64 = {
    .name = "eui64",
    .families = EXT_IPV6,
    .hooks = ON_PREROUTING | ON_INPUT | ON_FORWARD,
    .list = list,
    .match = match,
};
