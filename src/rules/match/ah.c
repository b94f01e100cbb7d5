/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m ah: the authentication header (RFC 4302, 2; iptables reference, 3.1). In IPv4 it is the upper
 * layer, in IPv6 one of the extension headers, of which its length and the reserved field may be
 * asked too.
 */
#include "rules/match/header.h"

#include "rules/match/range.h"

enum { A_SPI = 0, A_LEN, A_RESERVED };

enum { AH_RESERVED = 2, AH_SPI = 4, AH_MIN = 12 };

struct ah {
    struct range spi;
    uint32_t len; /* in bytes; 0: any */
};

static const struct opt opts4[] = {
    {"ahspi", A_SPI, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL, offsetof(struct ah, spi)},
    {0},
};

static const struct opt opts6[] = {
    {"ahspi", A_SPI, OPT_U32_RANGE, OPT_NOT | OPT_HIDE_FULL, offsetof(struct ah, spi)},
    {"ahlen", A_LEN, OPT_U32, OPT_NOT, offsetof(struct ah, len)},
    {"ahres", A_RESERVED, OPT_FLAG},
    {0},
};

static void init(const struct rule_parse *r, struct ext *x)
{
    struct ah *a = ext_data(x);

    (void)r;
    a->spi = range_all;
}

/* A length of 0 asks for nothing, and iptables saves nothing of it. */
static bool check6(struct rule_parse *r, struct ext *x)
{
    const struct ah *a = ext_conf(x);

    (void)r;
    if (!a->len && !ext_negated(x, A_LEN))
        x->seen &= ~OPT_BIT(A_LEN);
    return true;
}

/* iptables has a blank behind "ah" and none before "length". */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct ah *a = ext_conf(x);

    (void)how;
    text_add(out, " ah ");
    range_list(out, "", "spi", a->spi, ext_negated(x, A_SPI));
    if (ext_seen(x, A_LEN))
        text_addf(out, "length:%s%u", ext_negated(x, A_LEN) ? "!" : "", a->len);
    text_add(out, ext_seen(x, A_RESERVED) ? " reserved" : "");
}

static bool spi_fits(const struct ext *x, const uint8_t *header)
{
    const struct ah *a = ext_conf(x);

    return range_has(a->spi, load_be32(header + AH_SPI)) != ext_negated(x, A_SPI);
}

static bool match4(struct eval *e, const struct ext *x)
{
    const uint8_t *header = header_l4(e, AH_MIN);

    return header && spi_fits(x, header);
}

static bool match6(struct eval *e, const struct ext *x)
{
    const struct ah *a = ext_conf(x);
    uint32_t size;
    const uint8_t *header = header_ext6(e, PROTO_AH, AH_MIN, &size);

    if (!header || !spi_fits(x, header))
        return false;
    if (a->len && (size == a->len) == ext_negated(x, A_LEN))
        return false;
    return !ext_seen(x, A_RESERVED) || load_raw16(header + AH_RESERVED) == 0;
}

const struct ext_type match_ah = {
    .name = "ah",
    .families = EXT_IPV4,
    .proto = PROTO_AH,
    .size = sizeof(struct ah),
    .opts = opts4,
    .init = init,
    .list = list,
    .match = match4,
};

const struct ext_type match_ah6 = {
    .name = "ah",
    .families = EXT_IPV6,
    .size = sizeof(struct ah),
    .opts = opts6,
    .init = init,
    .check = check6,
    .list = list,
    .match = match6,
};
