/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets of any size, in the shapes that large ones have; and small ones that set-ups need.
 *
 * What the packets of traffic.h open passes all rules of a shape and is accepted behind them (or,
 * of KUBE_PROXY, sent on to an end point of its service), so that what is measured is the way and
 * not the end.
 */
#ifndef BENCH_RULESETS_H
#define BENCH_RULESETS_H

#include <weir/rules.h>

enum shape {
    BY_ADDRESS,  /* one address (now and then a /24) each, as block lists are */
    BY_PORT,     /* one UDP port each */
    USER_CHAINS, /* a chain for each network of clients, of mixed rules: ports, ranges, addresses,
                    interfaces, states, lengths; a packet enters its own network's chain */
    KUBE_PROXY,  /* services: an address and port leads to a chain that picks one of three end
                    points, each a chain with DNAT */
    SHAPES
};

/* The words for a shape. */
const char *shape_name(enum shape shape);

/* A text, as iptables-restore reads it. Free with free(). */
struct ruleset {
    char *text;
    size_t len;
};

/* About `rules` rules (whole groups of 10, whole services of 11) and the accept. */
struct ruleset ruleset_of(enum shape shape, uint32_t rules);

/* How many services the KUBE_PROXY set of that size has. */
uint32_t ruleset_services(uint32_t rules);

/* First the usual rule, which lets through what is established; policy DROP. */
struct ruleset ruleset_usual(void);

/*
 * No filter; everything leaves with the address 198.51.100.1: from its own port if that is free,
 * from a random one, or, UDP only, from one of `ports` successive ports from SNAT_FIRST_PORT on.
 * MASQUERADE: with the address that the host names.
 */
enum { SNAT_FIRST_PORT = 1024 };
struct ruleset ruleset_snat(void);
struct ruleset ruleset_snat_random(void);
struct ruleset ruleset_snat_ports(uint32_t ports);
struct ruleset ruleset_masquerade(void);

/* Ends the program, with the reader's words, when the text has an error. */
struct weir_rules *ruleset_parse(const struct ruleset *r);

/* All in one: the shard runs by the text from now on, which is freed. The result is to be freed
 * after the shard. */
struct weir_rules *ruleset_use(struct weir_shard *shard, struct ruleset r);

#endif
