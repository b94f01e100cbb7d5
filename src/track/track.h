/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tracker: a shard's connections with everything that finds, counts, limits and ends them.
 *
 * What a packet goes through (pipe/classify.c does the steps): track_find() its tuple, or
 * conn_new() an entry; the protocol decides; conn_confirm() at the end of the packet's way puts a
 * new entry into the table and delivers the events that gathered on it. track_tick() ends what has
 * expired. conn_kill() ends anything at once.
 *
 * Files: conn.c life of an entry; limits.c table full and early drop; expire.c time; event.c;
 * settings.c tunables and policies; info.c copies for the outside.
 */
#ifndef WEIR_TRACK_TRACK_H
#define WEIR_TRACK_TRACK_H

#include "base/random.h"
#include "base/wheel.h"
#include "packet/frag.h"
#include "packet/parse.h"
#include "track/conn.h"
#include "track/table.h"
#include "track/tuple.h"
#include <weir/shard.h>

/* A timeout's place is its tunable's number; one more has no sysctl and can only be set by policy.
 */
enum { TIMEOUT_TCP_SYN_SENT2 = WEIR_POLICY_TCP_SYN_SENT2, TIMEOUTS };

enum {
    POLICIES_MAX = 255,
    TRACK_DEFAULT_MAX = 262144 /* what Linux takes on a machine with more than 4 GiB (6.2) */
};

struct nat;
struct track;

/*
 * The other shards, where there are any: what a tracker must ask before it gives a tuple away, and
 * tell when one came or went (pipe/group.h). A tuple has one home, and only its home knows all who
 * have it.
 */
struct peers {
    uint32_t shards;
    /* Is this shard the tuple's home? */
    bool (*at_home)(const struct peers *peers, const struct weir_tuple *tuple);
    /* Does another shard have a tuple whose home is here? */
    bool (*taken)(const struct peers *peers, const struct weir_tuple *tuple);
    /* A connection enters the table. False: a home cannot be told now; nothing was done. */
    bool (*enter)(struct track *t, uint32_t handle);
    /* It leaves the table, or did not get into it after all. */
    void (*leave)(struct track *t, uint32_t handle);
};

struct policy {
    bool used;
    int32_t ticks[TIMEOUTS];
};

/* Tunables that are not timeouts. */
struct settings {
    uint32_t max, capacity, buckets, expect_max;
    uint8_t acct, checksum, events, icmp_ratelimit, log_invalid, timestamp;
    uint8_t tcp_be_liberal, tcp_ignore_invalid_rst, tcp_loose, tcp_max_retrans;
    uint8_t nat_linux_search;
    uint16_t oneway_zones; /* the first of them; 0: there are none */
    int64_t frag6_high, frag6_low;
};

struct track {
    struct hash_key key;
    struct random random;
    struct slab conns[2]; /* IPv4, IPv6 */
    struct slab exts;
    struct table table;
    struct wheel wheel;
    int64_t time_ns; /* now, on the caller's clock */
    int64_t tick64;  /* the same in ticks; the low 32 bits are what entries store */
    bool swept;      /* all that was due at this tick has been ended */
    uint32_t count;  /* entries, confirmed or not */
    struct settings set;
    int32_t ticks[TIMEOUTS];
    struct policy *policies; /* [POLICIES_MAX + 1]; 0 is unused */
    struct weir_stats stats;
    struct weir_host host;
    const struct weir_packet *cause; /* the packet being run, for events; NULL: none is */
    struct nat *nat;                 /* NULL: no rules ever asked for it */
    struct peers *peers;             /* NULL: this shard is the only one */
    /* After an entry came into the table (NAT_CLASH: by its reply tuple only), and before one is
     * freed, confirmed or not. NULL: nobody cares. */
    void (*on_confirm)(struct track *t, uint32_t handle);
    void (*on_end)(struct track *t, uint32_t handle);
    bool evict_due; /* an allocation failed: see limits.c */
    uint32_t evict_cursor[2];
    int64_t full_message_ns; /* when "table full" may be said again */
};

/* A packet being tracked. */
struct pkt {
    struct weir_packet *raw;
    const struct weir_template *templ; /* raw->templ, or what a rule of the raw table made */
    struct parsed ip;
    struct weir_tuple tuple;
    uint64_t hash;                 /* of tuple, in the packet's zone for the original direction */
    uint64_t made_at;              /* 1 + stats.created when it made an entry, since nobody had its
                                      tuple; 0: it made none */
    uint64_t reply_hash;           /* of that entry's reply tuple, 0: not known */
    uint64_t reply_vacant_at;      /* 1 + stats.created when nobody had it; 0: not known */
    uint32_t found;                /* table reference that a look ahead found; to be verified */
    enum weir_reason tuple_reason; /* WEIR_R_NONE: tuple and hash are valid */

    struct conn *conn; /* NULL: none */
    uint32_t handle;
    enum weir_dir dir;
    enum weir_ctinfo ctinfo;
    enum weir_reason reason;
    bool verify_checksum;
    bool tracked;                    /* it passed tracking already: a rule made it, or it looped */
    bool traced;                     /* -j TRACE: say which rules it meets */
    bool copied;                     /* -j TEE: it is a copy, and makes none */
    bool moved;                      /* ip is not the caller's bytes */
    bool gathered;                   /* ip is a datagram put together, and */
    struct frag_layout layout;       /* this is how it came */
    struct weir_template made_templ; /* where templ points when a rule made it */
};

/* The zone that the packet's template asks for: 0, for both directions, without one. */
struct zone {
    uint16_t id;
    uint8_t dirs; /* bit by direction */
};

static inline struct zone zone_of(const struct pkt *p)
{
    const struct weir_template *templ = p->templ;

    if (!templ || !templ->zone)
        return (struct zone){0, 1u << WEIR_ORIG | 1u << WEIR_REPLY};
    return (struct zone){templ->zone, templ->zone_dirs & (1u << WEIR_ORIG | 1u << WEIR_REPLY)};
}

static inline uint32_t track_now(const struct track *t)
{
    return (uint32_t)t->tick64;
}

static inline struct conn *conn_at(const struct track *t, uint32_t ref)
{
    return slab_at(&t->conns[ref >> HANDLE_IPV6], handle_index(ref));
}

/* Have the entry fetched, without its protocol's state. */
WEIR_PREFETCHES void conn_prefetch_head(const struct track *t, uint32_t ref)
{
    const char *c = (const char *)conn_at(t, ref);

    __builtin_prefetch(c, 1);
    if (ref >> HANDLE_IPV6)
        __builtin_prefetch(c + WEIR_CACHE_LINE);
}

/* The same, and its protocol's state if there is any. */
WEIR_PREFETCHES void conn_prefetch(const struct track *t, uint32_t ref, bool has_state)
{
    const char *c = (const char *)conn_at(t, ref);

    conn_prefetch_head(t, ref);
    if (has_state)
        __builtin_prefetch(c + (ref >> HANDLE_IPV6 ? 2 : 1) * WEIR_CACHE_LINE, 1);
}

static inline bool conn_expired(const struct track *t, const struct conn *c)
{
    return (int32_t)(c->deadline - track_now(t)) <= 0;
}

/* A timeout in ticks for this connection: its policy's, or the shard's. */
static inline int32_t track_timeout(const struct track *t, const struct conn *c, int timeout)
{
    return c->policy ? t->policies[c->policy].ticks[timeout] : t->ticks[timeout];
}

/* --- track.c --- */

/* Memory that `config` calls for, part by part. */
void track_size(const struct weir_config *config, struct weir_size *size);
/* -ENOMEM: memory cannot be reserved. Afterwards, and after a failure, track_fini() gives back what
 * there is. */
int track_init(struct track *t, const struct weir_config *config, struct weir_time now);
void track_fini(struct track *t);

/* Find a tuple in a zone: a table reference (with direction), or 0. Ends an expired entry that it
 * meets. */
uint32_t track_find(struct track *t, const struct weir_tuple *tuple, uint64_t hash, uint16_t zone,
                    uint8_t zone_dirs);

/*
 * A packet from an endpoint to itself is its own answer: both tuples of its entry are the same.
 * Linux finds the one that it entered last, the reply.
 */
static inline bool tuple_to_itself(const struct weir_tuple *t)
{
    return t->src_key == t->dst_key && t->src.half[0] == t->dst.half[0] &&
           t->src.half[1] == t->dst.half[1];
}

static inline uint32_t track_reply_first(const struct track *t, uint32_t ref,
                                         const struct weir_tuple *tuple)
{
    if (!ref || !tuple_to_itself(tuple))
        return ref;
    const struct conn *c = conn_at(t, ref);
    bool same =
        conn_has_tuple(c, WEIR_REPLY, tuple) && conn_zone(c, WEIR_ORIG) == conn_zone(c, WEIR_REPLY);

    return same ? ref | WEIR_REPLY : ref;
}

static inline uint64_t track_hash(const struct track *t, const struct weir_tuple *tuple,
                                  uint16_t zone)
{
    return tuple_hash(&t->key, tuple, zone);
}

/* The hash under which the table has one direction of a connection. */
static inline uint64_t conn_hash(const struct track *t, const struct conn *c, enum weir_dir dir)
{
    struct weir_tuple tuple = conn_tuple(c, dir);

    return track_hash(t, &tuple, conn_zone(c, dir));
}

/* Have fetched what ending a confirmed entry touches besides the entry. */
WEIR_PREFETCHES void conn_prefetch_end(const struct track *t, uint32_t handle)
{
    const struct conn *c = conn_at(t, handle);

    table_prefetch(&t->table, conn_hash(t, c, WEIR_ORIG));
    table_prefetch(&t->table, conn_hash(t, c, WEIR_REPLY));
    if (c->wheel_pos)
        wheel_prefetch(&t->wheel, c->wheel_pos);
}

/* On the wheel until its deadline, and off it (expire.c). */
void expire_arm(struct track *t, struct conn *c, uint32_t handle);
void expire_disarm(struct track *t, struct conn *c);

/* --- conn.c --- */

/*
 * Make an unconfirmed entry for the packet's tuple and give it to the packet. False: none can be
 * had, pkt->reason says why (WEIR_R_NO_INVERSE, WEIR_R_TABLE_FULL).
 */
bool conn_new(struct track *t, struct pkt *p);

/* Free an entry that was not confirmed. */
void conn_free(struct track *t, uint32_t handle);

/*
 * The packet is at the end of its way: confirm its new entry, deliver pending events. False: the
 * packet must be dropped (pkt->reason); its entry is gone.
 */
bool conn_confirm(struct track *t, struct pkt *p);

/* End an entry: DESTROY event, out of every list, freed. */
void conn_kill(struct track *t, uint32_t handle);

/*
 * May packets of this protocol share an entry that another packet confirmed first? Not those where
 * the answer of the second packet's peer would differ (conntrack reference, 2.5).
 */
static inline bool conn_may_clash(uint8_t proto)
{
    return proto != 6 && proto != 132 && proto != 1 && proto != 58;
}

/*
 * End the packet's own entry: no other packet finds it from here on. The packet keeps it until its
 * way is over, for the rules that it meets; whoever runs the packet then frees it (it is DYING).
 */
void conn_end(struct track *t, struct pkt *p);

/* Let `ticks` pass from now until it expires. An entry with FIXED_TIMEOUT keeps its time. */
void conn_refresh(struct track *t, struct pkt *p, int32_t ticks);

/* As conn_refresh, whatever the status says. */
void conn_set_timeout(struct track *t, struct conn *c, uint32_t handle, int32_t ticks);

/* The same for a confirmed entry that is not DYING. */
static inline void conn_prolong(struct track *t, struct conn *c, uint32_t handle, int32_t ticks)
{
    c->deadline = track_now(t) + (uint32_t)ticks;
    /* Later than armed: the wheel finds out when it looks. Earlier: it must look earlier. */
    if ((int32_t)(c->deadline - c->armed) < 0) {
        expire_disarm(t, c);
        expire_arm(t, c, handle);
    }
}

/* Count a packet of `bytes`, if the entry has counters. */
static inline void conn_count_in(struct track *t, struct conn *c, enum weir_dir dir, uint32_t bytes)
{
    if (c->parts & WEIR_HAS_COUNTERS) {
        struct conn_ext *ext = slab_at(&t->exts, c->ext);

        ext->packets[dir]++;
        ext->bytes[dir] += bytes;
    }
}

static inline void conn_count(struct track *t, struct pkt *p)
{
    conn_count_in(t, p->conn, p->dir, p->ip.l3_len);
}

/* Set a status bit; if it was clear, note the event. */
static inline void conn_set_status(struct conn *c, uint32_t bit, enum weir_event_kind event)
{
    if (!(c->status & bit)) {
        c->status |= bit;
        c->events |= (uint16_t)(1u << event);
    }
}

/* Set the mark; if it was another, note the event. */
static inline void conn_set_mark(struct conn *c, uint32_t mark)
{
    if (c->mark != mark) {
        c->mark = mark;
        c->events |= 1u << WEIR_EV_MARK;
    }
}

/* The extension of an entry, made if it has none; NULL when there is no memory. */
struct conn_ext *conn_ext_get(struct track *t, struct conn *c);

enum { CONN_LABELS = 8 * sizeof(((struct conn_ext *)0)->labels) };

/* Set label `bit` (below CONN_LABELS); if it was clear, note the event. False: no memory. */
bool conn_set_label(struct track *t, struct conn *c, unsigned bit);

/* --- limits.c --- */

/* Room for one more entry, whose original tuple hashes to `hash`? May end others (early drop). */
bool limits_admit(struct track *t, uint64_t hash);

/* The tick after a refusal: end up to a collector pass's worth of entries that are easiest to miss.
 */
void limits_evict(struct track *t);

/* --- expire.c --- */

/* Set the clock; earlier times count as the latest one. */
void expire_clock(struct track *t, struct weir_time now);

/* End what is due, after looking at no more than `budget` entries (0: no limit). How many were
 * looked at. */
size_t expire_tick(struct track *t, size_t budget);

/* Can there be anything for it to do? */
static inline bool expire_due(const struct track *t)
{
    return !t->swept;
}

/* When expire_tick has work next: tick64. False: never. */
bool expire_next(const struct track *t, int64_t *tick64);

/* --- flush.c --- */

/* As weir_shard_flush_some(). */
bool flush_some(struct track *t, uint64_t *cursor, size_t budget);

/* --- event.c --- */

/* Which events an entry made now reports. */
uint16_t event_mask(const struct track *t, const struct weir_template *templ);
/* Send what has gathered on the packet's connection. */
void event_deliver(struct track *t, struct conn *c, uint32_t handle);
void event_destroy(struct track *t, struct conn *c, uint32_t handle, int64_t time_ns);

/* --- info.c --- */

void info_fill(const struct track *t, const struct conn *c, uint32_t handle,
               struct weir_conn *info);
bool info_walk(const struct track *t, uint64_t *cursor, struct weir_conn *info);

/* --- settings.c --- */

void settings_init(struct track *t, const struct weir_config *config);
int settings_set(struct track *t, enum weir_tunable tunable, int64_t value);
int64_t settings_get(const struct track *t, enum weir_tunable tunable);
void settings_range(const struct track *t, enum weir_tunable tunable, int64_t *min, int64_t *max);
bool settings_is_timeout(enum weir_tunable tunable);

#endif
