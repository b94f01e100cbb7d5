/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many connections there are from one network, of those that one rule has seen (-m connlimit).
 *
 * For each network and zone there is a list of connections, in the order in which the rule met them
 * first; its length is the answer. What a packet does to its network's list is what was seen of
 * Linux, since it shows:
 *
 *     there is no list   one is made, with the packet's connection
 *     it is not ASSURED  A walk along the list, from the oldest on, takes out connections that
 *                        ended and TCP connections that are closing, until it meets the packet's
 *                        own or has taken out 65. The packet's own is added if it is not there.
 *     it is ASSURED      All that ended or are closing are taken out, the packet's own too if it
 *                        is. None is added: it was when it began, if the rule saw it begin.
 *
 * So a source at its limit is refused packets of young connections once one more was refused, and
 * not those of connections that are under way; and connections that are older than the rule count
 * where they are the first of their network.
 *
 * Linux walks once in a jiffy. So it is here with lists of more than a few connections, and for
 * ASSURED ones with all lists, unless an entry of the shard has ended since. The looks that walks
 * along long lists may take are shared out among them, so many for each tick; a walk that must stop
 * is gone on with later.
 *
 * Memory is for twice as many connections as the shard can have: a rule may see both directions of
 * each, whose packets come from different networks. What no walk comes by any more is found by two
 * hands that go round all connections and all lists, some places for each one that is added.
 *
 * A connection is named by its tuple's hash with zone, 64 bits with the shard's key, and found by
 * it in the shard's table; as in Linux, an entry that ended and came again is the same.
 */
#ifndef WEIR_RULES_MATCH_CONNCOUNT_H
#define WEIR_RULES_MATCH_CONNCOUNT_H

#include "track/track.h"

struct conncount;

/* NULL: no memory. conncount_free() accepts NULL. */
struct conncount *conncount_new(const struct track *t);
void conncount_free(const struct track *t, struct conncount *cc);

/*
 * Count the packet's connection for the network; if it has none, the one that its tuple belongs to
 * or would be. False: there is no room for it.
 */
bool conncount_add(struct conncount *cc, struct track *t, const struct pkt *p,
                   const union weir_addr *network, uint32_t *count);

#endif
