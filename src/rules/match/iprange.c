/* SPDX-License-Identifier: BSD-2-Clause */
/* -m iprange: addresses from one to another (iptables reference, 3.5). */
#include "rules/eval.h"
#include "rules/want.h"

enum { R_SRC = 0, R_DST };

struct iprange {
    struct {
        union weir_addr first, last;
    } range[2]; /* by id */
};

static const struct opt opts[] = {
    {"src-range", R_SRC, OPT_OTHER, OPT_NOT},
    {"dst-range", R_DST, OPT_OTHER, OPT_NOT},
    {0},
};

/* Addresses are in network byte order, so bytes compare as the numbers do. */
static bool below(const union weir_addr *a, const union weir_addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) < 0;
}

/* "10.1" is 10.1.0.0, which read_net() takes it for when it is told that this is a network. */
static bool read_one(struct rule_parse *r, const struct opt *o, const char *text,
                     union weir_addr *addr)
{
    char net_text[80];
    struct net_mask net;
    struct text out;

    text_into(&out, net_text, sizeof(net_text));
    text_addf(&out, r->family == 4 ? "%s/32" : "%s/128", text);
    if (out.written != out.len || !read_net(r->family, net_text, &net))
        return rule_fail(r, "iprange: Bad value for \"--%s\" option: \"%s\"", o->name, text);
    *addr = net.addr;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct iprange *i = ext_data(x);
    union weir_addr *first = &i->range[o->id].first, *last = &i->range[o->id].last;
    const char *rest = text;
    char part[80];

    if (!read_part(&rest, '-', part, sizeof(part)))
        return read_one(r, o, text, first); /* says what is wrong */
    if (!read_one(r, o, part, first))
        return false;
    *last = *first;
    if (rest && !read_one(r, o, rest, last))
        return false;
    if (below(last, first))
        rule_note(r, "xt_iprange: range %s is reversed and will never match", text);
    return true;
}

static void add_range(struct text *out, const struct ext *x, unsigned id)
{
    const struct iprange *i = ext_conf(x);

    text_addr(out, x->family, &i->range[id].first);
    text_char(out, '-');
    text_addr(out, x->family, &i->range[id].last);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    text_char(out, ' ');
    add_range(out, x, o->id);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    static const char *const names[] = {" source IP range ", " destination IP range "};

    (void)how;
    for (unsigned id = R_SRC; id <= R_DST; id++) {
        if (!ext_seen(x, id))
            continue;
        text_add(out, names[id]);
        text_add(out, ext_negated(x, id) ? "! " : "");
        add_range(out, x, id);
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    return x->seen ||
           rule_fail(r, "iprange match: You must specify `--src-range' or `--dst-range'");
}

static bool fits(const struct ext *x, unsigned id, union weir_addr addr)
{
    const struct iprange *i = ext_conf(x);
    bool in = !below(&addr, &i->range[id].first) && !below(&i->range[id].last, &addr);

    return in != ext_negated(x, id);
}

static bool match(struct eval *e, const struct ext *x)
{
    return (!ext_seen(x, R_SRC) || fits(x, R_SRC, eval_src(e))) &&
           (!ext_seen(x, R_DST) || fits(x, R_DST, eval_dst(e)));
}

/* The bits that all addresses of the range begin with. */
static union weir_addr common_bits(const union weir_addr *first, const union weir_addr *last,
                                   unsigned size)
{
    union weir_addr mask = {{0}};
    unsigned i = 0;

    for (; i < size && first->bytes[i] == last->bytes[i]; i++)
        mask.bytes[i] = UINT8_MAX;
    if (i < size)
        mask.bytes[i] =
            (uint8_t)(0xff00 >> (__builtin_clz((unsigned)first->bytes[i] ^ last->bytes[i]) - 24));
    return mask;
}

static bool want(const struct ext *x, struct want *w)
{
    const struct iprange *i = ext_conf(x);

    for (unsigned id = R_SRC; id <= R_DST; id++) {
        const union weir_addr *first = &i->range[id].first, *last = &i->range[id].last;
        union weir_addr mask = common_bits(first, last, x->family == 4 ? 4 : 16);

        if (ext_seen(x, id) && !ext_negated(x, id))
            want_addr(w, id == R_SRC ? WANT_SRC : WANT_DST, first, &mask);
    }
    return true;
}

const struct ext_type match_iprange = {
    .name = "iprange",
    .families = EXT_BOTH,
    .size = sizeof(struct iprange),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want,
};
