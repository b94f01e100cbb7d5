/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/hostmask.h"

static int bits_of(uint8_t family)
{
    return family == 6 ? 128 : 32;
}

int hostmask_prefix(uint8_t family, const union weir_addr *mask)
{
    int len = 0, bits = bits_of(family);

    while (len < bits && mask->bytes[len / 8] >> (7 - len % 8) & 1)
        len++;
    for (int i = len; i < bits; i++)
        if (mask->bytes[i / 8] >> (7 - i % 8) & 1)
            return -1;
    return len;
}

static void make_mask(union weir_addr *mask, int len)
{
    memset(mask, 0, sizeof(*mask));
    memset(mask, 0xff, (size_t)len / 8);
    if (len % 8)
        mask->bytes[len / 8] = (uint8_t)(0xff << (8 - len % 8));
}

static bool read_mask(uint8_t family, const char *text, union weir_addr *mask)
{
    int bits = bits_of(family);
    uint64_t len;

    if (!read_u64(text, 0, family == 6 ? 128 : UINT32_MAX, &len))
        return read_addr(family, text, mask);
    make_mask(mask, len < (uint64_t)bits ? (int)len : bits);
    return true;
}

bool hostmask_take_mask(struct rule_parse *r, const struct ext *x, const struct opt *o,
                        const char *text, union weir_addr *mask)
{
    return read_mask(r->family, text, mask) ||
           rule_fail(r,
                     "%s: bad value for option \"--%s\", neither a valid network mask nor valid "
                     "CIDR (0-%d).",
                     x->type->name, o->name, bits_of(r->family));
}

bool hostmask_take_host(struct rule_parse *r, const char *host, union weir_addr *addr)
{
    const struct weir_rules_names *names = r->names;
    union weir_addr other;

    if (read_addr(r->family, host, addr))
        return true;
    memset(addr, 0, sizeof(*addr));
    if (*host && names->host && names->host(names->ctx, host, r->family, addr, 1))
        return true;
    rule_fail(r, "getaddrinfo: %s",
              read_addr(r->family == 4 ? 6 : 4, host, &other)
                  ? "Address family for hostname not supported"
                  : "Name or service not known");
    rule_hint(r, "this is an IPv%u ruleset; write an address, or a name that resolves", r->family);
    return false;
}

bool hostmask_take(struct rule_parse *r, const struct ext *x, const struct opt *o, const char *text,
                   struct net_mask *net)
{
    char host[256]; /* a name has 253 bytes at most (RFC 1123, 2.1) */
    const char *rest = text;

    if (!read_part(&rest, '/', host, sizeof(host)))
        return rule_fail(r, "getaddrinfo: Name or service not known");
    make_mask(&net->mask, bits_of(r->family));
    return hostmask_take_host(r, host, &net->addr) &&
           (!rest || hostmask_take_mask(r, x, o, rest, &net->mask));
}

static void add_prefix(struct text *out, uint8_t family, const union weir_addr *mask)
{
    int len = hostmask_prefix(family, mask);

    if (len >= 0 && len < bits_of(family))
        text_addf(out, "/%d", len);
}

void hostmask_print(struct text *out, uint8_t family, const struct net_mask *net)
{
    text_char(out, ' ');
    text_addr(out, family, &net->addr);
    add_prefix(out, family, &net->mask);
}

void hostmask_list(struct text *out, const struct listing *how, uint8_t family,
                   const struct net_mask *net)
{
    bool named = !(how->flags & WEIR_RULES_NUMERIC);

    text_char(out, ' ');
    if (named && !(net->addr.half[0] | net->addr.half[1])) {
        text_add(out, "anywhere"); /* of any mask */
        return;
    }
    list_addr(out, how, family, &net->addr);
    add_prefix(out, family, &net->mask);
}
