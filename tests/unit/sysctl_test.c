/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables by name: keys, values, files, and what reaches the shard.
 */
#include "../../control/sysctl.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define P "net.netfilter.nf_conntrack_"

static int find(const char *name)
{
    return sysctl_find(name, strlen(name));
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(find(P "udp_timeout"), WEIR_T_UDP_TIMEOUT);
    assert_int_equal(find("net/netfilter/nf_conntrack_udp_timeout"), WEIR_T_UDP_TIMEOUT);
    assert_int_equal(find("/proc/sys/net/netfilter/nf_conntrack_max"), WEIR_T_MAX);
    assert_int_equal(find("net.nf_conntrack_max"), WEIR_T_MAX);
    assert_int_equal(find("net/nf_conntrack_max"), WEIR_T_MAX);
    assert_int_equal(find("weir.nat_linux_search"), WEIR_T_NAT_LINUX_SEARCH);
    assert_int_equal(find("net.netfilter.nat_linux_search"), -ENOENT);
    assert_int_equal(find("nf_conntrack_max"), -ENOENT);
    assert_int_equal(find(P "max "), -ENOENT);
    assert_int_equal(find(""), -ENOENT);
    assert_int_equal(find("net.nf_conntrack_count"), -ENOENT);
    char name[400] = P "max";
    memset(name + strlen(name), 'x', 300);
    assert_int_equal(find(name), -ENOENT);
    for (int i = 0; i < WEIR_T_MAX_NUMBER; i++)
        assert_int_equal(find(sysctl_name((enum weir_tunable)i)), i);
}

/* One assignment: what becomes of it, and what is said. */
struct row {
    const char *text;
    int64_t value; /* when `error` is NULL */
    const char *error;
};

/* Numbers are what Linux 6.18 makes of the same bytes written to /proc/sys. */
static const struct row assignments[] = {
    {P "udp_timeout=31", 31, NULL},
    {"  " P "udp_timeout = 31 \n", 31, NULL},
    {P "udp_timeout=0x10", 16, NULL},
    {P "udp_timeout=010", 8, NULL},
    {P "udp_timeout=-5", -5, NULL},
    {P "udp_timeout=7 # seven", 7, NULL},
    {P "udp_timeout=7\t; seven", 7, NULL},
    {P "udp_timeout=8589934", 8589934, NULL},
    {P "udp_timeout=-8589934", -8589934, NULL},
    {P "frag6_high_thresh=42949672970", 42949672970, NULL},
    {"weir.nat_linux_search=1", 1, NULL},
    {"nat_linux_serch=1", 0,
     "unknown key 'nat_linux_serch'; did you mean 'weir.nat_linux_search'?\n"},
    {"net.nf_conntrack_max=1000", 1000, NULL},
    {P "udp_timeout=8589935", 0,
     P "udp_timeout: '8589935' is out of range; it takes a whole number from -8589934 to "
       "8589934\n"},
    {P "udp_timeout=99999999999999999999", 0,
     P "udp_timeout: '99999999999999999999' is out of range; it takes a whole number from "
       "-8589934 to 8589934\n"},
    {P "acct=2", 0, P "acct: '2' is out of range; it takes a whole number from 0 to 1\n"},
    {P "acct=-1", 0, P "acct: '-1' is out of range; it takes a whole number from 0 to 1\n"},
    {P "acct=", 0, P "acct: '' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=+1", 0, P "acct: '+1' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=1x", 0, P "acct: '1x' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=0x", 0, P "acct: '0x' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=-", 0, P "acct: '-' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=--1", 0, P "acct: '--1' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=09", 0, P "acct: '09' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=1e0", 0, P "acct: '1e0' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=1 0", 0, P "acct: '1 0' is not a number; it takes a whole number from 0 to 1\n"},
    {P "acct=1\x1b[2J", 0,
     P "acct: '1\\x1b[2J' is not a number; it takes a whole number from 0 to 1\n"},
    {P "count=5", 0, P "count is read only\n"},
    {P "udp_timeout", 0, "no '=' in '" P "udp_timeout'; a setting is KEY=VALUE\n"},
    {"", 0, "no '=' in ''; a setting is KEY=VALUE\n"},
    {P "udp_timeuot=5", 0, "unknown key '" P "udp_timeuot'; did you mean '" P "udp_timeout'?\n"},
    {"nf_conntrack_tcp_lose=5", 0,
     "unknown key 'nf_conntrack_tcp_lose'; did you mean '" P "tcp_loose'?\n"},
    {"net.ipv4.ip_forward=1", 0,
     "unknown key 'net.ipv4.ip_forward'; weir-sysctl(7) lists those that there are\n"},
};

static void test_assign(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(assignments) / sizeof(assignments[0]); i++) {
        const struct row *row = &assignments[i];
        struct sysctl_plan plan = {0};
        struct textbuf errors = {0};
        int err = sysctl_plan_assign(&plan, row->text, &errors);
        unsigned given = 0;
        for (int t = 0; t < WEIR_T_MAX_NUMBER; t++) {
            given += plan.settings[t].given;
            if (plan.settings[t].given && !row->error)
                assert_int_equal(plan.settings[t].value, row->value);
        }
        assert_string_equal(textbuf_string(&errors), row->error ? row->error : "");
        assert_int_equal(err, row->error ? -EINVAL : 0);
        assert_int_equal(given, row->error ? 0 : 1);
        textbuf_fini(&errors);
    }
}

/* Writes a file, takes it, and compares what is said; "FILE" stands for its name in `want`. */
static int take_file(struct sysctl_plan *plan, const char *content, size_t len, const char *want)
{
    char path[] = "sysctl-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), len);
    close(fd);
    struct textbuf errors = {0}, shown = {0};
    int err = sysctl_plan_file(plan, path, &errors);
    unlink(path);
    const char *rest = textbuf_string(&errors);
    for (const char *name; (name = strstr(rest, path)); rest = name + strlen(path)) {
        textbuf_add_bytes(&shown, rest, (size_t)(name - rest));
        textbuf_add(&shown, "FILE");
    }
    textbuf_add(&shown, rest);
    assert_string_equal(textbuf_string(&shown), want);
    textbuf_fini(&errors);
    textbuf_fini(&shown);
    return err;
}

static void test_file(void **state)
{
    (void)state;
    static const char good[] = "# a comment\n"
                               "; another = one\n"
                               "\n"
                               "net.ipv4.ip_forward = 1\n"
                               "kernel/panic=10\n"
                               "net/netfilter/nf_conntrack_udp_timeout=7\n"
                               "\t" P "udp_timeout = 8\r\n"
                               "-" P "no_such_thing = 1\n"
                               "-" P "acct = 7\n"
                               "- " P "tcp_loose = 0\n"
                               "net.nf_conntrack_max = 5000"; /* no newline at the end */
    struct sysctl_plan plan = {0};
    assert_int_equal(take_file(&plan, good, sizeof(good) - 1, ""), 0);
    assert_int_equal(plan.foreign, 2);
    assert_int_equal(plan.settings[WEIR_T_UDP_TIMEOUT].value, 8);
    assert_int_equal(plan.settings[WEIR_T_UDP_TIMEOUT].line, 7);
    assert_false(plan.settings[WEIR_T_ACCT].given);
    assert_true(plan.settings[WEIR_T_TCP_LOOSE].given);
    assert_true(plan.settings[WEIR_T_TCP_LOOSE].lenient);
    assert_int_equal(plan.settings[WEIR_T_MAX].value, 5000);
}

static void test_bad_file(void **state)
{
    (void)state;
    static const char bad[] = P "udp_timeout = 7\n"
                                "what is this\n" P "tcp_timeout_etablished = 1\n" P "acct = yes\n"
                                "net.netfliter.nf_conntrack_max = 5\n"
                                "net.ipv4.ip_forward\n" P "tcp_loose = 0\n"
                                "weir.what_nobody_knows = 1\n";
    struct sysctl_plan plan = {0};
    int err =
        take_file(&plan, bad, sizeof(bad) - 1,
                  "FILE:2: no '=' in 'what is this'; a setting is KEY=VALUE\n"
                  "FILE:3: unknown key '" P "tcp_timeout_etablished'; did you mean '" P
                  "tcp_timeout_established'?\n"
                  "FILE:4: " P "acct: 'yes' is not a number; it takes a whole number from 0 to 1\n"
                  "FILE:5: unknown key 'net.netfliter.nf_conntrack_max'; did you mean '" P "max'?\n"
                  "FILE:6: no '=' in 'net.ipv4.ip_forward'; a setting is KEY=VALUE\n"
                  "FILE:8: unknown key 'weir.what_nobody_knows'; weir-sysctl(7) lists those that "
                  "there are\n");
    assert_int_equal(err, -EINVAL);
    assert_int_equal(plan.settings[WEIR_T_UDP_TIMEOUT].value, 7);
    assert_true(plan.settings[WEIR_T_TCP_LOOSE].given); /* the lines around bad ones count */
}

/* A file that is none of ours is described, not poured onto the terminal. */
static void test_binary_file(void **state)
{
    (void)state;
    char bytes[40] = {0};
    for (size_t i = 1; i < sizeof(bytes); i += 2)
        bytes[i] = '\n';
    char want[2048] = "";
    for (int i = 1; i <= 10; i++)
        snprintf(want + strlen(want), sizeof(want) - strlen(want),
                 "FILE:%d: no '=' in '\\x00'; a setting is KEY=VALUE\n", i);
    strcat(want, "FILE: 10 more bad lines\n");
    struct sysctl_plan plan = {0};
    assert_int_equal(take_file(&plan, bytes, sizeof(bytes), want), -EINVAL);
}

static void test_unreadable_file(void **state)
{
    (void)state;
    struct sysctl_plan plan = {0};
    struct textbuf errors = {0};
    assert_int_equal(sysctl_plan_file(&plan, "/no/such/file", &errors), -ENOENT);
    assert_string_equal(textbuf_string(&errors),
                        "cannot read '/no/such/file': No such file or directory; give KEY=VALUE or "
                        "the name of a file in the syntax of sysctl.conf(5)\n");
    textbuf_clear(&errors);
    assert_int_equal(sysctl_plan_file(&plan, "/", &errors), -EISDIR);
    textbuf_fini(&errors);
}

/* What is given, in any order, and what the shard is made with. */
static void test_config(void **state)
{
    (void)state;
    static const struct {
        const char *hashsize, *settings[2];
        uint32_t max, buckets;
    } rows[] = {
        {NULL, {NULL, NULL}, 0, 0},
        {NULL, {P "max=1000", NULL}, 1000, 0},
        {NULL, {P "buckets=2048", NULL}, 0, 2048},
        {NULL, {P "buckets=2048", P "max=1000"}, 1000, 2048},
        {NULL, {P "max=1000", P "buckets=2048"}, 1000, 2048},
        {NULL, {P "max=1000", P "max=2000"}, 2000, 0},
        {"1024", {NULL, NULL}, 8192, 1024},
        {"1025", {NULL, NULL}, 12288, 1536},
        {"1024", {P "max=1000", NULL}, 1000, 1024},
        {"1024", {P "buckets=4096", NULL}, 8192, 4096},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sysctl_plan plan = {0};
        struct textbuf errors = {0};
        struct weir_config config = {0};
        for (int s = 0; s < 2 && rows[i].settings[s]; s++)
            assert_int_equal(sysctl_plan_assign(&plan, rows[i].settings[s], &errors), 0);
        if (rows[i].hashsize)
            assert_int_equal(sysctl_plan_hashsize(&plan, rows[i].hashsize, &errors), 0);
        sysctl_plan_config(&plan, &config);
        assert_int_equal(config.max, rows[i].max);
        assert_int_equal(config.buckets, rows[i].buckets);
        assert_int_equal(config.capacity, rows[i].max);
        textbuf_fini(&errors);
    }
    struct sysctl_plan plan = {0};
    struct textbuf errors = {0};
    assert_int_equal(sysctl_plan_hashsize(&plan, "0", &errors), -EINVAL);
    assert_int_equal(sysctl_plan_hashsize(&plan, "268435456", &errors), -EINVAL);
    assert_int_equal(sysctl_plan_hashsize(&plan, "268434944", &errors), 0);
    struct weir_config config = {0};
    sysctl_plan_config(&plan, &config);
    assert_int_equal(config.max, 2147479552);
    textbuf_fini(&errors);
}

static struct weir_shard *shard_from(const struct sysctl_plan *plan)
{
    struct weir_config config = {.fragment_memory = 1 << 20};
    sysctl_plan_config(plan, &config);
    struct weir_shard *shard = weir_shard_new(&config);
    assert_non_null(shard);
    return shard;
}

static int64_t get(const struct weir_shard *shard, const char *name)
{
    struct textbuf errors = {0};
    int64_t value = INT64_MIN;
    assert_int_equal(sysctl_get(shard, name, &value, &errors), 0);
    textbuf_fini(&errors);
    return value;
}

static void test_apply(void **state)
{
    (void)state;
    struct sysctl_plan plan = {0};
    struct textbuf errors = {0};
    assert_int_equal(sysctl_plan_assign(&plan, P "udp_timeout=7", &errors), 0);
    assert_int_equal(sysctl_plan_assign(&plan, P "max=1000", &errors), 0);
    /* Low above the default high: only in this pair, whichever comes first. */
    assert_int_equal(sysctl_plan_assign(&plan, P "frag6_low_thresh=5000000", &errors), 0);
    assert_int_equal(sysctl_plan_assign(&plan, P "frag6_high_thresh=6000000", &errors), 0);
    struct weir_shard *shard = shard_from(&plan);
    assert_int_equal(sysctl_plan_apply(&plan, shard, &errors), 0);
    assert_string_equal(textbuf_string(&errors), "");
    assert_int_equal(get(shard, P "udp_timeout"), 7);
    assert_int_equal(get(shard, "net.nf_conntrack_max"), 1000);
    assert_int_equal(get(shard, P "frag6_low_thresh"), 5000000);
    assert_int_equal(get(shard, P "frag6_high_thresh"), 6000000);
    assert_int_equal(get(shard, P "tcp_timeout_established"), 432000);
    weir_shard_free(shard);

    /* And both below the default low. */
    plan.settings[WEIR_T_FRAG6_LOW_THRESH].value = 1000;
    plan.settings[WEIR_T_FRAG6_HIGH_THRESH].value = 2000;
    shard = shard_from(&plan);
    assert_int_equal(sysctl_plan_apply(&plan, shard, &errors), 0);
    assert_int_equal(get(shard, P "frag6_low_thresh"), 1000);
    assert_int_equal(get(shard, P "frag6_high_thresh"), 2000);
    weir_shard_free(shard);

    /* Low above high at the end: one of them is refused, with its place; all else is set. */
    plan.settings[WEIR_T_FRAG6_LOW_THRESH].value = 2001;
    plan.settings[WEIR_T_FRAG6_HIGH_THRESH].file = "sysctl.conf";
    plan.settings[WEIR_T_FRAG6_HIGH_THRESH].line = 3;
    shard = shard_from(&plan);
    assert_int_equal(sysctl_plan_apply(&plan, shard, &errors), -EINVAL);
    assert_string_equal(textbuf_string(&errors),
                        "sysctl.conf:3: " P "frag6_high_thresh: '2000' is out of range; it takes a "
                        "whole number from 2001 to 9223372036854775807\n");
    assert_int_equal(get(shard, P "udp_timeout"), 7);
    textbuf_clear(&errors);

    /* A "-" in front of the line forgives that. */
    plan.settings[WEIR_T_FRAG6_HIGH_THRESH].lenient = true;
    assert_int_equal(sysctl_plan_apply(&plan, shard, &errors), 0);
    assert_string_equal(textbuf_string(&errors), "");
    weir_shard_free(shard);
    textbuf_fini(&errors);
}

static void test_running(void **state)
{
    (void)state;
    struct sysctl_plan plan = {0};
    struct textbuf errors = {0};
    int64_t value;
    assert_int_equal(sysctl_plan_assign(&plan, P "max=1000", &errors), 0);
    struct weir_shard *shard = shard_from(&plan);
    assert_int_equal(sysctl_set(shard, "net/netfilter/nf_conntrack_tcp_loose", "0", &errors), 0);
    assert_int_equal(get(shard, P "tcp_loose"), 0);
    assert_int_equal(get(shard, P "count"), 0);
    assert_int_equal(sysctl_set(shard, P "tcp_loose", "2", &errors), -EINVAL);
    assert_int_equal(get(shard, P "tcp_loose"), 0);
    assert_int_equal(sysctl_set(shard, P "count", "0", &errors), -EINVAL);
    assert_int_equal(sysctl_set(shard, P "cuont", "0", &errors), -EINVAL);
    assert_int_equal(sysctl_get(shard, P "cuont", &value, &errors), -EINVAL);
    assert_string_equal(textbuf_string(&errors),
                        P "tcp_loose: '2' is out of range; it takes a whole number from 0 to 1\n" P
                          "count is read only\n"
                          "unknown key '" P "cuont'; did you mean '" P "count'?\n"
                          "unknown key '" P "cuont'; did you mean '" P "count'?\n");
    weir_shard_free(shard);
    textbuf_fini(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_assign),
        cmocka_unit_test(test_file),        cmocka_unit_test(test_bad_file),
        cmocka_unit_test(test_binary_file), cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_config),      cmocka_unit_test(test_apply),
        cmocka_unit_test(test_running),
    };
    return cmocka_run_group_tests_name("sysctl", tests, NULL, NULL);
}
