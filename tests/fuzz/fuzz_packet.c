/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The packet path: whatever arrives, in whatever order and at whatever times, a shard neither
 * crashes nor loses count.
 *
 * Input: records of a control byte, a length byte and that many bytes of packet; the control byte
 * says what else happens: how far time moves, which template the packet has, whether it is cut
 * short by a capture. The first byte chooses settings; its highest bit says that random rules are
 * in force, chosen by the byte after it.
 */
#include <weir/rules.h>

#include "gen_rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WITH_RULES = 0x80 };

enum {
    CTL_TIME = 0x03,
    CTL_TEMPL = 0x0c,
    CTL_CUT = 0x10,
    CTL_OUTPUT = 0x20,
    CTL_CSUM_OK = 0x40,
    CTL_LOCAL = 0x80
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void on_event(void *ctx, const struct weir_event *event)
{
    (void)ctx;
    must(event->type >= WEIR_EVENT_NEW && event->type <= WEIR_EVENT_DESTROY && event->kinds);
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    volatile uint8_t last = made->data[made->len - 1]; /* every byte must be there */

    (void)ctx;
    (void)cause;
    (void)last;
}

static struct weir_route route(void *ctx, const struct weir_packet *packet, uint8_t family,
                               union weir_addr dst)
{
    (void)ctx;
    (void)family;
    (void)dst;
    return (struct weir_route){
        .local = (uintptr_t)packet->user & CTL_LOCAL, .out_iface = 2, .mtu = 1500};
}

static const char *iface_name(void *ctx, uint16_t iface)
{
    (void)ctx;
    return iface == 1 ? "ta" : "tb";
}

static bool source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                   const union weir_addr *peer, union weir_addr *addr)
{
    (void)ctx;
    (void)use;
    (void)iface;
    *addr = *peer;
    addr->bytes[family == 4 ? 3 : 15] = 1;
    return addr->bytes[0] != 9; /* a host may lack one */
}

/* Rules of both families, in force until they are freed. */
static void load_rules(struct weir_shard *shard, uint8_t seed, struct weir_rules *rules[2])
{
    static char text[GEN_RULES_MAX];
    struct weir_rules_error error;
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 2; i++) {
        const struct gen_rules_opts opts = {
            .family = i ? 6 : 4, .nat = seed & 1, .track = true, .weight = 10};
        size_t len = gen_rules(&rng, &opts, text);

        must(weir_rules_parse(&rules[i], opts.family, text, len, NULL, &error) == 0);
        must(weir_shard_set_rules(shard, opts.family, rules[i], NULL) == 0);
    }
}

static struct weir_shard *start(uint8_t how)
{
    static const uint32_t limits[] = {1, 2, 8, 64};
    const struct weir_config config = {.host = {.event = on_event,
                                                .packet = on_packet,
                                                .route = route,
                                                .iface_name = iface_name,
                                                .source = source},
                                       .max = limits[how & 3],
                                       .seed = {1, 2}};
    struct weir_shard *shard = weir_shard_new(&config);

    must(shard != NULL);
    weir_tunable_set(shard, WEIR_T_CHECKSUM, how >> 2 & 1);
    weir_tunable_set(shard, WEIR_T_ACCT, how >> 3 & 1);
    weir_tunable_set(shard, WEIR_T_TIMESTAMP, how >> 4 & 1);
    weir_tunable_set(shard, WEIR_T_TCP_LOOSE, how >> 5 & 1);
    weir_tunable_set(shard, WEIR_T_TCP_BE_LIBERAL, how >> 6 & 1);
    return shard;
}

/* What must hold after any packets at all. */
static void check(struct weir_shard *shard)
{
    struct weir_stats stats;
    struct weir_conn conn;
    uint64_t cursor = 0, n = 0;

    while (weir_conn_walk(shard, &cursor, &conn)) {
        must(conn.status & WEIR_S_CONFIRMED);
        n++;
    }
    weir_shard_stats(shard, &stats);
    must(stats.packets == stats.accepted + stats.dropped + stats.held);
    must(n <= (uint64_t)weir_tunable_get(shard, WEIR_T_COUNT));
    must(stats.created - stats.removed == (uint64_t)weir_tunable_get(shard, WEIR_T_COUNT));
    weir_shard_flush(shard);
    must(weir_tunable_get(shard, WEIR_T_COUNT) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t steps[] = {0, 1000000, 3000000000, 200000000000000};
    const struct weir_template templates[] = {
        {.zone = 5, .zone_dirs = 3}, {.zone = 6, .zone_dirs = 1}, {.notrack = true}};
    struct weir_time now = {1000000000};
    struct weir_rules *rules[2] = {0};
    struct weir_shard *shard;
    size_t at = 1;

    if (!size)
        return 0;
    shard = start(data[0]);
    if (data[0] & WITH_RULES && size > 1)
        load_rules(shard, data[at++], rules);
    while (at + 2 <= size) {
        uint8_t control = data[at];
        uint32_t len = data[at + 1];

        at += 2;
        if (len > size - at)
            len = (uint32_t)(size - at);
        uint8_t *bytes = malloc(
            len ? len : 1); /* of exactly this size, so that a sanitizer sees a byte too far */

        must(bytes != NULL);
        memcpy(bytes, data + at, len);
        struct weir_packet packet = {
            .data = bytes,
            .len = len,
            .wire_len = control & CTL_CUT ? len + 100 : 0,
            .in_iface = 1,
            .path = control & CTL_OUTPUT ? WEIR_PATH_OUTPUT : WEIR_PATH_ROUTED,
            .flags = control & CTL_CSUM_OK ? WEIR_PKT_CSUM_OK : 0,
            .templ = control & CTL_TEMPL ? &templates[((control & CTL_TEMPL) >> 2) - 1] : NULL,
            .user = (void *)(uintptr_t)control,
        };

        now.ns += steps[control & CTL_TIME];
        weir_shard_run(shard, now, &packet, 1);
        must(packet.verdict > WEIR_VERDICT_NONE && packet.verdict < WEIR_VERDICT_MAX);
        must((packet.verdict != WEIR_ACCEPT && packet.verdict != WEIR_REPLACED) ||
             packet.packets_out > 0);
        must(packet.verdict == WEIR_ACCEPT || packet.verdict == WEIR_REPLACED ||
             !packet.packets_out || rules[0]);
        free(bytes);
        at += len;
    }
    check(shard);
    weir_shard_free(shard);
    weir_rules_free(rules[0]);
    weir_rules_free(rules[1]);
    return 0;
}
