/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened to connections: ctnetlink's events (conntrack reference, section 2.8).
 */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H

#include <weir/conn.h>
#include <weir/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bit numbers in an event's mask; as Linux numbers them. */
enum weir_event_kind {
    WEIR_EV_NEW = 0,
    WEIR_EV_RELATED,
    WEIR_EV_DESTROY,
    WEIR_EV_REPLY,
    WEIR_EV_ASSURED,
    WEIR_EV_PROTOINFO,
    WEIR_EV_HELPER,
    WEIR_EV_MARK,
    WEIR_EV_SEQADJ,
    WEIR_EV_SECMARK,
    WEIR_EV_LABEL,
    WEIR_EV_SYNPROXY,
    WEIR_EV_MAX
};

/* The message an event makes: create, update or delete, as `conntrack -E` prints them. */
enum weir_event_type { WEIR_EVENT_NEW = 1, WEIR_EVENT_UPDATE, WEIR_EVENT_DESTROY };

/* Valid during the call of weir_host.event only. */
struct weir_event {
    enum weir_event_type type;
    uint32_t kinds;        /* 1 << enum weir_event_kind, all that this message carries */
    struct weir_time time; /* when; of an entry that had expired, its deadline */
    struct weir_conn conn;
    const struct weir_packet *cause; /* the packet that made it happen, NULL: none */
};

#ifdef __cplusplus
}
#endif
#endif
