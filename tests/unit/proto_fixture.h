/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of single trackers share: a shard's state with nothing behind it, one connection,
 * and packets given to a tracker as the classifier would. The functions of src/track that trackers
 * call are stand-ins here, which record what they were asked.
 *
 * Every timeout is 1000 plus its number, so a refresh tells which one was taken.
 */
#ifndef TESTS_UNIT_PROTO_FIXTURE_H
#define TESTS_UNIT_PROTO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "build.h"
#include "proto/registry.h"

enum { TICKS_BASE = 1000, NO_REFRESH = -1 };

union any_conn {
    struct conn head;
    struct conn4 v4;
    struct conn6 v6;
};

/* All there is; each test starts with begin(). */
static struct {
    struct track track;
    struct weir_packet raw;
    struct pkt pkt;         /* the last one */
    union any_conn conn[3]; /* conn[1] is the connection */
    int timeout;            /* that the last packet refreshed with: a tunable, or NO_REFRESH */
    struct conn_ext ext[2]; /* ext[1] has its counters */
    struct weir_tuple looked_for; /* by the last packet, in this zone */
    uint16_t zone;
    uint8_t zone_dirs;
    uint32_t found; /* what looking will find */
    bool trusting;  /* as with nf_conntrack_checksum 0 */
} w;

#define CONN (&w.conn[1].head)

void conn_refresh(struct track *t, struct pkt *p, int32_t ticks)
{
    assert_ptr_equal(t, &w.track);
    assert_ptr_equal(p->conn, CONN);
    assert_int_equal(w.timeout, NO_REFRESH);
    w.timeout = ticks - TICKS_BASE;
}

/* No tracker here deals with confirmed entries' timers itself but in the short way, which is tested
 * against the long one. */
void expire_arm(struct track *t, struct conn *c, uint32_t handle)
{
    (void)t;
    (void)c;
    (void)handle;
    fail();
}

void expire_disarm(struct track *t, struct conn *c)
{
    (void)t;
    (void)c;
    fail();
}

uint32_t track_find(struct track *t, const struct weir_tuple *tuple, uint64_t hash, uint16_t zone,
                    uint8_t zone_dirs)
{
    assert_true(hash == track_hash(t, tuple, zone_for(zone, zone_dirs, WEIR_ORIG)));
    w.looked_for = *tuple;
    w.zone = zone;
    w.zone_dirs = zone_dirs;
    return w.found;
}

/* A new connection of this family, not confirmed. */
static inline void begin(uint8_t family)
{
    static const struct weir_packet nothing;
    static const uint64_t seed[2] = {1, 2};

    memset(&w, 0, sizeof(w));
    hash_key_init(&w.track.key, seed);
    for (int i = 0; i < TIMEOUTS; i++)
        w.track.ticks[i] = TICKS_BASE + i;
    for (int i = 0; i < 2; i++)
        slab_init(&w.track.conns[i], w.conn, sizeof(w.conn[0]), 2);
    slab_init(&w.track.exts, w.ext, sizeof(w.ext[0]), 1);
    w.raw = nothing;
    CONN->family = family;
    CONN->parts = WEIR_HAS_COUNTERS;
    CONN->ext = 1;
}

/* How many packets were counted by the last one. */
static inline uint64_t counted(void)
{
    return w.ext[1].packets[0] + w.ext[1].packets[1];
}

static inline void advance_ms(int64_t ms)
{
    w.track.tick64 += ms * WEIR_TICKS_PER_SEC / 1000;
}

/* `len` bytes of a packet that had `wire_len`: what is known before a tracker sees it. The bytes
 * lie in memory of exactly their size. */
static inline uint8_t *parse_packet(enum weir_dir dir, const uint8_t *bytes, size_t len,
                                    size_t wire_len)
{
    uint8_t *exact = malloc(len);

    assert_non_null(exact);
    memcpy(exact, bytes, len);
    w.pkt = (struct pkt){.raw = &w.raw, .templ = w.raw.templ, .dir = dir};
    assert_int_equal(parse_ip(&w.pkt.ip, exact, (uint32_t)len, (uint32_t)wire_len), WEIR_R_NONE);
    w.pkt.tuple_reason = tuple_from_packet(&w.pkt.tuple, &w.pkt.ip);
    w.pkt.verify_checksum = !w.trusting && !w.pkt.ip.cut;
    w.timeout = NO_REFRESH;
    memset(w.ext, 0, sizeof(w.ext));
    return exact;
}

/* A packet of the connection. What the classifier does after the tracker is done as well. */
static inline enum proto_result give_bytes(const struct proto *proto, enum weir_dir dir,
                                           const uint8_t *bytes, size_t len, size_t wire_len)
{
    uint8_t *exact = parse_packet(dir, bytes, len, wire_len);

    w.pkt.conn = CONN;
    enum proto_result result = proto->packet(&w.track, &w.pkt);

    if (result == PROTO_ACCEPT) {
        assert_int_equal(w.pkt.reason, WEIR_R_NONE);
        CONN->status |= WEIR_S_CONFIRMED;
        if (dir == WEIR_REPLY)
            CONN->status |= WEIR_S_SEEN_REPLY;
    } else {
        assert_int_equal(w.timeout, NO_REFRESH);
        assert_int_equal(counted(), 0);
        assert_int_not_equal(w.pkt.reason, WEIR_R_NONE);
    }
    free(exact);
    return result;
}

static inline enum proto_result give(const struct proto *proto, enum weir_dir dir,
                                     const struct build *b)
{
    static uint8_t bytes[BUILD_PACKET_MAX];
    size_t len = build_make(b, bytes, sizeof(bytes));

    assert_true(len > 0);
    return give_bytes(proto, dir, bytes, len, len);
}

/* The packet was accepted, and keeps the connection for the time that the tunable says. */
#define assert_alive(result, tunable)             \
    do {                                          \
        assert_int_equal((result), PROTO_ACCEPT); \
        assert_int_equal(w.timeout, (tunable));   \
        assert_int_equal(counted(), 1);           \
    } while (0)

#define assert_refused(result, why)                \
    do {                                           \
        assert_int_equal((result), PROTO_INVALID); \
        assert_int_equal(w.pkt.reason, (why));     \
    } while (0)

/* Hosts: A (1) is the original side, B (2) the other; more are routers and strangers. */
static inline struct build_addr host(uint8_t family, uint8_t number)
{
    if (family == 4)
        return (struct build_addr){{10, 0, 0, number}};
    return (struct build_addr){{0xfd, 0x99, [15] = number}};
}

static inline void packet_init(struct build *b, uint8_t family, enum build_kind kind,
                               enum weir_dir dir)
{
    build_init(b, family, kind);
    b->src = host(family, dir == WEIR_ORIG ? 1 : 2);
    b->dst = host(family, dir == WEIR_ORIG ? 2 : 1);
}

#endif
