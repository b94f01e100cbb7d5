/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list, walked only while rulesets are set up: a packet's way to its object is a pointer in the
 * state of the rule.
 *
 * A new ruleset is bound before the old one is let go (pipe/rules.c), so an object that both name
 * never loses its last user in between.
 */
#include "rules/named.h"

struct named *named_get(struct world *w, const struct ext_type *kind, uint8_t family,
                        const char *name, size_t size, bool *fresh)
{
    const struct weir_host *host = &w->t->host;
    struct named *n = w->named;

    while (n && (n->kind != kind || n->family != family ||
                 strncmp(n->name, name, NAMED_NAME_MAX - 1) != 0))
        n = n->next;
    *fresh = !n;
    if (*fresh) {
        struct text text;

        n = host->reserve(host->ctx, sizeof(*n) + size);
        if (!n)
            return NULL;
        *n = (struct named){
            .next = w->named, .kind = kind, .size = sizeof(*n) + size, .family = family};
        text_into(&text, n->name, sizeof(n->name));
        text_add(&text, name);
        w->named = n;
    }
    n->users++;
    return n;
}

void named_put(struct world *w, struct named *n)
{
    const struct weir_host *host = &w->t->host;
    struct named **link = &w->named;

    if (!n || --n->users)
        return;
    while (*link != n)
        link = &(*link)->next;
    *link = n->next;
    if (n->fini)
        n->fini(w, n->object);
    host->release(host->ctx, n, n->size);
}
