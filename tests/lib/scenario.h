/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scenario: hand-written tests of connection tracking: packets, time, and what must be true after.
 *
 * A scenario file (.scn) holds any number of scenarios. One line is one step. The same file is run
 * against weir on a fake clock and against the kernel in a namespace; this header only knows how to
 * read it. An example, whole:
 *
 *     # RSTs around the exact sequence number.
 *     flow tcp A>B 1000>80
 *
 *     block handshake
 *         A: S seq=1000 win=1000               -> NEW state=SYN_SENT timeout=120 unreplied
 *         B: SA seq=5000 ack=1001 win=1000     -> EST_R state=SYN_RECV timeout=60
 *         A: A seq=1001 ack=5001 win=1000      -> EST state=ESTABLISHED timeout=432000 assured
 *     end
 *
 *     name rst-1: an exact RST closes
 *     ref rst-1
 *     do handshake
 *     A: R seq=1001                            -> EST state=CLOSE timeout=10
 *     wait 10.2s
 *     expect table 0
 *
 *     name udp-1: a stream is a stream after two seconds
 *     ref udp-1
 *     A>B udp 5>53 len=4                       -> NEW timeout=30 packets=1/0
 *     B>A udp 53>5 len=4                       -> EST_R timeout=30 unassured
 *     at +1.8s A>B udp 5>53 len=4              -> EST timeout=30
 *     at +2.2s A>B udp 5>53 len=4              -> EST timeout=120 assured
 *
 * Words end at blanks; "…", […] and (…) keep theirs. # at the beginning of a word starts a comment.
 *
 * The frame
 *   name TEXT            a new scenario begins: empty table, default sysctls, no rules, time 0
 *   ref ID…              the lines of the reference sheet that it checks (Ex ID)
 *   only weir|kernel TEXT   run by one engine only, for this reason
 *   block NAME … end     lines to be used again (anywhere before, also outside of scenarios)
 *   do NAME              those lines, here
 *   flow [6] PROTO SRC>DST [SPORT>DPORT]   lets packets begin with A: or B:, the side that
 *                        sends; the rest of such a line is what follows the ports (the protocol,
 *                        if it has none). Before the first name it holds for all scenarios
 *
 * Time, before any step, or on a line of its own
 *   wait 2.2s            this long after the step before (ns us ms s m h d)
 *   at +1.5s             when this long has passed since the scenario began
 *   x3                   the step is done three times; in its numbers i is 0, then 1, then 2:
 *                        x100 A>B udp 1000+i>53
 *
 * Settings
 *   sysctl KEY=VALUE     net.netfilter.KEY; the prefix nf_conntrack_ may be left out (tcp_loose=0);
 *                        a KEY with a dot is meant in full
 *   rule ARGS            an iptables command line: rule -t raw -A PREROUTING -p udp -j NOTRACK. The
 *                        lines so far are loaded anew with it, so all counters start again
 *   rule6 ARGS           ip6tables
 *   conntrack ARGS       a conntrack command line: conntrack -D -p udp
 *                        these three may end with -> FAIL: it must be refused
 *   route SIDE PREFIX    a network of addresses behind this side: route B 10.9.0.0/16
 *   tmpl SIDE KEY=VALUE… a template for packets from this side: zone= dir=both|orig|reply policy=
 *                        helper= events=NAME,… proto=N (only for this protocol) or notrack; tmpl
 *                        SIDE off takes it away
 *   policy NAME PROTO KEY=SECONDS…   a timeout policy: policy slow tcp syn_sent=9 established=77;
 *                        policy NAME off deletes it
 *   hooks on|off         connection tracking hooks
 *   mtu N                of both of the router's interfaces
 *   flush                delete all entries
 *   hold on|off          packets wait in a queue in FORWARD (their class is HELD)
 *   release N            the first N of them go on
 *
 * Packets: see scn_packet.h; then -> and what must be true after it. The class is one of
 *   NEW EST EST_R REL REL_R INV UNTRK    what rules see
 *   DROP                 does not come out (dropped by tracking or by a rule)
 *   HELD                 does not come out yet (queued, or a fragment that waits)
 *   ANY                  not looked at
 * and after it, about the entry of the packet (its connection; for INV and DROP, the connection of
 * its addresses and ports, or that of the packet before)
 *   gone, present        there is none; there is one
 *   fresh, same          it was made by this packet; it is the one of the packet before
 *   state=SYN_SENT       the name in /proc/net/nf_conntrack
 *   timeout=120          seconds left just after the packet; timeout=0..5 for a range, as with
 *                        every single number (where time is real, the runner allows one second
 *                        less)
 *   replied, unreplied, assured, unassured
 *   status=0x18e         all status bits
 *   counted, uncounted   its counters moved, or did not
 *   refreshed, unrefreshed   its timeout was set anew by this packet, or runs on
 *   packets=N/M bytes=N/M   original/reply; needs sysctl acct=1
 *   scale=7/8 flags=0x3/0x3   TCP window scales and flags of original/reply side
 *   vtag=1/2             SCTP tags
 *   mark=N zone=N use=N helper=NAME
 *   orig=[A>B 1000>80] reply=[B>A 80>1000]   its tuples; the half-keys as in the sheet: ports, or
 *                        for ICMP id>type/code: [A>B 7>8/0], GRE [A>B 0x0>0x55], others none
 * and about the engine
 *   events=NEW,UPDATE,DESTROY   caused by this step, in this order; events=none
 *   out=3 sizes=420,420,228     packets that came out because of it; their IP lengths
 *   reason=WORD          weir's reason for INV or DROP (not looked at in the kernel)
 *
 * Expectations on their own
 *   expect table N       entries that are listed
 *   expect count N       entries that are counted (nf_conntrack_count)
 *   expect stat KEY=N…   counters since the scenario began: invalid icmp_error insert_failed drop
 *                        early_drop clashres expect_new … as in /proc/net/stat/nf_conntrack
 *   expect entry [6] PROTO SRC>DST [KEYS] KEY=VALUE…   a listed entry with this original tuple, and
 *                        the words above about it; `gone` if there must be none
 *   expect rule LINE     what iptables-save -c prints has this line: expect rule [2:48] -A FORWARD
 *   expect rule6 LINE    the same for ip6tables
 *   expect events NAME,…|none   since the last packet, or the last line of this kind
 *   out SIDE PACKET      the next packet that came out on that side, byte for byte, but for TTL and
 *                        header checksum; out SIDE none: nothing more did
 */
#ifndef TESTS_LIB_SCENARIO_H
#define TESTS_LIB_SCENARIO_H

#include "build.h"
#include "hosts.h"
#include "scn_text.h"

enum scn_class {
    SCN_CLASS_ANY = 0,
    SCN_CLASS_NEW,
    SCN_CLASS_EST,
    SCN_CLASS_EST_R,
    SCN_CLASS_REL,
    SCN_CLASS_REL_R,
    SCN_CLASS_INV,
    SCN_CLASS_UNTRK,
    SCN_CLASS_DROP,
    SCN_CLASS_HELD,
    SCN_CLASS_MAX,
};

/* The word for a class, as in the files. */
const char *scn_class_name(enum scn_class class);

/* A demand that may be absent: 0 is "not looked at". */
enum scn_demand {
    SCN_ANY = 0,
    SCN_NO,
    SCN_YES,
};

struct scn_number {
    bool set;
    uint64_t low, high; /* both included; equal for a plain number */
};

struct scn_pair {
    bool set;
    uint64_t v[2]; /* original, reply */
};

struct scn_tuple {
    bool set;
    uint8_t family;
    struct build_addr src, dst;
    uint16_t skey, dkey; /* half-keys: ports; ICMP: id, type * 256 + code; GRE keys; else 0 */
};

enum scn_event {
    SCN_EVENT_NEW = 1,
    SCN_EVENT_UPDATE,
    SCN_EVENT_DESTROY,
};

enum {
    SCN_NAME_MAX = 32,  /* states, helpers, reasons, with the terminating zero */
    SCN_EVENTS_MAX = 8, /* in one demand */
    SCN_SIZES_MAX = 16,
};

struct scn_events {
    bool set;
    unsigned count;
    enum scn_event event[SCN_EVENTS_MAX];
};

struct scn_sizes {
    bool set;
    unsigned count;
    uint32_t size[SCN_SIZES_MAX];
};

struct scn_expect {
    bool set;             /* the line has an arrow */
    enum scn_class class; /* packets only */
    enum scn_demand gone, fresh, replied, assured, counted, refreshed;
    char state[SCN_NAME_MAX], helper[SCN_NAME_MAX], reason[SCN_NAME_MAX]; /* "" if not set */
    struct scn_number timeout, status, mark, zone, use, out;
    struct scn_pair packets, bytes, scale, flags, vtag;
    struct scn_tuple orig, reply;
    struct scn_events events;
    struct scn_sizes sizes;
};

/* KEY=VALUE words; value is NULL for a bare word. */
struct scn_setting {
    const char *key, *value;
};

struct scn_settings {
    size_t count;
    const struct scn_setting *setting;
};

enum scn_step_kind {
    SCN_STEP_WAIT = 1,  /* only time passes */
    SCN_STEP_PACKET,    /* packet */
    SCN_STEP_OUT,       /* packet: this came out of `side`; len = 0: nothing more */
    SCN_STEP_SYSCTL,    /* settings: one */
    SCN_STEP_RULE,      /* command */
    SCN_STEP_CONNTRACK, /* command */
    SCN_STEP_ROUTE,     /* settings: the side and the prefix, as bare words */
    SCN_STEP_TMPL,      /* settings: first the side as a bare word */
    SCN_STEP_POLICY,    /* settings: first the name, then the protocol, or "off" */
    SCN_STEP_HOOKS,     /* on */
    SCN_STEP_MTU,       /* count */
    SCN_STEP_FLUSH,
    SCN_STEP_HOLD,          /* on */
    SCN_STEP_RELEASE,       /* count */
    SCN_STEP_EXPECT_TABLE,  /* count */
    SCN_STEP_EXPECT_COUNT,  /* count */
    SCN_STEP_EXPECT_STAT,   /* settings: the values are numbers */
    SCN_STEP_EXPECT_ENTRY,  /* entry */
    SCN_STEP_EXPECT_RULE,   /* command */
    SCN_STEP_EXPECT_EVENTS, /* entry.expect.events */
};

struct scn_step {
    enum scn_step_kind kind;
    unsigned line;   /* in the file */
    int64_t wait_ns; /* passes before the step */
    union {
        struct {
            enum side side;
            size_t len;
            const uint8_t *bytes;
            const struct scn_expect *expect; /* never NULL */
        } packet;
        struct scn_settings settings;
        struct {
            uint8_t family; /* of rules */
            bool fails;
            const char *args;
        } command;
        bool on;
        uint64_t count;
        struct {
            uint8_t proto;
            struct scn_tuple orig;
            const struct scn_expect *expect;
        } entry;
    } u;
};

enum scn_engine {
    SCN_ENGINE_ALL = 0,
    SCN_ENGINE_WEIR,
    SCN_ENGINE_KERNEL,
};

struct scenario {
    const char *name;
    unsigned line;
    size_t ref_count;
    const char *const *ref;
    enum scn_engine only;
    const char *only_why; /* NULL if it runs everywhere */
    size_t step_count;
    const struct scn_step *step;
};

/* All scenarios of a file. The strings and bytes of everything above live as long as this. */
struct scenario_file {
    size_t count;
    const struct scenario *scenario;
    struct scn_memory *memory;
};

/*
 * Read a file's text; false, with the error, if something in it is wrong (the file is then empty).
 * The text is not needed afterwards. scenario_free() is allowed, and not needed, after a failure.
 */
bool scenario_parse(struct scenario_file *file, const char *text, size_t len,
                    struct scn_error *error);
/* The same from a path. If it cannot be read, error->line is 0. */
bool scenario_load(struct scenario_file *file, const char *path, struct scn_error *error);
void scenario_free(struct scenario_file *file);

#endif
