/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen: seeded sequences of hostile packets for differential tests.
 *
 *     struct gen_opts opts;
 *     gen_opts_init(&opts);
 *     opts.protocols = GEN_TCP;
 *     struct gen *g = malloc(sizeof(*g));        (about 300 kB)
 *     gen_init(g, 42, &opts);
 *     struct gen_packet p;
 *     while (gen_next(g, &p))
 *         let p.wait_ns pass, then send p.bytes from p.side
 *
 * Noise finds little: a random packet fails the first check and tells nothing about the others. So
 * the generator keeps a number of conversations going, with a model of each (who has sent up to
 * which sequence number, which window was offered, which tags and identifiers are in use) and makes
 * packets that are right except in one or two places, and there wrong by one. Conversations share
 * few addresses, ports and identifiers, so that they collide; those that end are followed by others
 * with the same tuple; some begin in the middle.
 *
 *     gen.c         chooses conversations, dresses the IP header, repeats, passes time
 *     gen_tcp.c     one file for each kind of conversation …
 *     gen_udp.c, gen_icmp.c, gen_sctp.c, gen_gre.c (and protocols without ports)
 *     gen_frag.c    cuts packets of all of these into fragments and mixes them
 *
 * The same seed and options give the same bytes everywhere. All state is in struct gen; nothing is
 * allocated.
 *
 * Packets whose fate the IP layer settles on its own (a TTL that runs out, a bad header checksum,
 * source addresses that cannot be, multicast, options that a router would act upon) are left out
 * unless `ip_layer` asks for them: they would only show what a router does before and after
 * tracking. All packets are for hosts beyond the router, never for the router itself.
 */
#ifndef TESTS_LIB_GEN_H
#define TESTS_LIB_GEN_H

#include "build.h"
#include "gen_tcp_model.h"
#include "hosts.h"
#include "rng.h"

/* opts.protocols */
enum {
    GEN_TCP = 1 << 0,
    GEN_UDP = 1 << 1,
    GEN_UDPLITE = 1 << 2,
    GEN_ICMP = 1 << 3,   /* ICMP in IPv4, ICMPv6 in IPv6: queries and everything that is no error */
    GEN_ERRORS = 1 << 4, /* ICMP errors and redirects about the other packets */
    GEN_SCTP = 1 << 5,
    GEN_GRE = 1 << 6,
    GEN_OTHER = 1 << 7, /* protocols that nobody tracks by anything but addresses */
    GEN_FRAG = 1 << 8,  /* fragments of all of these */
    GEN_ALL = (1 << 9) - 1,
};

/* opts.families */
enum {
    GEN_V4 = 1 << 0,
    GEN_V6 = 1 << 1,
};

enum {
    GEN_PACKET_MAX = 1500, /* what fits a link with the usual MTU */
    GEN_FLOWS_MAX = 64,
    GEN_HOSTS_MAX = 3,
    GEN_RECENT = 24, /* packets that errors may be about */
    GEN_RECENT_BYTES = 256,
    GEN_PIECES = 48, /* fragments under way */
};

struct gen_opts {
    uint32_t protocols;     /* GEN_TCP | …; GEN_ALL */
    uint32_t families;      /* GEN_V4 | GEN_V6 */
    uint64_t packets;       /* how many; 0: no end. 1000 */
    unsigned flows;         /* conversations at a time, 1…GEN_FLOWS_MAX; 8 */
    unsigned hosts;         /* on each side, 1…GEN_HOSTS_MAX; 2 */
    unsigned hostility;     /* 0: only what good hosts send … 100: hardly anything fits; 35 */
    unsigned wait_permille; /* before how many of 1000 packets time passes; 2 */
    int64_t wait_max_ns;    /* and how much at most; 3.5 s */
    bool ip_layer;          /* see above; false */
};

struct gen_packet {
    enum side side;  /* where it is sent from */
    int64_t wait_ns; /* how long to wait before */
    size_t len;
    uint8_t bytes[GEN_PACKET_MAX];
};

/* ---- below: for gen_*.c ---------------------------------------------------------------------- */

struct gen;
struct gen_flow;

/* A kind of conversation. Sides are 0 (A) and 1 (B). */
struct gen_kind {
    uint32_t protocol; /* its bit */
    uint16_t weight;   /* how often a new conversation is of this kind */
    uint8_t families;
    /* Choose ports, identifiers …; `opener` and hosts are set. */
    void (*start)(struct gen *g, struct gen_flow *f);
    /* Fill in the next packet (b: from build_init(), with addresses for `from`); returns who sends
     * it, 0 or 1. */
    unsigned (*step)(struct gen *g, struct gen_flow *f, struct build *b);
    /* It has been sent, undamaged. May be NULL. */
    void (*sent)(struct gen *g, struct gen_flow *f, unsigned from, const struct build *b);
};

extern const struct gen_kind gen_kind_tcp, gen_kind_udp, gen_kind_udplite, gen_kind_icmp,
    gen_kind_sctp, gen_kind_gre, gen_kind_other;

struct gen_flow {
    const struct gen_kind *kind; /* NULL: free */
    uint8_t family;
    unsigned opener;
    unsigned left; /* packets until something else takes its place */
    struct build_addr host[2];
    uint16_t port[2];
    unsigned repeat; /* send `last` this many times more */
    unsigned last_from;
    struct build last;
    union {
        struct {
            struct gen_tcp_model model;
            uint32_t isn[2];
        } tcp;
        struct {
            unsigned exchanged;
        } udp;
        struct {
            uint16_t id, seq;
            uint8_t type, code;
        } icmp;
        struct {
            uint32_t tag[2];  /* what packets of this side must carry */
            uint32_t next[2]; /* the tag each side will announce */
            uint32_t old;     /* a tag that was right once */
            uint32_t tsn[2];
            uint8_t phase; /* the state that the tracker should be in */
            unsigned orig;
        } sctp;
        struct {
            uint8_t version;
            uint16_t call[2];
            uint32_t seq[2];
        } gre;
        uint8_t proto;
    } u;
};

struct gen_recent {
    unsigned from;
    uint8_t family;
    size_t len; /* of what is kept */
    uint8_t bytes[GEN_RECENT_BYTES];
};

struct gen_piece {
    unsigned from;
    size_t len; /* 0: free */
    uint64_t order;
    uint8_t bytes[GEN_PACKET_MAX];
};

struct gen {
    struct rng rng;
    struct gen_opts opts;
    uint64_t made;
    struct gen_flow flow[GEN_FLOWS_MAX];
    struct gen_recent recent[GEN_RECENT];
    uint64_t recent_count;
    struct gen_piece piece[GEN_PIECES];
    uint64_t piece_count; /* ever */
    uint32_t frag_id;
    struct gen_tcp_coverage tcp_coverage;
    uint32_t sctp_coverage[9][2][15]; /* state, direction, chunk type */
    uint8_t quote[GEN_PACKET_MAX];    /* what an error under construction carries */
    uint8_t work[BUILD_PACKET_MAX], big[BUILD_PACKET_MAX];
};

/* True in `hostility` percent of the cases; gen_rarely in a tenth of these. */
bool gen_hostile(struct gen *g);
bool gen_rarely(struct gen *g);

/* A payload length: mostly small, sometimes none, never too long for one packet. */
size_t gen_length(struct gen *g);

/* An error about a recent packet; false if there is none. `from` receives who sends it. */
bool gen_icmp_error(struct gen *g, struct build *b, unsigned *from);

/* Cut this packet up and put the pieces on their way; false if it cannot be. */
bool gen_frag_take(struct gen *g, unsigned from, size_t len);
/* An identification for fragments: a new one, or a hostile one of few, so that the rest of one
 * packet meets the beginning of another. */
uint32_t gen_frag_id(struct gen *g);
/* How many fragments are under way, and one of them. */
unsigned gen_frag_waiting(const struct gen *g);
void gen_frag_emit(struct gen *g, struct gen_packet *out);

/* ---- the interface --------------------------------------------------------------------------- */

/* What stands behind the options above. */
void gen_opts_init(struct gen_opts *opts);

/* opts may be NULL. Numbers beyond their limits are cut to them. */
void gen_init(struct gen *g, uint64_t seed, const struct gen_opts *opts);

/* The next packet; false when opts.packets have been made. */
bool gen_next(struct gen *g, struct gen_packet *out);

#endif
