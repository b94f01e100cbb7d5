/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

enum { PIECE_MAX = 256 };

void text_to(struct text *t, void (*write)(void *ctx, const char *bytes, size_t len), void *ctx)
{
    *t = (struct text){.write = write, .ctx = ctx};
}

void text_into(struct text *t, char *buffer, size_t size)
{
    *t = (struct text){.buffer = buffer, .size = size};
    buffer[0] = '\0';
}

void text_bytes(struct text *t, const char *bytes, size_t len)
{
    t->written += len;
    if (t->write) {
        t->write(t->ctx, bytes, len);
        return;
    }
    size_t room = t->size - 1 - t->len;
    size_t some = len < room ? len : room;

    memcpy(t->buffer + t->len, bytes, some);
    t->len += some;
    t->buffer[t->len] = '\0';
}

void text_add(struct text *t, const char *string)
{
    text_bytes(t, string, strlen(string));
}

void text_char(struct text *t, char c)
{
    text_bytes(t, &c, 1);
}

void text_number(struct text *t, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    text_bytes(t, digits + at, sizeof(digits) - at);
}

void text_addf(struct text *t, const char *format, ...)
{
    char piece[PIECE_MAX];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (len > 0)
        text_bytes(t, piece, (size_t)len < sizeof(piece) ? (size_t)len : sizeof(piece) - 1);
}

void text_addr(struct text *t, uint8_t family, const union weir_addr *addr)
{
    char string[INET6_ADDRSTRLEN];

    if (inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, string, sizeof(string)))
        text_add(t, string);
}

bool text_read_number(const char *text, const char **end, uint64_t *n)
{
    unsigned base = 10;
    const char *at = text;

    *n = 0;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && text_hex_digit(at[2]) >= 0) {
        base = 16;
        at += 2;
    } else if (at[0] == '0') {
        base = 8;
    }
    const char *digits = at;

    for (int digit; (digit = text_hex_digit(*at)) >= 0 && (unsigned)digit < base; at++)
        if (__builtin_mul_overflow(*n, (uint64_t)base, n) ||
            __builtin_add_overflow(*n, (uint64_t)digit, n))
            return false;
    *end = at;
    return at > digits;
}
