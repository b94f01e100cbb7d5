/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets as weir reads them, for comparison with the ipset command (ipset_text.sh):
 *
 *     ipset_text print FILE               reads commands, writes the sets
 *     ipset_text test FILE QUERIES        reads commands that make a set "r", then elements, a line
 *                                         each, and says of each whether it is in: "in" or "out"
 *     ipset_text random TYPE FAMILY SEED  writes commands that make such a set, and lines "?
 * ELEMENT"
 *
 * Exit status 1: weir refuses the commands; the error's line and message are written instead.
 */
#include "base/random.h"
#include "rules/set/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- files --- */

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
        got = fread(text + *len, 1, room - *len - 1, file);
        *len += got;
    } while (got);
    text[*len] = '\0';
    fclose(file);
    return text;
}

static struct weir_sets *load_sets(const char *path)
{
    struct weir_sets *sets = NULL;
    struct weir_rules_error error;
    size_t len;
    char *text = load(path, &len);
    int failed = weir_sets_parse(&sets, text, len, NULL, &error);

    free(text);
    if (failed) {
        printf("line %u: %s\n", error.line, error.message);
        exit(1);
    }
    return sets;
}

static void write_out(void *ctx, const char *bytes, size_t len)
{
    fwrite(bytes, 1, len, ctx);
}

static int print(const char *path)
{
    struct weir_sets *sets = load_sets(path);

    weir_sets_print(sets, (struct weir_time){0}, write_out, stdout);
    weir_sets_free(sets);
    return 0;
}

/* --- membership --- */

static bool is_in(struct weir_sets *sets, struct set *set, char *text)
{
    static const struct weir_rules_names no_names = {0};
    struct weir_rules_error error;
    struct set_reader r = {.names = &no_names, .error = &error, .draft = sets};
    struct set_word word = {.text = text};
    struct set_ask ask = {0};
    struct set_span span;

    if (!set_read_elem(&r, &set->head, &word, &span)) {
        fprintf(stderr, "%s: %s\n", text, error.message);
        exit(2);
    }
    set_mask_elem(set, &span.first);
    return set->head.type->ops->test(set, &span.first, &ask) == SET_FOUND;
}

static int test(const char *path, const char *queries)
{
    struct weir_sets *sets = load_sets(path);
    size_t len;
    char *text = load(queries, &len);

    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        puts(is_in(sets, sets_at(sets, sets_find(sets, "r")), line) ? "in" : "out");
    free(text);
    weir_sets_free(sets);
    return 0;
}

/* --- random sets --- */

enum { ELEMENTS = 60, QUERIES = 25 };

struct maker {
    struct random random;
    uint8_t family;
    bool query; /* no networks */
};

static uint32_t pick(struct maker *m, uint32_t n)
{
    return random_u32(&m->random) % n;
}

/* Few of all addresses, so that elements lie in each other. */
static void put_ip(struct maker *m)
{
    if (m->family == 6)
        printf("2001:db8:%x::%x", pick(m, 2), 1 + pick(m, 40));
    else
        printf("10.0.%u.%u", pick(m, 2), 1 + pick(m, 40));
}

static void put_net(struct maker *m)
{
    static const unsigned lengths[2][8] = {{8, 16, 23, 24, 27, 29, 31, 32},
                                           {16, 32, 47, 48, 122, 124, 126, 128}};

    put_ip(m);
    if (!m->query)
        printf("/%u", lengths[m->family == 6][pick(m, 8)]);
}

static void put_port(struct maker *m)
{
    static const char *const ports[] = {"tcp:80", "udp:80", "sctp:80", "gre:0", "udplite:80"};

    switch (pick(m, 3)) {
    case 0: printf("tcp:%u", pick(m, 4)); break;
    case 1: printf("%s:%u/%u", m->family == 6 ? "icmpv6" : "icmp", pick(m, 6), pick(m, 3)); break;
    default: printf("%s", ports[pick(m, WEIR_ARRAY_LEN(ports))]);
    }
}

static void put_part(struct maker *m, const char *part, size_t len)
{
    if (strncmp(part, "ip", len) == 0)
        put_ip(m);
    else if (strncmp(part, "net", len) == 0)
        put_net(m);
    else if (strncmp(part, "port", len) == 0)
        put_port(m);
    else if (strncmp(part, "mac", len) == 0)
        printf("02:00:00:00:00:%02x", 1 + pick(m, 9));
    else if (strncmp(part, "mark", len) == 0)
        printf("0x%x", pick(m, 9));
    else if (strncmp(part, "iface", len) == 0)
        printf("eth%u", pick(m, 4));
}

/* An element of "METHOD:PART,PART". */
static void put_element(struct maker *m, const char *type)
{
    if (strcmp(type, "bitmap:port") == 0) {
        printf("%u", pick(m, 100));
        return;
    }
    for (const char *part = strchr(type, ':') + 1;;) {
        size_t len = strcspn(part, ",");

        put_part(m, part, len);
        if (!part[len])
            return;
        part += len + 1;
        putchar(',');
    }
}

static int make(const char *type, const char *family, uint64_t seed)
{
    struct maker m = {.family = strcmp(family, "inet6") == 0 ? 6 : 4};
    bool hash = strncmp(type, "hash:", 5) == 0;

    random_init(&m.random, (const uint64_t[2]){seed, 1});
    printf("create r %s", type);
    if (hash && strcmp(type, "hash:mac") != 0)
        printf(" family %s", family);
    if (!hash)
        printf(" range %s", strcmp(type, "bitmap:port") == 0 ? "0-99" : "10.0.0.0/22");
    if (strcmp(type, "hash:ip") == 0 && pick(&m, 2))
        printf(" netmask %u", m.family == 6 ? 126 : 30);
    printf(" counters\n");
    for (unsigned i = 0; i < ELEMENTS; i++) {
        printf("-exist add r ");
        put_element(&m, type);
        printf("%s\n", strstr(type, "net") && pick(&m, 4) == 0 ? " nomatch" : "");
    }
    m.query = true;
    for (unsigned i = 0; i < QUERIES; i++) {
        printf("? ");
        put_element(&m, type);
        putchar('\n');
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";

    if (strcmp(what, "print") == 0)
        return print(argv[2]);
    if (strcmp(what, "test") == 0 && argc > 3)
        return test(argv[2], argv[3]);
    if (strcmp(what, "random") == 0 && argc > 4)
        return make(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    fprintf(stderr, "usage: ipset_text print FILE | test FILE QUERIES | random TYPE FAMILY SEED\n");
    return 2;
}
