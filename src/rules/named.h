/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that rules share by name (recent's lists, hashlimit's tables): they live while a ruleset
 * that names them runs, and so across the exchange of one ruleset for another.
 */
#ifndef WEIR_RULES_NAMED_H
#define WEIR_RULES_NAMED_H

#include "rules/eval.h"

enum { NAMED_NAME_MAX = 256 };

struct named {
    struct named *next;
    const struct ext_type *kind;
    size_t size;    /* of all of it */
    uint32_t users; /* rules */
    uint8_t family;
    char name[NAMED_NAME_MAX];
    /* Called before the memory is given back; may be NULL. */
    void (*fini)(struct world *w, void *object);
    _Alignas(64) uint8_t object[];
};

/*
 * The object of this kind, family and name, with one more user; made, with `size` zeroed bytes, if
 * there is none (*fresh). NULL: no memory. For `bind`; named_put() belongs into `unbind`.
 */
struct named *named_get(struct world *w, const struct ext_type *kind, uint8_t family,
                        const char *name, size_t size, bool *fresh);
/* One user less; the last one ends it. */
void named_put(struct world *w, struct named *n);

#endif
