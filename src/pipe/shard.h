/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shard: the tracker, the rules and the packet walk around them, and the owner of all state
 * (weir/shard.h is its contract).
 */
#ifndef WEIR_PIPE_SHARD_H
#define WEIR_PIPE_SHARD_H

#include "pipe/express.h"
#include "pipe/fragments.h"
#include "pipe/hooks.h"
#include "rules/rules.h"
#include "track/track.h"

struct weir_shard {
    struct track track;
    struct fragments fragments;
    bool untracked_family[2]; /* IPv4, IPv6: weir_config.no_ipv4, no_ipv6 */
    struct hook_plan plan[2];
    struct express express[2];
    struct rules_run *rules[2]; /* NULL: none */
    struct world world;
    struct worker *worker; /* its part of a group of shards; NULL: it is the only one */
    uint32_t nested;       /* packets that rules made and that are on their way */
    uint16_t made;         /* how many of them left, for the packet being run */
};

/* rules.c */
void rules_init(struct weir_shard *s, int64_t wall_ns);
void rules_fini(struct weir_shard *s);

#endif
