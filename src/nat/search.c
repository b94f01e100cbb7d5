/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searching for a port, or an ICMP identifier, that makes the reply tuple unique (NAT reference,
 * 5.4).
 *
 * Linux tries ports in a row, 128 at most; then, from other random places, 64, 32, 16 and 8. These
 * rounds come first here too, with the same random numbers, so that where Linux finds a port weir
 * takes it from the same distribution. Where Linux gives up, a source's range is searched to its
 * end (ports.h), unless weir.nat_linux_search says otherwise. Ranges of up to 128 ports need no
 * more than the first round.
 *
 * A destination's range is left to the rounds: when they find none, the port stays what it was
 * tried with last, and the source's turn comes in POSTROUTING, which can still make the tuple
 * unique.
 *
 * A shard that has peers takes what has its home here, whichever that is of the ports that would
 * do: nobody else can give that away, and answers arrive at home. What has not is left out, in the
 * rounds as in the pool. A range that is so small that it may have no such port is searched once
 * more for any.
 */
#include "nat/inside.h"

enum {
    ROUND_MAX = 128,
    ROUND_MIN = 16,   /* after one that is shorter there is no other */
    EVICT_LAST = 32,  /* tries at the end of a round in which an old connection may go */
    LONG = 4,         /* tries that failed, after which a pool is worth its making: one word of it
                         answers for 64 ports, in a few lookups' time */
    FEW = 64,         /* ports for each shard: that none of more has its home here is impossible */
    EXPIRE_MAX = 4096 /* entries looked at before a pool is believed to be full */
};

struct search {
    struct choice *ch;
    uint16_t *key;
    uint32_t min, n; /* ports from `min` on */
    uint16_t off;    /* next to be tried: min + off % n */
    uint32_t failed;
    bool evicts, exact;
    bool at_home;      /* only tuples whose home is this shard */
    struct pool *pool; /* NULL: none is needed yet, or none can be had */
};

/* --- where --- */

static void between(struct search *s, uint32_t min, uint32_t max)
{
    s->min = min;
    s->n = max - min + 1;
}

/* A source port stays in its class: privileged ports among themselves, and so on. */
static void source_class(struct search *s, uint16_t port)
{
    if (port < 512)
        between(s, 1, 511);
    else if (port < 1024)
        between(s, 600, 1023);
    else
        between(s, 1024, 65535);
}

/* False: there is nothing to vary. */
static bool interval(struct search *s)
{
    const struct choice *ch = s->ch;
    const struct nat_range *r = ch->range;

    if (!nat_has_key(ch->c))
        return false;
    if (r->flags & NAT_PORT_RANGE)
        between(s, r->min_port, r->max_port);
    else if (nat_is_icmp(ch->c->proto))
        between(s, 0, 65535);
    else if (ch->c->proto == PROTO_GRE)
        between(s, 1, 65535);
    else if (ch->type == NAT_SRC)
        source_class(s, BE16(*s->key));
    else
        return false;
    return true;
}

static uint16_t random_off(struct search *s)
{
    return (uint16_t)random_u32(&s->ch->t->random);
}

static uint16_t first_off(struct search *s)
{
    const struct choice *ch = s->ch;

    if (ch->range->flags & NAT_PORT_OFFSET)
        return (uint16_t)(BE16(*s->key) - ch->range->base_port);
    return ch->range->flags & NAT_RANDOM || ch->type == NAT_SRC ? random_off(s) : 0;
}

/* --- Linux's rounds --- */

static bool is_syn(struct conn *c)
{
    return c->proto == PROTO_TCP && conn_proto(c)->tcp.state == WEIR_TCP_SYN_SENT;
}

/* May the connection that has the tuple be ended? It is over, and what it sent is older than the
 * SYN that wants its place (RFC 9293, 3.6.1: so its peer will take the SYN for a new one). */
static bool may_evict(const struct search *s, uint32_t ref)
{
    struct conn *old = conn_at(s->ch->t, ref), *c = s->ch->c;
    const uint32_t keep = WEIR_S_DYING | WEIR_S_FIXED_TIMEOUT;

    if (ref == NAT_ELSEWHERE || ref_dir(ref) != WEIR_REPLY ||
        (old->status & (WEIR_S_SRC_NAT | keep)) != WEIR_S_SRC_NAT ||
        conn_proto(old)->tcp.state < WEIR_TCP_TIME_WAIT)
        return false;
    return (int32_t)(conn_proto(c)->tcp.side[WEIR_ORIG].end -
                     conn_proto(old)->tcp.side[WEIR_ORIG].end) > 0;
}

static void note_failure(struct search *s)
{
    const struct choice *ch = s->ch;

    if (++s->failed == LONG && s->exact && !s->pool)
        s->pool = nat_pool(ch->t, &ch->reply, conn_zone(ch->c, WEIR_REPLY));
}

static bool try(struct search *s, bool evict)
{
    uint16_t port = (uint16_t)(s->min + s->off % s->n);

    *s->key = BE16(port);
    if (s->at_home && !nat_at_home(s->ch->t, &s->ch->reply))
        return false;
    if (s->pool && !evict && nat_ports_taken(s->ch->t, s->pool, port)) {
        s->ch->t->stats.found++; /* as a lookup would */
        return false;
    }
    uint32_t ref = nat_obstacle(s->ch);

    /* Where an old connection may go, Linux looks it up in another way, and counts nothing. */
    s->ch->t->stats.found -= ref && evict;
    if (ref && evict && may_evict(s, ref)) {
        conn_kill(s->ch->t, ref_handle(ref));
        ref = 0;
    }
    if (ref)
        note_failure(s);
    return !ref;
}

/* How many of the next `most` tries the pool says will fail: until the offset or the port begins
 * anew, it is asked for all of them at once. */
static uint32_t sure_to_fail(struct search *s, uint32_t most)
{
    uint32_t at = s->off % s->n, count = min_u32(most, min_u32(s->n - at, 65536u - s->off));

    return nat_ports_skip(s->ch->t, s->pool, s->min + at, count);
}

static bool one_round(struct search *s, uint32_t length)
{
    uint32_t evicting = s->evicts ? min_u32(length, EVICT_LAST) : 0, plain = length - evicting;

    for (uint32_t i = 0, step; i < length; i += step, s->off = (uint16_t)(s->off + step)) {
        step = s->pool && i < plain ? sure_to_fail(s, plain - i) : 0;
        s->ch->t->stats.found += step; /* as lookups would */
        if (step)
            continue;
        if (try(s, i >= plain))
            return true;
        step = 1;
    }
    return false;
}

static bool rounds(struct search *s)
{
    uint32_t length = min_u32(s->n, ROUND_MAX);

    for (;;) {
        if (one_round(s, length))
            return true;
        if (length >= s->n || length < ROUND_MIN)
            return false;
        length /= 2;
        s->off = random_off(s);
    }
}

/* --- beyond --- */

/* What the pool says is free, and is: a port that somebody has after all is left out. */
static bool free_in_pool(struct search *s)
{
    uint16_t min = (uint16_t)s->min, max = (uint16_t)(s->min + s->n - 1);
    int32_t port = nat_ports_next(s->ch->t, s->pool, min, max, (uint16_t)(s->min + s->off % s->n));

    if (port < 0)
        return false;
    *s->key = BE16((uint16_t)port);
    return !nat_obstacle(s->ch);
}

static bool all(struct search *s)
{
    struct track *t = s->ch->t;

    /* Of several shards, one meets few ports in the rounds, and too few that are taken. */
    if (!s->pool && s->exact && s->at_home)
        s->pool = nat_pool(t, &s->ch->reply, conn_zone(s->ch->c, WEIR_REPLY));
    if (!s->pool)
        return false;
    if (free_in_pool(s))
        return true;
    if (!expire_tick(t, EXPIRE_MAX))
        return false;
    s->pool = nat_pool(t, &s->ch->reply, conn_zone(s->ch->c, WEIR_REPLY));
    return s->pool && free_in_pool(s);
}

static void leave_pool(struct search *s)
{
    if (s->pool)
        nat_pool_done(s->ch->t, &s->ch->reply, conn_zone(s->ch->c, WEIR_REPLY));
    s->pool = NULL;
}

/* Any port: whether it is taken, its home will say, and too late. */
static bool elsewhere(struct search *s)
{
    if (!s->at_home || s->n >= FEW * s->ch->t->peers->shards)
        return false;
    s->at_home = s->exact = false;
    leave_pool(s);
    s->off = first_off(s);
    return rounds(s);
}

bool nat_search(struct choice *ch)
{
    bool exact = ch->type == NAT_SRC && !ch->t->set.nat_linux_search;
    struct search s = {.ch = ch, .key = nat_key(&ch->reply, ch->type), .evicts = is_syn(ch->c)};

    if (!interval(&s))
        return true;
    s.exact = exact && s.n > ROUND_MAX;
    if (s.exact)
        s.pool = nat_pool_find(ch->t, &ch->reply, conn_zone(ch->c, WEIR_REPLY));
    s.off = first_off(&s);
    s.at_home = ch->t->peers != NULL;
    bool found = rounds(&s) || all(&s) || elsewhere(&s);

    leave_pool(&s);
    return found || !exact;
}
