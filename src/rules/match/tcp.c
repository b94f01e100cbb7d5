/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m tcp: ports, flags and the presence of an option (iptables reference, 3.1).
 *
 * A fragment that begins eight bytes into the segment could overwrite the flags of a first fragment
 * that was let through (RFC 1858, 3): it is dropped. IPv6 has no such test in Linux.
 */
#include "rules/match/tcp.h"
#include "rules/match/ports.h"

enum { T_OPTION = PORT_IDS, T_FLAGS };

enum {
    SYN_MASK = TCP_FIN | TCP_SYN | TCP_RST | TCP_ACKF,
    ALL_FLAGS = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACKF | TCP_URG
};

struct tcp {
    struct ports ports;
    uint8_t option;           /* 0: any */
    uint8_t flag_mask, flags; /* (header's & flag_mask) == flags */
};

static const struct opt opts[] = {
    PORT_OPTIONS(OPT_AGAIN | OPT_HIDE_FULL),
    {"tcp-option", T_OPTION, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"tcp-flags", T_FLAGS, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"syn", T_FLAGS, OPT_FLAG, OPT_NOT | OPT_AGAIN},
    {0},
};

static const struct flag {
    const char *name;
    uint8_t bits;
} flag_names[] = {
    {"FIN", TCP_FIN},  {"SYN", TCP_SYN}, {"RST", TCP_RST},   {"PSH", TCP_PSH},
    {"ACK", TCP_ACKF}, {"URG", TCP_URG}, {"ALL", ALL_FLAGS}, {"NONE", 0},
};

static bool read_flags(struct rule_parse *r, const char *text, uint8_t *flags)
{
    char part[16];

    *flags = 0;
    while (text) {
        const char *from = text;
        bool good = read_part(&text, ',', part, sizeof(part));
        size_t i = 0;

        if (good && !*part)
            continue;
        while (good && i < WEIR_ARRAY_LEN(flag_names) && strcasecmp(flag_names[i].name, part) != 0)
            i++;
        if (!good || i == WEIR_ARRAY_LEN(flag_names))
            return rule_fail(r, "Unknown TCP flag `%s'", good ? part : from);
        *flags |= flag_names[i].bits;
    }
    return true;
}

static bool take_flags(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tcp *t = ext_data(x);

    if (t->ports.given & OPT_BIT(T_FLAGS))
        return rule_fail(r, "Only one of `--syn' or `--tcp-flags'  allowed");
    t->ports.given |= OPT_BIT(T_FLAGS);
    if (o->kind == OPT_FLAG) {
        t->flag_mask = SYN_MASK;
        t->flags = TCP_SYN;
        return true;
    }
    const char *second = rule_peek(r);

    if (!read_flags(r, text, &t->flag_mask))
        return false;
    if (!second || *second == '-' || *second == '!') {
        rule_fail(r, "--tcp-flags requires two args.");
        rule_hint(r, "which flags to look at, and which of them must be set: "
                     "--tcp-flags FIN,SYN,RST,ACK SYN");
        return false;
    }
    if (!read_flags(r, rule_next(r), &t->flags))
        return false;
    /* iptables does not save flags that none are looked at, nor shows them. */
    if (!t->flag_mask && !ext_negated(x, T_FLAGS))
        x->seen &= ~OPT_BIT(T_FLAGS);
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tcp *t = ext_data(x);
    uint64_t n;

    if (o->id < PORT_IDS)
        return ports_take(r, x, o, text);
    if (o->id == T_FLAGS)
        return take_flags(r, x, o, text);
    if (!ports_once(r, x, o, "tcp-option"))
        return false;
    if (!read_u64(text, 1, UINT8_MAX, &n))
        return rule_fail(r, "Bad TCP option \"%s\"", text);
    t->option = (uint8_t)n;
    return true;
}

static void add_flags(struct text *out, uint8_t flags)
{
    const char *comma = "";

    if (!flags)
        text_add(out, "NONE");
    for (const struct flag *f = flag_names; f->bits != ALL_FLAGS; f++)
        if (flags & f->bits) {
            text_add(out, comma);
            text_add(out, f->name);
            comma = ",";
        }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct tcp *t = ext_conf(x);

    text_char(out, ' ');
    if (o->id == T_OPTION) {
        text_number(out, t->option);
        return;
    }
    add_flags(out, t->flag_mask);
    text_char(out, ' ');
    add_flags(out, t->flags);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tcp *t = ext_conf(x);

    text_add(out, " tcp");
    ports_list(out, x, how);
    if (t->option)
        text_addf(out, " option=%s%u", ext_negated(x, T_OPTION) ? "!" : "", t->option);
    if (!ext_seen(x, T_FLAGS))
        return;
    text_add(out, ext_negated(x, T_FLAGS) ? " flags:!" : " flags:");
    if (how->flags & WEIR_RULES_NUMERIC) {
        text_addf(out, "0x%02X/0x%02X", t->flag_mask, t->flags);
        return;
    }
    add_flags(out, t->flag_mask);
    text_char(out, '/');
    add_flags(out, t->flags);
}

static bool has_option(struct eval *e, const uint8_t *l4, uint8_t kind, bool *has)
{
    uint32_t size = (l4[TCP_OFFSET] >> 4) * 4u;

    if (size < TCP_MIN)
        e->drop = true;
    if (size < TCP_MIN || header_lacks(e, e->p->ip.l4_off + size))
        return false;
    *has = header_option(l4 + TCP_MIN, size - TCP_MIN, kind) < size - TCP_MIN;
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct tcp *t = ext_conf(x);
    const struct parsed *ip = &e->p->ip;
    bool has;

    if (ip->family == 4 && (ip->frag_field & IP4_OFFSET) == 1)
        e->drop = true;
    const uint8_t *l4 = header_l4(e, TCP_MIN);

    if (!l4 || !ports_match(x, l4) ||
        ((l4[TCP_FLAGS] & t->flag_mask) == t->flags) == ext_negated(x, T_FLAGS))
        return false;
    return !t->option || (has_option(e, l4, t->option, &has) && has != ext_negated(x, T_OPTION));
}

bool tcp_has_syn(const struct ext *x)
{
    const struct tcp *t = ext_conf(x);

    return t->flags & TCP_SYN && !ext_negated(x, T_FLAGS);
}

static bool want(const struct ext *x, struct want *w)
{
    ports_want(x, w);
    return ((const struct tcp *)ext_conf(x))->option == 0;
}

const struct ext_type match_tcp = {
    .name = "tcp",
    .families = EXT_BOTH,
    .proto = PROTO_TCP,
    .size = sizeof(struct tcp),
    .opts = opts,
    .init = ports_init,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want,
};
