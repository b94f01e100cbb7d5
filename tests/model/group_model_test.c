/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several shards against one: conversations through a router with SNAT and DNAT, once through a
 * single shard and once through a group of them, in one thread that lets the workers take turns at
 * random.
 *
 * A round is one step of each of some conversations: a packet of the client or the server, whole or
 * in fragments, or an ICMP error about what the other side saw last. In the group the packets of a
 * round come in at random workers and are under way together; the round is over when all of them
 * came out, whatever notes are still unread. As a translated source port may be another one in each
 * world, the server's side answers in each world what it saw there.
 *
 * Compared: what became of each packet, its class and reason; the bytes that left, but for the
 * translated source port on the server's side (on the client's side, every byte); and now and then
 * all connections. Of the group itself: no tuple is there twice, each whose home is another shard
 * has a stub there, and there are no other stubs.
 */
#include "../unit/shard_fixture.h"
#include "rng.h"
#include "wire.h"

#include "pipe/group.h"
#include <weir/rules.h>

enum {
    FLOWS = 48,
    IN_ROUND = 12,
    PIECES = 4,
    OUT_MAX = 8,
    BYTES_MAX = 2200,
    CONNS_MAX = 4096,
    QUEUE_MAX = IN_ROUND * PIECES,
};

static const char rules4[] = "*nat\n"
                             "-A PREROUTING -d 203.0.113.1 -j DNAT --to-destination 10.9.0.1\n"
                             "-A PREROUTING -d 203.0.113.2 -p tcp -j DNAT --to 10.9.0.2:8080\n"
                             "-A PREROUTING -d 203.0.113.2 -j DNAT --to-destination 10.9.0.2\n"
                             "-A POSTROUTING -s 10.1.0.0/16 -j SNAT --to-source 192.0.2.100\n"
                             "COMMIT\n";
static const char rules6[] = "*nat\n"
                             "-A PREROUTING -d fd03::1 -j DNAT --to-destination fd09::1\n"
                             "-A PREROUTING -d fd03::2 -p tcp -j DNAT --to [fd09::2]:8080\n"
                             "-A PREROUTING -d fd03::2 -j DNAT --to-destination fd09::2\n"
                             "-A POSTROUTING -s fd01::/32 -j SNAT --to-source fd02::100\n"
                             "COMMIT\n";

/* --- conversations --- */

enum speech { TALK_UDP, TALK_TCP, TALK_ECHO, TALK_OTHER, TALKS };

struct bytes {
    size_t len;
    uint8_t at[BYTES_MAX];
};

struct flow {
    uint8_t family;
    enum speech speech;
    bool snat, dnat;
    struct build_addr client, server; /* the one that the client knows */
    uint16_t cport, sport;
    unsigned steps;
    uint32_t next[2];       /* TCP: sequence numbers, by side */
    struct bytes at_client; /* what it saw last; the same in both worlds */
    struct bytes at_server[2];
};

struct out {
    unsigned count;
    struct bytes bytes[OUT_MAX];
};

/* What became of the packets of one step in one world. */
struct outcome {
    unsigned done, dropped;
    uint8_t reason, ctinfo;
    struct out out;
};

struct step {
    struct flow *flow;
    bool from_client;
    unsigned pieces;
    struct bytes piece[2][PIECES]; /* by world */
    struct outcome outcome[2];
};

enum { ALONE, TOGETHER };

static struct model {
    struct rng rng;
    struct weir_time now;
    uint16_t ports; /* the last one given to a client */
    struct flow flow[FLOWS];
    struct step step[IN_ROUND];
    unsigned steps;

    struct weir_shard *alone;
    struct weir_group *group;
    unsigned shards;
    struct weir_rules *rules[2];
    struct weir_packet queue[WEIR_GROUP_SHARDS_MAX][QUEUE_MAX];
    unsigned queued[WEIR_GROUP_SHARDS_MAX];
    unsigned under_way;
    unsigned conns_seen, accepted, errors, fragments; /* what the test met */
} m;

static struct build_addr address(uint8_t family, uint8_t net, uint8_t host)
{
    static const uint8_t v4[][3] = {
        [1] = {10, 1, 0}, [4] = {10, 2, 0}, [3] = {203, 0, 113}, [5] = {198, 51, 100}};
    struct build_addr a = {{0}};

    if (family == 4) {
        memcpy(a.b, v4[net], 3);
        a.b[3] = host;
    } else {
        a.b[0] = 0xfd;
        a.b[1] = net;
        a.b[15] = host;
    }
    return a;
}

static void flow_start(struct flow *f)
{
    static const uint16_t weights[TALKS] = {4, 4, 2, 1};

    memset(f, 0, sizeof(*f));
    f->family = rng_percent(&m.rng, 50) ? 4 : 6;
    f->speech = (enum speech)rng_weighted(&m.rng, weights, TALKS);
    f->snat = f->speech != TALK_OTHER && rng_percent(&m.rng, 50);
    f->dnat = rng_percent(&m.rng, 50);
    m.ports = (uint16_t)(m.ports >= 60000 ? 1024 : m.ports + 1);
    /* Protocols without ports: the addresses alone must tell connections apart. */
    f->client =
        address(f->family, f->snat ? 1 : 4,
                (uint8_t)(f->speech == TALK_OTHER ? 100 + (f - m.flow) : 1 + rng_below(&m.rng, 3)));
    f->server = address(f->family, f->dnat ? 3 : 5, (uint8_t)(1 + rng_below(&m.rng, 2)));
    f->cport = m.ports;
    f->sport = rng_percent(&m.rng, 80) ? 80 : 53;
    f->next[0] = rng_u32(&m.rng);
    f->next[1] = rng_u32(&m.rng);
}

/* --- making packets --- */

static size_t l4_at(const uint8_t *p)
{
    if (p[0] >> 4 == 4)
        return (p[0] & 15u) * 4u;
    return p[6] == BUILD_PROTO_FRAGMENT ? 48 : 40;
}

static uint8_t proto_at(const uint8_t *p)
{
    if (p[0] >> 4 == 4)
        return p[9];
    return p[6] == BUILD_PROTO_FRAGMENT ? p[40] : p[6];
}

static struct build_addr addr_at(const uint8_t *p, bool dst)
{
    struct build_addr a = {{0}};

    if (p[0] >> 4 == 4)
        memcpy(a.b, p + (dst ? 16 : 12), 4);
    else
        memcpy(a.b, p + (dst ? 24 : 8), 16);
    return a;
}

static void begin(struct build *b, const struct flow *f)
{
    static const enum build_kind kinds[TALKS] = {BUILD_UDP, BUILD_TCP, BUILD_ICMP, BUILD_RAW};

    build_init(b, f->family, kinds[f->speech]);
    if (f->speech == TALK_OTHER)
        b->proto = 253;
    b->data.len = 8;
}

static void fill_tcp(struct build *b, struct flow *f, unsigned side)
{
    struct build_tcp *t = &b->l4.tcp;

    t->win = 8000;
    t->seq = f->next[side];
    t->ack = f->next[!side];
    t->flags = BUILD_TCP_ACK;
    b->data.len = 0;
    if (f->steps < 2) {
        t->flags = side ? BUILD_TCP_SYN | BUILD_TCP_ACK : BUILD_TCP_SYN;
        t->ack = side ? f->next[0] : 0;
        f->next[side]++;
    } else if (f->steps > 12) {
        t->flags |= BUILD_TCP_FIN;
        f->next[side]++;
    } else if (rng_percent(&m.rng, 60)) {
        b->data.len = 20;
        f->next[side] += 20;
    }
    if (rng_percent(&m.rng, 4))
        t->seq += 1000000; /* beyond the window: INVALID */
}

/* A packet of `side`: ports are what this side believes them to be. */
static size_t make(struct flow *f, struct build *b, uint16_t sport, uint16_t dport, uint8_t *to)
{
    switch (f->speech) {
    case TALK_UDP:
        b->l4.udp.sport = sport;
        b->l4.udp.dport = dport;
        break;
    case TALK_TCP:
        b->l4.tcp.sport = sport;
        b->l4.tcp.dport = dport;
        break;
    case TALK_ECHO: b->l4.icmp.rest = (uint32_t)sport << 16 | 1; break;
    case TALK_OTHER:
    case TALKS: break;
    }
    size_t len = build_make(b, to, BYTES_MAX);

    assert_true(len > 0);
    return len;
}

static void set_echo(struct build *b, const struct flow *f, bool answer)
{
    if (f->speech == TALK_ECHO)
        b->l4.icmp.type = (uint8_t)(f->family == 4 ? (answer ? 0 : 8) : (answer ? 129 : 128));
}

static void client_packet(struct flow *f, struct build *b, struct bytes *whole)
{
    set_echo(b, f, false);
    b->src = f->client;
    b->dst = f->server;
    whole->len = make(f, b, f->cport, f->sport, whole->at);
}

/* The answer to what the server saw. */
static void server_packet(struct flow *f, struct build *b, const struct bytes *seen,
                          struct bytes *whole)
{
    const uint8_t *l4 = seen->at + l4_at(seen->at);
    bool echo = f->speech == TALK_ECHO;

    set_echo(b, f, true);
    b->src = addr_at(seen->at, true);
    b->dst = addr_at(seen->at, false);
    whole->len = make(f, b, wire_get16(l4 + (echo ? 4 : 2)), wire_get16(l4), whole->at);
}

/* An error about a packet that was seen, from whom it was for. */
static void error_packet(const struct flow *f, const struct bytes *seen, struct bytes *whole)
{
    struct build b;

    build_init(&b, f->family, BUILD_ICMP);
    b.src = addr_at(seen->at, true);
    b.dst = addr_at(seen->at, false);
    b.l4.icmp.type = f->family == 4 ? 3 : 1;
    b.l4.icmp.code = f->family == 4 ? 3 : 4;
    b.data.bytes = seen->at;
    b.data.len = seen->len < 100 ? seen->len : 100;
    whole->len = build_make(&b, whole->at, BYTES_MAX);
    assert_true(whole->len > 0);
}

/* Whole, or cut in two to four. */
static unsigned cut(const struct bytes *whole, struct bytes *piece, unsigned pieces, uint32_t id)
{
    size_t total = build_fragmentable(whole->at, whole->len), size = total / pieces / 8 * 8;

    if (pieces == 1) {
        piece[0] = *whole;
        return 1;
    }
    for (unsigned i = 0; i < pieces; i++) {
        struct build_piece p = {.on = true,
                                .off = (uint32_t)(i * size),
                                .len = (uint32_t)(i + 1 < pieces ? size : total - i * size),
                                .more = BUILD_AUTO,
                                .id = id};

        piece[i].len = build_fragment(whole->at, whole->len, &p, piece[i].at, BYTES_MAX);
        assert_true(piece[i].len > 0);
    }
    return pieces;
}

static bool has_seen(const struct flow *f, bool client)
{
    return client ? f->at_client.len : f->at_server[ALONE].len;
}

static void step_error(struct step *s)
{
    struct flow *f = s->flow;

    for (int w = 0; w < 2; w++)
        error_packet(f, s->from_client ? &f->at_client : &f->at_server[w], &s->piece[w][0]);
    s->pieces = 1;
    m.errors++;
}

static void step_packet(struct step *s)
{
    struct flow *f = s->flow;
    bool big = (f->speech == TALK_UDP || f->speech == TALK_ECHO) && rng_percent(&m.rng, 30);
    unsigned pieces = big ? rng_range(&m.rng, 2, PIECES) : 1;
    uint32_t id = rng_u32(&m.rng) | 1;
    struct bytes whole[2];
    struct build b;

    begin(&b, f);
    b.ip4.id = (uint16_t)id;
    if (big)
        b.data.len = 1000 + rng_below(&m.rng, 1000);
    if (f->speech == TALK_TCP)
        fill_tcp(&b, f, !s->from_client);
    for (int w = 0; w < 2; w++) {
        if (s->from_client)
            client_packet(f, &b, &whole[w]);
        else
            server_packet(f, &b, &f->at_server[w], &whole[w]);
        s->pieces = cut(&whole[w], s->piece[w], pieces, id);
    }
    m.fragments += pieces > 1;
    f->steps++;
}

static void step_make(struct step *s, struct flow *f)
{
    memset(s->outcome, 0, sizeof(s->outcome));
    s->flow = f;
    s->from_client = !has_seen(f, false) || rng_percent(&m.rng, 50);
    if (f->speech == TALK_TCP && f->steps < 2)
        s->from_client = !has_seen(f, false);
    if (has_seen(f, s->from_client) && f->steps > 2 && rng_percent(&m.rng, 15))
        step_error(s);
    else
        step_packet(s);
}

/* --- what came out --- */

static void keep(struct out *o, const uint8_t *data, size_t len)
{
    assert_true(o->count < OUT_MAX);
    assert_true(len <= BYTES_MAX);
    o->bytes[o->count].len = len;
    memcpy(o->bytes[o->count++].at, data, len);
}

/* A packet that weir made: its mark is that of the packet that caused it. */
static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)cause;
    assert_true(made->mark < m.steps);
    keep(&m.step[made->mark].outcome[ctx ? TOGETHER : ALONE].out, made->data, made->len);
}

static void note(struct outcome *o, const struct weir_packet *p)
{
    switch ((enum weir_verdict)p->verdict) {
    case WEIR_ACCEPT: keep(&o->out, p->data, p->len); break;
    case WEIR_DROP:
        o->dropped++;
        o->reason = p->reason;
        break;
    case WEIR_HELD: return;
    case WEIR_REPLACED: break;
    case WEIR_VERDICT_NONE:
    case WEIR_VERDICT_MAX: fail();
    }
    o->done++;
    o->ctinfo = p->ctinfo;
}

static struct weir_packet packet_of(unsigned step, const struct bytes *bytes)
{
    uint8_t *exact = malloc(bytes->len);

    assert_non_null(exact);
    memcpy(exact, bytes->at, bytes->len);
    return (struct weir_packet){.data = exact, .len = (uint32_t)bytes->len, .mark = step};
}

static void run_alone(void)
{
    for (unsigned i = 0; i < m.steps; i++)
        for (unsigned k = 0; k < m.step[i].pieces; k++) {
            struct weir_packet p = packet_of(i, &m.step[i].piece[ALONE][k]);

            weir_shard_run(m.alone, m.now, &p, 1);
            note(&m.step[i].outcome[ALONE], &p);
            free(p.data);
        }
}

/* --- the group's turns --- */

static void run_own(unsigned w, struct weir_packet *packets, struct weir_steered s)
{
    assert_int_equal(s.refused, 0);
    weir_shard_run(weir_group_shard(m.group, w), m.now, packets, s.own);
    for (size_t i = 0; i < s.own; i++) {
        note(&m.step[packets[i].mark].outcome[TOGETHER], &packets[i]);
        if (packets[i].flags & WEIR_PKT_GATHERED)
            continue;
        free(packets[i].data);
        m.under_way--;
    }
}

static void turn(unsigned w)
{
    struct weir_packet packets[QUEUE_MAX];
    unsigned n = rng_below(&m.rng, m.queued[w] + 1);

    if (rng_percent(&m.rng, 50)) {
        memcpy(packets, m.queue[w], n * sizeof(*packets));
        m.queued[w] -= n;
        memmove(m.queue[w], m.queue[w] + n, m.queued[w] * sizeof(*packets));
        run_own(w, packets, weir_group_steer(m.group, w, packets, n));
    } else {
        run_own(w, packets, weir_group_take(m.group, w, packets, 1 + rng_below(&m.rng, QUEUE_MAX)));
    }
}

static bool datagrams_under_way(void)
{
    for (unsigned from = 0; from < m.shards; from++)
        for (unsigned to = 0; to < m.shards; to++)
            if (from != to && ring_waiting(&group_channel(m.group, from, to)->packets))
                return true;
    return false;
}

static void run_together(void)
{
    for (unsigned i = 0; i < m.steps; i++)
        for (unsigned k = 0; k < m.step[i].pieces; k++) {
            unsigned w = rng_below(&m.rng, m.shards);

            m.queue[w][m.queued[w]++] = packet_of(i, &m.step[i].piece[TOGETHER][k]);
            m.under_way++;
        }
    while (m.under_way || datagrams_under_way())
        turn(rng_below(&m.rng, m.shards));
}

/* --- comparing --- */

/* On the server's side the client's port is the router's choice; INVALID packets go on as they are.
 */
static void blank(struct bytes *b, const struct step *s)
{
    bool invalid = s->outcome[ALONE].ctinfo == WEIR_CT_INVALID;
    bool free_port = s->flow->snat && s->from_client != invalid;
    size_t l4 = l4_at(b->at);
    uint8_t proto = proto_at(b->at);

    if (b->at[0] >> 4 == 6 && b->at[6] == BUILD_PROTO_FRAGMENT) {
        memset(b->at + 44, 0, 4); /* a new identification */
        if (wire_get16(b->at + 42) >> 3)
            return;
    } else if (b->at[0] >> 4 == 4 && wire_get16(b->at + 6) & 0x1fff) {
        return;
    }
    if (!free_port)
        return;
    if (proto == BUILD_PROTO_ICMP || proto == BUILD_PROTO_ICMPV6) {
        bool echo = (b->at[l4] | 8) == 8 || b->at[l4] >= 128;

        memset(b->at + l4 + 2, 0, echo ? 4 : b->len - l4 - 2);
        return;
    }
    memset(b->at + l4 + (s->from_client ? 0 : 2), 0, 2);
    memset(b->at + l4 + (proto == BUILD_PROTO_TCP ? 16 : 6), 0, 2);
}

static void check_bytes(const struct step *s)
{
    const struct out *a = &s->outcome[ALONE].out, *t = &s->outcome[TOGETHER].out;

    assert_int_equal(t->count, a->count);
    for (unsigned i = 0; i < a->count; i++) {
        struct bytes x = a->bytes[i], y = t->bytes[i];

        blank(&x, s);
        blank(&y, s);
        assert_int_equal(x.len, y.len);
        assert_memory_equal(x.at, y.at, x.len);
    }
}

static void check_step(const struct step *s)
{
    const struct outcome *a = &s->outcome[ALONE], *t = &s->outcome[TOGETHER];

    assert_int_equal(t->done, a->done);
    assert_int_equal(t->dropped, a->dropped);
    assert_int_equal(t->ctinfo, a->ctinfo);
    assert_int_equal(t->reason, a->reason);
    check_bytes(s);
    m.accepted += a->out.count > 0;
}

/* Let the receivers see what came, for their next answer. */
static void deliver(struct step *s)
{
    struct flow *f = s->flow;
    const struct out *a = &s->outcome[ALONE].out, *t = &s->outcome[TOGETHER].out;
    uint8_t proto;

    if (!a->count || s->pieces > 1 || s->outcome[ALONE].ctinfo == WEIR_CT_INVALID)
        return;
    proto = proto_at(a->bytes[0].at);
    /* Errors are not answered. */
    if ((proto == BUILD_PROTO_ICMP || proto == BUILD_PROTO_ICMPV6) && f->speech != TALK_ECHO)
        return;
    if (f->speech == TALK_ECHO && a->bytes[0].at[l4_at(a->bytes[0].at)] == (f->family == 4 ? 3 : 1))
        return;
    if (s->from_client) {
        f->at_server[ALONE] = a->bytes[0];
        f->at_server[TOGETHER] = t->bytes[0];
    } else {
        struct build_addr to = addr_at(a->bytes[0].at, true);

        f->at_client = a->bytes[0];
        assert_memory_equal(to.b, f->client.b, sizeof(to.b));
    }
}

/* --- comparing tables --- */

struct entry {
    struct weir_tuple tuple[2];
    uint32_t status, state;
    int64_t timeout_ms;
    uint64_t packets[2], bytes[2];
};

static int order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct entry));
}

static size_t collect(const struct weir_shard *shard, struct entry *to, size_t n)
{
    struct weir_conn c;
    uint64_t cursor = 0;

    while (weir_conn_walk(shard, &cursor, &c)) {
        assert_true(n < CONNS_MAX);
        memset(&to[n], 0, sizeof(to[n]));
        to[n].tuple[0] = c.tuple[0];
        to[n].tuple[1] = c.tuple[1];
        if (c.status & WEIR_S_SRC_NAT) {
            bool icmp = c.tuple[0].proto == 1 || c.tuple[0].proto == 58;

            *(icmp ? &to[n].tuple[1].src_key : &to[n].tuple[1].dst_key) = 0;
        }
        to[n].status = c.status;
        to[n].state = c.state;
        to[n].timeout_ms = c.timeout_ms;
        memcpy(to[n].packets, c.packets, sizeof(c.packets));
        memcpy(to[n].bytes, c.bytes, sizeof(c.bytes));
        n++;
    }
    return n;
}

static void tick(void)
{
    (void)weir_shard_tick(m.alone, m.now, 0);
    for (unsigned w = 0; w < m.shards; w++)
        (void)weir_shard_tick(weir_group_shard(m.group, w), m.now, 0);
}

static void compare_tables(void)
{
    static struct entry alone[CONNS_MAX], together[CONNS_MAX];
    size_t n = 0, k = collect(m.alone, alone, 0);

    for (unsigned w = 0; w < m.shards; w++)
        n = collect(weir_group_shard(m.group, w), together, n);
    assert_int_equal(n, k);
    qsort(alone, n, sizeof(*alone), order);
    qsort(together, n, sizeof(*together), order);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(&together[i], &alone[i], sizeof(*alone));
    m.conns_seen += (unsigned)n;
}

/* --- the group's own promises --- */

static int order_tuples(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct weir_tuple));
}

static void check_group(void)
{
    static struct weir_tuple all[2 * CONNS_MAX];
    struct weir_packet none[1];
    uint64_t abroad = 0, stubs = 0;
    size_t n = 0;

    /* All notes are read in two rounds, answers too. */
    for (unsigned w = 0; w < 2 * m.shards; w++)
        (void)weir_group_steer(m.group, w % m.shards, none, 0);
    for (unsigned w = 0; w < m.shards; w++) {
        struct weir_conn c;
        struct weir_group_stats stats;
        uint64_t cursor = 0;

        while (weir_conn_walk(weir_group_shard(m.group, w), &cursor, &c))
            for (int dir = 0; dir < 2; dir++) {
                uint16_t home = home_of_tuple(&m.group->homes, &c.tuple[dir]);
                const struct stubs *s = &m.group->worker[home].stubs;

                all[n++] = c.tuple[dir];
                if (home == w)
                    continue;
                abroad++;
                assert_int_equal(stub_owner(s, &c.tuple[dir], stub_hash(s, &c.tuple[dir])), w);
            }
        weir_group_stats(m.group, w, &stats);
        stubs += stats.stubs;
        assert_int_equal(stats.refused, 0);
        assert_int_equal(stats.stubs_lost, 0);
    }
    assert_int_equal(stubs, abroad);
    qsort(all, n, sizeof(*all), order_tuples);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(&all[i - 1], &all[i], sizeof(*all));
}

/* --- all together --- */

static void make_round(void)
{
    bool used[FLOWS] = {false};

    m.steps = 0;
    while (m.steps < IN_ROUND) {
        unsigned i = rng_below(&m.rng, FLOWS);
        struct flow *f = &m.flow[i];

        if (used[i])
            continue;
        used[i] = true;
        if (!f->family || f->steps > 16 || rng_percent(&m.rng, 3))
            flow_start(f);
        step_make(&m.step[m.steps++], f);
    }
}

/*
 * Much time passes, and connections may be gone. Clients go on as if nothing had been; servers wait
 * for them: a late answer would make a connection from the translated address, which is not the
 * same in both worlds.
 */
static void forget(void)
{
    m.now.ns += rng_below(&m.rng, 60) * SEC;
    for (int i = 0; i < FLOWS; i++)
        m.flow[i].at_client.len = m.flow[i].at_server[ALONE].len = 0;
}

static void play_round(void)
{
    make_round();
    run_alone();
    run_together();
    for (unsigned i = 0; i < m.steps; i++) {
        check_step(&m.step[i]);
        deliver(&m.step[i]);
    }
    m.now.ns += rng_below(&m.rng, 100) * MSEC;
    if (rng_percent(&m.rng, 5))
        forget();
    tick();
}

static void load(uint8_t family, const char *text)
{
    struct weir_rules_error error;

    if (weir_rules_parse(&m.rules[family == 6], family, text, strlen(text), NULL, &error))
        fail_msg("line %u: %s", error.line, error.message);
    assert_int_equal(weir_shard_set_rules(m.alone, family, m.rules[family == 6], NULL), 0);
    for (unsigned w = 0; w < m.shards; w++)
        assert_int_equal(
            weir_shard_set_rules(weir_group_shard(m.group, w), family, m.rules[family == 6], NULL),
            0);
}

static void open_worlds(unsigned shards, uint64_t seed)
{
    struct weir_group_config config = {
        .shard = {.host = {.packet = on_packet}, .seed = {seed, 2}, .max = 20000},
        .shards = shards,
        .ring = 128,
    };

    memset(&m, 0, sizeof(m));
    rng_init(&m.rng, seed);
    m.shards = shards;
    m.now.ns = 1000 * SEC;
    m.alone = weir_shard_new(&config.shard);
    config.shard.host.ctx = &m;
    m.group = weir_group_new(&config);
    assert_non_null(m.alone);
    assert_non_null(m.group);
    load(4, rules4);
    load(6, rules6);
    assert_int_equal(weir_tunable_set(m.alone, WEIR_T_ACCT, 1), 0);
    for (unsigned w = 0; w < shards; w++)
        assert_int_equal(weir_tunable_set(weir_group_shard(m.group, w), WEIR_T_ACCT, 1), 0);
    m.ports = 1024;
    tick();
}

static struct weir_group_stats total(void)
{
    struct weir_group_stats t = {0}, s;

    for (unsigned w = 0; w < m.shards; w++) {
        weir_group_stats(m.group, w, &s);
        t.handed += s.handed;
        t.second_hops += s.second_hops;
        t.datagrams += s.datagrams;
        t.stubs_sent += s.stubs_sent;
        t.stubs_withdrawn += s.stubs_withdrawn;
    }
    return t;
}

static void close_worlds(void)
{
    weir_shard_free(m.alone);
    weir_group_free(m.group);
    weir_rules_free(m.rules[0]);
    weir_rules_free(m.rules[1]);
}

/* Everything expires: no stub stays. */
static void check_end(void)
{
    struct weir_group_stats t = total();

    assert_true(m.accepted > 1000 && m.errors > 100 && m.fragments > 100 && m.conns_seen > 100);
    if (m.shards > 1) {
        assert_true(t.handed > 1000 && t.second_hops > 100 && t.datagrams > 20);
        assert_true(t.stubs_sent > 100);
    }
    m.now.ns += 10 * 86400 * SEC;
    tick();
    if (m.shards == 1)
        return;
    check_group();
    t = total();
    assert_int_equal(t.stubs_sent, t.stubs_withdrawn);
    for (unsigned w = 0; w < m.shards; w++)
        assert_int_equal(m.group->worker[w].stubs.slab.count, 0);
}

static void play(unsigned shards, uint64_t seed)
{
    open_worlds(shards, seed);
    for (int round = 0; round < 1500; round++) {
        play_round();
        if (round % 10 == 9) {
            if (shards > 1)
                check_group();
            compare_tables();
        }
    }
    check_end();
    close_worlds();
}

static void one_is_a_shard(void **state)
{
    (void)state;
    play(1, 1);
}

static void two_are_one(void **state)
{
    (void)state;
    play(2, 2);
    play(2, 12);
}

static void three_are_one(void **state)
{
    (void)state;
    play(3, 3);
    play(3, 13);
}

static void eight_are_one(void **state)
{
    (void)state;
    play(8, 4);
    play(8, 14);
}

static void sixty_four_are_one(void **state)
{
    (void)state;
    play(64, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_a_shard),     cmocka_unit_test(two_are_one),
        cmocka_unit_test(three_are_one),      cmocka_unit_test(eight_are_one),
        cmocka_unit_test(sixty_four_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
