/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of 32-bit numbers, as several matches have them, and how lists show them. */
#ifndef WEIR_RULES_MATCH_RANGE_H
#define WEIR_RULES_MATCH_RANGE_H

#include "base/text.h"

struct range {
    uint32_t min, max;
};

static const struct range range_all = {0, UINT32_MAX};

static inline bool range_has(struct range r, uint32_t n)
{
    return n >= r.min && n <= r.max;
}

/* "spi:5", "spis:!5:9"; nothing for a range that says nothing. `gap` stands before it then. */
static inline void range_list(struct text *out, const char *gap, const char *name, struct range r,
                              bool negated)
{
    const char *not = negated ? "!" : "";

    if (r.min == r.max)
        text_addf(out, "%s%s:%s%u", gap, name, not, r.min);
    else if (r.min != 0 || r.max != UINT32_MAX || negated)
        text_addf(out, "%s%ss:%s%u:%u", gap, name, not, r.min, r.max);
}

#endif
