/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP and UDP of which only one direction passes (zones of weir.oneway_zones; Linux has no such
 * thing).
 *
 * A director of LVS in direct-routing mode sees what clients send and never what servers answer.
 * Linux's tracker waits for answers, so there nothing ever becomes ESTABLISHED: after the SYN each
 * segment is INVALID, and "accept ESTABLISHED, drop INVALID" cuts every connection off (NAT
 * reference, 18.3). Here a connection is judged by the original direction alone:
 *
 *     TCP  a SYN begins it, and is NEW; the first segment with ACK shows that the server answered,
 *          since nobody else knows the number it acknowledges: ESTABLISHED from there on. A FIN or
 *          RST of the client ends it; the server's own is never seen, so timeouts are short
 *     UDP  ESTABLISHED from the second packet on
 *
 * What cannot be known is not pretended: acknowledgement numbers are not checked, nor windows. A
 * RST must lie near what the client sent (within one unscaled window), so that a blind one ends
 * nothing. Should an answer pass after all, it is ESTABLISHED_REPLY as usual.
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/result.h"
#include "proto/tcp.h"

enum { NEAR = 65535 };

/* Besides a state, the table can say: impossible; pass and change nothing; begin anew. */
enum { BAD = 0, SAME = WEIR_TCP_MAX, ANEW };

static const uint8_t next[TCP_CLASS_MAX][WEIR_TCP_MAX] = {
    [TCP_CLASS_SYN] = {[WEIR_TCP_NONE] = WEIR_TCP_SYN_SENT,
                       [WEIR_TCP_SYN_SENT] = WEIR_TCP_SYN_SENT,
                       [WEIR_TCP_ESTABLISHED] = SAME, /* of a client that lost its memory */
                       [WEIR_TCP_FIN_WAIT] = ANEW,
                       [WEIR_TCP_CLOSE] = ANEW},
    [TCP_CLASS_ACK] = {[WEIR_TCP_NONE] = WEIR_TCP_ESTABLISHED, /* with tcp_loose only */
                       [WEIR_TCP_SYN_SENT] = WEIR_TCP_ESTABLISHED,
                       [WEIR_TCP_ESTABLISHED] = WEIR_TCP_ESTABLISHED,
                       [WEIR_TCP_FIN_WAIT] = WEIR_TCP_FIN_WAIT,
                       [WEIR_TCP_CLOSE] = BAD},
    [TCP_CLASS_FIN] = {[WEIR_TCP_NONE] = BAD,
                       [WEIR_TCP_SYN_SENT] = WEIR_TCP_FIN_WAIT,
                       [WEIR_TCP_ESTABLISHED] = WEIR_TCP_FIN_WAIT,
                       [WEIR_TCP_FIN_WAIT] = WEIR_TCP_FIN_WAIT,
                       [WEIR_TCP_CLOSE] = BAD},
    [TCP_CLASS_RST] = {[WEIR_TCP_NONE] = BAD,
                       [WEIR_TCP_SYN_SENT] = WEIR_TCP_CLOSE,
                       [WEIR_TCP_ESTABLISHED] = WEIR_TCP_CLOSE,
                       [WEIR_TCP_FIN_WAIT] = WEIR_TCP_CLOSE,
                       [WEIR_TCP_CLOSE] = WEIR_TCP_CLOSE},
};

static const uint8_t timeout_of[WEIR_TCP_MAX] = {
    [WEIR_TCP_SYN_SENT] = WEIR_T_ONEWAY_TCP_SYN_SENT,
    [WEIR_TCP_ESTABLISHED] = WEIR_T_ONEWAY_TCP_ESTABLISHED,
    [WEIR_TCP_FIN_WAIT] = WEIR_T_ONEWAY_TCP_FIN_WAIT,
    [WEIR_TCP_CLOSE] = WEIR_T_ONEWAY_TCP_CLOSE,
};

static bool near(const struct tcp_side *side, uint32_t seq)
{
    int32_t off = (int32_t)(seq - side->end);

    return off >= -NEAR && off <= NEAR;
}

/* Its class, once the state says what it is. Answers keep theirs. */
static void set_class(struct pkt *p, bool established)
{
    if (p->dir == WEIR_ORIG)
        p->ctinfo = established ? WEIR_CT_ESTABLISHED : WEIR_CT_NEW;
}

static enum proto_result enter(struct track *t, struct pkt *p, struct tcp_state *st, uint8_t state)
{
    if (st->state != state)
        p->conn->events |= 1u << WEIR_EV_PROTOINFO;
    st->state = state;
    if (state == WEIR_TCP_ESTABLISHED && p->conn->status & WEIR_S_CONFIRMED)
        proto_assure(p->conn);
    return proto_alive(t, p, timeout_of[state]);
}

static enum proto_result tcp(struct track *t, struct pkt *p)
{
    struct tcp_state *st = &conn_proto(p->conn)->tcp;
    struct tcp_side *side = &st->side[WEIR_ORIG];
    struct segment s;
    enum weir_reason reason = tcp_read(p, &s);

    if (reason != WEIR_R_NONE)
        return proto_invalid(p, reason);
    if (p->dir == WEIR_REPLY)
        return proto_alive(t, p, timeout_of[st->state]);

    uint8_t to = next[s.klass][st->state];
    bool first = st->state == WEIR_TCP_NONE;

    if (first && s.klass == TCP_CLASS_ACK && !t->set.tcp_loose)
        to = BAD;
    if (to == ANEW)
        return PROTO_REOPEN;
    if (to == BAD)
        return proto_invalid(p, first ? WEIR_R_TCP_NO_SYN : WEIR_R_TCP_STATE);
    if (s.klass == TCP_CLASS_RST && !near(side, s.seq))
        return proto_invalid(p, WEIR_R_TCP_RST_SEQ);
    set_class(p, !first && s.klass != TCP_CLASS_SYN);
    if (to == SAME) {
        p->reason = WEIR_R_TCP_IGNORED;
        return PROTO_ACCEPT;
    }
    if (first || seq_after(s.end, side->end))
        side->end = s.end;
    return enter(t, p, st, to);
}

static enum proto_result udp(struct track *t, struct pkt *p)
{
    bool first = !(p->conn->status & WEIR_S_CONFIRMED);
    enum proto_result result = proto_udp.packet(t, p);

    if (result != PROTO_ACCEPT)
        return result;
    set_class(p, !first);
    if (!first)
        proto_assure(p->conn);
    conn_refresh(t, p, track_timeout(t, p->conn, WEIR_T_ONEWAY_UDP));
    return result;
}

const struct proto proto_oneway_tcp = {.name = "tcp", .number = PROTO_TCP, .packet = tcp};
const struct proto proto_oneway_udp = {.name = "udp", .number = PROTO_UDP, .packet = udp};
