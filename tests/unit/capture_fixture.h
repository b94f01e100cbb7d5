/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the capture reader share: capture files built byte by byte, in either byte
 * order and not only correct ones (lengths are stated apart from the data that follows), and
 * reading them through a descriptor.
 */
#ifndef TESTS_UNIT_CAPTURE_FIXTURE_H
#define TESTS_UNIT_CAPTURE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BATCH = 64 };

/* What is read must not depend on the buffer: the first two cannot hold most records. */
static const size_t buffer_sizes[] = {1, 100, 1000, 0};

/* An Ethernet frame with an IPv4 header's first bytes. */
static const uint8_t frame[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0, 0, 20};

#define MAGIC_US   0xa1b2c3d4u
#define MAGIC_NS   0xa1b23c4du
#define MAGIC_LONG 0xa1b2cd34u

enum {
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_USB = 220, /* one that the reader does not know */

    SHB = 0x0a0d0d0a,
    IDB = 1,
    PB = 2,
    SPB = 3,
    EPB = 6,

    OPT_IF_NAME = 2,
    OPT_EPB_FLAGS = 2,
    OPT_IF_TSRESOL = 9,
    OPT_IF_TSOFFSET = 14,
};

struct bytes {
    uint8_t *at;
    size_t len;
    size_t room;
    bool swap; /* numbers are put in the order that is not the machine's */
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->room) {
        b->room = 2 * b->room + len + 64;
        b->at = realloc(b->at, b->room);
        if (!b->at)
            abort();
    }
    if (len > 0)
        memcpy(b->at + b->len, data, len);
    b->len += len;
}

static inline void put16(struct bytes *b, uint16_t v)
{
    v = b->swap ? __builtin_bswap16(v) : v;
    put(b, &v, sizeof(v));
}

static inline void put32(struct bytes *b, uint32_t v)
{
    v = b->swap ? __builtin_bswap32(v) : v;
    put(b, &v, sizeof(v));
}

static inline void put64(struct bytes *b, uint64_t v)
{
    v = b->swap ? __builtin_bswap64(v) : v;
    put(b, &v, sizeof(v));
}

static inline void put_zeros(struct bytes *b, size_t len)
{
    while (len-- > 0)
        put(b, "", 1);
}

static inline void put_padding(struct bytes *b, size_t len)
{
    put_zeros(b, -len & 3);
}

static inline void free_bytes(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){.swap = b->swap};
}

/* pcap */

static inline void put_pcap(struct bytes *b, uint32_t magic, uint32_t link_type)
{
    put32(b, magic);
    put16(b, 2);
    put16(b, 4);
    put32(b, 0);
    put32(b, 0);
    put32(b, 65535);
    put32(b, link_type);
}

static inline void put_record(struct bytes *b, uint32_t seconds, uint32_t fraction,
                              uint32_t cap_len, uint32_t wire_len)
{
    put32(b, seconds);
    put32(b, fraction);
    put32(b, cap_len);
    put32(b, wire_len);
}

/* pcapng: a block's length is put in at its end. */

static inline size_t put_block(struct bytes *b, uint32_t type)
{
    size_t at = b->len;

    put32(b, type);
    put32(b, 0);
    return at;
}

static inline void end_block(struct bytes *b, size_t at)
{
    uint32_t len = (uint32_t)(b->len + 4 - at);

    put32(b, len);
    memcpy(b->at + at + 4, b->at + b->len - 4, 4);
}

static inline void put_option(struct bytes *b, uint16_t code, const void *value, uint16_t len)
{
    put16(b, code);
    put16(b, len);
    put(b, value, len);
    put_padding(b, len);
}

static inline void put_section(struct bytes *b)
{
    size_t at = put_block(b, SHB);

    put32(b, 0x1a2b3c4d);
    put16(b, 1);
    put16(b, 0);
    put64(b, UINT64_MAX);
    end_block(b, at);
}

/* NAME may be NULL, RESOLUTION negative: then there is no such option. */
static inline void put_interface(struct bytes *b, uint16_t link_type, uint32_t snap_len,
                                 const char *name, int resolution)
{
    size_t at = put_block(b, IDB);

    put16(b, link_type);
    put16(b, 0);
    put32(b, snap_len);
    if (name)
        put_option(b, OPT_IF_NAME, name, (uint16_t)strlen(name));
    if (resolution >= 0)
        put_option(b, OPT_IF_TSRESOL, &(uint8_t){(uint8_t)resolution}, 1);
    end_block(b, at);
}

/* The fixed part; data, options and end_block() are the caller's. */
static inline size_t put_enhanced(struct bytes *b, uint32_t interface, uint64_t ticks,
                                  uint32_t cap_len, uint32_t wire_len)
{
    size_t at = put_block(b, EPB);

    put32(b, interface);
    put32(b, (uint32_t)(ticks >> 32));
    put32(b, (uint32_t)ticks);
    put32(b, cap_len);
    put32(b, wire_len);
    return at;
}

/* The flags option with the length that is to be stated. */
static inline void put_flags(struct bytes *b, uint16_t len, uint32_t flags)
{
    put16(b, OPT_EPB_FLAGS);
    put16(b, len);
    put32(b, flags);
}

static inline void put_packet(struct bytes *b, uint32_t interface, uint64_t ticks, const void *data,
                              uint32_t len)
{
    size_t at = put_enhanced(b, interface, ticks, len, len);

    put(b, data, len);
    put_padding(b, len);
    end_block(b, at);
}

static inline void put_pcapng(struct bytes *b)
{
    put_section(b);
    put_interface(b, LINK_RAW, 0, NULL, -1);
}

static inline void put_pcap_packets(struct bytes *b, int n)
{
    put_pcap(b, MAGIC_US, LINK_RAW);
    for (int i = 0; i < n; i++) {
        put_record(b, 1, 0, 1, 1);
        put(b, "\x45", 1);
    }
}

/* Two sections of different byte order with all kinds of blocks. */
static inline void put_two_sections(struct bytes *b)
{
    static const uint8_t big[3000] = {0};
    size_t at;

    for (int i = 0; i < 2; i++) {
        b->swap = i == 1;
        put_section(b);
        put_interface(b, LINK_ETHERNET, 0, i ? "wan0" : "lan0", 9);
        put_interface(b, LINK_RAW, 0, NULL, -1);
        at = put_block(b, 0x12345678); /* unknown, larger than the smaller buffers */
        put(b, big, sizeof(big));
        end_block(b, at);

        put_packet(b, 0, 0x123456789abcdef0, frame, sizeof(frame));
        put_packet(b, 1, 5000001, "\x45", 1);

        at = put_enhanced(b, 0, 77, sizeof(frame), 2000); /* with flags: outbound */
        put(b, frame, sizeof(frame));
        put_padding(b, sizeof(frame));
        put_option(b, 1, "hello", 5);
        put_flags(b, 4, 2);
        put_option(b, 0, "", 0);
        end_block(b, at);

        at = put_block(b, PB); /* obsolete, 3 drops */
        put16(b, 1);
        put16(b, 3);
        put32(b, 0);
        put32(b, 6000000);
        put32(b, 2);
        put32(b, 40);
        put(b, "\x60", 2);
        put_padding(b, 2);
        end_block(b, at);

        at = put_block(b, SPB);
        put32(b, sizeof(frame));
        put(b, frame, sizeof(frame));
        put_padding(b, sizeof(frame));
        end_block(b, at);
    }
}

/* Reading. */

static inline int file_of(const struct bytes *b)
{
    int fd = memfd_create("capture", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, b->at, b->len, 0), b->len);
    return fd;
}

struct reading {
    struct capture *capture;
    int fd;
    int status; /* of opening */
    char warnings[4096];
    int warned;
};

static inline void warn(void *arg, const char *text)
{
    struct reading *r = arg;

    snprintf(r->warnings, sizeof(r->warnings), "%s", text);
    r->warned++;
}

static inline void begin(struct reading *r, const struct bytes *b, size_t buffer_size)
{
    struct capture_options options = {.buffer_size = buffer_size, .warn = warn, .warn_arg = r};

    *r = (struct reading){.fd = file_of(b)};
    r->status = capture_open_fd(&r->capture, r->fd, "test.cap", &options);
}

static inline void end(struct reading *r)
{
    capture_close(r->capture);
    close(r->fd);
}

/* Reads the only packet of a file. */
static inline void only(struct reading *r, const struct bytes *b, size_t buffer_size,
                        struct capture_packet *p)
{
    struct capture_packet more;

    begin(r, b, buffer_size);
    assert_string_equal(capture_error(r->capture), "");
    assert_int_equal(r->status, 0);
    assert_int_equal(capture_next(r->capture, p), 1);
    assert_int_equal(p->number, 1);
    more = *p;
    assert_int_equal(capture_next(r->capture, &more), 0);
    assert_int_equal(capture_next(r->capture, &more), 0);
}

/* Reads all; returns the number of packets, and in *STATUS how it ended. */
static inline int read_all(struct reading *r, int batch, int *status)
{
    struct capture_packet p[BATCH];
    int packets = 0;

    *status = r->status;
    while (*status >= 0 && (*status = capture_batch(r->capture, p, batch)) > 0)
        packets += *status;
    return packets;
}

#endif
