/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build: raw IPv4 and IPv6 packets from plain parameter structs, and back.
 *
 *     struct build b;
 *     build_init(&b, 4, BUILD_TCP);
 *     b.src = …; b.dst = …;
 *     b.l4.tcp.sport = 1000; b.l4.tcp.dport = 80;
 *     b.l4.tcp.flags = BUILD_TCP_SYN; b.l4.tcp.seq = 1000; b.l4.tcp.win = 1000;
 *     build_tcp_wscale(&b.l4.tcp, 7);
 *     size_t n = build_make(&b, buf, sizeof(buf));
 *
 * build_init() sets what a well-behaved host would send; every length, offset and checksum is then
 * right by default. Each of them can be spoilt on its own: an `int` field holding BUILD_AUTO means
 * "the right value", any other number is written as it is; a struct build_sum says right, bad, or
 * this very number. Packets start at the IP header; there is no link layer.
 *
 * build_dissect() is the way back: bytes to the struct from which build_make() gives the same
 * bytes. build_describe() renders any bytes as one line for people. The hand-written text form of
 * packets (scn_packet.h) sits on top of this file.
 *
 * Nothing here allocates or keeps state. Pointers inside struct build are borrowed: they must live
 * until build_make() returns.
 */
#ifndef TESTS_LIB_BUILD_H
#define TESTS_LIB_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUILD_AUTO = -1,               /* in an int field: whatever is right */
    BUILD_PACKET_MAX = 65535 + 40, /* the largest IPv6 packet: its length excludes its header */
    BUILD_SCRATCH = 2 * BUILD_PACKET_MAX, /* what build_dissect() needs to work in */
    BUILD_IP4_OPT_MAX = 40,
    BUILD_TCP_OPT_MAX = 40,
    BUILD_EXT_MAX = 6,       /* IPv6 extension headers in one packet */
    BUILD_EXT_BODY_MAX = 62, /* one of them is at most 64 bytes */
    BUILD_CHUNKS_MAX = 12,
    BUILD_CHUNK_HEAD_MAX = 16, /* the fixed part of an SCTP INIT */
};

/* Protocol numbers, as far as this file treats them specially. */
enum {
    BUILD_PROTO_HBH = 0,
    BUILD_PROTO_ICMP = 1,
    BUILD_PROTO_TCP = 6,
    BUILD_PROTO_UDP = 17,
    BUILD_PROTO_ROUTING = 43,
    BUILD_PROTO_FRAGMENT = 44,
    BUILD_PROTO_GRE = 47,
    BUILD_PROTO_AH = 51,
    BUILD_PROTO_ICMPV6 = 58,
    BUILD_PROTO_NONE = 59,
    BUILD_PROTO_DSTOPT = 60,
    BUILD_PROTO_SCTP = 132,
    BUILD_PROTO_MOBILITY = 135,
    BUILD_PROTO_UDPLITE = 136,
};

/* What the bytes behind the IP headers are made from. The protocol number is a field of its own. */
enum build_kind {
    BUILD_RAW = 0, /* only the payload */
    BUILD_TCP,
    BUILD_UDP,
    BUILD_UDPLITE,
    BUILD_ICMP, /* both families; the protocol number decides about the pseudo-header */
    BUILD_SCTP,
    BUILD_GRE,
    BUILD_KIND_MAX,
};

struct build_addr {
    uint8_t b[16]; /* an IPv4 address uses the first four, the others are 0 */
};

/* Payload: given bytes, or (bytes = NULL) the letters a-z over and over, from letter `start` on. */
struct build_data {
    const uint8_t *bytes;
    uint32_t start;
    size_t len;
};

enum build_sum_mode {
    BUILD_SUM_RIGHT = 0,
    BUILD_SUM_BAD,   /* surely wrong, and never 0, which UDP takes for "no checksum" */
    BUILD_SUM_VALUE, /* this number */
};

struct build_sum {
    enum build_sum_mode mode;
    uint32_t value;
};

struct build_ip4 {
    uint16_t id;
    bool evil, df, mf; /* the reserved bit; don't fragment; more fragments */
    uint16_t off;      /* fragment offset, in units of 8 bytes */
    int ihl;           /* header length in words */
    int tlen;          /* total length */
    struct build_sum sum;
    uint8_t opt_len; /* padded with zeros to whole words */
    uint8_t opt[BUILD_IP4_OPT_MAX];
};

/* An IPv6 extension header: what follows its next-header and length bytes, padded with zeros. In a
 * fragment header (44) the body starts with offset and flags; its length byte is reserved. */
struct build_ext {
    uint8_t kind;
    int hlen; /* the length byte */
    uint8_t body_len;
    uint8_t body[BUILD_EXT_BODY_MAX];
};

struct build_ip6 {
    uint32_t flow; /* 20 bits */
    int plen;      /* payload length */
    uint8_t ext_count;
    struct build_ext ext[BUILD_EXT_MAX];
};

enum {
    BUILD_TCP_FIN = 0x001,
    BUILD_TCP_SYN = 0x002,
    BUILD_TCP_RST = 0x004,
    BUILD_TCP_PSH = 0x008,
    BUILD_TCP_ACK = 0x010,
    BUILD_TCP_URG = 0x020,
    BUILD_TCP_ECE = 0x040,
    BUILD_TCP_CWR = 0x080,
    BUILD_TCP_AE = 0x100, /* the bit above CWR; the three next to it are reserved */
    BUILD_TCP_FLAGS_ALL = 0xfff,
};

struct build_tcp {
    uint16_t sport, dport;
    uint32_t seq, ack;
    uint16_t flags; /* BUILD_TCP_…, all 12 bits */
    uint16_t win, urg;
    int doff; /* header length in words */
    struct build_sum sum;
    uint8_t opt_len; /* padded with zeros to whole words */
    uint8_t opt[BUILD_TCP_OPT_MAX];
};

/* UDP and UDP-Lite. `len` is UDP's length field and UDP-Lite's coverage (auto: everything). */
struct build_udp {
    uint16_t sport, dport;
    int len;
    bool sum_by_len; /* UDP: the checksum spans what the length field says, not what is there */
    struct build_sum sum;
};

struct build_icmp {
    uint8_t type, code;
    uint32_t rest; /* bytes 4-7: identifier and sequence number, MTU, gateway, pointer … */
    struct build_sum sum;
};

/* head: the typed fixed part of INIT, DATA, SACK …; body follows it; padded to whole words. */
struct build_chunk {
    uint8_t type, flags;
    int len; /* the length field */
    uint8_t head_len;
    uint8_t head[BUILD_CHUNK_HEAD_MAX];
    struct build_data body;
};

struct build_sctp {
    uint16_t sport, dport;
    uint32_t vtag;
    struct build_sum sum; /* the CRC32c, as the number that stands in network order */
    uint8_t chunk_count;
    struct build_chunk chunk[BUILD_CHUNKS_MAX];
};

struct build_gre {
    uint8_t version; /* 0-7 */
    uint16_t proto;
    uint16_t flags; /* further bits for the first 16: everything but C, K, S, A and the version */
    bool has_sum, has_key, has_seq, has_ack;
    struct build_sum sum;
    uint32_t key, seq, ack;
    uint16_t callid; /* version 1: the low half of the key field … */
    int plen;        /* … and its high half: the payload length */
};

/* Cut the finished datagram down to one fragment of it. Bytes beyond its end are made up (letters),
 * so that a fragment can contradict the others. */
struct build_piece {
    bool on;
    uint32_t off, len; /* in bytes; off a multiple of 8 */
    int more;          /* the more-fragments flag; auto: unless the piece reaches the end */
    uint32_t id;       /* IPv6 only: IPv4 has it in its header */
};

struct build {
    uint8_t family; /* 4 or 6 */
    struct build_addr src, dst;
    uint8_t tos; /* traffic class */
    uint8_t ttl; /* hop limit */
    struct build_ip4 ip4;
    struct build_ip6 ip6;
    uint8_t proto;
    enum build_kind kind;
    int pseudo; /* the protocol number in the pseudo-header */
    union {
        struct build_tcp tcp;
        struct build_udp udp;
        struct build_icmp icmp;
        struct build_sctp sctp;
        struct build_gre gre;
    } l4;
    struct build_data data;
    int keep;                 /* bytes behind the IP header (v6: the first 40) that stay; the IP
                                 length agrees with what is left */
    struct build_piece piece; /* then this fragment of it */
    int cut;                  /* then this many bytes stay, and no length field is told */
};

/* A well-formed empty packet of this kind. Addresses, ports and the like are 0. */
void build_init(struct build *b, uint8_t family, enum build_kind kind);

/* The bytes; 0 if they do not fit in `cap` or a field is out of range. */
size_t build_make(const struct build *b, uint8_t *buf, size_t cap);

/* bytes[n] of the payload pattern from letter `start` on. */
void build_letters(uint8_t *bytes, size_t n, uint32_t start);

/* TCP options, appended one by one; false (and nothing done) if there is no room. */
struct build_block {
    uint32_t left, right;
};
bool build_tcp_raw(struct build_tcp *t, const uint8_t *bytes, size_t n);
bool build_tcp_nop(struct build_tcp *t);
bool build_tcp_mss(struct build_tcp *t, uint16_t mss);
bool build_tcp_wscale(struct build_tcp *t, uint8_t shift);
bool build_tcp_sackok(struct build_tcp *t);
bool build_tcp_sack(struct build_tcp *t, const struct build_block *block, size_t n);
bool build_tcp_ts(struct build_tcp *t, uint32_t value, uint32_t echo);

/* IPv6 extension headers, appended in wire order; false if there is no room. */
bool build_ext_add(struct build *b, uint8_t kind, const uint8_t *body, size_t n);
bool build_ext_frag(struct build *b, uint16_t off, bool more, uint32_t id);

/* SCTP chunk types with a name of their own. */
enum {
    BUILD_CHUNK_DATA = 0,
    BUILD_CHUNK_INIT = 1,
    BUILD_CHUNK_INIT_ACK = 2,
    BUILD_CHUNK_SACK = 3,
    BUILD_CHUNK_HEARTBEAT = 4,
    BUILD_CHUNK_HEARTBEAT_ACK = 5,
    BUILD_CHUNK_ABORT = 6,
    BUILD_CHUNK_SHUTDOWN = 7,
    BUILD_CHUNK_SHUTDOWN_ACK = 8,
    BUILD_CHUNK_ERROR = 9,
    BUILD_CHUNK_COOKIE_ECHO = 10,
    BUILD_CHUNK_COOKIE_ACK = 11,
    BUILD_CHUNK_SHUTDOWN_COMPLETE = 14,
    BUILD_CHUNK_T_FLAG = 1, /* ABORT, SHUTDOWN_COMPLETE: the tag is the peer's, reflected */
};

/* The next chunk, with an empty body; NULL if there is no room. */
struct build_chunk *build_chunk_add(struct build_sctp *s, uint8_t type);
/* The fixed part of INIT and INIT_ACK. */
void build_chunk_init(struct build_chunk *c, uint32_t tag, uint32_t rwnd, uint16_t os, uint16_t mis,
                      uint32_t tsn);

/*
 * One fragment of a finished packet: `piece` of what is behind the headers that every fragment
 * carries. Returns its length, or 0 if it does not fit or `pkt` is no complete packet. An IPv4
 * packet may itself be a fragment (offsets add up).
 */
size_t build_fragment(const uint8_t *pkt, size_t len, const struct build_piece *piece, uint8_t *out,
                      size_t cap);
/* How many bytes there are to cut into fragments; 0 if `pkt` is no complete packet. */
size_t build_fragmentable(const uint8_t *pkt, size_t len);

/* The upper layer's checksum; NULL for BUILD_RAW. */
struct build_sum *build_sum_of(struct build *b);

/* The Internet checksum over n bytes, starting from `sum` (a partial sum, not yet folded). */
uint16_t build_fold(uint32_t sum);
uint32_t build_sum_add(uint32_t sum, const uint8_t *bytes, size_t n);
uint32_t build_crc32c(const uint8_t *bytes, size_t n);

/* Names, the same in every text form; NULL where there is none. */
const char *build_kind_name(enum build_kind kind);
const char *build_ext_name(uint8_t kind);
const char *build_icmp_name(uint8_t proto, uint8_t type);
const char *build_chunk_name(uint8_t type);
/* Whether this type of ICMP (proto 1 or 58) carries the packet that it is about. */
bool build_icmp_quotes(uint8_t proto, uint8_t type);
/* The length of a chunk's typed fixed part. */
size_t build_chunk_head_len(uint8_t type);

/*
 * Bytes to parameters, such that build_make() gives these bytes again; false if there is no such
 * struct (less than an IP header, trailing bytes in odd places …). Never reads beyond `len`; any
 * bytes may be given. A packet that ends before its own length or its upper header does is
 * completed with whatever is most likely, and `cut` or `keep` is set. The data pointers of `b`
 * point into `scratch` (BUILD_SCRATCH bytes).
 */
bool build_dissect(struct build *b, const uint8_t *bytes, size_t len, uint8_t *scratch);

/*
 * One line for people, always terminated; returns buf. For example
 *
 *     A>B tcp 1000>80 [S.] seq 5 ack 7 win 100 len 3 <ws 7,sackOK>
 *     6 A>B udp 1000>53 len 4, length field 7 of 12, bad checksum
 *     B>A icmp unreach code 3 <A>B udp 1000>53 len 4, cut at 28 of 32>
 *
 * What is wrong with the packet stands in words after a comma.
 */
char *build_describe(char *buf, size_t cap, const uint8_t *bytes, size_t len);

#endif
