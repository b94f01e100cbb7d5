/* SPDX-License-Identifier: BSD-2-Clause */
#include "compare.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool differ(struct difference *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool differ(struct difference *d, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(d->text, sizeof(d->text), format, args);
    va_end(args);
    return false;
}

static int tuple_text(const struct rig_tuple *t, char *text, size_t size)
{
    char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

    inet_ntop(t->family, t->src, src, sizeof(src));
    inet_ntop(t->family, t->dst, dst, sizeof(dst));
    if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
        return snprintf(text, size, "%s>%s p%u t%u c%u id%u", src, dst, t->proto, t->icmp_type,
                        t->icmp_code, t->icmp_id);
    return snprintf(text, size, "%s>%s p%u %u>%u", src, dst, t->proto, t->sport, t->dport);
}

void compare_entry_text(const struct rig_entry *e, unsigned unit, char *text, size_t size)
{
    size_t n = (size_t)tuple_text(&e->orig, text, size);

    n += (size_t)snprintf(text + n, size - n, " | ");
    n += (size_t)tuple_text(&e->reply, text + n, size - n);
    n += (size_t)snprintf(text + n, size - n, " zone %u status %#x", e->zone, e->status & 0xffff);
    if (e->has & RIG_HAS_TIMEOUT)
        n += (size_t)snprintf(text + n, size - n, " timeout %.3f", e->timeout / (double)unit);
    if (e->has & RIG_HAS_TCP)
        n += (size_t)snprintf(text + n, size - n, " tcp %u flags %#x/%#x scale %u/%u", e->tcp_state,
                              e->tcp_flags[0], e->tcp_flags[1], e->tcp_wscale[0], e->tcp_wscale[1]);
    if (e->has & RIG_HAS_SCTP)
        n += (size_t)snprintf(text + n, size - n, " sctp %u vtag %#x/%#x", e->sctp_state,
                              e->sctp_vtag[0], e->sctp_vtag[1]);
    if (e->has & RIG_HAS_COUNT)
        snprintf(text + n, size - n, " packets %" PRIu64 "/%" PRIu64 " bytes %" PRIu64 "/%" PRIu64,
                 e->count[0].packets, e->count[1].packets, e->count[0].bytes, e->count[1].bytes);
}

/* The kernel's seconds are what weir shows now, or a moment earlier or later. */
static bool seconds_agree(uint32_t seconds, int64_t ms)
{
    return (int64_t)seconds >= (ms - COMPARE_SLACK_MS) / 1000 &&
           (int64_t)seconds <= (ms + COMPARE_SLACK_MS) / 1000;
}

/* What differs between two entries, NULL: nothing. Fields that either message lacks are not
 * compared. */
static const char *entries_differ(const struct rig_entry *k, const struct rig_entry *w)
{
    uint32_t both = k->has & w->has;

    if (rig_tuple_cmp(&k->orig, &w->orig) || k->orig.zone != w->orig.zone)
        return "original tuple";
    if (rig_tuple_cmp(&k->reply, &w->reply) || k->reply.zone != w->reply.zone)
        return "reply tuple";
    if (k->zone != w->zone)
        return "zone";
    if (k->status != w->status)
        return "status";
    if (k->mark != w->mark)
        return "mark";
    if ((k->has ^ w->has) & (RIG_HAS_TCP | RIG_HAS_SCTP | RIG_HAS_TIMEOUT | RIG_HAS_COUNT))
        return "parts";
    if (both & RIG_HAS_TIMEOUT && !seconds_agree(k->timeout, w->timeout))
        return "timeout";
    if (both & RIG_HAS_TCP && k->tcp_state != w->tcp_state)
        return "TCP state";
    if (k->has & RIG_HAS_TCP_FLAGS && memcmp(k->tcp_flags, w->tcp_flags, sizeof(k->tcp_flags)))
        return "TCP flags";
    if (k->has & RIG_HAS_TCP_WSCALE && memcmp(k->tcp_wscale, w->tcp_wscale, sizeof(k->tcp_wscale)))
        return "window scale";
    if (both & RIG_HAS_SCTP && k->sctp_state != w->sctp_state)
        return "SCTP state";
    if (k->has & RIG_HAS_VTAG && memcmp(k->sctp_vtag, w->sctp_vtag, sizeof(k->sctp_vtag)))
        return "verification tags";
    if (both & RIG_HAS_COUNT && memcmp(k->count, w->count, sizeof(k->count)))
        return "counters";
    return NULL;
}

static bool report_entry(const struct rig_entry *k, const struct rig_entry *w, const char *where,
                         const char *what, struct difference *d)
{
    char a[220] = "none", b[220] = "none";

    if (k)
        compare_entry_text(k, 1, a, sizeof(a));
    if (w)
        compare_entry_text(w, 1000, b, sizeof(b));
    return differ(d, "%s: %s\n      kernel: %s\n      weir:   %s", where, what, a, b);
}

bool compare_tables(const struct rig_table *kernel, const struct rig_table *weir,
                    struct difference *d)
{
    for (size_t i = 0; i < kernel->entries || i < weir->entries; i++) {
        const struct rig_entry *k = i < kernel->entries ? &kernel->entry[i] : NULL;
        const struct rig_entry *w = i < weir->entries ? &weir->entry[i] : NULL;
        const char *what = !k   ? "only weir has it"
                           : !w ? "only the kernel has it"
                                : entries_differ(k, w);

        if (what)
            return report_entry(k, w, "table", what, d);
    }
    return true;
}

/* Where the identification of an IPv6 fragment header is, 0: there is none. Each side draws its own
 * at random. */
static size_t fragment_id_at(const struct rig_packet *p)
{
    size_t at = 40;
    uint8_t next;

    if (p->len < 48 || p->data[0] >> 4 != 6)
        return 0;
    for (next = p->data[6];
         next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS;) {
        next = p->data[at];
        at += (p->data[at + 1] + 1u) * 8;
        if (at + 8 > p->len)
            return 0;
    }
    return next == IPPROTO_FRAGMENT ? at + 4 : 0;
}

/* IPv4: an ICMP error, which a router sends with an identification of its own choice. */
static bool is_error4(const struct rig_packet *p)
{
    size_t at = p->len > 20 ? (p->data[0] & 15u) * 4 : 0;

    if (p->len <= at || !at || p->data[0] >> 4 != 4 || p->data[9] != IPPROTO_ICMP)
        return false;
    uint8_t type = p->data[at];

    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_error6(const struct rig_packet *p)
{
    return p->len > 40 && p->data[0] >> 4 == 6 && p->data[6] == IPPROTO_ICMPV6 && p->data[40] < 128;
}

/*
 * Bytes of a packet that each side chooses for itself: the identification of IPv6 fragments; and of
 * ICMP errors IPv4's identification, with the header checksum, and IPv6's flow label.
 */
static bool is_free(const struct rig_packet *p, size_t id, size_t at)
{
    if (id)
        return at >= id && at < id + 4;
    if (is_error6(p))
        return at >= 1 && at <= 3;
    return is_error4(p) && (at == 4 || at == 5 || at == 10 || at == 11);
}

/* All pieces of one packet must have one identification. */
static bool same_id_as_first(const struct rig_result *r, size_t i, size_t at)
{
    size_t first = fragment_id_at(&r->packet[0]);

    return i == 0 || (first && memcmp(r->packet[0].data + first, r->packet[i].data + at, 4) == 0);
}

static bool compare_packets(const struct rig_result *kernel, const struct rig_result *weir,
                            struct difference *d)
{
    if (kernel->packets != weir->packets)
        return differ(d, "packets out: kernel %zu, weir %zu", kernel->packets, weir->packets);
    for (size_t i = 0; i < kernel->packets; i++) {
        const struct rig_packet *k = &kernel->packet[i], *w = &weir->packet[i];

        if (k->side != w->side || k->len != w->len)
            return differ(d, "packet out %zu: kernel %zu bytes to %c, weir %zu bytes to %c", i,
                          k->len, "?AB"[k->side], w -> len, "?AB"[w->side]);
        size_t id = fragment_id_at(k);

        if (id && !same_id_as_first(weir, i, id))
            return differ(d, "packet out %zu: its identification is not that of the first piece",
                          i);
        for (size_t at = 0; at < k->len; at++)
            if (k->data[at] != w->data[at] && !is_free(k, id, at))
                return differ(d, "packet out %zu, byte %zu: kernel %02x, weir %02x", i, at,
                              k->data[at], w->data[at]);
    }
    return true;
}

/* The next look at a packet that came in from a side, from *at on; NULL: there is none. What the
 * router itself sends, even to itself, is seen by the kernel only. */
static const struct rig_seen *next_seen(const struct rig_result *r, size_t *at)
{
    while (*at < r->seens &&
           (r->seen[*at].hook != RIG_PREROUTING || r->seen[*at].in == RIG_SIDE_NONE))
        ++*at;
    return *at < r->seens ? &r->seen[(*at)++] : NULL;
}

static bool compare_classes(const struct rig_result *kernel, const struct rig_result *weir,
                            struct difference *d)
{
    const struct rig_seen *k, *w;
    size_t at_k = 0, at_w = 0;

    do {
        k = next_seen(kernel, &at_k);
        w = next_seen(weir, &at_w);
        if ((k ? k->class : RIG_CLASS_NONE) != (w ? w->class : RIG_CLASS_NONE))
            return differ(d, "class: kernel %s, weir %s", k ? rig_class_name(k->class) : "none",
                          w ? rig_class_name(w->class) : "none");
    } while (k && w);
    return true;
}

bool compare_results(const struct rig_result *kernel, const struct rig_result *weir,
                     struct difference *d)
{
    if (!compare_classes(kernel, weir, d))
        return false;
    if (!compare_packets(kernel, weir, d))
        return false;
    for (size_t i = 0; i < kernel->events || i < weir->events; i++) {
        const struct rig_event *k = i < kernel->events ? &kernel->event[i] : NULL;
        const struct rig_event *w = i < weir->events ? &weir->event[i] : NULL;
        const char *what = !k ? "only weir has it" : !w ? "only the kernel has it" : NULL;

        if (!what && k->kind != w->kind)
            what = "kind";
        if (!what)
            what = entries_differ(&k->entry, &w->entry);
        if (what) {
            char where[64];

            (void)snprintf(where, sizeof(where), "event %zu (kernel %s, weir %s)", i,
                           k ? rig_event_name(k->kind) : "-", w ? rig_event_name(w->kind) : "-");
            return report_entry(k ? &k->entry : NULL, w ? &w->entry : NULL, where, what, d);
        }
    }
    return true;
}

/* The line at *text, without its newline; *text moves on. 0 at the end. */
static size_t next_line(const char **text, const char **line)
{
    do {
        *line = *text;
        size_t len = strcspn(*text, "\n");

        *text += len + ((*text)[len] == '\n');
        if (len && **line != '#')
            return len;
    } while (**text);
    return 0;
}

/* Where a table begins, NULL: it is not there. */
static const char *find_table(const char *text, const char *name, size_t len)
{
    const char *line;

    for (size_t n; (n = next_line(&text, &line));)
        if (n == len && memcmp(line, name, len) == 0)
            return text;
    return NULL;
}

static size_t count_tables(const char *text)
{
    const char *line;
    size_t n = 0;

    while (next_line(&text, &line))
        n += *line == '*';
    return n;
}

bool compare_rules(const char *kernel, const char *weir, struct difference *d)
{
    const char *line, *other = "", *w = NULL;

    if (count_tables(kernel) != count_tables(weir))
        return differ(d, "rules: kernel has %zu tables, weir %zu", count_tables(kernel),
                      count_tables(weir));
    for (size_t n; (n = next_line(&kernel, &line));) {
        if (*line == '*') {
            w = find_table(weir, line, n);
            if (!w)
                return differ(d, "rules: weir lacks %.*s", (int)n, line);
            continue;
        }
        size_t m = w ? next_line(&w, &other) : 0;

        if (m != n || memcmp(line, other, n) != 0)
            return differ(d, "rules\n      kernel: %.*s\n      weir:   %.*s", (int)n, line, (int)m,
                          other);
    }
    return true;
}

bool compare_stats(const struct rig_stats *kernel, const struct rig_stats *weir,
                   struct difference *d)
{
    const struct {
        const char *name;
        uint64_t k, w;
    } rows[] = {
        {"found", kernel->found, weir->found},
        {"invalid", kernel->invalid, weir->invalid},
        {"insert", kernel->insert, weir->insert},
        {"insert_failed", kernel->insert_failed, weir->insert_failed},
        {"drop", kernel->drop, weir->drop},
        {"early_drop", kernel->early_drop, weir->early_drop},
        {"error", kernel->error, weir->error},
        {"clash_resolve", kernel->clash_resolve, weir->clash_resolve},
        {"chaintoolong", kernel->chain_toolong, weir->chain_toolong},
        {"expect_new", kernel->expect_new, weir->expect_new},
        {"expect_create", kernel->expect_create, weir->expect_create},
        {"expect_delete", kernel->expect_delete, weir->expect_delete},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].k != rows[i].w)
            return differ(d, "counter %s: kernel %" PRIu64 ", weir %" PRIu64, rows[i].name,
                          rows[i].k, rows[i].w);
    return true;
}
