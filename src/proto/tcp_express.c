/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way for TCP (pipe/express.h): a segment of an established connection with an ack and
 * none of SYN, FIN and RST, all of its numbers within the window. It leaves the state as it
 * is, so what remains of tcp.c is to learn from it and to choose the timeout.
 */
#include "proto/registry.h"
#include "proto/tcp_window.h"

/* The options of most segments: twelve bytes that begin so are a timestamp and nothing else (RFC
 * 7323, appendix A). */
static bool only_timestamp(const struct segment *s)
{
    return s->options_len == 12 && load_be32(s->options) == 0x0101080a;
}

static bool is_within(const struct tcp_side *sender, const struct tcp_side *receiver,
                      const struct segment *s, uint32_t sack)
{
    return sender->maxwin != 0 && receiver->maxwin != 0 && tcp_seq_ok(sender, s->seq) &&
           tcp_is_recent(sender, receiver, s->end) && tcp_ack_seen(receiver, sack) &&
           tcp_ack_recent(sender, receiver, sack);
}

bool tcp_express(struct track *t, struct conn *c, uint32_t ref, const uint8_t *tcp, uint32_t len)
{
    const uint8_t unusual = TCP_FIN | TCP_SYN | TCP_RST;
    struct tcp_state *st = &conn_proto(c)->tcp;
    enum weir_dir dir = ref_dir(ref);
    uint32_t header = (tcp[TCP_OFFSET] >> 4) * 4u, sack;

    if (st->state != WEIR_TCP_ESTABLISHED || (tcp[TCP_FLAGS] & (unusual | TCP_ACKF)) != TCP_ACKF ||
        header < TCP_MIN || header > len)
        return false;

    const struct segment s = {
        .seq = load_be32(tcp + TCP_SEQ),
        .ack = load_be32(tcp + TCP_ACK),
        .end = load_be32(tcp + TCP_SEQ) + (len - header),
        .win = load_be16(tcp + TCP_WINDOW),
        .flags = TCP_ACKF,
        .klass = TCP_CLASS_ACK,
        .options = tcp + TCP_MIN,
        .options_len = header - TCP_MIN,
    };

    sack = s.ack;
    if (s.options_len && st->flags[!dir] & WEIR_TCPF_SACK_PERM && !only_timestamp(&s))
        sack = tcp_highest_sack(&s, sack);
    if (!is_within(&st->side[dir], &st->side[!dir], &s, sack))
        return false;
    tcp_learn(st, dir, &s, s.ack, sack, s.end);
    st->last_class = TCP_CLASS_ACK;
    st->last_dir = (uint8_t)dir;
    conn_prolong(t, c, ref_handle(ref), tcp_timeout(t, c, st, TCP_CLASS_ACK));
    return true;
}
