/* SPDX-License-Identifier: BSD-2-Clause */
/* -m multiport: up to fifteen ports, or ranges at two each (iptables reference, 3.1). */
#include "rules/match/header.h"
#include "rules/want.h"

enum { M_SRC = 0, M_DST, M_EITHER };

enum { PORTS_SIZE = 4, SLOTS = 15 };

struct multiport {
    uint8_t count;
    uint8_t proto; /* the rule's, for names of ports */
    struct port_range ports[SLOTS];
};

static const struct opt opts[] = {
    {"sports", M_SRC, OPT_OTHER, OPT_NOT, .against = OPT_BIT(M_DST) | OPT_BIT(M_EITHER)},
    {"source-ports", M_SRC, OPT_OTHER, OPT_NOT, .against = OPT_BIT(M_DST) | OPT_BIT(M_EITHER)},
    {"dports", M_DST, OPT_OTHER, OPT_NOT, .against = OPT_BIT(M_SRC) | OPT_BIT(M_EITHER)},
    {"destination-ports", M_DST, OPT_OTHER, OPT_NOT, .against = OPT_BIT(M_SRC) | OPT_BIT(M_EITHER)},
    {"ports", M_EITHER, OPT_OTHER, OPT_NOT, .against = OPT_BIT(M_SRC) | OPT_BIT(M_DST)},
    {0},
};

/* Blanks may stand before a port: lists are often quoted. */
static bool read_one(struct rule_parse *r, const char *text, uint16_t *port)
{
    while (text_blank(*text))
        text++;
    return read_port(r, text, r->head.proto, port) ||
           rule_fail(r, "invalid port/service `%s' specified", text);
}

static bool read_range(struct rule_parse *r, char *text, uint16_t *first, uint16_t *last)
{
    char *second = strchr(text, ':');

    if (second)
        *second++ = '\0';
    if (!read_one(r, text, first))
        return false;
    *last = *first;
    if (!second)
        return true;
    if (!read_one(r, second, last))
        return false;
    return *first < *last || rule_fail(r, "invalid portrange specified");
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct multiport *m = ext_data(x);
    unsigned slots = 0;
    char part[80];

    (void)o;
    while (text) {
        const char *from = text;
        uint16_t first, last;

        if (!read_part(&text, ',', part, sizeof(part)))
            return rule_fail(r, "invalid port/service `%s' specified", from);
        slots += strchr(part, ':') ? 2 : 1;
        if (slots > SLOTS) {
            rule_fail(r, "too many ports specified");
            rule_hint(r, "%d fit in one rule, a range counts twice; use several rules, or a set",
                      SLOTS);
            return false;
        }
        if (!read_range(r, part, &first, &last))
            return false;
        m->ports[m->count].first = first;
        m->ports[m->count++].last = last;
    }
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct multiport *m = ext_data(x);
    const struct rule_head *h = &r->head;

    if (!h->has_proto || !h->proto)
        return rule_fail(r, "multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or "
                            "`-p dccp'");
    if (h->negated & NOT_PROTO ||
        (h->proto != PROTO_TCP && h->proto != PROTO_UDP && h->proto != PROTO_UDPLITE &&
         h->proto != PROTO_SCTP && h->proto != PROTO_DCCP))
        return rule_fail(r, "multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP");
    if (!x->seen)
        return rule_fail(r, "multiport expection an option");
    m->proto = h->proto;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct multiport *m = ext_conf(x);

    (void)o;
    for (unsigned i = 0; i < m->count; i++) {
        text_addf(out, i ? ",%u" : " %u", m->ports[i].first);
        if (m->ports[i].last != m->ports[i].first)
            text_addf(out, ":%u", m->ports[i].last);
    }
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct multiport *m = ext_conf(x);

    text_addf(out, " multiport %s %s",
              ext_seen(x, M_SRC)   ? "sports"
              : ext_seen(x, M_DST) ? "dports"
                                   : "ports",
              x->negated ? " !" : "");
    for (unsigned i = 0; i < m->count; i++) {
        text_add(out, i ? "," : "");
        list_port(out, how, m->ports[i].first, m->proto);
        if (m->ports[i].last == m->ports[i].first)
            continue;
        text_char(out, ':');
        list_port(out, how, m->ports[i].last, m->proto);
    }
}

static bool among(const struct multiport *m, uint16_t port)
{
    for (unsigned i = 0; i < m->count; i++)
        if (port >= m->ports[i].first && port <= m->ports[i].last)
            return true;
    return false;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct multiport *m = ext_conf(x);
    const uint8_t *l4 = header_l4(e, PORTS_SIZE);

    if (!l4)
        return false;
    bool is = (!ext_seen(x, M_DST) && among(m, load_be16(l4))) ||
              (!ext_seen(x, M_SRC) && among(m, load_be16(l4 + 2)));

    return is != (x->negated != 0);
}

static bool want(const struct ext *x, struct want *w)
{
    const struct multiport *m = ext_conf(x);

    if (!ext_seen(x, M_EITHER) && !x->negated)
        want_ports(w, ext_seen(x, M_SRC) ? WANT_SRC : WANT_DST, m->ports, m->count);
    return true;
}

const struct ext_type match_multiport = {
    .name = "multiport",
    .families = EXT_BOTH,
    .size = sizeof(struct multiport),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want,
};
