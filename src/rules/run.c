/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting up what a ruleset needs while packets run: one piece of memory for counters, states and
 * the stack.
 *
 * Packets wait while rulesets are exchanged, so nothing here goes through the rules. Memory comes
 * zeroed and is not touched before it is used.
 */
#include "rules/rules.h"

enum { ALIGN = 64 };

static size_t aligned(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static void unbind(struct world *w, const struct rules_run *run, uint32_t count)
{
    const struct weir_rules *rules = run->rules;

    for (uint32_t i = 0; i < count; i++) {
        const struct ext *x = rules->exts[i];

        if (x->type->unbind)
            x->type->unbind(w, x, run->states + x->state);
    }
}

static void release(struct world *w, struct rules_run *run)
{
    w->t->host.release(w->t->host.ctx, run, run->size);
}

struct rules_run *rules_run_new(struct world *w, const struct weir_rules *rules)
{
    size_t counts = aligned(sizeof(struct rules_run));
    size_t states = counts + aligned(rules->numbers * sizeof(struct weir_rules_count));
    uint32_t stack_size = (rules->depth + 1) * RULES_NESTED_MAX;
    size_t stack = states + aligned(rules->state_size);
    size_t size = stack + stack_size * sizeof(struct rules_frame);
    uint8_t *memory = w->t->host.reserve(w->t->host.ctx, size);

    if (!memory)
        return NULL;

    struct rules_run *run = (struct rules_run *)(void *)memory;

    *run = (struct rules_run){.rules = rules,
                              .counts = (void *)(memory + counts),
                              .states = memory + states,
                              .stack = (void *)(memory + stack),
                              .stack_size = stack_size,
                              .size = size};
    if (rules->counts)
        memcpy(run->counts, rules->counts, rules->numbers * sizeof(*run->counts));
    for (uint32_t i = 0; i < rules->ext_count; i++) {
        const struct ext *x = rules->exts[i];

        if (x->type->bind && !x->type->bind(w, x, run->states + x->state)) {
            unbind(w, run, i + 1);
            release(w, run);
            return NULL;
        }
    }
    return run;
}

void rules_run_free(struct world *w, struct rules_run *run)
{
    if (!run)
        return;
    unbind(w, run, run->rules->ext_count);
    release(w, run);
}
