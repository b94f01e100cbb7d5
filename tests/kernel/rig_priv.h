/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the rig share:
 *
 *   rig_keeper.c   a child process that guards machine-wide sysctls
 *   rig_proc.c     sysctls and texts under /proc, running iptables
 *   rig_nfnl.c     netlink sockets: request and answer, draining, NFLOG and NFQUEUE
 *   rig_link.c     TUN devices, addresses and routes
 *   rig_watch.c    the nftables rules that report each packet's class, and hold packets
 *   rig_entry.c    ctnetlink attributes to structs and back; no I/O
 *   rig_ct.c       ctnetlink requests and events
 *   rig.c          life of a rig, injecting and collecting
 */
#ifndef RIG_PRIV_H
#define RIG_PRIV_H

#include <libmnl/libmnl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "rig.h"

enum {
    RIG_LOG_GROUP = 1,  /* NFLOG */
    RIG_HOLD_QUEUE = 0, /* NFQUEUE */

    RIG_PACKET_MAX = 65535 + 40, /* longest IPv6 packet that is no jumbogram, IPv4 included */
    RIG_SLOTS = 8,               /* datagrams per system call; one packet rarely causes more */
    RIG_SLOT_SIZE = 72 << 10,    /* a held packet with its attributes */
};

/* The process that guards machine-wide sysctls, see rig_keeper.c. */
struct rig_keeper {
    int fd; /* -1: not started */
    pid_t pid;
};

struct rig_held {
    struct rig_packet packet;
    uint8_t *copy; /* its data */
    uint32_t id;   /* in the kernel's queue */
};

struct rig {
    struct rig_opts opts;
    int home; /* the namespace rig_new() was called in */
    cpu_set_t home_cpus;
    struct rig_keeper keeper;

    int tun[RIG_SIDE_MAX];
    unsigned ifindex[RIG_SIDE_MAX];

    struct mnl_socket *ctl;    /* requests to netfilter */
    struct mnl_socket *route;  /* requests to rtnetlink */
    struct mnl_socket *events; /* ctnetlink events */
    struct mnl_socket *log;    /* NFLOG */
    struct mnl_socket *queue;  /* NFQUEUE */
    uint32_t seq;

    bool holding;
    struct rig_held *held;
    size_t helds;
    size_t held_room;

    uint8_t *slots; /* RIG_SLOTS * RIG_SLOT_SIZE, the targets of vec */
    struct iovec vec[RIG_SLOTS];
    struct mmsghdr msg[RIG_SLOTS];

    char error[1024];
};

/* Puts down the words for rig_error() and returns -err. */
int rig_fail(struct rig *rig, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Makes room for one more member of `size` bytes behind `count` members; false if memory is short.
 */
bool rig_grow(void *array, size_t *room, size_t count, size_t size);
/* The first failure of a series is the one to report. */
static inline void rig_keep(int *first, int err)
{
    if (!*first)
        *first = err;
}
enum rig_side rig_side_of(const struct rig *rig, uint32_t ifindex);

/* rig_keeper.c: `home` is the namespace that has the setting. */
void rig_keeper_stop(struct rig_keeper *keeper);

/* rig_proc.c */
bool rig_program_exists(const char *name);
int rig_sysctl_write(const char *path, const char *value);
int rig_sysctl_read(const char *path, char *value, size_t size);
int rig_sysctl_path(const char *name, char *path, size_t size);
int rig_text_read(int fd, char **text);

/* rig_nfnl.c */
typedef int rig_msg_fn(struct rig *rig, const struct nlmsghdr *nlh, void *arg);
int rig_nl_open(struct rig *rig, int bus, struct mnl_socket **nl);
struct nlmsghdr *rig_nl_request(struct rig *rig, void *buf, uint16_t type, uint16_t flags,
                                uint8_t family);
int rig_nl_send(struct rig *rig, struct mnl_socket *nl, const void *buf, size_t len, mnl_cb_t cb,
                void *arg);
int rig_nl_call(struct rig *rig, const struct nlmsghdr *nlh, mnl_cb_t cb, void *arg);
int rig_nl_drain(struct rig *rig, struct mnl_socket *nl, rig_msg_fn *fn, void *arg);
int rig_log_start(struct rig *rig);
int rig_log_drain(struct rig *rig, struct rig_result *result);
int rig_queue_start(struct rig *rig);
int rig_queue_drain(struct rig *rig);
int rig_queue_drop(struct rig *rig);
void rig_queue_stop(struct rig *rig);

/* rig_link.c */
int rig_link_start(struct rig *rig);
void rig_link_stop(struct rig *rig);

/* rig_watch.c */
int rig_watch_start(struct rig *rig);
enum rig_class rig_watch_class(const char *prefix);

/* rig_entry.c */
int rig_entry_dec(const struct nlmsghdr *nlh, struct rig_entry *entry);
int rig_expect_dec(const struct nlmsghdr *nlh, struct rig_expect *expect);
void rig_entry_enc(struct nlmsghdr *nlh, const struct rig_entry *entry);
void rig_tuple_enc(struct nlmsghdr *nlh, uint16_t type, const struct rig_tuple *tuple);

/* rig_ct.c */
int rig_ct_start(struct rig *rig);
int rig_ct_drain(struct rig *rig, struct rig_result *result);

#endif
