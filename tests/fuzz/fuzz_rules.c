/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule files. Whatever a text says, it is refused with a place and a sentence, or becomes a ruleset
 * whose printed form is read again as the same one, can be listed, and can run packets.
 *
 * Input: one byte (family, counters, whether a set is known), then the text.
 */
#include <weir/rules.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct grown {
    char *data;
    size_t len;
};

static void grow(void *ctx, const char *bytes, size_t len)
{
    struct grown *g = ctx;

    g->data = realloc(g->data, g->len + len + 1);
    must(g->data != NULL);
    memcpy(g->data + g->len, bytes, len);
    g->len += len;
    g->data[g->len] = '\0';
}

static void ignore(void *ctx, const char *bytes, size_t len)
{
    volatile char last = bytes[len ? len - 1 : 0];

    (void)ctx;
    (void)last;
}

static void note(void *ctx, uint32_t line, const char *text)
{
    (void)ctx;
    must(line > 0 && *text);
}

/* A printed form that is not read back, or as something else. */
static void complain(const struct weir_rules_error *error, const struct grown *printed)
{
    if (error)
        fprintf(stderr, "line %u: %s (%s)\n", error->line, error->message, error->text);
    fprintf(stderr, "printed:\n%s", printed->data);
    abort();
}

static struct weir_sets *some_sets(void)
{
    static const char text[] = "create s hash:ip family inet\nadd s 10.0.0.1\n"
                               "create t hash:ip,port family inet6\n";
    struct weir_rules_error error;
    struct weir_sets *sets = NULL;

    must(weir_sets_parse(&sets, text, sizeof(text) - 1, NULL, &error) == 0);
    return sets;
}

/* Whether every quoted argument is one that is printed quoted again. Other names are printed bare,
 * so that one with a blank in it is not read back: Linux's own gap (iptables reference, 2.5). */
static bool quotes_survive(const char *text, size_t len)
{
    static const char *const quoted[] = {"--comment", "--log-prefix", "--nflog-prefix",
                                         "--string",  "--hex-string", "--u32",
                                         "--bytecode"};

    for (size_t at = 0; at < len; at++) {
        bool known = false;

        if (text[at] == '\\')
            return false;
        if (text[at] != '"')
            continue;
        for (size_t i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
            size_t n = strlen(quoted[i]);

            known |= at > n && text[at - 1] == ' ' && memcmp(text + at - 1 - n, quoted[i], n) == 0;
        }
        if (!known)
            return false;
        while (++at < len && text[at] != '"')
            at += text[at] == '\\';
    }
    return true;
}

/* What Linux prints in words that mean something else, or nothing: days of which none is one, and
 * every index of ipcomp, where no --ipcompspi is --ipcompspi 0. */
static bool print_survives(const char *printed)
{
    if (strstr(printed, "days  "))
        return false;
    while ((printed = strstr(printed, "-m ipcomp"))) {
        printed += strlen("-m ipcomp");
        if (strncmp(printed, " ! --ipcompspi", 14) != 0 &&
            strncmp(printed, " --ipcompspi", 12) != 0)
            return false;
    }
    return true;
}

static void print_again(const struct weir_rules *rules, uint8_t family,
                        const struct weir_rules_options *options)
{
    struct grown first = {0}, second = {0};
    struct weir_rules_error error;
    struct weir_rules *again;

    grow(&first, "", 0);
    weir_rules_print(rules, options->flags, NULL, grow, &first);
    if (!print_survives(first.data)) {
        free(first.data);
        return;
    }
    if (weir_rules_parse(&again, family, first.data, first.len, options, &error) != 0)
        complain(&error, &first);
    weir_rules_print(again, options->flags, NULL, grow, &second);
    if (first.len != second.len || (first.len && memcmp(first.data, second.data, first.len) != 0))
        complain(NULL, &first);
    weir_rules_free(again);
    free(first.data);
    free(second.data);
}

static void list(const struct weir_rules *rules)
{
    for (int table = 0; table < WEIR_TABLE_MAX; table++)
        for (uint32_t flags = 0; flags < 32; flags += 7)
            (void)weir_rules_list(rules, weir_table_name((enum weir_table)table), NULL, flags, NULL,
                                  NULL, ignore, NULL);
}

struct sample {
    uint8_t len;
    uint8_t bytes[72];
};

/* A TCP SYN, a UDP packet and an echo request of each family, good and with good checksums. */
static const struct sample samples[2][3] = {
    {
        {49, {0x45, 0x00, 0x00, 0x31, 0x00, 0x01, 0x40, 0x00, 0x40, 0x06, 0x26, 0xc4, 0x0a,
              0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x04, 0x00, 0x00, 0x50, 0x00, 0x00,
              0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x60, 0x02, 0x20, 0x00, 0x95, 0x68, 0x00,
              0x00, 0x02, 0x04, 0x05, 0xb4, 0x47, 0x45, 0x54, 0x20, 0x2f}},
        {33, {0x45, 0x00, 0x00, 0x21, 0x00, 0x01, 0x40, 0x00, 0x40, 0x11, 0x26,
              0xc9, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x04, 0x00,
              0x00, 0x35, 0x00, 0x0d, 0x1d, 0x37, 0x47, 0x45, 0x54, 0x20, 0x2f}},
        {28, {0x45, 0x00, 0x00, 0x1c, 0x00, 0x01, 0x40, 0x00, 0x40, 0x01, 0x26, 0xde, 0x0a, 0x00,
              0x00, 0x01, 0x0a, 0x00, 0x00, 0x02, 0x08, 0x00, 0xf7, 0xfd, 0x00, 0x01, 0x00, 0x01}},
    },
    {
        {69, {0x60, 0x00, 0x00, 0x00, 0x00, 0x1d, 0x06, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8,
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x00,
              0x00, 0x50, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x60, 0x02, 0x20, 0x00,
              0x4d, 0xf6, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x47, 0x45, 0x54, 0x20, 0x2f}},
        {53, {0x60, 0x00, 0x00, 0x00, 0x00, 0x0d, 0x11, 0x40, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8,
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x00,
              0x00, 0x35, 0x00, 0x0d, 0xd5, 0xc4, 0x47, 0x45, 0x54, 0x20, 0x2f}},
        {48, {0x60, 0x00, 0x00, 0x00, 0x00, 0x08, 0x3a, 0x40, 0x20, 0x01, 0x0d, 0xb8,
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
              0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
              0x00, 0x00, 0x00, 0x02, 0x80, 0x00, 0x24, 0x46, 0x00, 0x01, 0x00, 0x01}},
    },
};

static struct weir_route route(void *ctx, const struct weir_packet *packet, uint8_t family,
                               union weir_addr dst)
{
    (void)ctx;
    (void)family;
    (void)dst;
    return (struct weir_route){.local = packet->user != NULL, .out_iface = 2, .mtu = 1500};
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)cause;
    ignore(ctx, (const char *)made->data, made->len);
}

/* Through every hook: routed, to this host, from it. */
static void run_samples(struct weir_shard *shard, uint8_t family)
{
    struct weir_time now = {1000000000};

    for (unsigned i = 0; i < 9; i++) {
        const struct sample *sample = &samples[family == 6][i % 3];
        uint8_t *bytes = malloc(sample->len); /* exactly: a sanitizer sees a byte too far */

        must(bytes != NULL);
        memcpy(bytes, sample->bytes, sample->len);
        struct weir_packet packet = {
            .data = bytes,
            .len = sample->len,
            .in_iface = 1,
            .path = i / 3 == 2 ? WEIR_PATH_OUTPUT : WEIR_PATH_ROUTED,
            .user = i / 3 == 1 ? shard : NULL, /* route() says local */
        };

        now.ns += 1000000;
        weir_shard_run(shard, now, &packet, 1);
        must(packet.verdict > WEIR_VERDICT_NONE && packet.verdict < WEIR_VERDICT_MAX);
        free(bytes);
    }
}

static void put_to_work(const struct weir_rules *rules, uint8_t family, struct weir_sets *sets)
{
    const struct weir_config config = {
        .host = {.packet = on_packet, .route = route}, .max = 8, .seed = {1, 2}};
    struct weir_shard *shard = weir_shard_new(&config);

    must(shard != NULL);
    if (weir_shard_set_rules(shard, family, rules, sets) == 0)
        run_samples(shard, family);
    weir_shard_free(shard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_rules_options options = {.note = note};
    struct weir_rules_error error;
    struct weir_rules *rules;
    uint8_t family;

    if (!size)
        return 0;
    family = data[0] & 1 ? 6 : 4;
    options.flags = data[0] & 2 ? WEIR_RULES_COUNTERS : 0;
    options.sets = data[0] & 4 ? some_sets() : NULL;
    int err = weir_rules_parse(&rules, family, (const char *)data + 1, size - 1, &options, &error);

    must((err == 0) == (rules != NULL));
    if (err) {
        must(error.message[0] && error.line > 0 && error.status > 0);
    } else {
        if (quotes_survive((const char *)data + 1, size - 1))
            print_again(rules, family, &options);
        list(rules);
        put_to_work(rules, family, (struct weir_sets *)(uintptr_t)options.sets);
        weir_rules_free(rules);
    }
    weir_sets_free((struct weir_sets *)(uintptr_t)options.sets);
    return 0;
}
