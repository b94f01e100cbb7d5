/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The summary of a replay: a page of at most some thirty lines, whatever the size of the capture.
 * What did not occur is not mentioned.
 */
#include "replay_summary.h"

#include "human.h"

#include <string.h>

static enum summary_group group_of(const struct weir_packet *packet)
{
    if (packet->verdict == WEIR_DROP)
        return SUMMARY_DROPPED;
    if (packet->verdict == WEIR_HELD)
        return SUMMARY_HELD;
    return packet->ctinfo == WEIR_CT_INVALID ? SUMMARY_INVALID : SUMMARY_PASSED;
}

static void add_time(struct summary *summary, int64_t ns)
{
    if (summary->packets == 1)
        summary->first_ns = summary->last_ns = ns;
    if (ns < summary->last_ns) {
        summary->backward++;
        if (summary->last_ns - ns > summary->most_backward_ns)
            summary->most_backward_ns = summary->last_ns - ns;
    }
    if (ns < summary->first_ns)
        summary->first_ns = ns;
    if (ns > summary->last_ns)
        summary->last_ns = ns;
}

void summary_add(struct summary *summary, const struct capture_packet *captured,
                 const struct weir_packet *packet)
{
    summary->packets++;
    summary->bytes += captured->wire_len;
    add_time(summary, captured->time_ns);
    if (!packet) {
        summary->skipped++;
        return;
    }
    summary->verdicts[packet->verdict]++;
    summary->states[packet->ctinfo]++;
    if (packet->reason != WEIR_R_NONE)
        summary->reasons[group_of(packet)][packet->reason]++;
}

static const char *plural(uint64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

void summary_notes(const struct summary *summary, struct textbuf *text,
                   const struct capture_stats *capture)
{
    struct human count, span;
    if (summary->backward)
        textbuf_addf(text,
                     "the capture's clock runs backwards at %s %s, by up to %s; "
                     "time stood still meanwhile\n",
                     human_count(&count, summary->backward),
                     plural(summary->backward, "packet", "packets"),
                     human_span(&span, (uint64_t)summary->most_backward_ns));
    if (capture->time_missing)
        textbuf_addf(text, "%s %s no time and took that of the packet before\n",
                     human_count(&count, capture->time_missing),
                     plural(capture->time_missing, "packet has", "packets have"));
}

/* The same lines, indented. */
static void add_notes(const struct summary *summary, struct textbuf *text,
                      const struct capture_stats *capture)
{
    struct textbuf notes = {0};
    summary_notes(summary, &notes, capture);
    const char *line = textbuf_string(&notes);
    while (*line) {
        size_t len = strcspn(line, "\n") + 1;
        textbuf_addf(text, "  %.*s", (int)len, line);
        line += len;
    }
    textbuf_fini(&notes);
}

static void add_head(const struct summary *summary, struct textbuf *text, const char *path,
                     const struct capture_stats *capture)
{
    struct human count, bytes, span, moment;
    textbuf_addf(text, "%s\n", strcmp(path, "-") != 0 ? path : "standard input");
    if (!summary->packets) {
        textbuf_add(text, "  no packets\n");
        return;
    }
    textbuf_addf(text, "  %s %s, %s", human_count(&count, summary->packets),
                 plural(summary->packets, "packet", "packets"),
                 human_bytes(&bytes, summary->bytes));
    textbuf_addf(text, ", %s from %s\n",
                 human_span(&span, (uint64_t)summary->last_ns - (uint64_t)summary->first_ns),
                 human_moment(&moment, summary->first_ns));
    if (summary->skipped)
        textbuf_addf(text, "  %s not IP, skipped\n", human_count(&count, summary->skipped));
    if (capture->cut)
        textbuf_addf(text, "  %s cut short by the capture; checksums of those are not verified\n",
                     human_count(&count, capture->cut));
    add_notes(summary, text, capture);
}

/* A row of one of the two columns "verdict" and "state". */
struct row {
    const char *name;
    uint64_t count;
};

static size_t verdict_rows(const struct summary *summary, struct row *rows)
{
    static const struct {
        enum weir_verdict verdict;
        const char *name;
    } order[] = {
        {WEIR_ACCEPT, "ACCEPT"},
        {WEIR_REPLACED, "REPLACED"},
        {WEIR_HELD, "HELD"},
        {WEIR_DROP, "DROP"},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (summary->verdicts[order[i].verdict])
            rows[n++] = (struct row){order[i].name, summary->verdicts[order[i].verdict]};
    return n;
}

static size_t state_rows(const struct summary *summary, struct row *rows)
{
    size_t n = 0;
    for (int i = WEIR_CT_NEW; i < WEIR_CT_MAX; i++)
        if (summary->states[i])
            rows[n++] = (struct row){weir_ctinfo_name((enum weir_ctinfo)i), summary->states[i]};
    return n;
}

static void add_row(struct textbuf *text, const struct row *row, int name_width, uint64_t whole)
{
    struct human count, percent;
    textbuf_addf(text, "  %-*s %12s %8s", name_width, row->name, human_count(&count, row->count),
                 human_percent(&percent, row->count, whole));
}

/* Verdicts on the left, states on the right. */
static void add_counts(const struct summary *summary, struct textbuf *text)
{
    enum { VERDICT_WIDTH = 9, STATE_WIDTH = 17, COLUMN = 2 + VERDICT_WIDTH + 22 };
    struct row verdicts[WEIR_VERDICT_MAX], states[WEIR_CT_MAX];
    size_t left = verdict_rows(summary, verdicts), right = state_rows(summary, states);
    uint64_t whole = summary->packets - summary->skipped;
    if (!left)
        return;
    textbuf_addf(text, "\n%-*s  State\n", COLUMN + 2, "Verdict");
    for (size_t i = 0; i < left || i < right; i++) {
        if (i < left)
            add_row(text, &verdicts[i], VERDICT_WIDTH, whole);
        else
            textbuf_addf(text, "%*s", COLUMN, "");
        if (i < right) {
            textbuf_add(text, "  ");
            add_row(text, &states[i], STATE_WIDTH, whole);
        }
        textbuf_add(text, "\n");
    }
}

/* The reason that comes next: the most frequent one of those not above (`limit`, `after`). */
static int next_reason(const uint64_t counts[WEIR_R_MAX], uint64_t limit, int after)
{
    int best = -1;
    for (int i = 0; i < WEIR_R_MAX; i++) {
        bool later = counts[i] < limit || (counts[i] == limit && i > after);
        if (counts[i] && later && (best < 0 || counts[i] > counts[best]))
            best = i;
    }
    return best;
}

static void add_reasons(struct textbuf *text, const char *title, const uint64_t counts[WEIR_R_MAX])
{
    struct human count;
    int reason = next_reason(counts, UINT64_MAX, -1);
    if (reason < 0)
        return;
    textbuf_addf(text, "\n%s\n", title);
    for (; reason >= 0; reason = next_reason(counts, counts[reason], reason))
        textbuf_addf(text, "  %8s  %-16s  %s\n", human_count(&count, counts[reason]),
                     weir_reason_word((enum weir_reason)reason),
                     weir_reason_text((enum weir_reason)reason));
}

static uint64_t sum(const uint64_t counts[WEIR_R_MAX])
{
    uint64_t all = 0;
    for (int i = 0; i < WEIR_R_MAX; i++)
        all += counts[i];
    return all;
}

/* Does this reason account for more than half of its group? */
static bool is_main(const uint64_t counts[WEIR_R_MAX], enum weir_reason reason)
{
    return counts[reason] > sum(counts) / 2;
}

/* What the user may want to do about the most frequent surprises. */
static void add_hints(const struct summary *summary, struct textbuf *text)
{
    const uint64_t *dropped = summary->reasons[SUMMARY_DROPPED];
    if (is_main(summary->reasons[SUMMARY_INVALID], WEIR_R_L4_CHECKSUM))
        textbuf_add(
            text,
            "\nHint: most INVALID packets have a wrong checksum. A capture made on the sending "
            "host often\n"
            "looks so, because the network card computes checksums after the capture. Try\n"
            "  --sysctl net.netfilter.nf_conntrack_checksum=0\n");
    if (is_main(dropped, WEIR_R_NO_ROUTE))
        textbuf_add(text, "\nHint: most dropped packets have no route. Add\n"
                          "  --route default=IFACE\n");
    if (is_main(dropped, WEIR_R_TABLE_FULL))
        textbuf_add(text, "\nHint: the table is full. Allow more connections with\n"
                          "  --sysctl net.netfilter.nf_conntrack_max=N\n");
}

static void add_connections(struct textbuf *text, const struct weir_shard *shard)
{
    struct human created, removed, alive;
    struct weir_stats stats;
    weir_shard_stats(shard, &stats);
    textbuf_addf(text, "\nConnections: %s created, %s ended, %s alive\n",
                 human_count(&created, stats.created), human_count(&removed, stats.removed),
                 human_count(&alive, stats.created - stats.removed));
}

void summary_print(const struct summary *summary, struct textbuf *text, const char *path,
                   const struct capture_stats *capture, const struct weir_shard *shard)
{
    static const char *const titles[SUMMARY_GROUPS] = {
        [SUMMARY_DROPPED] = "Dropped, because",
        [SUMMARY_HELD] = "Held, because",
        [SUMMARY_INVALID] = "INVALID, because",
        [SUMMARY_PASSED] = "Passed with a remark",
    };
    add_head(summary, text, path, capture);
    add_counts(summary, text);
    for (int i = 0; i < SUMMARY_GROUPS; i++)
        add_reasons(text, titles[i], summary->reasons[i]);
    add_hints(summary, text);
    add_connections(text, shard);
}
