/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CRC32c, the checksum of SCTP (RFC 9260, appendix A; RFC 3720, B.4 has test vectors).
 *
 * A CRC is the state of a shift register after the message went through it, here the reflected one
 * with polynomial 0x82f63b78 (0x1edc6f41 reversed). The register is linear: what a set message bit
 * adds to its final state depends only on how many steps follow, and the additions of all bits are
 * XORed. So eight bytes can go in at once ("slicing by eight"): each looks up what its bits add, in
 * the table for its place.
 *
 * The same linearity makes the tables. The last message bit adds the polynomial, the one before
 * adds what one more step makes of it, and so on: 64 successive states of the register for the 64
 * bits of eight bytes. They are the arguments of SLICE below, eight for each place; a table entry
 * is the XOR of those that its index has bits for, and the compiler works out all 2048. Anyone can
 * check the 64: each is  c >> 1 ^ (c & 1 ? 0x82f63b78 : 0)  of the one before.
 *
 * x86 processors since 2008 (SSE4.2) have the same polynomial as an instruction, several times as
 * fast; it is used where the processor says so.
 */
#include "packet/checksum.h"

/* What byte `i` adds; b7 is the addition of its highest bit, the one that is nearest to the
 * message's end. */
#define ENTRY(i, b7, b6, b5, b4, b3, b2, b1, b0)                                    \
    ((i)&1 ? b0 : 0u) ^ ((i)&2 ? b1 : 0u) ^ ((i)&4 ? b2 : 0u) ^ ((i)&8 ? b3 : 0u) ^ \
        ((i)&16 ? b4 : 0u) ^ ((i)&32 ? b5 : 0u) ^ ((i)&64 ? b6 : 0u) ^ ((i)&128 ? b7 : 0u)

#define ENTRIES4(i, ...)                                                             \
    ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), \
        ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES16(i, ...)                                                                     \
    ENTRIES4(i, __VA_ARGS__), ENTRIES4((i) + 4, __VA_ARGS__), ENTRIES4((i) + 8, __VA_ARGS__), \
        ENTRIES4((i) + 12, __VA_ARGS__)
#define ENTRIES64(i, ...)                                                                          \
    ENTRIES16(i, __VA_ARGS__), ENTRIES16((i) + 16, __VA_ARGS__), ENTRIES16((i) + 32, __VA_ARGS__), \
        ENTRIES16((i) + 48, __VA_ARGS__)
#define SLICE(after, ...)                                                                          \
    [after] = {ENTRIES64(0, __VA_ARGS__), ENTRIES64(64, __VA_ARGS__), ENTRIES64(128, __VA_ARGS__), \
               ENTRIES64(192, __VA_ARGS__)}

/* [bytes that follow it][byte] */
static const uint32_t adds[8][256] = {
    /* clang-format off */
    SLICE(0, 0x82f63b78, 0x417b1dbc, 0x20bd8ede, 0x105ec76f, 0x8ad958cf, 0xc79a971f, 0xe13b70f7, 0xf26b8303),
    SLICE(1, 0xfbc3faf9, 0xff17c604, 0x7f8be302, 0x3fc5f181, 0x9d14c3b8, 0x4e8a61dc, 0x274530ee, 0x13a29877),
    SLICE(2, 0x8b277743, 0xc76580d9, 0xe144fb14, 0x70a27d8a, 0x38513ec5, 0x9edea41a, 0x4f6f520d, 0xa541927e),
    SLICE(3, 0x52a0c93f, 0xaba65fe7, 0xd725148b, 0xe964b13d, 0xf64463e6, 0x7b2231f3, 0xbf672381, 0xdd45aab8),
    SLICE(4, 0x6ea2d55c, 0x37516aae, 0x1ba8b557, 0x8f2261d3, 0xc5670b91, 0xe045beb0, 0x7022df58, 0x38116fac),
    SLICE(5, 0x1c08b7d6, 0x0e045beb, 0x85f4168d, 0xc00c303e, 0x6006181f, 0xb2f53777, 0xdb8ca0c3, 0xef306b19),
    SLICE(6, 0xf56e0ef4, 0x7ab7077a, 0x3d5b83bd, 0x9c5bfaa6, 0x4e2dfd53, 0xa5e0c5d1, 0xd0065990, 0x68032cc8),
    SLICE(7, 0x34019664, 0x1a00cb32, 0x0d006599, 0x847609b4, 0x423b04da, 0x211d826d, 0x9278fa4e, 0x493c7d27),
    /* clang-format on */
};

/* The register after `len` more bytes. */
static uint32_t run_tables(uint32_t crc, const uint8_t *p, size_t len)
{
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = crc ^ load_le32(p);
        uint32_t high = load_le32(p + 4);

        crc = adds[7][low & 0xff] ^ adds[6][low >> 8 & 0xff] ^ adds[5][low >> 16 & 0xff] ^
              adds[4][low >> 24] ^ adds[3][high & 0xff] ^ adds[2][high >> 8 & 0xff] ^
              adds[1][high >> 16 & 0xff] ^ adds[0][high >> 24];
    }
    for (; len; len--, p++)
        crc = crc >> 8 ^ adds[0][(crc ^ *p) & 0xff];
    return crc;
}

#if defined(__x86_64__) && !defined(WEIR_CRC32C_TABLES_ONLY)
__attribute__((target("sse4.2"))) static uint32_t run_sse42(uint32_t crc, const uint8_t *p,
                                                            size_t len)
{
    uint64_t wide = crc;

    for (; len >= 8; len -= 8, p += 8)
        wide = __builtin_ia32_crc32di(wide, load_raw64(p));
    crc = (uint32_t)wide;
    for (; len; len--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static uint32_t run(uint32_t crc, const uint8_t *p, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? run_sse42(crc, p, len) : run_tables(crc, p, len);
}
#else
static uint32_t run(uint32_t crc, const uint8_t *p, size_t len)
{
    return run_tables(crc, p, len);
}
#endif

uint32_t crc32c_sctp(const uint8_t *data, size_t len, size_t field)
{
    static const uint8_t zeros[4];
    uint32_t crc = 0xffffffff;

    if (field > len || len - field < sizeof(zeros))
        return ~run(crc, data, len); /* the field is not among the data */
    crc = run(crc, data, field);
    crc = run(crc, zeros, sizeof(zeros));
    return ~run(crc, data + field + sizeof(zeros), len - field - sizeof(zeros));
}

uint32_t crc32c_change(uint32_t crc, const uint8_t change[4], size_t after)
{
    static const uint8_t zeros[256];

    /* Linear: the difference runs through a register of its own, which starts empty. */
    uint32_t difference = run(0, change, 4);

    for (; after > sizeof(zeros); after -= sizeof(zeros))
        difference = run(difference, zeros, sizeof(zeros));
    return crc ^ run(difference, zeros, after);
}
