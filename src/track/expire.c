/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the tracker's clock, and the end of entries at their deadline.
 *
 * An entry is on the wheel (base/wheel.h) from confirmation on, armed no later than its deadline. A
 * packet that refreshes it only stores a later deadline. When the wheel hands the entry back, it
 * either has expired or is armed again. Whether an entry is expired is always decided by its
 * deadline, so that a lookup is right even when the wheel is behind.
 */
#include "track/track.h"

/*
 * Entries and wheel store 32-bit ticks and compare by sign, so the clock may not get further than
 * this (49 days) ahead of the wheel without ending what expired meanwhile, however many entries
 * that is.
 */
static const int64_t lag_max = 1LL << 30;

enum { POP_BATCH = 32 };

void expire_arm(struct track *t, struct conn *c, uint32_t handle)
{
    if (conn_expired(t, c))
        t->swept = false;
    c->armed = c->deadline;
    c->wheel_pos = wheel_arm(&t->wheel, handle, c->armed);
}

void expire_disarm(struct track *t, struct conn *c)
{
    if (!c->wheel_pos)
        return;
    uint32_t moved = wheel_disarm(&t->wheel, c->wheel_pos);

    if (moved)
        conn_at(t, moved)->wheel_pos = c->wheel_pos;
    c->wheel_pos = 0;
}

static uint32_t pop(struct track *t, uint32_t *handles, uint32_t max)
{
    uint32_t n = wheel_pop(&t->wheel, track_now(t), handles, max);

    for (uint32_t i = 0; i < n; i++)
        conn_prefetch_head(t, handles[i]);
    /* None of them is on the wheel now. This must be known before the first is ended: ending one
     * may end others. */
    for (uint32_t i = 0; i < n; i++)
        conn_at(t, handles[i])->wheel_pos = 0;
    for (uint32_t i = 0; i < n; i++)
        if (conn_expired(t, conn_at(t, handles[i])))
            conn_prefetch_end(t, handles[i]);
    return n;
}

size_t expire_tick(struct track *t, size_t budget)
{
    uint32_t handles[POP_BATCH];
    size_t looked = 0;

    for (;;) {
        uint32_t max = POP_BATCH;

        if (budget && budget - looked < max)
            max = (uint32_t)(budget - looked);
        uint32_t n = pop(t, handles, max);

        for (uint32_t i = 0; i < n; i++) {
            struct conn *c = conn_at(t, handles[i]);

            if (!(c->status & WEIR_S_CONFIRMED))
                continue;
            if (conn_expired(t, c))
                conn_kill(t, handles[i]);
            else
                expire_arm(t, c, handles[i]);
        }
        looked += n;
        t->swept = n < max;
        if (n < POP_BATCH)
            return looked;
    }
}

void expire_clock(struct track *t, struct weir_time now)
{
    int64_t tick64;

    if (now.ns <= t->time_ns)
        return;
    tick64 = now.ns / WEIR_TICK_NS;
    for (;;) {
        int64_t wheel64 = t->tick64 - (track_now(t) - t->wheel.tick);

        if (tick64 - wheel64 <= lag_max)
            break;
        if (t->tick64 < wheel64 + lag_max) {
            t->tick64 = wheel64 + lag_max;
            t->swept = false;
            t->time_ns = t->tick64 * WEIR_TICK_NS;
        }
        (void)expire_tick(t, 0);
    }
    t->time_ns = now.ns;
    if (t->tick64 != tick64) {
        t->tick64 = tick64;
        t->swept = false;
        limits_evict(t);
    }
}

bool expire_next(const struct track *t, int64_t *tick64)
{
    uint32_t tick;
    int64_t wheel64 = t->tick64 - (track_now(t) - t->wheel.tick);
    bool any = wheel_next(&t->wheel, &tick);

    if (any)
        *tick64 = wheel64 + (tick - t->wheel.tick);
    if (t->evict_due && (!any || *tick64 > t->tick64 + 1)) {
        *tick64 = t->tick64 + 1;
        any = true;
    }
    return any;
}
