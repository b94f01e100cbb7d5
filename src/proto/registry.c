/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trackers by protocol number (conntrack reference, 1.1). The same number serves both families;
 * that neither ICMP comes in the other's family is the classifier's to see. DCCP has no tracker:
 * Linux removed it, and 33 is generic.
 */
#include "proto/registry.h"
#include "packet/headers.h"

static const struct proto *const trackers[UINT8_MAX + 1] = {
    [PROTO_ICMP] = &proto_icmp,       [PROTO_TCP] = &proto_tcp,       [PROTO_UDP] = &proto_udp,
    [PROTO_GRE] = &proto_gre,         [PROTO_ICMPV6] = &proto_icmpv6, [PROTO_SCTP] = &proto_sctp,
    [PROTO_UDPLITE] = &proto_udplite,
};

const struct proto *proto_find(uint8_t number)
{
    const struct proto *found = trackers[number];

    return found ? found : &proto_generic;
}
