/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netlink sockets of the rig, and the two listeners that get packets through them.
 *
 * Requests go over `ctl` and are answered before sendto() returns. The listeners have a socket
 * each, drained without waiting by recvmmsg(): since the kernel puts all records of a packet into
 * the queues before the write() that injected it returns, an empty queue means that there was
 * nothing, not that it is too early.
 *
 * NFLOG tells the class of each packet (by the prefix of the rule that matched, see rig_watch.c).
 * The kernel can also attach the tracking entry itself (NFULNL_CFG_F_CONNTRACK), but only if built
 * with CONFIG_NETFILTER_NETLINK_GLUE_CT, which is often off; the rules work everywhere.
 *
 * NFQUEUE holds packets: what is read from it stays in rig->held until a verdict is sent, upon
 * which the kernel walks the packet to its end inside sendto().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "rig_priv.h"

/* ---- sockets ---- */

int rig_nl_open(struct rig *rig, int bus, struct mnl_socket **nl)
{
    /* The kernel answers while it takes the request. Should it ever not, an error after ten seconds
     * beats a hanging test. */
    struct timeval patience = {.tv_sec = 10};
    int size = (int)rig->opts.buffer;

    *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!*nl || mnl_socket_bind(*nl, 0, MNL_SOCKET_AUTOPID) < 0)
        return rig_fail(rig, errno, "netlink socket: %s", strerror(errno));
    int fd = mnl_socket_get_fd(*nl);
    /* Beyond the machine's limit only root of the initial user namespace may go; less is loss told
     * by ENOBUFS. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
        return rig_fail(rig, errno, "netlink socket: receive buffer: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
        return rig_fail(rig, errno, "netlink socket: %s", strerror(errno));
    return 0;
}

/* Begins a request to a netfilter subsystem in `buf`. */
struct nlmsghdr *rig_nl_request(struct rig *rig, void *buf, uint16_t type, uint16_t flags,
                                uint8_t family)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    nlh->nlmsg_seq = ++rig->seq;
    struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
    nfg->nfgen_family = family;
    nfg->version = NFNETLINK_V0;
    return nlh;
}

/* What an interrupted exchange left behind must not be taken for the answer to the next request. */
static void discard(struct mnl_socket *nl)
{
    char scrap[64];
    while (recv(mnl_socket_get_fd(nl), scrap, sizeof(scrap), MSG_DONTWAIT) >= 0)
        ;
}

/* Sends requests that share one sequence number and runs `cb` over the answers until an
 * acknowledgement, the end of the dump, or MNL_CB_STOP. */
int rig_nl_send(struct rig *rig, struct mnl_socket *nl, const void *buf, size_t len, mnl_cb_t cb,
                void *arg)
{
    unsigned portid = mnl_socket_get_portid(nl);
    if (mnl_socket_sendto(nl, buf, len) < 0)
        return -errno;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl, rig->slots, RIG_SLOT_SIZE);
        int ret =
            n < 0 ? MNL_CB_ERROR : mnl_cb_run(rig->slots, (size_t)n, rig->seq, portid, cb, arg);
        if (ret == MNL_CB_STOP)
            return 0;
        if (ret < 0) {
            int err = -errno;
            discard(nl);
            return err;
        }
    }
}

int rig_nl_call(struct rig *rig, const struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
    return rig_nl_send(rig, rig->ctl, nlh, nlh->nlmsg_len, cb, arg);
}

static int datagram(struct rig *rig, const struct mmsghdr *msg, rig_msg_fn *fn, void *arg)
{
    if (msg->msg_hdr.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    const struct nlmsghdr *nlh = msg->msg_hdr.msg_iov->iov_base;
    int left = (int)msg->msg_len;
    int first = 0;
    for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
            rig_keep(&first, fn(rig, nlh, arg));
        } else if (nlh->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
            if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err->error))
                rig_keep(&first, err->error);
        }
    }
    return first;
}

/* Gives all that waits in a socket to `fn`. Goes on after a failure, so that what can be had is
 * had, and returns the first. */
int rig_nl_drain(struct rig *rig, struct mnl_socket *nl, rig_msg_fn *fn, void *arg)
{
    int first = 0;
    for (;;) {
        int n = recvmmsg(mnl_socket_get_fd(nl), rig->msg, RIG_SLOTS, MSG_DONTWAIT, NULL);
        if (n < 0 && errno == EAGAIN)
            return first;
        if (n < 0 && errno != EINTR && errno != ENOBUFS)
            return -errno;
        /* Told once by the kernel; what was queued before can still be read. */
        if (n < 0 && errno == ENOBUFS)
            rig_keep(&first, -ENOBUFS);
        for (int i = 0; i < n; i++)
            rig_keep(&first, datagram(rig, &rig->msg[i], fn, arg));
        if (n >= 0 && n < RIG_SLOTS)
            return first;
    }
}

/* ---- NFLOG ---- */

enum {
    REQUEST_SIZE = 512, /* configuration and verdict messages are below 100 bytes */
};

static uint16_t subsys(unsigned subsystem, unsigned type)
{
    return (uint16_t)(subsystem << 8 | type);
}

static int log_config(struct rig *rig, uint16_t attr, const void *value, size_t len)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh =
        rig_nl_request(rig, buf, subsys(NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG), NLM_F_ACK, AF_UNSPEC);
    struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    nfg->res_id = htons(RIG_LOG_GROUP);
    mnl_attr_put(nlh, attr, len, value);
    int err = rig_nl_send(rig, rig->log, nlh, nlh->nlmsg_len, NULL, NULL);
    return err ? rig_fail(rig, -err, "NFLOG group %d: %s", RIG_LOG_GROUP, strerror(-err)) : 0;
}

int rig_log_start(struct rig *rig)
{
    const struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
    const struct nfulnl_msg_config_mode mode = {
        .copy_mode = NFULNL_COPY_PACKET,
        .copy_range = htonl(sizeof(((struct rig_seen *)NULL)->head)),
    };
    const uint32_t at_once = htonl(1);

    int err = rig_nl_open(rig, NETLINK_NETFILTER, &rig->log);
    if (!err)
        err = log_config(rig, NFULA_CFG_CMD, &bind, sizeof(bind));
    if (!err)
        err = log_config(rig, NFULA_CFG_MODE, &mode, sizeof(mode));
    if (!err)
        err = log_config(rig, NFULA_CFG_QTHRESH, &at_once, sizeof(at_once));
    return err;
}

static enum rig_hook hook_of(uint8_t hook)
{
    static const uint8_t hooks[NF_INET_NUMHOOKS] = {
        [NF_INET_PRE_ROUTING] = RIG_PREROUTING,   [NF_INET_LOCAL_IN] = RIG_INPUT,
        [NF_INET_FORWARD] = RIG_FORWARD,          [NF_INET_LOCAL_OUT] = RIG_OUTPUT,
        [NF_INET_POST_ROUTING] = RIG_POSTROUTING,
    };
    return hook < NF_INET_NUMHOOKS ? hooks[hook] : RIG_HOOK_NONE;
}

static uint32_t attr_u32(const struct nlattr *attr)
{
    uint32_t v = 0;
    if (mnl_attr_get_payload_len(attr) >= sizeof(v))
        memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
    return ntohl(v);
}

/* The length in the IP header; the device and NFLOG may hand over less (see head) but not more. */
static uint32_t ip_length(uint8_t family, const uint8_t *head, size_t len)
{
    if (family == AF_INET && len >= 20)
        return (uint32_t)(head[2] << 8 | head[3]);
    if (family == AF_INET6 && len >= 40)
        return 40 + (uint32_t)(head[4] << 8 | head[5]);
    return 0;
}

static void seen_head(struct rig_seen *seen, const struct nlattr *attr)
{
    size_t len = mnl_attr_get_payload_len(attr);
    if (len > sizeof(seen->head))
        len = sizeof(seen->head);
    memcpy(seen->head, mnl_attr_get_payload(attr), len);
    seen->head_len = (uint16_t)len;
    seen->length = ip_length(seen->family, seen->head, len);
}

static void seen_prefix(struct rig_seen *seen, const struct nlattr *attr)
{
    if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
        seen->class = rig_watch_class(mnl_attr_get_str(attr));
}

static void seen_hook(struct rig_seen *seen, const struct nlattr *attr)
{
    struct nfulnl_msg_packet_hdr hdr;
    if (mnl_attr_get_payload_len(attr) < sizeof(hdr))
        return;
    memcpy(&hdr, mnl_attr_get_payload(attr), sizeof(hdr));
    seen->hook = hook_of(hdr.hook);
}

static int on_log(struct rig *rig, const struct nlmsghdr *nlh, void *arg)
{
    struct rig_result *result = arg;
    if (nlh->nlmsg_type != subsys(NFNL_SUBSYS_ULOG, NFULNL_MSG_PACKET))
        return 0;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
        return -EBADMSG;
    if (!rig_grow(&result->seen, &result->seen_room, result->seens, sizeof(*result->seen)))
        return -ENOMEM;

    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    struct rig_seen *seen = &result->seen[result->seens];
    memset(seen, 0, sizeof(*seen));
    seen->family = nfg->nfgen_family;
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(*nfg))
    {
        switch (mnl_attr_get_type(attr)) {
        case NFULA_PACKET_HDR: seen_hook(seen, attr); break;
        case NFULA_MARK: seen->mark = attr_u32(attr); break;
        case NFULA_IFINDEX_INDEV: seen->in = rig_side_of(rig, attr_u32(attr)); break;
        case NFULA_IFINDEX_OUTDEV: seen->out = rig_side_of(rig, attr_u32(attr)); break;
        case NFULA_PAYLOAD: seen_head(seen, attr); break;
        case NFULA_PREFIX: seen_prefix(seen, attr); break;
        default: break;
        }
    }
    if (!seen->class || !seen->hook)
        return -EBADMSG;
    result->seens++;
    return 0;
}

int rig_log_drain(struct rig *rig, struct rig_result *result)
{
    int err = rig_nl_drain(rig, rig->log, on_log, result);
    return err ? rig_fail(rig, -err, "class records: %s", strerror(-err)) : 0;
}

/* ---- NFQUEUE ---- */

static struct nlmsghdr *queue_request(struct rig *rig, void *buf, unsigned type, uint16_t flags)
{
    struct nlmsghdr *nlh =
        rig_nl_request(rig, buf, subsys(NFNL_SUBSYS_QUEUE, type), flags, AF_UNSPEC);
    struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    nfg->res_id = htons(RIG_HOLD_QUEUE);
    return nlh;
}

static int queue_config(struct rig *rig, uint16_t attr, const void *value, size_t len)
{
    char buf[REQUEST_SIZE];
    struct nlmsghdr *nlh = queue_request(rig, buf, NFQNL_MSG_CONFIG, NLM_F_ACK);
    mnl_attr_put(nlh, attr, len, value);
    int err = rig_nl_send(rig, rig->queue, nlh, nlh->nlmsg_len, NULL, NULL);
    return err ? rig_fail(rig, -err, "NFQUEUE %d: %s", RIG_HOLD_QUEUE, strerror(-err)) : 0;
}

int rig_queue_start(struct rig *rig)
{
    const struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
    const struct nfqnl_msg_config_params mode = {
        .copy_mode = NFQNL_COPY_PACKET,
        .copy_range = htonl(RIG_PACKET_MAX),
    };
    const uint32_t room = htonl(65536);

    int err = rig_nl_open(rig, NETLINK_NETFILTER, &rig->queue);
    if (!err)
        err = queue_config(rig, NFQA_CFG_CMD, &bind, sizeof(bind));
    if (!err)
        err = queue_config(rig, NFQA_CFG_PARAMS, &mode, sizeof(mode));
    if (!err)
        err = queue_config(rig, NFQA_CFG_QUEUE_MAXLEN, &room, sizeof(room));
    return err;
}

static int on_held(struct rig *rig, const struct nlmsghdr *nlh, void *arg)
{
    (void)arg;
    if (nlh->nlmsg_type != subsys(NFNL_SUBSYS_QUEUE, NFQNL_MSG_PACKET))
        return 0;
    if (!rig_grow(&rig->held, &rig->held_room, rig->helds, sizeof(*rig->held)))
        return -ENOMEM;

    struct rig_held held = {.id = 0};
    struct nfqnl_msg_packet_hdr hdr;
    bool numbered = false;
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
    {
        uint16_t len = mnl_attr_get_payload_len(attr);
        switch (mnl_attr_get_type(attr)) {
        case NFQA_PACKET_HDR:
            if (len < sizeof(hdr))
                break;
            memcpy(&hdr, mnl_attr_get_payload(attr), sizeof(hdr));
            held.id = ntohl(hdr.packet_id);
            numbered = true;
            break;
        case NFQA_IFINDEX_OUTDEV: held.packet.side = rig_side_of(rig, attr_u32(attr)); break;
        case NFQA_PAYLOAD:
            held.packet.len = len;
            held.packet.data = mnl_attr_get_payload(attr);
            break;
        default: break;
        }
    }
    if (!numbered || !held.packet.data)
        return -EBADMSG;
    held.copy = malloc(held.packet.len + 1);
    if (!held.copy)
        return -ENOMEM;
    memcpy(held.copy, held.packet.data, held.packet.len);
    held.packet.data = held.copy;
    rig->held[rig->helds++] = held;
    return 0;
}

int rig_queue_drain(struct rig *rig)
{
    if (!rig->queue)
        return 0;
    int err = rig_nl_drain(rig, rig->queue, on_held, NULL);
    return err ? rig_fail(rig, -err, "held packets: %s", strerror(-err)) : 0;
}

int rig_held_count(struct rig *rig)
{
    int err = rig_queue_drain(rig);
    return err ? err : (int)rig->helds;
}

const struct rig_packet *rig_held(struct rig *rig, size_t index)
{
    rig_queue_drain(rig);
    return index < rig->helds ? &rig->held[index].packet : NULL;
}

int rig_release(struct rig *rig, size_t index, enum rig_verdict verdict)
{
    int err = rig_queue_drain(rig);
    if (err)
        return err;
    if (index >= rig->helds)
        return rig_fail(rig, ENOENT, "release of packet %zu: only %zu are held", index, rig->helds);
    if (verdict != RIG_DROP && verdict != RIG_ACCEPT)
        return rig_fail(rig, EINVAL,
                        "release of packet %zu: verdict %d is neither RIG_DROP nor RIG_ACCEPT",
                        index, (int)verdict);

    char buf[REQUEST_SIZE];
    struct nfqnl_msg_verdict_hdr hdr = {
        .verdict = htonl(verdict == RIG_ACCEPT ? NF_ACCEPT : NF_DROP),
        .id = htonl(rig->held[index].id),
    };
    struct nlmsghdr *nlh = queue_request(rig, buf, NFQNL_MSG_VERDICT, 0);
    mnl_attr_put(nlh, NFQA_VERDICT_HDR, sizeof(hdr), &hdr);
    if (mnl_socket_sendto(rig->queue, nlh, nlh->nlmsg_len) < 0)
        return rig_fail(rig, errno, "release of packet %zu: %s", index, strerror(errno));

    free(rig->held[index].copy);
    rig->helds--;
    memmove(&rig->held[index], &rig->held[index + 1], (rig->helds - index) * sizeof(*rig->held));
    return 0;
}

int rig_queue_drop(struct rig *rig)
{
    int err = rig_queue_drain(rig);
    while (!err && rig->helds > 0)
        err = rig_release(rig, rig->helds - 1, RIG_DROP);
    return err;
}

void rig_queue_stop(struct rig *rig)
{
    for (size_t i = 0; i < rig->helds; i++)
        free(rig->held[i].copy);
    free(rig->held);
}
