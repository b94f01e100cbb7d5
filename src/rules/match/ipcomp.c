/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m ipcomp: the compression parameter index of IPComp (RFC 3173, 3; iptables reference, 3.1).
 *
 * As iptables has it, --ipcompspi that is not there is --ipcompspi 0, and --compres is kept and
 * printed but looks at nothing.
 */
#include "rules/match/header.h"
#include "rules/match/range.h"

enum { C_SPI = 0, C_RESERVED };

enum { COMP_CPI = 2, COMP_SIZE = 4 };

enum { PROTO_COMP = 108 };

static const struct opt opts[] = {
    {"ipcompspi", C_SPI, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL},
    {"compres", C_RESERVED, OPT_FLAG},
    {0},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    (void)r;
    x->seen |= OPT_BIT(C_SPI);
    return true;
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " comp ");
    range_list(out, "", "spi", *(const struct range *)ext_conf(x), ext_negated(x, C_SPI));
    text_add(out, ext_seen(x, C_RESERVED) ? " reserved" : "");
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct range *cpi = ext_conf(x);
    const uint8_t *l4 = header_l4(e, COMP_SIZE);

    return l4 && range_has(*cpi, load_be16(l4 + COMP_CPI)) != ext_negated(x, C_SPI);
}

const struct ext_type match_ipcomp = {
    .name = "ipcomp",
    .families = EXT_BOTH,
    .proto = PROTO_COMP,
    .size = sizeof(struct range),
    .opts = opts,
    .check = check,
    .list = list,
    .match = match,
};
