/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments in the packet walk: gathered at its beginning, cut again at its end (conntrack
 * reference, section 5).
 */
#ifndef WEIR_PIPE_FRAGMENTS_H
#define WEIR_PIPE_FRAGMENTS_H

#include "packet/refrag.h"
#include "track/track.h"

/* One store for each family, each with Linux's limits of its own. */
struct fragments {
    struct frag store[2]; /* IPv4, IPv6 */
    size_t bytes;         /* reserved for each */
    void *memory[2];
};

struct weir_shard;

int fragments_init(struct fragments *f, const struct weir_config *config, int64_t tick64);
void fragments_fini(struct fragments *f, const struct weir_host *host);

/* Bytes that fragments on hold can take at most, both families. */
uint64_t fragments_size(const struct weir_config *config);

enum gathering {
    GATHER_GO_ON = 1, /* nothing to gather, or p->ip now is the whole datagram and p->layout says
                         how it came */
    GATHER_HELD,      /* the packet waits; p->reason says so */
    GATHER_DROP,      /* p->reason says why */
};

enum gathering fragments_gather(struct weir_shard *s, struct pkt *p);

/* How the packet can leave by an interface with this MTU (0: any): decided before it is confirmed,
 * as Linux does. */
enum refrag_result fragments_fit(const struct pkt *p, uint32_t mtu, struct refrag *r);

/* Hand the packet's pieces to the host, or the packet itself if it is not the caller's. How many
 * went out. */
uint16_t fragments_send(struct weir_shard *s, struct pkt *p, enum refrag_result fit,
                        struct refrag *r);

/* Drop what did not become complete in time. */
void fragments_expire(struct weir_shard *s);

/* When fragments_expire has work next, tick64. False: never. */
bool fragments_next(const struct weir_shard *s, int64_t *tick64);

#endif
