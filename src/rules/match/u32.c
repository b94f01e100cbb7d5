/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m u32: small sums over words of the packet (iptables reference, 3.5).
 *
 *     test && test ...         test: location = value, value ...
 *     location: number, then any of & | << | >> | @ with a number     value: n or n:n
 *
 * The value of a location begins as the four bytes at the offset `number` from the IP header. "@"
 * moves the place from which offsets count on by the value so far, and loads anew. A word that is
 * not wholly in the packet makes the whole match false ("!" makes it true), whatever the other
 * tests say.
 */
#include "rules/eval.h"

enum { U_U32 = 0 };

/* What iptables can read; more it refuses. */
enum { TESTS_MAX = 10, STEPS_MAX = 10, VALUES_MAX = 10, SHIFT_MAX = 31 };

enum op { OP_LOAD = 0, OP_AND, OP_LEFT, OP_RIGHT, OP_AT };

struct step {
    uint32_t number;
    uint32_t op; /* enum op; OP_LOAD is the first of a location, and no other */
};

struct range {
    uint32_t min, max;
};

struct test {
    struct step steps[STEPS_MAX];
    struct range values[VALUES_MAX];
    uint8_t step_count, value_count;
};

struct u32 {
    struct test tests[TESTS_MAX];
    uint8_t count;
};

static const struct opt opts[] = {{"u32", U_U32, OPT_OTHER, OPT_NOT | OPT_MUST}, {0}};

static const char *const op_texts[] = {
    [OP_LOAD] = "", [OP_AND] = "&", [OP_LEFT] = "<<", [OP_RIGHT] = ">>", [OP_AT] = "@"};

/* --- reading --- */

/* A text being read. */
struct cursor {
    struct rule_parse *r;
    const char *text, *at;
};

static bool wrong(const struct cursor *c, const char *what)
{
    return rule_fail(c->r, "u32: at char %u: %s", (unsigned)(c->at - c->text), what);
}

static void skip_blanks(struct cursor *c)
{
    while (text_blank(*c->at))
        c->at++;
}

static bool read_number(struct cursor *c, uint32_t *number)
{
    const char *end;
    uint64_t n;

    skip_blanks(c);
    if (!text_read_number(c->at, &end, &n) || n > UINT32_MAX)
        return wrong(c, "not a number or out of range");
    *number = (uint32_t)n;
    c->at = end;
    return true;
}

/* The second half of an operator of two characters. */
static bool read_second(struct cursor *c)
{
    char first = *c->at++;
    char message[] = "a second '?' was expected";

    *strchr(message, '?') = first;
    if (*c->at != first)
        return wrong(c, message);
    c->at++;
    return true;
}

static bool read_operator(struct cursor *c, uint32_t *op)
{
    switch (*c->at) {
    case '&': *op = OP_AND; break;
    case '@': *op = OP_AT; break;
    case '<': *op = OP_LEFT; return read_second(c);
    case '>': *op = OP_RIGHT; return read_second(c);
    default: return wrong(c, "operator expected");
    }
    c->at++;
    return true;
}

static bool check_shift(struct cursor *c, const struct step *step)
{
    if ((step->op != OP_LEFT && step->op != OP_RIGHT) || step->number <= SHIFT_MAX)
        return true;
    wrong(c, "shift is too far");
    rule_hint(c->r, "a word has 32 bits: shift by at most %d", SHIFT_MAX);
    return false;
}

/* A location and the "=" behind it. */
static bool read_location(struct cursor *c, struct test *test)
{
    uint32_t op = OP_LOAD;

    for (;;) {
        struct step step = {.op = op};

        skip_blanks(c);
        if (op == OP_LOAD && !*c->at)
            return rule_fail(c->r, "u32: abrupt end of input after location specifier");
        if (op == OP_LOAD && *c->at == '=')
            return wrong(c, "location spec missing");
        if (!read_number(c, &step.number) || !check_shift(c, &step))
            return false;
        if (test->step_count == STEPS_MAX)
            return wrong(c, "too many operators");
        test->steps[test->step_count++] = step;
        skip_blanks(c);
        if (!*c->at)
            return rule_fail(c->r, "u32: abrupt end of input after location specifier");
        if (*c->at == '=')
            break;
        if (!read_operator(c, &op))
            return false;
    }
    c->at++;
    return true;
}

static bool read_range(struct cursor *c, struct range *range)
{
    if (!read_number(c, &range->min))
        return false;
    range->max = range->min;
    skip_blanks(c);
    if (*c->at != ':')
        return true;
    c->at++;
    return read_number(c, &range->max);
}

/* Values, to the end of the text or the "&" behind them. */
static bool read_values(struct cursor *c, struct test *test)
{
    skip_blanks(c);
    if (!*c->at)
        return rule_fail(c->r, "u32: test ended with no value specified");
    for (;;) {
        struct range range = {0, 0};

        if (!read_range(c, &range))
            return false;
        if (test->value_count == VALUES_MAX)
            return wrong(c, "too many \",\"s");
        test->values[test->value_count++] = range;
        skip_blanks(c);
        if (!*c->at || *c->at == '&')
            return true;
        if (*c->at != ',')
            return wrong(c, "expected \",\" or \"&&\"");
        c->at++;
    }
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct u32 *u = ext_data(x);
    struct cursor c = {r, text, text};
    struct test test;

    (void)o;
    for (;;) {
        test = (struct test){.step_count = 0};
        if (!read_location(&c, &test) || !read_values(&c, &test))
            return false;
        if (u->count == TESTS_MAX)
            return wrong(&c, "too many \"&&\"s");
        u->tests[u->count++] = test;
        if (!*c.at)
            return true;
        if (!read_second(&c))
            return false;
    }
}

/* --- writing --- */

static void add_test(struct text *out, const struct test *test)
{
    for (unsigned i = 0; i < test->step_count; i++)
        text_addf(out, "%s0x%x", op_texts[test->steps[i].op], test->steps[i].number);
    for (unsigned i = 0; i < test->value_count; i++) {
        const struct range *v = &test->values[i];

        text_addf(out, "%c0x%x", i ? ',' : '=', v->min);
        if (v->max != v->min)
            text_addf(out, ":0x%x", v->max);
    }
}

static void add_tests(struct text *out, const struct u32 *u)
{
    for (unsigned i = 0; i < u->count; i++) {
        text_add(out, i ? "&&" : " \"");
        add_test(out, &u->tests[i]);
    }
    text_char(out, '"');
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    add_tests(out, ext_conf(x));
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " u32");
    text_add(out, ext_negated(x, U_U32) ? " !" : "");
    add_tests(out, ext_conf(x));
}

/* --- matching --- */

/* The value of a location. False: it is beyond the packet. */
static bool locate(const struct parsed *ip, const struct test *test, uint32_t *value)
{
    uint64_t base = 0; /* stays below the packet's length, so that sums cannot overflow */

    for (unsigned i = 0; i < test->step_count; i++) {
        uint32_t number = test->steps[i].number;

        switch ((enum op)test->steps[i].op) {
        case OP_AND: *value &= number; continue;
        case OP_LEFT: *value <<= number; continue;
        case OP_RIGHT: *value >>= number; continue;
        case OP_AT: base += *value; break;
        case OP_LOAD: break;
        }
        if (base + number + sizeof(*value) > ip->have)
            return false;
        *value = load_be32(ip->ip + base + number);
    }
    return true;
}

static bool holds(const struct parsed *ip, const struct test *test)
{
    uint32_t value = 0;

    if (!locate(ip, test, &value))
        return false;
    for (unsigned i = 0; i < test->value_count; i++)
        if (value >= test->values[i].min && value <= test->values[i].max)
            return true;
    return false;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct u32 *u = ext_conf(x);
    unsigned i = 0;

    while (i < u->count && holds(&e->p->ip, &u->tests[i]))
        i++;
    return (i == u->count) != ext_negated(x, U_U32);
}

const struct ext_type match_u32 = {
    .name = "u32",
    .families = EXT_BOTH,
    .size = sizeof(struct u32),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
