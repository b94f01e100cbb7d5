/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/recent_list.h"

static uint8_t number_of(const struct recent_list *l, const struct recent_entry *entry)
{
    return (uint8_t)(entry - l->entries);
}

static int64_t *stamps_of(const struct recent_list *l, const struct recent_entry *entry)
{
    return l->stamps + (size_t)(number_of(l, entry) - 1) * l->ring;
}

static size_t stamps_size(uint32_t ring)
{
    return (size_t)RECENT_ADDRS * ring * sizeof(int64_t);
}

static uint8_t *chain_of(const struct track *t, struct recent_list *l,
                         const struct recent_entry *entry)
{
    uint64_t hash = hash_mix(&t->key, entry->family, entry->addr.half[0], entry->addr.half[1]);

    return &l->chains[hash_end(&t->key, hash) % RECENT_CHAINS];
}

/* --- the list --- */

static void empty(struct recent_list *l)
{
    memset(l->chains, 0, sizeof(l->chains));
    l->oldest = l->newest = l->used = l->free = 0;
}

void recent_list_init(struct recent_list *l, const union weir_addr *mask)
{
    l->mask = *mask;
}

static void release(struct world *w, struct recent_list *l)
{
    if (l->stamps)
        w->t->host.release(w->t->host.ctx, l->stamps, stamps_size(l->ring));
}

void recent_list_fini(struct world *w, void *list)
{
    release(w, list);
}

bool recent_list_fit(struct world *w, struct recent_list *l, uint32_t hits)
{
    uint32_t ring = RECENT_RING_MIN;

    while (ring < hits)
        ring *= 2;
    if (ring <= l->ring)
        return true;

    int64_t *stamps = w->t->host.reserve(w->t->host.ctx, stamps_size(ring));

    if (!stamps)
        return false;
    release(w, l);
    l->stamps = stamps;
    l->ring = ring;
    empty(l);
    return true;
}

/* --- the order of stamps --- */

static void order_remove(struct recent_list *l, const struct recent_entry *entry)
{
    *(entry->older ? &l->entries[entry->older].newer : &l->oldest) = entry->newer;
    *(entry->newer ? &l->entries[entry->newer].older : &l->newest) = entry->older;
}

static void order_append(struct recent_list *l, struct recent_entry *entry)
{
    uint8_t number = number_of(l, entry);

    entry->older = l->newest;
    entry->newer = 0;
    *(l->newest ? &l->entries[l->newest].newer : &l->oldest) = number;
    l->newest = number;
}

struct recent_entry *recent_list_oldest(struct recent_list *l)
{
    return l->oldest ? &l->entries[l->oldest] : NULL;
}

/* --- entries --- */

static struct recent_entry key(const struct recent_list *l, uint8_t family,
                               const union weir_addr *addr)
{
    struct recent_entry k = {.addr = *addr, .family = family};

    k.addr.half[0] &= l->mask.half[0];
    k.addr.half[1] &= l->mask.half[1];
    return k;
}

struct recent_entry *recent_list_find(const struct track *t, struct recent_list *l, uint8_t family,
                                      const union weir_addr *addr, uint8_t ttl)
{
    const struct recent_entry k = key(l, family, addr);

    for (uint8_t n = *chain_of(t, l, &k); n; n = l->entries[n].next) {
        struct recent_entry *entry = &l->entries[n];

        if (entry->family == k.family && entry->addr.half[0] == k.addr.half[0] &&
            entry->addr.half[1] == k.addr.half[1] && (!ttl || !entry->ttl || entry->ttl == ttl))
            return entry;
    }
    return NULL;
}

struct recent_entry *recent_list_add(const struct track *t, struct recent_list *l, uint8_t family,
                                     const union weir_addr *addr)
{
    if (!l->free && l->used == RECENT_ADDRS)
        recent_list_del(t, l, &l->entries[l->oldest]); /* it is full, so there is one */

    uint8_t number = l->free ? l->free : ++l->used;
    struct recent_entry *entry = &l->entries[number];

    if (number == l->free)
        l->free = entry->next;
    *entry = key(l, family, addr);

    uint8_t *chain = chain_of(t, l, entry);

    entry->next = *chain;
    *chain = number;
    order_append(l, entry);
    return entry;
}

void recent_list_del(const struct track *t, struct recent_list *l, struct recent_entry *entry)
{
    uint8_t number = number_of(l, entry), *link = chain_of(t, l, entry);

    while (*link != number)
        link = &l->entries[*link].next;
    *link = entry->next;
    order_remove(l, entry);
    entry->next = l->free;
    l->free = number;
}

void recent_list_stamp(const struct track *t, struct recent_list *l, struct recent_entry *entry,
                       uint8_t ttl)
{
    stamps_of(l, entry)[entry->place] = t->tick64;
    entry->place = (entry->place + 1) & (l->ring - 1);
    entry->count += entry->count < l->ring;
    entry->ttl = ttl;
    order_remove(l, entry);
    order_append(l, entry);
}

uint32_t recent_list_hits(const struct recent_list *l, const struct recent_entry *entry,
                          int64_t since, uint32_t enough)
{
    const int64_t *stamps = stamps_of(l, entry);
    uint32_t hits = 0;

    for (uint32_t i = 0; i < entry->count && hits < enough; i++)
        hits += stamps[i] >= since;
    return hits;
}

int64_t recent_list_last(const struct recent_list *l, const struct recent_entry *entry)
{
    return stamps_of(l, entry)[(entry->place - 1) & (l->ring - 1)];
}
