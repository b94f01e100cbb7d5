/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the commands complain: one form for all of them.
 */
#include "app.h"

#include "../control/textbuf.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void app_complain(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir %s: ", command);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void app_complain_lines(const char *command, struct textbuf *lines)
{
    const char *line = textbuf_string(lines);
    while (*line) {
        size_t len = strcspn(line, "\n");
        app_complain(command, "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

int app_usage_error(const char *command)
{
    fprintf(stderr, "Try 'weir %s --help'.\n", command);
    return APP_USAGE;
}

void app_complain_option(const char *command, int code, char **argv)
{
    /* getopt_long() has moved past the culprit, except inside a cluster of short options. */
    const char *given = argv[optind - 1];
    if (code == ':')
        app_complain(command, "option '%s' needs a value", given);
    else if (strncmp(given, "--", 2) != 0)
        app_complain(command, "unknown option '-%c'", optopt);
    else if (optopt)
        app_complain(command, "option '%.*s' takes no value", (int)strcspn(given, "="), given);
    else
        app_complain(command, "unknown or ambiguous option '%s'", given);
}
