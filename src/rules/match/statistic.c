/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m statistic: every Nth packet, or packets at random (iptables reference, 3.4).
 *
 * A probability is kept as a number of 2^-31. It is read and printed with integers: floating point
 * text depends on the locale.
 */
#include "rules/eval.h"

enum { S_PROBABILITY = 0, S_EVERY, S_PACKET, S_MODE };

enum { MODE_RANDOM = 0, MODE_NTH };

enum { ONE_BITS = 31, DECIMALS = 11 };

static const char *const modes[] = {[MODE_RANDOM] = "random", [MODE_NTH] = "nth"};

struct statistic {
    uint32_t probability; /* in 2^-31 */
    uint32_t every, packet;
    uint8_t mode;
};

struct turn {
    uint32_t packet; /* 0 to every - 1 */
};

static const struct opt opts[] = {
    {"mode", S_MODE, OPT_OTHER, OPT_MUST},
    {"probability", S_PROBABILITY, OPT_OTHER, OPT_NOT,
     .against = OPT_BIT(S_EVERY) | OPT_BIT(S_PACKET)},
    {"every", S_EVERY, OPT_U32, OPT_NOT, offsetof(struct statistic, every), .min = 1,
     .max = UINT32_MAX, .against = OPT_BIT(S_PROBABILITY), .with = OPT_BIT(S_PACKET)},
    {"packet", S_PACKET, OPT_U32, .at = offsetof(struct statistic, packet),
     .against = OPT_BIT(S_PROBABILITY)},
    {0},
};

/* --- probabilities --- */

/* digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int exponent;
};

/* Digits beyond these change nothing that is kept. */
enum { DIGITS = 18 };

/* The digits and the point at the start of a text: what is behind them, NULL if there are none. */
static const char *read_digits(const char *text, struct decimal *d)
{
    static const uint64_t enough = 100000000000000000; /* has DIGITS */
    bool point = false, any = false;

    for (; text_digit(*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
        } else if (d->digits < enough) {
            d->digits = d->digits * 10 + (uint64_t)(*text - '0');
            d->exponent -= point;
            any = true;
        } else {
            d->exponent += !point;
        }
    }
    return any ? text : NULL;
}

/* "e-3". */
static const char *read_exponent(const char *text, struct decimal *d)
{
    enum { ENOUGH = 10000 };
    bool negative = text[1] == '-';
    int n = 0;

    text += negative || text[1] == '+' ? 2 : 1;
    if (!text_digit(*text))
        return NULL;
    for (; text_digit(*text); text++)
        n = n < ENOUGH ? n * 10 + (*text - '0') : n;
    d->exponent += negative ? -n : n;
    return text;
}

/* A decimal number from 0 to 1, "0.25", ".25" or "25e-2", rounded to 2^-31. */
static bool read_probability(const char *text, uint32_t *probability)
{
    struct decimal d = {0, 0};
    uint64_t one = 1; /* what the number is a fraction of */

    text = read_digits(text, &d);
    if (text && (*text == 'e' || *text == 'E'))
        text = read_exponent(text, &d);
    if (!text || *text || (d.digits && d.exponent > 0))
        return false;
    for (; d.exponent < -DIGITS; d.exponent++)
        d.digits /= 10;
    for (; d.exponent < 0; d.exponent++)
        one *= 10;
    if (d.digits > one)
        return false;

    uint32_t bits = d.digits == one;

    d.digits %= one;
    for (unsigned i = 0; i < ONE_BITS; i++) {
        d.digits *= 2;
        bits = bits << 1 | (d.digits >= one);
        d.digits -= d.digits >= one ? one : 0;
    }
    *probability = bits + (2 * d.digits >= one);
    return true;
}

/* As printf("%.11f"): exact, and to the even neighbour if both are as near. */
static void print_probability(struct text *out, uint32_t probability)
{
    enum { SHIFT = ONE_BITS - DECIMALS };
    uint64_t n = (uint64_t)probability * 48828125; /* times 10^11 / 2^11 */
    uint64_t rest = n & ((1u << SHIFT) - 1), half = 1u << (SHIFT - 1);

    n >>= SHIFT;
    n += rest > half || (rest == half && n & 1);
    text_addf(out, "%llu.%011llu", (unsigned long long)(n / 100000000000),
              (unsigned long long)(n % 100000000000));
}

/* --- reading and writing --- */

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct statistic *s = ext_data(x);

    if (o->id == S_PROBABILITY) {
        if (read_probability(text, &s->probability))
            return true;
        rule_fail(r, "statistic: bad value for option \"--probability\", or out of range (0-1).");
        rule_hint(r, "a probability is a number like 0.25");
        return false;
    }
    if (o->id != S_MODE)
        return true;
    for (s->mode = 0; s->mode < WEIR_ARRAY_LEN(modes); s->mode++)
        if (strcmp(modes[s->mode], text) == 0)
            return true;
    rule_fail(r, "Bad mode \"%s\"", text);
    rule_hint(r, "it is random or nth");
    return false;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct statistic *s = ext_conf(x);

    if (s->mode == MODE_RANDOM)
        return ext_seen(x, S_PROBABILITY) ||
               rule_fail(r, "--probability must be specified when using random mode");
    if (!ext_seen(x, S_EVERY) && !ext_seen(x, S_PACKET))
        return rule_fail(r, "--every and --packet must be specified when using nth mode");
    return s->packet < s->every || rule_fail(r, "the --packet p must be 0 <= p <= n-1");
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct statistic *s = ext_conf(x);

    text_char(out, ' ');
    if (o->id == S_MODE)
        text_add(out, modes[s->mode]);
    else
        print_probability(out, s->probability);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct statistic *s = ext_conf(x);
    bool negated = ext_negated(x, s->mode == MODE_RANDOM ? S_PROBABILITY : S_EVERY);

    (void)how;
    text_addf(out, " statistic mode %s%s", modes[s->mode], negated ? " !" : "");
    if (s->mode == MODE_RANDOM) {
        text_add(out, " probability ");
        print_probability(out, s->probability);
    } else {
        text_addf(out, " every %u", s->every);
        if (s->packet)
            text_addf(out, " packet %u", s->packet);
    }
}

/* --- matching --- */

static bool is_next(const struct statistic *s, struct turn *turn)
{
    bool hit = turn->packet == s->packet;

    turn->packet = turn->packet + 1 == s->every ? 0 : turn->packet + 1;
    return hit;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct statistic *s = ext_conf(x);

    if (s->mode == MODE_NTH)
        return is_next(s, eval_state(e, x)) != ext_negated(x, S_EVERY);
    return (random_u32(&e->t->random) >> (32 - ONE_BITS) < s->probability) !=
           ext_negated(x, S_PROBABILITY);
}

const struct ext_type match_statistic = {
    .name = "statistic",
    .families = EXT_BOTH,
    .size = sizeof(struct statistic),
    .state_size = sizeof(struct turn),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
};
