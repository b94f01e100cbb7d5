/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include "mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Nothing may be due this close to a packet: twice what compare.h allows for the two clocks. */
static const int64_t quiet_ns = 2 * COMPARE_SLACK_MS * 1000000LL;

/* Tunables that a sequence may change, with the values they start with. */
static const char *const defaults[] = {
    "nf_conntrack_acct",
    "1", /* not the default: counters are to be compared */
    "nf_conntrack_checksum",
    "1",
    "nf_conntrack_tcp_loose",
    "1",
    "nf_conntrack_tcp_be_liberal",
    "0",
    "nf_conntrack_tcp_ignore_invalid_rst",
    "0",
    "nf_conntrack_tcp_max_retrans",
    "3",
    "nf_conntrack_tcp_timeout_max_retrans",
    "300",
    "nf_conntrack_tcp_timeout_unacknowledged",
    "300",
    "nf_conntrack_udp_timeout",
    "30",
    "nf_conntrack_udp_timeout_stream",
    "120",
    NULL,
};

struct pair {
    struct rig *rig;
    struct engine *engine;
    struct rig_result kernel, weir;
    struct rig_table kernel_table, weir_table;
    bool rules[2];         /* loaded, by family */
    struct rig_stats base; /* the kernel's counters when the sequence began */
    struct pair_totals totals;
};

static struct weir_time now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct weir_time){ts.tv_sec * 1000000000LL + ts.tv_nsec};
}

static void sleep_ns(int64_t ns)
{
    struct timespec ts = {ns / 1000000000, ns % 1000000000};

    while (nanosleep(&ts, &ts))
        ;
}

static bool rig_failed(struct pair *p, struct difference *d)
{
    (void)snprintf(d->text, sizeof(d->text), "rig: %s", rig_error(p->rig));
    return false;
}

/* A dump and a flush walk every bucket; with the few entries of a sequence, most of the time would
 * go there. */
static int open_rig(struct pair *p, char *err, size_t err_size)
{
    static const struct rig_opts opts = {.deaf = true};
    int r = rig_new(&opts, &p->rig, err, err_size);

    if (r)
        return r;
    if (rig_global_sysctl_set(p->rig, "net.netfilter.nf_conntrack_buckets", "2048")) {
        (void)snprintf(err, err_size, "%s", rig_error(p->rig));
        return -1;
    }
    return 0;
}

int pair_new(struct pair **pair, char *err, size_t err_size)
{
    struct pair *p = calloc(1, sizeof(*p));
    int r = p ? open_rig(p, err, err_size) : -1;

    if (r) {
        pair_free(p);
        return r;
    }
    *pair = p;
    return 0;
}

void pair_free(struct pair *p)
{
    if (!p)
        return;
    engine_free(p->engine);
    rig_result_free(&p->kernel);
    rig_result_free(&p->weir);
    rig_table_free(&p->kernel_table);
    rig_table_free(&p->weir_table);
    rig_free(p->rig);
    free(p);
}

static bool set_all(struct pair *p, const char *const *list, struct difference *d)
{
    static const char *const names[] = {
#define WEIR_TUNABLE(id, name, def, min, max) name,
#include <weir/tunables.def>
#undef WEIR_TUNABLE
    };

    for (; list && *list; list += 2) {
        char full[96];
        size_t i = 0;

        (void)snprintf(full, sizeof(full), "net.netfilter.%s", list[0]);
        if (rig_sysctl_set(p->rig, full, list[1]))
            return rig_failed(p, d);
        while (i < WEIR_T_MAX_NUMBER && strcmp(names[i], list[0]) != 0)
            i++;
        if (weir_tunable_set(engine_shard(p->engine), (enum weir_tunable)i, atoll(list[1]))) {
            (void)snprintf(d->text, sizeof(d->text), "weir refuses %s=%s", list[0], list[1]);
            return false;
        }
    }
    return true;
}

static bool load_rules(struct pair *p, const struct pair_setup *setup, struct difference *d)
{
    char err[256];

    for (int i = 0; i < 2; i++) {
        const char *text = setup ? setup->rules[i] : NULL;

        p->rules[i] = text != NULL;
        if (!text)
            continue;
        if (rig_rules(p->rig, i ? AF_INET6 : AF_INET, text))
            return rig_failed(p, d);
        if (engine_rules(p->engine, i ? 6 : 4, text, err, sizeof(err))) {
            (void)snprintf(d->text, sizeof(d->text), "weir refuses the rules: %s", err);
            return false;
        }
    }
    return true;
}

static bool check_rules(struct pair *p, struct difference *d)
{
    bool same = true;

    for (int i = 0; i < 2 && same; i++) {
        char *kernel = NULL, *weir;

        if (!p->rules[i])
            continue;
        if (rig_rules_save(p->rig, i ? AF_INET6 : AF_INET, &kernel))
            return rig_failed(p, d);
        weir = engine_rules_save(p->engine, i ? 6 : 4);
        same = compare_rules(kernel, weir ? weir : "", d);
        free(kernel);
        free(weir);
    }
    return same;
}

bool pair_reset(struct pair *p, const struct pair_setup *setup, struct difference *d)
{
    engine_free(p->engine);
    p->engine = engine_new(NULL);
    if (!p->engine) {
        (void)snprintf(d->text, sizeof(d->text), "weir: no memory for a shard");
        return false;
    }
    /* A new namespace, since nothing else makes the kernel forget fragments. */
    rig_free(p->rig);
    p->rig = NULL;
    if (open_rig(p, d->text, sizeof(d->text)))
        return false;
    if (rig_stats(p->rig, &p->base))
        return rig_failed(p, d);
    return set_all(p, defaults, d) && set_all(p, setup ? setup->sysctls : NULL, d) &&
           load_rules(p, setup, d);
}

/* --- what ends by itself --- */

static int by_entry(const void *a, const void *b)
{
    const struct rig_event *x = a, *y = b;

    return rig_tuple_cmp(&x->entry.orig, &y->entry.orig);
}

static void sort_events(struct rig_result *r)
{
    if (r->events)
        qsort(r->event, r->events, sizeof(*r->event), by_entry);
}

/* weir's earliest real deadline, or INT64_MAX. (weir_shard_deadline() may be earlier: the wheel
 * looks ahead.) */
static int64_t next_end(struct pair *p, struct weir_time at)
{
    struct weir_conn conn;
    uint64_t cursor = 0;
    int64_t first = INT64_MAX;

    while (weir_conn_walk(engine_shard(p->engine), &cursor, &conn))
        if (at.ns + conn.timeout_ms * 1000000 < first)
            first = at.ns + conn.timeout_ms * 1000000;
    return first;
}

/* Get past every deadline that is near, for both, and compare what ended. */
static bool settle(struct pair *p, struct difference *d)
{
    struct weir_time at = now();

    if (weir_shard_deadline(engine_shard(p->engine)).ns > at.ns + quiet_ns)
        return true;
    engine_wait(p->engine, at, &p->weir);
    struct rig_result ended = p->weir;

    memset(&p->weir, 0, sizeof(p->weir));
    for (int64_t next; (next = next_end(p, at)) <= at.ns + quiet_ns;) {
        sleep_ns(next - at.ns + quiet_ns);
        at = now();
        engine_wait(p->engine, at, &p->weir);
        for (size_t i = 0; i < p->weir.events; i++) {
            ended.event = realloc(ended.event, (ended.events + 1) * sizeof(*ended.event));
            ended.event_room = ended.events + 1;
            ended.event[ended.events++] = p->weir.event[i];
        }
    }
    rig_result_free(&p->weir);
    p->weir = ended;
    /* A dump makes the kernel look; a second one, since the first skips what it ends. */
    if (rig_dump(p->rig, &p->kernel_table) || rig_collect(p->rig, &p->kernel))
        return rig_failed(p, d);
    sort_events(&p->kernel);
    sort_events(&p->weir);
    p->totals.events += p->kernel.events;
    return compare_results(&p->kernel, &p->weir, d);
}

/* What weir says it did with the packet, added to a difference. Always false. */
static bool explain(const struct pair *p, struct difference *d)
{
    static const char *const verdicts[WEIR_VERDICT_MAX] = {"none", "accept", "drop", "held",
                                                           "replaced"};
    const struct weir_packet *last = engine_last(p->engine);
    size_t n = strlen(d->text);

    (void)snprintf(d->text + n, sizeof(d->text) - n, "\n      weir's verdict: %s, %s, %s",
                   verdicts[last->verdict], weir_ctinfo_name((enum weir_ctinfo)last->ctinfo),
                   weir_reason_word((enum weir_reason)last->reason));
    return false;
}

bool pair_step(struct pair *p, int64_t delta_ns, enum rig_side side, const void *bytes, size_t len,
               struct difference *d)
{
    uint8_t packet[65536];

    if (delta_ns > 0)
        sleep_ns(delta_ns);
    if (!settle(p, d))
        return false;
    if (len > sizeof(packet))
        len = sizeof(packet);
    memcpy(packet, bytes, len);
    if (p->rules[0] || p->rules[1])
        mirror(engine_shard(p->engine), packet, len);

    struct weir_time at = now();

    if (rig_step(p->rig, side, packet, len, &p->kernel))
        return rig_failed(p, d);
    engine_follow(p->engine, &p->kernel);
    engine_step(p->engine, at, side, packet, len, NULL, &p->weir);
    p->totals.packets++;
    p->totals.events += p->kernel.events;
    for (size_t i = 0; i < p->kernel.seens; i++)
        p->totals.classes[p->kernel.seen[i].class]++;
    return compare_results(&p->kernel, &p->weir, d) || explain(p, d);
}

bool pair_check(struct pair *p, struct difference *d)
{
    struct rig_stats kernel, weir;

    if (!settle(p, d))
        return false;
    struct weir_time at = now();

    if (rig_dump(p->rig, &p->kernel_table) || rig_stats(p->rig, &kernel))
        return rig_failed(p, d);
    engine_wait(p->engine, at, &p->weir);
    engine_dump(p->engine, &p->weir_table);
    p->totals.checks++;
    p->totals.entries += p->kernel_table.entries;
    if (!compare_tables(&p->kernel_table, &p->weir_table, d))
        return false;
    kernel.found -= p->base.found;
    kernel.invalid -= p->base.invalid;
    kernel.insert -= p->base.insert;
    kernel.insert_failed -= p->base.insert_failed;
    kernel.drop -= p->base.drop;
    kernel.early_drop -= p->base.early_drop;
    kernel.error -= p->base.error;
    kernel.clash_resolve -= p->base.clash_resolve;
    kernel.chain_toolong -= p->base.chain_toolong;
    engine_stats(p->engine, &weir);
    return compare_stats(&kernel, &weir, d) && check_rules(p, d);
}

const struct pair_totals *pair_totals(const struct pair *p)
{
    return &p->totals;
}
