/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * weir replay: a capture file through connection tracking, NAT and firewall rules.
 *
 * The capture's clock drives the engine. Packets of one tick (4 ms, the engine's grain) are run
 * together, up to 32 of them; before them, timers run at their own times, deadline by deadline, so
 * that events come in the order of time whether the next packet is a microsecond or ten years away.
 * A packet with an earlier time than one before it is run at the later time.
 */
#include "app.h"
#include "progress.h"
#include "replay_options.h"
#include "replay_output.h"
#include "replay_summary.h"
#include "rule_file.h"

#include "human.h"

#include "../control/conn_text.h"
#include "../control/names.h"
#include "../control/stats_text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name[] = "replay";

enum { BATCH = 32 };

struct replay {
    const struct replay_options *options;
    struct capture *capture;
    struct weir_shard *shard;
    struct output *output;
    struct progress progress;
    struct summary summary;
    struct weir_time now; /* the engine's clock, or later in the same tick */
    bool clock_runs;      /* it has been set by a packet */
    bool exact;           /* connections keep their start time, which is finer than a tick */
    uint32_t interface;   /* the capture's last one, and its number for the engine */
    uint16_t interface_number;
    struct capture_packet captured[BATCH];
    struct weir_packet packets[BATCH];
    struct output_slot slots[BATCH];
    struct weir_sets *sets;
    struct rule_file rules[2]; /* IPv4, IPv6 */
};

/* What the engine tells. */

static void on_event(void *ctx, const struct weir_event *event)
{
    struct replay *r = ctx;
    output_event(r->output, event);
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    struct replay *r = ctx;
    output_made(r->output, made, cause, r->now);
}

static void on_message(void *ctx, enum weir_message_kind kind, const char *text,
                       const struct weir_packet *cause)
{
    struct replay *r = ctx;
    (void)kind;
    progress_clear(&r->progress);
    if (cause) {
        const struct output_slot *slot = cause->user;
        app_complain(name, "packet %llu: %s", (unsigned long long)slot->captured->number, text);
    } else {
        app_complain(name, "%s", text);
    }
}

static const char *on_iface_name(void *ctx, uint16_t iface)
{
    struct replay *r = ctx;
    return gateway_iface_name(r->options->gateway, iface);
}

static enum weir_addr_type on_addr_type(void *ctx, uint8_t family, const union weir_addr *addr,
                                        uint16_t iface)
{
    struct replay *r = ctx;
    return gateway_addr_type(r->options->gateway, family, addr, iface);
}

static bool on_source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                      const union weir_addr *peer, union weir_addr *source)
{
    struct replay *r = ctx;
    return gateway_source(r->options->gateway, use, iface, family, peer, source);
}

static struct weir_route on_route(void *ctx, const struct weir_packet *packet, uint8_t family,
                                  union weir_addr dst)
{
    struct replay *r = ctx;
    return gateway_route(r->options->gateway, packet, family, dst);
}

static void on_warning(void *ctx, const char *text)
{
    struct replay *r = ctx;
    progress_clear(&r->progress);
    app_complain(name, "%s", text);
}

/* Beginning. */

static bool make_shard(struct replay *r)
{
    const struct replay_options *options = r->options;
    struct weir_config config = {
        .host = {.ctx = r,
                 .packet = on_packet,
                 .message = on_message,
                 .route = on_route,
                 .iface_name = on_iface_name,
                 .addr_type = on_addr_type,
                 .source = on_source},
        .seed = {options->seed},
    };
    if (options->texts[REPLAY_EVENTS])
        config.host.event = on_event;
    sysctl_plan_config(&options->plan, &config);
    r->shard = weir_shard_new(&config);
    if (!r->shard) {
        app_complain(name, "not enough memory; lower net.netfilter.nf_conntrack_max "
                           "(weir size tells what it takes)");
        return false;
    }
    struct textbuf errors = {0};
    int err = sysctl_plan_apply(&options->plan, r->shard, &errors);
    app_complain_lines(name, &errors);
    textbuf_fini(&errors);
    r->exact = weir_tunable_get(r->shard, WEIR_T_TIMESTAMP) != 0;
    return !err;
}

/* Rules come before the first packet, all of them or none. */
static bool load_rules(struct replay *r)
{
    const struct replay_options *options = r->options;
    struct names names;
    names_init(&names, "");
    bool good = !options->sets || rule_sets_read(&r->sets, options->sets, &names.rules, name);
    for (int i = 0; i < 2 && good; i++) {
        const uint8_t family = i ? 6 : 4;
        if (!options->rules[i])
            continue;
        good = rule_file_read(&r->rules[i], options->rules[i], family, 0, &names.rules, r->sets,
                              false, name);
        if (good && weir_shard_set_rules(r->shard, family, r->rules[i].rules, r->sets)) {
            app_complain(name, "not enough memory for the rules of '%s'", options->rules[i]);
            good = false;
        }
    }
    names_fini(&names);
    return good;
}

static bool open_capture(struct replay *r)
{
    const struct capture_options options = {.warn = on_warning, .warn_arg = r};
    if (!capture_open(&r->capture, r->options->capture, &options))
        return true;
    app_complain(name, "%s", r->capture ? capture_error(r->capture) : "out of memory");
    return false;
}

/* Time. */

/*
 * Moves the clock, stopping at each deadline on the way. A deadline that does not move on would be
 * an error of the engine; then the rest is done in one step rather than never.
 */
static void advance(struct replay *r, struct weir_time to)
{
    struct weir_time due = weir_shard_deadline(r->shard), last = {INT64_MIN};
    while (due.ns <= to.ns && due.ns > last.ns) {
        if (due.ns > r->now.ns)
            r->now = due;
        weir_shard_tick(r->shard, due, 0);
        output_pass(r->output);
        last = due;
        due = weir_shard_deadline(r->shard);
    }
    r->now = to;
    weir_shard_tick(r->shard, to, 0);
}

/* When a packet is run: at its own time, or now when that has passed. */
static struct weir_time run_time(const struct replay *r, const struct capture_packet *captured)
{
    struct weir_time time = {captured->time_ns};
    return r->clock_runs && time.ns < r->now.ns ? r->now : time;
}

static int64_t tick_of(struct weir_time time)
{
    return time.ns / WEIR_TICK_NS - (time.ns % WEIR_TICK_NS < 0);
}

static bool same_moment(const struct replay *r, struct weir_time a, struct weir_time b)
{
    return r->exact ? a.ns == b.ns : tick_of(a) == tick_of(b);
}

/* Packets. */

static uint16_t interface_of(struct replay *r, const struct capture_packet *captured)
{
    if (!captured->interface_name)
        return 0;
    if (captured->interface != r->interface || !r->interface_number) {
        r->interface = captured->interface;
        r->interface_number = gateway_interface(r->options->gateway, captured->interface_name);
    }
    return r->interface_number;
}

/* To whom the frame was addressed: what the capture says, else its Ethernet destination. */
static uint8_t packet_type(const struct capture_packet *captured, bool ethernet)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    switch (captured->to) {
    case CAPTURE_TO_US:
    case CAPTURE_OUTGOING: return WEIR_PKT_HOST;
    case CAPTURE_TO_BROADCAST: return WEIR_PKT_BROADCAST;
    case CAPTURE_TO_MULTICAST: return WEIR_PKT_MULTICAST;
    case CAPTURE_TO_OTHER_HOST: return WEIR_PKT_OTHERHOST;
    case CAPTURE_TO_UNSTATED:
    case CAPTURE_TO_MAX: break;
    }
    if (!ethernet || !(captured->frame[0] & 1))
        return WEIR_PKT_HOST;
    return memcmp(captured->frame, all, sizeof(all)) ? WEIR_PKT_MULTICAST : WEIR_PKT_BROADCAST;
}

/* The link header, where it is one that rules can look at. */
static void add_link(const struct capture_packet *captured, struct weir_packet *packet)
{
    enum { ETHERNET_SOURCE = 6, ETHERNET_SIZE = 14, ARPHRD_ETHERNET = 1 };
    bool ethernet = captured->source_mac == captured->frame + ETHERNET_SOURCE &&
                    captured->l3 - captured->frame >= ETHERNET_SIZE;
    packet->pkt_type = packet_type(captured, ethernet);
    if (ethernet) {
        packet->link = captured->frame;
        packet->link_len = ETHERNET_SIZE;
        packet->link_type = ARPHRD_ETHERNET;
    }
}

/* Prepares a packet for the engine; false when it is not IP. */
static bool prepare(struct replay *r, const struct capture_packet *captured,
                    struct weir_packet *packet, struct output_slot *slot)
{
    *packet = (struct weir_packet){0};
    slot->captured = captured;
    slot->packet = NULL;
    if (captured->kind != CAPTURE_IPV4 && captured->kind != CAPTURE_IPV6)
        return false;
    slot->packet = packet;
    packet->data = captured->l3;
    packet->len = captured->l3_len;
    packet->wire_len = captured->l3_len + (captured->wire_len - captured->cap_len);
    packet->user = slot;
    add_link(captured, packet);
    gateway_enter(r->options->gateway, packet, interface_of(r, captured));
    return true;
}

/* Runs packets of the same moment. */
static void run(struct replay *r, struct weir_time now, size_t first, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (prepare(r, &r->captured[first + i], &r->packets[n], &r->slots[i]))
            n++;
    advance(r, now);
    r->clock_runs = true;
    weir_shard_run(r->shard, now, r->packets, n);
    for (size_t i = 0; i < count; i++) {
        const struct capture_packet *captured = r->slots[i].captured;
        if (captured->time_ns > r->now.ns)
            r->now.ns = captured->time_ns;
        summary_add(&r->summary, captured, r->slots[i].packet);
        output_slot(r->output, &r->slots[i]);
    }
    output_pass(r->output);
}

/* Runs what was read, moment by moment. */
static void run_batch(struct replay *r, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        struct weir_time now = run_time(r, &r->captured[first]);
        for (end = first + 1; end < count; end++) {
            struct weir_time next = {r->captured[end].time_ns};
            if (next.ns > now.ns && !same_moment(r, now, next))
                break;
        }
        run(r, now, first, end - first);
    }
}

/* Reads to the end, or until something fails; false when it was the capture. */
static bool run_capture(struct replay *r)
{
    const int most = r->options->flush ? 1 : BATCH;
    int count = 0;
    while (!output_failed(r->output) &&
           (count = capture_batch(r->capture, r->captured, most)) > 0) {
        run_batch(r, (size_t)count);
        progress_update(&r->progress, capture_position(r->capture), capture_size(r->capture),
                        r->summary.packets);
    }
    progress_clear(&r->progress);
    return count >= 0;
}

/* Ending. */

static void run_until(struct replay *r)
{
    struct weir_time end = r->now;
    if (r->options->until == REPLAY_UNTIL_AFTER) {
        if (__builtin_add_overflow(end.ns, r->options->until_ns, &end.ns))
            end.ns = INT64_MAX - 1;
    } else if (r->options->until == REPLAY_UNTIL_AT) {
        end.ns = r->options->until_ns;
    }
    if (end.ns < r->now.ns) {
        struct human moment;
        app_complain(name, "--until lies before the end of the capture (%s) and has no effect",
                     human_moment(&moment, r->now.ns));
        return;
    }
    advance(r, end);
}

/* The connections, one line each. */
static void print_table(struct replay *r, enum replay_text kind)
{
    struct textbuf *text = output_text(r->output, kind);
    struct weir_conn conn;
    uint64_t cursor = 0;
    while (text && !output_failed(r->output) && weir_conn_walk(r->shard, &cursor, &conn)) {
        if (kind == REPLAY_TABLE)
            conn_text_proc(text, &conn, r->now);
        else
            conn_text_list(text, &conn, CONN_TEXT_LIST, r->now, NULL);
        textbuf_add(text, "\n");
        output_pass(r->output);
    }
}

static void add_rules_text(void *ctx, const char *bytes, size_t len)
{
    textbuf_add_bytes(ctx, bytes, len);
}

/* The rules of both families, with what they counted. */
static void print_counters(struct replay *r)
{
    struct textbuf *text = output_text(r->output, REPLAY_COUNTERS);
    for (int i = 0; i < 2 && text; i++)
        if (r->rules[i].rules)
            weir_rules_print(r->rules[i].rules, WEIR_RULES_COUNTERS,
                             weir_shard_rule_counts(r->shard, i ? 6 : 4), add_rules_text, text);
}

static void print_end(struct replay *r)
{
    struct textbuf *summary = output_text(r->output, REPLAY_SUMMARY);
    struct textbuf *stats = output_text(r->output, REPLAY_STATS);
    const struct capture_stats *capture = capture_stats(r->capture);
    struct textbuf notes = {0};
    if (summary)
        summary_print(&r->summary, summary, r->options->capture, capture, r->shard);
    else
        summary_notes(&r->summary, &notes, capture);
    print_table(r, REPLAY_TABLE);
    print_table(r, REPLAY_LIST);
    if (stats) {
        struct weir_stats counters;
        weir_shard_stats(r->shard, &counters);
        stats_text_list(stats, &counters, 1);
    }
    print_counters(r);
    app_complain_lines(name, &notes);
    textbuf_fini(&notes);
}

static void release(struct replay *r)
{
    for (int i = 0; i < BATCH; i++) {
        textbuf_fini(&r->slots[i].events);
        textbuf_fini(&r->slots[i].made);
    }
    weir_shard_free(r->shard);
    rule_file_fini(&r->rules[0]);
    rule_file_fini(&r->rules[1]);
    weir_sets_free(r->sets);
    capture_close(r->capture);
    free(r);
}

/* True when lines appear on the terminal while packets are run, where the progress line would be.
 */
static bool watches(const struct replay_options *options)
{
    const char *events = options->texts[REPLAY_EVENTS], *verdicts = options->texts[REPLAY_VERDICTS];
    return isatty(STDOUT_FILENO) &&
           ((events && !strcmp(events, "-")) || (verdicts && !strcmp(verdicts, "-")));
}

static int replay(const struct replay_options *options)
{
    struct replay *r = calloc(1, sizeof(*r));
    if (!r) {
        app_complain(name, "out of memory");
        return APP_FAILED;
    }
    r->options = options;
    bool good = open_capture(r) && make_shard(r) && load_rules(r) &&
                (r->output = output_open(options, r->rules));
    if (good) {
        progress_start(&r->progress, watches(options));
        good = run_capture(r);
        run_until(r);
        print_end(r);
    }
    if (output_close(r->output))
        good = false;
    else if (!good && *capture_error(r->capture) && r->output)
        app_complain(name, "%s", capture_error(r->capture));
    release(r);
    return good ? APP_DONE : APP_FAILED;
}

int replay_main(int argc, char **argv)
{
    struct replay_options options;
    int status;
    /* A reader that goes away is an output error like any other. */
    signal(SIGPIPE, SIG_IGN);
    if (replay_options_parse(&options, argc, argv, &status) == REPLAY_GO)
        status = replay(&options);
    replay_options_fini(&options);
    return status;
}
