/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the matches of protocols with ports share: --sport and --dport, whose values stand at the
 * start of the extension's data.
 */
#ifndef WEIR_RULES_MATCH_PORTS_H
#define WEIR_RULES_MATCH_PORTS_H

#include "rules/match/header.h"

struct ports {
    uint16_t src[2], dst[2]; /* first and last, host byte order */
    uint32_t given;          /* options that were there, by id; see ports_once() */
};

/* Ids of options; an extension's own begin at PORT_IDS. */
enum { PORT_SRC = 0, PORT_DST, PORT_IDS };

/* The options' table begins with these. */
#define PORT_OPTIONS(more)                                                                        \
    {"sport", PORT_SRC, OPT_PORT_RANGE, OPT_NOT | (more), offsetof(struct ports, src)},           \
        {"source-port", PORT_SRC, OPT_PORT_RANGE, OPT_NOT | (more), offsetof(struct ports, src)}, \
        {"dport", PORT_DST, OPT_PORT_RANGE, OPT_NOT | (more), offsetof(struct ports, dst)},       \
    {                                                                                             \
        "destination-port", PORT_DST, OPT_PORT_RANGE, OPT_NOT | (more),                           \
            offsetof(struct ports, dst)                                                           \
    }

/* For `want`. */
void ports_want(const struct ext *x, struct want *w);

void ports_init(const struct rule_parse *r, struct ext *x);

/*
 * tcp and sctp are older than the option engine and have errors of their own: these options are
 * marked OPT_AGAIN, and the second of them is refused here. ports_take() is `take` for PORT_OPTIONS
 * of such an extension; a reversed range, which never matches, is an error there too.
 */
bool ports_once(struct rule_parse *r, struct ext *x, const struct opt *o, const char *name);
bool ports_take(struct rule_parse *r, struct ext *x, const struct opt *o, const char *text);

/* Do the ports in the first four bytes of the header fit? */
bool ports_match(const struct ext *x, const uint8_t *l4);

/* " spt:80 dpts:!1:5" */
void ports_list(struct text *out, const struct ext *x, const struct listing *how);

#endif
