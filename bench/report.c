/* SPDX-License-Identifier: BSD-2-Clause */
/* What it is for: report.h. */
#include "report.h"
#include "common.h"

#include <stdio.h>
#include <string.h>

enum bound { AT_MOST, AT_LEAST };

struct target {
    const char *program, *row, *metric;
    enum bound bound;
    double limit;
};

/*
 * The targets of the work on speed. They hold for the sizes that the rows' names say: a run with
 * --flows or --quick has other rows.
 */
static const struct target targets[] = {
    /* Established: the floor is a bare table that is measured in the same run. */
    {"established", "udp4 1k", "time", AT_MOST, 45},
    {"established", "udp4 1M", "time", AT_MOST, 70},
    {"established", "udp4 1M", "to the floor", AT_MOST, 1.4},
    {"established", "udp4 8M", "to 1M flows", AT_MOST, 1.3},
    {"established", "udp4 1M, batch 1", "to batch 32", AT_MOST, 3},
    {"established", "udp4 1M, regular", "to random", AT_MOST, 1.1},
    {"established", "udp4 1M, SNAT", "over no NAT", AT_MOST, 15},
    {"established", "udp4 1M, rule", "over no rule", AT_MOST, 10},
    {"established", "udp6 1M", "to IPv4", AT_MOST, 1.3},
    {"established", "tcp4 1k", "time", AT_MOST, 60},
    {"established", "tcp4 1M", "time", AT_MOST, 95},
    {"established", "tcp4 1M", "to the floor", AT_MOST, 1.9},
    {"established", "tcp4 8M", "to 1M flows", AT_MOST, 1.3},
    {"established", "tcp4 1M, batch 1", "to batch 32", AT_MOST, 3},
    {"established", "tcp4 1M, regular", "to random", AT_MOST, 1.1},
    {"established", "tcp4 1M, SNAT", "over no NAT", AT_MOST, 15},
    {"established", "tcp4 1M, rule", "over no rule", AT_MOST, 10},
    {"established", "tcp6 1M", "to IPv4", AT_MOST, 1.3},

    /* New connections, from the first packet to the confirmed entry. */
    {"churn", "udp4 1M, growing", "time", AT_MOST, 220},
    {"churn", "udp4 1M, presized", "time", AT_MOST, 220},
    {"churn", "tcp4 1M, growing", "time", AT_MOST, 220},
    {"churn", "udp4 1M, SNAT", "time", AT_MOST, 350},
    {"churn", "udp4 1M, SNAT, range, 0 % taken", "time", AT_MOST, 350},
    {"churn", "udp4 1M, SNAT, random port", "time", AT_MOST, 350},
    {"churn", "udp4 1M, SNAT, range, 0 to 95 % taken", "time", AT_MOST, 350},
    {"churn", "udp4 1M, SNAT, range, 95 % taken", "time", AT_MOST, 350},
    {"churn", "udp4 1M, MASQUERADE", "time", AT_MOST, 350},
    {"churn", "udp4 1M, create + expire", "time", AT_MOST, 450},

    /* Memory, everything in; what `weir size` says about it, off by. */
    {"memory", "udp4 1M", "each", AT_MOST, 160},
    {"memory", "udp4 1M", "weir size off by", AT_MOST, 1},
    {"memory", "tcp4 1M", "each", AT_MOST, 160},
    {"memory", "tcp4 1M, after churn", "each", AT_MOST, 160},
    {"memory", "udp4 1M, SNAT", "each", AT_MOST, 160},
    {"memory", "udp4 1M, SNAT", "weir size off by", AT_MOST, 1},
    {"memory", "udp6 1M", "each", AT_MOST, 230},
    {"memory", "udp6 1M", "weir size off by", AT_MOST, 1},
    {"memory", "tcp6 1M, after churn", "each", AT_MOST, 230},

    /* No pauses: of those that come in every repetition. */
    {"pauses", "growth, 1k to 4M", "slowest batch", AT_MOST, 100},
    {"pauses", "mass expiry of 1M", "slowest batch", AT_MOST, 100},
    {"pauses", "flush of 1M", "slowest batch", AT_MOST, 100},
    {"pauses", "swap of 1,000 rules", "slowest batch", AT_MOST, 100},
    {"pauses", "swap of 10,000 rules", "slowest batch", AT_MOST, 100},

    /* Rules that a new packet passes. */
    {"rules", "by address, 10,000", "to 10 rules", AT_MOST, 2},
    {"rules", "by port, 10,000", "to 10 rules", AT_MOST, 2},
    {"rules", "user chains, 10,000", "to 10 rules", AT_MOST, 2},
    {"rules", "kube-proxy, 1,000", "to 10 rules", AT_MOST, 2}, /* services: 11,000 rules */
    {"rules", "by address, 100,000", "load", AT_MOST, 2},
    {"rules", "by port, 100,000", "load", AT_MOST, 2},
    {"rules", "user chains, 100,000", "load", AT_MOST, 2},
    {"rules", "kube-proxy, 100,000", "load", AT_MOST, 2},

    /* Two cores. */
    {"scale", "udp4 established, 2 cores", "to 1 core", AT_LEAST, 1.9},
    {"scale", "udp4 new, 2 cores", "to 1 core", AT_LEAST, 1.9},
    {"scale", "hand-off", "time", AT_MOST, 60},

    {"replay", "1M flows, no rules", "speed", AT_LEAST, 3},
};

static const struct target *target_of(const struct bench_options *o, const struct figure *f)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct target *t = &targets[i];

        if (!strcmp(t->program, o->program) && !strcmp(t->row, f->row) &&
            !strcmp(t->metric, f->metric))
            return t;
    }
    return NULL;
}

static const char *bound_name(const struct target *t)
{
    return t->bound == AT_MOST ? "<=" : ">=";
}

void report_targets(const struct bench_options *o)
{
    if (!o->raw || o->quick)
        return;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct target *t = &targets[i];

        fprintf(o->raw, "target\t%s\t%s\t%s\t%s\t%g\n", t->program, t->row, t->metric,
                bound_name(t), t->limit);
    }
}

void report_about(const struct bench_options *o, const char *key, const char *text)
{
    if (o->raw)
        fprintf(o->raw, "about\t%s\t%s\t%s\n", o->program, key, text);
}

static bool met(const struct target *t, double value)
{
    return t->bound == AT_MOST ? value <= t->limit : value >= t->limit;
}

static void print(const struct figure *f, const struct target *t)
{
    printf("    %s, %s: %.4g %s, at %s %g: %s\n", f->row, f->metric, f->value, f->unit,
           t->bound == AT_MOST ? "most" : "least", t->limit, met(t, f->value) ? "PASS" : "MISS");
    (void)fflush(stdout);
}

void report(const struct bench_options *o, const struct figure *f)
{
    const struct target *t = target_of(o, f);

    /* Of quick runs figures mean nothing. */
    if (t && !o->quick)
        print(f, t);
    if (o->raw)
        fprintf(o->raw, "figure\t%s\t%s\t%s\t%s\t%.6g\t%.6g\n", o->program, f->row, f->metric,
                f->unit, f->value, f->typical);
}

void report_spread(const struct bench_options *o, const char *row, const char *metric,
                   const char *unit, const struct spread *s)
{
    report(o, &(struct figure){row, metric, unit, spread_min(s), spread_median(s)});
}

static void xy(const struct bench_options *o, const char *kind, const char *series, double x,
               double y)
{
    if (o->raw)
        fprintf(o->raw, "%s\t%s\t%s\t%.6g\t%.6g\n", kind, o->program, series, x, y);
}

void report_point(const struct bench_options *o, const char *series, double x, double y)
{
    xy(o, "point", series, x, y);
}

void report_share(const struct bench_options *o, const char *series, double x, double y)
{
    xy(o, "share", series, x, y);
}
