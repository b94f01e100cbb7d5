/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets from text: what `ipset save` writes and `ipset restore` takes. One command a line; "#"
 * begins a comment; words with blanks in them stand in double quotes, which nothing can escape.
 *
 * All of the text is carried out, or nothing of it: it works on a draft of the sets.
 */
#include "rules/set/read.h"
#include "rules/ext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* --- errors --- */

bool set_fail(struct set_reader *r, const struct set_word *about, const char *format, ...)
{
    struct weir_rules_error *error = r->error;
    struct text text;
    va_list args;

    memset(error, 0, sizeof(*error));
    error->line = r->line;
    error->status = 1;
    if (about) {
        error->column = about->column;
        text_into(&text, error->text, sizeof(error->text));
        text_add(&text, about->text);
    }
    va_start(args, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return false;
}

void set_hint(struct set_reader *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(r->error->hint, sizeof(r->error->hint), format, args);
    va_end(args);
}

bool set_fail_memory(struct set_reader *r)
{
    r->no_memory = true;
    return set_fail(r, NULL, "there is not enough memory");
}

/* --- words --- */

static bool blank(char c)
{
    return text_blank(c) || c == '\r';
}

/* Copy one word from `at` to `*out`, without its quotes. */
static bool cut_word(struct set_reader *r, const char **at, const char *end, const char *start,
                     char **out)
{
    struct set_word *word = &r->words[r->count];
    bool quoted = false;

    *word = (struct set_word){.text = *out, .column = (uint32_t)(*at - start) + 1};
    for (; *at < end && (quoted || !blank(**at)); ++*at) {
        if (**at == '"') {
            quoted = !quoted;
            word->quoted = true;
        } else {
            *(*out)++ = **at;
        }
    }
    *(*out)++ = '\0';
    r->count++;
    if (quoted) {
        set_fail(r, word, "a quotation mark is missing");
        set_hint(r, "quote all of a comment: comment \"two words\"");
    }
    return !quoted;
}

/* Cut a line into words. */
static bool cut_line(struct set_reader *r, const char *start, const char *end)
{
    char *out = r->buffer;
    const char *at = start;

    r->count = r->next = 0;
    if (end - start > SET_LINE_MAX)
        return set_fail(r, NULL, "the line is longer than %d bytes", SET_LINE_MAX);
    if (memchr(start, '\0', (size_t)(end - start)))
        return set_fail(r, NULL, "there is a byte 0 in the line");
    for (;;) {
        while (at < end && blank(*at))
            at++;
        if (at == end || (r->count == 0 && *at == '#'))
            return true;
        if (r->count == SET_WORDS_MAX)
            return set_fail(r, NULL, "there are more than %d words in the line", SET_WORDS_MAX);
        if (!cut_word(r, &at, end, start, &out))
            return false;
    }
}

struct set_word *set_next_word(struct set_reader *r)
{
    return r->next < r->count ? &r->words[r->next++] : NULL;
}

struct set_word *set_argument(struct set_reader *r, const struct set_word *option)
{
    struct set_word *word = set_next_word(r);

    if (!word)
        set_fail(r, option, "Missing mandatory argument of option `%s'", option->text);
    return word;
}

bool set_unknown(struct set_reader *r, const struct set_word *option)
{
    return set_fail(r, option, "Unknown argument: `%s'", option->text);
}

bool set_once(struct set_reader *r, const struct set_word *option, uint32_t *seen, uint32_t bit)
{
    if (*seen & bit)
        return set_fail(r, option, "Syntax error: %s already specified", option->text);
    *seen |= bit;
    return true;
}

bool set_copy_word(struct set_reader *r, const struct set_word *word, char *copy)
{
    size_t len = strlen(word->text);

    if (len > SET_ELEM_MAX)
        return set_fail(r, word, "the word is longer than %d bytes", SET_ELEM_MAX);
    memcpy(copy, word->text, len + 1);
    return true;
}

/* --- values --- */

bool set_read_number(struct set_reader *r, const struct set_word *about, const char *text,
                     uint64_t min, uint64_t max, uint64_t *n)
{
    const char *end = text + 1;

    if (text_digit(*text) && !text_read_number(text, &end, n)) {
        *n = UINT64_MAX; /* more than 64 bits, or no octal number */
        for (end = text; text_hex_digit(*end) >= 0 || *end == 'x' || *end == 'X'; end++)
            ;
    }
    if (!text_digit(*text) || *end)
        return set_fail(r, about, "Syntax error: '%s' is invalid as number", text);
    return (*n >= min && *n <= max) ||
           set_fail(r, about, "Syntax error: '%s' is out of range %llu-%llu", text,
                    (unsigned long long)min, (unsigned long long)max);
}

bool set_read_addr(struct set_reader *r, const struct set_word *about, uint8_t family, char *text,
                   union weir_addr *addr)
{
    size_t len = strlen(text);

    memset(addr, 0, sizeof(*addr));
    if (*text == '[' && len > 1 && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    }
    if (read_addr(family, text, addr) ||
        (*text && r->names->host && r->names->host(r->names->ctx, text, family, addr, 1) > 0))
        return true;
    return set_fail(r, about, "Syntax error: cannot parse %s: resolving to IPv%d address failed",
                    text, family);
}

char *set_find_char(char *text, char c)
{
    bool inside = false;

    for (; *text; text++) {
        inside = *text == '[' || (inside && *text != ']');
        if (*text == c && !inside)
            return text;
    }
    return NULL;
}

/* --- lines --- */

/* Options of the ipset command that may stand anywhere; only one of them matters here. */
static bool is_option(struct set_reader *r, const struct set_word *word)
{
    static const char *const without_effect[] = {"-q", "-quiet", "-s", "-sorted", "-r", "-resolve"};
    const char *text = word->text;

    if (word->quoted || *text != '-')
        return false;
    text += strncmp(text, "--", 2) == 0;
    if (strcmp(text, "-exist") == 0 || strcmp(text, "-!") == 0) {
        r->exist = true;
        return true;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(without_effect); i++)
        if (strcmp(text, without_effect[i]) == 0)
            return true;
    return false;
}

static void take_options(struct set_reader *r)
{
    uint32_t kept = 0;

    r->exist = false;
    for (uint32_t i = 0; i < r->count; i++)
        if (!is_option(r, &r->words[i]))
            r->words[kept++] = r->words[i];
    r->count = kept;
}

static bool run_line(struct set_reader *r)
{
    const struct set_word *word;

    take_options(r);
    word = set_next_word(r);
    if (!word)
        return true;
    if (strcmp(word->text, "COMMIT") == 0) /* ended the text before ipset 5 */
        return true;
    return set_run_command(r, word);
}

static bool run_text(struct set_reader *r)
{
    while (r->at < r->end) {
        const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
        const char *end = newline ? newline : r->end;

        r->line++;
        if (!cut_line(r, r->at, end) || !run_line(r))
            return false;
        r->at = newline ? newline + 1 : r->end;
    }
    return true;
}

/* --- the whole --- */

static struct set_memory memory_of(const struct weir_rules_options *options)
{
    if (options && options->reserve && options->release)
        return (struct set_memory){options->reserve, options->release, options->memory_ctx};
    return (struct set_memory){weir_reserve_pages, weir_release_pages, NULL};
}

WEIR_API int weir_sets_parse(struct weir_sets **sets, const char *text, size_t len,
                             const struct weir_rules_options *options,
                             struct weir_rules_error *error)
{
    static const struct weir_rules_names no_names = {0};
    const struct set_memory memory = memory_of(options);
    struct weir_sets *base = *sets ? *sets : sets_new(&memory);
    struct set_reader r = {.names = options && options->names ? options->names : &no_names,
                           .error = error,
                           .draft = base ? sets_draft(base) : NULL,
                           .at = text,
                           .end = text + len,
                           .slot = SET_NO_SLOT};
    bool good = r.draft ? run_text(&r) : set_fail_memory(&r);

    if (good) {
        memset(error, 0, sizeof(*error));
        sets_commit(base, r.draft);
        *sets = base;
        return 0;
    }
    if (r.draft)
        sets_abandon(r.draft);
    if (!*sets)
        weir_sets_free(base);
    return r.no_memory ? -ENOMEM : -EINVAL;
}
