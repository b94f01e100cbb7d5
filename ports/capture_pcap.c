/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pcap file format (draft-ietf-opsawg-pcap): a file header of 24 bytes, then records.
 *
 *     file    magic 4, major 2, minor 2, 8 unused, snap length 4, link type 4
 *     record  seconds 4, fraction 4, captured length 4, wire length 4, data
 *
 * The magic tells the byte order, the unit of the fraction, and with 0xa1b2cd34 (libpcap with
 * Alexey Kuznetzov's patches, and devices built on it) that the record header goes on:
 *
 *             interface index 4, protocol 2, packet type 1, padding 1
 *
 * Seconds are unsigned and end in 2106. A fraction of a second or more is carried into the
 * seconds: the sum is still the time that the writer meant, and it is counted. The snap length is
 * not held against a record that exceeds it, since writers get it wrong and nothing depends on it.
 */
#include "capture_private.h"

#include <errno.h>
#include <inttypes.h>

enum {
    FILE_HEADER_LEN = 24,
    RECORD_LEN = 16,
    LONG_RECORD_LEN = 24,
    MAJOR = 2,
    MINOR = 4,
};

static const struct variant {
    uint32_t magic;
    uint32_t head_len;
    uint32_t tick_ns;
} variants[] = {
    {0xa1b2c3d4, RECORD_LEN, 1000},
    {0xa1b23c4d, RECORD_LEN, 1},
    {0xa1b2cd34, LONG_RECORD_LEN, 1000},
};

/* The variant with this magic in the given byte order, or NULL. */
static const struct variant *find(uint32_t magic)
{
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        if (variants[i].magic == magic)
            return &variants[i];
    }
    return NULL;
}

/*
 * Where pcap files were joined with cat, the header of the second reads as a record without bytes,
 * captured or on the wire, in a second whose number is a magic (in the year 2055).
 */
static bool is_file_header(const struct capture *c, const uint8_t *record)
{
    uint32_t seconds = capture_get32(c, record);

    return capture_get32(c, record + 8) == 0 && capture_get32(c, record + 12) == 0 &&
           (find(seconds) || find(__builtin_bswap32(seconds)));
}

static int step(struct capture *c, struct capture_packet *p)
{
    size_t have = capture_have(c);
    uint32_t head_len = c->pcap.head_len;
    uint8_t *record = c->buf + c->pos;
    uint32_t seconds, ticks, cap_len;

    c->record_at = c->base + c->pos;
    if (have < head_len)
        return capture_want(c, head_len, 0, "record header takes");
    seconds = capture_get32(c, record);
    ticks = capture_get32(c, record + 4);
    cap_len = capture_get32(c, record + 8);
    if (cap_len > CAPTURE_MAX_PACKET)
        return capture_fail(c, -EBADMSG,
                            "record says %" PRIu32 " bytes, more than the %d that a packet can "
                            "have: the file is damaged at or before this place",
                            cap_len, CAPTURE_MAX_PACKET);
    if (cap_len == 0 && is_file_header(c, record))
        return capture_fail(c, -EBADMSG,
                            "another pcap file starts here; join captures with 'mergecap', not "
                            "'cat'");
    if (have - head_len < cap_len)
        return capture_want(c, head_len + cap_len, head_len, "record says");

    *p = (struct capture_packet){
        .number = c->stats.packets + 1,
        .offset = c->record_at,
        .time_ns = (int64_t)seconds * 1000000000 + (int64_t)ticks * c->pcap.tick_ns,
        .frame = record + head_len,
        .cap_len = cap_len,
        .wire_len = capture_get32(c, record + 12),
    };
    if (head_len == LONG_RECORD_LEN) {
        p->ifindex = capture_get32(c, record + 16);
        p->to = capture_to_linux(record[22]);
    }
    c->pcap.strip(p);
    c->stats.time_carried += ticks >= c->pcap.tick_limit;
    c->pos += head_len + cap_len;
    return CAPTURE_STEP_PACKET;
}

/* The upper half of the link type field tells about frame check sequences; they are padding. */
static int begin_link(struct capture *c, uint32_t number)
{
    const struct capture_link *link = capture_link_find(number);
    char text[CAPTURE_LINK_TEXT];

    if (!link || !link->strip)
        return capture_fail(c, -ENOTSUP, "%s", capture_link_unsupported(number, text));
    c->pcap.strip = link->strip;
    return 0;
}

int capture_pcap_begin(struct capture *c)
{
    const uint8_t *at = c->buf + c->pos;
    const struct variant *v = find(capture_get32(c, at));
    uint16_t major, minor;
    int status;

    if (!v) {
        v = find(__builtin_bswap32(capture_get32(c, at)));
        if (!v)
            return 0;
        c->swap = true;
    }
    capture_want(c, FILE_HEADER_LEN, 0, "file header takes");
    status = capture_fill(c, FILE_HEADER_LEN);
    if (status <= 0)
        return status < 0 ? status : capture_fail_short(c);

    at = c->buf + c->pos;
    major = capture_get16(c, at + 4);
    minor = capture_get16(c, at + 6);
    if (major != MAJOR || minor != MINOR)
        return capture_fail(c, -ENOTSUP,
                            "is a pcap file of version %u.%u, and only %d.%d is read; 'editcap OLD "
                            "NEW' converts it",
                            major, minor, MAJOR, MINOR);
    status = begin_link(c, capture_get32(c, at + 20) & 0xffff);
    if (status < 0)
        return status;
    c->pcap.head_len = v->head_len;
    c->pcap.tick_ns = v->tick_ns;
    c->pcap.tick_limit = 1000000000 / v->tick_ns;
    c->pos += FILE_HEADER_LEN;
    c->place = CAPTURE_IN_PACKET;
    c->step = step;
    return 0;
}
