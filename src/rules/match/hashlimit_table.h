/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of -m hashlimit: a bucket for each key.
 *
 * A table is shared by the rules of a family that name it, and lives while one does; what it is
 * made with (struct hashlimit_table_config) is what the first of them asks for. Its memory is
 * reserved when it is made and committed as it is used. Buckets stand in chains by a keyed hash and
 * in one order by their last packet, which is also the order in which they expire; so finding one,
 * making one and taking back the memory of one are all a few steps, whatever the traffic.
 *
 * Linux sweeps expired buckets out at intervals, and a bucket that was not swept yet goes on when
 * its next packet comes. Here nothing sweeps; a bucket that a sweep would have taken counts as
 * none. Linux's sweeps come up to a tenth late, ours never do.
 */
#ifndef WEIR_RULES_MATCH_HASHLIMIT_TABLE_H
#define WEIR_RULES_MATCH_HASHLIMIT_TABLE_H

#include "base/slab.h"
#include "rules/eval.h"

/* What a bucket holds. */
enum hashlimit_kind {
    HASHLIMIT_PACKETS = 0, /* credit for packets */
    HASHLIMIT_BYTES,       /* credit for bytes: a second's worth, and refills */
    HASHLIMIT_WINDOW       /* what came in the last interval (--hashlimit-rate-match) */
};

struct hashlimit_table_config {
    /* Of the rules: what is in a key. */
    uint8_t mode;
    union weir_addr src_mask, dst_mask;

    uint8_t kind;          /* enum hashlimit_kind */
    bool bytes;            /* HASHLIMIT_WINDOW: bytes are counted, not packets */
    uint32_t capacity;     /* buckets, at least 1 */
    int64_t expire, sweep; /* ticks, at least 1 */
    uint64_t cost;         /* credit of one packet, or of 16 bytes */
    uint64_t full;         /* PACKETS: the most credit; BYTES: refills */
    uint64_t rate, burst;  /* WINDOW: for each interval; in one interval at most */
    int64_t interval;      /* WINDOW: ticks */
};

/* Zero but for what the table's rules ask for; addresses masked. */
struct hashlimit_key {
    union weir_addr src, dst;
    uint16_t ports[2]; /* source, destination, as they stand in the packet */
    uint32_t pad;
};

struct hashlimit_bucket {
    uint32_t next; /* in its chain; numbers of buckets, 0: none */
    uint32_t older, newer;
    bool over;       /* WINDOW: the interval before was above the rate */
    int64_t expires; /* tick */
    int64_t tick;    /* of the last refill; WINDOW: when the interval began */
    uint64_t credit; /* WINDOW: what came in the interval */
    uint64_t full;   /* as of the table; BYTES: refills left */
    struct hashlimit_key key;
};

struct hashlimit_table {
    struct hashlimit_table_config config;
    struct slab buckets;
    uint32_t *chains;
    uint32_t chain_mask;
    uint32_t oldest, newest;
    int64_t swept; /* tick of the last sweep */
};

enum hashlimit_answer { HASHLIMIT_UNDER = 0, HASHLIMIT_OVER, HASHLIMIT_FULL };

/* Bytes for a table, all of it in one piece of zeroed memory. */
size_t hashlimit_table_size(const struct hashlimit_table_config *config);
void hashlimit_table_init(struct hashlimit_table *table,
                          const struct hashlimit_table_config *config, int64_t now);

/*
 * A packet of `len` bytes: is its key's bucket under the limit? If so, what it costs is taken.
 * `by_bytes`: the rule counts bytes (it may be another's table). FULL: there is no room for a new
 * key.
 */
enum hashlimit_answer hashlimit_table_ask(const struct track *t, struct hashlimit_table *table,
                                          const struct hashlimit_key *key, uint32_t len,
                                          bool by_bytes);

/* Credit for packets: Linux's, in 2^39 for each tick, of a period in microseconds. */
uint64_t hashlimit_credit(uint64_t period);
/* Credit for 16 bytes, of a rate's share (hashlimit.c); 0: the rate is too high to be counted. */
uint32_t hashlimit_byte_credit(uint32_t share);

#endif
