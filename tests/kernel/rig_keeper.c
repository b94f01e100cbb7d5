/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Machine-wide sysctls that come back whatever happens to the test.
 *
 * Three limits of connection tracking exist once per machine and are writable only in the initial
 * namespace. A test that dies with nf_conntrack_max at 5 would break every program on the machine,
 * and no handler inside the test survives kill -9. So a child process, the keeper, does the
 * writing: it stands in the namespace the test came from, remembers the first value of each setting
 * it changes, and sits in recv(). When the other end of its socket closes, by rig_free() or because
 * the test is gone in whatever way, it writes the old values back and exits. It is started by the
 * first call.
 *
 * The keeper closes all descriptors but its socket, so that it keeps neither the test's namespace
 * nor its output pipes open, and leaves the test's session, so that the interrupt key does not
 * reach it. A child of the test that lives on without calling execve() holds the other end open too
 * and delays the restoring until it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig_priv.h"

enum {
    SAVED_MAX = 16, /* five times what there is to change */
    SOCK_FD = 3,    /* where the keeper's two descriptors lie, so that all others can be closed */
    HOME_FD = 4,
};

struct message {
    char name[64]; /* both strings end inside */
    char value[64];
    bool set;
    int err;
};

struct saved {
    char name[64];
    char value[64];
};

/* ---- the child ---- */

static int remember(struct saved *saved, size_t *n, const struct message *msg)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp(saved[i].name, msg->name) == 0)
            return 0;
    }
    if (*n == SAVED_MAX)
        return -ENOSPC;
    char path[256];
    int err = rig_sysctl_path(msg->name, path, sizeof(path));
    if (!err)
        err = rig_sysctl_read(path, saved[*n].value, sizeof(saved[*n].value));
    if (err)
        return err;
    memcpy(saved[*n].name, msg->name, sizeof(msg->name));
    (*n)++;
    return 0;
}

static int answer(struct saved *saved, size_t *n, struct message *msg)
{
    char path[256];
    int err = rig_sysctl_path(msg->name, path, sizeof(path));
    if (err)
        return err;
    if (!msg->set)
        return rig_sysctl_read(path, msg->value, sizeof(msg->value));
    err = remember(saved, n, msg);
    return err ? err : rig_sysctl_write(path, msg->value);
}

static void keep(int home)
{
    struct saved saved[SAVED_MAX];
    size_t n = 0;
    struct message msg;

    int err = setns(home, CLONE_NEWNET) ? -errno : 0;
    close(home);
    while (recv(SOCK_FD, &msg, sizeof(msg), 0) == (ssize_t)sizeof(msg)) {
        msg.err = err ? err : answer(saved, &n, &msg);
        if (send(SOCK_FD, &msg, sizeof(msg), MSG_NOSIGNAL) < 0)
            break;
    }
    while (n-- > 0) {
        char path[256];
        if (rig_sysctl_path(saved[n].name, path, sizeof(path)) == 0)
            rig_sysctl_write(path, saved[n].value);
    }
}

static _Noreturn void child(int fd, int home)
{
    sigset_t none;
    setsid();
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);

    /* Both out of the way first: either may have the number that the other goes to. */
    fd = fcntl(fd, F_DUPFD, HOME_FD + 1);
    home = fcntl(home, F_DUPFD, HOME_FD + 1);
    dup2(fd, SOCK_FD);
    dup2(home, HOME_FD);
    close_range(HOME_FD + 1, ~0U, 0);
    close_range(0, SOCK_FD - 1, 0);
    keep(HOME_FD);
    _exit(0);
}

/* ---- the test's side ---- */

static int start(struct rig_keeper *keeper, int home)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0) {
        int err = -errno;
        close(pair[0]);
        close(pair[1]);
        return err;
    }
    if (pid == 0)
        child(pair[1], home);
    close(pair[1]);
    keeper->fd = pair[0];
    keeper->pid = pid;
    return 0;
}

static int ask(struct rig *rig, struct message *msg, const char *name)
{
    if (strlen(name) >= sizeof(msg->name))
        return -ENAMETOOLONG;
    strcpy(msg->name, name);
    if (rig->keeper.fd < 0) {
        int err = start(&rig->keeper, rig->home);
        if (err)
            return err;
    }
    if (send(rig->keeper.fd, msg, sizeof(*msg), MSG_NOSIGNAL) < 0)
        return -errno;
    ssize_t n = recv(rig->keeper.fd, msg, sizeof(*msg), 0);
    if (n != (ssize_t)sizeof(*msg))
        return n < 0 ? -errno : -EPIPE;
    return msg->err;
}

int rig_global_sysctl_set(struct rig *rig, const char *name, const char *value)
{
    struct message msg = {.set = true};
    if (strlen(value) >= sizeof(msg.value))
        return rig_fail(rig, E2BIG, "machine-wide sysctl %s: value \"%s\" is too long", name,
                        value);
    strcpy(msg.value, value);
    int err = ask(rig, &msg, name);
    if (err)
        return rig_fail(
            rig, -err,
            "machine-wide sysctl %s = %s: %s (it must be writable where the test was started)",
            name, value, strerror(-err));
    return 0;
}

int rig_global_sysctl_get(struct rig *rig, const char *name, char *value, size_t size)
{
    struct message msg = {.set = false};
    int err = ask(rig, &msg, name);
    if (err)
        return rig_fail(rig, -err, "machine-wide sysctl %s: %s", name, strerror(-err));
    if (strlen(msg.value) >= size)
        return rig_fail(rig, ERANGE, "machine-wide sysctl %s: value \"%s\" does not fit", name,
                        msg.value);
    strcpy(value, msg.value);
    return 0;
}

void rig_keeper_stop(struct rig_keeper *keeper)
{
    if (keeper->fd < 0)
        return;
    close(keeper->fd);
    while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    keeper->fd = -1;
}
