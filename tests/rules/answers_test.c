/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Matches asked about packets, and Linux's answers (*.answers). A file has rules, each with its
 * family before it, and packets, each with one letter for every rule of its family, in order:
 *
 *     4 -p tcp -m tcp --syn
 *     6 -p tcp -m tcp --syn
 *     4 -p tcp ! -f
 *     MD 4500002c...           the first matches, the third drops the packet at once
 *     . 6000000000...          the second does not match
 *
 * The packets are a choice of random ones in which each answer that a rule ever gave comes twice.
 * tests/kernel/answers.py asks the running kernel the same.
 *
 * usage: answers_test FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

enum { RULES_MAX = 512, LINE_SIZE = 8192 };

struct asked {
    uint8_t family;
    char *text;
    struct weir_rules *rules;
    struct rules_run *run;
};

struct file {
    const char *path;
    unsigned line, packets, wrong;
    struct asked asked[RULES_MAX];
    unsigned count;
    struct track track;
    struct world world;
};

static void *reserve(void *ctx, size_t size)
{
    (void)ctx;
    return calloc(1, size);
}

static void release(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)size;
    free(memory);
}

/* The file is no good, or the rules are not: there is nothing to compare. */
static void bail(const struct file *f, const char *why)
{
    printf("Bail out! %s:%u: %s\n", f->path, f->line, why);
    exit(1);
}

static void add_rule(struct file *f, const char *line)
{
    struct asked *a = &f->asked[f->count];
    struct weir_rules_error error;
    char text[LINE_SIZE];

    if (f->count++ == RULES_MAX)
        bail(f, "too many rules");
    a->family = (uint8_t)(line[0] - '0');
    a->text = strdup(line + 2);
    (void)snprintf(text, sizeof(text), "*raw\n-A PREROUTING %s\nCOMMIT\n", a->text);
    if (weir_rules_parse(&a->rules, a->family, text, strlen(text), NULL, &error))
        bail(f, error.message);
    a->run = rules_run_new(&f->world, a->rules);
    if (!a->run)
        bail(f, "no memory");
}

static char answer(struct file *f, const struct asked *a, struct pkt *p)
{
    struct eval e = {.world = &f->world,
                     .t = &f->track,
                     .run = a->run,
                     .p = p,
                     .in = "",
                     .out = "",
                     .family = a->family,
                     .table = WEIR_TABLE_RAW,
                     .hook = HOOK_PREROUTING};
    uint64_t before = a->run->counts[0].packets;

    if (rules_eval(&e) == RULES_DROP)
        return 'D';
    return a->run->counts[0].packets > before ? 'M' : '.';
}

/* The bytes lie in memory of exactly their size, so that sanitizers see a read beyond them. */
static uint8_t *bytes_of(const struct file *f, const char *hex, size_t *len)
{
    *len = strlen(hex) / 2;
    uint8_t *bytes = malloc(*len + 1);

    for (size_t i = 0; i < *len; i++) {
        int high = text_hex_digit(hex[2 * i]), low = text_hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            bail(f, "a packet is not in hexadecimal");
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    uint8_t *exact = realloc(bytes, *len ? *len : 1);

    return exact ? exact : bytes;
}

static void ask_packet(struct file *f, const char *letters, const char *hex)
{
    size_t len;
    uint8_t *bytes = bytes_of(f, hex, &len);
    struct weir_packet raw = {.data = bytes, .len = (uint32_t)len};
    struct pkt p = {.raw = &raw};

    if (parse_ip(&p.ip, bytes, (uint32_t)len, (uint32_t)len) != WEIR_R_NONE)
        bail(f, "not an IP packet");
    f->packets++;
    for (unsigned i = 0; i < f->count; i++) {
        if (f->asked[i].family != p.ip.family)
            continue;
        if (!*letters || *letters == ' ')
            bail(f, "fewer letters than rules");
        char got = answer(f, &f->asked[i], &p);

        if (got != *letters) {
            printf("# %s:%u: %c instead of %c: %s\n", f->path, f->line, got, *letters,
                   f->asked[i].text);
            f->wrong++;
        }
        letters++;
    }
    if (*letters != ' ')
        bail(f, "more letters than rules");
    free(bytes);
}

static void ask_file(struct file *f)
{
    FILE *in = fopen(f->path, "r");
    char line[LINE_SIZE];

    if (!in)
        bail(f, "cannot be read");
    while (fgets(line, sizeof(line), in)) {
        f->line++;
        line[strcspn(line, "\n")] = '\0';
        const char *hex = strchr(line, ' ');

        if (!*line || *line == '#')
            continue;
        if ((*line == '4' || *line == '6') && hex)
            add_rule(f, line);
        else if (hex)
            ask_packet(f, line, hex + 1);
        else
            bail(f, "neither a rule nor a packet");
    }
    fclose(in);
    if (!f->packets || !f->count)
        bail(f, "nothing is asked");
}

static void give_back(struct file *f)
{
    for (unsigned i = 0; i < f->count; i++) {
        rules_run_free(&f->world, f->asked[i].run);
        weir_rules_free(f->asked[i].rules);
        free(f->asked[i].text);
    }
}

int main(int argc, char **argv)
{
    bool failed = false;

    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        struct file *f = calloc(1, sizeof(*f));
        const char *slash = strrchr(argv[i], '/');

        if (!f)
            return 1;
        f->path = argv[i];
        f->world.t = &f->track;
        f->track.host.reserve = reserve;
        f->track.host.release = release;
        ask_file(f);
        printf("%s %d - %s: %u packets, %u rules\n", f->wrong ? "not ok" : "ok", i,
               slash ? slash + 1 : argv[i], f->packets, f->count);
        failed |= f->wrong > 0;
        give_back(f);
        free(f);
    }
    return failed;
}
