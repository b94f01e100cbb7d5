/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m string, u32 and bpf (iptables reference, 3.5): the boundaries are what a Linux kernel (6.18)
 * was seen to do with the same packets.
 */
#include "match_fixture.h"

#include "rules/match/bpf_run.h"

/* An IPv4 packet of protocol 253 with these bytes behind its header, which is 20 long. */
static struct build b;

static void bytes_packet(const void *bytes, size_t len)
{
    begin_packet(&b, 4, BUILD_RAW);
    b.proto = 253;
    b.data = (struct build_data){.bytes = bytes, .len = len};
    packet(&b);
}

static void text_packet(const char *text)
{
    bytes_packet(text, strlen(text));
}

/* --- string --- */

/* "abc" is at 28 to 30, "hij" at 35 to 37, where the packet ends. */
static void test_string_bounds(void **state)
{
    (void)state;
    text_packet("--------abcdefghij");
    for (unsigned to = 27; to < 34; to++) {
        char rule[96];

        for (int kmp = 0; kmp < 2; kmp++) {
            (void)snprintf(rule, sizeof(rule), "-m string --algo %s --string abc --to %u",
                           kmp ? "kmp" : "bm", to);
            assert_int_equal(ask(rule), to >= 31 ? YES : NO);
        }
        (void)snprintf(rule, sizeof(rule), "-m string --algo bm --string abc --from %u", to);
        assert_int_equal(ask(rule), to <= 28 ? YES : NO);
    }
    ASK({"-m string --algo bm --string hij --to 38", YES},
        {"-m string --algo bm --string hij --to 37", NO},
        {"-m string --algo bm --string hij --from 35", YES},
        {"-m string --algo bm --string hij --from 36", NO},
        {"-m string --algo bm --string hij --from 38", NO},
        {"-m string --algo bm --string hij --from 65535", NO},
        {"-m string --algo bm --string a --from 28 --to 29", YES},
        {"-m string --algo bm --string a --from 28 --to 28", NO},
        {"-m string --algo bm --string a --to 0", NO}, {"-m string --algo bm ! --string hij", NO},
        {"-m string --algo bm ! --string hik", YES},
        {"-m string --algo bm ! --hex-string |686a|", YES},
        {"-m string --algo bm ! --string hij --from 500", YES},
        {"-m string --algo bm --hex-string |45| --to 1", YES}, /* the header is searched */
        {"-m string --algo bm --hex-string |0a000001| --from 12", YES});

    begin_packet(&b, 6, BUILD_RAW);
    b.proto = 253;
    b.data = (struct build_data){.bytes = (const uint8_t *)"abc", .len = 3};
    packet(&b);
    ASK({"-m string --algo bm --string abc --from 40 --to 43", YES},
        {"-m string --algo bm --string abc --from 41", NO},
        {"-m string --algo bm --string abc --to 42", NO});
}

/* Only what a capture has of a packet is searched. */
static void test_string_cut(void **state)
{
    (void)state;
    text_packet("--------abcdefghij");
    b.cut = 30;
    packet(&b);
    ASK({"-m string --algo bm --string ab", YES}, {"-m string --algo bm --string abc", NO},
        {"-m string --algo bm ! --string abc", YES});
}

/* Beginnings of the pattern that lead nowhere. */
static void test_string_search(void **state)
{
    (void)state;
    text_packet("aabaabaaabaaabaab");
    ASK({"-m string --algo bm --string aabaaab", YES},
        {"-m string --algo bm --string abaabaaa", YES},
        {"-m string --algo bm --string aaabaaabaab", YES},
        {"-m string --algo bm --string aabaabaab", NO},
        {"-m string --algo bm --string aabaabaaabaaabaab", YES},
        {"-m string --algo bm --string aabaabaaabaaabaaba", NO},
        {"-m string --algo bm --string bb", NO}, {"-m string --algo bm --string aaaa", NO},
        {"-m string --algo bm --string baab --from 34", NO},
        {"-m string --algo bm --string baab --from 33", YES});
}

/* Random texts of two letters against memmem(). */
static void test_string_random(void **state)
{
    struct random random;
    unsigned found = 0;

    (void)state;
    random_init(&random, (const uint64_t[2]){7, 8});
    for (unsigned i = 0; i < 3000; i++) {
        char text[32], pattern[16], rule[96];
        uint32_t bits = random_u32(&random), len = random_u32(&random) % 28,
                 size = 1 + random_u32(&random) % 8;

        for (unsigned c = 0; c < len; c++)
            text[c] = bits >> c & 1 ? 'a' : 'b';
        bits = random_u32(&random);
        for (unsigned c = 0; c < size; c++)
            pattern[c] = bits >> c & 1 ? 'a' : 'b';
        pattern[size] = '\0';
        bytes_packet(text, len);
        (void)snprintf(rule, sizeof(rule), "-m string --algo kmp --from 20 --string %s", pattern);
        bool expected = memmem(text, len, pattern, size);

        assert_int_equal(ask(rule), expected ? YES : NO);
        found += expected;
    }
    assert_in_range(found, 500, 2500);
}

/* Which bytes are one under --icase: the letters of Latin-1, and two more that Linux takes for a
 * pair. */
static bool same_letter(unsigned a, unsigned c)
{
    unsigned low = a < c ? a : c;

    if (a == c)
        return true;
    return (a ^ c) == 0x20
               ? (low >= 'A' && low <= 'Z') || (low >= 0xc0 && low <= 0xde && low != 0xd7)
               : (a ^ c) == 0x60 && low == 0xbf && (a | c) == 0xff;
}

static void test_string_icase(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 256; pattern++) {
        char rule[96];

        (void)snprintf(rule, sizeof(rule),
                       "-m string --algo bm --icase --from 20 --hex-string |%02x|", pattern);
        for (unsigned c = 0; c < 256; c += pattern % 16 ? 16 : 1) {
            const uint8_t byte = (uint8_t)(c | pattern % 16);

            bytes_packet(&byte, 1);
            assert_int_equal(ask(rule), same_letter(pattern, byte) ? YES : NO);
        }
    }
    text_packet("GeT /InDeX");
    ASK({"-m string --algo bm --icase --string \"gEt /index\"", YES},
        {"-m string --algo bm --string \"get /index\"", NO},
        {"-m string --algo bm --icase ! --string GET", NO});
}

/* What a pattern becomes, and is saved as. */
static void test_string_pattern(void **state)
{
    static const struct {
        const char *given, *saved;
    } cases[] = {
        {"--string \"a\\\\b\"", " --string \"a\\\\b\""},
        {"--string \"a\\\\\"", " --hex-string \"|615c|\""},
        {"--hex-string \"| 00 |\"", " --hex-string \"|00|\""},
        {"--hex-string \"|41 42|c|44|\"", " --string \"ABcD\""},
        {"--hex-string \"00|\"", " --string \"00\""},
        {"--hex-string \"a\\\\|b\\\\\\\\\"", " --hex-string \"|617c625c|\""},
        {"--hex-string \"|00||01|\"", " --hex-string \"|007c3031|\""},
        {"--hex-string \"|FfaB7e20|\"", " --hex-string \"|ffab7e20|\""},
        {"--hex-string \"|7e20|\" --icase --from 3 --to 4", " --string \"~ \""},
    };

    (void)state;
    begin(4, WEIR_TABLE_FILTER, HOOK_INPUT);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256], buffer[256];
        struct text out;

        (void)snprintf(rule, sizeof(rule), "-m string --algo bm %s", cases[i].given);
        struct weir_rules *rules = read_rule(rule);

        assert_non_null(rules);
        const struct ext *x =
            rules->table[WEIR_TABLE_FILTER].builtin[HOOK_INPUT]->rules[0].matches[0];

        text_into(&out, buffer, sizeof(buffer));
        x->type->print(&out, x);
        assert_int_equal(strncmp(buffer, cases[i].saved, strlen(cases[i].saved)), 0);
        assert_string_equal(buffer + strlen(cases[i].saved),
                            strstr(cases[i].given, "--icase") ? " --algo bm --from 3 --to 4 --icase"
                                                              : " --algo bm");
        weir_rules_free(rules);
    }
}

static void test_string_refused(void **state)
{
    char rule[400], message[400], text[200];

    (void)state;
    begin(4, WEIR_TABLE_FILTER, HOOK_INPUT);
    refused("-m string --algo bm --hex-string \"|0d 0\"", 2, "Odd number of hex digits");
    refused("-m string --algo bm --hex-string \"||\"", 2, "Odd number of hex digits");
    refused("-m string --algo bm --hex-string \"|zz|\"", 2, "Invalid hex char 'z'");
    refused("-m string --algo bm --hex-string \"|0 0|\"", 2, "Invalid hex char ' '");
    refused("-m string --algo bm --hex-string \"|0|\"", 2, "Invalid hex block");
    refused("-m string --algo bm --hex-string \"|00\"", 2, "Invalid hex block");
    refused("-m string --algo bm --hex-string \"a\\\\\"", 2,
            "Bad literal placement at end of string");
    refused("-m string --algo bm --hex-string \"\"", 2, "STRING must contain at least one char");
    refused("-m string --algo bm --hex-string \"|\"", 2, "string: there is nothing to search for");
    refused("-m string --algo bm --string \"\"", 2, "string: there is nothing to search for");
    refused("-m string --algo bm", 2,
            "STRING match: You must specify `--string' or `--hex-string'");
    refused("-m string --algo fsm --string a", 2, "string: there is no algorithm \"fsm\"");
    refused("-m string --algo bm --string a --from 20 --to 10", 2,
            "string: --from 20 is behind --to 10");
    refused("-m string --algo bm --string a --to 65536", 2,
            "string: bad value for option \"--to\", or out of range (0-65535).");
    memset(text, 'Q', sizeof(text));
    text[128] = '\0';
    (void)snprintf(rule, sizeof(rule), "-m string --algo bm --string %s", text);
    struct weir_rules *rules = read_rule(rule);

    assert_non_null(rules);
    weir_rules_free(rules);
    text[128] = 'Q';
    text[129] = '\0';
    (void)snprintf(rule, sizeof(rule), "-m string --algo bm --string %s", text);
    (void)snprintf(message, sizeof(message), "STRING too long \"%s\"", text);
    refused(rule, 2, message);
}

/* --- u32 --- */

/* Bytes 1 to 10 at 20 to 29. */
static void count_packet(void)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    bytes_packet(bytes, sizeof(bytes));
}

static void test_u32_words(void **state)
{
    (void)state;
    count_packet();
    ASK({"-m u32 --u32 20=0x01020304", YES}, {"-m u32 --u32 20=0x01020305", NO},
        {"-m u32 ! --u32 20=0x01020304", NO}, {"-m u32 ! --u32 20=0", YES},
        /* The last word, and words that are not wholly there. */
        {"-m u32 --u32 26=0x0708090a", YES}, {"-m u32 --u32 27=0:0xffffffff", NO},
        {"-m u32 ! --u32 27=0:0xffffffff", YES}, {"-m u32 --u32 30=0:0xffffffff", NO},
        {"-m u32 --u32 0xffffffff=0:0xffffffff", NO},
        {"-m u32 ! --u32 0xffffffff=0:0xffffffff", YES},
        /* Values. */
        {"-m u32 --u32 20=1,2,0x01020304", YES}, {"-m u32 --u32 20=1,2,0x01020305:0x01020306", NO},
        {"-m u32 --u32 20=0x01020300:0x01020304", YES},
        {"-m u32 --u32 20=0x01020304:0x01020305", YES},
        {"-m u32 --u32 20=0x01020304:0x01020300", NO},
        /* All tests must hold, and one beyond the packet spoils it. */
        {"-m u32 --u32 \"20=0x01020304 && 24=0x05060708\"", YES},
        {"-m u32 --u32 \"20=0x01020304 && 24=0\"", NO},
        {"-m u32 ! --u32 \"20=0x01020304 && 27=0:0xffffffff\"", YES});
}

static void test_u32_operators(void **state)
{
    (void)state;
    count_packet();
    ASK({"-m u32 --u32 20&0xff00ff00=0x01000300", YES}, {"-m u32 --u32 20>>24=1", YES},
        {"-m u32 --u32 20>>0=0x01020304", YES}, {"-m u32 --u32 20>>31=0", YES},
        {"-m u32 --u32 20<<8=0x02030400", YES}, {"-m u32 --u32 20<<31=0", YES},
        {"-m u32 --u32 21<<31=0x80000000", YES}, {"-m u32 --u32 24<<27=0x40000000", YES},
        {"-m u32 --u32 20>>16&0xff=2", YES},
        /* "@" moves on by the value so far, again and again. */
        {"-m u32 --u32 0>>22&0x3c@0=0x01020304", YES}, {"-m u32 --u32 0>>22&0x3c@6>>24=7", YES},
        {"-m u32 --u32 0>>22&0x3c@7=0:0xffffffff", NO},
        {"-m u32 --u32 0>>22&0x3c@0>>24@1=0x03040506", YES},
        {"-m u32 --u32 0&0@0&0@26=0x0708090a", YES}, {"-m u32 --u32 0&0@27=0:0xffffffff", NO},
        {"-m u32 --u32 0@0=0:0xffffffff", NO}, {"-m u32 --u32 0@0xffffffff=0:0xffffffff", NO},
        {"-m u32 ! --u32 0@0=0", YES});

    begin_packet(&b, 6, BUILD_UDP);
    b.l4.udp.dport = 53;
    packet(&b);
    ASK({"-m u32 --u32 6>>24=17", YES}, {"-m u32 --u32 40&0xffff=53", YES},
        {"-m u32 --u32 44=0:0xffffffff", YES}, {"-m u32 --u32 45=0:0xffffffff", NO});
    b.cut = 46;
    packet(&b);
    ASK({"-m u32 --u32 42=0:0xffffffff", YES}, {"-m u32 --u32 43=0:0xffffffff", NO});
}

static void test_u32_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "u32: abrupt end of input after location specifier"},
        {"=", "u32: at char 0: location spec missing"},
        {"0=", "u32: test ended with no value specified"},
        {"0=1&&", "u32: abrupt end of input after location specifier"},
        {"0=1&", "u32: at char 4: a second '&' was expected"},
        {"0>5=1", "u32: at char 2: a second '>' was expected"},
        {"0<5=1", "u32: at char 2: a second '<' was expected"},
        {"0x=1", "u32: at char 1: operator expected"},
        {"0=1 2", "u32: at char 4: expected \",\" or \"&&\""},
        {"0=1:2:3", "u32: at char 5: expected \",\" or \"&&\""},
        {"0=1,,2", "u32: at char 4: not a number or out of range"},
        {"4294967296=1", "u32: at char 0: not a number or out of range"},
        {"0=99999999999999999999999", "u32: at char 2: not a number or out of range"},
        {"0>>32=1", "u32: at char 5: shift is too far"},
        {"0<<4294967295=1", "u32: at char 13: shift is too far"},
        {"0&1&1&1&1&1&1&1&1&1&1=0", "u32: at char 21: too many operators"},
        {"0=1,1,1,1,1,1,1,1,1,1,1", "u32: at char 23: too many \",\"s"},
        {"0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0&&0=0",
         "u32: at char 53: too many \"&&\"s"},
    };

    (void)state;
    count_packet();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[128];

        (void)snprintf(rule, sizeof(rule), "-m u32 --u32 \"%s\"", cases[i][0]);
        refused(rule, 2, cases[i][1]);
    }
}

/* --- bpf --- */

enum {
    RET_K = 0x06,
    RET_A = 0x16,
    LD_IMM = 0x00,
    LD_W = 0x20,
    LD_H = 0x28,
    LD_B = 0x30,
    LD_IND = 0x40,
    LD_MEM = 0x60,
    LD_LEN = 0x80,
    LDX_IMM = 0x01,
    LDX_MEM = 0x61,
    LDX_LEN = 0x81,
    LDX_MSH = 0xb1,
    ST = 0x02,
    STX = 0x03,
    TAX = 0x07,
    TXA = 0x87,
    JA = 0x05,
    JEQ = 0x15,
    JGT = 0x25,
    JGE = 0x35,
    JSET = 0x45,
    X = 0x08,
    ADD = 0x04,
    SUB = 0x14,
    MUL = 0x24,
    DIV = 0x34,
    OR = 0x44,
    AND = 0x54,
    LSH = 0x64,
    RSH = 0x74,
    NEG = 0x84,
    MOD = 0x94,
    XOR = 0xa4
};

#define FACT(n) (0xfffff000u + (n))
#define NET(n)  (0xfff00000u + (n))
#define LINK(n) (0xffe00000u + (n))

#define PROGRAM(...)                          \
    ((const struct bpf_insn[]){__VA_ARGS__}), \
        sizeof((const struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn)

/* What the program returns for the last packet. */
static uint32_t result(const struct bpf_insn *program, size_t n)
{
    unsigned at = 0;
    const char *wrong = bpf_check(program, (unsigned)n, &at);

    if (wrong)
        fail_msg("instruction %u: %s", at, wrong);
    return bpf_run(program, &w.eval);
}

/* A after an operation on a and k, and the same with k in X. */
static uint32_t compute(uint16_t op, uint32_t a, uint32_t k)
{
    const struct bpf_insn with_x[] = {
        {LDX_IMM, 0, 0, k}, {LD_IMM, 0, 0, a}, {(uint16_t)(op | X), 0, 0, 0}, {RET_A}};
    const struct bpf_insn with_k[] = {{LD_IMM, 0, 0, a}, {op, 0, 0, k}, {RET_A}};
    uint32_t n = result(with_x, 4);
    unsigned at;

    if (!bpf_check(with_k, 3, &at))
        assert_int_equal(bpf_run(with_k, &w.eval), n);
    return n;
}

static void test_bpf_compute(void **state)
{
    (void)state;
    count_packet();
    assert_int_equal(compute(ADD, 0xffffffff, 2), 1);
    assert_int_equal(compute(SUB, 1, 2), 0xffffffff);
    assert_int_equal(compute(MUL, 0xffffffff, 3), 0xfffffffd);
    assert_int_equal(compute(DIV, 0xffffffff, 2), 0x7fffffff);
    assert_int_equal(compute(MOD, 7, 4), 3);
    assert_int_equal(compute(OR, 0xf0, 0x0f), 0xff);
    assert_int_equal(compute(AND, 0xf1, 0x0f), 1);
    assert_int_equal(compute(XOR, 0xf0f0, 0xff), 0xf00f);
    assert_int_equal(compute(LSH, 0x80000001, 31), 0x80000000);
    assert_int_equal(compute(RSH, 0x80000001, 31), 1);
    assert_int_equal(compute(LSH, 0x80000001, 33), 2); /* of X, the lowest five bits */
    assert_int_equal(compute(RSH, 0x80000001, 32), 0x80000001);
    assert_int_equal(result(PROGRAM({LD_IMM, 0, 0, 5}, {NEG}, {RET_A})), 0xfffffffb);
    /* Division by zero ends the program. */
    assert_int_equal(result(PROGRAM({LD_IMM, 0, 0, 7}, {LDX_IMM}, {DIV | X}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_IMM, 0, 0, 7}, {LDX_IMM}, {MOD | X}, {RET_K, 0, 0, 1})), 0);
}

static void test_bpf_load(void **state)
{
    (void)state;
    count_packet();
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, 26}, {RET_A})), 0x0708090a);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, 27}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_H, 0, 0, 28}, {RET_A})), 0x090a);
    assert_int_equal(result(PROGRAM({LD_H, 0, 0, 29}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_B, 0, 0, 29}, {RET_A})), 10);
    assert_int_equal(result(PROGRAM({LD_B, 0, 0, 30}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LDX_IMM, 0, 0, 20}, {LD_IND, 0, 0, 1}, {RET_A})), 0x02030405);
    assert_int_equal(result(PROGRAM({LDX_IMM, 0, 0, UINT32_MAX}, {LD_IND, 0, 0, 27}, {RET_A})),
                     0x0708090a); /* offsets wrap around */
    assert_int_equal(
        result(PROGRAM({LDX_IMM, 0, 0, UINT32_MAX}, {LD_IND, 0, 0, 28}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(
        result(PROGRAM({LDX_IMM, 0, 0, 0x80000000}, {LD_IND, 0, 0, 0}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_LEN}, {RET_A})), 30);
    assert_int_equal(result(PROGRAM({LDX_LEN}, {TXA}, {RET_A})), 30);
    assert_int_equal(result(PROGRAM({LDX_MSH, 0, 0, 0}, {TXA}, {RET_A})), 20);
    assert_int_equal(result(PROGRAM({LDX_MSH, 0, 0, 30}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, NET(26)}, {RET_A})), 0x0708090a);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, NET(27)}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LDX_IMM, 0, 0, 20}, {LD_IND, 0, 0, NET(0)}, {RET_A})),
                     0x01020304);
}

static void test_bpf_facts(void **state)
{
    static const uint8_t link[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 0};

    (void)state;
    count_packet();
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(0)}, {RET_A})), 0x0800);
    assert_int_equal(result(PROGRAM({LD_B, 0, 0, LINK(0)}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(8)}, {RET_K, 0, 0, 1})), 0);
    w.raw.link = link;
    w.raw.link_len = sizeof(link);
    w.raw.link_type = 1;
    w.raw.mark = 77;
    w.raw.pkt_type = WEIR_PKT_MULTICAST;
    w.eval.in_iface = 3;
    w.eval.out_iface = 4;
    assert_int_equal(result(PROGRAM({LD_H, 0, 0, LINK(12)}, {RET_A})), 0x0800);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, LINK(12)}, {RET_A})), 0x08004500);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, LINK(40)}, {RET_A})), 0x0708090a);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, LINK(41)}, {RET_K, 0, 0, 1})), 0);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(4)}, {RET_A})), 2);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(8)}, {RET_A})), 3);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(20)}, {RET_A})), 77);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(28)}, {RET_A})), 1);
    assert_int_equal(
        result(PROGRAM({LD_IMM, 0, 0, 6}, {LDX_IMM, 0, 0, 3}, {LD_W, 0, 0, FACT(40)}, {RET_A})), 5);
    w.eval.hook = HOOK_POSTROUTING;
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(8)}, {RET_A})), 4);

    random_init(&w.track.random, (const uint64_t[2]){1, 2});
    uint32_t random = result(PROGRAM({LD_W, 0, 0, FACT(56)}, {RET_A}));

    assert_int_not_equal(result(PROGRAM({LD_W, 0, 0, FACT(56)}, {RET_A})), random);
    begin_packet(&b, 6, BUILD_UDP);
    packet(&b);
    assert_int_equal(result(PROGRAM({LD_W, 0, 0, FACT(0)}, {RET_A})), 0x86dd);
}

/* Does the jump go the first way, with k and with X? */
static bool jumps(uint16_t op, uint32_t a, uint32_t k)
{
    const struct bpf_insn program[] = {{LD_IMM, 0, 0, a}, {LDX_IMM, 0, 0, k},
                                       {op, 2, 0, k},     {RET_K, 0, 0, 0},
                                       {RET_K, 0, 0, 9},  {(uint16_t)(op | X), 1, 0, 0},
                                       {RET_K, 0, 0, 9},  {RET_K, 0, 0, 1}};
    uint32_t n = result(program, WEIR_ARRAY_LEN(program));

    assert_in_range(n, 0, 1);
    return n;
}

static void test_bpf_jump(void **state)
{
    (void)state;
    count_packet();
    assert_true(jumps(JEQ, 5, 5) && !jumps(JEQ, 5, 6));
    assert_true(jumps(JGT, 6, 5) && !jumps(JGT, 5, 5) && jumps(JGT, 0x80000000, 1));
    assert_true(jumps(JGE, 5, 5) && !jumps(JGE, 4, 5));
    assert_true(jumps(JSET, 6, 2) && !jumps(JSET, 6, 9));
    assert_int_equal(result(PROGRAM({JA, 0, 0, 1}, {RET_K, 0, 0, 1}, {RET_K, 0, 0, 2})), 2);
    assert_int_equal(result(PROGRAM({JA, 0, 0, 0}, {RET_K, 0, 0, 1})), 1);
    assert_int_equal(result(PROGRAM({LD_IMM, 0, 0, 5}, {ST, 0, 0, 15}, {LD_IMM, 0, 0, 0},
                                    {LD_MEM, 0, 0, 15}, {RET_A})),
                     5);
    assert_int_equal(result(PROGRAM({LDX_IMM, 0, 0, 9}, {STX, 0, 0, 2}, {LDX_IMM, 0, 0, 0},
                                    {LDX_MEM, 0, 0, 2}, {TXA}, {RET_A})),
                     9);
    assert_int_equal(result(PROGRAM({LD_IMM, 0, 0, 7}, {TAX}, {LD_IMM, 0, 0, 0}, {TXA}, {RET_A})),
                     7);
}

/* The first wrong instruction is `at`. */
static void wrong_at(unsigned at, const struct bpf_insn *program, size_t n)
{
    unsigned found = 0;

    assert_non_null(bpf_check(program, (unsigned)n, &found));
    assert_int_equal(found, at);
}

static void test_bpf_check(void **state)
{
    static const uint8_t good[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x0c, 0x14, 0x16,
                                   0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x3c, 0x40, 0x44,
                                   0x48, 0x4c, 0x50, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74,
                                   0x7c, 0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa4, 0xac, 0xb1,
                                   0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d};
    unsigned at;

    (void)state;
    for (uint32_t code = 0; code < 65536; code++) {
        const struct bpf_insn program[] = {
            {ST, 0, 0, 1}, {(uint16_t)code, 0, 0, 1}, {RET_K}, {RET_K}};
        bool expected = code < 256 && memchr(good, (int)code, sizeof(good));

        if ((bpf_check(program, 4, &at) == NULL) != expected)
            fail_msg("instruction 0x%x", code);
    }
    wrong_at(0, PROGRAM({LD_IMM}));
    wrong_at(1, PROGRAM({RET_K}, {LD_IMM}));
    wrong_at(0, PROGRAM({JA, 0, 0, 1}, {RET_K}));
    wrong_at(0, PROGRAM({JA, 0, 0, UINT32_MAX}, {RET_K}));
    wrong_at(0, PROGRAM({JEQ, 1, 0, 0}, {RET_K}));
    wrong_at(0, PROGRAM({JEQ, 0, 255, 0}, {RET_K}));
    wrong_at(0, PROGRAM({DIV}, {RET_K}));
    wrong_at(0, PROGRAM({MOD}, {RET_K}));
    wrong_at(0, PROGRAM({LSH, 0, 0, 32}, {RET_K}));
    wrong_at(0, PROGRAM({RSH, 0, 0, 32}, {RET_K}));
    wrong_at(0, PROGRAM({ST, 0, 0, 16}, {RET_K}));
    wrong_at(0, PROGRAM({LD_MEM, 0, 0, 0}, {RET_K}));
    wrong_at(1, PROGRAM({ST, 0, 0, 1}, {LDX_MEM, 0, 0, 2}, {RET_K}));
    wrong_at(2, PROGRAM({JEQ, 0, 1, 0}, {ST, 0, 0, 3}, {LD_MEM, 0, 0, 3}, {RET_K}));
    wrong_at(1, PROGRAM({JEQ, 0, 1, 0}, {LD_MEM, 0, 0, 3}, {RET_K}));
    wrong_at(1, PROGRAM({JEQ, 1, 0, 0}, {LD_MEM, 0, 0, 3}, {RET_K}));
    wrong_at(1, PROGRAM({RET_K}, {LD_MEM, 0, 0, 3}, {RET_K}));
    wrong_at(0, PROGRAM({LD_W, 0, 0, FACT(2)}, {RET_K}));
    wrong_at(0, PROGRAM({LD_W, 0, 0, FACT(36)}, {RET_K}));
    wrong_at(0, PROGRAM({LD_W, 0, 0, UINT32_MAX}, {RET_K}));
    assert_null(bpf_check(PROGRAM({JEQ, 0, 2, 0}, {ST, 0, 0, 3}, {JA, 0, 0, 1}, {ST, 0, 0, 3},
                                  {LD_MEM, 0, 0, 3}, {RET_K}),
                          &at));
}

/* Any program that is let through ends, and reads nothing that is not there (a sanitizer sees). */
static void test_bpf_random(void **state)
{
    static const uint16_t codes[] = {LD_IMM,  LD_W,    LD_H,    LD_B, LD_IND, LD_MEM,  LD_LEN,
                                     LDX_IMM, LDX_MEM, LDX_MSH, ST,   STX,    TAX,     TXA,
                                     JA,      JEQ,     JGT | X, JSET, ADD,    SUB | X, MUL,
                                     DIV | X, LSH | X, RSH,     NEG,  RET_A,  RET_K};
    struct random random;
    unsigned good = 0;

    (void)state;
    random_init(&random, (const uint64_t[2]){9, 10});
    count_packet();
    for (unsigned i = 0; i < 200000; i++) {
        struct bpf_insn program[8];
        uint32_t n = 1 + random_u32(&random) % 8;
        unsigned at;

        for (uint32_t k = 0; k < n; k++) {
            uint32_t bits = random_u32(&random), wide = random_u32(&random);

            program[k] =
                (struct bpf_insn){.code = codes[random_u32(&random) % WEIR_ARRAY_LEN(codes)],
                                  .jt = bits & 3,
                                  .jf = bits >> 2 & 3,
                                  .k = bits >> 4 & 3   ? (bits >> 6) % 33
                                       : bits >> 8 & 1 ? wide
                                                       : NET(wide % 40)};
        }
        program[n - 1].code = RET_A;
        if (!bpf_check(program, n, &at)) {
            (void)bpf_run(program, &w.eval);
            good++;
        }
    }
    assert_true(good > 10000);
}

static void test_bpf_rule(void **state)
{
    (void)state;
    begin_packet(&b, 4, BUILD_TCP);
    packet(&b);
    ASK({"-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\"", YES},
        {"-m bpf --bytecode \"4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0\"", NO},
        {"-m bpf --bytecode \" 1, 6  0 0 4294967295 ,\"", YES});
    refused("-m bpf --bytecode 0", 2, "bpf: error parsing program length");
    refused("-m bpf --bytecode \"0,\"", 2, "bpf: error parsing program length");
    refused("-m bpf --bytecode \"1;6 0 0 1\"", 2, "bpf: error parsing program length");
    refused("-m bpf --bytecode \"65,6 0 0 1\"", 2, "bpf: number of instructions exceeds maximum");
    refused("-m bpf --bytecode \"1,6 0 0\"", 2, "bpf: error at instr 0");
    refused("-m bpf --bytecode \"2,6 0 0 1,6 0 256 0\"", 2, "bpf: error at instr 1");
    refused("-m bpf --bytecode \"1,65536 0 0 0\"", 2, "bpf: error at instr 0");
    refused("-m bpf --bytecode \"1,6 0 0 99999999999999999999\"", 2, "bpf: error at instr 0");
    refused("-m bpf --bytecode \"1,6 0 0 1 5\"", 2, "bpf: error at instr 0");
    refused("-m bpf --bytecode \"2,6 0 0 1\"", 2,
            "bpf: parsed program length is less than the encoded length parameter");
    refused("-m bpf --bytecode \"1,6 0 0 1,6 0 0 1\"", 2,
            "bpf: real program length exceeds the encoded length parameter");
    refused("-m bpf --bytecode \"2,5 0 0 1,6 0 0 1\"", 2,
            "bpf: instruction 0: it jumps out of the program");
    refused("-m bpf --object-pinned /sys/fs/bpf/x", 2, "bpf: failed to get bpf object");
    assert_non_null(strstr(w.error.hint, "--bytecode"));
    refused("-m bpf", 2, "bpf: one of --bytecode or --pinned is required");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MATCH_TEST(test_string_bounds),  MATCH_TEST(test_string_cut),
        MATCH_TEST(test_string_search),  MATCH_TEST(test_string_random),
        MATCH_TEST(test_string_icase),   MATCH_TEST(test_string_pattern),
        MATCH_TEST(test_string_refused), MATCH_TEST(test_u32_words),
        MATCH_TEST(test_u32_operators),  MATCH_TEST(test_u32_refused),
        MATCH_TEST(test_bpf_compute),    MATCH_TEST(test_bpf_load),
        MATCH_TEST(test_bpf_facts),      MATCH_TEST(test_bpf_jump),
        MATCH_TEST(test_bpf_check),      MATCH_TEST(test_bpf_random),
        MATCH_TEST(test_bpf_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
