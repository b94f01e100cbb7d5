/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_icmp: ICMP and ICMPv6.
 *
 * Conversations are queries and answers whose identifiers and codes collide with those of others,
 * and everything else that has a type: unassigned ones, answers nobody asked for, neighbour
 * discovery and multicast listeners (which are not tracked at all).
 *
 * Errors are about packets that were really sent a moment ago: quoted in full or cut at each length
 * that matters, sent by the host they went to, by a router near it, or by somebody who could not
 * have seen them; and mangled in the one field that makes them be about something else.
 */
#include "gen.h"

#include <string.h>

#include "wire.h"

/* ---- queries --------------------------------------------------------------------------------- */

static void start(struct gen *g, struct gen_flow *f)
{
    static const uint8_t four[] = {8, 8, 8, 13, 15, 17}, six[] = {128, 128, 128, 139};
    static const uint16_t ids[] = {0, 1, 1, 7};
    static const uint8_t codes[] = {0, 0, 0, 0, 3};

    f->u.icmp.type = f->family == 4 ? RNG_PICK(&g->rng, four) : RNG_PICK(&g->rng, six);
    f->u.icmp.id = RNG_PICK(&g->rng, ids);
    f->u.icmp.code = RNG_PICK(&g->rng, codes);
}

/* The answer to a query of this type; for an odd one that of another. */
static uint8_t answer(uint8_t family, uint8_t type)
{
    if (family == 6)
        return type + 1;
    return type == 8 ? 0 : type + 1;
}

static uint8_t any_type(struct gen *g, uint8_t family)
{
    /* Every boundary between two treatments, and its neighbours. */
    static const uint8_t four[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                   12, 13, 14, 15, 16, 17, 18, 19, 20, 40, 42, 255};
    static const uint8_t six[] = {0,   1,   2,   3,   4,   5,   100, 127, 128, 129, 130,
                                  131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141,
                                  142, 143, 144, 150, 151, 152, 153, 154, 200, 255};
    if (rng_one_in(&g->rng, 8))
        return (uint8_t)rng_u32(&g->rng);
    return family == 4 ? RNG_PICK(&g->rng, four) : RNG_PICK(&g->rng, six);
}

/* Neighbour discovery demands a hop limit of 255; whether it has it is part of the game. */
static void discovery(struct gen *g, struct build *b)
{
    static const uint8_t types[] = {130, 131, 132, 133, 134, 135, 136, 137, 143, 151, 152};

    b->l4.icmp.type = RNG_PICK(&g->rng, types);
    b->l4.icmp.rest = 0;
    b->data.len = RNG_PICK(&g->rng, ((const uint8_t[]){0, 16, 16, 24, 32, 40}));
    b->ttl = rng_one_in(&g->rng, 5) ? 64 : 255;
}

static void spoil(struct gen *g, struct build *b)
{
    struct build_icmp *i = &b->l4.icmp;

    switch (rng_below(&g->rng, 8)) {
    case 0:
    case 1:
        i->type = any_type(g, b->family);
        if (rng_one_in(&g->rng, 2))
            b->data.len = 40; /* an error that quotes letters */
        break;
    case 2: i->code = (uint8_t)rng_below(&g->rng, 5); break;
    case 3: i->rest ^= 0x10000; break; /* another identifier */
    case 4: i->sum.mode = BUILD_SUM_BAD; break;
    case 5: b->keep = (int)rng_below(&g->rng, 12); break;
    case 6: /* in the wrong family */
        b->proto = b->family == 4 ? BUILD_PROTO_ICMPV6 : BUILD_PROTO_ICMP;
        break;
    default:
        if (b->family == 6)
            discovery(g, b);
        else
            i->type = answer(4, i->type);
        break;
    }
}

static unsigned step(struct gen *g, struct gen_flow *f, struct build *b)
{
    struct build_icmp *i = &b->l4.icmp;
    bool back = rng_percent(&g->rng, 40);

    build_init(b, f->family, BUILD_ICMP);
    i->type = back ? answer(f->family, f->u.icmp.type) : f->u.icmp.type;
    i->code = f->u.icmp.code;
    i->rest = (uint32_t)f->u.icmp.id << 16 | f->u.icmp.seq;
    if (!back)
        f->u.icmp.seq++;
    b->data.len = gen_length(g);
    if (f->family == 6 && rng_one_in(&g->rng, 12))
        discovery(g, b);
    else if (gen_hostile(g))
        spoil(g, b);
    return back ? !f->opener : f->opener;
}

const struct gen_kind gen_kind_icmp = {
    .protocol = GEN_ICMP,
    .weight = 12,
    .families = GEN_V4 | GEN_V6,
    .start = start,
    .step = step,
};

/* ---- errors ---------------------------------------------------------------------------------- */

/* Change one thing in a quoted packet so that it is another's, or nobody's. */
static void mangle(struct gen *g, uint8_t *q, size_t len, size_t head)
{
    bool v4 = q[0] >> 4 == 4;
    size_t l4 = head + rng_below(&g->rng, 8);

    switch (rng_below(&g->rng, 10)) {
    case 0:
    case 1:
        if (l4 < len)
            q[l4] ^= 1; /* a port, an identifier, a sequence number */
        break;
    case 2:
        if (head < len && v4)
            q[19] ^= 1; /* the destination */
        else if (head < len)
            q[39] ^= 1;
        break;
    case 3:
        if (head < len && v4)
            q[15] ^= 1; /* the source */
        else if (head < len)
            q[23] ^= 1;
        break;
    case 4:
        if (len > 9)
            q[v4 ? 9 : 6] ^= (uint8_t)(1u << rng_below(&g->rng, 8)); /* the protocol */
        break;
    case 5:
        if (v4 && len > 7)
            q[6] = 0x20; /* a first fragment … */
        break;
    case 6:
        if (v4 && len > 7)
            q[7] = 8; /* … and one that is not */
        break;
    case 7: q[0] = (uint8_t)rng_u32(&g->rng); break; /* version and header length */
    case 8:
        if (len > 5)
            q[v4 ? 3 : 5] = (uint8_t)rng_u32(&g->rng); /* the length */
        break;
    default: {
        size_t at = rng_below(&g->rng, (uint32_t)len);
        q[at] = (uint8_t)rng_u32(&g->rng);
        break;
    }
    }
}

/* How much is quoted: everything, the usual eight bytes, or one less than somebody needs. */
static size_t cut(struct gen *g, size_t len, size_t head)
{
    static const uint8_t good[] = {8, 8, 20, 28, 255}, bad[] = {0, 1, 2, 3, 4, 5, 7, 12};
    size_t n = gen_hostile(g) ? RNG_PICK(&g->rng, bad) : RNG_PICK(&g->rng, good);

    if (gen_rarely(g))
        n = rng_below(&g->rng, (uint32_t)len + 1);
    else
        n += head;
    return n < len ? n : len;
}

static void error_type(struct gen *g, struct build *b)
{
    static const uint8_t four[] = {3, 3, 3, 3, 4, 5, 11, 11, 12};
    static const uint8_t six[] = {1, 1, 1, 2, 2, 3, 3, 4, 0, 5, 100, 127};
    struct build_icmp *i = &b->l4.icmp;

    i->type = b->family == 4 ? RNG_PICK(&g->rng, four) : RNG_PICK(&g->rng, six);
    i->code = (uint8_t)rng_below(&g->rng, rng_one_in(&g->rng, 4) ? 16 : 5);
    if (b->family == 4 && i->type == 5)
        i->rest = 0x0a0001fe;
    else if (b->family == 4 ? i->type == 3 && i->code == 4 : i->type == 2)
        i->rest = 1280;
}

/* An ICMPv6 redirect: two addresses, and the packet in an option. */
static void redirect(struct gen *g, struct build *b, size_t quoted)
{
    size_t padded = (quoted + 7) / 8 * 8;

    b->l4.icmp.type = 137;
    b->l4.icmp.code = rng_one_in(&g->rng, 8);
    b->l4.icmp.rest = 0;
    b->ttl = rng_one_in(&g->rng, 5) ? 64 : 255;
    if (g->opts.ip_layer && rng_percent(&g->rng, 80)) /* no router forwards these */
        b->src = (struct build_addr){{0xfe, 0x80, [15] = 9}};
    memmove(g->quote + 40, g->quote, quoted);
    memset(g->quote + 40 + quoted, 0, padded - quoted);
    memcpy(g->quote, b->src.b, 16);
    memcpy(g->quote + 16, b->dst.b, 16);
    memset(g->quote + 32, 0, 8);
    g->quote[32] = rng_one_in(&g->rng, 8) ? 2 : 4;
    g->quote[33] = gen_rarely(g) ? 0 : (uint8_t)(padded / 8 + 1);
    b->data.len = padded + 40;
}

/* Who sends the error, and to whom. */
static void error_hosts(struct gen *g, struct build *b, const struct gen_recent *r, unsigned from)
{
    size_t width = b->family == 4 ? 4 : 16, at = b->family == 4 ? 12 : 8;
    size_t last = width - 1;
    bool own = from == r->from; /* about a packet of the error's own side */

    memcpy(b->src.b, r->bytes + (own ? at : at + width), width);
    memcpy(b->dst.b, r->bytes + (own ? at + width : at), width);
    switch (rng_below(&g->rng, 8)) {
    case 0: b->src = hosts_addr(b->family, from ? SIDE_B : SIDE_A, g->opts.hosts); break;
    case 1:
    case 2:
        b->src = hosts_addr(b->family, from ? SIDE_B : SIDE_A, 1);
        b->src.b[last] = 254; /* a router on the way */
        break;
    default: break;
    }
    if (gen_hostile(g) && rng_one_in(&g->rng, 3))
        b->dst =
            hosts_addr(b->family, from ? SIDE_A : SIDE_B, rng_range(&g->rng, 1, g->opts.hosts));
}

bool gen_icmp_error(struct gen *g, struct build *b, unsigned *from)
{
    if (!g->recent_count)
        return false;
    size_t kept = g->recent_count < GEN_RECENT ? (size_t)g->recent_count : GEN_RECENT;
    const struct gen_recent *r = &g->recent[rng_below(&g->rng, (uint32_t)kept)];
    size_t head = r->family == 4 ? (r->bytes[0] & 15u) * 4u : 40;

    *from = !r->from;
    if (gen_hostile(g) && rng_one_in(&g->rng, 4))
        *from = r->from;
    build_init(b, r->family, BUILD_ICMP);
    error_hosts(g, b, r, *from);
    error_type(g, b);
    size_t quoted = cut(g, r->len, head);
    memcpy(g->quote, r->bytes, quoted);
    if (quoted && gen_hostile(g) && rng_one_in(&g->rng, 2))
        mangle(g, g->quote, quoted, head);
    b->data = (struct build_data){.bytes = g->quote, .len = quoted};
    if (b->family == 6 && rng_one_in(&g->rng, 10))
        redirect(g, b, quoted);
    if (gen_rarely(g))
        b->l4.icmp.sum.mode = BUILD_SUM_BAD;
    return true;
}
