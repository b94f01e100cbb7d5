/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CHECKSUM: complete a checksum that Linux left to the network card. Packets here have theirs, or
 * come with the caller's word for it (WEIR_PKT_CSUM_OK): there is nothing to complete.
 */
#include "rules/target/inert.h"

enum { CHECKSUM_FILL = 0 };

static const struct opt options[] = {
    {"checksum-fill", CHECKSUM_FILL, OPT_FLAG, OPT_MUST},
    {NULL},
};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)x;
    (void)how;
    text_add(out, " CHECKSUM fill");
}

const struct ext_type target_checksum = {
    .name = "CHECKSUM",
    .families = EXT_BOTH,
    .tables = IN_MANGLE,
    .opts = options,
    .list = list,
    .target = inert_target,
};
