/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m hbh and -m dst: the IPv6 headers of options, hop by hop and for the destination (RFC
 * 8200, 4.2, 4.3 and 4.6; iptables reference, 3.5).
 */
#include "packet/ext6.h"
#include "rules/match/header.h"

enum { H_LEN = 0, H_OPTS };

enum { OPTS_AT = 2, OPTS_MAX = 16, PAD1 = 0, ANY_LENGTH = 255 };

struct hbh {
    uint32_t len;
    uint8_t count;
    struct {
        uint8_t type, len; /* of the data; ANY_LENGTH: any */
    } opts[OPTS_MAX];
};

static const struct opt hbh_opts[] = {
    {"hbh-len", H_LEN, OPT_U32, OPT_NOT, offsetof(struct hbh, len)},
    {"hbh-opts", H_OPTS, OPT_OTHER},
    {0},
};

static const struct opt dst_opts[] = {
    {"dst-len", H_LEN, OPT_U32, OPT_NOT, offsetof(struct hbh, len)},
    {"dst-opts", H_OPTS, OPT_OTHER},
    {0},
};

static bool take_number(struct rule_parse *r, const struct ext *x, const char *what,
                        const char *text, uint8_t *n)
{
    const char *name = x->type->name, *end;
    uint64_t number;

    if (!text_read_number(text, &end, &number))
        return rule_fail(r, "%s: no valid digits in %s `%s'", name, what, text);
    if (*end)
        return rule_fail(r, "%s: error parsing %s `%s'", name, what, text);
    if (number > UINT8_MAX)
        return rule_fail(r, "%s: %s `%s' is more than %d", name, what, text, UINT8_MAX);
    *n = (uint8_t)number;
    return true;
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct hbh *h = ext_data(x);
    char part[80];

    while (o->id == H_OPTS && text) {
        const char *from = text;

        if (h->count == OPTS_MAX)
            return rule_fail(r, "too many addresses specified");
        if (!read_part(&text, ',', part, sizeof(part)))
            return rule_fail(r, "%s: error parsing opt `%s'", x->type->name, from);
        uint8_t *type = &h->opts[h->count].type, *len = &h->opts[h->count].len;
        char *colon = strchr(part, ':');

        *len = ANY_LENGTH;
        if (colon)
            *colon++ = '\0';
        if (!take_number(r, x, "opt", part, type) ||
            (colon && !take_number(r, x, "length", colon, len)))
            return false;
        if (*type == PAD1 && colon)
            return rule_fail(r, "PAD0 has not got length");
        h->count++;
    }
    return true;
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    const struct hbh *h = ext_conf(x);

    (void)o;
    for (unsigned i = 0; i < h->count; i++) {
        text_addf(out, i ? ",%u" : " %u", h->opts[i].type);
        if (h->opts[i].len != ANY_LENGTH)
            text_addf(out, ":%u", h->opts[i].len);
    }
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct hbh *h = ext_conf(x);

    (void)how;
    text_addf(out, " %s", x->type->name);
    if (ext_seen(x, H_LEN))
        text_addf(out, " length:%s%u", ext_negated(x, H_LEN) ? "!" : "", h->len);
    if (ext_seen(x, H_OPTS)) {
        text_add(out, " opts");
        show(out, x, NULL);
    }
}

/* Do the options begin with those of the rule? Padding counts as options. */
static bool opts_fit(const struct hbh *h, const uint8_t *opts, uint32_t len)
{
    uint32_t at = 0;

    for (unsigned i = 0; i < h->count; i++) {
        if (at >= len || opts[at] != h->opts[i].type)
            return false;
        if (opts[at] == PAD1) {
            at++;
            continue;
        }
        if (at + 1 >= len || (h->opts[i].len != ANY_LENGTH && h->opts[i].len != opts[at + 1]))
            return false;
        at += 2u + opts[at + 1];
    }
    return true;
}

static bool fits(struct eval *e, const struct ext *x, uint8_t header)
{
    const struct hbh *h = ext_conf(x);
    uint32_t size;
    const uint8_t *p = header_ext6(e, header, EXT6_MIN, &size);

    if (!p)
        return false;
    if (ext_seen(x, H_LEN) && (size == h->len) == ext_negated(x, H_LEN))
        return false;
    return !ext_seen(x, H_OPTS) || opts_fit(h, p + OPTS_AT, size - OPTS_AT);
}

static bool hbh_match(struct eval *e, const struct ext *x)
{
    return fits(e, x, PROTO_HOPOPTS);
}

static bool dst_match(struct eval *e, const struct ext *x)
{
    return fits(e, x, PROTO_DSTOPTS);
}

const struct ext_type match_hbh = {
    .name = "hbh",
    .families = EXT_IPV6,
    .size = sizeof(struct hbh),
    .opts = hbh_opts,
    .take = take,
    .show = show,
    .list = list,
    .match = hbh_match,
};

const struct ext_type match_dst = {
    .name = "dst",
    .families = EXT_IPV6,
    .size = sizeof(struct hbh),
    .opts = dst_opts,
    .take = take,
    .show = show,
    .list = list,
    .match = dst_match,
};
