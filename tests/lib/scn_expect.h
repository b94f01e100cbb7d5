/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_expect: what stands behind the arrow of a packet, and in `expect entry` (see scenario.h).
 */
#ifndef TESTS_LIB_SCN_EXPECT_H
#define TESTS_LIB_SCN_EXPECT_H

#include "scenario.h"

/* The words about an entry or the engine, to the end of the line. */
bool scn_read_expect_words(struct scn_scan *s, struct scn_expect *e);

/* The same with the class in front. */
bool scn_read_expect(struct scn_scan *s, struct scn_expect *e);

/* "[6] PROTO SRC>DST [KEYS]" of `expect entry`; the scan stands behind it. */
bool scn_read_entry(struct scn_scan *s, uint8_t *proto, struct scn_tuple *orig);

/* "NEW,UPDATE" or "none". */
bool scn_read_events(const struct scn_scan *s, struct scn_word word, struct scn_events *events);

#endif
