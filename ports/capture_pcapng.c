/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pcapng file format (draft-ietf-opsawg-pcapng): blocks of
 *
 *     type 4, length 4, body, length again 4        (length: all of it, a multiple of 4)
 *
 * A section header block sets the byte order for its section and forgets the interfaces of the
 * one before; interface description blocks then number interfaces from 0. Packet blocks name
 * their interface by that number:
 *
 *     enhanced   interface 4, time high 4, low 4, captured length 4, wire length 4, data, options
 *     obsolete   interface 2, drops 2, and on as enhanced
 *     simple     wire length 4, data              (interface 0, no time)
 *
 * All other blocks (name resolution, statistics, secrets, custom, ...) are passed over without
 * being held in the buffer, and so is what follows the fixed part of a section header.
 *
 * Options that change how packets are read must be right: a malformed list in an interface
 * description is an error, since the time resolution might be in the lost part. In a packet block
 * only the flags option is of use (direction), and a malformed list there ends the search.
 */
#include "capture_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 u128;

enum {
    BLOCK_INTERFACE = 1,
    BLOCK_OBSOLETE = 2,
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    BLOCK_SECTION = 0x0a0d0d0a,

    /* Type and two lengths; the rest of a block is its body. */
    BLOCK_HEAD_LEN = 8,
    BLOCK_TAIL_LEN = 4,
    BLOCK_MIN = BLOCK_HEAD_LEN + BLOCK_TAIL_LEN,

    SECTION_FIXED = 24, /* with the block head */
    INTERFACE_FIXED = 16,
    SIMPLE_FIXED = 12,
    ENHANCED_FIXED = 28, /* also of the obsolete one */

    OPTION_END = 0,
    OPTION_EPB_FLAGS = 2,
    OPTION_IF_NAME = 2,
    OPTION_IF_TSRESOL = 9,
    OPTION_IF_TSOFFSET = 14,

    DEFAULT_RESOLUTION = 6, /* microseconds */
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

static const int64_t NS = 1000000000;

static uint32_t padded(uint32_t len)
{
    return (len + 3) & ~3u;
}

static uint64_t get64(const struct capture *c, const uint8_t *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof(v));
    return c->swap ? __builtin_bswap64(v) : v;
}

/* The options between two places: code 2, length 2, value, padding. */
struct options {
    const uint8_t *at;
    const uint8_t *end;
};

struct option {
    const uint8_t *value;
    uint16_t code;
    uint16_t len;
};

/* 1 and the next option, 0 at the end, -EBADMSG if it does not fit. The end mark may be absent. */
static int next_option(const struct capture *c, struct options *o, struct option *out)
{
    enum { HEAD_LEN = 4 };
    size_t left = (size_t)(o->end - o->at);

    if (left < HEAD_LEN) /* blocks are multiples of 4: nothing is left */
        return 0;
    out->code = capture_get16(c, o->at);
    out->len = capture_get16(c, o->at + 2);
    out->value = o->at + HEAD_LEN;
    if (out->code == OPTION_END)
        return 0;
    if (padded(out->len) > left - HEAD_LEN)
        return -EBADMSG;
    o->at += HEAD_LEN + padded(out->len);
    return 1;
}

/* Interfaces. */

/*
 * Nanoseconds per tick as integers. Resolution R: 10^-R seconds, or with the top bit set 2^-R.
 * A resolution so fine that 64 bits of ticks are less than a nanosecond has mul 0.
 */
static void set_resolution(struct capture_clock *clock, uint8_t resolution)
{
    enum { BASE2 = 0x80, NS_DIGITS = 9, U64_DIGITS = 19 };

    clock->mul = clock->div = 1;
    clock->shift = 0;
    if (resolution & BASE2) {
        clock->mul = (uint64_t)NS;
        clock->shift = resolution & ~BASE2;
    } else if (resolution > NS_DIGITS + U64_DIGITS) {
        clock->mul = 0;
    } else {
        for (int digits = resolution; digits < NS_DIGITS; digits++)
            clock->mul *= 10;
        for (int digits = NS_DIGITS; digits < resolution; digits++)
            clock->div *= 10;
    }
}

/* False if the time is beyond what 64 bits of nanoseconds can count. */
static bool time_of(const struct capture_clock *clock, uint64_t ticks, int64_t *ns)
{
    u128 t = (u128)ticks * clock->mul >> clock->shift;

    if (clock->div > 1)
        t /= clock->div;
    return t <= INT64_MAX && !__builtin_add_overflow((int64_t)t, clock->offset_ns, ns);
}

/* Up to the first NUL or CAPTURE_MAX_NAME. Control characters could forge or break output that
 * prints the name. */
static char *name_of(const struct option *option)
{
    size_t len = option->len < CAPTURE_MAX_NAME ? option->len : CAPTURE_MAX_NAME;
    char *name = strndup((const char *)option->value, len);

    for (char *s = name; s && *s; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = '?';
    }
    return name;
}

static int fail_option(struct capture *c, const struct option *option, unsigned want)
{
    return capture_fail(c, -EBADMSG, "option %u has %u bytes instead of %u", option->code,
                        option->len, want);
}

static int interface_option(struct capture *c, const struct option *option,
                            struct capture_interface *interface)
{
    switch (option->code) {
    case OPTION_IF_NAME:
        if (interface->name || option->len == 0 || option->value[0] == 0)
            return 0;
        interface->name = name_of(option);
        return interface->name ? 0 : capture_fail(c, -ENOMEM, "no memory for an interface name");
    case OPTION_IF_TSRESOL:
        if (option->len != 1)
            return fail_option(c, option, 1);
        set_resolution(&interface->clock, option->value[0]);
        return 0;
    case OPTION_IF_TSOFFSET: {
        int64_t seconds;

        if (option->len != sizeof(seconds))
            return fail_option(c, option, sizeof(seconds));
        seconds = (int64_t)get64(c, option->value);
        if (__builtin_mul_overflow(seconds, NS, &interface->clock.offset_ns))
            return capture_fail(c, -EBADMSG, "time offset of %" PRId64 " seconds is out of range",
                                seconds);
        return 0;
    }
    default: return 0;
    }
}

static int interface_options(struct capture *c, struct options options,
                             struct capture_interface *interface)
{
    struct option option;
    int status;

    while ((status = next_option(c, &options, &option)) > 0) {
        status = interface_option(c, &option, interface);
        if (status < 0)
            return status;
    }
    return status < 0 ? capture_fail(c, status, "an option exceeds the block") : 0;
}

/* One more element in the table, or NULL. */
static struct capture_interface *new_interface(struct capture *c)
{
    struct capture_interface *interfaces = c->pcapng.interfaces;

    if (c->pcapng.count == CAPTURE_MAX_INTERFACES) {
        capture_fail(c, -EBADMSG, "more than %d interfaces in a section", CAPTURE_MAX_INTERFACES);
        return NULL;
    }
    if (c->pcapng.count == c->pcapng.room) {
        uint32_t room = c->pcapng.room ? c->pcapng.room * 2 : 4;

        interfaces = realloc(interfaces, room * sizeof(*interfaces));
        if (!interfaces) {
            capture_fail(c, -ENOMEM, "no memory for %" PRIu32 " interfaces", room);
            return NULL;
        }
        c->pcapng.interfaces = interfaces;
        c->pcapng.room = room;
    }
    interfaces += c->pcapng.count++;
    *interfaces = (struct capture_interface){0};
    return interfaces;
}

static int interface_block(struct capture *c, const uint8_t *block, uint32_t len)
{
    struct options options = {block + INTERFACE_FIXED, block + len - BLOCK_TAIL_LEN};
    struct capture_interface *interface = new_interface(c);
    const struct capture_link *link;

    if (!interface)
        return c->status;
    interface->link_type = capture_get16(c, block + 8);
    interface->snap_len = capture_get32(c, block + 12);
    link = capture_link_find(interface->link_type);
    interface->strip = link ? link->strip : NULL;
    set_resolution(&interface->clock, DEFAULT_RESOLUTION);
    return interface_options(c, options, interface);
}

static void forget_interfaces(struct capture *c)
{
    for (uint32_t i = 0; i < c->pcapng.count; i++)
        free(c->pcapng.interfaces[i].name);
    c->pcapng.before += c->pcapng.count;
    c->pcapng.count = 0;
}

void capture_pcapng_fini(struct capture *c)
{
    forget_interfaces(c);
    free(c->pcapng.interfaces);
}

/* Packets. */

/* Counts and reports, once for an interface, that its packets cannot be used. */
static void unknown_link(struct capture *c, struct capture_interface *interface,
                         struct capture_packet *p)
{
    char text[CAPTURE_LINK_TEXT];

    p->kind = CAPTURE_UNKNOWN_LINK;
    if (c->stats.kinds[CAPTURE_UNKNOWN_LINK] == 0) {
        c->pcapng.unknown_interface = p->interface;
        c->pcapng.unknown_link = interface->link_type;
    }
    if (interface->warned)
        return;
    interface->warned = true;
    capture_warn(c,
                 "%s: packet %" PRIu64 " at byte %" PRIu64 ": interface %" PRIu32 "%s%s%s: %s; "
                 "its packets are counted but not used",
                 c->name, p->number, p->offset, p->interface, p->interface_name ? " (" : "",
                 p->interface_name ? p->interface_name : "", p->interface_name ? ")" : "",
                 capture_link_unsupported(interface->link_type, text));
}

/* Direction in bits 0-1 (2: outbound), how it was received in bits 2-4 of an inbound packet. */
static enum capture_to to_of(uint32_t flags)
{
    static const uint8_t received[8] = {
        [1] = CAPTURE_TO_US,
        [2] = CAPTURE_TO_MULTICAST,
        [3] = CAPTURE_TO_BROADCAST,
        [4] = CAPTURE_TO_OTHER_HOST,
    };

    return (flags & 3) == 2 ? CAPTURE_OUTGOING : (enum capture_to)received[flags >> 2 & 7];
}

static enum capture_to flags_option(const struct capture *c, struct options options)
{
    struct option option;

    while (next_option(c, &options, &option) > 0) {
        if (option.code == OPTION_EPB_FLAGS && option.len == 4)
            return to_of(capture_get32(c, option.value));
    }
    return CAPTURE_TO_UNSTATED;
}

static int deliver(struct capture *c, uint32_t number, struct capture_packet *p)
{
    struct capture_interface *interface = &c->pcapng.interfaces[number];

    p->number = c->stats.packets + 1;
    p->offset = c->record_at;
    p->interface = c->pcapng.before + number;
    p->interface_name = interface->name;
    c->pcapng.last_ns = p->time_ns;
    if (interface->strip)
        interface->strip(p);
    else
        unknown_link(c, interface, p);
    return CAPTURE_STEP_PACKET;
}

static int check_interface(struct capture *c, uint32_t number)
{
    if (number < c->pcapng.count)
        return 0;
    return capture_fail(c, -EBADMSG,
                        "is from interface %" PRIu32 ", but the section describes only %" PRIu32
                        " before it",
                        number, c->pcapng.count);
}

/* ROOM: the bytes that the block has for data of CAP_LEN. */
static int check_length(struct capture *c, uint32_t cap_len, uint32_t room)
{
    if (cap_len > CAPTURE_MAX_PACKET)
        return capture_fail(c, -EBADMSG,
                            "block says %" PRIu32 " captured bytes, more than the %d that a packet "
                            "can have",
                            cap_len, CAPTURE_MAX_PACKET);
    if (cap_len > room)
        return capture_fail(c, -EBADMSG,
                            "block says %" PRIu32 " captured bytes, but has room for %" PRIu32,
                            cap_len, room);
    return 0;
}

static int enhanced(struct capture *c, uint8_t *block, uint32_t len, struct capture_packet *p)
{
    uint32_t room = len - ENHANCED_FIXED - BLOCK_TAIL_LEN;
    uint32_t cap_len = capture_get32(c, block + 20);
    uint64_t ticks = (uint64_t)capture_get32(c, block + 12) << 32 | capture_get32(c, block + 16);
    uint32_t number =
        c->block_type == BLOCK_OBSOLETE ? capture_get16(c, block + 8) : capture_get32(c, block + 8);
    int status = check_interface(c, number);

    if (status == 0)
        status = check_length(c, cap_len, room);
    if (status < 0)
        return status;
    *p = (struct capture_packet){
        .frame = block + ENHANCED_FIXED,
        .cap_len = cap_len,
        .wire_len = capture_get32(c, block + 24),
    };
    if (!time_of(&c->pcapng.interfaces[number].clock, ticks, &p->time_ns))
        return capture_fail(c, -EBADMSG,
                            "its time, %" PRIu64 " units of its interface, is beyond the year 2262",
                            ticks);
    if (room > padded(cap_len))
        p->to = flags_option(c, (struct options){p->frame + padded(cap_len), p->frame + room});
    return deliver(c, number, p);
}

/* The captured length is not stated: it is the wire length, cut to the snap length. */
static int simple(struct capture *c, uint8_t *block, uint32_t len, struct capture_packet *p)
{
    uint32_t wire_len = capture_get32(c, block + 8), cap_len = wire_len;
    int status = check_interface(c, 0);

    if (status < 0)
        return status;
    if (c->pcapng.interfaces[0].snap_len && cap_len > c->pcapng.interfaces[0].snap_len)
        cap_len = c->pcapng.interfaces[0].snap_len;
    status = check_length(c, cap_len, len - SIMPLE_FIXED - BLOCK_TAIL_LEN);
    if (status < 0)
        return status;
    *p = (struct capture_packet){
        .time_ns = c->pcapng.last_ns,
        .frame = block + SIMPLE_FIXED,
        .cap_len = cap_len,
        .wire_len = wire_len,
    };
    c->stats.time_missing++;
    return deliver(c, 0, p);
}

/* Blocks. */

static int fail_tail(struct capture *c, uint32_t len, uint32_t tail)
{
    return capture_fail(c, -EBADMSG,
                        "block says %" PRIu32 " bytes at its start and %" PRIu32 " at its end: the "
                        "file is damaged",
                        len, tail);
}

/* Passes over what is left of a block, as far as the buffer has it. */
static int pass(struct capture *c)
{
    uint32_t body = c->pcapng.pass_left - BLOCK_TAIL_LEN, tail;

    if (body > capture_have(c))
        body = (uint32_t)capture_have(c);
    c->pos += body;
    c->pcapng.pass_left -= body;
    if (c->pcapng.pass_left > BLOCK_TAIL_LEN || capture_have(c) < BLOCK_TAIL_LEN) {
        capture_want(c, c->pcapng.pass_len, 0, "block says");
        c->need = c->pcapng.pass_left > BLOCK_TAIL_LEN ? 1 : BLOCK_TAIL_LEN;
        return CAPTURE_STEP_WAIT;
    }
    tail = capture_get32(c, c->buf + c->pos);
    if (tail != c->pcapng.pass_len)
        return fail_tail(c, c->pcapng.pass_len, tail);
    c->pos += BLOCK_TAIL_LEN;
    c->pcapng.pass_left = 0;
    return CAPTURE_STEP_PASS;
}

static int pass_from(struct capture *c, uint32_t len, uint32_t done)
{
    c->pos += done;
    c->pcapng.pass_len = len;
    c->pcapng.pass_left = len - done;
    return pass(c);
}

static int fail_block_length(struct capture *c, uint32_t len, uint32_t min)
{
    return capture_fail(c, -EBADMSG,
                        "block says %" PRIu32 " bytes; it takes at least %" PRIu32
                        " and a multiple of 4: the file is damaged at or before this place",
                        len, min);
}

/* A section header is read before its byte order is known, which is stated inside. */
static int section(struct capture *c)
{
    const uint8_t *block = c->buf + c->pos;
    uint32_t order, len;
    uint16_t major;

    if (capture_have(c) < SECTION_FIXED)
        return capture_want(c, SECTION_FIXED, 0, "section header takes");
    if (c->held > 0) /* packets that point to the names of interfaces */
        return CAPTURE_STEP_WAIT;
    memcpy(&order, block + 8, sizeof(order));
    if (order != BYTE_ORDER_MAGIC && order != __builtin_bswap32(BYTE_ORDER_MAGIC))
        return capture_fail(c, -EBADMSG, "has no byte-order magic: the file is damaged");
    c->swap = order != BYTE_ORDER_MAGIC;
    len = capture_get32(c, block + 4);
    if (len < SECTION_FIXED + BLOCK_TAIL_LEN || len % 4)
        return fail_block_length(c, len, SECTION_FIXED + BLOCK_TAIL_LEN);
    major = capture_get16(c, block + 12);
    if (major != 1)
        return capture_fail(c, -ENOTSUP, "is pcapng of version %u, and only 1 is read", major);
    forget_interfaces(c);
    return pass_from(c, len, SECTION_FIXED);
}

/* Fixed part of the blocks that are decoded, 0 of others. */
static uint32_t fixed_of(uint32_t type)
{
    switch (type) {
    case BLOCK_INTERFACE: return INTERFACE_FIXED;
    case BLOCK_SIMPLE: return SIMPLE_FIXED;
    case BLOCK_OBSOLETE:
    case BLOCK_ENHANCED: return ENHANCED_FIXED;
    default: return 0;
    }
}

/* A block that is decoded, and whole in the buffer. */
static int decode(struct capture *c, uint8_t *block, uint32_t len, struct capture_packet *p)
{
    uint32_t tail = capture_get32(c, block + len - BLOCK_TAIL_LEN);
    int result;

    if (tail != len)
        return fail_tail(c, len, tail);
    switch (c->block_type) {
    case BLOCK_INTERFACE: result = interface_block(c, block, len); break;
    case BLOCK_SIMPLE: result = simple(c, block, len, p); break;
    default: result = enhanced(c, block, len, p); break;
    }
    if (result < 0)
        return result;
    c->pos += len;
    return c->block_type == BLOCK_INTERFACE ? CAPTURE_STEP_PASS : CAPTURE_STEP_PACKET;
}

static int step(struct capture *c, struct capture_packet *p)
{
    uint8_t *block = c->buf + c->pos;
    uint32_t len, fixed;

    if (c->pcapng.pass_left)
        return pass(c);
    c->place = CAPTURE_IN_BLOCK_HEAD;
    c->record_at = c->base + c->pos;
    if (capture_have(c) < BLOCK_HEAD_LEN)
        return capture_want(c, BLOCK_HEAD_LEN, 0, "block header takes");
    c->place = CAPTURE_IN_BLOCK;
    c->block_type = capture_get32(c, block);
    if (c->block_type == BLOCK_SECTION) /* reads the same in both byte orders */
        return section(c);
    len = capture_get32(c, block + 4);
    fixed = fixed_of(c->block_type);
    if (fixed && c->block_type != BLOCK_INTERFACE)
        c->place = CAPTURE_IN_PACKET;
    if (len < (fixed ? fixed + BLOCK_TAIL_LEN : BLOCK_MIN) || len % 4)
        return fail_block_length(c, len, fixed ? fixed + BLOCK_TAIL_LEN : BLOCK_MIN);
    if (!fixed) {
        c->stats.blocks_passed++;
        return pass_from(c, len, BLOCK_HEAD_LEN);
    }
    if (len > CAPTURE_MAX_BLOCK)
        return capture_fail(c, -EBADMSG,
                            "block says %" PRIu32 " bytes, more than the %d that such a block can "
                            "have: the file is damaged at or before this place",
                            len, CAPTURE_MAX_BLOCK);
    if (capture_have(c) < len)
        return capture_want(c, len, 0, "block says");
    return decode(c, block, len, p);
}

/* Reads the first section header, so that opening finds out what is no pcapng. */
int capture_pcapng_begin(struct capture *c)
{
    struct capture_packet none;
    uint32_t first;
    int status;

    memcpy(&first, c->buf + c->pos, sizeof(first));
    if (first != BLOCK_SECTION)
        return 0;
    do {
        status = step(c, &none);
        if (status == CAPTURE_STEP_WAIT) {
            status = capture_fill(c, c->need);
            if (status == 0)
                return capture_fail_short(c);
        }
    } while (status >= 0 && status != CAPTURE_STEP_PASS);
    if (status < 0)
        return status;
    c->step = step;
    return 0;
}

int capture_pcapng_unusable(struct capture *c)
{
    char text[CAPTURE_LINK_TEXT];

    c->place = CAPTURE_IN_HEADER;
    return capture_fail(c, -ENOTSUP,
                        "none of its %" PRIu64 " packets can be used: interface %" PRIu32 ": %s",
                        c->stats.packets, c->pcapng.unknown_interface,
                        capture_link_unsupported(c->pcapng.unknown_link, text));
}
