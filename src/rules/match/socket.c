/* SPDX-License-Identifier: BSD-2-Clause */
/* -m socket: a socket of this host would take the packet (iptables reference, 3.5). weir knows of
 * no sockets, so none does. */
#include "rules/eval.h"

enum { S_TRANSPARENT, S_NOWILDCARD, S_RESTORE };

static const struct opt opts[] = {
    {"transparent", S_TRANSPARENT, OPT_FLAG},
    {"nowildcard", S_NOWILDCARD, OPT_FLAG},
    {"restore-skmark", S_RESTORE, OPT_FLAG},
    {0},
};

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " socket");
    ext_print_options(out, x);
}

static bool match(struct eval *e, const struct ext *x)
{
    (void)e;
    (void)x;
    return false;
}

const struct ext_type match_socket = {
    .name = "socket",
    .families = EXT_BOTH,
    .hooks = ON_PREROUTING | ON_INPUT,
    .opts = opts,
    .note = "weir knows of no sockets: -m socket never matches",
    .list = list,
    .match = match,
    .want = want_nothing,
};
