/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_gre: GRE in its versions, and the protocols that have no ports.
 *
 * GRE version 0 is tracked by addresses alone, whatever its key; version 1 by its call identifier,
 * if it carries PPP; the others like version 0. So conversations vary what must not matter, and
 * now and then the one thing that does. The other protocols are told apart by their number only.
 */
#include "gen.h"

enum { PPP = 0x880b };

static void start_gre(struct gen *g, struct gen_flow *f)
{
    static const uint8_t versions[] = {0, 0, 1, 1, 1, 2, 7};
    static const uint16_t calls[] = {0, 0x55, 0x66, 0x1111};

    f->u.gre.version = RNG_PICK(&g->rng, versions);
    for (unsigned i = 0; i < 2; i++)
        f->u.gre.call[i] = RNG_PICK(&g->rng, calls);
}

static void version0(struct gen *g, struct build_gre *h)
{
    static const uint16_t protos[] = {0x0800, 0x86dd, 0x6558, PPP, 0};

    h->proto = RNG_PICK(&g->rng, protos);
    h->has_key = rng_one_in(&g->rng, 3);
    h->key = h->has_key ? rng_below(&g->rng, 3) : 0;
    h->has_seq = rng_one_in(&g->rng, 4);
    h->has_sum = rng_one_in(&g->rng, 4);
    if (h->has_sum && gen_hostile(g))
        h->sum.mode = BUILD_SUM_BAD;
}

static void version1(struct gen *g, struct gen_flow *f, struct build_gre *h, unsigned from)
{
    h->proto = PPP;
    h->has_key = true;
    h->callid = f->u.gre.call[!from]; /* the one that the receiver has chosen */
    h->has_seq = rng_percent(&g->rng, 80);
    h->seq = f->u.gre.seq[from]++;
    h->has_ack = rng_one_in(&g->rng, 3);
    h->ack = f->u.gre.seq[!from];
}

static unsigned step_gre(struct gen *g, struct gen_flow *f, struct build *b)
{
    unsigned from = rng_percent(&g->rng, 60) ? f->opener : !f->opener;
    struct build_gre *h = &b->l4.gre;

    build_init(b, f->family, BUILD_GRE);
    h->version = f->u.gre.version;
    if (h->version == 1)
        version1(g, f, h, from);
    else
        version0(g, h);
    b->data.len = gen_length(g);
    if (!gen_hostile(g))
        return from;
    switch (rng_below(&g->rng, 7)) {
    case 0: h->version = (uint8_t)rng_below(&g->rng, 8); break;
    case 1: h->proto = rng_one_in(&g->rng, 2) ? 0x0800 : (uint16_t)rng_u32(&g->rng); break;
    case 2: b->keep = (int)rng_below(&g->rng, 17); break;
    case 3: h->flags = (uint16_t)(rng_u32(&g->rng) & 0x4f78); break; /* routing, recursion … */
    case 4: h->plen = (int)rng_below(&g->rng, 65536); break;
    case 5: h->has_key = !h->has_key; break;
    default: h->callid = (uint16_t)rng_below(&g->rng, 3); break;
    }
    return from;
}

static void start_other(struct gen *g, struct gen_flow *f)
{
    /* IGMP, IP in IP, DCCP, IPv6, RSVP, ESP, AH, OSPF, EtherIP, PIM, IPComp, VRRP, L2TP, mobility,
     * HIP, Shim6, test and reserved numbers. */
    static const uint8_t four[] = {0,  2,   4,   33,  41,  46,  50,  50,  51,  89, 97,
                                   99, 103, 108, 112, 115, 135, 139, 140, 253, 255};
    /* The same, but 0 is a header that the router reads; 59 says that nothing follows. */
    static const uint8_t six[] = {2,  4,  33, 41,  43,  44,  46,  50,  50,  51,  59,  59, 60,
                                  89, 97, 99, 103, 108, 112, 115, 135, 139, 140, 253, 255};

    f->u.proto = f->family == 4 ? RNG_PICK(&g->rng, four) : RNG_PICK(&g->rng, six);
}

static unsigned step_other(struct gen *g, struct gen_flow *f, struct build *b)
{
    build_init(b, f->family, BUILD_RAW);
    b->proto = f->u.proto;
    b->data.len = gen_length(g);
    return rng_percent(&g->rng, 60) ? f->opener : !f->opener;
}

const struct gen_kind gen_kind_gre = {
    .protocol = GEN_GRE,
    .weight = 7,
    .families = GEN_V4 | GEN_V6,
    .start = start_gre,
    .step = step_gre,
};

const struct gen_kind gen_kind_other = {
    .protocol = GEN_OTHER,
    .weight = 6,
    .families = GEN_V4 | GEN_V6,
    .start = start_other,
    .step = step_other,
};
