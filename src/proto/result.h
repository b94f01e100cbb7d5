/* SPDX-License-Identifier: BSD-2-Clause */
/* How trackers end: the packet is invalid, or it keeps its connection alive, or even makes it worth
 * keeping. */
#ifndef WEIR_PROTO_RESULT_H
#define WEIR_PROTO_RESULT_H

#include "track/proto.h"

static inline enum proto_result proto_invalid(struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    return PROTO_INVALID;
}

/* Accept the packet: count it, and let its connection live for `timeout` (a place in track.ticks).
 */
static inline enum proto_result proto_alive(struct track *t, struct pkt *p, int timeout)
{
    conn_refresh(t, p, track_timeout(t, p->conn, timeout));
    conn_count(t, p);
    return PROTO_ACCEPT;
}

/*
 * The connection proved useful: early drop spares it. Not one from a solved clash (conntrack
 * reference, 2.5), which is to go away soon.
 */
static inline void proto_assure(struct conn *c)
{
    if (!(c->status & WEIR_S_NAT_CLASH))
        conn_set_status(c, WEIR_S_ASSURED, WEIR_EV_ASSURED);
}

#endif
