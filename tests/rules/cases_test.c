/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading, printing and listing rules, by example: each case of the files becomes a rule file with
 * one rule, and must be refused, printed and listed as the case says. What was printed is read and
 * printed once more and must stay the same.
 *
 * Cases that are known to fail are listed, with the reason, in a file of their own (known.h). One
 * that does not fail is an error too.
 *
 * usage: cases_test KNOWN FILE...
 */
#include "fixed_names.h"
#include "known.h"

#include "../../control/textbuf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run of the test. */
struct run {
    struct known known;
    char name[64]; /* of the case file */
    struct weir_sets *sets;
    unsigned passed, failed, expected; /* cases of the file */
};

/* A case being run. */
struct trial {
    const struct rule_case *c;
    struct weir_sets *sets;
    struct textbuf notes, printed, why;
    uint32_t line; /* of the rule in its file */
    struct weir_rules *rules;
};

/* --- what went wrong --- */

static void __attribute__((format(printf, 3, 4)))
differs(struct trial *t, const char *what, const char *format, ...)
{
    va_list args;
    char got[2048];
    va_start(args, format);
    vsnprintf(got, sizeof(got), format, args);
    va_end(args);
    textbuf_addf(&t->why, "#     %s%s\n", what, got);
}

static void compare(struct trial *t, const char *what, const char *want, const char *got)
{
    if (strcmp(want, got) == 0)
        return;
    differs(t, what, " is wrong");
    differs(t, "  want: [", "%s]", want);
    differs(t, "  got:  [", "%s]", got);
}

/* --- one case --- */

static void add_bytes(void *ctx, const char *bytes, size_t len)
{
    textbuf_add_bytes(ctx, bytes, len);
}

static void add_note(void *ctx, uint32_t line, const char *note)
{
    struct trial *t = ctx;
    if (line)
        textbuf_addf(&t->notes, "%s\n", note);
}

static struct weir_rules *parse(struct trial *t, const char *text, struct weir_rules_error *error)
{
    const struct weir_rules_options options = {
        .names = &fixed_names, .sets = t->sets, .note = add_note, .ctx = t};
    struct weir_rules *rules = NULL;
    int err = weir_rules_parse(&rules, t->c->family, text, strlen(text), &options, error);
    if (err == -ENOMEM || (err && rules) || (!err && !rules))
        differs(t, "weir_rules_parse", " returns %d and %p", err, (void *)rules);
    return rules;
}

static void check_refusal(struct trial *t, const struct weir_rules_error *error)
{
    if (!t->c->refused) {
        differs(t, "refused: ", "%s (column %u%s%s)", error->message, error->column,
                *error->text ? ", text " : "", error->text);
        return;
    }
    if (*t->c->refused)
        compare(t, "message", t->c->refused, error->message);
    if (!*error->message)
        differs(t, "refused", " without a message");
    if (error->line != t->line)
        differs(t, "line", " %u is blamed instead of %u", error->line, t->line);
}

/* The rules of a saved table, as the cases have them: behind "-A CHAIN ". */
static unsigned saved_rules(struct trial *t, char *text, const char *found[CASE_RULES_MAX])
{
    unsigned count = 0;
    size_t prefix = strlen("-A ") + strlen(t->c->chain);
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, "-A ", 3) == 0 && count < CASE_RULES_MAX)
            found[count++] = line[prefix] ? line + prefix + 1 : "";
    return count;
}

static void check_print(struct trial *t)
{
    const char *found[CASE_RULES_MAX];
    weir_rules_print(t->rules, 0, NULL, add_bytes, &t->printed);
    char *copy = strdup(textbuf_string(&t->printed));
    unsigned count = saved_rules(t, copy, found);
    if (count != t->c->saved_count)
        differs(t, "", "%u rules instead of %u", count, t->c->saved_count);
    for (unsigned i = 0; i < count && i < t->c->saved_count; i++)
        compare(t, "saved rule", t->c->saved[i], found[i]);
    free(copy);
}

static void check_again(struct trial *t)
{
    struct weir_rules_error error = {0};
    struct textbuf again = {0};
    struct weir_rules *rules = parse(t, textbuf_string(&t->printed), &error);
    if (rules)
        weir_rules_print(rules, 0, NULL, add_bytes, &again);
    bool same = rules && strcmp(textbuf_string(&t->printed), textbuf_string(&again)) == 0;
    if (!rules && !t->c->one_way)
        differs(t, "what was saved is refused: ", "%s", error.message);
    else if (!same && !t->c->one_way)
        differs(t, "saved once more, it is:\n", "%s", textbuf_string(&again));
    else if (same && t->c->one_way)
        differs(t, "it", " can be read back");
    weir_rules_free(rules);
    textbuf_fini(&again);
}

/* Behind the destination column; NULL: the columns are not as they should be. */
static const char *behind_columns(const char *line)
{
    enum { TARGET = 9, PROTOCOL = 4, OPTIONS = 2, ADDRESS = 19 };
    static const struct {
        bool has_not; /* a blank or "!" before it */
        size_t width;
    } columns[] = {
        {false, TARGET}, {true, PROTOCOL}, {false, OPTIONS}, {true, ADDRESS}, {true, ADDRESS}};
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (columns[i].has_not && *line != ' ' && *line != '!')
            return NULL;
        line += columns[i].has_not;
        size_t len = strcspn(line, " \n");
        for (; len < columns[i].width; len++)
            if (line[len] != ' ')
                return NULL;
        line += len;
        if (*line++ != ' ')
            return NULL;
    }
    return line;
}

static const struct {
    const char *what;
    uint32_t flags;
    bool whole_line;
} lists[CASE_LISTS] = {
    [CASE_NUMERIC] = {"list -n", WEIR_RULES_NUMERIC, false},
    [CASE_NAMES] = {"list", 0, false},
    [CASE_VERBOSE] = {"list -v -n --line-numbers",
                      WEIR_RULES_NUMERIC | WEIR_RULES_VERBOSE | WEIR_RULES_LINES, true},
    [CASE_PLAIN] = {"list (whole line)", 0, true},
};

static void check_list(struct trial *t, enum case_list which)
{
    struct textbuf text = {0};
    int err = weir_rules_list(t->rules, t->c->table, t->c->chain, lists[which].flags, NULL,
                              &fixed_names, add_bytes, &text);
    /* The chain's heading, the columns', the rule. */
    const char *line = textbuf_string(&text);
    for (int skip = 0; skip < 2 && line; skip++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    const char *got = line && !lists[which].whole_line ? behind_columns(line) : line;
    if (err || !got)
        differs(t, lists[which].what, " cannot be understood:\n%s", textbuf_string(&text));
    else {
        char *copy = strndup(got, strcspn(got, "\n"));
        compare(t, lists[which].what, t->c->lists[which], copy);
        free(copy);
    }
    textbuf_fini(&text);
}

static void check_notes(struct trial *t)
{
    if (t->c->note && !strstr(textbuf_string(&t->notes), t->c->note)) {
        differs(t, "note", " is missing: %s", t->c->note);
        differs(t, "  got: ", "%s", textbuf_string(&t->notes));
    }
}

static void check(struct trial *t)
{
    struct weir_rules_error error = {0};
    char *text = case_file(t->c, &t->line);
    t->rules = parse(t, text, &error);
    free(text);
    if (!t->rules) {
        check_refusal(t, &error);
        return;
    }
    if (t->c->refused) {
        differs(t, "not refused; want: ", "%s", *t->c->refused ? t->c->refused : "(any words)");
        return;
    }
    check_print(t);
    check_notes(t);
    check_again(t);
    for (enum case_list i = 0; i < CASE_LISTS; i++)
        if (t->c->lists[i])
            check_list(t, i);
}

/* --- files --- */

static void run_case(struct run *run, const struct rule_case *c)
{
    struct trial t = {.c = c, .sets = run->sets};
    check(&t);
    if (!t.why.len) {
        run->passed++;
    } else if (known_failed(&run->known, run->name, c)) {
        run->expected++;
    } else {
        run->failed++;
        printf("#   %s.rules:%u: %u %s %s > %s\n%s", run->name, c->line, c->family, c->table,
               c->chain, c->input, textbuf_string(&t.why));
    }
    weir_rules_free(t.rules);
    textbuf_fini(&t.notes);
    textbuf_fini(&t.printed);
    textbuf_fini(&t.why);
}

static void run_file(struct run *run, const char *path)
{
    const char *base = strrchr(path, '/');
    struct cases cases;
    base = base ? base + 1 : path;
    snprintf(run->name, sizeof(run->name), "%.*s", (int)strcspn(base, "."), base);
    run->passed = run->failed = run->expected = 0;
    cases_read(&cases, path);
    for (unsigned i = 0; i < cases.count; i++)
        run_case(run, &cases.list[i]);
    printf("%s - %s: %u of %u", run->failed ? "not ok" : "ok", run->name, run->passed, cases.count);
    if (run->expected)
        printf(", %u known to fail", run->expected);
    putchar('\n');
    cases_free(&cases);
}

int main(int argc, char **argv)
{
    struct run run = {0};
    struct weir_rules_error error = {0};
    const struct weir_rules_options options = {.names = &fixed_names};
    if (argc < 3) {
        fprintf(stderr, "usage: %s KNOWN FILE...\n", argv[0]);
        return 2;
    }
    known_read(&run.known, argv[1]);
    if (weir_sets_parse(&run.sets, case_sets, strlen(case_sets), &options, &error)) {
        printf("Bail out! sets: %s\n", error.message);
        return 1;
    }
    printf("1..%d\n", argc - 1);
    for (int i = 2; i < argc; i++)
        run_file(&run, argv[i]);
    known_report(&run.known);
    weir_sets_free(run.sets);
    known_free(&run.known);
    return 0;
}
