/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures that can be trusted on a machine that does other work too.
 *
 * A figure is built in three steps. A stopwatch times a short piece of work (a chunk or a batch);
 * a piece during which the scheduler gave the CPU to somebody else is left out, and counted (where
 * nothing else is there, it must do: a figure of such a machine is none, and says so). A
 * tally adds the pieces of one repetition up. A spread is the minimum, median and maximum over the
 * repetitions; the minimum says what the code costs, the others how calm the machine was.
 *
 * What cannot be left out, because nothing reports it: interrupts, what neighbours do to the shared
 * cache and the memory bus, and time that a hypervisor takes.
 */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

/* --- the stopwatch --- */

struct stopwatch {
    int64_t began;
    long switches;
};

static inline int64_t stopwatch_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline long stopwatch_switches(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
}

static inline void stopwatch_start(struct stopwatch *w)
{
    w->switches = stopwatch_switches();
    w->began = stopwatch_now();
}

/* Nanoseconds since the start; `whole` is false when the CPU was taken away meanwhile. */
static inline int64_t stopwatch_stop(const struct stopwatch *w, bool *whole)
{
    int64_t took = stopwatch_now() - w->began;

    *whole = stopwatch_switches() == w->switches;
    return took;
}

/* --- what comes of it --- */

struct tally {
    int64_t ns;
    uint64_t items;    /* done in that time */
    uint64_t left_out; /* items of pieces that were interrupted, and */
    int64_t ns_out;    /* their time */
};

static inline void tally_add(struct tally *t, int64_t ns, bool whole, uint64_t items)
{
    if (whole) {
        t->ns += ns;
        t->items += items;
    } else {
        t->left_out += items;
        t->ns_out += ns;
    }
}

/* Nanoseconds for each item. */
double tally_each(const struct tally *t);

/* Which share of the items was left out. */
double tally_left_out(const struct tally *t);

enum { BENCH_REPS_MAX = 1000 };

/* One value for each repetition. */
struct spread {
    double value[BENCH_REPS_MAX];
    uint32_t n;
};

void spread_add(struct spread *s, double value);
double spread_min(const struct spread *s);
double spread_median(const struct spread *s);
double spread_max(const struct spread *s);

/* Times of single pieces, all kept, so that percentiles are exact. */
struct samples {
    int64_t *ns;
    size_t n, max;
    size_t left_out;
    int64_t interrupted; /* one that was left out */
};

void samples_init(struct samples *s, size_t max);
void samples_fini(struct samples *s);

static inline void samples_add(struct samples *s, int64_t ns, bool whole)
{
    if (!whole) {
        s->left_out++;
        s->interrupted = ns;
    } else if (s->n < s->max) {
        s->ns[s->n++] = ns;
    }
}

void samples_sort(struct samples *s);

/* Of sorted samples: the smallest value that `share` (0 to 1) of them do not exceed. */
int64_t samples_percentile(const struct samples *s, double share);

#endif
