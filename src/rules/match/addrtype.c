/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m addrtype: what the packet's addresses are to this host (iptables reference, 3.3).
 *
 * An IPv4 address has one type, which must be one of those listed. An IPv6 address has a class,
 * by its bits, and a type, by its route; of the classes that are listed (UNICAST, MULTICAST,
 * UNSPEC) all must be right, and of the other types one.
 */
#include "rules/match/addrtype.h"
#include "packet/headers.h"
#include "rules/match/words.h"

enum { A_SRC, A_DST, A_IN, A_OUT };

struct addrtype {
    uint32_t types[2]; /* source, destination: 1 << enum weir_addr_type */
};

static const struct opt opts[] = {
    {"src-type", A_SRC, OPT_OTHER, OPT_NOT},
    {"dst-type", A_DST, OPT_OTHER, OPT_NOT},
    {"limit-iface-in", A_IN, OPT_FLAG, .against = OPT_BIT(A_OUT)},
    {"limit-iface-out", A_OUT, OPT_FLAG, .against = OPT_BIT(A_IN)},
    {0},
};

static const char *const type_words[WEIR_ADDR_TYPE_MAX] = {
    [WEIR_ADDR_UNSPEC] = "UNSPEC",
    [WEIR_ADDR_UNICAST] = "UNICAST",
    [WEIR_ADDR_LOCAL] = "LOCAL",
    [WEIR_ADDR_BROADCAST] = "BROADCAST",
    [WEIR_ADDR_ANYCAST] = "ANYCAST",
    [WEIR_ADDR_MULTICAST] = "MULTICAST",
    [WEIR_ADDR_BLACKHOLE] = "BLACKHOLE",
    [WEIR_ADDR_UNREACHABLE] = "UNREACHABLE",
    [WEIR_ADDR_PROHIBIT] = "PROHIBIT",
    [WEIR_ADDR_THROW] = "THROW",
    [WEIR_ADDR_NAT] = "NAT",
    [WEIR_ADDR_XRESOLVE] = "XRESOLVE",
};

enum {
    CLASSES6 = 1u << WEIR_ADDR_UNSPEC | 1u << WEIR_ADDR_UNICAST | 1u << WEIR_ADDR_MULTICAST,
    ROUTES6 = 1u << WEIR_ADDR_LOCAL | 1u << WEIR_ADDR_ANYCAST | 1u << WEIR_ADDR_UNREACHABLE
};

/* --- reading and writing --- */

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct addrtype *a = ext_data(x);
    const char *bad;

    if (o->id > A_DST)
        return true;
    bad = words_read(text, type_words, WEIR_ADDR_TYPE_MAX, &a->types[o->id]);
    if (bad && strchr(bad, ','))
        return rule_fail(r, "addrtype: bad type `%s'", bad);
    if (bad)
        return rule_fail(r, "addrtype: bad type \"%s\"", bad);
    uint32_t strange = r->family == 6 ? a->types[o->id] & ~(uint32_t)(CLASSES6 | ROUTES6) : 0;

    return !strange || rule_fail(r, "addrtype: there is no type %s in IPv6",
                                 type_words[__builtin_ctz(strange)]);
}

static bool check(struct rule_parse *r, struct ext *x)
{
    if (!ext_seen(x, A_SRC) && !ext_seen(x, A_DST))
        return rule_fail(r, "addrtype: you must specify --src-type or --dst-type");
    if (ext_seen(x, A_IN))
        x->hooks &= ON_PREROUTING | ON_INPUT | ON_FORWARD;
    if (ext_seen(x, A_OUT))
        x->hooks &= ON_FORWARD | ON_OUTPUT | ON_POSTROUTING;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct addrtype *a = ext_conf(x);

    if (o->id > A_DST)
        return;
    text_char(out, ' ');
    words_print(out, type_words, a->types[o->id]);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct addrtype *a = ext_conf(x);

    (void)how;
    text_add(out, " ADDRTYPE match");
    for (unsigned id = A_SRC; id <= A_DST; id++)
        if (ext_seen(x, id)) {
            text_addf(out, " %s %s", opts[id].name, ext_negated(x, id) ? "!" : "");
            words_print(out, type_words, a->types[id]);
        }
    if (ext_seen(x, A_IN))
        text_add(out, " limit-in");
    if (ext_seen(x, A_OUT))
        text_add(out, " limit-out");
}

/* --- matching --- */

/* 127/8 and ::1 are on the loopback interface, and on no other. */
static bool loopback_counts(const struct eval *e, uint16_t iface)
{
    const char *name = iface == e->in_iface ? e->in : e->out;

    return !iface || strcmp(name, "lo") == 0;
}

static enum weir_addr_type class4(const uint8_t *addr)
{
    static const uint8_t nobody[4] = {0}, everybody[4] = {255, 255, 255, 255};

    if (memcmp(addr, nobody, 4) == 0 || memcmp(addr, everybody, 4) == 0)
        return WEIR_ADDR_BROADCAST;
    if (addr[0] >> 4 == 14)
        return WEIR_ADDR_MULTICAST;
    return addr[0] == 127 ? WEIR_ADDR_LOCAL : WEIR_ADDR_UNICAST;
}

/* UNSPEC, LOCAL (the loopback address), MULTICAST, UNICAST; RFC 4291, 2.4. */
static enum weir_addr_type class6(const uint8_t *addr)
{
    static const uint8_t nobody[16] = {0};

    if (addr[0] == 0xff)
        return WEIR_ADDR_MULTICAST;
    if (memcmp(addr, nobody, 15) != 0 || addr[15] > 1)
        return WEIR_ADDR_UNICAST;
    return addr[15] ? WEIR_ADDR_LOCAL : WEIR_ADDR_UNSPEC;
}

enum weir_addr_type addrtype_of(const struct eval *e, const union weir_addr *addr, uint16_t iface)
{
    const struct weir_host *host = &e->t->host;
    enum weir_addr_type type;

    if (host->addr_type)
        return host->addr_type(host->ctx, e->family, addr, iface);
    type = e->family == 4 ? class4(addr->bytes) : class6(addr->bytes);
    return type == WEIR_ADDR_LOCAL && !loopback_counts(e, iface) ? WEIR_ADDR_UNICAST : type;
}

/* The classes an IPv6 address is of. One that stands for an IPv4 address (RFC 4291, 2.5.5.2) is of
 * none. */
static uint32_t classes6(const union weir_addr *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    enum weir_addr_type type = class6(addr->bytes);

    if (memcmp(addr->bytes, mapped, sizeof(mapped)) == 0)
        return 0;
    return 1u << (type == WEIR_ADDR_LOCAL ? WEIR_ADDR_UNICAST : type);
}

/* Linux tells no IPv6 route that refuses packets from another. */
static uint32_t route6(const struct eval *e, const union weir_addr *addr, uint16_t iface)
{
    enum weir_addr_type type = addrtype_of(e, addr, iface);

    switch ((int)type) {
    case WEIR_ADDR_BLACKHOLE:
    case WEIR_ADDR_PROHIBIT:
    case WEIR_ADDR_THROW: return 1u << WEIR_ADDR_UNREACHABLE;
    default: return 1u << type;
    }
}

static bool is_one_of(const struct eval *e, const union weir_addr *addr, uint16_t iface,
                      uint32_t types)
{
    if (e->family == 4)
        return types >> addrtype_of(e, addr, iface) & 1;
    return !(types & CLASSES6 & ~classes6(addr)) &&
           (!(types & ROUTES6) || types & ROUTES6 & route6(e, addr, iface));
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct addrtype *a = ext_conf(x);
    const union weir_addr addr[2] = {eval_src(e), eval_dst(e)};
    uint16_t iface = ext_seen(x, A_IN) ? e->in_iface : ext_seen(x, A_OUT) ? e->out_iface : 0;

    for (unsigned id = A_SRC; id <= A_DST; id++)
        if (ext_seen(x, id) && is_one_of(e, &addr[id], iface, a->types[id]) == ext_negated(x, id))
            return false;
    return true;
}

const struct ext_type match_addrtype = {
    .name = "addrtype",
    .families = EXT_BOTH,
    .size = sizeof(struct addrtype),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
