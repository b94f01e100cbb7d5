/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link types: what is taken off a frame and what it tells, as a table of frames.
 */
#include "capture_fixture.h"

#define MACS "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"
#define SLL(type, hardware, protocol) \
    "\x00" type "\x00" hardware "\x00\x06\x02\x00\x00\x00\x00\x02\x00\x00" protocol
#define SLL2(type, hardware, protocol) \
    protocol "\x00\x00\x00\x00\x00\x09\x00" hardware type "\x06\x02\x00\x00\x00\x00\x02\x00\x00"

/* clang-format off */
static const struct {
    uint32_t link_type;
    const char *bytes;
    uint32_t len;
    enum capture_kind kind;
    uint16_t ethertype;
    int l3; /* offset in the frame; -1: none */
    int mac;
    uint16_t vlan[CAPTURE_MAX_VLAN];
    uint8_t vlan_count;
    enum capture_to to;
    uint32_t ifindex;
} links[] = {
#define ROW(link_type, bytes) link_type, bytes, sizeof(bytes) - 1
    {ROW(1, MACS "\x08\x00\x45"), CAPTURE_IPV4, 0x0800, 14, 6},
    {ROW(1, MACS "\x86\xdd\x60"), CAPTURE_IPV6, 0x86dd, 14, 6},
    {ROW(1, MACS "\x08\x00"), CAPTURE_IPV4, 0x0800, 14, 6}, /* nothing follows */
    {ROW(1, MACS "\x08\x06\x00\x01"), CAPTURE_OTHER, 0x0806, 14, 6},
    {ROW(1, MACS "\x88\xcc\x02"), CAPTURE_OTHER, 0x88cc, 14, 6},
    {ROW(1, MACS "\x00\x26\x42\x42\x03"), CAPTURE_OTHER, 0x0026, 14, 6},
    {ROW(1, MACS "\x08"), CAPTURE_SHORT, 0, -1, -1},
    {ROW(1, ""), CAPTURE_SHORT, 0, -1, -1},
    {ROW(1, MACS "\x81\x00\x60\x07\x08\x00\x45"), CAPTURE_IPV4, 0x0800, 18, 6, {7}, 1},
    {ROW(1, MACS "\x88\xa8\x0f\xff\x81\x00\x00\x02\x86\xdd\x60"),
     CAPTURE_IPV6, 0x86dd, 22, 6, {4095, 2}, 2},
    {ROW(1, MACS "\x91\x00\x00\x01\x81\x00\x00\x02\x08\x00\x45"),
     CAPTURE_IPV4, 0x0800, 22, 6, {1, 2}, 2},
    {ROW(1, MACS "\x88\xa8\x00\x01\x81\x00\x00\x02\x81\x00\x00\x03\x08\x00\x45"),
     CAPTURE_OTHER, 0x8100, 22, 6, {1, 2}, 2}, /* a third tag */
    {ROW(1, MACS "\x81\x00\x00\x07\x08"), CAPTURE_SHORT, 0, -1, 6},
    {ROW(1, MACS "\x81\x00\x00\x07\x81\x00\x00"), CAPTURE_SHORT, 0, -1, 6, {7}, 1},
    {ROW(101, "\x45\x00"), CAPTURE_IPV4, 0x0800, 0, -1},
    {ROW(12, "\x60\x00"), CAPTURE_IPV6, 0x86dd, 0, -1},
    {ROW(14, "\x4f"), CAPTURE_IPV4, 0x0800, 0, -1},
    {ROW(101, "\x00\x45"), CAPTURE_OTHER, 0, 0, -1},
    {ROW(101, ""), CAPTURE_SHORT, 0, -1, -1},
    {ROW(228, "\x45"), CAPTURE_IPV4, 0x0800, 0, -1},
    {ROW(229, "\x60"), CAPTURE_IPV6, 0x86dd, 0, -1},
    {ROW(113, SLL("\x00", "\x01", "\x08\x00") "\x45"),
     CAPTURE_IPV4, 0x0800, 16, 6, {0}, 0, CAPTURE_TO_US},
    {ROW(113, SLL("\x01", "\x01", "\x08\x06") "\x00"),
     CAPTURE_OTHER, 0x0806, 16, 6, {0}, 0, CAPTURE_TO_BROADCAST},
    {ROW(113, SLL("\x02", "\x01", "\x86\xdd") "\x60"),
     CAPTURE_IPV6, 0x86dd, 16, 6, {0}, 0, CAPTURE_TO_MULTICAST},
    {ROW(113, SLL("\x03", "\x01", "\x81\x00") "\x00\x05\x08\x00\x45"),
     CAPTURE_IPV4, 0x0800, 20, 6, {5}, 1, CAPTURE_TO_OTHER_HOST},
    {ROW(113, SLL("\x04", "\x00", "\x08\x00") "\x45"),
     CAPTURE_IPV4, 0x0800, 16, -1, {0}, 0, CAPTURE_OUTGOING}, /* no hardware address */
    {ROW(113, SLL("\x05", "\x01", "\x08\x00") "\x45"), CAPTURE_IPV4, 0x0800, 16, 6},
    {ROW(113, "\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x02\x00\x00\x08"),
     CAPTURE_SHORT, 0, -1, -1},
    {ROW(276, SLL2("\x00", "\x01", "\x08\x00") "\x45"),
     CAPTURE_IPV4, 0x0800, 20, 12, {0}, 0, CAPTURE_TO_US, 9},
    {ROW(276, SLL2("\x04", "\x01", "\x86\xdd") "\x60"),
     CAPTURE_IPV6, 0x86dd, 20, 12, {0}, 0, CAPTURE_OUTGOING, 9},
    {ROW(276, SLL2("\x04", "\x00", "\x81\x00") "\x00\x06\x08\x00\x45"),
     CAPTURE_IPV4, 0x0800, 24, -1, {6}, 1, CAPTURE_OUTGOING, 9},
    {ROW(276, "\x08\x00\x00\x00\x00\x00\x00\x09\x00\x01\x00\x06\x02\x00\x00\x00\x00\x02\x00"),
     CAPTURE_SHORT, 0, -1, -1},
    {ROW(0, "\x02\x00\x00\x00\x45"), CAPTURE_IPV4, 0x0800, 4, -1},
    {ROW(0, "\x00\x00\x00\x02\x45"), CAPTURE_IPV4, 0x0800, 4, -1},
    {ROW(0, "\x18\x00\x00\x00\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(0, "\x00\x00\x00\x1c\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(0, "\x1e\x00\x00\x00\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(0, "\x17\x00\x00\x00\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(0, "\x0a\x00\x00\x00\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(0, "\x07\x00\x00\x00\x45"), CAPTURE_OTHER, 0, 4, -1},
    {ROW(0, "\x02\x00\x00"), CAPTURE_SHORT, 0, -1, -1},
    {ROW(108, "\x00\x00\x00\x02\x45"), CAPTURE_IPV4, 0x0800, 4, -1},
    {ROW(108, "\x00\x00\x00\x18\x60"), CAPTURE_IPV6, 0x86dd, 4, -1},
    {ROW(108, "\x02\x00\x00\x00\x45"), CAPTURE_OTHER, 0, 4, -1},
    {ROW(108, "\x00\x00\x00"), CAPTURE_SHORT, 0, -1, -1},
#undef ROW
};
/* clang-format on */

static void check_link(size_t i, const struct capture_packet *p)
{
    int l3 = p->l3 ? (int)(p->l3 - p->frame) : -1;
    int mac = p->source_mac ? (int)(p->source_mac - p->frame) : -1;

    if (p->kind != links[i].kind || l3 != links[i].l3 || mac != links[i].mac)
        fail_msg("row %zu: kind %d, l3 at %d, address at %d", i, p->kind, l3, mac);
    assert_int_equal(p->l3_len, l3 < 0 ? 0 : links[i].len - (uint32_t)l3);
    assert_int_equal(p->ethertype, links[i].ethertype);
    assert_int_equal(p->vlan_count, links[i].vlan_count);
    for (int k = 0; k < p->vlan_count; k++)
        assert_int_equal(p->vlan[k], links[i].vlan[k]);
    assert_int_equal(p->to, links[i].to);
    assert_int_equal(p->ifindex, links[i].ifindex);
}

/* The same whatever the file's byte order, and in both formats. */
static void link_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(links) * 4; i++) {
        size_t row = i / 4;
        struct bytes b = {.swap = i & 1};
        struct capture_packet p;
        struct reading r;

        if (i & 2) {
            put_pcap(&b, MAGIC_NS, links[row].link_type);
            put_record(&b, 1, 2, links[row].len, links[row].len);
            put(&b, links[row].bytes, links[row].len);
        } else {
            put_section(&b);
            put_interface(&b, (uint16_t)links[row].link_type, 0, NULL, -1);
            put_packet(&b, 0, 0, links[row].bytes, links[row].len);
        }
        only(&r, &b, 0, &p);
        check_link(row, &p);
        end(&r);
        free_bytes(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
