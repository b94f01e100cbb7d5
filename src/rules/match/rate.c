/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/rate.h"

struct unit {
    const char *name, *full;
    uint32_t seconds;
};

static const struct unit units[] = {
    {"day", "day", 86400},
    {"hour", "hour", 3600},
    {"min", "minute", 60},
    {"sec", "second", 1},
};

static const struct unit *find_unit(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; len && i < WEIR_ARRAY_LEN(units); i++)
        if (strncasecmp(units[i].full, text, len) == 0)
            return &units[i];
    return NULL;
}

enum rate_fault rate_read(const char *text, uint32_t scale, uint64_t *period, uint32_t *unit)
{
    const char *slash = strchr(text, '/');
    const struct unit *u = find_unit(slash ? slash + 1 : "second");
    uint64_t n = 0;

    for (; text_digit(*text); text++)
        if (n <= UINT32_MAX * (uint64_t)86400) /* beyond, it only becomes more too fast */
            n = n * 10 + (uint64_t)(*text - '0');
    if (!u || !n)
        return RATE_BAD;
    *unit = u->seconds;
    *period = (uint64_t)scale * u->seconds / n;
    return *period ? RATE_GOOD : RATE_TOO_FAST;
}

/* A smaller unit is better as long as what rounding down loses in it is small. */
static const struct unit *best_unit(uint64_t period, uint32_t scale)
{
    const struct unit *best = units;

    for (; best < &units[WEIR_ARRAY_LEN(units) - 1]; best++) {
        uint64_t len = (uint64_t)best[1].seconds * scale;

        if (period > len || len / period < len % period)
            break;
    }
    return best;
}

void rate_print(struct text *out, uint64_t period, uint32_t scale)
{
    const struct unit *u = best_unit(period, scale);

    text_number(out, (uint64_t)u->seconds * scale / period);
    text_char(out, '/');
    text_add(out, u->name);
}

uint32_t rate_unit(uint64_t period, uint32_t scale)
{
    return best_unit(period, scale)->seconds;
}
