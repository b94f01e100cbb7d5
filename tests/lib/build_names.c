/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build_names: what the numbers in packets are called, for the text forms.
 *
 * Scenario files are written with these words, so a name, once used, stays.
 */
#include "build.h"

const char *build_kind_name(enum build_kind kind)
{
    static const char *const name[BUILD_KIND_MAX] = {
        [BUILD_TCP] = "tcp",   [BUILD_UDP] = "udp",   [BUILD_UDPLITE] = "udplite",
        [BUILD_ICMP] = "icmp", [BUILD_SCTP] = "sctp", [BUILD_GRE] = "gre",
    };
    return name[kind];
}

const char *build_ext_name(uint8_t kind)
{
    switch (kind) {
    case BUILD_PROTO_HBH: return "hbh";
    case BUILD_PROTO_ROUTING: return "rt";
    case BUILD_PROTO_FRAGMENT: return "frag";
    case BUILD_PROTO_AH: return "ah";
    case BUILD_PROTO_DSTOPT: return "dst";
    default: return NULL;
    }
}

const char *build_icmp_name(uint8_t proto, uint8_t type)
{
    static const char *const v4[256] = {
        [0] = "reply",      [3] = "unreach", [4] = "quench",      [5] = "redirect",
        [8] = "echo",       [9] = "advert",  [10] = "solicit",    [11] = "exceeded",
        [12] = "param",     [13] = "stamp",  [14] = "stampreply", [15] = "info",
        [16] = "inforeply", [17] = "mask",   [18] = "maskreply",
    };
    static const char *const v6[256] = {
        [1] = "unreach", [2] = "toobig", [3] = "exceeded", [4] = "param",      [128] = "echo",
        [129] = "reply", [130] = "mldq", [131] = "mldr",   [132] = "mldd",     [133] = "rs",
        [134] = "ra",    [135] = "ns",   [136] = "na",     [137] = "redirect", [139] = "niq",
        [140] = "nir",   [143] = "mld2",
    };
    return proto == BUILD_PROTO_ICMPV6 ? v6[type] : v4[type];
}

bool build_icmp_quotes(uint8_t proto, uint8_t type)
{
    if (proto == BUILD_PROTO_ICMPV6)
        return type < 128;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

const char *build_chunk_name(uint8_t type)
{
    static const char *const name[256] = {
        [BUILD_CHUNK_DATA] = "DATA",
        [BUILD_CHUNK_INIT] = "INIT",
        [BUILD_CHUNK_INIT_ACK] = "INIT_ACK",
        [BUILD_CHUNK_SACK] = "SACK",
        [BUILD_CHUNK_HEARTBEAT] = "HB",
        [BUILD_CHUNK_HEARTBEAT_ACK] = "HB_ACK",
        [BUILD_CHUNK_ABORT] = "ABORT",
        [BUILD_CHUNK_SHUTDOWN] = "SHUTDOWN",
        [BUILD_CHUNK_SHUTDOWN_ACK] = "SHUTDOWN_ACK",
        [BUILD_CHUNK_ERROR] = "ERROR",
        [BUILD_CHUNK_COOKIE_ECHO] = "COOKIE_ECHO",
        [BUILD_CHUNK_COOKIE_ACK] = "COOKIE_ACK",
        [BUILD_CHUNK_SHUTDOWN_COMPLETE] = "SHUTDOWN_COMPLETE",
    };
    return name[type];
}

size_t build_chunk_head_len(uint8_t type)
{
    switch (type) {
    case BUILD_CHUNK_INIT:
    case BUILD_CHUNK_INIT_ACK: return 16;
    case BUILD_CHUNK_DATA:
    case BUILD_CHUNK_SACK: return 12;
    case BUILD_CHUNK_SHUTDOWN: return 4;
    default: return 0;
    }
}
