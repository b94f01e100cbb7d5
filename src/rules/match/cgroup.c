/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m cgroup: the control group of a packet's socket (iptables reference, 3.3). No socket is known
 * here, so, as for Linux and a packet without one, nothing matches, negated or not.
 */
#include "rules/eval.h"

enum { C_CLASS = 0, C_PATH };

struct cgroup {
    uint32_t class;
    const char *path;
};

static const struct opt opts[] = {
    {"path", C_PATH, OPT_OTHER, OPT_NOT},
    {"cgroup", C_CLASS, OPT_U32, OPT_NOT, offsetof(struct cgroup, class)},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct cgroup *c = ext_data(x);
    size_t size = strlen(text) + 1;
    char *copy;

    if (o->id != C_PATH)
        return true;
    copy = rule_memory(r, size);
    if (!copy)
        return false;
    memcpy(copy, text, size);
    c->path = copy;
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return ext_seen(x, C_CLASS) != ext_seen(x, C_PATH) ||
           rule_fail(r, "cgroup: exactly one of --path and --cgroup is required");
}

/* Unlike other texts a path is quoted even if it need not be. */
static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct cgroup *c = ext_conf(x);

    (void)o;
    text_add(out, " \"");
    for (const char *p = c->path; *p; p++) {
        if (*p == '"' || *p == '\\')
            text_char(out, '\\');
        text_char(out, *p);
    }
    text_char(out, '"');
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct cgroup *c = ext_conf(x);

    (void)how;
    text_add(out, x->negated ? " cgroup ! " : " cgroup ");
    if (ext_seen(x, C_PATH))
        text_add(out, c->path);
    else
        text_number(out, c->class);
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return false;
}

const struct ext_type match_cgroup = {
    .name = "cgroup",
    .families = EXT_BOTH,
    .hooks = ON_INPUT | ON_OUTPUT | ON_POSTROUTING,
    .size = sizeof(struct cgroup),
    .opts = opts,
    .note = "the sockets of this host are not known here: -m cgroup never matches",
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
};
