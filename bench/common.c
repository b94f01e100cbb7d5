/* SPDX-License-Identifier: BSD-2-Clause */
/* What it is for: common.h. */
#include "common.h"
#include "commit.h"

#include <weir/shard.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
    FLOWS_DEFAULT = 1000000,
    FLOWS_MIN = 64,
    FLOWS_MAX = 16000000, /* successive addresses come from a /8 */
    FLOWS_QUICK = 20000,
    REPS_DEFAULT = 5,
    REPS_QUICK = 2,
    CACHE_INDEXES_MAX = 8,
    PIECE_READINGS = 300, /* as long as a batch takes: 5 to 10 us */
    PAUSE_NS = 100000,
};

void bench_check(bool good, const char *format, ...)
{
    va_list args;

    if (good)
        return;
    (void)fflush(stdout);
    va_start(args, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* --- options --- */

static const char usage[] =
    "usage: %s [options]\n"
    "\n"
    "%s\n"
    "\n"
    "  --quick      small sizes: checks that everything works, the figures mean nothing\n"
    "  --flows N    size of the large working sets (1000000)\n"
    "  --reps N     repetitions of each measurement (5)\n"
    "  --only TEXT  only rows whose name contains TEXT, or with =TEXT is TEXT (and what they are\n"
    "               compared with)\n"
    "  --cpu N      run on this CPU (the highest-numbered one)\n"
    "  --huge       the engine's memory on huge pages, where small ones are usual\n"
    "  --small      the engine's memory on small pages, where huge ones are usual\n"
    "  --raw FILE   append the figures, a line each, tabs between the fields (report.h)\n";

enum option_number { HELP = 1, QUICK, FLOWS, REPS, ONLY, CPU, HUGE, SMALL, RAW };

static const struct option long_options[] = {
    {"help", no_argument, NULL, HELP},         {"quick", no_argument, NULL, QUICK},
    {"flows", required_argument, NULL, FLOWS}, {"reps", required_argument, NULL, REPS},
    {"only", required_argument, NULL, ONLY},   {"cpu", required_argument, NULL, CPU},
    {"huge", no_argument, NULL, HUGE},         {"small", no_argument, NULL, SMALL},
    {"raw", required_argument, NULL, RAW},     {NULL, 0, NULL, 0},
};

static uint32_t number(const char *option, const char *text, uint32_t min, uint32_t max)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < min || n > max) {
        fprintf(stderr, "bench: %s '%s': not a whole number from %" PRIu32 " to %" PRIu32 "\n",
                option, text, min, max);
        exit(2);
    }
    return (uint32_t)n;
}

static FILE *append(const char *path)
{
    FILE *f = fopen(path, "ae");

    if (!f) {
        fprintf(stderr, "bench: cannot write '%s': %s\n", path, strerror(errno));
        exit(2);
    }
    return f;
}

static void parse(struct bench_options *o, int argc, char **argv, const char *about)
{
    int code;

    *o = (struct bench_options){.cpu = -1, .program = strrchr(argv[0], '/')};
    o->program = o->program ? o->program + 1 : argv[0];
    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (code) {
        case HELP: printf(usage, argv[0], about); exit(0);
        case QUICK: o->quick = true; break;
        case FLOWS: o->flows = number("--flows", optarg, FLOWS_MIN, FLOWS_MAX); break;
        case REPS: o->reps = number("--reps", optarg, 1, BENCH_REPS_MAX); break;
        case ONLY: o->only = optarg; break;
        case CPU: o->cpu = (int)number("--cpu", optarg, 0, CPU_SETSIZE - 1); break;
        case HUGE: o->huge = true; break;
        case SMALL: o->small = true; break;
        case RAW: o->raw = append(optarg); break;
        default: exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bench: unexpected '%s'\n", argv[optind]);
        exit(2);
    }
    if (!o->flows)
        o->flows = o->quick ? FLOWS_QUICK : FLOWS_DEFAULT;
    if (!o->reps)
        o->reps = o->quick ? REPS_QUICK : REPS_DEFAULT;
}

bool bench_wanted(const struct bench_options *o, const char *row)
{
    if (o->only && o->only[0] == '=')
        return !strcmp(row, o->only + 1);
    return !o->only || strstr(row, o->only);
}

/* --- where it runs --- */

/* CPU 0 is where most machines take their interrupts, so the last one is the calmest guess. */
static int last_cpu(const cpu_set_t *set)
{
    int cpu = CPU_SETSIZE - 1;

    while (cpu > 0 && !CPU_ISSET((size_t)cpu, set))
        cpu--;
    return cpu;
}

static void pin(struct bench_options *o)
{
    cpu_set_t set;

    bench_check(sched_getaffinity(0, sizeof(set), &set) == 0, "sched_getaffinity: %s",
                strerror(errno));
    if (o->cpu < 0)
        o->cpu = last_cpu(&set);
    CPU_ZERO(&set);
    CPU_SET((size_t)o->cpu, &set);
    bench_check(sched_setaffinity(0, sizeof(set), &set) == 0, "cannot run on CPU %d: %s", o->cpu,
                strerror(errno));
}

/* The rest of the first line of a file that begins with `key`, without ": "; "unknown" if there is
 * none. */
static void read_line(const char *path, const char *key, char *out, size_t size)
{
    char line[512];
    FILE *f = fopen(path, "re");

    (void)snprintf(out, size, "unknown");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *text = line + strlen(key);

        text += strspn(text, " \t:");
        (void)snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
        break;
    }
    if (f)
        (void)fclose(f);
}

/* "always [madvise] never" to "madvise". */
static void read_choice(const char *path, char *out, size_t size)
{
    char line[128];

    read_line(path, "", line, sizeof(line));
    const char *open = strchr(line, '['), *text = open ? open + 1 : line;

    (void)snprintf(out, size, "%.*s", (int)strcspn(text, "]"), text);
}

/* From the kernel, not sysconf(): the C library counts the last level of a whole socket. */
size_t bench_cache(unsigned level)
{
    for (unsigned index = 0; index < CACHE_INDEXES_MAX; index++) {
        char path[96], text[32];

        (void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/level",
                       index);
        read_line(path, "", text, sizeof(text));
        if (strtoul(text, NULL, 10) != level)
            continue;
        (void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/size",
                       index);
        read_line(path, "", text, sizeof(text));
        return (size_t)strtoul(text, NULL, 10) << 10; /* "32768K" */
    }
    return 0;
}

uint64_t bench_memory_available(void)
{
    char text[64];

    read_line("/proc/meminfo", "MemAvailable", text, sizeof(text));
    return (uint64_t)strtoull(text, NULL, 10) << 10; /* "1234 kB" */
}

static void print_machine(const struct bench_options *o)
{
    char model[128], thp[32], load[128], text[512];
    struct utsname name;

    read_line("/proc/cpuinfo", "model name", model, sizeof(model));
    read_choice("/sys/kernel/mm/transparent_hugepage/enabled", thp, sizeof(thp));
    read_line("/proc/loadavg", "", load, sizeof(load));
    if (uname(&name))
        (void)snprintf(name.release, sizeof(name.release), "unknown");
    (void)snprintf(text, sizeof(text), "%s, %ld CPUs, L2 %zu KiB, L3 %zu KiB; Linux %s", model,
                   sysconf(_SC_NPROCESSORS_ONLN), bench_cache(2) >> 10, bench_cache(3) >> 10,
                   name.release);
    printf("machine: %s\n", text);
    report_about(o, "machine", text);
    printf("run:     on CPU %d, engine on %s pages (transparent huge pages: %s), load average "
           "%.*s\n",
           o->cpu,
           o->huge    ? "huge"
           : o->small ? "small"
                      : "the usual",
           thp, (int)strcspn(load, " "), load);
}

static void print_build(const struct bench_options *o)
{
#ifdef NDEBUG
    const char *asserts = "off";
#else
    const char *asserts = "ON: figures are too high";
#endif
#ifdef __OPTIMIZE__
    const char *optimized = "on";
#else
    const char *optimized = "OFF: figures mean nothing";
#endif
#ifdef __clang__
    const char *compiler = __VERSION__; /* names itself */
#else
    const char *compiler = "gcc " __VERSION__;
#endif

    printf("build:   commit %s, %s, optimization %s, asserts %s\n", BENCH_COMMIT, compiler,
           optimized, asserts);
    report_about(o, "commit", BENCH_COMMIT);
    report_about(o, "compiler", compiler);
}

void bench_start(struct bench_options *o, int argc, char **argv, const char *about)
{
    parse(o, argc, argv, about);
    pin(o);
    printf("command:");
    for (int i = 0; i < argc; i++)
        printf(" %s", argv[i]);
    putchar('\n');
    print_build(o);
    print_machine(o);
    report_targets(o);
    (void)fflush(stdout);
}

/* --- numbers and memory --- */

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
uint64_t bench_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint32_t *bench_permutation(uint32_t n, uint64_t seed)
{
    uint32_t *order = bench_alloc(n * sizeof(*order));

    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t other = (uint32_t)(bench_mix(seed + i) % i), moved = order[i - 1];

        order[i - 1] = order[other];
        order[other] = moved;
    }
    return order;
}

/*
 * Huge pages where the system gives them, as packet memory of DPDK or AF_XDP programs has: what the
 * program's own memory costs in address translation is not the engine's business.
 */
void *bench_alloc(size_t size)
{
    struct bench_memory memory = {.huge = true, .commit = true};
    void *m = bench_reserve(&memory, size);

    bench_check(m != NULL, "no memory: %zu bytes", size);
    return m;
}

void bench_free(void *memory, size_t size)
{
    weir_release_pages(NULL, memory, size);
}

/* A write makes a page; what it writes is there already. */
static void touch_pages(volatile char *memory, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (size_t at = 0; at < size; at += page)
        memory[at] = 0;
}

void *bench_reserve(void *ctx, size_t size)
{
    const struct bench_memory *kind = ctx;
    void *memory = weir_reserve_pages(NULL, size);

    if (memory && kind->huge)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    if (memory && kind->commit)
        touch_pages(memory, size);
    return memory;
}

void bench_release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    weir_release_pages(NULL, memory, size);
}

/* --- pauses --- */

void bench_print_pauses(const struct bench_options *o)
{
    int64_t ms = o->quick ? 20 : 2000, longest = 0;
    int64_t until = stopwatch_now() + ms * 1000000;
    uint32_t pauses = 0;

    while (stopwatch_now() < until) {
        struct stopwatch watch;
        bool whole;

        stopwatch_start(&watch);
        for (int i = 0; i < PIECE_READINGS; i++)
            (void)stopwatch_now();
        int64_t took = stopwatch_stop(&watch, &whole);

        if (whole && took > PAUSE_NS)
            pauses++;
        if (whole && took > longest)
            longest = took;
    }
    printf("idle:    in %" PRId64 " ms this CPU stood still by itself %" PRIu32
           " times for over 100 us, the longest time for %" PRId64 " us\n",
           ms, pauses, longest / 1000);
}

struct bench_count bench_count(uint32_t n)
{
    struct bench_count c;

    if (n && n % 1000000 == 0)
        (void)snprintf(c.text, sizeof(c.text), "%" PRIu32 "M", n / 1000000);
    else if (n && n % 1000 == 0)
        (void)snprintf(c.text, sizeof(c.text), "%" PRIu32 "k", n / 1000);
    else
        (void)snprintf(c.text, sizeof(c.text), "%" PRIu32, n);
    return c;
}
