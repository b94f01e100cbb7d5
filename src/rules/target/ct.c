/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CT and NOTRACK: what connection tracking, which comes next, shall do with the packet (iptables
 * reference, 4.6; conntrack reference, 8).
 *
 * They give the packet a template. The first one counts: a packet that has one already, or has been
 * tracked (it was looped back), keeps what it has.
 *
 * Timeout policies have names in Linux and numbers in weir (weir_policy_set()). A policy is called
 * by its number, or by what the program says is its name: weir_rules_names.number() of the file
 * "timeout".
 */
#include "packet/headers.h"
#include "rules/parse.h"

enum ct_option {
    NOTRACK = 0,
    HELPER,
    TIMEOUT,
    CTEVENTS,
    EXPEVENTS,
    ZONE,
    ZONE_ORIG,
    ZONE_REPLY,
};

enum {
    HELPER_NAME_MAX = 16, /* with the terminating byte, as the kernel has them */
    TIMEOUT_NAME_MAX = 32,
    BOTH_DIRS = 1 << WEIR_ORIG | 1 << WEIR_REPLY,
};

struct ct {
    struct weir_template templ;
    bool zone_of_mark; /* the zone is the low half of the packet's mark */
    char helper[HELPER_NAME_MAX];
    char timeout[TIMEOUT_NAME_MAX];
};

static const struct opt options[] = {
    {"notrack", NOTRACK, OPT_FLAG},
    {"helper", HELPER, OPT_OTHER},
    {"timeout", TIMEOUT, OPT_OTHER},
    {"ctevents", CTEVENTS, OPT_OTHER},
    {"expevents", EXPEVENTS, OPT_OTHER},
    {"zone", ZONE, OPT_OTHER},
    {"zone-orig", ZONE_ORIG, OPT_OTHER},
    {"zone-reply", ZONE_REPLY, OPT_OTHER},
    {NULL},
};

/* --- helpers --- */

/* Which protocols and families Linux has each for (helpers reference, 4). */
static const struct {
    const char *name;
    uint8_t proto, families;
} helpers[] = {
    {"ftp", PROTO_TCP, EXT_BOTH},        {"tftp", PROTO_UDP, EXT_BOTH},
    {"irc", PROTO_TCP, EXT_IPV4},        {"sip", PROTO_TCP, EXT_BOTH},
    {"sip", PROTO_UDP, EXT_BOTH},        {"Q.931", PROTO_TCP, EXT_BOTH},
    {"RAS", PROTO_UDP, EXT_BOTH},        {"H.245", PROTO_UDP, EXT_BOTH},
    {"pptp", PROTO_TCP, EXT_IPV4},       {"amanda", PROTO_UDP, EXT_BOTH},
    {"netbios-ns", PROTO_UDP, EXT_IPV4}, {"snmp", PROTO_UDP, EXT_IPV4},
    {"snmp_trap", PROTO_UDP, EXT_IPV4},  {"sane", PROTO_TCP, EXT_BOTH},
};

/* The protocol that the rule is for; 0: it is not for one. */
static uint8_t only_proto(const struct rule_parse *r)
{
    return r->head.negated & NOT_PROTO ? 0 : r->head.proto;
}

static bool no_such_name(struct rule_parse *r)
{
    return parse_error(r->parse, 1, "No chain/target/match by that name.");
}

static bool check_helper(struct rule_parse *r, const char *name)
{
    uint8_t family = r->family == 6 ? EXT_IPV6 : EXT_IPV4;
    const char *proto = NULL;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(helpers); i++) {
        if (strcmp(helpers[i].name, name) != 0 || !(helpers[i].families & family))
            continue;
        if (helpers[i].proto == only_proto(r)) {
            rule_note(r,
                      "weir does not have the helper %s yet: connections are tracked, but not the "
                      "ones that they announce",
                      name);
            return true;
        }
        proto = proto_name(helpers[i].proto);
    }
    (void)no_such_name(r);
    if (proto)
        rule_hint(r, "helper %s is for -p %s, which the rule must say", name, proto);
    else
        rule_hint(r, "there is no helper %s for IPv%u", name, r->family);
    return false;
}

/* --- timeout policies --- */

static bool find_policy(const struct rule_parse *r, const char *name, uint8_t *policy)
{
    const struct weir_rules_names *names = r->names;
    uint64_t number;
    uint32_t named;

    if (read_u64(name, 1, POLICIES_MAX, &number)) {
        *policy = (uint8_t)number;
        return true;
    }
    if (!names->number || !names->number(names->ctx, "timeout", name, &named) || named < 1 ||
        named > POLICIES_MAX)
        return false;
    *policy = (uint8_t)named;
    return true;
}

static bool check_timeout(struct rule_parse *r, struct ct *c)
{
    if (!only_proto(r))
        return parse_error(r->parse, 1, "CT: --timeout needs -p in the same rule, not negated");
    if (find_policy(r, c->timeout, &c->templ.policy))
        return true;
    (void)no_such_name(r);
    rule_hint(r,
              "a timeout policy is called by its number, 1 to %d, or by a name that the program "
              "knows",
              POLICIES_MAX);
    return false;
}

/* --- events --- */

static const char *const ct_events[] = {
    [WEIR_EV_NEW] = "new",         [WEIR_EV_RELATED] = "related", [WEIR_EV_DESTROY] = "destroy",
    [WEIR_EV_REPLY] = "reply",     [WEIR_EV_ASSURED] = "assured", [WEIR_EV_PROTOINFO] = "protoinfo",
    [WEIR_EV_HELPER] = "helper",   [WEIR_EV_MARK] = "mark",       [WEIR_EV_SEQADJ] = "natseqinfo",
    [WEIR_EV_SECMARK] = "secmark",
};

/* Expectations have no other event. */
enum { EXP_EVENTS = 1 };

static bool read_events(struct rule_parse *r, const char *text, size_t count, uint16_t *mask)
{
    char name[64]; /* enough to show a wrong one */

    while (text) {
        bool fits = read_part(&text, ',', name, sizeof(name));
        size_t bit = 0;

        while (bit < count && strcmp(ct_events[bit], name) != 0)
            bit++;
        if (!fits || bit == count)
            return rule_fail(r, "Unknown event type \"%s\"", name);
        *mask |= (uint16_t)(1u << bit);
    }
    return true;
}

/* --- reading --- */

static bool read_zone(struct rule_parse *r, struct ct *c, const char *text)
{
    uint64_t n;

    if (strcasecmp(text, "mark") == 0) {
        c->zone_of_mark = true;
        return true;
    }
    if (!read_u64(text, 0, UINT16_MAX, &n))
        return rule_fail(r, "Cannot parse %s as a zone ID", text);
    c->templ.zone = (uint16_t)n;
    return true;
}

static void copy(char *to, size_t size, const char *text)
{
    struct text out;

    text_into(&out, to, size);
    text_add(&out, text);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct ct *c = ext_data(x);
    uint16_t ignored = 0;

    switch ((enum ct_option)o->id) {
    case NOTRACK: c->templ.notrack = true; return true;
    case HELPER: copy(c->helper, sizeof(c->helper), text); return true;
    case TIMEOUT: copy(c->timeout, sizeof(c->timeout), text); return true;
    case CTEVENTS: return read_events(r, text, WEIR_ARRAY_LEN(ct_events), &c->templ.event_mask);
    case EXPEVENTS: return read_events(r, text, EXP_EVENTS, &ignored);
    case ZONE:
    case ZONE_ORIG:
    case ZONE_REPLY: return read_zone(r, c, text);
    }
    return true;
}

/*
 * The directions that the zone holds for. There is one zone: iptables 1.8.9 makes one for both
 * directions of --zone-orig and --zone-reply together, with the number that was typed last.
 */
static uint8_t zone_dirs(const struct ext *x)
{
    if (ext_seen(x, ZONE_ORIG) == ext_seen(x, ZONE_REPLY))
        return BOTH_DIRS;
    return ext_seen(x, ZONE_ORIG) ? 1 << WEIR_ORIG : 1 << WEIR_REPLY;
}

/* With --notrack nothing else counts, and names are not looked up. */
static bool check(struct rule_parse *r, struct ext *x)
{
    struct ct *c = ext_data(x);

    c->templ.zone_dirs = zone_dirs(x);
    if (c->templ.notrack)
        return true;
    return (!*c->helper || check_helper(r, c->helper)) && (!*c->timeout || check_timeout(r, c));
}

/* --- writing --- */

static void print_events(struct text *out, uint16_t mask)
{
    char separator = ' ';

    for (size_t bit = 0; bit < WEIR_ARRAY_LEN(ct_events); bit++)
        if (mask >> bit & 1) {
            text_char(out, separator);
            text_add(out, ct_events[bit]);
            separator = ',';
        }
}

static void print_zone(struct text *out, const struct ct *c, const char *dashes)
{
    static const char *const names[] = {
        [1 << WEIR_ORIG] = "zone-orig", [1 << WEIR_REPLY] = "zone-reply", [BOTH_DIRS] = "zone"};

    if (!c->templ.zone && !c->zone_of_mark)
        return;
    text_addf(out, " %s%s ", dashes, names[c->templ.zone_dirs]);
    if (c->zone_of_mark)
        text_add(out, "mark");
    else
        text_number(out, c->templ.zone);
}

/* Rules and lists differ in the dashes only. */
static void print_with(struct text *out, const struct ext *x, const char *dashes)
{
    const struct ct *c = ext_conf(x);

    if (c->templ.notrack)
        text_addf(out, " %snotrack", dashes);
    if (*c->helper)
        text_addf(out, " %shelper %s", dashes, c->helper);
    if (*c->timeout)
        text_addf(out, " %stimeout %s", dashes, c->timeout);
    if (ext_seen(x, CTEVENTS)) {
        text_addf(out, " %sctevents", dashes);
        print_events(out, c->templ.event_mask);
    }
    if (ext_seen(x, EXPEVENTS))
        text_addf(out, " %sexpevents new", dashes);
    print_zone(out, c, dashes);
}

static void print(struct text *out, const struct ext *x)
{
    print_with(out, x, "--");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " CT");
    print_with(out, x, "");
}

/* --- running --- */

static void attach(struct pkt *p, const struct weir_template *templ)
{
    p->made_templ = *templ;
    p->templ = &p->made_templ;
    /* Rules that follow see it at once. */
    if (templ->notrack)
        p->ctinfo = WEIR_CT_UNTRACKED;
}

static bool has_something(const struct pkt *p)
{
    return p->templ || p->conn || p->ctinfo != WEIR_CT_NONE;
}

static enum rules_verdict run_ct(struct eval *e, const struct ext *x)
{
    const struct ct *c = ext_conf(x);
    struct weir_template templ = c->templ;

    if (c->zone_of_mark)
        templ.zone = (uint16_t)e->p->raw->mark;
    if (!has_something(e->p))
        attach(e->p, &templ);
    return RULES_CONTINUE;
}

const struct ext_type target_ct = {
    .name = "CT",
    .families = EXT_BOTH,
    .tables = IN_RAW,
    .size = sizeof(struct ct),
    .opts = options,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .target = run_ct,
};

/* --- NOTRACK --- */

static void list_notrack(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)x;
    (void)how;
    text_add(out, " NOTRACK");
}

static enum rules_verdict run_notrack(struct eval *e, const struct ext *x)
{
    static const struct weir_template untracked = {.notrack = true};

    (void)x;
    if (!has_something(e->p))
        attach(e->p, &untracked);
    return RULES_CONTINUE;
}

const struct ext_type target_notrack = {
    .name = "NOTRACK",
    .families = EXT_BOTH,
    .tables = IN_RAW,
    .list = list_notrack,
    .target = run_notrack,
};
