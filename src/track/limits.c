/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when nf_conntrack_max is reached (conntrack reference, 2.6).
 *
 * Early drop looks at the bucket where the new entry would go and up to seven after it; in the
 * first that holds entries which never saw an answered exchange (not ASSURED), all of those go. If
 * there are none the packet is dropped, and the next tick ends up to one collector pass's worth of
 * entries that are easiest to miss, as Linux's collector does within the following minute.
 */
#include "track/track.h"

enum {
    EARLY_DROP_BUCKETS = 8,
    EVICT_MAX = 257, /* 64000 / HZ + 1 at 250 Hz */
    EVICT_FILL_PERCENT = 95,
    EVICT_LOOK_MAX = 65536, /* entries looked at in one pass, so that a tick stays short */
};

static const int64_t full_message_every_ns = 5000000000LL;

static bool may_drop_early(const struct conn *c)
{
    return (c->status & (WEIR_S_CONFIRMED | WEIR_S_ASSURED | WEIR_S_DYING)) == WEIR_S_CONFIRMED;
}

/* End all that may go in one bucket; how many. */
static uint32_t drop_bucket(struct track *t, uint32_t index)
{
    uint32_t refs[TABLE_CHAIN_MAX + TABLE_SLOTS], killed = 0;
    uint32_t n = table_bucket_refs(&t->table, index, refs, WEIR_ARRAY_LEN(refs));

    for (uint32_t i = 0; i < n; i++) {
        if (may_drop_early(
                conn_at(t, refs[i]))) { /* false too for the second reference to one just ended */
            conn_kill(t, ref_handle(refs[i]));
            killed++;
        }
    }
    return killed;
}

static bool early_drop(struct track *t, uint64_t hash)
{
    uint32_t level, index = table_index(&t->table, hash, &level), size = table_size(&t->table);

    for (uint32_t i = 0; i < EARLY_DROP_BUCKETS; i++) {
        uint32_t killed = drop_bucket(t, (index + i) % size);

        if (killed) {
            t->stats.early_drop += killed;
            return true;
        }
    }
    return false;
}

static void say_full(struct track *t)
{
    if (!t->host.message || t->time_ns < t->full_message_ns)
        return;
    t->full_message_ns = t->time_ns + full_message_every_ns;
    t->host.message(t->host.ctx, WEIR_MSG_TABLE_FULL, weir_reason_text(WEIR_R_TABLE_FULL),
                    t->cause);
}

/* nf_conntrack_max = 0 means "no limit" to Linux; here memory is bounded, so it means all that is
 * reserved. */
static uint32_t limit_of(const struct track *t)
{
    return t->set.max ? t->set.max : t->set.capacity;
}

bool limits_admit(struct track *t, uint64_t hash)
{
    if (t->count < limit_of(t) || early_drop(t, hash))
        return true;
    t->evict_due = true;
    t->stats.drop++;
    say_full(t);
    return false;
}

/* Not ASSURED, or closing. */
static bool may_evict(struct conn *c)
{
    if (!(c->status & WEIR_S_CONFIRMED))
        return false;
    if (!(c->status & WEIR_S_ASSURED))
        return true;
    if (c->proto == 6) {
        uint8_t state = conn_proto(c)->tcp.state;

        return state >= WEIR_TCP_FIN_WAIT && state <= WEIR_TCP_CLOSE;
    }
    if (c->proto == 132) {
        uint8_t state = conn_proto(c)->sctp.state;

        return state >= WEIR_SCTP_SHUTDOWN_SENT && state <= WEIR_SCTP_SHUTDOWN_ACK_SENT;
    }
    return false;
}

void limits_evict(struct track *t)
{
    uint32_t killed = 0;

    if (!t->evict_due)
        return;
    t->evict_due = false;
    for (uint32_t family = 0; family < 2; family++) {
        struct slab *s = &t->conns[family];
        uint32_t looks = min_u32(s->used, EVICT_LOOK_MAX);

        for (; looks && killed < EVICT_MAX; looks--) {
            if ((uint64_t)t->count * 100 < (uint64_t)limit_of(t) * EVICT_FILL_PERCENT)
                return;
            uint32_t *cursor = &t->evict_cursor[family];

            *cursor = *cursor < s->used ? *cursor + 1 : 1;
            if (may_evict(slab_at(s, *cursor))) {
                conn_kill(t, handle_make(family ? 6 : 4, *cursor));
                killed++;
            }
        }
    }
}
