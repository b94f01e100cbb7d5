/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_text: what the packet lines and the other lines of a scenario are made of: words, numbers,
 * durations, and errors that point at them.
 *
 * A word ends at a blank, but not inside "…", […] or (…). '#' at the beginning of a word starts a
 * comment. Words point into the line, so every error knows its column, however deep the word was
 * nested.
 */
#ifndef TESTS_LIB_SCN_TEXT_H
#define TESTS_LIB_SCN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong, where. `text` is a sentence that holds the offending word and says what would be
 * accepted; columns count from 1. */
struct scn_error {
    unsigned line, col;
    char text[512];
};

struct scn_word {
    const char *p;
    size_t len;
};

struct scn_scan {
    const char *line;        /* column 1 */
    const char *p, *end;     /* what is still to be read */
    unsigned number;         /* of the line */
    struct scn_error *error; /* the first error stays */
    uint64_t i; /* what the letter i is in numbers: how often the line was read before */
};

struct scn_scan scn_scan_line(const char *line, size_t len, unsigned number,
                              struct scn_error *error);
/* The inside of a word, without its first and last character if these are brackets. */
struct scn_scan scn_scan_word(const struct scn_scan *outer, struct scn_word word);

/* The next word; an empty one (len = 0) at the end of the line, and after an error. */
struct scn_word scn_next(struct scn_scan *s);
struct scn_word scn_peek(const struct scn_scan *s);
/* The same for lists within a word: parts end at `sep`, brackets and quotes are respected. */
struct scn_word scn_next_part(struct scn_scan *s, char sep);

/* Note an error at this word (an empty word: at the end of what was read). Returns false. */
__attribute__((format(printf, 3, 4))) bool scn_fail(const struct scn_scan *s, struct scn_word word,
                                                    const char *fmt, ...);
bool scn_failed(const struct scn_scan *s);

bool scn_is(struct scn_word word, const char *text);
/* key=value to its two parts; without '=' the value is empty and its p is NULL. */
struct scn_word scn_split(struct scn_word word, struct scn_word *value);

/*
 * A number of at most `max`: decimal, 0x… or i, or a formula of them with + - * (products first).
 * With max = 0xffffffff a formula is taken modulo 2^32, as sequence numbers are. `key` is the word
 * for the error.
 */
bool scn_number(const struct scn_scan *s, struct scn_word key, struct scn_word value, uint64_t max,
                uint64_t *out);
/* "1.5s", "20ms", "5d": units ns us ms s m h d. A leading + is allowed. */
bool scn_duration(const struct scn_scan *s, struct scn_word word, int64_t *ns);
/* An even number of hex digits to at most cap bytes. */
bool scn_hex(const struct scn_scan *s, struct scn_word word, uint8_t *out, size_t cap, size_t *len);
/* The inside of "…" with \n \r \t \0 \\ \" \xHH replaced. */
bool scn_string(const struct scn_scan *s, struct scn_word word, uint8_t *out, size_t cap,
                size_t *len);

#endif
