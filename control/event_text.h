/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event as a line of `conntrack -E` (1.4.7), without the newline.
 */
#ifndef CONTROL_EVENT_TEXT_H
#define CONTROL_EVENT_TEXT_H

#include <weir/event.h>

#include "conn_text.h"

/* "[1795301470.036253]\t": what -o timestamp puts in front of an event. */
void event_text_timestamp(struct textbuf *text, struct weir_time when);

/*
 * The event itself: "    [NEW] tcp      6 120 SYN_SENT src=...". `options` is any of
 * CONN_TEXT_FAMILY, _KTIMESTAMP, _ID and _LABELS, as -o asks; what else shows is the event's
 * matter.
 */
void event_text_print(struct textbuf *text, const struct weir_event *event, unsigned options,
                      const struct conn_text_labels *labels);

#endif
