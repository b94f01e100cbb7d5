/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_plan: words to numbers, see scenario_plan.h.
 */
#include "scenario_plan.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The timeouts of a policy: the kernel's number and weir's name, by protocol and word. */
static const struct {
    uint8_t proto;
    uint8_t number;
    const char *word;
    enum weir_tunable tunable; /* WEIR_T_MAX_NUMBER: weir cannot set it */
} timeouts[] = {
    {IPPROTO_TCP, 1, "syn_sent", WEIR_T_TCP_SYN_SENT},
    {IPPROTO_TCP, 2, "syn_recv", WEIR_T_TCP_SYN_RECV},
    {IPPROTO_TCP, 3, "established", WEIR_T_TCP_ESTABLISHED},
    {IPPROTO_TCP, 4, "fin_wait", WEIR_T_TCP_FIN_WAIT},
    {IPPROTO_TCP, 5, "close_wait", WEIR_T_TCP_CLOSE_WAIT},
    {IPPROTO_TCP, 6, "last_ack", WEIR_T_TCP_LAST_ACK},
    {IPPROTO_TCP, 7, "time_wait", WEIR_T_TCP_TIME_WAIT},
    {IPPROTO_TCP, 8, "close", WEIR_T_TCP_CLOSE},
    {IPPROTO_TCP, 9, "syn_sent2", WEIR_T_MAX_NUMBER},
    {IPPROTO_TCP, 10, "retrans", WEIR_T_TCP_RETRANS},
    {IPPROTO_TCP, 11, "unack", WEIR_T_TCP_UNACK},
    {IPPROTO_UDP, 1, "unreplied", WEIR_T_UDP_TIMEOUT},
    {IPPROTO_UDP, 2, "replied", WEIR_T_UDP_TIMEOUT_STREAM},
    {IPPROTO_UDPLITE, 1, "unreplied", WEIR_T_UDP_TIMEOUT},
    {IPPROTO_UDPLITE, 2, "replied", WEIR_T_UDP_TIMEOUT_STREAM},
    {IPPROTO_ICMP, 1, "timeout", WEIR_T_ICMP_TIMEOUT},
    {IPPROTO_ICMPV6, 1, "timeout", WEIR_T_ICMPV6_TIMEOUT},
    {IPPROTO_SCTP, 1, "closed", WEIR_T_SCTP_CLOSED},
    {IPPROTO_SCTP, 2, "cookie_wait", WEIR_T_SCTP_COOKIE_WAIT},
    {IPPROTO_SCTP, 3, "cookie_echoed", WEIR_T_SCTP_COOKIE_ECHOED},
    {IPPROTO_SCTP, 4, "established", WEIR_T_SCTP_ESTABLISHED},
    {IPPROTO_SCTP, 5, "shutdown_sent", WEIR_T_SCTP_SHUTDOWN_SENT},
    {IPPROTO_SCTP, 6, "shutdown_recd", WEIR_T_SCTP_SHUTDOWN_RECD},
    {IPPROTO_SCTP, 7, "shutdown_ack_sent", WEIR_T_SCTP_SHUTDOWN_ACK_SENT},
    {IPPROTO_SCTP, 8, "heartbeat_sent", WEIR_T_SCTP_HEARTBEAT_SENT},
    {IPPROTO_GRE, 1, "unreplied", WEIR_T_GRE_TIMEOUT},
    {IPPROTO_GRE, 2, "replied", WEIR_T_GRE_TIMEOUT_STREAM},
    {PLAN_PROTO_GENERIC, 1, "timeout", WEIR_T_GENERIC_TIMEOUT},
};

static const struct {
    const char *word;
    uint8_t proto;
} protocols[] = {
    {"tcp", IPPROTO_TCP},         {"udp", IPPROTO_UDP},
    {"udplite", IPPROTO_UDPLITE}, {"icmp", IPPROTO_ICMP},
    {"icmp6", IPPROTO_ICMPV6},    {"sctp", IPPROTO_SCTP},
    {"gre", IPPROTO_GRE},         {"generic", PLAN_PROTO_GENERIC},
};

static const char *const event_names[WEIR_EV_MAX] = {
    [WEIR_EV_NEW] = "new",         [WEIR_EV_RELATED] = "related", [WEIR_EV_DESTROY] = "destroy",
    [WEIR_EV_REPLY] = "reply",     [WEIR_EV_ASSURED] = "assured", [WEIR_EV_PROTOINFO] = "protoinfo",
    [WEIR_EV_HELPER] = "helper",   [WEIR_EV_MARK] = "mark",       [WEIR_EV_SEQADJ] = "natseqinfo",
    [WEIR_EV_SECMARK] = "secmark", [WEIR_EV_LABEL] = "label",     [WEIR_EV_SYNPROXY] = "synproxy",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *plan_event_name(enum weir_event_kind kind)
{
    return event_names[kind];
}

enum weir_tunable plan_tunable(const char *sysctl)
{
    static const char *const names[] = {
#define WEIR_TUNABLE(id, name, def, min, max) "net.netfilter." name,
#include <weir/tunables.def>
#undef WEIR_TUNABLE
    };
    unsigned i = 0;

    while (i < WEIR_T_MAX_NUMBER && strcmp(names[i], sysctl) != 0)
        i++;
    return (enum weir_tunable)i;
}

struct complaint {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct complaint c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(c.text, c.size, fmt, ap);
    va_end(ap);
    return false;
}

static bool number(const char *key, const char *value, unsigned long max, unsigned long *out,
                   struct complaint c)
{
    char *end = NULL;

    *out = value ? strtoul(value, &end, 0) : 0;
    return (value && *value && !*end && *out <= max) ||
           wrong(c, "'%s' wants a number up to %lu, not '%s'", key, max, value ? value : "");
}

static bool name(const char *text, char out[static PLAN_NAME_MAX], struct complaint c)
{
    if (!text || !*text || strlen(text) >= PLAN_NAME_MAX)
        return wrong(c, "a policy's name has 1 to %d letters", PLAN_NAME_MAX - 1);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool side(const char *text, enum rig_side *out, struct complaint c)
{
    *out = strcmp(text, "A") == 0 ? RIG_A : RIG_B;
    return *out == RIG_A || strcmp(text, "B") == 0 || wrong(c, "'%s' is no side: A or B", text);
}

static bool directions(const char *value, uint8_t *out, struct complaint c)
{
    static const char *const words[] = {"", "orig", "reply", "both"};

    for (uint8_t i = 1; i < COUNT(words); i++) {
        if (value && strcmp(value, words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return wrong(c, "'dir' wants both, orig or reply");
}

static bool events(const char *list, uint16_t *mask, struct complaint c)
{
    while (list && *list) {
        size_t n = strcspn(list, ","), kind = 0;

        while (kind < WEIR_EV_MAX &&
               (strlen(event_names[kind]) != n || strncasecmp(list, event_names[kind], n) != 0))
            kind++;
        if (kind == WEIR_EV_MAX)
            return wrong(c, "'%.*s' is no event: new destroy reply assured protoinfo mark …",
                         (int)n, list);
        *mask = (uint16_t)(*mask | 1u << kind);
        list += n + (list[n] == ',');
    }
    return *mask || wrong(c, "'events' wants names: events=new,destroy");
}

static bool templ_word(const struct scn_setting *s, struct plan_templ *t, struct complaint c)
{
    unsigned long n;

    if (strcmp(s->key, "off") == 0)
        return t->off = true;
    if (strcmp(s->key, "notrack") == 0)
        return t->notrack = true;
    if (strcmp(s->key, "zone") == 0) {
        bool ok = number(s->key, s->value, UINT16_MAX, &n, c);
        t->zone = (uint16_t)n;
        return ok;
    }
    if (strcmp(s->key, "proto") == 0) {
        bool ok = number(s->key, s->value, UINT8_MAX, &n, c);
        t->proto = (uint8_t)n;
        return ok;
    }
    if (strcmp(s->key, "dir") == 0)
        return directions(s->value, &t->zone_dirs, c);
    if (strcmp(s->key, "policy") == 0)
        return name(s->value, t->policy, c);
    if (strcmp(s->key, "events") == 0)
        return events(s->value, &t->event_mask, c);
    return wrong(c, "'%s': a template has zone= dir= policy= proto= events= notrack, or is off",
                 s->key);
}

bool plan_templ(const struct scn_settings *set, struct plan_templ *out, char *error, size_t size)
{
    struct complaint c = {error, size};

    *out = (struct plan_templ){.zone_dirs = 3};
    if (!side(set->setting[0].key, &out->side, c))
        return false;
    for (size_t i = 1; i < set->count; i++)
        if (!templ_word(&set->setting[i], out, c))
            return false;
    return true;
}

static bool policy_word(const struct scn_setting *s, struct plan_policy *p, struct complaint c)
{
    unsigned long n;

    for (size_t i = 0; i < COUNT(timeouts); i++) {
        if (timeouts[i].proto != p->proto || strcmp(timeouts[i].word, s->key) != 0)
            continue;
        if (timeouts[i].tunable == WEIR_T_MAX_NUMBER)
            return wrong(c, "'%s': weir's policies have no such timeout", s->key);
        if (!number(s->key, s->value, UINT32_MAX, &n, c))
            return false;
        p->seconds[timeouts[i].number - 1] = (uint32_t)n;
        p->tunable[timeouts[i].number - 1] = timeouts[i].tunable;
        return true;
    }
    return wrong(c, "'%s' is no timeout of this protocol", s->key);
}

bool plan_policy(const struct scn_settings *set, struct plan_policy *out, char *error, size_t size)
{
    struct complaint c = {error, size};
    const struct scn_setting *s = set->setting;
    size_t i = 0;

    memset(out, 0, sizeof(*out));
    if (!name(s[0].key, out->name, c))
        return false;
    if (strcmp(s[1].key, "off") == 0) {
        out->off = true;
        return true;
    }
    while (i < COUNT(protocols) && strcmp(protocols[i].word, s[1].key) != 0)
        i++;
    if (i == COUNT(protocols))
        return wrong(c, "'%s': policies are for tcp udp udplite icmp icmp6 sctp gre generic",
                     s[1].key);
    out->proto = protocols[i].proto;
    for (i = 2; i < set->count; i++)
        if (!policy_word(&s[i], out, c))
            return false;
    return true;
}

/* ---- rules ---- */

/* The table that a command line is about, and the line without it, as iptables-restore wants it. */
static bool cut_table(const char *args, char *table, size_t table_size, char *rest,
                      size_t rest_size)
{
    const char *word = strncmp(args, "-t ", 3) == 0 ? args + 3 : "filter ";
    size_t n = strcspn(word, " ");
    const char *after = word == args + 3 ? word + n + strspn(word + n, " ") : args;

    if (n >= table_size || strlen(after) + 2 > rest_size)
        return false;
    memcpy(table, word, n);
    table[n] = '\0';
    (void)snprintf(rest, rest_size, "%s\n", after);
    return true;
}

static bool insert(char *text, size_t at, const char *words)
{
    size_t n = strlen(words), len = strlen(text);

    if (len + n >= PLAN_RULES_MAX)
        return false;
    memmove(text + at + n, text + at, len - at + 1);
    memcpy(text + at, words, n);
    return true;
}

/* Where the next line of a table goes: before its COMMIT. A table that is not there yet is begun.
 */
static bool find_place(char *text, const char *table, size_t *place)
{
    static const char end[] = "COMMIT\n";
    char head[64];
    (void)snprintf(head, sizeof(head), "*%s\n", table);
    char *at = strstr(text, head);

    if (!at) {
        *place = strlen(text) + strlen(head);
        return insert(text, strlen(text), head) && insert(text, *place, end);
    }
    *place = (size_t)(strstr(at, end) - text);
    return true;
}

bool plan_rule(struct plan_rules *rules, uint8_t family, const char *args, char *error, size_t size)
{
    char table[32], line[1024], *text = rules->text[family == 6];
    size_t place;

    if (cut_table(args, table, sizeof(table), line, sizeof(line)) &&
        find_place(text, table, &place) && insert(text, place, line))
        return true;
    (void)snprintf(error, size, "too long, or too many rules");
    return false;
}
