/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the fields of the protocol headers are. Offsets from the start of each header; read and
 * written with base/bytes.h after a length check, never through overlaid structs, so alignment and
 * aliasing are no concern.
 */
#ifndef WEIR_PACKET_HEADERS_H
#define WEIR_PACKET_HEADERS_H

enum ip_protocol {
    PROTO_HOPOPTS = 0,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_DCCP = 33,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_GRE = 47,
    PROTO_ESP = 50,
    PROTO_AH = 51,
    PROTO_ICMPV6 = 58,
    PROTO_NONE = 59,
    PROTO_DSTOPTS = 60,
    PROTO_SCTP = 132,
    PROTO_UDPLITE = 136
};

/* IPv4, RFC 791 */
enum {
    IP4_VERSION_IHL = 0,
    IP4_TOS = 1,
    IP4_LENGTH = 2,
    IP4_ID = 4,
    IP4_FRAGMENT = 6, /* flags and offset */
    IP4_TTL = 8,
    IP4_PROTO = 9,
    IP4_CHECKSUM = 10,
    IP4_SRC = 12,
    IP4_DST = 16,
    IP4_MIN = 20,
    IP4_DF = 0x4000,
    IP4_MF = 0x2000,
    IP4_OFFSET = 0x1fff
};

/* IPv6, RFC 8200 */
enum {
    IP6_PAYLOAD = 4,
    IP6_NEXT = 6,
    IP6_HOPS = 7,
    IP6_SRC = 8,
    IP6_DST = 24,
    IP6_SIZE = 40,
    IP6F_NEXT = 0, /* fragment header */
    IP6F_OFFSET = 2,
    IP6F_ID = 4,
    IP6F_SIZE = 8,
    IP6F_READ = 4, /* next header, offset and flags */
    IP6F_MF = 0x1
};

/* TCP, RFC 9293 */
enum {
    TCP_SRC = 0,
    TCP_DST = 2,
    TCP_SEQ = 4,
    TCP_ACK = 8,
    TCP_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_WINDOW = 14,
    TCP_CHECKSUM = 16,
    TCP_URGENT = 18,
    TCP_MIN = 20,
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACKF = 0x10,
    TCP_URG = 0x20,
    TCPOPT_EOL = 0,
    TCPOPT_NOP = 1,
    TCPOPT_WSCALE = 3,
    TCPOPT_SACK_PERM = 4,
    TCPOPT_SACK = 5,
    TCPOPT_TIMESTAMP = 8
};

/* UDP, RFC 768; UDP-Lite, RFC 3828 (coverage in place of length) */
enum { UDP_LENGTH = 4, UDP_CHECKSUM = 6, UDP_SIZE = 8 };

/* ICMP, RFC 792; ICMPv6, RFC 4443 */
enum { ICMP_TYPE = 0, ICMP_CODE = 1, ICMP_CHECKSUM = 2, ICMP_ID = 4, ICMP_SIZE = 8 };

/* GRE, RFC 2784; version 1, RFC 2637 */
enum {
    GRE_FLAGS = 0,
    GRE_PROTOCOL = 2,
    GRE_CALL_ID = 6,
    GRE_V1_MIN = 8,
    GRE_PPP = 0x880b,
    GRE_VERSION = 0x7
};

/* SCTP, RFC 9260 */
enum { SCTP_VTAG = 4, SCTP_CHECKSUM = 8, SCTP_SIZE = 12 };

#endif
