/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets as text: how each type is printed, what is refused and how, and that a text is carried out
 * whole or not at all. What this kernel's ipset does with the same is compared by
 * tests/kernel/ipset_text.sh; here stand also the types that few kernels have.
 */
#include "sets_fixture.h"

#include "rules/set/sort.h"

/* A text, and what is printed then; NULL: the same. */
struct row {
    const char *text, *printed;
};

static void run_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct weir_sets *sets = sets_of(rows[i].text);

        expect_sets(sets, rows[i].printed ? rows[i].printed : rows[i].text);
        weir_sets_free(sets);
    }
}

static void test_types(void **state)
{
    static const struct row rows[] = {
        {"create a hash:ip family inet hashsize 1024 maxelem 65536 netmask 24 timeout 5 counters "
         "comment skbinfo bucketsize 12 initval 0x0000001f\n"
         "add a 192.0.2.0 timeout 5 packets 1 bytes 2 comment \"c\" skbmark 0x1/0xff skbprio 1:a "
         "skbqueue 3\n",
         NULL},
        {"create a hash:ip,port family inet6 hashsize 64 maxelem 5 bucketsize 2 bitmask ffff::1\n"
         "add a 2001::1,ipv6-icmp:echo-request\nadd a 2001::1,udp:53\n",
         "create a hash:ip,port family inet6 hashsize 64 maxelem 5 bucketsize 2 bitmask ffff::1\n"
         "add a 2001::1,udp:53\nadd a 2001::1,ipv6-icmp:echo-request\n"},
        {"create a hash:mac timeout 4 hashsize 64\nadd a 1:2:3:4:5:a\nadd a 0:0:0:0:0:1 timeout "
         "0\n",
         "create a hash:mac hashsize 64 maxelem 65536 timeout 4 bucketsize 12\n"
         "add a 00:00:00:00:00:01 timeout 0\nadd a 01:02:03:04:05:0A timeout 4\n"},
        {"create a hash:ip,mac family inet6\nadd a ::1,1:2:3:4:5:a\n",
         "create a hash:ip,mac family inet6 hashsize 1024 maxelem 65536 bucketsize 12\n"
         "add a ::1,01:02:03:04:05:0A\n"},
        {"create a hash:ip,mark\nadd a 10.0.0.1,0x63\nadd a 10.0.0.2-10.0.0.3,555\n",
         "create a hash:ip,mark family inet markmask 0xffffffff hashsize 1024 maxelem 65536 "
         "bucketsize 12\n"
         "add a 10.0.0.1,0x00000063\nadd a 10.0.0.2,0x0000022b\nadd a 10.0.0.3,0x0000022b\n"},
        {"create a hash:ip,mark markmask 0xff00 timeout 5\nadd a 10.0.0.1,0x1234\n",
         "create a hash:ip,mark family inet markmask 0x0000ff00 hashsize 1024 maxelem 65536 "
         "timeout "
         "5 bucketsize 12\nadd a 10.0.0.1,0x00001200 timeout 5\n"},
        {"create a hash:net,net netmask 24 counters\nadd a 10.0.0.1,10.1.0.0/16 nomatch\n",
         "create a hash:net,net family inet hashsize 1024 maxelem 65536 counters bucketsize 12 "
         "netmask 24\nadd a 10.0.0.0,10.1.0.0/16 nomatch packets 0 bytes 0\n"},
        {"create a hash:net,net\nadd a 10.0.0.1-10.0.0.2,1.1.1.0-1.1.1.3\n",
         "create a hash:net,net family inet hashsize 1024 maxelem 65536 bucketsize 12\n"
         "add a 10.0.0.1,1.1.1.0/30\nadd a 10.0.0.2,1.1.1.0/30\n"},
        {"create a hash:net,port,net\nadd a 0.0.0.0/0,udp:5-6,10.1.0.0/16 nomatch\n"
         "add a 10.0.0.1,icmp:8/0,10.0.0.2\nadd a 10.0.0.1,gre:0,10.0.0.2\n",
         "create a hash:net,port,net family inet hashsize 1024 maxelem 65536 bucketsize 12\n"
         "add a 0.0.0.0/0,udp:5,10.1.0.0/16 nomatch\nadd a 0.0.0.0/0,udp:6,10.1.0.0/16 nomatch\n"
         "add a 10.0.0.1,gre:0,10.0.0.2\nadd a 10.0.0.1,icmp:echo-request,10.0.0.2\n"},
        {"create a hash:net,port,net family inet6\nadd a ::/0,tcp:80,::/0\n",
         "create a hash:net,port,net family inet6 hashsize 1024 maxelem 65536 bucketsize 12\n"
         "add a ::/0,tcp:80,::/0\n"},
        {"create a bitmap:ip range 0.0.0.0-255.255.255.255 netmask 16\nadd a 255.255.1.1\n",
         "create a bitmap:ip range 0.0.0.0-255.255.255.255 netmask 16\nadd a 255.255.0.0\n"},
        {"create a bitmap:port range 0-65535 timeout 9\nadd a 0\nadd a 65535\n",
         "create a bitmap:port range 0-65535 timeout 9\nadd a 0 timeout 9\nadd a 65535 timeout "
         "9\n"},
    };

    (void)state;
    run_rows(rows, WEIR_ARRAY_LEN(rows));
}

/* --- names --- */

static bool service(void *ctx, const char *name, uint8_t proto, uint16_t *port)
{
    (void)ctx;
    if (strcmp(name, "ftp-data") == 0)
        *port = 20;
    else if (strcmp(name, "domain") == 0 && proto == 17)
        *port = 53;
    else
        return false;
    return true;
}

static size_t resolve(void *ctx, const char *name, uint8_t family, union weir_addr *addrs,
                      size_t max)
{
    (void)ctx;
    if (strcmp(name, "some-host") != 0 || max == 0)
        return 0;
    addrs[0].bytes[0] = family;
    return 1;
}

static void test_names(void **state)
{
    static const struct weir_rules_names names = {.service = service, .host = resolve};
    const struct weir_rules_options options = {.names = &names};
    const char *text = "create a hash:ip,port\nadd a [some-host],udp:domain\n"
                       "add a [some-host]-4.0.0.2,[ftp-data]-21\n";
    struct weir_rules_error error;
    struct weir_sets *sets = NULL;

    (void)state;
    assert_int_equal(weir_sets_parse(&sets, text, strlen(text), &options, &error), 0);
    expect_sets(sets,
                "create a hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12\n"
                "add a 4.0.0.0,tcp:20\nadd a 4.0.0.0,tcp:21\nadd a 4.0.0.0,udp:53\n"
                "add a 4.0.0.1,tcp:20\nadd a 4.0.0.1,tcp:21\n"
                "add a 4.0.0.2,tcp:20\nadd a 4.0.0.2,tcp:21\n");
    weir_sets_free(sets);
}

/* --- errors --- */

struct refused {
    const char *text;
    uint32_t line, column;
    const char *message, *about;
};

/* Where an error is, what it says, and what it is about; and that there are no sets then. */
static void test_errors(void **state)
{
    static const struct refused rows[] = {
        {"create a hash:foo\n", 1, 10, "Syntax error: typename 'hash:foo' is unknown", "hash:foo"},
        {"\n# x\n  create a hash:ip foo\n", 3, 20, "Unknown argument: `foo'", "foo"},
        {"create a hash:ip timeout\n", 1, 18, "Missing mandatory argument of option `timeout'",
         "timeout"},
        {"create a hash:ip timeout 5 timeout 6\n", 1, 28, "Syntax error: timeout already specified",
         "timeout"},
        {"create a hash:ip maxelem 4294967296\n", 1, 26,
         "Syntax error: '4294967296' is out of range 0-4294967295", "4294967296"},
        {"create a hash:ip maxelem 99999999999999999999\n", 1, 26,
         "Syntax error: '99999999999999999999' is out of range 0-4294967295",
         "99999999999999999999"},
        {"create a hash:ip timeout 5s\n", 1, 26, "Syntax error: '5s' is invalid as number", "5s"},
        {"create a hash:ip timeout 08\n", 1, 26, "Syntax error: '08' is invalid as number", "08"},
        {"create a hash:ip netmask 24 bitmask 255.0.0.0\n", 1, 37,
         "Syntax error: bitmask and netmask are mutually exclusive, provide only one", "255.0.0.0"},
        {"create a bitmap:ip\n", 1, 0, "Mandatory option `range' is missing", ""},
        {"create a hash:net,net\nadd a 10.0.0.0/0,1.1.1.1\n", 2, 7,
         "The value of the CIDR parameter of the IP address is invalid", "10.0.0.0/0,1.1.1.1"},
        {"create a hash:mac\nadd a 0:0:0:0:0:0\n", 2, 7,
         "Null-valued element, cannot be stored in a hash type of set", "0:0:0:0:0:0"},
        {"create a hash:ip,mac\nadd a 1.1.1.1,0:0:0:0:0:0\n", 2, 7,
         "Null-valued element, cannot be stored in a hash type of set", "1.1.1.1,0:0:0:0:0:0"},
        {"create a hash:ip,mac\nadd a 1.1.1.1\n", 2, 7,
         "Syntax error: Second element is missing from 1.1.1.1.", "1.1.1.1"},
        {"create a hash:ip,mac\nadd a 1.1.1.0/24,1:1:1:1:1:1\n", 2, 7,
         "Syntax error: plain IP address must be supplied: 1.1.1.0/24", "1.1.1.0/24,1:1:1:1:1:1"},
        {"create a hash:ip,mark\nadd a 1.1.1.1,4294967296\n", 2, 7,
         "Syntax error: '4294967296' is out of range 0-4294967295", "1.1.1.1,4294967296"},
        {"create a hash:net,port,net\nadd a 1.1.1.1,80\n", 2, 7,
         "Syntax error: Third element is missing from 1.1.1.1,80.", "1.1.1.1,80"},
        {"create a hash:ip\nadd a 1.1.1.1 comment x\n", 2, 15,
         "Comment cannot be used: set was created without comment support", "comment"},
        {"create a hash:ip\nadd a 1.1.1.1 nomatch\n", 2, 15, "Unknown argument: `nomatch'",
         "nomatch"},
        {"create a hash:ip\n\tadd\ta  1.1.1.1\nadd a 1.1.1.1\n", 3, 7,
         "Element cannot be added to the set: it's already added", "1.1.1.1"},
        {"create a hash:ip\nadd a 1.1.1.1-1.1.1.3\ndel a 1.1.1.3-1.1.1.4\n", 3, 7,
         "Element cannot be deleted from the set: it's not added", "1.1.1.3-1.1.1.4"},
        {"create a hash:ip maxelem 3\nadd a 1.1.1.0/24\n", 2, 7,
         "Hash is full, cannot add more elements", "1.1.1.0/24"},
        {"add nosuch 1.1.1.1\n", 1, 5, "The set with the given name does not exist", "nosuch"},
        {"create a hash:ip\ncreate b list:set\nadd b a\ndestroy a\n", 4, 9,
         "Set cannot be destroyed: it is in use by a kernel component", "a"},
        {"create a hash:ip comment\nadd a 1.1.1.1 comment \"x\n", 2, 23,
         "a quotation mark is missing", "x"},
        {"list\n", 1, 1, "Command `list' is invalid in restore mode.", "list"},
        {"nonsense here\n", 1, 1, "No command specified: unknown argument nonsense", "nonsense"},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_rules_error error;
        struct weir_sets *sets = NULL;

        memset(&error, 0x55, sizeof(error));
        assert_int_equal(weir_sets_parse(&sets, rows[i].text, strlen(rows[i].text), NULL, &error),
                         -EINVAL);
        assert_null(sets);
        assert_string_equal(error.message, rows[i].message);
        assert_int_equal(error.line, rows[i].line);
        assert_int_equal(error.column, rows[i].column);
        assert_string_equal(error.text, rows[i].about);
        assert_int_equal(error.status, 1);
    }
}

/* What no text has: bytes 0, endless lines and words. */
static void test_garbage(void **state)
{
    static char text[20000];
    struct weir_rules_error error;
    struct weir_sets *sets = NULL;

    (void)state;
    assert_int_equal(weir_sets_parse(&sets, "create a\0b hash:ip\n", 19, NULL, &error), -EINVAL);
    assert_string_equal(error.message, "there is a byte 0 in the line");
    memset(text, 'x', sizeof(text));
    assert_int_equal(weir_sets_parse(&sets, text, sizeof(text), NULL, &error), -EINVAL);
    assert_string_equal(error.message, "the line is longer than 4095 bytes");
    assert_int_equal(weir_sets_parse(&sets, text, 4095, NULL, &error), -EINVAL);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    for (size_t i = 0; i < sizeof(text); i += 2)
        text[i] = ' ';
    assert_int_equal(weir_sets_parse(&sets, text, 4000, NULL, &error), -EINVAL);
    assert_string_equal(error.message, "there are more than 64 words in the line");
    memcpy(text, "create a hash:ip\nadd a ", 23);
    memset(text + 23, '1', 2000);
    assert_int_equal(weir_sets_parse(&sets, text, 2023, NULL, &error), -EINVAL);
    assert_string_equal(error.message, "the word is longer than 511 bytes");
    assert_null(sets);
}

/* --- all or nothing --- */

#define BEFORE                                                                              \
    "create a hash:ip family inet hashsize 1024 maxelem 65536 comment bucketsize 12\n"      \
    "add a 10.0.0.1 comment \"one\"\nadd a 10.0.0.2\n"                                      \
    "create b hash:ip family inet hashsize 1024 maxelem 9 bucketsize 12\n"                  \
    "add b 10.0.0.9\n"                                                                      \
    "create n hash:net family inet6 hashsize 1024 maxelem 65536 timeout 60 bucketsize 12\n" \
    "add n 2001:db8::/32 timeout 50 nomatch\n"                                              \
    "create l list:set size 8\nadd l a\nadd l b\n"

static void test_all_or_nothing(void **state)
{
    static const char *const texts[] = {
        "add a 10.0.0.3\n-exist add a 10.0.0.1 comment other\nwrong\n",
        "del a 10.0.0.1\nflush b\nwrong\n",
        "flush\nwrong\n",
        "destroy\nwrong\n",
        "swap a b\nadd a 1.1.1.1\nadd b 2.2.2.2\nwrong\n",
        "rename n m\ncreate n hash:mac\nwrong\n",
        "destroy n\ncreate x hash:ip\ncreate y hash:ip\ndestroy x\nadd y 1.1.1.1\nwrong\n",
        "del l a\ndestroy a\ncreate a hash:mac\nadd a 1:1:1:1:1:1\nadd l a\nwrong\n",
        "-exist add n 2001:db8::/32 timeout 0\nadd n 2001:db8::/33\nwrong\n",
    };
    struct weir_sets *sets = sets_of(BEFORE);
    struct weir_rules_error error;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        const struct weir_sets *before = sets;
        char *good = strdup(texts[i]);

        assert_int_equal(weir_sets_parse(&sets, texts[i], strlen(texts[i]), NULL, &error), -EINVAL);
        assert_ptr_equal(sets, before);
        expect_sets(sets, BEFORE);

        /* It is only the last line that is wrong. */
        *strstr(good, "wrong") = '\0';
        struct weir_sets *other = sets_of(BEFORE);

        sets_add_text(&other, good);
        weir_sets_free(other);
        free(good);
    }
    weir_sets_free(sets);
}

static void test_text_is_added(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip\nadd a 10.0.0.1\n");

    (void)state;
    sets_add_text(&sets, "add a 10.0.0.2\ncreate b hash:mac\n");
    sets_add_text(&sets, "");
    expect_sets(sets, "create a hash:ip family inet hashsize 1024 maxelem 65536 bucketsize 12\n"
                      "add a 10.0.0.1\nadd a 10.0.0.2\n"
                      "create b hash:mac hashsize 1024 maxelem 65536 bucketsize 12\n");
    weir_sets_free(sets);
    weir_sets_free(NULL);
}

/* However little memory there is, nothing is lost and nothing is kept. */
static void test_no_memory(void **state)
{
    static const char more[] =
        "add a 10.0.0.3\ncreate c hash:ip timeout 4\nadd c 1.1.1.1\nflush b\n"
        "create d1 hash:ip\ncreate d2 hash:ip\ncreate d3 hash:ip\n"
        "create d4 hash:ip\ncreate d5 hash:ip\ncreate d6 hash:ip\n"
        "create d7 hash:ip\ncreate d8 hash:ip\ncreate d9 hash:ip\n"
        "create e1 hash:ip\ncreate e2 hash:ip\ncreate e3 hash:ip\n"
        "create e4 hash:ip\ncreate e5 hash:ip\n";
    struct weir_rules_error error;
    bool done = false;

    (void)state;
    for (size_t allowed = 0; !done; allowed++) {
        struct counted c = {.allowed = 100, .largest = SIZE_MAX};
        const struct weir_rules_options options = counted_options(&c);
        struct weir_sets *sets = NULL;

        assert_true(allowed < 100);
        assert_int_equal(weir_sets_parse(&sets, BEFORE, strlen(BEFORE), &options, &error), 0);
        c.allowed = allowed;
        int failed = weir_sets_parse(&sets, more, strlen(more), &options, &error);

        done = failed == 0;
        if (!done) {
            assert_int_equal(failed, -ENOMEM);
            assert_string_equal(error.message, "there is not enough memory");
            c.allowed = 100;
            expect_sets(sets, BEFORE);
        }
        weir_sets_free(sets);
        assert_int_equal(c.live, 0);
    }

    /* And the first text of all. */
    for (size_t allowed = 0; allowed < 7; allowed++) {
        struct counted c = {.allowed = allowed, .largest = SIZE_MAX};
        const struct weir_rules_options options = counted_options(&c);
        struct weir_sets *sets = NULL;

        assert_int_equal(weir_sets_parse(&sets, BEFORE, strlen(BEFORE), &options, &error), -ENOMEM);
        assert_null(sets);
        assert_int_equal(c.live, 0);
    }
}

/* Without memory to sort in, elements are printed as they come. */
static void test_print_without_memory(void **state)
{
    struct counted c = {.allowed = 100, .largest = SIZE_MAX};
    const struct weir_rules_options options = counted_options(&c);
    const char *text = "create a hash:ip\nadd a 1.1.1.0/30\n";
    struct weir_rules_error error;
    struct weir_sets *sets = NULL;

    (void)state;
    assert_int_equal(weir_sets_parse(&sets, text, strlen(text), &options, &error), 0);
    c.allowed = 0;
    char *printed = sets_print(sets, 0);

    for (int i = 0; i < 4; i++) {
        char line[32];

        (void)snprintf(line, sizeof(line), "\nadd a 1.1.1.%d\n", i);
        assert_non_null(strstr(printed, line));
    }
    free(printed);
    weir_sets_free(sets);
}

/* --- what is printed can be read --- */

static void test_again(void **state)
{
    struct weir_sets *sets = sets_of(
        "create h hash:ip timeout 9 counters comment skbinfo maxelem 100 hashsize 100 initval 7\n"
        "add h 10.0.0.0/28 comment \"a b\" skbmark 0x1 packets 3\n"
        "create n hash:net,iface family inet6 timeout 4\n"
        "add n 2001:db8::/32,physdev:eth nomatch wildcard timeout 0\nadd n ::/0,lo\n"
        "create m bitmap:ip,mac range 10.0.0.0/24 timeout 50\n"
        "add m 10.0.0.1\nadd m 10.0.0.2,1:2:3:4:5:6 timeout 0\n"
        "create l list:set comment\nadd l n comment \"x\"\nadd l h before n\n");
    char *first = sets_print(sets, 0);
    struct weir_sets *again = sets_of(first);

    (void)state;
    expect_sets(again, first);
    free(first);
    weir_sets_free(sets);
    weir_sets_free(again);
}

/* --- order --- */

static void test_order(void **state)
{
    /* As ipset has them, one after the other. */
    static const char *const lines[] = {
        "9.0.0.1",
        "10.0.0.0",
        "10.0.0.0/24",
        "10.0.0.0/16",
        "10.0.0.0/8",
        "10.0.0.1,200:0",
        "10.0.0.1,gre:0",
        "10.0.0.1,tcp:9",
        "10.0.0.1,tcp:10",
        "10.0.0.1,icmp:8/5",
        "10.0.0.1,icmp:99/13",
        "10.0.0.1,icmp:99/2",
        "10.0.0.1,sctp:7",
        "10.0.0.1,udplite:5",
        "10.0.0.2",
        "10.0.0.10",
    };
    const char *mixed[WEIR_ARRAY_LEN(lines)], *spare[WEIR_ARRAY_LEN(lines)];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++)
        mixed[i] = lines[i * 7 % WEIR_ARRAY_LEN(lines)];
    set_sort_lines(mixed, spare, WEIR_ARRAY_LEN(lines));
    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++)
        assert_string_equal(mixed[i], lines[i]);

    assert_true(set_compare_lines("2001:db8::1", "2001:db8::/32") < 0);
    assert_true(set_compare_lines("::/64", "::1") < 0);
    assert_true(set_compare_lines("::10", "::2") < 0);
    assert_true(set_compare_lines("2001::9", "2001::10") < 0);
    assert_true(set_compare_lines("2001::f", "2001:1::") < 0);
    assert_true(set_compare_lines("10.0.0.0/8,b", "10.0.0.0/8,a") < 0);
    assert_true(set_compare_lines("10.0.0.0,a", "10.0.0.0,b") < 0);
    assert_int_equal(set_compare_lines("1.1.1.1", "1.1.1.1"), 0);
    assert_int_equal(set_compare_lines("::", "::"), 0);
    assert_int_equal(set_compare_lines("", ""), 0);
}

/* Sorting keeps all lines and the order of equal ones, however many there are. */
static void test_sort(void **state)
{
    enum { LINES = 1000 };
    static char text[LINES][16];
    const char *lines[LINES], *spare[LINES];
    uint32_t random = 1;

    (void)state;
    for (size_t n = 0; n < LINES; n += n / 3 + 1) {
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525 + 1013904223;
            (void)snprintf(text[i], sizeof(text[i]), "%u", random >> 26);
            lines[i] = text[i];
        }
        set_sort_lines(lines, spare, n);
        for (size_t i = 1; i < n; i++) {
            int order = set_compare_lines(lines[i - 1], lines[i]);

            assert_true(order < 0 || (order == 0 && lines[i - 1] < lines[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_all_or_nothing), cmocka_unit_test(test_text_is_added),
        cmocka_unit_test(test_no_memory),      cmocka_unit_test(test_print_without_memory),
        cmocka_unit_test(test_again),          cmocka_unit_test(test_order),
        cmocka_unit_test(test_sort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
