/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TEE: send a copy of the packet to another gateway (iptables reference, 4.7).
 *
 * The copy is as if it had been forwarded there: an IPv4 copy must not be cut on its way (it has
 * DF), and if it was made where the packet has not been forwarded yet it is a hop further. It is
 * sent at once, so that it leaves before the packet. Neither the copy nor anything made because of
 * it is copied: its bytes stand in one place, for all rules of a family.
 */
#include "packet/checksum.h"
#include "packet/headers.h"
#include "rules/match/hostmask.h"
#include "rules/named.h"
#include "rules/parse.h"

enum { GATEWAY = 0, OIF };

struct tee {
    union weir_addr gateway;
    char out[IFACE_NAME_MAX];
};

/* Where copies are made. */
struct copier {
    bool busy;
    uint8_t bytes[UINT16_MAX + IP6_SIZE];
};

struct state {
    struct named *copier;
};

static const struct opt options[] = {
    {"gateway", GATEWAY, OPT_OTHER, OPT_MUST},
    {"oif", OIF, OPT_OTHER},
    {NULL},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct tee *t = ext_data(x);
    struct text name;

    if (o->id == GATEWAY)
        return hostmask_take_host(r, text, &t->gateway);
    text_into(&name, t->out, sizeof(t->out));
    text_add(&name, text);
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct tee *t = ext_conf(x);

    return t->gateway.half[0] | t->gateway.half[1] ||
           parse_error(r->parse, 1, "TEE: the gateway must be an address, not %s",
                       r->family == 4 ? "0.0.0.0" : "::");
}

static void print(struct text *out, const struct ext *x)
{
    const struct tee *t = ext_conf(x);

    text_add(out, " --gateway ");
    text_addr(out, x->family, &t->gateway);
    if (t->out[0])
        text_addf(out, " --oif %s", t->out);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tee *t = ext_conf(x);

    text_add(out, " TEE gw:");
    list_addr(out, how, x->family, &t->gateway);
    if (t->out[0])
        text_addf(out, " oif=%s", t->out);
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    struct state *s = state;
    bool fresh;

    s->copier = named_get(w, x->type, x->family, "", sizeof(struct copier), &fresh);
    return s->copier;
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    struct state *s = state;

    (void)x;
    named_put(w, s->copier);
}

static void rewrite4(uint8_t *ip, bool hop)
{
    store_be16(ip + IP4_FRAGMENT, load_be16(ip + IP4_FRAGMENT) | IP4_DF);
    ip[IP4_TTL] = (uint8_t)(ip[IP4_TTL] - hop);
    store_raw16(ip + IP4_CHECKSUM, 0);
    store_raw16(ip + IP4_CHECKSUM,
                (uint16_t)~checksum_fold(checksum_add(0, ip, (ip[IP4_VERSION_IHL] & 0xf) * 4u)));
}

static enum rules_verdict run(struct eval *e, const struct ext *x)
{
    const struct tee *t = ext_conf(x);
    const struct state *s = eval_state(e, x);
    struct copier *c = (void *)s->copier->object;
    const struct parsed *ip = &e->p->ip;
    bool hop = e->hook == HOOK_PREROUTING || e->hook == HOOK_INPUT;
    struct made made = {.kind = MADE_COPY,
                        .data = c->bytes,
                        .len = ip->have,
                        .wire_len = ip->l3_len,
                        .gateway = t->gateway};

    if (e->p->copied || c->busy || ip->have > sizeof(c->bytes))
        return RULES_CONTINUE;
    memcpy(c->bytes, ip->ip, ip->have);
    if (e->family == 4)
        rewrite4(c->bytes, hop);
    else
        c->bytes[IP6_HOPS] = (uint8_t)(c->bytes[IP6_HOPS] - hop);
    memcpy(made.out, t->out, sizeof(made.out));
    c->busy = true;
    e->world->emit(e->world, e, &made);
    c->busy = false;
    return RULES_CONTINUE;
}

const struct ext_type target_tee = {
    .name = "TEE",
    .families = EXT_BOTH,
    .size = sizeof(struct tee),
    .state_size = sizeof(struct state),
    .opts = options,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .target = run,
};
