/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group of shards from inside (weir/group.h is its contract, docs/scaling.md the whole story).
 *
 * A connection is owned by the home of the tuple of its first packet (home.h). Every tuple in an
 * owner's table whose home is another shard has a stub there (stub.h): that is all the state which
 * two shards have in common, and it travels in notes, as packets do, through rings.
 *
 * From each shard to each other lead two rings: one for packets and one for notes. They are read in
 * this order: first packets are taken, received or out of rings; then all notes are read; and only
 * then is any of these packets looked up. A note that was written before a packet was sent is thus
 * read before what that packet caused is looked up, by whatever way it came.
 *
 * Files: group.c makes a group and moves packets; notes.c keeps stubs right; parcel.c datagrams
 * that were gathered where they do not belong; home.c where what belongs; stub.c the stubs of a
 * shard.
 */
#ifndef WEIR_PIPE_GROUP_H
#define WEIR_PIPE_GROUP_H

#include "base/ring.h"
#include "pipe/fragments.h"
#include "pipe/home.h"
#include "pipe/parcel.h"
#include "pipe/shard.h"
#include "pipe/stub.h"
#include <weir/group.h>

/* A packet in a ring: what goes into a shard of struct weir_packet, and which hop this is. */
struct handoff {
    uint8_t *data;
    const struct weir_template *templ;
    void *user;
    const uint8_t *link;
    uint32_t len, wire_len;
    uint32_t mark, priority;
    uint16_t in_iface, link_len, link_type;
    uint8_t path, flags, pkt_type;
    bool final; /* run it, whatever stubs say: it is a fragment to be gathered, or you own it */
};
_Static_assert(sizeof(struct handoff) <= sizeof(struct ring_slot),
               "a packet's descriptor is a line");

enum note_kind {
    NOTE_STUB = 1, /* a connection of mine has this tuple */
    NOTE_UNSTUB,   /* it has it no longer */
    NOTE_REFUSED,  /* somebody else has that tuple: end your connection */
};

struct note {
    struct weir_tuple tuple;
    uint32_t handle; /* the owner's: comes back with NOTE_REFUSED */
    uint16_t zone;
    uint8_t kind; /* enum note_kind */
    uint8_t dir;  /* of the connection */
};
_Static_assert(sizeof(struct note) <= sizeof(struct ring_slot), "a note is a line");

/* From one shard to one other. */
struct channel {
    struct ring packets, notes;
    /* An odd number of lines: so the same lines of many channels, which are looked at one after the
     * other, are in different sets of the cache. */
    struct ring_slot spread;
};
_Static_assert(sizeof(struct channel) / WEIR_CACHE_LINE % 2 == 1, "channels spread over the cache");

/* A note for which there was no room when it was due. */
struct late {
    uint32_t next; /* for the same shard, 0: none */
    struct note note;
};

/* A shard's part of the group. Other threads use nothing of it but `parcels`. */
struct worker {
    _Alignas(WEIR_CACHE_LINE) struct peers peers;
    struct weir_group *group;
    struct weir_shard *shard;
    uint16_t number;
    uint16_t turn;   /* whose packets are taken first next time */
    uint64_t unsaid; /* bit by shard: packets were put into its ring and not published */
    struct stubs stubs;
    struct slab late;
    uint32_t answers; /* of the late ones that are NOTE_REFUSED */
    struct {
        uint32_t first, last;
    } waiting[WEIR_GROUP_SHARDS_MAX]; /* of struct late */
    struct parcels parcels;
    struct parcel *taken; /* parcels that the caller has until it comes back */
    struct weir_group_stats stats;
};

struct weir_group {
    struct homes homes;
    struct weir_host host;
    uint32_t shards, ring, capacity;
    struct channel *channels; /* [to * shards + from] */
    struct ring_slot *slots;
    struct worker worker[];
};

static inline struct channel *group_channel(const struct weir_group *g, unsigned from, unsigned to)
{
    return &g->channels[to * g->shards + from];
}

/*
 * Fragments became a datagram (p->ip, p->layout): it goes on here, or it was sent to where it
 * belongs (held, WEIR_R_HANDED_OVER), or there was no room for it.
 */
enum gathering group_gathered(struct weir_shard *s, struct pkt *p);

/* --- notes.c --- */

/* What a tracker asks and tells. */
void notes_init(struct worker *w);

/* Send what had to wait, and read what the others wrote. */
void notes_exchange(struct worker *w);

/* Most notes that can be late, for that many connections: withdrawals of their tuples, and answers.
 */
enum { NOTES_ANSWERS = 1024 };
static inline uint32_t notes_late_max(uint32_t connections)
{
    return 2 * connections + NOTES_ANSWERS;
}

#endif
