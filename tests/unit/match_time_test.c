/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m time (iptables reference, 3.4): what each rule says at given moments, boundaries to the
 * second. A Linux kernel (6.18) was watched over such boundaries.
 */
#include "match_state_fixture.h"

#include "rules/match/calendar.h"

enum { DAY = CALENDAR_DAY, HOUR = 3600, MINUTE = 60 };

/* Monday, 2024-01-01, 00:00:00 UTC. */
static const int64_t monday = 1704067200;

/* What the rule says so many nanoseconds after a second after `monday`. */
static bool at_ns(const char *rule, int64_t second, int64_t ns)
{
    const char *rules[] = {rule};

    lab_begin(4);
    w.track.time_ns = 12345; /* since the shard's start, whenever that was */
    w.world.wall_ns = (monday + second) * 1000000000 + ns - w.track.time_ns;
    assert_true(run_rules(read_rules(rules, 1)));
    enum outcome outcome = ask(0);

    assert_true(run_rules(NULL));
    return outcome == YES;
}

static bool at(const char *rule, int64_t second)
{
    bool yes = at_ns(rule, second, 0);

    assert_int_equal(at_ns(rule, second, 999999999), yes);
    return yes;
}

/* The rule matches from `first` to `last` second, and not right before and behind. */
static void matches_within(const char *rule, int64_t first, int64_t last)
{
    bool right = !at(rule, first - 1) && at(rule, first) && at(rule, (first + last) / 2) &&
                 at(rule, last) && !at(rule, last + 1);

    if (!right)
        fail_msg("%s: not from %lld to %lld", rule, (long long)first, (long long)last);
}

static void test_daily(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 8 * DAY; day += DAY) {
        matches_within("-m time --timestart 09:00 --timestop 18:00", day + 9 * HOUR,
                       day + 18 * HOUR);
        matches_within("-m time --timestart 1:2:3 --timestop 01:02:04", day + HOUR + 2 * MINUTE + 3,
                       day + HOUR + 2 * MINUTE + 4);
        matches_within("-m time --timestart 22:00", day + 22 * HOUR, day + DAY - 1);
        matches_within("-m time --timestop 05:59:59", day, day + 6 * HOUR - 1);
        /* Over midnight. */
        matches_within("-m time --timestart 22:00 --timestop 06:00", day + 22 * HOUR,
                       day + DAY + 6 * HOUR);
    }
    /* A window that ends when it starts is the whole day. */
    assert_true(at("-m time --timestart 5:00 --timestop 5:00", 5 * HOUR));
    assert_true(at("-m time --timestart 5:00 --timestop 5:00", 4 * HOUR));
    assert_true(at("-m time --timestart 5:00 --timestop 5:00", 6 * HOUR));
    assert_true(at("-m time", 0));
}

static void test_days(void **state)
{
    (void)state;
    matches_within("-m time --weekdays Mon", 0, DAY - 1);
    matches_within("-m time --weekdays 7", 6 * DAY, 7 * DAY - 1);
    matches_within("-m time --weekdays Sa,Su", 5 * DAY, 7 * DAY - 1);
    matches_within("-m time ! --weekdays Mon,Tue", 2 * DAY, 7 * DAY - 1);
    matches_within("-m time --weekdays Tue,Wed --timestart 10:00", DAY + 10 * HOUR, 2 * DAY - 1);
    matches_within("-m time --monthdays 2", DAY, 2 * DAY - 1);
    matches_within("-m time --monthdays 31", 30 * DAY, 31 * DAY - 1);
    matches_within("-m time --monthdays 29,1", 28 * DAY, 29 * DAY - 1);
    matches_within("-m time --monthdays 29,1", 31 * DAY, 32 * DAY - 1); /* February 1st */
    matches_within("-m time --monthdays 29", (31 + 28) * DAY, (31 + 29) * DAY - 1);
    matches_within("-m time ! --monthdays 1,31", DAY, 30 * DAY - 1);
    assert_false(at("-m time --weekdays Mon --monthdays 2", 0)); /* both must hold */
    assert_false(at("-m time --weekdays Mon --monthdays 2", DAY));
    assert_true(at("-m time --weekdays Tue --monthdays 2", DAY));
    for (int64_t day = 0; day < 366; day++) {
        assert_false(at("-m time --weekdays 8", day * DAY));
        assert_false(at("-m time --weekdays \"\"", day * DAY));
    }
}

/* The part behind midnight belongs to the day before. */
static void test_contiguous(void **state)
{
#define NIGHT "-m time --timestart 22:00 --timestop 06:00 "
    (void)state;
    matches_within(NIGHT "--contiguous --weekdays Mon", 22 * HOUR, DAY + 6 * HOUR);
    assert_false(at(NIGHT "--contiguous --weekdays Mon", 5 * HOUR));
    matches_within(NIGHT "--contiguous --monthdays 31", 30 * DAY + 22 * HOUR, 31 * DAY + 6 * HOUR);
    matches_within(NIGHT "--contiguous --weekdays Sun", 6 * DAY + 22 * HOUR, 7 * DAY + 6 * HOUR);
    /* Without it, what is left of the day. */
    assert_true(at(NIGHT "--weekdays Mon", 6 * HOUR));
    assert_false(at(NIGHT "--weekdays Mon", 6 * HOUR + 1));
    matches_within(NIGHT "--weekdays Mon", 22 * HOUR, DAY - 1);
    /* A window of a whole day ends in it. */
    matches_within("-m time --timestart 6:00 --timestop 6:00 --contiguous --weekdays Mon",
                   6 * HOUR + 1, DAY + 6 * HOUR);
#undef NIGHT
}

static void test_dates(void **state)
{
    (void)state;
    matches_within("-m time --datestart 2024-01-02 --datestop 2024-01-03T04:05:06", DAY,
                   2 * DAY + 4 * HOUR + 5 * MINUTE + 6);
    matches_within("-m time --datestart 2024-02-29T23 --datestop 2024-02-30", 59 * DAY + 23 * HOUR,
                   60 * DAY);
    matches_within("-m time --datestart 2024 --datestop 2025", 0, 366 * DAY);
    assert_false(at("-m time --datestart 2024-12-31 --datestop 2024-01-01", 0));
    /* A rule without --datestop ends with the last second that 31 bits can tell. */
    assert_true(at("-m time", INT32_MAX - monday));
    assert_false(at("-m time", INT32_MAX - monday + 1));
    assert_true(at("-m time --datestop 2038-12-31", INT32_MAX - monday + 1));
    assert_true(at("-m time", -monday)); /* 1970 */
    assert_false(at("-m time", -monday - 1));
}

/* Every day of 1600 years against counting. */
static void test_calendar(void **state)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day = calendar_day(1600, 1, 1);
    unsigned weekday = 6; /* of that day */

    (void)state;
    assert_int_equal(calendar_day(1970, 1, 1), 0);
    assert_int_equal(calendar_day(2024, 1, 1) * DAY, monday);
    assert_int_equal(calendar_weekday(monday / DAY), 1);
    for (int year = 1600; year < 3200; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        for (unsigned month = 1; month <= 12; month++)
            for (unsigned n = 1; n <= lengths[month - 1] + (month == 2 && leap ? 1u : 0u); n++) {
                struct date d = calendar_date(day);

                assert_int_equal(d.year, year);
                assert_int_equal(d.month, month);
                assert_int_equal(d.day, n);
                assert_int_equal(calendar_day(year, month, n), day);
                if (day >= 0)
                    assert_int_equal(calendar_weekday(day), weekday);
                weekday = weekday % 7 + 1;
                day++;
            }
    }
}

static void test_saved(void **state)
{
    static const char *const cases[][2] = {
        {"--timestart 0:0 --timestop 23:59:59", " --datestop 2038-01-19T03:14:07"},
        {"--timestop 0:0",
         " --timestart 00:00:00 --timestop 00:00:00 --datestop 2038-01-19T03:14:07"},
        {"--datestop 1970", ""},
        {"--datestart 1970 --datestop 1970-01-01T00:00:01", " --datestop 1970-01-01T00:00:01"},
        {"! --weekdays 1,2,3,4,5,6,7", " --weekdays  --datestop 2038-01-19T03:14:07"},
        {"! --weekdays 8", " --datestop 2038-01-19T03:14:07"},
        {"--weekdays 6,5 --monthdays 9,2",
         " --monthdays 2,9 --weekdays Fri,Sat --datestop 2038-01-19T03:14:07"},
        {"--datestart 2023-02-31T1:2:3 --utc",
         " --datestart 2023-03-03T01:02:03 --datestop 2038-01-19T03:14:07"},
    };

    (void)state;
    lab_begin(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule), "-m time %s", cases[i][0]);
        assert_true(run_rules(read_rules(rules, 1)));
        assert_string_equal(saved(0) + strlen("-m time"), cases[i][1]);
    }
}

/* Rules that are not what they seem are taken as iptables takes them, but not in silence. */
static void test_notes(void **state)
{
    (void)state;
    lab_begin(4);
    weir_rules_free(read_rule("-m time --weekdays Mon-Fri"));
    assert_string_equal(w.note, "time: \"Mon-Fri\" is read as Monday alone");
    weir_rules_free(read_rule("-m time --weekdays Mon,Tuesday,Th"));
    assert_string_equal(w.note, "");
    weir_rules_free(read_rule("-m time --kerneltz"));
    assert_string_equal(w.note,
                        "time: --kerneltz: there is no kernel's time zone here; taken as UTC");
}

static void test_refused(void **state)
{
#define TIME_FORM " specified, should be hh:mm[:ss] format and within the boundaries"
#define DATE_FORM " specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]"
    static const char *const cases[][2] = {
        {"--timestart 24:00", "invalid time \"24:00\"" TIME_FORM},
        {"--timestart 5", "invalid time \"5\"" TIME_FORM},
        {"--timestart 5:60", "invalid time \"60\"" TIME_FORM},
        {"--timestart 5:6:7:8", "invalid time \"7:8\"" TIME_FORM},
        {"--timestop 99999999999999999999:0", "invalid time \"99999999999999999999:0\"" TIME_FORM},
        {"--timestop 1:2x", "invalid time \"2x\"" TIME_FORM},
        {"--timestop \"\"", "invalid time \"\"" TIME_FORM},
        {"--datestart 1969", "Invalid date \"1969\"" DATE_FORM},
        {"--datestart 2039", "Invalid date \"2039\"" DATE_FORM},
        {"--datestart 2024-13", "Invalid date \"2024-13\"" DATE_FORM},
        {"--datestart 2024-1-32", "Invalid date \"2024-1-32\"" DATE_FORM},
        {"--datestop 2024-1-1x", "Invalid date \"2024-1-1x\"" DATE_FORM},
        {"--datestop 2024-1-1T1:2:60", "Invalid date \"2024-1-1T1:2:60\"" DATE_FORM},
        {"--datestop 2024-1-1T1:2:3:4", "Invalid date \"2024-1-1T1:2:3:4\"" DATE_FORM},
        {"--datestop \"\"", "Invalid date \"\"" DATE_FORM},
        {"--monthdays 32", "32 is not a valid day for --monthdays"},
        {"--monthdays 1-5", "1-5 is not a valid day for --monthdays"},
        {"--monthdays 4294967297", "4294967297 is not a valid day for --monthdays"},
        {"--weekdays mon", "mon is not a valid day specifier"},
        {"--weekdays M", "M is not a valid day specifier"},
        {"--weekdays 0", "No, the week does NOT begin with Sunday."},
        {"--timestart 9:00 --timestop 18:00 --contiguous",
         "time: --contiguous only makes sense when stoptime is smaller than starttime"},
    };

    (void)state;
    lab_begin(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];

        (void)snprintf(rule, sizeof(rule), "-m time %s", cases[i][0]);
        refused(rule, 2, cases[i][1]);
    }
    assert_null(read_rule("-m time --utc --kerneltz"));
    assert_null(read_rule("-m time --localtz --utc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_daily), LAB_TEST(test_days),     LAB_TEST(test_contiguous),
        LAB_TEST(test_dates), LAB_TEST(test_calendar), LAB_TEST(test_saved),
        LAB_TEST(test_notes), LAB_TEST(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
