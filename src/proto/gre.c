/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GRE (RFC 2784; version 1, RFC 2637): two times, as UDP-Lite has.
 *
 * Version 1 carries PPP under PPTP, and its packets have a call ID for a key; what can be tracked
 * of a header is decided when the tuple is built (track/tuple.c), so nothing is left to check here.
 *
 * An entry keeps the two times itself, copied from the tunables (or its policy) while it is not
 * confirmed: a later change of nf_conntrack_gre_timeout leaves it alone, unlike the other protocols
 * (conntrack reference, 4.6). The PPTP helper writes its own times into entries; Linux overwrites
 * those here as well.
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/result.h"

static enum proto_result packet(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;
    struct gre_state *gre = &conn_proto(c)->gre;

    if (!(c->status & WEIR_S_CONFIRMED)) {
        gre->timeout = track_timeout(t, c, WEIR_T_GRE_TIMEOUT);
        gre->stream_timeout = track_timeout(t, c, WEIR_T_GRE_TIMEOUT_STREAM);
    }
    if (c->status & WEIR_S_SEEN_REPLY) {
        conn_refresh(t, p, gre->stream_timeout);
        proto_assure(c);
    } else {
        conn_refresh(t, p, gre->timeout);
    }
    conn_count(t, p);
    return PROTO_ACCEPT;
}

const struct proto proto_gre = {
    .name = "gre",
    .number = PROTO_GRE,
    .packet = packet,
};
