/* SPDX-License-Identifier: BSD-2-Clause */
/* -m mh: the type of an IPv6 mobility header (RFC 6275, 6.1; iptables reference, 3.5). */
#include "rules/match/header.h"

enum { M_TYPE = 0 };

enum { PROTO_MOBILITY = 135, MH_PAYLOAD = 0, MH_TYPE = 2, MH_SIZE = 6 };

struct mh {
    uint8_t min, max;
};

static const struct opt opts[] = {{"mh-type", M_TYPE, OPT_OTHER, OPT_NOT}, {0}};

/* The first that begins with what was written is meant. */
static const struct {
    const char *name;
    uint8_t type;
} names[] = {
    {"binding-refresh-request", 0},
    {"brr", 0},
    {"home-test-init", 1},
    {"hoti", 1},
    {"careof-test-init", 2},
    {"coti", 2},
    {"home-test", 3},
    {"hot", 3},
    {"careof-test", 4},
    {"cot", 4},
    {"binding-update", 5},
    {"bu", 5},
    {"binding-acknowledgement", 6},
    {"ba", 6},
    {"binding-error", 7},
    {"be", 7},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    (void)r;
    *(struct mh *)ext_data(x) = (struct mh){0, UINT8_MAX};
}

static bool read_type(struct rule_parse *r, const char *text, uint8_t *type)
{
    size_t len = strlen(text), found = WEIR_ARRAY_LEN(names);
    uint64_t n;

    for (size_t i = WEIR_ARRAY_LEN(names); i-- > 0;)
        if (strncasecmp(names[i].name, text, len) == 0 &&
            (found == WEIR_ARRAY_LEN(names) || names[found].name[len]))
            found = i;
    if (found < WEIR_ARRAY_LEN(names)) {
        *type = names[found].type;
        return true;
    }
    if (!read_u64(text, 0, UINT8_MAX, &n))
        return rule_fail(r, "Invalid MH type `%s'", text);
    *type = (uint8_t)n;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct mh *m = ext_data(x);
    const char *second = text;
    char part[64];

    (void)o;
    if (!read_part(&second, ':', part, sizeof(part)))
        return rule_fail(r, "Invalid MH type `%s'", text);
    if ((*part || !second) && !read_type(r, part, &m->min))
        return false;
    m->max = second ? m->max : m->min;
    if (second && *second && !read_type(r, second, &m->max))
        return false;
    return m->min <= m->max || rule_fail(r, "Invalid MH type range (min > max)");
}

static bool is_all(const struct mh *m)
{
    return m->min == 0 && m->max == UINT8_MAX;
}

/* All types are not printed, not even negated. */
static void print(struct text *out, const struct ext *x)
{
    const struct mh *m = ext_conf(x);

    if (is_all(m))
        return;
    ext_print_option(out, x, M_TYPE);
    text_addf(out, " %u", m->min);
    if (m->max != m->min)
        text_addf(out, ":%u", m->max);
}

static void list_type(struct text *out, const struct listing *how, uint8_t type)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (!(how->flags & WEIR_RULES_NUMERIC) && names[i].type == type) {
            text_add(out, names[i].name);
            return;
        }
    text_number(out, type);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct mh *m = ext_conf(x);

    text_add(out, " mh");
    if (is_all(m) && !ext_negated(x, M_TYPE))
        return;
    text_add(out, ext_negated(x, M_TYPE) ? " !" : " ");
    list_type(out, how, m->min);
    if (m->max == m->min)
        return;
    text_char(out, ':');
    list_type(out, how, m->max);
}

/* A mobility header is the last one; what claims that more follows is dropped (RFC 6275, 6.1.1). */
static bool match(struct eval *e, const struct ext *x)
{
    const struct mh *m = ext_conf(x);
    const uint8_t *l4 = header_l4(e, MH_SIZE);

    if (!l4)
        return false;
    if (l4[MH_PAYLOAD] != PROTO_NONE) {
        e->drop = true;
        return false;
    }
    return (l4[MH_TYPE] >= m->min && l4[MH_TYPE] <= m->max) != ext_negated(x, M_TYPE);
}

const struct ext_type match_mh = {
    .name = "mh",
    .families = EXT_IPV6,
    .proto = PROTO_MOBILITY,
    .size = sizeof(struct mh),
    .opts = opts,
    .init = init,
    .take = take,
    .print = print,
    .list = list,
    .match = match,
};
