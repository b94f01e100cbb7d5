/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Comments of a set's elements: strings of up to 255 bytes in slots of four sizes, so that each
 * takes at most a little more than twice its length. Slots of every size are reserved for every
 * element, and only those in use take memory.
 */
#ifndef WEIR_RULES_SET_COMMENTS_H
#define WEIR_RULES_SET_COMMENTS_H

#include "base/slab.h"

enum { COMMENT_SIZES = 4, COMMENT_SIZE_MIN = 32 }; /* 32, 64, 128, 256 bytes, with the end */

struct set_placer;

struct comments {
    struct slab slab[COMMENT_SIZES];
};

/* Room for `capacity` comments. */
void comments_lay(struct comments *c, struct set_placer *p, uint32_t capacity);

/* Keep a comment of at most 255 bytes; its reference, 0: it is empty. */
uint32_t comments_add(struct comments *c, const char *text, size_t len);
/* Accepts 0. */
void comments_del(struct comments *c, uint32_t ref);
/* "" for 0. */
const char *comments_get(const struct comments *c, uint32_t ref);

#endif
