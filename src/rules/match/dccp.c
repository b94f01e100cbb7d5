/* SPDX-License-Identifier: BSD-2-Clause */
/* -m dccp: ports, packet types and the presence of an option (RFC 4340, 5; iptables
 * reference, 3.1).
 */
#include "rules/match/ports.h"

enum { D_TYPES = PORT_IDS, D_OPTION };

/* The generic header. */
enum { DCCP_OFFSET = 4, DCCP_TYPE = 8, DCCP_MIN = 12, DCCP_LONG = 16, DCCP_X = 0x1 };

enum { TYPES = 16, INVALID_TYPE = 10, INVALID_BITS = 0xfc00 };

struct dccp {
    struct ports ports;
    uint16_t types; /* bits */
    uint8_t option;
};

static const struct opt opts[] = {
    PORT_OPTIONS(0),
    {"dccp-types", D_TYPES, OPT_OTHER, OPT_NOT},
    {"dccp-option", D_OPTION, OPT_U8, OPT_NOT, offsetof(struct dccp, option), 1, UINT8_MAX},
    {0},
};

/* By type. `more` is what stands between the generic header and the options. */
static const struct {
    const char *name;
    uint8_t more;
} types[] = {
    {"REQUEST", 4}, {"RESPONSE", 12}, {"DATA", 0}, {"ACK", 8},     {"DATAACK", 8},  {"CLOSEREQ", 8},
    {"CLOSE", 8},   {"RESET", 12},    {"SYNC", 8}, {"SYNCACK", 8}, {"INVALID", 12},
};

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct dccp *d = ext_data(x);
    const char *rest = o->id == D_TYPES ? text : NULL;
    char part[16];

    while (rest) {
        const char *from = rest;
        bool good = read_part(&rest, ',', part, sizeof(part));
        size_t i = 0;

        if (good && !*part)
            continue;
        while (good && i < WEIR_ARRAY_LEN(types) && strcasecmp(types[i].name, part) != 0)
            i++;
        if (!good || i == WEIR_ARRAY_LEN(types))
            return rule_fail(r, "Unknown DCCP type `%s'", good ? part : from);
        d->types |= i == INVALID_TYPE ? (uint16_t)INVALID_BITS : (uint16_t)(1u << i);
    }
    return o->id != D_TYPES || d->types || rule_fail(r, "Unknown DCCP type `%s'", text);
}

static void add_types(struct text *out, const struct dccp *d, bool numeric)
{
    const char *comma = "";

    for (unsigned i = 0; i < (numeric ? TYPES : INVALID_TYPE + 1); i++) {
        if (!(d->types >> i & 1))
            continue;
        text_add(out, comma);
        comma = ",";
        if (numeric)
            text_number(out, i);
        else
            text_add(out, types[i].name);
    }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    text_char(out, ' ');
    add_types(out, ext_conf(x), false);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct dccp *d = ext_conf(x);

    text_add(out, " dccp");
    ports_list(out, x, how);
    if (ext_seen(x, D_TYPES)) {
        text_add(out, ext_negated(x, D_TYPES) ? " ! " : " ");
        add_types(out, d, how->flags & WEIR_RULES_NUMERIC);
    }
    if (d->option)
        text_addf(out, " option=%s%u", ext_negated(x, D_OPTION) ? "!" : "", d->option);
}

static bool has_option(struct eval *e, const uint8_t *l4, uint8_t kind, bool *has)
{
    unsigned type = l4[DCCP_TYPE] >> 1 & 0xf;
    uint32_t head = l4[DCCP_TYPE] & DCCP_X ? DCCP_LONG : DCCP_MIN;
    uint32_t size = l4[DCCP_OFFSET] * 4u;

    head += types[type < INVALID_TYPE ? type : INVALID_TYPE].more;
    if (size < head)
        e->drop = true;
    if (size < head || (size > head && header_lacks(e, e->p->ip.l4_off + size)))
        return false;
    *has = header_option(l4 + head, size - head, kind) < size - head;
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct dccp *d = ext_conf(x);
    const uint8_t *l4 = header_l4(e, DCCP_MIN);
    bool has;

    if (!l4 || !ports_match(x, l4))
        return false;
    if (ext_seen(x, D_TYPES) &&
        (d->types >> (l4[DCCP_TYPE] >> 1 & 0xf) & 1) == ext_negated(x, D_TYPES))
        return false;
    return !d->option || (has_option(e, l4, d->option, &has) && has != ext_negated(x, D_OPTION));
}

static bool want(const struct ext *x, struct want *w)
{
    ports_want(x, w);
    return ((const struct dccp *)ext_conf(x))->option == 0;
}

const struct ext_type match_dccp = {
    .name = "dccp",
    .families = EXT_BOTH,
    .proto = PROTO_DCCP,
    .size = sizeof(struct dccp),
    .opts = opts,
    .init = ports_init,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want,
};
