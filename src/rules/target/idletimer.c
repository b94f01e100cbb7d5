/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDLETIMER: restart a timer that tells programs of this host when no packet has come for a while.
 * There are no such programs here: it is read and kept, and packets go on.
 */
#include "rules/parse.h"
#include "rules/target/inert.h"

enum { TIMEOUT = 0, LABEL, ALARM };

enum { LABEL_SIZE = 28, TIMEOUT_MAX = INT32_MAX / 1000 }; /* Linux counts in milliseconds */

struct idletimer {
    uint32_t timeout; /* seconds */
    char label[LABEL_SIZE];
};

static const struct opt options[] = {
    {"timeout", TIMEOUT, OPT_U32, OPT_MUST, .at = offsetof(struct idletimer, timeout)},
    {"label", LABEL, OPT_OTHER, OPT_MUST},
    {"alarm", ALARM, OPT_FLAG},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct idletimer *t = ext_data(x);
    struct text out;

    (void)r;
    if (o->id == LABEL) {
        text_into(&out, t->label, sizeof(t->label));
        text_add(&out, text);
    }
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct idletimer *t = ext_conf(x);

    if (t->timeout == 0 || t->timeout > TIMEOUT_MAX)
        return parse_error(r->parse, 1, "IDLETIMER: the timeout must be from 1 to %d seconds",
                           TIMEOUT_MAX);
    /* In Linux it is the name of a file. */
    if (!t->label[0] || strchr(t->label, '/'))
        return parse_error(r->parse, 1, "IDLETIMER: the label must not be empty, nor contain '/'");
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct idletimer *t = ext_conf(x);

    (void)o;
    text_addf(out, " %s", t->label);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct idletimer *t = ext_conf(x);

    (void)how;
    text_addf(out, " timeout:%u label:%s%s", t->timeout, t->label,
              ext_seen(x, ALARM) ? " alarm" : "");
}

const struct ext_type target_idletimer = {
    .name = "IDLETIMER",
    .families = EXT_BOTH,
    .size = sizeof(struct idletimer),
    .opts = options,
    .note = "weir has no programs to tell of idle timers: -j IDLETIMER does nothing",
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .target = inert_target,
};
