/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four bounds of the window check and what a segment within them teaches; tcp_window.c says
 * what they mean and decides. They stand here since the short way asks them as well
 * (tcp_express.c).
 */
#ifndef WEIR_PROTO_TCP_WINDOW_H
#define WEIR_PROTO_TCP_WINDOW_H

#include "packet/headers.h"
#include "proto/tcp.h"

/* The window that is granted to acks whatever a side has offered: the largest one without scaling.
 */
enum { TCP_ACK_WINDOW_MIN = 66000 };

/* I */
static inline bool tcp_seq_ok(const struct tcp_side *sender, uint32_t seq)
{
    return !seq_after(seq, sender->maxend);
}

/* II. Asked only where the receiver is known. */
static inline bool tcp_is_recent(const struct tcp_side *sender, const struct tcp_side *receiver,
                                 uint32_t end)
{
    return !seq_before(end, sender->end - receiver->maxwin);
}

/* III */
static inline bool tcp_ack_seen(const struct tcp_side *receiver, uint32_t sack)
{
    return !seq_after(sack, receiver->end);
}

/* IV */
static inline bool tcp_ack_recent(const struct tcp_side *sender, const struct tcp_side *receiver,
                                  uint32_t sack)
{
    return !seq_before(sack, receiver->end - max_u32(sender->maxwin, TCP_ACK_WINDOW_MIN));
}

static inline void tcp_send_up_to(struct tcp_state *st, enum weir_dir dir, uint32_t end)
{
    st->side[dir].end = end;
    st->flags[dir] |= WEIR_TCPF_DATA_UNACKNOWLEDGED;
}

/* Four equal ACKs in a row are retransmissions; any other ACK starts the count anew (3.8, rule 1).
 */
static inline void tcp_count_retransmission(struct tcp_state *st, enum weir_dir dir,
                                            const struct segment *s, uint32_t ack, uint32_t end)
{
    if (st->last_dir == dir && st->last_seq == s->seq && st->last_ack == ack &&
        st->last_end == end && st->last_win == s->win) {
        st->retrans++;
        return;
    }
    st->last_dir = (uint8_t)dir;
    st->last_seq = s->seq;
    st->last_ack = ack;
    st->last_end = end;
    st->last_win = s->win;
    st->retrans = 0;
}

/* `ack`, `sack` and `end` are the segment's, but where it has none or they mean nothing. */
static inline void tcp_learn(struct tcp_state *st, enum weir_dir dir, const struct segment *s,
                             uint32_t ack, uint32_t sack, uint32_t end)
{
    struct tcp_side *sender = &st->side[dir], *receiver = &st->side[!dir];
    uint32_t win = s->win;

    if (!(s->flags & TCP_SYN)) /* RFC 7323, 2.2: the window of a SYN is never scaled */
        win <<= st->scale[dir];
    sender->maxwin = max_u32(sender->maxwin, win + (sack - ack));
    if (seq_after(end, sender->end))
        tcp_send_up_to(st, dir, end);
    if (s->flags & TCP_ACKF) {
        if (!(st->flags[dir] & WEIR_TCPF_MAXACK_SET) || seq_after(ack, sender->maxack))
            sender->maxack = ack;
        st->flags[dir] |= WEIR_TCPF_MAXACK_SET;
    }
    if (receiver->maxwin != 0 && seq_after(end, sender->maxend))
        receiver->maxwin += end - sender->maxend;
    if (!seq_before(sack + win, receiver->maxend))
        receiver->maxend = sack + win + (win == 0); /* a zero window may be probed with one byte */
    if (ack == receiver->end)
        st->flags[!dir] &= (uint8_t)~WEIR_TCPF_DATA_UNACKNOWLEDGED;
    if (s->klass == TCP_CLASS_ACK)
        tcp_count_retransmission(st, dir, s, ack, end);
}

#endif
