/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir rules: rule files of iptables-save and ip6tables-save, checked, printed again, or listed.
 */
#include "app.h"
#include "rule_file.h"

#include "../control/names.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "rules";

static const char usage[] =
    "usage: weir rules check [-4|-6] [--ipset FILE]... FILE...\n"
    "       weir rules print [-4|-6] [-c] [--ipset FILE]... [FILE]\n"
    "       weir rules list  [-4|-6] [-vnx] [--line-numbers] [-t TABLE] [--ipset FILE]...\n"
    "                        [FILE [CHAIN]]\n"
    "\n"
    "Reads rules as iptables-save and ip6tables-save write them (FILE; - for standard input),\n"
    "whole, as iptables-restore would, and\n"
    "  check   says what is wrong and where, or how many tables, chains and rules there are\n"
    "  print   writes them in one form, as iptables-save does but without comment lines\n"
    "  list    shows one table, or one chain of it, as iptables -L does\n"
    "\n"
    "  -4, -6               IPv4, IPv6; unless given, IPv6 if the file's name ends in .v6\n"
    "  --ipset FILE         sets, as ipset save writes them, for -m set and -j SET\n"
    "  -c, --counters       keep the rules' counters\n"
    "  -t, --table TABLE    the table to list: filter (unless given), nat, mangle, raw, security\n"
    "  -v, --verbose        with counters and interfaces\n"
    "  -n, --numeric        no names of hosts, services and protocols\n"
    "  -x, --exact          full numbers in counters\n"
    "  --line-numbers       number the rules\n"
    "\n"
    "Exit status: 0 done, 1 wrong rules or output that failed, 2 wrong command line.\n";

/* Long options without a letter. */
enum { HELP = 1, IPSET, LINES };

static const struct option long_options[] = {
    {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},
    {"counters", no_argument, NULL, 'c'},
    {"table", required_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
    {"numeric", no_argument, NULL, 'n'},
    {"exact", no_argument, NULL, 'x'},
    {"line-numbers", no_argument, NULL, LINES},
    {"ipset", required_argument, NULL, IPSET},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

struct request {
    uint8_t family; /* 0: as the file is named */
    uint32_t flags; /* enum weir_rules_flag */
    const char *table, *chain;
    char **files;
    int file_count; /* 0: standard input */
    struct weir_sets *sets;
    struct names names;
    bool help;
};

/* A rule file that was read. */
struct job {
    const struct request *request;
    struct rule_file file;
};

static bool ends_in(const char *string, const char *end)
{
    size_t len = strlen(string), of_end = strlen(end);
    return len >= of_end && !strcmp(string + len - of_end, end);
}

static uint8_t family_of(const struct request *request, const char *path)
{
    if (request->family)
        return request->family;
    return ends_in(path, ".v6") ? 6 : 4;
}

/* --- check --- */

/* Chains and rules, counted as they are printed. */
struct census {
    size_t chains, rules;
    bool inside; /* a line */
};

static void count_lines(void *ctx, const char *bytes, size_t len)
{
    struct census *census = ctx;
    for (size_t i = 0; i < len; i++) {
        if (!census->inside) {
            census->chains += bytes[i] == ':';
            census->rules += bytes[i] == '-';
        }
        census->inside = bytes[i] != '\n';
    }
}

static void say_count(size_t count, const char *what)
{
    printf(", %zu %s%s", count, what, count == 1 ? "" : "s");
}

static bool check(const struct job *job)
{
    struct census census = {0};
    uint32_t tables = weir_rules_tables(job->file.rules);
    weir_rules_print(job->file.rules, 0, NULL, count_lines, &census);
    printf("%s: IPv%u", text_file_label(job->file.path), job->file.family);
    say_count((size_t)__builtin_popcount(tables), "table");
    say_count(census.chains, "chain");
    say_count(census.rules, "rule");
    putchar('\n');
    return true;
}

/* --- print and list --- */

static void write_out(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

static bool print(const struct job *job)
{
    weir_rules_print(job->file.rules, job->request->flags, NULL, write_out, stdout);
    return true;
}

/* The number of a table, WEIR_TABLE_MAX if there is none of this name. */
static unsigned find_table(const char *table)
{
    unsigned i = 0;
    while (i < WEIR_TABLE_MAX && strcmp(weir_table_name((enum weir_table)i), table) != 0)
        i++;
    return i;
}

static bool list(const struct job *job)
{
    const struct request *r = job->request;
    const char *label = text_file_label(job->file.path);
    if (!weir_rules_list(job->file.rules, r->table, r->chain, r->flags, NULL, &r->names.rules,
                         write_out, stdout))
        return true;
    if (weir_rules_tables(job->file.rules) >> find_table(r->table) & 1)
        app_complain(name, "%s: no chain '%s' in table %s", label, r->chain, r->table);
    else
        app_complain(name, "%s: no table %s", label, r->table);
    return false;
}

/* --- the command line --- */

struct verb {
    const char *name;
    bool (*run)(const struct job *job);
    const char *letters; /* options it takes, beside -4, -6, --ipset and --help */
    int least, most;     /* arguments, the CHAIN of `list` among them */
};

static const struct verb verbs[] = {
    {"check", check, "", 1, INT32_MAX},
    {"print", print, "c", 0, 1},
    {"list", list, "vnxt", 0, 2},
};

static const struct verb *find_verb(const char *word)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (!strcmp(verbs[i].name, word))
            return &verbs[i];
    app_complain(name, "cannot '%s' rules; it is check, print or list", word);
    return NULL;
}

/* What became of a part of the command line. */
enum taken { TAKEN, WRONG_USE, WRONG_INPUT };

static enum taken take_option(struct request *request, int code, const char *value)
{
    switch (code) {
    case '4': request->family = 4; break;
    case '6': request->family = 6; break;
    case 'c': request->flags |= WEIR_RULES_COUNTERS; break;
    case 'v': request->flags |= WEIR_RULES_VERBOSE; break;
    case 'n': request->flags |= WEIR_RULES_NUMERIC; break;
    case 'x': request->flags |= WEIR_RULES_EXACT; break;
    case LINES: request->flags |= WEIR_RULES_LINES; break;
    case HELP: request->help = true; break;
    case IPSET:
        return rule_sets_read(&request->sets, value, &request->names.rules, name) ? TAKEN
                                                                                  : WRONG_INPUT;
    case 't':
        request->table = value;
        if (find_table(value) < WEIR_TABLE_MAX)
            break;
        app_complain(name, "no table is called '%s'; it is filter, nat, mangle, raw or security",
                     value);
        return WRONG_USE;
    default: break;
    }
    return TAKEN;
}

static bool applies(const struct verb *verb, int code)
{
    if (code == LINES)
        return verb->run == list;
    return strchr("46", code) || code == HELP || code == IPSET || strchr(verb->letters, code);
}

static enum taken take_options(struct request *request, const struct verb *verb, int argc,
                               char **argv)
{
    enum taken taken = TAKEN;
    int code;
    opterr = 0;
    while (taken == TAKEN && !request->help &&
           (code = getopt_long(argc, argv, ":46cvnxt:", long_options, NULL)) != -1) {
        if (code == '?' || code == ':') {
            app_complain_option(name, code, argv);
            return WRONG_USE;
        }
        if (!applies(verb, code)) {
            const char letter[] = {'-', (char)code, '\0'};
            app_complain(name, "%s does not take option %s", verb->name,
                         code == LINES ? "--line-numbers" : letter);
            return WRONG_USE;
        }
        taken = take_option(request, code, optarg);
    }
    return taken;
}

static bool take_arguments(struct request *request, const struct verb *verb, int argc, char **argv)
{
    int count = argc - optind;
    if (count < verb->least || (!count && isatty(STDIN_FILENO))) {
        app_complain(name, "which file? give its name, or - for standard input");
        return false;
    }
    if (count > verb->most) {
        app_complain(name, "unexpected '%s'", argv[optind + verb->most]);
        return false;
    }
    request->files = argv + optind;
    request->file_count = count;
    if (verb->run == list && count == 2) {
        request->chain = argv[optind + 1];
        request->file_count = 1;
    }
    return true;
}

static bool run(const struct request *request, const struct verb *verb, const char *path)
{
    struct job job = {.request = request};
    bool good = rule_file_read(&job.file, path, family_of(request, path), request->flags,
                               &request->names.rules, request->sets, false, name) &&
                verb->run(&job);
    rule_file_fini(&job.file);
    return good;
}

static int run_all(const struct request *request, const struct verb *verb)
{
    bool good = request->file_count || run(request, verb, "-");
    for (int i = 0; i < request->file_count; i++)
        good &= run(request, verb, request->files[i]);
    return good ? APP_DONE : APP_FAILED;
}

static int with_verb(struct request *request, const struct verb *verb, int argc, char **argv)
{
    /* Counters are printed only when asked for, and shown in any list that shows counters. */
    if (verb->run == list)
        request->flags |= WEIR_RULES_COUNTERS;
    switch (take_options(request, verb, argc, argv)) {
    case TAKEN: break;
    case WRONG_USE: return app_usage_error(name);
    case WRONG_INPUT: return APP_FAILED;
    }
    if (request->help) {
        fputs(usage, stdout);
        return APP_DONE;
    }
    if (!take_arguments(request, verb, argc, argv))
        return app_usage_error(name);
    return run_all(request, verb);
}

int rules_main(int argc, char **argv)
{
    if (argc >= 2 && !strcmp(argv[1], "--help")) {
        fputs(usage, stdout);
        return APP_DONE;
    }
    if (argc < 2)
        app_complain(name, "say what to do: check, print or list");
    const struct verb *verb = argc < 2 ? NULL : find_verb(argv[1]);
    if (!verb)
        return app_usage_error(name);
    struct request request = {.table = "filter"};
    names_init(&request.names, "");
    int status = with_verb(&request, verb, argc - 1, argv + 1);
    weir_sets_free(request.sets);
    names_fini(&request.names);
    return status;
}
