/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m owner: who made the socket that a packet comes from (iptables reference, 3.3). No socket is
 * known here, so, as for Linux and a packet without one, only what is negated holds.
 */
#include "rules/eval.h"

enum { O_SOCKET = 0, O_USER, O_GROUP, O_SUPPLEMENTARY };

struct ids {
    uint32_t min, max;
};

struct owner {
    struct ids user, group;
};

static const struct opt opts[] = {
    {"socket-exists", O_SOCKET, OPT_FLAG, OPT_NOT},
    {"uid-owner", O_USER, OPT_OTHER, OPT_NOT},
    {"gid-owner", O_GROUP, OPT_OTHER, OPT_NOT},
    {"suppl-groups", O_SUPPLEMENTARY, OPT_FLAG},
    {0},
};

/* A name, N, or N-M; all bits set is no id. */
static bool read_ids(const struct rule_parse *r, bool group, const char *text, struct ids *ids)
{
    const struct weir_rules_names *names = r->names;
    const char *end;
    uint64_t min, max;

    if (names->user && names->user(names->ctx, text, group, &ids->min)) {
        ids->max = ids->min;
        return true;
    }
    if (!text_read_number(text, &end, &min) || min >= UINT32_MAX)
        return false;
    max = min;
    if (*end && ((*end != '-' && *end != ':') || !read_u64(end + 1, 0, UINT32_MAX - 1, &max)))
        return false;
    *ids = (struct ids){(uint32_t)min, (uint32_t)max};
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct owner *w = ext_data(x);
    struct ids *ids = o->id == O_USER ? &w->user : &w->group;

    if (o->id == O_SUPPLEMENTARY && !ext_seen(x, O_GROUP))
        return rule_fail(r, "owner: Bad value for \"--suppl-groups\" option: \"you need to use "
                            "--gid-owner first\"");
    if (o->kind == OPT_FLAG)
        return true;
    if (!read_ids(r, o->id == O_GROUP, text, ids))
        return rule_fail(r, "owner: Bad value for \"--%s\" option: \"%s\"", o->name, text);
    if (ids->min > ids->max) {
        rule_fail(r, "owner: the range %s of \"--%s\" is reversed", text, o->name);
        rule_hint(r, "write %u-%u", ids->max, ids->min);
        return false;
    }
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "owner: At least one of --uid-owner, --gid-owner or "
                                   "--socket-exists is required");
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct owner *w = ext_conf(x);
    const struct ids *ids = o->id == O_USER ? &w->user : &w->group;

    text_addf(out, " %u", ids->min);
    if (ids->max != ids->min)
        text_addf(out, "-%u", ids->max);
}

/* A single id by its name. */
static void list_ids(struct text *out, const struct ext *x, const struct opt *o,
                     const struct listing *how)
{
    const struct owner *w = ext_conf(x);
    const struct ids *ids = o->id == O_USER ? &w->user : &w->group;
    const struct weir_rules_names *names = how->names;
    const char *name = NULL;

    if (ids->min == ids->max && !(how->flags & WEIR_RULES_NUMERIC) && names->user_name)
        name = names->user_name(names->ctx, ids->min, o->id == O_GROUP);
    if (!name) {
        show(out, x, o);
        return;
    }
    text_char(out, ' ');
    text_add(out, name);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    static const char *const words[] = {
        [O_SOCKET] = " owner socket exists",
        [O_USER] = " owner UID match",
        [O_GROUP] = " owner GID match",
        [O_SUPPLEMENTARY] = " incl. suppl. groups",
    };

    for (const struct opt *o = opts; o->name; o++) {
        if (!ext_seen(x, o->id))
            continue;
        text_add(out, ext_negated(x, o->id) ? " !" : "");
        text_add(out, words[o->id]);
        if (o->kind == OPT_OTHER)
            list_ids(out, x, o, how);
    }
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    return x->seen == x->negated;
}

const struct ext_type match_owner = {
    .name = "owner",
    .families = EXT_BOTH,
    .hooks = ON_OUTPUT | ON_POSTROUTING,
    .size = sizeof(struct owner),
    .opts = opts,
    .note =
        "the sockets of this host are not known here: of -m owner, only what is negated matches",
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
