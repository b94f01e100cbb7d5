/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The replayed host.
 *
 * As on a real one, an address brings a route to its own network. Routes are kept longest prefix
 * first, so that the first one that holds is the right one; of equal ones the first given wins, as
 * in Linux. A command line holds tens of routes at most: looking at them one by one is quick.
 *
 * With neither addresses nor routes nothing is for the host itself, everything comes in on in0 and
 * leaves on out0. With some, --in and --out say what to do where no route holds; without them such
 * a packet has no incoming interface, or no route. Then, too, broadcast and multicast are not
 * forwarded: they end at the host, or have no route when it is in no such group. What a router
 * without further programs takes part in was read off Linux 6.18 (`ip maddr`).
 */
#include "replay_gateway.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INTERFACES = UINT16_MAX,
    NAME_LEN = 15, /* Linux takes no longer interface names */
};

struct route {
    union weir_addr prefix;
    uint8_t family, len;
    uint16_t out_iface;
};

/* One of the host's own addresses; `len` of its network. */
struct address {
    union weir_addr addr;
    uint8_t family, len;
    uint16_t iface;
};

struct gateway {
    char **names; /* of interface i + 1 */
    unsigned interfaces, names_room;
    struct route *routes;
    size_t route_count;
    struct address *addresses;
    size_t address_count;
    uint16_t in_iface, out_iface; /* where no route holds */
};

struct gateway *gateway_new(void)
{
    return calloc(1, sizeof(struct gateway));
}

void gateway_free(struct gateway *gateway)
{
    if (!gateway)
        return;
    for (unsigned i = 0; i < gateway->interfaces; i++)
        free(gateway->names[i]);
    free(gateway->names);
    free(gateway->routes);
    free(gateway->addresses);
    free(gateway);
}

/* Interfaces. */

uint16_t gateway_interface(struct gateway *gateway, const char *name)
{
    for (unsigned i = 0; i < gateway->interfaces; i++)
        if (!strcmp(gateway->names[i], name))
            return (uint16_t)(i + 1);
    if (gateway->interfaces == INTERFACES)
        return 0;
    if (gateway->interfaces == gateway->names_room) {
        unsigned room = gateway->names_room ? gateway->names_room * 2 : 8;
        char **names = realloc(gateway->names, room * sizeof(*names));
        if (!names)
            return 0;
        gateway->names = names;
        gateway->names_room = room;
    }
    char *copy = strdup(name);
    if (!copy)
        return 0;
    gateway->names[gateway->interfaces++] = copy;
    return (uint16_t)gateway->interfaces;
}

const char *gateway_interface_name(const struct gateway *gateway, uint16_t number)
{
    return number && number <= gateway->interfaces ? gateway->names[number - 1] : NULL;
}

/* A name from the command line must be one that an interface can have. */
static int name_interface(struct gateway *gateway, const char *name, uint16_t *number,
                          struct textbuf *errors)
{
    bool good =
        *name && strlen(name) <= NAME_LEN && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    for (const char *c = name; good && *c; c++)
        good = !isspace((unsigned char)*c) && *c != '/' && *c != ':';
    if (!good) {
        textbuf_addf(errors, "'%s' cannot be the name of an interface\n", name);
        return -EINVAL;
    }
    *number = gateway_interface(gateway, name);
    return *number ? 0 : -ENOMEM;
}

/* Addresses and prefixes. */

static uint8_t bits(uint8_t family)
{
    return family == 6 ? 128 : 32;
}

/* Are the first `len` bits of both the same? */
static bool covers(const union weir_addr *prefix, uint8_t len, const union weir_addr *addr)
{
    unsigned whole = len / 8, rest = len % 8;
    if (memcmp(prefix->bytes, addr->bytes, whole) != 0)
        return false;
    return !rest || !((prefix->bytes[whole] ^ addr->bytes[whole]) >> (8 - rest));
}

/* "ADDR/LEN" or "ADDR", of `text_len` characters. */
static bool read_prefix(const char *text, size_t text_len, union weir_addr *addr, uint8_t *family,
                        uint8_t *len)
{
    char copy[INET6_ADDRSTRLEN + 4]; /* "/128" */
    if (text_len >= sizeof(copy))
        return false;
    memcpy(copy, text, text_len);
    copy[text_len] = '\0';
    char *slash = strchr(copy, '/');
    if (slash)
        *slash++ = '\0';
    memset(addr, 0, sizeof(*addr));
    *family = strchr(copy, ':') ? 6 : 4;
    if (inet_pton(*family == 6 ? AF_INET6 : AF_INET, copy, addr) != 1)
        return false;
    *len = bits(*family);
    if (!slash)
        return true;
    char *end;
    unsigned long n = strtoul(slash, &end, 10);
    if (!isdigit((unsigned char)*slash) || *end || n > bits(*family))
        return false;
    *len = (uint8_t)n;
    return true;
}

static int append_route(struct gateway *gateway, struct route route)
{
    struct route *routes = realloc(gateway->routes, (gateway->route_count + 1) * sizeof(*routes));
    if (!routes)
        return -ENOMEM;
    gateway->routes = routes;
    size_t at = gateway->route_count++;
    for (; at > 0 && routes[at - 1].len < route.len; at--)
        routes[at] = routes[at - 1];
    routes[at] = route;
    return 0;
}

static int append_address(struct gateway *gateway, struct address address)
{
    struct address *addresses =
        realloc(gateway->addresses, (gateway->address_count + 1) * sizeof(*addresses));
    if (!addresses)
        return -ENOMEM;
    gateway->addresses = addresses;
    addresses[gateway->address_count++] = address;
    return 0;
}

int gateway_add_address(struct gateway *gateway, const char *text, struct textbuf *errors)
{
    const char *equals = strchr(text, '=');
    struct address address;
    if (!equals || !read_prefix(equals + 1, strlen(equals + 1), &address.addr, &address.family,
                                &address.len)) {
        textbuf_addf(errors,
                     "'%s' is not an address; give IFACE=ADDR/LEN, as in lan0=10.0.1.1/24\n", text);
        return -EINVAL;
    }
    char *name = strndup(text, (size_t)(equals - text));
    if (!name)
        return -ENOMEM;
    uint16_t number;
    int err = name_interface(gateway, name, &number, errors);
    free(name);
    address.iface = err ? 0 : number;
    if (!err)
        err = append_address(gateway, address);
    if (!err)
        err = append_route(gateway,
                           (struct route){address.addr, address.family, address.len, number});
    return err;
}

/* A prefix with bits behind its length is refused, as `ip route` does: one of the two is wrong. */
static bool has_host_bits(const struct route *route)
{
    union weir_addr zero = {0}, rest = route->prefix;
    unsigned whole = route->len / 8;
    memset(rest.bytes, 0, whole);
    if (route->len % 8)
        rest.bytes[whole] &= (uint8_t)(0xff >> route->len % 8);
    return memcmp(&rest, &zero, sizeof(rest)) != 0;
}

static int add_default(struct gateway *gateway, uint16_t number)
{
    int err = append_route(gateway, (struct route){.family = 4, .out_iface = number});
    return err ? err : append_route(gateway, (struct route){.family = 6, .out_iface = number});
}

int gateway_add_route(struct gateway *gateway, const char *text, struct textbuf *errors)
{
    const char *equals = strrchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;
    bool is_default = len == strlen("default") && !memcmp(text, "default", len);
    struct route route = {0};
    if (!equals ||
        (!is_default && !read_prefix(text, len, &route.prefix, &route.family, &route.len))) {
        textbuf_addf(errors,
                     "'%s' is not a route; give PREFIX=IFACE, as in 10.0.0.0/8=wan0 or "
                     "default=wan0\n",
                     text);
        return -EINVAL;
    }
    if (has_host_bits(&route)) {
        textbuf_addf(errors, "'%.*s' has bits set behind its length of %u\n", (int)len, text,
                     route.len);
        return -EINVAL;
    }
    int err = name_interface(gateway, equals + 1, &route.out_iface, errors);
    if (err)
        return err;
    return is_default ? add_default(gateway, route.out_iface) : append_route(gateway, route);
}

int gateway_set_in(struct gateway *gateway, const char *name, struct textbuf *errors)
{
    return name_interface(gateway, name, &gateway->in_iface, errors);
}

int gateway_set_out(struct gateway *gateway, const char *name, struct textbuf *errors)
{
    return name_interface(gateway, name, &gateway->out_iface, errors);
}

int gateway_ready(struct gateway *gateway)
{
    if (gateway->route_count) /* addresses bring routes, too */
        return 0;
    if (!gateway->in_iface)
        gateway->in_iface = gateway_interface(gateway, "in0");
    if (!gateway->out_iface)
        gateway->out_iface = gateway_interface(gateway, "out0");
    return gateway->in_iface && gateway->out_iface ? 0 : -ENOMEM;
}

/* Answers. */

/* 0: no route holds. */
static uint16_t look_up(const struct gateway *gateway, uint8_t family, const union weir_addr *addr)
{
    for (size_t i = 0; i < gateway->route_count; i++) {
        const struct route *route = &gateway->routes[i];
        if (route->family == family && covers(&route->prefix, route->len, addr))
            return route->out_iface;
    }
    return 0;
}

/* `iface` 0: of any. */
static bool is_own_on(const struct gateway *gateway, uint8_t family, const union weir_addr *addr,
                      uint16_t iface)
{
    for (size_t i = 0; i < gateway->address_count; i++)
        if (gateway->addresses[i].family == family &&
            (!iface || gateway->addresses[i].iface == iface) &&
            covers(&gateway->addresses[i].addr, bits(family), addr))
            return true;
    return false;
}

static bool is_own(const struct gateway *gateway, uint8_t family, const union weir_addr *addr)
{
    return is_own_on(gateway, family, addr, 0);
}

static bool is_multicast(uint8_t family, const union weir_addr *addr)
{
    return family == 6 ? addr->bytes[0] == 0xff : addr->bytes[0] >> 4 == 0xe;
}

/* All systems; on IPv6 all nodes and all routers, in the scopes that Linux joins. */
static bool is_joined(uint8_t family, const union weir_addr *addr)
{
    static const union weir_addr all_systems = {.bytes = {224, 0, 0, 1}};
    static const union weir_addr groups[] = {
        {.bytes = {0xff, 0x01, [15] = 1}}, {.bytes = {0xff, 0x01, [15] = 2}},
        {.bytes = {0xff, 0x02, [15] = 1}}, {.bytes = {0xff, 0x02, [15] = 2}},
        {.bytes = {0xff, 0x05, [15] = 2}},
    };
    if (family == 4)
        return covers(&all_systems, 32, addr);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (covers(&groups[i], 128, addr))
            return true;
    return false;
}

/* The group of all whose address ends as this one does (RFC 4291, 2.7.1). */
static bool is_solicited(const struct address *own, const union weir_addr *addr)
{
    union weir_addr group = {.bytes = {0xff, 0x02, [11] = 1, 0xff}};
    memcpy(group.bytes + 13, own->addr.bytes + 13, 3);
    return covers(&group, 128, addr);
}

/* The address of an IPv6 network itself: any of its routers (RFC 4291, 2.6.1). */
static bool is_anycast(const struct address *own, const union weir_addr *addr)
{
    struct route network = {.prefix = *addr, .family = 6, .len = own->len};
    return own->len < 127 && covers(&own->addr, own->len, addr) && !has_host_bits(&network);
}

/* The last address of an IPv4 network: all in it. /31 and /32 have none (RFC 3021). */
static bool is_broadcast(const struct address *own, const union weir_addr *addr)
{
    if (own->len == 0 || own->len > 30 || !covers(&own->addr, own->len, addr))
        return false;
    uint32_t hosts = (1U << (32 - own->len)) - 1;
    return (ntohl(addr->v4) & hosts) == hosts;
}

/* Is this for the host, apart from its own addresses? */
static bool is_for_all(const struct gateway *gateway, uint8_t family, const union weir_addr *addr)
{
    if (gateway->route_count && is_multicast(family, addr) && is_joined(family, addr))
        return true;
    if (gateway->route_count && family == 4 && addr->v4 == UINT32_MAX)
        return true;
    for (size_t i = 0; i < gateway->address_count; i++) {
        const struct address *own = &gateway->addresses[i];
        if (own->family != family)
            continue;
        if (family == 4 ? is_broadcast(own, addr)
                        : is_solicited(own, addr) || is_anycast(own, addr))
            return true;
    }
    return false;
}

/* The source address, if there are bytes enough for one. The family, or 0. */
static uint8_t source(const struct weir_packet *packet, union weir_addr *addr)
{
    enum { V4_AT = 12, V4_LEN = 4, V6_AT = 8, V6_LEN = 16 };
    memset(addr, 0, sizeof(*addr));
    uint8_t version = packet->len ? packet->data[0] >> 4 : 0;
    if (version == 4 && packet->len >= V4_AT + V4_LEN)
        memcpy(addr, packet->data + V4_AT, V4_LEN);
    else if (version == 6 && packet->len >= V6_AT + V6_LEN)
        memcpy(addr, packet->data + V6_AT, V6_LEN);
    else
        return 0;
    return version;
}

void gateway_enter(const struct gateway *gateway, struct weir_packet *packet, uint16_t interface)
{
    union weir_addr addr;
    uint8_t family = source(packet, &addr);
    packet->path = WEIR_PATH_ROUTED;
    packet->in_iface = interface;
    if (family && is_own(gateway, family, &addr)) {
        packet->path = WEIR_PATH_OUTPUT;
        packet->in_iface = 0;
        return;
    }
    if (!packet->in_iface && family)
        packet->in_iface = look_up(gateway, family, &addr);
    if (!packet->in_iface)
        packet->in_iface = gateway->in_iface;
}

struct weir_route gateway_route(void *ctx, const struct weir_packet *packet, uint8_t family,
                                union weir_addr dst)
{
    const struct gateway *gateway = ctx;
    (void)packet;
    if (is_own(gateway, family, &dst) || is_for_all(gateway, family, &dst))
        return (struct weir_route){.local = true};
    if (gateway->route_count && is_multicast(family, &dst))
        return (struct weir_route){0};
    uint16_t out = look_up(gateway, family, &dst);
    return (struct weir_route){.out_iface = out ? out : gateway->out_iface};
}

/* For rules. */

const char *gateway_iface_name(void *ctx, uint16_t iface)
{
    return gateway_interface_name(ctx, iface);
}

static bool is_broadcast_on(const struct gateway *gateway, const union weir_addr *addr,
                            uint16_t iface)
{
    if (addr->v4 == UINT32_MAX || addr->v4 == 0)
        return true;
    for (size_t i = 0; i < gateway->address_count; i++) {
        const struct address *own = &gateway->addresses[i];
        if (own->family == 4 && (!iface || own->iface == iface) && is_broadcast(own, addr))
            return true;
    }
    return false;
}

static bool is_anycast_of(const struct gateway *gateway, const union weir_addr *addr)
{
    for (size_t i = 0; i < gateway->address_count; i++)
        if (gateway->addresses[i].family == 6 && is_anycast(&gateway->addresses[i], addr))
            return true;
    return false;
}

enum weir_addr_type gateway_addr_type(void *ctx, uint8_t family, const union weir_addr *addr,
                                      uint16_t iface)
{
    const struct gateway *gateway = ctx;
    static const union weir_addr loopback6 = {.bytes = {[15] = 1}};
    if (is_own_on(gateway, family, addr, iface))
        return WEIR_ADDR_LOCAL;
    if (family == 4 ? addr->bytes[0] == 127 && !iface : covers(&loopback6, 128, addr) && !iface)
        return WEIR_ADDR_LOCAL;
    if (family == 4 && is_broadcast_on(gateway, addr, iface))
        return WEIR_ADDR_BROADCAST;
    if (is_multicast(family, addr))
        return WEIR_ADDR_MULTICAST;
    if (family == 6 && is_anycast_of(gateway, addr))
        return WEIR_ADDR_ANYCAST;
    if (family == 6 && !look_up(gateway, family, addr) && !gateway->out_iface)
        return WEIR_ADDR_UNREACHABLE;
    return WEIR_ADDR_UNICAST;
}

/* The first address of an interface whose network has `peer`, else its first; IPv6: of its scope.
 */
static const struct address *address_of(const struct gateway *gateway, uint16_t iface,
                                        uint8_t family, const union weir_addr *peer)
{
    static const union weir_addr link_local = {.bytes = {0xfe, 0x80}};
    const struct address *first = NULL;
    for (size_t i = 0; i < gateway->address_count; i++) {
        const struct address *own = &gateway->addresses[i];
        if (own->family != family || (iface && own->iface != iface) ||
            (family == 6 && covers(&link_local, 10, &own->addr) != covers(&link_local, 10, peer)))
            continue;
        if (covers(&own->addr, own->len, peer))
            return own;
        if (!first)
            first = own;
    }
    return first;
}

bool gateway_source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                    const union weir_addr *peer, union weir_addr *source)
{
    const struct gateway *gateway = ctx;
    const struct address *own = NULL;
    if (use == WEIR_SOURCE_REDIRECT) {
        for (size_t i = 0; i < gateway->address_count && !own; i++)
            if (gateway->addresses[i].family == family && gateway->addresses[i].iface == iface)
                own = &gateway->addresses[i];
    } else {
        if (use == WEIR_SOURCE_ANSWER && !iface)
            iface = look_up(gateway, family, peer);
        own = address_of(gateway, iface, family, peer);
        /* An interface without an address borrows one of another. */
        if (!own)
            own = address_of(gateway, 0, family, peer);
    }
    if (own)
        *source = own->addr;
    return own != NULL;
}
