/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table below is Linux's: whatever weir does to a packet between its arrival and its departure
 * is a row of it, and rows run in the order of their priorities. A row that has nothing to do (a
 * table that no ruleset has) is left out of the shard's plan, so that a packet does not pay for it.
 */
#include "pipe/hooks.h"
#include "nat/nat.h"
#include "packet/headers.h"
#include "pipe/classify.h"
#include "pipe/fragments.h"
#include "pipe/shard.h"

enum step_kind {
    STEP_GATHER = 1, /* put fragments together */
    STEP_TABLE,      /* rules */
    STEP_TRACK,      /* classify; a new connection begins here */
    STEP_NAT,        /* rules for the first packet of a connection, rewriting for all */
    STEP_CONFIRM     /* a new connection enters the table */
};

struct step {
    int32_t priority;
    uint8_t kind;  /* enum step_kind */
    uint8_t table; /* enum weir_table, of STEP_TABLE */
    uint8_t hooks;
};

static const struct step steps[] = {
    {-400, STEP_GATHER, 0, ON_PREROUTING | ON_OUTPUT},
    {-300, STEP_TABLE, WEIR_TABLE_RAW, ON_PREROUTING | ON_OUTPUT},
    {-200, STEP_TRACK, 0, ON_PREROUTING | ON_OUTPUT},
    {-150, STEP_TABLE, WEIR_TABLE_MANGLE, ON_ALL},
    {-100, STEP_NAT, WEIR_TABLE_NAT, ON_PREROUTING | ON_OUTPUT},
    {0, STEP_TABLE, WEIR_TABLE_FILTER, ON_INPUT | ON_FORWARD | ON_OUTPUT},
    {50, STEP_TABLE, WEIR_TABLE_SECURITY, ON_INPUT | ON_FORWARD | ON_OUTPUT},
    {100, STEP_NAT, WEIR_TABLE_NAT, ON_INPUT | ON_POSTROUTING},
    {INT32_MAX, STEP_CONFIRM, 0, ON_INPUT | ON_POSTROUTING},
};
_Static_assert(WEIR_ARRAY_LEN(steps) <= sizeof(((struct hook_plan *)0)->step[0]),
               "a plan holds all steps");

bool hooks_drop(struct pkt *p, enum weir_reason reason)
{
    p->reason = reason;
    p->raw->verdict = WEIR_DROP;
    return false;
}

void hooks_plan(struct weir_shard *s, unsigned family_index)
{
    const struct rules_run *run = s->rules[family_index];
    struct hook_plan *plan = &s->plan[family_index];
    bool tracked = !s->untracked_family[family_index];

    memset(plan, 0, sizeof(*plan));
    for (unsigned hook = 0; hook < HOOK_MAX; hook++)
        for (unsigned i = 0; i < WEIR_ARRAY_LEN(steps); i++) {
            const struct step *step = &steps[i];
            bool rules = step->kind == STEP_TABLE || step->kind == STEP_NAT;

            if (!(step->hooks >> hook & 1) ||
                (rules ? !rules_has(run, (enum weir_table)step->table, (enum hook)hook)
                       : !tracked && step->kind != STEP_TRACK))
                continue;
            plan->step[hook][plan->count[hook]++] = (uint8_t)i;
        }
}

/* --- steps --- */

/*
 * What Linux makes of a fragment header that is not all there: it drops the packet, unless the
 * bytes that are there say that it is the first fragment and that an upper layer follows.
 */
static bool fragment_header_cut(const struct parsed *ip)
{
    return ip->frag_cut && (!ip->first || ip->proto_missing);
}

static bool gather(struct weir_shard *s, struct pkt *p)
{
    if (frag_wants(&p->ip)) {
        switch (fragments_gather(s, p)) {
        case GATHER_GO_ON: break;
        case GATHER_HELD: p->raw->verdict = WEIR_HELD; return false;
        case GATHER_DROP: return hooks_drop(p, p->reason);
        }
        return true;
    }
    return !fragment_header_cut(&p->ip) || hooks_drop(p, WEIR_R_FRAG_SHORT);
}

static bool track(struct weir_shard *s, struct pkt *p)
{
    if (s->untracked_family[p->ip.family == 6]) {
        p->ctinfo = WEIR_CT_UNTRACKED;
        return true;
    }
    return classify(&s->track, p) || hooks_drop(p, p->reason);
}

static const char *name_of(const struct weir_shard *s, uint16_t iface, bool loopback)
{
    const struct weir_host *host = &s->track.host;
    const char *name = loopback                    ? "lo"
                       : iface && host->iface_name ? host->iface_name(host->ctx, iface)
                                                   : NULL;

    return name ? name : "";
}

static enum rules_verdict run_table(struct weir_shard *s, struct pkt *p, enum weir_table table,
                                    enum hook hook, const struct hook_sides *sides,
                                    enum weir_reason *reason)
{
    struct eval e = {.world = &s->world,
                     .t = &s->track,
                     .run = s->rules[p->ip.family == 6],
                     .p = p,
                     .in = name_of(s, sides->in, sides->in_loopback),
                     .out = name_of(s, sides->out, sides->out_loopback),
                     .in_iface = sides->in,
                     .out_iface = sides->out,
                     .family = p->ip.family,
                     .table = table,
                     .hook = hook};
    enum rules_verdict verdict = rules_eval(&e);

    *reason = e.reason;
    /* An ACCEPT of the filter table is what people ask after; a DROP is the end wherever it is. */
    if (verdict != RULES_ACCEPT || table == WEIR_TABLE_FILTER)
        p->raw->rule = e.number + 1;
    return verdict;
}

/* Not inlined: with what it needs on the stack, each hook without rules would cost more than all it
 * does. */
__attribute__((noinline)) static bool table(struct weir_shard *s, struct pkt *p,
                                            enum weir_table which, enum hook hook,
                                            const struct hook_sides *sides)
{
    enum weir_reason reason;

    switch (run_table(s, p, which, hook, sides, &reason)) {
    case RULES_CONTINUE:
    case RULES_RETURN:
    case RULES_ACCEPT: return true;
    case RULES_STOLEN:
    case RULES_DROP: break;
    }
    return hooks_drop(p, reason);
}

static bool nat(struct weir_shard *s, struct pkt *p, enum hook hook, const struct hook_sides *sides)
{
    struct track *t = &s->track;
    enum nat_type type = nat_type_at(hook == HOOK_PREROUTING || hook == HOOK_OUTPUT);

    switch (nat_need(p, type)) {
    case NAT_NOTHING: return true;
    case NAT_RULES:
        if (!table(s, p, WEIR_TABLE_NAT, hook, sides))
            return false;
        if (!nat_done(p->conn, type) && !nat_null(t, p, type))
            return hooks_drop(p, p->reason);
        break;
    case NAT_REWRITE:
        if (hook == HOOK_POSTROUTING && nat_moved(t, p, sides->out))
            return hooks_drop(p, WEIR_R_NAT_MOVED);
        break;
    }
    return nat_rewrite(t, p, type) || hooks_drop(p, p->reason);
}

bool hooks_run(struct weir_shard *s, struct pkt *p, enum hook hook, const struct hook_sides *sides)
{
    const struct hook_plan *plan = &s->plan[p->ip.family == 6];

    for (uint8_t i = 0; i < plan->count[hook]; i++) {
        const struct step *step = &steps[plan->step[hook][i]];
        bool good = true;

        switch ((enum step_kind)step->kind) {
        case STEP_GATHER: good = p->tracked || gather(s, p); break;
        case STEP_TRACK: good = p->tracked || track(s, p); break;
        case STEP_TABLE: good = table(s, p, (enum weir_table)step->table, hook, sides); break;
        case STEP_NAT: good = nat(s, p, hook, sides); break;
        case STEP_CONFIRM:
            good = !p->conn || conn_confirm(&s->track, p) || hooks_drop(p, p->reason);
            break;
        }
        if (!good)
            return false;
    }
    return true;
}
