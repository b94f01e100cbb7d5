/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gen_tcp_model: what a connection tracker should believe about one TCP connection.
 *
 * The generator needs it to aim: a sequence number one beyond the window is only interesting to
 * somebody who knows where the window ends. It follows the rules of Linux 6.18 closely enough for
 * that, but it is a steering aid, not a judge: it knows no time (nothing expires), no sysctls and
 * no NAT, and two generated flows with the same ports each have a model of their own.
 */
#ifndef TESTS_LIB_GEN_TCP_MODEL_H
#define TESTS_LIB_GEN_TCP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "build.h"

enum gen_tcp_state {
    MODEL_NONE = 0,
    MODEL_SYN_SENT,
    MODEL_SYN_RECV,
    MODEL_ESTABLISHED,
    MODEL_FIN_WAIT,
    MODEL_CLOSE_WAIT,
    MODEL_LAST_ACK,
    MODEL_TIME_WAIT,
    MODEL_CLOSE,
    MODEL_SYN_SENT2,
    MODEL_STATE_MAX,
    MODEL_IGNORE, /* only in the table: passes, changes nothing */
    MODEL_INVALID,
};

/* What a packet is to the table. */
enum gen_tcp_class {
    MODEL_CLASS_SYN = 0,
    MODEL_CLASS_SYNACK,
    MODEL_CLASS_FIN,
    MODEL_CLASS_ACK,
    MODEL_CLASS_RST,
    MODEL_CLASS_NONE,
    MODEL_CLASS_MAX,
};

struct gen_tcp_side {
    uint32_t end;    /* one behind the last byte it has sent */
    uint32_t maxend; /* how far the other side allows it to send */
    uint32_t maxwin; /* the largest window it has offered; 0: nothing known */
    uint32_t maxack; /* the highest ack it has sent */
    uint8_t scale;
    bool has_scale, sack, liberal, has_maxack, close_init;
};

struct gen_tcp_model {
    enum gen_tcp_state state;
    unsigned orig; /* which of the two sides the connection's original direction starts from */
    bool replied, assured;
    struct gen_tcp_side side[2]; /* by the sides of the test network */
    enum gen_tcp_class last_class;
    unsigned last_from;
    bool last_ignored; /* it passed without effect, but is remembered */
    uint32_t last_seq, last_ack, last_end;
    uint32_t last_win;
    uint8_t last_scale;
    bool last_has_scale, last_sack;
    bool challenge, simultaneous;
};

/* How often a packet met a cell of the state table, for measuring what a generator reaches. */
struct gen_tcp_coverage {
    uint32_t cell[MODEL_STATE_MAX][2][MODEL_CLASS_MAX]; /* state, direction (0 original), class */
};

void gen_tcp_model_init(struct gen_tcp_model *m);

/* Whether this combination of flags can belong to a connection at all. */
bool gen_tcp_model_flags_ok(uint16_t flags);
enum gen_tcp_class gen_tcp_model_class(uint16_t flags);

/* Side `from` (0 or 1) has sent this packet, with sound headers, and `len` bytes of payload. */
void gen_tcp_model_sent(struct gen_tcp_model *m, unsigned from, const struct build_tcp *t,
                        size_t len, struct gen_tcp_coverage *coverage);

const char *gen_tcp_model_state_name(enum gen_tcp_state state);
const char *gen_tcp_model_class_name(enum gen_tcp_class class);

#endif
