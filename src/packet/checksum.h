/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * Sums are kept unfolded in 64 bits and in memory byte order: ones' complement addition does not
 * care (RFC 1071, 2(B)).
 */
#ifndef WEIR_PACKET_CHECKSUM_H
#define WEIR_PACKET_CHECKSUM_H

#include "base/bytes.h"
#include <weir/types.h>

/* Add `len` bytes to a sum. An odd byte counts as the first of a pair, so only the last piece may
 * be odd. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/* Fold to 16 bits, without the final complement; raw (memory) order. */
static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The pseudo-header of RFC 768, 9293 and 8200: addresses, protocol and upper-layer length. */
uint64_t checksum_pseudo(uint8_t family, const uint8_t *ip, uint8_t proto, uint32_t length);

/*
 * RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m'). The checksum field after a 16-bit word under it
 * changed; all raw order.
 */
static inline uint16_t checksum_update(uint16_t field, uint16_t before, uint16_t after)
{
    uint32_t sum = (uint32_t)(uint16_t)~field + (uint16_t)~before + after;

    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t) ~(sum + (sum >> 16));
}

/* The same for a single byte; is its offset under the checksum odd? */
static inline uint16_t checksum_update_byte(uint16_t field, bool odd, uint8_t before, uint8_t after)
{
    const uint8_t was[2] = {odd ? 0 : before, odd ? before : 0};
    const uint8_t is[2] = {odd ? 0 : after, odd ? after : 0};

    return checksum_update(field, load_raw16(was), load_raw16(is));
}

/* CRC32c as SCTP uses it (RFC 9260, appendix A), of data whose checksum field (4 bytes at `field`)
 * counts as zero. */
uint32_t crc32c_sctp(const uint8_t *data, size_t len, size_t field);

/* The CRC32c after four bytes of the message, with `after` more behind them, were XORed with
 * `change`. */
uint32_t crc32c_change(uint32_t crc, const uint8_t change[4], size_t after);

#endif
