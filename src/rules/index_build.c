/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a chain's indexes when a ruleset is read.
 *
 * The keys of all rules are gone through three times, and made anew each time, since they would
 * take more memory than the index: to find the shapes; to count the keys of each bucket; to put the
 * positions in their places, from the last to the first, as a counting sort does.
 */
#include "rules/index.h"
#include "rules/rules.h"

enum {
    RULES_MIN = 12, /* a shorter chain is run faster than an index asked */
    /* So many of a chain's first rules are run one by one, if one of them fixes nothing: it has to
     * be run anyway, and often it is the one that accepts what is established. */
    FIRST_MAX = 8,
    DRAFTS_MAX = 64, /* shapes being considered */
};

struct draft {
    struct key mask;
    uint32_t bits; /* of it */
    uint32_t keys; /* how many rules' keys it is for */
};

struct build {
    struct arena *arena;
    const struct chain *chain;
    uint8_t family;
    enum index_kind kind;
    uint32_t first;
    struct draft draft[DRAFTS_MAX + 1]; /* the first is that of rules that fix nothing */
    uint32_t drafts;
    struct index *index; /* its shapes are as the drafts */
};

/* --- what rules want --- */

/* A rule with -p drops a packet without a protocol, and what stands behind -p may drop one without
 * an upper header. */
static void want_of(const struct build *b, const struct rule *rule, struct want *w)
{
    bool poor = b->kind == INDEX_POOR;

    *w = (struct want){.family = b->family};
    want_head(w, &rule->head, !poor);
    if (poor && rule->head.has_proto)
        return;
    for (uint16_t i = 0; i < rule->asked_count; i++) {
        const struct ext *x = rule->asked[i];

        if (!x->type->want || !x->type->want(x, w))
            return;
    }
}

static bool same_bits(const struct key *a, const struct key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool fixes_nothing(const struct want *w)
{
    static const struct key none;

    return same_bits(&w->pattern.mask, &none) && !w->ports[WANT_SRC].count &&
           !w->ports[WANT_DST].count;
}

/* The keys of a rule; they have one mask. */
struct keys {
    uint32_t position;
    struct key mask;
    uint32_t count;
    struct key value[KEYS_MAX];
};

/* One for each pair of ports; if these are too many, one for each destination. */
static void keys_of(const struct want *w, struct keys *k)
{
    const struct want_ports *src = &w->ports[WANT_SRC], *dst = &w->ports[WANT_DST];
    uint32_t sources = src->count * dst->count > KEYS_MAX ? 0 : src->count;

    k->count = 0;
    for (uint32_t s = 0; s == 0 || s < sources; s++)
        for (uint32_t d = 0; d == 0 || d < dst->count; d++) {
            struct pattern key = w->pattern;

            if (sources)
                pattern_add(&key, KEY_UPPER, key_upper(src->port[s], 0, 0),
                            key_upper(UINT16_MAX, 0, 0));
            if (dst->count)
                pattern_add(&key, KEY_UPPER, key_upper(0, dst->port[d], 0),
                            key_upper(0, UINT16_MAX, 0));
            k->mask = key.mask;
            k->value[k->count++] = key.value;
        }
}

typedef void take_keys(struct build *b, const struct keys *k);

static void all_keys(struct build *b, take_keys *take)
{
    for (uint32_t i = b->chain->rule_count; i-- > b->first;) {
        struct keys k = {.position = i};
        struct want w;

        want_of(b, &b->chain->rules[i], &w);
        keys_of(&w, &k);
        take(b, &k);
    }
}

/* --- shapes --- */

static uint32_t bits_of(const struct key *mask)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < KEY_WORDS; i++)
        n += (uint32_t)__builtin_popcountll(mask->word[i]);
    return n;
}

static struct key common(const struct key *a, const struct key *b)
{
    struct key both;

    for (unsigned i = 0; i < KEY_WORDS; i++)
        both.word[i] = a->word[i] & b->word[i];
    return both;
}

/* What it costs to use one mask for both: bits that keys lose. */
static uint64_t price(const struct draft *a, const struct draft *b)
{
    struct key both = common(&a->mask, &b->mask);
    uint32_t bits = bits_of(&both);

    return (uint64_t)(a->bits - bits) * a->keys + (uint64_t)(b->bits - bits) * b->keys;
}

/* The draft before `second` with which it is joined at the lowest price. */
static uint32_t cheapest(const struct build *b, uint32_t second, uint64_t *lowest)
{
    uint32_t best = 0;

    *lowest = UINT64_MAX;
    for (uint32_t i = 0; i < second; i++) {
        uint64_t p = price(&b->draft[i], &b->draft[second]);

        if (p < *lowest) {
            *lowest = p;
            best = i;
        }
    }
    return best;
}

static void join(struct build *b, uint32_t first, uint32_t second)
{
    struct draft *d = &b->draft[first];

    d->mask = common(&d->mask, &b->draft[second].mask);
    d->bits = bits_of(&d->mask);
    d->keys += b->draft[second].keys;
    b->draft[second] = b->draft[--b->drafts];
}

static void note_shape(struct build *b, const struct keys *k)
{
    uint64_t lowest;
    uint32_t i = 0;

    while (i < b->drafts && !same_bits(&b->draft[i].mask, &k->mask))
        i++;
    if (i == b->drafts)
        b->draft[b->drafts++] = (struct draft){k->mask, bits_of(&k->mask), 0};
    b->draft[i].keys += k->count;
    if (b->drafts > DRAFTS_MAX)
        join(b, cheapest(b, i, &lowest), i);
}

static void join_cheapest(struct build *b)
{
    uint32_t first = 0, second = 1;
    uint64_t lowest = UINT64_MAX;

    for (uint32_t i = 1; i < b->drafts; i++) {
        uint64_t p;
        uint32_t with = cheapest(b, i, &p);

        if (p < lowest) {
            lowest = p;
            first = with;
            second = i;
        }
    }
    join(b, first, second);
}

static void draft_shapes(struct build *b)
{
    b->draft[0] = (struct draft){.keys = 0};
    b->drafts = 1;
    all_keys(b, note_shape);
    while (b->drafts > SHAPES_MAX)
        join_cheapest(b);
}

/* The shape that keeps most of a mask. There is one: the first keeps nothing. */
static struct index_shape *shape_of(const struct build *b, const struct key *mask)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < b->drafts; i++) {
        struct key both = common(&b->draft[i].mask, mask);

        if (b->draft[i].bits > b->draft[best].bits && same_bits(&both, &b->draft[i].mask))
            best = i;
    }
    return &b->index->shapes[best];
}

/* --- tables --- */

static bool make_shapes(struct build *b)
{
    struct index *index =
        arena_take(b->arena, sizeof(*index) + b->drafts * sizeof(index->shapes[0]));

    if (!index)
        return false;
    index->first = b->first;
    index->shape_count = b->drafts;
    for (uint32_t i = 0; i < b->drafts; i++) {
        struct index_shape *shape = &index->shapes[i];

        shape->mask = b->draft[i].mask;
        shape->buckets = b->draft[i].bits && b->draft[i].keys ? b->draft[i].keys : 1;
        shape->heads = arena_take(b->arena, (shape->buckets + 1) * sizeof(*shape->heads));
        if (!shape->heads)
            return false;
    }
    b->index = index;
    return true;
}

static void count_keys(struct build *b, const struct keys *k)
{
    struct index_shape *shape = shape_of(b, &k->mask);

    for (uint32_t i = 0; i < k->count; i++)
        shape->heads[index_bucket(shape, index_hash(&shape->mask, &k->value[i], b->family))]++;
}

/* Counts become the buckets' ends. */
static bool make_entries(struct build *b)
{
    for (uint32_t i = 0; i < b->index->shape_count; i++) {
        struct index_shape *shape = &b->index->shapes[i];

        for (uint32_t bucket = 1; bucket <= shape->buckets; bucket++)
            shape->heads[bucket] += shape->heads[bucket - 1];
        shape->entries =
            arena_take(b->arena, shape->heads[shape->buckets] * sizeof(*shape->entries));
        if (!shape->entries)
            return false;
    }
    return true;
}

/* Each goes before what came before it, and the ends become beginnings. */
static void place_keys(struct build *b, const struct keys *k)
{
    struct index_shape *shape = shape_of(b, &k->mask);

    for (uint32_t i = 0; i < k->count; i++) {
        uint64_t hash = index_hash(&shape->mask, &k->value[i], b->family);
        uint32_t at = --shape->heads[index_bucket(shape, hash)];

        shape->entries[at] = (struct index_entry){index_tag(hash), k->position};
    }
}

/* --- one index --- */

static uint32_t rules_before(const struct build *b)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < FIRST_MAX && i < b->chain->rule_count; i++) {
        struct want w;

        want_of(b, &b->chain->rules[i], &w);
        if (fixes_nothing(&w))
            first = i + 1;
    }
    return first;
}

/* Does it spare a packet more rules than it has to look up? */
static bool is_worth_it(const struct build *b)
{
    uint32_t run = b->first + b->draft[0].keys + 2 * b->drafts;

    return run + RULES_MIN <= b->chain->rule_count;
}

/* *index stays NULL if the plain way is as good. False: no memory. */
static bool build_one(struct build *b, const struct index **index)
{
    b->first = rules_before(b);
    draft_shapes(b);
    if (!is_worth_it(b))
        return true;
    if (!make_shapes(b))
        return false;
    all_keys(b, count_keys);
    if (!make_entries(b))
        return false;
    all_keys(b, place_keys);
    *index = b->index;
    return true;
}

/* Do the rules want the same of all packets? */
static bool asks_no_protocol(const struct chain *chain)
{
    for (uint32_t i = 0; i < chain->rule_count; i++)
        if (chain->rules[i].head.has_proto)
            return false;
    return true;
}

bool index_build(struct arena *arena, uint8_t family, struct chain *chain)
{
    struct build b = {.arena = arena, .chain = chain, .family = family};

    if (chain->rule_count < RULES_MIN)
        return true;
    if (!build_one(&b, &chain->index[INDEX_WHOLE]))
        return false;
    if (asks_no_protocol(chain)) {
        chain->index[INDEX_POOR] = chain->index[INDEX_WHOLE];
        return true;
    }
    b.kind = INDEX_POOR;
    return build_one(&b, &chain->index[INDEX_POOR]);
}
