/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hosts: the addresses of the test network, by short names.
 *
 *        side A                     router                     side B
 *     A  10.0.1.2  fd99:1::2   R  10.0.1.1  fd99:1::1      B  10.0.2.2  fd99:2::2
 *     A2 10.0.1.3  fd99:1::3   R2 10.0.2.1  fd99:2::1      B2 10.0.2.3  fd99:2::3
 *     …  A9 10.0.1.10                                      …  B9 10.0.2.10
 *
 * A6, B6 and R6 are not the sixth hosts: they are A, B and R, and say that IPv6 is meant.
 */
#ifndef TESTS_LIB_HOSTS_H
#define TESTS_LIB_HOSTS_H

#include "build.h"

enum side {
    SIDE_NONE = 0,
    SIDE_A,
    SIDE_B,
};

enum {
    HOSTS_PER_SIDE = 9,
    HOSTS_NAME_MAX = 48, /* a printed name or address, with the terminating zero */
};

/* The nth host (from 1) of a side; n = 0 is the router's address there. */
struct build_addr hosts_addr(uint8_t family, enum side side, unsigned n);

/* Which side a host belongs to; SIDE_NONE for the router and for everything unknown. */
enum side hosts_side(uint8_t family, const struct build_addr *addr);

/* Which family a word commits itself to: 4, 6, or 0 for a name that has both. */
uint8_t hosts_family(const char *word, size_t len);

/* A name or an address in the family's notation; false if it is neither. */
bool hosts_parse(const char *word, size_t len, uint8_t family, struct build_addr *addr);

/* The shortest word that hosts_parse() takes back for this family; returns buf. */
char *hosts_print(uint8_t family, const struct build_addr *addr, char buf[static HOSTS_NAME_MAX]);

#endif
