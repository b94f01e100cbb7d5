/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m helper: the connection was expected, by a helper of this name that watches another one: FTP's
 * data connection, not its control connection (iptables reference, 3.2).
 */
#include "rules/eval.h"

enum { H_NAME };

struct helper {
    char name[30]; /* empty: any */
};

static const struct opt opts[] = {
    {"helper", H_NAME, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct helper *h = ext_data(x);
    struct text name;

    (void)r;
    (void)o;
    text_into(&name, h->name, sizeof(h->name)); /* cut, as iptables does */
    text_add(&name, text);
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct helper *h = ext_conf(x);

    (void)o;
    print_quoted(out, h->name);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct helper *h = ext_conf(x);

    (void)how;
    text_addf(out, " helper match %s\"%s\"", ext_negated(x, H_NAME) ? "! " : "", h->name);
}

/* The helper that expected the connection; NULL: none did. No entry has one before expectations are
 * made: here is where they come in. */
static const char *expected_by(const struct conn *c)
{
    (void)c;
    return NULL;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct helper *h = ext_conf(x);
    const struct conn *c = eval_conn(e);
    const char *name = c ? expected_by(c) : NULL;
    /* As long as the helper's name is: "ftp-2121" in the rule fits the helper "ftp". */
    bool fits = name && (!*h->name || strncmp(h->name, name, strlen(name)) == 0);

    return fits != ext_negated(x, H_NAME);
}

const struct ext_type match_helper = {
    .name = "helper",
    .families = EXT_BOTH,
    .size = sizeof(struct helper),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
