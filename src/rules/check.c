/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table is complete: may it be used (iptables reference, 1.6, "Limits and validity")?
 *
 * Only what a packet can reach counts: a loop, or an extension at the wrong hook, among chains that
 * nothing jumps to is no error. So the chains are walked once from each built-in chain, depth
 * first, with a stack of our own, since they may be nested as deep as there are chains. A chain
 * that was seen at this hook is not walked again.
 */
#include "rules/parse.h"

/* What the walk knows of a chain. */
struct walked {
    uint8_t seen;   /* hooks from which it was reached */
    bool on_stack;  /* a packet could be in it now */
    uint32_t next;  /* rule at which to go on */
    uint32_t depth; /* chains below it */
};

struct walk {
    struct parse *p;
    struct walked *walked; /* by place in table->chains, found by struct chain.number meanwhile */
    struct chain **stack;
    uint32_t top;
    enum hook hook;
};

static bool error_at(struct parse *p, const struct rule *rule)
{
    parse_about(p, NULL);
    p->line_text = NULL;
    p->line = rule->line;
    return true;
}

static bool hook_fits(struct walk *w, const struct rule *rule, const struct ext *x)
{
    char hooks[80];
    struct text out;

    if (x->hooks >> w->hook & 1)
        return true;
    error_at(w->p, rule);
    w->p->about = x->type->name;
    text_into(&out, hooks, sizeof(hooks));
    for (unsigned hook = 0; hook < HOOK_MAX; hook++)
        if (x->hooks & hook_of_table(w->p->which) & 1u << hook) {
            text_char(&out, ' ');
            text_add(&out, hook_name((enum hook)hook));
        }
    parse_error(w->p, 1, "%s cannot be used in %s, from which this rule is reached", x->type->name,
                hook_name(w->hook));
    if (*hooks)
        parse_hint(w->p, "it can be used in:%s", hooks);
    return false;
}

static bool exts_fit(struct walk *w, const struct rule *rule)
{
    for (uint32_t i = 0; i < rule->match_count; i++)
        if (!hook_fits(w, rule, rule->matches[i]))
            return false;
    return !rule->target || hook_fits(w, rule, rule->target);
}

static void enter(struct walk *w, struct chain *chain)
{
    struct walked *k = &w->walked[chain->number];

    k->seen |= (uint8_t)(1u << w->hook);
    k->on_stack = true;
    k->next = 0;
    w->stack[w->top++] = chain;
}

static void leave(struct walk *w, struct chain *chain)
{
    struct walked *k = &w->walked[chain->number];

    k->on_stack = false;
    w->top--;
    chain->depth = k->depth;
    if (w->top) {
        struct walked *caller = &w->walked[w->stack[w->top - 1]->number];

        if (caller->depth < k->depth + 1)
            caller->depth = k->depth + 1;
    }
}

/* One rule of the chain on top of the stack. */
static bool step(struct walk *w, struct chain *chain, const struct rule *rule)
{
    struct walked *to = rule->chain ? &w->walked[rule->chain->number] : NULL;

    if (!exts_fit(w, rule))
        return false;
    if (!to)
        return true;
    if (to->on_stack) {
        error_at(w->p, rule);
        w->p->about = rule->chain->name;
        parse_error(w->p, 1, "this jump makes a loop: chain %s is reached from itself",
                    rule->chain->name);
        parse_hint(w->p, "a packet would never come out; take one jump of the circle away");
        return false;
    }
    if (!(to->seen >> w->hook & 1)) {
        enter(w, rule->chain);
    } else if (w->walked[chain->number].depth < to->depth + 1) {
        w->walked[chain->number].depth = to->depth + 1;
    }
    return true;
}

static bool walk_from(struct walk *w, struct chain *first)
{
    enter(w, first);
    while (w->top) {
        struct chain *chain = w->stack[w->top - 1];
        struct walked *k = &w->walked[chain->number];

        if (k->next == chain->rule_count)
            leave(w, chain);
        else if (!step(w, chain, &chain->rules[k->next++]))
            return false;
    }
    return true;
}

bool check_table(struct parse *p)
{
    struct rule_table *table = p->table;
    struct arena *arena = &p->drafts;
    uint32_t n = table->chain_count;
    struct walk w = {.p = p,
                     .walked = arena_take(arena, (n + 1) * sizeof(struct walked)),
                     .stack = arena_take(arena, (n + 1) * sizeof(struct chain *))};

    if (!w.walked || !w.stack)
        return parse_no_memory(p);
    for (uint32_t i = 0; i < n; i++)
        table->chains[i]->number = i;
    for (unsigned hook = 0; hook < HOOK_MAX; hook++) {
        w.hook = (enum hook)hook;
        if (table->builtin[hook] && !walk_from(&w, table->builtin[hook]))
            return false;
    }
    return true;
}
