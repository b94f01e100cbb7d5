/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Running a packet through a chain: rule by rule, first match first (iptables reference, 1.6 and
 * 1.9). Rules that an index knows not to match are left out (index.h); whatever a rule does is done
 * here, whether an index named it or not.
 *
 * The stack holds, for each jump under way, the rule to go on with; goto pushes nothing. Its depth
 * is known when a ruleset is read. A target may send a packet of its own
 * (REJECT, TEE), which runs through tables while this one is still here: it goes on above on the
 * same stack.
 */
#include "rules/log.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "rules/rules.h"

/* --- what matches see --- */

void *eval_state(const struct eval *e, const struct ext *x)
{
    return e->run->states + x->state;
}

static union weir_addr address(const struct eval *e, uint32_t at4, uint32_t at6)
{
    union weir_addr addr = {{0}};

    if (e->family == 4)
        addr.v4 = load_raw32(e->p->ip.ip + at4);
    else
        memcpy(&addr, e->p->ip.ip + at6, sizeof(addr));
    return addr;
}

union weir_addr eval_src(const struct eval *e)
{
    return address(e, IP4_SRC, IP6_SRC);
}

union weir_addr eval_dst(const struct eval *e)
{
    return address(e, IP4_DST, IP6_DST);
}

const struct conn *eval_entry(const struct eval *e)
{
    static const struct conn6 prepared[2] = {
        {.head = {.family = 4, .status = WEIR_S_TEMPLATE | WEIR_S_CONFIRMED}},
        {.head = {.family = 6, .status = WEIR_S_TEMPLATE | WEIR_S_CONFIRMED}}};

    if (e->p->conn || e->p->ctinfo != WEIR_CT_NONE || !e->p->templ)
        return e->p->conn;
    return &prepared[e->family == 6].head;
}

/* --- what targets change --- */

void eval_touch(struct eval *e, uint32_t end)
{
    if (e->p->gathered)
        frag_touch(&e->p->layout, end);
}

uint8_t eval_tos(const struct eval *e)
{
    const uint8_t *ip = e->p->ip.ip;

    return e->family == 4 ? ip[IP4_TOS] : (uint8_t)(load_be16(ip) >> 4);
}

void eval_set_tos(struct eval *e, uint8_t tos)
{
    uint8_t *ip = e->p->ip.ip;
    uint16_t before = load_raw16(ip);

    if (e->family == 6) {
        store_be16(ip, (uint16_t)((load_be16(ip) & 0xf00f) | tos << 4));
        return;
    }
    ip[IP4_TOS] = tos;
    store_raw16(ip + IP4_CHECKSUM,
                checksum_update(load_raw16(ip + IP4_CHECKSUM), before, load_raw16(ip)));
}

static void set_length(struct pkt *p, uint32_t len)
{
    uint8_t *ip = p->ip.ip;
    uint32_t field = p->ip.family == 4 ? IP4_LENGTH : IP6_PAYLOAD;
    uint16_t before = load_raw16(ip + field);

    store_be16(ip + field, (uint16_t)(p->ip.family == 4 ? len : len - IP6_SIZE));
    if (p->ip.family == 4)
        store_raw16(ip + IP4_CHECKSUM,
                    checksum_update(load_raw16(ip + IP4_CHECKSUM), before, load_raw16(ip + field)));
    p->ip.l3_len = len;
}

bool eval_grow(struct eval *e, uint32_t off, uint32_t n)
{
    struct pkt *p = e->p;
    uint8_t *room = e->world->room + FRAG_HEADROOM;

    if (p->ip.cut || p->ip.l3_len + n > UINT16_MAX)
        return false;
    if (p->ip.ip != room) {
        memcpy(room, p->ip.ip, p->ip.have);
        p->ip.ip = room;
        p->moved = true;
    }
    memmove(room + off + n, room + off, p->ip.have - off);
    p->ip.have += n;
    set_length(p, p->ip.l3_len + n);
    eval_touch(e, p->ip.l3_len); /* where it was cut before means nothing any more */
    return true;
}

/* --- the head of a rule --- */

/* What the heads of all rules of a chain look at: read once, and again after a target changed it.
 */
struct view {
    union weir_addr src, dst;
    uint8_t proto;
    bool later;  /* a fragment that is not the first */
    bool broken; /* IPv6: the chain of extension headers is cut off */
    /* For indexes, once one was chosen. */
    bool keyed;
    enum index_kind kind;
    struct key key;
    uint32_t version; /* how often the two changed */
};

/*
 * IPv6: the first header that is no extension header (reference, 1.9). Linux looks at no more of an
 * extension header than it needs to go on: two bytes, of a routing or fragment header four.
 */
static void find_upper(const struct eval *e, struct view *v)
{
    const struct parsed *ip = &e->p->ip;
    uint32_t end = min_u32(ip->have, ip->l3_len), off = IP6_SIZE;
    uint8_t next = ip->ip[IP6_NEXT];

    while (next == PROTO_HOPOPTS || next == PROTO_ROUTING || next == PROTO_FRAGMENT ||
           next == PROTO_DSTOPTS || next == PROTO_AH) {
        const uint8_t *header = ip->ip + off;
        uint32_t need = next == PROTO_FRAGMENT || next == PROTO_ROUTING ? 4 : 2, len = 8;

        if (v->later || off + need > end) {
            v->broken = true;
            return;
        }
        if (next == PROTO_FRAGMENT)
            v->later = (load_be16(header + IP6F_OFFSET) & ~7u) != 0;
        else
            len = next == PROTO_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
        next = header[0];
        off += len;
    }
    v->proto = next;
}

static void look(const struct eval *e, struct view *v)
{
    v->src = eval_src(e);
    v->dst = eval_dst(e);
    v->proto = e->p->ip.proto;
    v->later = e->family == 4 && e->p->ip.frag_field & IP4_OFFSET;
    v->broken = false;
    v->keyed = false;
    if (e->family == 6)
        find_upper(e, v);
}

static bool negated(const struct rule_head *h, uint8_t bit)
{
    return h->negated & bit;
}

static bool interface_fits(const char *pattern, uint8_t len, const char *name)
{
    return len == 0 || strncmp(pattern, name, len) == 0;
}

static bool head_fits(struct eval *e, const struct rule_head *h, const struct view *v)
{
    if (net_has(e->family, &h->src, &v->src) == negated(h, NOT_SRC) ||
        net_has(e->family, &h->dst, &v->dst) == negated(h, NOT_DST) ||
        interface_fits(h->in, h->in_len, e->in) == negated(h, NOT_IN) ||
        interface_fits(h->out, h->out_len, e->out) == negated(h, NOT_OUT))
        return false;
    if (h->has_proto) {
        if (v->broken) {
            e->drop = true;
            return false;
        }
        if ((h->proto == v->proto) == negated(h, NOT_PROTO))
            return false;
    }
    return !h->fragment || v->later != negated(h, NOT_FRAGMENT);
}

/* --- rules --- */

static bool rule_fits(struct eval *e, const struct rule *rule, const struct view *v)
{
    if (!rule->any && !head_fits(e, &rule->head, v))
        return false;
    for (uint16_t i = 0; i < rule->asked_count; i++)
        if (!rule->asked[i]->type->match(e, rule->asked[i]))
            return false;
    return true;
}

static uint32_t counted_bytes(const struct eval *e)
{
    return e->p->ip.l3_len;
}

static void count(struct eval *e, uint32_t number)
{
    struct weir_rules_count *c = &e->run->counts[number];

    c->packets++;
    c->bytes += counted_bytes(e);
}

static const char *table_of(const struct eval *e)
{
    return weir_table_name(e->table);
}

static void trace(struct eval *e, const struct chain *chain, const char *type, uint32_t number)
{
    if (e->p->traced)
        log_trace(e, table_of(e), chain->name, type, number);
}

static enum rules_verdict decide(struct eval *e, uint32_t number, enum rules_verdict verdict,
                                 enum weir_reason reason)
{
    e->number = number;
    e->reason = verdict == RULES_DROP ? reason : WEIR_R_NONE;
    return verdict;
}

static enum rules_verdict policy(struct eval *e, const struct chain *builtin)
{
    trace(e, builtin, "policy", builtin->rule_count + 1);
    count(e, builtin->number);
    return decide(e, builtin->number, builtin->drop ? RULES_DROP : RULES_ACCEPT, WEIR_R_POLICY);
}

/* --- what an index is asked --- */

/* How much of the upper header the matches of a protocol with ports read, whatever they look for;
 * 0: it has none. */
static uint32_t upper_needs(uint8_t proto)
{
    enum { DCCP_MIN = 12 };

    switch (proto) {
    case PROTO_TCP: return TCP_MIN;
    case PROTO_UDP:
    case PROTO_UDPLITE: return UDP_SIZE;
    case PROTO_SCTP: return SCTP_SIZE;
    case PROTO_DCCP: return DCCP_MIN;
    default: return 0;
    }
}

/* Which index is asked, and for which ports. */
static enum index_kind look_at_upper(const struct eval *e, const struct view *v, uint16_t ports[2])
{
    const struct parsed *ip = &e->p->ip;
    uint32_t needs = upper_needs(v->proto);

    ports[0] = ports[1] = 0;
    if (v->broken)
        return INDEX_POOR;
    if (!needs)
        return INDEX_WHOLE;
    if (!ip->first || ip->l4_off + needs > ip->have)
        return INDEX_POOR;
    ports[0] = load_be16(ip->ip + ip->l4_off);
    ports[1] = load_be16(ip->ip + ip->l4_off + 2);
    return INDEX_WHOLE;
}

static void make_key(const struct eval *e, struct view *v)
{
    uint16_t ports[2];

    v->kind = look_at_upper(e, v, ports);
    v->key.word[KEY_UPPER] = key_upper(ports[0], ports[1], v->proto);
    v->key.word[KEY_LINK] = key_link(e->p->raw->mark, key_iface(e->in), key_iface(e->out));
    key_addrs(&v->key, e->family, &v->src, &v->dst);
    v->keyed = true;
}

/* --- the way through chains --- */

/* Which index, from the next rule on. */
static void choose(const struct eval *e, struct view *v, struct rules_frame *at)
{
    const struct chain *chain = at->chain;

    at->stop = chain->rules + chain->rule_count;
    at->index = NULL;
    at->asked = false;
    if (chain->index[INDEX_WHOLE]) {
        if (!v->keyed)
            make_key(e, v);
        at->index = chain->index[v->kind];
    }
    if (at->index)
        at->stop = chain->rules + at->index->first;
    at->version = v->version;
}

static void enter(const struct eval *e, struct view *v, struct rules_frame *at,
                  const struct chain *chain)
{
    at->chain = chain;
    at->next = chain->rules;
    choose(e, v, at);
}

/* Mostly there are few cursors, or none. */
static void copy_frame(struct rules_frame *to, const struct rules_frame *from)
{
    memcpy(to, from, offsetof(struct rules_frame, found));
    if (!from->asked)
        return;
    to->found.count = from->found.count;
    for (uint32_t i = 0; i < from->found.count; i++)
        to->found.cursor[i] = from->found.cursor[i];
}

static void push(struct rules_run *run, const struct rules_frame *at)
{
    copy_frame(&run->stack[run->stack_top++], at);
}

/* Out of a user chain. False: to the built-in chain's policy. */
static bool pop(const struct eval *e, struct view *v, uint32_t base, struct rules_frame *at)
{
    struct rules_run *run = e->run;

    if (run->stack_top == base)
        return false;
    copy_frame(at, &run->stack[--run->stack_top]);
    if (at->version != v->version)
        choose(e, v, at);
    return true;
}

/* The next rule that could match; NULL: the chain is at its end. */
static const struct rule *next_rule(const struct eval *e, const struct view *v,
                                    struct rules_frame *at)
{
    const struct rule *rules = at->chain->rules;

    if (at->next < at->stop)
        return at->next++;
    if (!at->index)
        return NULL;
    if (!at->asked)
        index_find(at->index, e->family, &v->key, (uint32_t)(at->next - rules), &at->found);
    at->asked = true;
    uint32_t position = index_next(&at->found);

    if (position == INDEX_END)
        return NULL;
    at->next = rules + position + 1;
    return rules + position;
}

/* A target may have changed the packet. If it changed what indexes look at, what they said of it is
 * void, in all chains that the packet is in. */
static void look_again(const struct eval *e, struct view *v, struct rules_frame *at)
{
    struct key key = v->key;
    enum index_kind kind = v->kind;
    bool keyed = v->keyed;

    look(e, v);
    if (!keyed)
        return;
    make_key(e, v);
    if (v->kind == kind && key_same(&v->key, &key, e->family))
        return;
    v->version++;
    choose(e, v, at);
}

/* The target of an extension: RULES_CONTINUE if the packet goes on. */
static enum rules_verdict run_target(struct eval *e, const struct rule *rule)
{
    e->rule = rule;
    e->reason = WEIR_R_NONE;
    enum rules_verdict verdict = rule->target->type->target(e, rule->target);

    if (verdict != RULES_CONTINUE && verdict != RULES_RETURN)
        decide(e, rule->number, verdict, e->reason ? e->reason : WEIR_R_RULE);
    return verdict;
}

static enum rules_verdict run_chain(struct eval *e, const struct chain *builtin)
{
    struct rules_run *run = e->run;
    uint32_t base = run->stack_top;
    enum rules_verdict verdict;
    struct rules_frame at;
    struct view v;

    v.version = 0;
    look(e, &v);
    enter(e, &v, &at, builtin);
    for (;;) {
        const struct rule *rule = next_rule(e, &v, &at);

        if (!rule) {
            if (at.chain != builtin)
                trace(e, at.chain, "return", at.chain->rule_count + 1);
            if (!pop(e, &v, base, &at))
                return policy(e, builtin);
            continue;
        }
        bool fits = rule_fits(e, rule, &v);

        if (fits)
            count(e, rule->number);
        /* A negated match may say both yes and drop: then the rule counts, and its target has its
         * effect, before the packet is dropped. */
        if (e->drop) {
            if (fits && rule->kind == RULE_TARGET)
                (void)run_target(e, rule);
            return decide(e, rule->number, RULES_DROP, WEIR_R_RULE_MALFORMED);
        }
        if (!fits)
            continue;
        trace(e, at.chain, "rule", (uint32_t)(rule - at.chain->rules) + 1);
        switch ((enum rule_kind)rule->kind) {
        case RULE_COUNT: continue;
        case RULE_ACCEPT: return decide(e, rule->number, RULES_ACCEPT, WEIR_R_NONE);
        case RULE_DROP: return decide(e, rule->number, RULES_DROP, WEIR_R_RULE);
        case RULE_QUEUE: return decide(e, rule->number, RULES_DROP, WEIR_R_QUEUE);
        case RULE_RETURN: verdict = RULES_RETURN; break;
        case RULE_JUMP: push(run, &at); __attribute__((fallthrough));
        case RULE_GOTO: enter(e, &v, &at, rule->chain); continue;
        case RULE_TARGET: verdict = run_target(e, rule); break;
        default: continue;
        }
        switch (verdict) {
        case RULES_CONTINUE: look_again(e, &v, &at); break;
        case RULES_RETURN:
            if (!pop(e, &v, base, &at))
                return policy(e, builtin);
            break;
        case RULES_ACCEPT:
        case RULES_DROP:
        case RULES_STOLEN: return verdict;
        }
    }
}

enum rules_verdict rules_eval(struct eval *e)
{
    struct rules_run *run = e->run;
    uint32_t base = run->stack_top;
    const struct chain *builtin = run->rules->table[e->table].builtin[e->hook];
    enum rules_verdict verdict;

    e->drop = false;
    e->reason = WEIR_R_NONE;
    if (!builtin->rule_count)
        return policy(e, builtin);
    verdict = run_chain(e, builtin);
    run->stack_top = base;
    return verdict;
}
