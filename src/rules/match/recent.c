/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m recent: has the packet's address been seen, and how often of late (iptables reference, 3.4)?
 *
 * Looking (--rcheck, --update) and --remove need an entry; without one they say no, and so does an
 * entry with another TTL under --rttl. "!" turns the answer around, before --update decides by it
 * whether to stamp. The oldest entry of the list is looked at by --reap after the packet's own.
 */
#include "packet/headers.h"
#include "rules/match/recent_list.h"

enum {
    R_RTTL = 0,
    R_SET,
    R_CHECK,
    R_UPDATE,
    R_REMOVE,
    R_SECONDS,
    R_REAP,
    R_HITS,
    R_NAME,
    R_MASK,
    R_SIDE
};

enum {
    SET = OPT_BIT(R_SET),
    CHECK = OPT_BIT(R_CHECK),
    UPDATE = OPT_BIT(R_UPDATE),
    REMOVE = OPT_BIT(R_REMOVE),
    COMMANDS = SET | CHECK | UPDATE | REMOVE,
    LOOKING = OPT_BIT(R_SECONDS) | OPT_BIT(R_HITS) /* what --set and --remove have no use for */
};

enum { NAME_MAX_BYTES = 199 };

struct recent {
    union weir_addr mask;
    uint32_t seconds; /* 0: however long ago */
    uint32_t hits;    /* 0: as 1 */
    bool dest;
    char name[NAME_MAX_BYTES + 1];
};

struct bound {
    struct named *named;
};

#define COMMAND(n, other) \
    .id = (n), .kind = OPT_FLAG, .flags = OPT_NOT, .against = (COMMANDS & ~OPT_BIT(n)) | (other)

static const struct opt opts[] = {
    {"rttl", R_RTTL, OPT_FLAG, .against = SET | REMOVE},
    {"set", COMMAND(R_SET, OPT_BIT(R_RTTL))},
    {"rcheck", COMMAND(R_CHECK, 0)},
    {"update", COMMAND(R_UPDATE, 0)},
    {"remove", COMMAND(R_REMOVE, OPT_BIT(R_RTTL))},
    {"seconds", R_SECONDS, OPT_U32, .at = offsetof(struct recent, seconds), .min = 1,
     .max = UINT32_MAX},
    {"reap", R_REAP, OPT_FLAG, .with = OPT_BIT(R_SECONDS)},
    {"hitcount", R_HITS, OPT_U32, .at = offsetof(struct recent, hits)},
    {"name", R_NAME, OPT_OTHER},
    {"mask", R_MASK, OPT_OTHER},
    {"rsource", R_SIDE, OPT_FLAG, OPT_AGAIN},
    {"rdest", R_SIDE, OPT_FLAG, OPT_AGAIN},
    {0},
};

/* --- reading --- */

static void init(const struct rule_parse *r, struct ext *x)
{
    struct recent *c = ext_data(x);

    (void)r;
    memset(&c->mask, 0xff, sizeof(c->mask));
    memcpy(c->name, "DEFAULT", sizeof("DEFAULT"));
}

/* As iptables does it, a long name is cut without a word. */
static bool take_name(struct rule_parse *r, struct recent *c, const char *text)
{
    size_t len = strlen(text) < NAME_MAX_BYTES ? strlen(text) : NAME_MAX_BYTES;

    if (!*text || strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
        rule_fail(r, "recent: \"%s\" is no name for a list", text);
        rule_hint(r, "the name of a list is also that of a file: not empty, and without \"/\"");
        return false;
    }
    memcpy(c->name, text, len);
    c->name[len] = '\0';
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct recent *c = ext_data(x);
    union weir_addr mask;

    switch (o->id) {
    case R_NAME: return take_name(r, c, text);
    case R_MASK:
        if (!read_addr(x->family, text, &mask))
            return rule_fail(r, "host/network `%s' not found", text);
        memcpy(&c->mask, &mask, x->family == 4 ? sizeof(mask.v4) : sizeof(mask));
        return true;
    case R_SIDE: c->dest = strcmp(o->name, "rdest") == 0; return true;
    default: return true;
    }
}

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct recent *c = ext_conf(x);

    if (!(x->seen & COMMANDS))
        return rule_fail(
            r, "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'");
    if (x->seen & (SET | REMOVE) && x->seen & LOOKING)
        return rule_fail(r, "recent: --%s looks at no stamps: take --%s away",
                         x->seen & SET ? "set" : "remove",
                         ext_seen(x, R_SECONDS) ? "seconds" : "hitcount");
    if (c->hits > RECENT_HITS_MAX)
        return rule_fail(r, "recent: --hitcount is at most %d", RECENT_HITS_MAX);
    return true;
}

/* --- writing --- */

static bool negated(const struct ext *x)
{
    return x->negated & COMMANDS;
}

static void add_mask(struct text *out, const struct ext *x, const char *before)
{
    const struct recent *c = ext_conf(x);

    text_add(out, before);
    text_addr(out, x->family, &c->mask);
}

static void print(struct text *out, const struct ext *x)
{
    const struct recent *c = ext_conf(x);

    ext_print_option(out, x, (unsigned)__builtin_ctz(x->seen & COMMANDS));
    if (c->seconds)
        text_addf(out, " --seconds %u", c->seconds);
    text_add(out, ext_seen(x, R_REAP) ? " --reap" : "");
    if (c->hits)
        text_addf(out, " --hitcount %u", c->hits);
    text_add(out, ext_seen(x, R_RTTL) ? " --rttl" : "");
    text_addf(out, " --name %s", c->name);
    add_mask(out, x, " --mask ");
    text_add(out, c->dest ? " --rdest" : " --rsource");
}

static const char *command(const struct ext *x)
{
    switch (x->seen & COMMANDS) {
    case SET: return "SET";
    case CHECK: return "CHECK";
    case UPDATE: return "UPDATE";
    default: return "REMOVE";
    }
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct recent *c = ext_conf(x);

    (void)how;
    text_addf(out, "%s recent: %s", negated(x) ? " !" : "", command(x));
    if (c->seconds)
        text_addf(out, " seconds: %u", c->seconds);
    text_add(out, ext_seen(x, R_REAP) ? " reap" : "");
    if (c->hits)
        text_addf(out, " hit_count: %u", c->hits);
    text_add(out, ext_seen(x, R_RTTL) ? " TTL-Match" : "");
    text_addf(out, " name: %s side: %s", c->name, c->dest ? "dest" : "source");
    add_mask(out, x, " mask: ");
}

/* --- matching --- */

/* Both families share a list. */
static bool bind(struct world *w, const struct ext *x, void *state)
{
    const struct recent *c = ext_conf(x);
    struct bound *b = state;
    bool fresh;

    b->named = named_get(w, x->type, 0, c->name, sizeof(struct recent_list), &fresh);
    if (!b->named)
        return false;

    struct recent_list *l = (void *)b->named->object;

    if (fresh) {
        b->named->fini = recent_list_fini;
        recent_list_init(l, &c->mask);
    }
    return recent_list_fit(w, l, c->hits);
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    struct bound *b = state;

    (void)x;
    named_put(w, b->named);
}

/* The TTL with which the packet came to this host: forwarding has taken one of it. */
static uint8_t ttl_of(const struct eval *e)
{
    bool forwarded = *e->out && e->p->raw->path != WEIR_PATH_OUTPUT;

    return (uint8_t)(e->p->ip.ip[e->family == 4 ? IP4_TTL : IP6_HOPS] + forwarded);
}

/* The first moment at which a stamp counts. Seconds become ticks in 32 bits and wrap around, as
 * Linux has it. */
static int64_t since(const struct track *t, const struct recent *c)
{
    uint32_t ticks = c->seconds * WEIR_TICKS_PER_SEC;

    return c->seconds ? t->tick64 - ticks : INT64_MIN;
}

/* --reap. Is `entry` gone? */
static bool reap(const struct track *t, struct recent_list *l, const struct recent_entry *entry,
                 int64_t from)
{
    struct recent_entry *oldest = recent_list_oldest(l);

    if (recent_list_last(l, oldest) >= from)
        return false;
    recent_list_del(t, l, oldest);
    return oldest == entry;
}

/* --rcheck and --update of an entry that is there. */
static bool look(const struct eval *e, const struct ext *x, struct recent_list *l,
                 struct recent_entry *entry, uint8_t ttl)
{
    const struct recent *c = ext_conf(x);
    uint32_t enough = c->hits ? c->hits : 1;
    int64_t from = since(e->t, c);
    bool yes = (recent_list_hits(l, entry, from, enough) == enough) != negated(x);
    bool gone = ext_seen(x, R_REAP) && reap(e->t, l, entry, from);

    if (yes && !gone && ext_seen(x, R_UPDATE))
        recent_list_stamp(e->t, l, entry, ttl);
    return yes;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct recent *c = ext_conf(x);
    const struct bound *b = eval_state(e, x);
    struct recent_list *l = (void *)b->named->object;
    union weir_addr addr = c->dest ? eval_dst(e) : eval_src(e);
    uint8_t ttl = ttl_of(e);
    struct recent_entry *entry =
        recent_list_find(e->t, l, e->family, &addr, ext_seen(x, R_RTTL) ? ttl : 0);

    switch (x->seen & COMMANDS) {
    case SET:
        if (!entry)
            entry = recent_list_add(e->t, l, e->family, &addr);
        recent_list_stamp(e->t, l, entry, ttl);
        return !negated(x);
    case REMOVE:
        if (entry)
            recent_list_del(e->t, l, entry);
        return (entry != NULL) != negated(x);
    default: return entry ? look(e, x, l, entry, ttl) : negated(x);
    }
}

const struct ext_type match_recent = {
    .name = "recent",
    .families = EXT_BOTH,
    .size = sizeof(struct recent),
    .state_size = sizeof(struct bound),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .match = match,
};
