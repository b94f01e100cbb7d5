/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network address translation (docs/reference/nat.md).
 *
 * A mapping is nothing but a connection whose reply tuple is not the mirror image of its original
 * tuple. nat_setup() chooses the new tuple once for each type of manipulation, before the entry is
 * confirmed; from then on nat_rewrite() changes every packet of the connection, in both directions,
 * at the two hooks of its type, without looking at rules again.
 *
 *     NAT_DST  PREROUTING, OUTPUT     changes the destination of the original direction
 *     NAT_SRC  INPUT, POSTROUTING     changes its source
 *
 * Files: nat.c requests, MASQUERADE, setting up; choose.c which tuple (section 5), address.c which
 * address of a range, search.c which port; source.c which mapping a source already has (5.3);
 * ports.c which ports of a translated address are taken, exactly, for when Linux's limited search
 * finds none; rewrite.c packets; inner.c the packets that ICMP errors quote.
 */
#ifndef WEIR_NAT_NAT_H
#define WEIR_NAT_NAT_H

#include "packet/glance.h"
#include "track/track.h"

enum nat_type { NAT_SRC = 0, NAT_DST = 1 };

enum nat_flag {
    NAT_MAP_IPS = 0x1,      /* an address was given: it must lie in [min, max] */
    NAT_PORT_RANGE = 0x2,   /* ports were given: the port or id must lie in [min_port, max_port] */
    NAT_RANDOM = 0x4,       /* --random, --random-fully: never keep the port */
    NAT_PERSISTENT = 0x8,   /* leave the destination out of the choice of an address */
    NAT_PORT_OFFSET = 0x10, /* DNAT LO-HI/BASE: port = lo + (port - base) */
    NAT_NETMAP = 0x20,      /* replace the bits of the address that min and max agree in, only */
};

/* What a rule asks for (reference, section 4). Addresses in network, ports in host byte order. */
struct nat_range {
    uint32_t flags; /* enum nat_flag */
    union weir_addr min, max;
    uint16_t min_port, max_port, base_port;
};

struct nat; /* a shard's */

/*
 * Make a shard's NAT (t->nat, t->on_end), with memory from t->host; does nothing if there is one.
 * -ENOMEM. nat_fini() accepts a tracker without it.
 */
int nat_init(struct track *t);
void nat_fini(struct track *t);

/* The type that a hook handles, by whether it is PREROUTING or OUTPUT. */
static inline enum nat_type nat_type_at(bool before_routing)
{
    return before_routing ? NAT_DST : NAT_SRC;
}

static inline bool nat_done(const struct conn *c, enum nat_type type)
{
    return c->status & (type == NAT_SRC ? WEIR_S_SRC_NAT_DONE : WEIR_S_DST_NAT_DONE);
}

/*
 * Look ahead, when a packet is likely to begin a connection: have the lines fetched that choosing
 * its tuple will need. Needs p->tuple; changes nothing. Only with t->nat.
 */
void nat_prefetch(const struct track *t, const struct pkt *p);

/* A packet about another connection, as opposed to the first one of a connection that is RELATED.
 */
static inline bool nat_is_error(const struct pkt *p)
{
    return (p->ctinfo == WEIR_CT_RELATED || p->ctinfo == WEIR_CT_RELATED_REPLY) &&
           (p->ip.proto == 1 || p->ip.proto == 58);
}

/* Has the packet, in its direction, something to be changed at a hook of this type? */
static inline bool nat_changes(const struct pkt *p, enum nat_type type)
{
    bool of_src = (type == NAT_SRC) == (p->dir == WEIR_ORIG);

    return p->conn->status & (of_src ? WEIR_S_SRC_NAT : WEIR_S_DST_NAT);
}

/*
 * All that nat_rewrite() would do at both hooks of its path to an ordinary packet of a translated,
 * confirmed connection.
 */
void nat_express(const struct conn *c, enum weir_dir dir, uint8_t *ip, struct glance g);

/*
 * What is to be done with a packet at a hook (reference, section 2).
 */
enum nat_need {
    NAT_NOTHING = 0, /* no entry (INVALID, UNTRACKED), or one that changes nothing here */
    NAT_RULES,       /* NEW or RELATED (no ICMP error), and the type is not fixed: rules, then
                        nat_null() if none of them fixed it, then nat_rewrite() */
    NAT_REWRITE      /* POSTROUTING: nat_moved(); then nat_rewrite() only */
};

static inline enum nat_need nat_need(const struct pkt *p, enum nat_type type)
{
    const struct conn *c = p->conn;

    if (!c)
        return NAT_NOTHING;
    if (nat_is_error(p))
        return NAT_REWRITE;
    if (!nat_done(c, type) && p->ctinfo != WEIR_CT_ESTABLISHED &&
        p->ctinfo != WEIR_CT_ESTABLISHED_REPLY)
        return NAT_RULES;
    return nat_changes(p, type) || (type == NAT_SRC && c->nat_iface) ? NAT_REWRITE : NAT_NOTHING;
}

/*
 * Fix one type of a new connection as the range asks. Does nothing for a confirmed entry, or when
 * the type is fixed already. False: the packet must be dropped, p->reason says why
 * (WEIR_R_NAT_EXHAUSTED; never with weir.nat_linux_search, which as Linux lets confirmation fail).
 */
bool nat_setup(struct track *t, struct pkt *p, const struct nat_range *range, enum nat_type type);
/* "Keep the address, any port": what no rule fixed. It may still change the port. */
bool nat_null(struct track *t, struct pkt *p, enum nat_type type);

/*
 * Rewrite the packet at a hook of this type, as its connection asks; ICMP errors with what they
 * quote (reference, sections 8 and 9). False: to be dropped, p->reason says why.
 */
bool nat_rewrite(struct track *t, struct pkt *p, enum nat_type type);

/*
 * MASQUERADE (reference, section 11): the interface is remembered with an entry that is not
 * confirmed yet. nat_moved(), to be asked at POSTROUTING before nat_rewrite(): the packet leaves by
 * another one now; its entry was ended, and it must be dropped (p->reason).
 */
void nat_set_iface(struct conn *c, uint16_t iface);
bool nat_moved(struct track *t, struct pkt *p, uint16_t out_iface);
/* End masqueraded connections of an interface: all (addr NULL: it went down) or those on an address
 * that was removed. How many. */
uint32_t nat_iface_gone(struct track *t, uint16_t iface, uint8_t family,
                        const union weir_addr *addr);

#endif
