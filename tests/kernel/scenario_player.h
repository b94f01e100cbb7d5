/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_player: an engine that a scenario can be played on.
 *
 * There are two, weir and the kernel (and weir may play twice at once, on the fake clock and on the
 * kernel's). Both speak in the rig's structs. A function that returns false has put the reason into
 * player->error; that the engine was asked for something it does not have is such a reason too.
 */
#ifndef KERNEL_SCENARIO_PLAYER_H
#define KERNEL_SCENARIO_PLAYER_H

#include "scenario_plan.h"

struct player;

struct player_ops {
    void (*free)(struct player *p);
    /* now_ns has moved on: *result is what ended by itself meanwhile. */
    bool (*wait)(struct player *p, struct rig_result *result);
    bool (*packet)(struct player *p, enum rig_side side, const uint8_t *packet, size_t len,
                   struct rig_result *result);
    bool (*sysctl)(struct player *p, const char *name, const char *value);
    bool (*templ)(struct player *p, const struct plan_templ *templ);
    bool (*policy)(struct player *p, const struct plan_policy *policy);
    bool (*mtu)(struct player *p, unsigned mtu);
    bool (*flush)(struct player *p, struct rig_result *result);
    bool (*route)(struct player *p, enum rig_side side, const char *prefix);
    /* Rules in place of those of the family (4 or 6); *refused: player->error says why. */
    bool (*rules)(struct player *p, uint8_t family, const char *text, bool *refused);
    /* They and their counters, as iptables-save -c prints them; the caller frees *text. */
    bool (*save)(struct player *p, uint8_t family, char **text);
    /* A command line of conntrack; *status is what the program would exit with, and player->error
     * what it complains about. */
    bool (*conntrack)(struct player *p, const char *args, int *status, struct rig_result *result);
    /* The entry that has this tuple in some direction, and this zone for that direction. */
    bool (*find)(struct player *p, const struct rig_tuple *tuple, uint16_t zone,
                 struct rig_entry *entry, bool *found);
    /* Listed entries, sorted by original tuple; the number of counted ones; counters. */
    bool (*dump)(struct player *p, struct rig_table *table);
    bool (*count)(struct player *p, uint32_t *count);
    bool (*stats)(struct player *p, struct rig_stats *stats);
    /* The kernel has done this with the packet that comes next: draw the same port by chance. NULL:
     * it is the kernel. */
    void (*follow)(struct player *p, const struct rig_result *kernel);
    /* Why the last packet was dropped or invalid; NULL: the engine does not say. */
    const char *(*reason)(struct player *p);
};

struct player {
    const struct player_ops *ops;
    const char *name;    /* for messages */
    uint32_t per_second; /* the unit of its entries' timeouts */
    bool real_time;      /* its clock runs by itself: a timeout may have lost a second */
    int64_t now_ns;      /* since the scenario began */
    char error[512];
};

/* Puts down the words; returns false. */
__attribute__((format(printf, 2, 3))) bool player_fail(struct player *p, const char *fmt, ...);

/*
 * weir with what the scenario asks for before its first packet (nf_conntrack_max, buckets), on a
 * clock that is told. NULL: no memory.
 */
struct player *player_weir(const struct scenario *scenario, bool real_time);
/* A kernel in a new namespace. 0, RIG_SKIP or a negative errno, with the reason in `error`. */
int player_kernel(struct player **player, char *error, size_t size);

#endif
