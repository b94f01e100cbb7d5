/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group of shards, whatever arrives: no packet is lost, and when all connections are gone, so are
 * all stubs.
 *
 * Input: the first byte says how many shards, how large their rings are, and whether a NAT table is
 * loaded; then records of a control byte, a length byte and that many bytes of packet. The control
 * byte says at which shard the packet comes in, how far time moves before, whether a capture has
 * cut it short, and which shards then take what was handed to them.
 */
#include <weir/group.h>
#include <weir/rules.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    WITH_NAT = 0x80,
    SMALL_RINGS = 0x40,
    CTL_AT = 0x03,
    CTL_TIME = 0x0c,
    CTL_CUT = 0x10,
    TAKES = 5
};

enum { SHARDS_MAX = 4, TAKEN_MAX = 64 };

static const char nat[] =
    "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
    "-A PREROUTING -p udp -j DNAT --to-destination 10.0.2.2:53\n"
    "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.3\n"
    "-A POSTROUTING -p tcp -j SNAT --to-source 10.0.2.1:1000-1200\n"
    "-A POSTROUTING -j SNAT --to-source 10.0.2.1\nCOMMIT\n";

static struct {
    struct weir_group *group;
    unsigned shards;
    struct weir_time now;
} g;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    volatile uint8_t last = made->data[made->len - 1]; /* every byte must be there */

    (void)ctx;
    (void)cause;
    (void)last;
}

/* Run and done with. What weir put together is its own. */
static void finish(unsigned at, struct weir_packet *packets, struct weir_steered s)
{
    weir_shard_run(weir_group_shard(g.group, at), g.now, packets, s.own);
    for (size_t i = 0; i < s.own; i++)
        must(packets[i].verdict > WEIR_VERDICT_NONE && packets[i].verdict < WEIR_VERDICT_MAX);
    for (size_t i = 0; i < s.own + s.refused; i++)
        if (!(packets[i].flags & WEIR_PKT_GATHERED))
            free(packets[i].user);
}

static void take(unsigned at)
{
    struct weir_packet packets[TAKEN_MAX];

    finish(at, packets, weir_group_take(g.group, at, packets, TAKEN_MAX));
}

static void settle(void)
{
    for (unsigned at = 0; at < g.shards; at++)
        if (weir_group_waiting(g.group, at)) {
            take(at);
            at = (unsigned)-1; /* it may have passed some on */
        }
}

static void start(uint8_t how, struct weir_rules **rules)
{
    const struct weir_group_config config = {
        .shard = {.host = {.packet = on_packet}, .seed = {how, 2}, .max = 64},
        .shards = 1 + how % SHARDS_MAX,
        .ring = how & SMALL_RINGS ? 2 : 64,
    };
    struct weir_rules_error error;

    memset(&g, 0, sizeof(g));
    g.now.ns = 1000000000;
    g.shards = config.shards;
    g.group = weir_group_new(&config);
    must(g.group != NULL);
    *rules = NULL;
    if (!(how & WITH_NAT))
        return;
    must(weir_rules_parse(rules, 4, nat, sizeof(nat) - 1, NULL, &error) == 0);
    for (unsigned i = 0; i < g.shards; i++)
        must(weir_shard_set_rules(weir_group_shard(g.group, i), 4, *rules, NULL) == 0);
}

/* Nothing is left when nothing is there. */
static void check(void)
{
    struct weir_group_stats stats;

    settle();
    for (unsigned i = 0; i < g.shards; i++)
        weir_shard_flush(weir_group_shard(g.group, i));
    /* What could not be withdrawn at once goes with the next exchange, and the one after. */
    for (unsigned i = 0; i < 64 * g.shards; i++)
        take(i % g.shards);
    for (unsigned i = 0; i < g.shards; i++) {
        weir_group_stats(g.group, i, &stats);
        must(stats.stubs == 0 && !weir_group_waiting(g.group, i));
        must(stats.stubs_sent == stats.stubs_withdrawn);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t steps[] = {0, 1000000, 3000000000, 200000000000};
    struct weir_rules *rules;
    size_t at = 1;

    if (!size)
        return 0;
    start(data[0], &rules);
    while (at + 2 <= size) {
        uint8_t control = data[at];
        uint32_t len = data[at + 1];

        at += 2;
        if (len > size - at)
            len = (uint32_t)(size - at);
        /* Of exactly this size, so that a sanitizer sees a byte too far. */
        uint8_t *bytes = malloc(len ? len : 1);
        unsigned in = (control & CTL_AT) % g.shards;

        must(bytes != NULL);
        memcpy(bytes, data + at, len);
        struct weir_packet packet = {.data = bytes,
                                     .len = len,
                                     .wire_len = control & CTL_CUT ? len + 100 : 0,
                                     .in_iface = 1,
                                     .user = bytes};

        g.now.ns += steps[(control & CTL_TIME) >> 2];
        must(weir_group_home(g.group, &packet) < g.shards);
        finish(in, &packet, weir_group_steer(g.group, in, &packet, 1));
        for (unsigned i = 0; i < 3; i++)
            if (control >> TAKES >> i & 1 && i < g.shards)
                take(i);
        at += len;
    }
    check();
    weir_group_free(g.group);
    weir_rules_free(rules);
    return 0;
}
