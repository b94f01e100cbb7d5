/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing text: to a function that takes it in pieces, or into a fixed buffer, where what does not
 * fit is cut. And the few questions about characters that must not depend on a locale.
 */
#ifndef WEIR_BASE_TEXT_H
#define WEIR_BASE_TEXT_H

#include "base/bytes.h"
#include <weir/types.h>

struct text {
    void (*write)(void *ctx, const char *bytes, size_t len); /* NULL: into a buffer */
    void *ctx;
    char *buffer; /* always terminated */
    size_t len, size;
    size_t written; /* in all, cut or not */
};

/* Text that goes to `write`. */
void text_to(struct text *t, void (*write)(void *ctx, const char *bytes, size_t len), void *ctx);
/* Text that goes into `size` (at least 1) bytes at `buffer`. */
void text_into(struct text *t, char *buffer, size_t size);

void text_add(struct text *t, const char *string);
void text_bytes(struct text *t, const char *bytes, size_t len);
void text_char(struct text *t, char c);
void text_number(struct text *t, uint64_t n);
/* printf, for pieces below 256 bytes. */
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "192.0.2.1", "2001:db8::1" (as inet_ntop). */
void text_addr(struct text *t, uint8_t family, const union weir_addr *addr);

static inline char text_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c + 32);
    return c;
}

static inline bool text_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool text_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Value of a hexadecimal digit, -1: it is none. */
static inline int text_hex_digit(char c)
{
    if (text_digit(c))
        return c - '0';
    c = text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * A number at the start of a text, as strtoull(text, &end, 0) with neither blanks nor sign:
 * decimal, 0x hexadecimal, 0 octal. False: there is none, or it has more than 64 bits.
 */
bool text_read_number(const char *text, const char **end, uint64_t *n);

#endif
