/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MARK, CONNMARK and CLASSIFY. The results of the rows with both marks are what a Linux 6.18 makes
 * of them.
 */
#include "target_fixture.h"

static void test_mark(void **state)
{
    static const struct {
        uint32_t before;
        const char *rule;
        uint32_t after;
    } rows[] = {
        {0xffffffff, "-j MARK --set-mark 1", 0x1},
        {0xabcd, "-j MARK --set-mark 0", 0x0},
        {0xabcd, "-j MARK --set-mark 0x10/0xf0", 0xab1d},
        {0xabcd, "-j MARK --set-mark 0x1ff/0xf0", 0xabff},
        {0xabcd, "-j MARK --set-mark 0x30/0x0", 0xabfd},
        {0xabcd, "-j MARK --set-xmark 0x10", 0x10},
        {0xabcd, "-j MARK --set-xmark 0x10/0xf0", 0xab1d},
        {0xabcd, "-j MARK --set-xmark 0x111/0xf0", 0xaa1c},
        {0xabcd, "-j MARK --and-mark 0xff0", 0xbc0},
        {0xabcd, "-j MARK --or-mark 0xff0", 0xaffd},
        {0xabcd, "-j MARK --xor-mark 0xff0", 0xa43d},
        {0x80000000, "-j MARK --or-mark 0x1", 0x80000001},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        begin(i % 2 ? 6 : 4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
        w.raw.mark = rows[i].before;
        udp_packet();
        assert_int_equal(run(rows[i].rule), RULES_CONTINUE);
        assert_int_equal(w.raw.mark, rows[i].after);
    }
}

static const struct {
    uint32_t ct, nf;
    const char *rule;
    uint32_t ct_after, nf_after;
} connmark_rows[] = {
    {0x0, 0x7, "-j CONNMARK --set-mark 5", 0x5, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --set-mark 0x10/0xf0", 0xab1d, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --set-xmark 0x111/0xf0", 0xaa1c, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --and-mark 0xff0", 0xbc0, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --or-mark 0xff0", 0xaffd, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --xor-mark 0xff0", 0xa43d, 0x7},
    /* An option writes over what those before it said. */
    {0xabcd, 0x7, "-j CONNMARK --set-mark 1 --mask 0xff", 0xab01, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --mask 0xff --set-mark 1", 0x1, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --and-mark 5 --mask 0xf", 0xabc0, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --or-mark 5 --ctmask 0xf", 0xabc5, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --set-mark 5 --nfmask 0xf", 0x5, 0x7},
    /* The shift is of the result. */
    {0x0, 0x7, "-j CONNMARK --set-mark 0x11 --left-shift-mark 4", 0x110, 0x7},
    {0x0, 0x7, "-j CONNMARK --set-mark 0x11 --right-shift-mark 4", 0x1, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --set-xmark 0x11/0xff --left-shift-mark 4", 0xab110, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --or-mark 1 --right-shift-mark 4", 0xabc, 0x7},
    {0xabcd, 0x7, "-j CONNMARK --xor-mark 1 --left-shift-mark 31", 0x0, 0x7},
    {0x0, 0x7, "-j CONNMARK --set-mark 0x11 --right-shift-mark 4 --left-shift-mark 8", 0x1100, 0x7},
    /* The shift is of what is copied. */
    {0xabcd1234, 0x56789abc, "-j CONNMARK --save-mark", 0x56789abc, 0x56789abc},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --save-mark --left-shift-mark 8", 0x789abc00, 0x56789abc},
    {0xabcd1234, 0x56789abc,
     "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff00 --left-shift-mark 8", 0xabcdbc34,
     0x56789abc},
    {0xabcd1234, 0x56789abc,
     "-j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0xff --right-shift-mark 8", 0xabcd129a,
     0x56789abc},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --save-mark --nfmask 0xff00 --ctmask 0x0f", 0xabcd8830,
     0x56789abc},
    {0xabcd1234, 0x56789abc,
     "-j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0 --right-shift-mark 31", 0xabcd1234,
     0x56789abc},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --save-mark --mask 0xff", 0xabcd12bc, 0x56789abc},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --restore-mark", 0xabcd1234, 0xabcd1234},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --restore-mark --left-shift-mark 8", 0xabcd1234,
     0xcd123400},
    {0xabcd1234, 0x56789abc,
     "-j CONNMARK --restore-mark --ctmask 0xff --nfmask 0xff00 --left-shift-mark 8", 0xabcd1234,
     0x567834bc},
    {0xabcd1234, 0x56789abc,
     "-j CONNMARK --restore-mark --ctmask 0xff00 --nfmask 0xff --right-shift-mark 8", 0xabcd1234,
     0x56789a12},
    {0xabcd1234, 0x56789abc, "-j CONNMARK --restore-mark --ctmask 0xff00 --nfmask 0x0f", 0xabcd1234,
     0x567888b0},
};

/* An event is due when the connection's mark became another, and only then. */
static void test_connmark(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(connmark_rows); i++) {
        bool changes = connmark_rows[i].ct_after != connmark_rows[i].ct;

        begin(i % 2 ? 6 : 4, WEIR_TABLE_MANGLE, HOOK_FORWARD);
        w.raw.mark = connmark_rows[i].nf;
        udp_packet();
        tracked();
        CONN->mark = connmark_rows[i].ct;
        assert_int_equal(run(connmark_rows[i].rule), RULES_CONTINUE);
        assert_int_equal(CONN->mark, connmark_rows[i].ct_after);
        assert_int_equal(w.raw.mark, connmark_rows[i].nf_after);
        assert_int_equal(CONN->events, changes ? 1u << WEIR_EV_MARK : 0);
    }
}

/* Nothing to read a mark from, or to write one to. */
static void test_no_entry(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_RAW, HOOK_PREROUTING);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(connmark_rows); i++) {
        w.raw.mark = connmark_rows[i].nf;
        udp_packet();
        assert_int_equal(run(connmark_rows[i].rule), RULES_CONTINUE);
        assert_int_equal(w.raw.mark, connmark_rows[i].nf);
        assert_int_equal(CONN->mark, 0);
    }
}

/* What iptables lets pass and the kernel refuses. */
static void test_shift(void **state)
{
    (void)state;
    begin(4, WEIR_TABLE_MANGLE, HOOK_PREROUTING);
    refused("-j CONNMARK --save-mark --left-shift-mark 32", 1,
            "CONNMARK: a mark can be shifted by at most 31 bits");
    refused("-j CONNMARK --restore-mark --right-shift-mark 32", 1,
            "CONNMARK: a mark can be shifted by at most 31 bits");
}

/* The event comes with the packet's end, together with NEW, or alone when the mark changed later;
 * none comes for a mark that stays. */
static void test_event(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules =
        set_rules(f, 4, "*mangle\n-A PREROUTING -j CONNMARK --or-mark 5\nCOMMIT\n");

    (void)send_udp(f, 'A', 'B', 1000, 53);
    assert_int_equal(only_event(f, WEIR_EVENT_NEW)->kinds, 1u << WEIR_EV_NEW | 1u << WEIR_EV_MARK);
    assert_int_equal(only_conn(f).mark, 5);
    (void)send_udp(f, 'A', 'B', 1000, 53);
    no_event(f);
    unset_rules(f, 4, rules);
}

static void test_classify(void **state)
{
    (void)state;
    begin(6, WEIR_TABLE_MANGLE, HOOK_POSTROUTING);
    udp_packet();
    assert_int_equal(run("-j CLASSIFY --set-class 1:10"), RULES_CONTINUE);
    assert_int_equal(w.raw.priority, 0x00010010);
    assert_int_equal(run("-j CLASSIFY --set-class 0xABCD:0"), RULES_CONTINUE);
    assert_int_equal(w.raw.priority, 0xabcd0000);
    assert_int_equal(run("-j CLASSIFY --set-class 1:FFFFF"), RULES_CONTINUE);
    assert_int_equal(w.raw.priority, 0x0001ffff);
    refused("-j CLASSIFY --set-class 1:", 2, "Bad class value \"1:\"");
    refused("-j CLASSIFY --set-class 1", 2, "Bad class value \"1\"");
    refused("-j CLASSIFY --set-class 1:2:3", 2, "Bad class value \"1:2:3\"");
    refused("-j CLASSIFY --set-class 0x:1", 2, "Bad class value \"0x:1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_mark),
        TARGET_TEST(test_connmark),
        TARGET_TEST(test_no_entry),
        TARGET_TEST(test_shift),
        TARGET_TEST(test_classify),
        cmocka_unit_test_setup_teardown(test_event, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
