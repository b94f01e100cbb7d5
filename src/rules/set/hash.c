/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hash sets: elements in a slab, found by a hash of what they are (track/table.h: cache-line
 * buckets that split one at a time, so a set grows without a pause and its memory follows its
 * content).
 *
 * An entry is an array of 32-bit words: the addresses; the mark; the MAC address's first half;
 * port, protocol and the network's length in one word (the MAC address's second half stands in
 * place of the port); the second network's length. All these are hashed and compared. Then the
 * interface's name, the element's flags, and its extras.
 *
 * IPv4 addresses alone, without anything said about them, need no entry: the table's references are
 * the addresses themselves, none of which is 0. Large lists of addresses are of that kind, and a
 * lookup then waits for one line of memory only.
 *
 * A network is looked for once for each length in use, the longest first; with two networks, so for
 * each pair of lengths, the first one's length counting more. The first element decides, even when
 * it is an exception. The buckets of several lengths are fetched at once before the first is looked
 * at.
 *
 * Interfaces are not hashed: a name that is only a beginning ("wildcard") equals all that begin so.
 * Elements of one network are compared one after the other; there are at most 64 of them.
 */
#include "rules/sets.h"

enum {
    CAPACITY_MAX = (1 << 30) - 1, /* comments.c and the slab count so far */
    WORDS_MAX = 4 * SET_ADDRS_MAX + 4,
    IFACE_WORDS = SET_IFACE_SIZE / 4,
    KEYS_AT_ONCE = 8, /* enough for most sets, and few enough to be fetched in parallel */
};

/* --- entries --- */

static bool has_part(const struct set *s, enum set_part part)
{
    const struct set_type *type = s->head.type;

    for (unsigned i = 0; i < type->parts; i++)
        if (type->part[i] == part)
            return true;
    return false;
}

static bool has_details(const struct set *s)
{
    return s->hash.nets || has_part(s, SET_PORT) || has_part(s, SET_MAC);
}

/* Which word of an entry is where. */
static void lay_entry(struct set *s)
{
    struct set_hash *h = &s->hash;
    const struct set_type *type = s->head.type;
    uint8_t at = 0;

    for (unsigned i = 0; i < type->parts; i++) {
        if (type->part[i] == SET_NET)
            h->net[h->nets++] = h->addrs;
        if (type->part[i] == SET_NET || type->part[i] == SET_IP) {
            h->addrs++;
            at += s->head.family == 6 ? 4 : 1;
        }
    }
    at = (uint8_t)(at + has_part(s, SET_MARK) + has_part(s, SET_MAC) + has_details(s) +
                   (h->nets == 2));
    h->words = at;
    if (has_part(s, SET_IFACE)) {
        h->iface = (uint8_t)(4 * at);
        at += IFACE_WORDS;
    }
    if (h->nets) {
        h->flags = (uint8_t)(4 * at);
        at++;
    }
    h->extras = (uint8_t)(4 * at);
    h->bare = at == 1 && s->at.size == 0 && type->traits & SET_NO_ZERO;
}

static void lay(struct set *s, struct set_placer *p)
{
    struct set_hash *h = &s->hash;
    uint32_t capacity = min_u32(max_u32(s->head.maxelem, 1), CAPACITY_MAX);
    uint32_t size;

    memset(h, 0, sizeof(*h));
    lay_entry(s);
    size = h->extras + s->at.size;

    void *buckets = set_place(p, table_buckets_for(capacity) * sizeof(struct table_bucket));
    void *overflow =
        set_place(p, slab_bytes(sizeof(struct table_bucket), table_overflow_for(capacity)));
    void *entries = set_place(p, slab_bytes(size, h->bare ? 0 : capacity));

    slab_init(&h->entries, entries, size, h->bare ? 0 : capacity);
    if (s->head.timeouts) {
        uint32_t chunks = wheel_chunks(capacity);

        s->wheel = set_place(p, sizeof(struct wheel));
        void *memory = set_place(p, slab_bytes(sizeof(struct wheel_chunk), chunks));

        if (s->wheel)
            wheel_init(s->wheel, memory, chunks, (uint32_t)s->now);
    }
    if (s->head.comments)
        comments_lay(&s->comments, p, capacity);
    if (p->base)
        table_init(&h->table, buckets, overflow, capacity, 0);
}

/* Of a bare set all entries are one, which says nothing. */
static void *entry(const struct set *s, uint32_t ref)
{
    return slab_at(&s->hash.entries, s->hash.bare ? 0 : ref);
}

static uint8_t *extras(const struct set *s, uint32_t ref)
{
    return (uint8_t *)entry(s, ref) + s->hash.extras;
}

/* What is hashed of an element. */
static void pack(const struct set *s, const struct set_elem *e, uint32_t *w)
{
    const struct set_hash *h = &s->hash;
    unsigned n = 0;

    for (unsigned i = 0; i < h->addrs; i++) {
        unsigned words = s->head.family == 6 ? 4 : 1;

        memcpy(w + n, e->addr[i].words, 4 * words);
        n += words;
    }
    if (n == h->words)
        return;

    uint32_t low = e->port;

    if (has_part(s, SET_MARK))
        w[n++] = e->mark;
    if (has_part(s, SET_MAC)) {
        w[n++] = load_raw32(e->mac);
        low = load_raw16(e->mac + 4);
    }
    if (n < h->words)
        w[n++] =
            low | (uint32_t)e->proto << 16 | (h->nets ? (uint32_t)e->prefix[h->net[0]] << 24 : 0);
    if (n < h->words)
        w[n] = e->prefix[h->net[1]];
}

/* The inverse: an element from an entry. */
static void read_entry(const struct set *s, uint32_t ref, struct set_elem *e)
{
    const struct set_hash *h = &s->hash;
    const uint8_t *at = h->bare ? (const uint8_t *)&ref : entry(s, ref);

    memset(e, 0, sizeof(*e));
    e->prefix[0] = e->prefix[1] = set_full_prefix(s->head.family);
    for (unsigned i = 0; i < h->addrs; i++) {
        unsigned size = s->head.family == 6 ? 16 : 4;

        memcpy(&e->addr[i], at, size);
        at += size;
    }
    if (has_part(s, SET_MARK)) {
        e->mark = load_raw32(at);
        at += 4;
    }
    if (has_part(s, SET_MAC)) {
        memcpy(e->mac, at, SET_MAC_SIZE);
        e->flags |= ELEM_HAS_MAC;
    } else if (has_details(s)) {
        uint32_t details = load_raw32(at);

        e->port = (uint16_t)details;
        e->proto = (uint8_t)(details >> 16);
        if (h->nets)
            e->prefix[h->net[0]] = (uint8_t)(details >> 24);
    }
    if (h->nets == 2)
        e->prefix[h->net[1]] = (uint8_t)load_raw32(at + 4);

    at = entry(s, ref);
    if (h->iface)
        memcpy(e->iface, at + h->iface, SET_IFACE_SIZE);
    if (h->flags)
        e->flags |= (uint8_t)load_raw32(at + h->flags);
}

/* --- finding --- */

/* What is hashed of an element, and its hash. */
struct key {
    uint32_t w[WORDS_MAX];
    uint64_t hash;
};

static uint64_t hash_words(const struct set_hash *h, const uint32_t *w)
{
    uint64_t pair[2], hash = h->words;

    for (unsigned i = 0; i < h->words; i += 4) {
        unsigned n = h->words - i < 4 ? h->words - i : 4;

        pair[0] = pair[1] = 0;
        memcpy(pair, w + i, 4 * n);
        hash = hash_mix(&h->key, hash, pair[0], pair[1]);
    }
    return hash_end(&h->key, hash);
}

static void make_key(const struct set *s, const struct set_elem *e, struct key *key)
{
    pack(s, e, key->w);
    key->hash = hash_words(&s->hash, key->w);
}

static uint64_t hash_of_entry(void *ctx, uint32_t ref)
{
    const struct set *s = ctx;
    uint32_t w[WORDS_MAX] = {ref};

    if (!s->hash.bare)
        memcpy(w, entry(s, ref), 4 * s->hash.words);
    return hash_words(&s->hash, w);
}

static void prefetch_entry(void *ctx, uint32_t ref)
{
    __builtin_prefetch(entry(ctx, ref));
}

static bool same_words(const uint8_t *at, const uint32_t *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (load_raw32(at + 4 * i) != w[i])
            return false;
    return true;
}

/* Is this the interface of the entry? */
static bool same_iface(const struct set_hash *h, const uint8_t *at, const struct set_elem *e)
{
    uint32_t flags = load_raw32(at + h->flags);
    const char *name = (const char *)at + h->iface;

    if ((flags ^ e->flags) & ELEM_PHYSDEV)
        return false;
    if (flags & ELEM_WILDCARD)
        return strncmp(name, e->iface, strlen(name)) == 0;
    return memcmp(name, e->iface, SET_IFACE_SIZE) == 0;
}

/* Of the element only the interface matters; `same` counts the entries that differ in it alone. */
static uint32_t look(const struct set *s, const struct key *key, const struct set_elem *e,
                     uint32_t *same)
{
    const struct set_hash *h = &s->hash;
    struct table_probe probe;

    *same = 0;
    for (uint32_t ref = table_first(&h->table, key->hash, &probe); ref;
         ref = table_next(&h->table, &probe)) {
        const uint8_t *at = entry(s, ref);

        if (h->bare) {
            if (ref == key->w[0])
                return ref;
            continue;
        }
        if (!same_words(at, key->w, h->words))
            continue;
        if (!h->iface || same_iface(h, at, e))
            return ref;
        ++*same;
    }
    return 0;
}

static uint32_t find(const struct set *s, const struct set_elem *e)
{
    struct key key;
    uint32_t same;

    make_key(s, e, &key);
    return look(s, &key, e, &same);
}

/* --- lengths of networks --- */

static void lengths_add(struct set_lengths *l, unsigned len)
{
    if (l->count[len]++ == 0)
        l->used[len / 64] |= 1ULL << (len % 64);
}

static void lengths_del(struct set_lengths *l, unsigned len)
{
    if (--l->count[len] == 0)
        l->used[len / 64] &= ~(1ULL << (len % 64));
}

/* The longest in use that is at most `len`, -1: there is none. */
static int lengths_next(const struct set_lengths *l, int len)
{
    for (int word = len / 64; len >= 0 && word >= 0; word--) {
        uint64_t bits = l->used[word];

        if (word == len / 64)
            bits &= ~0ULL >> (63 - len % 64);
        if (bits)
            return word * 64 + 63 - __builtin_clzll(bits);
    }
    return -1;
}

/* Give a packet's addresses the lengths at which such an element would be: the longest in use. */
static void widen(const struct set *s, struct set_elem *e)
{
    const struct set_hash *h = &s->hash;
    uint8_t full = set_full_prefix(s->head.family);

    for (unsigned i = 0; i < h->nets; i++) {
        int len = lengths_next(&h->lengths[i], full);

        e->prefix[h->net[i]] = len < 0 ? full : (uint8_t)len;
        set_cut(s->head.family, &e->addr[h->net[i]], e->prefix[h->net[i]]);
    }
}

/* --- a packet --- */

/* `*others`: the network is there, with other interfaces. */
static enum set_found decide(const struct set *s, const struct key *key, const struct set_elem *e,
                             struct set_ask *ask, bool *others)
{
    uint32_t same;
    uint32_t ref = look(s, key, e, &same);

    *others = same > 0;
    if (!ref || set_expired(s, extras(s, ref)) || !set_visit(s, ref, ask))
        return SET_ABSENT;
    if (s->hash.flags && load_raw32((const uint8_t *)entry(s, ref) + s->hash.flags) & ELEM_NOMATCH)
        return SET_EXCEPTED;
    return SET_FOUND;
}

static void cut_net(const struct set *s, struct set_elem *e, unsigned net, int len)
{
    e->prefix[net] = (uint8_t)len;
    set_cut(s->head.family, &e->addr[net], (unsigned)len);
}

/*
 * Try all lengths of the last network. As in Linux, the longest network that is there decides even
 * when it is there with other interfaces only.
 */
static enum set_found test_last(const struct set *s, const struct set_elem *e, struct set_ask *ask)
{
    const struct set_hash *h = &s->hash;
    const struct set_lengths *lengths = &h->lengths[h->nets - 1];
    unsigned net = h->net[h->nets - 1], n;
    int len = lengths_next(lengths, set_full_prefix(s->head.family));
    struct key keys[KEYS_AT_ONCE];
    struct set_elem cut = *e;

    while (len >= 0) {
        for (n = 0; n < KEYS_AT_ONCE && len >= 0; n++, len = lengths_next(lengths, len - 1)) {
            cut_net(s, &cut, net, len);
            make_key(s, &cut, &keys[n]);
            table_prefetch(&h->table, keys[n].hash);
        }
        for (unsigned i = 0; i < n; i++) {
            bool others;
            enum set_found found = decide(s, &keys[i], e, ask, &others);

            if (found != SET_ABSENT || others)
                return found;
        }
    }
    return SET_ABSENT;
}

static enum set_found test_pairs(const struct set *s, const struct set_elem *e, struct set_ask *ask)
{
    const struct set_lengths *lengths = &s->hash.lengths[0];
    enum set_found found = SET_ABSENT;
    struct set_elem cut = *e;

    for (int len = lengths_next(lengths, set_full_prefix(s->head.family));
         len >= 0 && found == SET_ABSENT; len = lengths_next(lengths, len - 1)) {
        cut_net(s, &cut, s->hash.net[0], len);
        found = test_last(s, &cut, ask);
    }
    return found;
}

static enum set_found test(struct set *s, const struct set_elem *e, struct set_ask *ask)
{
    struct key key;
    bool others;

    switch (s->hash.nets) {
    case 0: make_key(s, e, &key); return decide(s, &key, e, ask, &others);
    case 1: return test_last(s, e, ask);
    default: return test_pairs(s, e, ask);
    }
}

/* --- change --- */

static uint32_t new_entry(struct set *s, const struct key *key, const struct set_elem *e)
{
    struct set_hash *h = &s->hash;

    if (h->bare)
        return key->w[0];

    uint32_t ref = slab_new(&h->entries);
    uint8_t *at = entry(s, ref);

    if (!ref)
        return 0;
    memcpy(at, key->w, 4 * h->words);
    if (h->iface)
        memcpy(at + h->iface, e->iface, SET_IFACE_SIZE);
    if (h->flags)
        store_raw32(at + h->flags, e->flags);
    return ref;
}

static void free_entry(struct set *s, uint32_t ref)
{
    if (!s->hash.bare)
        slab_free(&s->hash.entries, ref);
}

static uint32_t insert(struct set *s, const struct set_elem *e)
{
    struct set_hash *h = &s->hash;
    struct key key;
    uint32_t same;

    make_key(s, e, &key);
    (void)look(s, &key, e, &same);
    if (same >= SET_IFACES_MAX)
        return 0;
    uint32_t ref = new_entry(s, &key, e);

    if (!ref)
        return 0;
    if (!table_add(&h->table, key.hash, ref)) {
        free_entry(s, ref);
        return 0;
    }
    for (unsigned i = 0; i < h->nets; i++)
        lengths_add(&h->lengths[i], e->prefix[h->net[i]]);
    if (h->iface)
        h->ifaces = max_u32(h->ifaces, same + 1);
    return ref;
}

static void update(struct set *s, uint32_t ref, const struct set_elem *e)
{
    if (!s->hash.flags)
        return;
    uint8_t *at = (uint8_t *)entry(s, ref) + s->hash.flags;

    store_raw32(at, (load_raw32(at) & ~(uint32_t)ELEM_NOMATCH) | (e->flags & ELEM_NOMATCH));
}

static void drop(struct set *s, uint32_t ref)
{
    struct set_hash *h = &s->hash;
    struct set_elem e;

    read_entry(s, ref, &e);
    for (unsigned i = 0; i < h->nets; i++)
        lengths_del(&h->lengths[i], e.prefix[h->net[i]]);
    table_del(&h->table, hash_of_entry(s, ref), ref);
    free_entry(s, ref);
}

/* --- all of them --- */

/* The cursor is a bucket and a place in its chain. */
static uint32_t next(const struct set *s, uint64_t *cursor)
{
    const struct table *t = &s->hash.table;
    uint32_t refs[TABLE_CHAIN_MAX];

    for (uint32_t bucket = (uint32_t)(*cursor >> 32); bucket < table_size(t); bucket++) {
        uint32_t n = table_bucket_refs(t, bucket, refs, TABLE_CHAIN_MAX);
        uint32_t i = bucket == *cursor >> 32 ? (uint32_t)*cursor : 0;

        if (i < n) {
            *cursor = (uint64_t)bucket << 32 | (i + 1);
            return refs[i];
        }
    }
    *cursor = (uint64_t)table_size(t) << 32;
    return 0;
}

static uint32_t victim(const struct set *s, const struct set_elem *e)
{
    const struct table *t = &s->hash.table;
    uint32_t refs[TABLE_CHAIN_MAX], level;
    struct key key;

    make_key(s, e, &key);
    uint32_t bucket = table_index(t, key.hash, &level);

    for (uint32_t i = 0; i < table_size(t); i++)
        if (table_bucket_refs(t, (bucket + i) % table_size(t), refs, TABLE_CHAIN_MAX))
            return refs[0];
    return 0;
}

static void init(struct set *s, const uint64_t seed[2])
{
    hash_key_init(&s->hash.key, seed);
    s->hash.table.hash_of = hash_of_entry;
    s->hash.table.prefetch = s->hash.bare ? NULL : prefetch_entry;
    s->hash.table.ctx = s;
}

const struct set_ops set_hash_ops = {
    .lay = lay,
    .init = init,
    .find = find,
    .insert = insert,
    .update = update,
    .remove = drop,
    .extras = extras,
    .read = read_entry,
    .next = next,
    .victim = victim,
    .widen = widen,
    .test = test,
};
