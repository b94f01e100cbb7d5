/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m time: the wall clock, in UTC (iptables reference, 3.4).
 *
 * All bounds are inclusive. A daily window that ends before it starts goes over midnight; with
 * --contiguous the part behind midnight belongs to the day on which the window started. A window
 * that ends when it starts is the whole day.
 */
#include "rules/eval.h"
#include "rules/match/calendar.h"

enum {
    T_START = 0,
    T_STOP,
    T_MONTHDAYS,
    T_WEEKDAYS,
    T_DATE_START,
    T_DATE_STOP,
    T_LOCAL,
    T_UTC,
    T_KERNEL,
    T_CONTIGUOUS
};

static const uint32_t all_monthdays = 0xfffffffe, all_weekdays = 0xfe; /* one bit each, from 1 */

enum { YEAR_MIN = 1970, YEAR_MAX = 2038, NAME_MIN = 2 };

struct time {
    uint32_t start, stop;           /* seconds of the day */
    uint32_t date_start, date_stop; /* seconds since 1970 */
    uint32_t monthdays, weekdays;
};

static const struct opt opts[] = {
    {"timestart", T_START, OPT_OTHER},
    {"timestop", T_STOP, OPT_OTHER},
    {"monthdays", T_MONTHDAYS, OPT_OTHER, OPT_NOT},
    {"weekdays", T_WEEKDAYS, OPT_OTHER, OPT_NOT},
    {"datestart", T_DATE_START, OPT_OTHER},
    {"datestop", T_DATE_STOP, OPT_OTHER},
    {"localtz", T_LOCAL, OPT_FLAG, .against = OPT_BIT(T_UTC)},
    {"utc", T_UTC, OPT_FLAG, .against = OPT_BIT(T_KERNEL) | OPT_BIT(T_LOCAL)},
    {"kerneltz", T_KERNEL, OPT_FLAG, .against = OPT_BIT(T_UTC)},
    {"contiguous", T_CONTIGUOUS, OPT_FLAG},
    {0},
};

static const char *const day_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};

/* --- reading --- */

static void init(const struct rule_parse *r, struct ext *x)
{
    struct time *t = ext_data(x);

    (void)r;
    t->stop = CALENDAR_DAY - 1;
    t->date_stop = INT32_MAX;
    t->monthdays = all_monthdays;
    t->weekdays = all_weekdays;
}

/* A decimal number from `min` to `max` at the start of a text, which moves behind it. */
static bool read_number(const char **text, uint32_t min, uint32_t max, uint32_t *n)
{
    const char *at = *text;

    for (*n = 0; text_digit(*at); at++)
        if ((*n = *n * 10 + (uint32_t)(*at - '0')) > max)
            return false;
    if (at == *text || *n < min)
        return false;
    *text = at;
    return true;
}

/* "hh:mm[:ss]": seconds of the day. NULL, or from where on the text is wrong. */
static const char *read_time(const char *text, uint32_t *time)
{
    static const uint32_t max[] = {23, 59, 59}, seconds[] = {3600, 60, 1};
    uint32_t n;

    *time = 0;
    for (unsigned i = 0;; i++) {
        const char *field = text;
        bool good = read_number(&text, 0, max[i], &n);

        *time += n * seconds[i];
        if (good && !*text && i > 0)
            return NULL;
        if (!good || *text++ != ':' || i == 2)
            return field;
    }
}

static bool take_time(struct rule_parse *r, const char *text, uint32_t *time)
{
    const char *wrong = read_time(text, time);

    return !wrong || rule_fail(r,
                               "invalid time \"%s\" specified, should be hh:mm[:ss] format and "
                               "within the boundaries",
                               wrong);
}

/* "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]": seconds since 1970. */
static bool read_date(const char *text, uint32_t *time)
{
    static const struct {
        uint32_t min, max;
        char before; /* the field */
    } fields[] = {{YEAR_MIN, YEAR_MAX, 0},
                  {1, 12, '-'},
                  {1, 31, '-'},
                  {0, 23, 'T'},
                  {0, 59, ':'},
                  {0, 59, ':'}};
    uint32_t n[WEIR_ARRAY_LEN(fields)] = {0, 1, 1};

    for (unsigned i = 0; i == 0 || *text; i++) {
        if (i == WEIR_ARRAY_LEN(fields) || (i > 0 && *text++ != fields[i].before) ||
            !read_number(&text, fields[i].min, fields[i].max, &n[i]))
            return false;
    }
    *time =
        (uint32_t)(calendar_day(n[0], n[1], n[2]) * CALENDAR_DAY + n[3] * 3600 + n[4] * 60 + n[5]);
    return true;
}

static bool take_date(struct rule_parse *r, const char *text, uint32_t *time)
{
    if (read_date(text, time))
        return true;
    rule_fail(r, "Invalid date \"%s\" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", text);
    rule_hint(r, "years go from %d to %d", YEAR_MIN, YEAR_MAX);
    return false;
}

static bool take_monthdays(struct rule_parse *r, const char *text, uint32_t *days)
{
    char part[64];
    uint32_t n;

    *days = 0;
    while (text) {
        const char *at = part;

        (void)read_part(&text, ',', part, sizeof(part));
        if (!*part)
            continue;
        if (!read_number(&at, 1, 31, &n) || *at)
            return rule_fail(r, "%s is not a valid day for --monthdays", part);
        *days |= 1u << n;
    }
    return true;
}

/*
 * A day by its name, of which iptables looks at the first two letters, or by its number, 1 to 7:
 * higher ones are no day. 0: an error was reported.
 */
static bool take_weekday(struct rule_parse *r, const char *text, uint32_t *days)
{
    uint32_t n = 0;

    if (text_digit(*text) || !*text) {
        for (; text_digit(*text) && n < 100; text++)
            n = n * 10 + (uint32_t)(*text - '0');
        if (n == 0)
            return rule_fail(r, "No, the week does NOT begin with Sunday.");
        *days |= n < 32 ? all_weekdays & 1u << n : 0;
        return true;
    }
    for (unsigned i = 0; i < WEIR_ARRAY_LEN(day_names); i++) {
        if (strlen(text) < NAME_MIN || strncmp(day_names[i], text, NAME_MIN) != 0)
            continue;
        if (strncmp(day_names[i], text, strlen(text)) != 0)
            rule_note(r, "time: \"%s\" is read as %s alone", text, day_names[i]);
        *days |= 2u << i;
        return true;
    }
    rule_fail(r, "%.3s is not a valid day specifier", text);
    rule_hint(r, "days are Mon,Tue,Wed,Thu,Fri,Sat,Sun or 1 to 7");
    return false;
}

static bool take_weekdays(struct rule_parse *r, const char *text, uint32_t *days)
{
    char part[64];

    *days = 0;
    while (text && *text) {
        (void)read_part(&text, ',', part, sizeof(part));
        if (!take_weekday(r, part, days))
            return false;
    }
    return true;
}

static void say_zone(struct rule_parse *r, const struct opt *o)
{
    if (o->id == T_LOCAL)
        rule_note(r, "WARNING: --localtz is being replaced by --kerneltz, since \"local\" is "
                     "ambiguous. Note the kernel timezone has caveats - see manpage for details.");
    rule_note(r, "time: --%s: there is no kernel's time zone here; taken as UTC", o->name);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct time *t = ext_data(x);

    switch (o->id) {
    case T_START: return take_time(r, text, &t->start);
    case T_STOP: return take_time(r, text, &t->stop);
    case T_MONTHDAYS:
        if (!take_monthdays(r, text, &t->monthdays))
            return false;
        t->monthdays ^= ext_negated(x, T_MONTHDAYS) ? all_monthdays : 0;
        return true;
    case T_WEEKDAYS:
        if (!take_weekdays(r, text, &t->weekdays))
            return false;
        t->weekdays ^= ext_negated(x, T_WEEKDAYS) ? all_weekdays : 0;
        return true;
    case T_DATE_START: return take_date(r, text, &t->date_start);
    case T_DATE_STOP: return take_date(r, text, &t->date_stop);
    case T_KERNEL:
    case T_LOCAL: say_zone(r, o); return true;
    default: return true;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct time *t = ext_conf(x);

    return !ext_seen(x, T_CONTIGUOUS) || t->start >= t->stop ||
           rule_fail(r, "time: --contiguous only makes sense when stoptime is smaller than "
                        "starttime");
}

/* --- writing --- */

static bool daily(const struct time *t)
{
    return t->start != 0 || t->stop != CALENDAR_DAY - 1;
}

static bool kernel_zone(const struct ext *x)
{
    return ext_seen(x, T_KERNEL) || ext_seen(x, T_LOCAL);
}

static void add_time(struct text *out, const char *before, uint32_t time)
{
    text_addf(out, "%s%02u:%02u:%02u", before, time / 3600, time / 60 % 60, time % 60);
}

static void add_date(struct text *out, const char *before, char between, uint32_t time)
{
    struct date d = calendar_date(time / CALENDAR_DAY);

    text_addf(out, "%s%04u-%02u-%02u%c", before, (unsigned)d.year, d.month, d.day, between);
    add_time(out, "", time % CALENDAR_DAY);
}

static void add_weekdays(struct text *out, uint32_t days)
{
    const char *comma = "";

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(day_names); i++)
        if (days >> (i + 1) & 1) {
            text_addf(out, "%s%.3s", comma, day_names[i]);
            comma = ",";
        }
}

/* iptables goes by the last digit: "11st". */
static const char *ordinal(unsigned n)
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};

    return endings[n % 10 < WEIR_ARRAY_LEN(endings) ? n % 10 : 0];
}

static void add_monthdays(struct text *out, uint32_t days, bool ordinals)
{
    const char *comma = "";

    for (unsigned n = 1; n <= 31; n++)
        if (days >> n & 1) {
            text_addf(out, "%s%u%s", comma, n, ordinals ? ordinal(n) : "");
            comma = ",";
        }
}

static void print(struct text *out, const struct ext *x)
{
    const struct time *t = ext_conf(x);

    if (daily(t)) {
        add_time(out, " --timestart ", t->start);
        add_time(out, " --timestop ", t->stop);
    }
    if (t->monthdays != all_monthdays) {
        text_add(out, " --monthdays ");
        add_monthdays(out, t->monthdays, false);
    }
    if (t->weekdays != all_weekdays) {
        text_add(out, " --weekdays ");
        add_weekdays(out, t->weekdays);
    }
    if (t->date_start)
        add_date(out, " --datestart ", 'T', t->date_start);
    if (t->date_stop)
        add_date(out, " --datestop ", 'T', t->date_stop);
    text_add(out, kernel_zone(x) ? " --kerneltz" : "");
    text_add(out, ext_seen(x, T_CONTIGUOUS) ? " --contiguous" : "");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct time *t = ext_conf(x);

    (void)how;
    text_add(out, " TIME");
    if (daily(t)) {
        add_time(out, " from ", t->start);
        add_time(out, " to ", t->stop);
    }
    if (t->weekdays != all_weekdays) {
        text_add(out, " on ");
        add_weekdays(out, t->weekdays);
    }
    if (t->monthdays != all_monthdays) {
        text_add(out, " on ");
        add_monthdays(out, t->monthdays, true);
    }
    if (t->date_start)
        add_date(out, " starting from ", ' ', t->date_start);
    if (t->date_stop != INT32_MAX)
        add_date(out, " until date ", ' ', t->date_stop);
    text_add(out, kernel_zone(x) ? "" : " UTC");
    text_add(out, ext_seen(x, T_CONTIGUOUS) ? " contiguous" : "");
}

/* --- matching --- */

static bool in_day(const struct time *t, uint32_t second)
{
    if (t->start < t->stop)
        return second >= t->start && second <= t->stop;
    return second >= t->start || second <= t->stop;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct time *t = ext_conf(x);
    int64_t wall_ns = eval_wall_ns(e), now = wall_ns / 1000000000;
    int64_t day = now / CALENDAR_DAY;
    uint32_t second = (uint32_t)(now % CALENDAR_DAY);

    if (wall_ns < 0 || now < t->date_start || now > t->date_stop || !in_day(t, second))
        return false;
    if (ext_seen(x, T_CONTIGUOUS) && second <= t->stop)
        day--;
    if (!(t->weekdays >> calendar_weekday(day) & 1))
        return false;
    return t->monthdays == all_monthdays || t->monthdays >> calendar_date(day).day & 1;
}

const struct ext_type match_time = {
    .name = "time",
    .families = EXT_BOTH,
    .size = sizeof(struct time),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
};
