/* SPDX-License-Identifier: BSD-2-Clause */
/* -m cpu: the processor that handles the packet (iptables reference, 3.3). Which one runs a shard
 * is its owner's affair; to rules it is 0. */
#include "rules/eval.h"

enum { C_CPU = 0 };

enum { CPU = 0 };

struct cpu {
    uint32_t cpu;
};

static const struct opt opts[] = {
    {"cpu", C_CPU, OPT_U32, OPT_NOT | OPT_MUST},
    {0},
};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct cpu *c = ext_conf(x);

    (void)how;
    text_addf(out, " cpu %s%u", ext_negated(x, C_CPU) ? "! " : "", c->cpu);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct cpu *c = ext_conf(x);

    (void)e;
    return (c->cpu == CPU) != ext_negated(x, C_CPU);
}

const struct ext_type match_cpu = {
    .name = "cpu",
    .families = EXT_BOTH,
    .size = sizeof(struct cpu),
    .opts = opts,
    .note = "rules do not know which processor runs them: -m cpu sees processor 0",
    .list = list,
    .match = match,
};
