/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m connlabel: one of the 128 labels of a packet's connection (iptables reference, 3.2). --set
 * sets it, and then it is set: the rule matches, or with "!" does not.
 */
#include "rules/eval.h"
#include "rules/match/numbered.h"

enum { L_LABEL, L_SET };

struct connlabel {
    const char *name; /* when the rule was read; NULL: it had none */
    uint8_t bit;
};

static const struct opt opts[] = {
    {"label", L_LABEL, OPT_OTHER, OPT_NOT | OPT_MUST},
    {"set", L_SET, OPT_FLAG},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct connlabel *l = ext_data(x);
    uint64_t bit = 0;
    uint32_t named = 0;

    if (o->id != L_LABEL)
        return true;
    if (!*text)
        return rule_fail(r, "Argument must have a minimum length of 1 characters");
    if (r->names->number && r->names->number(r->names->ctx, "connlabel", text, &named))
        bit = named;
    else if (!read_u64(text, 0, UINT32_MAX, &bit))
        return rule_fail(r, "label '%s' not found or invalid value", text);
    if (bit >= CONN_LABELS)
        return rule_fail(r, "label '%s' is out of range (0-%d)", text, CONN_LABELS - 1);
    l->bit = (uint8_t)bit;
    return numbered_name(r, "connlabel", l->bit, &l->name);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct connlabel *l = ext_conf(x);

    if (o->id != L_LABEL)
        return;
    text_add(out, " \"");
    if (l->name)
        text_add(out, l->name);
    else
        text_number(out, l->bit);
    text_char(out, '"');
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct connlabel *l = ext_conf(x);

    text_add(out, ext_negated(x, L_LABEL) ? " connlabel ! " : " connlabel ");
    if (l->name && !(how->flags & WEIR_RULES_NUMERIC))
        text_addf(out, "'%s'", l->name);
    else
        text_number(out, l->bit);
    if (ext_seen(x, L_SET))
        text_add(out, " set");
}

static bool has_label(const struct track *t, const struct conn *c, uint8_t bit)
{
    const struct conn_ext *ext;

    if (!(c->parts & WEIR_HAS_LABELS))
        return false;
    ext = slab_at(&t->exts, c->ext);
    return ext->labels[bit / 8] >> (bit % 8) & 1;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct connlabel *l = ext_conf(x);
    struct conn *c = eval_conn(e);
    bool has = c && (has_label(e->t, c, l->bit) ||
                     (ext_seen(x, L_SET) && conn_set_label(e->t, c, l->bit)));

    return has != ext_negated(x, L_LABEL);
}

const struct ext_type match_connlabel = {
    .name = "connlabel",
    .families = EXT_BOTH,
    .size = sizeof(struct connlabel),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
