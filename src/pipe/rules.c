/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shard's rules: exchanging them, and reading their counters.
 *
 * The new ruleset is set up next to the old one, so that named objects which both use live on, and
 * so that nothing has changed when memory runs out.
 */
#include "nat/nat.h"
#include "pipe/shard.h"
#include "pipe/walk.h"

#include <errno.h>

static void plan(struct weir_shard *s, unsigned family_index)
{
    hooks_plan(s, family_index);
    express_plan(s, family_index);
}

void rules_init(struct weir_shard *s, int64_t wall_ns)
{
    s->world = (struct world){.t = &s->track, .wall_ns = wall_ns, .emit = walk_made, .owner = s};
    plan(s, 0);
    plan(s, 1);
}

void rules_fini(struct weir_shard *s)
{
    const struct weir_host *host = &s->track.host;

    for (int i = 0; i < 2; i++)
        rules_run_free(&s->world, s->rules[i]);
    if (s->world.room)
        host->release(host->ctx, s->world.room, WORLD_ROOM);
    nat_fini(&s->track);
}

static int prepare(struct weir_shard *s, const struct weir_rules *rules)
{
    const struct weir_host *host = &s->track.host;

    if (!s->world.room && !(s->world.room = host->reserve(host->ctx, WORLD_ROOM)))
        return -ENOMEM;
    return rules->table[WEIR_TABLE_NAT].present ? nat_init(&s->track) : 0;
}

int weir_shard_set_rules(struct weir_shard *shard, uint8_t family, const struct weir_rules *rules,
                         struct weir_sets *sets)
{
    struct rules_run **place = &shard->rules[family == 6], *old = *place, *made = NULL;
    struct weir_sets *before = shard->world.sets;

    if ((family != 4 && family != 6) || (rules && rules->family != family))
        return -EINVAL;
    if (rules) {
        int failed = prepare(shard, rules);

        shard->world.sets = sets;
        if (!failed && !(made = rules_run_new(&shard->world, rules)))
            failed = -ENOMEM;
        if (failed) {
            shard->world.sets = before;
            return failed;
        }
    }
    *place = made;
    rules_run_free(&shard->world, old);
    plan(shard, family == 6);
    return 0;
}

const struct weir_rules_count *weir_shard_rule_counts(const struct weir_shard *shard,
                                                      uint8_t family)
{
    const struct rules_run *run = shard->rules[family == 6];

    return run ? run->counts : NULL;
}

uint32_t weir_shard_address_gone(struct weir_shard *shard, uint16_t iface, uint8_t family,
                                 const union weir_addr *addr)
{
    return nat_iface_gone(&shard->track, iface, family, addr);
}
