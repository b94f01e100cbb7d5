/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of words with commas ("NEW,RELATED"), kept as bits: bit i stands for word i. */
#ifndef WEIR_RULES_MATCH_WORDS_H
#define WEIR_RULES_MATCH_WORDS_H

#include "base/text.h"

/*
 * Read `text`. Case does not matter and a word's beginning is enough; where two words begin so, the
 * first is meant. NULL: all was understood; else what is left of the text from the first word that
 * was not.
 */
const char *words_read(const char *text, const char *const *words, size_t count, uint32_t *bits);

/* "NEW,RELATED", in the order of the words. */
void words_print(struct text *out, const char *const *words, uint32_t bits);

#endif
