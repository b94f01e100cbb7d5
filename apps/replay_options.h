/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of weir replay.
 */
#ifndef APPS_REPLAY_OPTIONS_H
#define APPS_REPLAY_OPTIONS_H

#include "../control/sysctl.h"
#include "replay_gateway.h"

/* What can be asked for, in the order in which what is written at the end is written. */
enum replay_text {
    REPLAY_EVENTS,
    REPLAY_VERDICTS,
    REPLAY_SUMMARY, /* has no option: it is there when nothing is asked for */
    REPLAY_TABLE,
    REPLAY_LIST,
    REPLAY_STATS,
    REPLAY_COUNTERS,
    REPLAY_TEXT_MAX
};

enum replay_until { REPLAY_UNTIL_END, REPLAY_UNTIL_AFTER, REPLAY_UNTIL_AT };

struct replay_options {
    const char *capture;
    const char *texts[REPLAY_TEXT_MAX]; /* where each goes: a path, or "-"; NULL: not wanted */
    const char *write;                  /* packets that came out; NULL: not wanted */
    const char *rules[2];               /* rule files, IPv4 and IPv6; NULL: none */
    const char *sets;                   /* of ipset save; NULL: none */
    struct sysctl_plan plan;
    struct gateway *gateway;
    enum replay_until until;
    int64_t until_ns; /* after the end of the capture, or since 1970 */
    uint64_t seed;
    bool flush;
};

/* All went well; or: it is done (--help), or was wrong and has been complained about. */
enum replay_parsed { REPLAY_GO, REPLAY_STOP };

/*
 * Reads the command line. On REPLAY_STOP, *status is what the program ends with. Free with
 * replay_options_fini() in any case.
 */
enum replay_parsed replay_options_parse(struct replay_options *options, int argc, char **argv,
                                        int *status);
void replay_options_fini(struct replay_options *options);

#endif
