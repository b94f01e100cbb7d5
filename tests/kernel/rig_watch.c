/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules that tell how tracking classed each packet, and the one that holds packets.
 *
 * They live in an nftables table of the inet family of their own, written over netlink, for three
 * reasons. An iptables-restore of the caller can replace any iptables table without taking them
 * away. One set serves both families. And a rule with a `ct` expression makes the kernel track in
 * both families, so tracking is on whatever the caller loads.
 *
 * Each watched hook has one chain with one rule per class,
 *
 *     ct state <bit> [ct direction <dir>] log group 1 prefix "<digit of the class>" accept
 *
 * where accept ends this chain only. PREROUTING and OUTPUT are watched right behind tracking
 * (priority -200) and before the mangle table (-150) and destination NAT (-100), so that nothing of
 * the caller can hide a packet. The other hooks are watched near their end: behind filter (0) and
 * source NAT (100), before helpers and confirmation (300 and later).
 *
 * A third kind drops what the router says about multicast groups before anybody sees it: IPv6 sends
 * these reports, late and at random, for the groups of the router's addresses even where the device
 * has multicast turned off.
 *
 * A fourth, on request, drops what is for the router itself once it is confirmed, so that no
 * answer of its sockets and protocols mixes with those of rules.
 *
 * Holding is a chain at FORWARD behind the filter table with the NFQUEUE target of iptables,
 * without bypass. nftables has an expression of its own for it, but behind a kernel option that is
 * often off, and a rule may not have the verdict NF_QUEUE itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <stddef.h>
#include <string.h>

#include "rig_priv.h"

static const char table[] = "rig";
static const char hold_chain[] = "hold";
static const char mute_chain[] = "mute";
static const char deaf_chain[] = "deaf";

static const struct {
    const char *chain;
    int hook;
    int priority;
    bool always;
} watch[RIG_HOOK_MAX] = {
    [RIG_PREROUTING] = {"prerouting", NF_INET_PRE_ROUTING, -160, true},
    [RIG_OUTPUT] = {"output", NF_INET_LOCAL_OUT, -160, true},
    [RIG_INPUT] = {"input", NF_INET_LOCAL_IN, 290, false},
    [RIG_FORWARD] = {"forward", NF_INET_FORWARD, 290, false},
    [RIG_POSTROUTING] = {"postrouting", NF_INET_POST_ROUTING, 290, false},
};

enum {
    MUTE_PRIORITY = -500, /* before all of iptables and tracking */
    HOLD_PRIORITY = 10,
    DEAF_PRIORITY = INT32_MAX, /* as confirmation; of equals the one made first runs last */
    ANY_DIR = -1,
};

static const struct {
    uint32_t state;
    int dir;
} classes[RIG_CLASS_MAX] = {
    [RIG_NEW] = {NF_CT_STATE_BIT(IP_CT_NEW), ANY_DIR},
    [RIG_ESTABLISHED] = {NF_CT_STATE_BIT(IP_CT_ESTABLISHED), IP_CT_DIR_ORIGINAL},
    [RIG_ESTABLISHED_REPLY] = {NF_CT_STATE_BIT(IP_CT_ESTABLISHED), IP_CT_DIR_REPLY},
    [RIG_RELATED] = {NF_CT_STATE_BIT(IP_CT_RELATED), IP_CT_DIR_ORIGINAL},
    [RIG_RELATED_REPLY] = {NF_CT_STATE_BIT(IP_CT_RELATED), IP_CT_DIR_REPLY},
    [RIG_INVALID] = {NF_CT_STATE_INVALID_BIT, ANY_DIR},
    [RIG_UNTRACKED] = {NF_CT_STATE_UNTRACKED_BIT, ANY_DIR},
};
_Static_assert(RIG_CLASS_MAX <= 10, "a class is one digit of a prefix");

enum rig_class rig_watch_class(const char *prefix)
{
    int n = prefix[0] - '0';
    return n > RIG_CLASS_NONE && n < RIG_CLASS_MAX && !prefix[1] ? (enum rig_class)n
                                                                 : RIG_CLASS_NONE;
}

/* ---- one transaction: requests between two marks, taken by the kernel all or none ---- */

struct batch {
    struct rig *rig;
    struct nlmsghdr *last;
    size_t used;
    char buf[32768]; /* 7 chains of up to 7 rules below 400 bytes each */
};

static struct nlmsghdr *add(struct batch *b, uint16_t type, uint16_t flags, uint8_t family,
                            uint16_t res_id)
{
    if (b->last)
        b->used += MNL_ALIGN(b->last->nlmsg_len);
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->used);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    nlh->nlmsg_seq = b->rig->seq;
    struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
    nfg->nfgen_family = family;
    nfg->version = NFNETLINK_V0;
    nfg->res_id = htons(res_id);
    b->last = nlh;
    return nlh;
}

static struct nlmsghdr *add_nft(struct batch *b, unsigned type, uint16_t flags)
{
    return add(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, NFPROTO_INET, 0);
}

static void begin(struct batch *b, struct rig *rig)
{
    b->rig = rig;
    b->used = 0;
    b->last = NULL;
    rig->seq++;
    add(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

/* Only the last request asks for an acknowledgement; a failure of any other answers by itself. */
static int commit(struct batch *b)
{
    b->last->nlmsg_flags |= NLM_F_ACK;
    struct nlmsghdr *end = add(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    return rig_nl_send(b->rig, b->rig->ctl, b->buf, b->used + end->nlmsg_len, NULL, NULL);
}

/* ---- pieces of rules ---- */

static void chain(struct batch *b, const char *name, int hook, int priority)
{
    struct nlmsghdr *nlh = add_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
    mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl((uint32_t)hook));
    mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
    mnl_attr_nest_end(nlh, nest);
}

struct expr {
    struct nlattr *elem;
    struct nlattr *data;
};

static struct expr expr_begin(struct nlmsghdr *nlh, const char *name)
{
    struct expr e;
    e.elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
    e.data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
    return e;
}

static void expr_end(struct nlmsghdr *nlh, struct expr e)
{
    mnl_attr_nest_end(nlh, e.data);
    mnl_attr_nest_end(nlh, e.elem);
}

/* The next three put something about the packet into register 1. */
static void load_ct(struct nlmsghdr *nlh, uint32_t key)
{
    struct expr e = expr_begin(nlh, "ct");
    mnl_attr_put_u32(nlh, NFTA_CT_KEY, htonl(key));
    mnl_attr_put_u32(nlh, NFTA_CT_DREG, htonl(NFT_REG_1));
    expr_end(nlh, e);
}

static void load_family(struct nlmsghdr *nlh)
{
    struct expr e = expr_begin(nlh, "meta");
    mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_NFPROTO));
    mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
    expr_end(nlh, e);
}

static void load_ip_header(struct nlmsghdr *nlh, uint32_t offset, uint32_t len)
{
    struct expr e = expr_begin(nlh, "payload");
    mnl_attr_put_u32(nlh, NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
    mnl_attr_put_u32(nlh, NFTA_PAYLOAD_BASE, htonl(NFT_PAYLOAD_NETWORK_HEADER));
    mnl_attr_put_u32(nlh, NFTA_PAYLOAD_OFFSET, htonl(offset));
    mnl_attr_put_u32(nlh, NFTA_PAYLOAD_LEN, htonl(len));
    expr_end(nlh, e);
}

/* Goes on only if register 1 holds `value`. */
static void equals(struct nlmsghdr *nlh, const void *value, size_t len)
{
    struct expr e = expr_begin(nlh, "cmp");
    mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
    mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
    struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
    mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
    mnl_attr_nest_end(nlh, data);
    expr_end(nlh, e);
}

static void log_as(struct nlmsghdr *nlh, enum rig_class c)
{
    const char prefix[] = {(char)('0' + (int)c), 0};
    struct expr e = expr_begin(nlh, "log");
    mnl_attr_put_u16(nlh, NFTA_LOG_GROUP, htons(RIG_LOG_GROUP));
    mnl_attr_put_u16(nlh, NFTA_LOG_QTHRESHOLD, htons(1));
    mnl_attr_put_strz(nlh, NFTA_LOG_PREFIX, prefix);
    expr_end(nlh, e);
}

static void verdict(struct nlmsghdr *nlh, uint32_t code)
{
    struct expr e = expr_begin(nlh, "immediate");
    mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
    struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
    struct nlattr *v = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
    mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl(code));
    mnl_attr_nest_end(nlh, v);
    mnl_attr_nest_end(nlh, data);
    expr_end(nlh, e);
}

static struct nlmsghdr *rule(struct batch *b, const char *in_chain)
{
    struct nlmsghdr *nlh = add_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, in_chain);
    return nlh;
}

/* ---- the rules ---- */

static void class_rule(struct batch *b, const char *in_chain, enum rig_class c)
{
    struct nlmsghdr *nlh = rule(b, in_chain);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
    load_ct(nlh, NFT_CT_STATE);
    equals(nlh, &classes[c].state, sizeof(classes[c].state));
    if (classes[c].dir != ANY_DIR) {
        const uint8_t dir = (uint8_t)classes[c].dir;
        load_ct(nlh, NFT_CT_DIRECTION);
        equals(nlh, &dir, sizeof(dir));
    }
    log_as(nlh, c);
    verdict(nlh, NF_ACCEPT);
    mnl_attr_nest_end(nlh, list);
}

/* The only packets that the router sends from :: are its reports about multicast groups. */
static void mute(struct batch *b)
{
    static const uint8_t family = NFPROTO_IPV6;
    static const uint8_t unspecified[16];
    chain(b, mute_chain, NF_INET_LOCAL_OUT, MUTE_PRIORITY);
    struct nlmsghdr *nlh = rule(b, mute_chain);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
    load_family(nlh);
    equals(nlh, &family, sizeof(family));
    load_ip_header(nlh, offsetof(struct ipv6hdr, saddr), sizeof(unspecified));
    equals(nlh, unspecified, sizeof(unspecified));
    verdict(nlh, NF_DROP);
    mnl_attr_nest_end(nlh, list);
}

static void deafen(struct batch *b)
{
    chain(b, deaf_chain, NF_INET_LOCAL_IN, DEAF_PRIORITY);
    struct nlmsghdr *nlh = rule(b, deaf_chain);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
    verdict(nlh, NF_DROP);
    mnl_attr_nest_end(nlh, list);
}

static int start(struct rig *rig, struct batch *b)
{
    begin(b, rig);
    struct nlmsghdr *nlh = add_nft(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
    mute(b);
    if (rig->opts.deaf)
        deafen(b);
    for (enum rig_hook h = RIG_PREROUTING; h < RIG_HOOK_MAX; h++) {
        if (!watch[h].always && !(rig->opts.see & 1u << h))
            continue;
        chain(b, watch[h].chain, watch[h].hook, watch[h].priority);
        for (enum rig_class c = RIG_NEW; c < RIG_CLASS_MAX; c++)
            class_rule(b, watch[h].chain, c);
    }
    return commit(b);
}

int rig_watch_start(struct rig *rig)
{
    struct batch b;
    int err = start(rig, &b);
    return err ? rig_fail(rig, -err,
                          "nftables rules with ct and log in a table of the inet family: %s",
                          strerror(-err))
               : 0;
}

static void queue(struct nlmsghdr *nlh)
{
    static const struct xt_NFQ_info_v3 info = {.queuenum = RIG_HOLD_QUEUE, .queues_total = 1};
    struct expr e = expr_begin(nlh, "target");
    mnl_attr_put_strz(nlh, NFTA_TARGET_NAME, "NFQUEUE");
    mnl_attr_put_u32(nlh, NFTA_TARGET_REV, htonl(3));
    mnl_attr_put(nlh, NFTA_TARGET_INFO, sizeof(info), &info);
    expr_end(nlh, e);
}

static int hold(struct rig *rig, struct batch *b)
{
    begin(b, rig);
    chain(b, hold_chain, NF_INET_FORWARD, HOLD_PRIORITY);
    struct nlmsghdr *nlh = rule(b, hold_chain);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
    queue(nlh);
    mnl_attr_nest_end(nlh, list);
    return commit(b);
}

static int let_go(struct rig *rig, struct batch *b)
{
    begin(b, rig);
    struct nlmsghdr *nlh = add_nft(b, NFT_MSG_DELRULE, 0);
    mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, hold_chain);
    nlh = add_nft(b, NFT_MSG_DELCHAIN, 0);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, hold_chain);
    return commit(b);
}

int rig_hold_enable(struct rig *rig, bool on)
{
    struct batch b;
    if (on == rig->holding)
        return 0;
    int err = on && !rig->queue ? rig_queue_start(rig) : 0;
    if (err)
        return err;
    err = on ? hold(rig, &b) : let_go(rig, &b);
    if (err)
        return rig_fail(rig, -err, "nftables rule that holds packets: %s", strerror(-err));
    rig->holding = on;
    return 0;
}
