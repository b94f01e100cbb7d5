/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_tcp_model: the state table and the window rules of TCP tracking as the generator believes
 * them, see gen_tcp_model.h.
 *
 * The order of the rules is that of the tracker: the table decides first, resets are judged, then
 * the window is checked and learnt from, and only then the state changes.
 */
#include "gen_tcp_model.h"

#include <string.h>

#include "wire.h"

enum { WINDOW_MIN = 66000 }; /* how far an ack may lag behind, at least */

void gen_tcp_model_init(struct gen_tcp_model *m)
{
    *m = (struct gen_tcp_model){.last_class = MODEL_CLASS_NONE};
}

bool gen_tcp_model_flags_ok(uint16_t flags)
{
    switch (flags & 0x3f & ~BUILD_TCP_PSH) {
    case BUILD_TCP_SYN:
    case BUILD_TCP_SYN | BUILD_TCP_URG:
    case BUILD_TCP_SYN | BUILD_TCP_ACK:
    case BUILD_TCP_RST:
    case BUILD_TCP_RST | BUILD_TCP_ACK:
    case BUILD_TCP_FIN | BUILD_TCP_ACK:
    case BUILD_TCP_FIN | BUILD_TCP_ACK | BUILD_TCP_URG:
    case BUILD_TCP_ACK:
    case BUILD_TCP_ACK | BUILD_TCP_URG: return true;
    default: return false;
    }
}

enum gen_tcp_class gen_tcp_model_class(uint16_t flags)
{
    if (flags & BUILD_TCP_RST)
        return MODEL_CLASS_RST;
    if (flags & BUILD_TCP_SYN)
        return flags & BUILD_TCP_ACK ? MODEL_CLASS_SYNACK : MODEL_CLASS_SYN;
    if (flags & BUILD_TCP_FIN)
        return MODEL_CLASS_FIN;
    return flags & BUILD_TCP_ACK ? MODEL_CLASS_ACK : MODEL_CLASS_NONE;
}

/* One letter per state in the table below; ~ ignores, ! is invalid. */
static enum gen_tcp_state decode(char c)
{
    static const char letter[] = "-sreflwtc2~!";
    static const enum gen_tcp_state state[] = {
        MODEL_NONE,     MODEL_SYN_SENT,  MODEL_SYN_RECV,   MODEL_ESTABLISHED,
        MODEL_FIN_WAIT, MODEL_LAST_ACK,  MODEL_CLOSE_WAIT, MODEL_TIME_WAIT,
        MODEL_CLOSE,    MODEL_SYN_SENT2, MODEL_IGNORE,     MODEL_INVALID,
    };
    return state[strchr(letter, c) - letter];
}

/* [state][direction] = the next state for syn, synack, fin, ack, rst, none. */
static const char table[MODEL_STATE_MAX][2][MODEL_CLASS_MAX + 1] = {
    [MODEL_NONE] = {"s!!e!!", "!!!!!!"},     [MODEL_SYN_SENT] = {"s!!!c!", "2r!~c!"},
    [MODEL_SYN_RECV] = {"~rfec!", "!~frc!"}, [MODEL_ESTABLISHED] = {"~!fec!", "!~fec!"},
    [MODEL_FIN_WAIT] = {"~!lwc!", "!~lwc!"}, [MODEL_CLOSE_WAIT] = {"~!lwc!", "!~lwc!"},
    [MODEL_LAST_ACK] = {"~!ltc!", "!~ltc!"}, [MODEL_TIME_WAIT] = {"s!ttc!", "s~ttc!"},
    [MODEL_CLOSE] = {"s!ccc!", "!~ccc!"},    [MODEL_SYN_SENT2] = {"2r!!c!", "2r!~c!"},
};

static bool after(uint32_t a, uint32_t b)
{
    return (int32_t)(b - a) < 0;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- options --------------------------------------------------------------------------------- */

/* The next well-formed option from *at on; NULL at the end or where the list breaks. */
static const uint8_t *option(const struct build_tcp *t, size_t *at)
{
    while (*at < t->opt_len && t->opt[*at] == 1)
        ++*at;
    if (*at + 1 >= t->opt_len || t->opt[*at] == 0)
        return NULL;
    const uint8_t *o = t->opt + *at;
    if (o[1] < 2 || o[1] > t->opt_len - *at)
        return NULL;
    *at += o[1];
    return o;
}

static void learn_options(struct gen_tcp_side *s, const struct build_tcp *t)
{
    size_t at = 0;
    if (!t->opt_len)
        return;
    s->scale = 0;
    s->sack = s->has_scale = false;
    for (const uint8_t *o; (o = option(t, &at)) != NULL;) {
        if (o[0] == 4 && o[1] == 2)
            s->sack = true;
        if (o[0] == 3 && o[1] == 3) {
            s->has_scale = true;
            s->scale = o[2] < 14 ? o[2] : 14;
        }
    }
}

static uint32_t highest_sack(const struct build_tcp *t, uint32_t sack)
{
    size_t at = 0;
    for (const uint8_t *o; (o = option(t, &at)) != NULL;) {
        if (o[0] != 5 || o[1] < 10 || o[1] % 8 != 2)
            continue;
        for (size_t i = 2; i < o[1]; i += 8)
            if (after(wire_get32(o + i + 4), sack))
                sack = wire_get32(o + i + 4);
        break;
    }
    return sack;
}

/* ---- the window ------------------------------------------------------------------------------ */

struct packet {
    unsigned from;
    bool reply;
    enum gen_tcp_class class;
    uint32_t seq, ack, end, win;
    const struct build_tcp *t;
};

enum verdict {
    PASS,   /* in the window: goes on */
    IGNORE, /* passes without effect */
    REFUSE,
};

static void init_side(struct gen_tcp_model *m, const struct packet *p)
{
    struct gen_tcp_side *s = &m->side[p->from], *r = &m->side[!p->from];
    s->end = s->maxend = p->end;
    s->maxwin = larger(p->win, 1);
    learn_options(s, p->t);
    if (p->reply && !(s->has_scale && r->has_scale))
        s->scale = r->scale = 0;
}

/* A sender of which nothing is known yet, or who begins anew. True: there is nothing to check. */
static bool learn_sender(struct gen_tcp_model *m, const struct packet *p, uint32_t sack)
{
    struct gen_tcp_side *s = &m->side[p->from], *r = &m->side[!p->from];
    bool syn = p->t->flags & BUILD_TCP_SYN, ack = p->t->flags & BUILD_TCP_ACK;

    if (s->maxwin == 0 && syn) {
        init_side(m, p);
        return !ack;
    }
    if (s->maxwin == 0) {
        s->end = p->end;
        s->maxwin = larger(p->win << s->scale, 1);
        s->maxend = p->end + s->maxwin;
        if (r->maxwin == 0)
            r->end = r->maxend = sack;
        else if (sack == r->end + 1)
            r->end++;
        return false;
    }
    if (syn && after(p->end, s->end) &&
        (m->state == MODEL_SYN_SENT || m->state == MODEL_SYN_RECV)) {
        init_side(m, p);
        return p->reply && !ack;
    }
    return false;
}

static enum verdict bounds(struct gen_tcp_side *s, const struct gen_tcp_side *r,
                           const struct packet *p, uint32_t sack)
{
    uint32_t reach = larger(s->maxwin, WINDOW_MIN);
    bool fresh = r->maxwin == 0 || !after(s->end - r->maxwin, p->end);
    bool acked = !after(r->end - reach, sack);

    if (after(p->seq, s->maxend)) {
        uint32_t over = p->end - s->maxend + 1;
        if (r->maxwin && fresh && acked && over <= r->maxwin && !after(sack, r->end)) {
            s->end = p->end;
            return IGNORE;
        }
        return REFUSE;
    }
    if (after(sack, r->end))
        return REFUSE;
    return fresh && acked ? PASS : IGNORE;
}

static void learn_window(struct gen_tcp_model *m, const struct packet *p, uint32_t ack,
                         uint32_t sack, uint32_t end)
{
    struct gen_tcp_side *s = &m->side[p->from], *r = &m->side[!p->from];
    uint32_t win = p->t->flags & BUILD_TCP_SYN ? p->win : p->win << s->scale;

    s->maxwin = larger(s->maxwin, win + (sack - ack));
    if (after(end, s->end))
        s->end = end;
    if (p->t->flags & BUILD_TCP_ACK && (!s->has_maxack || after(ack, s->maxack))) {
        s->maxack = ack;
        s->has_maxack = true;
    }
    if (r->maxwin && after(end, s->maxend))
        r->maxwin += end - s->maxend;
    if (!after(r->maxend, sack + win))
        r->maxend = sack + win + (win == 0);
    if (p->class == MODEL_CLASS_ACK) {
        m->last_seq = p->seq;
        m->last_ack = ack;
        m->last_end = end;
        m->last_win = p->win;
    }
}

static enum verdict window(struct gen_tcp_model *m, const struct packet *p)
{
    struct gen_tcp_side *s = &m->side[p->from], *r = &m->side[!p->from];
    uint32_t ack = p->ack, sack = r->sack ? highest_sack(p->t, p->ack) : p->ack;
    struct packet q = *p;
    bool rst = p->class == MODEL_CLASS_RST;

    if (learn_sender(m, p, sack))
        return PASS;
    if (!(p->t->flags & BUILD_TCP_ACK) || (rst && ack == 0))
        ack = sack = r->end;
    if (rst && p->seq == 0 && m->state == MODEL_SYN_SENT)
        q.seq = q.end = s->end;
    enum verdict v = bounds(s, r, &q, sack);
    if (v == PASS)
        learn_window(m, &q, ack, sack, q.end);
    return s->liberal ? PASS : v;
}

/* ---- the connection -------------------------------------------------------------------------- */

static void remember(struct gen_tcp_model *m, const struct packet *p)
{
    struct gen_tcp_side syn = {0};

    m->last_class = p->class;
    m->last_from = p->from;
    m->last_ignored = true;
    m->last_seq = p->seq;
    m->last_end = p->end;
    m->last_win = p->win;
    if (p->class == MODEL_CLASS_SYN && !p->reply) {
        learn_options(&syn, p->t);
        m->last_scale = syn.scale;
        m->last_has_scale = syn.has_scale;
        m->last_sack = syn.sack;
        m->challenge = m->state == MODEL_LAST_ACK;
    }
    if (m->state == MODEL_SYN_SENT && p->class == MODEL_CLASS_ACK && p->reply)
        m->last_ack = p->ack;
}

/* A SYN/ACK that answers an ignored SYN: the tracker was wrong about the connection. */
static bool resyncs(struct gen_tcp_model *m, const struct packet *p)
{
    struct gen_tcp_side *x = &m->side[m->last_from], *s = &m->side[p->from];
    if (p->class != MODEL_CLASS_SYNACK || m->last_class != MODEL_CLASS_SYN ||
        m->last_from == p->from || p->ack != m->last_end)
        return false;
    *x = (struct gen_tcp_side){.end = m->last_end,
                               .maxend = m->last_end,
                               .maxwin = larger(m->last_win, 1),
                               .scale = m->last_scale,
                               .has_scale = m->last_has_scale,
                               .sack = m->last_sack};
    *s = (struct gen_tcp_side){.liberal = s->liberal};
    m->state = MODEL_SYN_SENT;
    m->challenge = false;
    return true;
}

/* What a reset does: close, leave the state alone, or nothing. `checked` says whether the window
 * still has to be looked at. */
static enum verdict judge_rst(const struct gen_tcp_model *m, const struct packet *p,
                              enum gen_tcp_state *next, bool *checked)
{
    const struct gen_tcp_side *r = &m->side[!p->from];
    bool strict = m->state == MODEL_ESTABLISHED && m->assured;

    *checked = false;
    if (m->state >= MODEL_FIN_WAIT && m->state <= MODEL_CLOSE)
        return PASS;
    *checked = true;
    if (r->has_maxack && m->last_class != MODEL_CLASS_SYN) {
        if (p->seq == 0 && !strict)
            return PASS;
        if (after(r->maxack, p->seq))
            return REFUSE;
        if (!strict || p->seq == r->maxack)
            return PASS;
        if (m->last_class == MODEL_CLASS_ACK && m->last_from == p->from && p->seq == m->last_end)
            return PASS;
        *next = m->state;
    }
    bool answers = (m->replied && m->last_class == MODEL_CLASS_SYN && m->last_from != p->from) ||
                   (!m->assured && m->last_class == MODEL_CLASS_ACK);
    if (answers && p->ack == m->last_end)
        *checked = false;
    if (m->state == MODEL_SYN_SENT && m->last_class == MODEL_CLASS_ACK && m->last_from != m->orig &&
        p->seq == m->last_ack)
        *checked = false;
    return PASS;
}

/* The first packet of a connection; false if it cannot be one. */
static bool create(struct gen_tcp_model *m, const struct packet *p)
{
    gen_tcp_model_init(m);
    if (p->class != MODEL_CLASS_SYN && p->class != MODEL_CLASS_ACK)
        return false;
    m->orig = p->from;
    if (p->class == MODEL_CLASS_ACK) {
        struct gen_tcp_side *s = &m->side[p->from];
        *s = (struct gen_tcp_side){.end = p->end, .maxwin = larger(p->win, 1)};
        s->maxend = s->end + s->maxwin;
        m->side[0].sack = m->side[1].sack = m->side[0].liberal = m->side[1].liberal = true;
    }
    return true;
}

static void commit(struct gen_tcp_model *m, const struct packet *p, enum gen_tcp_state next)
{
    enum gen_tcp_state old = m->state;
    m->last_class = p->class;
    m->last_from = p->from;
    m->last_ignored = false;
    m->state = next;
    if (next == MODEL_FIN_WAIT && old != next)
        m->side[p->from].close_init = true;
    if (!m->replied && p->class == MODEL_CLASS_RST) {
        gen_tcp_model_init(m); /* nobody had answered: the entry is gone at once */
        return;
    }
    if (m->replied && (old == MODEL_SYN_RECV || old == MODEL_ESTABLISHED) &&
        next == MODEL_ESTABLISHED)
        m->assured = true;
    m->replied |= p->reply;
}

void gen_tcp_model_sent(struct gen_tcp_model *m, unsigned from, const struct build_tcp *t,
                        size_t len, struct gen_tcp_coverage *coverage)
{
    struct packet p = {.from = from,
                       .class = gen_tcp_model_class(t->flags),
                       .seq = t->seq,
                       .ack = t->ack,
                       .win = t->win,
                       .t = t};
    p.end = t->seq + (uint32_t)len + !!(t->flags & BUILD_TCP_SYN) + !!(t->flags & BUILD_TCP_FIN);
    if (!gen_tcp_model_flags_ok(t->flags))
        return;
    p.reply = m->state != MODEL_NONE && from != m->orig;
    coverage->cell[m->state][p.reply][p.class]++;
    if (m->state == MODEL_NONE && !create(m, &p))
        return;

    enum gen_tcp_state next = decode(table[m->state][p.reply][p.class]);
    bool checked = true;
    if (next == MODEL_SYN_SENT && (m->state == MODEL_TIME_WAIT || m->state == MODEL_CLOSE)) {
        if (m->side[0].close_init || m->side[1].close_init ||
            (m->last_from == from && m->last_class == MODEL_CLASS_RST)) {
            p.reply = false;
            create(m, &p);
        } else {
            next = MODEL_IGNORE;
        }
    }
    if (next == MODEL_IGNORE) {
        if (!resyncs(m, &p)) {
            remember(m, &p);
            m->replied |= p.reply;
            return;
        }
        next = MODEL_SYN_RECV;
    }
    if (next == MODEL_INVALID)
        return;
    if (next == MODEL_TIME_WAIT && m->state == MODEL_LAST_ACK && p.class == MODEL_CLASS_ACK &&
        m->last_from != from && m->last_class == MODEL_CLASS_SYN && m->challenge) {
        m->challenge = false;
        m->replied |= p.reply;
        return;
    }
    if (next == MODEL_SYN_SENT2)
        m->simultaneous = true;
    if (next == MODEL_SYN_RECV && p.reply && p.class == MODEL_CLASS_ACK && m->simultaneous)
        next = MODEL_ESTABLISHED;
    if (p.class == MODEL_CLASS_RST && judge_rst(m, &p, &next, &checked) == REFUSE)
        return;
    enum verdict v = checked ? window(m, &p) : PASS;
    if (v == PASS)
        commit(m, &p, next);
    else if (v == IGNORE)
        m->replied |= p.reply;
    if (m->state == MODEL_NONE && v != PASS)
        gen_tcp_model_init(m);
}

const char *gen_tcp_model_state_name(enum gen_tcp_state state)
{
    static const char *const name[MODEL_STATE_MAX] = {
        "NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
        "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2",
    };
    return name[state];
}

const char *gen_tcp_model_class_name(enum gen_tcp_class class)
{
    static const char *const name[MODEL_CLASS_MAX] = {"syn", "synack", "fin", "ack", "rst", "none"};
    return name[class];
}
