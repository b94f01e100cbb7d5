/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which extensions there are: the lists of exts.def, and the names of Linux's that weir refuses.
 */
#include "rules/ext.h"

#define WEIR_MATCH(symbol)  extern const struct ext_type match_##symbol;
#define WEIR_TARGET(symbol) extern const struct ext_type target_##symbol;
#include "rules/exts.def"
#undef WEIR_MATCH
#undef WEIR_TARGET

#define WEIR_MATCH(symbol) &match_##symbol,
#define WEIR_TARGET(symbol)
static const struct ext_type *const matches[] = {
#include "rules/exts.def"
    NULL};
#undef WEIR_MATCH
#undef WEIR_TARGET

#define WEIR_MATCH(symbol)
#define WEIR_TARGET(symbol) &target_##symbol,
static const struct ext_type *const targets[] = {
#include "rules/exts.def"
    NULL};
#undef WEIR_MATCH
#undef WEIR_TARGET

struct refusal {
    const char *name, *why;
};

static const struct refusal refused_matches[] = {
    {"ipvs", "weir has no IP virtual server"},
    {"osf", "weir has no database of fingerprints"},
    {NULL, NULL},
};

static const struct refusal refused_targets[] = {
    {"CLUSTERIP", "Linux has removed it; use -m cluster"},
    {"ULOG", "Linux has removed it; use NFLOG"},
    {NULL, NULL},
};

static const struct ext_type *find(const struct ext_type *const *list, const char *name,
                                   uint8_t family)
{
    uint8_t bit = family == 6 ? EXT_IPV6 : EXT_IPV4;

    for (; *list; list++)
        if ((*list)->families & bit && (strcmp((*list)->name, name) == 0 ||
                                        ((*list)->alias && strcmp((*list)->alias, name) == 0)))
            return *list;
    return NULL;
}

const struct ext_type *ext_find_match(const char *name, uint8_t family)
{
    return find(matches, name, family);
}

const struct ext_type *ext_find_target(const char *name, uint8_t family)
{
    return find(targets, name, family);
}

const char *ext_refused(const char *name, bool target)
{
    for (const struct refusal *r = target ? refused_targets : refused_matches; r->name; r++)
        if (strcmp(r->name, name) == 0)
            return r->why;
    return NULL;
}
