/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys, limits, time, and what the two families do with an odd fragment. The store's shape is in
 * frag.h.
 *
 * The families differ mostly in what a bad fragment costs: IPv4 gives up the whole datagram where
 * IPv6 drops the fragment alone, except that both give up on a partial overlap (RFC 5722). What
 * Linux changes before it looks whether a fragment is good stays changed: a duplicate without MF,
 * and in IPv6 an empty one, still says where the datagram ends.
 */
#include "packet/checksum.h"
#include "packet/ext6.h"
#include "packet/frag_store.h"

enum {
    BUFFER_HEADROOM = 64, /* bytes that any driver of Linux leaves free before a packet */

    /* What Linux charges for a queue, and for a packet beside its bytes. */
    CHARGE_QUEUE4 = 200,
    CHARGE_QUEUE6 = 184,
    CHARGE_PACKET = 256,
    CHARGE_ROOM = BUFFER_HEADROOM + 320,

    OBJECTS_MIN = 192, /* queues and pages of the smallest store: any one datagram fits */
    MAX_STEP = 1 << 30 /* ticks: how far ahead the wheel is armed or moved at once */
};

/* --- memory --- */

/* The parts of a store's region, in order; each offset is a multiple of 64. */
struct plan {
    uint32_t objects; /* of each kind */
    uint32_t buckets; /* of each hash */
    size_t queues, pages, sources;
    size_t queue_buckets, page_buckets, source_buckets;
    size_t timers, cuts, out, total;
};

static size_t take(size_t *at, size_t bytes)
{
    size_t start = *at;

    *at += (bytes + WEIR_CACHE_LINE - 1) / WEIR_CACHE_LINE * WEIR_CACHE_LINE;
    return start;
}

static struct plan plan_objects(uint32_t objects)
{
    struct plan p = {.objects = objects, .buckets = 1};
    size_t at = 0;

    while (p.buckets < objects)
        p.buckets *= 2;
    p.queues = take(&at, slab_bytes(sizeof(struct frag_queue), objects));
    p.pages = take(&at, slab_bytes(sizeof(struct frag_page), objects));
    p.sources = take(&at, slab_bytes(sizeof(struct frag_source), objects));
    p.queue_buckets = take(&at, p.buckets * sizeof(uint32_t));
    p.page_buckets = take(&at, p.buckets * sizeof(uint32_t));
    p.source_buckets = take(&at, p.buckets * sizeof(uint32_t));
    p.timers = take(&at, slab_bytes(sizeof(struct wheel_chunk), wheel_chunks(objects)));
    p.cuts = take(&at, FRAG_CUT_WORDS * sizeof(uint64_t));
    p.out = take(&at, FRAG_HEADROOM + FRAG_DATAGRAM_MAX);
    p.total = at;
    return p;
}

/* As many objects of each kind as the budget holds: an enemy chooses whether queues or pages run
 * out. */
static struct plan plan_budget(size_t budget)
{
    uint32_t low = OBJECTS_MIN, high = OBJECTS_MIN;

    while (plan_objects(high).total <= budget && high < 1u << 24)
        high *= 2;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (plan_objects(middle).total <= budget)
            low = middle;
        else
            high = middle;
    }
    return plan_objects(low);
}

size_t frag_bytes(size_t budget)
{
    return plan_budget(budget).total;
}

static void pool_init(struct frag_pool *p, uint8_t *memory, size_t objects, size_t buckets,
                      uint32_t size, const struct plan *plan)
{
    slab_init(&p->slab, memory + objects, size, plan->objects);
    p->bucket = (uint32_t *)(void *)(memory + buckets);
    p->mask = plan->buckets - 1;
}

void frag_init(struct frag *f, uint8_t family, void *memory, size_t budget, const uint64_t seed[2],
               int64_t now)
{
    struct plan plan = plan_budget(budget);
    uint8_t *at = memory;

    memset(f, 0, sizeof(*f));
    f->family = family;
    f->high = FRAG_HIGH_THRESH;
    f->timeout = FRAG_TIMEOUT;
    f->clock = now;
    hash_key_init(&f->key, seed);
    pool_init(&f->queues, at, plan.queues, plan.queue_buckets, sizeof(struct frag_queue), &plan);
    pool_init(&f->pages, at, plan.pages, plan.page_buckets, sizeof(struct frag_page), &plan);
    pool_init(&f->sources, at, plan.sources, plan.source_buckets, sizeof(struct frag_source),
              &plan);
    wheel_init(&f->wheel, at + plan.timers, wheel_chunks(plan.objects), (uint32_t)now);
    f->cuts = (uint64_t *)(void *)(at + plan.cuts);
    f->out = at + plan.out;
}

/*
 * What Linux charges for a packet: its buffer, which the allocator rounds up to a size it has.
 * (Measured with TUN. Other drivers bring larger buffers: 2304 for any packet of up to 1500 bytes
 * is common.)
 */
static uint32_t packet_charge(uint32_t len)
{
    uint32_t bytes = len + CHARGE_ROOM;

    if (bytes <= 576)
        return CHARGE_PACKET + 576;
    if (bytes <= 1024)
        return CHARGE_PACKET + 1024;
    if (bytes <= 2048)
        return CHARGE_PACKET + 2048;
    return CHARGE_PACKET + (bytes + 4095) / 4096 * 4096;
}

static void charge(struct frag *f, struct frag_queue *q, uint32_t bytes)
{
    q->charge += bytes;
    f->used += bytes;
}

static void uncharge(struct frag *f, struct frag_queue *q)
{
    f->used -= q->charge;
    q->charge = 0;
}

/* --- time --- */

static void arm(struct frag *f, uint32_t queue)
{
    struct frag_queue *q = queue_at(f, queue);
    int64_t at = q->deadline < f->clock + MAX_STEP ? q->deadline : f->clock + MAX_STEP;

    q->timer = wheel_arm(&f->wheel, queue, (uint32_t)at);
}

static void disarm(struct frag *f, uint32_t queue)
{
    uint32_t timer = queue_at(f, queue)->timer;
    uint32_t moved = wheel_disarm(&f->wheel, timer);

    if (moved)
        queue_at(f, moved)->timer = timer;
}

/* --- sources: IPv4's distance rule --- */

static uint64_t source_hash(const struct frag *f, uint32_t addr)
{
    return hash_end(&f->key, hash_mix(&f->key, 0, addr, 0));
}

/* The address's counter, one queue more; 0: there is no room. */
static uint32_t source_hold(struct frag *f, uint32_t addr)
{
    uint64_t hash = source_hash(f, addr);
    uint32_t index = pool_first(&f->sources, hash);

    while (index && source_at(f, index)->addr != addr)
        index = pool_next(&f->sources, index);
    if (!index)
        index = pool_new(&f->sources, hash);
    if (index) {
        source_at(f, index)->addr = addr;
        source_at(f, index)->queues++;
    }
    return index;
}

static void source_drop(struct frag *f, uint32_t index)
{
    struct frag_source *s = source_at(f, index);

    if (--s->queues == 0)
        pool_free(&f->sources, source_hash(f, s->addr), index);
}

/* --- queues --- */

static uint64_t queue_hash(const struct frag *f, const struct frag_key *k)
{
    uint64_t h = hash_mix(&f->key, 0, k->src.half[0], k->src.half[1]);

    h = hash_mix(&f->key, h, k->dst.half[0], k->dst.half[1]);
    h = hash_mix(&f->key, h, (uint64_t)k->id << 32 | (uint64_t)k->zone << 16 | k->iface,
                 (uint64_t)k->proto << 8 | k->stage);
    return hash_end(&f->key, h);
}

static void key_fill(const struct frag *f, const struct parsed *p, const struct frag_scope *scope,
                     struct frag_key *k)
{
    *k = (struct frag_key){.zone = scope->zone, .stage = scope->stage};
    if (f->family == 4) {
        memcpy(k->src.bytes, p->ip + IP4_SRC, 4);
        memcpy(k->dst.bytes, p->ip + IP4_DST, 4);
        k->id = load_raw16(p->ip + IP4_ID);
        k->proto = p->ip[IP4_PROTO];
        return;
    }
    memcpy(k->src.bytes, p->ip + IP6_SRC, 16);
    memcpy(k->dst.bytes, p->ip + IP6_DST, 16);
    k->id = load_raw32(p->ip + p->frag_off + IP6F_ID);
    /* On another link, a link-local or multicast address is another's. */
    if (k->dst.bytes[0] == 0xff || (k->dst.bytes[0] == 0xfe && (k->dst.bytes[1] & 0xc0) == 0x80))
        k->iface = scope->iface;
}

static uint32_t queue_new(struct frag *f, const struct frag_key *key, uint64_t hash, int64_t now)
{
    uint32_t source = 0, index;
    struct frag_queue *q;

    if (f->family == 4 && !(source = source_hold(f, key->src.v4)))
        return 0;
    index = pool_new(&f->queues, hash);
    if (!index) {
        if (source)
            source_drop(f, source);
        return 0;
    }
    q = queue_at(f, index);
    q->key = *key;
    q->source = source;
    q->have = q->room = UINT32_MAX;
    q->deadline = now + f->timeout;
    arm(f, index);
    charge(f, q, f->family == 4 ? CHARGE_QUEUE4 : CHARGE_QUEUE6);
    return index;
}

/* The datagram's queue, new if need be. 0: the limit is reached, which holds for old ones too. */
static uint32_t queue_get(struct frag *f, const struct frag_key *key, int64_t now)
{
    uint64_t hash = queue_hash(f, key);
    uint32_t index;

    if (f->high <= 0 || f->used > f->high)
        return 0;
    for (index = pool_first(&f->queues, hash); index; index = pool_next(&f->queues, index))
        if (memcmp(&queue_at(f, index)->key, key, sizeof(*key)) == 0)
            return index;
    return queue_new(f, key, hash, now);
}

/* The queue is no longer in the wheel: free it and all it holds. */
static void queue_free(struct frag *f, uint32_t index)
{
    struct frag_queue *q = queue_at(f, index);

    gather_clear(f, q);
    uncharge(f, q);
    if (q->source)
        source_drop(f, q->source);
    pool_free(&f->queues, queue_hash(f, &q->key), index);
}

static void queue_kill(struct frag *f, uint32_t index)
{
    disarm(f, index);
    queue_free(f, index);
}

/*
 * Too many fragments of the source came since this queue's last one: the identification has
 * probably been used anew, so what was gathered is thrown away. The time starts over; that the
 * queue once held larger fragments is remembered.
 */
static void queue_restart(struct frag *f, uint32_t index, int64_t now)
{
    struct frag_queue *q = queue_at(f, index);

    f->stats.fails++;
    gather_clear(f, q);
    uncharge(f, q);
    charge(f, q, CHARGE_QUEUE4);
    disarm(f, index);
    q->deadline = now + f->timeout;
    arm(f, index);
}

static void keep_distance(struct frag *f, uint32_t index, int64_t now)
{
    struct frag_queue *q = queue_at(f, index);
    uint32_t count = ++source_at(f, q->source)->count;

    if (q->got && count - q->distance > FRAG_MAX_DISTANCE)
        queue_restart(f, index, now);
    q->distance = count;
}

/* --- one fragment --- */

struct fragment {
    struct piece piece;
    uint32_t whole; /* length of the packet, less what is cut off its tail */
    uint8_t ecn;    /* 1 << ECN field */
    bool more, df;
};

static void describe4(const struct parsed *p, struct fragment *g)
{
    uint32_t from = (p->frag_field & IP4_OFFSET) * 8u;
    uint32_t len = p->l3_len - p->l4_off;

    g->more = p->frag_field & IP4_MF;
    g->df = p->frag_field & IP4_DF;
    g->ecn = (uint8_t)(1u << (p->ip[IP4_TOS] & 3));
    if (g->more)
        len &= ~7u;
    g->piece = (struct piece){
        .ip = p->ip, .have = p->have, .head = p->l4_off, .from = from, .to = from + len};
    g->whole = p->l4_off + len;
}

static void describe6(const struct parsed *p, struct fragment *g)
{
    uint32_t from = p->frag_field & ~7u;
    uint32_t head = p->frag_off + IP6F_SIZE;

    g->more = p->frag_field & IP6F_MF;
    g->df = false;
    g->ecn = (uint8_t)(1u << (p->ip[1] >> 4 & 3));
    g->piece = (struct piece){
        .ip = p->ip, .have = p->have, .head = head, .from = from, .to = from + p->l3_len - head};
    g->whole = p->l3_len;
}

/*
 * RFC 8200, 4.5: fragment 0 must hold all headers up to and including the upper-layer one. Linux
 * wants 20 bytes of TCP, 8 of UDP and ICMPv6, one of anything else; a chain of extension headers
 * that it cannot follow it lets through.
 */
static bool headers_incomplete(const struct parsed *p)
{
    uint8_t next = PROTO_FRAGMENT;
    uint32_t off = p->frag_off, upper;

    if (p->frag_field & ~7u)
        return false;
    while (ext6_is(next)) {
        const uint8_t *h = p->ip + off;

        if (off + (next == PROTO_FRAGMENT ? 4 : 2) > p->have)
            return false;
        if (next == PROTO_FRAGMENT && load_be16(h + IP6F_OFFSET) & ~7u)
            return false;
        off += ext6_size(next, h);
        next = h[0];
    }
    if (next == PROTO_NONE)
        return false;
    upper = next == PROTO_TCP ? TCP_MIN : next == PROTO_UDP || next == PROTO_ICMPV6 ? 8 : 1;
    return off + upper > p->l3_len;
}

/* Where the next-header field is that names the fragment header at `off`; 0: nothing does. */
static uint32_t named_at(const uint8_t *ip, uint32_t off)
{
    uint32_t field = IP6_NEXT, at = IP6_SIZE;

    while (at < off && ext6_is(ip[field])) {
        uint32_t size = ext6_size(ip[field], ip + at);

        field = at;
        at += size;
    }
    return at == off && ip[field] == PROTO_FRAGMENT ? field : 0;
}

/* Does the fragment agree with the datagram's end as known so far? Notes what it says about it. */
static enum weir_reason check_end(struct frag_queue *q, const struct fragment *g)
{
    uint32_t to = g->piece.to;

    if (!g->more) {
        if (to < q->end || (q->last && to != q->end))
            return WEIR_R_FRAG_END;
        q->last = true;
        q->end = to;
    } else if (to > q->end) {
        if (q->last)
            return WEIR_R_FRAG_END;
        q->end = to;
    }
    return to == g->piece.from ? WEIR_R_FRAG_EMPTY : WEIR_R_NONE;
}

static void note(struct frag *f, struct frag_queue *q, const struct parsed *p,
                 const struct fragment *g, uint16_t iface)
{
    charge(f, q, packet_charge(p->l3_len));
    q->ecn |= g->ecn;
    q->iface = iface;
    q->largest = max_u32(q->largest, g->whole);
    if (g->piece.from)
        q->room = min_u32(q->room, BUFFER_HEADROOM + g->piece.head);
    if (g->df)
        q->largest_df = max_u32(q->largest_df, g->whole);
}

/* --- the datagram --- */

/* RFC 3168, 5.3: what one part experienced the whole did, but not-ECT does not mix with others. */
static bool ecn_mixed(const struct frag_queue *q)
{
    return (q->ecn & 1) && q->ecn != 1;
}

static bool ecn_congested(const struct frag_queue *q)
{
    return q->ecn & 1 << 3;
}

static void finish_header4(const struct frag_queue *q, uint8_t *ip, uint32_t len)
{
    store_be16(ip + IP4_LENGTH, (uint16_t)len);
    store_be16(ip + IP4_FRAGMENT, q->largest_df == q->largest ? IP4_DF : 0);
    if (ecn_congested(q))
        ip[IP4_TOS] |= 3;
    store_raw16(ip + IP4_CHECKSUM, 0);
    store_raw16(ip + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, ip, q->head_len)));
}

static void finish_header6(const struct frag_queue *q, uint8_t *ip, uint32_t len, uint8_t next)
{
    ip[named_at(ip, q->head_len - IP6F_SIZE)] = next;
    store_be16(ip + IP6_PAYLOAD, (uint16_t)(len - IP6_SIZE));
    if (ecn_congested(q))
        ip[1] |= 3 << 4;
}

/* How far Linux surely needs the datagram in one buffer: see frag_touch(). */
static uint32_t contiguous(const struct parsed *p, uint8_t stage)
{
    bool early_demux = p->proto == PROTO_TCP && p->family == 4 && stage == FRAG_PREROUTING;

    return early_demux && p->first && parsed_l4_len(p) >= TCP_MIN ? p->l4_off + TCP_MIN : 0;
}

static enum weir_reason build(struct frag *f, const struct frag_queue *q, struct frag_datagram *out)
{
    bool v4 = f->family == 4;
    uint32_t data_at = v4 ? q->head_len : q->head_len - IP6F_SIZE;
    uint32_t len = data_at + q->end;
    uint32_t have = q->have < q->end ? data_at + q->have : len;
    uint8_t *ip, next;

    if (ecn_mixed(q))
        return WEIR_R_FRAG_ECN;
    if (len > (v4 ? 65535 : 65535 + IP6_SIZE))
        return WEIR_R_FRAG_TOO_LONG;
    ip = gather_head(f, q);
    next = ip[data_at];
    gather_data(f, q, ip + data_at, q->end);
    if (v4)
        finish_header4(q, ip, len);
    else
        finish_header6(q, ip, len, next);
    /* Not parse_ip(): Linux judges the hop-by-hop options that a packet arrives with, but not those
     * that come to light when fragments are put together. */
    parse_quote(&out->ip, ip, have, f->family);
    out->ip.l3_len = len;
    out->ip.cut = have < len;
    out->layout = (struct frag_layout){.cuts = f->cuts,
                                       .data_at = data_at,
                                       .largest = q->largest,
                                       .room = q->room,
                                       .contiguous = contiguous(&out->ip, q->key.stage)};
    return WEIR_R_NONE;
}

/* --- in --- */

static enum frag_result drop(struct frag_datagram *out, enum weir_reason reason)
{
    out->reason = reason;
    return FRAG_DROPPED;
}

/* The fragment costs its whole datagram. */
static enum frag_result kill(struct frag *f, uint32_t queue, struct frag_datagram *out,
                             enum weir_reason reason)
{
    if (f->family == 4)
        f->stats.fails++;
    queue_kill(f, queue);
    return drop(out, reason);
}

static enum frag_result complete(struct frag *f, uint32_t queue, struct frag_datagram *out)
{
    enum weir_reason reason = build(f, queue_at(f, queue), out);

    if (reason != WEIR_R_NONE)
        return kill(f, queue, out, reason);
    if (f->family == 4)
        f->stats.oks++;
    queue_kill(f, queue);
    return FRAG_COMPLETE;
}

/* Both families, once the fragment's own fields are known to be good. */
static enum frag_result add(struct frag *f, uint32_t queue, const struct parsed *p,
                            const struct fragment *g, uint16_t iface, struct frag_datagram *out)
{
    struct frag_queue *q = queue_at(f, queue);
    enum weir_reason reason = check_end(q, g);

    if (reason != WEIR_R_NONE)
        return f->family == 4 ? kill(f, queue, out, reason) : drop(out, reason);
    reason = gather_put(f, queue, &g->piece);
    if (reason == WEIR_R_FRAG_OVERLAP) {
        if (f->family == 4)
            f->stats.overlaps++;
        return kill(f, queue, out, reason);
    }
    if (reason == WEIR_R_FRAG_MEMORY && q->got == 0)
        return kill(f, queue, out, reason);
    if (reason != WEIR_R_NONE)
        return drop(out, reason);
    note(f, q, p, g, iface);
    if (q->head_len && q->last && q->got == q->end)
        return complete(f, queue, out);
    out->reason = WEIR_R_FRAG_WAIT;
    return FRAG_HELD;
}

static enum frag_result add4(struct frag *f, int64_t now, const struct parsed *p,
                             const struct frag_scope *scope, struct frag_datagram *out)
{
    struct frag_key key;
    struct fragment g;
    uint32_t queue;

    f->stats.reqds++;
    key_fill(f, p, scope, &key);
    queue = queue_get(f, &key, now);
    if (!queue) {
        f->stats.fails++;
        return drop(out, WEIR_R_FRAG_MEMORY);
    }
    keep_distance(f, queue, now);
    describe4(p, &g);
    return add(f, queue, p, &g, scope->iface, out);
}

static enum frag_result add6(struct frag *f, int64_t now, const struct parsed *p,
                             const struct frag_scope *scope, struct frag_datagram *out)
{
    struct frag_key key;
    struct fragment g;
    uint32_t queue;

    if (!named_at(p->ip, p->frag_off) || headers_incomplete(p))
        return FRAG_PASS;
    key_fill(f, p, scope, &key);
    queue = queue_get(f, &key, now);
    if (!queue)
        return drop(out, WEIR_R_FRAG_MEMORY);
    describe6(p, &g);
    if (g.piece.to > 65535)
        return drop(out, WEIR_R_FRAG_TOO_LONG);
    if (g.more && g.piece.to % 8) {
        queue_kill(f, queue);
        return FRAG_PASS;
    }
    return add(f, queue, p, &g, scope->iface, out);
}

enum frag_result frag_add(struct frag *f, int64_t now, const struct parsed *p,
                          const struct frag_scope *scope, struct frag_datagram *out)
{
    out->reason = WEIR_R_NONE;
    return f->family == 4 ? add4(f, now, p, scope, out) : add6(f, now, p, scope, out);
}

/* --- expiry --- */

static void follow_wheel(struct frag *f)
{
    f->clock += (uint32_t)(f->wheel.tick - (uint32_t)f->clock);
}

/* A queue out of the wheel whose deadline is not after `now`; 0: there is none. */
static uint32_t pop_due(struct frag *f, int64_t now)
{
    while (f->clock <= now) {
        int64_t step = now - f->clock > MAX_STEP ? f->clock + MAX_STEP : now;
        uint32_t queue;
        bool popped = wheel_pop(&f->wheel, (uint32_t)step, &queue, 1);

        follow_wheel(f);
        if (popped && queue_at(f, queue)->deadline <= now)
            return queue;
        if (popped)
            arm(f, queue);
        else if (step == now)
            return 0;
    }
    return 0;
}

bool frag_expire(struct frag *f, int64_t now, struct frag_expired *out)
{
    uint32_t queue = pop_due(f, now);
    struct frag_queue *q = queue_at(f, queue);

    if (!queue)
        return false;
    /* IPv6 counts what came in by an interface, and empty fragments leave no trace of one. */
    if (f->family == 4 || q->got) {
        f->stats.fails++;
        f->stats.timeouts++;
    }
    *out = (struct frag_expired){
        .scope = {.zone = q->key.zone, .iface = q->iface, .stage = q->key.stage}};
    if (q->head_len) {
        out->ip = gather_head(f, q);
        out->len = q->head_len + q->first_len;
        gather_data(f, q, out->ip + q->head_len, q->first_len);
    }
    queue_free(f, queue);
    return true;
}

bool frag_next(const struct frag *f, int64_t *tick64)
{
    uint32_t tick;

    if (!wheel_next(&f->wheel, &tick))
        return false;
    *tick64 = f->clock + (uint32_t)(tick - (uint32_t)f->clock);
    return true;
}
