/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands of the weir program share: how they are called, how they end, how they
 * complain.
 */
#ifndef APPS_APP_H
#define APPS_APP_H

struct textbuf;

/* Exit status of every command. */
enum app_status {
    APP_DONE = 0,
    APP_FAILED = 1, /* bad input, or output that could not be written */
    APP_USAGE = 2,  /* the command line is wrong; nothing was done */
};

/* The commands. argv[0] is the command's name. */
int replay_main(int argc, char **argv);
int rules_main(int argc, char **argv);
int size_main(int argc, char **argv);

/* "weir COMMAND: ..." and a newline on standard error. */
void app_complain(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same for each line of a text. */
void app_complain_lines(const char *command, struct textbuf *lines);

/* Refers to --help; returns APP_USAGE. */
int app_usage_error(const char *command);

/*
 * Complains about the option at which getopt_long(), called with a short option string that begins
 * with ":", has just stopped; `code` is what it returned ('?' or ':').
 */
void app_complain_option(const char *command, int code, char **argv);

#endif
