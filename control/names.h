/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What names mean on this system: services, hosts, users and groups by the system's own databases,
 * and the names of labels, device groups and realms from the files that iptables reads.
 */
#ifndef CONTROL_NAMES_H
#define CONTROL_NAMES_H

#include <weir/rules.h>

struct names_entry {
    uint32_t number;
    char *name;
};

/* A file of numbers and names; read when it is first asked for, and then kept. */
struct names_file {
    bool read;
    struct names_entry *entries; /* as in the file */
    size_t count, room;
};

enum { NAMES_FILES = 3, NAMES_TEXT = 1025 /* the longest name of a host */ };

/*
 * Give `rules` to the library, whose ctx is this struct: it must not be moved. One thread at a
 * time. A returned string lives until the next question.
 */
struct names {
    struct weir_rules_names rules;
    const char *root;
    struct names_file files[NAMES_FILES];
    char text[NAMES_TEXT];
};

/* `root` stands before the names of the files ("": the system's own), and is not copied. */
void names_init(struct names *names, const char *root);
void names_fini(struct names *names);

#endif
