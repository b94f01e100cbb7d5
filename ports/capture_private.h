/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the capture reader share.
 *
 * capture_read.c owns the buffer and the errors and turns steps into batches; capture_pcap.c and
 * capture_pcapng.c each provide a step function, which decodes the one record or block at the
 * read position; capture_link.c takes the link header off a packet.
 *
 * A step either consumes its record (moving `pos`), or asks for more bytes and is called again
 * with them from the record's start, or fails. Only the core moves or refills the buffer, and only
 * when the caller holds no packet, so a step may hand out pointers into it.
 */
#ifndef PORTS_CAPTURE_PRIVATE_H
#define PORTS_CAPTURE_PRIVATE_H

#include <stdbool.h>
#include <string.h>

#include "capture.h"

/* A link type by number; strip fills l3, kind and what else the link header tells. */
struct capture_link {
    uint16_t number;
    const char *name;
    void (*strip)(struct capture_packet *packet); /* NULL: known by name only */
};

/* Ticks of a pcapng interface to nanoseconds: (ticks * mul >> shift) / div + offset_ns. */
struct capture_clock {
    uint64_t mul;
    uint64_t div;
    uint8_t shift;
    int64_t offset_ns;
};

struct capture_interface {
    char *name;                                   /* NULL: not named */
    void (*strip)(struct capture_packet *packet); /* NULL: unknown link type */
    struct capture_clock clock;
    uint32_t snap_len; /* 0: none */
    uint16_t link_type;
    bool warned;
};

/* What a step returns when it does not fail with a negative errno. */
enum capture_step {
    CAPTURE_STEP_WAIT = 0, /* not until the buffer holds `need` bytes and no packet is held */
    CAPTURE_STEP_PACKET,   /* consumed, packet filled in */
    CAPTURE_STEP_PASS,     /* consumed, no packet */
};

/* Which part of the file is being read, for messages. */
enum capture_place {
    CAPTURE_IN_HEADER = 0,
    CAPTURE_IN_PACKET,
    CAPTURE_IN_BLOCK_HEAD, /* its type is not known yet */
    CAPTURE_IN_BLOCK,
};

struct capture {
    int fd;
    bool owns_fd;
    bool swap; /* numbers in the file (pcapng: section) are not in the machine's byte order */
    bool at_end;
    int held;   /* packets of the current batch so far: while not 0, the buffer must stay */
    int status; /* negative errno of the final error */
    char *name;
    char *error;
    struct capture_options options;

    uint8_t *buf;
    size_t buf_size;
    size_t pos;    /* read position in buf */
    size_t end;    /* end of the bytes in buf */
    uint64_t base; /* position of buf[0] in the file */
    uint64_t size;

    int (*step)(struct capture *c, struct capture_packet *packet);

    /* The record being decoded, and what it lacks. */
    enum capture_place place;
    uint32_t block_type;
    uint64_t record_at;    /* position in the file */
    size_t need;           /* bytes needed in the buffer from pos on */
    const char *need_text; /* "record says", ... */
    uint64_t need_stated;  /* the length in the message: that of the record less need_skip */
    uint32_t need_skip;

    struct {
        uint32_t head_len;
        uint32_t tick_ns;
        uint32_t tick_limit; /* ticks in a second */
        void (*strip)(struct capture_packet *packet);
    } pcap;

    struct {
        struct capture_interface *interfaces; /* of this section */
        uint32_t count;
        uint32_t room;
        uint32_t before;            /* interfaces of earlier sections */
        uint32_t pass_len;          /* length of the block that is being passed over */
        uint32_t pass_left;         /* what is left of it; 0: none */
        int64_t last_ns;            /* time for packets without one */
        uint32_t unknown_interface; /* the first that had packets of an unknown link type */
        uint16_t unknown_link;
    } pcapng;

    struct capture_stats stats;
};

static inline uint16_t capture_get16(const struct capture *c, const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof(v));
    return c->swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t capture_get32(const struct capture *c, const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
    return c->swap ? __builtin_bswap32(v) : v;
}

/* From a packet type as Linux' packet sockets number them: 0 for us, to 4 outgoing. */
static inline enum capture_to capture_to_linux(uint32_t type)
{
    return type <= CAPTURE_OUTGOING - CAPTURE_TO_US ? (enum capture_to)(CAPTURE_TO_US + type)
                                                    : CAPTURE_TO_UNSTATED;
}

static inline size_t capture_have(const struct capture *c)
{
    return c->end - c->pos;
}

/*
 * Returned by a step that needs its whole record of LEN bytes. If the file ends first, the message
 * says "TEXT LEN bytes, file ends after ...", both less the SKIP bytes of header that TEXT does
 * not mean.
 */
static inline int capture_want(struct capture *c, uint32_t len, uint32_t skip, const char *text)
{
    c->need = len;
    c->need_text = text;
    c->need_stated = len - skip;
    c->need_skip = skip;
    return CAPTURE_STEP_WAIT;
}

/* Makes NEED bytes available from pos on. 1, 0 if the file ends before, or a negative errno. */
int capture_fill(struct capture *c, size_t need);

/* Sets the final error, with file and place in front of the text, and returns CODE (negative). */
int capture_fail(struct capture *c, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int capture_fail_short(struct capture *c);

void capture_warn(struct capture *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Called with the file's first bytes in the buffer: check the header, set step. */
int capture_pcap_begin(struct capture *c);
int capture_pcapng_begin(struct capture *c);
void capture_pcapng_fini(struct capture *c);

/* Fails for a file that has ended without one packet of a known link type. */
int capture_pcapng_unusable(struct capture *c);

/* NULL when there is no entry for the number. */
const struct capture_link *capture_link_find(uint32_t number);

/* "link type 220 (USB_LINUX_MMAPPED) is not supported; supported are ..." */
enum { CAPTURE_LINK_TEXT = 512 };
const char *capture_link_unsupported(uint32_t number, char text[CAPTURE_LINK_TEXT]);

#endif
