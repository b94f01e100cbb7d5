/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text: printf into a caller's buffer, piece by piece.
 *
 * The buffer always holds a terminated string. What does not fit is dropped, and `cut` says so;
 * callers that print a line to be read back check it once, at the end.
 */
#ifndef TESTS_LIB_TEXT_H
#define TESTS_LIB_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct text {
    char *buf;
    size_t cap; /* at least 1 */
    size_t len; /* without the terminating zero; always < cap */
    bool cut;   /* something did not fit */
};

static inline struct text text_in(char *buf, size_t cap)
{
    buf[0] = 0;
    return (struct text){.buf = buf, .cap = cap};
}

__attribute__((format(printf, 2, 3))) static inline void text_add(struct text *t, const char *fmt,
                                                                  ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->buf + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->cap - t->len) {
        t->len = t->cap - 1;
        t->cut = true;
    } else {
        t->len += (size_t)n;
    }
}

static inline void text_hex(struct text *t, const uint8_t *bytes, size_t len)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        if (t->cap - t->len < 3) {
            t->cut = true;
            return;
        }
        t->buf[t->len++] = digit[bytes[i] >> 4];
        t->buf[t->len++] = digit[bytes[i] & 15];
        t->buf[t->len] = 0;
    }
}

#endif
