/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/want.h"

/* FNV-1a. Names come from who runs the host; those that are too long for a rule to name them may
 * hash as they like. */
uint16_t key_iface(const char *name)
{
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < IFACE_NAME_MAX && name[i]; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return (uint16_t)(h ^ h >> 16);
}

void want_addr(struct want *w, enum want_side side, const union weir_addr *addr,
               const union weir_addr *mask)
{
    static const union weir_addr none;
    bool src = side == WANT_SRC;
    struct pattern p = {0};

    key_addrs(&p.value, w->family, src ? addr : &none, src ? &none : addr);
    key_addrs(&p.mask, w->family, src ? mask : &none, src ? &none : mask);
    for (unsigned i = KEY_ADDR; i < KEY_WORDS; i++)
        pattern_add(&w->pattern, i, p.value.word[i], p.mask.word[i]);
}

/* A value with bits outside of its mask is no mark's (match/mark.c); any bits will do then. */
void want_mark(struct want *w, const struct mark_mask *mark)
{
    pattern_add(&w->pattern, KEY_LINK, key_link(mark->value, 0, 0), key_link(mark->mask, 0, 0));
}

/* Of two matches about the same port, either will do. */
void want_ports(struct want *w, enum want_side side, const struct port_range *range, uint8_t count)
{
    struct want_ports ports = {0};

    if (w->ports[side].count)
        return;
    for (uint8_t i = 0; i < count; i++)
        for (uint32_t port = range[i].first; port <= range[i].last; port++) {
            if (ports.count == WANT_PORTS_MAX)
                return;
            ports.port[ports.count++] = (uint16_t)port;
        }
    w->ports[side] = ports;
}

void want_head(struct want *w, const struct rule_head *h, bool proto)
{
    if (!(h->negated & NOT_SRC))
        want_addr(w, WANT_SRC, &h->src.addr, &h->src.mask);
    if (!(h->negated & NOT_DST))
        want_addr(w, WANT_DST, &h->dst.addr, &h->dst.mask);
    if (h->in_len && !h->in_prefix && !(h->negated & NOT_IN))
        pattern_add(&w->pattern, KEY_LINK, key_link(0, key_iface(h->in), 0),
                    key_link(0, UINT16_MAX, 0));
    if (h->out_len && !h->out_prefix && !(h->negated & NOT_OUT))
        pattern_add(&w->pattern, KEY_LINK, key_link(0, 0, key_iface(h->out)),
                    key_link(0, 0, UINT16_MAX));
    if (proto && h->has_proto && !(h->negated & NOT_PROTO))
        pattern_add(&w->pattern, KEY_UPPER, key_upper(0, 0, h->proto), key_upper(0, 0, UINT8_MAX));
}

bool want_nothing(const struct ext *x, struct want *w)
{
    (void)x;
    (void)w;
    return true;
}
