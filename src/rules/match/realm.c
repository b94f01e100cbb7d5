/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m realm: the realm of the packet's route (iptables reference, 3.3). weir's routes have none,
 * which is 0.
 */
#include "rules/eval.h"

enum { R_REALM = 0 };

enum { REALM = 0 };

struct realm {
    struct mark_mask realm;
    const char *name; /* that the number had when it was read; NULL: none */
};

static const struct opt opts[] = {
    {"realm", R_REALM, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

/* Names are looked up while the rule is read: who prints it later may not know them. */
static bool keep_name(struct rule_parse *r, struct realm *c)
{
    const struct weir_rules_names *names = r->names;
    const char *name =
        names->number_name ? names->number_name(names->ctx, "rt_realms", c->realm.value) : NULL;
    char *copy;

    if (!name || c->realm.mask != UINT32_MAX)
        return true;
    copy = rule_memory(r, strlen(name) + 1);
    if (!copy)
        return false;
    memcpy(copy, name, strlen(name) + 1);
    c->name = copy;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    const struct weir_rules_names *names = r->names;
    struct realm *c = ext_data(x);
    const char *end;
    uint64_t number;
    uint32_t named;

    (void)o;
    if (read_mark(text, &c->realm))
        return keep_name(r, c);
    if (text_read_number(text, &end, &number) && number <= UINT32_MAX)
        return rule_fail(r, "realm: bad integer value for option \"--realm\", or out of range.");
    if (!names->number || !names->number(names->ctx, "rt_realms", text, &named))
        return rule_fail(r,
                         "realm: could not map name %s to an integer value for option "
                         "\"--realm\".",
                         text);
    c->realm = (struct mark_mask){named, UINT32_MAX};
    return keep_name(r, c);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct realm *c = ext_conf(x);

    (void)o;
    text_char(out, ' ');
    if (c->name)
        text_add(out, c->name);
    else
        print_mark(out, &c->realm);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct realm *c = ext_conf(x);

    text_add(out, ext_negated(x, R_REALM) ? " ! realm " : " realm ");
    if (c->name && !(how->flags & WEIR_RULES_NUMERIC))
        text_add(out, c->name);
    else
        print_mark(out, &c->realm);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct realm *c = ext_conf(x);

    (void)e;
    return ((REALM & c->realm.mask) == c->realm.value) != ext_negated(x, R_REALM);
}

const struct ext_type match_realm = {
    .name = "realm",
    .families = EXT_IPV4,
    .hooks = ON_INPUT | ON_FORWARD | ON_OUTPUT | ON_POSTROUTING,
    .size = sizeof(struct realm),
    .opts = opts,
    .note = "routes have no realms here: -m realm sees realm 0",
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
