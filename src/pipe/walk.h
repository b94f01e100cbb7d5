/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A packet's walk through the host: IP layer, hooks, routing, and out.
 */
#ifndef WEIR_PIPE_WALK_H
#define WEIR_PIPE_WALK_H

#include "pipe/shard.h"

/* Parse and hash. Changes nothing in the shard, so a whole batch can begin before the first packet
 * runs. */
void walk_begin(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw);

/* The same of an ordinary packet without a template, as the look ahead found it. */
void walk_begin_ordinary(const struct weir_shard *s, struct pkt *p, struct weir_packet *raw,
                         const struct look *l);

/* The rest: fills the packet's out fields and the counters. */
void walk_run(struct weir_shard *s, struct pkt *p);

/* Send a packet that a rule made (world.emit). */
void walk_made(struct world *w, struct eval *e, const struct made *made);

#endif
