/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection in memory.
 *
 * An IPv4 connection is two cache lines: line 0 has all that a UDP packet touches (both tuples,
 * zone, status, deadline, mark), line 1 the protocol's state and the links of NAT's source index.
 * IPv6 puts its four addresses into a line between the two. What few connections have (counters,
 * timestamps, labels) stands in a side slab, one line for each that needs it.
 *
 * Handles: bit 31 is the family (1: IPv6), bits 1 to 30 the index in that family's slab, bit 0 the
 * direction. A handle with bit 0 clear names the connection; the table stores one of each.
 *
 * Life: new (memory taken, counted, in no list) -> confirmed (in the table, both directions, and on
 * the wheel) -> freed. An entry that never is confirmed is freed by whoever made it. `status` is 0
 * in a freed entry.
 */
#ifndef WEIR_TRACK_CONN_H
#define WEIR_TRACK_CONN_H

#include "base/slab.h"
#include "packet/headers.h"
#include <weir/conn.h>

/* One side of a TCP connection (conntrack reference, 3.2). Host byte order. */
struct tcp_side {
    uint32_t end;    /* highest sequence number sent + 1 */
    uint32_t maxend; /* highest the other side would accept, by its windows */
    uint32_t maxwin; /* largest window this side has offered, at least 1 once known */
    uint32_t maxack; /* highest ack sent */
};

struct tcp_state {
    struct tcp_side side[2];
    uint32_t last_seq, last_ack, last_end;
    uint16_t last_win; /* raw */
    uint8_t flags[2];  /* enum weir_tcp_flag, by side */
    uint8_t scale[2];  /* by side, 0 to 14 */
    uint8_t last_flags;
    uint8_t retrans;
    uint8_t state;          /* enum weir_tcp_state */
    uint8_t last_class : 3; /* enum tcp_class of the last recorded packet */
    uint8_t last_dir : 1;
    uint8_t last_scale : 4;
};

struct sctp_state {
    uint32_t vtag[2];     /* host byte order */
    uint8_t state;        /* enum weir_sctp_state */
    uint8_t init_seen[2]; /* by direction */
    uint8_t hb_failed;    /* a heartbeat with another tag was seen, and */
    uint8_t hb_dir;       /* from here */
};

struct gre_state {
    int32_t timeout, stream_timeout; /* ticks */
};

union proto_state {
    struct tcp_state tcp;
    struct sctp_state sctp;
    struct gre_state gre;
};

struct conn {
    /* IPv4: source, destination by direction; network order. Unused for IPv6. */
    _Alignas(WEIR_CACHE_LINE) uint32_t addr4[2][2];
    uint16_t key[2][2]; /* source and destination half-key by direction; network order */
    uint8_t proto;
    uint8_t family; /* 4 or 6 */
    uint16_t zone;
    uint8_t zone_dirs : 2; /* bit by direction */
    uint8_t parts : 6;     /* enum weir_conn_part: what is used of ext */
    uint8_t policy;        /* timeout policy, 0: the shard's timeouts */
    uint16_t events;       /* 1 << enum weir_event_kind, waiting for the confirm point */
    uint32_t status;       /* enum weir_status */
    uint32_t deadline;     /* tick; before confirmation: ticks from then */
    uint32_t armed;        /* tick at which the wheel will look, never after the deadline */
    uint32_t wheel_pos;    /* 0: not on the wheel */
    uint32_t mark;
    uint32_t ext; /* index of a struct conn_ext, 0: none */
    uint32_t
        stream_from; /* UDP: from this tick on, an answered flow is a stream; 0: it is old enough */
    uint16_t event_mask; /* the events this entry reports */
    uint16_t nat_iface;  /* MASQUERADE: where it left by; 0: not masqueraded */
};
_Static_assert(sizeof(struct conn) == WEIR_CACHE_LINE, "line 0 of a connection");

/* Others leave their proto_state as it was in memory. */
static inline bool conn_has_state(uint8_t proto)
{
    return proto == PROTO_TCP || proto == PROTO_GRE || proto == PROTO_SCTP;
}

/* Connections of one source whose NAT is fixed (nat/source.c): handles, 0 at the ends. */
struct conn_links {
    uint32_t newer, older;
};

struct conn4 {
    struct conn head;
    union proto_state proto;
    struct conn_links links;
};

struct conn6 {
    struct conn head;
    union weir_addr addr[2][2];
    union proto_state proto;
    struct conn_links links;
};

enum { CONN4_SIZE = 128, CONN6_SIZE = 192 };
_Static_assert(sizeof(struct conn4) == CONN4_SIZE, "an IPv4 connection is two cache lines");
_Static_assert(sizeof(struct conn6) == CONN6_SIZE, "an IPv6 connection is three cache lines");
_Static_assert(offsetof(struct conn6, proto) == 2 * WEIR_CACHE_LINE,
               "IPv6 protocol state has its own line");

struct conn_ext {
    uint64_t packets[2], bytes[2];
    int64_t start, stop; /* ns on the caller's clock */
    uint8_t labels[16];
};
_Static_assert(sizeof(struct conn_ext) == WEIR_CACHE_LINE, "an extension is one cache line");

/* The table's reference to one direction of a connection, and back. */
enum { HANDLE_IPV6 = 31, HANDLE_INDEX_MAX = (1 << 30) - 1 };

static inline uint32_t handle_make(uint8_t family, uint32_t index)
{
    return (uint32_t)(family == 6) << HANDLE_IPV6 | index << 1;
}

static inline uint32_t handle_index(uint32_t ref)
{
    return (ref & ~(1u << HANDLE_IPV6)) >> 1;
}

static inline enum weir_dir ref_dir(uint32_t ref)
{
    return ref & 1 ? WEIR_REPLY : WEIR_ORIG;
}

static inline uint32_t ref_handle(uint32_t ref)
{
    return ref & ~1u;
}

static inline union proto_state *conn_proto(struct conn *c)
{
    return c->family == 4 ? &((struct conn4 *)c)->proto : &((struct conn6 *)c)->proto;
}

static inline struct conn_links *conn_links(struct conn *c)
{
    return c->family == 4 ? &((struct conn4 *)c)->links : &((struct conn6 *)c)->links;
}

/* One direction's tuple, as a value. */
static inline struct weir_tuple conn_tuple(const struct conn *c, enum weir_dir dir)
{
    struct weir_tuple t = {.src_key = c->key[dir][0],
                           .dst_key = c->key[dir][1],
                           .family = c->family,
                           .proto = c->proto};

    if (c->family == 4) {
        t.src.v4 = c->addr4[dir][0];
        t.dst.v4 = c->addr4[dir][1];
    } else {
        t.src = ((const struct conn6 *)c)->addr[dir][0];
        t.dst = ((const struct conn6 *)c)->addr[dir][1];
    }
    return t;
}

static inline void conn_set_tuple(struct conn *c, enum weir_dir dir, const struct weir_tuple *t)
{
    c->key[dir][0] = t->src_key;
    c->key[dir][1] = t->dst_key;
    if (c->family == 4) {
        c->addr4[dir][0] = t->src.v4;
        c->addr4[dir][1] = t->dst.v4;
    } else {
        ((struct conn6 *)c)->addr[dir][0] = t->src;
        ((struct conn6 *)c)->addr[dir][1] = t->dst;
    }
}

/* Is this the connection and direction of the tuple? The zone is not looked at. */
static inline bool conn_has_tuple(const struct conn *c, enum weir_dir dir,
                                  const struct weir_tuple *t)
{
    if (c->proto != t->proto || c->family != t->family || c->key[dir][0] != t->src_key ||
        c->key[dir][1] != t->dst_key)
        return false;
    if (c->family == 4)
        return c->addr4[dir][0] == t->src.v4 && c->addr4[dir][1] == t->dst.v4;
    const union weir_addr *a = ((const struct conn6 *)c)->addr[dir];

    return a[0].half[0] == t->src.half[0] && a[0].half[1] == t->src.half[1] &&
           a[1].half[0] == t->dst.half[0] && a[1].half[1] == t->dst.half[1];
}

/* The zone that counts for a direction: 0 where the zone does not hold. */
static inline uint16_t zone_for(uint16_t zone, uint8_t dirs, enum weir_dir dir)
{
    return dirs >> dir & 1 ? zone : 0;
}

static inline uint16_t conn_zone(const struct conn *c, enum weir_dir dir)
{
    return zone_for(c->zone, c->zone_dirs, dir);
}

#endif
