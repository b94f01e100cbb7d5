/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of entries for the outside: what weir/conn.h promises. */
#include "track/track.h"
#include "packet/headers.h"

static void fill_proto(const struct conn *c, struct weir_conn *info)
{
    const union proto_state *s =
        c->family == 4 ? &((const struct conn4 *)c)->proto : &((const struct conn6 *)c)->proto;

    switch (c->proto) {
    case PROTO_TCP:
        info->state = s->tcp.state;
        memcpy(info->tcp.flags, s->tcp.flags, sizeof(info->tcp.flags));
        memcpy(info->tcp.scale, s->tcp.scale, sizeof(info->tcp.scale));
        break;
    case PROTO_SCTP:
        info->state = s->sctp.state;
        memcpy(info->sctp.vtag, s->sctp.vtag, sizeof(info->sctp.vtag));
        break;
    case PROTO_GRE:
        info->gre.timeout_s = (uint32_t)(s->gre.timeout / WEIR_TICKS_PER_SEC);
        info->gre.stream_timeout_s = (uint32_t)(s->gre.stream_timeout / WEIR_TICKS_PER_SEC);
        break;
    default: break;
    }
}

/* The same for as long as the entry lives, and different for the next one in its place unless the
 * tuple is the same. */
static uint32_t id_of(const struct track *t, const struct conn *c, uint32_t handle)
{
    struct weir_tuple tuple = conn_tuple(c, WEIR_ORIG);

    return (uint32_t)(track_hash(t, &tuple, c->zone) >> 16) ^ handle * 0x9e3779b1u;
}

void info_fill(const struct track *t, const struct conn *c, uint32_t handle, struct weir_conn *info)
{
    memset(info, 0, sizeof(*info));
    info->handle = handle;
    info->id = id_of(t, c, handle);
    info->tuple[WEIR_ORIG] = conn_tuple(c, WEIR_ORIG);
    info->tuple[WEIR_REPLY] = conn_tuple(c, WEIR_REPLY);
    info->zone = c->zone;
    info->zone_dirs = c->zone_dirs;
    info->status = c->status;
    info->timeout_ms = (int64_t)(int32_t)(c->deadline - track_now(t)) * 1000 / WEIR_TICKS_PER_SEC;
    info->mark = c->mark;
    info->use = 1;
    info->parts = c->parts;
    fill_proto(c, info);
    if (!c->ext)
        return;
    const struct conn_ext *ext = slab_at(&t->exts, c->ext);

    memcpy(info->packets, ext->packets, sizeof(info->packets));
    memcpy(info->bytes, ext->bytes, sizeof(info->bytes));
    info->start.ns = ext->start;
    info->stop.ns = ext->stop;
    memcpy(info->labels, ext->labels, sizeof(info->labels));
}

/* A clash entry is reachable by its replies only and shown nowhere. */
static bool is_shown(const struct track *t, const struct conn *c)
{
    return c->status & WEIR_S_CONFIRMED && !(c->status & WEIR_S_NAT_CLASH) && !conn_expired(t, c);
}

static bool walk_family(const struct track *t, uint32_t family, uint32_t *index,
                        struct weir_conn *info)
{
    const struct slab *s = &t->conns[family];

    while (*index < s->used) {
        const struct conn *c = slab_at(s, ++*index);

        if (is_shown(t, c)) {
            info_fill(t, c, handle_make(family ? 6 : 4, *index), info);
            return true;
        }
    }
    return false;
}

bool info_walk(const struct track *t, uint64_t *cursor, struct weir_conn *info)
{
    /* The cursor is family << 32 | the last index looked at. */
    uint32_t family = *cursor >> 32 != 0, index = (uint32_t)*cursor;
    bool found = walk_family(t, family, &index, info);

    if (!found && family == 0) {
        family = 1;
        index = 0;
        found = walk_family(t, family, &index, info);
    }
    *cursor = (uint64_t)family << 32 | index;
    return found;
}
