/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m frag: the IPv6 fragment header (RFC 8200, 4.5; iptables reference, 3.5). Where datagrams were
 * put together again there is none to be seen.
 */
#include "rules/match/header.h"
#include "rules/match/range.h"

enum { F_ID = 0, F_LEN, F_RESERVED, F_FIRST, F_MORE, F_LAST };

enum { RESERVED_BYTE = 1, RESERVED_BITS = 0x6, OFFSET_BITS = 0xfff8 };

struct frag_match {
    struct range id;
    uint32_t len; /* kept and printed only: the header has one length */
};

static const struct opt opts[] = {
    {"fragid", F_ID, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL, offsetof(struct frag_match, id)},
    {"fraglen", F_LEN, OPT_U32, OPT_NOT, offsetof(struct frag_match, len)},
    {"fragres", F_RESERVED, OPT_FLAG},
    {"fragfirst", F_FIRST, OPT_FLAG},
    {"fragmore", F_MORE, OPT_FLAG, .against = OPT_BIT(F_LAST)},
    {"fraglast", F_LAST, OPT_FLAG, .against = OPT_BIT(F_MORE)},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    struct frag_match *f = ext_data(x);

    (void)r;
    f->id = range_all;
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    static const char *const words[] = {
        [F_RESERVED] = " reserved", [F_FIRST] = " first", [F_MORE] = " more", [F_LAST] = " last"};
    const struct frag_match *f = ext_conf(x);

    (void)how;
    text_add(out, " frag ");
    range_list(out, "", "id", f->id, ext_negated(x, F_ID));
    if (ext_seen(x, F_LEN))
        text_addf(out, " length:%s%u", ext_negated(x, F_LEN) ? "!" : "", f->len);
    for (unsigned id = F_RESERVED; id <= F_LAST; id++)
        text_add(out, ext_seen(x, id) ? words[id] : "");
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct frag_match *f = ext_conf(x);
    uint32_t size;
    const uint8_t *h = header_ext6(e, PROTO_FRAGMENT, IP6F_SIZE, &size);

    if (!h)
        return false;
    uint16_t field = load_be16(h + IP6F_OFFSET);
    bool reserved = h[RESERVED_BYTE] || field & RESERVED_BITS;
    bool more = field & IP6F_MF;

    return range_has(f->id, load_be32(h + IP6F_ID)) != ext_negated(x, F_ID) &&
           !(ext_seen(x, F_RESERVED) && reserved) &&
           !(ext_seen(x, F_FIRST) && field & OFFSET_BITS) && !(ext_seen(x, F_MORE) && !more) &&
           !(ext_seen(x, F_LAST) && more);
}

const struct ext_type match_frag = {
    .name = "frag",
    .families = EXT_IPV6,
    .size = sizeof(struct frag_match),
    .opts = opts,
    .init = init,
    .list = list,
    .match = match,
};
