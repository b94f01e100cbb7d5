/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_weir: weir as a player, see scenario_player.h.
 *
 * What a scenario's templates say is handed to it packet by packet, as a rule of the raw table
 * would have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "scenario_player.h"
#include "scenario_tuple.h"

enum {
    POLICIES_MAX = 8,
    CAPACITY = 1 << 20, /* the highest nf_conntrack_max that a scenario can ask for later */
};

struct weir_player {
    struct player player;
    struct engine *engine;
    struct rig_result *result; /* of the call that is being made */
    struct {
        struct plan_templ plan;
        struct weir_template templ;
    } side[RIG_SIDE_MAX];
    struct {
        char name[PLAN_NAME_MAX]; /* "": free; its number is its place, from 1 */
        uint8_t proto;
    } policy[POLICIES_MAX];
};

bool player_fail(struct player *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(p->error, sizeof(p->error), fmt, ap);
    va_end(ap);
    return false;
}

static struct weir_player *mine(struct player *p)
{
    return (struct weir_player *)p;
}

static struct weir_shard *shard(struct player *p)
{
    return engine_shard(mine(p)->engine);
}

static struct weir_time now(const struct player *p)
{
    return (struct weir_time){p->now_ns};
}

static void weir_free(struct player *p)
{
    engine_free(mine(p)->engine);
    free(p);
}

static bool weir_wait(struct player *p, struct rig_result *result)
{
    engine_wait(mine(p)->engine, now(p), result);
    return true;
}

/* The template that a packet gets: its side's, if that is for its protocol. */
static const struct weir_template *templ_for(struct weir_player *w, enum rig_side side,
                                             const uint8_t *packet, size_t len)
{
    const struct plan_templ *plan = &w->side[side].plan;
    struct rig_tuple tuple;

    if (plan->off)
        return NULL;
    (void)scenario_tuple(packet, len, &tuple);
    return plan->proto && plan->proto != tuple.proto ? NULL : &w->side[side].templ;
}

static bool weir_packet(struct player *p, enum rig_side side, const uint8_t *packet, size_t len,
                        struct rig_result *result)
{
    engine_step(mine(p)->engine, now(p), side, packet, len, templ_for(mine(p), side, packet, len),
                result);
    return true;
}

/* What is not about connection tracking is about the kernel's IP layer, which weir does not have.
 */
static bool weir_sysctl(struct player *p, const char *name, const char *value)
{
    enum weir_tunable tunable = plan_tunable(name);
    int err;

    if (tunable == WEIR_T_MAX_NUMBER)
        return strncmp(name, "net.netfilter.", 14) != 0 ||
               player_fail(p, "weir has no tunable '%s'", name);
    err = weir_tunable_set(shard(p), tunable, atoll(value));
    return !err || player_fail(p, "sysctl %s = %s: %s", name, value, strerror(-err));
}

static int find_policy(const struct weir_player *w, const char *name)
{
    for (int i = 0; i < POLICIES_MAX; i++)
        if (strcmp(w->policy[i].name, name) == 0)
            return i;
    return -1;
}

static bool weir_templ(struct player *p, const struct plan_templ *plan)
{
    struct weir_player *w = mine(p);
    int policy = plan->policy[0] ? find_policy(w, plan->policy) : -1;

    if (plan->policy[0] && policy < 0)
        return player_fail(p, "there is no policy '%s'", plan->policy);
    w->side[plan->side].plan = *plan;
    if (policy >= 0 && !plan->proto)
        w->side[plan->side].plan.proto = w->policy[policy].proto;
    w->side[plan->side].templ = (struct weir_template){.notrack = plan->notrack,
                                                       .zone = plan->zone,
                                                       .zone_dirs = plan->zone_dirs,
                                                       .event_mask = plan->event_mask,
                                                       .policy = (uint8_t)(policy + 1)};
    return true;
}

static bool weir_policy(struct player *p, const struct plan_policy *plan)
{
    struct weir_player *w = mine(p);
    int i = find_policy(w, plan->name);

    if (i < 0 && !plan->off)
        i = find_policy(w, "");
    if (i < 0)
        return player_fail(p, "policy '%s': there is no such, or too many", plan->name);
    unsigned number = (unsigned)i + 1;
    if (plan->off) {
        weir_policy_del(shard(p), number);
        w->policy[i].name[0] = '\0';
        return true;
    }
    memcpy(w->policy[i].name, plan->name, sizeof(plan->name));
    w->policy[i].proto = plan->proto;
    for (unsigned k = 0; k < PLAN_VALUES_MAX; k++) {
        int err = plan->seconds[k]
                      ? weir_policy_set(shard(p), number, plan->tunable[k], plan->seconds[k])
                      : 0;
        if (err)
            return player_fail(p, "policy '%s': %s", plan->name, strerror(-err));
    }
    return true;
}

static bool weir_mtu(struct player *p, unsigned mtu)
{
    engine_mtu(mine(p)->engine, mtu);
    return true;
}

static bool weir_flush(struct player *p, struct rig_result *result)
{
    weir_wait(p, result);
    engine_watch(mine(p)->engine, result);
    weir_shard_flush(shard(p));
    engine_watch(mine(p)->engine, NULL);
    return true;
}

static bool weir_route(struct player *p, enum rig_side side, const char *prefix)
{
    return engine_route(mine(p)->engine, side, prefix) == 0 ||
           player_fail(p, "no route to '%s', or too many", prefix);
}

static bool weir_rules(struct player *p, uint8_t family, const char *text, bool *refused)
{
    int err = engine_rules(mine(p)->engine, family, text, p->error, sizeof(p->error));

    *refused = err == -EINVAL;
    return !err || *refused;
}

static bool weir_save(struct player *p, uint8_t family, char **text)
{
    *text = engine_rules_save(mine(p)->engine, family);
    return *text || player_fail(p, "there are no rules to print");
}

static void mark_from(struct player *p, const uint8_t src[static 4], uint32_t mark)
{
    struct weir_conn conn;
    uint64_t cursor = 0;

    while (weir_conn_walk(shard(p), &cursor, &conn))
        if (conn.tuple[WEIR_ORIG].family == 4 &&
            memcmp(conn.tuple[WEIR_ORIG].src.bytes, src, 4) == 0)
            (void)weir_conn_set_mark(shard(p), conn.handle, mark);
}

/* Of all that conntrack can do, the one thing for which weir has a function of its own. */
static bool weir_conntrack(struct player *p, const char *args, int *status,
                           struct rig_result *result)
{
    char text[32];
    uint8_t src[4];
    uint32_t mark;
    int end = 0;

    weir_wait(p, result);
    if (sscanf(args, "-U -s %31s -m %" SCNu32 "%n", text, &mark, &end) < 2 || args[end] ||
        inet_pton(AF_INET, text, src) != 1)
        return player_fail(p, "weir has no 'conntrack %s' yet", args);
    engine_watch(mine(p)->engine, result);
    mark_from(p, src, mark);
    engine_watch(mine(p)->engine, NULL);
    *status = 0;
    return true;
}

/* An entry with what only a listing tells. */
static void list_entry(const struct weir_conn *conn, struct rig_entry *entry)
{
    engine_entry(conn, entry);
    entry->id = conn->id;
    entry->use = conn->use;
}

/* The rig's tuple as weir has it. */
static struct weir_tuple tuple_of(const struct rig_tuple *t)
{
    bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;
    struct weir_tuple out = {.family = t->family == AF_INET ? 4 : 6, .proto = t->proto};

    memcpy(out.src.bytes, t->src, sizeof(t->src));
    memcpy(out.dst.bytes, t->dst, sizeof(t->dst));
    out.src_key = htons(icmp ? t->icmp_id : t->sport);
    out.dst_key = htons(icmp ? (uint16_t)(t->icmp_type << 8 | t->icmp_code) : t->dport);
    return out;
}

static bool has_tuple(const struct weir_conn *conn, const struct weir_tuple *tuple, uint16_t zone)
{
    for (int dir = 0; dir < 2; dir++)
        if ((conn->zone_dirs >> dir & 1 ? conn->zone : 0) == zone &&
            memcmp(&conn->tuple[dir], tuple, sizeof(*tuple)) == 0)
            return true;
    return false;
}

/* The entry that weir gave to the last packet is looked at first, which saves a walk if it is it.
 */
static bool weir_find(struct player *p, const struct rig_tuple *tuple, uint16_t zone,
                      struct rig_entry *entry, bool *found)
{
    const struct weir_tuple wanted = tuple_of(tuple);
    struct weir_conn conn;
    uint64_t cursor = 0;

    *found = weir_conn_get(shard(p), engine_last(mine(p)->engine)->conn, &conn) &&
             conn.timeout_ms > 0 && has_tuple(&conn, &wanted, zone);
    while (!*found && weir_conn_walk(shard(p), &cursor, &conn))
        *found = has_tuple(&conn, &wanted, zone);
    if (*found)
        list_entry(&conn, entry);
    return true;
}

static int by_tuple(const void *a, const void *b)
{
    const struct rig_entry *x = a, *y = b;
    int diff = rig_tuple_cmp(&x->orig, &y->orig);

    return diff ? diff : x->zone - y->zone;
}

static bool weir_dump(struct player *p, struct rig_table *table)
{
    struct weir_conn conn;
    uint64_t cursor = 0;

    table->entries = 0;
    while (weir_conn_walk(shard(p), &cursor, &conn)) {
        if (table->entries == table->room) {
            size_t room = table->room ? 2 * table->room : 16;
            struct rig_entry *more = realloc(table->entry, room * sizeof(*more));

            if (!more)
                return player_fail(p, "no memory for the table");
            table->entry = more;
            table->room = room;
        }
        list_entry(&conn, &table->entry[table->entries++]);
    }
    if (table->entries)
        qsort(table->entry, table->entries, sizeof(*table->entry), by_tuple);
    return true;
}

static bool weir_count(struct player *p, uint32_t *count)
{
    *count = (uint32_t)weir_tunable_get(shard(p), WEIR_T_COUNT);
    return true;
}

static bool weir_stats(struct player *p, struct rig_stats *stats)
{
    engine_stats(mine(p)->engine, stats);
    return true;
}

static void weir_follow(struct player *p, const struct rig_result *kernel)
{
    engine_follow(mine(p)->engine, kernel);
}

static const char *weir_reason(struct player *p)
{
    return weir_reason_word((enum weir_reason)engine_last(mine(p)->engine)->reason);
}

static const struct player_ops ops = {
    .free = weir_free,
    .wait = weir_wait,
    .packet = weir_packet,
    .sysctl = weir_sysctl,
    .templ = weir_templ,
    .policy = weir_policy,
    .mtu = weir_mtu,
    .flush = weir_flush,
    .route = weir_route,
    .rules = weir_rules,
    .save = weir_save,
    .conntrack = weir_conntrack,
    .find = weir_find,
    .dump = weir_dump,
    .count = weir_count,
    .stats = weir_stats,
    .follow = weir_follow,
    .reason = weir_reason,
};

/* The kernel's table is there from the start, so weir's is made for what comes before any packet.
 */
static struct weir_config config_for(const struct scenario *scenario)
{
    struct weir_config c = {.capacity = CAPACITY};

    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct scn_step *step = &scenario->step[i];

        if (step->kind == SCN_STEP_PACKET)
            break;
        if (step->kind != SCN_STEP_SYSCTL)
            continue;
        const struct scn_setting *set = step->u.settings.setting;
        enum weir_tunable tunable = plan_tunable(set->key);

        if (tunable == WEIR_T_MAX)
            c.max = (uint32_t)atoll(set->value);
        else if (tunable == WEIR_T_BUCKETS)
            c.buckets = (uint32_t)atoll(set->value);
    }
    return c;
}

struct player *player_weir(const struct scenario *scenario, bool real_time)
{
    struct weir_config config = config_for(scenario);
    struct weir_player *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->player = (struct player){
        .ops = &ops,
        .name = real_time ? "weir, in real time" : "weir",
        .per_second = 1000,
        .real_time = real_time,
    };
    w->side[RIG_A].plan.off = w->side[RIG_B].plan.off = true;
    w->engine = engine_new(&config);
    if (w->engine)
        return &w->player;
    free(w);
    return NULL;
}
