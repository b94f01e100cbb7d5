/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as text. conntrack prints what the message holds, and the kernel leaves out of a message
 * what did not change (conntrack reference, 2.8):
 *
 *   - NEW and UPDATE have the timeout always, DESTROY only when whole seconds are left: not after
 *     expiry, and not in the last second before it;
 *   - the state of TCP and SCTP is in DESTROY, and elsewhere when the state changed; so an UPDATE
 *     that only tells of a first reply has none;
 *   - counters and times are in DESTROY only;
 *   - the mark is there when it is not 0, or has just become 0;
 *   - labels are there when they changed, never in DESTROY.
 */
#include "event_text.h"

static const char *const prefix[] = {
    [WEIR_EVENT_NEW] = "    [NEW] ",
    [WEIR_EVENT_UPDATE] = " [UPDATE] ",
    [WEIR_EVENT_DESTROY] = "[DESTROY] ",
};

void event_text_timestamp(struct textbuf *text, struct weir_time when)
{
    int64_t us = when.ns / 1000 - (when.ns % 1000 < 0); /* rounds down before 1970, too */
    int64_t sec = us / 1000000 - (us % 1000000 < 0);
    textbuf_addf(text, "[%lld.%06lld]\t", (long long)sec, (long long)(us - sec * 1000000));
}

static bool has(const struct weir_event *event, enum weir_event_kind kind)
{
    return event->kinds >> kind & 1;
}

/* The parts that the message of this event carries. */
static unsigned carried(const struct weir_event *event)
{
    unsigned parts = CONN_TEXT_FAMILY | CONN_TEXT_ID;
    if (event->type == WEIR_EVENT_DESTROY) {
        parts |= CONN_TEXT_STATE | CONN_TEXT_COUNTERS | CONN_TEXT_DELTA | CONN_TEXT_KTIMESTAMP;
        if (event->conn.timeout_ms >= 1000)
            parts |= CONN_TEXT_TIMEOUT;
    } else {
        parts |= CONN_TEXT_TIMEOUT;
        if (has(event, WEIR_EV_PROTOINFO))
            parts |= CONN_TEXT_STATE;
        if (has(event, WEIR_EV_LABEL))
            parts |= CONN_TEXT_LABELS;
    }
    if (event->conn.mark || has(event, WEIR_EV_MARK))
        parts |= CONN_TEXT_MARK;
    return parts;
}

void event_text_print(struct textbuf *text, const struct weir_event *event, unsigned options,
                      const struct conn_text_labels *labels)
{
    const unsigned on_request =
        CONN_TEXT_FAMILY | CONN_TEXT_KTIMESTAMP | CONN_TEXT_ID | CONN_TEXT_LABELS;
    unsigned parts = carried(event);
    parts &= options | ~on_request;
    textbuf_add(text, prefix[event->type]);
    conn_text_list(text, &event->conn, parts, event->time, labels);
}
