/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_udp: UDP and UDP-Lite conversations.
 *
 * There is little to know about them: ports from few, both sides talking. What is worth trying is
 * the header: a length field that disagrees with the packet by one in either direction, checksums
 * that are absent, zero by chance, wrong, or taken over another length; for UDP-Lite a coverage
 * around its limits (0, 1-7, 8, all, more than all) and both pseudo-headers.
 */
#include "gen.h"

static void start(struct gen *g, struct gen_flow *f)
{
    static const uint16_t ports[] = {0, 53, 53, 500, 1000};
    for (unsigned i = 0; i < 2; i++)
        f->port[i] = RNG_PICK(&g->rng, ports);
}

/* The opener speaks first, then mostly in turns. */
static unsigned speaker(struct gen *g, struct gen_flow *f)
{
    unsigned from = f->opener;
    if (f->u.udp.exchanged && rng_percent(&g->rng, 45))
        from = !from;
    f->u.udp.exchanged++;
    return from;
}

static unsigned begin(struct gen *g, struct gen_flow *f, struct build *b, enum build_kind kind)
{
    unsigned from = speaker(g, f);
    build_init(b, f->family, kind);
    b->l4.udp.sport = f->port[from];
    b->l4.udp.dport = f->port[!from];
    b->data.len = gen_length(g);
    return from;
}

static unsigned step_udp(struct gen *g, struct gen_flow *f, struct build *b)
{
    unsigned from = begin(g, f, b, BUILD_UDP);
    struct build_udp *u = &b->l4.udp;
    int len = (int)b->data.len + 8;

    if (rng_one_in(&g->rng, 8))
        u->sum = (struct build_sum){.mode = BUILD_SUM_VALUE}; /* none */
    if (!gen_hostile(g))
        return from;
    const int lengths[] = {0,    7, 8, len - 1, len - 1, len + 1, len - (int)rng_below(&g->rng, 20),
                           65535};
    switch (rng_below(&g->rng, 6)) {
    case 0:
    case 1: u->len = RNG_PICK(&g->rng, lengths); break;
    case 2:
        u->len = RNG_PICK(&g->rng, lengths);
        u->sum_by_len = true;
        break;
    case 3: u->sum.mode = BUILD_SUM_BAD; break;
    case 4: u->sum = (struct build_sum){BUILD_SUM_VALUE, 0xffff}; break;
    default: b->data.len = 0; break;
    }
    if (u->len < BUILD_AUTO)
        u->len = 0;
    return from;
}

static unsigned step_udplite(struct gen *g, struct gen_flow *f, struct build *b)
{
    unsigned from = begin(g, f, b, BUILD_UDPLITE);
    struct build_udp *u = &b->l4.udp;
    int len = (int)b->data.len + 8;

    /* The tracker of 6.18 takes the checksums that are made with UDP's number. */
    if (rng_percent(&g->rng, 65))
        b->pseudo = BUILD_PROTO_UDP;
    const int covers[] = {0, 8, len, len, len < 12 ? len : 12};
    u->len = RNG_PICK(&g->rng, covers);
    if (!gen_hostile(g))
        return from;
    const int bad[] = {(int)rng_range(&g->rng, 1, 7), len + 1, 65535, 7, 1};
    switch (rng_below(&g->rng, 4)) {
    case 0:
    case 1: u->len = RNG_PICK(&g->rng, bad); break;
    case 2: u->sum.mode = BUILD_SUM_BAD; break;
    default: u->sum = (struct build_sum){.mode = BUILD_SUM_VALUE}; break; /* not allowed here */
    }
    return from;
}

const struct gen_kind gen_kind_udp = {
    .protocol = GEN_UDP,
    .weight = 14,
    .families = GEN_V4 | GEN_V6,
    .start = start,
    .step = step_udp,
};

const struct gen_kind gen_kind_udplite = {
    .protocol = GEN_UDPLITE,
    .weight = 5,
    .families = GEN_V4 | GEN_V6,
    .start = start,
    .step = step_udplite,
};
