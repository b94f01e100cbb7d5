/* SPDX-License-Identifier: BSD-2-Clause */
/* What a packet is to connection tracking, in the words of -m conntrack and -m state. */
#ifndef WEIR_RULES_MATCH_CTSTATE_H
#define WEIR_RULES_MATCH_CTSTATE_H

#include "rules/eval.h"

enum ctstate {
    CTSTATE_INVALID = 0,
    CTSTATE_NEW,
    CTSTATE_RELATED,
    CTSTATE_ESTABLISHED,
    CTSTATE_UNTRACKED,
    CTSTATE_CLASSES, /* those before it exclude each other; the others come on top */
    CTSTATE_SNAT = CTSTATE_CLASSES,
    CTSTATE_DNAT,
    CTSTATE_MAX
};

#define CTSTATE_CLASS_BITS ((1u << CTSTATE_CLASSES) - 1)

extern const char *const ctstate_words[CTSTATE_MAX];

/* The packet's states, 1 << enum ctstate. */
uint32_t ctstate_of(const struct eval *e);

#endif
