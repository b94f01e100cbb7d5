/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m cluster: which of several gateways, that all see the same packets, is to take a connection
 * (iptables reference, 3.2). The hash of its first source, scaled to the number of nodes, says.
 *
 * All gateways must agree, also those that run Linux. So this is Bob Jenkins' lookup3 hash of one
 * word with Linux's way to begin: the address's first four bytes as the machine reads them, which
 * is all of an IPv4 address and, as Linux has it, the first two groups of an IPv6 address.
 */
#include "packet/headers.h"
#include "rules/eval.h"

enum { C_NODE, C_MASK, C_TOTAL, C_SEED };
enum { NODES_MAX = 32 };

struct cluster {
    uint32_t mask; /* bit n: node n + 1 */
    uint32_t total, node, seed;
};

/* --cluster-local-nodemask: iptables refuses above 32, and so what it saves for node 7. */
static const struct opt opts[] = {
    {"cluster-local-node", C_NODE, OPT_U32, OPT_NOT, offsetof(struct cluster, node), 1, NODES_MAX,
     OPT_BIT(C_MASK)},
    {"cluster-local-nodemask", C_MASK, OPT_U32, OPT_NOT, offsetof(struct cluster, mask), 1,
     UINT32_MAX, OPT_BIT(C_NODE)},
    {"cluster-total-nodes", C_TOTAL, OPT_U32, OPT_MUST, offsetof(struct cluster, total), 1,
     NODES_MAX},
    {"cluster-hash-seed", C_SEED, OPT_U32, OPT_MUST, offsetof(struct cluster, seed)},
    {0},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    struct cluster *c = ext_data(x);

    if (ext_seen(x, C_NODE)) {
        if (c->node > c->total)
            return rule_fail(r, "cluster match: `--cluster-local-node' must be <= "
                                "`--cluster-total-nodes'");
        c->mask = 1u << (c->node - 1);
        return true;
    }
    if (!ext_seen(x, C_MASK))
        return rule_fail(r, "cluster match: `--cluster-local-node' or"
                            "`--cluster-local-nodemask' is missing");
    return (uint64_t)c->mask >> c->total == 0 ||
           rule_fail(r, "cluster match: `--cluster-local-nodemask' too big for "
                        "`--cluster-total-nodes'");
}

static bool negated(const struct ext *x)
{
    return ext_negated(x, C_NODE) || ext_negated(x, C_MASK);
}

static void print(struct text *out, const struct ext *x)
{
    const struct cluster *c = ext_conf(x);

    text_addf(out,
              "%s --cluster-local-nodemask 0x%08x --cluster-total-nodes %u "
              "--cluster-hash-seed 0x%08x",
              negated(x) ? " !" : "", c->mask, c->total, c->seed);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct cluster *c = ext_conf(x);

    (void)how;
    text_addf(out, " cluster %snode_mask=0x%08x total_nodes=%u hash_seed=0x%08x",
              negated(x) ? "!" : "", c->mask, c->total, c->seed);
}

static uint32_t rotate(uint32_t n, unsigned by)
{
    return n << by | n >> (32 - by);
}

static uint32_t hash(uint32_t word, uint32_t seed)
{
    uint32_t a, b, c;

    a = b = c = 0xdeadbeef + sizeof(word) + seed;
    a += word;
    c = (c ^ b) - rotate(b, 14);
    a = (a ^ c) - rotate(c, 11);
    b = (b ^ a) - rotate(a, 25);
    c = (c ^ b) - rotate(b, 16);
    a = (a ^ c) - rotate(c, 4);
    b = (b ^ a) - rotate(a, 14);
    return (c ^ b) - rotate(b, 24);
}

static bool to_multicast(const struct eval *e)
{
    const union weir_addr dst = eval_dst(e);

    return e->family == 4 ? dst.bytes[0] >> 4 == 14 : dst.bytes[0] == 0xff;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct cluster *c = ext_conf(x);
    const struct conn *conn = eval_entry(e);

    /* The switch floods all nodes by a multicast frame; for the rules it was for this host. */
    if (e->p->raw->pkt_type == WEIR_PKT_MULTICAST && !to_multicast(e))
        e->p->raw->pkt_type = WEIR_PKT_HOST;
    if (!conn)
        return false;
    /* Of an expected connection it will be the master's. */
    const struct weir_tuple tuple = conn_tuple(conn, WEIR_ORIG);
    uint32_t node = (uint32_t)((uint64_t)hash(tuple.src.words[0], c->seed) * c->total >> 32);

    return (c->mask >> node & 1) != negated(x);
}

const struct ext_type match_cluster = {
    .name = "cluster",
    .families = EXT_BOTH,
    .size = sizeof(struct cluster),
    .opts = opts,
    .check = check,
    .print = print,
    .list = list,
    .match = match,
};
