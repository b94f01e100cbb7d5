/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir size: what a number of connections costs in memory, part by part, next to Linux.
 *
 * Linux's side is the sum that its users make, from a connection entry of 256 bytes and a list head
 * of 8 bytes per bucket, and beside it what a Linux 6.18 really allocates: each entry brings its
 * extensions, 128 bytes more, whichever of accounting, time stamps, events and NAT are on (counted
 * in /proc/slabinfo over 20000 connections).
 */
#include "app.h"
#include "human.h"

#include "../control/sysctl.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "size";

static const char usage[] =
    "usage: weir size --max N [--buckets N] [--ipv6]\n"
    "\n"
    "Tells how much memory weir reserves for N connections, next to what Linux takes.\n"
    "\n"
    "  --max N       connections: net.netfilter.nf_conntrack_max\n"
    "  --buckets N   net.netfilter.nf_conntrack_buckets; as many as connections unless given\n"
    "  --ipv6        all of the connections may be IPv6\n";

enum {
    LINUX_ENTRY = 256,
    LINUX_EXTENSIONS = 128,
    LINUX_BUCKET = 8,
    LINUX_BUCKETS_STEP = 512, /* a page of list heads */
};

enum option_number { HELP = 1, MAX, BUCKETS, IPV6 };

static const struct option long_options[] = {
    {"max", required_argument, NULL, MAX},
    {"buckets", required_argument, NULL, BUCKETS},
    {"ipv6", no_argument, NULL, IPV6},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

struct question {
    uint32_t max, buckets;
    bool ipv6, help;
};

/* A whole number from 1 to what the tunables of this name take. */
static bool read_number(const char *option, const char *text, uint32_t *number)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 0);
    if (*text < '0' || *text > '9' || *end || n == 0 || n > INT32_MAX) {
        app_complain(name, "%s '%s': not a whole number from 1 to %d", option, text, INT32_MAX);
        return false;
    }
    *number = (uint32_t)n;
    return true;
}

static bool parse(int argc, char **argv, struct question *question)
{
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        switch (code) {
        case HELP: question->help = true; return true;
        case IPV6: question->ipv6 = true; break;
        case MAX:
            if (!read_number("--max", optarg, &question->max))
                return false;
            break;
        case BUCKETS:
            if (!read_number("--buckets", optarg, &question->buckets))
                return false;
            break;
        default: app_complain_option(name, code, argv); return false;
        }
    }
    if (optind < argc)
        app_complain(name, "unexpected '%s'", argv[optind]);
    else if (!question->max)
        app_complain(name, "say for how many connections: --max N");
    return optind == argc && question->max;
}

static void row(const char *what, uint64_t weir, uint64_t linux_size, const char *remark)
{
    struct human left, right;
    printf("  %-28s %12s %12s  %s\n", what, weir ? human_bytes(&left, weir) : "-",
           linux_size ? human_bytes(&right, linux_size) : "-", remark);
}

static void print(const struct question *question)
{
    const uint64_t max = question->max;
    const uint64_t buckets = question->buckets ? question->buckets : max;
    const uint64_t pages = (buckets + LINUX_BUCKETS_STEP - 1) / LINUX_BUCKETS_STEP;
    const uint64_t heads = pages * LINUX_BUCKETS_STEP * LINUX_BUCKET;
    const uint64_t all = max * (LINUX_ENTRY + LINUX_EXTENSIONS) + heads;
    struct weir_size size;
    struct human text;
    weir_size_predict(question->max, question->buckets, question->ipv6, &size);

    printf("%s connection%s in ", human_count(&text, max), max == 1 ? "" : "s");
    printf("%s bucket%s%s\n\n", human_count(&text, buckets), buckets == 1 ? "" : "s",
           question->ipv6 ? ", IPv4 or IPv6" : ", IPv4 only");
    printf("  %-28s %12s %12s\n", "", "weir", "Linux");
    row("connection entries", size.entries, max * LINUX_ENTRY, "256 bytes each in Linux");
    row("extensions", size.extensions, max * LINUX_EXTENSIONS, "128 bytes each in Linux");
    row("hash table", size.table, heads, "8 bytes a bucket in Linux");
    row("timers", size.timers, 0, "part of the entry in Linux");
    row("everything else", size.fixed, 0, "");
    row("total", size.total, all, "");
    printf("  %-28s %10" PRIu64 " B %10" PRIu64 " B\n", "per connection", size.total / max,
           all / max);
    row("more, if all are translated", size.nat, 0, "in the extensions in Linux");
    row("fragments on hold, at most", size.fragments, 0, "limited by sysctls in Linux");
    printf("\nThe usual formula for Linux, max * 256 + buckets * 8, gives %s: it leaves out\n"
           "the extensions. weir reserves addresses for all of this at the start and takes pages\n"
           "as they are used.\n",
           human_bytes(&text, max * LINUX_ENTRY + heads));
}

int size_main(int argc, char **argv)
{
    struct question question = {0};
    if (!parse(argc, argv, &question))
        return app_usage_error(name);
    if (question.help)
        fputs(usage, stdout);
    else
        print(&question);
    return APP_DONE;
}
