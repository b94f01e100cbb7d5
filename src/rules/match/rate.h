/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rates as -m limit and -m hashlimit write them: "5/min". What is kept of a rate is its period, the
 * time from one packet to the next, as a number of equal parts of a second; how many parts there
 * are (`scale`) is the match's choice.
 */
#ifndef WEIR_RULES_MATCH_RATE_H
#define WEIR_RULES_MATCH_RATE_H

#include "rules/ext.h"

enum rate_fault { RATE_GOOD = 0, RATE_BAD, RATE_TOO_FAST };

/*
 * Read "N" or "N/unit", where unit is a beginning of second, minute, hour or day. As iptables does
 * it, what stands between the digits and the slash ("1.5/sec", "10x/sec") says nothing. *unit is
 * the unit in seconds.
 */
enum rate_fault rate_read(const char *text, uint32_t scale, uint64_t *period, uint32_t *unit);

/*
 * Write "N/unit". The unit is the largest in which N packets come nearer to the rate than one more
 * would; its length in seconds is what rate_unit() tells.
 */
void rate_print(struct text *out, uint64_t period, uint32_t scale);
uint32_t rate_unit(uint64_t period, uint32_t scale);

#endif
