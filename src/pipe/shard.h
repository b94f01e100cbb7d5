/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shard: the tracker and the packet walk around it, and the owner of all state (weir/shard.h is
 * its contract).
 */
#ifndef WEIR_PIPE_SHARD_H
#define WEIR_PIPE_SHARD_H

#include "pipe/fragments.h"
#include "track/track.h"

struct weir_shard {
    struct track track;
    struct fragments fragments;
    bool untracked_family[2]; /* IPv4, IPv6: weir_config.no_ipv4, no_ipv6 */
};

#endif
