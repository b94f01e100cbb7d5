/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floor: the least that any tracker must do for a packet of a known connection.
 *
 * Read the addresses and ports, hash them, find the entry in a table that has both directions,
 * compare, write into the entry's one cache line. In batches, everything prefetched. No checks, no
 * classes, no states, no timers, no zones, no growth: what a real tracker takes more than this is
 * its own. It has its own hash and table, so that it stays where it is
 * when weir's change.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <weir/packet.h>

struct bench_memory;
struct floor_table;

/* A table for `connections`, in memory of that kind (common.h), like the engine's. */
struct floor_table *floor_new(uint32_t connections, struct bench_memory *memory);
void floor_free(struct floor_table *f);

/* Enter a connection, by its original direction's tuple. They are numbered from 1 as they come. */
void floor_add(struct floor_table *f, const struct weir_tuple *t);

/* Find each packet's connection and write into it. packets[].conn: its number, 0: none. */
void floor_run(struct floor_table *f, uint32_t now, struct weir_packet *packets, size_t n);

#endif
