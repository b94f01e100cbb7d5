/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m srh: the IPv6 segment routing header (RFC 8754, 2; iptables reference, 3.5).
 *
 * Its addresses stand in reverse: the last segment of the way is the first in the header. The one
 * that the packet is on its way to is at Segments Left.
 */
#include "rules/match/header.h"

/* Ids, which are also places in the table of options. */
enum {
    S_NEXT = 0,
    S_LEN_EQ,
    S_LEN_GT,
    S_LEN_LT,
    S_LEFT_EQ,
    S_LEFT_GT,
    S_LEFT_LT,
    S_LAST_EQ,
    S_LAST_GT,
    S_LAST_LT,
    S_TAG,
    S_PREVIOUS,
    S_FOLLOWING,
    S_FINAL,
    S_OPTIONS
};

enum {
    SRH_NEXT = 0,
    SRH_LEN = 1,
    SRH_TYPE = 2,
    SRH_LEFT = 3,
    SRH_LAST = 4,
    SRH_TAG = 6,
    SRH_MIN = 8,
    SRH_IS = 4,
    SEGMENT_SIZE = 16
};

/* iptables keeps one number for "-eq", "-gt" and "-lt" of a field: the one it read last. */
struct srh {
    uint8_t next, len, left, last;
    uint16_t tag;
    struct net_mask segment[3]; /* from S_PREVIOUS on */
};

#define NUMBER(name, id, field)                                \
    {                                                          \
        name, id, OPT_U8, OPT_NOT, offsetof(struct srh, field) \
    }

static const struct opt opts[] = {
    NUMBER("srh-next-hdr", S_NEXT, next),
    NUMBER("srh-hdr-len-eq", S_LEN_EQ, len),
    NUMBER("srh-hdr-len-gt", S_LEN_GT, len),
    NUMBER("srh-hdr-len-lt", S_LEN_LT, len),
    NUMBER("srh-segs-left-eq", S_LEFT_EQ, left),
    NUMBER("srh-segs-left-gt", S_LEFT_GT, left),
    NUMBER("srh-segs-left-lt", S_LEFT_LT, left),
    NUMBER("srh-last-entry-eq", S_LAST_EQ, last),
    NUMBER("srh-last-entry-gt", S_LAST_GT, last),
    NUMBER("srh-last-entry-lt", S_LAST_LT, last),
    {"srh-tag", S_TAG, OPT_U16, OPT_NOT, offsetof(struct srh, tag)},
    {"srh-psid", S_PREVIOUS, OPT_OTHER, OPT_NOT},
    {"srh-nsid", S_FOLLOWING, OPT_OTHER, OPT_NOT},
    {"srh-lsid", S_FINAL, OPT_OTHER, OPT_NOT},
    {0},
};

/* Where in the header the numbers are, and how they are compared. */
static const struct {
    uint8_t at;
    enum { EQUAL = 0, GREATER, LESS } compare;
} fields[] = {
    [S_NEXT] = {SRH_NEXT, EQUAL},      [S_LEN_EQ] = {SRH_LEN, EQUAL},
    [S_LEN_GT] = {SRH_LEN, GREATER},   [S_LEN_LT] = {SRH_LEN, LESS},
    [S_LEFT_EQ] = {SRH_LEFT, EQUAL},   [S_LEFT_GT] = {SRH_LEFT, GREATER},
    [S_LEFT_LT] = {SRH_LEFT, LESS},    [S_LAST_EQ] = {SRH_LAST, EQUAL},
    [S_LAST_GT] = {SRH_LAST, GREATER}, [S_LAST_LT] = {SRH_LAST, LESS},
    [S_TAG] = {SRH_TAG, EQUAL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct srh *s = ext_data(x);

    return o->id < S_PREVIOUS || read_net(6, text, &s->segment[o->id - S_PREVIOUS]) ||
           rule_fail(r, "host/network `%s' not found", text);
}

static void add_segment(struct text *out, const struct ext *x, unsigned id)
{
    const struct srh *s = ext_conf(x);
    const struct net_mask *net = &s->segment[id - S_PREVIOUS];

    text_addr(out, 6, &net->addr);
    print_mask(out, 6, &net->mask, false);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    text_char(out, ' ');
    add_segment(out, x, o->id);
}

/* The number that the rule has, and the header's. Linux does not turn the tag's bytes round. */
static unsigned wanted(const struct ext *x, unsigned id)
{
    const struct srh *s = ext_conf(x);

    return id == S_TAG ? s->tag : x->data[opts[id].at];
}

static unsigned found(const uint8_t *h, unsigned id)
{
    return id == S_TAG ? h[SRH_TAG] | h[SRH_TAG + 1] << 8 : h[fields[id].at];
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " srh");
    for (unsigned id = 0; id < S_OPTIONS; id++) {
        const char *name = opts[id].name + strlen("srh-");

        if (!ext_seen(x, id))
            continue;
        if (id < S_PREVIOUS) {
            text_addf(out, " %s:%s%u", name, ext_negated(x, id) ? "!" : "", wanted(x, id));
        } else {
            text_addf(out, " %s %s ", name, ext_negated(x, id) ? "!" : "");
            add_segment(out, x, id);
        }
    }
}

static bool number_fits(const struct ext *x, unsigned id, const uint8_t *h)
{
    unsigned want = wanted(x, id), have = found(h, id);
    bool fits = have == want;

    if (fields[id].compare == GREATER)
        fits = have > want;
    else if (fields[id].compare == LESS)
        fits = have < want;
    return fits != ext_negated(x, id);
}

/* The segment before this one, after this one, or the last; -1: there is none. */
static int place_of(unsigned id, const uint8_t *h)
{
    if (id == S_FINAL)
        return 0;
    if (id == S_PREVIOUS)
        return h[SRH_LEFT] == h[SRH_LAST] ? -1 : h[SRH_LEFT] + 1;
    return h[SRH_LEFT] == 0 ? -1 : h[SRH_LEFT] - 1;
}

/* Counts that lie about the header's length may lead behind it; only the packet's end is one. */
static bool segment_fits(const struct parsed *ip, const struct ext *x, unsigned id,
                         const uint8_t *h)
{
    const struct srh *s = ext_conf(x);
    int place = place_of(id, h);
    union weir_addr addr;

    if (place < 0)
        return false;
    uint32_t at = (uint32_t)(h - ip->ip) + SRH_MIN + (uint32_t)place * SEGMENT_SIZE;

    if (at + SEGMENT_SIZE > ip->have)
        return false;
    memcpy(addr.bytes, ip->ip + at, SEGMENT_SIZE);
    return net_has(6, &s->segment[id - S_PREVIOUS], &addr) != ext_negated(x, id);
}

static bool match(struct eval *e, const struct ext *x)
{
    uint32_t size;
    const uint8_t *h = header_ext6(e, PROTO_ROUTING, SRH_MIN, &size);

    e->drop = false; /* unlike other matches it does not drop what is cut short */
    if (!h || h[SRH_TYPE] != SRH_IS || h[SRH_LEFT] > h[SRH_LAST])
        return false;
    for (unsigned id = 0; id < S_OPTIONS; id++)
        if (ext_seen(x, id) &&
            !(id < S_PREVIOUS ? number_fits(x, id, h) : segment_fits(&e->p->ip, x, id, h)))
            return false;
    return true;
}

const struct ext_type match_srh = {
    .name = "srh",
    .families = EXT_IPV6,
    .size = sizeof(struct srh),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
