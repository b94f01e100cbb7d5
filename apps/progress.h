/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line on the terminal that says how far a long capture has come: bytes read of those there are,
 * packets, rate, and the time it may still take. It appears after half a second, on standard error
 * and only there, and leaves no trace.
 */
#ifndef APPS_PROGRESS_H
#define APPS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool wanted; /* standard error is a terminal that nothing else writes to */
    bool visible;
    int64_t start_ns, next_ns; /* real time, monotonic */
};

/* `others`: lines will go to the same terminal meanwhile; then it stays away. */
void progress_start(struct progress *p, bool others);

/* Call as often as you like; `total` 0: unknown. */
void progress_update(struct progress *p, uint64_t bytes, uint64_t total, uint64_t packets);

/* Takes the line away, for good or before something else is written; it may come back. */
void progress_clear(struct progress *p);

#endif
