/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SECMARK and CONNSECMARK: labels for the security module of this host's kernel, on packets and
 * connections. There is none here: they are read and kept, and packets go on.
 */
#include "rules/target/inert.h"

/* --- SECMARK --- */

enum { SELCTX = 0 };

struct secmark {
    char context[256];
};

static const struct opt secmark_options[] = {
    {"selctx", SELCTX, OPT_OTHER, OPT_MUST},
    {NULL},
};

static bool take_secmark(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct secmark *s = ext_data(x);

    (void)o;
    if (strlen(text) >= sizeof(s->context))
        return rule_fail(r, "Argument must have a maximum length of %zu characters",
                         sizeof(s->context) - 1);
    memcpy(s->context, text, strlen(text));
    return true;
}

static void show_secmark(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct secmark *s = ext_conf(x);

    (void)o;
    text_char(out, ' ');
    text_add(out, s->context);
}

static void list_secmark(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " SECMARK selctx");
    show_secmark(out, x, NULL);
}

const struct ext_type target_secmark = {
    .name = "SECMARK",
    .families = EXT_BOTH,
    .tables = IN_MANGLE | IN_SECURITY,
    .size = sizeof(struct secmark),
    .opts = secmark_options,
    .note = "weir has no security labels: -j SECMARK does nothing",
    .take = take_secmark,
    .show = show_secmark,
    .list = list_secmark,
    .target = inert_target,
};

/* --- CONNSECMARK --- */

enum { SAVE = 0, RESTORE };

static const struct opt connsecmark_options[] = {
    {"save", SAVE, OPT_FLAG, .against = OPT_BIT(RESTORE)},
    {"restore", RESTORE, OPT_FLAG, .against = OPT_BIT(SAVE)},
    {NULL},
};

static bool check_connsecmark(struct rule_parse *r, struct ext *x)
{
    return x->seen || rule_fail(r, "CONNSECMARK target: parameter required");
}

static void list_connsecmark(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, ext_seen(x, SAVE) ? " CONNSECMARK save" : " CONNSECMARK restore");
}

const struct ext_type target_connsecmark = {
    .name = "CONNSECMARK",
    .families = EXT_BOTH,
    .tables = IN_MANGLE | IN_SECURITY,
    .opts = connsecmark_options,
    .note = "weir has no security labels: -j CONNSECMARK does nothing",
    .check = check_connsecmark,
    .list = list_connsecmark,
    .target = inert_target,
};
