/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_tuple: which connection a packet is about, read from its bytes.
 *
 * This is a second, plain reading of the conntrack reference's section 1, on purpose: a test that
 * asked weir for a packet's tuple could not notice that weir reads it wrongly.
 */
#ifndef KERNEL_SCENARIO_TUPLE_H
#define KERNEL_SCENARIO_TUPLE_H

#include "rig.h"

/*
 * The packet's tuple; that of the packet it quotes if it is an ICMP error. False if it has none: a
 * fragment without the beginning, too short, no upper layer. The addresses and the protocol are set
 * as far as they were found.
 */
bool scenario_tuple(const uint8_t *packet, size_t len, struct rig_tuple *tuple);

#endif
