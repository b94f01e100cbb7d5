/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet in a table: what matches look at and targets change (iptables reference, 1.6).
 */
#ifndef WEIR_RULES_EVAL_H
#define WEIR_RULES_EVAL_H

#include "rules/ext.h"
#include "track/track.h"

struct rules_run;

/* A packet that a target made. */
enum made_kind {
    MADE_ANSWER = 1, /* REJECT: leaves by this host's OUTPUT, as an answer to the packet */
    MADE_COPY,       /* TEE: routed to `gateway`, untracked */
};

struct made {
    enum made_kind kind;
    uint8_t *data; /* the maker's; may be changed on its way */
    uint32_t len;
    uint32_t wire_len;        /* of a copy of a packet that a capture cut; 0: all of it is there */
    union weir_addr gateway;  /* MADE_COPY: where it is routed to */
    char out[IFACE_NAME_MAX]; /* TEE --oif; empty: as routed */
};

enum { WORLD_ROOM = 65536 + 64 };

/* A shard, as rules see it. */
struct world {
    struct track *t;
    struct named *named; /* named.h */
    struct weir_sets *sets;
    int64_t wall_ns; /* add to the shard's time: nanoseconds since 1970, UTC */
    uint8_t *room;   /* WORLD_ROOM bytes for the one packet that outgrew its buffer */
    void *owner;     /* of emit */
    /* Sends what a target made, at once. */
    void (*emit)(struct world *w, struct eval *e, const struct made *made);
};

/* Filled by the pipe for each packet and table. */
struct eval {
    struct world *world;
    struct track *t; /* world->t */
    struct rules_run *run;
    struct pkt *p;        /* p->conn and p->ctinfo: before tracking NULL and WEIR_CT_NONE */
    const char *in, *out; /* interfaces' names; "" where there is none */
    uint16_t in_iface, out_iface;
    uint8_t family;
    enum weir_table table;
    enum hook hook;
    bool drop;               /* a match sets this (hotdrop): the packet is dropped at once */
    enum weir_reason reason; /* of a drop that a target wants, WEIR_R_NONE: because of the rule */
    uint32_t number;         /* counter of the rule that decided */
    const struct rule *rule; /* being run */
};

/* What the extension remembers between packets. */
void *eval_state(const struct eval *e, const struct ext *x);

/* `n` bytes of the upper layer from its start; NULL: not all there, or the packet is a fragment
 * that is not the first (p->ip.first). */
static inline uint8_t *eval_l4(const struct eval *e, uint32_t n)
{
    return e->p->ip.first ? parsed_l4(&e->p->ip, n) : NULL;
}

/* The packet's entry, if it belongs to one: not before tracking, INVALID or UNTRACKED. */
static inline struct conn *eval_conn(const struct eval *e)
{
    return e->p->conn;
}

/*
 * What a match that only looks at entries sees: the packet's, or before tracking the empty one that
 * -j CT prepares in the raw table.
 */
const struct conn *eval_entry(const struct eval *e);

/* The class for `--ctstate`: before tracking INVALID, or NEW once -j CT has prepared an entry. */
static inline enum weir_ctinfo eval_class(const struct eval *e)
{
    enum weir_ctinfo class = (enum weir_ctinfo)e->p->ctinfo;

    if (class != WEIR_CT_NONE)
        return class;
    return e->p->templ ? WEIR_CT_NEW : WEIR_CT_INVALID;
}

union weir_addr eval_src(const struct eval *e);
union weir_addr eval_dst(const struct eval *e);

/* Seconds and nanoseconds since 1970, UTC. */
static inline int64_t eval_wall_ns(const struct eval *e)
{
    return e->t->time_ns + e->world->wall_ns;
}

/* Does (addr & mask) equal net->addr, on all bits? */
static inline bool net_has(uint8_t family, const struct net_mask *net, const union weir_addr *addr)
{
    if (family == 4)
        return ((addr->v4 ^ net->addr.v4) & net->mask.v4) == 0;
    return (((addr->half[0] ^ net->addr.half[0]) & net->mask.half[0]) |
            ((addr->half[1] ^ net->addr.half[1]) & net->mask.half[1])) == 0;
}

/*
 * Changing the packet. The tables before see the old bytes, the rules after the new ones. Each
 * keeps checksums right and tells the fragment code, if the datagram came in pieces, that its
 * first `n` bytes were rewritten.
 */
/* Before writing to bytes [0, end) of the packet. */
void eval_touch(struct eval *e, uint32_t end);
/* IPv4 TOS and IPv6 traffic class. */
uint8_t eval_tos(const struct eval *e);
void eval_set_tos(struct eval *e, uint8_t tos);
/* Make room for `n` (a multiple of 4) bytes at `off`, all of the packet behind moves; the length
 * fields of the IP header follow, the bytes are undefined. False: the packet cannot grow. */
bool eval_grow(struct eval *e, uint32_t off, uint32_t n);

#endif
