/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text that grows as it is written. Writers do not check for memory one by one: the first failure
 * is remembered in `failed`, later additions do nothing, and whoever hands the text out looks once.
 */
#ifndef CONTROL_TEXTBUF_H
#define CONTROL_TEXTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty text. Free with textbuf_fini(). */
struct textbuf {
    char *data; /* `len` bytes, not terminated; NULL while nothing was written */
    size_t len, room;
    bool failed; /* memory ran out: the text is not complete */
};

void textbuf_fini(struct textbuf *text);

/* Empties the text, forgets a failure, and keeps the memory. */
void textbuf_clear(struct textbuf *text);

void textbuf_add(struct textbuf *text, const char *string);
void textbuf_add_bytes(struct textbuf *text, const void *bytes, size_t len);
void textbuf_add_number(struct textbuf *text, uint64_t number);
void textbuf_addf(struct textbuf *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text as a C string, valid until it changes. Never NULL: says so when memory ran out. */
const char *textbuf_string(struct textbuf *text);

#endif
