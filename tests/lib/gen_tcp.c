/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_tcp: TCP conversations.
 *
 * Each step picks a move that makes sense in the state that the tracker should be in (gen_tcp_model
 * .h), or, being hostile, any kind of packet from any side; fills in the numbers a sound host would
 * use; and then spoils one or two of them. Spoilt numbers are taken from the edges that the window
 * rules draw: for every limit the value itself, and those next to it. Initial sequence numbers are
 * often so close to 2^32 that the conversation wraps.
 */
#include "gen.h"

#include <string.h>

enum move {
    SYN = 1,   /* begins (again) */
    SYN_AGAIN, /* the same once more */
    SYNACK,
    ACK,
    DATA,
    FIN,
    RST,
    KEEPALIVE,
    ZERO_WINDOW,
    OLD_DATA,
};

enum who {
    OPENER, /* the original direction's side, as the tracker sees it */
    OTHER,
    EITHER,
};

struct choice {
    uint16_t weight;
    enum move move;
    enum who who;
};

enum { CHOICES = 9 };

static const struct choice choices[MODEL_STATE_MAX][CHOICES] = {
    [MODEL_NONE] = {{70, SYN, OPENER},
                    {14, ACK, OPENER},
                    {6, DATA, OPENER},
                    {4, SYNACK, OTHER},
                    {3, FIN, EITHER},
                    {3, RST, EITHER}},
    [MODEL_SYN_SENT] = {{60, SYNACK, OTHER},
                        {10, SYN_AGAIN, OPENER},
                        {12, SYN, OTHER},
                        {5, ACK, OTHER},
                        {5, RST, OTHER},
                        {4, RST, OPENER},
                        {4, SYN, OPENER}},
    [MODEL_SYN_SENT2] = {{30, SYNACK, EITHER},
                         {25, ACK, EITHER},
                         {10, SYN_AGAIN, OPENER},
                         {10, SYN, OTHER},
                         {5, RST, EITHER}},
    [MODEL_SYN_RECV] = {{60, ACK, OPENER},
                        {12, DATA, OPENER},
                        {8, SYN_AGAIN, OPENER},
                        {8, SYNACK, OTHER},
                        {6, ACK, OTHER},
                        {6, FIN, EITHER},
                        {4, RST, EITHER},
                        {4, SYNACK, OPENER}},
    [MODEL_ESTABLISHED] = {{45, DATA, EITHER},
                           {25, ACK, EITHER},
                           {9, FIN, EITHER},
                           {5, RST, EITHER},
                           {5, KEEPALIVE, EITHER},
                           {4, ZERO_WINDOW, EITHER},
                           {4, OLD_DATA, EITHER},
                           {5, SYN, OPENER},
                           {2, SYNACK, OTHER}},
    [MODEL_FIN_WAIT] = {{40, ACK, EITHER},
                        {25, FIN, EITHER},
                        {15, DATA, EITHER},
                        {4, RST, EITHER},
                        {4, SYN, OPENER},
                        {4, OLD_DATA, EITHER},
                        {2, SYNACK, OTHER}},
    [MODEL_CLOSE_WAIT] = {{30, FIN, EITHER},
                          {30, ACK, EITHER},
                          {20, DATA, EITHER},
                          {4, RST, EITHER},
                          {6, SYN, OPENER},
                          {2, SYNACK, OTHER}},
    [MODEL_LAST_ACK] = {{45, ACK, EITHER},
                        {15, FIN, EITHER},
                        {10, DATA, EITHER},
                        {4, RST, EITHER},
                        {12, SYN, OPENER},
                        {3, SYNACK, OTHER}},
    [MODEL_TIME_WAIT] = {{35, SYN, OPENER},
                         {20, SYN, OTHER},
                         {15, ACK, EITHER},
                         {8, FIN, EITHER},
                         {6, RST, EITHER},
                         {6, DATA, EITHER},
                         {6, SYNACK, EITHER}},
    [MODEL_CLOSE] = {{40, SYN, OPENER},
                     {15, SYN, OTHER},
                     {12, ACK, EITHER},
                     {6, FIN, EITHER},
                     {10, RST, EITHER},
                     {12, SYNACK, EITHER},
                     {6, DATA, EITHER}},
};

/* After a SYN that the tracker ignored: the answers that settle what it meant. */
static const struct choice doubts[CHOICES] = {
    {35, SYNACK, OTHER}, {30, ACK, OTHER}, {20, RST, OPENER}, {15, RST, OTHER}};

static const uint16_t windows[] = {0, 1, 2, 100, 1000, 1000, 1460, 8192, 32768, 65535, 65535};

static uint32_t initial(struct gen *g)
{
    switch (rng_below(&g->rng, 6)) {
    case 0:
    case 1:
    case 2: return 0xffffffffu - rng_below(&g->rng, 3000);
    case 3: return 0x7fffffffu - 500 + rng_below(&g->rng, 1000);
    case 4: return rng_below(&g->rng, 10);
    default: return rng_u32(&g->rng);
    }
}

static void start(struct gen *g, struct gen_flow *f)
{
    static const uint16_t ports[] = {1000, 1001, 80};

    gen_tcp_model_init(&f->u.tcp.model);
    for (unsigned i = 0; i < 2; i++) {
        f->port[i] = RNG_PICK(&g->rng, ports);
        f->u.tcp.isn[i] = initial(g);
    }
}

static const struct choice *choose(struct gen *g, const struct choice *from)
{
    uint16_t weight[CHOICES];
    for (unsigned i = 0; i < CHOICES; i++)
        weight[i] = from[i].weight;
    return &from[rng_weighted(&g->rng, weight, CHOICES)];
}

/* The last packet was a SYN that the tracker did not believe. */
static bool in_doubt(const struct gen_tcp_model *m)
{
    return m->last_ignored && m->last_class == MODEL_CLASS_SYN;
}

/* ---- sound numbers --------------------------------------------------------------------------- */

/* What this side sends next. */
static uint32_t next_seq(const struct gen_flow *f, unsigned side)
{
    const struct gen_tcp_side *s = &f->u.tcp.model.side[side];
    return s->maxwin ? s->end : f->u.tcp.isn[side] + 1;
}

static void syn_options(struct gen *g, struct build_tcp *t)
{
    static const uint8_t shifts[] = {0, 1, 2, 7, 7, 8, 14, 15, 20, 255};

    if (rng_one_in(&g->rng, 4))
        return;
    if (rng_one_in(&g->rng, 2))
        build_tcp_mss(t, 1460);
    if (rng_percent(&g->rng, 60))
        build_tcp_sackok(t);
    if (rng_one_in(&g->rng, 3)) {
        uint32_t value = rng_u32(&g->rng);
        build_tcp_ts(t, value, 0);
    }
    if (rng_one_in(&g->rng, 3))
        build_tcp_nop(t);
    if (rng_percent(&g->rng, 60))
        build_tcp_wscale(t, RNG_PICK(&g->rng, shifts));
}

static void move_syn(struct gen *g, struct gen_flow *f, struct build *b, unsigned from, bool again)
{
    struct build_tcp *t = &b->l4.tcp;

    if (!again) {
        /* Begins anew: mostly somewhere else, sometimes close to where it was. */
        uint32_t fresh = initial(g);
        if (f->u.tcp.model.state != MODEL_NONE && rng_one_in(&g->rng, 2))
            fresh = f->u.tcp.model.side[from].end + rng_below(&g->rng, 70000);
        f->u.tcp.isn[from] = fresh;
    }
    t->flags = BUILD_TCP_SYN;
    if (rng_one_in(&g->rng, 12))
        t->flags |= BUILD_TCP_ECE | BUILD_TCP_CWR;
    t->seq = f->u.tcp.isn[from];
    syn_options(g, t);
    if (rng_one_in(&g->rng, 20))
        b->data.len = 3;
}

static void move_synack(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    struct build_tcp *t = &b->l4.tcp;
    const struct gen_tcp_model *m = &f->u.tcp.model;

    t->flags = BUILD_TCP_SYN | BUILD_TCP_ACK;
    t->seq = f->u.tcp.isn[from];
    t->ack = in_doubt(m) && m->last_from != from ? m->last_end : next_seq(f, !from);
    syn_options(g, t);
}

static void sacks(struct gen *g, struct gen_flow *f, struct build_tcp *t, unsigned from)
{
    static const int32_t near[] = {0, 0, 1, 2, -1, -10, -100, 100};
    struct build_block block[3];
    size_t n = rng_range(&g->rng, 1, 3);
    uint32_t edge = f->u.tcp.model.side[!from].end;

    for (size_t i = 0; i < n; i++) {
        block[i].right = edge + (uint32_t)RNG_PICK(&g->rng, near);
        block[i].left = block[i].right - rng_below(&g->rng, 200);
    }
    build_tcp_nop(t);
    build_tcp_nop(t);
    build_tcp_sack(t, block, n);
}

static void move_ack(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    struct build_tcp *t = &b->l4.tcp;

    t->flags = BUILD_TCP_ACK;
    t->seq = next_seq(f, from);
    t->ack = next_seq(f, !from);
    if (rng_one_in(&g->rng, 6))
        t->ack -= rng_below(&g->rng, 20); /* not everything has arrived yet */
    if (rng_one_in(&g->rng, 5)) {
        uint32_t value = rng_u32(&g->rng);
        build_tcp_nop(t);
        build_tcp_nop(t);
        build_tcp_ts(t, value, 7);
    }
    if (rng_one_in(&g->rng, 8))
        sacks(g, f, t, from);
}

static void move_data(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    const struct gen_tcp_side *s = &f->u.tcp.model.side[from];
    uint32_t room = s->maxend - s->end;

    move_ack(g, f, b, from);
    b->data.len = gen_length(g);
    if (s->maxwin && room < 1400 && b->data.len > room && !rng_one_in(&g->rng, 4))
        b->data.len = room;
    if (rng_one_in(&g->rng, 2))
        b->l4.tcp.flags |= BUILD_TCP_PSH;
}

static void move_rst(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    struct build_tcp *t = &b->l4.tcp;
    const struct gen_tcp_model *m = &f->u.tcp.model;
    const struct gen_tcp_side *r = &m->side[!from];

    t->flags = BUILD_TCP_RST;
    t->seq = r->has_maxack ? r->maxack : next_seq(f, from);
    if (m->state == MODEL_SYN_SENT && rng_one_in(&g->rng, 2))
        t->seq = 0;
    if (rng_one_in(&g->rng, 2) || m->state == MODEL_SYN_SENT) {
        t->flags |= BUILD_TCP_ACK;
        t->ack = in_doubt(m) && m->last_from != from ? m->last_end : next_seq(f, !from);
    }
}

static void move(struct gen *g, struct gen_flow *f, struct build *b, unsigned from, enum move what)
{
    struct build_tcp *t = &b->l4.tcp;

    t->win = RNG_PICK(&g->rng, windows);
    switch (what) {
    case SYN: move_syn(g, f, b, from, false); break;
    case SYN_AGAIN: move_syn(g, f, b, from, true); break;
    case SYNACK: move_synack(g, f, b, from); break;
    case ACK: move_ack(g, f, b, from); break;
    case DATA: move_data(g, f, b, from); break;
    case FIN:
        move_ack(g, f, b, from);
        t->flags |= BUILD_TCP_FIN;
        if (rng_one_in(&g->rng, 4))
            t->seq--; /* once more */
        break;
    case RST: move_rst(g, f, b, from); break;
    case KEEPALIVE:
        move_ack(g, f, b, from);
        t->seq--;
        b->data.len = rng_below(&g->rng, 2);
        break;
    case ZERO_WINDOW:
        move_ack(g, f, b, from);
        t->win = 0;
        break;
    case OLD_DATA:
        move_data(g, f, b, from);
        t->seq -= (uint32_t)b->data.len;
        break;
    }
}

/* ---- spoilt numbers -------------------------------------------------------------------------- */

static uint32_t nearby(struct gen *g, uint32_t edge)
{
    static const int32_t step[] = {0, 0, 0, 1, 1, -1, -1, 2, -2, 3, -3, 100, -100};
    return edge + (uint32_t)RNG_PICK(&g->rng, step);
}

static uint32_t seq_edge(struct gen *g, const struct gen_flow *f, unsigned from, size_t len)
{
    const struct gen_tcp_model *m = &f->u.tcp.model;
    const struct gen_tcp_side *s = &m->side[from], *r = &m->side[!from];
    uint32_t any = rng_u32(&g->rng);
    const uint32_t edge[] = {
        s->end,
        s->maxend,
        s->maxend,
        s->maxend + r->maxwin, /* the most that may overshoot */
        s->end - r->maxwin,    /* the oldest that counts */
        s->end - r->maxwin - 1,
        r->maxack, /* what a RST should have */
        r->maxack,
        m->last_end,
        m->last_seq,
        s->end - 66000,
        s->end + 66000,
        f->u.tcp.isn[from],
        0,
        any,
    };
    uint32_t seq = RNG_PICK(&g->rng, edge);
    if (rng_one_in(&g->rng, 3))
        seq -= (uint32_t)len; /* then it is the end that is at the edge */
    return nearby(g, seq);
}

static uint32_t ack_edge(struct gen *g, const struct gen_flow *f, unsigned from)
{
    const struct gen_tcp_model *m = &f->u.tcp.model;
    const struct gen_tcp_side *s = &m->side[from], *r = &m->side[!from];
    uint32_t any = rng_u32(&g->rng);
    const uint32_t edge[] = {
        r->end,
        r->end,
        r->end,
        r->end - 66000,     /* the oldest ack that counts, for small windows … */
        r->end - s->maxwin, /* … and for large ones */
        r->maxend,
        s->maxack,
        m->last_end,
        m->last_seq,
        m->last_ack,
        0,
        any,
    };
    return nearby(g, RNG_PICK(&g->rng, edge));
}

static void spoil_flags(struct gen *g, struct build_tcp *t)
{
    static const uint16_t odd[] = {0,
                                   BUILD_TCP_FIN,
                                   BUILD_TCP_SYN | BUILD_TCP_FIN,
                                   BUILD_TCP_SYN | BUILD_TCP_RST,
                                   BUILD_TCP_SYN | BUILD_TCP_URG,
                                   BUILD_TCP_SYN | BUILD_TCP_ACK | BUILD_TCP_URG,
                                   BUILD_TCP_FIN | BUILD_TCP_ACK | BUILD_TCP_URG,
                                   BUILD_TCP_RST | BUILD_TCP_URG,
                                   BUILD_TCP_URG,
                                   BUILD_TCP_PSH,
                                   BUILD_TCP_FIN | BUILD_TCP_PSH | BUILD_TCP_URG,
                                   0x3f};
    uint32_t bit = 1u << rng_below(&g->rng, 12);

    switch (rng_below(&g->rng, 4)) {
    case 0: t->flags = rng_u32(&g->rng) & 0x3f; break;
    case 1: t->flags = RNG_PICK(&g->rng, odd); break;
    case 2: t->flags = (uint16_t)(t->flags ^ bit); break;
    default: t->flags |= (uint16_t)(rng_u32(&g->rng) & 0xfe8); break; /* those that do not matter */
    }
}

static void spoil_options(struct gen *g, struct build_tcp *t)
{
    static const struct {
        uint8_t len, bytes[20];
    } bad[] = {
        {2, {3, 0}},        /* length 0 */
        {3, {3, 1, 7}},     /* length 1 */
        {4, {3, 40, 7, 0}}, /* longer than the header */
        {4, {3, 4, 7, 0}},  /* the wrong length for its kind */
        {3, {4, 3, 0}},
        {8, {0, 3, 3, 7, 4, 2, 1, 1}}, /* behind the end of the list */
        {6, {3, 3, 2, 3, 3, 9}},       /* twice */
        {4, {5, 2, 1, 1}},             /* SACK without a block */
        {8, {5, 6, 0, 0, 0, 1, 1, 1}}, /* with half a block */
        {6, {254, 6, 1, 2, 3, 4}},     /* unknown */
        {4, {254, 0, 3, 3}},
        {12, {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}},
        {12, {1, 1, 8, 9, 0, 0, 0, 1, 0, 0, 0, 2}},
        {1, {3}},
        {4, {1, 1, 1, 4}}, /* ends after its kind */
    };
    size_t i = rng_below(&g->rng, sizeof(bad) / sizeof(bad[0]));

    if (rng_one_in(&g->rng, 2))
        t->opt_len = 0;
    build_tcp_raw(t, bad[i].bytes, bad[i].len);
    if (rng_one_in(&g->rng, 2))
        build_tcp_wscale(t, 3);
}

/* Make the segment end where this side's window ends, or next to it. */
static void reach_edge(struct gen *g, const struct gen_flow *f, struct build *b, unsigned from)
{
    const struct gen_tcp_side *s = &f->u.tcp.model.side[from], *r = &f->u.tcp.model.side[!from];
    uint32_t edge = rng_one_in(&g->rng, 3) ? s->maxend + r->maxwin : s->maxend;
    uint32_t len = nearby(g, edge) - b->l4.tcp.seq;

    if (len <= 1400)
        b->data.len = len;
    else
        b->l4.tcp.seq = nearby(g, edge) - (uint32_t)b->data.len;
}

static void spoil(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    static const uint16_t weight[] = {14, 26, 20, 6, 5, 5, 3, 2, 12, 3};
    struct build_tcp *t = &b->l4.tcp;

    switch (rng_weighted(&g->rng, weight, sizeof(weight) / sizeof(weight[0]))) {
    case 0: spoil_flags(g, t); break;
    case 1: t->seq = seq_edge(g, f, from, b->data.len); break;
    case 2: t->ack = ack_edge(g, f, from); break;
    case 3: t->win = (uint16_t)rng_u32(&g->rng); break;
    case 4: spoil_options(g, t); break;
    case 5: sacks(g, f, t, from); break;
    case 6: t->sum.mode = BUILD_SUM_BAD; break;
    case 7: t->doff = (int)rng_below(&g->rng, 16); break;
    case 8: reach_edge(g, f, b, from); break;
    default: t->urg = (uint16_t)rng_u32(&g->rng); break;
    }
}

static unsigned step(struct gen *g, struct gen_flow *f, struct build *b)
{
    const struct gen_tcp_model *m = &f->u.tcp.model;
    unsigned opener = m->state == MODEL_NONE ? f->opener : m->orig;
    const struct choice *list = choices[m->state];

    if (in_doubt(m) && rng_percent(&g->rng, 60)) {
        list = doubts;
        opener = m->last_from;
    }
    const struct choice *c = choose(g, list);
    unsigned from = c->who == EITHER ? rng_below(&g->rng, 2) : c->who == OPENER ? opener : !opener;
    enum move what = c->move;
    if (gen_hostile(g) && rng_one_in(&g->rng, 4)) { /* anything at all, from anybody */
        what = (enum move)rng_range(&g->rng, SYN, OLD_DATA);
        from = rng_below(&g->rng, 2);
    }

    build_init(b, f->family, BUILD_TCP);
    b->l4.tcp.sport = f->port[from];
    b->l4.tcp.dport = f->port[!from];
    move(g, f, b, from, what);
    if (gen_hostile(g)) {
        spoil(g, f, b, from);
        if (rng_one_in(&g->rng, 4))
            spoil(g, f, b, from);
    }
    return from;
}

static void sent(struct gen *g, struct gen_flow *f, unsigned from, const struct build *b)
{
    gen_tcp_model_sent(&f->u.tcp.model, from, &b->l4.tcp, b->data.len, &g->tcp_coverage);
}

const struct gen_kind gen_kind_tcp = {
    .protocol = GEN_TCP,
    .weight = 40,
    .families = GEN_V4 | GEN_V6,
    .start = start,
    .step = step,
    .sent = sent,
};
