/* SPDX-License-Identifier: BSD-2-Clause */
#include "rule_file.h"

#include "app.h"

#include <errno.h>

/* Who is reading, for notes. */
struct reader {
    const struct text_file *text;
    const char *command;
};

static void on_note(void *ctx, uint32_t line, const char *text)
{
    const struct reader *reader = ctx;
    text_file_note(reader->text, line, text, reader->command);
}

/* True if there is nothing to complain about. */
static bool done(const struct reader *reader, int err, const struct weir_rules_error *error)
{
    if (err == -EINVAL)
        text_file_complain(reader->text, error, reader->command);
    else if (err)
        app_complain(reader->command, "%s: not enough memory", reader->text->label);
    return !err;
}

bool rule_file_read(struct rule_file *file, const char *path, uint8_t family, uint32_t flags,
                    const struct weir_rules_names *names, const struct weir_sets *sets, bool quiet,
                    const char *command)
{
    struct weir_rules_error error = {0};
    struct text_file text;
    struct reader reader = {&text, command};
    const struct weir_rules_options options = {.flags = flags,
                                               .names = names,
                                               .sets = sets,
                                               .note = quiet ? NULL : on_note,
                                               .ctx = &reader};
    *file = (struct rule_file){.path = path, .family = family};
    bool good = text_file_read(&text, path, command) &&
                done(&reader,
                     weir_rules_parse(&file->rules, family, text.text.data, text.text.len, &options,
                                      &error),
                     &error);
    text_file_fini(&text);
    return good;
}

void rule_file_fini(struct rule_file *file)
{
    weir_rules_free(file->rules);
    file->rules = NULL;
}

bool rule_sets_read(struct weir_sets **sets, const char *path, const struct weir_rules_names *names,
                    const char *command)
{
    struct weir_rules_error error = {0};
    struct text_file text;
    struct reader reader = {&text, command};
    const struct weir_rules_options options = {.names = names, .note = on_note, .ctx = &reader};
    bool good =
        text_file_read(&text, path, command) &&
        done(&reader, weir_sets_parse(sets, text.text.data, text.text.len, &options, &error),
             &error);
    text_file_fini(&text);
    return good;
}
