/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m connbytes: how much a connection has carried, the packet at hand included (iptables reference,
 * 3.2). Where a rule asks, connections are counted from then on; those that were there before have
 * no counters, and never match.
 *
 * A range without an upper end and "!" are kept as iptables keeps them: the end is the largest
 * number, and a negated range is one whose ends are swapped. So "! 5:5" is "5:5".
 */
#include "rules/eval.h"

enum { B_RANGE, B_MODE, B_DIR };
enum { MODE_PACKETS, MODE_BYTES, MODE_AVERAGE };
enum { DIR_BOTH = 2 }; /* behind those of enum weir_dir */

struct connbytes {
    uint64_t range[2]; /* the first is the larger: negated */
    uint8_t mode, dir;
};

static const struct opt opts[] = {
    {"connbytes", B_RANGE, OPT_U64_RANGE, OPT_NOT | OPT_MUST, offsetof(struct connbytes, range)},
    {"connbytes-mode", B_MODE, OPT_OTHER, OPT_MUST},
    {"connbytes-dir", B_DIR, OPT_OTHER, OPT_MUST},
    {0},
};

static const char *const mode_words[] = {"packets", "bytes", "avgpkt", NULL};
static const char *const dir_words[] = {"original", "reply", "both", NULL};

static bool take_word(struct rule_parse *r, const struct opt *o, const char *text,
                      const char *const *words, uint8_t *word)
{
    for (*word = 0; words[*word]; ++*word)
        if (strcmp(words[*word], text) == 0)
            return true;
    return rule_fail(r, "Unknown --%s `%s'", o->name, text);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct connbytes *b = ext_data(x);

    if (o->id == B_MODE)
        return take_word(r, o, text, mode_words, &b->mode);
    if (o->id == B_DIR)
        return take_word(r, o, text, dir_words, &b->dir);
    if (!strchr(text, ':'))
        b->range[1] = UINT64_MAX;
    if (b->range[0] > b->range[1])
        return rule_fail(r, "%llu should be less than %llu", (unsigned long long)b->range[0],
                         (unsigned long long)b->range[1]);
    if (ext_negated(x, B_RANGE)) {
        uint64_t low = b->range[0];

        b->range[0] = b->range[1];
        b->range[1] = low;
        if (b->range[0] == low)
            rule_note(r, "the range is one number, and \"!\" does not negate it, as in Linux");
    }
    return true;
}

static bool is_negated(const struct connbytes *b)
{
    return b->range[0] > b->range[1];
}

static void add_range(struct text *out, const struct connbytes *b)
{
    uint64_t low = b->range[is_negated(b)], high = b->range[!is_negated(b)];

    text_number(out, low);
    if (high && high < UINT64_MAX)
        text_addf(out, ":%llu", (unsigned long long)high);
}

static void print(struct text *out, const struct ext *x)
{
    const struct connbytes *b = ext_conf(x);

    text_add(out, is_negated(b) ? " ! --connbytes " : " --connbytes ");
    add_range(out, b);
    text_addf(out, " --connbytes-mode %s --connbytes-dir %s", mode_words[b->mode],
              dir_words[b->dir]);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct connbytes *b = ext_conf(x);

    (void)how;
    text_add(out, is_negated(b) ? " ! connbytes " : " connbytes ");
    add_range(out, b);
    text_addf(out, " connbytes mode %s connbytes direction %s", mode_words[b->mode],
              dir_words[b->dir]);
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    (void)x;
    (void)state;
    w->t->set.acct = 1;
    return true;
}

static uint64_t measure(const struct connbytes *b, const struct conn_ext *ext)
{
    uint64_t packets = 0, bytes = 0;

    for (uint8_t dir = 0; dir < 2; dir++)
        if (b->dir == dir || b->dir == DIR_BOTH) {
            packets += ext->packets[dir];
            bytes += ext->bytes[dir];
        }
    switch (b->mode) {
    case MODE_PACKETS: return packets;
    case MODE_BYTES: return bytes;
    default: return packets ? bytes / packets : 0;
    }
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct connbytes *b = ext_conf(x);
    const struct conn *c = eval_entry(e);

    if (!c || !(c->parts & WEIR_HAS_COUNTERS))
        return false;
    uint64_t n = measure(b, slab_at(&e->t->exts, c->ext));

    if (is_negated(b))
        return n < b->range[1] || n > b->range[0];
    return n >= b->range[0] && n <= b->range[1];
}

const struct ext_type match_connbytes = {
    .name = "connbytes",
    .families = EXT_BOTH,
    .size = sizeof(struct connbytes),
    .opts = opts,
    .take = take,
    .print = print,
    .list = list,
    .bind = bind,
    .match = match,
};
