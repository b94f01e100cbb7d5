/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of targets share that remember something, say something or send packets of their
 * own: a host around the rule, which keeps what it was told and given.
 */
#ifndef TESTS_UNIT_MADE_FIXTURE_H
#define TESTS_UNIT_MADE_FIXTURE_H

#include "target_fixture.h"

#include "packet/checksum.h"
#include "packet/headers.h"

static struct {
    /* What was made. */
    size_t made, made_len;
    enum made_kind kind;
    union weir_addr gateway;
    char out[IFACE_NAME_MAX];
    uint8_t bytes[UINT16_MAX + 64];
    void (*on_made)(void); /* while it is being sent */
    /* What was said. */
    size_t said;
    enum weir_message_kind said_kind;
    char line[2048];
    /* What the host answers. */
    bool no_route, no_source, back_is_local;
    uint32_t mtu_out, mtu_back;
    union weir_addr local, broadcast, source;
    size_t memory; /* pieces given out */
} h;

/* A rule that is set up as for a shard. */
static struct {
    struct weir_rules *rules;
    struct rules_run run;
    const struct ext *target;
} rule;

static inline uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Bytes from hexadecimal; "00*700." is 700 of 00. How many. */
static inline size_t from_hex(const char *hex, uint8_t *bytes, size_t max)
{
    size_t len = 0;

    while (*hex) {
        uint8_t byte = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
        size_t count = 1;
        char *end;

        hex += 2;
        if (*hex == '*') {
            count = strtoul(hex + 1, &end, 10);
            hex = end + 1;
        }
        assert_true(len + count <= max);
        memset(bytes + len, byte, count);
        len += count;
    }
    return len;
}

/* The packet that comes next, which the IP layer must find good unless `bad` is what it says. */
static inline void bytes_packet(const uint8_t *bytes, size_t len)
{
    free(w.bytes);
    w.len = len;
    w.bytes = malloc(len);
    assert_non_null(w.bytes);
    memcpy(w.bytes, bytes, len);
    w.raw = (struct weir_packet){.data = w.bytes,
                                 .len = (uint32_t)len,
                                 .mark = w.raw.mark,
                                 .link = w.raw.link,
                                 .link_len = w.raw.link_len,
                                 .link_type = w.raw.link_type};
    w.pkt = (struct pkt){.raw = &w.raw};
    assert_int_equal(parse_ip(&w.pkt.ip, w.bytes, (uint32_t)len, (uint32_t)len), WEIR_R_NONE);
}

static inline void hex_packet(const char *hex)
{
    static uint8_t bytes[UINT16_MAX];

    bytes_packet(bytes, from_hex(hex, bytes, sizeof(bytes)));
}

/* --- the host --- */

static inline void keep_made(struct world *world, struct eval *e, const struct made *made)
{
    assert_ptr_equal(world, &w.world);
    assert_ptr_equal(e, &w.eval);
    assert_true(made->len <= sizeof(h.bytes));
    h.made++;
    h.kind = made->kind;
    h.made_len = made->len;
    h.gateway = made->gateway;
    memcpy(h.out, made->out, sizeof(h.out));
    memcpy(h.bytes, made->data, made->len);
    if (h.on_made)
        h.on_made();
}

static inline void keep_said(void *ctx, enum weir_message_kind kind, const char *text,
                             const struct weir_packet *cause)
{
    assert_ptr_equal(ctx, &h);
    assert_ptr_equal(cause, &w.raw);
    h.said++;
    h.said_kind = kind;
    (void)snprintf(h.line, sizeof(h.line), "%s", text);
}

static inline bool same_addr(uint8_t family, const union weir_addr *a, const union weir_addr *b)
{
    return memcmp(a, b, family == 4 ? 4 : 16) == 0;
}

/* Everything behind interface 2 is behind the packet; what is back at its source, behind 1. */
static inline struct weir_route answer_route(void *ctx, const struct weir_packet *p, uint8_t family,
                                             union weir_addr dst)
{
    union weir_addr src = eval_src(&w.eval);

    assert_ptr_equal(ctx, &h);
    assert_ptr_equal(p, &w.raw);
    if (!same_addr(family, &dst, &src))
        return (struct weir_route){.out_iface = 2, .mtu = h.mtu_out};
    if (h.back_is_local)
        return (struct weir_route){.local = true, .mtu = h.mtu_back};
    return (struct weir_route){.out_iface = h.no_route ? 0 : 1, .mtu = h.mtu_back};
}

static inline enum weir_addr_type answer_type(void *ctx, uint8_t family,
                                              const union weir_addr *addr, uint16_t iface)
{
    assert_ptr_equal(ctx, &h);
    assert_int_equal(iface, 0);
    if (same_addr(family, addr, &h.local))
        return WEIR_ADDR_LOCAL;
    return same_addr(family, addr, &h.broadcast) ? WEIR_ADDR_BROADCAST : WEIR_ADDR_UNICAST;
}

static inline bool answer_source(void *ctx, enum weir_source_use use, uint16_t iface,
                                 uint8_t family, const union weir_addr *peer,
                                 union weir_addr *source)
{
    union weir_addr src = eval_src(&w.eval);

    assert_ptr_equal(ctx, &h);
    assert_int_equal(use, WEIR_SOURCE_ANSWER);
    assert_int_equal(iface, 0);
    assert_true(same_addr(family, peer, &src));
    *source = h.source;
    return !h.no_source;
}

static inline void *give_memory(void *ctx, size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_ptr_equal(ctx, &h);
    assert_non_null(memory);
    memset(memory, 0, size);
    h.memory++;
    return memory;
}

static inline void take_memory(void *ctx, void *memory, size_t size)
{
    assert_ptr_equal(ctx, &h);
    assert_true(size > 0);
    h.memory--;
    free(memory);
}

/* After begin(). */
static inline void with_host(void)
{
    memset(&h, 0, sizeof(h));
    w.track.host = (struct weir_host){.ctx = &h,
                                      .message = keep_said,
                                      .route = answer_route,
                                      .addr_type = answer_type,
                                      .source = answer_source,
                                      .reserve = give_memory,
                                      .release = take_memory};
    w.world.emit = keep_made;
    w.track.set.icmp_ratelimit = 1;
    random_init(&w.track.random, (uint64_t[]){1, 2});
}

/* --- rules with a state --- */

static inline void set_rule(const char *text)
{
    rule.rules = read_rule(text);
    if (!rule.rules)
        fail_msg("%s: %s", text, w.error.message);
    const struct ext *x = rule.rules->table[w.eval.table].builtin[w.eval.hook]->rules[0].target;

    rule.target = x;
    rule.run =
        (struct rules_run){.rules = rule.rules, .states = calloc(1, rule.rules->state_size + 1)};
    assert_non_null(rule.run.states);
    w.eval.run = &rule.run;
    if (x->type->bind)
        assert_true(x->type->bind(&w.world, x, rule.run.states + x->state));
}

static inline void unset_rule(void)
{
    const struct ext *x = rule.target;

    if (x->type->unbind)
        x->type->unbind(&w.world, x, rule.run.states + x->state);
    free(rule.run.states);
    weir_rules_free(rule.rules);
    w.eval.run = NULL;
    assert_int_equal(h.memory, 0);
}

/* What the rule does with the packet. */
static inline enum rules_verdict hit(void)
{
    w.eval.reason = WEIR_R_NONE;
    return rule.target->type->target(&w.eval, rule.target);
}

/* Once. */
static inline enum rules_verdict hit_rule(const char *text)
{
    set_rule(text);
    enum rules_verdict verdict = hit();

    unset_rule();
    return verdict;
}

/* --- checksums --- */

static inline void assert_ip4_sum(const uint8_t *ip)
{
    assert_int_equal(checksum_fold(checksum_add(0, ip, (ip[0] & 0xf) * 4u)), 0xffff);
}

/* The sum over an upper layer with pseudo-header. */
static inline uint16_t upper_sum(const struct parsed *ip)
{
    uint64_t sum = checksum_pseudo(ip->family, ip->ip, ip->proto, parsed_l4_len(ip));

    return checksum_fold(checksum_add(sum, ip->ip + ip->l4_off, parsed_l4_len(ip)));
}

#endif
