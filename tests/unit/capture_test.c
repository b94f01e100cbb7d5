/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture reader: the two formats, in both byte orders.
 */
#include "capture_fixture.h"

#include <inttypes.h>

static const int64_t NS = 1000000000;

/* ---- pcap ----------------------------------------------------------------------------------- */

static void pcap_variants(void **state)
{
    static const struct {
        uint32_t magic;
        int64_t ns;
    } rows[] = {{MAGIC_US, 123456000}, {MAGIC_NS, 123456}, {MAGIC_LONG, 123456000}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2 * COUNT(buffer_sizes); i++) {
        size_t row = i % COUNT(rows);
        bool is_long = rows[row].magic == MAGIC_LONG;
        struct bytes b = {.swap = i / COUNT(rows) % 2};
        struct capture_packet p[3];
        struct reading r;
        int n = 0;

        put_pcap(&b, rows[row].magic, LINK_ETHERNET);
        for (int k = 0; k < 2; k++) {
            put_record(&b, 4000000000, 123456, sizeof(frame), 1500);
            if (is_long) {
                put32(&b, 7);
                put16(&b, 0x0800);
                put(&b, "\4", 2);
            }
            put(&b, frame, sizeof(frame));
        }
        begin(&r, &b, buffer_sizes[i / COUNT(rows) / 2]);
        assert_string_equal(capture_error(r.capture), "");
        while (n < 2) {
            int got = capture_batch(r.capture, p + n, 3);

            assert_true(got > 0);
            for (; got > 0; got--, n++) {
                size_t record_len = sizeof(frame) + (is_long ? 24 : 16);

                assert_int_equal(p[n].number, n + 1);
                assert_int_equal(p[n].offset, 24 + (size_t)n * record_len);
                assert_true(p[n].time_ns == 4000000000 * NS + rows[row].ns);
                assert_int_equal(p[n].cap_len, sizeof(frame));
                assert_int_equal(p[n].wire_len, 1500);
                assert_memory_equal(p[n].frame, frame, sizeof(frame));
                assert_int_equal(p[n].interface, 0);
                assert_null(p[n].interface_name);
                assert_int_equal(p[n].kind, CAPTURE_IPV4);
                assert_int_equal(p[n].ifindex, is_long ? 7 : 0);
                assert_int_equal(p[n].to, is_long ? CAPTURE_OUTGOING : CAPTURE_TO_UNSTATED);
            }
        }
        assert_int_equal(capture_next(r.capture, p), 0);
        assert_int_equal(capture_stats(r.capture)->cut, 2);
        assert_int_equal(capture_position(r.capture), b.len);
        assert_int_equal(capture_size(r.capture), b.len);
        end(&r);
        free_bytes(&b);
    }
}

/* Frame check sequence bits in the link type field do not hide the link type. */
static void pcap_check_sequence_bits(void **state)
{
    struct bytes b = {0};
    struct capture_packet p;
    struct reading r;

    (void)state;
    put_pcap(&b, MAGIC_US, 0x24000000 | LINK_ETHERNET);
    put_record(&b, 1, 0, sizeof(frame), sizeof(frame));
    put(&b, frame, sizeof(frame));
    only(&r, &b, 0, &p);
    assert_int_equal(p.kind, CAPTURE_IPV4);
    end(&r);
    free_bytes(&b);
}

/* What is odd but clear is delivered, put right and counted. */
static void pcap_oddities(void **state)
{
    struct bytes b = {0};
    struct capture_packet p[3];
    const struct capture_stats *stats;
    struct reading r;

    (void)state;
    put_pcap(&b, MAGIC_US, LINK_RAW);
    put_record(&b, 10, 1000000, 0, 0); /* a second of microseconds; no bytes */
    put_record(&b, 11, 999999, 1, 0);  /* longer than on the wire */
    put(&b, "\x45", 1);
    put_record(&b, 12, 0, 1, 4000000000); /* cut by far */
    put(&b, "\x60", 1);
    begin(&r, &b, 0);
    assert_int_equal(capture_batch(r.capture, p, 3), 3);
    assert_true(p[0].time_ns == 11 * NS);
    assert_int_equal(p[0].kind, CAPTURE_SHORT);
    assert_null(p[0].l3);
    assert_int_equal(p[1].wire_len, 1);
    assert_int_equal(p[1].kind, CAPTURE_IPV4);
    assert_true(p[2].wire_len == 4000000000);
    assert_int_equal(p[2].kind, CAPTURE_IPV6);
    stats = capture_stats(r.capture);
    assert_int_equal(stats->packets, 3);
    assert_int_equal(stats->time_carried, 1);
    assert_int_equal(stats->length_raised, 1);
    assert_int_equal(stats->cut, 1);
    assert_int_equal(stats->kinds[CAPTURE_SHORT], 1);
    assert_int_equal(stats->kinds[CAPTURE_IPV4], 1);
    assert_int_equal(stats->kinds[CAPTURE_IPV6], 1);
    end(&r);
    free_bytes(&b);
}

static void no_packets(void **state)
{
    struct capture_packet p;

    (void)state;
    for (int pcapng = 0; pcapng < 2; pcapng++) {
        struct bytes b = {0};
        struct reading r;

        if (pcapng)
            put_section(&b);
        else
            put_pcap(&b, MAGIC_US, LINK_ETHERNET);
        begin(&r, &b, 0);
        assert_int_equal(r.status, 0);
        assert_int_equal(capture_next(r.capture, &p), 0);
        assert_string_equal(capture_error(r.capture), "");
        end(&r);
        free_bytes(&b);
    }
}

/* ---- pcapng --------------------------------------------------------------------------------- */

static void pcapng_blocks(void **state)
{
    static const struct {
        int64_t ns;
        uint32_t interface;
        uint32_t cap_len;
        uint32_t wire_len;
        enum capture_kind kind;
        enum capture_to to;
    } rows[] = {
        {0x123456789abcdef0, 0, sizeof(frame), sizeof(frame), CAPTURE_IPV4, CAPTURE_TO_UNSTATED},
        {5000001000, 1, 1, 1, CAPTURE_IPV4, CAPTURE_TO_UNSTATED},
        {77, 0, sizeof(frame), 2000, CAPTURE_IPV4, CAPTURE_OUTGOING},
        {6000000000, 1, 2, 40, CAPTURE_IPV6, CAPTURE_TO_UNSTATED},
        {6000000000, 0, sizeof(frame), sizeof(frame), CAPTURE_IPV4, CAPTURE_TO_UNSTATED},
    };
    struct bytes b = {0};

    (void)state;
    put_two_sections(&b);
    for (size_t i = 0; i < COUNT(buffer_sizes); i++) {
        struct capture_packet p;
        struct reading r;

        begin(&r, &b, buffer_sizes[i]);
        for (size_t n = 0; n < 2 * COUNT(rows); n++) {
            size_t row = n % COUNT(rows), second = n / COUNT(rows);

            assert_int_equal(capture_next(r.capture, &p), 1);
            assert_int_equal(p.number, n + 1);
            assert_true(p.time_ns == rows[row].ns);
            assert_int_equal(p.interface, rows[row].interface + 2 * second);
            if (rows[row].interface == 0)
                assert_string_equal(p.interface_name, second ? "wan0" : "lan0");
            else
                assert_null(p.interface_name);
            assert_int_equal(p.cap_len, rows[row].cap_len);
            assert_int_equal(p.wire_len, rows[row].wire_len);
            assert_int_equal(p.kind, rows[row].kind);
            assert_int_equal(p.to, rows[row].to);
            if (p.cap_len == sizeof(frame))
                assert_memory_equal(p.frame, frame, sizeof(frame));
        }
        assert_int_equal(capture_next(r.capture, &p), 0);
        assert_int_equal(capture_stats(r.capture)->blocks_passed, 2);
        assert_int_equal(capture_stats(r.capture)->time_missing, 2);
        assert_int_equal(r.warned, 0);
        end(&r);
    }
    free_bytes(&b);
}

static void pcapng_time_units(void **state)
{
    static const struct {
        int resolution; /* -1: no option */
        uint64_t ticks;
        int64_t offset;
        int64_t ns;
    } rows[] = {
        {-1, 1700000000123456, 0, 1700000000123456000},
        {0, 1700000000, 0, 1700000000000000000},
        {3, 1700000000123, 0, 1700000000123000000},
        {6, 1700000000123456, -1700000000, 123456000},
        {9, 1700000000123456789, 0, 1700000000123456789},
        {9, 123456789, 1700000000, 1700000000123456789},
        {9, 0, -1, -1000000000},
        {12, 1999999999999999999, 0, 1999999999999999},
        {28, UINT64_MAX, 0, 1}, /* 10^19 units are a nanosecond */
        {29, UINT64_MAX, 0, 0}, /* fewer than one */
        {127, UINT64_MAX, 0, 0},
        {0x80, 1700000000, 0, 1700000000000000000},
        {0x80 | 10, 1700000000ull * 1024 + 512, 0, 1700000000500000000},
        {0x80 | 32, 1700000000ull << 32 | 0x40000000, 0, 1700000000250000000},
        {0x80 | 63, 1ull << 63 | 1ull << 62, 0, 1500000000},
        {0x80 | 64, 1ull << 63, 0, 500000000},
        {0x80 | 127, UINT64_MAX, 0, 0},
        {9, INT64_MAX, 0, INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        size_t row = i / 2;
        struct bytes b = {.swap = i % 2};
        struct capture_packet p;
        struct reading r;
        size_t at;

        put_section(&b);
        at = put_block(&b, IDB);
        put16(&b, LINK_RAW);
        put16(&b, 0);
        put32(&b, 0);
        if (rows[row].resolution >= 0)
            put_option(&b, OPT_IF_TSRESOL, &(uint8_t){(uint8_t)rows[row].resolution}, 1);
        if (rows[row].offset) {
            put16(&b, OPT_IF_TSOFFSET);
            put16(&b, 8);
            put64(&b, (uint64_t)rows[row].offset);
        }
        end_block(&b, at);
        put_packet(&b, 0, rows[row].ticks, "\x45", 1);
        only(&r, &b, 0, &p);
        if (p.time_ns != rows[row].ns)
            fail_msg("row %zu: %" PRId64 " instead of %" PRId64, row, p.time_ns, rows[row].ns);
        end(&r);
        free_bytes(&b);
    }
}

static void pcapng_simple_packets(void **state)
{
    struct bytes b = {0};
    struct capture_packet p[2];
    struct reading r;
    size_t at;

    (void)state;
    put_section(&b);
    put_interface(&b, LINK_RAW, 3, NULL, -1); /* snap length 3: that much of each packet */
    for (int i = 0; i < 2; i++) {
        at = put_block(&b, SPB);
        put32(&b, i ? 1000 : 2);
        put(&b, "\x45\x00\x01", 4);
        end_block(&b, at);
    }
    begin(&r, &b, 0);
    assert_int_equal(capture_batch(r.capture, p, 2), 2);
    assert_int_equal(p[0].cap_len, 2);
    assert_int_equal(p[0].wire_len, 2);
    assert_true(p[0].time_ns == 0);
    assert_int_equal(p[1].cap_len, 3);
    assert_int_equal(p[1].wire_len, 1000);
    assert_int_equal(capture_stats(r.capture)->time_missing, 2);
    end(&r);
    free_bytes(&b);
}

static void pcapng_interface_names(void **state)
{
    char long_name[400];
    static const struct {
        const char *name, *expect;
    } rows[] = {{"eth0.7", "eth0.7"}, {"", NULL}, {"a\tb\x1b[31m\x7f", "a?b?[31m?"}};
    struct capture_packet p;
    struct reading r;
    struct bytes b = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        put_section(&b);
        put_interface(&b, LINK_RAW, 0, rows[i].name, -1);
        put_packet(&b, 0, 0, "\x45", 1);
        only(&r, &b, 0, &p);
        if (rows[i].expect)
            assert_string_equal(p.interface_name, rows[i].expect);
        else
            assert_null(p.interface_name);
        end(&r);
        free_bytes(&b);
    }
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = 0;
    put_section(&b);
    put_interface(&b, LINK_RAW, 0, long_name, -1);
    put_packet(&b, 0, 0, "\x45", 1);
    only(&r, &b, 0, &p);
    assert_int_equal(strlen(p.interface_name), CAPTURE_MAX_NAME);
    end(&r);
    free_bytes(&b);
}

/* Directions, and a list that does not fit: the packet is still good. */
static void pcapng_packet_flags(void **state)
{
    static const struct {
        uint32_t flags;
        uint16_t len; /* stated */
        enum capture_to to;
    } rows[] = {
        {0, 4, CAPTURE_TO_UNSTATED},           {1, 4, CAPTURE_TO_UNSTATED},
        {1 | 1 << 2, 4, CAPTURE_TO_US},        {1 | 2 << 2, 4, CAPTURE_TO_MULTICAST},
        {1 | 3 << 2, 4, CAPTURE_TO_BROADCAST}, {1 | 4 << 2, 4, CAPTURE_TO_OTHER_HOST},
        {1 | 7 << 2, 4, CAPTURE_TO_UNSTATED},  {2, 4, CAPTURE_OUTGOING},
        {2, 5, CAPTURE_TO_UNSTATED},           {2, 3, CAPTURE_TO_UNSTATED},
        {2, 0xffff, CAPTURE_TO_UNSTATED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        struct bytes b = {.swap = i % 2};
        struct capture_packet p;
        struct reading r;
        size_t at;

        put_section(&b);
        put_interface(&b, LINK_RAW, 0, NULL, -1);
        at = put_enhanced(&b, 0, 0, 1, 1);
        put(&b, "\x45", 1);
        put_padding(&b, 1);
        put_flags(&b, rows[i / 2].len, rows[i / 2].flags);
        end_block(&b, at);
        only(&r, &b, 0, &p);
        assert_int_equal(p.to, rows[i / 2].to);
        end(&r);
        free_bytes(&b);
    }
}

/* One interface of an unknown link type: its packets are delivered, counted, warned of once. */
static void pcapng_unknown_link(void **state)
{
    struct bytes b = {0};
    struct capture_packet p[4];
    struct reading r;

    (void)state;
    put_section(&b);
    put_interface(&b, LINK_USB, 0, "usbmon0", -1);
    put_interface(&b, LINK_RAW, 0, "eth0", -1);
    put_packet(&b, 0, 0, "usb", 3);
    put_packet(&b, 1, 0, "\x45", 1);
    put_packet(&b, 0, 0, "usb", 3);
    begin(&r, &b, 0);
    assert_int_equal(r.warned, 0);
    assert_int_equal(capture_batch(r.capture, p, 4), 3);
    assert_int_equal(p[0].kind, CAPTURE_UNKNOWN_LINK);
    assert_int_equal(p[0].cap_len, 3);
    assert_null(p[0].l3);
    assert_int_equal(p[1].kind, CAPTURE_IPV4);
    assert_int_equal(capture_next(r.capture, p), 0);
    assert_int_equal(capture_stats(r.capture)->kinds[CAPTURE_UNKNOWN_LINK], 2);
    assert_int_equal(r.warned, 1);
    assert_string_equal(
        r.warnings,
        "test.cap: packet 1 at byte 88: interface 0 (usbmon0): link type 220 (USB_LINUX_MMAPPED) "
        "is not supported; supported are EN10MB (1), RAW (101), RAW (12), RAW (14), IPV4 (228), "
        "IPV6 (229), LINUX_SLL (113), LINUX_SLL2 (276), NULL (0), LOOP (108); its packets are "
        "counted but not used");
    end(&r);
    free_bytes(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcap_variants),         cmocka_unit_test(pcap_check_sequence_bits),
        cmocka_unit_test(pcap_oddities),         cmocka_unit_test(no_packets),
        cmocka_unit_test(pcapng_blocks),         cmocka_unit_test(pcapng_time_units),
        cmocka_unit_test(pcapng_simple_packets), cmocka_unit_test(pcapng_interface_names),
        cmocka_unit_test(pcapng_packet_flags),   cmocka_unit_test(pcapng_unknown_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
