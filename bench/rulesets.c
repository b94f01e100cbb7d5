/* SPDX-License-Identifier: BSD-2-Clause */
/* What it is for: rulesets.h. The addresses and ports here and those of traffic.c belong together.
 */
#include "rulesets.h"
#include "common.h"
#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GROUP = 10,   /* of USER_CHAINS: a jump and its chain */
    SERVICE = 11, /* of KUBE_PROXY: 1 to the service, 1 + 3 in its chain, 2 for each end point */
    ENDPOINTS = 3,
};

const char *shape_name(enum shape shape)
{
    static const char *const names[SHAPES] = {"by address", "by port", "user chains", "kube-proxy"};

    return names[shape];
}

/* --- writing --- */

struct writer {
    struct ruleset made;
    FILE *f;
};

static void begin(struct writer *w)
{
    w->f = open_memstream(&w->made.text, &w->made.len);
    bench_check(w->f != NULL, "no memory for a ruleset");
}

static struct ruleset end(struct writer *w)
{
    fputs("COMMIT\n", w->f);
    bench_check(fclose(w->f) == 0, "no memory for a ruleset");
    return w->made;
}

static void write_filter(FILE *f)
{
    fputs("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n", f);
}

static void write_nat(FILE *f)
{
    fputs("*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
          ":POSTROUTING ACCEPT [0:0]\n",
          f);
}

static void write_established(FILE *f)
{
    fputs("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", f);
}

struct dotted {
    char text[16];
};

static struct dotted dotted(uint32_t addr)
{
    struct dotted d;

    (void)snprintf(d.text, sizeof(d.text), "%u.%u.%u.%u", addr >> 24, addr >> 16 & 0xff,
                   addr >> 8 & 0xff, addr & 0xff);
    return d;
}

/* --- shapes of a filter table --- */

/* 172.16.0.0/12 and 100.64.0.0/10 in no order: nobody's clients. */
static void write_addresses(FILE *f, uint32_t rules)
{
    for (uint32_t i = 0; i < rules; i++) {
        if (i % 8 == 7)
            fprintf(f, "-A FORWARD -s %s/24 -j DROP\n",
                    dotted(0x64400000u + (i * 40503u & 0x3fff) * 256).text);
        else
            fprintf(f, "-A FORWARD -s %s/32 -j DROP\n",
                    dotted(0xac100000u + (i * 2654435761u & 0xfffff)).text);
    }
}

static void write_ports(FILE *f, uint32_t rules)
{
    for (uint32_t i = 0; i < rules; i++)
        fprintf(f, "-A FORWARD -p udp -m udp --%s %" PRIu32 " -j DROP\n",
                i / RULED_PORTS % 2 ? "sport" : "dport", i % RULED_PORTS + 1);
}

/* Clients are in 10.0.0.0/8, which the groups divide between them. */
static void write_chains(FILE *f, uint32_t rules)
{
    uint32_t groups = (rules + GROUP - 1) / GROUP, bits = 8;

    while (1u << (bits - 8) < groups)
        bits++;
    for (uint32_t i = 0; i < groups; i++)
        fprintf(f, ":clients-%" PRIu32 " - [0:0]\n", i);
    write_established(f);
    for (uint32_t i = 0; i < groups; i++)
        fprintf(f, "-A FORWARD -s %s/%" PRIu32 " -j clients-%" PRIu32 "\n",
                dotted(0x0a000000u + (uint32_t)((uint64_t)i << (32 - bits))).text, bits, i);
    for (uint32_t i = 0; i < groups; i++) {
        char chain[32];
        uint32_t net = i % 250;

        (void)snprintf(chain, sizeof(chain), "-A clients-%" PRIu32, i);
        fprintf(f, "%s -p tcp -m tcp --dport 22 -j DROP\n", chain);
        fprintf(f, "%s -p udp -m udp --dport 53 -j ACCEPT\n", chain);
        fprintf(f, "%s -d 192.168.%" PRIu32 ".0/24 -j DROP\n", chain, net);
        fprintf(f, "%s -p udp -m multiport --dports 137,138,161,500 -j DROP\n", chain);
        fprintf(f, "%s -m iprange --dst-range 172.16.%" PRIu32 ".1-172.16.%" PRIu32 ".99 -j DROP\n",
                chain, net, net);
        fprintf(f, "%s -i guest%" PRIu32 " -j DROP\n", chain, net);
        fprintf(f, "%s -p icmp -m icmp --icmp-type 8 -j ACCEPT\n", chain);
        fprintf(f, "%s -m conntrack --ctstate INVALID -j DROP\n", chain);
        fprintf(f, "%s -p udp -m udp --sport 1:1023 -m length --length 1000:65535 -j DROP\n",
                chain);
    }
}

/* --- kube-proxy --- */

/* The sixteen letters and digits at the end of a chain's name. */
struct tail {
    char text[17];
};

static struct tail tail_of(uint64_t number)
{
    uint64_t bits = bench_mix(number + 1);
    struct tail t = {{0}};

    for (int i = 0; i < 16; i++, bits = bits >> 5 | bits << 59)
        t.text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[bits & 31];
    return t;
}

static struct tail service_tail(uint32_t service)
{
    return tail_of(service);
}

static struct tail endpoint_tail(uint32_t service, uint32_t endpoint)
{
    return tail_of(((uint64_t)service << 8 | endpoint) + (1ULL << 40));
}

/* "-d 10.96.0.7/32 -p udp ... -m udp --dport 53", where a service is reached. */
static void write_service_match(FILE *f, uint32_t service)
{
    fprintf(f,
            "-d %s/32 -p udp -m comment --comment \"ns-%" PRIu32 "/service-%" PRIu32
            ":dns cluster IP\" -m udp --dport %d",
            dotted((uint32_t)SERVICE_NET + service).text, service % 50, service, SERVICE_PORT);
}

static void write_service(FILE *f, uint32_t service)
{
    struct tail name = service_tail(service);

    fputs("-A KUBE-SERVICES ", f);
    write_service_match(f, service);
    fprintf(f, " -j KUBE-SVC-%s\n", name.text);

    fprintf(f, "-A KUBE-SVC-%s ! -s 10.244.0.0/16 ", name.text);
    write_service_match(f, service);
    fputs(" -j KUBE-MARK-MASQ\n", f);
    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        fprintf(f, "-A KUBE-SVC-%s -m comment --comment \"ns-%" PRIu32 "/service-%" PRIu32 ":dns\"",
                name.text, service % 50, service);
        if (i + 1 < ENDPOINTS)
            fprintf(f, " -m statistic --mode random --probability %.11f", 1.0 / (ENDPOINTS - i));
        fprintf(f, " -j KUBE-SEP-%s\n", endpoint_tail(service, i).text);
    }
    for (uint32_t i = 0; i < ENDPOINTS; i++) {
        struct dotted pod =
            dotted((uint32_t)POD_NET + (service * ENDPOINTS + i) % (POD_CLIENTS - 2) + 1);
        struct tail to = endpoint_tail(service, i);

        fprintf(f, "-A KUBE-SEP-%s -s %s/32 -j KUBE-MARK-MASQ\n", to.text, pod.text);
        fprintf(f, "-A KUBE-SEP-%s -p udp -m udp -j DNAT --to-destination %s:53\n", to.text,
                pod.text);
    }
}

static void write_kube_nat(FILE *f, uint32_t services)
{
    write_nat(f);
    fputs(":KUBE-MARK-MASQ - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-POSTROUTING - [0:0]\n"
          ":KUBE-SERVICES - [0:0]\n",
          f);
    for (uint32_t s = 0; s < services; s++) {
        fprintf(f, ":KUBE-SVC-%s - [0:0]\n", service_tail(s).text);
        for (uint32_t i = 0; i < ENDPOINTS; i++)
            fprintf(f, ":KUBE-SEP-%s - [0:0]\n", endpoint_tail(s, i).text);
    }
    fputs("-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
          "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
          "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\""
          " -j KUBE-POSTROUTING\n"
          "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n"
          "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n"
          "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n"
          "-A KUBE-POSTROUTING -j MASQUERADE --random-fully\n",
          f);
    for (uint32_t s = 0; s < services; s++)
        write_service(f, s);
    fputs("-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports\""
          " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n"
          "COMMIT\n",
          f);
}

static void write_kube_filter(FILE *f)
{
    fputs("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
          ":KUBE-EXTERNAL-SERVICES - [0:0]\n:KUBE-FORWARD - [0:0]\n:KUBE-PROXY-FIREWALL - [0:0]\n"
          ":KUBE-SERVICES - [0:0]\n"
          "-A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL\n"
          "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD\n"
          "-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES\n"
          "-A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES\n"
          "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"
          "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT\n"
          "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
          f);
}

uint32_t ruleset_services(uint32_t rules)
{
    return rules < SERVICE ? 1 : rules / SERVICE;
}

/* --- whole rulesets --- */

struct ruleset ruleset_of(enum shape shape, uint32_t rules)
{
    struct writer w;

    begin(&w);
    if (shape == KUBE_PROXY) {
        write_kube_nat(w.f, ruleset_services(rules));
        write_kube_filter(w.f);
        return end(&w);
    }
    write_filter(w.f);
    if (shape == USER_CHAINS) {
        write_chains(w.f, rules);
    } else {
        write_established(w.f);
        if (shape == BY_ADDRESS)
            write_addresses(w.f, rules);
        else
            write_ports(w.f, rules);
    }
    fputs("-A FORWARD -j ACCEPT\n", w.f);
    return end(&w);
}

struct ruleset ruleset_usual(void)
{
    struct writer w;

    begin(&w);
    write_filter(w.f);
    write_established(w.f);
    fputs("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n", w.f);
    return end(&w);
}

/* A nat table with one rule, behind POSTROUTING. */
static struct ruleset nat_rule(const char *rule)
{
    struct writer w;

    begin(&w);
    write_nat(w.f);
    fprintf(w.f, "-A POSTROUTING %s\n", rule);
    return end(&w);
}

struct ruleset ruleset_snat(void)
{
    return nat_rule("-j SNAT --to-source 198.51.100.1");
}

struct ruleset ruleset_snat_random(void)
{
    return nat_rule("-j SNAT --to-source 198.51.100.1 --random-fully");
}

struct ruleset ruleset_snat_ports(uint32_t ports)
{
    char rule[80];

    (void)snprintf(rule, sizeof(rule), "-p udp -j SNAT --to-source 198.51.100.1:%d-%" PRIu32,
                   SNAT_FIRST_PORT, SNAT_FIRST_PORT + ports - 1);
    return nat_rule(rule);
}

struct ruleset ruleset_masquerade(void)
{
    return nat_rule("-j MASQUERADE");
}

/* --- using them --- */

struct weir_rules *ruleset_parse(const struct ruleset *r)
{
    struct weir_rules_error error = {0};
    struct weir_rules *rules;
    int failed = weir_rules_parse(&rules, 4, r->text, r->len, NULL, &error);

    bench_check(!failed, "rules, line %" PRIu32 ": %s %s", error.line, error.message, error.text);
    return rules;
}

struct weir_rules *ruleset_use(struct weir_shard *shard, struct ruleset r)
{
    struct weir_rules *rules = ruleset_parse(&r);

    bench_check(weir_shard_set_rules(shard, 4, rules, NULL) == 0, "no memory for rules");
    free(r.text);
    return rules;
}
