/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over stored inputs, so that corpora serve as ordinary tests where there is
 * no libFuzzer:
 *
 *     fuzz_capture DIRECTORY|FILE...
 *
 * Every file is named before it is fed, so that the last name printed is the input that crashed.
 * A run that found no input fails: it would test nothing.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The whole file in memory of exactly its size, so that a sanitizer sees reads beyond it. */
static uint8_t *load(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    struct stat st;

    if (file && fstat(fileno(file), &st) == 0) {
        *len = (size_t)st.st_size;
        data = malloc(*len ? *len : 1);
        if (data && fread(data, 1, *len, file) != *len) {
            free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    return data;
}

static bool feed_file(const char *path, unsigned *count)
{
    size_t len = 0;
    uint8_t *data = load(path, &len);

    if (!data) {
        perror(path);
        return false;
    }
    puts(path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, len);
    free(data);
    ++*count;
    return true;
}

/* Without "." and "..", and what is hidden. */
static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool feed(const char *path, unsigned *count);

static bool feed_directory(const char *path, unsigned *count)
{
    struct dirent **entries;
    int n = scandir(path, &entries, visible, alphasort);
    bool good = n >= 0;

    if (n < 0)
        perror(path);
    for (int i = 0; i < n; i++) {
        char *name;

        if (good && asprintf(&name, "%s/%s", path, entries[i]->d_name) >= 0) {
            good = feed(name, count);
            free(name);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return good;
}

static bool feed(const char *path, unsigned *count)
{
    struct stat st;

    if (stat(path, &st) < 0) {
        perror(path);
        return false;
    }
    return S_ISDIR(st.st_mode) ? feed_directory(path, count) : feed_file(path, count);
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    bool good = true;

    for (int i = 1; i < argc; i++)
        good &= feed(argv[i], &count);
    printf("%u inputs\n", count);
    if (count == 0)
        fprintf(stderr, "no inputs found: name directories or files of inputs\n");
    return good && count > 0 ? 0 : 1;
}
