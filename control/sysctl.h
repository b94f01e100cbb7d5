/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tunables by name: net.netfilter.nf_conntrack_*, as sysctl(8) writes them and sysctl.conf(5)
 * keeps them.
 *
 * Some of them (how many connections, how many buckets) must be known before a shard exists, others
 * can only be judged by the shard. So settings are first gathered in a plan, which checks all that
 * can be checked by itself; the plan then fills in a weir_config, and what is left is applied to
 * the shard made from it. A plan keeps one value per tunable, the last one given: in which order
 * different tunables are given makes no difference.
 *
 * Errors are sentences for the user, one per line, each with a newline at its end.
 */
#ifndef CONTROL_SYSCTL_H
#define CONTROL_SYSCTL_H

#include <weir/shard.h>

#include "textbuf.h"

struct sysctl_setting {
    bool given;
    bool lenient; /* stood behind a "-": a failure is not an error */
    int64_t value;
    const char
        *file;     /* where it stood: the path given to sysctl_plan_file(), kept by the caller; */
    unsigned line; /* NULL: not in a file */
};

/* All zero is an empty plan. */
struct sysctl_plan {
    struct sysctl_setting settings[WEIR_T_MAX_NUMBER];
    uint32_t hashsize; /* the kernel module's parameter of this name; 0: not given */
    unsigned foreign;  /* lines in files about other parts of the system, passed over */
};

/*
 * "net.netfilter.nf_conntrack_udp_timeout"; never NULL. The name of a tunable, and the tunable of a
 * name: dots or slashes, "/proc/sys/" in front or not. -ENOENT: there is none.
 */
const char *sysctl_name(enum weir_tunable tunable);
int sysctl_find(const char *name, size_t len);

/* Takes "KEY=VALUE". -EINVAL: see `errors`. */
int sysctl_plan_assign(struct sysctl_plan *plan, const char *assignment, struct textbuf *errors);

/*
 * Takes a file in the syntax of sysctl.conf(5). Lines about something else than connection tracking
 * are counted and passed over, so that a system's own file can be given. Reads to the end and
 * reports every bad line. -EINVAL, or why the file cannot be read; see `errors`.
 */
int sysctl_plan_file(struct sysctl_plan *plan, const char *path, struct textbuf *errors);

/* Takes the kernel module's `hashsize`: that many buckets, rounded up as Linux does, and, unless
 * nf_conntrack_max is given as well, 8 connections for each. -EINVAL: see `errors`. */
int sysctl_plan_hashsize(struct sysctl_plan *plan, const char *text, struct textbuf *errors);

/* Puts max, buckets and capacity into `config`, as the plan has them. */
void sysctl_plan_config(const struct sysctl_plan *plan, struct weir_config *config);

/* Sets everything else. 0, or -EINVAL when something was refused; the rest is set all the same. */
int sysctl_plan_apply(const struct sysctl_plan *plan, struct weir_shard *shard,
                      struct textbuf *errors);

/* One tunable of a running shard. -EINVAL: see `errors`. */
int sysctl_get(const struct weir_shard *shard, const char *name, int64_t *value,
               struct textbuf *errors);
int sysctl_set(struct weir_shard *shard, const char *name, const char *value,
               struct textbuf *errors);

#endif
