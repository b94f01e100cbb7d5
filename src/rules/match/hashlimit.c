/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m hashlimit: a limit for each address, or whatever else --hashlimit-mode makes the key (iptables
 * reference, 3.4). The tables and their arithmetic are in hashlimit_table.c.
 *
 * A rate of packets is kept as its period in microseconds. A rate of bytes is kept as iptables
 * hands it to Linux, as a share of 2^32 for each 16 bytes: that rounds it, and what is printed is
 * the rounded one.
 */
#include "rules/match/hashlimit_table.h"
#include "rules/match/header.h"
#include "rules/match/rate.h"
#include "rules/named.h"

enum {
    H_UPTO = 0,
    H_ABOVE,
    H_BURST,
    H_MODE,
    H_NAME,
    H_SIZE,
    H_MAX,
    H_SWEEP,
    H_EXPIRE,
    H_SRC_MASK,
    H_DST_MASK,
    H_MATCH,
    H_INTERVAL
};

enum {
    SCALE = 1000000, /* periods are in microseconds */
    CHUNK = 16,      /* rates of bytes are in this many */
    KILO = 1024,
    MEGA = 1024 * 1024,
    BURST_DEFAULT = 5,
    BURST_MAX = 1000000,
    INTERVAL_MAX = INT32_MAX,
    NAME_MAX_BYTES = 254,
    SIZE_DEFAULT = 8192, /* Linux's, on a machine with a gigabyte or more */
    SIZE_MAX_BUCKETS = 1048576,
    MAX_PER_SIZE = 8,
    MSEC = 1000,
    SWEEP_DEFAULT = 1 * MSEC,
    EXPIRE_BYTES = 15 * MSEC,
    EXPIRE_BYTES_BURST = 60 * MSEC
};

/* What is in a key, one bit each, in the order in which they are saved. */
enum { BY_SRC = 1, BY_SPORT = 2, BY_DST = 4, BY_DPORT = 8, BY_PORTS = BY_SPORT | BY_DPORT };

static const char *const modes[] = {"srcip", "srcport", "dstip", "dstport"};

struct hashlimit {
    uint64_t rate;  /* packets: period; bytes: share */
    uint64_t burst; /* packets; bytes: refills, 0: none. While reading: as given */
    uint32_t unit;  /* that the rate was given in, in seconds */
    uint32_t size, max;
    uint32_t sweep, expire; /* milliseconds */
    uint32_t interval;      /* seconds; 0: none was given, and there is no window */
    bool bytes, above;
    bool window; /* --hashlimit-rate-match */
    uint8_t mode;
    uint8_t src_len, dst_len; /* of prefixes */
    char name[NAME_MAX_BYTES + 1];
};

struct bound {
    struct named *named;
};

static const struct opt opts[] = {
    {"hashlimit-upto", H_UPTO, OPT_OTHER, OPT_NOT, .against = OPT_BIT(H_ABOVE)},
    {"hashlimit", H_UPTO, OPT_OTHER, OPT_NOT, .against = OPT_BIT(H_ABOVE)},
    {"hashlimit-above", H_ABOVE, OPT_OTHER, OPT_NOT, .against = OPT_BIT(H_UPTO)},
    {"hashlimit-burst", H_BURST, OPT_OTHER},
    {"hashlimit-mode", H_MODE, OPT_OTHER},
    {"hashlimit-name", H_NAME, OPT_OTHER, OPT_MUST},
    {"hashlimit-htable-size", H_SIZE, OPT_U32, .at = offsetof(struct hashlimit, size)},
    {"hashlimit-htable-max", H_MAX, OPT_U32, .at = offsetof(struct hashlimit, max)},
    {"hashlimit-htable-gcinterval", H_SWEEP, OPT_U32, .at = offsetof(struct hashlimit, sweep)},
    {"hashlimit-htable-expire", H_EXPIRE, OPT_U32, .at = offsetof(struct hashlimit, expire)},
    {"hashlimit-srcmask", H_SRC_MASK, OPT_OTHER},
    {"hashlimit-dstmask", H_DST_MASK, OPT_OTHER},
    {"hashlimit-rate-match", H_MATCH, OPT_FLAG},
    {"hashlimit-rate-interval", H_INTERVAL, OPT_OTHER},
    {0},
};

/* --- rates of bytes --- */

/* 0: too fast to be counted. */
static uint32_t share_of(uint64_t bytes)
{
    uint64_t chunks = bytes / CHUNK;
    uint32_t share = (uint32_t)(UINT32_MAX / (chunks + 1));

    return hashlimit_byte_credit(share) ? share : 0;
}

static uint64_t bytes_of(uint64_t share)
{
    return (UINT32_MAX / share - 1) * CHUNK;
}

/* The bytes that "kb" or "mb" at the start of a text stands for; 1 without one of them. */
static uint32_t multiplier(const char *text)
{
    if (text[0] && text[1] == 'b')
        return text[0] == 'k' ? KILO : text[0] == 'm' ? MEGA : 1;
    return 1;
}

/* --- reading --- */

static uint8_t addr_bits(const struct ext *x)
{
    return x->family == 6 ? 128 : 32;
}

static void init(const struct rule_parse *r, struct ext *x)
{
    struct hashlimit *h = ext_data(x);

    (void)r;
    h->burst = BURST_DEFAULT;
    h->sweep = SWEEP_DEFAULT;
    h->src_len = h->dst_len = addr_bits(x);
}

static bool bad_value(struct rule_parse *r, const struct opt *o, const char *text)
{
    const char *name = o->id == H_UPTO ? "hashlimit-upto" : o->name;

    return rule_fail(r, "hashlimit: Bad value for \"--%s\" option: \"%s\"", name, text);
}

static bool too_fast(struct rule_parse *r, const char *text)
{
    return rule_fail(r, "Rate too fast \"%s\"", text);
}

static bool take_byte_rate(struct rule_parse *r, struct hashlimit *h, const struct opt *o,
                           const char *text)
{
    const char *unit = text;
    uint64_t n = 0;

    for (; text_digit(*unit); unit++)
        if (n >> 40 == 0) /* beyond, it only becomes more too fast */
            n = n * 10 + (uint64_t)(*unit - '0');
    if (!n)
        return bad_value(r, o, text);
    if (*unit != 'b' && multiplier(unit) == 1)
        rule_note(r, "hashlimit: \"%s\" is read as %llu bytes: units are b, kb and mb", text,
                  (unsigned long long)n);
    h->bytes = true;
    h->rate = share_of(n * multiplier(unit));
    return h->rate || too_fast(r, text);
}

static bool take_rate(struct rule_parse *r, struct hashlimit *h, const struct opt *o,
                      const char *text)
{
    const char *slash = strchr(text, '/');

    if (slash && slash > text && slash[-1] == 'b' && slash[1] == 's')
        return take_byte_rate(r, h, o, text);
    switch (rate_read(text, SCALE, &h->rate, &h->unit)) {
    case RATE_TOO_FAST: return too_fast(r, text);
    case RATE_BAD:
        bad_value(r, o, text);
        rule_hint(r, "a rate is a number and a unit: 10/sec, 10/min, 512kb/s");
        return false;
    case RATE_GOOD: break;
    }
    return true;
}

static bool bad_burst(struct rule_parse *r)
{
    return rule_fail(r, "bad value for option \"--hashlimit-burst\", or out of range (1-%d).",
                     BURST_MAX);
}

/* Packets or bytes: which of them it is will be known in the end. */
static bool take_burst(struct rule_parse *r, struct hashlimit *h, const char *text)
{
    const char *unit;

    if (!text_read_number(text, &unit, &h->burst) || !h->burst || h->burst > UINT64_MAX / MEGA)
        return bad_burst(r);
    h->burst *= multiplier(unit);
    return true;
}

static bool take_mode(struct rule_parse *r, struct hashlimit *h, const struct opt *o,
                      const char *text)
{
    const char *rest = text;
    char part[sizeof("dstport") + 1];

    while (rest) {
        unsigned i = 0;

        (void)read_part(&rest, ',', part, sizeof(part));
        while (i < WEIR_ARRAY_LEN(modes) && strcmp(modes[i], part) != 0)
            i++;
        if (*part && i == WEIR_ARRAY_LEN(modes))
            return bad_value(r, o, text);
        h->mode |= *part ? (uint8_t)(1u << i) : 0;
    }
    return true;
}

/* As iptables does it, a long name is cut without a word. */
static bool take_name(struct rule_parse *r, struct hashlimit *h, const char *text)
{
    size_t len = strlen(text) < NAME_MAX_BYTES ? strlen(text) : NAME_MAX_BYTES;

    if (!*text)
        return rule_fail(r, "Argument must have a minimum length of 1 characters");
    if (strchr(text, '/') || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
        rule_fail(r, "hashlimit: \"%s\" is no name for a table", text);
        rule_hint(r, "the name of a table is also that of a file: it has no \"/\"");
        return false;
    }
    memcpy(h->name, text, len);
    h->name[len] = '\0';
    return true;
}

static union weir_addr mask_of(unsigned len)
{
    union weir_addr mask = {{0}};

    for (unsigned i = 0; i < len; i++)
        mask.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
    return mask;
}

/* The prefix that a mask is: its length, -1: it is none. */
static int prefix_of(const union weir_addr *mask, unsigned bits)
{
    for (unsigned len = 0; len <= bits; len++) {
        union weir_addr prefix = mask_of(len);

        if (memcmp(mask, &prefix, sizeof(prefix)) == 0)
            return (int)len;
    }
    return -1;
}

static bool take_mask(struct rule_parse *r, const struct ext *x, const struct opt *o,
                      const char *text, uint8_t *len)
{
    union weir_addr mask;
    uint64_t number;
    int prefix = -1;

    if (read_u64(text, 0, addr_bits(x), &number))
        prefix = (int)number;
    else if (read_addr(x->family, text, &mask))
        prefix = prefix_of(&mask, addr_bits(x));
    if (prefix < 0)
        return rule_fail(r,
                         "hashlimit: bad value for option \"--%s\", neither a valid network mask "
                         "nor valid CIDR (0-%u).",
                         o->name, addr_bits(x));
    *len = (uint8_t)prefix;
    return true;
}

static bool take_interval(struct rule_parse *r, struct hashlimit *h, const struct opt *o,
                          const char *text)
{
    uint64_t n = 0;

    for (const char *at = text; text_digit(*at) && n <= INTERVAL_MAX; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    h->interval = (uint32_t)n;
    return (n && n <= INTERVAL_MAX) || bad_value(r, o, text);
}

static bool take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text)
{
    struct hashlimit *h = ext_data(x);

    switch (o->id) {
    case H_UPTO:
    case H_ABOVE:
        h->above = (o->id == H_ABOVE) != ext_negated(x, o->id);
        return take_rate(r, h, o, text);
    case H_BURST: return take_burst(r, h, text);
    case H_MODE: return take_mode(r, h, o, text);
    case H_NAME: return take_name(r, h, text);
    case H_SRC_MASK: return take_mask(r, x, o, text, &h->src_len);
    case H_DST_MASK: return take_mask(r, x, o, text, &h->dst_len);
    case H_INTERVAL: return take_interval(r, h, o, text);
    default: return true;
    }
}

/* --- checking --- */

/* The burst of a rate of bytes: as many refills as make it. */
static bool check_byte_burst(struct rule_parse *r, struct ext *x)
{
    struct hashlimit *h = ext_data(x);
    uint64_t bytes = bytes_of(h->rate);

    if (!ext_seen(x, H_BURST)) {
        h->burst = 0;
        return true;
    }
    if (!bytes || h->burst < bytes)
        return rule_fail(r, "burst cannot be smaller than %llub",
                         (unsigned long long)(bytes ? bytes : CHUNK));
    h->burst = (h->burst - 1) / bytes + 1;
    return h->burst <= UINT32_MAX || rule_fail(r, "hashlimit: the burst is too large");
}

/* The credit of a full bucket is a product of 64 bits, which wraps around. */
static bool check_packet_burst(struct rule_parse *r, const struct hashlimit *h)
{
    if (h->burst > BURST_MAX)
        return bad_burst(r);
    if (h->window || hashlimit_credit(h->rate * h->burst) >= hashlimit_credit(h->rate))
        return true;
    rule_fail(r, "Numerical result out of range");
    rule_hint(r, "Linux cannot count a burst of %u at this rate: lower --hashlimit-burst",
              (unsigned)h->burst);
    return false;
}

/* With --hashlimit-rate-match the number of the rate is for each interval, which is the rate's unit
 * if nothing else is said. */
static bool check_interval(struct rule_parse *r, struct ext *x)
{
    struct hashlimit *h = ext_data(x);

    h->window = ext_seen(x, H_MATCH);
    if (!h->window)
        return true;
    if (h->bytes) {
        h->interval = h->interval ? h->interval : 1;
        return true;
    }
    h->interval = h->interval ? h->interval : h->unit;
    h->rate /= h->unit;
    return h->rate || rule_fail(r, "hashlimit: the rate is too fast for --hashlimit-rate-match");
}

static uint32_t default_expire(const struct hashlimit *h, uint32_t unit)
{
    if (h->bytes)
        return h->burst ? EXPIRE_BYTES_BURST : EXPIRE_BYTES;
    return unit * MSEC;
}

static bool check_table(struct rule_parse *r, struct ext *x)
{
    struct hashlimit *h = ext_data(x);

    if (!ext_seen(x, H_EXPIRE))
        h->expire = default_expire(h, h->unit);
    if (!h->expire || !h->sweep)
        return rule_fail(r, "hashlimit: --hashlimit-htable-%s must not be 0",
                         h->expire ? "gcinterval" : "expire");
    h->size = min_u32(h->size, SIZE_MAX_BUCKETS);
    h->max = min_u32(h->max, SIZE_MAX_BUCKETS);
    return true;
}

static bool check(struct rule_parse *r, struct ext *x)
{
    struct hashlimit *h = ext_data(x);

    if (!ext_seen(x, H_UPTO) && !ext_seen(x, H_ABOVE))
        return rule_fail(r, "You have to specify --hashlimit");
    return check_interval(r, x) && (h->bytes ? check_byte_burst(r, x) : check_packet_burst(r, h)) &&
           check_table(r, x);
}

/* --- writing --- */

/* The largest unit in which the rate, cut to a whole number, is still the same. */
static void add_byte_rate(struct text *out, uint64_t share)
{
    static const struct {
        const char *name;
        uint32_t bytes;
    } units[] = {{"mb/s", MEGA}, {"kb/s", KILO}};
    uint64_t bytes = bytes_of(share);

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(units) && bytes <= UINT32_MAX; i++) {
        uint64_t n = bytes / units[i].bytes;

        if (n && share_of(n * units[i].bytes) == share) {
            text_number(out, n);
            text_add(out, units[i].name);
            return;
        }
    }
    /* Less than 16 bytes come to none; iptables then prints 0, which it does not read. */
    text_number(out, bytes ? bytes : 1);
    text_add(out, "b/s");
}

static void add_byte_burst(struct text *out, uint64_t bytes)
{
    text_number(out, bytes >= MEGA ? bytes / MEGA : bytes >= KILO ? bytes / KILO : bytes);
    text_add(out, bytes >= MEGA ? "mb" : bytes >= KILO ? "kb" : "b");
}

/* Rate and burst. `period`: of packets. */
static void add_rate(struct text *out, const struct hashlimit *h, uint64_t period,
                     const char *prefix)
{
    if (h->bytes)
        add_byte_rate(out, h->rate);
    else
        rate_print(out, period, SCALE);
    if (h->bytes && !h->burst)
        return;
    text_addf(out, " %sburst ", prefix);
    if (h->bytes)
        add_byte_burst(out, bytes_of(h->rate) * h->burst);
    else
        text_number(out, h->burst);
}

static void add_modes(struct text *out, const struct hashlimit *h, const char *prefix,
                      char separator)
{
    bool first = true;

    for (unsigned i = 0; i < WEIR_ARRAY_LEN(modes); i++) {
        if (!(h->mode >> i & 1))
            continue;
        if (first)
            text_addf(out, " %smode ", prefix);
        else
            text_char(out, separator);
        text_add(out, modes[i]);
        first = false;
    }
}

static void add_number(struct text *out, const char *prefix, const char *name, uint32_t n,
                       uint32_t hidden)
{
    if (n != hidden)
        text_addf(out, " %s%s %u", prefix, name, n);
}

/* All that stands behind the name. */
static void add_table(struct text *out, const struct ext *x, uint64_t period, const char *prefix)
{
    const struct hashlimit *h = ext_conf(x);
    uint32_t unit = h->bytes ? 1 : rate_unit(period, SCALE);

    add_number(out, prefix, "htable-size", h->size, 0);
    add_number(out, prefix, "htable-max", h->max, 0);
    add_number(out, prefix, "htable-gcinterval", h->sweep, SWEEP_DEFAULT);
    add_number(out, prefix, "htable-expire", h->expire, default_expire(h, unit));
    add_number(out, prefix, "srcmask", h->src_len, addr_bits(x));
    add_number(out, prefix, "dstmask", h->dst_len, addr_bits(x));
    if (!h->window)
        return;
    text_addf(out, " %srate-match", prefix);
    add_number(out, prefix, "rate-interval", h->interval, 1);
}

static void print(struct text *out, const struct ext *x)
{
    static const char prefix[] = "--hashlimit-";
    const struct hashlimit *h = ext_conf(x);

    text_addf(out, " %s%s ", prefix, h->above ? "above" : "upto");
    add_rate(out, h, h->rate, prefix);
    add_modes(out, h, prefix, ',');
    text_addf(out, " %sname %s", prefix, h->name);
    add_table(out, x, h->rate, prefix);
}

/* Here iptables shows the rate as if it were for an interval, if one was given. */
static void list(struct text *out, const struct ext *x, const struct listing *how)
{
    const struct hashlimit *h = ext_conf(x);
    uint64_t period = h->interval ? h->rate * h->interval : h->rate;

    (void)how;
    text_addf(out, " limit: %s ", h->above ? "above" : "up to");
    add_rate(out, h, period, "");
    add_modes(out, h, "", '-');
    add_table(out, x, period, "");
}

/* --- tables --- */

/* Linux rounds up, and takes what does not fit into 31 bits for endless. */
static int64_t ticks_of(uint32_t ms)
{
    const uint32_t tick = MSEC / WEIR_TICKS_PER_SEC;

    return ms > INT32_MAX ? INT64_MAX / 4 : (ms + tick - 1) / tick;
}

static uint32_t capacity_of(const struct hashlimit *h)
{
    uint32_t size = h->size ? h->size : SIZE_DEFAULT;

    return max_u32(h->max ? h->max : MAX_PER_SIZE * size, size);
}

static void set_limits(struct hashlimit_table_config *c, const struct hashlimit *h)
{
    if (h->window) {
        c->kind = HASHLIMIT_WINDOW;
        c->rate = h->bytes ? bytes_of(h->rate) : SCALE / h->rate;
        c->burst = h->bytes ? c->rate * (h->burst ? h->burst : 1) : c->rate + h->burst;
        c->interval = (int64_t)h->interval * WEIR_TICKS_PER_SEC;
    } else if (h->bytes) {
        c->kind = HASHLIMIT_BYTES;
        c->cost = hashlimit_byte_credit((uint32_t)h->rate);
        c->full = h->burst;
    } else {
        c->kind = HASHLIMIT_PACKETS;
        c->cost = hashlimit_credit(h->rate);
        c->full = hashlimit_credit(h->rate * h->burst);
    }
}

static bool bind(struct world *w, const struct ext *x, void *state)
{
    const struct hashlimit *h = ext_conf(x);
    struct hashlimit_table_config c = {.mode = h->mode,
                                       .src_mask = mask_of(h->src_len),
                                       .dst_mask = mask_of(h->dst_len),
                                       .bytes = h->bytes,
                                       .capacity = capacity_of(h),
                                       .expire = ticks_of(h->expire),
                                       .sweep = ticks_of(h->sweep)};
    struct bound *b = state;
    bool fresh;

    set_limits(&c, h);
    b->named = named_get(w, x->type, x->family, h->name, hashlimit_table_size(&c), &fresh);
    if (b->named && fresh)
        hashlimit_table_init((void *)b->named->object, &c, w->t->tick64);
    return b->named;
}

static void unbind(struct world *w, const struct ext *x, void *state)
{
    struct bound *b = state;

    (void)x;
    named_put(w, b->named);
}

/* --- matching --- */

/* Where the ports of a protocol are in its header, or what Linux takes for them; -1: it has none.
 */
static int ports_at(const struct parsed *ip)
{
    enum { AH_SPI = 4 };

    switch (ip->proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP:
    case PROTO_DCCP:
    case PROTO_ESP: return 0;
    case PROTO_AH: return AH_SPI;
    default: return -1;
    }
}

/*
 * Both ports, zero where there are none. False: they cannot be read. Of an IPv4 fragment that is
 * not the first Linux reads them all the same, where they would be in the first.
 */
static bool read_ports(struct eval *e, uint16_t ports[2])
{
    const struct parsed *ip = &e->p->ip;
    int at = ports_at(ip);

    if (e->family == 6 && !ip->first)
        return true;
    if (ip->proto_missing) {
        e->drop = !ip->cut;
        return false;
    }
    if (at < 0)
        return true;
    if (header_lacks(e, ip->l4_off + (uint32_t)at + 4))
        return false;
    memcpy(ports, ip->ip + ip->l4_off + at, 4);
    return true;
}

static union weir_addr masked(union weir_addr addr, const union weir_addr *mask)
{
    addr.half[0] &= mask->half[0];
    addr.half[1] &= mask->half[1];
    return addr;
}

/* False: the packet has no key. */
static bool make_key(struct eval *e, const struct hashlimit_table_config *c,
                     struct hashlimit_key *key)
{
    *key = (struct hashlimit_key){.pad = 0};
    if (c->mode & BY_SRC)
        key->src = masked(eval_src(e), &c->src_mask);
    if (c->mode & BY_DST)
        key->dst = masked(eval_dst(e), &c->dst_mask);
    if (!(c->mode & BY_PORTS))
        return true;
    if (!read_ports(e, key->ports))
        return false;
    if (!(c->mode & BY_SPORT))
        key->ports[0] = 0;
    if (!(c->mode & BY_DPORT))
        key->ports[1] = 0;
    return true;
}

static bool match(struct eval *e, const struct ext *x)
{
    const struct hashlimit *h = ext_conf(x);
    const struct bound *b = eval_state(e, x);
    struct hashlimit_table *table = (void *)b->named->object;
    struct hashlimit_key key;

    if (!make_key(e, &table->config, &key))
        return false;
    switch (hashlimit_table_ask(e->t, table, &key, e->p->ip.l3_len, h->bytes)) {
    case HASHLIMIT_UNDER: return !h->above;
    case HASHLIMIT_OVER: return h->above;
    case HASHLIMIT_FULL: break;
    }
    e->drop = true;
    return false;
}

const struct ext_type match_hashlimit = {
    .name = "hashlimit",
    .families = EXT_BOTH,
    .size = sizeof(struct hashlimit),
    .state_size = sizeof(struct bound),
    .opts = opts,
    .init = init,
    .take = take,
    .check = check,
    .print = print,
    .list = list,
    .bind = bind,
    .unbind = unbind,
    .match = match,
};
