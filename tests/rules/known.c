/* SPDX-License-Identifier: BSD-2-Clause */
#include "known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void known_read(struct known *known, const char *path)
{
    FILE *from = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    bool reasoned = true;
    *known = (struct known){0};
    if (!from) {
        perror(path);
        exit(2);
    }
    while (getline(&line, &room, from) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        reasoned = *line == ' ';
        if (reasoned)
            continue;
        known->list = realloc(known->list, (known->count + 1) * sizeof(*known->list));
        known->list[known->count++] = (struct known_entry){.text = strdup(line)};
    }
    free(line);
    fclose(from);
    if (!reasoned) {
        fprintf(stderr, "%s: the last entry has no reason\n", path);
        exit(2);
    }
}

void known_free(struct known *known)
{
    for (unsigned i = 0; i < known->count; i++)
        free(known->list[i].text);
    free(known->list);
}

bool known_failed(struct known *known, const char *name, const struct rule_case *c)
{
    char *text;
    bool found = false;
    if (asprintf(&text, "%s %u %s %s > %s", name, c->family, c->table, c->chain, c->input) < 0)
        return false;
    for (unsigned i = 0; i < known->count; i++) {
        if (strcmp(known->list[i].text, text) != 0)
            continue;
        known->list[i].failed = found = true;
    }
    free(text);
    return found;
}

void known_report(const struct known *known)
{
    bool good = true;
    for (unsigned i = 0; i < known->count; i++) {
        if (known->list[i].failed)
            continue;
        printf("#   does not fail, or is no case: %s\n", known->list[i].text);
        good = false;
    }
    printf("%s - known failures: %u\n", good ? "ok" : "not ok", known->count);
}
