/* SPDX-License-Identifier: BSD-2-Clause */
/* What is cut, and how far a header's bytes are good: refrag.h. */
#include "packet/refrag.h"
#include "packet/checksum.h"
#include "packet/ext6.h"

enum {
    MTU4_MIN = 68,   /* RFC 791: every link carries this... */
    MTU6_MIN = 1280, /* ...and RFC 8200 this */
    LINK_ROOM = 16,  /* what Linux leaves before a packet for a link-layer header */
    OPT4_COPIED = 0x80,
    OPT4_END = 0,
    OPT4_NOP = 1
};

/* The first cut after `at`, or the end. */
static uint32_t next_cut(const struct frag_layout *l, uint32_t at, uint32_t len)
{
    uint32_t unit = (at - l->data_at) / 8 + 1;
    uint32_t word = unit / 64;
    uint64_t bits;

    if (word >= FRAG_CUT_WORDS)
        return len;
    bits = l->cuts[word] & ~0ULL << (unit % 64);
    while (!bits && ++word < FRAG_CUT_WORDS)
        bits = l->cuts[word];
    return bits ? min_u32(len, l->data_at + (word * 64 + (uint32_t)__builtin_ctzll(bits)) * 8)
                : len;
}

/* Where the first piece ends if the layout decides: what had to be in one buffer cannot be cut. */
static uint32_t first_cut(const struct frag_layout *l, uint32_t len)
{
    return min_u32(len, max_u32(next_cut(l, l->data_at, len), l->contiguous));
}

/* Where the piece that begins at r->at ends. */
static uint32_t piece_end(const struct refrag *r)
{
    uint32_t left = r->len - r->at;

    if (r->layout)
        return r->started ? next_cut(r->layout, r->at, r->len) : first_cut(r->layout, r->len);
    return left > r->space ? r->at + (r->space & ~7u) : r->len;
}

/*
 * Can it be cut along its layout? Every piece must fit, and all but the last be a multiple of 8.
 * Linux writes each piece's header into the buffer that its data came in, before the data, so there
 * must be room as well: there is none where only the first of IPv6 fragments had long extension
 * headers.
 */
static bool layout_fits(const struct refrag *r, const struct frag_layout *l)
{
    uint32_t at = r->begin, end;

    if (!l || !l->cuts || l->room < r->head_len + LINK_ROOM)
        return false;
    end = first_cut(l, r->len);
    if (end == r->len)
        return false; /* nothing is left of the cuts */
    while (end < r->len) {
        if (end - at > r->space || (end - at) % 8)
            return false;
        at = end;
        end = next_cut(l, at, r->len);
    }
    return end - at <= r->space;
}

/* --- IPv4 --- */

static enum refrag_result begin4(struct refrag *r, const struct frag_layout *l)
{
    uint16_t field = load_be16(r->ip + IP4_FRAGMENT);
    uint32_t limit = r->mtu = max_u32(r->mtu, MTU4_MIN);

    if (!l && r->len <= r->mtu)
        return REFRAG_WHOLE;
    if ((field & IP4_DF) && (!l || l->largest > r->mtu))
        return REFRAG_TOO_BIG;
    if (l)
        limit = min_u32(limit, l->largest);
    r->head_len = r->begin = r->at = (r->ip[IP4_VERSION_IHL] & 0xfu) * 4;
    if (limit < r->head_len + 8)
        return REFRAG_TOO_BIG;
    r->space = limit - r->head_len;
    /* Linux sets DF on pieces that it cuts anew, but not along the cuts, even if all had it. */
    r->layout = layout_fits(r, l) ? l : NULL;
    r->field = r->layout ? field & (uint16_t)~IP4_DF : field;
    return REFRAG_PIECES;
}

/* RFC 791, 3.1: options without the copied flag are in the first piece only; elsewhere, NOPs. */
static void blank_options(uint8_t *h, uint32_t len)
{
    for (uint32_t at = IP4_MIN, size; at < len && h[at] != OPT4_END; at += size) {
        size = 1;
        if (h[at] == OPT4_NOP)
            continue;
        size = at + 1 < len ? h[at + 1] : 0;
        if (size < 2 || size > len - at)
            return;
        if (!(h[at] & OPT4_COPIED))
            memset(h + at, OPT4_NOP, size);
    }
}

static void header4(const struct refrag *r, uint8_t *h, uint32_t data, bool last)
{
    uint32_t offset = (r->field & IP4_OFFSET) + (r->at - r->begin) / 8;
    uint32_t flags = (r->field & (IP4_DF | IP4_MF)) | (last ? 0 : IP4_MF);

    store_be16(h + IP4_LENGTH, (uint16_t)(r->head_len + data));
    store_be16(h + IP4_FRAGMENT, (uint16_t)(offset | flags));
    store_raw16(h + IP4_CHECKSUM, 0);
    store_raw16(h + IP4_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(0, h, r->head_len)));
}

/* --- IPv6 --- */

/*
 * The length of the part that every piece repeats: the header, hop-by-hop options, routing header,
 * and destination options before that. `linear` bytes are in the first fragment; a chain that leads
 * out of them is given up (0). Sets r->named.
 */
static uint32_t unfragmentable(struct refrag *r, uint32_t linear)
{
    uint32_t off = IP6_SIZE;
    bool routed = false;

    r->named = IP6_NEXT;
    while (off <= linear) {
        uint8_t next = r->ip[r->named];

        if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && (next != PROTO_DSTOPTS || routed))
            return off;
        if (off + 2 > linear)
            return 0;
        routed = routed || next == PROTO_ROUTING;
        r->named = off;
        off += ext6_size(next, r->ip + off);
    }
    return 0;
}

static enum refrag_result begin6(struct refrag *r, const struct frag_layout *l)
{
    uint32_t limit;

    r->mtu = max_u32(r->mtu, MTU6_MIN);
    if (r->len > r->mtu && (!l || l->largest > r->mtu))
        return REFRAG_TOO_BIG;
    if (!l || (r->len <= r->mtu && r->len <= l->largest))
        return REFRAG_WHOLE;
    limit = max_u32(l->largest, MTU6_MIN);
    r->begin = r->at = unfragmentable(r, l->cuts ? first_cut(l, r->len) : r->len);
    if (!r->begin)
        return REFRAG_BROKEN;
    r->head_len = r->begin + IP6F_SIZE;
    if (limit < r->head_len + 8) {
        r->mtu = limit;
        return REFRAG_TOO_BIG;
    }
    r->space = limit - r->head_len;
    r->layout = layout_fits(r, l) ? l : NULL;
    return REFRAG_PIECES;
}

/* The first piece's header: all before the data moves up, and a fragment header goes between. */
static uint8_t *open_header6(struct refrag *r)
{
    uint8_t *h = memmove(r->ip - IP6F_SIZE, r->ip, r->begin);

    h[r->begin + IP6F_NEXT] = h[r->named];
    h[r->begin + 1] = 0;
    h[r->named] = PROTO_FRAGMENT;
    store_be32(h + r->begin + IP6F_ID, r->id);
    return h;
}

static void header6(const struct refrag *r, uint8_t *h, uint32_t data, bool last)
{
    uint32_t field = r->at - r->begin;

    store_be16(h + IP6_PAYLOAD, (uint16_t)(r->head_len - IP6_SIZE + data));
    store_be16(h + r->begin + IP6F_OFFSET, (uint16_t)(last ? field : field | IP6F_MF));
}

/* --- both --- */

enum refrag_result refrag_begin(struct refrag *r, uint8_t *ip, uint32_t len,
                                const struct frag_layout *layout, uint32_t mtu, uint32_t id)
{
    *r = (struct refrag){.mtu = mtu ? mtu : UINT32_MAX, .len = len, .id = id, .family = ip[0] >> 4};
    r->ip = ip;
    return r->family == 4 ? begin4(r, layout) : begin6(r, layout);
}

uint8_t *refrag_next(struct refrag *r, uint32_t *len)
{
    uint32_t end;
    uint8_t *h;

    if (r->started && r->at == r->len)
        return NULL;
    if (!r->started)
        r->head = r->family == 4 ? r->ip : open_header6(r);
    end = piece_end(r);
    h = memmove(r->ip + r->at - r->head_len, r->head, r->head_len);
    if (r->family == 4) {
        if (r->started && !(r->field & IP4_OFFSET))
            blank_options(h, r->head_len);
        header4(r, h, end - r->at, end == r->len);
    } else {
        header6(r, h, end - r->at, end == r->len);
    }
    *len = r->head_len + end - r->at;
    r->head = h;
    r->at = end;
    r->started = true;
    return h;
}
