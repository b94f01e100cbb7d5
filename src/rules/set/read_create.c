/* SPDX-License-Identifier: BSD-2-Clause */
/* "create NAME TYPE [option...]": which options a type has, and what they may say (ipset(8)). */
#include "rules/ext.h"
#include "rules/set/read.h"

enum {
    HASHSIZE_DEFAULT = 1024,
    HASHSIZE_MIN = 64,
    MAXELEM_DEFAULT = 65536,
    BUCKETSIZE_MIN = 2,
    BUCKETSIZE_MAX = 12,
    SIZE_DEFAULT = 8,
    SIZE_MIN = 4,
};

enum option_id {
    FAMILY,
    INET,
    INET6,
    HASHSIZE,
    MAXELEM,
    BUCKETSIZE,
    INITVAL,
    FORCEADD,
    NETMASK,
    BITMASK,
    MARKMASK,
    RANGE,
    SIZE,
    TIMEOUT,
    COUNTERS,
    COMMENT,
    SKBINFO,
};

static const struct option {
    const char *name;
    uint8_t id;
    bool argument;
    uint16_t traits; /* of which a type needs one; 0: none */
} options[] = {
    {"family", FAMILY, true, SET_INET6},
    {"-4", INET, false, SET_INET6},
    {"-6", INET6, false, SET_INET6},
    {"hashsize", HASHSIZE, true, SET_HASHED},
    {"maxelem", MAXELEM, true, SET_HASHED},
    {"bucketsize", BUCKETSIZE, true, SET_HASHED},
    {"initval", INITVAL, true, SET_HASHED},
    {"forceadd", FORCEADD, false, SET_HASHED},
    {"netmask", NETMASK, true, SET_MASKED},
    {"bitmask", BITMASK, true, SET_BITMASKED},
    {"markmask", MARKMASK, true, SET_MARKMASKED},
    {"range", RANGE, true, SET_RANGED},
    {"size", SIZE, true, SET_SIZED},
    {"timeout", TIMEOUT, true, 0},
    {"counters", COUNTERS, false, 0},
    {"comment", COMMENT, false, 0},
    {"skbinfo", SKBINFO, false, 0},
};

/* What could not be read before the family was known, which may stand behind it. */
struct later {
    struct set_word *netmask, *bitmask;
};

static const struct option *find(const struct set_type *type, const char *name)
{
    name += strncmp(name, "--", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(options); i++)
        if (strcmp(options[i].name, name) == 0)
            return options[i].traits == 0 || options[i].traits & type->traits ? &options[i] : NULL;
    return NULL;
}

/* --- values --- */

static bool take_family(struct set_reader *r, struct set_head *head, const struct set_word *word)
{
    if (strcmp(word->text, "inet") == 0 || strcmp(word->text, "ipv4") == 0)
        head->family = 4;
    else if (strcmp(word->text, "inet6") == 0 || strcmp(word->text, "ipv6") == 0)
        head->family = 6;
    else
        return set_fail(r, word, "Syntax error: unknown inet family %s", word->text);
    return true;
}

static bool take_u32(struct set_reader *r, const struct set_word *word, uint64_t max, uint32_t *out)
{
    uint64_t n;

    if (!set_read_number(r, word, word->text, 0, max, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

/* Linux makes it a power of two; here it is a number to be printed. */
static uint32_t round_hashsize(uint32_t n)
{
    if (n <= HASHSIZE_MIN)
        return HASHSIZE_MIN;
    return n > 1u << 31 ? 1u << 31 : 1u << (32 - __builtin_clz(n - 1));
}

static bool take_bucketsize(struct set_reader *r, struct set_head *head,
                            const struct set_word *word)
{
    uint32_t n;

    if (!take_u32(r, word, UINT8_MAX, &n))
        return false;
    n = (n + 1) & ~1u;
    head->bucketsize = (uint8_t)(n < BUCKETSIZE_MIN   ? BUCKETSIZE_MIN
                                 : n > BUCKETSIZE_MAX ? BUCKETSIZE_MAX
                                                      : n);
    return true;
}

static bool take_range_addrs(struct set_reader *r, struct set_head *head,
                             const struct set_word *word)
{
    char copy[SET_ELEM_MAX + 1];

    if (!set_copy_word(r, word, copy))
        return false;
    char *dash = set_find_char(copy, '-'), *slash = strchr(copy, '/');
    union weir_addr first, last;
    uint64_t len = 32;

    if (!dash && !slash)
        return set_fail(r, word, "Syntax error: IP/cidr or IP-IP range must be specified: %s",
                        word->text);
    if (slash) {
        if (!set_read_number(r, word, slash + 1, 0, 32, &len))
            return false;
        if (len == 32)
            return set_fail(r, word,
                            "The value of the CIDR parameter of the IP address is invalid");
        *slash = '\0';
    } else {
        *dash = '\0';
    }
    if (!set_read_addr(r, word, 4, copy, &first) ||
        (!slash && !set_read_addr(r, word, 4, dash + 1, &last)))
        return false;
    if (slash) {
        set_cut(4, &first, (unsigned)len);
        last.v4 = first.v4 | BE32((uint32_t)(UINT32_MAX >> len));
    }
    head->first = min_u32(BE32(first.v4), BE32(last.v4));
    head->last = max_u32(BE32(first.v4), BE32(last.v4));
    return true;
}

/* "[proto:]FROM-TO": ports are the same for both protocols, so only names need one. */
static bool take_range_ports(struct set_reader *r, struct set_head *head,
                             const struct set_word *word)
{
    struct set_span span;

    if (!set_read_elem(r, head, word, &span))
        return false;
    if (!span.many_ports)
        return set_fail(r, word, "Mandatory option `to' is missing");
    head->first = span.first.port;
    head->last = span.last_port;
    return true;
}

static bool take(struct set_reader *r, struct set_head *head, const struct option *o,
                 struct set_word *word, struct later *later)
{
    switch ((enum option_id)o->id) {
    case FAMILY: return take_family(r, head, word);
    case INET: head->family = 4; return true;
    case INET6: head->family = 6; return true;
    case HASHSIZE:
        if (!take_u32(r, word, UINT32_MAX, &head->hashsize))
            return false;
        head->hashsize = round_hashsize(head->hashsize);
        return true;
    case MAXELEM: return take_u32(r, word, UINT32_MAX, &head->maxelem);
    case BUCKETSIZE: return take_bucketsize(r, head, word);
    case INITVAL: head->has_initval = true; return take_u32(r, word, UINT32_MAX, &head->initval);
    case FORCEADD: head->forceadd = true; return true;
    case NETMASK: later->netmask = word; return true;
    case BITMASK: later->bitmask = word; return true;
    case MARKMASK: return take_u32(r, word, UINT32_MAX, &head->markmask);
    case RANGE:
        return head->type->part[0] == SET_PORT ? take_range_ports(r, head, word)
                                               : take_range_addrs(r, head, word);
    case SIZE:
        if (!take_u32(r, word, UINT32_MAX, &head->size))
            return false;
        head->size = max_u32(head->size, SIZE_MIN);
        return true;
    case TIMEOUT: head->timeouts = true; return take_u32(r, word, SET_TIMEOUT_MAX, &head->timeout);
    case COUNTERS: head->counters = true; return true;
    case COMMENT: head->comments = true; return true;
    case SKBINFO: head->infos = true; return true;
    }
    return false;
}

/* --- masks and ranges, when all is known --- */

static bool finish_masks(struct set_reader *r, struct set_head *head, const struct later *later)
{
    uint8_t full = set_full_prefix(head->family);
    uint64_t len;

    memset(&head->mask, 0xff, sizeof(head->mask));
    if (later->netmask && later->bitmask)
        return set_fail(
            r, later->bitmask,
            "Syntax error: bitmask and netmask are mutually exclusive, provide only one");
    if (later->netmask) {
        if (!set_read_number(r, later->netmask, later->netmask->text, 1, full, &len))
            return false;
        head->netmask = (uint8_t)(len == full ? 0 : len);
        set_cut(head->family, &head->mask, (unsigned)len);
    }
    if (later->bitmask) {
        char copy[SET_ELEM_MAX + 1];
        union weir_addr all;

        memset(&all, 0, sizeof(all));
        memset(&all, 0xff, head->family == 6 ? 16 : 4);
        if (!set_copy_word(r, later->bitmask, copy) ||
            !set_read_addr(r, later->bitmask, head->family, copy, &head->mask))
            return false;
        if (set_addr_zero(&head->mask))
            return set_fail(r, later->bitmask, "The value of the netmask parameter is invalid");
        head->has_bitmask = memcmp(&head->mask, &all, sizeof(all)) != 0;
    }
    return true;
}

static bool finish_range(struct set_reader *r, struct set_head *head, const struct set_word *range)
{
    uint32_t bits = head->netmask ? 32 - head->netmask : 0;

    if (!range)
        return set_fail(r, NULL, "Mandatory option `range' is missing");
    /* Whole networks, more than one. */
    if (bits && head->first >> bits == head->last >> bits)
        return set_fail(r, range, "Element is out of the range of the set");
    head->first &= UINT32_MAX << bits;
    head->last |= ~(UINT32_MAX << bits);
    if ((head->last - head->first) >> bits >= SET_RANGE_MAX)
        return set_fail(r, range, "The range you specified exceeds the size limit of the set type");
    return true;
}

bool set_read_head(struct set_reader *r, struct set_head *head)
{
    struct set_word *word = set_next_word(r), *range = NULL;
    struct later later = {0};
    uint32_t seen = 0;

    if (!word)
        return set_fail(r, NULL, "Missing second mandatory argument to command create");
    *head = (struct set_head){.type = set_type_find(word->text),
                              .hashsize = HASHSIZE_DEFAULT,
                              .maxelem = MAXELEM_DEFAULT,
                              .bucketsize = BUCKETSIZE_MAX,
                              .size = SIZE_DEFAULT,
                              .markmask = UINT32_MAX};
    if (!head->type)
        return set_fail(r, word, "Syntax error: typename '%s' is unknown", word->text);
    head->family = head->type->traits & SET_INET ? 4 : 0;
    while ((word = set_next_word(r)) != NULL) {
        const struct option *o = find(head->type, word->text);

        if (!o)
            return set_unknown(r, word);
        if (o->argument && !set_once(r, word, &seen, 1u << o->id))
            return false;
        if (o->argument && !(word = set_argument(r, word)))
            return false;
        if (o->id == RANGE)
            range = word;
        if (!take(r, head, o, word, &later))
            return false;
    }
    return finish_masks(r, head, &later) &&
           (!(head->type->traits & SET_RANGED) || finish_range(r, head, range));
}
