/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m policy: by which IPsec transforms a packet came, or will leave (iptables reference, 3.3).
 *
 * weir transforms no packets, so every packet is one without: rules that ask for --pol none match,
 * the others do not. What they ask for is read with care all the same, and printed again: up to
 * four elements, one for each transform, told apart by --next.
 */
#include "packet/headers.h"
#include "rules/eval.h"
#include "rules/match/hostmask.h"

enum {
    P_DIR,
    P_POL,
    P_STRICT,
    P_REQID,
    P_SPI,
    P_PROTO,
    P_MODE,
    P_TUNNEL_DST,
    P_TUNNEL_SRC,
    P_NEXT
};

/* What says something about an element. */
enum {
    TUNNEL = OPT_BIT(P_TUNNEL_DST) | OPT_BIT(P_TUNNEL_SRC),
    ELEMENT = OPT_BIT(P_REQID) | OPT_BIT(P_SPI) | OPT_BIT(P_PROTO) | OPT_BIT(P_MODE) | TUNNEL
};

enum { ELEMENTS_MAX = 4, PROTO_IPCOMP = 108 };

enum direction { DIR_NONE, DIR_IN, DIR_OUT };
enum mode { MODE_TRANSPORT, MODE_TUNNEL };

struct element {
    uint32_t seen, negated; /* options, by id */
    uint32_t reqid, spi;
    uint8_t proto, mode;
    struct net_mask dst, src;
};

struct policy_match {
    uint32_t number; /* of --reqid or --spi, on its way into an element */
    uint8_t dir;     /* enum direction */
    bool none;       /* --pol none */
    uint8_t last;    /* element being read */
    uint8_t count;   /* elements, when all are read */
    struct element element[ELEMENTS_MAX];
};

#define NUMBER offsetof(struct policy_match, number)

static const struct opt opts[] = {
    {"dir", P_DIR, OPT_OTHER},
    {"pol", P_POL, OPT_OTHER},
    {"strict", P_STRICT, OPT_FLAG},
    {"reqid", P_REQID, OPT_U32, OPT_NOT | OPT_AGAIN, NUMBER},
    {"spi", P_SPI, OPT_U32, OPT_NOT | OPT_AGAIN, NUMBER},
    {"proto", P_PROTO, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"mode", P_MODE, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"tunnel-dst", P_TUNNEL_DST, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"tunnel-src", P_TUNNEL_SRC, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {"next", P_NEXT, OPT_FLAG, OPT_AGAIN, .with = OPT_BIT(P_STRICT)},
    {0},
};

static const char *const dir_words[] = {[DIR_IN] = "in", [DIR_OUT] = "out"};
static const char *const mode_words[] = {[MODE_TRANSPORT] = "transport", [MODE_TUNNEL] = "tunnel"};

/* --- reading --- */

static bool take_dir(struct rule_parse *r, struct policy_match *p, const char *text)
{
    for (p->dir = DIR_IN; p->dir <= DIR_OUT; p->dir++)
        if (strcmp(dir_words[p->dir], text) == 0)
            return true;
    return rule_fail(r, "policy_match: invalid dir \"%s\"", text);
}

static bool take_pol(struct rule_parse *r, struct policy_match *p, const char *text)
{
    p->none = strcmp(text, "none") == 0;
    return p->none || strcmp(text, "ipsec") == 0 ||
           rule_fail(r, "policy match: invalid policy \"%s\"", text);
}

static bool take_next(struct rule_parse *r, struct policy_match *p)
{
    if (p->last + 1 == ELEMENTS_MAX)
        return rule_fail(r, "policy match: maximum policy depth reached");
    p->last++;
    return true;
}

static bool take_proto(struct rule_parse *r, struct element *el, const char *text)
{
    if (!read_proto(text, &el->proto))
        return rule_fail(r, "unknown protocol \"%s\" specified", text);
    return el->proto == PROTO_AH || el->proto == PROTO_ESP || el->proto == PROTO_IPCOMP ||
           rule_fail(r, "policy match: protocol must be ah/esp/ipcomp");
}

static bool take_mode(struct rule_parse *r, struct element *el, const char *text)
{
    for (el->mode = MODE_TRANSPORT; el->mode <= MODE_TUNNEL; el->mode++)
        if (strcmp(mode_words[el->mode], text) == 0)
            return true;
    return rule_fail(r, "policy match: invalid mode \"%s\"", text);
}

static bool take_element(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct policy_match *p = ext_data(x);
    struct element *el = &p->element[p->last];

    if (el->seen & OPT_BIT(o->id))
        return rule_fail(r, "policy match: double --%s option", o->name);
    el->seen |= OPT_BIT(o->id);
    /* The engine keeps one "!" for each option; here each element has its own. */
    el->negated |= x->negated & OPT_BIT(o->id);
    x->negated &= ~OPT_BIT(o->id);
    switch (o->id) {
    case P_REQID: el->reqid = p->number; return true;
    case P_SPI: el->spi = p->number; return true;
    case P_PROTO: return take_proto(r, el, text);
    case P_MODE: return take_mode(r, el, text);
    case P_TUNNEL_DST: return hostmask_take(r, x, o, text, &el->dst);
    default: return hostmask_take(r, x, o, text, &el->src);
    }
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct policy_match *p = ext_data(x);

    switch (o->id) {
    case P_DIR: return take_dir(r, p, text);
    case P_POL: return take_pol(r, p, text);
    case P_STRICT: return true;
    case P_NEXT: return take_next(r, p);
    default: return take_element(r, x, o, text);
    }
}

static bool element_good(struct rule_parse *r, const struct ext *x, unsigned i)
{
    const struct policy_match *p = ext_conf(x);
    const struct element *el = &p->element[i];

    if (ext_seen(x, P_STRICT) && !el->seen)
        return rule_fail(r,
                         "policy match: empty policy element %u. --strict is in effect, but at "
                         "least one of reqid, spi, tunnel-src, tunnel-dst, proto or mode is "
                         "required.",
                         i);
    bool negated = el->negated & OPT_BIT(P_MODE);

    return !(el->seen & TUNNEL) || (el->mode == MODE_TUNNEL) != negated ||
           rule_fail(r, "policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode");
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct policy_match *p = ext_data(x);

    if (p->dir == DIR_NONE)
        return rule_fail(r, "policy match: neither --dir in nor --dir out specified");
    if (p->none && ext_seen(x, P_STRICT))
        return rule_fail(r, "policy match: policy none but --strict given");
    if (!p->none) {
        p->count = p->last + 1;
        for (unsigned i = 0; i < p->count; i++)
            if (!element_good(r, x, i))
                return false;
    }
    x->hooks &= p->dir == DIR_IN ? ON_PREROUTING | ON_INPUT | ON_FORWARD
                                 : ON_FORWARD | ON_OUTPUT | ON_POSTROUTING;
    return true;
}

/* --- writing --- */

/* "--reqid 1 ..." for `dashes` "--", "reqid 1 ..." for "". */
static void add_element(struct text *out, uint8_t family, const struct element *el,
                        const char *dashes, bool numeric)
{
    for (const struct opt *o = opts; o->name; o++) {
        if (!(el->seen & OPT_BIT(o->id)))
            continue;
        text_addf(out, "%s %s%s", el->negated & OPT_BIT(o->id) ? " !" : "", dashes, o->name);
        switch (o->id) {
        case P_REQID: text_addf(out, " %u", el->reqid); break;
        case P_SPI: text_addf(out, " 0x%x", el->spi); break;
        case P_PROTO:
            if (numeric)
                text_addf(out, " %u", el->proto);
            else
                text_addf(out, " %s", proto_name(el->proto));
            break;
        case P_MODE: text_addf(out, " %s", mode_words[el->mode]); break;
        case P_TUNNEL_DST: hostmask_print(out, family, &el->dst); break;
        default: hostmask_print(out, family, &el->src); break;
        }
    }
}

static void add_policy(struct text *out, const struct ext *x, const char *dashes)
{
    const struct policy_match *p = ext_conf(x);

    text_addf(out, " %sdir %s %spol %s", dashes, dir_words[p->dir], dashes,
              p->none ? "none" : "ipsec");
    if (ext_seen(x, P_STRICT))
        text_addf(out, " %sstrict", dashes);
}

static void print(struct text *out, const struct ext *x)
{
    const struct policy_match *p = ext_conf(x);

    add_policy(out, x, "--");
    for (unsigned i = 0; i < p->count; i++) {
        if (i)
            text_add(out, " --next");
        add_element(out, x->family, &p->element[i], "--", false);
    }
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct policy_match *p = ext_conf(x);

    text_add(out, " policy match");
    add_policy(out, x, "");
    for (unsigned i = 0; i < p->count; i++) {
        if (p->count > 1)
            text_addf(out, " [%u]", i);
        add_element(out, x->family, &p->element[i], "", how->flags & WEIR_RULES_NUMERIC);
    }
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct policy_match *p = ext_conf(x);

    (void)e;
    return p->none;
}

const struct ext_type match_policy = {
    .name = "policy",
    .families = EXT_BOTH,
    .size = sizeof(struct policy_match),
    .opts = opts,
    .note =
        "weir transforms no packets by IPsec: -m policy takes every packet for one of --pol none",
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
};
