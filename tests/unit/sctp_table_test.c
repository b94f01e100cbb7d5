/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every cell of SCTP's state table, through the tracker.
 *
 * The tables below are typed from the conntrack reference, 4.5, as it prints them, not from the
 * tracker's source: "." keeps the state, "!" is invalid. For each cell the connection is put into
 * the state, a packet with one such chunk is given, and what follows from the new state is checked:
 * the state itself, its timeout, ASSURED, the event.
 */
#include "proto_fixture.h"

#include <string.h>

#define STATES "NONE CL CW CE ES SS SR SA HS"

enum { TAG_A = 0x0a0a0a0a, TAG_B = 0x0b0b0b0b, TAG_NEW = 0x0c0c0c0c };

struct row {
    const char *name;
    uint8_t type;
    const char *next; /* by state, in the order of STATES */
};

static const struct row original[] = {
    {"INIT", 1, "CL . . . . CL CL . CW"},
    {"INIT_ACK", 2, "CL . . . . . . . CL"},
    {"ABORT", 6, "CL . CL CL CL CL CL CL CL"},
    {"SHUTDOWN", 7, "CL . . . SS . . . CL"},
    {"SHUTDOWN_ACK", 8, "SA . . . . SA SA . SA"},
    {"ERROR", 9, "CL . . . . . . . CL"},
    {"COOKIE_ECHO", 10, "CL . CE . . . . . CL"},
    {"COOKIE_ACK", 11, "CL . . ES . . . . CL"},
    {"SHUTDOWN_COMPLETE", 14, "CL . . . . . . CL CL"},
    {"HEARTBEAT", 4, "HS . . . . . . . ."},
    {"HEARTBEAT_ACK", 5, "CL . . . . . . . ."},
};

static const struct row reply[] = {
    {"INIT", 1, "! . . . . . . . !"},
    {"INIT_ACK", 2, "! CW . . . . . . !"},
    {"ABORT", 6, "! . CL CL CL CL CL CL !"},
    {"SHUTDOWN", 7, "! . . . SR . . . !"},
    {"SHUTDOWN_ACK", 8, "! . . . . SA SA . !"},
    {"ERROR", 9, "! . . CL . . . . !"},
    {"COOKIE_ECHO", 10, "! . CE . . . . . !"},
    {"COOKIE_ACK", 11, "! . . ES . . . . !"},
    {"SHUTDOWN_COMPLETE", 14, "! . . . . . . CL !"},
    {"HEARTBEAT", 4, "! . . . . . . . ."},
    {"HEARTBEAT_ACK", 5, "! . . . . . . . ES"},
};

/* Seconds, as the reference gives them, turned into the tunable that has this default. */
static const int timeout_of[WEIR_SCTP_MAX] = {
    WEIR_T_SCTP_CLOSED,         WEIR_T_SCTP_CLOSED,
    WEIR_T_SCTP_COOKIE_WAIT,    WEIR_T_SCTP_COOKIE_ECHOED,
    WEIR_T_SCTP_ESTABLISHED,    WEIR_T_SCTP_SHUTDOWN_SENT,
    WEIR_T_SCTP_SHUTDOWN_RECD,  WEIR_T_SCTP_SHUTDOWN_ACK_SENT,
    WEIR_T_SCTP_HEARTBEAT_SENT,
};

/* Where the nth word of a text begins. */
static const char *word(const char *text, int n)
{
    for (; n; n--)
        text = strchr(text, ' ') + 1;
    return text;
}

static bool same_word(const char *a, const char *b)
{
    size_t len = strcspn(a, " ");

    return len == strcspn(b, " ") && memcmp(a, b, len) == 0;
}

/* The state of this name; -1: "!". */
static int state_of(const char *name, int before)
{
    if (same_word(name, "."))
        return before;
    if (same_word(name, "!"))
        return -1;
    for (int s = 0; s < WEIR_SCTP_MAX; s++)
        if (same_word(name, word(STATES, s)))
            return s;
    fail_msg("no state %s", name);
    return -1;
}

static uint32_t vtag(enum weir_dir dir)
{
    return dir == WEIR_ORIG ? TAG_B : TAG_A;
}

/* A confirmed association in this state; the tags are known, no marks are set. */
static struct sctp_state *put(int state)
{
    begin(4);
    CONN->status = WEIR_S_CONFIRMED | WEIR_S_SEEN_REPLY;

    struct sctp_state *s = &conn_proto(CONN)->sctp;

    s->state = (uint8_t)state;
    s->vtag[WEIR_ORIG] = vtag(WEIR_ORIG);
    s->vtag[WEIR_REPLY] = vtag(WEIR_REPLY);
    return s;
}

static enum proto_result send_chunk(enum weir_dir dir, uint8_t type, uint32_t tag)
{
    struct build b;

    packet_init(&b, 4, BUILD_SCTP, dir);
    b.l4.sctp.vtag = type == BUILD_CHUNK_INIT ? 0 : tag;
    struct build_chunk *c = build_chunk_add(&b.l4.sctp, type);

    if (type == BUILD_CHUNK_INIT || type == BUILD_CHUNK_INIT_ACK)
        build_chunk_init(c, dir == WEIR_ORIG ? TAG_A : TAG_B, 65535, 10, 10, 1);
    return give(&proto_sctp, dir, &b);
}

static void check_cell(enum weir_dir dir, const struct row *row, int state)
{
    struct sctp_state *s = put(state);
    int next = state_of(word(row->next, state), state);
    enum proto_result result = send_chunk(dir, row->type, vtag(dir));

    if (next < 0) {
        assert_refused(result, WEIR_R_SCTP_STATE);
        assert_int_equal(s->state, state);
        return;
    }
    if (s->state != next)
        fail_msg("%s %s in state %d: %d, not %d", dir ? "reply" : "original", row->name, state,
                 s->state, next);
    if (row->type == BUILD_CHUNK_INIT && state == WEIR_SCTP_CLOSED && next == WEIR_SCTP_CLOSED) {
        assert_int_equal(result, PROTO_ACCEPT); /* not refreshed, not counted */
        assert_int_equal(w.timeout, NO_REFRESH);
        assert_int_equal(counted(), 0);
    } else {
        assert_alive(result, timeout_of[next]);
    }
    bool moved = next != state, assured = moved && next == WEIR_SCTP_ESTABLISHED;

    assert_int_equal(CONN->status & WEIR_S_ASSURED, assured ? WEIR_S_ASSURED : 0);
    assert_int_equal(CONN->events,
                     (unsigned)moved << WEIR_EV_PROTOINFO | (unsigned)assured << WEIR_EV_ASSURED);
}

static void test_cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(original); i++) {
        for (int s = 0; s < WEIR_SCTP_MAX; s++) {
            check_cell(WEIR_ORIG, &original[i], s);
            check_cell(WEIR_REPLY, &reply[i], s);
        }
    }
}

/* All other chunk types keep every state alive. */
static void test_other_chunks(void **state)
{
    bool in_table[256] = {false};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(original); i++)
        in_table[original[i].type] = true;
    for (int type = 0; type < 256; type++) {
        for (int s = WEIR_SCTP_CLOSED; s < WEIR_SCTP_MAX && !in_table[type]; s++) {
            for (int dir = 0; dir < 2; dir++) {
                const struct sctp_state *sctp = put(s);
                enum weir_dir d = (enum weir_dir)dir;

                assert_alive(send_chunk(d, (uint8_t)type, vtag(d)), timeout_of[s]);
                assert_int_equal(sctp->state, s);
                assert_int_equal(CONN->events, 0);
            }
        }
    }
}

/* What may be first, and where it leads: the NONE column, but for what never begins an entry. */
static void test_first(void **state)
{
    (void)state;
    for (int type = 0; type < 256; type++) {
        const struct row *row = NULL;

        for (size_t i = 0; i < WEIR_ARRAY_LEN(original); i++)
            if (original[i].type == type)
                row = &original[i];
        begin(4);
        enum proto_result result = send_chunk(WEIR_ORIG, (uint8_t)type, 0);

        if (!row || type == BUILD_CHUNK_ABORT || type == BUILD_CHUNK_COOKIE_ACK ||
            type == BUILD_CHUNK_SHUTDOWN_COMPLETE) {
            assert_refused(result, WEIR_R_SCTP_STATE);
            continue;
        }
        int next = state_of(word(row->next, WEIR_SCTP_NONE), WEIR_SCTP_NONE);

        assert_alive(result, timeout_of[next]);
        assert_int_equal(conn_proto(CONN)->sctp.state, next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_other_chunks),
        cmocka_unit_test(test_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
