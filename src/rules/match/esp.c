/* SPDX-License-Identifier: BSD-2-Clause */
/* -m esp: the security parameters index of ESP (RFC 4303, 2; iptables reference, 3.1). */
#include "rules/match/header.h"
#include "rules/match/range.h"

enum { E_SPI = 0 };

enum { ESP_SPI = 0, ESP_SIZE = 8 };

static const struct opt opts[] = {
    {"espspi", E_SPI, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    (void)r;
    *(struct range *)ext_data(x) = range_all;
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, " esp");
    range_list(out, " ", "spi", *(const struct range *)ext_conf(x), ext_negated(x, E_SPI));
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct range *spi = ext_conf(x);
    const uint8_t *l4 = header_l4(e, ESP_SIZE);

    return l4 && range_has(*spi, load_be32(l4 + ESP_SPI)) != ext_negated(x, E_SPI);
}

const struct ext_type match_esp = {
    .name = "esp",
    .families = EXT_BOTH,
    .proto = PROTO_ESP,
    .size = sizeof(struct range),
    .opts = opts,
    .init = init,
    .list = list,
    .match = match,
};
