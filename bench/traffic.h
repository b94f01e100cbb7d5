/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traffic to measure with: sets of flows, and pools of their packets.
 *
 * Flows are numbers; flow_tuple() says which tuple a number has, so sets of any size need no
 * memory. A pool has one or several packets for each direction of each flow, in slots of one or two
 * cache lines, and visits its slots in a random order. It is several times larger than any cache
 * that it runs on, so a packet is cold when its turn comes, as after DMA into memory: the reader
 * pays for a miss in the packet as well as for its own data. (Network cards that write into the
 * last-level cache make that cheaper.)
 *
 * Forwarding spends a hop of each packet, and TCP must move on to stay in window; so packets are
 * good for one pass. traffic_rebuild() makes them anew, between passes and outside of what is
 * timed, in the order of the visits: what was written last is visited last, so all is cold again.
 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include <weir/shard.h>

enum { TRAFFIC_UDP = 17, TRAFFIC_TCP = 6 };

struct flows {
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* TRAFFIC_UDP or TRAFFIC_TCP */
    bool regular;   /* successive client addresses, one server, one port each; else all random */
};

/* A flow's tuple in one direction. Distinct flows have distinct tuples in both. */
struct weir_tuple flow_tuple(const struct flows *f, uint64_t flow, enum weir_dir dir);

/* What a TCP packet says; UDP ignores it. */
struct tcp_numbers {
    uint8_t flags;
    uint32_t seq, ack;
};

enum { PACKET_MAX = 128 };

/* Build a packet at `at`, PACKET_MAX bytes; returns its length. TCP carries data where it has the
 * PSH flag.
 */
uint32_t packet_build(uint8_t *at, const struct flows *f, uint64_t flow, enum weir_dir dir,
                      const struct tcp_numbers *n);

/* Ends the program unless the packet of this flow went out, in this class, with an entry. */
void packet_check(const struct weir_packet *p, enum weir_ctinfo want, uint64_t flow);

struct traffic {
    struct flows flows;
    uint32_t count;      /* flows in the set: numbers first to first + count - 1 */
    uint32_t directions; /* 2: both; 1: only each flow's opening packet */
    uint64_t first;
    uint32_t slots;
    uint32_t stride, len; /* bytes of a slot, of a packet */
    uint8_t *pool;
    uint32_t *order;      /* slots in the order of visits */
    uint32_t (*next)[2];  /* TCP: each direction's next sequence number */
    struct weir_time now; /* the clock of what the packets run through */
    int64_t packet_ns;    /* how far it moves for each packet */
};

/* At least `slots` packets, or one for each flow and direction if that is more. */
void traffic_init(struct traffic *t, const struct flows *f, uint32_t count, uint32_t directions,
                  uint32_t slots);
void traffic_fini(struct traffic *t);

/* Slots that make a pool larger than the caches of this machine. */
uint32_t traffic_cold_slots(const struct flows *f);

/* Write all packets anew. */
void traffic_rebuild(struct traffic *t);

/* Describe the packets of visits `from` to `from + n - 1`. Touches no packet. */
void traffic_describe(const struct traffic *t, uint32_t from, uint32_t n,
                      struct weir_packet *packets);

/* The flow and the direction that a visit's packet belongs to. */
uint64_t traffic_flow(const struct traffic *t, uint32_t visit);
enum weir_dir traffic_dir(const struct traffic *t, uint32_t visit);

/* Run packets in calls of `batch`, the clock moving on before each call. */
static inline void traffic_run(struct traffic *t, struct weir_shard *shard,
                               struct weir_packet *packets, uint32_t n, uint32_t batch)
{
    for (uint32_t i = 0; i < n; i += batch) {
        uint32_t some = n - i < batch ? n - i : batch;

        t->now.ns += some * t->packet_ns;
        weir_shard_run(shard, t->now, packets + i, some);
    }
}

/* Open every flow in the shard, by UDP query and answer or TCP handshake, and let the time pass
 * after which UDP counts as a stream. Ends the program unless all went well. */
void traffic_open(struct traffic *t, struct weir_shard *shard);

#endif
