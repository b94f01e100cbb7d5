/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/words.h"

const char *words_read(const char *text, const char *const *words, size_t count, uint32_t *bits)
{
    *bits = 0;
    for (;;) {
        const char *comma = strchr(text, ',');
        size_t len = comma ? (size_t)(comma - text) : strlen(text);
        size_t i = 0;

        while (i < count && strncasecmp(words[i], text, len) != 0)
            i++;
        if (len == 0 || i == count)
            return text;
        *bits |= 1u << i;
        if (!comma)
            return NULL;
        text = comma + 1;
    }
}

void words_print(struct text *out, const char *const *words, uint32_t bits)
{
    for (const char *comma = ""; bits; bits &= bits - 1, comma = ",") {
        text_add(out, comma);
        text_add(out, words[__builtin_ctz(bits)]);
    }
}
