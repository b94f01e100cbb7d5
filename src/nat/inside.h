/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of NAT share: a shard's state, and a tuple being chosen.
 *
 * "The new tuple" of the reference is the one in which packets leave. Here its mirror image is kept
 * instead, the reply tuple: that is what the entry stores, what the table holds, and what must not
 * be there twice. So NAT_SRC changes the reply tuple's destination and NAT_DST its source; an ICMP
 * identifier stands in src_key for both.
 */
#ifndef WEIR_NAT_INSIDE_H
#define WEIR_NAT_INSIDE_H

#include "nat/nat.h"
#include "nat/ports.h"
#include "nat/source.h"
#include "packet/headers.h"

struct nat {
    struct sources sources;
    struct ports ports;
    union weir_addr latest[2]; /* what a source was translated to last, IPv4 and IPv6: a guess */
    uint64_t lookups;          /* of tuples in the table, to see whether they are taken */
};

/* A tuple being chosen for a new connection. */
struct choice {
    struct track *t;
    struct conn *c;
    struct weir_tuple reply; /* as it would be */
    const struct nat_range *range;
    enum nat_type type;
    bool looked; /* at what the source has, which is at */
    struct source_place place;
    struct weir_tuple asked; /* the latest tuple that was looked up, */
    uint64_t hash;           /* its hash, 0: none was */
    bool vacant;             /* and nobody had it */
};

/* Has the reply tuple a field that may be changed to make it unique? */
static inline bool nat_has_key(const struct conn *c)
{
    switch (c->proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP:
    case PROTO_ICMP:
    case PROTO_ICMPV6: return true;
    case PROTO_GRE: return c->status & WEIR_S_EXPECTED; /* PPTP's data connection */
    default: return false;
    }
}

static inline bool nat_is_icmp(uint8_t proto)
{
    return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* The address and the half-key of a reply tuple that a type of manipulation is about. */
static inline union weir_addr *nat_addr(struct weir_tuple *reply, enum nat_type type)
{
    return type == NAT_SRC ? &reply->dst : &reply->src;
}

static inline uint16_t *nat_key(struct weir_tuple *reply, enum nat_type type)
{
    return type == NAT_SRC && !nat_is_icmp(reply->proto) ? &reply->dst_key : &reply->src_key;
}

/* An obstacle that is no reference: another shard has the tuple. */
enum { NAT_ELSEWHERE = 1 };

/*
 * Who has the reply tuple that the connection would like: a table reference, 0: it is free
 * (reference, 5.1). An expired entry is ended; one with the same original tuple is the same flow
 * and no obstacle.
 */
uint32_t nat_obstacle(struct choice *ch);

/* Has the reply tuple its home here? One that has not may be somebody's without our knowing, and
 * its packets take a hop more. */
static inline bool nat_at_home(const struct track *t, const struct weir_tuple *reply)
{
    return !t->peers || t->peers->at_home(t->peers, reply);
}

/* --- choose.c --- */

/* Choose the tuple. False: there is none to be had. */
bool nat_choose(struct choice *ch);

/* --- address.c --- */

/* Set the reply tuple's address to one of the range (reference, 5.5). */
void nat_choose_addr(struct choice *ch);

/* NETMAP is a range of one address, which depends on the packet. */
void nat_netmap(struct nat_range *r, const union weir_addr *old);

/* --- search.c --- */

/* Look for a port, or an identifier (reference, 5.4). False: there is none to be had. */
bool nat_search(struct choice *ch);

/* --- rewrite.c --- */

/* What is to be written into a packet. */
struct edit {
    enum nat_type type;
    uint16_t key;
    union weir_addr addr;
    uint16_t unseen; /* what a sum over the packet changes by where a capture cut it off */
};

/*
 * Rewrite one header chain. False: it is too short for its protocol, or of a version that has no
 * such field. Of a packet that a capture cut off, what is there is rewritten.
 */
bool nat_edit(const struct parsed *ip, struct edit *e);

/* Only the address, with the IPv4 header's checksum. What the change adds to a checksum over it. */
uint64_t nat_edit_addr(const struct parsed *ip, const struct edit *e);

/* A checksum field after words under it changed by `delta` (RFC 1624, eqn. 3). */
uint16_t nat_patch(uint16_t field, uint64_t delta);

/* How far into a packet Linux makes its bytes writable to translate it: the header of the upper
 * layer, if it has anything to change there. */
uint32_t nat_reach(const struct parsed *ip);

/* --- inner.c --- */

/* An ICMP error about the packet's connection, whose bit for this hook is set. */
bool nat_edit_error(struct pkt *p, const struct edit *e);

#endif
