/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading files of cases: in place, line by line, by each line's first byte.
 */
#include "cases.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char case_sets[] = "create s4 hash:ip family inet\n"
                         "create s4b hash:ip,port family inet timeout 0 counters\n"
                         "create n4 hash:net family inet counters skbinfo\n"
                         "create s6 hash:ip family inet6\n";

static const struct {
    const char *name;
    const char *chains[6]; /* built in */
} tables[] = {
    {"raw", {"PREROUTING", "OUTPUT"}},
    {"mangle", {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
    {"nat", {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
    {"filter", {"INPUT", "FORWARD", "OUTPUT"}},
    {"security", {"INPUT", "FORWARD", "OUTPUT"}},
};

struct reading {
    struct cases *cases;
    const char *path;
    unsigned line;
    uint8_t family;
    const char *table, *chain;
};

static void __attribute__((noreturn, format(printf, 2, 3)))
bad(const struct reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", r->path, r->line);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static char *slurp(const struct reading *r)
{
    FILE *from = fopen(r->path, "rb");
    if (!from || fseek(from, 0, SEEK_END))
        bad(r, "cannot be read");
    long size = ftell(from);
    rewind(from);
    char *text = malloc((size_t)size + 1);
    if (!text || fread(text, 1, (size_t)size, from) != (size_t)size)
        bad(r, "cannot be read");
    fclose(from);
    text[size] = '\0';
    return text;
}

static struct rule_case *last(const struct reading *r)
{
    if (!r->cases->count || !r->cases->list[r->cases->count - 1].input)
        bad(r, "belongs to no rule");
    return &r->cases->list[r->cases->count - 1];
}

static void heading(struct reading *r, char *line)
{
    char *rest;
    r->family = (uint8_t)(*line - '0');
    strtok_r(line, " ", &rest);
    r->table = strtok_r(NULL, " ", &rest);
    r->chain = strtok_r(NULL, " ", &rest);
    if (!r->chain || *rest)
        bad(r, "not FAMILY TABLE CHAIN");
}

static void begin(struct reading *r, const char *input)
{
    struct cases *cases = r->cases;
    if (!r->chain)
        bad(r, "FAMILY TABLE CHAIN comes first");
    cases->list = realloc(cases->list, (cases->count + 1) * sizeof(*cases->list));
    if (!cases->list)
        bad(r, "no memory");
    cases->list[cases->count++] = (struct rule_case){
        .line = r->line, .family = r->family, .table = r->table, .chain = r->chain, .input = input};
}

static void saved(const struct reading *r, const char *text)
{
    struct rule_case *c = last(r);
    if (c->saved_count == CASE_RULES_MAX)
        bad(r, "too many rules");
    c->saved[c->saved_count++] = text;
}

/* "[TEXT]" */
static void listed(const struct reading *r, enum case_list which, char *text)
{
    size_t len = strlen(text);
    if (len < 2 || text[0] != '[' || text[len - 1] != ']')
        bad(r, "no brackets");
    text[len - 1] = '\0';
    last(r)->lists[which] = text + 1;
    if (which == CASE_NUMERIC)
        last(r)->lists[CASE_NAMES] = text + 1;
}

static void take(struct reading *r, char *line)
{
    char *text = line[0] && line[1] ? line + 2 : line + strlen(line);
    if (line[0] && line[1] && line[1] != ' ')
        bad(r, "no blank behind the first byte");
    switch (line[0]) {
    case '\0':
    case '#': break;
    case '4':
    case '6': heading(r, line); break;
    case '>': begin(r, text); break;
    case '<': saved(r, text); break;
    case '=': saved(r, last(r)->input); break;
    case '-': last(r)->saved_count = 0; break;
    case '!': last(r)->refused = text; break;
    case '?': last(r)->note = text; break;
    case '~': last(r)->one_way = true; break;
    case 'l': listed(r, CASE_NUMERIC, text); break;
    case 'n': listed(r, CASE_NAMES, text); break;
    case 'v': listed(r, CASE_VERBOSE, text); break;
    case 'p': listed(r, CASE_PLAIN, text); break;
    default: bad(r, "begins with none of its letters");
    }
}

void cases_read(struct cases *cases, const char *path)
{
    struct reading r = {.cases = cases, .path = path};
    *cases = (struct cases){0};
    cases->text = slurp(&r);
    for (char *line = cases->text, *next; line; line = next) {
        char *newline = strchr(line, '\n');
        next = newline ? newline + 1 : NULL;
        if (newline)
            *newline = '\0';
        r.line++;
        take(&r, line);
    }
}

void cases_free(struct cases *cases)
{
    free(cases->text);
    free(cases->list);
}

char *case_file(const struct rule_case *c, uint32_t *line)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fprintf(to, "*%s\n", c->table);
    *line = 3;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const char *const *chain = tables[i].chains;
             strcmp(tables[i].name, c->table) == 0 && *chain; chain++, ++*line)
            fprintf(to, ":%s ACCEPT [0:0]\n", *chain);
    fprintf(to, ":UCH - [0:0]\n-A %s%s%s\nCOMMIT\n", c->chain, *c->input ? " " : "", c->input);
    fclose(to);
    return text;
}
