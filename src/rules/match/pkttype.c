/* SPDX-License-Identifier: BSD-2-Clause */
/* -m pkttype: to whom the frame was addressed (iptables reference, 3.3). */
#include "rules/eval.h"

enum { P_TYPE = 0 };

struct pkttype {
    uint8_t type; /* enum weir_pkt_type */
};

static const struct opt opts[] = {
    {"pkt-type", P_TYPE, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

/* The first of a type is what is printed. */
static const struct {
    const char *name;
    uint8_t type;
} names[] = {
    {"unicast", WEIR_PKT_HOST},        {"broadcast", WEIR_PKT_BROADCAST},
    {"multicast", WEIR_PKT_MULTICAST}, {"otherhost", WEIR_PKT_OTHERHOST},
    {"host", WEIR_PKT_HOST},           {"bcast", WEIR_PKT_BROADCAST},
    {"mcast", WEIR_PKT_MULTICAST},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct pkttype *p = ext_data(x);

    (void)o;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (strcasecmp(names[i].name, text) == 0) {
            p->type = names[i].type;
            return true;
        }
    return rule_fail(r, "Bad packet type '%s'", text);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct pkttype *p = ext_conf(x);
    size_t i = 0;

    (void)o;
    while (names[i].type != p->type)
        i++;
    text_char(out, ' ');
    text_add(out, names[i].name);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, ext_negated(x, P_TYPE) ? " PKTTYPE !=" : " PKTTYPE =");
    show(out, x, NULL);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct pkttype *p = ext_conf(x);

    return (e->p->raw->pkt_type == p->type) != ext_negated(x, P_TYPE);
}

const struct ext_type match_pkttype = {
    .name = "pkttype",
    .families = EXT_BOTH,
    .size = sizeof(struct pkttype),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
