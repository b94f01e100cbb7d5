/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a rig, and the packets that go through it.
 *
 * Why nothing waits: a write() to a TUN device runs the receive path of the kernel to its end
 * before it returns, forwarding and the answers of the router included, because the process is in
 * no softirq and the device uses neither NAPI nor (in a fresh namespace) RPS. Packets for the other
 * side are then in that device's queue, and the records of NFLOG and ctnetlink in their sockets.
 * The loopback device does go through the backlog, but that is emptied where the write leaves its
 * softirq-disabled section. Pinning the thread to one CPU keeps the order and all per-CPU state in
 * one place.
 *
 * What does come by itself, later: DESTROY of expired entries (collector), time-outs of fragment
 * queues. rig_wait() is for these.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig_priv.h"

/* ---- small things that all files use ---- */

int rig_fail(struct rig *rig, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(rig->error, sizeof(rig->error), fmt, ap);
    va_end(ap);
    return -err;
}

const char *rig_error(const struct rig *rig)
{
    return rig->error;
}

bool rig_grow(void *array, size_t *room, size_t count, size_t size)
{
    void *old;
    if (count < *room)
        return true;
    size_t more = *room ? *room * 2 : 16;
    memcpy(&old, array, sizeof(old));
    void *grown = realloc(old, more * size);
    if (!grown)
        return false;
    memcpy(array, &grown, sizeof(grown));
    *room = more;
    return true;
}

enum rig_side rig_side_of(const struct rig *rig, uint32_t ifindex)
{
    if (ifindex == rig->ifindex[RIG_A])
        return RIG_A;
    return ifindex == rig->ifindex[RIG_B] ? RIG_B : RIG_SIDE_NONE;
}

const char *rig_class_name(enum rig_class class)
{
    static const char *const name[RIG_CLASS_MAX] = {
        [RIG_CLASS_NONE] = "-",
        [RIG_NEW] = "NEW",
        [RIG_ESTABLISHED] = "ESTABLISHED",
        [RIG_ESTABLISHED_REPLY] = "ESTABLISHED_REPLY",
        [RIG_RELATED] = "RELATED",
        [RIG_RELATED_REPLY] = "RELATED_REPLY",
        [RIG_INVALID] = "INVALID",
        [RIG_UNTRACKED] = "UNTRACKED",
    };
    return class < RIG_CLASS_MAX ? name[class] : "?";
}

const char *rig_event_name(enum rig_event_kind kind)
{
    static const char *const name[RIG_EVENT_MAX] = {
        [RIG_EVENT_NONE] = "-",
        [RIG_EVENT_NEW] = "NEW",
        [RIG_EVENT_UPDATE] = "UPDATE",
        [RIG_EVENT_DESTROY] = "DESTROY",
        [RIG_EVENT_EXPECT_NEW] = "EXPECT_NEW",
        [RIG_EVENT_EXPECT_DESTROY] = "EXPECT_DESTROY",
    };
    return kind < RIG_EVENT_MAX ? name[kind] : "?";
}

/* ---- life ---- */

/* What can be told to be missing before anything is touched; NULL if nothing. */
static const char *missing(void)
{
    static const char *const program[] = {"iptables-restore", "ip6tables-restore", "iptables-save",
                                          "ip6tables-save"};
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return "no access to /dev/net/tun (module tun, or root)";
    for (size_t i = 0; i < sizeof(program) / sizeof(program[0]); i++) {
        if (!rig_program_exists(program[i]))
            return "no iptables-restore, ip6tables-restore, iptables-save, ip6tables-save (package "
                   "iptables)";
    }
    return NULL;
}

static int pin(struct rig *rig)
{
    cpu_set_t one;
    int cpu = sched_getcpu();
    if (cpu < 0 || sched_getaffinity(0, sizeof(rig->home_cpus), &rig->home_cpus) < 0)
        return rig_fail(rig, errno, "CPU affinity: %s", strerror(errno));
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) < 0)
        return rig_fail(rig, errno, "CPU affinity: %s", strerror(errno));
    return 0;
}

/* Going to the namespace we are in does nothing, but tells whether we may come back to it. */
static int enter(struct rig *rig)
{
    rig->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (rig->home >= 0 && setns(rig->home, CLONE_NEWNET) == 0 && unshare(CLONE_NEWNET) == 0)
        return 0;
    int err = errno;
    if (rig->home >= 0)
        close(rig->home);
    rig->home = -1;
    return rig_fail(rig, err, "a network namespace of its own: %s (needs root, or unshare -rn)",
                    strerror(err));
}

static int buffers(struct rig *rig)
{
    rig->slots = malloc((size_t)RIG_SLOTS * RIG_SLOT_SIZE);
    if (!rig->slots)
        return rig_fail(rig, ENOMEM, "netlink buffers: %s", strerror(ENOMEM));
    for (size_t i = 0; i < RIG_SLOTS; i++) {
        rig->vec[i] = (struct iovec){rig->slots + i * RIG_SLOT_SIZE, RIG_SLOT_SIZE};
        rig->msg[i].msg_hdr.msg_iov = &rig->vec[i];
        rig->msg[i].msg_hdr.msg_iovlen = 1;
    }
    return 0;
}

/* Both faces of tracking that the rig reads. */
static int probe(struct rig *rig)
{
    uint32_t n;
    int err = rig_count(rig, &n);
    if (!err && access("/proc/thread-self/net/nf_conntrack", R_OK) < 0)
        err = rig_fail(rig, ENOENT,
                       "no /proc/net/nf_conntrack: kernel without CONFIG_NF_CONNTRACK_PROCFS");
    return err;
}

/* What needs the kernel's tracking, and the options of the caller in no way. */
static int tracking(struct rig *rig)
{
    int err = rig_nl_open(rig, NETLINK_NETFILTER, &rig->ctl);
    if (!err)
        err = rig_log_start(rig);
    if (!err)
        err = rig_watch_start(rig);
    if (!err)
        err = rig_ct_start(rig);
    if (!err)
        err = probe(rig);
    return err == -EINVAL ? -EOPNOTSUPP
                          : err; /* EINVAL is how nfnetlink says that it lacks a subsystem */
}

static int start(struct rig *rig)
{
    int err = enter(rig);
    if (!err)
        err = pin(rig);
    if (!err)
        err = buffers(rig);
    if (!err)
        err = tracking(rig);
    if (!err)
        err = rig_link_start(rig);
    return err;
}

/* Errors that mean "this machine cannot", in contrast to "this went wrong". */
static bool lacking(int err)
{
    static const int lack[] = {EPERM,  EACCES,     EROFS,           ENOENT,      ENODEV,
                               ENOSYS, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT};
    for (size_t i = 0; i < sizeof(lack) / sizeof(lack[0]); i++) {
        if (err == -lack[i])
            return true;
    }
    return false;
}

int rig_new(const struct rig_opts *opts, struct rig **out, char *err_text, size_t err_size)
{
    const char *lack = missing();
    struct rig *rig = lack ? NULL : calloc(1, sizeof(*rig));
    *out = NULL;
    if (!rig) {
        snprintf(err_text, err_size, "%s", lack ? lack : strerror(ENOMEM));
        return lack ? RIG_SKIP : -ENOMEM;
    }
    if (opts)
        rig->opts = *opts;
    if (!rig->opts.mtu)
        rig->opts.mtu = 1500;
    if (!rig->opts.buffer)
        rig->opts.buffer = 32 << 20;
    if (!rig->opts.queue)
        rig->opts.queue = 10000;
    rig->home = rig->keeper.fd = rig->tun[RIG_A] = rig->tun[RIG_B] = -1;

    int err = start(rig);
    if (err) {
        snprintf(err_text, err_size, "%s", rig->error);
        rig_free(rig);
        return lacking(err) ? RIG_SKIP : err;
    }
    *out = rig;
    return 0;
}

void rig_free(struct rig *rig)
{
    if (!rig)
        return;
    struct mnl_socket *const sockets[] = {rig->queue, rig->log, rig->events, rig->route, rig->ctl};
    rig_keeper_stop(&rig->keeper);
    rig_link_stop(rig);
    rig_queue_stop(rig);
    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
        if (sockets[i])
            mnl_socket_close(sockets[i]);
    }
    if (rig->home >= 0) {
        /* A thread that stays in a namespace nobody else knows would test the wrong thing from here
         * on. */
        if (setns(rig->home, CLONE_NEWNET) < 0)
            abort();
        close(rig->home);
    }
    if (CPU_COUNT(&rig->home_cpus))
        sched_setaffinity(0, sizeof(rig->home_cpus), &rig->home_cpus);
    free(rig->slots);
    free(rig);
}

int rig_reset(struct rig *rig)
{
    struct rig_result scrap = {0};
    int err = rig_queue_drop(rig);
    if (!err)
        err = rig_flush_expect(rig);
    if (!err)
        err = rig_flush(rig);
    if (!err)
        err = rig_collect(rig, &scrap);
    rig_result_free(&scrap);
    return err;
}

/* ---- packets ---- */

int rig_inject(struct rig *rig, enum rig_side side, const void *packet, size_t len)
{
    if (side != RIG_A && side != RIG_B)
        return rig_fail(rig, EINVAL, "side %d is neither RIG_A nor RIG_B", (int)side);
    ssize_t n = write(rig->tun[side], packet, len);
    if (n == (ssize_t)len)
        return 0;
    int err = n < 0 ? errno : EIO;
    return rig_fail(rig, err, "packet of %zu bytes into side %c: %s", len, "?AB"[side],
                    strerror(err));
}

static bool bytes_room(struct rig_result *r)
{
    if (r->bytes_room - r->bytes_used >= RIG_PACKET_MAX)
        return true;
    size_t room = (r->bytes_room + RIG_PACKET_MAX) * 2;
    uint8_t *grown = realloc(r->bytes, room);
    if (!grown)
        return false;
    r->bytes = grown;
    r->bytes_room = room;
    return true;
}

/* The data pointers are set when all bytes are in, as the buffer may move until then. */
static void point(struct rig_result *r)
{
    const uint8_t *data = r->bytes;
    for (size_t i = 0; i < r->packets; i++) {
        r->packet[i].data = data;
        data += r->packet[i].len;
    }
}

static int device_drain(struct rig *rig, enum rig_side side, struct rig_result *r)
{
    unsigned n = 0;
    for (;;) {
        if (!bytes_room(r) ||
            !rig_grow(&r->packet, &r->packet_room, r->packets, sizeof(*r->packet)))
            return rig_fail(rig, ENOMEM, "packets out: %s", strerror(ENOMEM));
        ssize_t len = read(rig->tun[side], r->bytes + r->bytes_used, RIG_PACKET_MAX);
        if (len < 0 && errno == EAGAIN)
            break;
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return rig_fail(rig, errno, "packets out of side %c: %s", "?AB"[side], strerror(errno));
        r->packet[r->packets++] = (struct rig_packet){.side = side, .len = (size_t)len};
        r->bytes_used += (size_t)len;
        n++;
    }
    /* A device drops silently what does not fit. */
    if (n >= rig->opts.queue)
        return rig_fail(
            rig, ENOBUFS,
            "packets out of side %c: %u waited, which is all that fit; some may be lost",
            "?AB"[side], n);
    return 0;
}

int rig_collect(struct rig *rig, struct rig_result *r)
{
    int first = 0;
    r->packets = r->seens = r->events = 0;
    r->bytes_used = 0;
    rig_keep(&first, rig_log_drain(rig, r));
    rig_keep(&first, rig_ct_drain(rig, r));
    rig_keep(&first, rig_queue_drain(rig));
    rig_keep(&first, device_drain(rig, RIG_A, r));
    rig_keep(&first, device_drain(rig, RIG_B, r));
    point(r);
    return first;
}

int rig_step(struct rig *rig, enum rig_side side, const void *packet, size_t len,
             struct rig_result *result)
{
    int err = rig_inject(rig, side, packet, len);
    int collected = rig_collect(rig, result);
    return err ? err : collected;
}

int rig_wait(struct rig *rig, int ms, struct rig_result *result)
{
    struct pollfd fds[] = {
        {.fd = rig->tun[RIG_A], .events = POLLIN},
        {.fd = rig->tun[RIG_B], .events = POLLIN},
        {.fd = mnl_socket_get_fd(rig->events), .events = POLLIN},
        {.fd = mnl_socket_get_fd(rig->log), .events = POLLIN},
    };
    if (poll(fds, sizeof(fds) / sizeof(fds[0]), ms) < 0 && errno != EINTR)
        return rig_fail(rig, errno, "waiting: %s", strerror(errno));
    return rig_collect(rig, result);
}

void rig_result_free(struct rig_result *r)
{
    free(r->packet);
    free(r->seen);
    free(r->event);
    free(r->bytes);
    memset(r, 0, sizeof(*r));
}
