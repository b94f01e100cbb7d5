/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CT and NOTRACK: the template that they give a packet, and what tracking then makes of it.
 */
#include "target_fixture.h"

enum { ORIG_ONLY = 1 << WEIR_ORIG, REPLY_ONLY = 1 << WEIR_REPLY, BOTH = ORIG_ONLY | REPLY_ONLY };

static void begin_raw(uint8_t family)
{
    begin(family, WEIR_TABLE_RAW, HOOK_PREROUTING);
    udp_packet();
}

static void assert_template(const struct weir_template *t, const struct weir_template *expected)
{
    assert_int_equal(t->notrack, expected->notrack);
    assert_int_equal(t->zone, expected->zone);
    assert_int_equal(t->zone_dirs, expected->zone_dirs);
    assert_int_equal(t->event_mask, expected->event_mask);
    assert_int_equal(t->policy, expected->policy);
}

static void test_template(void **state)
{
    static const struct {
        const char *rule;
        struct weir_template templ;
    } rows[] = {
        {"-j CT", {.zone_dirs = BOTH}},
        {"-j CT --zone 5", {.zone = 5, .zone_dirs = BOTH}},
        {"-j CT --zone 0xffff", {.zone = 65535, .zone_dirs = BOTH}},
        {"-j CT --zone-orig 5", {.zone = 5, .zone_dirs = ORIG_ONLY}},
        {"-j CT --zone-reply 5", {.zone = 5, .zone_dirs = REPLY_ONLY}},
        /* What iptables 1.8.9 hands to the kernel: one number, the last. */
        {"-j CT --zone-orig 5 --zone-reply 6", {.zone = 6, .zone_dirs = BOTH}},
        {"-j CT --zone-reply 6 --zone-orig 5", {.zone = 5, .zone_dirs = BOTH}},
        {"-j CT --zone-orig 2 --zone 1", {.zone = 1, .zone_dirs = ORIG_ONLY}},
        /* The packet's mark is 0x10007, and a zone has 16 bits. */
        {"-j CT --zone mark", {.zone = 7, .zone_dirs = BOTH}},
        {"-j CT --zone-orig MARK", {.zone = 7, .zone_dirs = ORIG_ONLY}},
        {"-j CT --zone-orig 5 --zone-reply mark", {.zone = 7, .zone_dirs = BOTH}},
        {"-j CT --ctevents destroy,new", {.zone_dirs = BOTH, .event_mask = 0x5}},
        {"-j CT --ctevents new,related,destroy,reply,assured,protoinfo,helper,mark,natseqinfo,"
         "secmark",
         {.zone_dirs = BOTH, .event_mask = 0x3ff}},
        /* Events of expectations leave those of connections as they are. */
        {"-j CT --expevents new", {.zone_dirs = BOTH}},
        {"-p udp -j CT --timeout 7", {.zone_dirs = BOTH, .policy = 7}},
        {"-p udp -j CT --timeout 255 --zone 3", {.zone = 3, .zone_dirs = BOTH, .policy = 255}},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        begin_raw(i % 2 ? 6 : 4);
        w.raw.mark = 0x10007;
        assert_int_equal(run(rows[i].rule), RULES_CONTINUE);
        assert_ptr_equal(w.pkt.templ, &w.pkt.made_templ);
        assert_template(w.pkt.templ, &rows[i].templ);
        assert_int_equal(eval_class(&w.eval), WEIR_CT_NEW);
    }
}

static void test_notrack(void **state)
{
    static const char *const rules[] = {"-j CT --notrack", "-j NOTRACK",
                                        "-j CT --notrack --zone 5 --helper x --timeout y"};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        begin_raw(4);
        assert_int_equal(run(rules[i]), RULES_CONTINUE);
        assert_true(w.pkt.templ->notrack);
        assert_int_equal(eval_class(&w.eval), WEIR_CT_UNTRACKED);
    }
}

/* The first of them counts, and none does for a packet that came with something. */
static void test_first(void **state)
{
    static const struct weir_template given = {.zone = 9, .zone_dirs = BOTH};

    (void)state;
    begin_raw(4);
    (void)run("-j CT --zone 5");
    (void)run("-j CT --zone 6");
    (void)run("-j NOTRACK");
    assert_int_equal(w.pkt.templ->zone, 5);
    assert_false(w.pkt.templ->notrack);

    begin_raw(4);
    (void)run("-j CT --notrack");
    (void)run("-j CT --zone 6");
    assert_true(w.pkt.templ->notrack);

    begin_raw(4);
    w.pkt.templ = &given;
    (void)run("-j CT --zone 6");
    (void)run("-j NOTRACK");
    assert_ptr_equal(w.pkt.templ, &given);

    begin_raw(4); /* looped back */
    tracked();
    (void)run("-j CT --zone 6");
    (void)run("-j NOTRACK");
    assert_null(w.pkt.templ);
    assert_int_equal(w.pkt.ctinfo, WEIR_CT_NEW);

    begin_raw(4);
    w.pkt.ctinfo = WEIR_CT_INVALID;
    (void)run("-j CT --zone 6");
    assert_null(w.pkt.templ);
}

static void accepted_with_note(const char *rule, const char *note)
{
    struct weir_rules *rules = read_rule(rule);

    if (!rules)
        fail_msg("%s: %s", rule, w.error.message);
    if (!strstr(w.note, note))
        fail_msg("%s: note is \"%s\"", rule, w.note);
    weir_rules_free(rules);
}

/* Linux's, each for its protocols and families. */
static void test_helpers(void **state)
{
    static const struct {
        const char *name, *proto;
        bool ipv6;
    } helpers[] = {
        {"ftp", "tcp", true},         {"tftp", "udp", true},  {"irc", "tcp", false},
        {"sip", "tcp", true},         {"sip", "udp", true},   {"Q.931", "tcp", true},
        {"RAS", "udp", true},         {"H.245", "udp", true}, {"pptp", "tcp", false},
        {"amanda", "udp", true},      {"snmp", "udp", false}, {"snmp_trap", "udp", false},
        {"netbios-ns", "udp", false}, {"sane", "tcp", true},
    };
    const char *unknown = "No chain/target/match by that name.";
    char rule[80];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(helpers); i++)
        for (uint8_t family = 4; family <= 6; family += 2) {
            begin_raw(family);
            (void)snprintf(rule, sizeof(rule), "-p %s -j CT --helper %s", helpers[i].proto,
                           helpers[i].name);
            if (family == 4 || helpers[i].ipv6)
                accepted_with_note(rule, helpers[i].name);
            else
                refused(rule, 1, unknown);
            (void)snprintf(rule, sizeof(rule), "-p sctp -j CT --helper %s", helpers[i].name);
            refused(rule, 1, unknown);
        }
    begin_raw(4);
    refused("-j CT --helper ftp", 1, unknown);
    assert_string_equal(w.error.hint, "helper ftp is for -p tcp, which the rule must say");
    refused("! -p tcp -j CT --helper ftp", 1, unknown);
    refused("-p tcp -j CT --helper FTP", 1, unknown);
    assert_string_equal(w.error.hint, "there is no helper FTP for IPv4");
    refused("-p tcp -j CT --helper aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1, unknown);
    accepted_with_note("-p tcp -j CT --helper \"\"", "");
}

static bool number(void *ctx, const char *file, const char *name, uint32_t *n)
{
    static const struct {
        const char *name;
        uint32_t number;
    } policies[] = {{"tpol", 3}, {"none", 0}, {"much", 256}};

    (void)ctx;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(policies); i++)
        if (strcmp(file, "timeout") == 0 && strcmp(name, policies[i].name) == 0) {
            *n = policies[i].number;
            return true;
        }
    return false;
}

/* By number, or by a name that the program knows. */
static void test_policy(void **state)
{
    const char *unknown = "No chain/target/match by that name.";

    (void)state;
    begin_raw(4);
    refused("-p udp -j CT --timeout tpol", 1, unknown);
    w.names.number = number;
    (void)run("-p udp -j CT --timeout tpol");
    assert_int_equal(w.pkt.templ->policy, 3);
    refused("-p udp -j CT --timeout none", 1, unknown);
    refused("-p udp -j CT --timeout much", 1, unknown);
    refused("-p udp -j CT --timeout nosuch", 1, unknown);
    refused("-p udp -j CT --timeout 0", 1, unknown);
    refused("-p udp -j CT --timeout 256", 1, unknown);
    refused("-j CT --timeout 7", 1, "CT: --timeout needs -p in the same rule, not negated");
    refused("! -p udp -j CT --timeout 7", 1,
            "CT: --timeout needs -p in the same rule, not negated");
}

static void test_bad(void **state)
{
    (void)state;
    begin_raw(4);
    refused("-j CT --zone 65536", 2, "Cannot parse 65536 as a zone ID");
    refused("-j CT --zone 5x", 2, "Cannot parse 5x as a zone ID");
    refused("-j CT --zone-orig \"\"", 2, "Cannot parse  as a zone ID");
    refused("-j CT --ctevents new,", 2, "Unknown event type \"\"");
    refused("-j CT --ctevents NEW", 2, "Unknown event type \"NEW\"");
    refused("-j CT --ctevents new,label", 2, "Unknown event type \"label\"");
    refused("-j CT --expevents destroy", 2, "Unknown event type \"destroy\"");
    refused("-j NOTRACK --zone 5", 2, "unknown option \"--zone\"");
}

/* --- through a shard --- */

static void test_zone(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules = set_rules(f, 4,
                                         "*raw\n"
                                         "-A PREROUTING -s 10.0.0.1 -j CT --zone 5\n"
                                         "-A PREROUTING -s 10.0.0.3 -j CT --zone-orig 6\n"
                                         "COMMIT\n");

    assert_int_equal(send_udp(f, 'A', 'B', 1000, 53), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).zone, 5);
    assert_int_equal(its_conn(f).zone_dirs, BOTH);
    assert_int_equal(send_udp(f, 'A', 'B', 1000, 53), WEIR_CT_NEW);
    assert_int_equal(conns(f), 1);
    assert_int_equal(send_udp(f, 'B', 'A', 53, 1000), WEIR_CT_NEW); /* in zone 0 */
    assert_int_equal(its_conn(f).zone, 0);
    assert_int_equal(conns(f), 2);

    assert_int_equal(send_udp(f, 'C', 'B', 1000, 53), WEIR_CT_NEW);
    assert_int_equal(its_conn(f).zone, 6);
    assert_int_equal(its_conn(f).zone_dirs, ORIG_ONLY);
    assert_int_equal(send_udp(f, 'B', 'C', 53, 1000), WEIR_CT_ESTABLISHED_REPLY);
    assert_int_equal(conns(f), 3);
    unset_rules(f, 4, rules);
}

static void test_untracked(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules = set_rules(f, 6,
                                         "*raw\n"
                                         "-A PREROUTING -p udp -j NOTRACK\n"
                                         "COMMIT\n");

    assert_int_equal(send_udp6or4(f, 6, 'A', 'B', 1000, 53), WEIR_CT_UNTRACKED);
    assert_int_equal(f->sent.verdict, WEIR_ACCEPT);
    assert_int_equal(conns(f), 0);
    assert_int_equal(send_udp(f, 'A', 'B', 1000, 53), WEIR_CT_NEW); /* the other family */
    unset_rules(f, 6, rules);
}

static void test_events_and_policy(void **state)
{
    struct fixture *f = *state;
    struct weir_rules *rules =
        set_rules(f, 4,
                  "*raw\n"
                  "-A PREROUTING -p udp -j CT --timeout 2 --ctevents new,destroy\n"
                  "COMMIT\n");

    assert_int_equal(weir_policy_set(f->shard, 2, WEIR_T_UDP_TIMEOUT, 7), 0);
    (void)send_udp(f, 'A', 'B', 1000, 53);
    assert_int_equal(only_event(f, WEIR_EVENT_NEW)->kinds, 1u << WEIR_EV_NEW);
    assert_int_equal(only_conn(f).timeout_ms, 7000);
    (void)send_udp(f, 'B', 'A', 53, 1000);
    no_event(f);
    wait_ms(f, 7100);
    assert_int_equal(only_event(f, WEIR_EVENT_DESTROY)->kinds, 1u << WEIR_EV_DESTROY);
    unset_rules(f, 4, rules);
}

#define SHARD_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TARGET_TEST(test_template), TARGET_TEST(test_notrack),  TARGET_TEST(test_first),
        TARGET_TEST(test_helpers),  TARGET_TEST(test_policy),   TARGET_TEST(test_bad),
        SHARD_TEST(test_zone),      SHARD_TEST(test_untracked), SHARD_TEST(test_events_and_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
