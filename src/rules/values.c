/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values in rules: numbers, addresses, ports, protocols, words, and how they are written again
 * (iptables reference, 2.4 and 2.5).
 */
#include "rules/ext.h"

#include <arpa/inet.h>

/* --- protocols --- */

/*
 * As the usual /etc/protocols has them; the names that iptables prints whatever that file says come
 * first, then what it also takes.
 */
static const struct {
    uint8_t number;
    const char *name;
} protocols[] = {
    {6, "tcp"},       {132, "sctp"},      {17, "udp"},
    {136, "udplite"}, {1, "icmp"},        {58, "ipv6-icmp"},
    {50, "esp"},      {51, "ah"},         {135, "mobility-header"},
    {2, "igmp"},      {3, "ggp"},         {4, "ipencap"},
    {5, "st"},        {8, "egp"},         {9, "igp"},
    {12, "pup"},      {20, "hmp"},        {22, "xns-idp"},
    {27, "rdp"},      {29, "iso-tp4"},    {33, "dccp"},
    {36, "xtp"},      {37, "ddp"},        {38, "idpr-cmtp"},
    {41, "ipv6"},     {43, "ipv6-route"}, {44, "ipv6-frag"},
    {45, "idrp"},     {46, "rsvp"},       {47, "gre"},
    {57, "skip"},     {59, "ipv6-nonxt"}, {60, "ipv6-opts"},
    {73, "rspf"},     {81, "vmtp"},       {88, "eigrp"},
    {89, "ospf"},     {93, "ax.25"},      {94, "ipip"},
    {97, "etherip"},  {98, "encap"},      {103, "pim"},
    {108, "ipcomp"},  {112, "vrrp"},      {115, "l2tp"},
    {124, "isis"},    {133, "fc"},        {137, "mpls-in-ip"},
    {138, "manet"},   {139, "hip"},       {140, "shim6"},
    {141, "wesp"},    {142, "rohc"},      {143, "ethernet"},
    {58, "icmpv6"},   {135, "ipv6-mh"},   {135, "mh"},
    {0, "hopopt"},    {0, "ip"},          {0, "all"},
};

const char *proto_name(uint8_t proto)
{
    for (size_t i = 0; proto && i < WEIR_ARRAY_LEN(protocols); i++)
        if (protocols[i].number == proto)
            return protocols[i].name;
    return NULL;
}

bool read_proto(const char *text, uint8_t *proto)
{
    uint64_t n;

    if (read_u64(text, 0, UINT8_MAX, &n)) {
        *proto = (uint8_t)n;
        return true;
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(protocols); i++)
        if (strcasecmp(protocols[i].name, text) == 0) {
            *proto = protocols[i].number;
            return true;
        }
    return false;
}

void print_proto(struct text *out, uint8_t proto)
{
    const char *name = proto_name(proto);

    if (name)
        text_add(out, name);
    else
        text_number(out, proto);
}

/* --- addresses --- */

/*
 * The classic forms: one to four numbers, the last of which fills the rest. `parts` says how many
 * there were.
 */
static bool read_classic(const char *text, uint32_t *addr, unsigned *parts)
{
    uint64_t part[4], n = 0;
    unsigned count = 0;
    const char *at = text;

    for (;;) {
        if (count == 4 || !text_read_number(at, &at, &part[count]))
            return false;
        count++;
        if (!*at)
            break;
        if (*at++ != '.')
            return false;
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t max = i + 1 < count ? UINT8_MAX : UINT32_MAX >> (8 * (count - 1));

        if (part[i] > max)
            return false;
        n |= i + 1 < count ? part[i] << (24 - 8 * i) : part[i];
    }
    *addr = BE32((uint32_t)n);
    *parts = count;
    return true;
}

/* A network's address may leave its last parts out: "10", "10.1". */
static bool read_short_net(const char *text, uint32_t *addr)
{
    uint64_t n = 0, part;
    unsigned count = 0;

    for (const char *at = text;; at++) {
        if (count == 4 || !text_read_number(at, &at, &part) || part > UINT8_MAX)
            return false;
        n |= part << (24 - 8 * count++);
        if (!*at)
            break;
        if (*at != '.')
            return false;
    }
    *addr = BE32((uint32_t)n);
    return true;
}

bool read_addr(uint8_t family, const char *text, union weir_addr *addr)
{
    unsigned parts;

    memset(addr, 0, sizeof(*addr));
    if (family == 6)
        return inet_pton(AF_INET6, text, addr) == 1;
    return read_classic(text, &addr->v4, &parts);
}

static void mask_of(uint8_t family, unsigned len, union weir_addr *mask)
{
    memset(mask, 0, sizeof(*mask));
    for (unsigned i = 0; i < len / 8; i++)
        mask->bytes[i] = 0xff;
    if (len % 8)
        mask->bytes[len / 8] = (uint8_t)(0xff << (8 - len % 8));
    (void)family;
}

static bool read_mask(uint8_t family, const char *text, union weir_addr *mask)
{
    unsigned bits = family == 6 ? 128 : 32;
    uint64_t len;

    if (read_u64(text, 0, bits, &len)) {
        mask_of(family, (unsigned)len, mask);
        return true;
    }
    memset(mask, 0, sizeof(*mask));
    return inet_pton(family == 6 ? AF_INET6 : AF_INET, text, mask) == 1;
}

bool read_net(uint8_t family, const char *text, struct net_mask *net)
{
    const char *slash = strchr(text, '/');
    char host[64];
    size_t len = slash ? (size_t)(slash - text) : strlen(text);

    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    memset(net, 0, sizeof(*net));
    if (slash && !read_mask(family, slash + 1, &net->mask))
        return false;
    if (!slash)
        mask_of(family, family == 6 ? 128 : 32, &net->mask);
    if (family == 6)
        return inet_pton(AF_INET6, host, &net->addr) == 1;

    unsigned parts;

    /* Fewer than four parts are a network's, unless they cannot be or are one number for all four.
     */
    if (!read_classic(host, &net->addr.v4, &parts))
        return false;
    if (parts < 4 && (parts > 1 || slash))
        (void)read_short_net(host, &net->addr.v4);
    return true;
}

/* Length of a mask's prefix, -1: its ones are not all in front. */
static int mask_len(uint8_t family, const union weir_addr *mask)
{
    int len = 0, bits = family == 6 ? 128 : 32;

    while (len < bits && mask->bytes[len / 8] >> (7 - len % 8) & 1)
        len++;
    for (int i = len; i < bits; i++)
        if (mask->bytes[i / 8] >> (7 - i % 8) & 1)
            return -1;
    return len;
}

void print_mask(struct text *out, uint8_t family, const union weir_addr *mask, bool full_hidden)
{
    int len = mask_len(family, mask);

    if (full_hidden && len == (family == 6 ? 128 : 32))
        return;
    text_char(out, '/');
    if (len < 0)
        text_addr(out, family, mask);
    else
        text_number(out, (uint64_t)len);
}

void list_addr(struct text *out, const struct listing *how, uint8_t family,
               const union weir_addr *addr)
{
    const struct weir_rules_names *names = how->names;
    const char *name = how->flags & WEIR_RULES_NUMERIC || !names->host_name
                           ? NULL
                           : names->host_name(names->ctx, family, addr);

    if (name)
        text_add(out, name);
    else
        text_addr(out, family, addr);
}

/* --- ports --- */

bool read_port(const struct rule_parse *r, const char *text, uint8_t proto, uint16_t *port)
{
    const struct weir_rules_names *names = r->names;
    uint64_t n;

    if (read_u64(text, 0, UINT16_MAX, &n)) {
        *port = (uint16_t)n;
        return true;
    }
    return *text && !text_digit(*text) && names->service &&
           names->service(names->ctx, text, proto, port);
}

void list_port(struct text *out, const struct listing *how, uint16_t port, uint8_t proto)
{
    const struct weir_rules_names *names = how->names;
    const char *name = how->flags & WEIR_RULES_NUMERIC || !names->service_name
                           ? NULL
                           : names->service_name(names->ctx, port, proto);

    if (name)
        text_add(out, name);
    else
        text_number(out, port);
}

/* --- words and lists --- */

bool read_part(const char **text, char separator, char *part, size_t size)
{
    const char *end = strchr(*text, separator);
    size_t len = end ? (size_t)(end - *text) : strlen(*text);
    bool fits = len < size;

    if (!fits)
        len = size - 1;
    memcpy(part, *text, len);
    part[len] = '\0';
    *text = end ? end + 1 : NULL;
    return fits;
}

int read_word(const char *text, const char *const *words)
{
    size_t len = strlen(text);
    int found = -1;

    for (int i = 0; words[i]; i++) {
        if (strncasecmp(words[i], text, len) != 0)
            continue;
        if (!words[i][len])
            return i;
        found = found == -1 ? i : -2;
    }
    return len ? found : -1;
}

/* --- marks and strings --- */

void print_mark(struct text *out, const struct mark_mask *mark)
{
    text_addf(out, "0x%x", mark->value);
    if (mark->mask != UINT32_MAX)
        text_addf(out, "/0x%x", mark->mask);
}

static bool bare(char c)
{
    return text_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z') || c == '_' || c == '-';
}

void print_quoted(struct text *out, const char *string)
{
    const char *at = string;

    text_char(out, ' ');
    while (bare(*at))
        at++;
    if (!*at && at > string) {
        text_add(out, string);
        return;
    }
    text_char(out, '"');
    for (at = string; *at; at++) {
        if (*at == '"' || *at == '\\' || *at == '\'')
            text_char(out, '\\');
        text_char(out, *at);
    }
    text_char(out, '"');
}
