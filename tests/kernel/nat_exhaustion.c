/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A range of ports used up: one SNAT address, one destination, one connection more than there are
 * ports.
 *
 * The range for source ports from 1024 up has 64,512 ports (NAT reference, 5.4). Connections of one
 * client network ask for them in two ways: each with a port of its own, which can be kept; and
 * crowded on a few source ports, so that all but the first few must search. weir gives every port
 * away, then says nat-exhausted, and gives a port that comes free again to the next who asks. Linux
 * looks at 248 ports at most, so that it turns connections away while ports are free: how many is
 * printed beside weir's figures. With weir.nat_linux_search=1 weir turns away as many, by the same
 * chances.
 */
#include "build.h"
#include "engine.h"
#include "hosts.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    FIRST = 1024,
    PORTS = 65536 - FIRST,
    ASKED = PORTS + 1,
    CLIENTS = 250, /* of 10.0.1.0/24, from .2 */
    SERVICE = 53,
    KERNEL_SAMPLE = 61, /* of the kernel's answers every such is sent */
    LOOK_EVERY = 256,   /* packets between two looks at the machine's settings */
};

static const char room[] = "262144"; /* entries, and buckets: what a large machine has */
static const char rules[] = "*nat\n-A POSTROUTING -s 10.0.1.0/24 -j SNAT --to-source 10.0.2.100\n"
                            "COMMIT\n";

struct client {
    struct build_addr addr;
    uint16_t port;
};

/* --- who asks --- */

static struct build_addr client_addr(unsigned n)
{
    return (struct build_addr){{10, 0, 1, (uint8_t)(2 + n % CLIENTS)}};
}

/* The last one has to share with the first: there are no more ports. */
static struct client distinct(unsigned i)
{
    return (struct client){client_addr(i), (uint16_t)(FIRST + i % PORTS)};
}

static struct client crowded(unsigned i)
{
    return (struct client){client_addr(i), (uint16_t)(5000 + i / CLIENTS)};
}

static const struct way {
    const char *name;
    struct client (*client)(unsigned i);
} ways[] = {{"distinct source ports", distinct}, {"crowded source ports", crowded}};

/* --- who answers --- */

/* One router, and what became of the connections. */
struct run {
    const struct way *way;
    struct engine *engine; /* NULL: the kernel */
    struct rig *rig;
    struct rig_result result;
    uint16_t *port;         /* by connection; 0: it was turned away */
    uint8_t used[65536];    /* by port */
    unsigned got, wrong;    /* translated; wrongly, or twice to the same port */
    unsigned early, lowest; /* turned away with ports free; how many were in use the first time */
    unsigned asked_back, came_back;
    double seconds;
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("Bail out! ");
    (void)vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    exit(1);
}

static const struct rig_packet *step(struct run *run, enum rig_side side, struct client from,
                                     struct client to)
{
    uint8_t bytes[64];
    struct build b;

    build_init(&b, 4, BUILD_UDP);
    b.src = from.addr;
    b.dst = to.addr;
    b.l4.udp.sport = from.port;
    b.l4.udp.dport = to.port;
    size_t len = build_make(&b, bytes, sizeof(bytes));

    if (run->engine)
        engine_step(run->engine, (struct weir_time){1000000000}, side, bytes, len, NULL,
                    &run->result);
    else if (rig_step(run->rig, side, bytes, len, &run->result))
        die("rig: %s", rig_error(run->rig));
    return run->result.packets ? &run->result.packet[0] : NULL;
}

static struct client server(void)
{
    return (struct client){hosts_addr(4, SIDE_B, 1), SERVICE};
}

static struct client outside(uint16_t port)
{
    return (struct client){{{10, 0, 2, 100}}, port};
}

/* Is this what should have come out: from `from` to `to`, on this side? The port of `from` may be
 * left open, 0. */
static bool is_from_to(const struct rig_packet *p, enum rig_side side, struct client from,
                       struct client to)
{
    struct build b;
    uint8_t scratch[BUILD_SCRATCH];

    return p && p->side == side && build_dissect(&b, p->data, p->len, scratch) &&
           b.kind == BUILD_UDP && memcmp(b.src.b, from.addr.b, 4) == 0 &&
           memcmp(b.dst.b, to.addr.b, 4) == 0 && (!from.port || b.l4.udp.sport == from.port) &&
           b.l4.udp.dport == to.port && b.l4.udp.sum.mode == BUILD_SUM_RIGHT;
}

static void ask(struct run *run, unsigned i)
{
    const struct rig_packet *p = step(run, RIG_A, run->way->client(i), server());

    run->port[i] = 0;
    if (!p) {
        if (run->got < PORTS && !run->early++)
            run->lowest = run->got;
        return;
    }
    uint16_t port = (uint16_t)(p->data[20] << 8 | p->data[21]);

    run->wrong += !is_from_to(p, RIG_B, outside(0), server()) || port < FIRST || run->used[port]++;
    run->port[i] = port;
    run->got++;
}

static void answer(struct run *run, unsigned i)
{
    if (!run->port[i])
        return;
    run->asked_back++;
    run->came_back += is_from_to(step(run, RIG_B, server(), outside(run->port[i])), RIG_A, server(),
                                 run->way->client(i));
}

/*
 * What the whole machine shares, and another test may set too: in a table of few buckets the kernel
 * turns connections away for the length of a chain.
 */
static void keep_settings(struct rig *rig)
{
    static const char *const names[] = {"net.netfilter.nf_conntrack_max",
                                        "net.netfilter.nf_conntrack_buckets"};
    char value[32];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (rig_global_sysctl_get(rig, names[i], value, sizeof(value)) ||
            (atoi(value) < atoi(room) && rig_global_sysctl_set(rig, names[i], room)))
            die("rig: %s", rig_error(rig));
}

static void all(struct run *run)
{
    double start = now();

    run->port = calloc(ASKED, sizeof(*run->port));
    if (!run->port)
        die("no memory");
    for (unsigned i = 0; i < ASKED; i++) {
        if (run->rig && i % LOOK_EVERY == 0)
            keep_settings(run->rig);
        ask(run, i);
    }
    run->seconds = now() - start;
    for (unsigned i = 0; i < ASKED; i += run->engine ? 1 : KERNEL_SAMPLE)
        answer(run, i);
}

static void run_free(struct run *run)
{
    rig_result_free(&run->result);
    engine_free(run->engine);
    rig_free(run->rig);
    free(run->port);
    free(run);
}

static struct run *run_new(const struct way *way)
{
    struct run *run = calloc(1, sizeof(*run));

    if (!run)
        die("no memory");
    run->way = way;
    return run;
}

static struct run *weir(const struct way *way, bool linux_search)
{
    struct run *run = run_new(way);
    char err[256];

    run->engine = engine_new(NULL);
    if (!run->engine)
        die("no memory for a shard");
    if (engine_rules(run->engine, 4, rules, err, sizeof(err)))
        die("weir refuses the rules: %s", err);
    if (weir_tunable_set(engine_shard(run->engine), WEIR_T_NAT_LINUX_SEARCH, linux_search))
        die("weir refuses nat_linux_search");
    all(run);
    return run;
}

/* NULL: there is no kernel to ask, which has been said. */
static struct rig *open_rig(void)
{
    char err[512];
    struct rig *rig;
    int r = rig_new(NULL, &rig, err, sizeof(err));

    if (r == RIG_SKIP) {
        printf("1..0 # SKIP %s\n", err);
        return NULL;
    }
    if (r)
        die("rig: %s", err);
    /* A busy machine may take longer than the 30 seconds of the first connections. */
    if (rig_sysctl_set(rig, "net.netfilter.nf_conntrack_udp_timeout", "600") ||
        rig_rules(rig, AF_INET, rules))
        die("rig: %s", rig_error(rig));
    return rig;
}

/* --- telling --- */

struct tap {
    unsigned n, failed;
};

/* What Linux did. */
struct figures {
    unsigned got;
    uint64_t chain_toolong;
};

__attribute__((format(printf, 3, 4))) static void check(struct tap *tap, bool is, const char *fmt,
                                                        ...)
{
    va_list ap;

    va_start(ap, fmt);
    printf("%s %u - ", is ? "ok" : "not ok", ++tap->n);
    (void)vprintf(fmt, ap);
    printf("\n");
    (void)fflush(stdout);
    va_end(ap);
    tap->failed += !is;
}

static void tell(const struct run *run, const char *who, const struct rig_stats *s)
{
    printf("# %-24s %5u of %u got a port, %u turned away", who, run->got, ASKED, ASKED - run->got);
    if (run->early)
        printf(" (%u with ports free, the first with %u in use)", run->early, run->lowest);
    printf("; insert_failed %llu, drop %llu, chain_toolong %llu; %.1f s\n",
           (unsigned long long)s->insert_failed, (unsigned long long)s->drop,
           (unsigned long long)s->chain_toolong, run->seconds);
}

static void check_sound(struct tap *tap, const struct run *run, const char *who)
{
    check(tap, !run->wrong, "%s, %s: every port once and from 1024 up (%u wrong)", run->way->name,
          who, run->wrong);
    check(tap, run->asked_back && run->came_back == run->asked_back,
          "%s, %s: %u of %u answers came back to who asked", run->way->name, who, run->came_back,
          run->asked_back);
}

/* A port that comes free is the next one's. */
static bool gives_again(struct run *run)
{
    struct weir_shard *shard = engine_shard(run->engine);
    struct weir_conn conn;
    uint64_t cursor = 0;

    for (int skip = 0; skip < PORTS / 2; skip++)
        if (!weir_conn_walk(shard, &cursor, &conn))
            return false;
    uint16_t port = ntohs(conn.tuple[WEIR_REPLY].dst_key);

    run->used[port] = 0;
    if (!weir_conn_kill(shard, conn.handle))
        return false;
    ask(run, PORTS);
    return run->port[PORTS] == port;
}

static unsigned check_exact(struct tap *tap, const struct way *way)
{
    struct run *run = weir(way, false);
    const struct weir_packet *last = engine_last(run->engine);
    struct rig_stats s;
    struct weir_stats own;

    engine_stats(run->engine, &s);
    tell(run, "weir", &s);
    check_sound(tap, run, "weir");
    check(tap, run->got == PORTS && !run->port[PORTS],
          "%s, weir: %u got a port, the one after them none", way->name, run->got);
    (void)step(run, RIG_A, way->client(PORTS), server());
    weir_shard_stats(engine_shard(run->engine), &own);
    check(tap,
          last->verdict == WEIR_DROP && last->reason == WEIR_R_NAT_EXHAUSTED &&
              own.reasons[WEIR_R_NAT_EXHAUSTED] == 2 &&
              weir_tunable_get(engine_shard(run->engine), WEIR_T_COUNT) == PORTS,
          "%s, weir: turned away as %s, twice, %llu counted", way->name,
          weir_reason_word((enum weir_reason)last->reason),
          (unsigned long long)own.reasons[WEIR_R_NAT_EXHAUSTED]);

    unsigned got = run->got;

    check(tap, gives_again(run), "%s, weir: a port that comes free is given again", way->name);
    run_free(run);
    return got;
}

static unsigned ask_linux_way(struct tap *tap, const struct way *way)
{
    struct run *run = weir(way, true);
    unsigned got = run->got;
    struct rig_stats s;

    engine_stats(run->engine, &s);
    tell(run, "weir, nat_linux_search=1", &s);
    check_sound(tap, run, "weir, nat_linux_search=1");
    check(tap, s.insert_failed == ASKED - got && s.drop == ASKED - got,
          "%s, weir, nat_linux_search=1: insert_failed and drop count who was turned away",
          way->name);
    run_free(run);
    return got;
}

static struct figures ask_kernel(struct tap *tap, const struct way *way, struct rig *rig)
{
    struct run *run = run_new(way);
    struct figures f;
    struct rig_stats before, after;
    uint32_t count;

    run->rig = rig;
    if (rig_stats(rig, &before))
        die("rig: %s", rig_error(rig));
    all(run);
    if (rig_stats(rig, &after) || rig_count(rig, &count))
        die("rig: %s", rig_error(rig));
    after.insert_failed -= before.insert_failed;
    after.drop -= before.drop;
    after.chain_toolong -= before.chain_toolong;
    tell(run, "Linux", &after);
    check_sound(tap, run, "Linux");
    f = (struct figures){.got = run->got, .chain_toolong = after.chain_toolong};
    check(tap, count == f.got, "%s, Linux: %u connections for %u that got a port", way->name, count,
          f.got);
    run_free(run);
    return f;
}

/* How far two numbers of turned away connections may lie apart by chance. */
static bool alike(unsigned a, unsigned b)
{
    unsigned lost_a = ASKED - a, lost_b = ASKED - b;
    unsigned more = lost_a > lost_b ? lost_a : lost_b, less = lost_a + lost_b - more;

    return more - less <= more / 5 + 20;
}

int main(void)
{
    struct tap tap = {0};

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct rig *rig = open_rig();

        if (!rig)
            return 0;
        printf("# %s\n", ways[i].name);
        unsigned exact = check_exact(&tap, &ways[i]);
        unsigned like = ask_linux_way(&tap, &ways[i]);
        struct figures kernel = ask_kernel(&tap, &ways[i], rig);

        check(&tap, kernel.got <= exact, "%s: Linux gives no more ports than weir", ways[i].name);
        if (kernel.chain_toolong)
            printf("ok %u # SKIP another process made the kernel's table too small meanwhile\n",
                   ++tap.n);
        else
            check(&tap, alike(kernel.got, like),
                  "%s: with nat_linux_search=1 weir gives about as many", ways[i].name);
    }
    printf("1..%u\n", tap.n);
    return tap.failed != 0;
}
