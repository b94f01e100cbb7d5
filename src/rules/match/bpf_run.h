/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classic BPF: checking programs and running them (McCanne, Jacobson: The BSD Packet Filter, 1993;
 * Linux's additions as its packet(7) and bpf man pages and its behaviour tell).
 *
 * A program that passed bpf_check() ends after at most as many steps as it has instructions, since
 * jumps only go forward, and reads no scratch word that it did not write.
 */
#ifndef WEIR_RULES_MATCH_BPF_RUN_H
#define WEIR_RULES_MATCH_BPF_RUN_H

#include "rules/eval.h"

enum { BPF_PROGRAM_MAX = 64 };

struct bpf_insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

/* NULL: the program may run; else what is wrong with instruction *at. `n` is at least 1. */
const char *bpf_check(const struct bpf_insn *program, unsigned n, unsigned *at);

/* What a checked program returns for the packet, seen from its IP header. */
uint32_t bpf_run(const struct bpf_insn *program, struct eval *e);

#endif
