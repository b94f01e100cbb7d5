/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/numbered.h"

bool numbered_name(struct rule_parse *r, const char *file, uint32_t number, const char **name)
{
    const struct weir_rules_names *names = r->names;
    const char *found = names->number_name ? names->number_name(names->ctx, file, number) : NULL;
    size_t size = found ? strlen(found) + 1 : 0;
    char *copy;

    *name = NULL;
    if (!found)
        return true;
    copy = rule_memory(r, size);
    if (!copy)
        return false;
    *name = memcpy(copy, found, size);
    return true;
}

bool numbered_take(struct rule_parse *r, const struct ext *x, const struct opt *o, const char *text,
                   const char *file, struct numbered *n)
{
    const struct weir_rules_names *names = r->names;
    const char *end;
    uint64_t value;

    *n = (struct numbered){.mark = {.mask = UINT32_MAX}};
    if (!read_mark(text, &n->mark)) {
        if (text_read_number(text, &end, &value) && *end == '/')
            return rule_fail(r, "%s: bad integer value for option \"--%s\", or out of range.",
                             x->type->name, o->name);
        if (!names->number || !names->number(names->ctx, file, text, &n->mark.value))
            return rule_fail(r,
                             "%s: could not map name %s to an integer value for option \"--%s\".",
                             x->type->name, text, o->name);
    }
    return n->mark.mask != UINT32_MAX || numbered_name(r, file, n->mark.value, &n->name);
}

void numbered_print(struct text *out, const struct numbered *n, bool numeric)
{
    if (n->name && !numeric)
        text_add(out, n->name);
    else
        print_mark(out, &n->mark);
}
