/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How ipset 7 compares two printed elements, as found by giving it pairs of them (no document
 * says):
 *
 *   - Numbers are compared by value, all of them as hexadecimal, which orders decimal ones too.
 * When they are equal, the character behind them is passed over, and a second ':' after a ':'.
 *   - An address without a "/length" comes before the same one with it. From the '/' on, up to the
 *     next word, the higher number comes first.
 *   - Where one of the two has no number, the shorter word comes first (a word ends at ',' or ':',
 *     the last one has one character more), else the lower one. When there is no word at all, the
 *     rest is compared byte by byte.
 *
 * It is no order in the strict sense: among names of interfaces, some hexadecimal in their first
 * letters and some not, it can run in a circle, and then also ipset's result is any of several.
 */
#include "rules/set/sort.h"
#include "base/text.h"

static bool number_ahead(const char *at)
{
    return text_hex_digit(*at) >= 0;
}

/* As strtoul() with base 16. */
static uint64_t number(const char **at)
{
    const char *text = *at;
    uint64_t n = 0;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && text_hex_digit(text[2]) >= 0)
        text += 2;
    for (; text_hex_digit(*text) >= 0; text++)
        n = n >> 60 ? UINT64_MAX : n << 4 | (unsigned)text_hex_digit(*text);
    *at = text;
    return n;
}

static size_t word_length(const char *at)
{
    size_t n = 0;

    while (at[n] && at[n] != ',' && at[n] != ':')
        n++;
    return n + !at[n];
}

static int by_value(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Numbers, or words: what decides, or 0 with both moved behind what is equal. */
static int compare_numbers(const char **a, const char **b, bool *down)
{
    uint64_t m = number(a), n = number(b);

    if (m != n)
        return *down ? by_value(n, m) : by_value(m, n);
    if (!**a || !**b)
        return (**a != '\0') - (**b != '\0');
    if ((**a == '/') != (**b == '/'))
        return **a == '/' ? 1 : -1;
    *down |= **a == '/';
    ++*a;
    ++*b;
    if (**a == ':' && **b == ':') {
        ++*a;
        ++*b;
    }
    return 0;
}

static int compare_words(const char **a, const char **b)
{
    size_t m = word_length(*a), n = word_length(*b);

    if (m != n)
        return by_value(m, n);
    int order = n ? strncmp(*a, *b, n) : strcmp(*a, *b);

    if (order || n == 0)
        return order;
    *a += strlen(*a) < n ? n - 1 : n;
    *b += strlen(*b) < n ? n - 1 : n;
    *a += **a != '\0';
    *b += **b != '\0';
    return 0;
}

int set_compare_lines(const char *a, const char *b)
{
    bool down = false;

    while (*a && *b) {
        int order;

        if (number_ahead(a) && number_ahead(b)) {
            order = compare_numbers(&a, &b, &down);
        } else {
            const char *before = a;

            order = compare_words(&a, &b);
            down = false;
            if (!order && a == before)
                return 0;
        }
        if (order)
            return order;
    }
    return (*a != '\0') - (*b != '\0');
}

/* Merge sort: what is equal keeps its order, and no input is slow. */
void set_sort_lines(const char **lines, const char **spare, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t at = 0; at < n; at += 2 * run) {
            size_t left = at, middle = at + run < n ? at + run : n;
            size_t right = middle, end = at + 2 * run < n ? at + 2 * run : n;

            for (size_t out = at; out < end; out++) {
                bool take_left =
                    left < middle &&
                    (right == end || set_compare_lines(lines[left], lines[right]) <= 0);

                spare[out] = take_left ? lines[left++] : lines[right++];
            }
        }
        memcpy(lines, spare, n * sizeof(*lines));
    }
}
