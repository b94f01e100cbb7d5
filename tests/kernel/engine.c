/* SPDX-License-Identifier: BSD-2-Clause */
#include "engine.h"

#include "pipe/shard.h"

#include <weir/rules.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 16, PACKET_MAX = 65535 + 64 };

struct route {
    int family;
    unsigned bits;
    uint8_t prefix[16];
    uint16_t iface; /* 0: this host */
};

struct engine {
    struct weir_shard *shard;
    struct route routes[ROUTES_MAX];
    size_t n_routes;
    unsigned mtu;
    struct rig_result *result; /* being filled */
    struct weir_rules *rules[2];
    struct weir_packet last;
    uint8_t bytes[PACKET_MAX];
};

/* --- routes: the rig's --- */

static bool under(const struct route *r, const uint8_t *addr)
{
    for (unsigned bit = 0; bit < r->bits; bit++)
        if ((addr[bit / 8] ^ r->prefix[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static struct weir_route route(void *ctx, const struct weir_packet *packet, uint8_t family,
                               union weir_addr dst)
{
    const struct engine *e = ctx;
    const struct route *best = NULL;

    (void)packet;
    for (size_t i = 0; i < e->n_routes; i++) {
        const struct route *r = &e->routes[i];

        if (r->family == (family == 4 ? AF_INET : AF_INET6) && under(r, dst.bytes) &&
            (!best || r->bits > best->bits))
            best = r;
    }
    if (!best)
        return (struct weir_route){0};
    return (struct weir_route){.local = best->iface == 0, .out_iface = best->iface, .mtu = e->mtu};
}

/* The rig's own addresses: the router has .1 of each side's network. */
static bool own_of(uint16_t iface, uint8_t family, union weir_addr *addr)
{
    const char *text = family == 4 ? (iface == 1 ? "10.0.1.1" : "10.0.2.1")
                                   : (iface == 1 ? "fd99:1::1" : "fd99:2::1");

    memset(addr, 0, sizeof(*addr));
    return inet_pton(family == 4 ? AF_INET : AF_INET6, text, addr) == 1;
}

static const char *iface_name(void *ctx, uint16_t iface)
{
    (void)ctx;
    return iface == 1 ? "ta" : iface == 2 ? "tb" : NULL;
}

static enum weir_addr_type addr_type(void *ctx, uint8_t family, const union weir_addr *addr,
                                     uint16_t iface)
{
    union weir_addr own;

    for (uint16_t i = 1; i <= 2; i++) {
        if ((iface && iface != i) || !own_of(i, family, &own))
            continue;
        if (memcmp(&own, addr, sizeof(own)) == 0)
            return WEIR_ADDR_LOCAL;
        own.bytes[3] = 255;
        if (family == 4 && own.v4 == addr->v4)
            return WEIR_ADDR_BROADCAST;
    }
    if (family == 6) {
        static const uint8_t loopback[16] = {[15] = 1};
        struct weir_route r = route(ctx, NULL, 6, *addr);

        if (memcmp(addr, loopback, 16) == 0 && !iface)
            return WEIR_ADDR_LOCAL;
        return addr->bytes[0] == 0xff   ? WEIR_ADDR_MULTICAST
               : r.out_iface || r.local ? WEIR_ADDR_UNICAST
                                        : WEIR_ADDR_UNREACHABLE;
    }
    if (addr->bytes[0] == 127)
        return iface ? WEIR_ADDR_UNICAST : WEIR_ADDR_LOCAL;
    if (addr->v4 == 0 || addr->v4 == UINT32_MAX)
        return WEIR_ADDR_BROADCAST;
    return addr->bytes[0] >> 4 == 0xe ? WEIR_ADDR_MULTICAST : WEIR_ADDR_UNICAST;
}

static bool source(void *ctx, enum weir_source_use use, uint16_t iface, uint8_t family,
                   const union weir_addr *peer, union weir_addr *addr)
{
    if (!iface)
        iface = route(ctx, NULL, family, *peer).out_iface;
    (void)use;
    return iface && own_of(iface, family, addr);
}

static int add_route(struct engine *e, uint16_t iface, const char *prefix)
{
    char text[64];
    const char *slash = strchr(prefix, '/');
    struct route *r = &e->routes[e->n_routes];

    if (!slash || e->n_routes == ROUTES_MAX || (size_t)(slash - prefix) >= sizeof(text))
        return -1;
    memcpy(text, prefix, (size_t)(slash - prefix));
    text[slash - prefix] = '\0';
    r->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    r->bits = (unsigned)atoi(slash + 1);
    r->iface = iface;
    if (inet_pton(r->family, text, r->prefix) != 1)
        return -1;
    e->n_routes++;
    return 0;
}

int engine_route(struct engine *e, enum rig_side side, const char *prefix)
{
    return add_route(e, side == RIG_A ? 1 : side == RIG_B ? 2 : 0, prefix);
}

void engine_mtu(struct engine *e, unsigned mtu)
{
    e->mtu = mtu;
}

/* --- weir's structs as the rig's --- */

static void tuple_of(const struct weir_tuple *t, struct rig_tuple *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->src, t->src.bytes, 16);
    memcpy(out->dst, t->dst.bytes, 16);
    out->family = t->family == 4 ? AF_INET : AF_INET6;
    out->proto = t->proto;
    if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
        out->icmp_id = ntohs(t->src_key);
        out->icmp_type = (uint8_t)(ntohs(t->dst_key) >> 8);
        out->icmp_code = (uint8_t)ntohs(t->dst_key);
    } else {
        out->sport = ntohs(t->src_key);
        out->dport = ntohs(t->dst_key);
    }
}

void engine_entry(const struct weir_conn *conn, struct rig_entry *entry)
{
    memset(entry, 0, sizeof(*entry));
    tuple_of(&conn->tuple[WEIR_ORIG], &entry->orig);
    tuple_of(&conn->tuple[WEIR_REPLY], &entry->reply);
    entry->has = RIG_HAS_ORIG | RIG_HAS_REPLY | RIG_HAS_STATUS | RIG_HAS_TIMEOUT;
    if (conn->zone && conn->zone_dirs == 3)
        entry->zone = conn->zone;
    else if (conn->zone_dirs == 1)
        entry->orig.zone = conn->zone;
    else if (conn->zone_dirs == 2)
        entry->reply.zone = conn->zone;
    entry->status = conn->status;
    entry->timeout = conn->timeout_ms > 0 ? (uint32_t)conn->timeout_ms : 0;
    entry->mark = conn->mark;
    if (conn->tuple[0].proto == IPPROTO_TCP) {
        entry->has |= RIG_HAS_TCP;
        entry->tcp_state = conn->state;
        memcpy(entry->tcp_wscale, conn->tcp.scale, 2);
        memcpy(entry->tcp_flags, conn->tcp.flags, 2);
    } else if (conn->tuple[0].proto == IPPROTO_SCTP) {
        entry->has |= RIG_HAS_SCTP;
        entry->sctp_state = conn->state;
        memcpy(entry->sctp_vtag, conn->sctp.vtag, sizeof(entry->sctp_vtag));
    }
    if (conn->parts & WEIR_HAS_COUNTERS) {
        entry->has |= RIG_HAS_COUNT;
        for (int dir = 0; dir < 2; dir++) {
            entry->count[dir].packets = conn->packets[dir];
            entry->count[dir].bytes = conn->bytes[dir];
        }
    }
}

static void *grow(void *array, size_t *room, size_t n, size_t size)
{
    if (n < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = realloc(array, *room * size);
    if (!array)
        abort();
    return array;
}

static void on_event(void *ctx, const struct weir_event *event)
{
    struct engine *e = ctx;
    struct rig_result *r = e->result;
    static const enum rig_event_kind kinds[] = {[WEIR_EVENT_NEW] = RIG_EVENT_NEW,
                                                [WEIR_EVENT_UPDATE] = RIG_EVENT_UPDATE,
                                                [WEIR_EVENT_DESTROY] = RIG_EVENT_DESTROY};

    if (!r)
        return;
    r->event = grow(r->event, &r->event_room, r->events, sizeof(*r->event));
    struct rig_event *out = &r->event[r->events++];

    memset(out, 0, sizeof(*out));
    out->kind = kinds[event->type];
    engine_entry(&event->conn, &out->entry);
    /* What the message leaves out (conntrack reference, 2.8). */
    if (event->type != WEIR_EVENT_DESTROY && !(event->kinds & 1u << WEIR_EV_PROTOINFO))
        out->entry.has &= ~(uint32_t)(RIG_HAS_TCP | RIG_HAS_SCTP);
    if (event->type != WEIR_EVENT_DESTROY)
        out->entry.has &= ~(uint32_t)RIG_HAS_COUNT;
    else if (event->conn.timeout_ms <= 0)
        out->entry.has &= ~(uint32_t)RIG_HAS_TIMEOUT;
}

static void add_packet(struct rig_result *r, uint16_t iface, const uint8_t *data, size_t len)
{
    r->packet = grow(r->packet, &r->packet_room, r->packets, sizeof(*r->packet));
    if (r->bytes_used + len > r->bytes_room) {
        uint8_t *bigger = calloc(2, r->bytes_used + len);

        if (!bigger)
            abort();
        for (size_t i = 0; i < r->packets; i++)
            r->packet[i].data = bigger + (r->packet[i].data - r->bytes);
        if (r->bytes)
            memcpy(bigger, r->bytes, r->bytes_used);
        free(r->bytes);
        r->bytes = bigger;
        r->bytes_room = 2 * (r->bytes_used + len);
    }
    memcpy(r->bytes + r->bytes_used, data, len);
    r->packet[r->packets++] = (struct rig_packet){
        .side = iface == 1 ? RIG_A : RIG_B, .len = len, .data = r->bytes + r->bytes_used};
    r->bytes_used += len;
}

static void on_packet(void *ctx, const struct weir_packet *made, const struct weir_packet *cause)
{
    struct engine *e = ctx;

    (void)cause;
    if (e->result && made->out_iface)
        add_packet(e->result, made->out_iface, made->data, made->len);
}

/* --- running --- */

struct engine *engine_new(const struct weir_config *config)
{
    struct engine *e = calloc(1, sizeof(*e));
    struct weir_config c = config ? *config : (struct weir_config){0};

    if (!e)
        return NULL;
    c.host = (struct weir_host){.ctx = e,
                                .event = on_event,
                                .packet = on_packet,
                                .route = route,
                                .iface_name = iface_name,
                                .addr_type = addr_type,
                                .source = source};
    c.seed[0] = 0x1234567890abcdef;
    e->shard = weir_shard_new(&c);
    e->mtu = 1500;
    if (!e->shard) {
        free(e);
        return NULL;
    }
    (void)weir_tunable_set(e->shard, WEIR_T_ICMP_RATELIMIT, 0); /* as in the rig */
    add_route(e, 1, "10.0.1.0/24");
    add_route(e, 2, "10.0.2.0/24");
    add_route(e, 1, "fd99:1::/64");
    add_route(e, 2, "fd99:2::/64");
    add_route(e, 0, "10.0.1.1/32");
    add_route(e, 0, "10.0.2.1/32");
    add_route(e, 0, "fd99:1::1/128");
    add_route(e, 0, "fd99:2::1/128");
    return e;
}

void engine_free(struct engine *e)
{
    if (e) {
        weir_shard_free(e->shard);
        weir_rules_free(e->rules[0]);
        weir_rules_free(e->rules[1]);
    }
    free(e);
}

int engine_rules(struct engine *e, uint8_t family, const char *text, char *err, size_t err_size)
{
    struct weir_rules *rules, **place = &e->rules[family == 6];
    struct weir_rules_error error = {0};
    int r = weir_rules_parse(&rules, family, text, strlen(text), NULL, &error);

    if (r) {
        (void)snprintf(err, err_size, "line %u: %s", error.line, error.message);
        return r;
    }
    r = weir_shard_set_rules(e->shard, family, rules, NULL);
    if (r) {
        (void)snprintf(err, err_size, "%s", strerror(-r));
        weir_rules_free(rules);
        return r;
    }
    weir_rules_free(*place);
    *place = rules;
    return 0;
}

static void add_text(void *ctx, const char *bytes, size_t len)
{
    (void)fwrite(bytes, 1, len, ctx);
}

char *engine_rules_save(struct engine *e, uint8_t family)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = e->rules[family == 6] ? open_memstream(&text, &size) : NULL;

    if (!f)
        return NULL;
    weir_rules_print(e->rules[family == 6], WEIR_RULES_COUNTERS,
                     weir_shard_rule_counts(e->shard, family), add_text, f);
    return fclose(f) ? NULL : text;
}

struct weir_shard *engine_shard(struct engine *e)
{
    return e->shard;
}

void engine_steer(struct engine *e, uint32_t offset, uint32_t range)
{
    struct random *random = &e->shard->track.random;
    struct random trial;

    for (unsigned tries = 0; tries < 1u << 22; tries++) {
        trial = *random;
        if ((uint16_t)random_u32(&trial) % range == offset)
            return;
        random->n++;
    }
}

/* The ports among which Linux looks for a free one, by that of the sender (NAT reference, 5.4). */
static uint32_t first_port(uint16_t port, uint32_t *range)
{
    uint32_t first = port < 512 ? 1 : port < 1024 ? 600 : 1024;

    *range = (port < 512 ? 511 : port < 1024 ? 1023 : 65535) - first + 1;
    return first;
}

void engine_follow(struct engine *e, const struct rig_result *kernel)
{
    for (size_t i = 0; i < kernel->events; i++) {
        const struct rig_entry *entry = &kernel->event[i].entry;
        uint32_t range = 65536, first = 0;
        uint16_t was = entry->orig.sport, is = entry->reply.dport;

        if (kernel->event[i].kind != RIG_EVENT_NEW)
            continue;
        if (entry->orig.proto == IPPROTO_ICMP || entry->orig.proto == IPPROTO_ICMPV6) {
            was = entry->orig.icmp_id;
            is = entry->reply.icmp_id;
        } else {
            first = first_port(was, &range);
        }
        if (was != is && is >= first)
            engine_steer(e, is - first, range);
    }
}

const struct weir_packet *engine_last(const struct engine *e)
{
    return &e->last;
}

static void begin(struct engine *e, struct rig_result *result)
{
    result->packets = result->seens = result->events = result->bytes_used = 0;
    e->result = result;
}

void engine_wait(struct engine *e, struct weir_time now, struct rig_result *result)
{
    begin(e, result);
    (void)weir_shard_tick(e->shard, now, 0);
    e->result = NULL;
}

void engine_watch(struct engine *e, struct rig_result *result)
{
    if (result)
        begin(e, result);
    else
        e->result = NULL;
}

/* Was the packet dropped before tracking saw it? */
static bool dropped_in_raw(const struct engine *e)
{
    const struct weir_rules *rules = e->rules[e->last.data[0] >> 4 == 6];
    const struct rule_table *raw = rules ? &rules->table[WEIR_TABLE_RAW] : NULL;

    if (!raw || e->last.verdict != WEIR_DROP || !e->last.rule)
        return false;
    for (uint32_t c = 0; c < raw->chain_count; c++) {
        const struct chain *chain = raw->chains[c];
        uint32_t first = chain->rule_count ? chain->rules[0].number : 0;

        if ((chain->hook != HOOK_MAX && chain->number == e->last.rule - 1) ||
            e->last.rule - 1 - first < chain->rule_count)
            return true;
    }
    return false;
}

static enum rig_class class_of(uint8_t ctinfo)
{
    static const enum rig_class classes[WEIR_CT_MAX] = {
        [WEIR_CT_NEW] = RIG_NEW,
        [WEIR_CT_ESTABLISHED] = RIG_ESTABLISHED,
        [WEIR_CT_ESTABLISHED_REPLY] = RIG_ESTABLISHED_REPLY,
        [WEIR_CT_RELATED] = RIG_RELATED,
        [WEIR_CT_RELATED_REPLY] = RIG_RELATED_REPLY,
        [WEIR_CT_INVALID] = RIG_INVALID,
        [WEIR_CT_UNTRACKED] = RIG_UNTRACKED,
    };

    return classes[ctinfo];
}

void engine_step(struct engine *e, struct weir_time now, enum rig_side side, const void *packet,
                 size_t len, const struct weir_template *templ, struct rig_result *result)
{
    begin(e, result);
    memcpy(e->bytes, packet, len < sizeof(e->bytes) ? len : sizeof(e->bytes));
    e->last = (struct weir_packet){
        .data = e->bytes, .len = (uint32_t)len, .in_iface = side == RIG_A ? 1 : 2, .templ = templ};
    weir_shard_run(e->shard, now, &e->last, 1);
    if (e->last.verdict == WEIR_ACCEPT && e->last.out_iface)
        add_packet(result, e->last.out_iface, e->bytes, e->last.len);
    if (e->last.ctinfo != WEIR_CT_NONE && e->last.verdict != WEIR_HELD && !dropped_in_raw(e)) {
        result->seen = grow(result->seen, &result->seen_room, result->seens, sizeof(*result->seen));
        result->seen[result->seens++] = (struct rig_seen){
            .class = class_of(e->last.ctinfo), .hook = RIG_PREROUTING, .in = side};
    }
    e->result = NULL;
}

static int by_tuple(const void *a, const void *b)
{
    const struct rig_entry *x = a, *y = b;
    int c = rig_tuple_cmp(&x->orig, &y->orig);

    return c ? c : (int)x->zone - (int)y->zone;
}

void engine_dump(struct engine *e, struct rig_table *table)
{
    struct weir_conn conn;
    uint64_t cursor = 0;

    table->entries = 0;
    while (weir_conn_walk(e->shard, &cursor, &conn)) {
        table->entry = grow(table->entry, &table->room, table->entries, sizeof(*table->entry));
        engine_entry(&conn, &table->entry[table->entries++]);
    }
    if (table->entries)
        qsort(table->entry, table->entries, sizeof(*table->entry), by_tuple);
}

void engine_stats(struct engine *e, struct rig_stats *stats)
{
    struct weir_stats s;

    weir_shard_stats(e->shard, &s);
    *stats = (struct rig_stats){
        .found = s.found,
        .invalid = s.invalid,
        .insert = s.insert,
        .insert_failed = s.insert_failed,
        .drop = s.drop,
        .early_drop = s.early_drop,
        .error = s.icmp_error,
        .clash_resolve = s.clash_resolve,
        .chain_toolong = s.chaintoolong,
        .expect_new = s.expect_new,
        .expect_create = s.expect_create,
        .expect_delete = s.expect_delete,
    };
}
