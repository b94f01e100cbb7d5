/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists of -m recent: addresses, each with the times at which it was last stamped.
 *
 * A list is shared by all rules that name it, of both families, and lives while one does. It holds
 * 100 addresses; a new one takes the place of the one that was stamped longest ago. How many stamps
 * an address keeps is a power of two that is enough for every rule (the ring).
 *
 * Entries are numbered from 1; they stand in chains by the hash of their address, and in one order
 * by their last stamp.
 */
#ifndef WEIR_RULES_MATCH_RECENT_LIST_H
#define WEIR_RULES_MATCH_RECENT_LIST_H

#include "rules/named.h"

enum {
    RECENT_ADDRS = 100,   /* as Linux with its parameters left alone: ip_list_tot */
    RECENT_RING_MIN = 32, /* what ip_pkt_list_tot, 20, comes to */
    RECENT_HITS_MAX = UINT16_MAX,
    RECENT_CHAINS = 128
};

struct recent_entry {
    union weir_addr addr; /* masked */
    uint8_t family, ttl;  /* ttl: of the packet that stamped it last */
    uint8_t next;         /* in its chain */
    uint8_t older, newer; /* in the order of stamps */
    uint32_t count;       /* stamps, at most the ring */
    uint32_t place;       /* in the ring, of the next stamp */
};

struct recent_list {
    union weir_addr mask;
    uint32_t ring;   /* stamps for each entry, a power of two; 0: none yet */
    int64_t *stamps; /* ticks: [(entry - 1) * ring + place] */
    uint8_t chains[RECENT_CHAINS];
    uint8_t oldest, newest;
    uint8_t used; /* entries ever given out */
    uint8_t free; /* chain of those given back, by `next` */
    struct recent_entry entries[RECENT_ADDRS + 1];
};

/* A list that named_get() has just made. */
void recent_list_init(struct recent_list *l, const union weir_addr *mask);
void recent_list_fini(struct world *w, void *list);

/* Make sure that `hits` stamps can be counted. A ring that must grow loses all that is in the list.
 * False: no memory. */
bool recent_list_fit(struct world *w, struct recent_list *l, uint32_t hits);

/* The entry of an address, which is masked here; `ttl` 0: any. NULL: there is none. */
struct recent_entry *recent_list_find(const struct track *t, struct recent_list *l, uint8_t family,
                                      const union weir_addr *addr, uint8_t ttl);
/* A new entry, not stamped yet. */
struct recent_entry *recent_list_add(const struct track *t, struct recent_list *l, uint8_t family,
                                     const union weir_addr *addr);
void recent_list_stamp(const struct track *t, struct recent_list *l, struct recent_entry *entry,
                       uint8_t ttl);
void recent_list_del(const struct track *t, struct recent_list *l, struct recent_entry *entry);

/* How many stamps are not before `since`; counting ends at `enough`. */
uint32_t recent_list_hits(const struct recent_list *l, const struct recent_entry *entry,
                          int64_t since, uint32_t enough);

/* When it was stamped last. */
int64_t recent_list_last(const struct recent_list *l, const struct recent_entry *entry);

/* The entry that was stamped longest ago; NULL: the list is empty. */
struct recent_entry *recent_list_oldest(struct recent_list *l);

#endif
