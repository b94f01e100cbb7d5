/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_expect: reading expectations.
 *
 * Every word is a row of `words`: what kind of value it takes and where in struct scn_expect that
 * goes.
 */
#include "scn_expect.h"

#include <string.h>

#include "scn_packet.h"
#include "text.h"

enum value {
    VALUE_NO = 1, /* bare words: a demand, answered */
    VALUE_YES,
    VALUE_NUMBER, /* N or N..M */
    VALUE_PAIR,   /* N/M */
    VALUE_NAME,
    VALUE_TUPLE,
    VALUE_EVENTS,
    VALUE_SIZES,
};

#define AT(member) offsetof(struct scn_expect, member)

static const struct word {
    const char *word;
    enum value value;
    size_t at;
} words[] = {
    {"gone", VALUE_YES, AT(gone)},           {"present", VALUE_NO, AT(gone)},
    {"fresh", VALUE_YES, AT(fresh)},         {"same", VALUE_NO, AT(fresh)},
    {"replied", VALUE_YES, AT(replied)},     {"unreplied", VALUE_NO, AT(replied)},
    {"assured", VALUE_YES, AT(assured)},     {"unassured", VALUE_NO, AT(assured)},
    {"counted", VALUE_YES, AT(counted)},     {"uncounted", VALUE_NO, AT(counted)},
    {"refreshed", VALUE_YES, AT(refreshed)}, {"unrefreshed", VALUE_NO, AT(refreshed)},
    {"state", VALUE_NAME, AT(state)},        {"helper", VALUE_NAME, AT(helper)},
    {"reason", VALUE_NAME, AT(reason)},      {"timeout", VALUE_NUMBER, AT(timeout)},
    {"status", VALUE_NUMBER, AT(status)},    {"mark", VALUE_NUMBER, AT(mark)},
    {"zone", VALUE_NUMBER, AT(zone)},        {"use", VALUE_NUMBER, AT(use)},
    {"out", VALUE_NUMBER, AT(out)},          {"packets", VALUE_PAIR, AT(packets)},
    {"bytes", VALUE_PAIR, AT(bytes)},        {"scale", VALUE_PAIR, AT(scale)},
    {"flags", VALUE_PAIR, AT(flags)},        {"vtag", VALUE_PAIR, AT(vtag)},
    {"orig", VALUE_TUPLE, AT(orig)},         {"reply", VALUE_TUPLE, AT(reply)},
    {"events", VALUE_EVENTS, AT(events)},    {"sizes", VALUE_SIZES, AT(sizes)},
};

static const char *const class_name[SCN_CLASS_MAX] = {
    [SCN_CLASS_ANY] = "ANY",     [SCN_CLASS_NEW] = "NEW",     [SCN_CLASS_EST] = "EST",
    [SCN_CLASS_EST_R] = "EST_R", [SCN_CLASS_REL] = "REL",     [SCN_CLASS_REL_R] = "REL_R",
    [SCN_CLASS_INV] = "INV",     [SCN_CLASS_UNTRK] = "UNTRK", [SCN_CLASS_DROP] = "DROP",
    [SCN_CLASS_HELD] = "HELD",
};

const char *scn_class_name(enum scn_class class)
{
    return class_name[class];
}

static bool read_number(const struct scn_scan *s, struct scn_word key, struct scn_word value,
                        struct scn_number *n)
{
    struct scn_word low = value, high = {0};
    for (size_t i = 0; i + 1 < value.len; i++) {
        if (value.p[i] == '.' && value.p[i + 1] == '.') {
            low.len = i;
            high = (struct scn_word){value.p + i + 2, value.len - i - 2};
            break;
        }
    }
    if (!scn_number(s, key, low, UINT64_MAX, &n->low))
        return false;
    n->high = n->low;
    if (high.p && !scn_number(s, key, high, UINT64_MAX, &n->high))
        return false;
    n->set = true;
    return n->high >= n->low ||
           scn_fail(s, value, "'%.*s' ends before it begins", (int)value.len, value.p);
}

static bool read_pair(const struct scn_scan *s, struct scn_word key, struct scn_word value,
                      struct scn_pair *pair)
{
    struct scn_scan parts = scn_scan_word(s, value);
    struct scn_word one = scn_next_part(&parts, '/');
    struct scn_word two = scn_next_part(&parts, '/');

    if (!one.len || !two.len || parts.p < parts.end)
        return scn_fail(s, value.p ? value : key,
                        "'%.*s' wants a number for each direction: %.*s=1/0", (int)key.len, key.p,
                        (int)key.len, key.p);
    pair->set = true;
    return scn_number(s, key, one, UINT64_MAX, &pair->v[0]) &&
           scn_number(s, key, two, UINT64_MAX, &pair->v[1]);
}

static bool read_name(const struct scn_scan *s, struct scn_word key, struct scn_word value,
                      char name[static SCN_NAME_MAX])
{
    if (value.len == 0 || value.len >= SCN_NAME_MAX)
        return scn_fail(s, value.p ? value : key, "'%.*s' wants a name of 1 to %d letters",
                        (int)key.len, key.p, SCN_NAME_MAX - 1);
    memcpy(name, value.p, value.len);
    name[value.len] = 0;
    return true;
}

/* A half-key: N, or for ICMP type/code. */
static bool read_half(const struct scn_scan *s, struct scn_word word, uint16_t *half)
{
    struct scn_scan parts = scn_scan_word(s, word);
    struct scn_word one = scn_next_part(&parts, '/');
    bool two = parts.p < parts.end;
    uint64_t type, code;

    if (!scn_number(s, word, one, two ? 255 : 65535, &type))
        return false;
    *half = (uint16_t)type;
    if (!two)
        return true;
    if (!scn_number(s, word, scn_next_part(&parts, '/'), 255, &code))
        return false;
    *half = (uint16_t)(type << 8 | code);
    return true;
}

/* SRC>DST [KEY>KEY]; the keys are taken only if the next word looks like them. */
static bool read_tuple(struct scn_scan *s, uint8_t said, struct scn_tuple *t)
{
    struct scn_word word = scn_next(s);
    if (!scn_read_hosts(s, word, said, 4, &t->family, &t->src, &t->dst))
        return false;
    t->set = true;
    word = scn_peek(s);
    if (!memchr(word.p, '>', word.len) || memchr(word.p, '=', word.len) || scn_is(word, "->"))
        return true;
    scn_next(s);
    struct scn_scan parts = scn_scan_word(s, word);
    struct scn_word from = scn_next_part(&parts, '>');
    struct scn_word to = scn_next_part(&parts, '>');
    return read_half(s, from, &t->skey) && read_half(s, to, &t->dkey);
}

/* "6" in front, if it is there. */
static uint8_t read_family(struct scn_scan *s)
{
    struct scn_word word = scn_peek(s);
    if (!scn_is(word, "4") && !scn_is(word, "6"))
        return 0;
    scn_next(s);
    return (uint8_t)(word.p[0] - '0');
}

static bool read_bracketed(const struct scn_scan *s, struct scn_word key, struct scn_word value,
                           struct scn_tuple *t)
{
    if (!value.len || value.p[0] != '[')
        return scn_fail(s, value.p ? value : key, "'%.*s' wants a tuple: %.*s=[A>B 1000>80]",
                        (int)key.len, key.p, (int)key.len, key.p);
    struct scn_scan inside = scn_scan_word(s, value);
    if (!read_tuple(&inside, read_family(&inside), t))
        return false;
    struct scn_word word = scn_next(&inside);
    return !word.len || scn_fail(s, word, "'%.*s' is too much for a tuple", (int)word.len, word.p);
}

bool scn_read_entry(struct scn_scan *s, uint8_t *proto, struct scn_tuple *orig)
{
    uint8_t said = read_family(s);
    struct scn_word word = scn_next(s);
    struct build usual;
    uint64_t n;

    if (scn_is(word, "proto")) {
        if (!scn_number(s, word, scn_next(s), 255, &n))
            return false;
        *proto = (uint8_t)n;
        return read_tuple(s, said, orig);
    }
    for (enum build_kind k = BUILD_RAW + 1; k < BUILD_KIND_MAX; k++) {
        if (!scn_is(word, build_kind_name(k)))
            continue;
        if (!read_tuple(s, said, orig))
            return false;
        build_init(&usual, orig->family, k);
        *proto = usual.proto;
        return true;
    }
    return scn_fail(s, word, "'%.*s' is no protocol: tcp udp udplite icmp sctp gre or proto N",
                    (int)word.len, word.p);
}

bool scn_read_events(const struct scn_scan *s, struct scn_word word, struct scn_events *events)
{
    static const char *const name[] = {
        [SCN_EVENT_NEW] = "NEW", [SCN_EVENT_UPDATE] = "UPDATE", [SCN_EVENT_DESTROY] = "DESTROY"};
    struct scn_scan list = scn_scan_word(s, word);
    struct scn_word part;

    events->set = true;
    events->count = 0;
    if (scn_is(word, "none"))
        return true;
    while ((part = scn_next_part(&list, ',')).len) {
        enum scn_event e = SCN_EVENT_NEW;
        while (e <= SCN_EVENT_DESTROY && !scn_is(part, name[e]))
            e++;
        if (e > SCN_EVENT_DESTROY || events->count == SCN_EVENTS_MAX)
            return scn_fail(s, part, "'%.*s': up to %d of NEW UPDATE DESTROY, or none",
                            (int)part.len, part.p, SCN_EVENTS_MAX);
        events->event[events->count++] = e;
    }
    return events->count || scn_fail(s, word, "events are missing: NEW,UPDATE or none");
}

static bool read_sizes(const struct scn_scan *s, struct scn_word key, struct scn_word value,
                       struct scn_sizes *sizes)
{
    struct scn_scan list = scn_scan_word(s, value);
    struct scn_word part;
    uint64_t n;

    sizes->set = true;
    sizes->count = 0;
    while ((part = scn_next_part(&list, ',')).len) {
        if (sizes->count == SCN_SIZES_MAX)
            return scn_fail(s, part, "more than %d sizes", SCN_SIZES_MAX);
        if (!scn_number(s, key, part, UINT32_MAX, &n))
            return false;
        sizes->size[sizes->count++] = (uint32_t)n;
    }
    return sizes->count || scn_fail(s, key, "'sizes' wants numbers: sizes=420,420,228");
}

static bool unknown_word(const struct scn_scan *s, struct scn_word word)
{
    char list[400];
    struct text t = text_in(list, sizeof(list));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        text_add(&t, "%s%s%s", i ? " " : "", words[i].word, words[i].value > VALUE_YES ? "=" : "");
    return scn_fail(s, word, "'%.*s' is nothing that can be expected: %s", (int)word.len, word.p,
                    list);
}

static bool read_word(const struct scn_scan *s, struct scn_word word, struct scn_expect *e)
{
    struct scn_word value, key = scn_split(word, &value);
    const struct word *w = words;
    const struct word *end = words + sizeof(words) / sizeof(words[0]);

    while (w < end && !scn_is(key, w->word))
        w++;
    if (w == end)
        return unknown_word(s, word);
    if (w->value <= VALUE_YES && value.p)
        return scn_fail(s, value, "'%s' takes no value", w->word);
    void *at = (char *)e + w->at;
    switch (w->value) {
    case VALUE_NO:
    case VALUE_YES: *(enum scn_demand *)at = w->value == VALUE_YES ? SCN_YES : SCN_NO; return true;
    case VALUE_NUMBER: return read_number(s, key, value, at);
    case VALUE_PAIR: return read_pair(s, key, value, at);
    case VALUE_NAME: return read_name(s, key, value, at);
    case VALUE_TUPLE: return read_bracketed(s, key, value, at);
    case VALUE_EVENTS: return scn_read_events(s, value, at);
    case VALUE_SIZES: return read_sizes(s, key, value, at);
    }
    return false;
}

bool scn_read_expect_words(struct scn_scan *s, struct scn_expect *e)
{
    struct scn_word word;
    e->set = true;
    while ((word = scn_next(s)).len)
        if (!read_word(s, word, e))
            return false;
    return !scn_failed(s);
}

bool scn_read_expect(struct scn_scan *s, struct scn_expect *e)
{
    struct scn_word word = scn_next(s);
    enum scn_class c = SCN_CLASS_ANY;

    while (c < SCN_CLASS_MAX && !scn_is(word, class_name[c]))
        c++;
    if (c == SCN_CLASS_MAX)
        return scn_fail(s, word,
                        "'%.*s' is no class: NEW EST EST_R REL REL_R INV UNTRK DROP HELD ANY",
                        (int)word.len, word.p);
    e->class = c;
    return scn_read_expect_words(s, e);
}
