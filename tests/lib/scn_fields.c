/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_fields: the tables, see scn_fields.h.
 */
#include "scn_fields.h"

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define AT(member)   offsetof(struct build, member)
#define SIZE(member) sizeof(((struct build *)NULL)->member)
#define NUM(w, m, max)                                         \
    {                                                          \
        w, SCN_FIELD_NUMBER, SIZE(m), false, false, AT(m), max \
    }
#define HEX(w, m, max)                                        \
    {                                                         \
        w, SCN_FIELD_NUMBER, SIZE(m), false, true, AT(m), max \
    }
#define ALIAS(w, m, max)                                      \
    {                                                         \
        w, SCN_FIELD_NUMBER, SIZE(m), true, false, AT(m), max \
    }
#define LIE(w, m, max)                                       \
    {                                                        \
        w, SCN_FIELD_AUTO, SIZE(m), false, false, AT(m), max \
    }
#define SET(w, m)                                         \
    {                                                     \
        w, SCN_FIELD_SET, SIZE(m), false, false, AT(m), 1 \
    }

static const struct scn_field ip[] = {
    HEX("tos", tos, 0xff),
    NUM("ttl", ttl, 0xff),
    ALIAS("hlim", ttl, 0xff),
    NUM("ipid", ip4.id, 0xffff),
    SET("df", ip4.df),
    SET("mf", ip4.mf),
    SET("evil", ip4.evil),
    LIE("ihl", ip4.ihl, 15),
    LIE("tlen", ip4.tlen, 0xffff),
    NUM("flow", ip6.flow, 0xfffff),
    LIE("plen", ip6.plen, 0xffff),
    LIE("pseudo", pseudo, 0xff),
    LIE("short", keep, BUILD_PACKET_MAX),
    LIE("cut", cut, BUILD_PACKET_MAX),
    NUM("fragid", piece.id, 0xffffffff),
    LIE("more", piece.more, 1),
};

static const struct scn_field tcp[] = {
    NUM("seq", l4.tcp.seq, 0xffffffff), NUM("ack", l4.tcp.ack, 0xffffffff),
    NUM("win", l4.tcp.win, 0xffff),     NUM("urg", l4.tcp.urg, 0xffff),
    LIE("doff", l4.tcp.doff, 15),
};

static const struct scn_field udp[] = {
    LIE("ulen", l4.udp.len, 0xffff),
    SET("fieldsum", l4.udp.sum_by_len),
};

static const struct scn_field udplite[] = {
    LIE("cover", l4.udp.len, 0xffff),
};

static const struct scn_field icmp[] = {
    ALIAS("type", l4.icmp.type, 0xff),
    ALIAS("code", l4.icmp.code, 0xff),
    ALIAS("rest", l4.icmp.rest, 0xffffffff),
};

static const struct scn_field sctp[] = {
    NUM("vtag", l4.sctp.vtag, 0xffffffff),
};

static const struct scn_field gre[] = {
    NUM("v", l4.gre.version, 7),       HEX("proto", l4.gre.proto, 0xffff),
    HEX("bits", l4.gre.flags, 0xffff), SET("csum", l4.gre.has_sum),
    LIE("glen", l4.gre.plen, 0xffff),
};

static const struct {
    const struct scn_field *field;
    size_t n;
} by_kind[BUILD_KIND_MAX] = {
    [BUILD_TCP] = {tcp, COUNT(tcp)},
    [BUILD_UDP] = {udp, COUNT(udp)},
    [BUILD_UDPLITE] = {udplite, COUNT(udplite)},
    [BUILD_ICMP] = {icmp, COUNT(icmp)},
    [BUILD_SCTP] = {sctp, COUNT(sctp)},
    [BUILD_GRE] = {gre, COUNT(gre)},
};

const struct scn_field *scn_fields_ip(size_t *n)
{
    *n = COUNT(ip);
    return ip;
}

const struct scn_field *scn_fields_of(enum build_kind kind, size_t *n)
{
    *n = by_kind[kind].n;
    return by_kind[kind].field;
}

#define INIT_FIELDS(type)                                                       \
    {type, "tag", 0, 4, 0}, {type, "win", 4, 4, 65535}, {type, "os", 8, 2, 10}, \
        {type, "mis", 10, 2, 10},                                               \
    {                                                                           \
        type, "tsn", 12, 4, 1                                                   \
    }

static const struct scn_chunk_field chunk[] = {
    INIT_FIELDS(BUILD_CHUNK_INIT),          INIT_FIELDS(BUILD_CHUNK_INIT_ACK),
    {BUILD_CHUNK_DATA, "tsn", 0, 4, 1},     {BUILD_CHUNK_DATA, "sid", 4, 2, 0},
    {BUILD_CHUNK_DATA, "ssn", 6, 2, 0},     {BUILD_CHUNK_DATA, "ppid", 8, 4, 0},
    {BUILD_CHUNK_SACK, "tsn", 0, 4, 1},     {BUILD_CHUNK_SACK, "win", 4, 4, 65535},
    {BUILD_CHUNK_SACK, "gaps", 8, 2, 0},    {BUILD_CHUNK_SACK, "dups", 10, 2, 0},
    {BUILD_CHUNK_SHUTDOWN, "tsn", 0, 4, 1},
};

const struct scn_chunk_field *scn_chunk_fields(size_t *n)
{
    *n = COUNT(chunk);
    return chunk;
}

size_t scn_ext_usual(uint8_t kind, const uint8_t **body)
{
    static const uint8_t options[6] = {1, 4}; /* PadN over all of it */
    static const uint8_t routing[6] = {0};    /* type 0, nothing left to visit */
    static const uint8_t ah[22] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 1}; /* SPI 1, sequence 1 */

    switch (kind) {
    case BUILD_PROTO_ROUTING: *body = routing; return sizeof(routing);
    case BUILD_PROTO_AH: *body = ah; return sizeof(ah);
    default: *body = options; return sizeof(options);
    }
}
