/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time, directions, classes, verdicts and reasons: the words every other header uses.
 *
 * Nothing in weir reads a clock. Time is an argument, monotonic, in nanoseconds, and has a type of
 * its own so that a number of seconds cannot be passed by mistake.
 */
#ifndef WEIR_TYPES_H
#define WEIR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

/* A moment on the caller's monotonic clock. For a capture: the capture's clock, nanoseconds since
 * 1970. */
struct weir_time {
    int64_t ns;
};

/* weir counts time in ticks of 4 ms inside, the granularity of a Linux kernel at 250 Hz. */
#define WEIR_TICK_NS       4000000LL
#define WEIR_TICKS_PER_SEC 250

/* Which of a connection's two tuples: the one of the packet that created it, or its inverse. */
enum weir_dir { WEIR_ORIG = 0, WEIR_REPLY = 1 };

/* What a packet is to connection tracking: what `-m conntrack --ctstate` and `--ctdir` see. */
enum weir_ctinfo {
    WEIR_CT_NONE = 0, /* not classified: tracking never saw the packet */
    WEIR_CT_NEW,
    WEIR_CT_ESTABLISHED,
    WEIR_CT_ESTABLISHED_REPLY,
    WEIR_CT_RELATED,
    WEIR_CT_RELATED_REPLY,
    WEIR_CT_INVALID,
    WEIR_CT_UNTRACKED,
    WEIR_CT_MAX
};

/* What became of a packet. */
enum weir_verdict {
    WEIR_VERDICT_NONE = 0, /* not run yet */
    WEIR_ACCEPT,           /* goes on, as it now stands in the caller's buffer */
    WEIR_DROP,             /* is to be forgotten; the reason says why */
    WEIR_HELD,     /* weir keeps a copy (a fragment waiting for the rest, or a packet on hold) */
    WEIR_REPLACED, /* the packets that go out in its place were handed to weir_host.packet */
    WEIR_VERDICT_MAX
};

/* Status bits of a connection; values as Linux exports them in CTA_STATUS. */
enum weir_status {
    WEIR_S_EXPECTED = 0x1,
    WEIR_S_SEEN_REPLY = 0x2,
    WEIR_S_ASSURED = 0x4,
    WEIR_S_CONFIRMED = 0x8,
    WEIR_S_SRC_NAT = 0x10,
    WEIR_S_DST_NAT = 0x20,
    WEIR_S_SEQ_ADJUST = 0x40,
    WEIR_S_SRC_NAT_DONE = 0x80,
    WEIR_S_DST_NAT_DONE = 0x100,
    WEIR_S_DYING = 0x200,
    WEIR_S_FIXED_TIMEOUT = 0x400,
    WEIR_S_TEMPLATE = 0x800,
    WEIR_S_NAT_CLASH = 0x1000,
    WEIR_S_HELPER = 0x2000,
    WEIR_S_OFFLOAD = 0x4000,
    WEIR_S_HW_OFFLOAD = 0x8000
};

/*
 * Why a packet was dropped, held or called INVALID. One list, reasons.def, is the enum, the texts,
 * the counters and the table in weir-reasons(7).
 */
enum weir_reason {
#define WEIR_REASON(name, word, text) WEIR_R_##name,
#include <weir/reasons.def>
#undef WEIR_REASON
    WEIR_R_MAX
};

/* The short word of a reason ("tcp-ack-unseen"), and a sentence about it. Never NULL. */
WEIR_API const char *weir_reason_word(enum weir_reason reason);
WEIR_API const char *weir_reason_text(enum weir_reason reason);

/* "NEW", "ESTABLISHED", "ESTABLISHED_REPLY", ... and "-" for WEIR_CT_NONE. Never NULL. */
WEIR_API const char *weir_ctinfo_name(enum weir_ctinfo ctinfo);

/* An IP address in network byte order; an IPv4 address stands in the first four bytes, the rest is
 * zero. */
union weir_addr {
    uint8_t bytes[16];
    uint32_t v4;
    uint32_t words[4];
    uint64_t half[2];
};

/*
 * One direction of a connection (conntrack reference, section 1). The half-keys are in network byte
 * order: ports; for ICMP and ICMPv6 source = identifier, destination = type << 8 | code; for GRE
 * version 1 the call IDs; otherwise 0.
 */
struct weir_tuple {
    union weir_addr src;
    union weir_addr dst;
    uint16_t src_key;
    uint16_t dst_key;
    uint8_t family; /* 4 or 6 */
    uint8_t proto;  /* IP protocol number */
    uint8_t pad[2]; /* zero */
};

#ifdef __cplusplus
}
#endif
#endif
