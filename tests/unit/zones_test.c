/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones: conntrack reference, 1.3 (zone-1 to zone-4).
 */
#include "shard_fixture.h"

enum { ORIG_ONLY = 1 << WEIR_ORIG, REPLY_ONLY = 1 << WEIR_REPLY, BOTH = 3 };

static const struct weir_template zone5 = {.zone = 5, .zone_dirs = BOTH};
static const struct weir_template orig5 = {.zone = 5, .zone_dirs = ORIG_ONLY};
static const struct weir_template reply6 = {.zone = 6, .zone_dirs = REPLY_ONLY};

static enum weir_ctinfo forth(struct fixture *f, const struct weir_template *templ)
{
    f->templ = templ;
    return send_udp(f, 'A', 'B', 1000, 53);
}

static enum weir_ctinfo back(struct fixture *f, const struct weir_template *templ)
{
    f->templ = templ;
    return send_udp(f, 'B', 'A', 53, 1000);
}

/* Dropped at the confirm point: the reply tuple is taken by a flow that is not the same. */
static void check_clash(struct fixture *f, uint64_t times)
{
    assert_int_equal(f->sent.verdict, WEIR_DROP);
    assert_int_equal(f->sent.reason, WEIR_R_CLASH);
    assert_int_equal(f->sent.conn, 0);
    assert_int_equal(stats(f).insert_failed, times);
    assert_int_equal(stats(f).drop, times);
    assert_int_equal(stats(f).clash_resolve, 0);
}

static void test_zone_1(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(forth(f, &zone5), WEIR_CT_NEW);
    uint32_t handle = f->sent.conn;

    assert_int_equal(its_conn(f).zone, 5);
    assert_int_equal(its_conn(f).zone_dirs, BOTH);
    assert_int_equal(back(f, NULL), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).zone, 0);
    assert_int_equal(conns(f), 2);
    assert_int_equal(back(f, &zone5), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(f->sent.conn, handle);
}

static void test_zone_2(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(forth(f, &orig5), WEIR_CT_NEW);
    uint32_t handle = f->sent.conn;

    assert_int_equal(its_conn(f).zone, 5);
    assert_int_equal(its_conn(f).zone_dirs, ORIG_ONLY);
    assert_int_equal(back(f, NULL), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(f->sent.conn, handle);
    assert_int_equal(forth(f, &orig5), WEIR_CT_ESTABLISHED);
    assert_int_equal(conns(f), 1);
}

static void test_zone_3(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(forth(f, &orig5), WEIR_CT_NEW);
    assert_int_equal(back(f, NULL), WEIR_CT_ESTABLISHED_REPLY);
    (void)forth(f, NULL);
    check_clash(f, 1);
    assert_int_equal(count(f), 1);
    assert_int_equal(back(f, NULL), WEIR_CT_ESTABLISHED_REPLY);
}

static void test_zone_4(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(forth(f, &reply6), WEIR_CT_NEW);
    uint32_t handle = f->sent.conn;

    assert_int_equal(its_conn(f).zone_dirs, REPLY_ONLY);
    (void)back(f, NULL);
    check_clash(f, 1);
    assert_int_equal(back(f, &reply6), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(f->sent.conn, handle);
    /* Its original direction is in zone 0. */
    assert_int_equal(forth(f, NULL), WEIR_CT_ESTABLISHED);
    assert_int_equal(f->sent.conn, handle);
}

/* The same tuple in many zones is as many connections; no packet meets another zone's. */
static void test_many_zones(void **state)
{
    static const uint16_t zones[] = {0, 1, 2, 255, 256, 0x7fff, 0x8000, 0xffff};
    struct fixture *f = *state;
    uint32_t handles[8];

    for (size_t i = 0; i < 8; i++) {
        const struct weir_template templ = {.zone = zones[i], .zone_dirs = BOTH};

        assert_int_equal(forth(f, &templ), WEIR_CT_NEW);
        handles[i] = f->sent.conn;
        assert_int_equal(its_conn(f).zone, zones[i]);
    }
    assert_int_equal(conns(f), 8);
    for (size_t i = 0; i < 8; i++) {
        const struct weir_template templ = {.zone = zones[i], .zone_dirs = BOTH};

        assert_int_equal(back(f, &templ), WEIR_CT_ESTABLISHED_REPLY);
        assert_int_equal(f->sent.conn, handles[i]);
    }
}

/* Zone 0 by template is no zone, whatever its directions say. */
static void test_zone_0(void **state)
{
    struct fixture *f = *state;

    for (uint8_t dirs = 0; dirs < 4; dirs++) {
        const struct weir_template templ = {.zone = 0, .zone_dirs = dirs};

        (void)forth(f, &templ);
        assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
        assert_int_equal(only_conn(f).zone, 0);
        assert_int_equal(only_conn(f).zone_dirs, BOTH);
        assert_int_equal(back(f, NULL), WEIR_CT_ESTABLISHED_REPLY);
    }
}

/* An entry keeps its zone; what later packets' templates say only decides where they look. */
static void test_zone_stays(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(forth(f, &orig5), WEIR_CT_NEW);
    assert_int_equal(forth(f, &zone5), WEIR_CT_NEW); /* same zone for this direction */
    assert_int_equal(only_conn(f).zone_dirs, ORIG_ONLY);
    /* With zone 5 for both directions an answer looks in zone 5 only, where this reply is not; its
     * own entry would be answered by what this one has sent. */
    (void)back(f, &zone5);
    check_clash(f, 1);
    assert_int_equal(conns(f), 1);
}

/*
 * A packet from an endpoint to itself has one tuple for both directions. Linux finds the reply,
 * unless only the original one is in the zone where it looks.
 */
static void test_to_itself(void **state)
{
    static const struct {
        const struct weir_template *templ;
        enum weir_ctinfo second;
    } rows[] = {{NULL, WEIR_CT_ESTABLISHED_REPLY},
                {&zone5, WEIR_CT_ESTABLISHED_REPLY},
                {&orig5, WEIR_CT_NEW}};
    struct fixture *f = *state;

    for (size_t i = 0; i < 3; i++) {
        f->templ = rows[i].templ;
        assert_int_equal(send_udp(f, 'A', 'A', 7, 7), WEIR_CT_NEW);
        assert_int_equal(send_udp(f, 'A', 'A', 7, 7), rows[i].second);
        assert_int_equal(send_udp(f, 'A', 'A', 7, 7), rows[i].second);
        assert_int_equal(conns(f), 1);
        weir_shard_flush(f->shard);
        assert_int_equal(count(f), 0);
    }
}

/* An error looks for the connection that it quotes in its own zone. */
static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct build quoted, b;
    uint8_t bytes[100];

    assert_int_equal(forth(f, &zone5), WEIR_CT_NEW);
    packet_init(&quoted, 4, BUILD_UDP, 'A', 'B');
    quoted.l4.udp.sport = 1000;
    quoted.l4.udp.dport = 53;
    packet_init(&b, 4, BUILD_ICMP, 'C', 'A');
    b.l4.icmp.type = 3;
    b.data.bytes = bytes;
    b.data.len = build_make(&quoted, bytes, sizeof(bytes));
    f->templ = NULL;
    assert_int_equal(send_packet(f, &b), WEIR_CT_INVALID);
    assert_int_equal(f->sent.reason, WEIR_R_ICMP_UNKNOWN);
    f->templ = &zone5;
    assert_int_equal(send_packet(f, &b), WEIR_CT_RELATED_REPLY);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARD_TEST(test_zone_1),     SHARD_TEST(test_zone_2),     SHARD_TEST(test_zone_3),
        SHARD_TEST(test_zone_4),     SHARD_TEST(test_many_zones), SHARD_TEST(test_zone_0),
        SHARD_TEST(test_zone_stays), SHARD_TEST(test_errors),     SHARD_TEST(test_to_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
