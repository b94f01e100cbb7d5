/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection as a line of text, in the two forms every operator knows: a line of
 * /proc/net/nf_conntrack, and a line of `conntrack -L` (1.4.7). Without the newline.
 */
#ifndef CONTROL_CONN_TEXT_H
#define CONTROL_CONN_TEXT_H

#include <weir/conn.h>

#include "textbuf.h"

/*
 * What a line shows. The two forms are sets of these; so are the messages of event_text.c, which
 * carry a part only when the event does.
 */
enum conn_text_part {
    CONN_TEXT_FAMILY = 0x1,      /* "ipv4     2 " in front: -o extended */
    CONN_TEXT_TIMEOUT = 0x2,     /* seconds left */
    CONN_TEXT_STATE = 0x4,       /* of TCP and SCTP */
    CONN_TEXT_COUNTERS = 0x8,    /* packets and bytes, where they are counted */
    CONN_TEXT_MARK = 0x10,       /* also when it is 0 */
    CONN_TEXT_DELTA = 0x20,      /* age, where the start is known */
    CONN_TEXT_KTIMESTAMP = 0x40, /* start and stop as dates: -o ktimestamp */
    CONN_TEXT_USE = 0x80,
    CONN_TEXT_ID = 0x100,     /* -o id */
    CONN_TEXT_LABELS = 0x200, /* -o labels; needs names */
    CONN_TEXT_PROC = 0x400,   /* in the manner of /proc, see conn_text.c */
};

/* What `conntrack -L` shows without -o; add FAMILY, KTIMESTAMP, ID, LABELS as -o asks. */
#define CONN_TEXT_LIST                                                                             \
    (CONN_TEXT_TIMEOUT | CONN_TEXT_STATE | CONN_TEXT_COUNTERS | CONN_TEXT_MARK | CONN_TEXT_DELTA | \
     CONN_TEXT_USE)

/* Names of the 128 label bits; NULL where a bit has none. */
struct conn_text_labels {
    const char *names[128];
};

/*
 * `now` is the moment of the listing, for ages. `labels` may be NULL: then labels are not shown,
 * as conntrack does when it has no connlabel.conf.
 */
void conn_text_proc(struct textbuf *text, const struct weir_conn *conn, struct weir_time now);
void conn_text_list(struct textbuf *text, const struct weir_conn *conn, unsigned parts,
                    struct weir_time now, const struct conn_text_labels *labels);

#endif
