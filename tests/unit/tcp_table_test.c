/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCP tables, every cell, against the conntrack reference: the state table (3.2), the classes
 * and the valid flag combinations (3.1), the timeout of each state (3.8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proto/tcp.h"

/*
 * As the reference prints it: a line for each state; first what a packet in original direction
 * makes of it (syn, synack, fin, ack, rst), then one in reply direction. "!" is invalid, "~"
 * ignored.
 */
static const char *const sheet[WEIR_TCP_MAX] = {
    "-- | SS  !  !  ES  ! |  !  !   !  !   ! ", "SS | SS  !  !  !   CL | S2 SR  !  ~   CL",
    "SR | ~   SR FW ES  CL | !  ~   FW SR  CL", "ES | ~   !  FW ES  CL | !  ~   FW ES  CL",
    "FW | ~   !  LA CW  CL | !  ~   LA CW  CL", "CW | ~   !  LA CW  CL | !  ~   LA CW  CL",
    "LA | ~   !  LA TW  CL | !  ~   LA TW  CL", "TW | SS  !  TW TW  CL | SS ~   TW TW  CL",
    "CL | SS  !  CL CL  CL | !  ~   CL CL  CL", "S2 | S2  SR !  !   CL | S2 SR  !  ~   CL",
};

static const enum tcp_class columns[] = {TCP_CLASS_SYN, TCP_CLASS_SYNACK, TCP_CLASS_FIN,
                                         TCP_CLASS_ACK, TCP_CLASS_RST};

static const struct {
    const char *word;
    int value;
} words[] = {
    {"!", TCP_NEXT_INVALID},    {"~", TCP_NEXT_IGNORE},      {"--", WEIR_TCP_NONE},
    {"SS", WEIR_TCP_SYN_SENT},  {"SR", WEIR_TCP_SYN_RECV},   {"ES", WEIR_TCP_ESTABLISHED},
    {"FW", WEIR_TCP_FIN_WAIT},  {"CW", WEIR_TCP_CLOSE_WAIT}, {"LA", WEIR_TCP_LAST_ACK},
    {"TW", WEIR_TCP_TIME_WAIT}, {"CL", WEIR_TCP_CLOSE},      {"S2", WEIR_TCP_SYN_SENT2},
};

/* The next word of a line; bars are only for the eye. */
static int next_word(const char **at)
{
    *at += strspn(*at, " |");
    size_t len = strcspn(*at, " |");

    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        if (strlen(words[i].word) == len && memcmp(words[i].word, *at, len) == 0) {
            *at += len;
            return words[i].value;
        }
    }
    fail_msg("not a word of the sheet: %s", *at);
    return -1;
}

/* Exported numbers, which programs have compiled in. */
static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(WEIR_TCP_NONE, 0);
    assert_int_equal(WEIR_TCP_SYN_SENT, 1);
    assert_int_equal(WEIR_TCP_SYN_RECV, 2);
    assert_int_equal(WEIR_TCP_ESTABLISHED, 3);
    assert_int_equal(WEIR_TCP_FIN_WAIT, 4);
    assert_int_equal(WEIR_TCP_CLOSE_WAIT, 5);
    assert_int_equal(WEIR_TCP_LAST_ACK, 6);
    assert_int_equal(WEIR_TCP_TIME_WAIT, 7);
    assert_int_equal(WEIR_TCP_CLOSE, 8);
    assert_int_equal(WEIR_TCP_SYN_SENT2, 9);
    assert_int_equal(WEIR_TCPF_WINDOW_SCALE, 0x01);
    assert_int_equal(WEIR_TCPF_SACK_PERM, 0x02);
    assert_int_equal(WEIR_TCPF_CLOSE_INIT, 0x04);
    assert_int_equal(WEIR_TCPF_BE_LIBERAL, 0x08);
    assert_int_equal(WEIR_TCPF_DATA_UNACKNOWLEDGED, 0x10);
    assert_int_equal(WEIR_TCPF_MAXACK_SET, 0x20);
    assert_int_equal(WEIR_TCPF_CHALLENGE_EXPECTED, 0x40);
    assert_int_equal(WEIR_TCPF_SIMULTANEOUS_OPEN, 0x80);
}

static void test_every_cell(void **state)
{
    (void)state;
    for (int old = 0; old < WEIR_TCP_MAX; old++) {
        const char *at = sheet[old];

        assert_int_equal(next_word(&at), old);
        for (int dir = 0; dir < 2; dir++) {
            for (size_t i = 0; i < WEIR_ARRAY_LEN(columns); i++) {
                int expect = next_word(&at), is = tcp_next[dir][columns[i]][old];

                if (is != expect)
                    fail_msg("%.2s, %s, column %zu: %d instead of %d", sheet[old],
                             dir ? "reply" : "original", i, is, expect);
            }
            assert_int_equal(tcp_next[dir][TCP_CLASS_NONE][old], TCP_NEXT_INVALID);
        }
        assert_int_equal(*(at + strspn(at, " ")), 0);
    }
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

static void test_valid_flags(void **state)
{
    static const uint8_t valid[] = {SYN,       SYN | URG,       SYN | ACK, RST,      RST | ACK,
                                    FIN | ACK, FIN | ACK | URG, ACK,       ACK | URG};

    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        bool expect = false;

        for (size_t i = 0; i < WEIR_ARRAY_LEN(valid); i++)
            expect |= (flags & ~(unsigned)(PSH | ECE | CWR)) == valid[i];
        assert_int_equal(tcp_flags_valid((uint8_t)flags), expect);
    }
}

static void test_classes(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        enum tcp_class expect = flags & RST                      ? TCP_CLASS_RST
                                : (flags & SYN) && (flags & ACK) ? TCP_CLASS_SYNACK
                                : flags & SYN                    ? TCP_CLASS_SYN
                                : flags & FIN                    ? TCP_CLASS_FIN
                                : flags & ACK                    ? TCP_CLASS_ACK
                                                                 : TCP_CLASS_NONE;

        assert_int_equal(tcp_classify((uint8_t)flags), expect);
    }
}

static void test_timeouts(void **state)
{
    (void)state;
    assert_int_equal(tcp_timeout_of[WEIR_TCP_SYN_SENT], WEIR_T_TCP_SYN_SENT);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_SYN_RECV], WEIR_T_TCP_SYN_RECV);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_ESTABLISHED], WEIR_T_TCP_ESTABLISHED);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_FIN_WAIT], WEIR_T_TCP_FIN_WAIT);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_CLOSE_WAIT], WEIR_T_TCP_CLOSE_WAIT);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_LAST_ACK], WEIR_T_TCP_LAST_ACK);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_TIME_WAIT], WEIR_T_TCP_TIME_WAIT);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_CLOSE], WEIR_T_TCP_CLOSE);
    assert_int_equal(tcp_timeout_of[WEIR_TCP_SYN_SENT2], TIMEOUT_TCP_SYN_SENT2);
}

/* Sequence numbers wrap; half way round is "before" and "after" at once, as in Linux (notation of
 * the reference). */
static void test_sequence(void **state)
{
    (void)state;
    assert_true(seq_before(1, 2) && !seq_before(2, 1) && !seq_before(2, 2));
    assert_true(seq_after(2, 1) && !seq_after(1, 2) && !seq_after(2, 2));
    assert_true(seq_before(0xffffffff, 0) && seq_after(0, 0xffffffff));
    assert_true(seq_before(0, 0x7fffffff) && !seq_before(0, 0x80000001));
    assert_true(seq_before(0, 0x80000000) && seq_after(0, 0x80000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_every_cell),
        cmocka_unit_test(test_valid_flags), cmocka_unit_test(test_classes),
        cmocka_unit_test(test_timeouts),    cmocka_unit_test(test_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
