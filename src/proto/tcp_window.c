/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The window check (conntrack reference, 3.6): can this segment, by its numbers, belong to the
 * connection?
 *
 * The tracker stands between the hosts: a segment it sees may be lost before it arrives, and the
 * answer to one it saw may have come another way. For each side it keeps bounds that hold whatever
 * was lost:
 *
 *   end     the highest sequence number the side has sent, plus one;
 *   maxend  the highest the other side can have allowed it to send: its largest ack + window;
 *   maxwin  the largest window the side has offered.
 *
 * For a segment from S to R, with R's numbers in the ack field:
 *
 *   I    seq  <= S.maxend                            not beyond what R allowed
 *   II   end  >= S.end - R.maxwin                    not older than a window
 *   III  sack <= R.end                               acknowledges only what R has sent
 *   IV   sack >= R.end - max(S.maxwin, 66000)        nor older than the largest unscaled window
 *
 * (after van Rooij, "Real Stateful TCP Packet Filtering in IP Filter"). What is too new (I, III) is
 * INVALID; what is too old (II, IV) is a late duplicate and merely ignored; data that overshoots I
 * by at most one window may come from a sender that uses an ack the tracker did not see, and is
 * ignored too.
 */
#include "packet/headers.h"
#include "proto/tcp_window.h"

enum { SCALE_MAX = 14 /* RFC 7323, 2.3 */ };

/* --- options --- */

/*
 * The next well-formed option, or NULL: end of list, a length below 2 or beyond the header (RFC
 * 9293, 3.1). NOPs are skipped. `at` moves behind it.
 */
static const uint8_t *next_option(const struct segment *s, uint32_t *at)
{
    while (*at < s->options_len) {
        const uint8_t *o = s->options + *at;

        if (o[0] == TCPOPT_EOL)
            return NULL;
        if (o[0] == TCPOPT_NOP) {
            ++*at;
            continue;
        }
        if (*at + 1 >= s->options_len || o[1] < 2 || *at + o[1] > s->options_len)
            return NULL;
        *at += o[1];
        return o;
    }
    return NULL;
}

struct syn_options tcp_syn_options(const struct segment *s)
{
    struct syn_options found = {0};
    uint32_t at = 0;

    for (const uint8_t *o; (o = next_option(s, &at));) {
        if (o[0] == TCPOPT_SACK_PERM && o[1] == 2) {
            found.flags |= WEIR_TCPF_SACK_PERM;
        } else if (o[0] == TCPOPT_WSCALE && o[1] == 3) {
            found.flags |= WEIR_TCPF_WINDOW_SCALE;
            found.scale = o[2] < SCALE_MAX ? o[2] : SCALE_MAX;
        }
    }
    return found;
}

uint32_t tcp_highest_sack(const struct segment *s, uint32_t ack)
{
    uint32_t at = 0;

    for (const uint8_t *o; (o = next_option(s, &at));) {
        if (o[0] != TCPOPT_SACK || o[1] < 10 || (o[1] - 2) % 8 != 0)
            continue;
        for (uint32_t edge = 6; edge < o[1]; edge += 8) {
            uint32_t right = load_be32(o + edge);

            if (seq_after(right, ack))
                ack = right;
        }
        break;
    }
    return ack;
}

/* --- learning --- */

void tcp_side_from_syn(struct tcp_state *st, enum weir_dir dir, const struct segment *s)
{
    struct tcp_side *side = &st->side[dir];

    side->end = side->maxend = s->end;
    side->maxwin = max_u32(s->win, 1);
    /* A SYN without any options leaves what an earlier one said. */
    if (s->has_options) {
        struct syn_options o = tcp_syn_options(s);

        st->flags[dir] = (uint8_t)((st->flags[dir] & WEIR_TCPF_BE_LIBERAL) | o.flags);
        st->scale[dir] = o.scale;
    }
    /* RFC 7323, 2.2: scaling is on only if both SYNs have the option. */
    if (dir == WEIR_REPLY && !(st->flags[0] & st->flags[1] & WEIR_TCPF_WINDOW_SCALE))
        st->scale[0] = st->scale[1] = 0;
}

/*
 * The first segment from a side whose SYN was not seen: the most that can be said is where it
 * stands now. A side about which nothing is known stands where this one's ack says; one that
 * answers a keepalive probe is a byte further.
 */
static void learn_midstream(struct tcp_state *st, enum weir_dir dir, const struct segment *s,
                            uint32_t sack)
{
    struct tcp_side *sender = &st->side[dir], *receiver = &st->side[!dir];

    sender->end = s->end;
    sender->maxwin = max_u32((uint32_t)s->win << st->scale[dir], 1);
    sender->maxend = s->end + sender->maxwin;
    if (receiver->maxwin == 0)
        receiver->end = receiver->maxend = sack;
    else if (sack == receiver->end + 1)
        receiver->end++;
}

/* --- the check --- */

enum window_result tcp_window(struct tcp_state *st, enum weir_dir dir, const struct segment *s,
                              bool liberal, enum weir_reason *reason)
{
    struct tcp_side *sender = &st->side[dir], *receiver = &st->side[!dir];
    uint32_t seq = s->seq, end = s->end, ack = s->ack, sack = s->ack;
    enum window_result result;

    if (st->flags[!dir] & WEIR_TCPF_SACK_PERM)
        sack = tcp_highest_sack(s, ack);

    if (sender->maxwin == 0) {
        if (s->flags & TCP_SYN) {
            tcp_side_from_syn(st, dir, s);
            if (!(s->flags & TCP_ACKF))
                return WINDOW_ACCEPT; /* simultaneous open: there is no ack to check */
        } else {
            learn_midstream(st, dir, s, sack);
        }
    } else if (s->flags & TCP_SYN && seq_after(end, sender->end) &&
               (st->state == WEIR_TCP_SYN_SENT || st->state == WEIR_TCP_SYN_RECV)) {
        /* The SYN again, with a higher number: RFC 9293, 3.8.1 allows a host that restarted to do
         * so. */
        tcp_side_from_syn(st, dir, s);
        if (dir == WEIR_REPLY && !(s->flags & TCP_ACKF))
            return WINDOW_ACCEPT;
    }

    /* Hosts send RSTs with the ack flag and no ack, and RSTs before they know any number. */
    if (!(s->flags & TCP_ACKF) || (s->flags & TCP_RST && ack == 0))
        ack = sack = receiver->end;
    if (s->flags & TCP_RST && seq == 0 && st->state == WEIR_TCP_SYN_SENT)
        seq = end = sender->end;

    bool seq_ok = tcp_seq_ok(sender, seq);
    bool recent = receiver->maxwin == 0 || tcp_is_recent(sender, receiver, end);
    bool ack_seen = tcp_ack_seen(receiver, sack);
    bool ack_recent = tcp_ack_recent(sender, receiver, sack);

    if (seq_ok && recent && ack_seen && ack_recent) {
        tcp_learn(st, dir, s, ack, sack, end);
        return WINDOW_ACCEPT;
    }

    if (!seq_ok) {
        uint32_t over = end - sender->maxend + 1;

        result = WINDOW_INVALID;
        *reason = WEIR_R_TCP_SEQ_OVER;
        if (recent && ack_recent && ack_seen && over <= receiver->maxwin) {
            tcp_send_up_to(st, dir, end);
            result = WINDOW_IGNORE;
        }
    } else if (!ack_seen) {
        result = WINDOW_INVALID;
        *reason = WEIR_R_TCP_ACK_UNSEEN;
    } else {
        result = WINDOW_IGNORE;
        *reason = WEIR_R_TCP_IGNORED;
    }
    return liberal || st->flags[dir] & WEIR_TCPF_BE_LIBERAL ? WINDOW_ACCEPT : result;
}
