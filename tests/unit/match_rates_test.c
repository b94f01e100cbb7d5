/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m limit, hashlimit, statistic and quota. Numbers of packets are what a Linux kernel (6.18, 250
 * Hz) was seen to give.
 */
#include "match_state_fixture.h"

#include "rules/match/hashlimit_table.h"

/* --- limit --- */

static void test_limit(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m limit --limit 10/sec --limit-burst 3");
    assert_int_equal(ask_times(0, 5), 3);
    pass(24);
    assert_int_equal(ask_times(0, 1), 0);
    pass(1);
    assert_int_equal(ask_times(0, 2), 1);
    pass(62); /* two tokens and a half: the half counts later */
    assert_int_equal(ask_times(0, 3), 2);
    pass(13);
    assert_int_equal(ask_times(0, 3), 1);
    pass(3600 * 24 * 365 * (int64_t)SECOND);
    assert_int_equal(ask_times(0, 5), 3);
}

/* A rule that says nothing has 3/hour and a burst of 5. */
static void test_limit_defaults(void **state)
{
    (void)state;
    lab_begin(6);
    RULES("-m limit", "-m limit");
    assert_string_equal(saved(0), "-m limit --limit 3/hour");
    assert_int_equal(ask_times(0, 9), 5);
    pass(20 * 60 * SECOND - 1);
    assert_int_equal(ask(0), NO);
    pass(1);
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(0), NO);
    assert_int_equal(ask_times(1, 9), 5); /* each rule has its own bucket */
    RULES("-m limit", "-m limit");
    assert_int_equal(ask_times(0, 9), 5); /* and a new ruleset full ones */
}

/* Costs are rounded down, and the size of a bucket wraps around at 32 bits. */
static void test_limit_arithmetic(void **state)
{
    static const struct {
        const char *rule;
        unsigned burst;
        int64_t ticks; /* until there is one more, with what is left of the burst */
    } cases[] = {
        {"-m limit --limit 3/sec --limit-burst 1", 1, 84},
        {"-m limit --limit 7/sec --limit-burst 2", 2, 36},
        {"-m limit --limit 10000/sec --limit-burst 1000", 1066, 1},
        {"-m limit --limit 1/hour --limit-burst 37", 37, 3600 * SECOND},
        {"-m limit --limit 1/hour --limit-burst 119", 7, 763296},
        {"-m limit --limit 1/hour --limit-burst 1000", 8, 647932},
        {"-m limit --limit 1/min --limit-burst 10000", 604, 3682},
        {"-m limit --limit 1/day --limit-burst 6", 1, 20974250},
        {"-m limit --limit 11/hour --limit-burst 1312", 81, 21546},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        lab_begin(4);
        assert_true(run_rules(read_rules(&cases[i].rule, 1)));
        assert_int_equal(ask_times(0, 2000), cases[i].burst);
        pass(cases[i].ticks - 1);
        if (cases[i].ticks > 1)
            assert_int_equal(ask(0), NO);
        pass(1);
        assert_int_equal(ask(0), YES);
        assert_true(run_rules(NULL));
    }
}

static void test_limit_refused(void **state)
{
    (void)state;
    lab_begin(4);
    refused("-m limit --limit 0/sec", 2, "bad rate \"0/sec\"'");
    refused("-m limit --limit 5/", 2, "bad rate \"5/\"'");
    refused("-m limit --limit /s", 2, "bad rate \"/s\"'");
    refused("-m limit --limit 5/s/m", 2, "bad rate \"5/s/m\"'");
    refused("-m limit --limit 5/Hours", 2, "bad rate \"5/Hours\"'");
    refused("-m limit --limit -5/s", 2, "bad rate \"-5/s\"'");
    refused("-m limit --limit 10001", 2, "Rate too fast \"10001\"");
    refused("-m limit --limit 600001/min", 2, "Rate too fast \"600001/min\"");
    refused("-m limit --limit 99999999999999999999999/day", 2,
            "Rate too fast \"99999999999999999999999/day\"");
    refused("-m limit --limit-burst 10001", 2,
            "limit: bad value for option \"--limit-burst\", or out of range (0-10000).");
    refused("-m limit --limit-burst 0", 2, "Numerical result out of range");
    refused("-m limit --limit 1/day --limit-burst 5", 2, "Numerical result out of range");
    refused("-m limit --limit 1/hour --limit-burst 38", 2, "Numerical result out of range");
}

/* --- hashlimit --- */

/* Nobody is forgotten. */
#define FOREVER " --hashlimit-htable-expire 1000000 --hashlimit-htable-gcinterval 1000000"

static void test_hashlimit_packets(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 3 --hashlimit-mode srcip "
          "--hashlimit-name upto" FOREVER,
          "-m hashlimit --hashlimit-above 10/sec --hashlimit-burst 3 --hashlimit-mode srcip "
          "--hashlimit-name above" FOREVER);
    assert_int_equal(ask_times(0, 5), 3);
    next_from('C');
    assert_int_equal(ask_times(0, 5), 3);
    next_from('A');
    pass(24);
    assert_int_equal(ask(0), NO);
    pass(1);
    assert_int_equal(ask_times(0, 2), 1);
    pass(50);
    assert_int_equal(ask_times(0, 4), 2);

    assert_int_equal(ask_times(1, 3), 0);
    assert_int_equal(ask_times(1, 4), 4);
    pass(25);
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(1), YES);
    pass(INT64_C(1) << 40); /* credit does not run over */
    assert_int_equal(ask_times(0, 5), 3);
}

/* The credit of a full bucket wraps around at 64 bits. */
static void test_hashlimit_arithmetic(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 300000/sec --hashlimit-name a" FOREVER,
          "-m hashlimit --hashlimit-upto 7/day --hashlimit-burst 10 --hashlimit-name b" FOREVER,
          "-m hashlimit --hashlimit-upto 7/day --hashlimit-burst 12 --hashlimit-name c" FOREVER);
    assert_int_equal(ask_times(0, 9), 5);
    pass(1);
    assert_int_equal(ask_times(0, 9), 5);
    assert_int_equal(ask_times(1, 20), 10);
    assert_int_equal(ask_times(2, 20), 1);
    refused("-m hashlimit --hashlimit-upto 7/day --hashlimit-burst 11 --hashlimit-name d", 2,
            "Numerical result out of range");
    refused("-m hashlimit --hashlimit-upto 1/day --hashlimit-name d", 2,
            "Numerical result out of range");
}

/* Four refills for 4kb at 1kb/s, and no more of them afterwards. */
static void test_hashlimit_bytes(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 1kb/s --hashlimit-burst 4kb --hashlimit-name a" FOREVER,
          "-m hashlimit --hashlimit-above 1kb/s --hashlimit-name b" FOREVER,
          "-m hashlimit --hashlimit-upto 16b/s --hashlimit-name c" FOREVER,
          "-m hashlimit --hashlimit-upto 32b/s --hashlimit-burst 64b --hashlimit-name d" FOREVER);
    next_length(500);
    assert_int_equal(ask_times(0, 12), 10);
    pass(31);
    assert_int_equal(ask_times(0, 2), 0);
    pass(300);
    assert_int_equal(ask_times(0, 4), 2);
    pass(750);
    assert_int_equal(ask_times(0, 3), 2);

    assert_int_equal(ask_times(1, 2), 0);
    assert_int_equal(ask_times(1, 4), 4);

    /* A packet that is larger than the rate costs a second's worth. */
    assert_int_equal(ask_times(2, 3), 1);
    pass(249);
    assert_int_equal(ask(2), NO);
    pass(1);
    assert_int_equal(ask_times(2, 3), 1);
    assert_int_equal(ask_times(3, 9), 3);
}

/* One chunk more than there are 16 bytes in the packet: 65 fill a second at 1kb/s. */
static void test_hashlimit_chunks(void **state)
{
    static const struct {
        size_t len;
        unsigned packets;
    } cases[] = {{31, 32}, {32, 21}, {47, 21}, {48, 16}, {500, 2}, {1023, 1}, {1024, 1}, {9000, 1}};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        lab_begin(4);
        RULES("-m hashlimit --hashlimit-upto 1kb/s --hashlimit-name a" FOREVER);
        next_length(cases[i].len);
        assert_int_equal(ask_times(0, 99), cases[i].packets);
        assert_true(run_rules(NULL));
    }
}

/* --hashlimit-rate-match: what an interval had decides about the next. */
static void test_hashlimit_window(void **state)
{
    static const struct {
        const char *rule;
        struct {
            int64_t wait;
            unsigned packets, under;
        } steps[4];
    } cases[] = {
        {"5/sec", {{0, 20, 10}}},
        {"5/sec", {{0, 5, 5}, {275, 3, 3}}},
        {"5/sec", {{0, 6, 6}, {275, 3, 0}, {275, 3, 3}}},
        {"5/sec", {{0, 5, 5}, {250, 3, 3}, {124, 3, 3}, {125, 9, 4}}},
        {"5/sec", {{0, 6, 6}, {300, 3, 3}}},
        {"5/sec --hashlimit-burst 1", {{0, 20, 6}, {13, 3, 0}}},
        {"3/sec --hashlimit-burst 8 --hashlimit-rate-interval 2", {{0, 3, 3}, {525, 20, 11}}},
        {"1kb/s", {{0, 50, 10}}},
        {"1kb/s --hashlimit-burst 3kb", {{0, 50, 30}}},
        {"1kb/s --hashlimit-rate-interval 3", {{0, 5, 5}, {275, 20, 5}}},
        {"100b/s", {{0, 5, 0}}},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule),
                       "-m hashlimit --hashlimit-rate-match --hashlimit-name a" FOREVER
                       " --hashlimit-upto %s",
                       cases[i].rule);
        lab_begin(4);
        next_length(100);
        assert_true(run_rules(read_rules(rules, 1)));
        for (size_t s = 0; s < WEIR_ARRAY_LEN(cases[i].steps); s++) {
            pass(cases[i].steps[s].wait);
            assert_int_equal(ask_times(0, cases[i].steps[s].packets), cases[i].steps[s].under);
        }
        assert_true(run_rules(NULL));
    }
}

/* --- hashlimit: keys --- */

/* Rules of a burst of one, so that only the first packet of a key matches. */
#define KEY(mode) "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1" FOREVER mode

static bool new_key(unsigned rule)
{
    return ask(rule) == YES;
}

static void test_hashlimit_modes(void **state)
{
    (void)state;
    lab_begin(4);
    RULES(KEY(" --hashlimit-name a"), KEY(" --hashlimit-name b --hashlimit-mode srcip"),
          KEY(" --hashlimit-name c --hashlimit-mode dstip"),
          KEY(" --hashlimit-name d --hashlimit-mode srcport"),
          KEY(" --hashlimit-name e --hashlimit-mode dstport"),
          KEY(" --hashlimit-name f --hashlimit-mode srcip,dstip,srcport,dstport"));
    for (unsigned i = 0; i < 6; i++)
        assert_true(new_key(i));
    lab.next.src = host(4, 'C');
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(new_key(i), i == 1 || i == 5);
    lab.next.dst = host(4, 'D');
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(new_key(i), i == 2 || i == 5);
    lab.next.l4.udp.sport++;
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(new_key(i), i == 3 || i == 5);
    lab.next.l4.udp.dport++;
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(new_key(i), i == 4 || i == 5);
}

static void test_hashlimit_masks(void **state)
{
    (void)state;
    lab_begin(4);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip --hashlimit-srcmask 9"),
          KEY(" --hashlimit-name b --hashlimit-mode srcip --hashlimit-srcmask 0"),
          KEY(" --hashlimit-name c --hashlimit-mode srcip --hashlimit-srcmask 255.255.255.0"));
    assert_string_equal(saved(2), "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 "
                                  "--hashlimit-mode srcip --hashlimit-name c "
                                  "--hashlimit-htable-gcinterval 1000000 "
                                  "--hashlimit-htable-expire 1000000 --hashlimit-srcmask 24");
    for (unsigned i = 0; i < 3; i++)
        assert_true(new_key(i));
    lab.next.src = (struct build_addr){{10, 127, 3, 4}};
    assert_false(new_key(0));
    assert_false(new_key(1));
    assert_true(new_key(2));
    lab.next.src = (struct build_addr){{10, 128, 3, 4}};
    assert_true(new_key(0));
    assert_false(new_key(1));

    use_family(6);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip,dstip --hashlimit-srcmask 70 "
              "--hashlimit-dstmask ffff::"));
    assert_true(new_key(0));
    lab.next.src.b[9] ^= 0x03;
    lab.next.dst.b[2] ^= 0xff;
    assert_false(new_key(0));
    lab.next.src.b[8] ^= 0x04;
    assert_true(new_key(0));
    lab.next.dst.b[1] ^= 0x01;
    assert_true(new_key(0));
}

/* Which protocols have ports, and what comes of a packet that should have them and has not. */
static void test_hashlimit_ports(void **state)
{
    static const struct {
        uint8_t proto;
        unsigned at; /* of the source port; 0xff: it has none */
    } protos[] = {{6, 0},  {17, 0}, {33, 0},  {132, 0},  {136, 0},
                  {50, 0}, {51, 4}, {1, 255}, {47, 255}, {253, 255}};
    static uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(protos); i++) {
        unsigned at = protos[i].at, need = at == 255 ? 0 : at + 4;

        lab_begin(4);
        RULES(KEY(" --hashlimit-name a --hashlimit-mode srcport"));
        packet_init(&lab.next, 4, BUILD_RAW, 'A', 'B');
        lab.next.proto = protos[i].proto;
        memset(bytes, 0, sizeof(bytes));
        lab.next.data = (struct build_data){.bytes = bytes, .len = need};
        assert_int_equal(ask(0), YES);
        for (unsigned b = 0; b < sizeof(bytes); b++) {
            lab.next.data.len = sizeof(bytes);
            bytes[b] = 1;
            assert_int_equal(ask(0), at != 255 && (b == at || b == at + 1) ? YES : NO);
            bytes[b] = 0;
        }
        if (need) {
            lab.next.data.len = need - 1;
            assert_int_equal(ask(0), DROPPED);
            lab.next.data.len = need;
            lab.next.cut = (int)(20 + need - 1); /* by a capture: nobody's fault */
            assert_int_equal(ask(0), NO);
        }
        assert_true(run_rules(NULL));
    }
}

/* Of an IPv4 fragment that is not the first, what is where the ports would be; of an IPv6 one,
 * zero. */
static void test_hashlimit_fragments(void **state)
{
    static const uint8_t data[32] = {[0] = 9, [16] = 7};

    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        lab_begin(family);
        RULES(KEY(" --hashlimit-name a --hashlimit-mode srcport"));
        packet_init(&lab.next, family, BUILD_RAW, 'A', 'B');
        lab.next.proto = 17;
        lab.next.data = (struct build_data){.bytes = data, .len = sizeof(data)};
        lab.next.piece = (struct build_piece){.on = true, .off = 0, .len = 16, .more = BUILD_AUTO};
        assert_true(new_key(0));
        lab.next.piece = (struct build_piece){.on = true, .off = 16, .len = 8, .more = BUILD_AUTO};
        assert_true(new_key(0));
        lab.next.piece = (struct build_piece){.on = true, .off = 24, .len = 8, .more = BUILD_AUTO};
        assert_int_equal(new_key(0), family == 4);
        assert_true(run_rules(NULL));
    }
    lab_begin(6);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcport"),
          KEY(" --hashlimit-name b --hashlimit-mode srcip"));
    packet_init(&lab.next, 6, BUILD_RAW, 'A', 'B');
    lab.next.proto = 59;
    assert_int_equal(ask(0), DROPPED);
    assert_int_equal(ask(1), YES);
    lab.next.proto = 0; /* hop-by-hop options of which there is one byte */
    lab.next.data.len = 1;
    assert_int_equal(ask(0), DROPPED);
}

/* --- hashlimit: tables --- */

static void from_number(uint32_t n)
{
    lab.next.src = (struct build_addr){{10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* How many of `n` sources there is room for; then, that those that have one keep it. */
static uint32_t room_for(uint32_t n)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < n; i++) {
        from_number(i);
        room += ask(0) == YES;
    }
    from_number(n - 1);
    assert_int_equal(ask(0), room == n ? NO : DROPPED);
    from_number(0);
    assert_int_equal(ask(0), NO);
    return room;
}

static void test_hashlimit_full(void **state)
{
    static const struct {
        const char *size;
        uint32_t sources, room;
    } cases[] = {
        {"", 65536 + 100, 65536},
        {"--hashlimit-htable-size 2000 --hashlimit-htable-max 1000", 3000, 2000},
        {"--hashlimit-htable-size 20 --hashlimit-htable-max 100", 3000, 100},
        {"--hashlimit-htable-size 100", 3000, 800},
        {"--hashlimit-htable-max 100", 9000, 8192},
        {"--hashlimit-htable-size 1", 50, 8},
        {"--hashlimit-htable-size 1 --hashlimit-htable-max 1", 5, 1},
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule), KEY(" --hashlimit-mode srcip --hashlimit-name a %s"),
                       cases[i].size);
        lab_begin(4);
        assert_true(run_rules(read_rules(rules, 1)));
        assert_int_equal(room_for(cases[i].sources), cases[i].room);
        assert_true(run_rules(NULL));
    }
}

/* A bucket that expired goes on if no sweep came between, and starts anew behind one. */
static void test_hashlimit_expire(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-name a "
          "--hashlimit-htable-expire 400 --hashlimit-htable-gcinterval 2000");
    pass(100); /* sweeps are at ticks 500, 1000... of the table */
    assert_int_equal(ask_times(0, 9), 2);
    pass(399);
    assert_int_equal(ask_times(0, 9), 0);
    pass(1); /* 500: it has not expired */
    assert_int_equal(ask_times(0, 9), 0);
    pass(400); /* 900: expired, not swept */
    assert_int_equal(ask_times(0, 9), 0);
    pass(99);
    assert_int_equal(ask_times(0, 9), 0);
    pass(101); /* 1100: at 1000 it was used a moment ago */
    assert_int_equal(ask_times(0, 9), 0);
    pass(399);
    pass(1); /* 1500: the sweep takes it */
    assert_int_equal(ask_times(0, 9), 2);
    pass(100000);
    assert_int_equal(ask_times(0, 9), 2);
}

/* Milliseconds are rounded up to ticks. */
static void test_hashlimit_expire_ticks(void **state)
{
    static const struct {
        const char *ms;
        int64_t ticks;
    } cases[] = {{"1", 1}, {"4", 1}, {"5", 2}, {"400", 100}, {"401", 101}};

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule),
                       "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-name "
                       "a --hashlimit-htable-gcinterval 1 --hashlimit-htable-expire %s",
                       cases[i].ms);
        lab_begin(4);
        assert_true(run_rules(read_rules(rules, 1)));
        assert_int_equal(ask(0), YES);
        pass(cases[i].ticks - 1);
        assert_int_equal(ask(0), NO);
        pass(cases[i].ticks);
        assert_int_equal(ask(0), YES);
        assert_true(run_rules(NULL));
    }
}

/* Swept buckets make room, oldest first, one for each new key; the others stay. */
static void test_hashlimit_reuse(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-name a "
          "--hashlimit-mode srcip --hashlimit-htable-size 4 --hashlimit-htable-max 4 "
          "--hashlimit-htable-expire 4000 --hashlimit-htable-gcinterval 1000");
    for (uint32_t i = 0; i < 4; i++) {
        from_number(i);
        assert_int_equal(ask(0), YES);
        pass(100);
    }
    from_number(0); /* now used last */
    assert_int_equal(ask(0), NO);
    from_number(4);
    assert_int_equal(ask(0), DROPPED);
    pass(1250 - 400); /* 1 and 2 have expired and been swept; 3 will expire at 1300 */
    assert_int_equal(ask(0), YES);
    from_number(5);
    assert_int_equal(ask(0), YES);
    from_number(6);
    assert_int_equal(ask(0), DROPPED);
    from_number(0);
    assert_int_equal(ask(0), NO);
    from_number(3);
    assert_int_equal(ask(0), NO);
}

/* Random keys against a list that is searched from end to end. */
static void test_hashlimit_many(void **state)
{
    enum { KEYS = 300, ROOM = 100, STEPS = 40000 };
    static int64_t seen[KEYS]; /* tick of the last packet, 0: never */
    const int64_t start = 1000000, expire = 50, sweep = 30;
    struct random random;
    unsigned drops = 0, fresh = 0;

    (void)state;
    memset(seen, 0, sizeof(seen));
    random_init(&random, (const uint64_t[2]){5, 6});
    lab_begin(4);
    RULES("-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-name a "
          "--hashlimit-mode srcip --hashlimit-htable-size 100 --hashlimit-htable-max 100 "
          "--hashlimit-htable-expire 200 --hashlimit-htable-gcinterval 120");
    for (unsigned i = 0; i < STEPS; i++) {
        uint32_t key = random_u32(&random) % (1 + random_u32(&random) % KEYS), live = 0;

        pass(random_u32(&random) % 4 == 0);
        int64_t now = w.track.tick64, swept = start + (now - start) / sweep * sweep;

        for (unsigned k = 0; k < KEYS; k++) {
            if (seen[k] && seen[k] + expire <= swept)
                seen[k] = 0;
            live += seen[k] != 0;
        }
        enum outcome expected = seen[key] ? NO : live == ROOM ? DROPPED : YES;

        from_number(key);
        assert_int_equal(ask(0), expected);
        if (expected != DROPPED)
            seen[key] = now;
        drops += expected == DROPPED;
        fresh += expected == YES;
    }
    assert_true(drops > 1000 && fresh > 1000);
}

/* Rules share a table by its name; it is the first rule's, but for "above" and what is counted. */
static void test_hashlimit_shared(void **state)
{
    (void)state;
    lab_begin(4);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip"),
          "-m hashlimit --hashlimit-above 100/sec --hashlimit-burst 50 --hashlimit-name a",
          "-m hashlimit --hashlimit-upto 10kb/s --hashlimit-name a",
          KEY(" --hashlimit-name b --hashlimit-mode srcip"));
    assert_int_equal(ask(1), NO); /* takes the only token */
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask(0), NO);
    assert_int_equal(ask(3), YES);
    next_from('C'); /* by bytes, at what is left of a packet's credit */
    assert_int_equal(ask(2), YES);
    assert_int_equal(ask(0), NO);
    assert_int_equal(ask(2), YES);

    use_family(6);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip"));
    assert_int_equal(ask(0), YES); /* the other family's is another */
}

/* A table outlives the ruleset when the next one names it too. */
static void test_hashlimit_exchange(void **state)
{
    (void)state;
    lab_begin(4);
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip"));
    assert_true(new_key(0));
    RULES(KEY(" --hashlimit-name b --hashlimit-mode srcip"),
          "-m hashlimit --hashlimit-upto 10/sec --hashlimit-name a");
    assert_int_equal(ask(1), NO);
    assert_true(new_key(0));
    RULES(KEY(" --hashlimit-name b --hashlimit-mode srcip"));
    assert_false(new_key(0));
    RULES(KEY(" --hashlimit-name a --hashlimit-mode srcip"));
    assert_true(new_key(0)); /* nobody named it meanwhile */

    static const char *const other[] = {KEY(" --hashlimit-name c"), KEY(" --hashlimit-name d")};
    struct weir_rules *rules = read_rules(other, 2);

    lab.left = 0;
    assert_false(run_rules(rules));
    lab.left = -1;
    weir_rules_free(rules);
    assert_false(new_key(0));
}

static void test_hashlimit_saved(void **state)
{
    static const struct {
        const char *rule, *saved;
    } cases[] = {
        {"--hashlimit-upto 100000kb/s", "--hashlimit-upto 100013kb/s --hashlimit-name a"},
        {"--hashlimit-upto 777mb/s", "--hashlimit-upto 780mb/s --hashlimit-name a"},
        {"--hashlimit-upto 4096mb/s", "--hashlimit-upto 4581298432b/s --hashlimit-name a"},
        {"--hashlimit-upto 15b/s", "--hashlimit-upto 1b/s --hashlimit-name a"},
        {"--hashlimit-upto 1000b/s --hashlimit-burst 1985b",
         "--hashlimit-upto 992b/s --hashlimit-burst 2kb --hashlimit-name a"},
        {"--hashlimit-upto 1057mb/s --hashlimit-burst 4228mb",
         "--hashlimit-upto 1057mb/s --hashlimit-burst 4228mb --hashlimit-name a"},
        {"--hashlimit-upto 10/min --hashlimit-rate-match",
         "--hashlimit-upto 10/sec --hashlimit-burst 5 --hashlimit-name a "
         "--hashlimit-htable-expire 60000 --hashlimit-rate-match --hashlimit-rate-interval 60"},
        {"--hashlimit-upto 60/min", "--hashlimit-upto 1/sec --hashlimit-burst 5 --hashlimit-name a "
                                    "--hashlimit-htable-expire 60000"},
        {"--hashlimit-upto 1/sec --hashlimit-htable-size 4294967295 "
         "--hashlimit-htable-max 4294967295",
         "--hashlimit-upto 1/sec --hashlimit-burst 5 --hashlimit-name a "
         "--hashlimit-htable-size 1048576 --hashlimit-htable-max 1048576"},
    };

    (void)state;
    lab_begin(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule), "-m hashlimit --hashlimit-name a %s", cases[i].rule);
        assert_true(run_rules(read_rules(rules, 1)));
        assert_string_equal(saved(0) + strlen("-m hashlimit "), cases[i].saved);
        assert_true(run_rules(NULL));
    }
}

static void test_hashlimit_refused(void **state)
{
    static const struct {
        const char *rule, *message;
    } cases[] = {
        {"--hashlimit-upto 99999999999999999999b/s", "Rate too fast \"99999999999999999999b/s\""},
        {"--hashlimit-upto 100000mb/s", "Rate too fast \"100000mb/s\""},
        {"--hashlimit-upto 1000001/sec", "Rate too fast \"1000001/sec\""},
        {"--hashlimit-above 0b/s",
         "hashlimit: Bad value for \"--hashlimit-above\" option: \"0b/s\""},
        {"--hashlimit x", "hashlimit: Bad value for \"--hashlimit-upto\" option: \"x\""},
        {"--hashlimit-upto 100kb/s --hashlimit-burst 1kb", "burst cannot be smaller than 102400b"},
        {"--hashlimit-upto 1b/s --hashlimit-burst 1b", "burst cannot be smaller than 16b"},
        {"--hashlimit-upto 16b/s --hashlimit-burst 65536mb", "hashlimit: the burst is too large"},
        {"--hashlimit-upto 1/s --hashlimit-burst 1000001",
         "bad value for option \"--hashlimit-burst\", or out of range (1-1000000)."},
        {"--hashlimit-upto 1/s --hashlimit-burst 99999999999999999999",
         "bad value for option \"--hashlimit-burst\", or out of range (1-1000000)."},
        {"--hashlimit-upto 1/s --hashlimit-mode srcip,source",
         "hashlimit: Bad value for \"--hashlimit-mode\" option: \"srcip,source\""},
        {"--hashlimit-upto 1/s --hashlimit-rate-match --hashlimit-rate-interval 2147483648",
         "hashlimit: Bad value for \"--hashlimit-rate-interval\" option: \"2147483648\""},
        {"--hashlimit-upto 2000000/min --hashlimit-rate-match",
         "hashlimit: the rate is too fast for --hashlimit-rate-match"},
        {"--hashlimit-upto 1/s --hashlimit-htable-expire 0",
         "hashlimit: --hashlimit-htable-expire must not be 0"},
        {"--hashlimit-upto 1/s --hashlimit-htable-gcinterval 0",
         "hashlimit: --hashlimit-htable-gcinterval must not be 0"},
        {"--hashlimit-upto 1/s --hashlimit-srcmask 33",
         "hashlimit: bad value for option \"--hashlimit-srcmask\", neither a valid network mask "
         "nor valid CIDR (0-32)."},
        {"--hashlimit-upto 1/s --hashlimit-dstmask 255.0.255.0",
         "hashlimit: bad value for option \"--hashlimit-dstmask\", neither a valid network mask "
         "nor valid CIDR (0-32)."},
    };

    (void)state;
    lab_begin(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];

        (void)snprintf(rule, sizeof(rule), "-m hashlimit --hashlimit-name a %s", cases[i].rule);
        refused(rule, 2, cases[i].message);
    }
    refused("-m hashlimit --hashlimit-upto 1/s --hashlimit-name a/b", 2,
            "hashlimit: \"a/b\" is no name for a table");
    refused("-m hashlimit --hashlimit-name a", 2, "You have to specify --hashlimit");
}

/* --- statistic --- */

static void test_statistic_nth(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m statistic --mode nth --every 3 --packet 0",
          "-m statistic --mode nth --every 3 --packet 1",
          "-m statistic --mode nth ! --every 3 --packet 2",
          "-m statistic --mode nth --every 1 --packet 0",
          "-m statistic --mode nth --every 4294967295 --packet 4294967294");
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(ask(0), i % 3 == 0);
        assert_int_equal(ask(1), i % 3 == 1);
        assert_int_equal(ask(2), i % 3 != 2);
        assert_int_equal(ask(3), YES);
        assert_int_equal(ask(4), NO);
    }
    assert_int_equal(ask(0), YES);
    RULES("-m statistic --mode nth --every 3 --packet 0"); /* starts anew */
    assert_int_equal(ask(0), YES);
}

static void test_statistic_random(void **state)
{
    const uint32_t third = 715827882; /* of 2^31 */
    struct random random;
    unsigned yes = 0;

    (void)state;
    lab_begin(4);
    RULES("-m statistic --mode random --probability 0.333333333",
          "-m statistic --mode random ! --probability 0.333333333",
          "-m statistic --mode random --probability 1",
          "-m statistic --mode random --probability 0");
    random = w.track.random;
    for (unsigned i = 0; i < 3000; i++) {
        enum outcome expected = random_u32(&random) >> 1 < third;

        assert_int_equal(ask(0), expected);
        yes += expected;
        assert_int_equal(ask(1), random_u32(&random) >> 1 >= third);
        assert_int_equal(ask(2), YES);
        assert_int_equal(ask(3), NO);
        (void)random_u32(&random);
        (void)random_u32(&random);
    }
    assert_in_range(yes, 900, 1100);
}

/* What a probability becomes in 2^-31, and as text again. */
static void test_statistic_probability(void **state)
{
    static const struct {
        const char *given, *saved;
    } cases[] = {
        {"0.5", "0.50000000000"},
        {".5", "0.50000000000"},
        {"1.", "1.00000000000"},
        {"1e-3", "0.00100000016"},
        {"25e-2", "0.25000000000"},
        {"0.0000000000000000000000001e25", "1.00000000000"},
        {"1e-99999999999999999999", "0.00000000000"},
        {"0e99999999999999999999", "0.00000000000"},
        {"0.000000000232", "0.00000000000"},
        {"0.000000000233", "0.00000000047"},
        {"0.99999999976", "0.99999999953"},
        {"0.99999999977", "1.00000000000"},
        {"0.000244140625", "0.00024414062"}, /* to the even neighbour */
        {"0.000732421875", "0.00073242188"},
        {"0.33333333333333333333333333333333333333333", "0.33333333349"},
        {"0.12345678901234567890123456789", "0.12345678918"},
        {"1.00000000000000000000000000000", "1.00000000000"},
    };
    static const char *const bad[] = {"1.00000000001", "1.1", "-0.1",  "",    ".",    "0.5x", "5e",
                                      "5e-",           "nan", "1e400", "inf", "0..5", "e-1",  "10"};

    (void)state;
    lab_begin(4);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        char rule[256];
        const char *rules[] = {rule};

        (void)snprintf(rule, sizeof(rule), "-m statistic --mode random --probability %s",
                       cases[i].given);
        assert_true(run_rules(read_rules(rules, 1)));
        assert_string_equal(saved(0) + strlen("-m statistic --mode random --probability "),
                            cases[i].saved);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        char rule[256];

        (void)snprintf(rule, sizeof(rule), "-m statistic --mode random --probability \"%s\"",
                       bad[i]);
        refused(rule, 2,
                "statistic: bad value for option \"--probability\", or out of range (0-1).");
    }
}

/* --- quota --- */

static void test_quota(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m quota --quota 250", "-m quota ! --quota 250", "-m quota --quota 200",
          "-m quota --quota 0", "-m quota --quota 18446744073709551615");
    next_length(100);
    assert_int_equal(ask_times(0, 3), 2);
    next_length(28); /* would fit in what was left */
    assert_int_equal(ask(0), NO);
    next_length(100);
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask_times(2, 5), 2); /* all of it may be used */
    assert_int_equal(ask(3), NO);
    assert_int_equal(ask_times(4, 50), 50);
    assert_string_equal(saved(0), "-m quota --quota 250");
    RULES("-m quota --quota 250");
    assert_int_equal(ask_times(0, 3), 2);

    use_family(6);
    RULES("-m quota --quota 96"); /* header and all */
    lab.next.data.len = 1;
    assert_int_equal(ask(0), YES);
    lab.next.data.len = 0;
    assert_int_equal(ask(0), NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_limit),
        LAB_TEST(test_limit_defaults),
        LAB_TEST(test_limit_arithmetic),
        LAB_TEST(test_limit_refused),
        LAB_TEST(test_hashlimit_packets),
        LAB_TEST(test_hashlimit_arithmetic),
        LAB_TEST(test_hashlimit_bytes),
        LAB_TEST(test_hashlimit_chunks),
        LAB_TEST(test_hashlimit_window),
        LAB_TEST(test_hashlimit_modes),
        LAB_TEST(test_hashlimit_masks),
        LAB_TEST(test_hashlimit_ports),
        LAB_TEST(test_hashlimit_fragments),
        LAB_TEST(test_hashlimit_full),
        LAB_TEST(test_hashlimit_expire),
        LAB_TEST(test_hashlimit_expire_ticks),
        LAB_TEST(test_hashlimit_reuse),
        LAB_TEST(test_hashlimit_many),
        LAB_TEST(test_hashlimit_shared),
        LAB_TEST(test_hashlimit_exchange),
        LAB_TEST(test_hashlimit_saved),
        LAB_TEST(test_hashlimit_refused),
        LAB_TEST(test_statistic_nth),
        LAB_TEST(test_statistic_random),
        LAB_TEST(test_statistic_probability),
        LAB_TEST(test_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
