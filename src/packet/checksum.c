/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/checksum.h"
#include "packet/headers.h"

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;

    /* 32-bit words into a 64-bit sum cannot overflow below 16 GiB; four at a time so that additions
     * overlap. */
    for (; len >= 16; len -= 16, p += 16)
        sum += (uint64_t)load_raw32(p) + load_raw32(p + 4) + load_raw32(p + 8) + load_raw32(p + 12);
    for (; len >= 4; len -= 4, p += 4)
        sum += load_raw32(p);
    if (len >= 2) {
        sum += load_raw16(p);
        p += 2;
        len -= 2;
    }
    if (len) {
        const uint8_t last[2] = {*p, 0};

        sum += load_raw16(last);
    }
    return sum;
}

uint64_t checksum_pseudo(uint8_t family, const uint8_t *ip, uint8_t proto, uint32_t length)
{
    uint64_t sum = (uint64_t)BE32(length) + BE32(proto);

    if (family == 4)
        return checksum_add(sum, ip + IP4_SRC, 8);
    return checksum_add(sum, ip + IP6_SRC, 32);
}
