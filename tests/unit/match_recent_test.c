/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -m recent (iptables reference, 3.4). What is expected is what a Linux kernel (6.18) was seen to
 * do; the last test walks through random packets against a plain model that was checked there too.
 */
#include "match_state_fixture.h"

#include "rules/match/recent_list.h"

/* The example of the reference: one who keeps trying stays blocked. */
static void test_block(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --update --seconds 60 --hitcount 4", "-m recent --set");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(0), NO);
        assert_int_equal(ask(1), YES);
        pass(SECOND);
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask(0), YES);
        pass(15 * SECOND);
    }
    pass(46 * SECOND);
    assert_int_equal(ask(0), NO);
    next_from('C');
    assert_int_equal(ask(0), NO);
}

static void test_commands(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent ! --set", "-m recent --rcheck", "-m recent ! --rcheck",
          "-m recent --update", "-m recent ! --update", "-m recent --remove",
          "-m recent ! --remove");
    for (unsigned i = 2; i < 8; i++)
        assert_int_equal(ask(i), i % 2); /* no entry, and none is made */
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(2), YES);
    assert_int_equal(ask(3), NO);
    assert_int_equal(ask(4), YES);
    assert_int_equal(ask(5), NO);
    assert_int_equal(ask(6), YES);
    assert_int_equal(ask(2), NO);
    assert_int_equal(ask(1), NO); /* sets it all the same */
    assert_int_equal(ask(2), YES);
    assert_int_equal(ask(7), NO);
    assert_int_equal(ask(2), NO);
}

/* A stamp counts for so many seconds to the tick, and --rcheck makes none. */
static void test_seconds(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck --seconds 1", "-m recent --update --seconds 1",
          "-m recent ! --update --seconds 1", "-m recent ! --rcheck --seconds 1");
    assert_int_equal(ask(0), YES);
    pass(SECOND);
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask(4), NO);
    pass(1);
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(4), YES);
    assert_int_equal(ask(2), NO); /* false: no stamp */
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(3), YES); /* true behind "!": a stamp */
    assert_int_equal(ask(1), YES);
    pass(SECOND);
    assert_int_equal(ask(2), YES);
    pass(SECOND);
    assert_int_equal(ask(3), NO);
    pass(1);
    assert_int_equal(ask(1), NO);
}

/* Linux multiplies seconds by ticks in 32 bits. */
static void test_seconds_wrap(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck --seconds 17179869",
          "-m recent --rcheck --seconds 17179870", "-m recent --rcheck --seconds 17179871",
          "-m recent --rcheck --seconds 4294967295");
    assert_int_equal(ask(0), YES);
    pass(204);
    assert_int_equal(ask(2), YES);
    pass(1);
    assert_int_equal(ask(2), NO);
    pass(249);
    assert_int_equal(ask(3), YES);
    pass(1);
    assert_int_equal(ask(3), NO);
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask(4), YES);
}

static void test_hitcount(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck --hitcount 3",
          "-m recent --rcheck --hitcount 3 --seconds 2", "-m recent --rcheck --hitcount 0",
          "-m recent --rcheck --hitcount 31");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(1), NO);
        assert_int_equal(ask(2), NO);
        assert_int_equal(ask(0), YES);
        assert_int_equal(ask(3), YES);
        pass(SECOND);
    }
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask(2), NO); /* the first is 3 s old */
    for (int i = 3; i < 30; i++)
        assert_int_equal(ask(0), YES);
    assert_int_equal(ask(4), NO);
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(4), YES);
}

/* A rule can count to `hits`, and for that `ring` stamps are kept. */
static void ring_is(unsigned hits, unsigned ring)
{
    char rule[64];
    const char *rules[] = {"-m recent --set", rule};

    lab_begin(4);
    (void)snprintf(rule, sizeof(rule), "-m recent --rcheck --hitcount %u", hits);
    assert_true(run_rules(read_rules(rules, 2)));
    assert_int_equal(((const struct recent_list *)(void *)w.world.named->object)->ring, ring);
    assert_int_equal(ask_times(0, hits - 1), hits - 1);
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask_times(0, ring), ring); /* around */
    assert_int_equal(ask(1), YES);
    assert_true(run_rules(NULL));
}

static void test_ring(void **state)
{
    (void)state;
    ring_is(1, 32);
    ring_is(32, 32);
    ring_is(33, 64);
    ring_is(64, 64);
    ring_is(255, 256);
    ring_is(65535, 65536);

    /* A rule that needs more empties the list; one that needs less leaves it alone. */
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck");
    assert_int_equal(ask(0), YES);
    RULES("-m recent --rcheck --hitcount 32", "-m recent --rcheck");
    assert_int_equal(ask(1), YES);
    RULES("-m recent --set", "-m recent --rcheck", "-m recent --rcheck --hitcount 40");
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(0), YES);
    RULES("-m recent --rcheck --hitcount 10", "-m recent --rcheck");
    assert_int_equal(ask(1), YES);
}

static void test_ttl(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck --rttl", "-m recent --update",
          "-m recent ! --update --rttl", "-m recent ! --rcheck --rttl");
    lab.next.ttl = 10;
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), YES);
    lab.next.ttl = 11;
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(4), YES);
    assert_int_equal(ask(3), YES); /* another's entry: none of it is changed */
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(2), YES); /* takes this TTL */
    assert_int_equal(ask(1), YES);
    lab.next.ttl = 10;
    assert_int_equal(ask(1), NO);

    /* 0 fits everything. */
    lab.next.ttl = 0;
    assert_int_equal(ask(1), YES);
    assert_int_equal(ask(0), YES);
    lab.next.ttl = 200;
    assert_int_equal(ask(1), YES);
    lab.next.ttl = 11;
    assert_int_equal(ask(0), YES);

    /* A packet that is being forwarded has one less than it came with. */
    w.eval.out = "r1";
    lab.next.ttl = 10;
    assert_int_equal(ask(1), YES);
    lab.path = WEIR_PATH_OUTPUT; /* one that this host sends has not */
    assert_int_equal(ask(1), NO);
    lab.path = WEIR_PATH_ROUTED;

    use_family(6);
    w.eval.out = "";
    RULES("-m recent --set", "-m recent --rcheck --rttl");
    lab.next.ttl = 10;
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), YES);
    lab.next.ttl = 11;
    assert_int_equal(ask(1), NO);
}

static void test_side_and_mask(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set --name a", "-m recent --rcheck --name a",
          "-m recent --rcheck --rdest --name a", "-m recent --set --rdest --name b",
          "-m recent --rcheck --name b", "-m recent --set --name c --mask 255.255.255.0",
          "-m recent --rcheck --name c --mask 255.255.255.255");
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(3), YES);
    assert_int_equal(ask(2), NO);
    assert_int_equal(ask(4), NO);
    lab.next.src = host(4, 'B');
    lab.next.dst = host(4, 'A');
    assert_int_equal(ask(1), NO);
    assert_int_equal(ask(2), YES);
    assert_int_equal(ask(4), YES);

    /* The first rule's mask holds for all of the list. */
    assert_int_equal(ask(5), YES);
    lab.next.src.b[3] = 200;
    assert_int_equal(ask(6), YES);
    lab.next.src.b[2] = 200;
    assert_int_equal(ask(6), NO);
}

/* Both families are in one list, with the mask of the rule that came first. */
static void test_families(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set --name L --mask 255.255.255.0", "-m recent --set --name M",
          "-m recent --rcheck --name M");
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), YES);
    use_family(6);
    RULES("-m recent --rcheck --name L", "-m recent --set --name L", "-m recent --set --name M",
          "-m recent --rcheck --name M");
    assert_int_equal(ask(0), NO);
    assert_int_equal(ask(1), YES);
    lab.next.src.b[3] = 0x77; /* cut off by the mask, which is about four bytes */
    assert_int_equal(ask(0), YES);
    lab.next.src.b[15] = 0x77;
    assert_int_equal(ask(0), NO);

    /* They share its hundred places. */
    for (unsigned i = 0; i < RECENT_ADDRS; i++) {
        lab.next.src.b[14] = (uint8_t)i;
        assert_int_equal(ask(2), YES);
    }
    use_family(4);
    assert_int_equal(ask(2), NO);
    assert_int_equal(ask(1), YES);
    use_family(6);
    lab.next.src.b[3] = lab.next.src.b[15] = 0x77;
    lab.next.src.b[14] = 0;
    assert_int_equal(ask(3), NO);
    lab.next.src.b[14] = 1;
    assert_int_equal(ask(3), YES);
}

static void from(unsigned i)
{
    lab.next.src = (struct build_addr){{10, 9, 0, (uint8_t)i}};
}

/* The 101st address takes the place of the one that was stamped longest ago. */
static void test_eviction(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck", "-m recent --update", "-m recent --remove");
    for (unsigned i = 0; i < RECENT_ADDRS; i++) {
        from(i);
        assert_int_equal(ask(0), YES);
    }
    from(0);
    assert_int_equal(ask(2), YES);
    from(1);
    assert_int_equal(ask(1), YES); /* only looked at */
    for (unsigned i = 100; i < 102; i++) {
        from(i);
        assert_int_equal(ask(0), YES);
    }
    for (unsigned i = 0; i < 102; i++) {
        from(i);
        assert_int_equal(ask(1), i != 1 && i != 2);
    }
    /* Places given back are used first. */
    from(50);
    assert_int_equal(ask(3), YES);
    from(60);
    assert_int_equal(ask(3), YES);
    for (unsigned i = 200; i < 202; i++) {
        from(i);
        assert_int_equal(ask(0), YES);
    }
    from(3);
    assert_int_equal(ask(1), YES);
    from(202);
    assert_int_equal(ask(0), YES);
    from(3);
    assert_int_equal(ask(1), NO);
}

/* --reap: the oldest entry goes, one for each packet that has an entry, if all of it is too old. */
static void test_reap(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck", "-m recent --rcheck --seconds 1 --reap",
          "-m recent --update --seconds 1 --reap", "-m recent ! --update --seconds 1 --reap");
    for (unsigned i = 1; i <= 3; i++) {
        from(i);
        assert_int_equal(ask(0), YES);
    }
    pass(SECOND);
    from(3);
    assert_int_equal(ask(2), YES); /* none is too old */
    pass(1);
    from(9);
    assert_int_equal(ask(2), NO); /* has none itself: nothing is looked at */
    from(1);
    assert_int_equal(ask(1), YES);
    from(3);
    assert_int_equal(ask(2), NO);
    from(1);
    assert_int_equal(ask(1), NO);
    from(2);
    assert_int_equal(ask(1), YES);
    from(3);
    assert_int_equal(ask(2), NO);
    assert_int_equal(ask(2), NO); /* this time it is itself */
    assert_int_equal(ask(1), NO);

    from(4);
    assert_int_equal(ask(0), YES);
    pass(SECOND + 1);
    from(5);
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(3), YES);
    from(4);
    assert_int_equal(ask(1), NO);

    /* "!" wants to stamp what has just been reaped: there is nothing to stamp. */
    from(5);
    pass(SECOND + 1);
    assert_int_equal(ask(4), YES);
    assert_int_equal(ask(1), NO);
    for (unsigned i = 100; i <= 100 + RECENT_ADDRS; i++) { /* nor is it in the way */
        from(i);
        assert_int_equal(ask(0), YES);
    }
    for (unsigned i = 100; i <= 100 + RECENT_ADDRS; i++) {
        from(i);
        assert_int_equal(ask(1), i != 100);
    }
}

/* A list lives as long as rules name it. */
static void test_exchange(void **state)
{
    (void)state;
    lab_begin(4);
    RULES("-m recent --set --name a", "-m recent --set --name b");
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), YES);
    RULES("-m recent --rcheck --name a", "-m recent --rcheck --name c");
    assert_int_equal(ask(0), YES);
    assert_int_equal(ask(1), NO);
    use_family(6);
    RULES("-m recent --rcheck --name a");
    use_family(4);
    RULES("-m recent --rcheck --name b");
    assert_int_equal(ask(0), NO);
    RULES("-m recent --rcheck --name a"); /* the other family kept it */
    assert_int_equal(ask(0), YES);
}

static void test_no_memory(void **state)
{
    static const char *const bigger[] = {"-m recent --rcheck --name a --hitcount 1000"};
    static const char *const other[] = {"-m recent --rcheck --name b"};
    struct weir_rules *rules;

    (void)state;
    lab_begin(4);
    RULES("-m recent --set --name a", "-m recent --rcheck --name a");
    assert_int_equal(ask(0), YES);
    rules = read_rules(other, 1);
    lab.left = 0;
    assert_false(run_rules(rules));
    lab.left = -1;
    weir_rules_free(rules);
    assert_int_equal(ask(1), YES);
    rules = read_rules(bigger, 1);
    for (int left = 0; left < 4; left++) {
        lab.left = left;
        if (run_rules(rules))
            break;
        assert_int_equal(ask(1), YES);
    }
    lab.left = -1;
    assert_ptr_equal(lab.rules[0], rules);
}

static void test_refused(void **state)
{
    (void)state;
    lab_begin(4);
    refused("-m recent --name SSH", 2,
            "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'");
    refused("-m recent --set --seconds 5", 2,
            "recent: --set looks at no stamps: take --seconds away");
    refused("-m recent --remove --hitcount 5", 2,
            "recent: --remove looks at no stamps: take --hitcount away");
    refused("-m recent --rcheck --hitcount 65536", 2, "recent: --hitcount is at most 65535");
    refused("-m recent --rcheck --seconds 0", 2,
            "recent: bad value for option \"--seconds\", or out of range (1-4294967295).");
    refused("-m recent --rcheck --reap", 2,
            "recent: option \"--reap\" also requires \"--seconds\".");
    refused("-m recent --set --name \"\"", 2, "recent: \"\" is no name for a list");
    refused("-m recent --set --name a/b", 2, "recent: \"a/b\" is no name for a list");
    refused("-m recent --set --name ..", 2, "recent: \"..\" is no name for a list");
    refused("-m recent --set --mask 300.1.1.1", 2, "host/network `300.1.1.1' not found");
    assert_null(read_rule("-m recent --set --rttl"));
    assert_null(read_rule("-m recent --rttl --remove"));
    assert_null(read_rule("-m recent --set --rcheck"));
}

static void test_names(void **state)
{
    char rule[400], name[300];
    const char *rules[] = {rule};

    (void)state;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    (void)snprintf(rule, sizeof(rule), "-m recent --set --name %s", name);
    lab_begin(4);
    assert_true(run_rules(read_rules(rules, 1)));
    name[199] = '\0';
    (void)snprintf(rule, sizeof(rule), "-m recent --set --name %s --mask 255.255.255.255 --rsource",
                   name);
    assert_string_equal(saved(0), rule);
    RULES("-m recent --rcheck --seconds 4294967295 --reap --hitcount 3 --rttl --rdest");
    assert_string_equal(saved(0), "-m recent --rcheck --seconds 4294967295 --reap --hitcount 3 "
                                  "--rttl --name DEFAULT --mask 255.255.255.255 --rdest");
}

/* --- a plain model --- */

enum { MODEL_ADDRS = 130, MODEL_STAMPS = 32 };

struct model {
    bool there;
    uint8_t ttl;
    unsigned count;
    int64_t stamps[100000]; /* all of them */
    uint64_t order;         /* of the last stamp */
};

static struct model model[MODEL_ADDRS];
static uint64_t model_order;

static void model_stamp(struct model *m, uint8_t ttl)
{
    m->stamps[m->count++] = w.track.tick64;
    m->ttl = ttl;
    m->order = ++model_order;
}

static struct model *model_oldest(void)
{
    struct model *oldest = NULL;

    for (unsigned i = 0; i < MODEL_ADDRS; i++)
        if (model[i].there && (!oldest || model[i].order < oldest->order))
            oldest = &model[i];
    return oldest;
}

static unsigned model_entries(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MODEL_ADDRS; i++)
        n += model[i].there;
    return n;
}

static bool model_look(struct model *m, int64_t from_tick, unsigned hits, bool reap)
{
    unsigned n = 0, first = m->count > MODEL_STAMPS ? m->count - MODEL_STAMPS : 0;

    for (unsigned i = first; i < m->count; i++)
        n += m->stamps[i] >= from_tick;

    struct model *oldest = model_oldest();

    if (reap && oldest->stamps[oldest->count - 1] < from_tick)
        oldest->there = false;
    return n >= hits;
}

static void test_random(void **state)
{
    enum { STEPS = 60000 };
    struct random random;
    unsigned yes = 0;

    (void)state;
    memset(model, 0, sizeof(model));
    random_init(&random, (const uint64_t[2]){3, 4});
    lab_begin(4);
    RULES("-m recent --set", "-m recent --rcheck --seconds 1 --hitcount 3",
          "-m recent --update --seconds 1 --reap --hitcount 2",
          "-m recent ! --rcheck --rttl --hitcount 20", "-m recent --remove");
    for (unsigned i = 0; i < STEPS; i++) {
        static const unsigned weights[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4};
        unsigned addr = random_u32(&random) % (1 + random_u32(&random) % MODEL_ADDRS);
        unsigned rule = weights[random_u32(&random) % WEIR_ARRAY_LEN(weights)];
        struct model *m = &model[addr];
        int64_t second_ago = w.track.tick64 - SECOND;
        bool expected;

        pass(random_u32(&random) % 8 == 0 ? random_u32(&random) % 9 : 0);
        second_ago = w.track.tick64 - SECOND;
        from(addr);
        lab.next.ttl = (uint8_t)(random_u32(&random) % 8 ? 64 : 63);
        switch (rule) {
        case 0:
            if (!m->there) {
                if (model_entries() == RECENT_ADDRS)
                    model_oldest()->there = false;
                m->there = true;
                m->count = 0;
            }
            model_stamp(m, lab.next.ttl);
            expected = true;
            break;
        case 1: expected = m->there && model_look(m, second_ago, 3, false); break;
        case 2:
            expected = m->there && model_look(m, second_ago, 2, true);
            if (expected)
                model_stamp(m, lab.next.ttl);
            break;
        case 3:
            expected = !(m->there && m->ttl == lab.next.ttl && model_look(m, 0, 20, false));
            break;
        default: expected = m->there; m->there = false;
        }
        assert_int_equal(ask(rule), expected);
        yes += expected;
    }
    assert_true(yes > STEPS / 4 && yes < STEPS * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_block),        LAB_TEST(test_commands),      LAB_TEST(test_seconds),
        LAB_TEST(test_seconds_wrap), LAB_TEST(test_hitcount),      LAB_TEST(test_ring),
        LAB_TEST(test_ttl),          LAB_TEST(test_side_and_mask), LAB_TEST(test_families),
        LAB_TEST(test_eviction),     LAB_TEST(test_reap),          LAB_TEST(test_exchange),
        LAB_TEST(test_no_memory),    LAB_TEST(test_refused),       LAB_TEST(test_names),
        LAB_TEST(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
