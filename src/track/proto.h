/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a protocol tracker is: one function for a packet of a connection, one for what must hold
 * before any connection is looked for. The protocols themselves are in src/proto/, one file each;
 * proto/registry.c lists them.
 */
#ifndef WEIR_TRACK_PROTO_H
#define WEIR_TRACK_PROTO_H

#include "track/track.h"

/* What a tracker says about a packet (conntrack reference, 2.2 step 7). */
enum proto_result {
    PROTO_INVALID = 0, /* the packet passes, INVALID; pkt->reason says why. A new entry vanishes */
    PROTO_ACCEPT,      /* the packet keeps its entry and class */
    PROTO_REOPEN, /* the connection is over and the packet starts another: kill it, classify again
                   */
};

struct proto {
    const char *name; /* as /proc/net/nf_conntrack prints it */
    uint8_t number;

    /*
     * A packet of p->conn, direction p->dir, class p->ctinfo already set; SEEN_REPLY is set after
     * it (so the first reply is seen here with the bit clear). The entry is new when it is not
     * CONFIRMED. Refreshes and counts as the protocol wants.
     */
    enum proto_result (*packet)(struct track *t, struct pkt *p);

    /*
     * Before the lookup, for protocols whose messages may be about other connections. False: go on.
     * True: the packet is done: p->ctinfo and p->reason are set, p->conn perhaps. NULL: nothing to
     * do.
     */
    bool (*before)(struct track *t, struct pkt *p);
};

/* Verify the Internet checksum over the upper layer with a pseudo-header; a packet cut short counts
 * as good. */
bool proto_checksum_good(const struct pkt *p, uint8_t pseudo_proto, uint32_t coverage);

/* The same with another length in the pseudo-header than the packet's. */
bool proto_checksum_good_as(const struct pkt *p, uint8_t pseudo_proto, uint32_t pseudo_len,
                            uint32_t coverage);

#endif
