/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection as text. Both forms are the same walk over the same fields in the same order
 * (conntrack reference, 7.1; ctnetlink reference, 4.4); this is all in which they differ:
 *
 *                      /proc                            conntrack
 *   family             always                           -o extended
 *   IPv6 address       eight groups in full             shortest form (RFC 5952, inet_ntop)
 *   GRE                its two timeouts                 -
 *   zone               also zone=0                      not zone 0
 *   age                (now - start) in seconds         difference of the two clocks' seconds
 *   use                counts the reader                -
 *
 * The ages differ indeed: an entry from 10.8 s, looked at when it is 11.1 s, has delta-time=0 in
 * /proc and delta-time=1 in conntrack, which drops the fractions before it subtracts.
 */
#include "conn_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

enum { NS_PER_SEC = 1000000000 };

static const char *const tcp_names[WEIR_TCP_MAX] = {
    [WEIR_TCP_NONE] = "NONE",         [WEIR_TCP_SYN_SENT] = "SYN_SENT",
    [WEIR_TCP_SYN_RECV] = "SYN_RECV", [WEIR_TCP_ESTABLISHED] = "ESTABLISHED",
    [WEIR_TCP_FIN_WAIT] = "FIN_WAIT", [WEIR_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
    [WEIR_TCP_LAST_ACK] = "LAST_ACK", [WEIR_TCP_TIME_WAIT] = "TIME_WAIT",
    [WEIR_TCP_CLOSE] = "CLOSE",       [WEIR_TCP_SYN_SENT2] = "SYN_SENT2",
};

static const char *const sctp_names[WEIR_SCTP_MAX] = {
    [WEIR_SCTP_NONE] = "NONE",
    [WEIR_SCTP_CLOSED] = "CLOSED",
    [WEIR_SCTP_COOKIE_WAIT] = "COOKIE_WAIT",
    [WEIR_SCTP_COOKIE_ECHOED] = "COOKIE_ECHOED",
    [WEIR_SCTP_ESTABLISHED] = "ESTABLISHED",
    [WEIR_SCTP_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
    [WEIR_SCTP_SHUTDOWN_RECD] = "SHUTDOWN_RECD",
    [WEIR_SCTP_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
    [WEIR_SCTP_HEARTBEAT_SENT] = "HEARTBEAT_SENT",
};

static const char *protocol_name(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_ICMP: return "icmp";
    case IPPROTO_TCP: return "tcp";
    case IPPROTO_UDP: return "udp";
    case IPPROTO_GRE: return "gre";
    case IPPROTO_ICMPV6: return "icmpv6";
    case IPPROTO_SCTP: return "sctp";
    case IPPROTO_UDPLITE: return "udplite";
    default: return "unknown";
    }
}

/* NULL for protocols without states. */
static const char *state_name(const struct weir_conn *conn)
{
    switch (conn->tuple[WEIR_ORIG].proto) {
    case IPPROTO_TCP: return conn->state < WEIR_TCP_MAX ? tcp_names[conn->state] : "NONE";
    case IPPROTO_SCTP: return conn->state < WEIR_SCTP_MAX ? sctp_names[conn->state] : "NONE";
    default: return NULL;
    }
}

/* One field; `name` is all that stands before the number, the blank in front included. */
static void add_field(struct textbuf *text, const char *name, uint64_t number)
{
    textbuf_add(text, name);
    textbuf_add_number(text, number);
}

/* "tcp      6": a name in eight columns, and its number. */
static void add_name(struct textbuf *text, const char *name, unsigned number)
{
    static const char blanks[] = "         ";
    size_t len = strlen(name);
    textbuf_add_bytes(text, name, len);
    textbuf_add_bytes(text, blanks, len < 8 ? 9 - len : 1);
    textbuf_add_number(text, number);
}

static void add_ipv6_in_full(struct textbuf *text, const union weir_addr *addr)
{
    for (int i = 0; i < 16; i += 2)
        textbuf_addf(text, "%s%02x%02x", i ? ":" : "", addr->bytes[i], addr->bytes[i + 1]);
}

static void add_ipv4(struct textbuf *text, const union weir_addr *addr)
{
    for (int i = 0; i < 4; i++)
        add_field(text, i ? "." : "", addr->bytes[i]);
}

static void add_address(struct textbuf *text, const char *name, uint8_t family,
                        const union weir_addr *addr, unsigned parts)
{
    char shown[INET6_ADDRSTRLEN];
    textbuf_add(text, name);
    if (family != 6)
        add_ipv4(text, addr);
    else if (parts & CONN_TEXT_PROC)
        add_ipv6_in_full(text, addr);
    else
        textbuf_add(text, inet_ntop(AF_INET6, addr, shown, sizeof(shown)));
}

/* What stands for ports depends on the protocol; those that weir does not know have nothing. */
static void add_keys(struct textbuf *text, const struct weir_tuple *tuple)
{
    switch (tuple->proto) {
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
        add_field(text, " sport=", ntohs(tuple->src_key));
        add_field(text, " dport=", ntohs(tuple->dst_key));
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        add_field(text, " type=", ntohs(tuple->dst_key) >> 8);
        add_field(text, " code=", ntohs(tuple->dst_key) & 0xff);
        add_field(text, " id=", ntohs(tuple->src_key));
        break;
    case IPPROTO_GRE:
        textbuf_addf(text, " srckey=0x%x dstkey=0x%x", ntohs(tuple->src_key),
                     ntohs(tuple->dst_key));
        break;
    default: break;
    }
}

/* One direction: its tuple, its zone when the zone holds for it alone, its counters. */
static void add_direction(struct textbuf *text, const struct weir_conn *conn, enum weir_dir dir,
                          unsigned parts)
{
    const struct weir_tuple *tuple = &conn->tuple[dir];
    add_address(text, " src=", tuple->family, &tuple->src, parts);
    add_address(text, " dst=", tuple->family, &tuple->dst, parts);
    add_keys(text, tuple);
    if (conn->zone_dirs == 1U << dir)
        add_field(text, dir == WEIR_ORIG ? " zone-orig=" : " zone-reply=", conn->zone);
    if (parts & CONN_TEXT_COUNTERS && conn->parts & WEIR_HAS_COUNTERS) {
        add_field(text, " packets=", conn->packets[dir]);
        add_field(text, " bytes=", conn->bytes[dir]);
    }
}

static void add_timers(struct textbuf *text, const struct weir_conn *conn, unsigned parts)
{
    if (parts & CONN_TEXT_TIMEOUT)
        add_field(text, " ", conn->timeout_ms > 0 ? (uint64_t)conn->timeout_ms / 1000 : 0);
    const char *state = state_name(conn);
    if (parts & CONN_TEXT_STATE && state) {
        textbuf_add(text, " ");
        textbuf_add(text, state);
    }
    if (parts & CONN_TEXT_PROC && conn->tuple[WEIR_ORIG].proto == IPPROTO_GRE)
        textbuf_addf(text, " timeout=%u, stream_timeout=%u", conn->gre.timeout_s,
                     conn->gre.stream_timeout_s);
}

static void add_age(struct textbuf *text, const struct weir_conn *conn, unsigned parts,
                    struct weir_time now)
{
    int64_t start = conn->start.ns;
    int64_t end = conn->stop.ns ? conn->stop.ns : now.ns;
    int64_t age =
        parts & CONN_TEXT_PROC ? (end - start) / NS_PER_SEC : end / NS_PER_SEC - start / NS_PER_SEC;
    add_field(text, " delta-time=", age > 0 ? (uint64_t)age : 0);
}

/* " [start=Sat Nov 21 20:39:59 2026]": ctime(3) without its newline, in local time. */
static void add_date(struct textbuf *text, const char *name, struct weir_time when)
{
    time_t seconds = (time_t)(when.ns / NS_PER_SEC);
    struct tm local;
    char shown[64];
    if (localtime_r(&seconds, &local) &&
        strftime(shown, sizeof(shown), "%a %b %e %H:%M:%S %Y", &local))
        textbuf_addf(text, " [%s=%s]", name, shown);
}

static void add_times(struct textbuf *text, const struct weir_conn *conn, unsigned parts,
                      struct weir_time now)
{
    if (!(conn->parts & WEIR_HAS_TIMESTAMP))
        return;
    if (parts & CONN_TEXT_DELTA)
        add_age(text, conn, parts, now);
    if (parts & CONN_TEXT_KTIMESTAMP) {
        add_date(text, "start", conn->start);
        if (conn->stop.ns)
            add_date(text, "stop", conn->stop);
    }
}

/* Only bits with a name show. " labels" alone says that bits are set but none of them has one. */
static void add_labels(struct textbuf *text, const struct weir_conn *conn,
                       const struct conn_text_labels *labels)
{
    static const uint8_t none[sizeof(conn->labels)];
    if (!labels || !(conn->parts & WEIR_HAS_LABELS))
        return;
    if (!memcmp(conn->labels, none, sizeof(none)))
        return;
    textbuf_add(text, " labels");
    char before = '=';
    for (unsigned bit = 0; bit < 8 * sizeof(conn->labels); bit++) {
        if (!(conn->labels[bit / 8] >> bit % 8 & 1) || !labels->names[bit])
            continue;
        textbuf_addf(text, "%c%s", before, labels->names[bit]);
        before = ',';
    }
}

static void add_line(struct textbuf *text, const struct weir_conn *conn, unsigned parts,
                     struct weir_time now, const struct conn_text_labels *labels)
{
    const struct weir_tuple *tuple = &conn->tuple[WEIR_ORIG];
    if (parts & CONN_TEXT_FAMILY) {
        add_name(text, tuple->family == 6 ? "ipv6" : "ipv4",
                 tuple->family == 6 ? AF_INET6 : AF_INET);
        textbuf_add(text, " ");
    }
    add_name(text, protocol_name(tuple->proto), tuple->proto);
    add_timers(text, conn, parts);
    add_direction(text, conn, WEIR_ORIG, parts);
    if (!(conn->status & WEIR_S_SEEN_REPLY))
        textbuf_add(text, " [UNREPLIED]");
    add_direction(text, conn, WEIR_REPLY, parts);
    if (conn->status & WEIR_S_ASSURED)
        textbuf_add(text, " [ASSURED]");
    if (parts & CONN_TEXT_MARK)
        add_field(text, " mark=", conn->mark);
    if (conn->zone_dirs == 3 && (conn->zone || parts & CONN_TEXT_PROC))
        add_field(text, " zone=", conn->zone);
    add_times(text, conn, parts, now);
    if (parts & CONN_TEXT_USE)
        add_field(text, " use=", parts & CONN_TEXT_PROC ? conn->use + 1ULL : conn->use);
    if (parts & CONN_TEXT_ID)
        add_field(text, " id=", conn->id);
    if (parts & CONN_TEXT_LABELS)
        add_labels(text, conn, labels);
}

void conn_text_proc(struct textbuf *text, const struct weir_conn *conn, struct weir_time now)
{
    add_line(text, conn, CONN_TEXT_LIST | CONN_TEXT_FAMILY | CONN_TEXT_PROC, now, NULL);
}

void conn_text_list(struct textbuf *text, const struct weir_conn *conn, unsigned parts,
                    struct weir_time now, const struct conn_text_labels *labels)
{
    add_line(text, conn, parts & ~(unsigned)CONN_TEXT_PROC, now, labels);
}
