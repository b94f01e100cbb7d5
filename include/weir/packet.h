/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One packet on its way through a shard.
 *
 * Ownership: the caller owns the struct and the bytes. weir reads and may rewrite the bytes in
 * place during weir_shard_run() and keeps no pointer to either afterwards; what it must keep
 * (fragments) it copies.
 */
#ifndef WEIR_PACKET_H
#define WEIR_PACKET_H

#include <weir/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a packet enters and leaves the host; the hooks it passes follow from it. */
enum weir_path {
    WEIR_PATH_ROUTED =
        0,            /* from a wire; weir_host.route decides: INPUT, or FORWARD and POSTROUTING */
    WEIR_PATH_OUTPUT, /* made by this host: OUTPUT and POSTROUTING */
};

enum weir_packet_flag {
    WEIR_PKT_CSUM_OK = 0x1,   /* the layer 4 checksum is known to be good: do not verify it again */
    WEIR_PKT_GATHERED = 0x80, /* set by weir_group_take() only: a datagram put together elsewhere */
};

/* To whom the frame was addressed (`-m pkttype`). */
enum weir_pkt_type {
    WEIR_PKT_HOST = 0, /* this host */
    WEIR_PKT_BROADCAST,
    WEIR_PKT_MULTICAST,
    WEIR_PKT_OTHERHOST,
};

/*
 * What a rule of the raw table says about a packet before it is tracked (conntrack reference, 8.3):
 * Linux's template. Only a packet that creates an entry takes more than the zone from it.
 */
struct weir_template {
    bool notrack;      /* leave the packet UNTRACKED; nothing else counts then */
    uint8_t zone_dirs; /* bit WEIR_ORIG, bit WEIR_REPLY: directions the zone holds for; 3 = both */
    uint16_t zone;     /* 0: the default zone */
    uint16_t event_mask; /* 1 << enum weir_event_kind; 0: as nf_conntrack_events says */
    uint8_t policy;      /* timeout policy number from weir_policy_set(), 0: none */
};

struct weir_packet {
    /* In. */
    uint8_t *data; /* the IP header */
    uint32_t len;  /* bytes at data */
    uint32_t
        wire_len; /* bytes it had on the wire; 0 or <= len: it is whole. Larger: a capture cut it */
    uint16_t in_iface;                 /* the caller's numbers for interfaces; 0: none */
    uint8_t path;                      /* enum weir_path */
    uint8_t flags;                     /* enum weir_packet_flag */
    const struct weir_template *templ; /* NULL: none */
    void *user;                        /* the caller's; never touched */
    const uint8_t *link;               /* the link-layer header it came with; NULL: none */
    uint16_t link_len;
    uint16_t link_type; /* its kind, as ARPHRD_ numbers: 1 is Ethernet */
    uint8_t pkt_type;   /* enum weir_pkt_type */

    /* In and out. */
    uint32_t mark;
    uint32_t priority; /* class of the traffic control (-j CLASSIFY) */

    /* Out. */
    uint16_t out_iface;   /* from weir_host.route; 0 when it went to this host or nowhere */
    uint8_t verdict;      /* enum weir_verdict */
    uint8_t ctinfo;       /* enum weir_ctinfo */
    uint8_t reason;       /* enum weir_reason: of a drop, a hold or INVALID */
    uint8_t dir;          /* enum weir_dir, when conn is not 0 */
    uint16_t packets_out; /* how many left because of it: itself (WEIR_ACCEPT), and those handed to
                             weir_host.packet */
    uint32_t conn; /* the entry's handle, 0: none; valid until the next call into the shard */
    uint32_t rule; /* 1 + the counter of the rule or policy that decided, 0: none did */
};

#ifdef __cplusplus
}
#endif
#endif
