/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capture reader as a stream: files far larger than the buffer, pipes, and what batches promise.
 */
#include "capture_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { RECORDS = 200000 };

/* Packet I of the large file: its length, and bytes that tell it from others. */
static uint32_t fill_packet(uint32_t i, uint8_t data[256])
{
    uint32_t len = 5 + i * 7919 % 250;

    memset(data, (int)(i & 0xff), len);
    data[0] = 0x45;
    memcpy(data + 1, &i, sizeof(i));
    return len;
}

static void write_large(FILE *file, bool pcapng)
{
    struct bytes b = {0};
    uint8_t data[256];

    if (pcapng)
        put_section(&b);
    else
        put_pcap(&b, MAGIC_NS, LINK_RAW);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t len = fill_packet(i, data);

        if (pcapng) {
            if (i % 1000 == 0) { /* a new section, so that names come and go */
                char name[16];

                snprintf(name, sizeof(name), "if%u", i / 1000);
                put_section(&b);
                put_interface(&b, LINK_RAW, 0, name, 9);
            }
            put_packet(&b, 0, i, data, len);
        } else {
            put_record(&b, 0, i, len, len);
            put(&b, data, len);
        }
        if (b.len > 100000 || i + 1 == RECORDS) {
            assert_int_equal(fwrite(b.at, 1, b.len, file), b.len);
            b.len = 0;
        }
    }
    assert_int_equal(fflush(file), 0);
    free_bytes(&b);
}

static void check_large(const struct capture_packet *p, uint32_t i, bool pcapng)
{
    uint8_t data[256];
    uint32_t len = fill_packet(i, data);

    assert_int_equal(p->number, i + 1);
    assert_int_equal(p->time_ns, i);
    assert_int_equal(p->cap_len, len);
    assert_memory_equal(p->frame, data, len);
    if (pcapng) {
        char name[16];

        snprintf(name, sizeof(name), "if%u", i / 1000);
        assert_string_equal(p->interface_name, name);
        assert_int_equal(p->interface, i / 1000);
    }
}

/* Each batch is checked only when all of it has been returned. Gives the largest batch seen. */
static int read_large(struct capture *c, bool pcapng)
{
    struct capture_packet p[BATCH];
    uint64_t position = 0;
    uint32_t packets = 0;
    int n, largest = 0;

    while ((n = capture_batch(c, p, BATCH)) > 0) {
        for (int k = 0; k < n; k++)
            check_large(&p[k], packets + (uint32_t)k, pcapng);
        packets += (uint32_t)n;
        largest = n > largest ? n : largest;
        assert_true(capture_position(c) > position);
        position = capture_position(c);
    }
    assert_string_equal(capture_error(c), "");
    assert_int_equal(n, 0);
    assert_int_equal(packets, RECORDS);
    return largest;
}

static void large_file(void **state)
{
    static const size_t sizes[] = {64, 5000, 0};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
        struct capture_options options = {.buffer_size = sizes[i / 2]};
        FILE *file = tmpfile();
        struct capture *c;
        uint64_t size;

        assert_non_null(file);
        write_large(file, i % 2);
        size = (uint64_t)ftell(file);
        rewind(file);
        assert_int_equal(capture_open_fd(&c, fileno(file), "large", &options), 0);
        assert_int_equal(capture_size(c), size);
        assert_true(read_large(c, i % 2) > (sizes[i / 2] == 64 ? 0 : 10));
        assert_int_equal(capture_position(c), size);
        capture_close(c);
        fclose(file);
    }
}

/* The same through a pipe, whose reads end anywhere, here as standard input; the second time with
 * a descriptor that does not wait by itself. */
static void large_pipe(void **state)
{
    (void)state;
    for (int pcapng = 0; pcapng < 2; pcapng++) {
        struct capture *c;
        int ends[2], input = dup(STDIN_FILENO), status;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            FILE *file = fdopen(ends[1], "w");

            close(ends[0]);
            write_large(file, pcapng);
            _exit(0);
        }
        close(ends[1]);
        assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        if (pcapng)
            assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(capture_open(&c, "-", NULL), 0);
        assert_int_equal(capture_size(c), 0);
        assert_int_equal(read_large(c, pcapng), BATCH);
        capture_close(c);
        assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO); /* was still open */
        close(input);
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

/* A whole packet is delivered although the writer is silent after it; the pipe is non-blocking. */
static void packet_by_packet(void **state)
{
    struct bytes b = {0};
    struct capture_packet p[BATCH];
    struct capture *c;
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    put_pcapng(&b);
    assert_int_equal(write(ends[1], b.at, b.len), b.len);
    assert_int_equal(capture_open_fd(&c, ends[0], "pipe", NULL), 0);
    for (int i = 0; i < 5; i++) {
        b.len = 0;
        for (int k = 0; k <= i; k++)
            put_packet(&b, 0, 0, frame, sizeof(frame));
        assert_int_equal(write(ends[1], b.at, b.len), b.len);
        assert_int_equal(capture_batch(c, p, BATCH), i + 1);
    }
    close(ends[1]);
    assert_int_equal(capture_batch(c, p, BATCH), 0);
    capture_close(c);
    close(ends[0]);
    free_bytes(&b);
}

/* Frame bytes of a batch may be changed, and that changes nothing else. */
static void frames_are_writable(void **state)
{
    struct bytes b = {0};
    struct capture_packet p[BATCH];
    struct reading r;

    (void)state;
    put_pcap_packets(&b, BATCH);
    begin(&r, &b, 0);
    assert_int_equal(capture_batch(r.capture, p, BATCH / 2), BATCH / 2);
    for (int i = 0; i < BATCH / 2; i++)
        memset(p[i].frame, 0xff, p[i].cap_len);
    assert_int_equal(capture_batch(r.capture, p, BATCH), BATCH / 2);
    for (int i = 0; i < BATCH / 2; i++)
        assert_int_equal(p[i].frame[0], 0x45);
    end(&r);
    free_bytes(&b);
}

/* The largest packet, in a buffer that has to grow for it. */
static void largest_packet(void **state)
{
    struct bytes b = {0};
    struct capture_packet p;
    struct reading r;
    uint8_t *data = calloc(1, CAPTURE_MAX_PACKET);

    (void)state;
    data[0] = 0x45;
    data[CAPTURE_MAX_PACKET - 1] = 0x77;
    put_pcapng(&b);
    put_packet(&b, 0, 0, data, CAPTURE_MAX_PACKET);
    only(&r, &b, 1, &p);
    assert_int_equal(p.cap_len, CAPTURE_MAX_PACKET);
    end(&r);
    free_bytes(&b);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_file),       cmocka_unit_test(large_pipe),
        cmocka_unit_test(packet_by_packet), cmocka_unit_test(frames_are_writable),
        cmocka_unit_test(largest_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
