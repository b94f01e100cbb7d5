/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the measuring programs share: options, a pinned CPU, memory; figures (figures.h) and what
 * becomes of them (report.h).
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include "figures.h"
#include "report.h"

#include <stdio.h>

struct bench_options {
    bool quick;     /* small and short: do the programs work? */
    bool huge;      /* the engine's memory on huge pages, where small ones are usual */
    bool small;     /* and the other way round */
    int cpu;        /* -1: the highest-numbered one allowed */
    uint32_t flows; /* of the large working sets */
    uint32_t reps;
    const char *only;    /* rows whose name contains this; NULL: all */
    const char *program; /* its name */
    FILE *raw;           /* of report.h; NULL: nowhere */
};

/* Parse the command line (exits on bad usage), pin to a CPU, print what runs and where. */
void bench_start(struct bench_options *o, int argc, char **argv, const char *about);

/* Was this row asked for? */
bool bench_wanted(const struct bench_options *o, const char *row);

/* A result that is not as it must be ends the program: a figure of wrong work is worth nothing. */
void bench_check(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A bijection on 64 bits that looks random: distinct numbers stay distinct. */
uint64_t bench_mix(uint64_t x);

/* A random order of 0 to n - 1; its n * 4 bytes go back with bench_free(). */
uint32_t *bench_permutation(uint32_t n, uint64_t seed);

/* Memory for the program itself, committed at once; exits when there is none. */
void *bench_alloc(size_t size);
void bench_free(void *memory, size_t size);

/* Bytes that programs can still have; 0: unknown. */
uint64_t bench_memory_available(void);

/* Bytes of the cache of a level that a CPU can use, 0: unknown. Level 1: instructions or data. */
size_t bench_cache(unsigned level);

/*
 * For weir_host.reserve and release; ctx is a struct bench_memory. The library's own default,
 * unless told: `huge` asks for huge pages, `commit` has every page there before the first use.
 */
struct bench_memory {
    bool huge, commit;
};
void *bench_reserve(void *ctx, size_t size);
void bench_release(void *ctx, void *memory, size_t size);

/*
 * Print how long this CPU stands still by itself: for a while nothing is timed but the clock.
 * Without this, a pause in a distribution cannot be told from one of the machine's.
 */
void bench_print_pauses(const struct bench_options *o);

/* 1M, 10k, 500: short names for round numbers. */
struct bench_count {
    char text[16];
};
struct bench_count bench_count(uint32_t n);

#endif
