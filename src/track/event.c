/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: gathered on the entry as bits, sent as one message when its packet reaches the confirm
 * point, so that a packet which is dropped on the way delays its events until the next one passes
 * (conntrack reference, 2.8).
 */
#include "track/track.h"

uint16_t event_mask(const struct track *t, const struct weir_template *templ)
{
    if (templ && templ->event_mask)
        return templ->event_mask;
    switch (t->set.events) {
    case 0: return 0;
    case 1: return UINT16_MAX;
    default: return t->host.event ? UINT16_MAX : 0; /* 2: only while somebody listens */
    }
}

static void send(struct track *t, enum weir_event_type type, uint32_t kinds, const struct conn *c,
                 uint32_t handle, int64_t time_ns)
{
    struct weir_event event = {.type = type, .kinds = kinds, .time = {time_ns}, .cause = t->cause};

    info_fill(t, c, handle, &event.conn);
    t->host.event(t->host.ctx, &event);
}

/* One kind that is wanted brings all that gathered with it. */
void event_deliver(struct track *t, struct conn *c, uint32_t handle)
{
    uint32_t kinds = c->events;
    bool is_new = kinds & (1u << WEIR_EV_NEW | 1u << WEIR_EV_RELATED);

    c->events = 0;
    if (kinds & c->event_mask && t->host.event)
        send(t, is_new ? WEIR_EVENT_NEW : WEIR_EVENT_UPDATE, kinds, c, handle, t->time_ns);
}

void event_destroy(struct track *t, struct conn *c, uint32_t handle, int64_t time_ns)
{
    uint32_t kinds = 1u << WEIR_EV_DESTROY & c->event_mask;

    if (kinds && t->host.event)
        send(t, WEIR_EVENT_DESTROY, kinds, c, handle, time_ns);
}
