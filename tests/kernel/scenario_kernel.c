/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_kernel: the kernel as a player, see scenario_player.h.
 *
 * A template is a rule of the raw table. Both sides' rules are loaded anew when one changes, which
 * replaces the raw table: a scenario uses `tmpl` or `rule -t raw`, not both. Packets for the router
 * itself are taken and not answered, as weir leaves them to its host.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "../lib/text.h"
#include "scenario_player.h"

enum { POLICIES_MAX = 8 };

struct kernel_player {
    struct player player;
    struct rig *rig;
    struct rig_table scrap;
    struct plan_templ side[RIG_SIDE_MAX];
    struct plan_policy policy[POLICIES_MAX];
};

static struct kernel_player *mine(struct player *p)
{
    return (struct kernel_player *)p;
}

/* The rig's result as a player's: true, or its words. */
static bool rig_ok(struct player *p, int err)
{
    return !err || player_fail(p, "rig: %s", rig_error(mine(p)->rig));
}

static void kernel_free(struct player *p)
{
    rig_table_free(&mine(p)->scrap);
    rig_free(mine(p)->rig);
    free(p);
}

/* The kernel ends an entry when somebody looks at it; a dump looks at all (conntrack reference,
 * 2.3). */
static bool kernel_wait(struct player *p, struct rig_result *result)
{
    struct kernel_player *k = mine(p);

    return rig_ok(p, rig_dump(k->rig, &k->scrap)) && rig_ok(p, rig_collect(k->rig, result));
}

static bool kernel_packet(struct player *p, enum rig_side side, const uint8_t *packet, size_t len,
                          struct rig_result *result)
{
    return rig_ok(p, rig_step(mine(p)->rig, side, packet, len, result));
}

/* Those which only the initial namespace has count for the whole machine; the rig puts them back.
 */
static bool kernel_sysctl(struct player *p, const char *name, const char *value)
{
    static const char *const global[] = {"net.netfilter.nf_conntrack_max",
                                         "net.netfilter.nf_conntrack_buckets",
                                         "net.netfilter.nf_conntrack_expect_max"};

    for (size_t i = 0; i < sizeof(global) / sizeof(global[0]); i++)
        if (strcmp(name, global[i]) == 0)
            return rig_ok(p, rig_global_sysctl_set(mine(p)->rig, name, value));
    return rig_ok(p, rig_sysctl_set(mine(p)->rig, name, value));
}

/* ---- templates ---- */

static const struct plan_policy *find_policy(const struct kernel_player *k, const char *name)
{
    for (int i = 0; i < POLICIES_MAX; i++)
        if (name[0] && strcmp(k->policy[i].name, name) == 0)
            return &k->policy[i];
    return NULL;
}

/* A policy belongs to one family. */
static int policy_family(const struct plan_policy *policy)
{
    return policy->proto == IPPROTO_ICMPV6 ? AF_INET6 : AF_INET;
}

static void add_events(struct text *t, uint16_t mask)
{
    const char *sep = " --ctevents ";

    for (int kind = 0; kind < WEIR_EV_MAX; kind++) {
        if (mask >> kind & 1) {
            text_add(t, "%s%s", sep, plan_event_name((enum weir_event_kind)kind));
            sep = ",";
        }
    }
}

static void add_rule(struct text *t, const struct kernel_player *k, enum rig_side side, int family)
{
    static const char *const zone_word[] = {"", "zone-orig", "zone-reply", "zone"};
    const struct plan_templ *templ = &k->side[side];
    const struct plan_policy *policy = find_policy(k, templ->policy);
    unsigned proto = templ->proto ? templ->proto : policy ? policy->proto : 0;

    if (templ->off || (policy && policy_family(policy) != family))
        return;
    text_add(t, "-A PREROUTING -i t%c", side == RIG_A ? 'a' : 'b');
    if (proto)
        text_add(t, " -p %u", proto);
    text_add(t, " -j CT");
    if (templ->notrack)
        text_add(t, " --notrack");
    if (templ->zone)
        text_add(t, " --%s %u", zone_word[templ->zone_dirs], templ->zone);
    if (policy)
        text_add(t, " --timeout %s", policy->name);
    add_events(t, templ->event_mask);
    text_add(t, "\n");
}

static bool load_templates(struct player *p)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct kernel_player *k = mine(p);
    char buf[1024];

    for (int i = 0; i < 2; i++) {
        struct text t = text_in(buf, sizeof(buf));

        text_add(&t, "*raw\n");
        add_rule(&t, k, RIG_A, families[i]);
        add_rule(&t, k, RIG_B, families[i]);
        text_add(&t, "COMMIT\n");
        if (!rig_ok(p, rig_rules(k->rig, families[i], buf)))
            return false;
    }
    return true;
}

static bool kernel_templ(struct player *p, const struct plan_templ *templ)
{
    if (templ->policy[0] && !find_policy(mine(p), templ->policy))
        return player_fail(p, "there is no policy '%s'", templ->policy);
    mine(p)->side[templ->side] = *templ;
    return load_templates(p);
}

/* ---- policies ---- */

/* The rig has no need to delete one: its namespace does. */
static int delete_policy(const char *name)
{
    char buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct nfgenmsg *nfg;

    nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_DELETE;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    nlh->nlmsg_seq = 1;
    nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
    nfg->nfgen_family = AF_UNSPEC;
    nfg->version = NFNETLINK_V0;
    nfg->res_id = 0;
    mnl_attr_put_strz(nlh, CTA_TIMEOUT_NAME, name);

    struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
    ssize_t n = nl ? mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) : -1;

    if (n >= 0)
        n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
    if (n >= 0)
        n = mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL);
    int err = n < 0 ? errno : 0;

    if (nl)
        mnl_socket_close(nl);
    return err;
}

static bool kernel_policy(struct player *p, const struct plan_policy *policy)
{
    struct kernel_player *k = mine(p);
    int i = 0, err;

    if (policy->off) {
        err = delete_policy(policy->name);
        return !err || player_fail(p, "deleting policy '%s': %s", policy->name, strerror(err));
    }
    while (i < POLICIES_MAX && k->policy[i].name[0] && strcmp(k->policy[i].name, policy->name) != 0)
        i++;
    if (i == POLICIES_MAX)
        return player_fail(p, "more than %d policies", POLICIES_MAX);
    k->policy[i] = *policy;
    return rig_ok(p, rig_timeout_policy(k->rig, policy->name, policy_family(policy), policy->proto,
                                        policy->seconds, PLAN_VALUES_MAX));
}

/* ---- the rest ---- */

static bool kernel_mtu(struct player *p, unsigned mtu)
{
    struct rig *rig = mine(p)->rig;

    return rig_ok(p, rig_set_mtu(rig, RIG_A, mtu)) && rig_ok(p, rig_set_mtu(rig, RIG_B, mtu));
}

static bool kernel_flush(struct player *p, struct rig_result *result)
{
    return rig_ok(p, rig_flush(mine(p)->rig)) && rig_ok(p, rig_collect(mine(p)->rig, result));
}

static bool kernel_route(struct player *p, enum rig_side side, const char *prefix)
{
    return rig_ok(p, rig_route(mine(p)->rig, side, prefix));
}

static bool kernel_rules(struct player *p, uint8_t family, const char *text, bool *refused)
{
    int err = rig_rules(mine(p)->rig, family == 6 ? AF_INET6 : AF_INET, text);

    *refused = err == -EINVAL;
    return rig_ok(p, err) || *refused;
}

static bool kernel_save(struct player *p, uint8_t family, char **text)
{
    return rig_ok(p, rig_rules_save(mine(p)->rig, family == 6 ? AF_INET6 : AF_INET, text));
}

static bool kernel_conntrack(struct player *p, const char *args, int *status,
                             struct rig_result *result)
{
    char line[1024];
    int n = snprintf(line, sizeof(line), "conntrack %s 2>&1", args);
    FILE *f = n < (int)sizeof(line) ? popen(line, "r") : NULL;

    if (!f)
        return player_fail(p, "conntrack cannot be run: %s", strerror(errno));
    size_t len = fread(p->error, 1, sizeof(p->error) - 1, f);
    p->error[len] = '\0';
    char scrap[256];
    while (fread(scrap, 1, sizeof(scrap), f) > 0)
        ;
    int ended = pclose(f);

    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128;
    return rig_ok(p, rig_collect(mine(p)->rig, result));
}

/*
 * Not by a dump: the kernel would walk its whole table, a quarter of a million buckets. It refuses
 * to look for what no entry can have (EINVAL), such as the type of an ICMP error.
 */
static bool kernel_find(struct player *p, const struct rig_tuple *tuple, uint16_t zone,
                        struct rig_entry *entry, bool *found)
{
    int err = rig_get(mine(p)->rig, tuple, zone, entry);

    *found = !err;
    entry->use--; /* the question holds it too */
    return err == -ENOENT || err == -EINVAL || rig_ok(p, err);
}

static bool kernel_dump(struct player *p, struct rig_table *table)
{
    return rig_ok(p, rig_dump(mine(p)->rig, table));
}

static bool kernel_count(struct player *p, uint32_t *count)
{
    return rig_ok(p, rig_count(mine(p)->rig, count));
}

static bool kernel_stats(struct player *p, struct rig_stats *stats)
{
    return rig_ok(p, rig_stats(mine(p)->rig, stats));
}

static const char *kernel_reason(struct player *p)
{
    (void)p;
    return NULL;
}

static const struct player_ops ops = {
    .free = kernel_free,
    .wait = kernel_wait,
    .packet = kernel_packet,
    .sysctl = kernel_sysctl,
    .templ = kernel_templ,
    .policy = kernel_policy,
    .mtu = kernel_mtu,
    .flush = kernel_flush,
    .route = kernel_route,
    .rules = kernel_rules,
    .save = kernel_save,
    .conntrack = kernel_conntrack,
    .find = kernel_find,
    .dump = kernel_dump,
    .count = kernel_count,
    .stats = kernel_stats,
    .reason = kernel_reason,
};

int player_kernel(struct player **player, char *error, size_t size)
{
    static const struct rig_opts opts = {.deaf = true};
    struct kernel_player *k = calloc(1, sizeof(*k));
    int err = k ? rig_new(&opts, &k->rig, error, size) : -ENOMEM;

    if (err) {
        free(k);
        return err;
    }
    k->player = (struct player){.ops = &ops, .name = "kernel", .per_second = 1, .real_time = true};
    k->side[RIG_A].off = k->side[RIG_B].off = true;
    *player = &k->player;
    return 0;
}
