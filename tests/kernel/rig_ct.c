/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctnetlink: events, dumps, single entries, changes, counters.
 *
 * The event socket joins its groups before the first packet, because the kernel records events only
 * for entries that were made while somebody listened.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "rig_priv.h"

enum {
    REQUEST_SIZE = 2048, /* an entry with everything is below 700 bytes */
};

#define CT(msg)  (NFNL_SUBSYS_CTNETLINK << 8 | (msg))
#define EXP(msg) (NFNL_SUBSYS_CTNETLINK_EXP << 8 | (msg))

/* ---- events ---- */

int rig_ct_start(struct rig *rig)
{
    static const int groups[] = {
        NFNLGRP_CONNTRACK_NEW,     NFNLGRP_CONNTRACK_UPDATE,      NFNLGRP_CONNTRACK_DESTROY,
        NFNLGRP_CONNTRACK_EXP_NEW, NFNLGRP_CONNTRACK_EXP_DESTROY,
    };
    int err = rig_nl_open(rig, NETLINK_NETFILTER, &rig->events);
    for (size_t i = 0; !err && i < sizeof(groups) / sizeof(groups[0]); i++) {
        int group = groups[i];
        if (mnl_socket_setsockopt(rig->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
            err = rig_fail(rig, errno, "ctnetlink event group %d: %s", group, strerror(errno));
    }
    return err;
}

static enum rig_event_kind kind_of(const struct nlmsghdr *nlh)
{
    switch (nlh->nlmsg_type) {
    case CT(IPCTNL_MSG_CT_NEW):
        return nlh->nlmsg_flags & NLM_F_CREATE ? RIG_EVENT_NEW : RIG_EVENT_UPDATE;
    case CT(IPCTNL_MSG_CT_DELETE): return RIG_EVENT_DESTROY;
    case EXP(IPCTNL_MSG_EXP_NEW): return RIG_EVENT_EXPECT_NEW;
    case EXP(IPCTNL_MSG_EXP_DELETE): return RIG_EVENT_EXPECT_DESTROY;
    default: return RIG_EVENT_NONE;
    }
}

static int on_event(struct rig *rig, const struct nlmsghdr *nlh, void *arg)
{
    (void)rig;
    struct rig_result *result = arg;
    enum rig_event_kind kind = kind_of(nlh);
    if (!kind)
        return 0;
    if (!rig_grow(&result->event, &result->event_room, result->events, sizeof(*result->event)))
        return -ENOMEM;
    struct rig_event *event = &result->event[result->events];
    event->kind = kind;
    event->portid = nlh->nlmsg_pid;
    int err = kind >= RIG_EVENT_EXPECT_NEW ? rig_expect_dec(nlh, &event->expect)
                                           : rig_entry_dec(nlh, &event->entry);
    if (!err)
        result->events++;
    return err;
}

int rig_ct_drain(struct rig *rig, struct rig_result *result)
{
    int err = rig_nl_drain(rig, rig->events, on_event, result);
    return err ? rig_fail(rig, -err, "ctnetlink events: %s", strerror(-err)) : 0;
}

/* ---- tables ---- */

int rig_tuple_cmp(const struct rig_tuple *a, const struct rig_tuple *b)
{
    const int diff[] = {
        a->family - b->family,
        a->proto - b->proto,
        memcmp(a->src, b->src, sizeof(a->src)),
        memcmp(a->dst, b->dst, sizeof(a->dst)),
        a->sport - b->sport,
        a->dport - b->dport,
        a->icmp_id - b->icmp_id,
        a->icmp_type - b->icmp_type,
        a->icmp_code - b->icmp_code,
        a->zone - b->zone,
    };
    for (size_t i = 0; i < sizeof(diff) / sizeof(diff[0]); i++) {
        if (diff[i])
            return diff[i];
    }
    return 0;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct rig_entry *x = a;
    const struct rig_entry *y = b;
    int diff = rig_tuple_cmp(&x->orig, &y->orig);
    if (!diff)
        diff = x->zone - y->zone;
    return diff ? diff : rig_tuple_cmp(&x->reply, &y->reply);
}

static int expect_cmp(const void *a, const void *b)
{
    const struct rig_expect *x = a;
    const struct rig_expect *y = b;
    int diff = rig_tuple_cmp(&x->tuple, &y->tuple);
    return diff ? diff : rig_tuple_cmp(&x->master, &y->master);
}

static int callback(int err)
{
    if (!err)
        return MNL_CB_OK;
    errno = -err;
    return MNL_CB_ERROR;
}

static int on_entry(const struct nlmsghdr *nlh, void *arg)
{
    struct rig_table *t = arg;
    if (!rig_grow(&t->entry, &t->room, t->entries, sizeof(*t->entry)))
        return callback(-ENOMEM);
    return callback(rig_entry_dec(nlh, &t->entry[t->entries++]));
}

static int on_expect(const struct nlmsghdr *nlh, void *arg)
{
    struct rig_expect_table *t = arg;
    if (!rig_grow(&t->expect, &t->room, t->expects, sizeof(*t->expect)))
        return callback(-ENOMEM);
    return callback(rig_expect_dec(nlh, &t->expect[t->expects++]));
}

/* A request without attributes. */
static int simple(struct rig *rig, unsigned type, uint16_t flags, mnl_cb_t cb, void *arg,
                  const char *what)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = rig_nl_request(rig, buf, (uint16_t)type, flags, AF_UNSPEC);
    int err = rig_nl_call(rig, nlh, cb, arg);
    return err ? rig_fail(rig, -err, "ctnetlink: %s: %s", what, strerror(-err)) : 0;
}

int rig_dump(struct rig *rig, struct rig_table *table)
{
    table->entries = 0;
    int err = simple(rig, CT(IPCTNL_MSG_CT_GET), NLM_F_DUMP, on_entry, table, "dump of the table");
    if (!err && table->entries)
        qsort(table->entry, table->entries, sizeof(*table->entry), entry_cmp);
    return err;
}

int rig_dump_expect(struct rig *rig, struct rig_expect_table *table)
{
    table->expects = 0;
    int err = simple(rig, EXP(IPCTNL_MSG_EXP_GET), NLM_F_DUMP, on_expect, table,
                     "dump of the expectations");
    if (!err && table->expects)
        qsort(table->expect, table->expects, sizeof(*table->expect), expect_cmp);
    return err;
}

void rig_table_free(struct rig_table *table)
{
    free(table->entry);
    memset(table, 0, sizeof(*table));
}

void rig_expect_table_free(struct rig_expect_table *table)
{
    free(table->expect);
    memset(table, 0, sizeof(*table));
}

/* ---- single entries ---- */

static int on_get(const struct nlmsghdr *nlh, void *arg)
{
    int ret = callback(rig_entry_dec(nlh, arg));
    return ret == MNL_CB_OK ? MNL_CB_STOP : ret; /* one message, nothing behind it */
}

/* No words for "not there": it is an answer, and asked for once per packet. */
int rig_get(struct rig *rig, const struct rig_tuple *tuple, uint16_t zone, struct rig_entry *entry)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = rig_nl_request(rig, buf, CT(IPCTNL_MSG_CT_GET), 0, tuple->family);
    rig_tuple_enc(nlh, CTA_TUPLE_ORIG, tuple);
    if (zone)
        mnl_attr_put_u16(nlh, CTA_ZONE, htons(zone));
    int err = rig_nl_call(rig, nlh, on_get, entry);
    return err && err != -ENOENT
               ? rig_fail(rig, -err, "ctnetlink: asking for an entry: %s", strerror(-err))
               : err;
}

static int change(struct rig *rig, unsigned type, uint16_t flags, const struct rig_entry *entry,
                  const char *what)
{
    char buf[REQUEST_SIZE];
    const uint8_t family = entry->has & RIG_HAS_ORIG ? entry->orig.family : entry->reply.family;
    struct nlmsghdr *nlh =
        rig_nl_request(rig, buf, (uint16_t)type, (uint16_t)(NLM_F_ACK | flags), family);
    rig_entry_enc(nlh, entry);
    int err = rig_nl_call(rig, nlh, NULL, NULL);
    return err ? rig_fail(rig, -err, "ctnetlink: %s an entry: %s", what, strerror(-err)) : 0;
}

int rig_create(struct rig *rig, const struct rig_entry *entry)
{
    return change(rig, CT(IPCTNL_MSG_CT_NEW), NLM_F_CREATE | NLM_F_EXCL, entry, "creating");
}

int rig_update(struct rig *rig, const struct rig_entry *entry)
{
    return change(rig, CT(IPCTNL_MSG_CT_NEW), 0, entry, "updating");
}

/* Without a tuple the kernel would take the request for a flush. */
int rig_delete(struct rig *rig, const struct rig_entry *entry)
{
    if (!(entry->has & (RIG_HAS_ORIG | RIG_HAS_REPLY)))
        return rig_fail(rig, EINVAL, "deleting an entry: neither tuple is given");
    return change(rig, CT(IPCTNL_MSG_CT_DELETE), 0, entry, "deleting");
}

int rig_flush(struct rig *rig)
{
    return simple(rig, CT(IPCTNL_MSG_CT_DELETE), NLM_F_ACK, NULL, NULL, "flush of the table");
}

int rig_flush_expect(struct rig *rig)
{
    return simple(rig, EXP(IPCTNL_MSG_EXP_DELETE), NLM_F_ACK, NULL, NULL,
                  "flush of the expectations");
}

/* ---- timeout policies ---- */

int rig_timeout_policy(struct rig *rig, const char *name, int family, uint8_t proto,
                       const uint32_t *seconds, size_t n)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh =
        rig_nl_request(rig, buf, NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_NEW,
                       NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, (uint8_t)family);
    mnl_attr_put_strz(nlh, CTA_TIMEOUT_NAME, name);
    mnl_attr_put_u16(nlh, CTA_TIMEOUT_L3PROTO, htons((uint16_t)family));
    mnl_attr_put_u8(nlh, CTA_TIMEOUT_L4PROTO, proto);
    struct nlattr *data = mnl_attr_nest_start(nlh, CTA_TIMEOUT_DATA);
    for (size_t i = 0; i < n; i++) {
        if (seconds[i])
            mnl_attr_put_u32(nlh, (uint16_t)(i + 1), htonl(seconds[i]));
    }
    mnl_attr_nest_end(nlh, data);
    int err = rig_nl_call(rig, nlh, NULL, NULL);
    return err ? rig_fail(rig, -err, "timeout policy %s: %s", name, strerror(-err)) : 0;
}

/* ---- counters ---- */

static uint32_t attr_u32(const struct nlattr *attr)
{
    return mnl_attr_get_payload_len(attr) < sizeof(uint32_t) ? 0 : ntohl(mnl_attr_get_u32(attr));
}

static int on_count(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attr) == CTA_STATS_GLOBAL_ENTRIES)
            *(uint32_t *)arg = attr_u32(attr);
    }
    return MNL_CB_STOP;
}

int rig_count(struct rig *rig, uint32_t *n)
{
    *n = 0;
    return simple(rig, CT(IPCTNL_MSG_CT_GET_STATS), 0, on_count, n, "number of entries");
}

struct counter {
    uint16_t type;
    size_t at;
};

static const struct counter ct_counter[] = {
    {CTA_STATS_FOUND, offsetof(struct rig_stats, found)},
    {CTA_STATS_INVALID, offsetof(struct rig_stats, invalid)},
    {CTA_STATS_INSERT, offsetof(struct rig_stats, insert)},
    {CTA_STATS_INSERT_FAILED, offsetof(struct rig_stats, insert_failed)},
    {CTA_STATS_DROP, offsetof(struct rig_stats, drop)},
    {CTA_STATS_EARLY_DROP, offsetof(struct rig_stats, early_drop)},
    {CTA_STATS_ERROR, offsetof(struct rig_stats, error)},
    {CTA_STATS_SEARCH_RESTART, offsetof(struct rig_stats, search_restart)},
    {CTA_STATS_CLASH_RESOLVE, offsetof(struct rig_stats, clash_resolve)},
    {CTA_STATS_CHAIN_TOOLONG, offsetof(struct rig_stats, chain_toolong)},
    {0, 0},
};

static const struct counter exp_counter[] = {
    {CTA_STATS_EXP_NEW, offsetof(struct rig_stats, expect_new)},
    {CTA_STATS_EXP_CREATE, offsetof(struct rig_stats, expect_create)},
    {CTA_STATS_EXP_DELETE, offsetof(struct rig_stats, expect_delete)},
    {0, 0},
};

struct sum {
    struct rig_stats *stats;
    const struct counter *counter;
};

/* One message per CPU. */
static int on_cpu(const struct nlmsghdr *nlh, void *arg)
{
    const struct sum *sum = arg;
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
    {
        const struct counter *c = sum->counter;
        while (c->type && c->type != mnl_attr_get_type(attr))
            c++;
        if (c->type) {
            uint64_t *total = (void *)((char *)sum->stats + c->at);
            *total += attr_u32(attr);
        }
    }
    return MNL_CB_OK;
}

int rig_stats(struct rig *rig, struct rig_stats *stats)
{
    struct sum ct = {stats, ct_counter};
    struct sum exp = {stats, exp_counter};
    memset(stats, 0, sizeof(*stats));
    int err = simple(rig, CT(IPCTNL_MSG_CT_GET_STATS_CPU), NLM_F_DUMP, on_cpu, &ct, "counters");
    return err ? err
               : simple(rig, EXP(IPCTNL_MSG_EXP_GET_STATS_CPU), NLM_F_DUMP, on_cpu, &exp,
                        "counters of expectations");
}
