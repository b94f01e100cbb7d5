/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the results of a replay go, and in which order.
 *
 * For every input packet, and before anything of the next: the events it caused, the packets that
 * came out, its verdict line. What timers do stands where its time is. At the end come, each as
 * far as asked for, the summary, the table, the list, the counters and the rules. Outputs that are
 * given the same name share one file and keep this order in it.
 */
#ifndef APPS_REPLAY_OUTPUT_H
#define APPS_REPLAY_OUTPUT_H

#include <weir/shard.h>

#include "../ports/capture.h"
#include "replay_options.h"
#include "rule_file.h"

/*
 * One packet of a batch. The engine runs a batch as a whole and tells what happens meanwhile; what
 * a packet causes is kept here until its turn. weir_packet.user points to it.
 */
struct output_slot {
    const struct capture_packet *captured;
    struct weir_packet *packet; /* NULL: it is not IP, and nothing was run */
    struct textbuf events;      /* lines */
    struct textbuf made;        /* packets, see replay_output.c */
};

struct output;

/* `rules`, IPv4's and IPv6's, are not copied. NULL: a file cannot be opened; it has been complained
 * about. output_close() accepts NULL. */
struct output *output_open(const struct replay_options *options, const struct rule_file rules[2]);

/* The result of weir_shard_run() and weir_shard_tick(): from weir_host.event and .packet. */
void output_event(struct output *output, const struct weir_event *event);
void output_made(struct output *output, const struct weir_packet *made,
                 const struct weir_packet *cause, struct weir_time now);

/* All of one packet, and empties the slot. */
void output_slot(struct output *output, struct output_slot *slot);

/* Where the text of this kind is to be added, NULL when it is not wanted. */
struct textbuf *output_text(struct output *output, enum replay_text kind);

/* Call between batches and between lines at the end: hands on what must not or need not wait. */
void output_pass(struct output *output);

/* True as soon as something could not be written; there is no use in going on. */
bool output_failed(const struct output *output);

/* Writes all that is left, complains about what could not be written. 0 or -EIO. */
int output_close(struct output *output);

#endif
