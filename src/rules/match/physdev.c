/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m physdev: the ports of a bridge (iptables reference, 3.3). Packets do not come from bridges
 * here, so, as for Linux and any other packet, only what is negated holds.
 */
#include "rules/eval.h"

enum { P_IS_IN = 0, P_IN, P_IS_OUT, P_OUT, P_BRIDGED };

struct physdev {
    char in[IFACE_NAME_MAX], out[IFACE_NAME_MAX];
};

static const struct opt opts[] = {
    {"physdev-is-in", P_IS_IN, OPT_FLAG, OPT_NOT},
    {"physdev-in", P_IN, OPT_OTHER, OPT_NOT},
    {"physdev-is-out", P_IS_OUT, OPT_FLAG, OPT_NOT},
    {"physdev-out", P_OUT, OPT_OTHER, OPT_NOT},
    {"physdev-is-bridged", P_BRIDGED, OPT_FLAG, OPT_NOT},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct physdev *p = ext_data(x);
    size_t len = strlen(text);

    if (o->kind == OPT_FLAG)
        return true;
    if (len >= IFACE_NAME_MAX)
        return rule_fail(r, "interface name `%s' must be shorter than IFNAMSIZ (%d)", text,
                         IFACE_NAME_MAX - 1);
    if (!len)
        return rule_fail(r, "Empty interface is likely to be undesired");
    if (strchr(text, '/') || strchr(text, ' '))
        rule_note(r, "an interface's name cannot have '/' or ' ' in it: %s is none", text);
    memcpy(o->id == P_IN ? p->in : p->out, text, len + 1);
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    bool bridged = ext_seen(x, P_BRIDGED) && !ext_negated(x, P_BRIDGED);

    if (!x->seen)
        return rule_fail(r, "PHYSDEV: no physdev option specified");
    /* What this host sends has no port to leave by before it is bridged. */
    if ((ext_seen(x, P_OUT) || ext_seen(x, P_IS_OUT)) && !bridged)
        x->hooks &= (uint8_t)~ON_OUTPUT;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct physdev *p = ext_conf(x);

    text_char(out, ' ');
    text_add(out, o->id == P_IN ? p->in : p->out);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " PHYSDEV match");
    ext_print_options(out, x);
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    return x->seen == x->negated;
}

const struct ext_type match_physdev = {
    .name = "physdev",
    .families = EXT_BOTH,
    .size = sizeof(struct physdev),
    .opts = opts,
    .note = "packets do not come from bridges here: of -m physdev, only what is negated matches",
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
