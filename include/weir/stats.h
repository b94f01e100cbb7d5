/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard's counters. They only grow; a flush does not reset them.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_stats {
    /* As /proc/net/stat/nf_conntrack and `conntrack -S` (conntrack reference, 6.3). */
    uint64_t clash_resolve, found, invalid, chaintoolong, insert, insert_failed, drop, early_drop,
        icmp_error;
    uint64_t expect_new, expect_create, expect_delete, search_restart;

    /* weir's own. */
    uint64_t packets; /* given to weir_shard_run */
    uint64_t accepted, dropped, held;
    uint64_t created, removed;    /* entries confirmed, entries removed */
    uint64_t reasons[WEIR_R_MAX]; /* packets by reason */
};

#ifdef __cplusplus
}
#endif
#endif
