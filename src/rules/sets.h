/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets by name, as the match and the target see them.
 *
 * A set has a slot, which is what lists of sets and rules refer to: `swap` exchanges the contents
 * of two slots, and whoever refers to one sees the other's elements from then on, as in Linux.
 *
 * Time: elements with a timeout count from when their text was read, but sets know no clock then.
 * Theirs stands still until the first packet asks, and runs with the shard's from there on.
 */
#ifndef WEIR_RULES_SETS_H
#define WEIR_RULES_SETS_H

#include "base/random.h"
#include "rules/set/set.h"

enum { SET_DIRS_MAX = 6, SET_NO_SLOT = UINT16_MAX };

struct eval;

struct set_slot {
    char name[SET_NAME_SIZE]; /* empty: the slot is free */
    struct set *set;
    uint32_t users; /* rules */
    uint16_t next;  /* in the chain of its name's hash */
};

enum { SETS_CHAINS = 256 };

struct weir_sets {
    struct set_memory memory;
    struct set_slot *slots;
    uint32_t room, used; /* slots there are, and those that ever held a set, */
    uint32_t holes;      /* of which this many are free again */
    uint16_t chains[SETS_CHAINS];
    bool running; /* the clock */
    int64_t base; /* the shard's tick at which it started, and */
    int64_t now;  /* ticks since then */
};

/* Slot of a name, SET_NO_SLOT: there is none. */
uint16_t sets_find(const struct weir_sets *sets, const char *name);
/* NULL: the slot is free. */
static inline struct set *sets_at(const struct weir_sets *sets, uint16_t slot)
{
    return slot < sets->used ? sets->slots[slot].set : NULL;
}

/* A rule refers to a slot: its set can be neither destroyed nor renamed. Packets may add elements
 * to it (`open`): the hash gets a secret from `random`. False: no memory. */
bool sets_use(struct weir_sets *sets, uint16_t slot, bool open, struct random *random);
void sets_unuse(struct weir_sets *sets, uint16_t slot);

/* --- change by text: all of it, or nothing --- */

/* A copy to work on, in which sets can be exchanged for others. NULL: no memory. */
struct weir_sets *sets_draft(const struct weir_sets *sets);
/* It takes the place of what it was copied from; or it goes, and that stays. */
void sets_commit(struct weir_sets *sets, struct weir_sets *draft);
void sets_abandon(struct weir_sets *draft);
/* New ones, without any set. NULL: no memory. */
struct weir_sets *sets_new(const struct set_memory *memory);

/* Of a draft: */

/* A set that may be changed, in place of the one in the slot. NULL: no memory. */
struct set *sets_open(struct weir_sets *draft, uint16_t slot);
/* A slot for a set of this name; SET_NO_SLOT: no memory, or no slot is left. */
uint16_t sets_enter(struct weir_sets *draft, const char *name, struct set *set);
/* The slot's set goes for another, NULL: for none, and the slot is free. */
void sets_replace(struct weir_sets *draft, uint16_t slot, struct set *set);
void sets_rename(struct weir_sets *draft, uint16_t slot, const char *name);
void sets_swap(struct weir_sets *draft, uint16_t a, uint16_t b);
/* Does a rule or a list refer to it? */
bool sets_in_use(const struct weir_sets *draft, uint16_t slot);

/* --- packets --- */

enum set_compare_op { SET_CMP_NONE = 0, SET_CMP_EQ, SET_CMP_NE, SET_CMP_LT, SET_CMP_GT };

struct set_compare {
    enum set_compare_op op;
    uint64_t value;
};

/* What a packet is asked for, by "src,dst". */
struct set_dirs {
    uint8_t count;
    uint8_t source; /* bit by position: 1 means src */
};

struct set_ask {
    struct set_dirs dirs;
    bool no_count;        /* ! --update-counters */
    bool no_member_count; /* ! --update-subcounters */
    bool return_nomatch;  /* exceptions are what is looked for */
    bool find_info;       /* -j SET --map-set */
    struct set_compare packets, bytes;
    uint32_t len; /* of the packet; sets_match() fills it in */
    /* Out, for find_info: the element has something for packets. */
    bool has_info;
    struct set_info info;
};

/* Is the packet in the set at `slot`? Changes counters, and the time. */
bool sets_match(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_ask *ask);

/* Add the packet's element, or delete it. `timeout` NULL: the set's. */
bool sets_add_packet(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_dirs dirs,
                     bool exist, const uint32_t *timeout);
bool sets_del_packet(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_dirs dirs);

/* The time is the shard's tick. */
void sets_clock(struct weir_sets *sets, int64_t tick);

/* packet.c: the packet as an element of the set; false: it has no such part. */
bool set_elem_of_packet(const struct set *s, struct eval *e, struct set_dirs dirs,
                        struct set_elem *elem);

#endif
