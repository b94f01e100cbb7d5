/* SPDX-License-Identifier: BSD-2-Clause */
/* For targets that have nothing to do here: their packets go on. */
#ifndef WEIR_RULES_TARGET_INERT_H
#define WEIR_RULES_TARGET_INERT_H

#include "rules/ext.h"

static inline enum rules_verdict inert_target(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return RULES_CONTINUE;
}

#endif
