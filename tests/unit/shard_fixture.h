/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the public API share: a shard on a fake clock that keeps a log of its events,
 * and packets sent through it one at a time, each in a buffer of exactly its own size, so that the
 * address sanitizer sees a read beyond it.
 */
#ifndef TESTS_UNIT_SHARD_FIXTURE_H
#define TESTS_UNIT_SHARD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weir/shard.h>

#include "build.h"

enum { LOG_MAX = 4096 };

/* An event, kept. */
struct logged {
    enum weir_event_type type;
    uint32_t kinds;
    struct weir_time time;
    struct weir_conn conn;
    bool has_cause;
};

struct fixture {
    struct weir_shard *shard;
    struct weir_time now;
    const struct weir_template *templ; /* of the packets sent from now on */
    uint8_t path, flags;
    struct weir_packet sent; /* the last one, with its results */
    size_t events, messages;
    struct logged log[LOG_MAX];
};

#define MSEC 1000000LL
#define SEC  1000000000LL

static inline void fixture_event(void *ctx, const struct weir_event *e)
{
    struct fixture *f = ctx;

    assert_true(f->events < LOG_MAX);
    f->log[f->events++] = (struct logged){e->type, e->kinds, e->time, e->conn, e->cause != NULL};
}

static inline void fixture_message(void *ctx, enum weir_message_kind kind, const char *text,
                                   const struct weir_packet *cause)
{
    struct fixture *f = ctx;

    assert_true(kind == WEIR_MSG_TABLE_FULL || kind == WEIR_MSG_INVALID);
    assert_non_null(text);
    assert_non_null(cause);
    f->messages++;
}

/* A shard for at most `max` connections, with somebody who listens to events. */
static inline struct fixture *fixture_new(uint32_t max)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    const struct weir_config config = {
        .host = {.ctx = f, .event = fixture_event, .message = fixture_message},
        .seed = {1, 2},
        .max = max,
    };
    f->shard = weir_shard_new(&config);
    assert_non_null(f->shard);
    f->now.ns = 1000 * SEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    weir_shard_free(f->shard);
    free(f);
}

static inline int fixture_setup(void **state)
{
    *state = fixture_new(1000);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

/* Let time pass, and what is due end. */
static inline void wait_ms(struct fixture *f, int64_t ms)
{
    f->now.ns += ms * MSEC;
    (void)weir_shard_tick(f->shard, f->now, 0);
}

static inline void set(struct fixture *f, enum weir_tunable tunable, int64_t value)
{
    assert_int_equal(weir_tunable_set(f->shard, tunable, value), 0);
}

/* --- packets --- */

/* Hosts by letter: A, C, D... on one side and B on the other are only addresses to a shard. */
static inline struct build_addr host(uint8_t family, char name)
{
    uint8_t last = (uint8_t)(name - 'A' + 1);

    if (family == 4)
        return (struct build_addr){{10, 0, 0, last}};
    return (struct build_addr){{0xfd, 0x99, [15] = last}};
}

static inline void packet_init(struct build *b, uint8_t family, enum build_kind kind, char from,
                               char to)
{
    build_init(b, family, kind);
    b->src = host(family, from);
    b->dst = host(family, to);
}

/* `len` bytes through the shard. The result is in f->sent. */
static inline enum weir_ctinfo send_bytes(struct fixture *f, const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    assert_non_null(exact);
    if (len)
        memcpy(exact, bytes, len);
    f->sent = (struct weir_packet){
        .data = exact, .len = (uint32_t)len, .templ = f->templ, .path = f->path, .flags = f->flags};
    weir_shard_run(f->shard, f->now, &f->sent, 1);
    f->sent.data = NULL;
    free(exact);
    return (enum weir_ctinfo)f->sent.ctinfo;
}

static inline enum weir_ctinfo send_packet(struct fixture *f, const struct build *b)
{
    static uint8_t bytes[BUILD_PACKET_MAX];
    size_t len = build_make(b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return send_bytes(f, bytes, len);
}

/* A UDP datagram with four bytes in it. */
static inline enum weir_ctinfo send_udp6or4(struct fixture *f, uint8_t family, char from, char to,
                                            uint16_t sport, uint16_t dport)
{
    struct build b;

    packet_init(&b, family, BUILD_UDP, from, to);
    b.l4.udp.sport = sport;
    b.l4.udp.dport = dport;
    b.data.len = 4;
    return send_packet(f, &b);
}

static inline enum weir_ctinfo send_udp(struct fixture *f, char from, char to, uint16_t sport,
                                        uint16_t dport)
{
    return send_udp6or4(f, 4, from, to, sport, dport);
}

/* A packet of a protocol without a tracker. */
static inline enum weir_ctinfo send_generic(struct fixture *f, char from, char to, uint8_t proto)
{
    struct build b;

    packet_init(&b, 4, BUILD_RAW, from, to);
    b.proto = proto;
    b.data.len = 8;
    return send_packet(f, &b);
}

static inline enum weir_ctinfo send_icmp(struct fixture *f, char from, char to, uint8_t type,
                                         uint8_t code, uint16_t id)
{
    struct build b;

    packet_init(&b, 4, BUILD_ICMP, from, to);
    b.l4.icmp.type = type;
    b.l4.icmp.code = code;
    b.l4.icmp.rest = (uint32_t)id << 16 | 1;
    return send_packet(f, &b);
}

static inline enum weir_ctinfo send_tcp(struct fixture *f, char from, char to, uint16_t sport,
                                        uint16_t dport, uint16_t flags, uint32_t seq, uint32_t ack)
{
    struct build b;

    packet_init(&b, 4, BUILD_TCP, from, to);
    b.l4.tcp.sport = sport;
    b.l4.tcp.dport = dport;
    b.l4.tcp.flags = flags;
    b.l4.tcp.seq = seq;
    b.l4.tcp.ack = ack;
    b.l4.tcp.win = 1000;
    return send_packet(f, &b);
}

enum { FL_SYN = BUILD_TCP_SYN, FL_SYNACK = BUILD_TCP_SYN | BUILD_TCP_ACK, FL_ACK = BUILD_TCP_ACK };

/* A made an answered UDP flow more than two seconds ago: it is ASSURED. */
static inline void make_assured_udp(struct fixture *f, char from, char to, uint16_t sport,
                                    uint16_t dport)
{
    (void)send_udp(f, from, to, sport, dport);
    (void)send_udp(f, to, from, dport, sport);
    wait_ms(f, 2100);
    assert_int_equal(send_udp(f, from, to, sport, dport), WEIR_CT_ESTABLISHED);
}

/* --- what is there --- */

static inline size_t conns(const struct fixture *f)
{
    struct weir_conn c;
    uint64_t cursor = 0;
    size_t n = 0;

    while (weir_conn_walk(f->shard, &cursor, &c))
        n++;
    return n;
}

/* The only connection. */
static inline struct weir_conn only_conn(const struct fixture *f)
{
    struct weir_conn c, other;
    uint64_t cursor = 0;

    assert_true(weir_conn_walk(f->shard, &cursor, &c));
    assert_false(weir_conn_walk(f->shard, &cursor, &other));
    return c;
}

/* The connection of the packet sent last. */
static inline struct weir_conn its_conn(const struct fixture *f)
{
    struct weir_conn c;

    assert_int_not_equal(f->sent.conn, 0);
    assert_true(weir_conn_get(f->shard, f->sent.conn, &c));
    return c;
}

static inline struct weir_stats stats(const struct fixture *f)
{
    struct weir_stats s;

    weir_shard_stats(f->shard, &s);
    return s;
}

static inline int64_t count(const struct fixture *f)
{
    return weir_tunable_get(f->shard, WEIR_T_COUNT);
}

/* The next event, in order, since the last call; the fixture's log is emptied when it was the last.
 */
static inline const struct logged *only_event(struct fixture *f, enum weir_event_type type)
{
    assert_int_equal(f->events, 1);
    f->events = 0;
    assert_int_equal(f->log[0].type, type);
    return &f->log[0];
}

static inline void no_event(const struct fixture *f)
{
    assert_int_equal(f->events, 0);
}

#endif
