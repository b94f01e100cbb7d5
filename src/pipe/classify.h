/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classification: what a packet is to connection tracking (conntrack reference, 2.2).
 */
#ifndef WEIR_PIPE_CLASSIFY_H
#define WEIR_PIPE_CLASSIFY_H

#include "track/track.h"

/* Fill the packet's tuple and hash. Needs p->raw and p->ip. */
void classify_key(const struct track *t, struct pkt *p);

/* Look ahead: which entry it probably is, and have its lines fetched. Changes nothing else. */
void classify_prefetch(const struct track *t, struct pkt *p);

/* The same, where nothing is known of the packet's tuple: it probably begins a connection, whose
 * reply tuple goes to another bucket. Needs the tuple and hash. */
void classify_prefetch_new(const struct track *t, struct pkt *p);

/*
 * Decide p->ctinfo, and p->conn if there is one. False: the packet must be dropped, p->reason says
 * why. p->reason is also set where the class is INVALID, and for TCP segments that are ignored.
 */
bool classify(struct track *t, struct pkt *p);

#endif
