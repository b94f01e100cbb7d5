/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The router's two TUN devices, its addresses and routes.
 *
 * The kernel must send nothing unasked, or every test would have to tell its own packets from
 * noise. TUN devices have no neighbours to resolve. IPv6 is what talks by itself: duplicate address
 * detection, router solicitation and link-local addresses are turned off before the devices exist
 * (new devices copy conf/default), and multicast is turned off on the devices so that no MLD report
 * announces the groups of their addresses.
 *
 * The devices are persistent, which here means that closing them is not what destroys them: that
 * would wait for RCU some 50 ms each, in rig_free(). They die with the namespace instead, in the
 * background.
 *
 * Errors that the kernel sends in answer are wanted, every one, so their rate limits are off.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "rig_priv.h"

static const struct {
    const char *name;
    const char *address[2];
} device[RIG_SIDE_MAX] = {
    [RIG_A] = {"ta", {"10.0.1.1/24", "fd99:1::1/64"}},
    [RIG_B] = {"tb", {"10.0.2.1/24", "fd99:2::1/64"}},
};

/* Set before the devices are made. A kernel that lacks an optional one does not need it: it is a
 * limit that came later or is a property of the whole machine there. */
static const struct {
    const char *name;
    const char *value;
    bool optional;
} setting[] = {
    {"net.ipv4.ip_forward", "1", false},
    {"net.ipv4.conf.all.rp_filter", "0", false},
    {"net.ipv4.conf.default.rp_filter", "0", false},
    {"net.ipv4.conf.all.send_redirects", "0", false},
    {"net.ipv4.conf.default.send_redirects", "0", false},
    {"net.ipv4.icmp_ratelimit", "0", false},
    {"net.ipv4.icmp_msgs_per_sec", "1000000000", true},
    {"net.ipv4.icmp_msgs_burst", "1000000000", true},
    {"net.ipv6.icmp.ratelimit", "0", false},
    {"net.ipv6.conf.all.disable_ipv6", "0", false},
    {"net.ipv6.conf.default.disable_ipv6", "0", false},
    {"net.ipv6.conf.default.accept_dad", "0", false},
    {"net.ipv6.conf.default.accept_ra", "0", false},
    {"net.ipv6.conf.default.autoconf", "0", false},
    {"net.ipv6.conf.default.router_solicitations", "0", false},
    {"net.ipv6.conf.default.addr_gen_mode", "1", false}, /* none */
    {"net.ipv6.conf.all.forwarding", "1", false},
};

static int settings(struct rig *rig)
{
    for (size_t i = 0; i < sizeof(setting) / sizeof(setting[0]); i++) {
        int err = rig_sysctl_set(rig, setting[i].name, setting[i].value);
        if (err && !(setting[i].optional && err == -ENOENT))
            return err;
    }
    return 0;
}

/* ---- requests ---- */

static struct nlmsghdr *request(struct rig *rig, void *buf, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
    nlh->nlmsg_seq = ++rig->seq;
    return nlh;
}

static int call(struct rig *rig, const struct nlmsghdr *nlh, const char *what, const char *name)
{
    int err = rig_nl_send(rig, rig->route, nlh, nlh->nlmsg_len, NULL, NULL);
    return err ? rig_fail(rig, -err, "%s on %s: %s", what, name, strerror(-err)) : 0;
}

/* ---- devices ---- */

/* Brings a device up, and sets what is not 0. */
static int link_set(struct rig *rig, const char *name, unsigned mtu, unsigned queue)
{
    char buf[256];
    struct nlmsghdr *nlh = request(rig, buf, RTM_NEWLINK, 0);
    struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
    ifi->ifi_family = AF_UNSPEC;
    ifi->ifi_index = (int)if_nametoindex(name);
    ifi->ifi_flags = ifi->ifi_change = IFF_UP;
    if (mtu)
        mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
    if (queue)
        mnl_attr_put_u32(nlh, IFLA_TXQLEN, queue);
    return call(rig, nlh, "device settings", name);
}

static int tun(struct rig *rig, enum rig_side side)
{
    struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device[side].name);
    rig->tun[side] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (rig->tun[side] < 0 || ioctl(rig->tun[side], TUNSETIFF, &ifr) < 0 ||
        ioctl(rig->tun[side], TUNSETPERSIST, 1) < 0)
        return rig_fail(rig, errno, "TUN device %s: %s", ifr.ifr_name, strerror(errno));
    rig->ifindex[side] = if_nametoindex(ifr.ifr_name);
    return link_set(rig, ifr.ifr_name, rig->opts.mtu, rig->opts.queue);
}

/* ---- addresses and routes ---- */

struct prefix {
    uint8_t addr[16];
    uint8_t family;
    uint8_t len; /* bits */
};

static int prefix_parse(struct rig *rig, const char *text, struct prefix *p)
{
    char addr[INET6_ADDRSTRLEN + 1];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : sizeof(addr);
    char *end = NULL;

    if (n >= sizeof(addr))
        goto bad;
    memcpy(addr, text, n);
    addr[n] = 0;
    memset(p, 0, sizeof(*p));
    p->family = strchr(addr, ':') ? AF_INET6 : AF_INET;
    unsigned long len = strtoul(slash + 1, &end, 10);
    if (inet_pton(p->family, addr, p->addr) != 1 || end == slash + 1 || *end ||
        len > (p->family == AF_INET ? 32 : 128))
        goto bad;
    p->len = (uint8_t)len;
    return 0;
bad:
    return rig_fail(rig, EINVAL, "\"%s\" is not an address/length like 10.9.0.0/16 or fd77::/48",
                    text);
}

static size_t addr_size(const struct prefix *p)
{
    return p->family == AF_INET ? 4 : 16;
}

static int side_check(struct rig *rig, enum rig_side side)
{
    return side == RIG_A || side == RIG_B
               ? 0
               : rig_fail(rig, EINVAL, "side %d is neither RIG_A nor RIG_B", (int)side);
}

/* What an address or a route needs: a side and a prefix. */
static int place_parse(struct rig *rig, enum rig_side side, const char *text, struct prefix *p)
{
    int err = side_check(rig, side);
    return err ? err : prefix_parse(rig, text, p);
}

int rig_address(struct rig *rig, enum rig_side side, const char *prefix)
{
    char buf[256];
    struct prefix p;
    int err = place_parse(rig, side, prefix, &p);
    if (err)
        return err;

    struct nlmsghdr *nlh = request(rig, buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
    ifa->ifa_family = p.family;
    ifa->ifa_prefixlen = p.len;
    ifa->ifa_flags = IFA_F_NODAD;
    ifa->ifa_scope = RT_SCOPE_UNIVERSE;
    ifa->ifa_index = rig->ifindex[side];
    mnl_attr_put(nlh, IFA_LOCAL, addr_size(&p), p.addr);
    mnl_attr_put(nlh, IFA_ADDRESS, addr_size(&p), p.addr);
    return call(rig, nlh, prefix, device[side].name);
}

int rig_route(struct rig *rig, enum rig_side side, const char *prefix)
{
    char buf[256];
    struct prefix p;
    int err = place_parse(rig, side, prefix, &p);
    if (err)
        return err;

    struct nlmsghdr *nlh = request(rig, buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
    struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
    rtm->rtm_family = p.family;
    rtm->rtm_dst_len = p.len;
    rtm->rtm_table = RT_TABLE_MAIN;
    rtm->rtm_protocol = RTPROT_STATIC;
    rtm->rtm_scope = p.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    rtm->rtm_type = RTN_UNICAST;
    mnl_attr_put(nlh, RTA_DST, addr_size(&p), p.addr);
    mnl_attr_put_u32(nlh, RTA_OIF, rig->ifindex[side]);
    return call(rig, nlh, prefix, device[side].name);
}

int rig_set_mtu(struct rig *rig, enum rig_side side, unsigned bytes)
{
    int err = side_check(rig, side);
    if (!err)
        err = link_set(rig, device[side].name, bytes, 0);
    if (!err && bytes >= 1280)
        err = rig_address(rig, side, device[side].address[1]);
    return err;
}

/* ---- life ---- */

static int addresses(struct rig *rig, enum rig_side side)
{
    int err = rig_address(rig, side, device[side].address[0]);
    return err || rig->opts.mtu < 1280 ? err : rig_address(rig, side, device[side].address[1]);
}

int rig_link_start(struct rig *rig)
{
    int err = rig_nl_open(rig, NETLINK_ROUTE, &rig->route);
    if (!err)
        err = settings(rig);
    if (!err)
        err = link_set(rig, "lo", 0, 0);
    for (enum rig_side side = RIG_A; !err && side <= RIG_B; side++) {
        err = tun(rig, side);
        if (!err)
            err = addresses(rig, side);
    }
    return err;
}

void rig_link_stop(struct rig *rig)
{
    for (enum rig_side side = RIG_A; side <= RIG_B; side++) {
        if (rig->tun[side] >= 0)
            close(rig->tun[side]);
    }
}
