/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel and weir side by side: each packet goes into both, and everything that either did with
 * it is compared.
 *
 * The kernel runs in real time, so weir is given the time at which the packet went in. What expires
 * by itself is the one thing that may not be compared packet by packet: weir ends an entry at its
 * deadline, the kernel when somebody looks (conntrack reference, 2.3). So before a packet near a
 * deadline the pair waits until the deadline is past for both, has the kernel look at all its
 * entries, and compares what ended as a set.
 */
#ifndef KERNEL_PAIR_H
#define KERNEL_PAIR_H

#include "compare.h"
#include "engine.h"

struct pair;

/* What one sequence starts with. */
struct pair_setup {
    const char *const
        *sysctls;         /* name, value, name, value, ..., NULL; names without "net.netfilter." */
    const char *rules[2]; /* text for iptables-restore and ip6tables-restore; NULL: none */
};

/* 0, RIG_SKIP or a negative errno; for the last two `err` says why. */
int pair_new(struct pair **pair, char *err, size_t err_size);
void pair_free(struct pair *p);

/* Empty both; set the sysctls to their defaults and then to `setup`. */
bool pair_reset(struct pair *p, const struct pair_setup *setup, struct difference *d);

/* Let `delta_ns` pass, then run one packet. False: they differ, or the rig failed; `d` says how. */
bool pair_step(struct pair *p, int64_t delta_ns, enum rig_side side, const void *packet, size_t len,
               struct difference *d);

/* Compare tables, counters, and what rules have counted. */
bool pair_check(struct pair *p, struct difference *d);

/* How many entries the last pair_check saw, how many packets ran since pair_new. */
struct pair_totals {
    uint64_t packets, entries, checks, events, classes[RIG_CLASS_MAX];
};
const struct pair_totals *pair_totals(const struct pair *p);

#endif
