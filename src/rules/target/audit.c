/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AUDIT: write an audit record. There is no audit system here: it is read and kept, and packets go
 * on.
 */
#include "rules/target/inert.h"

enum { TYPE = 0 };

struct audit {
    uint8_t type;
};

static const char *const types[] = {"accept", "drop", "reject"};

static const struct opt options[] = {
    {"type", TYPE, OPT_OTHER, OPT_MUST},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct audit *a = ext_data(x);

    (void)o;
    while (a->type < WEIR_ARRAY_LEN(types) && strcasecmp(types[a->type], text) != 0)
        a->type++;
    return a->type < WEIR_ARRAY_LEN(types) || rule_fail(r, "Bad action type value \"%s\"", text);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct audit *a = ext_conf(x);

    (void)o;
    text_addf(out, " %s", types[a->type]);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " AUDIT");
    show(out, x, NULL);
}

const struct ext_type target_audit = {
    .name = "AUDIT",
    .families = EXT_BOTH,
    .size = sizeof(struct audit),
    .opts = options,
    .note = "weir has no audit system: -j AUDIT records nothing",
    .take = take,
    .show = show,
    .list = list,
    .target = inert_target,
};
