/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One IP set, and what is in it.
 *
 * An element is a value (struct set_elem) in which each part of the set's type has its place. How a
 * set keeps elements is its method's business (struct set_ops): a hash table, an array over a
 * range, or a list. A method hands out references, 32-bit and never 0, and for each the place of
 * what every method keeps in the same way: the element's extras (deadline, counters, comment,
 * marks), whose layout depends on the set's header alone.
 *
 * A set is one piece of memory, reserved for all the elements its header allows and touched as they
 * come, so that packets may add elements (-j SET) without any allocation.
 *
 * Files: types.c which types there are; set.c life and change of a set; hash.c, bitmap.c, list.c
 * the methods; extras.c, comments.c what elements carry; packet.c a packet as an element. Above
 * them: sets.c (one folder up) the sets by name; rule.c what rules say about them; read*.c, print.c
 * and sort.c their text.
 */
#ifndef WEIR_RULES_SET_SET_H
#define WEIR_RULES_SET_SET_H

#include "base/hash.h"
#include "base/text.h"
#include "base/wheel.h"
#include "rules/set/comments.h"
#include "track/table.h"
#include <weir/rules.h>

enum {
    SET_NAME_SIZE = 32, /* with its end */
    SET_COMMENT_MAX = 255,
    SET_IFACE_SIZE = 16,
    SET_IFACES_MAX = 64,       /* elements of one network in a set of networks and interfaces */
    SET_TIMEOUT_MAX = 2147483, /* seconds: what Linux can count in milliseconds */
    SET_RANGE_MAX = 65536,     /* elements of a bitmap */
    SET_MAC_SIZE = 6,
    SET_PARTS_MAX = 3,
    SET_ADDRS_MAX = 2,
};

/* --- types --- */

/* What an element has, in the order of the type's name. */
enum set_part {
    SET_NO_PART = 0,
    SET_IP,
    SET_NET,
    SET_PORT,
    SET_MAC,
    SET_MARK,
    SET_IFACE,
    SET_MEMBER /* another set */
};

enum set_trait {
    SET_INET = 0x1, /* families it exists for; neither: addresses do not matter */
    SET_INET6 = 0x2,
    SET_HASHED = 0x4,      /* hashsize, maxelem, bucketsize, initval, forceadd */
    SET_RANGED = 0x8,      /* range */
    SET_MASKED = 0x10,     /* netmask */
    SET_BITMASKED = 0x20,  /* bitmask */
    SET_MASK_LAST = 0x40,  /* netmask and bitmask stand at the end of the line */
    SET_MARKMASKED = 0x80, /* markmask */
    SET_SIZED = 0x100,     /* size */
    SET_NOMATCH = 0x200,   /* elements may be exceptions */
    SET_WILDCARD = 0x400,
    SET_NO_ZERO = 0x800,  /* neither the address 0 nor the MAC address 0 */
    SET_ANY_NET = 0x1000, /* /0 is a network */
    SET_ONE_IP = 0x2000,  /* no ranges of addresses */
};

struct set_type {
    const char *name;
    const char *old_name; /* before there was a type for each family, NULL: there was none */
    const struct set_ops *ops;
    uint8_t parts;
    uint8_t part[SET_PARTS_MAX]; /* enum set_part */
    uint16_t traits;             /* enum set_trait */
};

/* By either name; NULL: there is none. */
const struct set_type *set_type_find(const char *name);

/* --- elements --- */

enum set_elem_flag {
    ELEM_NOMATCH = 0x1,  /* an exception: as if it were not in the set */
    ELEM_WILDCARD = 0x2, /* the interface's name begins so */
    ELEM_PHYSDEV = 0x4,  /* the interface is a port of a bridge */
    ELEM_HAS_MAC = 0x8,
    ELEM_BEFORE = 0x10, /* a member's place: before `near`, or */
    ELEM_AFTER = 0x20,  /* after it */
};

struct set_elem {
    union weir_addr addr[SET_ADDRS_MAX]; /* of the parts SET_IP and SET_NET, in order */
    uint8_t prefix[SET_ADDRS_MAX];       /* 32 or 128 of SET_IP */
    uint16_t port;                       /* host order; ICMP: type << 8 | code */
    uint8_t proto;
    uint8_t flags; /* enum set_elem_flag */
    uint8_t mac[SET_MAC_SIZE];
    uint16_t member, near; /* slots */
    uint32_t mark;
    char iface[SET_IFACE_SIZE];
};

/* What is stored with an element to be put on packets. */
struct set_info {
    uint32_t mark, mark_mask, priority;
    uint16_t queue;
};

enum set_given_flag {
    GIVEN_TIMEOUT = 0x1,
    GIVEN_PACKETS = 0x2,
    GIVEN_BYTES = 0x4,
    GIVEN_COMMENT = 0x8,
    GIVEN_INFO = 0x10,
    GIVEN_KEEP_COMMENT = 0x20, /* of an element that is there already */
};

/* What is said about an element that is added. */
struct set_given {
    uint32_t flags; /* enum set_given_flag */
    uint32_t timeout;
    uint64_t packets, bytes;
    struct set_info info;
    const char *comment;
    size_t comment_len;
};

/* --- a set --- */

struct set_memory {
    void *(*reserve)(void *ctx, size_t size);
    void (*release)(void *ctx, void *memory, size_t size);
    void *ctx;
};

/* What "create" says. */
struct set_head {
    const struct set_type *type;
    uint8_t family; /* 4, 6; 0: addresses do not matter */
    bool timeouts, counters, comments, infos;
    bool forceadd, has_initval, has_bitmask;
    uint8_t netmask;    /* 0: none */
    uint8_t bucketsize; /* Linux's; here it is only a number that is printed, as is */
    uint32_t hashsize, initval, size;
    uint32_t timeout, maxelem, markmask;
    uint32_t first, last; /* of a range: IPv4 addresses in host order, or ports */
    union weir_addr mask; /* bits of addresses that count: netmask, bitmask, or all */
};

/* Offsets in an element's extras. What a set does not have is nowhere. */
struct set_extras {
    uint8_t size, deadline, counters, info, comment;
};

/* The lengths of networks in use, so that a lookup tries no other. */
struct set_lengths {
    uint32_t count[129];
    uint64_t used[3]; /* bit by length */
};

struct set_hash {
    struct hash_key key;
    struct table table;
    struct slab entries;
    struct set_lengths lengths[SET_ADDRS_MAX];
    uint8_t addrs, nets; /* how many of the parts are addresses, and networks */
    uint8_t net[SET_ADDRS_MAX];
    uint8_t words;   /* of an entry that are hashed */
    uint8_t iface;   /* offsets in an entry: the interface's name, 0: none; */
    uint8_t flags;   /* enum set_elem_flag, 0: none; */
    uint8_t extras;  /* what is the same for all methods */
    bool bare;       /* there are no entries: a reference is the address itself */
    uint32_t ifaces; /* most interfaces that one network ever had */
};

struct set_bitmap {
    uint64_t *present; /* by element */
    uint8_t *elements; /* what the type keeps of each, then its extras */
    uint32_t count, step_bits;
    uint32_t size; /* of one */
};

struct set_list {
    struct slab members;
    uint32_t first, last;
};

struct set {
    struct set_head head;
    struct set_memory memory;
    size_t bytes; /* of this piece of memory */
    struct set_extras at;
    uint32_t count; /* elements */
    int64_t now,
        settled;         /* ticks: the latest time it was told, and up to when nothing is expired */
    struct wheel *wheel; /* NULL: elements go when they are looked at */
    struct comments comments;
    bool fresh; /* made by the text being read */
    bool kept;  /* it goes on when the text was read */
    bool keyed; /* its hash has a secret */
    union {
        struct set_hash hash;
        struct set_bitmap bitmap;
        struct set_list list;
    };
};

/* Hands out parts of a piece of memory, or counts what it must hold when `base` is NULL. */
struct set_placer {
    uint8_t *base;
    size_t at;
};

static inline void *set_place(struct set_placer *p, size_t size)
{
    void *part = p->base ? p->base + p->at : NULL;

    p->at += (size + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE * WEIR_CACHE_LINE;
    return part;
}

struct set_ask;

/* A packet's element is in a set, is an exception of it, or neither. */
enum set_found { SET_ABSENT = 0, SET_FOUND, SET_EXCEPTED };

enum set_result {
    SET_DONE = 0,
    SET_EXISTS, /* not added: it is there */
    SET_FULL,
    SET_OUTSIDE, /* of the range */
    SET_ZERO,    /* not added: this type does not keep what is all zero */
    SET_MISSING, /* not deleted: it is not there */
    SET_ALONE,   /* it is not, and would not be, where `near` says */
};

struct set_ops {
    /* Lay out the set's memory. */
    void (*lay)(struct set *s, struct set_placer *p);
    /* Before the first element, with a secret for what is hashed; NULL: nothing to do. */
    void (*init)(struct set *s, const uint64_t seed[2]);
    /* The reference of an element, expired or not; 0: it is not there. */
    uint32_t (*find)(const struct set *s, const struct set_elem *e);
    /* Put one in that is not there. 0: it has no place. */
    uint32_t (*insert)(struct set *s, const struct set_elem *e);
    /* Why it has none, or cannot be there; NULL: because the set is full. */
    enum set_result (*refusal)(const struct set *s, const struct set_elem *e);
    /* Write over one that is there what equal elements may differ in; NULL: nothing. */
    void (*update)(struct set *s, uint32_t ref, const struct set_elem *e);
    void (*remove)(struct set *s, uint32_t ref);
    uint8_t *(*extras)(const struct set *s, uint32_t ref);
    /* What is at a reference. */
    void (*read)(const struct set *s, uint32_t ref, struct set_elem *e);
    /* Has the element's time not begun yet? NULL: there are no such elements. */
    bool (*waits)(const struct set *s, uint32_t ref);
    /* The next element, in any order; *cursor starts as 0. 0: no more. Of a method without a wheel
     * the element it returned last may be removed. */
    uint32_t (*next)(const struct set *s, uint64_t *cursor);
    /* Some element, found cheaply from one that is to take its place. NULL: elements are never put
     * out to make room. */
    uint32_t (*victim)(const struct set *s, const struct set_elem *e);
    /* Make of a packet's element the one that is added or deleted for it. NULL: it is. */
    void (*widen)(const struct set *s, struct set_elem *e);
    /* Is the element of a packet in the set? NULL: its members are asked. */
    enum set_found (*test)(struct set *s, const struct set_elem *e, struct set_ask *ask);
};

extern const struct set_ops set_hash_ops, set_bitmap_ops, set_list_ops;

/* NULL: no memory. `now` is its first time; `seed` NULL: nobody who chooses elements is an enemy.
 */
struct set *set_new(const struct set_head *head, const struct set_memory *memory, int64_t now,
                    const uint64_t seed[2]);
/* The same set again; NULL: no memory. */
struct set *set_copy(const struct set *s, const uint64_t seed[2]);
void set_free(struct set *s);

/* The time is `now`, never before what it was. */
void set_clock(struct set *s, int64_t now);

/* Add an element, or with `exist` change what is said about it. Masks are applied to it. */
enum set_result set_add(struct set *s, struct set_elem *e, const struct set_given *given,
                        bool exist);
enum set_result set_del(struct set *s, struct set_elem *e);

/* Bits of the element that do not count become zero. */
void set_mask_elem(const struct set *s, struct set_elem *e);

/* Walks the elements that are not expired. */
uint32_t set_next(const struct set *s, uint64_t *cursor, struct set_elem *e);

/* --- extras.c --- */

void set_lay_extras(struct set *s);
/* Of a new element, whose extras are undefined. */
void set_extras_init(struct set *s, uint32_t ref, const struct set_given *given);
/* Of one that is added again. */
void set_extras_renew(struct set *s, uint32_t ref, const struct set_given *given);
/* Before the element goes. */
void set_extras_fini(struct set *s, uint32_t ref);
/* Copy them from an element of another set with the same header. */
void set_extras_copy(struct set *s, uint32_t ref, const struct set *from, uint32_t from_ref);
/* The wheel handed it out; and now it may be put there again. */
void set_extras_popped(struct set *s, uint32_t ref);
void set_extras_rearm(struct set *s, uint32_t ref);
/* Let it expire after `seconds` (0: never). */
void set_expire_after(struct set *s, uint32_t ref, uint32_t seconds);

uint32_t set_deadline(const struct set *s, const uint8_t *extras);
/* Seconds until it expires, or from when its time begins; 0: it never does. */
uint32_t set_remaining(const struct set *s, const uint8_t *extras, int64_t now);
struct weir_rules_count set_counts(const struct set *s, const uint8_t *extras);
void set_set_counts(const struct set *s, uint8_t *extras, struct weir_rules_count counts);
struct set_info set_get_info(const struct set *s, const uint8_t *extras);
const char *set_get_comment(const struct set *s, const uint8_t *extras);

static inline bool set_expired_at(const struct set *s, const uint8_t *extras, int64_t now)
{
    uint32_t deadline = s->head.timeouts ? set_deadline(s, extras) : 0;

    return deadline && (int32_t)(deadline - (uint32_t)now) <= 0;
}

static inline bool set_expired(const struct set *s, const uint8_t *extras)
{
    return set_expired_at(s, extras, s->now);
}

/*
 * A packet's element was found at `ref`: count it, compare the counters, and hand out what is
 * stored for packets. False: the comparison says that it does not count as found.
 */
bool set_visit(const struct set *s, uint32_t ref, struct set_ask *ask);

/* --- list.c --- */

/* Is the member where `near` says? */
bool set_list_beside(const struct set *s, const struct set_elem *e);
/* The next member that is not expired; its reference, and its slot. */
uint32_t set_list_member(const struct set *s, uint64_t *cursor, uint16_t *slot);

/* --- addresses --- */

static inline uint8_t set_full_prefix(uint8_t family)
{
    return family == 6 ? 128 : 32;
}

/* Only the first `len` bits stay. */
void set_cut(uint8_t family, union weir_addr *addr, unsigned len);

static inline bool set_addr_zero(const union weir_addr *addr)
{
    return (addr->half[0] | addr->half[1]) == 0;
}

#endif
