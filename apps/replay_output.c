/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The outputs of a replay. Text is gathered in memory and written in large pieces, or at once when
 * somebody watches (--flush, or a terminal).
 */
#include "replay_output.h"

#include "app.h"

#include "../control/event_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "replay";

enum { PIECE = 64 * 1024 };

struct sink {
    const char *path; /* "-": standard output */
    int fd;
    int error; /* errno of the first failure; then everything else is thrown away */
    bool prompt;
    struct textbuf text;
};

struct output {
    const struct gateway *gateway;
    const struct rule_file *rules; /* [2] */
    struct sink sinks[REPLAY_TEXT_MAX];
    int sink_count;
    struct sink *to[REPLAY_TEXT_MAX];
    struct capture_writer *writer;
    int writer_error;
    bool flush;
    struct output_slot *latest; /* of the running batch: that of the last event with a cause */
};

/* A packet that weir made, as it is kept in a slot: this, and `len` bytes. */
struct made {
    uint32_t len;
    uint16_t out_iface;
};

/* Opening. */

/* Would writing to `path` destroy the capture that is to be read? */
static bool is_capture(const char *path, const char *capture)
{
    struct stat to, from;
    if (!strcmp(path, "-") || stat(path, &to) || !S_ISREG(to.st_mode))
        return false;
    if (strcmp(capture, "-") != 0 ? stat(capture, &from) : fstat(STDIN_FILENO, &from))
        return false;
    return to.st_dev == from.st_dev && to.st_ino == from.st_ino;
}

static struct sink *open_sink(struct output *output, const char *path, bool flush)
{
    for (int i = 0; i < output->sink_count; i++)
        if (!strcmp(output->sinks[i].path, path))
            return &output->sinks[i];
    int fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0)
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        app_complain(name, "cannot write '%s': %s", path, strerror(errno));
        return NULL;
    }
    struct sink *sink = &output->sinks[output->sink_count++];
    *sink = (struct sink){.path = path, .fd = fd, .prompt = flush || isatty(fd)};
    return sink;
}

static bool open_texts(struct output *output, const struct replay_options *options)
{
    for (int i = 0; i < REPLAY_TEXT_MAX; i++) {
        const char *path = options->texts[i];
        if (!path)
            continue;
        if (is_capture(path, options->capture)) {
            app_complain(name, "'%s' is the capture itself and would be overwritten", path);
            return false;
        }
        output->to[i] = open_sink(output, path, options->flush);
        if (!output->to[i])
            return false;
    }
    return true;
}

static bool open_writer(struct output *output, const struct replay_options *options)
{
    const char *path = options->write;
    if (!path)
        return true;
    for (int i = 0; i < output->sink_count; i++) {
        struct stat text;
        if (strcmp(output->sinks[i].path, path) != 0 || fstat(output->sinks[i].fd, &text) ||
            !S_ISREG(text.st_mode))
            continue;
        app_complain(name, "packets and text cannot both go to '%s'", path);
        return false;
    }
    if (is_capture(path, options->capture)) {
        app_complain(name, "'%s' is the capture itself and would be overwritten", path);
        return false;
    }
    if (!capture_writer_open(&output->writer, path, CAPTURE_BY_NAME))
        return true;
    app_complain(name, "%s",
                 output->writer ? capture_writer_error(output->writer) : "out of memory");
    return false;
}

static void close_files(struct output *output)
{
    capture_writer_close(output->writer);
    for (int i = 0; i < output->sink_count; i++) {
        textbuf_fini(&output->sinks[i].text);
        if (output->sinks[i].fd != STDOUT_FILENO)
            close(output->sinks[i].fd);
    }
    free(output);
}

struct output *output_open(const struct replay_options *options, const struct rule_file rules[2])
{
    struct output *output = calloc(1, sizeof(*output));
    if (!output) {
        app_complain(name, "out of memory");
        return NULL;
    }
    output->gateway = options->gateway;
    output->rules = rules;
    output->flush = options->flush;
    if (!open_texts(output, options) || !open_writer(output, options)) {
        close_files(output);
        return NULL;
    }
    return output;
}

/* Writing. */

static void sink_flush(struct sink *sink)
{
    const char *at = sink->text.data;
    size_t left = sink->text.len;
    if (sink->text.failed && !sink->error)
        sink->error = ENOMEM;
    while (left && !sink->error) {
        ssize_t done = write(sink->fd, at, left);
        if (done < 0 && errno != EINTR)
            sink->error = errno;
        if (done > 0) {
            at += done;
            left -= (size_t)done;
        }
    }
    textbuf_clear(&sink->text);
}

void output_pass(struct output *output)
{
    for (int i = 0; i < output->sink_count; i++) {
        struct sink *sink = &output->sinks[i];
        if (sink->prompt || sink->text.len >= PIECE || sink->text.failed)
            sink_flush(sink);
    }
    if (output->flush && output->writer && !output->writer_error)
        output->writer_error = capture_writer_flush(output->writer);
}

struct textbuf *output_text(struct output *output, enum replay_text kind)
{
    return output->to[kind] ? &output->to[kind]->text : NULL;
}

static struct output_slot *slot_of(const struct weir_packet *cause)
{
    return cause ? cause->user : NULL;
}

/*
 * Events keep the order in which they are told. So one without a cause, amid those of a batch, goes
 * to the slot that was told of last.
 */
void output_event(struct output *output, const struct weir_event *event)
{
    struct output_slot *slot = slot_of(event->cause);
    struct weir_time time = slot ? (struct weir_time){slot->captured->time_ns} : event->time;
    struct textbuf *text = output_text(output, REPLAY_EVENTS);
    if (slot)
        output->latest = slot;
    if (output->latest)
        text = &output->latest->events;
    if (!text)
        return;
    event_text_timestamp(text, time);
    event_text_print(text, event, 0, NULL);
    textbuf_add(text, "\n");
}

static void write_packet(struct output *output, int64_t time_ns, uint16_t out_iface,
                         const void *data, uint32_t len, uint32_t wire_len)
{
    if (output->writer_error)
        return;
    const char *iface = gateway_interface_name(output->gateway, out_iface);
    output->writer_error = capture_write(output->writer, time_ns, iface, data, len, wire_len);
}

void output_made(struct output *output, const struct weir_packet *made,
                 const struct weir_packet *cause, struct weir_time now)
{
    struct output_slot *slot = slot_of(cause);
    if (!output->writer || !made->out_iface) /* the host itself got it */
        return;
    if (!slot) {
        write_packet(output, now.ns, made->out_iface, made->data, made->len, made->len);
        return;
    }
    struct made record = {.len = made->len, .out_iface = made->out_iface};
    textbuf_add_bytes(&slot->made, &record, sizeof(record));
    textbuf_add_bytes(&slot->made, made->data, made->len);
}

/*
 * The length that the IP header states: what follows it in the capture is link padding. A header
 * that states none (a jumbogram) counts all there is.
 */
static uint32_t stated_length(const struct weir_packet *packet)
{
    enum { V4_LENGTH_AT = 2, V6_LENGTH_AT = 4, V6_HEADER = 40 };
    bool v6 = packet->data[0] >> 4 == 6;
    unsigned at = v6 ? V6_LENGTH_AT : V4_LENGTH_AT;
    if (packet->len < at + 2)
        return packet->len;
    uint32_t length = (uint32_t)packet->data[at] << 8 | packet->data[at + 1];
    if (!length)
        return packet->len;
    return v6 ? length + V6_HEADER : length;
}

/* First what weir made of the packet, then the packet itself if it goes on. */
static void write_slot(struct output *output, const struct output_slot *slot)
{
    struct made record;
    for (size_t at = 0; at < slot->made.len; at += sizeof(record) + record.len) {
        memcpy(&record, slot->made.data + at, sizeof(record));
        write_packet(output, slot->captured->time_ns, record.out_iface,
                     slot->made.data + at + sizeof(record), record.len, record.len);
    }
    const struct weir_packet *packet = slot->packet;
    if (slot->made.failed && !output->writer_error)
        output->writer_error = -ENOMEM;
    if (packet->verdict != WEIR_ACCEPT || !packet->out_iface) /* the host itself got it */
        return;
    uint32_t stated = stated_length(packet);
    uint32_t len = stated < packet->len ? stated : packet->len;
    write_packet(output, slot->captured->time_ns, packet->out_iface, packet->data, len, stated);
}

/* "FILE:LINE" of the rule that decided, "-": none did. A policy that the file does not state has
 * line 0. */
static void add_rule(struct textbuf *text, const struct output *output,
                     const struct weir_packet *packet)
{
    if (!packet->rule) {
        textbuf_add(text, "-");
        return;
    }
    const struct rule_file *file = &output->rules[packet->data[0] >> 4 == 6];
    textbuf_add(text, file->path);
    textbuf_add(text, ":");
    textbuf_add_number(text, weir_rules_line(file->rules, packet->rule - 1));
}

static void add_verdict(struct textbuf *text, const struct output *output,
                        const struct output_slot *slot)
{
    static const char *const verdicts[WEIR_VERDICT_MAX] = {
        [WEIR_VERDICT_NONE] = "-", [WEIR_ACCEPT] = "ACCEPT",     [WEIR_DROP] = "DROP",
        [WEIR_HELD] = "HELD",      [WEIR_REPLACED] = "REPLACED",
    };
    const struct weir_packet *packet = slot->packet;
    textbuf_add_number(text, slot->captured->number);
    if (!packet) {
        textbuf_add(text, "\tSKIP\t-\t0\tnot-ip\t-\n");
        return;
    }
    textbuf_add(text, "\t");
    textbuf_add(text, verdicts[packet->verdict]);
    textbuf_add(text, "\t");
    textbuf_add(text, weir_ctinfo_name((enum weir_ctinfo)packet->ctinfo));
    textbuf_add(text, "\t");
    textbuf_add_number(text, packet->packets_out);
    textbuf_add(text, "\t");
    textbuf_add(text, weir_reason_word((enum weir_reason)packet->reason));
    textbuf_add(text, "\t");
    add_rule(text, output, packet);
    textbuf_add(text, "\n");
}

void output_slot(struct output *output, struct output_slot *slot)
{
    struct textbuf *events = output_text(output, REPLAY_EVENTS);
    struct textbuf *verdicts = output_text(output, REPLAY_VERDICTS);
    if (events) {
        textbuf_add_bytes(events, slot->events.data, slot->events.len);
        events->failed = events->failed || slot->events.failed;
    }
    if (output->writer && slot->packet)
        write_slot(output, slot);
    if (verdicts)
        add_verdict(verdicts, output, slot);
    textbuf_clear(&slot->events);
    textbuf_clear(&slot->made);
    output->latest = NULL;
}

/* Ending. */

bool output_failed(const struct output *output)
{
    for (int i = 0; i < output->sink_count; i++)
        if (output->sinks[i].error)
            return true;
    return output->writer_error != 0;
}

/* Some file systems report a full disk only when a file is closed. */
static void finish_sink(struct sink *sink)
{
    sink_flush(sink);
    if (sink->fd != STDOUT_FILENO && close(sink->fd) && !sink->error)
        sink->error = errno;
    sink->fd = STDOUT_FILENO;
}

int output_close(struct output *output)
{
    if (!output)
        return 0;
    for (int i = 0; i < output->sink_count; i++) {
        struct sink *sink = &output->sinks[i];
        finish_sink(sink);
        if (sink->error && !strcmp(sink->path, "-"))
            app_complain(name, "cannot write standard output: %s", strerror(sink->error));
        else if (sink->error)
            app_complain(name, "cannot write '%s': %s", sink->path, strerror(sink->error));
    }
    if (output->writer && !output->writer_error)
        output->writer_error = capture_writer_finish(output->writer);
    if (output->writer_error == -ENOMEM)
        app_complain(name, "out of memory");
    else if (output->writer_error)
        app_complain(name, "%s", capture_writer_error(output->writer));
    int err = output_failed(output) ? -EIO : 0;
    close_files(output);
    return err;
}
