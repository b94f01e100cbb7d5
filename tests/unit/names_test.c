/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the system: what every system has (root, localhost), and files of numbers and names in a
 * directory made here. What a services database says differs; that a port's name leads back to the
 * port does not.
 */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct fixture {
    char root[64];
    struct names names;
};

static void make_file(const struct fixture *f, const char *directory, const char *name,
                      const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/etc", f->root);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/etc/%s", f->root, directory);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof(path), "%s/etc/%s/%s", f->root, directory, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return -1;
    snprintf(f->root, sizeof(f->root), "/tmp/names_test.XXXXXX");
    if (!mkdtemp(f->root))
        return -1;
    names_init(&f->names, f->root);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];
    names_fini(&f->names);
    snprintf(command, sizeof(command), "rm -r '%s'", f->root);
    int status = system(command);
    free(f);
    return status;
}

static bool number(struct fixture *f, const char *file, const char *name, uint32_t *n)
{
    return f->names.rules.number(f->names.rules.ctx, file, name, n);
}

static const char *number_name(struct fixture *f, const char *file, uint32_t n)
{
    return f->names.rules.number_name(f->names.rules.ctx, file, n);
}

static void numbers(void **state)
{
    struct fixture *f = *state;
    uint32_t n = 99;
    make_file(f, "iproute2", "group",
              "# names\n\n0\tdefault\n 0x10 sixteen # a remark\n020 twenty\nx bad\n5\n6 # none\n"
              "1x bad\n4294967296 big\n-1 negative\n7 seven\n7 again\n8 seven\n9 last");
    assert_true(number(f, "group", "default", &n));
    assert_int_equal(n, 0);
    assert_true(number(f, "group", "sixteen", &n));
    assert_int_equal(n, 16);
    assert_true(number(f, "group", "twenty", &n));
    assert_int_equal(n, 16);
    assert_true(number(f, "group", "seven", &n));
    assert_int_equal(n, 7);
    assert_true(number(f, "group", "last", &n));
    assert_int_equal(n, 9);
    assert_string_equal(number_name(f, "group", 0), "default");
    assert_string_equal(number_name(f, "group", 16), "sixteen");
    assert_string_equal(number_name(f, "group", 7), "seven");
    assert_string_equal(number_name(f, "group", 8), "seven");
    for (const char *const *bad = (const char *const[]){"bad", "big", "negative", "#", "", NULL};
         *bad; bad++)
        assert_false(number(f, "group", *bad, &n));
    assert_null(number_name(f, "group", 5));
    assert_null(number_name(f, "group", 6));
}

static void files_are_apart(void **state)
{
    struct fixture *f = *state;
    uint32_t n;
    make_file(f, "iproute2", "rt_realms", "0 cosmos\n");
    make_file(f, "xtables", "connlabel.conf", "0 eth0-in\n1 eth0-out\n");
    assert_true(number(f, "rt_realms", "cosmos", &n));
    assert_false(number(f, "connlabel", "cosmos", &n));
    assert_true(number(f, "connlabel", "eth0-out", &n));
    assert_int_equal(n, 1);
    assert_string_equal(number_name(f, "connlabel", 0), "eth0-in");
    assert_false(number(f, "group", "default", &n)); /* is not there */
    assert_null(number_name(f, "group", 0));
    assert_false(number(f, "no such file", "default", &n));
    assert_null(number_name(f, "no such file", 0));
}

static void stays_as_it_was_read(void **state)
{
    struct fixture *f = *state;
    uint32_t n;
    make_file(f, "iproute2", "group", "1 one\n");
    assert_true(number(f, "group", "one", &n));
    make_file(f, "iproute2", "group", "2 two\n");
    assert_true(number(f, "group", "one", &n));
    assert_false(number(f, "group", "two", &n));
    names_fini(&f->names);
    names_init(&f->names, f->root);
    assert_true(number(f, "group", "two", &n));
}

static void users(void **state)
{
    struct fixture *f = *state;
    const struct weir_rules_names *names = &f->names.rules;
    uint32_t id = 99;
    assert_true(names->user(names->ctx, "root", false, &id));
    assert_int_equal(id, 0);
    id = 99;
    assert_true(names->user(names->ctx, "root", true, &id));
    assert_int_equal(id, 0);
    assert_false(names->user(names->ctx, "no such user", false, &id));
    assert_false(names->user(names->ctx, "no such group", true, &id));
    assert_string_equal(names->user_name(names->ctx, 0, false), "root");
    assert_string_equal(names->user_name(names->ctx, 0, true), "root");
    assert_null(names->user_name(names->ctx, 4000000001, false));
    assert_null(names->user_name(names->ctx, 4000000001, true));
}

static void hosts(void **state)
{
    struct fixture *f = *state;
    const struct weir_rules_names *names = &f->names.rules;
    union weir_addr addrs[4];
    assert_true(names->host(names->ctx, "localhost", 4, addrs, 4) >= 1);
    assert_int_equal(addrs[0].v4, htonl(INADDR_LOOPBACK));
    assert_int_equal(names->host(names->ctx, "192.0.2.7", 4, addrs, 1), 1);
    assert_int_equal(addrs[0].v4, htonl(0xc0000207));
    assert_int_equal(names->host(names->ctx, "2001:db8::7", 6, addrs, 1), 1);
    assert_int_equal(((const uint8_t *)&addrs[0])[15], 7);
    assert_int_equal(names->host(names->ctx, "2001:db8::7", 4, addrs, 1), 0);
    assert_int_equal(names->host(names->ctx, "192.0.2.7", 4, addrs, 0), 0);
    union weir_addr loopback = {.v4 = htonl(INADDR_LOOPBACK)};
    const char *name = names->host_name(names->ctx, 4, &loopback);
    if (name) /* a system without a hosts file may not know it */
        assert_true(names->host(names->ctx, name, 4, addrs, 4) >= 1);
}

static void services(void **state)
{
    struct fixture *f = *state;
    const struct weir_rules_names *names = &f->names.rules;
    const uint8_t protocols[] = {0, 6, 17, 132};
    uint16_t port;
    for (size_t p = 0; p < sizeof(protocols); p++) {
        for (unsigned n = 1; n < 1024; n++) {
            const char *name = names->service_name(names->ctx, (uint16_t)n, protocols[p]);
            if (!name)
                continue;
            char copy[256];
            snprintf(copy, sizeof(copy), "%s", name);
            assert_true(names->service(names->ctx, copy, protocols[p], &port));
        }
        assert_false(names->service(names->ctx, "no-such-service", protocols[p], &port));
    }
    const struct servent *http = getservbyname("http", "tcp");
    if (http) {
        assert_true(names->service(names->ctx, "http", 6, &port));
        assert_int_equal(port, 80);
        assert_string_equal(names->service_name(names->ctx, 80, 6), "http");
        assert_true(names->service(names->ctx, "http", 0, &port));
    }
    assert_false(names->service(names->ctx, "http", 253, &port)); /* a protocol without a name */
    assert_null(names->service_name(names->ctx, 80, 253));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(stays_as_it_was_read, setup, teardown),
        cmocka_unit_test_setup_teardown(users, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(services, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
