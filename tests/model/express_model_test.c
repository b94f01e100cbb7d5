/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way against the long way.
 *
 * Two shards get the same packets, in batches of the same sizes, under the same rules and settings.
 * In one of them express_run() is taken as it is, in the other it always says no: the linker puts
 * __wrap_express_run() in its place. What the packets become, their bytes, events, the packets
 * made, every entry in memory, the counters and the rules' counts must be the same.
 */
#include "engine.h"
#include "gen.h"
#include "gen_rules.h"
#include "mirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pipe/shard.h"
#include <weir/rules.h>

enum { SEEDS = 600, PACKETS = 1500, BATCH_MAX = 40, ROOM = GEN_PACKET_MAX + 16, LONG = 1 };

static struct {
    const struct weir_shard *shut; /* takes the long way */
    uint64_t asked, taken, translated;
} express;

bool __real_express_run(struct weir_shard *s, struct weir_packet *raw, const struct look *l);
bool __wrap_express_run(struct weir_shard *s, struct weir_packet *raw, const struct look *l);

bool __wrap_express_run(struct weir_shard *s, struct weir_packet *raw, const struct look *l)
{
    if (s == express.shut)
        return false;
    bool taken = __real_express_run(s, raw, l);

    express.asked++;
    express.taken += taken;
    if (taken && conn_at(&s->track, raw->conn)->status & (WEIR_S_SRC_NAT | WEIR_S_DST_NAT))
        express.translated++;
    return taken;
}

/* --- two of everything --- */

struct twins {
    struct engine *engine[2];
    struct rig_result result[2];
    struct weir_packet packet[2][BATCH_MAX];
    uint8_t bytes[2][BATCH_MAX][ROOM];
    uint64_t seed;
    uint64_t made; /* packets so far */
    struct weir_time now;
};

/* What people have in front of their networks; random rules (gen_rules.h) are another half. */
static const char *const usual[] = {
    "*filter\n:FORWARD DROP [0:0]\n"
    "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
    "-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n",

    "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment counted\nCOMMIT\n"
    "*filter\n:INPUT ACCEPT [0:0]\n:OK - [0:0]\n-A FORWARD -m state --state INVALID -j DROP\n"
    "-A FORWARD -j OK\n-A OK -m state --state ESTABLISHED\n-A OK -m state --state "
    "RELATED,ESTABLISHED -j ACCEPT\n"
    "-A OK -p tcp -j ACCEPT\n-A OK -j RETURN\nCOMMIT\n",

    "*nat\n:POSTROUTING ACCEPT [0:0]\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp "
    "--dport 80 -j DNAT --to-destination :8080\n"
    "-A PREROUTING -p udp -j REDIRECT --to-ports 53\n-A POSTROUTING -o tb -j MASQUERADE\nCOMMIT\n"
    "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j "
    "ACCEPT\nCOMMIT\n",

    "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p tcp -j MASQUERADE --to-ports 2000-2100\n"
    "-A POSTROUTING -j MASQUERADE\nCOMMIT\n",

    "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j DNAT --to-destination :7000-7100\n"
    "-A PREROUTING -p udp -j DNAT --to-destination :7\nCOMMIT\n",

    "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i ta -p udp -j CT --notrack\nCOMMIT\n",

    "*security\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j "
    "DROP\nCOMMIT\n",
};

static const struct {
    enum weir_tunable tunable;
    int64_t value;
    unsigned eighths;
} turns[] = {
    {WEIR_T_ACCT, 1, 4},
    {WEIR_T_CHECKSUM, 0, 2},
    {WEIR_T_TCP_LOOSE, 0, 2},
    {WEIR_T_TCP_BE_LIBERAL, 1, 1},
    {WEIR_T_TCP_MAX_RETRANS, 1, 1},
    {WEIR_T_UDP_TIMEOUT, 2, 1},
    {WEIR_T_UDP_TIMEOUT_STREAM, 5, 1},
    {WEIR_T_TCP_ESTABLISHED, 20, 2},
};

static void set_rules(struct twins *w, struct rng *rng)
{
    static char text[GEN_RULES_MAX];
    char err[512];

    for (int i = 0; i < 2; i++) {
        struct gen_rules_opts opts = {
            .family = i ? 6 : 4, .nat = rng_below(rng, 3) != 0, .track = true};

        if (rng_percent(rng, 10))
            continue;
        if (rng_percent(rng, 70))
            (void)strcpy(text, usual[rng_below(rng, sizeof(usual) / sizeof(usual[0]))]);
        else
            (void)gen_rules(rng, &opts, text);
        for (int k = 0; k < 2; k++)
            if (engine_rules(w->engine[k], opts.family, text, err, sizeof(err)))
                fail_msg("seed %" PRIu64 ": %s\n%s", w->seed, err, text);
    }
}

static void twins_new(struct twins *w, uint64_t seed)
{
    struct rng rng;

    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->now.ns = 1000000000;
    rng_init(&rng, seed ^ 0xe49);
    for (int k = 0; k < 2; k++) {
        w->engine[k] = engine_new(&(struct weir_config){.max = 4096});
        assert_non_null(w->engine[k]);
    }
    /* Whoever listens to events wants them from all packets that cause any; without, nothing waits
     * at the entry. */
    bool deaf = rng_percent(&rng, 50);

    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        if (rng_below(&rng, 8) >= turns[i].eighths)
            continue;
        for (int k = 0; k < 2; k++)
            assert_int_equal(
                weir_tunable_set(engine_shard(w->engine[k]), turns[i].tunable, turns[i].value), 0);
    }
    for (int k = 0; k < 2; k++)
        if (deaf)
            assert_int_equal(weir_tunable_set(engine_shard(w->engine[k]), WEIR_T_EVENTS, 0), 0);
    set_rules(w, &rng);
    for (int k = 0; k < 2 && seed % 4 == 0; k++)
        engine_mtu(w->engine[k], 300);
    express.shut = engine_shard(w->engine[LONG]);
}

static void twins_free(struct twins *w)
{
    for (int k = 0; k < 2; k++) {
        engine_free(w->engine[k]);
        rig_result_free(&w->result[k]);
    }
}

/* --- the same? --- */

static void say(const struct twins *w, size_t i, const char *what)
{
    fail_msg("seed %" PRIu64 ", packet %" PRIu64 ": %s differs", w->seed, w->made + i + 1, what);
}

static void compare_packets(const struct twins *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct weir_packet *a = &w->packet[0][i], *b = &w->packet[1][i];

        if (a->verdict != b->verdict || a->reason != b->reason)
            say(w, i, "verdict or reason");
        if (a->ctinfo != b->ctinfo || a->conn != b->conn || a->dir != b->dir)
            say(w, i, "class, entry or direction");
        if (a->out_iface != b->out_iface || a->packets_out != b->packets_out)
            say(w, i, "the way out");
        if (a->rule != b->rule || a->mark != b->mark || a->priority != b->priority)
            say(w, i, "rule, mark or priority");
        if (memcmp(w->bytes[0][i], w->bytes[1][i], ROOM) != 0)
            say(w, i, "the bytes");
    }
}

static void compare_results(const struct twins *w)
{
    const struct rig_result *a = &w->result[0], *b = &w->result[1];

    if (a->events != b->events || a->packets != b->packets || a->bytes_used != b->bytes_used)
        say(w, 0, "how many events or packets made there are");
    for (size_t i = 0; i < a->events; i++)
        if (memcmp(&a->event[i], &b->event[i], sizeof(a->event[i])) != 0)
            say(w, 0, "an event");
    for (size_t i = 0; i < a->packets; i++)
        if (a->packet[i].side != b->packet[i].side || a->packet[i].len != b->packet[i].len)
            say(w, 0, "a packet that was made");
    if (a->bytes_used && memcmp(a->bytes, b->bytes, a->bytes_used) != 0)
        say(w, 0, "the bytes of a packet that was made");
}

/* Entries as they are in memory, freed ones as well. */
static void compare_entries(const struct twins *w)
{
    const struct track *a = &engine_shard(w->engine[0])->track,
                       *b = &engine_shard(w->engine[1])->track;

    for (int six = 0; six < 2; six++) {
        size_t size = six ? CONN6_SIZE : CONN4_SIZE;

        if (a->conns[six].used != b->conns[six].used)
            say(w, 0, "how many entries there are");
        for (uint32_t i = 1; i <= a->conns[six].used; i++)
            if (memcmp(slab_at(&a->conns[six], i), slab_at(&b->conns[six], i), size) != 0)
                say(w, 0, "an entry");
    }
    if (a->exts.used != b->exts.used)
        say(w, 0, "how many extensions there are");
    for (uint32_t i = 1; i <= a->exts.used; i++)
        if (memcmp(slab_at(&a->exts, i), slab_at(&b->exts, i), sizeof(struct conn_ext)) != 0)
            say(w, 0, "an entry's counters");
}

static void compare_counters(struct twins *w)
{
    struct weir_stats stats[2];

    for (int k = 0; k < 2; k++)
        weir_shard_stats(engine_shard(w->engine[k]), &stats[k]);
    if (memcmp(&stats[0], &stats[1], sizeof(stats[0])) != 0)
        say(w, 0, "the statistics");
    for (uint8_t family = 4; family <= 6; family += 2) {
        char *a = engine_rules_save(w->engine[0], family),
             *b = engine_rules_save(w->engine[1], family);

        if (a && strcmp(a, b) != 0)
            fail_msg("seed %" PRIu64 ": counts of rules differ\n%s\n%s", w->seed, a, b);
        free(a);
        free(b);
    }
}

/* --- running --- */

static size_t fill(struct twins *w, struct gen *g, size_t n, bool verified)
{
    struct gen_packet p;
    size_t i = 0;

    for (; i < n && gen_next(g, &p); i++) {
        w->now.ns += p.wait_ns;
        mirror(engine_shard(w->engine[0]), p.bytes, p.len);
        for (int k = 0; k < 2; k++) {
            memset(w->bytes[k][i], 0, ROOM);
            memcpy(w->bytes[k][i], p.bytes, p.len);
            w->packet[k][i] = (struct weir_packet){
                .data = w->bytes[k][i],
                .len = (uint32_t)p.len,
                .flags = verified ? WEIR_PKT_CSUM_OK : 0,
                .in_iface = p.side == SIDE_A ? 1 : 2,
            };
        }
    }
    return i;
}

static void run_seed(uint64_t seed)
{
    static struct twins w;
    static struct gen g;
    struct gen_opts opts;
    struct rng rng;
    bool moved = false;
    size_t n;

    rng_init(&rng, seed ^ 0xba7c4);
    gen_init(&g, seed, NULL);
    gen_opts_init(&opts);
    opts.packets = PACKETS;
    opts.flows = 1 + (unsigned)rng_below(&rng, 12);
    opts.hostility = (unsigned)rng_below(&rng, 50);
    if (rng_percent(&rng, 60))
        opts.protocols = GEN_TCP | GEN_UDP;
    opts.ip_layer = rng_percent(&rng, 30);
    opts.wait_permille = (unsigned)rng_below(&rng, 40);
    gen_init(&g, seed, &opts);
    twins_new(&w, seed);
    while ((n = fill(&w, &g, 1 + rng_below(&rng, BATCH_MAX), rng_percent(&rng, 50)))) {
        /* Routes change: what was masqueraded must not leave by another interface. */
        for (int k = 0; k < 2 && w.made > PACKETS / 2 && !moved; k++)
            assert_int_equal(engine_route(w.engine[k], RIG_A, "10.0.2.2/32"), 0);
        moved = w.made > PACKETS / 2;
        for (int k = 0; k < 2; k++) {
            engine_watch(w.engine[k], &w.result[k]);
            weir_shard_run(engine_shard(w.engine[k]), w.now, w.packet[k], n);
            engine_watch(w.engine[k], NULL);
        }
        compare_packets(&w, n);
        compare_results(&w);
        compare_entries(&w);
        w.made += n;
    }
    compare_counters(&w);
    twins_free(&w);
}

static void short_and_long_way_agree(void **state)
{
    const char *one = getenv("EXPRESS_SEED");

    (void)state;
    memset(&express, 0, sizeof(express));
    if (one) {
        run_seed(strtoull(one, NULL, 0));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
    print_message("# of %" PRIu64 " asked for, %" PRIu64 " went the short way, %" PRIu64
                  " of them translated\n",
                  express.asked, express.taken, express.translated);
    /* Or nothing has been tested. */
    assert_true(express.taken > express.asked / 20);
    assert_true(express.translated > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_and_long_way_agree)};

    return cmocka_run_group_tests_name("express", tests, NULL, NULL);
}
