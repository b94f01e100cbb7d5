/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules run by an index against the same rules run one by one.
 *
 * Two shards get the same random rulesets, one read with RULES_PLAIN, and the same packets. After
 * every packet all that can be seen must agree: results, bytes, packets made, log lines (-j TRACE
 * tells every rule that was met), events, and the counters of all rules. Rules with a memory
 * (statistic, quota, recent, hashlimit, and the random numbers that all draw from) tell by what
 * they say later whether one was asked too often or not often enough.
 *
 * Rulesets are long, of rules that ask for one of many addresses, ports, ranges, interfaces and
 * marks (gen_rules.h), with short ones of everything between. Packets are those of gen.h, which
 * belong to conversations, and strangers of all protocols with the addresses and ports that rules
 * speak of; many are cut, broken or fragments, since those must be dropped by the same rule.
 */
#include "../unit/shard_fixture.h"

#include "gen.h"
#include "gen_rules.h"
#include "rules/rules.h"

#include <stdio.h>
#include <weir/rules.h>

enum { PACKETS = 2500, SETS_OF_RULES = 80, HEARD_MAX = 1 << 20, ROOM = 4096 };

/* A shard, and what was heard of it during a packet. */
struct way {
    struct weir_shard *shard;
    struct weir_rules *rules[2];
    struct weir_packet packet;
    uint8_t *room; /* exactly the packet */
    size_t heard;
    char hear[HEARD_MAX];
};

static struct way ways[2]; /* by an index, one by one */

static struct {
    uint64_t packets, passed, indexes, chains, kinds;
} tally;

/* --- the shards' host --- */

static void hear(struct way *s, const void *bytes, size_t n)
{
    assert_true(s->heard + n <= HEARD_MAX);
    memcpy(s->hear + s->heard, bytes, n);
    s->heard += n;
}

static void on_event(void *ctx, const struct weir_event *e)
{
    hear(ctx, &e->type, sizeof(e->type));
    hear(ctx, &e->kinds, sizeof(e->kinds));
    hear(ctx, &e->conn, sizeof(e->conn));
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)cause;
    hear(ctx, &made->out_iface, sizeof(made->out_iface));
    hear(ctx, &made->mark, sizeof(made->mark));
    hear(ctx, made->data, made->len);
}

static void on_message(void *ctx, enum weir_message_kind kind, const char *text,
                       const struct weir_packet *cause)
{
    (void)cause;
    hear(ctx, &kind, sizeof(kind));
    hear(ctx, text, strlen(text));
}

/* Networks 1 and 2 are behind interfaces 1 and 2, their hosts number 1 are this one. */
static struct weir_route route(void *ctx, const struct weir_packet *packet, uint8_t family,
                               union weir_addr dst)
{
    unsigned net = family == 4 ? dst.bytes[2] : dst.bytes[3];

    (void)ctx;
    (void)packet;
    return (struct weir_route){.local = dst.bytes[family == 4 ? 3 : 15] == 1,
                               .out_iface = net == 1 || net == 2 ? (uint16_t)net : 0,
                               .mtu = 1500};
}

static const char *iface_name(void *ctx, uint16_t iface)
{
    (void)ctx;
    return iface == 1 ? "ta" : iface == 2 ? "tb" : NULL;
}

static bool source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                   const union weir_addr *peer, union weir_addr *addr)
{
    (void)ctx;
    (void)use;
    (void)iface;
    *addr = *peer;
    addr->bytes[family == 4 ? 3 : 15] = 1;
    return true;
}

static void begin(struct way *s, bool tracked)
{
    const struct weir_config config = {.host = {.ctx = s,
                                                .event = on_event,
                                                .packet = on_packet,
                                                .message = on_message,
                                                .route = route,
                                                .iface_name = iface_name,
                                                .source = source},
                                       .seed = {1, 2},
                                       .max = 500,
                                       .no_ipv4 = !tracked,
                                       .no_ipv6 = !tracked};

    s->shard = weir_shard_new(&config);
    s->room = malloc(ROOM);
    assert_true(s->shard && s->room);
    assert_int_equal(weir_tunable_set(s->shard, WEIR_T_ACCT, 1), 0);
}

static void end(struct way *s)
{
    for (int i = 0; i < 2; i++)
        assert_int_equal(weir_shard_set_rules(s->shard, i ? 6 : 4, NULL, NULL), 0);
    weir_shard_free(s->shard);
    for (int i = 0; i < 2; i++)
        weir_rules_free(s->rules[i]);
    free(s->room);
    s->heard = 0;
}

/* --- rules --- */

static void load(struct way *s, uint8_t family, const char *text, size_t len)
{
    const struct weir_rules_options options = {.flags = s == &ways[1] ? RULES_PLAIN : 0};
    struct weir_rules **rules = &s->rules[family == 6];
    struct weir_rules_error error;

    if (weir_rules_parse(rules, family, text, len, &options, &error) != 0)
        fail_msg("line %u: %s: %s", error.line, error.message, error.text);
    assert_int_equal(weir_shard_set_rules(s->shard, family, *rules, NULL), 0);
}

static void count_indexes(const struct weir_rules *rules)
{
    for (unsigned t = 0; t < WEIR_TABLE_MAX; t++)
        for (uint32_t c = 0; c < rules->table[t].chain_count; c++) {
            const struct chain *chain = rules->table[t].chains[c];
            const struct index *index = chain->index[INDEX_WHOLE];

            tally.chains++;
            tally.indexes += index != NULL;
            tally.kinds += index && chain->index[INDEX_POOR] != index;
        }
}

static void load_random(struct rng *rng, unsigned weight, bool track)
{
    char *text = malloc(GEN_RULES_MAX);

    assert_non_null(text);
    for (int i = 0; i < 2; i++) {
        struct gen_rules_opts opts = {
            .family = i ? 6 : 4, .track = track, .weight = weight, .beyond = true};

        opts.nat = rng_one_in(rng, 2) && track;
        opts.many = !rng_one_in(rng, 6);
        size_t len = gen_rules(rng, &opts, text);

        assert_true(len < GEN_RULES_MAX - 1000);
        for (int s = 0; s < 2; s++)
            load(&ways[s], opts.family, text, len);
        count_indexes(ways[0].rules[i]);
    }
    free(text);
}

/* --- packets --- */

static void some_host(struct rng *r, uint8_t family, struct build_addr *addr)
{
    uint8_t net = (uint8_t)rng_range(r, 1, 2);
    uint8_t number =
        (uint8_t)(rng_one_in(r, 2) ? rng_range(r, 1, 4) : rng_range(r, 2, GEN_RULES_HOSTS));

    *addr = family == 4 ? (struct build_addr){{10, 0, net, number}}
                        : (struct build_addr){{0xfd, 0x99, 0, net, [15] = number}};
}

static void set_ports(struct rng *r, struct build *b)
{
    uint16_t sport = gen_rules_port(r), dport = gen_rules_port(r);

    switch (b->kind) {
    case BUILD_TCP:
        b->l4.tcp.sport = sport;
        b->l4.tcp.dport = dport;
        b->l4.tcp.flags = (uint16_t)rng_below(r, 64);
        break;
    case BUILD_UDP:
    case BUILD_UDPLITE:
        b->l4.udp.sport = sport;
        b->l4.udp.dport = dport;
        break;
    case BUILD_SCTP:
        b->l4.sctp.sport = sport;
        b->l4.sctp.dport = dport;
        (void)build_chunk_add(&b->l4.sctp, (uint8_t)rng_below(r, 4));
        break;
    case BUILD_RAW:
    case BUILD_ICMP:
    case BUILD_GRE:
    case BUILD_KIND_MAX: break;
    }
}

/* Headers that are cut off, fragments, sizes that are wrong. */
static void spoil(struct rng *r, struct build *b)
{
    switch (rng_below(r, 6)) {
    case 0: b->keep = (int)rng_below(r, 24); break;
    case 1: b->cut = (int)rng_range(r, 20, 70); break;
    case 2:
        b->piece.on = true;
        b->piece.off = 8 * rng_below(r, 3);
        b->piece.len = 16;
        break;
    case 3:
        if (b->family == 6)
            (void)build_ext_frag(b, (uint16_t)(8 * rng_below(r, 2)), false, 7);
        if (b->family == 6 && rng_one_in(r, 2))
            b->keep = (int)rng_below(r, 12);
        break;
    case 4:
        if (b->family == 6)
            (void)build_ext_add(b, BUILD_PROTO_DSTOPT, (const uint8_t *)"\1\4", 2);
        break;
    default:
        if (b->kind == BUILD_TCP)
            b->l4.tcp.doff = (int)rng_below(r, 16);
        break;
    }
}

/* Returns its length; *wire_len is what it would have been. */
static size_t stranger(struct rng *r, uint8_t *bytes, size_t *wire_len)
{
    static const uint8_t kinds[] = {BUILD_TCP,     BUILD_TCP,  BUILD_TCP,  BUILD_UDP, BUILD_UDP,
                                    BUILD_UDPLITE, BUILD_SCTP, BUILD_ICMP, BUILD_RAW, BUILD_RAW};
    uint8_t family = rng_one_in(r, 2) ? 4 : 6, payload[40];
    struct build b;

    build_init(&b, family, (enum build_kind)RNG_PICK(r, kinds));
    some_host(r, family, &b.src);
    some_host(r, family, &b.dst);
    b.ttl = (uint8_t)rng_range(r, 58, 64);
    set_ports(r, &b);
    b.data.len = rng_below(r, sizeof(payload));
    if (b.kind == BUILD_RAW) {
        b.proto = rng_one_in(r, 4) ? PROTO_ESP : PROTO_DCCP;
        for (size_t i = 0; i < sizeof(payload); i++)
            payload[i] = (uint8_t)rng_below(r, 256);
        b.data.bytes = payload;
        for (size_t i = 0; i < 4; i += 2) {
            uint16_t port = gen_rules_port(r);

            payload[i] = (uint8_t)(port >> 8);
            payload[i + 1] = (uint8_t)port;
        }
    }
    if (rng_one_in(r, 5))
        spoil(r, &b);
    size_t len = build_make(&b, bytes, ROOM);

    *wire_len = len;
    if (b.cut != BUILD_AUTO && len) {
        b.cut = BUILD_AUTO;
        *wire_len = build_make(&b, ways[1].room, ROOM);
    }
    return len;
}

/* --- running --- */

static void run(struct way *s, struct weir_time now, const struct weir_packet *packet)
{
    s->heard = 0;
    s->packet = *packet;
    s->packet.data = s->room + ROOM - packet->len; /* its end is the room's */
    memcpy(s->packet.data, packet->data, packet->len);
    weir_shard_run(s->shard, now, &s->packet, 1);
}

static void same_counts(uint8_t family, uint64_t seed, unsigned step)
{
    const struct weir_rules *rules = ways[0].rules[family == 6];
    const struct weir_rules_count *a = weir_shard_rule_counts(ways[0].shard, family),
                                  *b = weir_shard_rule_counts(ways[1].shard, family);

    if (memcmp(a, b, weir_rules_counters(rules) * sizeof(*a)) == 0)
        return;
    for (uint32_t i = 0; i < weir_rules_counters(rules); i++)
        if (a[i].packets != b[i].packets || a[i].bytes != b[i].bytes)
            fail_msg("seed %llu packet %u: line %u counts %llu by an index, %llu one by one",
                     (unsigned long long)seed, step, weir_rules_line(rules, i),
                     (unsigned long long)a[i].packets, (unsigned long long)b[i].packets);
}

static void same_results(uint64_t seed, unsigned step, uint8_t family)
{
    const struct way *a = &ways[0], *b = &ways[1];
    struct weir_packet x = a->packet, y = b->packet;

    same_counts(family, seed, step);
    x.data = y.data = NULL;
    if (memcmp(&x, &y, sizeof(x)) != 0 || memcmp(a->packet.data, b->packet.data, x.len) != 0)
        fail_msg("seed %llu packet %u: by an index verdict %u reason %u rule %u, one by one "
                 "verdict %u reason %u rule %u",
                 (unsigned long long)seed, step, x.verdict, x.reason, x.rule, y.verdict, y.reason,
                 y.rule);
    if (a->heard != b->heard || memcmp(a->hear, b->hear, a->heard) != 0)
        fail_msg("seed %llu packet %u: log, events or packets made differ",
                 (unsigned long long)seed, step);
    tally.packets++;
    tally.passed += x.verdict == WEIR_ACCEPT;
}

static void run_seed(uint64_t seed, unsigned weight, unsigned packets)
{
    static struct gen gen;
    static uint8_t bytes[ROOM];
    struct weir_time now = {1000 * SEC};
    struct gen_opts opts;
    struct rng rng;

    rng_init(&rng, seed);
    bool tracked = !rng_one_in(&rng, 5);

    gen_opts_init(&opts);
    opts.packets = 0;
    opts.hosts = 3;
    gen_init(&gen, seed, &opts);
    for (int s = 0; s < 2; s++)
        begin(&ways[s], tracked);
    load_random(&rng, weight, tracked);
    for (unsigned step = 0; step < packets; step++) {
        struct weir_packet packet = {.data = bytes};
        size_t wire_len;

        if (rng_one_in(&rng, 3)) {
            struct gen_packet made;

            assert_true(gen_next(&gen, &made));
            memcpy(bytes, made.bytes, made.len);
            packet.len = (uint32_t)made.len;
            packet.in_iface = made.side == SIDE_A ? 1 : 2;
            now.ns += made.wait_ns;
        } else {
            packet.len = (uint32_t)stranger(&rng, bytes, &wire_len);
            packet.wire_len = (uint32_t)wire_len;
            packet.in_iface = (uint16_t)rng_range(&rng, 1, 2);
            now.ns += (int64_t)rng_below(&rng, 2000000);
        }
        packet.mark = rng_one_in(&rng, 2) ? rng_below(&rng, 8) : 0;
        if (!packet.len)
            continue;
        uint8_t family = bytes[0] >> 4;

        for (int s = 0; s < 2; s++)
            run(&ways[s], now, &packet);
        same_results(seed, step, family == 6 ? 6 : 4);
    }
    for (int s = 0; s < 2; s++)
        end(&ways[s]);
}

static void test_same_as_one_by_one(void **state)
{
    (void)state;
    memset(&tally, 0, sizeof(tally));
    for (uint64_t seed = 1; seed <= SETS_OF_RULES; seed++)
        run_seed(seed, seed % 2 ? 40 : 160, PACKETS);
    print_message("# %llu packets, %llu accepted; %llu chains, %llu with an index, %llu of them "
                  "with more than one\n",
                  (unsigned long long)tally.packets, (unsigned long long)tally.passed,
                  (unsigned long long)tally.chains, (unsigned long long)tally.indexes,
                  (unsigned long long)tally.kinds);
    /* It would be easy to agree if there were no indexes, or if nothing came past them. */
    assert_true(tally.indexes > tally.chains / 4 && tally.kinds > tally.indexes / 4);
    assert_true(tally.passed > tally.packets / 10);
}

/* One chain of very many rules, so that tables are large and shapes few; every rule jumps or
 * counts, and packets go through all of it. */
static void test_long_chains(void **state)
{
    (void)state;
    memset(&tally, 0, sizeof(tally));
    for (uint64_t seed = 1001; seed < 1004; seed++)
        run_seed(seed, 600, PACKETS / 2);
    assert_true(tally.indexes > tally.chains / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_as_one_by_one),
                                       cmocka_unit_test(test_long_chains)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
