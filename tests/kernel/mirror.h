/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the other side of a translated connection sends.
 *
 * The generator of packets knows nothing of NAT: its hosts answer the addresses that the first
 * packet was sent from and to. Real hosts answer what they saw. mirror() makes of the generator's
 * answer the answer to what came out, by the table as it is, so that random sequences go on through
 * NAT in both directions. Packets that match nothing, fragments and what cannot be parsed stay as
 * they are. Checksums that were right stay right, wrong ones stay wrong.
 */
#ifndef KERNEL_MIRROR_H
#define KERNEL_MIRROR_H

#include <weir/shard.h>

void mirror(const struct weir_shard *shard, uint8_t *packet, size_t len);

#endif
