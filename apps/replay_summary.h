/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a replay came to, in numbers, and the page that tells it to a person.
 */
#ifndef APPS_REPLAY_SUMMARY_H
#define APPS_REPLAY_SUMMARY_H

#include <weir/shard.h>

#include "../control/textbuf.h"
#include "../ports/capture.h"

/* Packets to which weir gave a reason, by what became of them. */
enum summary_group {
    SUMMARY_DROPPED,
    SUMMARY_HELD,
    SUMMARY_INVALID,
    SUMMARY_PASSED, /* the reason is no more than a remark */
    SUMMARY_GROUPS
};

struct summary {
    uint64_t packets, bytes; /* of the capture, as on the wire */
    uint64_t skipped;        /* not IP */
    uint64_t verdicts[WEIR_VERDICT_MAX];
    uint64_t states[WEIR_CT_MAX];
    uint64_t reasons[SUMMARY_GROUPS][WEIR_R_MAX];
    int64_t first_ns, last_ns; /* earliest and latest time stamp */
    uint64_t backward;         /* packets with an earlier time than one before them */
    int64_t most_backward_ns;
};

/* Takes a packet in; `packet` is NULL for one that is not IP. */
void summary_add(struct summary *summary, const struct capture_packet *captured,
                 const struct weir_packet *packet);

/* The whole page. `path` is the capture's. */
void summary_print(const struct summary *summary, struct textbuf *text, const char *path,
                   const struct capture_stats *capture, const struct weir_shard *shard);

/* Only what the user should know in any case, one line each; for standard error. */
void summary_notes(const struct summary *summary, struct textbuf *text,
                   const struct capture_stats *capture);

#endif
