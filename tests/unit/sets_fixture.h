/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of sets share: sets from text and back, and memory that is counted and can run
 * out.
 */
#ifndef TESTS_UNIT_SETS_FIXTURE_H
#define TESTS_UNIT_SETS_FIXTURE_H

#include "shard_fixture.h"

#include <stdio.h>

#include "rules/sets.h"

/* --- memory --- */

struct counted {
    size_t live;    /* pieces not given back */
    size_t allowed; /* pieces that may still be had */
    size_t largest; /* bytes that may be had at once */
};

static inline void *counted_reserve(void *ctx, size_t size)
{
    struct counted *c = ctx;

    if (c->allowed == 0 || size > c->largest)
        return NULL;
    c->allowed--;
    c->live++;
    return weir_reserve_pages(NULL, size);
}

static inline void counted_release(void *ctx, void *memory, size_t size)
{
    struct counted *c = ctx;

    assert_true(c->live > 0);
    c->live--;
    weir_release_pages(NULL, memory, size);
}

static inline struct weir_rules_options counted_options(struct counted *c)
{
    return (struct weir_rules_options){
        .reserve = counted_reserve, .release = counted_release, .memory_ctx = c};
}

/* --- text --- */

struct sets_text {
    char *bytes;
    size_t len, room;
};

static inline void sets_text_write(void *ctx, const char *bytes, size_t len)
{
    struct sets_text *t = ctx;

    if (t->room - t->len < len + 1) {
        t->room = 2 * t->room + len + 1;
        t->bytes = realloc(t->bytes, t->room);
        assert_non_null(t->bytes);
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

/* The sets as text, to be freed. */
static inline char *sets_print(const struct weir_sets *sets, int64_t seconds)
{
    struct sets_text t = {0};

    sets_text_write(&t, "", 0);
    weir_sets_print(sets, (struct weir_time){seconds * SEC}, sets_text_write, &t);
    return t.bytes;
}

static inline void expect_sets_at(const struct weir_sets *sets, int64_t seconds,
                                  const char *expected)
{
    char *text = sets_print(sets, seconds);

    assert_string_equal(text, expected);
    free(text);
}

static inline void expect_sets(const struct weir_sets *sets, const char *expected)
{
    expect_sets_at(sets, 0, expected);
}

static inline void sets_add_text(struct weir_sets **sets, const char *text)
{
    struct weir_rules_error error;

    if (weir_sets_parse(sets, text, strlen(text), NULL, &error) != 0)
        fail_msg("line %u: %s: %s", error.line, error.message, error.text);
}

static inline struct weir_sets *sets_of(const char *text)
{
    struct weir_sets *sets = NULL;

    sets_add_text(&sets, text);
    assert_non_null(sets);
    return sets;
}

static inline struct set *set_named(const struct weir_sets *sets, const char *name)
{
    uint16_t slot = sets_find(sets, name);

    assert_true(slot != SET_NO_SLOT);
    return sets->slots[slot].set;
}

#endif
