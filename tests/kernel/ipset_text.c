/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets as weir reads them, for comparison with the ipset command (ipset_text.sh):
 *
 *     ipset_text print FILE            reads commands, writes the sets
 *     ipset_text test FILE QUERIES     reads commands, then lines "SET ELEMENT" and says for each
 *                                      whether it is an element: "in" or "out"
 *
 * Exit status 1: weir refuses the text; the error's place and message are written instead.
 */
#include "rules/set/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *load(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, got;

    *len = 0;
    if (!file) {
        perror(path);
        exit(2);
    }
    do {
        if (room - *len < 65536) {
            room = 2 * room + 65536;
            text = realloc(text, room);
            if (!text)
                abort();
        }
        got = fread(text + *len, 1, room - *len, file);
        *len += got;
    } while (got);
    fclose(file);
    return text;
}

static void write_out(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

/* An element as `ipset test` takes it: a network itself, or an address by all networks. */
static bool test(struct weir_sets *sets, struct set *set, char *text)
{
    static const struct weir_rules_names no_names = {0};
    struct weir_rules_error error;
    struct set_reader r = {.names = &no_names, .error = &error, .draft = sets};
    struct set_word word = {.text = text};
    struct set_ask ask = {0};
    struct set_span span;
    bool network = false;

    if (!set_read_elem(&r, &set->head, &word, &span)) {
        fprintf(stderr, "%s: %s\n", text, error.message);
        exit(2);
    }
    for (unsigned i = 0; i < SET_ADDRS_MAX; i++)
        network |= span.first.prefix[i] < set_full_prefix(set->head.family);
    set_mask_elem(set, &span.first);
    if (network || !set->head.type->ops->test)
        return set->head.type->ops->find(set, &span.first) != 0;
    return set->head.type->ops->test(set, &span.first, &ask) == SET_FOUND;
}

static void test_all(struct weir_sets *sets, const char *path)
{
    size_t len;
    char *text = load(path, &len);

    text[len] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *elem = strchr(line, ' ');

        *elem++ = '\0';
        puts(test(sets, sets_at(sets, sets_find(sets, line)), elem) ? "in" : "out");
    }
    free(text);
}

int main(int argc, char **argv)
{
    struct weir_sets *sets = NULL;
    struct weir_rules_error error;
    size_t len;

    if (argc < 3 || (strcmp(argv[1], "print") != 0 && (strcmp(argv[1], "test") != 0 || argc < 4))) {
        fprintf(stderr, "usage: ipset_text print FILE | test FILE QUERIES\n");
        return 2;
    }
    char *text = load(argv[2], &len);

    if (weir_sets_parse(&sets, text, len, NULL, &error)) {
        printf("line %u: %s\n", error.line, error.message);
        free(text);
        return 1;
    }
    free(text);
    if (strcmp(argv[1], "print") == 0)
        weir_sets_print(sets, (struct weir_time){0}, write_out, stdout);
    else
        test_all(sets, argv[3]);
    weir_sets_free(sets);
    return 0;
}
