/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SYNPROXY: answer SYNs with a cookie, and connect to the server only when the client has shown
 * that it is there (iptables reference, 4.8; RFC 4987, 3.6).
 *
 * Not so here, yet: no SYN is answered. What Linux takes out of a packet's way is taken out of it
 * here as well: a SYN, which it answers; an ACK, which it drops unless it finds its own cookie in
 * it; and what is malformed. So nothing passes the rule that would not pass it in Linux, and the
 * rules behind it see the packets that they see there; but nobody can connect through it either.
 */
#include "rules/target/tcp_header.h"
#include "track/proto.h"

enum { SACK_PERM = 0, TIMESTAMP, WSCALE, MSS, ECN };

struct synproxy {
    uint32_t typed; /* number of the option being read */
    uint16_t mss;
    uint8_t wscale;
};

/* iptables takes any 32 bits for a number, and keeps the lower ones. */
static const struct opt options[] = {
    {"sack-perm", SACK_PERM, OPT_FLAG},
    {"timestamp", TIMESTAMP, OPT_FLAG},
    {"wscale", WSCALE, OPT_U32, .at = offsetof(struct synproxy, typed)},
    {"mss", MSS, OPT_U32, .at = offsetof(struct synproxy, typed)},
    {"ecn", ECN, OPT_FLAG},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct synproxy *s = ext_data(x);

    (void)r;
    (void)text;
    if (o->id == WSCALE)
        s->wscale = (uint8_t)s->typed;
    else if (o->id == MSS)
        s->mss = (uint16_t)s->typed;
    return true;
}

/* `dashes` "--" to save, "" to list. */
static void write(struct text *out, const struct ext *x, const char *dashes)
{
    const struct synproxy *s = ext_conf(x);

    if (ext_seen(x, SACK_PERM))
        text_addf(out, " %ssack-perm", dashes);
    if (ext_seen(x, TIMESTAMP))
        text_addf(out, " %stimestamp", dashes);
    if (ext_seen(x, WSCALE))
        text_addf(out, " %swscale %u", dashes, s->wscale);
    if (ext_seen(x, MSS))
        text_addf(out, " %smss %u", dashes, s->mss);
    if (ext_seen(x, ECN))
        text_addf(out, " %secn", dashes);
}

static void print(struct text *out, const struct ext *x)
{
    write(out, x, "--");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " SYNPROXY");
    write(out, x, "");
    text_char(out, ' ');
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    enum { HANDSHAKE = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACKF };
    struct tcp_header h;

    (void)x;
    switch (tcp_header_find(e, &h)) {
    case TCP_HEADER_ABSENT: return RULES_CONTINUE;
    case TCP_HEADER_MALFORMED: return tcp_header_malformed(e);
    case TCP_HEADER_FOUND: break;
    }
    if (!(e->p->raw->flags & WEIR_PKT_CSUM_OK) &&
        !proto_checksum_good(e->p, PROTO_TCP, parsed_l4_len(&e->p->ip)))
        return tcp_header_malformed(e);
    uint8_t flags = h.at[TCP_FLAGS] & HANDSHAKE;

    return flags == TCP_SYN || flags == TCP_ACKF ? RULES_DROP : RULES_CONTINUE;
}

const struct ext_type target_synproxy = {
    .name = "SYNPROXY",
    .families = EXT_BOTH,
    .hooks = ON_INPUT | ON_FORWARD,
    .proto = PROTO_TCP,
    .size = sizeof(struct synproxy),
    .opts = options,
    .note = "weir does not answer SYNs yet: -j SYNPROXY drops SYNs and ACKs, so nobody can connect "
            "through it",
    .take = take,
    .print = print,
    .list = list,
    .target = run,
};
