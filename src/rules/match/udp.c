/* SPDX-License-Identifier: BSD-2-Clause */
/* -m udp: ports (iptables reference, 3.1). */
#include "rules/match/ports.h"

static const struct opt opts[] = {PORT_OPTIONS(OPT_HIDE_FULL), {0}};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    text_add(out, " udp");
    ports_list(out, x, how);
}

static bool match(struct eval *e, const struct ext *x)
{
    const uint8_t *l4 = header_l4(e, UDP_SIZE);

    return l4 && ports_match(x, l4);
}

static bool want(const struct ext *x, struct want *w)
{
    ports_want(x, w);
    return true;
}

const struct ext_type match_udp = {
    .name = "udp",
    .families = EXT_BOTH,
    .proto = PROTO_UDP,
    .size = sizeof(struct ports),
    .opts = opts,
    .init = ports_init,
    .list = list,
    .match = match,
    .want = want,
};
