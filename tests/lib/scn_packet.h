/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scn_packet: packets as text, to be written by hand and to be printed.
 *
 *     A>B tcp 1000>80 S seq=1000 win=1000 ws=7 sackok
 *     B>A tcp 80>1000 SA seq=5000 ack=1001 win=1000
 *     A>B tcp 1000>80 A seq=1001 ack=5001-66000 win=1000 len=100
 *     B>A udp 53>1000 len=20 badsum
 *     A>B icmp echo id=7 seq=1
 *     B>A icmp unreach 3 quote=[A>B udp 1000>53 len=4] cut=28
 *     6 A>B2 udp 1000>53 ext=hbh,dst data="hello\n"
 *     A>B sctp 5>6 vtag=0 INIT(tag=11,win=4096)
 *     A>B gre v=1 proto=0x880b callid=0x55
 *     A>B proto 50 len=8
 *     A>B udp 1000>53 len=3000 ipid=5 frag=1480+1480
 *     from=A hex 45000014…
 *
 * A line is: hosts, protocol, what the protocol must have (ports, flags, a type), then any words in
 * any order. Everything not said is what a well-behaved host would send; each number, length and
 * checksum can be spoilt on its own. Numbers are decimal or 0x…, or formulas with + - *.
 *
 * Hosts     SRC>DST, each a name of hosts.h (A, A2-A9, B…, R, R2) or an address. IPv6 if a word
 *           6 stands in front, or one of A6 B6 R6, or an address with colons. The side a packet
 *           comes from is that of its source; from=A or from=B where that is not clear, or wrong.
 *
 * IP        tos= ttl= (or hlim=) ipid= df mf evil off=BYTES ihl= tlen= ipsum=bad|N ipopt=HEX
 *           flow= plen= ext=NAME,… with NAME one of hbh rt ah dst frag, each with arguments if need
 *           be: hbh(data=HEX) frag(off=BYTES,more,id=N) dst(hlen=9)
 *           short=N   only N bytes follow the IP header, and its length says so
 *           frag=OFF+LEN   of the finished datagram only this fragment; v4: ipid=, v6: fragid=;
 *                     more=0|1 if it is to lie about being the last
 *           cut=N     N bytes are left, and no length field knows; with a quote= it is that which
 *                     is cut
 * Payload   len=N (letters abc…; len=N@3 starts at d) data=HEX data="text" quote=[PACKET]
 *           addr=ADDRESS; several are put together in their order
 * Checksum  badsum nosum (0) sum=N pseudo=PROTOCOL (another number in the pseudo-header)
 *
 * tcp       S>D FLAGS, of S A F R P U E W (and . for A), or none; seq= ack= win= urg= doff= res=N
 *           (the four bits above CWR). Options in their order: mss= ws= sackok sack=L-R,L-R
 *           ts=V/E nop eol opt=HEX; padded with zeros
 * udp       S>D ulen=N (length field) fieldsum (checksum over what the length field says)
 * udplite   S>D cover=N pseudo=17 (the checksum as 6.18 expects it)
 * icmp      NAME or type=N, then the code if not 0; id= seq= or rest=N (those four bytes) or mtu=
 *           or gw=ADDRESS. In IPv6 `icmp` is ICMPv6; icmp4 and icmp6 say which if not. NAME: reply
 *           unreach quench redirect echo advert solicit exceeded param stamp stampreply info
 *           inforeply mask maskreply; and for ICMPv6 toobig mldq mldr mldd mld2 rs ra ns na niq nir
 * sctp      S>D vtag= and chunks, in their order: DATA INIT INIT_ACK SACK HB HB_ACK ABORT SHUTDOWN
 *           SHUTDOWN_ACK ERROR COOKIE_ECHO COOKIE_ACK SHUTDOWN_COMPLETE CHUNK(type=N), each with
 *           (arguments): T flags= length= (the length field) len= data=, and INIT and INIT_ACK:
 *           tag= win= os= mis= tsn=; DATA: tsn= sid= ssn= ppid=; SACK: tsn= win= gaps= dups=;
 *           SHUTDOWN: tsn=
 * gre       v= proto= bits= csum key= seq=; with v=1 callid= seq= ack= glen=
 * proto N   any other: only payload
 */
#ifndef TESTS_LIB_SCN_PACKET_H
#define TESTS_LIB_SCN_PACKET_H

#include "build.h"
#include "hosts.h"
#include "scn_text.h"

struct scn_packet {
    enum side side;
    size_t len;
    uint8_t bytes[BUILD_PACKET_MAX];
};

/* A buffer of this size holds any printed packet. */
enum { SCN_PRINT_MAX = 2 * BUILD_PACKET_MAX + 64 };

/* "A>B" of the family that was said (4, 6, or 0: what the hosts say, else the usual one). */
bool scn_read_hosts(const struct scn_scan *scan, struct scn_word word, uint8_t said, uint8_t usual,
                    uint8_t *family, struct build_addr *src, struct build_addr *dst);

/* Two hosts and a protocol, said once: the packets of a conversation then begin with A: or B:,
 * the side whose host sends. */
struct scn_flow {
    const struct scn_protocol *protocol;
    uint8_t family;
    struct build_addr host[2]; /* on side A, on side B */
    uint16_t port[2];
};

/* "tcp A>B 1000>80", "6 icmp A>B", "proto 50 A>B", up to the end of the line. */
bool scn_read_flow(struct scn_scan *scan, struct scn_flow *out);
/* The words behind A: (from = SIDE_A) or B: of a packet of this flow. */
bool scn_read_flow_packet(struct scn_scan *scan, const struct scn_flow *flow, enum side from,
                          struct scn_packet *out);

/* One packet line, up to its end or to a word ->, where the scan then stands. False, with the error
 * in scan->error, if it is none. */
bool scn_read_packet(struct scn_scan *scan, struct scn_packet *out);

/* The same for a packet that nobody sends here (a quoted one, one that comes out): no side. */
bool scn_read_inner_packet(struct scn_scan *scan, struct scn_packet *out);

/* The same for a line on its own. */
bool scn_parse_packet(const char *line, size_t len, struct scn_packet *out,
                      struct scn_error *error);

/*
 * The line that gives these bytes from this side: in words if reading them back gives the same,
 * else in hex. Returns buf.
 */
char *scn_print_packet(char *buf, size_t cap, enum side side, const uint8_t *bytes, size_t len);

/* The same, with "wait 1.5s " in front if time passes before the packet: a line of a scenario. */
char *scn_print_line(char *buf, size_t cap, int64_t wait_ns, enum side side, const uint8_t *bytes,
                     size_t len);

#endif
