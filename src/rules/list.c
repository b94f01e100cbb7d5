/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ruleset as `iptables -L` shows it (iptables reference, 2.7). Scripts cut these columns apart by
 * position, so widths and blanks are iptables', those at the end of a line too.
 */
#include "rules/rules.h"

#include <errno.h>

enum {
    /* A host's name (at most 253 bytes), '/', and the longest mask. */
    ADDRESS_MAX = 320,
    TARGET_WIDTH = 9,
    PROTOCOL_WIDTH = 4,
    INTERFACE_WIDTH = 6,
    ADDRESS_WIDTH = 19,
    SHORT_NUMBER_MAX = 99999, /* longer ones are cut to thousands, */
    SHORTENED_MAX = 9999,     /* and these again */
};

struct list {
    struct text out;
    struct listing how;
    const struct weir_rules_count *counts; /* NULL: those of the text */
    uint8_t family;
};

static bool asked(const struct list *l, enum weir_rules_flag flag)
{
    return l->how.flags & flag;
}

/* "%-*s ", for strings of any length. */
static void add_field(struct list *l, const char *string, size_t width)
{
    size_t len = strlen(string);

    text_add(&l->out, string);
    for (; len < width; len++)
        text_char(&l->out, ' ');
    text_char(&l->out, ' ');
}

static const struct weir_rules_count *count_of(const struct list *l, uint32_t number,
                                               const struct weir_rules_count *of_text)
{
    return l->counts ? &l->counts[number] : of_text;
}

/*
 * Thousands, rounded, until few digits are left; returns the letter that says how often. The sum
 * may overflow, as it does in iptables, which shows 2^64-1 as "0K".
 */
static const char *shorten(uint64_t *n)
{
    static const char *const units[] = {"", "K", "M", "G", "T", NULL};
    const char *const *unit = units;

    for (uint64_t max = SHORT_NUMBER_MAX; *n > max && unit[1]; max = SHORTENED_MAX, unit++)
        *n = (*n + 500) / 1000;
    return *unit;
}

/* A number as wide as it is, in a heading; or of a column. */
static void add_number(struct list *l, uint64_t n, bool column)
{
    const char *unit = asked(l, WEIR_RULES_EXACT) ? "" : shorten(&n);
    int width = asked(l, WEIR_RULES_EXACT) ? 8 : 5;

    if (column)
        text_addf(&l->out, "%*llu%s ", width - (int)strlen(unit), (unsigned long long)n, unit);
    else
        text_addf(&l->out, "%llu%s", (unsigned long long)n, unit);
}

/* --- above the rules --- */

static void add_policy(struct list *l, const struct chain *c)
{
    const struct weir_rules_count *count = count_of(l, c->number, &c->count);

    text_add(&l->out, c->drop ? "policy DROP" : "policy ACCEPT");
    if (!asked(l, WEIR_RULES_VERBOSE))
        return;
    text_char(&l->out, ' ');
    add_number(l, count->packets, false);
    text_add(&l->out, " packets, ");
    add_number(l, count->bytes, false);
    text_add(&l->out, " bytes");
}

static void add_heading(struct list *l, const struct chain *c)
{
    text_add(&l->out, "Chain ");
    text_add(&l->out, c->name);
    text_add(&l->out, " (");
    if (c->hook == HOOK_MAX)
        text_addf(&l->out, "%u references", c->references);
    else
        add_policy(l, c);
    text_add(&l->out, ")\n");
}

static void add_columns(struct list *l)
{
    bool exact = asked(l, WEIR_RULES_EXACT);

    if (asked(l, WEIR_RULES_LINES))
        text_add(&l->out, "num  ");
    if (asked(l, WEIR_RULES_VERBOSE))
        text_add(&l->out, exact ? "    pkts      bytes " : " pkts bytes ");
    add_field(l, "target", TARGET_WIDTH);
    text_add(&l->out, " prot opt");
    if (asked(l, WEIR_RULES_VERBOSE)) {
        text_char(&l->out, ' ');
        add_field(l, "in", INTERFACE_WIDTH);
        add_field(l, "out", INTERFACE_WIDTH);
    }
    text_char(&l->out, ' ');
    add_field(l, "source", ADDRESS_WIDTH);
    text_char(&l->out, ' ');
    add_field(l, "destination", ADDRESS_WIDTH);
    text_char(&l->out, '\n');
}

/* --- a rule's columns --- */

/* To Linux, NOTRACK is a way to write CT; iptables saves it as it was written, and lists what Linux
 * has. */
static const char *ext_name(const struct ext_type *type)
{
    return strcmp(type->name, "NOTRACK") == 0 ? "CT" : type->name;
}

static const char *target_name(const struct rule *r)
{
    switch ((enum rule_kind)r->kind) {
    case RULE_COUNT: break;
    case RULE_ACCEPT: return "ACCEPT";
    case RULE_DROP: return "DROP";
    case RULE_RETURN: return "RETURN";
    case RULE_QUEUE: return "QUEUE";
    case RULE_JUMP:
    case RULE_GOTO: return r->chain->name;
    case RULE_TARGET: return ext_name(r->target->type);
    }
    return "";
}

static void add_not(struct list *l, const struct rule_head *h, enum rule_head_not what)
{
    text_char(&l->out, h->negated & what ? '!' : ' ');
}

/* iptables 1.8.9 shows the number when asked to show no names; others show the name all the same.
 */
static void add_protocol(struct list *l, const struct rule_head *h)
{
    const char *name = h->proto ? proto_name(h->proto) : "all";
    char number[8];
    struct text text;

    text_into(&text, number, sizeof(number));
    text_number(&text, h->proto);
    add_not(l, h, NOT_PROTO);
    add_field(l, name && !asked(l, WEIR_RULES_NUMERIC) ? name : number, PROTOCOL_WIDTH);
}

static void add_fragment(struct list *l, const struct rule_head *h)
{
    if (!h->fragment)
        text_add(&l->out, "-- ");
    else
        text_add(&l->out, h->negated & NOT_FRAGMENT ? "!f " : "-f ");
}

static void add_interface(struct list *l, const char *name, bool negated)
{
    char field[IFACE_NAME_MAX + 1];
    struct text text;

    text_into(&text, field, sizeof(field));
    if (negated)
        text_char(&text, '!');
    if (*name)
        text_add(&text, name);
    else
        text_add(&text, asked(l, WEIR_RULES_NUMERIC) ? "*" : "any");
    add_field(l, field, INTERFACE_WIDTH);
}

/* For IPv6, iptables does not look at the mask. */
static bool is_anywhere(uint8_t family, const struct net_mask *net)
{
    return family == 4 ? !net->mask.v4 : !(net->addr.half[0] | net->addr.half[1]);
}

static void add_address(struct list *l, const struct net_mask *net)
{
    char field[ADDRESS_MAX];
    struct text text;

    text_into(&text, field, sizeof(field));
    if (is_anywhere(l->family, net) && !asked(l, WEIR_RULES_NUMERIC)) {
        text_add(&text, "anywhere");
    } else {
        list_addr(&text, &l->how, l->family, &net->addr);
        print_mask(&text, l->family, &net->mask, true);
    }
    add_field(l, field, ADDRESS_WIDTH);
}

static void add_counts(struct list *l, const struct rule *r)
{
    const struct weir_rules_count *count = count_of(l, r->number, &r->count);

    add_number(l, count->packets, true);
    add_number(l, count->bytes, true);
}

static void add_head(struct list *l, const struct rule_head *h)
{
    add_protocol(l, h);
    add_fragment(l, h);
    if (asked(l, WEIR_RULES_VERBOSE)) {
        text_char(&l->out, ' ');
        add_interface(l, h->in, h->negated & NOT_IN);
        add_interface(l, h->out, h->negated & NOT_OUT);
    }
    add_not(l, h, NOT_SRC);
    add_address(l, &h->src);
    add_not(l, h, NOT_DST);
    add_address(l, &h->dst);
}

static void add_ext(struct list *l, const struct ext *x)
{
    if (x->type->list)
        x->type->list(&l->out, x, &l->how);
}

static void add_rule(struct list *l, const struct rule *r, uint32_t number)
{
    if (asked(l, WEIR_RULES_LINES))
        text_addf(&l->out, "%-4u ", number);
    if (asked(l, WEIR_RULES_VERBOSE))
        add_counts(l, r);
    add_field(l, target_name(r), TARGET_WIDTH);
    add_head(l, &r->head);
    if (r->kind == RULE_GOTO)
        text_add(&l->out, "[goto] ");
    for (uint32_t i = 0; i < r->match_count; i++)
        add_ext(l, r->matches[i]);
    if (r->kind == RULE_TARGET)
        add_ext(l, r->target);
    text_char(&l->out, '\n');
}

static void add_chain(struct list *l, const struct chain *c)
{
    add_heading(l, c);
    add_columns(l);
    for (uint32_t i = 0; i < c->rule_count; i++)
        add_rule(l, &c->rules[i], i + 1);
}

static const struct rule_table *find_table(const struct weir_rules *rules, const char *name)
{
    for (int i = 0; i < WEIR_TABLE_MAX; i++)
        if (rules->table[i].present && strcmp(weir_table_name((enum weir_table)i), name) == 0)
            return &rules->table[i];
    return NULL;
}

int weir_rules_list(const struct weir_rules *rules, const char *table, const char *chain,
                    uint32_t flags, const struct weir_rules_count *counts,
                    const struct weir_rules_names *names, weir_rules_write *write, void *ctx)
{
    static const struct weir_rules_names none;
    const struct rule_table *t = find_table(rules, table);
    struct list l = {
        .how = {.flags = flags, .names = names ? names : &none},
        .counts = counts,
        .family = rules->family,
    };
    bool some = false;

    text_to(&l.out, write, ctx);
    for (uint32_t i = 0; t && i < t->chain_count; i++) {
        const struct chain *c = t->chains[i];

        if (chain && strcmp(c->name, chain) != 0)
            continue;
        if (some)
            text_char(&l.out, '\n');
        add_chain(&l, c);
        some = true;
    }
    return some ? 0 : -ENOENT;
}
