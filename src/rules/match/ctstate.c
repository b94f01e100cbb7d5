/* SPDX-License-Identifier: BSD-2-Clause */
#include "rules/match/ctstate.h"

const char *const ctstate_words[CTSTATE_MAX] = {
    [CTSTATE_INVALID] = "INVALID",     [CTSTATE_NEW] = "NEW",
    [CTSTATE_RELATED] = "RELATED",     [CTSTATE_ESTABLISHED] = "ESTABLISHED",
    [CTSTATE_UNTRACKED] = "UNTRACKED", [CTSTATE_SNAT] = "SNAT",
    [CTSTATE_DNAT] = "DNAT",
};

static const uint8_t of_class[WEIR_CT_MAX] = {
    [WEIR_CT_NONE] = CTSTATE_INVALID,
    [WEIR_CT_NEW] = CTSTATE_NEW,
    [WEIR_CT_ESTABLISHED] = CTSTATE_ESTABLISHED,
    [WEIR_CT_ESTABLISHED_REPLY] = CTSTATE_ESTABLISHED,
    [WEIR_CT_RELATED] = CTSTATE_RELATED,
    [WEIR_CT_RELATED_REPLY] = CTSTATE_RELATED,
    [WEIR_CT_INVALID] = CTSTATE_INVALID,
    [WEIR_CT_UNTRACKED] = CTSTATE_UNTRACKED,
};

uint32_t ctstate_of(const struct eval *e)
{
    const struct conn *c = eval_conn(e);
    uint32_t states = 1u << of_class[eval_class(e)];

    if (c && c->status & WEIR_S_SRC_NAT)
        states |= 1u << CTSTATE_SNAT;
    if (c && c->status & WEIR_S_DST_NAT)
        states |= 1u << CTSTATE_DNAT;
    return states;
}
