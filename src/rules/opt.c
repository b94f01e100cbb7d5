/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options by table: reading, checking and printing (iptables reference, 3). The messages are those
 * of the iptables command.
 */
#include "rules/parse.h"

/* --- finding --- */

const struct opt *opt_exact(const struct ext_type *type, const char *name, size_t len)
{
    for (const struct opt *o = type->opts; o && o->name; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

const struct opt *opt_prefix(const struct ext_type *type, const char *name, size_t len,
                             uint32_t *ids)
{
    const struct opt *found = NULL;
    uint32_t seen = 0;

    for (const struct opt *o = type->opts; o && o->name; o++) {
        if (strncmp(o->name, name, len) != 0 || seen & OPT_BIT(o->id))
            continue;
        seen |= OPT_BIT(o->id);
        found = found ? found : o;
        ++*ids;
    }
    return found;
}

/* The option that stands for an id: the first, which is how it is printed. */
static const struct opt *of_id(const struct ext_type *type, unsigned id)
{
    const struct opt *o = type->opts;

    while (o->id != id)
        o++;
    return o;
}

/* How iptables calls it in errors: by the longest of its names. */
static const char *full_name(const struct ext_type *type, unsigned id)
{
    const char *name = "";

    for (const struct opt *o = type->opts; o->name; o++)
        if (o->id == id && strlen(o->name) > strlen(name))
            name = o->name;
    return name;
}

/* --- numbers --- */

struct bounds {
    uint64_t min, max;
};

static uint64_t width_max(enum opt_kind kind)
{
    switch (kind) {
    case OPT_U8:
    case OPT_U8_RANGE: return UINT8_MAX;
    case OPT_U16:
    case OPT_U16_RANGE:
    case OPT_PORT_RANGE: return UINT16_MAX;
    case OPT_U32:
    case OPT_U32_RANGE: return UINT32_MAX;
    case OPT_U64:
    case OPT_U64_RANGE:
    case OPT_FLAG:
    case OPT_OTHER:
    case OPT_MARK:
    case OPT_NET:
    case OPT_ADDR: break;
    }
    return UINT64_MAX;
}

static struct bounds bounds_of(const struct opt *o)
{
    return (struct bounds){o->min, o->max ? o->max : width_max((enum opt_kind)o->kind)};
}

static bool is_range(const struct opt *o)
{
    return o->kind == OPT_U8_RANGE || o->kind == OPT_U16_RANGE || o->kind == OPT_U32_RANGE ||
           o->kind == OPT_U64_RANGE || o->kind == OPT_PORT_RANGE;
}

/* Bytes of one number of the kind. */
static size_t width(const struct opt *o)
{
    switch (width_max((enum opt_kind)o->kind)) {
    case UINT8_MAX: return 1;
    case UINT16_MAX: return 2;
    case UINT32_MAX: return 4;
    default: return 8;
    }
}

static void store(uint8_t *at, size_t bytes, uint64_t n)
{
    switch (bytes) {
    case 1: *at = (uint8_t)n; break;
    case 2: memcpy(at, &(uint16_t){(uint16_t)n}, 2); break;
    case 4: memcpy(at, &(uint32_t){(uint32_t)n}, 4); break;
    default: memcpy(at, &n, 8);
    }
}

static uint64_t load(const uint8_t *at, size_t bytes)
{
    uint64_t n = 0;
    uint32_t n4;
    uint16_t n2;

    switch (bytes) {
    case 1: return *at;
    case 2: memcpy(&n2, at, 2); return n2;
    case 4: memcpy(&n4, at, 4); return n4;
    default: memcpy(&n, at, 8); return n;
    }
}

bool read_u64(const char *text, uint64_t min, uint64_t max, uint64_t *n)
{
    const char *end;

    return text_read_number(text, &end, n) && !*end && *n >= min && *n <= max;
}

bool read_mark(const char *text, struct mark_mask *mark)
{
    const char *end;
    uint64_t value, mask = UINT32_MAX;

    if (!text_read_number(text, &end, &value) || value > UINT32_MAX)
        return false;
    if (*end == '/') {
        if (!read_u64(end + 1, 0, UINT32_MAX, &mask))
            return false;
    } else if (*end) {
        return false;
    }
    *mark = (struct mark_mask){(uint32_t)value, (uint32_t)mask};
    return true;
}

/* --- reading --- */

static bool bad_number(struct rule_parse *r, const struct ext *x, const struct opt *o)
{
    struct bounds b = bounds_of(o);

    return rule_fail(r, "%s: bad value for option \"--%s\", or out of range (%llu-%llu).",
                     x->type->name, o->name, (unsigned long long)b.min, (unsigned long long)b.max);
}

static bool bad_range(struct rule_parse *r, const struct ext *x, const struct opt *o,
                      const char *near)
{
    struct bounds b = bounds_of(o);

    return rule_fail(
        r, "%s: bad value for option \"--%s\" near \"%s\", or out of range (%llu-%llu).",
        x->type->name, o->name, near, (unsigned long long)b.min, (unsigned long long)b.max);
}

static bool take_number(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct bounds b = bounds_of(o);
    uint64_t n;

    if (!read_u64(text, b.min, b.max, &n))
        return bad_number(r, x, o);
    store(x->data + o->at, width(o), n);
    return true;
}

/* One end of a range, up to ':' or the end of the text; nothing is the default. */
static bool range_end(const char **text, struct bounds b, uint64_t empty, uint64_t *n)
{
    if (**text == ':' || !**text) {
        *n = empty;
        return true;
    }
    return text_read_number(*text, text, n) && (**text == ':' || !**text) && *n >= b.min &&
           *n <= b.max;
}

static bool too_many(struct rule_parse *r, const struct ext *x, const struct opt *o)
{
    return rule_fail(r, "%s: Too many components for option \"--%s\" (max: 2)", x->type->name,
                     full_name(x->type, o->id));
}

static bool take_range(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct bounds b = bounds_of(o);
    uint64_t low, high;
    const char *at = text;

    if (!*text || !range_end(&at, b, b.min, &low))
        return bad_range(r, x, o, text);
    high = low;
    if (*at == ':') {
        const char *second = ++at;

        if (!range_end(&at, b, b.max, &high))
            return bad_range(r, x, o, second);
        if (*at)
            return too_many(r, x, o);
    }
    store(x->data + o->at, width(o), low);
    store(x->data + o->at + width(o), width(o), high);
    return true;
}

/* iptables looks for a service of TCP and SCTP by protocol, and for any other by its name alone. */
static bool take_ports(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    enum { TCP = 6, SCTP = 132 };
    const char *rest = text;
    bool by_proto = x->type->proto == TCP || x->type->proto == SCTP;
    uint16_t ports[2] = {0, UINT16_MAX};
    char part[64];
    int n = 0;

    for (; rest; n++) {
        bool fits = read_part(&rest, ':', part, sizeof(part));

        if (n == 2 && !by_proto)
            return too_many(r, x, o);
        if (n == 2 || !fits ||
            (*part && !read_port(r, part, by_proto ? x->type->proto : 0, &ports[n])))
            return rule_fail(r, "invalid port/service `%s' specified", fits ? part : text);
    }
    if (n == 1)
        ports[1] = ports[0];
    memcpy(x->data + o->at, ports, sizeof(ports));
    return true;
}

/* Two numbers and something behind them, or no number at all. */
static bool bad_mark(struct rule_parse *r, const struct ext *x, const struct opt *o,
                     const char *text)
{
    const char *slash = strchr(text, '/');
    uint64_t n;

    if (slash && text_read_number(slash + 1, &slash, &n) && *slash)
        return rule_fail(r, "%s: trailing garbage after value for option \"--%s\".", x->type->name,
                         o->name);
    return rule_fail(r, "%s: bad integer value for option \"--%s\", or out of range.",
                     x->type->name, o->name);
}

static bool take_value(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    uint8_t *at = x->data + o->at;
    struct mark_mask mark;
    struct net_mask net;
    union weir_addr addr;

    switch ((enum opt_kind)o->kind) {
    case OPT_FLAG:
    case OPT_OTHER: return true;
    case OPT_U8:
    case OPT_U16:
    case OPT_U32:
    case OPT_U64: return take_number(r, x, o, text);
    case OPT_U8_RANGE:
    case OPT_U16_RANGE:
    case OPT_U32_RANGE:
    case OPT_U64_RANGE: return take_range(r, x, o, text);
    case OPT_PORT_RANGE: return take_ports(r, x, o, text);
    case OPT_MARK:
        if (!read_mark(text, &mark))
            return bad_mark(r, x, o, text);
        memcpy(at, &mark, sizeof(mark));
        return true;
    case OPT_NET:
        if (!read_net(r->family, text, &net))
            return rule_fail(r, "host/network `%s' not found", text);
        memcpy(at, &net, sizeof(net));
        return true;
    case OPT_ADDR:
        if (!read_addr(r->family, text, &addr))
            return rule_fail(r, "host/network `%s' not found", text);
        memcpy(at, &addr, sizeof(addr));
        return true;
    }
    return true;
}

/* The first pair in the table's order that excludes each other. False: rule_fail() was called. */
static bool no_conflict(struct rule_parse *r, const struct ext *x)
{
    for (const struct opt *a = x->type->opts; a && a->name; a++)
        for (const struct opt *b = a + 1; ext_seen(x, a->id) && b->name; b++)
            if (ext_seen(x, b->id) && (a->against | b->against) &&
                (a->against & OPT_BIT(b->id) || b->against & OPT_BIT(a->id)))
                return rule_fail(r, "%s: option \"--%s\" cannot be used together with \"--%s\".",
                                 x->type->name, full_name(x->type, a->id),
                                 full_name(x->type, b->id));
    return true;
}

bool opt_take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text,
              bool inverted)
{
    if (ext_seen(x, o->id) && !(o->flags & OPT_AGAIN))
        return rule_fail(r, "%s: option \"--%s\" can only be used once.", x->type->name,
                         full_name(x->type, o->id));
    if (inverted && !(o->flags & OPT_NOT))
        return rule_fail(r, "%s: option \"--%s\" cannot be inverted.", x->type->name, o->name);
    if (opt_has_argument(o) && !text)
        return rule_fail(r, "option \"--%s\" requires an argument", o->name);
    x->seen |= OPT_BIT(o->id);
    if (inverted)
        x->negated |= OPT_BIT(o->id);
    text = text ? text : "";
    return take_value(r, x, o, text) && (!x->type->take || x->type->take(r, x, o, text));
}

bool opt_finish(struct rule_parse *r, struct ext *x)
{
    const struct ext_type *type = x->type;

    for (const struct opt *o = type->opts; o && o->name; o++) {
        if (o->flags & OPT_MUST && !ext_seen(x, o->id))
            return rule_fail(r, "%s: option \"--%s\" must be specified", type->name, o->name);
    }
    if (!no_conflict(r, x))
        return false;
    for (const struct opt *o = type->opts; o && o->name; o++) {
        if (ext_seen(x, o->id) && (x->seen & o->with) != o->with)
            return rule_fail(r, "%s: option \"--%s\" also requires \"--%s\".", type->name, o->name,
                             of_id(type, (unsigned)__builtin_ctz(o->with & ~x->seen))->name);
    }
    return !type->check || type->check(r, x);
}

/* --- printing --- */

void ext_print_option(struct text *out, const struct ext *x, unsigned id)
{
    text_add(out, ext_negated(x, id) ? " ! --" : " --");
    text_add(out, of_id(x->type, id)->name);
}

static void print_number(struct text *out, const struct opt *o, uint64_t n)
{
    if (o->flags & OPT_HEX)
        text_addf(out, "0x%llx", (unsigned long long)n);
    else
        text_number(out, n);
}

static void print_value(struct text *out, const struct ext *x, const struct opt *o)
{
    const uint8_t *at = x->data + o->at;
    size_t bytes = width(o);
    struct mark_mask mark;
    struct net_mask net;
    union weir_addr addr;

    text_char(out, ' ');
    switch ((enum opt_kind)o->kind) {
    case OPT_MARK:
        memcpy(&mark, at, sizeof(mark));
        print_mark(out, &mark);
        return;
    case OPT_NET:
        memcpy(&net, at, sizeof(net));
        text_addr(out, x->family, &net.addr);
        print_mask(out, x->family, &net.mask, true);
        return;
    case OPT_ADDR:
        memcpy(&addr, at, sizeof(addr));
        text_addr(out, x->family, &addr);
        return;
    case OPT_U8_RANGE:
    case OPT_U16_RANGE:
    case OPT_U32_RANGE:
    case OPT_U64_RANGE:
    case OPT_PORT_RANGE:
        print_number(out, o, load(at, bytes));
        if (load(at, bytes) != load(at + bytes, bytes)) {
            text_char(out, ':');
            print_number(out, o, load(at + bytes, bytes));
        }
        return;
    case OPT_U8:
    case OPT_U16:
    case OPT_U32:
    case OPT_U64: print_number(out, o, load(at, bytes)); return;
    case OPT_FLAG:
    case OPT_OTHER: return;
    }
}

static bool hidden(const struct ext *x, const struct opt *o)
{
    const uint8_t *at = x->data + o->at;
    struct bounds b = bounds_of(o);

    return o->flags & OPT_HIDE_FULL && is_range(o) && load(at, width(o)) == b.min &&
           load(at + width(o), width(o)) == b.max;
}

void ext_print_options(struct text *out, const struct ext *x)
{
    uint32_t printed = 0;

    for (const struct opt *o = x->type->opts; o && o->name; o++) {
        if (!ext_seen(x, o->id) || printed & OPT_BIT(o->id) || hidden(x, o))
            continue;
        printed |= OPT_BIT(o->id);
        ext_print_option(out, x, o->id);
        if (o->kind == OPT_OTHER) {
            if (x->type->show)
                x->type->show(out, x, o);
        } else if (o->kind != OPT_FLAG) {
            print_value(out, x, o);
        }
    }
}
