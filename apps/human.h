/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers for people to read. Each function fills `out` and returns it.
 */
#ifndef APPS_HUMAN_H
#define APPS_HUMAN_H

#include <stdint.h>

struct human {
    char text[48];
};

const char *human_count(struct human *out, uint64_t n);        /* "1,234,567" */
const char *human_bytes(struct human *out, uint64_t bytes);    /* "812 B", "1.4 MiB" */
const char *human_span(struct human *out, uint64_t ns);        /* "1.250 s", "3 d 4 h" */
const char *human_moment(struct human *out, int64_t epoch_ns); /* "2026-11-21 22:40:01.250 UTC" */
const char *human_percent(struct human *out, uint64_t part, uint64_t whole); /* "93.8 %" */

#endif
