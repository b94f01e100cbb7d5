/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LOG, NFLOG and TRACE: telling of packets. All let them go on. The lines of LOG and TRACE are made
 * in rules/log.c; NFLOG, which in Linux hands the packet itself to a program, tells the host its
 * group and prefix.
 */
#include "rules/log.h"
#include "rules/parse.h"

/* A prefix is cut without a word, as in Linux. */
static void keep_prefix(char *prefix, size_t size, const char *text)
{
    struct text out;

    text_into(&out, prefix, size);
    text_add(&out, text);
}

static bool check_prefix(struct rule_parse *r, const char *text)
{
    if (!*text)
        return rule_fail(r, "Argument must have a minimum length of 1 characters");
    return !strchr(text, '\n') || rule_fail(r, "Newlines not allowed in --log-prefix");
}

/* --- LOG --- */

enum { PREFIX = 0, LEVEL, TCP_SEQUENCE, TCP_OPTIONS, IP_OPTIONS, UID, MACDECODE };

enum { LEVEL_WARNING = 4, LEVEL_MAX = 7, LOG_PREFIX_SIZE = 30 };

struct log {
    uint8_t level;
    char prefix[LOG_PREFIX_SIZE];
};

static const struct opt log_options[] = {
    {"log-prefix", PREFIX, OPT_OTHER},
    {"log-level", LEVEL, OPT_OTHER},
    {"log-tcp-sequence", TCP_SEQUENCE, OPT_FLAG},
    {"log-tcp-options", TCP_OPTIONS, OPT_FLAG},
    {"log-ip-options", IP_OPTIONS, OPT_FLAG},
    {"log-uid", UID, OPT_FLAG},
    {"log-macdecode", MACDECODE, OPT_FLAG},
    {NULL},
};

static const struct {
    uint8_t option, flag;
    const char *listed;
} log_flags[] = {
    {TCP_SEQUENCE, LOG_TCP_SEQUENCE, " tcp-sequence"},
    {TCP_OPTIONS, LOG_TCP_OPTIONS, " tcp-options"},
    {IP_OPTIONS, LOG_IP_OPTIONS, " ip-options"},
    {UID, LOG_UID, " uid"},
    {MACDECODE, LOG_MACDECODE, " macdecode"},
};

static uint8_t flags_of(const struct ext *x)
{
    uint8_t flags = 0;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(log_flags); i++)
        if (ext_seen(x, log_flags[i].option))
            flags |= log_flags[i].flag;
    return flags;
}

/* Levels by number. What is read and what is listed are not the same words. */
static const struct {
    const char *read, *listed;
} levels[] = {
    {"emerg", "emerg"},  {"alert", "alert"},   {"crit", "crit"}, {"error", "err"},
    {"warning", "warn"}, {"notice", "notice"}, {"info", "info"}, {"debug", "debug"},
};

static bool read_level(const char *text, uint8_t *level)
{
    uint64_t n = 0;

    if (!read_u64(text, 0, LEVEL_MAX, &n) && strcmp(text, "panic") != 0)
        while (n <= LEVEL_MAX && strcmp(levels[n].read, text) != 0)
            n++;
    *level = (uint8_t)n;
    return n <= LEVEL_MAX;
}

static void init_log(const struct rule_parse *r, struct ext *x)
{
    struct log *l = ext_data(x);

    (void)r;
    l->level = LEVEL_WARNING;
}

static bool take_log(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct log *l = ext_data(x);

    if (o->id == LEVEL)
        return read_level(text, &l->level) || rule_fail(r, "log level \"%s\" unknown", text);
    if (o->id != PREFIX)
        return true;
    if (!check_prefix(r, text))
        return false;
    keep_prefix(l->prefix, sizeof(l->prefix), text);
    return true;
}

static void print_log(struct text *out, const struct ext *x)
{
    const struct log *l = ext_conf(x);

    if (ext_seen(x, PREFIX)) {
        ext_print_option(out, x, PREFIX);
        print_quoted(out, l->prefix);
    }
    if (l->level != LEVEL_WARNING)
        text_addf(out, " --log-level %u", l->level);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(log_flags); i++)
        if (ext_seen(x, log_flags[i].option))
            ext_print_option(out, x, log_flags[i].option);
}

static void list_log(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct log *l = ext_conf(x);

    if (how->flags & WEIR_RULES_NUMERIC) {
        text_addf(out, " LOG flags %u level %u", flags_of(x), l->level);
    } else {
        text_addf(out, " LOG level %s", levels[l->level].listed);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(log_flags); i++)
            if (ext_seen(x, log_flags[i].option))
                text_add(out, log_flags[i].listed);
    }
    if (ext_seen(x, PREFIX))
        text_addf(out, " prefix \"%s\"", l->prefix);
}

static enum rules_verdict run_log(struct eval *e, const struct ext *x)
{
    const struct log *l = ext_conf(x);

    log_packet(e, WEIR_MSG_LOG, l->prefix, flags_of(x));
    return RULES_CONTINUE;
}

const struct ext_type target_log = {
    .name = "LOG",
    .families = EXT_BOTH,
    .size = sizeof(struct log),
    .opts = log_options,
    .init = init_log,
    .take = take_log,
    .print = print_log,
    .list = list_log,
    .target = run_log,
};

/* --- NFLOG --- */

enum { NF_PREFIX = 0, NF_GROUP, NF_RANGE, NF_SIZE, NF_THRESHOLD };

enum { NFLOG_PREFIX_SIZE = 64 };

struct nflog {
    uint32_t len; /* bytes to copy */
    uint16_t group, threshold;
    char prefix[NFLOG_PREFIX_SIZE];
};

static const struct opt nflog_options[] = {
    {"nflog-prefix", NF_PREFIX, OPT_OTHER},
    {"nflog-group", NF_GROUP, OPT_U16, .at = offsetof(struct nflog, group)},
    {"nflog-range", NF_RANGE, OPT_U32, .at = offsetof(struct nflog, len),
     .against = OPT_BIT(NF_SIZE)},
    {"nflog-size", NF_SIZE, OPT_U32, .at = offsetof(struct nflog, len),
     .against = OPT_BIT(NF_RANGE)},
    {"nflog-threshold", NF_THRESHOLD, OPT_U16, .at = offsetof(struct nflog, threshold)},
    {NULL},
};

static bool take_nflog(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct nflog *n = ext_data(x);

    if (o->id == NF_RANGE)
        rule_note(r, "--nflog-range has never worked and is no longer supported, please use "
                     "--nflog-size instead");
    if (o->id != NF_PREFIX)
        return true;
    if (!check_prefix(r, text))
        return false;
    keep_prefix(n->prefix, sizeof(n->prefix), text);
    return true;
}

/* `dashes` "--" to save, "" to list. */
static void write_nflog(struct text *out, const struct ext *x, const char *dashes)
{
    const struct nflog *n = ext_conf(x);

    if (ext_seen(x, NF_PREFIX)) {
        text_addf(out, " %snflog-prefix", dashes);
        print_quoted(out, n->prefix);
    }
    if (n->group)
        text_addf(out, " %snflog-group %u", dashes, n->group);
    if (ext_seen(x, NF_RANGE) || ext_seen(x, NF_SIZE))
        text_addf(out, " %snflog-%s %u", dashes, ext_seen(x, NF_SIZE) ? "size" : "range", n->len);
    if (n->threshold)
        text_addf(out, " %snflog-threshold %u", dashes, n->threshold);
}

static void print_nflog(struct text *out, const struct ext *x)
{
    write_nflog(out, x, "--");
}

static void list_nflog(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    write_nflog(out, x, "");
}

static enum rules_verdict run_nflog(struct eval *e, const struct ext *x)
{
    const struct nflog *n = ext_conf(x);
    const struct weir_host *host = &e->t->host;
    char line[NFLOG_PREFIX_SIZE + 16];
    struct text out;

    if (!host->message)
        return RULES_CONTINUE;
    text_into(&out, line, sizeof(line));
    text_addf(&out, "group %u: %s", n->group, n->prefix);
    host->message(host->ctx, WEIR_MSG_NFLOG, line, e->p->raw);
    return RULES_CONTINUE;
}

const struct ext_type target_nflog = {
    .name = "NFLOG",
    .families = EXT_BOTH,
    .size = sizeof(struct nflog),
    .opts = nflog_options,
    .take = take_nflog,
    .print = print_nflog,
    .list = list_nflog,
    .target = run_nflog,
};

/* --- TRACE --- */

static enum rules_verdict run_trace(struct eval *e, const struct ext *x)
{
    (void)x;
    e->p->traced = true;
    return RULES_CONTINUE;
}

const struct ext_type target_trace = {
    .name = "TRACE",
    .families = EXT_BOTH,
    .tables = IN_RAW,
    .target = run_trace,
};
