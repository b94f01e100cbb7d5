/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets for the rig's own tests. They are not made with weir's code, which is what the rig is
 * there to judge.
 */
#ifndef RIG_PKT_H
#define RIG_PKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rig_pkt {
    size_t len;
    uint8_t data[3000];
};

enum {
    RIG_PKT_FIN = 1,
    RIG_PKT_SYN = 2,
    RIG_PKT_PSH = 8,
    RIG_PKT_ACK = 16,
};

struct rig_pkt_segment {
    uint16_t sport;
    uint16_t dport;
    uint8_t flags; /* RIG_PKT_* */
    uint32_t seq;
    uint32_t ack;
    const char *data; /* NULL: none */
};

/* `payload` bytes, up to 2400. */
struct rig_pkt rig_pkt_udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                           size_t payload);
/* A SYN carries a window scale of 7 and permits SACK. */
struct rig_pkt rig_pkt_tcp(const char *src, const char *dst, struct rig_pkt_segment s);
struct rig_pkt rig_pkt_echo(const char *src, const char *dst, bool reply, uint16_t id);
struct rig_pkt rig_pkt_sctp_init(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                                 uint32_t vtag);

/* Splits an IPv4 packet behind `first` bytes of its payload, a multiple of 8. */
void rig_pkt_split(const struct rig_pkt *whole, size_t first, struct rig_pkt *a, struct rig_pkt *b);
bool rig_pkt_is_v4(const struct rig_pkt *p);
/* Makes the checksum of a changed IPv4 header right again; leaves IPv6, which has none. */
void rig_pkt_ip_checksum(struct rig_pkt *p);

#endif
