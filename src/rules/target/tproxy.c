/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TPROXY: give the packet to a local socket that listens for others' addresses (iptables reference,
 * 4.8). The sockets of this host are not known here, and where Linux finds none it drops the
 * packet; so does weir.
 */
#include "packet/headers.h"
#include "rules/match/hostmask.h"
#include "rules/parse.h"

enum { ON_PORT = 0, ON_IP, TPROXY_MARK };

struct tproxy {
    union weir_addr addr;
    struct mark_mask mark;
    uint16_t port;
};

static const struct opt options[] = {
    {"on-port", ON_PORT, OPT_OTHER, OPT_MUST},
    {"on-ip", ON_IP, OPT_OTHER},
    {"tproxy-mark", TPROXY_MARK, OPT_OTHER},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tproxy *t = ext_data(x);

    if (o->id == ON_IP)
        return hostmask_take_host(r, text, &t->addr);
    if (o->id == ON_PORT)
        return read_port(r, text, 0, &t->port) ||
               rule_fail(r, "invalid port/service `%s' specified", text);
    return read_mark(text, &t->mark) ||
           rule_fail(r, "TPROXY: bad integer value for option \"--tproxy-mark\", or out of range.");
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct rule_head *h = &r->head;

    (void)x;
    return ((h->proto == PROTO_TCP || h->proto == PROTO_UDP) && !(h->negated & NOT_PROTO)) ||
           parse_error(r->parse, 1,
                       "TPROXY needs \"-p tcp\" or \"-p udp\" in the same rule, not negated");
}

static void print(struct text *out, const struct ext *x)
{
    const struct tproxy *t = ext_conf(x);

    text_addf(out, " --on-port %u --on-ip ", t->port);
    text_addr(out, x->family, &t->addr);
    text_addf(out, " --tproxy-mark 0x%x/0x%x", t->mark.value, t->mark.mask);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tproxy *t = ext_conf(x);

    (void)how;
    text_add(out, " TPROXY redirect ");
    text_addr(out, x->family, &t->addr);
    text_addf(out, ":%u mark 0x%x/0x%x", t->port, t->mark.value, t->mark.mask);
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return RULES_DROP;
}

const struct ext_type target_tproxy = {
    .name = "TPROXY",
    .families = EXT_BOTH,
    .tables = IN_MANGLE,
    .hooks = ON_PREROUTING,
    .size = sizeof(struct tproxy),
    .opts = options,
    .note = "weir knows of no sockets: -j TPROXY drops, as Linux does where nothing listens",
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run,
};
