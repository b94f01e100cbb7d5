/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of fragments share: one family's store, and fragments from a few numbers. Data is
 * a pattern by its place in the datagram, so that a misplaced byte shows. Each packet stands in
 * memory of exactly its size and is gone after the call.
 */
#ifndef TESTS_UNIT_FRAG_FIXTURE_H
#define TESTS_UNIT_FRAG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "packet/checksum.h"
#include "packet/frag.h"
#include "packet/headers.h"
#include "wire.h"

enum { PROTO_EXPERIMENT = 253, BASE_ID = 0x1234, BASE_TTL = 64 };

/* A fragment: bytes [from, to) of its datagram; zero means the usual. */
struct fragment_spec {
    uint32_t from, to;
    bool more;

    uint8_t proto, ttl, tos;
    uint16_t id;        /* added to BASE_ID */
    uint8_t src, dst;   /* last byte of the address is 1 + this, 2 + this */
    bool df;            /* IPv4 */
    const uint8_t *pre; /* IPv4: options; IPv6: extension headers before the fragment header */
    uint32_t pre_len;
    uint8_t pre_proto;   /* IPv6: what pre begins with */
    const uint8_t *data; /* instead of the pattern */
    uint32_t cut;        /* bytes that a capture left off */
    struct frag_scope scope;
};

struct lab {
    struct frag frag;
    void *memory;
    int64_t now;
    struct frag_datagram out;
};

static inline uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static inline void lab_open(struct lab *l, uint8_t family, size_t budget)
{
    static const uint64_t seed[2] = {1, 2};
    size_t bytes = frag_bytes(budget);

    l->memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(l->memory);
    memset(l->memory, 0, bytes);
    l->now = 1000;
    frag_init(&l->frag, family, l->memory, budget, seed, l->now);
}

static inline void lab_close(struct lab *l)
{
    free(l->memory);
}

static inline uint32_t spec_head(uint8_t family, const struct fragment_spec *s)
{
    return s->pre_len + (family == 4 ? 20 : 48);
}

/* Write the packet to `p`; its length. */
static inline uint32_t spec_write(uint8_t family, const struct fragment_spec *s, uint8_t *p)
{
    uint32_t head = spec_head(family, s), len = head + s->to - s->from;
    uint8_t proto = s->proto ? s->proto : PROTO_EXPERIMENT, ttl = s->ttl ? s->ttl : BASE_TTL;

    memset(p, 0, head);
    if (family == 4) {
        p[0] = (uint8_t)(0x40 | head / 4);
        p[1] = s->tos;
        wire_put16(p + 2, len);
        wire_put16(p + 4, BASE_ID + s->id);
        wire_put16(p + 6, s->from / 8 | (s->more ? 0x2000u : 0) | (s->df ? 0x4000u : 0));
        p[8] = ttl;
        p[9] = proto;
        memcpy(p + 12,
               (uint8_t[8]){10, 0, 0, (uint8_t)(1 + s->src), 10, 1, 0, (uint8_t)(2 + s->dst)}, 8);
        if (s->pre_len)
            memcpy(p + 20, s->pre, s->pre_len);
        store_raw16(p + 10, (uint16_t)~checksum_fold(checksum_add(0, p, head)));
    } else {
        wire_put32(p, 6u << 28 | (uint32_t)s->tos << 20);
        wire_put16(p + 4, len - 40);
        p[6] = s->pre_len ? s->pre_proto : PROTO_FRAGMENT;
        p[7] = ttl;
        p[8] = p[24] = 0xfd;
        p[23] = (uint8_t)(1 + s->src);
        p[39] = (uint8_t)(2 + s->dst);
        if (s->pre_len)
            memcpy(p + 40, s->pre, s->pre_len);
        p[head - 8] = proto;
        wire_put16(p + head - 6, s->from | s->more);
        wire_put32(p + head - 4, 0xabcd0000u + BASE_ID + s->id);
    }
    for (uint32_t at = s->from; at < s->to; at++)
        p[head + at - s->from] = s->data ? s->data[at] : pattern(at);
    return len;
}

/* The packet in memory of its own, parsed. */
static inline uint8_t *spec_packet(uint8_t family, const struct fragment_spec *s,
                                   struct parsed *parsed)
{
    uint32_t len = spec_head(family, s) + s->to - s->from;
    uint8_t *p = malloc(len);

    assert_non_null(p);
    spec_write(family, s, p);
    p = realloc(p, len - s->cut);
    assert_non_null(p);
    assert_int_equal(parse_ip(parsed, p, len - s->cut, len), WEIR_R_NONE);
    return p;
}

static inline enum frag_result lab_add(struct lab *l, struct fragment_spec s)
{
    struct parsed parsed;
    uint8_t *p = spec_packet(l->frag.family, &s, &parsed);
    enum frag_result result;

    assert_true(frag_wants(&parsed));
    result = frag_add(&l->frag, l->now, &parsed, &s.scope, &l->out);
    assert_true((l->out.reason == WEIR_R_NONE) == (result == FRAG_COMPLETE || result == FRAG_PASS));
    free(p);
    return result;
}

#define ADD(l, ...) lab_add((l), (struct fragment_spec){__VA_ARGS__})

/* The gathered datagram's data must be the pattern, `len` bytes behind `head` bytes of headers. */
static inline void assert_datagram(const struct lab *l, uint32_t head, uint32_t len)
{
    const struct parsed *p = &l->out.ip;

    assert_int_equal(p->l3_len, head + len);
    assert_int_equal(p->have, head + len);
    assert_false(p->fragment);
    for (uint32_t at = 0; at < len; at++)
        assert_int_equal(p->ip[head + at], pattern(at));
    if (p->family == 4) {
        assert_int_equal(wire_get16(p->ip + 2), head + len);
        assert_int_equal(checksum_fold(checksum_add(0, p->ip, head)), 0xffff);
    } else {
        assert_int_equal(wire_get16(p->ip + 4), head + len - 40);
    }
}

#endif
