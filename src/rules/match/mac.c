/* SPDX-License-Identifier: BSD-2-Clause */
/* -m mac: the Ethernet address a packet came from (iptables reference, 3.3). Without an Ethernet
 * header there is no match, negated or not. */
#include "rules/match/link.h"

enum { M_SOURCE = 0 };

struct mac {
    uint8_t addr[ETHER_ADDR];
};

static const struct opt opts[] = {
    {"mac-source", M_SOURCE, OPT_OTHER, OPT_NOT | OPT_MUST},
    {0},
};

/* One or two digits, up to ':' or the end. */
static bool read_byte(const char **text, uint8_t *byte)
{
    int n = 0, digits = 0;

    for (; text_hex_digit(**text) >= 0; ++*text, digits++)
        n = n * 16 + text_hex_digit(**text);
    *byte = (uint8_t)n;
    return digits == 1 || digits == 2;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct mac *m = ext_data(x);
    bool good = true;

    (void)o;
    for (unsigned i = 0; good && i < ETHER_ADDR; i++) {
        good = read_byte(&text, &m->addr[i]) && *text == (i + 1 < ETHER_ADDR ? ':' : '\0');
        text += good && *text;
    }
    return good || rule_fail(r, "Invalid MAC address specified.");
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct mac *m = ext_conf(x);

    (void)o;
    for (unsigned i = 0; i < ETHER_ADDR; i++)
        text_addf(out, i ? ":%02x" : " %02x", m->addr[i]);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    (void)how;
    text_add(out, ext_negated(x, M_SOURCE) ? " MAC !" : " MAC");
    show(out, x, NULL);
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct mac *m = ext_conf(x);
    const uint8_t *link = link_ethernet(e);

    return link && (memcmp(link + ETHER_SRC, m->addr, ETHER_ADDR) == 0) != ext_negated(x, M_SOURCE);
}

const struct ext_type match_mac = {
    .name = "mac",
    .families = EXT_BOTH,
    .hooks = ON_PREROUTING | ON_INPUT | ON_FORWARD,
    .size = sizeof(struct mac),
    .opts = opts,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want_nothing,
};
