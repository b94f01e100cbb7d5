/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts: names for the addresses of the test network, see hosts.h.
 *
 * An address is a side's prefix and a number: 1 is the router, 2 the first host.
 */
#include "hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct build_addr hosts_addr(uint8_t family, enum side side, unsigned n)
{
    uint8_t net = (uint8_t)side, host = (uint8_t)(n + 1);
    if (family == 4)
        return (struct build_addr){{10, 0, net, host}};
    return (struct build_addr){{0xfd, 0x99, 0, net, [15] = host}};
}

/* The inverse: which number an address has; -1 if it is none of ours. */
static int number(uint8_t family, const struct build_addr *addr, enum side *side)
{
    uint8_t net = addr->b[family == 4 ? 2 : 3];
    uint8_t host = addr->b[family == 4 ? 3 : 15];

    *side = net == SIDE_A ? SIDE_A : SIDE_B;
    if (host < 1 || host > 1 + HOSTS_PER_SIDE)
        return -1;
    struct build_addr same = hosts_addr(family, *side, host - 1u);
    return memcmp(&same, addr, sizeof(same)) == 0 ? host - 1 : -1;
}

enum side hosts_side(uint8_t family, const struct build_addr *addr)
{
    size_t width = family == 4 ? 3 : 8; /* of the network part */
    for (enum side side = SIDE_A; side <= SIDE_B; side++) {
        struct build_addr router = hosts_addr(family, side, 0);
        if (memcmp(&router, addr, sizeof(router)) == 0)
            return SIDE_NONE;
        if (memcmp(router.b, addr->b, width) == 0)
            return side;
    }
    return SIDE_NONE;
}

static bool is_name(const char *word, size_t len)
{
    return (len == 1 || (len == 2 && word[1] >= '2' && word[1] <= '9')) &&
           (word[0] == 'A' || word[0] == 'B' || word[0] == 'R') &&
           !(word[0] == 'R' && len == 2 && word[1] != '2' && word[1] != '6');
}

uint8_t hosts_family(const char *word, size_t len)
{
    if (is_name(word, len))
        return len == 2 && word[1] == '6' ? 6 : 0;
    return memchr(word, ':', len) ? 6 : 4;
}

bool hosts_parse(const char *word, size_t len, uint8_t family, struct build_addr *addr)
{
    if (is_name(word, len)) {
        unsigned n = len == 1 || word[1] == '6' ? 1 : (unsigned)(word[1] - '0');
        if (len == 2 && word[1] == '6' && family != 6)
            return false;
        if (word[0] == 'R')
            *addr = hosts_addr(family, n == 2 ? SIDE_B : SIDE_A, 0);
        else
            *addr = hosts_addr(family, word[0] == 'A' ? SIDE_A : SIDE_B, n);
        return true;
    }
    char copy[HOSTS_NAME_MAX];
    if (len >= sizeof(copy))
        return false;
    memcpy(copy, word, len);
    copy[len] = 0;
    memset(addr, 0, sizeof(*addr));
    return inet_pton(family == 4 ? AF_INET : AF_INET6, copy, addr->b) == 1;
}

char *hosts_print(uint8_t family, const struct build_addr *addr, char buf[static HOSTS_NAME_MAX])
{
    enum side side;
    int n = number(family, addr, &side);

    if (n == 0)
        snprintf(buf, HOSTS_NAME_MAX, side == SIDE_A ? "R" : "R2");
    else if (n == 1)
        snprintf(buf, HOSTS_NAME_MAX, side == SIDE_A ? "A" : "B");
    else if (n > 0 && n != 6)
        snprintf(buf, HOSTS_NAME_MAX, "%c%d", side == SIDE_A ? 'A' : 'B', n);
    else if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, addr->b, buf, HOSTS_NAME_MAX))
        snprintf(buf, HOSTS_NAME_MAX, "?");
    return buf;
}
