/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments on hold, and the datagrams they make (conntrack reference, section 5; RFC 791, 3.2; RFC
 * 8200, 4.5; RFC 3168, 5.3).
 *
 * A store holds one family's fragments, as Linux accounts for each family on its own. It copies
 * what it is given. Its memory is one region, handed over at the start; nothing is allocated later,
 * and no time is read: ticks of 4 ms are an argument.
 *
 * Three kinds of object live in the region, each in a slab with a hash over it:
 *
 * - queue: one datagram on its way to completion: key, deadline, what is known of its end, the
 *   headers of fragment 0;
 * - page: 512 bytes of a datagram's fragmentable part at their final place, with three bits for
 *   each unit of 8 bytes;
 * - source: IPv4 only, how many fragments an address has sent, for as long as it has a queue (the
 *   distance rule).
 *
 * Eight bytes is the unit in which fragments are placed, so bits say everything about overlap:
 * `have` (this unit is here), `cut` (a fragment begins here), `run` (a run begins here). A run is
 * what Linux compares a new fragment with: fragments that arrived one after the other, each at the
 * end of all before it. A fragment wholly inside one run is a duplicate; one that touches a run in
 * any other way is an overlap, even when two runs that meet would cover it together.
 *
 * So placing a fragment costs one hash look-up and a few word operations for each 512 bytes of it,
 * in whatever order an enemy sends them and however many there are; there are no lists to walk.
 * Completion is one pass over the pages.
 *
 * Files: frag.c keys, limits, time, the rules of the two families; frag_gather.c the pages;
 * refrag.h the way out.
 */
#ifndef WEIR_PACKET_FRAG_H
#define WEIR_PACKET_FRAG_H

#include "base/hash.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "packet/parse.h"
#include <weir/types.h>

enum {
    FRAG_TIMEOUT = 30 * WEIR_TICKS_PER_SEC, /* net.ipv4.ipfrag_time; IPv6 has a tunable, 60 s */
    FRAG_HIGH_THRESH = 4 << 20,     /* net.ipv4.ipfrag_high_thresh; the same number for IPv6 */
    FRAG_MAX_DISTANCE = 64,         /* net.ipv4.ipfrag_max_dist */
    FRAG_HEADROOM = 8,              /* writable bytes before a gathered datagram */
    FRAG_DATAGRAM_MAX = 65535 + 40, /* IPv6: 65535 bytes of payload */
    FRAG_CUT_WORDS = (65536 / 8 + 63) / 64,
    /*
     * Memory for one family that the limit of 4 MiB cannot outgrow. Linux charges at least 832
     * bytes for a fragment, which touches two pages at most; in the larger classes no page comes
     * cheaper than at 1280 bytes for three. So 4 MiB of charge never need more than 4 MiB / 416 =
     * 10083 pages, and a queue has its charge too.
     */
    FRAG_BUDGET = 9 << 20
};

/* Where a fragment was met. Fragments from different places are never put together. */
enum frag_stage { FRAG_PREROUTING = 0, FRAG_LOCAL_OUT };

struct frag_scope {
    uint16_t zone;
    uint16_t iface; /* matters to IPv6 link-local and multicast destinations only */
    uint8_t stage;  /* enum frag_stage */
};

/*
 * How a datagram was cut when it came, for cutting it again (refrag.h). Where an IPv4 datagram's
 * largest fragment had DF, the gathered header has it.
 */
struct frag_layout {
    const uint64_t *cuts; /* bit n: a fragment began at data_at + 8 n; NULL: unknown, cut anew */
    uint32_t data_at;     /* where the fragmentable part began in the datagram */
    uint32_t largest;     /* length of the largest fragment with all its headers */
    uint32_t contiguous;  /* bytes that Linux had to have in one buffer: see frag_touch() */
    uint32_t room;        /* bytes before the data in the tightest buffer of Linux but the first */
};

/*
 * Linux keeps a gathered datagram as the fragments it came in, and moves bytes from later ones into
 * the first when it must verify or rewrite a header that the first does not hold in full; the
 * original cuts below that point are lost. A caller that rewrites says how far it did, counted from
 * the start of the datagram (the end of it for a payload that was replaced). frag_add() has already
 * done so for the TCP header (early demultiplexing, IPv4 only).
 */
static inline void frag_touch(struct frag_layout *layout, uint32_t end)
{
    layout->contiguous = max_u32(layout->contiguous, end);
}

struct frag_datagram {
    struct parsed ip;          /* complete: the datagram, FRAG_HEADROOM writable bytes before it */
    struct frag_layout layout; /* complete: how it came */
    enum weir_reason reason;   /* held: WEIR_R_FRAG_WAIT; dropped: why; else none */
};

enum frag_result {
    FRAG_HELD = 1, /* a copy is kept */
    FRAG_DROPPED,  /* the fragment is lost, perhaps its whole datagram with it */
    FRAG_COMPLETE, /* the datagram goes on in its place; it stands here until the next call */
    FRAG_PASS      /* IPv6: not to be gathered; the packet goes on as it is */
};

/* A datagram whose time is up. */
struct frag_expired {
    uint8_t *ip;  /* fragment 0 as it came, valid until the next call; NULL: it did not come */
    uint32_t len; /* bytes of it */
    struct frag_scope scope; /* iface: where its latest fragment came in */
};

/* As in /proc/net/snmp and snmp6. Linux moves IPv6's on timeout only. */
struct frag_stats {
    uint64_t reqds, oks, fails, timeouts, overlaps;
};

/* A slab of objects that begin with a uint32_t link, and a hash table over them. */
struct frag_pool {
    struct slab slab;
    uint32_t *bucket;
    uint32_t mask; /* buckets - 1 */
};

struct frag {
    /* The owner's to set. */
    int64_t high;    /* charge above which every fragment is refused; 0: all are */
    int32_t timeout; /* ticks that a new queue may take to complete */

    /* To be read. */
    struct frag_stats stats;
    int64_t used; /* the charge */
    uint8_t family;

    /* Inside. */
    struct hash_key key;
    struct frag_pool queues, pages, sources;
    struct wheel wheel;
    int64_t clock;  /* the wheel's time, in 64 bits */
    uint64_t *cuts; /* of the datagram in `out` */
    uint8_t *out;
};

/* Memory to reserve, for a budget of about that many bytes; never less than a useful minimum. */
size_t frag_bytes(size_t budget);

/* `memory` is frag_bytes(budget) bytes, zeroed, aligned to 64. `family` is 4 or 6. */
void frag_init(struct frag *f, uint8_t family, void *memory, size_t budget, const uint64_t seed[2],
               int64_t now);

/* Is the packet for frag_add()? IPv6: also a lone fragment (RFC 6946), which loses its header. */
static inline bool frag_wants(const struct parsed *p)
{
    return p->family == 4 ? p->fragment : p->frag_off != 0;
}

/*
 * Add a fragment that arrived at `now`. What expired before should have been taken out with
 * frag_expire(). Of a packet that a capture cut short, the missing bytes become zeros, and the
 * datagram counts as cut short there.
 */
enum frag_result frag_add(struct frag *f, int64_t now, const struct parsed *p,
                          const struct frag_scope *scope, struct frag_datagram *out);

/*
 * Take out one datagram whose time is up at `now`. False: there is none left. Linux answers
 * fragment 0, if it has that, with time exceeded, code 1: IPv6 always, IPv4 when the datagram was
 * for this host.
 */
bool frag_expire(struct frag *f, int64_t now, struct frag_expired *out);

/* The earliest time at which frag_expire() may have something to do. False: never. */
bool frag_next(const struct frag *f, int64_t *tick64);

#endif
