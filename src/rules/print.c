/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules as iptables-save writes them (iptables reference, 2.5): one canonical text for each rule,
 * however it was typed. Tables come in the order of the nf_tables back end, which does not depend
 * on what was touched first.
 */
#include "rules/parse.h"

static void print_not(struct text *out, const struct rule_head *h, uint8_t bit, const char *option)
{
    text_add(out, h->negated & bit ? " ! " : " ");
    text_add(out, option);
    text_char(out, ' ');
}

static void print_net(struct text *out, uint8_t family, const struct rule_head *h, uint8_t bit,
                      const char *option, const struct net_mask *net)
{
    bool all = !(net->mask.half[0] | net->mask.half[1] | net->addr.half[0] | net->addr.half[1]);

    if (all && !(h->negated & bit))
        return;
    print_not(out, h, bit, option);
    text_addr(out, family, &net->addr);
    print_mask(out, family, &net->mask, false);
}

static void print_interface(struct text *out, const struct rule_head *h, uint8_t bit,
                            const char *option, const char *name)
{
    if (!*name || (strcmp(name, "+") == 0 && !(h->negated & bit)))
        return;
    print_not(out, h, bit, option);
    text_add(out, name);
}

static void print_head(struct text *out, uint8_t family, const struct rule_head *h)
{
    print_net(out, family, h, NOT_SRC, "-s", &h->src);
    print_net(out, family, h, NOT_DST, "-d", &h->dst);
    print_interface(out, h, NOT_IN, "-i", h->in);
    print_interface(out, h, NOT_OUT, "-o", h->out);
    if (h->has_proto) {
        print_not(out, h, NOT_PROTO, "-p");
        print_proto(out, h->proto);
    }
    if (h->fragment)
        text_add(out, h->negated & NOT_FRAGMENT ? " ! -f" : " -f");
}

static void print_ext(struct text *out, const struct ext *x)
{
    if (x->type->print)
        x->type->print(out, x);
    else
        ext_print_options(out, x);
}

void print_rule(struct text *out, uint8_t family, const struct rule *rule)
{
    static const char *const words[] = {
        [RULE_ACCEPT] = " -j ACCEPT", [RULE_DROP] = " -j DROP", [RULE_RETURN] = " -j RETURN",
        [RULE_QUEUE] = " -j QUEUE",   [RULE_JUMP] = " -j ",     [RULE_GOTO] = " -g ",
        [RULE_TARGET] = " -j "};

    print_head(out, family, &rule->head);
    for (uint32_t i = 0; i < rule->match_count; i++) {
        text_add(out, " -m ");
        text_add(out, rule->matches[i]->type->name);
        print_ext(out, rule->matches[i]);
    }
    if (rule->kind == RULE_COUNT)
        return;
    text_add(out, words[rule->kind]);
    if (rule->kind == RULE_TARGET) {
        text_add(out, rule->target->type->name);
        print_ext(out, rule->target);
    } else if (rule->chain) {
        text_add(out, rule->chain->name);
    }
}

static void print_count(struct text *out, const struct weir_rules_count *count)
{
    text_char(out, '[');
    text_number(out, count->packets);
    text_char(out, ':');
    text_number(out, count->bytes);
    text_char(out, ']');
}

static void print_table(struct text *out, const struct weir_rules *rules,
                        const struct rule_table *table, uint32_t flags,
                        const struct weir_rules_count *counts)
{
    static const struct weir_rules_count none;

    for (uint32_t c = 0; c < table->chain_count; c++) {
        const struct chain *chain = table->chains[c];
        bool user = chain->hook == HOOK_MAX;

        text_char(out, ':');
        text_add(out, chain->name);
        text_add(out, user ? " - " : chain->drop ? " DROP " : " ACCEPT ");
        print_count(out, user ? &none : counts ? &counts[chain->number] : &chain->count);
        text_char(out, '\n');
    }
    for (uint32_t c = 0; c < table->chain_count; c++) {
        const struct chain *chain = table->chains[c];

        for (uint32_t i = 0; i < chain->rule_count; i++) {
            const struct rule *rule = &chain->rules[i];

            if (flags & WEIR_RULES_COUNTERS) {
                print_count(out, counts ? &counts[rule->number] : &rule->count);
                text_char(out, ' ');
            }
            text_add(out, "-A ");
            text_add(out, chain->name);
            print_rule(out, rules->family, rule);
            text_char(out, '\n');
        }
    }
}

void weir_rules_print(const struct weir_rules *rules, uint32_t flags,
                      const struct weir_rules_count *counts, weir_rules_write *write, void *ctx)
{
    static const enum weir_table order[] = {WEIR_TABLE_MANGLE, WEIR_TABLE_SECURITY, WEIR_TABLE_RAW,
                                            WEIR_TABLE_FILTER, WEIR_TABLE_NAT};
    struct text out;

    text_to(&out, write, ctx);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(order); i++) {
        const struct rule_table *table = &rules->table[order[i]];

        if (!table->present)
            continue;
        text_char(&out, '*');
        text_add(&out, weir_table_name(order[i]));
        text_char(&out, '\n');
        print_table(&out, rules, table, flags, counts);
        text_add(&out, "COMMIT\n");
    }
}
