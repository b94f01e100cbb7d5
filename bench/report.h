/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of figures: a line of the raw file for each, which tools/bench.sh sums up and plots;
 * and, for a figure that has a target, a line that says whether it is met. The targets stand in one
 * table (report.c), so that no report can say something else.
 *
 * Lines of the raw file, fields apart by tabs:
 *
 *     about  PROGRAM KEY TEXT                         machine, commit, compiler
 *     target PROGRAM ROW METRIC BOUND LIMIT           of every program, unless this run is a quick
 *                                                     one; BOUND is <= or >=
 *     figure PROGRAM ROW METRIC UNIT VALUE TYPICAL
 *     point  PROGRAM SERIES X Y                       of a curve
 *     share  PROGRAM SERIES X Y                       of a distribution: so much of all, up to X
 *
 * VALUE is what the code costs: the minimum over the repetitions, unless the metric says otherwise.
 * TYPICAL is the median.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "figures.h"

struct bench_options;

/* One figure of a row. `unit` is "ns", "us", "s", "x" (times something), "B", "M/s" or "%". */
struct figure {
    const char *row, *metric, *unit;
    double value, typical;
};

void report(const struct bench_options *o, const struct figure *f);

/* The minimum and the median of a spread. */
void report_spread(const struct bench_options *o, const char *row, const char *metric,
                   const char *unit, const struct spread *s);

/* A point of a curve; of a distribution. */
void report_point(const struct bench_options *o, const char *series, double x, double y);
void report_share(const struct bench_options *o, const char *series, double x, double y);

/* At the start: what runs where, and all targets. */
void report_about(const struct bench_options *o, const char *key, const char *text);
void report_targets(const struct bench_options *o);

#endif
