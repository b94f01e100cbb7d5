/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The choice of tuples against its obvious twin: nat reference, section 5, written down as it
 * stands there, with every entry looked at for every question.
 *
 * A small world (few clients, servers, ports, zones, small ranges) is driven at random, so that
 * collisions of every kind are frequent. For each new connection and type the twin says beforehand,
 * from a copy of the random numbers, what the tuple will be. With weir.nat_linux_search it must be
 * that; without, it must be that where Linux finds one, and otherwise any tuple of the request that
 * is free, or a refusal if there is none. One that has expired and was not ended yet may be passed
 * over, as long as there is another.
 */
#include "../unit/nat_fixture.h"
#include "rng.h"

enum { CAPACITY = 3000, PHASES = 80, STEPS = 800 };

/* --- the twin --- */

struct twin {
    struct router *r;
    struct random random; /* a copy */
    uint64_t made[2]
                 [CAPACITY + 1]; /* when an entry's source was fixed, by family and index; 0: not */
    uint64_t clock;
    unsigned beyond; /* ports found where Linux finds none */
};

/* What it says. */
struct answer {
    struct weir_tuple cur; /* the new tuple */
    bool found;            /* Linux finds one */
    bool any;              /* there is one in the request */
    bool searched;
    bool stale; /* there are entries that have expired and were not ended yet */
    uint32_t min, n;
    uint32_t evicts; /* reference of an entry that goes, 0: none */
};

static struct conn *entry(const struct twin *w, int family, uint32_t index)
{
    struct conn *c = slab_at(&w->r->t->conns[family], index);

    return c->status & WEIR_S_CONFIRMED ? c : NULL;
}

static bool equal(const struct weir_tuple *a, const struct weir_tuple *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* 5.1. A reference to who has the mirror image. */
static uint32_t taken(const struct twin *w, const struct conn *c, const struct weir_tuple *cur)
{
    struct weir_tuple mirror, mine = conn_tuple(c, WEIR_ORIG);
    int family = c->family == 6;

    assert_true(tuple_invert(cur, &mirror));
    for (uint32_t i = 1; i <= w->r->t->conns[family].used; i++) {
        const struct conn *o = entry(w, family, i);

        for (int dir = 0; o && dir < 2; dir++) {
            struct weir_tuple theirs = conn_tuple(o, (enum weir_dir)dir);
            struct weir_tuple orig = conn_tuple(o, WEIR_ORIG);

            if (!equal(&theirs, &mirror) || conn_expired(w->r->t, o) ||
                conn_zone(o, (enum weir_dir)dir) != conn_zone(c, WEIR_REPLY) ||
                (dir == WEIR_ORIG && o->status & WEIR_S_NAT_CLASH))
                continue;
            if (equal(&orig, &mine) && conn_zone(o, WEIR_ORIG) == conn_zone(c, WEIR_ORIG))
                continue;
            return handle_make(c->family, i) | (uint32_t)dir;
        }
    }
    return 0;
}

static bool is_icmp(uint8_t proto)
{
    return proto == 1 || proto == 58;
}

static bool has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

/* The field of the tuple that a type is about. */
static uint16_t *field(struct weir_tuple *cur, enum nat_type type)
{
    return type == NAT_SRC || is_icmp(cur->proto) ? &cur->src_key : &cur->dst_key;
}

static union weir_addr *side(struct weir_tuple *cur, enum nat_type type)
{
    return type == NAT_SRC ? &cur->src : &cur->dst;
}

static bool port_in(const struct nat_range *r, struct weir_tuple *cur, enum nat_type type)
{
    uint16_t port = BE16(*field(cur, type));

    return (!has_ports(cur->proto) && !is_icmp(cur->proto)) ||
           (port >= r->min_port && port <= r->max_port);
}

static bool satisfies(const struct nat_range *r, struct weir_tuple *cur, enum nat_type type)
{
    const union weir_addr *a = side(cur, type);

    if (r->flags & NAT_MAP_IPS &&
        (memcmp(a, &r->min, sizeof(*a)) < 0 || memcmp(a, &r->max, sizeof(*a)) > 0))
        return false;
    return !(r->flags & NAT_PORT_RANGE) || port_in(r, cur, type);
}

#define ROT(x, k) ((x) << (k) | (x) >> (32 - (k)))

/* lookup3.c, May 2006, Bob Jenkins, public domain: hashword() of four words. */
static uint32_t hashword(const uint32_t k[4], uint32_t seed)
{
    uint32_t a, b, c;

    a = b = c = 0xdeadbeef + (4 << 2) + seed;
    a += k[0];
    b += k[1];
    c += k[2];
    a -= c, a ^= ROT(c, 4), c += b;
    b -= a, b ^= ROT(a, 6), a += c;
    c -= b, c ^= ROT(b, 8), b += a;
    a -= c, a ^= ROT(c, 16), c += b;
    b -= a, b ^= ROT(a, 19), a += c;
    c -= b, c ^= ROT(b, 4), b += a;
    a += k[3];
    c ^= b, c -= ROT(b, 14);
    a ^= c, a -= ROT(c, 11);
    b ^= a, b -= ROT(a, 25);
    c ^= b, c -= ROT(b, 16);
    a ^= c, a -= ROT(c, 4);
    b ^= a, b -= ROT(a, 14);
    c ^= b, c -= ROT(b, 24);
    return c;
}

/* 5.5, IPv4 and IPv6 */
static void pick_address(const struct nat_range *r, const struct conn *c, struct weir_tuple *cur,
                         enum nat_type type)
{
    int max = c->family == 4 ? 0 : 3;
    bool persistent = r->flags & NAT_PERSISTENT, differs = false;
    uint32_t words[4], h;

    if (memcmp(&r->min, &r->max, 16) == 0) {
        *side(cur, type) = r->min;
        return;
    }
    for (int i = 0; i < 4; i++)
        words[i] = load_le32(cur->src.bytes + 4 * i);
    h = hashword(words, persistent ? 0 : load_le32(cur->dst.bytes + 4 * max) ^ c->zone);
    for (int i = 0; i <= max; i++) {
        uint32_t lo = 0, n = 0xffffffff;
        uint8_t *word = side(cur, type)->bytes + 4 * i;

        if (!differs) {
            lo = load_be32(r->min.bytes + 4 * i);
            n = load_be32(r->max.bytes + 4 * i) - lo + 1;
        }
        store_be32(word, lo + (uint32_t)((uint64_t)h * n >> 32));
        differs |= memcmp(word, r->max.bytes + 4 * i, 4) != 0;
        if (!persistent)
            h ^= load_le32(cur->dst.bytes + 4 * i);
    }
}

/* 5.3. The newest first. */
static bool mapping(const struct twin *w, const struct conn *c, const struct nat_range *r,
                    struct weir_tuple *cur)
{
    int family = c->family == 6;
    uint64_t newest = 0;
    struct weir_tuple found = *cur;

    for (uint32_t i = 1; i <= w->r->t->conns[family].used; i++) {
        const struct conn *o = slab_at(&w->r->t->conns[family], i);
        struct weir_tuple a = conn_tuple(o, WEIR_ORIG), b = conn_tuple(c, WEIR_ORIG), theirs;

        if (!o->status || !w->made[family][i] || w->made[family][i] < newest ||
            a.src_key != b.src_key || a.proto != b.proto ||
            memcmp(&a.src, &b.src, sizeof(a.src)) != 0 ||
            conn_zone(o, WEIR_ORIG) != conn_zone(c, WEIR_ORIG) ||
            (o->zone_dirs == 3 ? o->zone : 0) != (c->zone_dirs == 3 ? c->zone : 0))
            continue;
        struct weir_tuple reply = conn_tuple(o, WEIR_REPLY), trial = *cur;

        assert_true(tuple_invert(&reply, &theirs));
        trial.src = theirs.src;
        trial.src_key = theirs.src_key;
        if (satisfies(r, &trial, NAT_SRC)) {
            newest = w->made[family][i];
            found = trial;
        }
    }
    if (!newest || taken(w, c, &found))
        return false;
    *cur = found;
    return true;
}

static uint16_t draw(struct twin *w)
{
    return (uint16_t)random_u32(&w->random);
}

static bool evictable(const struct twin *w, struct conn *c, uint32_t ref)
{
    struct conn *o = conn_at(w->r->t, ref);

    return c->proto == 6 && conn_proto(c)->tcp.state == WEIR_TCP_SYN_SENT && ref & 1 &&
           conn_proto(o)->tcp.state >= WEIR_TCP_TIME_WAIT && o->status & WEIR_S_SRC_NAT &&
           !(o->status & (WEIR_S_DYING | WEIR_S_FIXED_TIMEOUT)) &&
           (int32_t)(conn_proto(c)->tcp.side[0].end - conn_proto(o)->tcp.side[0].end) > 0;
}

/* 5.4 */
static void search(struct twin *w, struct conn *c, const struct nat_range *r, enum nat_type type,
                   struct answer *a)
{
    uint16_t *key = field(&a->cur, type), old = BE16(*key), off;

    if (!has_ports(c->proto) && !is_icmp(c->proto))
        return;
    a->min = 0;
    a->n = 65536;
    if (r->flags & NAT_PORT_RANGE) {
        a->min = r->min_port;
        a->n = r->max_port - r->min_port + 1u;
    } else if (!is_icmp(c->proto)) {
        if (type == NAT_DST)
            return;
        a->min = old < 512 ? 1 : old < 1024 ? 600 : 1024;
        a->n = old < 512 ? 511 : old < 1024 ? 424 : 64512;
    }
    a->searched = true;
    if (r->flags & NAT_PORT_OFFSET)
        off = (uint16_t)(old - r->base_port);
    else
        off = r->flags & NAT_RANDOM || type == NAT_SRC ? draw(w) : 0;
    for (uint32_t length = a->n < 128 ? a->n : 128;; length /= 2, off = draw(w)) {
        for (uint32_t i = 0; i < length; i++, off++) {
            *key = BE16((uint16_t)(a->min + off % a->n));
            uint32_t ref = taken(w, c, &a->cur);

            if (ref && length - i <= 32 && evictable(w, c, ref)) {
                a->evicts = ref;
                ref = 0;
            }
            if (!ref) {
                a->found = true;
                return;
            }
        }
        if (length >= a->n || length < 16)
            break;
    }
    struct weir_tuple trial = a->cur;

    for (uint32_t i = 0; i < a->n && !a->any; i++) {
        *field(&trial, type) = BE16((uint16_t)(a->min + i));
        a->any = !taken(w, c, &trial);
    }
}

static bool stale(const struct twin *w)
{
    for (int family = 0; family < 2; family++)
        for (uint32_t i = 1; i <= w->r->t->conns[family].used; i++)
            if (entry(w, family, i) && conn_expired(w->r->t, entry(w, family, i)))
                return true;
    return false;
}

static bool mirror_image(const struct twin *w, const struct conn *c, uint32_t ref)
{
    const uint32_t nat = WEIR_S_SRC_NAT | WEIR_S_DST_NAT;
    const struct conn *o = conn_at(w->r->t, ref);
    struct weir_tuple theirs = conn_tuple(o, WEIR_REPLY), mine = conn_tuple(c, WEIR_ORIG);

    return !(ref & 1) && equal(&theirs, &mine) && c->proto == 17 &&
           !((o->status | c->status) & nat) && conn_zone(o, WEIR_REPLY) == conn_zone(c, WEIR_ORIG);
}

/* 5.2 */
static struct answer predict(struct twin *w, struct conn *c, const struct nat_range *r,
                             enum nat_type type)
{
    struct weir_tuple reply = conn_tuple(c, WEIR_REPLY);
    struct answer a = {.found = true};
    bool random = r->flags & NAT_RANDOM;

    w->random = w->r->t->random;
    assert_true(tuple_invert(&reply, &a.cur));
    if (type == NAT_SRC && !random) {
        if (satisfies(r, &a.cur, type)) {
            uint32_t ref = taken(w, c, &a.cur);

            if (!ref || mirror_image(w, c, ref))
                return a;
        } else if (mapping(w, c, r, &a.cur)) {
            return a;
        }
    }
    if (r->flags & NAT_MAP_IPS)
        pick_address(r, c, &a.cur, type);
    if (!random && r->flags & NAT_PORT_RANGE && !(r->flags & NAT_PORT_OFFSET) &&
        port_in(r, &a.cur, type) && (r->min_port == r->max_port || !taken(w, c, &a.cur)))
        return a;
    if (!random && !(r->flags & NAT_PORT_RANGE) && !taken(w, c, &a.cur))
        return a;
    a.found = false;
    a.stale = stale(w);
    search(w, c, r, type, &a);
    return a;
}

/* --- the comparison --- */

static void check(struct twin *w, struct flight *x, const struct answer *a, enum nat_type type,
                  bool passed)
{
    struct track *t = w->r->t;
    bool linux_search = t->set.nat_linux_search || type == NAT_DST;

    if (!a->found && a->searched && !linux_search && !a->any) {
        assert_false(passed);
        assert_int_equal(x->pkt.reason, WEIR_R_NAT_EXHAUSTED);
        return;
    }
    assert_true(passed);
    struct weir_tuple cur, reply = conn_tuple(x->pkt.conn, WEIR_REPLY);

    assert_true(tuple_invert(&reply, &cur));
    if (linux_search || !a->searched || (a->found && !a->stale)) {
        assert_memory_equal(&cur, &a->cur, sizeof(cur));
        assert_int_equal(t->random.n, w->random.n);
        return;
    }
    struct weir_tuple expected = a->cur;
    uint32_t port = BE16(*field(&cur, type));

    *field(&expected, type) = *field(&cur, type);
    assert_memory_equal(&cur, &expected, sizeof(cur));
    assert_true(port >= a->min && port < a->min + a->n);
    assert_false(taken(w, x->pkt.conn, &cur));
    w->beyond += !a->found;
}

static bool hook(struct twin *w, struct flight *x, enum nat_type type)
{
    struct router *r = w->r;
    struct pkt *p = &x->pkt;
    const struct request *q = &r->rule[type];

    if (nat_need(p, type) != NAT_RULES)
        return at_hook(r, x, type);
    struct weir_tuple reply = conn_tuple(p->conn, WEIR_REPLY);
    struct nat_range null = {.flags = NAT_MAP_IPS, .min = type == NAT_SRC ? reply.dst : reply.src};

    null.max = null.min;
    struct answer a = predict(w, p->conn, q->on ? &q->range : &null, type);
    bool passed = q->on ? nat_setup(r->t, p, &q->range, type) : nat_null(r->t, p, type);

    check(w, x, &a, type, passed);
    if (type == NAT_SRC && passed)
        w->made[p->conn->family == 6][handle_index(p->handle)] = ++w->clock;
    if (a.evicts && !(a.stale && !r->t->set.nat_linux_search))
        assert_int_equal(conn_at(r->t, a.evicts)->status, 0);
    return passed && nat_rewrite(r->t, p, type);
}

static void walk(struct twin *w, const struct build *b)
{
    uint8_t bytes[256];
    struct flight x = {.dropped = false};
    struct track *t = w->r->t;

    x.raw.data = bytes;
    x.raw.len = (uint32_t)build_make(b, bytes, sizeof(bytes));
    x.raw.templ = x.pkt.templ = w->r->f->templ;
    x.pkt.raw = &x.raw;
    assert_int_equal(parse_ip(&x.pkt.ip, bytes, x.raw.len, 0), WEIR_R_NONE);
    classify_key(t, &x.pkt);
    bool good = classify(t, &x.pkt);

    if (good && x.pkt.conn && !(x.pkt.conn->status & WEIR_S_CONFIRMED))
        w->made[x.pkt.conn->family == 6][handle_index(x.pkt.handle)] = 0;
    if (!good || !hook(w, &x, NAT_DST) || !hook(w, &x, NAT_SRC) ||
        (x.pkt.conn && !conn_confirm(t, &x.pkt)))
        drop(w->r, &x);
}

/* Every bit that a pool knows is what the table says. */
static void check_pool(const struct twin *w, const struct pool *pool)
{
    struct weir_tuple reply = pool->reply;
    uint32_t n = 0;

    for (unsigned word = 0; word < POOL_WORDS; word++) {
        if (!(pool->known[word / LEAF_WORDS] >> word % LEAF_WORDS & 1))
            continue;
        const uint64_t *leaf = slab_at(&w->r->t->nat->ports.leaves, pool->leaf[word / LEAF_WORDS]);

        for (unsigned bit = 0; bit < 64; bit++) {
            bool is = leaf[word % LEAF_WORDS] >> bit & 1, should = false;

            *(is_icmp(reply.proto) ? &reply.src_key : &reply.dst_key) = BE16(word * 64 + bit);
            uint64_t hash = track_hash(w->r->t, &reply, pool->zone);
            struct table_probe probe;

            for (uint32_t ref = table_first(&w->r->t->table, hash, &probe); ref;
                 ref = table_next(&w->r->t->table, &probe)) {
                const struct conn *c = conn_at(w->r->t, ref);

                should |= conn_has_tuple(c, ref_dir(ref), &reply) &&
                          conn_zone(c, ref_dir(ref)) == pool->zone;
            }
            assert_int_equal(is, should);
            n += is;
        }
    }
    assert_int_equal(n, pool->taken);
}

static void check_pools(const struct twin *w)
{
    const struct ports *ports = &w->r->t->nat->ports;
    uint32_t seen = 0;

    for (uint32_t i = 0; i <= ports->mask; i++)
        for (uint32_t at = ports->bucket[i]; at; seen++) {
            const struct pool *pool = slab_at(&ports->pools, at);

            check_pool(w, pool);
            at = pool->next;
        }
    assert_int_equal(seen, ports->pools.count);
}

/* --- the world --- */

/* What is drawn from in a phase. */
struct mix {
    uint8_t family, clients, servers, ports;
    bool zones;
    bool crowd; /* many clients want the same small range towards one server */
    enum build_kind kind;
};

static void address(struct build_addr *a, uint8_t family, uint8_t net, uint32_t host)
{
    if (family == 4)
        *a = (struct build_addr){{10, net, (uint8_t)(host >> 8), (uint8_t)host}};
    else
        *a = (struct build_addr){{0xfd, 0, net, [14] = (uint8_t)(host >> 8), (uint8_t)host}};
}

static struct build draw_packet(const struct mix *m, struct rng *g)
{
    static const uint16_t ports[] = {5000, 5001, 100, 700, 10000, 10100, 65535, 1023};
    struct build b;
    uint16_t sport = ports[rng_below(g, m->ports)],
             dport = (uint16_t)(53 + rng_below(g, m->servers));

    build_init(&b, m->family, m->kind);
    address(&b.src, m->family, 1, rng_below(g, m->clients));
    address(&b.dst, m->family, 2, rng_below(g, m->servers));
    if (rng_below(g, 20) == 0) { /* from the other side, perhaps to a mapping */
        address(&b.src, m->family, 2, rng_below(g, m->servers));
        address(&b.dst, m->family, 9, rng_below(g, 4));
        uint16_t swap = sport;

        sport = dport;
        dport = swap;
    }
    if (m->kind == BUILD_TCP) {
        b.l4.tcp = (struct build_tcp){.sport = sport, .dport = dport, .doff = BUILD_AUTO};
        b.l4.tcp.flags = rng_below(g, 5) ? FL_SYN : FL_ACK;
        b.l4.tcp.seq = rng_below(g, 5) * 1000;
        b.l4.tcp.win = 1000;
    } else if (m->kind == BUILD_UDP) {
        b.l4.udp.sport = sport;
        b.l4.udp.dport = dport;
    } else {
        b.l4.icmp.type = m->family == 4 ? 8 : 128;
        b.l4.icmp.rest = (uint32_t)sport << 16;
    }
    return b;
}

static union weir_addr range_addr(uint8_t family, uint8_t net, uint32_t host)
{
    union weir_addr addr;
    struct build_addr a;

    address(&a, family, net, host);
    memcpy(addr.bytes, a.b, sizeof(addr));
    return addr;
}

static void draw_request(struct request *q, const struct mix *m, enum nat_type type, struct rng *g)
{
    static const uint16_t sizes[] = {1, 2, 16, 31, 32, 33, 40, 127, 128, 129, 150, 300};
    static const uint32_t flags[] = {0, 0, 0, NAT_RANDOM, NAT_PERSISTENT};
    struct nat_range *r = &q->range;

    *q = (struct request){.on = rng_below(g, type == NAT_SRC ? 6 : 3) != 0};
    if (m->crowd) {
        q->on = type == NAT_SRC;
        r->flags = NAT_MAP_IPS | NAT_PORT_RANGE;
        r->min = r->max = range_addr(m->family, 9, 0);
        r->min_port = 9900;
        r->max_port = (uint16_t)(9900 + 250 + rng_below(g, 200));
        return;
    }
    r->flags = flags[rng_below(g, WEIR_ARRAY_LEN(flags))];
    if (rng_below(g, 6)) {
        r->flags |= NAT_MAP_IPS;
        r->min = range_addr(m->family, type == NAT_SRC ? 9 : 2, 0);
        r->max = range_addr(m->family, type == NAT_SRC ? 9 : 2, rng_below(g, 3) ? 0 : 3);
    }
    if (rng_below(g, 3)) {
        r->flags |= NAT_PORT_RANGE;
        r->min_port = (uint16_t)(10000 - rng_below(g, 20));
        r->max_port = (uint16_t)(r->min_port + sizes[rng_below(g, WEIR_ARRAY_LEN(sizes))] - 1);
        if (rng_below(g, 5) == 0) {
            r->flags |= NAT_PORT_OFFSET;
            r->base_port = (uint16_t)rng_below(g, 65536);
        }
    }
}

/* Something happens to an entry, or time passes. */
static void disturb(struct twin *w, struct rng *g)
{
    static const uint8_t states[] = {WEIR_TCP_TIME_WAIT, WEIR_TCP_CLOSE, WEIR_TCP_FIN_WAIT};
    struct router *r = w->r;
    int family = (int)rng_below(g, 2);
    uint32_t used = r->t->conns[family].used;
    uint32_t index = used ? 1 + rng_below(g, used) : 0;
    struct conn *c = index ? entry(w, family, index) : NULL;

    switch (rng_below(g, 40)) {
    case 0: expire_clock(r->t, (struct weir_time){r->t->time_ns + rng_below(g, 40) * SEC}); break;
    case 1:
    case 2:
    case 3:
    case 4:
        if (c)
            conn_kill(r->t, handle_make(family ? 6 : 4, index));
        break;
    case 5: (void)expire_tick(r->t, 20); break;
    default:
        if (c && c->proto == 6 && rng_below(g, 3) == 0)
            conn_proto(c)->tcp.state = states[rng_below(g, 3)];
    }
}

static void phase(struct twin *w, struct rng *g, bool linux_search)
{
    static const struct weir_template zones[] = {
        {.zone = 5, .zone_dirs = 3}, {.zone = 5, .zone_dirs = 1}, {.zone = 5, .zone_dirs = 2}};
    static const enum build_kind kinds[] = {BUILD_UDP, BUILD_UDP, BUILD_TCP, BUILD_ICMP};
    struct router *r = w->r;
    struct mix m;

    m.family = rng_below(g, 4) ? 4 : 6;
    m.clients = rng_below(g, 2) ? 4 : 250;
    m.servers = (uint8_t)(1 + rng_below(g, 3));
    m.ports = (uint8_t)(1 + rng_below(g, 8));
    m.zones = rng_below(g, 4) == 0;
    m.kind = kinds[rng_below(g, WEIR_ARRAY_LEN(kinds))];
    m.crowd = rng_below(g, 2) == 0;
    if (m.crowd) {
        m.clients = 250;
        m.servers = 1;
        m.ports = 8;
        m.zones = false;
    }
    set(r->f, WEIR_T_NAT_LINUX_SEARCH, linux_search);
    for (unsigned step = 0; step < STEPS; step++) {
        if (step == 0 || (!m.crowd && step % 150 == 0))
            for (int type = 0; type < 2; type++)
                draw_request(&r->rule[type], &m, (enum nat_type)type, g);
        r->f->templ = m.zones && rng_below(g, 2) ? &zones[rng_below(g, 3)] : NULL;
        struct build b = draw_packet(&m, g);

        walk(w, &b);
        disturb(w, g);
        if (step % 100 == 0)
            check_pools(w);
    }
    if (rng_below(g, 2))
        flush(r);
}

static void run(bool linux_search)
{
    struct twin *w = calloc(1, sizeof(*w));
    struct rng g;

    assert_non_null(w);
    w->r = router_new(CAPACITY);
    w->r->t->host.event = NULL;
    rng_init(&g, 42 + linux_search);
    for (unsigned i = 0; i < PHASES; i++)
        phase(w, &g, linux_search);
    print_message("# %llu connections, %llu refused, %u beyond Linux's search\n",
                  (unsigned long long)stats(w->r->f).created,
                  (unsigned long long)stats(w->r->f).insert_failed, w->beyond);
    assert_true(linux_search ? w->beyond == 0 : w->beyond > 10);
    flush(w->r);
    router_free(w->r);
    free(w);
}

static void test_linux(void **state)
{
    (void)state;
    run(true);
}

static void test_exact(void **state)
{
    (void)state;
    run(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
