/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of text, read whole; and messages that show the place in it that they are about.
 */
#ifndef APPS_TEXT_FILE_H
#define APPS_TEXT_FILE_H

#include <weir/rules.h>

#include "../control/textbuf.h"

/* How messages call a file: its path, or that it is standard input. */
const char *text_file_label(const char *path);

struct text_file {
    const char *label;
    struct textbuf text;
};

/*
 * Reads `path`, or standard input for "-". False: it has been complained about, in the name of
 * `command`. Free with text_file_fini() in any case.
 */
bool text_file_read(struct text_file *file, const char *path, const char *command);
void text_file_fini(struct text_file *file);

/*
 * "weir COMMAND: FILE:LINE:COLUMN: MESSAGE" on standard error, then the line with a mark under the
 * offending text, then what to do, each as far as known.
 */
void text_file_complain(const struct text_file *file, const struct weir_rules_error *error,
                        const char *command);

/* "weir COMMAND: FILE:LINE: note: MESSAGE" */
void text_file_note(const struct text_file *file, uint32_t line, const char *message,
                    const char *command);

#endif
