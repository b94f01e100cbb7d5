/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCTP (RFC 9260): associations, by their chunks and verification tags.
 *
 * An SCTP packet is a header with a verification tag, and chunks. Each end picks a tag when the
 * association begins and tells it in INIT or INIT ACK; from then on the other end's packets must
 * carry it (RFC 9260, 8.5). So `vtag[dir]` is the tag that packets in direction `dir` carry, and
 * was told by the opposite side. A blind attacker does not know it; that is why a packet without it
 * changes nothing.
 *
 * A packet is handled in this order (conntrack reference, 4.5). A failure makes it INVALID, but
 * what earlier chunks of it did to the association stays done.
 *
 *   1. the header and its CRC32c
 *   2. the layout of the chunks: lengths, which must come first or alone (RFC 9260, 6.10)
 *   3. the first packet of an association: what may begin one, and the tags it tells
 *   4. the tag, unless the packet has a chunk that brings a rule of its own
 *   5. each chunk in turn: whether it is admitted, the state table, what it leaves behind
 *
 * The state table is `next_state`; a cell of 0 is invalid, so what is not written there cannot
 * happen. Only INIT, INIT ACK and COOKIE ECHO, COOKIE ACK lead to ESTABLISHED, or HEARTBEAT and its
 * ACK: a path that a multihomed association adds shows no handshake, only heartbeats that probe it
 * (RFC 9260, 8.3). Its tags are learned from these.
 *
 * Captures that cut packets: chunks beyond the cut are as if not there, and INIT needs only its
 * tag. The SCTP header must be whole.
 */
#include "packet/checksum.h"
#include "packet/headers.h"
#include "proto/registry.h"
#include "proto/result.h"

/* Chunk types, RFC 9260, 3.2. The others (SACK, ECNE, CWR, extensions) play no part in what is
 * tracked. */
enum chunk_type {
    DATA = 0,
    INIT = 1,
    INIT_ACK = 2,
    HEARTBEAT = 4,
    HEARTBEAT_ACK = 5,
    ABORT = 6,
    SHUTDOWN = 7,
    SHUTDOWN_ACK = 8,
    ERROR = 9,
    COOKIE_ECHO = 10,
    COOKIE_ACK = 11,
    SHUTDOWN_COMPLETE = 14,
    CHUNK_TYPES
};

enum {
    CHUNK_TYPE = 0,
    CHUNK_FLAGS = 1,
    CHUNK_LENGTH = 2,
    CHUNK_HEADER = 4,
    /* INIT and INIT ACK: their Initiate Tag, and the size of their fixed part. */
    INIT_TAG = 4,
    INIT_TAG_END = 8,
    INIT_SIZE = 20,
    /* ABORT, SHUTDOWN COMPLETE: the sender has no association, and reflects the tag. */
    FLAG_T = 0x1
};

#define BIT(type) (1u << (type))

/* Sets of chunk types. */
enum {
    MUST_BE_ALONE = BIT(INIT) | BIT(INIT_ACK) | BIT(SHUTDOWN_COMPLETE),
    MUST_BE_FIRST = MUST_BE_ALONE | BIT(COOKIE_ECHO) | BIT(COOKIE_ACK),
    NEVER_BEGINS = BIT(ABORT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ACK),
    HAS_TAG_RULE = BIT(INIT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ECHO) | BIT(ABORT) |
                   BIT(SHUTDOWN_ACK) | BIT(HEARTBEAT) | BIT(HEARTBEAT_ACK)
};

enum {
    XX = 0, /* invalid */
    CL = WEIR_SCTP_CLOSED,
    CW = WEIR_SCTP_COOKIE_WAIT,
    CE = WEIR_SCTP_COOKIE_ECHOED,
    ES = WEIR_SCTP_ESTABLISHED,
    SS = WEIR_SCTP_SHUTDOWN_SENT,
    SR = WEIR_SCTP_SHUTDOWN_RECD,
    SA = WEIR_SCTP_SHUTDOWN_ACK_SENT,
    HS = WEIR_SCTP_HEARTBEAT_SENT
};

/*
 * [direction][chunk][state] -> state. Chunk types without a row never change the state.
 *
 * NONE is the state before the first packet, which is of original direction. Whatever a packet
 * proves to be out of place (an INIT ACK without INIT, say) begins an entry that is CLOSED, so that
 * it lives only briefly: the association may be older than the tracker. SHUTDOWN_SENT and
 * SHUTDOWN_RECD tell who sent SHUTDOWN: the original side, the other.
 */
/* clang-format off */
static const uint8_t next_state[2][CHUNK_TYPES][WEIR_SCTP_MAX] = {
    [WEIR_ORIG] = {
        /*                   NONE  CL  CW  CE  ES  SS  SR  SA  HS */
        /* A new association over a dying one starts over; one that lives is left alone until the
         * handshake is through. */
        [INIT] =              {CL, CL, CW, CE, ES, CL, CL, SA, CW},
        [INIT_ACK] =          {CL, CL, CW, CE, ES, SS, SR, SA, CL},
        [ABORT] =             {CL, CL, CL, CL, CL, CL, CL, CL, CL},
        [SHUTDOWN] =          {CL, CL, CW, CE, SS, SS, SR, SA, CL},
        /* Seen first, it ends an association both of whose SHUTDOWNs were missed. */
        [SHUTDOWN_ACK] =      {SA, CL, CW, CE, ES, SA, SA, SA, SA},
        [ERROR] =             {CL, CL, CW, CE, ES, SS, SR, SA, CL},
        [COOKIE_ECHO] =       {CL, CL, CE, CE, ES, SS, SR, SA, CL},
        [COOKIE_ACK] =        {CL, CL, CW, ES, ES, SS, SR, SA, CL},
        [SHUTDOWN_COMPLETE] = {CL, CL, CW, CE, ES, SS, SR, CL, CL},
        [HEARTBEAT] =         {HS, CL, CW, CE, ES, SS, SR, SA, HS},
        [HEARTBEAT_ACK] =     {CL, CL, CW, CE, ES, SS, SR, SA, HS},
    },
    [WEIR_REPLY] = {
        /*                   NONE  CL  CW  CE  ES  SS  SR  SA  HS */
        /* The other side begins as well (RFC 9260, 5.2.1); its INIT ACK will tell. */
        [INIT] =              {XX, CL, CW, CE, ES, SS, SR, SA, XX},
        [INIT_ACK] =          {XX, CW, CW, CE, ES, SS, SR, SA, XX},
        [ABORT] =             {XX, CL, CL, CL, CL, CL, CL, CL, XX},
        [SHUTDOWN] =          {XX, CL, CW, CE, SR, SS, SR, SA, XX},
        [SHUTDOWN_ACK] =      {XX, CL, CW, CE, ES, SA, SA, SA, XX},
        /* The cookie was stale (RFC 9260, 5.2.6). */
        [ERROR] =             {XX, CL, CW, CL, ES, SS, SR, SA, XX},
        /* Both began, and the other side was first to echo. */
        [COOKIE_ECHO] =       {XX, CL, CE, CE, ES, SS, SR, SA, XX},
        [COOKIE_ACK] =        {XX, CL, CW, ES, ES, SS, SR, SA, XX},
        [SHUTDOWN_COMPLETE] = {XX, CL, CW, CE, ES, SS, SR, CL, XX},
        [HEARTBEAT] =         {XX, CL, CW, CE, ES, SS, SR, SA, HS},
        [HEARTBEAT_ACK] =     {XX, CL, CW, CE, ES, SS, SR, SA, ES},
    },
};
/* clang-format on */

static const uint8_t timeouts[WEIR_SCTP_MAX] = {
    [WEIR_SCTP_NONE] = WEIR_T_SCTP_CLOSED,
    [WEIR_SCTP_CLOSED] = WEIR_T_SCTP_CLOSED,
    [WEIR_SCTP_COOKIE_WAIT] = WEIR_T_SCTP_COOKIE_WAIT,
    [WEIR_SCTP_COOKIE_ECHOED] = WEIR_T_SCTP_COOKIE_ECHOED,
    [WEIR_SCTP_ESTABLISHED] = WEIR_T_SCTP_ESTABLISHED,
    [WEIR_SCTP_SHUTDOWN_SENT] = WEIR_T_SCTP_SHUTDOWN_SENT,
    [WEIR_SCTP_SHUTDOWN_RECD] = WEIR_T_SCTP_SHUTDOWN_RECD,
    [WEIR_SCTP_SHUTDOWN_ACK_SENT] = WEIR_T_SCTP_SHUTDOWN_ACK_SENT,
    [WEIR_SCTP_HEARTBEAT_SENT] = WEIR_T_SCTP_HEARTBEAT_SENT,
};

struct chunk {
    const uint8_t *at; /* CHUNK_HEADER bytes are there */
    uint32_t have;     /* bytes from `at` to the end of what is there of the packet */
    uint32_t room;     /* bytes from `at` to the end of the packet by its IP header */
    uint32_t length;   /* as it says; may be more than `room` */
    uint8_t type;
};

/* A packet on its way through the steps. */
struct visit {
    const struct pkt *p;
    struct sctp_state *s;
    enum weir_dir dir, other;
    uint32_t tag;   /* of the header */
    uint32_t off;   /* where the next chunk begins */
    struct chunk c; /* the current one */
    uint32_t seen;  /* BIT() of the chunk types in the packet */
    bool begins;    /* the association is new */
    bool silent;    /* accept, but neither refresh nor count */
};

/* ---- chunks ---- */

/* Does the state table know this type? */
static bool tracked(uint8_t type)
{
    return type < CHUNK_TYPES && next_state[WEIR_ORIG][type][WEIR_SCTP_NONE] != XX;
}

static uint32_t type_bit(uint8_t type)
{
    return type < CHUNK_TYPES ? BIT(type) : 0;
}

/* Go to the next chunk. False: there is none. */
static bool next_chunk(struct visit *v)
{
    const struct parsed *ip = &v->p->ip;
    const uint8_t *l4 = parsed_l4(ip, v->off + CHUNK_HEADER);
    struct chunk *c = &v->c;

    if (!l4)
        return false; /* up to three bytes too many are ignored */
    c->at = l4 + v->off;
    c->have = parsed_l4_have(ip) - v->off;
    c->room = parsed_l4_len(ip) - v->off;
    c->type = c->at[CHUNK_TYPE];
    c->length = load_be16(c->at + CHUNK_LENGTH);
    v->off += (c->length + 3) & ~3u;
    return true;
}

static bool first_chunk(struct visit *v)
{
    v->off = SCTP_SIZE;
    return next_chunk(v);
}

/* The tag that INIT or INIT ACK tells. False: its fixed part is not in the packet, or its tag not
 * in the capture. */
static bool initiate_tag(const struct chunk *c, uint32_t *tag)
{
    if (c->room < INIT_SIZE || c->have < INIT_TAG_END)
        return false;
    *tag = load_be32(c->at + INIT_TAG);
    return true;
}

/*
 * Step 2. Linux is lenient here, and so are we: lengths below four (but zero, which would never
 * end) and a last chunk that reaches beyond the packet are fine.
 */
static bool layout(struct visit *v)
{
    uint32_t chunks = 0;

    for (bool more = first_chunk(v); more; more = next_chunk(v), chunks++) {
        uint32_t bit = type_bit(v->c.type);

        if (v->c.length == 0 || (chunks > 0 && (bit & MUST_BE_FIRST || v->seen & MUST_BE_ALONE)))
            return false;
        v->seen |= bit;
    }
    return chunks > 0 || v->p->ip.cut;
}

/* ---- a new association ---- */

/*
 * Step 3. Every chunk must be one that can begin an association. INIT, HEARTBEAT and SHUTDOWN ACK
 * teach a tag; any other packet must then carry tag 0, for no tag is known (step 4).
 */
static enum weir_reason begin(struct visit *v)
{
    *v->s = (struct sctp_state){.state = WEIR_SCTP_NONE};
    if (!v->seen || v->seen & NEVER_BEGINS)
        return WEIR_R_SCTP_STATE;
    for (bool more = first_chunk(v); more; more = next_chunk(v)) {
        if (!tracked(v->c.type))
            return WEIR_R_SCTP_STATE;
        switch (v->c.type) {
        case INIT:
            if (v->tag != 0)
                return WEIR_R_SCTP_TAG;
            if (!initiate_tag(&v->c, &v->s->vtag[WEIR_REPLY]))
                return WEIR_R_SCTP_CHUNK;
            break;
        case HEARTBEAT: v->s->vtag[WEIR_ORIG] = v->tag; break;
        case SHUTDOWN_ACK: v->s->vtag[WEIR_REPLY] = v->tag; break;
        default: break;
        }
    }
    return WEIR_R_NONE;
}

/* ---- admission: what must hold before the state table is asked ---- */

enum admission { REFUSE = 0, ADMIT, PASS_OVER };

static enum admission admit_if(bool right)
{
    return right ? ADMIT : REFUSE;
}

static enum admission admit_init(struct visit *v)
{
    return admit_if(v->tag == 0);
}

static enum admission admit_end(struct visit *v)
{
    bool reflected = v->c.at[CHUNK_FLAGS] & FLAG_T;

    return admit_if(v->tag == v->s->vtag[reflected ? v->other : v->dir]);
}

static enum admission admit_cookie_echo(struct visit *v)
{
    return admit_if(v->tag == v->s->vtag[v->dir]);
}

static enum admission admit_cookie_ack(struct visit *v)
{
    v->s->init_seen[WEIR_ORIG] = v->s->init_seen[WEIR_REPLY] = false;
    return ADMIT;
}

/* Heartbeats: is this the tag of its direction? An unknown tag is learned, and a right one answers
 * the question that a wrong one may have raised. */
static bool tag_right(struct visit *v)
{
    uint32_t *known = &v->s->vtag[v->dir];

    if (*known == 0)
        *known = v->tag;
    else if (*known == v->tag)
        v->s->hb_failed = false;
    return *known == v->tag;
}

/*
 * A heartbeat with another tag may be a forgery, or come from an association that replaced this one
 * on another path. It is passed over, and raises a question that the other side may answer.
 */
static enum admission admit_heartbeat(struct visit *v)
{
    if (tag_right(v))
        return ADMIT;
    if (v->seen & BIT(DATA) || v->silent)
        return REFUSE;
    v->s->hb_failed = true;
    v->s->hb_dir = (uint8_t)v->dir;
    v->silent = true;
    return PASS_OVER;
}

/* The other side acknowledges: the new association is real. Its other tag is to be learned anew. */
static enum admission admit_heartbeat_ack(struct visit *v)
{
    struct sctp_state *s = v->s;

    if (tag_right(v))
        return ADMIT;
    if (v->seen & BIT(DATA) || !s->hb_failed || s->hb_dir == v->dir)
        return REFUSE;
    s->hb_failed = false;
    s->vtag[v->dir] = v->tag;
    s->vtag[v->other] = 0;
    return ADMIT;
}

/* ---- settlement: what a chunk leaves behind, once the table gave the next state ---- */

/*
 * INIT tells the tag that the other side will use. A mark remembers which side sent an INIT that
 * has something new to tell; settle_init_ack() needs it.
 */
static enum weir_reason settle_init(struct visit *v, uint8_t state)
{
    struct sctp_state *s = v->s;
    uint32_t tag;

    if (!initiate_tag(&v->c, &tag))
        return WEIR_R_SCTP_CHUNK;
    if (v->begins || tag != s->vtag[v->other]) {
        if (s->init_seen[v->dir])
            s->init_seen[v->other] = false;
        s->init_seen[v->dir] = true;
    }
    s->vtag[v->other] = tag;
    /* INIT after INIT: whoever sends them in vain is not to hold the entry. */
    v->silent |= !v->begins && s->state == CL && state == CL;
    return WEIR_R_NONE;
}

/*
 * An INIT ACK may replace a known tag only as the answer to an INIT of the other side; not when
 * both sent one, for then both tags have been told.
 */
static enum weir_reason settle_init_ack(struct visit *v, uint8_t state)
{
    struct sctp_state *s = v->s;
    uint32_t known = s->vtag[v->other];
    uint32_t tag;

    (void)state;
    if (!initiate_tag(&v->c, &tag))
        return WEIR_R_SCTP_CHUNK;
    if (known != tag) {
        if (!s->init_seen[v->other] && known != 0)
            return WEIR_R_SCTP_TAG;
        if (s->init_seen[v->other] && s->init_seen[v->dir])
            return WEIR_R_SCTP_TAG;
    }
    s->vtag[v->other] = tag;
    return WEIR_R_NONE;
}

static const struct {
    enum admission (*admit)(struct visit *v);                   /* NULL: always */
    enum weir_reason (*settle)(struct visit *v, uint8_t state); /* NULL: nothing to do */
} rules[CHUNK_TYPES] = {
    [INIT] = {admit_init, settle_init},
    [INIT_ACK] = {NULL, settle_init_ack},
    [ABORT] = {admit_end, NULL},
    [SHUTDOWN_COMPLETE] = {admit_end, NULL},
    [COOKIE_ECHO] = {admit_cookie_echo, NULL},
    [COOKIE_ACK] = {admit_cookie_ack, NULL},
    [HEARTBEAT] = {admit_heartbeat, NULL},
    [HEARTBEAT_ACK] = {admit_heartbeat_ack, NULL},
};

/* ---- the walk ---- */

static void enter(struct conn *c, struct sctp_state *s, uint8_t state)
{
    if (state == s->state)
        return;
    s->state = state;
    c->events |= (uint16_t)(1u << WEIR_EV_PROTOINFO);
    if (state == ES)
        proto_assure(c);
}

/* Step 5 for the current chunk. */
static enum weir_reason apply(struct visit *v)
{
    uint8_t type = v->c.type;
    enum admission admission = rules[type].admit ? rules[type].admit(v) : ADMIT;

    if (admission == REFUSE)
        return WEIR_R_SCTP_TAG;
    if (admission == PASS_OVER)
        return WEIR_R_NONE;
    uint8_t state = next_state[v->dir][type][v->s->state];

    if (state == XX)
        return WEIR_R_SCTP_STATE;
    enum weir_reason reason = rules[type].settle ? rules[type].settle(v, state) : WEIR_R_NONE;

    if (reason == WEIR_R_NONE)
        enter(v->p->conn, v->s, state);
    return reason;
}

/* Steps 2 to 5. */
static enum weir_reason walk(struct visit *v)
{
    enum weir_reason reason = WEIR_R_NONE;

    if (!layout(v))
        return WEIR_R_SCTP_CHUNK;
    if (v->begins)
        reason = begin(v);
    if (reason == WEIR_R_NONE && !(v->seen & HAS_TAG_RULE) && v->tag != v->s->vtag[v->dir])
        reason = WEIR_R_SCTP_TAG;
    for (bool more = first_chunk(v); more && reason == WEIR_R_NONE; more = next_chunk(v))
        if (tracked(v->c.type))
            reason = apply(v);
    return reason;
}

/* Step 1. */
static enum weir_reason check(struct pkt *p)
{
    const uint8_t *sctp = parsed_l4(&p->ip, SCTP_SIZE);
    uint32_t len = parsed_l4_len(&p->ip);

    if (!sctp)
        return WEIR_R_L4_SHORT;
    /* To verify the checksum Linux sets the field to zero, which needs the header in one piece. */
    if (p->verify_checksum && p->gathered)
        frag_touch(&p->layout, p->ip.l4_off + SCTP_SIZE);
    if (p->verify_checksum &&
        crc32c_sctp(sctp, len, SCTP_CHECKSUM) != load_le32(sctp + SCTP_CHECKSUM))
        return WEIR_R_L4_CHECKSUM;
    return WEIR_R_NONE;
}

static enum proto_result packet(struct track *t, struct pkt *p)
{
    enum weir_reason reason = check(p);

    if (reason != WEIR_R_NONE)
        return proto_invalid(p, reason);
    struct visit v = {
        .p = p,
        .s = &conn_proto(p->conn)->sctp,
        .dir = p->dir,
        .other = p->dir == WEIR_ORIG ? WEIR_REPLY : WEIR_ORIG,
        .tag = load_be32(p->ip.ip + p->ip.l4_off + SCTP_VTAG),
        .begins = !(p->conn->status & WEIR_S_CONFIRMED),
    };

    reason = walk(&v);
    if (reason != WEIR_R_NONE)
        return proto_invalid(p, reason);
    return v.silent ? PROTO_ACCEPT : proto_alive(t, p, timeouts[v.s->state]);
}

const struct proto proto_sctp = {
    .name = "sctp",
    .number = PROTO_SCTP,
    .packet = packet,
};
