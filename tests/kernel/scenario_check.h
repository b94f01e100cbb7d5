/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_check: is what an engine did what the scenario's line says?
 */
#ifndef KERNEL_SCENARIO_CHECK_H
#define KERNEL_SCENARIO_CHECK_H

#include "scenario_player.h"

/* Where failures go: each is two lines of TAP diagnostics, the scenario's line and what is wrong.
 */
struct report {
    const char *path;
    const char *const *line; /* the file's lines, from 1 */
    unsigned failures;       /* of the current scenario */
    unsigned shown_line;     /* whose text was printed last */
};

__attribute__((format(printf, 4, 5))) void report_fail(struct report *r, unsigned line,
                                                       const char *who, const char *fmt, ...);

enum { CHECK_EVENTS_MAX = 64 };

struct check_zone {
    uint16_t id;
    uint8_t dirs; /* as struct weir_template */
};

struct check_entry {
    bool is;
    struct rig_entry entry;
};

/* One engine playing a scenario, and what the checks remember from step to step. */
struct check {
    struct player *player;
    struct report *report;
    unsigned failures;                /* of this engine */
    struct rig_result waited, result; /* of the step: what ended before it; what it did */
    struct check_entry before, after; /* of the packet */
    struct rig_table table;
    struct rig_tuple tuple; /* of the last packet that showed one */
    bool has_tuple;
    struct check_zone zone, zone_from[RIG_SIDE_MAX]; /* of the last packet; that templates give */
    bool has_last;                                   /* the entry of the packet before */
    uint32_t last_id;
    size_t out_at[RIG_SIDE_MAX]; /* how far `out` has looked at the packets that came out */
    enum scn_event event[CHECK_EVENTS_MAX]; /* since the last packet or `expect events` */
    size_t events;
    struct plan_rules rules;
};

void check_init(struct check *c, struct player *player, struct report *report);
void check_free(struct check *c);

/* player->now_ns has moved on by the step's wait: see what ended. Then do the step, and look at
 * what came of it. False: the engine failed, and the scenario cannot go on. */
bool check_wait(struct check *c, const struct scn_step *step);
bool check_step(struct check *c, const struct scn_step *step);

#endif
