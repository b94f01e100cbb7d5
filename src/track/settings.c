/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables: defaults and ranges from weir/tunables.def, effects as the conntrack reference's
 * section 6 says.
 */
#include "track/track.h"

#include <errno.h>

static const struct {
    int64_t def, min, max;
    bool timeout;
} tunables[WEIR_T_MAX_NUMBER] = {
/* What may be negative is a time. */
#define WEIR_TUNABLE(id, name, def, min, max) [WEIR_T_##id] = {def, min, max, (min) < 0},
#include <weir/tunables.def>
#undef WEIR_TUNABLE
};

enum {
    BUCKETS_ROUND = 512,     /* Linux fills whole pages with list heads (2.6) */
    SYN_SENT2_SECONDS = 120, /* no sysctl exists for it (3.8) */
};

bool settings_is_timeout(enum weir_tunable tunable)
{
    return tunables[tunable].timeout;
}

static uint32_t round_buckets(uint32_t n)
{
    return n > UINT32_MAX - BUCKETS_ROUND ? n
                                          : (n + BUCKETS_ROUND - 1) / BUCKETS_ROUND * BUCKETS_ROUND;
}

void settings_init(struct track *t, const struct weir_config *config)
{
    struct settings *s = &t->set;

    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        if (tunables[i].timeout)
            t->ticks[i] = (int32_t)tunables[i].def * WEIR_TICKS_PER_SEC;
    t->ticks[TIMEOUT_TCP_SYN_SENT2] = SYN_SENT2_SECONDS * WEIR_TICKS_PER_SEC;
    s->max = config->max ? config->max : TRACK_DEFAULT_MAX;
    s->buckets = round_buckets(config->buckets ? config->buckets : s->max);
    /* Four for each bucket of the expectation table, which has one for 256 (6.1). */
    s->expect_max = 4 * max_u32(s->buckets / 256, 1);
    s->acct = (uint8_t)tunables[WEIR_T_ACCT].def;
    s->checksum = (uint8_t)tunables[WEIR_T_CHECKSUM].def;
    s->events = (uint8_t)tunables[WEIR_T_EVENTS].def;
    s->tcp_loose = (uint8_t)tunables[WEIR_T_TCP_LOOSE].def;
    s->tcp_max_retrans = (uint8_t)tunables[WEIR_T_TCP_MAX_RETRANS].def;
    s->icmp_ratelimit = (uint8_t)tunables[WEIR_T_ICMP_RATELIMIT].def;
    s->frag6_high = tunables[WEIR_T_FRAG6_HIGH_THRESH].def;
    s->frag6_low = tunables[WEIR_T_FRAG6_LOW_THRESH].def;
}

/* Where a tunable of one byte is kept. */
static uint8_t *byte_setting(struct settings *s, enum weir_tunable tunable)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum" /* the others are not bytes */
    switch (tunable) {
    case WEIR_T_ACCT: return &s->acct;
    case WEIR_T_CHECKSUM: return &s->checksum;
    case WEIR_T_EVENTS: return &s->events;
    case WEIR_T_ICMP_RATELIMIT: return &s->icmp_ratelimit;
    case WEIR_T_LOG_INVALID: return &s->log_invalid;
    case WEIR_T_NAT_LINUX_SEARCH: return &s->nat_linux_search;
    case WEIR_T_TCP_BE_LIBERAL: return &s->tcp_be_liberal;
    case WEIR_T_TCP_IGNORE_INVALID_RST: return &s->tcp_ignore_invalid_rst;
    case WEIR_T_TCP_LOOSE: return &s->tcp_loose;
    case WEIR_T_TCP_MAX_RETRANS: return &s->tcp_max_retrans;
    case WEIR_T_TIMESTAMP: return &s->timestamp;
    default: return NULL;
    }
#pragma GCC diagnostic pop
}

void settings_range(const struct track *t, enum weir_tunable tunable, int64_t *min, int64_t *max)
{
    *min = tunables[tunable].min;
    *max = tunables[tunable].max;
    if (tunable == WEIR_T_MAX)
        *max = t->set.capacity;
    else if (tunable == WEIR_T_FRAG6_HIGH_THRESH)
        *min = t->set.frag6_low;
    else if (tunable == WEIR_T_FRAG6_LOW_THRESH)
        *max = t->set.frag6_high;
}

static int set_other(struct track *t, enum weir_tunable tunable, int64_t value)
{
    switch ((int)tunable) {
    case WEIR_T_MAX: t->set.max = (uint32_t)value; return 0;
    case WEIR_T_BUCKETS:
        t->set.buckets = round_buckets((uint32_t)value);
        table_presize(&t->table, (uint32_t)(value < t->set.capacity ? value : t->set.capacity) * 2);
        return 0;
    case WEIR_T_EXPECT_MAX: t->set.expect_max = (uint32_t)value; return 0;
    case WEIR_T_ONEWAY_ZONES: t->set.oneway_zones = (uint16_t)value; return 0;
    case WEIR_T_FRAG6_HIGH_THRESH: t->set.frag6_high = value; return 0;
    case WEIR_T_FRAG6_LOW_THRESH: t->set.frag6_low = value; return 0;
    default: return -EACCES; /* nf_conntrack_count */
    }
}

int settings_set(struct track *t, enum weir_tunable tunable, int64_t value)
{
    int64_t min, max;

    if ((unsigned)tunable >= WEIR_T_MAX_NUMBER)
        return -EINVAL;
    settings_range(t, tunable, &min, &max);
    if (tunable == WEIR_T_COUNT)
        return -EACCES;
    if (value < min || value > max)
        return -ERANGE;
    if (tunables[tunable].timeout) {
        t->ticks[tunable] = (int32_t)value * WEIR_TICKS_PER_SEC;
        return 0;
    }
    uint8_t *byte = byte_setting(&t->set, tunable);

    if (!byte)
        return set_other(t, tunable, value);
    *byte = (uint8_t)value;
    return 0;
}

int64_t settings_get(const struct track *t, enum weir_tunable tunable)
{
    struct settings s = t->set;
    const uint8_t *byte = byte_setting(&s, tunable);

    if (tunables[tunable].timeout)
        return t->ticks[tunable] / WEIR_TICKS_PER_SEC;
    if (byte)
        return *byte;
    switch ((int)tunable) {
    case WEIR_T_COUNT: return t->count;
    case WEIR_T_MAX: return s.max;
    case WEIR_T_BUCKETS: return s.buckets;
    case WEIR_T_EXPECT_MAX: return s.expect_max;
    case WEIR_T_ONEWAY_ZONES: return s.oneway_zones;
    case WEIR_T_FRAG6_HIGH_THRESH: return s.frag6_high;
    default: return s.frag6_low;
    }
}
