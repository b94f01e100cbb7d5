/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters as text: as `conntrack -S` and as /proc/net/stat/nf_conntrack print them, where one
 * shard stands for one CPU.
 */
#ifndef CONTROL_STATS_TEXT_H
#define CONTROL_STATS_TEXT_H

#include <weir/stats.h>

#include "textbuf.h"

/* "cpu=0   \tfound=0 invalid=3 ... chaintoolong=0 \n", one line per shard. */
void stats_text_list(struct textbuf *text, const struct weir_stats *shards, unsigned count);

/*
 * The header and one line of hexadecimal numbers per shard. `entries` is the number of connections
 * of all shards. A counter of more than 32 bits takes more than the usual eight digits.
 */
void stats_text_proc(struct textbuf *text, const struct weir_stats *shards, unsigned count,
                     uint64_t entries);

#endif
