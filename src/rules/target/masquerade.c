/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MASQUERADE and REDIRECT: SNAT and DNAT to an address of this host that nobody has to write down
 * (iptables reference, 4.5; nat reference, 7 and 11). Which one it is, is the host's to say.
 */
#include "rules/target/nat_spec.h"

enum { TO_PORTS = 0, RANDOM, RANDOM_FULLY };

static const struct opt masquerade_options[] = {
    {"to-ports", TO_PORTS, OPT_OTHER},
    {"random", RANDOM, OPT_FLAG},
    {"random-fully", RANDOM_FULLY, OPT_FLAG},
    {NULL},
};

static const struct opt redirect_options[] = {
    {"to-ports", TO_PORTS, OPT_OTHER},
    {"random", RANDOM, OPT_FLAG},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text,
                 enum nat_base base)
{
    struct nat_range *range = ext_data(x);

    if (o->id == TO_PORTS)
        return nat_spec_read_ports(r, text, base, range);
    range->flags |= NAT_RANDOM;
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    text_char(out, ' ');
    nat_spec_print_ports(out, ext_conf(x));
}

static void list_ports(struct text *out, const struct ext *x, const char *what)
{
    if (ext_seen(x, TO_PORTS)) {
        text_add(out, what);
        nat_spec_print_ports(out, ext_conf(x));
    }
    nat_spec_list_flags(out, x);
}

/* The host's address for this use. False: it has none. */
static bool find_address(const struct eval *e, enum weir_source_use use, uint16_t iface,
                         union weir_addr *addr)
{
    const struct weir_host *host = &e->t->host;
    union weir_addr peer = eval_dst(e);

    memset(addr, 0, sizeof(*addr));
    return host->source && host->source(host->ctx, use, iface, e->family, &peer, addr);
}

static enum rules_verdict map_to(struct eval *e, const struct ext *x, const union weir_addr *addr)
{
    const struct nat_range *asked = ext_conf(x);
    struct nat_range range = *asked;

    nat_spec_set_address(&range, addr);
    return nat_spec_run(e, &range);
}

/* --- MASQUERADE --- */

static bool take_masquerade(struct rule_parse *r, struct ext *x, const struct opt *o,
                            const char *text)
{
    return take(r, x, o, text, NAT_BASE_ZERO);
}

static void list_masquerade(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    list_ports(out, x, " masq ports: ");
}

/* A host that asks for its address (DHCP, RFC 2131, 4.1) has none that answers could go to. */
static bool has_no_source(const struct eval *e)
{
    return e->family == 4 && conn_tuple(e->p->conn, WEIR_ORIG).src.v4 == 0;
}

static enum rules_verdict run_masquerade(struct eval *e, const struct ext *x)
{
    union weir_addr addr;

    if (has_no_source(e))
        return RULES_ACCEPT;
    if (!find_address(e, WEIR_SOURCE_MASQUERADE, e->out_iface, &addr))
        return nat_spec_no_address(e);
    nat_set_iface(e->p->conn, e->out_iface);
    return map_to(e, x, &addr);
}

const struct ext_type target_masquerade = {
    .name = "MASQUERADE",
    .families = EXT_BOTH,
    .tables = IN_NAT,
    .hooks = ON_POSTROUTING,
    .size = sizeof(struct nat_range),
    .opts = masquerade_options,
    .take = take_masquerade,
    .show = show,
    .list = list_masquerade,
    .target = run_masquerade,
};

/* --- REDIRECT --- */

static bool take_redirect(struct rule_parse *r, struct ext *x, const struct opt *o,
                          const char *text)
{
    return take(r, x, o, text, NAT_BASE_REFUSED);
}

static void list_redirect(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    list_ports(out, x, " redir ports ");
}

/* What this host sends, it sends to itself. */
static union weir_addr loopback(uint8_t family)
{
    if (family == 6)
        return (union weir_addr){.bytes = {[15] = 1}};
    return (union weir_addr){.bytes = {127, 0, 0, 1}};
}

static enum rules_verdict run_redirect(struct eval *e, const struct ext *x)
{
    union weir_addr addr = loopback(e->family);

    if (e->hook == HOOK_PREROUTING && !find_address(e, WEIR_SOURCE_REDIRECT, e->in_iface, &addr))
        return nat_spec_no_address(e);
    return map_to(e, x, &addr);
}

const struct ext_type target_redirect = {
    .name = "REDIRECT",
    .families = EXT_BOTH,
    .tables = IN_NAT,
    .hooks = ON_PREROUTING | ON_OUTPUT,
    .size = sizeof(struct nat_range),
    .opts = redirect_options,
    .take = take_redirect,
    .show = show,
    .list = list_redirect,
    .target = run_redirect,
};
