/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard: everything that one thread needs to track its share of the connections.
 *
 * Packets and a time go in; verdicts, rewritten packets, events and the next deadline come out. A
 * shard does no I/O, reads no clock, takes no lock, starts no thread and uses no global state; two
 * shards share nothing. One thread at a time may use a shard. No function of weir_host may call
 * back into the shard, except weir_conn_get() and weir_shard_stats().
 *
 * Time never runs backwards inside a shard: a `now` before the latest one counts as the latest.
 */
#ifndef WEIR_SHARD_H
#define WEIR_SHARD_H

#include <weir/event.h>
#include <weir/packet.h>
#include <weir/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_shard;

/* What weir_host.route answers. */
struct weir_route {
    bool local;         /* the packet is for this host: INPUT */
    uint16_t out_iface; /* where it leaves otherwise; 0: there is no route */
    uint32_t mtu;       /* of out_iface; 0: none is enforced */
};

enum weir_message_kind {
    WEIR_MSG_TABLE_FULL = 1, /* at most one in five seconds */
    WEIR_MSG_INVALID,        /* nf_conntrack_log_invalid */
    WEIR_MSG_LOG,            /* -j LOG */
    WEIR_MSG_NFLOG,          /* -j NFLOG: "group N: PREFIX" */
    WEIR_MSG_TRACE,          /* -j TRACE */
};

/* What an address is to this host: the type of the route to it (`-m addrtype`). */
enum weir_addr_type {
    WEIR_ADDR_UNSPEC = 0,
    WEIR_ADDR_UNICAST, /* somebody else's, or nobody's */
    WEIR_ADDR_LOCAL,   /* this host's own */
    WEIR_ADDR_BROADCAST,
    WEIR_ADDR_ANYCAST,
    WEIR_ADDR_MULTICAST,
    WEIR_ADDR_BLACKHOLE,
    WEIR_ADDR_UNREACHABLE,
    WEIR_ADDR_PROHIBIT,
    WEIR_ADDR_THROW,
    WEIR_ADDR_NAT,
    WEIR_ADDR_XRESOLVE,
    WEIR_ADDR_TYPE_MAX
};

/* What an address of this host is wanted for. */
enum weir_source_use {
    WEIR_SOURCE_MASQUERADE = 1, /* of the interface a packet leaves by, towards `peer`: the first
                                   primary one whose network has the next hop, else the first */
    WEIR_SOURCE_REDIRECT,       /* of the interface a packet came in by: the first; IPv6: the first
                                   of the scope of `peer` */
    WEIR_SOURCE_ANSWER,         /* to send something to `peer`; `iface` 0: as routed */
};

/* The world around a shard. Every function may be NULL. `ctx` is handed back to each. */
struct weir_host {
    void *ctx;
    /* A connection came, changed or went. Having this function is what Linux calls a listener. */
    void (*event)(void *ctx, const struct weir_event *event);
    /* A packet that weir made goes out (a fragment of a datagram it had gathered, an ICMP error).
     * `made` and its bytes are weir's and valid during the call; cause is NULL when a timer made
     * it. */
    void (*packet)(void *ctx, const struct weir_packet *made, const struct weir_packet *cause);
    /* One line of text for the log, without a newline. */
    void (*message)(void *ctx, enum weir_message_kind kind, const char *text,
                    const struct weir_packet *cause);
    /* Where does a packet for `dst` go? NULL: everything is forwarded to interface 1. What is still
     * to be rewritten in the packet may not be yet; `dst` is what counts. May be asked twice. */
    struct weir_route (*route)(void *ctx, const struct weir_packet *packet, uint8_t family,
                               union weir_addr dst);
    /* An interface's name, as rules see it; NULL: it has none. It lives as long as the shard. */
    const char *(*iface_name)(void *ctx, uint16_t iface);
    /* Its group (`ip link set group`). NULL: 0. */
    uint32_t (*iface_group)(void *ctx, uint16_t iface);
    /* What an address is, `iface` 0: to the host, else on that interface. NULL: by its class alone.
     */
    enum weir_addr_type (*addr_type)(void *ctx, uint8_t family, const union weir_addr *addr,
                                     uint16_t iface);
    /* One of this host's addresses. False: there is none. NULL: there never is. */
    bool (*source)(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                   const union weir_addr *peer, union weir_addr *source);
    /*
     * Memory: `size` bytes, zeroed, aligned to 64, that stay where they are until release; NULL on
     * failure. Called by weir_shard_new() and by nothing in the packet path. Pages should be
     * committed when touched (as mmap does): a shard reserves for its capacity and touches what it
     * uses. NULL: calloc-like default of the library, weir_reserve_pages().
     */
    void *(*reserve)(void *ctx, size_t size);
    void (*release)(void *ctx, void *memory, size_t size);
};

struct weir_config {
    struct weir_host host;
    uint64_t seed[2]; /* key of the hash and of what Linux draws at random; unpredictable where
                         enemies send */
    uint32_t max;     /* nf_conntrack_max; 0: 262144, Linux's default on a large machine */
    uint32_t buckets; /* nf_conntrack_buckets (Linux's hashsize), 0: as max; presizes the table */
    uint32_t
        capacity; /* the highest max that can be set later; 0: as max. Memory is reserved for it */
    bool no_ipv4, no_ipv6; /* reserve nothing for this family and pass its packets UNTRACKED */
    int64_t wall_ns; /* what to add to the caller's time for nanoseconds since 1970 (`-m time`) */
    uint32_t fragment_memory; /* bytes for fragments on hold, for each family; 0: what Linux's
                                 limits call for */
};

/* NULL when memory cannot be reserved. `config` is copied. Free with weir_shard_free(), which
 * accepts NULL. */
WEIR_API struct weir_shard *weir_shard_new(const struct weir_config *config);
WEIR_API void weir_shard_free(struct weir_shard *shard);

/*
 * Run `n` packets, in order, all at the time `now`. Results are in the packets' out fields. Any n;
 * the work is pipelined in groups of 32. Also does a bounded share of what is due (as
 * weir_shard_tick).
 */
WEIR_API void weir_shard_run(struct weir_shard *shard, struct weir_time now,
                             struct weir_packet *packets, size_t n);

/*
 * Move the clock and remove what has expired, at most `budget` entries (0: all that is due).
 * Returns how many entries it looked at; less than the budget means all is done.
 */
WEIR_API size_t weir_shard_tick(struct weir_shard *shard, struct weir_time now, size_t budget);

/* The earliest time at which a tick may have something to do; ns = INT64_MAX when nothing is
 * pending. */
WEIR_API struct weir_time weir_shard_deadline(const struct weir_shard *shard);

/*
 * Visit connections in the order of their place in memory, confirmed ones only. Start with *cursor
 * = 0; each call fills `conn` and returns true, or returns false at the end. Entries that came or
 * went between calls may or may not be seen; none is seen twice.
 */
WEIR_API bool weir_conn_walk(const struct weir_shard *shard, uint64_t *cursor,
                             struct weir_conn *conn);

/* Fill `conn` from a handle. False: no such entry. */
WEIR_API bool weir_conn_get(const struct weir_shard *shard, uint32_t handle,
                            struct weir_conn *conn);

/* Remove one entry or all, each with its DESTROY event, as `conntrack -D` and `conntrack -F` do. */
WEIR_API bool weir_conn_kill(struct weir_shard *shard, uint32_t handle);
WEIR_API void weir_shard_flush(struct weir_shard *shard);

/*
 * The same a share at a time, for a shard that must not stop for as long as it takes: start with
 * *cursor = 0 and call, packets in between, until it returns false. Looks at no more than `budget`
 * entries (0: all). Those that come while it goes on may stay.
 */
WEIR_API bool weir_shard_flush_some(struct weir_shard *shard, uint64_t *cursor, size_t budget);

/* Set an entry's mark (event MARK when it changes) or label bits. -ENOENT: no such entry; -EINVAL:
 * a bit above 127. */
WEIR_API int weir_conn_set_mark(struct weir_shard *shard, uint32_t handle, uint32_t mark);
WEIR_API int weir_conn_set_label(struct weir_shard *shard, uint32_t handle, unsigned bit);

/* A copy of the shard's counters. */
WEIR_API void weir_shard_stats(const struct weir_shard *shard, struct weir_stats *stats);

/* Tunables by number; control code maps names (conntrack reference, section 6). */
enum weir_tunable {
#define WEIR_TUNABLE(id, name, def, min, max) WEIR_T_##id,
#include <weir/tunables.def>
#undef WEIR_TUNABLE
    WEIR_T_MAX_NUMBER
};

/*
 * -ERANGE: outside the tunable's range (or max above weir_config.capacity); -EACCES: it is read
 * only. The old value stays. A timeout acts on each entry at its next refresh.
 */
WEIR_API int weir_tunable_set(struct weir_shard *shard, enum weir_tunable tunable, int64_t value);
WEIR_API int64_t weir_tunable_get(const struct weir_shard *shard, enum weir_tunable tunable);
/* The range that weir_tunable_set accepts now. */
WEIR_API void weir_tunable_range(const struct weir_shard *shard, enum weir_tunable tunable,
                                 int64_t *min, int64_t *max);

/* The timeout of TCP's simultaneous open: policies can set it, and no tunable does. */
enum { WEIR_POLICY_TCP_SYN_SENT2 = WEIR_T_MAX_NUMBER };

/*
 * Timeout policies (conntrack reference, 8.1): `number` 1 to 255, used by templates. `timeout` is
 * the tunable of that name (enum weir_tunable), or WEIR_POLICY_TCP_SYN_SENT2; all values of a new
 * policy start as the shard's current ones. -EINVAL: number or timeout; -ERANGE: value.
 */
WEIR_API int weir_policy_set(struct weir_shard *shard, unsigned number, int timeout, int64_t value);
/* Connections that use it fall back to the shard's timeouts; takes time in proportion to the table.
 */
WEIR_API void weir_policy_del(struct weir_shard *shard, unsigned number);

/* What a shard's memory comes to, part by part, for a number of connections; all in bytes. */
/* `total` is without `fragments`, the most that fragments on hold can take: few shards ever touch
 * it; and without `nat`, the index that finds what a source was translated to before: it is there
 * once a NAT table is loaded, and this is its size when all connections are translated. */
struct weir_size {
    uint64_t entries, table, timers, extensions, fragments, nat, fixed, total;
};
WEIR_API void weir_size_predict(uint32_t connections, uint32_t buckets, bool ipv6,
                                struct weir_size *size);

/* Default for weir_host.reserve and release: pages from the operating system, committed when
 * touched. */
WEIR_API void *weir_reserve_pages(void *ctx, size_t size);
WEIR_API void weir_release_pages(void *ctx, void *memory, size_t size);

/*
 * Another weir_host.reserve: huge pages where the system offers them, all of it committed by
 * weir_shard_new(). For a gateway that sets its capacity to what it needs and has the memory:
 * the larger the table, the fewer page walks a packet costs (docs/performance.md: little at a
 * million connections, much at eight), and no page is cleared while one waits. Released by
 * weir_release_pages().
 */
WEIR_API void *weir_reserve_huge_pages(void *ctx, size_t size);

#ifdef __cplusplus
}
#endif
#endif
