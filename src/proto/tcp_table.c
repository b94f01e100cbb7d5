/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP state table: by direction, class of segment and state, the state that follows.
 *
 * The table sees both directions of a connection from the middle, so it cannot know whether a
 * segment arrived, nor who closed first; states are named after what the original sender is likely
 * to be in (RFC 9293, figure 5), and FIN_WAIT, CLOSE_WAIT, LAST_ACK stand for "one FIN", "it was
 * acknowledged", "a second FIN". What cannot be decided here (a SYN inside a living connection may
 * be a restart or an attack) is let pass and remembered until the other side answers: IGNORE.
 *
 * The columns of a row are the ten states in the order of enum weir_tcp_state.
 */
#include "proto/tcp.h"
#include "packet/headers.h"

/* Two letters each, so that a row fits a line. */
enum {
    IV = TCP_NEXT_INVALID,
    IG = TCP_NEXT_IGNORE,
    SS = WEIR_TCP_SYN_SENT,
    SR = WEIR_TCP_SYN_RECV,
    ES = WEIR_TCP_ESTABLISHED,
    FW = WEIR_TCP_FIN_WAIT,
    CW = WEIR_TCP_CLOSE_WAIT,
    LA = WEIR_TCP_LAST_ACK,
    TW = WEIR_TCP_TIME_WAIT,
    CL = WEIR_TCP_CLOSE,
    S2 = WEIR_TCP_SYN_SENT2,
};

const uint8_t tcp_next[2][TCP_CLASS_MAX][WEIR_TCP_MAX] =
    {
        [WEIR_ORIG] =
            {
                /*                   none SS  SR  ES  FW  CW  LA  TW  CL  S2 */
                [TCP_CLASS_SYN] = {SS, SS, IG, IG, IG, IG, IG, SS, SS, S2},
                /* A SYN/ACK from the opener is only right in a simultaneous open (RFC 9293, 3.5);
                   in SYN_RECV it repeats. */
                [TCP_CLASS_SYNACK] = {IV, IV, SR, IV, IV, IV, IV, IV, IV, SR},
                [TCP_CLASS_FIN] = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
                /* From none: a connection that is older than the tracker. */
                [TCP_CLASS_ACK] = {ES, IV, ES, ES, CW, CW, TW, TW, CL, IV},
                [TCP_CLASS_RST] = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
            },
        [WEIR_REPLY] =
            {
                /* In SYN_SENT: simultaneous open. In TIME_WAIT: the answering side opens anew. */
                [TCP_CLASS_SYN] = {IV, S2, IV, IV, IV, IV, IV, SS, IV, S2},
                /* Repeated, or the answer to a SYN that was ignored: tcp.c decides. */
                [TCP_CLASS_SYNACK] = {IV, SR, IG, IG, IG, IG, IG, IG, IG, SR},
                [TCP_CLASS_FIN] = {IV, IV, FW, FW, LA, LA, LA, TW, CL, IV},
                /* An ACK without SYN answers a half-open connection (RFC 9293, 3.5.1): the opener
                   will reset it. */
                [TCP_CLASS_ACK] = {IV, IG, SR, ES, CW, CW, TW, TW, CL, IG},
                [TCP_CLASS_RST] = {IV, CL, CL, CL, CL, CL, CL, CL, CL, CL},
            },
};

const uint8_t tcp_timeout_of[WEIR_TCP_MAX] = {
    [WEIR_TCP_SYN_SENT] = WEIR_T_TCP_SYN_SENT,       [WEIR_TCP_SYN_RECV] = WEIR_T_TCP_SYN_RECV,
    [WEIR_TCP_ESTABLISHED] = WEIR_T_TCP_ESTABLISHED, [WEIR_TCP_FIN_WAIT] = WEIR_T_TCP_FIN_WAIT,
    [WEIR_TCP_CLOSE_WAIT] = WEIR_T_TCP_CLOSE_WAIT,   [WEIR_TCP_LAST_ACK] = WEIR_T_TCP_LAST_ACK,
    [WEIR_TCP_TIME_WAIT] = WEIR_T_TCP_TIME_WAIT,     [WEIR_TCP_CLOSE] = WEIR_T_TCP_CLOSE,
    [WEIR_TCP_SYN_SENT2] = TIMEOUT_TCP_SYN_SENT2,
};
_Static_assert(TIMEOUT_TCP_SYN_SENT2 <= UINT8_MAX, "a timeout's number fits tcp_timeout_of");

enum tcp_class tcp_classify(uint8_t flags)
{
    if (flags & TCP_RST)
        return TCP_CLASS_RST;
    if (flags & TCP_SYN)
        return flags & TCP_ACKF ? TCP_CLASS_SYNACK : TCP_CLASS_SYN;
    if (flags & TCP_FIN)
        return TCP_CLASS_FIN;
    return flags & TCP_ACKF ? TCP_CLASS_ACK : TCP_CLASS_NONE;
}

bool tcp_flags_valid(uint8_t flags)
{
    switch (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACKF | TCP_URG)) {
    case TCP_SYN:
    case TCP_SYN | TCP_URG:
    case TCP_SYN | TCP_ACKF:
    case TCP_RST:
    case TCP_RST | TCP_ACKF:
    case TCP_FIN | TCP_ACKF:
    case TCP_FIN | TCP_ACKF | TCP_URG:
    case TCP_ACKF:
    case TCP_ACKF | TCP_URG: return true;
    default: return false;
    }
}
