/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m conntrack: what connection tracking knows of a packet's connection (iptables reference, 3.2).
 *
 * A packet without an entry has a state and nothing else: where the state is asked for and fits,
 * the rule matches whatever else it asks; where it is not, nothing can match, negated or not.
 *
 * The eight tests of addresses and ports are two tables: option by option, which of the entry's two
 * tuples and which end of it.
 */
#include "rules/match/ctstate.h"
#include "rules/match/hostmask.h"
#include "rules/match/words.h"

enum {
    C_STATE,
    C_PROTO,
    C_ADDR, /* original source, original destination, reply source, reply destination */
    C_PORT = C_ADDR + 4, /* the same */
    C_STATUS = C_PORT + 4,
    C_EXPIRE,
    C_DIR
};

struct conntrack {
    struct net_mask addr[4];
    uint16_t port[4][2];
    uint32_t expire[2]; /* seconds */
    uint32_t states;    /* 1 << enum ctstate */
    uint32_t status;    /* enum weir_status */
    uint8_t proto;
    uint8_t dir; /* enum weir_dir */
};

#define ADDR_OPTION(name, i)                   \
    {                                          \
        name, C_ADDR + (i), OPT_OTHER, OPT_NOT \
    }
#define PORT_OPTION(name, i)                   \
    {                                          \
        name, C_PORT + (i), OPT_OTHER, OPT_NOT \
    }

static const struct opt opts[] = {
    {"ctstate", C_STATE, OPT_OTHER, OPT_NOT},
    {"ctproto", C_PROTO, OPT_OTHER, OPT_NOT},
    ADDR_OPTION("ctorigsrc", 0),
    ADDR_OPTION("ctorigdst", 1),
    ADDR_OPTION("ctreplsrc", 2),
    ADDR_OPTION("ctrepldst", 3),
    PORT_OPTION("ctorigsrcport", 0),
    PORT_OPTION("ctorigdstport", 1),
    PORT_OPTION("ctreplsrcport", 2),
    PORT_OPTION("ctrepldstport", 3),
    {"ctstatus", C_STATUS, OPT_OTHER, OPT_NOT},
    {"ctexpire", C_EXPIRE, OPT_U32_RANGE, OPT_NOT, offsetof(struct conntrack, expire)},
    {"ctdir", C_DIR, OPT_OTHER},
    {0},
};

/* Word i is status bit i - 1: NONE is none. */
static const char *const status_words[] = {"NONE", "EXPECTED", "SEEN_REPLY", "ASSURED",
                                           "CONFIRMED"};
_Static_assert(WEIR_S_EXPECTED == 1 && WEIR_S_SEEN_REPLY == 2 && WEIR_S_ASSURED == 4 &&
                   WEIR_S_CONFIRMED == 8,
               "status bits are in the order of their words");

static const char *const dir_words[] = {[WEIR_ORIG] = "ORIGINAL", [WEIR_REPLY] = "REPLY"};

/* --- reading --- */

static bool take_state(struct rule_parse *r, struct conntrack *c, const char *text)
{
    const char *bad = words_read(text, ctstate_words, CTSTATE_MAX, &c->states);

    return !bad || rule_fail(r, "Bad ctstate \"%s\"", bad);
}

static bool take_status(struct rule_parse *r, struct conntrack *c, const char *text)
{
    uint32_t words;
    const char *bad = words_read(text, status_words, WEIR_ARRAY_LEN(status_words), &words);

    c->status = words >> 1;
    return !bad || rule_fail(r, "Bad ctstatus \"%s\"", bad);
}

static bool take_dir(struct rule_parse *r, struct conntrack *c, const char *text)
{
    for (c->dir = 0; c->dir < WEIR_ARRAY_LEN(dir_words); c->dir++)
        if (strcasecmp(dir_words[c->dir], text) == 0)
            return true;
    return rule_fail(r, "conntrack: Bad value for \"--ctdir\" option: \"%s\"", text);
}

/* Decimal, and only the lowest 16 bits count, as iptables has it; or a service's name. */
static bool read_ct_port(const struct rule_parse *r, const char *text, uint16_t *port)
{
    uint64_t n = 0;

    if (!text_digit(*text))
        return read_port(r, text, 0, port);
    for (; text_digit(*text) && n <= UINT32_MAX; text++)
        n = n * 10 + (uint64_t)(*text - '0');
    *port = (uint16_t)n;
    return !*text;
}

static bool take_ports(struct rule_parse *r, const struct opt *o, const char *text,
                       uint16_t ports[2])
{
    char part[64];
    int n = 0;

    for (ports[0] = 0; text; n++) {
        const char *from = text;
        bool fits = read_part(&text, ':', part, sizeof(part));

        if (n == 2)
            return rule_fail(r, "conntrack: Too many components for option \"--%s\" (max: 2)",
                             o->name);
        if (!*part && n == 1)
            ports[1] = UINT16_MAX;
        else if (*part && (!fits || !read_ct_port(r, part, &ports[n])))
            return rule_fail(r, "Port \"%s\" does not resolve to anything.", fits ? part : from);
    }
    if (n == 1)
        ports[1] = ports[0];
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct conntrack *c = ext_data(x);

    switch (o->id) {
    case C_STATE: return take_state(r, c, text);
    case C_PROTO:
        return read_proto(text, &c->proto) ||
               rule_fail(r, "unknown protocol \"%s\" specified", text);
    case C_STATUS: return take_status(r, c, text);
    case C_EXPIRE: return true;
    case C_DIR: return take_dir(r, c, text);
    default:
        return o->id < C_PORT ? hostmask_take(r, x, o, text, &c->addr[o->id - C_ADDR])
                              : take_ports(r, o, text, c->port[o->id - C_PORT]);
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    if (x->seen)
        return true;
    rule_fail(r, "conntrack: At least one option is required");
    rule_hint(r, "--ctstate is what is asked most: --ctstate RELATED,ESTABLISHED");
    return false;
}

/* --- writing --- */

static void add_range(struct text *out, uint32_t low, uint32_t high)
{
    text_addf(out, " %u", low);
    if (low != high)
        text_addf(out, ":%u", high);
}

static void add_words(struct text *out, const char *const *words, uint32_t bits)
{
    text_char(out, ' ');
    words_print(out, words, bits);
}

/* The value of any option but an address, with a blank before it. */
static void add_value(struct text *out, const struct conntrack *c, unsigned id)
{
    switch (id) {
    case C_STATE: add_words(out, ctstate_words, c->states); break;
    case C_PROTO: text_addf(out, " %u", c->proto); break;
    case C_STATUS: add_words(out, status_words, c->status ? c->status << 1 : 1); break;
    case C_EXPIRE: add_range(out, c->expire[0], c->expire[1]); break;
    case C_DIR: text_addf(out, " %s", dir_words[c->dir]); break;
    default: add_range(out, c->port[id - C_PORT][0], c->port[id - C_PORT][1]); break;
    }
}

static bool is_addr(unsigned id)
{
    return id >= C_ADDR && id < C_PORT;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct conntrack *c = ext_conf(x);

    if (is_addr(o->id))
        hostmask_print(out, x->family, &c->addr[o->id - C_ADDR]);
    else
        add_value(out, c, o->id);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct conntrack *c = ext_conf(x);

    for (const struct opt *o = opts; o->name; o++) {
        if (!ext_seen(x, o->id))
            continue;
        text_addf(out, "%s %s", ext_negated(x, o->id) ? " !" : "", o->name);
        if (is_addr(o->id))
            hostmask_list(out, how, x->family, &c->addr[o->id - C_ADDR]);
        else
            add_value(out, c, o->id);
    }
}

/* --- matching --- */

/* Option `id` says nothing about it, or what it says holds. */
static bool holds(const struct ext *x, unsigned id, bool test)
{
    return !ext_seen(x, id) || test != ext_negated(x, id);
}

static bool in_range(uint32_t n, uint32_t low, uint32_t high)
{
    return n >= low && n <= high;
}

/* Addresses and ports of one direction. `i`: where its tests begin among the four. */
static bool tuple_fits(const struct ext *x, const struct conn *conn, enum weir_dir dir)
{
    const struct conntrack *c = ext_conf(x);
    const struct weir_tuple tuple = conn_tuple(conn, dir);
    const union weir_addr *const addr[2] = {&tuple.src, &tuple.dst};

    for (unsigned end = 0; end < 2; end++) {
        unsigned i = 2 * (unsigned)dir + end;
        uint16_t port = BE16(conn->key[dir][end]);

        if (!holds(x, C_ADDR + i, net_has(x->family, &c->addr[i], addr[end])) ||
            !holds(x, C_PORT + i, in_range(port, c->port[i][0], c->port[i][1])))
            return false;
    }
    return true;
}

/*
 * Seconds until the entry expires. Before it is confirmed, its time has not begun, and Linux takes
 * the span for a moment: one long past, from five minutes to a hundred days after its start.
 */
static uint32_t expires(const struct track *t, const struct conn *conn)
{
    int32_t ticks = (int32_t)(conn->deadline - track_now(t));

    if (!(conn->status & WEIR_S_CONFIRMED) || ticks < 0)
        return 0;
    return (uint32_t)ticks / WEIR_TICKS_PER_SEC;
}

static bool match(struct eval *e, const struct ext *x)
{
    enum { TUPLES = ((1u << 8) - 1) << C_ADDR };
    const struct conntrack *c = ext_conf(x);
    const struct conn *conn = eval_entry(e);

    if (!holds(x, C_STATE, ctstate_of(e) & c->states))
        return false;
    if (!conn)
        return ext_seen(x, C_STATE);
    if (!(x->seen & ~OPT_BIT(C_STATE)))
        return true;
    if (x->seen & TUPLES && (!tuple_fits(x, conn, WEIR_ORIG) || !tuple_fits(x, conn, WEIR_REPLY)))
        return false;
    return holds(x, C_PROTO, conn->proto == c->proto) &&
           holds(x, C_STATUS, conn->status & c->status) &&
           holds(x, C_EXPIRE, in_range(expires(e->t, conn), c->expire[0], c->expire[1])) &&
           holds(x, C_DIR, e->p->dir == c->dir);
}

static uint32_t states(const struct ext *x)
{
    const struct conntrack *c = ext_conf(x);

    if (x->seen != OPT_BIT(C_STATE) || c->states & ~CTSTATE_CLASS_BITS)
        return 0;
    return (ext_negated(x, C_STATE) ? ~c->states : c->states) & CTSTATE_CLASS_BITS;
}

const struct ext_type match_conntrack = {
    .name = "conntrack",
    .families = EXT_BOTH,
    .size = sizeof(struct conntrack),
    .opts = opts,
    .take = take,
    .check = check,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
    .states = states,
};
