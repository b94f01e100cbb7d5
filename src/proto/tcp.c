/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP: what a segment does to its connection (conntrack reference, section 3).
 *
 * In order: the header must be sound; a first segment must be able to start an entry; the state
 * table names the next state; a few states ask questions the table cannot (is this ignored SYN/ACK
 * the answer to a SYN that was ignored before? is this RST believable?); the window check; then
 * state, timeout and ASSURED follow. Segments that pass without being believed
 * ("ignored") keep their class but neither refresh nor count.
 */
#include "proto/tcp.h"
#include "packet/headers.h"

/* RSTs that no longer match an exact number end connections at once only in these states, where
 * nothing is left to lose. */
static bool is_closing(uint8_t state)
{
    return state >= WEIR_TCP_FIN_WAIT && state <= WEIR_TCP_CLOSE;
}

static bool is_established(const struct conn *c, const struct tcp_state *st)
{
    return st->state == WEIR_TCP_ESTABLISHED && c->status & WEIR_S_ASSURED;
}

/* --- reading the header --- */

enum weir_reason tcp_read(const struct pkt *p, struct segment *s)
{
    const uint8_t *h = parsed_l4(&p->ip, TCP_MIN);
    uint32_t len = parsed_l4_len(&p->ip);

    if (!h)
        return WEIR_R_L4_SHORT;
    uint32_t header = (h[TCP_OFFSET] >> 4) * 4u;

    if (header < TCP_MIN || header > len)
        return WEIR_R_TCP_OFFSET;
    if (p->verify_checksum && !proto_checksum_good(p, PROTO_TCP, len))
        return WEIR_R_L4_CHECKSUM;
    s->flags = h[TCP_FLAGS];
    if (!tcp_flags_valid(s->flags))
        return WEIR_R_TCP_FLAGS;
    s->klass = (uint8_t)tcp_classify(s->flags);
    s->seq = load_be32(h + TCP_SEQ);
    s->ack = load_be32(h + TCP_ACK);
    s->win = load_be16(h + TCP_WINDOW);
    s->end = s->seq + (len - header) + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
    s->options = h + TCP_MIN;
    s->options_len = min_u32(header, parsed_l4_have(&p->ip)) - TCP_MIN;
    s->has_options = header > TCP_MIN;
    return WEIR_R_NONE;
}

/* --- a first segment (3.5) --- */

static bool start(const struct track *t, struct tcp_state *st, const struct segment *s)
{
    struct tcp_side *a = &st->side[WEIR_ORIG];

    if (s->klass == TCP_CLASS_SYN) {
        tcp_side_from_syn(st, WEIR_ORIG, s);
        return true;
    }
    if (s->klass != TCP_CLASS_ACK || !t->set.tcp_loose)
        return false;
    /* In the middle: scaling and much else is unknown, so nothing can be held against the rest of
     * it. */
    a->end = s->end;
    a->maxwin = max_u32(s->win, 1);
    a->maxend = a->end + a->maxwin;
    st->flags[0] = st->flags[1] = WEIR_TCPF_SACK_PERM | WEIR_TCPF_BE_LIBERAL;
    return true;
}

/* --- segments that are let pass but not believed (3.3) --- */

static bool answers_ignored_syn(const struct tcp_state *st, enum weir_dir dir,
                                const struct segment *s)
{
    return s->klass == TCP_CLASS_SYNACK && st->last_class == TCP_CLASS_SYN && st->last_dir != dir &&
           s->ack == st->last_end;
}

/* The SYN that was ignored was real: its sender is where that SYN said, and about the other side
 * nothing is known. */
static void resync(struct tcp_state *st, enum weir_dir dir)
{
    struct tcp_side *opener = &st->side[st->last_dir];

    opener->end = opener->maxend = st->last_end;
    opener->maxwin = max_u32(st->last_win, 1);
    st->scale[st->last_dir] = st->last_scale;
    st->last_flags &= (uint8_t)~WEIR_TCPF_CHALLENGE_EXPECTED;
    st->flags[st->last_dir] = st->last_flags;
    st->side[dir] = (struct tcp_side){0};
    st->scale[dir] = 0;
    st->flags[dir] &= WEIR_TCPF_BE_LIBERAL;
}

static void remember_ignored(struct tcp_state *st, enum weir_dir dir, const struct segment *s)
{
    st->last_class = s->klass;
    st->last_dir = (uint8_t)dir;
    st->last_seq = s->seq;
    st->last_end = s->end;
    st->last_win = s->win;
    if (s->klass == TCP_CLASS_SYN && dir == WEIR_ORIG) {
        struct syn_options o = tcp_syn_options(s);

        st->last_flags = o.flags;
        st->last_scale = o.scale;
        /* RFC 5961, 4: the peer answers with a challenge ACK, which must not be taken for the last
         * ACK. */
        if (st->state == WEIR_TCP_LAST_ACK)
            st->last_flags |= WEIR_TCPF_CHALLENGE_EXPECTED;
    }
    if (st->state == WEIR_TCP_SYN_SENT && s->klass == TCP_CLASS_ACK && dir == WEIR_REPLY)
        st->last_ack = s->ack;
}

/* --- RST (3.4) --- */

enum rst_answer {
    RST_INVALID = 0,
    RST_CLOSE,
    RST_CLOSE_NO_WINDOW,
    RST_KEEP_STATE,
    RST_KEEP_STATE_NO_WINDOW
};

/* Does this RST answer a segment just seen, by quoting its end? Then no window applies. */
static bool rst_answers_last(const struct conn *c, const struct tcp_state *st, enum weir_dir dir,
                             const struct segment *s)
{
    bool answers_syn =
        c->status & WEIR_S_SEEN_REPLY && st->last_class == TCP_CLASS_SYN && st->last_dir != dir;
    bool answers_ack = !(c->status & WEIR_S_ASSURED) && st->last_class == TCP_CLASS_ACK;

    if ((answers_syn || answers_ack) && s->ack == st->last_end)
        return true;
    /* The opener refuses an ACK out of nowhere with the number it carried (RFC 9293, 3.5.2). */
    return st->state == WEIR_TCP_SYN_SENT && st->last_class == TCP_CLASS_ACK &&
           st->last_dir == WEIR_REPLY && s->seq == st->last_ack;
}

static enum rst_answer judge_rst(const struct track *t, const struct conn *c,
                                 const struct tcp_state *st, enum weir_dir dir,
                                 const struct segment *s)
{
    const struct tcp_side *receiver = &st->side[!dir];
    bool keep = false;

    if (is_closing(st->state))
        return RST_CLOSE_NO_WINDOW;
    if (st->flags[!dir] & WEIR_TCPF_MAXACK_SET && st->last_class != TCP_CLASS_SYN) {
        if (s->seq == 0 && !is_established(c, st))
            return RST_CLOSE;
        if (seq_before(s->seq, receiver->maxack) && !t->set.tcp_ignore_invalid_rst)
            return RST_INVALID;
        /* RFC 5961, 3.2: only the exact number resets; another one in the window is challenged. */
        if (!is_established(c, st) || s->seq == receiver->maxack)
            return RST_CLOSE;
        if (st->last_class == TCP_CLASS_ACK && st->last_dir == dir && s->seq == st->last_end)
            return RST_CLOSE;
        keep = true;
    }
    if (rst_answers_last(c, st, dir, s))
        return keep ? RST_KEEP_STATE_NO_WINDOW : RST_CLOSE_NO_WINDOW;
    return keep ? RST_KEEP_STATE : RST_CLOSE;
}

/*
 * A FIN or RST outside the window, and then one from the other side: both ends are closing where
 * the tracker cannot see, so the entry need not live for days (3.7).
 */
static void note_invalid_close(struct track *t, struct pkt *p, struct tcp_state *st,
                               const struct segment *s)
{
    struct conn *c = p->conn;
    int32_t unack = track_timeout(t, c, WEIR_T_TCP_UNACK);
    int32_t left = (int32_t)(c->deadline - track_now(t));

    if (s->klass != TCP_CLASS_FIN && s->klass != TCP_CLASS_RST)
        return;
    if ((c->status & (WEIR_S_ASSURED | WEIR_S_FIXED_TIMEOUT)) != WEIR_S_ASSURED)
        return;
    if (st->last_dir != p->dir &&
        (st->last_class == TCP_CLASS_FIN || st->last_class == TCP_CLASS_RST)) {
        if (left >= 120 * WEIR_TICKS_PER_SEC && left > unack)
            conn_set_timeout(t, c, p->handle, unack);
    } else {
        st->last_class = s->klass;
        st->last_dir = (uint8_t)p->dir;
    }
}

/* --- all together (3.3) --- */

static enum proto_result ignored(struct pkt *p)
{
    p->reason = WEIR_R_TCP_IGNORED;
    return PROTO_ACCEPT;
}

static enum proto_result invalid(struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    return PROTO_INVALID;
}

/* Steps 4 to 7: the segment is part of the connection. `old` is the state it was judged in. */
static enum proto_result commit(struct track *t, struct pkt *p, struct tcp_state *st,
                                const struct segment *s, uint8_t old, uint8_t next)
{
    struct conn *c = p->conn;
    int32_t timeout;

    st->last_class = s->klass;
    st->last_dir = (uint8_t)p->dir;
    st->state = next;
    if (next != old) {
        c->events |= 1u << WEIR_EV_PROTOINFO;
        if (next == WEIR_TCP_FIN_WAIT)
            st->flags[p->dir] |= WEIR_TCPF_CLOSE_INIT;
    }
    timeout = tcp_timeout(t, c, st, s->klass);
    if (!(c->status & WEIR_S_SEEN_REPLY)) {
        if (s->klass == TCP_CLASS_RST) {
            /* Refused: nothing was ever established, so nothing needs to be remembered. */
            conn_count(t, p);
            conn_end(t, p);
            return PROTO_ACCEPT;
        }
        /* A repeated SYN must not keep an unanswered entry alive. */
        if (s->klass == TCP_CLASS_SYN && old == WEIR_TCP_SYN_SENT)
            return PROTO_ACCEPT;
        if (next == WEIR_TCP_ESTABLISHED &&
            tcp_longer(timeout, track_timeout(t, c, WEIR_T_TCP_UNACK)))
            timeout = track_timeout(t, c, WEIR_T_TCP_UNACK);
    } else if (next == WEIR_TCP_ESTABLISHED &&
               (old == WEIR_TCP_SYN_RECV || old == WEIR_TCP_ESTABLISHED)) {
        conn_set_status(c, WEIR_S_ASSURED, WEIR_EV_ASSURED);
    }
    conn_refresh(t, p, timeout);
    conn_count(t, p);
    return PROTO_ACCEPT;
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;
    struct tcp_state *st = &conn_proto(c)->tcp;
    enum weir_dir dir = p->dir;
    bool check_window = true;
    enum weir_reason reason;
    struct segment s;

    reason = tcp_read(p, &s);
    if (reason)
        return invalid(p, reason);
    if (!(c->status & WEIR_S_CONFIRMED) && st->state == WEIR_TCP_NONE && !start(t, st, &s))
        return invalid(p, WEIR_R_TCP_NO_SYN);

    uint8_t old = st->state;
    uint8_t next = tcp_next[dir][s.klass][old];

    if (next == TCP_NEXT_INVALID)
        return invalid(p, WEIR_R_TCP_STATE);
    if (next == WEIR_TCP_SYN_SENT && (old == WEIR_TCP_TIME_WAIT || old == WEIR_TCP_CLOSE)) {
        bool closed = (st->flags[0] | st->flags[1]) & WEIR_TCPF_CLOSE_INIT;

        if (closed || (st->last_dir == dir && st->last_class == TCP_CLASS_RST))
            return PROTO_REOPEN;
        next = TCP_NEXT_IGNORE;
    }
    if (next == TCP_NEXT_IGNORE) {
        if (!answers_ignored_syn(st, dir, &s)) {
            remember_ignored(st, dir, &s);
            return ignored(p);
        }
        resync(st, dir);
        old = WEIR_TCP_SYN_SENT;
        next = WEIR_TCP_SYN_RECV;
    } else if (next == WEIR_TCP_TIME_WAIT) {
        if (old == WEIR_TCP_LAST_ACK && s.klass == TCP_CLASS_ACK && st->last_dir != dir &&
            st->last_class == TCP_CLASS_SYN && st->last_flags & WEIR_TCPF_CHALLENGE_EXPECTED) {
            st->last_flags &= (uint8_t)~WEIR_TCPF_CHALLENGE_EXPECTED;
            return ignored(p);
        }
    } else if (next == WEIR_TCP_SYN_SENT2) {
        st->last_flags |= WEIR_TCPF_SIMULTANEOUS_OPEN;
    } else if (next == WEIR_TCP_SYN_RECV) {
        if (dir == WEIR_REPLY && s.klass == TCP_CLASS_ACK &&
            st->last_flags & WEIR_TCPF_SIMULTANEOUS_OPEN)
            next = WEIR_TCP_ESTABLISHED;
    } else if (next == WEIR_TCP_CLOSE && s.klass == TCP_CLASS_RST) {
        enum rst_answer answer = judge_rst(t, c, st, dir, &s);

        if (answer == RST_INVALID)
            return invalid(p, WEIR_R_TCP_RST_SEQ);
        check_window = answer == RST_CLOSE || answer == RST_KEEP_STATE;
        if (answer == RST_KEEP_STATE || answer == RST_KEEP_STATE_NO_WINDOW)
            next = old;
    }

    if (check_window) {
        switch (tcp_window(st, dir, &s, t->set.tcp_be_liberal, &reason)) {
        case WINDOW_INVALID: note_invalid_close(t, p, st, &s); return invalid(p, reason);
        case WINDOW_IGNORE: return ignored(p);
        case WINDOW_ACCEPT: break;
        }
    }
    return commit(t, p, st, &s, old, next);
}

const struct proto proto_tcp = {
    .name = "tcp",
    .number = PROTO_TCP,
    .packet = packet,
};
