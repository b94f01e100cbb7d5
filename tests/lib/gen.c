/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen: which conversation speaks next, and what befalls its packet on the way.
 *
 * A packet is made in this order: a conversation (or the maker of errors) fills in a struct build;
 * the IP header is dressed; it becomes bytes; these may be cut into fragments that leave one by
 * one, later, in any order, between packets of others. What has really left is told to the
 * conversation, so that its model stays right.
 */
#include "gen.h"

#include <string.h>

#include "wire.h"

static const struct gen_kind *const kinds[] = {
    &gen_kind_tcp,  &gen_kind_udp, &gen_kind_udplite, &gen_kind_icmp,
    &gen_kind_sctp, &gen_kind_gre, &gen_kind_other,
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

bool gen_hostile(struct gen *g)
{
    return rng_percent(&g->rng, g->opts.hostility);
}

bool gen_rarely(struct gen *g)
{
    return rng_below(&g->rng, 1000) < g->opts.hostility;
}

size_t gen_length(struct gen *g)
{
    static const uint16_t usual[] = {0, 1, 3, 8, 10, 20, 100, 536, 1000, 1300};
    if (rng_one_in(&g->rng, 4))
        return rng_below(&g->rng, 64);
    return RNG_PICK(&g->rng, usual);
}

void gen_opts_init(struct gen_opts *opts)
{
    *opts = (struct gen_opts){
        .protocols = GEN_ALL,
        .families = GEN_V4 | GEN_V6,
        .packets = 1000,
        .flows = 8,
        .hosts = 2,
        .hostility = 35,
        .wait_permille = 2,
        .wait_max_ns = 3500000000,
    };
}

static unsigned between(unsigned low, unsigned v, unsigned high)
{
    return v < low ? low : v > high ? high : v;
}

void gen_init(struct gen *g, uint64_t seed, const struct gen_opts *opts)
{
    memset(g, 0, sizeof(*g));
    rng_init(&g->rng, seed);
    if (opts)
        g->opts = *opts;
    else
        gen_opts_init(&g->opts);
    g->opts.flows = between(1, g->opts.flows, GEN_FLOWS_MAX);
    g->opts.hosts = between(1, g->opts.hosts, GEN_HOSTS_MAX);
    g->opts.hostility = between(0, g->opts.hostility, 100);
    if (!(g->opts.families & (GEN_V4 | GEN_V6)))
        g->opts.families = GEN_V4 | GEN_V6;
    g->frag_id = 1;
}

/* ---- conversations --------------------------------------------------------------------------- */

static const struct gen_kind *choose_kind(struct gen *g)
{
    uint16_t weight[KINDS] = {0};
    uint32_t sum = 0;

    for (size_t i = 0; i < KINDS; i++) {
        if (g->opts.protocols & kinds[i]->protocol && g->opts.families & kinds[i]->families)
            weight[i] = kinds[i]->weight;
        sum += weight[i];
    }
    /* Errors and fragments need something to be about. */
    return sum ? kinds[rng_weighted(&g->rng, weight, KINDS)] : &gen_kind_udp;
}

static void start_flow(struct gen *g, struct gen_flow *f)
{
    memset(f, 0, sizeof(*f));
    f->kind = choose_kind(g);
    bool both = g->opts.families == (GEN_V4 | GEN_V6);
    f->family = both ? rng_percent(&g->rng, 40) ? 6 : 4 : g->opts.families & GEN_V6 ? 6 : 4;
    f->opener = rng_percent(&g->rng, 30);
    f->left = rng_range(&g->rng, 6, 90);
    for (unsigned i = 0; i < 2; i++) {
        unsigned n = rng_range(&g->rng, 1, g->opts.hosts);
        f->host[i] = hosts_addr(f->family, i ? SIDE_B : SIDE_A, n);
    }
    f->kind->start(g, f);
}

static void address(struct build *b, const struct gen_flow *f, unsigned from)
{
    b->src = f->host[from];
    b->dst = f->host[!from];
}

/* The next packet of a conversation. */
static struct gen_flow *speak(struct gen *g, struct build *b, unsigned *from)
{
    struct gen_flow *f = &g->flow[rng_below(&g->rng, g->opts.flows)];

    if (!f->kind || f->left == 0)
        start_flow(g, f);
    f->left--;
    if (f->repeat) {
        f->repeat--;
        *b = f->last;
        *from = f->last_from;
        return f;
    }
    *from = f->kind->step(g, f, b);
    address(b, f, *from);
    f->last = *b;
    f->last_from = *from;
    if (rng_one_in(&g->rng, 40))
        f->repeat = rng_range(&g->rng, 1, 5);
    return f;
}

/* ---- the IP header --------------------------------------------------------------------------- */

/* Options that a router carries along without a look. */
static void dress_options4(struct gen *g, struct build *b)
{
    static const struct {
        uint8_t len, bytes[12];
    } option[] = {
        {1, {1}},                                   /* no operation */
        {4, {1, 1, 1, 0}},                          /* with an end */
        {4, {136, 4, 0, 7}},                        /* stream identifier */
        {4, {148, 4, 0, 0}},                        /* router alert */
        {11, {130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, /* security */
        {8, {222, 8, 1, 2, 3, 4, 5, 6}},            /* experimental */
    };
    size_t i = rng_below(&g->rng, sizeof(option) / sizeof(option[0]));
    memcpy(b->ip4.opt, option[i].bytes, option[i].len);
    b->ip4.opt_len = option[i].len;
}

static void dress4(struct gen *g, struct build *b)
{
    static const uint8_t ttl[] = {2, 3, 63, 64, 64, 128, 255};
    static const uint8_t tos[] = {0, 0, 1, 2, 3, 0x10, 0xb8, 0xff};

    if (rng_one_in(&g->rng, 6))
        b->ttl = RNG_PICK(&g->rng, ttl);
    if (rng_one_in(&g->rng, 10))
        b->tos = RNG_PICK(&g->rng, tos);
    if (rng_one_in(&g->rng, 3))
        b->ip4.id = (uint16_t)rng_u32(&g->rng);
    if (rng_one_in(&g->rng, 6))
        b->ip4.df = true;
    if (rng_one_in(&g->rng, 25))
        dress_options4(g, b);
    if (gen_rarely(g))
        b->ip4.evil = true;
}

/* Chains of extension headers. Hop-by-hop headers hold padding and an option that says "skip me":
 * a router looks into those itself. */
static void dress_chain(struct gen *g, struct build *b)
{
    static const uint8_t padding[6] = {1, 4}, skip[6] = {0x1e, 4, 'a', 'b', 'c', 'd'};
    static const uint8_t routing[6] = {0}, onward[22] = {0, 1}, ah[22] = {0, 0, 0, 0, 0, 7};
    static const uint16_t weight[] = {4, 2, 4, 2, 1, 1};
    unsigned n = rng_range(&g->rng, 1, 3);

    if (rng_one_in(&g->rng, 3))
        build_ext_add(b, BUILD_PROTO_HBH, rng_one_in(&g->rng, 2) ? skip : padding, 6);
    for (unsigned i = 0; i < n; i++) {
        switch (rng_weighted(&g->rng, weight, sizeof(weight) / sizeof(weight[0]))) {
        case 0: build_ext_add(b, BUILD_PROTO_DSTOPT, padding, sizeof(padding)); break;
        case 1: build_ext_add(b, BUILD_PROTO_ROUTING, routing, sizeof(routing)); break;
        case 2: build_ext_add(b, BUILD_PROTO_AH, ah, sizeof(ah)); break;
        case 3: build_ext_add(b, BUILD_PROTO_ROUTING, onward, sizeof(onward)); break;
        case 4: build_ext_frag(b, 0, false, g->frag_id++); break; /* an atomic fragment */
        default:
            if (b->ip6.ext_count) /* a hop-by-hop header where none belongs */
                build_ext_add(b, BUILD_PROTO_HBH, padding, sizeof(padding));
            break;
        }
    }
    struct build_ext *last = b->ip6.ext_count ? &b->ip6.ext[b->ip6.ext_count - 1] : NULL;
    if (last && last->kind == BUILD_PROTO_DSTOPT && gen_rarely(g))
        last->hlen = (int)rng_below(&g->rng, 256); /* the chain leads nowhere */
}

static void dress6(struct gen *g, struct build *b)
{
    static const uint8_t ttl[] = {2, 3, 63, 64, 64, 128, 255};

    if (b->ttl == 64 && rng_one_in(&g->rng, 6))
        b->ttl = RNG_PICK(&g->rng, ttl);
    if (rng_one_in(&g->rng, 10))
        b->tos = (uint8_t)rng_u32(&g->rng);
    if (rng_one_in(&g->rng, 4))
        b->ip6.flow = rng_u32(&g->rng) & 0xfffff;
    if (rng_one_in(&g->rng, 14))
        dress_chain(g, b);
}

/* What the IP layer refuses, and tracking perhaps sees. */
static void ip_layer_faults(struct gen *g, struct build *b)
{
    static const uint8_t strange4[][4] = {
        {127, 0, 0, 1}, {0, 0, 0, 0}, {224, 0, 0, 1}, {255, 255, 255, 255}, {10, 0, 2, 255}};
    static const uint8_t alert[6] = {5, 2, 0, 0, 1, 0};
    size_t i = rng_below(&g->rng, 5);

    switch (rng_below(&g->rng, 6)) {
    case 0: b->ttl = rng_one_in(&g->rng, 2); break;
    case 1: b->ip4.sum.mode = BUILD_SUM_BAD; break;
    case 2:
        if (b->family == 4)
            memcpy(b->src.b, strange4[i], 4);
        else
            memset(b->src.b, 0, 16);
        break;
    case 3:
        if (b->family == 4)
            memcpy(b->dst.b, strange4[i], 4);
        else
            b->dst = (struct build_addr){{0xff, 2, [15] = 1}};
        break;
    case 4:
        if (b->family == 6 && !b->ip6.ext_count)
            build_ext_add(b, BUILD_PROTO_HBH, alert, sizeof(alert));
        else
            b->ip4.ihl = (int)rng_below(&g->rng, 16);
        break;
    default: b->ip4.tlen = b->ip6.plen = (int)rng_below(&g->rng, 2000); break;
    }
}

static void dress(struct gen *g, struct build *b)
{
    if (b->family == 4)
        dress4(g, b);
    else
        dress6(g, b);
    /* Headers that end too soon. */
    if (gen_rarely(g) && rng_one_in(&g->rng, 2))
        b->keep = (int)rng_below(&g->rng, 22);
    if (g->opts.ip_layer && gen_rarely(g))
        ip_layer_faults(g, b);
}

/* Did what the packet says reach the tracker? */
static bool undamaged(struct build *b)
{
    const struct build_sum *s = build_sum_of(b);
    if (b->keep != BUILD_AUTO || (s && s->mode != BUILD_SUM_RIGHT))
        return false;
    return b->kind != BUILD_TCP || b->l4.tcp.doff == BUILD_AUTO;
}

/* ---- packets --------------------------------------------------------------------------------- */

static void remember(struct gen *g, unsigned from, uint8_t family, size_t len)
{
    struct gen_recent *r = &g->recent[g->recent_count++ % GEN_RECENT];
    r->from = from;
    r->family = family;
    r->len = len < GEN_RECENT_BYTES ? len : GEN_RECENT_BYTES;
    memcpy(r->bytes, g->work, r->len);
}

static bool wants_fragments(struct gen *g, const struct build *b)
{
    if (!(g->opts.protocols & GEN_FRAG) || b->keep != BUILD_AUTO)
        return false;
    /* Alone, fragments are everything there is; among others, one packet in twelve. */
    return (g->opts.protocols & ~(uint32_t)GEN_FRAG) == 0 || rng_one_in(&g->rng, 12);
}

/* To be worth cutting, a packet is made longer than one link allows, sometimes. */
static void lengthen(struct gen *g, struct build *b)
{
    if (!b->data.bytes && b->kind != BUILD_SCTP && rng_one_in(&g->rng, 2))
        b->data.len = rng_range(&g->rng, 1000, 4500);
}

/* One packet in `out`, or some fragments under way and nothing in `out` (false). */
static bool make(struct gen *g, struct gen_packet *out)
{
    struct build b;
    unsigned from;
    struct gen_flow *f = NULL;

    if (!(g->opts.protocols & GEN_ERRORS) || !rng_one_in(&g->rng, 9) ||
        !gen_icmp_error(g, &b, &from))
        f = speak(g, &b, &from);
    dress(g, &b);
    bool cut = wants_fragments(g, &b);
    if (cut) {
        lengthen(g, &b);
        b.ip4.id = (uint16_t)gen_frag_id(g);
    }
    size_t len = build_make(&b, g->work, sizeof(g->work));
    if (len == 0)
        return false;
    cut = cut && gen_frag_take(g, from, len);
    if (!cut && len > GEN_PACKET_MAX)
        return false;
    if (f && f->kind->sent && undamaged(&b))
        f->kind->sent(g, f, from, &b);
    if (f)
        remember(g, from, b.family, len);
    if (cut)
        return false;
    out->side = from ? SIDE_B : SIDE_A;
    out->len = len;
    memcpy(out->bytes, g->work, len);
    return true;
}

/* Some time, never a round number: what happens exactly at a timeout is a matter of luck. */
static int64_t pass_time(struct gen *g)
{
    static const int64_t some[] = {1300000,    130000000,  730000000,   1130000000,
                                   2130000000, 3130000000, 10130000000, 30130000000};
    if (rng_below(&g->rng, 1000) >= g->opts.wait_permille)
        return 0;
    int64_t ns = RNG_PICK(&g->rng, some);
    return ns <= g->opts.wait_max_ns ? ns : 0;
}

bool gen_next(struct gen *g, struct gen_packet *out)
{
    if (g->opts.packets && g->made >= g->opts.packets)
        return false;
    for (;;) {
        unsigned waiting = gen_frag_waiting(g);
        bool full = waiting > GEN_PIECES / 2;
        if (waiting && (full || rng_one_in(&g->rng, 3))) {
            gen_frag_emit(g, out);
            break;
        }
        if (make(g, out))
            break;
    }
    out->wait_ns = pass_time(g);
    g->made++;
    return true;
}
