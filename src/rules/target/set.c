/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SET: add the packet to a set, delete it from one, or take over what a set stores for packets
 * (iptables reference, 4.6). A rule may do all three, in this order. iptables overlooks a "!"
 * before any of the options, and so does this.
 */
#include "rules/set/rule.h"

enum { ADD_SET, DEL_SET, MAP_SET, EXIST, TIMEOUT, MAP_MARK, MAP_PRIO, MAP_QUEUE };

enum {
    ADD_ONLY = OPT_BIT(EXIST) | OPT_BIT(TIMEOUT),
    MAP_FLAGS = OPT_BIT(MAP_MARK) | OPT_BIT(MAP_PRIO) | OPT_BIT(MAP_QUEUE),
};
static const uint64_t timeout_max = UINT32_MAX - 1;

struct set_target {
    struct set_rule set[MAP_SET + 1];
    uint32_t timeout;
};

struct state {
    struct set_hold hold[MAP_SET + 1];
};

#define ANY (OPT_NOT | OPT_AGAIN)

static const struct opt opts[] = {
    {"add-set", ADD_SET, OPT_OTHER, ANY},
    {"del-set", DEL_SET, OPT_OTHER, ANY},
    {"map-set", MAP_SET, OPT_OTHER, ANY},
    {"exist", EXIST, OPT_FLAG, ANY},
    {"timeout", TIMEOUT, OPT_OTHER, ANY},
    {"map-mark", MAP_MARK, OPT_FLAG, ANY},
    {"map-prio", MAP_PRIO, OPT_FLAG, ANY},
    {"map-queue", MAP_QUEUE, OPT_FLAG, ANY},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct set_target *t = ext_data(x);
    uint64_t n;

    if (o->id == TIMEOUT) {
        if (!read_u64(text, 0, timeout_max, &n))
            return rule_fail(r, "Invalid value for option --timeout or out of range 0-%llu",
                             (unsigned long long)timeout_max);
        t->timeout = (uint32_t)n;
    }
    if (o->id > MAP_SET)
        return true;
    if (*t->set[o->id].name)
        return rule_fail(r, "--%s can be specified only once", o->name);
    return set_rule_take(r, o, text, &t->set[o->id]);
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct set_target *t = ext_conf(x);
    bool adds = *t->set[ADD_SET].name, maps = *t->set[MAP_SET].name;

    if (!adds && !maps && !*t->set[DEL_SET].name)
        return rule_fail(r, "You must specify either `--add-set' or `--del-set' or `--map-set'");
    if (!adds && x->seen & ADD_ONLY)
        return rule_fail(r, ext_seen(x, EXIST)
                                ? "Flag `--exist' can be used with `--add-set' only"
                                : "Option `--timeout' can be used with `--add-set' only");
    if (!maps && x->seen & MAP_FLAGS)
        return rule_fail(r, "Flag `--%s' can be used with `--map-set' only",
                         ext_seen(x, MAP_MARK)   ? "map-mark"
                         : ext_seen(x, MAP_PRIO) ? "map-prio"
                                                 : "map-queue");
    if (maps && !(x->seen & MAP_FLAGS))
        return rule_fail(r, "You must specify flags `--map-mark' or '--map-prio` or `--map-queue'");
    if (maps)
        x->tables = IN_MANGLE;
    if (ext_seen(x, MAP_PRIO) || ext_seen(x, MAP_QUEUE))
        x->hooks &= ON_FORWARD | ON_OUTPUT | ON_POSTROUTING;
    return true;
}

/* --- printing --- */

static void add_set(struct text *out, const struct set_target *t, unsigned which,
                    const char *dashes)
{
    if (!*t->set[which].name)
        return;
    text_addf(out, " %s%s ", dashes, opts[which].name);
    set_rule_print(out, &t->set[which]);
}

static void write_all(struct text *out, const struct ext *x, const char *dashes)
{
    const struct set_target *t = ext_conf(x);

    add_set(out, t, ADD_SET, dashes);
    if (ext_seen(x, EXIST))
        text_addf(out, " %sexist", dashes);
    if (ext_seen(x, TIMEOUT))
        text_addf(out, " %stimeout %u", dashes, t->timeout);
    add_set(out, t, DEL_SET, dashes);
    add_set(out, t, MAP_SET, dashes);
    for (unsigned id = MAP_MARK; id <= MAP_QUEUE; id++)
        if (ext_seen(x, id))
            text_addf(out, " %s%s", dashes, opts[id].name);
}

static void print(struct text *out, const struct ext *x)
{
    write_all(out, x, "--");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    write_all(out, x, "");
}

/* --- running --- */

static bool bind(struct world *w, const struct ext *x, void *state)
{
    const struct set_target *t = ext_conf(x);
    struct state *s = state;

    for (unsigned i = 0; i <= MAP_SET; i++)
        if (!set_rule_hold(w, &t->set[i], i == ADD_SET, &s->hold[i]))
            return false;
    return true;
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    struct state *s = state;

    (void)w;
    (void)x;
    for (unsigned i = 0; i <= MAP_SET; i++)
        set_rule_let_go(&s->hold[i]);
}

/* The packet takes what the set has for it. weir's packets have no hardware queue to choose. */
static void map(struct eval *e, const struct ext *x, const struct set_hold *hold,
                struct set_dirs dirs)
{
    struct weir_packet *raw = e->p->raw;
    struct set_ask ask = {.dirs = dirs, .find_info = true};

    if (!sets_match(hold->sets, hold->slot, e, &ask) || !ask.has_info)
        return;
    if (ext_seen(x, MAP_MARK))
        raw->mark = (raw->mark & ~ask.info.mark_mask) ^ ask.info.mark;
    if (ext_seen(x, MAP_PRIO))
        raw->priority = ask.info.priority;
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct set_target *t = ext_conf(x);
    const struct state *s = eval_state(e, x);
    const struct set_hold *hold = s->hold;

    if (hold[ADD_SET].sets)
        (void)sets_add_packet(hold[ADD_SET].sets, hold[ADD_SET].slot, e, t->set[ADD_SET].dirs,
                              ext_seen(x, EXIST), ext_seen(x, TIMEOUT) ? &t->timeout : NULL);
    if (hold[DEL_SET].sets)
        (void)sets_del_packet(hold[DEL_SET].sets, hold[DEL_SET].slot, e, t->set[DEL_SET].dirs);
    if (hold[MAP_SET].sets)
        map(e, x, &hold[MAP_SET], t->set[MAP_SET].dirs);
    return RULES_CONTINUE;
}

const struct ext_type target_set = {
    .name = "SET",
    .families = EXT_BOTH,
    .size = sizeof(struct set_target),
    .state_size = sizeof(struct state),
    .opts = opts,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .target = run,
};
