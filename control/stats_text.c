/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters as text (conntrack reference, 6.3). The columns that Linux keeps for compatibility but
 * never counts, `new`, `ignore` and `delete`, are 0 here as well.
 */
#include "stats_text.h"

#include <inttypes.h>

void stats_text_list(struct textbuf *text, const struct weir_stats *shards, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct weir_stats *s = &shards[i];
        const struct {
            const char *name;
            uint64_t value;
        } fields[] = {
            {"found", s->found},
            {"invalid", s->invalid},
            {"insert", s->insert},
            {"insert_failed", s->insert_failed},
            {"drop", s->drop},
            {"early_drop", s->early_drop},
            {"error", s->icmp_error},
            {"search_restart", s->search_restart},
            {"clash_resolve", s->clash_resolve},
            {"chaintoolong", s->chaintoolong},
        };
        textbuf_addf(text, "cpu=%-4u\t", i);
        for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
            textbuf_addf(text, "%s=%" PRIu64 " ", fields[f].name, fields[f].value);
        textbuf_add(text, "\n");
    }
}

void stats_text_proc(struct textbuf *text, const struct weir_stats *shards, unsigned count,
                     uint64_t entries)
{
    textbuf_add(text, "entries  clashres found new invalid ignore delete chainlength insert "
                      "insert_failed drop early_drop icmp_error  expect_new expect_create "
                      "expect_delete search_restart\n");
    for (unsigned i = 0; i < count; i++) {
        const struct weir_stats *s = &shards[i];
        const uint64_t columns[] = {
            s->clash_resolve,
            s->found,
            0,
            s->invalid,
            0,
            0,
            s->chaintoolong,
            s->insert,
            s->insert_failed,
            s->drop,
            s->early_drop,
            s->icmp_error,
            s->expect_new,
            s->expect_create,
            s->expect_delete,
            s->search_restart,
        };
        enum { EXPECT_NEW = 12 };
        textbuf_addf(text, "%08" PRIx64 " ", entries);
        for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
            textbuf_addf(text, "%s%08" PRIx64, c == EXPECT_NEW ? "  " : " ", columns[c]);
        textbuf_add(text, "\n");
    }
}
