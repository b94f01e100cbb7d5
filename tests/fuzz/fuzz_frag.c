/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: fragments of both families, gathered, cut again, and expired.
 *
 * The input is a program of steps. A step adds a fragment made from its numbers, adds a packet that
 * is given byte by byte, or lets time pass. Of every datagram that becomes complete, what is
 * promised about it is checked, and then it is cut: the pieces must be within the limits and hold
 * the datagram's data in order and in full. At the end, nothing may be left in the stores.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet/checksum.h"
#include "packet/ext6.h"
#include "packet/icmp_error.h"
#include "packet/refrag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PACKET_MAX = 65575, FIRST_MAX = 24, FRAGMENTS_MAX = 800, NEW_ID = 0x12345678 };

enum step { STEP_FRAGMENT, STEP_FRAGMENT_EXT, STEP_PACKET, STEP_TIME };

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* --- the input --- */

struct input {
    const uint8_t *at;
    size_t left;
};

static uint8_t take8(struct input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

static uint32_t take16(struct input *in)
{
    uint32_t high = take8(in);

    return high << 8 | take8(in);
}

static void take_bytes(struct input *in, uint8_t *to, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] = take8(in);
}

/* --- the stores --- */

struct fuzz {
    struct frag store[2]; /* IPv4, IPv6 */
    int64_t now;
    struct input in;
    unsigned fragments; /* so far */
};

/* The numbers of a fragment. */
struct numbers {
    uint32_t from, len, pre_len;
    bool more, df;
    uint8_t id, ecn, proto;
};

static const uint8_t protocols[] = {PROTO_UDP,     PROTO_TCP,     PROTO_SCTP, PROTO_ICMPV6,
                                    PROTO_DSTOPTS, PROTO_HOPOPTS, PROTO_NONE, 253};

static struct numbers take_numbers(struct input *in, enum step step)
{
    uint32_t where = take16(in);
    uint32_t len = take16(in);
    uint8_t who = take8(in);

    return (struct numbers){
        .from = (where & 0x1fff) * 8,
        .len = len & 0x8000 ? len & 0x7fff : len & 0x7ff,
        .more = where & 0x8000,
        .df = where & 0x4000,
        .id = who & 3,
        .ecn = who >> 2 & 3,
        .proto = protocols[who >> 5],
        .pre_len = step == STEP_FRAGMENT_EXT ? take8(in) : 0,
    };
}

static uint32_t make4(struct input *in, const struct numbers *n, uint8_t *p)
{
    uint32_t pre = n->pre_len % 11 * 4, head = 20 + pre;

    memset(p, 0, 20);
    p[0] = (uint8_t)(0x40 | head / 4);
    p[1] = n->ecn;
    store_be16(p + IP4_LENGTH, (uint16_t)(head + n->len));
    p[5] = n->id;
    store_be16(p + IP4_FRAGMENT,
               (uint16_t)(n->from / 8 | (n->more ? IP4_MF : 0u) | (n->df ? IP4_DF : 0u)));
    p[IP4_TTL] = 64;
    p[IP4_PROTO] = n->proto;
    p[IP4_SRC] = p[IP4_DST] = 10;
    take_bytes(in, p + 20, pre);
    store_raw16(p + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, p, head)));
    return head;
}

static uint32_t make6(struct input *in, const struct numbers *n, uint8_t *p)
{
    uint32_t pre = n->pre_len * 8, head = 48 + pre;

    memset(p, 0, head);
    p[0] = 0x60;
    p[1] = (uint8_t)(n->ecn << 4);
    store_be16(p + IP6_PAYLOAD, (uint16_t)(head - 40 + n->len));
    p[IP6_NEXT] = pre ? PROTO_DSTOPTS : PROTO_FRAGMENT;
    p[IP6_HOPS] = 64;
    p[IP6_SRC] = p[IP6_DST] = 0xfd;
    if (pre) {
        p[40] = PROTO_FRAGMENT;
        p[41] = (uint8_t)(n->pre_len - 1);
        take_bytes(in, p + 42, 6);
    }
    p[head - 8] = n->proto;
    store_be16(p + head - 6, (uint16_t)(n->from | n->more));
    p[head - 1] = n->id;
    return head;
}

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 5 + (at >> 8));
}

/* --- what comes out --- */

/* The header that every piece of an IPv6 datagram repeats ends where a piece's fragment header is.
 */
static uint32_t piece_head(const uint8_t *piece, uint32_t len)
{
    uint32_t off = 40;
    uint8_t next = piece[IP6_NEXT];

    if (piece[0] >> 4 == 4)
        return (piece[0] & 0xfu) * 4;
    while (next != PROTO_FRAGMENT) {
        check(ext6_is(next) && off + 8 <= len);
        uint32_t size = ext6_size(next, piece + off);

        next = piece[off];
        off += size;
    }
    return off + 8;
}

static void check_pieces(struct refrag *r, const uint8_t *before, uint32_t len, uint32_t limit)
{
    bool v4 = before[0] >> 4 == 4, last = false;
    uint32_t given = 0, n, begin = 0;
    uint8_t *piece;

    while ((piece = refrag_next(r, &n))) {
        uint32_t head = piece_head(piece, n), data = n - head, field;

        check(!last && n <= limit);
        begin = v4 ? head : head - 8;
        check(given + data <= len - begin);
        check(memcmp(piece + head, before + begin + given, data) == 0);
        if (v4) {
            check(load_be16(piece + IP4_LENGTH) == n);
            check(checksum_fold(checksum_add(0, piece, head)) == 0xffff);
            field = load_be16(piece + IP4_FRAGMENT);
            last = !(field & IP4_MF);
            check((field & IP4_OFFSET) * 8u == given);
        } else {
            check(load_be16(piece + IP6_PAYLOAD) == n - 40);
            check(load_be32(piece + head - 4) == NEW_ID);
            field = load_be16(piece + head - 6);
            last = !(field & 1);
            check((field & ~7u) == given);
        }
        check(last || data % 8 == 0);
        given += data;
    }
    check(last && given == len - begin);
}

static void check_datagram(struct fuzz *z, struct frag_datagram *d)
{
    static uint8_t before[PACKET_MAX];
    bool v4 = d->ip.family == 4;
    uint32_t mtu = take16(&z->in), len = d->ip.l3_len, floor = v4 ? 68 : 1280, limit;
    struct refrag r;

    check(len <= PACKET_MAX && d->ip.have == len && !d->ip.cut);
    check(len == (v4 ? load_be16(d->ip.ip + IP4_LENGTH) : 40u + load_be16(d->ip.ip + IP6_PAYLOAD)));
    check(!v4 || checksum_fold(checksum_add(0, d->ip.ip, d->ip.l4_off)) == 0xffff);
    check((d->layout.cuts[0] & 1) && d->layout.data_at < len);
    memcpy(before, d->ip.ip, len);
    frag_touch(&d->layout, take8(&z->in));
    if (mtu & 1)
        frag_touch(&d->layout, len);
    limit = mtu ? mtu : UINT32_MAX;
    switch (refrag_begin(&r, d->ip.ip, len, &d->layout, mtu, NEW_ID)) {
    case REFRAG_WHOLE: check(!v4 && len <= max_u32(limit, floor)); break;
    case REFRAG_TOO_BIG: check(r.mtu >= floor); break;
    case REFRAG_BROKEN: check(!v4); break;
    case REFRAG_PIECES:
        check(memcmp(before, d->ip.ip, len) == 0);
        limit = max_u32(v4 ? min_u32(limit, d->layout.largest) : d->layout.largest, floor);
        check_pieces(&r, before, len, limit);
        return;
    default: check(false);
    }
    check(memcmp(before, d->ip.ip, len) == 0);
}

static void check_error(const uint8_t *ip, uint32_t len)
{
    static const union weir_addr src = {.bytes = {1, 2, 3, 4}};
    const struct icmp_error e = {.src = &src, .type = 3, .code = 1};
    uint8_t out[ICMP_ERROR_MAX];
    uint32_t n = icmp_error_build(out, &e, ip, len);

    check(n <= (ip[0] >> 4 == 4 ? 576u : 1280u));
    check(memcmp(out + (ip[0] >> 4 == 4 ? 28 : 48), ip, n - (ip[0] >> 4 == 4 ? 28 : 48)) == 0);
}

static void expire(struct fuzz *z, struct frag *f)
{
    struct frag_expired gone;
    struct parsed p;

    while (frag_expire(f, z->now, &gone))
        if (gone.ip && parse_ip(&p, gone.ip, gone.len, gone.len) == WEIR_R_NONE &&
            icmp_error_due(&p, 3, 1))
            check_error(gone.ip, gone.len);
}

/* --- steps --- */

/* `p` is malloc'ed, of exactly this size, and freed here. */
static void add(struct fuzz *z, uint8_t *p, uint32_t len)
{
    struct frag_scope scope = {.zone = len & 1};
    struct frag_datagram out;
    struct parsed parsed;

    check(p != NULL);
    if (parse_ip(&parsed, p, len, len) == WEIR_R_NONE && frag_wants(&parsed)) {
        struct frag *f = &z->store[parsed.family == 6];
        enum frag_result result = frag_add(f, z->now, &parsed, &scope, &out);

        check(result >= FRAG_HELD && result <= FRAG_PASS && f->used >= 0);
        if (result == FRAG_COMPLETE)
            check_datagram(z, &out);
    }
    free(p);
}

/* The fragment that the input describes, or the same of another datagram. */
static void add_fragment(struct fuzz *z, bool v6, enum step step, uint8_t other)
{
    static uint8_t made[48 + 255 * 8 + 0x7fff];
    struct numbers n = take_numbers(&z->in, step);
    uint32_t head;
    uint8_t *p;

    n.id = (uint8_t)(n.id + other);
    head = v6 ? make6(&z->in, &n, made) : make4(&z->in, &n, made);
    for (uint32_t i = 0; i < n.len; i++)
        made[head + i] = pattern(n.from + i);
    if (n.from == 0)
        take_bytes(&z->in, made + head, min_u32(n.len, FIRST_MAX));
    p = malloc(head + n.len);
    check(p != NULL);
    memcpy(p, made, head + n.len);
    add(z, p, head + n.len);
}

/* One fragment, or up to 249 of as many datagrams, which meet limits. */
static void add_fragments(struct fuzz *z, uint8_t op)
{
    const struct input start = z->in;

    for (unsigned n = 0; n <= (op >> 3) * 8u && z->fragments < FRAGMENTS_MAX; n++) {
        z->in = start;
        z->fragments++;
        add_fragment(z, op & 1, (enum step)(op >> 1 & 3), (uint8_t)n);
    }
}

static void add_packet(struct fuzz *z)
{
    uint32_t len = min_u32(take16(&z->in), (uint32_t)z->in.left);
    uint8_t *p = malloc(len ? len : 1);

    check(p != NULL);
    take_bytes(&z->in, p, len);
    add(z, p, len);
}

static void init(struct fuzz *z, const uint8_t *data, size_t len)
{
    static const uint64_t seed[2] = {3, 4};
    static _Alignas(64) uint8_t memory[2][1 << 19];

    *z = (struct fuzz){.now = 12345, .in = {data, len}};
    check(frag_bytes(0) <= sizeof(memory[0]));
    memset(memory, 0, sizeof(memory));
    frag_init(&z->store[0], 4, memory[0], 0, seed, z->now);
    frag_init(&z->store[1], 6, memory[1], 0, seed, z->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fuzz z;

    init(&z, data, len);
    while (z.in.left) {
        uint8_t op = take8(&z.in);

        switch ((enum step)(op >> 1 & 3)) {
        case STEP_FRAGMENT:
        case STEP_FRAGMENT_EXT: add_fragments(&z, op); break;
        case STEP_PACKET: add_packet(&z); break;
        case STEP_TIME:
            z.now += take16(&z.in);
            expire(&z, &z.store[op & 1]);
            break;
        }
    }
    z.now += FRAG_TIMEOUT;
    for (int i = 0; i < 2; i++) {
        const struct frag *f = &z.store[i];
        int64_t next;

        expire(&z, &z.store[i]);
        check(f->used == 0 && !frag_next(f, &next));
        check(!f->queues.slab.count && !f->pages.slab.count && !f->sources.slab.count);
        check(!f->wheel.chunks.count);
    }
    return 0;
}
