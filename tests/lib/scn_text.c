/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_text: words, numbers, durations and errors of scenario lines, see scn_text.h.
 *
 * Errors are sticky: scn_fail() keeps the first one and ends the scan, so that callers may go on
 * reading (they see the end of the line) and look at scn_failed() once.
 */
#include "scn_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct scn_scan scn_scan_line(const char *line, size_t len, unsigned number,
                              struct scn_error *error)
{
    return (struct scn_scan){
        .line = line, .p = line, .end = line + len, .number = number, .error = error};
}

struct scn_scan scn_scan_word(const struct scn_scan *outer, struct scn_word word)
{
    struct scn_scan s = *outer;
    s.p = word.p;
    s.end = word.p + word.len;
    if (word.len >= 2 && (*s.p == '[' || *s.p == '(')) {
        s.p++;
        s.end--;
    }
    return s;
}

bool scn_fail(const struct scn_scan *s, struct scn_word word, const char *fmt, ...)
{
    struct scn_error *e = s->error;
    if (e->line)
        return false;
    e->line = s->number;
    e->col = (unsigned)((word.p ? word.p : s->p) - s->line) + 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return false;
}

bool scn_failed(const struct scn_scan *s)
{
    return s->error->line != 0;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Where the text from p on ends: at a blank (sep = 0) or at sep, but not inside brackets. */
static const char *word_end(struct scn_scan *s, const char *p, char sep)
{
    char open[16]; /* the closing brackets still to come */
    size_t depth = 0;
    const char *start = p;

    for (; p < s->end; p++) {
        if (depth && open[depth - 1] == '"') {
            if (*p == '\\' && p + 1 < s->end)
                p++;
            else if (*p == '"')
                depth--;
        } else if (depth == 0 && (sep ? *p == sep : blank(*p))) {
            return p;
        } else if (depth && *p == open[depth - 1]) {
            depth--;
        } else if (*p == '"' || *p == '[' || *p == '(') {
            if (depth == sizeof(open)) {
                scn_fail(s, (struct scn_word){p, 1}, "brackets are nested too deeply");
                return s->end;
            }
            open[depth++] = *p == '[' ? ']' : *p == '(' ? ')' : '"';
        }
    }
    if (depth)
        scn_fail(s, (struct scn_word){start, (size_t)(p - start)}, "'%.*s' has no closing %c",
                 (int)(p - start), start, open[depth - 1]);
    return p;
}

static struct scn_word end_word(struct scn_scan *s)
{
    s->p = s->end;
    return (struct scn_word){s->end, 0};
}

struct scn_word scn_next(struct scn_scan *s)
{
    while (s->p < s->end && blank(*s->p))
        s->p++;
    if (s->p >= s->end || *s->p == '#' || scn_failed(s))
        return end_word(s);
    const char *end = word_end(s, s->p, 0);
    if (scn_failed(s))
        return end_word(s);
    struct scn_word w = {s->p, (size_t)(end - s->p)};
    s->p = end;
    return w;
}

struct scn_word scn_peek(const struct scn_scan *s)
{
    struct scn_scan copy = *s;
    return scn_next(&copy);
}

struct scn_word scn_next_part(struct scn_scan *s, char sep)
{
    if (s->p >= s->end || scn_failed(s))
        return end_word(s);
    const char *end = word_end(s, s->p, sep);
    if (scn_failed(s))
        return end_word(s);
    struct scn_word w = {s->p, (size_t)(end - s->p)};
    s->p = end < s->end ? end + 1 : end;
    return w;
}

bool scn_is(struct scn_word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.p, text, word.len) == 0;
}

struct scn_word scn_split(struct scn_word word, struct scn_word *value)
{
    const char *eq = memchr(word.p, '=', word.len);
    *value = (struct scn_word){0};
    if (!eq)
        return word;
    *value = (struct scn_word){eq + 1, word.len - (size_t)(eq + 1 - word.p)};
    return (struct scn_word){word.p, (size_t)(eq - word.p)};
}

/* Digits at *p; false if there are none or too many. */
static bool literal(const char **p, const char *end, uint64_t *out)
{
    unsigned base = 10;
    if (end - *p > 2 && (*p)[0] == '0' && (*p)[1] == 'x') {
        base = 16;
        *p += 2;
    }
    const char *start = *p;
    uint64_t v = 0;
    for (; *p < end && (base == 16 ? isxdigit((unsigned char)**p) : isdigit((unsigned char)**p));
         ++*p) {
        unsigned digit =
            isdigit((unsigned char)**p) ? (unsigned)(**p - '0') : (unsigned)((**p | 32) - 'a' + 10);
        if (v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *out = v;
    return *p > start;
}

static bool factor(const char **p, const char *end, uint64_t i, uint64_t *out)
{
    if (*p == end || **p != 'i')
        return literal(p, end, out);
    ++*p;
    *out = i;
    return true;
}

static bool formula(struct scn_word w, uint64_t i, uint64_t *out, bool *plain)
{
    const char *p = w.p, *end = w.p + w.len;
    uint64_t sum = 0;
    bool minus = false;

    *plain = true;
    if (p < end && *p == '-') {
        minus = true;
        *plain = false;
        p++;
    }
    for (;;) {
        uint64_t product, by;
        if (!factor(&p, end, i, &product))
            return false;
        while (p < end && *p == '*') {
            p++;
            *plain = false;
            if (!factor(&p, end, i, &by))
                return false;
            product *= by;
        }
        sum = minus ? sum - product : sum + product;
        if (p == end)
            break;
        if (*p != '+' && *p != '-')
            return false;
        minus = *p++ == '-';
        *plain = false;
    }
    *out = sum;
    return true;
}

bool scn_number(const struct scn_scan *s, struct scn_word key, struct scn_word value, uint64_t max,
                uint64_t *out)
{
    bool plain;
    if (!value.len || !formula(value, s->i, out, &plain))
        return scn_fail(s, value.p ? value : key,
                        "'%.*s' wants a number, such as 5, 0x1f or 5001-66000, not '%.*s'",
                        (int)key.len, key.p, (int)value.len, value.p ? value.p : "");
    if (!plain && max == UINT32_MAX)
        *out &= UINT32_MAX;
    if (*out > max)
        return scn_fail(s, value, "'%.*s': %.*s is out of range, the largest is %llu", (int)key.len,
                        key.p, (int)value.len, value.p, (unsigned long long)max);
    return true;
}

bool scn_duration(const struct scn_scan *s, struct scn_word word, int64_t *ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } unit[] = {
        {"ns", 1},          {"us", 1000},         {"ms", 1000000},       {"s", 1000000000},
        {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000},
    };
    const char *p = word.p, *end = word.p + word.len;
    uint64_t whole = 0, fraction = 0, scale = 1;

    if (p < end && *p == '+')
        p++;
    bool ok = literal(&p, end, &whole) && whole < 1000000;
    if (ok && p < end && *p == '.') {
        for (p++; p < end && isdigit((unsigned char)*p) && scale < 1000000000; p++) {
            fraction = fraction * 10 + (unsigned)(*p - '0');
            scale *= 10;
        }
    }
    for (size_t i = 0; ok && i < sizeof(unit) / sizeof(unit[0]); i++) {
        if (!scn_is((struct scn_word){p, (size_t)(end - p)}, unit[i].name))
            continue;
        *ns = (int64_t)whole * unit[i].ns + (int64_t)(fraction * (uint64_t)unit[i].ns / scale);
        return true;
    }
    return scn_fail(s, word, "'%.*s' is no time, such as 1.5s, 20ms or 5d", (int)word.len,
                    word.len ? word.p : "");
}

static int hex_digit(char c)
{
    if (isdigit((unsigned char)c))
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

bool scn_hex(const struct scn_scan *s, struct scn_word word, uint8_t *out, size_t cap, size_t *len)
{
    if (word.len % 2)
        return scn_fail(s, word, "'%.*s' has an odd number of hex digits",
                        (int)(word.len > 60 ? 60 : word.len), word.p);
    if (word.len / 2 > cap)
        return scn_fail(s, word, "%zu bytes are too many here, the limit is %zu", word.len / 2,
                        cap);
    for (size_t i = 0; i < word.len; i += 2) {
        int high = hex_digit(word.p[i]), low = hex_digit(word.p[i + 1]);
        if (high < 0 || low < 0)
            return scn_fail(s, (struct scn_word){word.p + i, 2},
                            "'%.2s' is no byte: hex digits or \"text\" are wanted", word.p + i);
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len = word.len / 2;
    return true;
}

bool scn_string(const struct scn_scan *s, struct scn_word word, uint8_t *out, size_t cap,
                size_t *len)
{
    static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";
    const char *p = word.p + 1, *end = word.p + word.len - 1;

    if (word.len < 2 || word.p[0] != '"' || *end != '"')
        return scn_fail(s, word, "'%.*s' is no \"text\"", (int)word.len, word.p);
    for (*len = 0; p < end; p++) {
        uint8_t byte = (uint8_t)*p;
        if (*p == '\\') {
            p++;
            const char *known = p < end ? strchr(from, *p) : NULL;
            if (known && *known) {
                byte = (uint8_t)to[known - from];
            } else if (end - p > 2 && *p == 'x' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
                byte = (uint8_t)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
                p += 2;
            } else {
                return scn_fail(s, (struct scn_word){p - 1, 2},
                                "'%.2s' in a text: \\n \\r \\t \\0 \\\\ \\\" \\xHH are known",
                                p - 1);
            }
        }
        if (*len == cap)
            return scn_fail(s, word, "the text is longer than %zu bytes", cap);
        out[(*len)++] = byte;
    }
    return true;
}
