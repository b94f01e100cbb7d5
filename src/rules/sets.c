/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets by name; what packets ask and change; and how a text changes them all or not at all: it
 * works on a draft, which shares the sets that it does not touch with what it was copied from.
 */
#include "rules/sets.h"
#include "rules/eval.h"

enum { SLOTS_MIN = 16, SLOTS_MAX = SET_NO_SLOT - 1 };

/* --- names --- */

static uint32_t chain_of(const char *name)
{
    uint32_t hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (uint8_t)*name;
    return (hash ^ hash >> 8) % SETS_CHAINS;
}

/* Chains hold slots plus one, so that 0 ends them. */
uint16_t sets_find(const struct weir_sets *sets, const char *name)
{
    uint16_t at = sets->chains[chain_of(name)];

    while (at && strcmp(sets->slots[at - 1].name, name) != 0)
        at = sets->slots[at - 1].next;
    return at ? (uint16_t)(at - 1) : SET_NO_SLOT;
}

static void chain_in(struct weir_sets *sets, uint16_t slot)
{
    uint16_t *chain = &sets->chains[chain_of(sets->slots[slot].name)];

    sets->slots[slot].next = *chain;
    *chain = (uint16_t)(slot + 1);
}

static void chain_out(struct weir_sets *sets, uint16_t slot)
{
    uint16_t *at = &sets->chains[chain_of(sets->slots[slot].name)];

    while (*at != slot + 1)
        at = &sets->slots[*at - 1].next;
    *at = sets->slots[slot].next;
}

/* --- memory --- */

static void *reserve(const struct weir_sets *sets, size_t size)
{
    return sets->memory.reserve(sets->memory.ctx, size);
}

static void release(const struct weir_sets *sets, void *memory, size_t size)
{
    if (memory)
        sets->memory.release(sets->memory.ctx, memory, size);
}

static struct set_slot *slots_new(const struct weir_sets *sets, uint32_t room)
{
    struct set_slot *slots = reserve(sets, room * sizeof(*slots));

    if (slots && sets->slots)
        memcpy(slots, sets->slots, sets->used * sizeof(*slots));
    return slots;
}

static void slots_free(const struct weir_sets *sets)
{
    release(sets, sets->slots, sets->room * sizeof(*sets->slots));
}

struct weir_sets *sets_new(const struct set_memory *memory)
{
    struct weir_sets *sets = memory->reserve(memory->ctx, sizeof(*sets));

    if (sets)
        sets->memory = *memory;
    return sets;
}

WEIR_API void weir_sets_free(struct weir_sets *sets)
{
    if (!sets)
        return;

    struct set_memory memory = sets->memory;

    for (uint32_t i = 0; i < sets->used; i++)
        set_free(sets->slots[i].set);
    slots_free(sets);
    memory.release(memory.ctx, sets, sizeof(*sets));
}

/* --- drafts --- */

struct weir_sets *sets_draft(const struct weir_sets *sets)
{
    struct weir_sets *draft = reserve(sets, sizeof(*draft));

    if (!draft)
        return NULL;
    *draft = *sets;
    if (sets->room) {
        draft->slots = slots_new(sets, sets->room);
        if (!draft->slots) {
            release(sets, draft, sizeof(*draft));
            return NULL;
        }
    }
    return draft;
}

void sets_commit(struct weir_sets *sets, struct weir_sets *draft)
{
    struct weir_sets before = *sets;

    for (uint32_t i = 0; i < draft->used; i++)
        if (draft->slots[i].set)
            draft->slots[i].set->kept = true;
    for (uint32_t i = 0; i < before.used; i++)
        if (before.slots[i].set && !before.slots[i].set->kept)
            set_free(before.slots[i].set);
    *sets = *draft;
    for (uint32_t i = 0; i < sets->used; i++)
        if (sets->slots[i].set)
            sets->slots[i].set->kept = sets->slots[i].set->fresh = false;
    slots_free(&before);
    release(sets, draft, sizeof(*draft));
}

/* Of a draft: what it made goes, what it shares stays. */
static void let_go(struct set *set)
{
    if (set && set->fresh)
        set_free(set);
}

void sets_abandon(struct weir_sets *draft)
{
    struct set_memory memory = draft->memory;

    for (uint32_t i = 0; i < draft->used; i++)
        let_go(draft->slots[i].set);
    slots_free(draft);
    memory.release(memory.ctx, draft, sizeof(*draft));
}

struct set *sets_open(struct weir_sets *draft, uint16_t slot)
{
    struct set *set = draft->slots[slot].set;

    if (set->fresh)
        return set;
    set_clock(set, draft->now);
    set = set_copy(set, NULL);
    if (set)
        sets_replace(draft, slot, set);
    return set;
}

static bool grow(struct weir_sets *draft)
{
    uint32_t room = draft->room ? 2 * draft->room : SLOTS_MIN;
    struct set_slot *slots = draft->used < SLOTS_MAX ? slots_new(draft, room) : NULL;

    if (!slots)
        return false;
    slots_free(draft);
    draft->slots = slots;
    draft->room = room;
    return true;
}

/* The first one that is free. */
static uint16_t free_slot(struct weir_sets *draft)
{
    uint32_t slot = draft->holes ? 0 : draft->used;

    while (slot < draft->used && draft->slots[slot].set)
        slot++;
    if (slot < draft->used)
        draft->holes--;
    else if (draft->used == draft->room && !grow(draft))
        return SET_NO_SLOT;
    else
        draft->used++;
    return (uint16_t)slot;
}

uint16_t sets_enter(struct weir_sets *draft, const char *name, struct set *set)
{
    uint16_t slot = free_slot(draft);

    if (slot == SET_NO_SLOT)
        return slot;
    set->fresh = true;
    draft->slots[slot] = (struct set_slot){.set = set};
    memcpy(draft->slots[slot].name, name, strlen(name));
    chain_in(draft, slot);
    return slot;
}

void sets_replace(struct weir_sets *draft, uint16_t slot, struct set *set)
{
    let_go(draft->slots[slot].set);
    draft->slots[slot].set = set;
    if (set) {
        set->fresh = true;
        return;
    }
    chain_out(draft, slot);
    memset(&draft->slots[slot], 0, sizeof(draft->slots[slot]));
    draft->holes++;
}

void sets_rename(struct weir_sets *draft, uint16_t slot, const char *name)
{
    chain_out(draft, slot);
    memset(draft->slots[slot].name, 0, SET_NAME_SIZE);
    memcpy(draft->slots[slot].name, name, strlen(name));
    chain_in(draft, slot);
}

void sets_swap(struct weir_sets *draft, uint16_t a, uint16_t b)
{
    struct set *set = draft->slots[a].set;

    draft->slots[a].set = draft->slots[b].set;
    draft->slots[b].set = set;
}

static bool is_member(const struct set *list, uint16_t slot)
{
    uint64_t cursor = 0;
    uint16_t member;

    while (set_list_member(list, &cursor, &member))
        if (member == slot)
            return true;
    return false;
}

bool sets_in_use(const struct weir_sets *draft, uint16_t slot)
{
    if (draft->slots[slot].users)
        return true;
    for (uint32_t i = 0; i < draft->used; i++) {
        const struct set *set = draft->slots[i].set;

        if (set && set->head.type->ops == &set_list_ops && is_member(set, slot))
            return true;
    }
    return false;
}

/* --- rules --- */

/* Strangers will choose elements of the set. */
static bool give_secret(struct weir_sets *sets, uint16_t slot, struct random *random)
{
    struct set *set = sets_at(sets, slot);

    if (!set || set->keyed || set->head.type->ops != &set_hash_ops)
        return true;

    const uint64_t seed[2] = {random_u64(random), random_u64(random)};
    struct set *copy = set_copy(set, seed);

    if (!copy)
        return false;
    sets->slots[slot].set = copy;
    set_free(set);
    return true;
}

bool sets_use(struct weir_sets *sets, uint16_t slot, bool open, struct random *random)
{
    const struct set *set = sets_at(sets, slot);
    uint64_t cursor = 0;
    uint16_t member;

    if (!set)
        return true;
    if (open && !give_secret(sets, slot, random))
        return false;
    set = sets_at(sets, slot);
    while (open && set->head.type->ops == &set_list_ops && set_list_member(set, &cursor, &member))
        if (!give_secret(sets, member, random))
            return false;
    sets->slots[slot].users++;
    return true;
}

void sets_unuse(struct weir_sets *sets, uint16_t slot)
{
    if (sets_at(sets, slot))
        sets->slots[slot].users--;
}

/* --- packets --- */

void sets_clock(struct weir_sets *sets, int64_t tick)
{
    if (!sets->running) {
        sets->running = true;
        sets->base = tick - sets->now;
    }
    if (tick - sets->base > sets->now)
        sets->now = tick - sets->base;
}

/* The set at a slot, at the packet's time. */
static struct set *set_now(struct weir_sets *sets, uint16_t slot)
{
    struct set *s = sets_at(sets, slot);

    if (s)
        set_clock(s, sets->now);
    return s;
}

static bool ask_one(struct set *s, struct eval *e, struct set_ask *ask)
{
    struct set_elem elem;

    if (!s->head.type->ops->test || !set_elem_of_packet(s, e, ask->dirs, &elem))
        return false;

    enum set_found found = s->head.type->ops->test(s, &elem, ask);

    return found ==
           (ask->return_nomatch && s->head.type->traits & SET_NOMATCH ? SET_EXCEPTED : SET_FOUND);
}

/* Members do not compare counters: a list's own are compared. */
static bool ask_list(struct weir_sets *sets, struct set *list, struct eval *e, struct set_ask *ask)
{
    uint64_t cursor = 0;
    uint16_t slot;

    for (uint32_t ref; (ref = set_list_member(list, &cursor, &slot)) != 0;) {
        struct set *s = set_now(sets, slot);
        struct set_ask of_member = *ask;

        of_member.packets.op = of_member.bytes.op = SET_CMP_NONE;
        of_member.no_count = ask->no_count || ask->no_member_count;
        if (!s || !ask_one(s, e, &of_member))
            continue;
        ask->has_info = of_member.has_info;
        ask->info = of_member.info;
        if (set_visit(list, ref, ask))
            return true;
    }
    return false;
}

bool sets_match(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_ask *ask)
{
    sets_clock(sets, e->t->tick64);

    struct set *s = set_now(sets, slot);

    ask->len = e->p->ip.l3_len;
    ask->has_info = false;
    if (!s)
        return false;
    return s->head.type->ops == &set_list_ops ? ask_list(sets, s, e, ask) : ask_one(s, e, ask);
}

/* What a packet does to a set. */
struct change {
    struct eval *e;
    struct set_dirs dirs;
    bool add, exist;
    struct set_given given;
};

static bool change_one(struct set *s, const struct change *c)
{
    const struct set_ops *ops = s->head.type->ops;
    struct set_given given = c->given;
    struct set_elem elem;

    if (!ops->test || !set_elem_of_packet(s, c->e, c->dirs, &elem))
        return false;
    if (ops->widen)
        ops->widen(s, &elem);
    if (!c->add)
        return set_del(s, &elem) == SET_DONE;
    /* As in Linux: a bitmap's element that a packet adds again loses its comment. */
    if (s->head.type->traits & SET_HASHED)
        given.flags |= GIVEN_KEEP_COMMENT;
    return set_add(s, &elem, &given, c->exist) == SET_DONE;
}

/* A list passes it on to the first member in which something changes. */
static bool change(struct weir_sets *sets, uint16_t slot, const struct change *c)
{
    uint64_t cursor = 0;

    sets_clock(sets, c->e->t->tick64);

    struct set *s = set_now(sets, slot);

    if (!s || s->head.type->ops != &set_list_ops)
        return s && change_one(s, c);
    while (set_list_member(s, &cursor, &slot)) {
        struct set *member = set_now(sets, slot);

        if (member && change_one(member, c))
            return true;
    }
    return false;
}

bool sets_add_packet(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_dirs dirs,
                     bool exist, const uint32_t *timeout)
{
    struct change c = {.e = e, .dirs = dirs, .add = true, .exist = exist};

    c.given.flags = GIVEN_PACKETS | GIVEN_BYTES | (timeout ? GIVEN_TIMEOUT : 0u);
    c.given.packets = 1;
    c.given.bytes = e->p->ip.l3_len;
    c.given.timeout = timeout ? *timeout : 0;
    return change(sets, slot, &c);
}

bool sets_del_packet(struct weir_sets *sets, uint16_t slot, struct eval *e, struct set_dirs dirs)
{
    const struct change c = {.e = e, .dirs = dirs};

    return change(sets, slot, &c);
}
