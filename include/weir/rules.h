/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules: iptables-save and ip6tables-save text becomes a ruleset, a ruleset becomes text again, and
 * a shard runs packets by it.
 *
 * A ruleset (struct weir_rules) is one family's tables. It is made in one piece or not at all, and
 * never changes afterwards, so any number of shards and threads may use one at a time. What does
 * change while packets run (counters, the state of limits) belongs to the shard.
 *
 * Language and behaviour: docs/reference/iptables.md.
 */
#ifndef WEIR_RULES_H
#define WEIR_RULES_H

#include <weir/shard.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_rules;
struct weir_sets;

/*
 * What names mean, which the library itself cannot know: it reads no file and asks no resolver.
 * Every function may be NULL, and may say that it does not know (false, NULL, 0); then only numbers
 * are understood and printed. Strings that are returned live until the call returns to its caller.
 */
struct weir_rules_names {
    void *ctx;
    /* Port of a service ("http"), host byte order. proto 0: of any protocol. */
    bool (*service)(void *ctx, const char *name, uint8_t proto, uint16_t *port);
    const char *(*service_name)(void *ctx, uint16_t port, uint8_t proto);
    /* Addresses of a host: how many of `max` were stored. */
    size_t (*host)(void *ctx, const char *name, uint8_t family, union weir_addr *addrs, size_t max);
    const char *(*host_name)(void *ctx, uint8_t family, const union weir_addr *addr);
    bool (*user)(void *ctx, const char *name, bool group, uint32_t *id);
    const char *(*user_name)(void *ctx, uint32_t id, bool group);
    /* Files of numbers and names: "connlabel" (/etc/xtables/connlabel.conf), "group", "rt_realms";
     * and "timeout", the numbers of policies by name (-j CT --timeout). */
    bool (*number)(void *ctx, const char *file, const char *name, uint32_t *number);
    const char *(*number_name)(void *ctx, const char *file, uint32_t number);
};

enum weir_rules_flag {
    WEIR_RULES_COUNTERS = 0x1, /* parse: take the counters that the text has; print: print rules' */
    WEIR_RULES_NUMERIC = 0x2,  /* list: no names (-n) */
    WEIR_RULES_VERBOSE = 0x4,  /* list: counters and interfaces (-v) */
    WEIR_RULES_EXACT = 0x8,    /* list: full numbers (-x) */
    WEIR_RULES_LINES = 0x10,   /* list: --line-numbers */
};

/* Where a text is wrong, and what to do about it. Strings are complete or cut, and terminated. */
struct weir_rules_error {
    uint32_t line, column; /* from 1; 0: the text as a whole, or the line as a whole */
    int status;            /* what the iptables command would exit with: 1, 2, 3 or 4 */
    char message[256];     /* one sentence, as the iptables command puts it where it has one */
    char text[80];         /* the offending text; empty: there is none to show */
    char hint[160];        /* what to do; may be empty */
};

struct weir_rules_options {
    uint32_t flags;                       /* enum weir_rules_flag */
    const struct weir_rules_names *names; /* NULL: numbers only */
    const struct weir_sets *sets;         /* for -m set and -j SET; NULL: there are none */
    /* Something the reader should know and that is no error. May be NULL. */
    void (*note)(void *ctx, uint32_t line, const char *text);
    void *ctx; /* of note */
    /* Memory, as in weir_host; NULL: weir_reserve_pages(). */
    void *(*reserve)(void *ctx, size_t size);
    void (*release)(void *ctx, void *memory, size_t size);
    void *memory_ctx;
};

/*
 * Make a ruleset from `len` bytes of text. 0; -EINVAL: `error` says what is wrong and *rules is
 * NULL; -ENOMEM. `options` may be NULL; nothing of it but the memory functions is kept, and `sets`
 * must live as long as the ruleset. `family` is 4 or 6.
 */
WEIR_API int weir_rules_parse(struct weir_rules **rules, uint8_t family, const char *text,
                              size_t len, const struct weir_rules_options *options,
                              struct weir_rules_error *error);
/* Accepts NULL. No shard may be using it. */
WEIR_API void weir_rules_free(struct weir_rules *rules);

/* A rule's or policy's counts. */
struct weir_rules_count {
    uint64_t packets, bytes;
};

/* Takes text in pieces; bytes are not terminated. */
typedef void weir_rules_write(void *ctx, const char *bytes, size_t len);

/*
 * Write the ruleset as iptables-save does (without the comment lines, which name a time and a
 * program), or as `iptables -L` does for one table ("filter"). `counts`, of weir_rules_counters()
 * members, replaces the counters of the text; NULL: those. `names` is for lists without
 * WEIR_RULES_NUMERIC, and may be NULL. weir_rules_list returns -ENOENT when there is no such table,
 * or chain; `chain` NULL: all.
 */
WEIR_API void weir_rules_print(const struct weir_rules *rules, uint32_t flags,
                               const struct weir_rules_count *counts, weir_rules_write *write,
                               void *ctx);
WEIR_API int weir_rules_list(const struct weir_rules *rules, const char *table, const char *chain,
                             uint32_t flags, const struct weir_rules_count *counts,
                             const struct weir_rules_names *names, weir_rules_write *write,
                             void *ctx);

/* How many counters the ruleset has: one for each rule and each built-in chain's policy. */
WEIR_API uint32_t weir_rules_counters(const struct weir_rules *rules);

/* The line of the text that made counter `number` (weir_packet.rule - 1), 0: none did. */
WEIR_API uint32_t weir_rules_line(const struct weir_rules *rules, uint32_t number);

/* Which tables are there, one bit each by enum weir_table. */
enum weir_table {
    WEIR_TABLE_RAW = 0,
    WEIR_TABLE_MANGLE,
    WEIR_TABLE_NAT,
    WEIR_TABLE_FILTER,
    WEIR_TABLE_SECURITY,
    WEIR_TABLE_MAX
};
WEIR_API uint32_t weir_rules_tables(const struct weir_rules *rules);
WEIR_API const char *weir_table_name(enum weir_table table);

/*
 * Let a shard run packets of the ruleset's family by it from now on; NULL: by none of that family
 * (`family` tells which). Counters start as the text has them when it was parsed with
 * WEIR_RULES_COUNTERS, else at 0. `sets` are changed by -j SET and by time: one shard's at most,
 * the same that the rulesets were parsed with, NULL: none. Connections and named lists (recent,
 * hashlimit) that the new rules still use stay. -ENOMEM: the old rules stay in force.
 */
WEIR_API int weir_shard_set_rules(struct weir_shard *shard, uint8_t family,
                                  const struct weir_rules *rules, struct weir_sets *sets);

/* The counters of the rules in force, or NULL; valid until rules are set. */
WEIR_API const struct weir_rules_count *weir_shard_rule_counts(const struct weir_shard *shard,
                                                               uint8_t family);

/*
 * The host lost an address, or an interface went down (`addr` NULL: with all of its addresses):
 * connections that -j MASQUERADE gave that address, or sent out by that interface, are ended, each
 * with its DESTROY event (docs/reference/nat.md, section 11). Returns how many. Takes time in
 * proportion to the table.
 */
WEIR_API uint32_t weir_shard_address_gone(struct weir_shard *shard, uint16_t iface, uint8_t family,
                                          const union weir_addr *addr);

/*
 * Sets, from the text of `ipset save` (lines "create" and "add"). Errors as of weir_rules_parse.
 * weir_sets_parse adds to *sets, or makes new ones if *sets is NULL; on error *sets is as it was.
 */
WEIR_API int weir_sets_parse(struct weir_sets **sets, const char *text, size_t len,
                             const struct weir_rules_options *options,
                             struct weir_rules_error *error);
WEIR_API void weir_sets_free(struct weir_sets *sets);
/* Write them as `ipset save -sorted` does; timeouts are what is left at `now`. */
WEIR_API void weir_sets_print(const struct weir_sets *sets, struct weir_time now,
                              weir_rules_write *write, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
