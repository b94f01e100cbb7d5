/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m string: bytes anywhere in the packet (iptables reference, 3.5).
 *
 * Offsets count from the IP header, which is searched too. A hit lies wholly between --from and
 * --to. Whatever --algo asks for, the search is that of Knuth, Morris and Pratt: each byte of the
 * packet is looked at once and then at most one step back is made for each step forward, so that no
 * packet can make it slow.
 */
#include "rules/eval.h"

enum { S_STRING = 0, S_HEX, S_ALGO, S_FROM, S_TO, S_ICASE };

enum { PATTERN_MAX = 128, TO_MAX = UINT16_MAX };

static const char *const algorithms[] = {"bm", "kmp"};

struct string {
    uint8_t pattern[PATTERN_MAX];
    uint8_t back[PATTERN_MAX]; /* [i]: length of the longest proper beginning of the pattern with
                                  which its first i + 1 bytes end */
    uint8_t fold[PATTERN_MAX]; /* the pattern as it is compared */
    uint16_t from, to;
    uint8_t len;
    uint8_t algorithm;
};

static const struct opt opts[] = {
    {"string", S_STRING, OPT_OTHER, OPT_NOT, .against = OPT_BIT(S_HEX)},
    {"hex-string", S_HEX, OPT_OTHER, OPT_NOT, .against = OPT_BIT(S_STRING)},
    {"algo", S_ALGO, OPT_OTHER},
    {"from", S_FROM, OPT_U16, .at = offsetof(struct string, from)},
    {"to", S_TO, OPT_U16, .at = offsetof(struct string, to)},
    {"icase", S_ICASE, OPT_FLAG},
    {0},
};

/* Linux folds the letters of Latin-1: those with accents are 32 apart too. 0xf7 and 0xff have no
 * partner there, and 0xdf, which has none either, is taken for the small letter of 0xbf. */
static uint8_t fold(uint8_t c)
{
    bool small = (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xfe && c != 0xf7);

    return small ? (uint8_t)(c - 32) : c;
}

/* --- reading --- */

static void init(const struct rule_parse *r, struct ext *x)
{
    struct string *s = ext_data(x);

    (void)r;
    s->to = TO_MAX;
}

static bool add_byte(struct rule_parse *r, struct string *s, int byte, const char *text)
{
    if (s->len == PATTERN_MAX) {
        rule_fail(r, "STRING too long \"%s\"", text);
        rule_hint(r, "at most %d bytes can be searched for", PATTERN_MAX);
        return false;
    }
    s->pattern[s->len++] = (uint8_t)byte;
    return true;
}

static bool take_string(struct rule_parse *r, struct string *s, const char *text)
{
    for (const char *at = text; *at; at++)
        if (!add_byte(r, s, (uint8_t)*at, text))
            return false;
    return true;
}

/* What is between two bars: pairs of digits, with blanks between them. As iptables
 * does it, the byte behind the second bar is taken as it is, be it another bar. *at comes behind
 * it. */
static bool take_block(struct rule_parse *r, struct string *s, const char **at, const char *text)
{
    const char *c = *at;

    for (;; c += 2) {
        while (*c == ' ')
            c++;
        if (*c == '|' && c > *at)
            break;
        if (!c[0] || !c[1])
            return rule_fail(r, "Odd number of hex digits");
        if (text_hex_digit(c[0]) < 0)
            return rule_fail(r, "Invalid hex char '%c'", c[0]);
        if (c[1] == '|' || !c[2])
            return rule_fail(r, "Invalid hex block");
        if (text_hex_digit(c[1]) < 0)
            return rule_fail(r, "Invalid hex char '%c'", c[1]);
        if (!add_byte(r, s, text_hex_digit(c[0]) << 4 | text_hex_digit(c[1]), text))
            return false;
    }
    *at = c[1] ? c + 2 : c + 1;
    return !c[1] || add_byte(r, s, (uint8_t)c[1], text);
}

static bool take_hex(struct rule_parse *r, struct string *s, const char *text)
{
    if (!*text)
        return rule_fail(r, "STRING must contain at least one char");
    for (const char *at = text; *at;) {
        if (*at == '|') {
            at++;
            if (*at && !take_block(r, s, &at, text))
                return false;
            continue;
        }
        if (*at == '\\' && !*++at)
            return rule_fail(r, "Bad literal placement at end of string");
        if (!add_byte(r, s, (uint8_t)*at++, text))
            return false;
    }
    return true;
}

static bool take_algorithm(struct rule_parse *r, struct string *s, const char *text)
{
    for (s->algorithm = 0; s->algorithm < WEIR_ARRAY_LEN(algorithms); s->algorithm++)
        if (strcmp(algorithms[s->algorithm], text) == 0)
            return true;
    rule_fail(r, "string: there is no algorithm \"%s\"", text);
    rule_hint(r, "it is bm or kmp");
    return false;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct string *s = ext_data(x);

    switch (o->id) {
    case S_STRING: return take_string(r, s, text);
    case S_HEX: return take_hex(r, s, text);
    case S_ALGO: return take_algorithm(r, s, text);
    default: return true;
    }
}

static void prepare(struct string *s, bool icase)
{
    for (unsigned i = 0; i < s->len; i++)
        s->fold[i] = icase ? fold(s->pattern[i]) : s->pattern[i];
    for (unsigned i = 1, n = 0; i < s->len; i++) {
        while (n && s->fold[i] != s->fold[n])
            n = s->back[n - 1];
        n += s->fold[i] == s->fold[n];
        s->back[i] = (uint8_t)n;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct string *s = ext_data(x);

    if (!ext_seen(x, S_STRING) && !ext_seen(x, S_HEX))
        return rule_fail(r, "STRING match: You must specify `--string' or `--hex-string'");
    if (!ext_seen(x, S_ALGO)) /* not OPT_MUST, which would be said before the above */
        return rule_fail(r, "string: option \"--algo\" must be specified");
    if (!s->len)
        return rule_fail(r, "string: there is nothing to search for");
    if (s->from > s->to)
        return rule_fail(r, "string: --from %u is behind --to %u", s->from, s->to);
    prepare(s, ext_seen(x, S_ICASE));
    return true;
}

/* --- writing --- */

/* Is it saved as --hex-string? Bytes that cannot be printed call for it, and so does a backslash at
 * the end. */
static bool needs_hex(const struct string *s)
{
    for (unsigned i = 0; i < s->len; i++)
        if (s->pattern[i] < ' ' || s->pattern[i] > '~')
            return true;
    return s->pattern[s->len - 1] == '\\';
}

static void add_pattern(struct text *out, const struct string *s)
{
    bool hex = needs_hex(s);

    text_add(out, hex ? "\"|" : "\"");
    for (unsigned i = 0; i < s->len; i++) {
        if (hex) {
            text_addf(out, "%02x", s->pattern[i]);
            continue;
        }
        if (s->pattern[i] == '"' || s->pattern[i] == '\\')
            text_char(out, '\\');
        text_char(out, (char)s->pattern[i]);
    }
    text_add(out, hex ? "|\"" : "\"");
}

static bool negated(const struct ext *x)
{
    return ext_negated(x, S_STRING) || ext_negated(x, S_HEX);
}

static void print(struct text *out, const struct ext *x)
{
    const struct string *s = ext_conf(x);

    text_addf(out, "%s --%s ", negated(x) ? " !" : "", needs_hex(s) ? "hex-string" : "string");
    add_pattern(out, s);
    text_addf(out, " --algo %s", algorithms[s->algorithm]);
    if (s->from)
        text_addf(out, " --from %u", s->from);
    if (s->to != TO_MAX)
        text_addf(out, " --to %u", s->to);
    text_add(out, ext_seen(x, S_ICASE) ? " --icase" : "");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct string *s = ext_conf(x);

    (void)how;
    text_addf(out, " STRING match %s ", negated(x) ? "!" : "");
    add_pattern(out, s);
    text_addf(out, " ALGO name %s", algorithms[s->algorithm]);
    if (s->from)
        text_addf(out, " FROM %u", s->from);
    if (s->to != TO_MAX)
        text_addf(out, " TO %u", s->to);
    text_add(out, ext_seen(x, S_ICASE) ? " ICASE" : "");
}

/* --- matching --- */

/* Is the pattern in bytes [at, end)? Called with a constant `icase`, so that there are two loops.
 */
static inline __attribute__((always_inline)) bool search(const struct string *s, const uint8_t *at,
                                                         const uint8_t *end, bool icase)
{
    unsigned n = 0; /* bytes of the pattern with which the bytes so far end */

    for (; at < end; at++) {
        uint8_t c = icase ? fold(*at) : *at;

        while (n && c != s->fold[n])
            n = s->back[n - 1];
        n += c == s->fold[n];
        if (n == s->len)
            return true;
    }
    return false;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct string *s = ext_conf(x);
    const uint8_t *ip = e->p->ip.ip;
    uint32_t end = min_u32(s->to, e->p->ip.have);
    bool found = s->from < end && (ext_seen(x, S_ICASE) ? search(s, ip + s->from, ip + end, true)
                                                        : search(s, ip + s->from, ip + end, false));

    return found != negated(x);
}

const struct ext_type match_string = {
    .name = "string",
    .families = EXT_BOTH,
    .size = sizeof(struct string),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
};
