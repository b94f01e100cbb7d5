/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_check: doing steps and judging them, see scenario_check.h.
 *
 * Nothing here knows which engine it looks at, but for the unit of its timeouts and whether its
 * clock runs by itself.
 */
#include "scenario_check.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/conn.h>

#include "../lib/text.h"
#include "../lib/wire.h"
#include "scenario_tuple.h"

/* ---- reporting ---- */

/* Every line of the text as a diagnostic of TAP. */
static void print_lines(const char *who, const char *text)
{
    printf("#   %s: ", who);
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("#   ");
    }
    putchar('\n');
}

void report_fail(struct report *r, unsigned line, const char *who, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    r->failures++;
    if (line != r->shown_line)
        printf("# %s:%u: %s\n", r->path, line, r->line[line]);
    r->shown_line = line;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    print_lines(who, text);
}

#define FAIL(c, step, ...) \
    ((c)->failures++, report_fail((c)->report, (step)->line, (c)->player->name, __VA_ARGS__))

static bool engine_ok(struct check *c, const struct scn_step *step, bool ok)
{
    if (!ok)
        FAIL(c, step, "%s", c->player->error);
    return ok;
}

void check_init(struct check *c, struct player *player, struct report *report)
{
    *c = (struct check){.player = player, .report = report};
}

void check_free(struct check *c)
{
    rig_result_free(&c->waited);
    rig_result_free(&c->result);
    rig_table_free(&c->table);
}

/* ---- the entry of a packet ---- */

static uint16_t check_zone_for(const struct check_zone *z, enum rig_dir dir)
{
    return z->dirs >> dir & 1 ? z->id : 0;
}

static uint16_t zone_of(const struct rig_entry *e, enum rig_dir dir)
{
    const struct rig_tuple *t = dir == RIG_ORIG ? &e->orig : &e->reply;

    return t->zone ? t->zone : e->zone;
}

static bool same_keys(const struct rig_tuple *a, const struct rig_tuple *b)
{
    struct rig_tuple x = *a, y = *b;

    x.zone = y.zone = 0;
    return rig_tuple_cmp(&x, &y) == 0;
}

/* Conntrack reference, 1.3: the zones must be the same for the direction that matches. */
static bool matches(const struct check *c, const struct rig_entry *e, enum rig_dir dir)
{
    return same_keys(dir == RIG_ORIG ? &e->orig : &e->reply, &c->tuple) &&
           zone_of(e, dir) == check_zone_for(&c->zone, dir);
}

/* The entry that the packet belongs to; found->is is false if there is none. */
static bool find_entry(struct check *c, struct check_entry *found)
{
    uint16_t orig = check_zone_for(&c->zone, RIG_ORIG), reply = check_zone_for(&c->zone, RIG_REPLY);
    struct player *p = c->player;

    found->is = false;
    if (!c->has_tuple)
        return true;
    if (!p->ops->find(p, &c->tuple, orig, &found->entry, &found->is))
        return false;
    if (!found->is && orig != reply &&
        !p->ops->find(p, &c->tuple, reply, &found->entry, &found->is))
        return false;
    found->is =
        found->is && (matches(c, &found->entry, RIG_ORIG) || matches(c, &found->entry, RIG_REPLY));
    return true;
}

static void tuple_text(const struct rig_tuple *t, char *text, size_t size)
{
    struct build_addr addr[2];
    char src[HOSTS_NAME_MAX], dst[HOSTS_NAME_MAX];
    uint8_t family = t->family == AF_INET ? 4 : 6;

    memcpy(addr[0].b, t->src, 16);
    memcpy(addr[1].b, t->dst, 16);
    hosts_print(family, &addr[0], src);
    hosts_print(family, &addr[1], dst);
    if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6)
        (void)snprintf(text, size, "%s>%s %u>%u/%u", src, dst, t->icmp_id, t->icmp_type,
                       t->icmp_code);
    else
        (void)snprintf(text, size, "%s>%s %u>%u", src, dst, t->sport, t->dport);
}

/* A tuple of the scenario as the engines have it. */
static struct rig_tuple rig_tuple_of(const struct scn_tuple *t, uint8_t proto)
{
    struct rig_tuple out = {.family = t->family == 4 ? AF_INET : AF_INET6, .proto = proto};

    memcpy(out.src, t->src.b, 16);
    memcpy(out.dst, t->dst.b, 16);
    if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
        out.icmp_id = t->skey;
        out.icmp_type = (uint8_t)(t->dkey >> 8);
        out.icmp_code = (uint8_t)t->dkey;
    } else {
        out.sport = t->skey;
        out.dport = t->dkey;
    }
    return out;
}

/* ---- demands about an entry ---- */

static const char *const tcp_states[] = {
    [WEIR_TCP_NONE] = "NONE",         [WEIR_TCP_SYN_SENT] = "SYN_SENT",
    [WEIR_TCP_SYN_RECV] = "SYN_RECV", [WEIR_TCP_ESTABLISHED] = "ESTABLISHED",
    [WEIR_TCP_FIN_WAIT] = "FIN_WAIT", [WEIR_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
    [WEIR_TCP_LAST_ACK] = "LAST_ACK", [WEIR_TCP_TIME_WAIT] = "TIME_WAIT",
    [WEIR_TCP_CLOSE] = "CLOSE",       [WEIR_TCP_SYN_SENT2] = "SYN_SENT2",
};

static const char *const sctp_states[] = {
    [WEIR_SCTP_NONE] = "NONE",
    [WEIR_SCTP_CLOSED] = "CLOSED",
    [WEIR_SCTP_COOKIE_WAIT] = "COOKIE_WAIT",
    [WEIR_SCTP_COOKIE_ECHOED] = "COOKIE_ECHOED",
    [WEIR_SCTP_ESTABLISHED] = "ESTABLISHED",
    [WEIR_SCTP_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
    [WEIR_SCTP_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
    [WEIR_SCTP_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
    [WEIR_SCTP_HEARTBEAT_SENT] = "HEARTBEAT_SENT",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *state_name(const struct rig_entry *e)
{
    if (e->has & RIG_HAS_TCP && e->tcp_state < COUNT(tcp_states))
        return tcp_states[e->tcp_state];
    if (e->has & RIG_HAS_SCTP && e->sctp_state < COUNT(sctp_states))
        return sctp_states[e->sctp_state];
    return "no state";
}

static void want_number(struct check *c, const struct scn_step *step, const char *what,
                        const struct scn_number *want, uint64_t got)
{
    if (!want->set || (got >= want->low && got <= want->high))
        return;
    if (want->low == want->high)
        FAIL(c, step, "%s: expected %" PRIu64 " (%#" PRIx64 "), got %" PRIu64 " (%#" PRIx64 ")",
             what, want->low, want->low, got, got);
    else
        FAIL(c, step, "%s: expected %" PRIu64 " to %" PRIu64 ", got %" PRIu64, what, want->low,
             want->high, got);
}

static void want_pair(struct check *c, const struct scn_step *step, const char *what,
                      const struct scn_pair *want, uint64_t orig, uint64_t reply)
{
    if (want->set && (want->v[0] != orig || want->v[1] != reply))
        FAIL(c, step,
             "%s: expected %" PRIu64 "/%" PRIu64 ", got %" PRIu64 "/%" PRIu64 " (%#" PRIx64
             "/%#" PRIx64 ")",
             what, want->v[0], want->v[1], orig, reply, orig, reply);
}

static void want_bit(struct check *c, const struct scn_step *step, const char *what,
                     enum scn_demand want, bool got)
{
    if (want != SCN_ANY && (want == SCN_YES) != got)
        FAIL(c, step, "expected %s%s, but it is%s", want == SCN_YES ? "" : "not ", what,
             got ? "" : " not");
}

static void want_tuple(struct check *c, const struct scn_step *step, const char *what,
                       const struct scn_tuple *want, const struct rig_tuple *got)
{
    char a[128], b[128];

    if (!want->set)
        return;
    struct rig_tuple tuple = rig_tuple_of(want, got->proto);

    if (same_keys(&tuple, got))
        return;
    tuple_text(&tuple, a, sizeof(a));
    tuple_text(got, b, sizeof(b));
    FAIL(c, step, "%s tuple: expected %s, got %s", what, a, b);
}

/* Where time is real some of it has passed since the packet: one second less is right too. */
static void want_timeout(struct check *c, const struct scn_step *step, struct scn_number want,
                         const struct rig_entry *e)
{
    if (c->player->real_time && want.low)
        want.low--;
    want_number(c, step, "timeout", &want, e->timeout / c->player->per_second);
}

static void want_counters(struct check *c, const struct scn_step *step,
                          const struct scn_expect *want, const struct rig_entry *e)
{
    if (!want->packets.set && !want->bytes.set)
        return;
    if (!(e->has & RIG_HAS_COUNT)) {
        FAIL(c, step, "it has no counters (sysctl acct=1 before the first packet)");
        return;
    }
    want_pair(c, step, "packets", &want->packets, e->count[0].packets, e->count[1].packets);
    want_pair(c, step, "bytes", &want->bytes, e->count[0].bytes, e->count[1].bytes);
}

static void want_state(struct check *c, const struct scn_step *step, const struct scn_expect *want,
                       const struct rig_entry *e)
{
    if (want->state[0] && strcmp(want->state, state_name(e)) != 0)
        FAIL(c, step, "state: expected %s, got %s", want->state, state_name(e));
    want_pair(c, step, "scale", &want->scale, e->tcp_wscale[0], e->tcp_wscale[1]);
    want_pair(c, step, "flags", &want->flags, e->tcp_flags[0], e->tcp_flags[1]);
    want_pair(c, step, "vtag", &want->vtag, e->sctp_vtag[0], e->sctp_vtag[1]);
}

/* Everything that one look at an entry can tell. */
static void want_entry(struct check *c, const struct scn_step *step, const struct scn_expect *want,
                       const struct rig_entry *e)
{
    want_state(c, step, want, e);
    want_timeout(c, step, want->timeout, e);
    want_bit(c, step, "replied", want->replied, e->status & WEIR_S_SEEN_REPLY);
    want_bit(c, step, "assured", want->assured, e->status & WEIR_S_ASSURED);
    want_number(c, step, "status", &want->status, e->status);
    want_number(c, step, "mark", &want->mark, e->mark);
    want_number(c, step, "use", &want->use, e->use);
    want_number(c, step, "zone", &want->zone,
                e->zone        ? e->zone
                : e->orig.zone ? e->orig.zone
                               : e->reply.zone);
    want_counters(c, step, want, e);
    want_tuple(c, step, "original", &want->orig, &e->orig);
    want_tuple(c, step, "reply", &want->reply, &e->reply);
    if (want->helper[0] && strcmp(want->helper, e->helper) != 0)
        FAIL(c, step, "helper: expected %s, got '%s'", want->helper, e->helper);
}

/* Does the line ask for something that only an entry can answer? */
static bool about_entry(const struct scn_expect *want)
{
    return want->fresh || want->replied || want->assured || want->counted || want->refreshed ||
           want->state[0] || want->helper[0] || want->timeout.set || want->status.set ||
           want->mark.set || want->zone.set || want->use.set || want->packets.set ||
           want->bytes.set || want->scale.set || want->flags.set || want->vtag.set ||
           want->orig.set || want->reply.set || want->gone == SCN_NO;
}

/* ---- demands about what a packet did to its entry ---- */

static bool made_now(const struct check *c, const struct rig_entry *before,
                     const struct rig_entry *e)
{
    if (!before || before->id != e->id)
        return true;
    for (size_t i = 0; i < c->result.events; i++)
        if (c->result.event[i].kind == RIG_EVENT_NEW &&
            same_keys(&c->result.event[i].entry.orig, &e->orig))
            return true;
    return false;
}

static void want_fresh(struct check *c, const struct scn_step *step, enum scn_demand want,
                       const struct rig_entry *before, const struct rig_entry *e)
{
    if (want == SCN_YES && !made_now(c, before, e))
        FAIL(c, step, "expected a fresh entry, but it is an older one");
    if (want == SCN_NO && (made_now(c, before, e) || !c->has_last || c->last_id != e->id))
        FAIL(c, step, "expected the same entry as that of the packet before, but it is another");
}

static uint64_t packets_of(const struct rig_entry *e)
{
    return e ? e->count[0].packets + e->count[1].packets : 0;
}

static void want_counted(struct check *c, const struct scn_step *step, enum scn_demand want,
                         const struct rig_entry *before, const struct rig_entry *e)
{
    if (want == SCN_ANY)
        return;
    if (!(e->has & RIG_HAS_COUNT))
        FAIL(c, step, "it has no counters (sysctl acct=1 before the first packet)");
    else
        want_bit(c, step, "counted", want, packets_of(e) != packets_of(before));
}

/*
 * A timeout that was set anew is told from one that runs on by its value, so some time must have
 * passed; a running one may lose a unit between two looks.
 */
static void want_refreshed(struct check *c, const struct scn_step *step, enum scn_demand want,
                           const struct rig_entry *before, const struct rig_entry *e)
{
    if (want == SCN_ANY)
        return;
    if (!before || step->wait_ns < (c->player->real_time ? 1100000000 : 4000000)) {
        FAIL(c, step, "whether a timeout was refreshed is seen after a while: wait 1.1s");
        return;
    }
    uint32_t slack = c->player->real_time ? c->player->per_second : 0;
    uint32_t lost = before->timeout - e->timeout; /* wraps if it grew */

    want_bit(c, step, "refreshed", want, lost > slack);
}

/* ---- demands about the engine ---- */

static enum scn_event event_of(enum rig_event_kind kind)
{
    switch (kind) {
    case RIG_EVENT_NEW: return SCN_EVENT_NEW;
    case RIG_EVENT_UPDATE: return SCN_EVENT_UPDATE;
    case RIG_EVENT_DESTROY: return SCN_EVENT_DESTROY;
    case RIG_EVENT_NONE:
    case RIG_EVENT_EXPECT_NEW:
    case RIG_EVENT_EXPECT_DESTROY:
    case RIG_EVENT_MAX: break;
    }
    return 0;
}

static void note_events(struct check *c, const struct rig_result *r)
{
    for (size_t i = 0; i < r->events && c->events < CHECK_EVENTS_MAX; i++)
        if (event_of(r->event[i].kind))
            c->event[c->events++] = event_of(r->event[i].kind);
}

static void events_text(const enum scn_event *event, size_t n, char *text, size_t size)
{
    static const char *const names[] = {"?", "NEW", "UPDATE", "DESTROY"};
    struct text t = text_in(text, size);

    for (size_t i = 0; i < n; i++)
        text_add(&t, "%s%s", i ? "," : "", names[event[i]]);
    if (!n)
        text_add(&t, "none");
}

static void want_events(struct check *c, const struct scn_step *step, const struct scn_events *want)
{
    char a[256], b[256];

    if (!want->set || (want->count == c->events &&
                       memcmp(want->event, c->event, c->events * sizeof(c->event[0])) == 0))
        return;
    events_text(want->event, want->count, a, sizeof(a));
    events_text(c->event, c->events, b, sizeof(b));
    FAIL(c, step, "events: expected %s, got %s", a, b);
}

/* What the IP header says, which is what the wire would carry. */
static uint32_t ip_length(const struct rig_packet *p)
{
    if (p->len >= 6 && p->data[0] >> 4 == 6)
        return wire_get16(p->data + 4) + 40u;
    return p->len >= 4 ? wire_get16(p->data + 2) : 0;
}

static void want_packets(struct check *c, const struct scn_step *step,
                         const struct scn_expect *want)
{
    char a[256], b[256];
    struct text expected = text_in(a, sizeof(a)), got = text_in(b, sizeof(b));
    bool same = want->sizes.count == c->result.packets;

    want_number(c, step, "packets out", &want->out, c->result.packets);
    if (!want->sizes.set)
        return;
    for (unsigned i = 0; i < want->sizes.count; i++)
        text_add(&expected, "%s%u", i ? "," : "", want->sizes.size[i]);
    for (size_t i = 0; i < c->result.packets; i++) {
        text_add(&got, "%s%u", i ? "," : "", ip_length(&c->result.packet[i]));
        same = same && ip_length(&c->result.packet[i]) == want->sizes.size[i];
    }
    if (!same)
        FAIL(c, step, "sizes of the packets out: expected %s, got %s", a, b);
}

static const char *class_name(enum rig_class class)
{
    static const enum scn_class of[RIG_CLASS_MAX] = {
        [RIG_NEW] = SCN_CLASS_NEW,
        [RIG_ESTABLISHED] = SCN_CLASS_EST,
        [RIG_ESTABLISHED_REPLY] = SCN_CLASS_EST_R,
        [RIG_RELATED] = SCN_CLASS_REL,
        [RIG_RELATED_REPLY] = SCN_CLASS_REL_R,
        [RIG_INVALID] = SCN_CLASS_INV,
        [RIG_UNTRACKED] = SCN_CLASS_UNTRK,
    };

    return class == RIG_CLASS_NONE ? "not classified" : scn_class_name(of[class]);
}

/* Something came out on the other side: the packet, or what it became. */
static bool came_through(const struct check *c, enum rig_side in)
{
    for (size_t i = 0; i < c->result.packets; i++)
        if (c->result.packet[i].side != in)
            return true;
    return false;
}

static bool is_for_router(const struct scn_step *step)
{
    const uint8_t *p = step->u.packet.bytes;
    uint8_t family = p[0] >> 4 == 6 ? 6 : 4;
    size_t at = family == 6 ? 24 : 16, size = family == 6 ? 16 : 4;

    for (enum side side = SIDE_A; side <= SIDE_B; side++) {
        struct build_addr router = hosts_addr(family, side, 0);

        if (step->u.packet.len >= at + size && memcmp(p + at, router.b, size) == 0)
            return true;
    }
    return false;
}

static void want_class(struct check *c, const struct scn_step *step, const struct scn_expect *want)
{
    enum rig_side in = step->u.packet.side == SIDE_A ? RIG_A : RIG_B;
    const char *got =
        c->result.seens ? class_name(c->result.seen[0].class) : class_name(RIG_CLASS_NONE);
    bool through = came_through(c, in);

    if (want->class == SCN_CLASS_ANY)
        return;
    if (want->class == SCN_CLASS_DROP || want->class == SCN_CLASS_HELD) {
        if (through)
            FAIL(c, step, "class: expected %s, but the packet came out as %s",
                 scn_class_name(want->class), got);
        return;
    }
    if (strcmp(got, scn_class_name(want->class)) != 0)
        FAIL(c, step, "class: expected %s, got %s", scn_class_name(want->class), got);
    else if (!through && !want->out.set && !want->sizes.set && !is_for_router(step))
        FAIL(c, step, "the packet is %s, but it did not come out", got);
}

static void want_reason(struct check *c, const struct scn_step *step, const struct scn_expect *want)
{
    const char *got = c->player->ops->reason(c->player);

    if (want->reason[0] && got && strcmp(want->reason, got) != 0)
        FAIL(c, step, "reason: expected %s, got %s", want->reason, got);
}

/* ---- steps ---- */

static void packet_entry(struct check *c, const struct scn_step *step)
{
    const struct scn_expect *want = step->u.packet.expect;
    const struct rig_entry *e = c->after.is ? &c->after.entry : NULL;
    const struct rig_entry *before = c->before.is ? &c->before.entry : NULL;

    if (want->gone == SCN_YES && e)
        FAIL(c, step, "expected no entry, but there is one");
    if (e) {
        want_entry(c, step, want, e);
        want_fresh(c, step, want->fresh, before, e);
        want_counted(c, step, want->counted, before, e);
        want_refreshed(c, step, want->refreshed, before, e);
        c->last_id = e->id;
    } else if (about_entry(want)) {
        FAIL(c, step, "there is no entry");
    }
    c->has_last = e != NULL;
}

/* Only some demands compare an entry with what it was before. */
static bool look_before(struct check *c, const struct scn_expect *want)
{
    c->before.is = false;
    return (!want->fresh && !want->counted && !want->refreshed) || find_entry(c, &c->before);
}

static bool step_packet(struct check *c, const struct scn_step *step)
{
    const struct player_ops *ops = c->player->ops;
    const struct scn_expect *want = step->u.packet.expect;
    enum rig_side side = step->u.packet.side == SIDE_A ? RIG_A : RIG_B;
    struct rig_tuple tuple;

    if (scenario_tuple(step->u.packet.bytes, step->u.packet.len, &tuple)) {
        c->tuple = tuple;
        c->has_tuple = true;
    }
    c->zone = c->zone_from[side];
    c->events = 0;
    note_events(c, &c->waited);
    memset(c->out_at, 0, sizeof(c->out_at));
    if (!engine_ok(c, step, look_before(c, want)) ||
        !engine_ok(
            c, step,
            ops->packet(c->player, side, step->u.packet.bytes, step->u.packet.len, &c->result)) ||
        !engine_ok(c, step, find_entry(c, &c->after)))
        return false;
    note_events(c, &c->result);
    if (want->set) {
        want_class(c, step, want);
        want_reason(c, step, want);
        want_packets(c, step, want);
        want_events(c, step, &want->events);
        packet_entry(c, step);
    }
    c->events = 0;
    return true;
}

/* Is it an ICMP message of the router itself? Its identification, or flow label, is the router's
 * own choice. */
static bool is_routers_icmp(const uint8_t *p)
{
    struct build_addr from = {{0}};
    uint8_t family = p[0] >> 4;

    memcpy(from.b, p + (family == 4 ? 12 : 8), family == 4 ? 4 : 16);
    for (enum side side = SIDE_A; side <= SIDE_B; side++) {
        struct build_addr router = hosts_addr(family, side, 0);

        if (memcmp(&router, &from, sizeof(from)) == 0)
            return family == 4 ? p[9] == IPPROTO_ICMP : p[6] == IPPROTO_ICMPV6;
    }
    return false;
}

/* A copy without what a hop changes. */
static void without_hop(uint8_t *p, size_t len)
{
    if (len >= 20 && p[0] >> 4 == 4) {
        if (is_routers_icmp(p))
            wire_put16(p + 4, 0);
        p[8] = 0;
        wire_put16(p + 10, 0);
    } else if (len >= 40) {
        if (is_routers_icmp(p))
            memset(p + 1, 0, 3);
        p[7] = 0;
    }
}

static void compare_out(struct check *c, const struct scn_step *step, const struct rig_packet *got)
{
    static uint8_t a[BUILD_PACKET_MAX], b[BUILD_PACKET_MAX];
    size_t len = step->u.packet.len;

    if (got->len != len) {
        FAIL(c, step, "packet out: expected %zu bytes, got %zu", len, got->len);
        return;
    }
    memcpy(a, step->u.packet.bytes, len);
    memcpy(b, got->data, len);
    without_hop(a, len);
    without_hop(b, len);
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            FAIL(c, step, "packet out, byte %zu: expected %02x, got %02x", i, a[i], b[i]);
            return;
        }
    }
}

static void step_out(struct check *c, const struct scn_step *step)
{
    enum rig_side side = step->u.packet.side == SIDE_A ? RIG_A : RIG_B;
    size_t *at = &c->out_at[side];

    while (*at < c->result.packets && c->result.packet[*at].side != side)
        ++*at;
    bool more = *at < c->result.packets;

    if (!step->u.packet.len && more)
        FAIL(c, step, "expected no further packet, but there is one of %zu bytes",
             c->result.packet[*at].len);
    if (step->u.packet.len && !more)
        FAIL(c, step, "no further packet came out");
    if (step->u.packet.len && more)
        compare_out(c, step, &c->result.packet[(*at)++]);
}

static bool step_table(struct check *c, const struct scn_step *step)
{
    if (!engine_ok(c, step, c->player->ops->dump(c->player, &c->table)))
        return false;
    if (c->table.entries != step->u.count)
        FAIL(c, step, "table: expected %" PRIu64 " entries, got %zu", step->u.count,
             c->table.entries);
    return true;
}

static bool step_count(struct check *c, const struct scn_step *step)
{
    uint32_t count = 0;

    if (!engine_ok(c, step, c->player->ops->count(c->player, &count)))
        return false;
    if (count != step->u.count)
        FAIL(c, step, "count: expected %" PRIu64 ", got %u", step->u.count, count);
    return true;
}

static const struct {
    const char *word; /* as in /proc/net/stat/nf_conntrack */
    size_t at;
} counters[] = {
    {"clashres", offsetof(struct rig_stats, clash_resolve)},
    {"found", offsetof(struct rig_stats, found)},
    {"invalid", offsetof(struct rig_stats, invalid)},
    {"chainlength", offsetof(struct rig_stats, chain_toolong)},
    {"insert", offsetof(struct rig_stats, insert)},
    {"insert_failed", offsetof(struct rig_stats, insert_failed)},
    {"drop", offsetof(struct rig_stats, drop)},
    {"early_drop", offsetof(struct rig_stats, early_drop)},
    {"icmp_error", offsetof(struct rig_stats, error)},
    {"expect_new", offsetof(struct rig_stats, expect_new)},
    {"expect_create", offsetof(struct rig_stats, expect_create)},
    {"expect_delete", offsetof(struct rig_stats, expect_delete)},
};

static void want_counter(struct check *c, const struct scn_step *step, const struct rig_stats *s,
                         const struct scn_setting *want)
{
    uint64_t expected = strtoull(want->value, NULL, 0), got;

    for (size_t i = 0; i < COUNT(counters); i++) {
        if (strcmp(counters[i].word, want->key) != 0)
            continue;
        memcpy(&got, (const char *)s + counters[i].at, sizeof(got));
        if (got != expected)
            FAIL(c, step, "counter %s: expected %" PRIu64 ", got %" PRIu64, want->key, expected,
                 got);
        return;
    }
    FAIL(c, step, "there is no counter '%s'", want->key);
}

static bool step_stat(struct check *c, const struct scn_step *step)
{
    struct rig_stats stats;

    if (!engine_ok(c, step, c->player->ops->stats(c->player, &stats)))
        return false;
    for (size_t i = 0; i < step->u.settings.count; i++)
        want_counter(c, step, &stats, &step->u.settings.setting[i]);
    return true;
}

static bool step_entry(struct check *c, const struct scn_step *step)
{
    const struct scn_expect *want = step->u.entry.expect;
    const struct rig_tuple tuple = rig_tuple_of(&step->u.entry.orig, step->u.entry.proto);
    const struct rig_entry *e = NULL;

    if (want->counted || want->refreshed || want->fresh) {
        FAIL(c, step, "counted, refreshed, fresh and same are about packets");
        return true;
    }
    if (!engine_ok(c, step, c->player->ops->dump(c->player, &c->table)))
        return false;
    for (size_t i = 0; i < c->table.entries && !e; i++) {
        const struct rig_entry *next = &c->table.entry[i];
        uint16_t zone = next->reply.zone ? next->reply.zone : zone_of(next, RIG_ORIG);

        if (same_keys(&next->orig, &tuple) && (!want->zone.set || want->zone.low == zone))
            e = next;
    }
    if (e && want->gone == SCN_YES)
        FAIL(c, step, "expected no such entry, but there is one");
    else if (e)
        want_entry(c, step, want, e);
    else if (want->gone != SCN_YES)
        FAIL(c, step, "there is no such entry");
    return true;
}

/* Is it refused, if and only if it must be? */
static bool want_refusal(struct check *c, const struct scn_step *step, bool refused)
{
    if (step->u.command.fails && !refused)
        FAIL(c, step, "it should have been refused");
    if (!step->u.command.fails && refused) {
        FAIL(c, step, "it was refused: %s", c->player->error);
        return false;
    }
    return true;
}

static bool step_conntrack(struct check *c, const struct scn_step *step)
{
    int status = 0;

    if (!engine_ok(c, step,
                   c->player->ops->conntrack(c->player, step->u.command.args, &status, &c->result)))
        return false;
    note_events(c, &c->result);
    return want_refusal(c, step, status != 0);
}

/* A line that is refused leaves the rules as they were. */
static bool step_rule(struct check *c, const struct scn_step *step)
{
    uint8_t family = step->u.command.family;
    struct plan_rules rules = c->rules;
    struct player *p = c->player;
    bool refused = false;

    if (!engine_ok(c, step,
                   plan_rule(&rules, family, step->u.command.args, p->error, sizeof(p->error)) &&
                       p->ops->rules(p, family, rules.text[family == 6], &refused)))
        return false;
    if (!refused)
        c->rules = rules;
    return want_refusal(c, step, refused);
}

static bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && (!at[n] || at[n] == '\n'))
            return true;
    return false;
}

/* The line that says the same with other counters, for the reader; its length. */
static int other_count(const char *text, const char *line, const char **other)
{
    const char *rule = line[0] == '[' ? strchr(line, ' ') : NULL, *at = NULL;

    *other = "no such line";
    if (rule)
        at = strstr(text, rule);
    if (!at)
        return (int)strlen(*other);
    while (at > text && at[-1] != '\n')
        at--;
    *other = at;
    return (int)strcspn(at, "\n");
}

static bool step_saved(struct check *c, const struct scn_step *step)
{
    const char *line = step->u.command.args, *other;
    char *text = NULL;

    if (!engine_ok(c, step, c->player->ops->save(c->player, step->u.command.family, &text)))
        return false;
    if (!has_line(text, line)) {
        int n = other_count(text, line, &other);

        FAIL(c, step, "rules: expected %s, got %.*s", line, n, other);
    }
    free(text);
    return true;
}

static bool step_route(struct check *c, const struct scn_step *step)
{
    const struct scn_setting *set = step->u.settings.setting;
    enum rig_side side = set[0].key[0] == 'A' ? RIG_A : RIG_B;

    return engine_ok(c, step, c->player->ops->route(c->player, side, set[1].key));
}

static bool note_zone(struct check *c, const struct plan_templ *templ)
{
    c->zone_from[templ->side] = (struct check_zone){templ->zone, templ->zone_dirs};
    return true;
}

static bool step_setting(struct check *c, const struct scn_step *step)
{
    const struct scn_setting *set = step->u.settings.setting;
    struct player *p = c->player;
    struct plan_policy policy;
    struct plan_templ templ;
    bool ok;

    if (step->kind == SCN_STEP_SYSCTL)
        ok = p->ops->sysctl(p, set->key, set->value);
    else if (step->kind == SCN_STEP_TMPL)
        ok = plan_templ(&step->u.settings, &templ, p->error, sizeof(p->error)) &&
             p->ops->templ(p, &templ) && note_zone(c, &templ);
    else
        ok = plan_policy(&step->u.settings, &policy, p->error, sizeof(p->error)) &&
             p->ops->policy(p, &policy);
    return engine_ok(c, step, ok);
}

static bool step_flush(struct check *c, const struct scn_step *step)
{
    bool ok = engine_ok(c, step, c->player->ops->flush(c->player, &c->result));

    note_events(c, &c->result);
    return ok;
}

bool check_step(struct check *c, const struct scn_step *step)
{
    switch (step->kind) {
    case SCN_STEP_WAIT: return true;
    case SCN_STEP_PACKET: return step_packet(c, step);
    case SCN_STEP_OUT: step_out(c, step); return true;
    case SCN_STEP_SYSCTL:
    case SCN_STEP_TMPL:
    case SCN_STEP_POLICY: return step_setting(c, step);
    case SCN_STEP_RULE: return step_rule(c, step);
    case SCN_STEP_EXPECT_RULE: return step_saved(c, step);
    case SCN_STEP_ROUTE: return step_route(c, step);
    case SCN_STEP_CONNTRACK: return step_conntrack(c, step);
    case SCN_STEP_FLUSH: return step_flush(c, step);
    case SCN_STEP_MTU:
        return engine_ok(c, step, c->player->ops->mtu(c->player, (unsigned)step->u.count));
    case SCN_STEP_EXPECT_TABLE: return step_table(c, step);
    case SCN_STEP_EXPECT_COUNT: return step_count(c, step);
    case SCN_STEP_EXPECT_STAT: return step_stat(c, step);
    case SCN_STEP_EXPECT_ENTRY: return step_entry(c, step);
    case SCN_STEP_EXPECT_EVENTS:
        want_events(c, step, &step->u.entry.expect->events);
        c->events = 0;
        return true;
    case SCN_STEP_HOOKS:
    case SCN_STEP_HOLD:
    case SCN_STEP_RELEASE: break;
    }
    FAIL(c, step, "neither hooks nor hold can be done yet");
    return false;
}

bool check_wait(struct check *c, const struct scn_step *step)
{
    c->waited.events = c->waited.packets = c->waited.seens = 0;
    if (step->wait_ns && !engine_ok(c, step, c->player->ops->wait(c->player, &c->waited)))
        return false;
    if (step->kind != SCN_STEP_PACKET)
        note_events(c, &c->waited);
    return true;
}
