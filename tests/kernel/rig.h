/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig: a Linux kernel router driven packet by packet.
 *
 *        side A  10.0.1.0/24                     side B  10.0.2.0/24
 *                fd99:1::/64                             fd99:2::/64
 *
 *   rig_inject ->  [ ta .1 ]--- kernel router ---[ .1 tb ]  <- rig_inject
 *   rig_collect <- [       ]   of a namespace    [       ]  -> rig_collect
 *                                   |
 *          class of each packet, ctnetlink events, table, counters
 *
 * A rig is a private network namespace with two TUN devices, so that every packet in it is one the
 * test wrote or one the kernel made in answer. The kernel handles a packet to its end inside
 * rig_inject(); rig_collect() then returns, without waiting, everything that this packet caused:
 * what came out, how connection tracking classed it, and what happened to the table. A differential
 * test gives the same bytes to weir and compares.
 *
 * Rules of use
 * - rig_new() moves the calling thread into the new namespace and pins it to one CPU. All calls on
 *   a rig come from that thread; a thread has one rig at a time; rig_free() moves it back. The
 *   namespace vanishes with the process.
 * - Functions return 0 or a negative errno unless they say otherwise; rig_error() tells the last
 *   failure in words. -ENOBUFS means that the kernel lost records because a socket or device queue
 *   was full: what was collected is incomplete.
 * - Results belong to their owner (the struct), are reused by the next call on it and freed by its
 *   _free function.
 * - Addresses are in network order, all other numbers in host order. Lengths are bytes, timeouts
 *   are seconds.
 *
 * What it costs
 * - A packet about 10 us, rig_get() 6 us, a new rig 2 to 3 ms.
 * - Walking the table costs by nf_conntrack_buckets of the machine, not by entries: for 262144 some
 *   10 ms in rig_dump() and the /proc texts, 1 ms in rig_flush() and rig_reset(). For one packet
 *   use rig_get() and the events, or make the table small with rig_global_sysctl_set().
 */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rig;

/* Returned by rig_new() when this machine cannot run a rig; the error text says what is missing. */
#define RIG_SKIP 1

enum rig_side {
    RIG_SIDE_NONE = 0, /* the router itself */
    RIG_A,
    RIG_B,
    RIG_SIDE_MAX,
};

enum rig_class {
    RIG_CLASS_NONE = 0,
    RIG_NEW,
    RIG_ESTABLISHED,
    RIG_ESTABLISHED_REPLY,
    RIG_RELATED,
    RIG_RELATED_REPLY,
    RIG_INVALID,
    RIG_UNTRACKED,
    RIG_CLASS_MAX,
};

/* Where a packet was seen. The first two are always watched, directly behind connection tracking
 * (before the mangle table and before NAT); the others, watched on request (rig_opts.see), sit
 * behind all iptables chains and NAT of their hook. */
enum rig_hook {
    RIG_HOOK_NONE = 0,
    RIG_PREROUTING,
    RIG_OUTPUT,
    RIG_INPUT,
    RIG_FORWARD,
    RIG_POSTROUTING,
    RIG_HOOK_MAX,
};

enum rig_verdict {
    RIG_VERDICT_NONE = 0,
    RIG_DROP,
    RIG_ACCEPT,
    RIG_VERDICT_MAX,
};

enum rig_dir {
    RIG_ORIG = 0, /* index of arrays with one member per direction */
    RIG_REPLY,
    RIG_DIR_MAX,
};

/* ---- life ---- */

struct rig_opts {
    unsigned mtu;   /* of both devices; 0: 1500 */
    unsigned see;   /* 1u << RIG_INPUT and so on: hooks to watch besides PREROUTING and OUTPUT */
    size_t buffer;  /* receive buffer of each netlink socket; 0: 32 MiB */
    unsigned queue; /* packets that may wait in a device for rig_collect(); 0: 10000 */
    bool deaf;      /* packets for the router itself end behind INPUT and confirmation: nothing of
                     * it answers them (rules may) */
};

/* Makes a rig. opts may be NULL. Returns 0, RIG_SKIP or a negative errno; for the last two `err`
 * holds the reason. */
int rig_new(const struct rig_opts *opts, struct rig **rig, char *err, size_t err_size);
void rig_free(struct rig *rig);
const char *rig_error(const struct rig *rig);

/* Drops held packets, empties the tables of connections and expectations, and forgets everything
 * not yet collected. Rules, routes and sysctls stay. */
int rig_reset(struct rig *rig);

/* ---- setting up ---- */

/* Loads iptables-restore text (family AF_INET) or ip6tables-restore text (AF_INET6), by the legacy
 * programs where they are, since weir evaluates as they do. A table named in it is replaced, others
 * stay. The rig's own watching rules are elsewhere and cannot be touched by it. Refused text gives
 * -EINVAL with the program's words. */
int rig_rules(struct rig *rig, int family, const char *text);
/* The rules with their counters, as iptables-save -c prints them; the caller frees *text. */
int rig_rules_save(struct rig *rig, int family, char **text);

/* Routes a network ("10.9.0.0/16", "fd77::/48") to hosts behind a side. */
int rig_route(struct rig *rig, enum rig_side side, const char *prefix);
/* Gives the router one more address ("10.0.3.1/24") on a side. */
int rig_address(struct rig *rig, enum rig_side side, const char *prefix);
/* Below 1280 bytes the kernel takes IPv6 off the device; raising the MTU again restores the rig's
 * own address, not routes. */
int rig_set_mtu(struct rig *rig, enum rig_side side, unsigned mtu);

/* A setting of the namespace, named as for sysctl(8): "net.netfilter.nf_conntrack_acct". Only net.*
 * is allowed. */
int rig_sysctl_set(struct rig *rig, const char *name, const char *value);
int rig_sysctl_get(struct rig *rig, const char *name, char *value, size_t size);
/* A setting that only the initial namespace has (nf_conntrack_max, nf_conntrack_expect_max,
 * nf_conntrack_buckets), set for the whole machine. The old value comes back in rig_free() or
 * whenever this process ends, even if it is killed. */
int rig_global_sysctl_set(struct rig *rig, const char *name, const char *value);
int rig_global_sysctl_get(struct rig *rig, const char *name, char *value, size_t size);

/* ---- what tracking knows ---- */

struct rig_tuple {
    uint8_t src[16]; /* an IPv4 address is the first 4 bytes, the rest is 0 */
    uint8_t dst[16];
    uint8_t family; /* AF_INET, AF_INET6 */
    uint8_t proto;
    uint16_t sport; /* ports, or GRE keys; 0 if the protocol has none */
    uint16_t dport;
    uint16_t icmp_id; /* ICMP and ICMPv6 only */
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint16_t zone; /* of this direction alone; 0: none */
};

/* Which attributes a message had; the fields of the others are 0. */
enum rig_has {
    RIG_HAS_ORIG = 1u << 0,
    RIG_HAS_REPLY = 1u << 1,
    RIG_HAS_ZONE = 1u << 2,
    RIG_HAS_STATUS = 1u << 3,
    RIG_HAS_TIMEOUT = 1u << 4,
    RIG_HAS_TCP = 1u << 5,
    RIG_HAS_SCTP = 1u << 6,
    RIG_HAS_COUNT = 1u << 7,
    RIG_HAS_MARK = 1u << 8,
    RIG_HAS_ID = 1u << 9,
    RIG_HAS_USE = 1u << 10,
    RIG_HAS_MASTER = 1u << 11,
    RIG_HAS_HELPER = 1u << 12,
    RIG_HAS_LABELS = 1u << 13,
    RIG_HAS_SEQADJ = 1u << 14,
    RIG_HAS_SYNPROXY = 1u << 15,
    RIG_HAS_START = 1u << 16,
    RIG_HAS_STOP = 1u << 17,
    RIG_HAS_EVENT_TIME = 1u << 18,
    RIG_HAS_TCP_WSCALE = 1u << 19, /* the kernel omits these from some messages with a state */
    RIG_HAS_TCP_FLAGS = 1u << 20,
    RIG_HAS_VTAG = 1u << 21,
};

struct rig_count {
    uint64_t packets;
    uint64_t bytes;
};

struct rig_seqadj {
    uint32_t pos;
    int32_t before;
    int32_t after;
};

struct rig_entry {
    struct rig_tuple orig;
    struct rig_tuple reply;
    struct rig_tuple master;
    uint32_t has; /* RIG_HAS_* */
    uint32_t status;
    uint32_t timeout;
    uint32_t mark;
    uint32_t id;   /* opaque, constant for the life of the entry */
    uint32_t use;  /* one higher from rig_get() than from rig_dump() */
    uint16_t zone; /* of both directions; a zone of one direction is in its tuple */
    uint8_t tcp_state;
    uint8_t tcp_wscale[RIG_DIR_MAX];
    uint8_t tcp_flags[RIG_DIR_MAX];
    uint8_t sctp_state;
    uint8_t labels_len; /* bytes; bit 0 of the first is label 0 on little endian machines */
    uint8_t labels[16];
    uint32_t sctp_vtag[RIG_DIR_MAX];
    struct rig_count count[RIG_DIR_MAX];
    struct rig_seqadj seqadj[RIG_DIR_MAX];
    uint64_t start_ns; /* wall clock */
    uint64_t stop_ns;
    uint64_t event_ns;
    struct {
        uint32_t isn;
        uint32_t its;
        uint32_t tsoff;
    } synproxy;
    char helper[16];
};

struct rig_expect {
    struct rig_tuple master;
    struct rig_tuple tuple;
    struct rig_tuple mask; /* the family is that of the tuple */
    struct rig_tuple nat;
    uint32_t timeout;
    uint32_t id;
    uint32_t flags;
    uint32_t class;
    uint32_t nat_dir;
    bool has_nat;
    char helper[16];
    char fn[32];
};

struct rig_table {
    struct rig_entry *entry;
    size_t entries;
    size_t room;
};

struct rig_expect_table {
    struct rig_expect *expect;
    size_t expects;
    size_t room;
};

/* All entries (expectations) of the namespace, both families, sorted by rig_tuple_cmp() of their
 * original (expected) tuple, then zone. */
int rig_dump(struct rig *rig, struct rig_table *table);
int rig_dump_expect(struct rig *rig, struct rig_expect_table *table);
void rig_table_free(struct rig_table *table);
void rig_expect_table_free(struct rig_expect_table *table);
int rig_tuple_cmp(const struct rig_tuple *a, const struct rig_tuple *b);

/* The entry that either tuple of which equals `tuple`; -ENOENT if there is none. */
int rig_get(struct rig *rig, const struct rig_tuple *tuple, uint16_t zone, struct rig_entry *entry);

/* Changes through ctnetlink. entry->has says what is sent: tuples, zone, status, timeout, TCP and
 * SCTP state, mark, master, helper, labels; rig_delete() looks at a tuple, zone and id only.
 * Creating with NAT is not offered. Causes events like any other change. */
int rig_create(struct rig *rig, const struct rig_entry *entry);
int rig_update(struct rig *rig, const struct rig_entry *entry);
int rig_delete(struct rig *rig, const struct rig_entry *entry);
int rig_flush(struct rig *rig);
int rig_flush_expect(struct rig *rig);

/* Makes (or replaces) the timeout policy `name`, for `-j CT --timeout name`. seconds[i] sets the
 * protocol's timeout number i + 1 (CTA_TIMEOUT_TCP_SYN_SENT is 1, and so on), 0 keeps the default.
 */
int rig_timeout_policy(struct rig *rig, const char *name, int family, uint8_t proto,
                       const uint32_t *seconds, size_t n);

/* The number of entries, including those that packets still under way hold. */
int rig_count(struct rig *rig, uint32_t *count);

/* Counters of the namespace, summed over the CPUs. */
struct rig_stats {
    uint64_t found;
    uint64_t invalid;
    uint64_t insert;
    uint64_t insert_failed;
    uint64_t drop;
    uint64_t early_drop;
    uint64_t error;
    uint64_t search_restart;
    uint64_t clash_resolve;
    uint64_t chain_toolong;
    uint64_t expect_new;
    uint64_t expect_create;
    uint64_t expect_delete;
};
int rig_stats(struct rig *rig, struct rig_stats *stats);

/* The text of /proc/net/nf_conntrack (nf_conntrack_expect) of the namespace; the caller frees
 * *text. */
int rig_proc_table(struct rig *rig, char **text);
int rig_proc_expect(struct rig *rig, char **text);

/* ---- packets ---- */

struct rig_packet {
    enum rig_side side; /* where it came out (a held one: will come out) */
    size_t len;
    const uint8_t *data; /* from the IP header on */
};

/* One look at one packet. A packet that tracking itself drops, or that waits for its other
 * fragments, is not seen. */
struct rig_seen {
    enum rig_class class;
    enum rig_hook hook;
    enum rig_side in;  /* RIG_SIDE_NONE in OUTPUT */
    enum rig_side out; /* RIG_SIDE_NONE where it is not decided yet, or the router itself */
    uint8_t family;
    uint32_t mark;   /* of the packet */
    uint32_t length; /* as the IP header says; of the whole packet if it came in fragments */
    uint16_t head_len;
    uint8_t head[128]; /* its first bytes */
};

enum rig_event_kind {
    RIG_EVENT_NONE = 0,
    RIG_EVENT_NEW,
    RIG_EVENT_UPDATE,
    RIG_EVENT_DESTROY,
    RIG_EVENT_EXPECT_NEW,
    RIG_EVENT_EXPECT_DESTROY,
    RIG_EVENT_MAX,
};

struct rig_event {
    enum rig_event_kind kind;
    uint32_t portid; /* 0 if packets or time caused it, else the asking socket */
    union {
        struct rig_entry entry;
        struct rig_expect expect; /* RIG_EVENT_EXPECT_* */
    };
};

/* Start with all 0. Each list is in the order in which things happened, but packets that came out
 * of side A stand before those of side B. */
struct rig_result {
    struct rig_packet *packet;
    size_t packets;
    struct rig_seen *seen;
    size_t seens;
    struct rig_event *event;
    size_t events;

    size_t packet_room;
    size_t seen_room;
    size_t event_room;
    uint8_t *bytes; /* the packets' data */
    size_t bytes_used;
    size_t bytes_room;
};

/* Writes one IP packet into the device of a side. The kernel refuses (-EINVAL) what is empty or has
 * neither version 4 nor 6; other nonsense it takes and drops. */
int rig_inject(struct rig *rig, enum rig_side side, const void *packet, size_t len);
/* Replaces *result by everything that happened since the last collection; does not wait. */
int rig_collect(struct rig *rig, struct rig_result *result);
/* The two in one. */
int rig_step(struct rig *rig, enum rig_side side, const void *packet, size_t len,
             struct rig_result *result);
/* Waits up to `ms` for something that happens by itself (an entry expires), then collects. */
int rig_wait(struct rig *rig, int ms, struct rig_result *result);
void rig_result_free(struct rig_result *result);

/* ---- holding packets ---- */

/* From now on forwarded packets that the filter table let through stop in FORWARD until they are
 * released. Turning it off releases nothing. */
int rig_hold_enable(struct rig *rig, bool on);
/* The number of packets held now, or a negative errno. */
int rig_held_count(struct rig *rig);
/* One of them, oldest first, as it stands in FORWARD; NULL if there is none of that index. Valid
 * until the next call on the rig. */
const struct rig_packet *rig_held(struct rig *rig, size_t index);
/* Lets one go on or drops it; the later ones move up by one. */
int rig_release(struct rig *rig, size_t index, enum rig_verdict verdict);

/* ---- names, for messages ---- */

const char *rig_class_name(enum rig_class class);
const char *rig_event_name(enum rig_event_kind kind);

#endif
