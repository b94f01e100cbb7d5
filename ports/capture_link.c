/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link types: taking the link header off a captured frame.
 *
 * A link header ends in an ethertype, or says the IP version in a way of its own that is turned
 * into one. What an ethertype means is then decided in one place for all (network()), VLAN tags
 * included: cooked captures of an interface with VLANs have them after the cooked header.
 *
 * The tags are 802.1Q (0x8100), 802.1ad (0x88a8) and the older 0x9100 for the outer tag of two.
 * They are told apart by no more than that, since a firewall cares for the ids only. IP inside
 * anything else (802.2 SNAP, PPPoE, MPLS) is not IP to Linux' network layer on that interface, and
 * so not here.
 *
 * Numbers are those of the LINKTYPE_ registry (tcpdump.org/linktypes.html). Raw IP has three: 101
 * is the registered one, 12 and 14 are what BSDs wrote into files.
 */
#include "capture_private.h"

#include <stdio.h>

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_QINQ = 0x88a8,
    ETHERTYPE_OLD_QINQ = 0x9100,
    MAC_LEN = 6,
    ARPHRD_ETHERNET = 1,
};

static uint16_t be16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)be16(at) << 16 | be16(at + 2);
}

static void cut_short(struct capture_packet *p)
{
    p->kind = CAPTURE_SHORT;
}

static bool is_tag(uint16_t ethertype)
{
    return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ ||
           ethertype == ETHERTYPE_OLD_QINQ;
}

static enum capture_kind kind_of(uint16_t ethertype)
{
    switch (ethertype) {
    case ETHERTYPE_IPV4: return CAPTURE_IPV4;
    case ETHERTYPE_IPV6: return CAPTURE_IPV6;
    default: return CAPTURE_OTHER;
    }
}

/* What follows the link header's first AT bytes is of ETHERTYPE. */
static void network(struct capture_packet *p, uint16_t ethertype, uint32_t at)
{
    enum { TAG_LEN = 4, ID_MASK = 0xfff };

    while (is_tag(ethertype) && p->vlan_count < CAPTURE_MAX_VLAN) {
        if (p->cap_len - at < TAG_LEN) {
            cut_short(p);
            return;
        }
        p->vlan[p->vlan_count++] = be16(p->frame + at) & ID_MASK;
        ethertype = be16(p->frame + at + 2);
        at += TAG_LEN;
    }
    p->ethertype = ethertype;
    p->kind = kind_of(ethertype);
    p->l3 = p->frame + at;
    p->l3_len = p->cap_len - at;
}

static void ethernet(struct capture_packet *p)
{
    enum { LEN = 14 };

    if (p->cap_len < LEN) {
        cut_short(p);
        return;
    }
    p->source_mac = p->frame + MAC_LEN;
    network(p, be16(p->frame + 12), LEN);
}

static void ipv4(struct capture_packet *p)
{
    network(p, ETHERTYPE_IPV4, 0);
}

static void ipv6(struct capture_packet *p)
{
    network(p, ETHERTYPE_IPV6, 0);
}

static void raw(struct capture_packet *p)
{
    if (p->cap_len == 0) {
        cut_short(p);
        return;
    }
    switch (p->frame[0] >> 4) {
    case 4: ipv4(p); break;
    case 6: ipv6(p); break;
    default: network(p, 0, 0); break;
    }
}

/*
 * The four bytes of NULL and LOOP: an address family of the capturing system. AF_INET is 2
 * everywhere; AF_INET6 is 10 on Linux, 23 on Windows, 24, 28 and 30 on the BSDs and macOS.
 */
static void family(struct capture_packet *p, uint32_t value)
{
    enum { LEN = 4 };

    switch (value) {
    case 2: network(p, ETHERTYPE_IPV4, LEN); break;
    case 10:
    case 23:
    case 24:
    case 28:
    case 30: network(p, ETHERTYPE_IPV6, LEN); break;
    default: network(p, 0, LEN); break;
    }
}

/* In network byte order. */
static void loop(struct capture_packet *p)
{
    if (p->cap_len < 4)
        cut_short(p);
    else
        family(p, be32(p->frame));
}

/* In the byte order of the machine that captured: families are small, so that shows itself. */
static void null(struct capture_packet *p)
{
    uint32_t value;

    if (p->cap_len < 4) {
        cut_short(p);
        return;
    }
    value = be32(p->frame);
    family(p, value > 0xffff ? __builtin_bswap32(value) : value);
}

static void cooked_mac(struct capture_packet *p, uint32_t hardware, uint32_t len, const uint8_t *at)
{
    if (hardware == ARPHRD_ETHERNET && len == MAC_LEN)
        p->source_mac = at;
}

/* packet type 2, hardware type 2, address length 2, address 8, protocol 2 */
static void sll(struct capture_packet *p)
{
    enum { LEN = 16 };
    const uint8_t *at = p->frame;

    if (p->cap_len < LEN) {
        cut_short(p);
        return;
    }
    p->to = capture_to_linux(be16(at));
    cooked_mac(p, be16(at + 2), be16(at + 4), at + 6);
    network(p, be16(at + 14), LEN);
}

/* protocol 2, zero 2, interface index 4, hardware type 2, packet type 1, address length 1,
 * address 8 */
static void sll2(struct capture_packet *p)
{
    enum { LEN = 20 };
    const uint8_t *at = p->frame;

    if (p->cap_len < LEN) {
        cut_short(p);
        return;
    }
    p->ifindex = be32(at + 4);
    p->to = capture_to_linux(at[10]);
    cooked_mac(p, be16(at + 8), at[11], at + 12);
    network(p, be16(at), LEN);
}

/* Sorted as messages list them. The second half is for the name in a refusal. */
static const struct capture_link links[] = {
    {1, "EN10MB", ethernet},
    {101, "RAW", raw},
    {12, "RAW", raw},
    {14, "RAW", raw},
    {228, "IPV4", ipv4},
    {229, "IPV6", ipv6},
    {113, "LINUX_SLL", sll},
    {276, "LINUX_SLL2", sll2},
    {0, "NULL", null},
    {108, "LOOP", loop},
    {6, "IEEE802_5", NULL},
    {7, "ARCNET_BSD", NULL},
    {8, "SLIP", NULL},
    {9, "PPP", NULL},
    {10, "FDDI", NULL},
    {50, "PPP_HDLC", NULL},
    {51, "PPP_ETHER", NULL},
    {100, "ATM_RFC1483", NULL},
    {104, "C_HDLC", NULL},
    {105, "IEEE802_11", NULL},
    {107, "FRELAY", NULL},
    {117, "PFLOG", NULL},
    {119, "IEEE802_11_PRISM", NULL},
    {127, "IEEE802_11_RADIOTAP", NULL},
    {138, "APPLE_IP_OVER_IEEE1394", NULL},
    {147, "USER0", NULL},
    {163, "IEEE802_11_AVS", NULL},
    {166, "PPP_PPPD", NULL},
    {187, "BLUETOOTH_HCI_H4", NULL},
    {189, "USB_LINUX", NULL},
    {192, "PPI", NULL},
    {195, "IEEE802_15_4_WITHFCS", NULL},
    {201, "BLUETOOTH_HCI_H4_WITH_PHDR", NULL},
    {220, "USB_LINUX_MMAPPED", NULL},
    {227, "CAN_SOCKETCAN", NULL},
    {239, "NFLOG", NULL},
    {240, "NETANALYZER", NULL},
    {249, "USBPCAP", NULL},
    {252, "WIRESHARK_UPPER_PDU", NULL},
    {253, "NETLINK", NULL},
    {254, "BLUETOOTH_LINUX_MONITOR", NULL},
    {274, "ETHERNET_MPACKET", NULL},
};

enum { LINKS = sizeof(links) / sizeof(links[0]) };

const struct capture_link *capture_link_find(uint32_t number)
{
    for (size_t i = 0; i < LINKS; i++) {
        if (links[i].number == number)
            return &links[i];
    }
    return NULL;
}

const char *capture_link_unsupported(uint32_t number, char text[CAPTURE_LINK_TEXT])
{
    const struct capture_link *link = capture_link_find(number);
    size_t len;

    len = (size_t)snprintf(text, CAPTURE_LINK_TEXT, "link type %u%s%s%s is not supported; ", number,
                           link ? " (" : "", link ? link->name : "", link ? ")" : "");
    len += (size_t)snprintf(text + len, CAPTURE_LINK_TEXT - len, "supported are");
    for (size_t i = 0; i < LINKS && links[i].strip; i++)
        len += (size_t)snprintf(text + len, CAPTURE_LINK_TEXT - len, "%s %s (%u)", i ? "," : "",
                                links[i].name, links[i].number);
    return text;
}
