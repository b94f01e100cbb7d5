/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of a rule file: a command of iptables without the program's name (iptables reference,
 * 2.3).
 *
 * Options are taken one after the other, as getopt_long() does: a name may be abbreviated as long
 * as it stays unambiguous among all options known so far, the extensions' included; each -m and -j
 * makes more options known. An option that nobody knows loads the match of the rule's protocol,
 * once. Addresses are looked at last, since one -s may stand for several rules.
 */
#include "rules/command.h"

/* --- the command's own options --- */

/* How many arguments an option takes. */
enum takes { NOTHING = 0, ONE, PERHAPS };

struct own {
    const char *name;
    char letter;
    uint8_t option;
    uint8_t takes; /* enum takes */
};

static const struct own own_options[] = {
    {"append", 'A', O_APPEND, ONE},
    {"check", 'C', O_CHECK, ONE},
    {"delete", 'D', O_DELETE, ONE},
    {"insert", 'I', O_INSERT, ONE},
    {"replace", 'R', O_REPLACE, ONE},
    {"flush", 'F', O_FLUSH, PERHAPS},
    {"zero", 'Z', O_ZERO, PERHAPS},
    {"new-chain", 'N', O_NEW, ONE},
    {"delete-chain", 'X', O_DELETE_CHAIN, PERHAPS},
    {"policy", 'P', O_POLICY, ONE},
    {"rename-chain", 'E', O_RENAME, ONE},
    {"list", 'L', O_LIST, PERHAPS},
    {"list-rules", 'S', O_LIST_RULES, PERHAPS},
    {"source", 's', O_SOURCE, ONE},
    {"src", 's', O_SOURCE, ONE},
    {"destination", 'd', O_DESTINATION, ONE},
    {"dst", 'd', O_DESTINATION, ONE},
    {"in-interface", 'i', O_IN, ONE},
    {"out-interface", 'o', O_OUT, ONE},
    {"protocol", 'p', O_PROTOCOL, ONE},
    {"proto", 'p', O_PROTOCOL, ONE},
    {"fragments", 'f', O_FRAGMENT, NOTHING},
    {"fragment", 'f', O_FRAGMENT, NOTHING},
    {"match", 'm', O_MATCH, ONE},
    {"jump", 'j', O_JUMP, ONE},
    {"goto", 'g', O_GOTO, ONE},
    {"set-counters", 'c', O_COUNTERS, ONE},
    {"verbose", 'v', O_VERBOSE, NOTHING},
    {"numeric", 'n', O_NUMERIC, NOTHING},
    {"exact", 'x', O_EXACT, NOTHING},
    {"line-numbers", 0, O_LINE_NUMBERS, NOTHING},
    {"ipv4", '4', O_IPV4, NOTHING},
    {"ipv6", '6', O_IPV6, NOTHING},
    {"table", 't', O_TABLE, ONE},
    {"wait", 'w', O_WAIT, PERHAPS},
    {"wait-interval", 'W', O_WAIT, PERHAPS},
    {"modprobe", 'M', O_MODPROBE, ONE},
};

/* --- tokens --- */

const char *rule_peek(struct rule_parse *r)
{
    struct parse *p = r->parse;

    return p->token < p->token_count ? p->tokens[p->token].text : NULL;
}

const char *rule_next(struct rule_parse *r)
{
    struct parse *p = r->parse;

    if (p->token == p->token_count)
        return NULL;
    parse_about(p, &p->tokens[p->token]);
    return p->tokens[p->token++].text;
}

/* The next token, if it can be an argument that an option may take or leave; else NULL. */
static const char *argument(struct parse *p)
{
    struct token *t = p->token < p->token_count ? &p->tokens[p->token] : NULL;

    if (!t || t->text[0] == '-' || t->text[0] == '!')
        return NULL;
    p->token++;
    parse_about(p, t);
    return t->text;
}

/* --- extensions --- */

static struct ext *add_ext(struct parse *p, const struct ext_type *type)
{
    struct ext *x;

    if (p->ext_count == EXTS_MAX) {
        parse_error(p, 2, "a rule can have %d matches", EXTS_MAX);
        return NULL;
    }
    x = arena_take(&p->drafts, sizeof(*x) + type->size);
    if (!x) {
        parse_no_memory(p);
        return NULL;
    }
    x->type = type;
    x->family = p->rules->family;
    x->hooks = type->hooks ? type->hooks : ON_ALL;
    x->tables = type->tables ? type->tables : IN_ALL;
    p->exts[p->ext_count++] = x;
    if (type->init)
        type->init(&p->r, x);
    return x;
}

/* The match that a protocol's options belong to (reference, 2.3). */
static const char *match_of_proto(const struct parse *p)
{
    bool six = p->rules->family == 6;

    switch (p->r.head.proto) {
    case 1: return six ? NULL : "icmp";
    case 6: return "tcp";
    case 17: return "udp";
    case 33: return "dccp";
    case 50: return "esp";
    case 51: return "ah";
    case 58: return six ? "icmp6" : NULL;
    case 108: return "ipcomp";
    case 132: return "sctp";
    case 135: return six ? "mh" : NULL;
    default: return NULL;
    }
}

/* Load the protocol's match, if it was not. False: there is none, or it is there already. */
static bool load_proto_match(struct parse *p, struct command *c)
{
    const char *name = match_of_proto(p);
    const struct ext_type *type = name ? ext_find_match(name, p->rules->family) : NULL;

    if (!type || c->proto_loaded || p->r.head.negated & NOT_PROTO)
        return false;
    for (uint32_t i = 0; i < p->ext_count; i++)
        if (p->exts[i]->type == type)
            return false;
    c->proto_loaded = true;
    return add_ext(p, type) != NULL;
}

/* --- finding an option --- */

struct found {
    const struct own *own;
    const struct opt *opt;
    struct ext *ext;
};

/* Was the same extension loaded before? Its options keep the place they got then, whose they are is
 * the latest. */
static bool is_repeated(const struct parse *p, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (p->exts[i]->type == p->exts[at]->type)
            return true;
    return false;
}

static struct ext *latest_of(const struct parse *p, const struct ext_type *type)
{
    uint32_t i = p->ext_count - 1;

    while (p->exts[i]->type != type)
        i--;
    return p->exts[i];
}

/* Exact names first, of the extension that was loaded last before those before it, and of all
 * before the command's own; then beginnings of names. */
static bool find_long(struct parse *p, const char *name, size_t len, struct found *f)
{
    uint32_t candidates = 0;

    *f = (struct found){0};
    for (uint32_t i = p->ext_count; i-- > 0;)
        if (!is_repeated(p, i) && (f->opt = opt_exact(p->exts[i]->type, name, len))) {
            f->ext = latest_of(p, p->exts[i]->type);
            return true;
        }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(own_options); i++)
        if (strlen(own_options[i].name) == len && memcmp(own_options[i].name, name, len) == 0) {
            f->own = &own_options[i];
            return true;
        }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(own_options); i++) {
        const struct own *o = &own_options[i];

        if (strncmp(o->name, name, len) != 0 || (f->own && f->own->option == o->option) ||
            (o->option == O_FRAGMENT && p->rules->family == 6))
            continue;
        f->own = o;
        candidates++;
    }
    for (uint32_t i = p->ext_count; i-- > 0;) {
        const struct opt *o =
            is_repeated(p, i) ? NULL : opt_prefix(p->exts[i]->type, name, len, &candidates);

        if (o && !f->opt) {
            f->opt = o;
            f->ext = latest_of(p, p->exts[i]->type);
        }
    }
    return candidates == 1;
}

static const struct own *find_letter(char letter)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(own_options); i++)
        if (own_options[i].letter == letter)
            return &own_options[i];
    return NULL;
}

/* --- the command's options --- */

static bool set_command(struct parse *p, struct command *c, enum option what, const char *chain)
{
    static const char letters[] = " ACDIRFZNXPELS";

    if (c->what)
        return parse_error(p, 2, "Cannot use -%c with -%c", letters[what], letters[c->what]);
    c->what = what;
    c->chain = chain;
    c->chain_token = (struct token){chain, p->column};
    return true;
}

static bool read_position(struct parse *p, struct command *c, const char *text)
{
    uint64_t n;

    if (!read_u64(text, 1, UINT32_MAX, &n))
        return parse_error(p, 2, "Invalid rule number `%s'", text);
    c->position = (uint32_t)n;
    return true;
}

static bool take_command(struct parse *p, struct command *c, enum option what, const char *chain)
{
    const char *text;

    if (p->inverted)
        return parse_error(p, 2, "unexpected ! flag before a command");
    if (what == O_LIST || what == O_LIST_RULES) {
        parse_error(p, 2, "a rule file holds rules: -L and -S have no place in it");
        parse_hint(p, "use `weir rules list' or `weir rules print'");
        return false;
    }
    if (!set_command(p, c, what, chain))
        return false;
    switch ((int)what) {
    case O_INSERT:
    case O_DELETE: text = argument(p); return !text || read_position(p, c, text);
    case O_REPLACE:
        text = argument(p);
        return text ? read_position(p, c, text) : parse_error(p, 2, "-R requires a rule number");
    case O_POLICY:
        c->name = argument(p);
        return c->name || parse_error(p, 2, "-P requires a chain and a policy");
    case O_RENAME:
        c->name = argument(p);
        return c->name || parse_error(p, 2, "-E requires old-chain-name and new-chain-name");
    default: return true;
    }
}

static bool once(struct parse *p, struct command *c, enum option o, char letter)
{
    if (c->used >> o & 1)
        return parse_error(p, 2, "multiple -%c flags not allowed", letter);
    c->used |= 1u << o;
    return true;
}

static void invert(struct parse *p, uint8_t bit)
{
    if (p->inverted)
        p->r.head.negated |= bit;
}

static bool read_interface(struct parse *p, const char *text, char *name, uint8_t *len,
                           bool *prefix)
{
    size_t n = strlen(text);

    if (n >= IFACE_NAME_MAX)
        return parse_error(p, 2, "interface name `%s' must be shorter than IFNAMSIZ (%d)", text,
                           IFACE_NAME_MAX - 1);
    if (n == 0)
        return parse_error(p, 2, "Empty interface is likely to be undesired");
    memset(name, 0, IFACE_NAME_MAX);
    memcpy(name, text, n + 1);
    *prefix = text[n - 1] == '+';
    /* An exact name is compared with its end. */
    *len = (uint8_t)(*prefix ? n - 1 : n + 1);
    if (strchr(text, '/') || strchr(text, ' '))
        parse_note(p, "an interface's name cannot have '/' or ' ' in it: this rule never matches");
    return true;
}

static bool read_protocol(struct parse *p, const char *text)
{
    struct rule_head *h = &p->r.head;

    if (!read_proto(text, &h->proto)) {
        parse_error(p, 2, "unknown protocol \"%s\" specified", text);
        parse_hint(p, "a number from 0 to 255, or a name as in /etc/protocols");
        return false;
    }
    h->has_proto = h->proto != 0;
    if (!h->has_proto && p->inverted)
        return parse_error(p, 2, "rule would never match protocol");
    if (p->rules->family == 6 && !p->inverted &&
        (h->proto == 43 || h->proto == 44 || h->proto == 51 || h->proto == 60))
        parse_note(p, "-p never matches an IPv6 extension header: use -m ipv6header, frag, rt, ah "
                      "or dst");
    invert(p, NOT_PROTO);
    return true;
}

static bool load_match(struct parse *p, const char *name)
{
    const struct ext_type *type = ext_find_match(name, p->rules->family);
    const char *why = ext_refused(name, false);

    if (p->inverted)
        return parse_error(p, 2, "unexpected ! flag before --match");
    if (type)
        return add_ext(p, type) != NULL;
    if (why) {
        parse_error(p, 2, "weir does not support the match `%s'", name);
        parse_hint(p, "%s", why);
        return false;
    }
    parse_error(p, 2, "Couldn't load match `%s':No such file or directory", name);
    parse_hint(p, "there is no match of this name for IPv%u", p->rules->family);
    return false;
}

static bool take_jump(struct parse *p, struct command *c, const char *name, bool is_goto)
{
    if (p->inverted)
        return parse_error(p, 2, "cannot have ! before -%c", is_goto ? 'g' : 'j');
    if (!*name)
        return parse_error(p, 2, "Invalid target name (too short)");
    if (c->jump)
        return parse_error(p, 2, "multiple -j flags not allowed");
    c->jump = name;
    c->jump_token = (struct token){name, p->column};
    c->is_goto = is_goto;
    /* A chain wins over a target of its name; the target's options must be known from here on. */
    if (is_goto || chain_find(p, name))
        return true;
    if (command_verdict(name))
        return true;
    const struct ext_type *type = ext_find_target(name, p->rules->family);

    if (type) {
        p->target = add_ext(p, type);
        return p->target != NULL;
    }
    const char *why = ext_refused(name, true);

    if (why) {
        parse_error(p, 2, "weir does not support the target `%s'", name);
        parse_hint(p, "%s", why);
    } else if (strlen(name) > CHAIN_NAME_MAX) {
        parse_error(p, 2, "Invalid target name `%s' (%d chars max)", name, CHAIN_NAME_MAX);
    } else {
        parse_error(p, 2, "Couldn't load target `%s':No such file or directory", name);
        parse_hint(p, "no target is called so, and no chain has been declared yet: `:%s - [0:0]'",
                   name);
    }
    return false;
}

static bool take_counters(struct parse *p, struct command *c, const char *text)
{
    const char *comma = strchr(text, ',');
    char packets[24] = {0};
    const char *bytes = comma ? comma + 1 : argument(p);
    size_t len = comma ? (size_t)(comma - text) : strlen(text);

    if (!bytes)
        return parse_error(p, 2, "-c requires packet and byte counter");
    memcpy(packets, text, len < sizeof(packets) ? len : sizeof(packets) - 1);
    if (!read_u64(packets, 0, UINT64_MAX, &c->count.packets))
        return parse_error(p, 2, "-c packet counter not numeric");
    if (!read_u64(bytes, 0, UINT64_MAX, &c->count.bytes))
        return parse_error(p, 2, "-c byte counter not numeric");
    c->has_count = true;
    return true;
}

static bool take_own(struct parse *p, struct command *c, const struct own *o, const char *text)
{
    struct rule_head *h = &p->r.head;

    if (o->option < O_COMMANDS)
        return take_command(p, c, (enum option)o->option, text);
    if (!text)
        text = ""; /* of an option that takes none, or may go without */
    switch (o->option) {
    case O_SOURCE:
        c->sources = (struct token){text, p->column};
        invert(p, NOT_SRC);
        return once(p, c, O_SOURCE, 's');
    case O_DESTINATION:
        c->destinations = (struct token){text, p->column};
        invert(p, NOT_DST);
        return once(p, c, O_DESTINATION, 'd');
    case O_IN:
        invert(p, NOT_IN);
        return once(p, c, O_IN, 'i') && read_interface(p, text, h->in, &h->in_len, &h->in_prefix);
    case O_OUT:
        invert(p, NOT_OUT);
        return once(p, c, O_OUT, 'o') &&
               read_interface(p, text, h->out, &h->out_len, &h->out_prefix);
    case O_PROTOCOL: return once(p, c, O_PROTOCOL, 'p') && read_protocol(p, text);
    case O_FRAGMENT:
        if (p->rules->family == 6) {
            parse_error(p, 2, "`-f' is not supported in IPv6, use -m frag instead");
            return false;
        }
        h->fragment = true;
        invert(p, NOT_FRAGMENT);
        return once(p, c, O_FRAGMENT, 'f');
    case O_MATCH: return load_match(p, text);
    case O_JUMP: return take_jump(p, c, text, false);
    case O_GOTO: return take_jump(p, c, text, true);
    case O_COUNTERS: return once(p, c, O_COUNTERS, 'c') && take_counters(p, c, text);
    case O_NUMERIC:
    case O_EXACT: return parse_error(p, 2, "Illegal option `-%c' with this command", o->letter);
    case O_LINE_NUMBERS:
        return parse_error(p, 2, "Illegal option `--line-numbers' with this command");
    case O_IPV4: c->other_family = p->rules->family == 6; return true;
    case O_IPV6: c->other_family = p->rules->family == 4; return true;
    case O_TABLE: return parse_error(p, 2, "The -t option cannot be used in iptables-restore.");
    case O_WAIT: return parse_error(p, 2, "You cannot use `-w' from iptables-restore");
    default: return true; /* -v -M: nothing to do with a file */
    }
}

/* --- one option after the other --- */

/* An argument glued to its option, or the next token. False: it must have one, and there is none.
 */
static bool find_argument(struct parse *p, const char *glued, uint8_t takes, const char **text)
{
    *text = glued;
    if (glued || takes == NOTHING)
        return true;
    *text = takes == PERHAPS ? argument(p) : rule_next(&p->r);
    return *text || takes == PERHAPS;
}

static bool take_long(struct parse *p, struct command *c, const struct token *t)
{
    const char *name = t->text + 2, *equals = strchr(name, '='), *text;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    struct found f;

    if (!find_long(p, name, len, &f) && (!load_proto_match(p, c) || !find_long(p, name, len, &f))) {
        if (p->failed)
            return false;
        parse_error(p, 2, "unknown option \"%s\"", t->text);
        parse_hint(p, "an extension's options come after its -m or -j, a protocol's after its -p");
        return false;
    }
    uint8_t takes = f.own ? f.own->takes : opt_has_argument(f.opt) ? ONE : NOTHING;

    if (!find_argument(p, equals ? equals + 1 : NULL, takes, &text))
        return parse_error(p, 2, "option \"%s\" requires an argument", t->text);
    if (f.own)
        return take_own(p, c, f.own, text);
    return opt_take(&p->r, f.ext, f.opt, text, p->inverted);
}

static bool take_short(struct parse *p, struct command *c, const struct token *t)
{
    for (const char *at = t->text + 1; *at; at++) {
        const struct own *o = find_letter(*at);
        const char *text;

        if (!o)
            return parse_error(p, 2, "unknown option \"%s\"", t->text);
        if (!find_argument(p, o->takes != NOTHING && at[1] ? at + 1 : NULL, o->takes, &text))
            return parse_error(p, 2, "option \"-%c\" requires an argument", *at);
        if (!take_own(p, c, o, text))
            return false;
        if (o->takes != NOTHING)
            break;
    }
    return true;
}

static bool take_token(struct parse *p, struct command *c, const struct token *t)
{
    bool good;

    parse_about(p, t);
    if (strcmp(t->text, "!") == 0) {
        if (p->inverted)
            return parse_error(p, 2, "multiple consecutive ! not allowed");
        p->inverted = true;
        return true;
    }
    if (strcmp(t->text, "--") == 0)
        return true;
    if (t->text[0] != '-' || !t->text[1])
        return parse_error(p, 2, "Bad argument `%s'", t->text);
    good = t->text[1] == '-' ? take_long(p, c, t) : take_short(p, c, t);
    p->inverted = false;
    return good;
}

bool command_run(struct parse *p, struct weir_rules_count count)
{
    struct command c = {.count = count};

    p->ext_count = 0;
    p->target = NULL;
    p->inverted = false;
    memset(&p->r.head, 0, sizeof(p->r.head));
    while (p->token < p->token_count && !c.other_family)
        if (!take_token(p, &c, &p->tokens[p->token++]))
            return false;
    if (c.other_family)
        return true;
    if (p->inverted)
        return parse_error(p, 2, "nothing appropriate following !");
    parse_about(p, NULL);
    if (!c.what) {
        parse_error(p, 2, "no command specified");
        parse_hint(p, "a rule begins with -A CHAIN; a comment with # in the first column");
        return false;
    }
    return command_apply(p, &c);
}

/* --- for extensions --- */

bool rule_bad_value(struct rule_parse *r, const struct ext *x, const struct opt *o)
{
    return rule_fail(r, "%s: bad value for option \"--%s\"", x->type->name, o->name);
}

void *rule_memory(struct rule_parse *r, size_t size)
{
    void *memory = arena_take(&r->parse->rules->arena, size);

    if (!memory)
        parse_no_memory(r->parse);
    return memory;
}
