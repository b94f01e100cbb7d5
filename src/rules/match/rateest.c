/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m rateest: compares rates that the target RATEEST estimates, with numbers or with each other
 * (iptables reference, 3.4). weir estimates none, so it never matches; it is read and printed.
 *
 *     --rateest A --rateest-gt --rateest-bps 1mbit                 A > 1mbit
 *     --rateest1 A --rateest-lt --rateest-bps --rateest2 B         A < B
 *     --rateest-delta ... --rateest-bps1 V1 ... --rateest-bps2 V2  (V1 - A) in place of A, ...
 */
#include "rules/eval.h"

enum { E_NAME1, E_NAME2, E_BPS1, E_BPS2, E_PPS1, E_PPS2, E_DELTA, E_LT, E_GT, E_EQ };

enum { NAME_MAX_BYTES = 16 };

struct rateest {
    char name[2][NAME_MAX_BYTES];
    uint32_t value[4]; /* E_BPS1 to E_PPS2: bytes and packets in a second */
    uint8_t compare;   /* E_LT, E_GT, E_EQ; 0: not said */
};

static const struct opt opts[] = {
    {"rateest", E_NAME1, OPT_OTHER, OPT_MUST}, {"rateest1", E_NAME1, OPT_OTHER},
    {"rateest2", E_NAME2, OPT_OTHER},          {"rateest-bps1", E_BPS1, OPT_FLAG},
    {"rateest-bps", E_BPS2, OPT_FLAG},         {"rateest-bps2", E_BPS2, OPT_FLAG},
    {"rateest-pps1", E_PPS1, OPT_FLAG},        {"rateest-pps", E_PPS2, OPT_FLAG},
    {"rateest-pps2", E_PPS2, OPT_FLAG},        {"rateest-delta", E_DELTA, OPT_FLAG},
    {"rateest-lt", E_LT, OPT_FLAG, OPT_NOT},   {"rateest-gt", E_GT, OPT_FLAG, OPT_NOT},
    {"rateest-eq", E_EQ, OPT_FLAG, OPT_NOT},   {0},
};

static const char *const compare_words[] = {[E_LT] = "lt", [E_GT] = "gt", [E_EQ] = "eq"};

/* --- reading --- */

/* "kbit" is 1000 bits, "KiBps" 1024 bytes, nothing is bits. */
static bool read_unit(const char *text, uint64_t *bits)
{
    static const char prefixes[] = "kmgt";
    const char *prefix = *text ? strchr(prefixes, text_lower(*text)) : NULL;
    uint64_t base = 1000;

    *bits = 1;
    if (!*text)
        return true;
    if (prefix) {
        text++;
        if (text_lower(*text) == 'i') {
            base = 1024;
            text++;
        }
        for (const char *at = prefixes; at <= prefix; at++)
            *bits *= base;
    }
    if (strcasecmp(text, "bps") == 0)
        *bits *= 8;
    return strcasecmp(text, "bps") == 0 || strcasecmp(text, "bit") == 0;
}

/* As in tc(8): a decimal number and a unit. Bytes in a second; Linux keeps the lowest 32 bits. */
static bool read_rate(const char *text, uint32_t *rate)
{
    enum { BILLION = 1000000000 };
    uint64_t whole = 0, billionths = 0, unit;

    if (!text_digit(*text))
        return false;
    for (; text_digit(*text) && whole < BILLION; text++)
        whole = whole * 10 + (uint64_t)(*text - '0');
    if (*text == '.') {
        text++;
        for (uint64_t place = BILLION / 10; text_digit(*text); text++, place /= 10)
            billionths += place * (uint64_t)(*text - '0');
    }
    if (!read_unit(text, &unit))
        return false;
    *rate = (uint32_t)((whole * unit + billionths * (unit / 8) / (BILLION / 8)) / 8);
    return true;
}

/* The value may be left out. */
static bool take_value(struct rule_parse *r, const struct opt *o, const char *text, uint32_t *value)
{
    const char *next = rule_peek(r);
    uint64_t n;

    if (!*text) {
        if (!next || *next == '-' || *next == '!')
            return true;
        text = rule_next(r);
    }
    if (o->id <= E_BPS2)
        return read_rate(text, value) || rule_fail(r, "rateest: could not parse rate `%s'", text);
    if (!read_u64(text, 0, UINT32_MAX, &n))
        return rule_fail(r, "rateest: could not parse pps `%s'", text);
    *value = (uint32_t)n;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct rateest *e = ext_data(x);
    struct text name;

    switch (o->id) {
    case E_NAME1:
    case E_NAME2:
        text_into(&name, e->name[o->id - E_NAME1], NAME_MAX_BYTES);
        text_add(&name, text);
        return true;
    case E_BPS1:
    case E_BPS2:
    case E_PPS1:
    case E_PPS2: return take_value(r, o, text, &e->value[o->id - E_BPS1]);
    case E_DELTA: return true;
    default: e->compare = o->id; return true;
    }
}

static bool has_bps(const struct ext *x)
{
    return ext_seen(x, E_BPS1) || ext_seen(x, E_BPS2);
}

static bool has_pps(const struct ext *x)
{
    return ext_seen(x, E_PPS1) || ext_seen(x, E_PPS2);
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct rateest *e = ext_conf(x);

    if (!e->compare)
        return rule_fail(r, "rateest: how to compare is missing: --rateest-lt, -gt or -eq");
    return has_bps(x) || has_pps(x) ||
           rule_fail(r, "rateest: what to compare is missing: --rateest-bps or --rateest-pps");
}

/* --- writing --- */

static void add_compare(struct text *out, const struct ext *x, const char *option)
{
    const struct rateest *e = ext_conf(x);

    text_addf(out, "%s %s%s", ext_negated(x, e->compare) ? " !" : "", option,
              compare_words[e->compare]);
}

static void add_value(struct text *out, const struct ext *x, unsigned id, bool numeric)
{
    enum { KILO = 1000, MEGA = 1000000 };
    const struct rateest *e = ext_conf(x);
    uint64_t n = e->value[id - E_BPS1], bits = 8 * n;

    text_char(out, ' ');
    if (id > E_BPS2 || numeric)
        text_number(out, n);
    else if (bits < MEGA)
        text_addf(out, "%llubit", (unsigned long long)bits);
    else if (bits < (uint64_t)KILO * MEGA)
        text_addf(out, "%lluKbit", (unsigned long long)((bits + KILO / 2 - 1) / KILO));
    else
        text_addf(out, "%lluMbit", (unsigned long long)((bits + MEGA / 2 - 1) / MEGA));
}

/* " --rateest-bps1 V1 --rateest-gt --rateest-bps2 V2", or what of it there is. */
static void print_side(struct text *out, const struct ext *x, const char *what, unsigned first)
{
    bool delta = ext_seen(x, E_DELTA);

    if (delta) {
        text_addf(out, " --rateest-%s1", what);
        add_value(out, x, first, false);
    }
    add_compare(out, x, "--rateest-");
    text_addf(out, " --rateest-%s%s", what, delta ? "2" : "");
    if (delta || !ext_seen(x, E_NAME2))
        add_value(out, x, first + 1, false);
}

static void print(struct text *out, const struct ext *x)
{
    const struct rateest *e = ext_conf(x);

    if (ext_seen(x, E_DELTA))
        text_add(out, " --rateest-delta");
    text_addf(out, " --rateest%s %s", ext_seen(x, E_NAME2) ? "1" : "", e->name[0]);
    if (has_bps(x))
        print_side(out, x, "bps", E_BPS1);
    if (has_pps(x))
        print_side(out, x, "pps", E_PPS1);
    if (ext_seen(x, E_NAME2))
        text_addf(out, " --rateest2 %s", e->name[1]);
}

/* Which rates of an estimator are compared, and by how much less. `i`: the first or the second. */
static void list_rates(struct text *out, const struct ext *x, unsigned i, bool numeric)
{
    if (has_bps(x)) {
        text_add(out, " bps");
        if (ext_seen(x, E_DELTA))
            add_value(out, x, E_BPS1 + i, numeric);
    }
    if (has_pps(x)) {
        text_add(out, " pps");
        if (ext_seen(x, E_DELTA))
            add_value(out, x, E_PPS1 + i, numeric);
    }
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct rateest *e = ext_conf(x);
    bool numeric = how->flags & WEIR_RULES_NUMERIC, delta = ext_seen(x, E_DELTA);

    text_addf(out, " rateest match %s%s", e->name[0], delta ? " delta" : "");
    if (ext_seen(x, E_NAME2)) {
        list_rates(out, x, 0, numeric);
        add_compare(out, x, "");
        text_addf(out, " %s", e->name[1]);
        list_rates(out, x, 1, numeric);
        return;
    }
    if (has_bps(x)) {
        text_add(out, " bps");
        if (delta)
            add_value(out, x, E_BPS1, numeric);
        add_value(out, x, E_BPS2, numeric);
        add_compare(out, x, "");
    }
    if (has_pps(x)) {
        text_add(out, " pps");
        if (delta)
            add_value(out, x, E_PPS1, numeric);
        add_compare(out, x, "");
        add_value(out, x, E_PPS2, numeric);
    }
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return false;
}

const struct ext_type match_rateest = {
    .name = "rateest",
    .families = EXT_BOTH,
    .size = sizeof(struct rateest),
    .opts = opts,
    .note = "weir estimates no rates: -m rateest never matches",
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
};
