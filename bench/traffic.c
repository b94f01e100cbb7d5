/* SPDX-License-Identifier: BSD-2-Clause */
/* What it is for: traffic.h. */
#include "traffic.h"
#include "common.h"

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/headers.h"

#include <inttypes.h>

enum {
    TTL = 64,
    UDP_DATA = 4,
    TCP_DATA = 4,
    TCP_WINDOW_FIELD = 64240,
    TCP_SCALE = 7,
    TIMESTAMP_SIZE = 12, /* RFC 7323, appendix A: two NOPs before it */
    SYN_OPTIONS_SIZE = 20,
    LINE = 64,
    BATCH = 32,
    FIRST_CLIENT_PORT = 1024,
    AHEAD = 16, /* slots to be written that are on their way into the cache */
};

static const uint64_t random_salt = 0x7765697262656e63;
/*
 * 10 million packets a second. What a clock that moves has to do is then in the figures; what is
 * not is that an established entry comes up on the wheel once in its timeout: at 120 s, once in a
 * thousand packets of a million flows.
 */
static const int64_t packet_ns = 100;
static const int64_t start_ns = 1000000000000;
/* An answered UDP flow is a stream after two seconds. */
static const int64_t stream_age_ns = 3000000000;
static const uint64_t cold_bytes_min = 128u << 20, cold_bytes_max = 1u << 30;

/* --- flows --- */

static void random_tuple(struct weir_tuple *t, uint64_t flow)
{
    uint64_t a = bench_mix(flow + random_salt), b = bench_mix(a + 1);

    /* `a` alone is distinct for each flow, and all of it is in the tuple. The top bits keep clients
     * and servers apart: no flow is another one's answer. */
    t->src_key = BE16(a >> 24 & 0xffff);
    t->dst_key = BE16(b & 0xffff);
    if (t->family == 4) {
        t->src.v4 = BE32(0x0a000000u | (a & 0xffffff));
        t->dst.v4 = BE32(0x80000000u | (b >> 32 & 0x3f000000u) | a >> 40);
        return;
    }
    t->src.words[0] = BE32(0x20010db8u);
    t->dst.words[0] = BE32(0x2a000000u | (b >> 40));
    t->src.half[1] = a;
    t->dst.half[1] = bench_mix(b);
}

static void regular_tuple(struct weir_tuple *t, uint64_t flow)
{
    t->src_key = BE16(40000);
    t->dst_key = BE16(53);
    if (t->family == 4) {
        t->src.v4 = BE32(0x0a000000u + (uint32_t)flow);
        t->dst.v4 = BE32(0xc0000201u);
        return;
    }
    t->src.words[0] = t->dst.words[0] = BE32(0x20010db8u);
    t->src.words[3] = BE32((uint32_t)flow);
    t->dst.words[1] = BE32(1);
    t->dst.words[3] = BE32(1);
}

/* An odd factor permutes the numbers below a power of two. */
static uint32_t scrambled(uint64_t flow, uint32_t limit)
{
    return (uint32_t)(flow * 2654435761u) & (limit - 1);
}

/* Above the ports that have rules. */
static uint16_t high_port(uint64_t random)
{
    return (uint16_t)(RULED_PORTS + 1 + random % (UINT16_MAX - RULED_PORTS));
}

static void high_ports_tuple(struct weir_tuple *t, uint64_t flow)
{
    uint64_t a = bench_mix(flow + random_salt);

    t->src.v4 = BE32(0x0a000000u | scrambled(flow, FLOWS_DISTINCT));
    t->dst.v4 = BE32(0x80000000u | (a >> 32 & 0x3fffffffu));
    t->src_key = BE16(high_port(a & 0xffff));
    t->dst_key = BE16(high_port(a >> 16 & 0xffff));
}

static void crowded_tuple(struct weir_tuple *t, uint64_t flow, uint32_t servers)
{
    uint64_t a = bench_mix(flow + random_salt);

    t->src.v4 = BE32(0x0a000000u | scrambled(flow, FLOWS_DISTINCT));
    t->dst.v4 = BE32(0xc0000201u + (uint32_t)(flow % servers));
    t->src_key = BE16((uint16_t)(FIRST_CLIENT_PORT + a % (UINT16_MAX + 1 - FIRST_CLIENT_PORT)));
    t->dst_key = BE16(53);
}

static void services_tuple(struct weir_tuple *t, uint64_t flow, uint32_t services)
{
    uint32_t client = scrambled(flow, FLOWS_DISTINCT);
    uint64_t a = bench_mix(flow + random_salt);

    t->src.v4 = BE32((uint32_t)POD_NET | POD_CLIENTS | client % POD_CLIENTS);
    t->dst.v4 = BE32((uint32_t)SERVICE_NET + (uint32_t)(a % services));
    t->src_key = BE16(high_port(client / POD_CLIENTS));
    t->dst_key = BE16(SERVICE_PORT);
}

static struct weir_tuple turned(const struct weir_tuple *t)
{
    struct weir_tuple reply = *t;

    reply.src = t->dst;
    reply.dst = t->src;
    reply.src_key = t->dst_key;
    reply.dst_key = t->src_key;
    return reply;
}

struct weir_tuple flow_tuple(const struct flows *f, uint64_t flow, enum weir_dir dir)
{
    struct weir_tuple t = {.family = f->family, .proto = f->proto};

    switch ((enum flow_kind)f->kind) {
    case RANDOM: random_tuple(&t, flow); break;
    case REGULAR: regular_tuple(&t, flow); break;
    case HIGH_PORTS: high_ports_tuple(&t, flow); break;
    case CROWDED: crowded_tuple(&t, flow, f->servers); break;
    case SERVICES: services_tuple(&t, flow, f->servers); break;
    }
    return dir == WEIR_ORIG ? t : turned(&t);
}

/* --- packets --- */

/* The checksum field of a header that is complete but for it; what it follows is `sum`. */
static uint16_t checksum_of(uint64_t sum, const uint8_t *at, uint32_t len)
{
    return (uint16_t)~checksum_fold(checksum_add(sum, at, len));
}

static uint32_t build_udp(uint8_t *at, const struct weir_tuple *t)
{
    store_raw16(at, t->src_key);
    store_raw16(at + 2, t->dst_key);
    store_be16(at + UDP_LENGTH, UDP_SIZE + UDP_DATA);
    memset(at + UDP_LENGTH + 2, 0, 2 + UDP_DATA);
    return UDP_SIZE + UDP_DATA;
}

/* What Linux sends: in a SYN MSS, SACK permitted, timestamps and scaling, later only timestamps. */
static uint32_t build_options(uint8_t *at, bool syn)
{
    static const uint8_t of_syn[SYN_OPTIONS_SIZE] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
                                                     0, 1, 0, 0,   0, 0, 1, 3,  3, TCP_SCALE};
    static const uint8_t of_others[TIMESTAMP_SIZE] = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};

    if (syn)
        memcpy(at, of_syn, sizeof(of_syn));
    else
        memcpy(at, of_others, sizeof(of_others));
    return syn ? SYN_OPTIONS_SIZE : TIMESTAMP_SIZE;
}

static uint32_t build_tcp(uint8_t *at, const struct weir_tuple *t, const struct tcp_numbers *n)
{
    bool syn = n->flags & TCP_SYN;
    uint32_t header = TCP_MIN + build_options(at + TCP_MIN, syn);

    store_raw16(at + TCP_SRC, t->src_key);
    store_raw16(at + TCP_DST, t->dst_key);
    store_be32(at + TCP_SEQ, n->seq);
    store_be32(at + TCP_ACK, n->ack);
    at[TCP_OFFSET] = (uint8_t)(header / 4 << 4);
    at[TCP_FLAGS] = n->flags;
    store_be16(at + TCP_WINDOW, TCP_WINDOW_FIELD);
    memset(at + TCP_CHECKSUM, 0, 4);
    if (!(n->flags & TCP_PSH))
        return header;
    memset(at + header, 0, TCP_DATA);
    return header + TCP_DATA;
}

static void build_ip4(uint8_t *at, const struct weir_tuple *t, uint32_t l4_len)
{
    memset(at, 0, IP4_MIN);
    at[IP4_VERSION_IHL] = 0x45;
    store_be16(at + IP4_LENGTH, (uint16_t)(IP4_MIN + l4_len));
    store_be16(at + IP4_FRAGMENT, IP4_DF);
    at[IP4_TTL] = TTL;
    at[IP4_PROTO] = t->proto;
    store_raw32(at + IP4_SRC, t->src.v4);
    store_raw32(at + IP4_DST, t->dst.v4);
    store_raw16(at + IP4_CHECKSUM, checksum_of(0, at, IP4_MIN));
}

static void build_ip6(uint8_t *at, const struct weir_tuple *t, uint32_t l4_len)
{
    memset(at, 0, IP6_SRC);
    at[0] = 0x60;
    store_be16(at + IP6_PAYLOAD, (uint16_t)l4_len);
    at[IP6_NEXT] = t->proto;
    at[IP6_HOPS] = TTL;
    memcpy(at + IP6_SRC, &t->src, 16);
    memcpy(at + IP6_DST, &t->dst, 16);
}

/* Packets are marked as verified, as a network card does; NAT keeps their checksums right. */
static void build_checksum(uint8_t *at, const struct weir_tuple *t, uint32_t ip_len,
                           uint32_t l4_len)
{
    uint8_t *l4 = at + ip_len;
    uint16_t sum = checksum_of(checksum_pseudo(t->family, at, t->proto, l4_len), l4, l4_len);

    if (t->proto == TRAFFIC_TCP)
        store_raw16(l4 + TCP_CHECKSUM, sum);
    else
        store_raw16(l4 + UDP_CHECKSUM, sum ? sum : UINT16_MAX); /* RFC 768: 0 means none */
}

uint32_t packet_build_tuple(uint8_t *at, const struct weir_tuple *t, const struct tcp_numbers *n)
{
    uint32_t ip_len = t->family == 4 ? IP4_MIN : IP6_SIZE;
    uint32_t l4_len =
        t->proto == TRAFFIC_TCP ? build_tcp(at + ip_len, t, n) : build_udp(at + ip_len, t);

    if (t->family == 4)
        build_ip4(at, t, l4_len);
    else
        build_ip6(at, t, l4_len);
    build_checksum(at, t, ip_len, l4_len);
    return ip_len + l4_len;
}

uint32_t packet_build(uint8_t *at, const struct flows *f, uint64_t flow, enum weir_dir dir,
                      const struct tcp_numbers *n)
{
    struct weir_tuple t = flow_tuple(f, flow, dir);

    return packet_build_tuple(at, &t, n);
}

/* Ones' complement sums over all that is covered, checksum included, are 0xffff (RFC 1071). */
bool packet_sums_right(const uint8_t *at, uint32_t len)
{
    uint8_t family = at[0] >> 4, proto = at[family == 4 ? (uint32_t)IP4_PROTO : (uint32_t)IP6_NEXT];
    uint32_t ip_len = family == 4 ? IP4_MIN : IP6_SIZE;
    uint64_t pseudo = checksum_pseudo(family, at, proto, len - ip_len);

    return checksum_fold(checksum_add(pseudo, at + ip_len, len - ip_len)) == UINT16_MAX &&
           (family == 6 || checksum_fold(checksum_add(0, at, IP4_MIN)) == UINT16_MAX);
}

void packet_check(const struct weir_packet *p, enum weir_ctinfo want, uint64_t flow)
{
    bool good = p->verdict == WEIR_ACCEPT && p->ctinfo == want && p->reason == WEIR_R_NONE &&
                p->packets_out == 1 && p->conn != 0;

    bench_check(good, "flow %" PRIu64 ": packet is %s, not %s, and %s: %s", flow,
                weir_ctinfo_name(p->ctinfo), weir_ctinfo_name(want),
                p->verdict == WEIR_ACCEPT ? "accepted" : "not accepted",
                weir_reason_text(p->reason));
}

/* --- pools --- */

/* The first sequence number of each side. */
static uint32_t initial(uint64_t flow, enum weir_dir dir)
{
    return (uint32_t)bench_mix(flow * 2 + (uint64_t)dir);
}

static struct tcp_numbers next_numbers(struct traffic *t, uint64_t flow, enum weir_dir dir)
{
    if (!t->next)
        return (struct tcp_numbers){TCP_SYN, initial(flow, dir), 0};

    uint32_t *next = t->next[flow - t->first];
    struct tcp_numbers n = {TCP_PSH | TCP_ACKF, next[dir], next[!dir]};

    next[dir] += TCP_DATA;
    return n;
}

static uint32_t flow_and_dir(const struct traffic *t, uint32_t visit)
{
    return t->sample ? t->sample[visit] : t->order[visit];
}

uint64_t traffic_flow(const struct traffic *t, uint32_t visit)
{
    return t->first + flow_and_dir(t, visit) / t->directions % t->count;
}

enum weir_dir traffic_dir(const struct traffic *t, uint32_t visit)
{
    return (enum weir_dir)(flow_and_dir(t, visit) % t->directions);
}

struct weir_tuple traffic_tuple(const struct traffic *t, uint64_t flow, enum weir_dir dir)
{
    struct weir_tuple tuple = flow_tuple(&t->flows, flow, dir);

    if (t->mapped && dir == WEIR_REPLY) {
        tuple.dst.v4 = t->mapped[flow - t->first].addr;
        tuple.dst_key = t->mapped[flow - t->first].port;
    }
    return tuple;
}

void traffic_rebuild(struct traffic *t)
{
    struct tcp_numbers n = {0};

    for (uint32_t visit = 0; visit < t->slots; visit++) {
        uint64_t flow = traffic_flow(t, visit);
        enum weir_dir dir = traffic_dir(t, visit);
        struct weir_tuple tuple = traffic_tuple(t, flow, dir);
        uint8_t bytes[PACKET_MAX];

        if (visit + AHEAD < t->slots)
            __builtin_prefetch(t->pool + (size_t)t->order[visit + AHEAD] * t->stride, 1);
        if (t->flows.proto == TRAFFIC_TCP)
            n = next_numbers(t, flow, dir);
        /* Built aside, so that nothing waits for the slot's line to come. */
        t->len = packet_build_tuple(bytes, &tuple, &n);
        memcpy(t->pool + (size_t)t->order[visit] * t->stride, bytes, t->len);
    }
}

/* IPv6 with TCP and its options does not fit one line. */
static uint32_t stride_of(const struct flows *f)
{
    return f->family == 6 && f->proto == TRAFFIC_TCP ? 2 * LINE : LINE;
}

uint32_t traffic_cold_slots(const struct flows *f)
{
    uint64_t bytes = 4 * (uint64_t)bench_cache(3);

    if (bytes < cold_bytes_min)
        bytes = cold_bytes_min;
    if (bytes > cold_bytes_max)
        bytes = cold_bytes_max;
    return (uint32_t)(bytes / stride_of(f));
}

static void init(struct traffic *t, const struct flows *f, uint32_t count, uint32_t directions,
                 uint32_t slots)
{
    *t = (struct traffic){
        .flows = *f,
        .count = count,
        .directions = directions,
        .slots = slots,
        .stride = stride_of(f),
        .now = {start_ns},
        .packet_ns = packet_ns,
    };
    t->pool = bench_alloc((size_t)t->slots * t->stride);
    t->order = bench_permutation(t->slots, 1);
    if (f->proto == TRAFFIC_TCP && directions == 2)
        t->next = bench_alloc(count * sizeof(*t->next));
}

void traffic_init(struct traffic *t, const struct flows *f, uint32_t count, uint32_t directions,
                  uint32_t slots)
{
    init(t, f, count, directions, slots > count * directions ? slots : count * directions);
}

void traffic_init_sample(struct traffic *t, const struct flows *f, uint32_t count, uint32_t slots)
{
    uint32_t all = 2 * count, *order;

    init(t, f, count, 2, slots);
    if (slots >= all)
        return;
    order = bench_permutation(all, 2);
    t->sample = bench_alloc(slots * sizeof(*t->sample));
    memcpy(t->sample, order, slots * sizeof(*t->sample));
    bench_free(order, all * sizeof(*order));
}

void traffic_expect_nat(struct traffic *t)
{
    t->mapped = bench_alloc(t->count * sizeof(*t->mapped));
}

void traffic_fini(struct traffic *t)
{
    bench_free(t->pool, (size_t)t->slots * t->stride);
    bench_free(t->order, t->slots * sizeof(*t->order));
    bench_free(t->sample, t->sample ? t->slots * sizeof(*t->sample) : 0);
    bench_free(t->next, t->next ? t->count * sizeof(*t->next) : 0);
    bench_free(t->mapped, t->mapped ? t->count * sizeof(*t->mapped) : 0);
}

void traffic_restart(struct traffic *t)
{
    t->now = (struct weir_time){start_ns};
}

void traffic_describe(const struct traffic *t, uint32_t from, uint32_t n,
                      struct weir_packet *packets)
{
    for (uint32_t i = 0; i < n; i++)
        packets[i] = (struct weir_packet){
            .data = t->pool + (size_t)t->order[from + i] * t->stride,
            .len = t->len,
            .flags = WEIR_PKT_CSUM_OK,
        };
}

/* --- opening --- */

struct stage {
    enum weir_dir dir;
    uint8_t flags;
    uint8_t ctinfo; /* what the packet must be to the shard */
};

static const struct stage udp_stages[] = {
    {WEIR_ORIG, 0, WEIR_CT_NEW},
    {WEIR_REPLY, 0, WEIR_CT_ESTABLISHED_REPLY},
    {0},
};

static const struct stage tcp_stages[] = {
    {WEIR_ORIG, TCP_SYN, WEIR_CT_NEW},
    {WEIR_REPLY, TCP_SYN | TCP_ACKF, WEIR_CT_ESTABLISHED_REPLY},
    {WEIR_ORIG, TCP_ACKF, WEIR_CT_ESTABLISHED},
    {0},
};

/* A flow's first packet went out: from where, it says itself. */
static void learn_mapping(struct traffic *t, uint64_t flow, const uint8_t *left)
{
    struct mapped *m = &t->mapped[flow - t->first];

    m->addr = load_raw32(left + IP4_SRC);
    m->port = load_raw16(left + IP4_MIN); /* the source port comes first, in UDP and in TCP */
}

static void run_stage(struct traffic *t, struct weir_shard *shard, const struct stage *stage,
                      uint64_t first, uint32_t n)
{
    struct weir_packet packets[BATCH];
    uint8_t bytes[BATCH][PACKET_MAX];

    for (uint32_t i = 0; i < n; i++) {
        uint64_t flow = first + i;
        struct tcp_numbers numbers = {stage->flags, initial(flow, stage->dir), 0};

        if (!(stage->flags & TCP_SYN))
            numbers.seq++;
        if (stage->flags & TCP_ACKF)
            numbers.ack = initial(flow, !stage->dir) + 1;
        packets[i] = (struct weir_packet){.data = bytes[i], .flags = WEIR_PKT_CSUM_OK};
        struct weir_tuple tuple = traffic_tuple(t, flow, stage->dir);

        packets[i].len = packet_build_tuple(bytes[i], &tuple, &numbers);
    }
    traffic_run(t, shard, packets, n, BATCH);
    for (uint32_t i = 0; i < n; i++) {
        packet_check(&packets[i], stage->ctinfo, first + i);
        if (t->mapped && stage->ctinfo == WEIR_CT_NEW)
            learn_mapping(t, first + i, bytes[i]);
    }
}

void traffic_open(struct traffic *t, struct weir_shard *shard)
{
    for (uint64_t done = 0; done < t->count; done += BATCH) {
        uint32_t n = t->count - done < BATCH ? (uint32_t)(t->count - done) : BATCH;
        const struct stage *stage = t->flows.proto == TRAFFIC_TCP ? tcp_stages : udp_stages;

        for (; stage->ctinfo; stage++)
            run_stage(t, shard, stage, t->first + done, n);
    }
    for (uint32_t i = 0; t->next && i < t->count; i++)
        for (int dir = 0; dir < 2; dir++)
            t->next[i][dir] = initial(t->first + i, (enum weir_dir)dir) + 1;
    t->now.ns += stream_age_ns;
}
