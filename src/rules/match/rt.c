/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m rt: the IPv6 routing header, and the addresses in one of type 0 (RFC 8200, 4.4; RFC 2460, 4.4;
 * iptables reference, 3.5).
 */
#include "rules/match/header.h"
#include "rules/match/range.h"

enum { R_TYPE = 0, R_SEGMENTS, R_LEN, R_RESERVED, R_ADDRS, R_LOOSE };

enum { RT_TYPE = 2, RT_SEGMENTS = 3, RT_MIN = 4, RT0_RESERVED = 4, RT0_ADDRS = 8 };

enum { ADDRS_MAX = 16, ADDR_SIZE = 16 };

struct rt {
    struct range segments;
    uint32_t type, len;
    uint32_t addr_count;
    union weir_addr addrs[ADDRS_MAX];
};

static const struct opt opts[] = {
    {"rt-type", R_TYPE, OPT_U32, OPT_NOT, offsetof(struct rt, type)},
    {"rt-segsleft", R_SEGMENTS, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL,
     offsetof(struct rt, segments)},
    {"rt-len", R_LEN, OPT_U32, OPT_NOT, offsetof(struct rt, len)},
    {"rt-0-res", R_RESERVED, OPT_FLAG},
    {"rt-0-addrs", R_ADDRS, OPT_OTHER},
    {"rt-0-not-strict", R_LOOSE, OPT_FLAG},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    struct rt *t = ext_data(x);

    (void)r;
    t->segments = range_all;
}

static bool needs_type_0(struct rule_parse *r, const struct ext *x, const struct opt *o)
{
    const struct rt *t = ext_conf(x);

    return (ext_seen(x, R_TYPE) && !ext_negated(x, R_TYPE) && t->type == 0) ||
           rule_fail(r, "`--rt-type 0' required before `--%s'", o->name);
}

static bool take_addrs(struct rule_parse *r, struct rt *t, const char *text)
{
    char part[80];

    while (text) {
        const char *from = text;
        bool good = read_part(&text, ',', part, sizeof(part));

        if (t->addr_count == ADDRS_MAX)
            return rule_fail(r, "too many addresses specified");
        if (!good || !read_addr(6, part, &t->addrs[t->addr_count]))
            return rule_fail(r, "bad address: %s", good ? part : from);
        t->addr_count++;
    }
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    switch (o->id) {
    case R_RESERVED: return needs_type_0(r, x, o);
    case R_ADDRS: return needs_type_0(r, x, o) && take_addrs(r, ext_data(x), text);
    case R_LOOSE:
        return ext_seen(x, R_ADDRS) ||
               rule_fail(r, "`--rt-0-addr ...' required before `--rt-0-not-strict'");
    default: return true;
    }
}

static void add_addrs(struct text *out, const struct rt *t)
{
    for (uint32_t i = 0; i < t->addr_count; i++) {
        text_char(out, i ? ',' : ' ');
        text_addr(out, 6, &t->addrs[i]);
    }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    add_addrs(out, ext_conf(x));
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct rt *t = ext_conf(x);

    (void)how;
    text_add(out, " rt");
    if (ext_seen(x, R_TYPE))
        text_addf(out, " type:%s%d", ext_negated(x, R_TYPE) ? "!" : "", (int)t->type);
    range_list(out, " ", "segsleft", t->segments, ext_negated(x, R_SEGMENTS));
    if (ext_seen(x, R_LEN))
        text_addf(out, " length:%s%u", ext_negated(x, R_LEN) ? "!" : "", t->len);
    text_add(out, ext_seen(x, R_RESERVED) ? " reserved" : "");
    if (ext_seen(x, R_ADDRS)) {
        text_add(out, " 0-addrs");
        add_addrs(out, t);
    }
    text_add(out, ext_seen(x, R_LOOSE) ? " 0-not-strict" : "");
}

/* Are the rule's addresses in the header, in this order? Strictly: and no others. */
static bool addrs_fit(const struct rt *t, const uint8_t *addrs, uint32_t count, bool strict)
{
    uint32_t found = 0;

    if (t->addr_count > count || (strict && t->addr_count != count))
        return false;
    for (uint32_t i = 0; i < count && found < t->addr_count; i++)
        if (memcmp(addrs + (size_t)i * ADDR_SIZE, t->addrs[found].bytes, ADDR_SIZE) == 0)
            found++;
    return found == t->addr_count;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct rt *t = ext_conf(x);
    uint32_t size;
    const uint8_t *h = header_ext6(e, PROTO_ROUTING, RT_MIN, &size);

    if (!h || range_has(t->segments, h[RT_SEGMENTS]) == ext_negated(x, R_SEGMENTS) ||
        (ext_seen(x, R_LEN) && (size == t->len) == ext_negated(x, R_LEN)) ||
        (ext_seen(x, R_TYPE) && (h[RT_TYPE] == t->type) == ext_negated(x, R_TYPE)))
        return false;
    if (ext_seen(x, R_RESERVED) && load_raw32(h + RT0_RESERVED) != 0)
        return false;
    return !ext_seen(x, R_ADDRS) ||
           addrs_fit(t, h + RT0_ADDRS, (size - RT0_ADDRS) / ADDR_SIZE, !ext_seen(x, R_LOOSE));
}

const struct ext_type match_rt = {
    .name = "rt",
    .families = EXT_IPV6,
    .size = sizeof(struct rt),
    .opts = opts,
    .init = init,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
};
