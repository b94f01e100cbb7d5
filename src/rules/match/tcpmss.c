/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m tcpmss: the maximum segment size that a TCP header announces (RFC 9293, 3.7.1; iptables
 * reference, 3.5). It is looked for in any segment, not only in a SYN, and even in a fragment that
 * is not the first.
 */
#include "rules/match/header.h"

enum { S_MSS = 0 };

enum { OPTION_MSS = 2, OPTION_MSS_SIZE = 4 };

struct tcpmss {
    uint16_t min, max;
};

static const struct opt opts[] = {
    {"mss", S_MSS, OPT_U16_RANGE, OPT_NOT | OPT_MUST},
    {0},
};

static bool check(struct rule_parse *r, struct ext *x)
{
    const struct tcpmss *s = ext_conf(x);

    return s->min <= s->max || rule_fail(r, "tcpmss: invalid range given");
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct tcpmss *s = ext_conf(x);

    (void)how;
    text_addf(out, " tcpmss match %s%u", ext_negated(x, S_MSS) ? "!" : "", s->min);
    if (s->max != s->min)
        text_addf(out, ":%u", s->max);
}

/* The option, which must have the right length; NULL: there is none. */
static const uint8_t *find_mss(const uint8_t *options, uint32_t len)
{
    while (len > 0) {
        uint32_t at = header_option(options, len, OPTION_MSS);

        if (len - at < OPTION_MSS_SIZE)
            return NULL;
        if (options[at + 1] == OPTION_MSS_SIZE)
            return options + at;
        at += options[at + 1] ? options[at + 1] : 1;
        if (at >= len)
            return NULL;
        options += at;
        len -= at;
    }
    return NULL;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct tcpmss *s = ext_conf(x);
    uint32_t at = header_l4_at(e);
    const uint8_t *l4 = e->p->ip.ip + at;

    if (header_lacks(e, at + TCP_MIN))
        return false;
    uint32_t size = (l4[TCP_OFFSET] >> 4) * 4u;

    if (size < TCP_MIN)
        e->drop = true;
    if (size < TCP_MIN || header_lacks(e, at + size))
        return false;
    const uint8_t *option = find_mss(l4 + TCP_MIN, size - TCP_MIN);

    if (!option)
        return ext_negated(x, S_MSS);
    uint16_t mss = load_be16(option + 2);

    return (mss >= s->min && mss <= s->max) != ext_negated(x, S_MSS);
}

const struct ext_type match_tcpmss = {
    .name = "tcpmss",
    .families = EXT_BOTH,
    .proto = PROTO_TCP,
    .size = sizeof(struct tcpmss),
    .opts = opts,
    .check = check,
    .list = list,
    .match = match,
};
