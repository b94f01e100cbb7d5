/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hooks: what stands at each of the five places, in which order, as one table (iptables
 * reference, 1.1), and running a packet through one of them.
 */
#ifndef WEIR_PIPE_HOOKS_H
#define WEIR_PIPE_HOOKS_H

#include "rules/hook.h"
#include "track/track.h"

struct weir_shard;

/* Steps of each hook that have something to do, for one family; made anew when rules are set. */
struct hook_plan {
    uint8_t count[HOOK_MAX];
    uint8_t step[HOOK_MAX][9]; /* places in the table of steps */
};

/* Where the packet came in and goes out, for rules. */
struct hook_sides {
    uint16_t in, out;
    bool out_loopback, in_loopback; /* it is this host's own, to itself */
};

void hooks_plan(struct weir_shard *s, unsigned family_index);

/* Run a packet through a hook. False: it stops there, and its verdict and reason are set. */
bool hooks_run(struct weir_shard *s, struct pkt *p, enum hook hook, const struct hook_sides *sides);

/* The packet stops here. Always false. */
bool hooks_drop(struct pkt *p, enum weir_reason reason);

#endif
