/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks that Linux 6.18 gave to packets for HMARK. */
#ifndef TESTS_UNIT_HMARK_MARKS_H
#define TESTS_UNIT_HMARK_MARKS_H

#include <stdint.h>

struct hmark_mark {
    const char *what, *options, *packet;
    uint32_t mark;
};

static const struct hmark_mark hmark_marks[] = {
    {"udp", "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0x6602fa0d},
    {"udp, other way",
     "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0902020a090102005003e8000c1fc261626364", 0x6602fa0d},
    {"lower port first",
     "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0901020a090202005003e8000c1fc261626364", 0x6602fa0d},
    {"with protocol",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0x6602fa1e},
    {"protocol mask",
     "--hmark-tuple src,dst --hmark-proto-mask 0x10 --hmark-mod 0xffffffff --hmark-rnd 0xca"
     "fe",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0x3a2b5e6},
    {"addresses", "--hmark-tuple src,dst --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401162f00a0901c80a09020303e80050000c1efb61626364", 0xe4dfe9f0},
    {"prefixes",
     "--hmark-src-prefix 16 --hmark-dst-prefix 24 --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0xf0fad521},
    {"source and its port", "--hmark-tuple src,sport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0xa09d7d68},
    {"port masks",
     "--hmark-sport-mask 0xff00 --hmark-dport-mask 0xfff0 --hmark-mod 0xffffffff --hmark-rn"
     "d 0xcafe",
     "4500002000010000401163b70a0901020a09020212345678000cbb4d61626364", 0x95a15979},
    {"port value",
     "--hmark-sport 0x0f0f --hmark-sport-mask 0xffff --hmark-mod 0xffffffff --hmark-rnd 0xc"
     "afe",
     "4500002000010000401163b70a0901020a09020212345678000cbb4d61626364", 0xa21502de},
    {"esp", "--hmark-tuple src,dst,spi --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002400010000403263920a0901020a09020211223344000000010000000000000000", 0x86aa752},
    {"spi mask", "--hmark-spi-mask 0x00ff00ff --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002400010000403263920a0901020a09020211223344000000010000000000000000", 0x3baded2f},
    {"spi value",
     "--hmark-spi 0x50 --hmark-spi-mask 0xffffffff --hmark-mod 0xffffffff --hmark-rnd 0xcaf"
     "e",
     "4500002400010000403263920a0901020a09020211223344000000010000000000000000", 0xdee6321},
    {"ah", "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002c00010000403363890a0901020a090202060400001122334400000000000000000000000000000"
     "000",
     0x86aa752},
    {"gre", "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002c00010000402f638d0a0901020a090202123456780000000000000000000000000000000000000"
     "000",
     0x3a2b5f6},
    {"dccp", "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002c000100004021639b0a0901020a090202123456780000000000000000000000000000000000000"
     "000",
     0x85fbc53d},
    {"echo", "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500001c00010000400163cb0a0901020a09020208008f5312345678", 0x3a2b5f6},
    {"error", "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500003c00010000400163a60a0901070a09020203011432000000004500002000010000401163b70a090"
     "2020a09010200090008000c23e961626364",
     0x4da819a0},
    {"redirect",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500003c00010000400163a60a0901070a09020205011232000000004500002000010000401163b70a090"
     "2020a09010200090008000c23e961626364",
     0x4da819a0},
    {"error, ports cut off",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500003000010000400163b20a0901070a0902020301fcfe000000004500002000010000401163b70a090"
     "2020a090102",
     0x3a2b5e5},
    {"error about a fragment",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500003c00010000400163a60a0901070a09020203011432000000004500002000012000401143b70a090"
     "2020a09010200090008000c23e961626364",
     0x3a2b5e5},
    {"first fragment",
     "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002c00012000401143ab0a0901020a09020203e80050001820ad78787878787878787878787878787"
     "878",
     0x3a2b5f6},
    {"later fragment",
     "--hmark-tuple src,dst,sport,dport --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "4500002400010003401163b00a0901020a09020212345678123456781234567812345678", 0x3a2b5f6},
    {"scaled",
     "--hmark-tuple src,dst,sport,dport --hmark-mod 10 --hmark-offset 100 --hmark-rnd 0xcaf"
     "e",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0x67},
    {"other seed", "--hmark-tuple src,dst --hmark-mod 0xffffffff --hmark-rnd 0x12345678",
     "4500002000010000401163b70a0901020a09020203e80050000c1fc261626364", 0x7082a4f6},
    {"v6", "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "60000000000c1140fd090001000000000000000000000002fd09000200000000000000000000000203e80"
     "050000c3cbd61626364",
     0x51c6c872},
    {"v6 prefixes",
     "--hmark-src-prefix 64 --hmark-dst-prefix 100 --hmark-mod 0xffffffff --hmark-rnd 0xcaf"
     "e",
     "60000000000c1140fd090001000000000001000200030004fd09000200000000000a000b000c000d03e80"
     "050000c3cbd61626364",
     0x293af8ff},
    {"v6 options",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "6000000000143c40fd090001000000000000000000000002fd09000200000000000000000000000211000"
     "1040000000003e80050000c3cbd61626364",
     0x51c6c872},
    {"v6 AH", "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "6000000000243340fd090001000000000000000000000002fd09000200000000000000000000000211040"
     "000112233440000000000000000000000000000000003e80050000c3cbd61626364",
     0xe321f3a9},
    {"v6 error",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "60000000003c3a40fd090001000000000000000000000007fd09000200000000000000000000000201009"
     "33a0000000060000000000c1140fd090002000000000000000000000002fd090001000000000000000000"
     "00000200090008000c40e461626364",
     0xd64d9e8a},
    {"v6 redirect",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "60000000003c3a40fd090001000000000000000000000007fd09000200000000000000000000000289000"
     "b3a0000000060000000000c1140fd090002000000000000000000000002fd090001000000000000000000"
     "00000200090008000c40e461626364",
     0x168c7fba},
    {"v6 fragment",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "6000000000182c40fd090001000000000000000000000002fd09000200000000000000000000000211000"
     "0010000000103e8005000101f9a7878787878787878",
     0xe947ef17},
    {"v6 no next header",
     "--hmark-tuple src,dst,sport,dport,proto --hmark-mod 0xffffffff --hmark-rnd 0xcafe",
     "6000000000003b40fd090001000000000000000000000002fd090002000000000000000000000002",
     0xe947ef31},
};

#endif
