/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_run: plays scenario files (tests/lib/scenario.h) and reports in TAP.
 *
 *   scenario_run [--kernel] [--limit SECONDS] [--name TEXT] [--wrong] FILE...
 *
 * Each scenario is played on weir with a fake clock: it costs no time, and its times are exact.
 *
 * With --kernel the kernel plays it too, in a namespace of its own and in real time, and so does a
 * second weir that is told the kernel's time. All must do what the scenario says. Besides, all that
 * the kernel and that second weir report, step by step and in the end, is compared, so that a
 * difference shows which nobody had thought of writing down.
 *
 * A scenario that waits longer than the limit (5 seconds) is not played on the kernel; how many
 * these were is the last line. --name plays only scenarios with TEXT in their name, or this ref.
 *
 * With --wrong every scenario must fail, on each engine: a test of this program.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/wire.h"
#include "compare.h"
#include "scenario_check.h"

enum {
    WEIR = 0, /* on the fake clock */
    KERNEL,
    TWIN, /* weir on the kernel's clock */
    PLAYERS,
};

struct options {
    bool kernel;
    int64_t limit_ns;
    const char *name; /* NULL: all */
    bool wrong;
};

struct totals {
    unsigned scenarios, failed, weir, kernel, too_long, weir_only, kernel_only;
};

struct source {
    const char *path;
    char *text;
    const char **line; /* from 1 */
    struct scenario_file file;
    struct scn_error error;
    bool loaded;
};

/* ---- files ---- */

/* Reads a file; NULL if that is impossible, with errno. */
static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, n = 1;

    *len = 0;
    while (f && n) {
        if (room - *len < 4096) {
            room = 2 * room + 65536;
            text = realloc(text, room + 1);
            if (!text)
                abort();
        }
        n = fread(text + *len, 1, room - *len, f);
        *len += n;
    }
    if (text)
        text[*len] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* Cuts the text into lines, in place: it has been parsed. */
static void cut_lines(struct source *s)
{
    size_t n = 2;

    for (const char *p = s->text; *p; p++)
        n += *p == '\n';
    s->line = calloc(n + 1, sizeof(*s->line));
    if (!s->line)
        abort();
    s->line[0] = "";
    n = 1;
    for (char *p = s->text; p;) {
        s->line[n++] = p;
        p = strchr(p, '\n');
        if (p)
            *p++ = '\0';
    }
}

static void load(struct source *s, const char *path)
{
    size_t len;

    *s = (struct source){.path = path, .text = slurp(path, &len)};
    if (!s->text) {
        (void)snprintf(s->error.text, sizeof(s->error.text), "%s", strerror(errno));
        return;
    }
    s->loaded = scenario_parse(&s->file, s->text, len, &s->error);
    cut_lines(s);
}

static void unload(struct source *s)
{
    scenario_free(&s->file);
    free(s->line);
    free(s->text);
}

static bool chosen(const struct options *o, const struct scenario *scenario)
{
    if (!o->name || strstr(scenario->name, o->name))
        return true;
    for (size_t i = 0; i < scenario->ref_count; i++)
        if (strcmp(scenario->ref[i], o->name) == 0)
            return true;
    return false;
}

/* ---- time ---- */

static int64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec ts = {ns / 1000000000, ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static int64_t total_wait(const struct scenario *scenario)
{
    int64_t ns = 0;

    for (size_t i = 0; i < scenario->step_count; i++)
        ns += scenario->step[i].wait_ns;
    return ns;
}

/* ---- comparing the kernel with its twin ---- */

static int by_entry(const void *a, const void *b)
{
    const struct rig_event *x = a, *y = b;

    return rig_tuple_cmp(&x->entry.orig, &y->entry.orig);
}

/* What ends by itself has an order in weir (by deadline), and none in the kernel. */
static void sort_events(struct rig_result *r)
{
    if (r->events)
        qsort(r->event, r->events, sizeof(*r->event), by_entry);
}

/*
 * Numbers that an engine draws for itself: the identification of an IPv6 fragment, and of an IPv4
 * packet that the router made.
 */
static void forget_ids(struct rig_result *r)
{
    enum { IP6_FRAGMENT = 44 };

    for (size_t i = 0; i < r->packets; i++) {
        uint8_t *p = r->bytes + (r->packet[i].data - r->bytes);
        size_t len = r->packet[i].len;

        if (len >= 48 && p[0] >> 4 == 6 && p[6] == IP6_FRAGMENT)
            wire_put32(p + 44, 0);
        if (len >= 20 && p[0] >> 4 == 4 && p[12] == 10 && p[13] == 0 && p[15] == 1) {
            wire_put16(p + 4, 0);
            wire_put16(p + 10, 0);
        }
    }
}

static bool makes_result(const struct scn_step *step)
{
    return step->kind == SCN_STEP_PACKET || step->kind == SCN_STEP_FLUSH;
}

static void compare_step(struct check *kernel, struct check *twin, const struct scn_step *step)
{
    struct difference d;

    if (step->wait_ns) {
        sort_events(&kernel->waited);
        sort_events(&twin->waited);
        if (!compare_results(&kernel->waited, &twin->waited, &d))
            report_fail(kernel->report, step->line, "they differ, in what ended before it", "%s",
                        d.text);
    }
    if (!makes_result(step))
        return;
    if (step->kind == SCN_STEP_FLUSH) {
        sort_events(&kernel->result);
        sort_events(&twin->result);
    }
    forget_ids(&kernel->result);
    forget_ids(&twin->result);
    if (!compare_results(&kernel->result, &twin->result, &d))
        report_fail(kernel->report, step->line, "they differ", "%s", d.text);
}

/* The rules with their counters. */
static void compare_saved(struct check *kernel, struct check *twin, const struct scenario *scenario)
{
    struct player *k = kernel->player, *t = twin->player;

    for (int i = 0; i < 2; i++) {
        char *a = NULL, *b = NULL;
        struct difference d;

        if (!kernel->rules.text[i][0])
            continue;
        if (!k->ops->save(k, i ? 6 : 4, &a))
            report_fail(kernel->report, scenario->line, "kernel", "%s", k->error);
        else if (!t->ops->save(t, i ? 6 : 4, &b))
            report_fail(kernel->report, scenario->line, "weir", "%s", t->error);
        else if (!compare_rules(a, b, &d))
            report_fail(kernel->report, scenario->line, "they differ in the end", "%s", d.text);
        free(a);
        free(b);
    }
}

static void compare_end(struct check *kernel, struct check *twin, const struct scenario *scenario)
{
    struct player *k = kernel->player, *t = twin->player;
    struct rig_stats ks, ts;
    struct difference d;

    if (!k->ops->dump(k, &kernel->table) || !k->ops->stats(k, &ks)) {
        report_fail(kernel->report, scenario->line, "kernel", "%s", k->error);
        return;
    }
    (void)(t->ops->wait(t, &twin->waited) && t->ops->dump(t, &twin->table) &&
           t->ops->stats(t, &ts));
    if (!compare_tables(&kernel->table, &twin->table, &d))
        report_fail(kernel->report, scenario->line, "they differ in the end", "%s", d.text);
    /* A search for a port begins at a random one, and every look that finds it taken is counted. */
    if (strstr(kernel->rules.text[0], "*nat") || strstr(kernel->rules.text[1], "*nat"))
        ts.found = ks.found;
    if (!compare_stats(&ks, &ts, &d))
        report_fail(kernel->report, scenario->line, "they differ in the end", "%s", d.text);
    compare_saved(kernel, twin, scenario);
}

/* ---- playing ---- */

struct cast {
    struct check check[PLAYERS];
    bool plays[PLAYERS];
    int64_t start_ns; /* of the real clock */
    int64_t now_ns;   /* of the scenario's */
};

static bool real_time(const struct cast *c)
{
    return c->plays[KERNEL];
}

static void set_clocks(struct cast *c)
{
    int64_t real = real_time(c) ? clock_ns() - c->start_ns : 0;

    for (int i = 0; i < PLAYERS; i++)
        if (c->plays[i])
            c->check[i].player->now_ns = i == WEIR ? c->now_ns : real;
}

/* The twin has the kernel's luck. */
static void follow(struct cast *c)
{
    struct player *twin = c->check[TWIN].player;

    if (c->plays[KERNEL])
        twin->ops->follow(twin, &c->check[KERNEL].result);
}

static bool everybody(struct cast *c, bool (*act)(struct check *, const struct scn_step *),
                      const struct scn_step *step)
{
    bool ok = true;

    set_clocks(c);
    for (int i = 0; i < PLAYERS; i++) {
        if (i == TWIN && c->plays[i] && act == check_step && step->kind == SCN_STEP_PACKET)
            follow(c);
        if (c->plays[i])
            ok = act(&c->check[i], step) && ok;
    }
    return ok;
}

static bool play_step(struct cast *c, const struct scn_step *step)
{
    c->now_ns += step->wait_ns;
    if (real_time(c) && step->wait_ns)
        sleep_until(c->start_ns + c->now_ns);
    if (!everybody(c, check_wait, step) || !everybody(c, check_step, step))
        return false;
    if (c->plays[KERNEL] && c->plays[TWIN])
        compare_step(&c->check[KERNEL], &c->check[TWIN], step);
    return true;
}

static void play(struct cast *c, const struct scenario *scenario)
{
    c->start_ns = clock_ns();
    for (size_t i = 0; i < scenario->step_count; i++)
        if (!play_step(c, &scenario->step[i]))
            return;
    set_clocks(c);
    if (c->plays[KERNEL] && c->plays[TWIN])
        compare_end(&c->check[KERNEL], &c->check[TWIN], scenario);
}

static bool join(struct cast *c, int who, struct player *player, struct report *report)
{
    if (!player) {
        report_fail(report, 0, "weir", "no memory");
        return false;
    }
    check_init(&c->check[who], player, report);
    c->plays[who] = true;
    return true;
}

static bool gather(struct cast *c, const struct scenario *scenario, bool kernel,
                   struct report *report)
{
    struct player *player;
    char error[512];

    if (scenario->only != SCN_ENGINE_KERNEL && !join(c, WEIR, player_weir(scenario, false), report))
        return false;
    if (!kernel)
        return true;
    if (player_kernel(&player, error, sizeof(error))) {
        report_fail(report, 0, "kernel", "%s", error);
        return false;
    }
    join(c, KERNEL, player, report);
    return scenario->only == SCN_ENGINE_KERNEL ||
           join(c, TWIN, player_weir(scenario, true), report);
}

static void dismiss(struct cast *c)
{
    for (int i = 0; i < PLAYERS; i++) {
        if (c->plays[i]) {
            check_free(&c->check[i]);
            c->check[i].player->ops->free(c->check[i].player);
        }
    }
}

/* Has every engine failed? */
static bool all_failed(const struct cast *c)
{
    for (int i = 0; i < PLAYERS; i++)
        if (c->plays[i] && !c->check[i].failures)
            return false;
    return true;
}

/* Whether the kernel plays it; if not, why, for the reader. */
static bool wants_kernel(const struct options *o, const struct scenario *scenario,
                         struct totals *totals)
{
    if (!o->kernel)
        return false;
    if (scenario->only == SCN_ENGINE_WEIR) {
        totals->weir_only++;
        return false;
    }
    if (total_wait(scenario) <= o->limit_ns)
        return true;
    totals->too_long++;
    printf("# not played on the kernel, it would take %.1f s: %s\n",
           (double)total_wait(scenario) / 1e9, scenario->name);
    return false;
}

static void run_scenario(const struct options *o, const struct source *s,
                         const struct scenario *scenario, struct totals *totals)
{
    struct report report = {.path = s->path, .line = s->line};
    bool kernel = wants_kernel(o, scenario, totals);
    struct cast cast = {0};

    /* Not a test of this run: with --kernel it is one, unless it takes too long. */
    if (!kernel && scenario->only == SCN_ENGINE_KERNEL) {
        totals->kernel_only++;
        return;
    }
    totals->scenarios++;
    if (gather(&cast, scenario, kernel, &report))
        play(&cast, scenario);
    totals->weir += cast.plays[WEIR];
    totals->kernel += cast.plays[KERNEL];
    bool failed = o->wrong ? !all_failed(&cast) : report.failures != 0;

    dismiss(&cast);
    totals->failed += failed;
    printf("%s %u - %s: %s%s\n", failed ? "not ok" : "ok", totals->scenarios, s->path,
           o->wrong ? "must fail: " : "", scenario->name);
    (void)fflush(stdout);
}

static void run_source(const struct options *o, const struct source *s, struct totals *totals)
{
    if (!s->loaded) {
        totals->scenarios++;
        totals->failed++;
        printf("# %s:%u:%u: %s\nnot ok %u - %s: can be read\n", s->path, s->error.line,
               s->error.col, s->error.text, totals->scenarios, s->path);
        return;
    }
    for (size_t i = 0; i < s->file.count; i++)
        if (chosen(o, &s->file.scenario[i]))
            run_scenario(o, s, &s->file.scenario[i], totals);
}

/* Is there a kernel to play on? If not, say so in TAP. */
static bool kernel_ready(int *status)
{
    struct player *player;
    char error[512];
    int err = player_kernel(&player, error, sizeof(error));

    *status = err == RIG_SKIP ? 0 : 1;
    if (err == RIG_SKIP)
        printf("1..0 # SKIP %s\n", error);
    else if (err)
        printf("Bail out! %s\n", error);
    else
        player->ops->free(player);
    return !err;
}

static int usage(void)
{
    (void)fprintf(
        stderr,
        "usage: scenario_run [--kernel] [--limit SECONDS] [--name TEXT] [--wrong] FILE...\n");
    return 2;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option words[] = {{"kernel", no_argument, NULL, 'k'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"wrong", no_argument, NULL, 'w'},
                                          {0}};
    int word;

    *o = (struct options){.limit_ns = 5000000000LL};
    while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
        switch (word) {
        case 'k': o->kernel = true; break;
        case 'l': o->limit_ns = (int64_t)(strtod(optarg, NULL) * 1e9); break;
        case 'n': o->name = optarg; break;
        case 'w': o->wrong = true; break;
        default: return false;
        }
    }
    return optind < argc;
}

int main(int argc, char **argv)
{
    struct totals totals = {0};
    struct options o;
    int status;

    if (!read_options(argc, argv, &o))
        return usage();
    if (o.kernel && !kernel_ready(&status))
        return status;
    size_t n = (size_t)(argc - optind);
    struct source *source = calloc(n, sizeof(*source));

    if (!source)
        return 1;
    for (size_t i = 0; i < n; i++) {
        load(&source[i], argv[(size_t)optind + i]);
        run_source(&o, &source[i], &totals);
        unload(&source[i]);
    }
    free(source);
    printf("1..%u\n# %u scenarios, %u failed; weir played %u, the kernel %u\n", totals.scenarios,
           totals.scenarios, totals.failed, totals.weir, totals.kernel);
    if (o.kernel)
        printf("# not played on the kernel: %u too long for real time, %u for weir only\n",
               totals.too_long, totals.weir_only);
    else if (totals.kernel_only)
        printf("# not played: %u for the kernel only\n", totals.kernel_only);
    return totals.failed ? 1 : 0;
}
