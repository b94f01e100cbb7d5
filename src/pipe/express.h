/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way: usual packets of settled connections.
 *
 * Nearly all packets are ordinary ones (packet/glance.h) of connections that are established in
 * both directions and ASSURED, and nothing happens to them that needs a decision: the numbers are
 * within the window, the rules accept them by their class alone, the route leads on. Of such a
 * packet the tracker needs two lines of memory, and the walk through the hooks comes to a sum of
 * counters that is known beforehand. So it is done here, in a straight line.
 *
 * Whatever is not so goes the long way (walk.h), which alone says what is right: the short way
 * looks at everything first and changes nothing until it is sure, and then does what the long way
 * would have done. (tests/model/ runs the same packets both ways.)
 */
#ifndef WEIR_PIPE_EXPRESS_H
#define WEIR_PIPE_EXPRESS_H

#include "packet/glance.h"
#include "rules/settled.h"

struct weir_shard;

/* What the hooks of a path come to for a settled connection's packet. */
struct express_path {
    bool open;              /* the short way can be taken at all */
    bool nat;               /* the path translates what is to be translated */
    uint32_t rule;          /* for weir_packet.rule */
    struct settled counted; /* by these rules */
};

/* Of one family; made anew when rules are set. */
struct express {
    struct express_path forward, input;
};

void express_plan(struct weir_shard *s, unsigned family_index);

/* A packet of a batch that is looked at ahead. */
struct look {
    uint64_t hash;
    struct table_probe probe;
    struct conn *conn; /* the entry it probably belongs to */
    uint32_t ref;      /* of it, 0: none */
    struct glance glance;
};

/* The short way if it can be taken. False: nothing was done. */
bool express_run(struct weir_shard *s, struct weir_packet *raw, const struct look *l);

#endif
