/* SPDX-License-Identifier: BSD-2-Clause */
/* -m state: the older and smaller sister of -m conntrack --ctstate (iptables reference, 3.2). */
#include "rules/match/ctstate.h"
#include "rules/match/words.h"

enum { S_STATE };

struct state {
    uint32_t states; /* 1 << enum ctstate */
};

static const struct opt opts[] = {
    {"state", S_STATE, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct state *s = ext_data(x);
    const char *bad = words_read(text, ctstate_words, CTSTATE_CLASSES, &s->states);

    (void)o;
    if (bad && !*bad)
        return rule_fail(r, "\"--state\" requires a list of states with no spaces, e.g. "
                            "ESTABLISHED,RELATED");
    return !bad || rule_fail(r, "Bad state \"%s\"", bad);
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct state *s = ext_conf(x);

    (void)o;
    text_char(out, ' ');
    words_print(out, ctstate_words, s->states);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct state *s = ext_conf(x);

    (void)how;
    text_add(out, ext_negated(x, S_STATE) ? " ! state " : " state ");
    words_print(out, ctstate_words, s->states);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct state *s = ext_conf(x);

    return !(ctstate_of(e) & s->states) == ext_negated(x, S_STATE);
}

static uint32_t states(const struct ext *x)
{
    const struct state *s = ext_conf(x);

    return (ext_negated(x, S_STATE) ? ~s->states : s->states) & CTSTATE_CLASS_BITS;
}

const struct ext_type match_state = {
    .name = "state",
    .families = EXT_BOTH,
    .size = sizeof(struct state),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
    .states = states,
};
