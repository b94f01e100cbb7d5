/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture reader on bad input: the text of every error, files cut at every byte, and files with
 * every byte damaged.
 */
#include "capture_fixture.h"

/*
 * Files in little-endian bytes: what they start with, then what is wrong, then a number of zero
 * bytes. PCAP has 24 bytes and a RECORD 17; SECTION has 28, INTERFACE 20, PACKET 36.
 */
#define VERSION(minor) "\xd4\xc3\xb2\xa1\2\0" minor "\0\0\0\0\0\0\0\0\0\0\0\1\0"
#define PCAP           VERSION("\4") "\x65\0\0\0"
#define HEAD(length)   "\1\0\0\0\0\0\0\0" length "\1\0\0\0"
#define RECORD         HEAD("\1\0\0\0") "\x45"

#define SECTION_START \
    "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
#define SECTION    SECTION_START "\x1c\0\0\0"
#define LINK(type) "\1\0\0\0\x14\0\0\0" type "\0\0\0\0\0\0\0\x14\0\0\0"
#define INTERFACE  LINK("\x65")
#define PCAPNG     SECTION INTERFACE
#define FROM(number) \
    "\6\0\0\0\x24\0\0\0" number "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\x45\0\0\0\x24\0\0\0"
#define PACKET              FROM("\0")
#define OPTION(head, value) "\1\0\0\0\x20\0\0\0\x65\0\0\0\0\0\0\0" head value "\x20\0\0\0"

#define SUPPORTED                                                                                 \
    "supported are EN10MB (1), RAW (101), RAW (12), RAW (14), IPV4 (228), IPV6 (229), LINUX_SLL " \
    "(113), LINUX_SLL2 (276), NULL (0), LOOP (108)"
#define DAMAGED     "the file is damaged at or before this place"

#define BYTES(text) text, sizeof(text) - 1

/* clang-format off */
static const struct {
    const char *bytes;
    size_t len;
    size_t zeros;
    int packets;
    int status;
    const char *text; /* after "test.cap: " */
} errors[] = {
    /* Not a capture. */
    {BYTES(""), 0, 0, -ENODATA, "is empty, and so not a capture file"},
    {BYTES("\xd4\xc3\xb2"), 0, 0, -ENODATA, "has only 3 bytes, and so is not a capture file"},
    {BYTES("*filter\n"), 0, 0, -ENOTSUP,
     "is not a pcap or pcapng file (it starts with 2a 66 69 6c); 'editcap -F pcapng OLD NEW' "
     "converts other capture formats"},
    {BYTES("\x1f\x8b\x08\0"), 0, 0, -ENOTSUP,
     "is compressed: unpack it with 'gzip -d' first, or read the output of 'gzip -dc' as \"-\""},
    {BYTES("\x28\xb5\x2f\xfd"), 0, 0, -ENOTSUP,
     "is compressed: unpack it with 'zstd -d' first, or read the output of 'zstd -dc' as \"-\""},
    {BYTES("\xfd" "7zXZ\0"), 0, 0, -ENOTSUP,
     "is compressed: unpack it with 'xz -d' first, or read the output of 'xz -dc' as \"-\""},
    {BYTES("BZh91AY"), 0, 0, -ENOTSUP,
     "is compressed: unpack it with 'bzip2 -d' first, or read the output of 'bzip2 -dc' as \"-\""},
    {BYTES("\x04\x22\x4d\x18"), 0, 0, -ENOTSUP,
     "is compressed: unpack it with 'lz4 -d' first, or read the output of 'lz4 -dc' as \"-\""},

    /* pcap: file header. */
    {BYTES("\xd4\xc3\xb2\xa1"), 6, 0, -ENODATA, "file header takes 24 bytes, file ends after 10"},
    {BYTES(VERSION("\3") "\1"), 3, 0, -ENOTSUP,
     "is a pcap file of version 2.3, and only 2.4 is read; 'editcap OLD NEW' converts it"},
    {BYTES(VERSION("\4") "\x7f"), 3, 0, -ENOTSUP,
     "link type 127 (IEEE802_11_RADIOTAP) is not supported; " SUPPORTED},
    {BYTES(VERSION("\4") "\x0f\x27"), 2, 0, -ENOTSUP,
     "link type 9999 is not supported; " SUPPORTED},

    /* pcap: records. */
    {BYTES(PCAP HEAD("\xdc\5\0\0")), 312, 0, -ENODATA,
     "packet 1 at byte 24: record says 1500 bytes, file ends after 312"},
    {BYTES(PCAP RECORD HEAD("\2\0\0\0")), 0, 1, -ENODATA,
     "packet 2 at byte 41: record says 2 bytes, file ends after 0; the packet before it was used"},
    {BYTES(PCAP RECORD RECORD RECORD), 7, 3, -ENODATA,
     "packet 4 at byte 75: record header takes 16 bytes, file ends after 7; the 3 packets before "
     "it were used"},
    {BYTES(PCAP RECORD RECORD HEAD("\xff\xff\xff\xff")), 99, 2, -EBADMSG,
     "packet 3 at byte 58: record says 4294967295 bytes, more than the 262144 that a packet can "
     "have: " DAMAGED "; the 2 packets before it were used"},
    {BYTES(PCAP HEAD("\1\0\4\0")), 262145, 0, -EBADMSG,
     "packet 1 at byte 24: record says 262145 bytes, more than the 262144 that a packet can "
     "have: " DAMAGED},
    {BYTES(PCAP RECORD PCAP RECORD), 0, 1, -EBADMSG,
     "packet 2 at byte 41: another pcap file starts here; join captures with 'mergecap', not "
     "'cat'; the packet before it was used"},

    /* pcapng: section header. */
    {BYTES("\x0a\x0d\x0d\x0a"), 2, 0, -ENODATA,
     "block at byte 0: block header takes 8 bytes, file ends after 6"},
    {BYTES("\x0a\x0d\x0d\x0a"), 16, 0, -ENODATA,
     "block of type 0x0a0d0d0a at byte 0: section header takes 24 bytes, file ends after 20"},
    {BYTES(SECTION_START), 2, 0, -ENODATA,
     "block of type 0x0a0d0d0a at byte 0: block says 28 bytes, file ends after 26"},
    {BYTES("\x0a\x0d\x0d\x0a\x1c\0\0\0" "abcd"), 16, 0, -EBADMSG,
     "block of type 0x0a0d0d0a at byte 0: has no byte-order magic: the file is damaged"},
    {BYTES("\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\2"), 15, 0, -ENOTSUP,
     "block of type 0x0a0d0d0a at byte 0: is pcapng of version 2, and only 1 is read"},
    {BYTES("\x0a\x0d\x0d\x0a\x18\0\0\0\x4d\x3c\x2b\x1a\1"), 15, 0, -EBADMSG,
     "block of type 0x0a0d0d0a at byte 0: block says 24 bytes; it takes at least 28 and a multiple "
     "of 4: " DAMAGED},
    {BYTES(SECTION_START "\x20\0\0\0"), 0, 0, -EBADMSG,
     "block of type 0x0a0d0d0a at byte 0: block says 28 bytes at its start and 32 at its end: the "
     "file is damaged"},
    {BYTES(PCAPNG PACKET SECTION_START), 0, 1, -ENODATA,
     "block of type 0x0a0d0d0a at byte 84: block says 28 bytes, file ends after 24; the packet "
     "before it was used"},

    /* pcapng: blocks that are passed over. */
    {BYTES(PCAPNG PACKET "\6"), 2, 1, -ENODATA,
     "block at byte 84: block header takes 8 bytes, file ends after 3; the packet before it was "
     "used"},
    {BYTES(PCAPNG PACKET "\x99\0\0\0\x10\x27\0\0"), 5000, 1, -ENODATA,
     "block of type 0x00000099 at byte 84: block says 10000 bytes, file ends after 5008; the "
     "packet before it was used"},
    {BYTES(PCAPNG "\x99\0\0\0\x8"), 99, 0, -EBADMSG,
     "block of type 0x00000099 at byte 48: block says 8 bytes; it takes at least 12 and a multiple "
     "of 4: " DAMAGED},
    {BYTES(PCAPNG "\x99\0\0\0\x10\0\0\0\0\0\0\0\x14"), 3, 0, -EBADMSG,
     "block of type 0x00000099 at byte 48: block says 16 bytes at its start and 20 at its end: the "
     "file is damaged"},

    /* pcapng: interfaces. */
    {BYTES(SECTION OPTION("\2\0\x9\0", "abcdefgh")), 0, 0, -EBADMSG,
     "block of type 0x00000001 at byte 28: an option exceeds the block"},
    {BYTES(SECTION "\1\0\0\0\x18\0\0\0\x65\0\0\0\0\0\0\0\2\0\0\0\x18"), 3, 0, 0, ""},
    {BYTES(SECTION OPTION("\2\0\4\0", "abcd\2\0\1\0")), 0, 0, -EBADMSG,
     "block of type 0x00000001 at byte 28: an option exceeds the block"},
    {BYTES(SECTION OPTION("\x9\0\x8\0", "\6\0\0\0\0\0\0\0")), 0, 0, -EBADMSG,
     "block of type 0x00000001 at byte 28: option 9 has 8 bytes instead of 1"},
    {BYTES(SECTION OPTION("\xe\0\4\0", "\0\0\0\0\0\0\0\0")), 0, 0, -EBADMSG,
     "block of type 0x00000001 at byte 28: option 14 has 4 bytes instead of 8"},
    {BYTES(SECTION OPTION("\xe\0\x8\0", "\0\xe4\x0b\x54\2\0\0\0")), 0, 0, -EBADMSG,
     "block of type 0x00000001 at byte 28: time offset of 10000000000 seconds is out of range"},
    {BYTES(SECTION INTERFACE LINK("\xdc") FROM("\1") FROM("\1")), 0, 2, -ENOTSUP,
     "none of its 2 packets can be used: interface 1: link type 220 (USB_LINUX_MMAPPED) is not "
     "supported; " SUPPORTED},

    /* pcapng: packets. */
    {BYTES(PCAPNG "\6\0\0\0\x21\0\0\0"), 99, 0, -EBADMSG,
     "packet 1 at byte 48: block says 33 bytes; it takes at least 32 and a multiple of 4: " DAMAGED},
    {BYTES(PCAPNG "\6\0\0\0\x1c\0\0\0"), 99, 0, -EBADMSG,
     "packet 1 at byte 48: block says 28 bytes; it takes at least 32 and a multiple of 4: " DAMAGED},
    {BYTES(PCAPNG PACKET "\6\0\0\0\x34\0\0\0"), 24, 1, -ENODATA,
     "packet 2 at byte 84: block says 52 bytes, file ends after 32; the packet before it was "
     "used"},
    {BYTES(PCAPNG "\3\0\0\0\x14\0\0\0\1\0\0\0\x45\0\0\0\x15"), 3, 0, -EBADMSG,
     "packet 1 at byte 48: block says 20 bytes at its start and 21 at its end: the file is "
     "damaged"},
    {BYTES(PCAPNG "\6\0\0\0\xfc\xff\xff\xff"), 99, 0, -EBADMSG,
     "packet 1 at byte 48: block says 4294967292 bytes, more than the 1048576 that such a block "
     "can have: " DAMAGED},
    {BYTES(SECTION PACKET), 0, 0, -EBADMSG,
     "packet 1 at byte 28: is from interface 0, but the section describes only 0 before it"},
    {BYTES(PCAPNG PACKET FROM("\3")), 0, 1, -EBADMSG,
     "packet 2 at byte 84: is from interface 3, but the section describes only 1 before it; the "
     "packet before it was used"},
    {BYTES(PCAPNG PACKET SECTION PACKET), 0, 1, -EBADMSG,
     "packet 2 at byte 112: is from interface 0, but the section describes only 0 before it; the "
     "packet before it was used"},
    {BYTES(SECTION "\3\0\0\0\x10\0\0\0\0\0\0\0\x10\0\0\0"), 0, 0, -EBADMSG,
     "packet 1 at byte 28: is from interface 0, but the section describes only 0 before it"},
    {BYTES(PCAPNG "\3\0\0\0\x14\0\0\0\5\0\0\0\x45\0\0\0\x14\0\0\0"), 0, 0, -EBADMSG,
     "packet 1 at byte 48: block says 5 captured bytes, but has room for 4"},
    {BYTES(PCAPNG "\6\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\x20\0\0\0"), 0, 0,
     -EBADMSG, "packet 1 at byte 48: block says 1 captured bytes, but has room for 0"},
    {BYTES(PCAPNG "\6\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\4\0\1\0\0\0\x20\0\0\0"), 0, 0,
     -EBADMSG, "packet 1 at byte 48: block says 262145 captured bytes, more than the 262144 that a "
     "packet can have"},
    {BYTES(PCAPNG "\6\0\0\0\x20\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\x20"),
     3, 0, -EBADMSG,
     "packet 1 at byte 48: its time, 18446744073709551615 units of its interface, is beyond the "
     "year 2262"},
};
/* clang-format on */

static void error_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors) * COUNT(buffer_sizes); i++) {
        size_t row = i % COUNT(errors);
        struct bytes b = {0};
        struct reading r;
        struct capture_packet p;
        char text[1024];
        int status, packets;

        put(&b, errors[row].bytes, errors[row].len);
        put_zeros(&b, errors[row].zeros);
        begin(&r, &b, buffer_sizes[i / COUNT(errors)]);
        packets = read_all(&r, BATCH, &status);
        snprintf(text, sizeof(text), "%s%s", status < 0 ? "test.cap: " : "", errors[row].text);
        assert_string_equal(capture_error(r.capture), text);
        assert_int_equal(status, errors[row].status);
        assert_int_equal(packets, errors[row].packets);
        assert_int_equal(capture_next(r.capture, &p), status); /* the end is final */
        end(&r);
        free_bytes(&b);
    }
}

static void too_many_interfaces(void **state)
{
    struct bytes b = {0};
    struct reading r;
    int status;

    (void)state;
    put_section(&b);
    for (int i = 0; i <= CAPTURE_MAX_INTERFACES; i++)
        put_interface(&b, LINK_RAW, 0, NULL, -1);
    begin(&r, &b, 0);
    assert_int_equal(read_all(&r, 1, &status), 0);
    assert_int_equal(status, -EBADMSG);
    assert_string_equal(capture_error(r.capture), "test.cap: block of type 0x00000001 at byte "
                                                  "1310748: more than 65536 interfaces in a "
                                                  "section");
    end(&r);
    free_bytes(&b);
}

static void open_errors(void **state)
{
    struct capture *c;

    (void)state;
    assert_int_equal(capture_open(&c, "/nonexistent/a.pcap", NULL), -ENOENT);
    assert_string_equal(capture_error(c),
                        "/nonexistent/a.pcap: cannot open: No such file or directory");
    capture_close(c);
    assert_int_equal(capture_open(&c, "/", NULL), -EISDIR);
    assert_string_equal(capture_error(c), "/: cannot read: Is a directory");
    capture_close(c);
    capture_close(NULL);
    assert_string_equal(capture_error(NULL), "out of memory");
}

/* Where a file may end: after HEADERS parts of its start, and after each packet. */
struct cuts {
    int headers;
    int count;
    size_t at[8];
};

/*
 * Cut at every length: all packets that are whole are delivered, and it is an error exactly when
 * the cut is not between records.
 */
static void cut_anywhere(struct bytes *b, const struct cuts *cuts)
{
    size_t len = b->len;

    for (size_t i = 0; i < len * COUNT(buffer_sizes); i++) {
        struct reading r;
        int status, expect = 0;
        bool clean = false;

        b->len = i % len;
        for (int k = 0; k < cuts->count; k++) {
            expect += k >= cuts->headers && cuts->at[k] <= b->len;
            clean |= cuts->at[k] == b->len;
        }
        begin(&r, b, buffer_sizes[i / len]);
        assert_int_equal(read_all(&r, BATCH, &status), expect);
        assert_int_equal(status, clean ? 0 : -ENODATA);
        assert_true(clean == (*capture_error(r.capture) == 0));
        end(&r);
    }
    b->len = len;
}

static void cut_pcap(void **state)
{
    struct bytes b = {0};
    struct cuts cuts = {.headers = 1, .count = 6};

    (void)state;
    put_pcap(&b, MAGIC_US, LINK_RAW);
    cuts.at[0] = b.len;
    for (int i = 1; i < cuts.count; i++) {
        put_record(&b, 1, 0, 20 * (uint32_t)i - 20, 200);
        put(&b, (uint8_t[100]){0x45}, 20 * (size_t)i - 20);
        cuts.at[i] = b.len;
    }
    cut_anywhere(&b, &cuts);
    free_bytes(&b);
}

static void cut_pcapng(void **state)
{
    struct bytes b = {.swap = true};
    struct cuts cuts = {.headers = 2, .count = 7};

    (void)state;
    put_section(&b);
    cuts.at[0] = b.len;
    put_interface(&b, LINK_RAW, 0, NULL, -1);
    cuts.at[1] = b.len;
    for (int i = 2; i < cuts.count; i++) {
        put_packet(&b, 0, 0, (uint8_t[100]){0x45}, 17 * (uint32_t)i - 34);
        cuts.at[i] = b.len;
    }
    cut_anywhere(&b, &cuts);
    free_bytes(&b);
}

/* Damage at every byte: reading ends, and whatever is delivered is memory of the reader. */
static void damage_anywhere(void **state)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0xff};

    (void)state;
    for (int format = 0; format < 2; format++) {
        struct bytes b = {0};

        if (format)
            put_two_sections(&b);
        else
            put_pcap_packets(&b, 10);
        for (size_t i = 0; i < b.len * COUNT(values); i++) {
            uint8_t *at = b.at + i / COUNT(values), was = *at;
            struct capture_packet p[BATCH];
            struct reading r;
            int n, packets = 0;

            *at = values[i % COUNT(values)];
            begin(&r, &b, 100);
            n = r.status;
            while (n >= 0 && (n = capture_batch(r.capture, p, BATCH)) > 0) {
                packets += n;
                assert_true(packets < 1000);
                for (int k = 0; k < n; k++) {
                    assert_true(p[k].cap_len <= p[k].wire_len);
                    memset(p[k].frame, 0x5a, p[k].cap_len);
                }
            }
            assert_true(n == 0 || *capture_error(r.capture));
            end(&r);
            *at = was;
        }
        free_bytes(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_texts), cmocka_unit_test(too_many_interfaces),
        cmocka_unit_test(open_errors), cmocka_unit_test(cut_pcap),
        cmocka_unit_test(cut_pcapng),  cmocka_unit_test(damage_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
