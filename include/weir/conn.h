/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be known about one connection: a plain copy, for listings, events and programs.
 * Field meanings: conntrack reference, sections 2.4 (status), 2.7 (accounting) and 7.1 (text form).
 */
#ifndef WEIR_CONN_H
#define WEIR_CONN_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TCP states, numbered as Linux exports them (TCP: RFC 9293 names; SYN_SENT2 is simultaneous open).
 */
enum weir_tcp_state {
    WEIR_TCP_NONE = 0,
    WEIR_TCP_SYN_SENT,
    WEIR_TCP_SYN_RECV,
    WEIR_TCP_ESTABLISHED,
    WEIR_TCP_FIN_WAIT,
    WEIR_TCP_CLOSE_WAIT,
    WEIR_TCP_LAST_ACK,
    WEIR_TCP_TIME_WAIT,
    WEIR_TCP_CLOSE,
    WEIR_TCP_SYN_SENT2,
    WEIR_TCP_MAX
};

enum weir_sctp_state {
    WEIR_SCTP_NONE = 0,
    WEIR_SCTP_CLOSED,
    WEIR_SCTP_COOKIE_WAIT,
    WEIR_SCTP_COOKIE_ECHOED,
    WEIR_SCTP_ESTABLISHED,
    WEIR_SCTP_SHUTDOWN_SENT,
    WEIR_SCTP_SHUTDOWN_RECD,
    WEIR_SCTP_SHUTDOWN_ACK_SENT,
    WEIR_SCTP_HEARTBEAT_SENT,
    WEIR_SCTP_MAX
};

/* Per-side TCP flags, numbered as Linux exports them. */
enum weir_tcp_flag {
    WEIR_TCPF_WINDOW_SCALE = 0x01,
    WEIR_TCPF_SACK_PERM = 0x02,
    WEIR_TCPF_CLOSE_INIT = 0x04,
    WEIR_TCPF_BE_LIBERAL = 0x08,
    WEIR_TCPF_DATA_UNACKNOWLEDGED = 0x10,
    WEIR_TCPF_MAXACK_SET = 0x20,
    WEIR_TCPF_CHALLENGE_EXPECTED = 0x40,
    WEIR_TCPF_SIMULTANEOUS_OPEN = 0x80
};

/* Which optional parts of a weir_conn are filled in. */
enum weir_conn_part {
    WEIR_HAS_COUNTERS = 0x1,  /* created while nf_conntrack_acct was 1 */
    WEIR_HAS_TIMESTAMP = 0x2, /* created while nf_conntrack_timestamp was 1 */
    WEIR_HAS_LABELS = 0x4,
    WEIR_IS_ONE_WAY = 0x8, /* in a zone of weir.oneway_zones: judged by its original direction */
};

struct weir_conn {
    uint32_t handle;            /* valid until the next call into the shard */
    uint32_t id;                /* stable for the entry's life, as ctnetlink's CTA_ID */
    struct weir_tuple tuple[2]; /* by enum weir_dir */
    uint16_t zone;
    uint8_t zone_dirs;  /* as in struct weir_template; 3 for zone 0 */
    uint8_t state;      /* enum weir_tcp_state or weir_sctp_state, by protocol; else 0 */
    uint32_t status;    /* enum weir_status */
    int64_t timeout_ms; /* until it expires; 0 or less: it has */
    uint32_t mark;
    uint32_t use;        /* references: 1, and 1 for each child or packet on hold */
    uint32_t parts;      /* enum weir_conn_part */
    uint64_t packets[2]; /* by direction; layer 3 bytes */
    uint64_t bytes[2];
    struct weir_time start; /* confirmed; on the caller's clock */
    struct weir_time stop;  /* removed; 0 while it lives */
    uint8_t labels[16];     /* bit n of the label set is bit n % 8 of byte n / 8 */
    struct {
        uint8_t flags[2]; /* enum weir_tcp_flag, by direction */
        uint8_t scale[2]; /* window scale, 0 to 14 */
    } tcp;
    struct {
        uint32_t vtag[2]; /* host byte order */
    } sctp;
    struct {
        uint32_t timeout_s, stream_timeout_s;
    } gre;
};

#ifdef __cplusplus
}
#endif
#endif
