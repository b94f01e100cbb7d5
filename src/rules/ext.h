/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a match or a target is: one struct ext_type, in one file under match/ or target/.
 *
 * An extension is mostly a table of its options. From it come the reading of a rule (abbreviated
 * names, "!", once only, ranges, conflicts, what must be there), the printing, and the errors; an
 * extension adds functions only for what the table cannot say.
 *
 *     reading   init, then for each option the table's kind or `take`, then `check`
 *     printing  the options that were seen, in the table's order, or `print`; lists: `list`
 *     running   `match` or `target`, with the packet in struct eval (eval.h)
 *
 * A parsed extension (struct ext) never changes. What it must remember between packets is its state
 * (`state_size` bytes for each rule and shard, zeroed; `bind` sets it up), found with eval_state().
 */
#ifndef WEIR_RULES_EXT_H
#define WEIR_RULES_EXT_H

#include "base/text.h"
#include "rules/hook.h"

struct eval;
struct ext;
struct rule_parse;
struct want;
struct world;

/* --- options --- */

/* What an option's argument is, and what the reader leaves at `at` in the extension's data. */
enum opt_kind {
    OPT_FLAG = 1, /* no argument; nothing is stored (see ext.seen) */
    OPT_OTHER,    /* `take` reads it */
    OPT_U8,       /* a number from `min` to `max` (both 0: all of the width) */
    OPT_U16,
    OPT_U32,
    OPT_U64,
    OPT_U8_RANGE, /* a[:b], open ends are `min` and `max`: two of the width, in order as given */
    OPT_U16_RANGE,
    OPT_U32_RANGE,
    OPT_U64_RANGE,
    OPT_PORT_RANGE, /* uint16_t[2], host byte order; numbers or services */
    OPT_MARK,       /* V[/M]: struct mark_mask */
    OPT_NET,        /* address or network of the rule's family: struct net_mask, host bits kept */
    OPT_ADDR        /* union weir_addr */
};

enum opt_flag {
    OPT_NOT = 0x1,       /* may be negated */
    OPT_MUST = 0x2,      /* must be there */
    OPT_AGAIN = 0x4,     /* may be there more than once */
    OPT_HIDE_FULL = 0x8, /* a range that is everything is not printed */
    OPT_HEX = 0x10,      /* printed as 0x%x */
};

struct mark_mask {
    uint32_t value, mask;
};

struct net_mask {
    union weir_addr addr, mask;
};

struct opt {
    const char *name; /* "dport"; the first option of an id is the one that is printed, the others
                         are its other names. NULL ends the table */
    uint8_t id;       /* 0 to 31 */
    uint8_t kind;     /* enum opt_kind */
    uint8_t flags;    /* enum opt_flag */
    uint16_t at;      /* offsetof in the data */
    uint64_t min, max;
    uint32_t against; /* ids (as bits) that may not be there with it */
    uint32_t with;    /* ids of which all must be there with it */
};

#define OPT_BIT(id) (1u << (id))

/* --- types --- */

enum rules_verdict {
    RULES_CONTINUE = 0, /* with the next rule */
    RULES_ACCEPT,
    RULES_DROP, /* eval.reason says why, if it is not "a rule said so" */
    RULES_STOLEN,
    RULES_RETURN,
};

/* How `list` writes. */
struct listing {
    uint32_t flags;                       /* enum weir_rules_flag */
    const struct weir_rules_names *names; /* never NULL */
};

enum { EXT_IPV4 = 1, EXT_IPV6 = 2, EXT_BOTH = 3 };

struct ext_type {
    const char *name;  /* as it is saved */
    const char *alias; /* another name under which it is loaded, or NULL */
    uint8_t families;  /* EXT_IPV4, EXT_IPV6 */
    uint8_t tables;    /* IN_..., 0: all */
    uint8_t hooks;     /* ON_..., 0: all. `check` may take bits out of ext.hooks */
    uint8_t proto;     /* needs "-p" this, not negated; 0: does not */
    uint16_t size;     /* of its data */
    uint16_t state_size;
    const struct opt *opts; /* NULL: none */
    const char *note;       /* said when a ruleset with it is loaded: what weir cannot know and what
                               it does then; NULL: nothing */

    /* Before the first option; data is zero. */
    void (*init)(const struct rule_parse *r, struct ext *x);
    /* Read one option of kind OPT_OTHER, or look at one of another kind after it was stored. `text`
     * is its argument ("" for OPT_FLAG). False: rule_fail() was called. */
    bool (*take)(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text);
    /* The rule was read to its end (rule_parse.head is complete). False: rule_fail() was called. */
    bool (*check)(struct rule_parse *r, struct ext *x);

    /* The value of an OPT_OTHER option, with a blank before it (nothing for none). */
    void (*show)(struct text *out, const struct ext *x, const struct opt *o);
    /* All after "-m name" or "-j NAME"; NULL: ext_print_options(). */
    void (*print)(struct text *out, const struct ext *x);
    /* As in `iptables -L`, with a blank before it. */
    void (*list)(struct text *out, const struct ext *x, const struct listing *how);

    /* Before the ruleset runs: find named objects, fill in the state. False: no memory. */
    bool (*bind)(struct world *w, const struct ext *x, void *state);
    /* When the ruleset runs no longer, or if binding failed (then the state may be as zeroed). */
    void (*unbind)(struct world *w, const struct ext *x, void *state);

    /* NULL: always true, and not asked. */
    bool (*match)(struct eval *e, const struct ext *x);
    /* The states that it says yes to (1 << enum ctstate of match/ctstate.h) if it looks at nothing
     * else of a packet; 0 if it looks at more. NULL: it always does. */
    uint32_t (*states)(const struct ext *x);
    /*
     * For the indexes of chains (index.h): add what a packet must be like for `match` to be true.
     * True: it only looks, at least at a packet that has its upper header. False, or NULL: it may
     * do something, like count, remember or drop the packet, so it must be asked whenever all
     * before it have said yes, and is not left out because of what stands behind it in the rule.
     */
    bool (*want)(const struct ext *x, struct want *w);
    enum rules_verdict (*target)(struct eval *e, const struct ext *x);
};

/* `want` of a match that only looks, at nothing that is in a key. */
bool want_nothing(const struct ext *x, struct want *w);

/* An extension in a rule. */
struct ext {
    const struct ext_type *type;
    uint32_t seen;    /* options that were given, by id */
    uint32_t negated; /* those with "!" before them */
    uint32_t state;   /* offset of its state */
    uint8_t family;   /* of the rule: 4 or 6 */
    uint8_t hooks;    /* where it may be used: of its type, less what its options exclude */
    uint8_t tables;
    uint8_t pad[9];
    uint8_t data[]; /* struct of the type, aligned to 16 */
};
_Static_assert(offsetof(struct ext, data) % 16 == 0, "data is aligned");

static inline void *ext_data(struct ext *x)
{
    return x->data;
}

static inline const void *ext_conf(const struct ext *x)
{
    return x->data;
}

static inline bool ext_seen(const struct ext *x, unsigned id)
{
    return x->seen >> id & 1;
}

static inline bool ext_negated(const struct ext *x, unsigned id)
{
    return x->negated >> id & 1;
}

/* --- for `take`, `check` and `init` --- */

/* What `-s` to `-f` of a rule say. */
enum rule_head_not {
    NOT_SRC = 0x1,
    NOT_DST = 0x2,
    NOT_IN = 0x4,
    NOT_OUT = 0x8,
    NOT_PROTO = 0x10,
    NOT_FRAGMENT = 0x20
};

enum { IFACE_NAME_MAX = 16 };

struct rule_head {
    uint8_t negated; /* enum rule_head_not */
    bool fragment;   /* -f */
    bool has_proto;
    uint8_t proto;           /* 0: any, or 0 itself was meant if has_proto */
    uint8_t in_len, out_len; /* bytes that must be equal, prefix or not */
    bool in_prefix, out_prefix;
    struct net_mask src, dst;
    char in[IFACE_NAME_MAX], out[IFACE_NAME_MAX]; /* empty: any; ends in '+': a prefix */
};

struct rule_parse {
    uint8_t family;
    enum weir_table table;
    struct rule_head head;                /* complete only in `check` */
    const struct weir_rules_names *names; /* never NULL */
    const struct weir_sets *sets;         /* may be NULL */
    struct parse *parse;                  /* the reader's */
};

/* The rule is wrong. The message is one sentence as iptables words it, without a newline; the place
 * is the argument being read (in `check`: the extension's name). Always false. */
bool rule_fail(struct rule_parse *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same, as "NAME: ..." of an extension's option that has a bad value. */
bool rule_bad_value(struct rule_parse *r, const struct ext *x, const struct opt *o);
/* What to do about the error just reported. */
void rule_hint(struct rule_parse *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Something to say about the rule that is no error. */
void rule_note(struct rule_parse *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One more argument of the option being read, taken; NULL: there is none. Or only looked at. */
const char *rule_next(struct rule_parse *r);
const char *rule_peek(struct rule_parse *r);

/* Memory for what does not fit into the extension's data; lives as long as the ruleset. NULL: an
 * error was reported. */
void *rule_memory(struct rule_parse *r, size_t size);

/* --- reading values: each takes all of `text`, reports nothing, and is false if it is wrong --- */

bool read_u64(const char *text, uint64_t min, uint64_t max, uint64_t *n);
bool read_mark(const char *text, struct mark_mask *mark);
bool read_addr(uint8_t family, const char *text, union weir_addr *addr);
/* ADDR, ADDR/LEN or ADDR/MASK; classic short forms as iptables takes them. */
bool read_net(uint8_t family, const char *text, struct net_mask *net);
bool read_port(const struct rule_parse *r, const char *text, uint8_t proto, uint16_t *port);
/* Number or name; false for an unknown name. */
bool read_proto(const char *text, uint8_t *proto);
/* The next part of a list: up to `separator`, copied to `part` and terminated; *text moves behind
 * it, NULL after the last. False: `part` is too small. */
bool read_part(const char **text, char separator, char *part, size_t size);
/* `text` is `word`, or an unambiguous beginning of one of the words: its index; -1: none, -2: of
 * more than one. Case does not matter. `words` ends with NULL. */
int read_word(const char *text, const char *const *words);

/* --- printing --- */

/* The options that were seen, in the table's order. */
void ext_print_options(struct text *out, const struct ext *x);
/* " !" if the option is negated, and " --name". */
void ext_print_option(struct text *out, const struct ext *x, unsigned id);
/* Bare if it needs no quotes, else quoted (iptables reference, 2.5), with a blank before it. */
void print_quoted(struct text *out, const char *string);
/* "/24", "/255.0.255.0", nothing if `full_hidden` and all bits are set. */
void print_mask(struct text *out, uint8_t family, const union weir_addr *mask, bool full_hidden);
/* "0x1" or "0x1/0xff". */
void print_mark(struct text *out, const struct mark_mask *mark);
/* "tcp", or the number. */
void print_proto(struct text *out, uint8_t proto);
/* A port for lists: its service's name unless numeric. */
void list_port(struct text *out, const struct listing *how, uint16_t port, uint8_t proto);
/* An address for lists: its host's name unless numeric. */
void list_addr(struct text *out, const struct listing *how, uint8_t family,
               const union weir_addr *addr);
/* Name of a protocol by its number, or NULL. */
const char *proto_name(uint8_t proto);

/* --- which there are (registry.c) --- */

const struct ext_type *ext_find_match(const char *name, uint8_t family);
const struct ext_type *ext_find_target(const char *name, uint8_t family);
/* Why Linux's extension of this name is not one of weir's, or NULL for one nobody knows. */
const char *ext_refused(const char *name, bool target);

#endif
