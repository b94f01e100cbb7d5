/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario_plan: what the lines `tmpl`, `policy`, `sysctl` and `rule` of a scenario ask for, in a
 * form that both engines can carry out.
 *
 *     tmpl A zone=5 dir=orig         zone=N dir=both|orig|reply
 *     tmpl A notrack
 *     tmpl A policy=slow             for the policy's protocol, or proto=N
 *     tmpl A events=new,destroy
 *     tmpl A off
 *     policy slow tcp syn_sent=9 established=77
 *     policy slow off
 */
#ifndef KERNEL_SCENARIO_PLAN_H
#define KERNEL_SCENARIO_PLAN_H

#include <weir/shard.h>

#include "../lib/scenario.h"
#include "rig.h"

enum {
    PLAN_NAME_MAX = 32, /* of a policy, with the terminating zero, as in the kernel */
    PLAN_VALUES_MAX = 11,
    PLAN_RULES_MAX = 8192,    /* text of one family's */
    PLAN_PROTO_GENERIC = 255, /* the number for protocols without a tracker of their own */
};

struct plan_templ {
    enum rig_side side;
    bool off, notrack;
    uint8_t proto; /* only for packets of this protocol; 0: of all */
    uint16_t zone;
    uint8_t zone_dirs;   /* as struct weir_template */
    uint16_t event_mask; /* 1 << enum weir_event_kind */
    char policy[PLAN_NAME_MAX];
};

struct plan_policy {
    char name[PLAN_NAME_MAX];
    bool off;
    uint8_t proto;
    uint32_t
        seconds[PLAN_VALUES_MAX]; /* by the kernel's number of the timeout, less 1; 0: default */
    enum weir_tunable tunable[PLAN_VALUES_MAX]; /* weir's name for it */
};

/* The rules so far, as iptables-restore takes them; "": none. */
struct plan_rules {
    char text[2][PLAN_RULES_MAX]; /* IPv4's, IPv6's */
};

/* False: `error` says what is wrong with the line. */
bool plan_templ(const struct scn_settings *set, struct plan_templ *out, char *error, size_t size);
bool plan_policy(const struct scn_settings *set, struct plan_policy *out, char *error, size_t size);

/* Adds an iptables command line at the end of its table. */
bool plan_rule(struct plan_rules *rules, uint8_t family, const char *args, char *error,
               size_t size);

/* The lower-case name of an event, as `-j CT --ctevents` takes it. */
const char *plan_event_name(enum weir_event_kind kind);

/* The tunable of a full sysctl name; WEIR_T_MAX_NUMBER if weir has none. */
enum weir_tunable plan_tunable(const char *sysctl);

#endif
