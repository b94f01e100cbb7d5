/* SPDX-License-Identifier: BSD-2-Clause */
/* Which types of sets there are (ipset(8)). */
#include "rules/set/set.h"

#define BOTH   (SET_INET | SET_INET6)
#define HASHED (SET_HASHED | BOTH)
#define MASKED (SET_MASKED | SET_BITMASKED)

static const struct set_type types[] = {
    {"bitmap:ip", "ipmap", &set_bitmap_ops, 1, {SET_IP}, SET_INET | SET_RANGED | SET_MASKED},
    {"bitmap:ip,mac",
     "macipmap",
     &set_bitmap_ops,
     2,
     {SET_IP, SET_MAC},
     SET_INET | SET_RANGED | SET_ONE_IP},
    {"bitmap:port", "portmap", &set_bitmap_ops, 1, {SET_PORT}, SET_RANGED},
    {"hash:ip", "iphash", &set_hash_ops, 1, {SET_IP}, HASHED | MASKED | SET_NO_ZERO},
    {"hash:ip,mac", NULL, &set_hash_ops, 2, {SET_IP, SET_MAC}, HASHED | SET_NO_ZERO | SET_ONE_IP},
    {"hash:ip,mark", NULL, &set_hash_ops, 2, {SET_IP, SET_MARK}, HASHED | SET_MARKMASKED},
    {"hash:ip,port",
     "ipporthash",
     &set_hash_ops,
     2,
     {SET_IP, SET_PORT},
     HASHED | MASKED | SET_MASK_LAST | SET_NO_ZERO},
    {"hash:ip,port,ip", "ipportiphash", &set_hash_ops, 3, {SET_IP, SET_PORT, SET_IP}, HASHED},
    {"hash:ip,port,net",
     "ipportnethash",
     &set_hash_ops,
     3,
     {SET_IP, SET_PORT, SET_NET},
     HASHED | SET_NOMATCH},
    {"hash:mac", NULL, &set_hash_ops, 1, {SET_MAC}, SET_HASHED | SET_NO_ZERO},
    {"hash:net", "nethash", &set_hash_ops, 1, {SET_NET}, HASHED | SET_NOMATCH},
    {"hash:net,iface",
     NULL,
     &set_hash_ops,
     2,
     {SET_NET, SET_IFACE},
     HASHED | SET_NOMATCH | SET_WILDCARD | SET_ANY_NET},
    {"hash:net,net",
     NULL,
     &set_hash_ops,
     2,
     {SET_NET, SET_NET},
     HASHED | MASKED | SET_MASK_LAST | SET_NOMATCH},
    {"hash:net,port", NULL, &set_hash_ops, 2, {SET_NET, SET_PORT}, HASHED | SET_NOMATCH},
    {"hash:net,port,net",
     NULL,
     &set_hash_ops,
     3,
     {SET_NET, SET_PORT, SET_NET},
     HASHED | SET_NOMATCH | SET_ANY_NET},
    {"list:set", "setlist", &set_list_ops, 1, {SET_MEMBER}, SET_SIZED},
};

const struct set_type *set_type_find(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++)
        if (strcmp(types[i].name, name) == 0 ||
            (types[i].old_name && strcmp(types[i].old_name, name) == 0))
            return &types[i];
    return NULL;
}
