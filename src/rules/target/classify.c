/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CLASSIFY: the class by which traffic control will queue the packet, MAJOR:MINOR in hexadecimal
 * (iptables reference, 4.6).
 */
#include "rules/eval.h"

enum { SET_CLASS = 0 };

struct classify {
    uint32_t class;
};

static const struct opt options[] = {
    {"set-class", SET_CLASS, OPT_OTHER, OPT_MUST},
    {NULL},
};

/* Hexadecimal digits up to `end`, with or without 0x; iptables keeps the lowest 16 bits. */
static bool read_half(const char **text, char end, uint32_t *half)
{
    const char *at = *text;

    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
        at += 2;
    const char *digits = at;

    for (*half = 0; text_hex_digit(*at) >= 0; at++)
        *half = (*half << 4 | (uint32_t)text_hex_digit(*at)) & UINT16_MAX;
    *text = at + 1;
    return at > digits && *at == end;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct classify *c = ext_data(x);
    const char *at = text;
    uint32_t major, minor;

    (void)o;
    if (!read_half(&at, ':', &major) || !read_half(&at, '\0', &minor))
        return rule_fail(r, "Bad class value \"%s\"", text);
    c->class = major << 16 | minor;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct classify *c = ext_conf(x);

    (void)o;
    text_addf(out, " %04x:%04x", c->class >> 16, c->class & UINT16_MAX);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct classify *c = ext_conf(x);

    (void)how;
    text_addf(out, " CLASSIFY set %x:%x", c->class >> 16, c->class & UINT16_MAX);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct classify *c = ext_conf(x);

    e->p->raw->priority = c->class;
    return RULES_CONTINUE;
}

const struct ext_type target_classify = {
    .name = "CLASSIFY",
    .families = EXT_BOTH,
    .hooks = ON_FORWARD | ON_OUTPUT | ON_POSTROUTING,
    .size = sizeof(struct classify),
    .opts = options,
    .take = take,
    .show = show,
    .list = list,
    .target = run,
};
