/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group with a real thread for each shard: queries through SNAT, DNAT and both, each answered as
 * soon as it came out, at another thread, so that answers race with the notes that tell whose they
 * are. Every answer must be known for one, and reach its client as the client expects it.
 *
 * The wires are queues with a lock; the group itself has none. Built with the thread sanitizer,
 * this is where a missing order of memory shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "wire.h"
#include <weir/group.h>
#include <weir/rules.h>

enum {
    THREADS = 3,
    QUERIES = 20000, /* of each thread */
    FLYING = 32,     /* of each thread at a time */
    WIRE_MAX = 4 * THREADS * FLYING,
    BATCH = 32,
    LEN = 28 + 8,
};

static const char rules[] =
    "*nat\n"
    "-A PREROUTING -d 203.0.113.1 -j DNAT --to-destination 198.51.100.1\n"
    "-A POSTROUTING -s 10.1.0.0/16 -j SNAT --to-source 192.0.2.1-192.0.2.8\n"
    "COMMIT\n";

struct wire {
    pthread_mutex_t lock;
    unsigned count;
    uint8_t *packet[WIRE_MAX];
};

static struct wire wires[THREADS];
static struct weir_group *group;
static atomic_uint answered, wrong_class, wrong_bytes, dropped;

static void wire_put(unsigned at, uint8_t *packet)
{
    struct wire *w = &wires[at];

    (void)pthread_mutex_lock(&w->lock);
    if (w->count < WIRE_MAX) {
        w->packet[w->count++] = packet;
        packet = NULL;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (packet) {
        free(packet);
        dropped++;
    }
}

static unsigned wire_get(unsigned at, struct weir_packet *packets)
{
    struct wire *w = &wires[at];
    unsigned n = 0;

    (void)pthread_mutex_lock(&w->lock);
    for (; n < BATCH && w->count; n++)
        packets[n] = (struct weir_packet){.data = w->packet[--w->count], .len = LEN};
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

/* A query of its own: from a client that is translated or not, to an address that is or not. The
 * data say what it was. */
static uint8_t *query(unsigned thread, unsigned n)
{
    uint8_t *at = malloc(LEN);
    struct build b;

    if (!at)
        abort();
    build_init(&b, 4, BUILD_UDP);
    memcpy(b.src.b, (uint8_t[4]){10, n & 1 ? 1 : 2, (uint8_t)thread, (uint8_t)(n >> 14)}, 4);
    if (n & 2)
        memcpy(b.dst.b, (uint8_t[4]){203, 0, 113, 1}, 4);
    else
        memcpy(b.dst.b, (uint8_t[4]){198, 51, 100, 1}, 4);
    b.l4.udp.sport = (uint16_t)(1024 + (n & 0x3fff));
    b.l4.udp.dport = 53;
    uint8_t data[8];

    memcpy(data, b.src.b, 4);
    memcpy(data + 4, b.dst.b, 4);
    b.data.bytes = data;
    b.data.len = sizeof(data);
    if (build_make(&b, at, LEN) != LEN)
        abort();
    return at;
}

static uint8_t *answer_to(const uint8_t *seen)
{
    uint8_t *at = malloc(LEN);
    struct build b;

    if (!at)
        abort();
    build_init(&b, 4, BUILD_UDP);
    memcpy(b.src.b, seen + 16, 4);
    memcpy(b.dst.b, seen + 12, 4);
    b.l4.udp.sport = wire_get16(seen + 22);
    b.l4.udp.dport = wire_get16(seen + 20);
    b.data.bytes = seen + 28;
    b.data.len = 8;
    if (build_make(&b, at, LEN) != LEN)
        abort();
    return at;
}

/* What came out: a query, which the server answers at another thread, or an answer. */
static void came_out(unsigned thread, const struct weir_packet *p)
{
    const uint8_t *ip = p->data;
    bool is_answer = wire_get16(ip + 20) == 53;

    if (p->verdict != WEIR_ACCEPT) {
        dropped++;
    } else if (!is_answer) {
        wrong_class += p->ctinfo != WEIR_CT_NEW;
        wire_put((thread + 1 + (wire_get16(ip + 20) & 1)) % THREADS, answer_to(ip));
    } else {
        wrong_class += p->ctinfo != WEIR_CT_ESTABLISHED_REPLY;
        wrong_bytes += memcmp(ip + 16, ip + 28, 4) != 0 || memcmp(ip + 12, ip + 32, 4) != 0;
        answered++;
    }
    free(p->data);
}

static void run(unsigned thread, struct weir_packet *packets, struct weir_steered s)
{
    weir_shard_run(weir_group_shard(group, thread), (struct weir_time){1000000000000}, packets,
                   s.own);
    for (size_t i = 0; i < s.own + s.refused; i++)
        came_out(thread, &packets[i]);
}

static void *work(void *arg)
{
    unsigned thread = (unsigned)(uintptr_t)arg, sent = 0;
    struct weir_packet packets[BATCH];

    while (answered + dropped < THREADS * QUERIES) {
        unsigned all = answered + dropped;
        unsigned n = wire_get(thread, packets);

        run(thread, packets, weir_group_steer(group, thread, packets, n));
        run(thread, packets, weir_group_take(group, thread, packets, BATCH));
        while (sent < QUERIES && sent < all / THREADS + FLYING) {
            wire_put((thread + sent) % THREADS, query(thread, sent));
            sent++;
        }
        if (n == 0 && !weir_group_waiting(group, thread))
            (void)sched_yield();
    }
    return NULL;
}

static uint64_t total(size_t field)
{
    uint64_t sum = 0;

    for (unsigned w = 0; w < THREADS; w++) {
        struct weir_group_stats s;

        weir_group_stats(group, w, &s);
        sum += *(const uint64_t *)(const void *)((const char *)&s + field);
    }
    return sum;
}

static void answers_never_overtake(void **state)
{
    const struct weir_group_config config = {.shard = {.seed = {5, 6}, .max = 400000},
                                             .shards = THREADS};
    struct weir_rules *set;
    struct weir_rules_error error;
    pthread_t threads[THREADS];

    (void)state;
    group = weir_group_new(&config);
    assert_non_null(group);
    assert_int_equal(weir_rules_parse(&set, 4, rules, strlen(rules), NULL, &error), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(weir_shard_set_rules(weir_group_shard(group, i), 4, set, NULL), 0);
        assert_int_equal(pthread_mutex_init(&wires[i].lock, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(dropped, 0);
    assert_int_equal(wrong_class, 0);
    assert_int_equal(wrong_bytes, 0);
    assert_int_equal(answered, THREADS * QUERIES);
    assert_int_equal(total(offsetof(struct weir_group_stats, stubs_lost)), 0);
    assert_true(total(offsetof(struct weir_group_stats, stubs)) > QUERIES / 4);
    assert_true(total(offsetof(struct weir_group_stats, second_hops)) > QUERIES / 16);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_mutex_destroy(&wires[i].lock), 0);
    weir_group_free(group);
    weir_rules_free(set);
}

/* --- datagrams that one thread gathers and the other runs --- */

enum { DATAGRAMS = 5000, PIECE = 128 };

static atomic_uint crossed, sent_on, came_whole;
static atomic_bool gathered_all;

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    (void)ctx;
    (void)cause;
    sent_on++;
    came_whole += made->data[made->len - 1] == made->data[4]; /* written at both ends */
}

/* Two fragments, both ending in the low byte of the identification's half. */
static void cut(uint16_t id, uint16_t port, struct weir_packet pieces[2], uint8_t bytes[2][PIECE])
{
    uint8_t data[40];
    struct build b;

    memset(data, id >> 8, sizeof(data));
    build_init(&b, 4, BUILD_UDP);
    memcpy(b.src.b, (uint8_t[4]){10, 0, 0, 1}, 4);
    memcpy(b.dst.b, (uint8_t[4]){10, 0, 1, 1}, 4);
    b.ip4.id = id;
    b.l4.udp.sport = port;
    b.l4.udp.dport = 53;
    b.data.bytes = data;
    b.data.len = sizeof(data);
    for (unsigned i = 0; i < 2; i++) {
        b.piece = (struct build_piece){.on = true, .off = 24 * i, .len = 24, .more = BUILD_AUTO};
        pieces[i] = (struct weir_packet){.data = bytes[i],
                                         .len = (uint32_t)build_make(&b, bytes[i], PIECE)};
    }
}

static bool crosses(uint16_t port)
{
    struct weir_packet whole, pieces[2];
    uint8_t bytes[2][PIECE], all[PIECE];
    struct build b;

    cut(1, port, pieces, bytes);
    build_init(&b, 4, BUILD_UDP);
    memcpy(b.src.b, (uint8_t[4]){10, 0, 0, 1}, 4);
    memcpy(b.dst.b, (uint8_t[4]){10, 0, 1, 1}, 4);
    b.l4.udp.sport = port;
    b.l4.udp.dport = 53;
    whole = (struct weir_packet){.data = all, .len = (uint32_t)build_make(&b, all, sizeof(all))};
    return weir_group_home(group, &whole) != weir_group_home(group, &pieces[0]);
}

static void *gather(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct weir_packet pieces[2];
    uint8_t bytes[2][PIECE];
    uint16_t port = 1;

    for (unsigned i = 0; i < DATAGRAMS && !wrong_class;) {
        port = (uint16_t)(port % 1000 + 1);
        if (!crosses(port))
            continue;
        cut((uint16_t)(i + 1), port, pieces, bytes);
        (void)weir_group_steer(group, me, pieces, 2);
        weir_shard_run(weir_group_shard(group, me), (struct weir_time){1000000000000}, pieces, 2);
        if (pieces[1].reason == WEIR_R_HANDED_OVER)
            i++;
        else
            (void)sched_yield();
        wrong_class +=
            pieces[1].reason != WEIR_R_HANDED_OVER && pieces[1].reason != WEIR_R_HANDOFF_FULL;
    }
    gathered_all = true;
    return NULL;
}

static void *finish(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct weir_packet packets[BATCH];

    while (!gathered_all || weir_group_waiting(group, me)) {
        size_t n = weir_group_take(group, me, packets, BATCH).own;

        weir_shard_run(weir_group_shard(group, me), (struct weir_time){1000000000000}, packets, n);
        for (size_t i = 0; i < n; i++)
            wrong_class += packets[i].verdict != WEIR_REPLACED;
        crossed += (unsigned)n;
        if (!n)
            (void)sched_yield();
    }
    return NULL;
}

static void datagrams_cross_whole(void **state)
{
    const struct weir_group_config config = {
        .shard = {.host = {.packet = on_packet}, .seed = {7, 8}, .max = 10000}, .shards = 2};
    pthread_t threads[2];
    struct weir_packet pieces[2];
    uint8_t bytes[2][PIECE];

    (void)state;
    group = weir_group_new(&config);
    assert_non_null(group);
    wrong_class = 0;
    cut(1, 1, pieces, bytes);
    uintptr_t gatherer = weir_group_home(group, &pieces[0]);

    assert_int_equal(pthread_create(&threads[0], NULL, gather, (void *)gatherer), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, finish, (void *)(1 - gatherer)), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(wrong_class, 0);
    assert_int_equal(crossed, DATAGRAMS);
    assert_int_equal(sent_on, 2 * DATAGRAMS);
    assert_int_equal(came_whole, 2 * DATAGRAMS);
    weir_group_free(group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_never_overtake),
                                       cmocka_unit_test(datagrams_cross_whole)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
