/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers for people to read.
 */
#include "human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *human_count(struct human *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    char *to = out->text;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out->text;
}

const char *human_bytes(struct human *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(out->text, sizeof(out->text), "%" PRIu64 " B", bytes);
        return out->text;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    /* 1023.95 would be printed as 1024.0 */
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(out->text, sizeof(out->text), "%.1f %s", value, units[unit]);
    return out->text;
}

const char *human_span(struct human *out, uint64_t ns)
{
    uint64_t s = ns / 1000000000;
    unsigned ms = (unsigned)(ns / 1000000 % 1000);
    if (s < 60)
        snprintf(out->text, sizeof(out->text), "%" PRIu64 ".%03u s", s, ms);
    else if (s < 3600)
        snprintf(out->text, sizeof(out->text), "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out->text, sizeof(out->text), "%" PRIu64 " h %" PRIu64 " min", s / 3600,
                 s / 60 % 60);
    else
        snprintf(out->text, sizeof(out->text), "%" PRIu64 " d %" PRIu64 " h", s / 86400,
                 s / 3600 % 24);
    return out->text;
}

const char *human_moment(struct human *out, int64_t epoch_ns)
{
    int64_t s = epoch_ns / 1000000000 - (epoch_ns % 1000000000 < 0);
    int ms = (int)((epoch_ns - s * 1000000000) / 1000000);
    time_t seconds = (time_t)s;
    struct tm utc;
    char date[32];
    if (!gmtime_r(&seconds, &utc) || !strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &utc))
        snprintf(out->text, sizeof(out->text), "@%" PRId64 ".%03d", s, ms);
    else
        snprintf(out->text, sizeof(out->text), "%s.%03d UTC", date, ms);
    return out->text;
}

const char *human_percent(struct human *out, uint64_t part, uint64_t whole)
{
    double percent = whole ? 100.0 * (double)part / (double)whole : 0;
    snprintf(out->text, sizeof(out->text), percent > 0 && percent < 0.1 ? "<0.1 %%" : "%.1f %%",
             percent);
    return out->text;
}
