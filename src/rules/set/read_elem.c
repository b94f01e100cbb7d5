/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Elements as text, "192.0.2.0/24,udp:53 timeout 60": the parts of the set's type with commas
 * between them, and what is said about the element. Ranges of IPv4 addresses and of ports stand for
 * many elements.
 */
#include "packet/headers.h"
#include "rules/ext.h"
#include "rules/set/icmp_names.h"
#include "rules/set/read.h"

static bool has_part(const struct set_type *type, enum set_part part)
{
    for (unsigned i = 0; i < type->parts; i++)
        if (type->part[i] == part)
            return true;
    return false;
}

/* The '-' between two ends, NULL: the text is no range. */
static char *find_range(char *text)
{
    char *dash = set_find_char(text, '-');

    return dash && dash > text && dash[1] ? dash : NULL;
}

/* --- addresses --- */

/* "ADDR-ADDR" of IPv4. */
static bool read_span(struct set_reader *r, const struct set_word *about, char *text, char *dash,
                      struct set_span *span, unsigned addr)
{
    union weir_addr first, last;

    *dash = '\0';
    if (!set_read_addr(r, about, 4, text, &first) || !set_read_addr(r, about, 4, dash + 1, &last))
        return false;

    uint32_t low = min_u32(BE32(first.v4), BE32(last.v4));
    uint32_t high = max_u32(BE32(first.v4), BE32(last.v4));

    if (low == 0 && high == UINT32_MAX)
        return set_fail(r, about, "Invalid range, covers the whole address space");
    span->first.addr[addr].v4 = BE32(low);
    span->last_addr[addr] = high;
    span->many[addr] = true;
    return true;
}

static bool read_prefix(struct set_reader *r, const struct set_word *about,
                        const struct set_head *head, char *text, bool net, struct set_span *span,
                        unsigned addr)
{
    uint8_t full = set_full_prefix(head->family);
    union weir_addr *a = &span->first.addr[addr];
    char *slash = strchr(text, '/');
    uint64_t len = full;

    if (slash) {
        if (!set_read_number(r, about, slash + 1, 0, full, &len))
            return false;
        if (len == 0 && !(net && head->type->traits & SET_ANY_NET))
            return set_fail(r, about,
                            "The value of the CIDR parameter of the IP address is invalid");
        *slash = '\0';
    }
    if (!set_read_addr(r, about, head->family, text, a))
        return false;
    if (net) {
        span->first.prefix[addr] = (uint8_t)len;
        set_cut(head->family, a, (unsigned)len);
        return true;
    }
    if (len < full) { /* all addresses of the network */
        set_cut(head->family, a, (unsigned)len);
        span->last_addr[addr] = BE32(a->v4) | (uint32_t)(UINT32_MAX >> len);
        span->many[addr] = true;
    }
    return true;
}

static bool read_addrs(struct set_reader *r, const struct set_word *about,
                       const struct set_head *head, char *text, bool net, struct set_span *span,
                       unsigned addr)
{
    char *dash = find_range(text);
    char *slash = strchr(text, '/');
    bool plain = !net && (head->family == 6 || addr > 0 || head->type->traits & SET_ONE_IP);
    uint64_t len;

    span->first.prefix[addr] = set_full_prefix(head->family);
    if (plain && (dash || (slash && !(read_u64(slash + 1, 0, 128, &len) &&
                                      len == span->first.prefix[addr]))))
        return set_fail(r, about, "Syntax error: plain IP address must be supplied: %s", text);
    if (dash && !slash && head->family == 6)
        return set_fail(r, about, "Syntax error: IP address or IP/cidr must be specified: %s",
                        text);
    if (dash && !slash)
        return read_span(r, about, text, dash, span, addr);
    return read_prefix(r, about, head, text, net, span, addr);
}

/* --- ports --- */

static bool bad_port(struct set_reader *r, const struct set_word *about, const char *text,
                     uint8_t proto)
{
    const char *name = proto_name(proto);
    const char *end;
    uint64_t n;

    if (text_digit(*text) && (!text_read_number(text, &end, &n) || !*end))
        return set_fail(r, about, "Syntax error: '%s' is out of range 0-65535", text);
    return set_fail(r, about, "Syntax error: cannot parse '%s' as a %s port", text,
                    name ? name : "protocol's");
}

static bool read_one_port(struct set_reader *r, const struct set_word *about, char *text,
                          uint8_t proto, uint16_t *port)
{
    size_t len = strlen(text);
    uint64_t n;

    if (*text == '[' && len > 1 && text[len - 1] == ']') {
        text[len - 1] = '\0';
        text++;
    }
    if (read_u64(text, 0, UINT16_MAX, &n)) {
        *port = (uint16_t)n;
        return true;
    }
    if (*text && !text_digit(*text) && r->names->service &&
        r->names->service(r->names->ctx, text, proto, port))
        return true;
    return bad_port(r, about, text, proto);
}

static bool read_ports(struct set_reader *r, const struct set_word *about, char *text,
                       struct set_span *span)
{
    struct set_elem *e = &span->first;
    char *dash = find_range(text);

    if (dash)
        *dash = '\0';
    if (!read_one_port(r, about, text, e->proto, &e->port))
        return false;
    span->last_port = e->port;
    if (!dash)
        return true;
    if (!read_one_port(r, about, dash + 1, e->proto, &span->last_port))
        return false;
    span->many_ports = true;
    if (span->last_port < e->port) {
        uint16_t low = span->last_port;

        span->last_port = e->port;
        e->port = low;
    }
    return true;
}

/* "TYPE/CODE", or a name. */
static bool read_icmp(struct set_reader *r, const struct set_word *about, uint8_t family,
                      char *text, struct set_span *span)
{
    char *slash = strchr(text, '/');
    uint64_t type, code;

    if (slash) {
        *slash = '\0';
        if (!set_read_number(r, about, text, 0, UINT8_MAX, &type) ||
            !set_read_number(r, about, slash + 1, 0, UINT8_MAX, &code))
            return false;
        span->first.port = (uint16_t)(type << 8 | code);
    } else if (!set_icmp_find(family, text, &span->first.port)) {
        return set_fail(r, about, "Cannot parse %s as an %s type/code.", text,
                        family == 6 ? "ICMPv6" : "ICMP");
    }
    span->last_port = span->first.port;
    return true;
}

/* All other protocols have no ports, which is written as 0. */
static bool read_no_port(struct set_reader *r, const struct set_word *about, const char *proto,
                         const char *text)
{
    uint64_t n;

    if (read_u64(text, 0, 0, &n))
        return true;
    return set_fail(r, about,
                    "Syntax error: Protocol %s can be used with pseudo port value 0 only.", proto);
}

static bool read_proto_port(struct set_reader *r, const struct set_word *about,
                            const struct set_head *head, char *text, struct set_span *span)
{
    struct set_elem *e = &span->first;
    char *colon = set_find_char(text, ':');
    const char *proto = "tcp";
    char *port = text;

    if (colon) {
        *colon = '\0';
        proto = text;
        port = colon + 1;
    }
    if (!read_proto(proto, &e->proto))
        return set_fail(r, about, "Syntax error: cannot parse '%s' as a protocol", proto);
    if (e->proto == 0)
        return set_fail(r, about, "Invalid protocol specified");
    if (head->type->parts == 1 && e->proto != PROTO_TCP && e->proto != PROTO_UDP)
        return set_fail(r, about, "Syntax error: Only protocols TCP and UDP are valid");
    switch (e->proto) {
    case PROTO_TCP:
    case PROTO_UDP:
    case PROTO_UDPLITE:
    case PROTO_SCTP: return read_ports(r, about, port, span);
    case PROTO_ICMP:
        return head->family == 4
                   ? read_icmp(r, about, 4, port, span)
                   : set_fail(r, about,
                              "Syntax error: Protocol ICMP can be used with family inet only");
    case PROTO_ICMPV6:
        return head->family == 6
                   ? read_icmp(r, about, 6, port, span)
                   : set_fail(r, about,
                              "Syntax error: Protocol ICMPv6 can be used with family inet6 only");
    default: return read_no_port(r, about, proto, port);
    }
}

/* --- the other parts --- */

static bool read_mac(struct set_reader *r, const struct set_word *about, const char *text,
                     struct set_elem *e)
{
    const char *at = text;

    for (unsigned i = 0; i < SET_MAC_SIZE; i++) {
        int byte = 0, digits = 0;

        for (; text_hex_digit(*at) >= 0 && digits < 3; at++, digits++)
            byte = byte << 4 | text_hex_digit(*at);
        if (digits < 1 || digits > 2 || *at != (i + 1 < SET_MAC_SIZE ? ':' : '\0'))
            return set_fail(r, about, "Syntax error: cannot parse '%s' as ethernet address", text);
        e->mac[i] = (uint8_t)byte;
        at += *at != '\0';
    }
    e->flags |= ELEM_HAS_MAC;
    return true;
}

static bool read_iface(struct set_reader *r, const struct set_word *about, const char *text,
                       struct set_elem *e)
{
    static const char physdev[] = "physdev:";

    if (strncmp(text, physdev, strlen(physdev)) == 0) {
        e->flags |= ELEM_PHYSDEV;
        text += strlen(physdev);
    }
    if (strlen(text) >= SET_IFACE_SIZE)
        return set_fail(r, about, "Syntax error: interface name '%s' is longer than 15 characters",
                        text);
    memcpy(e->iface, text, strlen(text));
    return true;
}

static bool read_mark_part(struct set_reader *r, const struct set_word *about, const char *text,
                           struct set_elem *e)
{
    uint64_t n;

    if (!set_read_number(r, about, text, 0, UINT32_MAX, &n))
        return false;
    e->mark = (uint32_t)n;
    return true;
}

static bool read_slot(struct set_reader *r, const struct set_word *about, const char *name,
                      uint16_t *slot)
{
    *slot = sets_find(r->draft, name);
    if (*slot == SET_NO_SLOT)
        return set_fail(r, about, "Set to be added/deleted/tested as element does not exist.");
    if (r->draft->slots[*slot].set->head.type->ops == &set_list_ops)
        return set_fail(r, about, "Sets with list:set type cannot be added to the set.");
    return true;
}

static bool read_elem_part(struct set_reader *r, const struct set_head *head,
                           const struct set_word *about, char *text, unsigned i,
                           struct set_span *span)
{
    enum set_part part = (enum set_part)head->type->part[i];

    switch (part) {
    case SET_IP:
    case SET_NET:
        /* The second address of a type is always its last part. */
        return read_addrs(r, about, head, text, part == SET_NET, span, i > 0);
    case SET_PORT: return read_proto_port(r, about, head, text, span);
    case SET_MAC: return read_mac(r, about, text, &span->first);
    case SET_MARK: return read_mark_part(r, about, text, &span->first);
    case SET_IFACE: return read_iface(r, about, text, &span->first);
    case SET_MEMBER: return read_slot(r, about, text, &span->first.member);
    case SET_NO_PART: break;
    }
    return false;
}

/* Cut the text at its commas: as many parts as the type has. */
static bool cut_parts(struct set_reader *r, const struct set_head *head,
                      const struct set_word *word, char *text, char **parts)
{
    static const char *const ordinals[] = {"First", "Second", "Third"};
    const struct set_type *type = head->type;
    unsigned n = 0;

    for (char *at = text; at; n++) {
        if (n == type->parts && n == 1)
            return set_fail(r, word,
                            "Syntax error: Elem separator in %s, but settype %s supports none.",
                            word->text, type->name);
        if (n == type->parts)
            return set_fail(
                r, word, "Syntax error: %s elem separators in %s, but settype %s supports %s.",
                n == 2 ? "Two" : "Three", word->text, type->name, n == 2 ? "one" : "two");
        char *comma = set_find_char(at, ',');

        if (comma)
            *comma = '\0';
        parts[n] = at;
        at = comma ? comma + 1 : NULL;
    }
    /* The MAC address may be unknown yet. */
    if (type->ops == &set_bitmap_ops && n == 1 && type->parts == 2)
        parts[n++] = NULL;
    for (unsigned i = 0; i < type->parts && i < SET_PARTS_MAX; i++)
        if (i >= n || (parts[i] && !*parts[i]))
            return set_fail(r, word, "Syntax error: %s element is missing from %s.", ordinals[i],
                            word->text);
    return true;
}

bool set_read_elem(struct set_reader *r, const struct set_head *head, const struct set_word *word,
                   struct set_span *span)
{
    char text[SET_ELEM_MAX + 1], *parts[SET_PARTS_MAX] = {NULL};

    memset(span, 0, sizeof(*span));
    span->first.prefix[0] = span->first.prefix[1] = set_full_prefix(head->family);
    if (!set_copy_word(r, word, text) || !cut_parts(r, head, word, text, parts))
        return false;
    for (unsigned i = 0; i < head->type->parts; i++)
        if (parts[i] && !read_elem_part(r, head, word, parts[i], i, span))
            return false;
    return true;
}

/* --- what is said about it --- */

enum said {
    TIMEOUT,
    PACKETS,
    BYTES,
    COMMENT,
    SKBMARK,
    SKBPRIO,
    SKBQUEUE,
    NOMATCH,
    WILDCARD,
    BEFORE,
    AFTER,
};

static const struct option {
    const char *name;
    uint8_t id;
    bool argument;
} options[] = {
    {"timeout", TIMEOUT, true},   {"packets", PACKETS, true},  {"bytes", BYTES, true},
    {"comment", COMMENT, true},   {"skbmark", SKBMARK, true},  {"skbprio", SKBPRIO, true},
    {"skbqueue", SKBQUEUE, true}, {"nomatch", NOMATCH, false}, {"wildcard", WILDCARD, false},
    {"before", BEFORE, true},     {"after", AFTER, true},
};

static const struct option *find_option(const struct set_type *type, const char *name)
{
    name += strncmp(name, "--", 2) == 0 ? 2 : 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];

        if (strcmp(o->name, name) != 0)
            continue;
        if ((o->id == NOMATCH && !(type->traits & SET_NOMATCH)) ||
            (o->id == WILDCARD && !(type->traits & SET_WILDCARD)) ||
            ((o->id == BEFORE || o->id == AFTER) && !has_part(type, SET_MEMBER)))
            return NULL;
        return o;
    }
    return NULL;
}

/* Hexadecimal digits, with 0x before them; what is above 32 bits is cut to the highest mark. */
static bool read_hex(const char **text, bool prefix, uint32_t *n)
{
    const char *at = *text;
    bool has_prefix = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
    uint64_t value = 0;

    if (prefix && !has_prefix)
        return false;
    at += has_prefix ? 2 : 0;
    if (text_hex_digit(*at) < 0)
        return false;
    for (; text_hex_digit(*at) >= 0; at++)
        if (value <= UINT32_MAX)
            value = value << 4 | (unsigned)text_hex_digit(*at);
    *n = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    *text = at;
    return true;
}

static bool read_skbmark(struct set_reader *r, const struct set_word *word, struct set_info *info)
{
    const char *at = word->text;

    info->mark_mask = UINT32_MAX;
    if (!read_hex(&at, true, &info->mark) ||
        (*at == '/' && (at++, !read_hex(&at, true, &info->mark_mask))) || *at) {
        set_fail(
            r, word,
            "Syntax error: Invalid skbmark format, it should be: MARK/MASK or MARK (see manpage)");
        set_hint(r, "write it as 0x1f or 0x1f/0xff");
        return false;
    }
    return true;
}

static bool read_skbprio(struct set_reader *r, const struct set_word *word, struct set_info *info)
{
    const char *at = word->text;
    uint32_t major, minor;

    if (!read_hex(&at, false, &major) || *at++ != ':' || !read_hex(&at, false, &minor) || *at)
        return set_fail(
            r, word,
            "Syntax error: Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)");
    info->priority = (major & UINT16_MAX) << 16 | (minor & UINT16_MAX);
    return true;
}

static bool read_comment(struct set_reader *r, const struct set_word *word, struct set_given *given)
{
    given->comment = word->text;
    given->comment_len = strlen(word->text);
    given->flags |= GIVEN_COMMENT;
    return given->comment_len <= SET_COMMENT_MAX ||
           set_fail(r, word,
                    "Syntax error: Comment is longer than the maximum allowed %d characters",
                    SET_COMMENT_MAX);
}

static bool read_neighbour(struct set_reader *r, const struct set_word *word, enum said which,
                           struct set_elem *e)
{
    e->near = sets_find(r->draft, word->text);
    e->flags |= which == BEFORE ? ELEM_BEFORE : ELEM_AFTER;
    return e->near != SET_NO_SLOT ||
           set_fail(r, word, "Set to be added/deleted/tested as element does not exist.");
}

/* Was the set made for what is said? */
static bool supports(struct set_reader *r, const struct set_head *head, const struct set_word *word,
                     enum said what)
{
    switch (what) {
    case TIMEOUT:
        return head->timeouts || set_fail(r, word,
                                          "Timeout cannot be used: set was created "
                                          "without timeout support");
    case PACKETS:
    case BYTES:
        return head->counters || set_fail(r, word,
                                          "Packet/byte counters cannot be used: set was "
                                          "created without counter support");
    case COMMENT:
        return head->comments || set_fail(r, word,
                                          "Comment cannot be used: set was created "
                                          "without comment support");
    case SKBMARK:
    case SKBPRIO:
    case SKBQUEUE:
        return head->infos || set_fail(r, word,
                                       "Skbinfo mapping cannot be used: set was created "
                                       "without skbinfo support");
    case NOMATCH:
    case WILDCARD:
    case BEFORE:
    case AFTER: break;
    }
    return true;
}

static bool take(struct set_reader *r, const struct set_word *word, enum said what,
                 struct set_elem *e, struct set_given *given)
{
    uint64_t n = 0;

    switch (what) {
    case TIMEOUT:
        given->flags |= GIVEN_TIMEOUT;
        if (!set_read_number(r, word, word->text, 0, SET_TIMEOUT_MAX, &n))
            return false;
        given->timeout = (uint32_t)n;
        return true;
    case PACKETS:
        given->flags |= GIVEN_PACKETS;
        return set_read_number(r, word, word->text, 0, UINT64_MAX - 1, &given->packets);
    case BYTES:
        given->flags |= GIVEN_BYTES;
        return set_read_number(r, word, word->text, 0, UINT64_MAX - 1, &given->bytes);
    case COMMENT: return read_comment(r, word, given);
    case SKBMARK: return read_skbmark(r, word, &given->info);
    case SKBPRIO: return read_skbprio(r, word, &given->info);
    case SKBQUEUE:
        if (!set_read_number(r, word, word->text, 0, UINT16_MAX, &n))
            return false;
        given->info.queue = (uint16_t)n;
        return true;
    case NOMATCH: e->flags |= ELEM_NOMATCH; return true;
    case WILDCARD: e->flags |= ELEM_WILDCARD; return true;
    case BEFORE:
    case AFTER: return read_neighbour(r, word, what, e);
    }
    return false;
}

/* Only options whose bit is in `allowed`. */
static bool read_options(struct set_reader *r, const struct set_head *head, uint32_t allowed,
                         struct set_elem *e, struct set_given *given)
{
    struct set_word *word;
    uint32_t seen = 0;

    while ((word = set_next_word(r)) != NULL) {
        const struct option *o = find_option(head->type, word->text);

        if (!o || !(allowed >> o->id & 1))
            return set_unknown(r, word);
        if (!supports(r, head, word, (enum said)o->id))
            return false;
        if (o->argument && !set_once(r, word, &seen, 1u << o->id))
            return false;
        /* A member has one place. */
        if (o->id == BEFORE || o->id == AFTER)
            seen |= 1u << BEFORE | 1u << AFTER;
        if (o->argument && !(word = set_argument(r, word)))
            return false;
        if (!take(r, word, (enum said)o->id, e, given))
            return false;
    }
    return true;
}

bool set_read_given(struct set_reader *r, const struct set_head *head, struct set_elem *e,
                    struct set_given *given)
{
    memset(given, 0, sizeof(*given));
    return read_options(r, head, UINT32_MAX, e, given);
}

bool set_read_place(struct set_reader *r, const struct set_head *head, struct set_elem *e)
{
    struct set_given none = {0};

    return read_options(r, head, 1u << BEFORE | 1u << AFTER, e, &none);
}
