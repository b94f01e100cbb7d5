/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands of a text: create, add, del, flush, destroy, rename and swap (ipset(8)). Messages
 * are those of the ipset command.
 */
#include "rules/set/read.h"

enum {
    NETS_OF_RANGE_MAX = 62, /* networks that a range of IPv4 addresses can be cut into */
    SPAN_MAX = 1 << 24,     /* elements of one line: within a second's work */
};

/* --- naming a set --- */

static bool read_name(struct set_reader *r, const struct set_word *word)
{
    return strlen(word->text) < SET_NAME_SIZE ||
           set_fail(r, word, "Syntax error: setname '%s' is longer than %d characters", word->text,
                    SET_NAME_SIZE - 1);
}

/* The set a command is about. Lines about one set mostly follow each other. */
static bool read_set(struct set_reader *r, const char *missing, uint16_t *slot)
{
    const struct set_word *word = set_next_word(r);
    struct weir_sets *draft = r->draft;

    if (!word)
        return set_fail(r, NULL, "%s", missing);
    if (!read_name(r, word))
        return false;
    if (!sets_at(draft, r->slot) || strcmp(draft->slots[r->slot].name, word->text) != 0)
        r->slot = *word->text ? sets_find(draft, word->text) : SET_NO_SLOT;
    *slot = r->slot;
    if (*slot != SET_NO_SLOT)
        return true;
    set_fail(r, word, "The set with the given name does not exist");
    set_hint(r, "a line \"create %s TYPE\" must come first", word->text);
    return false;
}

static bool line_ends(struct set_reader *r)
{
    const struct set_word *word = set_next_word(r);

    return !word || set_fail(r, word, "Unknown argument %s", word->text);
}

/* --- create --- */

/* Linux lets the same be created again where it differs only in what is for speed. */
static bool same_head(const struct set_head *a, const struct set_head *b)
{
    return a->type == b->type && a->family == b->family && a->timeouts == b->timeouts &&
           a->timeout == b->timeout && a->counters == b->counters && a->comments == b->comments &&
           a->infos == b->infos && a->maxelem == b->maxelem && a->markmask == b->markmask &&
           a->first == b->first && a->last == b->last &&
           memcmp(&a->mask, &b->mask, sizeof(a->mask)) == 0;
}

static bool create(struct set_reader *r)
{
    const struct set_word *word = set_next_word(r);
    struct set_head head;

    if (!word)
        return set_fail(r, NULL, "Missing mandatory argument to command create");
    if (!read_name(r, word))
        return false;
    if (!*word->text)
        return set_fail(r, word, "Missing mandatory argument to command create");
    if (!set_read_head(r, &head))
        return false;

    uint16_t slot = sets_find(r->draft, word->text);

    if (slot != SET_NO_SLOT)
        return (r->exist && same_head(&r->draft->slots[slot].set->head, &head)) ||
               set_fail(r, word, "Set cannot be created: set with the same name already exists");

    struct set *set = set_new(&head, &r->draft->memory, r->draft->now, NULL);

    if (!set)
        return set_fail_memory(r);
    if (sets_enter(r->draft, word->text, set) == SET_NO_SLOT) {
        set_free(set);
        return set_fail_memory(r);
    }
    return true;
}

/* --- add and del --- */

struct change {
    struct set *set;
    const struct set_word *word; /* the element */
    bool add, exist;
    struct set_given given;
};

static bool refused(struct set_reader *r, const struct change *c, enum set_result why)
{
    switch (why) {
    case SET_DONE: return true;
    case SET_EXISTS:
        return set_fail(r, c->word, "Element cannot be added to the set: it's already added");
    case SET_FULL:
        set_fail(r, c->word, "Hash is full, cannot add more elements");
        set_hint(r, "create the set with a larger maxelem than %u", c->set->head.maxelem);
        return false;
    case SET_OUTSIDE: return set_fail(r, c->word, "Element is out of the range of the set");
    case SET_ZERO:
        return set_fail(r, c->word, "Null-valued element, cannot be stored in a hash type of set");
    case SET_MISSING:
        return set_fail(r, c->word, "Element cannot be deleted from the set: it's not added");
    case SET_ALONE:
        return set_fail(r, c->word,
                        "The set to which you referred with 'before' or 'after' is "
                        "not added to the set.");
    }
    return false;
}

static bool apply(struct set_reader *r, const struct change *c, const struct set_elem *elem)
{
    struct set_elem e = *elem;

    if (c->add)
        return refused(r, c, set_add(c->set, &e, &c->given, c->exist));

    enum set_result result = set_del(c->set, &e);

    return (c->exist && result == SET_MISSING) || refused(r, c, result);
}

/*
 * Each element that a span stands for, the first address counting slowest. Ranges of addresses go
 * in steps of the set's netmask; ranges in sets of networks are cut into the fewest networks.
 */
static bool each_port(struct set_reader *r, const struct change *c, const struct set_span *span,
                      struct set_elem *e);
static bool each_addr(struct set_reader *r, const struct change *c, const struct set_span *span,
                      struct set_elem *e, unsigned addr);

static bool each_next(struct set_reader *r, const struct change *c, const struct set_span *span,
                      struct set_elem *e, unsigned addr)
{
    return addr == 0 ? each_port(r, c, span, e) : apply(r, c, e);
}

/* The largest network that begins at `first` and ends at or before `last`: its length. */
static uint8_t largest_net(uint32_t first, uint32_t last)
{
    unsigned bits = first ? (unsigned)__builtin_ctz(first) : 31;

    while (bits && (uint64_t)first + (1ULL << bits) - 1 > last)
        bits--;
    return (uint8_t)(32 - bits);
}

static bool each_addr(struct set_reader *r, const struct change *c, const struct set_span *span,
                      struct set_elem *e, unsigned addr)
{
    const struct set_head *head = &c->set->head;
    enum set_part part = (enum set_part)head->type->part[addr ? head->type->parts - 1u : 0u];

    if (!span->many[addr])
        return each_next(r, c, span, e, addr);

    uint8_t len = addr == 0 && head->netmask && part == SET_IP ? head->netmask : 32;
    uint64_t at = BE32(span->first.addr[addr].v4);

    at &= UINT64_MAX << (32 - len);
    while (at <= span->last_addr[addr]) {
        if (part == SET_NET)
            len = largest_net((uint32_t)at, span->last_addr[addr]);
        e->addr[addr].v4 = BE32((uint32_t)at);
        e->prefix[addr] = part == SET_NET ? len : 32;
        if (!each_next(r, c, span, e, addr))
            return false;
        at += 1ULL << (32 - len);
    }
    return true;
}

static bool each_port(struct set_reader *r, const struct change *c, const struct set_span *span,
                      struct set_elem *e)
{
    if (!span->many_ports)
        return each_addr(r, c, span, e, 1);
    for (uint32_t port = span->first.port; port <= span->last_port; port++) {
        e->port = (uint16_t)port;
        if (!each_addr(r, c, span, e, 1))
            return false;
    }
    return true;
}

/* Of how many elements a span can be, at most. */
static uint64_t span_size(const struct set_head *head, const struct set_span *span)
{
    uint64_t size = span->many_ports ? (uint64_t)(span->last_port - span->first.port) + 1 : 1;

    for (unsigned i = 0; i < SET_ADDRS_MAX; i++) {
        unsigned bits = i == 0 && head->netmask ? 32 - head->netmask : 0;
        uint32_t first = BE32(span->first.addr[i].v4);

        if (!span->many[i])
            continue;
        size *= head->type->part[i ? head->type->parts - 1u : 0u] == SET_NET
                    ? NETS_OF_RANGE_MAX
                    : (span->last_addr[i] >> bits) - (first >> bits) + UINT64_C(1);
    }
    return size;
}

static bool change(struct set_reader *r, bool add)
{
    struct change c = {.add = add, .exist = r->exist};
    struct set_span span;
    uint16_t slot = 0;

    if (!read_set(r,
                  add ? "Missing mandatory argument to command add"
                      : "Missing mandatory argument to command del",
                  &slot))
        return false;

    const struct set_head *head = &r->draft->slots[slot].set->head;

    c.word = set_next_word(r);
    if (!c.word)
        return set_fail(r, NULL, "Missing second mandatory argument to command %s",
                        add ? "add" : "del");
    if (!set_read_elem(r, head, c.word, &span) ||
        !(add ? set_read_given(r, head, &span.first, &c.given)
              : set_read_place(r, head, &span.first)))
        return false;
    if (span_size(head, &span) > SPAN_MAX) {
        set_fail(r, c.word, "The range you specified exceeds the size limit of the set type");
        set_hint(r, "one line may stand for %u elements at most", SPAN_MAX);
        return false;
    }
    /* Elements of a range that a bitmask makes equal are one. */
    c.exist |= head->has_bitmask && span.many[0];
    c.set = sets_open(r->draft, slot);
    if (!c.set)
        return set_fail_memory(r);
    if (!add && span.first.flags & (ELEM_BEFORE | ELEM_AFTER) &&
        !set_list_beside(c.set, &span.first))
        return refused(r, &c, SET_ALONE);

    struct set_elem e = span.first;

    return each_addr(r, &c, &span, &e, 0);
}

static bool add(struct set_reader *r)
{
    return change(r, true);
}

static bool del(struct set_reader *r)
{
    return change(r, false);
}

/* --- whole sets --- */

static bool flush_one(struct set_reader *r, uint16_t slot)
{
    struct weir_sets *draft = r->draft;
    struct set *set = set_new(&draft->slots[slot].set->head, &draft->memory, draft->now, NULL);

    if (!set)
        return set_fail_memory(r);
    sets_replace(draft, slot, set);
    return true;
}

static bool destroy_one(struct set_reader *r, const struct set_word *word, uint16_t slot)
{
    if (sets_in_use(r->draft, slot)) {
        set_fail(r, word, "Set cannot be destroyed: it is in use by a kernel component");
        set_hint(r, "a rule or a list of sets refers to it");
        return false;
    }
    sets_replace(r->draft, slot, NULL);
    return true;
}

static bool flush(struct set_reader *r)
{
    uint16_t slot = 0;

    if (r->next < r->count)
        return read_set(r, "", &slot) && line_ends(r) && flush_one(r, slot);
    for (uint32_t i = 0; i < r->draft->used; i++)
        if (sets_at(r->draft, (uint16_t)i) && !flush_one(r, (uint16_t)i))
            return false;
    return true;
}

static bool destroy(struct set_reader *r)
{
    const struct set_word *word = r->next < r->count ? &r->words[r->next] : NULL;
    uint16_t slot = 0;

    if (word)
        return read_set(r, "", &slot) && line_ends(r) && destroy_one(r, word, slot);
    /* Lists go first, so that what is only in them may go too. */
    for (unsigned lists = 2; lists-- > 0;)
        for (uint32_t i = 0; i < r->draft->used; i++) {
            const struct set *set = sets_at(r->draft, (uint16_t)i);

            if (set && (set->head.type->ops == &set_list_ops) == lists &&
                !destroy_one(r, NULL, (uint16_t)i))
                return false;
        }
    return true;
}

static bool rename_set(struct set_reader *r)
{
    uint16_t slot = 0;

    if (!read_set(r, "Missing mandatory argument to command rename", &slot))
        return false;
    const struct set_word *name = set_next_word(r);

    if (!name || !*name->text)
        return set_fail(r, name, "Missing second mandatory argument to command rename");
    if (!line_ends(r) || !read_name(r, name))
        return false;
    if (sets_in_use(r->draft, slot))
        return set_fail(r, name, "Set cannot be renamed: it is in use by another system");
    if (sets_find(r->draft, name->text) != SET_NO_SLOT)
        return set_fail(r, name, "Set cannot be renamed: a set with the new name already exists");
    sets_rename(r->draft, slot, name->text);
    return true;
}

static bool swap(struct set_reader *r)
{
    uint16_t a = 0, b;

    if (!read_set(r, "Missing mandatory argument to command swap", &a))
        return false;
    const struct set_word *other = set_next_word(r);

    if (!other)
        return set_fail(r, NULL, "Missing second mandatory argument to command swap");
    if (!line_ends(r))
        return false;
    b = *other->text ? sets_find(r->draft, other->text) : SET_NO_SLOT;
    if (b == SET_NO_SLOT)
        return set_fail(r, other, "Sets cannot be swapped: the second set does not exist");

    const struct set_head *x = &r->draft->slots[a].set->head, *y = &r->draft->slots[b].set->head;

    if (x->type != y->type || x->family != y->family)
        return set_fail(r, other, "The sets cannot be swapped: their type does not match");
    sets_swap(r->draft, a, b);
    return true;
}

/* --- which there are --- */

/* In ipset's order: what a beginning stands for is the first that begins so. */
static const struct command {
    const char *name;
    char letter;                       /* "-A" */
    bool also;                         /* the letter in lower case is a command too */
    bool (*run)(struct set_reader *r); /* NULL: it has no place in a text */
} commands[] = {
    {"create", 'N', true, create},   {"add", 'A', false, add},
    {"del", 'D', false, del},        {"test", 'T', false, NULL},
    {"destroy", 'X', true, destroy}, {"list", 'L', false, NULL},
    {"save", 'S', false, NULL},      {"restore", 'R', false, NULL},
    {"flush", 'F', false, flush},    {"rename", 'E', true, rename_set},
    {"swap", 'W', true, swap},       {"help", 'H', false, NULL},
    {"version", 'V', false, NULL},
};

static bool is_command(const struct command *c, const char *name)
{
    size_t len = strlen(name);

    if (len == 1 && c->also && text_lower(c->letter) == *name)
        return true;
    if (len == 2 && name[0] == '-' && name[1] == c->letter)
        return true;
    if (len > 2 && strncmp(name, "--", 2) == 0)
        return strcmp(name + 2, c->name) == 0;
    return len > 0 && strncmp(c->name, name, len) == 0;
}

static const struct command *find_command(const char *name)
{
    /* Letters before beginnings: "n" is create, and "e" is rename. */
    for (size_t i = 0; i < WEIR_ARRAY_LEN(commands); i++)
        if (is_command(&commands[i], name))
            return &commands[i];
    return NULL;
}

bool set_run_command(struct set_reader *r, const struct set_word *word)
{
    const struct command *c = find_command(word->text);

    if (!c) {
        set_fail(r, word, "No command specified: unknown argument %s", word->text);
        set_hint(r, "a line is create, add, del, flush, destroy, rename or swap");
        return false;
    }
    if (!c->run)
        return set_fail(r, word, "Command `%s' is invalid in restore mode.", c->name);
    return c->run(r);
}
