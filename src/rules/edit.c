/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Applying a command to the open table: one rule for each pair of addresses, chains made, emptied,
 * renamed, deleted (iptables reference, 2.3).
 */
#include "rules/command.h"

/* --- addresses --- */

struct hosts {
    struct net_mask net[HOSTS_MAX];
    uint32_t count;
};

/* The addresses of a name, with a mask or without. False: nothing was found. */
static bool add_named(struct parse *p, struct hosts *hosts, const char *host,
                      const union weir_addr *mask)
{
    const struct weir_rules_names *names = p->r.names;
    union weir_addr found[HOSTS_MAX];
    size_t n = names->host ? names->host(names->ctx, host, p->rules->family, found,
                                         HOSTS_MAX - hosts->count)
                           : 0;

    for (size_t i = 0; i < n; i++)
        hosts->net[hosts->count++] = (struct net_mask){found[i], *mask};
    return n > 0;
}

/* "HOST" or "HOST/MASK". */
static bool add_host(struct parse *p, struct hosts *hosts, const char *text)
{
    static const char *const anything[] = {"0.0.0.0/", "::/"};
    char host[PARAMETER_MAX + 8], all[PARAMETER_MAX + 16];
    const char *slash = strrchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct net_mask net;
    struct text out;

    if (hosts->count == HOSTS_MAX)
        return parse_error(p, 2, "more than %d addresses in one rule", HOSTS_MAX);
    if (read_net(p->rules->family, text, &net)) {
        hosts->net[hosts->count++] = net;
        return true;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    /* The mask is judged by itself, with an address that is good in any case. */
    text_into(&out, all, sizeof(all));
    text_add(&out, anything[p->rules->family == 6]);
    text_add(&out, slash ? slash + 1 : p->rules->family == 6 ? "128" : "32");
    if (!read_net(p->rules->family, all, &net))
        return parse_error(p, 2, "invalid mask `%s' specified", slash ? slash + 1 : "");
    if (add_named(p, hosts, host, &net.mask))
        return true;
    parse_error(p, 2, "host/network `%s' not found", host);
    parse_hint(p, "this is an IPv%u ruleset; write an address, or a name that resolves",
               p->rules->family);
    return false;
}

static bool read_hosts(struct parse *p, const struct token *t, struct hosts *hosts)
{
    const char *rest = t->text;
    char part[PARAMETER_MAX + 8];

    hosts->count = 0;
    if (!rest) {
        memset(&hosts->net[0], 0, sizeof(hosts->net[0]));
        hosts->count = 1;
        return true;
    }
    parse_about(p, t);
    while (rest)
        if (!read_part(&rest, ',', part, sizeof(part)) || !add_host(p, hosts, part))
            return parse_error(p, 2, "host/network `%s' not found", t->text);
    for (uint32_t i = 0; i < hosts->count; i++)
        for (int word = 0; word < 2; word++)
            hosts->net[i].addr.half[word] &= hosts->net[i].mask.half[word];
    return true;
}

/* --- the rule --- */

static bool head_is_any(const struct rule_head *h)
{
    return !(h->src.mask.half[0] | h->src.mask.half[1] | h->dst.mask.half[0] |
             h->dst.mask.half[1]) &&
           !h->negated && h->in_len == 0 && h->out_len == 0 && !h->has_proto && !h->fragment;
}

static bool proto_fits(struct parse *p, const struct ext *x)
{
    const struct rule_head *h = &p->r.head;

    if (!x->type->proto || (h->proto == x->type->proto && !(h->negated & NOT_PROTO)))
        return true;
    parse_error(p, 1, "%s needs \"-p %s\" in the same rule, not negated", x->type->name,
                proto_name(x->type->proto));
    return false;
}

static bool table_fits(struct parse *p, const struct ext *x)
{
    char tables[80];
    struct text out;

    if (x->tables >> p->which & 1)
        return true;
    text_into(&out, tables, sizeof(tables));
    for (unsigned t = 0; t < WEIR_TABLE_MAX; t++)
        if (x->tables >> t & 1) {
            text_char(&out, ' ');
            text_add(&out, weir_table_name((enum weir_table)t));
        }
    parse_error(p, 1, "%s cannot be used in table %s", x->type->name, weir_table_name(p->which));
    parse_hint(p, "its tables are:%s", tables);
    return false;
}

/* All options of the line were read: what the extensions say about the whole, and the target. */
static bool finish_rule(struct parse *p, struct command *c, struct rule *rule)
{
    const struct ext **matches;
    uint16_t n = 0;

    for (uint32_t i = 0; i < p->ext_count; i++) {
        p->column = 0;
        p->about = p->exts[i]->type->name;
        if (!opt_finish(&p->r, p->exts[i]) || !proto_fits(p, p->exts[i]) ||
            !table_fits(p, p->exts[i]))
            return false;
        if (p->exts[i]->type->note)
            parse_note(p, p->exts[i]->type->note);
    }
    matches = arena_take(&p->drafts, (p->ext_count + 1) * sizeof(struct ext *));
    if (!matches)
        return parse_no_memory(p);
    for (uint32_t i = 0; i < p->ext_count; i++)
        if (p->exts[i] != p->target)
            matches[n++] = p->exts[i];
    rule->matches = matches;
    rule->match_count = n;
    rule->line = p->line;
    rule->count = c->count;
    rule->target = p->target;
    if (!c->jump)
        return true;
    parse_about(p, &c->jump_token);
    struct draft_chain *to = chain_find(p, c->jump);

    if (p->target) {
        rule->kind = RULE_TARGET;
        return true;
    }
    enum rule_kind verdict = c->is_goto ? RULE_COUNT : command_verdict(c->jump);

    if (verdict == RULE_DROP && p->which == WEIR_TABLE_NAT) {
        parse_error(p, 2,
                    "The \"nat\" table is not intended for filtering, the use of DROP is "
                    "therefore inhibited.");
        parse_hint(p, "drop in the filter table; nat sees the first packet of a connection only");
        return false;
    }
    if (verdict) {
        rule->kind = (uint8_t)verdict;
        return true;
    }
    if (!to) {
        parse_error(p, 2, "goto '%s' is not a chain", c->jump);
        parse_hint(p, "declare it before it is used: `:%s - [0:0]'", c->jump);
        return false;
    }
    if (to->chain->hook != HOOK_MAX) {
        parse_error(p, 1, "%s is a built-in chain: rules cannot jump to it", c->jump);
        return false;
    }
    rule->chain = to->chain;
    rule->kind = c->is_goto ? RULE_GOTO : RULE_JUMP;
    return true;
}

static bool interfaces_fit(struct parse *p, const struct chain *chain)
{
    const struct rule_head *h = &p->r.head;
    bool no_in = chain->hook == HOOK_OUTPUT || chain->hook == HOOK_POSTROUTING;
    bool no_out = chain->hook == HOOK_PREROUTING || chain->hook == HOOK_INPUT;

    parse_about(p, NULL);
    if (*h->in && no_in)
        parse_error(p, 2, "Can't use -i with %s", chain->name);
    else if (*h->out && no_out)
        parse_error(p, 2, "Can't use -o with %s", chain->name);
    return !p->failed;
}

/* --- editing --- */

static struct draft *new_draft(struct parse *p, const struct rule *rule)
{
    struct draft *d = arena_take(&p->drafts, sizeof(*d));

    if (!d) {
        parse_no_memory(p);
        return NULL;
    }
    d->rule = *rule;
    return d;
}

/* The link that leads to the rule at `position` (from 1), or behind the last. */
static struct draft **link_at(struct draft_chain *chain, uint32_t position)
{
    struct draft **link = &chain->first;

    while (*link && position-- > 1)
        link = &(*link)->next;
    return link;
}

static void take_out(struct draft_chain *chain, struct draft **link)
{
    *link = (*link)->next;
    chain->count--;
    chain->last = chain->first;
    while (chain->last && chain->last->next)
        chain->last = chain->last->next;
}

static bool insert(struct parse *p, struct draft_chain *chain, uint32_t position,
                   const struct rule *rule)
{
    struct draft *d = new_draft(p, rule);

    if (!d)
        return false;
    struct draft **link = position ? link_at(chain, position) : NULL;

    if (!link) {
        link = chain->last ? &chain->last->next : &chain->first;
        chain->last = d;
    }
    d->next = *link;
    *link = d;
    if (!d->next)
        chain->last = d;
    chain->count++;
    return true;
}

/* Text into a buffer that grows out of sight: rules are compared by how they are printed. */
struct compare {
    const char *at;
    bool same;
};

static void compare_piece(void *ctx, const char *bytes, size_t len)
{
    struct compare *c = ctx;

    if (c->same && strlen(c->at) >= len && memcmp(c->at, bytes, len) == 0)
        c->at += len;
    else
        c->same = false;
}

static bool same_rule(struct parse *p, const struct rule *a, const struct rule *b)
{
    char text[LINE_MAX_BYTES * 2];
    struct compare compare = {.at = text, .same = true};
    struct text out;

    text_into(&out, text, sizeof(text));
    print_rule(&out, p->rules->family, a);
    text_to(&out, compare_piece, &compare);
    print_rule(&out, p->rules->family, b);
    return compare.same && !*compare.at;
}

static struct draft **find_rule(struct parse *p, struct draft_chain *chain, const struct rule *rule)
{
    for (struct draft **link = &chain->first; *link; link = &(*link)->next)
        if (same_rule(p, &(*link)->rule, rule))
            return link;
    return NULL;
}

static bool edit(struct parse *p, const struct command *c, struct draft_chain *chain,
                 const struct rule *rule)
{
    struct draft **link;

    switch ((int)c->what) {
    case O_APPEND: return insert(p, chain, 0, rule);
    case O_INSERT:
        if (c->position > chain->count + 1)
            return parse_error(p, 1, "Index of insertion too big.");
        return insert(p, chain, c->position ? c->position : 1, rule);
    case O_REPLACE:
        link = link_at(chain, c->position);
        if (!*link)
            return parse_error(p, 1, "Index of replacement too big.");
        take_out(chain, link);
        return insert(p, chain, c->position, rule);
    case O_DELETE:
    case O_CHECK:
        link = find_rule(p, chain, rule);
        if (!link)
            return parse_error(p, 1, "Bad rule (does a matching rule exist in that chain?).");
        if (c->what == O_DELETE)
            take_out(chain, link);
        return true;
    default: return true;
    }
}

/* A command with a rule: once for each pair of addresses. COMMIT gives each extensions of its own,
 * which have states of their own. */
static bool run_rule(struct parse *p, struct command *c, struct draft_chain *chain)
{
    struct hosts sources, destinations;
    struct rule_head *h = &p->r.head;
    struct rule rule = {0};

    if (!interfaces_fit(p, chain->chain))
        return false;
    parse_about(p, &c->sources);
    if ((h->negated & NOT_SRC && strchr(c->sources.text, ',')) ||
        (h->negated & NOT_DST && strchr(c->destinations.text, ',')))
        return parse_error(p, 2, "! not allowed with multiple source or destination IP addresses");
    if (!read_hosts(p, &c->sources, &sources) || !read_hosts(p, &c->destinations, &destinations) ||
        !finish_rule(p, c, &rule))
        return false;
    if (c->what == O_REPLACE && sources.count * destinations.count != 1)
        return parse_error(p, 2, "Replacement rule does not specify a unique address");
    parse_about(p, NULL);
    for (uint32_t s = 0; s < sources.count; s++)
        for (uint32_t d = 0; d < destinations.count; d++) {
            h->src = sources.net[s];
            h->dst = destinations.net[d];
            rule.head = *h;
            rule.any = head_is_any(h);
            if (!edit(p, c, chain, &rule))
                return false;
        }
    return true;
}

/* --- commands without a rule --- */

static bool is_used(const struct parse *p, const struct chain *chain)
{
    for (const struct draft_chain *c = p->chains; c; c = c->next)
        for (const struct draft *d = c->first; d; d = d->next)
            if (d->rule.chain == chain)
                return true;
    return false;
}

static void forget_chain(struct parse *p, struct draft_chain *gone)
{
    struct draft_chain **link = &p->chains;

    p->last_chain = NULL;
    while (*link) {
        if (*link == gone)
            *link = gone->next;
        else {
            p->last_chain = *link;
            link = &(*link)->next;
        }
    }
    p->chain_count--;
    for (uint32_t i = 0; i < p->index_size; i++)
        for (link = &p->index[i]; *link;) {
            if (*link == gone)
                *link = gone->next_same;
            else
                link = &(*link)->next_same;
        }
}

static bool delete_chain(struct parse *p, struct draft_chain *chain)
{
    if (chain->chain->hook != HOOK_MAX)
        return parse_error(p, 1, "%s is a built-in chain and stays", chain->chain->name);
    if (chain->first)
        return parse_error(p, 1, "Directory not empty.");
    if (is_used(p, chain->chain))
        return parse_error(p, 1, "Too many links.");
    forget_chain(p, chain);
    return true;
}

static void flush(struct draft_chain *chain)
{
    chain->first = chain->last = NULL;
    chain->count = 0;
}

static void zero(struct draft_chain *chain, uint32_t position)
{
    uint32_t n = 0;

    for (struct draft *d = chain->first; d; d = d->next)
        if (++n == position || !position)
            d->rule.count = (struct weir_rules_count){0};
    if (!position)
        chain->chain->count = (struct weir_rules_count){0};
}

static bool rename_chain(struct parse *p, struct draft_chain *chain, const char *name)
{
    if (chain->chain->hook != HOOK_MAX)
        return parse_error(p, 1, "%s is a built-in chain and keeps its name", chain->chain->name);
    if (!chain_name_good(p, name))
        return false;
    if (chain_find(p, name))
        return parse_error(p, 1, "File exists.");
    char *copy = arena_text(&p->rules->arena, name, strlen(name));

    if (!copy)
        return parse_no_memory(p);
    struct draft_chain **link = &p->chains;

    while (*link != chain)
        link = &(*link)->next;
    struct draft_chain *next = chain->next;

    forget_chain(p, chain);
    chain->chain->name = copy;
    /* Back to its place, and into the index under its new name. */
    chain->next = next;
    *link = chain;
    if (!next)
        p->last_chain = chain;
    p->chain_count++;
    chain_reindex(p, chain);
    return true;
}

static bool set_policy(struct parse *p, const struct command *c, struct draft_chain *chain)
{
    if (chain->chain->hook == HOOK_MAX)
        return parse_error(p, 1, "Bad built-in chain name.");
    if (strcmp(c->name, "ACCEPT") != 0 && strcmp(c->name, "DROP") != 0) {
        parse_error(p, 1, "Bad policy name.");
        parse_hint(p, "a policy is ACCEPT or DROP");
        return false;
    }
    if (c->name[0] == 'D' && p->which == WEIR_TABLE_NAT)
        return parse_error(p, 2,
                           "The \"nat\" table is not intended for filtering, the use of DROP "
                           "is therefore inhibited.");
    chain->chain->drop = c->name[0] == 'D';
    if (c->has_count)
        chain->chain->count = c->count;
    return true;
}

static bool on_chain(struct parse *p, const struct command *c, struct draft_chain *chain)
{
    switch ((int)c->what) {
    case O_FLUSH: flush(chain); return true;
    case O_ZERO: zero(chain, 0); return true;
    case O_DELETE_CHAIN: return delete_chain(p, chain);
    case O_POLICY: return set_policy(p, c, chain);
    case O_RENAME: return rename_chain(p, chain, c->name);
    case O_DELETE: {
        struct draft **link = link_at(chain, c->position);

        if (!*link)
            return parse_error(p, 1, "Index of deletion too big.");
        take_out(chain, link);
        return true;
    }
    default: return true;
    }
}

/* -F, -Z and -X without a chain are for all. */
static bool on_all_chains(struct parse *p, const struct command *c)
{
    for (struct draft_chain *chain = p->chains, *next; chain; chain = next) {
        next = chain->next;
        if (c->what == O_DELETE_CHAIN && chain->chain->hook != HOOK_MAX)
            continue;
        if (!on_chain(p, c, chain))
            return false;
    }
    return true;
}

static bool needs_rule(const struct command *c)
{
    return c->what == O_APPEND || c->what == O_INSERT || c->what == O_REPLACE ||
           c->what == O_CHECK || (c->what == O_DELETE && !c->position);
}

bool command_apply(struct parse *p, struct command *c)
{
    if (!c->chain)
        return on_all_chains(p, c);
    parse_about(p, &c->chain_token);
    if (c->what == O_NEW) {
        if (chain_find(p, c->chain))
            return parse_error(p, 1, "Chain already exists.");
        return chain_name_good(p, c->chain) && chain_new(p, c->chain) != NULL;
    }
    struct draft_chain *chain = chain_find(p, c->chain);

    if (!chain && strlen(c->chain) > CHAIN_NAME_MAX)
        return parse_error(p, 2, "chain name `%s' too long (must be under %d chars)", c->chain,
                           CHAIN_NAME_MAX + 1);
    if (!chain) {
        parse_error(p, 1, "No chain/target/match by that name.");
        parse_hint(p, "declare the chain before its rules: `:%s - [0:0]'", c->chain);
        return false;
    }
    return needs_rule(c) ? run_rule(p, c, chain) : on_chain(p, c, chain);
}
