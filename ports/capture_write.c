/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture writer: pcap and pcapng of raw IP packets.
 *
 * Records are put together in one buffer, which is written when the next one may not fit. The
 * buffer holds any single record with the interface description that it may need, so putting
 * together cannot fail half-way.
 *
 * Numbers are in the machine's byte order, which both formats leave to the writer. In a pcapng,
 * interfaces get their description when their first packet comes: the names need not be known
 * before, and a reader of the unfinished file finds them in time.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BUFFER = 2 * CAPTURE_MAX_PACKET, /* any record, name included, and good-sized writes */
    LINK_TYPE_RAW = 101,

    BLOCK_INTERFACE = 1,
    BLOCK_ENHANCED = 6,
    BLOCK_SECTION = 0x0a0d0d0a,
    OPTION_END = 0,
    OPTION_IF_NAME = 2,
    OPTION_IF_TSRESOL = 9,
    OPTION_SHB_USERAPPL = 4,
};

_Static_assert(BUFFER >= CAPTURE_MAX_PACKET + CAPTURE_MAX_NAME + 128,
               "the buffer holds any record");

static const int64_t NS = 1000000000;

struct capture_writer {
    int fd;
    int status; /* negative errno of the final error */
    bool owns_fd;
    bool pcapng;
    char *name;
    char *error;
    uint64_t packets;
    char **interfaces; /* pcapng: names by number; "" is the unnamed one */
    uint32_t count;
    uint32_t last; /* number of the interface that was used last, the likely next one */
    size_t used;
    uint8_t buf[BUFFER];
};

static int __attribute__((format(printf, 3, 4)))
fail(struct capture_writer *w, int code, const char *format, ...)
{
    char *reason = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&reason, format, args) < 0)
        reason = NULL;
    va_end(args);
    free(w->error);
    if (!reason || asprintf(&w->error, "%s: %s", w->name, reason) < 0)
        w->error = NULL; /* capture_writer_error() falls back to the code */
    free(reason);
    w->status = code;
    return code;
}

static int fail_system(struct capture_writer *w, const char *what)
{
    int code = -errno;

    return fail(w, code, "%s: %s", what, strerror(-code));
}

const char *capture_writer_error(const struct capture_writer *w)
{
    if (!w)
        return "out of memory";
    if (w->error)
        return w->error;
    return w->status ? strerror(-w->status) : "";
}

/* For a descriptor that somebody set non-blocking. */
static void wait_writable(struct capture_writer *w)
{
    struct pollfd ready = {.fd = w->fd, .events = POLLOUT};

    if (poll(&ready, 1, -1) < 0 && errno != EINTR)
        fail_system(w, "cannot write");
}

int capture_writer_flush(struct capture_writer *w)
{
    size_t done = 0;

    while (w->status == 0 && done < w->used) {
        ssize_t n = write(w->fd, w->buf + done, w->used - done);

        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            wait_writable(w);
        else if (errno != EINTR)
            fail_system(w, "cannot write");
    }
    w->used = 0;
    return w->status;
}

static void put(struct capture_writer *w, const void *data, size_t len)
{
    memcpy(w->buf + w->used, data, len);
    w->used += len;
}

static void put16(struct capture_writer *w, uint16_t v)
{
    put(w, &v, sizeof(v));
}

static void put32(struct capture_writer *w, uint32_t v)
{
    put(w, &v, sizeof(v));
}

static uint32_t padded(uint32_t len)
{
    return (len + 3) & ~3u;
}

static void put_padded(struct capture_writer *w, const void *data, uint32_t len)
{
    static const uint8_t zeros[4];

    put(w, data, len);
    put(w, zeros, padded(len) - len);
}

static void put_option(struct capture_writer *w, uint16_t code, const void *value, uint16_t len)
{
    put16(w, code);
    put16(w, len);
    put_padded(w, value, len);
}

/* Starts a block; its length is put in by end_block(). */
static size_t begin_block(struct capture_writer *w, uint32_t type)
{
    size_t at = w->used;

    put32(w, type);
    put32(w, 0);
    return at;
}

static void end_block(struct capture_writer *w, size_t at)
{
    uint32_t len = (uint32_t)(w->used + sizeof(len) - at);

    put32(w, len);
    memcpy(w->buf + at + sizeof(uint32_t), &len, sizeof(len));
}

/* Makes room for a record that needs LEN bytes. */
static int reserve(struct capture_writer *w, size_t len)
{
    if (w->status == 0 && BUFFER - w->used < len)
        return capture_writer_flush(w);
    return w->status;
}

static void pcap_header(struct capture_writer *w)
{
    put32(w, 0xa1b23c4d); /* nanoseconds */
    put16(w, 2);
    put16(w, 4);
    put32(w, 0);
    put32(w, 0);
    put32(w, CAPTURE_MAX_PACKET);
    put32(w, LINK_TYPE_RAW);
}

static void section_block(struct capture_writer *w)
{
    static const char program[] = "weir";
    size_t at = begin_block(w, BLOCK_SECTION);

    put32(w, 0x1a2b3c4d);
    put16(w, 1);
    put16(w, 0);
    put32(w, UINT32_MAX); /* section length, 64 bits: not stated */
    put32(w, UINT32_MAX);
    put_option(w, OPTION_SHB_USERAPPL, program, sizeof(program) - 1);
    put_option(w, OPTION_END, "", 0);
    end_block(w, at);
}

static void interface_block(struct capture_writer *w, const char *name)
{
    static const uint8_t nanoseconds = 9; /* 10^-9 */
    size_t at = begin_block(w, BLOCK_INTERFACE);

    put16(w, LINK_TYPE_RAW);
    put16(w, 0);
    put32(w, CAPTURE_MAX_PACKET);
    if (*name)
        put_option(w, OPTION_IF_NAME, name, (uint16_t)strlen(name));
    put_option(w, OPTION_IF_TSRESOL, &nanoseconds, sizeof(nanoseconds));
    put_option(w, OPTION_END, "", 0);
    end_block(w, at);
}

static int add_interface(struct capture_writer *w, const char *name)
{
    char **interfaces = reallocarray(w->interfaces, w->count + 1, sizeof(*interfaces));

    if (interfaces)
        w->interfaces = interfaces;
    if (!interfaces || !(interfaces[w->count] = strndup(name, CAPTURE_MAX_NAME)))
        return fail(w, -ENOMEM, "no memory for interface %s", name);
    w->last = w->count++;
    interface_block(w, interfaces[w->last]);
    return 0;
}

/* Sets w->last to the interface, describing it first if it is new. */
static int select_interface(struct capture_writer *w, const char *name)
{
    if (w->count > 0 && strncmp(w->interfaces[w->last], name, CAPTURE_MAX_NAME) == 0)
        return 0;
    for (uint32_t i = 0; i < w->count; i++) {
        if (strncmp(w->interfaces[i], name, CAPTURE_MAX_NAME) == 0) {
            w->last = i;
            return 0;
        }
    }
    return add_interface(w, name);
}

static void pcap_record(struct capture_writer *w, int64_t time_ns, const void *data, uint32_t len,
                        uint32_t wire_len)
{
    put32(w, (uint32_t)(time_ns / NS));
    put32(w, (uint32_t)(time_ns % NS));
    put32(w, len);
    put32(w, wire_len);
    put(w, data, len);
}

static void enhanced_block(struct capture_writer *w, int64_t time_ns, const void *data,
                           uint32_t len, uint32_t wire_len)
{
    size_t at = begin_block(w, BLOCK_ENHANCED);

    put32(w, w->last);
    put32(w, (uint32_t)((uint64_t)time_ns >> 32));
    put32(w, (uint32_t)time_ns);
    put32(w, len);
    put32(w, wire_len);
    put_padded(w, data, len);
    end_block(w, at);
}

/* What the format cannot express. */
static int check(struct capture_writer *w, int64_t time_ns, uint32_t len)
{
    if (w->status < 0)
        return w->status;
    if (len > CAPTURE_MAX_PACKET)
        return fail(w, -EMSGSIZE, "packet %" PRIu64 " has %" PRIu32 " bytes, more than %d",
                    w->packets + 1, len, CAPTURE_MAX_PACKET);
    if (time_ns < 0)
        return fail(w, -ERANGE,
                    "packet %" PRIu64 " is of before 1970, which capture files cannot "
                    "express",
                    w->packets + 1);
    if (!w->pcapng && time_ns / NS > UINT32_MAX)
        return fail(w, -ERANGE,
                    "packet %" PRIu64 " is of after February 2106, which pcap cannot "
                    "express; write a .pcapng file",
                    w->packets + 1);
    return 0;
}

int capture_write(struct capture_writer *w, int64_t time_ns, const char *interface,
                  const void *data, uint32_t len, uint32_t wire_len)
{
    enum { OVERHEAD = 2 * 64 + CAPTURE_MAX_NAME }; /* an interface description and a packet block */
    int status = check(w, time_ns, len);

    if (status == 0)
        status = reserve(w, padded(len) + OVERHEAD);
    if (status == 0 && w->pcapng)
        status = select_interface(w, interface ? interface : "");
    if (status < 0)
        return status;
    if (w->pcapng)
        enhanced_block(w, time_ns, data, len, wire_len);
    else
        pcap_record(w, time_ns, data, len, wire_len);
    w->packets++;
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

int capture_writer_open(struct capture_writer **out, const char *path, enum capture_format format)
{
    bool standard = strcmp(path, "-") == 0;
    struct capture_writer *w = *out = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->fd = STDOUT_FILENO;
    w->name = strdup(standard ? "standard output" : path);
    if (!w->name) {
        capture_writer_close(w);
        *out = NULL;
        return -ENOMEM;
    }
    if (!standard) {
        w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (w->fd < 0)
            return fail_system(w, "cannot create");
        w->owns_fd = true;
    }
    w->pcapng =
        format == CAPTURE_PCAPNG || (format == CAPTURE_BY_NAME && ends_with(path, ".pcapng"));
    if (w->pcapng)
        section_block(w);
    else
        pcap_header(w);
    return 0;
}

int capture_writer_finish(struct capture_writer *w)
{
    capture_writer_flush(w);
    /* Network file systems report a full disk here. */
    if (w->owns_fd && close(w->fd) < 0 && w->status == 0)
        fail_system(w, "cannot write");
    w->owns_fd = false;
    return w->status;
}

void capture_writer_close(struct capture_writer *w)
{
    if (!w)
        return;
    capture_writer_finish(w);
    for (uint32_t i = 0; i < w->count; i++)
        free(w->interfaces[i]);
    free(w->interfaces);
    free(w->name);
    free(w->error);
    free(w);
}
