/* SPDX-License-Identifier: BSD-2-Clause */
/* -m devgroup: the groups of the interfaces that a packet came by and leaves by (iptables
 * reference, 3.3; `ip link set group`). */
#include "rules/eval.h"
#include "rules/match/numbered.h"

enum { G_SRC, G_DST };

struct devgroup {
    struct numbered group[2];
};

static const struct opt opts[] = {
    {"src-group", G_SRC, OPT_OTHER, OPT_NOT},
    {"dst-group", G_DST, OPT_OTHER, OPT_NOT},
    {0},
};

/* Group 0 has its name everywhere, whatever the host's file says. */
static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct devgroup *d = ext_data(x);

    return numbered_take(r, x, o, strcmp(text, "default") == 0 ? "0" : text, "group",
                         &d->group[o->id]);
}

static bool check(struct rule_parse *r, struct ext *x)
{
    if (!x->seen)
        return rule_fail(r, "devgroup match: You must specify either '--src-group' or "
                            "'--dst-group'");
    if (ext_seen(x, G_SRC))
        x->hooks &= ON_PREROUTING | ON_INPUT | ON_FORWARD;
    if (ext_seen(x, G_DST))
        x->hooks &= ON_FORWARD | ON_OUTPUT | ON_POSTROUTING;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct devgroup *d = ext_conf(x);

    text_char(out, ' ');
    numbered_print(out, &d->group[o->id], false);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct devgroup *d = ext_conf(x);

    for (unsigned id = G_SRC; id <= G_DST; id++)
        if (ext_seen(x, id)) {
            text_addf(out, "%s %s ", ext_negated(x, id) ? " !" : "", opts[id].name);
            numbered_print(out, &d->group[id], how->flags & WEIR_RULES_NUMERIC);
        }
}

static bool in_group(const struct eval *e, uint16_t iface, const struct mark_mask *mark)
{
    const struct weir_host *host = &e->t->host;
    uint32_t group = host->iface_group ? host->iface_group(host->ctx, iface) : 0;

    return ((group ^ mark->value) & mark->mask) == 0;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct devgroup *d = ext_conf(x);
    const uint16_t iface[2] = {e->in_iface, e->out_iface};

    for (unsigned id = G_SRC; id <= G_DST; id++)
        if (ext_seen(x, id) && in_group(e, iface[id], &d->group[id].mark) == ext_negated(x, id))
            return false;
    return true;
}

const struct ext_type match_devgroup = {
    .name = "devgroup",
    .families = EXT_BOTH,
    .size = sizeof(struct devgroup),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
