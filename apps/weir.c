/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The weir program: hands its command line to one of its commands.
 */
#include "app.h"

#include <stdio.h>
#include <string.h>

#ifndef WEIR_VERSION
#error "the build system defines WEIR_VERSION"
#endif

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
};

static const struct command commands[] = {
    {"replay", replay_main, "what Linux's connection tracking makes of a capture file"},
    {"rules", rules_main, "check, print and list rule files of iptables-save"},
    {"size", size_main, "how much memory a number of connections takes"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

static int usage(FILE *to, int status)
{
    fputs("usage: weir COMMAND [OPTION...]\n"
          "\n"
          "Linux connection tracking in user space.\n"
          "\n",
          to);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(to, "  weir %-8s %s\n", commands[i].name, commands[i].what);
    fputs("\n"
          "  weir help COMMAND, weir COMMAND --help    its options\n"
          "  weir --version\n"
          "\n"
          "Manual pages: weir(1), weir-replay(1), weir-rules(1), weir-size(1), weir-sysctl(7),\n"
          "weir-reasons(7)\n",
          to);
    return status;
}

static int unknown(const char *name)
{
    fprintf(stderr, "weir: unknown command '%s'\n", name);
    return usage(stderr, APP_USAGE);
}

static int help(int argc, char **argv)
{
    if (argc < 2)
        return usage(stdout, APP_DONE);
    const struct command *command = find(argv[1]);
    char option[] = "--help";
    char *ask[] = {argv[1], option, NULL};
    return command ? command->run(2, ask) : unknown(argv[1]);
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, APP_USAGE);
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h"))
        return usage(stdout, APP_DONE);
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
        puts("weir " WEIR_VERSION);
        return APP_DONE;
    }
    if (!strcmp(name, "help"))
        return help(argc - 1, argv + 1);
    const struct command *command = find(name);
    return command ? command->run(argc - 1, argv + 1) : unknown(name);
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        if (status == APP_DONE)
            perror("weir: cannot write standard output");
        return status == APP_DONE ? APP_FAILED : status;
    }
    return status;
}
