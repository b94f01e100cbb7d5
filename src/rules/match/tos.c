/* SPDX-License-Identifier: BSD-2-Clause */
/* -m tos: the type of service of IPv4, the traffic class of IPv6 (iptables reference, 3.5). */
#include "rules/match/tos.h"
#include "rules/eval.h"

enum { T_TOS = 0 };

struct tos {
    uint8_t value, mask;
};

static const struct opt opts[] = {
    {"tos", T_TOS, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

static const struct {
    const char *name;
    uint8_t value;
} names[] = {
    {"Minimize-Delay", 0x10}, {"Maximize-Throughput", 0x08}, {"Maximize-Reliability", 0x04},
    {"Minimize-Cost", 0x02},  {"Normal-Service", 0x00},
};

bool tos_find(const char *name, uint8_t *tos)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (strcasecmp(names[i].name, name) == 0) {
            *tos = names[i].value;
            return true;
        }
    return false;
}

const char *tos_name(uint8_t tos)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (names[i].value == tos)
            return names[i].name;
    return NULL;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tos *t = ext_data(x);
    const char *end;
    uint64_t value, mask = UINT8_MAX;

    (void)o;
    if (text_read_number(text, &end, &value) && value <= UINT8_MAX) {
        if (*end && (*end != '/' || !read_u64(end + 1, 0, UINT8_MAX, &mask)))
            return rule_fail(r, "Illegal value: \"%s\"", text);
        *t = (struct tos){(uint8_t)value, (uint8_t)mask};
        return true;
    }
    t->mask = TOS_NAME_MASK;
    return tos_find(text, &t->value) || rule_fail(r, "Symbolic name \"%s\" is unknown", text);
}

static void add_numbers(struct text *out, const struct tos *t)
{
    text_addf(out, "0x%02x/0x%02x", t->value, t->mask);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    text_char(out, ' ');
    add_numbers(out, ext_conf(x));
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tos *t = ext_conf(x);
    bool named = !(how->flags & WEIR_RULES_NUMERIC) && t->mask == TOS_NAME_MASK;
    const char *name = named ? tos_name(t->value) : NULL;

    text_add(out, ext_negated(x, T_TOS) ? " tos match!" : " tos match");
    if (name)
        text_addf(out, " %s", name);
    else
        add_numbers(out, t);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct tos *t = ext_conf(x);

    return ((eval_tos(e) & t->mask) == t->value) != ext_negated(x, T_TOS);
}

const struct ext_type match_tos = {
    .name = "tos",
    .families = EXT_BOTH,
    .size = sizeof(struct tos),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
