/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LED: blink. There are no lights here: it is read and kept, and packets go on.
 */
#include "rules/target/inert.h"

enum { TRIGGER = 0, DELAY, ALWAYS_BLINK };

enum { TRIGGER_MAX = 16 };

struct led {
    uint32_t delay; /* milliseconds */
    bool forever;
    char trigger[TRIGGER_MAX + 1];
};

static const struct opt options[] = {
    {"led-trigger-id", TRIGGER, OPT_OTHER, OPT_MUST},
    {"led-delay", DELAY, OPT_OTHER},
    {"led-always-blink", ALWAYS_BLINK, OPT_FLAG},
    {NULL},
};

static bool take_delay(struct rule_parse *r, struct led *l, const char *text)
{
    uint64_t n = 0;

    l->forever = strcasecmp(text, "inf") == 0;
    if (!l->forever && !read_u64(text, 0, UINT32_MAX, &n))
        return rule_fail(r, "Delay value must be within range 0..%u", UINT32_MAX);
    l->delay = (uint32_t)n;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct led *l = ext_data(x);
    size_t len = strlen(text);

    if (o->id == DELAY) {
        if (!take_delay(r, l, text))
            return false;
        if (!l->delay && !l->forever) /* is not saved */
            x->seen &= ~OPT_BIT(DELAY);
        return true;
    }
    if (o->id != TRIGGER)
        return true;
    if (len > TRIGGER_MAX)
        return rule_fail(r, "Argument must have a maximum length of %d characters", TRIGGER_MAX);
    memcpy(l->trigger, text, len);
    return true;
}

/* What is the default is not saved. */
static bool check(struct rule_parse *r, struct ext *x)
{
    const struct led *l = ext_conf(x);

    (void)r;
    if (!l->forever && l->delay == 0)
        x->seen &= ~OPT_BIT(DELAY);
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct led *l = ext_conf(x);

    if (o->id == TRIGGER)
        text_addf(out, " \"%s\"", l->trigger);
    else if (l->forever)
        text_add(out, " inf");
    else
        text_addf(out, " %u", l->delay);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct led *l = ext_conf(x);

    (void)how;
    text_addf(out, " led-trigger-id:\"%s\"", l->trigger);
    if (l->forever)
        text_add(out, " led-delay:inf");
    else
        text_addf(out, " led-delay:%ums", l->delay);
    if (ext_seen(x, ALWAYS_BLINK))
        text_add(out, " led-always-blink");
}

const struct ext_type target_led = {
    .name = "LED",
    .families = EXT_BOTH,
    .size = sizeof(struct led),
    .opts = options,
    .note = "weir has no lights: -j LED does nothing",
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .target = inert_target,
};
