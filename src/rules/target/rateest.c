/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RATEEST: feed an estimator of rates, which -m rateest compares. weir estimates none: it is read
 * and kept, and packets go on.
 *
 * Linux keeps two small numbers. The estimator looks every 250 ms times a power of two, and each
 * time weighs what is new with 2^-log. iptables chooses the log so that the average forgets in the
 * time that was asked for: interval / -ln(1 - 2^-log) is the last that does not exceed it.
 */
#include "rules/ext.h"
#include "rules/target/inert.h"

enum { NAME = 0, INTERVAL, EWMALOG };

enum {
    NAME_SIZE = 16,
    INTERVAL_MIN = 250000, /* microseconds */
    INTERVAL_SHIFT_MAX = 5,
    LOG_MAX = 30,
    FIXED_POINT = 30 /* bits behind the point */
};

struct rateest {
    uint32_t interval, average; /* as typed, in microseconds */
    uint8_t shift, log;
    char name[NAME_SIZE];
};

static const struct opt options[] = {
    {"rateest-name", NAME, OPT_OTHER, OPT_MUST},
    {"rateest-interval", INTERVAL, OPT_OTHER},
    {"rateest-ewmalog", EWMALOG, OPT_OTHER},
    {NULL},
};

/* --- times, as in tc(8) --- */

static const struct {
    const char *name;
    uint32_t us;
} units[] = {
    {"s", 1000000},  {"sec", 1000000}, {"secs", 1000000}, {"ms", 1000}, {"msec", 1000},
    {"msecs", 1000}, {"us", 1},        {"usec", 1},       {"usecs", 1}, {"", 1},
};

static bool find_unit(const char *name, uint32_t *us)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(units); i++)
        if (strcasecmp(units[i].name, name) == 0) {
            *us = units[i].us;
            return true;
        }
    return false;
}

/* "500ms", "0.5s": microseconds, as many as 32 bits hold. */
static bool read_time(const char *text, uint32_t *us)
{
    enum { MILLION = 1000000 };
    uint64_t millionths = 0, n;
    uint32_t unit;

    if (!text_digit(*text))
        return false;
    for (n = 0; text_digit(*text) && n <= UINT32_MAX; text++)
        n = n * 10 + (uint64_t)(*text - '0');
    if (*text == '.')
        for (uint32_t place = MILLION / 10; text_digit(*++text); place /= 10)
            millionths += place * (uint64_t)(*text - '0');
    if (!find_unit(text, &unit))
        return false;
    n = n * unit + millionths * unit / MILLION;
    *us = (uint32_t)n;
    return n <= UINT32_MAX;
}

static void add_time(struct text *out, uint64_t us)
{
    if (us >= 1000000)
        text_addf(out, "%llu.%llus", (unsigned long long)(us / 1000000),
                  (unsigned long long)(us / 100000 % 10));
    else
        text_addf(out, "%llu.%llums", (unsigned long long)(us / 1000),
                  (unsigned long long)(us / 100 % 10));
}

static uint64_t interval_of(const struct rateest *e)
{
    return (uint64_t)INTERVAL_MIN << e->shift;
}

/* --- reading --- */

/* -ln(1 - 2^-log), by its series: the sum of 2^(-log * k) / k. */
static uint64_t decay(unsigned log)
{
    uint64_t sum = 0;

    for (unsigned k = 1; k * log <= FIXED_POINT; k++)
        sum += (UINT64_C(1) << (FIXED_POINT - k * log)) / k;
    return sum;
}

/* 0: none. */
static unsigned choose_log(const struct rateest *e)
{
    unsigned log = 0;

    while (log <= LOG_MAX && (uint64_t)e->interval << FIXED_POINT <= e->average * decay(log + 1))
        log++;
    return log;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct rateest *e = ext_data(x);
    struct text name;

    switch (o->id) {
    case INTERVAL:
        return read_time(text, &e->interval) ||
               rule_fail(r, "RATEEST: bad interval value \"%s\"", text);
    case EWMALOG:
        return read_time(text, &e->average) ||
               rule_fail(r, "RATEEST: bad ewmalog value \"%s\"", text);
    default:
        text_into(&name, e->name, sizeof(e->name));
        text_add(&name, text);
        return true;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct rateest *e = ext_data(x);
    unsigned log = choose_log(e);

    while (e->shift <= INTERVAL_SHIFT_MAX && e->interval > interval_of(e))
        e->shift++;
    if (e->shift > INTERVAL_SHIFT_MAX)
        return rule_fail(r, "RATEEST: interval value is too large");
    if (log == 0 || log > LOG_MAX)
        return rule_fail(r, "RATEEST: ewmalog value is out of range");
    e->log = (uint8_t)log;
    return true;
}

/* --- writing --- */

static void write(struct text *out, const struct ext *x, const char *before)
{
    const struct rateest *e = ext_conf(x);

    text_addf(out, " %sname %s %sinterval ", before, e->name, before);
    add_time(out, interval_of(e));
    text_addf(out, " %sewmalog ", before);
    add_time(out, interval_of(e) << e->log);
}

static void print(struct text *out, const struct ext *x)
{
    write(out, x, "--rateest-");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    write(out, x, "");
}

const struct ext_type target_rateest = {
    .name = "RATEEST",
    .families = EXT_BOTH,
    .size = sizeof(struct rateest),
    .opts = options,
    .note = "weir estimates no rates: -j RATEEST does nothing",
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = inert_target,
};
