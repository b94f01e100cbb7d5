/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replayed host: where packets come from, and where they go. For routes, a slow and obvious
 * search over random prefixes is the judge.
 */
#include "../../apps/replay_gateway.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct gateway *make(const char *const *addresses, const char *const *routes)
{
    struct gateway *g = gateway_new();
    struct textbuf errors = {0};
    assert_non_null(g);
    for (; addresses && *addresses; addresses++)
        assert_int_equal(gateway_add_address(g, *addresses, &errors), 0);
    for (; routes && *routes; routes++)
        assert_int_equal(gateway_add_route(g, *routes, &errors), 0);
    assert_string_equal(textbuf_string(&errors), "");
    textbuf_fini(&errors);
    return g;
}

static uint8_t address(const char *text, union weir_addr *addr)
{
    memset(addr, 0, sizeof(*addr));
    uint8_t family = strchr(text, ':') ? 6 : 4;
    assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, text, addr), 1);
    return family;
}

/* "local", the name of an interface, or "none". */
static const char *to(struct gateway *g, const char *text)
{
    union weir_addr addr;
    uint8_t family = address(text, &addr);
    struct weir_route route = gateway_route(g, NULL, family, addr);
    if (route.local)
        return "local";
    const char *name = gateway_interface_name(g, route.out_iface);
    return name ? name : "none";
}

/* "output", the name of an interface, or "none". */
static const char *from(struct gateway *g, const char *text, uint16_t interface)
{
    union weir_addr addr;
    uint8_t family = address(text, &addr), data[40] = {0};
    struct weir_packet packet = {.data = data, .len = sizeof(data)};
    data[0] = (uint8_t)(family << 4);
    memcpy(data + (family == 6 ? 8 : 12), &addr, family == 6 ? 16 : 4);
    gateway_enter(g, &packet, interface);
    if (packet.path == WEIR_PATH_OUTPUT)
        return "output";
    const char *name = gateway_interface_name(g, packet.in_iface);
    return name ? name : "none";
}

static void test_default(void **state)
{
    (void)state;
    struct gateway *g = make(NULL, NULL);
    assert_int_equal(gateway_ready(g), 0);
    assert_string_equal(to(g, "192.0.2.1"), "out0");
    assert_string_equal(to(g, "2001:db8::1"), "out0");
    assert_string_equal(to(g, "255.255.255.255"), "out0");
    assert_string_equal(to(g, "224.0.0.1"), "out0");
    assert_string_equal(to(g, "ff02::1"), "out0");
    assert_string_equal(from(g, "192.0.2.1", 0), "in0");
    uint16_t eth7 = gateway_interface(g, "eth7");
    assert_string_equal(from(g, "192.0.2.1", eth7), "eth7");
    assert_int_equal(gateway_interface(g, "eth7"), eth7);
    gateway_free(g);

    struct textbuf errors = {0};
    g = make(NULL, NULL);
    assert_int_equal(gateway_set_in(g, "lan", &errors), 0);
    assert_int_equal(gateway_set_out(g, "wan", &errors), 0);
    assert_int_equal(gateway_ready(g), 0);
    assert_string_equal(to(g, "192.0.2.1"), "wan");
    assert_string_equal(from(g, "192.0.2.1", 0), "lan");
    gateway_free(g);
    textbuf_fini(&errors);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const addresses[] = {"lan0=10.1.0.1/24", "wan0=192.0.2.5/31",
                                            "p2p=198.51.100.1", "lan0=fd99:1::12:3456/64", NULL};
    struct gateway *g = make(addresses, NULL);
    assert_int_equal(gateway_ready(g), 0);
    assert_string_equal(to(g, "10.1.0.1"), "local");
    assert_string_equal(to(g, "10.1.0.2"), "lan0");
    assert_string_equal(to(g, "10.1.0.0"), "lan0");
    assert_string_equal(to(g, "10.1.0.255"), "local");
    assert_string_equal(to(g, "10.1.1.255"), "none");
    assert_string_equal(to(g, "255.255.255.255"), "local");
    assert_string_equal(to(g, "192.0.2.4"), "wan0");
    assert_string_equal(to(g, "192.0.2.5"), "local"); /* /31 has no broadcast, it is the address */
    assert_string_equal(to(g, "198.51.100.1"), "local");
    assert_string_equal(to(g, "198.51.100.2"), "none");
    assert_string_equal(to(g, "fd99:1::12:3456"), "local");
    assert_string_equal(to(g, "fd99:1::7"), "lan0");
    assert_string_equal(to(g, "fd99:1::"), "local"); /* any router of the network */
    assert_string_equal(to(g, "fd99:2::"), "none");
    /* Groups, as `ip maddr` shows them on a Linux router. */
    assert_string_equal(to(g, "224.0.0.1"), "local");
    assert_string_equal(to(g, "224.0.0.251"), "none");
    assert_string_equal(to(g, "239.1.2.3"), "none");
    assert_string_equal(to(g, "ff02::1"), "local");
    assert_string_equal(to(g, "ff02::2"), "local");
    assert_string_equal(to(g, "ff05::2"), "local");
    assert_string_equal(to(g, "ff05::1"), "none");
    assert_string_equal(to(g, "ff02::1:ff12:3456"), "local");
    assert_string_equal(to(g, "ff02::1:ff12:3457"), "none");
    assert_string_equal(to(g, "ff02::fb"), "none");

    assert_string_equal(from(g, "10.1.0.1", 0), "output");
    assert_string_equal(from(g, "fd99:1::12:3456", gateway_interface(g, "wan0")), "output");
    assert_string_equal(from(g, "10.1.0.2", 0), "lan0");
    assert_string_equal(from(g, "10.1.0.2", gateway_interface(g, "wan0")), "wan0");
    assert_string_equal(from(g, "203.0.113.1", 0), "none");
    gateway_free(g);
}

static void test_routes(void **state)
{
    (void)state;
    static const char *const addresses[] = {"lan0=10.1.0.1/24", NULL};
    static const char *const routes[] = {"default=wan0",
                                         "10.0.0.0/8=ten",
                                         "10.1.0.0/24=other",
                                         "10.1.0.128/25=half",
                                         "2001:db8::/32=six",
                                         "10.1.0.129/32=one",
                                         NULL};
    struct gateway *g = make(addresses, routes);
    assert_int_equal(gateway_ready(g), 0);
    assert_string_equal(to(g, "8.8.8.8"), "wan0");
    assert_string_equal(to(g, "2001:db9::1"), "wan0");
    assert_string_equal(to(g, "2001:db8:ffff::1"), "six");
    assert_string_equal(to(g, "10.255.0.1"), "ten");
    assert_string_equal(to(g, "10.1.0.2"), "lan0"); /* of equal ones, the first */
    assert_string_equal(to(g, "10.1.0.130"), "half");
    assert_string_equal(to(g, "10.1.0.129"), "one");
    assert_string_equal(from(g, "10.9.9.9", 0), "ten");
    assert_string_equal(to(g, "239.1.2.3"), "none"); /* multicast is not forwarded */
    gateway_free(g);

    /* --in and --out take what no route holds. */
    static const char *const few[] = {"10.0.0.0/8=ten", NULL};
    struct textbuf errors = {0};
    g = make(NULL, few);
    assert_int_equal(gateway_set_in(g, "a", &errors), 0);
    assert_int_equal(gateway_set_out(g, "b", &errors), 0);
    assert_int_equal(gateway_ready(g), 0);
    assert_string_equal(to(g, "10.0.0.1"), "ten");
    assert_string_equal(to(g, "11.0.0.1"), "b");
    assert_string_equal(from(g, "11.0.0.1", 0), "a");
    gateway_free(g);
    textbuf_fini(&errors);
}

/* Packets too short for a source address come in all the same: the engine says what is wrong. */
static void test_short(void **state)
{
    (void)state;
    struct gateway *g = make(NULL, NULL);
    assert_int_equal(gateway_ready(g), 0);
    for (uint32_t len = 0; len < 24; len++) {
        uint8_t *data = malloc(len ? len : 1);
        assert_non_null(data);
        memset(data, len % 2 ? 0x45 : 0x60, len ? len : 1);
        struct weir_packet packet = {.data = data, .len = len};
        gateway_enter(g, &packet, 0);
        assert_string_equal(gateway_interface_name(g, packet.in_iface), "in0");
        free(data);
    }
    gateway_free(g);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void test_longest_prefix(void **state)
{
    (void)state;
    enum { ROUTES = 60, LOOKUPS = 20000 };
    static const unsigned lengths[] = {0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32};
    uint32_t prefix[ROUTES], mask[ROUTES], seed = 7;
    struct gateway *g = gateway_new();
    struct textbuf errors = {0};
    assert_non_null(g);
    for (unsigned i = 0; i < ROUTES; i++) {
        unsigned len = lengths[next(&seed) % (sizeof(lengths) / sizeof(lengths[0]))];
        mask[i] = len ? UINT32_MAX << (32 - len) : 0;
        prefix[i] = (next(&seed) & 0x03030303) & mask[i]; /* few different bits: many overlap */
        char text[64];
        snprintf(text, sizeof(text), "%u.%u.%u.%u/%u=r%u", prefix[i] >> 24, prefix[i] >> 16 & 255,
                 prefix[i] >> 8 & 255, prefix[i] & 255, len, i);
        assert_int_equal(gateway_add_route(g, text, &errors), 0);
    }
    assert_int_equal(gateway_ready(g), 0);
    for (unsigned n = 0; n < LOOKUPS; n++) {
        uint32_t host = next(&seed) & 0x03030303;
        int best = -1;
        for (int i = 0; i < ROUTES; i++)
            if ((host & mask[i]) == prefix[i] && (best < 0 || mask[i] > mask[best]))
                best = i;
        char want[16] = "none";
        if (best >= 0)
            snprintf(want, sizeof(want), "r%d", best);
        char text[INET_ADDRSTRLEN];
        snprintf(text, sizeof(text), "%u.%u.%u.%u", host >> 24, host >> 16 & 255, host >> 8 & 255,
                 host & 255);
        assert_string_equal(to(g, text), want);
    }
    gateway_free(g);
    textbuf_fini(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_routes),         cmocka_unit_test(test_short),
        cmocka_unit_test(test_longest_prefix),
    };
    return cmocka_run_group_tests_name("replay_gateway", tests, NULL, NULL);
}
