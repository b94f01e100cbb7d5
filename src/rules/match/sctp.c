/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m sctp: ports, and which chunks there are with which flags (RFC 9260, 3.2; iptables reference,
 * 3.1).
 */
#include "rules/match/ports.h"

enum { S_CHUNKS = PORT_IDS };

enum { CHUNK_I_DATA = 64 };

enum { CHUNK_TYPE = 0, CHUNK_FLAGS = 1, CHUNK_LENGTH = 2, CHUNK_SIZE = 4 };

enum amount { ANY = 0, ALL, ONLY };

static const char *const amount_names[] = {[ANY] = "any", [ALL] = "all", [ONLY] = "only"};

/* Letters of flags from the highest bit to the lowest; '-': has no name. */
static const struct chunk {
    const char *name;
    uint8_t type;
    const char *letters;
} chunks[] = {
    {"DATA", 0, "----IUBE"},
    {"INIT", 1, ""},
    {"INIT_ACK", 2, ""},
    {"SACK", 3, ""},
    {"HEARTBEAT", 4, ""},
    {"HEARTBEAT_ACK", 5, ""},
    {"ABORT", 6, "-------T"},
    {"SHUTDOWN", 7, ""},
    {"SHUTDOWN_ACK", 8, ""},
    {"ERROR", 9, ""},
    {"COOKIE_ECHO", 10, ""},
    {"COOKIE_ACK", 11, ""},
    {"ECN_ECNE", 12, ""},
    {"ECN_CWR", 13, ""},
    {"SHUTDOWN_COMPLETE", 14, "-------T"},
    {"I_DATA", CHUNK_I_DATA, "----IUBE"},
    {"ASCONF_ACK", 128, ""},
    {"RE_CONFIG", 130, ""},
    {"PAD", 132, ""},
    {"FORWARD_TSN", 192, ""},
    {"ASCONF", 193, ""},
    {"I_FORWARD_TSN", 194, ""},
};

enum { CHUNKS = WEIR_ARRAY_LEN(chunks), FLAG_BITS = 8 };

struct chunk_map {
    uint64_t bits[4];
};

struct sctp {
    struct ports ports;
    bool all; /* every type is listed */
    uint8_t amount;
    struct chunk_map map;
    uint8_t flag_mask[CHUNKS], flags[CHUNKS]; /* by place in the table */
};

static const struct opt opts[] = {
    PORT_OPTIONS(OPT_AGAIN),
    {"chunk-types", S_CHUNKS, OPT_OTHER, OPT_NOT | OPT_AGAIN},
    {0},
};

static bool in_map(const struct chunk_map *m, uint8_t type)
{
    return m->bits[type / 64] >> type % 64 & 1;
}

static void set_in_map(struct chunk_map *m, uint8_t type, bool to)
{
    uint64_t bit = UINT64_C(1) << type % 64;

    m->bits[type / 64] = to ? m->bits[type / 64] | bit : m->bits[type / 64] & ~bit;
}

static bool empty_map(const struct chunk_map *m)
{
    return !(m->bits[0] | m->bits[1] | m->bits[2] | m->bits[3]);
}

/* "Be": B must be set, E must not. */
static bool read_flags(struct rule_parse *r, struct sctp *s, size_t i, const char *letters)
{
    for (; *letters; letters++) {
        const char *known = chunks[i].letters;
        bool set = *letters >= 'A' && *letters <= 'Z';
        unsigned bit = FLAG_BITS;

        for (unsigned at = 0; known[at]; at++)
            if (text_lower(known[at]) == text_lower(*letters) && known[at] != '-')
                bit = FLAG_BITS - 1 - at;
        if (bit == FLAG_BITS)
            return rule_fail(r, "Invalid flags for chunk type %u", chunks[i].type);
        if (chunks[i].type == CHUNK_I_DATA)
            continue;
        s->flag_mask[i] |= (uint8_t)(1u << bit);
        s->flags[i] |= (uint8_t)((unsigned)set << bit);
    }
    if (chunks[i].type == CHUNK_I_DATA)
        rule_note(r, "flags of I_DATA are not compared: iptables forgets them");
    return true;
}

static bool read_chunk(struct rule_parse *r, struct sctp *s, char *text)
{
    char *flags = strchr(text, ':');

    if (flags)
        *flags++ = '\0';
    for (size_t i = 0; i < CHUNKS; i++)
        if (strcasecmp(chunks[i].name, text) == 0) {
            set_in_map(&s->map, chunks[i].type, true);
            return !flags || read_flags(r, s, i, flags);
        }
    return rule_fail(r, "Unknown sctp chunk `%s'", text);
}

static bool read_chunks(struct rule_parse *r, struct sctp *s, const char *text)
{
    char part[64];

    if (strcasecmp(text, "ALL") == 0) {
        s->all = true;
        memset(&s->map, 0xff, sizeof(s->map));
        return true;
    }
    if (strcasecmp(text, "NONE") == 0)
        return true;
    while (text) {
        const char *from = text;

        if (!read_part(&text, ',', part, sizeof(part)))
            return rule_fail(r, "Unknown sctp chunk `%s'", from);
        if (*part && !read_chunk(r, s, part))
            return false;
    }
    return true;
}

static bool take_chunks(struct rule_parse *r, struct sctp *s, const char *amount)
{
    const char *second = rule_peek(r);

    if (!second || *second == '-' || *second == '!') {
        rule_fail(r, "--chunk-types requires two args");
        rule_hint(r, "how many of the chunks, and which: --chunk-types any INIT,INIT_ACK");
        return false;
    }
    for (unsigned i = ANY; i <= ONLY; i++)
        if (strcasecmp(amount_names[i], amount) == 0) {
            s->amount = (uint8_t)i;
            return read_chunks(r, s, rule_next(r));
        }
    return rule_fail(r, "Match type has to be one of \"ALL\", \"ANY\" or \"ONLY\"");
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    if (o->id < PORT_IDS)
        return ports_take(r, x, o, text);
    return ports_once(r, x, o, "chunk-types") && take_chunks(r, ext_data(x), text);
}

static void add_flags(struct text *out, const struct sctp *s, size_t i)
{
    if (!s->flag_mask[i])
        return;
    text_char(out, ':');
    for (unsigned at = 0; chunks[i].letters[at]; at++) {
        unsigned bit = FLAG_BITS - 1 - at;
        char letter = chunks[i].letters[at];

        if (!(s->flag_mask[i] >> bit & 1))
            continue;
        if (!(s->flags[i] >> bit & 1))
            letter = text_lower(letter);
        text_char(out, letter);
    }
}

static void add_chunks(struct text *out, const struct sctp *s, bool numeric)
{
    const char *comma = "";

    text_char(out, ' ');
    text_add(out, amount_names[s->amount]);
    text_char(out, ' ');
    if (s->all || empty_map(&s->map)) {
        text_add(out, s->all ? "ALL" : "NONE");
        return;
    }
    for (size_t i = 0; i < CHUNKS; i++) {
        if (!in_map(&s->map, chunks[i].type))
            continue;
        text_add(out, comma);
        comma = ",";
        if (numeric)
            text_addf(out, "0x%04X", chunks[i].type);
        else
            text_add(out, chunks[i].name);
        add_flags(out, s, i);
    }
}

static void show(struct text *out, const struct ext *x, const struct opt *o)
{
    (void)o;
    add_chunks(out, ext_conf(x), false);
}

static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    text_add(out, " sctp");
    ports_list(out, x, how);
    if (!ext_seen(x, S_CHUNKS))
        return;
    text_add(out, ext_negated(x, S_CHUNKS) ? " !" : "");
    add_chunks(out, ext_conf(x), how->flags & WEIR_RULES_NUMERIC);
}

/* Is a chunk of this type listed, with flags like these? */
static bool listed(const struct sctp *s, uint8_t type, uint8_t flags)
{
    if (!in_map(&s->map, type))
        return false;
    for (size_t i = 0; i < CHUNKS; i++)
        if (chunks[i].type == type)
            return (flags & s->flag_mask[i]) == s->flags[i];
    return true;
}

static bool has_chunks(struct eval *e, const struct sctp *s)
{
    const struct parsed *ip = &e->p->ip;
    struct chunk_map missing = s->map;
    uint32_t at = ip->l4_off + SCTP_SIZE;

    do {
        if (header_lacks(e, at + CHUNK_SIZE))
            return false;
        const uint8_t *chunk = ip->ip + at;
        uint16_t len = load_be16(chunk + CHUNK_LENGTH);
        bool fits = listed(s, chunk[CHUNK_TYPE], chunk[CHUNK_FLAGS]);

        if (!len) {
            e->drop = true;
            return false;
        }
        if (fits && s->amount == ANY)
            return true;
        if (!fits && s->amount == ONLY)
            return false;
        if (fits)
            set_in_map(&missing, chunk[CHUNK_TYPE], false);
        at += (len + 3u) & ~3u;
    } while (at < ip->l3_len);
    return s->amount == ONLY || (s->amount == ALL && empty_map(&missing));
}

static bool match(struct eval *e, const struct ext *x)
{
    const uint8_t *l4 = header_l4(e, SCTP_SIZE);

    if (!l4 || !ports_match(x, l4))
        return false;
    return !ext_seen(x, S_CHUNKS) || has_chunks(e, ext_conf(x)) != ext_negated(x, S_CHUNKS);
}

static bool want(const struct ext *x, struct want *w)
{
    ports_want(x, w);
    return !ext_seen(x, S_CHUNKS);
}

const struct ext_type match_sctp = {
    .name = "sctp",
    .families = EXT_BOTH,
    .proto = PROTO_SCTP,
    .size = sizeof(struct sctp),
    .opts = opts,
    .init = ports_init,
    .take = take,
    .show = show,
    .list = list,
    .match = match,
    .want = want,
};
