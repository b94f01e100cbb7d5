/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP connection tracking, in three files: tcp_table.c has the state table, tcp_window.c decides
 * whether a segment can be part of the connection by its numbers, tcp.c puts both together. What is
 * matched: conntrack reference, section 3.
 */
#ifndef WEIR_PROTO_TCP_H
#define WEIR_PROTO_TCP_H

#include "track/proto.h"

/* What a segment is to the state table. The first that applies: RST; SYN with or without ACK; FIN;
 * ACK. */
enum tcp_class {
    TCP_CLASS_NONE = 0,
    TCP_CLASS_SYN,
    TCP_CLASS_SYNACK,
    TCP_CLASS_FIN,
    TCP_CLASS_ACK,
    TCP_CLASS_RST,
    TCP_CLASS_MAX
};
_Static_assert(TCP_CLASS_MAX <= 8, "tcp_state.last_class has three bits");

/* Besides a state, the table can answer: 0, the segment is impossible here; or: let it pass but
 * learn nothing. */
enum { TCP_NEXT_INVALID = 0, TCP_NEXT_IGNORE = WEIR_TCP_MAX };

extern const uint8_t tcp_next[2][TCP_CLASS_MAX][WEIR_TCP_MAX];

/* The timeout of each state. */
extern const uint8_t tcp_timeout_of[WEIR_TCP_MAX];

enum tcp_class tcp_classify(uint8_t flags);

/* Can any TCP send these flags together? */
bool tcp_flags_valid(uint8_t flags);

/* A segment's header, decoded once. Numbers in host order. */
struct segment {
    uint32_t seq, ack;
    uint32_t end; /* seq + payload + SYN + FIN */
    uint16_t win; /* raw */
    uint8_t flags;
    uint8_t klass; /* enum tcp_class */
    const uint8_t *options;
    uint32_t options_len; /* of those present; */
    bool has_options;     /* the header has some, perhaps cut off by the capture */
};

/* Read a segment: its header must be sound. WEIR_R_NONE, or what is wrong with it. */
enum weir_reason tcp_read(const struct pkt *p, struct segment *s);

/* Sequence numbers wrap: a before b is "b - a, as signed, is positive". */
static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static inline bool seq_after(uint32_t a, uint32_t b)
{
    return seq_before(b, a);
}

/* What a side said of itself in its SYN's options: WINDOW_SCALE with the scale, SACK_PERM. Nothing
 * else is set. */
struct syn_options {
    uint8_t flags;
    uint8_t scale;
};
struct syn_options tcp_syn_options(const struct segment *s);

/* A side as the first SYN seen from it describes it. `reply`: it answers one; both must scale or
 * none does. */
void tcp_side_from_syn(struct tcp_state *st, enum weir_dir dir, const struct segment *s);

/* The highest right edge of the first SACK option (RFC 2018), or `ack` if that is higher. */
uint32_t tcp_highest_sack(const struct segment *s, uint32_t ack);

enum window_result { WINDOW_INVALID = 0, WINDOW_IGNORE, WINDOW_ACCEPT };

/*
 * Is the segment within the window? Learns from it if so. On WINDOW_INVALID and WINDOW_IGNORE,
 * `reason` says why. `liberal`: nf_conntrack_tcp_be_liberal.
 */
enum window_result tcp_window(struct tcp_state *st, enum weir_dir dir, const struct segment *s,
                              bool liberal, enum weir_reason *reason);

/* Linux compares timeouts as unsigned numbers: one that an administrator made negative counts as a
 * long one here. */
static inline bool tcp_longer(int32_t a, int32_t b)
{
    return (uint32_t)a > (uint32_t)b;
}

/* How long a connection lives after a segment of this class, in ticks (3.8). */
static inline int32_t tcp_timeout(const struct track *t, const struct conn *c,
                                  const struct tcp_state *st, uint8_t klass)
{
    int32_t normal = track_timeout(t, c, tcp_timeout_of[st->state]);
    int32_t retrans = track_timeout(t, c, WEIR_T_TCP_RETRANS);
    int32_t unack = track_timeout(t, c, WEIR_T_TCP_UNACK);
    bool unacknowledged = (st->flags[0] | st->flags[1]) & WEIR_TCPF_DATA_UNACKNOWLEDGED;

    if (st->retrans >= t->set.tcp_max_retrans && tcp_longer(normal, retrans))
        return retrans;
    if (klass == TCP_CLASS_RST)
        return track_timeout(t, c, WEIR_T_TCP_CLOSE);
    if (unacknowledged && tcp_longer(normal, unack))
        return unack;
    if (st->last_win == 0 && tcp_longer(normal, retrans))
        return retrans;
    return normal;
}

#endif
