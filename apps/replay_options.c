/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the command line of weir replay.
 */
#include "replay_options.h"

#include "app.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "replay";

static const char usage[] =
    "usage: weir replay [OPTION...] CAPTURE\n"
    "\n"
    "Runs the packets of CAPTURE (pcap or pcapng; - for standard input) through Linux's\n"
    "connection tracking, NAT and firewall rules, with the capture's own time.\n"
    "\n"
    "Output, any of; to standard output, or to a file with --xyz=FILE:\n"
    "  --events       what happened to connections, as conntrack -E -o timestamp\n"
    "  --verdicts     one line per packet: number, verdict, state, packets out, reason, rule\n"
    "  --table        the connections at the end, as /proc/net/nf_conntrack\n"
    "  --list         the same, as conntrack -L\n"
    "  --stats        the counters, as conntrack -S\n"
    "  --counters     the rules with their counters, as iptables-save -c\n"
    "  --write FILE   the packets that came out; pcapng when FILE ends in .pcapng, else pcap\n"
    "Without any of them: a summary and the table.\n"
    "\n"
    "Rules:\n"
    "  --rules FILE          IPv4 rules, as iptables-save writes them\n"
    "  --rules6 FILE         IPv6 rules, as ip6tables-save writes them\n"
    "  --ipset FILE          sets that they name, as ipset save writes them\n"
    "\n"
    "Settings:\n"
    "  --sysctl KEY=VALUE    a tunable, as net.netfilter.nf_conntrack_tcp_loose=0\n"
    "  --sysctl FILE         tunables in the syntax of sysctl.conf\n"
    "  --hashsize N          buckets, as the module parameter: allows 8 connections for each\n"
    "  --seed N              another key for the hash and for random choices\n"
    "\n"
    "The gateway (without --addr and --route: everything from in0 to out0):\n"
    "  --addr IFACE=ADDR/LEN  an address of its own\n"
    "  --route PREFIX=IFACE   where a prefix, or \"default\", is reached\n"
    "  --in IFACE             where packets come in that neither the capture nor a route places\n"
    "  --out IFACE            where packets leave that no route places\n"
    "\n"
    "  --until +SECONDS|@EPOCH  let time go on after the last packet\n"
    "  --flush                  write all that a packet causes before reading the next\n"
    "\n"
    "Exit status: 0 done, 1 bad input or output that failed, 2 wrong command line.\n";

/* Options above this one write a text: their number is TEXT plus enum replay_text. */
enum option_number {
    HELP = 1,
    WRITE,
    SYSCTL,
    HASHSIZE,
    ADDR,
    ROUTE,
    IN,
    OUT,
    UNTIL,
    FLUSH,
    SEED,
    RULES,
    RULES6,
    SETS,
    TEXT
};

static const struct option long_options[] = {
    {"events", optional_argument, NULL, TEXT + REPLAY_EVENTS},
    {"verdicts", optional_argument, NULL, TEXT + REPLAY_VERDICTS},
    {"table", optional_argument, NULL, TEXT + REPLAY_TABLE},
    {"list", optional_argument, NULL, TEXT + REPLAY_LIST},
    {"stats", optional_argument, NULL, TEXT + REPLAY_STATS},
    {"counters", optional_argument, NULL, TEXT + REPLAY_COUNTERS},
    {"write", required_argument, NULL, WRITE},
    {"rules", required_argument, NULL, RULES},
    {"rules6", required_argument, NULL, RULES6},
    {"ipset", required_argument, NULL, SETS},
    {"sysctl", required_argument, NULL, SYSCTL},
    {"hashsize", required_argument, NULL, HASHSIZE},
    {"addr", required_argument, NULL, ADDR},
    {"route", required_argument, NULL, ROUTE},
    {"in", required_argument, NULL, IN},
    {"out", required_argument, NULL, OUT},
    {"until", required_argument, NULL, UNTIL},
    {"flush", no_argument, NULL, FLUSH},
    {"seed", required_argument, NULL, SEED},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* Seconds with up to nine decimals, as nanoseconds; false when it is no such number or too large.
 */
static bool read_seconds(const char *text, int64_t *ns)
{
    const int64_t most = INT64_MAX / 1000000000 - 1;
    int64_t seconds = 0, fraction = 0;
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        seconds = seconds * 10 + (*text - '0');
        if (seconds > most)
            return false;
    }
    if (*text == '.') {
        int64_t unit = 100000000;
        for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
            fraction += (*text - '0') * unit;
    }
    *ns = seconds * 1000000000 + fraction;
    return !*text;
}

static int take_until(struct replay_options *options, const char *text)
{
    options->until = *text == '+' ? REPLAY_UNTIL_AFTER : REPLAY_UNTIL_AT;
    if ((*text == '+' || *text == '@') && read_seconds(text + 1, &options->until_ns))
        return 0;
    app_complain(name,
                 "'%s' is not a time; give +SECONDS after the last packet, or @SECONDS since "
                 "1970",
                 text);
    return -EINVAL;
}

static int take_seed(struct replay_options *options, const char *text)
{
    char *end;
    errno = 0;
    options->seed = strtoull(text, &end, 0);
    if (*text >= '0' && *text <= '9' && !*end && !errno)
        return 0;
    app_complain(name, "'%s' is not a seed; give a whole number below 2^64", text);
    return -EINVAL;
}

/* "KEY=VALUE" is a setting, anything else is the name of a file. */
static int take_sysctl(struct replay_options *options, const char *text, struct textbuf *errors)
{
    if (strchr(text, '='))
        return sysctl_plan_assign(&options->plan, text, errors);
    return sysctl_plan_file(&options->plan, text, errors);
}

static int take_option(struct replay_options *options, int code, const char *value,
                       struct textbuf *errors)
{
    if (code >= TEXT) {
        options->texts[code - TEXT] = value ? value : "-";
        return 0;
    }
    switch ((enum option_number)code) {
    case WRITE: options->write = value; return 0;
    case RULES: options->rules[0] = value; return 0;
    case RULES6: options->rules[1] = value; return 0;
    case SETS: options->sets = value; return 0;
    case FLUSH: options->flush = true; return 0;
    case SYSCTL: return take_sysctl(options, value, errors);
    case HASHSIZE: return sysctl_plan_hashsize(&options->plan, value, errors);
    case ADDR: return gateway_add_address(options->gateway, value, errors);
    case ROUTE: return gateway_add_route(options->gateway, value, errors);
    case IN: return gateway_set_in(options->gateway, value, errors);
    case OUT: return gateway_set_out(options->gateway, value, errors);
    case UNTIL: return take_until(options, value);
    case SEED: return take_seed(options, value);
    case HELP:
    case TEXT: break;
    }
    return 0;
}

/* The one argument that is no option. */
static bool take_capture(struct replay_options *options, int argc, char **argv)
{
    if (argc - optind == 1) {
        options->capture = argv[optind];
        if (strcmp(options->capture, "-") != 0 || !isatty(STDIN_FILENO))
            return true;
        app_complain(name, "standard input is a terminal; give the name of a capture file");
        return false;
    }
    if (argc == optind)
        app_complain(name, "no capture file given");
    else
        app_complain(name,
                     "one capture file at a time: '%s' and '%s' (a file for output is given "
                     "with '=', as in --events=FILE)",
                     argv[optind], argv[optind + 1]);
    return false;
}

/* Binary packets and text lines in one stream would be of no use to anybody. */
static bool check_outputs(struct replay_options *options)
{
    bool any = options->write != NULL, on_stdout = false;
    for (int i = 0; i < REPLAY_TEXT_MAX; i++) {
        any = any || options->texts[i];
        on_stdout = on_stdout || (options->texts[i] && !strcmp(options->texts[i], "-"));
    }
    if (!any)
        options->texts[REPLAY_SUMMARY] = options->texts[REPLAY_TABLE] = "-";
    if (!options->write || strcmp(options->write, "-") != 0)
        return true;
    if (on_stdout)
        app_complain(name, "packets (--write -) and text cannot both go to standard output");
    else if (isatty(STDOUT_FILENO))
        app_complain(name, "packets (--write -) would go to a terminal; give a file or a pipe");
    else
        return true;
    return false;
}

/* Options up to the first wrong one, which is complained about. */
static int take_options(struct replay_options *options, int argc, char **argv, bool *help)
{
    struct textbuf errors = {0};
    int code, err = 0;
    opterr = 0;
    while (!err && (code = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (code == HELP) {
            *help = true;
            break;
        }
        if (code == '?' || code == ':') {
            app_complain_option(name, code, argv);
            err = -EINVAL;
            break;
        }
        err = take_option(options, code, optarg, &errors);
        /* A bad line in a file is bad input, not a wrong command line. */
        bool in_file = code == SYSCTL && !strchr(optarg, '=');
        app_complain_lines(name, &errors);
        textbuf_clear(&errors);
        if (err && in_file)
            err = -EBADMSG;
    }
    textbuf_fini(&errors);
    if (err == -ENOMEM)
        app_complain(name, "out of memory");
    return err;
}

enum replay_parsed replay_options_parse(struct replay_options *options, int argc, char **argv,
                                        int *status)
{
    *options = (struct replay_options){.gateway = gateway_new()};
    *status = APP_FAILED;
    if (!options->gateway) {
        app_complain(name, "out of memory");
        return REPLAY_STOP;
    }
    bool help = false;
    int err = take_options(options, argc, argv, &help);
    if (help) {
        fputs(usage, stdout);
        *status = APP_DONE;
        return REPLAY_STOP;
    }
    if (err == -EBADMSG || err == -ENOMEM)
        return REPLAY_STOP;
    if (err || !take_capture(options, argc, argv) || !check_outputs(options)) {
        *status = app_usage_error(name);
        return REPLAY_STOP;
    }
    if (gateway_ready(options->gateway)) {
        app_complain(name, "out of memory");
        return REPLAY_STOP;
    }
    return REPLAY_GO;
}

void replay_options_fini(struct replay_options *options)
{
    gateway_free(options->gateway);
}
