/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/target/nat_spec.h"
#include "packet/headers.h"

#include <arpa/inet.h>

/* --- ports --- */

static bool bad_port(struct rule_parse *r, const char *text)
{
    return rule_fail(r, "Port `%s' not valid", text);
}

/* A number up to where it ends. */
static bool read_number(const char *text, const char **end, uint16_t *port)
{
    uint64_t n;

    if (!text_read_number(text, end, &n) || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* What stands behind "/". iptables does not read again the 0 that it prints for a base which it did
 * not keep; a ruleset that was printed must load. */
static bool read_base(struct rule_parse *r, const char *text, enum nat_base base,
                      struct nat_range *range)
{
    uint16_t port;

    if (!read_port(r, text, 0, &port) || (port == 0 && base != NAT_BASE_ZERO))
        return bad_port(r, text);
    if (base == NAT_BASE_REFUSED)
        return rule_fail(r, "Shifted portmap ranges not supported with this kernel");
    range->flags |= NAT_PORT_OFFSET;
    if (base == NAT_BASE_KEPT)
        range->base_port = port;
    else if (port != 0)
        rule_note(r, "only DNAT takes a base: `/%s' counts as `/0', as with iptables", text);
    return true;
}

/* What stands behind the first port: nothing, or "-" and the last one. */
static bool read_last(struct rule_parse *r, const char *text, enum nat_base base,
                      struct nat_range *range)
{
    const char *end;

    if (!*text)
        return true;
    if (*text == ':')
        return rule_fail(r, "Invalid port:port syntax - use dash");
    if (*text != '-')
        return rule_fail(r, "Garbage after port value: `%s'", text);
    text++;
    if (!read_number(text, &end, &range->max_port))
        return bad_port(r, text);
    if (range->max_port < range->min_port)
        return rule_fail(r, "Port range `%s' funky", text);
    if (*end == '/')
        return read_base(r, end + 1, base, range);
    return !*end || rule_fail(r, "Garbage after port range: `%s'", end);
}

/* As iptables, which looks at the protocol when it meets the ports: -p must stand before, and it
 * does not mind a "!". */
static bool has_ports(struct rule_parse *r)
{
    uint8_t proto = r->head.proto;

    if (proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP || proto == PROTO_DCCP ||
        proto == PROTO_ICMP)
        return true;
    (void)rule_fail(r, "Need TCP, UDP, SCTP or DCCP with port specification");
    rule_hint(r, "write -p before -j; for -p icmp the numbers are echo identifiers");
    return false;
}

bool nat_spec_read_ports(struct rule_parse *r, const char *text, enum nat_base base,
                         struct nat_range *range)
{
    const char *rest;

    if (!has_ports(r))
        return false;
    if (!read_number(text, &rest, &range->min_port)) {
        rest = "";
        if (!read_port(r, text, 0, &range->min_port))
            return bad_port(r, text);
    }
    range->flags |= NAT_PORT_RANGE;
    range->max_port = range->min_port;
    return read_last(r, rest, base, range);
}

/* --- addresses --- */

/* Room for the longest, INET6_ADDRSTRLEN, and for enough of a wrong one to show it. */
enum { ADDRESS_TEXT_MAX = 128 };

/* No short forms, no octal, no names: iptables takes none here. */
static bool read_address(struct rule_parse *r, const char *text, size_t len, union weir_addr *addr)
{
    char string[ADDRESS_TEXT_MAX];
    struct text copy;

    text_into(&copy, string, sizeof(string));
    text_bytes(&copy, text, len);
    memset(addr, 0, sizeof(*addr));
    if (copy.written == copy.len &&
        inet_pton(r->family == 6 ? AF_INET6 : AF_INET, string, addr) == 1)
        return true;
    return rule_fail(r, "Bad IP address \"%s\"", string);
}

static bool read_addresses(struct rule_parse *r, const char *text, size_t len,
                           struct nat_range *range)
{
    const char *dash = memchr(text, '-', len);
    size_t first = dash ? (size_t)(dash - text) : len;

    range->flags |= NAT_MAP_IPS;
    if (!read_address(r, text, first, &range->min))
        return false;
    range->max = range->min;
    return !dash || read_address(r, dash + 1, len - first - 1, &range->max);
}

/* Where the parts of a SPEC are. */
struct parts {
    const char *addresses, *ports; /* ports NULL: none */
    size_t len;                    /* of the addresses */
};

/* "[...]" and perhaps ":..." */
static bool split_brackets(struct rule_parse *r, const char *text, struct parts *p)
{
    const char *close = strchr(text, ']');

    if (r->family == 4 || !close || (close[1] && close[1] != ':')) {
        (void)rule_fail(r, "Invalid address format");
        rule_hint(r, "addresses are in brackets for IPv6 with ports only: [ADDRESS]:PORT");
        return false;
    }
    *p = (struct parts){text + 1, close[1] ? close + 2 : NULL, (size_t)(close - text) - 1};
    return true;
}

/* A single colon has ports behind it; more of them, without brackets, are an IPv6 address's. */
static void split_colon(const char *text, struct parts *p)
{
    const char *colon = strchr(text, ':');

    *p = (struct parts){text, NULL, strlen(text)};
    if (colon && !strchr(colon + 1, ':'))
        *p = (struct parts){text, colon + 1, (size_t)(colon - text)};
}

bool nat_spec_read(struct rule_parse *r, const char *text, enum nat_base base,
                   struct nat_range *range)
{
    struct parts p;

    if (*text != '[')
        split_colon(text, &p);
    else if (!split_brackets(r, text, &p))
        return false;
    if (p.ports && !nat_spec_read_ports(r, p.ports, base, range))
        return false;
    return (p.ports && !p.len) || read_addresses(r, p.addresses, p.len, range);
}

/* --- printing --- */

/*
 * A range of one port is written as one, unless it has a base: iptables writes 80/100 then, and
 * does not read it again.
 */
void nat_spec_print_ports(struct text *out, const struct nat_range *range)
{
    text_number(out, range->min_port);
    if (range->max_port != range->min_port || range->flags & NAT_PORT_OFFSET) {
        text_char(out, '-');
        text_number(out, range->max_port);
    }
    if (range->flags & NAT_PORT_OFFSET) {
        text_char(out, '/');
        text_number(out, range->base_port);
    }
}

static void print_addresses(struct text *out, uint8_t family, const struct nat_range *range)
{
    text_addr(out, family, &range->min);
    if (memcmp(&range->min, &range->max, sizeof(range->min)) != 0) {
        text_char(out, '-');
        text_addr(out, family, &range->max);
    }
}

void nat_spec_print(struct text *out, uint8_t family, const struct nat_range *range)
{
    bool ports = range->flags & NAT_PORT_RANGE;
    bool brackets = family == 6 && ports && range->flags & NAT_MAP_IPS;

    if (brackets)
        text_char(out, '[');
    if (range->flags & NAT_MAP_IPS)
        print_addresses(out, family, range);
    if (brackets)
        text_char(out, ']');
    if (ports) {
        text_char(out, ':');
        nat_spec_print_ports(out, range);
    }
}

void nat_spec_list_flags(struct text *out, const struct ext *x)
{
    for (const struct opt *o = x->type->opts; o->name; o++)
        if (o->kind == OPT_FLAG && ext_seen(x, o->id)) {
            text_char(out, ' ');
            text_add(out, o->name);
        }
}
