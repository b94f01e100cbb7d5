/* SPDX-License-Identifier: BSD-2-Clause */
#include "pipe/fragments.h"
#include "packet/headers.h"
#include "pipe/classify.h"
#include "pipe/group.h"
#include "pipe/shard.h"

#include <errno.h>

static size_t budget_of(const struct weir_config *config)
{
    return config->fragment_memory ? config->fragment_memory : FRAG_BUDGET;
}

uint64_t fragments_size(const struct weir_config *config)
{
    return 2 * (uint64_t)frag_bytes(budget_of(config));
}

int fragments_init(struct fragments *f, const struct weir_config *config, int64_t tick64)
{
    const struct weir_host *host = &config->host;

    f->bytes = frag_bytes(budget_of(config));
    for (int i = 0; i < 2; i++) {
        f->memory[i] = host->reserve(host->ctx, f->bytes);
        if (!f->memory[i])
            return -ENOMEM;
        frag_init(&f->store[i], i ? 6 : 4, f->memory[i], budget_of(config), config->seed, tick64);
    }
    f->store[0].high = FRAG_HIGH_THRESH;
    f->store[0].timeout = FRAG_TIMEOUT;
    return 0;
}

void fragments_fini(struct fragments *f, const struct weir_host *host)
{
    for (int i = 0; i < 2; i++)
        if (f->memory[i])
            host->release(host->ctx, f->memory[i], f->bytes);
}

/* Without the zone: a template stands for a rule of the raw table, which comes after gathering. */
static struct frag_scope scope_of(const struct weir_packet *raw)
{
    return (struct frag_scope){
        .iface = raw->in_iface,
        .stage = raw->path == WEIR_PATH_OUTPUT ? FRAG_LOCAL_OUT : FRAG_PREROUTING,
    };
}

enum gathering fragments_gather(struct weir_shard *s, struct pkt *p)
{
    struct track *t = &s->track;
    struct frag *f = &s->fragments.store[p->ip.family == 6];
    struct frag_scope scope = scope_of(p->raw);
    struct frag_datagram whole;

    if (p->ip.family == 6) {
        f->high = t->set.frag6_high;
        f->timeout = t->ticks[WEIR_T_FRAG6_TIMEOUT];
    }
    switch (frag_add(f, t->tick64, &p->ip, &scope, &whole)) {
    case FRAG_HELD: p->reason = whole.reason; return GATHER_HELD;
    case FRAG_DROPPED: p->reason = whole.reason; return GATHER_DROP;
    case FRAG_COMPLETE:
        p->ip = whole.ip;
        p->layout = whole.layout;
        p->moved = p->gathered = true;
        p->verify_checksum = p->verify_checksum && !p->ip.cut;
        classify_key(t, p);
        return s->worker ? group_gathered(s, p) : GATHER_GO_ON;
    case FRAG_PASS: break; /* goes on as it is */
    }
    return GATHER_GO_ON;
}

enum refrag_result fragments_fit(const struct pkt *p, uint32_t mtu, struct refrag *r)
{
    if (!p->gathered && (mtu == 0 || p->ip.l3_len <= mtu || p->ip.cut))
        return REFRAG_WHOLE;
    return refrag_begin(r, p->ip.ip, p->ip.l3_len, p->gathered ? &p->layout : NULL, mtu, 0);
}

static void hand_out(struct weir_shard *s, const struct pkt *p, uint8_t *data, uint32_t len)
{
    const struct weir_host *host = &s->track.host;
    struct weir_packet made = *p->raw;

    made.data = data;
    made.len = len;
    made.wire_len = 0;
    made.verdict = WEIR_ACCEPT;
    if (host->packet)
        host->packet(host->ctx, &made, s->track.cause);
}

uint16_t fragments_send(struct weir_shard *s, struct pkt *p, enum refrag_result fit,
                        struct refrag *r)
{
    uint16_t n = 0;
    uint32_t len;

    if (fit == REFRAG_WHOLE) {
        hand_out(s, p, p->ip.ip, p->ip.l3_len);
        return 1;
    }
    while (p->ip.family == 6 && r->id == 0)
        r->id = random_u32(&s->track.random);
    for (uint8_t *piece; (piece = refrag_next(r, &len)); n++)
        hand_out(s, p, piece, len);
    return n;
}

void fragments_expire(struct weir_shard *s)
{
    struct track *t = &s->track;
    struct frag_expired gone;

    for (int i = 0; i < 2; i++)
        while (frag_expire(&s->fragments.store[i], t->tick64, &gone))
            t->stats.reasons[WEIR_R_FRAG_TIMEOUT]++;
}

bool fragments_next(const struct weir_shard *s, int64_t *tick64)
{
    int64_t other;
    bool any = frag_next(&s->fragments.store[0], tick64);

    if (!frag_next(&s->fragments.store[1], &other))
        return any;
    if (!any || other < *tick64)
        *tick64 = other;
    return true;
}
