/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Days since 1970 and dates of the Gregorian calendar.
 *
 * A year is taken to begin in March: then the leap day is its last, and the months before any month
 * have the same number of days in all years, (153 m + 2) / 5.
 */
#ifndef WEIR_RULES_MATCH_CALENDAR_H
#define WEIR_RULES_MATCH_CALENDAR_H

#include <stdint.h>

enum {
    CALENDAR_DAY = 86400,   /* seconds */
    CALENDAR_EPOCH = 719468 /* days from March 1st of year 0 to 1970 */
};

struct date {
    int64_t year;
    uint8_t month, day;
};

/* Days beyond the month's end are days of the next. */
static inline int64_t calendar_day(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - CALENDAR_EPOCH;
}

/* For days since 1970. */
static inline struct date calendar_date(int64_t day)
{
    enum { DAYS_4 = 1461, DAYS_100 = 36524, DAYS_400 = 146097 };
    int64_t n = day + CALENDAR_EPOCH, y = n / DAYS_400 * 400, centuries, m;

    n %= DAYS_400;
    centuries = n / DAYS_100 - n / (DAYS_400 - 1); /* the fourth has a day more */
    n -= centuries * DAYS_100;
    y += centuries * 100 + n / DAYS_4 * 4;
    n %= DAYS_4;
    y += n / 365 - n / (DAYS_4 - 1);
    n -= (n / 365 - n / (DAYS_4 - 1)) * 365;
    m = (5 * n + 2) / 153;
    return (struct date){m < 10 ? y : y + 1, (uint8_t)(m < 10 ? m + 3 : m - 9),
                         (uint8_t)(n - (153 * m + 2) / 5 + 1)};
}

/* 1 (Monday) to 7, for days since 1970: that began with a Thursday. */
static inline unsigned calendar_weekday(int64_t day)
{
    return (unsigned)((day + 3) % 7) + 1;
}

#endif
