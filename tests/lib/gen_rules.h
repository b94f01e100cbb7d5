/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_rules: seeded random rulesets, as text for iptables-restore or ip6tables-restore.
 *
 * Rules speak of the hosts, ports and marks that gen.h's packets have, so that most of them match
 * something and few match everything. Whatever Linux decides by chance or by its own clock is left
 * out (identifications of its own packets, --random, --probability, rates with short periods,
 * connlimit, whose list Linux cleans up once in a jiffy): kernel and weir could not be compared.
 */
#ifndef TESTS_LIB_GEN_RULES_H
#define TESTS_LIB_GEN_RULES_H

#include "rng.h"

#include <stdbool.h>
#include <stddef.h>

struct gen_rules_opts {
    uint8_t family;  /* 4 or 6 */
    bool nat;        /* have a nat table */
    bool track;      /* matches and targets of connection tracking */
    unsigned weight; /* rules in a chain, at most; 0: 6 */
    /* Rules that ask for one of many addresses, ports, interfaces and marks, so that a packet
     * passes most of them; addresses to .GEN_RULES_HOSTS, ports as gen_rules_port() draws them. */
    bool many;
    bool beyond; /* also what a running kernel need not have, and what fills its log */
};

enum { GEN_RULES_MAX = 1 << 20, GEN_RULES_HOSTS = 60 };

uint16_t gen_rules_port(struct rng *rng);

/* Writes at most GEN_RULES_MAX bytes, terminated, to `text`; returns the length. */
size_t gen_rules(struct rng *rng, const struct gen_rules_opts *opts, char *text);

#endif
