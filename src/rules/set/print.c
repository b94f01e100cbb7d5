/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets as `ipset save -sorted` writes them (7.17): first all that are no lists, then the lists,
 * each in the order of slots. The elements of hash sets are sorted, those of the others have an
 * order.
 *
 * Two numbers of hash sets are chance in Linux. Its hashsize grows with the set, and here stays
 * what was given; initval is printed when it was given.
 */
#include "base/arena.h"
#include "rules/ext.h"
#include "rules/set/icmp_names.h"
#include "rules/set/sort.h"
#include "rules/sets.h"

enum { LINE_SIZE = 768 }; /* more than the longest element with all extras, and a comment */

/* --- "create" --- */

static void print_masks(struct text *out, const struct set_head *head)
{
    if (head->netmask)
        text_addf(out, " netmask %u", head->netmask);
    if (head->has_bitmask) {
        text_add(out, " bitmask ");
        text_addr(out, head->family, &head->mask);
    }
}

static void print_range(struct text *out, const struct set_head *head)
{
    union weir_addr first = {.v4 = BE32(head->first)}, last = {.v4 = BE32(head->last)};

    if (head->type->part[0] == SET_PORT) {
        text_addf(out, " range %u-%u", head->first, head->last);
        return;
    }
    text_add(out, " range ");
    text_addr(out, 4, &first);
    text_char(out, '-');
    text_addr(out, 4, &last);
}

/* Linux's buckets grow by pairs for interfaces of one network. */
static unsigned bucketsize(const struct set *s)
{
    return max_u32(s->head.bucketsize, (s->hash.ifaces + 1) & ~1u);
}

static void print_create(struct text *out, const char *name, const struct set *s)
{
    const struct set_head *head = &s->head;
    uint16_t traits = head->type->traits;

    text_add(out, "create ");
    text_add(out, name);
    text_char(out, ' ');
    text_add(out, head->type->name);
    if (traits & SET_HASHED) {
        if (head->family)
            text_add(out, head->family == 6 ? " family inet6" : " family inet");
        if (traits & SET_MARKMASKED)
            text_addf(out, " markmask 0x%08x", head->markmask);
        text_addf(out, " hashsize %u maxelem %u", head->hashsize, head->maxelem);
    }
    if (traits & SET_RANGED)
        print_range(out, head);
    if (traits & SET_SIZED)
        text_addf(out, " size %u", head->size);
    if (!(traits & SET_MASK_LAST))
        print_masks(out, head);
    if (head->timeouts)
        text_addf(out, " timeout %u", head->timeout);
    text_add(out, head->counters ? " counters" : "");
    text_add(out, head->comments ? " comment" : "");
    text_add(out, head->infos ? " skbinfo" : "");
    if (traits & SET_HASHED) {
        text_addf(out, " bucketsize %u", bucketsize(s));
        if (head->has_initval)
            text_addf(out, " initval 0x%08x", head->initval);
    }
    if (traits & SET_MASK_LAST)
        print_masks(out, head);
    text_char(out, '\n');
}

/* --- "add" --- */

static void print_net(struct text *out, uint8_t family, const union weir_addr *addr, uint8_t prefix)
{
    text_addr(out, family, addr);
    if (prefix < set_full_prefix(family))
        text_addf(out, "/%u", prefix);
}

static void print_port(struct text *out, const struct set_head *head, const struct set_elem *e)
{
    bool icmp = e->proto == (head->family == 6 ? 58 : 1);
    const char *name = icmp ? set_icmp_name(head->family, e->port) : NULL;

    if (head->type->parts > 1) {
        print_proto(out, e->proto);
        text_char(out, ':');
    }
    if (name)
        text_add(out, name);
    else if (icmp)
        text_addf(out, "%u/%u", e->port >> 8, e->port & UINT8_MAX);
    else
        text_number(out, e->port);
}

static void print_mac(struct text *out, const struct set_elem *e)
{
    for (unsigned i = 0; i < SET_MAC_SIZE; i++)
        text_addf(out, i ? ":%02X" : "%02X", e->mac[i]);
}

static void print_part(struct text *out, const struct weir_sets *sets, const struct set_head *head,
                       enum set_part part, unsigned addr, const struct set_elem *e)
{
    switch (part) {
    case SET_IP:
    case SET_NET: print_net(out, head->family, &e->addr[addr], e->prefix[addr]); return;
    case SET_PORT: print_port(out, head, e); return;
    case SET_MAC: print_mac(out, e); return;
    case SET_MARK: text_addf(out, "0x%08x", e->mark); return;
    case SET_IFACE:
        text_add(out, e->flags & ELEM_PHYSDEV ? "physdev:" : "");
        text_add(out, e->iface);
        return;
    case SET_MEMBER: text_add(out, sets->slots[e->member].name); return;
    case SET_NO_PART: return;
    }
}

static void print_elem(struct text *out, const struct weir_sets *sets, const struct set_head *head,
                       const struct set_elem *e)
{
    for (unsigned i = 0; i < head->type->parts; i++) {
        enum set_part part = (enum set_part)head->type->part[i];

        if (part == SET_MAC && !(e->flags & ELEM_HAS_MAC))
            return;
        if (i)
            text_char(out, ',');
        print_part(out, sets, head, part, i > 0, e);
    }
}

static void print_info(struct text *out, const struct set_info *info)
{
    if (info->mark || info->mark_mask) {
        text_addf(out, " skbmark 0x%x", info->mark);
        if (info->mark_mask != UINT32_MAX)
            text_addf(out, "/0x%x", info->mark_mask);
    }
    if (info->priority)
        text_addf(out, " skbprio %x:%x", info->priority >> 16, info->priority & UINT16_MAX);
    if (info->queue)
        text_addf(out, " skbqueue %u", info->queue);
}

static void print_extras(struct text *out, const struct set *s, uint32_t ref,
                         const struct set_elem *e, int64_t now)
{
    const uint8_t *x = s->head.type->ops->extras(s, ref);

    if (s->head.timeouts)
        text_addf(out, " timeout %u", set_remaining(s, x, now));
    text_add(out, e->flags & ELEM_NOMATCH ? " nomatch" : "");
    text_add(out, e->flags & ELEM_WILDCARD ? " wildcard" : "");
    if (s->head.counters) {
        struct weir_rules_count counts = set_counts(s, x);

        text_addf(out, " packets %llu bytes %llu", (unsigned long long)counts.packets,
                  (unsigned long long)counts.bytes);
    }
    if (s->head.comments && *set_get_comment(s, x)) {
        text_add(out, " comment \"");
        text_add(out, set_get_comment(s, x));
        text_char(out, '"');
    }
    if (s->head.infos) {
        struct set_info info = set_get_info(s, x);

        print_info(out, &info);
    }
}

/* --- sets --- */

struct printing {
    const struct weir_sets *sets;
    int64_t now;
    struct text *out;
};

/* The next element that is not expired, as text. False: no more. */
static bool next_line(const struct printing *p, const struct set *s, uint64_t *cursor, char *line)
{
    const struct set_ops *ops = s->head.type->ops;
    struct set_elem e;
    struct text text;
    uint32_t ref;

    do {
        ref = ops->next(s, cursor);
        if (!ref)
            return false;
    } while (set_expired_at(s, ops->extras(s, ref), p->now));
    ops->read(s, ref, &e);
    text_into(&text, line, LINE_SIZE);
    print_elem(&text, p->sets, &s->head, &e);
    print_extras(&text, s, ref, &e, p->now);
    return true;
}

static void print_line(const struct printing *p, const char *name, const char *line)
{
    text_add(p->out, "add ");
    text_add(p->out, name);
    text_char(p->out, ' ');
    text_add(p->out, line);
    text_char(p->out, '\n');
}

static void print_as_is(const struct printing *p, const char *name, const struct set *s)
{
    char line[LINE_SIZE];
    uint64_t cursor = 0;

    while (next_line(p, s, &cursor, line))
        print_line(p, name, line);
}

/* Needs memory for all lines. False: there is none. */
static bool print_sorted(const struct printing *p, const char *name, const struct set *s)
{
    const struct set_memory *m = &p->sets->memory;
    struct arena arena;
    char line[LINE_SIZE];
    uint64_t cursor = 0;
    size_t n = 0;

    arena_init(&arena, m->reserve, m->release, m->ctx);
    const char **lines = arena_take(&arena, 2 * (size_t)s->count * sizeof(*lines));

    while (!arena.failed && n < s->count && next_line(p, s, &cursor, line))
        lines[n++] = arena_text(&arena, line, strlen(line));
    if (!arena.failed) {
        set_sort_lines(lines, lines + s->count, n);
        for (size_t i = 0; i < n; i++)
            print_line(p, name, lines[i]);
    }
    arena_fini(&arena);
    return !arena.failed;
}

static void print_set(const struct printing *p, const char *name, const struct set *s)
{
    bool sorted = s->count > 1 && s->head.type->traits & SET_HASHED;

    print_create(p->out, name, s);
    if (!sorted || !print_sorted(p, name, s))
        print_as_is(p, name, s);
}

WEIR_API void weir_sets_print(const struct weir_sets *sets, struct weir_time now,
                              weir_rules_write *write, void *ctx)
{
    int64_t tick = now.ns / WEIR_TICK_NS - sets->base;
    struct text out;
    struct printing p = {sets, sets->running && tick > sets->now ? tick : sets->now, &out};

    text_to(&out, write, ctx);
    for (unsigned lists = 0; lists < 2; lists++)
        for (uint32_t i = 0; i < sets->used; i++) {
            const struct set_slot *slot = &sets->slots[i];

            if (slot->set && (slot->set->head.type->ops == &set_list_ops) == lists)
                print_set(&p, slot->name, slot->set);
        }
}
