/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_sctp: SCTP associations.
 *
 * As with TCP there is a belief of where the tracker stands: its state, and the tag that packets of
 * each side must carry. It is fed with what has been sent undamaged and with sound tags. Steps then
 * go on from there, or put chunks together at random, use a tag that was right once or is right for
 * the other side, or lie about the length of a chunk.
 */
#include "gen.h"

#include <string.h>

#include "wire.h"

enum state {
    NONE,
    CLOSED,
    COOKIE_WAIT,
    COOKIE_ECHOED,
    ESTABLISHED,
    SHUTDOWN_SENT,
    SHUTDOWN_RECD,
    SHUTDOWN_ACK_SENT,
    HEARTBEAT_SENT,
    STATES,
};

/* Chunk types up to this one can change a state. */
enum { TYPES = BUILD_CHUNK_SHUTDOWN_COMPLETE + 1 };

/* [direction][chunk][state] = next state: a letter of "-lwEesrah" (in the order above, E echoed, e
 * established), . for the same, ! for invalid. A chunk without a row changes nothing. */
static const char table[2][TYPES][STATES + 1] = {
    {
        [BUILD_CHUNK_INIT] = "l....ll.w",
        [BUILD_CHUNK_INIT_ACK] = "l.......l",
        [BUILD_CHUNK_ABORT] = "l.lllllll",
        [BUILD_CHUNK_SHUTDOWN] = "l...s...l",
        [BUILD_CHUNK_SHUTDOWN_ACK] = "a....aa.a",
        [BUILD_CHUNK_ERROR] = "l.......l",
        [BUILD_CHUNK_COOKIE_ECHO] = "l.E.....l",
        [BUILD_CHUNK_COOKIE_ACK] = "l..e....l",
        [BUILD_CHUNK_SHUTDOWN_COMPLETE] = "l......ll",
        [BUILD_CHUNK_HEARTBEAT] = "h........",
        [BUILD_CHUNK_HEARTBEAT_ACK] = "l........",
    },
    {
        [BUILD_CHUNK_INIT] = "!.......!",
        [BUILD_CHUNK_INIT_ACK] = "!w......!",
        [BUILD_CHUNK_ABORT] = "!.llllll!",
        [BUILD_CHUNK_SHUTDOWN] = "!...r...!",
        [BUILD_CHUNK_SHUTDOWN_ACK] = "!....aa.!",
        [BUILD_CHUNK_ERROR] = "!..l....!",
        [BUILD_CHUNK_COOKIE_ECHO] = "!.E.....!",
        [BUILD_CHUNK_COOKIE_ACK] = "!..e....!",
        [BUILD_CHUNK_SHUTDOWN_COMPLETE] = "!......l!",
        [BUILD_CHUNK_HEARTBEAT] = "!........",
        [BUILD_CHUNK_HEARTBEAT_ACK] = "!.......e",
    },
};

enum who { OPENER, OTHER, EITHER };

enum { CHOICES = 8 };

static const struct choice {
    uint16_t weight;
    uint8_t chunk;
    enum who who;
} choices[STATES][CHOICES] = {
    [NONE] = {{70, BUILD_CHUNK_INIT, OPENER},
              {12, BUILD_CHUNK_HEARTBEAT, OPENER},
              {4, BUILD_CHUNK_SHUTDOWN_ACK, OPENER},
              {3, BUILD_CHUNK_INIT_ACK, OPENER},
              {3, BUILD_CHUNK_COOKIE_ECHO, OPENER},
              {3, BUILD_CHUNK_ERROR, OPENER},
              {3, BUILD_CHUNK_DATA, OPENER},
              {3, BUILD_CHUNK_ABORT, OPENER}},
    [CLOSED] = {{60, BUILD_CHUNK_INIT_ACK, OTHER},
                {18, BUILD_CHUNK_INIT, OPENER},
                {8, BUILD_CHUNK_INIT, OTHER},
                {4, BUILD_CHUNK_ABORT, OTHER},
                {4, BUILD_CHUNK_INIT_ACK, OPENER},
                {4, BUILD_CHUNK_HEARTBEAT, EITHER}},
    [COOKIE_WAIT] = {{75, BUILD_CHUNK_COOKIE_ECHO, OPENER},
                     {8, BUILD_CHUNK_INIT_ACK, OTHER},
                     {5, BUILD_CHUNK_COOKIE_ECHO, OTHER},
                     {4, BUILD_CHUNK_INIT, EITHER},
                     {4, BUILD_CHUNK_ABORT, EITHER},
                     {4, BUILD_CHUNK_ERROR, OTHER}},
    [COOKIE_ECHOED] = {{80, BUILD_CHUNK_COOKIE_ACK, OTHER},
                       {6, BUILD_CHUNK_COOKIE_ECHO, OPENER},
                       {4, BUILD_CHUNK_ERROR, OTHER},
                       {4, BUILD_CHUNK_ABORT, EITHER},
                       {4, BUILD_CHUNK_DATA, OPENER},
                       {2, BUILD_CHUNK_COOKIE_ACK, OPENER}},
    [ESTABLISHED] = {{40, BUILD_CHUNK_DATA, EITHER},
                     {25, BUILD_CHUNK_SACK, EITHER},
                     {10, BUILD_CHUNK_HEARTBEAT, EITHER},
                     {8, BUILD_CHUNK_HEARTBEAT_ACK, EITHER},
                     {8, BUILD_CHUNK_SHUTDOWN, EITHER},
                     {3, BUILD_CHUNK_ABORT, EITHER},
                     {4, BUILD_CHUNK_INIT, EITHER},
                     {4, BUILD_CHUNK_INIT_ACK, EITHER}},
    [SHUTDOWN_SENT] = {{60, BUILD_CHUNK_SHUTDOWN_ACK, OTHER},
                       {15, BUILD_CHUNK_DATA, OTHER},
                       {8, BUILD_CHUNK_SHUTDOWN, EITHER},
                       {6, BUILD_CHUNK_INIT, OPENER},
                       {4, BUILD_CHUNK_ABORT, EITHER},
                       {5, BUILD_CHUNK_SHUTDOWN_ACK, OPENER}},
    [SHUTDOWN_RECD] = {{60, BUILD_CHUNK_SHUTDOWN_ACK, OPENER},
                       {15, BUILD_CHUNK_DATA, OPENER},
                       {8, BUILD_CHUNK_SHUTDOWN, EITHER},
                       {6, BUILD_CHUNK_INIT, OPENER},
                       {4, BUILD_CHUNK_ABORT, EITHER},
                       {5, BUILD_CHUNK_SHUTDOWN_ACK, OTHER}},
    [SHUTDOWN_ACK_SENT] = {{70, BUILD_CHUNK_SHUTDOWN_COMPLETE, EITHER},
                           {10, BUILD_CHUNK_SHUTDOWN_ACK, EITHER},
                           {8, BUILD_CHUNK_INIT, EITHER},
                           {5, BUILD_CHUNK_ABORT, EITHER}},
    [HEARTBEAT_SENT] = {{60, BUILD_CHUNK_HEARTBEAT_ACK, OTHER},
                        {15, BUILD_CHUNK_HEARTBEAT, EITHER},
                        {8, BUILD_CHUNK_INIT, OPENER},
                        {6, BUILD_CHUNK_DATA, EITHER},
                        {5, BUILD_CHUNK_ABORT, OPENER}},
};

static uint32_t new_tag(struct gen *g)
{
    return rng_range(&g->rng, 1, 40);
}

static void start(struct gen *g, struct gen_flow *f)
{
    static const uint16_t ports[] = {5, 6, 2905};

    for (unsigned i = 0; i < 2; i++) {
        f->port[i] = RNG_PICK(&g->rng, ports);
        f->u.sctp.next[i] = new_tag(g);
    }
}

/* ---- belief ---------------------------------------------------------------------------------- */

static enum state next_state(enum state now, unsigned dir, uint8_t type)
{
    static const char letter[] = "-lwEesrah";
    char c = type < TYPES ? table[dir][type][now] : 0;
    const char *at = c ? strchr(letter, c) : NULL;
    return at ? (enum state)(at - letter) : now;
}

/* Can a chunk with this tag be from this side? HEARTBEATs and first packets teach it. */
static bool tag_ok(struct gen_flow *f, unsigned from, const struct build_chunk *c, uint32_t tag)
{
    uint32_t *want = f->u.sctp.tag;

    switch (c->type) {
    case BUILD_CHUNK_INIT: return tag == 0;
    case BUILD_CHUNK_SHUTDOWN_ACK: return true;
    case BUILD_CHUNK_ABORT:
    case BUILD_CHUNK_SHUTDOWN_COMPLETE:
        return tag == want[c->flags & BUILD_CHUNK_T_FLAG ? !from : from];
    case BUILD_CHUNK_HEARTBEAT:
    case BUILD_CHUNK_HEARTBEAT_ACK:
        if (want[from] == 0)
            want[from] = tag;
        return tag == want[from];
    default: return tag == want[from];
    }
}

static void sent(struct gen *g, struct gen_flow *f, unsigned from, const struct build *b)
{
    const struct build_sctp *s = &b->l4.sctp;

    for (unsigned i = 0; i < s->chunk_count; i++) {
        const struct build_chunk *c = &s->chunk[i];
        enum state now = f->u.sctp.phase;
        unsigned dir = now != NONE && from != f->u.sctp.orig;
        if (now == NONE &&
            (c->type >= TYPES || !table[0][c->type][0] || c->type == BUILD_CHUNK_ABORT ||
             c->type == BUILD_CHUNK_COOKIE_ACK || c->type == BUILD_CHUNK_SHUTDOWN_COMPLETE))
            return;
        if (now == NONE) {
            f->u.sctp.orig = from;
            memset(f->u.sctp.tag, 0, sizeof(f->u.sctp.tag));
        }
        if (c->type < TYPES)
            g->sctp_coverage[now][dir][c->type]++;
        if (c->len != BUILD_AUTO || !tag_ok(f, from, c, s->vtag))
            return;
        if (c->type < TYPES && table[dir][c->type][now] == '!')
            return;
        if (c->type == BUILD_CHUNK_INIT || c->type == BUILD_CHUNK_INIT_ACK) {
            f->u.sctp.old = f->u.sctp.tag[!from];
            f->u.sctp.tag[!from] = wire_get32(c->head);
        }
        f->u.sctp.phase = (uint8_t)next_state(now, dir, c->type);
    }
}

/* ---- packets --------------------------------------------------------------------------------- */

static void fill(struct gen *g, struct gen_flow *f, unsigned from, struct build_chunk *c)
{
    static const uint8_t cookie[8] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
    static const uint8_t info[8] = {0, 1, 0, 8, 'b', 'e', 'a', 't'};

    switch (c->type) {
    case BUILD_CHUNK_INIT:
    case BUILD_CHUNK_INIT_ACK:
        if (rng_one_in(&g->rng, 3))
            f->u.sctp.next[from] = new_tag(g);
        build_chunk_init(c, f->u.sctp.next[from], 65535, 10, 10, f->u.sctp.tsn[from]);
        if (c->type == BUILD_CHUNK_INIT_ACK)
            c->body = (struct build_data){.bytes = cookie, .len = sizeof(cookie)};
        break;
    case BUILD_CHUNK_DATA:
    case BUILD_CHUNK_SACK:
    case BUILD_CHUNK_SHUTDOWN:
        c->head_len = (uint8_t)build_chunk_head_len(c->type);
        wire_put32(c->head, f->u.sctp.tsn[c->type == BUILD_CHUNK_DATA ? from : !from]++);
        c->body.len = c->type == BUILD_CHUNK_DATA ? rng_range(&g->rng, 1, 60) : 0;
        break;
    case BUILD_CHUNK_HEARTBEAT:
    case BUILD_CHUNK_HEARTBEAT_ACK:
        c->body = (struct build_data){.bytes = info, .len = sizeof(info)};
        break;
    case BUILD_CHUNK_COOKIE_ECHO:
    case BUILD_CHUNK_ERROR: c->body.len = rng_below(&g->rng, 13); break;
    default: break;
    }
}

static void add_chunk(struct gen *g, struct gen_flow *f, struct build *b, unsigned from,
                      uint8_t type)
{
    struct build_chunk *c = build_chunk_add(&b->l4.sctp, type);
    if (c)
        fill(g, f, from, c);
}

/* The right tag for the first chunk. */
static uint32_t right_tag(struct gen *g, const struct gen_flow *f, unsigned from,
                          struct build_chunk *c)
{
    const uint32_t *tag = f->u.sctp.tag;

    if (c->type == BUILD_CHUNK_INIT)
        return 0;
    if (f->u.sctp.phase == NONE && c->type == BUILD_CHUNK_HEARTBEAT)
        return f->u.sctp.next[!from];
    if ((c->type == BUILD_CHUNK_ABORT || c->type == BUILD_CHUNK_SHUTDOWN_COMPLETE) &&
        rng_one_in(&g->rng, 3)) {
        c->flags |= BUILD_CHUNK_T_FLAG; /* sent without knowing the association */
        return tag[!from];
    }
    return tag[from];
}

static void random_chunks(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    static const uint8_t types[] = {0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 14, 77, 193};
    unsigned n = rng_below(&g->rng, 4);

    b->l4.sctp.chunk_count = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t type = RNG_PICK(&g->rng, types);
        add_chunk(g, f, b, from, type);
    }
}

static void spoil(struct gen *g, struct gen_flow *f, struct build *b, unsigned from)
{
    static const int lengths[] = {0, 0, 1, 2, 3, 4, 5, 19, 20, 65535};
    struct build_sctp *s = &b->l4.sctp;
    struct build_chunk *c =
        s->chunk_count ? &s->chunk[rng_below(&g->rng, s->chunk_count)] : &s->chunk[0];
    const uint32_t tags[] = {0,
                             f->u.sctp.tag[!from],
                             f->u.sctp.tag[!from],
                             f->u.sctp.old,
                             f->u.sctp.next[from],
                             f->u.sctp.next[!from],
                             s->vtag + 1};

    switch (rng_below(&g->rng, 10)) {
    case 0:
    case 1:
    case 2: s->vtag = RNG_PICK(&g->rng, tags); break;
    case 3:
    case 4: random_chunks(g, f, b, from); break;
    case 5: c->len = RNG_PICK(&g->rng, lengths); break;
    case 6: c->flags = (uint8_t)rng_below(&g->rng, 4); break;
    case 7: b->keep = (int)rng_below(&g->rng, 40); break;
    case 8: s->sum.mode = BUILD_SUM_BAD; break;
    default: /* something behind a chunk that should be alone, or in front of one that is first */
        add_chunk(g, f, b, from, rng_one_in(&g->rng, 2) ? BUILD_CHUNK_DATA : BUILD_CHUNK_HEARTBEAT);
        break;
    }
}

static unsigned step(struct gen *g, struct gen_flow *f, struct build *b)
{
    const struct choice *list = choices[f->u.sctp.phase];
    unsigned opener = f->u.sctp.phase == NONE ? f->opener : f->u.sctp.orig;
    uint16_t weight[CHOICES];

    for (unsigned i = 0; i < CHOICES; i++)
        weight[i] = list[i].weight;
    const struct choice *c = &list[rng_weighted(&g->rng, weight, CHOICES)];
    unsigned from = c->who == EITHER ? rng_below(&g->rng, 2) : c->who == OPENER ? opener : !opener;

    build_init(b, f->family, BUILD_SCTP);
    b->l4.sctp.sport = f->port[from];
    b->l4.sctp.dport = f->port[!from];
    uint8_t type = c->chunk;
    if (gen_hostile(g) && rng_one_in(&g->rng, 4)) { /* anything, from anybody */
        type = (uint8_t)rng_below(&g->rng, TYPES);
        from = rng_below(&g->rng, 2);
        b->l4.sctp.sport = f->port[from];
        b->l4.sctp.dport = f->port[!from];
    }
    add_chunk(g, f, b, from, type);
    b->l4.sctp.vtag = right_tag(g, f, from, &b->l4.sctp.chunk[0]);
    if (gen_hostile(g))
        spoil(g, f, b, from);
    return from;
}

const struct gen_kind gen_kind_sctp = {
    .protocol = GEN_SCTP,
    .weight = 16,
    .families = GEN_V4 | GEN_V6,
    .start = start,
    .step = step,
    .sent = sent,
};
