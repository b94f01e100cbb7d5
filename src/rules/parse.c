/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a rule file: lines, tables and chains (iptables reference, 2.1).
 *
 * The text is read once, line by line, each told by its first byte. Rules gather in lists of their
 * chains; COMMIT checks the table, numbers its rules and lays them out as arrays. Nothing becomes
 * visible before the last line was read: the first error gives the whole arena back.
 */
#include "rules/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { INDEX_MIN = 64 };

static const char *const table_names[] = {
    [WEIR_TABLE_RAW] = "raw",       [WEIR_TABLE_MANGLE] = "mangle",     [WEIR_TABLE_NAT] = "nat",
    [WEIR_TABLE_FILTER] = "filter", [WEIR_TABLE_SECURITY] = "security",
};

/* --- errors --- */

static void show_text(struct parse *p, const char *text, size_t len)
{
    struct text out;

    text_into(&out, p->error->text, sizeof(p->error->text));
    text_bytes(&out, text, len);
}

bool parse_error(struct parse *p, int status, const char *format, ...)
{
    va_list args;

    if (p->failed)
        return false;
    p->failed = true;
    p->error->line = p->line;
    p->error->column = p->column;
    p->error->status = status;
    va_start(args, format);
    (void)vsnprintf(p->error->message, sizeof(p->error->message), format, args);
    va_end(args);
    if (p->about)
        show_text(p, p->about, strlen(p->about));
    else if (p->line_text)
        show_text(p, p->line_text, p->line_len);
    return false;
}

/* The same with the exit status of a bad parameter, for extensions. */
bool rule_fail(struct rule_parse *r, const char *format, ...)
{
    char message[sizeof(r->parse->error->message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return parse_error(r->parse, 2, "%s", message);
}

void parse_hint(struct parse *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(p->error->hint, sizeof(p->error->hint), format, args);
    va_end(args);
}

void rule_hint(struct rule_parse *r, const char *format, ...)
{
    struct weir_rules_error *e = r->parse->error;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(e->hint, sizeof(e->hint), format, args);
    va_end(args);
}

void rule_note(struct rule_parse *r, const char *format, ...)
{
    char note[sizeof(r->parse->error->message)];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(note, sizeof(note), format, args);
    va_end(args);
    parse_note(r->parse, note);
}

void parse_about(struct parse *p, const struct token *token)
{
    p->column = token ? token->column : 0;
    p->about = token ? token->text : NULL;
}

bool parse_no_memory(struct parse *p)
{
    p->rules->arena.failed = true;
    return parse_error(p, 4, "memory ran out");
}

void parse_note(struct parse *p, const char *text)
{
    if (p->options->note)
        p->options->note(p->options->ctx, p->line, text);
}

/* --- chains of the open table --- */

static uint32_t name_hash(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a: names come from who may load rules, not from packets */

    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

struct draft_chain *chain_find(struct parse *p, const char *name)
{
    struct draft_chain *c = p->index_size ? p->index[name_hash(name) & (p->index_size - 1)] : NULL;

    while (c && strcmp(c->chain->name, name) != 0)
        c = c->next_same;
    return c;
}

static void index_add(struct parse *p, struct draft_chain *c)
{
    struct draft_chain **slot = &p->index[name_hash(c->chain->name) & (p->index_size - 1)];

    c->next_same = *slot;
    *slot = c;
}

void chain_reindex(struct parse *p, struct draft_chain *c)
{
    index_add(p, c);
}

static bool index_grow(struct parse *p)
{
    uint32_t size = p->index_size ? p->index_size * 2 : INDEX_MIN;
    struct draft_chain **index = arena_take(&p->drafts, size * sizeof(struct draft_chain *));

    if (!index)
        return parse_no_memory(p);
    p->index = index;
    p->index_size = size;
    for (struct draft_chain *c = p->chains; c; c = c->next)
        index_add(p, c);
    return true;
}

struct draft_chain *chain_new(struct parse *p, const char *name)
{
    struct arena *arena = &p->rules->arena;
    struct draft_chain *c = arena_take(&p->drafts, sizeof(*c));
    struct chain *chain = arena_take(arena, sizeof(*chain));
    char *copy = arena_text(arena, name, strlen(name));

    if (!c || !chain || !copy || (p->chain_count == p->index_size && !index_grow(p))) {
        parse_no_memory(p);
        return NULL;
    }
    chain->name = copy;
    chain->hook = HOOK_MAX;
    chain->line = p->line;
    c->chain = chain;
    if (p->last_chain)
        p->last_chain->next = c;
    else
        p->chains = c;
    p->last_chain = c;
    p->chain_count++;
    index_add(p, c);
    return c;
}

bool chain_name_good(struct parse *p, const char *name)
{
    size_t len = strlen(name);

    if (*name == '-' || *name == '!')
        return parse_error(p, 2, "chain name not allowed to start with `%c'", *name);
    if (len == 0 || strchr(name, ' ') || strchr(name, '\t'))
        return parse_error(p, 2, "Invalid chain name `%s'", name);
    if (len > CHAIN_NAME_MAX)
        return parse_error(p, 2, "chain name `%s' too long (must be under %d chars)", name,
                           CHAIN_NAME_MAX + 1);
    if (strcmp(name, "ACCEPT") == 0 || strcmp(name, "DROP") == 0 || strcmp(name, "QUEUE") == 0 ||
        strcmp(name, "RETURN") == 0 || ext_find_target(name, p->rules->family)) {
        parse_error(p, 2, "chain name may not clash with target name");
        parse_hint(p, "name the chain otherwise: %s is a target", name);
        return false;
    }
    return true;
}

/* --- lines --- */

/* "[packets:bytes]" at `text`; where it ends, or NULL. */
static const char *read_count(const char *text, struct weir_rules_count *count)
{
    const char *end;

    if (*text != '[' || !text_digit(text[1]))
        return NULL;
    count->packets = count->bytes = 0;
    for (end = text + 1; text_digit(*end); end++)
        count->packets = count->packets * 10 + (uint64_t)(*end - '0');
    if (*end != ':' || !text_digit(end[1]))
        return NULL;
    for (end++; text_digit(*end); end++)
        count->bytes = count->bytes * 10 + (uint64_t)(*end - '0');
    return *end == ']' ? end + 1 : NULL;
}

/* Cut the line in p->buffer at its blanks. Returns how many words; the rest of `words` is empty. */
static uint32_t words_of(struct parse *p, const char *from, struct token *words, uint32_t max)
{
    uint32_t n = 0;
    char *at = p->buffer + (from - p->line_text);

    memcpy(p->buffer, p->line_text, p->line_len);
    p->buffer[p->line_len] = '\0';
    for (;;) {
        while (text_blank(*at))
            *at++ = '\0';
        if (!*at)
            return n;
        if (n == max)
            return n + 1;
        words[n++] = (struct token){at, (uint32_t)(at - p->buffer) + 1};
        while (*at && !text_blank(*at))
            at++;
    }
}

static void close_table(struct parse *p)
{
    p->table = NULL;
    p->chains = p->last_chain = NULL;
    p->index = NULL;
    p->index_size = p->chain_count = 0;
    arena_fini(&p->drafts);
}

static bool open_table(struct parse *p)
{
    struct token name[2] = {{0}};
    uint32_t n = words_of(p, p->line_text + 1, name, 1);

    parse_about(p, n ? &name[0] : NULL);
    if (n != 1) {
        parse_error(p, 2, "line %u table name invalid", p->line);
        parse_hint(p, "write *filter, *nat, *mangle, *raw or *security");
        return false;
    }
    for (unsigned which = 0; which < WEIR_TABLE_MAX; which++) {
        if (strcmp(name[0].text, table_names[which]) != 0)
            continue;
        p->which = (enum weir_table)which;
        p->r.table = p->which;
        p->table = &p->rules->table[which];
        /* The text starts the table anew, also when it names it twice. */
        *p->table = (struct rule_table){.present = true};
        for (unsigned hook = 0; hook < HOOK_MAX; hook++) {
            if (!(hook_of_table(p->which) >> hook & 1))
                continue;
            struct draft_chain *c = chain_new(p, hook_name((enum hook)hook));

            if (!c)
                return false;
            c->chain->hook = (enum hook)hook;
            c->chain->line = 0;
            p->table->builtin[hook] = c->chain;
        }
        return true;
    }
    parse_error(p, 2, "line %u table name '%s' invalid", p->line, name[0].text);
    parse_hint(p, "the tables are filter, nat, mangle, raw and security");
    return false;
}

static bool set_policy(struct parse *p, struct draft_chain *c, const struct token *policy)
{
    parse_about(p, policy);
    if (strcmp(policy->text, "ACCEPT") != 0 && strcmp(policy->text, "DROP") != 0) {
        parse_error(p, 1, "Can't set policy `%s' on `%s' line %u: Bad policy name", policy->text,
                    c->chain->name, p->line);
        parse_hint(p, "a policy is ACCEPT or DROP");
        return false;
    }
    c->chain->drop = policy->text[0] == 'D';
    return true;
}

static bool declare_chain(struct parse *p)
{
    struct token words[3] = {{0}};
    uint32_t n = words_of(p, p->line_text + 1, words, 3);

    if (n == 0)
        return parse_error(p, 2, "line %u chain name invalid", p->line);
    parse_about(p, &words[0]);
    struct draft_chain *c = chain_find(p, words[0].text);

    if (!c && strlen(words[0].text) > CHAIN_NAME_MAX)
        return parse_error(p, 2, "Invalid chain name `%s' (%d chars max)", words[0].text,
                           CHAIN_NAME_MAX);
    if (!c && (!chain_name_good(p, words[0].text) || !(c = chain_new(p, words[0].text))))
        return false;
    if (n < 2) {
        parse_error(p, 2, "line %u policy invalid", p->line);
        parse_hint(p,
                   "write `:%s - [0:0]' for a chain of your own, `:%s ACCEPT [0:0]' for a "
                   "built-in one",
                   words[0].text, words[0].text);
        return false;
    }
    c->chain->line = p->line;
    bool user = c->chain->hook == HOOK_MAX;

    if (user) {
        parse_about(p, &words[1]);
        if (strcmp(words[1].text, "-") != 0) {
            parse_error(p, 1, "Can't set policy `%s' on `%s' line %u: Bad built-in chain name",
                        words[1].text, words[0].text, p->line);
            parse_hint(p, "only built-in chains have a policy; write `-'");
            return false;
        }
        return true;
    }
    if (strcmp(words[1].text, "-") != 0 && !set_policy(p, c, &words[1]))
        return false;
    if (!(p->options->flags & WEIR_RULES_COUNTERS) || strcmp(words[1].text, "-") == 0)
        return true;
    const char *end = n > 2 ? read_count(words[2].text, &c->chain->count) : NULL;

    parse_about(p, n > 2 ? &words[2] : NULL);
    if (!end || *end)
        return parse_error(p, 2, "invalid policy counters for chain '%s'", words[0].text);
    return true;
}

/*
 * The parameters of a rule line (reference, 2.1, "Quoting"): a quote may begin anywhere, and its
 * end is the parameter's end.
 */
static bool tokenize(struct parse *p, const char *from)
{
    const char *end = p->line_text + p->line_len;
    char *out = p->buffer;

    p->token_count = p->token = 0;
    for (const char *at = from;;) {
        while (at < end && text_blank(*at))
            at++;
        if (at == end)
            break;
        struct token *t = &p->tokens[p->token_count];
        bool quoted = false;

        *t = (struct token){out, (uint32_t)(at - p->line_text) + 1};
        p->column = t->column;
        if (p->token_count == PARAMETERS_MAX)
            return parse_error(p, 2, "Parser cannot handle more arguments");
        for (; at < end; at++) {
            if (quoted && *at == '\\' && at + 1 < end) {
                *out++ = *++at;
            } else if (*at == '"') {
                at += quoted;
                if (quoted)
                    break;
                quoted = true;
                continue;
            } else if (!quoted && text_blank(*at)) {
                break;
            } else {
                *out++ = *at;
            }
            if (out - t->text > PARAMETER_MAX)
                return parse_error(p, 2, "Parameter too long!");
        }
        *out++ = '\0';
        p->token_count++;
    }
    return true;
}

static bool rule_line(struct parse *p)
{
    struct weir_rules_count count = {0}, none = {0};
    const char *from = p->line_text;

    if (p->line_len && *from == '[') {
        const char *close = memchr(from, ']', p->line_len);
        char prefix[64];
        size_t len = close ? (size_t)(close - from) + 1 : 0;

        if (!close) {
            parse_error(p, 2, "Bad line %u: need ]", p->line);
            parse_hint(p, "counters look like [packets:bytes]");
            return false;
        }
        if (p->options->flags & WEIR_RULES_COUNTERS) {
            const char *good = NULL;

            if (len < sizeof(prefix)) {
                memcpy(prefix, from, len);
                prefix[len] = '\0';
                good = read_count(prefix, &count);
            }
            if (!good)
                return parse_error(p, 2, "-c packet counter not numeric");
        }
        from = close + 1;
    }
    return tokenize(p, from) &&
           command_run(p, p->options->flags & WEIR_RULES_COUNTERS ? count : none);
}

/* --- COMMIT --- */

static int by_name(const struct draft_chain *a, const struct draft_chain *b)
{
    if (a->chain->hook != b->chain->hook)
        return a->chain->hook < b->chain->hook ? -1 : 1;
    return strcmp(a->chain->name, b->chain->name);
}

/* Built-in chains by hook, then users' by name: a merge sort of the list. */
static struct draft_chain *sorted(struct draft_chain *list, uint32_t count)
{
    if (count < 2)
        return list;
    struct draft_chain **cut = &list;

    for (uint32_t i = 0; i < count / 2; i++)
        cut = &(*cut)->next;
    struct draft_chain *middle = *cut;

    *cut = NULL;
    struct draft_chain *a = sorted(list, count / 2), *b = sorted(middle, count - count / 2);
    struct draft_chain *head = NULL, **tail = &head;

    while (a && b) {
        struct draft_chain **from = by_name(a, b) <= 0 ? &a : &b;

        *tail = *from;
        *from = (*from)->next;
        tail = &(*tail)->next;
    }
    *tail = a ? a : b;
    return head;
}

static const struct ext *copy_ext(struct arena *arena, const struct ext *x)
{
    size_t size = sizeof(*x) + x->type->size;
    struct ext *copy = arena_take(arena, size);

    return copy ? memcpy(copy, x, size) : NULL;
}

/* What packets look at. */
static bool lay_out_asked(struct arena *arena, struct rule *rule)
{
    uint16_t n = 0;

    for (uint32_t i = 0; i < rule->match_count; i++)
        n += rule->matches[i]->type->match != NULL;
    const struct ext **asked = arena_take(arena, n * sizeof(struct ext *));

    if (!asked)
        return false;
    rule->asked = asked;
    rule->asked_count = n;
    for (uint32_t i = 0; i < rule->match_count; i++)
        if (rule->matches[i]->type->match)
            *asked++ = copy_ext(arena, rule->matches[i]);
    if (rule->target)
        rule->target = copy_ext(arena, rule->target);
    return true;
}

/* And the rest, which is only printed. */
static bool lay_out_matches(struct arena *arena, struct rule *rule)
{
    const struct ext **matches, *const *asked = rule->asked;

    if (rule->asked_count == rule->match_count) {
        rule->matches = asked;
        return true;
    }
    if (!(matches = arena_take(arena, rule->match_count * sizeof(struct ext *))))
        return false;
    for (uint32_t i = 0; i < rule->match_count; i++)
        matches[i] = rule->matches[i]->type->match ? *asked++ : copy_ext(arena, rule->matches[i]);
    rule->matches = matches;
    return true;
}

/* A packet that comes into a chain finds together what it looks at. */
static bool lay_out_chain(struct parse *p, const struct draft_chain *c)
{
    struct arena *arena = &p->rules->arena;
    struct rule *rule = arena_take(arena, c->count * sizeof(*rule));
    bool good = rule;

    c->chain->rules = rule;
    c->chain->rule_count = c->count;
    for (const struct draft *d = c->first; d && good; d = d->next) {
        if (d->rule.chain)
            d->rule.chain->references++;
        *rule = d->rule;
        good = lay_out_asked(arena, rule++);
    }
    for (uint32_t i = 0; i < c->count && good; i++)
        good = lay_out_matches(arena, &c->chain->rules[i]);
    return (good && !arena->failed) || parse_no_memory(p);
}

static bool lay_out(struct parse *p)
{
    struct rule_table *table = p->table;

    p->chains = sorted(p->chains, p->chain_count);
    table->chains = arena_take(&p->rules->arena, (p->chain_count + 1) * sizeof(struct chain *));
    if (!table->chains)
        return parse_no_memory(p);
    for (struct draft_chain *c = p->chains; c; c = c->next) {
        table->chains[table->chain_count++] = c->chain;
        if (!lay_out_chain(p, c))
            return false;
    }
    return true;
}

static bool commit(struct parse *p)
{
    if (!lay_out(p) || !check_table(p))
        return false;
    close_table(p);
    return true;
}

/* --- the text --- */

static bool line_is(const struct parse *p, const char *text)
{
    return p->line_len == strlen(text) && memcmp(p->line_text, text, p->line_len) == 0;
}

static bool one_line(struct parse *p)
{
    parse_about(p, NULL);
    if (memchr(p->line_text, '\0', p->line_len)) {
        p->column =
            (uint32_t)((const char *)memchr(p->line_text, '\0', p->line_len) - p->line_text) + 1;
        parse_error(p, 2, "the line has a NUL byte");
        parse_hint(p, "rule files are text; this one is damaged, or no rule file");
        return false;
    }
    if (p->line_len == 0 || *p->line_text == '#')
        return true;
    if (p->line_len > LINE_MAX_BYTES) {
        parse_error(p, 2, "the line has %zu bytes, and may have %d", p->line_len, LINE_MAX_BYTES);
        parse_hint(p, "make several rules of it, or use a set (-m set)");
        return false;
    }
    if (!p->table) {
        if (*p->line_text == '*')
            return open_table(p);
        parse_error(p, 1, "line %u failed", p->line);
        parse_hint(p, "rules stand between a line `*filter' (or another table) and `COMMIT'");
        return false;
    }
    if (line_is(p, "COMMIT"))
        return commit(p);
    return *p->line_text == ':' ? declare_chain(p) : rule_line(p);
}

static bool all_lines(struct parse *p)
{
    while (p->at < p->end) {
        const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));

        p->line++;
        p->line_text = p->at;
        p->line_len = (size_t)((newline ? newline : p->end) - p->at);
        p->at = newline ? newline + 1 : p->end;
        if (one_line(p))
            continue;
        if (p->line_len && p->line_text && p->line_text[p->line_len - 1] == '\r')
            parse_hint(p, "the lines of this file end in CR LF; rule files need LF alone");
        return false;
    }
    p->line++;
    p->line_text = NULL;
    parse_about(p, NULL);
    if (p->table) {
        parse_error(p, 1, "COMMIT expected at line %u", p->line);
        parse_hint(p, "end the table %s with a line COMMIT; without it nothing is loaded",
                   table_names[p->which]);
    }
    return !p->failed;
}

static bool binds(const struct ext *x)
{
    return x && x->type->bind;
}

static bool has_count(const struct weir_rules_count *count)
{
    return count->packets || count->bytes;
}

/* Room for what is kept by number: where each counter comes from, what it starts with if any starts
 * with something; and what each extension needs. */
static bool number(struct parse *p)
{
    struct weir_rules *rules = p->rules;
    struct arena *arena = &rules->arena;
    uint32_t n = 0, exts = 0;
    bool counts = false;

    for (unsigned t = 0; t < WEIR_TABLE_MAX; t++)
        for (uint32_t c = 0; c < rules->table[t].chain_count; c++) {
            const struct chain *chain = rules->table[t].chains[c];

            n += chain->rule_count + (chain->hook != HOOK_MAX);
            counts |= has_count(&chain->count);
            for (uint32_t i = 0; i < chain->rule_count; i++) {
                const struct rule *rule = &chain->rules[i];

                counts |= has_count(&rule->count);
                exts += binds(rule->target);
                for (uint32_t m = 0; m < rule->match_count; m++)
                    exts += binds(rule->matches[m]);
            }
        }
    rules->lines = arena_take(arena, (n + 1) * sizeof(uint32_t));
    rules->exts = arena_take(arena, (exts + 1) * sizeof(struct ext *));
    if (counts)
        rules->counts = arena_take(arena, n * sizeof(*rules->counts));
    return !arena->failed || parse_no_memory(p);
}

static void need(struct weir_rules *rules, const struct ext *x)
{
    enum { ALIGN = 16 };
    struct ext *mine = (struct ext *)x; /* still being made, here */

    mine->state = rules->state_size;
    rules->state_size += (x->type->state_size + ALIGN - 1u) / ALIGN * ALIGN;
    if (binds(x))
        rules->exts[rules->ext_count++] = mine;
}

static uint32_t take_number(struct weir_rules *rules, uint32_t line, struct weir_rules_count count)
{
    uint32_t n = rules->numbers++;

    rules->lines[n] = line;
    if (rules->counts)
        rules->counts[n] = count;
    return n;
}

static void number_chain(struct weir_rules *rules, struct chain *chain)
{
    for (uint32_t i = 0; i < chain->rule_count; i++) {
        struct rule *rule = &chain->rules[i];

        rule->number = take_number(rules, rule->line, rule->count);
        for (uint32_t m = 0; m < rule->match_count; m++)
            need(rules, rule->matches[m]);
        if (rule->target)
            need(rules, rule->target);
    }
    if (chain->hook != HOOK_MAX)
        chain->number = take_number(rules, chain->line, chain->count);
    if (chain->depth > rules->depth)
        rules->depth = chain->depth;
}

static bool finish(struct parse *p)
{
    struct weir_rules *rules = p->rules;
    bool plain = p->options->flags & RULES_PLAIN;

    if (!number(p))
        return false;
    for (unsigned t = 0; t < WEIR_TABLE_MAX; t++)
        for (uint32_t c = 0; c < rules->table[t].chain_count; c++) {
            struct chain *chain = rules->table[t].chains[c];

            number_chain(rules, chain);
            if (!plain && !index_build(&rules->arena, rules->family, chain))
                return parse_no_memory(p);
        }
    return true;
}

static const struct weir_rules_names no_names;

int weir_rules_parse(struct weir_rules **rules, uint8_t family, const char *text, size_t len,
                     const struct weir_rules_options *options, struct weir_rules_error *error)
{
    struct weir_rules_options o = {0};
    struct arena arena;

    if (options)
        o = *options;
    if (!o.reserve || !o.release) {
        o.reserve = weir_reserve_pages;
        o.release = weir_release_pages;
    }
    *rules = NULL;
    memset(error, 0, sizeof(*error));
    arena_init(&arena, o.reserve, o.release, o.memory_ctx);
    struct weir_rules *made = arena_take(&arena, sizeof(*made));
    struct parse *p = o.reserve(o.memory_ctx, sizeof(*p));
    bool good = false, memory = made && p;

    if (memory) {
        made->family = family;
        made->arena = arena;
        arena_init(&p->drafts, o.reserve, o.release, o.memory_ctx);
        p->rules = made;
        p->options = &o;
        p->error = error;
        p->at = text;
        p->end = text + len;
        p->r = (struct rule_parse){
            .family = family, .names = o.names ? o.names : &no_names, .sets = o.sets, .parse = p};
        good = all_lines(p) && finish(p);
        arena_fini(&p->drafts);
        arena = made->arena;
        memory = !arena.failed;
    }
    if (p)
        o.release(o.memory_ctx, p, sizeof(*p));
    if (good)
        *rules = made;
    else
        arena_fini(&arena);
    return good ? 0 : memory ? -EINVAL : -ENOMEM;
}

void weir_rules_free(struct weir_rules *rules)
{
    struct arena arena;

    if (!rules)
        return;
    arena = rules->arena;
    arena_fini(&arena);
}

/* --- what is in it --- */

uint32_t weir_rules_counters(const struct weir_rules *rules)
{
    return rules->numbers;
}

uint32_t weir_rules_line(const struct weir_rules *rules, uint32_t number)
{
    return number < rules->numbers ? rules->lines[number] : 0;
}

uint32_t weir_rules_tables(const struct weir_rules *rules)
{
    uint32_t tables = 0;

    for (unsigned t = 0; t < WEIR_TABLE_MAX; t++)
        tables |= (uint32_t)rules->table[t].present << t;
    return tables;
}

const char *weir_table_name(enum weir_table table)
{
    return table < WEIR_TABLE_MAX ? table_names[table] : "";
}
