/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctnetlink attributes to plain structs, and back for requests.
 *
 * Integers are big endian in the attributes and come out in host order; labels are bytes. An
 * attribute of a length its type cannot have makes the whole message -EBADMSG: a table compared
 * with a wrongly read one would be worse than none. Unknown attributes are skipped, as new kernels
 * add some.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

#include "rig_priv.h"

enum {
    CTA_TIME_OF_EVENT = 27, /* CTA_TIMESTAMP_EVENT of newer kernel headers */
};

/* ---- reading: one table per nest says which attribute goes where ---- */

enum kind {
    U8 = 1,
    U16,
    U32,
    U64,
    BYTES,  /* exactly `size` of them */
    UP_TO,  /* at most `size`; their number goes into the byte before */
    STRING, /* at most `size` with its 0 */
    NEST,
};

struct field {
    uint16_t type;
    uint8_t kind;
    uint8_t size;
    size_t at;                /* offset in the struct that the table is about */
    uint32_t has;             /* RIG_HAS_* */
    const struct field *nest; /* ends with a field of type 0 */
};

#define TUPLE(member)  offsetof(struct rig_tuple, member)
#define ENTRY(member)  offsetof(struct rig_entry, member)
#define EXPECT(member) offsetof(struct rig_expect, member)

static const struct field ip[] = {
    {CTA_IP_V4_SRC, BYTES, 4, TUPLE(src)},
    {CTA_IP_V4_DST, BYTES, 4, TUPLE(dst)},
    {CTA_IP_V6_SRC, BYTES, 16, TUPLE(src)},
    {CTA_IP_V6_DST, BYTES, 16, TUPLE(dst)},
    {0},
};

static const struct field proto[] = {
    {CTA_PROTO_NUM, U8, 0, TUPLE(proto)},
    {CTA_PROTO_SRC_PORT, U16, 0, TUPLE(sport)},
    {CTA_PROTO_DST_PORT, U16, 0, TUPLE(dport)},
    {CTA_PROTO_ICMP_ID, U16, 0, TUPLE(icmp_id)},
    {CTA_PROTO_ICMP_TYPE, U8, 0, TUPLE(icmp_type)},
    {CTA_PROTO_ICMP_CODE, U8, 0, TUPLE(icmp_code)},
    {CTA_PROTO_ICMPV6_ID, U16, 0, TUPLE(icmp_id)},
    {CTA_PROTO_ICMPV6_TYPE, U8, 0, TUPLE(icmp_type)},
    {CTA_PROTO_ICMPV6_CODE, U8, 0, TUPLE(icmp_code)},
    {0},
};

static const struct field tuple[] = {
    {CTA_TUPLE_IP, NEST, .nest = ip},
    {CTA_TUPLE_PROTO, NEST, .nest = proto},
    {CTA_TUPLE_ZONE, U16, 0, TUPLE(zone)},
    {0},
};

static const struct field tcp[] = {
    {CTA_PROTOINFO_TCP_STATE, U8, 0, ENTRY(tcp_state), RIG_HAS_TCP},
    {CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, U8, 0, ENTRY(tcp_wscale[RIG_ORIG]), RIG_HAS_TCP_WSCALE},
    {CTA_PROTOINFO_TCP_WSCALE_REPLY, U8, 0, ENTRY(tcp_wscale[RIG_REPLY]), RIG_HAS_TCP_WSCALE},
    /* Flags and a mask; the mask says nothing when read. */
    {CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, U8, 0, ENTRY(tcp_flags[RIG_ORIG]), RIG_HAS_TCP_FLAGS},
    {CTA_PROTOINFO_TCP_FLAGS_REPLY, U8, 0, ENTRY(tcp_flags[RIG_REPLY]), RIG_HAS_TCP_FLAGS},
    {0},
};

static const struct field sctp[] = {
    {CTA_PROTOINFO_SCTP_STATE, U8, 0, ENTRY(sctp_state), RIG_HAS_SCTP},
    {CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, U32, 0, ENTRY(sctp_vtag[RIG_ORIG]), RIG_HAS_VTAG},
    {CTA_PROTOINFO_SCTP_VTAG_REPLY, U32, 0, ENTRY(sctp_vtag[RIG_REPLY]), RIG_HAS_VTAG},
    {0},
};

static const struct field protoinfo[] = {
    {CTA_PROTOINFO_TCP, NEST, .nest = tcp},
    {CTA_PROTOINFO_SCTP, NEST, .nest = sctp},
    {0},
};

static const struct field count[] = {
    {CTA_COUNTERS_PACKETS, U64, 0, offsetof(struct rig_count, packets)},
    {CTA_COUNTERS_BYTES, U64, 0, offsetof(struct rig_count, bytes)},
    {0},
};

static const struct field seqadj[] = {
    {CTA_SEQADJ_CORRECTION_POS, U32, 0, offsetof(struct rig_seqadj, pos)},
    {CTA_SEQADJ_OFFSET_BEFORE, U32, 0, offsetof(struct rig_seqadj, before)},
    {CTA_SEQADJ_OFFSET_AFTER, U32, 0, offsetof(struct rig_seqadj, after)},
    {0},
};

static const struct field synproxy[] = {
    {CTA_SYNPROXY_ISN, U32, 0, ENTRY(synproxy.isn)},
    {CTA_SYNPROXY_ITS, U32, 0, ENTRY(synproxy.its)},
    {CTA_SYNPROXY_TSOFF, U32, 0, ENTRY(synproxy.tsoff)},
    {0},
};

static const struct field timestamp[] = {
    {CTA_TIMESTAMP_START, U64, 0, ENTRY(start_ns), RIG_HAS_START},
    {CTA_TIMESTAMP_STOP, U64, 0, ENTRY(stop_ns), RIG_HAS_STOP},
    {0},
};

static const struct field help[] = {
    {CTA_HELP_NAME, STRING, sizeof(((struct rig_entry *)NULL)->helper), ENTRY(helper),
     RIG_HAS_HELPER},
    {0},
};

static const struct field entry[] = {
    {CTA_TUPLE_ORIG, NEST, 0, ENTRY(orig), RIG_HAS_ORIG, tuple},
    {CTA_TUPLE_REPLY, NEST, 0, ENTRY(reply), RIG_HAS_REPLY, tuple},
    {CTA_TUPLE_MASTER, NEST, 0, ENTRY(master), RIG_HAS_MASTER, tuple},
    {CTA_ZONE, U16, 0, ENTRY(zone), RIG_HAS_ZONE},
    {CTA_STATUS, U32, 0, ENTRY(status), RIG_HAS_STATUS},
    {CTA_TIMEOUT, U32, 0, ENTRY(timeout), RIG_HAS_TIMEOUT},
    {CTA_MARK, U32, 0, ENTRY(mark), RIG_HAS_MARK},
    {CTA_ID, U32, 0, ENTRY(id), RIG_HAS_ID},
    {CTA_USE, U32, 0, ENTRY(use), RIG_HAS_USE},
    {CTA_PROTOINFO, NEST, .nest = protoinfo},
    {CTA_HELP, NEST, .nest = help},
    {CTA_LABELS, UP_TO, sizeof(((struct rig_entry *)NULL)->labels), ENTRY(labels), RIG_HAS_LABELS},
    {CTA_COUNTERS_ORIG, NEST, 0, ENTRY(count[RIG_ORIG]), RIG_HAS_COUNT, count},
    {CTA_COUNTERS_REPLY, NEST, 0, ENTRY(count[RIG_REPLY]), RIG_HAS_COUNT, count},
    {CTA_SEQ_ADJ_ORIG, NEST, 0, ENTRY(seqadj[RIG_ORIG]), RIG_HAS_SEQADJ, seqadj},
    {CTA_SEQ_ADJ_REPLY, NEST, 0, ENTRY(seqadj[RIG_REPLY]), RIG_HAS_SEQADJ, seqadj},
    {CTA_SYNPROXY, NEST, 0, 0, RIG_HAS_SYNPROXY, synproxy},
    {CTA_TIMESTAMP, NEST, .nest = timestamp},
    {CTA_TIME_OF_EVENT, U64, 0, ENTRY(event_ns), RIG_HAS_EVENT_TIME},
    {0},
};
_Static_assert(ENTRY(labels) == ENTRY(labels_len) + 1, "an UP_TO field has its length in front");

enum {
    EXPECT_HAS_NAT = 1,
};

static const struct field expect_nat[] = {
    {CTA_EXPECT_NAT_DIR, U32, 0, EXPECT(nat_dir)},
    {CTA_EXPECT_NAT_TUPLE, NEST, 0, EXPECT(nat), 0, tuple},
    {0},
};

static const struct field expect[] = {
    {CTA_EXPECT_MASTER, NEST, 0, EXPECT(master), 0, tuple},
    {CTA_EXPECT_TUPLE, NEST, 0, EXPECT(tuple), 0, tuple},
    {CTA_EXPECT_MASK, NEST, 0, EXPECT(mask), 0, tuple},
    {CTA_EXPECT_NAT, NEST, 0, 0, EXPECT_HAS_NAT, expect_nat},
    {CTA_EXPECT_TIMEOUT, U32, 0, EXPECT(timeout)},
    {CTA_EXPECT_ID, U32, 0, EXPECT(id)},
    {CTA_EXPECT_FLAGS, U32, 0, EXPECT(flags)},
    {CTA_EXPECT_CLASS, U32, 0, EXPECT(class)},
    {CTA_EXPECT_HELP_NAME, STRING, sizeof(((struct rig_expect *)NULL)->helper), EXPECT(helper)},
    {CTA_EXPECT_FN, STRING, sizeof(((struct rig_expect *)NULL)->fn), EXPECT(fn)},
    {0},
};

/* Big endian to host, from the first `size` bytes of the attribute. */
static bool integer(const struct nlattr *attr, uint8_t *to, size_t size)
{
    uint8_t v[8];
    if (mnl_attr_get_payload_len(attr) < size)
        return false;
    memcpy(v, mnl_attr_get_payload(attr), size);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (size_t i = 0; i < size; i++)
        to[i] = v[size - 1 - i];
#else
    memcpy(to, v, size);
#endif
    return true;
}

static bool put(const struct field *f, const struct nlattr *attr, uint8_t *to)
{
    const char *from = mnl_attr_get_payload(attr);
    size_t len = mnl_attr_get_payload_len(attr);
    switch (f->kind) {
    case U8: return integer(attr, to, 1);
    case U16: return integer(attr, to, 2);
    case U32: return integer(attr, to, 4);
    case U64: return integer(attr, to, 8);
    case BYTES:
        if (len != f->size)
            return false;
        memcpy(to, from, len);
        return true;
    case UP_TO:
        if (len > f->size)
            return false;
        memcpy(to, from, len);
        to[-1] = (uint8_t)len;
        return true;
    case STRING:
        len = strnlen(from, len);
        if (len >= f->size)
            return false;
        memcpy(to, from, len);
        to[len] = 0;
        return true;
    default: return false;
    }
}

struct dec {
    uint32_t has;
    bool bad;
};

static void dec_attr(struct dec *d, const struct field *f, const struct nlattr *attr,
                     uint8_t *base);

static void dec_nest(struct dec *d, const struct field *f, const struct nlattr *nest, uint8_t *base)
{
    const struct nlattr *attr;
    mnl_attr_for_each_nested(attr, nest) dec_attr(d, f, attr, base);
}

static void dec_attr(struct dec *d, const struct field *f, const struct nlattr *attr, uint8_t *base)
{
    while (f->type && f->type != mnl_attr_get_type(attr))
        f++;
    if (!f->type)
        return;
    d->has |= f->has;
    if (f->kind == NEST)
        dec_nest(d, f->nest, attr, base + f->at);
    else if (!put(f, attr, base + f->at))
        d->bad = true;
}

/* Fills the struct at `to`; returns the has bits, or -EBADMSG in *err. */
static uint32_t dec_message(const struct nlmsghdr *nlh, const struct field *f, void *to, int *err)
{
    struct dec d = {.has = 0};
    const struct nlattr *attr;
    mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg)) dec_attr(&d, f, attr, to);
    *err = d.bad ? -EBADMSG : 0;
    return d.has;
}

static uint8_t family_of(const struct nlmsghdr *nlh)
{
    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    return mnl_nlmsg_get_payload_len(nlh) < sizeof(*nfg) ? AF_UNSPEC : nfg->nfgen_family;
}

int rig_entry_dec(const struct nlmsghdr *nlh, struct rig_entry *e)
{
    int err;
    memset(e, 0, sizeof(*e));
    uint8_t family = family_of(nlh);
    if (!family)
        return -EBADMSG;
    e->has = dec_message(nlh, entry, e, &err);
    e->orig.family = e->reply.family = family;
    if (e->has & RIG_HAS_MASTER)
        e->master.family = family;
    return err;
}

int rig_expect_dec(const struct nlmsghdr *nlh, struct rig_expect *x)
{
    int err;
    memset(x, 0, sizeof(*x));
    uint8_t family = family_of(nlh);
    if (!family)
        return -EBADMSG;
    x->has_nat = dec_message(nlh, expect, x, &err) & EXPECT_HAS_NAT;
    x->master.family = x->tuple.family = x->mask.family = family;
    if (x->has_nat)
        x->nat.family = family;
    return err;
}

/* ---- writing ---- */

static void ip_enc(struct nlmsghdr *nlh, const struct rig_tuple *t)
{
    const bool v4 = t->family == AF_INET;
    const size_t size = v4 ? 4 : 16;
    struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
    mnl_attr_put(nlh, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, size, t->src);
    mnl_attr_put(nlh, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, size, t->dst);
    mnl_attr_nest_end(nlh, nest);
}

static void proto_enc(struct nlmsghdr *nlh, const struct rig_tuple *t)
{
    struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
    mnl_attr_put_u8(nlh, CTA_PROTO_NUM, t->proto);
    switch (t->proto) {
    case IPPROTO_ICMP:
        mnl_attr_put_u16(nlh, CTA_PROTO_ICMP_ID, htons(t->icmp_id));
        mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_TYPE, t->icmp_type);
        mnl_attr_put_u8(nlh, CTA_PROTO_ICMP_CODE, t->icmp_code);
        break;
    case IPPROTO_ICMPV6:
        mnl_attr_put_u16(nlh, CTA_PROTO_ICMPV6_ID, htons(t->icmp_id));
        mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_TYPE, t->icmp_type);
        mnl_attr_put_u8(nlh, CTA_PROTO_ICMPV6_CODE, t->icmp_code);
        break;
    default: /* the kernel ignores ports of protocols that have none */
        mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
        mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
        break;
    }
    mnl_attr_nest_end(nlh, nest);
}

void rig_tuple_enc(struct nlmsghdr *nlh, uint16_t type, const struct rig_tuple *t)
{
    struct nlattr *nest = mnl_attr_nest_start(nlh, type);
    ip_enc(nlh, t);
    proto_enc(nlh, t);
    if (t->zone)
        mnl_attr_put_u16(nlh, CTA_TUPLE_ZONE, htons(t->zone));
    mnl_attr_nest_end(nlh, nest);
}

static void tcp_enc(struct nlmsghdr *nlh, const struct rig_entry *e)
{
    struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
    struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);
    mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, e->tcp_state);
    if (e->has & RIG_HAS_TCP_WSCALE) {
        mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, e->tcp_wscale[RIG_ORIG]);
        mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_WSCALE_REPLY, e->tcp_wscale[RIG_REPLY]);
    }
    if (e->has & RIG_HAS_TCP_FLAGS) {
        const uint8_t flags[RIG_DIR_MAX][2] = {{e->tcp_flags[RIG_ORIG], 0xff},
                                               {e->tcp_flags[RIG_REPLY], 0xff}};
        mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(flags[RIG_ORIG]),
                     flags[RIG_ORIG]);
        mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(flags[RIG_REPLY]),
                     flags[RIG_REPLY]);
    }
    mnl_attr_nest_end(nlh, nest);
    mnl_attr_nest_end(nlh, info);
}

static void sctp_enc(struct nlmsghdr *nlh, const struct rig_entry *e)
{
    struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
    struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_PROTOINFO_SCTP);
    mnl_attr_put_u8(nlh, CTA_PROTOINFO_SCTP_STATE, e->sctp_state);
    mnl_attr_put_u32(nlh, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, htonl(e->sctp_vtag[RIG_ORIG]));
    mnl_attr_put_u32(nlh, CTA_PROTOINFO_SCTP_VTAG_REPLY, htonl(e->sctp_vtag[RIG_REPLY]));
    mnl_attr_nest_end(nlh, nest);
    mnl_attr_nest_end(nlh, info);
}

void rig_entry_enc(struct nlmsghdr *nlh, const struct rig_entry *e)
{
    if (e->has & RIG_HAS_ORIG)
        rig_tuple_enc(nlh, CTA_TUPLE_ORIG, &e->orig);
    if (e->has & RIG_HAS_REPLY)
        rig_tuple_enc(nlh, CTA_TUPLE_REPLY, &e->reply);
    if (e->has & RIG_HAS_ZONE)
        mnl_attr_put_u16(nlh, CTA_ZONE, htons(e->zone));
    if (e->has & RIG_HAS_STATUS)
        mnl_attr_put_u32(nlh, CTA_STATUS, htonl(e->status));
    if (e->has & RIG_HAS_TIMEOUT)
        mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(e->timeout));
    if (e->has & RIG_HAS_MARK)
        mnl_attr_put_u32(nlh, CTA_MARK, htonl(e->mark));
    if (e->has & RIG_HAS_ID)
        mnl_attr_put_u32(nlh, CTA_ID, htonl(e->id));
    if (e->has & RIG_HAS_TCP)
        tcp_enc(nlh, e);
    if (e->has & RIG_HAS_SCTP)
        sctp_enc(nlh, e);
    if (e->has & RIG_HAS_MASTER)
        rig_tuple_enc(nlh, CTA_TUPLE_MASTER, &e->master);
    if (e->has & RIG_HAS_HELPER) {
        struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_HELP);
        mnl_attr_put_strz(nlh, CTA_HELP_NAME, e->helper);
        mnl_attr_nest_end(nlh, nest);
    }
    if (e->has & RIG_HAS_LABELS)
        mnl_attr_put(nlh, CTA_LABELS, e->labels_len, e->labels);
}
