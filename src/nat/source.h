/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which mappings a source already has (NAT reference, 5.3): connections whose NAT_SRC was fixed, to
 * be found by their original source address, source port or identifier, protocol and zone.
 *
 * Linux keeps all of them. Those whose source stayed what it was are left out here, as nobody could
 * use them: who looks for a mapping has the same source, and it did not satisfy the request. ICMP
 * alone may have another identifier by then, from NAT_DST.
 *
 * Connections of one source are a list through their entries, newest first. Only its newest member
 * stands in a table, the same kind as the connection table; so a source that nobody knows costs one
 * cache line, and a member that is not the newest can leave without the table being looked at.
 */
#ifndef WEIR_NAT_SOURCE_H
#define WEIR_NAT_SOURCE_H

#include "track/track.h"

struct sources {
    struct table table;
    uint32_t capacity;
    uint64_t changes; /* connections that came or went */
};

/* Where a connection's source stands in the index. */
struct source_place {
    uint64_t hash;
    uint64_t changes; /* as they were; since then it may stand elsewhere */
    uint32_t
        newest; /* connection: its handle, 0: there is none. conn_links() leads to older ones */
};

/* Bytes for so many sources. */
uint64_t nat_sources_size(uint32_t sources);
/* -ENOMEM. nat_sources_fini() gives back what there is. */
int nat_sources_init(struct sources *s, struct track *t);
void nat_sources_fini(struct sources *s, const struct weir_host *host);

struct source_place nat_sources_find(const struct sources *s, const struct track *t,
                                     const struct conn *c);

/* Does a connection belong into the index? */
static inline bool nat_sources_has(const struct conn *c)
{
    return c->status & WEIR_S_SRC_NAT_DONE &&
           (c->status & WEIR_S_SRC_NAT || c->proto == 1 || c->proto == 58);
}

/* `place` is where its source stood when somebody looked; NULL: nobody has. */
void nat_sources_add(struct sources *s, struct track *t, uint32_t handle,
                     const struct source_place *place);
void nat_sources_del(struct sources *s, struct track *t, uint32_t handle);

/* Have the line fetched that tells whether a packet's source is known. */
void nat_sources_prefetch(const struct sources *s, const struct track *t, const struct pkt *p);

#endif
