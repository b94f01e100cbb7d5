/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture files: reading pcap and pcapng as a stream of packets, and writing them.
 *
 * The reader knows
 *   - pcap in both byte orders, with micro- or nanosecond time, and the variant with the longer
 *     record header (magic 0xa1b2cd34);
 *   - pcapng in both byte orders with any number of sections: interface descriptions (name, time
 *     resolution, time offset), enhanced, simple and obsolete packet blocks. Other blocks are
 *     passed over.
 * and takes the link header off: see enum capture_kind and capture_link.c for the link types.
 *
 * Why not libpcap: it hides what weir needs from a capture (interface names in a pcapng, the byte
 * offset of a record for an error message), reads one link type per file only, and cannot write
 * pcapng.
 *
 * Lifetime. A packet's bytes lie in the reader's own buffer. They, and the interface name, stay
 * valid until the next capture_next(), capture_batch() or capture_close() on the same capture:
 * all packets of one batch may be held, and their frame bytes changed in place, at the same time.
 * Nothing is aligned: load fields with memcpy.
 *
 * Memory. One buffer (1 MiB unless asked otherwise), which grows to at most CAPTURE_MAX_BLOCK, and
 * the interface table of the current pcapng section. The size of the file does not matter.
 *
 * Errors. Functions return 0, a count, or a negative errno: -ENODATA the file ends too early,
 * -EBADMSG it contradicts itself or exceeds a limit, -ENOTSUP it is not a capture or has no link
 * type that weir reads, otherwise what the system call said. capture_error() has the sentence for
 * the user: file, packet number, byte offset, what was found. An error is final, and is given only
 * after every packet in front of it was.
 *
 * Threads: no globals; one capture or writer is used by one thread at a time.
 */
#ifndef PORTS_CAPTURE_H
#define PORTS_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Limits. A packet of 256 KiB is the most that tcpdump, dumpcap and libpcap capture; a larger
 * captured length means that the file is damaged. A pcapng block holds a packet and its options
 * (comments of up to 64 KiB each), hence the larger bound; blocks that are passed over have none.
 */
enum {
    CAPTURE_MAX_PACKET = 256 * 1024,
    CAPTURE_MAX_BLOCK = 1024 * 1024,
    CAPTURE_MAX_INTERFACES = 65536, /* in one pcapng section; a larger number is damage */
    CAPTURE_MAX_NAME = 255,         /* bytes of an interface name; what exceeds them is cut off */
    CAPTURE_MAX_VLAN = 2,           /* tags taken off; a third makes the packet CAPTURE_OTHER */
    CAPTURE_DEFAULT_BUFFER = 1024 * 1024,
};

/* What is above the link header. */
enum capture_kind {
    CAPTURE_NONE = 0,
    CAPTURE_IPV4,
    CAPTURE_IPV6,
    CAPTURE_OTHER,        /* not IP: ARP, LLDP, 802.3 frames, three VLAN tags, ... */
    CAPTURE_SHORT,        /* captured bytes end inside the link header or a VLAN tag */
    CAPTURE_UNKNOWN_LINK, /* pcapng only: weir does not read the link type of its interface */
    CAPTURE_KIND_MAX
};

/* Whose packet it was for the machine that captured: from a Linux cooked header, a 0xa1b2cd34
 * record, or the flags option of an enhanced packet block; CAPTURE_TO_UNSTATED where none says. */
enum capture_to {
    CAPTURE_TO_UNSTATED = 0,
    CAPTURE_TO_US,
    CAPTURE_TO_BROADCAST,
    CAPTURE_TO_MULTICAST,
    CAPTURE_TO_OTHER_HOST,
    CAPTURE_OUTGOING,
    CAPTURE_TO_MAX
};

struct capture_packet {
    uint64_t number;    /* 1 for the first packet of the file */
    uint64_t offset;    /* bytes in the file before its record or block */
    int64_t time_ns;    /* since 1970-01-01 00:00 UTC */
    uint8_t *frame;     /* the captured bytes, with link header */
    uint32_t cap_len;   /* how many of them there are */
    uint32_t wire_len;  /* how many there were on the wire; never less than cap_len */
    uint8_t *l3;        /* first byte after the link header and VLAN tags; NULL unless the kind is
                         * CAPTURE_IPV4, CAPTURE_IPV6 or CAPTURE_OTHER */
    uint32_t l3_len;    /* captured bytes from there on. Link padding and a frame check sequence
                         * count in: only the IP header says where the packet ends */
    uint32_t interface; /* pcapng: counts the interfaces of the whole file from 0, so that it
                         * never means two interfaces, even with several sections; pcap: 0 */
    const char *interface_name; /* NULL when the file does not name it, always so in pcap.
                                 * Control characters are replaced by '?' */
    const uint8_t *source_mac;  /* 6 bytes in the frame, or NULL */
    uint32_t ifindex;           /* kernel's interface index at capture (SLL2, 0xa1b2cd34), or 0 */
    enum capture_kind kind;
    enum capture_to to;
    uint16_t ethertype; /* after VLAN tags; below 0x600 an 802.3 length. 0x0800 or 0x86dd for IP
                         * also when the link header has no ethertype; 0 when unknown */
    uint16_t vlan[CAPTURE_MAX_VLAN]; /* VLAN ids, outermost first */
    uint8_t vlan_count;
};

/* Nothing is lost silently: what is delivered in a changed or unusable form is counted here. */
struct capture_stats {
    uint64_t packets;
    uint64_t kinds[CAPTURE_KIND_MAX]; /* the same packets by kind */
    uint64_t cut;                     /* shorter than on the wire: the capture's snap length */
    uint64_t length_raised;           /* stated wire length below the captured one; raised to it */
    uint64_t time_carried;  /* pcap: fraction of a second or more, carried into the seconds */
    uint64_t time_missing;  /* simple packet blocks have no time: they get the packet's before
                             * them, 0 at the start of the file */
    uint64_t blocks_passed; /* pcapng blocks that hold neither packet, interface nor section */
};

struct capture;

struct capture_options {
    size_t buffer_size; /* 0: CAPTURE_DEFAULT_BUFFER */
    /*
     * Called from capture_next() and capture_batch() for what the user should know but what does
     * not end the reading: once per pcapng interface of an unknown link type, when its first
     * packet comes. The text is valid during the call. NULL: not called.
     */
    void (*warn)(void *arg, const char *text);
    void *warn_arg;
};

/*
 * Opens PATH, "-" for standard input (which is then read from where it stands, and not closed).
 * Waits for and checks the file header. OPTIONS may be NULL. *OUT is also set on failure, for
 * capture_error(); it is NULL only when memory ran out (-ENOMEM). capture_close() it in any case.
 *
 * A pcap file of an unknown link type fails here. In a pcapng, interfaces may differ: packets from
 * one with an unknown link type are delivered as CAPTURE_UNKNOWN_LINK after a warning, since
 * stopping a replay for a USB interface that was captured along would serve nobody; but when the
 * file ends and not one packet was of a known link type, that is an error.
 */
int capture_open(struct capture **out, const char *path, const struct capture_options *options);

/* The same for an open descriptor (file, pipe or socket), which stays the caller's and open. NAME
 * stands in messages. */
int capture_open_fd(struct capture **out, int fd, const char *name,
                    const struct capture_options *options);

void capture_close(struct capture *c);

/*
 * The next packet, or up to MAX (at least 1) of them. Return their number, 0 at the end of the
 * file, or a negative errno. A batch may be shorter than MAX before the end: it takes what is in
 * the buffer, and reads, and so may wait for input, only when the buffer does not hold one whole
 * packet. Another program can therefore feed single packets through a pipe and be answered.
 */
int capture_next(struct capture *c, struct capture_packet *packet);
int capture_batch(struct capture *c, struct capture_packet *packets, int max);

/* The reason of the last failure, without a final newline; "" when there was none. C may be what
 * a failed capture_open() left, including NULL. */
const char *capture_error(const struct capture *c);

const struct capture_stats *capture_stats(const struct capture *c);

/* Bytes taken from the input so far, and bytes that there are: 0 when unknown (a pipe). */
uint64_t capture_position(const struct capture *c);
uint64_t capture_size(const struct capture *c);

/*
 * Writing: whole IP packets without link header (link type RAW, 101), nanosecond time, in the
 * machine's byte order, buffered. A pcapng gets one interface description for each interface
 * name, in front of the first packet that uses it.
 */
enum capture_format {
    CAPTURE_BY_NAME = 0, /* pcapng for a path ending in ".pcapng", pcap for others and "-" */
    CAPTURE_PCAP,
    CAPTURE_PCAPNG,
};

struct capture_writer;

/*
 * Creates or empties PATH, "-" for standard output, and puts the file header into the buffer.
 * *OUT as for capture_open(). Errors are final here too: after one, each call returns it again.
 * A closed pipe gives -EPIPE only when the program ignores SIGPIPE; the default action ends it.
 */
int capture_writer_open(struct capture_writer **out, const char *path, enum capture_format format);

/*
 * Adds a packet: LEN bytes of WIRE_LEN. INTERFACE names where it goes out; NULL: no name; pcap
 * does not store it. -EMSGSIZE when LEN exceeds CAPTURE_MAX_PACKET, -ERANGE when the format cannot
 * express the time (before 1970; for pcap also after February 2106).
 */
int capture_write(struct capture_writer *w, int64_t time_ns, const char *interface,
                  const void *data, uint32_t len, uint32_t wire_len);

/* Hands everything so far to the kernel. */
int capture_writer_flush(struct capture_writer *w);

/* Flushes and closes the file, but keeps W for capture_writer_error(). */
int capture_writer_finish(struct capture_writer *w);

/* Finishes if that was not done, ignoring errors, and frees. W may be NULL. */
void capture_writer_close(struct capture_writer *w);

const char *capture_writer_error(const struct capture_writer *w);

#endif
