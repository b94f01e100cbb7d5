/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCTP beyond its state table: tags, marks, heartbeats, the layout of chunks, cut captures. The
 * sctp-N in comments are the examples of the conntrack reference, 4.5.
 */
#include "proto_fixture.h"

enum { TA = 0x11111111, TB = 0x22222222, TC = 0x33333333 };
static const enum weir_dir A = WEIR_ORIG, B = WEIR_REPLY;

enum {
    DATA = 0,
    INIT = 1,
    INIT_ACK = 2,
    SACK = 3,
    HB = 4,
    HB_ACK = 5,
    ABORT = 6,
    SHUTDOWN = 7,
    SHUTDOWN_ACK = 8,
    ERROR = 9,
    COOKIE_ECHO = 10,
    COOKIE_ACK = 11,
    SHUTDOWN_COMPLETE = 14,
    END = -1 /* of a list of chunks */
};

static struct build b;

static void packet(enum weir_dir dir, uint32_t tag)
{
    packet_init(&b, 4, BUILD_SCTP, dir);
    b.l4.sctp.vtag = tag;
}

static struct build_chunk *chunk(int type)
{
    struct build_chunk *c = build_chunk_add(&b.l4.sctp, (uint8_t)type);

    assert_non_null(c);
    if (type == INIT || type == INIT_ACK)
        build_chunk_init(c, TC, 65535, 10, 10, 1);
    else if (type == DATA)
        c->body.len = 16;
    return c;
}

static enum proto_result sent(enum weir_dir dir)
{
    return give(&proto_sctp, dir, &b);
}

/* A packet with up to three chunks. */
static enum proto_result send3(enum weir_dir dir, uint32_t tag, int one, int two, int three)
{
    const int types[] = {one, two, three};

    packet(dir, tag);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(types) && types[i] != END; i++)
        (void)chunk(types[i]);
    return sent(dir);
}

static enum proto_result send1(enum weir_dir dir, uint32_t tag, int type)
{
    return send3(dir, tag, type, END, END);
}

static enum proto_result send2(enum weir_dir dir, uint32_t tag, int one, int two)
{
    return send3(dir, tag, one, two, END);
}

/* INIT (tag 0) or INIT ACK that tells `initiate`. */
static enum proto_result send_init(enum weir_dir dir, uint32_t tag, int type, uint32_t initiate)
{
    packet(dir, tag);
    build_chunk_init(chunk(type), initiate, 65535, 10, 10, 1);
    return sent(dir);
}

/* ABORT or SHUTDOWN COMPLETE with the T flag. */
static enum proto_result send_reflected(enum weir_dir dir, uint32_t tag, int type)
{
    packet(dir, tag);
    chunk(type)->flags = BUILD_CHUNK_T_FLAG;
    return sent(dir);
}

static const struct sctp_state *sctp(void)
{
    return &conn_proto(CONN)->sctp;
}

static void is(enum weir_sctp_state state)
{
    assert_int_equal(sctp()->state, state);
}

static void tags(uint32_t orig, uint32_t reply)
{
    assert_int_equal(sctp()->vtag[WEIR_ORIG], orig);
    assert_int_equal(sctp()->vtag[WEIR_REPLY], reply);
}

static void accepted_silently(enum proto_result result)
{
    assert_int_equal(result, PROTO_ACCEPT);
    assert_int_equal(w.timeout, NO_REFRESH);
    assert_int_equal(counted(), 0);
}

static void established(void)
{
    begin(4);
    assert_alive(send_init(A, 0, INIT, TA), WEIR_T_SCTP_CLOSED);
    assert_alive(send_init(B, TA, INIT_ACK, TB), WEIR_T_SCTP_COOKIE_WAIT);
    assert_alive(send1(A, TB, COOKIE_ECHO), WEIR_T_SCTP_COOKIE_ECHOED);
    assert_alive(send1(B, TA, COOKIE_ACK), WEIR_T_SCTP_ESTABLISHED);
    is(WEIR_SCTP_ESTABLISHED);
    tags(TB, TA);
    assert_true(CONN->status & WEIR_S_ASSURED);
}

/* sctp-1 to sctp-3. */
static void test_life(void **state)
{
    (void)state;
    established();
    assert_alive(send1(A, TB, SHUTDOWN), WEIR_T_SCTP_SHUTDOWN_SENT);
    assert_alive(send1(B, TA, SHUTDOWN_ACK), WEIR_T_SCTP_SHUTDOWN_ACK_SENT);
    assert_alive(send1(A, TB, SHUTDOWN_COMPLETE), WEIR_T_SCTP_CLOSED);
    established();
    assert_alive(send1(B, TA, SHUTDOWN), WEIR_T_SCTP_SHUTDOWN_RECD);
    assert_alive(send1(A, TB, SHUTDOWN_ACK), WEIR_T_SCTP_SHUTDOWN_ACK_SENT);
    assert_alive(send1(B, TA, SHUTDOWN_COMPLETE), WEIR_T_SCTP_CLOSED);
}

/* sctp-4 to sctp-7. */
static void test_first(void **state)
{
    static const int with_tag_zero[] = {INIT_ACK, SHUTDOWN, ERROR, COOKIE_ECHO, HB_ACK};

    (void)state;
    begin(4);
    assert_refused(send1(A, 5, INIT), WEIR_R_SCTP_TAG);
    assert_refused(send2(A, 0, INIT, DATA), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, 0, HB, DATA), WEIR_R_SCTP_STATE);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(with_tag_zero); i++) {
        int type = with_tag_zero[i];

        begin(4);
        if (type != HB_ACK)
            assert_refused(send1(A, 5, type), WEIR_R_SCTP_TAG);
        assert_alive(send1(A, 0, type), WEIR_T_SCTP_CLOSED);
    }
    begin(4);
    assert_alive(send1(A, 77, SHUTDOWN_ACK), WEIR_T_SCTP_SHUTDOWN_ACK_SENT);
    tags(0, 77);
    begin(4);
    assert_alive(send1(A, TB, HB), WEIR_T_SCTP_HEARTBEAT_SENT);
    tags(TB, 0);
    assert_alive(send1(B, TA, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
    tags(TB, TA);
    assert_true(CONN->status & WEIR_S_ASSURED);
    begin(4);
    assert_alive(send2(A, 0, ERROR, SHUTDOWN), WEIR_T_SCTP_CLOSED);
}

/* sctp-8. */
static void test_tags_and_checksum(void **state)
{
    (void)state;
    established();
    assert_refused(send1(A, TA, DATA), WEIR_R_SCTP_TAG);
    assert_refused(send1(B, TB, DATA), WEIR_R_SCTP_TAG);
    assert_refused(send1(A, TC, SHUTDOWN), WEIR_R_SCTP_TAG);
    assert_refused(send1(A, TA, COOKIE_ECHO), WEIR_R_SCTP_TAG);
    assert_refused(send1(A, TB, INIT), WEIR_R_SCTP_TAG);
    is(WEIR_SCTP_ESTABLISHED);
    packet(A, TB);
    b.l4.sctp.sum.mode = BUILD_SUM_BAD;
    (void)chunk(DATA);
    assert_refused(sent(A), WEIR_R_L4_CHECKSUM);
    assert_refused(send1(A, TB, END), WEIR_R_SCTP_CHUNK);
    assert_alive(send1(A, TB, DATA), WEIR_T_SCTP_ESTABLISHED);
    /* Not checked with a chunk that has a tag rule of its own. */
    assert_alive(send1(A, TC, SHUTDOWN_ACK), WEIR_T_SCTP_ESTABLISHED);
    assert_alive(send2(A, TC, SHUTDOWN_ACK, SHUTDOWN), WEIR_T_SCTP_SHUTDOWN_SENT);
}

/* sctp-9. */
static void test_abort(void **state)
{
    (void)state;
    established();
    assert_refused(send1(A, TA, ABORT), WEIR_R_SCTP_TAG);
    assert_refused(send_reflected(A, TB, ABORT), WEIR_R_SCTP_TAG);
    is(WEIR_SCTP_ESTABLISHED);
    assert_alive(send1(A, TB, ABORT), WEIR_T_SCTP_CLOSED);
    established();
    assert_alive(send_reflected(B, TB, ABORT), WEIR_T_SCTP_CLOSED);
    established();
    assert_refused(send1(A, TA, SHUTDOWN_COMPLETE), WEIR_R_SCTP_TAG);
    assert_alive(send_reflected(A, TA, SHUTDOWN_COMPLETE), WEIR_T_SCTP_ESTABLISHED);
}

/* sctp-10 to sctp-13. */
static void test_init(void **state)
{
    (void)state;
    begin(4);
    assert_alive(send_init(A, 0, INIT, TA), WEIR_T_SCTP_CLOSED);
    accepted_silently(send_init(A, 0, INIT, TA));
    accepted_silently(send_init(A, 0, INIT, TC));
    tags(0, TC);

    begin(4);
    assert_alive(send_init(A, 0, INIT, TA), WEIR_T_SCTP_CLOSED);
    accepted_silently(send_init(B, 0, INIT, TB));
    assert_alive(send_init(B, TA, INIT_ACK, TB), WEIR_T_SCTP_COOKIE_WAIT);
    assert_alive(send_init(A, TB, INIT_ACK, TA), WEIR_T_SCTP_COOKIE_WAIT);
    assert_refused(send_init(A, TB, INIT_ACK, TC), WEIR_R_SCTP_TAG);

    established();
    assert_alive(send_init(A, 0, INIT, TC), WEIR_T_SCTP_ESTABLISHED);
    assert_alive(send_init(B, TC, INIT_ACK, TC + 1), WEIR_T_SCTP_ESTABLISHED);
    tags(TC + 1, TC);

    /* Marks of both sides: B's new INIT clears A's, so A may answer with another tag. */
    begin(4);
    assert_alive(send_init(A, 0, INIT, TA), WEIR_T_SCTP_CLOSED);
    accepted_silently(send_init(B, 0, INIT, TB));
    assert_refused(send_init(A, TB, INIT_ACK, TC), WEIR_R_SCTP_TAG);
    accepted_silently(send_init(B, 0, INIT, TB + 1));
    assert_alive(send_init(A, TB + 1, INIT_ACK, TC), WEIR_T_SCTP_CLOSED);
    tags(TB + 1, TC);

    established();
    assert_alive(send_init(A, 0, INIT, TA), WEIR_T_SCTP_ESTABLISHED);
    assert_refused(send_init(B, TA, INIT_ACK, TC), WEIR_R_SCTP_TAG);
    tags(TB, TA);
}

/* sctp-14, and what a packet with a wrong heartbeat may and may not do. */
static void test_heartbeat(void **state)
{
    (void)state;
    begin(4);
    assert_alive(send1(A, TB, HB), WEIR_T_SCTP_HEARTBEAT_SENT);
    assert_alive(send1(B, TA, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
    accepted_silently(send1(A, TC, HB));
    assert_alive(send1(B, TC + 1, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
    tags(0, TC + 1);
    assert_alive(send1(A, TC, HB), WEIR_T_SCTP_ESTABLISHED);
    tags(TC, TC + 1);
    assert_alive(send1(A, TC, DATA), WEIR_T_SCTP_ESTABLISHED);

    /* Nobody asked; its own side asked; the question was withdrawn. */
    established();
    assert_refused(send1(B, TC, HB_ACK), WEIR_R_SCTP_TAG);
    accepted_silently(send1(B, TC, HB));
    assert_refused(send1(B, TC, HB_ACK), WEIR_R_SCTP_TAG);
    assert_alive(send1(B, TA, HB), WEIR_T_SCTP_ESTABLISHED);
    assert_refused(send1(A, TC, HB_ACK), WEIR_R_SCTP_TAG);

    /* With data, or twice, it is no question. */
    established();
    assert_refused(send2(A, TC, HB, DATA), WEIR_R_SCTP_TAG);
    assert_refused(send2(A, TC, DATA, HB), WEIR_R_SCTP_TAG);
    assert_refused(send2(A, TC, HB, HB), WEIR_R_SCTP_TAG);
    assert_refused(send2(B, TC, HB_ACK, DATA), WEIR_R_SCTP_TAG);

    /* What stands beside it still counts for the state, but the packet is silent. */
    established();
    accepted_silently(send2(A, TC, SHUTDOWN, HB));
    is(WEIR_SCTP_SHUTDOWN_SENT);
    established();
    accepted_silently(send2(A, TC, HB, SACK));
}

/* A question is answered once, and a right answer withdraws it. */
static void test_heartbeat_answers(void **state)
{
    (void)state;
    established();
    accepted_silently(send1(A, TC, HB));
    assert_alive(send1(B, TA, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
    assert_refused(send1(B, TC, HB_ACK), WEIR_R_SCTP_TAG);
    established();
    accepted_silently(send1(A, TC, HB));
    assert_alive(send1(B, TC, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
    assert_refused(send1(B, TC + 1, HB_ACK), WEIR_R_SCTP_TAG);
}

/* A tag that heartbeats have made unknown may be told by any INIT ACK, also of a side that sent an
 * INIT itself, as long as the other did not. */
static void test_unknown_tag(void **state)
{
    (void)state;
    for (int init = 0; init < 2; init++) {
        established();
        if (init)
            assert_alive(send_init(B, 0, INIT, TB), WEIR_T_SCTP_ESTABLISHED);
        if (init)
            assert_alive(send_init(B, 0, INIT, TB + 1), WEIR_T_SCTP_ESTABLISHED);
        accepted_silently(send1(A, TC, HB));
        assert_alive(send1(B, TC + 1, HB_ACK), WEIR_T_SCTP_ESTABLISHED);
        tags(0, TC + 1);
        assert_alive(send_init(B, TC + 1, INIT_ACK, TC + 2), WEIR_T_SCTP_ESTABLISHED);
        tags(TC + 2, TC + 1);
    }
}

/* State changes by the chunks before a bad one stay. */
static void test_part(void **state)
{
    (void)state;
    established();
    CONN->events = 0;
    assert_refused(send2(A, TC, SHUTDOWN, ABORT), WEIR_R_SCTP_TAG);
    is(WEIR_SCTP_SHUTDOWN_SENT);
    assert_int_equal(CONN->events, 1u << WEIR_EV_PROTOINFO);
}

static void test_layout(void **state)
{
    (void)state;
    established();
    assert_refused(send2(A, TB, DATA, COOKIE_ECHO), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, TB, COOKIE_ECHO, COOKIE_ECHO), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, TB, DATA, COOKIE_ACK), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, TB, SHUTDOWN_COMPLETE, DATA), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, TB, DATA, SHUTDOWN_COMPLETE), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, 0, DATA, INIT), WEIR_R_SCTP_CHUNK);
    assert_refused(send2(A, TB, INIT_ACK, SACK), WEIR_R_SCTP_CHUNK);
    assert_alive(send2(A, TB, COOKIE_ECHO, DATA), WEIR_T_SCTP_ESTABLISHED);

    /* A length of 0 never ends, 1 to 3 count as 4, more than there is ends the walk. */
    for (int length = 0; length < 4; length++) {
        established();
        packet(A, TB);
        chunk(SACK)->len = length;
        (void)chunk(SHUTDOWN);
        if (length == 0)
            assert_refused(sent(A), WEIR_R_SCTP_CHUNK);
        else
            assert_alive(sent(A), WEIR_T_SCTP_SHUTDOWN_SENT);
    }
    established();
    packet(A, TB);
    (void)chunk(SHUTDOWN);
    chunk(DATA)->len = 60000;
    assert_alive(sent(A), WEIR_T_SCTP_SHUTDOWN_SENT);
}

/* INIT and INIT ACK are read up to their fixed part's end; up to three bytes after it are nothing.
 */
static void test_sizes(void **state)
{
    (void)state;
    for (int keep = 12; keep <= 35; keep++) {
        begin(4);
        w.trusting = true;
        packet(A, 0);
        (void)chunk(INIT);
        b.data.len = 3;
        b.keep = keep;
        if (keep < 32)
            assert_refused(sent(A), WEIR_R_SCTP_CHUNK);
        else
            assert_alive(sent(A), WEIR_T_SCTP_CLOSED);
    }
}

/* The same in an association that lives: refused, and nothing learned. */
static void test_short_init(void **state)
{
    static const int types[] = {INIT, INIT_ACK};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(types); i++) {
        established();
        w.trusting = true;
        packet(A, types[i] == INIT ? 0 : TB);
        (void)chunk(types[i]);
        b.keep = 31;
        assert_refused(sent(A), WEIR_R_SCTP_CHUNK);
        tags(TB, TA);
    }
}

/* Captures that cut packets: what is there is used, what is missing is not held against them. */
static void test_cut(void **state)
{
    static uint8_t bytes[256];

    (void)state;
    for (size_t have = 20 + 4; have <= 20 + 32; have++) {
        begin(4);
        packet(A, 0);
        build_chunk_init(chunk(INIT), TA, 65535, 10, 10, 1);
        size_t len = build_make(&b, bytes, sizeof(bytes));
        enum proto_result result = give_bytes(&proto_sctp, A, bytes, have, len);

        if (have < 20 + 12)
            assert_refused(result, WEIR_R_L4_SHORT);
        else if (have < 20 + 16)
            assert_refused(result, WEIR_R_SCTP_STATE); /* who knows what it is */
        else if (have < 20 + 20)
            assert_refused(result, WEIR_R_SCTP_CHUNK); /* an INIT without tag */
        else
            assert_alive(result, WEIR_T_SCTP_CLOSED);
    }
    established();
    packet(A, TB);
    (void)chunk(SHUTDOWN);
    size_t len = build_make(&b, bytes, sizeof(bytes));

    assert_alive(give_bytes(&proto_sctp, A, bytes, 20 + 12, len), WEIR_T_SCTP_ESTABLISHED);
    assert_alive(give_bytes(&proto_sctp, A, bytes, 20 + 16, len - 1), WEIR_T_SCTP_SHUTDOWN_SENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_tags_and_checksum),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_init),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_heartbeat_answers),
        cmocka_unit_test(test_unknown_tag),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_short_init),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
