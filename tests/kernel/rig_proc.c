/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that goes through text: sysctls, the tables under /proc, and the iptables programs.
 *
 * /proc/net leads to the namespace of the process's first thread, so the tables are read through
 * /proc/thread-self/net. Below /proc/sys/net the kernel always shows the settings of the thread
 * that opens the file.
 *
 * The iptables programs read from and write to memory files: nothing can block on a full pipe, and
 * nothing is left on disk.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig_priv.h"

/* ---- sysctls ---- */

/* Only net.*: anything else would be a setting of the whole machine. */
int rig_sysctl_path(const char *name, char *path, size_t size)
{
    if (strncmp(name, "net.", 4) != 0 || strchr(name, '/'))
        return -EINVAL;
    int n = snprintf(path, size, "/proc/sys/%s", name);
    if (n < 0 || (size_t)n >= size)
        return -ENAMETOOLONG;
    for (char *c = path; *c; c++) {
        if (*c == '.')
            *c = '/';
    }
    return 0;
}

int rig_sysctl_write(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t len = strlen(value);
    ssize_t n = write(fd, value, len);
    int err = n < 0 ? -errno : 0;
    close(fd);
    return err || n == (ssize_t)len ? err : -EIO;
}

int rig_sysctl_read(const char *path, char *value, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, value, size);
    int err = n < 0 ? -errno : 0;
    close(fd);
    if (err)
        return err;
    if ((size_t)n == size)
        return -ERANGE;
    value[n] = 0;
    while (n > 0 && isspace((unsigned char)value[n - 1]))
        value[--n] = 0;
    return 0;
}

int rig_sysctl_set(struct rig *rig, const char *name, const char *value)
{
    char path[256];
    int err = rig_sysctl_path(name, path, sizeof(path));
    if (!err)
        err = rig_sysctl_write(path, value);
    return err ? rig_fail(rig, -err, "sysctl %s = %s: %s", name, value, strerror(-err)) : 0;
}

int rig_sysctl_get(struct rig *rig, const char *name, char *value, size_t size)
{
    char path[256];
    int err = rig_sysctl_path(name, path, sizeof(path));
    if (!err)
        err = rig_sysctl_read(path, value, size);
    return err ? rig_fail(rig, -err, "sysctl %s: %s", name, strerror(-err)) : 0;
}

/* ---- texts ---- */

/* All that is left to read, with a 0 behind it. The files of /proc do not tell their size. */
int rig_text_read(int fd, char **text)
{
    char *buf = NULL;
    size_t used = 0;
    size_t room = 0;
    for (;;) {
        if (room - used < 2) {
            room = room ? room * 2 : 16384;
            char *more = realloc(buf, room);
            if (!more) {
                free(buf);
                return -ENOMEM;
            }
            buf = more;
        }
        ssize_t n = read(fd, buf + used, room - used - 1);
        if (n < 0) {
            int err = -errno;
            free(buf);
            return err;
        }
        if (n == 0)
            break;
        used += (size_t)n;
    }
    buf[used] = 0;
    *text = buf;
    return 0;
}

static int slurp(struct rig *rig, const char *path, char **text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : rig_text_read(fd, text);
    if (fd >= 0)
        close(fd);
    return err ? rig_fail(rig, -err, "%s: %s", path, strerror(-err)) : 0;
}

int rig_proc_table(struct rig *rig, char **text)
{
    return slurp(rig, "/proc/thread-self/net/nf_conntrack", text);
}

int rig_proc_expect(struct rig *rig, char **text)
{
    return slurp(rig, "/proc/thread-self/net/nf_conntrack_expect", text);
}

/* ---- iptables ---- */

static const char *const sbin[] = {"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"};

static bool program_path(const char *name, char *path, size_t size)
{
    for (size_t i = 0; i < sizeof(sbin) / sizeof(sbin[0]); i++) {
        snprintf(path, size, "%s/%s", sbin[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool rig_program_exists(const char *name)
{
    char path[256];
    return program_path(name, path, sizeof(path));
}

/* Runs a program of at most one argument on the given descriptors; returns its exit status or a
 * negative errno. */
static int run(const char *name, const char *arg, int in, int out, int err)
{
    char path[256];
    if (!program_path(name, path, sizeof(path)))
        return -ENOENT;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        dup2(in, 0);
        dup2(out, 1);
        dup2(err, 2);
        execl(path, name, arg, (char *)NULL);
        _exit(127);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Gives `text` to a program and returns what it prints. What it complains about goes to the rig's
 * error text. */
static int filter(struct rig *rig, const char *name, const char *arg, const char *text,
                  char **printed)
{
    int in = memfd_create("rig-in", MFD_CLOEXEC);
    int out = memfd_create("rig-out", MFD_CLOEXEC);
    int words = memfd_create("rig-words", MFD_CLOEXEC);
    char *complaint = NULL;
    int err = 0;

    if (in < 0 || out < 0 || words < 0 || write(in, text, strlen(text)) < 0 ||
        lseek(in, 0, SEEK_SET) < 0)
        err = rig_fail(rig, errno, "%s: memory file: %s", name, strerror(errno));
    if (err)
        goto done;

    int status = run(name, arg, in, out, words);
    if (status < 0) {
        err = rig_fail(rig, -status, "%s: %s", name, strerror(-status));
        goto done;
    }
    lseek(words, 0, SEEK_SET);
    if (status && rig_text_read(words, &complaint) == 0) {
        err = rig_fail(rig, EINVAL, "%s: exit status %d: %s", name, status, complaint);
        goto done;
    }
    lseek(out, 0, SEEK_SET);
    err = rig_text_read(out, printed);
done:
    free(complaint);
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    if (words >= 0)
        close(words);
    return err;
}

/* "iptables-legacy-restore" where that is, else "iptables-restore"; likewise for IPv6 and -save. */
static const char *rules_program(int family, bool save)
{
    static const char *const legacy[2][2] = {{"iptables-legacy-restore", "iptables-legacy-save"},
                                             {"ip6tables-legacy-restore", "ip6tables-legacy-save"}};
    static const char *const usual[2][2] = {{"iptables-restore", "iptables-save"},
                                            {"ip6tables-restore", "ip6tables-save"}};
    bool six = family == AF_INET6;

    return rig_program_exists(legacy[six][save]) ? legacy[six][save] : usual[six][save];
}

int rig_rules(struct rig *rig, int family, const char *text)
{
    char *printed = NULL;
    int err = filter(rig, rules_program(family, false), "-w", text, &printed);
    free(printed);
    return err;
}

int rig_rules_save(struct rig *rig, int family, char **text)
{
    return filter(rig, rules_program(family, true), "-c", "", text);
}
