/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets as text. The input is up to three texts, with a byte 1 between them, read one after the
 * other. Each is taken or refused with a message; what is refused changes nothing; what is printed
 * can be read again, and says the same then; and no memory is lost.
 */
#include <stdlib.h>
#include <string.h>
#include <weir/rules.h>

enum { TEXTS = 3, RESERVE_MAX = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* --- memory: little at once, and counted --- */

static void *reserve(void *ctx, size_t size)
{
    size_t *live = ctx;
    void *memory = size <= RESERVE_MAX ? weir_reserve_pages(NULL, size) : NULL;

    *live += memory != NULL;
    return memory;
}

static void release(void *ctx, void *memory, size_t size)
{
    size_t *live = ctx;

    must(*live > 0);
    --*live;
    weir_release_pages(NULL, memory, size);
}

/* --- printing --- */

struct out {
    char *bytes;
    size_t len, room;
};

static void write_out(void *ctx, const char *bytes, size_t len)
{
    struct out *o = ctx;

    if (o->room - o->len < len + 1) {
        o->room = 2 * o->room + len + 1;
        o->bytes = realloc(o->bytes, o->room);
        must(o->bytes != NULL);
    }
    memcpy(o->bytes + o->len, bytes, len);
    o->len += len;
    o->bytes[o->len] = '\0';
}

static struct out print(const struct weir_sets *sets)
{
    struct out o = {0};

    write_out(&o, "", 0);
    weir_sets_print(sets, (struct weir_time){0}, write_out, &o);
    return o;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in an order of their own: that of elements is ambiguous for some names. */
static size_t sorted_lines(char *text, char **lines)
{
    size_t n = 0;

    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        lines[n++] = line;
    qsort(lines, n, sizeof(*lines), by_text);
    return n;
}

static void must_be_same(struct out *a, struct out *b)
{
    char **lines_a = calloc(a->len + 1, sizeof(char *)),
         **lines_b = calloc(b->len + 1, sizeof(char *));

    must(lines_a && lines_b && a->len == b->len);
    size_t n = sorted_lines(a->bytes, lines_a);

    must(n == sorted_lines(b->bytes, lines_b));
    for (size_t i = 0; i < n; i++)
        must(strcmp(lines_a[i], lines_b[i]) == 0);
    free(lines_a);
    free(lines_b);
    free(a->bytes);
    free(b->bytes);
}

/* --- reading --- */

/*
 * Not all that ipset writes can be read again, and weir writes the same: names with blanks are
 * written without the quotes they need, and of two interfaces one may begin as the other.
 */
static bool can_be_read(const uint8_t *data, size_t size)
{
    return !memchr(data, '"', size) && !memmem(data, size, "wildcard", 8);
}

static void read_again(const struct weir_sets *sets, struct weir_rules_options *options)
{
    struct weir_rules_error error;
    struct weir_sets *again = NULL;
    struct out first = print(sets);

    must(weir_sets_parse(&again, first.bytes, first.len, options, &error) == 0);
    struct out second = print(again);

    weir_sets_free(again);
    must_be_same(&first, &second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t live = 0;
    struct weir_rules_options options = {
        .reserve = reserve, .release = release, .memory_ctx = &live};
    struct weir_sets *sets = NULL;
    bool readable = can_be_read(data, size);

    for (unsigned i = 0; i < TEXTS && size; i++) {
        const uint8_t *end = memchr(data, 1, size);
        size_t len = end ? (size_t)(end - data) : size;
        struct weir_rules_error error;
        struct out before = {0};

        if (sets)
            before = print(sets);
        int failed = weir_sets_parse(&sets, (const char *)data, len, &options, &error);

        must(!failed == !*error.message);
        must(failed || sets);
        if (failed && before.bytes) {
            struct out after = print(sets);

            must_be_same(&before, &after);
        } else {
            free(before.bytes);
        }
        if (sets && readable)
            read_again(sets, &options);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
    weir_sets_free(sets);
    must(live == 0);
    return 0;
}
