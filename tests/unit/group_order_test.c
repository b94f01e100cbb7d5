/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which a home takes packets and reads notes, at the worst moment: the owner announces
 * a tuple and the answer arrives, by way of a third, right after the home has read its notes. With
 * threads that takes a coincidence of a few nanoseconds; here a stand-in for notes_exchange(),
 * which the linker puts before the real one, makes it happen.
 */
#include "shard_fixture.h"

#include "pipe/group.h"
#include <weir/rules.h>

enum { OWNER = 0, HOME = 1, THIRD = 2, SHARDS = 3 };

static struct weir_group *group;
static struct weir_time now = {1000 * SEC};
static struct weir_packet query, answer;
static unsigned armed; /* calls by the home until it happens; 0: it does not */

/* The query leaves, and at once its answer comes. */
static void meanwhile(void)
{
    struct weir_packet packet = query;

    assert_int_equal(weir_group_steer(group, OWNER, &packet, 1).own, 1);
    weir_shard_run(weir_group_shard(group, OWNER), now, &packet, 1);
    assert_int_equal(packet.verdict, WEIR_ACCEPT);
    packet = answer;
    assert_int_equal(weir_group_steer(group, THIRD, &packet, 1).own, 0);
}

void __real_notes_exchange(struct worker *w);
void __wrap_notes_exchange(struct worker *w);

void __wrap_notes_exchange(struct worker *w)
{
    __real_notes_exchange(w);
    if (w->number == HOME && armed && --armed == 0)
        meanwhile();
}

static size_t make(uint8_t *bytes, size_t cap, uint8_t from, uint8_t to, uint16_t sport,
                   uint16_t dport)
{
    struct build b;

    build_init(&b, 4, BUILD_UDP);
    memcpy(b.src.b, (uint8_t[4]){10, 0, 0, from}, 4);
    memcpy(b.dst.b, (uint8_t[4]){10, 0, 0, to}, 4);
    b.l4.udp.sport = sport;
    b.l4.udp.dport = dport;
    return build_make(&b, bytes, cap);
}

/* A port of client 1 with which the query to 2 belongs to the owner, and the answer of 3 to the
 * home. */
static void find_packets(uint8_t bytes[2][64])
{
    for (uint16_t port = 1; port; port++) {
        query = answer = (struct weir_packet){.data = bytes[0]};
        query.len = (uint32_t)make(bytes[0], 64, 1, 2, port, 53);
        answer.data = bytes[1];
        answer.len = (uint32_t)make(bytes[1], 64, 3, 1, 53, port);
        if (weir_group_home(group, &query) == OWNER && weir_group_home(group, &answer) == HOME)
            return;
    }
    fail();
}

static void notes_are_read_after_packets_are_taken(void **state)
{
    static const char rules[] = "*nat\n-A PREROUTING -d 10.0.0.2 -j DNAT --to 10.0.0.3\nCOMMIT\n";
    const struct weir_group_config config = {.shard = {.seed = {1, 2}, .max = 300},
                                             .shards = SHARDS};
    struct weir_packet taken[4];
    struct weir_rules_error error;
    struct weir_rules *set;
    uint8_t bytes[2][64];

    (void)state;
    group = weir_group_new(&config);
    assert_non_null(group);
    assert_int_equal(weir_rules_parse(&set, 4, rules, strlen(rules), NULL, &error), 0);
    for (unsigned w = 0; w < SHARDS; w++)
        assert_int_equal(weir_shard_set_rules(weir_group_shard(group, w), 4, set, NULL), 0);
    find_packets(bytes);
    armed = 1;
    assert_int_equal(weir_group_take(group, HOME, taken, 4).own, 0);
    assert_int_equal(armed, 0);
    assert_int_equal(weir_group_take(group, HOME, taken, 4).own, 0);
    assert_int_equal(weir_group_take(group, OWNER, taken, 4).own, 1);
    weir_shard_run(weir_group_shard(group, OWNER), now, taken, 1);
    assert_int_equal(taken[0].ctinfo, WEIR_CT_ESTABLISHED_REPLY);
    weir_group_free(group);
    weir_rules_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(notes_are_read_after_packets_are_taken)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
