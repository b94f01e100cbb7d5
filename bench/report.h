/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of figures: a line of the raw file for each, which tools/bench.sh sums up and plots;
 * and, for a figure that has a target, a line that says whether it is met. The targets stand in one
 * table (report.c), so that no report can say something else.
 *
 * Lines of the raw file, fields apart by tabs:
 *
 *     figure PROGRAM ROW METRIC UNIT VALUE TYPICAL BOUND LIMIT    BOUND: <=, >= or - (no target)
 *     point  PROGRAM SERIES X Y                                   of a curve
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

/* A point of a curve. */
void report_point(const struct bench_options *o, const char *series, double x, double y);

#endif
