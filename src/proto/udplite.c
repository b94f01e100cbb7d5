/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP-Lite (RFC 3828): UDP whose length field says how much of the packet the checksum covers.
 *
 * Shares UDP's timeouts, but not its two seconds: the first packet that finds the flow answered
 * makes it a stream.
 *
 * Linux 6.18 verifies the checksum with UDP's protocol number in the pseudo-header, 17 in place of
 * 136. So with nf_conntrack_checksum on, what RFC 3828 calls correct is INVALID, and what it calls
 * wrong may pass (conntrack reference, 4.2). Over IPv4 it also takes only the low eight bits of the
 * length into the pseudo-header (seen on 6.18 with packets made for either reading). Same answers
 * as Linux: weir does both too. Who wants UDP-Lite tracked turns the verification off.
 */
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/result.h"

/* Bytes under the checksum; 0 in the header means all. 0: a coverage that RFC 3828, 3.1 does not
 * allow. */
static uint32_t coverage(const uint8_t *header, uint32_t len)
{
    uint32_t claimed = load_be16(header + UDP_LENGTH);

    if (claimed == 0)
        return len;
    return claimed < UDP_SIZE || claimed > len ? 0 : claimed;
}

static enum weir_reason check(const struct pkt *p)
{
    uint32_t len = parsed_l4_len(&p->ip);
    const uint8_t *header = parsed_l4(&p->ip, UDP_SIZE);

    if (len < UDP_SIZE)
        return WEIR_R_L4_SHORT;
    if (!header)
        return WEIR_R_NONE; /* cut off by a capture */
    uint32_t covered = coverage(header, len);

    if (!covered)
        return WEIR_R_UDPLITE_COVERAGE;
    if (load_raw16(header + UDP_CHECKSUM) == 0)
        return WEIR_R_UDPLITE_ZERO; /* also when checksums are not verified */
    uint32_t pseudo_len = p->ip.family == 4 ? len & 0xff : len;

    if (p->verify_checksum && !proto_checksum_good_as(p, PROTO_UDP, pseudo_len, covered))
        return WEIR_R_L4_CHECKSUM;
    return WEIR_R_NONE;
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    struct conn *c = p->conn;
    enum weir_reason reason = check(p);

    if (reason != WEIR_R_NONE)
        return proto_invalid(p, reason);
    if (!(c->status & WEIR_S_SEEN_REPLY))
        return proto_alive(t, p, WEIR_T_UDP_TIMEOUT);
    proto_assure(c);
    return proto_alive(t, p, WEIR_T_UDP_TIMEOUT_STREAM);
}

const struct proto proto_udplite = {
    .name = "udplite",
    .number = PROTO_UDPLITE,
    .packet = packet,
};
