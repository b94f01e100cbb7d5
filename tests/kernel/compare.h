/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do the kernel and weir agree? Comparisons of what rig.h reports, field by field, with the
 * difference in words.
 *
 * Times: both count ticks of 4 ms, but not the same ones, and the kernel reads its clock a little
 * after the test has read it. So a timeout agrees when the kernel's whole seconds are what weir
 * would show within COMPARE_SLACK_MS.
 */
#ifndef KERNEL_COMPARE_H
#define KERNEL_COMPARE_H

#include "rig.h"

enum { COMPARE_SLACK_MS = 12 };

struct difference {
    char text[512];
};

/* True: they agree. Otherwise `d` says how they differ. weir's timeouts are in milliseconds
 * (engine.h). */
bool compare_tables(const struct rig_table *kernel, const struct rig_table *weir,
                    struct difference *d);
/* What one packet caused: class, packets out with their bytes, events. */
bool compare_results(const struct rig_result *kernel, const struct rig_result *weir,
                     struct difference *d);
bool compare_stats(const struct rig_stats *kernel, const struct rig_stats *weir,
                   struct difference *d);

/* Two texts of iptables-save -c: the same tables, in any order, without comment lines. */
bool compare_rules(const char *kernel, const char *weir, struct difference *d);

/* One entry in a line, for messages. `unit` divides its timeout: 1, or 1000 for weir's. */
void compare_entry_text(const struct rig_entry *e, unsigned unit, char *text, size_t size);

#endif
