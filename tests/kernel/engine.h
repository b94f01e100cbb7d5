/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir behind the same interface as the kernel router (rig.h): packets in, and the same structs
 * out, so that one comparison serves both. Side A is weir's interface 1, side B interface 2, and
 * routes are those of the rig.
 */
#ifndef KERNEL_ENGINE_H
#define KERNEL_ENGINE_H

#include "rig.h"

#include <weir/shard.h>

struct engine;

/* `config`'s host is filled in here; NULL: defaults. */
struct engine *engine_new(const struct weir_config *config);
void engine_free(struct engine *e);

/*
 * Have weir draw next what the kernel drew: from now on its random source gives a number whose low
 * 16 bits are `offset` modulo `range`. So where both choose a port by chance, they choose the same.
 */
void engine_steer(struct engine *e, uint32_t offset, uint32_t range);

/* The same for what the kernel drew when it did this: where it has chosen a source port by chance
 * for a packet, weir shall choose the same. (Not where a rule gave the range.) */
void engine_follow(struct engine *e, const struct rig_result *kernel);

/* The shard inside, for settings. */
struct weir_shard *engine_shard(struct engine *e);

/* Send every address under `prefix` (as rig_route) to a side. */
int engine_route(struct engine *e, enum rig_side side, const char *prefix);
/* An address of the router itself, beside those the rig has. */
void engine_mtu(struct engine *e, unsigned mtu);

/* Load rules as weir does, in place of those of the family (4 or 6). 0, or a negative errno with
 * words in `err`. */
int engine_rules(struct engine *e, uint8_t family, const char *text, char *err, size_t err_size);
/* They and their counters, as iptables-save -c prints them; the caller frees the text. NULL: there
 * are none. */
char *engine_rules_save(struct engine *e, uint8_t family);

/* Run one packet; *result is replaced by what it caused, including what expired before it. `templ`
 * may be NULL. */
void engine_step(struct engine *e, struct weir_time now, enum rig_side side, const void *packet,
                 size_t len, const struct weir_template *templ, struct rig_result *result);

/* Move the clock; *result is replaced by what expired. */
void engine_wait(struct engine *e, struct weir_time now, struct rig_result *result);

/* *result is emptied and then gets what calls on the shard itself cause, until this is called with
 * NULL. */
void engine_watch(struct engine *e, struct rig_result *result);

/* The last packet's fate, and why. */
const struct weir_packet *engine_last(const struct engine *e);

/* As rig_dump: sorted by original tuple and zone. timeout is in milliseconds here, for a comparison
 * with tolerance. */
void engine_dump(struct engine *e, struct rig_table *table);
void engine_entry(const struct weir_conn *conn, struct rig_entry *entry);

/* As rig_stats. */
void engine_stats(struct engine *e, struct rig_stats *stats);

#endif
