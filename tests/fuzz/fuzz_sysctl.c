/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings as text: a file in the syntax of sysctl.conf, its lines as KEY=VALUE of a command line,
 * and as a hashsize. Whatever they say, each is taken or refused with a text, and what was taken is
 * what a shard then has.
 */
#include "control/sysctl.h"
#include "control/textbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Refused means: said why. */
static void refused_with_text(int err, struct textbuf *errors)
{
    must((err != 0) == (textbuf_string(errors)[0] != '\0'));
    textbuf_clear(errors);
}

static void as_file(struct sysctl_plan *plan, const uint8_t *data, size_t size,
                    struct textbuf *errors)
{
    char path[64];
    int fd = memfd_create("settings", 0);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    refused_with_text(sysctl_plan_file(plan, path, errors), errors);
    close(fd);
}

static void as_words(struct sysctl_plan *plan, const uint8_t *data, size_t size,
                     struct textbuf *errors)
{
    char *text = malloc(size + 1);

    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *word = strtok(text, "\n"); word; word = strtok(NULL, "\n")) {
        refused_with_text(sysctl_plan_assign(plan, word, errors), errors);
        refused_with_text(sysctl_plan_hashsize(plan, word, errors), errors);
    }
    free(text);
}

/* A plan that fits a small shard is what the shard then has. */
static void check(struct sysctl_plan *plan, struct textbuf *errors)
{
    struct weir_config config = {.seed = {1, 2}};

    sysctl_plan_config(plan, &config);
    if (config.max > 4096 || config.buckets > 4096 || config.capacity > 4096)
        return;
    config.max = config.max ? config.max : 16;

    struct weir_shard *shard = weir_shard_new(&config);

    must(shard != NULL);
    int err = sysctl_plan_apply(plan, shard, errors);

    must(err == 0 || textbuf_string(errors)[0] != '\0');
    for (int i = 0; !err && i < WEIR_T_MAX_NUMBER; i++) {
        const struct sysctl_setting *s = &plan->settings[i];

        if (s->given && !s->lenient && i != WEIR_T_BUCKETS)
            must(weir_tunable_get(shard, (enum weir_tunable)i) == s->value);
    }
    weir_shard_free(shard);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sysctl_plan file = {0}, words = {0};
    struct textbuf errors = {0};

    as_file(&file, data, size, &errors);
    check(&file, &errors);
    textbuf_clear(&errors);
    as_words(&words, data, size, &errors);
    check(&words, &errors);
    textbuf_fini(&errors);
    return 0;
}
