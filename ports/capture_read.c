/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture reader: opening, the buffer, batches, errors.
 *
 * The input is read() into one buffer and decoded where it lies:
 *
 *     buf          pos              end          buf_size
 *      | consumed   | not decoded    | free       |
 *
 * A batch decodes records from pos on until MAX packets are found or the next record is not
 * complete. Bytes are moved and read only at the start of a batch, when the caller holds nothing:
 * then the incomplete record, all that is left, goes to the front, and one read() fills the rest.
 * So a packet costs no copy beyond the kernel's, and the move costs one record in each megabyte.
 * mmap() would save the kernel's copy, but does not work for pipes, and turns a file that is
 * truncated while it is read into a signal.
 *
 * The buffer starts at the asked size and grows to what one record needs, which the decoders
 * bound by CAPTURE_MAX_BLOCK before they ask for it.
 */
#include "capture_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for any file header, so that opening needs no growth. */
enum { MIN_BUFFER = 64 };

/* What else people hand over as a capture, by its first bytes. */
static const struct foreign {
    uint8_t len;
    uint8_t magic[4];
    const char *program;
} foreigns[] = {
    {2, {0x1f, 0x8b}, "gzip"},
    {4, {0x28, 0xb5, 0x2f, 0xfd}, "zstd"},
    {4, {0xfd, '7', 'z', 'X'}, "xz"},
    {3, {'B', 'Z', 'h'}, "bzip2"},
    {4, {0x04, 0x22, 0x4d, 0x18}, "lz4"},
};

/* "NAME: packet 3 at byte 200: ", in newly allocated memory, or NULL. */
static char *place_text(const struct capture *c)
{
    char *text = NULL;
    int len = -1;

    switch (c->place) {
    case CAPTURE_IN_HEADER: len = asprintf(&text, "%s: ", c->name); break;
    case CAPTURE_IN_PACKET:
        len = asprintf(&text, "%s: packet %" PRIu64 " at byte %" PRIu64 ": ", c->name,
                       c->stats.packets + 1, c->record_at);
        break;
    case CAPTURE_IN_BLOCK_HEAD:
        len = asprintf(&text, "%s: block at byte %" PRIu64 ": ", c->name, c->record_at);
        break;
    case CAPTURE_IN_BLOCK:
        len = asprintf(&text, "%s: block of type 0x%08" PRIx32 " at byte %" PRIu64 ": ", c->name,
                       c->block_type, c->record_at);
        break;
    }
    return len < 0 ? NULL : text;
}

/* "; the 16 packets before it were used", in newly allocated memory, or NULL. */
static char *used_text(const struct capture *c)
{
    uint64_t n = c->stats.packets;
    char *text = NULL;
    int len;

    if (c->place == CAPTURE_IN_HEADER || n == 0)
        return strdup("");
    len = n == 1 ? asprintf(&text, "; the packet before it was used")
                 : asprintf(&text, "; the %" PRIu64 " packets before it were used", n);
    return len < 0 ? NULL : text;
}

int capture_fail(struct capture *c, int code, const char *format, ...)
{
    char *place = place_text(c), *used = used_text(c), *reason = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&reason, format, args) < 0)
        reason = NULL;
    va_end(args);
    free(c->error);
    c->error = NULL;
    if (!place || !used || !reason || asprintf(&c->error, "%s%s%s", place, reason, used) < 0)
        c->error = NULL; /* capture_error() falls back to the code */
    free(place);
    free(used);
    free(reason);
    c->status = code;
    return code;
}

static int fail_system(struct capture *c, const char *what)
{
    int code = -errno;

    return capture_fail(c, code, "%s: %s", what, strerror(-code));
}

/* The file ends inside the record that the last step asked for. */
int capture_fail_short(struct capture *c)
{
    uint64_t got = c->base + c->end - c->record_at;

    return capture_fail(c, -ENODATA, "%s %" PRIu64 " bytes, file ends after %" PRIu64, c->need_text,
                        c->need_stated, got - c->need_skip);
}

void capture_warn(struct capture *c, const char *format, ...)
{
    va_list args;
    char *text;
    int len;

    if (!c->options.warn)
        return;
    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        c->options.warn(c->options.warn_arg, "out of memory for a warning");
        return;
    }
    c->options.warn(c->options.warn_arg, text);
    free(text);
}

const char *capture_error(const struct capture *c)
{
    if (!c)
        return "out of memory";
    if (c->error)
        return c->error;
    return c->status ? strerror(-c->status) : "";
}

const struct capture_stats *capture_stats(const struct capture *c)
{
    return &c->stats;
}

uint64_t capture_position(const struct capture *c)
{
    return c->base + c->pos;
}

uint64_t capture_size(const struct capture *c)
{
    return c->size;
}

/* Moves what is not decoded to the front and makes the buffer hold NEED bytes. */
static int make_room(struct capture *c, size_t need)
{
    size_t have = capture_have(c);

    if (c->pos > 0 && have > 0)
        memmove(c->buf, c->buf + c->pos, have);
    c->base += c->pos;
    c->pos = 0;
    c->end = have;
    if (need > c->buf_size) {
        uint8_t *buf = realloc(c->buf, need);

        if (!buf)
            return capture_fail(c, -ENOMEM, "no memory for a record of %zu bytes", need);
        c->buf = buf;
        c->buf_size = need;
    }
    return 0;
}

/* For a descriptor that somebody set non-blocking. */
static int wait_readable(struct capture *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLIN};

    if (poll(&ready, 1, -1) < 0 && errno != EINTR)
        return fail_system(c, "cannot read");
    return 0;
}

/* One read() into the free part, or a wait for it. */
static int read_more(struct capture *c)
{
    ssize_t n = read(c->fd, c->buf + c->end, c->buf_size - c->end);

    if (n >= 0) {
        c->end += (size_t)n;
        c->at_end = n == 0;
        return 0;
    }
    if (errno == EAGAIN)
        return wait_readable(c);
    return errno == EINTR ? 0 : fail_system(c, "cannot read");
}

int capture_fill(struct capture *c, size_t need)
{
    int status;

    if (capture_have(c) >= need)
        return 1;
    status = make_room(c, need);
    while (status == 0 && capture_have(c) < need && !c->at_end)
        status = read_more(c);
    if (status < 0)
        return status;
    return capture_have(c) >= need;
}

/* Not a capture: say what it is, if it is something well known. */
static int fail_foreign(struct capture *c)
{
    const uint8_t *at = c->buf + c->pos;

    for (size_t i = 0; i < sizeof(foreigns) / sizeof(foreigns[0]); i++) {
        const struct foreign *f = &foreigns[i];

        if (memcmp(at, f->magic, f->len) == 0)
            return capture_fail(c, -ENOTSUP,
                                "is compressed: unpack it with '%s -d' first, or read the output "
                                "of '%s -dc' as \"-\"",
                                f->program, f->program);
    }
    return capture_fail(c, -ENOTSUP,
                        "is not a pcap or pcapng file (it starts with %02x %02x %02x %02x); "
                        "'editcap -F pcapng OLD NEW' converts other capture formats",
                        at[0], at[1], at[2], at[3]);
}

/* Finds out the format by the first bytes, and lets it read its header. */
static int begin(struct capture *c)
{
    enum { MAGIC_LEN = 4 };
    int status = capture_fill(c, MAGIC_LEN);

    if (status == 0 && capture_have(c) == 0)
        return capture_fail(c, -ENODATA, "is empty, and so not a capture file");
    if (status == 0)
        return capture_fail(c, -ENODATA, "has only %zu bytes, and so is not a capture file",
                            capture_have(c));
    if (status > 0)
        status = capture_pcap_begin(c);
    if (status == 0 && !c->step)
        status = capture_pcapng_begin(c);
    if (status == 0 && !c->step)
        status = fail_foreign(c);
    return status;
}

static struct capture *create(const char *name, const struct capture_options *options)
{
    struct capture *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->fd = -1;
    if (options)
        c->options = *options;
    c->buf_size = c->options.buffer_size ? c->options.buffer_size : CAPTURE_DEFAULT_BUFFER;
    if (c->buf_size < MIN_BUFFER)
        c->buf_size = MIN_BUFFER;
    c->name = strdup(name);
    c->buf = malloc(c->buf_size);
    if (!c->name || !c->buf) {
        capture_close(c);
        return NULL;
    }
    return c;
}

/* Bytes from where FD stands to its end, for a regular file. */
static uint64_t rest_of(int fd)
{
    struct stat st;
    off_t at = lseek(fd, 0, SEEK_CUR);

    if (at < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < at)
        return 0;
    return (uint64_t)(st.st_size - at);
}

int capture_open_fd(struct capture **out, int fd, const char *name,
                    const struct capture_options *options)
{
    struct capture *c = *out = create(name, options);

    if (!c)
        return -ENOMEM;
    c->fd = fd;
    c->size = rest_of(fd);
    return begin(c);
}

int capture_open(struct capture **out, const char *path, const struct capture_options *options)
{
    struct capture *c;

    if (strcmp(path, "-") == 0)
        return capture_open_fd(out, STDIN_FILENO, "standard input", options);
    c = *out = create(path, options);
    if (!c)
        return -ENOMEM;
    c->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0)
        return fail_system(c, "cannot open");
    c->owns_fd = true;
    c->size = rest_of(c->fd);
    return begin(c);
}

void capture_close(struct capture *c)
{
    if (!c)
        return;
    capture_pcapng_fini(c);
    if (c->owns_fd)
        close(c->fd);
    free(c->buf);
    free(c->name);
    free(c->error);
    free(c);
}

/* What all formats have in common once a packet is decoded. */
static void finish(struct capture *c, struct capture_packet *p)
{
    if (p->wire_len < p->cap_len) {
        p->wire_len = p->cap_len;
        c->stats.length_raised++;
    }
    c->stats.cut += p->cap_len < p->wire_len;
    c->stats.kinds[p->kind]++;
    c->stats.packets++;
}

/* The bytes for the next record are not there, and nothing is held. 1, 0 at the end, or error. */
static int refill(struct capture *c)
{
    int status = capture_fill(c, c->need);

    if (status != 0)
        return status;
    if (c->base + c->end != c->record_at)
        return capture_fail_short(c);
    if (c->stats.packets > 0 && c->stats.packets == c->stats.kinds[CAPTURE_UNKNOWN_LINK])
        return capture_pcapng_unusable(c);
    return 0;
}

int capture_batch(struct capture *c, struct capture_packet *packets, int max)
{
    int n = 0, status = c->status;

    while (status >= 0 && n < max) {
        c->held = n;
        status = c->step(c, &packets[n]);
        if (status == CAPTURE_STEP_PACKET) {
            finish(c, &packets[n++]);
        } else if (status == CAPTURE_STEP_WAIT) {
            if (n > 0)
                break;
            status = refill(c);
            if (status == 0)
                break;
        }
    }
    /* Held packets come first: the error stays in c->status for the next call. */
    return n > 0 ? n : status < 0 ? status : 0;
}

int capture_next(struct capture *c, struct capture_packet *packet)
{
    return capture_batch(c, packet, 1);
}
