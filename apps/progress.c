/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The progress line: drawn over itself ten times a second at most.
 *
 *   [=============>                ]  45 %  1.2 GiB of 2.7 GiB  3,456,789 packets  1.2 M/s  12 s
 * left
 *
 * An update before its time costs one reading of the clock.
 */
#include "progress.h"

#include "human.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_AFTER_MS = 500,
    EVERY_MS = 100,
    BAR = 30,
};

#define NS_PER_MS 1000000LL

static int64_t real_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

/* Columns of the terminal; a line that wraps could not be taken back. */
static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

void progress_start(struct progress *p, bool others)
{
    *p = (struct progress){.wanted = isatty(STDERR_FILENO) && !others};
    if (!p->wanted)
        return;
    p->start_ns = real_time();
    p->next_ns = p->start_ns + FIRST_AFTER_MS * NS_PER_MS;
}

/* "[=====>    ]  45 %  1.2 GiB of 2.7 GiB", or only the bytes when the total is unknown. */
static void add_position(char *line, size_t room, uint64_t bytes, uint64_t total)
{
    struct human done, all;
    char bar[BAR + 1];
    if (!total) {
        snprintf(line, room, "%s", human_bytes(&done, bytes));
        return;
    }
    double part = bytes < total ? (double)bytes / (double)total : 1;
    int filled = (int)(part * BAR);
    memset(bar, ' ', BAR);
    memset(bar, '=', (size_t)filled);
    if (filled < BAR)
        bar[filled] = '>';
    bar[BAR] = '\0';
    snprintf(line, room, "[%s] %3d %%  %s of %s", bar, (int)(part * 100), human_bytes(&done, bytes),
             human_bytes(&all, total));
}

static void add_rate(char *line, size_t room, uint64_t packets, double seconds)
{
    struct human count;
    double rate = (double)packets / seconds;
    const char *unit = rate >= 1e6 ? "M" : rate >= 1e3 ? "k" : "";
    rate /= rate >= 1e6 ? 1e6 : rate >= 1e3 ? 1e3 : 1;
    snprintf(line, room, "  %s packets  %.1f %s/s", human_count(&count, packets), rate, unit);
}

void progress_update(struct progress *p, uint64_t bytes, uint64_t total, uint64_t packets)
{
    if (!p->wanted)
        return;
    int64_t now = real_time();
    if (now < p->next_ns)
        return;
    p->next_ns = now + EVERY_MS * NS_PER_MS;
    char line[256];
    double seconds = (double)(now - p->start_ns) / 1e9;
    add_position(line, sizeof(line), bytes, total);
    add_rate(line + strlen(line), sizeof(line) - strlen(line), packets, seconds);
    if (total > bytes && bytes) {
        double left = seconds * (double)(total - bytes) / (double)bytes;
        size_t len = strlen(line);
        snprintf(line + len, sizeof(line) - len, "  %.0f s left", left);
    }
    fprintf(stderr, "\r%.*s\033[K", columns() - 1, line);
    fflush(stderr);
    p->visible = true;
}

void progress_clear(struct progress *p)
{
    if (p->visible)
        fputs("\r\033[K", stderr);
    p->visible = false;
}
