/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text files and messages about them.
 *
 * What is shown of a file may be anything. Bytes that a terminal would obey are written as \x1b; a
 * character of several bytes has one mark under it; of a long line, the part around the place.
 */
#include "text_file.h"

#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_SIZE = 1 << 16,
    /* More is no rule file, but an endless input or the wrong file. */
    FILE_MAX = 1 << 30,
    /* Bytes of a line that are shown at most, and how many of them before the place. */
    SHOWN = 100,
    SHOWN_BEFORE = 50,
};

/* --- reading --- */

static bool fail(struct text_file *file, const char *command, const char *why)
{
    app_complain(command, "cannot read '%s': %s", file->label, why);
    return false;
}

const char *text_file_label(const char *path)
{
    return strcmp(path, "-") ? path : "<stdin>";
}

/* To the end, or until it is too much. 0 or an errno. */
static int read_all(struct textbuf *text, int fd)
{
    char buffer[READ_SIZE];
    while (text->len <= FILE_MAX) {
        ssize_t got = read(fd, buffer, sizeof(buffer));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? errno : 0;
        textbuf_add_bytes(text, buffer, (size_t)got);
        if (text->failed)
            return ENOMEM;
    }
    return EFBIG;
}

bool text_file_read(struct text_file *file, const char *path, const char *command)
{
    bool standard = !strcmp(path, "-");
    *file = (struct text_file){.label = text_file_label(path)};
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(file, command, strerror(errno));
    int err = read_all(&file->text, fd);
    if (!standard)
        close(fd);
    if (err == EFBIG)
        return fail(file, command, "it has more than 1 GiB; is it the right file?");
    return !err || fail(file, command, strerror(err));
}

void text_file_fini(struct text_file *file)
{
    textbuf_fini(&file->text);
}

/* --- showing --- */

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* The second and further bytes of a character in UTF-8. */
static bool is_inside(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static void add_visible(struct textbuf *to, const char *text)
{
    for (; *text; text++)
        textbuf_addf(to, is_control(*text) ? "\\x%02x" : "%c", (unsigned char)*text);
}

/* A line of a file, and the part of it that is shown and marked. */
struct excerpt {
    const char *line;
    size_t len;
    size_t from, to;  /* shown */
    size_t at, until; /* marked; nothing if equal */
};

static bool find_line(const struct text_file *file, uint32_t number, struct excerpt *e)
{
    const char *at = file->text.data, *end = at + file->text.len;
    while (at && number > 1) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
        number--;
    }
    if (!at || at == end || number == 0)
        return false;
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    e->line = at;
    e->len = (size_t)((newline ? newline : end) - at);
    return true;
}

/* The text that an error is about stands at its column as it is, or quoted, or not at all. */
static void find_marked(struct excerpt *e, const struct weir_rules_error *error)
{
    size_t len = strlen(error->text);
    e->at = e->until = error->column ? error->column - 1 : e->len;
    if (e->at >= e->len)
        return;
    e->until = e->at + 1;
    if (len && len <= e->len - e->at && !memcmp(e->line + e->at, error->text, len))
        e->until = e->at + len;
}

static void choose_part(struct excerpt *e)
{
    e->from = e->at < e->len && e->at > SHOWN_BEFORE && e->len > SHOWN ? e->at - SHOWN_BEFORE : 0;
    while (e->from && is_inside(e->line[e->from]))
        e->from--;
    e->to = e->len - e->from > SHOWN ? e->from + SHOWN : e->len;
    while (e->to < e->len && is_inside(e->line[e->to]))
        e->to++;
}

/* One byte of the line, and under it blanks or marks as wide as it appears. */
static void show_byte(const struct excerpt *e, size_t i, struct textbuf *line, struct textbuf *mark)
{
    const char c = e->line[i];
    const char *under = i == e->at ? "^" : i > e->at && i < e->until ? "~" : " ";
    if (c == '\t') {
        textbuf_add(line, "\t");
        textbuf_add(mark, *under == ' ' ? "\t" : under);
    } else if (is_control(c)) {
        textbuf_addf(line, "\\x%02x", (unsigned char)c);
        for (int width = 0; width < 4; width++)
            textbuf_add(mark, *under == '^' && width ? "~" : under);
    } else {
        textbuf_add_bytes(line, &c, 1);
        textbuf_add(mark, is_inside(c) ? "" : under);
    }
}

static void show(const struct excerpt *e, uint32_t number)
{
    struct textbuf line = {0}, mark = {0};
    if (e->from) {
        textbuf_add(&line, "...");
        textbuf_add(&mark, "   ");
    }
    for (size_t i = e->from; i < e->to; i++)
        show_byte(e, i, &line, &mark);
    if (e->to < e->len)
        textbuf_add(&line, "...");
    fprintf(stderr, "%6u | %s\n", number, textbuf_string(&line));
    if (e->at < e->until) {
        while (mark.len && mark.data[mark.len - 1] == ' ')
            mark.len--;
        fprintf(stderr, "       | %s\n", textbuf_string(&mark));
    }
    textbuf_fini(&line);
    textbuf_fini(&mark);
}

void text_file_complain(const struct text_file *file, const struct weir_rules_error *error,
                        const char *command)
{
    struct textbuf text = {0};
    struct excerpt e = {0};
    textbuf_addf(&text, "%s:", file->label);
    if (error->line)
        textbuf_addf(&text, "%u:", error->line);
    if (error->line && error->column)
        textbuf_addf(&text, "%u:", error->column);
    textbuf_add(&text, " ");
    add_visible(&text, error->message);
    app_complain(command, "%s", textbuf_string(&text));
    if (find_line(file, error->line, &e)) {
        find_marked(&e, error);
        choose_part(&e);
        show(&e, error->line);
    }
    textbuf_clear(&text);
    add_visible(&text, error->hint);
    if (text.len)
        fprintf(stderr, "  hint: %s\n", textbuf_string(&text));
    textbuf_fini(&text);
}

void text_file_note(const struct text_file *file, uint32_t line, const char *message,
                    const char *command)
{
    struct textbuf text = {0};
    textbuf_addf(&text, "%s:", file->label);
    if (line)
        textbuf_addf(&text, "%u:", line);
    textbuf_add(&text, " note: ");
    add_visible(&text, message);
    app_complain(command, "%s", textbuf_string(&text));
    textbuf_fini(&text);
}
