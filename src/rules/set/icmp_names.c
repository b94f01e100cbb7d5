/* SPDX-License-Identifier: BSD-2-Clause */
/* How it works: icmp_names.h. The first name of a message is the one that is printed. */
#include "rules/set/icmp_names.h"

#include <strings.h>

struct message {
    uint8_t type, code;
    const char *name;
};

static const struct message icmp[] = {
    {0, 0, "echo-reply"},
    {0, 0, "pong"},
    {3, 0, "network-unreachable"},
    {3, 1, "host-unreachable"},
    {3, 2, "protocol-unreachable"},
    {3, 3, "port-unreachable"},
    {3, 4, "fragmentation-needed"},
    {3, 5, "source-route-failed"},
    {3, 6, "network-unknown"},
    {3, 7, "host-unknown"},
    {3, 9, "network-prohibited"},
    {3, 10, "host-prohibited"},
    {3, 11, "TOS-network-unreachable"},
    {3, 12, "TOS-host-unreachable"},
    {3, 13, "communication-prohibited"},
    {3, 14, "host-precedence-violation"},
    {3, 15, "precedence-cutoff"},
    {4, 0, "source-quench"},
    {5, 0, "network-redirect"},
    {5, 1, "host-redirect"},
    {5, 2, "TOS-network-redirect"},
    {5, 3, "TOS-host-redirect"},
    {8, 0, "echo-request"},
    {8, 0, "ping"},
    {9, 0, "router-advertisement"},
    {10, 0, "router-solicitation"},
    {11, 0, "ttl-zero-during-transit"},
    {11, 1, "ttl-zero-during-reassembly"},
    {12, 0, "ip-header-bad"},
    {12, 1, "required-option-missing"},
    {13, 0, "timestamp-request"},
    {14, 0, "timestamp-reply"},
    {17, 0, "address-mask-request"},
    {18, 0, "address-mask-reply"},
    {0, 0, NULL},
};

static const struct message icmpv6[] = {
    {1, 0, "no-route"},
    {1, 1, "communication-prohibited"},
    {1, 3, "address-unreachable"},
    {1, 4, "port-unreachable"},
    {2, 0, "packet-too-big"},
    {3, 0, "ttl-zero-during-transit"},
    {3, 1, "ttl-zero-during-reassembly"},
    {4, 0, "bad-header"},
    {4, 1, "unknown-header-type"},
    {4, 2, "unknown-option"},
    {128, 0, "echo-request"},
    {128, 0, "ping"},
    {129, 0, "echo-reply"},
    {129, 0, "pong"},
    {133, 0, "router-solicitation"},
    {134, 0, "router-advertisement"},
    {135, 0, "neighbour-solicitation"},
    {135, 0, "neigbour-solicitation"},
    {136, 0, "neighbour-advertisement"},
    {136, 0, "neigbour-advertisement"},
    {137, 0, "redirect"},
    {0, 0, NULL},
};

static const struct message *messages(uint8_t family)
{
    return family == 6 ? icmpv6 : icmp;
}

bool set_icmp_find(uint8_t family, const char *name, uint16_t *type_code)
{
    for (const struct message *m = messages(family); m->name; m++)
        if (*name && strncasecmp(m->name, name, strlen(name)) == 0) {
            *type_code = (uint16_t)(m->type << 8 | m->code);
            return true;
        }
    return false;
}

const char *set_icmp_name(uint8_t family, uint16_t type_code)
{
    for (const struct message *m = messages(family); m->name; m++)
        if ((m->type << 8 | m->code) == type_code)
            return m->name;
    return NULL;
}
