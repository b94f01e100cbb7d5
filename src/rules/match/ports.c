/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports of tcp, udp, sctp and dccp: ports.h. An option that is not there is the range of all. */
#include "rules/match/ports.h"
#include "rules/want.h"

void ports_init(const struct rule_parse *r, struct ext *x)
{
    struct ports *p = ext_data(x);

    (void)r;
    p->src[1] = p->dst[1] = UINT16_MAX;
}

bool ports_once(struct rule_parse *r, struct ext *x, const struct opt *o, const char *name)
{
    struct ports *p = ext_data(x);

    if (p->given & OPT_BIT(o->id))
        return rule_fail(r, "Only one `--%s' allowed", name);
    p->given |= OPT_BIT(o->id);
    return true;
}

bool ports_take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    const struct ports *p = ext_conf(x);
    const uint16_t *range = o->id == PORT_SRC ? p->src : p->dst;

    if (!ports_once(r, x, o, o->id == PORT_SRC ? "source-port" : "destination-port"))
        return false;
    if (!*text)
        return rule_fail(r, "invalid port/service `' specified");
    if (range[0] > range[1])
        return rule_fail(r, "invalid portrange (min > max)");
    return true;
}

static bool fits(const struct ext *x, unsigned id, const uint16_t *range, uint16_t port)
{
    return (port >= range[0] && port <= range[1]) != ext_negated(x, id);
}

bool ports_match(const struct ext *x, const uint8_t *l4)
{
    const struct ports *p = ext_conf(x);

    return fits(x, PORT_SRC, p->src, load_be16(l4)) && fits(x, PORT_DST, p->dst, load_be16(l4 + 2));
}

static void want_one(const struct ext *x, unsigned id, const uint16_t *range, struct want *w)
{
    if (!ext_negated(x, id) && (range[0] > 0 || range[1] < UINT16_MAX))
        want_ports(w, id == PORT_SRC ? WANT_SRC : WANT_DST,
                   &(struct port_range){range[0], range[1]}, 1);
}

void ports_want(const struct ext *x, struct want *w)
{
    const struct ports *p = ext_conf(x);

    want_one(x, PORT_SRC, p->src, w);
    want_one(x, PORT_DST, p->dst, w);
}

static void list(struct text *out, const struct ext *x, const struct listing *how, unsigned id,
                 const uint16_t *range)
{
    uint8_t proto = x->type->proto;
    bool single = range[0] == range[1];

    if (range[0] == 0 && range[1] == UINT16_MAX && !ext_negated(x, id))
        return;
    text_add(out, id == PORT_SRC ? " spt" : " dpt");
    text_add(out, single ? ":" : "s:");
    text_add(out, ext_negated(x, id) ? "!" : "");
    list_port(out, how, range[0], proto);
    if (single)
        return;
    text_char(out, ':');
    list_port(out, how, range[1], proto);
}

void ports_list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ports *p = ext_conf(x);

    list(out, x, how, PORT_SRC, p->src);
    list(out, x, how, PORT_DST, p->dst);
}
