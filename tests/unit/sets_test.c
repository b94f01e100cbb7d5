/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets themselves: elements come, are found, change and go, against a list that is searched from
 * one end to the other; time; full sets; memory.
 */
#include "sets_fixture.h"

#include "base/random.h"

enum { TICKS = WEIR_TICKS_PER_SEC };

static struct random dice;

static uint32_t roll(uint32_t n)
{
    return random_u32(&dice) % n;
}

static void start_dice(uint64_t seed)
{
    random_init(&dice, (const uint64_t[2]){seed, 2});
}

/* --- against a list --- */

enum { LIST_MAX = 400 };

struct model {
    struct set *set;
    struct set_elem elem[LIST_MAX];
    uint64_t packets[LIST_MAX]; /* that were counted */
    size_t n;
};

/* Few different values in each part, so that elements meet. */
static struct set_elem random_elem(const struct set *set)
{
    static const uint8_t lengths[2][5] = {{8, 24, 30, 31, 32}, {16, 64, 120, 127, 128}};
    const struct set_type *type = set->head.type;
    bool six = set->head.family == 6;
    struct set_elem e = {
        .prefix = {set_full_prefix(set->head.family), set_full_prefix(set->head.family)}};
    unsigned addr = 0;

    for (unsigned i = 0; i < type->parts; i++) {
        switch ((enum set_part)type->part[i]) {
        case SET_NET:
        case SET_IP:
            if (type->part[i] == SET_NET)
                e.prefix[addr] = lengths[six][roll(5)];
            e.addr[addr].bytes[0] = 10;
            e.addr[addr].bytes[2] = (uint8_t)roll(2);
            e.addr[addr++].bytes[six ? 15 : 3] = (uint8_t)(1 + roll(8));
            break;
        case SET_PORT:
            e.proto = type->parts == 1 ? 0 : roll(2) ? 6 : 17; /* bitmaps keep ports alone */
            e.port = (uint16_t)roll(3);
            break;
        case SET_MAC:
            e.mac[5] = (uint8_t)(1 + roll(3));
            e.flags |= ELEM_HAS_MAC;
            break;
        case SET_MARK: e.mark = roll(4) << 6; break;
        case SET_IFACE: (void)snprintf(e.iface, sizeof(e.iface), "eth%u", roll(3)); break;
        case SET_MEMBER:
        case SET_NO_PART: fail();
        }
    }
    if (type->traits & SET_NOMATCH && roll(3) == 0)
        e.flags |= ELEM_NOMATCH;
    return e;
}

static bool same_value(const struct set_elem *a, const struct set_elem *b)
{
    return memcmp(a->addr, b->addr, sizeof(a->addr)) == 0 &&
           memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0 && a->port == b->port &&
           a->proto == b->proto && memcmp(a->mac, b->mac, SET_MAC_SIZE) == 0 &&
           a->mark == b->mark && strcmp(a->iface, b->iface) == 0;
}

static size_t model_find(const struct model *m, const struct set_elem *e)
{
    size_t i = 0;

    while (i < m->n && !same_value(&m->elem[i], e))
        i++;
    return i;
}

/* The element that decides about an address: of those it is in, the one with the longest networks,
 * the first one's length counting more. */
static size_t model_best(const struct model *m, const struct set_elem *e)
{
    size_t best = m->n;
    int rank = -1;

    for (size_t i = 0; i < m->n; i++) {
        struct set_elem cut = *e;

        memcpy(cut.prefix, m->elem[i].prefix, sizeof(cut.prefix));
        set_mask_elem(m->set, &cut);
        int of_this = cut.prefix[0] * 256 + cut.prefix[1];

        if (same_value(&cut, &m->elem[i]) && of_this > rank) {
            best = i;
            rank = of_this;
        }
    }
    return best;
}

static void model_add(struct model *m)
{
    struct set_elem e = random_elem(m->set), stored = e;
    struct set_given given = {0};
    bool exist = roll(2);

    set_mask_elem(m->set, &stored);
    size_t i = model_find(m, &stored);
    enum set_result expected = i < m->n && !exist ? SET_EXISTS : SET_DONE;

    if (i == LIST_MAX)
        return;
    assert_int_equal(set_add(m->set, &e, &given, exist), expected);
    if (expected != SET_DONE)
        return;
    if (i == m->n)
        m->packets[m->n++] = 0;
    m->elem[i] = stored;
}

static void model_del(struct model *m)
{
    struct set_elem e = random_elem(m->set), stored = e;

    set_mask_elem(m->set, &stored);
    size_t i = model_find(m, &stored);

    assert_int_equal(set_del(m->set, &e), i < m->n ? SET_DONE : SET_MISSING);
    if (i < m->n) {
        m->n--;
        m->elem[i] = m->elem[m->n];
        m->packets[i] = m->packets[m->n];
    }
}

static void model_test(struct model *m)
{
    struct set_elem e = random_elem(m->set);
    struct set_ask ask = {.len = 10};

    e.prefix[0] = e.prefix[1] = set_full_prefix(m->set->head.family);
    e.flags &= ELEM_HAS_MAC;
    set_mask_elem(m->set, &e);
    size_t i = model_best(m, &e);
    enum set_found expected = i == m->n                         ? SET_ABSENT
                              : m->elem[i].flags & ELEM_NOMATCH ? SET_EXCEPTED
                                                                : SET_FOUND;

    assert_int_equal(m->set->head.type->ops->test(m->set, &e, &ask), expected);
    if (i < m->n)
        m->packets[i]++;
}

/* The set has these elements and no others. */
static void model_compare(const struct model *m)
{
    struct set_elem e;
    uint64_t cursor = 0;
    size_t seen = 0;

    for (uint32_t ref; (ref = set_next(m->set, &cursor, &e)) != 0; seen++) {
        size_t i = model_find(m, &e);

        assert_true(i < m->n);
        assert_int_equal(e.flags & ELEM_NOMATCH, m->elem[i].flags & ELEM_NOMATCH);
        if (m->set->head.counters) {
            struct weir_rules_count counts =
                set_counts(m->set, m->set->head.type->ops->extras(m->set, ref));

            assert_int_equal(counts.packets, m->packets[i]);
            assert_int_equal(counts.bytes, 10 * m->packets[i]);
        }
    }
    assert_int_equal(seen, m->n);
    assert_int_equal(m->set->count, m->n);
}

static void compare_with_list(const char *create)
{
    struct weir_sets *sets = sets_of(create);
    static struct model m;

    m = (struct model){.set = set_named(sets, "a")};
    for (unsigned i = 0; i < 6000; i++) {
        switch (roll(8)) {
        case 0:
        case 1: model_add(&m); break;
        case 2: model_del(&m); break;
        default: model_test(&m);
        }
        if (i % 500 == 0)
            model_compare(&m);
    }
    model_compare(&m);

    /* A copy is the same, and another. */
    struct set *copy = set_copy(m.set, (const uint64_t[2]){3, 4});

    assert_non_null(copy);
    m.set = copy;
    model_compare(&m);
    for (unsigned i = 0; i < 300; i++)
        model_test(&m);
    set_free(copy);
    weir_sets_free(sets);
}

static void test_model(void **state)
{
    static const char *const creates[] = {
        "create a hash:ip",
        "create a hash:ip counters",
        "create a hash:ip netmask 30",
        "create a hash:ip family inet6 counters",
        "create a hash:ip bitmask 255.0.0.3",
        "create a hash:ip,port",
        "create a hash:ip,port family inet6 netmask 64 counters",
        "create a hash:ip,port,ip",
        "create a hash:ip,port,net counters",
        "create a hash:ip,mac",
        "create a hash:ip,mac family inet6",
        "create a hash:ip,mark",
        "create a hash:ip,mark markmask 0x80 family inet6",
        "create a hash:mac counters",
        "create a hash:net counters",
        "create a hash:net family inet6",
        "create a hash:net,port counters",
        "create a hash:net,net counters",
        "create a hash:net,net netmask 28",
        "create a hash:net,net family inet6 counters",
        "create a hash:net,port,net",
        "create a hash:net,port,net family inet6 counters",
        "create a bitmap:ip range 10.0.0.0/16 counters",
        "create a bitmap:ip range 10.0.0.0/16 netmask 30",
        "create a bitmap:port range 0-5 counters",
    };

    (void)state;
    start_dice(1);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(creates); i++)
        compare_with_list(creates[i]);
}

/* --- interfaces --- */

static enum set_found test_iface(struct set *set, const char *addr, const char *iface)
{
    struct set_elem e = {.prefix = {32, 32}};
    struct set_ask ask = {0};

    assert_int_equal(sscanf(addr, "%hhu.%hhu.%hhu.%hhu", &e.addr[0].bytes[0], &e.addr[0].bytes[1],
                            &e.addr[0].bytes[2], &e.addr[0].bytes[3]),
                     4);
    (void)snprintf(e.iface, sizeof(e.iface), "%s", iface);
    return set->head.type->ops->test(set, &e, &ask);
}

static void test_interfaces(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:net,iface\n"
                                     "add a 10.0.0.0/8,eth0\nadd a 10.1.0.0/16,eth1\n"
                                     "add a 10.2.0.0/16,eth wildcard\n"
                                     "add a 10.2.1.0/24,eth3 nomatch\n"
                                     "add a 10.3.0.0/16,physdev:eth0\nadd a 0.0.0.0/0,lo\n");
    struct set *a = set_named(sets, "a");

    (void)state;
    assert_int_equal(test_iface(a, "10.9.9.9", "eth0"), SET_FOUND);
    assert_int_equal(test_iface(a, "10.9.9.9", "eth1"), SET_ABSENT);
    assert_int_equal(test_iface(a, "11.9.9.9", "lo"), SET_FOUND);
    assert_int_equal(test_iface(a, "10.1.9.9", "eth1"), SET_FOUND);
    /* The longest network that is there decides. */
    assert_int_equal(test_iface(a, "10.1.9.9", "eth0"), SET_ABSENT);
    assert_int_equal(test_iface(a, "10.9.9.9", "lo"), SET_ABSENT);
    assert_int_equal(test_iface(a, "10.2.9.9", "eth"), SET_FOUND);
    assert_int_equal(test_iface(a, "10.2.9.9", "eth17"), SET_FOUND);
    assert_int_equal(test_iface(a, "10.2.9.9", "et"), SET_ABSENT);
    assert_int_equal(test_iface(a, "10.2.1.9", "eth3"), SET_EXCEPTED);
    assert_int_equal(test_iface(a, "10.3.9.9", "eth0"), SET_ABSENT);
    weir_sets_free(sets);
}

static void test_many_interfaces(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:net,iface");
    struct weir_rules_error error;
    char line[64];

    (void)state;
    for (unsigned i = 0; i < SET_IFACES_MAX; i++) {
        (void)snprintf(line, sizeof(line), "add a 10.0.0.0/24,e%u", i);
        sets_add_text(&sets, line);
    }
    assert_int_equal(weir_sets_parse(&sets, "add a 10.0.0.0/24,more", 22, NULL, &error), -EINVAL);
    assert_string_equal(error.message, "Hash is full, cannot add more elements");
    sets_add_text(&sets, "add a 10.0.1.0/24,more");
    assert_int_equal(test_iface(set_named(sets, "a"), "10.0.0.1", "e63"), SET_FOUND);
    weir_sets_free(sets);
}

/* --- time --- */

static bool is_there(const struct set *set, uint8_t last)
{
    struct set_elem e = {.prefix = {32, 32}, .addr = {{.bytes = {10, 0, 0, last}}}};
    struct set_ask ask = {0};

    return set->head.type->ops->test((struct set *)(uintptr_t)set, &e, &ask) == SET_FOUND;
}

static void expire_in(const char *create)
{
    struct weir_sets *sets = sets_of(create);
    struct set *a;

    sets_add_text(&sets, "add a 10.0.0.1\nadd a 10.0.0.2 timeout 3\nadd a 10.0.0.3 timeout 0\n"
                         "add a 10.0.0.4 timeout 2147483\n");
    a = set_named(sets, "a");
    set_clock(a, 2 * TICKS - 1);
    assert_true(is_there(a, 1));
    set_clock(a, 2 * TICKS);
    assert_false(is_there(a, 1));
    assert_true(is_there(a, 2));
    set_clock(a, 3 * TICKS);
    assert_false(is_there(a, 2));
    set_clock(a, 100LL * TICKS);
    assert_true(is_there(a, 3));
    assert_true(is_there(a, 4));
    set_clock(a, 2147483LL * TICKS - 1);
    assert_true(is_there(a, 4));
    /* And never again, however often 32 bits of time go round. */
    for (int64_t now = 2147483LL * TICKS; now < 10LL << 32; now += 1LL << 28) {
        set_clock(a, now);
        assert_true(is_there(a, 3));
        for (uint8_t last = 1; last < 5; last++)
            assert_int_equal(is_there(a, last), last == 3);
    }
    weir_sets_free(sets);
}

static void test_expiry(void **state)
{
    (void)state;
    expire_in("create a hash:ip timeout 2");
    expire_in("create a hash:net timeout 2");
    expire_in("create a bitmap:ip range 10.0.0.0/24 timeout 2");
}

/* Elements come, are prolonged, are deleted and expire, in any order. */
static void test_expiry_at_random(void **state)
{
    enum { ADDRS = 200 };
    struct weir_sets *sets = sets_of("create a hash:ip timeout 5 counters comment maxelem 120");
    struct set *a = set_named(sets, "a");
    int64_t ends[ADDRS] = {0}, now = 0; /* 0: it is not there */

    (void)state;
    start_dice(7);
    for (unsigned i = 0; i < 60000; i++) {
        uint8_t last = (uint8_t)(1 + roll(ADDRS - 1));
        struct set_elem e = {.prefix = {32, 32}, .addr = {{.bytes = {10, 0, 0, last}}}};
        uint32_t seconds = 1 + roll(roll(10) ? 9 : 4000);
        const struct set_given given = {.flags = GIVEN_TIMEOUT | GIVEN_COMMENT,
                                        .timeout = seconds,
                                        .comment = "some comment or other",
                                        .comment_len = roll(20)};
        bool live = ends[last] > now;
        uint32_t count = 0;

        for (unsigned k = 0; k < ADDRS; k++)
            count += ends[k] > now;
        assert_int_equal(is_there(a, last), live);
        if (roll(4) == 0) {
            assert_int_equal(set_del(a, &e), live ? SET_DONE : SET_MISSING);
            ends[last] = 0;
        } else {
            enum set_result result = set_add(a, &e, &given, true);

            /* What is over makes room. */
            assert_int_equal(result, live || count < 120 ? SET_DONE : SET_FULL);
            if (result == SET_DONE)
                ends[last] = now + (int64_t)seconds * TICKS;
        }
        assert_true(a->count <= 120);
        now += roll(3) ? 0 : roll(200);
        set_clock(a, now);
    }
    weir_sets_free(sets);
}

/* The clock of sets begins with the first packet, at whatever time that is. */
static void test_clock(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip timeout 10\nadd a 10.0.0.1\n");
    int64_t epoch = 1700000000;

    (void)state;
#define HEAD "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 10 bucketsize 12\n"
    expect_sets_at(sets, epoch, HEAD "add a 10.0.0.1 timeout 10\n");
    sets_clock(sets, epoch * TICKS);
    expect_sets_at(sets, epoch, HEAD "add a 10.0.0.1 timeout 10\n");
    expect_sets_at(sets, epoch + 1, HEAD "add a 10.0.0.1 timeout 9\n");
    sets_clock(sets, (epoch + 4) * TICKS);
    sets_clock(sets, epoch * TICKS); /* it does not run backwards */
    expect_sets_at(sets, epoch, HEAD "add a 10.0.0.1 timeout 6\n");
    sets_add_text(&sets, "add a 10.0.0.2\n");
    expect_sets_at(sets, epoch + 4, HEAD "add a 10.0.0.1 timeout 6\nadd a 10.0.0.2 timeout 10\n");
    expect_sets_at(sets, epoch + 9, HEAD "add a 10.0.0.1 timeout 1\nadd a 10.0.0.2 timeout 5\n");
    expect_sets_at(sets, epoch + 10, HEAD "add a 10.0.0.2 timeout 4\n");
    expect_sets_at(sets, epoch + 100, HEAD);
    weir_sets_free(sets);
}

static void test_list_expiry(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip\ncreate b hash:ip\n"
                                     "create l list:set timeout 5\nadd l a\nadd l b timeout 0\n");
    struct set *l = set_named(sets, "l");
    uint64_t cursor = 0;
    uint16_t slot;

    (void)state;
    set_clock(l, 6 * TICKS);
    assert_int_not_equal(set_list_member(l, &cursor, &slot), 0);
    assert_int_equal(slot, 1);
    assert_int_equal(set_list_member(l, &cursor, &slot), 0);
    /* Long after, it is not there any more in any sense. */
    set_clock(l, 1LL << 31);
    assert_int_equal(l->count, 1);
    weir_sets_free(sets);
}

/* --- full sets --- */

static void test_forceadd(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip maxelem 10 forceadd");
    struct set *a = set_named(sets, "a");

    (void)state;
    for (unsigned i = 1; i < 200; i++) {
        struct set_elem e = {.prefix = {32, 32}, .addr = {{.bytes = {10, 0, 0, (uint8_t)i}}}};
        const struct set_given given = {0};

        assert_int_equal(set_add(a, &e, &given, false), SET_DONE);
        assert_true(is_there(a, (uint8_t)i));
        assert_int_equal(a->count, i < 10 ? i : 10);
    }
    weir_sets_free(sets);
}

/* A set for many elements takes address space, and memory only as they come. */
static void test_large_maxelem(void **state)
{
    struct counted c = {.allowed = 10, .largest = 1u << 20};
    const struct weir_rules_options options = counted_options(&c);
    const char *text = "create a hash:net maxelem 1000000 comment timeout 0";
    struct weir_rules_error error;
    struct weir_sets *sets = NULL;

    (void)state;
    assert_int_equal(weir_sets_parse(&sets, text, strlen(text), &options, &error), -ENOMEM);
    assert_int_equal(c.live, 0);
    sets = sets_of("create a hash:net maxelem 4294967295\nadd a 10.0.0.1\nadd a 10.0.0.2");
    assert_true(is_there(set_named(sets, "a"), 2));
    weir_sets_free(sets);
}

/* --- comments --- */

static void test_comments(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip comment maxelem 4\nadd a 10.0.0.1-10.0.0.4");
    struct set *a = set_named(sets, "a");
    char comment[SET_COMMENT_MAX + 1];

    (void)state;
    memset(comment, 'x', sizeof(comment));
    /* All lengths, over and over: every slot is given back. */
    for (unsigned i = 0; i < 4 * SET_COMMENT_MAX; i++) {
        struct set_elem e = {.prefix = {32, 32},
                             .addr = {{.bytes = {10, 0, 0, (uint8_t)(1 + i % 4)}}}};
        const struct set_given given = {
            .flags = GIVEN_COMMENT, .comment = comment, .comment_len = i % (SET_COMMENT_MAX + 1)};

        assert_int_equal(set_add(a, &e, &given, true), SET_DONE);
        uint32_t ref = a->head.type->ops->find(a, &e);
        const char *kept = set_get_comment(a, a->head.type->ops->extras(a, ref));

        assert_int_equal(strlen(kept), given.comment_len);
        assert_memory_equal(kept, comment, given.comment_len);
    }
    weir_sets_free(sets);
}

/* --- slots --- */

static void test_use(void **state)
{
    struct weir_sets *sets = sets_of("create a hash:ip\ncreate b hash:ip\ncreate l list:set\n"
                                     "add l b\nadd a 10.0.0.1\nadd b 10.0.0.2\n");
    struct weir_rules_error error;
    struct random random;
    uint16_t slot = sets_find(sets, "a");

    (void)state;
    random_init(&random, (const uint64_t[2]){5, 6});
    assert_true(sets_use(sets, slot, false, &random));
    assert_int_equal(weir_sets_parse(&sets, "destroy a", 9, NULL, &error), -EINVAL);
    assert_string_equal(error.message,
                        "Set cannot be destroyed: it is in use by a kernel component");
    assert_int_equal(weir_sets_parse(&sets, "rename a c", 10, NULL, &error), -EINVAL);
    /* Rules see what is in the slot. */
    sets_add_text(&sets, "swap a b");
    assert_true(is_there(sets->slots[slot].set, 2));
    sets_unuse(sets, slot);
    sets_add_text(&sets, "rename a c\ndestroy c");
    assert_int_equal(sets_find(sets, "a"), SET_NO_SLOT);
    assert_null(sets_at(sets, slot));

    /* Where packets may add elements, the hash gets a secret: also in a list's members. */
    slot = sets_find(sets, "l");
    assert_false(set_named(sets, "b")->keyed);
    assert_true(sets_use(sets, slot, true, &random));
    assert_true(set_named(sets, "b")->keyed);
    assert_true(is_there(set_named(sets, "b"), 1));
    sets_unuse(sets, slot);
    weir_sets_free(sets);
}

static void test_many_sets(void **state)
{
    struct weir_sets *sets = NULL;
    char line[64];

    (void)state;
    for (unsigned i = 0; i < 700; i++) {
        (void)snprintf(line, sizeof(line), "create s%u bitmap:port range 0-9\nadd s%u %u\n", i, i,
                       i % 10);
        sets_add_text(&sets, line);
    }
    for (unsigned i = 0; i < 700; i += 3) {
        (void)snprintf(line, sizeof(line), "destroy s%u", i);
        sets_add_text(&sets, line);
    }
    for (unsigned i = 0; i < 700; i++) {
        (void)snprintf(line, sizeof(line), "s%u", i);
        assert_int_equal(sets_find(sets, line), i % 3 ? i : SET_NO_SLOT);
    }
    /* Free slots are used again, the first one first. */
    sets_add_text(&sets, "create x hash:ip\ncreate y hash:ip\n");
    assert_int_equal(sets_find(sets, "x"), 0);
    assert_int_equal(sets_find(sets, "y"), 3);
    weir_sets_free(sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_many_interfaces),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_expiry_at_random),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_list_expiry),
        cmocka_unit_test(test_forceadd),
        cmocka_unit_test(test_large_maxelem),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_many_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
