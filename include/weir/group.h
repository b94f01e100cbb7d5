/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group: several shards, each with a thread of its own, that act as one tracker
 * (docs/scaling.md).
 *
 * A packet may come in at any of the threads. Which shard it belongs to follows from its tuple
 * alone (its home); it is handed there through a ring that one thread fills and one empties. No
 * lock is taken and nothing waits. Each thread does, over and over:
 *
 *     n = receive(packets);
 *     s = weir_group_steer(group, me, packets, n);        its own stay, the others leave
 *     weir_shard_run(weir_group_shard(group, me), now, packets, s.own);
 *     ... send what was accepted, drop the rest and what was refused
 *     t = weir_group_take(group, me, packets, max);       what the others handed over
 *     weir_shard_run(weir_group_shard(group, me), now, packets, t.own);
 *     ... the same
 *
 * and weir_shard_tick() when there is nothing to do. A thread without packets must still call
 * weir_group_take() often (weir_group_waiting() says when): others wait for what it does.
 *
 * The order matters in one place: weir_group_steer() comes after receiving and before running.
 * Where NAT gives a connection a reply tuple with another home, that home has been told before the
 * packet that caused it could leave; so who receives first and looks for such news afterwards
 * cannot meet an answer without knowing whose it is.
 *
 * A packet's descriptor moves with it and so do its bytes: after a packet was handed over they
 * belong to the thread that takes it, `user` and `link` with them, until that thread has run and
 * sent or dropped it. A template must live as long.
 *
 * What is exact, and what is each shard's own:
 *
 * - Class, verdict and translation are those of one shard, with these differences. Where NAT may
 *   choose a port (a source's, a range's), it takes one whose reply tuple has its home here, so a
 *   source's port is less often kept than by Linux, and a source may have different ports towards
 *   different hosts. Where it may not (DNAT, one fixed port), two connections whose reply tuples
 *   are the same are found out only after the second one's first packet left; the second is ended
 *   (stubs_lost). Linux would have changed its source port.
 * - A set of connections that share a tuple in different zones needs one owner for all of them.
 * - State across connections is each shard's own: what limit, hashlimit, recent, quota, connlimit,
 *   statistic, rateest and sets changed by -j SET know is what passed this shard. A rate is
 *   therefore up to as many times higher as there are shards.
 * - nf_conntrack_max holds for each shard: weir_group_new() gives each its part, rounded up.
 *   So do the memory of fragments on hold, and the limits on messages and ICMP errors.
 * - Events of one connection are in order; those of different shards are not ordered.
 *
 * One thread at a time may use a shard, and call the functions that take its number.
 */
#ifndef WEIR_GROUP_H
#define WEIR_GROUP_H

#include <weir/shard.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_GROUP_SHARDS_MAX = 64 };

struct weir_group;

struct weir_group_config {
    /* Of all shards; max, buckets and capacity are the group's, and each shard has its part of
     * them, rounded up. */
    struct weir_config shard;
    unsigned shards;  /* 1 to WEIR_GROUP_SHARDS_MAX; one alone is a shard as any other */
    void *const *ctx; /* weir_host.ctx of each shard; NULL: shard.host.ctx for all. reserve and
                         release are called with shard.host.ctx for what is the group's */
    uint32_t ring;    /* packets that may be on their way from one shard to another, a power of two;
                         0: 512 */
};

/* NULL when memory cannot be reserved or the number of shards or the size of rings is none. Free
 * with weir_group_free(), which accepts NULL, when no thread uses it any more: packets on their way
 * are forgotten. */
WEIR_API struct weir_group *weir_group_new(const struct weir_group_config *config);
WEIR_API void weir_group_free(struct weir_group *group);

/* The shards, by number from 0: for running packets, setting rules and everything else. */
WEIR_API struct weir_shard *weir_group_shard(const struct weir_group *group, unsigned number);

/* What became of packets: the first `own` are to be run; the `refused` ones behind them were
 * dropped (WEIR_R_HANDOFF_FULL), their other fields as after a run. */
struct weir_steered {
    size_t own, refused;
};

/*
 * Steer `n` packets that thread `number` received. `packets` is put in order: first those that are
 * this shard's, in the order in which they came, then those that had to be refused because another
 * shard's ring is full. The rest have been handed over.
 */
WEIR_API struct weir_steered weir_group_steer(struct weir_group *group, unsigned number,
                                              struct weir_packet *packets, size_t n);

/*
 * Take up to `max` packets (at most 256 at a time) that others handed over, and pass on those that
 * belong to a third. A packet with WEIR_PKT_GATHERED is a datagram that another shard put together:
 * its bytes are weir's, valid until the next call of weir_group_steer() or weir_group_take(), and
 * it never is WEIR_ACCEPT.
 */
WEIR_API struct weir_steered weir_group_take(struct weir_group *group, unsigned number,
                                             struct weir_packet *packets, size_t max);

/* Is there anything for this thread to take? */
WEIR_API bool weir_group_waiting(struct weir_group *group, unsigned number);

/* Which shard a packet belongs to; that of the first one for a packet that belongs to none. For who
 * can have the network card deliver it there. */
WEIR_API unsigned weir_group_home(const struct weir_group *group, const struct weir_packet *packet);

/* What thread `number` did; only `stubs` ever goes down. */
struct weir_group_stats {
    uint64_t steered;         /* packets given to weir_group_steer */
    uint64_t handed;          /* put into rings, datagrams included */
    uint64_t second_hops;     /* of these, passed on by the home to the owner */
    uint64_t datagrams;       /* of these, gathered here and run elsewhere */
    uint64_t taken;           /* packets out of rings */
    uint64_t refused;         /* dropped, for want of room in a ring */
    uint64_t stubs;           /* tuples with their home here and their connection elsewhere */
    uint64_t notes;           /* messages about stubs that were sent */
    uint64_t stubs_sent;      /* tuples of connections here whose home is elsewhere */
    uint64_t stubs_withdrawn; /* of these, gone with their connection */
    uint64_t stubs_lost;      /* of these, refused: somebody had the tuple; the connection ended */
    uint64_t lines;           /* cache lines of rings that changed hands: written for others, or
                                 read from them */
};
WEIR_API void weir_group_stats(const struct weir_group *group, unsigned number,
                               struct weir_group_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
