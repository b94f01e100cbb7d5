/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Growable text. Room doubles, so that writing n bytes costs O(n); one byte is always kept free
 * for the terminator that textbuf_string() and vsnprintf() write.
 */
#include "textbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A listing line has about 250 bytes: the first one fits. */
enum { FIRST_ROOM = 512 };

void textbuf_fini(struct textbuf *text)
{
    free(text->data);
    *text = (struct textbuf){0};
}

void textbuf_clear(struct textbuf *text)
{
    text->len = 0;
    text->failed = false;
}

/* Makes room for `more` bytes and a terminator. */
static bool grow(struct textbuf *text, size_t more)
{
    if (text->failed)
        return false;
    if (text->room > text->len && text->room - text->len > more)
        return true;
    size_t room = text->room ? text->room : FIRST_ROOM;
    while (room - text->len <= more) {
        if (room > SIZE_MAX / 2) {
            text->failed = true;
            return false;
        }
        room *= 2;
    }
    char *data = realloc(text->data, room);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->room = room;
    return true;
}

void textbuf_add_bytes(struct textbuf *text, const void *bytes, size_t len)
{
    if (len == 0 || !grow(text, len))
        return;
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
}

void textbuf_add(struct textbuf *text, const char *string)
{
    textbuf_add_bytes(text, string, strlen(string));
}

/* By hand: a listing is mostly numbers, and this takes a fifth of snprintf's time. */
void textbuf_add_number(struct textbuf *text, uint64_t number)
{
    char digits[20]; /* 2^64 has 20 */
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    textbuf_add_bytes(text, digits + at, sizeof(digits) - at);
}

/* Prints into the room there is, and again when that was not enough. */
void textbuf_addf(struct textbuf *text, const char *format, ...)
{
    for (size_t more = 0;;) {
        if (!grow(text, more))
            return;
        size_t room = text->room - text->len;
        va_list args;
        va_start(args, format);
        /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): does not see va_start in a loop */
        int len = vsnprintf(text->data + text->len, room, format, args);
        va_end(args);
        if (len < 0) {
            text->failed = true;
            return;
        }
        if ((size_t)len < room) {
            text->len += (size_t)len;
            return;
        }
        more = (size_t)len;
    }
}

const char *textbuf_string(struct textbuf *text)
{
    if (!grow(text, 0))
        return "out of memory";
    text->data[text->len] = '\0';
    return text->data;
}
