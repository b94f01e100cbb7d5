/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule files and set files, read from disk: what weir rules and weir replay share.
 */
#ifndef APPS_RULE_FILE_H
#define APPS_RULE_FILE_H

#include "text_file.h"

struct rule_file {
    const char *path;
    uint8_t family;
    struct weir_rules *rules;
};

/*
 * Read a rule file, as iptables-restore would, with `flags` of enum weir_rules_flag. False: it has
 * been complained about, in the name of `command`. Notes are written on standard error unless
 * `quiet`. Free with rule_file_fini() in any case.
 */
bool rule_file_read(struct rule_file *file, const char *path, uint8_t family, uint32_t flags,
                    const struct weir_rules_names *names, const struct weir_sets *sets, bool quiet,
                    const char *command);
void rule_file_fini(struct rule_file *file);

/* Read a file of sets, into *sets (NULL: new ones). */
bool rule_sets_read(struct weir_sets **sets, const char *path, const struct weir_rules_names *names,
                    const char *command);

#endif
