/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet must be like for a rule to match, as far as it can be put into bits of a key.
 *
 * A key is what rules ask most about, in a few words: ports, protocol, interfaces, mark, addresses.
 * A rule wants some bits of it to have some value, and ports to be among a few. What it says
 * besides is left out, and so is what no bits can say (negations, prefixes of names, wide ranges):
 * a want is necessary, and not sufficient, for the rule to match.
 */
#ifndef WEIR_RULES_WANT_H
#define WEIR_RULES_WANT_H

#include "rules/ext.h"

/* IPv4 has no words behind KEY_ADDR. */
enum { KEY_UPPER = 0, KEY_LINK, KEY_ADDR, KEY_WORDS4 = KEY_ADDR + 1, KEY_WORDS = KEY_ADDR + 4 };

struct key {
    uint64_t word[KEY_WORDS];
};

/* Bits of a key that must have some value; `value` has no others. */
struct pattern {
    struct key value, mask;
};

enum { WANT_PORTS_MAX = 16 };

/* One of these; none: any port at all. */
struct want_ports {
    uint8_t count;
    uint16_t port[WANT_PORTS_MAX];
};

enum want_side { WANT_SRC = 0, WANT_DST };

struct want {
    uint8_t family;
    struct pattern pattern;
    struct want_ports ports[2];
};

/* Of the head of a rule. `proto`: the protocol as well. */
void want_head(struct want *w, const struct rule_head *h, bool proto);

/* Of matches. */
void want_addr(struct want *w, enum want_side side, const union weir_addr *addr,
               const union weir_addr *mask);
void want_mark(struct want *w, const struct mark_mask *mark);

struct port_range {
    uint16_t first, last;
};
void want_ports(struct want *w, enum want_side side, const struct port_range *range, uint8_t count);

/* Bits that are wanted already stay as they are: if the rule wants them otherwise as well, it never
 * matches, and one of the two is enough to see that. */
static inline void pattern_add(struct pattern *p, unsigned word, uint64_t value, uint64_t mask)
{
    uint64_t more = mask & ~p->mask.word[word];

    p->mask.word[word] |= more;
    p->value.word[word] |= value & more;
}

/* The words of a packet's key. */
static inline uint64_t key_upper(uint16_t sport, uint16_t dport, uint8_t proto)
{
    return (uint64_t)proto << 32 | (uint64_t)dport << 16 | sport;
}

/* Interfaces are hashes of their names. */
static inline uint64_t key_link(uint32_t mark, uint16_t in, uint16_t out)
{
    return (uint64_t)out << 48 | (uint64_t)in << 32 | mark;
}

uint16_t key_iface(const char *name);

static inline void key_addrs(struct key *k, uint8_t family, const union weir_addr *src,
                             const union weir_addr *dst)
{
    if (family == 4) {
        k->word[KEY_ADDR] = (uint64_t)src->v4 << 32 | dst->v4;
        return;
    }
    k->word[KEY_ADDR] = src->half[0];
    k->word[KEY_ADDR + 1] = src->half[1];
    k->word[KEY_ADDR + 2] = dst->half[0];
    k->word[KEY_ADDR + 3] = dst->half[1];
}

static inline bool key_same(const struct key *a, const struct key *b, uint8_t family)
{
    return memcmp(a, b, (family == 4 ? KEY_WORDS4 : KEY_WORDS) * sizeof(a->word[0])) == 0;
}

#endif
