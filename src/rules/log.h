/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets as lines of text, as -j LOG and -j TRACE write them (iptables reference, 4.3).
 */
#ifndef WEIR_RULES_LOG_H
#define WEIR_RULES_LOG_H

#include "rules/eval.h"

/* What a line tells of a packet beyond what all do; the numbers are those that lists show. */
enum log_flag {
    LOG_TCP_SEQUENCE = 0x1,
    LOG_TCP_OPTIONS = 0x2,
    LOG_IP_OPTIONS = 0x4,
    LOG_UID = 0x8, /* of a local socket, which is never known here */
    LOG_MACDECODE = 0x20
};

enum { LOG_LINE_MAX = 1016 }; /* bytes; Linux's log takes no longer line, and cuts */

/* The line about the packet, without a prefix; it ends in a blank unless the packet is broken. */
void log_text(struct text *out, const struct eval *e, uint8_t flags);

/* Say it, behind `prefix`. */
void log_packet(struct eval *e, enum weir_message_kind kind, const char *prefix, uint8_t flags);

/* Say that a traced packet met a rule, a chain's end or a policy: "TRACE: table:chain:type:num ".
 */
void log_trace(struct eval *e, const char *table, const char *chain, const char *type,
               uint32_t num);

#endif
