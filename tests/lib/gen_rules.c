/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rule is put together from templates: the head, up to three matches, a target. A template says
 * where it may stand (families, protocols, tables, hooks) and its text has letters for what is
 * drawn:
 *
 *     %a host   %n network   %p port   %P port range   %x ports and ranges   %m mark
 *     %M mark/mask   %d 0 to 9   %f two lists of TCP flags   %i interface
 *     %s connection states   %t ICMP type   %l length range
 *
 * Chains of the user are in an order, and jump only to later ones, so there are no loops. Each has
 * the set of hooks from which it may be reached, and its rules fit all of them.
 */
#include "gen_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { V4 = 1, V6 = 2, BOTH = 3 };

enum { PRE = 1, IN = 2, FWD = 4, OUT = 8, POST = 16, ANY = 31 };

enum { RAW = 1, MANGLE = 2, NAT = 4, FILTER = 8, SECURITY = 16, ALL = 31 };

/* What -p a template needs. */
enum proto { FREE = 0, TCP, UDP, PORTS, ICMP, SCTP, DCCP, ESP, AH };

struct template
{
    const char *text;
    uint8_t families;
    uint8_t proto; /* enum proto */
    uint8_t tables;
    uint8_t hooks;
    bool track;
};

static const struct template matches[] = {
    {"-m tcp --dport %p", BOTH, TCP, ALL, ANY, false},
    {"-m tcp ! --sport %P", BOTH, TCP, ALL, ANY, false},
    {"-m tcp --sport %P --dport %P", BOTH, TCP, ALL, ANY, false},
    {"-m tcp --tcp-flags %f", BOTH, TCP, ALL, ANY, false},
    {"-m tcp ! --tcp-flags %f", BOTH, TCP, ALL, ANY, false},
    {"-m tcp --tcp-option %d", BOTH, TCP, ALL, ANY, false},
    {"-m tcpmss --mss 500:1460", BOTH, TCP, ALL, ANY, false},
    {"-m tcpmss ! --mss 1000:2000", BOTH, TCP, ALL, ANY, false},
    {"-m udp --dport %p", BOTH, UDP, ALL, ANY, false},
    {"-m udp ! --dport %P", BOTH, UDP, ALL, ANY, false},
    {"-m sctp --dport %P", BOTH, SCTP, ALL, ANY, false},
    {"-m sctp --chunk-types any INIT,DATA", BOTH, SCTP, ALL, ANY, false},
    {"-m sctp --chunk-types all DATA,SACK", BOTH, SCTP, ALL, ANY, false},
    {"-m sctp ! --chunk-types only DATA", BOTH, SCTP, ALL, ANY, false},
    {"-m multiport --dports %p,%P", BOTH, PORTS, ALL, ANY, false},
    {"-m multiport ! --sports %p,%p", BOTH, PORTS, ALL, ANY, false},
    {"-m multiport --ports %p,%P,%p", BOTH, PORTS, ALL, ANY, false},
    {"-m icmp --icmp-type %t", V4, ICMP, ALL, ANY, false},
    {"-m icmp ! --icmp-type %t", V4, ICMP, ALL, ANY, false},
    {"-m icmp6 --icmpv6-type %t", V6, ICMP, ALL, ANY, false},
    {"-m esp --espspi %l", BOTH, ESP, ALL, ANY, false},
    {"-m length --length %l", BOTH, FREE, ALL, ANY, false},
    {"-m length ! --length %l", BOTH, FREE, ALL, ANY, false},
    {"-m ttl --ttl-gt 60", V4, FREE, ALL, ANY, false},
    {"-m ttl --ttl-eq 63", V4, FREE, ALL, ANY, false},
    {"-m hl --hl-lt 64", V6, FREE, ALL, ANY, false},
    {"-m tos --tos 0x%d/0x0f", BOTH, FREE, ALL, ANY, false},
    {"-m dscp ! --dscp 0x0%d", BOTH, FREE, ALL, ANY, false},
    {"-m ecn --ecn-ip-ect 0", V4, FREE, ALL, ANY, false},
    {"-m ecn --ecn-tcp-ece", V4, TCP, ALL, ANY, false},
    {"-m iprange --src-range %a-%a", BOTH, FREE, ALL, ANY, false},
    {"-m iprange ! --dst-range %a-%a", BOTH, FREE, ALL, ANY, false},
    {"-m mark --mark %M", BOTH, FREE, ALL, ANY, false},
    {"-m mark ! --mark %M", BOTH, FREE, ALL, ANY, false},
    {"-m comment --comment \"a rule, no. %d\"", BOTH, FREE, ALL, ANY, false},
    {"-m pkttype --pkt-type unicast", BOTH, FREE, ALL, PRE | IN | FWD, false},
    {"-m addrtype --dst-type LOCAL", BOTH, FREE, ALL, ANY, false},
    {"-m addrtype ! --src-type LOCAL", BOTH, FREE, ALL, ANY, false},
    {"-m addrtype --dst-type UNICAST", V4, FREE, ALL, ANY, false},
    {"-m statistic --mode nth --every 3 --packet 1", BOTH, FREE, ALL, ANY, false},
    {"-m statistic --mode nth ! --every 4 --packet 0", BOTH, FREE, ALL, ANY, false},
    {"-m quota --quota 3%d00", BOTH, FREE, ALL, ANY, false},
    {"-m quota ! --quota 1%d00", BOTH, FREE, ALL, ANY, false},
    {"-m limit --limit 2/hour --limit-burst %d", BOTH, FREE, ALL, ANY, false},
    {"-m string --string \"a\" --algo bm --from 20 --to 200", BOTH, FREE, ALL, ANY, false},
    {"-m string ! --hex-string \"|0%d|\" --algo kmp --from 20", BOTH, FREE, ALL, ANY, false},
    {"-m u32 --u32 \"0x0>>0x16&0x3c@0x0>>0x10&0xff=0x0:0x%d0\"", V4, FREE, ALL, ANY, false},
    {"-m u32 --u32 \"0x6&0xff=0x%d\"", BOTH, FREE, ALL, ANY, false},
    {"-m rpfilter", BOTH, FREE, RAW | MANGLE, PRE, false},
    {"-m rpfilter --invert", BOTH, FREE, RAW | MANGLE, PRE, false},
    {"-m recent --set --name r%d --rsource", BOTH, FREE, ALL, ANY, false},
    {"-m recent --rcheck --hitcount 4 --name r%d --rsource", BOTH, FREE, ALL, ANY, false},
    {"-m recent --update --hitcount 3 --name r%d --rdest", BOTH, FREE, ALL, ANY, false},
    {"-m recent ! --remove --name r%d --rsource", BOTH, FREE, ALL, ANY, false},
    {"-m hashlimit --hashlimit-upto 10/hour --hashlimit-burst 1%d --hashlimit-mode srcip "
     "--hashlimit-name h%d",
     BOTH, FREE, ALL, ANY, false},
    {"-m hashlimit --hashlimit-above 10/hour --hashlimit-burst 7 --hashlimit-mode dstip,dstport "
     "--hashlimit-name g%d",
     BOTH, FREE, ALL, ANY, false},
    {"-m conntrack --ctstate %s", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack ! --ctstate %s", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack --ctstate %s --ctproto 6", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack --ctorigsrc %n", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack --ctreplsrc %n --ctrepldstport %P", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack --ctorigdstport %P --ctdir ORIGINAL", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack --ctstatus SEEN_REPLY,ASSURED", BOTH, FREE, ALL, ANY, true},
    {"-m conntrack ! --ctstatus CONFIRMED --ctdir REPLY", BOTH, FREE, ALL, ANY, true},
    {"-m state --state %S", BOTH, FREE, ALL, ANY, true},
    {"-m connmark --mark %M", BOTH, FREE, ALL, ANY, true},
    {"-m connmark ! --mark %M", BOTH, FREE, ALL, ANY, true},
    {"-m connbytes --connbytes 2:5 --connbytes-mode packets --connbytes-dir both", BOTH, FREE, ALL,
     ANY, true},
    {"-m connbytes --connbytes 100 --connbytes-mode bytes --connbytes-dir original", BOTH, FREE,
     ALL, ANY, true},
    {"-m connbytes ! --connbytes 40:100 --connbytes-mode avgpkt --connbytes-dir reply", BOTH, FREE,
     ALL, ANY, true},
    {"-m connlabel --label %d", BOTH, FREE, ALL, ANY, true},
    {"-m connlabel ! --label %d --set", BOTH, FREE, MANGLE | FILTER, ANY, true},
    {"-m helper --helper ftp", BOTH, FREE, ALL, ANY, true},
    {"-m cluster --cluster-local-nodemask 0x00000001 --cluster-total-nodes 2 "
     "--cluster-hash-seed 0x000000%d1",
     BOTH, FREE, MANGLE | FILTER, PRE | IN | FWD, true},
    {"-m frag --fragfirst", V6, FREE, ALL, ANY, false},
    {"-m ipv6header --header prot --soft", V6, FREE, ALL, ANY, false},
    {"-m ipv6header ! --header hop-by-hop --soft", V6, FREE, ALL, ANY, false},
    {"-m dst --dst-len 8", V6, FREE, ALL, ANY, false},
    {"-m hbh ! --hbh-len 16", V6, FREE, ALL, ANY, false},
    {"-m rt --rt-segsleft 0", V6, FREE, ALL, ANY, false},
};

/* Heads and matches of rules that most packets pass. */
static const struct template narrow[] = {
    {"-s %a", BOTH, FREE, ALL, ANY, false},
    {"-d %a", BOTH, FREE, ALL, ANY, false},
    {"! -s %a -d %a", BOTH, FREE, ALL, ANY, false},
    {"-s %n", BOTH, FREE, ALL, ANY, false},
    {"-d %n", BOTH, FREE, ALL, ANY, false},
    {"-s %n -d %n", BOTH, FREE, ALL, ANY, false},
    {"-s %n -p tcp", BOTH, TCP, ALL, ANY, false},
    {"! -s %n ! -p tcp -d %a", BOTH, FREE, ALL, ANY, false},
    {"-p 50 -s %n", BOTH, ESP, ALL, ANY, false},
    {"-s %a -f", V4, FREE, ALL, ANY, false},
    {"-i %i -s %a", BOTH, FREE, ALL, PRE | IN | FWD, false},
    {"-i %i -p udp -m udp --dport %p", BOTH, UDP, ALL, PRE | IN | FWD, false},
    {"-i t+ -d %a", BOTH, FREE, ALL, PRE | IN | FWD, false},
    {"! -i %i -d %n", BOTH, FREE, ALL, PRE | IN | FWD, false},
    {"-o %i -s %a", BOTH, FREE, ALL, FWD | OUT | POST, false},
    {"-o %i -p tcp -m tcp --sport %p", BOTH, TCP, ALL, FWD | OUT | POST, false},
    {"-p tcp -m tcp --dport %p", BOTH, TCP, ALL, ANY, false},
    {"-p tcp -m tcp --dport %P", BOTH, TCP, ALL, ANY, false},
    {"-p tcp -m tcp --sport %p --dport %P", BOTH, TCP, ALL, ANY, false},
    {"-p tcp -m tcp ! --sport %p --dport %p", BOTH, TCP, ALL, ANY, false},
    {"-p udp -m udp --dport %p", BOTH, UDP, ALL, ANY, false},
    {"-p udp -m udp --sport %P", BOTH, UDP, ALL, ANY, false},
    {"-p sctp -m sctp --dport %p", BOTH, SCTP, ALL, ANY, false},
    {"-p sctp -m sctp --sport %P --chunk-types any INIT,DATA -m mark --mark %m", BOTH, SCTP, ALL,
     ANY, false},
    {"-p tcp -m multiport --dports %x", BOTH, TCP, ALL, ANY, false},
    {"-p udp -m multiport --sports %x", BOTH, UDP, ALL, ANY, false},
    {"-p sctp -m multiport --ports %x", BOTH, SCTP, ALL, ANY, false},
    {"-p tcp -m multiport ! --dports %x -m tcp --sport %p", BOTH, TCP, ALL, ANY, false},
    {"-p udplite -m multiport --dports %x -s %n", BOTH, FREE, ALL, ANY, false},
    {"-d %a -p tcp -m comment --comment \"service %d\" -m tcp --dport %p", BOTH, TCP, ALL, ANY,
     false},
    {"-s %n -p tcp -m tcp --dport %p -m mark --mark %M", BOTH, TCP, ALL, ANY, false},
    {"-m mark --mark %m", BOTH, FREE, ALL, ANY, false},
    {"-m mark --mark %M -s %a", BOTH, FREE, ALL, ANY, false},
    {"-m iprange --src-range %a-%a", BOTH, FREE, ALL, ANY, false},
    {"-p udp -m iprange --dst-range %a-%a -m udp --dport %p", BOTH, UDP, ALL, ANY, false},
    {"-s %n -m length --length %l -m ttl --ttl-gt 60", V4, FREE, ALL, ANY, false},
    {"-p tcp -m conntrack --ctstate %s -m tcp --dport %p", BOTH, TCP, ALL, ANY, true},
    {"-s %a -m conntrack --ctstate NEW", BOTH, FREE, ALL, ANY, true},
    {"-d %a -m connmark --mark %M", BOTH, FREE, ALL, ANY, true},
    /* What has an effect before it is known whether the rule matches. */
    {"-p tcp -m statistic --mode nth --every 3 --packet 1 -m tcp --dport %p", BOTH, TCP, ALL, ANY,
     false},
    {"-s %a -p udp -m quota --quota 3%d00 -m udp --dport %p", BOTH, UDP, ALL, ANY, false},
    {"-s %n -m recent --set --name r%d --rsource -m mark --mark %m", BOTH, FREE, ALL, ANY, false},
    {"-p tcp -m tcp --tcp-option %d -m multiport --dports %x", BOTH, TCP, ALL, ANY, false},
    {"-p tcp -m tcp --dport %p -m statistic --mode nth --every 2 --packet 0", BOTH, TCP, ALL, ANY,
     false},
};

static const struct template narrow_beyond[] = {
    {"-p tcp -m multiport --dports %x -m tcp --sport %P", BOTH, TCP, ALL, ANY, false},
    {"-p tcp -m multiport --sports %x -m multiport --dports %x", BOTH, TCP, ALL, ANY, false},
    {"-p udp -m udp --dport %P -m multiport --dports %x", BOTH, UDP, ALL, ANY, false},
    {"-s %n -m iprange --src-range %a-%a -m mark --mark %m -m mark --mark %M", BOTH, FREE, ALL, ANY,
     false},
    {"-p dccp -m dccp --dport %p", BOTH, DCCP, ALL, ANY, false},
    {"-p dccp -m dccp --sport %P --dccp-option %d -m multiport --dports %x", BOTH, DCCP, ALL, ANY,
     false},
    {"-p tcp -m tcp --dport %p -m statistic --mode random --probability 0.4", BOTH, TCP, ALL, ANY,
     false},
    {"-p udp -m statistic --mode random --probability 0.4 -m udp --dport %p", BOTH, UDP, ALL, ANY,
     false},
};

/* What lets a packet go on. */
static const struct template passing[] = {
    {"", BOTH, FREE, ALL, ANY, false},
    {"-j MARK --set-xmark %m/0xffffffff", BOTH, FREE, ALL, ANY, false},
    {"-j MARK --set-xmark %M", BOTH, FREE, ALL, ANY, false},
    {"-j NFLOG --nflog-group 9", BOTH, FREE, ALL, ANY, false},
    {"-j RETURN", BOTH, FREE, ALL, ANY, false},
};

static const struct template passing_beyond[] = {
    {"-j DNPT --src-pfx fd99:1::/64 --dst-pfx fd99:2::/64", V6, FREE, MANGLE, PRE | OUT, false},
    {"-j SNPT --src-pfx fd99:1::/64 --dst-pfx fd99:2::/64", V6, FREE, MANGLE, IN | POST, false},
    {"-j LOG --log-prefix \"rule %d: \"", BOTH, FREE, ALL, ANY, false},
    {"-j TRACE", BOTH, FREE, RAW, ANY, false},
};

static const struct template targets[] = {
    {"-j ACCEPT", BOTH, FREE, ALL, ANY, false},
    {"-j ACCEPT", BOTH, FREE, ALL, ANY, false},
    {"-j RETURN", BOTH, FREE, ALL, ANY, false},
    {"-j DROP", BOTH, FREE, ALL & ~NAT, ANY, false},
    {"", BOTH, FREE, ALL, ANY, false},
    {"", BOTH, FREE, ALL, ANY, false},
    /* Not in OUTPUT: the only packets there are RSTs, and Linux quotes theirs with the checksum
     * that a network card would finish. */
    {"-j REJECT --reject-with icmp-port-unreachable", V4, FREE, FILTER, IN | FWD, false},
    {"-j REJECT --reject-with icmp-admin-prohibited", V4, FREE, FILTER, IN | FWD, false},
    {"-j REJECT --reject-with tcp-reset", BOTH, TCP, FILTER, IN | FWD | OUT, false},
    {"-j REJECT --reject-with icmp6-adm-prohibited", V6, FREE, FILTER, IN | FWD, false},
    {"-j MARK --set-xmark %M", BOTH, FREE, ALL, ANY, false},
    {"-j MARK --set-xmark %m/0xffffffff", BOTH, FREE, ALL, ANY, false},
    {"-j CONNMARK --set-xmark %m/0xff", BOTH, FREE, MANGLE | FILTER | NAT, ANY, true},
    {"-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff", BOTH, FREE, MANGLE | FILTER, ANY, true},
    {"-j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xff", BOTH, FREE, MANGLE | FILTER, ANY,
     true},
    {"-j CT --notrack", BOTH, FREE, RAW, ANY, true},
    {"-j NOTRACK", BOTH, FREE, RAW, ANY, true},
    {"-j CT --zone %d", BOTH, FREE, RAW, ANY, true},
    {"-j CT --ctevents new,destroy", BOTH, FREE, RAW, ANY, true},
    {"-j CLASSIFY --set-class 0001:000%d", BOTH, FREE, ALL & ~RAW & ~NAT, FWD | OUT | POST, false},
    {"-j DSCP --set-dscp 0x0%d", BOTH, FREE, MANGLE, ANY, false},
    {"-j TOS --set-tos 0x0%d/0x0f", BOTH, FREE, MANGLE, ANY, false},
    {"-j ECN --ecn-tcp-remove", V4, TCP, MANGLE, ANY, false},
    {"-j TTL --ttl-set 3%d", V4, FREE, MANGLE, ANY, false},
    {"-j TTL --ttl-inc 1", V4, FREE, MANGLE, ANY, false},
    {"-j HL --hl-dec 1", V6, FREE, MANGLE, FWD | POST, false},
    {"-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1200", BOTH, TCP, MANGLE, FWD | POST,
     false},
    {"-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu", BOTH, TCP, MANGLE, FWD | POST,
     false},
    {"-j TCPOPTSTRIP --strip-options 3,8", BOTH, TCP, MANGLE, ANY, false},
    {"-j CHECKSUM --checksum-fill", BOTH, FREE, MANGLE, ANY, false},
    {"-j NFQUEUE --queue-num 5 --queue-bypass", BOTH, FREE, ALL & ~NAT, ANY, false},
    {"-j NFLOG --nflog-group 9", BOTH, FREE, ALL, ANY, false},
    {"-j SNAT --to-source %r", BOTH, FREE, NAT, POST, true},
    {"-j SNAT --to-source %r", BOTH, FREE, NAT, POST, true},
    {"-j SNAT --to-source %R", BOTH, FREE, NAT, POST, true},
    {"-j SNAT --to-source %R --persistent", BOTH, FREE, NAT, POST, true},
    {"-j MASQUERADE", BOTH, FREE, NAT, POST, true},
    {"-j DNAT --to-destination %b", BOTH, FREE, NAT, PRE, true},
    {"-j DNAT --to-destination %B", BOTH, FREE, NAT, PRE, true},
    {"-j REDIRECT", BOTH, FREE, NAT, PRE, true},
    {"-j REDIRECT --to-ports 80", BOTH, TCP, NAT, PRE, true},
    {"-j NETMAP --to 10.0.2.0/28", V4, FREE, NAT, PRE, true},
    {"-j NETMAP --to 10.0.2.64/27", V4, FREE, NAT, POST, true},
};

/* --- drawing --- */

struct out {
    struct rng *rng;
    const struct gen_rules_opts *opts;
    char *text;
    size_t len;
};

static void put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *format, ...)
{
    va_list args;
    size_t room = GEN_RULES_MAX - o->len;

    va_start(args, format);
    int n = vsnprintf(o->text + o->len, room, format, args);
    va_end(args);
    o->len += n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static void put_host(struct out *o, unsigned net, unsigned number)
{
    if (o->opts->family == 4)
        put(o, "10.0.%u.%u", net, number);
    else
        put(o, "fd99:%u::%x", net, number);
}

static void put_flags(struct out *o, bool may_be_none)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
    uint32_t set = rng_below(o->rng, 64);

    if (!set) {
        put(o, may_be_none ? "NONE" : "ALL");
        return;
    }
    for (unsigned i = 0; i < 6; i++)
        if (set >> i & 1)
            put(o, "%s%s", names[i], set >> (i + 1) ? "," : "");
}

static const uint16_t usual_ports[] = {0, 5, 6, 53, 80, 500, 1000, 1001, 2905};

uint16_t gen_rules_port(struct rng *rng)
{
    if (rng_one_in(rng, 3))
        return RNG_PICK(rng, usual_ports);
    return (uint16_t)(rng_one_in(rng, 2) ? rng_range(rng, 1000, 1060) : rng_below(rng, 65536));
}

static void put_port(struct out *o)
{
    put(o, "%u", o->opts->many ? gen_rules_port(o->rng) : RNG_PICK(o->rng, usual_ports));
}

static void put_port_range(struct out *o)
{
    unsigned low, span;

    if (!o->opts->many) {
        low = rng_below(o->rng, 1001);
        span = 1 + rng_below(o->rng, 1000);
    } else {
        static const uint16_t spans[] = {1, 3, 15, 16, 60, 300, 3000, 6000};

        low = gen_rules_port(o->rng);
        span = RNG_PICK(o->rng, spans);
    }
    put(o, "%u:%u", low < 65535 ? low : 65534, low + span < 65536 ? low + span : 65535);
}

/* A range counts twice, and there may be 15. */
static void put_ports(struct out *o)
{
    for (unsigned left = rng_range(o->rng, 2, 15), n; left > 0; left -= n) {
        n = left > 1 && rng_one_in(o->rng, 4) ? 2 : 1;
        if (n == 2)
            put_port_range(o);
        else
            put_port(o);
        put(o, "%s", left > n ? "," : "");
    }
}

static void put_states(struct out *o, bool nat)
{
    static const char *const names[] = {"INVALID",   "NEW",  "RELATED", "ESTABLISHED",
                                        "UNTRACKED", "SNAT", "DNAT"};
    unsigned n = nat ? 7 : 5;
    uint32_t set = 1 + rng_below(o->rng, (1u << n) - 1);

    for (unsigned i = 0; i < n; i++)
        if (set >> i & 1)
            put(o, "%s%s", names[i], set >> (i + 1) ? "," : "");
}

static void put_length(struct out *o)
{
    static const uint8_t usual4[] = {8, 16, 24, 28, 30, 32}, usual6[] = {16, 32, 48, 64, 126, 128};

    if (!o->opts->many || rng_one_in(o->rng, 4))
        put(o, "/%u",
            o->opts->family == 4 ? rng_range(o->rng, 22, 32) : rng_range(o->rng, 28, 128));
    else
        put(o, "/%u", o->opts->family == 4 ? RNG_PICK(o->rng, usual4) : RNG_PICK(o->rng, usual6));
}

static void put_letter(struct out *o, char letter)
{
    struct rng *r = o->rng;
    unsigned host = rng_range(r, 2, 4), net = rng_range(r, 1, 2);

    if (o->opts->many && rng_one_in(r, 2))
        host = rng_range(r, 2, GEN_RULES_HOSTS);
    switch (letter) {
    case 'a': put_host(o, net, host); return;
    case 'n':
        put_host(o, net, host);
        put_length(o);
        return;
    case 'p': put_port(o); return;
    case 'P': put_port_range(o); return;
    case 'x': put_ports(o); return;
    case 'm': put(o, "0x%x", rng_below(r, 8)); return;
    case 'M': put(o, "0x%x/0x%x", rng_below(r, 8), rng_below(r, 16)); return;
    case 'd': put(o, "%u", rng_range(r, 1, 9)); return;
    case 'f':
        put_flags(o, false);
        put(o, " ");
        put_flags(o, true);
        return;
    case 'i': put(o, "%s", net == 1 ? "ta" : "tb"); return;
    case 's': put_states(o, true); return;
    case 'S': put_states(o, false); return;
    case 't':
        put(o, "%u", rng_below(r, 4) ? (o->opts->family == 4 ? 8 : 128) : rng_below(r, 19));
        return;
    case 'l': {
        unsigned low = 20 + rng_below(r, 100);

        put(o, "%u:%u", low, low + rng_below(r, 1400));
        return;
    }
    /* Addresses for NAT: of the outside, and of the hosts inside. */
    case 'r': put_host(o, 2, 100 + rng_below(r, 4)); return;
    case 'R':
        put_host(o, 2, 100);
        put(o, "-");
        put_host(o, 2, 107);
        return;
    case 'b': put_host(o, 2, host); return;
    case 'B':
        put_host(o, 2, 2);
        put(o, "-");
        put_host(o, 2, 4);
        return;
    default: return;
    }
}

static void put_template(struct out *o, const char *text)
{
    for (; *text; text++) {
        if (*text == '%' && text[1])
            put_letter(o, *++text);
        else
            put(o, "%c", *text);
    }
}

/* --- rules --- */

static bool proto_fits(uint8_t wanted, uint8_t have)
{
    return wanted == FREE || wanted == have ||
           (wanted == PORTS && (have == TCP || have == UDP || have == SCTP));
}

static bool fits(const struct out *o, const struct template *t, uint8_t table, uint8_t hooks,
                 uint8_t proto)
{
    return t->families & (o->opts->family == 4 ? V4 : V6) && t->tables & table &&
           (hooks & ~t->hooks) == 0 && proto_fits(t->proto, proto) && (o->opts->track || !t->track);
}

/* One that fits, after some tries; NULL: none was found. */
static const struct template *draw(struct out *o, const struct template *list, size_t n,
                                   uint8_t table, uint8_t hooks, uint8_t proto)
{
    for (int tries = 0; tries < 40; tries++) {
        const struct template *t = &list[rng_below(o->rng, (uint32_t)n)];

        if (fits(o, t, table, hooks, proto))
            return t;
    }
    return NULL;
}

static uint8_t put_head(struct out *o, uint8_t hooks)
{
    static const char *const names[] = {NULL,   "tcp",  "udp", NULL, "icmp",
                                        "sctp", "dccp", "esp", "ah"};
    static const uint8_t drawn[] = {FREE, FREE, FREE, TCP, TCP, UDP, UDP, ICMP, SCTP, ESP};
    struct rng *r = o->rng;
    uint8_t proto = RNG_PICK(r, drawn);

    if (rng_one_in(r, 4))
        put_template(o, rng_one_in(r, 4) ? " ! -s %n" : " -s %n");
    if (rng_one_in(r, 4))
        put_template(o, rng_one_in(r, 4) ? " ! -d %n" : " -d %n");
    if (rng_one_in(r, 6) && !(hooks & (OUT | POST)))
        put_template(o, rng_one_in(r, 4) ? " ! -i %i" : " -i %i");
    if (rng_one_in(r, 6) && !(hooks & (PRE | IN)))
        put_template(o, rng_one_in(r, 4) ? " ! -o %i" : " -o %i");
    if (proto == ICMP && o->opts->family == 6)
        put(o, " -p ipv6-icmp");
    else if (proto)
        put(o, " -p %s", names[proto]);
    if (o->opts->family == 4 && rng_one_in(r, 20))
        put(o, rng_one_in(r, 2) ? " -f" : " ! -f");
    return proto;
}

struct user_chain {
    uint8_t hooks;
};

/* One of a list, or of what stands beyond it. */
static const struct template *draw_beyond(struct out *o, const struct template *list, size_t n,
                                          const struct template *beyond, size_t m, uint8_t table,
                                          uint8_t hooks, uint8_t proto)
{
    return o->opts->beyond && rng_one_in(o->rng, 5) ? draw(o, beyond, m, table, hooks, proto)
                                                    : draw(o, list, n, table, hooks, proto);
}

#define DRAW(o, list, table, hooks, proto)                              \
    draw_beyond(o, list, sizeof(list) / sizeof(list[0]), list##_beyond, \
                sizeof(list##_beyond) / sizeof(list##_beyond[0]), table, hooks, proto)

/* Returns its protocol. */
static uint8_t put_narrow(struct out *o, uint8_t table, uint8_t hooks)
{
    static const uint8_t protos[] = {FREE, TCP, TCP, TCP, UDP, UDP, SCTP, ESP, DCCP};
    uint8_t proto = RNG_PICK(o->rng, protos);
    const struct template *t = DRAW(o, narrow, table, hooks, proto);

    put(o, " ");
    if (t)
        put_template(o, t->text);
    return t ? t->proto : FREE;
}

/* "-m NAME ..." of the same name. */
static bool same_match(const struct template *a, const struct template *b)
{
    const char *name = a->text + strlen("-m ");
    size_t len = strlen("-m ") + strcspn(name, " ");

    return strncmp(a->text, b->text, len) == 0 && (b->text[len] == ' ' || !b->text[len]);
}

/* Some matches. A name that comes again after another one would be refused where both have an
 * option of the same name. */
static void put_matches(struct out *o, unsigned n, uint8_t table, uint8_t hooks, uint8_t proto)
{
    const struct template *drawn[8];
    unsigned count = 0;

    for (; n > 0; n--) {
        const struct template *t =
            draw(o, matches, sizeof(matches) / sizeof(matches[0]), table, hooks, proto);

        for (unsigned i = 0; t && i + 1 < count; i++)
            if (same_match(drawn[i], t))
                t = NULL;
        if (!t)
            continue;
        put(o, " ");
        put_template(o, t->text);
        drawn[count++] = t;
    }
}

static void put_rule(struct out *o, const char *chain, uint8_t table, uint8_t hooks,
                     const struct user_chain *users, unsigned n_users, unsigned first_user)
{
    struct rng *r = o->rng;
    bool is_narrow = o->opts->many && !rng_one_in(r, 8);
    const struct template *t;
    uint8_t proto;

    put(o, "-A %s", chain);
    if (is_narrow) {
        proto = put_narrow(o, table, hooks);
    } else {
        unsigned n = rng_below(r, 3) + (o->opts->many ? 2 : 0);

        proto = put_head(o, hooks);
        put_matches(o, n, table, hooks, proto);
    }
    if (first_user < n_users && rng_one_in(r, 3)) {
        unsigned to = rng_range(r, first_user, n_users - 1);

        if ((hooks & ~users[to].hooks) == 0) {
            put(o, " -%c U%u\n", rng_one_in(r, 4) ? 'g' : 'j', to);
            return;
        }
    }
    if (is_narrow && !rng_one_in(r, 6))
        t = DRAW(o, passing, table, hooks, proto);
    else
        t = draw(o, targets, sizeof(targets) / sizeof(targets[0]), table, hooks, proto);
    put(o, " ");
    if (t)
        put_template(o, t->text);
    put(o, "\n");
}

static const struct {
    const char *name;
    uint8_t table, hooks;
} tables[] = {
    {"raw", RAW, PRE | OUT},
    {"mangle", MANGLE, ANY},
    {"nat", NAT, PRE | IN | OUT | POST},
    {"filter", FILTER, IN | FWD | OUT},
    {"security", SECURITY, IN | FWD | OUT},
};

static void put_table(struct out *o, unsigned which)
{
    static const char *const hooks[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
    struct rng *r = o->rng;
    unsigned n_users = rng_below(r, 4), most = o->opts->weight ? o->opts->weight : 6;
    struct user_chain users[4];
    char name[8];

    put(o, "*%s\n", tables[which].name);
    for (unsigned i = 0; i < 5; i++)
        if (tables[which].hooks >> i & 1)
            put(o, ":%s %s [0:0]\n", hooks[i],
                tables[which].table != NAT && rng_one_in(r, 12) ? "DROP" : "ACCEPT");
    for (unsigned i = 0; i < n_users; i++) {
        users[i].hooks = tables[which].hooks & (rng_one_in(r, 2) ? ANY : 1u << rng_below(r, 5));
        put(o, ":U%u - [0:0]\n", i);
    }
    for (unsigned i = 0; i < 5; i++)
        for (unsigned n = tables[which].hooks >> i & 1 ? rng_below(r, most + 1) : 0; n > 0; n--)
            put_rule(o, hooks[i], tables[which].table, (uint8_t)(1u << i), users, n_users, 0);
    for (unsigned i = 0; i < n_users; i++)
        for (unsigned n = users[i].hooks ? rng_below(r, most + 1) : 0; n > 0; n--) {
            (void)snprintf(name, sizeof(name), "U%u", i);
            put_rule(o, name, tables[which].table, users[i].hooks, users, n_users, i + 1);
        }
    put(o, "COMMIT\n");
}

size_t gen_rules(struct rng *rng, const struct gen_rules_opts *opts, char *text)
{
    struct out o = {.rng = rng, .opts = opts, .text = text};

    text[0] = '\0';
    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        bool wanted = tables[i].table == NAT      ? opts->nat
                      : tables[i].table == FILTER ? true
                                                  : rng_one_in(rng, 2);

        if (wanted)
            put_table(&o, i);
    }
    return o.len;
}
