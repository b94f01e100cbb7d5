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

/* Clients of all kinds but SERVICES have addresses in 10.0.0.0/8, if IPv4. */
enum flow_kind {
    RANDOM = 0, /* addresses and ports, all of them */
    REGULAR,    /* successive client addresses, one server, one port each */
    HIGH_PORTS, /* IPv4: random, with ports that no rule of rulesets.h names */
    CROWDED,    /* IPv4: random clients of `servers` servers, which have one port each */
    SERVICES    /* IPv4: random clients of `servers` services of kube-proxy (rulesets.h) */
};

struct flows {
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* TRAFFIC_UDP or TRAFFIC_TCP */
    uint8_t kind;   /* enum flow_kind */
    uint32_t servers;
};

/* What rulesets.h must know of addresses and ports. */
enum {
    RULED_PORTS = 50000,      /* ports up to this one have rules */
    SERVICE_NET = 0x0a600000, /* 10.96.0.0: the first service's address, in host order */
    SERVICE_PORT = 53,
    POD_NET = 0x0af40000, /* 10.244.0.0, end points; clients of services are in */
    POD_CLIENTS = 0x8000  /* the upper half of it */
};

/* A flow's tuple in one direction, NAT apart. Distinct flows (of HIGH_PORTS, CROWDED and SERVICES:
 * FLOWS_DISTINCT successive ones) have distinct tuples in both. */
enum { FLOWS_DISTINCT = 1 << 24 };
struct weir_tuple flow_tuple(const struct flows *f, uint64_t flow, enum weir_dir dir);

/* What a TCP packet says; UDP ignores it. */
struct tcp_numbers {
    uint8_t flags;
    uint32_t seq, ack;
};

enum { PACKET_MAX = 128 };

/* Build a packet at `at`, PACKET_MAX bytes; returns its length. TCP carries data where it has the
 * PSH flag. Checksums are right. */
uint32_t packet_build(uint8_t *at, const struct flows *f, uint64_t flow, enum weir_dir dir,
                      const struct tcp_numbers *n);
uint32_t packet_build_tuple(uint8_t *at, const struct weir_tuple *t, const struct tcp_numbers *n);

/* Are the checksums of a packet's headers right? */
bool packet_sums_right(const uint8_t *at, uint32_t len);

/* Ends the program unless the packet of this flow went out, in this class, with an entry. */
void packet_check(const struct weir_packet *p, enum weir_ctinfo want, uint64_t flow);

/* What source NAT made of a flow's client, in network byte order. */
struct mapped {
    uint32_t addr;
    uint16_t port;
};

struct traffic {
    struct flows flows;
    uint32_t count;      /* flows in the set: numbers first to first + count - 1 */
    uint32_t directions; /* 2: both; 1: only each flow's opening packet */
    uint64_t first;
    uint32_t slots;
    uint32_t stride, len; /* bytes of a slot, of a packet */
    uint8_t *pool;
    uint32_t *order;       /* slots in the order of visits */
    uint32_t *sample;      /* what each visit's slot has a packet of, flow and direction as one
                              number; NULL: that is the slot's own number */
    uint32_t (*next)[2];   /* TCP: each direction's next sequence number */
    struct mapped *mapped; /* NULL: no NAT is expected */
    struct weir_time now;  /* the clock of what the packets run through */
    int64_t packet_ns;     /* how far it moves for each packet */
};

/* At least `slots` packets, or one for each flow and direction if that is more. */
void traffic_init(struct traffic *t, const struct flows *f, uint32_t count, uint32_t directions,
                  uint32_t slots);
void traffic_fini(struct traffic *t);

/* The same for so many flows that a pool of them all would take too long to write: packets of both
 * directions of flows picked at random, `slots` of them. */
void traffic_init_sample(struct traffic *t, const struct flows *f, uint32_t count, uint32_t slots);

/* IPv4 clients will be translated: traffic_open() learns to what, replies go there. */
void traffic_expect_nat(struct traffic *t);

/* Slots that make a pool larger than the caches of this machine. */
uint32_t traffic_cold_slots(const struct flows *f);

/* Write all packets anew. */
void traffic_rebuild(struct traffic *t);

/* Describe the packets of visits `from` to `from + n - 1`. Touches no packet. */
void traffic_describe(const struct traffic *t, uint32_t from, uint32_t n,
                      struct weir_packet *packets);

/* Its clock back to where it began, for another shard. */
void traffic_restart(struct traffic *t);

/* The tuple of a visit's packet, as it arrives: replies at what the client was translated to. */
struct weir_tuple traffic_tuple(const struct traffic *t, uint64_t flow, enum weir_dir dir);

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
