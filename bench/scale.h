/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of bench/scale: one thread that plays many shards and counts (scale_sim.c), two threads
 * on two CPUs that are timed (scale_threads.c), and the table and projection made of both
 * (scale.c).
 */
#ifndef BENCH_SCALE_H
#define BENCH_SCALE_H

#include "common.h"

#include <weir/group.h>

enum mix { MIX_PLAIN = 0, MIX_SNAT, MIX_DNAT, MIX_MIXED, MIX_MAX };

/* What a number of shards needs for some traffic. */
struct sim_result {
    /* For each packet of established connections, both directions alike. */
    double handoffs;    /* first hops and second ones */
    double second_hops; /* of these */
    double lines;       /* cache lines of rings that changed hands */
    /* For each connection, from its first packet to its first answer. */
    double stubs, notes, opening_handoffs, opening_lines;
    /* Nanoseconds of weir_shard_run() alone. */
    double opening_ns, established_ns;
    uint64_t stubs_lost;
};

/* `at_home`: packets come in where their tuple has its home; else anywhere. */
struct sim_result sim_run(enum mix mix, bool at_home, unsigned shards, uint32_t flows);

/* Nanoseconds of CPU time for each packet. */
struct handoff_cost {
    double keep; /* steering a packet that stays */
    double push; /* steering a packet that leaves, all in */
    double pop;  /* taking it, all in */
    double poll; /* taking nothing, in a group of 64, for each call */
};

/* In one thread, then between two on two CPUs (keep and poll are as in one). */
struct handoff_cost handoff_alone(uint32_t rounds);
struct handoff_cost handoff_across(const int cpus[2], uint32_t rounds);

/* Million packets in a second. */
struct rate {
    double wall;  /* by the wall clock */
    double whole; /* by the pieces of work that were not interrupted */
    double idle;  /* share of the wall time in which the threads did not run */
};

/* The same load, by one shard, by a group of two, and by two that have nothing in common. */
struct pair_rate {
    struct rate one, two, apart;
};

/* Packets at their home, through steering, taking and running. */
struct pair;
struct pair *pair_new(const int cpus[2], uint32_t flows);
void pair_free(struct pair *p);
struct pair_rate pair_established(struct pair *p);
struct pair_rate pair_opening(struct pair *p);

#endif
