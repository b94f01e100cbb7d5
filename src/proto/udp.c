/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP (RFC 768): no state of its own, so time tells what a flow is worth.
 *
 * A flow that answers is either one question with its answer (DNS) or a stream. Both look alike at
 * first; a stream goes on. So an entry lives for nf_conntrack_udp_timeout until a packet finds it
 * (a) answered and (b) more than two seconds old; from then on it is a stream:
 * nf_conntrack_udp_timeout_stream, ASSURED (conntrack reference, 4.1). The first answer itself
 * still finds the entry unanswered.
 *
 * conn.stream_from is the tick at which (b) becomes true, or 0 once it has been seen true. Without
 * the 0, a flow that lives for longer than half the range of ticks (99 days) would seem young
 * again. The comparison is sound because an entry is seen at least once within any such time: no
 * timeout is longer.
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/result.h"

enum { STREAM_AGE = 2 * WEIR_TICKS_PER_SEC };

/* Checked on every packet, not only the first. A header that a capture cut off is not held against
 * the packet. */
static enum weir_reason check(const struct pkt *p)
{
    uint32_t len = parsed_l4_len(&p->ip);
    const uint8_t *udp = parsed_l4(&p->ip, UDP_SIZE);

    if (len < UDP_SIZE)
        return WEIR_R_L4_SHORT;
    if (!udp)
        return WEIR_R_NONE;
    uint32_t claimed = load_be16(udp + UDP_LENGTH);

    if (claimed < UDP_SIZE || claimed > len)
        return WEIR_R_UDP_LENGTH;
    /* Zero says "not computed". RFC 8200, 8.1 forbids that for IPv6, RFC 6935 allows it for
     * tunnels; Linux lets it pass. */
    if (p->verify_checksum && load_raw16(udp + UDP_CHECKSUM) != 0 &&
        !proto_checksum_good(p, PROTO_UDP, len))
        return WEIR_R_L4_CHECKSUM;
    return WEIR_R_NONE;
}

static void start(struct conn *c, uint32_t now)
{
    uint32_t from = now + STREAM_AGE + 1;

    c->stream_from = from ? from : 1;
}

static bool old_enough(struct conn *c, uint32_t now)
{
    if (c->stream_from && (int32_t)(now - c->stream_from) >= 0)
        c->stream_from = 0;
    return c->stream_from == 0;
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;
    enum weir_reason reason = check(p);

    if (reason != WEIR_R_NONE)
        return proto_invalid(p, reason);
    if (!(c->status & WEIR_S_CONFIRMED))
        start(c, track_now(t));
    if (!old_enough(c, track_now(t)) || !(c->status & WEIR_S_SEEN_REPLY))
        return proto_alive(t, p, WEIR_T_UDP_TIMEOUT);
    proto_assure(c);
    return proto_alive(t, p, WEIR_T_UDP_TIMEOUT_STREAM);
}

bool udp_express(struct track *t, struct conn *c, uint32_t ref, const uint8_t *udp, uint32_t len)
{
    uint32_t claimed = load_be16(udp + UDP_LENGTH);

    if (c->stream_from || claimed < UDP_SIZE || claimed > len)
        return false;
    conn_prolong(t, c, ref_handle(ref), track_timeout(t, c, WEIR_T_UDP_TIMEOUT_STREAM));
    return true;
}

const struct proto proto_udp = {
    .name = "udp",
    .number = PROTO_UDP,
    .packet = packet,
};
