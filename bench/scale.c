/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a group of shards scales: what its shards hand each other, what that costs, and what follows
 * for more cores than this machine has.
 *
 * Three things are measured. The hand-off of a packet between two shards, in one thread and between
 * two CPUs. Two shards in two threads beside one, with packets that come in at their home. And, in
 * one thread that plays 1 to 64 shards, how many hand-offs, notes and shared cache lines a packet
 * or a connection needs, for packets that come in anywhere and for packets that a card delivers at
 * their home.
 *
 * The projection is arithmetic: shards / (cost of the packet in one shard + steering it + hand-offs
 * of it + its share of polling empty rings). It assumes what docs/scaling.md says.
 *
 * After the tables the same numbers stand as lines for gnuplot.
 */
#include "report.h"
#include "scale.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

enum {
    SIM_FLOWS = 16384,
    SIM_FLOWS_QUICK = 512,
    HANDOFF_ROUNDS = 20000,
    HANDOFF_ROUNDS_QUICK = 200,
    PAIR_SHARE = 2, /* of --flows */
    ACROSS = 8,     /* shorter hand-offs between CPUs for each long one in one thread */
    BATCH = 32,
    STEPS = 7, /* 1, 2, 4 ... 64 shards */
};

static const char *const mixes[MIX_MAX] = {"plain", "SNAT", "DNAT", "mixed"};

/* --- the hand-off --- */

static struct handoff_cost least(const struct handoff_cost *a, const struct handoff_cost *b)
{
    return (struct handoff_cost){.keep = a->keep < b->keep ? a->keep : b->keep,
                                 .push = a->push < b->push ? a->push : b->push,
                                 .pop = a->pop < b->pop ? a->pop : b->pop,
                                 .poll = a->poll < b->poll ? a->poll : b->poll};
}

/* What a hand-off costs, both ends together. */
static struct handoff_cost measure_handoff(const struct bench_options *o, const int *cpus)
{
    uint32_t rounds = o->quick ? HANDOFF_ROUNDS_QUICK : HANDOFF_ROUNDS;
    struct handoff_cost alone = handoff_alone(rounds), across = {0};

    for (uint32_t i = 1; i < o->reps; i++) {
        const struct handoff_cost again = handoff_alone(rounds);

        alone = least(&alone, &again);
    }
    for (uint32_t i = 0; cpus && i < ACROSS * o->reps; i++) {
        const struct handoff_cost again = handoff_across(cpus, rounds / ACROSS);

        across = i ? least(&across, &again) : again;
    }
    printf("\nhand-off, ns of CPU time a packet (batches of 32, best of %" PRIu32 ")\n", o->reps);
    printf("  %-34s %8s %8s %8s\n", "", "steer", "take", "sum");
    printf("  %-34s %8.1f\n", "packet stays", alone.keep);
    printf("  %-34s %8.1f %8.1f %8.1f\n", "handed over, in one thread", alone.push, alone.pop,
           alone.push + alone.pop);
    if (cpus)
        printf("  %-34s %8.1f %8.1f %8.1f\n", "handed over, between two CPUs", across.push,
               across.pop, across.push + across.pop);
    printf("  %-34s %17.1f a call\n", "taking nothing, of 64 shards", alone.poll);
    if (cpus) {
        alone.push = across.push;
        alone.pop = across.pop;
    }
    report(o, &(struct figure){"hand-off", "time", "ns", alone.push + alone.pop,
                               alone.push + alone.pop});
    return alone;
}

/* --- two beside one --- */

/* What is kept of all repetitions: rates, and the ratios of each to one. */
struct pair_spread {
    struct spread one, two, apart, two_ratio, apart_ratio;
};

static void pair_add(struct pair_spread *s, double one, double two, double apart)
{
    spread_add(&s->one, one);
    spread_add(&s->two, two);
    spread_add(&s->apart, apart);
    spread_add(&s->two_ratio, two / one);
    spread_add(&s->apart_ratio, apart / one);
}

static void print_pair(const char *name, const struct pair_spread *s, const struct spread *idle)
{
    double one = spread_max(&s->one), two = spread_max(&s->two), apart = spread_max(&s->apart);

    printf("  %-36s %7.2f %7.2f %7.2f   %6.2f %6.2f   %6.2f %6.2f", name, one, two, apart,
           two / one, spread_median(&s->two_ratio), apart / one, spread_median(&s->apart_ratio));
    if (idle)
        printf("   %5.1f %5.1f", 100 * spread_min(idle), 100 * spread_max(idle));
    putchar('\n');
}

/* As fast as the pair ever was, to as fast as the one ever was: the machine takes one of two CPUs
 * away more often than the only one. */
static void report_pair(const struct bench_options *o, const char *row, const struct pair_spread *s)
{
    report(o, &(struct figure){row, "to 1 core", "x", spread_max(&s->two) / spread_max(&s->one),
                               spread_median(&s->two_ratio)});
}

static void measure_pair(const struct bench_options *o, const int cpus[2])
{
    static struct pair_spread wall[2], whole[2];
    static struct spread idle[2];
    struct pair *p = pair_new(cpus, o->flows / PAIR_SHARE);

    for (uint32_t i = 0; i < o->reps; i++)
        for (int opening = 0; opening < 2; opening++) {
            const struct pair_rate r = opening ? pair_opening(p) : pair_established(p);

            pair_add(&wall[opening], r.one.wall, r.two.wall, r.apart.wall);
            pair_add(&whole[opening], r.one.whole, r.two.whole, r.apart.whole);
            spread_add(&idle[opening], r.two.idle);
        }
    pair_free(p);
    printf("\ntwo shards on two CPUs beside one: %s flows in all, packets at home, best of %" PRIu32
           "\n",
           bench_count(o->flows / PAIR_SHARE).text, o->reps);
    printf("  %-36s %23s   %13s   %13s   %11s\n", "", "M packets/s", "two / one", "apart / one",
           "not run, %");
    printf("  %-36s %7s %7s %7s   %6s %6s   %6s %6s   %5s %5s\n", "", "one", "two", "apart", "best",
           "median", "best", "median", "min", "max");
    print_pair("established, by the wall clock", &wall[0], &idle[0]);
    print_pair("established, uninterrupted pieces", &whole[0], NULL);
    print_pair("new, by the wall clock", &wall[1], &idle[1]);
    print_pair("new, uninterrupted pieces", &whole[1], NULL);
    report_pair(o, "udp4 established, 2 cores", &wall[0]);
    report_pair(o, "udp4 new, 2 cores", &wall[1]);
    report_pair(o, "udp4 established, 2 cores, uninterrupted", &whole[0]);
    report_pair(o, "udp4 new, 2 cores, uninterrupted", &whole[1]);
}

/* --- the simulation --- */

struct curve {
    struct sim_result at[STEPS];
    double rate[STEPS];
};

/* Million packets a second. */
static void project(struct curve *c, const struct handoff_cost *cost, double own)
{
    for (int i = 0; i < STEPS; i++) {
        double shards = 1 << i, polls = 1.5 * cost->poll * shards / WEIR_GROUP_SHARDS_MAX / BATCH;
        double each = own;

        if (i)
            each += cost->keep + c->at[i].handoffs * (cost->push - cost->keep + cost->pop) + polls;
        c->rate[i] = shards * 1000 / each;
    }
}

static void print_curve(const struct bench_options *o, const struct curve *c, const char *mix,
                        const char *arrival)
{
    char series[64];

    (void)snprintf(series, sizeof(series), "%s, %s", mix, arrival);
    for (int i = 0; i < STEPS; i++) {
        const struct sim_result *r = &c->at[i];

        printf("  %-6s %-9s %6d %9.3f %7.3f %7.2f  %9.3f %7.3f %7.2f %7.3f %7.0f  %8.1f %8.1f "
               "%7.1f%%\n",
               i ? "" : mix, i ? "" : arrival, 1 << i, r->handoffs, r->second_hops, r->lines,
               r->opening_handoffs, r->stubs, r->opening_lines, r->notes, r->opening_ns,
               r->established_ns, c->rate[i], 100 * c->rate[i] / c->rate[0] / (1 << i));
        report_point(o, series, 1 << i, c->rate[i] / c->rate[0]);
        bench_check(r->stubs_lost == 0, "%" PRIu64 " stubs were refused", r->stubs_lost);
    }
}

static void print_curve_header(uint32_t flows)
{
    printf("\none thread playing N shards, %" PRIu32 " flows\n", flows);
    printf("  %-6s %-9s %6s  %24s  %41s  %8s %17s\n", "", "", "", "established, a packet",
           "opening: a packet, a connection", "establ.", "projected");
    printf("  %-6s %-9s %6s %9s %7s %7s  %9s %7s %7s %7s %7s  %8s %8s %8s\n", "mix", "arrival", "N",
           "handoffs", "second", "lines", "handoffs", "stubs", "lines", "notes", "ns", "ns", "Mpps",
           "of N x 1");
}

static void print_data(struct curve curves[MIX_MAX][2])
{
    printf("\n# gnuplot: shards, then M packets/s projected for each mix arriving anywhere, and at "
           "home\n# N");
    for (int home = 0; home < 2; home++)
        for (int mix = 0; mix < MIX_MAX; mix++)
            printf(" %s%s", mixes[mix], home ? "-home" : "");
    putchar('\n');
    for (int i = 0; i < STEPS; i++) {
        printf("%d", 1 << i);
        for (int home = 0; home < 2; home++)
            for (int mix = 0; mix < MIX_MAX; mix++)
                printf(" %.2f", curves[mix][home].rate[i]);
        putchar('\n');
    }
}

/* The least that a packet of an established connection cost in one shard. NAT adds little to that,
 * and a busy machine much. */
static double own_cost(struct curve curves[MIX_MAX][2])
{
    double lowest = curves[0][0].at[0].established_ns;

    for (int mix = 0; mix < MIX_MAX; mix++)
        for (int home = 0; home < 2; home++) {
            double ns = curves[mix][home].at[0].established_ns;

            lowest = ns < lowest ? ns : lowest;
        }
    return lowest;
}

static void simulate(const struct bench_options *o, const struct handoff_cost *cost)
{
    static struct curve curves[MIX_MAX][2];
    uint32_t flows = o->quick ? SIM_FLOWS_QUICK : SIM_FLOWS;

    for (int mix = 0; mix < MIX_MAX; mix++)
        for (int home = 0; home < 2; home++)
            for (int i = 0; i < STEPS; i++)
                curves[mix][home].at[i] = sim_run((enum mix)mix, home, 1u << i, flows);
    double own = own_cost(curves);

    print_curve_header(flows);
    for (int mix = 0; mix < MIX_MAX; mix++)
        for (int home = 0; home < 2; home++) {
            project(&curves[mix][home], cost, own);
            print_curve(o, &curves[mix][home], mixes[mix], home ? "at home" : "anywhere");
        }
    print_data(curves);
}

/* Two CPUs that the program may use, before bench_start() pins it to one. */
static bool find_cpus(int cpus[2])
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof(set), &set))
        return false;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && n < 2; cpu--)
        if (CPU_ISSET((size_t)cpu, &set))
            cpus[n++] = cpu;
    return n == 2;
}

int main(int argc, char **argv)
{
    struct bench_options o;
    int cpus[2];
    bool pair = find_cpus(cpus);

    bench_start(&o, argc, argv, "A group of shards: what they cost each other.");
    struct handoff_cost cost = measure_handoff(&o, pair ? cpus : NULL);

    if (pair && bench_wanted(&o, "pair"))
        measure_pair(&o, cpus);
    else if (!pair)
        printf("\nonly one CPU: two shards beside one cannot be measured\n");
    if (bench_wanted(&o, "simulation"))
        simulate(&o, &cost);
    return 0;
}
