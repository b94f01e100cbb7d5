/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario: reading scenario files, see scenario.h for the grammar.
 *
 * The text is cut into lines first; `do NAME` then is nothing but reading a range of them again, in
 * the place where it stands, so a block sees the flow and the clock of its user.
 *
 * Everything that outlives the reading is in a chain of allocations that is freed at once. Lists
 * grow by doubling in there; the halves left behind are not worth a second kind of memory.
 */
#include "scenario.h"

#include <errno.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scn_expect.h"
#include "scn_packet.h"

enum {
    DO_DEPTH_MAX = 8,   /* blocks in blocks */
    REPEAT_MAX = 10000, /* x3 */
};

/* ---- memory ---------------------------------------------------------------------------------- */

struct scn_memory {
    struct scn_memory *next;
    alignas(max_align_t) unsigned char bytes[];
};

struct line {
    const char *p;
    size_t len;
};

struct block {
    struct scn_word name;
    size_t first, end; /* its lines */
};

struct reader {
    struct scenario_file *file;
    struct scn_error *error;
    struct scn_packet *packet; /* a large buffer, used again and again */

    struct line *line;
    size_t line_count;
    struct block *block;
    size_t block_count, block_cap;
    struct scenario *scenario;
    size_t scenario_cap;
    struct scn_step *step; /* of the current scenario */
    size_t step_count, step_cap;
    const char **ref;
    size_t ref_count, ref_cap;

    bool has_flow, has_common_flow; /* now; as it was before the first scenario */
    struct scn_flow flow, common_flow;
    int64_t now_ns; /* since the scenario began */
    unsigned depth; /* of `do` */
};

static void *keep(struct reader *r, size_t n)
{
    struct scn_memory *m = calloc(1, sizeof(*m) + n);
    if (!m) {
        fputs("scenario: out of memory\n", stderr);
        abort(); /* a test program has nothing better to do */
    }
    m->next = r->file->memory;
    r->file->memory = m;
    return m->bytes;
}

static char *keep_text(struct reader *r, const char *p, size_t len)
{
    char *copy = keep(r, len + 1);
    if (len)
        memcpy(copy, p, len);
    return copy;
}

static char *keep_word(struct reader *r, struct scn_word w)
{
    return keep_text(r, w.p, w.len);
}

/* Room for one more element; the list may move. */
static void *grow(struct reader *r, void *list, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return list;
    *cap = *cap ? 2 * *cap : 16;
    void *bigger = keep(r, *cap * size);
    if (count)
        memcpy(bigger, list, count * size);
    return bigger;
}

void scenario_free(struct scenario_file *file)
{
    while (file->memory) {
        struct scn_memory *m = file->memory;
        file->memory = m->next;
        free(m);
    }
    *file = (struct scenario_file){0};
}

/* ---- steps ----------------------------------------------------------------------------------- */

/* What stands before a step: time, and how often. */
struct prefix {
    int64_t wait_ns, again_ns; /* before it is done; before it is done again */
    uint64_t times;
};

static bool add_step(struct reader *r, const struct scn_scan *s, const struct prefix *prefix,
                     struct scn_step step)
{
    if (!r->file->count)
        return scn_fail(s, (struct scn_word){s->line, 0},
                        "a scenario must begin before its steps: name TEXT");
    r->step = grow(r, r->step, r->step_count, &r->step_cap, sizeof(*r->step));
    step.line = s->number;
    step.wait_ns = prefix->wait_ns;
    r->now_ns += step.wait_ns;
    r->step[r->step_count++] = step;
    return true;
}

static bool at_end(struct scn_scan *s)
{
    struct scn_word w = scn_next(s);
    if (w.len)
        return scn_fail(s, w, "'%.*s' is too much on this line", (int)w.len, w.p);
    return !scn_failed(s);
}

static bool read_prefix(struct reader *r, struct scn_scan *s, struct prefix *prefix)
{
    *prefix = (struct prefix){.times = 1};
    for (;;) {
        struct scn_word w = scn_peek(s);
        int64_t ns;
        if (scn_is(w, "wait")) {
            scn_next(s);
            if (!scn_duration(s, scn_next(s), &ns))
                return false;
            prefix->wait_ns += ns;
            prefix->again_ns += ns;
        } else if (scn_is(w, "at")) {
            scn_next(s);
            w = scn_next(s);
            if (!scn_duration(s, w, &ns))
                return false;
            if (ns < r->now_ns)
                return scn_fail(s, w, "'%.*s' is in the past: %.9g seconds have gone by",
                                (int)w.len, w.p, (double)r->now_ns / 1e9);
            prefix->wait_ns = ns - r->now_ns;
        } else if (w.len > 1 && w.p[0] == 'x' && w.p[1] >= '0' && w.p[1] <= '9') {
            scn_next(s);
            if (!scn_number(s, w, (struct scn_word){w.p + 1, w.len - 1}, REPEAT_MAX,
                            &prefix->times))
                return false;
        } else {
            return !scn_failed(s);
        }
    }
}

static struct scn_settings read_settings(struct reader *r, struct scn_scan *s)
{
    struct scn_setting *list = NULL;
    size_t count = 0, cap = 0;
    struct scn_word w, value;

    while ((w = scn_next(s)).len) {
        struct scn_word key = scn_split(w, &value);
        list = grow(r, list, count, &cap, sizeof(*list));
        list[count].key = keep_word(r, key);
        list[count++].value = value.p ? keep_word(r, value) : NULL;
    }
    return (struct scn_settings){count, list};
}

static bool read_packet_step(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_word w = scn_peek(s);
    bool a = scn_is(w, "A:"), b = scn_is(w, "B:");
    struct scn_packet *packet = r->packet;

    if (a || b) {
        scn_next(s);
        if (!r->has_flow)
            return scn_fail(s, w, "'%.*s' needs a flow before it: flow tcp A>B 1000>80", (int)w.len,
                            w.p);
        if (!scn_read_flow_packet(s, &r->flow, a ? SIDE_A : SIDE_B, packet))
            return false;
    } else if (!scn_read_packet(s, packet)) {
        return false;
    }
    struct scn_expect *expect = keep(r, sizeof(*expect));
    if (scn_is(scn_peek(s), "->")) {
        scn_next(s);
        if (!scn_read_expect(s, expect))
            return false;
    }
    struct scn_step step = {.kind = SCN_STEP_PACKET};
    step.u.packet.side = packet->side;
    step.u.packet.len = packet->len;
    step.u.packet.bytes = memcpy(keep(r, packet->len), packet->bytes, packet->len);
    step.u.packet.expect = expect;
    return at_end(s) && add_step(r, s, prefix, step);
}

static bool read_side(const struct scn_scan *s, struct scn_word w, enum side *side)
{
    *side = scn_is(w, "A") ? SIDE_A : SIDE_B;
    return *side == SIDE_A || scn_is(w, "B") ||
           scn_fail(s, w, "'%.*s' is no side: A or B", (int)w.len, w.p);
}

static bool step_out(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_step step = {.kind = SCN_STEP_OUT};
    static const struct scn_expect nothing;
    enum side side;

    if (!read_side(s, scn_next(s), &side))
        return false;
    if (scn_is(scn_peek(s), "none")) {
        scn_next(s);
    } else {
        /* Where it was sent from is no matter: it is seen on the way out. */
        struct scn_packet *packet = r->packet;
        if (!scn_read_inner_packet(s, packet))
            return false;
        step.u.packet.len = packet->len;
        step.u.packet.bytes = memcpy(keep(r, packet->len), packet->bytes, packet->len);
    }
    step.u.packet.side = side;
    step.u.packet.expect = &nothing;
    return at_end(s) && add_step(r, s, prefix, step);
}

static bool step_sysctl(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_word w = scn_next(s), value, key = scn_split(w, &value);
    struct scn_setting *one = keep(r, sizeof(*one));
    const char *lead = "net.netfilter.nf_conntrack_";

    if (!key.len || !value.len)
        return scn_fail(s, w, "'sysctl' wants KEY=VALUE, such as tcp_loose=0");
    if (memchr(key.p, '.', key.len))
        lead = "";
    else if (key.len > 3 && memcmp(key.p, "nf_", 3) == 0)
        lead = "net.netfilter.";
    size_t n = strlen(lead);
    char *full = keep(r, n + key.len + 1);
    memcpy(full, lead, n);
    memcpy(full + n, key.p, key.len);
    one->key = full;
    one->value = keep_word(r, value);
    struct scn_step step = {.kind = SCN_STEP_SYSCTL, .u.settings = {1, one}};
    return at_end(s) && add_step(r, s, prefix, step);
}

/* The rest of the line as it is, but for "-> FAIL" at its end. */
static bool read_command(struct reader *r, struct scn_scan *s, const struct prefix *prefix,
                         struct scn_step step)
{
    static const char fail[] = "-> FAIL";
    const size_t n = sizeof(fail) - 1;
    const char *p = s->p, *end = s->end;

    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    if ((size_t)(end - p) > n && memcmp(end - n, fail, n) == 0) {
        step.u.command.fails = true;
        end -= n + 1;
    }
    if (p >= end)
        return scn_fail(s, (struct scn_word){p, 0}, "the arguments are missing");
    step.u.command.args = keep_text(r, p, (size_t)(end - p));
    s->p = s->end;
    return add_step(r, s, prefix, step);
}

static bool step_rule(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_command(r, s, prefix,
                        (struct scn_step){.kind = SCN_STEP_RULE, .u.command.family = 4});
}

static bool step_rule6(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_command(r, s, prefix,
                        (struct scn_step){.kind = SCN_STEP_RULE, .u.command.family = 6});
}

static bool step_conntrack(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_command(r, s, prefix, (struct scn_step){.kind = SCN_STEP_CONNTRACK});
}

static bool step_route(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    enum side side;
    if (!read_side(s, scn_peek(s), &side))
        return false;
    struct scn_step step = {.kind = SCN_STEP_ROUTE, .u.settings = read_settings(r, s)};
    if (step.u.settings.count != 2)
        return scn_fail(s, scn_next(s), "'route' wants a side and a network, such as 10.9.0.0/16");
    return !scn_failed(s) && add_step(r, s, prefix, step);
}

static bool step_tmpl(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    enum side side;
    if (!read_side(s, scn_peek(s), &side))
        return false;
    struct scn_step step = {.kind = SCN_STEP_TMPL, .u.settings = read_settings(r, s)};
    if (step.u.settings.count < 2)
        return scn_fail(s, scn_next(s), "'tmpl' wants KEY=VALUE words, or off");
    return !scn_failed(s) && add_step(r, s, prefix, step);
}

static bool step_policy(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_step step = {.kind = SCN_STEP_POLICY, .u.settings = read_settings(r, s)};
    const struct scn_settings *set = &step.u.settings;
    bool off = set->count == 2 && strcmp(set->setting[1].key, "off") == 0;
    if (set->count < 3 && !off)
        return scn_fail(
            s, scn_next(s),
            "'policy' wants a name, a protocol and seconds (slow udp unreplied=7), or a "
            "name and off");
    return !scn_failed(s) && add_step(r, s, prefix, step);
}

static bool read_switch(struct reader *r, struct scn_scan *s, const struct prefix *prefix,
                        enum scn_step_kind kind)
{
    struct scn_word w = scn_next(s);
    struct scn_step step = {.kind = kind, .u.on = scn_is(w, "on")};
    if (!step.u.on && !scn_is(w, "off"))
        return scn_fail(s, w, "'%.*s': on or off is wanted", (int)w.len, w.p);
    return at_end(s) && add_step(r, s, prefix, step);
}

static bool step_hooks(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_switch(r, s, prefix, SCN_STEP_HOOKS);
}

static bool step_hold(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_switch(r, s, prefix, SCN_STEP_HOLD);
}

static bool step_flush(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return at_end(s) && add_step(r, s, prefix, (struct scn_step){.kind = SCN_STEP_FLUSH});
}

static bool read_count(struct reader *r, struct scn_scan *s, const struct prefix *prefix,
                       struct scn_word word, enum scn_step_kind kind)
{
    struct scn_step step = {.kind = kind};
    return scn_number(s, word, scn_next(s), UINT64_MAX, &step.u.count) && at_end(s) &&
           add_step(r, s, prefix, step);
}

static bool step_mtu(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_count(r, s, prefix, (struct scn_word){"mtu", 3}, SCN_STEP_MTU);
}

static bool step_release(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    return read_count(r, s, prefix, (struct scn_word){"release", 7}, SCN_STEP_RELEASE);
}

static bool expect_stat(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_scan again = *s;
    struct scn_word w, value;
    uint64_t n;

    if (!scn_peek(s).len)
        return scn_fail(s, scn_next(s), "'expect stat' wants counters, such as invalid=1");
    while ((w = scn_next(&again)).len) {
        struct scn_word key = scn_split(w, &value);
        if (!scn_number(s, key, value, UINT64_MAX, &n))
            return false;
    }
    struct scn_step step = {.kind = SCN_STEP_EXPECT_STAT, .u.settings = read_settings(r, s)};
    return !scn_failed(s) && add_step(r, s, prefix, step);
}

static bool expect_entry(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_step step = {.kind = SCN_STEP_EXPECT_ENTRY};
    struct scn_expect *expect = keep(r, sizeof(*expect));

    step.u.entry.expect = expect;
    return scn_read_entry(s, &step.u.entry.proto, &step.u.entry.orig) &&
           scn_read_expect_words(s, expect) && add_step(r, s, prefix, step);
}

static bool expect_events(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_step step = {.kind = SCN_STEP_EXPECT_EVENTS};
    struct scn_expect *expect = keep(r, sizeof(*expect));

    step.u.entry.expect = expect;
    expect->set = true;
    return scn_read_events(s, scn_next(s), &expect->events) && at_end(s) &&
           add_step(r, s, prefix, step);
}

static bool step_expect(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_word w = scn_next(s);
    if (scn_is(w, "table"))
        return read_count(r, s, prefix, w, SCN_STEP_EXPECT_TABLE);
    if (scn_is(w, "count"))
        return read_count(r, s, prefix, w, SCN_STEP_EXPECT_COUNT);
    if (scn_is(w, "stat"))
        return expect_stat(r, s, prefix);
    if (scn_is(w, "entry"))
        return expect_entry(r, s, prefix);
    if (scn_is(w, "events"))
        return expect_events(r, s, prefix);
    if (scn_is(w, "rule") || scn_is(w, "rule6"))
        return read_command(r, s, prefix,
                            (struct scn_step){.kind = SCN_STEP_EXPECT_RULE,
                                              .u.command.family = scn_is(w, "rule") ? 4 : 6});
    return scn_fail(s, w, "'%.*s' cannot be expected: table count stat entry rule rule6 events",
                    (int)w.len, w.p);
}

static const struct {
    const char *word;
    bool (*read)(struct reader *r, struct scn_scan *s, const struct prefix *prefix);
} steps[] = {
    {"sysctl", step_sysctl}, {"rule", step_rule},
    {"rule6", step_rule6},   {"conntrack", step_conntrack},
    {"tmpl", step_tmpl},     {"policy", step_policy},
    {"hooks", step_hooks},   {"hold", step_hold},
    {"flush", step_flush},   {"release", step_release},
    {"expect", step_expect}, {"out", step_out},
    {"mtu", step_mtu},       {"route", step_route},
};

static bool read_once(struct reader *r, struct scn_scan *s, const struct prefix *prefix)
{
    struct scn_word w = scn_peek(s);
    if (!w.len)
        return add_step(r, s, prefix, (struct scn_step){.kind = SCN_STEP_WAIT});
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (scn_is(w, steps[i].word)) {
            scn_next(s);
            return steps[i].read(r, s, prefix);
        }
    }
    /* Whatever does not look like a packet is a mistyped word. */
    if (!memchr(w.p, '>', w.len) && !memchr(w.p, ':', w.len) && !memchr(w.p, '=', w.len) &&
        !scn_is(w, "4") && !scn_is(w, "6"))
        return scn_fail(
            s, w,
            "'%.*s' begins no line: a packet (A>B …, A: …), wait at xN, sysctl rule "
            "rule6 conntrack route tmpl policy hooks mtu hold release flush expect out, or name "
            "ref only flow block do",
            (int)w.len, w.p);
    return read_packet_step(r, s, prefix);
}

/* A line with xN is read N times, each time with another i. */
static bool read_step(struct reader *r, struct scn_scan *s)
{
    struct prefix prefix;
    if (!read_prefix(r, s, &prefix))
        return false;
    for (uint64_t i = 0; i < prefix.times; i++) {
        struct scn_scan again = *s;
        again.i = i;
        if (!read_once(r, &again, &prefix))
            return false;
        prefix.wait_ns = prefix.again_ns;
    }
    return true;
}

/* ---- the frame ------------------------------------------------------------------------------- */

static struct scenario *current(struct reader *r)
{
    return r->file->count ? &r->scenario[r->file->count - 1] : NULL;
}

static void close_scenario(struct reader *r)
{
    struct scenario *c = current(r);
    if (!c)
        return;
    c->step = r->step;
    c->step_count = r->step_count;
    c->ref = r->ref;
    c->ref_count = r->ref_count;
}

static struct scn_word rest_of(struct scn_scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
        s->p++;
    struct scn_word w = {s->p, (size_t)(s->end - s->p)};
    while (w.len && (w.p[w.len - 1] == ' ' || w.p[w.len - 1] == '\t' || w.p[w.len - 1] == '\r'))
        w.len--;
    s->p = s->end;
    return w;
}

static bool frame_name(struct reader *r, struct scn_scan *s)
{
    struct scn_word text = rest_of(s);
    if (!text.len)
        return scn_fail(s, text, "'name' wants a text");
    if (current(r)) {
        close_scenario(r);
    } else {
        r->has_common_flow = r->has_flow;
        r->common_flow = r->flow;
    }
    r->scenario = grow(r, r->scenario, r->file->count, &r->scenario_cap, sizeof(*r->scenario));
    r->scenario[r->file->count++] =
        (struct scenario){.name = keep_word(r, text), .line = s->number};
    r->step = NULL;
    r->ref = NULL;
    r->step_count = r->step_cap = r->ref_count = r->ref_cap = 0;
    r->has_flow = r->has_common_flow;
    r->flow = r->common_flow;
    r->now_ns = 0;
    return true;
}

static bool needs_scenario(struct reader *r, const struct scn_scan *s)
{
    return current(r) || scn_fail(s, (struct scn_word){s->line, 0},
                                  "a scenario must begin before this line: name TEXT");
}

static bool frame_ref(struct reader *r, struct scn_scan *s)
{
    struct scn_word w;
    if (!needs_scenario(r, s))
        return false;
    while ((w = scn_next(s)).len) {
        struct scn_scan list = scn_scan_word(s, w);
        while ((w = scn_next_part(&list, ',')).len) {
            r->ref = grow(r, r->ref, r->ref_count, &r->ref_cap, sizeof(*r->ref));
            r->ref[r->ref_count++] = keep_word(r, w);
        }
    }
    return !scn_failed(s);
}

static bool frame_only(struct reader *r, struct scn_scan *s)
{
    if (!needs_scenario(r, s))
        return false;
    struct scn_word w = scn_next(s), why = rest_of(s);
    struct scenario *c = current(r);
    if (scn_is(w, "weir"))
        c->only = SCN_ENGINE_WEIR;
    else if (scn_is(w, "kernel"))
        c->only = SCN_ENGINE_KERNEL;
    else
        return scn_fail(s, w, "'%.*s' is no engine: weir or kernel", (int)w.len, w.p);
    if (!why.len)
        return scn_fail(s, why, "'only' wants a reason");
    c->only_why = keep_word(r, why);
    return true;
}

static bool frame_flow(struct reader *r, struct scn_scan *s)
{
    r->has_flow = scn_read_flow(s, &r->flow);
    return r->has_flow;
}

static struct scn_scan scan_of(const struct reader *r, size_t line)
{
    return scn_scan_line(r->line[line].p, r->line[line].len, (unsigned)line + 1, r->error);
}

/* `block NAME` on line i: remember its lines; returns the line of its `end`, or 0. */
static size_t read_block(struct reader *r, size_t i)
{
    struct scn_scan s = scan_of(r, i);
    scn_next(&s);
    struct scn_word name = scn_next(&s);
    if (!name.len) {
        scn_fail(&s, name, "'block' wants a name");
        return 0;
    }
    if (!at_end(&s))
        return 0;
    for (size_t end = i + 1; end < r->line_count; end++) {
        struct scn_scan t = scan_of(r, end);
        struct scn_word w = scn_peek(&t);
        if (scn_is(w, "block")) {
            scn_fail(&t, w, "blocks do not nest; 'end' of the block before is missing");
            return 0;
        }
        if (!scn_is(w, "end"))
            continue;
        r->block = grow(r, r->block, r->block_count, &r->block_cap, sizeof(*r->block));
        r->block[r->block_count++] = (struct block){name, i + 1, end};
        return end;
    }
    scn_fail(&s, name, "the block '%.*s' has no 'end'", (int)name.len, name.p);
    return 0;
}

static bool read_lines(struct reader *r, size_t first, size_t end);

static bool frame_do(struct reader *r, struct scn_scan *s)
{
    struct scn_word name = scn_next(s);
    if (!at_end(s))
        return false;
    for (size_t i = r->block_count; i-- > 0;) {
        struct scn_word known = r->block[i].name;
        if (known.len != name.len || memcmp(known.p, name.p, name.len) != 0)
            continue;
        if (r->depth == DO_DEPTH_MAX)
            return scn_fail(s, name, "blocks use each other more than %d deep", DO_DEPTH_MAX);
        r->depth++;
        bool ok = read_lines(r, r->block[i].first, r->block[i].end);
        r->depth--;
        return ok;
    }
    return scn_fail(s, name, "there is no block '%.*s' above", (int)name.len, name.p);
}

static const struct {
    const char *word;
    bool (*read)(struct reader *r, struct scn_scan *s);
} frame[] = {
    {"name", frame_name}, {"ref", frame_ref}, {"only", frame_only},
    {"flow", frame_flow}, {"do", frame_do},
};

static bool read_line(struct reader *r, size_t i)
{
    struct scn_scan s = scan_of(r, i);
    struct scn_word w = scn_peek(&s);

    if (!w.len)
        return !scn_failed(&s);
    for (size_t k = 0; k < sizeof(frame) / sizeof(frame[0]); k++) {
        if (scn_is(w, frame[k].word)) {
            scn_next(&s);
            return frame[k].read(r, &s);
        }
    }
    return read_step(r, &s);
}

static bool read_lines(struct reader *r, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct scn_scan s = scan_of(r, i);
        if (scn_is(scn_peek(&s), "block")) {
            i = read_block(r, i);
            if (i == 0)
                return false;
        } else if (!read_line(r, i)) {
            return false;
        }
    }
    return true;
}

static void split_lines(struct reader *r, const char *text, size_t len)
{
    size_t cap = 0;
    for (const char *p = text, *end = text + len; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        r->line = grow(r, r->line, r->line_count, &cap, sizeof(*r->line));
        r->line[r->line_count++] = (struct line){p, n};
        p += n + 1;
    }
}

bool scenario_parse(struct scenario_file *file, const char *text, size_t len,
                    struct scn_error *error)
{
    struct reader r = {.file = file, .error = error};

    *file = (struct scenario_file){0};
    *error = (struct scn_error){0};
    r.packet = keep(&r, sizeof(*r.packet));
    split_lines(&r, keep_text(&r, text, len), len);
    if (!read_lines(&r, 0, r.line_count)) {
        scenario_free(file);
        return false;
    }
    close_scenario(&r);
    file->scenario = r.scenario;
    return true;
}

bool scenario_load(struct scenario_file *file, const char *path, struct scn_error *error)
{
    char *text = NULL;
    size_t len = 0, cap = 0, n;
    FILE *f = fopen(path, "rb");

    *file = (struct scenario_file){0};
    *error = (struct scn_error){0};
    do {
        if (!f)
            break;
        if (cap - len < 4096) {
            cap = 2 * cap + 65536;
            char *bigger = realloc(text, cap);
            if (!bigger) {
                errno = ENOMEM;
                break;
            }
            text = bigger;
        }
        n = fread(text + len, 1, cap - len, f);
        len += n;
    } while (n);
    bool ok = f && !ferror(f) && feof(f);
    if (!ok)
        snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
    if (f)
        fclose(f);
    ok = ok && scenario_parse(file, text, len, error);
    free(text);
    return ok;
}
