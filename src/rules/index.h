/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index of a chain: which of its rules could match a packet.
 *
 * Running a chain rule by rule costs what the chain is long. But most rules of a long chain fix an
 * address, a port, an interface, and a packet that has another one passes them without a trace: no
 * counter, no state, no message. Such rules need not be looked at. An index says which must: it
 * may name a rule that does not match, since what it names is run in full by the plain code, but it
 * never leaves out one that does.
 *
 * This is tuple space search. What a rule wants of a packet (want.h) is a mask over a key's bits
 * and their value. Rules with the same mask have the same *shape*, and one hash table, from the
 * masked key to their positions in the chain; rules that fix nothing have the empty mask and are
 * all in one bucket. A packet's key is masked and looked up once for each shape, and what is found
 * is merged into one ascending sequence, so that rules are met in the chain's order. A chain of a
 * hundred thousand rules has mostly one to five shapes. There are SHAPES_MAX at most: where rules
 * have more, the shapes that lose least by it are replaced by what their masks have in common. That
 * is always right, as is leaving a field out altogether: it names more rules, not fewer. For the
 * same reason a table keeps 32 bits of a key's hash and not the key.
 *
 * Whoever chooses the addresses that rules name can fill one bucket with them. It is gone through
 * in order, so that a packet then pays for it what it would have paid without an index, or less.
 *
 * What may be left out depends on the packet. Rules drop a packet that lacks some of the header
 * they ask about (iptables reference, 1.9) whichever port they look for; so for these packets there
 * is an index of their own, in which no rule wants anything behind its -p (enum index_kind).
 *
 * An index takes 12 bytes for each key of a rule. Most rules have one; a list of ports has up to
 * KEYS_MAX.
 */
#ifndef WEIR_RULES_INDEX_H
#define WEIR_RULES_INDEX_H

#include "base/arena.h"
#include "base/hash.h"
#include "rules/want.h"

struct chain;

enum { SHAPES_MAX = 16, KEYS_MAX = WANT_PORTS_MAX };

/* What a packet has. */
enum index_kind {
    INDEX_WHOLE = 0, /* all of the upper header that its protocol's matches ask about, if any do */
    INDEX_POOR,      /* not that: a later fragment, or cut; or (IPv6) not even a protocol */
    INDEX_KINDS
};

struct index_entry {
    uint32_t tag; /* of the key's hash */
    uint32_t position;
};

struct index_shape {
    struct key mask;
    uint32_t buckets;
    uint32_t *heads; /* where each bucket begins in `entries`, and where the last one ends */
    struct index_entry *entries; /* those of a bucket by position */
};

struct index {
    uint32_t first; /* rules before it are not in here: they are run one by one */
    uint32_t shape_count;
    struct index_shape shapes[];
};

/*
 * Make those of a chain, in the ruleset's memory: chain->index, NULL where the plain way is as
 * good. False: no memory.
 */
bool index_build(struct arena *arena, uint8_t family, struct chain *chain);

/* The hash of those bits of a key that a shape looks at. */
static inline uint64_t index_hash(const struct key *mask, const struct key *key, uint8_t family)
{
    const uint64_t *k = key->word, *m = mask->word;
    uint64_t h = hash_fold((k[KEY_UPPER] & m[KEY_UPPER]) ^ 0x9e3779b97f4a7c15u,
                           (k[KEY_LINK] & m[KEY_LINK]) ^ 0xd1342543de82ef95u);

    h = hash_fold((k[KEY_ADDR] & m[KEY_ADDR]) ^ h, 0xbf58476d1ce4e5b9u);
    if (family == 4)
        return h;
    h = hash_fold((k[KEY_ADDR + 1] & m[KEY_ADDR + 1]) ^ h, 0x94d049bb133111ebu);
    return hash_fold((k[KEY_ADDR + 2] & m[KEY_ADDR + 2]) ^ h,
                     (k[KEY_ADDR + 3] & m[KEY_ADDR + 3]) ^ 0x2545f4914f6cdd1du);
}

static inline uint32_t index_bucket(const struct index_shape *shape, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * shape->buckets >> 32);
}

static inline uint32_t index_tag(uint64_t hash)
{
    return (uint32_t)hash;
}

/* --- using one --- */

#define INDEX_END UINT32_MAX

/* What is left of a bucket: the first is the packet's. */
struct index_cursor {
    const struct index_entry *at, *end;
};

struct index_cursors {
    uint32_t count;
    struct index_cursor cursor[SHAPES_MAX];
};

/* The rules from position `from` (not before index->first) on that could match. */
void index_find(const struct index *index, uint8_t family, const struct key *key, uint32_t from,
                struct index_cursors *cursors);

/* The next of them, INDEX_END: there is none. */
uint32_t index_next(struct index_cursors *cursors);

#endif
