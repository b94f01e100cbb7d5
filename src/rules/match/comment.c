/* SPDX-License-Identifier: BSD-2-Clause */
/* -m comment: text for people (iptables reference, 3.5). Always matches. */
#include "rules/eval.h"

enum { C_COMMENT = 0 };

enum { COMMENT_MAX = 255 };

struct comment {
    const char *text;
};

static const struct opt opts[] = {{"comment", C_COMMENT, OPT_OTHER, OPT_MUST}, {0}};

/* As iptables does it, a long one is cut without a word. */
static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct comment *c = ext_data(x);
    size_t len = min_u32((uint32_t)strlen(text), COMMENT_MAX);
    char *copy = rule_memory(r, len + 1);

    (void)o;
    if (!copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    c->text = copy;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct comment *c = ext_conf(x);

    (void)o;
    print_quoted(out, c->text);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct comment *c = ext_conf(x);

    (void)how;
    text_add(out, " /* ");
    text_add(out, c->text);
    text_add(out, " */");
}

const struct ext_type match_comment = {
    .name = "comment",
    .families = EXT_BOTH,
    .size = sizeof(struct comment),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
};
