/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m set: the packet is an element of a set, and how often packets were (iptables reference, 3.5).
 *
 * Options may be there in any number and order where that is harmless, as in iptables; so this file
 * checks what the table of options would otherwise refuse, in iptables' words.
 */
#include "rules/set/rule.h"

enum { MATCH_SET, RETURN_NOMATCH, UPDATE, UPDATE_SUB, PACKETS, BYTES };

struct set_match {
    struct set_rule set;
    struct set_compare packets, bytes;
};

#define ANY (OPT_NOT | OPT_AGAIN)

static const struct opt opts[] = {
    {"match-set", MATCH_SET, OPT_OTHER, ANY},
    {"set", MATCH_SET, OPT_OTHER, ANY},
    {"return-nomatch", RETURN_NOMATCH, OPT_FLAG, ANY},
    {"update-counters", UPDATE, OPT_FLAG, ANY},
    {"update-subcounters", UPDATE_SUB, OPT_FLAG, ANY},
    {"packets-eq", PACKETS, OPT_OTHER, ANY},
    {"packets-lt", PACKETS, OPT_OTHER, ANY},
    {"packets-gt", PACKETS, OPT_OTHER, ANY},
    {"bytes-eq", BYTES, OPT_OTHER, ANY},
    {"bytes-lt", BYTES, OPT_OTHER, ANY},
    {"bytes-gt", BYTES, OPT_OTHER, ANY},
    {0},
};

static bool take_set(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct set_match *m = ext_data(x);

    if (*m->set.name)
        return rule_fail(r, "--match-set can be specified only once");
    if (strcmp(o->name, "set") == 0)
        rule_note(r, "--set option deprecated, please use --match-set");
    return set_rule_take(r, o, text, &m->set);
}

/* "packets-eq": what is compared, and how. */
static bool take_compare(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text,
                         struct set_compare *compare)
{
    const char *dash = strchr(o->name, '-');
    bool equal = strcmp(dash, "-eq") == 0, less = strcmp(dash, "-lt") == 0;

    if (compare->op)
        return rule_fail(r, "only one of the --%.*s-[eq|lt|gt] is allowed", (int)(dash - o->name),
                         o->name);
    if (ext_negated(x, o->id) && !equal)
        return rule_fail(r, "--%s option cannot be inverted", o->name);
    if (!read_u64(text, 0, UINT64_MAX, &compare->value))
        return rule_fail(r, "Cannot parse %s as a counter value", text);
    if (equal)
        compare->op = ext_negated(x, o->id) ? SET_CMP_NE : SET_CMP_EQ;
    else
        compare->op = less ? SET_CMP_LT : SET_CMP_GT;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct set_match *m = ext_data(x);

    switch (o->id) {
    case MATCH_SET: return take_set(r, x, o, text);
    case RETURN_NOMATCH:
        return !ext_negated(x, RETURN_NOMATCH) ||
               rule_fail(r, "--return-nomatch flag cannot be inverted");
    case PACKETS: return take_compare(r, x, o, text, &m->packets);
    case BYTES: return take_compare(r, x, o, text, &m->bytes);
    default: return true;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct set_match *m = ext_conf(x);

    return *m->set.name || rule_fail(r, "You must specify `--match-set' with proper arguments");
}

/* --- printing --- */

static void add_compare(struct text *out, const char *dashes, const char *what,
                        const struct set_compare *compare)
{
    static const char *const ops[] = {
        [SET_CMP_EQ] = "eq", [SET_CMP_NE] = "eq", [SET_CMP_LT] = "lt", [SET_CMP_GT] = "gt"};

    if (!compare->op)
        return;
    text_add(out, compare->op == SET_CMP_NE ? " ! " : " ");
    text_addf(out, "%s%s-%s ", dashes, what, ops[compare->op]);
    text_number(out, compare->value);
}

static void write_all(struct text *out, const struct ext *x, const char *dashes)
{
    const struct set_match *m = ext_conf(x);

    text_addf(out, ext_negated(x, MATCH_SET) ? " ! %smatch-set " : " %smatch-set ", dashes);
    set_rule_print(out, &m->set);
    if (ext_seen(x, RETURN_NOMATCH))
        text_addf(out, " %sreturn-nomatch", dashes);
    if (ext_negated(x, UPDATE))
        text_addf(out, " ! %supdate-counters", dashes);
    if (ext_negated(x, UPDATE_SUB))
        text_addf(out, " ! %supdate-subcounters", dashes);
    add_compare(out, dashes, "packets", &m->packets);
    add_compare(out, dashes, "bytes", &m->bytes);
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
    const struct set_match *m = ext_conf(x);

    return set_rule_hold(w, &m->set, false, state);
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    (void)w;
    (void)x;
    set_rule_let_go(state);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct set_match *m = ext_conf(x);
    const struct set_hold *hold = eval_state(e, x);
    struct set_ask ask = {.dirs = m->set.dirs,
                          .no_count = ext_negated(x, UPDATE),
                          .no_member_count = ext_negated(x, UPDATE_SUB),
                          .return_nomatch = ext_seen(x, RETURN_NOMATCH),
                          .packets = m->packets,
                          .bytes = m->bytes};
    bool found = hold->sets && sets_match(hold->sets, hold->slot, e, &ask);

    return found != ext_negated(x, MATCH_SET);
}

const struct ext_type match_set = {
    .name = "set",
    .families = EXT_BOTH,
    .size = sizeof(struct set_match),
    .state_size = sizeof(struct set_hold),
    .opts = opts,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .match = match,
};
